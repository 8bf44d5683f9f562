#!/usr/bin/env python3
"""Groups decide from the command line: agents and persons vote, in rounds, with a mediator, and across any kill -9."""
import json
import os
import pathlib
import signal
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
    said["of a newer version"] = {"nobody": ["knows it"]}
    assert q["remarks"] == ["reason", "by", "fallback"], q
    print(json.dumps({"id": m["id"], "content": said}), flush=True)
"""


class Decisions(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker("--lease", "600s", "--message-lease", "600s")  # who sleeps is not dead, and keeps what it has: some are put to sleep
        self.env = {"TROUPE_CONNECT": self.at.endpoint}
        self.start()

    def start(self):
        self.coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        self.coordinator.wait_err("C001 ready")

    def start_again(self):
        self.coordinator.process.kill()
        self.coordinator.wait()
        harness.wait_until(lambda: self.troupe("df", "search", "--service", "decisions", "-o", "name", env=self.env).out == "", "it to be gone")
        self.start()

    def voter(self, name, *likes, service="voter", skills=()):
        offers = [word for one in (service, *skills) for word in ("--service", f"{one}=8")]
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, *offers, "--", sys.executable, "-c", VOTER, *likes)
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

    def leased(self, service):
        services = self.call("top", "-o", "json", "--count", "1").json()["services"]
        return sum(one["leased"] for one in services if one["service"] == service)

    def weights(self, told):
        return {v["voter"].split("@")[0]: v["weight"] for v in told["votes"]}

    def points(self, told):
        return {o["option"]: o["points"] for o in told["options"] if "points" in o}

    def ask(self, options, *voters_and_rules):
        """Of persons, who have all the time they need. Its id."""
        given = [word for option in options for word in ("--option", option)]
        return self.call("decide", "What to drink?", *given, *voters_and_rules, "--no-wait", "--within", "600s").out.strip()

    def persons(self, *names):
        return [word for name in names for word in ("-v", f"person:{name}")]

    def cast(self, decision, who, *ballot, code=0):
        return self.call("votes", "cast", decision, "--as", who, *ballot, code=code)

    def ended(self, decision):
        harness.wait_until(lambda: self.show_any(decision)["state"] not in ("voting", "mediation"), "its end", 60)
        return self.show_any(decision)

    def show_any(self, decision):
        return self.troupe("votes", "show", decision, "-o", "json", env=self.env).json()

    def group(self):
        for name, likes in (("ann", "tea,milk,beer"), ("bob", "tea,milk,beer"), ("cid", "beer,milk,tea"), ("dan", "beer,milk,tea"),
                            ("eve", "milk,tea,beer")):
            self.voter(name, likes)

    def count_again(self, shown, form="yaml"):
        """Whoever has the ballots of a decision gets the same of them, without a broker."""
        poll = self.call("votes", "ballots", shown["decision"], "-o", form).out
        again = self.troupe("votes", "count", "-", "-o", "json", text=poll)
        self.assertEqual((again.code, again.err.strip()), (0, shown["why"]), poll)
        self.assertEqual({row["option"]: row["points"] for row in again.json()}, self.points(shown), poll)
        self.assertEqual([row["option"] for row in again.json() if row["chosen"]], [shown["winner"]])

    def test_each_method(self):
        self.group()
        winners = {}
        for method in ("plurality", "approval", "score", "borda", "schulze"):
            told = self.decide("--method", method, "--tie", "first")
            self.assertEqual((told["state"], told["voted"]), ("decided", 5))
            winners[method] = told["winner"]
            self.count_again(told)
        self.assertEqual(winners, {"plurality": "tea", "approval": "milk", "score": "milk", "borda": "milk", "schulze": "milk"})
        rows = self.call("votes", "ls", "--state", "decided", "-o", "json").json()
        self.assertEqual([row["method"] for row in rows], ["schulze", "borda", "score", "approval", "plurality"])
        told = self.decide("--tie", "lot")
        self.assertIn("by lot", told["why"])
        self.count_again(told)
        name = self.call("decide", "What to drink?", "--options", "tea,milk,beer", "--method", "score", "--score-max", "20", "--quorum-share", "66.67", "--quorum", "5",
                         "--majority", "20.5", "-v", "svc:voter", "-v", "person:fay=2.25", "-v", "person:gil", "--no-wait", "--within", "600s").out.strip()
        self.call("votes", "cast", name, "--as", "gil", "--delegate", "eve@local")
        self.assertIn("its ballots are not counted", self.call("votes", "ballots", name, code=3).err)
        self.call("votes", "cast", name, "--as", "fay", "--abstain")
        harness.wait_until(lambda: self.show(name)["state"] == "decided", "the count", 60)
        self.count_again(self.show(name), "json")

    def test_what_was_dropped_does_not_count(self):
        """Borda by ballots that rank a part: b beats a by 3 to 2, and what is out of play makes no difference."""
        name = self.ask("abcd", *self.persons("ann", "bob", "cid", "dan", "eve"), "--method", "borda", "--rounds", "2", "--tie", "keep", "--keep", "d")
        for round_ in 1, 2:
            harness.wait_until(lambda: self.show(name)["round"] == round_, "the round")
            for who in "ann", "bob", "cid":
                self.cast(name, who, "--rank", "b", "--rank", "a")
            for who in "dan", "eve":
                self.cast(name, who, "--rank", "a", *(("--rank", "b") if round_ == 1 else ()))
        shown = self.ended(name)
        self.assertEqual((shown["winner"], self.points(shown)), ("b", {"a": 2, "b": 3}))
        self.count_again(shown)

    def test_names_with_signs_in_them(self):
        options = ("x = y", " x", "y", "yes", "z=1")
        name = self.ask(options, *self.persons("ann", "bob", "cid"), "--method", "schulze")
        self.cast(name, "ann", "--rank", "x = y", "--rank", "y =  x = z=1")
        self.assertIn("none of the options", self.cast(name, "bob", "--rank", "y = x", code=3).err)
        self.assertEqual(self.cast(name, "bob", "--rank", "yes", "--rank", " x = x = y", "-o", "json").json(), {"decision": name, "done": True})
        self.cast(name, "cid", "--rank", "yes")
        shown = self.ended(name)
        self.assertEqual([v["marks"] for v in shown["votes"]], [{"x = y": 1, "y": 2, " x": 2, "z=1": 2}, {"yes": 1, "x = y": 2, " x": 2}, {"yes": 1}])
        self.assertEqual(shown["winner"], "yes")
        for form in "yaml", "json":
            self.count_again(shown, form)

    def test_nobody_is_for_any_of_them(self):
        name = self.ask(("tea", "beer"), *self.persons("ann", "bob"), "--method", "approval", "--tie", "first")
        self.assertEqual(self.call("decide", "?", "-p", "a", "-p", "b", *self.persons("x"), "--key", "k", "--no-wait", "-o", "json").json()["existed"], False)
        self.assertEqual(self.call("decide", "?", "-p", "a", "-p", "b", *self.persons("x"), "--key", "k", "--no-wait", "-o", "json").json()["existed"], True)
        self.assertEqual(self.cast(name, "ann", "--abstain", "-o", "name").out.strip(), name)
        done = self.call("ask", "svc:decisions", json.dumps({"action": "vote", "decision": name, "voter": "person:bob", "ballot": {"approve": []}}))
        self.assertIn("done", done.out)
        shown = self.ended(name)
        self.assertEqual((shown["state"], shown["verdict"], shown["abstained"]), ("undecided", "no-ballots", 2))

    def test_who_delegates_takes_part(self):
        name = self.ask(("tea", "beer"), *self.persons("ann", "bob", "cid", "dan"), "--quorum", "3")
        for who in "bob", "cid":
            self.cast(name, who, "--delegate", "person:ann")
        self.cast(name, "ann", "--choice", "tea")
        self.cast(name, "dan", "--delegate", "person:cid")
        shown = self.ended(name)
        self.assertEqual((shown["winner"], shown["lost-votes"]), ("tea", 0))
        self.count_again(shown)

    def test_the_lot_is_told_at_the_end(self):
        name = self.call("decide", "What to drink?", "-p", "tea", "-p", "beer", "-v", "person:ann", "-v", "person:bob", "--tie", "lot", "--no-wait").out.strip()
        open_still = self.show(name)
        self.assertNotIn("lot", open_still["rules"])
        self.assertNotIn("lot", next(e["said"] for e in open_still["history"] if e["what"] == "opened"))
        for who, choice in (("ann", "tea"), ("bob", "beer")):
            self.call("votes", "cast", name, "--as", who, "--choice", choice)
        harness.wait_until(lambda: self.show(name)["state"] == "decided", "the count", 60)
        self.assertIsInstance(self.show(name)["rules"]["lot"], int)
        self.assertIn("at most as many ballots as there are voters",
                      self.call("decide", "?", "-p", "a", "-p", "b", "-v", "person:ann", "--quorum", "2", code=3).err)

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
        told = self.call("decide", "What to drink?", "-p", "tea, with milk", "--options", " beer , tea", "--options", "gin", "-v", "cid", "-o", "json").json()
        self.assertEqual(([o["option"] for o in told["options"]], told["winner"]), (["tea, with milk", "beer", "tea", "gin"], "beer"))
        self.assertRegex(self.troupe("decide", "--help").out, r"--options[ =]A,B,C")

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
        self.assertEqual({(v["by"], v["fallback"]) for v in told["votes"]}, {("built-in", None)})
        self.assertEqual([e["said"]["by"] for e in told["history"] if e["what"] == "ballot"], ["built-in"] * 4)
        self.assertRegex(self.call("votes", "show", told["decision"]).err, r"ann@local voted .* in common with my profile.* \(built-in\)")
        self.assertIn("expected vote, opinion or mediate", self.call("ask", "ann", '{"action": "sing"}', code=3).err)
        done = self.run_program("agentd", "--name", "x", "--behaviour", "voter", "--check")
        self.assertIn("missing key \"profile\"", done.out)

    def test_consensus(self):
        self.voter("ann", "tea,milk")
        self.voter("bob", "milk,tea", "follows")
        told = self.decide("--rounds", "3", options=("tea", "milk"))
        self.assertEqual((told["winner"], told["round"]), ("tea", 2))

    def test_what_is_proposed_is_an_option_of_the_next_round(self):
        name = self.call("decide", "What to drink?", "--options", "tea,beer", "--rounds", "2", "-v", "person:cid", "-v", "person:dan", "--no-wait",
                         "--within", "600s").out.strip()
        self.assertIn("1 to 200 bytes", self.call("votes", "cast", name, "--as", "cid", "--choice", "beer", "--propose", "x" * 201, code=3).err)
        self.call("votes", "cast", name, "--as", "cid", "--choice", "beer", "--propose", "cider")
        self.call("votes", "cast", name, "--as", "dan", "--choice", "tea")
        harness.wait_until(lambda: self.show(name)["round"] == 2, "the second round")
        self.coordinator.process.kill()  # what was proposed is as safe as what was voted
        self.coordinator.wait()
        harness.wait_until(lambda: self.troupe("df", "search", "--service", "decisions", "-o", "name", env=self.env).out == "", "it to be gone")
        self.start()
        for who in ("cid", "dan"):
            self.call("votes", "cast", name, "--as", who, "--choice", "cider")
        harness.wait_until(lambda: self.show(name)["state"] == "decided", "the count", 60)
        self.assertEqual(self.show(name)["winner"], "cider")

    def test_a_conflict_and_who_settles_it(self):
        self.voter("ann", "tea,milk")
        self.voter("bob", "beer,milk")
        self.voter("chair", "tea,beer", service="chair")
        self.voter("host", "milk,water", service="chair")
        told = self.decide(code=3, options=("tea", "beer"))
        self.assertEqual((told["state"], told["verdict"], told["round"]), ("undecided", "tied", 1))
        self.assertIn("tea and beer are equal", told["why"])
        done = self.call("decide", "What to drink?", "--options", "tea,beer", "--mediator", "host")  # who knows what both can live with
        self.assertRegex(done.err, r"host\S* is asked to mediate")
        self.assertIn("milk wins by plurality", done.err)
        shown = self.show(self.call("votes", "ls", "-o", "name").out.split()[0])
        self.assertEqual((shown["winner"], shown["round"], [o["option"] for o in shown["options"] if o["in-play"]]), ("milk", 2, ["milk", "water"]))
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
        self.assertEqual([e["said"] for e in shown["history"] if e["what"] == "answered"], [None, None, None])
        self.assertIn("its ballots are secret", self.call("votes", "ballots", name, code=3).err)
        told = self.call("decide", "Drink?", "--options", "tea,beer", "-v", "ann").err
        self.assertRegex(told, r'ann@local: .*"choice":"tea"')
        told = self.call("decide", "Drink?", "--options", "tea,beer", "-v", "ann", "--secret").err
        self.assertIn("ann@local: has voted (1 of 1)", told)
        for known in "choice", "I like":
            self.assertNotIn(known, told)

    def test_weights_of_those_behind_a_service(self):
        self.voter("ann", "tea", skills=("chair",))
        self.voter("bob", "beer")
        self.voter("cid", "tea", service="chair")
        weights = lambda *voters: self.weights(self.show_any(self.ask(("tea", "beer"), *voters)))
        self.assertEqual(weights("-v", "svc:voter=3"), {"ann": 3, "bob": 3})
        self.assertEqual(weights("-v", "svc:voter", "-v", "svc:chair=2.5"), {"ann": 1, "bob": 1, "cid": 2.5})  # ann is there once
        self.assertEqual(weights("-v", "svc:chair", "-v", "ann=5", "-v", "person:x=0"), {"cid": 1, "ann": 5, "person:x": 0})  # what is said of her goes first
        self.assertIn("stands there twice", self.call("decide", "q", "--options", "a,b", "-v", "ann", "-v", "ann@local", code=3).err)
        for weight in "nan", "inf", "-1", "1e6":
            self.assertIn(f"--voter bob={weight}: expected a weight from 0 to 100000", self.call("decide", "q", "--options", "a,b", "-v", f"bob={weight}", code=1).err)

    def test_what_no_key_is(self):
        def refused(**more):
            return self.call("ask", "svc:decisions", json.dumps({"action": "decide", "question": "q", "options": ["a", "b"], "voters": ["person:x"], **more}), code=3).err
        for key in "quorom", "within_ms", "edition", "trace":
            self.assertIn("expected no other keys than action, question, options, voters, context, method", refused(**{key: 5}))
        self.assertIn("maps with name and weight", refused(voters=[{"name": "person:x", "wieght": 2}]))
        for weight in "2", -1, None:
            self.assertIn("expected weights from 0 to 100000", refused(voters=[{"name": "svc:voter", "weight": weight}]))
        self.assertIn("skills: expected a list of services, 64 at most", refused(skills=["s"] * 65))

    def test_records(self):
        """Who was right how often, and how sure it was of it; what is taken back is not there any more."""
        self.voter("ann", "tea")  # 0.9 sure
        self.voter("bob", "beer")
        self.assertEqual(self.call("votes", "records", "-o", "json").json(), [])
        names = [self.ask(("tea", "beer"), "-v", "ann", "-v", "bob", *self.persons("cid")) for _ in range(3)]
        for name, choice in zip(names, ("tea", "tea", "beer")):
            self.cast(name, "cid", "--choice", choice)
            self.assertEqual(self.ended(name)["winner"], choice)
            self.call("votes", "truth", name, "tea")
        secret = self.ask(("tea", "beer"), "-v", "ann", "--secret")
        self.ended(secret)
        self.call("votes", "truth", secret, "beer")
        records = lambda: {r["voter"]: [r["right"], r["wrong"], round(r["weight"], 6), r["rated"], r["brier"] and round(r["brier"], 6)]
                           for r in self.call("votes", "records", "-o", "json").json()}
        self.assertEqual(records(), {"ann@local": [3, 0, 1.6, 3, 0.01], "bob@local": [0, 3, 0.4, 3, 0.81], "person:cid": [2, 1, 1.2, 0, None]})
        self.call("votes", "truth", names[0], "beer")
        self.start_again()
        self.assertEqual(records()["ann@local"], [2, 1, 1.2, 3, round((0.01 * 2 + 0.81) / 3, 6)])
        self.assertRegex(self.call("votes", "records", "-n", "1").out, r"ann@local +2 +1 +1\.20 +3 +0\.28")
        page = self.call("ask", "svc:decisions", json.dumps({"action": "records", "max-results": 2, "before": 1})).json()
        self.assertEqual(([r["voter"] for r in page["records"]], page["before"]), (["bob@local", "person:cid"], 3))

    def test_a_secret_vote_leaves_no_trace(self):
        """Neither while it goes on, nor where it was no ballot, nor in the records when the truth is known."""
        self.voter("ann", "gin")  # which is no option: that is what becomes its reason
        name = self.ask(("tea", "beer"), "-v", "ann", *self.persons("bob", "cid", "dan"), "--secret")
        self.cast(name, "bob", "--choice", "tea")
        self.cast(name, "cid", "--abstain")
        harness.wait_until(lambda: self.show(name)["answered"] == 3, "ann, bob and cid to have answered")
        shown = self.show(name)
        self.assertEqual([shown[key] for key in ("waiting", "voted", "abstained", "delegated", "declined")], [1, None, None, None, None])
        self.assertEqual({e["what"] for e in shown["history"]}, {"opened", "answered"})
        self.assertNotIn("gin", json.dumps(shown))
        self.cast(name, "dan", "--choice", "beer")
        shown = self.ended(name)
        self.assertEqual([shown[key] for key in ("voted", "abstained", "declined")], [2, 1, 1])
        self.call("votes", "truth", name, "tea")
        weighed = self.ask(("tea", "beer"), *self.persons("bob", "dan"), "--weigh", "record")
        self.assertEqual(self.weights(self.show(weighed)), {"person:bob": 1, "person:dan": 1})

    def vote_by(self, decision, person, ballot):
        return self.troupe("ask", "svc:decisions", "-", "--timeout", "60s", text=json.dumps({"action": "vote", "decision": decision, "voter": person, "ballot": ballot}), env=self.env)

    def test_no_ballot_makes_a_decision_too_large_to_be_shown(self):
        name = self.ask(("tea", "beer"), *self.persons("ann", "bob"))
        done = self.vote_by(name, "person:ann", {"choice": "tea", "note": "x" * 3000000})
        self.assertIn("expected no other keys than choice, abstain", done.err)
        deep = "tea"
        for _ in range(10):
            deep = [deep]
        self.assertIn("expected no other keys", self.vote_by(name, "person:ann", {"choice": "tea", "note": deep}).err)
        self.assertEqual(self.vote_by(name, "person:ann", {"choice": "tea", "reason": "y" * 3000000}).code, 0)
        self.assertEqual(self.show(name)["votes"][0]["reason"], "y" * 1000)
        self.assertEqual(self.show(name)["history"][1]["said"], {"choice": "tea", "reason": "y" * 1000})
        for _ in range(15):
            self.assertEqual(self.vote_by(name, "person:ann", {"choice": "beer"}).code, 0)
        self.assertIn("has voted 16 times in this round", self.vote_by(name, "person:ann", {"choice": "tea"}).err)
        self.cast(name, "bob", "--choice", "tea")
        self.assertEqual(self.points(self.ended(name)), {"tea": 1, "beer": 1})

    def test_a_large_decision_is_shown_in_pages(self):
        """10,000 voters whose names are long: more than a message holds."""
        voters = [f"person:{i:0110d}" for i in range(10000)]
        asked = {"action": "decide", "question": "Which?", "options": ["o" * 190 + str(i) for i in range(5)], "voters": voters, "method": "borda", "within-ms": 600000}
        done = self.troupe("ask", "svc:decisions", "-", "--timeout", "60s", text=json.dumps(asked), env=self.env)
        self.assertEqual(done.code, 0, done.err)
        name = done.json()["decision"]
        for i in 0, 9999:
            self.assertEqual(self.vote_by(name, voters[i], {"ranking": asked["options"], "reason": f"{i}"}).code, 0)
        first = self.call("ask", "svc:decisions", json.dumps({"action": "decision", "decision": name})).json()
        self.assertEqual((len(first["history"]) == 3, first["history-next"]), (True, None))
        self.assertGreater(first["votes-next"], 1000)
        self.assertEqual(len(first["votes"]), first["votes-next"])
        shown = self.call("votes", "show", name, "-o", "json", "--timeout", "60s").json()
        self.assertEqual([v["voter"] for v in shown["votes"]], voters)
        self.assertEqual((shown["votes"][9999]["reason"], shown["answered"]), ("9999", 2))
        self.assertNotIn("votes-next", shown)
        history = {"action": "decision", "decision": name, "history-from": 2, "votes-from": 9999}
        rest = self.call("ask", "svc:decisions", json.dumps(history)).json()
        self.assertEqual((len(rest["history"]), [v["reason"] for v in rest["votes"]], rest["votes-next"]), (1, ["9999"], None))

    def test_votes_go_along_a_chain(self):
        persons = [word for name in ("ann", "bob", "cid", "dan", "eve") for word in ("-v", f"person:{name}")]
        name = self.call("decide", "Drink?", "--options", "tea,beer", *persons, "--no-wait", "--within", "600s").out.strip()
        for who, ballot in (("ann", ("--choice", "tea")), ("bob", ("--choice", "tea")), ("cid", ("--choice", "beer")), ("dan", ("--delegate", "person:cid"))):
            self.call("votes", "cast", name, "--as", who, *ballot)
        self.assertIn("delegate", self.call("votes", "cast", name, "--as", "eve", "--delegate", "person:eve", code=3).err)
        self.call("votes", "cast", name, "--as", "eve", "--delegate", "person:dan")
        harness.wait_until(lambda: self.show(name)["state"] == "decided", "the count", 60)
        shown = self.show(name)
        self.assertEqual((shown["winner"], self.points(shown)), ("beer", {"tea": 2, "beer": 3}))
        self.assertEqual({v["voter"]: v["carried-by"] for v in shown["votes"] if v["delegate"]}, {"person:dan": "person:cid", "person:eve": "person:cid"})
        self.count_again(shown)

    def test_another_one_wins_where_votes_weigh(self):
        """Three like tea and know little, two like beer and know more; of another question is known that the two were right."""
        for name, likes, skills in (("ann", "tea,beer,red,blue", ()), ("bob", "tea,beer,red,blue", ()), ("cid", "tea,beer,red,blue", ("brewing",)),
                                    ("dan", "beer,tea,blue,red", ("brewing", "tasting")), ("eve", "beer,tea,blue,red", ("tasting", "brewing"))):
            self.voter(name, likes, skills=skills)
        for skill in (), ("--weigh", "skills", "--skill", "sailing"):  # what nobody offers
            told = self.decide(*skill, options=("tea", "beer"))
            self.assertEqual((told["winner"], self.points(told)), ("tea", {"tea": 3, "beer": 2}))
        told = self.decide("--weigh", "skills", "--skill", "brewing", "--skill", "tasting", options=("tea", "beer"))
        self.assertEqual((told["winner"], self.points(told)), ("beer", {"tea": 3.5, "beer": 4}))
        self.assertEqual(self.weights(told), {"ann": 1, "bob": 1, "cid": 1.5, "dan": 2, "eve": 2})
        told = self.decide("--rounds", "2", options=("tea", "beer"))  # they never agree, so the last round is a vote
        self.assertEqual((told["winner"], told["round"], [e["what"] for e in told["history"]].count("counted")), ("tea", 2, 2))
        for truth in "blue", "blue", "red", "blue":
            told = self.decide(options=("red", "blue"))
            self.assertEqual(told["winner"], "red")
            self.call("votes", "truth", told["decision"], truth)
        self.call("votes", "truth", told["decision"], "red")  # what was said of it is taken back
        self.start_again()  # records are kept
        told = self.decide(options=("tea", "beer"))
        self.assertEqual((told["winner"], self.points(told)), ("tea", {"tea": 3, "beer": 2}))
        told = self.decide("--weigh", "record", options=("tea", "beer"))  # 2 of 4 were right on either side
        self.assertEqual((told["verdict"], told["winner"], self.weights(told)), ("decided", "tea", dict.fromkeys(("ann", "bob", "cid", "dan", "eve"), 1)))
        for decision in self.call("votes", "ls", "-o", "json").json():
            if decision["winner"] == "red":
                self.call("votes", "truth", decision["decision"], "blue")
        told = self.decide("--weigh", "record", options=("tea", "beer"))  # none and all of 4: 1/6 and 5/6 of two votes
        self.assertEqual(told["winner"], "beer")
        for name, weight in self.weights(told).items():
            self.assertAlmostEqual(weight, 10 / 6 if name in ("dan", "eve") else 2 / 6, 5)
        self.count_again(told)

    def test_who_has_come_before_the_question_is_asked(self):
        """The coordinator sleeps while voters come and a question is put: it reads the directory before it says who votes."""
        os.kill(self.coordinator.pid, signal.SIGSTOP)
        try:
            self.voter("ann", "beer,tea")
            asked = self.spawn("troupe", "decide", "Drink?", "--options", "tea,beer", "--timeout", "120s", "-o", "json", env=self.env)
            harness.wait_until(lambda: self.leased("decisions") or asked.process.poll() is not None, "the question to be there", 60)
        finally:
            os.kill(self.coordinator.pid, signal.SIGCONT)
        done = asked.wait(60)
        self.assertEqual((done.code, done.json()["winner"], done.json()["voted"]), (0, "beer", 1), done)

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
        self.start_again()
        self.assertEqual(self.call("decide", "Drink?", *options, "-v", "person:dan").out.strip(), name)
        self.assertIn("key: it is that of another decision", self.call("decide", "Eat?", *options, "-v", "person:dan", code=3).err)
        self.assertIn("key: it is that of another decision", self.call("decide", "Drink?", "-p", "gin", *options, code=3).err)
        more = options[:4] + ("-p", "gin") + options[4:]
        self.assertIn("key: it is that of another decision", self.call("decide", "Drink?", *more, "-v", "person:dan", code=3).err)
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
        for given, why in (((), "two options at least, by --options A,B"), (("-p", "a"), "two options at least"), (("--options", "a,,b"), "the options between the commas is empty"),
                           (("--options", "a,b,"), "is empty"), (("-p", "", "-p", "b"), "an option is empty"), (("--options", "a, b,a"), "the option a is given twice"),
                           (("-p", "b", "--options", "a,b"), "the option b is given twice")):
            self.assertIn(why, self.call("decide", "q", *given, code=1).err)
        two = ("-p", "a", "-p", "b")
        self.assertIn("no agent offers", self.call("decide", "q", *two, code=3).err)
        self.assertIn("majority: expected per cent", self.call("decide", "q", *two, "-v", "x", "--majority", "half", code=3).err)
        self.assertIn("keep: goes together", self.call("decide", "q", *two, "-v", "x", "--keep", "a", code=3).err)
        self.assertIn("skills: expected a list", self.call("decide", "q", *two, "-v", "x", "--weigh", "skills", code=3).err)
        self.call("decide", "q", *two, "-v", "person:x", "--id", "mine", "--no-wait")
        self.assertIn("there is a decision of this id", self.call("decide", "q", *two, "-v", "x", "--id", "mine", code=3).err)


if __name__ == "__main__":
    harness.main()
