#!/usr/bin/python3
"""docs/clients/python, the client that was written from docs/protocol.md, against real brokers and real agents.

Exit: 0 all hold, 1 one does not, 77 python3-zmq, python3-msgpack or python3-protobuf is missing.
"""
import doctest
import os
import pathlib
import re
import sys
import threading
import time
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "20-protocols"), str(ROOT / "docs" / "clients" / "python")]

import harness
from protocols_test import Talker

try:
    import troupe
    import zmq
    from troupe import schema, wire
except ImportError as missing:
    print(f"skipped: {missing.name} is missing (tools/setup --check installs python3-zmq, python3-msgpack and python3-protobuf)")
    sys.exit(77)


class ClientTest(harness.SystemTest):
    OPTIONS = ()

    def setUp(self):
        super().setUp()
        self.at = self.broker(*self.OPTIONS)

    def process(self, **more):
        process = troupe.connect(self.at.endpoint, process="test", **more)
        self.addCleanup(process.close)
        return process

    def agent(self, name, **more):
        """Of a process of its own."""
        return self.process().register(name, **more)

    def serve(self, agent, handler, stop="stop"):
        """In a thread, until a message with the content `stop` comes."""
        def handle(message):
            if message.type == "message" and message.content == stop:
                agent.stop()
                return None
            return handler.handle(message) if isinstance(handler, troupe.Role) else handler(message)
        thread = threading.Thread(target=agent.serve, args=(handle,), daemon=True)
        thread.start()

        def end():
            agent.send(agent.name, stop)
            thread.join(harness.PATIENCE)
            self.assertFalse(thread.is_alive())
        self.addCleanup(end)

    def start_again(self, *options):
        """The broker is killed, and another one begins where it was."""
        self.at.process.kill()
        self.at.wait()
        self.at = self.broker(*options, listen=self.at.endpoint)

    def run_verb(self, *arguments):
        return self.troupe(*arguments, env={"TROUPE_CONNECT": self.at.endpoint})


class Schema(harness.SystemTest):
    def test_the_tables_are_those_of_proto(self):
        found = {}
        for file in ("acl.proto", "link.proto"):
            for name, body in re.findall(r"^message (\w+) \{(.*?)^\}", (ROOT / "proto" / file).read_text(), re.S | re.M):
                found[name] = {int(number): (kind, member) for kind, member, number
                               in re.findall(r"^\s*((?:repeated )?\w+) (\w+) = (\d+);", body, re.M)}
        for name, table in schema.TABLES.items():
            for number, member in table.items():
                self.assertEqual(found[name].get(number), member, f"{name} {number}")

    def test_frames_that_are_none(self):
        ping = wire.pack(wire.Kind.PING, id=9)
        self.assertEqual([r.id for r in wire.unbundle(wire.bundle([ping, ping]))], [9, 9])
        for frame in (b"", b"TB\1", b"XX\1\0\0\0\0\0", b"TB\1\0\1\0\0\0", b"TB\1\0\1\0\0\0" + ping[:47], b"TB\1\0\1\0\0\0" + ping + b"x",
                      b"TB\1\0\1\0\0\0" + ping[:40] + b"\1" + ping[41:], b"TB\1\0\1\0\0\0\xff" + ping[1:]):
            with self.assertRaises(wire.BadFrame, msg=frame):
                wire.unbundle(frame)


