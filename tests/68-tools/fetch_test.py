#!/usr/bin/env python3
"""Pages of the web: which places may be asked, also by way of redirects and names, and what is told of what is there."""
import http.server
import json
import socketserver
import threading

import tools
from tools import harness


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, code, body=b"", content_type="text/plain; charset=utf-8", **headers):
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.seen.append(self.path)
        self.server.traces = self.headers.get_all("traceparent")
        if self.path == "/page":
            self.send(200, b"<html><head><title>Whales</title><script>evil()</script></head><body><h1>Whales</h1><p>They sing &amp; dive.</p></body></html>", "text/html")
        elif self.path == "/text":
            self.send(200, "grüße\n".encode())
        elif self.path == "/json":
            self.send(200, b'{"a": 1}', "application/json")
        elif self.path == "/image":
            self.send(200, b"\x89PNG", "image/png")
        elif self.path == "/large":
            self.send(200, b"x" * 5000)
        elif self.path == "/gone":
            self.send(404, b"nothing here")
        elif self.path.startswith("/to?"):
            self.send(302, Location=self.path[4:])
        elif self.path == "/loop":
            self.send(302, Location="/loop")
        elif self.path == "/silent":
            self.server.never.wait(30)
        else:
            self.send(200, b"other")


class Listener(http.server.ThreadingHTTPServer):
    def server_bind(self):
        """Without the look-up of a name that it has no use for, which may take long."""
        socketserver.TCPServer.server_bind(self)


class Fetch(tools.ToolsTest):
    def setUp(self):
        super().setUp()
        self.web = Listener(("127.0.0.1", 0), Pages)
        self.web.daemon_threads = True
        self.web.seen, self.web.never = [], threading.Event()
        threading.Thread(target=self.web.serve_forever, daemon=True).start()
        self.addCleanup(self.web.server_close)
        self.addCleanup(self.web.shutdown)
        self.addCleanup(self.web.never.set)
        self.port = self.web.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def fetcher(self, *allow, **more):
        self.keeper({"fetch": {"allow": list(allow) or [self.url + "/"], "private": True, **more}})

    def fetch(self, path, **more):
        return self.said("fetch", {"url": self.url + path if path.startswith("/") else path}, **more)

    def test_what_is_told(self):
        self.fetcher()
        said = self.fetch("/page")
        self.assertEqual(said["data-of-tool"].splitlines()[:3], [f"url: {self.url}/page", "status: 200", "title: Whales"])
        self.assertIn("They sing & dive.", said["data-of-tool"])
        self.assertNotIn("evil", said["data-of-tool"])
        self.assertIn("grüße", self.fetch("/text")["data-of-tool"])
        self.assertIn('{"a": 1}', self.fetch("/json")["data-of-tool"])
        self.assertIn("[4 bytes of the type image/png", self.fetch("/image")["data-of-tool"])
        said = self.fetch("/gone")
        self.assertEqual((said["status"], "nothing here" in said["data-of-tool"]), ("error", True), said)

    def test_what_is_traced_tells_the_trace(self):
        """That of the call's own span: what the other server tells of it has its place in the tree."""
        self.fetcher()
        self.fetch("/text")
        self.assertIsNone(self.web.traces)
        asked = self.run_verb("ask", "keeper", json.dumps({"action": "call", "tool": "fetch", "arguments": {"url": self.url + "/text"}}), "--trace")
        self.assertEqual(asked.code, 0, asked)
        trace = asked.err.split("troupe trace ")[1].strip()

        def used():
            done = self.run_verb("trace", trace, "-o", "json")
            return done.code == 0 and [span["span"] for span in done.json() if span["name"] == "execute_tool fetch"]
        span, = harness.wait_until(used, "the span of the tool")
        self.assertEqual(self.web.traces, [f"00-{trace}-{span}-01"])

    def test_redirects_are_checked_again(self):
        other = Listener(("127.0.0.1", 0), Pages)
        other.daemon_threads = True
        other.seen = []
        threading.Thread(target=other.serve_forever, daemon=True).start()
        self.addCleanup(other.server_close)
        self.addCleanup(other.shutdown)
        self.fetcher()
        self.assertIn("grüße", self.fetch("/to?/text")["data-of-tool"])
        for to in (f"http://127.0.0.1:{other.server_address[1]}/text", f"http://localhost:{self.port}/text", "https://example.org/"):
            said = self.fetch("/to?" + to)
            self.assertEqual(said["status"], "forbidden", said)
        self.assertEqual(other.seen, [])
        for to in "file:///etc/passwd", f"http://user@127.0.0.1:{self.port}/text", "gopher://x/":
            self.assertEqual(self.fetch("/to?" + to)["status"], "garbled")
        said = self.fetch("/loop")
        self.assertEqual((said["status"], "redirected more than 5 times" in said["detail"]), ("unavailable", True), said)

    def test_places(self):
        self.fetcher(self.url + "/text")
        self.assertEqual(self.fetch("/text")["status"], "ok")
        for url in ("/page", "http://127.0.0.1:1/text", f"http://127.0.0.2:{self.port}/text", f"http://localhost:{self.port}/text",
                    f"https://127.0.0.1:{self.port}/text", "/text/../page", "/text%2f..%2fpage", "/text/%2e%2e/page"):
            said = self.fetch(url)
            self.assertEqual(said["status"], "forbidden", (url, said))
        for url in "file:///etc/passwd", f"http://u:p@127.0.0.1:{self.port}/text", "ftp://127.0.0.1/", "text":
            self.assertEqual(self.said("fetch", {"url": url})["status"], "invalid")
        self.assertEqual(self.web.seen, ["/text"])

    def test_addresses_that_are_not_public(self):
        self.fetcher(self.url + "/", f"http://localhost:{self.port}/", f"http://[::1]:{self.port}/", f"http://[::ffff:127.0.0.1]:{self.port}/", private=False)
        for host in "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]":
            said = self.fetch(f"http://{host}:{self.port}/text")
            self.assertEqual(said["status"], "forbidden", said)
            self.assertIn("not of the public internet", said["detail"])
        self.assertEqual(self.web.seen, [])

    def test_limits(self):
        self.fetcher(**{"size-max": 1000})
        said = self.fetch("/large")
        self.assertEqual((said["status"], "size-max" in said["detail"]), ("too-large", True), said)
        said = self.fetch("/silent", **{"timeout-ms": 300})
        self.assertEqual(said["status"], "timed-out", said)

    def test_nobody_listens(self):
        self.fetcher("http://127.0.0.1:1/")
        self.assertEqual(self.fetch("http://127.0.0.1:1/")["status"], "unavailable")

    def test_no_proxy_is_used(self):
        self.keeper({"fetch": {"allow": [self.url + "/"], "private": True}}, http_proxy="http://127.0.0.1:1", no_proxy="")
        self.assertEqual(self.fetch("/text")["status"], "ok")

    def test_what_is_wrong_is_told(self):
        for config, says in (("{kind: fetch}", "allow"), ("{kind: fetch, allow: [example.org]}", "a.yaml:3:34: tools.s.allow[0]: expected a place such as")):
            self.write("a.yaml", f"name: a\nbehaviour: toolkeeper\ntools: {{s: {config}}}\n")
            self.assertIn(says, self.refused("--agent", "a.yaml").err)


if __name__ == "__main__":
    harness.main()
