#!/usr/bin/env python3
"""Two coordinators on one PostgreSQL database that are asked for the same thing in the same moment, and what is seen of one through the other.

Exit: 0 all hold, 1 one does not, 77 PostgreSQL, python3-zmq, python3-msgpack or python3-protobuf is missing.
"""
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "70-tasks"), str(ROOT / "docs" / "clients" / "python")]
import harness
import postgres
import shared

try:
    import troupe
except ImportError as missing:
    print(f"skipped: {missing.name} is missing (tools/setup --check installs python3-zmq, python3-msgpack and python3-protobuf)")
    sys.exit(77)
if not postgres.FOUND:
    print("skipped: PostgreSQL is not installed")
    sys.exit(77)


class Conflicts(shared.Coordinators):
    def setUp(self):
        super().setUp()
        process = troupe.connect(self.at.endpoint, process="test")
        self.addCleanup(process.close)
        self.me = process.register("asker")

    def together(self, *asked):
        """All are asked before any answers."""
        questions = [self.me.ask(name, content, timeout=60) for name, content in asked]
        return [question.answer() for question in questions]

    def informs(self, *asked):
        answers = self.together(*asked)
        self.assertEqual([answer.performative for answer in answers], ["inform"] * len(asked), [answer.content for answer in answers])
        return [answer.content for answer in answers]

    def tearDown(self):
        self.assertEqual([child.process.poll() for child in self.coordinators.values()], [None, None])  # neither has ended of it
        super().tearDown()

    def test_the_same_key(self):
        """Whoever is asked first makes it, and the other one finds it."""
        for turn in range(20):
            tasks = [{"skills": ["work"], "key": f"k{turn}-{n}"} for n in range(40)]
            first, second = self.informs(("c1", {"action": "submit", "tasks": tasks}), ("c2", {"action": "submit", "tasks": tasks[::-1]}))
            self.assertEqual([row["task"] for row in first["tasks"]], [row["task"] for row in second["tasks"][::-1]])
            self.assertEqual([row["existed"] for row in first["tasks"] + second["tasks"]].count(False), 40)
        self.assertEqual(self.database.sql(f"SELECT count(*) FROM {self.schema}.task"), ["800"])

    def test_the_same_id(self):
        for turn in range(20):
            tasks = [{"skills": ["work"], "id": f"i{turn}-{n}"} for n in range(3)]
            answers = self.together(("c1", {"action": "submit", "tasks": tasks}), ("c2", {"action": "submit", "tasks": tasks[::-1]}))
            self.assertEqual(sorted(answer.performative for answer in answers), ["inform", "refuse"])
            self.assertIn("already", next(answer.content["detail"] for answer in answers if answer.performative == "refuse"))

    def test_the_same_decision_and_schedule(self):
        for turn in range(20):
            wish = {"action": "decide", "key": f"d{turn}", "question": "Which?", "options": ["a", "b"], "voters": ["person:ann", "person:bob"],
                    "within-ms": 600000}
            one, other = self.informs(("c1", wish), ("c2", wish))
            self.assertEqual((one["decision"], {one["existed"], other["existed"]}), (other["decision"], {True, False}))
            schedule = {"action": "schedule", "schedule": f"s{turn}", "cron": "@yearly", "task": {"skills": ["work"]}}
            answers = self.together(("c1", schedule), ("c2", schedule))
            self.assertEqual(sorted(answer.performative for answer in answers), ["inform", "refuse"])
        self.assertEqual(len(self.informs(("c2", {"action": "schedules"}))[0]["schedules"]), 20)

    def test_the_truth(self):
        """The records of the same voters change through both, in different orders."""
        voters = [f"person:v{n}" for n in range(40)]
        decisions = []
        for name, seats in (("c1", voters), ("c2", voters[::-1])) * 3:
            wish = {"action": "decide", "question": "Which?", "options": ["a", "b"], "voters": seats, "within-ms": 600000}
            decision = self.informs((name, wish))[0]["decision"]
            self.informs(*((name, {"action": "vote", "decision": decision, "voter": voter, "ballot": {"choice": "ab"[n % 2]}})
                           for n, voter in enumerate(voters)))
            decisions.append((name, decision))
        harness.wait_until(lambda: {self.informs((name, {"action": "decision", "decision": decision}))[0]["state"] for name, decision in decisions} <=
                           {"decided", "undecided"}, "all to be counted")
        self.informs(*((name, {"action": "truth", "decision": decision, "option": "a"}) for name, decision in decisions))
        self.assertEqual(set(self.database.sql(f"SELECT hits, misses FROM {self.schema}.record")), {"6|0", "0|6"})

    def test_what_is_shown_is_of_one_moment(self):
        """A task's state is that of its history's end, however it changes meanwhile; and so are lists what they say."""
        self.worker("w", 16)
        stop, shown, count = time.monotonic() + 5, 0, 0
        while time.monotonic() < stop:
            tasks = [{"skills": ["work"], "input": {"ms": 2}, "id": f"m{count + n}"} for n in range(5)]
            self.informs(("c1", {"action": "submit", "tasks": tasks}))
            count += 5
            for _ in range(4):
                asked = [("c2", {"action": "show", "task": task["id"]}) for task in tasks] + [("c2", {"action": action}) for action in ("list", "schedules", "stats")]
                for told in self.informs(*asked)[:5]:
                    self.assertEqual(told["state"], told["history"][-1]["state"], told)
                    shown += 1
        self.until_completed_all(count)
        print(f"{shown} times a task of another coordinator was shown while it changed")
        self.assertGreater(shown, 20)

    def until_completed_all(self, count):
        harness.wait_until(lambda: self.informs(("c2", {"action": "stats"}))[0]["completed"] == count, "all to be completed", 60)

    def test_what_nobody_has_is_told(self):
        answer, = self.together(("c1", {"action": "cancel", "task": "none"}))
        self.assertEqual((answer.performative, answer.content["reason"]), ("refuse", "not-registered"))


if __name__ == "__main__":
    harness.main()
