#!/usr/bin/env python3
"""Vectors by a model server: in batches, no text asked for twice, again after a failure; documents are found by words meanwhile."""
import asyncio
import json
import pathlib
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "60-model")]
import harness
import knowledge_test
import model

DIMENSIONS = 1024


def vector(text):
    """A text's words, each at a place of its own: what has the same words is near."""
    numbers = [0.0] * DIMENSIONS
    for word in text.replace(".", " ").lower().split():
        numbers[zlib.crc32(word.encode()) % DIMENSIONS] += 3.0
    return numbers


def embeds(dimensions=DIMENSIONS):
    async def behave(request, writer):
        data = [{"index": n, "embedding": vector(text)[:dimensions]} for n, text in enumerate(request.json["input"])]
        return await model.body(json.dumps({"data": data, "model": request.json["model"]}))(request, writer)
    return behave


def embeds_but(word):
    """Refuses what has a text with this word, as servers do with what is too long for them."""
    async def behave(request, writer):
        refuses = any(word in text for text in request.json["input"])
        return await (model.status(400, "it is too long") if refuses else embeds())(request, writer)
    return behave


class Held:
    """Answers when it is opened."""

    def __init__(self, server):
        self.loop, self.opened = server.loop, asyncio.Event()

    def open(self):
        self.loop.call_soon_threadsafe(self.opened.set)

    async def behave(self, request, writer):
        await self.opened.wait()
        return await embeds()(request, writer)


