#!/usr/bin/env python3
"""The gateway as a web server: who is let in, what is too much, and how it ends."""
import gzip
import json
import os
import signal
import socket
import time

import web
from web import harness


class Http(web.GatewayTest):
    def test_probes_and_metrics(self):
        self.begin()
        self.assertEqual(self.get("/healthz", role=None).body, b"ok\n")
        self.assertEqual(self.get("/readyz", role=None).body, b"ok\n")
        text = self.get("/metrics", role="viewer").body.decode()
        self.assertIn('troupe_gateway_requests_total{status="2xx"} 2', text)
        self.assertIn("troupe_gateway_request_seconds_count 2", text)
        self.assertEqual(self.ask("HEAD", "/healthz", role=None).body, b"")

    def test_every_answer_has_the_headers_of_safety(self):
        self.begin()
        for path in ("/healthz", "/api/v1/openapi.json", "/nowhere"):
            headers = self.get(path).headers
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["cache-control"], "no-store")
            self.assertIn("default-src 'none'", headers["content-security-policy"])
            self.assertNotIn("access-control-allow-origin", headers)

    def test_no_token_no_change(self):
        self.begin()
        self.good(self.get("/api/v1/agents", role=None))
        answer = self.post("/api/v1/topics/news.a", {"content": 1}, role=None)
        self.problem(answer, 401, "no-token")
        self.assertTrue(answer.headers["www-authenticate"].startswith("Bearer"))
        self.problem(self.post("/api/v1/topics/news.a", {"content": 1}, role="viewer"), 403, "unauthorised")
        self.good(self.post("/api/v1/topics/news.a", {"content": 1}, role="operator"), 202)
        self.problem(self.ask("DELETE", "/api/v1/knowledge/notes", role="operator"), 403, "unauthorised")

    def test_without_tokens_nobody_changes_anything(self):
        self.at = self.broker()
        gateway = self.ready("gateway", "--connect", self.at.endpoint, "--listen", "127.0.0.1:0")
        self.url = web.urllib.parse.urlsplit(gateway.url)
        self.problem(self.post("/api/v1/topics/a", {"content": 1}, role=None), 401, "no-token")

    def test_anonymous_none(self):
        self.begin("--anonymous", "none")
        self.problem(self.get("/api/v1/agents", role=None), 401, "no-token")
        self.good(self.get("/api/v1/agents", role="viewer"))
        self.assertEqual(self.get("/healthz", role=None).status, 200)

    def test_a_wrong_token_is_no_token_and_guessing_is_slow(self):
        self.begin()
        wrong = {"Authorization": "Bearer tr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
        self.problem(self.get("/api/v1/agents", role=None, headers=wrong), 401, "invalid-token")
        self.problem(self.get("/api/v1/agents", role=None, headers={"Authorization": "Basic YTpi"}), 401, "invalid-token")
        connection, seen = self.connection(), set()
        for _ in range(60):
            seen.add(self.get("/api/v1/agents", role=None, headers=wrong, connection=connection).status)
        self.assertEqual(seen, {401, 429})
        self.good(self.get("/api/v1/agents", role="viewer"))  # who shares the address is not locked out

    def test_tokens_are_read_again(self):
        self.begin()
        self.tokens["late"] = self.new_token("late", "operator")
        harness.wait_until(lambda: self.post("/api/v1/topics/a", {"content": 1}, role="late").status == 202, "the new token to count")
        with open(self.directory + "/tokens", encoding="utf-8") as file:
            lines = [line for line in file if not line.startswith("late ")]
        with open(self.directory + "/tokens", "w", encoding="utf-8") as file:
            file.writelines(lines)
        harness.wait_until(lambda: self.post("/api/v1/topics/a", {"content": 1}, role="late").status == 401, "it to count no more")
        with open(self.directory + "/tokens", "w", encoding="utf-8") as file:
            file.write("nonsense\n")
        harness.wait_until(lambda: self.get("/healthz", role="viewer").status == 200 and "G009" in self.gateway.err, "the error in the log")
        self.good(self.post("/api/v1/topics/a", {"content": 1}, role="operator"), 202)
        for token in self.tokens.values():
            self.assertNotIn(token, self.gateway.err)

    def test_the_rate(self):
        self.begin("--rate", "5")
        connection = self.connection()
        answers = [self.get("/healthz", role="viewer", connection=connection) for _ in range(40)]
        late = [answer for answer in answers if answer.status == 429]
        self.assertTrue(10 <= len(answers) - len(late) < 40, len(late))
        self.problem(late[0], 429, "too-many-requests")
        self.assertGreaterEqual(int(late[0].headers["retry-after"]), 1)
        self.assertEqual(self.get("/healthz", role="admin").status, 200)

    def test_the_rate_of_who_has_no_token(self):
        """Is that of his address."""
        self.begin("--rate", "5")

        def asks(source, count):
            line = web.http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=harness.PATIENCE, source_address=(source, 0))
            self.addCleanup(line.close)
            return [self.get("/api/v1/agents", role=None, connection=line).status for _ in range(count)]
        self.assertIn(429, asks("127.0.0.1", 40))
        self.assertEqual(asks("127.0.0.2", 1), [200])
        self.assertEqual(self.get("/api/v1/agents", role="viewer").status, 200)

    def test_changes_of_tokens_are_told(self):
        """The audit trail: who, from where, what, and what became of it; and never a token."""
        self.begin("--log-level", "debug")
        self.good(self.post("/api/v1/topics/news.a", {"content": 1}), 202)
        self.get("/api/v1/agents")
        self.problem(self.post("/api/v1/topics/news.a", {"content": 1}, role="viewer"), 403, "unauthorised")
        self.assertRegex(self.gateway.err, r"G010 change who=operator peer=127.0.0.1 method=POST path=/api/v1/topics/news.a status=202 ms=\d+")
        self.assertRegex(self.gateway.err, r"G022 change refused who=viewer peer=127.0.0.1 method=POST path=/api/v1/topics/news.a status=403 reason=unauthorised")
        self.assertEqual(self.gateway.err.count("G010"), 1)
        for token in self.tokens.values():
            self.assertNotIn(token, self.gateway.err)

    def test_host_and_origin(self):
        self.begin("--origin", "https://fleet.example")
        self.problem(self.get("/api/v1/agents", headers={"Host": "evil.example"}), 421, "unknown-host")
        self.assertEqual(self.get("/healthz", headers={"Host": "evil.example"}).status, 200)
        self.good(self.get("/api/v1/agents", headers={"Host": "localhost:1"}))
        answer = self.post("/api/v1/topics/a", {"content": 1}, headers={"Origin": "https://evil.example"})
        self.problem(answer, 403, "foreign-origin")
        self.assertNotIn("access-control-allow-origin", answer.headers)
        answer = self.post("/api/v1/topics/a", {"content": 1}, headers={"Origin": "https://fleet.example"})
        self.good(answer, 202)
        self.assertEqual(answer.headers["access-control-allow-origin"], "https://fleet.example")
        for origin, may_read in (("https://fleet.example", True), ("https://evil.example", False), ("null", False), ("https://fleet.example.evil.example", False)):
            answer = self.get("/api/v1/agents", headers={"Origin": origin})
            self.assertEqual((answer.status, answer.headers.get("access-control-allow-origin")), (200, origin if may_read else None))
            self.assertNotIn("access-control-allow-credentials", answer.headers)
        same = f"http://127.0.0.1:{self.url.port}"
        self.good(self.post("/api/v1/topics/a", {"content": 1}, headers={"Origin": same}), 202)

    def test_what_is_large_is_packed_for_who_takes_it(self):
        self.begin()
        def ask(accept, **more):
            return self.ask(more.pop("method", "GET"), more.pop("path", "/api/v1/openapi.json"), role="viewer", headers={"Accept-Encoding": accept, **more})
        plain, packed = ask("identity"), ask("br, GZIP;q=0.5")
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.assertLess(len(packed.body), len(plain.body) / 3)
        for accept in ("identity", "gzip;q=0", "xgzip", ""):
            answer = ask(accept)
            self.assertNotIn("content-encoding", answer.headers)
            self.assertEqual((answer.body, answer.headers["vary"]), (plain.body, "accept-encoding"))
        tag = packed.headers["etag"]
        self.assertNotEqual(tag, plain.headers["etag"])
        same = ask("gzip", **{"If-None-Match": tag})
        self.assertEqual((same.status, same.body), (304, b""))
        self.assertEqual(ask("identity", **{"If-None-Match": tag}).status, 200)
        head = ask("gzip", method="HEAD")
        self.assertEqual((head.body, head.headers["content-length"]), (b"", str(len(packed.body))))
        self.assertNotIn("content-encoding", ask("gzip", path="/api/v1/brokers").headers)  # too small

    def test_preflight(self):
        self.begin("--origin", "https://fleet.example")
        answer = self.ask("OPTIONS", "/api/v1/tasks", role=None, headers={"Origin": "https://fleet.example"})
        self.assertEqual(answer.status, 204)
        self.assertIn("authorization", answer.headers["access-control-allow-headers"])
        self.assertIn("POST", answer.headers["access-control-allow-methods"])
        self.assertEqual(self.ask("OPTIONS", "/api/v1/tasks", role=None, headers={"Origin": "https://evil.example"}).status, 403)

    def test_paths_and_methods(self):
        self.begin()
        self.problem(self.get("/api/v2/agents"), 404, "not-found")
        answer = self.ask("DELETE", "/api/v1/tasks")
        self.problem(answer, 405, "unsupported-function")
        self.assertEqual(answer.headers["allow"], "GET, HEAD, POST")
        self.assertEqual(self.get("/" + "a" * 1100).status, 414)
        for long in ("name=" + "a" * 2100, "a" * 2100 + "=1", "name=a&state=" + "b" * 2045):
            self.problem(self.get("/api/v1/agents?" + long), 414, "too-large")
        self.assertEqual(self.good(self.get("/api/v1/agents?name=" + "a" * 2030))["total"], 0)
        self.problem(self.get("/api/v1/agents?nonsense=1"), 400, "unexpected-argument")
        for wrong in ("offset=many", "offset=-1", "max-results=-1", "name=a&name=a", "offset=1&max-results=2&offset=1"):
            self.problem(self.get("/api/v1/agents?" + wrong), 400, "unrecognised-parameter-value")

    def test_who_asks_before_he_sends(self):
        """RFC 9110, 10.1.1: a body that is welcome is asked for, and the connection goes on; one that is not has its answer at once."""
        self.begin()
        self.agent("echo")
        body = json.dumps({"receiver": "echo", "content": "x" * 100000}).encode()

        def ask(plain, length, more=b"", version="1.1"):
            plain.sendall(f"POST /api/v1/messages HTTP/{version}\r\nHost: localhost\r\nAuthorization: Bearer {self.tokens['operator']}\r\nExpect: 100-continue\r\n"
                          f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode() + more)
        plain = self.raw()
        file = plain.makefile("rb")
        for _ in range(2):
            ask(plain, len(body))
            self.assertEqual((file.readline(), file.readline()), (b"HTTP/1.1 100 Continue\r\n", b"\r\n"))
            plain.sendall(body)
            self.assertEqual(file.readline(), b"HTTP/1.1 200 OK\r\n")
            headers = {}
            while (line := file.readline()) != b"\r\n":
                name, _, value = line.decode().partition(": ")
                headers[name] = value.strip()
            self.assertEqual(json.loads(file.read(int(headers["content-length"])))["content"], "x" * 100000)
        with self.raw() as old, old.makefile("rb") as answer:  # which takes the first status for the answer
            ask(old, len(body), body, "1.0")
            self.assertRegex(answer.readline(), b"^HTTP/1.[01] 200 OK\r\n$")
        other = self.raw()
        ask(other, 5 << 20)
        self.assertEqual(other.makefile("rb").readline(), b"HTTP/1.1 413 Content Too Large\r\n")

    def test_bodies(self):
        self.begin("--body-max", "2K")
        path, json_type = "/api/v1/topics/a", {"Content-Type": "application/json"}
        self.problem(self.post(path, b"{", headers=json_type), 400, "unsupported-value")
        self.problem(self.post(path, b"[1]", headers=json_type), 400, "unrecognised-value")
        self.problem(self.post(path, b'{"content": 1, "content": 2}', headers=json_type), 400, "unsupported-value")
        self.problem(self.post(path, b"content=1", headers={"Content-Type": "application/x-www-form-urlencoded"}), 415, "unsupported-value")
        self.problem(self.post(path, {"content": "a" * 3000}), 413, "too-large")
        self.problem(self.post(path, {"kontent": 1}), 400, "unexpected-argument")
        self.problem(self.post(path, {"content": 1, "language": 5}), 400, "unrecognised-parameter-value")
        self.good(self.post(path, {"content": "a" * 1500}), 202)
        self.assertEqual(self.ask("POST", path, role="operator", headers={"Transfer-Encoding": "chunked", "Content-Length": "0"}).status, 411)

    def test_a_connection_is_used_again_also_after_a_problem(self):
        self.begin()
        connection = self.connection()
        self.get("/healthz", connection=connection)
        port = connection.sock.getsockname()[1]
        self.post("/api/v1/topics/a", {"content": 1}, connection=connection)
        self.problem(self.post("/api/v1/topics/a", {"content": 1}, role=None, connection=connection), 401, "no-token")
        self.problem(self.post("/nowhere", {"content": "x" * 100000}, connection=connection), 404, "not-found")
        self.good(self.get("/api/v1/agents", connection=connection))
        self.assertEqual(connection.sock.getsockname()[1], port)

    def test_requests_before_the_last_one_was_answered(self):
        """Pipelining is not taken: the first one is answered, the connection ends, and nothing of the rest is taken for something else."""
        self.begin()
        head = f"Host: localhost\r\nAuthorization: Bearer {self.tokens['operator']}\r\n"
        body = b'{"content": "one"}'
        ask = f"GET /api/v1/agents HTTP/1.1\r\n{head}\r\n".encode()
        probe = f"GET /healthz HTTP/1.1\r\n{head}\r\n".encode()
        post = f"POST /api/v1/topics/a HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        wrong = f"POST /nowhere HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        for requests, status in ((ask + post + probe, b"200"), (post + post, b"202"), (post + probe, b"202"), (probe + post + ask, b"200"),
                                 (wrong + post, b"404"), (post + ask[:20], b"202"), (probe + post[:-5], b"200")):
            with self.subTest(requests):
                plain, text = self.raw(), b""
                plain.sendall(requests)
                while more := plain.recv(65536):
                    text += more
                self.assertTrue(text.startswith(b"HTTP/1.1 " + status), text)
                self.assertEqual(text.count(b"HTTP/1.1 "), 1, text)
                self.assertIn(b"\r\nconnection: close\r\n", text)
        self.assertEqual(self.get("/healthz").status, 200)

    def test_upgrades_are_not_taken(self):
        self.begin()
        keys = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
        for upgrade in ("websocket", "h2c"):
            plain = self.raw()
            plain.sendall(f"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\n{keys}\r\n".encode())
            text = plain.recv(65536)
            self.assertTrue(text.startswith(b"HTTP/1.1 200 OK"), (upgrade, text))
        plain = self.raw()
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: nonsense\r\n\r\n")
        self.assertNotIn(b" 101 ", plain.recv(65536))
        self.assertEqual(self.get("/healthz").status, 200)

    def test_a_body_that_comes_after_its_problem(self):
        self.begin()
        plain = self.raw()
        plain.sendall(b"POST /api/v1/topics/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18\r\n\r\n{")
        plain.sendall(b'"content": "one"}' + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        text = b""
        while more := plain.recv(65536):
            text += more
        self.assertEqual(text.count(b"HTTP/1.1 "), 1, text)
        self.assertTrue(text.startswith(b"HTTP/1.1 401 "), text)

    def test_who_is_slow_is_cut(self):
        self.begin("--header-time", "1s", "--body-time", "1s")
        plain = self.raw()
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: local")
        self.assertEqual(plain.recv(1000), b"")
        plain = self.raw()
        plain.sendall(f"POST /api/v1/topics/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.tokens['operator']}\r\n"
                      "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{".encode())
        until = time.monotonic() + harness.PATIENCE
        cut = False
        while not cut and time.monotonic() < until:  # a byte now and then does not help
            try:
                plain.sendall(b" ")
                plain.settimeout(0.2)
                cut = plain.recv(100) == b""
            except socket.timeout:
                pass
            except OSError:
                cut = True
        self.assertTrue(cut, "a body in dribbles was not cut")

    def test_heads_that_are_too_large(self):
        self.begin()
        plain = self.raw()
        try:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"".join(
                b"X-%d: %s\r\n" % (i, b"a" * 1000) for i in range(200)) + b"\r\n")
            first = plain.recv(100)
        except OSError:
            first = b""
        self.assertNotIn(b" 200 ", first)
        self.assertEqual(self.get("/healthz").status, 200)

    def test_more_connections_than_it_takes(self):
        self.begin("--connections", "4")
        kept = []
        for _ in range(4):
            connection = self.connection()
            self.assertEqual(self.get("/healthz", connection=connection).status, 200)
            kept.append(connection)
        with self.assertRaises((OSError, web.http.client.HTTPException)):
            self.get("/healthz")
        kept[0].close()

        def again():
            try:
                return self.get("/healthz").status == 200
            except (OSError, web.http.client.HTTPException):
                return False
        harness.wait_until(again, "a place for a connection")

    def test_one_address_does_not_take_all_of_them(self):
        self.begin("--connections-each", "3")
        kept = [self.raw() for _ in range(3)]

        def served(source):
            own = web.http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=harness.PATIENCE, source_address=(source, 0))
            self.addCleanup(own.close)
            try:
                return self.get("/healthz", connection=own).status == 200
            except (OSError, web.http.client.HTTPException):
                return False
            finally:
                own.close()
        harness.wait_until(lambda: not served("127.0.0.1"), "all of them to count")
        self.assertTrue(served("127.0.0.2"))
        kept[0].close()
        harness.wait_until(lambda: served("127.0.0.1"), "a place for a connection")
        self.serve("--name", "behind", "--connections-each", "1", "--proxy", "127.0.0.2", "--host", "localhost")
        many = [web.http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=harness.PATIENCE, source_address=("127.0.0.2", 0)) for _ in range(4)]
        for line in many:  # a proxy's are of many
            self.addCleanup(line.close)
            self.assertEqual(self.get("/healthz", connection=line).status, 200)
        self.serve("--name", "inside", "--connections-each", "1", "--listen", "0.0.0.0:0", "--insecure")
        for line in [self.connection() for _ in range(4)]:
            self.assertEqual(self.get("/healthz", connection=line).status, 200)

    def test_connections_that_ask_for_nothing_count(self):
        self.begin("--connections", "4")
        silent = [self.raw() for _ in range(4)]

        def served():
            try:
                return self.get("/healthz").status == 200
            except (OSError, web.http.client.HTTPException):
                return False
        harness.wait_until(lambda: not served(), "all of them to count")
        for plain in silent:
            plain.close()
        harness.wait_until(served, "a place for a connection")

    def test_beyond_loopback_it_wants_tls(self):
        self.at = self.broker()
        done = self.run_program("gateway", "--connect", self.at.endpoint, "--listen", "0.0.0.0:0")
        self.assertEqual(done.code, 3)
        self.assertIn("--tls-cert", done.err)
        gateway = self.ready("gateway", "--connect", self.at.endpoint, "--listen", "0.0.0.0:0", "--insecure")
        self.url = web.urllib.parse.urlsplit(gateway.url)
        self.problem(self.get("/api/v1/agents", role=None, headers={"Host": "any.example"}), 401, "no-token")

    def test_a_port_in_use(self):
        self.begin()
        done = self.run_program("gateway", "--connect", self.at.endpoint, "--name", "second", "--listen", f"127.0.0.1:{self.url.port}")
        self.assertEqual(done.code, 3)
        self.assertIn("in use", done.err)

    def test_it_ends_when_what_has_begun_is_done(self):
        self.begin()
        self.agent("slow", "exec", "--", "/bin/sh", "-c", "read line; echo taken >&2; read more; echo '{\"content\": \"late\"}'; cat")
        connection = self.connection()
        connection.request("POST", "/api/v1/messages", json.dumps({"receiver": "slow", "content": "a", "wait-ms": 1500}).encode(),
                           {"Authorization": "Bearer " + self.tokens["operator"], "Content-Type": "application/json"})
        harness.wait_until(lambda: b"troupe_gateway_waiting 1" in self.get("/metrics").body, "the request to be under way")
        os.kill(self.gateway.pid, signal.SIGTERM)
        self.assertEqual(connection.getresponse().status, 504)
        done = self.gateway.wait()
        self.assertEqual(done.code, 0, done)
        self.assertIn("G003 stopped", done.err)

    def test_new_tokens(self):
        path = self.directory + "/tokens"
        done = self.run_program("gateway", "--tokens", path, "--new-token", "ann:king")
        self.assertEqual(done.code, 3)
        self.assertEqual(self.run_program("gateway", "--new-token", "ann:viewer").code, 1)
        self.assertEqual(self.run_program("gateway", "--tokens", path, "--new-token", "ann:viewer").code, 0)
        self.assertEqual(self.run_program("gateway", "--tokens", path, "--new-token", "ann:viewer").code, 3)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)


if __name__ == "__main__":
    harness.main()
