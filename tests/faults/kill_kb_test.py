#!/usr/bin/env python3
"""kill -9 of the knowledge base at random moments, while documents come, its index is made anew and a snapshot is written.

So often: KILLS. After each: what was acknowledged is there, every document is whole and one of those that were sent, words
and vectors find it, every snapshot is one, and nothing half lies about that is taken for whole.
"""
import json
import pathlib
import random
import signal
import sqlite3
import time

import faults
import harness
from faults import LONG

KILLS = 200 if LONG else 10
DOCUMENTS = 1600
BATCH = 40


def text_of(number, version):
    return f"document{number}x version{version}y " + f"word{number % 97} " * 6


class KillTheKnowledgeBase(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker()
        self.env = {"TROUPE_CONNECT": self.at.endpoint, "TROUPE_EMBEDDINGS": "ngrams"}
        self.data = pathlib.Path(self.directory) / "kb"
        self.versions = {}  # of each document: the versions that may be there, the acknowledged one first
        self.chance = random.Random(11)

    def start(self):
        self.kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", str(self.data), "--index-delta", "1024", env=self.env)
        self.kbd.wait_err("K001 ready")

    def kill(self):
        self.kbd.process.kill()
        self.kbd.wait()
        harness.wait_until(lambda: self.troupe("df", "search", "--service", "kb", "-o", "name", env=self.env).out == "", "it to be gone")

    def ask(self, **content):
        done = self.troupe("ask", "svc:kb", json.dumps(content), env=self.env)
        self.assertEqual(done.code, 0, done)
        return json.loads(done.out)

    def documents(self, numbers, version):
        return [{"id": str(n), "text": text_of(n, version), "metadata": {"number": n, "version": version}} for n in numbers]

    def fill(self):
        for at in range(0, DOCUMENTS, 400):
            self.ask(action="add", namespace="n", documents=self.documents(range(at, at + 400), 0))
        self.versions = {n: [0] for n in range(DOCUMENTS)}
        harness.wait_until(lambda: self.ask(action="namespaces")["namespaces"][0]["pending"] == 0, "the vectors", 120)

    def disturb(self, version):
        """Begins what the kill is to hit, and kills. Which of it was acknowledged is seen after that."""
        numbers = self.chance.sample(range(DOCUMENTS), BATCH)
        begun = []
        for content in ({"action": "search", "namespace": "n", "query": "x", "mode": "vectors", "k": 1}, {"action": "compact", "namespace": "n"},
                        {"action": "add", "namespace": "n", "documents": self.documents(numbers, version)},
                        {"action": "snapshot", "name": f"s{version % 3}"}):
            begun.append(self.spawn("troupe", "ask", "--timeout", "2s", "svc:kb", json.dumps(content), env=self.env))
        for number in numbers:
            self.versions[number].append(version)
        moment = self.chance.random() * .4
        adder = begun[2]
        time.sleep(moment)  # the moment is what is tried
        self.kill()
        if adder.wait().code == 0:
            for number in numbers:
                self.versions[number] = [version]
        for child in begun:
            child.wait()

    def check_documents(self):
        after, have = "", {}
        while after is not None:
            page = self.ask(action="list", namespace="n", after=after)
            have.update({d["metadata"]["number"]: d["metadata"]["version"] for d in page["documents"]})
            after = page["after"]
        self.assertEqual(len(have), DOCUMENTS)
        for number, version in have.items():
            self.assertIn(version, self.versions[number], number)
            self.versions[number] = [version]

    def search(self, query, mode, **more):
        """Vectors: when the index is there again; until then answers say that they are not complete."""
        def answer():
            told = self.ask(action="search", namespace="n", query=query, mode=mode, **more)
            return told["results"] if told["complete"] else None
        return harness.wait_until(answer, "a complete answer", 60)

    def check_some(self):
        for number in self.chance.sample(range(DOCUMENTS), 4):
            version = self.versions[number][0]
            self.assertEqual(self.ask(action="get", namespace="n", id=str(number))["text"].strip(), text_of(number, version).strip())
            for mode in ("lexical", "vectors"):
                found = self.search(text_of(number, version), mode, filter={"number": number})
                self.assertEqual([(r["id"], r["metadata"]["version"]) for r in found], [(str(number), version)], mode)
            for old in self.search(f"document{number}x", "lexical", k=5):
                self.assertEqual(old["metadata"]["version"], self.versions[int(old["id"])][0])

    def check_snapshots(self):
        for path in (self.data / "snapshots").glob("*.db") if (self.data / "snapshots").exists() else ():
            with sqlite3.connect(path) as db:
                self.assertEqual(db.execute("PRAGMA quick_check(1)").fetchone()[0], "ok", path)
                self.assertEqual(db.execute("SELECT count(*) FROM document").fetchone()[0], DOCUMENTS)
            db.close()

    def test_kill(self):
        self.start()
        self.fill()
        for version in range(1, KILLS + 1):
            self.disturb(version)
            self.start()
            self.check_documents()
            harness.wait_until(lambda: self.ask(action="namespaces")["namespaces"][0]["pending"] == 0, "the vectors", 60)
            self.check_some()
            self.check_snapshots()
        self.assertEqual(list((self.data / "index").glob("*.part")), [])
        self.assertEqual(self.kbd.stop(signal.SIGTERM).code, 0)


if __name__ == "__main__":
    faults.main()
