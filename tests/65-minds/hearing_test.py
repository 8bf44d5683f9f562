#!/usr/bin/env python3
"""How much the built-in mind's ears get wrong: the word error rate of people's speech (the package pocketsphinx-testdata), and how many it may be at most."""
import json
import pathlib
import re
import unittest
import wave

import senses_test
from minds import harness

SPEECH = pathlib.Path("/usr/share/pocketsphinx/test/data")
MOST = 0.45  # measured: 36 of 101 words


def words(text):
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def distance(said, heard):
    """Words that have to be put in, left out or changed (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


class Hearing(senses_test.Senses):
    def recordings(self):
        """Twelve: a book that is read aloud, cards, and two orders; what was said, and the file."""
        for folder, index in (("librivox", "transcription"), ("cards", "cards.transcription")):
            for said, name in re.findall(r"<s>(.*)</s> *\((.*)\)", (SPEECH / folder / index).read_text()):
                yield words(said), str(SPEECH / folder / (name + ".wav"))
        for name, said in (("goforward", "go forward ten meters"), ("something", "go somewhere and do something")):
            path = f"{self.directory}/{name}.wav"
            with wave.open(path, "wb") as file:
                file.setparams((1, 2, 16000, 0, "NONE", ""))
                file.writeframes((SPEECH / (name + ".raw")).read_bytes())
            yield said.split(), path

    @unittest.skipUnless(SPEECH.exists(), "there is no recorded speech: the package pocketsphinx-testdata (tools/setup --check)")
    def test_words_of_people(self):
        self.needs("pocketsphinx")
        wrong = count = 0
        for said, path in self.recordings():
            heard = words(self.value("transcribe", "--file", path)["text"])
            wrong, count = wrong + distance(said, heard), count + len(said)
        print(json.dumps({"hearing": {"wrong": wrong, "words": count, "rate": round(wrong / count, 3)}}))
        self.assertEqual(count, 101)
        self.assertLess(wrong / count, MOST)

    def test_the_measure(self):
        for said, heard, wrong in (("a b c", "a b c", 0), ("a b c", "", 3), ("a b c", "a x c", 1), ("a b c", "a c", 1), ("a b", "x a b y", 2), ("", "a", 1)):
            self.assertEqual(distance(said.split(), heard.split()), wrong)


# The tests of the class that this one takes its words from are run where they stand.
for name in [name for name in dir(senses_test.Senses) if name.startswith("test_")]:
    setattr(Hearing, name, None)


if __name__ == "__main__":
    harness.main()
