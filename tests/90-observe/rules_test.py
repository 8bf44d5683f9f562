#!/usr/bin/env python3
"""Each alert fires when it should and is silent when all is well, in a cluster as elsewhere, by labels that there are.

A cluster's rules are made of k8s/observability/alerts.yml and alerts-cluster.yml, for kustomize and for the chart: --write makes them anew.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

K8S = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "k8s")
PLACE = os.path.join(K8S, "observability")
KUSTOMIZE = os.path.join(K8S, "components", "monitoring", "prometheusrule.yaml")
CHART = os.path.join(K8S, "helm", "troupe", "templates", "rules.yaml")
MADE = "made by tests/90-observe/rules_test.py --write of k8s/observability/alerts.yml and alerts-cluster.yml"
OF_FLEET = 'namespace="troupe",fleet="office"'
METRIC = re.compile(r"\b(up|(?:troupe|process)_[a-z_]+)\b(?:{([^}]*)})?")
FOR_KUSTOMIZE = """# What each means and what to do: docs/operations.md. This is %s.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: office
  labels:
    app.kubernetes.io/name: troupe
    app.kubernetes.io/instance: office
spec:
  groups:
""" % MADE
FOR_CHART = """{{- $fleet := .Values.fleet }}
{{- $brokers := .Values.broker.replicas }}
{{- $numbers := .Values.monitoring }}
{{- $page := .Values.monitoring.runbooks }}
{{- if .Values.monitoring.prometheusRule }}
# What each means and what to do: docs/operations.md. This is %s.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  {{- include "troupe.metadata" (list . $fleet "" "") | nindent 2 }}
spec:
  groups:
""" % MADE


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


# ---- a cluster's rules ----

def of_fleet(found):
    """A metric, of this fleet only, as there may be one of its name in another namespace; `job` is a name that each Prometheus gives."""
    matchers = [one for one in (found[2] or "").split(",") if one and not one.startswith("job")]
    return found[1] + "{" + ",".join([OF_FLEET] + matchers) + "}"


def groups():
    """The lines of all groups, with expressions of one fleet, whose labels each alert has: what it adds up drops them, and two fleets' would be one to Alertmanager."""
    lines, inside = [], False
    for line in (read(PLACE, "alerts.yml") + read(PLACE, "alerts-cluster.yml")).splitlines():
        if not line.startswith("  "):
            continue
        inside = " expr: " in line or inside and not re.match(r" *[a-z]+: ", line)
        line = re.sub(r"(?<= labels: {severity: )\w+", rf"\g<0>, {OF_FLEET.replace('=', ': ').replace(',', ', ')}", line)
        lines.append("  " + (METRIC.sub(of_fleet, line) if inside else line))
    return "\n".join(lines) + "\n"


def for_kustomize():
    return FOR_KUSTOMIZE + groups()


def for_chart():
    """With the numbers of its values; what watches a daemon is there where that is."""
    text = groups().replace("{{", '{{ "{{" }}').replace("runbook_url: docs/operations.md", "runbook_url: {{ $page }}")
    text = re.sub(r'(?<=\bnamespace)(=|: )"troupe"(, ?fleet)(=|: )"office"', r"\1{{ .Release.Namespace | quote }}\2\3{{ $fleet | quote }}", text)
    for pattern, value in ((r"(?<=vector\(0\)\) < )3|(?<=of )3(?= brokers)", "{{ $brokers }}"),
                           (r"(?<=}\) < )2$|(?<=of )2(?= others)", "{{ sub $brokers 1 }}"),
                           (r"(?<=\[1h\]\)\) > )5000000$", "{{ int64 $numbers.tokensAnHour }}"), (r"(?<=\[1h\]\)\) > )10$", "{{ $numbers.moneyAnHour }}")):
        text, found = re.subn(pattern, value, text, flags=re.M)
        assert found == 1 + ("of )" in pattern), pattern
    for daemon in ("Coordinator", "Knowledge", "Gateway"):
        text, found = re.subn(rf"( +- alert: Troupe{daemon}Away\n(?: {{10}}.*\n)+)",
                              lambda rule, daemon=daemon: f"        {{{{- if and .Values.{daemon.lower()}.enabled .Values.monitoring.metrics }}}}\n{rule[1]}        {{{{- end }}}}\n", text)
        assert found == 1, daemon
    return FOR_CHART + text + "{{- end }}\n"


