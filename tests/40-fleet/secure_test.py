"""A fleet with `secure: true`: everybody has a certificate with what it needs, and who has none is kept out."""
import pathlib
import stat

import fleet
import harness

SECURE = "secure: true\n" + fleet.BROKER + """agents:
  - {name: echo, behaviour: echo, count: 2, services: [echoing=4]}
  - {name: clerk, behaviour: relay, args: {to: "svc:echoing"}, ask: echoing}
  - {name: spy, behaviour: relay, args: {to: "svc:echoing"}}
"""


class Secure(fleet.FleetTest):
    def certs(self):
        return pathlib.Path(self.directory) / ".troupe/trio/certs"

    def rights(self, name):
        return self.ok("cert", "show", name, "--certs", str(self.certs()), "-o", "json").json()[0]

    def bare(self):
        """Where the broker is, for whoever comes without the fleet's state."""
        return ["--connect", self.state()["listen"], "--state", str(pathlib.Path(self.directory) / "elsewhere")]

    def test_each_finds_its_certificate(self):
        self.up_detached(text=SECURE)
        self.assertEqual({name: row["state"] for name, row in self.rows().items()},
                         dict.fromkeys(["broker", "clerk", "echo-1", "echo-2", "fleet", "spy"], "running")
                         | {"fleet": self.rows()["fleet"]["state"]})
        self.assert_answers("echo-1")
        self.assert_answers("clerk")  # which may ask the service
        self.refused("ask", "spy", "hello", says="forbidden")  # which may not
        self.ok("send", "echo-2", "inform", "x")
        self.ok("topics")
        tap = self.spawn("troupe", "tap", "news.>")
        harness.wait_until(lambda: self.ok("pub", "news.a", "hello") and "hello" in tap.out, "the stream, which needs one too")
        tap.stop()
        self.ok("scale", "echo=3")
        self.assert_answers("echo-3")
        self.ok("attach", "late", "--behaviour", "relay", "--args", '{"to": "svc:echoing"}', "--ask", "echoing")
        self.assert_answers("late")
        self.ok("down")
        self.assert_nothing_left()

    def test_least_rights(self):
        self.up_detached(text=SECURE)
        echo, clerk, supervisor = self.rights("agent.echo"), self.rights("agent.clerk"), self.rights("fleet")
        self.assertEqual((echo["names"], echo["offer"], echo["ask"], echo["publish"]), (["echo", "echo-*"], ["echoing"], [], []))
        self.assertEqual((clerk["offer"], clerk["ask"], clerk["subscribe"]), ([], ["echoing"], []))
        self.assertEqual((supervisor["names"], supervisor["verbs"], supervisor["ask"]), (["fleet"], [], []))
        for path in self.certs().glob("secret/*.yaml"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)
        self.assertEqual(stat.S_IMODE((self.certs() / "secret").stat().st_mode), 0o700)

    def test_keys_rotate_while_all_goes_on(self):
        self.up_detached(text=SECURE)
        before = {name: row["pid"] for name, row in self.rows().items()}
        old = pathlib.Path(self.directory) / "old.yaml"
        old.write_text((self.certs() / "secret/operator.yaml").read_text())
        old.chmod(0o600)
        bare = [*self.bare(), "--cert", str(old)]
        rows = {row["name"]: row["state"] for row in self.ok("cert", "rotate", "--fleet", "trio", "--grace", "1h", "-o", "json").json()}
        self.assertEqual(rows, dict.fromkeys(["agent.clerk", "agent.echo", "agent.spy", "fleet", "operator"], "rotating") | {"broker": "valid"})
        self.assertNotEqual(old.read_text(), (self.certs() / "secret/operator.yaml").read_text())
        self.assert_answers("echo-1")
        self.assertEqual(self.ok("ask", "echo-1", "hello", *bare).out, "hello\n")
        self.ok("cert", "rotate", "--fleet", "trio", "--finish")
        harness.wait_until(lambda: self.troupe("ask", "echo-1", "hello", "--timeout", "2s", *bare).code != 0, "the old key to be refused")
        harness.wait_until(lambda: self.troupe("ask", "clerk", "hello", "--timeout", "5s").out == "hello\n", "all to come again with theirs")
        self.assertEqual({name: row["pid"] for name, row in self.rows().items()}, before)

    def test_a_certificate_is_taken_back_by_the_fleet(self):
        self.up_detached(text=SECURE)
        self.assert_answers("echo-1")
        done = self.troupe("cert", "revoke", "agent.echo", "agent.nobody", "--fleet", "trio")
        self.assertEqual(done.code, 3, done)
        self.assertIn("has no certificate agent.nobody here", done.err)
        self.assert_answers("echo-1")  # of several it is all or none
        done = self.ok("cert", "revoke", "agent.echo", "--fleet", "trio", "-o", "json")
        self.assertIn("brokers that have read the certificates: 1 of 1", done.err)
        rows = {row["name"]: row["state"] for row in done.json()}
        self.assertEqual((rows["agent.echo"], rows["agent.clerk"]), ("revoked", "valid"))
        harness.wait_until(lambda: self.troupe("ask", "echo-1", "hello", "--timeout", "2s").code != 0, "its holder to be kept out")
        self.assertEqual(self.troupe("cert", "revoke", "agent.echo", "--fleet", "nobody").code, 2)
        self.assertEqual(self.troupe("cert", "revoke", "agent.echo", "--fleet", "trio", "--certs", str(self.certs())).code, 1)

    def test_others_are_kept_out(self):
        self.up_detached(text=SECURE)
        done = self.troupe("ask", "echo-1", "hello", *self.bare(), "--timeout", "2s")
        self.assertEqual((done.code, done.out), (2, ""), done)
        done = self.troupe("attach", "thief", "--behaviour", "echo", *self.bare(), "--timeout", "4s")
        self.assertNotEqual(done.code, 0, done)
        secret = str(self.certs() / "secret/agent.clerk.yaml")
        done = self.troupe("attach", "echo-7", "--behaviour", "echo", "--cert", secret, *self.bare())  # another's name
        self.assertEqual(done.code, 3, done)
        self.assertIn("does not allow the name echo-7", done.err)

    def test_quarantine_is_a_right(self):
        self.up_detached(text=SECURE)
        self.ok("cert", "new", "eye", "--role", "watcher", "--certs", str(self.certs()))
        eye = ["--cert", str(self.certs() / "secret/eye.yaml")]
        harness.wait_until(lambda: self.troupe("quarantine", *eye).code == 0, "the broker to know the new certificate")
        self.refused("quarantine", "clerk", *eye, says="does not allow ams.quarantine")
        self.assert_answers("clerk")
        self.assertEqual(self.ok("quarantine", "clerk", "-o", "name").out.split()[0], "clerk")  # the operator may
        self.refused("ask", "clerk", "hello", says="quarantined")
        self.assertIn("clerk", self.ok("quarantine", *eye).out)

    def test_suspending_is_a_right(self):
        self.up_detached(text=SECURE)
        self.ok("cert", "new", "eye", "--role", "watcher", "--certs", str(self.certs()))
        eye = ["--cert", str(self.certs() / "secret/eye.yaml")]
        harness.wait_until(lambda: self.troupe("quarantine", *eye).code == 0, "the broker to know the new certificate")
        self.refused("suspend", "echo-1", *eye, says="does not allow ams.suspend")
        self.assert_answers("echo-1")
        self.assertEqual(self.ok("suspend", "echo-1", "-o", "json").json()[0]["state"], "suspended")  # the operator may
        self.refused("resume", "echo-1", *eye, says="does not allow ams.resume")
        asked = self.spawn("troupe", "ask", "echo-1", "kept", "--timeout", "30s")
        harness.wait_until(lambda: self.rows()["echo-1"]["queued"] == 1, "the question in its mailbox")
        self.ok("resume", "echo-1")
        self.assertEqual((asked.wait().code, asked.out), (0, "kept\n"))

    def test_attach_from_elsewhere(self):
        self.up_detached(text=SECURE)
        self.ok("cert", "new", "far", "--role", "agent", "--certs", str(self.certs()))
        secret = str(self.certs() / "secret/far.yaml")
        harness.wait_until(lambda: self.troupe("attach", "far", "--behaviour", "echo", "--cert", secret, *self.bare()).code == 0,
                           "the broker to know the new certificate")
        self.assert_answers("far")
        self.ok("detach", "far", *self.bare()[2:])

    def test_keys_stay_and_rights_follow_the_file(self):
        self.up_detached(text=SECURE)
        before = self.rights("agent.clerk")
        self.ok("down")
        self.up_detached(text=SECURE.replace("ask: echoing", "ask: other").replace("spy", "mole"))
        after = self.rights("agent.clerk")
        self.assertEqual((after["key"], after["ask"]), (before["key"], ["other"]))
        self.assertFalse((self.certs() / "agent.spy.yaml").exists() or (self.certs() / "secret/agent.spy.yaml").exists())
        self.refused("ask", "clerk", "hello", says="forbidden")
        self.ok("cert", "revoke", "agent.clerk", "--certs", str(self.certs()))
        self.wait_row("clerk", lambda row: row["state"] != "running", "the revoked one to be out")
        self.ok("down")
        done = self.troupe("up", "--detach", self.fleet_file(text=SECURE))
        self.assertEqual(done.code, 3, done)
        self.assertIn("was revoked, and stays so", done.err)

    def test_a_killed_broker_knows_them_again(self):
        up = self.up(text=SECURE)
        pid = self.rows()["broker"]["pid"]
        harness.os.kill(pid, harness.signal.SIGKILL)
        up.wait_err("broker is back")
        harness.wait_until(lambda: self.troupe("ask", "echo-1", "hello").code == 0, "echo-1 on the new broker")

    def test_the_file(self):
        done = self.troupe("up", "--dry-run", self.fleet_file(text=SECURE), "-o", "json")
        self.assertEqual(done.code, 0, done)
        command = {row["name"]: row["command"] for row in done.json()}
        where = str(self.certs())
        self.assertEqual(command["broker"][command["broker"].index("--certs") + 1], where)
        self.assertEqual(command["echo-2"][command["echo-2"].index("--cert") + 1], f"{where}/secret/agent.echo.yaml")
        bad = SECURE.replace("broker: {", "broker: {options: {insecure: true}, ")
        self.refused("up", "--dry-run", self.fleet_file(text=bad), says="the fleet is secure")


if __name__ == "__main__":
    harness.main()
