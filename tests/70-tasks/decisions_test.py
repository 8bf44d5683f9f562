#!/usr/bin/env python3
"""Groups decide from the command line: agents and persons vote, in rounds, with a mediator, and across any kill -9."""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

# Votes by the order of its preferences, in the words of the method; "mediate" names what it was told to.
VOTER = """
import json, sys
likes, follows = sys.argv[1].split(","), len(sys.argv) > 2
for line in sys.stdin:
    m = json.loads(line)
    q = m.get("content") or {}
    if q["action"] == "mediate":
        print(json.dumps({"id": m["id"], "content": {"options": likes}}), flush=True)
        continue
    mine = [o for o in likes if o in q["options"]]
    if follows and q["opinions"]:  # lets itself be convinced by who is surest
        best = max(q["opinions"], key=lambda o: o["confidence"])["option"]
        mine = [best] + [o for o in mine if o != best]
    said = {"plurality": {"choice": mine[0]}, "approval": {"approve": mine[:2]},
            "score": {"scores": {o: 9 - 3 * i for i, o in enumerate(mine)}}}.get(q["method"], {"ranking": mine})
    said["reason"], said["confidence"] = "I like " + mine[0], 0.9 if not follows else 0.2
    print(json.dumps({"id": m["id"], "content": said}), flush=True)
"""


