"""What the tests of fleets share: a fleet file, `troupe up`, and who is left when it is over."""
import json
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

BROKER = 'broker: {listen: "tcp://127.0.0.1:0", stream: "tcp://127.0.0.1:0", http: "127.0.0.1:0"}\n'
ECHO = BROKER + "agents:\n  - {name: echo, behaviour: echo, count: 3}\n  - {name: solo, behaviour: echo}\n"


def endpoint_port(endpoint):
    return int(endpoint.rsplit(":", 1)[1])


class FleetTest(harness.SystemTest):
    """Every process of a test, also those of a supervisor in the background, has the test's directory as its own: that is how
    those that are left are found, and ended."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self._end_the_rest)

    def processes(self):
        """The pids of living processes in the test's directory."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                if os.readlink(f"/proc/{entry}/cwd") == os.path.realpath(self.directory):
                    found.append(int(entry))
            except OSError:
                pass
        return found

    def _end_the_rest(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for log in pathlib.Path(self.directory).glob("**/*.log"):
            text = log.read_text(errors="replace")
            if any(mark in text for mark in harness.SANITIZER):
                self.fail(f"a sanitizer reports in {log.name}:\n{text}")

    def assert_nothing_left(self):
        harness.wait_until(lambda: not self.processes(), f"the end of all processes of {self.directory}")

    def write(self, name, text):
        path = pathlib.Path(self.directory) / name
        path.write_text(text)
        return str(path)

    def fleet_file(self, name="trio", text=ECHO):
        return self.write(f"{name}.yaml", f"fleet: {name}\n{text}")

    def state(self, name="trio"):
        return json.loads((pathlib.Path(self.directory) / ".troupe" / name / "fleet.json").read_text())

    def up(self, *arguments, name="trio", text=ECHO):
        """`troupe up` in the foreground, ready."""
        child = self.spawn("troupe", "up", self.fleet_file(name, text), *arguments)
        child.wait_err("troupe up: ready in")
        return child

    def up_detached(self, *arguments, name="trio", text=ECHO):
        done = self.troupe("up", "--detach", self.fleet_file(name, text), *arguments)
        self.assertEqual(done.code, 0, done)
        return done

    def rows(self, *arguments):
        """`troupe ps`, by name."""
        done = self.troupe("ps", "-o", "json", *arguments)
        self.assertEqual(done.code, 0, done)
        return {row["name"]: row for row in done.json()}

    def wait_row(self, name, condition, what):
        def found():
            row = self.rows().get(name)
            return row if row and condition(row) else None
        return harness.wait_until(found, what)

    def assert_answers(self, agent, *arguments):
        done = self.troupe("ask", agent, "hello", *arguments)
        self.assertEqual((done.code, done.out), (0, "hello\n"), done)

    def ok(self, *arguments, text=None):
        done = self.troupe(*arguments, text=text)
        self.assertEqual(done.code, 0, done)
        return done

    def refused(self, *arguments, code=3, says=""):
        done = self.troupe(*arguments)
        self.assertEqual(done.code, code, done)
        self.assertIn(says, done.err)
        self.assertEqual(done.out, "")
        return done
