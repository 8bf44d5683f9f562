"""State that outlives its process: agents that are killed at any moment have counted each durable message once, and have handed each on."""
import contextlib
import json
import pathlib
import random
import signal
import sqlite3
import sys
import time
import unittest

for topic in "35-durable", "70-tasks":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / topic))
import durable
import harness
import postgres

COUNTER = harness.program("tests/25-agentd/counter.so")
LOGBOOK = harness.program("tests/25-agentd/logbook.so")


class StateTest(durable.DurableTest):
    BEHAVIOUR = COUNTER

    def where(self, name):
        """Its store."""
        return ["--state", self.path / "state"]

    def counter(self, name="counter", *arguments, durable=True):
        return self.agentd("--name", name, "--load", self.BEHAVIOUR, *self.where(name), *(["--durable"] if durable else []), *arguments)

    def ask(self, name="counter", content="{}"):
        return self.good("ask", name, content, "-o", "json", "--timeout", "20s").json()

    def send(self, numbers, name="counter"):
        done = self.verb("send", name, "inform", "--durable", "--lines", text="".join(json.dumps({"n": n}) + "\n" for n in numbers))
        self.assertEqual(done.code, 0, done)

    def counts(self, count, name="counter"):
        """Waits until it has counted that many; what it says then."""
        return harness.wait_until(lambda: (got := self.ask(name))["count"] >= count and got, f"{count} messages at {name}", 60)


class Plain(StateTest):
    """What needs no journal."""

    def start(self):
        self.at = self.broker(listen=self.endpoint)

    def counter(self, name="counter", *arguments, durable=False):
        return super().counter(name, *arguments, durable=durable)

    def test_what_was_not_leased_counts_too(self):
        self.start()
        agent = self.counter()
        self.assertEqual(self.ask(content='{"n": 4}')["total"], 4)
        agent.stop(signal.SIGKILL)
        self.counter()
        self.assertEqual(self.ask()["total"], 4)

    def test_agents_of_a_range_have_each_their_own(self):
        self.start()
        agent = self.counter("many", "--count", "3")
        self.assertEqual(self.ask("many-1", '{"n": 5}')["total"], 5)
        agent.stop(signal.SIGKILL)
        self.counter("many", "--count", "3")
        self.assertEqual([self.ask(f"many-{i}")["total"] for i in range(3)], [0, 5, 0])

    def test_a_behaviour_without_state_is_told_of(self):
        self.start()
        child = self.agentd("--name", "reader", "--behaviour", "reader", "--state", self.path / "state")
        self.assertIn("A016", child.err)

    def test_one_process_has_the_file(self):
        self.start()
        self.counter()
        done = self.run_program("agentd", "--connect", self.endpoint, "--name", "counter", "--load", COUNTER, "--state", self.path / "state")
        self.assertEqual(done.code, 3, done)
        self.assertIn("another process has it", done.err)

    def test_a_state_that_cannot_be_restored_is_left_alone(self):
        self.start()
        self.counter().stop()
        self.sql("INSERT OR REPLACE INTO state VALUES ('counter', x'c0')")
        done = self.run_program("agentd", "--connect", self.endpoint, "--name", "counter", "--load", COUNTER, "--state", self.path / "state")
        self.assertEqual(done.code, 3, done)
        self.assertIn("A015", done.err)
        self.assertEqual(self.sql("SELECT bytes FROM state"), [(b"\xc0",)])

    def sql(self, text):
        with contextlib.closing(sqlite3.connect(self.path / "state" / "counter.db", isolation_level=None)) as db:
            return db.execute(text).fetchall()

    def test_it_rests_only_where_there_is_a_state(self):
        done = self.run_program("agentd", "--name", "x", "--behaviour", "echo", "--passive-after", "1s")
        self.assertEqual(done.code, 1, done)
        self.assertIn("--state", done.err)

    def test_a_database_needs_a_table(self):
        done = self.run_program("agentd", "--name", "x", "--behaviour", "echo", "--state", "postgres")
        self.assertEqual(done.code, 1, done)
        self.assertIn("--state-table", done.err)


class State(StateTest):
    def test_it_goes_on_where_it_stood(self):
        self.start()
        agent = self.counter()
        self.send([1, 2, 3])
        self.counts(3)
        agent.stop()
        self.counter()
        self.assertEqual(self.ask(content='{"n": 4}'), {"total": 10, "count": 4, "doubled": 0})

    def test_a_failure_undoes_what_was_not_saved(self):
        self.start()
        agent = self.counter("counter", "--restart-backoff", "10ms")
        self.send([1])
        self.counts(1)
        self.good("send", "counter", "inform", '{"n": 2, "fail": true}')
        self.assertEqual(self.counts(2), {"total": 3, "count": 2, "doubled": 0})
        self.assertIn("A008", agent.err)


