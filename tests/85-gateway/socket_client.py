"""A small client of WebSockets (RFC 6455)."""
import base64
import hashlib
import json
import os
import socket
import struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Refused(Exception):
    def __init__(self, head, body):
        super().__init__(head)
        self.status = int(head.split()[1])
        self.head, self.body = head, body


class Closed(Exception):
    def __init__(self, code):
        super().__init__(f"closed with {code}")
        self.code = code


class Socket:
    """One connection: .next() is the next message, of JSON."""

    def __init__(self, host, port, path, headers=(), timeout=20.0, source=None):
        self.plain = socket.create_connection((host, port), timeout=timeout, source_address=(source, 0) if source else None)
        self.bytes = b""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {key}", *(f"{name}: {value}" for name, value in headers)]
        self.plain.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.bytes:
            self.more()
        head, _, self.bytes = self.bytes.partition(b"\r\n\r\n")
        self.head = head.decode()
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in self.head.split("\r\n")[1:])}
        if " 101 " not in self.head.split("\r\n")[0] + " ":
            while len(self.bytes) < int(self.headers.get("content-length", 0)):
                self.more()
            raise Refused(self.head, self.bytes)
        assert self.headers["sec-websocket-accept"] == base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()

    def more(self):
        some = self.plain.recv(1 << 16)
        if not some:
            raise EOFError
        self.bytes += some

    def take(self, count):
        while len(self.bytes) < count:
            self.more()
        taken, self.bytes = self.bytes[:count], self.bytes[count:]
        return taken

    def frame(self):
        first, second = self.take(2)
        length = second & 127
        if length == 126:
            length = struct.unpack(">H", self.take(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.take(8))[0]
        return first & 0x80, first & 15, self.take(length)

    def next(self):
        whole = b""
        while True:
            final, code, bytes_ = self.frame()
            if code == 8:
                raise Closed(struct.unpack(">H", bytes_[:2])[0] if len(bytes_) > 1 else None)
            if code == 9:
                self.send(bytes_, 10)
            elif code in (0, 1):
                whole += bytes_
                if final:
                    return json.loads(whole)

    def send(self, bytes_, code=1, final=True):
        mask = os.urandom(4)
        size = len(bytes_)
        head = bytes([(0x80 if final else 0) | code]) + (bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack(">H", size))
        self.plain.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(bytes_)))

    def say(self, value):
        self.send(json.dumps(value).encode())

    def close(self):
        self.plain.close()
