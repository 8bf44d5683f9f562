"""examples/assistant.yaml as it stands, offline: what becomes of a request to its assistant."""
import json
import pathlib
import sys

for beside in "40-fleet", "60-model":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / beside))
import fleet  # noqa: E402
import model  # noqa: E402

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/assistant.yaml"


class Assistant(fleet.FleetTest):
    def setUp(self):
        super().setUp()
        own = EXAMPLE.read_text().replace("coordinator: {}", fleet.BROKER + "coordinator: {}")
        child = self.spawn("troupe", "up", self.write("assistant.yaml", own), env={"TROUPE_EMBEDDINGS": "ngrams"})
        child.wait_err("troupe up: ready in")

    def say(self, text):
        done = self.troupe("ask", "assistant", json.dumps({"text": text, "user": "ann"}), "-o", "json")
        self.assertEqual(done.code, 0, done)
        return done.json()

    def test_a_request_becomes_a_task_a_query_a_decision_or_an_answer(self):
        turn = self.say("hello, my name is Ann")
        self.assertEqual((turn["state"], turn["reply"]), ("chat", "Hello. What can I do for you?"))

        turn = self.say("prepare the slides by Monday, urgent")
        self.assertEqual((turn["action"], turn["to"]), ("task", "svc:planner"))
        task = turn["answer"]["tasks"][0]["task"]
        fleet.harness.wait_until(lambda: self.troupe("task", "show", task, "-o", "json").json()["state"] == "completed",
                                 "the task is done", 20)
        self.assertIn(task, self.say("what is the status of the tasks?")["reply"])

        for asked in "search for the harbour", "what is the capital of France?", "summarise the harbour":
            self.assertEqual(self.say(asked)["reply"], "There is nothing in the knowledge base yet. `troupe kb add FILE...` puts documents into it.")
        note = self.write("harbour.txt", "The harbour of the town was rebuilt in 1990 and is deep enough for the largest ships.\n")
        self.assertEqual(self.troupe("kb", "add", note).code, 0)
        turn = self.say("search for the harbour")
        self.assertEqual((turn["action"], turn["to"], turn["asked"]["query"]), ("search", "svc:kb", "the harbour"))
        self.assertIn("was rebuilt in 1990", turn["reply"])

        self.assertEqual(self.say("what is the capital of France?")["reply"].splitlines()[0], "I found nothing with these words. The nearest that there is:")
        self.assertEqual(self.say("what is my name?")["reply"], "You are Ann.")

        self.assertEqual(self.troupe("kb", "add", self.write("port.txt", "Our harbour: " + "\u00e9" * 200 + "\n")).code, 0)
        self.assertEqual(self.say("be brief")["reply"], "I will be brief.")
        reply = self.say("search for the harbour")["reply"]  # what was found is not cut, and no character of it in two
        self.assertIn("was rebuilt in 1990", reply)
        self.assertIn("Our harbour: " + "\u00e9" * 143 + " (", reply)
        self.say("normal length")

        self.assertIn("- search the archive for old photos", self.say("what can you do?")["reply"])

        turn = self.say("decide between tea and coffee")
        self.assertEqual(turn["reply"].splitlines()[0], "The group has decided: coffee wins by plurality: 100 % of the votes are for it.")
        self.assertIn('\n- sleepy: coffee, as it has "coffee" in common with my profile', turn["reply"])
        self.assertEqual((turn["answer"]["state"], turn["answer"]["winner"]), ("decided", "coffee"))
        self.assertTrue(self.decided(turn["answer"]["decision"]))
        self.assertTrue(self.say("decide between cars and trains")["reply"].startswith("Nothing is decided: nobody voted.\n- "))

        turn = self.say("summarise the harbour in 2 sentences")  # which is no text but the name of something: it is searched for first
        self.assertEqual((turn["to"], turn["asked"]["sentences"], len(turn["asked"]["texts"])), ("svc:summariser", 2, 2))
        self.assertIn("rebuilt in 1990", turn["reply"])
        self.assertRegex(turn["reply"], r"harbour\.txt.*\)$")
        self.assertEqual(self.say("summarise the quokka")["reply"], "I found nothing about that.")
        self.say("search for the harbour")
        self.assertIn("rebuilt in 1990", self.say("summarise it")["reply"])

        turn = self.say("summarise: The harbour was rebuilt in 1990. It is deep. Many ships come.")
        self.assertEqual((turn["to"], turn["reply"]), ("svc:summariser", "The harbour was rebuilt in 1990. It is deep. Many ships come"))

        turn = self.say("calculate (2 + 3) * 4")
        self.assertEqual((turn["to"], turn["reply"]), ("svc:sums", "20"))
        self.assertEqual(turn["answer"]["evidence"][0]["tool"], "calculate")

    def test_what_it_knows_of_its_users_outlives_a_restart(self):
        self.say("hello, my name is Ann")
        task = self.say("prepare the slides by Monday")["answer"]["tasks"][0]["task"]
        fleet.harness.wait_until(lambda: self.say("what came of the slides?")["reply"].startswith(f"completed: prepare the slides, Monday ({task})"), "the result", 30)
        done = self.troupe("restart", "assistant")
        self.assertEqual(done.code, 0, done)
        about = lambda action: self.troupe("ask", "assistant", json.dumps({"action": action, "user": "ann"}), "-o", "json").json()
        self.assertEqual(about("profile")["name"], "Ann")
        history = about("history")
        self.assertEqual((history["kept"], history["history"][0]["user"]), (True, "hello, my name is Ann"))
        self.assertTrue(self.say("what came of the slides?")["reply"].startswith(f"completed: prepare the slides, Monday ({task})"))

    def decided(self, decision):
        shown = self.troupe("votes", "show", decision, "-o", "json").json()
        return shown["state"] in ("decided", "undecided")


class OneBudget(fleet.FleetTest):
    def test_all_agents_of_a_fleet_on_one_machine_spend_it(self):
        """Each in a process of its own. An estimate is of 600 to 1,200 tokens, and what a call costs of 600: two of them fit, whoever asks."""
        server = model.Server()
        self.addCleanup(server.stop)
        server.usual = model.chat('{"text": "It is deep.", "language": "en"}', usage={"prompt_tokens": 500, "completion_tokens": 100, "total_tokens": 600})
        mind = {"base-url": server.url, "model": "m", "max-tokens": 400, "strict": True, "budget": {"fleet": {"tokens": 1800}}}
        agents = "".join(f"  - {json.dumps({'name': name, 'behaviour': 'summariser', 'mind': mind})}\n" for name in ("ann", "bob"))
        child = self.spawn("troupe", "up", self.fleet_file("thrifty", fleet.BROKER + "agents:\n" + agents), env={"no_proxy": "*"})
        child.wait_err("troupe up: ready in")
        done = [self.troupe("ask", name, "The harbour was rebuilt in 1990. It is deep.") for name in ("ann", "bob") * 2]
        self.assertEqual([d.code for d in done], [0, 0, 3, 3], done)
        self.assertIn("all processes of this machine", done[2].err)
        self.assertEqual(len(server.requests), 2)


if __name__ == "__main__":
    fleet.harness.main()
