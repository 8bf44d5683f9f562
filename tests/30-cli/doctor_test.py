"""doctor against brokers that are well, and others; the directory as df search shows it."""
import os
import pathlib
import re
import shutil
import signal
import socket

import cli
import harness


class Doctor(cli.CliTest):
    def findings(self, done):
        return {row["check"]: row for row in done.json()}

    def test_all_is_well(self):
        self.start()
        done = self.expect(self.run_verb("doctor", "-o", "json"), 0)
        found = self.findings(done)
        self.assertEqual({row["result"] for row in done.json()} - {"ok", "warn", "skip"}, set(), done)
        for check in "troupe", "troupe-broker", "troupe-agentd", "state directory", "broker", "broker version", "round trip", "stream":
            self.assertEqual(found[check]["result"], "ok", found[check])
        self.assertEqual(found["broker"]["found"], f"platform {self.at.platform} at {self.at.endpoint}")
        self.assertIn(harness.program("broker"), found["troupe-broker"]["found"])
        self.assertIn("$sys.broker.stats came after", found["stream"]["found"])
        self.assertEqual(found["clocks"]["result"], "skip")
        self.assertRegex(found["agents"]["found"], r"^\d+, all active$")
        for row in done.json():
            self.assertEqual(row["cure"] is not None, row["result"] in ("warn", "fail"), row)
        self.assertEqual(os.listdir(self.directory), [], "doctor made something")

    def test_for_people(self):
        self.start()
        done = self.expect(self.run_verb("doctor"), 0)
        self.assertRegex(done.out, r"(?m)^ok    round trip +half of 100 requests to the AMS were answered within \d+\.\d\d ms")
        self.assertRegex(done.out, r"\n\n0 failed, \d+ warned, \d+ ok\n$")

    def test_nobody_there(self):
        self.start()
        self.at.stop()
        done = self.expect(self.run_verb("doctor", "-o", "json"), 2)
        self.assertEqual(self.findings(done)["broker"]["result"], "fail")
        self.assertIn("connection refused", self.findings(done)["broker"]["found"])
        self.expect(self.troupe("doctor", "--connect", "nonsense"), 1, "", err="expected tcp://HOST:PORT")

    def test_no_fleet_is_no_failure(self):
        done = self.troupe("doctor", "-o", "json", env={"HOME": self.directory})
        found = self.findings(done)
        self.assertEqual(found["fleets"]["found"], "none runs here")
        if found["broker"]["result"] == "skip":  # nobody else runs one at the default place
            self.assertEqual(done.code, 0, done)
        done = self.troupe("doctor", "--fleet", "gone", "-o", "json")
        self.assertEqual((done.code, self.findings(done)["broker"]["found"]), (3, 'no fleet "gone" runs here'))

    def test_not_a_broker(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            done = self.troupe("doctor", "-o", "json", "--connect", f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        self.assertEqual(done.code, 2, done)
        self.assertIn("does not answer as a broker", self.findings(done)["broker"]["found"])

    def test_no_stream(self):
        self.at = self.broker(stream=f"ipc://{self.directory}/stream")
        os.unlink(f"{self.directory}/stream")
        done = self.expect(self.run_verb("doctor", "-o", "json"), 3)
        stream = self.findings(done)["stream"]
        self.assertEqual(stream["result"], "fail")
        self.assertIn("there is no such socket", stream["found"])

    def test_a_stopped_agent_is_silent(self):
        self.start("--lease", "1m")
        os.kill(self.agents.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.agents.pid, signal.SIGCONT)
        def silent():
            row = self.findings(self.run_verb("doctor", "-o", "json"))["agents"]
            return row if row["result"] == "warn" else None
        self.assertRegex(harness.wait_until(silent, "the silence of a stopped process")["found"], r"echo@\S+ \(silent for ")

    def test_too_few_files(self):
        done = self.run_program("/usr/bin/prlimit", "--nofile=200:200", harness.program("troupe"), "doctor", "-o", "json")
        row = self.findings(done)["open files"]
        self.assertEqual((row["result"], row["found"]), ("fail", "limit 200, hard limit 200"))
        self.assertEqual(done.code, 3)

    def test_no_place_for_state(self):
        file = pathlib.Path(self.directory) / "file"
        file.write_text("")
        done = self.troupe("doctor", "-o", "json", "--state", file / "state")
        self.assertEqual((done.code, self.findings(done)["state directory"]["result"]), (3, "fail"), done)

    def test_another_version_in_path(self):
        there = pathlib.Path(self.directory) / "bin"
        there.mkdir()
        shutil.copy(harness.program("troupe"), there)
        for name, says in ("troupe-broker", "echo troupe-broker 99.0"), ("troupe-agentd", "exit 1"):
            (there / name).write_text(f"#!/bin/sh\n{says}\n")
            (there / name).chmod(0o755)
        done = self.run_program(there / "troupe", "doctor", "-o", "json")
        found = self.findings(done)
        self.assertIn('says "troupe-broker 99.0"', found["troupe-broker"]["found"])
        self.assertIn("does not say its version", found["troupe-agentd"]["found"])
        self.assertEqual(done.code, 3)


class Directory(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker()

    def agentd(self, *arguments):
        child = self.spawn("agentd", "--connect", self.at.endpoint, *arguments)
        child.wait_err("A001")

    def test_services_with_capacities(self):
        self.expect(self.run_verb("df", "search", "-o", "name"), 0, "")
        self.agentd("--name", "echo", "--behaviour", "echo", "--count", "11", "--service", "greet=3", "--service", "other=1")
        self.agentd("--name", "single", "--behaviour", "echo", "--service", "read=7")
        harness.wait_until(lambda: self.run_verb("df", "search", "-o", "name").out.count("\n") == 12, "twelve entries")
        lines = self.expect(self.run_verb("df", "search"), 0).out.splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "SERVICES", "BEHAVIOUR"])
        self.assertRegex(lines[3], r"^echo-2@\S+ +greet \(3\), other \(1\) +echo$")
        self.assertRegex(lines[11], r"^echo-10@")
        row = self.expect(self.run_verb("df", "search", "--service", "read", "-o", "json"), 0).json()[0]
        self.assertEqual((row["services"], row["state"]), ([{"name": "read", "capacity": 7}], "active"))
        self.expect(self.run_verb("df", "search", "--template", '{"services": ["greet"]}', "--max", "2", "-o", "name"), 0)
        self.expect(self.run_verb("df", "search", "--template", '{"services": ["greet"]}', "--service", "read", "-o", "name"), 0, "")
        self.expect(self.run_verb("df", "search", "--service", "greed", "-o", "json"), 0, "[]\n", err='did you mean "greet"?')

    def test_what_is_wrong(self):
        self.expect(self.run_verb("df", "search", "--template", "[1]"), 1, "", err="expected a JSON object")
        self.expect(self.run_verb("df", "search", "--template", '{"services": 7}', "--service", "a"), 1, "", err="is no list")
        self.expect(self.run_verb("df", "search", "--service", "two words"), 1, "", err="is no service's name")
        self.expect(self.run_verb("df", "search", "--max", "0"), 1, "", err="--max")
        deep = '{"a":' * 20 + "1" + "}" * 20
        self.expect(self.run_verb("df", "search", "--template", deep), 1, "", err="too deep")

    def test_no_verb_has_a_letter_twice(self):
        """By the man page, where the options of all verbs are."""
        page = self.troupe("help", "--man").out
        options, verb = {}, ""
        for line in page.splitlines():
            if line.startswith(".SS "):
                verb = line[4:]
                options[verb] = []
            options.get(verb, []).extend(re.findall(r"^\\fB\\-(\w)\\fR", line))
        self.assertGreater(len(options), 40)
        self.assertIn("c", options[next(verb for verb in options if "replay" in verb)])
        self.assertEqual({verb: letters for verb, letters in options.items() if len(set(letters)) < len(letters)}, {})


if __name__ == "__main__":
    harness.main()
