#!/usr/bin/env python3
"""A server of the Model Context Protocol that does as it is told, also badly.

Usage: mcp_server.py [--speaks stateful|modern|both] [--bad MODE] [--log FILE] [--http PORT-FILE]

Its tools: echo {text}, env {name}, fail {}, and what MODE makes of a call of `bad`: die, garbage, hang, huge, deep, wrong, input, exit-at-open,
silent-at-open, slow-at-open (two seconds, the first time it is asked what it speaks), forget (HTTP: the session, at the first echo), forget-by-400 (likewise, and says so as many do),
refuse (HTTP: `bad`, as if it had forgotten the session), refuse-one (likewise, but `fail` hangs), pings (HTTP: 500 beside the result of `bad`, and hears no answer), linger (HTTP: what answers echo, or is told of, is not ended; `bad` hangs),
odd (`bad` is answered as its argument `as` says: nul, half, twice, number, none; wait: not before the next one is),
large (the result of `bad`), long (the description of `bad` is one that is cut), escapes (`echo`, as PHP writes JSON),
many (resources in pages, and a template of some), destructive (`bad` is said to be), schemas (that of `bad` cannot be checked, that of `fail` not all, and that of `env` has a pattern). With --http it writes its port to the file.
"""
import argparse
import http.server
import json
import os
import socketserver
import sys
import threading
import time

STATEFUL, MODERN = "2025-06-18", "2026-07-28"
META = "io.modelcontextprotocol/"
SCHEMA = {"type": "object", "properties": {"text": {"type": "string", "x-mcp-header": "Text"}}, "required": ["text"]}
TOOLS = [
    {"name": "echo", "description": "Says it again.", "inputSchema": SCHEMA},
    {"name": "env", "description": "A variable.", "inputSchema": {"type": "object", "properties": {"name": {"type": "string"}}}},
    {"name": "fail", "description": "Fails.", "inputSchema": {"type": "object"}},
    {"name": "bad", "description": "Does what it should not.", "inputSchema": {"type": "object"}},
    {"name": "no schema"},
]


class Server:
    def __init__(self, options):
        self.options = options
        self.calls = 0
        self.asked = False
        self.waits = []

    def log(self, message):
        if self.options.log:
            with open(self.options.log, "a", encoding="utf-8") as file:
                file.write(json.dumps(message) + "\n")

    def error(self, message, code, text):
        return {"jsonrpc": "2.0", "id": message.get("id"), "error": {"code": code, "message": text}}

    def answer(self, message):
        """A response, a raw text, None (nothing), or an exception ends it."""
        self.log(message)
        if "id" not in message or "method" not in message:
            return None
        params = message.get("params") or {}
        modern = (params.get("_meta") or {}).get(META + "protocolVersion") == MODERN
        if self.options.bad == "exit-at-open":
            print("no licence found", file=sys.stderr, flush=True)
            os._exit(3)
        if self.options.bad == "silent-at-open":
            return None
        if self.options.bad == "slow-at-open" and message["method"] == "server/discover" and not self.asked:
            self.asked = True
            time.sleep(2)
        if modern and self.options.speaks == "stateful":
            return self.error(message, -32601, "Method not found")
        if not modern and self.options.speaks == "modern":
            return self.error(message, -32022, "Unsupported protocol version")
        result = self.result(message, message["method"], params)
        if not isinstance(result, dict) or "jsonrpc" in result:
            return result
        if modern:
            result.setdefault("resultType", "complete")
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}

    def result(self, message, method, params):
        capabilities = {"tools": {}, "resources": {}}
        if method == "server/discover":
            return {"supportedVersions": [MODERN], "capabilities": capabilities, "serverInfo": {"name": "fake", "version": "1"}}
        if method == "initialize":
            return {"protocolVersion": STATEFUL, "capabilities": capabilities, "serverInfo": {"name": "fake", "version": "1"}}
        if method == "tools/list":
            at = int(params.get("cursor", 0))
            more = {"nextCursor": str(at + 2)} if at + 2 < len(TOOLS) else {}
            tools = TOOLS[at:at + 2]
            if self.options.bad == "long":
                tools = [{**tool, "description": "x" * 4095 + "é and more"} if tool["name"] == "bad" else tool for tool in tools]
            if self.options.bad == "schemas":
                has = {"bad": {"when": {"type": "string", "pattern": "^(\\d"}}, "env": {"name": {"type": "string", "pattern": "^[A-Z]+$"}},
                       "fail": {"ink": {"type": "string", "format": "colour"}}}
                tools = [{**tool, "inputSchema": {"type": "object", "properties": has[tool["name"]]}} if tool["name"] in has else tool for tool in tools]
            if self.options.bad == "destructive":
                tools = [{**tool, "annotations": {"destructiveHint": tool["name"] == "bad"}} for tool in tools]
            return {"tools": tools, **more}
        if method == "resources/templates/list" and self.options.bad == "many":
            return {"resourceTemplates": [{"uriTemplate": "note://{number}", "name": "any"}]}
        if method == "resources/list":
            one, at = {"uri": "note://1", "name": "one", "description": "the first"}, int(params.get("cursor", 1))
            if self.options.bad == "many":
                return {"resources": [{**one, "uri": f"note://{at}"}], **({"nextCursor": str(at + 1)} if at < 3 else {})}
            return {"resources": [one]}
        if method == "resources/read":
            if params.get("uri") != "note://1":
                return self.error(message, -32002, "Resource not found")
            return {"contents": [{"uri": "note://1", "mimeType": "text/plain", "text": "what stands in it"}]}
        if method == "tools/call":
            return self.call(message, params.get("name"), params.get("arguments") or {})
        return self.error(message, -32601, "Method not found")

    def call(self, message, name, arguments):
        self.calls += 1
        text = {"echo": arguments.get("text"), "env": os.environ.get(arguments.get("name", ""), "not set")}.get(name)
        if text is not None:
            return {"content": [{"type": "text", "text": text}]}
        if name == "fail" and self.options.bad == "refuse-one":
            return None
        if name == "fail":
            return {"content": [{"type": "text", "text": "there is no such file"}], "isError": True}
        bad = self.options.bad
        if bad == "die":
            print("segmentation something", file=sys.stderr, flush=True)
            os._exit(7)
        if bad == "large":
            result = json.dumps({"content": [{"type": "text", "text": "y" * 20000}]})
            return '{"result": %s, "jsonrpc": "2.0", "id": %d}\n' % (result, message["id"])
        if bad in ("refuse", "refuse-one"):
            return self.error(message, -32000, "not today")
        if bad == "pings":
            return {"content": [{"type": "text", "text": "asked"}]}
        if bad == "odd":
            return self.odd(message, arguments["as"])
        return {"garbage": "hello, I am a log line\n", "hang": None, "forget": None, "linger": None, "huge": json.dumps({"x": "y" * 20000}) + "\n", "deep": "[" * 100 + "\n",
                "wrong": {"content": "no list"}, "input": {"resultType": "input_required", "inputRequests": {}}}[bad]


    def odd(self, message, how):
        """Raw: what is JSON to many, or to some."""
        text = {"nul": r'"a\u0000b"', "half": r'"a\ud83d"', "twice": '"x", "text": "last"', "number": '"x", "n": 99999999999999999999'}.get(how, '"x"')
        result = "7" if how == "none" else '{"content": [{"type": "text", "text": %s}]}' % text
        self.waits.append('{"jsonrpc": "2.0", "id": %d, "result": %s}\n' % (message["id"], result))
        if how == "wait":
            return None
        told, self.waits = self.waits, []
        return "".join(reversed(told))


