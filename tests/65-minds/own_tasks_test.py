"""assistant: the tasks that a user has asked for in a talk, how they are, and an end to them; also where their planner does them in another way."""
import asyncio
import json
import re
import signal
import threading

import minds
from minds import model

# Takes tasks and shows them as failed; what it is sent after the first it says to have taken when it is told to.
DESK = """
import json, sys
held, taken, cancelled, submits = [], [], [], 0
def say(message, **answer):
    print(json.dumps({"id": message["id"], **answer}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    content = message.get("content")
    if message.get("performative") != "request":
        say(message, done=True)
    elif content["action"] == "submit":
        submits += 1
        taken += [task["id"] for task in content["tasks"]]
        answer = {"content": {"tasks": [{"task": task["id"]} for task in content["tasks"]]}}
        if "late" in content["tasks"][0]["description"]:
            continue
        if submits == 1:
            say(message, **answer)
        else:
            held.append((message, answer))
    elif content["action"] == "show":
        say(message, content={"task": content["task"], "state": "failed" if content["task"] == taken[0] else "pending"})
    elif content["action"] == "cancel":
        cancelled.append(content["task"])
        say(message, content={"done": True})
    elif content["action"] == "cancelled":
        say(message, content=cancelled)
    elif content["action"] == "release":
        for one, answer in held:
            say(one, **answer)
        say(message, content=taken)
    else:
        say(message, content=taken)
"""


