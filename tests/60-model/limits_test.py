"""What the model client keeps to: budgets, rates, memory, with many calls at once."""
import resource

import model
from model import harness

KIB_PER_CALL = 64
CALLS = 1000


class Budgets(model.ModelTest):
    PRICED = {"prices": [{"input": "1", "output": "2"}]}

    def test_what_is_spent_is_counted(self):
        server = self.server()
        caller = self.caller(server.config(self.PRICED))
        caller.call(agent="bob", task="t1")
        done = caller.call(agent="bob", task="t2")
        self.assertEqual(done["usage"]["nano"], 7 * 1000 + 3 * 2000)
        for name, calls in (("fleet", 2), ("agent:bob", 2), ("task:t1", 1)):
            account = caller.ask("account", name=name)
            self.assertEqual((account["tokens"], account["tokens_reserved"], account["nano"], account["nano_reserved"]),
                             (10 * calls, 0, 13000 * calls, 0), name)
        self.assertFalse(caller.ask("account", name="agent:eve")["is"])

    def test_calls_at_once_do_not_spend_the_same_rest(self):
        """Spend <= budget where calls cost what was estimated; else what those in flight cost more comes to it, and no more are in flight than fit."""
        server = self.server()
        server.usual = model.slow(model.chat(usage={"prompt_tokens": 40, "completion_tokens": 60}), 0.05)
        caller = self.caller(server.config(budget={"agent": {"tokens": 1000}}))
        ids = [caller.start(agent="bob", max_tokens=60) for _ in range(40)]
        done = [caller.done(id_) for id_ in ids]
        spent = caller.ask("account", name="agent:bob")
        self.assertEqual({d["status"] for d in done}, {"ok", "over-budget"})
        self.assertEqual(spent["tokens"], 100 * len(server.requests))
        self.assertEqual(spent["tokens_reserved"], 0)
        n = len(server.requests)
        while caller.call(agent="bob", max_tokens=60)["status"] == "ok":
            n += 1
        self.assertEqual(len(server.requests), n, "what is over its budget is not asked")
        estimate = (len(server.requests[0].body) + 3) // 4 + 60
        self.assertLess(estimate, 100)
        self.assertLessEqual(spent["tokens"], 1000 + 1000 // estimate * (100 - estimate))
        server.usual = model.slow(model.chat(usage={"prompt_tokens": estimate - 60, "completion_tokens": 60}), 0.05)
        done = [caller.done(id_) for id_ in [caller.start(agent="ann", max_tokens=60) for _ in range(40)]]
        self.assertEqual({d["status"] for d in done}, {"ok", "over-budget"})
        self.assertLessEqual(caller.ask("account", name="agent:ann")["tokens"], 1000)
        self.assertEqual(caller.call(agent="eve", max_tokens=60)["status"], "ok", "it is another's budget")

    def test_one_after_the_other_overspends_by_one_call_at_most(self):
        server = self.server()
        server.usual = model.chat(usage={"prompt_tokens": 500, "completion_tokens": 500})
        caller = self.caller(server.config(budget={"fleet": {"tokens": 2500}}))
        statuses = [caller.call(max_tokens=10)["status"] for _ in range(6)]
        self.assertEqual(statuses, ["ok"] * 3 + ["over-budget"] * 3)
        self.assertLessEqual(caller.ask("account", name="fleet")["tokens"], 2500 + 1000)

    def test_what_nothing_came_of_in_time_may_have_cost_all(self):
        """Else a budget bounds nothing against a server that is slow: it may have written all that it was allowed, and be paid for it."""
        for stream in (False, True):
            with self.subTest(stream=stream):
                server = self.server()
                server.usual = model.stall(model.head(200, "text/event-stream") if stream else b"")
                caller = self.caller(server.config(budget={"agent": {"tokens": 10000}}, limits={"first-byte": "50ms"}, retry={"attempts": 1}))
                statuses = [caller.call(agent="bob", max_tokens=4000, stream=stream)["status"] for _ in range(5)]
                self.assertEqual(statuses, ["timed-out"] * 2 + ["over-budget"] * 3)
                self.assertGreater(caller.ask("account", name="agent:bob")["tokens"], 8000)
                self.assertEqual(len(server.requests), 2)

    def test_money(self):
        server = self.server()
        caller = self.caller(server.config(self.PRICED, budget={"task": {"money": "0.00001"}}))
        done = caller.call(task="t", max_tokens=4000)
        self.assertEqual((done["status"], len(server.requests)), ("over-budget", 0))
        self.assertIn("task", done["detail"])
        caller.tell(do="limit", name="task:t", tokens=0, nano=1000000000)
        self.assertEqual(caller.call(task="t")["status"], "ok")

    def refused(self, config):
        caller = self.caller(config)
        self.assertEqual(caller.process.wait(60), 3)
        return caller.unopened["detail"]

    def test_money_is_limited_only_where_a_price_is_known(self):
        server = self.server()
        for prices, embeds in ([], {}), ([{"model": "another", "input": "1"}], {}), ([{"model": "a-model", "input": "1"}], {"models": {"embed": "e"}}):
            config = server.config({"prices": prices, **embeds}, budget={"task": {"money": "1"}})
            self.assertIn("providers[0].prices: expected one for " + ("e," if embeds else "a-model,"), self.refused(config))
        caller = self.caller(server.config({"prices": [{"model": "a-model", "input": "0"}]}, budget={"task": {"money": "1"}}))
        self.assertEqual(caller.call(task="t")["status"], "ok", "it costs nothing, as is said")
        done = caller.call(task="t", model="another")
        self.assertEqual((done["status"], len(server.requests)), ("over-budget", 1))
        self.assertIn("nothing says what another costs", done["detail"])
        self.assertEqual(caller.ask("account", name="task:t")["tokens_reserved"], 0)
        caller = self.caller(server.config())
        caller.tell(do="limit", name="task:t", tokens=0, nano=1000000000)
        self.assertEqual(caller.call(task="t")["status"], "over-budget")
        self.assertEqual(caller.call(task="another")["status"], "ok", "nobody limits its money")

    def test_images_and_sound_are_no_text(self):
        server = self.server()
        caller = self.caller(server.config({"models": {"transcribe": "t"}}, budget={"agent": {"tokens": 5000}}))
        url = "data:image/png;base64," + "A" * 1000000
        look = [{"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": url}}]}]
        self.assertEqual(caller.call(agent="bob", max_tokens=60, messages=look)["status"], "ok")
        done = caller.call(agent="bob", max_tokens=60, messages=look * 4)
        self.assertEqual((done["status"], len(server.requests)), ("over-budget", 1), "an image is not nothing")
        done = caller.call("transcribe", agent="eve", audio="x" * 2100000)
        self.assertEqual((done["status"], len(server.requests)), ("over-budget", 1), "nor is an hour of speech")

    def test_failures_cost_what_the_server_worked_on(self):
        server = self.server()
        caller = self.caller(server.config(retry={"attempts": 1}))
        server.does(model.status(500), model.stream(model.events(finish=None, usage=None)))
        self.assertEqual(caller.call()["usage"]["input"], 0)
        usage = caller.call(stream=True)["usage"]
        self.assertTrue(usage["estimated"])
        self.assertGreater(usage["input"], 0)
        self.assertGreater(usage["output"], 0)