class Passive(StateTest):
    def told(self, name):
        """What its process says that it does; None where it did not say."""
        return (self.good("why", name, "-o", "json").json()[0]["told"] or {}).get("status")

    def row(self, name):
        return next(row for row in self.good("ps", "-o", "json").json() if row["name"] == name)

    def rests(self, name):
        harness.wait_until(lambda: self.told(name) == "passive", f"{name} to rest")

    def test_an_idle_agent_rests_until_its_next_message(self):
        self.start()
        self.counter("many", "--count", "2", "--passive-after", "50ms", "--service", "count", "--subscribe", "news")
        self.send([1, 2], "many-1")
        self.counts(2, "many-1")
        for n in (3, 4):
            self.rests("many-1")
            self.assertEqual(self.ask("many-1", json.dumps({"n": n}))["count"], n)
        self.rests("many-0")
        self.assertIn("it rests", self.good("why", "many-0").out)
        harness.wait_until(lambda: self.row("many")["state"] == "passive", "all of them to be shown to rest")
        self.assertEqual(self.row("many")["passive"], 2)
        self.rests("many-1")
        self.assertIn(self.ask("svc:count", '{"n": 5}')["total"], (5, 15))  # its services and subscriptions stay
        self.good("pub", "news", '{"n": 6}')
        harness.wait_until(lambda: sum(self.ask(f"many-{i}")["total"] for i in range(2)) == 10 + 5 + 6 + 6, "the event at both")

    def test_what_waits_for_it_comes_in_order(self):
        self.start()
        self.counter("ledger")
        self.counter("counter", "--passive-after", "20ms", "--args", '{"then": "ledger"}')
        for first in range(1, 301, 50):
            self.rests("counter")
            self.send(range(first, first + 50))
        self.assertEqual(self.counts(300), {"total": 300 * 301 // 2, "count": 300, "doubled": 0})
        self.assertEqual(self.counts(300, "ledger"), {"total": 300 * 301 // 2, "count": 300, "doubled": 0})


class Killed(StateTest):
    MESSAGES = 3000
    KILLS = 8

    def test_at_any_moment(self):
        """What it counts is right, and all that it handed on arrived, however often it dies in between."""
        self.start("--tries", "100")
        self.counter("ledger")
        agent = self.counter("counter", "--args", '{"then": "ledger"}')
        with self.numbers() as numbers:
            sender = self.spawn("troupe", "send", "counter", "inform", "--durable", "--lines", "--connect", self.endpoint, stdin=numbers)
        dice = random.Random(4)
        for kill in range(self.KILLS):
            self.meanwhile(kill)
            time.sleep(dice.uniform(0, 0.3))  # what is tested: that the moment does not matter
            agent.stop(signal.SIGKILL)
            agent = self.counter("counter", "--args", '{"then": "ledger"}')
        self.assertEqual(sender.wait(120).code, 0)
        n = self.MESSAGES
        got = self.counts(n)
        self.assertEqual([got[key] for key in ("total", "count", "doubled")], [n * (n + 1) // 2, n, 0])
        got = harness.wait_until(lambda: (got := self.ask("ledger"))["count"] - got["doubled"] >= n and got, "all at the ledger", 60)
        self.assertEqual(got["count"] - got["doubled"], n)
        print(f"state kills: {self.KILLS} kills, {n} messages: none lost, none counted twice, {got['doubled']} handed on twice")

    def meanwhile(self, kill):
        """What else happens before it is killed."""

    def numbers(self):
        path = self.path / "numbers"
        path.write_text("".join(json.dumps({"n": n, "wait": 1}) + "\n" for n in range(1, self.MESSAGES + 1)))
        return path.open()


class Logbook(StateTest):
    BEHAVIOUR = LOGBOOK
    KEYS = "total", "count", "doubled", "replayed"

    def told(self, content="{}", name="counter"):
        got = self.ask(name, content)
        return [got[key] for key in self.KEYS]

    def records(self, like):
        with contextlib.closing(sqlite3.connect(self.path / "state" / "counter.db", isolation_level=None)) as db:
            return [row[0] for row in db.execute("SELECT agent FROM state WHERE agent LIKE ? ORDER BY agent", (like,))]

    def kill(self, agent):
        agent.stop(signal.SIGKILL)


class Events(Logbook):
    """A behaviour that appends events: a turn costs what it changes, and a start reads the snapshot and what came after it."""

    def test_a_snapshot_and_what_came_after_it(self):
        self.start()
        agent = self.counter()
        for n in 1, 2, 3:
            self.assertEqual(self.told(json.dumps({"n": n}))[1], n)
        self.kill(agent)
        self.assertEqual((len(self.records("counter#event-%")), self.records("counter#state")), (3, []))
        agent = self.counter()
        self.assertEqual(self.told(), [6, 3, 0, 3])
        self.assertEqual(self.told('{"n": 4, "snapshot": true}'), [10, 4, 0, 3])
        self.assertEqual(self.told('{"n": 5}'), [15, 5, 0, 3])
        self.kill(agent)
        self.assertEqual((len(self.records("counter#event-%")), self.records("counter#state")), (1, ["counter#state"]))
        agent = self.counter()
        self.assertEqual(self.told(), [15, 5, 0, 1])
        agent.stop()

    def test_a_failure_takes_its_events_with_it(self):
        self.start()
        agent = self.counter("counter", "--restart-backoff", "10ms")
        self.assertEqual(self.told('{"n": 1}')[:2], [1, 1])
        self.good("send", "counter", "inform", '{"n": 2, "fail": true}')
        got = self.counts(2)
        self.assertEqual([got[key] for key in self.KEYS], [3, 2, 0, 1])
        self.assertIn("A008", agent.err)

    def test_what_cannot_be_replayed_is_left_alone(self):
        self.start()
        agent = self.counter()
        self.told('{"n": 1}')
        self.told('{"n": 2}')
        agent.stop()
        before = self.dump()
        for damage in "DELETE FROM state WHERE agent = 'counter#event-1'", "UPDATE state SET bytes = x'91c403ffffff' WHERE agent = 'counter#event-1'":
            self.sql(damage)
            done = self.run_program("agentd", "--connect", self.endpoint, "--name", "counter", "--load", LOGBOOK, "--state", self.path / "state", "--durable")
            self.assertEqual(done.code, 3, done)
            self.assertIn("counter#event-1", done.err)
            self.sql("DELETE FROM state")
            for row in before:
                self.sql("INSERT INTO state VALUES (?, ?)", row)
        other = self.run_program("agentd", "--connect", self.endpoint, "--name", "counter", "--load", COUNTER, "--state", self.path / "state", "--durable")
        self.assertEqual(other.code, 3, other)
        self.assertIn("its behaviour has no replay", other.err)
        self.counter()
        self.assertEqual(self.told(), [3, 2, 0, 2])

    def dump(self):
        return self.sql("SELECT agent, bytes FROM state")

    def sql(self, text, values=()):
        with contextlib.closing(sqlite3.connect(self.path / "state" / "counter.db", isolation_level=None)) as db:
            return db.execute(text, values).fetchall()

    def test_a_behaviour_may_begin_to_append_and_end_to(self):
        """The versions of one behaviour read each other's state, but for events that are behind a snapshot."""
        self.start()
        agent = self.plain()
        self.ask(content='{"n": 7}')
        agent.stop()
        agent = self.counter()
        self.assertEqual(self.told('{"n": 1}'), [8, 2, 0, 0])
        self.assertEqual(self.told('{"n": 2}'), [10, 3, 0, 0])
        self.told('{"n": 3, "snapshot": true}')
        self.kill(agent)
        self.plain().stop()
        agent = self.plain()
        self.assertEqual(self.ask()["total"], 13)
        agent.stop()
        self.assertEqual(self.records("counter#state") + self.records("counter#event-%"), [])

    def plain(self):
        return self.agentd("--name", "counter", "--load", COUNTER, *self.where("counter"), "--durable")

    def test_moving_takes_the_events_along(self):
        self.start()
        agent = self.counter()
        for n in 1, 2, 3:
            self.told(json.dumps({"n": n}))
        depot = self.agentd("--name", "depot", "--behaviour", "station", "--args", json.dumps({"load": [LOGBOOK]}), "--state", self.path / "other", "--durable")
        self.good("move", "counter", "--to", "depot")
        self.assertEqual(agent.wait(20).code, 72)
        self.assertEqual(self.records("counter%"), ["counter#away"])
        self.assertEqual(self.told('{"n": 4}'), [10, 4, 0, 0])
        depot.stop(signal.SIGKILL)
        self.agentd("--name", "depot", "--behaviour", "station", "--args", json.dumps({"load": [LOGBOOK]}), "--state", self.path / "other", "--durable")
        harness.wait_until(lambda: self.verb("ask", "counter", "{}").code == 0, "the station to have it again")
        self.assertEqual(self.told(), [10, 4, 0, 1])

    def test_who_rests_replays(self):
        self.start()
        self.counter("counter", "--passive-after", "30ms")
        self.told('{"n": 1}')
        harness.wait_until(lambda: (self.good("why", "counter", "-o", "json").json()[0]["told"] or {}).get("status") == "passive", "it to rest")
        self.assertEqual(self.told('{"n": 2}')[:3], [3, 2, 0])


class KilledEvents(Killed):
    BEHAVIOUR = LOGBOOK


@unittest.skipUnless(postgres.FOUND, "PostgreSQL is not installed")
class Database(Killed):
    """The same with the state in PostgreSQL, whose server is killed as well, and as events."""
    BEHAVIOUR = LOGBOOK
    MESSAGES = 1000
    KILLS = 6

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = postgres.Server(cls)

    def where(self, name):
        return ["--state", "postgres", "--state-table", name, "--state-conninfo", self.server.conninfo_file]

    def meanwhile(self, kill):
        if kill % 3 == 1:
            self.server.stop()
            self.server.start()

    def test_two_processes_do_not_share_a_table(self):
        self.start()
        agent = self.counter("alone")
        self.ask("alone", '{"n": 1}')
        other = self.run_program("agentd", "--connect", self.endpoint, "--name", "other", "--load", LOGBOOK, "--durable", *self.where("alone"))
        self.assertEqual(other.code, 3, other)
        agent.stop(signal.SIGKILL)
        self.counter("alone")
        self.assertEqual(self.ask("alone")["total"], 1)


harness.main()
