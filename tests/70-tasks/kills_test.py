#!/usr/bin/env python3
"""What is done when a coordinator or an agent is killed, hangs or is late, at any moment: each task is completed once, and by whom it was given to last."""
import json
import pathlib
import random
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import desk
import harness
import killing

COORDINATORS, WORKERS = 4, 4  # killed
SHOWN = 24  # tasks that are looked at one by one


class Kills(desk.DeskTest, killing.Killing):
    def test_nothing_is_lost_or_doubled(self):
        """kill -9 of the coordinator and of workers at random moments, while tasks are submitted and done."""
        chance = self.chance()
        workers = {f"w{i}": self.worker(f"w{i}") for i in range(3)}
        names = iter(range(1000))

        def kill_coordinator():
            self.coordinator.process.kill()
            self.coordinator.wait()
            self.restart()

        def kill_worker():
            workers.pop(chance.choice(sorted(workers))).process.kill()
            name = f"v{next(names)}"
            workers[name] = self.worker(name)
        self.check(*self.while_submitting(chance, [kill_coordinator] * COORDINATORS + [kill_worker] * WORKERS))

    def restart(self):
        """It has the name of the one that was killed, which the broker has to give up first."""
        harness.wait_until(lambda: self.troupe("df", "search", "--service", "tasks", "-o", "name", env=self.env).out == "", "it to be gone")
        self.start()

    def check(self, keys, tasks):
        self.assertEqual(sorted(tasks), sorted(keys))
        self.assertEqual(len(set(tasks.values())), len(keys))
        harness.wait_until(lambda: len(self.names("completed")) >= len(keys), "all to be completed", 120)
        self.assertEqual(self.names("completed"), set(tasks.values()))  # and no other one was made
        self.assertEqual(len(self.task("ls", "-o", "name").out.split()), len(keys))
        # Some as anybody sees them, and all of them in the file.
        tries = sum(row["tries"] for row in self.task("ls", "-o", "json").json())
        for key in keys[::len(keys) // SHOWN]:
            shown = self.show(tasks[key])
            self.assertEqual((shown["result"]["n"], shown["result"]["token"]), (key, str(shown["token"])))
        self.assertEqual(self.ends(), {task: 1 for task in tasks.values()})
        print(f"{len(keys)} tasks, {COORDINATORS} coordinators and {WORKERS} workers killed: each completed once, in {tries} tries")

    def names(self, state):
        return set(self.task("ls", "--state", state, "-o", "name").out.split())

    def test_who_did_not_hear_of_the_end_looks_again(self):
        """A client that stood still for longer than its session has, while what it waits for ended."""
        gate = self.directory + "/gate"
        self.worker("first", gate=gate)
        waits = self.spawn("troupe", "task", "submit", "--skill", "work", "--id", "one", "--wait", '{"n": 1}', env=self.env)
        harness.wait_until(lambda: self.task("ls", "--state", "in_progress", "-o", "name").out + self.task("ls", "--state", "assigned", "-o", "name").out == "one\n",
                           "it to be given away", 60)
        there = lambda: f"cli-{waits.pid}" in self.troupe("ps", "-o", "name", env=self.env).out
        harness.wait_until(there, "it to be seen")
        waits.send_signal(signal.SIGSTOP)
        harness.wait_until(lambda: not there(), "its session to end", 60)
        pathlib.Path(gate).touch()
        harness.wait_until(lambda: self.show("one")["state"] == "completed", "the task to end")
        waits.send_signal(signal.SIGCONT)
        done = waits.wait(60)
        self.assertEqual((done.code, json.loads(done.out)["n"]), (0, 1), done)

    def given(self, task, agent):
        harness.wait_until(lambda: self.show(task)["agent"] == agent + "@local", f"{agent} to have it")

    def check_reassigned(self, task, reason):
        """Then the first one answers after all, and it changes nothing."""
        self.worker("second")
        harness.wait_until(lambda: self.show(task)["state"] == "completed", "the second to do it", 60)
        shown = self.show(task)
        self.assertEqual((shown["agent"], shown["token"], shown["result"]["token"]), ("second@local", 2, "2"))
        self.assertIn(reason, [event["reason"] for event in shown["history"] if event["tries"] == 1][-1])
        self.first.send_signal(signal.SIGCONT)
        pathlib.Path(self.gate).touch()
        later = self.submit({"n": 2}, "--skill", "alone")  # what the first one says of the other task comes before its answer to this
        harness.wait_until(lambda: self.show(later)["state"] == "completed", "the first to do the other one", 60)
        again = self.show(task)
        self.assertEqual((again["result"], again["history"]), (shown["result"], shown["history"]))

    def begin(self, *arguments):
        self.gate = self.directory + "/gate"
        self.first = self.worker("first", "work", 4, "--service", "alone=4", gate=self.gate)
        task = self.submit({"n": 1}, *arguments)
        self.given(task, "first")
        return task

    def test_who_is_late_is_given_up(self):
        self.check_reassigned(self.begin("--try-time", "4s"), "timed-out")

    def test_who_hangs_is_given_up(self):
        task = self.begin()
        self.first.send_signal(signal.SIGSTOP)
        self.check_reassigned(task, "agent-gone")


class Thousands(desk.DeskTest):
    def lease(self):
        """Longer than what stands still here stands still, however slow the machine is."""
        return "60s"

    def completed(self):
        return json.loads(self.troupe("ask", "svc:tasks", '{"action": "stats"}', env=self.env).out)["completed"]

    def test_ten_thousand_while_agents_die(self):
        """25 processes of 4 agents; 20 agents are killed at random moments while 10,000 tasks go through them, four of them having
        stood still with work in hand: each is completed once."""
        def team(name):
            child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--count", "4", "--service", "work=4", "--behaviour", "echo")
            child.wait_err("registered")
            return child
        teams = {f"team{i}": team(f"team{i}") for i in range(25)}
        count = 10000
        path = pathlib.Path(self.directory, "tasks.jsonl")
        path.write_text("".join(json.dumps({"id": f"n{n}", "input": n, "tries": 50, "needs": [f"n{n - 1000}"] if n % 10 == 0 and n >= 1000 else []}) + "\n"
                                for n in range(count)))
        chance = random.Random(seed := random.randrange(1 << 30))
        print(f"kills of seed {seed}")
        still, *victims = chance.sample(sorted(teams), 5)
        teams[still].process.send_signal(signal.SIGSTOP)  # they take work and do none of it
        submits = self.spawn("troupe", "task", "submit", "--skill", "work", "--from", path, "-o", "name", env=self.env)
        for victim, moment in zip(victims, sorted(chance.sample(range(count // 2), len(victims)))):
            harness.wait_until(lambda: self.completed() >= moment, f"{moment} to be completed", 120)
            teams.pop(victim).process.kill()
            teams[victim] = team("new-" + victim)
        done = submits.wait(120)
        self.assertEqual((done.code, len(done.out.split())), (0, count), done.err)
        harness.wait_until(lambda: any(row["agent"].startswith(still + "-") for row in self.task("ls", "--state", "assigned", "-o", "json").json()),
                           still + " to have work in hand")
        teams.pop(still).process.kill()
        harness.wait_until(lambda: len(self.task("ls", "--state", "completed", "-o", "name").out.split()) == count, "all to be completed", 120)
        rows = self.task("ls", "-o", "json").json()
        self.assertEqual(len({row["task"] for row in rows}), count)
        self.assertEqual({row["state"] for row in rows}, {"completed"})
        again = [row["task"] for row in rows if row["tries"] > 1]
        print(f"{len(again)} tasks were begun more than once")
        self.assertTrue(again)
        for task in again[:10] + ["n0", "n9999"]:
            self.assertEqual(self.show(task)["result"], int(task[1:]))
        self.assertEqual(self.ends(), {f"n{n}": 1 for n in range(count)})


if __name__ == "__main__":
    harness.main()
