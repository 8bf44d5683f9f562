#!/usr/bin/env python3
"""Tokens of an OpenID provider: signed by RS256 with a key of its set, as `openssl` makes them."""
import base64
import json
import os
import pathlib
import subprocess
import time

import socket_client
import web
from web import harness

ISSUER = "https://id.example/realms/fleet"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Oidc(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.key = self.directory + "/key.pem"
        self.set = pathlib.Path(self.directory, "keys.json")
        self.new_key("first")
        self.begin("--anonymous", "none", "--oidc-keys", str(self.set), "--oidc-issuer", ISSUER, "--oidc-audience", "troupe", "--oidc-claim", "realm.roles")
        self.agent("echo")

    def new_key(self, kid, beside_it=()):
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, capture_output=True)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
        number = bytes.fromhex(modulus.strip().partition("=")[2])
        beside = self.set.with_suffix(".new")
        made = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": b64(number), "e": "AQAB"}
        beside.write_text(json.dumps({"keys": [made, *beside_it]}), encoding="utf-8")
        os.replace(beside, self.set)
        self.kid = kid

    def token(self, **more):
        claims = {"iss": ISSUER, "aud": ["troupe"], "sub": "ann", "exp": int(time.time()) + 300, "realm": {"roles": ["operator"]}, **more}
        signed = b64(json.dumps({"alg": "RS256", "typ": "JWT", "kid": self.kid}).encode()) + "." + b64(json.dumps(claims).encode())
        mark = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(), check=True, capture_output=True).stdout
        return signed + "." + b64(mark)

    def with_token(self, token, method="GET", path="/api/v1/agents", body=None):
        return self.ask(method, path, body, role=None, headers={"Authorization": "Bearer " + token})

    def test_who_is_let_in(self):
        self.good(self.with_token(self.token()))
        said = self.with_token(self.token(), "POST", "/api/v1/messages", {"receiver": "echo", "content": "hello"})
        self.assertEqual(self.good(said)["content"], "hello")
        viewer = self.token(realm={"roles": ["viewer", "other"]})
        self.good(self.with_token(viewer))
        self.problem(self.with_token(viewer, "POST", "/api/v1/messages", {"receiver": "echo"}), 403, "unauthorised")
        self.good(self.get("/api/v1/agents"))  # tokens of the file count as before

    def test_who_is_not(self):
        good = self.token()
        for wrong in (self.token(iss="https://other.example"), self.token(aud="other"), self.token(exp=int(time.time()) - 60),
                      self.token(realm={"roles": ["root"]}), good[:-8] + "AAAAAAAA", good.rpartition(".")[0] + "."):
            self.problem(self.with_token(wrong), 401, "invalid-token")
        self.assertNotIn(good, self.gateway.err)

    def test_keys_that_change(self):
        old = self.token()
        self.good(self.with_token(old))
        self.new_key("second")
        new = self.token()
        harness.wait_until(lambda: self.get("/api/v1/agents").status == 200 and "G008" in self.gateway.err, "the new key")
        self.good(self.with_token(new))
        self.problem(self.with_token(old), 401, "invalid-token")
        self.set.write_text("nothing", encoding="utf-8")
        harness.wait_until(lambda: self.with_token(new).status == 200 and "G009" in self.gateway.err, "the line in the log")
        self.good(self.with_token(new))

    def streams(self, token):
        """One with events, and one WebSocket, each opened by the token; both are there."""
        connection = self.connection()
        connection.request("GET", "/api/v1/events?topics=news.a", headers={"Authorization": "Bearer " + token})
        events = connection.getresponse()
        self.assertEqual((events.status, events.readline(), events.readline()), (200, b"retry: 1000\n", b"\n"))
        opened = socket_client.Socket(self.url.hostname, self.url.port, "/api/v1/ws?topics=news.a", [("Authorization", "Bearer " + token)])
        self.addCleanup(opened.close)
        self.assertEqual(opened.next()["watching"], ["news.a"])
        return events, opened

    def ended(self, streams):
        events, opened = streams
        self.assertEqual(events.read().strip(b":\n"), b"")
        with self.assertRaises(socket_client.Closed) as raised:
            opened.next()
        self.assertEqual(raised.exception.code, 1008)

    def test_streams_end_when_the_token_does(self):
        token = self.token(exp=int(time.time()) - 27)  # clocks may differ by 30 s
        streams = self.streams(token)
        lasting = self.streams(self.token())
        self.ended(streams)
        self.problem(self.with_token(token), 401, "invalid-token")
        self.go_on(lasting)

    def test_streams_end_with_their_key(self):
        old = self.streams(self.token())
        first = json.loads(self.set.read_text(encoding="utf-8"))["keys"]
        self.new_key("second", first)
        harness.wait_until(lambda: "G008" in self.gateway.err, "the new key")
        new = self.streams(self.token())
        self.go_on(old)  # a key that was added ends nothing
        self.new_key("third", json.loads(self.set.read_text(encoding="utf-8"))["keys"][:1])
        self.ended(old)
        self.go_on(new)

    def go_on(self, streams):
        events, opened = streams
        self.good(self.post("/api/v1/topics/news.a", {"content": 1}), 202)
        self.assertEqual(opened.next()["event"]["content"], 1)
        while not (line := events.readline()).startswith(b"data: "):
            self.assertTrue(line)
        self.assertEqual(json.loads(line[6:])["content"], 1)

    def test_who_it_names_speaks_as_himself(self):
        self.agent("assistant", "assistant")
        ask = ("POST", "/api/v1/process_input")
        self.assertEqual(self.good(self.with_token(self.token(), *ask, {"text": "hello"}))["user"], "oidc:ann")
        self.problem(self.with_token(self.token(), *ask, {"text": "hello", "user": "ben"}), 403, "unauthorised")
        admin = self.token(realm={"roles": ["admin"]})
        self.assertEqual(self.good(self.with_token(admin, *ask, {"text": "hello", "user": "ben"}))["user"], "ben")
        seen = self.good(self.with_token(self.token(), path="/api/v1/login"))["you"]
        self.assertEqual(seen, {"name": "oidc:ann", "role": "operator", "by": "provider"})

    def test_options_go_together(self):
        done = self.run_program("gateway", "--connect", self.at.endpoint, "--name", "other", "--oidc-keys", str(self.set))
        self.assertEqual(done.code, 3, done)
        self.assertIn("--oidc-issuer", done.err)


if __name__ == "__main__":
    harness.main()