class Readme(ClientTest):
    PAGE = ROOT / "docs" / "clients" / "python" / "README.md"

    def code(self, mark):
        """The listing with this text in it."""
        return next(text for text in re.findall(r"```python\n(.*?)```", self.PAGE.read_text(), re.S) if mark in text)

    def setUp(self):
        super().setUp()
        patched = unittest.mock.patch.dict(os.environ, TROUPE_CONNECT=self.at.endpoint)
        patched.start()
        self.addCleanup(patched.stop)

    def test_the_session(self):
        test = doctest.DocTestParser().get_doctest(self.code(">>> import troupe"), {}, "README", str(self.PAGE), 0)
        said = []
        result = doctest.DocTestRunner().run(test, out=said.append)
        self.assertEqual(result.failed, 0, "".join(said))
        self.assertGreater(result.attempted, 10)

    def test_durable_messages(self):
        self.at.stop()
        self.at = self.broker("--journal", self.directory + "/journal", listen=self.at.endpoint)
        test = doctest.DocTestParser().get_doctest(self.code("keeper ="), {}, "README", str(self.PAGE), 0)
        said = []
        self.assertEqual(doctest.DocTestRunner().run(test, out=said.append).failed, 0, "".join(said))

    def test_mandates(self):
        names = {"troupe": troupe, **{name: self.agent(name) for name in ("ann", "bob", "cid")}}
        cid = names["cid"]
        thread = threading.Thread(target=lambda: cid.receive(10).reply("a part"), daemon=True)
        thread.start()
        exec(self.code("under=asked"), names)
        self.assertEqual(names["question"].answer().budget.tokens, 100 - 1 - 1 - 10 - 1)  # of three messages, and what bob spent
        thread.join(harness.PATIENCE)

    def test_the_agents(self):
        program = pathlib.Path(self.directory) / "sums.py"
        program.write_text(self.code("def handle"))
        self.keep(harness.Child(sys.executable, [program], self.directory, harness.environment(
            TROUPE_CONNECT=self.at.endpoint, PYTHONPATH=str(ROOT / "docs" / "clients" / "python"))))
        alice = self.agent("alice")
        harness.wait_until(lambda: alice.search(services=["sum"]), "the service")
        self.assertEqual(alice.request("svc:sum", {"numbers": [1, 2, 3]}).content, {"sum": 6})
        self.assertEqual(alice.request("svc:sum", "x").performative, "not-understood")

    def test_the_contract_net(self):
        seller, _, rest = self.code("class Seller").rpartition("\nprocess.")
        self.assertTrue(rest)
        names = {"troupe": troupe, "buyer": self.agent("buyer")}
        exec(seller, names)
        self.serve(self.agent("seller"), names["Seller"]())
        exec(self.code("cheapest"), names)
        self.assertEqual(names["result"].content, {"paid": 7})


