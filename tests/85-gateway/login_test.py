#!/usr/bin/env python3
"""Users who sign in with name and password: who is let in, what a session may do, how often one may guess, two gateways with one file, and how it ends."""
import json
import os
import pathlib
import re
import subprocess
import time

import socket_client
import web
from web import harness

PASSWORD = "correct horse battery"


class Login(web.GatewayTest):
    arguments = ("--anonymous", "none")
    made = None  # the file of three users, which each test has a copy of: hashes take their time

    def setUp(self):
        super().setUp()
        self.users = self.directory + "/users"
        if Login.made is None:
            for role in ("viewer", "operator", "admin"):
                self.user("add", role, "--role", role)
            Login.made = pathlib.Path(self.users).read_bytes()
        pathlib.Path(self.users).touch(0o600)
        pathlib.Path(self.users).write_bytes(Login.made)
        self.begin("--users", self.users, *self.arguments)

    def user(self, verb, *arguments, password=PASSWORD):
        more = ("--password-stdin",) if verb in ("add", "passwd") else ()
        done = self.troupe("user", verb, *arguments, "--users", self.users, *more, text=password + "\n" if more else None)
        self.assertEqual(done.code, 0, done)
        return done

    @property
    def origin(self):
        return f"{self.url.scheme}://{self.url.netloc}"

    def sign_in(self, name="operator", password=PASSWORD, **headers):
        return self.post("/api/v1/login", {"name": name, "password": password}, role=None, headers={"Origin": self.origin, **headers})

    def session(self, name="operator"):
        """Headers of a page that has signed in: with the cookie, the token and the origin."""
        answer = self.sign_in(name)
        self.good(answer)
        cookie = answer.headers["set-cookie"].partition(";")[0]
        return {"Cookie": cookie, "X-CSRF-Token": answer.json()["csrf"], "Origin": self.origin}

    def say(self, headers, receiver="echo"):
        return self.post("/api/v1/messages", {"receiver": receiver, "content": "hello"}, role=None, headers=headers)

    def look(self, headers):
        return self.get("/api/v1/agents", role=None, headers=headers)

    def without(self, headers, *names):
        return {name: value for name, value in headers.items() if name not in names}


