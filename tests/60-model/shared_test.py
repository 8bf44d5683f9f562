"""What two processes share, with one Redis server or, on one machine, a file: the rate of a server and key, what is in flight, circuits, budgets, and (Redis) answers."""
import json
import pathlib
import time

import mind_test
import model
from model import harness

REDIS = "/usr/bin/redis-server"


class Together:
    """What holds by whatever they share; `place` says what that is."""

    def two(self, server, provider=None, **more):
        config = server.config(provider, **self.place, **more)
        return [self.caller(config), self.caller(config)]

    def test_a_rate_is_of_all_processes(self):
        """600 a minute are 10 at once and then 10 a second: 30 take two seconds at least, whoever asks."""
        server = self.server()
        callers = self.two(server, {"rate": {"requests-per-minute": 600}})
        began = time.monotonic()
        ids = [(caller, caller.start()) for _ in range(15) for caller in callers]
        self.assertEqual({caller.done(id_)["status"] for caller, id_ in ids}, {"ok"})
        self.assertGreaterEqual(time.monotonic() - began, 1.9)

    def test_what_is_in_flight_is_of_all_processes(self):
        server = self.server()
        server.usual = model.slow(model.chat(), 0.05)
        callers = self.two(server, {"rate": {"in-flight": 2}})
        ids = [(caller, caller.start()) for _ in range(6) for caller in callers]
        self.assertEqual({caller.done(id_)["status"] for caller, id_ in ids}, {"ok"})
        self.assertLessEqual(server.most_working, 2)

    def test_a_place_is_free_again_when_it_was_left(self):
        server = self.server()
        callers = self.two(server, {"rate": {"in-flight": 1}})
        for _ in range(3):
            self.assertEqual([caller.call()["status"] for caller in callers], ["ok", "ok"])

    def test_a_process_that_ends_gives_its_places_back(self):
        server = self.server()
        server.usual = model.slow(model.chat(), 2)
        first, second = self.two(server, {"rate": {"in-flight": 3}})
        for _ in range(3):
            first.start()
        harness.wait_until(lambda: server.working == 3, "three calls in flight")
        self.assertEqual(first.end(), 0)
        server.usual = model.chat()
        self.assertEqual(second.call()["status"], "ok")

    def test_limits_that_were_none_leave_no_debt(self):
        server = self.server()
        config = server.config({"rate": {"in-flight": 50}}, **self.place)
        free = self.caller(config)
        self.assertEqual({free.done(id_)["status"] for id_ in [free.start(max_tokens=100000) for _ in range(20)]}, {"ok"})
        limited = self.caller(server.config({"rate": {"requests-per-minute": 60, "tokens-per-minute": 200000}}, **self.place))
        self.assertEqual(limited.call(max_tokens=100)["status"], "ok")

    CIRCUIT = {"retry": {"attempts": 1}, "breaker": {"failures": 4, "open": "1h", "max-open": "1h"}}

    @staticmethod
    def is_refused(caller):
        told = caller.call()
        return told["status"] == "unavailable" and "left alone for" in told["detail"]

    def test_a_long_pause_is_of_all_processes(self):
        """One was told to leave the server alone for an hour: the other does not wait for that, and says when."""
        server = self.server()
        first, second = self.two(server)
        server.does(model.status(429, headers={"Retry-After": "3600"}))
        self.assertEqual(first.call(total_ms=50000)["status"], "rate-limited")

        def refused():
            done = second.call(total_ms=50000)
            return done if done["status"] == "rate-limited" else None
        done = harness.wait_until(refused, "the other to know it", 60)
        self.assertEqual(done["attempts"], 0, done)
        self.assertGreater(done["retry_after_ms"], 3000000)

    def test_a_circuit_is_of_all_processes(self):
        """Two failures of each are four in a row: nobody asks the server any more, also not who comes later."""
        server = self.server()
        server.usual = model.status(500)
        callers = self.two(server, **self.CIRCUIT)
        done = [caller.call() for _ in range(2) for caller in callers]
        self.assertEqual({d["http_status"] for d in done}, {500})
        harness.wait_until(lambda: self.is_refused(callers[1]), "the circuit to be open", 60)
        asked = len(server.requests)
        third = self.caller(server.config(**self.place, **self.CIRCUIT))
        self.assertEqual([self.is_refused(caller) for caller in (*callers, third)], [True] * 3)
        self.assertEqual(len(server.requests), asked)

    def test_one_attempt_of_all_processes_tries_again(self):
        """Both ask again and again: until one was answered well there is no more than one attempt at a time."""
        server = self.server()
        server.usual = model.status(500)
        callers = self.two(server, retry={"attempts": 1}, breaker={"failures": 1, "open": "100ms", "max-open": "100ms"})
        self.assertEqual(callers[0].call()["http_status"], 500)
        harness.wait_until(lambda: self.is_refused(callers[0]) or self.is_refused(callers[1]), "the circuit to be open", 60)
        server.usual, server.most_working = model.slow(model.chat(), 0.3), 0

        def both():
            ids = [(caller, caller.start()) for caller in callers]
            return "ok" in [caller.done(id_)["status"] for caller, id_ in ids]
        harness.wait_until(both, "one that was answered", 60)
        self.assertEqual(server.most_working, 1)
        for caller in callers:
            harness.wait_until(lambda: caller.call()["status"] == "ok", "the circuit to be closed", 60)

    def test_a_success_begins_the_count_anew(self):
        server = self.server()
        callers = self.two(server, **self.CIRCUIT)
        server.usual = model.status(500)
        for caller in callers[0], callers[1], callers[0]:
            self.assertEqual(caller.call()["http_status"], 500)
        server.usual = model.chat()
        self.assertEqual(callers[1].call()["status"], "ok")
        server.usual = model.status(500)
        for caller in callers[1], callers[0], callers[1]:
            self.assertEqual(caller.call()["http_status"], 500)

    USAGE = {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}

    def test_a_budget_is_of_all_processes(self):
        """One that is asked by two, one call after the other: what is spent goes beyond it by no more than the last call's."""
        server = self.server()
        server.usual = model.chat(usage=self.USAGE)
        callers = self.two(server, budget={"fleet": {"tokens": 1000}})
        done = [caller.call(max_tokens=60) for _ in range(12) for caller in callers]
        self.assertEqual({d["status"] for d in done}, {"ok", "over-budget"})
        self.assertRegex(done[-1]["detail"], "the fleet's budget|the budget of the fleet")
        asked = len(server.requests)
        self.assertEqual(asked, len([d for d in done if d["status"] == "ok"]), "what is over its budget is not asked")
        self.assertGreaterEqual(100 * asked, 900)
        self.assertLessEqual(100 * asked, 1000 + 100)
        third = self.caller(server.config(budget={"fleet": {"tokens": 1000}}, **self.place))
        self.assertEqual(third.call(max_tokens=60)["status"], "over-budget", "it is spent for who comes later, too")

    def test_many_at_once_are_within_a_budget(self):
        """What is in flight is reserved: with estimates that are no less than the cost nothing at all is spent beyond it."""
        server = self.server()
        server.usual = model.slow(model.chat(usage=self.USAGE), 0.05)
        callers = self.two(server, budget={"agent": {"tokens": 2000}})
        ids = [(caller, caller.start(max_tokens=200, agent="eve")) for _ in range(20) for caller in callers]
        statuses = [caller.done(id_)["status"] for caller, id_ in ids]
        self.assertEqual(set(statuses), {"ok", "over-budget"})
        self.assertLessEqual(100 * len(server.requests), 2000)
        self.assertEqual({caller.call(max_tokens=200, agent="ann")["status"] for caller in callers}, {"ok"}, "it is another's")

    def test_what_a_process_died_with_stays_spent(self):
        server = self.server()
        server.usual = model.stall()
        first, second = self.two(server, budget={"task": {"tokens": 1000}})
        first.start(max_tokens=700, task="t1")
        harness.wait_until(lambda: server.working == 1, "the call to be in flight")
        first.process.kill()
        server.usual = model.chat(usage=self.USAGE)
        self.assertEqual(second.call(max_tokens=400, task="t1")["status"], "over-budget")
        self.assertEqual(second.call(max_tokens=100, task="t1")["status"], "ok")
        self.assertEqual(second.call(max_tokens=400, task="t2")["status"], "ok")

    def test_a_limit_of_ones_own_is_nobody_elses(self):
        """Set for an account by a process that counts its tasks: another's task of the same name has its own."""
        server = self.server()
        server.usual = model.chat(usage=self.USAGE)
        callers = self.two(server, budget={"task": {"tokens": 5000}})
        for caller in callers:
            caller.tell(do="limit", name="task:1", tokens=250, nano=0)
            self.assertEqual([caller.call(max_tokens=100, task="1")["status"] for _ in range(3)], ["ok", "ok", "over-budget"])


