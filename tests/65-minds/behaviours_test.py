"""Behaviours that think, each alone, by messages, with the built-in mind or with a model."""
import asyncio
import json
import pathlib
import threading

import minds
from minds import model

METHODS = pathlib.Path(__file__).resolve().parents[2] / "agentd/mind/data/methods.yaml"


class Summariser(minds.MindsTest):
    def test_texts(self):
        self.agent("s", "summariser")
        texts = ["The harbour was rebuilt in 1990. It is deep.", "Ships from the harbour sail to Oslo. The harbour is busy."]
        answer = self.told("s", {"texts": texts, "sentences": 2})
        self.assertEqual(len(answer["sentences"]), 2)
        for wrong in ({"texts": []}, {"texts": [1]}, {"text": "x", "sentences": 0}, {}):
            done = self.run_verb("ask", "s", json.dumps(wrong))
            self.assertEqual((done.code, "unsupported-value" in done.err), (3, True), done)
        self.assertEqual(self.run_verb("ask", "s", "x", "--act", "query-ref").code, 3)


class Fallback(minds.MindsTest):
    def test_why_it_was_not_the_model_is_told(self):
        server = self.server()
        server.usual = model.status(400)
        mind = {"base-url": server.url, "model": "m", **model.QUICK}
        for name, behaviour, args, asked in (("s", "summariser", None, "The harbour is deep."), ("c", "critic", None, "In 1990."),
                                             ("p", "planner", {"skills": ["search", "write"]}, "write a report on whales")):
            self.agent(name, behaviour, args, mind=mind)
            answer = self.told(name, asked)
            self.assertEqual((answer["by"], answer["fallback"].split(":")[0]), ("built-in", "refused"), answer)


class Instruction(minds.MindsTest):
    def test_the_grammars_own(self):
        self.agent("i", "instruction")
        self.assertEqual(self.told("i", "please search the archive for old photos"),
                         {"understood": True, "action": "search", "parameters": {"where": "archive", "query": "old photos"}})
        self.assertFalse(self.told("i", "the moon is far")["understood"])

    def test_a_registry(self):
        self.agent("i", "instruction", {"actions": {"search": "svc:find", "weather": "sky"}})
        self.assertEqual(self.told("i", "search for whales"),
                         {"understood": True, "action": "search", "parameters": {"query": "whales"}, "to": "svc:find"})
        self.assertEqual(self.told("i", "Weather: Oslo tomorrow"),
                         {"understood": True, "action": "weather", "parameters": {"text": "Oslo tomorrow"}, "to": "sky"})
        answer = self.told("i", "summarise the report")
        self.assertEqual((answer["understood"], answer["reason"]),
                         (False, 'I understand "summarise", but nobody does that here; what is done here: search, weather'))
        self.assertEqual(len(answer["suggestions"]), 2)
        self.assertIn('did you mean "weather"?', self.told("i", "wether in Oslo")["reason"])

    def test_a_model_knows_the_registry(self):
        """It may answer with its actions, too, and with no other."""
        server = self.server()
        server.does(*[model.chat(json.dumps({"understood": True, "action": action, "parameters": {"text": "Oslo"}})) for action in ("weather", "fly", "fly", "fly")])
        mind = {"base-url": server.url, "model": "m", **model.QUICK}
        self.agent("i", "instruction", {"actions": {"search": "svc:find", "weather": "sky"}}, mind=mind)
        self.assertEqual(self.told("i", "will it rain in Oslo?"), {"understood": True, "action": "weather", "parameters": {"text": "Oslo"}, "to": "sky"})
        asked = server.requests[0].json
        schema = asked["response_format"]["json_schema"]["schema"]
        self.assertEqual([name for name in schema["properties"]["action"]["enum"] if name in ("search", "weather")], ["search", "weather"])
        self.assertEqual(json.loads(asked["messages"][1]["content"].split("\n")[1])["actions"], ["weather"])
        self.assertFalse(self.told("i", "will it fly to Oslo?")["understood"])

    def test_it_is_carried_out_by_who_is_named(self):
        self.agent("find", "echo")
        self.agent("i", "instruction", {"actions": {"search": "find", "weather": "nobody"}})
        self.assertEqual(self.told("i", {"text": "search for whales", "do": True}), {"query": "whales", "action": "search"})
        done = self.run_verb("ask", "i", json.dumps({"text": "weather in Oslo", "do": True}))
        self.assertEqual((done.code, "not-delivered" in done.err), (3, True), done)

    def test_wrong_registries(self):
        for actions in {}, {"A b": "x"}, {"a": 1}, {"a": "no no"}, 5:
            self.refused("--name", "i", "--behaviour", "instruction", "--args", json.dumps({"actions": actions}), says="args.actions: expected")


