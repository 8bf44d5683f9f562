"""A name server on 127.0.0.1:53 of a namespace (dns_test.py): `NAME ADDRESS...` a line of the file, read anew for each question.

A name that is not in the file does not exist. Usage: names.py FILE
"""
import pathlib
import socket
import struct
import sys

HEADER = struct.Struct(">HHHHHH")
A, ANY_CLASS = 1, 1
ANSWER, NOT_THERE = 0x8580, 0x8583


def read_name(packet, at):
    parts = []
    while packet[at]:
        parts.append(packet[at + 1:at + 1 + packet[at]].decode("ascii", "replace"))
        at += 1 + packet[at]
    return ".".join(parts).lower(), at + 1


def table(path):
    rows = (line.split() for line in pathlib.Path(path).read_text(encoding="ascii").splitlines())
    return {row[0]: row[1:] for row in rows if row}


def answer(packet, names):
    number, _, questions, *_ = HEADER.unpack_from(packet)
    name, end = read_name(packet, HEADER.size)
    kind, _ = struct.unpack_from(">HH", packet, end)
    addresses = names.get(name, []) if kind == A else []
    flags = ANSWER if name in names else NOT_THERE
    # Each names the question's name by its place, and may be kept for no time.
    rows = [struct.pack(">HHHIH", 0xC00C, A, ANY_CLASS, 0, 4) + socket.inet_aton(address) for address in addresses]
    return HEADER.pack(number, flags, questions, len(rows), 0, 0) + packet[HEADER.size:end + 4] + b"".join(rows)


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    print("ready", flush=True)
    while True:
        packet, asker = server.recvfrom(1500)
        server.sendto(answer(packet, table(sys.argv[1])), asker)


if __name__ == "__main__":
    main()
