#!/usr/bin/env python3
"""What docs/operations.md says of backups: a copy of a fleet's state is all that it takes to have the fleet again, on another place too."""
import pathlib
import shutil

import fleet
import harness

TEXT = fleet.BROKER.replace("{", "{journal: true, ", 1) + """secure: true
coordinator: {}
knowledge: {}
agents:
  - {name: echo, behaviour: echo, services: [work]}
  - {name: clerk, behaviour: echo, durable: true}
"""


class Backup(fleet.FleetTest):
    def documents(self):
        return [pathlib.Path(row["id"]).name for row in self.ok("kb", "search", "lighthouse", "-o", "json").json()]

    def replayed(self):
        return self.ok("replay", "news", "-o", "json").out.count("lighthouse news")

    def waiting(self):
        return {row["name"].split("@")[0]: row["queued"] for row in self.ok("mailbox", "ls", "-o", "json").json()}

    def fill(self):
        """Something in each place where something is kept; more of it comes after the copy."""
        self.ok("stream", "add", "news", "news.>")
        self.ok("pub", "news.a", "lighthouse news")
        note = pathlib.Path(self.directory) / "note.txt"
        note.write_text("The lighthouse stands on a rock.\n")
        self.ok("kb", "add", note)
        self.ok("task", "submit", "--skill", "nobody-has-it", "later")
        self.ok("suspend", "clerk")
        self.ok("send", "clerk", "inform", "waits")
        harness.wait_until(lambda: self.replayed() == 1 and self.documents(), "all of it to be there")
        self.assertEqual(self.waiting()["clerk"], 1)

    def check(self):
        self.assertEqual(self.documents(), ["note.txt"])
        self.assertEqual(self.replayed(), 1)
        task, = self.ok("task", "ls", "-o", "json").json()
        self.assertEqual(task["state"], "pending")

    def test_a_copy_of_the_state_is_the_fleet(self):
        self.up_detached(text=TEXT)
        self.fill()
        self.ok("down")
        self.assert_nothing_left()
        state, copy = pathlib.Path(self.directory) / ".troupe", pathlib.Path(self.directory) / "copy"
        shutil.copytree(state, copy, symlinks=True)
        keys = sorted(path.read_bytes() for path in (copy / "trio" / "certs" / "secret").iterdir())
        # What comes now is not in the copy, and the machine is lost.
        self.up_detached(text=TEXT)
        self.ok("pub", "news.a", "lighthouse news")
        self.ok("task", "submit", "--skill", "nobody-has-it", "lost")
        self.ok("down")
        self.assert_nothing_left()
        shutil.rmtree(state)
        copy.rename(state)
        self.up_detached(text=TEXT)
        self.check()
        self.assertEqual(sorted(path.read_bytes() for path in (state / "trio" / "certs" / "secret").iterdir()), keys)
        self.assert_answers("echo")
        harness.wait_until(lambda: self.waiting().get("clerk", 0) == 0, "the clerk, who is active again, to get what waited")
        self.ok("down")


if __name__ == "__main__":
    harness.main()
