"""One agent, or many: from flags or from a file that describes it, what is checked before a broker is asked, and how it ends."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import agentd
import harness

MOODY = harness.program("tests/25-agentd/moody.so")
LIBRARY = harness.program("lib/libtroupe.so.0")  # a shared object, and no behaviour


class Described(agentd.AgentdTest):
    """--agent FILE|NAME."""

    def test_a_name(self):
        self.agentd("--agent", "echo-1", "--behaviour", "echo")
        self.assertEqual(self.ask("echo-1", "hello"), "hello")

    def test_a_yaml_file(self):
        self.write("clerk.yaml", "name: clerk\nbehaviour: echo\ncount: 3\nservices: [clerking=2]\nsubscribe: [news.>]\n")
        self.agentd("--agent", "clerk.yaml")
        self.assertEqual(self.ask("clerk-2", "hello"), "hello")
        self.assertEqual(self.ask("svc:clerking", "hello"), "hello")
        entry = self.ask("ams", '{"action": "search", "name": "clerk"}')["agents"][0]
        self.assertEqual((entry["count"], entry["behaviour"]), (3, "echo"))
        service = self.ask("ams", '{"action": "services"}')["services"][0]
        self.assertEqual((service["providers"], service["capacity"]), (3, 6))

    def test_a_json_file_whose_program_runs_beside_it_with_its_environment(self):
        home = pathlib.Path(self.directory) / "home"
        home.mkdir()
        (home / "who.py").write_text("import json, os, sys\nfor line in sys.stdin:\n"
                                     "    print(json.dumps({'content': [os.getcwd(), os.environ['WHO']]}), flush=True)\n")
        (home / "who.json").write_text(json.dumps({"name": "who", "exec": {"command": ["python3", "who.py"]}, "env": {"WHO": "me"}}))
        self.agentd("--agent", "home/who.json")
        self.assertEqual(self.ask("who", "?"), [os.path.realpath(home), "me"])

    def test_flags_win(self):
        self.write("clerk.yaml", "name: clerk\nbehaviour: relay\nargs: {to: nobody}\nservices: [a]\n")
        self.agentd("--agent", "clerk.yaml", "--name", "other", "--behaviour", "echo", "--args", "{}", "--service", "b")
        self.assertEqual(self.ask("svc:b", "hello"), "hello")
        self.assertEqual([s["service"] for s in self.ask("ams", '{"action": "services"}')["services"]], ["b"])

    def test_a_shared_object_beside_the_file_and_a_relative_socket(self):
        """Paths of the file begin at the file, those of the command line where it was typed."""
        home = pathlib.Path(self.directory) / "home"
        home.mkdir()
        shutil.copy(MOODY, home / "moody.so")
        (home / "moody.yaml").write_text("name: moody\nload: ./moody.so\n")
        self.broker("--platform", "local2", listen="ipc://here.sock")
        child = self.spawn("agentd", "--agent", "home/moody.yaml", "--connect", "ipc://here.sock")
        child.wait_err("A001 registered")
        done = self.troupe("ask", "moody", "{}", "--connect", f"ipc://{self.directory}/here.sock")
        self.assertEqual((done.code, done.out), (0, "1\n"), done)

    def test_what_is_wrong_is_told_with_its_place(self):
        for text, says in (
                ("name: a\nbehavior: echo\n", 'a.yaml:2:1: unknown key "behavior", did you mean "behaviour"?'),
                ("name: a\nbehaviour: eco\n", 'a.yaml:2:12: behaviour: unknown behaviour \\"eco\\", did you mean \\"echo\\"?'),
                ("name: a\nload: ./none.so\n", "a.yaml:2:7: load: ./none.so: expected a shared object with a behaviour: No such file"),
                ("name: a\nexec:\n  command: [no-such-thing]\n", "a.yaml:3:13: exec.command[0]: expected a program that can be run"),
                ("name: a\nbehaviour: reader\nargs: {limit: many}\n", "a.yaml:3:15: args.limit: expected a whole number"),
                ("name: a\nbehaviour: echo\ncount: 2\nprocesses: per-agent\n", "expected processes: one")):
            self.write("a.yaml", text)
            self.refused("--agent", "a.yaml", says=says)
        self.refused("--agent", "none.yaml", says="none.yaml: cannot read this description of an agent: No such file or directory")


class Checked(agentd.AgentdTest):
    """--check needs no broker and starts nothing."""

    def check(self, *arguments):
        return self.run_program("agentd", "--connect", "tcp://127.0.0.1:1", "--check", *arguments)

    def test_what_is_well(self):
        self.write("ran.sh", "#!/bin/sh\ntouch ran\n")
        os.chmod(pathlib.Path(self.directory) / "ran.sh", 0o700)
        for arguments in (["--behaviour", "echo"], ["--behaviour", "relay", "--args", '{"to": "svc:x"}'], ["--load", MOODY],
                          ["--", "./ran.sh", "--check"]):
            done = self.check("--name", "a", *arguments)
            self.assertEqual((done.code, done.out, done.err), (0, "", ""))
        self.assertFalse((pathlib.Path(self.directory) / "ran").exists())

    def test_what_is_not(self):
        self.write("text.so", "no shared object at all, but long enough to have a header of its own ......\n")
        for arguments, line in (
                (["-b", "editr"], 'behaviour: unknown behaviour "editr", did you mean "editor"?'),
                (["-b", "nonsense"], 'behaviour: unknown behaviour "nonsense"; the built-in ones are a2a-remote, assistant, composer, critic, dialogue, echo, editor, exec, executor, instruction, librarian, planner, reader, relay, senses, station, summariser, toolkeeper, voter'),
                (["-l", "text.so"], "load: text.so: expected a shared object with a behaviour: invalid ELF header"),
                (["-l", LIBRARY], f"load: {LIBRARY}: no function troupe_behaviour in it: end its source with "
                                   "TR_EXPORT_BEHAVIOUR(your_behaviour)"),
                (["-b", "relay"], 'args: missing key "to": expected NAME, NAME@PLATFORM or svc:NAME'),
                (["--exec-mode", "once", "--", "./text.so"],
                 'exec.command[0]: expected a program that can be run, found "./text.so": it may not be executed (chmod +x)'),
                (["-b", "exec", "--args", '{"command": "none"}'],
                 'args.command[0]: expected a program that can be run, found "none": it is not in PATH'),
                (["--args", '{"in_flight": 0}', "--", "cat"], "args.in_flight: expected a whole number from 1 to 1024, found 0")):
            done = self.check("--name", "a", *arguments)
            self.assertEqual((done.code, done.err), (3, ""), done)
            self.assertEqual(done.out, line + "\n")
        self.assertEqual(self.check("--behaviour", "echo").code, 1)

    def test_it_is_found_out_before_the_broker_is_asked(self):
        done = self.run_program("agentd", "--connect", "tcp://127.0.0.1:1", "--name", "a", "--behaviour", "eco")
        self.assertEqual(done.code, 3, done)
        self.assertIn("A012", done.err)


class Many(agentd.AgentdTest):
    def test_a_range_is_one_entry(self):
        self.agentd("--name", "crew", "--behaviour", "echo", "--count", "20000")
        answer = self.ask("ams", '{"action": "search"}')
        entries = {a["name"].split("@")[0]: a["count"] for a in answer["agents"] if not a["name"].startswith("cli-")}
        self.assertEqual(entries, {"crew": 20000})
        for number in 0, 777, 19999:
            self.assertEqual(self.ask(f"crew-{number}", str(number)), str(number))
        done = self.run_verb("ask", "crew-20000", "x")
        self.assertEqual((done.code, "not-found" in done.err), (3, True), done)


class Supervised(agentd.AgentdTest):
    def fail(self, name="moody"):
        self.assertEqual(self.run_verb("send", name, "request", '{"fail": true}').code, 0)

    def test_a_behaviour_that_fails_begins_again_with_fresh_state(self):
        agent = self.agentd("--name", "moody", "--load", MOODY, "--restart-backoff", "10ms")
        self.assertEqual([self.ask("moody", "{}") for _ in range(2)], [1, 2])
        self.fail()
        agent.wait_err("A008")
        self.assertEqual(self.ask("moody", "{}"), 1)

    def test_what_it_failed_with_is_in_the_log(self):
        agent = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "moody", "--load", MOODY, "--restart-backoff", "10ms", "--log-format", "json")
        agent.wait_err('"A001"')
        restarts = lambda: [one for one in map(json.loads, agent.err.splitlines()) if one["event"] == "A008"]
        done = self.run_verb("ask", "moody", '{"fail": true}', "--trace", "--timeout", "5s")
        harness.wait_until(restarts, "the first failure")
        self.assertEqual(restarts()[0]["trace"], re.search(r"troupe trace ([0-9a-f]{32})", done.err)[1])
        self.assertEqual(self.ask("moody", "{}"), 1)
        self.assertEqual(self.run_verb("send", "moody", "request", '{"fail": true}', "--conversation", "talk-7").code, 0)
        harness.wait_until(lambda: len(restarts()) == 2, "the second failure")
        self.assertEqual((restarts()[1].get("trace"), restarts()[1]["conversation"]), (None, "talk-7"))

    def test_the_stack_of_one_that_aborts_names_its_object(self):
        agent = self.agentd("--name", "moody", "--load", MOODY)
        self.assertEqual(self.run_verb("send", "moody", "request", '{"abort": true}').code, 0)
        self.assertEqual(agent.wait().code, -signal.SIGABRT)
        self.assertRegex(agent.err, r"X001 ended by a signal signal=ABRT stack=.*moody\.so\+0x[0-9a-f]+ ")

    def test_one_that_fails_too_often_ends_the_process(self):
        agent = self.agentd("--name", "moody", "--load", MOODY, "--restart-backoff", "1ms", "--restart-intensity", "2")
        for _ in range(3):
            self.fail()
        done = agent.wait()
        self.assertEqual(done.code, 70, done)
        self.assertIn("A009 gave up", done.err)

    def test_one_that_hangs_is_told_and_then_ends_the_process(self):
        agent = self.agentd("--name", "moody", "--load", MOODY, "--hang-time", "100ms", "--hung-time", "1s")
        self.assertEqual(self.ask("moody", "{}"), 1)
        self.assertEqual(self.run_verb("send", "moody", "request", '{"hang": true}').code, 0)
        agent.wait_err("A010 behaviour hangs")
        done = agent.wait()
        self.assertEqual(done.code, 71, done)
        self.assertIn("A014 behaviour hung agent=moody detail=\"moody has been busy with one message for 1", done.err)
        self.assertNotIn("A006", done.err)

    def test_one_that_hangs_is_told_with_its_trace(self):
        agent = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "moody", "--load", MOODY, "--hang-time", "100ms", "--hung-time", "1s",
                           "--log-format", "json", "--log-level", "debug")
        agent.wait_err('"A001"')
        done = self.run_verb("ask", "moody", '{"hang": true}', "--trace", "--timeout", "30s")
        trace = re.search(r"troupe trace ([0-9a-f]{32})", done.err)[1]
        self.assertEqual(agent.wait().code, 71)
        told = {one["event"]: one for one in map(json.loads, agent.err.splitlines()) if one["event"] in ("A010", "A014", "A031")}
        talk = told["A031"]["conversation"]
        self.assertTrue(talk)
        self.assertEqual({event: (one.get("trace"), one.get("conversation")) for event, one in told.items()},
                         dict.fromkeys(("A010", "A014", "A031"), (trace, talk)))

    def test_the_rule_of_a_file(self):
        self.write("never.yaml", f"name: moody\nload: {MOODY}\nrestart: {{policy: never}}\n")
        agent = self.agentd("--agent", "never.yaml")
        self.fail()
        self.assertEqual(agent.wait().code, 70)
        self.write("capped.yaml", f"name: moody\nload: {MOODY}\nrestart: {{intensity: 9, backoff: 1ms, max-backoff: 2ms}}\n")
        agent = self.agentd("--agent", "capped.yaml")
        for n in range(1, 6):
            self.fail()
            harness.wait_until(lambda n=n: agent.err.count("A008") == n, f"restart {n}")
        self.assertIn("begins again in 2 ms", agent.err)
        self.assertNotIn("begins again in 4 ms", agent.err)
        self.assertEqual(self.ask("moody", "{}"), 1)


class FewFiles(agentd.AgentdTest):
    """A limit of open files under which libzmq would end the process: told before it can."""

    def limited(self, name, *arguments):
        return self.run_program("/usr/bin/prlimit", "--nofile=12:12", harness.program(name), *arguments)

    def test_each_program_says_so(self):
        raising = subprocess.run(["/usr/bin/prlimit", "--nofile=12:12", sys.executable, "-c", "import resource; resource.setrlimit("
                                  "resource.RLIMIT_NOFILE, (64, 64))"], stderr=subprocess.DEVNULL, check=False)
        if raising.returncode == 0:
            self.skipTest("this user may raise its own hard limit")
        for done in (self.limited("broker", "--listen", "tcp://127.0.0.1:0", "--stream", "tcp://127.0.0.1:0", "--http", "none"),
                     self.limited("agentd", "--connect", self.at.endpoint, "--name", "a", "--behaviour", "echo"),
                     self.limited("troupe", "ask", "ams", "x", "--connect", self.at.endpoint)):
            self.assertEqual(done.code, 3, done)
            self.assertRegex(done.err, r"this process may open 12 files, \d\d are needed: raise the hard limit")


class Ends(agentd.AgentdTest):
    def test_sigterm_deregisters(self):
        agent = self.agentd("--name", "a", "--behaviour", "echo")
        done = agent.stop()
        self.assertEqual(done.code, 0, done)
        self.assertIn("A003 stopped", done.err)
        self.assertEqual(self.ask("ams", '{"action": "search", "name": "a"}')["total"], 0)

    def test_a_taken_name_and_an_unreachable_broker(self):
        self.agentd("--name", "a", "--behaviour", "echo")
        self.refused("--name", "a", "--behaviour", "echo", says="the name a is taken")
        done = self.run_program("agentd", "--connect", "tcp://127.0.0.1:1", "--name", "b", "--behaviour", "echo", "--connect-time", "200ms")
        self.assertEqual(done.code, 2, done)
        self.assertIn("no broker answers at tcp://127.0.0.1:1", done.err)

    def test_sigint_too(self):
        self.assertEqual(self.agentd("--name", "a", "--behaviour", "echo").stop(signal.SIGINT).code, 0)


if __name__ == "__main__":
    harness.main()
