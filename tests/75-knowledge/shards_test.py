#!/usr/bin/env python3
"""Shards: three knowledge bases that share the documents find what one finds, say which of them is away, and lose nothing."""
import json
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

PYTHON = "/usr/bin/python3"  # the one that Debian's packages are for
ASKER = """
import json, sys, troupe
with troupe.connect() as process:
    agent = process.register(sys.argv[1])
    for line in sys.stdin:
        to, content = json.loads(line)
        answer = agent.ask(to, content, timeout=180).answer()
        print(json.dumps([answer.performative, answer.content]), flush=True)
"""
NAMES = ("kb-1", "kb-2", "kb-3")
PATIENCE = 200.0  # seconds
NOUNS = ("wing", "sail", "boat", "apple", "engine", "river", "cloud", "heat", "shock", "layer")
VERBS = ("flows", "burns", "lifts", "drifts", "turns", "cools", "breaks")


def text_of(number):
    """Different lengths and words, the same each time."""
    words = []
    for k in range(12 + number * 7 % 50):
        mixed = (number * 31 + k * k * 17 + k * number) % 997
        words.append(f"{NOUNS[mixed % 10]} {VERBS[mixed % 7]}" + ("." if k % 9 == 8 else ""))
    return " ".join(words)


DOCUMENTS = [{"id": f"d{number:03}", "title": f"About {NOUNS[number % 10]} {number}", "text": text_of(number),
              "metadata": {"year": 1900 + number}} for number in range(90)]


class Asker:
    """An agent that asks one thing after the other."""

    def __init__(self, test, endpoint, name="asker"):
        self.asked = 0
        self.child = test.spawn(PYTHON, "-c", ASKER, name, env={"TROUPE_CONNECT": endpoint, "PYTHONPATH": str(harness.ROOT / "docs/clients/python")},
                                stdin=subprocess.PIPE)
        test.addCleanup(self.child.process.stdin.close)

    def ask(self, to, content):
        self.child.process.stdin.write(json.dumps([to, content]).encode() + b"\n")
        self.child.process.stdin.flush()
        self.asked += 1
        harness.wait_until(lambda: self.child.out.count("\n") == self.asked or self.child.process.poll() is not None, f"an answer to {content}", PATIENCE)
        if self.child.process.poll() is not None:
            raise AssertionError(f"the asker ended: {self.child.err}")
        return json.loads(self.child.out.splitlines()[-1])