class Sessions(Login):
    def test_who_signs_in(self):
        self.agent("echo")
        before = self.good(self.get("/api/v1/login", role=None))
        self.assertEqual(before, {"users": True, "you": {"name": "", "role": "anybody", "by": "nobody"}})
        answer = self.sign_in()
        self.assertEqual(self.good(answer)["you"], {"name": "operator", "role": "operator", "by": "session"})
        self.assertRegex(answer.headers["set-cookie"], r"^troupe-[0-9a-f]{12}=[\w-]+; Path=/; Max-Age=1800; HttpOnly; SameSite=Strict$")
        self.assertEqual(answer.headers["cache-control"], "no-store")
        headers = self.session()
        seen = self.good(self.get("/api/v1/login", role=None, headers=headers))
        self.assertEqual((seen["you"]["by"], seen["csrf"]), ("session", headers["X-CSRF-Token"]))
        self.good(self.look(headers))
        self.assertEqual(self.good(self.say(headers))["content"], "hello")
        self.assertEqual(self.good(self.get("/api/v1/system_status", role=None, headers=headers))["you"], {"name": "operator", "role": "operator"})
        self.assertEqual(self.good(self.get("/api/v1/login"))["you"], {"name": "operator", "role": "operator", "by": "token"})
        self.assertRegex(self.gateway.err, r"G015 signed in user=operator role=operator peer=127.0.0.1")
        self.assertRegex(self.gateway.err, r"G021 change by a user who=operator peer=127.0.0.1 method=POST path=/api/v1/messages status=200")
        self.assertIn('troupe_gateway_sign_ins_total{outcome="right"} 2', self.get("/metrics").body.decode())

    def test_who_does_not(self):
        for name, password in (("operator", PASSWORD[:-1]), ("operator", ""), ("nobody", PASSWORD), ("", PASSWORD), ("a/b", "x")):
            answer = self.sign_in(name, password)
            self.problem(answer, 401, "wrong-login")
            self.assertNotIn("set-cookie", answer.headers)
        self.problem(self.sign_in("operator", "x" * 1025), 400, "unrecognised-parameter-value")
        self.assertRegex(self.gateway.err, r"G016 sign-in failed user=operator peer=127.0.0.1")
        self.assertRegex(self.gateway.err, r"G016 sign-in failed user=- ")
        self.assertNotIn("nobody", self.gateway.err)  # it may have been a password in the wrong field

    def test_each_role_may_do_what_it_may(self):
        self.agent("echo")
        viewer, admin = self.session("viewer"), self.session("admin")
        self.good(self.look(viewer))
        self.problem(self.say(viewer), 403, "unauthorised")
        self.problem(self.post("/api/v1/quarantine/echo", role=None, headers=self.session()), 403, "unauthorised")
        self.good(self.post("/api/v1/quarantine/echo", role=None, headers=admin))
        self.assertRegex(self.gateway.err, r"G022 change refused who=viewer .*status=403 reason=unauthorised")

    def test_forged_requests_are_refused(self):
        self.agent("echo")
        headers = self.session()
        self.problem(self.say(self.without(headers, "X-CSRF-Token")), 403, "csrf-token")
        self.problem(self.say({**headers, "X-CSRF-Token": "A" * 43}), 403, "csrf-token")
        self.problem(self.say({**headers, "X-CSRF-Token": self.session()["X-CSRF-Token"]}), 403, "csrf-token")  # of another session
        for origin in ("https://evil.example", "null", self.origin + ".evil.example", "http://localhost:1", "x" * 300):
            self.problem(self.say({**headers, "Origin": origin}), 403, "foreign-origin")
        self.problem(self.say(self.without(headers, "Origin")), 403, "foreign-origin")
        self.problem(self.say({**self.without(headers, "Origin"), "Sec-Fetch-Site": "same-site"}), 403, "foreign-origin")
        self.problem(self.ask("DELETE", "/api/v1/quarantine/echo", role=None, headers=self.without(headers, "X-CSRF-Token")), 403, "csrf-token")
        self.problem(self.post("/api/v1/logout", role=None, headers=self.without(headers, "X-CSRF-Token")), 403, "csrf-token")
        self.good(self.say({**self.without(headers, "Origin"), "Sec-Fetch-Site": "same-origin"}))
        self.good(self.say({**self.without(headers, "X-CSRF-Token"), "Authorization": "CSRF " + headers["X-CSRF-Token"]}))
        self.assertRegex(self.gateway.err, r"G022 change refused who=operator .*status=403 reason=csrf-token")
        # A token is sent by no browser itself, and needs nothing of that, also beside a cookie.
        self.good(self.say({"Cookie": headers["Cookie"], "Authorization": "Bearer " + self.tokens["operator"]}))
        # Nor does it make up for a wrong one.
        self.problem(self.say({**headers, "Authorization": "Bearer wrong"}), 401, "invalid-token")

    def test_what_other_pages_could_ask_for_is_not_packed(self):
        cookie = self.session()["Cookie"]

        def coding(**headers):
            return self.get("/api/v1/openapi.json", role=None, headers={"Accept-Encoding": "gzip", **headers}).headers.get("content-encoding")
        self.assertEqual((coding(), coding(Cookie=cookie)), ("gzip", None))
        self.assertEqual(coding(Cookie=cookie, **{"Sec-Fetch-Site": "same-site"}), None)
        self.assertEqual(coding(Cookie=cookie, **{"Sec-Fetch-Site": "same-origin"}), "gzip")

    def test_the_document_says_so(self):
        document = self.good(self.get("/api/v1/openapi.json", role=None))
        scheme = document["components"]["securitySchemes"]["session"]
        self.assertEqual((scheme["in"], scheme["name"]), ("cookie", self.session()["Cookie"].partition("=")[0]))
        self.assertEqual(document["paths"]["/api/v1/messages"]["post"]["security"], [{"token": []}, {"session": []}])
        self.assertEqual(set(document["paths"]["/api/v1/login"]["post"]["responses"]), {"200", "400", "401", "429", "default"})

    def test_foreign_pages_do_not_sign_in(self):
        self.problem(self.sign_in(Origin="https://evil.example"), 403, "foreign-origin")
        self.problem(self.sign_in(Host="evil.example"), 421, "unknown-host")  # DNS rebinding
        self.problem(self.get("/api/v1/login", role=None, headers={"Host": "evil.example"}), 421, "unknown-host")
        plain = {"Content-Type": "text/plain", "Origin": self.origin}
        self.problem(self.post("/api/v1/login", json.dumps({"name": "operator", "password": PASSWORD}).encode(), role=None, headers=plain), 415, "unsupported-value")

    def test_cookies_that_are_none(self):
        headers = self.session()
        name, _, value = headers["Cookie"].partition("=")
        for cookie in (f"{name}={value[:-1]}", f"{name}=", f"{name}={value}x", f"other={value}", "x" * 5000, f"{name}={'A' * len(value)}"):
            self.problem(self.look({"Cookie": cookie}), 401, "no-token")
        self.good(self.look({"Cookie": f"a=1; {name}={value}; b=2"}))

    def test_signing_out(self):
        headers, other = self.session(), self.session()
        answer = self.post("/api/v1/logout", role=None, headers=headers)
        self.assertEqual(self.good(answer)["you"]["by"], "nobody")
        self.assertIn("Max-Age=0", answer.headers["set-cookie"])
        self.problem(self.look(headers), 401, "no-token")  # also with a copy of the cookie
        self.good(self.look(other))
        self.assertIn("G018 signed out user=operator", self.gateway.err)
        self.good(self.post("/api/v1/logout", role=None))  # of nobody: nothing to do

    def test_signing_in_again_ends_the_session_before(self):
        headers = self.session()
        self.problem(self.sign_in("viewer", Cookie=headers["Cookie"]), 403, "csrf-token")
        answer = self.sign_in("viewer", **headers)
        self.assertEqual(self.good(answer)["you"]["name"], "viewer")
        self.problem(self.look(headers), 401, "no-token")

    def test_it_ends_with_its_user(self):
        for change in (("rm", "operator"), ("role", "admin", "viewer"), ("passwd", "viewer")):
            headers = self.session(change[1])
            self.good(self.look(headers))
            self.user(*change, password="another password")
            harness.wait_until(lambda headers=headers: self.look(headers).status == 401, "the session to end")
        self.problem(self.sign_in("operator"), 401, "wrong-login")
        self.problem(self.sign_in("viewer"), 401, "wrong-login")
        self.good(self.sign_in("viewer", "another password"))
        self.assertEqual(self.good(self.sign_in("admin"))["you"]["role"], "viewer")
        self.user("add", "operator", "--role", "viewer", password=PASSWORD)  # the name alone brings no session back
        harness.wait_until(lambda: self.sign_in("operator").status == 200, "the new user")

    def stream(self, headers):
        connection = self.connection()
        connection.request("GET", "/api/v1/events?topics=news.*", headers=headers)
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertEqual(response.readline(), b"retry: 1000\n")
        return response

    def socket(self, headers):
        opened = socket_client.Socket(self.url.hostname, self.url.port, "/api/v1/ws?topics=news.*", list(headers.items()), timeout=harness.PATIENCE)
        self.addCleanup(opened.close)
        self.assertEqual(opened.next()["watching"], ["news.*"])
        return opened

    def closed(self, opened):
        with self.assertRaises(socket_client.Closed) as raised:
            opened.next()
        self.assertEqual(raised.exception.code, 1008)

    def test_streams_end_with_the_session(self):
        first, second = self.session(), self.session()
        ends, stays = (self.stream(first), self.socket(first)), (self.stream(second), self.socket(second))
        self.good(self.post("/api/v1/logout", role=None, headers=first))
        self.assertNotIn(b"data", ends[0].read())
        self.closed(ends[1])
        self.troupe("pub", "news.a", '{"n": 1}', "--connect", self.at.endpoint)
        self.assertEqual(stays[1].next()["event"]["content"], {"n": 1})
        self.user("rm", "operator")
        self.assertIn(b'"n":1', stays[0].read())
        self.closed(stays[1])

    def test_an_answer_under_way_ends_with_the_session(self):
        """One that an agent has not given yet: the connection is cut, and what the agent says later goes nowhere."""
        self.agent("slow", "exec", "--", "/bin/sh", "-c", "read line; until [ -e go ]; do sleep 0.1; done; echo '{\"content\": \"late\"}'; cat")
        headers = self.session()
        connection = self.connection()
        connection.request("POST", "/v1/chat/completions", json.dumps({"model": "slow", "stream": True, "messages": [{"role": "user", "content": "hello"}]}),
                           {**headers, "Content-Type": "application/json"})
        response = connection.getresponse()
        self.assertEqual((response.status, response.headers["content-type"]), (200, "text/event-stream"))
        begun = time.monotonic()
        self.good(self.post("/api/v1/logout", role=None, headers=headers))
        with self.assertRaises((web.http.client.IncompleteRead, ConnectionError)):
            response.read()
        self.assertLess(time.monotonic() - begun, 20)  # --wait-time is 30 s
        pathlib.Path(self.directory, "go").touch()
        harness.wait_until(lambda: b"troupe_gateway_waiting 0" in self.get("/metrics").body, "the agent's answer to come")

    def test_signing_out_is_told_to_the_other_gateway(self):
        headers, first = self.session(), self.url
        other = self.session()
        self.serve("--name", "gateway-2", "--users", self.users, *self.arguments)
        second = self.url
        there = {**headers, "Origin": self.origin}
        ends, stays = (self.stream(there), self.socket(there)), self.socket({**other, "Origin": self.origin})
        self.good(self.get("/api/v1/topics"))  # what it has subscribed to has left before its answer to this comes back
        forged = {"ended": "00" * 32, "until": 1 << 50, "mark": "00" * 32}
        self.assertEqual(self.troupe("pub", "gateway.sessions", json.dumps(forged), "--connect", self.at.endpoint).code, 0)
        self.url = first
        self.good(self.post("/api/v1/logout", role=None, headers=headers))
        self.assertNotIn(b"data", ends[0].read())
        self.closed(ends[1])
        self.url = second
        self.problem(self.look(headers), 401, "no-token")
        self.good(self.look(other))
        self.troupe("pub", "news.a", '{"n": 1}', "--connect", self.at.endpoint)
        self.assertEqual(stays.next()["event"]["content"], {"n": 1})

    def test_streams_end_with_the_token(self):
        viewer, operator = ({"Authorization": "Bearer " + self.tokens[role]} for role in ("viewer", "operator"))
        ends, stays = (self.stream(viewer), self.socket(viewer)), self.socket(operator)
        tokens = pathlib.Path(self.directory, "tokens")
        kept = [line for line in tokens.read_text(encoding="utf-8").splitlines(keepends=True) if not line.startswith("viewer ")]
        beside = tokens.with_suffix(".new")
        beside.write_text("".join(kept), encoding="utf-8")
        beside.chmod(0o600)
        os.replace(beside, tokens)
        ends[0].read()
        self.closed(ends[1])
        self.troupe("pub", "news.a", '{"n": 1}', "--connect", self.at.endpoint)
        self.assertEqual(stays.next()["event"]["content"], {"n": 1})

    def test_sockets_of_foreign_pages(self):
        headers = self.session()
        for wrong in ({**headers, "Origin": "https://evil.example"}, self.without(headers, "Origin")):
            with self.assertRaises(socket_client.Refused) as raised:
                self.socket(wrong)
            self.assertEqual(raised.exception.status, 403)
        self.socket(self.without(headers, "X-CSRF-Token"))  # which a page cannot give

    def test_secrets_stay_where_they_are(self):
        headers = self.session()
        self.say(headers)
        self.sign_in("operator", PASSWORD + "x")
        value = headers["Cookie"].partition("=")[2]
        command = pathlib.Path(f"/proc/{self.gateway.pid}/cmdline").read_bytes()
        text = pathlib.Path(self.users).read_text(encoding="utf-8")
        for secret in (PASSWORD, value, headers["X-CSRF-Token"]):
            for place in (self.gateway.err, self.gateway.out, command.decode(), text):
                self.assertNotIn(secret, place)
        self.assertEqual(os.stat(self.users).st_mode & 0o777, 0o600)
        self.assertEqual(len(set(re.findall(r"\$argon2id\$\S+", text))), 3)

    def test_two_gateways_take_one_cookie(self):
        self.agent("echo")
        first = self.url
        headers = self.session()
        self.serve("--name", "gateway-2", "--users", self.users, *self.arguments)
        self.assertNotEqual(self.url, first)
        headers["Origin"] = self.origin
        self.good(self.say(headers))
        self.user("rm", "operator")
        harness.wait_until(lambda: self.look(headers).status == 401, "the session to end here")
        self.url = first
        harness.wait_until(lambda: self.look(headers).status == 401, "the session to end there")
        # Of another file, though of the same name, it is nobody's.
        self.users = self.directory + "/others"
        self.user("add", "operator")
        self.serve("--name", "gateway-3", "--users", self.users, *self.arguments)
        self.problem(self.look(headers), 401, "no-token")

    def test_a_file_that_is_wrong_changes_nothing(self):
        headers = self.session()
        pathlib.Path(self.users).write_text("nonsense", encoding="utf-8")
        self.gateway.wait_err("G020 users not read")
        self.good(self.look(headers))
        done = self.run_program("gateway", "--connect", self.at.endpoint, "--name", "other", "--users", self.users)
        self.assertEqual((done.code, "users:1: expected" in done.err), (3, True), done)
        done = self.run_program("gateway", "--connect", self.at.endpoint, "--name", "other", "--users", "nothing")
        self.assertEqual((done.code, "troupe user add" in done.err), (3, True), done)


