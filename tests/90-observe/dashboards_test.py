#!/usr/bin/env python3
"""The dashboards of k8s/observability: their JSON by the published types of Grafana and by sense, and each expression asked of a Prometheus that has
scraped a fleet with everything in it. Grafana itself is not to be had here."""
import copy
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / name) for name in ("40-fleet", "60-model", "")]
import fleet
import harness
import model
import panels
import prometheus

BOARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((prometheus.PLACE / "grafana" / "dashboards").glob("*.json"))}
# Of a fleet that is well: nothing fires, nothing was dropped.
MAY_BE_EMPTY = {"{{alertname}}", "dropped {{reason}}"}
FLEET = """broker: {journal: true, listen: "tcp://127.0.0.1:0", stream: "tcp://127.0.0.1:0", http: "127.0.0.1:0"}
coordinator: {}
knowledge: {}
gateway: {options: {listen: "127.0.0.1:0", tokens: ./tokens}}
exporter: {options: {otlp: "http://127.0.0.1:9"}}
metrics: true
agents:
"""
PROCESSES = 8


def npm_place():
    data = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share")
    return pathlib.Path(os.environ.get("TROUPE_KUBERNETES_MODELS") or data / "troupe" / "kubernetes") / "node_modules"


def targets():
    for name, board in BOARDS.items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']} {target['refId']}", target


def chosen(expression):
    """As Grafana asks it: all namespaces, all fleets, all processes, the last minute."""
    for variable, value in (("$namespace", ".*"), ("$fleet", ".*"), ("$process", ".*"), ("$__rate_interval", "1m")):
        expression = expression.replace(variable, value)
    return expression