class OneMachine(Together, model.ModelTest):
    def setUp(self):
        super().setUp()
        self.file = pathlib.Path(self.directory) / "models"
        self.place = {"together": str(self.file)}

    def test_what_a_process_died_with_is_no_more_in_flight(self):
        server = self.server()
        server.usual = model.stall()
        first, second = self.two(server, {"rate": {"in-flight": 1}})
        first.start()
        harness.wait_until(lambda: server.working == 1, "the call to be in flight")
        first.process.kill()
        first.process.wait()
        server.usual = model.chat()
        self.assertEqual(second.call()["status"], "ok")

    def test_the_environment_may_name_it(self):
        server = self.server()
        config = server.config(budget={"fleet": {"tokens": 250}})
        server.usual = model.chat(usage=self.USAGE)
        callers = [self.caller(config, TROUPE_MODELS_FILE=str(self.file)) for _ in range(2)]
        self.assertEqual([caller.call(max_tokens=90)["status"] for caller in callers * 2], ["ok", "ok", "over-budget", "over-budget"])
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)

    def test_a_file_of_something_else_is_replaced(self):
        server = self.server()
        self.file.write_bytes(b"of another kind" * 9)
        self.file.chmod(0o600)
        self.assertEqual([caller.call()["status"] for caller in self.two(server, {"rate": {"in-flight": 1}})], ["ok", "ok"])

    def test_a_file_that_cannot_be(self):
        server = self.server()
        self.file.write_bytes(b"")
        self.file.chmod(0o622)
        for place, why in (self.file, "chmod 600"), ("/nowhere/models", "/nowhere/models"):
            refused = self.caller(server.config(together=str(place)))
            self.assertIn(why, str(refused.unopened))
            self.assertEqual(refused.end(), 3)


