"""The model client against a server that fails: it never asks too early, never gives out half of an answer, and says what went wrong."""
import json
import socket
import time

import model
from model import harness

TOOL = {"name": "add", "parameters": {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}}
CALL = {"index": 0, "id": "x", "type": "function", "function": {"name": "add", "arguments": '{"a": 12}'}}
ONE_TRY = {"retry": {"attempts": 1}, "breaker": {"failures": 1000000}}


class Repeating(model.ModelTest):
    def gap(self, server, first=0):
        return server.requests[first + 1].at - server.requests[first].at

    def test_429_waits_as_long_as_it_is_told(self):
        server = self.server()
        caller = self.caller(server.config())
        for headers, least in (({"Retry-After": "1"}, 1.0), ({"Retry-After-Ms": "300", "Retry-After": "7"}, 0.3)):
            server.requests.clear()
            server.does(model.status(429, headers=headers))
            done = caller.call()
            self.assertEqual((done["status"], done["attempts"], len(server.requests)), ("ok", 2, 2))
            self.assertGreaterEqual(self.gap(server), least)

    def test_others_with_the_same_key_wait_too(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.status(429, headers={"Retry-After": "1"}))
        first = caller.start()
        caller.until(lambda line: line["event"] == "span")
        second = caller.start()
        self.assertEqual((caller.done(second)["status"], caller.done(first)["status"]), ("ok", "ok"))
        self.assertEqual(len(server.requests), 3)
        for request in server.requests[1:]:
            self.assertGreaterEqual(request.at - server.requests[0].at, 1.0)

    def test_429_to_the_end_says_when(self):
        server = self.server()
        caller = self.caller(server.config(retry={"attempts": 1}))
        server.does(model.status(429, headers={"Retry-After": "3600"}))
        done = caller.call()
        self.assertEqual((done["status"], done["http_status"], done["retry_after_ms"]), ("rate-limited", 429, 3600000))

    def test_a_wait_beyond_the_deadline_is_not_begun(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.status(503, headers={"Retry-After": "3600"}))
        done = caller.call(total_ms=20000)
        self.assertEqual((done["status"], len(server.requests)), ("unavailable", 1))

    def test_no_quota_is_not_waited_for(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.status(429, error={"code": "insufficient_quota"}))
        self.assertEqual((caller.call()["status"], len(server.requests)), ("rate-limited", 1))

    def test_500_is_repeated_and_ends(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.status(500), model.status(502))
        done = caller.call()
        self.assertEqual((done["status"], done["attempts"]), ("ok", 3))
        server.requests.clear()
        server.usual = model.status(500, "it burns")
        done = caller.call()
        self.assertEqual((done["status"], done["http_status"], len(server.requests)), ("unavailable", 500, 3))
        self.assertIn("it burns", done["detail"])

    def test_what_is_wrong_is_not_repeated(self):
        server = self.server()
        caller = self.caller(server.config())
        for code in (400, 401, 404, 422, 302):
            server.requests.clear()
            server.does(model.status(code, "no " + model.KEY))
            done = caller.call()
            self.assertEqual((done["status"], done["http_status"], len(server.requests)), ("refused", code, 1))
            self.assertNotIn(model.KEY, done["detail"])

    def test_no_part_of_a_key_is_shown(self):
        """Where the server's words are cut, too: in a refusal, an event of a stream, and what says that it went well."""
        server = self.server()
        told = json.dumps({"error": {"message": "x" * 190 + " " + model.KEY}})
        caller = self.caller(server.config())
        long = "sk-" + "0123456789" * 150
        for behaviour, stream in ((model.status(400, "x" * 190 + " " + model.KEY), False), (model.body(told), False),
                                  (model.stream([f"data: {told}\n\n".encode()]), True)):
            server.usual = behaviour
            detail = caller.call(stream=stream)["detail"]
            self.assertIn("x" * 190, detail)
            self.assertNotIn("sk-", detail)
        caller = self.caller(server.config({"key-env": "TEST_LONG_KEY"}), TEST_LONG_KEY=long)
        server.does(model.status(401, "x" * 150 + " " + long))
        detail = caller.call()["detail"]
        self.assertIn("x" * 150 + " *", detail)
        self.assertNotIn("sk-", detail)

    def test_no_secret_of_a_header_is_shown(self):
        server = self.server()
        headers = {"X-Auth-Token": "tok-0123456789", "X-Upstream-Authorization": "Basic dXNlcjpwYXNz", "X-Persona": "a clerk"}
        caller = self.caller(server.config({"headers": headers}, **ONE_TRY))
        for behaviour in model.status(400, "; ".join(headers.values())), model.body(json.dumps({"error": {"message": "; ".join(headers.values())}})):
            server.does(behaviour)
            detail = caller.call()["detail"]
            self.assertIn("**************; Basic ************; a clerk", detail)

    def test_nobody_listens(self):
        server = self.server()
        with socket.socket() as bound:  # and does not listen, and nobody else can
            bound.bind(("127.0.0.1", 0))
            caller = self.caller(server.config({"base-url": f"http://127.0.0.1:{bound.getsockname()[1]}/v1"}))
            done = caller.call()
        self.assertEqual((done["status"], done["attempts"], done["usage"]["input"]), ("unreachable", 3, 0))