class Embedding(knowledge_test.KnowledgeTest):
    server = None
    url = None

    def start(self, *arguments, name="a-model"):
        if not self.server:
            self.server = model.Server()
            self.server.usual = embeds()
            self.addCleanup(self.server.stop)
        provider = self.server.provider(**{"models": {"embed": "another"}, "base-url": self.url or self.server.url})
        path = pathlib.Path(self.directory) / "server.yaml"
        path.write_text(json.dumps({"providers": [provider], **model.QUICK}))
        self.env["TEST_MODEL_KEY"] = "the-key"
        super().start("--embed-config", str(path), "--embed-model", name, "--embed-dimensions", str(DIMENSIONS), *arguments)

    def restart(self, name="a-model"):
        self.assertEqual(self.kbd.stop().code, 0, self.kbd.err)
        self.start(name=name)

    def write(self, count):
        for n in range(count):
            (self.files / f"{n}.txt").write_text(f"number{n} of many")

    def pending(self):
        return sum(row["pending"] for row in self.kb("stat", "-o", "json").json())

    def wait_for_vectors(self):
        harness.wait_until(lambda: self.pending() == 0, "the vectors", 120)

    def texts(self, name="a-model"):
        """What was asked for, but for the questions of searches."""
        asked = [r.json["input"] for r in list(self.server.requests) if r.json["model"] == name]
        return [text for texts in asked for text in texts if " of many" in text]

    def test_no_text_is_asked_for_twice(self):
        self.write(70)
        self.add()
        self.wait_for_vectors()
        self.assertEqual(len(set(self.texts())), 70)
        self.assertEqual(len(self.texts()), 70)
        self.assertLessEqual(max(len(r.json["input"]) for r in self.server.requests), 32)
        self.assertEqual({r.headers["authorization"] for r in self.server.requests}, {"Bearer the-key"})
        self.assertEqual({r.path for r in self.server.requests}, {"/v1/embeddings"})
        self.assertEqual(self.found("number7 of many", "--mode", "vectors", "-k", "1"), ["7.txt"])
        for n in range(70):
            (self.files / f"{n}.txt").unlink()
        self.kb("rm", "-n", "n", *[f"{n}.txt" for n in range(70)])
        self.restart()
        self.write(71)
        self.add()
        self.wait_for_vectors()
        self.assertEqual(len([text for text in self.texts() if text.startswith("70")]), 1)
        self.assertEqual(len(self.texts()), 71 + self.questions())
        self.assertNotIn("the-key", self.kbd.err)

    def test_what_vectors_cost_is_known(self):
        """As of any other call of a model, to the broker (AMS: spending)."""
        self.write(70)
        self.add()
        self.wait_for_vectors()

        def told():
            done = self.troupe("ask", "ams", json.dumps({"action": "spending"}), "-o", "json", "--connect", self.at.endpoint)
            spent = done.json()["spent"] if done.code == 0 else []
            return spent if spent and spent[0]["calls"] == len(self.server.requests) else None
        spent = harness.wait_until(told, "all calls to be counted")
        self.assertEqual((len(spent), spent[0]["agent"], spent[0]["model"], spent[0]["failed"]), (1, "kb@local", "a-model", 0))
        self.assertGreater(spent[0]["input"], 70)

    def questions(self):
        return sum(r.json["input"] == ["number7 of many"] for r in self.server.requests)

    def test_failures_are_repeated(self):
        self.server.does(model.status(429, headers={"Retry-After": "0"}), model.status(500), model.status(503), model.status(500))
        self.write(3)
        self.add()
        self.wait_for_vectors()
        self.assertEqual(self.found("number1 of many", "--mode", "vectors", "-k", "1"), ["1.txt"])

    def test_words_suffice_while_the_server_fails(self):
        self.server.usual = model.status(500)
        self.write(3)
        self.add()
        self.kbd.wait_err("K011")
        self.assertEqual(self.found("number1"), ["1.txt"])
        self.assertEqual(self.found("number1", "--mode", "hybrid"), ["1.txt"])
        self.kb("search", "number1", "-n", "n", "--mode", "vectors", code=3)
        self.assertEqual(self.pending(), 3)
        self.server.usual = embeds()
        self.wait_for_vectors()
        harness.wait_until(lambda: self.found("number1 of many", "--mode", "vectors", "-k", "1") == ["1.txt"], "vectors")

    def test_a_text_that_is_refused_holds_up_no_other(self):
        self.server.usual = embeds_but("poison")
        for n in (0, 2):
            (self.files / f"poison{n}.txt").write_text(f"poison{n} of many")
        self.write(40)
        self.add()
        harness.wait_until(lambda: self.pending() == 2, "all others to have their vectors", 120)
        self.kbd.wait_err("which is asked for again in 60 s")
        self.assertEqual(self.found("poison2"), ["poison2.txt"])
        self.assertEqual(self.found("number7 of many", "--mode", "vectors", "-k", "1"), ["7.txt"])
        asked = len(self.texts())
        (self.files / "late.txt").write_text("late of many")
        self.add()
        harness.wait_until(lambda: len(self.texts()) > asked, "what came later to be asked for")
        self.assertEqual(self.texts()[asked:], ["late.txt. late of many"])  # and not what was refused
        self.server.usual = embeds()
        self.restart()
        self.wait_for_vectors()
        self.assertEqual(self.found("poison0 of many", "--mode", "vectors", "-k", "1"), ["poison0.txt"])

    def test_vectors_of_another_size_are_refused(self):
        self.server.usual = embeds(DIMENSIONS // 2)
        self.write(1)
        self.add()
        self.kbd.wait_err(f"--embed-dimensions says {DIMENSIONS}")
        self.assertEqual(self.found("number0"), ["0.txt"])
        self.assertEqual(self.pending(), 1)

    def test_nobody_listens(self):
        self.url = "http://127.0.0.1:1/v1"
        self.restart()
        self.write(3)
        self.add()
        self.kbd.wait_err("K011")
        self.assertEqual(self.found("number1", "--mode", "hybrid"), ["1.txt"])
        self.url = None
        self.restart()
        self.wait_for_vectors()
        self.assertEqual(self.found("number1 of many", "--mode", "vectors", "-k", "1"), ["1.txt"])

    def test_another_model_makes_all_anew(self):
        self.write(40)
        self.add()
        self.wait_for_vectors()
        held = Held(self.server)
        self.server.usual = held.behave
        self.restart(name="b-model")
        harness.wait_until(lambda: self.texts("b-model"), "the new model to be asked")
        self.assertEqual(self.pending(), 40)
        self.assertEqual(self.found("number1"), ["1.txt"])
        held.open()
        self.wait_for_vectors()
        self.assertEqual(sorted(self.texts("b-model")), sorted(self.texts("a-model")))
        self.assertEqual(self.found("number9 of many", "--mode", "vectors", "-k", "1"), ["9.txt"])
        self.restart()
        self.wait_for_vectors()
        self.assertEqual(len(self.texts("a-model")), 40)

    def test_what_is_missing_is_said(self):
        done = self.run_program("kbd", "--embed-model", "m", "--check")
        self.assertEqual((done.code, "are given together" in done.err), (1, True), done)


if __name__ == "__main__":
    harness.main()