class Shards(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker()
        self.env = {"TROUPE_CONNECT": self.at.endpoint, "TROUPE_EMBEDDINGS": "ngrams", "TROUPE_TIMEOUT": "180s"}
        self.shards = {}
        self.askers = {}

    search_time = "5m"  # so that nobody is late

    def start(self, name, *options):
        self.shards[name] = self.spawn("kbd", "--connect", self.at.endpoint, "--name", name, "--data", f"{self.directory}/{name}",
                                       "--search-time", self.search_time, *options, env=self.env)

    def start_all(self, names=NAMES):
        """As `kb-1` or `kb-1:leaving`; those that run are ended."""
        for shard in self.shards.values():
            shard.stop(signal.SIGTERM)
        for name in names:
            self.start(name.split(":")[0], "--shards", ",".join(names))
        for shard in self.shards.values():
            shard.wait_err("K001 ready")

    def say(self, env=None, to="svc:kb", code=0, **content):
        """The answer; of one that is no inform (code 3) its reason and detail."""
        endpoint = (env or self.env)["TROUPE_CONNECT"]
        if endpoint not in self.askers:
            self.askers[endpoint] = Asker(self, endpoint)
        act, answer = self.askers[endpoint].ask(to, content)
        self.assertEqual(0 if act == "inform" else 3, code, answer)
        return answer if code == 0 else f"{answer['reason']}: {answer['detail']}"

    def add(self, documents, **more):
        return self.say(action="add", namespace="n", documents=documents, **more)["documents"]

    def rows(self):
        return {row["shard"]: row for row in self.say(action="shards")["shards"]}

    def until_vectors(self, env=None):
        harness.wait_until(lambda: [row["pending"] for row in self.say(env, action="namespaces")["namespaces"]] == [0], "the vectors", PATIENCE)

    def load(self):
        self.assertEqual([d for d in self.add(DOCUMENTS[:50]) + self.add(DOCUMENTS[50:]) if "error" in d], [])
        for name in self.shards:  # each knows that none has documents of others
            harness.wait_until(lambda: {row["state"] for row in self.say(action="shards", to=name)["shards"]} == {"here"}, "all to be settled", PATIENCE)

    def lose(self, name):
        """Killed, and given up by the broker."""
        self.shards[name].process.kill()
        self.shards[name].wait()
        harness.wait_until(lambda: name not in self.troupe("ps", "-o", "name", env=self.env, patience=PATIENCE).out.split(), f"{name} to be gone",
                           PATIENCE)
        for row in self.troupe("kb", "shards", "-o", "json", env=self.env, patience=PATIENCE).json():
            self.assertEqual((row["state"], row["documents"] is None), ("away", True) if row["shard"] == name else ("here", False), row)


class Whole(Shards):
    def test_three_find_what_one_finds(self):
        self.start_all()
        whole = self.broker()
        env = {**self.env, "TROUPE_CONNECT": whole.endpoint}
        one = self.spawn("kbd", "--connect", whole.endpoint, "--data", self.directory + "/one", env=env)
        one.wait_err("K001 ready")
        self.load()
        self.say(env, action="add", namespace="n", documents=DOCUMENTS)
        self.until_vectors()
        self.until_vectors(env)
        rows = self.rows()
        self.assertEqual(sum(row["documents"] for row in rows.values()), len(DOCUMENTS))
        for row in rows.values():
            self.assertEqual(row["state"], "here")
            self.assertGreater(row["documents"], len(DOCUMENTS) / 6)  # the numbers are always the same
        for more in ({"query": "heat of a burning engine", "terms": [{"term": "cloud", "weight": .5}]},
                     {"query": "shock layer", "mode": "lexical", "per-document": 0, "filter": {"year": {"lt": 1950}}}, {"like": "d007"},
                     {"query": "wing cools", "half-life-ms": 10 ** 9, "k": 40}):
            question = {"action": "search", "namespace": "n", "explain": True, **more}
            ours, its = self.say(**question), self.say(env, **question)
            self.assertTrue(ours["complete"], ours)
            self.assertNotIn("missing", ours)
            self.assertEqual(len(ours["results"]), len(its["results"]), more)
            for mine, other in zip(ours["results"], its["results"]):
                self.assertAlmostEqual(mine["score"], other["score"], 4, more)
            self.assertEqual({r["id"] for r in ours["results"] if r["score"] > its["results"][-1]["score"] + 1e-4},
                             {r["id"] for r in its["results"] if r["score"] > its["results"][-1]["score"] + 1e-4}, more)
        mine, other = (self.say(e, action="search", namespace="n", query="heat", k=1)["results"][0] for e in (self.env, env))
        for changing in ("added_ms", "changed_ms", "conversation", "agent"):
            self.assertEqual(type(mine.pop(changing)), type(other.pop(changing)))
        self.assertAlmostEqual(mine.pop("score"), other.pop("score"), 4)
        self.assertEqual(mine, other)
        self.pages(env)

    def pages(self, env):
        """Lists go on over all shards, and are those of one."""
        after, ids = "", []
        while isinstance(after, str):
            page = self.say(action="list", namespace="n", after=after, **{"max-results": 40})
            ids += [d["id"] for d in page["documents"]]
            self.assertLessEqual(len(page["documents"]), 40)
            after = page["after"]
        self.assertEqual(ids, [d["id"] for d in DOCUMENTS])
        for question in ({"action": "list", "namespace": "n", "filter": {"year": {"gte": 1985}}}, {"action": "get", "namespace": "n", "id": "d004"}):
            mine, other = self.say(**question), self.say(env, **question)
            for d in (mine.get("documents") or [mine]) + (other.get("documents") or [other]):
                for changing in ("added_ms", "changed_ms", "conversation", "agent"):
                    d.pop(changing)
            self.assertEqual(mine, other)
        for wrong in ({"action": "get", "namespace": "n", "id": "none"}, {"action": "search", "namespace": "n", "like": "none"}):
            self.assertEqual(self.say(code=3, **wrong), self.say(env, code=3, **wrong), wrong)


class Away(Shards):
    def test_one_that_is_away_is_told(self):
        """What the others have is found, with its name; a write that needs it fails for what it concerns, and nothing is lost."""
        self.start_all()
        self.load()
        self.had = self.rows()
        self.lose("kb-2")
        page = self.say(action="list", namespace="n")
        self.assertEqual(page["missing"], ["kb-2"])
        here = [d["id"] for d in page["documents"]]
        gone = [d["id"] for d in DOCUMENTS if d["id"] not in here]
        self.assertEqual((here, len(gone)), (sorted(here), self.had["kb-2"]["documents"]))
        answer = self.say(action="search", namespace="n", query="heat", mode="lexical", k=90)
        self.assertEqual((answer["complete"], answer["missing"]), (False, ["kb-2"]))
        self.assertTrue(answer["results"])
        self.assertLessEqual({row["id"] for row in answer["results"]}, set(here))
        done = self.troupe("kb", "search", "heat", "-n", "n", "-o", "name", env=self.env, patience=PATIENCE)
        self.assertIn("which are away: kb-2", done.err)
        self.assertIn("kb-2", self.say(action="get", namespace="n", id=gone[0], code=3))
        self.assertEqual(self.say(action="get", namespace="n", id=here[0])["id"], here[0])
        new = [{"id": name, "text": "a replaced one"} for name in (here[0], gone[0], here[1])]
        told = self.add(new)
        self.assertEqual(["error" in d for d in told], [False, True, False])
        self.assertIn("kb-2", told[1]["error"])
        self.assertIn("shard-away", self.say(action="remove", namespace="n", ids=[gone[0]], code=3))
        self.assertEqual(self.say(action="remove", namespace="n", ids=[here[2]])["removed"], 1)
        self.assertIn("shard-away", self.say(action="add", namespace="new", documents=new, code=3))  # it may know it
        self.start("kb-2", "--shards", ",".join(NAMES))
        self.shards["kb-2"].wait_err("K001 ready")
        harness.wait_until(lambda: "missing" not in self.say(action="search", namespace="n", query="heat"), "all of them", PATIENCE)
        self.assertEqual(self.rows()["kb-2"]["documents"], len(gone))
        self.assertEqual([d["existed"] for d in self.add(new[1:2])], [True])
        self.assertEqual(sorted(r["id"] for r in self.say(action="search", namespace="n", query="replaced", mode="lexical")["results"]),
                         sorted(d["id"] for d in new))


class Hangs(Shards):
    search_time = "3s"

    def test_one_that_hangs_is_done_without(self):
        """It is there for the broker, and says nothing: at the deadline what the others have is told, and who is missing; then it goes on."""
        self.start_all()
        self.load()
        question = {"action": "search", "namespace": "n", "query": "heat", "mode": "lexical", "k": 90, "to": "kb-1"}
        whole = harness.wait_until(lambda: (a := self.say(**question))["complete"] and a, "all to answer", PATIENCE)
        self.shards["kb-2"].process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.shards["kb-2"].process.send_signal, signal.SIGCONT)
        part = self.say(**{**question, "k": 89})  # that it is answered at all, with the other one stopped, is the deadline
        self.assertEqual((part["complete"], "kb-2" in part["missing"]), (False, True))
        if part["missing"] == ["kb-2"]:
            self.assertTrue(part["results"])
        self.assertLess({row["id"] for row in part["results"]}, {row["id"] for row in whole["results"]})
        self.shards["kb-2"].process.send_signal(signal.SIGCONT)
        again = harness.wait_until(lambda: (a := self.say(**question))["complete"] and a, "all to answer again", PATIENCE)
        self.assertEqual([row["id"] for row in again["results"]], [row["id"] for row in whole["results"]])


