"""topics, top and df search: what they show of a running broker."""
import json
import signal
import time

import cli
import harness
import screen


class Topics(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.start()
        self.expect(self.run_verb("pub", "news.weather", "x", "--count", "3"), 0, err="3 messages")
        self.expect(self.run_verb("pub", "load", "x"), 0)

    def test_rows(self):
        rows = {row["topic"]: row for row in self.expect(self.run_verb("topics", "-o", "json"), 0).json()}
        self.assertEqual(rows["news.weather"]["messages"], 3)
        self.assertGreater(rows["news.weather"]["bytes"], 3 * 48)
        self.assertLess(abs(time.time() * 1000 - rows["load"]["last"]), 60_000)
        self.assertEqual(set(rows["load"]), {"topic", "messages", "per_s", "bytes", "subscribers", "last"})

    def test_formats(self):
        self.expect(self.run_verb("topics", "-o", "name"), 0, "load\nnews.weather\n")
        self.expect(self.run_verb("topics", "news.>", "-o", "name"), 0, "news.weather\n")
        table = self.expect(self.run_verb("topics"), 0).out.splitlines()
        self.assertEqual(table[0].split(), ["TOPIC", "MESSAGES", "PER", "S", "BYTES", "SUBSCRIBERS", "LAST"])
        self.assertTrue(table[1].startswith("load "))
        self.expect(self.run_verb("topics", "none", "-o", "json"), 0, "[]\n")

    def test_watch(self):
        child = self.spawn_verb("topics", "-o", "name", "--watch", "--interval", "100ms")
        harness.wait_until(lambda: child.out.count("load\n") >= 3, "three rounds")
        done = child.stop(signal.SIGINT)
        self.assertEqual((done.code, done.err), (0, ""))

    def test_what_goes_wrong(self):
        self.expect(self.run_verb("topics", "a..b"), 1, "", err="is no pattern")
        self.at.stop()
        self.expect(self.run_verb("topics"), 2, "", err="no broker listens there")


class Top(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.start()

    def test_json(self):
        child = self.spawn_verb("top", "-o", "json", "--interval", "300ms")
        harness.wait_until(lambda: child.out.count("\n") >= 1, "the first object")
        self.expect(self.run_verb("pub", "load", "x", "--count", "500"), 0, err="500 messages")
        harness.wait_until(lambda: '"messages":500' in child.out.rpartition("\n")[0].replace(": ", ":"), "an object that has seen it")
        done = child.stop(signal.SIGINT)
        self.assertEqual((done.code, done.err), (0, ""), done)
        looks = done.lines()
        last = looks[-1]
        self.assertEqual(last["platform"], self.at.platform)
        self.assertIn(f"echo@{self.at.platform}", [agent["name"] for agent in last["agents"]])
        self.assertEqual([(s["service"], s["providers"], s["capacity"]) for s in last["services"]], [("echoing", 1, 4)])
        self.assertEqual([(t["topic"], t["messages"]) for t in last["topics"]], [("load", 500)])
        self.assertGreater(max(look["broker"]["in_per_s"] for look in looks[1:]), 0)
        self.assertGreater(last["latency"]["p50_us"], 0)
        self.assertGreater(last["latency"]["trips"], 0)
        done = self.run_verb("top", "-o", "json", "--interval", "100ms", "--count", "3")
        self.assertEqual((done.code, len(done.lines()), done.err), (0, 3, ""), done)

    def test_blocks_without_a_terminal(self):
        done = self.expect(self.run_verb("top", "--interval", "100ms", "--count", "2"), 0)
        self.assertEqual(done.out.count("troupe top  "), 2)
        self.assertIn("AGENT ", done.out)
        self.assertNotIn("\033", done.out)
        self.assertIn(f"echo@{self.at.platform}\n", self.expect(self.run_verb("top", "--count", "1", "-o", "name"), 0).out)

    def test_ends(self):
        child = self.spawn_verb("top", "-o", "json", "--interval", "100ms")
        harness.wait_until(lambda: child.out, "an object")
        self.assertEqual(child.stop(signal.SIGINT).code, 0)
        child = self.spawn_verb("top", "-o", "json", "--interval", "100ms")
        harness.wait_until(lambda: child.out, "an object")
        self.at.stop()
        done = child.wait()
        self.assertEqual(done.code, 2, done.err)
        self.assertIn("does not answer", done.err)
        self.expect(self.run_verb("top", "--count", "1"), 2, "", err="no broker listens there")

    def test_the_live_screen(self):
        terminal = harness.Terminal(self, "troupe", "top", "--interval", "200ms", env=self.env())
        terminal.wait("\033[?1049h")
        terminal.wait("echo ")
        terminal.wait("q quit")
        self.assertNotEqual(terminal.mode(), terminal.before)
        terminal.press("s")
        terminal.wait("sort (by queue)")
        terminal.press("p")
        terminal.wait("PAUSED")
        terminal.press("\033[A")  # an arrow is no key of it
        terminal.press("p")
        terminal.wait("p pause")
        terminal.press("q")
        self.assertEqual(terminal.child.wait().code, 0)
        self.assertTrue(terminal.read().endswith("\033[?25h\033[?1049l"))
        self.assertEqual(terminal.mode(), terminal.before)

    def test_the_live_screen_is_whole(self):
        """Also the last column of a line that is as long as the screen is wide."""
        terminal = screen.Shown(self, "troupe", "top", "--interval", "200ms", env=self.env())
        rows = terminal.wait_rows(lambda rows: any(row.startswith("echoing ") for row in rows), "a service")
        at = next(n for n, row in enumerate(rows) if row.startswith("echoing "))
        self.assertEqual((len(rows[at]), len(rows[at - 1]), rows[at - 1][-6:]), (80, 80, " REQ/S"))

    def test_the_terminal_is_given_back(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            terminal = harness.Terminal(self, "troupe", "top", env=self.env())
            terminal.wait("q quit")
            self.assertNotEqual(terminal.mode(), terminal.before)
            done = terminal.child.stop(number)
            self.assertEqual(done.code, -9 if number == signal.SIGKILL else 0)
            harness.wait_until(lambda: terminal.mode() == terminal.before, f"the terminal's mode after {number!r}")
            terminal.wait("\033[?1049l")

    def test_a_broker_that_is_away(self):
        terminal = harness.Terminal(self, "troupe", "top", "--interval", "100ms", env=self.env())
        terminal.wait("q quit")
        endpoint = self.at.endpoint
        self.agents.stop()
        self.at.stop()
        terminal.wait("THE BROKER DOES NOT ANSWER")
        self.at = self.broker(listen=endpoint)
        terminal.text = ""
        terminal.wait("\033[1mtroupe top  local")
        terminal.press("q")
        self.assertEqual(terminal.child.wait().code, 0)


class Narrow(cli.CliTest):
    """Tables on a terminal of 80 columns: a row of the screen each."""

    def test_tables(self):
        self.start()
        name = "task." + "a-long-name-" * 6 + ".state"
        self.expect(self.run_verb("pub", name, "x"), 0)
        terminal = screen.Shown(self, "troupe", "topics", env={**self.env(), "NO_COLOR": ""})
        self.assertEqual(terminal.child.wait().code, 0)
        rows = terminal.rows()
        self.assertEqual(rows[0].split()[0], "TOPIC")
        at = next(row for row in rows if row.startswith("task."))
        self.assertTrue(len(at.split()) == 6 and "\u2026" in at.split()[0] and at.split()[0].endswith("name-.state"), rows)
        terminal = screen.Shown(self, "troupe", "df", "search", env=self.env())
        self.assertEqual(terminal.child.wait().code, 0)
        self.assertEqual(len(terminal.rows()), 2, terminal.rows())
        terminal = screen.Shown(self, "troupe", "tap", "--count", "1", env=self.env(), on=("stdout", "stderr"))
        terminal.wait("watching")
        self.expect(self.run_verb("pub", name, json.dumps({"text": "\u65e5" * 100})), 0)
        self.assertEqual(terminal.child.wait().code, 0)
        rows = terminal.rows()[-2:]
        self.assertEqual((len(rows[0].split()), rows[0].index("CONTENT"), rows[1].count("\u2026") >= 2), (6, rows[1].index('{"'), True), rows)


class Search(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.start()

    def test_services(self):
        name = f"echo@{self.at.platform}"
        self.expect(self.run_verb("df", "search", "-o", "name"), 0, f"{name}\n")
        self.expect(self.run_verb("df", "search", "--service", "echoing", "-o", "name"), 0, f"{name}\n")
        self.expect(self.run_verb("df", "search", "--service", "nothing", "-o", "name"), 0, "")
        self.expect(self.run_verb("df", "search", "--template", '{"services": ["echoing"]}', "-o", "name"), 0, f"{name}\n")
        row = self.expect(self.run_verb("df", "search", "-o", "json"), 0).json()[0]
        self.assertEqual(row["name"], name)
        self.assertIn("echoing", json.dumps(row["services"]))

    def test_what_goes_wrong(self):
        self.expect(self.run_verb("df", "search", "--template", "{"), 1, "", err="--template")
        self.at.stop()
        self.expect(self.run_verb("df", "search"), 2, "", err="no broker listens there")


if __name__ == "__main__":
    harness.main()
