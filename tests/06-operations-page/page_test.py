#!/usr/bin/env python3
"""docs/operations.md holds the catalogues of log events as the programs have them. `page_test.py --write` brings it up to date."""
import re
import subprocess
import sys


def main():
    write = "--write" in sys.argv
    program, page = [a for a in sys.argv[1:] if not a.startswith("--")]
    with open(page, encoding="utf-8") as f:
        text = f.read()
    fresh = text
    for name in ("broker", "agentd", "up", "coordinator", "kbd", "gateway", "exporter", "all"):
        table = subprocess.run([program, name], check=True, capture_output=True, text=True).stdout.strip()
        block = re.compile(rf"(<!-- events: {name} -->\n).*?(\n<!-- end -->)", re.S)
        if not block.search(fresh):
            sys.exit(f"{page}: no place for the events of {name}")
        fresh = block.sub(lambda m, t=table: m.group(1) + t + m.group(2), fresh)
    if fresh == text:
        return
    if not write:
        sys.exit(f"{page} is not what the programs say: run tests/06-operations-page/page_test.py --write {program} {page}")
    with open(page, "w", encoding="utf-8") as f:
        f.write(fresh)


main()
