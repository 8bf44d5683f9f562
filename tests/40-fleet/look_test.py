"""What logs and doctor show of a fleet."""
import os
import pathlib
import pty
import select
import signal

import fleet
import harness


class Logs(fleet.FleetTest):
    def log(self, name, text, mode="w", fleet_name="trio"):
        path = pathlib.Path(self.directory) / ".troupe" / fleet_name / "logs" / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode) as file:
            file.write(text)
        return path

    def test_of_a_running_fleet(self):
        self.up_detached()
        done = self.ok("logs", "echo-2")
        self.assertRegex(done.out, r"A001 .*registered")
        self.assertEqual((done.err, "|" in done.out.splitlines()[0].split("A001")[0]), ("", False))
        lines = self.ok("logs").out.splitlines()
        for name in "broker", "echo-1", "echo-2", "echo-3", "solo", "up":
            self.assertTrue(any(line.startswith(f"{name:6} | ") for line in lines), name)
        self.assertEqual({row["agent"] for row in self.ok("logs", "echo", "-o", "json").lines()}, {"echo-1", "echo-2", "echo-3"})
        self.refused("logs", "eco-2", code=3, says='fleet "trio" has no log of "eco-2"; did you mean "echo-2"?')
        self.refused("logs", "../../fleet", code=3, says="has no log of")

    def test_of_the_last_fleet(self):
        self.refused("logs", "--state", self.directory, code=2, says="no fleet runs here")
        self.log("a", "old\n", fleet_name="before")
        os.utime(self.log("a", "old\n", fleet_name="before"), (1, 1))
        self.log("a", "1\n2\n3")
        done = self.ok("logs", "a", "--lines", "2")
        self.assertEqual(done.out, "2\n3\n")
        self.assertIn('fleet "trio" does not run; this is what it left', done.err)
        self.assertEqual(self.ok("logs", "a", "--fleet", "before").out, "old\n")
        self.refused("logs", "--fleet", "never", code=2, says='no fleet "never" runs here')
        self.assertEqual(self.ok("logs", "-o", "name").out, "a\n")

    def test_lines_and_forms(self):
        self.log("a", "one\n\x1b[31mred\x1b[0m \xff\n")
        self.log("long-name", "".join(f"{i}\n" for i in range(30)))
        done = self.ok("logs", "-n", "1")
        self.assertEqual(done.out, "a         | \x1b[31mred\x1b[0m \xff\nlong-name | 29\n")
        self.assertEqual(len(self.ok("logs", "long-name").out.splitlines()), 20)
        rows = self.ok("logs", "long-name", "a", "-n", "1", "-o", "json").lines()
        self.assertEqual(rows[1], {"agent": "long-name", "line": "29"})
        self.assertEqual(rows[0]["agent"], "a")
        self.assertEqual(self.ok("logs", "long-name", "-n", "0").out, "")

    def on_terminal(self, *arguments):
        leader, follower = pty.openpty()
        try:
            child = self.keep(harness.Child("troupe", arguments, self.directory,
                                            harness.environment(NO_COLOR="", TERM="xterm"), stdout=follower))
            self.assertEqual(child.wait().code, 0)
            text = b""
            while select.select([leader], [], [], 0)[0]:
                text += os.read(leader, 65536)
            return text.decode()
        finally:
            os.close(leader)
            os.close(follower)

    def test_on_a_terminal(self):
        self.log("a", "\x1b]0;title\x07 x\n")
        self.log("b", "y\n")
        text = self.on_terminal("logs")
        self.assertIn(" |\x1b[0m ?]0;title? x\r\n", text)
        colours = [line.split("|")[0] for line in text.splitlines()]
        self.assertEqual(len(set(colours)), 2)
        self.log("c", "z\n")
        self.assertEqual([line.split("|")[0] for line in self.on_terminal("logs").splitlines()][:2], colours)
        self.assertEqual(self.on_terminal("logs", "b"), "y\r\n")

    def follow(self, *arguments):
        child = self.spawn("troupe", "logs", "-f", *arguments)
        def wait(text):
            harness.wait_until(lambda: text in child.out, f"{text!r} of logs -f; there is {child.out!r}")
        return child, wait

    def test_follow(self):
        self.log("a", "first\n")
        child, wait = self.follow("-n", "5")
        wait("a | first\n")
        self.log("a", "second\nhalf", "a")
        wait("a | second\n")
        self.assertNotIn("half", child.out)
        self.log("b", "of a new one\n")
        wait("b | of a new one\n")
        # emptied as the supervisor does it
        path = self.log("a", " a line\nbefore\n", "a")
        pathlib.Path(f"{path}.1").write_text(path.read_text())
        os.truncate(path, 0)
        self.log("a", "after\n", "a")
        wait("a | after\n")
        wait("a | half a line\na | before\na | after\n")
        done = child.stop(signal.SIGINT)
        self.assertEqual(done.code, 0, done)
        self.assertEqual(done.out.count("before"), 1, done)

    def test_follow_objects_until_the_end(self):
        self.log("a", "first\nlast without an end")
        child, wait = self.follow("a", "-o", "json")
        wait("first")
        done = child.stop(signal.SIGTERM)
        self.assertEqual(done.code, 0)
        self.assertEqual([row["line"] for row in done.lines()], ["first", "last without an end"])

    def test_follow_a_fleet_that_grows(self):
        self.up_detached()
        child, wait = self.follow()
        wait("solo   | ")
        self.ok("attach", "later", "--behaviour", "echo")
        wait("later  | ")
        self.assertEqual(child.stop(signal.SIGINT).code, 0)


