#!/usr/bin/env python3
"""WebSockets: what is published comes, who comes back goes on, and who may not is told so by HTTP."""
import json
import pathlib
import signal
import socket
import sys
import urllib.parse

import socket_client
import web
from web import harness

MANY = 300
MANY_LONG = 5000
EACH_KIB = 20  # of the gateway's memory, for a socket that watches


class Sockets(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()

    def open(self, query="", role="viewer", **headers):
        given = [(name.replace("_", "-"), value) for name, value in headers.items()]
        if role:
            given.append(("Authorization", "Bearer " + self.tokens[role]))
        opened = socket_client.Socket(self.url.hostname, self.url.port, "/api/v1/ws" + query, given)
        self.addCleanup(opened.close)
        return opened

    def watch(self, topics, after=None, **more):
        query = {"topics": topics, **({"after": after} if after else {})}
        opened = self.open("?" + urllib.parse.urlencode(query), **more)
        first = opened.next()
        self.assertEqual(first["watching"], topics.split(","))
        self.good(self.get("/api/v1/topics"))  # the subscription has left before the answer to this comes back
        opened.first = first["id"]
        return opened

    def publish(self, topic, content):
        self.good(self.post("/api/v1/topics/" + topic, {"content": {"n": content}}), 202)

    def numbers(self, opened, count):
        return [opened.next()["event"]["content"]["n"] for _ in range(count)]

    def refused(self, status, reason, *arguments, **more):
        with self.assertRaises(socket_client.Refused) as caught:
            self.open(*arguments, **more)
        self.assertEqual((caught.exception.status, json.loads(caught.exception.body)["reason"]), (status, reason))

    def test_publications_come_in_their_order(self):
        feed = self.watch("news.*,sport.>")
        for n, topic in enumerate(("news.a", "weather", "sport.a.b", "news.b")):
            self.publish(topic, n)
        seen = [feed.next()["event"] for _ in range(3)]
        self.assertEqual([event["topic"] for event in seen], ["news.a", "sport.a.b", "news.b"])
        self.assertEqual([event["content"]["n"] for event in seen], [0, 2, 3])

    def test_who_comes_back_goes_on(self):
        feed = self.watch("news.a")
        for n in range(5):
            self.publish("news.a", n)
        seen = [feed.next() for _ in range(3)]
        feed.close()
        self.publish("news.a", 5)
        self.assertEqual(self.numbers(self.watch("news.a", after=seen[-1]["id"]), 3), [3, 4, 5])
        self.assertEqual(self.numbers(self.watch("news.a", after=feed.first), 6), [0, 1, 2, 3, 4, 5])
        other = self.watch("news.a", after="1f-7")
        self.assertEqual(other.next(), {"gap": "unknown-id", "missed": 0})

    def test_what_is_watched_may_change(self):
        feed = self.open()
        feed.say({"watch": "news.a"})
        first = feed.next()
        self.assertEqual(first["watching"], ["news.a"])
        self.good(self.get("/api/v1/topics"))
        self.publish("news.a", 1)
        self.assertEqual(self.numbers(feed, 1), [1])
        feed.say({"watch": "news.b,news.c"})
        self.assertEqual(feed.next()["watching"], ["news.b", "news.c"])
        self.good(self.get("/api/v1/topics"))
        for n, topic in enumerate(("news.a", "news.b", "news.c")):
            self.publish(topic, n)
        self.assertEqual(self.numbers(feed, 2), [1, 2])
        for wrong, reason in (("a..b", "unrecognised-parameter-value"), ("$tap.>", "forbidden")):
            feed.say({"watch": wrong})
            self.assertEqual(feed.next()["error"]["reason"], reason)
        self.publish("news.b", 9)  # what was watched before goes on
        self.assertEqual(self.numbers(feed, 1), [9])
        feed.say({"watch": "news.a", "after": first["id"]})
        feed.next()
        self.assertEqual(self.numbers(feed, 2), [1, 0])

    def test_what_is_said_to_one_is_not_for_all(self):
        said = (("dialogue.bot.ann", {"user": "ann", "n": 0}), ("dialogue.bot.viewer", {"user": "viewer", "n": 1}), ("gateway.other", {"n": 2}), ("news.a", {"n": 3}))
        feeds = [(self.watch(topics, role=role), seen) for topics, role, seen in (
            (">", "viewer", [1, 3]), ("dialogue.>,news.a", "viewer", [1, 3]), ("dialogue.*.ann,news.*", "viewer", [3]), (">", "operator", [0, 1, 3]), (">", "admin", [0, 1, 2, 3]))]
        for topic, content in said:
            self.good(self.post("/api/v1/topics/" + topic, {"content": content}), 202)
        for feed, expected in feeds:
            self.assertEqual(self.numbers(feed, len(expected)), expected)

    def test_messages_in_fragments(self):
        feed = self.open()
        feed.send(b'{"watch":', final=False)
        feed.send(b"hello", code=9)  # a ping between them
        feed.send(b'"news.a"}', code=0)
        self.assertEqual(feed.frame()[1:], (10, b"hello"))
        self.assertEqual(feed.next()["watching"], ["news.a"])

    def test_a_page_gives_its_token_as_a_protocol(self):
        self.serve("--name", "other", "--log-level", "debug")
        protocols = "troupe.v1, bearer." + self.tokens["viewer"]
        feed = self.watch("news.a", role=None, Sec_WebSocket_Protocol=protocols, Origin=f"http://{self.url.netloc}")
        self.assertEqual(feed.headers["sec-websocket-protocol"], "troupe.v1")
        self.publish("news.a", 1)
        self.assertEqual(self.numbers(feed, 1), [1])
        self.assertNotIn(self.tokens["viewer"], self.gateway.err)

    def test_who_may_not_is_told_so(self):
        self.refused(401, "invalid-token", "?topics=a", role=None, Authorization="Bearer wrong")
        self.refused(401, "invalid-token", "?topics=a", role=None, Sec_WebSocket_Protocol="troupe.v1, bearer.wrong")
        self.refused(403, "foreign-origin", "?topics=a", Origin="https://elsewhere.example")
        self.refused(403, "forbidden", "?topics=$tap.a")
        for topics in ("a..b", "a,,b", ",".join("abcdefghijklmnopq")):
            self.refused(400, "unrecognised-parameter-value", "?topics=" + topics)
        self.refused(400, "unexpected-argument", "?zzz=1")
        self.problem(self.get("/api/v1/ws"), 426, "unsupported-value")
        with self.assertRaises(socket_client.Refused) as caught:  # elsewhere nobody has asked
            socket_client.Socket(self.url.hostname, self.url.port, "/healthz")
        self.assertEqual(caught.exception.status, 200)

    def test_without_anonymous_a_token_is_needed(self):
        self.serve("--anonymous", "none", "--name", "other", "--origin", "https://page.example")
        self.refused(401, "no-token", "?topics=a", role=None)
        self.watch("news.a", Origin="https://page.example")

    def test_what_is_not_understood_ends_it(self):
        for bytes_, code, status in ((b"no json", 1, 1008), (b'{"watch": 7}', 1, 1008), (b'{"watch": "a", "zzz": 1}', 1, 1008), (b"{}", 2, 1003),
                                     (b"x" * 17000, 1, 1009)):
            feed = self.open()
            feed.send(bytes_, code)
            with self.assertRaises(socket_client.Closed) as caught:
                feed.next()
            self.assertEqual(caught.exception.code, status)

    def test_who_talks_too_much_is_cut(self):
        self.serve("--rate", "5", "--name", "other")
        feed = self.open()
        with self.assertRaises((socket_client.Closed, OSError)) as caught:
            for _ in range(100):
                feed.say({"watch": "a"})
                feed.next()
        self.assertEqual(getattr(caught.exception, "code", 1008), 1008)

    def test_who_does_not_read_holds_nobody_up(self):
        lazy = self.watch("flood")
        lazy.plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        feed, large, line = self.watch("flood"), "x" * 40000, self.connection()
        for n in range(200):
            self.good(self.post("/api/v1/topics/flood", {"content": {"n": n, "large": large}}, connection=line), 202)
            self.assertEqual(self.numbers(feed, 1), [n])
        self.assertEqual(self.numbers(lazy, 200), list(range(200)))

    def test_they_end_with_the_gateway(self):
        feed = self.watch("news.a")
        self.gateway.send_signal(signal.SIGTERM)
        with self.assertRaises(socket_client.Closed) as caught:
            feed.next()
        self.assertEqual(caught.exception.code, 1001)
        self.assertEqual(self.gateway.wait().code, 0)

    def memory_kib(self):
        with open(f"/proc/{self.gateway.pid}/status", encoding="ascii") as status:
            return int(next(line for line in status if line.startswith("VmRSS:")).split()[1])

    def test_many(self):
        """Each gets what is published; what each costs is a figure, which means something without sanitizers."""
        count = MANY_LONG if LONG else MANY
        self.serve("--rate", "0", "--name", "many", "--connections", "10000", "--connections-each", "0")
        self.watch("news.a").close()
        before = self.memory_kib()
        feeds = [self.open("?topics=news.a") for _ in range(count)]
        for feed in feeds:
            self.assertEqual(feed.next()["watching"], ["news.a"])
        each = (self.memory_kib() - before) / count
        print(f"gateway: {count} WebSockets, {each:.1f} KiB each")
        metrics = self.get("/metrics").body.decode()
        self.assertIn(f"\ntroupe_gateway_sockets {count}\n", metrics)
        self.publish("news.a", 1)
        for feed in feeds:
            self.assertEqual(self.numbers(feed, 1), [1])
        if b"__asan_init" not in pathlib.Path(harness.program("gateway")).read_bytes():
            self.assertLessEqual(each, EACH_KIB)
        for feed in feeds:
            feed.close()
        harness.wait_until(lambda: "\ntroupe_gateway_sockets 0\n" in self.get("/metrics").body.decode(), "their end")


LONG = "--long" in sys.argv
sys.argv = [arg for arg in sys.argv if arg != "--long"]
if __name__ == "__main__":
    harness.main()
