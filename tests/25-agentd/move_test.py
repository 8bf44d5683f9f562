"""`troupe move`: agents go from process to process under load, while what takes part in it refuses, hangs or is killed; nothing is lost, comes
twice or out of its order, and there is one of them at any time."""
import json
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "35-durable"))
import durable
import harness

SEQUENCES = harness.program("tests/25-agentd/sequences.so")
LOAD = json.dumps({"load": [SEQUENCES]})


class MoveTest(durable.DurableTest):
    DURABLE = False

    def start(self, *arguments):
        """Without a journal where nothing is durable."""
        if self.DURABLE:
            super().start(*arguments)
        else:
            self.at = self.broker(*arguments, listen=self.endpoint)

    def agent(self, name, *arguments, env=None):
        child = self.spawn("agentd", "--connect", self.endpoint, "--name", name, *(["--durable"] if self.DURABLE else []), *arguments, env=env)
        child.wait_err("A001 registered")
        return child

    def sequences(self, *arguments, args="{}", env=None):
        return self.agent("x", "--load", SEQUENCES, "--args", args, *arguments, env=env)

    def station(self, name, *arguments, env=None):
        return self.agent(name, "--behaviour", "station", "--args", LOAD, *arguments, env=env)

    def ask(self):
        """What x has seen of each sender."""
        return self.good("ask", "x", "{}", "-o", "json", "--timeout", "20s").json()

    def move(self, to, *arguments):
        return self.good("move", "x", "--to", to, "-o", "json", *arguments).json()[0]

    def pid(self):
        return {row["name"]: row["pid"] for row in self.verb("ps", "-o", "json").json()}.get("x")

    def numbers(self, sender, count):
        path = self.path / f"numbers-{sender}"
        path.write_text("".join(json.dumps({"from": sender, "n": n}) + "\n" for n in range(1, count + 1)))
        return path.open()

    def send(self, sender, count, *arguments):
        with self.numbers(sender, count) as numbers:
            return self.spawn("troupe", "send", "x", "inform", "--lines", "--connect", self.endpoint, "--timeout", "60s", *arguments, stdin=numbers)

    def is_sending(self):
        return any(child.process.poll() is None for child in self.sending.values())

    def check(self, senders):
        """All of it has come, and each in its order."""
        def done():
            got = self.ask()
            return all(got["last"][sender] == count for sender, count in senders.items()) and got
        for sender, child in self.sending.items():
            self.assertEqual(child.wait(120).code, 0, sender)
        got = harness.wait_until(done, f"all of {senders}", 60)
        self.assertEqual([got["wrong"][sender] for sender in senders], [0] * len(senders))

    def load(self, senders, *arguments):
        self.sending = {sender: self.send(sender, count, *arguments) for sender, count in senders.items()}
        harness.wait_until(lambda: min(self.ask()["last"][sender] for sender in senders) > 0, "the senders to begin")


