"""Supervisors of a fleet file, by real kills: who comes back with whom, and what happens when one gives up."""
import os
import pathlib
import signal

import fleet
import harness

AGENTS = fleet.BROKER + """agents:
  - {name: first, behaviour: echo}
  - {name: second, behaviour: echo, count: 2}
  - {name: third, behaviour: echo}
  - {name: free, behaviour: echo}
supervisors:
"""
ALL = ["first", "second-1", "second-2", "third", "free"]


class Supervisors(fleet.FleetTest):
    def supervised(self, text, *arguments):
        self.child = self.up(*arguments, text=AGENTS + text)
        return self.pids()

    def pids(self):
        return {name: row["pid"] for name, row in self.rows().items() if name in ALL}

    def kill_and_see(self, victim):
        """Kills it; who has another process when all run again."""
        before = self.pids()
        os.kill(before[victim], signal.SIGKILL)
        self.wait_row(victim, lambda r: r["state"] == "running" and r["pid"] != before[victim], f"{victim} to be back")

        def settled():
            rows = self.rows()
            return all(rows[n]["state"] == "running" for n in ALL) and rows
        harness.wait_until(settled, "all to run")
        after = self.pids()
        return [name for name in ALL if after[name] != before[name]]

    def test_each_strategy_brings_back_whom_it_should(self):
        for strategy, expected in (("one-for-one", ["second-1"]),
                                   ("rest-for-one", ["second-1", "second-2", "third"]),
                                   ("one-for-all", ["first", "second-1", "second-2", "third"])):
            with self.subTest(strategy):
                self.supervised(f"  - {{name: s, strategy: {strategy}, children: [first, second, third], backoff: 10ms}}\n")
                self.assertEqual(self.kill_and_see("second-1"), expected)
                if len(expected) > 1:
                    self.child.wait_err("third (pid ")
                for name in ALL:
                    self.assert_answers(name)
                self.assertEqual(self.child.stop().code, 0)
                self.assert_nothing_left()

    def test_who_joins_stands_beside_its_group(self):
        self.supervised("  - {name: s, strategy: rest-for-one, children: [first, second, third], backoff: 10ms}\n")
        self.ok("scale", "second=3")
        before = self.pids()
        os.kill(self.rows()["second-3"]["pid"], signal.SIGKILL)
        self.wait_row("third", lambda r: r["state"] == "running" and r["pid"] != before["third"], "third to be back with it")
        self.assertEqual({n: p for n, p in self.pids().items() if n != "third"}, {n: p for n, p in before.items() if n != "third"})
        self.ok("detach", "first")
        self.assertEqual(set(self.pids()), set(ALL) - {"first"})
        self.assertEqual(self.child.stop().code, 0)

    def test_one_that_gives_up_fails_for_the_one_above_and_the_last_ends_the_fleet(self):
        self.supervised("""  - {name: top, strategy: rest-for-one, children: [line, third], intensity: 1, backoff: 10ms}
  - {name: line, children: [first, second], intensity: 0}
""")
        before = self.pids()
        os.kill(before["first"], signal.SIGKILL)
        self.child.wait_err("the supervisor line gave up: first killed by signal 9 (SIGKILL), and 0 restarts within 30 s are its limit; "
                            "it fails for top")
        harness.wait_until(lambda: all(self.rows()[n]["state"] == "running" and self.pids()[n] != before[n] for n in ALL if n != "free"),
                           "all below top to be back")
        self.assertEqual(self.pids()["free"], before["free"])
        os.kill(self.pids()["second-2"], signal.SIGKILL)
        done = self.child.wait()
        self.assertEqual(done.code, 70, done)
        self.assertIn("the supervisor top gave up: second-2 killed by signal 9 (SIGKILL), and 1 restarts within 30 s are its limit; "
                      "the fleet ends", done.err)
        self.assertIn("U016", (pathlib.Path(self.directory) / ".troupe/trio/logs/up.log").read_text())
        self.assert_nothing_left()

    def test_one_that_hangs_comes_back_by_the_rule(self):
        moody = harness.program("tests/25-agentd/moody.so")
        self.child = self.up(text=fleet.BROKER + "agents:\n"
                             f"  - {{name: moody, load: {moody}, env: {{TROUPE_AGENTD_HANG_TIME: 100ms, TROUPE_AGENTD_HUNG_TIME: 1s}}}}\n"
                             "  - {name: with, behaviour: echo}\n"
                             "supervisors: [{name: s, strategy: one-for-all, children: [with, moody]}]\n")
        before = self.rows()["with"]["pid"]
        self.ok("send", "moody", "request", '{"hang": true}')
        self.child.wait_err("exited with 71 (a behaviour hung); starting it again")
        self.wait_row("with", lambda r: r["state"] == "running" and r["pid"] != before, "its sibling to be back with it")
        harness.wait_until(lambda: self.troupe("ask", "moody", "{}").code == 0, "moody to answer again")
        self.assertEqual(self.rows()["moody"]["last_exit"], "exited with 71 (a behaviour hung)")

    def test_a_wrong_tree_is_told_with_its_place(self):
        path = self.fleet_file(text=AGENTS + "  - {name: s, children: [frist]}\n")
        self.refused("up", path, says=':9:26: supervisors[0].children[0]: there is no agent or supervisor "frist", did you mean "first"?')


if __name__ == "__main__":
    harness.main()