# ---- what makes each of them fire ----

def ramp(step, minutes=40):
    return f"0+{step}x{minutes}"


def level(value, minutes=40):
    return f"{value}x{minutes}"


def named(metric, **labels):
    """A series of a process of the fleet, as either way of finding it labels it."""
    all_labels = {"namespace": "troupe", "fleet": "office", "job": "troupe", "process": "p", **labels}
    return metric + "{" + ",".join(f'{key}="{value}"' for key, value in all_labels.items()) + "}"


def slow(seconds, metric="troupe_agent_work_seconds", bounds=("10", "30", "+Inf")):
    """Histogram of what takes so long, of the bounds around it that a process has (lib/agent/meter_test.c)."""
    return [(named(f"{metric}_bucket", le=le), ramp(60 if float(le) > seconds else 0)) for le in bounds]


def brokers(*answers):
    return [(named("up", component="broker", process=f"office-{i}"), level(one)) for i, one in enumerate(answers)]


def sync(seconds):
    return slow(seconds, "troupe_journal_sync_seconds", ("0.25", "0.5", "1", "+Inf"))


def daemons(*components):
    return [(named("up", component=component, process=f"{component}-0"), level(1)) for component in components]


def peers(*links):
    return [(named("troupe_broker_peers", component="broker", process=f"office-{i}"), level(one)) for i, one in enumerate(links)]


def tasks(**states):
    return [(named("troupe_tasks_open", state=state), level(count)) for state, count in states.items()]


def ended(**states):
    return [(named("troupe_tasks_changes_total", state=state), ramp(count)) for state, count in states.items()]


def answered(errors):
    return [(named("troupe_gateway_requests_total", status="2xx"), ramp(60)), (named("troupe_gateway_requests_total", status="5xx"), ramp(errors))]


def calls(failed):
    return [(named("troupe_model_calls_total", result="done"), ramp(60)), (named("troupe_model_calls_total", result="failed"), ramp(failed))]


def service(queued, providers):
    return [(named("troupe_broker_service_queued_records", service="read"), level(queued)),
            (named("troupe_broker_service_providers", service="read"), level(providers))]


