#!/usr/bin/env python3
"""Several coordinators on one PostgreSQL database: whatever dies, each task is completed once, and soon."""
import concurrent.futures
import json
import os
import pathlib
import random
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness
import killing
import postgres
import shared

ALONE = 0.5  # of the machine: with less, times are those of the others


@unittest.skipUnless(postgres.FOUND, "PostgreSQL is not installed")
class Migrated(harness.SystemTest):
    """--migrate: the tables, by a job of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database = postgres.Server(cls)

    def migrate(self, *more):
        return self.run_program("coordinator", "--migrate", "--store", "postgres", "--conninfo", self.database.conninfo_file,
                                "--schema", "mine", *more, patience=120)

    def test_many_at_once_make_the_tables_and_one_that_has_no_right_to_make_any_starts(self):
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            done = list(pool.map(lambda _: self.migrate(), range(3)))
        self.assertEqual([(one.code, one.out) for one in done], [(0, "the tables in the schema mine are up to date\n")] * 3, done)
        version = self.database.sql("SELECT version FROM mine.troupe_schema")
        self.assertEqual(self.migrate().code, 0)
        self.assertEqual(self.database.sql("SELECT version FROM mine.troupe_schema"), version)
        self.database.sql("CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA mine TO clerk; GRANT ALL ON ALL TABLES IN SCHEMA mine TO clerk; "
                          "GRANT ALL ON ALL SEQUENCES IN SCHEMA mine TO clerk")
        conninfo = pathlib.Path(self.directory, "clerk")
        conninfo.write_text(f"host={self.database.directory} dbname=postgres user=clerk\n")
        conninfo.chmod(0o600)
        at = self.broker()
        child = self.spawn("coordinator", "--connect", at.endpoint, "--name", "c1", "--store", "postgres", "--conninfo", conninfo, "--schema", "mine")
        harness.wait_until(lambda: "C001 ready" in child.err or child.process.poll() is not None, "the coordinator to be ready", 120)
        self.assertIn("C001 ready", child.err)

    def test_a_fleet_names_one_database(self):
        """Journal, tasks and state of agents are in it, each where the fleet's name says."""
        pathlib.Path(self.directory, "f.yaml").write_text(
            f"fleet: Wide-1\nstate: {{postgres: {self.database.conninfo_file}}}\nbroker: {{journal: postgres}}\ncoordinator: {{}}\n"
            "agents:\n  - {name: p, behaviour: planner, durable: true, state: postgres}\n")
        up = self.troupe("up", "f.yaml", "--detach", "--timeout", "120s", patience=150)
        self.addCleanup(lambda: self.troupe("down", "Wide-1", "--kill", patience=120))
        self.assertEqual(up.code, 0, up)
        done = self.troupe("task", "submit", "--description", "read", "--skill", "reading", "-o", "json", "--timeout", "60s", patience=120)
        self.assertEqual(done.code, 0, done)
        tables = self.database.sql("SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_name LIKE 'troupe%' "
                                   "OR table_schema LIKE 'troupe_wide%'")
        word = next(name.split(".")[0] for name in tables if name.endswith(".task"))
        self.assertRegex(word, "^troupe_wide_1_[0-9a-f]{8}$")
        for name in (f"public.troupe_state_{word[7:]}_p", f"public.troupe_journal_{word[7:]}"):
            self.assertIn(name, tables)
        self.assertEqual(self.database.sql(f"SELECT count(*) FROM {word}.task"), ["1"])

    def test_what_it_cannot_do_it_says(self):
        done = self.run_program("coordinator", "--migrate", patience=120)
        self.assertEqual(done.code, 1, done)
        self.assertIn("--migrate needs --store postgres", done.err)
        nowhere = pathlib.Path(self.directory, "nowhere")
        nowhere.write_text("host=/nowhere password=hush\n")
        nowhere.chmod(0o600)
        done = self.run_program("coordinator", "--migrate", "--store", "postgres", "--conninfo", nowhere, patience=120)
        self.assertEqual(done.code, 2, done)
        self.assertNotIn("hush", done.err)