class Messages(ClientTest):
    def test_send_receive_and_reply(self):
        alice, bob = self.agent("alice"), self.agent("bob")
        alice.send("bob", {"n": 1}, "request", conversation_id="c1", reply_with="r1")
        m = bob.receive(10)
        self.assertEqual((m.type, m.performative, m.sender, m.content, m.conversation_id, m.expects_answer),
                         ("message", "request", "alice@local", {"n": 1}, "c1", True))
        m.reply([1, None, b"x"])
        answer = alice.receive(10)
        self.assertEqual((answer.performative, answer.in_reply_to, answer.conversation_id, answer.content), ("inform", "r1", "c1", [1, None, b"x"]))
        alice.send(["bob", "alice"], "both")
        self.assertEqual([agent.receive(10).content for agent in (alice, bob)], ["both", "both"])
        alice.send("bob", b"<x/>", language="xml")
        self.assertEqual(bob.receive(10).content, b"<x/>")

    def test_a_range(self):
        process, alice = self.process(), self.agent("alice")
        many = process.register_range("many", 3)
        self.assertEqual([agent.aid for agent in many], [f"many-{n}@local" for n in range(3)])
        one = process.register("one")
        for n, agent in reversed(list(enumerate([*many, one]))):
            alice.send(agent.name, n)
            message = agent.receive(10)
            self.assertEqual((message.sender, message.content), ("alice@local", n))
            question = alice.ask(agent.name, n)
            agent.receive(10).reply(n + 10)
            self.assertEqual(question.answer().content, n + 10)
        self.assertRaises(ValueError, process.register_range, "few", 1)
        self.assertRaises(troupe.Refused, alice._process.register, "many-1")
        many[1].subscribe("news")
        alice.publish("news", "x")
        self.assertEqual(many[1].receive(10).content, "x")
        many[2].deregister()
        with self.assertRaises(troupe.Undelivered):
            alice.request("many-0", 1)
        self.assertEqual((alice.ask("one", 1), one.receive(10).content)[1], 1)

    def test_what_cannot_be_said_and_what_cannot_be_delivered(self):
        alice = self.agent("alice")
        for bad in (lambda: alice.send("bob", 1, "shout"), lambda: alice.send([], 1), lambda: alice.send("bob", b"x" * (5 << 20)),
                    lambda: alice.send("bob", 1, ontology="x" * 20000)):
            self.assertRaises(ValueError, bad)
        alice.send("nobody", 1)
        m = alice.receive(10)
        self.assertEqual((m.type, m.reason, m.content), ("failed", "not-found", None))
        with self.assertRaisesRegex(troupe.Undelivered, "no-provider"):
            alice.request("svc:none", 1)
        with self.assertRaisesRegex(troupe.Refused, "duplicate-name"):
            self.process().register("alice")
        with self.assertRaisesRegex(troupe.Refused, "bad-topic"):
            alice.subscribe("a..b")
        with self.assertRaises(troupe.TimedOut):
            alice.receive(0.01)

    def test_more_than_the_windows(self):
        """Both directions: what is not received holds up who sends, and nothing is lost or out of order."""
        self.at.stop()
        self.at = self.broker("--window-records", "64")
        alice, bob = self.agent("alice"), self.agent("bob")
        bob._process._link.my_window = (4096, 8 << 20)
        for n in range(20000):
            alice.send("bob", n)
        self.assertEqual([bob.receive(20).content for _ in range(20000)], list(range(20000)))

    def test_one_that_ends_before_it_answers(self):
        alice, bob = self.agent("alice"), self.agent("bob")
        question = alice.ask("bob", "?", timeout=20)
        bob.receive(10)
        bob.deregister()
        with self.assertRaisesRegex(troupe.Undelivered, "agent-gone"):
            question.answer()

    def test_a_loop_of_agents_ends(self):
        alice, bob = self.agent("alice"), self.agent("bob")
        alice.send("bob", "x", "request", reply_with="1", hops=3)
        m = bob.receive(10)
        for agent in (alice, bob):
            m.reply("x", "request", reply_with="1")
            m = agent.receive(10)
        self.assertEqual((m.type, m.reason), ("message", ""))
        m.reply("x", "request")
        self.assertEqual(bob.receive(10).reason, "hop-limit")

    def test_it_says_what_it_waits_for(self):
        a, b = self.agent("a"), self.agent("b")
        question = b.ask("a", "nobody answers this")
        said = a._platform("ams", {"action": "why", "name": "b"}, 10)
        self.assertEqual((said["told"]["status"], said["told"]["requests_total"]), ("running", 1))
        self.assertEqual(said["told"]["requests"][0]["receiver"], "a")
        self.assertEqual(a.receive(10).content, "nobody answers this")
        question.close()
        self.assertEqual(a._platform("ams", {"action": "why", "name": "b"}, 10)["told"]["requests"], [])

    def test_closed(self):
        process = self.process()
        alice = process.register("alice")
        alice.send("alice", "last words")
        process.close()
        process.close()
        self.assertRaises(troupe.Closed, alice.send, "alice", 1)
        self.assertRaises(troupe.Closed, lambda: [alice.receive(5) for _ in range(2)])
        self.agent("alice")
        with self.assertRaisesRegex(troupe.Unreachable, "no broker answers at tcp://127.0.0.1:1"):
            troupe.connect("tcp://127.0.0.1:1", timeout=0.2)


class Topics(ClientTest):
    OPTIONS = ("--mailbox-records", "16")

    def test_subscribe(self):
        alice, bob = self.agent("alice"), self.agent("bob")
        bob.subscribe("news.*")
        alice.publish("news.a", {"n": 1})
        alice.publish("other", 2)
        alice.publish("news.b", 3)
        events = [bob.receive(10) for _ in range(2)]
        self.assertEqual([(m.type, m.topic, m.sequence, m.content) for m in events], [("event", "news.a", 1, {"n": 1}), ("event", "news.b", 1, 3)])
        bob.unsubscribe("news.*")
        alice.publish("news.a", 4)
        alice.send("bob", "after")
        self.assertEqual(bob.receive(10).content, "after")

    def test_a_gap(self):
        alice, bob = self.agent("alice"), self.agent("bob")
        bob._process._link.my_window = (4, 1 << 20)
        bob._process._link._heard = 0  # the link is opened anew, with a window of four
        harness.wait_until(lambda: bob._process._link.epoch == 2 and bob._process._link.state == "live", "the next connection")
        bob.subscribe("many")
        for n in range(300):
            alice.publish("many", n)
        seen = 0
        while seen < 300:
            m = bob.receive(10)
            self.assertEqual(m.topic, "many")
            seen += m.missed if m.type == "gap" else 1
            if m.type == "event":
                self.assertEqual(m.sequence, seen)


