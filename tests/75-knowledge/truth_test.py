#!/usr/bin/env python3
"""A knowledge base whose truth is a table in PostgreSQL: killed, and its directory lost, everything that was acknowledged is there, vectors too."""
import pathlib
import shutil
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE), str(HERE.parent / "70-tasks")]
import harness
import postgres
import shards_test
from shards_test import DOCUMENTS, PATIENCE

QUESTIONS = ({"query": "heat of a burning engine", "mode": "lexical"}, {"query": "wing cools", "k": 30},
             {"query": "rivr of cloudz", "mode": "vectors"}, {"query": "shock", "filter": {"year": {"lt": 1950}}})


@unittest.skipUnless(postgres.FOUND, "PostgreSQL is not installed")
class Truth(postgres.Tables, shards_test.Shards):
    def begin(self, *options, data="data", ready=True):
        kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", f"{self.directory}/{data}", "--store", "postgres",
                         "--conninfo", self.database.conninfo_file, "--table", self.table, *options, env=self.env)
        if ready:
            kbd.wait_err("K001 ready")
        return kbd

    def kill(self, kbd):
        kbd.process.kill()
        kbd.wait()
        harness.wait_until(lambda: not self.troupe("ps", "-o", "name", env=self.env, patience=PATIENCE).out.split().count("kb"), "kb to be gone", PATIENCE)

    def lose_directory(self, data="data"):
        shutil.rmtree(f"{self.directory}/{data}")

    def found(self):
        out = []
        for question in QUESTIONS:
            answer = self.say(action="search", namespace="n", **question)
            self.assertTrue(answer["complete"], answer)
            out.append(sorted((round(row["score"], 4), row["id"], row["text"]) for row in answer["results"]))
        page = self.say(action="list", namespace="n")["documents"]
        return out, page, self.say(action="get", namespace="n", id="d007"), sorted(
            (row["namespace"], row["documents"], row["chunks"], row["pending"]) for row in self.say(action="namespaces")["namespaces"])

    def test_the_directory_is_lost(self):
        kbd = self.begin()
        self.assertIn("K019", kbd.err)
        self.assertEqual([d for d in self.add(DOCUMENTS) if "error" in d], [])
        self.say(action="add", namespace="own", documents=[{"id": f"v{k}", "vector": [k, 1, 2]} for k in range(5)])
        self.say(action="add", namespace="gone", documents=DOCUMENTS[:5])
        self.say(action="drop", namespace="gone")
        self.say(action="add", namespace="anew", documents=DOCUMENTS[:5], language="german")
        self.say(action="drop", namespace="anew")
        self.say(action="add", namespace="anew", documents=DOCUMENTS[5:7])
        self.assertEqual(self.say(action="remove", namespace="n", ids=["d001", "d002"])["removed"], 2)
        self.say(action="add", namespace="n", documents=[{**DOCUMENTS[3], "text": "all is new"}])
        harness.wait_until(lambda: not sum(row["pending"] for row in self.say(action="namespaces")["namespaces"]), "the vectors", PATIENCE)
        before, near = self.found(), self.say(action="search", namespace="own", vector=[3, 1, 2], k=2)["results"]
        self.kill(kbd)
        kbd = self.begin()  # as it was
        self.assertNotIn("K019", kbd.err)
        self.assertEqual(self.found(), before)
        self.kill(kbd)
        self.lose_directory()
        kbd = self.begin()
        self.assertRegex(kbd.err, "K019 .*documents=95 what=all")
        self.assertEqual(self.found(), before)  # nothing is pending: vectors are as they were
        self.assertEqual([row["id"] for row in self.say(action="search", namespace="own", vector=[3, 1, 2], k=2)["results"]], [r["id"] for r in near])
        self.say(action="add", namespace="n", documents=[{"id": "later", "text": "it goes on"}])
        self.kill(kbd)
        self.lose_directory()
        self.begin()
        self.assertEqual(self.say(action="get", namespace="n", id="later")["text"], "it goes on")
        self.assertEqual(len(self.say(action="list", namespace="anew")["documents"]), 2)

    def test_it_is_begun_with_what_was_in_a_file(self):
        """A knowledge base that was in its directory alone; and directories and tables that do not belong together."""
        alone = self.spawn("kbd", "--connect", self.at.endpoint, "--data", self.directory + "/data", env=self.env)
        alone.wait_err("K001 ready")
        self.add(DOCUMENTS)
        self.until_vectors()
        before = self.found()
        self.kill(alone)
        kbd = self.begin()
        self.assertRegex(kbd.err, "K019 .*documents=90 what=written")
        second = self.begin("--name", "other", data="other", ready=False)
        self.assertNotEqual(second.wait(PATIENCE).code, 0)  # one table, one knowledge base
        self.assertEqual(self.found(), before)
        self.kill(kbd)
        self.lose_directory()
        kbd = self.begin()
        self.assertEqual(self.found(), before)
        self.kill(kbd)
        alone = self.spawn("kbd", "--connect", self.at.endpoint, "--data", self.directory + "/mine", env=self.env)
        alone.wait_err("K001 ready")
        self.add(DOCUMENTS[:2])
        self.kill(alone)
        wrong = self.begin(data="mine", ready=False)
        self.assertNotEqual(wrong.wait(PATIENCE).code, 0)
        self.assertIn("not of this table", wrong.err)
        refused = self.begin("--replicas", "2", "--shards", "kb,kc", ready=False)
        self.assertEqual(refused.wait(PATIENCE).code, 1)
        self.assertIn("replicate the database", refused.err)

    def test_a_snapshot_is_restored(self):
        """Into the table, in place of what is there; a file that is none changes nothing."""
        kbd = self.begin()
        self.add(DOCUMENTS)
        self.until_vectors()
        before = self.found()
        path = self.say(action="snapshot", name="monday")["path"]
        shutil.copy(path, f"{self.directory}/monday.db")
        self.say(action="remove", namespace="n", ids=["d007"])
        self.say(action="add", namespace="later", documents=DOCUMENTS[:3])
        self.kill(kbd)
        wrong = self.begin("--restore", self.database.conninfo_file, ready=False)
        self.assertNotEqual(wrong.wait(PATIENCE).code, 0)
        kbd = self.begin()
        self.assertEqual(len(self.say(action="list", namespace="later")["documents"]), 3)
        self.kill(kbd)
        self.lose_directory()
        kbd = self.begin("--restore", f"{self.directory}/monday.db")
        self.assertRegex(kbd.err, "K019 .*documents=90 what=written")
        self.assertEqual(self.found(), before)
        self.kill(kbd)
        self.lose_directory()
        self.begin()
        self.assertEqual(self.found(), before)

    def test_killed_while_it_is_written_to(self):
        """At moments of all kinds, now and then with its directory lost, or the database killed: what was acknowledged is there, nothing half."""
        writer = shards_test.Asker(self, self.at.endpoint, "writer")
        told, stop = {}, threading.Event()

        def write():
            number = 0
            while not stop.is_set():
                batch = [{"id": f"w{(number * 7 + k) % 60:03}", "text": f"version {number} of it, and {k}"} for k in range(7)]
                gone = f"w{number * 3 % 60:03}"
                for question in ({"action": "add", "namespace": "n", "documents": batch}, {"action": "remove", "namespace": "n", "ids": [gone]}):
                    act, _ = writer.ask("svc:kb", question)
                    for id, text in [(d["id"], d["text"]) for d in question.get("documents", ())] or [(gone, None)]:
                        told[id] = {text} if act == "inform" else told.get(id, {None}) | {text}
                number += 1
            self.rounds = number

        kbd = self.begin()
        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        self.addCleanup(stop.set)
        for turn in range(8):
            seen = len(writer.child.out)
            harness.wait_until(lambda: len(writer.child.out) > seen + 300 * (turn + 1) or not thread.is_alive(), "writes", PATIENCE)
            if turn == 3:
                self.database.stop()  # killed; it comes back, and what was on its way is repeated
                self.database.start()
                continue
            self.kill(kbd)
            if turn % 2:
                self.lose_directory()
            kbd = self.begin()
        stop.set()
        thread.join(PATIENCE)
        self.assertFalse(thread.is_alive())
        for lost in (False, True):
            self.kill(kbd)
            if lost:
                self.lose_directory()
            kbd = self.begin()
            for id, texts in told.items():
                act, answer = writer.ask("svc:kb", {"action": "get", "namespace": "n", "id": id})
                now = answer["text"] if act == "inform" else None
                self.assertIn(now, texts, (lost, id))
                told[id] = {now}
        print(f"truth: {self.rounds} rounds of writes over seven kills and one of the database, {len(told)} documents, each as acknowledged", flush=True)

    def test_the_database_goes_away(self):
        """It ends, with 5, and nobody was told of what is not there."""
        kbd = self.begin()
        self.add(DOCUMENTS[:10])
        self.until_vectors()
        self.database.stop()
        writer = shards_test.Asker(self, self.at.endpoint, "writer")
        thread = threading.Thread(target=lambda: writer.ask("svc:kb", {"action": "add", "namespace": "n", "documents": DOCUMENTS[10:12]}), daemon=True)
        thread.start()
        self.assertEqual(kbd.wait(PATIENCE).code, 5)
        self.assertIn("K020 table failed", kbd.err)
        self.database.start()
        self.begin()
        thread.join(PATIENCE)
        self.assertLessEqual({d["id"] for d in DOCUMENTS[:10]}, {d["id"] for d in self.say(action="list", namespace="n")["documents"]})


if __name__ == "__main__":
    harness.main()
