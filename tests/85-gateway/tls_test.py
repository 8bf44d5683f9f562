#!/usr/bin/env python3
"""HTTPS, and HTTP/2 in it, by curl: small and large, what is refused, and events."""
import http.client
import json
import os
import ssl
import subprocess

import web
from web import harness


class Tls(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.cert, key = self.directory + "/cert.pem", self.directory + "/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
                        self.cert, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        self.begin("--tls-cert", self.cert, "--tls-key", key)
        self.agent("echo")

    def curl(self, version, path, *arguments, body=None):
        """(version of HTTP, status, what came)."""
        command = ["curl", "-sS", "-m", "20", version, "--cacert", self.cert, "-H", "Authorization: Bearer " + self.tokens["operator"], "-w",
                   "\n%{http_version} %{http_code}", *arguments, f"https://localhost:{self.url.port}{path}"]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
        done = subprocess.run(command, input=json.dumps(body) if body is not None else None, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done)
        text, _, last = done.stdout.rpartition("\n")
        return (*last.split(), text)

    def test_both_versions(self):
        for version, number in (("--http1.1", "1.1"), ("--http2", "2")):
            with self.subTest(version):
                self.assertEqual(self.curl(version, "/healthz"), (number, "200", "ok\n"))
                large = "0123456789abcdef" * 20000
                answer = self.curl(version, "/api/v1/messages", body={"receiver": "echo", "content": large})
                self.assertEqual((answer[:2], json.loads(answer[2])["content"]), ((number, "200"), large))
                self.assertEqual(self.curl(version, "/api/v1/messages", body={"receiver": "nobody"})[:2], (number, "404"))
                self.assertEqual(self.curl(version, "/nowhere", "-X", "DELETE")[:2], (number, "404"))

    def test_events(self):
        for version in ("--http1.1", "--http2"):
            with self.subTest(version):
                watch = subprocess.Popen(["curl", "-sS", "-N", version, "--cacert", self.cert, f"https://localhost:{self.url.port}/api/v1/events?topics=news.a"],
                                         stdout=subprocess.PIPE, text=True)
                self.addCleanup(watch.stdout.close)
                self.addCleanup(watch.wait)
                self.addCleanup(watch.terminate)
                self.assertEqual(watch.stdout.readline(), "retry: 1000\n")
                self.assertEqual(self.curl(version, "/api/v1/topics/news.a", body={"content": version})[1], "202")
                lines = [watch.stdout.readline() for _ in range(3)]
                self.assertEqual(json.loads(lines[2].removeprefix("data: "))["content"], version)

    def serial(self):
        """Of the certificate that a new connection gets."""
        shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.url.port}"], input="", capture_output=True, text=True, check=False)
        done = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=shown.stdout, capture_output=True, text=True, check=True)
        return done.stdout

    def put_certificate(self, key=True):
        """Another one in its place; without its key where that is wanted."""
        made = [self.directory + "/new-cert.pem", self.directory + "/new-key.pem"]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", made[1], "-out",
                        made[0], "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        if key:
            os.replace(made[1], self.directory + "/key.pem")
        os.replace(made[0], self.cert)

    def test_a_certificate_that_changes(self):
        old, kept = self.serial(), http.client.HTTPSConnection("127.0.0.1", self.url.port, context=ssl._create_unverified_context(), timeout=20)
        self.addCleanup(kept.close)
        kept.request("GET", "/healthz")
        self.assertEqual(kept.getresponse().read(), b"ok\n")
        self.put_certificate()
        harness.wait_until(lambda: self.serial() != old, "the new certificate")
        self.assertIn("G012", self.gateway.err)
        self.assertEqual(self.curl("--http2", "/healthz"), ("2", "200", "ok\n"))
        kept.request("GET", "/healthz")  # who was there stays
        self.assertEqual(kept.getresponse().read(), b"ok\n")
        new = self.serial()
        self.put_certificate(key=False)
        harness.wait_until(lambda: "G013" in self.gateway.err, "the line in the log")
        self.assertEqual(self.serial(), new)

    def test_a_certificate_that_is_none(self):
        with open(self.directory + "/wrong.pem", "w", encoding="utf-8") as file:
            file.write("nothing\n")
        done = self.run_program("gateway", "--connect", self.at.endpoint, "--name", "second", "--listen", "127.0.0.1:0", "--tls-cert",
                                self.directory + "/wrong.pem", "--tls-key", self.directory + "/wrong.pem")
        self.assertEqual(done.code, 3)
        self.assertIn("cannot listen", done.err)
        self.assertEqual(self.run_program("gateway", "--connect", self.at.endpoint, "--name", "third", "--tls-cert", self.cert).code, 3)


if __name__ == "__main__":
    harness.main()
