#!/usr/bin/env python3
"""kill -9 of one of two shards at random moments while documents move between them, in one direction and the other, and new versions come.

When it has come back and nothing moves any more, every document is there once, in a version that may be there, its vector is made, and it is with whom it
belongs to.

A moment is as in kill_kb_test.py:  TROUPE_FAULT_SEED=N tests/faults/kill_kb_move_test.py [--long]
"""
import os
import pathlib
import random
import signal
import sys
import time

import faults
import harness
from faults import LONG, figure, wait_until

sys.path.insert(0, str(harness.ROOT / "docs" / "clients" / "python"))
import troupe

KILLS = 200 if LONG else 6
SEED = int(os.environ.get("TROUPE_FAULT_SEED", random.SystemRandom().randrange(1 << 31) if LONG else 11))
DOCUMENTS, CHANGED = 160, 12
NAMES = ("kb-1", "kb-2")
LAYOUTS = ("kb-1,kb-2", "kb-1,kb-2:leaving")  # the second gets its half, and gives it back
PATIENCE = 120
PRELOAD = {"LD_PRELOAD": harness.program("tests/faults/fail.so"), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0",
           "TROUPE_FAIL_KILL": "1"}


class Move(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker()
        self.chance = random.Random(SEED)
        self.shards, self.versions = {}, {}
        self.calls, self.hit = 120, 0
        process = troupe.connect(self.at.endpoint, timeout=PATIENCE)
        self.addCleanup(process.close)
        self.agent = process.register("asker", timeout=PATIENCE)

    # their lives

    def start(self, name, layout, **env):
        self.shards[name] = self.spawn("kbd", "--connect", self.at.endpoint, "--name", name, "--data", f"{self.directory}/{name}", "--shards", layout,
                                       "--search-time", "500ms", env={"TROUPE_EMBEDDINGS": "ngrams", **env})

    def is_dead(self, name):
        return self.shards[name].process.poll() is not None

    def until_ready(self, name):
        wait_until(lambda: "K001 ready" in self.shards[name].err or self.is_dead(name), f"{name} to be ready", PATIENCE)

    def end(self, name):
        """By kill -9, and until the broker knows."""
        self.shards[name].process.kill()
        self.shards[name].wait()
        wait_until(lambda: not self.agent.search(timeout=PATIENCE, name=name), f"{name} to be gone", PATIENCE)

    # what they are asked

    def ask(self, **content):
        """None: who was asked is gone, or could not do it."""
        try:
            answer = self.agent.ask("svc:kb", content, timeout=PATIENCE).answer()
        except (troupe.Undelivered, troupe.Refused):
            return None
        return answer.content if answer.performative == "inform" else None

    def add(self, version, numbers):
        """What is not said to be there may be there."""
        told = self.ask(action="add", namespace="n", documents=[
            {"id": f"d{n}", "text": f"document{n}x version{version}y has some words", "metadata": {"number": n, "version": version}} for n in numbers])
        taken = {d["id"] for d in (told or {}).get("documents", ()) if "error" not in d}
        for n in numbers:
            self.versions[n] = [version] if f"d{n}" in taken else [*self.versions.get(n, [None]), version]

    def rows(self):
        return {row["shard"]: row for row in (self.ask(action="shards") or {"shards": []})["shards"]}

    def is_settled(self, layout):
        rows = self.rows()
        states = [rows.get(name, {}).get("state") for name in NAMES]
        return states == ["here", "left" if "leaving" in layout else "here"] and \
            sum(row["documents"] for row in rows.values()) == sum(None not in v for v in self.listed().values())

    def listed(self):
        """The versions of each that is told."""
        after, have = "", {}
        while after is not None:
            page = self.ask(action="list", namespace="n", after=after)
            if page is None:
                return {-1: [None]}
            for d in page["documents"]:
                have.setdefault(d["metadata"]["number"], []).append(d["metadata"]["version"])
            after = page["after"]
        return have

    # the moments

    def moment(self, number):
        layout, victim = LAYOUTS[number % 2], self.chance.choice(NAMES)
        call = self.chance.randint(1, self.calls) if number % 3 else None
        seconds = self.chance.random() * .8
        print(f"seed {SEED}, moment {number}: {victim} of {layout}, {f'call {call}' if call else f'after {seconds:.3f} s'}", flush=True)
        for name in NAMES:
            meant = {**PRELOAD, "TROUPE_FAIL": f"disk:{call}:5:/{name}/"} if call and name == victim else {}
            self.start(name, layout, **meant)
        for name in NAMES:
            self.until_ready(name)
        self.add(number, self.chance.sample(range(DOCUMENTS), CHANGED))
        if call:
            wait_until(lambda: self.is_dead(victim) or self.is_settled(layout), "the end, or all to have moved", PATIENCE)
            self.hit += self.is_dead(victim)
            self.calls = self.calls if self.is_dead(victim) else max(call, 20)
        else:
            time.sleep(seconds)  # the moment is what is tried
        self.end(victim)
        self.start(victim, layout)
        self.until_ready(victim)
        self.check(layout)
        for name in NAMES:
            self.end(name)

    def check(self, layout):
        wait_until(lambda: self.is_settled(layout), "all to have moved", PATIENCE)
        have = self.listed()
        self.assertEqual(set(have), set(range(DOCUMENTS)))
        for n, versions in have.items():
            self.assertEqual(len(versions), 1, n)
            self.assertIn(versions[0], self.versions[n], n)
            self.versions[n] = versions
        wait_until(lambda: [row["pending"] for row in (self.ask(action="namespaces") or {"namespaces": []})["namespaces"]] == [0], "the vectors", PATIENCE)
        second = self.rows()["kb-2"]["documents"]
        if "leaving" in layout:
            self.assertEqual(second, 0)
        else:
            self.assertTrue(DOCUMENTS / 4 < second < DOCUMENTS * 3 / 4, second)
        for n in self.chance.sample(range(DOCUMENTS), 3):
            told = self.ask(action="search", namespace="n", query=f"document{n}x", mode="lexical", k=3)
            self.assertEqual([(r["metadata"]["number"], r["metadata"]["version"]) for r in told["results"]], [(n, have[n][0])])

    def test_moves(self):
        self.start("kb-1", "kb-1")
        self.until_ready("kb-1")
        for at in range(0, DOCUMENTS, 40):
            self.add(0, range(at, at + 40))
        self.end("kb-1")
        for number in range(1, KILLS + 1):
            self.moment(number - 1)
        figure("kill_kb_move", f"{self.hit} of {KILLS} ends were at the disk; seed {SEED}")
        for name in NAMES:
            self.start(name, LAYOUTS[0])
            self.until_ready(name)
        for name in NAMES:
            self.assertEqual(self.shards[name].stop(signal.SIGTERM).code, 0)


if __name__ == "__main__":
    faults.main()