class Critic(minds.MindsTest):
    QUESTION = "When was the harbour of Oslo rebuilt?"
    EVIDENCE = ["The harbour of Oslo was rebuilt in 1990."]

    def test_a_good_and_a_poor_answer(self):
        self.agent("c", "critic")
        good = self.told("c", {"text": "The harbour of Oslo was rebuilt in 1990.", "question": self.QUESTION, "evidence": self.EVIDENCE})
        self.assertEqual((good["score"], good["verdict"], good["accepted"], good["by"]), (1, "good", True, "built-in"))
        self.assertEqual([j["criterion"] for j in good["judgements"]], ["coverage", "evidence", "length", "tone"])
        poor = self.told("c", {"text": "I hate it.", "question": self.QUESTION, "evidence": self.EVIDENCE})
        self.assertLess(poor["score"], 0.5)
        self.assertFalse(poor["accepted"])
        self.assertIn("none like", poor["judgements"][0]["reason"])

    def test_its_own_criteria(self):
        self.agent("c", "critic", {"criteria": ["price"], "accept": 1})
        self.assertTrue(self.told("c", "the price is low")["accepted"])
        self.assertEqual(self.told("c", {"text": "the price is low", "criteria": ["length"]})["judgements"][0]["criterion"], "length")
        self.refused("--name", "x", "--behaviour", "critic", "--args", '{"criteria": []}', says="args.criteria: expected a list of 1 to 20 texts")
        for wrong in {}, {"text": "x", "criteria": []}, {"text": "x", "evidence": "y"}:
            self.assertEqual(self.run_verb("ask", "c", json.dumps(wrong)).code, 3, wrong)

    def test_with_a_model(self):
        server = self.server()
        server.does(model.chat('{"judgements": [{"score": 0.8, "reason": "it says when"}, {"score": 0.4, "reason": "dry"}]}'))
        server.usual = model.chat('{"judgements": []}')
        self.agent("c", "critic", {"criteria": ["says when", "tone"]}, mind={"base-url": server.url, "model": "m", **model.QUICK})
        answer = self.told("c", "In 1990.")
        self.assertEqual(answer["judgements"][0], {"criterion": "says when", "score": 0.8, "reason": "it says when"})
        self.assertEqual((round(answer["score"], 2), answer["verdict"], answer["by"]), (0.6, "fair", "model the-model"))
        self.assertEqual(self.told("c", "In 1990.")["by"], "built-in")


class Voter(minds.MindsTest):
    def test_an_opinion_and_ballots_with_reasons(self):
        self.agent("v", "voter", {"profile": "tea with milk, never coffee"})
        asked = {"action": "vote", "question": "What to drink?", "options": ["tea", "cola"], "method": "plurality", "remarks": ["by"]}
        ballot = self.told("v", asked)
        self.assertEqual(ballot["choice"], "tea")
        self.assertEqual((ballot["reason"], ballot["by"]), ('it has "tea" in common with my profile', "built-in"))
        self.assertNotIn("fallback", ballot)
        opinion = self.told("v", {**asked, "action": "opinion", "context": "The tea here is excellent."})
        self.assertEqual((opinion["opinion"], opinion["by"]), ("tea", "built-in"))
        self.assertEqual(opinion["reason"], 'it has "tea" in common with my profile, and "The tea here is excellent." speaks for it')
        self.assertIsNone(self.told("v", {**asked, "action": "opinion", "options": ["cars", "trains"]})["opinion"])
        self.assertEqual(self.told("v", {**asked, "method": "borda"})["ranking"], [["tea"], ["cola"]])
        self.assertTrue(self.told("v", {**asked, "options": ["cars", "trains"]})["abstain"])
        self.assertEqual(self.told("v", {**asked, "action": "mediate"})["options"], ["tea", "cola"])


    def test_reasons_of_a_model(self):
        server = self.server()
        server.does(model.chat('{"scores": [0.2, 0.9], "reason": "Cola keeps me awake."}'))
        self.agent("v", "voter", {"profile": "always tired"}, mind={"base-url": server.url, "model": "m", **model.QUICK})
        ballot = self.told("v", {"action": "vote", "question": "What to drink?", "options": ["tea", "cola"], "method": "plurality", "remarks": ["by"]})
        self.assertEqual((ballot["choice"], ballot["reason"], ballot["by"]), ("cola", "Cola keeps me awake.", "model the-model"))
        self.assertNotIn(b"may-propose\\\":", server.requests[-1].body)
        server.usual = model.status(400, "no such model")
        for action in "vote", "opinion":  # by words, then: whoever reads it is told so
            said = self.told("v", {"action": action, "question": "What to drink?", "options": ["tea", "cola"], "method": "plurality", "remarks": ["by", "fallback"]})
            self.assertEqual(said["by"], "built-in")
            self.assertIn("no such model", said["fallback"])

    def test_a_model_proposes_an_option_for_the_next_round(self):
        server = self.server()
        for _ in range(2):
            server.does(model.chat('{"scores": [0.2, 0.9], "reason": "r", "proposal": "tea before noon"}'))
        self.agent("v", "voter", {"profile": "always tired"}, mind={"base-url": server.url, "model": "m", **model.QUICK})
        asked = {"action": "vote", "question": "What to drink?", "options": ["tea", "cola"], "method": "plurality", "rounds": 2}
        self.assertEqual(self.told("v", {**asked, "round": 1})["proposal"], "tea before noon")
        self.assertIn(b"may-propose\\\":", server.requests[-1].body)
        self.assertNotIn("proposal", self.told("v", {**asked, "round": 2}))  # nothing would come of it


