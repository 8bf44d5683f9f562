"""`troupe up` and `down`: a fleet comes up, says so, stays alone, and leaves nothing behind, however it ends."""
import os
import pathlib
import signal
import socket

import fleet
import harness


class Up(fleet.FleetTest):
    def test_in_the_foreground_until_ctrl_c(self):
        up = self.up()
        self.assertIn("broker ready at tcp://127.0.0.1:", up.err)
        self.assertIn("trio", up.out)
        self.assertEqual(set(self.rows()), {"broker", "echo-1", "echo-2", "echo-3", "solo", "fleet"})
        self.assert_answers("echo-2")
        up.send_signal(signal.SIGINT)
        done = up.wait()
        self.assertEqual(done.code, 0, done)
        self.assertIn("agents first, then the broker", done.err)
        self.assertIn("trio has ended", done.err)
        self.assert_nothing_left()
        self.refused("ps", "trio", code=2, says="no fleet \"trio\" runs here")

    def test_sigterm_ends_it_too(self):
        done = self.up().stop(signal.SIGTERM)
        self.assertEqual(done.code, 0, done)
        self.assert_nothing_left()

    def test_a_second_up_is_refused_with_pid_and_since_when(self):
        up = self.up()
        done = self.refused("up", self.fleet_file(), says="already runs")
        self.assertIn(f"supervisor pid {up.pid}, since 2", done.err)
        self.assert_answers("solo")

    def test_two_fleets_at_once(self):
        self.up_detached()
        self.up_detached(name="other")
        self.refused("down", code=1, says="several fleets run: other, trio")
        self.ok("down", "other")
        self.assert_answers("solo")
        self.ok("down")
        self.assert_nothing_left()

    def test_detached(self):
        done = self.up_detached("-o", "json")
        told, state = done.json()[0], self.state()
        self.assertEqual((told["fleet"], told["agents"]), ("trio", 4))
        self.assertEqual((told["pid"], told["endpoint"], told["stream"]), (state["pid"], state["listen"], state["stream"]))
        self.assertEqual(os.getsid(told["pid"]), told["pid"])
        self.assert_answers("echo-3")
        log = pathlib.Path(told["log"]).read_text()
        self.assertIn("U003 fleet ready agents=4", log)
        down = self.ok("down", "-o", "json").json()[0]
        self.assertEqual((down["fleet"], down["state"], down["pid"], down["how"]), ("trio", "ended", told["pid"], "asked"))
        self.assert_nothing_left()
        self.assertFalse((pathlib.Path(self.directory) / ".troupe/trio/fleet.json").exists())
        self.refused("down", code=2, says="no fleet runs here")

    def test_a_fleet_from_stdin(self):
        text = pathlib.Path(self.fleet_file()).read_text()
        self.ok("up", "--detach", "-", text=text)
        self.assert_answers("echo-1")
        self.assertEqual(self.state()["file"], "-")
        self.ok("down")

    def test_a_fleet_without_agents(self):
        self.up_detached(text=fleet.BROKER + "agents: []\n")
        self.assertEqual(set(self.rows()), {"broker", "fleet"})
        self.ok("down")


class DoesNotStart(fleet.FleetTest):
    def test_a_wrong_file_is_told_with_its_place(self):
        path = self.fleet_file(text="agents:\n  - {name: a, behavior: echo}\n")
        for more in [], ["--detach"]:
            done = self.refused("up", path, *more, says=":3:")
            self.assertIn("did you mean \"behaviour\"", done.err)
        self.refused("up", "nothing.yaml", says="nothing.yaml")

    def test_the_platforms_own_names_are_taken(self):
        path = self.fleet_file(text="agents:\n  - {name: fleet, behaviour: echo}\n")
        self.refused("up", path, says="the platform's own")

    def test_an_agent_that_cannot_start_is_told_with_the_end_of_its_log(self):
        text = fleet.ECHO + f"  - {{name: bad, load: {harness.program('tests/40-fleet/grumpy.so')}}}\n"
        for more in [], ["--detach"]:
            done = self.refused("up", self.fleet_file(text=text), *more, says="cannot start bad: exited with 3: cannot start the agent bad (grumpy)")
            self.assertNotIn("A012", done.err)
            self.assert_nothing_left()
            self.refused("ps", "trio", code=2)

    def test_late(self):
        done = self.refused("up", self.fleet_file(), "--timeout", "1ms", code=4, says="not registered: broker")
        self.assertIn("not ready within", done.err)
        self.assert_nothing_left()

    def test_a_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            text = fleet.ECHO.replace("tcp://127.0.0.1:0", f"tcp://127.0.0.1:{taken.getsockname()[1]}", 1)
            done = self.refused("up", self.fleet_file(text=text), says="cannot start broker")
            self.assertIn("in use", done.err)
            self.assert_nothing_left()

    def test_an_interrupted_start_in_the_background_leaves_nothing(self):
        text = fleet.BROKER + "agents:\n  - {name: many, behaviour: echo, count: 80}\n"
        child = self.spawn("troupe", "up", "--detach", self.fleet_file(text=text))
        child.wait_err("broker ready")
        self.assertEqual(child.stop(signal.SIGINT).code, -signal.SIGINT)
        self.assert_nothing_left()


