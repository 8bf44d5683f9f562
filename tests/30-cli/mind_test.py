"""`troupe mind`: what it hands on to troupe-mind, and the exit codes that come back."""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness


class Mind(harness.SystemTest):
    def run_mind(self, *arguments, stdin=""):
        return subprocess.run([harness.program("troupe"), "mind", *arguments], input=stdin, text=True, capture_output=True,
                              env=harness.environment(TROUPE_EMBEDDINGS="ngrams"), timeout=60, check=False)

    def answer(self, *arguments, stdin=""):
        done = self.run_mind(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_asks(self):
        self.assertEqual(self.answer("ask", "intent", "please summarise this text")["label"], "summarise")
        self.assertEqual(self.answer("ask", "sentiment", stdin="what a wonderful day")["label"], "positive")
        found = self.answer("ask", "rank", "old ship", "--input", '{"candidates": ["a car", "an old ship"], "most": 1}')
        self.assertEqual([row["index"] for row in found], [1])
        self.assertEqual(self.answer("ask", "instruction", "--", "--help me")["understood"], False)

    def test_describes(self):
        self.assertEqual(self.answer("describe")["embeddings"]["model"], "ngrams-1")

    def test_trains(self):
        examples, trained = os.path.join(self.directory, "examples"), os.path.join(self.directory, "model")
        with open(examples, "w", encoding="utf-8") as file:
            file.write("[open]\nopen the door\nopen it\n[close]\nclose the door\nshut it\n")
        self.assertEqual(self.run_mind("train", examples, trained).returncode, 0)
        self.assertEqual(self.answer("ask", "intent", "--intents", trained, "open the door")["label"], "open")

    def test_exit_codes(self):
        for arguments, code in ((("ask", "dream", "x"), 1), (("ask", "rank", "x"), 3), (("train", "x"), 1), (("ask",), 1),
                                (("train", "/nowhere", "/nowhere"), 3), (("dream",), 1), (("ask", "--help"), 0)):
            self.assertEqual(self.run_mind(*arguments).returncode, code, arguments)


if __name__ == "__main__":
    harness.main()
