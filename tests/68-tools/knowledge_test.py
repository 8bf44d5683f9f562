#!/usr/bin/env python3
"""The registry of tools in an agent, and the tool that asks a knowledge base."""
import json
import pathlib

import tools
from tools import harness


class Knowledge(tools.ToolsTest):
    def knowledge_base(self):
        env = {"TROUPE_CONNECT": self.at.endpoint, "TROUPE_EMBEDDINGS": "ngrams"}
        kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", str(pathlib.Path(self.directory) / "kb"), env=env)
        kbd.wait_err("K001 ready")
        self.ask("svc:kb", json.dumps({"action": "add", "namespace": "default", "documents": [
            {"id": "whales", "title": "Of whales", "text": "The blue whale is the largest animal that has ever lived."},
            {"id": "bread", "title": "Of bread", "text": "Sourdough bread rises without yeast from a packet."}]}))
        return kbd

    def test_passages_with_their_sources(self):
        self.knowledge_base()
        self.keeper({"knowledge": {}, "one": {"kind": "knowledge", "results": 1, "description": "Looks up one thing."}})
        found = self.data("knowledge", {"query": "largest whale"})
        self.assertIn("source: whales\ntitle: Of whales\n", found)
        self.assertIn("The blue whale is the largest animal", found)
        self.assertEqual(self.data("one", {"query": "largest whale"}).count("source: "), 1)
        listed = self.listed()
        self.assertEqual(listed["one"]["description"], "Looks up one thing.")
        self.assertEqual(listed["knowledge"]["parameters"]["required"], ["query"])

    def test_what_is_wrong_never_leaves_the_agent(self):
        self.keeper({"knowledge": {}})
        for arguments in ({}, {"query": 7}, {"query": "x", "results": 0}, {"query": "x", "other": 1}):
            said = self.said("knowledge", arguments)
            self.assertEqual(said["status"], "invalid", said)
        self.assertEqual(self.said("knowlege", {"query": "x"})["status"], "unknown")

    def test_an_instruction_names_a_tool(self):
        self.knowledge_base()
        self.keeper({"manual": {"kind": "knowledge"}})
        for beside in {"query": "largest whale"}, {"text": "largest whale"}:
            said = self.ask("keeper", json.dumps({"action": "manual", **beside}))
            self.assertEqual((said["tool"], said["status"]), ("manual", "ok"), said)
            self.assertIn("The blue whale is the largest animal", said["data-of-tool"])
        for beside in {}, {"text": "x", "other": 1}:
            self.assertEqual(self.ask("keeper", json.dumps({"action": "manual", **beside}))["status"], "invalid")
        done = self.run_verb("ask", "keeper", json.dumps({"action": "manuals", "text": "x"}))
        self.assertEqual((done.code, "NAME of a tool" in done.err), (3, True), done)
        self.agentd("--name", "helper", "--behaviour", "assistant", "--args", json.dumps({"actions": {"manual": "keeper"}}))
        turn = self.ask("helper", "manual: largest whale")
        self.assertEqual((turn["action"], turn["to"]), ("manual", "keeper"), turn)
        self.assertIn("The blue whale is the largest animal", turn["reply"])

    def test_no_knowledge_base(self):
        self.keeper({"knowledge": {}, "quick": {"kind": "knowledge", "service": "silent", "timeout": "200ms"}})
        said = self.said("knowledge", {"query": "x"})
        self.assertEqual(said["status"], "unavailable", said)
        self.assertIn("svc:kb", said["detail"])
        self.agentd("--name", "silent", "--behaviour", "relay", "--args", '{"to": "svc:nobody"}')
        said = self.said("quick", {"query": "x"})
        self.assertIn(said["status"], ("timed-out", "unavailable"), said)

    def test_a_privileged_tool_is_denied_where_nobody_can_approve(self):
        self.knowledge_base()
        self.keeper({"knowledge": {"privileged": True, "approval-time": "500ms"}})
        said = self.said("knowledge", {"query": "whale"})
        self.assertEqual(said["status"], "denied", said)
        self.assertIn("a person has to approve it", said["detail"])
        self.assertTrue(self.listed()["knowledge"]["privileged"])

    def test_the_answer_is_bounded(self):
        self.knowledge_base()
        self.keeper({"knowledge": {"result-max": 40}})
        said = self.said("knowledge", {"query": "largest whale"})
        self.assertEqual((said["status"], len(said["data-of-tool"])), ("ok", 40), said)
        self.assertGreater(said["cut"], 40)

    def test_who_carries_tasks_out_has_them_too(self):
        self.write("a.yaml", "name: a\nbehaviour: executor\ntools: {knowledge: {}}\n")
        done = self.run_program("agentd", "--agent", "a.yaml", "--check")
        self.assertEqual(done.code, 0, done)

    def test_what_is_wrong_with_a_configuration_is_told_with_its_place(self):
        for config, says in (
                ("{knowlege: {}}", "a.yaml:3:19: tools.knowlege: unknown kind \"knowlege\", did you mean \"knowledge\"?"),
                ("\n  knowledge: {results: 500}", "a.yaml:4:24: tools.knowledge.results: expected"),
                ("\n  knowledge: {resluts: 5}", "unknown key \"resluts\", did you mean \"results\"?"),
                ("\n  a b: {kind: knowledge}", "tools.a b: expected a name of 1 to 64 letters"),
                ("\n  knowledge: 7", "a.yaml:4:14: tools.knowledge: expected a mapping")):
            self.write("a.yaml", f"name: a\nbehaviour: toolkeeper\ntools: {config}\n")
            done = self.refused("--agent", "a.yaml")
            self.assertIn(says, done.err.replace('\\"', '"'))
        self.write("a.yaml", "name: a\nbehaviour: echo\ntools: {knowledge: {}}\n")
        self.refused("--agent", "a.yaml", says="a.yaml:3:8: tools: this behaviour uses no tools")
        self.write("a.yaml", "name: a\nbehaviour: toolkeeper\nargs: {tools: {}}\n")
        self.refused("--agent", "a.yaml", says="args.tools: expected beside `args`")


if __name__ == "__main__":
    harness.main()
