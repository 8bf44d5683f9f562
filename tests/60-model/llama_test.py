"""The model client against a real llama-server (llama.py): chat, streams, JSON by a schema, embeddings, many at once."""
import json
import os
import subprocess

import model
from model import harness
import llama

SCHEMA = {"type": "object", "required": ["name", "old"], "additionalProperties": False,
          "properties": {"name": {"enum": ["Lily", "Tom"]}, "old": {"type": "boolean"}}}


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
