#!/usr/bin/env python3
"""The sign of life of each daemon (TROUPE_ALIVE_FILE), as a container's health check looks at it."""
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness


class Alive(harness.SystemTest):
    def env(self, name):
        return {"TROUPE_ALIVE_FILE": os.path.join(self.directory, name)}

    def alive(self, name, *more):
        return self.troupe("alive", *more, env=self.env(name)).code

    def wait_for(self, name, code, *more):
        harness.wait_until(lambda: self.alive(name, *more) == code, f"`troupe alive {' '.join(more)}` of {name} to end with {code}")

    def test_of_each_daemon(self):
        broker = self.ready("broker", "--listen", "tcp://127.0.0.1:0", "--stream", "tcp://127.0.0.1:0", "--http", "none", env=self.env("broker"))
        agent = self.spawn("agentd", "--connect", broker.endpoint, "--name", "echo", "--behaviour", "echo", env=self.env("agent"))
        others = [self.spawn(kind, "--connect", broker.endpoint, *more, env=self.env(kind)) for kind, more in (
            ("coordinator", ("--data", "tasks")), ("kbd", ("--data", "kb")), ("gateway", ("--listen", "127.0.0.1:0")))]
        for name in ("broker", "agent", "coordinator", "kbd", "gateway"):
            self.wait_for(name, 0, "--serving")

        # Without its broker a process lives and does not serve; it goes on by itself when there is one again.
        broker.stop(signal.SIGKILL)
        self.wait_for("agent", 3, "--serving")
        self.assertEqual(self.alive("agent"), 0)
        self.broker(listen=broker.endpoint)
        self.wait_for("agent", 0, "--serving")
        self.wait_for("coordinator", 0, "--serving")

        # One that is stopped is not alive; one that has ended has left nothing.
        agent.send_signal(signal.SIGSTOP)
        self.wait_for("agent", 4, "--within", "1500ms")
        agent.send_signal(signal.SIGCONT)
        for child in (agent, *others):
            self.assertEqual(child.stop().code, 0)
        self.assertEqual([self.alive(name) for name in ("agent", "coordinator", "kbd", "gateway")], [2, 2, 2, 2])

    def test_a_busy_agent_is_alive(self):
        broker = self.broker()
        self.spawn("agentd", "--connect", broker.endpoint, "--name", "slow", "--", "sleep", "1000", env=self.env("slow"))
        self.wait_for("slow", 0, "--serving")
        self.troupe("ask", "slow", "hello", "--connect", broker.endpoint, "--timeout", "2s")
        self.assertEqual(self.alive("slow", "--serving", "--within", "2s"), 0)

    def test_what_is_no_sign_of_life_is_told(self):
        self.assertEqual(self.troupe("alive").code, 1)
        pathlib.Path(self.directory, "x").write_text("something else")
        done = self.troupe("alive", "x")
        self.assertEqual(done.code, 3)
        self.assertIn("not the sign of life", done.err)
        # A file that cannot be made is no reason not to serve.
        broker = self.ready("broker", "--listen", "tcp://127.0.0.1:0", "--stream", "tcp://127.0.0.1:0", "--http", "none",
                            env={"TROUPE_ALIVE_FILE": "/nowhere/alive"})
        self.assertEqual(broker.stop().code, 0)


if __name__ == "__main__":
    harness.main()
