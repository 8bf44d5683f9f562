"""What k8s/observability holds is right: Prometheus takes the rules, and every metric that is drawn or watched is one that a program has."""
import glob
import json
import os
import re
import shutil
import subprocess
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PLACE = os.path.join(ROOT, "k8s", "observability")


def read(*path):
    with open(os.path.join(*path)) as file:
        return file.read()


class Assets(unittest.TestCase):
    def known(self):
        """The metrics that the sources name."""
        found = set()
        for room in ("agentd", "broker", "coordinator", "exporter", "gateway", "kbd", "lib"):
            for path in glob.glob(os.path.join(ROOT, room, "**", "*.c"), recursive=True):
                if not path.endswith("_test.c"):
                    found |= set(re.findall(r'"((?:troupe|process)_[a-z_]+)"', read(path)))
        return found

    def used(self, text):
        names = re.findall(r"\b((?:troupe|process)_[a-z_]+)\b", text)
        return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}

    def assert_known(self, text, where):
        used = self.used(text)
        self.assertTrue(used, where)
        self.assertEqual(used - self.known(), set(), where)

    def test_alerts_are_of_metrics_that_there_are(self):
        self.assert_known("\n".join(re.findall(r"expr:.*(?:\n {10,}.*)*", read(PLACE, "alerts.yml"))), "alerts.yml")

    def test_rules_of_a_cluster_are_of_metrics_that_there_are(self):
        """As its alerts, so what makes it grow: the metric of each scaler is a broker's, and the adapter has it."""
        rules = ("components", "monitoring", "prometheusrule.yaml"), ("helm", "troupe", "templates", "monitoring.yaml")
        for path in rules:
            self.assert_known("\n".join(re.findall(r"expr: .*", read(ROOT, "k8s", *path))), path)
        adapter = read(PLACE, "prometheus-adapter.yaml")
        self.assert_known(adapter, "prometheus-adapter.yaml")
        for path in (("base", "objects.yaml"), ("helm", "troupe", "templates", "agents.yaml")):
            names = self.used(read(ROOT, "k8s", *path))
            self.assertEqual(names, {"troupe_broker_service_unfinished_records"}, path)
            self.assertIn("seriesQuery: " + names.pop(), adapter)

    def test_dashboards_are_of_metrics_that_there_are(self):
        paths = glob.glob(os.path.join(PLACE, "grafana", "dashboards", "*.json"))
        self.assertEqual(len(paths), 3)
        for path in paths:
            dashboard = json.loads(read(path))
            expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
            self.assertEqual(len({panel["id"] for panel in dashboard["panels"]}), len(dashboard["panels"]))
            self.assert_known("\n".join(expressions), path)

    def test_each_alert_has_its_line_in_the_runbook(self):
        page = read(ROOT, "docs", "operations.md")
        alerts = re.findall(r"- alert: (\w+)", read(PLACE, "alerts.yml"))
        self.assertGreater(len(alerts), 8)
        for rules in (("components", "monitoring", "prometheusrule.yaml"), ("helm", "troupe", "templates", "monitoring.yaml")):
            more = re.findall(r"- alert: (\w+)", read(ROOT, "k8s", *rules))
            self.assertGreater(len(more), 3, rules)
            alerts += more
        self.assertEqual([alert for alert in alerts if f"| {alert} |" not in page], [])

    def test_prometheus_takes_them(self):
        promtool = shutil.which("promtool") or self.skipTest("promtool is not installed (Debian: prometheus)")
        for what, name in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
            done = subprocess.run([promtool, "check", what, os.path.join(PLACE, name)], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_what_is_json_is_json(self):
        template = json.loads(read(PLACE, "elasticsearch", "index-template.json"))
        properties = template["template"]["mappings"]["properties"]
        for name in set(re.findall(r'put_text\(doc, "([a-z.]+)"', read(ROOT, "exporter", "elastic.c"))):
            self.assertIn(name, properties)
        for line in read(PLACE, "kibana", "data-view.ndjson").splitlines():
            json.loads(line)


if __name__ == "__main__":
    unittest.main(verbosity=2)
