#!/usr/bin/env python3
"""Tools of MCP servers: ours, which also misbehaves, in both revisions and over both transports; and the reference servers, where they are installed."""
import json
import os
import pathlib
import shutil
import socket
import sys
import unittest

import tools
from tools import harness

SERVER = str(pathlib.Path(__file__).resolve().parent / "mcp_server.py")
STATEFUL, MODERN = "2025-06-18", "2026-07-28"


def installed():
    """Where tools/setup --mcp puts the reference servers; None."""
    at = pathlib.Path(os.environ.get("TROUPE_MCP") or pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share") / "troupe" / "mcp")
    return at if (at / "node_modules/@modelcontextprotocol/server-everything").exists() else None


class McpTest(tools.ToolsTest):
    def logged(self):
        path = pathlib.Path(self.directory) / "log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def methods(self):
        return [one.get("method") for one in self.logged() if "jsonrpc" in one]

    def stdio(self, *options, **config):
        command = [sys.executable, SERVER, "--log", str(pathlib.Path(self.directory) / "log"), *options]
        return {"kind": "mcp", "command": command, **config}

    def http(self, *options, **config):
        port = pathlib.Path(self.directory) / "port"
        port.unlink(missing_ok=True)
        self.spawn(sys.executable, SERVER, "--log", str(pathlib.Path(self.directory) / "log"), "--http", str(port), *options)
        harness.wait_until(port.exists, "the server's port")
        return {"kind": "mcp", "url": f"http://127.0.0.1:{port.read_text()}/mcp", **config}

    def serve(self, config, **more):
        keeper = self.keeper({"fake": config, **more})
        harness.wait_until(lambda: self.ask("keeper", '{"action": "list"}')["ready"], "the server's tools")
        servers = self.ask("keeper", '{"action": "list"}')["servers"]
        self.assertEqual([server["state"] for server in servers], ["open"], servers)
        return keeper

    def uses_all(self):
        self.assertEqual(sorted(self.listed()), ["fake_bad", "fake_echo", "fake_env", "fake_fail", "fake_list_resources", "fake_read_resource"])
        self.assertEqual(self.data("fake_echo", {"text": "hé\nllo"}), "hé\nllo")
        said = self.said("fake_fail")
        self.assertEqual((said["status"], said["data-of-tool"]), ("error", "there is no such file"), said)
        self.assertEqual(self.data("fake_list_resources"), "note://1 (one): the first")
        self.assertEqual(self.data("fake_read_resource", {"uri": "note://1"}), "resource: note://1\nwhat stands in it")
        said = self.said("fake_read_resource", {"uri": "note://2"})
        self.assertEqual((said["status"], "Resource not found" in said["data-of-tool"]), ("error", True), said)
        self.assertEqual(self.said("fake_echo", {"text": 7})["status"], "invalid")


class Revisions(McpTest):
    def test_stateful_by_stdio(self):
        self.serve(self.stdio("--speaks", "stateful"))
        self.uses_all()
        self.assertEqual(self.methods()[:5], ["server/discover", "initialize", "notifications/initialized", "tools/list", "tools/list"])

    def test_modern_by_stdio(self):
        self.serve(self.stdio("--speaks", "modern"))
        self.uses_all()
        self.assertNotIn("initialize", self.methods())

    def test_stateful_by_http(self):
        self.serve(self.http("--speaks", "stateful"))
        self.uses_all()
        calls = [one["headers"] for one in self.logged() if one.get("of") == "tools/call"]
        self.assertEqual((calls[0]["mcp-session-id"], calls[0]["mcp-protocol-version"]), ("s1", STATEFUL))

    def test_modern_by_http(self):
        self.serve(self.http("--speaks", "modern"))
        self.uses_all()
        calls = [one["headers"] for one in self.logged() if one.get("of") == "tools/call"]
        self.assertEqual((calls[0]["mcp-protocol-version"], calls[0]["mcp-method"], calls[0]["mcp-name"]), (MODERN, "tools/call", "echo"))
        self.assertNotIn("mcp-session-id", calls[0])
        self.assertEqual(calls[0]["mcp-param-text"], "=?base64?aMOpCmxsbw==?=")
        reads = [one["headers"] for one in self.logged() if one.get("of") == "resources/read"]
        self.assertEqual(reads[0]["mcp-name"], "note://1")
        self.assertNotIn("traceparent", calls[0])
        asked = self.run_verb("ask", "keeper", json.dumps({"action": "call", "tool": "fake_echo", "arguments": {"text": "x"}}), "--trace")
        trace = asked.err.split("troupe trace ")[1].strip()
        last = [one["headers"] for one in self.logged() if one.get("of") == "tools/call"][-1]
        self.assertRegex(last["traceparent"], f"^00-{trace}-[0-9a-f]{{16}}-01$")

    def test_as_the_configuration_says(self):
        self.serve(self.stdio(protocol=STATEFUL))
        self.assertEqual(self.data("fake_echo", {"text": "x"}), "x")
        self.assertNotIn("server/discover", self.methods())


class Configuration(McpTest):
    def test_what_a_server_gets_and_what_is_taken_of_it(self):
        config = self.stdio(env={"MINE": "yes"}, tools=["env", "echo"], privileged=["echo"], **{"approval-time": "500ms"})
        self.keeper({"fake": config}, SECRET_OF_THE_AGENT="sk-1")
        harness.wait_until(lambda: self.ask("keeper", '{"action": "list"}')["ready"], "the server's tools")
        self.assertEqual(self.data("fake_env", {"name": "MINE"}), "yes")
        self.assertEqual(self.data("fake_env", {"name": "SECRET_OF_THE_AGENT"}), "not set")
        self.assertEqual(sorted(self.listed()), ["fake_echo", "fake_env", "fake_list_resources", "fake_read_resource"])
        self.assertTrue(self.listed()["fake_echo"]["privileged"])
        self.assertEqual(self.said("fake_echo", {"text": "x"})["status"], "denied")

    def privileged(self, *options, **config):
        keeper = self.serve(self.stdio(*options, **config))
        named = {name for name, tool in self.listed().items() if tool.get("privileged")}
        server, = self.ask("keeper", '{"action": "list"}')["servers"]
        keeper.stop()
        return named, server.get("warning", "")

    def test_a_name_of_no_tool_leaves_none_unprivileged(self):
        named, warning = self.privileged(privileged=["echo", "evn"])
        self.assertEqual(named, {"fake_bad", "fake_echo", "fake_env", "fake_fail", "fake_list_resources", "fake_read_resource"})
        self.assertIn("no tool of it is called evn", warning)
        self.assertEqual(self.privileged(privileged=["echo", "fake_env"]), ({"fake_echo", "fake_env"}, ""))

    def test_what_is_wrong_with_tools_is_in_the_log_of_each_agent_that_has_them(self):
        for behaviour in "executor", "toolkeeper":
            agent = self.agentd("--name", "x", "--behaviour", behaviour, "--tools", json.dumps({"fake": self.stdio(privileged=["evn"])}))
            agent.wait_err("A030 agent warns")
            agent.wait_err("no tool of it is called evn")
            agent.stop()

    def test_a_tool_whose_calls_cannot_be_checked_is_left_out(self):
        keeper = self.serve(self.stdio("--bad", "schemas"))
        self.assertEqual(sorted(self.listed()), ["fake_echo", "fake_env", "fake_fail", "fake_list_resources", "fake_read_resource"])
        server, = self.ask("keeper", '{"action": "list"}')["servers"]
        self.assertIn("bad is left out, as its inputSchema cannot be checked: properties.when.pattern: the pattern ^(\\d cannot be read", server["warning"])
        self.assertIn("the inputSchema of fail: properties.ink.format: colour is no format that is checked", server["warning"])
        keeper.wait_err("bad is left out")
        said = self.said("fake_env", {"name": "lower"})
        self.assertEqual(said["status"], "invalid", said)
        self.assertIn("$.name: expected a text with the pattern ^[A-Z]+$", said["detail"])
        self.assertEqual(self.data("fake_env", {"name": "NOTHING"}), "not set")

    def test_what_is_destructive_is_privileged(self):
        for config, named in ({}, {"fake_bad"}), ({"privileged": ["env"]}, {"fake_bad", "fake_env"}), ({"privileged": False}, set()):
            self.assertEqual(self.privileged("--bad", "destructive", **config)[0], named, config)

    def test_resources_of_each_page_and_templates(self):
        self.serve(self.stdio("--bad", "many"))
        listed = self.data("fake_list_resources")
        self.assertEqual(listed.splitlines(), ["note://{number} (any)", *(f"note://{n} (one): the first" for n in (1, 2, 3))])
        self.assertEqual(self.methods().count("resources/list"), 3)

    def test_a_key(self):
        config = self.http("--key", "sk-of-mcp", **{"key-env": "MCP_KEY"})
        self.keeper({"fake": config, "other": {**config, "key-env": "OTHER_KEY"}}, MCP_KEY="sk-of-mcp", OTHER_KEY="wrong")
        harness.wait_until(lambda: self.ask("keeper", '{"action": "list"}')["ready"], "the server's tools")
        self.assertEqual(self.data("fake_echo", {"text": "x"}), "x")
        self.assertFalse([name for name in self.listed() if name.startswith("other_")])
        self.assertEqual(self.data("fake_echo", {"text": "it is sk-of-mcp"}), "it is *********", "what a server repeats of its key is told to nobody")

    def test_secrets_of_headers(self):
        headers = {"Cookie": "a=S1/S1/S1; b=S2/S2/S2", "X-Key-Type": "text", "X-Author": "content", "X-Masked-Key": "****"}
        self.serve(self.http("--bad", "escapes", headers=headers))
        self.assertEqual(self.data("fake_echo", {"text": "S1/S1/S1 and S2/S2/S2 of text, ****"}).replace("*", ""), " and  of text, ")

    def test_what_is_wrong_is_told(self):
        for config, says in (("{kind: mcp}", "expected either a command, or a url"), ("{kind: mcp, url: 'ftp://x'}", "tools.s.url: expected a URL"),
                             ("{kind: mcp, command: [x], protocol: '2020'}", "tools.s.protocol: expected auto, 2025-06-18 or 2026-07-28")):
            self.write("a.yaml", f"name: a\nbehaviour: toolkeeper\ntools: {{s: {config}}}\n")
            self.assertIn(says, self.refused("--agent", "a.yaml").err)


class Faults(McpTest):
    def fails(self, config, status, says, **more):
        keeper = self.serve(config)
        said = self.said("fake_bad", **more)
        self.assertEqual(said["status"], status, said)
        self.assertIn(says, said["detail"])
        return keeper

    def comes_back(self):
        """The next call that is not too early finds a server again."""
        harness.wait_until(lambda: self.said("fake_echo", {"text": "again"}).get("data-of-tool") == "again", "the server to be started again")

    def test_a_long_description_is_cut_between_characters(self):
        self.serve(self.stdio("--bad", "long"))
        listed = self.listed()
        self.assertEqual(listed["fake_bad"]["description"], "x" * 4095)
        self.assertIn("fake_echo", listed)

    def test_it_dies(self):
        self.fails(self.stdio("--bad", "die"), "unknown-outcome", "it ended with exit status 7, and said last: segmentation something")
        self.comes_back()

    def test_what_is_repeatable_may_be_asked_again_whatever_became_of_it(self):
        for bad, status in ("die", "unavailable"), ("garbage", "garbled"), ("huge", "too-large"), ("hang", "timed-out"):
            keeper = self.fails(self.stdio("--bad", bad, repeatable=["bad"], **{"message-max": 10000}), status, "", **{"timeout-ms": 300 if bad == "hang" else 20000})
            keeper.stop()

    def test_it_says_what_is_no_message(self):
        self.fails(self.stdio("--bad", "garbage"), "unknown-outcome", "it is no JSON")
        self.comes_back()

    def test_it_says_too_much(self):
        self.fails(self.stdio("--bad", "huge", **{"message-max": 10000}), "unknown-outcome", "raise message-max")
        self.comes_back()

    def test_its_answer_is_too_large(self):
        """It came, so it is known that the tool has done what it does; by both transports."""
        for config in self.stdio("--bad", "large", **{"message-max": 10000}), self.http("--bad", "large", "--speaks", "stateful", **{"message-max": 10000}):
            keeper = self.fails(config, "too-large", "more than 10000 bytes")
            self.comes_back()
            keeper.stop()

    def test_it_nests_too_deeply(self):
        self.fails(self.stdio("--bad", "deep"), "unknown-outcome", "nests deeper")

    def answers_oddly(self, config):
        self.serve(config)
        for how, text in ("nul", "a\ufffdb"), ("half", "a\ufffd"), ("twice", "last"):
            self.assertEqual(self.data("fake_bad", {"as": how}), text)
        for how, says in ("number", "too big integer"), ("none", "neither a method, nor a result"):
            said = self.said("fake_bad", {"as": how})
            self.assertEqual((said["status"], says in said["detail"], "stderr" in said["detail"]), ("garbled", True, False), said)
        self.assertEqual(self.data("fake_echo", {"text": "x"}), "x")

    def test_an_odd_result_is_that_of_one_call(self):
        self.answers_oddly(self.stdio("--bad", "odd"))
        asked = self.spawn_verb("ask", "keeper", json.dumps({"action": "call", "tool": "fake_bad", "arguments": {"as": "wait"}}), "-o", "json", "--timeout", "60s")
        harness.wait_until(lambda: self.methods().count("tools/call") == 7, "the call that waits to be there")
        self.assertEqual(self.said("fake_bad", {"as": "number"})["status"], "garbled")
        self.assertEqual(asked.wait().json()["data-of-tool"], "x")
        self.assertEqual(self.methods().count("server/discover"), 1)

    def test_an_odd_result_by_http(self):
        self.answers_oddly(self.http("--bad", "odd", "--speaks", "stateful"))
        self.assertEqual(self.methods().count("initialize"), 1)

    def test_it_hangs(self):
        self.fails(self.stdio("--bad", "hang"), "unknown-outcome", "within 300 ms", **{"timeout-ms": 300})
        self.assertEqual(self.data("fake_echo", {"text": "x"}), "x")
        harness.wait_until(lambda: "notifications/cancelled" in self.methods(), "the server to be told")

    def test_its_result_is_none(self):
        self.fails(self.stdio("--bad", "wrong"), "garbled", "has a list as content")
        self.assertEqual(self.data("fake_echo", {"text": "x"}), "x")

    def test_it_asks_a_user(self):
        self.fails(self.stdio("--bad", "input", "--speaks", "modern"), "unavailable", "input_required")

    def test_it_never_opens(self):
        for bad in "exit-at-open", "silent-at-open":
            keeper = self.keeper({"fake": self.stdio("--bad", bad, **{"open-timeout": "600ms"}), "knowledge": {}})
            harness.wait_until(lambda: self.ask("keeper", '{"action": "list"}')["ready"], "the server to be given up")
            self.assertEqual(list(self.listed()), ["knowledge"])
            server, = self.ask("keeper", '{"action": "list"}')["servers"]
            self.assertIn({"exit-at-open": "no licence found", "silent-at-open": "within 600 ms"}[bad], server["detail"])
            keeper.stop()

    def test_it_is_slow_to_begin(self):
        """It has no answer yet when it is taken for one of the older revision, which it does not speak."""
        self.serve(self.stdio("--bad", "slow-at-open", "--speaks", "modern", **{"open-timeout": "4s"}))
        self.assertEqual(self.data("fake_echo", {"text": "x"}), "x")
        server, = self.ask("keeper", '{"action": "list"}')["servers"]
        self.assertEqual(server["protocol"], "2026-07-28")
        self.assertEqual(self.methods()[:3], ["server/discover", "initialize", "server/discover"])

    def test_http_faults(self):
        self.fails(self.http("--bad", "garbage"), "garbled", "it is no JSON")
        self.comes_back()

    def test_http_hangs(self):
        self.fails(self.http("--bad", "hang"), "unknown-outcome", "within 300 ms", **{"timeout-ms": 300})
        self.assertEqual(self.data("fake_echo", {"text": "x"}), "x")

    def test_a_redirect_carries_no_key_away(self):
        """Nobody is asked there, with it or without."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            leads = self.http("--leads-to", f"http://127.0.0.1:{other.getsockname()[1]}/mcp", **{"key-env": "MCP_KEY"})
            self.keeper({"fake": leads}, MCP_KEY="hush")
            told = harness.wait_until(lambda: self.ask("keeper", '{"action": "list"}')["servers"][0].get("detail"), "the refusal")
            self.assertIn("307", told)
            self.assertTrue(any(one.get("headers", {}).get("authorization") == "Bearer hush" for one in self.logged()))
            other.setblocking(False)
            self.assertRaises(BlockingIOError, other.accept)

    def test_a_session_that_was_forgotten_is_begun_anew(self):
        self.serve(self.http("--bad", "forget", "--speaks", "stateful"))
        self.assertEqual(self.data("fake_echo", {"text": "x"}), "x")
        self.assertEqual(self.methods().count("initialize"), 2)

    def test_a_session_that_was_forgotten_is_begun_anew_also_where_it_says_400(self):
        self.serve(self.http("--bad", "forget-by-400", "--speaks", "stateful"))
        self.assertEqual(self.data("fake_echo", {"text": "x"}), "x")
        self.assertEqual(self.methods().count("initialize"), 2)

    def test_a_call_that_is_refused_in_a_new_session_too_has_failed(self):
        self.serve(self.http("--bad", "refuse", "--speaks", "stateful"))
        said = self.said("fake_bad")
        self.assertEqual((said["status"], said["data-of-tool"]), ("error", "not today (error -32000)"), said)
        self.assertEqual((self.methods().count("initialize"), self.methods().count("tools/call")), (2, 2))

    def test_a_call_that_is_refused_takes_no_other_with_it(self):
        self.serve(self.http("--bad", "refuse-one", "--speaks", "stateful"))
        asked = self.spawn_verb("ask", "keeper", json.dumps({"action": "call", "tool": "fake_fail", "arguments": {}, "timeout-ms": 4000}), "-o", "json", "--timeout", "60s")
        harness.wait_until(lambda: "tools/call" in self.methods(), "the call to be there")
        said = self.said("fake_bad")
        self.assertEqual((said["status"], said["data-of-tool"]), ("error", "not today (error -32000)"), said)
        self.assertIn("within 4000 ms", asked.wait().json()["detail"])
        self.assertEqual(self.methods().count("initialize"), 1)

    def test_it_asks_more_than_it_hears_the_answers_of(self):
        keeper = self.serve(self.http("--bad", "pings", "--speaks", "stateful"))
        self.assertEqual(self.data("fake_bad"), "asked")
        answers = lambda: sum("result" in one for one in self.logged())
        harness.wait_until(lambda: answers() >= 16, "the answers to be there")
        self.assertEqual(self.data("fake_echo", {"text": "x"}), "x")
        self.assertLess(len(os.listdir(f"/proc/{keeper.pid}/fd")), 100)
        self.assertEqual(answers(), 16)

    def test_a_session_that_was_forgotten_takes_with_it_what_ran(self):
        self.serve(self.http("--bad", "forget", "--speaks", "stateful"))
        asked = self.spawn_verb("ask", "keeper", json.dumps({"action": "call", "tool": "fake_bad", "arguments": {}}), "-o", "json", "--timeout", "60s")
        harness.wait_until(lambda: "tools/call" in self.methods(), "the call to be there")
        self.assertEqual(self.data("fake_echo", {"text": "x"}), "x")
        done = asked.wait()
        self.assertEqual(done.code, 0, done)
        said = done.json()
        self.assertEqual((said["status"], "ended the session" in said["detail"], said["took-ms"] < 20000), ("unknown-outcome", True, True), said)

    def test_what_http_keeps_open_is_given_up(self):
        self.serve(self.http("--bad", "linger", "--speaks", "stateful"))
        self.assertEqual(self.data("fake_echo", {"text": "x"}), "x")
        harness.wait_until(lambda: {"closed": "tools/call"} in self.logged(), "the stream to be ended after its result")
        self.assertEqual(self.said("fake_bad", **{"timeout-ms": 300})["status"], "unknown-outcome")
        harness.wait_until(lambda: {"closed": "notifications/cancelled"} in self.logged(), "the notice to be given up")
        self.assertEqual(self.data("fake_echo", {"text": "y"}), "y")

    def test_nobody_listens(self):
        keeper = self.keeper({"fake": {"kind": "mcp", "url": "http://127.0.0.1:1/mcp"}})
        harness.wait_until(lambda: self.ask("keeper", '{"action": "list"}')["ready"], "the server to be given up")
        keeper.stop()

    def test_children_end_with_the_agent(self):
        keeper = self.serve(self.stdio())
        pid = int(self.data("fake_echo", {"text": "1"}))
        self.assertEqual(pid, 1)
        children = pathlib.Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text().split()
        keeper.process.kill()
        keeper.wait()
        for child in children:
            harness.wait_until(lambda child=child: not pathlib.Path(f"/proc/{child}/exe").exists(), f"the server {child} to end")


@unittest.skipUnless(installed(), "the reference servers of MCP are not installed: tools/setup --mcp")
class Reference(McpTest):
    def everything(self, config):
        self.serve(config)
        self.assertEqual(self.data("fake_echo", {"message": "hello"}), "Echo: hello")
        self.assertIn("5", self.data("fake_get-sum", {"a": 2, "b": 3}))
        self.assertIn("demo://resource/static/document/", self.data("fake_list_resources"))
        self.assertIn("demo://resource/dynamic/text/{resourceId}", self.data("fake_list_resources"))
        self.assertIn("Resource 7", self.data("fake_read_resource", {"uri": "demo://resource/dynamic/text/7"}))

    def program(self):
        return [shutil.which("node"), str(installed() / "node_modules/@modelcontextprotocol/server-everything/dist/index.js")]

    def listener(self, port):
        child = self.spawn(*self.program(), "streamableHttp", env={"PORT": str(port)})
        harness.wait_until(lambda: tools.listens(port), "the server's port")
        return child

    def test_everything_by_stdio(self):
        self.everything({"kind": "mcp", "command": [*self.program(), "stdio"]})

    def test_everything_by_http(self):
        port = tools.free_port()
        first = self.listener(port)
        self.everything({"kind": "mcp", "url": f"http://127.0.0.1:{port}/mcp"})
        first.process.kill()
        first.wait()
        self.listener(port)
        self.assertEqual(self.data("fake_echo", {"message": "again"}), "Echo: again")

    def test_the_sdk_of_the_modern_revision(self):
        server = str(pathlib.Path(__file__).resolve().parent / "modern.mjs")
        for kind in "stdio", "http":
            if kind == "stdio":
                config = {"kind": "mcp", "command": [shutil.which("node"), server, str(installed())], "protocol": MODERN}
            else:
                port = tools.free_port()
                self.spawn(shutil.which("node"), server, str(installed()), str(port))
                harness.wait_until(lambda: tools.listens(port), "the server's port")
                config = {"kind": "mcp", "url": f"http://127.0.0.1:{port}/mcp", "protocol": MODERN}
            keeper = self.serve(config)
            self.assertEqual(self.data("fake_add", {"a": 2, "b": 3}), "5")
            self.assertEqual(self.data("fake_read_resource", {"uri": "note://one"}), "resource: note://one\nwhat stands in it")
            keeper.stop()


if __name__ == "__main__":
    harness.main()