class Moves(Shards):
    search_time = "3s"  # what was given away stays for so long; who is late is asked again

    def ids(self):
        page = self.say(action="list", namespace="n")
        return None if "missing" in page else [d["id"] for d in page["documents"]]

    def found(self):
        """Ids and scores; None: one of the shards was late."""
        answer = self.say(action="search", namespace="n", query="heat", mode="lexical", k=90, brief=True)
        return {row["id"]: row["score"] for row in answer["results"]} if answer["complete"] else None

    def until_moved(self, states):
        """Meanwhile each document is there, and once."""
        def is_there():
            now = self.ids()
            self.assertIn(now, (None, [d["id"] for d in DOCUMENTS]))
            return {name: row["state"] for name, row in self.rows().items()} == states
        harness.wait_until(is_there, states, PATIENCE)

    def until_found(self, expected):
        def is_found():
            now = self.found()
            if now is not None:
                self.assertEqual(now.keys(), expected.keys())
            return now is not None and all(abs(now[id] - score) < 1e-4 for id, score in expected.items())
        harness.wait_until(is_found, "what was found before", PATIENCE)

    def test_only_its_share_moves(self):
        """One more, and one of the others is killed meanwhile; then one less. All is found, by words and vectors, which are not made anew."""
        self.start_all()
        self.load()
        self.until_vectors()
        before = self.rows()
        expected = harness.wait_until(self.found, "all to answer", PATIENCE)
        self.start_all((*NAMES, "kb-4"))
        self.shards["kb-1"].process.kill()
        self.shards["kb-1"].wait()
        harness.wait_until(lambda: "kb-1" not in self.troupe("ps", "-o", "name", env=self.env, patience=PATIENCE).out.split(), "kb-1 to be gone",
                           PATIENCE)
        self.start("kb-1", "--shards", ",".join((*NAMES, "kb-4")))
        self.shards["kb-1"].wait_err("K001 ready")
        self.until_moved({name: "here" for name in (*NAMES, "kb-4")})
        after = self.rows()
        self.assertEqual(sum(row["documents"] for row in after.values()), len(DOCUMENTS))
        self.assertGreater(after["kb-4"]["documents"], len(DOCUMENTS) / 8)  # the numbers are always the same
        self.assertEqual(sum(before[name]["documents"] - after[name]["documents"] for name in NAMES), after["kb-4"]["documents"])
        self.assertEqual([row["pending"] for row in after.values()], [0] * 4)
        self.until_found(expected)
        self.assertEqual([d["existed"] for d in self.add(DOCUMENTS[:40])], [True] * 40)
        self.start_all(("kb-1", "kb-2:leaving", "kb-3", "kb-4"))
        told = self.add([{**d, "text": "all is new"} for d in DOCUMENTS[:5]])  # some of them are still where they were
        self.assertEqual([d for d in told if "error" in d], [])
        self.assertEqual(self.say(action="get", namespace="n", id="d000")["text"], "all is new")
        self.until_moved({"kb-1": "here", "kb-2": "left", "kb-3": "here", "kb-4": "here"})
        self.assertEqual(self.rows()["kb-2"]["documents"], 0)
        self.start_all(("kb-1", "kb-3", "kb-4"))
        self.assertEqual(self.ids(), [d["id"] for d in DOCUMENTS])
        self.assertEqual({self.say(action="get", namespace="n", id=d["id"])["text"] for d in DOCUMENTS[:5]}, {"all is new"})