class Fallback(model.ModelTest):
    def test_the_next_of_the_list(self):
        first, second = self.server(), self.server()
        first.usual = model.status(500)
        second.usual = model.chat("from the second")
        caller = self.caller({"providers": [first.provider(name="one"), second.provider(name="two")], **model.QUICK})
        done = caller.call()
        self.assertEqual((done["status"], done["text"], done["provider"], done["attempts"]), ("ok", "from the second", "two", 4))

    def test_a_circuit_opens_and_closes(self):
        first, second = self.server(), self.server()
        first.usual = model.status(500)
        caller = self.caller({"providers": [first.provider(name="one"), second.provider(name="two")], **model.QUICK,
                              "retry": {"attempts": 1}, "breaker": {"failures": 2, "open": "1s", "max-open": "1s"}})
        for _ in range(5):
            self.assertEqual(caller.call()["provider"], "two")
        self.assertEqual(len(first.requests), 2, "it is left alone after two failures")
        first.usual = model.chat("back again")
        opened = first.requests[1].at
        until = time.monotonic() + 30
        while time.monotonic() < until and caller.call()["provider"] != "one":
            pass
        self.assertEqual(caller.call()["text"], "back again")
        self.assertGreaterEqual(first.requests[2].at - opened, 0.99)  # milliseconds are rounded

    def test_an_open_circuit_alone_says_for_how_long(self):
        server = self.server()
        server.usual = model.status(500)
        caller = self.caller(server.config(retry={"attempts": 1}, breaker={"failures": 1, "open": "60s", "max-open": "60s"}))
        caller.call()
        done = caller.call()
        self.assertEqual((done["status"], done["attempts"], len(server.requests)), ("unavailable", 0, 1))
        self.assertIn("left alone", done["detail"])
        self.assertGreater(done["retry_after_ms"], 1000)


class Limits(model.ModelTest):
    def limited(self, server, **limits):
        return self.caller(server.config(limits={**model.QUICK["limits"], **limits}, **ONE_TRY))

    def test_no_connection_in_time(self):
        """TCP is there, but TLS does not begin."""
        server = self.server()
        url = server.url.replace("http:", "https:")
        caller = self.caller(server.config({"base-url": url}, limits={**model.QUICK["limits"], "connect": "300ms"}, **ONE_TRY))
        began = time.monotonic()
        done = caller.call()
        self.assertEqual((done["status"], done["http_status"]), ("timed-out", 0))
        self.assertIn("no connection within 300 ms", done["detail"])
        self.assertLess(time.monotonic() - began, 15)

    def test_a_stall_before_the_first_byte(self):
        server = self.server()
        caller = self.limited(server, **{"first-byte": "300ms"})
        for before in (b"", model.head(200, length=100)):
            server.does(model.stall(before))
            began = time.monotonic()
            done = caller.call()
            self.assertEqual(done["status"], "timed-out")
            self.assertIn("no answer within 300 ms", done["detail"])
            self.assertLess(time.monotonic() - began, 15)

    def test_a_stall_within_a_stream(self):
        server = self.server()
        caller = self.limited(server, idle="300ms")
        server.does(model.stall(model.head(200, "text/event-stream") + b"".join(model.events()[:3])))
        id_ = caller.start(want_text=True, tools=[TOOL])
        began = time.monotonic()
        done = caller.done(id_)
        self.assertLess(time.monotonic() - began, 15)
        self.assertEqual((done["status"], done["tools"], done["text"]), ("timed-out", None, ""))
        self.assertIn("nothing more within 300 ms", done["detail"])

    def test_slow_loris(self):
        server = self.server()
        caller = self.limited(server, total="1s")
        for data in (model.head(200, length=5000) + b" " * 5000, b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000):
            server.does(model.drip(data, 0.01))
            began = time.monotonic()
            self.assertEqual(caller.call()["status"], "timed-out")
            self.assertLess(time.monotonic() - began, 15)

    def test_a_total_of_the_call(self):
        server = self.server()
        caller = self.caller(server.config())
        server.usual = model.stall()
        began = time.monotonic()
        done = caller.call(total_ms=300)
        self.assertEqual(done["status"], "timed-out")
        self.assertLess(time.monotonic() - began, 15)

    def test_a_huge_body(self):
        server = self.server()
        caller = self.caller(server.config(limits={**model.QUICK["limits"], "answer-bytes": 1000000}, **ONE_TRY))
        for content_type in ("application/json", "text/event-stream"):
            server.does(model.flood(1 << 30, content_type))
            self.assertEqual(caller.call(stream=True)["status"], "too-large")
        self.assertEqual(caller.call()["status"], "ok")


