#!/usr/bin/env python3
"""Speech and images over HTTP: the routes of OpenAI's API, by hand and by its client, what can be heard and seen, and what is neither."""
import base64
import json
import os
import pathlib
import struct
import subprocess
import unittest
import zlib

import openai_test
import web
from web import harness

PROGRAMS = ["/usr/bin/espeak-ng", "/usr/bin/pocketsphinx_continuous", "/usr/bin/ffmpeg"]
WAVE = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\x08\0\0\0" + bytes(8)
WEBM = b"\x1a\x45\xdf\xa3"

CLIENT = """
const OpenAI = require("openai"), fs = require("fs");
const client = new OpenAI.OpenAI({baseURL: process.argv[2] + "/v1", apiKey: process.argv[3], maxRetries: 0, timeout: 300000});
(async () => {
    const out = {};
    const speech = await client.audio.speech.create({model: "any", voice: "alloy", input: "one two three four five", response_format: "opus"});
    out.type = speech.headers.get("content-type");
    fs.writeFileSync("said.ogg", Buffer.from(await speech.arrayBuffer()));
    out.text = (await client.audio.transcriptions.create({model: "whisper-1", file: fs.createReadStream("said.ogg"), language: "en"})).text;
    try {
        await client.audio.transcriptions.create({model: "whisper-1", file: await OpenAI.toFile(Buffer.from("GIF89a"), "a.wav")});
    } catch (error) {
        out.error = {status: error.status, code: error.code};
    }
    console.log(JSON.stringify(out));
})().catch(error => { console.error(error); process.exit(1); });
"""


LOOKS = """
const OpenAI = require("openai");
const client = new OpenAI.OpenAI({baseURL: process.argv[2] + "/v1", apiKey: process.argv[3], maxRetries: 0, timeout: 300000});
const content = [{type: "text", text: "what does it say?"}, {type: "image_url", image_url: {url: process.argv[4]}}];
(async () => {
    const whole = await client.chat.completions.create({model: "assistant", user: "ann", messages: [{role: "user", content}]});
    const out = {whole: whole.choices[0].message.content, pieces: ""};
    for await (const chunk of await client.chat.completions.create({model: "assistant", user: "ann", stream: true, messages: [{role: "user", content}]}))
        out.pieces += chunk.choices[0].delta.content || "";
    const parts = [{type: "input_text", text: "what does it say?"}, {type: "input_image", image_url: process.argv[4], detail: "auto"}];
    out.response = (await client.responses.create({model: "assistant", user: "ann", input: [{role: "user", content: parts}]})).output_text;
    console.log(JSON.stringify(out));
})().catch(error => { console.error(error); process.exit(1); });
"""
LETTERS = {"H": "10001 10001 10001 11111 10001 10001 10001", "E": "11111 10000 10000 11110 10000 10000 11111",
           "L": "10000 10000 10000 10000 10000 10000 11111", "P": "11110 10001 10001 11110 10000 10000 10000"}


