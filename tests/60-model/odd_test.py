"""Servers that speak as few do: what is allowed and rare is understood, what is wrong harms nobody."""
import email.utils
import json
import time

import model

TOOLS = [{"name": name, "parameters": {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}} for name in ("add", "double")]


def piece(arguments, name=None, **more):
    return {**more, "function": {**({"name": name} if name else {}), "arguments": arguments}}


class Waiting(model.ModelTest):
    def test_a_date(self):
        server = self.server()
        caller = self.caller(server.config())
        server.usual = model.chat("late")
        due = int(time.time()) + 3
        server.does(model.status(429, headers={"Retry-After": email.utils.formatdate(due, usegmt=True)}))
        done = caller.call()
        self.assertEqual((done["status"], done["attempts"]), ("ok", 2))
        self.assertGreaterEqual(time.time(), due)

    def test_what_is_no_time_is_none(self):
        server = self.server()
        caller = self.caller(server.config())
        for headers in ({"Retry-After": "soon"}, {"Retry-After": "-7"}, {"Retry-After": ""}, {"Retry-After-Ms": "x"}, {"Retry-After-Ms": "nan"},
                        {"Retry-After": email.utils.formatdate(time.time() - 100, usegmt=True)}):
            server.does(model.status(429, headers=headers))
            done = caller.call()
            self.assertEqual((done["status"], done["attempts"]), ("ok", 2), headers)

    def test_ages(self):
        """As a number of the clock they would overflow."""
        for headers in ({"Retry-After": "9223372036854774"}, {"Retry-After": "99999999999999999999"}, {"Retry-After-Ms": "1e300"}, {"Retry-After-Ms": "inf"}):
            server = self.server()
            caller = self.caller(server.config())
            server.does(model.status(503, headers=headers))
            done = caller.call()
            self.assertEqual((done["status"], done["attempts"], len(server.requests)), ("unavailable", 1, 1), headers)
            self.assertGreater(done["retry_after_ms"], 300 * 86400000)

    def test_milliseconds_that_are_none_leave_the_seconds(self):
        server = self.server()
        caller = self.caller(server.config(retry={"attempts": 1}))
        server.does(model.status(429, headers={"Retry-After-Ms": "x", "Retry-After": "600"}))
        self.assertEqual(caller.call()["retry_after_ms"], 600000)

    def test_who_would_wait_in_vain_goes_to_the_next(self):
        """The first wants to be left alone for longer than a call may take: nobody waits for that where another one can answer."""
        first, second = self.server(), self.server()
        first.does(model.status(429, headers={"Retry-After": "3600"}))
        second.usual = model.chat("from the second")
        caller = self.caller({"providers": [first.provider(name="one"), second.provider(name="two")], **model.QUICK})
        began = time.monotonic()
        for _ in range(3):
            done = caller.call(total_ms=50000)
            self.assertEqual((done["status"], done["provider"]), ("ok", "two"), done)
        self.assertLess(time.monotonic() - began, 45)
        self.assertEqual(len(first.requests), 1)

    def test_who_would_wait_in_vain_hears_it_at_once(self):
        server = self.server()
        server.does(model.status(429, headers={"Retry-After": "3600"}))
        caller = self.caller(server.config())
        began = time.monotonic()
        caller.call(total_ms=50000)
        done = [caller.done(call) for call in [caller.start(total_ms=50000) for _ in range(20)]]
        self.assertLess(time.monotonic() - began, 45)
        for one in done:
            self.assertEqual((one["status"], one["attempts"]), ("rate-limited", 0), one)
            self.assertIn("has asked to be left alone for 3", one["detail"])
            self.assertTrue(3000000 < one["retry_after_ms"] <= 3600000 + 360001, one)
        self.assertEqual((len(server.requests), caller.ask("stat")["waiting"]), (1, 0))