class People(Login):
    """Two users, and an admin."""

    def setUp(self):
        super().setUp()
        for name in ("ann", "ben"):
            self.user("add", name, "--role", "operator")
        harness.wait_until(lambda: self.sign_in("ben").status == 200, "the users")
        self.ann, self.ben, self.admin = (self.session(name) for name in ("ann", "ben", "admin"))

    def by(self, headers, method, path, body=None):
        return self.ask(method, path, body, role=None, headers=headers)

    def refused(self, answer, other="ben"):
        detail = self.problem(answer, 403, "unauthorised")["detail"]
        self.assertIn("as himself alone", detail)
        self.assertIn(f'"{other}"', detail)


class Persons(People):
    """Each of them is himself alone; an admin and a program may speak for others."""

    def test_each_votes_as_himself(self):
        self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks").wait_err("C001 ready")
        asked = {"question": "Tea?", "options": ["yes", "no"], "voters": ["person:ann", "person:ben"], "within-ms": 60000}
        path = "/api/v1/decisions/" + self.good(self.by(self.ann, "POST", "/api/v1/decisions", asked), 201)["decision"]
        ballots = {name: {"voter": "person:" + name, "ballot": {"choice": "yes"}} for name in ("ann", "ben")}
        self.refused(self.by(self.ann, "POST", path + "/vote", ballots["ben"]))
        by_hand = {"receiver": "svc:decisions", "content": {"action": "vote", "decision": path.rpartition("/")[2], **ballots["ben"]}}
        self.refused(self.by(self.ann, "POST", "/api/v1/messages", by_hand))
        self.assertEqual(self.good(self.get(path))["state"], "voting")
        self.good(self.by(self.ann, "POST", path + "/vote", ballots["ann"]))
        self.assertEqual(self.good(self.get(path))["state"], "voting")  # one ballot is there, not two
        self.good(self.by(self.ben, "POST", path + "/vote", ballots["ben"]))
        harness.wait_until(lambda: self.good(self.get(path)).get("winner") == "yes", "the decision")

    def test_each_speaks_as_himself(self):
        self.agent("assistant", "assistant")
        for path, body in (("/api/v1/process_input", {"text": "hello"}), ("/v1/chat/completions", {"model": "assistant", "messages": [{"role": "user", "content": "hello"}]}),
                           ("/v1/responses", {"model": "assistant", "input": "hello"})):
            self.good(self.by(self.ann, "POST", path, body))
            self.good(self.by(self.ann, "POST", path, {**body, "user": "ann"}))
            answer = self.by(self.ann, "POST", path, {**body, "user": "ben"})
            self.assertEqual(answer.status, 403, answer)
            self.good(self.by(self.admin, "POST", path, {**body, "user": "ben"}))
            self.good(self.post(path, {**body, "user": "ben"}))  # a program's token
        for method in ("GET", "DELETE"):
            self.refused(self.by(self.ann, method, "/api/v1/sessions/assistant/ben"))
            for headers in (self.ben, self.admin):
                self.good(self.by(headers, "GET", "/api/v1/sessions/assistant/ben"))
        self.good(self.by(self.ann, "DELETE", "/api/v1/sessions/assistant/ann"))

    def test_nor_another_way(self):
        self.agent("echo", "echo", "--service", "say")
        turn = {"text": "hello", "user": "ben"}
        self.refused(self.by(self.ann, "POST", "/api/v1/messages", {"receiver": "echo", "content": turn}))
        self.good(self.by(self.ben, "POST", "/api/v1/messages", {"receiver": "echo", "content": turn}))
        for tasks in ({"skills": ["say"], "input": turn}, {"tasks": [{"skills": ["say"]}, {"skills": ["say"], "input": turn}]}):
            self.refused(self.by(self.ann, "POST", "/api/v1/tasks", tasks))
        self.refused(self.by(self.ann, "POST", "/api/v1/schedules/s", {"cron": "@daily", "task": {"skills": ["say"], "input": turn}}))

        def mcp(name, arguments):
            call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
            headers = {**self.ann, "MCP-Protocol-Version": "2025-06-18", "Accept": "application/json, text/event-stream"}
            return self.post("/mcp", call, role=None, headers=headers).json()
        self.assertIn("himself alone", mcp("service_say", {"content": turn})["error"]["message"])
        self.assertIn("himself alone", mcp("submit_task", {"skills": ["say"], "input": turn})["error"]["message"])
        self.assertIn("result", mcp("service_say", {"content": {**turn, "user": "ann"}}))

        def a2a(data):
            message = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"data": data}]}}
            return self.post("/a2a/echo/message:send", message, role=None, headers={**self.ann, "A2A-Version": "1.0"})
        self.assertEqual(a2a(turn).status, 403)
        self.good(a2a({**turn, "user": "ann"}))

    def test_a_context_of_a2a_is_nobodys_name(self):
        """The user of a conversation by A2A is made of two names: together they are no third one's."""
        self.agent("echo")
        message = {"message": {"messageId": "m", "contextId": "b", "role": "ROLE_USER", "parts": [{"text": "hello"}]}}
        task = self.good(self.post("/a2a/echo/message:send", message, role=None, headers={**self.ann, "A2A-Version": "1.0"}))["task"]
        self.assertIn({"text": "hello", "user": "ann b"}, [part.get("data") for artifact in task["artifacts"] for part in artifact["parts"]])

    def test_each_hears_his_own(self):
        feeds = []
        for headers, expected in ((self.ann, [0, 2]), (self.ben, [1, 2]), (self.admin, [0, 1, 2])):
            opened = socket_client.Socket(self.url.hostname, self.url.port, "/api/v1/ws?topics=dialogue.>,news.a", list(self.without(headers, "X-CSRF-Token").items()))
            self.addCleanup(opened.close)
            opened.next()
            feeds.append((opened, expected))
        self.good(self.get("/api/v1/topics"))
        for n, (topic, content) in enumerate((("dialogue.bot.ann", {"user": "ann"}), ("dialogue.bot.ben", {"user": "ben"}), ("news.a", {}))):
            self.good(self.post("/api/v1/topics/" + topic, {"content": {**content, "n": n}}), 202)
        for opened, expected in feeds:
            self.assertEqual([opened.next()["event"]["content"]["n"] for _ in expected], expected)


