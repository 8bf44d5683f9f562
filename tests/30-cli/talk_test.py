"""ask, send and pub: what they print, and their exit codes."""
import base64
import json
import pathlib
import signal
import time

import cli
import harness


class Ask(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.start()

    def test_a_text(self):
        self.expect(self.run_verb("ask", "echo", "good morning"), 0, "good morning\n")
        self.expect(self.run_verb("ask", f"echo@{self.at.platform}", "x"), 0, "x\n")
        self.expect(self.run_verb("ask", "svc:echoing", "to whom it may concern"), 0, "to whom it may concern\n")
        self.expect(self.run_verb("ask", "echo"), 0, "")

    def test_json_is_msgpack_on_its_way(self):
        done = self.expect(self.run_verb("ask", "echo", '{"a": [1, 2.5, null]}'), 0)
        self.assertEqual(done.json(), {"a": [1, 2.5, None]})
        self.assertIn("\n  ", done.out)
        self.expect(self.run_verb("ask", "echo", '{"a":[1]}', "-o", "json"), 0, '{"a":[1]}\n')
        self.expect(self.run_verb("ask", "echo", '{"a": 1}', "-o", "yaml"), 0, "a: 1\n")
        self.expect(self.run_verb("ask", "echo", '[7]', "--raw"), 0, "\ufffd\x07")
        self.expect(self.run_verb("ask", "echo", "[draft] no JSON"), 0, "[draft] no JSON\n")
        self.expect(self.run_verb("ask", "echo", '{"a": '), 0, '{"a": \n', err="sent as a text")

    def test_suspend_and_resume(self):
        self.expect(self.run_verb("suspend", "nobody"), 3, err="not-registered")
        self.expect(self.run_verb("suspend", "svc:echoing"), 1, err="is no agent's name")
        rows = self.expect(self.run_verb("suspend", "silent", "chatty", "--reason", "a pause", "-o", "json"), 0).json()
        self.assertEqual(rows, [{"name": f"{name}@local", "state": "suspended", "was": "active", "count": 1} for name in ("silent", "chatty")])
        self.expect(self.run_verb("ask", "chatty", "x", "--timeout", "300ms"), 4, err="no answer")
        self.expect(self.run_verb("ask", "echo", "others go on"), 0, "others go on\n")
        self.expect(self.run_verb("resume", "silent", "chatty", "-o", "name"), 0, "silent@local\nchatty@local\n")
        self.expect(self.run_verb("ask", "chatty", "x", "-o", "json"), 0)

    def test_why(self):
        self.expect(self.run_verb("why", "nobody"), 3, "", err="no agent of this name")
        self.expect(self.run_verb("why", "svc:echoing"), 1, "", err="is no agent's name")
        row = self.expect(self.run_verb("why", "echo", "-o", "json"), 0).json()[0]
        self.assertEqual((row["name"], row["state"], row["supervisor"]), ("echo@local", "active", None))
        self.assertEqual((row["told"]["status"], row["told"]["conversations"]), ("running", []))
        self.assertIn("nothing holds it up", row["because"])
        self.run_verb("suspend", "echo", "--reason", "a pause")
        asked = self.spawn_verb("ask", "echo", "later", "--timeout", "30s")
        harness.wait_until(lambda: self.run_verb("why", "echo", "-o", "json").json()[0]["queued"] == 1, "the question in its mailbox")
        lines = self.expect(self.run_verb("why", "echo"), 0).out
        for part in "it is suspended since", "because a pause", "1 messages", "pid ":
            self.assertIn(part, lines)
        self.run_verb("resume", "echo")
        self.assertEqual((asked.wait().code, asked.out), (0, "later\n"))

    def test_why_an_agent_waits(self):
        self.assertEqual(self.run_verb("send", "asker", "request", "x").code, 0)  # which asks silent, who never answers

        def waiting():
            row = self.expect(self.run_verb("why", "asker", "-o", "json"), 0).json()[0]
            return row if row["told"] and row["told"]["requests"] else None
        row = harness.wait_until(waiting, "asker to have asked")
        self.assertIn("it waits for the answers to 1 requests, the first one from silent", row["because"])
        self.assertEqual(row["told"]["requests"][0]["performative"], "request")

    def test_why_a_behaviour_hangs(self):
        self.assertTrue(self.run_verb("send", "sleeper", "request", "x").code == 0)
        row = self.expect(self.run_verb("why", "sleeper", "-o", "json"), 0).json()[0]
        self.assertIsNone(row["told"])
        self.assertTrue(row["reachable"])
        self.assertIn("its behaviour is busy, or hangs", row["because"])

    def test_languages(self):
        self.expect(self.run_verb("ask", "echo", "42", "-o", "json"), 0, '"42"\n')
        self.expect(self.run_verb("ask", "echo", "42", "--language", "msgpack", "-o", "json"), 0, "42\n")
        self.expect(self.run_verb("ask", "echo", "[1, 2]", "--language", "text", "-o", "json"), 0, '"[1, 2]"\n')
        self.expect(self.run_verb("ask", "echo", "[1,  2]", "--language", "json", "--raw"), 0, "[1,  2]")
        self.expect(self.run_verb("ask", "echo", "{", "--language", "json"), 1, "", err="the content is no JSON")

    def test_bytes_of_any_language_from_a_file_or_stdin(self):
        picture = bytes(range(256)) + b"\n"
        path = pathlib.Path(self.directory) / "picture"
        path.write_bytes(picture)
        encoded = {"$bin": base64.b64encode(picture).decode()}
        for given in ["--from", str(path)], ["-"], ["--from", "-"]:
            done = self.run_verb("ask", "echo", *given, "--language", "image/x", "--headers", "-o", "json",
                                 text=picture if "-" in given else None)
            answer = self.expect(done, 0).json()
            self.assertEqual((answer["language"], answer["content"]), ("image/x", encoded))
        path.write_text("a note\n")
        self.expect(self.run_verb("ask", "echo", "--from", str(path)), 0, "a note\n")
        self.expect(self.run_verb("ask", "echo", "x", "--from", str(path)), 1, "", err="either CONTENT or --from")
        self.expect(self.run_verb("ask", "echo", "--from", "nowhere"), 3, "", err="nowhere: No such file")
        self.expect(self.run_verb("ask", "echo", "x", "--language", "plain text"), 1, "", err="without spaces")
        self.expect(self.run_verb("ask", "echo", "x", "--language", "jsno"), 0, "x\n", err='did you mean "json"?')

    def test_stdin(self):
        self.expect(self.run_verb("ask", "echo", "-", text="from a pipe\n"), 0, "from a pipe\n")
        big = "x" * 300_000
        self.expect(self.run_verb("ask", "echo", "-", text=big), 0, big + "\n")

    def test_headers(self):
        done = self.expect(self.run_verb("ask", "echo", "hi", "--headers", "-o", "json", "--ontology", "weather"), 0)
        answer = done.json()
        self.assertEqual(answer["content"], "hi")
        self.assertEqual(answer["performative"], "inform")
        self.assertEqual(answer["sender"], f"echo@{self.at.platform}")
        self.assertEqual((answer["language"], answer["ontology"]), ("text", "weather"))
        done = self.expect(self.run_verb("ask", "echo", "hi", "--headers"), 0)
        head, body = done.out.split("\n\n")
        self.assertIn("performative: inform\n", head)
        self.assertEqual(body, "hi\n")
        self.expect(self.run_verb("ask", "svc:echoing", "hi", "-o", "name"), 0, f"echo@{self.at.platform}\n")

    def test_a_budget(self):
        ask = lambda *options: self.run_verb("ask", "echo", "x", "--headers", "-o", "json", *options)
        answer = self.expect(ask("--budget-tokens", "100", "--budget-money", "0.25"), 0).json()
        self.assertEqual(answer["budget"], {"tokens": 99, "micro_cost": 249999})  # the answer took one of each
        self.assertIn("mandate", answer["flags"])
        self.assertNotIn("budget", self.expect(ask(), 0).json())
        for money in "0.0000001", "-1", "1,5", "", ".5", "2e3", "1.":
            self.expect(ask("--budget-money", money), 1, "", err="expected an amount")
        self.expect(self.run_verb("send", "echo", "inform", "x", "--budget-money", "12"), 0, "")

    def test_a_message_kind_is_an_act(self):
        done = self.expect(self.run_verb("ask", "echo", "x", "--act", "task_assignment", "--headers", "-o", "json"), 0)
        self.assertEqual(done.json()["ontology"], "troupe-task")
        self.expect(self.run_verb("ask", "echo", "--act", "requst"), 1, "", err='did you mean "request"?')

    def test_refusals(self):
        self.expect(self.run_verb("ask", "refuser", "x"), 3, "", err=f"refuser@{self.at.platform}: refuse: not-today: ask me tomorrow")
        self.expect(self.run_verb("ask", "failer", "x"), 3, "", err="failure: broken: it cannot be done")
        self.expect(self.run_verb("ask", "puzzled", "x"), 3, "", err="not-understood: unsupported-act: what?")
        self.expect(self.run_verb("ask", "nobody", "x"), 3, "", err="nobody: not delivered: not-found")
        self.expect(self.run_verb("ask", "svc:nothing", "x"), 3, "", err="not delivered: no-provider")
        self.expect(self.run_verb("ask", "echo", "-", text="x" * 5_000_000), 3, "", err="larger than a record may be")

    def test_no_answer(self):
        began = time.monotonic()
        self.expect(self.run_verb("ask", "silent", "x", "--timeout", "300ms"), 4, "", err="no answer from silent within 300ms")
        self.assertLess(time.monotonic() - began, 10)

    def test_who_ends_with_the_question_in_hand(self):
        child = self.spawn_verb("ask", "silent", "x", "--timeout", "10m")
        asks = lambda: self.run_verb("ask", "ams", '{"action":"search", "name":"silent"}').json()["agents"][0]["received"] == 1
        harness.wait_until(asks, "the question at the agent")
        self.agents.send_signal(signal.SIGKILL)
        done = child.wait()
        self.expect(done, 3, "", err="silent: agent-gone: the agent ended, or fell silent, before it answered")
        self.expect(self.run_verb("ask", "silent", "x"), 3, "", err="silent: not delivered: not-found")

    def test_every_answer(self):
        done = self.expect(self.run_verb("ask", "chatty", "--all", "--count", "4", "-o", "json"), 0)
        self.assertEqual(done.lines(), [None, 1, 2, 3])
        self.expect(self.run_verb("ask", "chatty", "-o", "json"), 0, "1\n")
        self.expect(self.run_verb("ask", "echo", "one", "--all", "--timeout", "500ms"), 0, "one\n")
        self.expect(self.run_verb("ask", "silent", "--all", "--timeout", "200ms"), 4, "", err="no answer")
        self.expect(self.run_verb("ask", "nobody", "--all"), 3, "", err="not-found")
        self.expect(self.run_verb("ask", "echo", "--count", "2"), 1, "", err="--count needs --all")

    def test_control_c(self):
        child = self.spawn_verb("ask", "silent", "x", "--timeout", "1m")
        name = f"cli-{child.pid}-"
        harness.wait_until(lambda: name in self.run_verb("ask", "ams", '{"action":"search"}').out, "the agent of ask")
        done = child.stop(signal.SIGINT)
        self.assertEqual((done.code, done.out, done.err), (130, "", ""))
        self.assertNotIn(name, self.run_verb("ask", "ams", '{"action":"search"}').out)

    def test_wrong_usage(self):
        self.expect(self.run_verb("ask"), 1, "", err="troupe ask --help")
        self.expect(self.run_verb("ask", "two words", "x"), 1, "", err="is no agent's name")
        self.expect(self.run_verb("ask", "echo", "x", "--connect", "nonsense"), 1, "", err="expected tcp://HOST:PORT")

    def test_nobody_there(self):
        self.at.stop()
        began = time.monotonic()
        self.expect(self.run_verb("ask", "echo", "x"), 2, "", err="no broker listens there")
        self.assertLess(time.monotonic() - began, 3)
        self.expect(self.troupe("ask", "echo", "x", "--connect", "ipc:///nowhere/at.all"), 2, "", err="no such socket")
        self.expect(self.troupe("ask", "echo", "x", "--fleet", "gone"), 2, "", err="gone")


class Send(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.start()

    def test_it_is_taken_or_told(self):
        self.expect(self.run_verb("send", "silent", "inform", "all is well"), 0, "")
        self.expect(self.run_verb("send", "svc:echoing", "status_update", '{"state": "done"}'), 0, "")
        self.expect(self.run_verb("send", "nobody", "inform", "x"), 3, "", err="nobody: not delivered: not-found")
        self.expect(self.run_verb("send", "svc:nothing", "inform", "x"), 3, "", err="no-provider")
        self.expect(self.run_verb("send", "echo", "shout", "x"), 1, "", err='"shout" is no performative')
        self.expect(self.run_verb("send", "echo"), 1, "", err="--help")

    def test_a_language_of_its_own(self):
        tap = self.spawn_verb("tap", "$tap.*.silent", "-o", "json", "--headers", "--count", "1")
        tap.wait_err("watching ")
        def attempt():
            self.expect(self.run_verb("send", "silent", "inform", "-", "--language", "text/csv", text="a,b\n"), 0, "")
            return tap.process.poll() is not None
        harness.wait_until(attempt, "a message on the tap")
        message = tap.wait().json()
        self.assertEqual((message["headers"]["language"], message["content"]), ("text/csv", "a,b\n"))

    def test_it_arrives(self):
        self.expect(self.run_verb("send", "publisher", "inform", '{"n": 7}'), 0, "")
        topics = self.run_verb("ask", "ams", '{"action":"topics", "pattern":"heard"}').json()["topics"]
        self.assertEqual([(t["topic"], t["messages"]) for t in topics], [("heard", 1)])


class Pub(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.start()

    def messages(self, topic):
        topics = self.run_verb("ask", "ams", json.dumps({"action": "topics", "pattern": topic})).json()["topics"]
        return topics[0]["messages"] if topics else 0

    def test_once_and_many_times(self):
        self.expect(self.run_verb("pub", "news.weather", '{"celsius": 12}'), 0, "")
        self.assertEqual(self.messages("news.weather"), 1)
        self.expect(self.run_verb("pub", "many", "x", "--count", "5000"), 0, "", err="5000 messages in ")
        self.assertEqual(self.messages("many"), 5000)

    def test_at_a_rate(self):
        began = time.monotonic()
        self.expect(self.run_verb("pub", "slow", "--count", "21", "--rate", "50"), 0, "", err="21 messages in 0.")
        self.assertGreaterEqual(time.monotonic() - began, 0.4)

    def test_lines(self):
        self.expect(self.run_verb("pub", "log", "--lines", text="one\n\n{\"two\": 2}\nthree"), 0, "", err="3 messages")
        self.assertEqual(self.messages("log"), 3)

    def test_what_is_no_msgpack(self):
        """Subscribers and watchers are told the language, and get the bytes as they were given."""
        tap = self.spawn_verb("tap", "raw.>", "-o", "json", "--headers")
        tap.wait_err("watching ")
        def attempt():
            self.expect(self.run_verb("pub", "raw.first", "x"), 0)
            return tap.out
        harness.wait_until(attempt, "a subscription that is in force")
        picture = bytes(range(256))
        self.expect(self.run_verb("pub", "raw.a", "-", "--language", "bytes", text=picture), 0)
        self.expect(self.run_verb("pub", "raw.b", "[1]", "--language", "text"), 0)
        self.expect(self.run_verb("pub", "raw.c", "[1,  2]", "--language", "json"), 0)
        self.expect(self.run_verb("pub", "raw.d", "7", "--language", "msgpack"), 0)
        self.expect(self.run_verb("pub", "raw.e", "--lines", "--language", "text/csv", text="a,b\nc,d\n"), 0, err="2 messages")
        self.expect(self.run_verb("pub", "raw.f", "plain"), 0)
        harness.wait_until(lambda: "raw.f" in tap.out, "the last one")
        got = [(m["topic"], m["headers"].get("language"), m["content"]) for m in tap.stop(signal.SIGINT).lines()]
        self.assertEqual([m for m in got if m[0] != "raw.first"], [
            ("raw.a", "bytes", {"$bin": base64.b64encode(picture).decode()}), ("raw.b", "text", "[1]"),
            ("raw.c", "json", [1, 2]), ("raw.d", None, 7), ("raw.e", "text/csv", "a,b"), ("raw.e", "text/csv", "c,d"),
            ("raw.f", None, "plain")])
        self.expect(self.run_verb("pub", "raw.a", "--lines", "--from", "x"), 1, "", err="--lines reads stdin")
        self.expect(self.run_verb("pub", "raw.a", "--lines", "--language", "a b", text="x\n"), 1, "", err="without spaces")

    def test_what_is_no_topic(self):
        self.expect(self.run_verb("pub", "a..b", "x"), 1, "", err="is no topic")
        self.expect(self.run_verb("pub", "x" * 201, "x"), 1, "", err="at most 200 bytes")
        self.expect(self.run_verb("pub", "$sys.mine", "x"), 1, "", err="the platform's own")
        self.expect(self.run_verb("pub", "a", "x", "--lines"), 1, "", err="--lines reads stdin")


if __name__ == "__main__":
    harness.main()
