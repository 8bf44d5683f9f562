"""What the tests of the gateway share: a fleet's programs, tokens, and a small client of HTTP."""
import http.client
import json
import os
import pathlib
import shutil
import socket
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness


def sdk_place():
    """Where node finds the SDK of A2A; None: nowhere."""
    data = os.environ.get("XDG_DATA_HOME") or str(pathlib.Path.home() / ".local/share")
    for place in (os.environ.get("TROUPE_NPM"), data + "/troupe/npm"):
        if place and shutil.which("node") and (pathlib.Path(place) / "node_modules/@a2a-js/sdk").is_dir():
            return str(pathlib.Path(place) / "node_modules")
    return None


class Answer:
    """status, headers (a dict with names in lower case), cookies (what Set-Cookie says, all of them), body (bytes), .json()."""

    def __init__(self, status, headers, body):
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers}
        self.cookies = [value for name, value in headers if name.lower() == "set-cookie"]

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:600]!r}"


class GatewayTest(harness.SystemTest):
    def begin(self, *arguments, broker=(), env=None):
        """A broker, tokens of the three roles, and the gateway."""
        self.at = self.broker(*broker)
        self.tokens = {role: self.new_token(role, role) for role in ("viewer", "operator", "admin")}
        self.serve(*arguments, env=env)

    def new_token(self, name, role):
        done = self.run_program("gateway", "--tokens", self.directory + "/tokens", "--new-token", f"{name}:{role}")
        self.assertEqual(done.code, 0, done)
        return done.out.strip()

    def serve(self, *arguments, env=None):
        self.gateway = self.ready("gateway", "--connect", self.at.endpoint, "--listen", "127.0.0.1:0", "--tokens",
                                  self.directory + "/tokens", *arguments, env=env)
        self.url = urllib.parse.urlsplit(self.gateway.url)

    def connection(self):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=harness.PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def ask(self, method, path, body=None, role="operator", headers=None, connection=None):
        """One request with the token of a role (None: without); a body that is no bytes is JSON."""
        headers = dict(headers or {})
        if role:
            headers.setdefault("Authorization", "Bearer " + self.tokens[role])
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        elif body is None and method in ("POST", "PUT", "PATCH"):
            headers.setdefault("Content-Length", "0")
        own = connection or self.connection()
        own.request(method, path, body, headers)
        response = own.getresponse()
        return Answer(response.status, response.getheaders(), response.read())

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.ask("POST", path, body, **more)

    def good(self, answer, status=200):
        self.assertEqual(answer.status, status, answer)
        return answer.json()

    def problem(self, answer, status, reason):
        """RFC 9457."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        problem = answer.json()
        self.assertEqual((problem["status"], problem["reason"], problem["type"]), (status, reason, "about:blank"))
        self.assertTrue(problem["title"])
        return problem

    def raw(self):
        """A connection without any manners."""
        plain = socket.create_connection((self.url.hostname, self.url.port), timeout=harness.PATIENCE)
        self.addCleanup(plain.close)
        return plain

    def agent(self, name, behaviour="echo", *more):
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--behaviour", behaviour, *more)
        child.wait_err("registered")
        return child