# By its name: what there is when it fires, and a little less than that.
CASES = {
    "TroupeProcessAway": ([(named("up"), level(0))], [(named("up"), level(1))]),
    "TroupeNoBroker": ([(named("troupe_link_up"), level(0))], [(named("troupe_link_up"), level(1))]),
    "TroupeLinkBreaks": ([(named("troupe_link_reconnects_total"), ramp(1))], [(named("troupe_link_reconnects_total"), level(100))]),
    "TroupeBacklog": ([(named("troupe_broker_queued_records"), ramp(1000))], [(named("troupe_broker_queued_records"), level(20000))]),
    "TroupeLag": ([(named("troupe_broker_service_oldest_seconds", service="read"), level(120))],
                  [(named("troupe_broker_service_oldest_seconds", service="read"), level(45))]),
    "TroupeNoProvider": (service(1, 0), service(1, 1)),
    "TroupeRedelivered": ([(named("troupe_broker_redelivered_total"), ramp(2))], [(named("troupe_broker_redelivered_total"), ramp(0.5))]),
    "TroupeRefused": ([(named("troupe_broker_refused_total", reason="busy"), ramp(120))],
                      [(named("troupe_broker_refused_total", reason="expired"), ramp(120))]),
    "TroupeDeadLetters": ([(named("troupe_broker_dead_letters_total"), ramp(1))], [(named("troupe_broker_dead_letters_total"), level(7))]),
    "TroupeJournalFull": ([(named("troupe_journal_free_bytes"), level(1 << 29))], [(named("troupe_journal_free_bytes"), level(-1))]),
    "TroupeJournalFills": ([(named("troupe_journal_free_bytes"), "10000000000-100000000x40")],
                           [(named("troupe_journal_free_bytes"), "10000000000-10000000x40")]),
    "TroupeJournalSlow": (sync(0.6), sync(0.3)),
    "TroupeLettersFull": ([(named("troupe_broker_letters_full"), level(1))], [(named("troupe_broker_letters_full"), level(0))]),
    "TroupeAgentsFail": ([(named("troupe_agent_restarts_total"), ramp(1))], [(named("troupe_agent_restarts_total"), level(100))]),
    "TroupeSlowAgents": (slow(20), slow(5)),
    "TroupeModelFails": (calls(30), calls(6)),
    "TroupeModelTokens": ([(named("troupe_model_tokens_total", way="input"), ramp(200000))], [(named("troupe_model_tokens_total", way="input"), ramp(50000))]),
    "TroupeModelMoney": ([(named("troupe_model_cost_total"), ramp(1))], [(named("troupe_model_cost_total"), ramp(0.1))]),
    "TroupeTasksStuck": (tasks(pending=2, in_progress=0), tasks(pending=2, in_progress=1)),
    "TroupeTasksFail": (ended(failed=1, completed=2), ended(failed=1, completed=9)),
    "TroupeGatewayErrors": (answered(10), answered(2)),
    "TroupePeerDown": ([(named("troupe_broker_peer_dropped_total"), ramp(1))], [(named("troupe_broker_peer_dropped_total"), level(1))]),
    "TroupeFewDescriptors": ([(named("process_open_fds"), level(900)), (named("process_max_fds"), level(1000))],
                             [(named("process_open_fds"), level(700)), (named("process_max_fds"), level(1000))]),
    "TroupeExporterDrops": ([(named("troupe_exporter_dropped_total", destination="otlp"), ramp(1))],
                            [(named("troupe_exporter_dropped_total", destination="otlp"), level(3))]),
    "TroupeExporterRefused": ([(named("troupe_exporter_batches_total", destination="loki", result="refused"), ramp(1)),
                               (named("troupe_exporter_refused_items_total", destination="elasticsearch"), level(3))],
                              [(named("troupe_exporter_batches_total", destination="loki", result="failed"), ramp(1)),
                               (named("troupe_exporter_refused_items_total", destination="elasticsearch"), level(3))]),
}
DAEMONS = ("coordinator", "knowledge", "gateway")
WELL = brokers(1, 1, 1) + daemons(*DAEMONS)
OF_CLUSTER = {"TroupeBrokerAway": (brokers(1, 1) + daemons(*DAEMONS), WELL),  # the third one's pod is pending: nothing is scraped
              "TroupeBrokersApart": (WELL + peers(2, 1, 2), WELL + peers(2, 2, 2)),
              **{f"Troupe{one.capitalize()}Away": (brokers(1, 1, 1) + daemons(*(set(DAEMONS) - {one})), WELL) for one in DAEMONS}}


def fired(series, names, *fleets):
    """A case of promtool: with these series these alerts fire, and no other; one of each of the fleets, whose labels they have."""
    samples = [{"labels": "{" + ",".join(filter(None, (f'alertname="{name}"', one))) + "}", "value": 1} for name in names for one in fleets or ("",)]
    return {"interval": "1m", "input_series": [{"series": name, "values": values} for name, values in series],
            "promql_expr_test": [{"expr": 'count by (alertname%s) (ALERTS{alertstate="firing"})' % (", namespace, fleet" if fleets else ""),
                                  "eval_time": "39m", "exp_samples": samples}]}


