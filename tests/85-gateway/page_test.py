#!/usr/bin/env python3
"""The page: its files, and all of it in Chromium, where that and playwright-core are there (tools/setup, tools/setup --clients). Screenshots are kept."""
import gzip
import json
import math
import os
import pathlib
import re
import struct
import subprocess
import sys
import unittest
import wave
import zlib

import audio_test
import openai_test
import web
from web import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "60-model"))
import model  # noqa: E402

CHROMIUM = os.environ.get("TROUPE_CHROMIUM", "/usr/bin/chromium")
WEB = pathlib.Path(__file__).resolve().parent.parent.parent / "gateway" / "web"
TOUCH = {"touch": {"kind": "command", "programs": ["/usr/bin/touch"], "approval-time": "10m"}}


class Page(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()

    def test_its_files(self):
        answer = self.get("/", role=None)
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertIn("script-src 'self';", answer.headers["content-security-policy"])
        self.assertNotIn("unsafe", answer.headers["content-security-policy"])
        size = self.packed("/", answer)
        served = {path.name for path in WEB.iterdir() if path.suffix in (".js", ".css", ".svg")}
        for name in served:
            file = self.get("/web/" + name, role=None)
            self.assertEqual(file.body, (WEB / name).read_bytes(), f"{name}: is it in gateway/meson.build?")
            size += self.packed("/web/" + name, file)
            # All that it loads is here, and it asks nobody else; what comes from agents never becomes markup.
            text = file.body.decode().replace("http://www.w3.org/2000/svg", "")
            self.assertNotRegex(text, r"https?://", name)
            self.assertNotRegex(text, r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", name)
            self.assertLessEqual(set(re.findall(r"from \"\./([^\"]+)\"", text)), served)
        self.assertLess(size, 300 * 1024)
        self.assertNotRegex(answer.body.decode(), r"https?://|<script(?! type=\"module\" src=)|style=| on[a-z]+=")
        self.problem(self.get("/web/nothing.js", role=None), 404, "not-found")

    def packed(self, path, plain):
        """How many bytes a browser gets for a file, which is what others get."""
        answer = self.get(path, role=None, headers={"Accept-Encoding": "gzip, deflate, br"})
        self.assertEqual((answer.status, answer.headers["content-encoding"], answer.headers["vary"]), (200, "gzip", "accept-encoding"))
        self.assertEqual(gzip.decompress(answer.body), plain.body)
        self.assertNotIn("content-encoding", plain.headers)
        self.assertNotEqual(answer.headers["etag"], plain.headers["etag"])
        return len(answer.body)

    eyes = audio_test.rooms() and os.path.exists("/usr/bin/tesseract")

    def sound(self):
        """Something that is said, for the browser's microphone; two seconds of a tone where nobody can hear."""
        path = self.directory + "/sound.wav"
        if audio_test.can_hear():
            subprocess.run(["/usr/bin/espeak-ng", "-s", "130", "-v", "en", "-w", path, "one two three. two three. three."], timeout=60, check=True)
            return path
        with wave.open(path, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(i / 16000 * 440 * 2 * math.pi))) for i in range(32000)))
        return path

    def picture(self):
        """A word, as PNG; a red square where nobody can read it."""
        if self.eyes:
            pathlib.Path(self.directory, "word.png").write_bytes(audio_test.png("HELP"))
            return self.directory + "/word.png"
        path, chunk = self.directory + "/square.png", lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        pixels = zlib.compress(b"".join(b"\0" + b"\xc0\x30\x20" * 64 for _ in range(64)))
        pathlib.Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
        return path

    def fleet(self):
        link = ("--connect", self.at.endpoint)
        self.spawn("coordinator", *link, "--data", self.directory + "/tasks").wait_err("C001 ready")
        self.spawn("kbd", *link, "--data", self.directory + "/knowledge").wait_err("ready")
        self.agent("assistant", "assistant")
        if audio_test.can_hear() or self.eyes:
            self.agent("ears", "senses")
        self.agent("worker", "echo", "--service", "work")
        self.agent("thirsty", "voter", "--service", "voter", "--args", '{"profile": "tea with milk"}')
        self.agent("sleepy", "voter", "--service", "voter", "--args", '{"profile": "coffee, strong and black"}')
        self.agent("keeper", "toolkeeper", "--tools", json.dumps(TOUCH))
        server = model.Server()
        self.addCleanup(server.stop)
        server.usual = model.chat(json.dumps({"text": "About whales.", "language": "en"}))
        mind = {"base-url": server.url, "model": "small", "prices": [{"model": "small", "input": 150, "output": 600}], **model.QUICK}
        for name in ("writer-1", "writer-2", "author"):
            self.spawn("agentd", *link, "--name", name, "--behaviour", "summariser", "--mind", json.dumps(mind),
                       env={"no_proxy": "*", "TROUPE_EMBEDDINGS": "ngrams"}).wait_err("registered")
        call = {"action": "call", "tool": "touch", "arguments": {"program": "touch", "arguments": ["one"]}}
        self.spawn("troupe", "ask", "keeper", json.dumps(call), "--timeout", "600s", *link)

    @unittest.skipUnless(openai_test.npm_place() and os.path.exists(CHROMIUM), "there is no Chromium, or no playwright-core: tools/setup --clients")
    def test_in_a_browser(self):
        self.fleet()
        place = harness.BUILD / "tests" / "85-gateway" / "screenshots"
        place.mkdir(parents=True, exist_ok=True)
        script = pathlib.Path(__file__).resolve().parent / "page.js"
        env = {**os.environ, "NODE_PATH": openai_test.npm_place(), "TROUPE_CHROMIUM": CHROMIUM, "HOME": self.directory}
        done = subprocess.run(["node", str(script), self.gateway.url, self.tokens["operator"], str(place), self.sound(), self.picture(), "eyes" if self.eyes else "none", self.tokens["admin"]], env=env,
                              capture_output=True, text=True, timeout=500, check=False)
        self.assertEqual(done.returncode, 0, done)
        seen = json.loads(done.stdout)
        print(f"page: usable after {seen['usable_ms']} ms, {seen['first_bytes']} bytes")
        # There is no fleet that is supervised, which the views of it say (501).
        # Where nobody hears, the page has said so (503).
        known = ("ERR_NETWORK_CHANGED", "/api/v1/logs", *(() if audio_test.can_hear() else ("/v1/audio/", "/v1/chat/completions")))
        self.assertEqual([text for text in seen["errors"] if not any(one in text for one in known)], [])
        self.assertEqual((seen["overflow"], seen["unnamed"], seen["faint"]), ([], [], []))
        self.assertEqual((seen["link"], seen["first_focus"], seen["title"]), ("live", "skip", "Topics · Troupe"))
        self.assertLess(seen["first_bytes"], 300 * 1024)
        self.assertIn("news.live", seen["live"])
        for title, row in zip(("Requests of the gateway", "Answers of agents"), seen["latencies"], strict=True):
            self.assertRegex(row, title + r"\s+[\d,]+(\s+[\d.,]+ .?s){3}")
        self.assertIn("<img src=x", seen["tap"])
        self.assertIn("worker", seen["result"])
        self.assertRegex(seen["older"], r"The newest 200 of 25\d are shown\.")
        self.assertEqual((seen["edges"], seen["approval"], seen["dark"]), (4, "granted", "rgb(16, 19, 24)"))
        # Each call: 7 tokens of 150 and 3 of 600 for a million.
        self.assertRegex(seen["spent"], r"Money\s+0\.01[14]\d*\s+.*\s+Tokens in\s+28\s+.*\s+Tokens out\s+12\s+.*\s+Calls\s+4\s+none failed")
        self.assertEqual([row.split("\t") for row in seen["spenders"]], [["writer-2", "small", "0.0057", "14", "6", "2"], ["author", "small", "0.00285", "7", "3", "1"], ["writer-1", "small", "0.00285", "7", "3", "1"]])
        self.assertRegex(" ".join(seen["shares"]), r"writer \(2\)\s+0\.00\d+ author")
        self.assertRegex(seen["ballot"], r"coffee.*by built-in")
        self.assertIn("The harbour", seen["found"])
        self.assertIn("arbour", seen["reply"])
        self.assertRegex(seen["work"], r"steps of \d+ agents")
        self.assertIn("gateway to assistant: request", seen["sequence"])
        example = json.loads(seen["examples"])  # one line
        self.assertEqual((seen["examples_file"], example["question"], example["answer"], example["remark"], example["rating"], example["agent"]),
                         ("feedback.jsonl", "search for the harbour", seen["reply"], "", "good", "assistant"))
        self.assertIn("Admins and programs of operators read them", seen["readers"])
        self.assertEqual(seen["takes_back"], 0)  # an operator sees that it is one, and no more
        self.assertRegex(example["trace"], "^[0-9a-f]{32}$")
        self.assertEqual((seen["boot"], seen["asked_again"]), ("The page has not come as a whole. Load it again", ["services"]))
        self.assertEqual(seen["image"], "data:image/jpeg;base64")
        if self.eyes:
            self.assertIn("An image (jpeg)", seen["about"])
            self.assertIn("An image (jpeg)", seen["seen"])
        else:
            self.assertIn("--behaviour senses", seen["about"])
        self.assertEqual((seen["heard_status"], seen["spoken_status"]), (200, 200) if audio_test.can_hear() else (503, 503), seen)
        self.assertTrue(seen["recording"]["webm"], seen["recording"])
        self.assertGreater(seen["recording"]["seconds"], 1)
        self.assertGreater(seen["recording"]["loudest"], 0.1)
        if audio_test.can_hear():
            self.assertEqual(seen["written"], seen["heard"].strip())
            self.assertIn("three", seen["written"].split())
            self.assertEqual(seen["spoken_type"], "audio/mpeg")
            self.assertGreater(seen["played"].get("seconds", 0), 0.2, seen["played"])


if __name__ == "__main__":
    harness.main()
