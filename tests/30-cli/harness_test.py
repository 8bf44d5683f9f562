"""The harness keeps its promises: readiness, ends, and what a dying test leaves behind."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Harness(harness.SystemTest):
    def test_a_broker_is_ready_on_ports_of_its_own(self):
        one, two = self.broker(), self.broker()
        self.assertTrue(one.endpoint.startswith("tcp://127.0.0.1:"))
        self.assertEqual(len({one.endpoint, one.stream, two.endpoint, two.stream}), 4)
        self.assertEqual(one.stop().code, 0)

    def test_what_does_not_start_is_told_with_its_stderr(self):
        with self.assertRaisesRegex(AssertionError, "did not become ready.*\n.*nonsense"):
            self.broker("--nonsense")

    def test_children_die_with_the_test(self):
        code = ("import harness, os\n"
                "class T(harness.SystemTest):\n"
                "    def runTest(self):\n"
                "        print(self.broker().pid, flush=True)\n"
                "        os.kill(os.getpid(), 9)\n"
                "T().run()\n")
        env = dict(os.environ, PYTHONPATH=str(harness.ROOT / "tests"))
        died = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
        pid = int(died.stdout)
        harness.wait_until(lambda: not alive(pid), "the broker's end")

    def test_the_environment_of_the_user_does_not_reach_the_children(self):
        os.environ["TROUPE_OUTPUT"] = "json"
        self.addCleanup(os.environ.pop, "TROUPE_OUTPUT")
        done = self.troupe("version")
        self.assertEqual((done.code, done.err), (0, ""))
        self.assertTrue(done.out.startswith("troupe "))


if __name__ == "__main__":
    harness.main()
