"""Metrics of every process of a fleet: told where they are, well-formed, true, and scraped by a real Prometheus."""
import glob
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "40-fleet"))

import fleet
import harness
import prometheus

FLEET = """coordinator: {}
knowledge: {}
metrics: true
agents:
  - {name: echo, behaviour: echo, count: 2}
"""
PROCESSES = {"broker", "coordinator", "kb", "echo-1", "echo-2"}


class Metrics(fleet.FleetTest):
    def begin(self):
        self.up_detached(text=fleet.BROKER + FLEET)
        self.place = os.path.join(self.directory, ".troupe/trio/metrics")
        return self.targets()

    def targets(self):
        """From the name of each process to its address; the broker's file is named after the platform."""
        found = {}
        for path in glob.glob(os.path.join(self.place, "*.json")):
            with open(path) as file:
                (one,) = json.load(file)
            self.assertEqual(os.path.basename(path), one["labels"]["process"] + ".json")
            name = "broker" if one["labels"]["job"] == "troupe-broker" else one["labels"]["process"]
            (found[name],) = one["targets"]
        return found

    def get(self, address, path="/metrics"):
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def value(self, address, line):
        text = self.get(address)[1]
        found = [row for row in text.splitlines() if row.startswith(line + " ")]
        self.assertEqual(len(found), 1, f"{line} in:\n{text}")
        return float(found[0].split(" ")[1])

    def test_each_process_tells_where_and_what(self):
        targets = self.begin()
        self.assertEqual(set(targets), PROCESSES)
        for name, address in targets.items():
            self.assertTrue(address.startswith("127.0.0.1:"), address)
            self.assertEqual(self.get(address, "/healthz")[0], 200, name)
            self.assertEqual(self.get(address, "/readyz")[0], 200, name)
            self.assertIn("process_resident_memory_bytes ", self.get(address)[1])
        for _ in range(3):
            self.assert_answers("echo-1")
        echo = targets["echo-1"]
        done = 'troupe_agent_messages_total{kind="direct",result="done"}'
        self.assertEqual(self.value(echo, done), 3)
        self.assertEqual(self.value(echo, "troupe_agent_work_seconds_count"), 3)
        harness.wait_until(lambda: self.value(echo, 'troupe_agent_agents{status="running"}') == 1, "stock to be taken")
        self.assertEqual(self.value(targets["echo-2"], done), 0)
        harness.wait_until(lambda: self.value(echo, "troupe_link_up") == 1, "the link to be told")

    def test_without_a_broker_nobody_is_ready_and_all_are_well(self):
        targets = self.begin()
        state = self.state()
        os.kill(state["pid"], 19)  # the supervisor would start another broker
        self.addCleanup(os.kill, state["pid"], 18)
        os.kill(self.broker_pid(), 9)
        echo = targets["echo-1"]
        harness.wait_until(lambda: self.get(echo, "/readyz")[0] == 503, "the agent's process not to be ready")
        self.assertIn("no link to the broker", self.get(echo, "/readyz")[1])
        self.assertEqual(self.get(echo, "/healthz")[0], 200)

    def broker_pid(self):
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"troupe-broker") and self.place.encode() in words:
                return int(path.split("/")[2])
        self.fail("no broker runs")

    def test_what_waits_for_a_service_is_told_by_its_name(self):
        """By which scalers go: what waits, what is in work, and who offers it."""
        self.up_detached(text=fleet.BROKER + "metrics: true\nagents:\n  - {name: slow, behaviour: echo, services: [slowly=1]}\n")
        self.place = os.path.join(self.directory, ".troupe/trio/metrics")
        broker = self.targets()["broker"]

        def are(*numbers):
            names = ("queued_records", "unfinished_records", "providers")
            values = tuple(self.value(broker, f'troupe_broker_service_{name}{{service="slowly"}}') for name in names)
            return values == numbers
        harness.wait_until(lambda: self.get(broker)[1].count('{service="slowly"}') == 4 and are(0, 0, 1), "the provider")
        self.ok("suspend", "slow")
        for _ in range(3):
            self.ok("send", "svc:slowly", "inform", "hello")
        harness.wait_until(lambda: are(3, 3, 1), "three that wait")
        harness.wait_until(lambda: self.value(broker, 'troupe_broker_service_oldest_seconds{service="slowly"}') >= 1, "the lag to be told")
        self.ok("resume", "slow")
        harness.wait_until(lambda: are(0, 0, 1), "none")

    def test_the_files_go_with_the_processes(self):
        self.begin()
        self.ok("down")
        self.assertEqual(glob.glob(os.path.join(self.place, "*.json")), [])

    def test_promtool_finds_nothing_wrong(self):
        promtool = shutil.which("promtool") or self.skipTest("promtool is not installed (Debian: prometheus)")
        for name, address in self.begin().items():
            done = subprocess.run([promtool, "check", "metrics"], input=self.get(address)[1], text=True, capture_output=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)

    def test_a_prometheus_scrapes_them_all(self):
        if not prometheus.PROGRAM:
            self.skipTest("prometheus is not installed")
        targets = self.begin()
        server = prometheus.Prometheus(self, self.place)
        self.assert_answers("echo-2")
        for query, expected in (("sum(up)", len(targets)),
                                ('sum(troupe_agent_messages_total{process="echo-2",kind="direct"})', 1),
                                ("sum(troupe_broker_agents)", 5)):
            harness.wait_until(lambda: server.value(query) == expected, f"Prometheus to answer {query} with {expected}")


if __name__ == "__main__":
    harness.main()
