#!/usr/bin/env python3
"""A disk that is full under the knowledge base: it says so, has all that it acknowledged and nothing else, also after kill -9, goes on to be
searched, and takes more when there is room again."""
import signal
import sys

import faults
import harness
from faults import figure, small_disk, wait_until

sys.path.insert(0, str(harness.ROOT / "docs" / "clients" / "python"))
import troupe

DISK, ROOM = "12m", "64m"
BATCH, MOST = 20, 4000
PATIENCE = 120


class Disk(harness.SystemTest):
    def start(self):
        self.kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", self.place, env={"TROUPE_EMBEDDINGS": "ngrams"})
        self.kbd.wait_err("K001 ready")

    def ask(self, **content):
        return self.agent.ask("svc:kb", content, timeout=PATIENCE).answer()

    def add(self, ns, first):
        """The ids that are acknowledged, and whether all are; who is not is told why."""
        answer = self.ask(action="add", namespace=ns, documents=[
            {"id": f"d{n}", "text": f"document{n}x " + " ".join(f"word{n}x{i}" for i in range(300))} for n in range(first, first + BATCH)])
        if answer.performative != "inform":
            self.assertEqual(answer.content["reason"], "disk-full", answer.content)
            return [], False
        errors = [d["error"] for d in answer.content["documents"] if "error" in d]
        for error in errors:
            self.assertRegex(error, "full|No space")
        return [d["id"] for d in answer.content["documents"] if "error" not in d], not errors

    def read(self, **content):
        """What is read beside a write of its own (vectors are made meanwhile) that finds no room is taken back with it, and asked again."""
        def answer():
            told = self.ask(namespace="n", **content).content
            self.assertEqual(told.get("reason", "disk-full"), "disk-full", told)
            return None if "reason" in told else told
        return wait_until(answer, "an answer", PATIENCE)

    def listed(self):
        after, ids = "", []
        while after is not None:
            page = self.read(action="list", after=after)
            ids += [d["id"] for d in page["documents"]]
            after = page["after"]
        return ids

    def check(self, acknowledged):
        self.assertEqual(sorted(self.listed()), sorted(acknowledged))
        for id in acknowledged[::37]:
            found = self.read(action="search", query=f"document{id[1:]}x", mode="lexical", k=3)
            self.assertEqual([r["id"] for r in found["results"]], [id])

    def test_a_full_disk(self):
        self.place = f"{self.directory}/kb"
        grow = small_disk(self, self.place, DISK)
        self.at = self.broker()
        process = troupe.connect(self.at.endpoint, timeout=PATIENCE)
        self.addCleanup(process.close)
        self.agent = process.register("asker", timeout=PATIENCE)
        self.start()
        acknowledged, fits, first = [], True, 0
        while fits:
            ids, fits = self.add("n", first)
            acknowledged += ids
            first += BATCH
            self.assertLess(first, MOST, "the disk is not full")
        self.assertGreater(len(acknowledged), BATCH)
        self.check(acknowledged)
        self.kbd.process.kill()
        self.kbd.wait()
        wait_until(lambda: not self.agent.search(timeout=PATIENCE, services=[{"name": "kb"}]), "it to be gone", PATIENCE)
        self.start()
        self.check(acknowledged)
        full = len(acknowledged)
        grow(ROOM)
        ids, fits = self.add("n", first)
        self.assertTrue(fits)
        self.check(acknowledged + ids)
        self.assertEqual(self.kbd.stop(signal.SIGTERM).code, 0)
        figure("enospc-kb", f"a disk of {DISK} was full after {full} documents: said so, had these and no others, also after kill -9; with more room it went on")


if __name__ == "__main__":
    faults.main()
