#!/usr/bin/env python3
"""Agents of A2A that are not of the fleet, as the fleet's: those of another gateway, and those of the SDK of npm where there is one."""
import json
import os
import pathlib
import subprocess
import unittest

import web
from web import harness


class Remote(web.GatewayTest):
    def key(self, text):
        path = pathlib.Path(self.directory) / "key"
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def far(self, url, key, name="far", **more):
        return self.agent(name, "a2a-remote", "--args", json.dumps({"url": url, "key-file": self.key(key), **more}))

    def say(self, content, to="far", **more):
        return self.post("/api/v1/messages", {"receiver": to, "content": content}, **more)

    def content(self, content, **more):
        answer = self.good(self.say(content, **more))
        self.assertEqual(answer["performative"], "inform", answer)
        return answer["content"]

    def described(self, name="far"):
        found = self.good(self.get("/api/v1/directory"))["agents"]
        return next((one for one in found if one["name"].startswith(name + "@") and one.get("card")), None)

    def wait_card(self, name="far"):
        return harness.wait_until(lambda: self.described(name), "its card", 90)

    def own(self, method, params):
        """Of the tasks that the other side has of this one."""
        return self.post("/a2a/echo", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, headers={"A2A-Version": "1.0"}).json()["result"]

    def test_of_another_gateway(self):
        self.begin()
        self.far(self.gateway.url + "/a2a/echo", self.tokens["operator"])
        harness.wait_until(lambda: "HTTP 404" in str(self.say("x").json()), "that there is no card", 90)
        self.agent("echo", "echo", "--service", "say")
        self.assertEqual(self.wait_card()["card"]["skills"][0]["id"], "say")
        first = self.content({"text": "hello", "user": "ann"})
        self.assertEqual((first["reply"], first["data"]["text"]), ("hello", "hello"))
        self.assertEqual(self.content({"text": "more", "user": "ann"})["context"], first["context"])
        self.assertNotEqual(self.content({"text": "hello", "user": "ben"})["context"], first["context"])
        self.assertEqual(self.content({"n": 7})["data"], {"n": 7})
        self.assertEqual(self.content("by its service", to="svc:far.say")["reply"], "by its service")
        # one that is cancelled here is cancelled there
        self.good(self.post("/api/v1/agents/echo/suspend"))
        task = self.post("/a2a/far", {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "wait"}]},
                                      "configuration": {"returnImmediately": True}}}, headers={"A2A-Version": "1.0"}).json()["result"]["task"]["id"]
        harness.wait_until(lambda: self.own("ListTasks", {"status": "TASK_STATE_WORKING"})["totalSize"] == 1, "the task there", 90)
        self.post("/a2a/far", {"jsonrpc": "2.0", "id": 1, "method": "CancelTask", "params": {"id": task}}, headers={"A2A-Version": "1.0"})
        harness.wait_until(lambda: self.own("ListTasks", {"status": "TASK_STATE_CANCELED"})["totalSize"] == 1, "its end there", 90)

    def test_messages_go_where_the_card_is_or_where_one_is_told(self):
        self.begin("--public-url", "http://127.0.0.1:1")
        self.agent("echo", "echo", "--service", "say")
        url = self.gateway.url + "/a2a/echo"
        self.far(url, self.tokens["operator"])
        harness.wait_until(lambda: "name it with rpc-url" in str(self.say("x").json()), "the refusal", 90)
        self.far(url, self.tokens["operator"], name="told", **{"rpc-url": url})
        self.wait_card("told")
        self.assertEqual(self.content("hello", to="told")["reply"], "hello")
        self.far(url, self.tokens["viewer"], name="shy", **{"rpc-url": url})
        self.wait_card("shy")
        answer = self.say("hello", to="shy").json()
        self.assertIn("role operator", str(answer))

    def test_arguments(self):
        self.at = self.broker()
        for args, wrong in (({}, "url"), ({"url": "ftp://x/"}, "args.url"), ({"url": "http://x/", "key-file": "/none", "key-env": "A"}, "key-file"),
                            ({"url": "http://x/", "key-file": "/none"}, "key-file"), ({"url": "http://x/", "zzz": 1}, "zzz")):
            done = self.run_program("agentd", "--connect", self.at.endpoint, "--name", "far", "--behaviour", "a2a-remote", "--args", json.dumps(args))
            self.assertNotEqual(done.code, 0, args)
            self.assertIn(wrong, done.err, args)

    def sdk_server(self, how):
        """What it says, as a file, and its URL."""
        said = pathlib.Path(self.directory) / how
        with said.open("wb") as out:
            process = subprocess.Popen(["node", str(pathlib.Path(__file__).with_name("a2a_server.js")), how], stdout=out, env={**os.environ, "NODE_PATH": web.sdk_place()})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        harness.wait_until(lambda: said.read_text().endswith("\n"), "the server of the SDK", 90)
        return said, json.loads(said.read_text())["url"]

    @unittest.skipUnless(web.sdk_place(), "there is no SDK of A2A: tools/setup --clients")
    def test_the_sdk_of_npm(self):
        self.begin()
        for how in ("streams", "plain"):
            said, url = self.sdk_server(how)
            agent = self.far(url, "key-of-theirs", name=how)
            card = self.wait_card(how)
            self.assertEqual((card["card"]["name"], card["card"]["skills"][0]["id"]), ("weatherman", "rain/today"))
            self.assertIn(how + ".rain-today", [service["name"] for service in card["services"]])
            self.assertEqual(self.content("say it rains today", to=how)["reply"], "it rains today")
            self.assertEqual(self.content({"n": 7}, to=how)["data"], {"got": {"n": 7}})
            refused = self.say("no", to=how).json()
            self.assertIn("not that", str(refused))
            asked = self.content({"text": "ask", "user": "ann"}, to=how)
            self.assertEqual((asked["reply"], asked["asks"]), ("where?", True))
            more = self.content({"text": "here", "user": "ann"}, to=how)
            self.assertEqual((more["reply"], more["task"]), (f"here of {asked['context']} again", asked["task"]))
            self.assertIsNone(agent.process.poll())
            self.check_cancel(how, said)

    def check_cancel(self, name, said):
        task = self.post("/a2a/" + name, {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "wait"}]},
                                          "configuration": {"returnImmediately": True}}}, headers={"A2A-Version": "1.0"}).json()["result"]["task"]["id"]
        # the agent has it when it has answered what was asked behind it
        self.content("say something", to=name)
        self.post("/a2a/" + name, {"jsonrpc": "2.0", "id": 1, "method": "CancelTask", "params": {"id": task}}, headers={"A2A-Version": "1.0"})
        harness.wait_until(lambda: "cancelled" in said.read_text(), "CancelTask", 90)


if __name__ == "__main__":
    harness.main()