class OutOfReach(fleet.FleetTest):
    """A process that is stopped runs for its supervisor and is gone for its broker."""

    def stop(self, name):
        pid = self.rows()[name]["pid"]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(self.go_on, pid)
        return pid

    def go_on(self, pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def top(self):
        agents = self.ok("top", "-o", "json", "--count", "1").json()["agents"]
        return {agent["name"].split("@")[0]: agent["state"] for agent in agents}

    def test_a_stopped_process_is_lost_and_comes_back(self):
        self.up_detached(text=fleet.ECHO + "  - {name: many, behaviour: echo, count: 5, processes: one}\n")
        pids = {name: self.stop(name) for name in ("echo-2", "many")}
        for name, pid in pids.items():
            row = self.wait_row(name, lambda r: r["state"] == "lost", f"{name} to be lost")
            self.assertEqual((row["pid"], row["restarts"], row["queued"]), (pid, 0, None))
            self.assertIn("the broker has given it up", row["reason"])
        self.assertEqual(self.rows()["echo-1"]["state"], "running")
        shown = self.top()
        self.assertEqual((shown["echo-2"], shown["many"], shown["echo-1"]), ("lost", "lost", "active"))
        self.assertNotIn("broker", shown)
        first = self.ok("top", "--count", "1").out.split("AGENT")[1].splitlines()[1]
        self.assertRegex(first, r"^echo-2 +lost ")
        done = self.troupe("doctor", "-o", "json")
        self.assertEqual(done.code, 3, done)
        row = [row for row in done.json() if row["check"] == "processes"][0]
        self.assertEqual((row["result"], row["found"]),
                         ("fail", f"trio: run, but the broker has given them up: echo-2 (pid {pids['echo-2']}), many (pid {pids['many']})"))
        for name, pid in pids.items():
            self.go_on(pid)
            self.wait_row(name, lambda r: r["state"] == "running", f"{name} to be back")
        self.assert_answers("echo-2")

    def test_a_silent_process_is_unreachable_until_the_lease_is_over(self):
        options = fleet.ECHO.replace("broker: {", "broker: {options: {heartbeat: 50ms, lease: 10m}, ")
        self.up_detached(text=options)
        pid = self.stop("solo")
        self.wait_row("solo", lambda r: r["state"] == "unreachable", "solo to be unreachable")
        self.assertEqual(self.top()["solo"], "unreachable")
        done = self.ok("doctor", "-o", "json")
        rows = [row for row in done.json() if row["check"] == "agents"]
        self.assertEqual(rows[0]["result"], "warn", done)
        self.assertIn("solo@trio (silent for", rows[0]["found"])
        self.go_on(pid)
        self.wait_row("solo", lambda r: r["state"] == "running", "solo to be back")


class Doctor(fleet.FleetTest):
    def findings(self, done):
        found = {}
        for row in done.json():
            found.setdefault(row["check"], []).append(row)
        return found

    def test_of_a_fleet(self):
        self.up_detached()
        done = self.ok("doctor", "-o", "json")
        found = self.findings(done)
        self.assertRegex(found["fleets"][0]["found"], rf"^trio runs for .*: supervisor pid {self.state()['pid']}, broker tcp://")
        self.assertEqual(found["processes"][0]["found"], "trio: 5, all running")
        self.assertEqual(found["agents"][0]["found"], "trio: 5, all active")
        self.assertEqual(found["stream"][0]["result"], "ok")

    def test_of_several_fleets(self):
        self.up_detached()
        self.up_detached(name="duo")
        found = self.findings(self.ok("doctor", "-o", "json"))
        self.assertEqual([row["found"].split(":")[0] for row in found["broker"]], ["duo", "trio"])
        self.assertEqual(len(self.findings(self.ok("doctor", "--fleet", "duo", "-o", "json"))["broker"]), 1)

    def test_a_process_that_failed(self):
        self.up(text=fleet.BROKER + "agents:\n  - {name: weak, behaviour: echo, restart: {intensity: 0}}\n")
        os.kill(self.rows()["weak"]["pid"], signal.SIGKILL)
        self.wait_row("weak", lambda r: r["state"] == "failed", "weak to fail")
        done = self.troupe("doctor", "-o", "json")
        self.assertEqual(done.code, 3, done)
        row = self.findings(done)["processes"][0]
        self.assertEqual(row["result"], "fail")
        self.assertIn("failed for good: weak (", row["found"])
        why = self.ok("why", "weak", "-o", "json").json()[0]  # its supervisor knows, whether or not the broker waits for it
        self.assertEqual(why["supervisor"]["state"], "failed")
        self.assertIn("its process is failed, last: killed by signal 9", why["because"])
        self.assertIn("restarts:", self.ok("why", "weak").out)

    def test_a_supervisor_that_died(self):
        self.up_detached()
        pid = self.state()["pid"]
        os.kill(pid, signal.SIGKILL)
        self.assert_nothing_left()
        found = self.findings(self.troupe("doctor", "-o", "json"))
        self.assertEqual(found["fleets"][-1]["result"], "warn")
        self.assertIn(f"trio: its supervisor (pid {pid}) has died", found["fleets"][-1]["found"])


if __name__ == "__main__":
    harness.main()
