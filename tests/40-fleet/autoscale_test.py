#!/usr/bin/env python3
"""`autoscale` of a fleet file, on one machine: a group that goes to none, and comes back by its first message."""
import concurrent.futures
import json
import os
import pathlib
import re
import signal
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


class Scaled(harness.SystemTest):
    """A fleet whose workers begin and end by themselves."""

    def begin(self, command=("worker.py",), **more):
        self.place = pathlib.Path(self.directory)
        (self.place / "worker.py").write_text(WORKER)
        fleet = {"fleet": "f", "secure": True, "broker": {"journal": True}, "coordinator": {},
                 "agents": [{"name": "worker", "exec": {"command": [sys.executable, *command], "timeout": "10m"}, "services": ["work=1"], "durable": True,
                             "autoscale": {"min": 0, "max": 4, "backlog": 2, "cooldown": "1s"}, **more}]}
        (self.place / "f.yaml").write_text(json.dumps(fleet))
        done = self.troupe("up", "f.yaml", "--detach", "--timeout", "100s", patience=PATIENCE)
        self.addCleanup(lambda: self.troupe("down", "f", "--kill", patience=PATIENCE))
        self.assertEqual(done.code, 0, done)

    def log(self, name):
        return (self.place / ".troupe" / "f" / "logs" / f"{name}.log").read_text()

    def begun(self):
        """Processes of workers, so far."""
        return len(re.findall(r"U005 process started name=worker", self.log("up")))

    def send(self, number):
        return self.troupe("send", "svc:work", "request", json.dumps({"n": number}), "--durable", patience=PATIENCE)

    def done(self):
        path = self.place / "done"
        return sorted(set(path.read_text().splitlines()), key=lambda line: json.loads(line)["n"]) if path.exists() else []

    def group(self):
        done = self.troupe("autoscale", "-o", "json")
        return done.json()[0] if done.code == 0 else {}

    def workers(self):
        done = self.troupe("ps", "-o", "json")
        return [row["name"] for row in done.json() if row["name"].startswith("worker")] if done.code == 0 else None

    def wait_workers(self, count):
        harness.wait_until(lambda: self.group().get("agents") == count and len(self.workers() or ()) == count, f"{count} workers", PATIENCE)


class Autoscale(Scaled):
    def setUp(self):
        super().setUp()
        self.begin()

    def test_to_none_and_back(self):
        self.wait_workers(0)  # nothing waits
        for number in range(7):
            self.assertEqual(self.send(number).code, 0)
        self.wait_workers(4)  # two for each, and four at the most
        self.assertEqual(self.group()["wanted"], 4)
        (self.place / "go").touch()
        self.wait_workers(0)
        self.assertEqual(self.done(), [json.dumps({"n": number}) for number in range(7)])
        # The first message wakes it.
        done = self.troupe("ask", "svc:work", '{"n": 8}', "--durable", "--timeout", "100s", "-o", "json", patience=PATIENCE)
        self.assertEqual(done.code, 0, done)
        self.assertIn("C016", self.log("coordinator"))
        self.assertNotIn("C017", self.log("coordinator"))

    def test_many_first_messages_wake_it_once(self):
        self.wait_workers(0)
        before = self.begun()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            codes = {done.code for done in pool.map(self.send, range(40))}
        self.assertEqual(codes, {0})
        self.wait_workers(4)
        self.assertEqual(self.begun() - before, 4, "as many as there may be, each begun once")
        (self.place / "go").touch()
        self.wait_workers(0)
        self.assertEqual(self.done(), [json.dumps({"n": number}) for number in range(40)])
        self.assertEqual(self.begun() - before, 4)

    def test_a_coordinator_that_dies_in_the_middle_goes_on(self):
        """While it is away all stays as it is; then it goes by what waits, and no fewer are left before a whole cooldown."""
        self.wait_workers(0)
        for number in range(9):
            self.assertEqual(self.send(number).code, 0)
        self.wait_workers(4)
        before = self.begun()
        first = self.coordinator()
        os.kill(first, signal.SIGKILL)
        seen = set()

        def is_back():
            there = self.workers()
            if there is None:  # nobody has answered
                return False
            seen.add(len(there))
            return self.coordinator() not in (0, first) and self.group().get("agents") == 4
        harness.wait_until(is_back, "another coordinator that knows of four", PATIENCE)
        self.assertEqual(seen, {4})
        self.assertEqual(self.group()["wanted"], 4)
        self.assertEqual(self.begun(), before)
        (self.place / "go").touch()
        self.wait_workers(0)
        self.assertEqual(self.done(), [json.dumps({"n": number}) for number in range(9)])
        self.assertEqual(self.begun(), before)

    def coordinator(self):
        done = self.troupe("ps", "-o", "json")
        return next((row["pid"] or 0 for row in done.json() if row["name"] == "coordinator"), 0) if done.code == 0 else 0


