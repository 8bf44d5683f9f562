#!/usr/bin/env python3
"""The fleet as a server of MCP: by hand in both revisions, by our own client, and by the SDKs of npm where they are."""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import web
from web import harness

META = "io.modelcontextprotocol/"
STATEFUL, MODERN = "2025-06-18", "2026-07-28"


def sdk_place():
    """Where node finds the SDKs; None: nowhere."""
    data = os.environ.get("XDG_DATA_HOME") or str(pathlib.Path.home() / ".local/share")
    for place in (os.environ.get("TROUPE_NPM"), data + "/troupe/npm"):
        at = pathlib.Path(place or "/none") / "node_modules/@modelcontextprotocol"
        if shutil.which("node") and (at / "sdk").is_dir() and (at / "client").is_dir():
            return str(at.parent)
    return None


class Mcp(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()
        self.agent("echo", "echo", "--service", "say")

    def knowledge(self):
        self.spawn("kbd", "--connect", self.at.endpoint, "--data", self.directory + "/kb").wait_err("ready")
        text = "The moon and the sun make the tides of the sea."
        self.good(self.post("/api/v1/knowledge/notes/documents", {"documents": [{"id": "tides/1", "text": text}]}))
        return text

    def test_what_admins_alone_may_ask_is_theirs_here_too(self):
        for agent, content in (("ams", {"action": "quarantine", "name": "echo"}), ("svc:kb", {"action": "drop", "namespace": "n"})):
            call = {"name": "ask_agent", "arguments": {"agent": agent, "text": "x", "content": content}}
            self.assertIn("admin", self.call("tools/call", call)["error"]["message"])
        self.assertIn("admin", self.call("tools/call", {"name": "submit_task", "arguments": {"skills": ["kb"], "input": {"action": "drop"}}})["error"]["message"])
        self.assertIn("admin", self.call("tools/call", {"name": "service_kb", "arguments": {"content": {"action": "drop"}}})["error"]["message"])
        self.assertEqual(self.good(self.get("/api/v1/quarantine"))["quarantined"], [])

    def call(self, method, params=None, status=200, role="operator", **more):
        headers = {"MCP-Protocol-Version": STATEFUL, "Accept": "application/json, text/event-stream", **more.pop("headers", {})}
        body = {"jsonrpc": "2.0", "id": 3, "method": method, **({"params": params} if params is not None else {})}
        answer = self.post("/mcp", body, headers=headers, role=role)
        self.assertEqual(answer.status, status, answer)
        value = answer.json()
        self.assertEqual((value["jsonrpc"], value["id"]), ("2.0", 3))
        return value

    def modern(self, method, params=None, version=MODERN, status=200, headers=None, **more):
        params = {**(params or {}), "_meta": {META + "protocolVersion": version, META + "clientInfo": {"name": "t", "version": "1"},
                                              META + "clientCapabilities": {}}}
        headers = headers if headers is not None else {"MCP-Protocol-Version": version, "Mcp-Method": method}
        return self.call(method, params, status, headers=headers, **more)

    def tool(self, name, arguments=None, **more):
        return self.call("tools/call", {"name": name, "arguments": arguments or {}}, **more)["result"]

    def test_the_stateful_revision(self):
        begun = self.call("initialize", {"protocolVersion": STATEFUL, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}})["result"]
        self.assertEqual((begun["protocolVersion"], set(begun["capabilities"])), (STATEFUL, {"tools", "resources"}))
        answer = self.post("/mcp", {"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.assertEqual((answer.status, answer.body), (202, b""))
        self.assertEqual(self.call("ping")["result"], {})
        self.assertEqual(self.get("/mcp").status, 405)
        self.assertEqual(self.call("server/discover")["error"]["code"], -32601)
        self.assertEqual(self.call("ping", status=400, headers={"MCP-Protocol-Version": "1999-01-01"})["error"]["code"], -32022)

    def test_the_revision_without_sessions(self):
        found = self.modern("server/discover")["result"]
        self.assertEqual((found["supportedVersions"][0], found["resultType"], found["cacheScope"]), (MODERN, "complete", "private"))
        self.assertEqual(found["_meta"][META + "serverInfo"]["name"], "troupe")
        tools = self.modern("tools/list")["result"]
        self.assertGreater(tools["ttlMs"], 0)
        said = self.modern("tools/call", {"name": "service_say", "arguments": {"text": "hello"}})["result"]
        self.assertEqual((said["resultType"], said["isError"], said["structuredContent"]["text"]), ("complete", False, "hello"))
        self.assertEqual(self.modern("ping", status=404)["error"]["code"], -32601)
        self.assertEqual(self.modern("initialize", status=404)["error"]["code"], -32601)
        wrong = self.modern("tools/list", version="2030-01-01", status=400)["error"]
        self.assertEqual((wrong["code"], wrong["data"]["requested"]), (-32022, "2030-01-01"))
        for headers in ({}, {"MCP-Protocol-Version": MODERN}, {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call"}):
            self.assertEqual(self.modern("tools/list", headers=headers, status=400)["error"]["code"], -32020)

    def test_tools_are_by_role(self):
        names = [tool["name"] for tool in self.call("tools/list")["result"]["tools"]]
        self.assertLessEqual({"ask_agent", "find_agents", "search_knowledge", "submit_task", "service_say"}, set(names))
        looks = {tool["name"]: tool for tool in self.call("tools/list", role="viewer")["result"]["tools"]}
        self.assertNotIn("ask_agent", looks)
        self.assertTrue(all(tool["annotations"]["readOnlyHint"] for tool in looks.values()))
        for name in ("ask_agent", "service_say", "submit_task"):
            error = self.call("tools/call", {"name": name, "arguments": {"agent": "echo", "text": "x", "skills": ["x"]}}, role="viewer")["error"]
            self.assertEqual(error["code"], -32000)

    def test_agents_and_services_are_asked(self):
        said = self.tool("ask_agent", {"agent": "echo", "text": "hello"})
        self.assertEqual(json.loads(said["content"][0]["text"]), {"text": "hello", "user": "operator"})
        self.assertEqual(self.tool("service_say", {"content": [1, 2]})["content"][0]["text"], "[1,2]")
        found = self.tool("find_agents")["structuredContent"]["agents"]
        self.assertEqual([agent["name"] for agent in found], ["echo@local"])
        for name, arguments in (("ask_agent", {"agent": "nobody", "text": "x"}), ("service_none", {"text": "x"}), ("show_task", {"task": "x"})):
            self.assertTrue(self.tool(name, arguments)["isError"], name)
        for name, arguments, cure in (("ask_agent", {"agent": "nobody", "text": "x"}, "find_agents"), ("search_knowledge", {"namespace": "n", "query": "q"}, "start an agent"),
                                      ("service_none", {"text": "x"}, "start an agent")):
            self.assertIn(cure, self.tool(name, arguments)["content"][0]["text"])
        for params in ({"name": "zzz"}, {"name": "ask_agent", "arguments": {"agent": "echo"}}, {"name": "ask_agent", "arguments": [1]}, {},
                       {"name": "ask_agent", "arguments": {"agent": "a b", "text": "x"}}, {"name": "show_task"}):
            self.assertEqual(self.call("tools/call", params)["error"]["code"], -32602, params)

    def test_tasks(self):
        self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks").wait_err("C001 ready")
        task = self.tool("submit_task", {"skills": ["say"], "input": {"n": 1}})["structuredContent"]["tasks"][0]["task"]

        def state():
            return self.tool("show_task", {"task": task})["structuredContent"]["state"]
        harness.wait_until(lambda: state() == "completed", "the task")
        self.assertIn(task, self.tool("list_tasks", {"state": "completed"})["content"][0]["text"])
        read = self.call("resources/read", {"uri": "troupe://tasks/" + task})["result"]["contents"][0]
        self.assertEqual(json.loads(read["text"])["result"], {"n": 1})

    def test_resources(self):
        text = self.knowledge()
        uris = [item["uri"] for item in self.call("resources/list")["result"]["resources"]]
        self.assertLessEqual({"troupe://agents/echo@local", "troupe://knowledge/notes"}, set(uris))
        read = self.call("resources/read", {"uri": "troupe://knowledge/notes/tides%2F1"})["result"]["contents"][0]
        self.assertEqual((read["mimeType"], read["text"]), ("text/plain", text))
        listed = self.call("resources/read", {"uri": "troupe://knowledge/notes"})["result"]["contents"][0]["text"]
        self.assertEqual(json.loads(listed)["documents"][0]["id"], "tides/1")
        for uri in ("troupe://agents/nobody", "troupe://zzz/x", "file:///etc/passwd", "troupe://agents/", "troupe://knowledge/notes/%zz", "troupe://agents/" + "x" * 600):
            self.assertEqual(self.call("resources/read", {"uri": uri})["error"]["code"], -32002, uri)
        self.assertEqual(self.call("resources/list", {"cursor": "x"})["error"]["code"], -32602)

    def test_what_is_no_request(self):
        for body, code in ((b"[1]", -32600), (b"{", -32700)):  # JSON-RPC 2.0, 5.1; there are no batches in these revisions
            answer = self.post("/mcp", body, headers={"Content-Type": "application/json"})
            self.assertEqual((answer.status, answer.json()["error"]["code"]), (400, code))
        self.assertEqual(self.post("/mcp", {"jsonrpc": "2.0", "id": {}, "method": "ping"}).json()["error"]["code"], -32600)
        self.serve("--anonymous", "none", "--name", "other")
        self.assertEqual(self.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"}, role=None).status, 401)

    def test_our_own_client(self):
        """An agent with tools, one of whose servers is the gateway: lib/tool speaks both revisions."""
        for protocol in (STATEFUL, MODERN):
            tools = {"fleet": {"kind": "mcp", "url": self.gateway.url + "/mcp", "protocol": protocol, "headers": {"Authorization": "Bearer " + self.tokens["operator"]}}}
            keeper = self.agent("keeper" + protocol[:4], "toolkeeper", "--tools", json.dumps(tools))
            name = "keeper" + protocol[:4]

            def ask(content):
                return self.good(self.post("/api/v1/messages", {"receiver": name, "content": content}))["content"]
            harness.wait_until(lambda: ask({"action": "list"})["ready"], "the tools")
            said = ask({"action": "call", "tool": "fleet_ask_agent", "arguments": {"agent": "echo", "text": "hello"}})
            self.assertEqual(said["status"], "ok", (said, keeper.err))
            self.assertIn("hello", said["data-of-tool"])

    @unittest.skipUnless(sdk_place(), "there are no SDKs of MCP: tools/setup --clients")
    def test_the_sdks_of_npm(self):
        """Over HTTP, and by `troupe mcp` over stdio."""
        text = self.knowledge()
        for revision, *troupe in (("stateful",), ("modern",), ("stateful", harness.program("troupe")), ("modern", harness.program("troupe"))):
            done = subprocess.run(["node", str(pathlib.Path(__file__).with_name("mcp_client.js")), revision, self.gateway.url, self.tokens["operator"],
                                   *troupe], env={**os.environ, "NODE_PATH": sdk_place()}, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done)
            out = json.loads(done.stdout)
            self.assertLessEqual({"ask_agent", "service_say"}, set(out["tools"]))
            self.assertEqual((out["said"], out["service"]), ({"text": "hello", "isError": False}, {"n": 7}))
            self.assertIn("troupe://agents/echo@local", out["resources"])
            self.assertEqual((out["templates"], out["document"], out["found"], out["wrong"]), (4, text, True, True))


if __name__ == "__main__":
    harness.main()
