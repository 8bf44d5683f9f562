"""troupe-exporter: spans to a collector, lines to stores of logs, errors to Sentry; and what happens while those are away. The servers are the
test's own: they keep what they are sent, and answer as they are told."""
import collections
import http.server
import json
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import harness

sys.path.insert(0, str(harness.ROOT / "docs" / "clients" / "python"))

try:
    import payloads
    import troupe
except ImportError as missing:
    print(f"skipped: {missing.name} is missing (tools/setup --check installs python3-protobuf, python3-jsonschema, python3-zmq and python3-msgpack)")
    sys.exit(77)

Request = collections.namedtuple("Request", "path headers body at")


class Receiver:
    """An HTTP server; `script` has (status, headers, body) of the next answers, then 200. What is not as the schemas say is refused, and told by stop."""

    def __init__(self, port=0):
        self.requests, self.script, self.wrong, self.lock, self.most = [], [], [], threading.Lock(), 1 << 30
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with receiver.lock:
                    receiver.requests.append(Request(self.path, self.headers, body, time.monotonic()))
                    status, headers, answer = receiver.script.pop(0) if receiver.script else (200, {}, b"{}")
                    if len(body) > receiver.most:
                        status, headers, answer = 413, {}, b"too large"
                try:
                    payloads.check(self.path, self.headers, body)
                except Exception as error:  # whatever a body is that is none
                    receiver.wrong.append(f"{self.path}: {error!r}")
                    status, headers, answer = 400, {}, receiver.wrong[-1].encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        assert not self.wrong, self.wrong[0]

    def of(self, path):
        with self.lock:
            return [request for request in self.requests if request.path.split("?")[0] == path]


