#!/usr/bin/env python3
"""Makes a C file of the page's files, so that the gateway needs nothing beside itself, as they are and with gzip: embed.py OUT FILE..."""
import gzip
import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml"}


def array(name, data):
    lines = (", ".join(map(str, data[i:i + 32])) for i in range(0, len(data), 32))
    return f"static const unsigned char {name}[] = {{\n" + ",\n".join(lines) + "\n};\n"


def main(out, *files):
    rows, arrays = [], []
    for number, file in enumerate(map(pathlib.Path, files)):
        data = file.read_bytes()
        arrays.append(array(f"file_{number}", data) + array(f"packed_{number}", gzip.compress(data, 9, mtime=0)))
        rows.append(f'    {{"{file.name}", "{TYPES[file.suffix]}", file_{number}, sizeof file_{number}, packed_{number}, sizeof packed_{number}}},\n')
    pathlib.Path(out).write_text('#include "gateway/api/page.h"\n\n' + "\n".join(arrays) + "\nconst tr_page_file_t tr_page_files[] = {\n"
                                 + "".join(rows) + "    {0},\n};\n", encoding="ascii")


main(*sys.argv[1:])
