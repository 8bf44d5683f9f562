#!/usr/bin/env python3
"""The API of OpenAI: by hand, and by the `openai` client of npm where there is one (TROUPE_NPM, or tools/setup --clients)."""
import array
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

import web
from web import harness

CLIENT = """
const OpenAI = require("openai");
const client = new OpenAI.OpenAI({baseURL: process.argv[2] + "/v1", apiKey: process.argv[3], maxRetries: 0});
(async () => {
    const out = {};
    out.models = (await client.models.list()).data.map(m => m.id);
    out.model = await client.models.retrieve("assistant");
    out.none = await client.models.retrieve("nobody").catch(error => error.constructor.name);
    const whole = await client.chat.completions.create({model: "assistant", messages: [{role: "system", content: "be kind"},
        {role: "user", content: "hello, my name is Ann"}]});
    out.whole = {text: whole.choices[0].message.content, finish: whole.choices[0].finish_reason, tokens: whole.usage.total_tokens};
    const stream = await client.chat.completions.create({model: "assistant", stream: true, messages: [{role: "user",
        content: [{type: "text", text: "what is the status of the tasks?"}]}]});
    out.pieces = [];
    for await (const chunk of stream)
        out.pieces.push(chunk.choices[0].delta.content || "");
    const response = await client.responses.create({model: "assistant", instructions: "be kind", input: "hello"});
    out.response = {text: response.output_text, status: response.status, tokens: response.usage.total_tokens};
    const parts = await client.responses.create({model: "echo", stream: true, input: [{role: "user", content: [{type: "input_text", text: "as it is"}]}]});
    out.events = [], out.deltas = "";
    for await (const event of parts) {
        out.events.push(event.type);
        out.deltas += event.type === "response.output_text.delta" ? event.delta : "";
    }
    const next = await client.responses.create({model: "assistant", previous_response_id: response.id, input: "and again"});
    out.next = {previous: next.previous_response_id === response.id, kept: (await client.responses.retrieve(next.id)).id === next.id, text: next.output_text};
    try {
        await client.chat.completions.create({model: "echo", n: 2, messages: [{role: "user", content: "hello"}]});
    } catch (error) {
        out.refused = {status: error.status, param: error.param};
    }
    const vectors = await client.embeddings.create({model: "any", input: ["one", "two"]});
    out.vectors = vectors.data.map(item => item.embedding.length);
    const echo = await client.chat.completions.create({model: "echo", messages: [{role: "user", content: "as it is"}]});
    out.echo = echo.choices[0].message.content;
    try {
        await client.chat.completions.create({model: "nobody", messages: [{role: "user", content: "hello"}]});
    } catch (error) {
        out.error = {name: error.constructor.name, status: error.status, code: error.code};
    }
    console.log(JSON.stringify(out));
})().catch(error => { console.error(error); process.exit(1); });
"""


# Says one thing and then, when it may, another one.
FICKLE = """
import json, os, sys, time
for line in sys.stdin:
    m = json.loads(line)
    def piece(text, **more):
        content = {"user": "ann", "conversation": m["conversation_id"], "text": text, **more}
        print(json.dumps({"publish": "dialogue.fickle.ann", "content": content}), flush=True)
    piece("It is ")
    piece("tea.")
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.02)
    piece("It is ", again=True)
    piece("coffee.")
    print(json.dumps({"id": m["id"], "content": {"reply": "It is coffee."}}), flush=True)
"""


def npm_place():
    """Where node finds the client; None: nowhere."""
    data = os.environ.get("XDG_DATA_HOME") or str(pathlib.Path.home() / ".local/share")
    for place in (os.environ.get("TROUPE_NPM"), data + "/troupe/npm"):
        if place and shutil.which("node") and (pathlib.Path(place) / "node_modules/openai").is_dir():
            return str(pathlib.Path(place) / "node_modules")
    return None


