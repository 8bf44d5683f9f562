"""What the tests of several processes share: start real programs, wait until they are ready, run `troupe`, end it all.

    class Ask(harness.SystemTest):
        def test_echo(self):
            broker = self.broker()
            done = self.troupe("ask", "echo", "hello", "--connect", broker.endpoint)
            self.assertEqual((done.code, done.out), (0, "hello\\n"))

The programs come from the build directory TROUPE_TEST_BUILD (by default build/ of the tree). Ports are the kernel's choice; every
child is ended by its pid when the test ends, and by the kernel when this process dies. A test waits for a condition (`wait_until`),
never for a time. A sanitizer's report on a child's stderr fails the test, whatever else happened.

Each child runs in the test's own empty directory with an environment that has no TROUPE_ variable but those that the test gives.
"""
import codecs
import ctypes
import fcntl
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("TROUPE_TEST_BUILD", ROOT / "build")).resolve()
PROGRAMS = {
    "troupe": BUILD / "tools" / "troupe",
    "broker": BUILD / "broker" / "troupe-broker",
    "agentd": BUILD / "agentd" / "troupe-agentd",
    "coordinator": BUILD / "coordinator" / "troupe-coordinator",
    "kbd": BUILD / "kbd" / "troupe-kbd",
    "gateway": BUILD / "gateway" / "troupe-gateway",
    "exporter": BUILD / "exporter" / "troupe-exporter",
}
PATIENCE = 60.0  # seconds: for a slow machine with other work, under a sanitizer; nothing waits so long when all is well
SANITIZER = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer")

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def program(name):
    """The path of a built program: a key of PROGRAMS, or a path within the build directory."""
    return str(PROGRAMS.get(name, BUILD / name))


def wait_until(condition, what, patience=PATIENCE):
    """Returns the first true value of condition(); fails, naming `what`, when there is none for so long."""
    until = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"waited {patience:g} s in vain for {what}")
        time.sleep(0.02)


def environment(**more):
    env = {key: value for key, value in os.environ.items() if not key.startswith("TROUPE_")}
    env.update({"NO_COLOR": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"})
    env.update(more)
    return env


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _control_terminal():
    """Keys of stdin's terminal are signals, as for what is started in one."""
    _die_with_parent()
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Done:
    """A program that has ended: .code, .out, .err (texts), .json() of .out."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)

    def lines(self):
        """JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self):
        return f"code {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


class Child:
    """A program that runs. Its stdout and stderr (unless others are given) go to files; .out and .err read what is there so far."""

    def __init__(self, name, arguments, directory, env, stdin=subprocess.DEVNULL, stdout=None, stderr=None, pass_fds=(), controls=False):
        self.name = name
        self._files = [tempfile.TemporaryFile(dir=directory) for _ in range(2)]
        self.process = subprocess.Popen(
            [program(name), *map(str, arguments)], cwd=directory, env=env, stdin=stdin,
            stdout=self._files[0] if stdout is None else stdout, stderr=self._files[1] if stderr is None else stderr, pass_fds=pass_fds,
            preexec_fn=_control_terminal if controls else _die_with_parent)
        self.pid = self.process.pid

    def _read(self, file):
        return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")

    @property
    def out(self):
        return self._read(self._files[0])

    @property
    def err(self):
        return self._read(self._files[1])

    def wait(self, patience=PATIENCE):
        """Waits for its end."""
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} (pid {self.pid}) did not end; stderr:\n{self.err}") from None
        return Done(code, self.out, self.err)

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, patience=PATIENCE):
        """Asks it to end and waits until it did."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait(patience)

    def wait_err(self, text):
        """Waits for a text on its stderr."""
        wait_until(lambda: text in self.err or self.process.poll() is not None, f"{text!r} on stderr of {self.name}")
        if text not in self.err:
            raise AssertionError(f"{self.name} ended with {self.process.poll()} before {text!r}; stderr:\n{self.err}")

    def finish(self):
        """Ends it for good; returns a sanitizer's report, or None."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        err = self.err
        for file in self._files:
            file.close()
        return err if any(mark in err for mark in SANITIZER) else None


class Ready(Child):
    """A program with --ready-fd: started when it has written its one JSON line there; the line's members are attributes
    (of a broker: endpoint, stream, http, platform)."""

    def __init__(self, name, arguments, directory, env):
        reading, writing = os.pipe()
        try:
            super().__init__(name, [*arguments, "--ready-fd", writing], directory, env, pass_fds=[writing])
        finally:
            os.close(writing)
        self.ready = {}
        try:
            line = self._first_line(reading)
        finally:
            os.close(reading)
        if line is None:
            return
        self.ready = json.loads(line)

    def _first_line(self, fd):
        line, until = b"", time.monotonic() + PATIENCE
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([fd], [], [], max(0.0, until - time.monotonic()))
            more = os.read(fd, 4096) if readable else b""
            if not more:
                return None
            line += more
        return line

    def __getattr__(self, name):
        if name != "ready" and name in self.__dict__.get("ready", {}):
            return self.ready[name]
        raise AttributeError(name)


