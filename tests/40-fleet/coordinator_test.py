#!/usr/bin/env python3
"""A fleet with a coordinator: tasks and decisions of the fleet, there again after down and up, with and without certificates."""
import pathlib

import fleet
import harness

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/decide.yaml"
TEXT = fleet.BROKER + """coordinator: {options: {tries: 7}}
agents:
  - {name: echo, behaviour: echo, services: [work]}
  - {name: ann, behaviour: voter, services: [voter], args: {profile: "cheap and simple"}}
"""


class Coordinator(fleet.FleetTest):
    def call(self, *arguments, code=0):
        done = self.troupe(*arguments)
        self.assertEqual(done.code, code, done)
        return done

    def use(self):
        self.assertEqual(self.rows()["coordinator"]["state"], "running")
        self.assertEqual(self.call("task", "submit", "--skill", "work", "--wait", "7").out, "7\n")
        told = self.call("decide", "Which?", "-p", "cheap", "-p", "strong", "-o", "json").json()
        self.assertEqual(told["winner"], "cheap")

    def test_it_comes_and_goes_with_its_fleet(self):
        self.up_detached(text=TEXT)
        self.use()
        self.call("down", "trio")
        self.assert_nothing_left()
        self.up_detached(text=TEXT)
        task, = self.call("task", "ls", "-o", "json").json()
        shown = self.call("task", "show", task["task"], "-o", "json").json()
        self.assertEqual((shown["state"], shown["tries-max"], shown["result"]), ("completed", 7, "7"))
        self.assertEqual(len(self.call("votes", "ls", "-o", "json").json()), 1)
        self.call("down", "trio")
        self.assert_nothing_left()

    def test_in_a_secure_fleet(self):
        self.up_detached(text="secure: true\n" + TEXT)
        self.use()
        self.call("down", "trio")

    def test_what_is_wrong_is_told(self):
        done = self.refused("up", self.fleet_file(text=TEXT.replace("tries: 7", "tries: 700")), says="coordinator.options")
        self.assertIn("--tries: 700 is out of range", done.err)
        self.refused("up", self.fleet_file(text=TEXT.replace("echo, behaviour", "coordinator, behaviour")), says="is taken by agents")

    def test_the_example_decides(self):
        self.write("decide.yaml", EXAMPLE.read_text())
        self.call("up", "-d", "decide.yaml")
        done = self.call("decide", "Which licence?", "--option", "MIT: short, simple, free for companies", "--option", "GPL: share alike, copyleft")
        self.assertIn("MIT: short, simple, free for companies wins by plurality", done.err)
        self.call("down", "decide")


if __name__ == "__main__":
    harness.main()
