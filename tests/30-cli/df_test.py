"""df search, show and watch: the yellow pages, with agents that describe themselves (troupe-agentd --describe)."""
import json
import signal

import cli
import harness

CARD = {"description": "Sums texts up", "version": "2", "defaultInputModes": ["text/plain"],
        "skills": [{"id": "sum", "name": "Summaries", "tags": ["text"]}, {"id": "count", "name": "Counting"}]}
PROSE = {"labels": {"env": "prod", "zone": "north"}, "protocols": ["fipa-request"], "ontologies": ["news"], "languages": ["msgpack"],
         "card": CARD, "services": [{"name": "digest", "type": "text", "properties": {"cost": 2}}]}


class Df(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker()
        self.agent("prose", PROSE, "--service", "digest=4")
        self.agent("plain", None, "--service", "digest")

    def agent(self, name, description, *arguments):
        more = ["--describe", json.dumps(description)] if description else []
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--behaviour", "echo", *arguments, *more)
        harness.wait_until(lambda: f"{name}@local\n" in self.run_verb("df", "search", "-o", "name").out, f"{name} in the DF")
        return child

    def found(self, *arguments):
        return self.expect(self.run_verb("df", "search", *arguments, "-o", "name"), 0).out.split()

    def test_search(self):
        self.assertEqual(self.found("--service", "digest"), ["plain@local", "prose@local"])
        self.assertEqual(self.found("--selector", "env=prod,zone in (north,south)"), ["prose@local"])
        self.assertEqual(self.found("--selector", "!env"), ["plain@local"])
        self.assertEqual(self.found("-l", "env", "--service", "digest", "--template", '{"ontologies": ["news"]}'), ["prose@local"])
        self.assertEqual(self.found("--template", '{"card": {"skills": [{"id": "sum"}]}}'), ["prose@local"])
        self.assertEqual(self.found("--template", '{"services": [{"properties": {"cost": 3}}]}'), [])
        self.expect(self.run_verb("df", "search", "--selector", "env in"), 3, "", err="selector: in and notin want values")
        row = self.run_verb("df", "search", "-l", "env", "-o", "json").json()[0]
        self.assertEqual((row["labels"], row["card"], row["lease"], row["protocols"]), (PROSE["labels"], CARD, None, ["fipa-request"]))
        self.assertEqual(row["services"], [{"name": "digest", "capacity": 4, "type": "text", "properties": {"cost": 2}}])

    def test_search_by_meaning(self):
        def like(text, *more):
            done = self.run_verb("df", "search", "--like", text, *more, "-o", "json", TROUPE_EMBEDDINGS="ngrams")
            self.assertEqual(done.code, 0, done)
            return [(row["name"], row["likeness"]) for row in done.json()]
        names = [name for name, _ in like("summaries of a text")]
        self.assertEqual(names, ["prose@local", "plain@local"])  # its card speaks of it
        (_, near), (_, far) = like("counting")
        self.assertGreater(near, far)
        self.assertLessEqual(near, 1)
        self.assertEqual([name for name, _ in like("summaries", "--max", "1")], ["prose@local"])
        self.assertEqual(like("summaries", "--service", "none"), [])

    def test_show(self):
        lines = self.expect(self.run_verb("df", "show", "prose"), 0).out
        for part in ('service', 'digest {"capacity":4,"type":"text","properties":{"cost":2}}', "labels", '{"env":"prod","zone":"north"}',
                     "card description", "Sums texts up", "skill", 'sum {"name":"Summaries","tags":["text"]}', "text/plain"):
            self.assertIn(part, lines)
        self.assertEqual(self.expect(self.run_verb("df", "show", "prose@local", "-o", "json"), 0).json()[0]["card"], CARD)
        self.expect(self.run_verb("df", "show", "nobody"), 3, "", err="nobody@local has told the yellow pages nothing")
        self.expect(self.run_verb("df", "show", "svc:digest"), 1, "", err="is no agent's name")

    def test_watch(self):
        watch = self.spawn_verb("df", "watch", "--selector", "env=prod", "-o", "json")
        events = lambda: [(row["event"], row["name"]) for row in map(json.loads, watch.out.splitlines())]
        harness.wait_until(lambda: events() == [("current", "prose@local")], "what there is")
        late = self.agent("late", {"labels": {"env": "prod"}})
        harness.wait_until(lambda: ("registered", "late@local") in events(), "who has come")
        self.agent("other", {"labels": {"env": "test"}})
        late.stop(signal.SIGTERM)
        harness.wait_until(lambda: events()[-1:] == [("deregistered", "late@local")], "who has gone")
        self.assertNotIn("other@local", watch.out)
        done = watch.stop(signal.SIGINT)
        self.assertEqual((done.code, done.err), (0, ""))
        self.expect(self.run_verb("df", "watch", "--selector", "="), 3, err="selector: a key is missing")

    def test_what_is_no_description(self):
        for text, why in (("[1]", "expected a JSON object"), ("{", "not JSON at column"), ('{"name": "x"}', "not for it to say")):
            child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "wrong", "--behaviour", "echo", "--describe", text)
            done = child.wait()
            self.assertNotEqual(done.code, 0)
            self.assertIn(why, done.err)
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "odd", "--behaviour", "echo", "--describe", '{"labels": 7}')
        child.wait_err("labels: a map of texts")


if __name__ == "__main__":
    harness.main()
