#!/usr/bin/env python3
"""Replicas: of three shards one is killed, and nothing is missing; what is written meanwhile it gets when it is back, also where its disk is lost."""
import pathlib
import shutil
import signal
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
import harness
import shards_test
from shards_test import DOCUMENTS, NAMES, PATIENCE

QUESTIONS = ({"query": "heat of a burning engine", "mode": "lexical"}, {"query": "wing cools", "k": 30},
             {"query": "shock layer", "per-document": 0, "filter": {"year": {"lt": 1950}}}, {"query": "rivr of cloudz", "mode": "vectors"},
             {"like": "d007", "k": 5}, {"query": "all is new", "mode": "lexical", "k": 50})


class Replicas(shards_test.Shards):
    search_time = "60s"

    def start_all(self, names=NAMES):
        for name in names:
            self.start(name, "--shards", ",".join(names), "--replicas", "2")
        for shard in self.shards.values():
            shard.wait_err("K001 ready")
        self.until_level()

    def again(self, name):
        self.start(name, "--shards", ",".join(NAMES), "--replicas", "2")
        self.shards[name].wait_err("K001 ready")

    def until_level(self):
        for name in self.shards:
            harness.wait_until(lambda: {row["state"] for row in self.say(action="shards", to=name)["shards"]} == {"here"}, "all to be level", PATIENCE)

    def kill(self, name):
        self.shards[name].process.kill()
        self.shards[name].wait()

    def lose(self, name):
        """Killed, given up by the broker, and the others know of nothing that they lack."""
        self.kill(name)
        harness.wait_until(lambda: name not in self.troupe("ps", "-o", "name", env=self.env, patience=PATIENCE).out.split(), f"{name} to be gone",
                           PATIENCE)
        wanted = {other: "away" if other == name else "here" for other in NAMES}
        harness.wait_until(lambda: {one: row["state"] for one, row in self.rows().items()} == wanted, wanted, PATIENCE)

    def found(self):
        """What is found, listed and read: complete, whoever is away."""
        out = []
        for question in QUESTIONS:
            answer = self.say(action="search", namespace="n", **question)
            self.assertEqual((answer["complete"], "missing" in answer), (True, False), answer)
            out.append([(row["score"], row["id"], row["chunk"], row["text"]) for row in answer["results"]])
        page = self.say(action="list", namespace="n")
        self.assertNotIn("missing", page)
        texts = {d["id"]: self.say(action="get", namespace="n", id=d["id"])["text"] for d in page["documents"][::7]}
        sums = [(row["documents"], row["chunks"]) for row in self.say(action="namespaces")["namespaces"]]
        return out, [d["id"] for d in page["documents"]], texts, sums

    def assert_same(self, ours, before):
        """Scores to the fourth place; those of one score in any order, and of the last one any of them."""
        for question, mine, others in zip(QUESTIONS, ours[0], before[0]):
            self.assertEqual(len(mine), len(others), question)
            for one, other in zip(mine, others):
                self.assertAlmostEqual(one[0], other[0], 4, question)
            last = others[-1][0] + 1e-4 if others else 0
            self.assertEqual({row[1:] for row in mine if row[0] > last}, {row[1:] for row in others if row[0] > last}, question)
        self.assertEqual(ours[1:], before[1:])

    def test_one_of_three_is_killed(self):
        self.start_all()
        self.assertEqual([d for d in self.add(DOCUMENTS) if "error" in d], [])
        self.until_vectors()
        rows = self.rows()
        self.assertEqual([sum(row[key] for row in rows.values()) for key in ("documents", "copies")], [len(DOCUMENTS)] * 2)
        before = self.found()
        self.lose("kb-2")
        self.assert_same(self.found(), before)
        self.assertEqual(self.troupe("kb", "search", "heat", "-n", "n", "-o", "name", env=self.env, patience=PATIENCE).err, "")
        # written, replaced and removed meanwhile; a namespace that is new
        new = [{**d, "text": "all is new " + d["text"]} for d in DOCUMENTS[:20]] + [{"id": f"e{k}", "text": "all is new"} for k in range(20)]
        self.assertEqual([d for d in self.add(new) if "error" in d], [])
        self.assertEqual(self.say(action="remove", namespace="n", ids=[d["id"] for d in DOCUMENTS[20:35]])["removed"], 15)
        self.assertEqual(self.say(action="remove", namespace="n", filter={"year": {"gte": 1985}})["removed"], 5)
        self.assertEqual([d for d in self.say(action="add", namespace="other", documents=new)["documents"] if "error" in d], [])
        self.say(action="drop", namespace="other", code=3)  # that needs all
        harness.wait_until(lambda: all(row["pending"] == 0 for row in self.say(action="namespaces")["namespaces"]), "the vectors", PATIENCE)
        before = self.found()
        self.again("kb-2")
        self.assert_same(self.found(), before)  # also before it has all
        self.until_level()
        harness.wait_until(lambda: all(row["pending"] == 0 for row in self.say(action="namespaces")["namespaces"]), "the vectors", PATIENCE)
        self.assertIn("K017 level again", self.shards["kb-1"].err + self.shards["kb-3"].err)
        for name in ("kb-1", "kb-3"):  # by what kb-2 has now
            self.lose(name)
            self.assert_same(self.found(), before)
            self.again(name)
            self.until_level()
        self.assertEqual(self.say(action="drop", namespace="other")["removed"], 40)
        self.assertEqual(sum(row["copies"] for row in self.rows().values()), len(DOCUMENTS))

    def test_a_disk_is_lost(self):
        """It comes with nothing, gets all of it from the others, and answers for one of them."""
        self.start_all()
        self.add(DOCUMENTS)
        self.until_vectors()
        before, had = self.found(), self.rows()["kb-3"]
        self.lose("kb-3")
        shutil.rmtree(f"{self.directory}/kb-3")
        self.again("kb-3")
        self.assert_same((before if not self.say(action="search", namespace="n", query="heat")["complete"] else self.found()), before)
        self.until_level()
        self.until_vectors()
        self.assertEqual({key: self.rows()["kb-3"][key] for key in ("documents", "copies")}, {key: had[key] for key in ("documents", "copies")})
        self.lose("kb-1")
        self.assert_same(self.found(), before)

    def test_killed_while_it_is_written_to(self):
        """One shard after the other is killed under load, and started again: what was acknowledged is there, in two of them, and as it was written last."""
        self.start_all()
        told, stop = {}, threading.Event()
        writer = shards_test.Asker(self, self.at.endpoint, "writer")

        def write():
            number = 0
            while not stop.is_set():
                batch = [{"id": f"w{(number * 7 + k) % 60:03}", "text": f"version {number} of it, and {k}"} for k in range(7)]
                gone = f"w{number * 3 % 60:03}"
                act, answer = writer.ask("svc:kb", {"action": "add", "namespace": "n", "documents": batch})
                for d, one in zip(batch, answer["documents"] if act == "inform" else [{"error": answer}] * 7):
                    told[d["id"]] = told.get(d["id"], set()) | {d["text"]} if "error" in one else {d["text"]}
                act, answer = writer.ask("svc:kb", {"action": "remove", "namespace": "n", "ids": [gone]})
                told[gone] = {None} if act == "inform" else told.get(gone, set()) | {None}
                number += 1
            self.rounds = number

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        self.addCleanup(stop.set)
        for name in ("kb-1", "kb-2", "kb-3", "kb-2"):
            seen = len(writer.child.out)
            harness.wait_until(lambda: len(writer.child.out) > seen + 2000 or not thread.is_alive(), "writes", PATIENCE)
            self.kill(name)
            seen = len(writer.child.out)
            harness.wait_until(lambda: len(writer.child.out) > seen + 2000 or not thread.is_alive(), "writes without it", PATIENCE)
            self.again(name)
            self.until_level()
        stop.set()
        thread.join(PATIENCE)
        self.assertFalse(thread.is_alive())
        self.until_level()
        for away in (None, *NAMES):
            if away:
                self.lose(away)
            for id, texts in told.items():
                act, answer = writer.ask("svc:kb", {"action": "get", "namespace": "n", "id": id})
                now = answer["text"] if act == "inform" else None
                self.assertIn(now, texts, (away, id))
                told[id] = {now}  # whatever came of what was not acknowledged, it stays
            if away:
                self.again(away)
                self.until_level()
        print(f"replicas: {self.rounds} rounds of writes over four kills, {len(told)} documents, each as acknowledged with any shard away", flush=True)


