#!/usr/bin/env python3
"""kill -9 of the knowledge base at random moments: while documents come, while its index is made anew, while a snapshot is written.

After each of them: what was acknowledged is there, every document is whole and one of those that
were sent, words and vectors find exactly what there is, every snapshot is whole, and nothing that lies about is taken for whole.

A moment is the n-th call that changes something on the disk since the program began (its start is among them), or a time after it was asked. Which
ones, says the seed, which is printed:  TROUPE_FAULT_SEED=N tests/faults/kill_kb_test.py [--long] [Kill.test_load]
"""
import os
import pathlib
import random
import signal
import sqlite3
import sys
import time

import faults
import harness
from faults import LONG, figure, wait_until

sys.path.insert(0, str(harness.ROOT / "docs" / "clients" / "python"))
import troupe

KILLS = 67 if LONG else 5  # of each kind
SEED = int(os.environ.get("TROUPE_FAULT_SEED", random.SystemRandom().randrange(1 << 31) if LONG else 11))
BATCH, PAGE = 25, 500
PATIENCE = 120
PRELOAD = {"LD_PRELOAD": harness.program("tests/faults/fail.so"), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0",
           "TROUPE_FAIL_KILL": "1"}


def text_of(number, version):
    return f"document{number}x version{version}y " + f"word{number % 97} " * 6


