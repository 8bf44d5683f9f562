#!/usr/bin/env python3
"""Files that were made to harm whoever reads them: images, recordings and PDFs that are small and become huge, claim what is not there, or are cut. Each is answered within a time,
nothing of it stays, and what is good is read afterwards."""
import base64
import os
import pathlib
import random
import struct
import subprocess
import time
import unittest
import zlib

import audio_test
from audio_test import data_url, png
import web
from web import harness

PATIENCE = 240  # of a busy machine; a program has 60 s of a processor


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def deflated(size, byte=b"\0"):
    """So many bytes, made small without having them at once."""
    packer, block, out = zlib.compressobj(9), byte * (1 << 20), b""
    for _ in range(size >> 20):
        out += packer.compress(block)
    return out + packer.flush()


def image(width, height, bits=8, colour=0, data=b"", before=b""):
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def images():
    """Name and bytes."""
    yield "62 million points in 500 KB", image(7900, 7900, 16, 6, deflated(7900 * (7900 * 8 + 1)))
    yield "more than its header says", image(64, 64, 8, 0, deflated(300 << 20))
    yield "a text that becomes 256 MB", image(64, 64, 8, 0, zlib.compress(b"\0" * 65 * 64), chunk(b"zTXt", b"Comment\0\0" + deflated(256 << 20)))
    yield "a profile that becomes 256 MB", image(64, 64, 8, 0, zlib.compress(b"\0" * 65 * 64), chunk(b"iCCP", b"p\0\0" + deflated(256 << 20)))
    yield "no points", image(0, 0)
    yield "one that is cut", png("HELP")[:-30]
    yield "lengths that lie", png("HELP").replace(b"IDAT", b"IDAT", 1)[:33] + b"\x7f\xff\xff\xff" + png("HELP")[37:]
    yield "a JPEG of a head alone", b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\0\x11\x08\x1e\xdc\x1e\xdc\3\1\x22\0\2\x11\1\3\x11\1\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0"
    yield "a JPEG of noise", b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + random.Random(1).randbytes(200000)


def wav(size, data=b"\0\0", channels=1, rate=16000, bits=16):
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 0xffffffff, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * 2, 2, bits, b"data", size) + data


def ogg(packet, page=0, flags=2):
    """A page of one packet, with its sum (RFC 3533)."""
    lacing = [255] * (len(packet) // 255) + [len(packet) % 255]
    head, rest, total = struct.pack("<4sBBqII", b"OggS", 0, flags, 0, 1, page), bytes([len(lacing), *lacing]) + packet, 0
    for byte in head + b"\0" * 4 + rest:
        total ^= byte << 24
        for _ in range(8):
            total = (total << 1 ^ (0x04c11db7 if total & 1 << 31 else 0)) & 0xffffffff
    return head + struct.pack("<I", total) + rest


def sounds(long_one):
    noise = random.Random(2).randbytes(4000)
    yield "an hour of silence in a few KB", long_one
    yield "a WAV of 4 GB, it says", wav(0xfffffff0)
    yield "no channels", wav(2, channels=0)
    yield "65535 channels", wav(2, channels=0xffff)
    yield "no rate", wav(2, rate=0)
    yield "a comment of 4 GB", ogg(b"\1vorbis" + struct.pack("<IBIIIIBB", 0, 1, 48000, 0, 0, 0, 0xb8, 1)) + ogg(b"\3vorbis" + b"\xff\xff\xff\xff" + noise[:2000], page=1, flags=0)
    yield "opus of 255 channels", ogg(b"OpusHead\1\xff" + b"\0" * 20) + ogg(b"OpusTags" + b"\xff" * 100, page=1, flags=0)
    yield "FLAC with blocks without end", b"fLaC" + b"\x01\xff\xff\xff" * 3000
    yield "an MP3 with a tag of 256 MB", b"ID3\4\0\0\x7f\x7f\x7f\x7f" + noise
    yield "WebM with an element of 2^56 bytes", b"\x1a\x45\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\xf3\x81\x08B\x82\x84webmB\x87\x81\4B\x85\x81\2\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xfe" + noise
    yield "MP4 with tables of 4 billion rows", b"\0\0\0\x18ftypM4A \0\0\0\0M4A isom" + b"\0\0\1\0moov\0\0\0\xf8trak\0\0\0\xf0mdia\0\0\0\xe8minf\0\0\0\xe0stbl\0\0\0\xd8stsz\0\0\0\0\0\0\0\0\xff\xff\xff\xff" + b"\0" * 200
    yield "a playlist", b"OggS#EXTM3U\nfile:///etc/passwd\n"


def pdf(stream, more=""):
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
               b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
               b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(stream), more.encode(), stream), b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"xref\n0 6\n0000000000 65535 f \n%strailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (table, len(out))


TEXT = b"BT /F1 12 Tf 72 720 Td (harbour) Tj ET"