class Others(Shards):
    def test_what_is_not_one_of_them(self):
        """Only shards ask for parts; who has other shards is told so; a namespace has one language and one kind of vectors everywhere."""
        for name in NAMES[:2]:
            self.start(name, "--shards", "kb-1,kb-2")
        self.start("kb-3", "--shards", ",".join(NAMES))
        for shard in self.shards.values():
            shard.wait_err("K001 ready")
        self.assertIn("only a shard asks that", self.say(action="search", part=1, namespace="n", query="x", to="kb-1", code=3))
        told = {row["shard"]: row for row in self.say(action="shards", to="kb-3")["shards"]}
        self.assertEqual([told[name]["state"] for name in NAMES], ["refuses", "refuses", "here"])
        self.assertEqual([row["state"] for row in self.say(action="shards", to="kb-1")["shards"]], ["here", "here"])
        self.shards["kb-3"].stop(signal.SIGTERM)
        documents = [{"id": str(number), "text": "der Flug eines Vogels"} for number in range(12)]
        self.assertEqual([d for d in self.add(documents, language="de") if "error" in d], [])
        self.assertEqual([d for d in self.add(documents[:1], language="english") if "error" not in d], [])
        self.assertEqual([d for d in self.add([{"id": "v", "text": "x", "vector": [1, 2, 3]}]) if "error" not in d], [])
        self.assertEqual(len(self.say(action="search", namespace="n", query="Flugs", mode="lexical", k=50)["results"]), 12)
        paths = self.troupe("kb", "snapshot", "all", "-o", "json", env=self.env, patience=PATIENCE).json()
        self.assertEqual([row["shard"] for row in paths], ["kb-1", "kb-2"])
        self.assertTrue(all(pathlib.Path(row["path"]).exists() for row in paths))
        self.assertEqual(self.say(action="drop", namespace="n")["removed"], 12)
        self.assertIn("there is no namespace n", self.say(action="list", namespace="n", code=3))
        bad = self.spawn("kbd", "--connect", self.at.endpoint, "--name", "kb-9", "--data", self.directory + "/9", "--shards", "kb-1,kb-2", env=self.env)
        self.assertNotEqual(bad.wait(PATIENCE).code, 0)
        self.assertIn("kb-9 is none of", bad.err)


if __name__ == "__main__":
    harness.main()