class Guesses(Login):
    def test_who_guesses_has_to_wait(self):
        for _ in range(5):
            self.problem(self.sign_in("operator", "wrong"), 401, "wrong-login")
        limited = self.sign_in("operator")  # the right one helps no more
        self.problem(limited, 429, "too-many-attempts")
        self.assertGreaterEqual(int(limited.headers["retry-after"]), 1)
        self.assertIn("G017 sign-in limited user=operator", self.gateway.err)
        self.good(self.sign_in("viewer"))  # the address has some left
        # Nobody's name is treated as somebody's is.
        for _ in range(4):
            self.problem(self.sign_in("nobody", "wrong"), 401, "wrong-login")
        self.problem(self.sign_in("nobody", "wrong"), 401, "wrong-login")
        self.problem(self.sign_in("viewer"), 429, "too-many-attempts")  # now it is the address
        self.assertIn('outcome="limited"} 2', self.get("/metrics").body.decode())
        harness.wait_until(lambda: self.sign_in("viewer").status == 200, "the time to be over")

    def test_many_at_once(self):
        """None of those who come while others are checked is free, the page is served meanwhile, and what is too much is told so."""
        body = json.dumps({"name": "nobody", "password": "wrong"})
        lines = [self.connection() for _ in range(30)]
        for line in lines:
            line.request("POST", "/api/v1/login", body, {"Content-Type": "application/json"})
        begun = time.monotonic()
        self.assertEqual(self.get("/healthz", role=None).status, 200)
        took = time.monotonic() - begun
        statuses = [line.getresponse().status for line in lines]
        self.assertLess(took, 20)
        self.assertEqual(statuses.count(401), 5, statuses)
        self.assertEqual(statuses.count(429), 25, statuses)