class Serve(ClientTest):
    def test_the_answers_of_a_handler(self):
        def handler(message):
            what = message.content
            if what == "refuse":
                raise troupe.Refuse("busy", "not now")
            if what == "fail":
                raise troupe.Failure("broken")
            if what == "what":
                raise troupe.NotUnderstood("unsupported-value")
            if what == "later":
                message.reply(performative="agree")
                message.reply("done")
                return None
            return {"got": what}
        bob, alice = self.agent("bob"), self.agent("alice")
        self.serve(bob, handler)
        got = [(m.performative, m.content) for m in (alice.request("bob", what) for what in ("x", "refuse", "fail", "what", "later"))]
        self.assertEqual(got, [("inform", {"got": "x"}), ("refuse", {"reason": "busy", "detail": "not now"}),
                               ("failure", {"reason": "broken", "detail": ""}),
                               ("not-understood", {"reason": "unsupported-value", "detail": ""}), ("inform", "done")])

    def test_among_agents_in_other_languages(self):
        self.spawn("agentd", "--connect", self.at.endpoint, "--name", "echo", "--behaviour", "echo").wait_err("A001 registered")
        self.assertEqual(self.agent("alice").request("echo", {"a": [1]}).content, {"a": [1]})
        python = self.agent("python")
        python.provide("double", capacity=2)
        self.serve(python, lambda message: message.content["n"] * 2)
        done = self.run_verb("ask", "svc:double", '{"n": 21}', "-o", "json")
        self.assertEqual((done.code, done.out.strip()), (0, "42"), done)

    def test_services_are_settled(self):
        alice, p = self.agent("alice"), self.agent("p")
        p.provide("work", capacity=1, skill="any")
        self.assertEqual(p.search(services=[{"name": "work", "skill": "any"}])[0]["name"], "p@local")
        questions = [alice.ask("svc:work", n) for n in range(3)]
        first = p.receive(10)
        self.assertEqual((first.leased, first.attempt, first.content), (True, 0, 0))
        first.release()
        seen = []
        for _ in range(3):  # answers settle them, or the next would not come: there is room for one
            m = p.receive(10)
            m.reply(m.content + 10)
            seen.append((m.content, m.redelivered))
        self.assertEqual(sorted(seen), [(0, True), (1, False), (2, False)])
        self.assertEqual([q.answer().content for q in questions], [10, 11, 12])


class Seller(troupe.Participant):
    def __init__(self, price):
        super().__init__()
        self.price, self.lost = price, []

    def propose(self, cfp):
        if self.price is None:
            raise troupe.Refuse("sold-out")
        return {"price": self.price}

    def perform(self, accept, proposal):
        if proposal["price"] == 13:
            raise troupe.Failure("broken", "on the way")
        return {"paid": proposal["price"]}

    def rejected(self, reject, proposal):
        self.lost.append(proposal)


