#!/usr/bin/env python3
"""A2A 1.0: cards, messages, tasks and streams by hand in both bindings, and by the SDK of npm where there is one."""
import datetime
import json
import os
import pathlib
import subprocess
import unittest

import web
from web import harness


def message(text=None, data=None, **more):
    part = {"text": text} if data is None else {"data": data}
    return {"message": {"messageId": "m1", "role": "ROLE_USER", "parts": [part], **more}}


class A2A(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()
        self.agent("echo", "echo", "--service", "say")

    def rpc(self, method, params=None, agent="echo", status=200, version="1.0", **more):
        headers = {"A2A-Version": version} if version else {}
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}
        answer = self.post("/a2a/" + agent, body, headers=headers, **more)
        self.assertEqual(answer.status, status, answer)
        value = answer.json()
        self.assertEqual((value["jsonrpc"], value["id"]), ("2.0", 7))
        return value

    def rest(self, method, path, body=None, agent="echo", **more):
        return self.ask(method, f"/a2a/{agent}{path}", body, headers={"A2A-Version": "1.0"}, **more)

    def wrong(self, code, *arguments, **more):
        error = self.rpc(*arguments, **more)["error"]
        self.assertEqual(error["code"], code, error)
        self.assertEqual(error["data"][0]["@type"], "type.googleapis.com/google.rpc.ErrorInfo")

    def events(self, answer):
        self.assertEqual(answer.headers["content-type"], "text/event-stream", answer)
        return [json.loads(line[6:]) for line in answer.body.decode().split("\n") if line.startswith("data: ")]

    def text_of(self, task):
        return [part["text"] for artifact in task["artifacts"] for part in artifact["parts"] if "text" in part]

    def test_what_admins_alone_may_ask_is_theirs_here_too(self):
        order = {"message": {"messageId": "m1", "role": "ROLE_USER", "parts": [{"data": {"action": "quarantine", "name": "echo"}}]}}
        self.wrong(-32603, "SendMessage", order, agent="ams")
        self.wrong(-32603, "SendStreamingMessage", order, agent="ams@local")
        self.assertEqual(self.rest("POST", "/message:send", order, agent="ams").status, 403)
        self.assertEqual(self.good(self.get("/api/v1/quarantine"))["quarantined"], [])
        self.assertEqual(self.rpc("SendMessage", order, agent="ams", role="admin")["result"]["task"]["status"]["state"], "TASK_STATE_COMPLETED")

    def test_a_message_becomes_a_task(self):
        task = self.rpc("SendMessage", message("hello"))["result"]["task"]
        self.assertEqual((task["status"]["state"], self.text_of(task)), ("TASK_STATE_COMPLETED", ["hello"]))
        self.assertEqual(task["history"][0]["contextId"], task["contextId"])
        self.assertEqual(self.rpc("GetTask", {"id": task["id"]})["result"], task)
        self.assertNotIn("history", self.rpc("GetTask", {"id": task["id"], "historyLength": 0})["result"])
        self.assertEqual(len(self.rpc("GetTask", {"id": task["id"], "historyLength": 1})["result"]["history"]), 1)
        same = self.good(self.rest("GET", "/tasks/" + task["id"]))
        self.assertEqual(same, task)

    def test_data_is_sent_as_it_is(self):
        task = self.good(self.rest("POST", "/message:send", message(data={"n": [1, 2]})))["task"]
        self.assertEqual(task["artifacts"][0]["parts"], [{"data": {"n": [1, 2]}, "mediaType": "application/json"}])

    def test_both_bindings_stream(self):
        for answer, unwrap in ((self.rest("POST", "/message:stream", message("hello")), lambda event: event),
                               (self.post("/a2a/echo", {"jsonrpc": "2.0", "id": "x", "method": "SendStreamingMessage", "params": message("hello")},
                                          headers={"A2A-Version": "1.0"}), lambda event: event["result"])):
            events = [unwrap(event) for event in self.events(answer)]
            self.assertEqual([next(iter(event)) for event in events], ["task", "artifactUpdate", "statusUpdate"])
            self.assertEqual(events[0]["task"]["status"]["state"], "TASK_STATE_WORKING")
            self.assertEqual(events[1]["artifactUpdate"]["artifact"]["parts"][0]["text"], "hello")
            self.assertEqual(events[2]["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED")

    def begin_task(self, context="c1"):
        """One that goes on: its agent gets nothing."""
        self.good(self.post("/api/v1/agents/echo/suspend"))
        params = {**message("later", contextId=context), "configuration": {"returnImmediately": True}}
        task = self.rpc("SendMessage", params)["result"]["task"]
        self.assertEqual((task["status"]["state"], task["contextId"]), ("TASK_STATE_WORKING", context))
        return task["id"]

    def test_a_task_that_goes_on_can_be_followed(self):
        task = self.begin_task()
        connection = self.connection()
        connection.request("POST", f"/a2a/echo/tasks/{task}:subscribe", headers={"A2A-Version": "1.0", "Content-Length": "0",
                                                                               "Authorization": "Bearer " + self.tokens["operator"]})
        stream = connection.getresponse()
        first = json.loads(stream.readline()[6:])
        self.assertEqual(first["task"]["status"]["state"], "TASK_STATE_WORKING")
        self.good(self.post("/api/v1/agents/echo/resume"))
        rest = [json.loads(line[6:]) for line in stream.read().split(b"\n") if line.startswith(b"data: ")]
        self.assertEqual(rest[-1]["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED")
        self.wrong(-32004, "SubscribeToTask", {"id": task})

    def test_a_task_can_be_cancelled(self):
        task = self.begin_task()
        self.assertEqual(self.rpc("CancelTask", {"id": task})["result"]["status"]["state"], "TASK_STATE_CANCELED")
        self.wrong(-32002, "CancelTask", {"id": task})
        self.good(self.post("/api/v1/agents/echo/resume"))
        self.assertEqual(self.text_of(self.rpc("SendMessage", message("on"))["result"]["task"]), ["on"])
        self.assertEqual(self.rpc("GetTask", {"id": task})["result"]["status"]["state"], "TASK_STATE_CANCELED")
        answer = self.rest("POST", f"/tasks/{task}:cancel")
        self.assertEqual((answer.status, answer.json()["error"]["status"]), (409, "FAILED_PRECONDITION"))

    def test_who_has_gone_leaves_his_task(self):
        self.good(self.post("/api/v1/agents/echo/suspend"))
        plain, body = self.raw(), json.dumps(message("gone", contextId="c9")).encode()
        plain.sendall((f"POST /a2a/echo/message:send HTTP/1.1\r\nHost: localhost\r\nA2A-Version: 1.0\r\nAuthorization: Bearer {self.tokens['operator']}\r\n"
                       f"Content-Type: application/a2a+json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)

        def state(wanted):
            tasks = self.rpc("ListTasks", {"contextId": "c9"})["result"]["tasks"]
            return tasks and tasks[0]["status"]["state"] == wanted
        harness.wait_until(lambda: state("TASK_STATE_WORKING"), "the task")
        plain.close()
        self.good(self.post("/api/v1/agents/echo/resume"))
        harness.wait_until(lambda: state("TASK_STATE_COMPLETED"), "its end")

    def test_lists_have_pages(self):
        ids = [self.rpc("SendMessage", message(str(n), contextId="c1"))["result"]["task"]["id"] for n in range(5)][::-1]
        self.rpc("SendMessage", message("other"))
        page = self.rpc("ListTasks", {"contextId": "c1", "pageSize": 2})["result"]
        self.assertEqual(([task["id"] for task in page["tasks"]], page["totalSize"]), (ids[:2], 5))
        self.assertNotIn("artifacts", page["tasks"][0])
        rest = self.good(self.rest("GET", f"/tasks?contextId=c1&pageToken={page['nextPageToken']}&includeArtifacts=true"))
        self.assertEqual([task["id"] for task in rest["tasks"]], ids[2:])
        self.assertEqual((rest["nextPageToken"], self.text_of(rest["tasks"][0])), ("", ["2"]))
        self.assertEqual(self.rpc("ListTasks", {"status": "TASK_STATE_FAILED"})["result"]["totalSize"], 0)
        self.wrong(-32602, "ListTasks", {"pageSize": 1000})
        for nonsense in {"status": "TASK_STATE_NONSENSE"}, {"statusTimestampAfter": "rubbish"}, {"statusTimestampAfter": 5}, {"pageSize": "ten"}, {"contextId": 7}:
            self.wrong(-32602, "ListTasks", nonsense)
        self.assertEqual(self.rpc("ListTasks", {"status": "TASK_STATE_INPUT_REQUIRED"})["result"]["totalSize"], 0)
        for after, there in (("2026-01-01T00:00:00Z", True), ("2026-01-01T00:00:00.5-07:00", True), ("2126-01-01T00:00:00+12:00", False)):
            self.assertEqual(self.rpc("ListTasks", {"contextId": "c1", "statusTimestampAfter": after})["result"]["totalSize"] == 5, there, after)
        now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=12))) + datetime.timedelta(minutes=-5)  # as a text it is later
        self.assertEqual(self.rpc("ListTasks", {"contextId": "c1", "statusTimestampAfter": now.isoformat(timespec="seconds")})["result"]["totalSize"], 5)
        self.assertEqual((page["pageSize"], rest["pageSize"]), (2, 50))

    def test_lists_begin_with_what_changed_last(self):
        first, second = self.begin_task(), self.begin_task()

        def listed(**more):
            return [task["id"] for task in self.rpc("ListTasks", {"contextId": "c1", **more})["result"]["tasks"]]
        self.assertEqual(listed(), [second, first])
        self.rpc("CancelTask", {"id": first})
        self.assertEqual(listed(), [first, second])
        page = self.rpc("ListTasks", {"contextId": "c1", "pageSize": 1})["result"]
        self.assertEqual((page["tasks"][0]["id"], listed(pageToken=page["nextPageToken"])), (first, [second]))

    def test_tasks_are_of_who_began_them(self):
        task = self.rpc("SendMessage", message("mine"))["result"]["task"]["id"]
        self.wrong(-32001, "GetTask", {"id": task}, role="admin")
        self.assertEqual(self.rpc("ListTasks", role="admin")["result"]["totalSize"], 0)
        self.wrong(-32001, "GetTask", {"id": task}, agent="other")
        self.wrong(-32603, "SendMessage", message("no"), role="viewer")
        self.assertEqual(self.rest("POST", "/message:send", message("no"), role="viewer").status, 403)

    def test_agents_that_do_not_do_it(self):
        task = self.rpc("SendMessage", message("hello"), agent="nobody")["result"]["task"]
        self.assertEqual(task["status"]["state"], "TASK_STATE_FAILED")
        self.assertTrue(task["status"]["message"]["parts"][0]["text"])
        self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks").wait_err("C001 ready")
        task = self.rpc("SendMessage", message(data={"action": "zzz"}), agent="svc:tasks")["result"]["task"]
        self.assertEqual(task["status"]["state"], "TASK_STATE_REJECTED")

    def test_what_is_wrong_is_told(self):
        self.wrong(-32009, "GetTask", {"id": "x"}, version=None)
        self.wrong(-32009, "GetTask", {"id": "x"}, version="0.3")
        self.wrong(-32601, "Nothing")
        self.wrong(-32001, "CreateTaskPushNotificationConfig", {"taskId": "x", "url": "http://127.0.0.1/"})
        self.wrong(-32602, "SendMessage", {"message": {"messageId": "m", "role": "ROLE_USER", "parts": []}})
        for role in (None, "user", "ROLE_AGENT", "ROLE_UNSPECIFIED"):
            self.wrong(-32602, "SendMessage", {"message": {"messageId": "m", "role": role, "parts": [{"text": "x"}]}})
        self.wrong(-32602, "SendMessage", message("x"), agent="a%20b")
        self.wrong(-32005, "SendMessage", {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"url": "http://x/"}]}})
        self.wrong(-32001, "SendMessage", message("x", taskId="none"))
        answer = self.post("/a2a/echo", b"{no", headers={"Content-Type": "application/json"})
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (400, -32700))
        answer = self.post("/a2a/echo", {"jsonrpc": "2.0", "id": 1})
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (400, -32600))
        self.assertEqual(self.rest("GET", "/tasks/none").json()["error"]["details"][0]["reason"], "TASK_NOT_FOUND")
        self.assertEqual(self.rest("POST", "/tasks/none:zzz").status, 404)

    def test_cards(self):
        card = self.good(self.get("/.well-known/agent-card.json", role=None))
        self.assertEqual([item["protocolBinding"] for item in card["supportedInterfaces"]], ["JSONRPC", "HTTP+JSON"])
        self.assertEqual({item["url"] for item in card["supportedInterfaces"]}, {self.gateway.url + "/a2a/assistant"})
        self.assertEqual([skill["id"] for skill in card["skills"]], ["ask"])  # who there is nobody is told without a token
        self.agent("teller", "echo", "--service", "weather")
        mine = self.good(self.get("/a2a/teller/.well-known/agent-card.json"))
        self.assertEqual(([skill["id"] for skill in mine["skills"]], mine["supportedInterfaces"][0]["url"]), (["weather"], self.gateway.url + "/a2a/teller"))
        whole = self.rpc("GetExtendedAgentCard", agent="assistant")["result"]
        self.assertIn("teller@local/weather", [skill["id"] for skill in whole["skills"]])
        # It is for who says who he is, also where one may look without.
        self.assertEqual(self.post("/a2a/assistant", {"jsonrpc": "2.0", "id": 1, "method": "GetExtendedAgentCard"}, role=None, headers={"A2A-Version": "1.0"}).status, 401)
        self.assertEqual(self.rest("GET", "/extendedAgentCard", agent="assistant", role=None).status, 401)
        self.assertIn("teller@local/weather", [skill["id"] for skill in self.good(self.rest("GET", "/extendedAgentCard", agent="assistant"))["skills"]])
        self.assertEqual(self.get("/a2a/nobody/.well-known/agent-card.json").status, 404)
        self.serve("--name", "other", "--public-url", "https://fleet.example", "--front", "echo")
        card = self.good(self.get("/.well-known/agent-card.json", role=None))
        self.assertEqual(card["supportedInterfaces"][0]["url"], "https://fleet.example/a2a/echo")

    @unittest.skipUnless(web.sdk_place(), "there is no SDK of A2A: tools/setup --clients")
    def test_the_sdk_of_npm(self):
        self.serve("--name", "other", "--front", "echo")
        self.agent("teller", "echo", "--service", "weather")
        for binding in ("JSONRPC", "HTTP+JSON"):
            done = subprocess.run(["node", str(pathlib.Path(__file__).with_name("a2a_client.js")), self.gateway.url, self.tokens["operator"], binding],
                                  env={**os.environ, "NODE_PATH": web.sdk_place()}, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done)
            out = json.loads(done.stdout)
            self.assertEqual(out["task"], {"state": 3, "text": "hello", "history": 1})
            self.assertEqual((out["again"], out["listed"]), (3, True))
            self.assertEqual(out["events"], ["task", "artifactUpdate", "statusUpdate"])
            self.assertEqual((out["cancel"], out["missing"]), ("TaskNotCancelableError", "TaskNotFoundError"))
            self.assertIn("teller@local/weather", out["card"]["skills"])


if __name__ == "__main__":
    harness.main()
