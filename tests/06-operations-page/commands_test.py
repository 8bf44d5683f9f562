#!/usr/bin/env python3
"""Each command in docs/operations.md is one that there is, with options that it has: what is typed at night is not wrong."""
import functools
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

PROGRAM = r"troupe(?:-(?:broker|agentd|coordinator|kbd|gateway|exporter))?"
# Of other programs: tools/setup, docker compose, and what an example of a secret looks like.
OTHERS = {"--demo", "--list", "--profile", "--password"}


@functools.cache
def help_of(*words):
    name = words[0]
    place = harness.BUILD / ("tools" if name == "troupe" else name.partition("-")[2]) / name
    done = subprocess.run([place, *words[1:], "--help"], capture_output=True, text=True, env=harness.environment(), check=False)
    return done.stdout if done.returncode == 0 else None


def has(text, option):
    return re.search(re.escape(option) + r"(?![-a-z])", text) is not None


def whole_help(words):
    """Of a verb, and of its own verb where it has some; None: there is no such verb."""
    verbs = [word for word in words[1:3] if re.fullmatch("[a-z]+", word)] if words[0] == "troupe" else []
    text = help_of(words[0], *verbs[:1])
    more = help_of(words[0], *verbs) if text and len(verbs) == 2 and re.search(rf"\b{verbs[1]}\b", text) else None
    return text and text + (more or "")


def commands(page):
    """(line, words) of each command, in examples and in the text."""
    for line in re.findall(r"(?m)^    (.+)$", page) + re.findall(r"`([^`\n]+)`", page):
        for part in re.split(r"&&|;|\| |& ?$", re.sub(r"\s#.*", "", line)):
            found = re.match(rf"\s*(?:[A-Z_]+=\S+ )*({PROGRAM}(?: .*)?)$", part.rstrip())
            if found:
                yield line.strip(), found[1].split()


def faults(page):
    wrong = []
    for line, words in commands(page):
        text = whole_help(words)
        own = words[:words.index("--")] if "--" in words else words  # what is behind it is another program's
        options = [word.partition("=")[0] for word in own if re.match("--[a-z]", word)]
        wrong += [f"{line}: no such command"] if text is None else [f"{line}: it has no {option}" for option in options if not has(text, option)]
    return wrong


class Commands(unittest.TestCase):
    page = (harness.ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    def test_each_is_there_with_its_options(self):
        self.assertGreater(len(list(commands(self.page))), 200)
        self.assertEqual(faults(self.page), [])

    def test_what_is_wrong_is_seen(self):
        for said, line in (("no such command", "troupe scael reader=3"), ("no --budget", "troupe ps --budget 5"), ("no --tr", "troupe ask a b --tr"),
                           ("no --kind", "troupe cert new a --kind agent"), ("no --listn", "TROUPE_X=1 troupe-broker --listn tcp://x &")):
            found = faults(f"    {line}\n")
            self.assertEqual(len(found), 1, line)
            self.assertIn(said, found[0])
            self.assertEqual(faults(f"Do `{line}` now."), found)

    def test_options_that_stand_alone(self):
        """`--queue-bytes` in the text is some program's."""
        programs = {words[0] for _, words in commands(self.page)}
        text = "".join(help_of(name) for name in programs)
        text += "".join(whole_help(words) for _, words in commands(self.page))
        text += "".join(help_of("troupe", verb) or "" for verb in re.findall(r"(?m)^  ([a-z]+) ", help_of("troupe")))
        alone = set(re.findall(r"`(--[a-z][a-z-]*)", self.page))
        self.assertGreater(len(alone), 60)
        self.assertEqual({option for option in alone if not has(text, option)} - OTHERS, set())


if __name__ == "__main__":
    harness.main()
