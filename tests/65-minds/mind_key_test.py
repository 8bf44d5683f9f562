"""Which mind a behaviour has: `mind` in a file and --mind, and what is said of one that is wrong."""
import json
import os
import re
import urllib.request

import minds
from minds import harness, model


TEXT = "Whales are mammals. They live in the sea. The blue whale is the largest animal of all. Many whales sing."
SUMMARY = {"text": "About whales.", "language": "en"}


class Mind(minds.MindsTest):
    def test_the_built_in_one(self):
        for mind in None, "built-in", {}:
            child = self.agent("s", "summariser", {"sentences": 1}, mind)
            answer = self.told("s", TEXT)
            self.assertEqual((answer["by"], len(answer["sentences"])), ("built-in", 1))
            self.assertIn(answer["text"], TEXT)
            child.stop()

    def test_a_model_inline(self):
        server = self.server()
        server.does(model.chat(json.dumps(SUMMARY)))
        self.agent("s", "summariser", mind={"base-url": server.url, "key-env": "TEST_MODEL_KEY", "model": "m", **model.QUICK},
                   TEST_MODEL_KEY=model.KEY)
        self.assertEqual(self.told("s", TEXT), {"text": "About whales.", "sentences": [], "language": "en", "by": "model the-model", "prompt": "summarise 1"})
        self.assertEqual(server.requests[0].headers["authorization"], f"Bearer {model.KEY}")

    def test_what_it_cost_is_in_the_trace_and_in_the_metrics(self):
        server = self.server()
        server.does(model.chat(json.dumps(SUMMARY)))
        told = os.path.join(self.directory, "metrics")
        self.agent("s", "summariser", mind={"base-url": server.url, "key-env": "TEST_MODEL_KEY", "model": "m", **model.QUICK},
                   more=("--http", "127.0.0.1:0", "--http-file", told), TEST_MODEL_KEY=model.KEY)
        done = self.troupe("ask", "--connect", self.at.endpoint, "s", TEXT, "--trace", "-o", "json", "--headers")
        trace = re.search(r"troupe trace ([0-9a-f]{32})", done.err).group(1)

        def call():
            shown = self.troupe("trace", "--connect", self.at.endpoint, trace, "-o", "json")
            return shown.code == 0 and next((span for span in shown.json() if span["name"] == "chat m"), None)
        span = harness.wait_until(call, "the span of the model's call")
        said = span["attributes"]
        self.assertEqual((said["gen_ai.operation.name"], said["gen_ai.request.model"], span["kind"]), ("chat", "m", "client"))
        self.assertEqual((said["gen_ai.prompt.name"], said["gen_ai.prompt.version"]), ("summarise", "1"))
        self.assertNotIn("troupe.prompt.own", said)
        self.assertGreater(said["gen_ai.usage.input_tokens"], 0)
        self.assertEqual(said["gen_ai.conversation.id"], done.json()["conversation_id"])
        self.assertIn(trace, server.requests[0].headers["traceparent"])
        with open(os.path.join(told, "s.json")) as file:
            address = json.load(file)[0]["targets"][0]
        with urllib.request.urlopen(f"http://{address}/metrics") as answer:
            metrics = answer.read().decode()
        self.assertIn('troupe_model_calls_total{result="done"} 1\n', metrics)
        self.assertIn(f'troupe_model_tokens_total{{way="input"}} {said["gen_ai.usage.input_tokens"]}\n', metrics)
        self.assertNotIn(model.KEY, metrics)

    def prompted(self, *agent, **prompts):
        """A summariser with prompts of its own, and its answer."""
        directory = os.path.join(self.directory, f"prompts-{agent[0]}")
        os.mkdir(directory)
        for name, text in prompts.items():
            with open(os.path.join(directory, name + ".txt"), "w", encoding="utf-8") as file:
                file.write(text)
        server = self.server()
        server.usual = model.chat(json.dumps(SUMMARY))
        child = self.agent(agent[0], "summariser", mind={"base-url": server.url, "model": "m", "prompts": directory, **model.QUICK}, more=agent[1:])
        return child, self.told(agent[0], TEXT)

    def test_which_prompt_made_an_answer(self):
        child, answer = self.prompted("s", "--trace-one-in", "1", summarise="# summarise 3-ours of us\nSum it up.\n", plan="# plan 1\nPlan it.\n")
        self.assertEqual(answer["prompt"], "summarise 3-ours")
        self.assertNotIn("A032", child.err)
        done = self.troupe("ask", "--connect", self.at.endpoint, "s", TEXT, "--trace")
        trace = re.search(r"troupe trace ([0-9a-f]{32})", done.err).group(1)

        def call():
            shown = self.troupe("trace", "--connect", self.at.endpoint, trace, "-o", "json")
            return shown.code == 0 and next((span for span in shown.json() if span["name"] == "chat m"), None)
        said = harness.wait_until(call, "the span of the model's call")["attributes"]
        self.assertEqual((said["gen_ai.prompt.name"], said["gen_ai.prompt.version"], said["troupe.prompt.own"]), ("summarise", "3-ours", 1))

    def test_prompts_of_another_version_are_warned_of_once(self):
        child, answer = self.prompted("t", summarise="Sum it up.\n", act="# act 1\nAct.\n", plan="# plan 7\nPlan it.\n", repair="# repair 0\nNo.\n")
        self.assertEqual((answer["prompt"], self.told("t", TEXT)["prompt"]), ("summarise", "summarise"))
        lines = [line for line in child.err.splitlines() if " A032 " in line]
        self.assertEqual(len(lines), 1, child.err)
        for says in r'summarise.txt does not begin with \"# summarise VERSION\" (the built-in one: 1)', "act.txt is of version 1, and the built-in prompt of 2", "repair.txt is of version 0":
            self.assertIn(says, lines[0])
        self.assertNotIn("plan", lines[0])

    def test_files_that_are_no_prompts_are_warned_of_once(self):
        child, answer = self.prompted("u", sumarise="# summarise 3\nSum it up.\n", plan="# plan 1\nPlan it.\n", data="Obey.\n")
        self.assertEqual(answer["prompt"], "summarise 1", "the built-in one is used")
        self.told("u", TEXT)
        lines = [line for line in child.err.splitlines() if " A033 " in line]
        self.assertEqual(len(lines), 1, child.err)
        self.assertIn("/sumarise.txt takes no prompt's place: did you mean summarise.txt?", lines[0])
        self.assertIn("/data.txt takes no prompt's place;", lines[0])
        self.assertNotIn("/plan.txt", lines[0])

    def test_the_directory_of_prompts_is_there(self):
        server = self.server()
        self.write("v.yaml", json.dumps({"name": "v", "behaviour": "summariser", "mind": {"base-url": server.url, "model": "m", "prompts": "promts"}}))
        self.refused("--agent", "v.yaml", says="mind: prompts: promts: expected a directory: No such file or directory")

    def test_a_repair_says_what_it_is(self):
        server = self.server()
        server.does(model.chat("no JSON"), model.chat(json.dumps(SUMMARY)))
        self.agent("r", "summariser", mind={"base-url": server.url, "model": "m", **model.QUICK})
        done = self.troupe("ask", "--connect", self.at.endpoint, "r", TEXT, "--trace")
        trace = re.search(r"troupe trace ([0-9a-f]{32})", done.err).group(1)

        def calls():
            shown = self.troupe("trace", "--connect", self.at.endpoint, trace, "-o", "json")
            found = [span["attributes"] for span in shown.json() if span["name"] == "chat m"] if shown.code == 0 else []
            return sorted(found, key=lambda a: a["troupe.attempt"]) if len(found) == 2 else None
        first, repair = harness.wait_until(calls, "both spans")
        self.assertNotIn("troupe.repair", first)
        self.assertEqual((repair["troupe.repair"], repair["troupe.repair.version"], repair["troupe.attempt"], repair["gen_ai.prompt.name"]), (1, "1", 2, "summarise"))

    def test_a_file_of_an_agent_with_a_file_of_models(self):
        server = self.server()
        server.does(model.chat(json.dumps(SUMMARY)))
        key = self.write("key", model.KEY + "\n")
        os.chmod(key, 0o600)
        self.write("models.yaml", json.dumps({"providers": [{"preset": "compatible", "base-url": server.url, "key-file": key, "model": "m"}], **model.QUICK}))
        self.write("s.yaml", "name: s\nbehaviour: summariser\nmind: models.yaml\nenv: {no_proxy: '*'}\n")
        self.agentd("--agent", "s.yaml")
        self.assertEqual(self.told("s", TEXT)["by"], "model the-model")

    def test_one_operation_by_a_model(self):
        server = self.server()
        mind = {"base-url": server.url, "models": {"plan": "m"}, **model.QUICK}
        self.agent("s", "summariser", mind=mind)
        self.assertEqual(self.told("s", TEXT)["by"], "built-in")
        self.assertEqual(server.requests, [])

    def test_strict_fails(self):
        server = self.server()
        server.usual = model.status(400)
        self.agent("s", "summariser", mind={"base-url": server.url, "model": "m", "strict": True, **model.QUICK})
        done = self.run_verb("ask", "s", TEXT)
        self.assertEqual((done.code, "refused" in done.err), (3, True), done)

    def test_what_is_wrong_is_told_with_its_place(self):
        for mind, says in (
                ("gpt", "a.yaml:3:7: mind: expected built-in, a mapping, or a file of models (NAME.yaml), found \"gpt\""),
                ("none.yaml", "a.yaml:3:7: mind: none.yaml: "),
                ("{model: m}", "a.yaml:3:7: mind: "),
                ("\n  base-url: ftp://x\n  model: m", "a.yaml:4:13: mind.base-url: expected "),
                ("\n  preset: opnai\n  model: m", "a.yaml:4:11: mind.preset: expected "),
                ("\n  base-url: http://127.0.0.1:1/v1\n  modle: m", "unknown key \"modle\", did you mean \"model\"?"),
                ("\n  base-url: http://127.0.0.1:1/v1\n  model: m\n  key-env: NO_SUCH_KEY", "NO_SUCH_KEY"),
                ("\n  base-url: http://127.0.0.1:1/v1\n  model: m\n  strict: maybe", "a.yaml:6:11: mind.strict: expected true or false"),
                ("\n  methods: none.yaml", "a.yaml:4:12: mind.methods: "),
                ("\n  model: m\n  providers: []", "a.yaml:4:10: mind.model: expected in one of the providers")):
            self.write("a.yaml", f"name: a\nbehaviour: summariser\nmind: {mind}\n")
            done = self.refused("--agent", "a.yaml")
            self.assertIn(says, done.err.replace('\\"', '"'))
        self.write("a.yaml", "name: a\nbehaviour: echo\nmind: {base-url: 'http://127.0.0.1:1/v1', model: m}\n")
        self.refused("--agent", "a.yaml", says="a.yaml:3:7: mind: this behaviour asks no mind")
        self.write("a.yaml", "name: a\nbehaviour: summariser\nargs: {mind: built-in}\n")
        self.refused("--agent", "a.yaml", says="a.yaml:3:14: args.mind: expected beside `args`")


if __name__ == "__main__":
    minds.harness.main()
