"""A broker whose journal is a table in PostgreSQL: a real server, killed, as is the broker; what was acknowledged is delivered."""
import json
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "70-tasks"))
import durable
import harness
import postgres

GIVES_UP = 75  # seconds: it tries a lost database for 30, and one that hangs for as long again


@unittest.skipUnless(postgres.FOUND, "PostgreSQL is not installed")
class Postgres(postgres.Tables, durable.DurableTest):
    def start(self, *arguments):
        self.at = self.broker("--journal", "postgres", "--journal-conninfo", self.database.conninfo_file, "--journal-table", self.table,
                              *arguments, listen=self.endpoint)
        return self.at

    def letters(self):
        return self.good("dlq", "ls", "-o", "json").json()

    def send(self, *contents, to="clerk"):
        for content in contents:
            self.good("send", to, "inform", json.dumps(content), "--durable")

    def contents(self):
        return [message["content"] for message in self.book()]

    def away(self):
        """A durable mailbox whose agent is not there."""
        self.clerk().stop()

    def test_killed_and_delivered(self):
        self.start()
        self.away()
        self.send(*({"n": n} for n in range(20)))
        self.assertGreater(int(self.database.sql(f"SELECT count(*) FROM {self.table}")[0]), 20)
        self.crash()
        self.start()
        self.assertIn("B030", self.at.err)
        self.send({"n": 20})
        self.clerk()
        self.wait_book(21)
        self.crash()
        self.start()  # what comes again is marked
        self.send({"n": 21})
        harness.wait_until(lambda: {"n": 21} in self.contents(), "what was sent to the third broker")
        self.assertEqual(list(dict.fromkeys(content["n"] for content in self.contents())), list(range(22)))
        seen = set()
        for message in self.book():
            self.assertTrue(message.get("redelivered") or message["content"]["n"] not in seen, message)
            seen.add(message["content"]["n"])

    def test_dead_letters(self):
        self.start("--tries", "1")
        self.clerk("clerk", "--args", '{"backoff_ms": 10}')
        self.send({"do": "die once", "word": "one"})
        harness.wait_until(self.letters, "the dead letter")
        self.crash()
        self.start("--tries", "1")
        (letter,) = self.letters()
        self.assertEqual((letter["to"], letter["reason"], letter["attempts"]), ("clerk", "too-many-tries", 1))
        self.assertEqual(self.good("dlq", "requeue", "1", "-o", "json").json(), [{"requeued": 1}])
        self.assertTrue(self.wait_book(2)[1]["redelivered"])
        harness.wait_until(lambda: not self.letters(), "it to be no dead letter any more")

    def test_streams(self):
        self.start()
        self.good("stream", "add", "log", "news.>")
        for n in range(5):
            self.good("pub", "news.a", json.dumps({"n": n}))
        harness.wait_until(lambda: self.good("streams", "-o", "json").json()[0]["records"] == 5, "the stream to have them")
        self.crash()
        self.start()
        shown = self.good("replay", "log", "--from-beginning", "-o", "json")
        self.assertEqual([row["content"]["n"] for row in shown.lines()], list(range(5)))

    def test_a_database_that_comes_back_is_waited_for(self):
        self.start()
        self.away()
        self.send({"n": 0})
        self.database.stop()
        sending = self.spawn_verb("send", "clerk", "inform", '{"n": 1}', "--durable", "--timeout", "60s")
        time.sleep(1)  # how long the database is away
        self.assertIsNone(sending.process.poll(), sending.err)
        self.database.start()
        self.assertEqual(sending.wait(60).code, 0)
        self.clerk()
        self.wait_book(2)
        self.assertEqual(self.contents(), [{"n": 0}, {"n": 1}])
        self.assertIsNone(self.at.process.poll())

    def test_a_database_that_stays_away(self):
        """Nothing is acknowledged any more, it is said, and the broker ends; another one has what was."""
        self.start()
        self.away()
        self.send(*({"n": n} for n in range(10)))
        self.database.stop()
        killed = time.monotonic()
        sending = [self.spawn_verb("send", "clerk", "inform", '{"late": %d}' % n, "--durable", "--timeout", "120s") for n in range(3)]
        done = self.at.wait(GIVES_UP)
        took = time.monotonic() - killed
        self.assertEqual(done.code, 4, done)
        self.assertIn("B032", done.err)
        self.assertIn("did not come back", done.err)
        for each in sending:
            self.assertIsNone(each.process.poll(), "acknowledged by nobody: " + each.out)
            each.send_signal(signal.SIGKILL)
        print(f"a database that stays away: 0 acknowledged after it, B032 and exit code 4 after {took:.0f} s")
        self.database.start()
        self.start()
        self.clerk()
        self.wait_book(10)
        on_time = [content for content in self.contents() if "n" in content]
        self.assertEqual(on_time, [{"n": n} for n in range(10)])


harness.main()
