#!/usr/bin/env python3
"""People who sign in at an OpenID provider: the authorization code flow with PKCE at a provider of the test's own, what is no identity, answers that are forged,
sessions over two gateways, and their end."""
import concurrent.futures
import os
import pathlib
import subprocess
import time
import urllib.parse

import provider
import web
from web import harness


class SignIn(web.GatewayTest):
    arguments = ()

    def setUp(self):
        super().setUp()
        self.provider = self.new_provider()
        self.secret = self.directory + "/secret"
        self.write_secret(provider.SECRET)
        self.begin(*self.options(), *self.arguments)

    def new_provider(self):
        made = provider.Provider(self.directory)
        self.addCleanup(made.close)
        return made

    def write_secret(self, text):
        pathlib.Path(self.secret).touch(0o600)
        pathlib.Path(self.secret).write_text(text + "\n", encoding="utf-8")

    def options(self):
        return ("--anonymous", "none", "--oidc-issuer", self.provider.issuer, "--oidc-client", provider.CLIENT, "--oidc-secret", self.secret, "--oidc-name", "Example")

    @property
    def origin(self):
        return f"{self.url.scheme}://{self.url.netloc}"

    def visit(self, path, cookie=None):
        """What a browser does when it is sent somewhere."""
        return self.get(path, role=None, headers={"Cookie": cookie} if cookie else {})

    def jar(self, answer):
        """Cookies that were set, and not taken away."""
        pairs = (cookie.partition(";")[0] for cookie in answer.cookies)
        return [pair for pair in pairs if not pair.endswith("=")]

    def go(self):
        """To the provider: where, and the cookie for the way back."""
        answer = self.visit("/api/v1/login/provider")
        self.assertEqual(answer.status, 303, answer)
        [cookie] = self.jar(answer)
        return answer.headers["location"], cookie

    def at_provider(self, place):
        """A browser that is led back from there: the path to the gateway."""
        import http.client
        url = urllib.parse.urlsplit(place)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=harness.PATIENCE)
        connection.request("GET", url.path + "?" + url.query)
        response = connection.getresponse()
        response.read()
        connection.close()
        self.assertEqual(response.status, 302)
        back = urllib.parse.urlsplit(response.getheader("Location"))
        self.assertEqual((back.netloc, back.path), (self.url.netloc, "/api/v1/login/callback"))
        return back.path + "?" + back.query

    def back(self, path, cookie):
        answer = self.visit(path, cookie)
        self.assertEqual((answer.status, answer.body), (303, b""), answer)
        return answer

    def sign_in(self):
        """The session's cookie."""
        place, cookie = self.go()
        answer = self.back(self.at_provider(place), cookie)
        self.assertEqual(answer.headers["location"], "/#sign-in/done", self.gateway.err)
        [session] = self.jar(answer)
        return session

    def again(self, *more):
        """The gateway anew, which has forgotten how often somebody was wrong."""
        self.gateway.stop()
        self.serve(*self.options(), *more)

    def refused(self, reason, path=None, cookie=None):
        place, own = self.go()
        answer = self.back(path or self.at_provider(place), cookie or own)
        self.assertEqual((answer.headers["location"], self.jar(answer)), ("/#sign-in/" + reason, []), self.gateway.err)

    def who(self, cookie):
        return self.good(self.visit("/api/v1/login", cookie))

    def page(self, cookie):
        """Headers of the page that has signed in."""
        return {"Cookie": cookie, "X-CSRF-Token": self.who(cookie)["csrf"], "Origin": self.origin}