class Decisions(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker()
        self.env = {"TROUPE_CONNECT": self.at.endpoint}
        self.start()

    def start(self):
        self.coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        self.coordinator.wait_err("C001 ready")

    def voter(self, name, *likes, service="voter"):
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--service", f"{service}=8", "--",
                           sys.executable, "-c", VOTER, *likes)
        child.wait_err("registered")
        harness.wait_until(lambda: name in self.troupe("df", "search", "--service", service, "-o", "name", env=self.env).out, name)
        return child

    def call(self, *arguments, code=0):
        done = self.troupe(*arguments, env=self.env)
        self.assertEqual(done.code, code, done)
        return done

    def decide(self, *arguments, code=0, options=("tea", "milk", "beer")):
        given = [word for option in options for word in ("--option", option)]
        return self.call("decide", "What to drink?", *given, *arguments, "-o", "json", code=code).json()

    def show(self, decision, code=0):
        return self.call("votes", "show", decision, "-o", "json", code=code).json()

    def group(self):
        for name, likes in (("ann", "tea,milk,beer"), ("bob", "tea,milk,beer"), ("cid", "beer,milk,tea"), ("dan", "beer,milk,tea"),
                            ("eve", "milk,tea,beer")):
            self.voter(name, likes)

    def test_each_method(self):
        self.group()
        winners = {}
        for method in ("plurality", "approval", "score", "borda", "schulze"):
            told = self.decide("--method", method, "--tie", "first")
            self.assertEqual((told["state"], told["voted"]), ("decided", 5))
            winners[method] = told["winner"]
        self.assertEqual(winners, {"plurality": "tea", "approval": "milk", "score": "milk", "borda": "milk", "schulze": "milk"})
        rows = self.call("votes", "ls", "--state", "decided", "-o", "json").json()
        self.assertEqual([row["method"] for row in rows], ["schulze", "borda", "score", "approval", "plurality"])

    def test_what_is_seen(self):
        self.group()
        done = self.call("decide", "What to drink?", "-p", "tea", "-p", "beer", "-v", "ann", "-v", "cid=2.5")
        self.assertIn("beer wins by plurality", done.err)
        self.assertIn("cid@local: ", done.err)
        self.assertRegex(done.out, r"beer +1 +2\.50 +71\.43 +yes")
        name = self.call("votes", "ls", "-o", "name").out.strip()
        shown = self.show(name)
        self.assertEqual([v["reason"] for v in shown["votes"]], ["I like tea", "I like beer"])
        self.assertEqual([e["what"] for e in shown["history"]][0::3], ["opened", "counted"])

    def test_the_behaviour_votes_by_its_profile(self):
        for name, profile in (("ann", "cheap and simple, free for companies"), ("bob", "simple, short"), ("cid", "share alike"), ("dan", "music")):
            child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--service", "voter", "--behaviour", "voter",
                               "--args", json.dumps({"profile": profile}))
            child.wait_err("registered")
        harness.wait_until(lambda: len(self.troupe("df", "search", "--service", "voter", "-o", "name", env=self.env).out.split()) == 4, "all")
        told = self.decide("--method", "schulze", options=("MIT: short, simple, free for companies", "GPL: share alike, copyleft"))
        self.assertTrue(told["winner"].startswith("MIT"), told)
        self.assertEqual((told["voted"], told["abstained"]), (3, 1))
        self.assertIn("in common with my profile", told["votes"][0]["reason"])
        self.assertIn("expected vote, opinion or mediate", self.call("ask", "ann", '{"action": "sing"}', code=3).err)
        done = self.run_program("agentd", "--name", "x", "--behaviour", "voter", "--check")
        self.assertIn("missing key \"profile\"", done.out)

    def test_consensus(self):
        self.voter("ann", "tea,milk")
        self.voter("bob", "milk,tea", "follows")
        told = self.decide("--rounds", "3", options=("tea", "milk"))
        self.assertEqual((told["winner"], told["round"]), ("tea", 2))

    def test_a_conflict_and_who_settles_it(self):
        self.voter("ann", "tea")
        self.voter("bob", "beer")
        self.voter("chair", "tea,beer", service="chair")
        told = self.decide("--mediator", "chair", "--person", code=3, options=("tea", "beer"))
        self.assertEqual((told["state"], told["round"]), ("waiting_person", 2))
        self.assertIn("mediated", [e["what"] for e in told["history"]])
        self.assertIn("option: expected one of its options", self.call("votes", "settle", told["decision"], "gin", code=3).err)
        self.call("votes", "settle", told["decision"], "beer", "--reason", "it is late")
        shown = self.show(told["decision"])
        self.assertEqual(shown["winner"], "beer")
        self.assertIn("chose it: it is late", shown["why"])
        self.assertIn("it has ended already", self.call("votes", "settle", told["decision"], "beer", code=3).err)

    def test_persons_secrets_and_delegates(self):
        self.voter("ann", "tea")
        arguments = ("-v", "ann", "-v", "person:cid", "-v", "person:dan", "--secret", "--no-wait", "--within", "600s")
        name = self.call("decide", "Drink?", "-p", "tea", "-p", "beer", *arguments).out.strip()
        self.call("votes", "cast", name, "--as", "cid", "--choice", "beer")
        self.assertIn("none of its voters", self.call("votes", "cast", name, "--as", "eve", "--choice", "beer", code=3).err)
        self.assertIn("none of the options", self.call("votes", "cast", name, "--as", "dan", "--choice", "gin", code=3).err)
        self.assertIn("--as is missing", self.call("votes", "cast", name, "--choice", "beer", code=1).err)
        self.call("votes", "cast", name, "--as", "dan", "--delegate", "person:cid")
        harness.wait_until(lambda: self.show(name)["state"] == "decided", "the count")
        shown = self.show(name)
        self.assertEqual(shown["winner"], "beer")
        self.assertEqual({v["said"] for v in shown["votes"]}, {"answered"})
        self.assertEqual([e["said"] for e in shown["history"] if e["what"] == "ballot"], [None, None, None])

    def test_records_weigh(self):
        self.voter("ann", "tea")
        self.voter("bob", "beer")
        for right in ("beer", "beer"):
            told = self.decide("--tie", "first", options=("tea", "beer"))
            self.assertEqual(told["winner"], "tea")
            self.call("votes", "truth", told["decision"], right)
        told = self.decide("--weigh", "record", options=("tea", "beer"))
        self.assertEqual((told["winner"], [v["weight"] for v in told["votes"]]), ("beer", [0.5, 1.5]))
        self.call("votes", "truth", told["decision"], "tea")  # and taken back
        self.call("votes", "truth", told["decision"], "beer")
        told = self.decide("--weigh", "record", options=("tea", "beer"))
        self.assertEqual([v["weight"] for v in told["votes"]], [0.4, 1.6])

    def test_who_does_not_answer(self):
        self.voter("ann", "tea")
        started = time.monotonic()
        told = self.decide("-v", "ann", "-v", "nobody", "-v", "person:cid", "--within", "1s", "--quorum", "2", code=3, options=("tea", "beer"))
        self.assertGreaterEqual(time.monotonic() - started, 1)
        self.assertEqual((told["state"], told["verdict"]), ("undecided", "no-quorum"))
        self.assertEqual([v["said"] for v in told["votes"]], ["voted", "declined", "waiting"])

    def test_nothing_is_lost_by_a_kill(self):
        self.voter("ann", "tea")
        options = ("-p", "tea", "-p", "beer", "--no-wait", "--within", "600s", "--key", "k", "-v", "ann", "-v", "person:cid", "-v", "late")
        name = self.call("decide", "Drink?", *options, "-v", "person:dan").out.strip()
        self.call("votes", "cast", name, "--as", "cid", "--choice", "beer")
        harness.wait_until(lambda: self.show(name)["voted"] == 2, "ann and cid to have voted")
        self.coordinator.process.kill()
        self.coordinator.wait()
        harness.wait_until(lambda: self.troupe("df", "search", "--service", "decisions", "-o", "name", env=self.env).out == "", "it to be gone")
        self.start()
        self.assertEqual(self.call("decide", "Drink?", *options, "-v", "person:dan").out.strip(), name)
        shown = self.show(name)
        self.assertEqual((shown["state"], shown["voted"], shown["declined"]), ("voting", 2, 1))
        self.call("votes", "cast", name, "--as", "dan", "--choice", "beer")
        harness.wait_until(lambda: self.show(name)["state"] == "decided", "the count")
        self.assertEqual(self.show(name)["winner"], "beer")

    def test_one_is_withdrawn(self):
        name = self.call("decide", "Drink?", "-p", "tea", "-p", "beer", "-v", "person:cid", "--no-wait").out.strip()
        self.call("votes", "withdraw", name, "--reason", "asked twice")
        self.assertEqual(self.show(name, code=3)["state"], "cancelled")
        self.assertIn("it has ended already", self.call("votes", "withdraw", name, code=3).err)
        self.assertIn("there is no decision", self.call("votes", "show", "none", code=3).err)

    def test_what_is_wrong_is_told(self):
        self.assertIn("--option is needed twice", self.call("decide", "q", "-p", "a", code=1).err)
        two = ("-p", "a", "-p", "b")
        self.assertIn("no agent offers", self.call("decide", "q", *two, code=3).err)
        self.assertIn("majority: expected per cent", self.call("decide", "q", *two, "-v", "x", "--majority", "half", code=3).err)
        self.assertIn("keep: goes together", self.call("decide", "q", *two, "-v", "x", "--keep", "a", code=3).err)
        self.assertIn("skills: expected a list", self.call("decide", "q", *two, "-v", "x", "--weigh", "skills", code=3).err)
        self.call("decide", "q", *two, "-v", "person:x", "--id", "mine", "--no-wait")
        self.assertIn("there is a decision of this id", self.call("decide", "q", *two, "-v", "x", "--id", "mine", code=3).err)


if __name__ == "__main__":
    harness.main()