def fields(data):
    """A protobuf message as (number, value): bytes, or a whole number."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            value = varint()
        elif kind == 2:
            size = varint()
            value, at = data[at:at + size], at + size
            assert len(value) == size
        else:
            size = {1: 8, 5: 4}[kind]
            (value,) = struct.unpack("<Q" if size == 8 else "<I", data[at:at + size])
            at += size
        yield key >> 3, value


def spans_of_protobuf(body):
    """By the numbers of the published schema: TracesData.resource_spans=1 .scope_spans=2 .spans=2."""
    found = []
    for number, group in fields(body):
        assert number == 1
        for number, scope in fields(group):
            found += [dict(fields(span)) for number, span in fields(scope) if number == 2] if number == 2 else []
    return found


class Exporter(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker()
        self.logs = os.path.join(self.directory, "logs")
        os.mkdir(self.logs)

    def receiver(self, port=0):
        receiver = Receiver(port)
        self.addCleanup(receiver.stop)
        return receiver

    def exporter(self, *options):
        child = self.spawn("exporter", "--connect", self.at.endpoint, "--host-name", "node1", "--data", "spool", "--http", "127.0.0.1:0",
                           "--http-file", "told", *options, env={"no_proxy": "*"})
        child.wait_err("E001 ready")
        return child

    def secret(self, name, text):
        path = os.path.join(self.directory, name)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(text)
        return path

    def write(self, *lines, name="agent.log"):
        with open(os.path.join(self.logs, name), "a") as file:
            file.writelines(line + "\n" for line in lines)

    def relay(self):
        for name, *options in (("end-1", "--behaviour", "echo"), ("front", "--behaviour", "relay", "--args", '{"to": "end-1"}')):
            self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, *options).wait_err("registered")

    def traced(self):
        done = self.troupe("ask", "--connect", self.at.endpoint, "front", "hello", "--trace")
        self.assertEqual(done.code, 0, done)
        return re.search(r"troupe trace ([0-9a-f]{32})", done.err).group(1)

    @staticmethod
    def json_spans(receiver):
        return [(group, span) for request in receiver.of("/v1/traces") for group in json.loads(request.body)["resourceSpans"]
                for scope in group["scopeSpans"] for span in scope["spans"]]

    def test_a_request_is_one_trace_at_the_collector(self):
        collector = self.receiver()
        self.relay()
        self.exporter("--otlp", collector.url, "--otlp-format", "json", "--otlp-headers", self.secret("headers", "X-Team: red\n"))
        trace = self.traced()

        def roots():
            spans = self.json_spans(collector)
            ids = {span["spanId"] for _, span in spans}
            return [span["name"] for _, span in spans if span.get("parentSpanId") not in ids]
        harness.wait_until(lambda: len(self.json_spans(collector)) >= 8 and roots() == ["send request"], "the spans")
        spans = self.json_spans(collector)
        self.assertEqual({span["traceId"] for _, span in spans}, {trace})
        names = {attribute["value"]["stringValue"] for group, _ in spans for attribute in group["resource"]["attributes"]
                 if attribute["key"] == "service.name"}
        self.assertLessEqual({"end", "front", "broker"}, names)
        for _, span in spans:
            self.assertLessEqual(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))
            self.assertIn(span["kind"], (1, 3, 4, 5))
        request = collector.of("/v1/traces")[0]
        self.assertEqual((request.headers["content-type"], request.headers["x-team"]), ("application/json", "red"))

    def test_in_protobuf(self):
        collector = self.receiver()
        self.relay()
        self.exporter("--otlp", collector.url + "/")
        trace = self.traced()
        harness.wait_until(lambda: collector.of("/v1/traces"), "a batch")
        request = collector.of("/v1/traces")[0]
        self.assertEqual(request.headers["content-type"], "application/x-protobuf")
        spans = spans_of_protobuf(request.body)
        self.assertEqual({span[1].hex() for span in spans}, {trace})
        for span in spans:
            self.assertEqual((len(span[2]), span[16]), (8, 1))
            self.assertTrue(span[5].decode().split()[0] in ("send", "route", "receive"))
            self.assertLessEqual(span[7], span[8])

    def test_a_collector_that_comes_late_gets_all(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.relay()
        exporter = self.exporter("--otlp", f"http://127.0.0.1:{port}", "--otlp-format", "json")
        traces = {self.traced() for _ in range(3)}
        exporter.wait_err("E008 destination fails")
        harness.wait_until(lambda: all(trace in self.spooled() for trace in traces), "all of it on the disk")
        exporter.send_signal(signal.SIGKILL)
        exporter.wait()
        collector = self.receiver(port)
        again = self.exporter("--otlp", collector.url, "--otlp-format", "json")
        harness.wait_until(lambda: {span["traceId"] for _, span in self.json_spans(collector)} == traces, "all traces")
        harness.wait_until(lambda: not os.listdir(os.path.join(self.directory, "spool/otlp")), "an empty queue")
        self.assertEqual(again.stop().code, 0)

    def spooled(self):
        place, text = os.path.join(self.directory, "spool/otlp"), ""
        for name in os.listdir(place):
            if not name.startswith("."):  # being written: it has its name when all of it is on the disk
                with open(os.path.join(place, name)) as file:
                    text += file.read()
        return text

    def test_a_busy_collector_is_given_its_time(self):
        collector = self.receiver()
        collector.script = [(429, {"Retry-After": "2"}, b"busy"), (503, {}, b"no")]
        self.relay()
        exporter = self.exporter("--otlp", collector.url)
        self.traced()
        harness.wait_until(lambda: len(collector.requests) >= 3, "the third attempt")
        first, second, third = collector.requests[:3]
        self.assertGreaterEqual(second.at - first.at, 2)
        self.assertEqual(first.body, third.body)
        exporter.wait_err("E009 destination works again")

    def test_a_refusal_is_told_and_not_repeated(self):
        collector = self.receiver()
        collector.script = [(400, {}, b"what is this?")]
        self.relay()
        exporter = self.exporter("--otlp", collector.url)
        self.traced()
        exporter.wait_err("E010 batch turned down")
        self.assertIn("what is this?", exporter.err)
        self.traced()
        harness.wait_until(lambda: len(collector.requests) >= 2, "the next batch")
        self.assertNotEqual(collector.requests[0].body, collector.requests[1].body)

    def documents(self, receiver):
        found = {}
        for request in receiver.of("/_bulk"):
            lines = request.body.decode().splitlines()
            for action, document in zip(lines[::2], lines[1::2]):
                found[json.loads(action)["create"]["_id"]] = json.loads(document)
        return found

    @staticmethod
    def pushed(receiver):
        return [value for request in receiver.of("/loki/api/v1/push") for stream in json.loads(request.body)["streams"] for value in stream["values"]]

    def test_logs_to_both_stores_each_line_once_over_a_kill(self):
        store = self.receiver()
        options = ("--logs", self.logs, "--elasticsearch", store.url, "--loki", store.url)
        self.write("old and not asked for")
        exporter = self.exporter(*options)
        self.write('{"time":"2026-03-01T12:00:00.123Z","level":"warn","component":"agentd","event":"A005","message":"m0","trace":"' + "a" * 32 + '"}')
        harness.wait_until(lambda: len(self.documents(store)) == 1 and store.of("/loki/api/v1/push"), "the first line")
        exporter.send_signal(signal.SIGKILL)
        exporter.wait()
        self.write(*[f"m{i} password=GEHEIM" for i in range(1, 50)])
        self.exporter(*options)
        harness.wait_until(lambda: len(self.documents(store)) == 50, "all lines")
        documents = self.documents(store).values()
        self.assertEqual({document["message"].split()[0] for document in documents}, {f"m{i}" for i in range(50)})
        first = next(document for document in documents if document["message"] == "m0")
        self.assertEqual((first["log.level"], first["event.code"], first["trace.id"], first["host.name"]), ("warn", "A005", "a" * 32, "node1"))
        harness.wait_until(lambda: len({value[1] for value in self.pushed(store)}) == 50, "all lines at the other store")
        self.assertNotIn(b"GEHEIM", b"".join(request.body for request in store.requests))

    def test_one_that_is_killed_before_its_first_line_misses_none(self):
        """What had been written before its first start is not asked for; all since is, whether or not it has seen a line."""
        store = self.receiver()
        options = ("--logs", self.logs, "--elasticsearch", store.url)
        self.write("old and not asked for")
        exporter = self.exporter(*options)
        exporter.send_signal(signal.SIGKILL)
        exporter.wait()
        self.write("m0", "m1")
        self.exporter(*options)
        harness.wait_until(lambda: len(self.documents(store)) == 2, "both lines")
        self.assertEqual({document["message"] for document in self.documents(store).values()}, {"m0", "m1"})

    def test_lines_of_a_log_that_is_emptied_when_it_is_too_long(self):
        """As the supervisor does it: copied to .1, and cut; once while it looks on, once while it is away."""
        store = self.receiver()
        options = ("--logs", self.logs, "--elasticsearch", store.url)
        exporter = self.exporter(*options)
        log = os.path.join(self.logs, "agent.log")

        def empty():
            with open(log, "r+") as file, open(log + ".1", "w") as older:
                older.write(file.read())
                file.truncate(0)

        def came(n):
            harness.wait_until(lambda: {document["message"] for document in self.documents(store).values()} == {f"m{i}" for i in range(n)}, f"{n} lines")
        self.write(*[f"m{i}" for i in range(10)])
        came(10)
        self.write(*[f"m{i}" for i in range(10, 15)])
        empty()
        self.write("m15")
        came(16)
        exporter.stop()
        self.write(*[f"m{i}" for i in range(16, 20)])
        empty()
        self.write(*[f"m{i}" for i in range(20, 60)])
        self.exporter(*options)
        came(60)

    def test_a_server_that_takes_little_at_once_gets_all(self):
        """Batches pass the 1 MiB that nginx lets through; where that is too much, in halves; a line that is too long alone is dropped alone."""
        store = self.receiver()
        self.exporter("--logs", self.logs, "--elasticsearch", store.url, "--loki", store.url)
        self.write(*[f"m{i} " + "y" * 5000 for i in range(220)])
        harness.wait_until(lambda: len(self.documents(store)) == 220, "all lines")
        self.assertLess(max(len(request.body) for request in store.requests), 1 << 20)
        harness.wait_until(lambda: len(self.pushed(store)) == 220, "all lines at the other store")
        store.requests.clear()
        store.most = 50000
        self.write(*[f"n{i} " + "y" * 5000 for i in range(20)], "long " + "z" * 60000, "end")

        def took(path):
            return [request for request in store.of(path) if len(request.body) <= store.most]
        expected = {f"n{i}" for i in range(20)} | {"end"}
        harness.wait_until(lambda: {document["message"].split()[0] for request in took("/_bulk") for document in
                                    map(json.loads, request.body.decode().splitlines()[1::2])} == expected, "what fits")
        harness.wait_until(lambda: {json.loads(value[1])["message"].split()[0] for request in took("/loki/api/v1/push")
                                    for stream in json.loads(request.body)["streams"] for value in stream["values"]} == expected, "what fits")

    def test_what_it_says_of_a_store_is_not_sent_to_it(self):
        store = self.receiver()
        store.script = [(401, {}, b"no")]
        exporter = self.exporter("--logs", self.logs, "--elasticsearch", store.url)
        self.write("one")
        exporter.wait_err("E010 batch turned down")
        ours = exporter.err.splitlines()
        self.write(*ours[:-1], name="exporter.log")  # as in a fleet
        harness.wait_until(lambda: len(store.of("/_bulk")) == 2, "what it says of itself")
        self.write(ours[-1], name="exporter.log")
        harness.wait_until(lambda: f"troupe_exporter_lines_total {len(ours) + 1}\n" in self.metrics(), "its last line to be read")
        self.write("two")
        harness.wait_until(lambda: any(document["message"] == "two" for document in self.documents(store).values()), "the next line")
        self.assertEqual(len(store.of("/_bulk")), 3)
        sent = b"".join(request.body for request in store.of("/_bulk"))
        self.assertIn(b"E001", sent)
        self.assertNotIn(b"E010", sent)

    def test_what_the_store_refuses_in_part(self):
        store = self.receiver()
        answer = {"errors": True, "items": [{"create": {"status": 400, "error": {"type": "mapper_parsing_exception"}}}]}
        store.script = [(200, {}, json.dumps(answer).encode())]
        exporter = self.exporter("--logs", self.logs, "--elasticsearch", store.url)
        self.write("one")
        exporter.wait_err("E010 batch turned down")
        self.assertIn("1 of 1 items: mapper_parsing_exception", exporter.err)
        self.assertIn('troupe_exporter_refused_items_total{destination="elasticsearch"} 1\n', self.metrics())

    def test_a_store_that_takes_single_lines_later_is_asked_again(self):
        """Its answer says it of each line, and is long: a thousand of them, 321 KB."""
        store = self.receiver()
        reason = "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, replica_bytes=0, all_bytes=0]" * 2
        item = {"create": {"_index": "troupe-logs", "_id": "0123456789abcdef-1234", "status": 429, "error": {"type": "es_rejected_execution_exception", "reason": reason}}}
        store.script = [(200, {}, json.dumps({"took": 1, "errors": True, "items": [item] * 1000}).encode())]
        exporter = self.exporter("--logs", self.logs, "--elasticsearch", store.url)
        self.write(*[f"line {i}" for i in range(1000)])
        exporter.wait_err("E009 destination works again")
        first, again = store.of("/_bulk")[:2]
        self.assertEqual(first.body, again.body)
        self.assertIn("filter_path=errors,", first.path)

    def test_an_answer_that_cannot_be_read_does_not_stop_the_queue(self):
        """Of a store that knows no filter_path and repeats all it was sent; of one that says nothing; of a page that a proxy shows, and goes on to show."""
        store = self.receiver()
        item = {"create": {"status": 400, "error": {"type": "mapper_parsing_exception", "reason": "r" * 300000}}}
        long, page = (200, {}, json.dumps({"errors": True, "items": [item] * 4}).encode()), (200, {}, b"<html>log in</html>")
        store.script = [long]
        exporter = self.exporter("--logs", self.logs, "--elasticsearch", store.url)

        def sizes(*expected):
            """How many lines each request had."""
            harness.wait_until(lambda: [request.body.count(b"\n") // 2 for request in store.of("/_bulk")] == list(expected), f"requests of {expected}")
            store.requests.clear()

        def batches(**expected):
            for result, count in expected.items():
                line = f'troupe_exporter_batches_total{{destination="elasticsearch",result="{result}"}} {count}\n'
                harness.wait_until(lambda: line in self.metrics(), line)
        self.write(*[f"a{i}" for i in range(4)])
        sizes(4, 2, 2)
        batches(sent=2, refused=0, failed=0)
        store.script = [long, long]
        self.write("b0", "b1")
        sizes(2, 1, 1)
        exporter.wait_err("the answer cannot be read: {")
        batches(sent=3, refused=1)
        store.script = [(200, {}, b"")]
        self.write("c")
        batches(sent=4, refused=1, failed=0)
        store.requests.clear()
        store.script = [page]
        self.write("d")
        sizes(1, 1)
        batches(sent=5, refused=1, failed=1)
        store.script = [page] * 5
        self.write("e")
        batches(sent=5, refused=2, failed=5)
        self.write("f")
        batches(sent=6, refused=2)

    def test_spans_of_thousands_of_agents_stop_nobody_elses(self):
        collector = self.receiver()
        self.exporter("--otlp", collector.url, "--otlp-format", "json")
        with troupe.connect(self.at.endpoint) as link:
            agent = link.register("many")

            def tell(*numbers):
                agent.send("ams", {"action": "spans", "spans": [
                    {"trace": f"{i + 1:032x}", "span": f"{i + 1:016x}", "name": "x", "agent": f"a{i}@local", "kind": "internal", "start_us": 1, "took_us": 1} for i in numbers]})
            tell(*range(4000))
            harness.wait_until(lambda: len(self.json_spans(collector)) == 4000, "all of them")
            tell(4000)
            harness.wait_until(lambda: len(self.json_spans(collector)) == 4001, "the next one")
        self.assertIn("troupe_exporter_spans_skipped_total 0\n", self.metrics())

    def test_errors_to_sentry_so_many_a_minute(self):
        sentry = self.receiver()
        dsn = self.secret("dsn", f"http://0123abcd@127.0.0.1:{sentry.port}/7\n")
        self.exporter("--logs", self.logs, "--sentry-dsn", dsn, "--sentry-per-minute", "2", "--environment", "test")
        error = '{{"time":"2026-03-01T12:00:00Z","level":"error","component":"kbd","event":"K009","message":"disk failed","api_key":"GEHEIM","n":{}}}'
        self.write('{"level":"warn","message":"no event"}', *[error.format(i) for i in range(5)])
        harness.wait_until(lambda: "troupe_exporter_events_held_total 3" in self.metrics(), "what is held back")
        harness.wait_until(lambda: len(sentry.of("/api/7/envelope/")) == 2, "two events")
        request = sentry.requests[0]
        self.assertIn("sentry_key=0123abcd", request.headers["x-sentry-auth"])
        head, item, event = (json.loads(line) for line in request.body.decode().splitlines())
        self.assertEqual((item["type"], item["length"]), ("event", len(request.body.splitlines()[2])))
        self.assertEqual((event["event_id"], event["level"], event["environment"], event["tags"]["event"]), (head["event_id"], "error", "test", "K009"))
        self.assertNotIn(b"GEHEIM", request.body)

    def test_a_process_that_was_ended_by_a_signal_is_an_event_with_a_stack(self):
        sentry = self.receiver()
        dsn = self.secret("dsn", f"http://0123abcd@127.0.0.1:{sentry.port}/7\n")
        self.exporter("--logs", self.logs, "--sentry-dsn", dsn)
        agent = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "a", "--behaviour", "echo", "--log-format", "json")
        agent.wait_err("registered")
        agent.send_signal(signal.SIGABRT)
        self.assertEqual(agent.wait().code, -signal.SIGABRT)
        self.write(*agent.err.splitlines())
        harness.wait_until(lambda: sentry.of("/api/7/envelope/"), "the event")
        event = json.loads(sentry.requests[0].body.splitlines()[2])
        (exception,) = event["exception"]["values"]
        self.assertEqual((event["level"], event["tags"]["event"], exception["type"]), ("fatal", "X001", "ABRT"))
        self.assertIn("troupe-agentd", {frame["package"] for frame in exception["stacktrace"]["frames"]})

    def metrics(self):
        import urllib.request
        with open(os.path.join(self.directory, "told/exporter.json")) as file:
            address = json.load(file)[0]["targets"][0]
        with urllib.request.urlopen(f"http://{address}/metrics") as answer:
            return answer.read().decode()

    def test_while_all_are_away_traffic_goes_on_and_the_queue_is_bounded(self):
        nowhere = "http://127.0.0.1:1"
        self.relay()
        self.exporter("--otlp", nowhere, "--logs", self.logs, "--elasticsearch", nowhere, "--loki", nowhere, "--queue-bytes", "1M",
                      "--sentry-dsn", self.secret("dsn", "http://0123abcd@127.0.0.1:1/7"))
        for i in range(60):
            self.write(*["x" * 900 + str(i * 100 + j) for j in range(100)])
            if i % 20 == 0:
                self.traced()

        def bounded():
            told = self.metrics()
            held = float(re.search(r'troupe_exporter_queue_bytes{destination="elasticsearch"} (\S+)', told).group(1))
            self.assertLessEqual(held, 1 << 20)
            return "troupe_exporter_lines_total 6000\n" in told and re.search(r'troupe_exporter_dropped_total{destination="elasticsearch"} [1-9]', told)
        harness.wait_until(bounded, "what makes room to be counted")
        self.traced()

    def test_what_it_is_told_wrongly(self):
        for options, says in (((), "there is no destination"), (("--otlp", "collector:4318"), "--otlp: expected a URL"),
                              (("--loki", "http://x"), "--logs: expected"), (("--elasticsearch", "http://x", "--logs", "l", "--index", "A"), "--index")):
            done = self.run_program("exporter", *options)
            self.assertEqual(done.code, 1, done)
            self.assertIn(says, done.err)
        open_to_all = self.secret("dsn", "http://0123abcd@127.0.0.1:1/7")
        os.chmod(open_to_all, 0o644)
        done = self.run_program("exporter", "--connect", self.at.endpoint, "--logs", self.logs, "--sentry-dsn", open_to_all)
        self.assertEqual(done.code, 3, done)
        self.assertIn("chmod 600", done.err)


class Payloads(unittest.TestCase):
    """That the schemas find what is wrong."""

    def refused(self, says, path, body, kind="application/json", **headers):
        with self.assertRaises(Exception) as caught:
            payloads.check(path, {"content-type": kind, **headers}, body if isinstance(body, bytes) else json.dumps(body).encode())
        self.assertIn(says, str(caught.exception))

    def test_what_is_wrong_is_found(self):
        span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "send", "kind": 1, "startTimeUnixNano": "5", "endTimeUnixNano": "6"}
        name = {"attributes": [{"key": "service.name", "value": {"stringValue": "echo"}}]}

        def traces(of=name, **more):
            return {"resourceSpans": [{"resource": of, "scopeSpans": [{"spans": [{**span, **more}]}]}]}
        payloads.check("/v1/traces", {"content-type": "application/json"}, json.dumps(traces()).encode())
        self.refused("service.name", "/v1/traces", traces(of={}))
        self.refused("traceId", "/v1/traces", traces(traceId="q83v"))
        self.refused("colour", "/v1/traces", traces(colour="red"))
        self.refused("", "/v1/traces", traces(endTimeUnixNano="4"))
        self.refused("no fields", "/v1/traces", b"\xa2\x06\x01x", "application/x-protobuf")  # field 100
        self.refused("newline", "/_bulk", b'{"create":{}}', "application/x-ndjson")
        self.refused("@timestamp", "/_bulk", b'{"create":{"_id":"1"}}\n{"message":"m"}\n', "application/x-ndjson")
        self.refused("create", "/_bulk", b'{"index":{"_id":"1"}}\n{"message":"m"}\n', "application/x-ndjson")
        self.refused("values", "/loki/api/v1/push", {"streams": [{"stream": {"job": "t"}, "values": [["12", "line"]]}]})
        self.refused("stream", "/loki/api/v1/push", {"streams": [{"stream": {"a-b": "t"}, "values": [["1" * 19, "line"]]}]})
        auth = {"x-sentry-auth": "Sentry sentry_version=7, sentry_key=1"}
        event = {"event_id": "ab" * 16, "timestamp": "2026-03-01T12:00:00Z", "platform": "native", "level": "warn"}
        self.refused("level", "/api/7/envelope/", b"\n".join(json.dumps(one).encode() for one in ({"event_id": "ab" * 16}, {"type": "event"}, event)), **auth)
        self.refused("no server has", "/v2/traces", {})


if __name__ == "__main__":
    harness.main()
