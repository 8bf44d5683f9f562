"""For tests of several coordinators on one PostgreSQL database."""
import json
import sys

import harness
import postgres

WORKER = """
import json, os, sys, time
for line in sys.stdin:
    m = json.loads(line)
    do = m.get("content") or {}
    time.sleep(do.get("ms", 0) / 1000)
    while "until" in do and not os.path.exists(do["until"]):
        time.sleep(0.02)
    print(json.dumps({"id": m["id"], "content": do}), flush=True)
"""


class Coordinators(harness.SystemTest):
    """Two of them, c1 and c2, on a schema of the test's own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database = postgres.Server(cls)

    def setUp(self):
        super().setUp()
        self.schema = self.id().rpartition(".")[2]
        self.at = self.broker()
        self.env = {"TROUPE_CONNECT": self.at.endpoint}
        self.coordinators = {name: self.start(name) for name in ("c1", "c2")}

    def start(self, name, *more):
        child = self.spawn("coordinator", "--connect", self.at.endpoint, "--name", name, "--store", "postgres",
                           "--conninfo", self.database.conninfo_file, "--schema", self.schema, *more)
        child.wait_err("C001 ready")
        return child

    def worker(self, name, capacity=4):
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--service", f"work={capacity}", "--",
                           sys.executable, "-c", WORKER)
        child.wait_err("registered")
        return child

    def call(self, *arguments, code=0):
        done = self.troupe(*arguments, env=self.env)
        self.assertEqual(done.code, code, done)
        return done

    def ask(self, coordinator, **content):
        return self.call("ask", coordinator, json.dumps(content), "-o", "json").json()

    def submit(self, coordinator, count=1, **task):
        tasks = [{"skills": ["work"], **task} for _ in range(count)]
        return [row["task"] for row in self.ask(coordinator, action="submit", tasks=tasks)["tasks"]]

    def show(self, task):
        return self.call("task", "show", task, "-o", "json").json()

    def states(self):
        return [row["state"] for row in self.call("task", "ls", "-o", "json").json()]

    def until_completed(self, count, patience=harness.PATIENCE):
        harness.wait_until(lambda: self.states().count("completed") == count, f"{count} tasks to be completed", patience)