class Proxied(Login):
    arguments = ("--proxy", "127.0.0.1", "--public-url", "https://fleet.example", "--host", "fleet.example")

    def peer(self, **headers):
        told = self.gateway.err.count("G016")
        self.problem(self.sign_in("nobody", "wrong", **headers), 401, "wrong-login")
        return re.findall(r"G016 .* peer=(\S+)", self.gateway.err)[told]

    def test_whose_address_counts(self):
        self.assertEqual(self.peer(), "127.0.0.1")
        self.assertEqual(self.peer(**{"X-Forwarded-For": "192.0.2.7"}), "192.0.2.7")
        self.assertEqual(self.peer(**{"X-Forwarded-For": "192.0.2.1, 2001:db8::7 , 127.0.0.1"}), "2001:db8::7")
        self.assertEqual(self.peer(**{"X-Forwarded-For": "nonsense"}), "127.0.0.1")
        self.problem(self.get("/api/v1/agents", role=None), 401, "no-token")  # who comes through it is not on this machine
        done = self.run_program("gateway", "--connect", self.at.endpoint, "--name", "other", "--proxy", "localhost")
        self.assertEqual((done.code, "--proxy" in done.err), (3, True), done)

    def test_a_network_of_ipv6_is_one_that_guesses(self):
        def guess(n, address):
            return self.sign_in(f"nobody-{n}", "wrong", **{"X-Forwarded-For": address})
        for n in range(10):
            self.problem(guess(n, f"2001:db8:1:2::{n}"), 401, "wrong-login")
        self.problem(guess(10, "2001:db8:1:2:ffff::"), 429, "too-many-attempts")
        self.problem(guess(11, "2001:db8:1:3::"), 401, "wrong-login")  # a neighbour
        self.assertIn("peer=2001:db8:1:2:ffff::", self.gateway.err)  # the log has the whole address
        self.assertEqual(self.peer(**{"X-Forwarded-For": "::ffff:192.0.2.9"}), "192.0.2.9")

    def test_nobody_else_says_it(self):
        self.serve("--name", "gateway-2", "--users", self.users)
        self.assertEqual(self.peer(**{"X-Forwarded-For": "192.0.2.7"}), "127.0.0.1")

    def test_behind_tls_of_another_server(self):
        answer = self.sign_in(Host="fleet.example", Origin="https://fleet.example")
        self.good(answer)
        self.assertRegex(answer.headers["set-cookie"], r"^__Host-troupe-.*; Secure$")
        headers = {"Cookie": answer.headers["set-cookie"].partition(";")[0], "X-CSRF-Token": answer.json()["csrf"], "Host": "fleet.example"}
        self.problem(self.say({**headers, "Origin": "https://evil.example"}), 403, "foreign-origin")
        self.problem(self.say({**headers, "Origin": "https://fleet.example"}, "nobody"), 404, "not-found")


