"""A coordinator with its data in a directory, and workers that do what its tasks say."""
import json
import sqlite3
import sys

import harness

STATES = ["waiting_approval", "pending", "assigned", "in_progress", "completed", "failed", "cancelled"]  # as they are numbered in the file
WORKER = """
import json, os, sys, time
for line in sys.stdin:
    m = json.loads(line)
    do = m.get("content") or {}
    if do.get("fail"):
        print(json.dumps({"id": m["id"], "performative": "failure", "content": {"reason": "broken", "detail": "on purpose"}}), flush=True)
        continue
    time.sleep(do.get("ms", 0) / 1000)
    while sys.argv[1] and not os.path.exists(sys.argv[1]):
        time.sleep(0.02)
    print(json.dumps({"id": m["id"], "content": {"n": do.get("n"), "by": os.getpid(), "token": m.get("X-token"), "budget": m.get("budget")}}), flush=True)
"""


class DeskTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker("--lease", self.lease())
        self.env = {"TROUPE_CONNECT": self.at.endpoint}
        self.start()

    def lease(self):
        return "3s"

    def start(self, *more):
        self.coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks", *more,
                                      env={"TROUPE_EMBEDDINGS": "ngrams"})
        self.coordinator.wait_err("C001 ready")

    def worker(self, name, skill="work", capacity=4, *more, gate=""):
        """gate: a file; it answers nothing before that is there."""
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--service", f"{skill}={capacity}", *more,
                           "--", sys.executable, "-c", WORKER, gate)
        child.wait_err("registered")
        return child

    def task(self, *arguments, code=0, text=None):
        done = self.troupe("task", *arguments, env=self.env, text=text)
        self.assertEqual(done.code, code, done)
        return done

    def submit(self, content, *arguments):
        return self.task("submit", "--skill", "work", *arguments, json.dumps(content), "-o", "name").out.strip()

    def show(self, task):
        return self.task("show", task, "-o", "json").json()

    def ends(self):
        """How often each task has been completed, by the file of the coordinator, which is its alone while it runs: it is ended."""
        self.assertEqual(self.coordinator.stop().code, 0)
        with sqlite3.connect(f"file:{self.directory}/tasks/tasks.db?mode=ro", uri=True) as db:
            return dict(db.execute("SELECT task, count(*) FROM history WHERE state = ? GROUP BY task", [STATES.index("completed")]))

    def until(self, task, state):
        harness.wait_until(lambda: self.show(task)["state"] == state, f"{task} to be {state}")
        return self.show(task)
