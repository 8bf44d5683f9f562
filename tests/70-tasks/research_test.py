#!/usr/bin/env python3
"""One question goes the whole way, as tools/demo shows it: assistant, plan, contract nets, knowledge base, vote, answer with citations."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness


def letters(text):
    """A document is read as text of its paragraphs: marks of its layout are not part of them."""
    return re.sub(r"[\W_]+", "", text)


class Research(harness.SystemTest):
    def test_the_answer_stands_in_the_documents(self):
        command = ["python3", str(harness.ROOT / "tools" / "demo_research.py"), "--bin", str(harness.BUILD)]
        child = self.keep(harness.Child("/usr/bin/env", command, harness.ROOT, harness.environment(TMPDIR=self.directory, TROUPE_EMBEDDINGS="ngrams")))
        done = child.wait(150)
        self.assertEqual(done.code, 0, done)
        out = done.out
        for step, who in (("rights", "reader"), ("duties", "reader"), ("analyse", "analyst"), ("choose", "chair"), ("whole", "composer")):
            self.assertRegex(out, rf"{step} +completed by {who}")
        self.assertRegex(out, r"rights +assigned by reader\S*: (the (best of [23] bids|only bid): cost \d+, time-ms 100|no bid came in time)")
        self.assertRegex(out, r"analyse +assigned by analyst-\d: (the (best of 2 bids|only bid): cost 1|no bid came in time)")
        self.assertRegex(out, r"assigned by \S+: the (best of \d bids|only bid)")  # on a slow machine one net may end without a bid, not all
        sources = dict(re.findall(r"^  \[(\d)\] (/usr/share/common-licenses/[^,\n]+)", out, re.M))
        self.assertIn("1", sources, out)
        answer = " ".join(out.partition("==> prepare a report")[2].partition("\n")[2].partition("  [1] /usr")[0].split())
        told = re.findall(r"(.*?) \[(\d)\]", answer)
        self.assertEqual({number for _, number in told}, set(sources))
        for sentence, number in told:
            self.assertIn(letters(sentence), letters(pathlib.Path(sources[number]).read_text(errors="replace")))
        self.assertIn("patent", answer.lower())
        self.assertRegex(out, r"the group chose \S+")
        self.assertIn("done; nothing is left running", out)
        self.assertEqual(list(pathlib.Path(self.directory).glob("troupe-demo-*")), [])


if __name__ == "__main__":
    harness.main()
