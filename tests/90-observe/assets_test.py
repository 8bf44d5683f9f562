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
        names = re.findall(r"\b((?:troupe|process)_[a-z_]*[a-z])\b(?!_)", text)  # `troupe_state_{{...}}` is a table
        return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}

    def assert_known(self, text, where):
        used = self.used(text)
        self.assertTrue(used, where)
        self.assertEqual(used - self.known(), set(), where)

    def test_alerts_are_of_metrics_that_there_are(self):
        self.assert_known("\n".join(re.findall(r"expr:.*(?:\n {10,}.*)*", read(PLACE, "alerts.yml"))), "alerts.yml")

    def test_rules_of_a_cluster_are_of_metrics_that_there_are(self):
        """As its alerts, so what makes it grow: the metric of each scaler is a broker's, and the adapter has it."""
        rules = ("components", "monitoring", "prometheusrule.yaml"), ("helm", "troupe", "templates", "rules.yaml")
        for path in rules:
            self.assert_known("\n".join(re.findall(r"expr: .*", read(ROOT, "k8s", *path))), path)
        adapter = read(PLACE, "prometheus-adapter.yaml")
        self.assert_known(adapter, "prometheus-adapter.yaml")
        for path in (("base", "objects.yaml"), ("helm", "troupe", "templates", "agents.yaml"), ("components", "keda", "scaledobject.yaml")):
            names = self.used(read(ROOT, "k8s", *path))
            self.assertEqual(names, {"troupe_broker_service_unfinished_records"}, path)
            self.assertIn("seriesQuery: " + names.pop(), adapter)

    def test_dashboards_are_of_metrics_that_there_are(self):
        paths = glob.glob(os.path.join(PLACE, "grafana", "dashboards", "*.json"))
        self.assertGreater(len(paths), 4)
        for path in paths:
            dashboard = json.loads(read(path))
            expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
            self.assert_known("\n".join(expressions), path)

    def test_prometheus_takes_them(self):
        promtool = shutil.which("promtool") or self.skipTest("promtool is not installed (Debian: prometheus)")
        for what, name in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
            done = subprocess.run([promtool, "check", what, os.path.join(PLACE, name)], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_stack_is_whole_and_on_loopback(self):
        """What is mounted is there, what is named has a version, and no port of it is open to others: nothing of it has a password."""
        try:
            import yaml
        except ImportError:
            self.skipTest("python3-yaml is missing (tools/setup --check installs it)")
        stack = yaml.safe_load(read(PLACE, "compose.yaml"))
        services = stack["services"]
        self.assertEqual(set(services), {"prometheus", "grafana", "jaeger", "elasticsearch", "setup", "kibana", "logstash", "postgres", "redis", "nginx"})
        inside = {"grafana": "GF_SERVER_HTTP_ADDR", "elasticsearch": "network.host", "kibana": "SERVER_HOST", "logstash": "API_HTTP_HOST"}
        for name, one in services.items():
            self.assertRegex(one["image"], r":v?\d+\.\d+")
            self.assertRegex(one["mem_limit"], r"^\d+[mg]$", name)
            self.assertEqual("healthcheck" in one, name != "setup", name)  # which ends
            self.assertIn("restart", one, name)
            self.assertNotIn("ports", one, name)  # which would be open to others: they listen by themselves
            for volume in one.get("volumes", []):
                source = volume.split(":")[0]
                self.assertTrue(source.startswith("${") or source in stack["volumes"] or os.path.exists(os.path.join(PLACE, source)), f"{name}: {source}")
            for other, way in one.get("depends_on", {}).items():
                self.assertEqual(way["condition"], "service_completed_successfully" if other == "setup" else "service_healthy", name)
            for key, value in one.get("environment", {}).items():
                self.assertFalse("PASSWORD" in key and not key.endswith("_FILE"), f"{name}: {key}={value}")
            if name in inside:
                self.assertEqual(one["environment"][inside[name]], "127.0.0.1", name)
        self.assertEqual([port for port in services["jaeger"]["environment"].values() if not port.startswith("127.0.0.1:")], [])
        for key, value in {"GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true", "GF_AUTH_BASIC_ENABLED": "false", "GF_AUTH_DISABLE_LOGIN_FORM": "true"}.items():
            self.assertEqual(services["grafana"]["environment"][key], value)  # admin, admin
        for name in ("prometheus", "postgres", "redis"):
            self.assertIn("127.0.0.1", " ".join(services[name]["command"]), name)
        self.assertIn('host => "127.0.0.1"', read(PLACE, "logstash", "troupe.conf"))
        self.assertEqual(re.findall(r"(?m)^\s*listen (?!127)\S+", read(ROOT, "examples", "nginx", "troupe.conf")), [])

    def test_what_logstash_makes_is_what_the_exporter_makes(self):
        """Both ways end in one index: a field has one name there."""
        renamed = set(re.findall(r'=> "\[?([a-z.]+)\]?"', re.search(r"rename => {(.*)}", read(PLACE, "logstash", "troupe.conf"))[1]))
        properties = json.loads(read(PLACE, "elasticsearch", "index-template.json"))["template"]["mappings"]["properties"]
        self.assertGreater(len(renamed), 5)
        self.assertEqual(renamed - set(properties), set())
        kept = set(re.search(r"kept = %w\[(.*)\]", read(PLACE, "logstash", "troupe.conf"))[1].split()) - {"@timestamp", "@version", "tags"}
        self.assertEqual(kept, renamed | {"message"})
        told = set(re.findall(r'put_text\(doc, "([a-z.]+)"', read(ROOT, "exporter", "elastic.c")))
        self.assertEqual(told - kept, {"host.name", "log.file.path"})  # which only who reads a file knows

    def test_logstash_takes_no_word_of_a_line_for_its_own(self):
        """Its input puts the sender where no event has a word, and its codec no copy of the line into `event`; what is taken away was put elsewhere."""
        text = read(PLACE, "logstash", "troupe.conf")
        self.assertIn("ecs_compatibility => v8 codec => json_lines { ecs_compatibility => disabled }", text)
        self.assertEqual(re.findall(r"remove_field => (.*?\])", text), ['["time"]'])
        self.assertIn('date { match => ["time", "ISO8601"]', text)
        self.assertEqual([text.count(one) for one in "{[("], [text.count(one) for one in "}])"])
        index = re.search(r'index => "([^"]+)" action => "create"', text)[1]
        self.assertTrue(index.startswith(json.loads(read(PLACE, "elasticsearch", "index-template.json"))["index_patterns"][0].rstrip("*")))

    def test_what_grafana_is_provisioned_with(self):
        """The dashboards are where its file says, and what is shown first is one of them; the sources of data are where the stack has them."""
        try:
            import yaml
        except ImportError:
            self.skipTest("python3-yaml is missing (tools/setup --check installs it)")
        grafana = yaml.safe_load(read(PLACE, "compose.yaml"))["services"]["grafana"]
        mounts = dict(volume.split(":")[1::-1] for volume in grafana["volumes"])
        places = [one["options"]["path"] for one in yaml.safe_load(read(PLACE, "grafana", "provisioning", "dashboards.yaml"))["providers"]]
        self.assertEqual([mounts[place] for place in places], ["./grafana/dashboards"])
        place, _, name = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].rpartition("/")
        self.assertTrue(os.path.exists(os.path.join(PLACE, mounts[place], name)))
        sources = {one["type"]: one for one in yaml.safe_load(read(PLACE, "grafana", "provisioning", "all.yaml"))["datasources"]}
        self.assertEqual({kind: one["url"] for kind, one in sources.items()}, {"prometheus": "http://127.0.0.1:9090", "jaeger": "http://127.0.0.1:16686"})
        scrape = re.search(r"scrape_interval: (\w+)", read(PLACE, "prometheus.yml"))[1]
        self.assertEqual(sources["prometheus"]["jsonData"]["timeInterval"], scrape)  # $__rate_interval is reckoned from it

    def test_other_fields_go_to_one_place(self):
        """The filter's own code, over an event that is a hash."""
        ruby = shutil.which("ruby") or self.skipTest("ruby is not installed")
        code = re.search(r'ruby {\s*code => "(.*?)"', read(PLACE, "logstash", "troupe.conf"), re.S)[1]
        event = """require 'json'
class Event
  def initialize(h) @h = h end
  def to_hash() @h.dup end
  def remove(key) @h.delete(key[1..-2]) end
  def set(key, value) @h[key[1..-2]] = value end
end
event = Event.new(JSON.parse(STDIN.read))
"""
        line = {"@timestamp": "t", "message": "m", "log.level": "warn", "port": 3, "host": "tcp://x"}
        done = subprocess.run([ruby, "-e", event + code + "\nputs JSON.generate(event.to_hash)"], input=json.dumps(line), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout), {"@timestamp": "t", "message": "m", "log.level": "warn", "troupe.fields": {"port": 3, "host": "tcp://x"}})

    def test_what_is_json_is_json(self):
        template = json.loads(read(PLACE, "elasticsearch", "index-template.json"))
        properties = template["template"]["mappings"]["properties"]
        for name in set(re.findall(r'put_text\(doc, "([a-z.]+)"', read(ROOT, "exporter", "elastic.c"))):
            self.assertIn(name, properties)
        for line in read(PLACE, "kibana", "data-view.ndjson").splitlines():
            view = json.loads(line)
            self.assertEqual((view["type"], view["references"]), ("index-pattern", []))
            self.assertEqual(view["attributes"]["title"], template["index_patterns"][0])
            self.assertEqual(properties[view["attributes"]["timeFieldName"]]["type"], "date_nanos")


if __name__ == "__main__":
    unittest.main(verbosity=2)