class Direct(MoveTest):
    COUNT = 20000

    def test_under_load(self):
        """Back and forth between two stations, with four senders of direct messages."""
        self.start()
        self.sequences()
        stations = {name: self.station(name) for name in ("north", "south")}
        senders = {sender: self.COUNT for sender in range(4)}
        self.load(senders)
        pauses = []
        while len(pauses) < 8 or self.is_sending() and len(pauses) < 200:
            to = ("north", "south")[len(pauses) % 2]
            moved = self.move(to)
            self.assertEqual((moved["to"], moved["pid"]), (to, stations[to].pid))
            pauses.append(moved["pause_ms"])
        self.check(senders)
        self.assertLess(max(pauses), 1000)
        print(f"move: {len(pauses)} times under load of {sum(senders.values())} direct messages: none lost, doubled or out of order; "
              f"pause {sorted(pauses)[len(pauses) // 2]} ms in the middle, {max(pauses)} ms at most")

    def test_a_conversation_that_is_open_is_not_cut(self):
        """The agent stays until that has ended, and the move says so; who began it hears nothing of the attempt."""
        self.start()
        own = self.sequences()
        depot = self.station("depot")
        talker = self.spawn("tests/20-protocols/talker", self.endpoint, "talker", stdin=subprocess.PIPE)
        self.addCleanup(talker.process.stdin.close)
        self.tell(talker, "start fipa-subscribe subscribe x never 20000")
        harness.wait_until(lambda: "agree from x@local" in talker.out, "the agree")
        told = lambda: [c["state"] for c in self.good("why", "x", "-o", "json").json()[0]["told"]["conversations"]]
        self.fails(3, "it did not come to rest in time", "move", "x", "--to", "depot", "--wait", "500ms")
        self.assertEqual((self.pid(), told()), (own.pid, ["subscribed"]))
        mover = self.spawn_verb("move", "x", "--to", "depot", "--wait", "30s")
        self.ask()
        self.tell(talker, "cancel")
        self.assertEqual(mover.wait(40).code, 0)
        self.assertEqual(self.pid(), depot.pid)
        self.assertIn("end cancelled", talker.out)
        self.tell(talker, "start fipa-subscribe subscribe x never 20000")
        harness.wait_until(lambda: talker.out.count("agree from x@local") == 2, "an agree from its new place")

    def tell(self, talker, line):
        talker.process.stdin.write(line.encode() + b"\n")
        talker.process.stdin.flush()

    def test_what_it_offers_goes_with_it(self):
        self.start()
        self.sequences("--service", "count", "--subscribe", "news.*", "--describe", '{"labels": {"kind": "ledger"}}')
        self.station("depot")
        self.move("depot")
        self.good("ask", "svc:count", '{"from": 1, "n": 1}', "-o", "json")
        self.good("pub", "news.a", '{"from": 1, "n": 2}')
        harness.wait_until(lambda: self.ask()["last"][1] == 2, "the event")
        self.assertEqual(self.ask()["wrong"][1], 0)
        self.assertEqual([row["name"] for row in self.good("df", "search", "--selector", "kind=ledger", "-o", "json").json()], ["x@local"])

    def test_the_machine_is_a_place_too(self):
        self.start()
        self.sequences()
        depot = self.station("depot")
        host = next(row["host"] for row in self.verb("ps", "-o", "json").json() if row["name"] == "depot")
        self.assertEqual(self.move(host)["pid"], depot.pid)
        self.assertIn("B067 moved", self.at.err)


class Refused(MoveTest):
    def test_who_refuses(self):
        """The agent goes on where it was, with what it knew."""
        self.start()
        own = self.sequences(args='{"restore": 3000}')
        self.station("refuses", env={"SEQUENCES_REFUSE": "1"})
        self.station("slow", env={"SEQUENCES_SLOW": "1"})
        self.agent("bare", "--behaviour", "station")
        self.agent("reader", "--behaviour", "reader")
        senders = {0: 20000}
        self.load(senders)
        for to, why in (("refuses", "cannot start"), ("slow", "did not begin it in time"), ("bare", "has no behaviour sequences"), ("nowhere", "no station has this name")):
            self.fails(3, why, "move", "x", "--to", to)
            self.assertEqual(self.pid(), own.pid, to)
        self.fails(3, "does not save its state", "move", "reader", "--to", "bare")
        self.check(senders)

    def test_who_is_stopped(self):
        """The station hangs: the agent is held up for a second, and goes on where it was; the station has nothing of it when it wakes."""
        self.start()
        own = self.sequences()
        depot = self.station("depot")
        senders = {0: 20000}
        self.load(senders)
        depot.send_signal(signal.SIGSTOP)
        self.fails(3, "in time", "move", "x", "--to", "depot")
        self.assertEqual(self.pid(), own.pid)
        depot.send_signal(signal.SIGCONT)
        self.check(senders)
        harness.wait_until(lambda: self.verb("move", "x", "--to", "depot").code == 0, "the station to be there again")
        self.assertEqual(self.pid(), depot.pid)
        self.check(senders)