class Lifes(Login):
    arguments = ("--anonymous", "none", "--session-idle", "6s", "--session-life", "12s")

    def test_it_lives_while_it_is_used_and_no_longer(self):
        headers, unused = self.session(), self.session()
        opened = socket_client.Socket(self.url.hostname, self.url.port, "/api/v1/ws?topics=news.*", list(headers.items()), timeout=harness.PATIENCE)
        self.addCleanup(opened.close)
        begun, sealed = time.monotonic(), 0

        def over():
            nonlocal sealed
            answer = self.look(headers)
            if "set-cookie" in answer.headers:
                headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
                sealed += 1
            return answer.status == 401
        harness.wait_until(over, "the session to be over")
        self.assertGreater(time.monotonic() - begun, 10)
        self.assertGreater(sealed, 3)
        self.problem(self.look(unused), 401, "no-token")
        with self.assertRaises(socket_client.Closed):
            while True:
                opened.next()


class Secure(Login):
    def setUp(self):
        harness.SystemTest.setUp(self)
        self.users = self.directory + "/users"
        self.user("add", "operator", "--role", "operator")
        cert, key = self.directory + "/cert.pem", self.directory + "/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        self.cert = cert
        self.begin("--users", self.users, "--tls-cert", cert, "--tls-key", key, "--anonymous", "none")
        self.agent("echo")

    def curl(self, version, path, *arguments, body=None):
        command = ["curl", "-sS", "-m", "60", version, "--cacert", self.cert, "-c", self.directory + "/jar", "-b", self.directory + "/jar", "-w", "\n%{http_code}",
                   "-H", f"Origin: https://localhost:{self.url.port}", *arguments, f"https://localhost:{self.url.port}{path}"]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
        done = subprocess.run(command, input=json.dumps(body) if body is not None else None, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done)
        text, _, status = done.stdout.rpartition("\n")
        return int(status), text

    def test_over_tls(self):
        """Also by HTTP/2, where the token is in Authorization."""
        for version in ("--http1.1", "--http2"):
            status, text = self.curl(version, "/api/v1/login", "-i", body={"name": "operator", "password": PASSWORD})
            self.assertEqual(status, 200, text)
            self.assertRegex(text, r"(?i)set-cookie: __Host-troupe-[0-9a-f]{12}=[\w-]+; Path=/; Max-Age=1800; HttpOnly; SameSite=Strict; Secure\n")
            csrf = json.loads(text.rpartition("\n\n")[2])["csrf"]
            message = {"receiver": "echo", "content": "hello"}
            self.assertEqual(self.curl(version, "/api/v1/messages", body=message)[0], 403)
            self.assertEqual(self.curl(version, "/api/v1/messages", "-H", "Authorization: CSRF " + csrf, body=message)[0], 200)
            self.assertEqual(self.curl(version, "/api/v1/logout", "-H", "Authorization: CSRF " + csrf, "-X", "POST", "-H", "Content-Length: 0")[0], 200)
            self.assertEqual(self.curl(version, "/api/v1/agents")[0], 401)


