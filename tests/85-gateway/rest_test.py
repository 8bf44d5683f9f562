#!/usr/bin/env python3
"""The REST API with a whole fleet behind it, and with a broker that goes and comes back."""
import json
import signal
import sys
import time

import web
from web import harness

WORKER = """
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    print(json.dumps({"id": m["id"], "content": {"did": m.get("content")}}), flush=True)
"""


class Rest(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()

    def coordinator(self):
        child = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        child.wait_err("C001 ready")

    def test_agents(self):
        self.agent("echo")
        self.agent("many", "echo", "--count", "50")
        page = self.good(self.get("/api/v1/agents?max-results=1"))
        self.assertEqual((page["total"], len(page["agents"])), (3, 1))
        names = [self.good(self.get(f"/api/v1/agents?max-results=1&offset={i}"))["agents"][0]["name"] for i in range(3)]
        self.assertEqual(sorted(names), ["echo@local", "gateway@local", "many@local"])
        self.assertEqual(self.good(self.get("/api/v1/agents?name=many"))["agents"][0]["count"], 50)
        self.assertEqual(self.good(self.get("/api/v1/agents/echo"))["told"]["status"], "running")
        self.problem(self.get("/api/v1/agents/nobody"), 404, "not-registered")

    def test_suspend_and_resume(self):
        self.agent("echo")
        self.assertEqual(self.good(self.post("/api/v1/agents/echo/suspend", {"reason": "tea"}))["state"], "suspended")
        self.assertEqual(self.good(self.get("/api/v1/agents/echo"))["reason"], "tea")
        self.assertEqual(self.good(self.post("/api/v1/agents/echo/suspend"))["was"], "suspended")
        self.assertEqual(self.good(self.post("/api/v1/agents/echo/resume"))["state"], "active")

    def test_directory_and_services(self):
        self.agent("helper", "echo", "--service", "digest=3")
        services = self.good(self.get("/api/v1/services"))["services"]
        self.assertEqual([(s["service"], s["capacity"]) for s in services], [("digest", 3)])
        template = web.urllib.parse.quote(json.dumps({"services": [{"name": "digest"}]}))
        self.assertEqual([a["name"] for a in self.good(self.get(f"/api/v1/directory?template={template}"))["agents"]], ["helper@local"])
        self.problem(self.get("/api/v1/directory?template=x"), 400, "unrecognised-parameter-value")

    def test_topics(self):
        self.good(self.post("/api/v1/topics/news.a", {"content": {"n": 1}}), 202)
        self.good(self.post("/api/v1/topics/news.a", {"content": "text"}), 202)
        harness.wait_until(lambda: [t for t in self.good(self.get("/api/v1/topics?pattern=news.*"))["topics"] if t["messages"] == 2],
                           "both publications to be counted")
        self.problem(self.post("/api/v1/topics/a..b", {"content": 1}), 400, "bad-topic")
        self.problem(self.post("/api/v1/topics/$sys.a", {"content": 1}), 400, "bad-topic")

    def test_a_topic_that_is_somebodys_own_is_not_named_to_all(self):
        for topic in ("dialogue.bot.ann", "dialogue.bot.viewer", "gateway.other", "news.a"):
            self.good(self.post("/api/v1/topics/" + topic, {"content": {"n": 1}}), 202)

        def names(role):
            return {topic["topic"] for topic in self.good(self.get("/api/v1/topics", role=role))["topics"]}
        harness.wait_until(lambda: "news.a" in names("admin"), "the last one to be known")
        for role, hidden in (("viewer", {"dialogue.bot.ann", "gateway.other"}), ("operator", {"gateway.other"}), ("admin", set())):
            self.assertEqual({"dialogue.bot.ann", "dialogue.bot.viewer", "gateway.other", "news.a"} - names(role), hidden, role)
            summary = self.good(self.get("/api/v1/metrics", role=role))["topics"]
            self.assertEqual({topic["topic"] for topic in summary["busiest"]} & {"dialogue.bot.ann", "dialogue.bot.viewer", "gateway.other"}, set())
            self.assertGreaterEqual(summary["total"], 4)
        # By hand all would be named.
        ask = {"receiver": "ams", "content": {"action": "topics"}}
        self.problem(self.post("/api/v1/messages", ask), 403, "unauthorised")
        self.assertIn("dialogue.bot.ann", json.dumps(self.good(self.post("/api/v1/messages", ask, role="admin"))))

    def test_messages(self):
        self.agent("echo")
        answer = self.good(self.post("/api/v1/messages", {"receiver": "echo", "content": "hallo, Welt \u00e9"}))
        self.assertEqual((answer["performative"], answer["sender"], answer["content"]), ("inform", "echo@local", "hallo, Welt \u00e9"))
        content = {"list": [1, 2.5, None, True], "text": "x"}
        self.assertEqual(self.good(self.post("/api/v1/messages", {"receiver": "echo", "content": content, "conversation": "c-1"}))["content"], content)
        self.assertEqual(self.good(self.post("/api/v1/messages", {"receiver": "echo", "content": content, "language": "json"}))["content"], content)
        self.assertEqual(self.good(self.post("/api/v1/messages", {"receiver": "echo", "content": "a", "wait": False}), 202), {"sent": True})
        self.problem(self.post("/api/v1/messages", {"receiver": "nobody", "content": "a"}), 404, "not-found")
        self.problem(self.post("/api/v1/messages", {"receiver": "svc:nothing", "content": "a"}), 503, "no-provider")
        self.problem(self.post("/api/v1/messages", {"receiver": "a b", "content": "a"}), 400, "unrecognised-parameter-value")
        self.problem(self.post("/api/v1/messages", {"receiver": "echo", "performative": "shout"}), 400, "unrecognised-parameter-value")
        self.problem(self.post("/api/v1/messages", {"receiver": "echo", "content": {"a": 1}, "language": "bytes"}), 400, "unrecognised-parameter-value")

    def test_a_message_by_hand_needs_the_role_of_what_it_asks(self):
        self.agent("echo")

        def say(receiver, content, role="operator"):
            return self.post("/api/v1/messages", {"receiver": receiver, "content": content}, role=role)
        for receiver in ("ams", "ams@local"):
            self.assertEqual(self.good(say(receiver, {"action": "search"}))["performative"], "inform")
            for action in ("quarantine", "stream-drop", "mailbox-drop"):
                self.problem(say(receiver, {"action": action, "name": "echo"}), 403, "unauthorised")
            self.problem(say(receiver, "quarantine"), 403, "unauthorised")
        self.problem(say("svc:kb", {"action": "drop", "namespace": "notes"}), 403, "unauthorised")
        self.problem(say("kb", {"action": "drop", "namespace": "notes"}), 403, "unauthorised")
        for task in ({"skills": ["kb"], "input": {"action": "drop", "namespace": "notes"}}, {"tasks": [{"skills": ["kb"], "input": {"action": "drop"}}]}):
            self.problem(self.post("/api/v1/tasks", task), 403, "unauthorised")
            self.problem(say("svc:tasks", {"action": "submit", **(task if "tasks" in task else {"tasks": [task]})}), 403, "unauthorised")
            self.problem(self.post("/api/v1/schedules/nightly", {"cron": "@daily", "task": task.get("tasks", [task])[0]}), 403, "unauthorised")
        self.problem(say("fleet", {"action": "scale", "groups": {"a": 2}}), 403, "unauthorised")
        self.assertEqual(self.good(self.get("/api/v1/quarantine"))["quarantined"], [])
        self.assertEqual(self.good(say("ams", {"action": "quarantine", "name": "echo"}, role="admin"))["performative"], "inform")

    def test_an_agent_that_does_not_answer(self):
        self.agent("deaf", "exec", "--", "/bin/sh", "-c", "while read line; do :; done")
        self.problem(self.post("/api/v1/messages", {"receiver": "deaf", "content": "a", "wait-ms": 300}), 504, "timeout")

    def test_an_agent_that_dies(self):
        child = self.agent("mortal", "exec", "--", "/bin/sh", "-c", "while read line; do :; done")
        connection = self.connection()
        connection.request("POST", "/api/v1/messages", json.dumps({"receiver": "mortal", "content": "a"}).encode(),
                           {"Authorization": "Bearer " + self.tokens["operator"], "Content-Type": "application/json"})
        harness.wait_until(lambda: b"troupe_gateway_waiting 1" in self.get("/metrics").body, "the request to be under way")
        child.stop(signal.SIGKILL)
        response = connection.getresponse()
        self.assertEqual((response.status, json.loads(response.read())["reason"]), (502, "agent-gone"))

    def test_tasks_from_start_to_end(self):
        self.coordinator()
        worker = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "worker", "--service", "work=4", "--", sys.executable, "-c", WORKER)
        worker.wait_err("registered")
        task = self.good(self.post("/api/v1/tasks", {"skills": ["work"], "input": {"n": 1}, "key": "k1"}), 201)["tasks"][0]
        again = self.good(self.post("/api/v1/tasks", {"tasks": [{"skills": ["work"], "input": {"n": 1}, "key": "k1"}]}), 201)["tasks"][0]
        self.assertEqual((again["task"], again["existed"]), (task["task"], True))
        path = "/api/v1/tasks/" + task["task"]
        done = harness.wait_until(lambda: (t := self.good(self.get(path)))["state"] == "completed" and t, "the task to be completed")
        self.assertEqual(done["result"], {"did": {"n": 1}})
        self.assertEqual(len(self.good(self.get("/api/v1/tasks?state=completed"))["tasks"]), 1)
        self.problem(self.get("/api/v1/tasks/none"), 404, "not-registered")
        self.problem(self.post("/api/v1/tasks", {"input": 1}), 400, "missing-argument")
        self.problem(self.post("/api/v1/tasks", {"skills": ["work"], "tasks": []}), 400, "unexpected-argument")
        self.problem(self.post("/api/v1/tasks", {"skills": ["work"], "needs": ["nothing"]}), 400, "unrecognised-parameter-value")

    def test_approval_and_cancel(self):
        self.coordinator()
        task = self.good(self.post("/api/v1/tasks", {"skills": ["none"], "approval": True}), 201)["tasks"][0]["task"]
        self.assertEqual(self.good(self.get("/api/v1/tasks/" + task))["state"], "waiting_approval")
        self.good(self.post(f"/api/v1/tasks/{task}/approve"))
        self.assertEqual(self.good(self.get("/api/v1/tasks/" + task))["state"], "pending")
        self.good(self.post(f"/api/v1/tasks/{task}/cancel", {"reason": "no need"}))
        self.assertEqual(self.good(self.get("/api/v1/tasks/" + task))["state"], "cancelled")
        self.assertEqual(self.good(self.get("/api/v1/task_numbers"))["cancelled"], 1)

    def test_decisions(self):
        self.coordinator()
        asked = {"question": "Tea?", "options": ["yes", "no"], "voters": ["person:ann"], "within-ms": 60000}
        decision = self.good(self.post("/api/v1/decisions", asked), 201)["decision"]
        path = "/api/v1/decisions/" + decision
        self.assertEqual(self.good(self.get(path))["state"], "voting")
        self.good(self.post(path + "/vote", {"voter": "person:ann", "ballot": {"choice": "yes", "by": "built-in", "fallback": "timed-out: idle"}}))
        harness.wait_until(lambda: self.good(self.get(path)).get("winner") == "yes", "the decision")
        vote = self.good(self.get(path))["votes"][0]
        self.assertEqual((vote["by"], vote["fallback"]), ("built-in", "timed-out: idle"))
        self.assertEqual(len(self.good(self.get("/api/v1/decisions"))["decisions"]), 1)

    def test_knowledge(self):
        kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", self.directory + "/kb", env={"TROUPE_EMBEDDINGS": "ngrams"})
        kbd.wait_err("K001 ready")
        documents = [{"id": "a/b.md", "text": "Ships sleep in the harbour.", "metadata": {"year": 1999}}, {"id": "c", "text": "Trains do not."}]
        added = self.good(self.post("/api/v1/knowledge/notes/documents", {"documents": documents}))["documents"]
        self.assertEqual([d["existed"] for d in added], [False, False])
        found = self.good(self.post("/api/v1/knowledge/notes/search", {"query": "harbour", "mode": "lexical"}, role=None))["results"]
        self.assertEqual([r["id"] for r in found], ["a/b.md"])
        self.assertEqual(self.good(self.get("/api/v1/knowledge/notes/document?id=a/b.md"))["text"], "Ships sleep in the harbour.")
        query = web.urllib.parse.quote(json.dumps({"year": {"lt": 2000}}))
        self.assertEqual([d["id"] for d in self.good(self.get(f"/api/v1/knowledge/notes/documents?filter={query}"))["documents"]], ["a/b.md"])
        self.assertEqual(self.good(self.get("/api/v1/knowledge"))["namespaces"][0]["documents"], 2)
        self.assertEqual(self.good(self.post("/api/v1/knowledge/notes/remove", {"ids": ["c"]}))["removed"], 1)
        self.assertEqual(self.good(self.ask("DELETE", "/api/v1/knowledge/notes", role="admin"))["removed"], 1)
        self.problem(self.get("/api/v1/knowledge/notes/document?id=c"), 404, "not-registered")

    def test_process_input(self):
        self.coordinator()
        self.agent("assistant", "assistant")
        turn = self.good(self.post("/api/v1/process_input", {"text": "hello, my name is Ann"}))
        self.assertEqual((turn["user"], turn["turn"]), ("operator", 1))
        self.assertTrue(turn["reply"])
        turn = self.good(self.post("/api/v1/process_input", {"text": "what is the status of the tasks?", "user": "bob"}))
        self.assertEqual((turn["user"], turn["action"]), ("bob", "status"))
        self.assertIn("answer", turn)
        self.problem(self.post("/api/v1/process_input", {"text": "hello", "agent": "nobody"}), 404, "not-found")

    def test_system_status(self):
        status = self.good(self.get("/api/v1/system_status"))
        self.assertEqual(status["platform"]["name"], "local")
        self.assertEqual(status["services"], [])
        self.assertGreater(status["counters"]["records_in"], 0)
        self.assertGreaterEqual(status["gateway"]["up_ms"], 0)

    def test_the_broker_goes_and_comes_back(self):
        endpoint = self.at.endpoint
        self.agent("echo")
        self.good(self.post("/api/v1/messages", {"receiver": "echo", "content": "a"}))
        self.at.stop(signal.SIGKILL)
        harness.wait_until(lambda: self.get("/readyz").status == 503, "the gateway to notice")
        answer = self.get("/api/v1/agents")
        self.problem(answer, 503, "no-broker")
        self.assertEqual(answer.headers["retry-after"], "1")
        self.assertEqual(self.get("/healthz").status, 200)
        self.at = self.broker(listen=endpoint)
        harness.wait_until(lambda: self.get("/readyz").status == 200, "the gateway to be back")
        harness.wait_until(lambda: self.post("/api/v1/messages", {"receiver": "echo", "content": "a"}).status == 200, "the agent to be back")

    def test_what_was_asked_of_a_broker_that_died(self):
        self.agent("deaf", "exec", "--", "/bin/sh", "-c", "while read line; do :; done")
        connection = self.connection()
        connection.request("POST", "/api/v1/messages", json.dumps({"receiver": "deaf", "content": "a"}).encode(),
                           {"Authorization": "Bearer " + self.tokens["operator"], "Content-Type": "application/json"})
        harness.wait_until(lambda: b"troupe_gateway_waiting 1" in self.get("/metrics").body, "the request to be under way")
        endpoint = self.at.endpoint
        self.at.stop(signal.SIGKILL)
        self.at = self.broker(listen=endpoint)
        response = connection.getresponse()
        self.assertEqual((response.status, json.loads(response.read())["reason"]), (503, "no-broker"))

    def test_who_waits_for_a_broker_that_does_not_come_back(self):
        """He is told, long before the time is over in which an agent might answer; also who asked before anybody could know."""
        self.agent("deaf", "exec", "--", "/bin/sh", "-c", "while read line; do :; done")
        connection = self.connection()
        connection.request("POST", "/api/v1/messages", json.dumps({"receiver": "deaf", "content": "a"}).encode(),
                           {"Authorization": "Bearer " + self.tokens["operator"], "Content-Type": "application/json"})
        harness.wait_until(lambda: b"troupe_gateway_waiting 1" in self.get("/metrics").body, "the request to be under way")
        self.at.stop(signal.SIGKILL)
        began = time.monotonic()
        self.problem(self.get("/api/v1/agents"), 503, "no-broker")
        response = connection.getresponse()
        self.assertEqual((response.status, json.loads(response.read())["reason"]), (503, "no-broker"))
        self.assertLess(time.monotonic() - began, 15)  # of 30

    def test_clients_that_go_before_their_answer(self):
        self.agent("deaf", "exec", "--", "/bin/sh", "-c", "while read line; do :; done")
        body = json.dumps({"receiver": "deaf", "content": "a", "wait-ms": 500}).encode()
        for _ in range(20):
            plain = self.raw()
            plain.sendall(f"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.tokens['operator']}\r\n"
                          f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            plain.close()
        line = self.connection()
        harness.wait_until(lambda: b"troupe_gateway_waiting 0" in self.get("/metrics", connection=line).body, "all calls to have ended")
        harness.wait_until(lambda: b"troupe_gateway_connections 1\n" in self.get("/metrics", connection=line).body, "their connections to be gone")

    def test_answers_that_are_large(self):
        self.agent("echo")
        content = "0123456789abcdef" * 20000
        connection = self.connection()
        for _ in range(3):
            answer = self.post("/api/v1/messages", {"receiver": "echo", "content": content}, connection=connection)
            self.assertEqual(self.good(answer)["content"], content)


if __name__ == "__main__":
    harness.main()
