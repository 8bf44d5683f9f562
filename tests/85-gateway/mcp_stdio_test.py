#!/usr/bin/env python3
"""`troupe mcp`: a gateway's MCP on stdin and stdout."""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import web
from web import harness

META = "io.modelcontextprotocol/"
MODERN = "2026-07-28"


def inspector():
    """The program of MCP's inspector; None: it is nowhere."""
    data = os.environ.get("XDG_DATA_HOME") or str(pathlib.Path.home() / ".local/share")
    for place in (os.environ.get("TROUPE_NPM"), data + "/troupe/npm"):
        program = pathlib.Path(place or "/none") / "node_modules/.bin/mcp-inspector"
        if shutil.which("node") and program.exists():
            return str(program)
    return None


class Stdio(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()
        self.agent("echo", "echo", "--service", "say")
        self.token = pathlib.Path(self.directory, "token")
        self.token.write_text(self.tokens["operator"] + "\n")
        self.token.chmod(0o600)

    def mcp(self, *lines, code=0, url=None, token=None):
        """What is answered to these messages, by their ids."""
        text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
        done = self.troupe("mcp", "--url", url or self.gateway.url, "--token-file", str(token or self.token), text=text)
        self.assertEqual(done.code, code, done)
        self.assertNotIn(self.tokens["operator"], done.out + done.err)
        answers = [json.loads(line) for line in done.out.splitlines()]
        self.assertTrue(all(answer["jsonrpc"] == "2.0" for answer in answers))
        return {answer["id"]: answer for answer in answers}

    def request(self, number, method, **params):
        return {"jsonrpc": "2.0", "id": number, "method": method, **({"params": params} if params else {})}

    def modern(self, number, method, **params):
        meta = {META + "protocolVersion": MODERN, META + "clientInfo": {"name": "t", "version": "1"}, META + "clientCapabilities": {}}
        return self.request(number, method, **params, _meta=meta)

    def test_each_message_has_its_answer(self):
        begin = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        said = self.mcp(self.request(0, "initialize", **begin), {"jsonrpc": "2.0", "method": "notifications/initialized"},
                        *[self.request(n, "tools/call", name="service_say", arguments={"content": {"n": n}}) for n in range(1, 200)],
                        self.request("a text", "tools/call", name="ask_agent", arguments={"agent": "echo", "text": "grün"}),
                        self.request(1000, "no/such"))
        self.assertEqual(said[0]["result"]["protocolVersion"], "2025-06-18")
        for n in range(1, 200):
            self.assertEqual(json.loads(said[n]["result"]["content"][0]["text"]), {"n": n})
        self.assertEqual(json.loads(said["a text"]["result"]["content"][0]["text"])["text"], "grün")
        self.assertEqual(said[1000]["error"]["code"], -32601)
        self.assertEqual(len(said), 202)

    def test_the_revision_without_sessions(self):
        said = self.mcp(self.modern(1, "server/discover"), self.modern(2, "tools/call", name="service_say", arguments={"text": "hello"}),
                        self.modern(3, "resources/read", uri="troupe://agents/echo"))
        self.assertEqual(said[1]["result"]["supportedVersions"][0], MODERN)
        self.assertEqual(said[2]["result"]["structuredContent"]["text"], "hello")
        self.assertEqual(json.loads(said[3]["result"]["contents"][0]["text"])["name"], "echo@local")

    def test_what_is_wrong_is_answered(self):
        said = self.mcp("{no\n", "\n", "[1]\n", '{"jsonrpc": "2.0", "id": 7, "result": {}}\n', self.request(1, "ping"))
        self.assertEqual((set(said), said[1]["result"]), ({None, 1}, {}))
        long = '{"jsonrpc": "2.0", "id": 2, "method": "ping", "params": {"x": "' + "x" * (5 << 20) + '"}}\n'
        said = self.mcp(long, self.request(3, "ping"))
        self.assertEqual((said[None]["error"]["code"], said[3]["result"]), (-32700, {}))

    def test_who_may_not_is_told_so(self):
        self.token.write_text("nonsense\n")
        error = self.mcp(self.request(1, "tools/list"))[1]["error"]
        self.assertEqual(error["code"], -32000)
        self.assertIn("--token-file", error["message"])
        self.token.chmod(0o644)
        done = self.troupe("mcp", "--url", self.gateway.url, "--token-file", str(self.token), text="")
        self.assertEqual((done.code, "chmod 600" in done.err), (3, True), done)

    def test_where_it_may_go(self):
        nobody = self.mcp(self.request(1, "ping"), url="http://127.0.0.1:1")[1]["error"]
        self.assertIn("http://127.0.0.1:1/mcp", nobody["message"])
        for url in ("http://gateway.example:8080", "ftp://127.0.0.1", "nonsense"):
            done = self.troupe("mcp", "--url", url, "--token-file", str(self.token), text="")
            self.assertEqual((done.code, "--url" in done.err), (3, True), done)

    def test_what_is_cancelled_is_not_answered(self):
        self.spawn("agentd", "--connect", self.at.endpoint, "--name", "slow", "--", "sh", "-c", "while read x; do :; done").wait_err("registered")
        asked = self.request(1, "tools/call", name="ask_agent", arguments={"agent": "slow", "text": "x"})
        said = self.mcp(asked, {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}, self.request(2, "ping"))
        self.assertEqual(set(said), {2})

    @unittest.skipUnless(inspector(), "there is no inspector of MCP: tools/setup --clients")
    def test_the_inspector(self):
        """Its command line."""
        server = ["-e", "TROUPE_TOKEN=" + self.tokens["operator"], harness.program("troupe"), "mcp", "--url", self.gateway.url]
        for method, key, more in (("tools/list", "tools", []), ("resources/list", "resources", []),
                                  ("tools/call", "content", ["--tool-name", "service_say", "--tool-arg", "text=hello"])):
            done = subprocess.run([inspector(), "--cli", *server, "--method", method, *more], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done)
            self.assertTrue(json.loads(done.stdout)[key], done)


if __name__ == "__main__":
    harness.main()