class OwnTasks(minds.MindsTest):
    def setUp(self):
        super().setUp()
        self.coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks", "--tries", "1")
        self.coordinator.wait_err("C001 ready")

    def say(self, text, user="ann"):
        return self.told("a", {"text": text, "user": user})

    def reply(self, text, user="ann"):
        return self.say(text, user)["reply"]

    def state(self, task):
        return self.told("svc:tasks", {"action": "show", "task": task})["state"]

    def tasks(self):
        return self.told("svc:tasks", {"action": "list", "max-results": 50})["tasks"]

    def planner(self, *skills, mind=None, **args):
        return self.agent("p", "planner", {"skills": list(skills), **args}, mind, ("--service", "planner"))

    def failing(self, service):
        """An executor that finds no tool for what it is asked."""
        self.agent("finder", "executor", more=("--service", service))

    def mute(self, service):
        """Takes what it is given, and never ends it."""
        self.agentd("--name", "mute", "--service", service, "--", "sleep", "600")

    def test_what_came_of_it(self):
        self.agent("worker", "echo", more=("--service", "general",))
        self.planner("general")
        self.agent("a", "assistant")
        turn = self.say("prepare the slides by Monday, urgent")
        self.assertGreater(turn["answer"]["plan"]["priority"], 4)
        self.assertIn("It is being done, in 1 step:", turn["reply"])
        for asked in "what is the status of the slides?", "what came of it?":  # of what he has asked for, what came of it
            minds.harness.wait_until(lambda: self.reply(asked).startswith("completed: prepare the slides, Monday"), "the result", 60)
        self.assertRegex(self.reply("what came of the slides?"), r"^completed: .* \(do-[0-9a-f]+\)\n.*slides")
        task = turn["answer"]["tasks"][0]["task"]
        self.assertTrue(self.reply(f"status of {task}", "bob").startswith("completed: "))  # by its id, anybody's
        for asked in "are my slides ready?", "how's it going with the slides?", "are the slides done?", "is it done?", "who is working on my slides?":
            self.assertTrue(self.reply(asked).startswith("completed: prepare the slides"), asked)
        self.assertEqual(self.say("is the harbour ready?")["action"], "query")
        far = self.say("how far is the moon from the earth?")  # of no task of hers
        self.assertEqual((far["action"], far["asked"]["query"]), ("query", "how far is the moon from the earth?"))

    def test_others_tasks_are_shown_to_who_asks_for_all(self):
        self.planner("general")
        self.agent("a", "assistant")
        slides = self.say("prepare the slides")["answer"]["tasks"][0]["task"]
        for asked in "what is the status of the slides?", "list my tasks", "status":
            self.assertTrue(self.reply(asked, "bob").startswith("You have asked me for no task yet."), asked)
        coffee = self.say("prepare the coffee", "bob")["answer"]["tasks"][0]["task"]
        self.assertEqual(self.reply("what is the status of the slides?", "bob"),
                         f'None of your tasks is about "the slides". Open are:\n- prepare the coffee: pending ({coffee})')
        for asked in "list my tasks", "which tasks do I have?", "status":
            self.assertEqual(self.reply(asked), f"Your tasks:\n- prepare the slides: pending ({slides})")
        for asked in "list all tasks", "what is the status of the tasks?":
            reply = self.reply(asked)
            self.assertTrue(reply.startswith("The last tasks of all:"))
            self.assertTrue(slides in reply and coffee in reply)
        self.assertEqual(self.reply("cancel it"), "Cancelled: prepare the slides")  # and not all that were listed
        self.assertEqual(self.state(coffee), "pending")
        self.assertEqual(self.reply("what is the status of the moon?"), 'None of your tasks is about "the moon", and none is open.')

    def test_tasks_are_cancelled_by_their_words(self):
        """Those that the same user has asked for, and nobody else's."""
        self.planner("general")  # nobody has that skill: what is submitted waits
        self.agent("a", "assistant")
        made = [self.say(f"prepare the {what} by Monday")["answer"]["tasks"][0]["task"] for what in ("slides", "coffee", "room")]
        self.assertIn("You have asked me for no task", self.reply("cancel the last task", "bob"))
        for other in "cancel the meeting with Bob by Monday evening", "cancel my subscription":
            self.assertRegex(self.reply(other), r"^None of your tasks is about .*\n- prepare the slides.*\n- prepare the coffee.*\n- prepare the room")
        self.assertEqual(self.reply("please don't do the slides"), "Cancelled: prepare the slides, Monday")
        self.assertEqual([self.state(task) for task in made], ["cancelled", "pending", "pending"])
        self.assertRegex(self.reply("cancel the prepare"), r"^Which one\?.*\n- prepare the coffee[^\n]*\n- prepare the room[^\n]*$")  # what is open
        self.assertEqual(self.reply("cancel the slides"), "It has ended already: prepare the slides, Monday (cancelled).")
        self.assertEqual(self.reply(f"cancel {made[1]}"), "Cancelled: prepare the coffee, Monday")  # by the id that was listed
        self.assertEqual(self.reply("cancel the prepare"), "Cancelled: prepare the room, Monday")
        self.assertEqual(self.reply("cancel the last task"), "It has ended already: prepare the room, Monday (cancelled).")
        self.assertEqual(self.reply("cancel all tasks"), "There is nothing to cancel: all of your tasks have ended already.")
        made = [self.say(f"prepare the {what}")["answer"]["tasks"][0]["task"] for what in ("list of task owners", "website")]
        self.assertEqual(self.reply("cancel all tasks"), "Cancelled: prepare the list of task owners; prepare the website")
        self.assertEqual([self.state(task) for task in made], ["cancelled"] * 2)
        self.say("prepare the talk")
        self.coordinator.stop()
        self.assertRegex(self.reply("cancel the talk"), "^That did not work: svc:tasks ")

    def test_what_is_done_in_another_way_is_the_same_task(self):
        self.failing("search")
        self.mute("general")
        self.planner("search", "write", "general")
        self.agent("a", "assistant")
        first = {task["task"] for task in self.say("write a report about the harbour")["answer"]["tasks"]}
        minds.harness.wait_until(lambda: len(self.tasks()) == 4 and any(t["state"] in ("assigned", "in_progress") for t in self.tasks()), "another way", 30)
        reply = self.reply("what came of the report?")
        self.assertRegex(reply, r"^(assigned|in progress): write a report about the harbour \(0 of 2 steps done\)\n- .*, by mute\n- pending: ")
        self.assertFalse([task for task in first if task in reply], reply)
        self.assertEqual(self.reply("cancel the report"), "Cancelled: write a report about the harbour")
        self.assertEqual({task["state"] for task in self.tasks()}, {"failed", "cancelled"})
        self.assertEqual(self.told("p", {"action": "watched"}), {})
        self.assertRegex(self.reply("what came of the report?"), r"^cancelled: write a report about the harbour \(0 of 2 steps done\)")

    def test_the_steps_that_are_done_are_told(self):
        self.agent("worker", "echo", more=("--service", "search",))
        self.mute("write")
        self.planner("search", "write")
        self.agent("a", "assistant")
        self.say("write a report about the harbour")
        told = r"^(assigned|in progress): write a report about the harbour \(1 of 2 steps done\)\n- completed: .*\n- (assigned|in progress): .*, by mute$"
        minds.harness.wait_until(lambda: re.match(told, self.reply("how far is the report?")), "the second step", 30)
        self.assertRegex(self.reply("list my tasks"), r"^Your tasks:\n- write a report about the harbour: (assigned|in progress), 1 of 2 steps done \(write-[0-9a-f]+\)$")

    def test_of_what_is_done_the_result_is_told(self):
        self.agent("worker", "echo", more=("--service", "search", "--service", "write"))
        self.planner("search", "write")
        self.agent("a", "assistant")
        self.say("I need a report about the harbour")
        minds.harness.wait_until(lambda: self.reply("is it done?").startswith("completed: report about the harbour (2 of 2 steps done)\nWrite a report"), "the result", 30)

    def test_what_is_planned_anew_meanwhile_is_cancelled_too(self):
        """The model thinks of another way while the user has it cancelled: nothing more is submitted."""
        thought = threading.Event()
        way = lambda skill: model.chat(json.dumps({"task": "t", "priority": 5, "subtasks": [
            {"id": "x", "description": "look for whales", "skills": [skill], "needs": []}]}))

        async def held(request, writer):
            while not thought.is_set():
                await asyncio.sleep(0.02)
            return await way("general")(request, writer)
        server = self.server()
        server.does(way("search"))
        server.usual = held
        limits = {"limits": {name: "100s" for name in ("connect", "first-byte", "idle", "total")}}
        self.failing("search")
        self.planner("search", "general", mind={"base-url": server.url, "model": "m", **model.QUICK, **limits})
        self.agent("a", "assistant")
        self.say("prepare the whales")
        minds.harness.wait_until(lambda: len(server.requests) == 2, "the planner to think again", 30)
        self.assertRegex(self.reply("what came of the whales?"), "^being planned anew: prepare the whales ")
        self.assertEqual(self.reply("cancel the whales"), "Cancelled: prepare the whales")
        thought.set()
        self.told("p", "look for more")  # its answer comes behind the other one
        self.assertEqual([task["state"] for task in self.tasks()], ["failed"])
        self.assertEqual(self.told("p", {"action": "watched"}), {})

    def test_a_planner_that_is_gone_or_does_not_answer(self):
        planner = self.planner("general")
        self.agent("a", "assistant")
        self.say("prepare the slides")
        self.say("prepare the coffee")
        planner.stop()
        self.assertRegex(self.reply("what is the status of the slides?"), "^pending: prepare the slides ")
        self.assertEqual(self.reply("cancel the slides"), "Cancelled: prepare the slides. But svc:planner could not be told, and may have it done in another way.")
        planner = self.planner("general")  # which knows nothing of it
        self.assertEqual(self.reply("cancel the coffee"), "Cancelled: prepare the coffee")
        other = self.say("prepare the room", "bob")["answer"]["tasks"][0]["task"]
        planner.process.send_signal(signal.SIGSTOP)
        turn = self.say(f"cancel {other}")  # none of hers
        planner.process.send_signal(signal.SIGCONT)
        self.assertEqual(turn["to"], "svc:tasks")
        self.assertFalse({"plans", "to-cancel", "untold", "cancelling", "unfit", "mute"} & set(turn), "what was known on the way stays out")
        self.assertEqual({task["state"] for task in self.tasks()}, {"cancelled"})