class ContractNet(ClientTest):
    def sellers(self, *prices):
        sellers = [Seller(price) for price in prices]
        for n, seller in enumerate(sellers):
            self.serve(self.agent(f"seller-{n}"), seller)
        return sellers, [f"seller-{n}" for n in range(len(prices))]

    def test_the_cheapest_is_chosen(self):
        sellers, names = self.sellers(9, 7, None, 8)
        buyer = self.agent("buyer")
        cheapest = lambda proposals: min(proposals, key=lambda p: p.content["price"])
        result = troupe.call_for_proposals(buyer, [*names, "nobody"], {"want": "book"}, cheapest)
        self.assertEqual((result.performative, result.sender, result.content), ("inform", "seller-1@local", {"paid": 7}))
        self.assertIsNone(troupe.call_for_proposals(buyer, names, "x", lambda proposals: None))
        harness.wait_until(lambda: [len(s.lost) for s in sellers] == [2, 1, 0, 2], "the rejections")
        self.assertEqual([s.open_proposals for s in sellers], [0, 0, 0, 0])

    def talkers(self, *prices):
        """Participants in C, of libtroupe."""
        talkers = [Talker(self, self.at, f"c-{n}") for n in range(len(prices))]
        for talker, price in zip(talkers, prices):
            talker.tell(f"price {price}")
        return talkers

    def test_python_calls_c(self):
        talkers = self.talkers(9, 7)
        cheapest = lambda proposals: min(proposals, key=lambda p: p.content["price"])
        result = troupe.call_for_proposals(self.agent("buyer"), ["c-0", "c-1"], {"want": "book"}, cheapest)
        self.assertEqual((result.performative, result.sender, result.content), ("inform", "c-1@local", {"paid": 7}))
        talkers[0].expect("asked cfp", "end rejected")
        talkers[1].expect("asked cfp", "asked accept-proposal", "end done")
        talkers[1].tell("price 13")
        result = troupe.call_for_proposals(self.agent("other"), ["c-1"], "x", cheapest)
        self.assertEqual((result.performative, result.content["reason"]), ("failure", "broken"))
        talkers[1].expect("asked cfp", "asked accept-proposal", "end failed")

    def test_c_calls_python(self):
        sellers, names = self.sellers(9, 7, None)
        buyer = Talker(self, self.at, "buyer")
        buyer.tell("call " + " ".join(names))
        buyer.expect("2 proposals", "seller-1@local was paid 7", "over: of 3 called, 1 done, 1 rejected, 1 refused")
        harness.wait_until(lambda: [len(s.lost) for s in sellers] == [1, 0, 0], "the rejection")
        unlucky = "unlucky"
        self.serve(self.agent(unlucky), Seller(13))
        buyer.tell("call " + unlucky)
        buyer.expect("1 proposals", "unlucky@local: failed", "over: of 1 called, 0 done, 0 rejected, 0 refused")

    def test_c_and_python_compete(self):
        """Both kinds in one call, of either kind's."""
        self.talkers(8)
        _, names = self.sellers(6)
        buyer = Talker(self, self.at, "buyer")
        buyer.tell("call c-0 " + names[0])
        buyer.expect("2 proposals", "seller-0@local was paid 6", "over: of 2 called, 1 done, 1 rejected, 0 refused")

    def test_a_failure(self):
        _, names = self.sellers(13)
        result = troupe.call_for_proposals(self.agent("buyer"), names, "x", lambda proposals: proposals[0])
        self.assertEqual((result.performative, result.content), ("failure", {"reason": "broken", "detail": "on the way"}))

    def test_each_way_to_give_up_is_an_act_of_the_protocol(self):
        class Unwilling(troupe.Participant):
            def propose(self, cfp):
                if cfp.content["when"] == "propose":
                    raise errors[cfp.content["error"]]
                return cfp.content

            def perform(self, accept, proposal):
                raise errors[proposal["error"]]

        errors = {"failure": troupe.Failure("worn-out", "today"), "refuse": troupe.Refuse("unwilling", "today"), "other": KeyError("x"),
                  "not-understood": troupe.NotUnderstood("unsupported-value", "today")}
        self.serve(self.agent("unwilling"), Unwilling())
        buyer = self.agent("buyer")
        for when, allowed in (("propose", "refuse"), ("perform", "failure")):
            for error, reason in (("failure", "worn-out"), ("refuse", "unwilling"), ("other", "internal-error"), ("not-understood", "unsupported-value")):
                with self.subTest(when=when, error=error):
                    more = {"protocol": "fipa-contract-net", "conversation_id": f"{when}-{error}"}
                    answer = buyer.request("unwilling", {"when": when, "error": error}, "cfp", **more)
                    if when == "perform":
                        self.assertEqual(answer.performative, "propose")
                        answer = buyer.request("unwilling", 1, "accept-proposal", **more)
                    self.assertEqual(answer.performative, "not-understood" if error == "not-understood" else allowed)
                    self.assertEqual(answer.content["reason"], reason)

    def test_a_late_proposal_is_rejected(self):
        """Whoever else was accepted meanwhile; the seller has nothing open any more."""
        class Slow(Seller):
            def propose(self, cfp):
                called.set()
                go.wait(harness.PATIENCE)
                return super().propose(cfp)

        called, go, slow = threading.Event(), threading.Event(), Slow(1)
        self.serve(self.agent("slow"), slow)
        self.addCleanup(go.set)
        _, names = self.sellers(7)
        buyer = self.agent("buyer")
        result = troupe.call_for_proposals(buyer, ["slow", *names], "x", lambda proposals: proposals[0], timeout=1)
        self.assertEqual((result.sender, result.content), ("seller-0@local", {"paid": 7}))
        self.assertTrue(called.is_set())
        go.set()
        harness.wait_until(lambda: slow.lost == [{"price": 1}], "the rejection")
        self.assertEqual(slow.open_proposals, 0)
        buyer.send("buyer", "next")
        self.assertEqual(buyer.receive(10).content, "next")  # what came late is no message of its own
        self.assertEqual(buyer._process._pending, {})

    def test_what_the_protocol_does_not_allow(self):
        self.sellers(7)
        buyer = self.agent("buyer")
        say = lambda act, conversation: buyer.request("seller-0", 1, act, protocol="fipa-contract-net", conversation_id=conversation)
        for act in ("accept-proposal", "reject-proposal", "cancel", "inform"):
            m = say(act, "c0")
            self.assertEqual((m.performative, m.content["reason"], m.content["allowed"]), ("not-understood", "unexpected-act", ["cfp"]), act)
        self.assertEqual(say("cfp", "c1").performative, "propose")
        self.assertEqual(say("cfp", "c1").content["allowed"], ["accept-proposal", "reject-proposal", "cancel"])
        self.assertEqual(say("accept-proposal", "c1").performative, "not-understood")  # that cfp has ended it
        self.assertEqual(say("cfp", "c2").performative, "propose")
        self.assertEqual((say("cancel", "c2").content, say("accept-proposal", "c2").performative), ({"done": True}, "not-understood"))
        m = buyer.request("seller-0", 1, "request")
        self.assertEqual((m.performative, m.content["reason"]), ("not-understood", "unsupported-act"))


