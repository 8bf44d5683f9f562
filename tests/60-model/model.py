"""A model server that does as it is told, also badly, and the client that is tried on it (caller.c).

    server = model.Server()
    server.does(model.status(429, headers={"Retry-After": "1"}), model.chat("hello"))    # the next requests, in this order
    caller = self.caller(server.config())
    done = caller.call(messages=model.user("hi"))

Every request is kept in server.requests with its time, headers and body; what is not told otherwise is answered by `server.usual`.
"""
import asyncio
import json
import os
import select
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness  # noqa: E402

KEY = "sk-a-secret-of-the-tests"


def user(text):
    return [{"role": "user", "content": text}]


class Request:
    def __init__(self, path, headers, body):
        self.at = time.monotonic()
        self.path, self.headers, self.body = path, headers, body

    @property
    def json(self):
        return json.loads(self.body)


# ---- what a server may do: coroutines of (request, writer); true = the connection goes on ----

def head(code, content_type="application/json", length=None, headers=None, chunked=False):
    lines = [f"HTTP/1.1 {code} X", f"Content-Type: {content_type}"]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    if chunked:
        lines.append("Transfer-Encoding: chunked")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def body(data, code=200, content_type="application/json", headers=None):
    data = data if isinstance(data, bytes) else data.encode()

    async def behave(_request, writer):
        writer.write(head(code, content_type, len(data), headers) + data)
        await writer.drain()
        return True
    return behave


def status(code, message="it is so", headers=None, error=None):
    return body(json.dumps({"error": {"message": message, **(error or {})}}), code, headers=headers)


USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def completion(text="hello", finish="stop", tools=None, usage=USAGE):
    message = {"role": "assistant", "content": text}
    if tools:
        message["tool_calls"] = tools
    answer = {"id": "chat-1", "model": "the-model", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    if usage:
        answer["usage"] = usage
    return json.dumps(answer)


def chat(*args, **named):
    return body(completion(*args, **named))


def events(pieces=("Hel", "lo, ", "world"), finish="stop", tools=(), usage=USAGE, done=True):
    """The events of a stream, one bytes each."""
    deltas = [{"role": "assistant", "content": ""}] + [{"content": piece} for piece in pieces] + [{"tool_calls": [t]} for t in tools]
    out = [{"id": "chat-1", "model": "the-model", "choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
    if finish:
        out.append({"id": "chat-1", "model": "the-model", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if usage:
        out.append({"choices": [], "usage": usage})
    lines = [b"data: " + json.dumps(e).encode() + b"\n\n" for e in out]
    return lines + ([b"data: [DONE]\n\n"] if done else [])


def stream(parts, cut=None, chunked=True, pause=0.0, content_type="text/event-stream"):
    """Sends the parts; only the first `cut` bytes of them, and then the connection ends."""
    async def behave(_request, writer):
        writer.write(head(200, content_type, chunked=chunked))
        left = cut
        for part in parts:
            part = part if left is None else part[:left]
            left = None if left is None else left - len(part)
            if part:
                writer.write(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
                await writer.drain()
            if pause:
                await asyncio.sleep(pause)
        if chunked and cut is None:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return chunked and cut is None
    return behave


def stall(before=b""):
    """Sends this, and then nothing; keeps the connection until the other side gives up."""
    async def behave(request, writer):
        writer.write(before)
        await writer.drain()
        await request.reader.read()
        return False
    return behave


def drip(data, pause):
    """A byte at a time."""
    async def behave(_request, writer):
        try:
            for i in range(len(data)):
                writer.write(data[i:i + 1])
                await writer.drain()
                await asyncio.sleep(pause)
        except (ConnectionError, OSError):
            pass
        return False
    return behave


def flood(size, content_type="application/json"):
    """A body without end, as far as the other side takes it."""
    async def behave(_request, writer):
        writer.write(head(200, content_type))
        try:
            for _ in range(size // 65536):
                writer.write(b"[" * 65536)
                await writer.drain()
        except (ConnectionError, OSError):
            pass
        return False
    return behave


def slow(behaviour, seconds):
    async def behave(request, writer):
        await asyncio.sleep(seconds)
        return await behaviour(request, writer)
    return behave


class Gate:
    """Holds streams after their first piece until it is opened."""

    def __init__(self, server):
        self.loop, self.opened = server.loop, asyncio.Event()

    def open(self):
        self.loop.call_soon_threadsafe(self.opened.set)

    def stream(self, parts, before=2):
        async def behave(_request, writer):
            writer.write(head(200, "text/event-stream") + b"".join(parts[:before]))
            await writer.drain()
            await self.opened.wait()
            writer.write(b"".join(parts[before:]))
            await writer.drain()
            return False
        return behave


class Server:
    def __init__(self):
        self.requests, self.script, self.usual = [], [], chat()
        self.working = self.most_working = 0
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self.thread.start()
        started.wait()

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=2048))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self.loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def does(self, *behaviours):
        self.script.extend(behaviours)

    async def _serve(self, reader, writer):
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader, writer):
        text = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = text.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (l.split(":", 1) for l in lines)}
        data = await reader.readexactly(int(headers["content-length"])) if "content-length" in headers else await self._chunks(reader)
        request = Request(line.split()[1], headers, data)
        request.reader = reader
        self.requests.append(request)
        behaviour = self.script.pop(0) if self.script else self.usual
        self.working += 1
        self.most_working = max(self.most_working, self.working)
        try:
            return await behaviour(request, writer)
        finally:
            self.working -= 1

    @staticmethod
    async def _chunks(reader):
        data = b""
        while True:
            size = int((await reader.readline()).strip() or b"0", 16)
            data += await reader.readexactly(size)
            await reader.readline()
            if not size:
                return data

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    def provider(self, **more):
        return {"preset": "compatible", "base-url": self.url, "key-env": "TEST_MODEL_KEY", "model": "a-model", **more}

    def config(self, provider=None, **more):
        return {"providers": [self.provider(**(provider or {}))], **QUICK, **more}


# Short enough for tests, long enough for a slow machine where nothing is meant to run out.
QUICK = {"limits": {"connect": "20s", "first-byte": "20s", "idle": "20s", "total": "60s"},
         "retry": {"attempts": 3, "backoff": "10ms", "max-backoff": "50ms"}}


class Caller:
    def __init__(self, test, config, **env):
        path = os.path.join(test.directory, f"model-{len(test.callers)}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        environment = harness.environment(TEST_MODEL_KEY=KEY, **env)
        for name in list(environment):
            if name.lower().endswith("_proxy"):
                del environment[name]
        self.child = test.keep(harness.Child("tests/60-model/model-caller", [path], test.directory, environment,
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        self.process = self.child.process
        self.spans, self.waiting, self.rest, self.texts, self.all = [], [], b"", {}, ""
        self.n = 0
        first = self.line()
        self.unopened = first if first["event"] == "unopened" else None

    def line(self):
        """The next line."""
        until = time.monotonic() + 60
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not more:
                raise AssertionError("the caller said nothing more" if ready else "waited in vain for the caller")
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        self.all += line.decode()
        return json.loads(line)

    def tell(self, **what):
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        self.process.stdin.flush()

    def start(self, op="chat", **request):
        self.n += 1
        id_ = request.pop("id", f"c{self.n}")
        if op == "chat":
            request.setdefault("messages", user("hi"))
        self.texts[id_] = []
        self.tell(id=id_, op=op, **request)
        return id_

    def until(self, wanted):
        """The first line for which wanted(line) is true; texts and spans are put aside."""
        for i, line in enumerate(self.waiting):
            if wanted(line):
                return self.waiting.pop(i)
        while True:
            line = self.line()
            if line["event"] == "span":
                self.spans.append(line)
            if line["event"] == "text":
                self.texts[line["id"]].append(line["text"])
            if wanted(line):
                return line
            if line["event"] not in ("span", "text"):
                self.waiting.append(line)

    def done(self, id_):
        return self.until(lambda line: line["event"] == "done" and line["id"] == id_)

    def call(self, op="chat", **request):
        return self.done(self.start(op, **request))

    def ask(self, what, **more):
        self.tell(do=what, **more)
        return self.until(lambda line: line["event"] == what)

    def sanitized(self):
        with open(f"/proc/{self.process.pid}/maps", encoding="ascii", errors="replace") as file:
            return "asan" in file.read()

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def end(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
        return self.process.wait(60)


class ModelTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.callers = []

    def server(self):
        server = Server()
        self.addCleanup(server.stop)
        return server

    def caller(self, config, **env):
        caller = Caller(self, config, **env)
        self.callers.append(caller)
        self.addCleanup(self._end, caller)
        return caller

    def _end(self, caller):
        if caller.process.poll() is None:
            self.assertEqual(caller.end(), 0, "the caller did not end well")
        caller.process.stdin.close()
        caller.process.stdout.close()
        self.assertNotIn(KEY, caller.all)