@unittest.skipUnless(postgres.FOUND, "PostgreSQL is not installed")
class Shared(shared.Coordinators, killing.Killing):
    def test_another_takes_over(self):
        self.submit("c1", 50)
        ours = [self.coordinators["c2"].pid, self.database.process.pid]
        share = harness.Share(ours)
        self.coordinators["c1"].process.kill()
        killed = time.monotonic()
        self.coordinators["c2"].wait_err("C011 took over")
        took, left = time.monotonic() - killed, share.now(ours)
        print(f"50 tasks of a coordinator that was killed were the other one's after {took:.1f} s, with {left * 100:.0f} % of the machine left")
        self.assertLess(took, 5 if left >= ALONE else 60)
        self.worker("w")
        self.until_completed(50)

    def test_kills_at_random_moments(self):
        """kill -9 of either coordinator and of workers, while tasks are submitted to whoever is there."""
        chance = self.chance()
        workers = [self.worker(f"w{i}") for i in range(2)]

        def kill_coordinator():
            """Its successor has a name of its own: the other one takes over what the first has left."""
            name = chance.choice(sorted(self.coordinators))
            self.coordinators.pop(name).process.kill()
            name = f"d{len(self.names)}"
            self.names.append(name)
            self.coordinators[name] = self.start(name)

        def kill_worker():
            workers.pop(chance.randrange(len(workers))).process.kill()
            name = f"v{len(self.names)}"
            self.names.append(name)
            workers.append(self.worker(name))
        self.names = []
        keys, tasks = self.while_submitting(chance, [kill_coordinator] * 3 + [kill_worker] * 2)
        self.assertEqual((sorted(tasks), len(set(tasks.values()))), (sorted(keys), len(keys)))
        harness.wait_until(lambda: len(self.task_names("completed")) >= len(keys), "all to be completed", 120)
        self.assertEqual(self.task_names("completed"), set(tasks.values()))
        self.assertEqual(self.database.sql(f"SELECT count(*) FROM {self.schema}.task"), [str(len(keys))])  # and no other one was made
        self.check_history()
        print(f"{len(keys)} tasks, 3 of the coordinators and 2 workers killed: each completed once")

    def task_names(self, state):
        return set(self.call("task", "ls", "--state", state, "-o", "name").out.split())

    def test_what_was_owed_is_told_by_who_takes_over(self):
        """As a kill between the commit of an end and its telling leaves it."""
        self.worker("w")
        task, = self.submit("c1", callback="result.mine")
        harness.wait_until(lambda: self.show(task)["state"] == "completed", "it to be completed")
        self.assertEqual(self.database.sql(f"SELECT count(*) FROM {self.schema}.outbox"), ["0"])
        epoch, = self.database.sql(f"SELECT epoch FROM {self.schema}.coordinator WHERE name = 'c1@local'")
        tap = self.spawn("troupe", "tap", "result.>", "-o", "json", env=self.env)

        def listens():
            self.call("pub", "result.probe", "x")
            return "result.probe" in tap.out
        harness.wait_until(listens, "the tap to listen")
        self.database.sql(f"INSERT INTO {self.schema}.outbox (task, at_ms, owner) VALUES ('{task}', {self.show(task)['changed_ms']}, '{epoch}')")
        self.coordinators["c1"].process.kill()
        harness.wait_until(lambda: "result.mine" in tap.out, "it to be told", 60)
        harness.wait_until(lambda: self.database.sql(f"SELECT count(*) FROM {self.schema}.outbox") == ["0"], "nothing to be owed")

    def test_who_ends_in_order_is_followed_at_once(self):
        task, = self.submit("c1")
        self.assertEqual(self.coordinators["c1"].stop().code, 0)
        self.worker("w")
        self.until_completed(1)
        self.assertEqual(self.show(task)["state"], "completed")

    def test_who_hangs_is_taken_over_and_changes_nothing(self):
        self.submit("c1", 20)
        self.coordinators["c1"].process.send_signal(signal.SIGSTOP)
        self.worker("w")
        harness.wait_until(lambda: "C011 took over" in self.coordinators["c2"].err, "the other one to take over")
        self.coordinators["c1"].process.send_signal(signal.SIGCONT)
        done = self.coordinators["c1"].wait()
        self.assertEqual(done.code, 5)
        self.assertRegex(done.err, "C012 was taken over|C008")  # where it stood within a transaction, that is gone
        self.until_completed(20)
        self.check_history()

    def stop_within_a_transaction(self):
        """Whether c1 stands still now, with a transaction open that nobody else ends."""
        self.coordinators["c1"].process.send_signal(signal.SIGSTOP)
        looks = [self.database.sql(f"SELECT xact_start FROM pg_stat_activity WHERE pid = {self.writer} AND state = 'idle in transaction'") for _ in range(3)]
        if looks[0] and looks.count(looks[0]) == len(looks):  # the same one: what it had sent before is done
            return True
        self.coordinators["c1"].process.send_signal(signal.SIGCONT)
        return False

    def test_who_hangs_within_a_transaction_is_taken_over(self):
        over = threading.Event()
        self.writer = self.database.sql("SELECT pid FROM pg_stat_activity WHERE query LIKE '%coordinator%' OR query = 'COMMIT' ORDER BY backend_start")[0]
        self.submit("c1", 5)

        def submit():
            while not over.is_set():
                self.troupe("ask", "c1", json.dumps({"action": "submit", "tasks": [{"skills": ["work"]}] * 50}), "--timeout", "2s", env=self.env)
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for _ in range(3):
                pool.submit(submit)
            stands = any(self.stop_within_a_transaction() for _ in range(60))
            over.set()
        if not stands:
            self.skipTest("c1 was never caught within a transaction")
        self.coordinators["c2"].wait_err("C011 took over")
        self.coordinators["c1"].process.send_signal(signal.SIGCONT)
        self.assertEqual(self.coordinators["c1"].wait().code, 5)

    def check_history(self):
        wrong = self.database.sql(f"SELECT task, count(*) FROM {self.schema}.history WHERE state = 4 GROUP BY task HAVING count(*) <> 1")
        self.assertEqual(wrong, [])

    def test_whoever_is_asked(self):
        """What is asked about a task goes to who has it."""
        for name in ("c1", "c2"):
            for other in ("c1", "c2"):
                task, = self.submit(name, approval=True)
                self.ask(other, action="approve", task=task)
                self.assertEqual(self.show(task)["state"], "pending")
                self.ask(other, action="cancel", task=task, reason="enough")
                self.assertEqual(self.show(task)["reason"], "enough")
                self.ask(other, action="retry", task=task)
                self.assertEqual(self.show(task)["state"], "pending")
        self.assertIn("there is no task of this id", self.troupe("task", "cancel", "none", env=self.env).err)
        self.worker("w")
        self.until_completed(4)
        self.check_history()

    def test_a_task_may_need_one_of_another(self):
        first, = self.submit("c1")
        second, = self.submit("c2", needs=[first])
        third, = self.submit("c1", needs=[second])
        lost, = self.submit("c2", approval=True)
        never, = self.submit("c1", needs=[lost])
        self.worker("w")
        harness.wait_until(lambda: self.show(third)["state"] == "completed", "the last of the chain")
        self.ask("c1", action="cancel", task=lost)
        harness.wait_until(lambda: self.show(never)["state"] == "failed", "what can never be done to fail")
        self.assertIn("which has been cancelled", self.show(never)["reason"])

    def test_an_agent_has_one_room(self):
        """What one coordinator has given an agent takes room for the other one."""
        self.worker("w", 1)
        until = pathlib.Path(self.directory, "until")
        busy, = self.submit("c1", input={"until": str(until)})
        harness.wait_until(lambda: self.show(busy)["state"] != "pending", "it to be assigned")
        seen = [self.seen("c2")]
        for _ in range(2):  # looks of the other one
            harness.wait_until(lambda: self.seen("c2") != seen[-1], "the other one to look")
            seen.append(self.seen("c2"))
        waits, = self.submit("c2")
        self.assertEqual(self.show(waits)["state"], "pending")
        until.touch()
        self.until_completed(2)
        self.assertLessEqual(self.show(busy)["changed_ms"], self.show(waits)["changed_ms"])

    def seen(self, name):
        return self.database.sql(f"SELECT seen FROM {self.schema}.coordinator WHERE name = '{name}@local'")

    def test_schedules_go_on(self):
        self.worker("w")
        for name in ("c1", "c2"):
            self.ask(name, action="schedule", schedule="of-" + name, cron="@every 1s", task={"skills": ["work"]})
        self.ask("c2", action="schedule", schedule="gone", cron="@daily", task={"skills": ["work"]})
        self.ask("c1", action="unschedule", schedule="gone")
        self.coordinators["c1"].process.kill()
        harness.wait_until(lambda: "C011 took over" in self.coordinators["c2"].err or self.fired("of-c1") > 4, "the other one to take over")
        before = self.fired("of-c1")
        harness.wait_until(lambda: self.fired("of-c1") > before + 1, "it to go on")
        rows = self.database.sql(f"SELECT id FROM {self.schema}.task WHERE id LIKE 'of-c1-%'")
        self.assertEqual(len(rows), len(set(rows)))
        self.assertEqual([row["schedule"] for row in self.call("schedule", "ls", "-o", "json").json()], ["of-c1", "of-c2"])

    def fired(self, name):
        return {row["schedule"]: row["fired"] for row in self.call("schedule", "ls", "-o", "json").json()}[name]

    def test_decisions_go_on(self):
        asked = self.call("ask", "c1", json.dumps({"action": "decide", "question": "tea?", "options": ["yes", "no"],
                                                   "voters": ["person:ann", "person:bob"]}), "-o", "json").json()
        decision = asked["decision"]
        self.ask("c2", action="vote", decision=decision, voter="person:ann", ballot={"choice": "yes"})
        self.coordinators["c1"].process.kill()
        harness.wait_until(lambda: self.database.sql(
            f"SELECT c.name FROM {self.schema}.decision d JOIN {self.schema}.coordinator c ON c.epoch = d.owner WHERE d.id = '{decision}'") == ["c2@local"],
            "the other one to have it")
        self.ask("c2", action="vote", decision=decision, voter="person:bob", ballot={"choice": "yes"})
        shown = self.call("votes", "show", decision, "-o", "json").json()
        self.assertEqual((shown["state"], shown["winner"]), ("decided", "yes"))

    def connections(self, of="true"):
        return self.database.sql(f"SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'psql' AND {of}")

    def test_who_only_looks_has_connections_of_his_own(self):
        """A look that gets no answer holds up no task; one whose connection is lost is taken by another."""
        before = len(self.connections())
        self.coordinators["c3"] = self.start("c3", "--readers", "1")
        self.assertEqual(len(self.connections()), before + 1)  # the one that writes: the others come when they are needed
        task, = self.submit("c3")
        self.assertEqual([row["task"] for row in self.ask("c3", action="list")["tasks"]], [task])
        self.assertEqual(len(self.connections()), before + 2)
        reader, = self.connections("query LIKE 'SELECT id, key%ORDER BY number DESC%'")
        for action in ("stats", "schedules", "decisions"):
            self.ask("c3", action=action)
        self.assertEqual(self.ask("c3", action="show", task=task)["state"], "pending")
        self.assertEqual(len(self.connections()), before + 2)

        self.assertEqual(self.database.sql(f"SELECT pg_terminate_backend({reader})"), ["t"])
        self.assertEqual(len(self.ask("c3", action="list")["tasks"]), 1)
        reader, = self.connections("query LIKE 'SELECT id, key%ORDER BY number DESC%'")

        os.kill(int(reader), signal.SIGSTOP)
        try:
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                looked = pool.submit(self.patiently, "c3", action="list")
                self.worker("w")
                second, = self.submit("c3")
                harness.wait_until(lambda: self.database.sql(f"SELECT state FROM {self.schema}.task ORDER BY number") == ["4", "4"], "both to be completed")
                self.assertIn(task, [row["task"] for row in looked.result()["tasks"]])  # it was asked again by another connection
        finally:
            os.kill(int(reader), signal.SIGCONT)

    def patiently(self, coordinator, **content):
        done = self.troupe("ask", coordinator, json.dumps(content), "-o", "json", "--timeout", "60s", env=self.env, patience=70)
        return done.json() if done.code == 0 else done.err

    def hold(self):
        """Whoever reads what has happened to a decision waits, until the pid that this gives is ended."""
        self.addCleanup(self.pool.shutdown)
        self.pool.submit(self.database.try_sql, f"BEGIN; LOCK TABLE {self.schema}.decision_event IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)")
        holds = f"SELECT pid FROM pg_locks WHERE relation = '{self.schema}.decision_event'::regclass AND mode = 'AccessExclusiveLock' AND granted"
        pid, = harness.wait_until(lambda: self.database.sql(holds), "the lock")
        self.addCleanup(self.let_go, pid)
        return pid

    def let_go(self, pid):
        self.database.sql(f"SELECT pg_terminate_backend({pid})")

    WAITS = "wait_event_type = 'Lock' AND query LIKE '%FROM decision_event%'"

    def slow_look(self):
        """A decision that is asked for and waits for a lock: (who holds it, the reader's pid, the answer to come)."""
        self.pool = concurrent.futures.ThreadPoolExecutor(2)
        self.coordinators["c3"] = self.start("c3", "--readers", "1")
        decision = self.ask("c3", action="decide", question="tea?", options=["yes", "no"], voters=["person:ann"])["decision"]
        self.ask("c3", action="list")  # the reader has its connection
        holder = self.hold()
        looked = self.pool.submit(self.patiently, "c3", action="decision", decision=decision)
        reader, = harness.wait_until(lambda: self.connections(self.WAITS), "the look to wait")
        return holder, reader, looked

    def test_a_slow_look_has_its_time(self):
        holder, reader, looked = self.slow_look()
        harness.wait_until(lambda: self.connections(f"pid = {reader} AND state_change < clock_timestamp() - interval '4 s'"), "it to take long")
        self.let_go(holder)
        self.assertEqual(looked.result()["state"], "voting")
        self.assertEqual(self.connections("query LIKE '%FROM decision_event%'"), [reader])  # nobody was asked once more

    def test_a_look_that_never_ends_is_ended(self):
        """The server does it; the reader is there for the next one."""
        _, reader, looked = self.slow_look()
        self.assertIn("timed out", looked.result())
        self.coordinators["c3"].wait_err("C015 look failed")
        self.assertEqual(self.ask("c3", action="list")["tasks"], [])
        self.assertEqual(self.connections("query LIKE 'SELECT id, key%ORDER BY number DESC%'"), [reader])

    def test_an_end_waits_for_no_look(self):
        """Nor does the server go on for who has gone."""
        _, reader, _ = self.slow_look()
        self.assertEqual(self.coordinators["c3"].stop().code, 0)
        harness.wait_until(lambda: not self.connections(f"pid = {reader}"), "the server to end what nobody waits for")

    def test_one_connection_is_enough(self):
        before = len(self.connections())
        self.coordinators["c3"] = self.start("c3", "--readers", "0")
        task, = self.submit("c3")
        self.assertEqual([row["task"] for row in self.ask("c3", action="list")["tasks"]], [task])
        self.assertEqual(len(self.connections()), before + 1)

    def test_nothing_is_lost_or_doubled_by_kills(self):
        """kill -9 of coordinators, workers and the database while tasks come and go."""
        chance = random.Random(5)
        workers = {f"w{i}": self.worker(f"w{i}") for i in range(3)}
        count = 90
        for n in range(count):
            while self.troupe("task", "submit", "--skill", "work", "--key", f"k{n}", "--tries", "50", "--timeout", "2s",
                              json.dumps({"n": n, "ms": 5}), env=self.env).code != 0:
                self.revive()
            if n % 20 == 10:
                name = chance.choice(sorted(self.coordinators))
                self.coordinators[name].process.kill()
                self.coordinators[name].wait()
                self.revive()
            if n % 30 == 0:
                name = chance.choice(sorted(workers))
                workers.pop(name).process.kill()
                workers[f"w{n + 100}"] = self.worker(f"w{n + 100}")
            if n == 45:
                self.database.stop()
                self.database.start()
                self.revive()
        def all_done():
            self.revive()
            return self.states().count("completed") == count
        harness.wait_until(all_done, "all to be completed", 60)
        self.assertEqual(len(self.states()), count)
        self.check_history()
        self.assertEqual(self.database.sql(f"SELECT count(DISTINCT key) FROM {self.schema}.task"), [str(count)])

    def revive(self):
        """As whoever supervises them does."""
        for name, child in list(self.coordinators.items()):
            if child.process.poll() is not None:
                harness.wait_until(lambda: name + "@" not in self.troupe("df", "search", "--service", "tasks", "-o", "name", env=self.env).out,
                                   "the dead one to be gone")
                self.coordinators[name] = self.start(name)


if __name__ == "__main__":
    harness.main()