class Planner(minds.MindsTest):
    PLAN = {"task": "t", "priority": 5, "subtasks": [
        {"id": "a", "description": "search for ships", "skills": ["search"], "needs": []},
        {"id": "b", "description": "write it", "skills": ["write"], "needs": ["a"]}]}

    def test_skills_that_are_given(self):
        self.agent("p", "planner", {"skills": ["search", "write"]})
        plan = self.told("p", "write a report on whales, urgent")
        self.assertEqual([s["skills"] for s in plan["subtasks"]], [["search"], ["write"]])
        self.assertEqual(plan["subtasks"][1]["needs"], [plan["subtasks"][0]["id"]])
        self.assertGreater(plan["priority"], 4)
        done = self.run_verb("ask", "p", json.dumps({"text": "search for whales", "skills": ["dance"]}))
        self.assertEqual(done.code, 3, done)

    def test_skills_that_the_fleet_has(self):
        self.agent("p", "planner")
        self.agent("finder", "echo", more=("--service", "search"))
        plan = self.told("p", "search for whales")
        self.assertEqual([s["skills"] for s in plan["subtasks"]], [["search"]])

    def test_replanning(self):
        server = self.server()
        way = {"task": "t", "priority": 4, "subtasks": [
            {"id": "x", "description": "ask Ann", "skills": ["send"], "needs": []},
            {"id": "y", "description": "read it", "skills": ["read"], "needs": ["x"]}]}
        server.does(model.chat(json.dumps(way)))
        self.agent("p", "planner", {"skills": ["search", "write", "send", "read"]}, {"base-url": server.url, "model": "m", **model.QUICK})
        plan = self.told("p", {"action": "replan", "plan": self.PLAN, "failed": "a", "without": ["search"]})
        self.assertNotIn('"search"', server.requests[0].json["messages"][-1]["content"].split('"skills"')[1].split("]")[0])
        self.assertEqual({s["id"]: s["needs"] for s in plan["subtasks"]}, {"b": ["r1-y"], "r1-x": [], "r1-y": ["r1-x"]})
        self.assertEqual(plan["replans"], 1)

    def test_what_cannot_be_replanned(self):
        self.agent("p", "planner", {"skills": ["search", "write"]})
        circle = {"subtasks": [{**self.PLAN["subtasks"][0], "needs": ["b"]}, self.PLAN["subtasks"][1]]}
        for asked in ({"plan": self.PLAN, "failed": "z"}, {"plan": circle, "failed": "a"}, {"failed": "a"}, {"plan": {"subtasks": 5}},
                      {"plan": {**self.PLAN, "replans": 8}, "failed": "a"}):
            done = self.run_verb("ask", "p", json.dumps({"action": "replan", **asked}))
            self.assertEqual(done.code, 3, done)

    def test_its_plans_become_tasks(self):
        coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        coordinator.wait_err("C001 ready")
        self.agent("finder", "echo", more=("--service", "search", "--service", "write"))
        self.agent("p", "planner", {"skills": ["search", "write"]})
        done = self.told("p", {"action": "submit", "text": "write a report on whales"})
        self.assertEqual(len(done["tasks"]), 2)
        for task in done["tasks"]:
            minds.harness.wait_until(lambda task=task: self.run_verb("task", "show", task["task"], "-o", "json").json()["state"] == "completed",
                                     "the task", 20)
        self.assertEqual(coordinator.process.poll(), None)


