#!/usr/bin/env python3
"""`autoscale` of a fleet file, on one machine: a group that goes to none, and comes back by its first message."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

PATIENCE = 120.0
# Works until it may end; each message is a line of a file.
WORKER = """
import json, os, sys, time
for line in sys.stdin:
    m = json.loads(line)
    if m["type"] != "message":  # an answer that found nobody comes back
        print(json.dumps({"id": m["id"], "done": True}), flush=True)
        continue
    while not os.path.exists("go"):
        time.sleep(0.05)
    with open("done", "a") as file:
        print(json.dumps(m.get("content")), file=file)
    print(json.dumps({"id": m["id"], "content": m.get("content")}), flush=True)
"""


class Autoscale(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.place = pathlib.Path(self.directory)
        (self.place / "worker.py").write_text(WORKER)
        fleet = {"fleet": "f", "secure": True, "broker": {"journal": True}, "coordinator": {},
                 "agents": [{"name": "worker", "exec": {"command": [sys.executable, "worker.py"], "timeout": "10m"}, "services": ["work=1"], "durable": True,
                             "autoscale": {"min": 0, "max": 4, "backlog": 2, "cooldown": "1s"}}]}
        (self.place / "f.yaml").write_text(json.dumps(fleet))
        done = self.troupe("up", "f.yaml", "--detach", "--timeout", "100s", patience=PATIENCE)
        self.addCleanup(lambda: self.troupe("down", "f", "--kill", patience=PATIENCE))
        self.assertEqual(done.code, 0, done)

    def group(self):
        done = self.troupe("autoscale", "-o", "json")
        return done.json()[0] if done.code == 0 else {}

    def workers(self):
        done = self.troupe("ps", "-o", "json")
        return [row["name"] for row in done.json() if row["name"].startswith("worker")] if done.code == 0 else None

    def wait_workers(self, count):
        harness.wait_until(lambda: self.group().get("agents") == count and len(self.workers() or ()) == count, f"{count} workers", PATIENCE)

    def test_to_none_and_back(self):
        self.wait_workers(0)  # nothing waits
        for number in range(7):
            done = self.troupe("send", "svc:work", "request", json.dumps({"n": number}), "--durable")
            self.assertEqual(done.code, 0, done)
        self.wait_workers(4)  # two for each, and four at the most
        self.assertEqual(self.group()["wanted"], 4)
        (self.place / "go").touch()
        self.wait_workers(0)
        lines = sorted(set((self.place / "done").read_text().splitlines()))
        self.assertEqual(lines, [json.dumps({"n": number}) for number in range(7)])
        # The first message wakes it.
        done = self.troupe("ask", "svc:work", '{"n": 8}', "--durable", "--timeout", "100s", "-o", "json", patience=PATIENCE)
        self.assertEqual(done.code, 0, done)
        log = (self.place / ".troupe" / "f" / "logs" / "coordinator.log").read_text()
        self.assertIn("C016", log)
        self.assertNotIn("C017", log)


if __name__ == "__main__":
    harness.main()
