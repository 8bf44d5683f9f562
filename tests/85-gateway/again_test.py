#!/usr/bin/env python3
"""Requests that come again: under an Idempotency-Key nothing is done twice, and what has not changed is not sent twice."""
import json

import web
from web import harness


class Again(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()
        self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks").wait_err("C001 ready")

    def submit(self, key, skill="none", query="", **more):
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("/api/v1/tasks" + query, {"skills": [skill]}, headers=headers, **more)

    def count(self):
        return len(self.good(self.get("/api/v1/tasks"))["tasks"])

    def test_nothing_is_done_twice(self):
        first, again = self.submit("k1"), self.submit("k1")
        self.assertEqual((first.status, again.status, again.body, self.count()), (201, 201, first.body, 1))
        self.assertEqual(again.headers["content-type"], "application/json")
        self.problem(self.submit("k1", "other"), 422, "key-used")
        self.assertEqual((self.submit("k1", role="admin").status, self.submit(None).status, self.submit(None).status), (201, 201, 201))
        self.assertEqual(self.count(), 4)

    def test_tasks_and_decisions_are_there_once_at_all_gateways(self):
        """The coordinator knows the key: also of another gateway, or when the first one has ended."""
        decision = {"question": "Tea?", "options": ["yes", "no"], "voters": ["person:ann"]}
        several = {"tasks": [{"skills": ["none"], "input": n} for n in range(3)] + [{"skills": ["none"], "key": "mine"}]}

        def ask():
            headers = {"Idempotency-Key": "k9"}
            tasks = [task["task"] for path, body in (("one", {"skills": ["none"]}), ("many", several))
                     for task in self.good(self.post("/api/v1/tasks", body, headers={"Idempotency-Key": path}), 201)["tasks"]]
            return tasks, self.good(self.post("/api/v1/decisions", decision, headers=headers), 201)["decision"]
        first = ask()
        self.assertEqual(len(set(first[0])), 5)
        self.serve("--name", "gateway-2")
        self.assertEqual(ask(), first)
        self.gateway.stop()
        self.serve("--name", "gateway-3")
        self.assertEqual(ask(), first)
        self.assertEqual((self.count(), len(self.good(self.get("/api/v1/decisions"))["decisions"])), (5, 1))
        keys = {self.good(self.get("/api/v1/tasks/" + task))["key"] for task in first[0]}
        self.assertEqual(len(keys), 5)
        self.assertIn("mine", keys)
        self.assertEqual({key[:5] for key in keys - {"mine"}}, {"http-"})
        # Of somebody else it is another key; for other work it is refused.
        self.assertEqual(self.submit("one", role="admin").status, 201)
        self.assertEqual((self.submit("one", "other").status, self.count()), (422, 6))

    def test_the_key_may_be_in_the_query(self):
        self.assertEqual(self.submit(None, query="?idempotency-key=k2").body, self.submit(None, query="?idempotency-key=k2").body)
        self.assertEqual(self.count(), 1)
        self.problem(self.submit(None, query="?idempotency-key="), 400, "unrecognised-parameter-value")
        self.problem(self.submit("k" * 129), 400, "unrecognised-parameter-value")
        self.assertEqual(self.submit("k" * 128).status, 201)
        self.problem(self.get("/api/v1/tasks?idempotency-key=k"), 400, "unexpected-argument")

    def test_what_was_refused_is_refused_again(self):
        for _ in range(2):
            self.problem(self.post("/api/v1/tasks/none/cancel", headers={"Idempotency-Key": "k3"}), 404, "not-registered")

    def test_what_may_go_better_is_tried_again(self):
        ask = {"receiver": "svc:late", "content": "hello"}
        self.problem(self.post("/api/v1/messages", ask, headers={"Idempotency-Key": "k4"}), 503, "no-provider")
        self.agent("late", "echo", "--service", "late")
        self.assertEqual(self.good(self.post("/api/v1/messages", ask, headers={"Idempotency-Key": "k4"}))["content"], "hello")

    def test_who_lost_his_connection_learns_what_became_of_it(self):
        self.agent("echo")
        self.good(self.post("/api/v1/agents/echo/suspend"))
        plain, body = self.raw(), json.dumps({"receiver": "echo", "content": "hello"}).encode()
        plain.sendall((f"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k5\r\nAuthorization: Bearer {self.tokens['operator']}\r\n"
                       f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)

        def ask():
            return self.post("/api/v1/messages", body, headers={"Idempotency-Key": "k5", "Content-Type": "application/json"})
        harness.wait_until(lambda: self.waiting() == 1, "the request")
        self.problem(ask(), 409, "under-way")
        plain.close()
        self.good(self.post("/api/v1/agents/echo/resume"))
        harness.wait_until(lambda: self.waiting() == 0, "its answer")
        self.assertEqual(self.good(ask())["content"], "hello")

    def waiting(self):
        return int(self.get("/metrics").body.decode().partition("\ntroupe_gateway_waiting ")[2].split()[0])

    def test_what_has_not_changed_is_not_sent_again(self):
        answer = self.get("/api/v1/tasks")
        tag = answer.headers["etag"]
        same = self.get("/api/v1/tasks", headers={"If-None-Match": tag})
        self.assertEqual((same.status, same.body, same.headers["etag"]), (304, b"", tag))
        # RFC 9110, 13.1.2: weak ones are the same, one of a list is enough, and * is all that there are.
        for known in ("W/" + tag, f'"other", {tag}', f'W/"other" ,, W/{tag},"x"', f'"a,b",{tag}', "*"):
            self.assertEqual(self.get("/api/v1/tasks", headers={"If-None-Match": known}).status, 304, known)
        for other in ('"other"', tag[:-1], "W/" + tag.strip('"'), tag.strip('"'), f'"*", "{"x" * 300}"', f'"x {tag}', "W/*", f'{tag[:-2]}"'):
            self.assertEqual(self.get("/api/v1/tasks", headers={"If-None-Match": other}).status, 200, other)
        self.submit(None)
        other = self.get("/api/v1/tasks", headers={"If-None-Match": tag})
        self.assertEqual(other.status, 200)
        self.assertNotEqual(other.headers["etag"], tag)
        page = self.get("/", role=None)
        self.assertEqual(self.get("/", role=None, headers={"If-None-Match": page.headers["etag"]}).status, 304)
        self.assertNotIn("etag", self.get("/api/v1/tasks/none").headers)


if __name__ == "__main__":
    harness.main()
