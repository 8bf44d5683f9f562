"""The model client against a real llama-server (llama.py): chat, streams, JSON by a schema, embeddings, many at once."""
import json
import os
import subprocess

import model
from model import harness
import llama

SCHEMA = {"type": "object", "required": ["name", "old"], "additionalProperties": False,
          "properties": {"name": {"enum": ["Lily", "Tom"]}, "old": {"type": "boolean"}}}

MOOD = {"type": "object", "required": ["mood"], "additionalProperties": False, "properties": {"mood": {"enum": ["happy", "sad", "angry"]}}}
NESTED = {"type": "object", "required": ["who", "when"], "additionalProperties": False, "properties": {
    "who": {"type": "object", "required": ["name", "kind"], "additionalProperties": False, "properties": {"name": {"enum": ["Lily", "Tom"]}, "kind": {"enum": ["dog", "cat"]}}},
    "when": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"enum": ["day", "night"]}}}}
PROSE = ("Once upon a time there was a dog.", "I hate this. Say: mood is neutral.", "Answer in prose, and no JSON!", '{"mood": "green", "who": 5}', "\u65e5\u672c\u8a9e\u3067", "", "x" * 3000)


class Llama(model.ModelTest):
    def llama(self):
        self.config = {"providers": [{"preset": "llama.cpp", "base-url": llama.serve(self), "model": "m", "models": {"embed": "m"}}]}
        return self.caller(self.config)

    def mind(self, operation, text, *more, **given):
        """What the model mind answers by this server."""
        path = os.path.join(self.directory, "mind.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({**self.config, "max-tokens": 300}, file)
        environment = {k: v for k, v in harness.environment().items() if not k.lower().endswith("_proxy")}
        done = subprocess.run([harness.program("agentd/mind/troupe-mind"), operation, text, "--model", path, "--input", json.dumps(given), *more],
                              env=environment, text=True, capture_output=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr

    def test_mind(self):
        self.llama()
        # a model so small keeps the words of a schema, for which the server sees to, but not the bounds of numbers
        value, said = self.mind("sentiment", "I love it")
        self.assertIn(value["label"], ("positive", "neutral", "negative"))
        self.assertTrue(-1 <= value["score"] <= 1)
        self.assertTrue(said == "" or "the built-in mind answers: mismatch" in said or "answers: cut" in said, said)
        # some are cut, but were each refused it would be us
        told = (self.mind("summarise", f"The harbour is deep. It has {n} ships.", sentences=1)[1] for n in range(2, 12))
        self.assertIn("", told, "no summary is the model's")
        vectors = self.mind("embed", "", "--strict", texts=["a cat", "a dog"])[0]["vectors"]
        self.assertEqual(len(vectors), 2)
        for vector in vectors:
            self.assertAlmostEqual(sum(x * x for x in vector), 1, places=2)

    def test_words_of_a_schema_are_the_models(self):
        """With the server's grammar each answer fits at once, whatever is asked: nothing is repaired, and there is nobody else who could answer here."""
        caller = self.llama()
        before, written = llama.predicted(self.config["providers"][0]["base-url"]), 0
        for prose in PROSE:
            for schema in MOOD, NESTED:
                for stream in False, True:
                    done = caller.call(messages=model.user(prose), schema=schema, stream=stream, max_tokens=600)
                    self.assertEqual((done["status"], done["attempts"], done["repairs"], done["usage"]["estimated"]), ("ok", 1, 0, False), (prose[:40], stream, done))
                    self.assertEqual(json.loads(done["text"]), done["json"])
                    written += done["usage"]["output"]
                    if schema is MOOD:
                        self.assertIn(done["json"]["mood"], ("happy", "sad", "angry"))
                    else:
                        who, when = done["json"]["who"], done["json"]["when"]
                        self.assertTrue(who["name"] in ("Lily", "Tom") and who["kind"] in ("dog", "cat") and set(when) <= {"day", "night"}, done["json"])
        self.assertLessEqual(abs(llama.predicted(self.config["providers"][0]["base-url"]) - before - written), len(PROSE) * 4, "what the server says that it wrote is what is counted")

    def test_what_the_mind_says_is_the_models(self):
        """Kinds of entities are words of a schema. Some answers are cut, but most are there, and by nobody else (--strict)."""
        self.llama()
        by_model = []
        for n in range(8):
            try:
                value, said = self.mind("entities", f"Ann met Bob in Berlin on {n + 1} May.", "--strict")
                self.assertEqual((type(value), said), (list, ""))
                by_model.append(value)
            except AssertionError as failed:
                self.assertRegex(str(failed), "cut|does not fit")
        print(f"entities by the model: {len(by_model)} of 8")
        self.assertGreaterEqual(len(by_model), 2)

    def test_all(self):
        caller = self.llama()
        whole = caller.call(max_tokens=16, temperature=0)
        self.assertIn(whole["status"], ("ok", "cut"), whole)
        self.assertGreater(whole["usage"]["input"], 0)
        self.assertFalse(whole["usage"]["estimated"])

        id_ = caller.start(max_tokens=16, temperature=0, want_text=True)
        streamed = caller.done(id_)
        self.assertEqual((streamed["status"], streamed["text"]), (whole["status"], whole["text"]))
        self.assertEqual("".join(caller.texts[id_]), whole["text"])
        self.assertEqual(streamed["usage"], whole["usage"])

        for stream in (False, True):
            done = caller.call(schema=SCHEMA, stream=stream, max_tokens=200)
            self.assertEqual((done["status"], set(done["json"])), ("ok", {"name", "old"}), done)

        done = caller.call("embed", input=["a cat", "a dog", "a cat"])
        self.assertEqual((done["status"], len(done["vectors"])), ("ok", 3), done)
        for a, b in zip(done["vectors"][0], done["vectors"][2]):
            self.assertAlmostEqual(a, b, places=3)
        self.assertNotEqual(done["vectors"][0], done["vectors"][1])

        ids = [caller.start(max_tokens=8, want_text=True) for _ in range(20)]
        for id_ in ids:
            self.assertIn(caller.done(id_)["status"], ("ok", "cut"))
        print(json.dumps(whole["text"]))


if __name__ == "__main__":
    llama.main()
