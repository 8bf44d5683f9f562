#!/usr/bin/env python3
"""`troupe up --on podman`: a fleet in real containers, and all that is done with one; a broker that is replaced under load loses nothing."""
import json
import time

from containers import ContainerTest, harness

FLEET = """fleet: {name}
broker: {{journal: true}}
gateway: {{}}
agents:
  - {{name: echo, behaviour: echo, count: 2, services: [say]}}
  - {{name: solo, behaviour: echo, durable: true}}
"""


class Podman(ContainerTest):
    def setUp(self):
        super().setUp()
        self.write_fleet(FLEET)
        self.addCleanup(self.run_troupe, "down", self.prefix, "--purge")

    def write_fleet(self, text):
        with open(f"{self.directory}/fleet.yaml", "w", encoding="utf-8") as file:
            file.write(text.format(name=self.prefix))

    def run_troupe(self, *arguments, text=None, patience=200):
        return self.troupe(*arguments, env=self.env, text=text, patience=patience)

    def ok(self, *arguments, **more):
        done = self.run_troupe(*arguments, **more)
        self.assertEqual(done.code, 0, done)
        return done

    def up(self):
        done = self.ok("up", "fleet.yaml", "--on", "podman", "--image", self.image, "--timeout", "120s")
        self.assertIn("ready in", done.err)
        return done

    def names(self):
        return {row["name"] for row in self.ok("ps", "-o", "json").json()}

    def test_a_fleet_from_up_to_down(self):
        done = self.up()
        self.assertIn("4 of 4 ready" if "4 of 4" in done.err else "5 of 5 ready", done.err)
        self.assertEqual(self.names(), {"echo-1", "echo-2", "solo", "gateway"})
        self.assertEqual(self.ok("ask", "echo-2", "hello").out, "hello\n")
        self.assertEqual(self.run_troupe("up", "fleet.yaml", "--on", "podman", "--image", self.image).code, 3)

        # Nobody is root, nobody can write to a root, and nobody has another's key.
        for pod in ("broker-broker", "echo-1-agent", "solo-agent"):
            name = f"{self.prefix}-{pod}"
            state = self.inspect(name)
            self.assertEqual((state["Config"]["User"], state["HostConfig"]["ReadonlyRootfs"]), ("10001:10001", True))
            self.assertEqual(len(self.podman("exec", name, "ls", "/etc/troupe/key").stdout.split()), 1)
            self.assertEqual(self.podman("exec", name, "stat", "-c", "%a", f"/etc/troupe/key/{self.key_of(pod)}").stdout.strip(), "400")

        self.rotate()
        self.ok("scale", "echo=3", "--timeout", "60s")
        self.assertEqual(self.names(), {"echo-1", "echo-2", "echo-3", "solo", "gateway"})
        self.ok("scale", "echo=1", "--timeout", "60s")
        self.assertEqual(self.names(), {"echo-1", "solo", "gateway"})
        self.ok("attach", "echo", "--timeout", "60s")
        self.assertEqual(self.names(), {"echo-1", "echo-2", "solo", "gateway"})
        self.assertEqual(self.run_troupe("scale", "solo=2").code, 3)
        self.ok("attach", "extra", "--behaviour", "echo", "--service", "more", "--timeout", "60s")
        self.assertEqual(self.ok("ask", "svc:more", "hello").out, "hello\n")
        self.ok("detach", "extra")
        self.assertNotIn("extra", self.names())

        tap = self.keep(harness.Child("troupe", ["tap", "news", "--for", "20s", "--count", "1"], self.directory, harness.environment(**self.env)))
        tap.wait_err("watching")
        self.ok("pub", "news", "good")
        self.assertIn("good", tap.wait().out)
        self.assertIn("registered", self.ok("logs", "echo").out + self.ok("logs", "echo").err)

        # What waits durably is there when the fleet comes again on the same volume.
        self.podman("pod", "stop", "-t", "20", f"{self.prefix}-solo")
        self.ok("send", "solo", "inform", "kept", "--durable")
        self.ok("down", self.prefix)
        left = self.podman("pod", "ps", "--format", "{{.Name}}").stdout.split()
        self.assertEqual([name for name in left if name.startswith(self.prefix)], [])
        self.up()
        self.assertEqual(self.ok("ask", "solo", "again").out, "again\n")
        self.ok("down", self.prefix, "--purge")
        volumes = self.podman("volume", "ls", "--format", "{{.Name}}").stdout.split()
        self.assertEqual([name for name in volumes if name.startswith(self.prefix)], [])

    def rotate(self):
        """The containers stay, and have the new key in the place of the old one."""
        def look(pod):
            return self.podman("exec", f"{self.prefix}-{pod}", "cat", f"/etc/troupe/key/{self.key_of(pod)}").stdout, self.inspect(f"{self.prefix}-{pod}")["State"]["Pid"]
        before = {pod: look(pod) for pod in ("broker-broker", "echo-1-agent", "solo-agent")}
        self.ok("cert", "rotate", "--fleet", self.prefix, "--grace", "1h", "--timeout", "60s")
        for pod, (key, pid) in before.items():
            now = look(pod)
            self.assertEqual((now[0] == key, now[1]), (pod == "broker-broker", pid))
        self.assertEqual(self.ok("ask", "echo-2", "hello").out, "hello\n")
        self.ok("cert", "rotate", "--fleet", self.prefix, "--finish", "--timeout", "60s")
        harness.wait_until(lambda: self.run_troupe("ask", "echo-2", "hello").out == "hello\n", "an agent with its new key", 60)

    def test_what_is_revoked_is_let_in_no_more(self):
        """The broker's container reads it where it is: its session ends, the others go on, and new keys pass it by."""
        self.up()
        pid = self.inspect(f"{self.prefix}-broker-broker")["State"]["Pid"]
        done = self.ok("cert", "revoke", "agent.solo", "--fleet", self.prefix, "--timeout", "60s", "-o", "json")
        self.assertIn("brokers that have read the certificates: 1 of 1", done.err)
        self.assertEqual({row["name"]: row["state"] for row in done.json()}["agent.solo"], "revoked")
        harness.wait_until(lambda: self.names() == {"echo-1", "echo-2", "gateway"}, "its session to end", 60)
        self.assertEqual(self.inspect(f"{self.prefix}-broker-broker")["State"]["Pid"], pid)
        self.ok("cert", "rotate", "--fleet", self.prefix, "--grace", "1h", "--timeout", "60s")
        self.assertEqual(self.ok("ask", "echo-1", "hello").out, "hello\n")
        self.assertNotIn("solo", self.names())

    def test_autoscale_is_refused_before_anything_is_made(self):
        self.write_fleet("fleet: {name}\ncoordinator: {{}}\nagents:\n  - {{name: echo, behaviour: echo, services: [say], autoscale: {{min: 1, max: 3, backlog: 10}}}}\n")
        done = self.run_troupe("up", "fleet.yaml", "--on", "podman", "--image", self.image)
        self.assertEqual(done.code, 3, done)
        self.assertIn("agents[0].autoscale", done.err)
        self.assertNotIn(self.prefix, self.podman("pod", "ps", "--format", "{{.Name}}").stdout)

    def key_of(self, pod):
        return {"broker-broker": "broker.yaml", "echo-1-agent": "agent.echo.yaml", "solo-agent": "agent.solo.yaml"}[pod]

    def test_a_broker_that_is_replaced_under_load_loses_nothing(self):
        """A rolling upgrade of one broker: SIGTERM, a new container on the same volume, while durable messages come in."""
        self.write_fleet("fleet: {name}\nbroker: {{journal: true}}\nagents:\n  - {{name: clerk, behaviour: echo, durable: true}}\n")
        self.up()
        self.podman("pod", "stop", "-t", "20", f"{self.prefix}-clerk")  # all of it is to wait at the broker
        sent = 0
        for round_number in range(3):
            lines = "".join(json.dumps({"n": sent + i}) + "\n" for i in range(2000))
            with self.file_of(lines) as text:
                sender = self.keep(harness.Child("troupe", ["send", "clerk", "inform", "--durable", "--lines", "--timeout", "120s"], self.directory,
                                                 harness.environment(**self.env), stdin=text))
            if round_number:
                self.replace_broker()
            done = sender.wait(180)
            self.assertEqual(done.code, 0, done)
            sent += 2000
        rows = harness.wait_until(lambda: [row for row in self.ok("mailbox", "ls", "-o", "json").json() if "clerk" in row["name"]], "the mailbox")
        print(f"rolling upgrade: {sent} durable messages, 2 brokers replaced, {rows[0]}")
        self.assertEqual(rows[0].get("records", rows[0].get("queued")), sent)

    def test_an_agent_that_gives_up_is_started_again(self):
        """It ends with code 70, and who runs its container is the supervisor above it."""
        self.write_fleet("fleet: {name}\nagents:\n  - {{name: frail, exec: {{command: [sh, -c, 'read line; exit 1']}}, args: {{backoff_ms: 10, max_backoff_ms: 10}}}}\n")
        self.up()
        name = f"{self.prefix}-frail-agent"
        self.assertEqual(self.inspect(name)["RestartCount"], 0)

        def gave_up():
            self.run_troupe("ask", "frail", "x", "--timeout", "2s")  # its program dies of it
            return self.inspect(name)["RestartCount"]
        harness.wait_until(gave_up, "it to be started again", 120)
        logs = self.podman("logs", name)
        self.assertIn("A009", logs.stdout + logs.stderr)
        harness.wait_until(lambda: "frail" in self.names(), "it to be registered again", 60)

    def file_of(self, text):
        path = f"{self.directory}/lines-{time.monotonic_ns()}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return open(path, "rb")

    def replace_broker(self):
        """The pod as it is in the fleet, of a container that is new."""
        name = f"{self.prefix}-broker"
        before = self.inspect(f"{name}-broker")["State"]["Pid"]
        self.podman("pod", "stop", "-t", "20", name, patience=120)
        self.podman("pod", "start", name, patience=120)  # `pod restart` ends what it has started, where no systemd looks after health checks
        harness.wait_until(lambda: self.podman("exec", f"{name}-broker", "troupe", "alive", "--serving", check=False).returncode == 0, "the broker")
        self.assertNotEqual(self.inspect(f"{name}-broker")["State"]["Pid"], before)


if __name__ == "__main__":
    harness.main()
