#!/usr/bin/env python3
"""Streams from the command line: kept over the end of the broker, read, followed by a consumer, recorded, replayed, forgotten."""
import datetime
import os
import sys
import time

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [TESTS, os.path.join(TESTS, "05-protocol-page")]  # there is the client that speaks the protocol by hand
import harness
from client import DONE, INFORM, PUBLISH, SUBSCRIBE, Link, msgpack, proto

PAUSE = 0.6


class Streams(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.start()

    def start(self):
        self.server = self.broker("--journal", self.directory + "/journal")
        self.env = {"TROUPE_CONNECT": self.server.endpoint}

    def run_ok(self, *arguments, **more):
        done = self.troupe(*arguments, env=self.env, **more)
        self.assertEqual(done.code, 0, done)
        return done

    def contents(self, *arguments):
        return [line["content"] for line in self.run_ok("replay", *arguments, "-o", "json").lines()]

    def publish(self, *texts, topic="news.a"):
        for text in texts:
            self.run_ok("pub", topic, text)

    def echo(self, name):
        self.spawn("agentd", "--connect", self.server.endpoint, "--name", name, "--behaviour", "echo").wait_err("registered")

    def test_a_stream_outlives_its_broker(self):
        self.run_ok("stream", "add", "news", "news.>")
        self.publish("one", "two")
        self.publish("not kept", topic="other")
        self.assertEqual(self.contents("news"), ["one", "two"])
        self.server.process.kill()
        self.server.wait()
        self.start()
        self.publish("three")
        self.assertEqual(self.contents("news"), ["one", "two", "three"])
        self.assertEqual(self.contents("news", "--from", "2", "--count", "1"), ["two"])
        row = self.run_ok("streams", "-o", "json").json()[0]
        self.assertEqual((row["stream"], row["pattern"], row["records"]), ("news", "news.>", 3))

    def test_a_consumer_goes_on_where_it_was(self):
        self.run_ok("stream", "add", "news", "news.>")
        self.publish("one", "two")
        self.assertEqual(self.contents("news", "--consumer", "c"), ["one", "two"])
        self.publish("three")
        self.assertEqual(self.contents("news", "--consumer", "c"), ["three"])
        self.assertEqual(self.contents("news", "--consumer", "c", "--from-beginning"), ["one", "two", "three"])
        self.assertEqual(self.run_ok("streams").out.split()[-2:], ["c", "4"])

    def test_what_an_agent_received_is_replayed(self):
        self.echo("worker")
        self.run_ok("record", "worker")
        for n in range(3):
            self.run_ok("ask", "worker", '{"n": %d}' % n)
        self.assertEqual(self.contents("record-worker"), [{"n": 0}, {"n": 1}, {"n": 2}])
        self.echo("copy")
        self.run_ok("record", "copy")
        done = self.run_ok("replay", "record-worker", "--to", "copy")
        self.assertEqual(done.err, "3 sent again\n")
        self.assertEqual(self.contents("record-copy"), [{"n": 0}, {"n": 1}, {"n": 2}])

    def test_what_an_agent_heard_is_in_its_record(self):
        """In its order among the messages, with its topic."""
        link = Link(self.server.endpoint)
        self.addCleanup(link.socket.close)
        me = link.register("reader")
        link.call(SUBSCRIBE, proto((1, "news.>")), DONE, src=me)
        self.run_ok("record", "reader")
        self.publish("one")
        self.run_ok("send", "reader", "inform", "two")
        self.publish("three", topic="news.b")
        self.publish("not heard", topic="sport")
        lines = self.run_ok("replay", "record-reader", "-o", "json").lines()
        self.assertEqual([line["content"] for line in lines], ["one", "two", "three"])
        self.assertEqual([line["topic"] for line in lines][::2], ["news.a", "news.b"])
        self.echo("copy")
        self.run_ok("record", "copy")
        self.assertEqual(self.run_ok("replay", "record-reader", "--to", "copy").err, "3 sent again\n")
        self.assertEqual(self.contents("record-copy"), ["one", "two", "three"])

    def test_published_again(self):
        self.run_ok("stream", "add", "a", "a.*")
        self.publish("x", topic="a.b")
        self.run_ok("replay", "a", "--publish", "--count", "1")
        self.assertEqual(self.contents("a"), ["x", "x"])

    def parameters(self, stream, *names):
        lines = self.run_ok("replay", stream, "--headers", "-o", "json").lines()
        return [(line["content"], *(line["headers"].get(name) for name in names)) for line in lines]

    def test_published_again_with_all_parameters(self):
        names = ("language", "encoding", "ontology", "protocol", "conversation_id", "performative")
        self.run_ok("stream", "add", "a", "a.*")
        link = Link(self.server.endpoint)
        self.addCleanup(link.socket.close)
        me = link.register("camera")
        envelope = proto((1, "camera"), (4, "image/jpeg"), (5, "base64"), (6, "road"), (7, "watch"), (8, "c-1"), (11, "a.b"))
        link.put(PUBLISH, b"\xff\xd8", envelope, act=INFORM, hops=64, src=me)
        harness.wait_until(lambda: len(self.parameters("a")) == 1, "it to be kept")
        self.assertEqual(self.run_ok("replay", "a", "--publish", "--count", "1").err, "1 sent again\n")
        first, second = self.parameters("a", *names)
        self.assertIn("image/jpeg", first)
        self.assertNotIn(None, first)
        self.assertEqual(second, first)

    def test_what_was_durable_is_so_again(self):
        self.echo("worker")
        self.run_ok("record", "worker")
        self.run_ok("send", "worker", "inform", "kept", "--durable")
        self.run_ok("send", "worker", "inform", "not kept")
        harness.wait_until(lambda: len(self.contents("record-worker")) == 2, "both to be kept")
        self.echo("copy")
        self.run_ok("record", "copy")
        self.assertEqual(self.run_ok("replay", "record-worker", "--to", "copy").err, "2 sent again\n")
        harness.wait_until(lambda: len(self.contents("record-copy")) == 2, "both to be kept again")
        self.assertEqual(self.parameters("record-copy", "flags", "language"),
                         [("kept", ["durable", "tap"], "text"), ("not kept", ["tap"], "text")])
        done = self.troupe("replay", "record-worker", "--to", "nobody", env=self.env)
        self.assertEqual((done.code, done.err.splitlines()[-1]), (3, "0 sent again"), done)

    def test_what_cannot_be_read_is_told(self):
        self.run_ok("stream", "add", "a", "a.*")
        link = Link(self.server.endpoint)
        self.addCleanup(link.socket.close)
        me = link.register("camera")
        link.publish("camera", me, "a.b", "right")
        route = link.wait(lambda: next(iter(link.topics), 0))  # of a publication there the broker reads no more than the first sender
        link.put(PUBLISH, msgpack.packb("wrong"), proto((1, "camera"), (1, "another")), act=INFORM, hops=64, src=me, dst=route)
        harness.wait_until(lambda: len(self.contents("a")) == 2, "both to be kept")
        self.assertEqual(self.run_ok("replay", "a", "--publish").err, "1 sent again, 1 left out: they cannot be read\n")
        self.assertEqual(self.contents("a")[::2], ["right", "right"])

    def seconds(self, speed):
        begun = time.monotonic()
        self.assertEqual(self.contents("news", "--speed", speed), ["one", "two"])
        return time.monotonic() - begun

    def test_original_speed_keeps_the_pauses(self):
        self.run_ok("stream", "add", "news", "news.>")
        self.publish("one")
        time.sleep(PAUSE)  # it is what is replayed: nothing is waited for
        self.publish("two")
        first, last = (line["time"] for line in self.run_ok("replay", "news", "-o", "json").lines())
        pause = (last - first) / 1000
        self.assertGreaterEqual(pause, PAUSE)
        original = self.seconds("original")
        self.assertGreaterEqual(original, pause)
        self.assertLess(min(self.seconds("full") for _ in range(3)), original)  # the least: others are on the machine too

    def test_the_oldest_are_forgotten(self):
        self.run_ok("stream", "add", "news", "news.>", "--max-records", "1")
        self.publish("one", "two", "three")
        harness.wait_until(lambda: self.contents("news") == ["three"], "the oldest to be forgotten")

    def test_those_that_are_too_old_are_forgotten(self):
        self.run_ok("stream", "add", "news", "news.>", "--max-age", "2s")
        self.publish("one", "two")
        harness.wait_until(lambda: self.contents("news") == [], "what is older than two seconds to be forgotten")
        self.publish("three")
        self.assertEqual(self.contents("news"), ["three"])

    def test_no_more_bytes_are_kept_than_may_be(self):
        self.run_ok("stream", "add", "news", "news.>", "--max-bytes", "100K")
        flood = "".join(f"{n:04} {'x' * 1000}\n" for n in range(400))
        self.assertEqual(self.troupe("pub", "news.a", "-l", env=self.env, text=flood).code, 0)
        row = harness.wait_until(lambda: next((row for row in self.run_ok("streams", "-o", "json").json()
                                               if row["tail"] == 401 and row["bytes"] <= 100 * 1024), None), "the oldest to be forgotten")
        kept = self.contents("news")
        self.assertEqual(([text[:4] for text in kept], len(kept)), ([f"{n:04}" for n in range(400 - len(kept), 400)], row["records"]))
        self.assertGreater(len(kept), 0)

    def test_what_stays_is_never_less_than_the_limit(self):
        self.run_ok("stream", "add", "news", "news.>", "--max-records", "1")
        done = self.troupe("pub", "news.a", "-l", env=self.env, text="".join(f"{n}\n" for n in range(22)))
        self.assertEqual(done.code, 0, done)
        harness.wait_until(lambda: self.run_ok("streams", "-o", "json").json()[0]["tail"] == 23, "all to be kept")
        self.run_ok("stream", "add", "clock", "clock", "--max-records", "1")
        for n in range(4):  # whatever forgets the oldest of this one has looked at the other one, too
            self.publish(f"{n} a", f"{n} b", topic="clock")
            harness.wait_until(lambda n=n: self.contents("clock") == [f"{n} b"], "the oldest to be forgotten")
        self.assertEqual(self.contents("news")[-1], "21")

    def test_a_consumer_is_told_what_it_missed(self):
        self.run_ok("stream", "add", "news", "news.>", "--max-records", "2")
        self.publish("one", "two")
        self.assertEqual(self.contents("news", "--consumer", "slow", "--count", "1"), ["one"])
        self.publish("three", "four", "five")
        harness.wait_until(lambda: self.contents("news") == ["four", "five"], "the oldest to be forgotten")
        done = self.run_ok("replay", "news", "--consumer", "slow", "-o", "json")
        self.assertEqual([line["content"] for line in done.lines()], ["four", "five"])
        self.assertIn("2 publications before number 4 are not there any more", done.err)
        self.assertNotIn("not there", self.run_ok("replay", "news").err)

    def test_a_tap_begins_in_the_past(self):
        self.run_ok("stream", "add", "news", "news.>", "--max-bytes", "100M")
        self.run_ok("stream", "add", "all", ">")
        self.publish("one")
        moment = self.run_ok("replay", "news", "-o", "json").lines()[0]["time"]
        self.publish("two", topic="news.b")
        self.publish("other", topic="sport")
        tap = self.spawn("troupe", "tap", "news.>", "sport", "--since", "10m", "-o", "json", "--count", "5", env=self.env)
        tap.wait_err("from memory: all, news")
        harness.wait_until(lambda: tap.out.count("\n") == 3, "what is over")
        self.publish("three")
        self.publish("four", topic="sport")
        done = tap.wait()
        lines = done.lines()
        self.assertEqual((done.code, [line["content"] for line in lines]), (0, ["one", "two", "other", "three", "four"]), done)
        self.assertEqual((lines[0]["time"], lines[0]["topic"], lines[0]["sequence"]), (moment, "news.a", 1))
        self.assertNotIn("missed", done.err)
        done = self.run_ok("tap", "news.a", "--since", "10m", "--report", "--count", "2", "-o", "json")
        self.assertEqual([(line["topic"], line["messages"]) for line in done.json()], [("news.a", 2)])

    def test_nothing_twice_and_nothing_missed_where_the_tap_takes_over(self):
        self.run_ok("stream", "add", "news", "news.>")
        flood = self.spawn("troupe", "pub", "news.a", "x", "--count", "1000000", "--rate", "1000", env=self.env)
        for least in 100, 1000, 2000:
            done = self.run_ok("tap", "news.>", "--since", "10m", "--count", str(least), "-o", "json")
            self.assertEqual([line["sequence"] for line in done.lines()], list(range(1, least + 1)))
            self.assertNotIn("missed", done.err)
        flood.stop()

    def test_since_finds_its_place_in_a_long_stream(self):
        self.run_ok("stream", "add", "news", "news.>")
        self.publish(*(str(n) for n in range(40)))
        lines = self.run_ok("replay", "news", "-o", "json").lines()
        for at in 0, 1, 20, 39:
            second = lines[at]["time"] // 1000
            moment = datetime.datetime.fromtimestamp(second).strftime("%Y-%m-%d %H:%M:%S")
            self.assertEqual(self.contents("news", "--since", moment),
                             [line["content"] for line in lines if line["time"] >= second * 1000])
        self.assertEqual(self.contents("news", "--since", "2999-01-01"), [])
        self.assertEqual(len(self.contents("news", "--since", "1h")), 40)

    def test_what_is_wrong_is_told(self):
        done = self.troupe("replay", "none", env=self.env)
        self.assertEqual(done.code, 3)
        self.assertIn("there is no stream of this name", done.err)
        self.assertEqual(self.troupe("stream", "add", "s", "a..b", env=self.env).code, 1)
        self.run_ok("stream", "add", "s", "a")
        self.assertEqual(self.troupe("stream", "add", "s", "b", env=self.env).code, 3)
        self.run_ok("stream", "rm", "s")
        self.assertEqual(self.run_ok("streams", "-o", "name").out, "")
        plain = self.broker()
        done = self.troupe("streams", env={"TROUPE_CONNECT": plain.endpoint})
        self.assertEqual(done.code, 3)
        self.assertIn("--journal", done.err)


if __name__ == "__main__":
    harness.main()