def png(word, scale=8, margin=30):
    """The word in letters of 5 by 7 squares, as a PNG."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = ["".join(LETTERS[letter].split()[i] + "0" for letter in word) for i in range(7)]
    width, edge = len(rows[0]) * scale + 2 * margin, b"\xff" * margin
    lines = [b"\xff" * width] * margin
    for row in rows:
        lines += [edge + b"".join((b"\0" if bit == "1" else b"\xff") * scale for bit in row) + edge] * scale
    lines += [b"\xff" * width] * margin
    head = struct.pack(">IIBBBBB", width, len(lines), 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines))) + chunk(b"IEND", b"")


def data_url(data, kind="image/png"):
    return f"data:{kind};base64," + base64.b64encode(data).decode()


def rooms():
    """Whether programs can be run apart here."""
    room = harness.BUILD / "lib/tool/troupe-sandbox"
    return room.exists() and subprocess.run([room, "--", "/usr/bin/true"], capture_output=True, timeout=60, check=False).returncode == 0


def can_hear():
    return rooms() and all(map(os.path.exists, PROGRAMS))


def form(fields, boundary="b1"):
    """A form of (name, value) and (name, file name, bytes)."""
    out = b""
    for name, *rest in fields:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
        if len(rest) == 2:
            head += f'; filename="{rest[0]}"\r\nContent-Type: application/octet-stream'
        body = rest[-1] if isinstance(rest[-1], bytes) else rest[-1].encode()
        out += head.encode() + b"\r\n\r\n" + body + b"\r\n"
    return out + f"--{boundary}--\r\n".encode()


class Audio(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin("--sense-time", "300s", "--body-time", "300s")

    def transcribe(self, *fields, status=200, kind="multipart/form-data; boundary=b1", body=None):
        answer = self.post("/v1/audio/transcriptions", form(fields) if body is None else body, headers={"Content-Type": kind})
        self.assertEqual(answer.status, status, answer)
        return answer

    def refused(self, status, code, *fields, **more):
        error = self.transcribe(*fields, status=status, **more).json()["error"]
        self.assertEqual(error["code"], code, error)
        return error["message"]

    def speak(self, text, status=200, **more):
        answer = self.post("/v1/audio/speech", {"model": "any", "voice": "alloy", "input": text, **more})
        self.assertEqual(answer.status, status, answer)
        return answer

    def webm(self, sound):
        """As a browser's recorder makes it: opus in WebM, written to a pipe."""
        done = subprocess.run(["/usr/bin/ffmpeg", "-nostdin", "-loglevel", "error", "-f", "wav", "-i", "pipe:0", "-c:a", "libopus", "-f", "webm", "pipe:1"],
                              input=sound, capture_output=True, timeout=120, check=True)
        return done.stdout

    def test_nobody_hears(self):
        message = self.refused(503, "no-provider", ("file", "a.wav", WAVE))
        self.assertIn("--behaviour senses", message)
        self.assertEqual(self.speak("hello", 503).json()["error"]["code"], "no-provider")

    def test_forms(self):
        """What is no form, or has not what it needs, is refused before anybody is asked."""
        self.refused(415, "unsupported-value", body=b"{}", kind="application/json")
        self.refused(415, "unsupported-value", body=b"x", kind="multipart/form-data")
        self.refused(400, "unsupported-value", body=b"no boundary")
        self.refused(400, "unsupported-value", body=form([("file", "a.wav", WAVE)])[:-10])
        self.refused(400, "missing-argument", ("model", "any"))
        self.refused(400, "missing-argument", ("file", "a text"))
        self.refused(400, "missing-argument", ("file", "a.wav", b""))
        self.refused(400, "unrecognised-parameter-value", ("file", "a.wav", WAVE), ("file", "b.wav", WAVE))
        self.refused(400, "unrecognised-parameter-value", ("file", "a.wav", WAVE), ("model", b"\xff\xfe"))
        self.refused(400, "unrecognised-parameter-value", ("file", "a.wav", WAVE), ("response_format", "srt"))
        self.refused(400, "unrecognised-parameter-value", ("file", "a.wav", WAVE), ("stream", "true"))
        self.assertIn("at most", self.refused(413, "too-large", ("file", "a.wav", bytes(5 << 20))))
        self.assertEqual(self.post("/v1/audio/transcriptions", form([("file", "a.wav", WAVE)]), role="viewer",
                                   headers={"Content-Type": "multipart/form-data; boundary=b1"}).status, 403)
        self.assertEqual(self.speak("", 400).json()["error"]["code"], "unrecognised-parameter-value")
        self.assertEqual(self.speak("x" * 4001, 413).json()["error"]["code"], "too-large")
        self.assertEqual(self.speak("x", 400, response_format="tape").json()["error"]["code"], "unrecognised-parameter-value")
        self.assertEqual(self.speak("x", 400, stream_format="sse").json()["error"]["code"], "unrecognised-parameter-value")

    def chunks(self, *pieces, end=b"0\r\n\r\n", path="/v1/audio/transcriptions", status):
        """A form that is sent piece by piece, each as a chunk."""
        plain = self.raw()
        plain.sendall(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                      b"Content-Type: multipart/form-data; boundary=b1\r\nAuthorization: Bearer " + self.tokens["operator"].encode() + b"\r\n\r\n")
        for piece in pieces:
            plain.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        plain.sendall(end)
        said = b""
        while more := plain.recv(65536):  # it ends with the response
            said += more
        self.assertTrue(said.startswith(b"HTTP/1.1 %d " % status), said)
        return json.loads(said.partition(b"\r\n\r\n")[2])["error"]

    def test_chunks(self):
        """Clients that do not know how large a file will be."""
        body = form([("file", "a.wav", WAVE)])
        self.assertEqual(self.chunks(body, status=503)["code"], "no-provider")
        self.assertEqual(self.chunks(*(body[i:i + 7] for i in range(0, len(body), 7)), end=b"0;x\r\nA: b\r\n\r\n", status=503)["code"], "no-provider")
        self.assertEqual(self.chunks(body[:-9], status=400)["code"], "unsupported-value")
        self.assertIn("chunks", self.chunks(body, end=b"x\r\n", status=400)["message"])
        self.assertEqual(self.chunks(*[bytes(1 << 20)] * 5, status=413)["code"], "too-large")
        self.assertEqual(self.chunks(end=b"", path="/v1/audio/speech", status=411)["code"], "missing-argument")

    def test_what_is_no_recording(self):
        """Others' bytes are looked at apart: cut, empty or huge, each is answered, and the next one is heard."""
        self.agent("ears", "senses")
        self.assertIn("expected a recording", self.refused(415, "unsupported-type", ("file", "a.webm", b"GIF89a, it says")))
        self.refused(400, "invalid", ("file", "a.wav", WAVE[:30]))
        for action in ({"action": "sing"}, {"action": "transcribe"}, {"action": "transcribe", "audio": "?"}, {"action": "describe_image", "image": {"$bin": ""}}):
            answer = self.good(self.post("/api/v1/messages", {"receiver": "svc:senses", "content": action}))
            self.assertEqual((answer["performative"], answer["content"]["reason"]), ("not-understood", "unsupported-value"), answer)
        if not can_hear():
            self.skipTest("espeak-ng, pocketsphinx or ffmpeg is missing (tools/setup --check), or no program can be run apart here")
        sound = self.webm(self.speak("one two three", response_format="wav").body)
        for broken in (sound[:40], WEBM + bytes(3 << 20), WEBM + os.urandom(1000), sound[:len(sound) // 2][::-1].join([b"OggS", b""]), b"\0\0\0\x18ftypM4A " + os.urandom(64)):
            self.refused(400, "invalid", ("file", "a.webm", broken))
        # A list that names other files is none of these, whatever the file is called.
        self.refused(415, "unsupported-type", ("file", "a.webm", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"))
        self.assertIn("text", self.transcribe(("file", "a.webm", sound[:len(sound) * 2 // 3])).json())  # cut, but there is something in it

    @unittest.skipUnless(can_hear(), "espeak-ng, pocketsphinx or ffmpeg is missing (tools/setup --check), or no program can be run apart here")
    def test_what_is_said_is_heard(self):
        self.agent("ears", "senses")
        answer = self.speak("one two three four five", response_format="wav")
        self.assertEqual((answer.headers["content-type"], answer.body[:4]), ("audio/wav", b"RIFF"))
        self.assertEqual(self.speak("hello").headers["content-type"], "audio/mpeg")
        whole = self.transcribe(("model", "any"), ("file", "a.wav", answer.body), ("response_format", "verbose_json")).json()
        self.assertEqual((whole["task"], whole["language"], whole["segments"]), ("transcribe", "en", []))
        self.assertTrue(1 < whole["duration"] < 10, whole)
        self.assertIn("three", whole["text"].split())
        plain = self.transcribe(("file", "a.wav", answer.body), ("response_format", "text"), ("timestamp_granularities[]", "word"),
                                ("timestamp_granularities[]", "segment"))
        self.assertEqual((plain.headers["content-type"], plain.body.decode()), ("text/plain; charset=utf-8", whole["text"] + "\n"))
        # Opus loses something of it: how long it is stays, and that there are words.
        webm = self.transcribe(("file", "speech.webm", self.webm(answer.body)), ("response_format", "verbose_json")).json()
        self.assertAlmostEqual(webm["duration"], whole["duration"], delta=0.2)
        self.assertTrue(webm["text"], webm)
        self.refused(503, "unsupported", ("file", "a.wav", answer.body), ("language", "de"))
        silence = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 32036, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16, b"data", 32000) + bytes(32000)
        self.assertEqual(self.transcribe(("file", "a.wav", silence)).json(), {"text": ""})
        # More than a message may have.
        self.assertIn("mp3", self.speak("one thousand two hundred. " * 100, 413, response_format="wav").json()["error"]["message"])

    @unittest.skipUnless(openai_test.npm_place() and can_hear(), "there is no npm client of OpenAI (tools/setup --clients), or no program that hears")
    def test_the_client_of_npm(self):
        self.agent("ears", "senses")
        script = pathlib.Path(self.directory) / "client.js"
        script.write_text(CLIENT, encoding="utf-8")
        done = subprocess.run(["node", str(script), self.gateway.url, self.tokens["operator"]], env={**os.environ, "NODE_PATH": openai_test.npm_place()},
                              cwd=self.directory, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done)
        out = json.loads(done.stdout)
        self.assertEqual((out["type"], out["error"]), ("audio/ogg", {"status": 415, "code": "unsupported-type"}))
        self.assertTrue(out["text"], out)


class Images(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin("--sense-time", "300s", "--body-time", "300s")
        self.agent("assistant", "assistant")

    def look(self, *urls, status=200, text="what does it say?", **more):
        content = [{"type": "text", "text": text}] * bool(text) + [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        answer = self.post("/v1/chat/completions", {"model": "assistant", "user": "ann", "messages": [{"role": "user", "content": content}], **more})
        self.assertEqual(answer.status, status, answer)
        return answer

    def refused(self, status, code, *urls):
        error = self.look(*urls, status=status).json()["error"]
        self.assertEqual(error["code"], code, error)
        return error["message"]

    def test_what_is_no_image(self):
        self.assertIn("--behaviour senses", self.refused(503, "no-provider", data_url(png("H"))))
        self.agent("eyes", "senses")
        for wrong in ("https://example.org/a.png", "data:image/png,abc", "data:,", "", "data:image/png;base64,", "data:image/png;base64,?", "data:image/png;base64,QUJD" + "="):
            self.refused(400, "unrecognised-parameter-value", wrong)
        self.refused(415, "unsupported-type", data_url(b"hello", "text/plain"))
        self.refused(415, "unsupported-type", data_url(b"GIF89a, it says"))
        self.refused(415, "unsupported-type", data_url(png("H")[:20]), data_url(png("H")))
        self.refused(413, "too-large", data_url(png("H")[:16] + struct.pack(">II", 60000, 60000)))
        self.assertIn("4 images", self.refused(400, "unrecognised-parameter-value", *[data_url(png("H"))] * 5))
        answer = self.post("/v1/chat/completions", {"model": "assistant", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]})
        self.assertEqual(answer.status, 400, answer)
        # What was said before is not looked at again.
        before = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}, {"role": "user", "content": "hello"}]
        self.good(self.post("/v1/chat/completions", {"model": "assistant", "messages": before}))

    @unittest.skipUnless(rooms() and os.path.exists("/usr/bin/tesseract"), "tesseract is missing (tools/setup --check), or no program can be run apart here")
    def test_what_is_seen(self):
        """The agent is told what was seen; what stands in an image is no order to it."""
        self.agent("eyes", "senses")
        answer = self.look(data_url(png("HELP")), data_url(png("HELL")), text="").json()
        self.assertEqual([one["words"] for one in answer["seen"]], ["HELP", "HELL"])
        self.assertEqual(answer["choices"][0]["message"]["content"].count("Text in it: HEL"), 2, answer)
        last = self.good(self.get("/api/v1/sessions/assistant/ann"))["last"]
        self.assertEqual((last["state"], "action" in last, last["turn"]), ("seen", False, 1))
        for cut in (80, len(png("HELP")) // 2):
            broken = self.look(data_url(png("HELP")[:cut]), status=400).json()["error"]
            self.assertRegex(broken["message"], "cut off or damaged; send it whole.*tesseract")
        place = openai_test.npm_place()
        if not place:
            return
        script = pathlib.Path(self.directory) / "client.js"
        script.write_text(LOOKS, encoding="utf-8")
        done = subprocess.run(["node", str(script), self.gateway.url, self.tokens["operator"], data_url(png("HELP"))], env={**os.environ, "NODE_PATH": place},
                              capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done)
        out = json.loads(done.stdout)
        for text in out.values():
            self.assertIn("HELP", text)
        self.assertEqual(out["pieces"], out["whole"])


if __name__ == "__main__":
    harness.main()