class Stopped(minds.MindsTest):
    def test_who_stops_a_plan_is_told_all_its_tasks(self):
        """Its replacement is on its way to the coordinator, which has not said yet that it takes it."""
        self.agentd("--name", "desk", "--args", '{"in_flight": 8}', "--", "python3", self.write("desk.py", DESK))
        self.agent("p", "planner", {"skills": ["search", "write", "general"], "tasks": "desk", "look-ms": 100})
        mark = self.told("p", {"action": "submit", "text": "write a report on whales"})["watched"]
        known = lambda: self.told("p", {"action": "watched", "plans": [mark, "plan-unknown"]})
        minds.harness.wait_until(lambda: known()[mark]["plan"].get("replans") == 1, "another way", 30)
        asked = self.spawn_verb("ask", "p", json.dumps({"action": "stop", "plan": mark}), "-o", "json", "--timeout", "60s")
        minds.harness.wait_until(lambda: known()[mark].get("stopping"), "it is being stopped", 30)
        self.assertIsNone(asked.process.poll())
        taken = self.told("desk", {"action": "release"})
        done = asked.wait(60)
        told = json.loads(done.out)
        self.assertEqual((told["mark"], told["state"]), (mark, "stopped"))
        self.assertEqual([subtask["task"] for subtask in told["plan"]["subtasks"]], taken[-2:])
        self.assertEqual((self.told("p", {"action": "watched"}), known()[mark]["state"]), ({}, "stopped"))
        self.assertEqual(self.told("p", {"action": "stop", "plan": mark})["state"], "stopped")  # as often as one likes
        self.assertEqual(self.told("desk", {"action": "taken"}), taken)
        for wrong, why in ({"plan": "plan-unknown"}, "not-registered"), ({}, "plan: expected the mark of a plan"):
            done = self.run_verb("ask", "p", json.dumps({"action": "stop", **wrong}))
            self.assertEqual((done.code, why in done.out + done.err), (3, True), done)

    def test_what_is_not_said_to_be_taken_is_taken_back(self):
        """Who asked is told that it did not work: so it is not to be done later."""
        self.agentd("--name", "desk", "--args", '{"in_flight": 8}', "--", "python3", self.write("desk.py", DESK))
        self.agent("p", "planner", {"skills": ["general"], "tasks": "desk"}, more=("--service", "planner"))
        self.agent("a", "assistant")
        self.assertEqual(self.ask("a", "prepare the late slides", "--timeout", "60s")["reply"], "That did not work: svc:planner, or whom it asked, did not answer in time.")
        taken = self.told("desk", {"action": "taken"})
        self.assertEqual(len(taken), 1)
        minds.harness.wait_until(lambda: self.told("desk", {"action": "cancelled"}) == taken, "it is taken back", 30)


if __name__ == "__main__":
    minds.harness.main()