class Rules(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(tempfile.TemporaryDirectory())

    def promtool(self, *words):
        tool = shutil.which("promtool") or self.skipTest("promtool is not installed (Debian: prometheus)")
        done = subprocess.run([tool, *words], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def write(self, name, content):
        path = os.path.join(self.place, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def of_cluster(self):
        """As the operator gives them to its Prometheus."""
        import yaml
        with open(KUSTOMIZE, encoding="utf-8") as file:
            return self.write("cluster.yml", {"groups": yaml.safe_load(file)["spec"]["groups"]})

    def assert_fires(self, path, cases, *of):
        self.assertEqual(set(re.findall(r'alert"?: "?(\w+)', read(path))), set(cases), "an alert without a case here, or a case without its alert")
        tests = [fired(series, names, *of) for name, pair in cases.items() for series, names in zip(pair, ([name], []))]
        self.promtool("test", "rules", self.write("cases.yml", {"rule_files": [path], "evaluation_interval": "1m", "tests": tests}))

    def test_each_fires_and_only_then(self):
        self.assert_fires(os.path.join(PLACE, "alerts.yml"), CASES)

    def test_each_fires_in_a_cluster(self):
        path = self.of_cluster()
        self.promtool("check", "rules", path)
        others = {name: tuple(WELL + series for series in pair) for name, pair in CASES.items()}
        self.assert_fires(path, {**others, **OF_CLUSTER}, OF_FLEET)

    def test_the_alerts_of_two_fleets_are_two(self):
        """By their labels, as Alertmanager has them: when one of the two is well again, the other's goes on."""
        mine = self.of_cluster()
        other = self.write("other.yml", read(mine).replace("office", "shop").replace('"namespace": "troupe"', '"namespace": "staging"').replace('namespace=\\"troupe', 'namespace=\\"staging'))
        of_other = OF_FLEET.replace("office", "shop").replace("troupe", "staging")
        away = [name for name in OF_CLUSTER if name.endswith("Away")]
        tests = [fired([], away, OF_FLEET, of_other), fired(WELL, away, of_other)]
        self.promtool("test", "rules", self.write("cases.yml", {"rule_files": [mine, other], "evaluation_interval": "1m", "tests": tests}))

    def test_the_overview_counts_those_of_the_fleet(self):
        """That was chosen; those of a single machine, which have no such label, are there whatever was chosen."""
        overview = json.loads(read(PLACE, "grafana", "dashboards", "overview.json"))
        asked = [target["expr"] for panel in overview["panels"] for target in panel["targets"] if "count(ALERTS" in target["expr"]]
        alone = named("up").replace(OF_FLEET + ",", "")
        cases = [(path, series, namespace, count) for path, series, count, others in (
            (os.path.join(PLACE, "alerts.yml"), [(alone, level(0))], 1, 1), (self.of_cluster(), daemons(*DAEMONS), 1, 0), (self.of_cluster(), WELL, 0, 0))
            for namespace, count in ((".*", count), ("(troupe|other)", count), ("other", others))]
        for path, series, namespace, count in cases:
            expression = asked[0].replace("$namespace", namespace).replace("$fleet", "(office|shop)")
            test = {"interval": "1m", "input_series": [{"series": name, "values": values} for name, values in series],
                    "promql_expr_test": [{"expr": expression, "eval_time": "39m", "exp_samples": [{"labels": "{}", "value": count}]}]}
            self.promtool("test", "rules", self.write("cases.yml", {"rule_files": [path], "evaluation_interval": "1m", "tests": [test]}))

    def test_what_is_of_another_fleet_wakes_nobody(self):
        foreign = [(name.replace(mine, other), values) for mine, other in (('fleet="office"', 'fleet="shop"'), ('namespace="troupe"', 'namespace="staging"'))
                   for series, _ in CASES.values() for name, values in series]
        path = self.of_cluster()
        tests = [fired(WELL + foreign, [])]
        self.promtool("test", "rules", self.write("cases.yml", {"rule_files": [path], "evaluation_interval": "1m", "tests": tests}))

    def test_each_says_what_it_is_and_what_to_do(self):
        """Its severity, how long it has to be so, two sentences whose labels it has, and its place on the page, which says more."""
        import yaml
        page = read(K8S, "..", "docs", "operations.md")
        rules = [rule for name in ("alerts.yml", "alerts-cluster.yml") for group in yaml.safe_load(read(PLACE, name))["groups"] for rule in group["rules"]]
        for rule in rules:
            name, annotations = rule["alert"], rule["annotations"]
            self.assertEqual((set(rule), set(annotations)), ({"alert", "expr", "for", "labels", "annotations"}, {"summary", "description", "runbook_url"}), name)
            self.assertIn(rule["labels"]["severity"], ("critical", "warning"), name)
            self.assertRegex(rule["for"], r"^\d+[sm]$", name)
            self.assertRegex(annotations["description"], r"`[^`]+`", name)  # a verb, an option: something to do
            by = [set(labels.split(", ")) for labels in re.findall(r"by \(([a-z, ]+)\)", rule["expr"])]
            if by or re.match(r"(sum|min|absent|\()\(?", rule["expr"]):
                self.assertLessEqual(set(re.findall(r"\$labels\.([a-z]+)", str(annotations))), set.intersection(*by) if by else set(), name)
            self.assertEqual(annotations["runbook_url"], f"docs/operations.md#{name.lower()}")
            found = re.search(rf"(?m)^#### {name}\n\n((?:.+\n)+)", page)
            self.assertTrue(found, f"{name} has no heading in docs/operations.md")
            self.assertEqual(re.findall(r"(?m)^\* \*\*(\w+)\*\*: \S", found[1]), ["Means", "See", "Do"], name)
        self.assertEqual(set(re.findall(r"(?m)^#### (Troupe\w+)$", page)), {rule["alert"] for rule in rules}, "the page has others")

    def test_those_of_a_cluster_are_the_same(self):
        self.assertEqual(read(KUSTOMIZE), for_kustomize(), "make it anew: tests/90-observe/rules_test.py --write")
        self.assertEqual(read(CHART), for_chart(), "make it anew: tests/90-observe/rules_test.py --write")

    def test_labels_are_those_that_there_are(self):
        """A metric has labels of its own, and those of the place where it was found: process and job of a file, what a monitor gives in a cluster."""
        own = {"le"}
        for path in glob.glob(os.path.join(K8S, "..", "*", "**", "*.c"), recursive=True):
            if not path.endswith("_test.c") and "tr_metric" in read(path):
                own |= set(re.findall(r'"([a-z]+)"', " ".join(re.findall(r'{"[a-z]+"(?:, "[a-z]+")?}', read(path)))))
        own |= set(re.findall(r'{([a-z]+)=\\"%s', read(K8S, "..", "broker", "shell", "exposition.c")))
        expressions = "".join(read(path) for path in glob.glob(os.path.join(PLACE, "grafana", "dashboards", "*.json")))
        for rules in ("alerts.yml", "alerts-cluster.yml"):
            expressions += read(PLACE, rules)
        used = set(re.findall(r"\$labels\.([a-z]+)", expressions)) | set(re.findall(r"{{([a-z]+)}}", expressions))
        used |= set(re.findall(r"([a-z]+)(?:=~|=|!=)\\?\"", expressions)) | set(re.findall(r"label_values\([a-z_]+, ([a-z]+)\)", expressions))
        for names in re.findall(r"by \(([a-z, ]+)\)", expressions):
            used |= set(names.split(", "))
        self.assertIn("process", used - own)
        used -= {"alertname", "alertstate"}  # of ALERTS, which is Prometheus' own
        for path, monitors in ((("components", "monitoring", "servicemonitor.yaml"), 1), (("components", "monitoring", "podmonitor.yaml"), 1),
                               (("helm", "troupe", "templates", "monitoring.yaml"), 2)):
            for monitor in read(K8S, *path).split("relabelings:")[1:]:
                self.assertEqual(used - own - {"job"} - set(re.findall(r"targetLabel: ([a-z]+)", monitor)), set(), path)
                monitors -= 1
            self.assertEqual(monitors, 0, path)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        for where, text in ((KUSTOMIZE, for_kustomize()), (CHART, for_chart())):
            with open(where, "w", encoding="utf-8") as file:
                file.write(text)
    else:
        unittest.main(verbosity=2)