class Killed(MoveTest):
    def killing(self, who):
        """`who` dies while the station begins the agent."""
        self.start()
        own = self.sequences(args='{"restore": 4000}')
        depot = self.station("depot", env={"SEQUENCES_SLOW": "1"})
        senders = {0: 20000, 1: 20000}
        self.load(senders)
        mover = self.spawn_verb("move", "x", "--to", "depot", "--pause", "20s")
        harness.wait_until(lambda: self.pid() == depot.pid, "the station to have it")
        {"station": depot, "home": own}[who].stop(signal.SIGKILL)
        return own, depot, senders, mover

    def test_the_station(self):
        own, _, senders, mover = self.killing("station")
        self.assertEqual(mover.wait(30).code, 3)
        self.assertEqual(self.pid(), own.pid)
        self.check(senders)

    def test_the_process_that_it_leaves(self):
        _, depot, senders, mover = self.killing("home")
        self.assertEqual(mover.wait(30).code, 0)
        self.assertEqual(self.pid(), depot.pid)
        self.check(senders)


class Durable(MoveTest):
    DURABLE = True
    COUNT = 3000

    def places(self, **env):
        return {name: self.station(name, "--state", self.path / "state", env=env.get(name)) for name in ("north", "south")}

    def test_under_load(self):
        """Durable messages, and a state that is kept in a store."""
        self.start("--tries", "200")
        self.sequences("--state", self.path / "state")
        self.places()
        senders = {sender: self.COUNT for sender in range(2)}
        self.load(senders, "--durable")
        pauses = []
        while len(pauses) < 6 or self.is_sending() and len(pauses) < 100:
            pauses.append(self.move(("north", "south")[len(pauses) % 2], "--wait", "20s")["pause_ms"])
        self.check(senders)
        self.assertLess(max(pauses), 1000)
        print(f"move durable: {len(pauses)} times under load of {sum(senders.values())} messages: none lost, doubled or out of order; "
              f"pause {sorted(pauses)[len(pauses) // 2]} ms in the middle, {max(pauses)} ms at most")

    def test_the_process_that_it_leaves_dies_before(self):
        """While it saves the state: the agent is that process's still, and begins again from its store."""
        self.start()
        own = self.sequences("--state", self.path / "state", args='{"save": 1500}', env={"SEQUENCES_SLOW": "1"})
        self.station("depot", "--state", self.path / "state")
        self.load({0: 20}, "--durable")
        mover = self.spawn_verb("move", "x", "--to", "depot", "--pause", "20s", "--wait", "20s")
        harness.wait_until(lambda: self.state() == "transit", "it to be in transit")
        own.stop(signal.SIGKILL)
        done = mover.wait(30)
        self.assertEqual(done.code, 3)
        self.assertIn("it has ended meanwhile", done.err)
        own = self.sequences("--state", self.path / "state")
        self.check({0: 20})
        self.assertEqual(self.pid(), own.pid)

    def state(self):
        return next((row["state"] for row in self.verb("ps", "-o", "json").json() if row["name"] == "x"), None)

    def test_its_place_dies_afterwards(self):
        """The new place alone has its state, also after a kill: it is not begun anew where it was, and a process of its own goes on from
        the station's store, with what waited."""
        self.start()
        old = self.sequences("--state", self.path / "old")
        new = self.station("depot", "--state", self.path / "new")
        self.load({0: 100}, "--durable")
        self.check({0: 100})
        self.move("depot")
        new.stop(signal.SIGKILL)
        old.stop()
        self.assertEqual(self.stored("old/x.db", "x"), 0)
        self.assertEqual(self.stored("new/depot.db", "x"), 1)
        away = self.run_program("agentd", "--connect", self.endpoint, "--name", "x", "--load", SEQUENCES, "--durable", "--state", self.path / "old")
        self.assertEqual(away.code, 72, away)
        self.assertIn("x was moved to depot, which has its state", away.err)
        harness.wait_until(lambda: self.pid() is None, "the broker to give the dead process up")
        self.sending = {1: self.send(1, 50, "--durable")}
        self.assertEqual(self.sending[1].wait(60).code, 0)  # it waits
        (self.path / "new/depot.db").rename(self.path / "new/x.db")
        own = self.sequences("--state", self.path / "new")
        self.check({0: 100, 1: 50})
        self.assertEqual(self.pid(), own.pid)

    def depot(self, *arguments, state="new"):
        return self.station("depot", "--state", self.path / state, *arguments)

    def test_a_process_that_stays(self):
        """With --stay whom its agent has left runs on, also when it is started again; the agent is where it went to."""
        self.start()
        own = self.sequences("--state", self.path / "old", "--stay")
        depot = self.depot()
        self.sending = {0: self.send(0, 50, "--durable")}
        self.check({0: 50})
        self.move("depot")
        for _ in range(2):
            own.wait_err("A029 stays")
            self.assertEqual(self.pid(), depot.pid)
            done = own.stop(signal.SIGTERM)
            self.assertEqual(done.code, 0, done)
            own = self.spawn("agentd", "--connect", self.endpoint, "--name", "x", "--load", SEQUENCES, "--durable", "--state", self.path / "old", "--stay")
        own.wait_err("A018 agent was moved away")
        self.check({0: 50})

    def test_a_station_that_is_killed_again_and_again(self):
        """It takes again whom it had, with all that its state knew and all that was sent meanwhile; nothing twice."""
        self.start("--tries", "200")
        own = self.sequences("--state", self.path / "old")
        depot = self.depot()
        senders = {sender: self.COUNT for sender in range(2)}
        self.load(senders, "--durable")
        self.move("depot", "--wait", "20s")
        self.assertEqual(own.wait(30).code, 72)
        kills = 0
        while kills < 3 or self.is_sending() and kills < 10:
            depot.stop(signal.SIGKILL)
            depot = self.depot()
            depot.wait_err("A019 taken again")
            kills += 1
        self.assertEqual(self.pid(), depot.pid)
        self.check(senders)
        print(f"move: a station killed {kills} times under load of {sum(senders.values())} durable messages: none lost, doubled or out of order")

    def test_whom_it_does_not_take_again(self):
        """Who went on, and whose name another process has; one whose behaviour it does not know waits for a start that does."""
        self.start()
        self.sequences("--state", self.path / "old", "--service", "count", "--subscribe", "news.*", "--describe", '{"labels": {"kind": "ledger"}}')
        depot = self.depot()
        self.load({0: 50}, "--durable")
        self.check({0: 50})
        self.move("depot")
        depot.stop(signal.SIGTERM)
        bare = self.agent("depot", "--behaviour", "station", "--state", self.path / "new")
        bare.wait_err("A028 not taken again")
        self.assertIn("there is no behaviour sequences", bare.err)
        bare.stop()
        depot = self.depot()
        depot.wait_err("A019 taken again")
        self.check({0: 50})
        self.good("ask", "svc:count", '{"from": 1, "n": 1}', "-o", "json")
        self.good("pub", "news.a", '{"from": 1, "n": 2}')
        harness.wait_until(lambda: self.ask()["last"][1] == 2, "the event")
        self.assertEqual([row["name"] for row in self.good("df", "search", "--selector", "kind=ledger", "-o", "json").json()], ["x@local"])
        other = self.station("other", "--state", self.path / "other")
        self.move("other")
        depot.stop(signal.SIGKILL)
        depot = self.depot()
        self.move("depot")
        self.move("other")
        self.assertEqual(self.pid(), other.pid)
        self.check({0: 50})
        depot.stop(signal.SIGKILL)
        self.assertEqual(self.stored("new/depot.db", "x"), 0)
        depot = self.depot()
        self.move("depot")
        depot.stop(signal.SIGKILL)
        stranger = self.sequences("--state", self.path / "elsewhere")
        depot = self.depot()
        depot.wait_err("A028 not taken again")
        self.assertEqual(self.pid(), stranger.pid)
        stranger.stop()
        depot.stop()
        depot = self.depot()
        harness.wait_until(lambda: self.pid() is None, "the broker to give the dead process up")

    def stored(self, file, name):
        import contextlib
        import sqlite3
        with contextlib.closing(sqlite3.connect(self.path / file)) as db:
            return db.execute("SELECT COUNT(*) FROM state WHERE agent = ?", (name,)).fetchone()[0]

    def test_what_a_station_needs(self):
        self.start()
        own = self.sequences("--state", self.path / "state")
        self.station("depot")
        self.fails(3, "its station has none (--state)", "move", "x", "--to", "depot")
        self.assertEqual(self.pid(), own.pid)


harness.main()
