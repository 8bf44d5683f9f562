#!/usr/bin/env python3
"""`autoscale` of a fleet on three hosts by ssh: what waits anywhere counts, agents begin on all of them, and those of a host that is away are made up for.

Exit: 77 as ssh_test.py.
"""
import json
import sys

import ssh_test
from ssh_test import NAMES, PATIENCE, harness

# Works until it may end; each message is a line of a file. All hosts have these files in common.
WORKER = """
import json, os, sys, time
for line in sys.stdin:
    m = json.loads(line)
    if m["type"] != "message":  # an answer that found nobody comes back
        print(json.dumps({"id": m["id"], "done": True}), flush=True)
        continue
    while not os.path.exists(f"{sys.argv[1]}/go"):
        time.sleep(0.05)
    with open(f"{sys.argv[1]}/done", "a") as file:
        print(json.dumps(m.get("content")), file=file)
    print(json.dumps({"id": m["id"], "content": m.get("content")}), flush=True)
"""


class Autoscale(ssh_test.Machines):
    # The coordinator is not on the first host, to which the requests of this test go.
    def fleet(self, secure, **scale):
        return json.dumps({
            "fleet": "office", "secure": secure, "broker": {"journal": True}, "coordinator": {"placement": {"nodes": {"host": "south"}}},
            "agents": [
                {"name": "worker", "exec": {"command": [sys.executable, str(self.place / "worker.py"), str(self.place)], "timeout": "10m"},
                 "services": ["work=1"], "durable": True, "autoscale": {"min": 0, "max": 6, "backlog": 1, "cooldown": "1s", **scale}},
                {"name": "pinned", "behaviour": "echo", "services": ["pin"], "placement": {"nodes": {"host": "north"}},
                 "autoscale": {"min": 2, "max": 3}}]})

    def begin(self, secure, **scale):
        self.addCleanup(self.down, "--purge", "--kill")
        (self.place / "worker.py").write_text(WORKER)
        self.up(self.fleet(secure, **scale))

    def group(self, name="worker"):
        done = self.inside("autoscale", "-o", "json", code=None)
        return next((row for row in done.json() if row["group"] == name), {}) if done.code == 0 else {}

    def workers(self):
        """How many each host has."""
        done = self.inside("ps", "office", "-o", "json", code=None)
        names = [row["host"] for row in done.json() if row["name"].startswith("worker")] if done.out.strip() else []
        return [names.count(name) for name in NAMES]

    def wait_workers(self, *counts):
        seen = []

        def are_there():
            seen[:] = [self.workers(), self.group()]
            return seen[0] == list(counts) and seen[1].get("agents") == sum(counts)
        harness.wait_until(are_there, f"workers {counts}, there are {seen}", PATIENCE)

    def send(self, number, host):
        """A message that waits for a worker, at the broker of a host."""
        words = ["send", "svc:work", "request", json.dumps({"n": number}), "--durable"]
        self.there(host, *words)

    def finish(self, count):
        (self.place / "go").touch()
        self.wait_workers(0, 0, 0)
        self.assertEqual(sorted(set((self.place / "done").read_text().splitlines())), [json.dumps({"n": number}) for number in range(count)])

    def log(self):
        return (self.place / "far" / "office-2" / "logs" / "coordinator.log").read_text()

    def test_a_secure_fleet_goes_to_none_and_comes_back_wherever_a_message_waits(self):
        self.begin(True)
        self.assertEqual(sum(name.startswith("pinned") for _, name in self.rows()), 2, "as many as are wanted at least")
        self.wait_workers(0, 0, 0)
        for number in range(8):
            self.send(number, host=number % 3)
        self.wait_workers(2, 2, 2)  # one for each, and six at the most of all
        self.assertEqual((self.group()["wanted"], self.group()["hosts"], self.group()["away"]), (6, 3, 0))
        self.assertEqual(self.group("pinned")["hosts"], 1)
        self.finish(8)
        # A group that is wholly on another host; and one message wakes one, wherever.
        (self.place / "go").unlink()
        (self.place / "done").unlink()
        self.send(0, host=1)
        self.wait_workers(1, 0, 0)
        self.finish(1)
        self.assertIn("C016", self.log())
        # Only the coordinator is obeyed, and nobody else may ask from another host.
        order = json.dumps({"action": "scale", "groups": {"worker": 3}})
        self.assertIn("may change it", self.inside("ask", "fleet", order, code=None).err)
        self.assertNotEqual(self.inside("ask", "fleet@office-1", order, code=None).code, 0)
        self.assertEqual(self.workers(), [0, 0, 0])
        rights = (self.place / "far" / "office-0" / "certs" / "peer.office-2.yaml").read_text()
        self.assertIn("fleet.scale", rights)
        for one in (0, 2):
            self.assertNotIn("fleet.", (self.place / "far" / f"office-{one}" / "certs" / "peer.office-1.yaml").read_text())

    def test_others_take_over_from_a_host_that_is_away(self):
        self.begin(False, min=3, max=4)
        self.wait_workers(1, 1, 1)
        self.at("north", "link", "set", "eth0", "down")
        harness.wait_until(lambda: self.group().get("away") == 1 and self.group().get("agents") == 3, "two hosts to have three workers", PATIENCE)
        self.assertEqual([self.workers()[0], self.workers()[2]], [2, 1])
        self.at("north", "link", "set", "eth0", "up")
        # All of them count again; what is too many goes when the cooldown is over, and then it stays so.
        self.wait_workers(1, 1, 1)
        changes = self.log().count("C016")
        self.assertEqual(changes, 2, self.log())
        self.assertEqual(self.group()["away"], 0)


if __name__ == "__main__":
    why = ssh_test.missing()
    if why:
        print(f"skipped: {why}")
        sys.exit(77)
    harness.main()