class Shape(unittest.TestCase):
    def test_they_are_well_made(self):
        self.assertGreaterEqual(set(BOARDS), {"overview", "broker", "agents", "work", "processes"})
        self.assertEqual({name: panels.faults(board) for name, board in BOARDS.items()}, {name: [] for name in BOARDS})
        self.assertEqual(len({board["uid"] for board in BOARDS.values()}), len(BOARDS))
        self.assertEqual(len({board["title"] for board in BOARDS.values()}), len(BOARDS))

    def test_the_page_names_panels_that_there_are(self):
        """*In italics* of the section Dashboards and of the alerts: the title of a panel, a dashboard or a column."""
        page = (harness.ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
        titles = {panel["title"] for board in BOARDS.values() for panel in board["panels"]} | {board["title"] for board in BOARDS.values()}
        sections = re.findall(r"(?ms)^## (?:Dashboards|Alerts)\n(.*?)(?=^## )", page)
        self.assertEqual(len(sections), 2)
        named = set(re.findall(r"(?<!\*)\*([A-Z][^*\n]+)\*(?!\*)", "".join(sections)))
        self.assertGreater(len(named), 10)
        self.assertEqual(named - titles, set())

    def test_what_is_wrong_is_seen(self):
        """Each of these is one fault, planted in a dashboard that has none."""
        def planted(change):
            board = copy.deepcopy(BOARDS["broker"])
            change(board, board["panels"][0], board["panels"][0]["targets"][0])
            return panels.faults(board)
        expr = lambda text: lambda board, panel, target: target.update(expr=text)  # noqa: E731
        chosen_ones = '{namespace=~"$namespace",fleet=~"$fleet",process=~"$process"}'
        for said, change in (
                ("over", lambda board, panel, target: panel["gridPos"].update(w=13)),
                ("width", lambda board, panel, target: panel["gridPos"].update(w=25)),
                ("one id", lambda board, panel, target: panel.update(id=2)),
                ("refreshed", lambda board, panel, target: board.update(refresh="")),
                ("source of data", lambda board, panel, target: board["templating"]["list"].pop(0)),
                ("another source", lambda board, panel, target: panel.update(datasource="Prometheus")),
                ("unit", lambda board, panel, target: panel["fieldConfig"]["defaults"].update(unit="furlong")),
                ("description", lambda board, panel, target: panel.update(description="")),
                ("without a name", lambda board, panel, target: target.update(legendFormat="")),
                ("not in the series", lambda board, panel, target: target.update(legendFormat="{{service}}")),
                ("in Bps", lambda board, panel, target: panel["fieldConfig"]["defaults"].update(unit="Bps")),
                ("not its rate", expr("troupe_broker_records_received_total" + chosen_ones)),
                ("rate of a gauge", expr(f"rate(troupe_broker_agents{chosen_ones}[$__rate_interval])")),
                ("not what the graph shows", expr(f"sum by (process) (rate(troupe_broker_records_received_total{chosen_ones}[5m]))")),
                ("that were chosen", expr("sum by (process) (rate(troupe_broker_records_received_total[$__rate_interval]))")),
                ("alerts that are not", expr('count(ALERTS{alertname=~"Troupe.*"})')),
                ("by le", expr(f"histogram_quantile(0.5, sum by (process) (rate(troupe_journal_sync_seconds_bucket{chosen_ones}[$__rate_interval])))")),
                ("one machine", expr('sum by (process) (rate(troupe_broker_records_received_total{instance="a"}[$__rate_interval]))'))):
            self.assertTrue([fault for fault in planted(change) if said in fault], f"{said}: {planted(change)}")

    def test_they_are_of_grafanas_types(self):
        """As literals of the published types: what has another type, or is not known, the compiler refuses."""
        place = npm_place()
        if not (place / "@grafana/schema").is_dir() or not (place / "typescript").is_dir() or not shutil.which("node"):
            self.skipTest("no types of Grafana: tools/setup --kubernetes")
        work = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (work / "node_modules").symlink_to(place)

        def compiled(boards):
            (work / "boards.ts").write_text(literal(boards), encoding="utf-8")
            options = {"noEmit": True, "strict": True, "skipLibCheck": True, "types": [], "module": "esnext", "moduleResolution": "node", "preserveSymlinks": True}
            (work / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": ["boards.ts"]}), encoding="utf-8")
            return subprocess.run(["node", place / "typescript/bin/tsc"], capture_output=True, text=True, check=False, cwd=work)
        done = compiled(BOARDS)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        wrong = copy.deepcopy(BOARDS)
        wrong["work"]["panels"][0]["gridPos"]["w"] = "twelve"
        wrong["work"]["panels"][1]["options"]["legend"]["displayMode"] = "tabel"
        wrong["work"]["panels"][2]["fieldConfig"]["defaults"]["custom"]["filOpacity"] = 5
        wrong["work"]["refesh"] = "5s"
        self.assertEqual(len(re.findall(r"error TS", compiled(wrong).stdout)), 4)


def literal(boards):
    """The program whose types are to fit. Words of an enumeration are taken as such: JSON has no others."""
    head = ["import type {Dashboard, FieldConfig, Panel} from '@grafana/schema/dist/esm/raw/dashboard/x/dashboard_types.gen';"]
    lines = []
    for name, board in boards.items():
        lines.append(f"export const {name}: Plain<Omit<Dashboard, 'panels'>> = {json.dumps({key: value for key, value in board.items() if key != 'panels'})};")
        for panel in board["panels"]:
            lines.append(f"export const {name}{panel['id']}: Plain<Typed<'{panel['type']}'>> = {json.dumps(panel)};")
    for kind, name in (("timeseries", "TimeSeries"), ("stat", "Stat")):
        head.append(f"import type * as {kind} from '@grafana/schema/dist/esm/raw/composable/{kind}/panelcfg/x/{name}PanelCfg_types.gen';")
    return "\n".join(head + [TYPES] + lines) + "\n"


TYPES = """
type Plain<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined ? T : T extends Array<infer U> ? Array<Plain<U>> : {[K in keyof T]: Plain<T[K]>};
type Options = {timeseries: timeseries.Options, stat: stat.Options};
type Custom = {timeseries: timeseries.FieldConfig, stat: {}};
type Target = {refId: string, expr: string, legendFormat: string, instant: boolean, range: boolean};
type Typed<K extends keyof Options> = Omit<Panel, 'options' | 'fieldConfig' | 'targets'> & {options: Options[K], targets: Target[],
    fieldConfig: {defaults: Omit<FieldConfig, 'custom'> & {custom?: Custom[K]}, overrides: []}};
"""


@unittest.skipUnless(prometheus.PROGRAM, "prometheus is not installed (tools/setup --check installs it)")
class Live(fleet.FleetTest):
    def begin(self):
        server = model.Server()
        self.addCleanup(server.stop)
        tool = {"id": "c1", "type": "function", "function": {"name": "calculate", "arguments": json.dumps({"expression": "6*7"})}}
        server.does(model.chat(None, "tool_calls", [tool]), model.chat("It is 42."))
        agents = [{"name": "echo", "behaviour": "echo", "services": ["say"], "durable": True},
                  {"name": "x", "behaviour": "executor", "services": ["sums"], "mind": {"base-url": server.url, "model": "m", **model.QUICK}},
                  {"name": "ann", "behaviour": "voter", "args": {"profile": "likes tea"}}]
        self.token = self.run_program("gateway", "--tokens", self.directory + "/tokens", "--new-token", "ops:operator").out.strip()
        child = self.spawn("troupe", "up", self.fleet_file(text=FLEET + "".join(f"  - {json.dumps(one)}\n" for one in agents)), env={"no_proxy": "*"})
        child.wait_err("troupe up: ready in")
        self.prometheus = prometheus.Prometheus(self, self.directory + "/.troupe/trio/metrics")
        harness.wait_until(lambda: self.prometheus.value("count(up == 1)") == PROCESSES, "Prometheus to see all processes")

    def work(self):
        """A little of everything that is counted."""
        url = harness.wait_until(lambda: re.search(r"G001 ready url=(\S+)", self.troupe("logs", "gateway").out), "the gateway")[1]
        self.ok("ask", "echo", "hello", "--trace")
        self.assertNotEqual(self.troupe("ask", "nobody", "hello").code, 0)
        self.ok("send", "echo", "inform", "kept", "--durable")
        self.ok("kb", "add", self.write("note.txt", "The lighthouse stands on a rock.\n"))
        self.ok("kb", "search", "lighthouse")
        request = urllib.request.Request(url + "/api/v1/messages", json.dumps({"receiver": "echo", "content": "hello"}).encode(),
                                         {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"})
        urllib.request.urlopen(request, timeout=20).read()
        task = self.ok("task", "submit", "--skill", "sums", '{"text": "six times seven?"}', "-o", "json").json()[0]["task"]
        harness.wait_until(lambda: self.ok("task", "show", task, "-o", "json").json()["state"] == "completed", "the task to be done")

    def without_data(self):
        """Which targets have none, or none that is a number."""
        missing = []
        for where, target in targets():
            found = self.prometheus.series(chosen(target["expr"]))
            labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            if any(not labels <= set(series) for series, _ in found):
                missing.append(f"{where}: {found[0]} has not {labels}")
            elif target["legendFormat"] not in MAY_BE_EMPTY and not [value for _, value in found if math.isfinite(value)]:
                missing.append(f"{where}: {found}")
        return missing

    def test_each_panel_shows_something(self):
        self.begin()
        self.work()
        missing = []

        def all_there():
            missing[:] = self.without_data()
            return not missing
        try:
            harness.wait_until(all_there, "each panel to have data")
        except AssertionError as error:
            raise AssertionError("\n".join(missing)) from error
        names = {name for board in BOARDS.values() for variable in board["templating"]["list"] if variable["type"] == "query"
                 for name in re.findall(r"label_values\((\w+)", variable["query"])}
        for name in names:
            self.assertEqual(len({series["process"] for series, _ in self.prometheus.series(name)}), PROCESSES, name)
        rules = [rule for group in self.prometheus.ask("rules")["groups"] for rule in group["rules"]]
        self.assertGreater(len(rules), 20)
        self.assertEqual([(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] == "err"], [])
        firing = [alert["labels"]["alertname"] for alert in self.prometheus.ask("alerts")["alerts"] if alert["state"] == "firing"]
        self.assertEqual(firing, [])
        with self.assertRaisesRegex(AssertionError, "parse error"):  # what Prometheus refuses is told
            self.prometheus.series("rate(troupe_broker_agents)[")


if __name__ == "__main__":
    harness.main()