class LostConnections(ClientTest):
    def test_a_new_broker_is_told_all_again(self):
        alice, bob = self.agent("alice"), self.agent("bob")
        bob.subscribe("news.>")
        bob.provide("work")
        worker = self.process().register_range("worker", 2)[1]
        worker.subscribe("news.>")
        self.start_again()
        harness.wait_until(lambda: self.agent("probe" + str(time.monotonic_ns())).search(services=["work"]), "the service")
        harness.wait_until(lambda: alice._process._link.session == 2 and alice._process._link.state == "live", "alice")
        alice.publish("news.x", 1)
        question = alice.ask("svc:work", 2)
        self.assertEqual([bob.receive(10).topic, bob.receive(10).reply("yes"), question.answer().content], ["news.x", None, "yes"])
        harness.wait_until(lambda: worker._process._link.session == 2 and worker._process._link.state == "live", "the workers")
        alice.publish("news.y", 3)
        alice.send("worker-1", "still there")
        seen = [worker.receive(10).content]
        while seen[-1] != "still there":
            seen.append(worker.receive(10).content)
        self.assertIn(3, seen)

    def test_a_session_outlives_its_connection(self):
        alice, bob = self.agent("alice"), self.agent("bob")
        bob.provide("work")
        question = alice.ask("svc:work", "job")
        bob.receive(10)
        link = bob._process._link
        with link.lock:
            link._heard = 0  # as if nothing had come for longer than the lease
        m = bob.receive(20)
        self.assertEqual((link.epoch, link.session, m.content, m.attempt), (2, 1, "job", 1))
        m.reply("done")
        self.assertEqual(question.answer().content, "done")

    def test_a_silent_program_keeps_its_session(self):
        """Though it is busy for longer than a lease: another thread answers the broker."""
        self.at.stop()
        self.at = self.broker("--lease", "600ms", "--heartbeat", "200ms")
        alice, watcher = self.agent("alice"), self.agent("watcher")
        watcher.subscribe("$sys.agent.>")
        link, start = alice._process._link, time.monotonic()
        harness.wait_until(lambda: link._said - start > 1.5, "signs of life for longer than a lease")
        alice.send("watcher", "still here")
        self.assertEqual((watcher.receive(10).content, alice._process._link.epoch), ("still here", 1))

    def test_durable(self):
        self.at.stop()
        self.at = self.broker("--journal", self.directory + "/journal", "--message-lease", "1s")
        process = self.process()
        bob = process.register("bob", durable=True)
        process.close()
        alice = self.agent("alice")
        alice.send("bob", "while you were away")
        alice.send("bob", "more")
        bob = self.agent("bob", durable=True)
        m = bob.receive(10)
        self.assertEqual((m.content, m.leased), ("while you were away", True))
        link, start = bob._process._link, time.monotonic()
        harness.wait_until(lambda: link._extended_at - start > 1.5, "extensions for longer than the lease of a message")
        m.done()
        self.assertEqual(bob.receive(10).content, "more")
        bob._process.close()
        again = self.agent("bob", durable=True).receive(10)
        self.assertEqual((again.content, again.redelivered), ("more", True))
        again.done()