class People(SignIn):
    def test_who_signs_in(self):
        self.agent("echo")
        self.assertEqual(self.who(None), {"users": False, "provider": "Example", "you": {"name": "", "role": "anybody", "by": "nobody"}})
        answer = self.visit("/api/v1/login/provider")
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.headers["location"]).query))
        self.assertEqual({name: asked[name] for name in ("response_type", "client_id", "scope", "redirect_uri", "code_challenge_method")},
                         {"response_type": "code", "client_id": provider.CLIENT, "scope": "openid profile email",
                          "redirect_uri": self.origin + "/api/v1/login/callback", "code_challenge_method": "S256"})
        self.assertRegex(answer.cookies[0], r"^troupe-[0-9a-f]{12}-at=[\w-]+; Path=/; Max-Age=600; HttpOnly; SameSite=Lax$")
        answer = self.back(self.at_provider(answer.headers["location"]), self.jar(answer)[0])
        self.assertEqual((answer.headers["location"], answer.headers["cache-control"], answer.headers["referrer-policy"]), ("/#sign-in/done", "no-store", "no-referrer"))
        self.assertRegex(answer.cookies[0], r"^troupe-[0-9a-f]{12}=[\w-]+; Path=/; Max-Age=1800; HttpOnly; SameSite=Strict$")
        self.assertRegex(answer.cookies[1], r"^troupe-[0-9a-f]{12}-at=; Path=/; Max-Age=0; ")
        [session] = self.jar(answer)
        self.assertEqual(self.who(session)["you"], {"name": "oidc:1234-ann", "role": "operator", "by": "session", "label": "Ann"})
        said = self.post("/api/v1/messages", {"receiver": "echo", "content": "hello"}, role=None, headers=self.page(session))
        self.assertEqual(self.good(said)["content"], "hello")
        self.problem(self.post("/api/v1/messages", {"receiver": "echo"}, role=None, headers={"Cookie": session, "Origin": self.origin}), 403, "csrf-token")
        self.assertIn("G015 signed in user=oidc:1234-ann role=operator peer=127.0.0.1", self.gateway.err)
        self.assertIn("G021 change by a user who=oidc:1234-ann", self.gateway.err)
        [request] = self.provider.token_requests
        for secret in (provider.SECRET, request["code"], request["code_verifier"], asked["state"], session.partition("=")[2]):
            self.assertNotIn(secret, self.gateway.err)

    def test_each_sign_in_is_another(self):
        places = [dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.go()[0]).query)) for _ in range(2)]
        for name in ("state", "nonce", "code_challenge"):
            self.assertNotEqual(places[0][name], places[1][name])

    def test_as_himself(self):
        self.agent("assistant", "assistant")
        headers = self.page(self.sign_in())
        turn = self.post("/api/v1/process_input", {"text": "hello"}, role=None, headers=headers)
        self.assertEqual(self.good(turn)["user"], "oidc:1234-ann")
        self.problem(self.post("/api/v1/process_input", {"text": "hello", "user": "ben"}, role=None, headers=headers), 403, "unauthorised")

    def test_what_is_no_identity(self):
        other = provider.Key(self.directory, "first")
        for signer in ("none", "hmac", other):
            self.provider.signer = signer
            self.refused("sign-in-failed")
        self.provider.signer = self.provider.key
        for header in ({"kid": "unknown"}, {"alg": "RS512"}, {"crit": ["exp"]}, {"alg": "none"}):
            self.provider.header = header
            self.refused("sign-in-failed")
        self.provider.header = {}
        self.again()
        for claims in ({"iss": "https://other.example"}, {"aud": "other"}, {"aud": [provider.CLIENT, "other"]}, {"azp": "other"}, {"exp": 1000000}, {"exp": None},
                       {"nonce": "another"}, {"nonce": None}, {"sub": None}, {"iat": None}):
            self.provider.claims = claims
            self.refused("sign-in-failed")
        self.assertRegex(self.gateway.err, r'G024 sign-in at the provider failed peer=127.0.0.1 reason=sign-in-failed error="the identity: it is for another audience"')
        self.again()
        for claims in ({"roles": ["root"]}, {"roles": None}):
            self.provider.claims = claims
            self.refused("no-role")
        self.provider.claims = {"aud": [provider.CLIENT, "other"], "azp": provider.CLIENT}
        self.sign_in()

    def arguments_of(self, path):
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))

    def test_answers_that_are_forged(self):
        place, cookie = self.go()
        path = self.at_provider(place)
        good = self.arguments_of(path)
        other, others = self.go()

        def changed(**more):
            return "/api/v1/login/callback?" + urllib.parse.urlencode({name: value for name, value in {**good, **more}.items() if value is not None})

        for wrong, with_cookie, reason in (
                (path, "a=b", "sign-in-over"), (path, others, "sign-in-over"), (path, cookie[:-2] + "AA", "sign-in-over"), (changed(state=None), cookie, "sign-in-over"),
                (changed(state="x"), cookie, "sign-in-over"), (changed(code=None), cookie, "sign-in-failed"), (changed(code="x" * 1500), cookie, "sign-in-failed"),
                (changed(iss="https://other.example"), cookie, "sign-in-failed"), (changed(code=None, error="access_denied"), cookie, "sign-in-denied"),
                (changed(code=None, error="server_error"), cookie, "sign-in-failed")):
            self.refused(reason, wrong, with_cookie)
        answer = self.back(self.at_provider(other), others)
        self.assertEqual(answer.headers["location"], "/#sign-in/done")
        [session] = self.jar(answer)
        self.refused("sign-in-over", path, cookie.partition("=")[0] + "=" + session.partition("=")[2])  # one seal is not taken for another
        self.assertEqual(self.who(cookie.replace("-at=", "="))["you"]["by"], "nobody")
        self.assertEqual(self.back(path, cookie).headers["location"], "/#sign-in/done")
        self.refused("sign-in-failed", path, cookie)  # a code counts once

    def test_an_issuer_that_is_not_said(self):
        self.provider.description = {"authorization_response_iss_parameter_supported": True}
        self.again()
        place, cookie = self.go()
        self.refused("sign-in-failed", self.at_provider(place).replace("&iss=", "&other="), cookie)
        self.sign_in()

    def test_a_code_that_was_caught(self):
        """Whoever has the code, and not the cookie of the browser that began, has nothing: the verifier is in it."""
        victim, _ = self.go()
        code = self.arguments_of(self.at_provider(victim))["code"]
        place, cookie = self.go()
        own = self.arguments_of(self.at_provider(place))
        self.refused("sign-in-failed", "/api/v1/login/callback?" + urllib.parse.urlencode({**own, "code": code}), cookie)

    def test_guessing_has_to_wait(self):
        ends = []
        while len(ends) < 20 and "/#sign-in/too-many-attempts" not in ends:  # the longer each has to wait, the surer it comes too soon
            place, cookie = self.go()
            ends.append(self.back(self.at_provider(place).replace("code=", "code=x"), cookie).headers["location"])
        self.assertEqual(set(ends[:10]), {"/#sign-in/sign-in-failed"})
        self.assertEqual(ends[-1], "/#sign-in/too-many-attempts")
        self.assertEqual(len(self.provider.token_requests), len(ends) - 1)

    def test_nobody_fills_the_log(self):
        line = self.connection()
        for _ in range(200):
            self.assertEqual(self.get("/api/v1/login/callback?state=x&code=y", role=None, connection=line).headers["location"], "/#sign-in/sign-in-over")
        self.assertTrue(10 <= self.gateway.err.count("G024") < 190)
        self.assertEqual(self.provider.token_requests, [])

    def test_keys_that_change(self):
        self.sign_in()
        new = provider.Key(self.directory, "second")
        self.provider.keys, self.provider.signer = [new], new
        self.sign_in()
        self.assertEqual(self.provider.seen.count("/realm/.well-known/openid-configuration"), 1)
        self.assertEqual(self.provider.seen.count("/realm/keys"), 2)

    def test_signing_out(self):
        session = self.sign_in()
        headers = self.page(session)
        answer = self.post("/api/v1/logout", role=None, headers=headers)
        end = urllib.parse.urlsplit(self.good(answer)["end"])
        self.assertEqual(f"{end.scheme}://{end.netloc}{end.path}", self.provider.issuer + "/end")
        self.assertEqual(dict(urllib.parse.parse_qsl(end.query)), {"client_id": provider.CLIENT, "post_logout_redirect_uri": self.origin + "/"})
        self.assertEqual(self.jar(answer), [])
        self.assertEqual(self.who(session)["you"]["by"], "nobody")  # a copy of the cookie
        self.problem(self.get("/api/v1/agents", role=None, headers={"Cookie": session}), 401, "no-token")
        self.assertIn("G018 signed out user=oidc:1234-ann", self.gateway.err)

    def test_another_gateway_of_the_same_secret(self):
        first = self.url
        place, cookie = self.go()
        path, session = self.at_provider(place), self.sign_in()
        self.serve("--name", "second", *self.options(), "--public-url", f"http://{first.netloc}")
        self.assertEqual(self.who(session)["you"]["name"], "oidc:1234-ann")
        self.assertEqual(self.back(path, cookie).headers["location"], "/#sign-in/done")

    def test_other_secrets_and_roles_end_sessions(self):
        session = self.sign_in()
        self.again("--oidc-role", "operator=viewer")
        self.assertEqual(self.who(session)["you"]["by"], "nobody")
        self.assertEqual(self.who(self.sign_in())["you"]["role"], "viewer")
        self.again()
        self.assertEqual(self.who(session)["you"]["by"], "session")
        self.gateway.stop()
        self.provider.secret = "another secret, and long enough"
        self.write_secret(self.provider.secret)
        self.serve(*self.options())
        self.assertEqual(self.who(session)["you"]["by"], "nobody")
        self.sign_in()

    def test_roles_of_the_claim(self):
        self.again("--oidc-claim", "groups", "--oidc-role", "Fleet=Admins=admin", "--oidc-role", "fleet=operator", "--oidc-role", "*=viewer")
        for groups, role in (("Fleet=Admins", "admin"), (["fleet", "other"], "operator"), (["fleet", "Fleet=Admins"], "admin"), (["admin"], "viewer"), (None, "viewer")):
            self.provider.claims = {"groups": groups}
            self.assertEqual(self.who(self.sign_in())["you"]["role"], role)

    def test_a_role_is_asked_for_again(self):
        """What the provider has said counts for a time, however much is asked; users with passwords are not its own."""
        users = self.users()
        self.again("--oidc-life", "3s", "--users", users)
        answer = self.post("/api/v1/login", {"name": "ben", "password": "correct horse battery"}, role=None, headers={"Origin": self.origin})
        [ben] = self.jar(answer)
        session = self.sign_in()
        feed = self.connection()
        feed.request("GET", "/api/v1/events?topics=news", headers={"Cookie": session})
        response = feed.getresponse()
        self.assertEqual(response.status, 200)
        self.provider.claims = {"roles": ["viewer"]}
        self.assertEqual(self.who(session)["you"]["role"], "operator")
        harness.wait_until(lambda: self.who(session)["you"]["by"] == "nobody", "its end")
        response.read()  # which ends, too
        self.assertEqual(self.who(ben)["you"]["name"], "ben")
        self.assertEqual(self.who(self.sign_in())["you"]["role"], "viewer")
        self.gateway.stop()
        self.serve(*self.options(), "--session-life", "3s")  # the shorter one counts
        session = self.sign_in()
        harness.wait_until(lambda: self.who(session)["you"]["by"] == "nobody", "its end")

    def test_a_provider_that_is_away(self):
        self.provider.away = True
        self.again()
        answer = self.visit("/api/v1/login/provider")
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/#sign-in/provider-away"))
        self.good(self.get("/api/v1/agents"))  # all else works
        self.provider.away = False
        place, cookie = self.go()
        path = self.at_provider(place)
        self.provider.away = True
        self.assertEqual(self.back(path, cookie).headers["location"], "/#sign-in/provider-away")
        self.provider.away = False
        self.sign_in()
        self.assertRegex(self.gateway.err, r'G024 .* reason=provider-away error="http://localhost:\d+/realm/.well-known/openid-configuration: HTTP 503"')

    def count(self, part):
        return sum(path.endswith(part) for path in self.provider.seen)

    def test_it_is_asked_again_by_itself(self):
        """Before somebody needs it: a new key, and another place."""
        self.again("--oidc-refresh", "1s")
        key = provider.Key(self.directory, "second")
        self.provider.keys, self.provider.signer, self.provider.description = [key], key, {"end_session_endpoint": None}
        for part in ("openid-configuration", "keys"):
            before = self.count(part)
            harness.wait_until(lambda part=part, before=before: self.count(part) >= before + 2, f"that {part} is asked for again")
        headers, before = self.page(self.sign_in()), self.count("keys")
        self.assertNotIn("end", self.good(self.post("/api/v1/logout", role=None, headers=headers)))
        self.assertEqual(before, self.count("keys"))  # that key was known

    def test_one_that_was_heard_and_hangs(self):
        """What is known of it will do: nobody waits."""
        self.again("--oidc-refresh", "1s")
        self.sign_in()
        self.provider.hangs = {"openid-configuration", "keys"}
        asked = self.count("openid-configuration")
        harness.wait_until(lambda: self.count("openid-configuration") > asked, "that it is asked again")
        began = time.monotonic()
        for _ in range(20):
            self.go()
        self.assertLess(time.monotonic() - began, 4)
        self.gateway.wait_err("G026 provider silent")
        self.sign_in()  # by the keys that were known
        self.assertEqual(self.gateway.err.count("G026"), 1)

    def test_one_that_was_never_heard_and_hangs(self):
        """The question that it asks by itself is waited for, by all who ask meanwhile; who asks then knows at once."""
        harness.wait_until(lambda: self.count("openid-configuration") == 1, "that the first gateway has asked")
        self.provider.hangs, asked = {"openid-configuration"}, 1
        self.again()
        harness.wait_until(lambda: self.count("openid-configuration") > asked, "that it is asked")

        def ask(_):
            began = time.monotonic()
            self.assertEqual(self.visit("/api/v1/login/provider").headers["location"], "/#sign-in/provider-away")
            return time.monotonic() - began
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertLess(max(pool.map(ask, range(8))), 19)  # what is asked by itself: not eight more
        self.assertLess(max(map(ask, range(5))), 2)
        self.assertEqual(self.count("openid-configuration"), asked + 1)
        self.provider.hangs = set()
        harness.wait_until(lambda: self.visit("/api/v1/login/provider").headers["location"].startswith(self.provider.issuer), "that it is asked again")
        self.sign_in()

    def test_codes_that_nobody_takes(self):
        """One that hangs when it is given one: those that wait behind are told the same, and do not wait for as long each."""
        ways = []
        for _ in range(4):
            place, cookie = self.go()
            ways.append((self.at_provider(place), cookie))
        self.provider.hangs = {"token"}
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for answer in pool.map(lambda way: self.back(*way), ways):
                self.assertEqual(answer.headers["location"], "/#sign-in/provider-away")
        self.assertLess(time.monotonic() - began, 19)
        self.assertEqual(self.count("token"), 1)

    def test_a_description_that_is_wrong(self):
        for wrong in ({"issuer": "https://other.example"}, {"token_endpoint": "http://other.example/token"}, {"jwks_uri": None}):
            self.provider.description = wrong
            self.again()
            self.assertEqual(self.visit("/api/v1/login/provider").headers["location"], "/#sign-in/provider-away")

    def test_secrets_in_the_body(self):
        self.provider.ways = ("post",)
        self.refused("sign-in-failed")
        self.provider.description = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        self.again()
        self.sign_in()

    def users(self):
        path = self.directory + "/users"
        self.assertEqual(self.troupe("user", "add", "ben", "--role", "viewer", "--users", path, "--password-stdin", text="correct horse battery\n").code, 0)
        return path

    def test_beside_users_and_without_a_secret(self):
        """A public client has PKCE alone; the key of sessions is that of the users' file."""
        self.provider.ways = ("none",)
        self.gateway.stop()
        self.serve("--anonymous", "none", "--oidc-issuer", self.provider.issuer, "--oidc-client", provider.CLIENT, "--users", self.users())
        self.assertEqual(self.who(self.sign_in())["you"]["name"], "oidc:1234-ann")
        self.assertEqual(self.provider.token_requests[-1]["Authorization"], None)
        answer = self.post("/api/v1/login", {"name": "ben", "password": "correct horse battery"}, role=None, headers={"Origin": self.origin})
        self.assertEqual(self.good(answer)["you"]["name"], "ben")
        self.assertNotIn("end", self.good(self.post("/api/v1/logout", role=None, headers=self.page(self.jar(answer)[0]))))

    def test_without_a_provider(self):
        self.gateway.stop()
        self.serve()
        for path in ("provider", "callback"):
            self.problem(self.visit("/api/v1/login/" + path), 501, "unsupported-function")
        self.assertNotIn("provider", self.who(None))

    def test_options_go_together(self):
        short = self.directory + "/short"
        pathlib.Path(short).touch(0o600)
        pathlib.Path(short).write_text("short", encoding="utf-8")
        issuer = ("--oidc-issuer", self.provider.issuer)
        for options, said in (
                (("--oidc-client", "a"), "--oidc-issuer"), (issuer, "--oidc-client"), ((*issuer, "--oidc-client", "a"), "--users"),
                ((*issuer, "--oidc-client", "a", "--oidc-secret", short), "less than 16 bytes"),
                (("--oidc-issuer", "http://id.example", "--oidc-client", "a", "--oidc-secret", self.secret), "expected https://NAME"),
                ((*issuer, "--oidc-client", "a", "--oidc-secret", self.secret, "--oidc-role", "a=root"), "VALUE=ROLE"),
                ((*issuer, "--oidc-client", "a", "--oidc-secret", self.directory + "/none"), "--oidc-secret")):
            done = self.run_program("gateway", "--connect", self.at.endpoint, "--name", "other", *options)
            self.assertEqual(done.code, 3, done)
            self.assertIn(said, done.err)
        os.chmod(self.secret, 0o644)
        done = self.run_program("gateway", "--connect", self.at.endpoint, "--name", "other", *self.options())
        self.assertEqual(done.code, 3, done)
        self.assertIn("chmod 600", done.err)


class OverTls(SignIn):
    """Its certificate is known by --oidc-ca alone."""

    def new_provider(self):
        self.chain, key = self.directory + "/provider.pem", self.directory + "/provider-key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", self.chain, "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        made = provider.Provider(self.directory, (self.chain, key))
        self.addCleanup(made.close)
        return made

    def test_whom_it_trusts(self):
        self.assertEqual(self.visit("/api/v1/login/provider").headers["location"], "/#sign-in/provider-away")
        self.again("--oidc-ca", self.chain)
        place, _ = self.go()
        self.assertTrue(place.startswith(self.provider.issuer + "/authorize?"))


if __name__ == "__main__":
    harness.main()
