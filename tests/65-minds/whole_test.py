"""All of it at once, offline: an assistant in front, a planner, the coordinator, an executor with a knowledge base and a server of MCP whose tool a person has to
approve, a group that decides, and the built-in mind in each."""
import json
import pathlib
import sys

import minds
from minds import harness

SERVER = pathlib.Path(__file__).resolve().parents[1] / "68-tools/mcp_server.py"
DOCUMENTS = [{"id": "harbour", "title": "Of the harbour", "text": "The harbour opens at nine and closes at noon."},
             {"id": "bread", "title": "Of bread", "text": "Sourdough bread rises without yeast from a packet."}]


class Whole(minds.MindsTest):
    def setUp(self):
        super().setUp()
        self.log = pathlib.Path(self.directory) / "mcp.log"
        coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        coordinator.wait_err("C001 ready")
        kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", self.directory + "/kb", env={"TROUPE_EMBEDDINGS": "ngrams"})
        kbd.wait_err("K001 ready")
        self.told("svc:kb", {"action": "add", "namespace": "default", "documents": DOCUMENTS})
        tools = {"knowledge": {}, "board": {"kind": "mcp", "command": [sys.executable, str(SERVER), "--log", str(self.log)], "tools": ["echo"],
                                            "privileged": ["echo"], "description": "Says a text again on the board.", "approval-time": "10m"}}
        self.agent("hands", "executor", {"time-ms": 600000}, more=("--service", "general", "--service", "search", "--tools", json.dumps(tools)))
        self.agent("p", "planner", {"skills": ["general", "search"]}, more=("--service", "planner"))
        self.agent("v", "voter", {"profile": "tea with milk"}, more=("--service", "voter"))
        self.agent("assistant", "assistant")

    def say(self, text):
        return self.told("assistant", {"text": text, "user": "ann"})

    def state(self, task):
        return self.run_verb("task", "show", task, "-o", "json").json()

    def calls(self):
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [json.loads(line)["params"]["arguments"] for line in lines if '"tools/call"' in line]

    def test_from_a_sentence_to_what_a_person_approved(self):
        self.assertIn("The harbour opens at nine", self.say("search for the harbour")["reply"])

        turn = self.say('create a task to search the knowledge base for the harbour, then echo "the harbour is open"')
        self.assertEqual(turn["to"], "svc:planner", turn)
        tasks = [task["task"] for task in turn["answer"]["tasks"]]

        def pending():
            return self.run_verb("approvals", "ls", "--state", "pending", "-o", "json").json()
        harness.wait_until(pending, "a person is asked", 60)
        approval, = pending()
        self.assertEqual((approval["tool"], json.loads(approval["arguments"])), ("board_echo", {"text": "the harbour is open"}))
        self.assertEqual(self.calls(), [], "nothing is done before")
        self.assertIn("in_progress: ", self.say("what is the status of the tasks?")["reply"])
        self.assertEqual(self.run_verb("approvals", "grant", approval["approval"]).code, 0)
        harness.wait_until(lambda: all(self.state(task)["state"] == "completed" for task in tasks), "all is done", 60)

        self.assertEqual(self.calls(), [{"text": "the harbour is open"}], "once")
        results = [self.state(task)["result"] for task in tasks]
        self.assertIn("The harbour opens at nine", results[0]["text"])
        self.assertEqual([evidence["tool"] for result in results for evidence in result["evidence"]], ["knowledge", "board_echo"])
        self.assertEqual(self.say("what is the status of the tasks?")["reply"].count("completed: "), len(tasks))

        decision = self.say("decide between tea and coffee")["answer"]["decision"]
        harness.wait_until(lambda: self.run_verb("votes", "show", decision, "-o", "json").json()["state"] == "decided", "it is decided", 60)
        shown = self.run_verb("votes", "show", decision, "-o", "json").json()
        self.assertEqual((shown["winner"], shown["votes"][0]["reason"]), ("tea", 'it has "tea" in common with my profile'))


if __name__ == "__main__":
    minds.harness.main()