class Hangs(Replicas):
    search_time = "4s"
    test_one_of_three_is_killed = test_a_disk_is_lost = test_killed_while_it_is_written_to = None

    def test_one_that_hangs_is_done_without(self):
        """It is there for the broker, and says nothing: what it has is found, what is written meanwhile is taken, and it gets that when it goes on."""
        self.start_all()
        self.assertEqual([d for d in self.add(DOCUMENTS[:60]) if "error" in d], [])
        question = {"action": "search", "namespace": "n", "query": "heat", "mode": "lexical", "k": 60, "to": "kb-1"}
        whole = harness.wait_until(lambda: (a := self.say(**question))["complete"] and a, "all to answer", PATIENCE)
        self.shards["kb-2"].process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.shards["kb-2"].process.send_signal, signal.SIGCONT)
        # one of the others may be late, too, where the machine has much to do
        now = harness.wait_until(lambda: (a := self.say(**question))["complete"] and a, "an answer without it", PATIENCE)
        self.assertEqual({row["id"]: round(row["score"], 4) for row in now["results"]}, {row["id"]: round(row["score"], 4) for row in whole["results"]})
        told = self.say(action="add", namespace="n", documents=[{"id": "while", "text": "written while it hangs"}], to="kb-1")["documents"]
        self.assertEqual([d for d in told if "error" in d], [])
        self.shards["kb-2"].process.send_signal(signal.SIGCONT)
        self.until_level()
        for name in NAMES:
            self.assertEqual(self.say(action="get", namespace="n", id="while", to=name)["text"], "written while it hangs")


if __name__ == "__main__":
    harness.main()