class Shared(Together, model.ModelTest):
    def setUp(self):
        super().setUp()
        if not pathlib.Path(REDIS).exists():
            self.skipTest("redis-server is missing (tools/setup --check installs it)")
        self.socket = f"{self.directory}/redis.sock"
        self.place = {"redis": {"host": self.socket}}
        self.redis = self.start_redis()

    def place_file(self, text, mode=0o600):
        path = pathlib.Path(self.directory) / "redis.url"
        path.write_text(text + "\n")
        path.chmod(mode)
        return path

    def start_redis(self, *more):
        child = self.spawn(REDIS, "--port", "0", "--unixsocket", self.socket, "--save", "", "--appendonly", "no", *more)
        harness.wait_until(lambda: "eady to accept connections" in child.out or child.process.poll() is not None, "Redis")
        self.assertIsNone(child.process.poll(), child.out)
        return child

    def test_answers_are_for_all(self):
        server = self.server()
        first, second = self.two(server)
        self.assertEqual(first.call(cache_ms=60000)["status"], "ok")
        done = harness.wait_until(lambda: self.cached(second), "the answer to be there")
        self.assertEqual(done["status"], "ok")
        asked = len(server.requests)
        self.assertTrue(self.cached(second), "from then on it is in this process")
        self.assertEqual(len(server.requests), asked)

    def test_other_headers_are_another_question(self):
        server = self.server()
        first, same, other = (self.caller(server.config({"headers": {"X-Persona": persona}}, **self.place)) for persona in ("pirate", "pirate", "clerk"))
        self.assertFalse(first.call(cache_ms=60000)["cached"])
        harness.wait_until(lambda: self.cached(same), "the answer to be there")
        self.assertIsNone(self.cached(other))
        self.assertEqual(server.requests[-1].headers["x-persona"], "clerk")

    def test_what_a_mind_was_answered_is_known_to_the_next(self):
        server = self.server()
        server.usual = mind_test.answers({"label": "negative", "score": -0.5})
        config = server.config(cache={"keep": {"sentiment": "1h"}}, **self.place)
        for text, requests in (("as always", 1), ("as always", 1), ("as ever", 2)):
            done = mind_test.Mind.ask(self, config, "sentiment", text)
            self.assertEqual(json.loads(done.stdout)["label"], "negative", done)
            self.assertEqual(len(server.requests), requests, text)

    def test_a_budget_without_redis_is_each_ones(self):
        server = self.server()
        server.usual = model.chat(usage=self.USAGE)
        callers = self.two(server, budget={"fleet": {"tokens": 150}})
        self.redis.stop(9)
        self.assertEqual([caller.call(max_tokens=60)["status"] for caller in callers * 2], ["ok", "ok", "over-budget", "over-budget"])

    @staticmethod
    def cached(caller):
        done = caller.call(cache_ms=60000)
        return done if done["cached"] else None

    def test_without_redis_each_keeps_to_its_own(self):
        server = self.server()
        callers = self.two(server, {"rate": {"requests-per-minute": 60000, "in-flight": 3}})
        self.assertEqual(callers[0].call(cache_ms=60000)["status"], "ok")
        self.redis.stop(9)
        for caller in callers * 3:
            self.assertEqual(caller.call(cache_ms=1)["status"], "ok")
        self.start_redis()
        self.assertEqual(callers[1].call()["status"], "ok")

    def test_a_password(self):
        self.redis.stop()
        self.start_redis("--requirepass", "open sesame")
        server = self.server()
        secret = pathlib.Path(self.directory) / "redis.key"
        secret.write_text("open sesame\n", encoding="ascii")
        secret.chmod(0o600)
        config = server.config(redis={"host": self.socket, "password-file": str(secret)})
        first, second = self.caller(config), self.caller(config)
        self.assertEqual(first.call(cache_ms=60000)["status"], "ok")
        harness.wait_until(lambda: self.cached(second), "the answer to be there")
        secret.chmod(0o644)
        refused = self.caller(config)
        self.assertIn("chmod 600", str(refused.unopened))
        self.assertEqual(refused.end(), 3)

    def test_one_text_says_where(self):
        """With user, password and database, in a file that the environment names: all processes of a fleet are given the same."""
        self.redis.stop()
        self.start_redis("--requirepass", "open sesame")
        server = self.server()
        place = self.place_file(f"unix://default:open%20sesame@{self.socket}?db=3")
        first = self.caller(server.config(), TROUPE_REDIS_FILE=str(place))
        second = self.caller(server.config(redis={"file": str(place)}))
        self.assertEqual(first.call(cache_ms=60000)["status"], "ok")
        harness.wait_until(lambda: self.cached(second), "the answer to be there")
        elsewhere = self.caller(server.config(redis={"host": self.socket, "password-file": str(self.password_file())}))
        asked = len(server.requests)
        self.assertFalse(elsewhere.call(cache_ms=60000)["cached"], "it is in another database")
        self.assertEqual(len(server.requests), asked + 1)

    def password_file(self):
        secret = pathlib.Path(self.directory) / "password"
        secret.write_text("open sesame\n")
        secret.chmod(0o600)
        return secret

    def test_a_text_that_is_none(self):
        server = self.server()
        for config, env, why in (
                ({"redis": {"file": str(self.place_file("redis://:hush@h", 0o604))}}, {}, "chmod 600"),
                ({"redis": {"url": "redis://:hush@h"}}, {}, "no password may be here"),
                ({"redis": {"url": "rediss://h"}}, {}, "expected redis://"),
                ({"redis": {"url": "redis://h", "host": "h"}}, {}, "found several"),
                ({"redis": {"prefix": "mine"}}, {}, "TROUPE_REDIS_FILE"),
                ({}, {"TROUPE_REDIS_FILE": "/nowhere"}, "/nowhere")):
            refused = self.caller(server.config(**config), **env)
            self.assertIn(why, str(refused.unopened))
            self.assertNotIn("hush", str(refused.unopened))
            self.assertEqual(refused.end(), 3)


if __name__ == "__main__":
    harness.main()