class InVain(Scaled):
    def test_what_cannot_start_is_not_begun_each_second(self):
        program = pathlib.Path(self.directory) / "work"
        program.write_text(f"#!/bin/sh\nexec {sys.executable} worker.py\n")
        program.chmod(0o755)
        self.begin(exec={"command": ["./work"], "timeout": "10m"})
        self.wait_workers(0)
        program.unlink()
        before = self.begun()
        for number in range(9):
            self.assertEqual(self.send(number).code, 0)
        harness.wait_until(lambda: self.log("coordinator").count("C020") >= 2, "two pauses", PATIENCE)
        pauses = [int(ms) for ms in re.findall(r"C020 .*pause_ms=([0-9]+)", self.log("coordinator"))]
        self.assertEqual(pauses[:2], [4000, 8000])
        self.assertLessEqual(self.begun() - before, 4 * 3, "the first, at once again, and after each pause")
        self.assertRegex(self.log("up"), "U008 .*name=worker .*expected a program that can be run")


class Bound(harness.SystemTest):
    def test_the_supervisor_begins_no_more_than_the_file_allows_whoever_scales(self):
        """One that may: boss, which hands on what it is told. It stands for a coordinator on another host."""
        place = pathlib.Path(self.directory)
        scale = {"min": 1, "max": 3, "backlog": 1, "by": "boss@f"}
        (place / "f.yaml").write_text(json.dumps({"fleet": "f", "agents": [
            {"name": "worker", "behaviour": "echo", "count": 2, "services": ["work"], "autoscale": scale}, {"name": "free", "behaviour": "echo", "count": 2},
            {"name": "boss", "behaviour": "relay", "args": {"to": "fleet"}}, {"name": "mallory", "behaviour": "relay", "args": {"to": "fleet"}}]}))
        done = self.troupe("up", "f.yaml", "--detach", "--timeout", "100s", patience=PATIENCE)
        self.addCleanup(lambda: self.troupe("down", "f", "--kill", patience=PATIENCE))
        self.assertEqual(done.code, 0, done)

        def order(whom, **groups):
            return self.troupe("ask", whom, json.dumps({"action": "scale", "groups": groups}), "--timeout", "60s", patience=PATIENCE)

        def counts():
            rows = harness.wait_until(lambda: (done := self.troupe("ps", "-o", "json")).code == 0 and done.json(), "who runs", PATIENCE)
            return [sum(row.get("group") == group for row in rows) for group in ("worker", "free")]
        self.assertEqual(order("boss", worker=3).code, 0)
        self.assertEqual(counts(), [3, 2])
        for whom, groups in (("boss", {"worker": 4}), ("boss", {"free": 3}), ("boss", {"worker": 2, "free": 3}), ("boss", {}), ("mallory", {"worker": 2})):
            done = order(whom, **groups)
            self.assertNotEqual(done.code, 0, (whom, groups, done))
            self.assertEqual(counts(), [3, 2], (whom, groups))
        self.assertEqual(order("boss", worker=0).code, 0)
        self.assertEqual(counts(), [0, 2])


if __name__ == "__main__":
    harness.main()
