#!/usr/bin/python3
"""Holds docs/protocol.md against the code.

Usage: page_test.py [--update] PAGE FACTS PROTO...

PAGE is docs/protocol.md, FACTS the program that prints the code's numbers and a session in bytes, PROTO the schemas. Tables of the
page that follow a line `<!-- check: NAME -->` are compared with the code. The session is decoded strictly by the page's own byte
tables, and the text that this gives must be what stands between `<!-- example -->` and `<!-- /example -->`; --update writes it there.

Exit: 0 all agree, 1 something does not (one line each), 2 usage, 77 python3-msgpack is missing.
"""
import json
import re
import subprocess
import sys

try:
    import msgpack
except ImportError:
    print("skipped: python3-msgpack is missing (tools/setup --check installs it)")
    sys.exit(77)

EXAMPLE = re.compile(r"(?<=<!-- example -->\n).*?(?=<!-- /example -->)", re.S)
WIDTH = 12  # bytes on a line of the example
MESSAGES_WITHOUT_RECORD = {"Envelope", "Budget", "Limit", "UserParameter", "Item"}


class Page:
    def __init__(self, text):
        self.text = text
        self.tables = {}
        name = None
        for line in text.splitlines():
            found = re.fullmatch(r"<!-- check: (.+) -->", line)
            if found:
                name = found[1]
                self.tables[name] = []
            elif name and line.startswith("|"):
                self.tables[name].append([cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
            elif name and self.tables[name]:
                name = None
        self.tables = {key: rows[2:] for key, rows in self.tables.items()}

    def rows(self, name):
        if name not in self.tables:
            raise ValueError(f"the page has no table after <!-- check: {name} -->")
        return self.tables[name]

    def layout(self, name):
        """[(size, field)] of a byte table, whose offsets must add up."""
        out, at = [], 0
        for offset, size, field, *_ in self.rows(name):
            if int(offset) != at:
                raise ValueError(f"table {name}: {field} is at {offset}, but the fields before it end at {at}")
            out.append((int(size), field))
            at += int(size)
        return out

    def body(self, name):
        """{number: (type, field)} of a protobuf body."""
        return {int(number): (type_, field) for number, type_, field, *_ in self.rows("body " + name)}


class Decoder:
    """Renders frames by the page's tables; raises ValueError where the bytes are not what the tables say."""

    def __init__(self, page):
        self.page = page
        self.bundle, self.header = page.layout("bundle-header"), page.layout("record-header")
        self.kinds = {int(number): (name, body) for number, name, _, body, *_ in page.rows("kinds")}
        self.acts = {int(number): name for number, name, *_ in page.rows("performatives")}
        self.lines = []

    def line(self, data, text):
        for at in range(0, len(data), WIDTH):
            self.lines.append(f"    {data[at:at + WIDTH].hex(' '):<37}{text if at == 0 else ''}".rstrip())

    def fields(self, layout, data):
        """Neighbours that are all 0 share a line."""
        out, at, zeros = {}, 0, []
        for size, field in layout:
            part = data[at:at + size]
            if len(part) != size:
                raise ValueError(f"the bytes end within {field}")
            at += size
            out[field] = part.decode() if field == "magic" else int.from_bytes(part, "little")
            if zeros and (out[field] or sum(size for size, _ in zeros) + size > WIDTH):
                self.zeros(zeros)
            if out[field]:
                self.line(part, f"{field} {self.shown(field, out[field])}")
            else:
                zeros.append((size, field))
        self.zeros(zeros)
        return out

    def zeros(self, fields):
        if fields:
            self.line(bytes(sum(size for size, _ in fields)), ", ".join(field for _, field in fields) + " 0")
        fields.clear()

    def shown(self, field, value):
        if field in ("dst", "src"):
            return f"0x{value:016x}"
        if field == "kind":
            return f"{value} {self.kinds[value][0]}"
        return f"{value} {self.acts[value]}" if field == "performative" else value

    @staticmethod
    def varint(data, at):
        n = shift = 0
        while True:
            n |= (data[at] & 0x7f) << shift
            shift += 7
            at += 1
            if data[at - 1] < 0x80:
                return n, at

    def protobuf(self, name, data):
        known, at, last = self.page.body(name), 0, 0
        while at < len(data):
            start = at
            tag, at = self.varint(data, at)
            if tag >> 3 not in known or tag >> 3 < last:
                raise ValueError(f"{name}: field {tag >> 3} is unknown or out of order")
            last = tag >> 3
            type_, field = known[last]
            number = type_ in ("uint32", "uint64", "bool")
            if tag & 7 != (0 if number else 2):
                raise ValueError(f"{name}: {field} has wire type {tag & 7}")
            value, at = self.varint(data, at)
            if not number:
                value, at = data[at:at + value], at + value
                value = json.dumps(value.decode()) if type_.endswith("string") else value.hex()
            elif field == "route":
                value = f"0x{value:016x}"
            self.line(data[start:at], f"{field} {value}")

    def record(self, data):
        self.lines.append("  record")
        h = self.fields(self.header, data)
        if h["length"] > len(data) or h["marks"]:
            raise ValueError("a record's length or reserved bytes are wrong")
        size = sum(size for size, _ in self.header)
        envelope, content = data[size:size + h["envelope"]], data[size + h["envelope"]:h["length"]]
        if envelope:
            self.lines.append("   envelope")
            self.protobuf("Envelope", envelope)
        body = self.kinds[h["kind"]][1]
        if content and body == "content":
            self.lines.append("   content")
            self.line(content, json.dumps(msgpack.unpackb(content)))
        elif content:
            self.lines.append(f"   body, {body}")
            self.protobuf(body, content)
        return data[h["length"]:]

    def frame(self, way, data):
        self.lines += ["", f"{'process -> broker' if way == 'to' else 'broker -> process'}, {len(data)} bytes", "  bundle"]
        b = self.fields(self.bundle, data)
        rest = data[sum(size for size, _ in self.bundle):]
        for _ in range(b["count"]):
            rest = self.record(rest)
        if rest:
            raise ValueError("bytes follow the last record")


def schemas(paths):
    """{message: {number: (type, field)}} of .proto files."""
    out = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"//.*", "", file.read())
        for name, body in re.findall(r"message (\w+) \{(.*?)\}", text, re.S):
            fields = re.findall(r"((?:repeated )?\w+) (\w+) = (\d+);", body)
            out[name] = {int(number): (type_, field) for type_, field, number in fields}
    return out


def compare(what, page, code):
    for item in sorted(set(code) - set(page)):
        yield f"{what}: the code has {item!r}, the page has not"
    for item in sorted(set(page) - set(code)):
        yield f"{what}: the page has {item!r}, the code has not"


def compare_words(page, facts):
    first = {"ams": 1, "df": 1, "state": 1}
    names = {"kind": "kinds", "reason": "reasons", "performative": "performatives", "message-kind": "message-kinds", "flag": "flags",
             "route": "route-types", "limit": "limits", "setting": "settings", "ams": "ams", "df": "df", "state": "states",
             "transition": "transitions"}
    for fact, table in names.items():
        code = [tuple(values) for values in facts[fact]]
        rows = page.rows(table)
        if fact == "kind":  # the page says how it is counted in its last column
            rows = [(row[0], row[1], row[-1]) for row in rows]
        elif fact == "flag":
            code = [(f"0x{int(value):02x}", name) for name, value in code]
        elif fact == "route":
            code = [(value, name) for name, value in code]
        width = first.get(fact, len(code[0]))
        yield from compare(table, [tuple(row[:width]) for row in rows], code)


def check(page, facts, protos):
    yield from compare_words(page, facts)
    for name, fields in schemas(protos).items():
        yield from compare(f"body {name}", page.body(name).items(), fields.items())
    size = sum(size for size, _ in page.layout("body-layout Credit"))
    yield from compare("body Credit", [str(size)], [row[1] for row in page.rows("limits") if row[0] == "credit-body"])
    bodies = {row[3] for row in page.rows("kinds")} - {"", "content", "Credit", "Stored"}
    yield from compare("bodies named by kinds", bodies, set(schemas(protos)) - MESSAGES_WITHOUT_RECORD)


def example(page, facts):
    decoder = Decoder(page)
    for way, data in facts["frame"]:
        decoder.frame(way, bytes.fromhex(data))
    return "```text\n" + "\n".join(decoder.lines).strip("\n") + "\n```\n"


def check_example(page, facts):
    found = EXAMPLE.search(page.text)
    if not found:
        return ["the page has no <!-- example --> block"]
    want, have = example(page, facts).splitlines(), found[0].splitlines()
    for number, (w, h) in enumerate(zip(want, have)):
        if w != h:
            return [f"example, line {number + 1}: the encoders give {w.strip()!r}, the page says {h.strip()!r}; see --update"]
    return [] if len(want) == len(have) else [f"the example has {len(have)} lines, the encoders give {len(want)}; see --update"]


def main(arguments):
    update = arguments[:1] == ["--update"]
    arguments = arguments[update:]
    if len(arguments) < 3 or arguments[0].startswith("-"):
        print(__doc__.strip())
        return 0 if arguments[:1] == ["--help"] else 2
    path, program, *protos = arguments
    with open(path, encoding="utf-8") as file:
        page = Page(file.read())
    facts = {}
    for line in subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines():
        name, *values = line.split(" ")
        facts.setdefault(name, []).append(values)
    try:
        if update:
            text = EXAMPLE.sub(lambda _: example(page, facts), page.text)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            page = Page(text)
        wrong = list(check(page, facts, protos)) + check_example(page, facts)
    except (ValueError, KeyError) as error:
        wrong = [f"{type(error).__name__}: {error}"]
    for line in wrong:
        print(line)
    print(f"{len(page.tables)} tables, {len(facts['frame'])} frames, {len(wrong)} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
