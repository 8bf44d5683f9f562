"""Fleets with a journal: what waits survives `down` and `up`, a broker that is killed, and ends with --purge."""
import json
import os
import pathlib
import signal
import sys

import durable
import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "40-fleet"))
import fleet


class Fleet(fleet.FleetTest):
    def text(self, broker="journal: true", agent="durable: true"):
        self.write("clerk.py", durable.CLERK)
        return (f"broker: {{{broker}}}\nagents:\n  - {{name: clerk, {agent}, exec: {{command: [python3, clerk.py, clerk.book]}}, "
                "args: {backoff_ms: 10}}\n")

    def book(self):
        path = pathlib.Path(self.directory) / "clerk.book"
        return [json.loads(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []

    def wait_book(self, count):
        harness.wait_until(lambda: len(self.book()) >= count, f"{count} messages at the clerk")
        return [m["content"] for m in self.book()]

    @property
    def journal(self):
        return pathlib.Path(self.directory) / ".troupe" / "trio" / "journal"

    def test_what_waits_survives_down_and_up(self):
        self.up_detached(text=self.text())
        self.assertEqual(self.journal.stat().st_mode & 0o777, 0o700)
        self.ok("send", "clerk", "inform", "one")
        self.assertEqual(self.wait_book(1), ["one"])
        self.ok("detach", "clerk")
        self.ok("send", "clerk", "inform", "two")
        done = self.ok("down")
        self.assertIn("the journal is kept", done.err)
        self.up_detached(text=self.text())
        self.assertEqual(self.wait_book(2), ["one", "two"])
        self.ok("down")
        self.assert_nothing_left()

    def test_a_broker_that_is_killed_comes_back_with_it(self):
        self.up_detached(text=self.text())
        self.ok("detach", "clerk")
        self.ok("send", "clerk", "inform", "kept")
        os.kill(self.rows()["broker"]["pid"], signal.SIGKILL)
        harness.wait_until(lambda: "fleet" in self.troupe("ps", "-o", "name").out.split(), "the broker's return")
        self.ok("attach", "clerk")
        self.assertEqual(self.wait_book(1), ["kept"])

    def test_down_with_purge_forgets(self):
        self.up_detached(text=self.text())
        self.ok("detach", "clerk")
        self.ok("send", "clerk", "inform", "gone")
        done = self.ok("down", "--purge", "-o", "json")
        self.assertEqual(done.json()[0]["journal"], "removed", done)
        self.assertFalse(self.journal.exists())
        self.up_detached(text=self.text())
        self.ok("send", "clerk", "inform", "new")
        self.assertEqual(self.wait_book(1), ["new"])

    def test_what_a_fleet_has_left_can_be_purged_later(self):
        self.up_detached(text=self.text())
        self.refused("down", "other", "--purge", code=2, says="other")
        self.ok("down")
        self.assertTrue(self.journal.exists())
        self.refused("down", "--purge", code=2, says="no fleet runs here")
        self.assertEqual(self.ok("down", "trio", "--purge", "-o", "json").json()[0]["how"], "ended before")
        self.assertFalse(self.journal.exists())

    def test_a_directory_of_ones_own_is_not_removed(self):
        self.up_detached(text=self.text("journal: ./kept"))
        done = self.troupe("down", "--purge")
        self.assertEqual(done.code, 3, done)
        self.assertIn("kept", done.err)
        self.assertTrue((pathlib.Path(self.directory) / "kept" / "CURRENT").exists())

    def test_dry_run_shows_it_and_makes_nothing(self):
        done = self.ok("up", "--dry-run", self.fleet_file(text=self.text()), "-o", "json")
        broker, clerk = done.json()
        self.assertEqual(broker["command"][-2:], ["--journal", str(self.journal)])
        self.assertIn("--durable", clerk["command"])
        self.assertFalse((pathlib.Path(self.directory) / ".troupe").exists())

    def test_a_durable_agent_needs_a_journal(self):
        self.refused("up", self.fleet_file(text=self.text("journal: false")), says="trio.yaml:4:28: agents[0].durable: ")
        self.up_detached(text=self.text("journal: false", "durable: false"))
        self.refused("attach", "other", "--behaviour", "echo", "--durable", says="journal: true")

    def test_a_journal_that_cannot_be_opened_is_told(self):
        self.write("file", "")
        done = self.troupe("up", self.fleet_file(text=self.text("journal: ./file")))
        self.assertEqual(done.code, 3, done)
        self.assertIn(str(pathlib.Path(self.directory).resolve() / "file"), done.err, done)


harness.main()