class Elsewhere(model.ModelTest):
    def test_a_redirect_carries_no_key_away(self):
        first, other, second = self.server(), self.server(), self.server()
        second.usual = model.chat("from the second")
        for code in (301, 302, 303, 307, 308):
            first.does(model.body("", code, headers={"Location": f"{other.url}/chat/completions"}))
            caller = self.caller({"providers": [first.provider(name="one"), second.provider(name="two")], **model.QUICK})
            done = caller.call()
            self.assertEqual((done["status"], done["provider"]), ("ok", "two"), code)
        self.assertEqual(other.requests, [])
        first.does(model.body("", 307, headers={"Location": f"{other.url}/chat/completions"}))
        done = self.caller(first.config()).call()
        self.assertEqual((done["status"], done["attempts"], other.requests), ("refused", 1, []))
        self.assertIn("give the base-url that it leads to", done["detail"])


class Heads(model.ModelTest):
    @staticmethod
    def raw(data):
        async def behave(_request, writer):
            try:
                writer.write(data)
                await writer.drain()
            except (ConnectionError, OSError):
                pass
            return False
        return behave

    def test_what_comes_before_the_answer(self):
        server = self.server()
        caller = self.caller(server.config())
        text = model.completion("hello").encode()
        answer = model.head(200, length=len(text)) + text
        for before in (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"):
            server.does(self.raw(before + answer))
            done = caller.call()
            self.assertEqual((done["status"], done["text"], done["attempts"]), ("ok", "hello", 1), before)

    def test_huge_headers(self):
        server = self.server()
        caller = self.caller(server.config(retry={"attempts": 1}, breaker={"failures": 1000000}))
        before = caller.resident_kib()
        for lines in ([b"X: " + b"x" * 1000000], [b"X%d: %s" % (n, b"x" * 1000) for n in range(20000)]):
            server.does(self.raw(b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(lines) + b"\r\n\r\n"))
            self.assertEqual(caller.call()["status"], "unavailable")
        if not caller.sanitized():
            self.assertLess(caller.resident_kib() - before, 8192)
        self.assertEqual(caller.call()["status"], "ok")

    def test_garbage_between_chunks(self):
        server = self.server()
        caller = self.caller(server.config(retry={"attempts": 1}, breaker={"failures": 1000000}))
        first, *rest = model.events()
        for garbage in (b"zz\r\n", b"-5\r\nhello\r\n", b"ffffffffffffffff\r\nx", b"5;a=b\r\nhel"):
            server.does(self.raw(model.head(200, "text/event-stream", chunked=True) + b"%x\r\n%s\r\n" % (len(first), first) + garbage))
            self.assertIn(caller.call(stream=True)["status"], ("unavailable", "broken"), garbage)
            whole = b"".join([first, *rest])
            server.does(self.raw(model.head(200, "text/event-stream", chunked=True) + b"%x\r\n%s\r\n" % (len(whole), whole) + garbage))
            done = caller.call(stream=True)
            self.assertEqual((done["status"], done["text"]), ("ok", "Hello, world"), garbage)


class Streams(model.ModelTest):
    def test_lines_as_the_standard_has_them(self):
        """Ends of lines of all three kinds, comments, a value over several lines, fields that nobody knows, a mark at the beginning, and words of any case."""
        server = self.server()
        caller = self.caller(server.config())
        for end in (b"\r\n", b"\n", b"\r"):
            parts = [b"\xef\xbb\xbf: hello" + end + end, b"retry: 10" + end + b"id: 7" + end + end]
            for event in model.events():
                value = event.removeprefix(b"data: ").strip()
                half = value.find(b", ") + 1
                lines = [value] if half == 0 else [value[:half], value[half:].lstrip()]
                parts.append(b": ping" + end + b"".join(b"data:" + (b" " if i else b"") + line + end for i, line in enumerate(lines)) + b"unknown: x" + end + end)
            for split in (1 << 20, 1, 7):
                whole = b"".join(parts)
                server.does(model.stream([whole[at:at + split] for at in range(0, len(whole), split)], content_type="Text/Event-Stream; charset=UTF-8"))
                done = caller.call(stream=True)
                self.assertEqual((done["status"], done["text"], done["attempts"]), ("ok", "Hello, world", 1), (end, split, done))

    def called(self, *pieces):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.stream(model.events((), "tool_calls", pieces)))
        done = caller.call(tools=TOOLS, stream=True)
        self.assertEqual((done["status"], done["attempts"]), ("ok", 1), done)
        return [(t["id"], t["name"], t["arguments"]["a"]) for t in done["tools"]]

    def test_calls_without_number_and_id(self):
        self.assertEqual(self.called(piece('{"a": 1}', "add"), piece('{"a": 2}', "add"), piece('{"a": 3}', "double")),
                         [("call_0", "add", 1), ("call_1", "add", 2), ("call_2", "double", 3)])
        self.assertEqual(self.called(piece("", "add"), piece('{"a":'), piece(" 1}"), piece("", "double"), piece('{"a": 2}')), [("call_0", "add", 1), ("call_1", "double", 2)])
        self.assertEqual(self.called(piece('{"a": 1}', "add", index=0, id=""), piece('{"a": 2}', "add", index=0, id="")), [("call_0", "add", 1), ("call_1", "add", 2)])

    def test_calls_that_say_their_name_again(self):
        self.assertEqual(self.called(piece('{"a":', "add", index=0, id="x"), piece(" 1}", "add", index=0), piece("", "add", index=0)), [("x", "add", 1)])
        self.assertEqual(self.called(piece("", "add", index=0), piece('{"a": 1}', index=0, id="late")), [("late", "add", 1)])

    def test_content_in_parts(self):
        server = self.server()
        caller = self.caller(server.config())
        parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "text": "hm"}, {"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]
        server.does(model.chat(parts), model.stream(model.events([parts[:2], "lo"])))
        for stream in (False, True):
            self.assertEqual(caller.call(stream=stream)["text"], "hello")

    def test_an_end_that_is_a_failure(self):
        for reason in ("error", "abort"):
            server = self.server()
            caller = self.caller(server.config())
            for stream, half in (False, model.chat("hal", reason)), (True, model.stream(model.events(("hal",), reason))):
                server.does(half)
                done = caller.call(stream=stream)
                self.assertEqual((done["status"], done["text"], done["attempts"]), ("ok", "hello", 2), done)


class Counting(model.ModelTest):
    PRICED = {"prices": [{"input": "1", "output": "2"}]}

    def test_numbers_that_are_none(self):
        """They would break the accounts: it is estimated, as if nothing had been said."""
        server = self.server()
        caller = self.caller(server.config(self.PRICED))
        for tokens in (1 << 62, -1, "12", 3.5, None):
            server.does(model.chat(usage={"prompt_tokens": tokens, "completion_tokens": tokens}))
            usage = caller.call(agent="bob")["usage"]
            self.assertTrue(usage["estimated"], tokens)
            self.assertTrue(0 < usage["input"] < 1000 and 0 < usage["nano"] < 10000000, usage)
        self.assertLess(caller.ask("account", name="agent:bob")["tokens"], 5000)

    def test_a_stream_that_counts_at_its_beginning_and_is_cut(self):
        server = self.server()
        caller = self.caller(server.config({"preset": "anthropic", **self.PRICED}, retry={"attempts": 1}))
        words = [json.dumps({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word " * 80}})] * 10
        begin = json.dumps({"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 9, "output_tokens": 1}}})
        server.does(model.stream([b"data: %s\n\n" % event.encode() for event in (begin, *words)], chunked=False))
        done = caller.call(stream=True, agent="bob")
        self.assertEqual((done["status"], done["usage"]), ("broken", {"input": 9, "output": 1000, "nano": 2009000, "estimated": True}), done)
        self.assertEqual(caller.ask("account", name="agent:bob")["tokens"], 1009)


if __name__ == "__main__":
    model.harness.main()
