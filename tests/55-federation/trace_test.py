"""One trace over two brokers: each has its own spans of the way, and whichever is asked tells those of both; who exports at one has the spans of all."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest
import urllib.request

import place
import harness

sys.path.append(str(harness.ROOT / "tests" / "90-observe"))
import exporter_test

sys.path.append(str(harness.ROOT / "tests" / "60-model"))
import model

sys.path.append(str(harness.ROOT / "tests" / "85-gateway"))
import openai_test

CHROMIUM = os.environ.get("TROUPE_CHROMIUM", "/usr/bin/chromium")
# The notes of the Overview's tiles, when they are as the pattern says.
TILES = """
const {chromium} = require("playwright-core");
(async () => {
    const browser = await chromium.launch({executablePath: process.env.TROUPE_CHROMIUM, args: ["--no-sandbox"]});
    const page = await browser.newPage();
    await page.goto(process.argv[2] + "/#overview");
    for (const title of ["Model tokens", "Model money"])
        await page.locator(`.tile:has-text('${title}') small`, {hasText: new RegExp(process.argv[3])}).waitFor({timeout: 20000});
    await browser.close();
})().catch(error => { console.error(error); process.exit(1); });
"""


class Trace(place.FederationTest):
    def test_each_broker_on_the_way_is_in_it(self):
        self.mesh()
        self.spawn("agentd", "--connect", self.brokers["south"].endpoint, "--name", "bob", "--behaviour", "echo", "--service", "bobbing").wait_err("registered")

        def asked(whom):
            done = self.troupe("ask", whom, "hello", "--connect", self.brokers["north"].endpoint, "--trace", "--timeout", "10s")
            return done.out == "hello\n" and re.search("troupe trace ([0-9a-f]{32})", done.err)[1]

        def routed(trace):
            done = self.troupe("trace", trace, "--connect", self.brokers["north"].endpoint, "-o", "json")
            spans = done.json() if done.code == 0 else []
            of = {span["span"]: span for span in spans}
            return {(span["name"], span["agent"], of[span["parent"]]["name"]) for span in spans if span["agent"].startswith("broker@") and span["parent"] in of}
        trace = harness.wait_until(lambda: asked("bob@south"), "an answer over both")
        there_and_back = {("route", f"broker@{platform}", f"send {act}") for platform in ("north", "south") for act in ("request", "inform")}
        harness.wait_until(lambda: routed(trace) == there_and_back, "two brokers' spans of the request and of the answer")
        self.check_gateway(trace)
        # A request to a service waits in a queue at both.
        trace = harness.wait_until(lambda: asked("svc:bobbing"), "an answer of the service")
        queued = {("deliver", f"broker@{platform}", "send request") for platform in ("north", "south")}
        harness.wait_until(lambda: queued <= routed(trace), "that it was delivered by both")

    def check_gateway(self, trace):
        """Its API tells the same, whichever broker it has."""
        gateway = self.ready("gateway", "--connect", self.brokers["east"].endpoint, "--listen", "127.0.0.1:0")

        def told():
            with urllib.request.urlopen(f"{gateway.url}/api/v1/traces/{trace}", timeout=30) as answer:
                return json.load(answer)
        harness.wait_until(lambda: {span["agent"] for span in told()["spans"]} >= {"broker@north", "broker@south", "bob@south"}, "the spans of both by HTTP")
        self.assertTrue(told()["complete"])

    def test_what_agents_spend_is_summed_up_over_all(self):
        self.mesh()
        server = model.Server()
        self.addCleanup(server.stop)
        server.usual = model.chat(json.dumps({"text": "About whales.", "language": "en"}))
        mind = json.dumps({"base-url": server.url, "model": "m", "prices": [{"model": "m", "input": 1, "output": 2}], **model.QUICK})
        for platform in ("south", "east", "north"):
            self.spawn("agentd", "--connect", self.brokers[platform].endpoint, "--name", "ann", "--behaviour", "summariser", "--mind", mind,
                       env={"no_proxy": "*", "TROUPE_EMBEDDINGS": "ngrams"}).wait_err("registered")
            done = self.troupe("ask", "ann", "Whales are mammals. They live in the sea. Many whales sing.", "--connect", self.brokers[platform].endpoint)
            self.assertEqual(done.code, 0, done)
        gateway = self.ready("gateway", "--connect", self.brokers["east"].endpoint, "--listen", "127.0.0.1:0")

        def told():
            with urllib.request.urlopen(f"{gateway.url}/api/v1/spending?name=ann", timeout=30) as answer:
                spending = json.load(answer)
            return spending if spending["sum"]["calls"] == 3 else None
        spending = harness.wait_until(told, "the calls of three brokers")
        self.assertEqual({(row["agent"], row["calls"]) for row in spending["spent"]}, {(f"ann@{platform}", 1) for platform in ("south", "east", "north")})
        self.assertEqual((spending["total"], spending["complete"], spending["sum"]["input"], spending["sum"]["nano"]),
                         (3, True, 3 * model.USAGE["prompt_tokens"], 3000 * (model.USAGE["prompt_tokens"] + 2 * model.USAGE["completion_tokens"])))
        # As a model, an agent of another platform is found by its whole name.
        for name, status in (("ann@south", 200), ("ann@east", 200), ("nobody@south", 404), ("ann@nowhere", 502)):
            try:
                with urllib.request.urlopen(f"{gateway.url}/v1/models/{name}", timeout=30) as answer:
                    self.assertEqual((answer.status, json.load(answer)["id"]), (status, {"ann@east": "ann"}.get(name, name)))
            except urllib.error.HTTPError as error:
                self.assertEqual(error.code, status, name)
        # The overview's numbers are the same ones.
        with urllib.request.urlopen(f"{gateway.url}/api/v1/metrics", timeout=30) as answer:
            self.assertEqual(json.load(answer)["spent"], {**spending["sum"], "complete": True, "missing": []})

    def test_a_sum_without_a_broker_is_not_complete(self):
        """Neither where its link is down, nor where it is up and says nothing."""
        self.mesh()
        gateway = self.ready("gateway", "--connect", self.brokers["east"].endpoint, "--listen", "127.0.0.1:0", "--wait-time", "2s")

        def known(what):
            with urllib.request.urlopen(f"{gateway.url}/api/v1/{what}", timeout=30) as answer:
                told = json.load(answer)
            told = told["spent"] if what == "metrics" else told
            return told["complete"], told["missing"]
        for what in ("spending", "traces", "metrics"):
            self.assertEqual(known(what), (True, []), what)
        south = self.brokers["south"]
        south.process.send_signal(signal.SIGSTOP)
        for what in ("spending", "metrics"):
            self.assertEqual(known(what), (False, ["south"]), what)
        south.process.send_signal(signal.SIGCONT)
        self.wait_linked("east", ["south"])
        harness.wait_until(lambda: known("metrics") == (True, []), "all of them to say")
        south.stop()
        self.wait_linked("east", ["south"], "down")
        harness.wait_until(lambda: known("metrics") == (False, ["south"]), "a summary that is anew")
        for what in ("spending", "traces"):
            self.assertEqual(known(what), (False, ["south"]), what)

    @unittest.skipUnless(openai_test.npm_place() and os.path.exists(CHROMIUM), "there is no Chromium, or no playwright-core: tools/setup --clients")
    def test_the_overview_says_whose_money_it_lacks(self):
        self.mesh()
        gateway = self.ready("gateway", "--connect", self.brokers["east"].endpoint, "--listen", "127.0.0.1:0")
        script = pathlib.Path(self.directory, "tiles.js")
        script.write_text(TILES, encoding="utf-8")
        env = {**os.environ, "NODE_PATH": openai_test.npm_place(), "TROUPE_CHROMIUM": CHROMIUM, "HOME": self.directory}

        def see(note):
            done = subprocess.run(["node", str(script), gateway.url, note], env=env, capture_output=True, text=True, timeout=100, check=False)
            self.assertEqual(done.returncode, 0, done)
        see("^(0 calls|since the brokers began)$")
        self.brokers["south"].stop()
        self.wait_linked("east", ["south"], "down")
        see("^without south$")

    def test_the_list_has_what_began_at_any(self):
        self.mesh()
        north, south = (self.brokers[platform].endpoint for platform in ("north", "south"))
        for name, endpoint in (("ann", north), ("bob", south)):
            self.spawn("agentd", "--connect", endpoint, "--name", name, "--behaviour", "echo").wait_err("registered")
        began = []
        for number in range(3):  # by turns here and there
            for name, endpoint in (("ann", north), ("bob", south)):
                done = self.troupe("ask", name, f"hello {number}", "--connect", endpoint, "--trace", "--timeout", "10s")
                self.assertEqual(done.code, 0, done)
                began.append(re.search("troupe trace ([0-9a-f]{32})", done.err)[1])
        gateway = self.ready("gateway", "--connect", self.brokers["east"].endpoint, "--listen", "127.0.0.1:0")

        def listed(count):
            done = self.troupe("trace", "-n", count, "--connect", north, "-o", "json")
            return [row["trace"] for row in done.json()] if done.code == 0 else []

        def told(count):
            with urllib.request.urlopen(f"{gateway.url}/api/v1/traces?max-results={count}", timeout=30) as answer:
                return json.load(answer)
        harness.wait_until(lambda: listed(100) == began[::-1], "all of them, the last one first")
        self.assertEqual(listed(4), began[:1:-1])
        harness.wait_until(lambda: [one["trace"] for one in told(100)["traces"]] == began, "the same by HTTP")
        self.assertTrue(told(100)["complete"])
        self.assertEqual([one["trace"] for one in told(4)["traces"]], began[2:])
        self.assertFalse(told(4)["complete"])

    def test_who_exports_at_one_has_the_spans_of_all(self):
        self.mesh()
        collector = exporter_test.Receiver()
        self.addCleanup(collector.stop)
        north, south = (self.brokers[platform].endpoint for platform in ("north", "south"))
        exporter = self.spawn("exporter", "--connect", north, "--data", "spool", "--otlp", collector.url, "--otlp-format", "json", env={"no_proxy": "*"})
        exporter.wait_err("E001 ready")
        self.spawn("agentd", "--connect", south, "--name", "bob", "--behaviour", "echo").wait_err("registered")
        traces = set()

        def told():
            """A request that never leaves the other broker."""
            done = self.troupe("ask", "bob@south", "hello", "--connect", south, "--trace", "--timeout", "10s")
            self.assertEqual(done.out, "hello\n", done)
            traces.add(re.search("troupe trace ([0-9a-f]{32})", done.err)[1])
            spans = [span for request in collector.of("/v1/traces") for group in json.loads(request.body)["resourceSpans"]
                     for scope in group["scopeSpans"] for span in scope["spans"]]
            return {span["name"] for span in spans if span["traceId"] in traces} >= {"send request", "route"}
        harness.wait_until(told, "the spans at the collector")


if __name__ == "__main__":
    place.main()
