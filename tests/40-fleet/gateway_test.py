#!/usr/bin/env python3
"""A fleet with a gateway: it comes and goes with the fleet, and what is wrong with its options is told."""
import json
import re
import urllib.request

import fleet
import harness

TEXT = fleet.BROKER + """gateway: {options: {listen: "127.0.0.1:0"}}
agents:
  - {name: echo, behaviour: echo}
"""


class Gateway(fleet.FleetTest):
    def url(self):
        found = re.search(r"G001 ready url=(\S+)", self.troupe("logs", "gateway").out)
        return found and found.group(1)

    def test_it_serves_the_fleet(self):
        self.up_detached(text=TEXT)
        url = harness.wait_until(self.url, "its line in the log")
        with urllib.request.urlopen(url + "/api/v1/agents", timeout=20) as answer:
            names = [agent["name"].split("@")[0] for agent in json.load(answer)["agents"]]
        self.assertLessEqual({"echo", "gateway"}, set(names))

    def test_in_a_secure_fleet(self):
        self.up_detached(text="secure: true\n" + TEXT)
        url = harness.wait_until(self.url, "its line in the log")
        with urllib.request.urlopen(url + "/api/v1/topics", timeout=20) as answer:
            self.assertIn("topics", json.load(answer))

    def test_wrong_options_are_told(self):
        self.refused("up", self.fleet_file(text=TEXT.replace("options: {listen:", "options: {lisen:")), says="gateway.options")


if __name__ == "__main__":
    harness.main()
