#!/usr/bin/env python3
"""Privileged tools wait for a person: once, for these arguments, over any kill -9, and no without a yes."""
import hashlib
import json
import pathlib
import sys

import tools
from tools import harness

import screen  # from where harness.py is

# A desk that grants everything, and does not answer the first take.
DESK = r"""
import json, sys

for line in sys.stdin:
    message = json.loads(line)
    content = message.get("content")
    if not isinstance(content, dict) or "action" not in content:
        continue
    state = "granted"
    if content["action"] == "approval-take":
        with open(sys.argv[1], "a+") as takes:
            is_first = takes.tell() == 0
            takes.write(content.get("nonce", "none") + "\n")
        if is_first:
            print(json.dumps({"id": message["id"], "done": True}), flush=True)
            continue
        state = "used"
    print(json.dumps({"id": message["id"], "content": {"approval": "a1", "state": state}}), flush=True)
"""


class Approvals(tools.ToolsTest):
    def setUp(self):
        super().setUp()
        self.data_directory = str(pathlib.Path(self.directory) / "tasks")
        self.coordinator = self.start_coordinator()
        self.marks = pathlib.Path(self.directory) / "marks"
        self.marks.mkdir()
        self.config = {"touch": {"kind": "command", "programs": ["/usr/bin/touch"], "write": str(self.marks), "approval-time": "30s"}}

    def start_coordinator(self):
        child = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.data_directory)
        child.wait_err("C001 ready")
        return child

    def call(self, name="one", key=None, agent="keeper"):
        content = {"action": "call", "tool": "touch", "arguments": {"program": "touch", "arguments": [name]}, **({"key": key} if key else {})}
        return self.spawn_verb("ask", agent, json.dumps(content), "-o", "json", "--timeout", "60s")

    def approvals(self, state="any"):
        done = self.run_verb("approvals", "ls", "--state", state, "-o", "json")
        self.assertEqual(done.code, 0, done)
        return done.json()

    def pending(self, count=1):
        harness.wait_until(lambda: len(self.approvals("pending")) == count, f"{count} to be asked for", 60)
        return self.approvals("pending")

    def shown(self, approval):
        return self.run_verb("approvals", "show", approval["approval"], "-o", "json").json()

    def answer(self, child):
        done = child.wait(120)
        self.assertEqual(done.code, 0, done)
        return done.json()

    def made(self):
        return sorted(path.name for path in self.marks.iterdir())

    def test_granted_once(self):
        self.keeper(self.config)
        asked = self.call()
        approval, = self.pending()
        self.assertEqual((approval["agent"].split("@")[0], approval["tool"]), ("keeper", "touch"))
        self.assertEqual(json.loads(approval["arguments"]), {"program": "touch", "arguments": ["one"]})
        self.assertTrue(approval["behalf"].startswith("cli-"))
        self.assertEqual(self.made(), [])
        self.assertEqual(self.run_verb("approvals", "grant", approval["approval"], "--reason", "fine").code, 0)
        said = self.answer(asked)
        self.assertEqual((said["status"], said["approval"]), ("ok", approval["approval"]), said)
        self.assertEqual(self.made(), ["one"])
        shown = self.shown(approval)
        self.assertEqual((shown["state"], shown["reason"]), ("used", "fine"))
        self.assertEqual(self.run_verb("approvals", "grant", approval["approval"]).code, 3)
        again = self.call()  # the same call needs another
        self.assertNotEqual(self.pending()[0]["approval"], approval["approval"])
        again.stop()

    def test_denied(self):
        self.keeper(self.config)
        asked = self.call()
        approval, = self.pending()
        self.assertEqual(self.run_verb("approvals", "deny", approval["approval"], "--reason", "not here").code, 0)
        said = self.answer(asked)
        self.assertEqual(said["status"], "denied", said)
        self.assertIn("not here", said["detail"])
        self.assertEqual(self.made(), [])

    def test_only_its_approvers_decide(self):
        self.config["touch"]["approvers"] = ["boss"]
        self.keeper(self.config)
        asked = self.call()
        approval, = self.pending()
        self.assertEqual(self.shown(approval)["approvers"], ["boss"])
        for verb in "grant", "deny":
            done = self.run_verb("approvals", verb, approval["approval"])
            self.assertEqual((done.code, "approvers" in done.err), (3, True), done)
        self.assertEqual((self.approvals()[0]["state"], self.made()), ("pending", []))
        self.agentd("--name", "boss", "--behaviour", "relay", "--args", '{"to": "svc:tasks"}')
        content = json.dumps({"action": "grant", "approval": approval["approval"]})
        self.assertEqual(self.run_verb("ask", "boss", content).code, 0)
        self.assertEqual(self.answer(asked)["status"], "ok")
        self.assertEqual((self.shown(approval)["by"].split("@")[0], self.made()), ("boss", ["one"]))
        done = self.run_verb("approvals", "deny", approval["approval"])
        self.assertEqual((done.code, "approvers" in done.err), (3, True), done)

    def test_nobody_says_anything(self):
        self.config["touch"]["approval-time"] = "1s"
        self.keeper(self.config)
        said = self.answer(self.call())
        self.assertEqual(said["status"], "denied", said)
        harness.wait_until(lambda: self.approvals("expired"), "it to expire")
        self.assertEqual(self.made(), [])

    def test_those_that_wait_keep_no_other_call_from_running(self):
        self.keeper({**self.config, "knowledge": {}, "sort": {"kind": "command", "programs": ["/usr/bin/sort"], "privileged": False}})
        count = 70  # more than may run at once
        lines = "".join(json.dumps({"action": "call", "tool": "touch", "arguments": {"program": "touch", "arguments": [str(n)]}}) + "\n" for n in range(count))
        done = self.run_verb("send", "keeper", "request", "--lines", text=lines)
        self.assertEqual(done.code, 0, done)
        harness.wait_until(lambda: len(self.approvals("pending")) == count, "all to be asked for")
        said = self.said("sort", {"program": "sort"})
        self.assertNotEqual(said["status"], "busy", said)

    def test_a_list_shows_the_beginning_of_long_arguments(self):
        self.keeper(self.config)
        name = "x" * 1013 + "é" * 30000
        self.run_verb("send", "keeper", "request", "--lines", text=(json.dumps(
            {"action": "call", "tool": "touch", "arguments": {"program": "touch", "arguments": [name]}}, ensure_ascii=False) + "\n") * 20)
        listed = self.pending(20)[0]  # all of them would be more than a message may have
        whole = self.shown(listed)
        self.assertNotIn("cut", whole)
        self.assertEqual(json.loads(whole["arguments"])["arguments"], [name])
        self.assertEqual(listed["cut"], len(whole["arguments"].encode()))
        self.assertLessEqual(len(listed["arguments"].encode()), 1024)
        self.assertTrue(whole["arguments"].startswith(listed["arguments"]))

    def test_the_agent_cannot_grant_itself(self):
        self.keeper(self.config)
        self.call()
        approval, = self.pending()
        self.agentd("--name", "proxy", "--behaviour", "relay", "--args", '{"to": "svc:tasks"}')
        for action in "approval-take", "approval-wait":
            done = self.run_verb("ask", "svc:tasks", json.dumps({"action": action, "approval": "a0", "digest": "0"}))
            self.assertEqual(done.code, 3, done)
        done = self.run_verb("ask", "svc:tasks", json.dumps({"action": "approval-take", "approval": approval["approval"], "digest": self.shown(approval)["digest"]}))
        self.assertEqual((done.code, "unauthorised" in done.err), (3, True), done)
        self.assertEqual(self.approvals()[0]["state"], "pending")

    def test_the_coordinator_is_killed_while_it_waits(self):
        self.keeper(self.config)
        asked = self.call()
        approval, = self.pending()
        self.coordinator.process.kill()
        self.coordinator.wait()
        self.start_coordinator()
        self.assertEqual(self.pending()[0]["approval"], approval["approval"])
        self.assertEqual(self.run_verb("approvals", "grant", approval["approval"]).code, 0)
        self.assertEqual(self.answer(asked)["status"], "ok")
        self.assertEqual(self.made(), ["one"])

    def asked_by(self, hand, **content):
        return self.run_verb("ask", hand, json.dumps(content), "-o", "json")

    def test_what_is_shown_on_a_terminal_is_what_is_granted(self):
        self.agentd("--name", "hand", "--behaviour", "relay", "--args", '{"to": "svc:tasks"}')
        arguments = json.dumps({"a": "x\u009b2Jy\u202ez"}, ensure_ascii=False)
        digest = hashlib.blake2b(b"touch\0" + arguments.encode(), digest_size=32).hexdigest()
        approval = self.asked_by("hand", action="approval-ask", tool="touch", arguments=arguments, digest=digest, **{"time-ms": 60000}).json()["approval"]
        terminal = screen.Shown(self, "troupe", "approvals", "show", approval, env={"TROUPE_CONNECT": self.at.endpoint})
        self.assertEqual(terminal.child.wait().code, 0)
        self.assertIn('arguments  {"a": "x?2Jy?z"}', terminal.rows())
        self.assertIn(arguments, self.run_verb("approvals", "show", approval).out)

    def test_who_was_not_answered_takes_again(self):
        for hand in "hand", "other":
            self.agentd("--name", hand, "--behaviour", "relay", "--args", '{"to": "svc:tasks"}')
        digest = hashlib.blake2b(b"touch\0{}", digest_size=32).hexdigest()
        asked = self.asked_by("hand", action="approval-ask", tool="touch", arguments="{}", digest=digest, **{"time-ms": 60000})
        approval = asked.json()["approval"]
        self.assertEqual(self.run_verb("approvals", "grant", approval).code, 0)
        take = {"action": "approval-take", "approval": approval, "digest": digest}
        self.assertEqual(self.asked_by("hand", **take, nonce="n1").json()["state"], "used")
        self.coordinator.process.kill()  # whether it has answered is not known
        self.coordinator.wait()
        self.start_coordinator()
        again = self.asked_by("hand", **take, nonce="n1")
        self.assertEqual((again.code, again.code or again.json()["state"]), (0, "used"), again)
        for hand, nonce in ("hand", {"nonce": "n2"}), ("hand", {}), ("hand", {"nonce": "n" * 65}), ("other", {"nonce": "n1"}):
            self.assertEqual(self.asked_by(hand, **take, **nonce).code, 3, (hand, nonce))

    def test_the_answer_to_the_take_is_lost(self):
        takes = pathlib.Path(self.directory) / "takes"
        self.agentd("--name", "desk", "--", sys.executable, "-c", DESK, str(takes))
        self.config["touch"]["desk"] = "desk"
        self.keeper(self.config)
        said = self.answer(self.call())
        self.assertEqual((said["status"], self.made()), ("ok", ["one"]), said)
        nonces = takes.read_text().split()
        self.assertEqual((len(nonces), len(set(nonces))), (2, 1))
        self.assertEqual(self.answer(self.call("two"))["status"], "ok")
        self.assertEqual(len(set(takes.read_text().split())), 2, "each call has its own")

    def test_the_agent_is_killed_while_it_waits(self):
        keeper = self.keeper(self.config)
        self.agentd("--name", "hand", "--behaviour", "relay", "--args", '{"to": "keeper"}')  # who asks is the same, before and after
        self.call(key="task-1/3", agent="hand")
        approval, = self.pending()
        self.assertEqual(approval["behalf"].split("@")[0], "hand")
        keeper.process.kill()
        keeper.wait()
        self.assertEqual(self.run_verb("approvals", "grant", approval["approval"]).code, 0)
        self.keeper(self.config)
        other = self.call(key="task-1/3")  # another's grant is not his, though key and call are the same
        self.assertNotEqual(self.pending()[0]["approval"], approval["approval"])
        self.assertEqual(self.made(), [])
        self.assertEqual(self.run_verb("approvals", "deny", self.pending()[0]["approval"]).code, 0)
        self.assertEqual(self.answer(other)["status"], "denied")
        said = self.answer(self.call(key="task-1/3", agent="hand"))  # found by its key, and used
        self.assertEqual((said["status"], said["approval"]), ("ok", approval["approval"]), said)
        self.call(name="two", key="task-1/3", agent="hand")  # the same key, but for something else
        self.assertEqual(json.loads(self.pending()[0]["arguments"])["arguments"], ["two"])
        self.assertEqual(self.made(), ["one"])

    def keeper_that_hangs(self, **more):
        """A tool that leaves a mark and then hangs; gives the keeper, and how often it was called."""
        marks = pathlib.Path(self.directory) / "calls"
        server = str(pathlib.Path(__file__).resolve().parent / "mcp_server.py")
        tools = {"fake": {"kind": "mcp", "command": [sys.executable, server, "--bad", "hang", "--log", str(marks)], **more}}
        keeper = self.keeper(tools, more=("--service", "hands"))
        harness.wait_until(lambda: self.ask("keeper", '{"action": "list"}')["ready"], "the server's tools", 60)
        return keeper, lambda: [line for line in marks.read_text().splitlines() if json.loads(line).get("method") == "tools/call"]

    def call_that_hangs(self):
        content = {"action": "call", "tool": "fake_bad", "arguments": {}, "key": "task-1/4"}
        return self.spawn_verb("ask", "svc:hands", json.dumps(content), "-o", "json", "--timeout", "120s")

    def test_a_toolkeeper_is_killed_while_the_tool_runs(self):
        for config in {}, {"privileged": ["bad"], "approval-time": "60s"}:
            keeper, made = self.keeper_that_hangs(**config)
            before = len(made())
            asked = self.call_that_hangs()
            if config:
                approval, = self.pending()
                self.assertEqual(self.run_verb("approvals", "grant", approval["approval"]).code, 0)
            harness.wait_until(lambda: len(made()) == before + 1, "the tool to be at work", 60)
            keeper.process.kill()
            keeper.wait()
            keeper, made = self.keeper_that_hangs(**config)
            said = self.answer(asked)
            self.assertEqual(said["status"], "unknown-outcome", said)
            self.assertEqual(said.get("approval"), approval["approval"] if config else None)
            self.assertEqual(len(made()), before + 1)
            keeper.stop()


if __name__ == "__main__":
    harness.main()
