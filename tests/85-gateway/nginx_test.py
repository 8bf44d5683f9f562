#!/usr/bin/env python3
"""Two gateways behind nginx, by the configuration that is given (examples/nginx): both are used, WebSockets and events pass, and one that is killed
is not missed."""
import json
import pathlib
import re
import shutil
import signal
import socket
import unittest
import urllib.parse

import socket_client
import web
from web import harness

CONF = pathlib.Path(__file__).resolve().parents[2] / "examples/nginx/troupe.conf"
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")

MAIN = """
daemon off;
master_process off;
worker_processes 1;
pid {at}/nginx.pid;
error_log {at}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {at}/body;
    proxy_temp_path {at}/proxy;
    fastcgi_temp_path {at}/fastcgi;
    uwsgi_temp_path {at}/uwsgi;
    scgi_temp_path {at}/scgi;
    include {at}/troupe.conf;
}}
"""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@unittest.skipUnless(NGINX, "there is no nginx")
class Nginx(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin("--name", "gateway-1", "--rate", "0")
        self.first, self.first_url = self.gateway, self.url
        self.serve("--name", "gateway-2", "--rate", "0")
        self.second, self.second_url = self.gateway, self.url
        self.agent("echo", "echo", "--service", "say")
        self.front()

    def front(self):
        port = free_port()
        text = CONF.read_text(encoding="utf-8")
        for old, new in (("127.0.0.1:8081", self.first_url.netloc), ("127.0.0.1:8082", self.second_url.netloc), ("127.0.0.1:8443", f"127.0.0.1:{port}")):
            self.assertIn(old, text)
            text = text.replace(old, new)
        pathlib.Path(self.directory, "troupe.conf").write_text(text, encoding="utf-8")
        main = pathlib.Path(self.directory, "nginx.conf")
        main.write_text(MAIN.format(at=self.directory), encoding="utf-8")
        self.nginx = self.spawn(NGINX, "-p", self.directory, "-c", str(main))
        self.url = urllib.parse.urlsplit(f"http://127.0.0.1:{port}")

        def listens():
            with socket.socket() as tried:
                return tried.connect_ex(("127.0.0.1", port)) == 0
        harness.wait_until(listens, "nginx")

    def answered(self, url):
        """Requests of 2xx that a gateway has answered itself."""
        front, self.url = self.url, url
        try:
            metrics = self.get("/metrics").body.decode()
        finally:
            self.url = front
        return int(re.search(r'requests_total\{status="2xx"\} (\d+)', metrics)[1])

    def echo(self, n, **more):
        answer = self.post("/api/v1/messages", {"receiver": "echo", "content": {"n": n}}, **more)
        return answer.status == 200 and answer.json()["content"] == {"n": n}

    def socket(self, address="127.0.0.1", after=""):
        opened = socket_client.Socket(self.url.hostname, self.url.port, "/api/v1/ws?topics=news.a" + after, [("Authorization", "Bearer " + self.tokens["viewer"])], source=address)
        self.addCleanup(opened.close)
        first = opened.next()
        self.assertEqual(first["watching"], ["news.a"])
        opened.first = first["id"]
        return opened

    def two_sockets(self):
        """At one gateway each: clients of other addresses are tried until one comes to the other gateway."""
        first = self.socket()
        for n in range(2, 40):
            second = self.socket(f"127.0.0.{n}")
            if self.epoch(second.first) != self.epoch(first.first):
                return [first, second]
            second.close()
        return self.fail("all addresses come to one gateway")

    def epoch(self, event):
        """The run of a gateway that an event's id is of."""
        return event.partition("-")[0]

    def publish(self, n):
        front = self.url
        for self.url in (self.first_url, self.second_url):
            self.good(self.get("/api/v1/topics"))  # the subscription of each has left before its answer to this comes back
        self.url = front
        done = self.troupe("pub", "news.a", json.dumps({"n": n}), "--connect", self.at.endpoint)
        self.assertEqual(done.code, 0, done)

    def test_a_request_that_comes_again_comes_to_the_same_one(self):
        self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks").wait_err("C001 ready")
        for n in range(10):
            for path, headers in (("/api/v1/tasks", {"Idempotency-Key": f"key-{n}"}), (f"/api/v1/tasks?idempotency-key=other-{n}", {})):
                answers = [self.post(path, {"skills": ["none"]}, headers=headers) for _ in range(4)]
                self.assertEqual({answer.status for answer in answers}, {201})
                self.assertEqual(len({answer.body for answer in answers}), 1)
        self.assertEqual(len(self.good(self.get("/api/v1/tasks"))["tasks"]), 20)
        self.assertTrue(all(self.answered(url) > 10 for url in (self.first_url, self.second_url)))  # and yet both are used

    def test_a_feed_that_comes_back_goes_on(self):
        for n in range(2, 8):
            feed = self.socket(f"127.0.0.{n}")
            self.publish(n)
            seen = feed.next()
            self.assertEqual(seen["event"]["content"], {"n": n})
            feed.close()
            self.publish(n + 100)
            self.assertEqual(self.socket(f"127.0.0.{n}", "&after=" + seen["id"]).next()["event"]["content"], {"n": n + 100})
            connection = web.http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=harness.PATIENCE, source_address=(f"127.0.0.{n}", 0))
            self.addCleanup(connection.close)
            connection.request("GET", "/api/v1/events?topics=news.a", headers={"Authorization": "Bearer " + self.tokens["viewer"], "Last-Event-ID": seen["id"]})
            events = connection.getresponse()
            lines = [events.readline() for _ in range(4)]
            self.assertEqual(json.loads(lines[3][6:])["content"], {"n": n + 100}, lines)

    def test_both_are_used(self):
        before = [self.answered(self.first_url), self.answered(self.second_url)]
        self.assertTrue(all(self.echo(n) for n in range(40)))
        after = [self.answered(self.first_url), self.answered(self.second_url)]
        self.assertTrue(all(b - a > 10 for a, b in zip(before, after)), (before, after))

    def test_sockets_and_events_pass(self):
        feeds = self.two_sockets()
        connection = self.connection()
        connection.request("GET", "/api/v1/events?topics=news.a", headers={"Authorization": "Bearer " + self.tokens["viewer"]})
        events = connection.getresponse()
        self.assertEqual(events.readline(), b"retry: 1000\n")
        self.publish(1)
        self.assertEqual([feed.next()["event"]["content"] for feed in feeds], [{"n": 1}] * 2)
        lines = [events.readline() for _ in range(3)]
        self.assertEqual(json.loads(lines[2][6:])["content"], {"n": 1})

    def test_one_that_is_killed_is_not_missed(self):
        feeds = self.two_sockets()
        self.second.stop(signal.SIGKILL)
        self.assertTrue(all(self.echo(n) for n in range(40)))
        ended = 0
        for feed in feeds:
            feed.plain.settimeout(0.5)
            try:
                feed.next()
            except (EOFError, ConnectionError):
                ended += 1
            except TimeoutError:
                pass
        self.assertEqual(ended, 1)  # the other one is still there
        self.socket()
        front = self.url
        self.serve("--name", "gateway-3", "--rate", "0", "--listen", self.second_url.netloc)
        self.url = front
        before = self.answered(self.second_url)

        def used_again():
            self.assertTrue(self.echo(1))
            return self.answered(self.second_url) > before + 2
        harness.wait_until(used_again, "the gateway that is there again")

    def test_who_signs_in_at_one_has_signed_in_at_both(self):
        users, password = self.directory + "/users", "correct horse battery"
        self.assertEqual(self.troupe("user", "add", "ann", "--role", "operator", "--users", users, "--password-stdin", text=password).code, 0)
        front, origin = self.url, f"http://{self.url.netloc}"
        for old, (name, url) in zip((self.first, self.second), (("gateway-1", self.first_url), ("gateway-2", self.second_url))):
            self.assertEqual(old.stop().code, 0)
            self.serve("--name", name, "--rate", "0", "--users", users, "--listen", url.netloc, "--proxy", "127.0.0.1")
        self.url = front
        answer = harness.wait_until(lambda: (got := self.post("/api/v1/login", {"name": "ann", "password": password}, role=None, headers={"Origin": origin})).status == 200 and got,
                                    "nginx to find the gateways again")
        headers = {"Cookie": answer.headers["set-cookie"].partition(";")[0], "X-CSRF-Token": answer.json()["csrf"], "Origin": origin}
        before = [self.answered(self.first_url), self.answered(self.second_url)]
        self.assertTrue(all(self.echo(n, role=None, headers=headers) for n in range(40)))
        after = [self.answered(self.first_url), self.answered(self.second_url)]
        self.assertTrue(all(b - a > 10 for a, b in zip(before, after)), (before, after))
        self.good(self.post("/api/v1/logout", role=None, headers=headers))
        for self.url in (self.first_url, self.second_url):
            harness.wait_until(lambda: self.get("/api/v1/login", role=None, headers=headers).json()["you"]["by"] == "nobody", "the session to end at both")

    def test_tasks_come_back_to_their_gateway(self):
        message = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}]}}
        for _ in range(10):
            task = self.good(self.post("/a2a/echo/message:send", message, headers={"A2A-Version": "1.0"}))["task"]["id"]
            self.good(self.get("/a2a/echo/tasks/" + task, headers={"A2A-Version": "1.0"}))


if __name__ == "__main__":
    harness.main()