SILENT = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    content = message.get("content")
    answer = {"done": True}
    if message.get("performative") == "request" and content["action"] == "submit":
        lost = any("lost" in task["description"] for task in content["tasks"])
        known = set() if lost else {task["id"] for task in content["tasks"]}
        answer = {"content": {"tasks": [{"task": task["id"]} for task in content["tasks"]]}}
    elif message.get("performative") == "request":
        answer = {"content": {"task": content["task"], "state": "completed"}}
        if content["task"] not in known:
            answer = {"performative": "refuse", "content": {"reason": "not-registered", "detail": "there is no task of this id"}}
    print(json.dumps({"id": message["id"], **answer}), flush=True)
"""

# Takes tasks, shows them as failed from when it is told to, and tells what it was sent that is no request.
FAILS = """
import json, sys
told, state = [], "assigned"
for line in sys.stdin:
    message = json.loads(line)
    content = message.get("content")
    if message.get("performative") != "request":
        told.append(message)
        answer = {"done": True}
    elif content["action"] == "submit":
        answer = {"content": {"tasks": [{"task": task["id"]} for task in content["tasks"]]}}
    elif content["action"] == "fail":
        state = "failed"
        answer = {"content": "noted"}
    elif content["action"] == "show":
        answer = {"content": {"task": content["task"], "state": state}}
    else:
        answer = {"content": told}
    print(json.dumps({"id": message["id"], **answer}), flush=True)
