#!/usr/bin/env python3
"""Makes text_tables.c of the word lists in this folder, so that nothing is read at run time.

usage: generate.py DATA_FOLDER OUTPUT.c
"""

import math
import pathlib
import sys
from collections import Counter

LANGUAGES = ["da", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "sv"]
GAZETTEERS = [
    ("countries.txt", "TR_GAZETTEER_PLACE"),
    ("cities.txt", "TR_GAZETTEER_PLACE"),
    ("organisations.txt", "TR_GAZETTEER_ORGANISATION"),
    ("licences.txt", "TR_GAZETTEER_LICENCE"),
]


def lines_of(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if line and not line.startswith("#"):
            yield number, line


def c_string(text):
    out = []
    for byte in text.encode("utf-8"):
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif 0x20 <= byte < 0x7F:
            out.append(char)
        else:
            out.append("\\%03o" % byte)
    return '"' + "".join(out) + '"'


def fold(text):
    return text.lower()


def gazetteer_rows(folder):
    rows = {}
    for file_name, kind in GAZETTEERS:
        path = folder / file_name
        for number, line in lines_of(path):
            names = [name.strip() for name in line.split("|")]
            if not all(names):
                sys.exit(f"{path}:{number}: an empty name between two bars")
            shown = names[0].lstrip("!")
            for name in names:
                is_ambiguous = name.startswith("!")
                name = name.lstrip("!")
                rows.setdefault(fold(name).encode("utf-8"), (name, shown, kind, is_ambiguous))
    for number, line in lines_of(folder / "given_names.txt"):
        for name in line.split():
            bare = name.lstrip("!")
            rows.setdefault(fold(bare).encode("utf-8"), (bare, bare, "TR_GAZETTEER_GIVEN_NAME", name.startswith("!")))
    for number, line in lines_of(folder / "organisation_suffixes.txt"):
        bare = line.lstrip("-")
        kind = "TR_GAZETTEER_LEGAL_FORM" if line.startswith("-") else "TR_GAZETTEER_ORGANISATION_WORD"
        rows.setdefault(fold(bare).encode("utf-8"), (bare, bare, kind, False))
    return [(key.decode("utf-8"), *rows[key]) for key in sorted(rows)]


def trigrams_of(text):
    """Of lower-case letters; a blank stands for all else, so that the ends of words count."""
    letters = "".join(c if c.isalpha() else " " for c in text.lower())
    letters = " " + " ".join(letters.split()) + " "
    return Counter(letters[i : i + 3] for i in range(len(letters) - 2) if letters[i + 1] != " ")


def trigram_rows(folder):
    counts = {l: trigrams_of((folder / "language" / f"{l}.txt").read_text(encoding="utf-8")) for l in LANGUAGES}
    known = sorted(set().union(*counts.values()), key=lambda t: [ord(c) for c in t])
    totals = {l: sum(counts[l].values()) for l in LANGUAGES}

    def cost(language, trigram):
        """-log2 of the probability with additive smoothing, in sixteenths of a bit."""
        probability = (counts[language][trigram] + 0.2) / (totals[language] + 0.2 * len(known))
        return min(255, round(-math.log2(probability) * 16))

    for trigram in known:
        code = 0
        for char in trigram:
            code = code << 21 | ord(char)
        yield code, [cost(l, trigram) for l in LANGUAGES]


def write_stop_words(out, folder):
    languages = {}
    for number, language in enumerate(LANGUAGES):
        for _, line in lines_of(folder / "stop" / f"{language}.txt"):
            for word in line.split():
                languages[word] = languages.get(word, 0) | 1 << number
    out.append("const tr_stop_word_t tr_stop_words[] = {")
    out += [f"    {{{c_string(word)}, {languages[word]}}}," for word in sorted(languages, key=lambda w: w.encode("utf-8"))]
    out.append("};")
    out.append("const size_t tr_stop_word_count = sizeof tr_stop_words / sizeof tr_stop_words[0];")


def write_gazetteer(out, folder):
    out.append("const tr_gazetteer_entry_t tr_gazetteer_entries[] = {")
    for key, name, shown, kind, is_ambiguous in gazetteer_rows(folder):
        flag = "true" if is_ambiguous else "false"
        out.append(f"    {{{c_string(key)}, {c_string(name)}, {c_string(shown)}, {kind}, {flag}}},")
    out.append("};")
    out.append("const size_t tr_gazetteer_entry_count = sizeof tr_gazetteer_entries / sizeof tr_gazetteer_entries[0];")


def write_trigrams(out, folder):
    out.append("const tr_trigram_t tr_trigrams[] = {")
    for code, costs in trigram_rows(folder):
        out.append("    {UINT64_C(%d), {%s}}," % (code, ", ".join(map(str, costs))))
    out.append("};")
    out.append("const size_t tr_trigram_count = sizeof tr_trigrams / sizeof tr_trigrams[0];")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    out = ["/* Made by generate.py of the word lists; do not edit. */", '#include "agentd/text/text_tables.h"', ""]
    write_stop_words(out, folder)
    write_gazetteer(out, folder)
    write_trigrams(out, folder)
    pathlib.Path(sys.argv[2]).write_text("\n".join(out) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