class Rates(model.ModelTest):
    def test_so_many_in_flight(self):
        server = self.server()
        server.usual = model.slow(model.chat(), 0.05)
        caller = self.caller(server.config({"rate": {"in-flight": 3}}))
        for id_ in [caller.start() for _ in range(15)]:
            self.assertEqual(caller.done(id_)["status"], "ok")
        self.assertEqual(server.most_working, 3)

    def test_so_many_a_minute(self):
        server = self.server()
        caller = self.caller(server.config({"rate": {"requests-per-minute": 3}}))
        ids = [caller.start(total_ms=2000) for _ in range(6)]
        done = [caller.done(id_)["status"] for id_ in ids]
        self.assertEqual((done.count("ok"), len(server.requests)), (1, 1))
        self.assertEqual(done.count("timed-out"), 5)

    def test_two_providers_with_one_key_share_it(self):
        server = self.server()
        server.usual = model.slow(model.chat(), 0.05)
        providers = [server.provider(name=name, rate={"in-flight": 2}, models={name: "m"}, model=None) for name in ("chat", "embed")]
        for provider in providers:
            del provider["model"]
        caller = self.caller({"providers": providers, **model.QUICK})
        for id_ in [caller.start() for _ in range(8)]:
            self.assertEqual(caller.done(id_)["status"], "ok")
        self.assertEqual(server.most_working, 2)


class Many(model.ModelTest):
    def test_a_thousand_streams_at_once(self):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        server = self.server()
        # the first of them is idle until the last has begun, however long that takes
        caller = self.caller(server.config(limits={name: "600s" for name in ("connect", "first-byte", "idle", "total")}))
        caller.call(want_text=True)
        before = caller.resident_kib()
        gate = model.Gate(server)
        server.usual = gate.stream(model.events())
        ids = [caller.start(want_text=True) for _ in range(CALLS)]
        for id_ in ids:
            while not caller.texts[id_]:
                caller.until(lambda line: line["event"] == "text")
        each = (caller.resident_kib() - before) / CALLS
        self.assertEqual(caller.ask("stat")["in_flight"], CALLS)
        gate.open()
        for id_ in ids:
            self.assertEqual(caller.done(id_)["text"], "Hello, world")
        print(f"{CALLS} streams at once: {each:.1f} KiB each")
        if not caller.sanitized():
            self.assertLessEqual(each, KIB_PER_CALL)


if __name__ == "__main__":
    harness.main()
