"""What the fault tests share: a broker with a journal that is killed and started again at its address, producers and consumers with
their histories, and the line with a fault's figure.

Each test takes `--long` for the long version. A time limit that a fault has to keep is one of the program's: what others on the machine
took meanwhile (the kernel counts that) is taken off, so that a busy machine fails no test.
"""
import ctypes
import os
import pathlib
import signal
import sys
import time
import unittest
import urllib.request

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "05-protocol-page")]  # there is the client that speaks the protocol by hand
import harness
from harness import wait_until
from client import Link
from history import Ledger, percentile

LONG = "--long" in sys.argv
NS = 1e9
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
LIBC = ctypes.CDLL(None, use_errno=True)
LINGER = 240  # seconds for the answers that are still to come when a producer has been told to end, on a machine that others use as well
TOLD_EVERY = 15  # seconds: what takes long says so often how far it is
PATIENT = ("--lease", "60s", "--grace", "60s")  # for links by hand, which say nothing while the test does something else


def waited_for_processor(pid):
    """Seconds that the process's main thread was ready to run and did not."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[1]) / NS


def figure(fault, text):
    """The one line that says how a fault went."""
    print(f"fault {fault}: {text}", flush=True)


def own_mounts():
    """Mounts of this process's own; false where that is not permitted."""
    uid = os.getuid()
    if LIBC.unshare(CLONE_NEWNS) != 0:
        if LIBC.unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0:
            return False
        with open("/proc/self/uid_map", "w", encoding="ascii") as file:
            file.write(f"0 {uid} 1")
    return mount(None, "/", None, 0x44000, None)  # MS_REC | MS_PRIVATE


def mount(source, target, kind, flags, data):
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    return LIBC.mount(*texts, ctypes.c_ulong(flags), None if data is None else data.encode()) == 0


def small_disk(test, place, size):
    """A file system of so many bytes there, until the test ends, which is skipped where that is not permitted; what makes it larger."""
    if not own_mounts():
        test.skipTest("a file system may not be mounted here")
    os.mkdir(place)
    test.assertTrue(mount("tmpfs", place, "tmpfs", 0, f"size={size}"), os.strerror(ctypes.get_errno()))
    test.addCleanup(lambda: LIBC.umount2(place.encode(), 2))
    return lambda more: test.assertTrue(mount(None, place, None, 32, f"size={more}"))  # MS_REMOUNT


class Progress:
    """How far a test is, now and then, so that a long one is told from one that hangs."""

    def __init__(self):
        self.begun = self.told = time.monotonic()

    def tell(self, text):
        """`text()` says it: asked for only when it is time."""
        now = time.monotonic()
        if now - self.told >= TOLD_EVERY:
            self.told = now
            print(f"after {now - self.begun:.0f} s: {text()}", flush=True)


class FaultTest(harness.SystemTest):
    journal = True
    broker_options = ()

    def setUp(self):
        super().setUp()
        self.ledger = Ledger()
        self.progress = Progress()
        self.endpoint = self.stream = "tcp://127.0.0.1:0"
        self.http = "127.0.0.1:0"
        self.brokers_used = 0.0  # processor seconds of those that were killed, where the test counts them
        self.seconds_to_ready = []  # of each start of the broker, without what it waited for a processor

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, *options, env=None):
        """Starts the broker: the first time at an address of the kernel's choice, then again there."""
        begun = time.monotonic()
        journal = ("--journal", self.path("journal")) if self.journal else ()
        self.running = self.ready("broker", "--listen", self.endpoint, "--stream", self.stream, "--http", self.http,
                                  *journal, *self.broker_options, *options, env=env)
        took = time.monotonic() - begun
        self.seconds_to_ready.append(max(0.0, took - waited_for_processor(self.running.pid)))
        self.endpoint, self.stream, self.http = self.running.endpoint, self.running.stream, self.running.http
        return self.running

    def kill(self, child=None):
        child = child or self.running
        child.send_signal(signal.SIGKILL)
        child.process.wait()

    def stop(self, child, code=0):
        """Asks it to end, and sees that it does: a producer when it has all its answers."""
        done = child.stop(patience=LINGER + harness.PATIENCE)
        self.assertEqual(done.code, code, done)

    def metric(self, name):
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=harness.PATIENCE) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
        raise AssertionError(f"no metric {name}")

    def agent(self, program, name, wait=True, env=None, **options):
        """Starts build/tests/faults/fault-PROGRAM; with `wait`, it has joined when this returns. A list is an option that is repeated."""
        history = self.path(name + ".history")
        if not os.path.exists(history):
            self.ledger.add(history)
        begun = self.ledger.read().happened("begin", name)
        arguments = ["--connect", self.endpoint, "--history", history, "--name", name]
        for key, value in options.items():
            for each in value if isinstance(value, list) else [value]:
                arguments += ["--" + key.replace("_", "-")] + ([] if each is True else [each])
        child = self.spawn(f"tests/faults/fault-{program}", *arguments, env=env)
        if wait:
            wait_until(lambda: self.ledger.read().happened("begin", name) > begun or child.process.poll() is not None, f"{name} to join")
            self.assertIsNone(child.process.poll(), child.err)
        return child

    def producer(self, name, to, wait=True, env=None, **options):
        """One that sends to `to`, a list of names."""
        return self.agent("producer", name, wait, env, to=to, **options)

    def consumer(self, name, wait=True, env=None, **options):
        """One with a durable mailbox."""
        return self.agent("consumer", name, wait, env, **options)

    def link(self, **hello):
        """A link by hand."""
        link = Link(self.endpoint, **hello)
        self.addCleanup(link.socket.close)
        return link

    def arrive(self, patience=harness.PATIENCE, letters=None):
        """Waits until all that was acknowledged has arrived, or is among the dead letters that letters() gives."""
        def all_there():
            there = self.ledger.all_arrived()
            if not there and letters:
                self.ledger.bury(letters())
                there = self.ledger.all_arrived()
            self.progress.tell(lambda: f"{len(self.ledger.missing()):,} of {len(self.ledger.stored):,} stored have yet to arrive")
            return there
        wait_until(all_there, "what was acknowledged to arrive", patience)

    def judge(self):
        """Fails where a promise was broken."""
        faults = self.ledger.read().faults()
        self.assertEqual(faults, [], f"{len(faults)} promises were broken:\n" + "\n".join(faults[:20]))

    def latency(self):
        times = self.ledger.store_times()
        return f"stored in {percentile(times, .5):.1f} ms (p50), {percentile(times, .99):.0f} ms (p99)"


def main():
    unittest.main(argv=[argument for argument in sys.argv if argument != "--long"], verbosity=2)
