"""What the model client asks of servers and makes of their answers: chat, streams, tools, schemas, the other operations, dialects."""
import json
import os
import time

import model
from model import harness

PLAN = {"type": "object", "required": ["steps"], "additionalProperties": False,
        "properties": {"steps": {"type": "array", "items": {"type": "string"}}}}
TOOL = {"name": "add", "description": "Adds.", "parameters": {
    "type": "object", "required": ["a", "b"], "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}}


def tool_call(arguments='{"a": 1, "b": 2}', name="add", id_="call-7", **more):
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


class Chat(model.ModelTest):
    def test_a_chat(self):
        server = self.server()
        caller = self.caller(server.config({"headers": {"X-Team": "blue"}}))
        done = caller.call(temperature=0.5, max_tokens=99, traceparent="00-1-2-01", agent="bob", conversation="c-9")
        self.assertEqual((done["status"], done["text"], done["finish"], done["model"], done["provider"]),
                         ("ok", "hello", "stop", "the-model", "compatible"))
        self.assertEqual(done["usage"], {"input": 7, "output": 3, "nano": 0, "estimated": False})
        asked = server.requests[0]
        self.assertEqual(asked.path, "/v1/chat/completions")
        self.assertEqual(asked.json, {"model": "a-model", "messages": model.user("hi"), "max_tokens": 99, "temperature": 0.5})
        self.assertEqual(asked.headers["authorization"], "Bearer " + model.KEY)
        self.assertEqual(asked.headers["content-type"], "application/json")
        self.assertEqual((asked.headers["x-team"], asked.headers["traceparent"]), ("blue", "00-1-2-01"))
        self.assertNotIn("expect", asked.headers)
        span = caller.spans[0]
        self.assertEqual((span["name"], span["failed"]), ("chat a-model", False))
        self.assertEqual(
            {name: span["attributes"][name] for name in (
                "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.response.id",
                "gen_ai.response.finish_reasons", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.conversation.id",
                "gen_ai.agent.name", "gen_ai.request.max_tokens", "server.address", "server.port", "http.response.status_code")},
            {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "a-model",
             "gen_ai.response.model": "the-model", "gen_ai.response.id": "chat-1", "gen_ai.response.finish_reasons": "stop",
             "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3, "gen_ai.conversation.id": "c-9",
             "gen_ai.agent.name": "bob", "gen_ai.request.max_tokens": 99, "server.address": "127.0.0.1", "server.port": server.port,
             "http.response.status_code": 200})

    def test_a_stream(self):
        server = self.server()
        caller = self.caller(server.config())
        for chunked in (True, False):
            server.does(model.stream(model.events(), chunked=chunked))
            id_ = caller.start(want_text=True)
            done = caller.done(id_)
            self.assertEqual((done["status"], done["text"], done["usage"]["input"]), ("ok", "Hello, world", 7))
            self.assertEqual("".join(caller.texts[id_]), "Hello, world")
            self.assertGreater(len(caller.texts[id_]), 0)
        self.assertEqual(server.requests[0].json["stream"], True)
        self.assertEqual(server.requests[0].json["stream_options"], {"include_usage": True})

    def test_pieces_come_before_the_end(self):
        server = self.server()
        caller = self.caller(server.config())
        events = model.events()
        server.does(model.stream(events[:3] + [b": wait\n\n"] * 400 + events[3:], pause=0.001))
        id_ = caller.start(want_text=True)
        caller.until(lambda line: line["event"] == "text")
        server_was_at = time.monotonic()
        self.assertEqual(caller.done(id_)["text"], "Hello, world")
        self.assertGreater(time.monotonic() - server_was_at, 0.1)

    def test_a_server_that_does_not_stream(self):
        server = self.server()
        caller = self.caller(server.config())
        id_ = caller.start(want_text=True)
        self.assertEqual(caller.done(id_)["text"], "hello")
        self.assertEqual(caller.texts[id_], ["hello"])

    def test_many_at_once(self):
        server = self.server()
        server.usual = model.slow(model.stream(model.events()), 0.3)
        caller = self.caller(server.config())
        ids = [caller.start(want_text=True) for _ in range(200)]
        for id_ in ids:
            self.assertEqual(caller.done(id_)["text"], "Hello, world")
            self.assertEqual("".join(caller.texts[id_]), "Hello, world")
        self.assertGreater(server.most_working, 150)

    def test_images(self):
        server = self.server()
        caller = self.caller(server.config())
        messages = [{"role": "user", "content": [{"type": "text", "text": "what is this?"},
                                                 {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]
        self.assertEqual(caller.call(messages=messages)["status"], "ok")
        self.assertEqual(server.requests[0].json["messages"], messages)

    def test_unicode_and_zeros(self):
        server = self.server()
        caller = self.caller(server.config())
        text = "äöü € 🙂 \\ \" \n"
        server.does(model.stream(model.events((text[:3], text[3:]))), model.chat(text))
        self.assertEqual(caller.call(want_text=True)["text"], text)
        self.assertEqual(caller.call(messages=model.user(text))["text"], text)
        self.assertEqual(server.requests[1].json["messages"][0]["content"], text)


class Tools(model.ModelTest):
    def test_calls_of_tools(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.chat(None, "tool_calls", [tool_call()]))
        done = caller.call(tools=[TOOL], tool_choice="add")
        self.assertEqual(done["tools"], [{"id": "call-7", "name": "add", "arguments": {"a": 1, "b": 2}}])
        asked = server.requests[0].json
        self.assertEqual(asked["tools"], [{"type": "function", "function": TOOL}])
        self.assertEqual(asked["tool_choice"], {"type": "function", "function": {"name": "add"}})

    def test_calls_in_a_stream(self):
        server = self.server()
        caller = self.caller(server.config())
        pieces = [{"index": 0, "id": "x", "type": "function", "function": {"name": "add", "arguments": ""}},
                  {"index": 0, "function": {"arguments": '{"a": 1,'}}, {"index": 1, "id": "y", "function": {"name": "add", "arguments": '{"a":3'}},
                  {"index": 0, "function": {"arguments": ' "b": 2}'}}, {"index": 1, "function": {"arguments": ',"b":4}'}}]
        server.does(model.stream(model.events((), "tool_calls", pieces)))
        done = caller.call(tools=[TOOL], stream=True)
        self.assertEqual(done["tools"], [{"id": "x", "name": "add", "arguments": {"a": 1, "b": 2}},
                                         {"id": "y", "name": "add", "arguments": {"a": 3, "b": 4}}])

    def test_several_calls_under_one_index(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.stream(model.events((), "stop", [tool_call(index=0, id_="x"), tool_call('{"a":3,"b":4}', index=0, id_="y")])))
        done = caller.call(tools=[TOOL], stream=True)
        self.assertEqual([t["arguments"]["a"] for t in done["tools"]], [1, 3])

    def test_wrong_calls_are_repaired(self):
        server = self.server()
        caller = self.caller(server.config())
        wrong = [tool_call('{"a": 1'), tool_call('{"a": 1}'), tool_call(name="subtract"), tool_call("[]")]
        for call in wrong:
            server.requests.clear()
            server.does(model.chat(None, "tool_calls", [call]), model.chat(None, "tool_calls", [tool_call()]))
            done = caller.call(tools=[TOOL])
            self.assertEqual((done["status"], done["repairs"], done["attempts"]), ("ok", 1, 2))
            self.assertEqual(done["tools"][0]["arguments"], {"a": 1, "b": 2})
            self.assertEqual([m["role"] for m in server.requests[1].json["messages"]], ["user", "assistant", "user"])

    def test_a_call_that_stays_wrong(self):
        server = self.server()
        caller = self.caller(server.config())
        server.usual = model.chat(None, "tool_calls", [tool_call("{")])
        done = caller.call(tools=[TOOL])
        self.assertEqual((done["status"], done["repairs"], done["tools"], len(server.requests)), ("mismatch", 2, None, 3))


class Schema(model.ModelTest):
    def test_json(self):
        server = self.server()
        caller = self.caller(server.config())
        for text in ('{"steps": ["a"]}', ' \n{"steps": ["a"]}\n', '```json\n{"steps": ["a"]}\n```', '```\n{"steps": ["a"]}```'):
            server.does(model.chat(text))
            done = caller.call(schema=PLAN, schema_name="plan")
            self.assertEqual((done["status"], done["json"], done["repairs"]), ("ok", {"steps": ["a"]}, 0))
        self.assertEqual(server.requests[0].json["response_format"],
                         {"type": "json_schema", "json_schema": {"name": "plan", "schema": PLAN}})

    def test_it_is_repaired_at_most_twice(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.chat("Sure! Here is a plan."), model.chat('{"steps": [1]}'), model.chat('{"steps": ["a"]}'))
        done = caller.call(schema=PLAN)
        self.assertEqual((done["status"], done["json"], done["repairs"], done["attempts"]), ("ok", {"steps": ["a"]}, 2, 3))
        last = server.requests[2].json["messages"]
        self.assertEqual([m["role"] for m in last], ["user", "assistant", "user", "assistant", "user"])
        self.assertEqual(last[3]["content"], '{"steps": [1]}')
        self.assertIn("$.steps[0]: expected type string, found 1", last[4]["content"])
        self.assertEqual(done["usage"]["input"], 21)

        server.requests.clear()
        server.usual = model.chat('{"steps": 7}')
        done = caller.call(schema=PLAN)
        self.assertEqual((done["status"], done["json"], done["repairs"], len(server.requests)), ("mismatch", None, 2, 3))
        self.assertIn("$.steps", done["detail"])
        self.assertEqual(done["text"], '{"steps": 7}')

    def test_a_pattern_is_repaired(self):
        server = self.server()
        caller = self.caller(server.config())
        schema = {"type": "object", "required": ["day"], "properties": {"day": {"type": "string", "pattern": "^\\d{4}-\\d\\d$"}}}
        server.does(model.chat('{"day": "May"}'), model.chat('{"day": "2026-05"}'))
        done = caller.call(schema=schema)
        self.assertEqual((done["status"], done["json"], done["repairs"]), ("ok", {"day": "2026-05"}, 1))
        self.assertIn("$.day: expected a text with the pattern", server.requests[1].json["messages"][-1]["content"])

    def test_what_cannot_be_checked_is_refused_at_the_beginning(self):
        server = self.server()
        caller = self.caller(server.config())
        for request, says in (({"schema": {"properties": {"a": {"pattern": "("}}}}, "properties.a.pattern: the pattern ( cannot be read"),
                              ({"schema": {"$dynamicRef": "#x"}}, "$dynamicRef: it cannot be checked"),
                              ({"tools": [{"name": "t", "parameters": {"type": "objekt"}}]}, "tools[0].parameters: type: expected one of the types")):
            done = caller.call(**request)
            self.assertEqual(done["status"], "invalid", done)
            self.assertIn(says, done["detail"])
        self.assertEqual(server.requests, [])

    def test_a_cut_answer_is_not_repaired(self):
        server = self.server()
        caller = self.caller(server.config())
        server.usual = model.chat('{"steps": ["a"', "length")
        done = caller.call(schema=PLAN)
        self.assertEqual((done["status"], done["json"], len(server.requests)), ("cut", None, 1))

    def test_streamed_json_is_not_handed_out_in_pieces(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.stream(model.events(('{"steps"', ': ["a"', "]}"))))
        id_ = caller.start(schema=PLAN, want_text=True)
        self.assertEqual(caller.done(id_)["json"], {"steps": ["a"]})
        self.assertEqual(caller.texts[id_], [])

    def test_drafts_come_before_the_end_and_begin_anew_with_an_attempt(self):
        server = self.server()
        caller = self.caller(server.config())
        gate = model.Gate(server)
        server.does(model.stream(model.events(('{"steps"', ": 5}"))), gate.stream(model.events(('{"steps"', ': ["a"]}'))))
        id_ = caller.start(schema=PLAN, want_draft=True)
        drafts = []
        while [d["offset"] for d in drafts].count(0) < 2:
            drafts.append(caller.until(lambda line: line["event"] == "draft"))
        self.assertEqual(drafts[-1]["text"], '{"steps"')
        self.assertEqual("".join(d["text"] for d in drafts[:-1]), '{"steps": 5}')
        gate.open()
        last = caller.until(lambda line: line["event"] == "draft")
        self.assertEqual((last["offset"], last["text"]), (8, ': ["a"]}'))
        done = caller.done(id_)
        self.assertEqual((done["json"], done["repairs"]), ({"steps": ["a"]}, 1))


class Others(model.ModelTest):
    MODELS = {"models": {"embed": "e-model", "transcribe": "t-model", "speak": "s-model", "classify": "c-model"}}

    def test_embeddings(self):
        server = self.server()
        caller = self.caller(server.config(self.MODELS))
        server.does(model.body(json.dumps({"data": [{"index": 1, "embedding": [3, 4.5]}, {"index": 0, "embedding": [1, -2]}],
                                           "usage": {"prompt_tokens": 5}})))
        done = caller.call("embed", input=["a", "b"], dimensions=2)
        self.assertEqual((done["status"], done["vectors"], done["usage"]["input"]), ("ok", [[1, -2], [3, 4.5]], 5))
        self.assertEqual(server.requests[0].path, "/v1/embeddings")
        self.assertEqual(server.requests[0].json, {"model": "e-model", "input": ["a", "b"], "dimensions": 2})

    def test_embeddings_that_are_none(self):
        server = self.server()
        caller = self.caller(server.config(self.MODELS, retry={"attempts": 1}, breaker={"failures": 100}))
        for data in ([], [{"embedding": [1]}], [{"embedding": [1]}, {"embedding": [1, 2]}], [{"index": 0, "embedding": [1]}] * 2,
                     [{"index": 5, "embedding": [1]}, {"index": 0, "embedding": [1]}], [{"embedding": ["x"]}, {"embedding": [1]}],
                     [{"embedding": []}, {"embedding": []}], [{"embedding": [1e300]}, {"embedding": [1]}]):
            server.does(model.body(json.dumps({"data": data})))
            done = caller.call("embed", input=["a", "b"])
            self.assertEqual((done["status"], done["vectors"]), ("garbled", []), data)

    def test_transcription(self):
        server = self.server()
        caller = self.caller(server.config(self.MODELS))
        server.does(model.body('{"text": "good morning"}'))
        done = caller.call("transcribe", audio="RIFF of sound", language="en")
        self.assertEqual((done["status"], done["text"]), ("ok", "good morning"))
        asked = server.requests[0]
        self.assertEqual(asked.path, "/v1/audio/transcriptions")
        self.assertTrue(asked.headers["content-type"].startswith("multipart/form-data; boundary="))
        for piece in (b'name="file"; filename="speech.wav"', b"RIFF of sound", b'name="model"\r\n\r\nt-model', b'name="language"\r\n\r\nen'):
            self.assertIn(piece, asked.body)

    def test_speech(self):
        server = self.server()
        caller = self.caller(server.config(self.MODELS))
        server.does(model.body(b"\0\1ID3" * 1000, content_type="audio/mpeg"), model.body('{"oops": 1}'))
        done = caller.call("speak", text="good morning", voice="nova")
        self.assertEqual((done["status"], done["audio_len"]), ("ok", 5000))
        self.assertEqual(server.requests[0].json, {"model": "s-model", "input": "good morning", "voice": "nova", "response_format": "mp3"})

    def test_a_model_for_each_operation(self):
        server = self.server()
        caller = self.caller(server.config(self.MODELS))
        caller.call(operation="classify")
        caller.call(operation="summarise")
        caller.call(model="another")
        self.assertEqual([r.json["model"] for r in server.requests], ["c-model", "a-model", "another"])

    def test_an_operation_that_nobody_has(self):
        caller = self.caller(self.server().config())
        done = caller.call("embed", input=["a"])
        self.assertEqual((done["status"], done["attempts"]), ("no-provider", 0))

    def test_the_cache(self):
        server = self.server()
        caller = self.caller(server.config(self.MODELS))
        vectors = model.body(json.dumps({"data": [{"index": 0, "embedding": [1, 2]}]}))
        first = caller.call(cache_ms=60000)
        again = caller.call(cache_ms=60000)
        self.assertEqual((first["cached"], again["cached"], again["text"], again["usage"]["input"]), (False, True, "hello", 0))
        self.assertEqual(len(server.requests), 1)
        for other in ({"temperature": 0}, {"max_tokens": 5}, {"messages": model.user("else")}, {"schema": {}, }, {"model": "m"}):
            n = len(server.requests)
            caller.call(cache_ms=60000, **other)
            self.assertGreater(len(server.requests), n, other)
        n = len(server.requests)
        caller.call()
        self.assertEqual(len(server.requests), n + 1, "who does not want the cache is asked anew")
        server.does(vectors)
        self.assertEqual(caller.call("embed", input=["a"], cache_ms=1000)["vectors"], [[1, 2]])
        self.assertEqual(caller.call("embed", input=["a"], cache_ms=60000)["vectors"], [[1, 2]])

    def test_what_the_configuration_keeps(self):
        server = self.server()
        caller = self.caller(server.config(self.MODELS, cache={"keep": {"chat": "1h", "classify": "0s"}}))
        for text, mark, cached in (("see 123, 123", "123", False), ("see 77, 77", "77", True), ("see 77, 78", "77", False), ("see 123, 123", None, False)):
            done = caller.call(messages=model.user(text), **({"unkeyed": mark} if mark else {}))
            self.assertEqual((done["status"], done["cached"]), ("ok", cached), text)
        for _ in range(2):
            self.assertFalse(caller.call(operation="classify")["cached"])
        caller = self.caller(server.config(cache={"keep": {"chat": "long"}}))
        self.assertIn("expected as keep.chat a time up to 365d", caller.unopened["detail"])
        self.assertEqual(caller.process.wait(60), 3)

    def test_the_same_at_once_is_asked_once(self):
        server = self.server()
        caller = self.caller(server.config(self.MODELS))
        server.does(model.slow(model.chat("hello"), 0.5))
        started = [caller.start(cache_ms=60000) for _ in range(5)] + [caller.start(cache_ms=60000, messages=model.user("else"))]
        done = [caller.done(call) for call in started]
        self.assertEqual([d["status"] for d in done], ["ok"] * 6)
        self.assertEqual([d["cached"] for d in done].count(True), 4)
        self.assertEqual(len(server.requests), 2)

    def test_who_waits_asks_when_the_other_fails(self):
        server = self.server()
        caller = self.caller(server.config(self.MODELS))
        server.does(model.slow(model.status(400), 0.3))
        done = [caller.done(call) for call in [caller.start(cache_ms=60000) for _ in range(3)]]
        self.assertEqual([d["status"] for d in done], ["refused", "ok", "ok"])
        self.assertEqual(len(server.requests), 2)

    def test_failures_are_not_cached(self):
        server = self.server()
        caller = self.caller(server.config())
        server.does(model.status(400))
        self.assertEqual(caller.call(cache_ms=60000)["status"], "refused")
        self.assertEqual(caller.call(cache_ms=60000)["status"], "ok")


class Presets(model.ModelTest):
    def test_what_they_differ_in(self):
        """Those that speak as OpenAI does: what the answer's length is called, and how a schema is asked for."""
        schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
        for preset, length, form in (("compatible", "max_tokens", "json_schema"), ("openai", "max_completion_tokens", "json_schema"), ("gemini", "max_tokens", "json_schema"),
                                     ("vllm", "max_tokens", "json_schema"), ("tgi", "max_tokens", "json_object"), ("llama.cpp", "max_tokens", "json_schema"),
                                     ("ollama", "max_tokens", "json_schema")):
            with self.subTest(preset):
                server = self.server()
                server.usual = model.chat('{"a": 1}')
                caller = self.caller(server.config({"preset": preset}))
                self.assertEqual(caller.call(schema=schema, max_tokens=9)["status"], "ok")
                asked = server.requests[0]
                self.assertEqual((asked.path, asked.headers["authorization"], asked.json[length]), ("/v1/chat/completions", "Bearer " + model.KEY, 9))
                self.assertEqual(asked.json["response_format"]["type"], form)
                self.assertEqual(asked.json["response_format"]["value"] if form == "json_object" else asked.json["response_format"]["json_schema"]["schema"], schema)


class Azure(model.ModelTest):
    def test_deployments(self):
        server = self.server()
        caller = self.caller(server.config({"preset": "azure", "base-url": f"http://127.0.0.1:{server.port}/", "model": "my gpt"}))
        self.assertEqual(caller.call()["status"], "ok")
        asked = server.requests[0]
        self.assertEqual(asked.path, "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21")
        self.assertEqual(asked.headers["api-key"], model.KEY)
        self.assertNotIn("authorization", asked.headers)
        self.assertIn("max_completion_tokens", asked.json)


class Anthropic(model.ModelTest):
    def anthropic(self, server):
        return self.caller(server.config({"preset": "anthropic", "model": "claude"}))

    @staticmethod
    def message(content, stop="end_turn"):
        return model.body(json.dumps({"id": "m", "type": "message", "model": "claude-x", "content": content, "stop_reason": stop,
                                      "usage": {"input_tokens": 11, "output_tokens": 4, "cache_read_input_tokens": 2}}))

    def test_a_chat(self):
        server = self.server()
        caller = self.anthropic(server)
        server.does(self.message([{"type": "text", "text": "hello"}]))
        messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": [
            {"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]},
            {"role": "assistant", "content": None, "tool_calls": [tool_call()]},
            {"role": "tool", "tool_call_id": "call-7", "content": "3"}, {"role": "user", "content": "and?"}]
        done = caller.call(messages=messages, tools=[TOOL], temperature=1.5)
        self.assertEqual((done["status"], done["text"], done["usage"]["input"], done["usage"]["output"]), ("ok", "hello", 13, 4))
        asked = server.requests[0]
        self.assertEqual((asked.path, asked.headers["x-api-key"], asked.headers["anthropic-version"]),
                         ("/v1/messages", model.KEY, "2023-06-01"))
        self.assertEqual(asked.json, {
            "model": "claude", "max_tokens": 4096, "temperature": 1.0, "system": [{"type": "text", "text": "be kind"}],
            "tools": [{"name": "add", "description": "Adds.", "input_schema": TOOL["parameters"]}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
                    {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "call-7", "name": "add", "input": {"a": 1, "b": 2}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call-7", "content": [{"type": "text", "text": "3"}]},
                                             {"type": "text", "text": "and?"}]}]})

    @staticmethod
    def events(blocks, stop="end_turn"):
        out = [("message_start", {"message": {"id": "m", "model": "claude-x", "usage": {"input_tokens": 9, "output_tokens": 1}}})]
        for i, (start, deltas) in enumerate(blocks):
            out.append(("content_block_start", {"index": i, "content_block": start}))
            out += [("content_block_delta", {"index": i, "delta": d}) for d in deltas] + [("ping", {}), ("content_block_stop", {"index": i})]
        if stop:
            out += [("message_delta", {"delta": {"stop_reason": stop}, "usage": {"output_tokens": 6}}), ("message_stop", {})]
        return [f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode() for name, data in out]

    def test_a_stream_with_tools(self):
        server = self.server()
        caller = self.anthropic(server)
        server.does(model.stream(self.events([
            ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "let me "}, {"type": "text_delta", "text": "see"}]),
            ({"type": "tool_use", "id": "t", "name": "add", "input": {}}, [{"type": "input_json_delta", "partial_json": p} for p in ("", '{"a": 1', ', "b": 2}')]),
        ], "tool_use")))
        id_ = caller.start(want_text=True, tools=[TOOL])
        done = caller.done(id_)
        self.assertEqual((done["status"], done["text"], done["usage"]["input"], done["usage"]["output"]), ("ok", "let me see", 9, 6))
        self.assertEqual(done["tools"], [{"id": "t", "name": "add", "arguments": {"a": 1, "b": 2}}])

    def test_a_schema(self):
        server = self.server()
        caller = self.anthropic(server)
        server.does(self.message([{"type": "tool_use", "id": "t", "name": "answer", "input": {"steps": ["a"]}}], "tool_use"),
                    model.stream(self.events([({"type": "tool_use", "id": "t", "name": "answer", "input": {}},
                                               [{"type": "input_json_delta", "partial_json": '{"steps": ["b"]}'}])], "tool_use")))
        done = caller.call(schema=PLAN)
        self.assertEqual((done["status"], done["json"], done["tools"]), ("ok", {"steps": ["a"]}, None))
        self.assertEqual(server.requests[0].json["tool_choice"], {"type": "tool", "name": "answer"})
        self.assertEqual(caller.call(schema=PLAN, stream=True)["json"], {"steps": ["b"]})

    def test_an_answer_by_a_schema_is_kept(self):
        server = self.server()
        caller = self.anthropic(server)
        server.usual = self.message([{"type": "tool_use", "id": "t", "name": "answer", "input": {"steps": ["a"]}}], "tool_use")
        for cached in False, True:
            done = caller.call(schema=PLAN, cache_ms=60000)
            self.assertEqual((done["json"], done["cached"]), ({"steps": ["a"]}, cached), done)

    def test_its_stream_needs_a_stop_reason(self):
        server = self.server()
        caller = self.anthropic(server)
        server.does(*[model.stream(self.events([({"type": "text", "text": "half"}, [])], None), chunked=False)] * 3)
        self.assertEqual(caller.call(stream=True)["status"], "broken")


class Configuration(model.ModelTest):
    def wrong(self, config, expected, **env):
        caller = self.caller(config, **env)
        self.assertIsNotNone(caller.unopened, config)
        self.assertIn(expected, caller.unopened["detail"])
        self.assertEqual(caller.process.wait(60), 3)

    def test_what_is_wrong_is_told(self):
        server = self.server()
        self.wrong({"providers": []}, "providers")
        self.wrong(server.config({"preset": "opnai"}), "openai")
        self.wrong({"providers": [{"preset": "azure", "model": "m"}]}, "the preset azure needs a base-url")
        self.wrong({"providers": [{"preset": "vllm"}]}, "expected a model")
        self.wrong(server.config({"base-url": "http://user:password@host/v1"}), "base-url")
        self.wrong(server.config({"key-env": "NOT_SET"}), "NOT_SET")
        self.wrong(server.config({"headers": {"Authorization": "Bearer x"}}), "none of those that carry the key")
        self.wrong(server.config({"key-file": "x"}), "found both")
        self.wrong(server.config(limitz={}), "limits")
        self.wrong({"providers": [server.provider(), server.provider()]}, "another name")

    def test_a_key_in_a_file(self):
        server = self.server()
        path = f"{self.directory}/key"
        provider = {"preset": "compatible", "base-url": server.url, "model": "m", "key-file": path}
        with open(path, "w", encoding="utf-8") as file:
            file.write("sk-from-a-file\n")
        self.wrong({"providers": [provider]}, "everybody may read this key")
        os.chmod(path, 0o600)
        caller = self.caller({"providers": [provider]})
        caller.call()
        with open(path, "w", encoding="utf-8") as file:
            file.write("sk-a-new-one")
        caller.call()
        self.assertEqual([r.headers["authorization"] for r in server.requests], ["Bearer sk-from-a-file", "Bearer sk-a-new-one"])

    def test_requests_that_make_no_sense(self):
        caller = self.caller(self.server().config())
        for request in ({"messages": []}, {"messages": ["x"]}, {"op": "sing"}, {"op": "embed", "input": []}, {"op": "embed", "input": [1]},
                        {"op": "transcribe"}, {"op": "speak"}, {"tools": [{}]}, {"schema": []},
                        {"traceparent": "00-1-2-01\r\nX-Admin: 1"}):
            self.assertEqual(caller.call(request.pop("op", "chat"), **request)["status"], "invalid", request)


if __name__ == "__main__":
    harness.main()