class Terminal:
    """A child on a terminal of 80 columns and 24 lines: .text is what it has written there. `on` says what of it is the terminal; the rest goes
    where a Child's goes. `controls`: Ctrl-C is a signal there."""

    def __init__(self, test, name, *arguments, env, on=("stdin", "stdout"), columns=80, lines=24, controls=False):
        self.leader, self.follower = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self.follower)
        self.text, self._decoder = "", codecs.getincrementaldecoder("utf-8")("replace")
        self.child = test.keep(Child(name, arguments, test.directory, environment(**{"TERM": "xterm", **env}), controls=controls, **{stream: self.follower for stream in on}))
        test.addCleanup(self.close)

    def close(self):
        os.close(self.leader)
        os.close(self.follower)

    def resize(self, columns, lines):
        fcntl.ioctl(self.follower, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self):
        while select.select([self.leader], [], [], 0)[0]:
            self.wrote(self._decoder.decode(os.read(self.leader, 65536)))
        return self.text

    def wrote(self, text):
        self.text += text

    def wait(self, text, patience=PATIENCE):
        wait_until(lambda: text in self.read(), f"{text!r} on the terminal; there is {self.text[-2000:]!r}", patience)

    def press(self, keys):
        self.text = ""
        os.write(self.leader, keys.encode())

    def mode(self):
        return termios.tcgetattr(self.follower)


class Share:
    """The share of the machine that was not taken by others, since this was made: of `pids`, and idle."""

    def __init__(self, pids):
        self.begun, self.ours = self._machine(), sum(processor_seconds(pid) for pid in pids)

    @staticmethod
    def _machine():
        """All processor seconds, and the idle ones."""
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(text) for text in file.readline().split()[1:9]]
        return sum(ticks) / os.sysconf("SC_CLK_TCK"), (ticks[3] + ticks[4]) / os.sysconf("SC_CLK_TCK")

    def now(self, pids, ended=0.0):
        """`ended`: the processor seconds of processes of ours that have begun and ended since."""
        (begun, begun_idle), (all_of_it, idle) = self.begun, self._machine()
        ours = sum(processor_seconds(pid) for pid in pids) + ended - self.ours
        return min(1.0, (ours + idle - begun_idle) / max(all_of_it - begun, 1e-9))


def processor_seconds(pid):
    """What all threads of the process have used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class SystemTest(unittest.TestCase):
    """A test with a directory of its own (self.directory) whose children end with it."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="troupe-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self._children = []
        self.addCleanup(self._finish)

    def _finish(self):
        reports = [report for child in reversed(self._children) if (report := child.finish())]
        if reports:
            self.fail("a sanitizer reports:\n" + "\n".join(reports))

    def keep(self, child):
        """Has a child ended with the test; returns it."""
        self._children.append(child)
        return child

    def spawn(self, name, *arguments, env=None, stdin=subprocess.DEVNULL):
        """Starts a program (a key of PROGRAMS, or a path within the build) and does not wait."""
        return self.keep(Child(name, arguments, self.directory, environment(**(env or {})), stdin))

    def ready(self, name, *arguments, env=None):
        """Starts a program that has --ready-fd and waits until it is ready."""
        child = self.keep(Ready(name, arguments, self.directory, environment(**(env or {}))))
        if not child.ready:
            self.fail(f"{name} did not become ready; stderr:\n{child.err}")
        return child

    def broker(self, *arguments, listen="tcp://127.0.0.1:0", stream="tcp://127.0.0.1:0", http="none"):
        """A broker on ports of the kernel's choice: .endpoint, .stream, .http, .platform, .pid."""
        return self.ready("broker", "--listen", listen, "--stream", stream, "--http", http, *arguments)

    def run_program(self, name, *arguments, env=None, text=None, patience=PATIENCE):
        """Runs a program to its end; `text` is its stdin."""
        stdin = subprocess.DEVNULL
        if text is not None:
            stdin = tempfile.TemporaryFile(dir=self.directory)
            stdin.write(text.encode() if isinstance(text, str) else text)
            stdin.seek(0)
        try:
            return self.spawn(name, *arguments, env=env, stdin=stdin).wait(patience)
        finally:
            if text is not None:
                stdin.close()

    def troupe(self, *arguments, env=None, text=None, patience=PATIENCE):
        """Runs `troupe ARGUMENTS` to its end."""
        return self.run_program("troupe", *arguments, env=env, text=text, patience=patience)


def main():
    unittest.main(verbosity=2)