class OpenAi(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin(env={"TROUPE_EMBEDDINGS": "ngrams"})
        self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks").wait_err("C001 ready")
        self.agent("assistant", "assistant")
        self.agent("echo")

    def chat(self, text, status=200, **more):
        body = {"model": "assistant", "messages": [{"role": "user", "content": text}], **more}
        answer = self.post("/v1/chat/completions", body)
        self.assertEqual(answer.status, status, answer)
        return answer

    def test_models(self):
        models = self.good(self.get("/v1/models"))
        self.assertEqual(models["object"], "list")
        self.assertLessEqual({"assistant", "echo"}, {model["id"] for model in models["data"]})
        self.assertEqual({model["owned_by"] for model in models["data"]}, {"local"})
        for name in ("echo", "echo@local", "echo%40local"):
            self.assertEqual(self.good(self.get("/v1/models/" + name)), next(model for model in models["data"] if model["id"] == "echo"))
        for name in ("nobody", "svc:echo", "ech"):
            answer = self.get("/v1/models/" + name)
            self.assertEqual((answer.status, answer.json()["error"]["param"]), (404, "model"), name)

    def test_a_turn(self):
        answer = self.chat("hello, my name is Ann", temperature=0.5, user="ann").json()
        self.assertEqual((answer["object"], answer["model"]), ("chat.completion", "assistant"))
        choice = answer["choices"][0]
        self.assertEqual((choice["message"]["role"], choice["finish_reason"]), ("assistant", "stop"))
        self.assertTrue(choice["message"]["content"])
        profile = self.good(self.post("/api/v1/messages", {"receiver": "assistant", "content": {"action": "profile", "user": "ann"}}))
        self.assertEqual(profile["content"]["name"], "Ann")

    def test_a_stream(self):
        answer = self.chat("hello", stream=True)
        self.assertEqual(answer.headers["content-type"], "text/event-stream")
        lines = [line[6:] for line in answer.body.decode().split("\n") if line.startswith("data: ")]
        self.assertEqual(lines[-1], "[DONE]")
        chunks = [json.loads(line) for line in lines[:-1]]
        self.assertEqual(chunks[0]["choices"][0]["delta"]["role"], "assistant")
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "stop")
        text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
        whole = self.chat("hello", user="other").json()["choices"][0]["message"]["content"]
        self.assertEqual(text, whole)

    def test_a_draft_that_is_void(self):
        """What was shown cannot be taken back: the reply follows, once, when it is whole."""
        may = pathlib.Path(self.directory, "may")
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "fickle", "--", sys.executable, "-c", FICKLE, may)
        child.wait_err("registered")
        connection = self.connection()
        body = {"model": "fickle", "user": "ann", "stream": True, "messages": [{"role": "user", "content": "which?"}]}
        connection.request("POST", "/v1/chat/completions", json.dumps(body),
                           {"Authorization": "Bearer " + self.tokens["operator"], "Content-Type": "application/json"})
        response = connection.getresponse()
        said = ""
        for line in iter(response.readline, b""):
            if line.startswith(b"data: {"):
                said += json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
            if said == "It is tea.":
                may.touch()
        self.assertEqual(said, "It is tea.\n\nIt is coffee.")

    def test_responses(self):
        whole = self.good(self.post("/v1/responses", {"model": "echo", "input": [{"role": "assistant", "content": "x"}, {"role": "user", "content": "hello"}]}))
        self.assertEqual((whole["object"], whole["status"], whole["output"][0]["content"][0]["text"]), ("response", "completed", "hello"))
        answer = self.post("/v1/responses", {"model": "assistant", "input": "hello", "stream": True})
        events = [json.loads(line[6:]) for line in answer.body.decode().split("\n") if line.startswith("data: ")]
        self.assertEqual([event["sequence_number"] for event in events], list(range(len(events))))
        text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
        self.assertEqual(text, events[-1]["response"]["output"][0]["content"][0]["text"])
        for wrong in ("", [], [{"role": "assistant", "content": "x"}], 7):
            self.assertEqual(self.post("/v1/responses", {"model": "echo", "input": wrong}).status, 400, wrong)
        failed = self.post("/v1/responses", {"model": "nobody", "input": "x", "stream": True}).body.decode()
        self.assertIn("event: response.failed", failed)
        self.assertEqual(self.post("/v1/responses", {"model": "nobody", "input": "x"}).status, 404)

    def teller(self):
        """An agent that answers with what it was sent."""
        program = "import json, sys\nfor line in sys.stdin:\n    m = json.loads(line)\n    print(json.dumps({'id': m['id'], 'content': json.dumps(m['content'])}), flush=True)"
        self.spawn("agentd", "--connect", self.at.endpoint, "--name", "teller", "--", sys.executable, "-c", program).wait_err("registered")

    def told(self, response):
        return json.loads(response["output"][0]["content"][0]["text"])

    def respond(self, status=200, **body):
        answer = self.post("/v1/responses", {"model": "teller", **body})
        self.assertEqual(answer.status, status, answer)
        return answer.json()

    def test_a_response_goes_on_from_another_one(self):
        self.teller()
        first = self.respond(input="my name is Ann", instructions="be kind", metadata={"a": "b"})
        self.assertEqual((first["instructions"], first["metadata"], first["previous_response_id"], first["store"]), ("be kind", {"a": "b"}, None, True))
        self.assertEqual(self.told(first), {"text": "my name is Ann", "user": "operator", "instructions": "be kind", "messages": [{"role": "user", "content": "my name is Ann"}]})
        second = self.respond(input=[{"role": "user", "content": "who am I?"}], previous_response_id=first["id"])
        self.assertEqual(second["previous_response_id"], first["id"])
        self.assertEqual(self.told(second), {"text": "who am I?", "user": "operator", "messages": [
            {"role": "user", "content": "my name is Ann"}, {"role": "assistant", "content": first["output"][0]["content"][0]["text"]},
            {"role": "user", "content": "who am I?"}]})
        # What came before was sent, and is counted.
        before = len(json.dumps(self.told(second)["messages"], ensure_ascii=False, separators=(",", ":")))
        self.assertEqual(second["usage"]["input_tokens"], (before + 3) // 4)
        # Of a stream, and from the first one again: it is a tree.
        stream = self.post("/v1/responses", {"model": "teller", "input": "and now?", "previous_response_id": second["id"], "stream": True}).body.decode()
        third = json.loads(next(line[6:] for line in stream.split("\n") if '"type":"response.completed"' in line))["response"]
        self.assertEqual(len(self.told(third)["messages"]), 5)
        self.assertEqual(len(self.told(self.respond(input="other", previous_response_id=third["id"]))["messages"]), 7)
        self.assertEqual(len(self.told(self.respond(input="other", previous_response_id=first["id"]))["messages"]), 3)
        # It is kept for who asked, until he does not want it any more.
        shown = self.get(f"/v1/responses/{first['id']}")
        self.assertEqual((shown.status, shown.json()), (200, first))
        self.assertEqual(self.get(f"/v1/responses/{first['id']}", role="admin").status, 404)
        self.assertEqual(self.post("/v1/responses", {"model": "teller", "input": "x", "previous_response_id": first["id"]}, role="admin").status, 400)
        self.assertEqual(self.ask("DELETE", f"/v1/responses/{first['id']}").json(), {"id": first["id"], "object": "response", "deleted": True})
        self.assertEqual(self.ask("DELETE", f"/v1/responses/{first['id']}").status, 404)
        for gone in (first["id"], "resp_never", self.respond(input="x", store=False)["id"]):
            error = self.respond(400, input="x", previous_response_id=gone)["error"]
            self.assertEqual((error["param"], error["code"]), ("previous_response_id", "previous_response_not_found"))

    def test_what_was_said_before_is_not_asked_again(self):
        self.teller()
        first = self.respond(input="drop it")
        for nothing in ([], [{"role": "developer", "content": "be kind"}], [{"role": "user", "content": ""}]):
            error = self.respond(400, input=nothing, previous_response_id=first["id"])["error"]
            self.assertEqual(error["param"], "input", nothing)
        self.assertEqual(self.told(self.respond(input="and now?", previous_response_id=first["id"]))["text"], "and now?")

    def test_what_is_too_large_is_not_said_to_be_stored(self):
        large = self.good(self.post("/v1/responses", {"model": "echo", "input": [{"role": "user", "content": "hello"}, {"role": "user", "content": "x" * 1200000}, {"role": "user", "content": "hello"}]}))
        self.assertEqual((large["store"], self.get(f"/v1/responses/{large['id']}").status), (False, 404))

    def test_a_user_whose_name_is_too_long_is_nobody_else(self):
        self.teller()
        name = "\u00e9" * 32  # 64 bytes
        self.assertEqual(self.told(self.respond(input="hello", user=name))["user"], name)
        self.assertEqual(self.respond(400, input="hello", user=name + "a")["error"]["param"], "user")
        self.assertEqual(self.chat("hello", 400, user="a" * 65).json()["error"]["param"], "user")
        paths = self.good(self.get("/api/v1/openapi.json"))["paths"]
        for path in ("/v1/chat/completions", "/v1/responses", "/api/v1/feedback"):
            self.assertEqual(paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["user"]["maxLength"], 64)

    def test_what_cannot_be_had_is_refused_by_its_name(self):
        chat = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}
        tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
        texts = {"model": "echo", "input": "hello"}
        for path, body, wrong in (
                ("chat/completions", chat, {"n": 2, "tools": [tool], "functions": [{"name": "f"}], "tool_choice": "required", "response_format": {"type": "json_object"}, "stop": ["a"] * 5,
                                            "logprobs": True, "top_logprobs": 3, "logit_bias": {"1": 2}, "modalities": ["text", "audio"], "audio": {"voice": "a"}, "prediction": {"type": "content"},
                                            "stream_options": {"wrong": True}, "max_tokens": 0, "service_tier": "flex", "web_search_options": {}, "temperature": "hot", "nonsense": 1}),
                ("responses", texts, {"tools": [tool], "tool_choice": {"type": "function"}, "text": {"format": {"type": "json_schema"}}, "background": True, "include": ["x"], "conversation": "c",
                                      "prompt": {"id": "p"}, "truncation": "wrong", "max_output_tokens": -1, "instructions": 7, "stop": "a", "nonsense": 1}),
                ("embeddings", {"input": "a"}, {"dimensions": 7, "encoding_format": "int8", "input": [1, 2], "nonsense": 1}),
                ("audio/speech", {"input": "a"}, {"speed": 2, "instructions": "sing", "voice": {"id": "v"}, "stream_format": "sse", "response_format": "midi", "nonsense": 1})):
            for name, value in wrong.items():
                answer = self.post("/v1/" + path, {**body, name: value})
                self.assertEqual((answer.status, answer.json()["error"]["param"], answer.json()["error"]["type"]), (400, name, "invalid_request_error"), (path, name, answer))
        # What says nothing, or what is done anyway.
        usual = {"n": 1, "tools": [], "tool_choice": "auto", "response_format": {"type": "text"}, "logprobs": False, "top_logprobs": 0, "logit_bias": {}, "modalities": ["text"], "store": True, "metadata": {},
                 "service_tier": "auto", "stop": None, "max_tokens": None, "user": None, "stream": None, "parallel_tool_calls": True, "safety_identifier": "x"}
        self.assertEqual(self.good(self.post("/v1/chat/completions", {**chat, **usual}))["choices"][0]["message"]["content"], "hello")
        self.good(self.post("/v1/chat/completions", {**chat, "tools": [tool], "tool_choice": "none"}))
        self.good(self.post("/v1/responses", {**texts, "text": {"format": {"type": "text"}}, "truncation": "disabled", "include": [], "background": False, "tools": [], "reasoning": None}))
        size = len(self.good(self.post("/v1/embeddings", {"input": "a"}))["data"][0]["embedding"])
        self.good(self.post("/v1/embeddings", {"input": "a", "dimensions": size}))

    def test_what_nobody_reads_of_a_message_is_refused_by_its_place(self):
        text, said = {"type": "text", "text": "hello"}, {"role": "user", "content": "hello"}
        sound = {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}
        def messages(field, *wrong):
            for place, value in wrong:
                answer = self.post("/v1/" + {"messages": "chat/completions", "input": "responses"}[field], {"model": "echo", field: value})
                self.assertEqual((answer.status, answer.json()["error"]["param"]), (400, field + place), (value, answer))
                yield answer.json()["error"]["message"]
        told = list(messages("messages", ("[0].content[1].type", [{"role": "user", "content": [text, sound]}]), ("[0].content[1].type", [{"role": "user", "content": [text, {"type": "file", "file": {}}]}]),
                             ("[0].content[0].type", [{"role": "user", "content": [{}, text]}]), ("[1].content[0].type", [said, {"role": "user", "content": ["hello"]}]),
                             ("[0].content[0].text", [{"role": "user", "content": [{"type": "text"}, text]}]), ("[0].role", [{}, said]), ("[0].role", [{"role": "king", "content": "x"}, said]), ("[0]", ["x", said]),
                             ("[0].content", [{"role": "system"}, said]), ("[0].content", [{"role": "assistant"}, said]), ("[0].content", [{"role": "user", "content": 7}, said])))
        self.assertIn("/v1/audio/transcriptions", told[0])
        list(messages("input", ("[0].role", [{}] * 2 + [said]), ("[0].content[0].type", [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}, {"type": "input_text", "text": "x"}]}]),
                      ("[0].type", [{"type": "function_call_output", "call_id": "c", "output": "x"}, said]), ("[1].type", [said, {"type": "item_reference", "id": "x"}])))
        usual = [{"role": "developer", "content": [text]}, {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}, {"role": "assistant", "content": None, "tool_calls": []},
                 {"role": "tool", "tool_call_id": "c", "content": "7"}, {"role": "user", "name": "ann", "content": [text]}]
        self.assertEqual(self.good(self.post("/v1/chat/completions", {"model": "echo", "messages": usual}))["choices"][0]["message"]["content"], "hello")
        first = self.good(self.post("/v1/responses", {"model": "echo", "input": "hello"}))
        self.good(self.post("/v1/responses", {"model": "echo", "input": [said, *first["output"], {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "and?"}]}]}))

    def test_how_to_write_is_told_the_agent(self):
        self.teller()
        hints = {"temperature": 0.2, "top_p": 0.5, "seed": 7, "reasoning_effort": "low"}
        text = self.good(self.post("/v1/chat/completions", {"model": "teller", "messages": [{"role": "user", "content": "x"}], **hints}))["choices"][0]["message"]["content"]
        self.assertEqual(json.loads(text)["parameters"], hints)

    def test_a_reply_ends_where_it_is_to_end(self):
        said = "one two \u00e9\u00e9\u00e9 three. four"
        for bound, text, finish in (({"stop": "three"}, "one two \u00e9\u00e9\u00e9 ", "stop"), ({"stop": ["four", "two"]}, "one ", "stop"), ({"max_tokens": 1}, "one ", "length"),
                                    ({"max_tokens": 3, "max_completion_tokens": 900}, "one two \u00e9\u00e9", "length"), ({"max_completion_tokens": 100}, said, "stop")):
            body = {"model": "echo", "messages": [{"role": "user", "content": said}], **bound}
            choice = self.good(self.post("/v1/chat/completions", body))["choices"][0]
            self.assertEqual((choice["message"]["content"], choice["finish_reason"]), (text, finish), bound)
            lines = [line[6:] for line in self.post("/v1/chat/completions", {**body, "stream": True, "stream_options": {"include_usage": True}}).body.decode().split("\n") if line.startswith("data: ")]
            chunks = [json.loads(line) for line in lines[:-1]]
            self.assertEqual(("".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks[:-1]), chunks[-2]["choices"][0]["finish_reason"]), (text, finish))
            self.assertEqual((chunks[-1]["choices"], chunks[-1]["usage"]["completion_tokens"]), ([], (len(text.encode()) + 3) // 4))
        cut = self.good(self.post("/v1/responses", {"model": "echo", "input": said, "max_output_tokens": 1}))
        self.assertEqual((cut["status"], cut["incomplete_details"], cut["output"][0]["content"][0]["text"]), ("incomplete", {"reason": "max_output_tokens"}, "one "))
        events = self.post("/v1/responses", {"model": "echo", "input": said, "max_output_tokens": 1, "stream": True}).body.decode()
        self.assertIn("event: response.incomplete", events)

    def test_embeddings(self):
        answer = self.good(self.post("/v1/embeddings", {"model": "any", "input": ["ships in the harbour", "a ship in a harbour", "tea"]}, role="viewer"))
        a, b, c = (item["embedding"] for item in answer["data"])
        self.assertEqual([item["index"] for item in answer["data"]], [0, 1, 2])
        self.assertAlmostEqual(sum(x * x for x in a), 1, 3)
        self.assertGreater(sum(x * y for x, y in zip(a, b)), sum(x * y for x, y in zip(a, c)))
        one = self.good(self.post("/v1/embeddings", {"input": "tea", "encoding_format": "base64"}))["data"][0]["embedding"]
        floats = array.array("f", base64.b64decode(one))
        self.assertLess(max(abs(x - y) for x, y in zip(floats, c)), 1e-6)
        for wrong in ([], [1], {}, ["a"] * 257, "", " \n", [""], ["a", " "]):
            self.assertEqual(self.post("/v1/embeddings", {"input": wrong}).status, 400)

    def test_problems_are_as_openai_says_them(self):
        answer = self.chat("hello", 404, model="nobody").json()
        self.assertEqual((answer["error"]["type"], answer["error"]["code"]), ("invalid_request_error", "not-found"))
        self.chat("", 400)
        self.assertEqual(self.post("/v1/chat/completions", {"model": "a", "messages": []}, role="viewer").status, 403)

    @unittest.skipUnless(npm_place(), "there is no npm client of OpenAI: tools/setup --clients")
    def test_the_client_of_npm(self):
        script = pathlib.Path(self.directory) / "client.js"
        script.write_text(CLIENT, encoding="utf-8")
        done = subprocess.run(["node", str(script), self.gateway.url, self.tokens["operator"]], env={**os.environ, "NODE_PATH": npm_place()},
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done)
        out = json.loads(done.stdout)
        self.assertIn("assistant", out["models"])
        self.assertEqual((out["model"]["id"], out["model"]["object"], out["none"]), ("assistant", "model", "NotFoundError"))
        self.assertEqual(out["whole"]["finish"], "stop")
        self.assertTrue(out["whole"]["text"])
        self.assertGreater(out["whole"]["tokens"], 0)
        self.assertTrue("".join(out["pieces"]))
        self.assertEqual(out["echo"], "as it is")
        self.assertEqual((out["response"]["status"], bool(out["response"]["text"]), out["response"]["tokens"] > 0), ("completed", True, True))
        self.assertEqual((out["deltas"], out["events"][0], out["events"][-1]), ("as it is", "response.created", "response.completed"))
        self.assertEqual((out["next"]["previous"], out["next"]["kept"], bool(out["next"]["text"])), (True, True, True))
        self.assertEqual(out["refused"], {"status": 400, "param": "n"})
        self.assertEqual(len(out["vectors"]), 2)
        self.assertGreater(out["vectors"][0], 50)
        self.assertEqual(out["error"], {"name": "NotFoundError", "status": 404, "code": "not-found"})


if __name__ == "__main__":
    harness.main()
