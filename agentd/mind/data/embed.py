#!/usr/bin/env python3
"""Makes a C file of text files, so that nothing is read at run time.

usage: embed.py OUTPUT.c NAME=FILE...      (const char tr_mind_data_NAME[])
"""

import pathlib
import sys


def array(name, path):
    data = pathlib.Path(path).read_bytes() + b"\0"
    if b"\0" in data[:-1]:
        sys.exit(f"{path}: a NUL in it")
    # Bytes above 127 are negative, as char is on the machines that we build for.
    lines = [",".join(str(b - 256 if b > 127 else b) for b in data[at : at + 32]) for at in range(0, len(data), 32)]
    return f"const char tr_mind_data_{name}[] = {{\n" + ",\n".join(lines) + "};\n"


def main(arguments):
    if len(arguments) < 2 or not all("=" in item for item in arguments[1:]):
        sys.exit(__doc__.strip())
    parts = [array(*item.split("=", 1)) for item in arguments[1:]]
    pathlib.Path(arguments[0]).write_text('#include "agentd/mind/data.h"\n\n' + "\n".join(parts), encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1:])