class Without(web.GatewayTest):
    def test_without_users_nobody_signs_in(self):
        self.begin()
        self.assertEqual(self.good(self.get("/api/v1/login", role=None)), {"users": False, "you": {"name": "", "role": "viewer", "by": "nobody"}})
        problem = self.problem(self.post("/api/v1/login", {"name": "ann", "password": PASSWORD}, role=None), 501, "unsupported-function")
        self.assertIn("--users", problem["detail"])
        self.good(self.post("/api/v1/logout", role=None))


class Verbs(harness.SystemTest):
    def user(self, *arguments, **more):
        return self.troupe("user", *arguments, "--users", "users", **more)

    def test_the_command(self):
        self.assertEqual(self.user("add", "ann", "--role", "admin", "--password-stdin", text=PASSWORD).code, 0)
        self.assertEqual(self.user("add", "bob", "--password-stdin", text=PASSWORD + "\r\n").code, 0)
        self.assertEqual([(row["name"], row["role"]) for row in self.user("ls", "-o", "json").json()], [("ann", "admin"), ("bob", "viewer")])
        self.assertEqual(self.user("role", "bob", "operator").code, 0)
        self.assertEqual(self.user("ls", "-o", "name").out, "ann\nbob\n")
        self.assertIn("operator", self.user("ls").out)
        self.assertEqual(self.user("rm", "ann").code, 0)
        self.assertEqual(self.user("ls", "-o", "name").out, "bob\n")
        for arguments, text, code, said in ((("add", "bob", "--password-stdin"), PASSWORD, 3, "is there already"), (("rm", "ann"), None, 3, "troupe user ls"),
                                            (("role", "bob", "king"), None, 1, "viewer"), (("add", "a b", "--password-stdin"), PASSWORD, 3, "is no name"),
                                            (("add", "carl", "--password-stdin"), "short\n", 3, "8 to 1024"), (("add", "carl", "--password-stdin"), "", 3, "no password"),
                                            (("add", "carl", "--password-stdin"), "x" * 3000, 3, "more than"), (("passwd", "carl", "--password-stdin"), PASSWORD, 3, "no user")):
            done = self.user(*arguments, text=text)
            self.assertEqual((done.code, said in done.err), (code, True), done)
        self.assertEqual(self.troupe("user", "ls").code, 1)

    def test_a_password_of_a_person_is_not_seen(self):
        for keys, again, code, said in (("secret wo\x7f\x7fword\r", "secret word\r", 0, ""), ("secret word\r", "another word\r", 3, "not the same"), ("secret\x03", None, 3, "nothing was changed")):
            terminal = harness.Terminal(self, "troupe", "user", "passwd" if code else "add", "ann", "--users", "users", env={}, on=("stdin", "stdout", "stderr"))
            terminal.wait("New password of ann: ")
            terminal.press(keys)
            if again:
                terminal.wait("The same again of ann: ")
                terminal.press(again)
            done = terminal.child.wait()
            self.assertEqual(done.code, code, terminal.read())
            self.assertIn(said, terminal.read())
            self.assertNotIn("word", terminal.text.replace("password", "").replace("passwords", ""))
            self.assertEqual(terminal.mode(), terminal.before)


if __name__ == "__main__":
    harness.main()