class Durable(ClientTest):
    def setUp(self):
        harness.SystemTest.setUp(self)
        self.journal = ("--journal", self.directory + "/journal")
        self.at = self.broker(*self.journal)

    def start_again(self, *options):
        super().start_again(*self.journal, *options)

    def test_it_is_stored_before_send_durable_returns(self):
        bob = self.agent("bob", durable=True)
        bob._process.close()
        alice = self.agent("alice")
        alice.send_durable("bob", 1, "request", conversation_id="c1")
        self.start_again()  # killed
        m = self.agent("bob", durable=True).receive(10)
        self.assertEqual((m.content, m.performative, m.sender, m.conversation_id, m.durable), (1, "request", "alice@local", "c1", True))
        m.done()

    def test_what_is_not_answered_goes_again(self):
        """Also from one life of a broker to the next; each comes once, in order."""
        bob, alice = self.agent("bob", durable=True), self.agent("alice")
        link = alice._process._link
        receipts = [alice.post_durable("bob", n) for n in range(100)]
        with link.lock:
            link._heard = 0  # the connection is lost
        receipts += [alice.post_durable("bob", n) for n in range(100, 150)]
        self.start_again()
        receipts += [alice.post_durable("bob", n) for n in range(150, 200)]
        for receipt in receipts:
            receipt.wait(20)
        self.assertEqual(link.outbox.kept, {})
        seen = []
        while len(set(seen)) < 200:
            m = bob.receive(20)
            seen.append(m.content)
            m.done()
        first = list(dict.fromkeys(seen))
        self.assertEqual(first, sorted(first))

    def test_what_is_not_taken_says_why(self):
        alice = self.agent("alice")
        with self.assertRaises(troupe.Undelivered) as refused:
            alice.send_durable("nobody", "x")
        self.assertEqual(refused.exception.reason, "not-found")
        self.agent("bob")
        alice.send_durable("bob", "y")  # the link is as it was

    def test_a_busy_broker_is_asked_again(self):
        self.at.stop()
        self.at = self.broker(*self.journal, "--queue-records", "4")
        bob, alice = self.agent("bob", durable=True), self.agent("alice")
        bob.send("bob", "first")
        m = bob.receive(10)
        done = []
        thread = threading.Thread(target=lambda: done.extend(alice.send_durable("bob", n, timeout=30) or n for n in range(12)), daemon=True)
        thread.start()
        m.done()
        for n in range(12):
            m = bob.receive(20)
            self.assertEqual(m.content, n)
            m.done()
        thread.join(harness.PATIENCE)
        self.assertEqual(done, list(range(12)))

    def test_a_later_life_of_a_producer_shuts_out_the_former(self):
        first = self.process(producer="p").register("first")
        self.agent("bob", durable=True)
        first.send_durable("bob", 1)
        epoch = first._process._link.outbox.epoch
        harness.wait_until(lambda: time.time_ns() // 1000000 > epoch, "the clock, which the epoch is of")
        second = self.process(producer="p").register("second")
        second.send_durable("bob", 2)
        with self.assertRaises(troupe.Error):
            first.send_durable("bob", 3, timeout=3)

    def test_without_a_journal(self):
        self.at.stop()
        self.at = self.broker()
        self.agent("bob")
        with self.assertRaises(troupe.Undelivered) as refused:
            self.agent("alice").send_durable("bob", 1)
        self.assertEqual(refused.exception.reason, "no-journal")


class Mandates(ClientTest):
    def test_the_example_of_the_page(self):
        ann, bob, cid = self.agent("ann"), self.agent("bob"), self.agent("cid")
        question = ann.ask("bob", "work", budget=troupe.Budget(tokens=100))
        asked = bob.receive(10)
        self.assertEqual((asked.delegation, asked.budget.tokens, asked.budget.micro_cost), (("ann@local",), 100, None))
        part = bob.ask("cid", "a part of it", under=asked, budget=troupe.Budget(tokens=60))
        self.assertEqual(asked.budget.tokens, 39)
        m = cid.receive(10)
        self.assertEqual((m.delegation, m.budget.tokens, m.conversation_id), (("ann@local", "bob@local"), 60, asked.conversation_id))
        m.budget.spend(tokens=20)
        m.reply("done")
        answer = part.answer()
        self.assertEqual(answer.budget.tokens, 39)
        asked.regain(answer)
        self.assertEqual((asked.budget.tokens, answer.budget.tokens), (78, 0))
        asked.reply("all done")
        self.assertEqual(question.answer().budget.tokens, 77)

    def test_nobody_is_asked_twice_and_nothing_is_made_up(self):
        ann, bob = self.agent("ann"), self.agent("bob")
        ann.send("bob", "x", "request", budget=troupe.Budget(tokens=10), conversation_id="c")
        asked = bob.receive(10)
        with self.assertRaises(troupe.Undelivered) as refused:
            bob.request("ann", "you do it", under=asked)
        self.assertEqual(refused.exception.reason, "cycle")
        with self.assertRaises(troupe.OverBudget):
            bob.send("ann", "x", under=asked, budget=troupe.Budget(tokens=1000))
        cid = self.agent("cid")
        cid.send("bob", "x", "request", delegation=["ann@local", "cid@local"], conversation_id="c")
        self.assertEqual((cid.receive(10).reason), "bad-delegation")

    def test_what_is_spent_is_gone(self):
        budget = troupe.Budget(tokens=5)
        with self.assertRaises(troupe.OverBudget):
            budget.spend(tokens=6, micro_cost=7)
        self.assertEqual(budget, troupe.Budget(tokens=0))
        ann, bob, cid = self.agent("ann"), self.agent("bob"), self.agent("cid")
        ann.send("bob", "x", "request", budget=troupe.Budget(tokens=1))
        asked = bob.receive(10)
        with self.assertRaises(troupe.Undelivered) as refused:  # nothing is left to ask with
            bob.request("cid", "x", under=asked)
            cid.receive(10).reply("y")
        self.assertIn(refused.exception.reason, ("budget",))


class Secure(harness.SystemTest):
    def certificate(self, name, *rights):
        done = self.troupe("cert", "new", name, *rights, "--certs", self.certs)
        self.assertEqual(done.code, 0, done.err)
        return f"{self.certs}/secret/{name}.yaml"

    def test_a_broker_with_certificates(self):
        self.certs = self.directory + "/certs"
        broker = self.certificate("broker", "--role", "broker")
        own = self.certificate("bob", "--role", "agent", "--publish", "news.>")
        at = self.broker("--cert", broker, "--certs", self.certs)
        process = troupe.connect(at.endpoint, process="test", certificate=own)
        self.addCleanup(process.close)
        bob = process.register("bob")
        bob.send("bob", "to myself")
        self.assertEqual(bob.receive(10).content, "to myself")
        with self.assertRaises(troupe.Refused) as refused:
            process.register("alice")
        self.assertEqual(refused.exception.reason, "forbidden")
        with self.assertRaises(troupe.Unreachable):
            troupe.connect(at.endpoint, process="test", timeout=1.5)
        stranger = {**troupe.read_certificate(own), **dict(zip(("key", "secret-key"), (k.decode() for k in zmq.curve_keypair())))}
        with self.assertRaises(troupe.Unreachable):
            troupe.connect(at.endpoint, process="test", certificate=stranger, timeout=1.5)
        with self.assertRaises(ValueError):
            troupe.connect(at.endpoint, certificate=f"{self.certs}/bob.yaml")  # its public part


if __name__ == "__main__":
    harness.main()