"""


class Watched(minds.MindsTest):
    """Plans whose subtasks are with the coordinator: the executor without a fitting tool is who fails."""

    def setUp(self):
        super().setUp()
        coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks", "--tries", "1")
        coordinator.wait_err("C001 ready")
        self.agent("writer", "echo", more=("--service", "write", "--service", "general"))

    def failing(self):
        self.agent("finder", "executor", more=("--service", "search"))

    def told_until(self, tap, state):
        minds.harness.wait_until(lambda: any(f'"{state}"' in line for line in tap.out.splitlines()), state, 30)
        return [json.loads(line)["content"] for line in tap.out.splitlines()]

    def tap(self):
        tap = self.spawn_verb("tap", "plan.>", "task.tapped.state", "-o", "json")
        def heard():
            self.run_verb("pub", "task.tapped.state", '{"task": "tapped", "state": "failed"}')
            return "tapped" in tap.out
        minds.harness.wait_until(heard, "the tap hears", 20)
        return tap

    def test_a_subtask_that_fails_is_done_in_another_way(self):
        self.failing()
        tap = self.tap()
        self.agent("p", "planner", {"skills": ["search", "write", "general"]})
        done = self.told("p", {"action": "submit", "text": "write a report on whales"})
        self.assertEqual(len(done["tasks"]), 2)
        told = [t for t in self.told_until(tap, "completed") if "plan" in t]
        self.assertEqual([(t["state"], t["plan"], t["replans"]) for t in told],
                         [("replanned", done["watched"], 1), ("completed", done["watched"], 1)])
        tasks = self.run_verb("task", "ls", "-o", "json").json()
        self.assertEqual(sorted(t["state"] for t in tasks), ["completed", "completed", "failed", "failed"])
        self.assertEqual(self.told("p", {"action": "watched"}), {})

    def test_where_there_is_no_other_way(self):
        self.failing()
        tap = self.tap()
        self.agent("p", "planner", {"skills": ["search", "write"]})
        self.told("p", {"action": "submit", "text": "write a report on whales"})
        told = [t for t in self.told_until(tap, "replans") if "plan" in t]
        self.assertEqual(told[-1]["state"], "failed")
        self.assertIn("no method of the library fits", told[-1]["reason"])

    def test_what_is_not_heard_is_asked_for(self):
        """A coordinator that tells no states: of one plan everything is done, of the other it has lost the tasks."""
        silent = self.write("silent.py", SILENT)
        self.agentd("--name", "silent", "--", "python3", silent)
        tap = self.tap()
        self.agent("p", "planner", {"skills": ["search", "write"], "tasks": "silent", "look-ms": 100})
        done = self.told("p", {"action": "submit", "text": "write a report on whales"})
        told = [t for t in self.told_until(tap, "completed") if "plan" in t]
        self.assertEqual([(t["state"], t["plan"]) for t in told], [("completed", done["watched"])])
        lost = self.told("p", {"action": "submit", "text": "write a report on lost ships"})
        told = [t for t in self.told_until(tap, "the coordinator does not know its task any more") if "plan" in t]
        self.assertEqual((told[-1]["state"], told[-1]["plan"]), ("failed", lost["watched"]))
        self.assertEqual(self.told("p", {"action": "watched"}), {})

    def test_a_planner_that_was_killed_goes_on_watching(self):
        tap = self.tap()
        more = ("--state", self.directory + "/state")
        child = self.agent("p", "planner", {"skills": ["search", "write", "general"]}, more=more)
        done = self.told("p", {"action": "submit", "text": "write a report on whales"})
        child.process.kill()
        child.process.wait()
        self.failing()
        for task in done["tasks"]:
            minds.harness.wait_until(lambda task=task: self.run_verb("task", "show", task["task"], "-o", "json").json()["state"] == "failed",
                                     "the task fails", 20)
        self.agent("p", "planner", {"skills": ["search", "write", "general"]}, more=more)
        told = [t for t in self.told_until(tap, "completed") if "plan" in t]
        self.assertEqual([t["state"] for t in told], ["replanned", "completed"])

    def test_no_way_is_tried_twice(self):
        """Two skills fail one after the other, and the planner is killed between: only the third is left then."""
        skills = ["search", "dig", "general"]
        server = self.server()
        server.does(*(model.chat(json.dumps({"task": "t", "priority": 5, "subtasks": [
            {"id": "x", "description": "look for whales", "skills": [skill], "needs": []}]})) for skill in skills))
        tap = self.tap()
        start = ("p", "planner", {"skills": skills}, {"base-url": server.url, "model": "m", **model.QUICK}, ("--state", self.directory + "/state"))
        child = self.agent(*start)
        self.told("p", {"action": "submit", "text": "look for whales"})
        self.failing()
        self.told_until(tap, "replanned")
        child.process.kill()
        child.process.wait()
        self.agent("digger", "executor", more=("--service", "dig"))
        self.agent(*start)
        told = [t for t in self.told_until(tap, "completed") if "plan" in t]
        self.assertEqual([(t["state"], t["replans"]) for t in told], [("replanned", 1), ("replanned", 2), ("completed", 2)])
        known = [request.json["messages"][-1]["content"].split('"skills"')[1].split("]")[0] for request in server.requests]
        self.assertEqual([[skill for skill in skills if f'"{skill}"' in one] for one in known], [skills, skills[1:], skills[2:]])

    def test_who_shows_a_failure_is_not_answered(self):
        """The planner cannot plan anew, and says so where its plan is watched, not to who was asked how its task is."""
        self.agentd("--name", "desk", "--", "python3", self.write("fails.py", FAILS))
        tap = self.tap()
        methods = pathlib.Path(self.write("methods.yaml", METHODS.read_text()))
        self.agent("p", "planner", {"skills": ["search", "write", "general"], "tasks": "desk", "look-ms": 100}, {"methods": str(methods)})
        done = self.told("p", {"action": "submit", "text": "write a report on whales"})
        methods.unlink()
        self.told("desk", {"action": "fail"})
        told = [t for t in self.told_until(tap, "it cannot be planned anew now") if "plan" in t]
        self.assertEqual([(t["state"], t["plan"]) for t in told], [("failed", done["watched"])])
        self.assertEqual(self.told("desk", {"action": "told"}), [])

    def test_a_planner_that_is_busy_does_not_give_up(self):
        """A subtask fails while as many questions are open as it takes: it is planned anew when there is room."""
        released = threading.Event()
        way = [model.chat(json.dumps({"task": "t", "priority": 5, "subtasks": [
            {"id": "x", "description": "look for whales", "skills": [skill], "needs": []}]})) for skill in ("search", "general")]

        async def held(request, writer):
            while not released.is_set():
                await asyncio.sleep(0.02)
            return await way[1](request, writer)
        server = self.server()
        server.does(way[0])
        server.usual = held
        tap = self.tap()
        limits = {"limits": {name: "100s" for name in ("connect", "first-byte", "idle", "total")}}
        self.agent("p", "planner", {"skills": ["search", "general"]}, {"base-url": server.url, "model": "m", **model.QUICK, **limits})
        self.told("p", {"action": "submit", "text": "look for whales"})
        for number in range(64):
            self.assertEqual(self.run_verb("send", "p", "request", json.dumps({"text": f"look for whale {number}"})).code, 0)
        minds.harness.wait_until(lambda: "too many questions at once" in self.run_verb("ask", "p", "look for more", "--timeout", "1s").err, "busy", 20)
        self.failing()
        minds.harness.wait_until(lambda: '"failed"' in json.dumps(self.told("p", {"action": "watched"})), "it has heard of the failure", 20)
        released.set()
        told = [t for t in self.told_until(tap, "completed") if "plan" in t]
        self.assertEqual([(t["state"], t["replans"]) for t in told], [("replanned", 1), ("completed", 1)])


if __name__ == "__main__":
    minds.harness.main()
