"""tap: what it prints of the topic stream, what it says of gaps and lost connections, and its exit codes."""
import json
import signal

import cli
import harness


class Tap(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.start()

    def tap(self, *arguments, **more):
        """A tap that is subscribed: something came, or nothing could yet (a subscription follows its connection within no time)."""
        child = self.spawn_verb("tap", *arguments, **more)
        child.wait_err("watching ")
        return child

    def publish_until(self, child, topic, content, condition):
        """Publishes again and again, as the first ones may go before the subscription is in force."""
        def attempt():
            self.expect(self.run_verb("pub", topic, content), 0)
            return condition() or child.process.poll() is not None
        harness.wait_until(attempt, f"{topic} on the tap")

    def test_json_lines(self):
        tap = self.tap("news.>", "-o", "json", "--count", "2")
        self.publish_until(tap, "news.weather", '{"celsius": 12}', lambda: False)
        done = tap.wait()
        self.assertEqual(done.code, 0, done)
        first, second = done.lines()
        self.assertEqual((first["topic"], first["act"], first["content"]), ("news.weather", "inform", {"celsius": 12}))
        self.assertRegex(first["sender"], rf"^cli-\d+-[0-9a-f]{{4}}@{self.at.platform}$")
        self.assertEqual(second["sequence"], first["sequence"] + 1)
        self.assertGreater(first["time"], 1_600_000_000_000)
        self.assertNotIn("headers", first)

    def test_a_pattern_is_more_than_its_prefix(self):
        tap = self.tap("news.*.today", "-o", "name", "--count", "1")
        self.expect(self.run_verb("pub", "news.ghent.tomorrow", "x"), 0)
        self.publish_until(tap, "news.ghent.today", "x", lambda: False)
        self.assertEqual(tap.wait().out, "news.ghent.today\n")

    def test_a_table(self):
        tap = self.tap("news", "--count", "1")
        self.publish_until(tap, "news", "hello", lambda: False)
        done = tap.wait()
        header, row = done.out.splitlines()
        self.assertEqual(header.split(), ["TIME", "TOPIC", "SEQUENCE", "SENDER", "ACT", "CONTENT"])
        self.assertRegex(row, r"^\d\d:\d\d:\d\d\.\d{3} +news +\d+ +cli-\S+ +inform +hello$")

    def test_long_contents_are_cut_in_a_table_only(self):
        tap, wide = self.tap("news", "--count", "1"), self.tap("news", "--count", "1", "-o", "wide")
        self.publish_until(tap, "news", "x" * 500, lambda: wide.process.poll() is not None)
        self.publish_until(tap, "news", "x" * 500, lambda: False)
        self.assertIn("xxx...", tap.wait().out)
        self.assertIn("x" * 500, wide.wait().out)

    def test_raw_and_headers(self):
        raw = self.tap("news", "--count", "1", "--raw")
        self.publish_until(raw, "news", "plain", lambda: False)
        self.assertEqual(raw.wait().out, "\ufffdplain\n")  # msgpack: one byte of length, then the text
        tap = self.tap("news", "--count", "1", "--headers", "-o", "json")
        self.publish_until(tap, "news", "x", lambda: False)
        headers = tap.wait().lines()[0]["headers"]
        self.assertEqual(headers["performative"], "inform")
        self.assertEqual(headers["sender"].split("-")[0], "cli")
        table = self.tap("news", "--count", "1", "--headers")
        self.publish_until(table, "news", "x", lambda: False)
        self.assertIn("\n    sender: cli-", table.wait().out)

    def test_copies_of_direct_messages(self):
        tap = self.tap("nothing", "--direct", "-o", "json")
        def attempt():
            self.expect(self.run_verb("ask", "echo", "psst"), 0, "psst\n")
            return [line for line in map(json.loads, tap.out.splitlines()) if line["content"] == "psst"]
        seen = harness.wait_until(attempt, "copies")
        self.assertTrue(all(line["topic"].startswith("$tap.") for line in seen))
        self.assertIn(("request", "echo"), {(line["act"], line["to"]) for line in seen})
        everything = self.tap(">", "-o", "name")
        self.run_verb("ask", "echo", "psst")
        self.publish_until(everything, "news", "x", lambda: "news" in everything.out)
        self.assertNotIn("$tap", everything.out)
        self.assertEqual(tap.stop(signal.SIGINT).code, 0)

    def test_events_of_the_platform(self):
        tap = self.tap("$sys.agent.*", "-o", "json")
        harness.wait_until(lambda: self.run_verb("ask", "echo", "x") and "$sys.agent.joined" in tap.out, "an agent that joins")
        event = json.loads(tap.out.splitlines()[0])
        self.assertEqual(event["sender"], f"ams@{self.at.platform}")
        self.assertIn("agent", event["content"])

    def test_reports(self):
        tap = self.tap("news.>", "--report", "-o", "json")
        self.publish_until(tap, "news.a", "x", lambda: True)
        # what came is only known at the end; a second tap tells that the subscription is in force
        other = self.tap("news.b", "--count", "1")
        self.publish_until(other, "news.b", "x", lambda: False)
        self.expect(self.run_verb("pub", "news.a", "x", "--count", "10"), 0, err="10 messages")
        last = self.tap("news.c", "--count", "1")
        self.publish_until(last, "news.c", "x", lambda: False)
        rows = {row["topic"]: row for row in tap.stop(signal.SIGINT).json()}
        self.assertGreaterEqual(rows["news.a"]["messages"], 10)
        self.assertEqual(rows["news.a"]["missed"], 0)
        self.assertGreater(rows["news.b"]["bytes"], 48)
        every = self.tap("news.>", "--report", "--interval", "100ms", "--for", "1s")
        self.assertGreater(every.wait().out.count("TOPIC   MESSAGES"), 2)

    def test_a_gap_is_told(self):
        broker = self.broker("--stream-queue", "1")
        tap = self.tap("flood", "-o", "name", "--connect", broker.endpoint)
        def attempt():
            tap.send_signal(signal.SIGSTOP)
            flood = self.troupe("pub", "flood", "x" * 60_000, "--count", "2000", "--connect", broker.endpoint)
            tap.send_signal(signal.SIGCONT)
            self.assertEqual(flood.code, 0, flood)
            self.troupe("pub", "flood", "x", "--connect", broker.endpoint)
            return "missed" in tap.err
        harness.wait_until(attempt, "a gap")
        self.assertRegex(tap.err, r"missed \d+ of topic flood\n")

    def test_a_broker_that_comes_back(self):
        tap = self.tap("news", "-o", "json")
        self.publish_until(tap, "news", "before", lambda: "before" in tap.out)
        endpoint, stream = self.at.endpoint, self.at.stream
        self.agents.stop()
        self.at.stop()
        tap.wait_err("lost the stream; waiting for the broker")
        self.at = self.broker(listen=endpoint, stream=stream)
        tap.wait_err("connected again")
        self.publish_until(tap, "news", "after", lambda: "after" in tap.out)
        self.assertNotIn("missed", tap.err)  # its numbers began anew

    def test_a_stream_that_comes_back_elsewhere(self):
        tap = self.tap("news", "-o", "json")
        endpoint = self.at.endpoint
        self.agents.stop()
        self.at.stop()
        tap.wait_err("lost the stream")
        self.at = self.broker(listen=endpoint)
        tap.wait_err(f"connected again to {self.at.stream}")
        self.publish_until(tap, "news", "after", lambda: "after" in tap.out)
        self.assertEqual(tap.stop(signal.SIGTERM).code, 0)

    def test_ends(self):
        done = self.run_verb("tap", "nothing", "--for", "300ms")
        self.assertEqual((done.code, done.out.count("\n")), (0, 0), done)
        done = self.run_verb("tap", "nothing", "--for", "300ms", "--count", "1")
        self.assertEqual(done.code, 4, done)
        self.assertIn("0 of 1 messages came", done.err)

    def test_since(self):
        done = self.run_verb("tap", "--since", "2999-01-01", "--for", "500ms", "-o", "json")
        self.assertEqual((done.code, done.out), (0, ""), done)
        for moment in "2001-01-01", "1m":
            done = self.run_verb("tap", "--since", moment, "--for", "100ms")
            self.assertIn("no stream keeps these topics", done.err)  # nor has this broker a journal
        self.expect(self.run_verb("tap", "--since", "1m", "--stream", self.at.stream), 1, "", err="leave out --stream")

    def test_wrong_usage(self):
        self.expect(self.run_verb("tap", "a..b"), 1, "", err="is no pattern")
        self.expect(self.run_verb("tap", "x" * 201), 1, "", err="at most 200 bytes")
        self.expect(self.run_verb("tap", "--since", "someday"), 1, "", err="is no moment")
        self.expect(self.run_verb("tap", "--interval", "1s"), 1, "", err="--interval needs --report")
        self.expect(self.run_verb("tap", "--stream", "nonsense"), 1, "", err="an endpoint is tcp://HOST:PORT")
        self.at.stop()
        self.expect(self.run_verb("tap"), 2, "", err="no broker listens there")


if __name__ == "__main__":
    harness.main()
