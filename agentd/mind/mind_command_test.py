#!/usr/bin/env python3
"""troupe-mind as a shell sees it: answers, exit codes, and a model that is trained and used."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)


def run(*arguments, stdin=""):
    return subprocess.run([PROGRAM, *arguments], input=stdin, text=True, capture_output=True, timeout=60, check=False)


class Command(unittest.TestCase):
    def answer(self, *arguments, stdin=""):
        done = run(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def refused(self, code, text, *arguments):
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stdout), (code, ""))
        self.assertIn(text, done.stderr)

    def test_answers(self):
        self.assertEqual(self.answer("intent", "please summarise this text")["label"], "summarise")
        self.assertEqual(self.answer("sentiment", stdin="what a wonderful day\n")["label"], "positive")
        found = self.answer("entities", "They met in Berlin.", "--input", '{"language": "en"}')
        self.assertEqual([(e["kind"], e["text"]) for e in found], [("place", "Berlin")])

    def test_describe(self):
        found = self.answer("describe")
        self.assertIn("built-in", found["mind"])
        self.assertIn("instruction", found["operations"])
        self.assertIn("model", found["embeddings"])

    def test_plans(self):
        found = self.answer("plan", "find old ships", "--input", '{"skills": ["search"]}')
        self.assertEqual([s["description"] for s in found["subtasks"]], ["Search for old ships"])
        self.refused(3, "no method", "plan", "find old ships", "--input", '{"skills": ["send"]}')
        with tempfile.TemporaryDirectory() as folder:
            methods = os.path.join(folder, "methods.yaml")
            with open(methods, "w", encoding="utf-8") as file:
                file.write("tasks: [{name: cook, asked: ['cook {dish}'], methods: [{name: m, steps: [{id: x, text: 'Fry {dish}', skills: fry}]}]}]")
            found = self.answer("plan", "cook eggs", "--methods", methods)
            self.assertEqual(found["subtasks"], [{"id": "x", "description": "Fry eggs", "skills": ["fry"], "needs": []}])
            with open(methods, "w", encoding="utf-8") as file:
                file.write("tasks: 1")
            self.refused(3, methods + ":1:", "plan", "cook eggs", "--methods", methods)

    def test_refusals(self):
        self.refused(1, "--help", "dream", "x")
        self.refused(1, "--input", "intent", "x", "--input", "{")
        self.refused(1, "EXAMPLES MODEL", "train", "x")
        self.refused(3, "candidates", "rank", "x")
        self.refused(3, "language", "entities", "x", "--input", '{"language": "xx"}')
        self.refused(3, "/nowhere", "intent", "x", "--intents", "/nowhere")

    def test_trains(self):
        with tempfile.TemporaryDirectory() as folder:
            examples, model = os.path.join(folder, "examples"), os.path.join(folder, "model")
            with open(examples, "w", encoding="utf-8") as file:
                file.write("[open]\nopen the door\n[close]\nshut the door\n")
            self.assertEqual(self.answer("train", examples, model), {
                "model": model, "examples": 2, "tested": 0, "right": 0, "accuracy": None,
                "labels": [{"label": "open", "examples": 1, "tested": 0, "right": 0}, {"label": "close", "examples": 1, "tested": 0, "right": 0}]})
            self.assertEqual(self.answer("intent", "shut it", "--intents", model)["label"], "close")
            with open(examples, "w", encoding="utf-8") as file:
                file.write("".join(f"[open]\nopen the {what}\n[close]\nshut the {what}\n" for what in ("door", "window", "box", "gate", "shop")))
            told = self.answer("train", examples, model)
            self.assertEqual((told["examples"], told["tested"], told["right"], told["accuracy"]), (10, 10, 10, 1))
            for text, why in (("no label\n", "line 1: expected [label]"), ("[a]\nx\n[b c]\ny\n", "line 3: expected [label]"), ("[a]\nx\n", "two labels at least")):
                with open(examples, "w", encoding="utf-8") as file:
                    file.write(text)
                self.refused(3, f"{examples}: ", "train", examples, os.path.join(folder, "none"))
                self.refused(3, why, "train", examples, os.path.join(folder, "none"))
            self.assertFalse(os.path.exists(os.path.join(folder, "none")))
            with open(examples, "w", encoding="utf-8") as file:
                file.write("no label\n")
            self.assertEqual(self.answer("intent", "shut it", "--intents", model)["label"], "close")
            self.refused(3, "line 1", "intent", "x", "--intents", examples)


if __name__ == "__main__":
    unittest.main()