class Cut(model.ModelTest):
    """A connection that ends at any byte: all of the answer, or a failure, and never a part of it that looks whole."""

    def every_byte(self, parts, usual, check, chunked=False):
        server = self.server()
        server.usual = usual
        caller = self.caller(server.config(**ONE_TRY))
        whole = sum(map(len, parts))
        ends = len(b"".join(parts[:-2]))  # with the finish reason's event, before the usage and [DONE]
        server.does(*[model.stream(parts, cut=n, chunked=chunked) for n in range(1, whole)])
        for n in range(1, whole):
            id_ = caller.start(want_text=True, tools=[TOOL])
            check(n, n >= ends, caller.done(id_), "".join(caller.texts[id_]))

    def test_text(self):
        def check(n, complete, done, told):
            self.assertTrue("Hello, world".startswith(told), (n, told))
            if complete:
                self.assertEqual((done["status"], done["text"]), ("ok", "Hello, world"), n)
            elif done["status"] != "ok":
                self.assertIn(done["status"], ("broken", "unavailable"), n)
            else:
                self.assertEqual(done["text"], "Hello, world", n)
        for chunked in (False, True):
            self.every_byte(model.events(), model.status(500), check, chunked)

    def test_a_tool_call_is_never_partial(self):
        def check(n, complete, done, _told):
            if complete:
                self.assertEqual(done["status"], "ok", n)
            if done["status"] == "ok":
                self.assertEqual(done["tools"], [{"id": "x", "name": "add", "arguments": {"a": 12}}], n)
            else:
                self.assertIsNone(done["tools"], n)
        pieces = [{**CALL, "function": {"name": "add", "arguments": '{"a": 1'}}, {"index": 0, "function": {"arguments": "2}"}}]
        self.every_byte(model.events((), "tool_calls", pieces), model.status(500), check)

    def test_a_stream_without_its_finish_reason_is_repeated(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.stream(model.events(finish=None)), model.stream(model.events((), None, [CALL])),
                    model.stream(model.events((), "tool_calls", [CALL])))
        done = caller.call(stream=True, tools=[TOOL])
        self.assertEqual((done["status"], done["attempts"], len(done["tools"])), ("ok", 3, 1))

    def test_it_is_not_repeated_once_text_was_handed_out(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.stream(model.events(finish=None)))
        id_ = caller.start(want_text=True)
        done = caller.done(id_)
        self.assertEqual((done["status"], done["text"], len(server.requests)), ("broken", "", 1))
        self.assertEqual("".join(caller.texts[id_]), "Hello, world")

    def test_an_error_within_a_stream(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.stream([b'data: {"error": {"message": "overloaded"}}\n\n']))
        self.assertEqual((caller.call(stream=True)["attempts"], len(server.requests)), (2, 2))


