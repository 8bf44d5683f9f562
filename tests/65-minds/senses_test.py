"""transcribe, speak and describe_image of the built-in mind: real programs, each in a room of its own; and what is no sound or image."""
import base64
import json
import pathlib
import struct
import subprocess
import zlib

import minds  # noqa: F401
from minds import harness

PROGRAMS = {"espeak-ng": "/usr/bin/espeak-ng", "pocketsphinx": "/usr/bin/pocketsphinx_continuous", "tesseract-ocr": "/usr/bin/tesseract", "ffmpeg": "/usr/bin/ffmpeg"}
LETTERS = {"H": "10001 10001 10001 11111 10001 10001 10001", "E": "11111 10000 10000 11110 10000 10000 11111",
           "L": "10000 10000 10000 10000 10000 10000 11111", "P": "11110 10001 10001 11110 10000 10000 10000"}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(word, scale=8, margin=30):
    """The word in letters of 5 by 7 squares, as a PNG."""
    rows = ["".join(LETTERS[letter].split()[i] + "0" for letter in word) for i in range(7)]
    width = len(rows[0]) * scale + 2 * margin
    edge = b"\xff" * margin
    lines = [b"\xff" * width] * margin
    for row in rows:
        lines += [edge + b"".join((b"\0" if bit == "1" else b"\xff") * scale for bit in row) + edge] * scale
    lines += [b"\xff" * width] * margin
    head = struct.pack(">IIBBBBB", width, len(lines), 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines))) + chunk(b"IEND", b"")


def rooms():
    """Whether programs can be run apart here: the room was built, and this user may have namespaces of his own."""
    room = harness.BUILD / "lib/tool/troupe-sandbox"
    return room.exists() and subprocess.run([room, "--", "/usr/bin/true"], capture_output=True, timeout=60, check=False).returncode == 0


class Senses(harness.SystemTest):
    def mind(self, operation, *more, text="", **given):
        return self.run_program("agentd/mind/troupe-mind", operation, text, *more, *(["--input", json.dumps(given)] if given else []), patience=400)

    def value(self, *arguments, **more):
        done = self.mind(*arguments, **more)
        self.assertEqual(done.code, 0, done)
        return done.json()

    def refused(self, says, *arguments, **more):
        done = self.mind(*arguments, **more)
        self.assertEqual((done.code, says in done.err), (3, True), done)

    def file(self, name, data):
        path = pathlib.Path(self.directory) / name
        path.write_bytes(data)
        return str(path)

    def needs(self, *packages):
        missing = [package for package in packages if not pathlib.Path(PROGRAMS[package]).exists()]
        if missing or not rooms():
            self.skipTest(f"packages {missing} are missing (tools/setup --check installs them)" if missing else "no program can be run apart here")

    def test_what_is_said_is_heard(self):
        self.needs("espeak-ng", "pocketsphinx")
        said = self.value("speak", text="one two three four five")
        sound = base64.b64decode(said["audio"])
        self.assertEqual((said["type"], sound[:4], sound[8:12]), ("audio/wav", b"RIFF", b"WAVE"))
        self.assertEqual(struct.unpack("<I", sound[4:8])[0], len(sound) - 8)
        heard = self.value("transcribe", "--file", self.file("note.wav", sound))
        self.assertIn("three", heard["text"].split())
        self.assertEqual(heard["language"], "en")

    def test_sound_in_other_clothes(self):
        """What others send is made plain first, and what is spoken comes as it is wanted; each by a program apart."""
        self.needs("espeak-ng", "pocketsphinx", "ffmpeg")
        for form, media, mark in (("mp3", "audio/mpeg", (b"ID3", b"\xff\xf3", b"\xff\xfb")), ("opus", "audio/ogg", (b"OggS",)), ("flac", "audio/flac", (b"fLaC",))):
            said = self.value("speak", text="one two three four five", format=form)
            sound = base64.b64decode(said["audio"])
            self.assertEqual((said["type"], sound.startswith(mark)), (media, True), sound[:8])
        heard = self.value("transcribe", "--file", self.file("note.flac", sound))
        plain = self.value("transcribe", "--file", self.file("note.wav", base64.b64decode(self.value("speak", text="one two three four five")["audio"])))
        self.assertTrue(heard["text"], heard)
        self.assertAlmostEqual(heard["seconds"], plain["seconds"], delta=0.2)
        self.refused("/usr/bin/ffmpeg", "transcribe", audio=base64.b64encode(b"OggS" + bytes(range(256))).decode())
        self.refused("/usr/bin/ffmpeg", "transcribe", audio=base64.b64encode(sound[:40]).decode())

    def test_words_in_an_image_are_read(self):
        self.needs("tesseract-ocr")
        image = png("HELP")
        seen = self.value("describe_image", "--file", self.file("sign.png", image))
        width, height = struct.unpack(">II", image[16:24])
        self.assertEqual((seen["words"], seen["type"], seen["width"], seen["height"]), ("HELP", "png", width, height))
        self.assertEqual(seen["text"], f"An image (png) of {width} by {height} points. Text in it: HELP")
        broken = self.file("broken.png", image[:60])
        done = self.mind("describe_image", "--file", broken)
        self.assertEqual((done.code, "/usr/bin/tesseract" in done.err), (3, True), done)

    def test_what_is_missing_is_named(self):
        given = {"espeak-ng": ("speak", {"text": "hello"}), "ffmpeg": ("transcribe", {"audio": base64.b64encode(b"OggS....").decode()}), "pocketsphinx": ("transcribe", {"audio": base64.b64encode(WAVE).decode()}),
                 "tesseract-ocr": ("describe_image", {"image": base64.b64encode(png("HELP")).decode()})}
        missing = [package for package, path in PROGRAMS.items() if not pathlib.Path(path).exists()]
        if not missing:
            self.skipTest("all programs are there")
        for package in missing:
            operation, more = given[package]
            self.refused(f"install the package {package}", operation, **more)

    def test_what_makes_no_sense(self):
        self.refused("audio: expected base64", "transcribe")
        self.refused("audio: this is no base64", "transcribe", audio="?")
        self.refused("audio: expected a recording", "transcribe", audio=base64.b64encode(b"GIF89a").decode())
        self.refused("hears English alone", "transcribe", audio=base64.b64encode(WAVE).decode(), language="de")
        self.refused("audio: expected", "transcribe", audio=base64.b64encode(WAVE[:30]).decode())
        self.refused("image: expected a PNG or a JPEG", "describe_image", image=base64.b64encode(b"GIF89a").decode())
        self.refused("expected 1 to 4000 bytes", "speak")
        self.refused("expected 1 to 4000 bytes", "speak", text="x" * 4001)
        self.refused("the built-in mind speaks", "speak", text="x", language="xx")
        self.refused("format: expected wav, mp3", "speak", text="x", format="tape")
        self.refused("64 million points", "describe_image", image=base64.b64encode(png("H")[:16] + struct.pack(">II", 60000, 60000)).decode())
        self.refused("voice: expected a word", "speak", text="x", voice=5)
        self.refused("only transcribe and describe_image", "intent", "--file", "/dev/null", text="x")


WAVE = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\x08\0\0\0" + bytes(8)


if __name__ == "__main__":
    harness.main()