def over_stdio(server):
    for line in sys.stdin:
        answer = server.answer(json.loads(line))
        if answer is not None:
            sys.stdout.write(answer if isinstance(answer, str) else json.dumps(answer) + "\n")
            sys.stdout.flush()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sessions = set()
    forgotten = False

    def log_message(self, *_):
        pass

    def send(self, code, body=b"", content_type="application/json", **headers):
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def until_closed(self, what):
        """Holds the connection until the other side gives it up."""
        self.connection.recv(1)
        self.server.mcp.log({"closed": what})
        self.close_connection = True

    def linger(self, method, body=b""):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(body)
        self.until_closed(method)

    def do_POST(self):
        server = self.server.mcp
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = json.loads(body)
        server.log({"headers": {name.lower(): value for name, value in self.headers.items()}, "of": message.get("method")})
        if server.options.leads_to:
            self.send(307, Location=server.options.leads_to)
            return
        session = self.headers.get("Mcp-Session-Id")
        if server.options.key and self.headers.get("Authorization") != f"Bearer {server.options.key}":
            self.send(401, b"{}")
            return
        forgets = server.options.bad in ("forget", "forget-by-400")
        if forgets and (message.get("params") or {}).get("name") == "echo" and not Handler.forgotten:
            Handler.forgotten = True
            Handler.sessions.clear()
        if session and session not in Handler.sessions:
            refusal = json.dumps(server.error(message, -32000, "Bad Request: No valid session ID provided")).encode()
            self.send(*((404, b"{}") if server.options.bad == "forget" else (400, refusal)))
            return
        if server.options.bad == "pings" and "method" not in message:
            server.log(message)
            threading.Event().wait()  # never
        answer = server.answer(message)
        if answer is None:
            if "id" in message and server.options.bad:
                threading.Event().wait()  # never
            if server.options.bad == "linger" and message.get("method") == "notifications/cancelled":
                self.until_closed(message["method"])
                return
            self.send(202)
        elif isinstance(answer, str):
            self.send(200, answer.encode())
        elif server.options.bad in ("refuse", "refuse-one") and (message.get("params") or {}).get("name") == "bad":
            self.send(400, json.dumps(answer).encode())
        elif "error" in answer and message.get("method") in ("server/discover", "initialize"):
            self.send(400, json.dumps({**answer, "id": None}).encode())
        elif message.get("method") == "initialize":
            Handler.sessions.add("s1")
            self.send(200, json.dumps(answer).encode(), Mcp_Session_Id="s1")
        elif message.get("method") == "tools/call":
            notice = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}
            ask = {"jsonrpc": "2.0", "id": "q1", "method": "ping"}
            asks = [ask] * (500 if server.options.bad == "pings" else 1)
            events = "".join(f"event: message\ndata: {json.dumps(one)}\n\n" for one in (notice, *asks, answer))
            if server.options.bad == "escapes":
                events = events.replace("/", "\\/")
            if server.options.bad == "linger":
                self.linger(message["method"], events.encode())
                return
            self.send(200, events.encode(), "text/event-stream")
        else:
            self.send(200, json.dumps(answer).encode())


class Listener(http.server.ThreadingHTTPServer):
    def server_bind(self):
        """Without the look-up of a name that it has no use for, which may take long."""
        socketserver.TCPServer.server_bind(self)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--speaks", default="both")
    parser.add_argument("--bad")
    parser.add_argument("--log")
    parser.add_argument("--key")
    parser.add_argument("--leads-to")
    parser.add_argument("--http")
    options = parser.parse_args()
    server = Server(options)
    if not options.http:
        over_stdio(server)
        return
    listener = Listener(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    listener.mcp = server
    with open(options.http + ".new", "w", encoding="utf-8") as file:
        file.write(str(listener.server_address[1]))
    os.rename(options.http + ".new", options.http)
    listener.serve_forever()


main()
