#!/usr/bin/env python3
"""Requests that come again: under an Idempotency-Key nothing is done twice, and what has not changed is not sent twice."""
import concurrent.futures
import json
import pathlib
import signal
import socket
import sys
import threading
import time

import web
from web import harness

REDIS = "/usr/bin/redis-server"


class Again(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()
        self.coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        self.coordinator.wait_err("C001 ready")

    def submit(self, key, skill="none", query="", **more):
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("/api/v1/tasks" + query, {"skills": [skill]}, headers=headers, **more)

    def count(self):
        return len(self.good(self.get("/api/v1/tasks"))["tasks"])

    def test_nothing_is_done_twice(self):
        first, again = self.submit("k1"), self.submit("k1")
        self.assertEqual((first.status, again.status, again.body, self.count()), (201, 201, first.body, 1))
        self.assertEqual(again.headers["content-type"], "application/json")
        self.problem(self.submit("k1", "other"), 422, "key-used")
        self.assertEqual((self.submit("k1", role="admin").status, self.submit(None).status, self.submit(None).status), (201, 201, 201))
        self.assertEqual(self.count(), 4)

    def test_tasks_and_decisions_are_there_once_at_all_gateways(self):
        """The coordinator knows the key: also of another gateway, or when the first one has ended."""
        decision = {"question": "Tea?", "options": ["yes", "no"], "voters": ["person:ann"]}
        several = {"tasks": [{"skills": ["none"], "input": n} for n in range(3)] + [{"skills": ["none"], "key": "mine"}]}

        def ask():
            headers = {"Idempotency-Key": "k9"}
            tasks = [task["task"] for path, body in (("one", {"skills": ["none"]}), ("many", several))
                     for task in self.good(self.post("/api/v1/tasks", body, headers={"Idempotency-Key": path}), 201)["tasks"]]
            return tasks, self.good(self.post("/api/v1/decisions", decision, headers=headers), 201)["decision"]
        first = ask()
        self.assertEqual(len(set(first[0])), 5)
        self.serve("--name", "gateway-2")
        self.assertEqual(ask(), first)
        self.gateway.stop()
        self.serve("--name", "gateway-3")
        self.assertEqual(ask(), first)
        self.assertEqual((self.count(), len(self.good(self.get("/api/v1/decisions"))["decisions"])), (5, 1))
        keys = {self.good(self.get("/api/v1/tasks/" + task))["key"] for task in first[0]}
        self.assertEqual(len(keys), 5)
        self.assertIn("mine", keys)
        self.assertEqual({key[:5] for key in keys - {"mine"}}, {"http-"})
        # Of somebody else it is another key; for other work it is refused.
        self.assertEqual(self.submit("one", role="admin").status, 201)
        self.assertEqual((self.submit("one", "other").status, self.count()), (422, 6))

    def redis(self):
        if not pathlib.Path(REDIS).exists():
            self.skipTest("redis-server is missing (tools/setup --check installs it)")
        child = self.spawn(REDIS, "--port", "0", "--unixsocket", self.directory + "/redis.sock", "--save", "", "--appendonly", "no", "--dir", self.directory)
        harness.wait_until(lambda: "eady to accept connections" in child.out or child.process.poll() is not None, "Redis")
        place = pathlib.Path(self.directory, "redis")
        place.write_text(f"unix:{self.directory}/redis.sock\n")
        place.chmod(0o600)
        return child, str(place)

    def say_to_redis(self, words):
        with socket.socket(socket.AF_UNIX) as plain:
            plain.connect(self.directory + "/redis.sock")
            plain.sendall(words + b"\r\n")
            return plain.makefile().readline()[1:].strip()

    def test_gateways_of_one_redis_know_each_others_answers(self):
        """All of them: a message reaches its agent once, whichever gateway is asked again, and when the first one has ended."""
        server, place = self.redis()
        counter = "import json, sys\nn = 0\nfor line in sys.stdin:\n    m = json.loads(line)\n    n += 1\n    print(json.dumps({'id': m['id'], 'content': {'n': n}}), flush=True)"
        self.spawn("agentd", "--connect", self.at.endpoint, "--name", "counter", "--", sys.executable, "-c", counter).wait_err("registered")

        def ask(key, content="hello", **more):
            return self.post("/api/v1/messages", {"receiver": "counter", "content": content}, headers={"Idempotency-Key": key}, **more)
        self.serve("--name", "gateway-2", "--redis", place)
        second = self.gateway
        first = ask("a")
        self.assertEqual(self.good(first)["content"], {"n": 1})
        self.serve("--name", "gateway-3", "--redis", place)
        again = ask("a")
        self.assertEqual((again.status, again.body, again.headers["content-type"]), (200, first.body, "application/json"))
        self.problem(ask("a", "other"), 422, "key-used")
        self.assertEqual(self.good(ask("a", role="admin"))["content"], {"n": 2})  # a key is of who gave it
        self.problem(self.post("/api/v1/tasks/none/cancel", headers={"Idempotency-Key": "b"}), 404, "not-registered")
        # The first one ends; what was refused there is refused here, too.
        second.stop()
        self.serve("--name", "gateway-4", "--redis", place)
        self.assertEqual(ask("a").body, first.body)
        answer = self.post("/api/v1/tasks/none/cancel", headers={"Idempotency-Key": "b"})
        self.problem(answer, 404, "not-registered")
        # What may go better is tried again, here or there.
        late = {"receiver": "svc:late", "content": "hello"}
        self.problem(self.post("/api/v1/messages", late, headers={"Idempotency-Key": "c"}), 503, "no-provider")
        self.agent("late", "echo", "--service", "late")
        self.serve("--name", "gateway-5", "--redis", place)
        self.assertEqual(self.good(self.post("/api/v1/messages", late, headers={"Idempotency-Key": "c"}))["content"], "hello")
        # While one is at it, another one waits for nothing.
        self.agent("slow")
        self.good(self.post("/api/v1/agents/slow/suspend"))
        plain, body = self.raw(), json.dumps({"receiver": "slow", "content": "hello"}).encode()
        plain.sendall((f"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: d\r\nAuthorization: Bearer {self.tokens['operator']}\r\n"
                       f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
        harness.wait_until(lambda: self.good(self.get("/api/v1/agents?name=slow"))["agents"][0]["queued"] == 1, "the request to be in its mailbox")
        self.serve("--name", "gateway-6", "--redis", place)

        def elsewhere():
            return self.post("/api/v1/messages", body, headers={"Idempotency-Key": "d", "Content-Type": "application/json"})
        self.problem(elsewhere(), 409, "under-way")
        self.good(self.post("/api/v1/agents/slow/resume"))
        harness.wait_until(lambda: elsewhere().status == 200, "its answer, at the other one")
        self.assertEqual(self.good(elsewhere())["content"], "hello")
        # Without the server each knows its own, and says so.
        server.stop()
        self.assertEqual(self.good(ask("e"))["content"], {"n": 3})
        self.assertEqual(self.good(ask("e"))["content"], {"n": 3})
        self.gateway.wait_err("G025")

    def counter(self, extra=""):
        """An agent that says how often it was asked."""
        program = ("import json, sys\nn = 0\nfor line in sys.stdin:\n    m = json.loads(line)\n    n += 1\n"
                   f"    print(json.dumps({{'id': m['id'], 'content': {{'n': n, 'text': str(n){extra}}}}}), flush=True)")
        self.spawn("agentd", "--connect", self.at.endpoint, "--name", "counter", "--", sys.executable, "-c", program).wait_err("registered")

    def ask_counter(self, key):
        return self.post("/api/v1/messages", {"receiver": "counter", "content": "hello"}, headers={"Idempotency-Key": key})

    def test_a_stream_is_not_done_twice(self):
        _, place = self.redis()
        self.counter()

        def stream(key):
            body = {"model": "counter", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
            return self.post("/v1/chat/completions", body, headers={"Idempotency-Key": key})
        self.serve("--name", "gateway-2", "--redis", place)
        self.assertIn("[DONE]", stream("a").body.decode())
        again = stream("a")
        self.assertEqual((again.status, again.json()["error"]["code"]), (409, "key-used"))
        self.serve("--name", "gateway-3", "--redis", place)
        harness.wait_until(lambda: stream("a").json()["error"]["code"] == "key-used", "the other gateway to know of it")
        self.assertEqual(self.good(self.ask_counter("b"))["content"]["n"], 2)

    def test_what_is_too_large_for_redis_is_not_done_twice(self):
        """Also when the time is over in which it may be under way."""
        _, place = self.redis()
        self.counter(", 'more': 'x' * 300000")
        self.serve("--name", "gateway-2", "--redis", place, "--wait-time", "1s", "--sense-time", "1s")
        self.assertEqual(self.good(self.ask_counter("a"))["content"]["n"], 1)
        self.assertEqual(self.good(self.ask_counter("a"))["content"]["n"], 1)
        self.serve("--name", "gateway-3", "--redis", place, "--wait-time", "1s", "--sense-time", "1s")

        def told():
            answer = self.ask_counter("a")
            self.assertEqual(answer.status, 409, answer)
            return answer.json()["reason"] == "key-used"
        harness.wait_until(told, "the other gateway to know that it was done")

    def test_a_redis_that_hangs_holds_nobody_up(self):
        """Each waits for it for two seconds at most, also while the connection to it is made anew, which takes it two and more; and once it is known to hang, for nothing."""
        server, place = self.redis()
        self.agent("echo")
        self.serve("--name", "gateway-2", "--redis", place, "--rate", "1000")

        def ask(key):
            began = time.monotonic()
            self.good(self.post("/api/v1/messages", {"receiver": "echo", "content": "hello"}, headers={"Idempotency-Key": key}))
            return time.monotonic() - began
        ask("first")
        server.process.send_signal(signal.SIGSTOP)
        self.addCleanup(server.process.send_signal, signal.SIGCONT)
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            self.assertLess(max(pool.map(ask, [f"k{i}" for i in range(12)])), 2.5)
        self.gateway.wait_err("G025")
        self.assertLess(ask("then"), 1)
        # What it says late is nothing to anybody: the connections go on, and so do their next requests.
        server.process.send_signal(signal.SIGCONT)
        connection = self.connection()
        for number in range(20):
            answer = self.post("/api/v1/messages", {"receiver": "echo", "content": number}, headers={"Idempotency-Key": f"c{number}"}, connection=connection)
            self.assertEqual(self.good(answer)["content"], number)

    def test_a_redis_that_never_comes_to_an_end_holds_nobody_up(self):
        """It says a bit each half second, so no time limit of a read is ever over."""
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)

        def drip():
            plain = server.accept()[0]
            self.addCleanup(plain.close)
            try:
                plain.sendall(b"*1000\r\n")
                while not done.wait(.5):
                    plain.sendall(b":1\r\n")
            except OSError:
                pass
        done = threading.Event()
        self.addCleanup(done.set)
        threading.Thread(target=drip, daemon=True).start()
        place = pathlib.Path(self.directory, "redis")
        place.touch(0o600)
        place.write_text(f"redis://127.0.0.1:{server.getsockname()[1]}\n")
        self.agent("echo")
        self.serve("--name", "gateway-2", "--redis", str(place))
        times = []
        for key in "ab":
            began = time.monotonic()
            self.assertEqual(self.good(self.post("/api/v1/messages", {"receiver": "echo", "content": "hello"}, headers={"Idempotency-Key": key}))["content"], "hello")
            times.append(time.monotonic() - began)
        self.assertLess(times[0], 4)  # two seconds, and what the machine takes
        self.assertLess(times[1], 1)
        self.gateway.wait_err("no whole answer in time")

    def test_one_connection_waits_for_a_redis_that_hangs_again_and_again(self):
        """Answers that come late are not taken for those of the connection's next request."""
        server, place = self.redis()
        self.agent("echo")
        self.serve("--name", "gateway-2", "--redis", place)
        connection = self.connection()
        for number in range(3):
            body = {"receiver": "echo", "content": number}
            self.assertEqual(self.good(self.post("/api/v1/messages", body, headers={"Idempotency-Key": f"a{number}"}, connection=connection))["content"], number)
            server.process.send_signal(signal.SIGSTOP)
            self.assertEqual(self.good(self.post("/api/v1/messages", body, headers={"Idempotency-Key": f"b{number}"}, connection=connection))["content"], number)
            server.process.send_signal(signal.SIGCONT)

    def test_what_a_gateway_has_forgotten_is_not_done_twice(self):
        """Its mark is there, and the end of it was lost: 4096 keys later it is under way as far as anybody knows, also where it was begun."""
        server, place = self.redis()
        self.counter()
        self.serve("--name", "gateway-2", "--redis", place, "--rate", "0")
        self.good(self.post("/api/v1/agents/counter/suspend"))
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(self.ask_counter, "a")
            harness.wait_until(lambda: self.good(self.get("/api/v1/agents?name=counter"))["agents"][0]["queued"] == 1, "the request to be in its mailbox")
            self.assertEqual(self.say_to_redis(b"SAVE"), "OK")
            server.stop(signal.SIGKILL)
            self.good(self.post("/api/v1/agents/counter/resume"))
            self.assertEqual(self.good(first.result())["content"]["n"], 1)
        self.gateway.wait_err("G025")  # its end could not be told
        self.assertEqual(self.good(self.ask_counter("a"))["content"]["n"], 1)
        self.redis()
        connection = self.connection()
        for number in range(4097):
            self.post("/api/v1/tasks/none/cancel", headers={"Idempotency-Key": f"k{number}"}, connection=connection)

        def asks_it_again():
            before = int(self.say_to_redis(b"DBSIZE"))
            self.post("/api/v1/tasks/none/cancel", headers={"Idempotency-Key": f"more{before}-{time.monotonic_ns()}"}, connection=connection)
            return int(self.say_to_redis(b"DBSIZE")) > before
        harness.wait_until(asks_it_again, "the gateway to ask the server again")
        self.problem(self.ask_counter("a"), 409, "under-way")
        self.assertEqual(self.good(self.ask_counter("b"))["content"]["n"], 2)

    def test_the_file_of_redis_is_looked_at(self):
        place = pathlib.Path(self.directory, "redis")
        place.write_text("redis://localhost\n")
        place.chmod(0o644)
        done = self.run_program("gateway", "--connect", self.at.endpoint, "--listen", "127.0.0.1:0", "--name", "other", "--redis", str(place))
        self.assertEqual(done.code, 3, done)
        self.assertIn(str(place), done.err)

    def test_the_key_may_be_in_the_query(self):
        self.assertEqual(self.submit(None, query="?idempotency-key=k2").body, self.submit(None, query="?idempotency-key=k2").body)
        self.assertEqual(self.count(), 1)
        self.problem(self.submit(None, query="?idempotency-key="), 400, "unrecognised-parameter-value")
        self.problem(self.submit("k" * 129), 400, "unrecognised-parameter-value")
        self.assertEqual(self.submit("k" * 128).status, 201)
        self.problem(self.get("/api/v1/tasks?idempotency-key=k"), 400, "unexpected-argument")

    def test_what_was_refused_is_refused_again(self):
        for _ in range(2):
            self.problem(self.post("/api/v1/tasks/none/cancel", headers={"Idempotency-Key": "k3"}), 404, "not-registered")

    def test_what_may_go_better_is_tried_again(self):
        ask = {"receiver": "svc:late", "content": "hello"}
        self.problem(self.post("/api/v1/messages", ask, headers={"Idempotency-Key": "k4"}), 503, "no-provider")
        self.agent("late", "echo", "--service", "late")
        self.assertEqual(self.good(self.post("/api/v1/messages", ask, headers={"Idempotency-Key": "k4"}))["content"], "hello")

    def test_what_may_have_been_done_is_not_tried_again(self):
        """Its agent did it, after nobody waited any more."""
        self.counter()
        self.good(self.post("/api/v1/agents/counter/suspend"))

        def ask(key):
            return self.post("/api/v1/messages", {"receiver": "counter", "content": "hello", "wait-ms": 300}, headers={"Idempotency-Key": key})
        self.problem(ask("k6"), 504, "timeout")
        self.good(self.post("/api/v1/agents/counter/resume"))
        self.problem(ask("k6"), 409, "key-used")
        self.assertEqual(self.good(self.ask_counter("k7"))["content"]["n"], 2)

    def test_what_a_lost_broker_may_have_done_is_not_tried_again(self):
        self.agent("deaf", "exec", "--", "/bin/sh", "-c", "while read line; do :; done")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(self.post, "/api/v1/messages", {"receiver": "deaf", "content": "a"}, headers={"Idempotency-Key": "k8"})
            harness.wait_until(lambda: self.waiting() == 1, "the request to be under way")
            endpoint = self.at.endpoint
            self.at.stop(signal.SIGKILL)
            self.at = self.broker(listen=endpoint)
            self.problem(first.result(), 503, "no-broker")
        self.problem(self.post("/api/v1/messages", {"receiver": "deaf", "content": "a"}, headers={"Idempotency-Key": "k8"}), 409, "key-used")

    def test_what_an_agent_did_before_it_died_is_not_done_again(self):
        marks = pathlib.Path(self.directory) / "marks"

        def start():
            return self.agent("dier", "exec", "--", "/bin/sh", "-c", f"while read line; do echo done >> {marks}; kill -9 $PPID; done")

        def ask(key):
            return self.post("/api/v1/messages", {"receiver": "dier", "content": "x"}, headers={"Idempotency-Key": key})
        first = start()
        self.assertIn("it may have done", self.problem(ask("k10"), 502, "agent-gone")["detail"])
        first.process.wait(10)
        start()
        self.problem(ask("k10"), 409, "key-used")
        self.assertEqual(marks.read_text(), "done\n")

    def test_tasks_are_tried_again_in_any_case(self):
        self.serve("--name", "gateway-2", "--wait-time", "500ms")
        self.coordinator.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.coordinator.process.send_signal, signal.SIGCONT)
        self.problem(self.submit("k9"), 504, "timeout")
        self.coordinator.process.send_signal(signal.SIGCONT)
        harness.wait_until(lambda: self.submit("k9").status == 201, "the task")
        self.assertEqual(self.count(), 1)

    def test_who_lost_his_connection_learns_what_became_of_it(self):
        self.agent("echo")
        self.good(self.post("/api/v1/agents/echo/suspend"))
        plain, body = self.raw(), json.dumps({"receiver": "echo", "content": "hello"}).encode()
        plain.sendall((f"POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k5\r\nAuthorization: Bearer {self.tokens['operator']}\r\n"
                       f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)

        def ask():
            return self.post("/api/v1/messages", body, headers={"Idempotency-Key": "k5", "Content-Type": "application/json"})
        harness.wait_until(lambda: self.waiting() == 1, "the request")
        self.problem(ask(), 409, "under-way")
        plain.close()
        self.good(self.post("/api/v1/agents/echo/resume"))
        harness.wait_until(lambda: self.waiting() == 0, "its answer")
        self.assertEqual(self.good(ask())["content"], "hello")

    def waiting(self):
        return int(self.get("/metrics").body.decode().partition("\ntroupe_gateway_waiting ")[2].split()[0])

    def test_what_has_not_changed_is_not_sent_again(self):
        answer = self.get("/api/v1/tasks")
        tag = answer.headers["etag"]
        same = self.get("/api/v1/tasks", headers={"If-None-Match": tag})
        self.assertEqual((same.status, same.body, same.headers["etag"]), (304, b"", tag))
        # RFC 9110, 13.1.2: weak ones are the same, one of a list is enough, and * is all that there are.
        for known in ("W/" + tag, f'"other", {tag}', f'W/"other" ,, W/{tag},"x"', f'"a,b",{tag}', "*"):
            self.assertEqual(self.get("/api/v1/tasks", headers={"If-None-Match": known}).status, 304, known)
        for other in ('"other"', tag[:-1], "W/" + tag.strip('"'), tag.strip('"'), f'"*", "{"x" * 300}"', f'"x {tag}', "W/*", f'{tag[:-2]}"'):
            self.assertEqual(self.get("/api/v1/tasks", headers={"If-None-Match": other}).status, 200, other)
        self.submit(None)
        other = self.get("/api/v1/tasks", headers={"If-None-Match": tag})
        self.assertEqual(other.status, 200)
        self.assertNotEqual(other.headers["etag"], tag)
        page = self.get("/", role=None)
        self.assertEqual(self.get("/", role=None, headers={"If-None-Match": page.headers["etag"]}).status, 304)
        self.assertNotIn("etag", self.get("/api/v1/tasks/none").headers)


if __name__ == "__main__":
    harness.main()