class Checked(fleet.FleetTest):
    """What can be known before anything starts is told by `up` and `up --dry-run` alike: file, line, key, what was expected."""

    def told(self, text, *says, ways=([], ["--dry-run"])):
        path = self.fleet_file(text=text)
        for way in ways:
            done = self.refused("up", path, *way)
            for part in says:
                self.assertIn(part, done.err)
            self.assertTrue(done.err.startswith(f"troupe up: {path}:"), done.err)
            self.assertNotIn("broker ready", done.err)
        self.assert_nothing_left()

    def agent(self, keys, *says, **more):
        self.told("agents:\n  - name: fine\n    behaviour: echo\n  - name: a\n    " + keys + "\n", *says, **more)

    def test_behaviours(self):
        self.agent("behaviour: raeder", ':6:16: agents[1].behaviour: unknown behaviour "raeder", did you mean "reader"?',
                   ways=([], ["--dry-run"], ["--detach"]))
        self.agent("behaviour: nonsense", "the built-in ones are a2a-remote, assistant, composer, critic, dialogue, echo, editor, exec, executor, instruction, librarian, planner, reader, relay, senses, station, summariser, toolkeeper, voter")

    def test_shared_objects(self):
        self.agent("load: ./none.so", ":6:11: agents[1].load: ", "none.so: expected a shared object with a behaviour: No such file")
        self.write("text.so", "not a shared object, but long enough to have a header of one ..................\n")
        self.agent("load: text.so", "text.so: expected a shared object with a behaviour: invalid ELF header")
        self.agent(f"load: {harness.program('lib/libtroupe.so.0')}", "no function troupe_behaviour in it")
        self.agent(f"load: {harness.program('tests/40-fleet/crashing.so')}", "agents[1].load: cannot be checked: it ended with signal 6 (SIGABRT)")

    def test_programs(self):
        self.agent("exec:\n      command: [no-such-program, x]",
                   ':7:17: agents[1].exec.command[0]: expected a program that can be run, found "no-such-program": it is not in PATH')
        self.write("run.py", "#!/no/such/python\n")
        self.agent("exec: {command: ./run.py}", 'found "./run.py": it may not be executed (chmod +x)')
        os.chmod(pathlib.Path(self.directory) / "run.py", 0o700)
        self.agent("exec: {command: ./run.py}", 'a script for "/no/such/python": No such file or directory')

    def test_a_program_is_looked_up_as_the_agent_would(self):
        """In the directory of the file, with the environment of the entry."""
        bin_directory = pathlib.Path(self.directory) / "bin"
        bin_directory.mkdir()
        (bin_directory / "mine").symlink_to("/bin/cat")
        self.fleet_file(text='agents:\n  - {name: a, exec: {command: mine}, env: {PATH: "bin:/bin:/usr/bin"}}\n')
        child = self.keep(harness.Child("troupe", ["up", "-n", f"{self.directory}/trio.yaml"], "/", harness.environment()))
        self.assertEqual(child.wait().code, 0, child.err)
        self.agent("exec: {command: mine}", "it is not in PATH")

    def test_arguments(self):
        self.agent("behaviour: reader\n    args:\n      limit: 9\n      rot: /tmp",
                   ':9:12: agents[1].args.rot: unknown argument, did you mean "root"?')
        self.agent("behaviour: reader\n    args: {root: nowhere}", ":7:18: agents[1].args.root: expected a directory, found \"nowhere\"")
        self.agent("behaviour: relay", ':5:5: agents[1].args: missing key "to"')
        self.agent("exec: {command: cat}\n    args: {in_flight: many}", "agents[1].args.in_flight: expected a whole number from 1 to 1024")

    def test_options_of_the_broker(self):
        self.told("broker:\n  options: {mailbox-recrds: 9}\nagents: []\n",
                  ":3:29: broker.options.mailbox-recrds: unknown option --mailbox-recrds; did you mean --mailbox-records?")
        self.told("broker: {options: {lease: 1}}\nagents: []\n", 'broker.options.lease: "1" is not a duration')
        self.told("broker: {options: {lease: 200ms}}\nagents: []\n", "broker.options.lease: --lease must be longer than --heartbeat")
        self.told('broker: {listen: "tcp://0.0.0.0:0"}\nagents: []\n', ":2:18: broker.listen: tcp://0.0.0.0:0 would be open to everybody")

    def test_what_is_well(self):
        done = self.ok("up", "--dry-run", self.fleet_file(), "-o", "json")
        self.assertEqual([(row["name"], row["agents"]) for row in done.json()], [("broker", 0)] + [(f"echo-{i}", 1) for i in (1, 2, 3)] + [("solo", 1)])
        self.assertEqual(done.err, "")
        self.assertFalse((pathlib.Path(self.directory) / ".troupe").exists())


class Down(fleet.FleetTest):
    def test_a_supervisor_that_does_not_answer_is_signalled(self):
        self.up_detached()
        os.kill(self.state()["pid"], signal.SIGSTOP)
        done = self.ok("down", "-o", "json")
        self.assertEqual(done.json()[0]["how"], "signalled")
        self.assertIn("does not answer", done.err)
        self.assert_nothing_left()

    def test_a_killed_supervisor_takes_all_with_it(self):
        self.up_detached()
        os.kill(self.state()["pid"], signal.SIGKILL)
        self.assert_nothing_left()
        self.refused("ps", "trio", code=2, says="has died")
        self.up_detached()
        self.ok("down")

    BUSY = fleet.BROKER + f"agents:\n  - {{name: busy, load: {harness.program('tests/40-fleet/sleeper.so')}}}\n"

    def make_busy(self):
        self.ok("send", "busy", "request", "work")
        harness.wait_until((pathlib.Path(self.directory) / "working").exists, "the agent to work")

    def test_a_second_ctrl_c_kills(self):
        up = self.up("--grace", "600s", text=self.BUSY)
        self.make_busy()
        up.send_signal(signal.SIGINT)
        up.wait_err("Ctrl-C again")
        up.send_signal(signal.SIGINT)
        done = up.wait()
        self.assertIn("killing what still runs", done.err)
        self.assert_nothing_left()

    def test_down_kill_does_not_wait(self):
        self.up_detached("--grace", "600s", text=self.BUSY)
        self.make_busy()
        self.ok("down", "--kill")
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