def pdfs():
    whole = pdf(TEXT)
    yield "200 MB of blanks in 200 KB", pdf(deflated(200 << 20, b" "), "/Filter /FlateDecode")
    yield "a bomb within a bomb", pdf(zlib.compress(deflated(200 << 20, b" ")), "/Filter [/FlateDecode /FlateDecode]")
    yield "a million lines", pdf(zlib.compress(b"BT /F1 1 Tf " + b"1 1 Td (x) Tj " * 1000000 + b"ET"), "/Filter /FlateDecode")
    yield "pages that are their own parents", whole.replace(b"/Kids [3 0 R]", b"/Kids [2 0 R]")
    yield "one that is cut", whole[:200]
    yield "a length that lies", whole.replace(b"/Length 38", b"/Length 99999999999")
    yield "noise", b"%PDF-1.7\n" + random.Random(3).randbytes(100000)


class Hostile(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin("--sense-time", "300s", "--wait-time", "300s")

    def children(self, child):
        """Processes that it has started, and theirs."""
        found, rest = [], [child.pid]
        while rest:
            for path in pathlib.Path(f"/proc/{rest.pop()}/task").glob("*/children"):
                try:
                    some = [int(pid) for pid in path.read_text().split()]
                except OSError:
                    some = []
                found += some
                rest += some
        return found

    def answered(self, name, ask, statuses):
        began = time.monotonic()
        answer = ask()
        self.assertIn(answer.status, statuses, (name, answer))
        self.assertLess(time.monotonic() - began, PATIENCE, name)
        self.assertTrue(answer.json(), name)  # a problem, or what was found in it
        return answer

    def nothing_is_left(self, child):
        harness.wait_until(lambda: not self.children(child), "its programs to be gone")
        self.assertEqual([path for path in pathlib.Path("/tmp").glob("cache*") if path.stat().st_uid == os.getuid()], [])

    @unittest.skipUnless(audio_test.rooms() and os.path.exists("/usr/bin/tesseract"), "tesseract is missing (tools/setup --check), or no program can be run apart here")
    def test_images(self):
        eyes = self.agent("eyes", "senses")

        def look(data):
            kind = "image/png" if data[:4] == b"\x89PNG" else "image/jpeg"
            content = [{"type": "image_url", "image_url": {"url": data_url(data, kind)}}]
            return self.post("/v1/chat/completions", {"model": "assistant", "messages": [{"role": "user", "content": content}]})
        self.agent("assistant", "assistant")
        for name, data in images():
            self.answered(name, lambda data=data: look(data), (200, 400, 413, 415, 502))
        self.nothing_is_left(eyes)
        self.assertEqual(self.good(look(png("HELP")))["seen"][0]["words"], "HELP")

    @unittest.skipUnless(audio_test.can_hear(), "espeak-ng, pocketsphinx or ffmpeg is missing (tools/setup --check), or no program can be run apart here")
    def test_recordings(self):
        ears = self.agent("ears", "senses")
        hour = subprocess.run(["/usr/bin/ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "3600", "-c:a", "flac", "-f", "flac", "pipe:1"],
                              capture_output=True, timeout=PATIENCE, check=True).stdout
        self.assertLess(len(hour), 1 << 20)

        def hear(data):
            return self.post("/v1/audio/transcriptions", audio_test.form([("file", "a.wav", data)]), headers={"Content-Type": "multipart/form-data; boundary=b1"})
        for name, data in sounds(hour):
            answer = self.answered(name, lambda data=data: hear(data), (200, 400, 413, 415, 502))
            self.assertNotIn("root:", answer.body.decode())
        self.nothing_is_left(ears)
        spoken = self.post("/v1/audio/speech", {"model": "any", "voice": "a", "input": "one two three", "response_format": "wav"}).body
        self.assertTrue(self.good(hear(spoken))["text"])

    @unittest.skipUnless(os.path.exists("/usr/bin/pdftotext"), "poppler-utils is missing (tools/setup --check)")
    def test_documents(self):
        kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", self.directory + "/kb", env={"TROUPE_EMBEDDINGS": "ngrams"})
        kbd.wait_err("K001 ready")

        def keep(name, data):
            document = {"id": name, "bytes": {"$bin": base64.b64encode(data).decode()}}
            return self.post("/api/v1/knowledge/notes/documents", {"documents": [document]})
        for name, data in pdfs():
            self.answered(name, lambda name=name, data=data: keep(name, data), (200, 201, 400, 413, 415, 422, 502))
        self.nothing_is_left(kbd)
        self.good(keep("good", pdf(TEXT)))
        found = self.good(self.post("/api/v1/knowledge/notes/search", {"query": "harbour"}))
        self.assertEqual(found["results"][0]["id"], "good", found)


if __name__ == "__main__":
    harness.main()
