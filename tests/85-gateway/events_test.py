#!/usr/bin/env python3
"""Server-sent events: what is published comes, in its order, and who loses his connection goes on where he was."""
import json
import signal
import socket
import urllib.parse

import web
from web import harness


class Feed:
    """One connection with events: .next() is (id, event, data)."""

    def __init__(self, test, topics, after=None, header=None, role="viewer", per_s=0):
        self.connection = test.connection()
        path = "/api/v1/events?topics=" + urllib.parse.quote(topics) + ("&after=" + after if after else "") + (f"&per-s={per_s}" if per_s else "")
        headers = {"Authorization": "Bearer " + test.tokens[role]}
        if header:
            headers["Last-Event-ID"] = header
        self.connection.request("GET", path, headers=headers)
        self.response = self.connection.getresponse()
        test.assertEqual(self.response.status, 200)
        test.assertEqual(self.response.headers["content-type"], "text/event-stream")
        test.assertEqual(self.response.readline(), b"retry: 1000\n")
        test.assertEqual(self.response.readline(), b"\n")

    def next(self):
        fields = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                raise EOFError
            if line == "\n" and fields:
                return fields.get("id"), fields.get("event"), json.loads(fields["data"])
            if not line.startswith(":") and line != "\n":
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value

    def close(self):
        self.response.close()
        self.connection.close()


class Events(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()

    def publish(self, topic, content):
        """By an agent of its own; the content is {"n": content}."""
        done = self.troupe("pub", topic, json.dumps({"n": content}), "--connect", self.at.endpoint)
        self.assertEqual(done.code, 0, done)

    def watch(self, topics, **more):
        feed = Feed(self, topics, **more)
        # The subscription has left before the answer to this one comes back.
        self.good(self.get("/api/v1/topics"))
        return feed

    def test_publications_come_in_their_order(self):
        feed = self.watch("news.*,sport.>")
        for n, topic in enumerate(("news.a", "weather", "sport.a.b", "news.b")):
            self.publish(topic, n)
        seen = [feed.next() for _ in range(3)]
        self.assertEqual([data["topic"] for _, _, data in seen], ["news.a", "sport.a.b", "news.b"])
        self.assertEqual([data["content"]["n"] for _, _, data in seen], [0, 2, 3])
        self.assertEqual(seen[0][2]["sequence"], 1)
        self.assertTrue(seen[0][2]["sender"].endswith("@local"))

    def test_patterns_that_meet_tell_once(self):
        feed = self.watch("news.*,news.>,news.a")
        self.publish("news.a", 1)
        self.publish("news.a", 2)
        self.assertEqual([feed.next()[2]["content"]["n"] for _ in range(2)], [1, 2])

    def test_what_the_gateway_publishes_itself(self):
        feed = self.watch("news.a")
        self.good(self.post("/api/v1/topics/news.a", {"content": {"by": "web"}}), 202)
        self.assertEqual(feed.next()[2]["content"], {"by": "web"})

    def test_who_comes_back_goes_on(self):
        feed = self.watch("news.a")
        for n in range(5):
            self.publish("news.a", n)
        ids = [feed.next()[0] for _ in range(3)]
        feed.close()
        self.publish("news.a", 5)
        for more in ({"after": ids[-1]}, {"header": ids[-1]}):
            feed = self.watch("news.a", **more)
            self.assertEqual([feed.next()[2]["content"]["n"] for _ in range(3)], [3, 4, 5])
            feed.close()

    def test_an_id_of_another_run_is_a_gap(self):
        feed = self.watch("news.a", after="1f-7")
        self.assertEqual(feed.next()[1:], ("gap", {"reason": "unknown-id", "missed": 0}))
        self.publish("news.a", 1)
        self.assertEqual(feed.next()[2]["content"], {"n": 1})

    def test_what_is_said_to_one_is_not_for_all(self):
        said = (("dialogue.bot.ann", {"user": "ann", "n": 0}), ("dialogue.bot.viewer", {"user": "viewer", "n": 1}), ("gateway.other", {"n": 2}), ("news.a", {"n": 3}))
        feeds = [(self.watch(topics, role=role), seen) for topics, role, seen in (
            (">", "viewer", [1, 3]), ("dialogue.>,news.a", "viewer", [1, 3]), ("dialogue.*.ann,news.*", "viewer", [3]), (">", "operator", [0, 1, 3]), (">", "admin", [0, 1, 2, 3]))]
        for topic, content in said:
            self.good(self.post("/api/v1/topics/" + topic, {"content": content}), 202)
        for feed, expected in feeds:
            self.assertEqual([feed.next()[2]["content"]["n"] for _ in expected], expected)

    def test_tasks_are_a_topic(self):
        self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks").wait_err("C001 ready")
        feed = self.watch("task.*.state")
        task = self.good(self.post("/api/v1/tasks", {"skills": ["none"]}), 201)["tasks"][0]["task"]
        self.good(self.post(f"/api/v1/tasks/{task}/cancel"))
        self.assertEqual([feed.next()[2]["content"]["state"] for _ in range(2)], ["pending", "cancelled"])

    def test_what_is_refused(self):
        self.problem(self.get("/api/v1/events"), 400, "missing-argument")
        for topics in ("a..b", "a,,b", ",".join("abcdefghijklmnopq")):
            self.problem(self.get("/api/v1/events?topics=" + topics), 400, "unrecognised-parameter-value")
        self.problem(self.get("/api/v1/events?topics=$tap.a.b"), 403, "forbidden")

    def test_a_new_broker_is_subscribed_again(self):
        feed = self.watch("news.a")
        endpoint = self.at.endpoint
        self.at.stop(signal.SIGKILL)
        self.at = self.broker(listen=endpoint)

        def subscribed():
            self.publish("news.a", "again")
            answer = self.get("/api/v1/topics?pattern=news.a")
            topics = answer.json().get("topics") if answer.status == 200 else None
            return topics and topics[0]["subscribers"] == 1
        harness.wait_until(subscribed, "the subscription")
        self.assertEqual(feed.next()[2]["content"], {"n": "again"})

    def test_who_does_not_read_holds_nobody_up(self):
        plain = self.raw()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        plain.sendall(f"GET /api/v1/events?topics=flood HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.tokens['viewer']}\r\n\r\n".encode())
        feed = self.watch("flood")
        line, large = self.connection(), "x" * 40000
        for n in range(200):
            self.good(self.post("/api/v1/topics/flood", {"content": {"n": n, "large": large}}, connection=line), 202)
            self.assertEqual(feed.next()[2]["content"]["n"], n)
        count, tail = 0, b""  # and when he reads after all, all of it is there
        while count < 200:
            more = plain.recv(1 << 20)
            self.assertTrue(more, tail)
            count += (tail + more).count(b'"n":') - tail.count(b'"n":')
            tail = more[-8:]

    def test_feeds_end_with_the_gateway(self):
        feed = self.watch("news.a")
        self.gateway.send_signal(signal.SIGTERM)
        with self.assertRaises((EOFError, OSError, web.http.client.HTTPException)):
            feed.next()
        self.assertEqual(self.gateway.wait().code, 0)


if __name__ == "__main__":
    harness.main()
