"""A small OpenID provider for tests, over HTTP or TLS: authorization code flow with PKCE, keys of RSA as `openssl` makes them, and what it says wrong on demand."""
import base64
import hashlib
import hmac
import html
import http.server
import json
import pathlib
import secrets
import ssl
import subprocess
import threading
import time
import urllib.parse

CLIENT = "troupe page"
SECRET = "a secret: with/odd+signs & spaces"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    def __init__(self, directory, kid):
        self.kid, self.path = kid, pathlib.Path(directory, f"provider-{secrets.token_hex(4)}.pem")
        subprocess.run(["openssl", "genrsa", "-out", self.path, "2048"], check=True, capture_output=True)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.path, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
        self.modulus = bytes.fromhex(modulus.strip().partition("=")[2])

    def public(self):
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": b64(self.modulus), "e": "AQAB"}

    def pem(self):
        return subprocess.run(["openssl", "rsa", "-in", self.path, "-pubout"], check=True, capture_output=True).stdout

    def sign(self, text):
        return subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.path], input=text, check=True, capture_output=True).stdout


class Provider:
    """What tests change: claims (None: left out), header, signer ("none", "hmac" or a Key), keys, description, away, asks_first (a page with a button), denies,
    hangs (the last parts of paths whose questions are taken, and never answered)."""

    def __init__(self, directory, tls=None):
        self.directory = directory
        self.key = Key(directory, "first")
        self.keys, self.signer = [self.key], self.key
        self.claims, self.header, self.description, self.codes = {}, {}, {}, {}
        self.client, self.secret, self.ways = CLIENT, SECRET, ("basic",)
        self.away = self.asks_first = self.denies = False
        self.hangs, self.over = set(), threading.Event()
        self.seen = []  # paths that were asked for
        self.token_requests = []
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                provider.answer(self, "")

            def do_POST(self):
                provider.answer(self, self.rfile.read(int(self.headers["Content-Length"])).decode())

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.issuer = f"{'https' if tls else 'http'}://localhost:{self.server.server_address[1]}/realm"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    # ---- HTTP ----

    def answer(self, handler, body):
        url = urllib.parse.urlsplit(handler.path)
        fields = dict(urllib.parse.parse_qsl(url.query if not body else body, keep_blank_values=True))
        self.seen.append(url.path)
        if url.path.rpartition("/")[2] in self.hangs:
            self.over.wait()
            return
        what = {"/realm/.well-known/openid-configuration": self.describe, "/realm/authorize": self.authorize, "/realm/token": self.token,
                "/realm/keys": lambda *_: {"keys": [key.public() for key in self.keys]}, "/realm/end": self.end}.get(url.path)
        status, answer = (503, "away") if self.away else (404, "nothing") if not what else (200, what(handler, fields))
        if isinstance(answer, tuple):
            status, answer = answer
        text = json.dumps(answer).encode() if isinstance(answer, dict) else str(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json" if isinstance(answer, dict) else "text/html")
        handler.send_header("Content-Length", str(len(text)))
        if status == 302:
            handler.send_header("Location", str(answer))
        handler.end_headers()
        handler.wfile.write(text)

    def describe(self, *_):
        return {"issuer": self.issuer, "authorization_endpoint": self.issuer + "/authorize", "token_endpoint": self.issuer + "/token",
                "jwks_uri": self.issuer + "/keys", "end_session_endpoint": self.issuer + "/end", **self.description}

    # ---- a sign-in ----

    def authorize(self, _, asked):
        """RFC 6749, 4.1.1; OpenID Connect Core 1.0, 3.1.2.1."""
        redirect = asked["redirect_uri"]
        assert asked["response_type"] == "code" and asked["client_id"] == self.client and "openid" in asked["scope"].split(), asked
        assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43 and asked["state"] and asked["nonce"], asked
        code = secrets.token_urlsafe(24) + "/+"
        self.codes[code] = asked
        back = {"error": "access_denied"} if self.denies else {"code": code, "session_state": "whatever", "iss": self.issuer}
        place = redirect + "?" + urllib.parse.urlencode({**back, "state": asked["state"]})
        if self.asks_first:
            return f"<!doctype html><title>Provider</title><h1>Provider</h1><a id=go href='{html.escape(place)}'>It is me</a>"
        return 302, place

    def token(self, handler, asked):
        """RFC 6749, 4.1.3; RFC 7636, 4.6."""
        self.token_requests.append({**asked, "Authorization": handler.headers.get("Authorization")})
        if not self.client_right(handler, asked):
            return 401, {"error": "invalid_client"}
        first = self.codes.pop(asked.get("code"), None)
        if not first or asked["grant_type"] != "authorization_code" or asked["redirect_uri"] != first["redirect_uri"] or \
                b64(hashlib.sha256(asked["code_verifier"].encode()).digest()) != first["code_challenge"]:
            return 400, {"error": "invalid_grant", "error_description": "used, or of another"}
        return {"access_token": "opaque", "token_type": "Bearer", "expires_in": 60, "id_token": self.identity(first["nonce"])}

    def client_right(self, handler, asked):
        given = handler.headers.get("Authorization", "")
        basic = base64.b64decode(given.partition(" ")[2]).decode().split(":") if given.startswith("Basic ") else None
        if basic:
            return "basic" in self.ways and [urllib.parse.unquote(part) for part in basic] == [self.client, self.secret]
        if "client_secret" in asked:
            return "post" in self.ways and (asked["client_id"], asked["client_secret"]) == (self.client, self.secret)
        return "none" in self.ways and asked.get("client_id") == self.client

    def identity(self, nonce):
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client, "sub": "1234-ann", "iat": now, "exp": now + 300, "nonce": nonce,
                  "preferred_username": "Ann", "roles": ["operator"], **self.claims}
        header = {"alg": {"none": "none", "hmac": "HS256"}.get(self.signer, "RS256"), "typ": "JWT", "kid": self.keys[-1].kid, **self.header}
        signed = b64(json.dumps(header).encode()) + "." + b64(json.dumps({name: value for name, value in claims.items() if value is not None}).encode())
        if self.signer == "none":
            return signed + "."
        if self.signer == "hmac":  # the public key taken for a secret
            return signed + "." + b64(hmac.new(self.key.pem(), signed.encode(), hashlib.sha256).digest())
        return signed + "." + b64(self.signer.sign(signed.encode()))

    def end(self, _, asked):
        assert asked["client_id"] == self.client, asked
        return 302, asked["post_logout_redirect_uri"]
