#!/usr/bin/env python3
"""examples/services/once: of many processes one at a time works, and who held the lock before somebody that was there changes nothing."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

REDIS = "/usr/bin/redis-server"
MANY = 8


class Once(harness.SystemTest):
    def server(self):
        if not pathlib.Path(REDIS).exists():
            self.skipTest("redis-server is missing (tools/setup --check installs it)")
        socket = f"{self.directory}/redis.sock"
        child = self.spawn(REDIS, "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no")
        harness.wait_until(lambda: "eady to accept connections" in child.out or child.process.poll() is not None, "Redis")
        self.assertIsNone(child.process.poll(), child.out)
        return socket, "0"

    def token_in(self, report):
        return int(re.match(r"token (\d+)\n", pathlib.Path(report).read_text())[1])

    def test_many(self):
        report = f"{self.directory}/report"
        server = self.server()
        children = [self.spawn("examples/services/once", report, *server) for _ in range(MANY)]
        done = [child.wait() for child in children]
        self.assertEqual([d.code for d in done], [0] * MANY, done)
        tokens = [int(re.fullmatch(r"written with token (\d+)\n", d.out)[1]) for d in done]
        self.assertEqual(len(set(tokens)), MANY)
        self.assertEqual(self.token_in(report), max(tokens))

    def test_who_is_late_changes_nothing(self):
        report = pathlib.Path(f"{self.directory}/report")
        report.write_text("token 18446744073709551615\nof a later one\n")
        done = self.run_program("examples/services/once", report)
        self.assertEqual((done.code, done.out.startswith("too late")), (1, True), done)
        self.assertIn("of a later one", report.read_text())
        done = self.run_program("examples/services/once", report, f"{self.directory}/nobody.sock", "0")
        self.assertEqual(done.code, 1)
        self.assertIn("once: ", done.err)


if __name__ == "__main__":
    harness.main()