class Garbled(model.ModelTest):
    def test_what_is_no_answer(self):
        server = self.server()
        caller = self.caller(server.config(**ONE_TRY))
        for text in ("", "{", "[]", "null", '{"choices": []}', '{"choices": 7}', '{"choices": [{"message": 3}]}', "<html>", "[" * 100000,
                     '{"a": 1, "a": 2}', "\0"):
            server.does(model.body(text))
            self.assertEqual(caller.call()["status"], "garbled", text[:50])
        for data in (b"data: {\n\n", b"data: 7\n\n", b"data: [[[\n\n"):
            server.does(model.stream([data]))
            self.assertEqual(caller.call(stream=True)["status"], "garbled", data)

    def test_what_is_no_http(self):
        server = self.server()
        caller = self.caller(server.config(**ONE_TRY))

        def raw(data):
            async def behave(_request, writer):
                writer.write(data)
                await writer.drain()
                return False
            return behave
        for data in (b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"):
            server.does(raw(data))
            self.assertEqual(caller.call()["status"], "unavailable", data)

    def test_it_is_repeated(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.body("{"))
        self.assertEqual(caller.call()["attempts"], 2)

    def test_what_was_cut_or_withheld(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.chat("half", "length"), model.chat(None, "content_filter"),
                    model.stream(model.events((), "length", [CALL])))
        done = caller.call()
        self.assertEqual((done["status"], done["text"]), ("cut", "half"))
        self.assertEqual(caller.call()["status"], "filtered")
        done = caller.call(stream=True, tools=[TOOL])
        self.assertEqual((done["status"], done["tools"]), ("cut", None))

    def test_a_model_that_refuses(self):
        """It says so beside its text, as OpenAI's do under a schema: it is not asked to repair that."""
        server = self.server()
        caller = self.caller(server.config())
        said = json.loads(model.completion(None))
        said["choices"][0]["message"]["refusal"] = "I cannot help with that."
        pieces = [json.dumps({"choices": [{"index": 0, "delta": {"refusal": piece}, "finish_reason": None}]}) for piece in ("I cannot ", "help.")]
        events = [f"data: {piece}\n\n".encode() for piece in pieces] + model.events((), "stop")[1:]
        server.does(model.body(json.dumps(said)), model.stream(events))
        schema = {"type": "object", "required": ["x"]}
        for stream, why in ((False, "I cannot help with that."), (True, "I cannot help.")):
            done = caller.call(stream=stream, schema=schema)
            self.assertEqual((done["status"], done["attempts"]), ("filtered", 1), done)
            self.assertIn("the model refuses: " + why, done["detail"])
        server.does(*[model.body("<html>it works</html>")] * 3)
        self.assertEqual(caller.call()["detail"].count("not JSON"), 1)


class Temperature(model.ModelTest):
    """Models that think have the temperature that they have, and refuse whoever says one."""
    WHY = "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported."

    def test_a_model_that_takes_none_is_asked_without(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.status(400, self.WHY, error={"param": "temperature", "code": "unsupported_value"}))
        done = caller.call(temperature=0)
        self.assertEqual((done["status"], done["attempts"]), ("ok", 2), done)
        self.assertEqual(caller.call(temperature=0)["attempts"], 1, "that is known then")
        self.assertEqual(caller.call(temperature=0, model="another")["attempts"], 1)
        self.assertEqual([r.json.get("temperature") for r in server.requests], [0, None, None, 0])

    def test_whoever_said_none_is_refused(self):
        server = self.server()
        caller = self.caller(server.config())
        server.usual = model.status(400, self.WHY)
        done = caller.call()
        self.assertEqual((done["status"], done["attempts"]), ("refused", 1), done)
        done = caller.call(temperature=0)
        self.assertEqual((done["status"], done["attempts"]), ("refused", 2), done)


class Cancelling(model.ModelTest):
    def test_at_every_point(self):
        server = self.server()
        caller = self.caller(server.config())
        server.usual = model.stall()
        id_ = caller.start()
        caller.tell(do="cancel", id=id_)
        server.usual = model.stream(model.events())
        id_ = caller.start(want_text=True, cancel_on_text=True)
        caller.until(lambda line: line["event"] == "text" and line["id"] == id_)
        self.assertEqual(caller.call(stream=True)["text"], "Hello, world")
        stat = caller.ask("stat")
        self.assertEqual((stat["in_flight"], stat["waiting"]), (0, 0))

    def test_it_is_a_span_and_what_it_costs_is_counted(self):
        server = self.server()
        caller = self.caller(server.config())
        server.usual = model.stall()
        id_ = caller.start(messages=model.user("x" * 400), agent="ann")
        harness.wait_until(lambda: server.requests, "the call is in flight")
        caller.tell(do="cancel", id=id_)
        span = caller.until(lambda line: line["event"] == "span")
        self.assertEqual((span["failed"], span["attributes"]["error.type"]), (True, "cancelled"))
        used = [span["attributes"][f"gen_ai.usage.{way}_tokens"] for way in ("input", "output")]
        self.assertGreater(used[0], 100)
        self.assertEqual(used[1], 4096, "all that it may write: nobody hears whether it does")
        self.assertEqual(caller.ask("account", name="agent:ann")["tokens"], sum(used))

    def test_an_end_with_calls_in_flight(self):
        server = self.server()
        server.usual = model.stall()
        caller = self.caller(server.config())
        for _ in range(20):
            caller.start(stream=True)
        while caller.ask("stat")["in_flight"] < 20:
            pass
        self.assertEqual(caller.end(), 0)


if __name__ == "__main__":
    harness.main()
