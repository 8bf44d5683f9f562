"""A behaviour that hangs is told apart from a process that is stopped, and from one that rests."""
import json
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import agentd
import harness

COUNTER = harness.program("tests/25-agentd/counter.so")


class Hang(agentd.AgentdTest):
    def row(self, name):
        return next(row for row in self.run_verb("ps", "-o", "json").json() if row["name"] == name)

    def why(self, name):
        return self.run_verb("why", name, "-o", "json").json()[0]

    def wait_state(self, name, state):
        return harness.wait_until(lambda: (row := self.row(name))["state"] == state and row, f"{name} to be {state}")

    def test_a_behaviour_that_hangs(self):
        child = self.agentd("--name", "busy", "--load", COUNTER, "--hang-time", "500ms")
        self.run_verb("send", "busy", "inform", '{"n": 1, "wait": 6000}')
        row = self.wait_state("busy", "hangs")
        self.assertIn("busy@local has been busy with one message for", row["reason"])
        why = self.why("busy")
        self.assertIn("it hangs: it has been busy with one message for", why["because"])
        self.assertTrue(why["reachable"])
        self.assertEqual(why["hung"], "busy@local")
        self.assertGreater(why["hung_ms"], 500)
        self.wait_state("busy", "active")
        self.assertIsNone(self.why("busy")["hung"])
        self.assertIn("B065 agent hangs", self.at.err)
        self.assertIn("B066 agent goes on", self.at.err)
        self.assertIn("A010", child.err)

    def test_its_neighbours_wait_for_it(self):
        self.agentd("--name", "many", "--count", "3", "--load", COUNTER, "--hang-time", "500ms")
        self.run_verb("send", "many-1", "inform", '{"n": 1, "wait": 4000}')
        self.wait_state("many", "hangs")
        self.assertIn("in the same process, many-1@local hangs", self.why("many-2")["because"])
        self.wait_state("many", "active")

    def test_a_process_that_is_stopped(self):
        child = self.agentd("--name", "busy", "--load", COUNTER, "--hang-time", "500ms")
        child.send_signal(signal.SIGSTOP)
        harness.wait_until(lambda: self.seen("busy") == "unreachable", "it to be unreachable")
        child.send_signal(signal.SIGCONT)
        harness.wait_until(lambda: self.seen("busy") == "active", "it to be back")
        self.assertNotIn("B065", self.at.err)

    def seen(self, name):
        """None where the broker has given it up."""
        return next((row["state"] for row in self.run_verb("ps", "-o", "json").json() if row["name"] == name), None)

    def test_a_process_that_hangs_and_is_stopped(self):
        """Nothing is heard of it: that is what counts."""
        child = self.agentd("--name", "busy", "--load", COUNTER, "--hang-time", "500ms")
        self.run_verb("send", "busy", "inform", '{"n": 1, "wait": 4000}')
        self.wait_state("busy", "hangs")
        child.send_signal(signal.SIGSTOP)
        harness.wait_until(lambda: self.seen("busy") == "unreachable", "it to be unreachable")
        child.send_signal(signal.SIGCONT)
        harness.wait_until(lambda: self.seen("busy") == "active", "it to be back")

    def test_after_the_end_of_the_broker_it_is_told_again(self):
        self.at.stop()
        self.at = self.broker(listen=(listen := f"ipc://{pathlib.Path(self.directory) / 'broker.sock'}"))
        self.agentd("--name", "busy", "--load", COUNTER, "--hang-time", "500ms")
        self.run_verb("send", "busy", "inform", '{"n": 1, "wait": 8000}')
        self.wait_state("busy", "hangs")
        self.at.stop(signal.SIGKILL)
        self.at = self.broker(listen=listen)
        harness.wait_until(lambda: self.seen("busy") == "hangs", "it to be told again")


harness.main()