class Kill(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker()
        self.data = pathlib.Path(self.directory) / "kb"
        self.versions = {}  # of each document: the versions that may be there
        self.chance = random.Random(f"{SEED} {self.id()}")
        self.calls = 300  # on the disk, that a life makes at most: less, when one was not ended by so many
        self.hit = 0
        process = troupe.connect(self.at.endpoint, timeout=PATIENCE)
        self.addCleanup(process.close)
        self.agent = process.register("asker", timeout=PATIENCE)

    # what it is asked

    def begin(self, **content):
        return self.agent.ask("svc:kb", content, timeout=PATIENCE)

    def ask(self, **content):
        return self.answer(self.begin(**content))

    def answer(self, question):
        """Of one that lives."""
        answer = question.answer()
        self.assertEqual(answer.performative, "inform", answer.content)
        return answer.content

    def answered(self, question):
        """Of one that is killed meanwhile: None where it did not say that it has done it."""
        try:
            answer = question.answer()
        except troupe.Undelivered:
            return None
        return answer.content if answer.performative == "inform" else None

    def add(self, numbers, version):
        return self.begin(action="add", namespace="n", documents=[
            {"id": str(n), "text": text_of(n, version), "metadata": {"number": n, "version": version}} for n in numbers])

    def stat(self):
        return next((row for row in self.ask(action="namespaces")["namespaces"]), None)

    # its lives

    def start(self, **env):
        self.kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", str(self.data), "--index-delta", "1024",
                              env={"TROUPE_EMBEDDINGS": "ngrams", **env})
        wait_until(lambda: "K001 ready" in self.kbd.err or self.is_dead(), "it to be ready", PATIENCE)

    def live(self):
        self.start()
        self.assertIn("K001 ready", self.kbd.err)

    def is_dead(self):
        return self.kbd.process.poll() is not None

    def kill(self):
        self.kbd.process.kill()
        self.kbd.wait()
        wait_until(lambda: not self.agent.search(timeout=PATIENCE, services=[{"name": "kb"}]), "it to be gone", PATIENCE)

    def fill(self, count):
        self.live()
        for at in range(0, count, 100):
            self.answer(self.add(range(at, at + 100), 0))
        self.versions = {n: [0] for n in range(count)}
        wait_until(lambda: self.stat()["pending"] == 0, "the vectors", PATIENCE)
        self.kill()

    def moments(self, begin, settled, see):
        """begin(version) asks for what the kill is to hit: each question with the documents that it adds; settled() says when all of that is done,
        and see() looks once more after each life."""
        for version in range(1, KILLS + 1):
            asked = self.die(version, begin, settled)
            self.live()
            self.hear(version, asked)
            self.check(version)
            see()
            self.kill()
        figure(self.id().rsplit(".", 1)[-1].replace("test", "kill_kb"), f"{self.hit} of {KILLS} ends were at the disk; seed {SEED}")

    def die(self, version, begin, settled):
        call = self.chance.randint(1, self.calls) if version % 3 else None
        seconds = self.chance.random() * .6
        print(f"seed {SEED}, moment {version}: {f'call {call}' if call else f'after {seconds:.3f} s'}", flush=True)
        self.start(**({**PRELOAD, "TROUPE_FAIL": f"disk:{call}:5:/kb/"} if call else {}))
        asked = []
        try:
            for question in begin(version):
                asked.append(question)
        except troupe.Refused:  # it has ended already: that one was not sent
            pass
        if call:
            wait_until(lambda: self.is_dead() or all(question.answers or question.error for question, _ in asked) and settled(),
                       "all of it to be done, or the end", PATIENCE)
            self.hit += self.is_dead()
            self.calls = self.calls if self.is_dead() else call
        else:
            time.sleep(seconds)  # the moment is what is tried
        self.kill()
        return asked

    def hear(self, version, asked):
        """What had not reached it when it ended is done in this life."""
        for question, numbers in asked:
            answer = self.answered(question)
            for number in numbers:
                self.versions[number] = [version] if answer else [*self.versions.get(number, [None]), version]
            for document in (answer or {}).get("documents", ()):
                self.assertNotIn("error", document)

    def some(self, count, version):
        """Three messages of documents, of the first so many."""
        numbers = self.chance.sample(range(count), 3 * BATCH)
        for at in range(0, 3 * BATCH, BATCH):
            yield self.add(numbers[at:at + BATCH], version), numbers[at:at + BATCH]

    # what there must be

    def listed(self):
        after, have = "", {}
        while after is not None:
            page = self.ask(action="list", namespace="n", after=after)
            have.update({d["metadata"]["number"]: d["metadata"]["version"] for d in page["documents"]})
            after = page["after"]
        return have

    def search(self, query, mode, **more):
        """Until the index is there again answers say that they are not complete."""
        def answer():
            told = self.ask(action="search", namespace="n", query=query, mode=mode, text=False, **more)
            return [told["results"]] if told["complete"] else None
        results = wait_until(answer, "a complete answer", PATIENCE)[0]
        found = {r["metadata"]["number"]: r["metadata"]["version"] for r in results}
        self.assertEqual(len(found), len(results))
        return found, results

    def check(self, version):
        if not self.stat():
            self.assertTrue(all(None in versions for versions in self.versions.values()), "the namespace is gone")
            return
        have = self.listed()
        self.assertLessEqual(set(have), set(self.versions))
        for number, versions in self.versions.items():
            self.assertIn(have.get(number), versions, number)
            self.versions[number] = [have.get(number)]
        wait_until(lambda: self.stat()["pending"] == 0, "the vectors", PATIENCE)
        self.check_words(version, have)
        self.check_vectors(have)

    def check_words(self, version, have):
        for each in (v for v in (version, version - 1) if v):
            found, _ = self.search(f"version{each}y", "lexical", k=1000, filter={"version": each})
            self.assertEqual(found, {n: v for n, v in have.items() if v == each})
        for number in self.chance.sample(sorted(self.versions), 3):
            found, _ = self.search(f"document{number}x", "lexical", k=3)
            self.assertEqual(found, {n: v for n, v in have.items() if n == number})

    def check_vectors(self, have):
        """All are compared where a filter passes all of a part: what the index lacks, or has twice, shows."""
        found = {}
        for at in range(0, max(self.versions) + 1, PAGE):
            found.update(self.search("x", "vectors", k=1000, filter={"number": {"gte": at, "lt": at + PAGE}})[0])
        self.assertEqual(found, have)
        for number in self.chance.sample(sorted(have), min(3, len(have))):
            _, results = self.search(text_of(number, have[number]), "vectors", k=1, filter={"number": {"gte": 0}})
            self.assertEqual(results[0]["id"], str(number))

    def end(self):
        """Nothing lies about, and it ends as it is asked to."""
        self.live()
        self.search("x", "vectors", k=1)
        self.assertEqual(self.kbd.stop(signal.SIGTERM).code, 0)
        self.assertEqual(list((self.data / "index").glob("*.part")), [])

    # what is done meanwhile

    def test_load(self):
        self.moments(lambda version: self.some(300, version), lambda: True, lambda: None)
        self.end()

    def test_compaction(self):
        self.fill(2200)

        def begin(version):
            yield from self.some(2200, version)
            for content in ({"action": "search", "query": "x", "mode": "vectors", "k": 1}, {"action": "compact"}):
                yield self.begin(namespace="n", **content), ()

        def settled():
            try:
                row = self.stat()
            except troupe.Undelivered:
                return False
            return row["index"] == "ready" and row["segments"] + (row["delta"] > 0) <= 1
        self.moments(begin, settled, lambda: None)
        self.end()

    def test_snapshot(self):
        self.fill(300)
        kept = []

        def begin(version):
            adding = self.some(300, version)
            yield next(adding)
            yield self.begin(action="snapshot", name=f"s{version % 3}"), ()
            yield from adding

        def see():
            for path in (self.data / "snapshots").glob("*.db"):
                with sqlite3.connect(path) as db:
                    self.assertEqual(db.execute("PRAGMA integrity_check(1)").fetchone()[0], "ok", path)
                    self.assertEqual(db.execute("SELECT count(*) FROM document").fetchone()[0], 300)
                db.close()
                kept[:] = [path]
        self.moments(begin, lambda: True, see)
        self.restored(kept)
        self.end()

    def restored(self, kept):
        """The last one that was written, in the place of what there is."""
        for path in kept:
            kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", str(self.data), "--restore", str(path), env={"TROUPE_EMBEDDINGS": "ngrams"})
            kbd.wait_err("K001 ready")
            self.kbd = kbd
            self.versions = {number: [version] for number, version in self.listed().items()}
            self.assertEqual(len(self.versions), 300)
            self.check(0)
            self.kill()


if __name__ == "__main__":
    faults.main()
