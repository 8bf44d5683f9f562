"""`troupe cert`: what it makes, shows and takes back, and that it never shows a secret."""
import pathlib
import stat
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness


class Cert(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.certs = pathlib.Path(self.directory) / "certs"

    def cert(self, verb, *arguments, code=0, says=""):
        done = self.troupe("cert", verb, *arguments, "--certs", self.certs)
        self.assertEqual(done.code, code, done)
        self.assertIn(says, done.err)
        for secret in self.secrets():
            self.assertNotIn(secret, done.out + done.err)
        return done

    def rows(self, verb, *arguments):
        return self.cert(verb, *arguments, "-o", "json").json()

    def secrets(self):
        found = []
        for path in self.certs.glob("secret/*.yaml"):
            found += [line.split("'")[1] for line in path.read_text().splitlines() if line.startswith("secret-key:")]
        return found

    def secret(self, name):
        text = (self.certs / "secret" / f"{name}.yaml").read_text()
        return dict(line.replace("'", "").split(": ", 1) for line in text.splitlines() if not line.startswith("#"))

    def test_a_new_one_may_do_what_was_named(self):
        self.cert("new", "ann", code=3, says="troupe cert new broker --role broker")
        broker, = self.rows("new", "broker", "--role", "broker")
        ann, = self.rows("new", "ann", "--name", "ann", "--name", "ann-*", "--publish", "news.>", "--verb", "df.search",
                         "--connections", "2", "--mailbox-bytes", "1M")
        self.assertEqual((ann["names"], ann["publish"], ann["verbs"]), (["ann", "ann-*"], ["news.>"], ["df.search"]))
        self.assertEqual((ann["subscribe"], ann["offer"], ann["ask"]), ([], [], []))
        self.assertEqual((ann["connections"], ann["mailbox_bytes"], ann["not_after"]), (2, 1 << 20, None))
        self.assertEqual(self.secret("ann")["broker"], broker["key"])
        self.assertEqual(self.secret("ann")["key"], ann["key"])
        self.assertNotIn("broker", self.secret("broker"))
        self.assertEqual(self.rows("show", "ann"), [ann])
        self.assertEqual([row["name"] for row in self.rows("ls")], ["ann", "broker"])
        self.cert("new", "ann", code=3, says="there already")

    def test_secrets_are_their_owners(self):
        self.cert("new", "broker", "--role", "broker")
        self.assertEqual(stat.S_IMODE((self.certs / "secret" / "broker.yaml").stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE((self.certs / "secret").stat().st_mode), 0o700)
        self.assertEqual(len(self.secrets()), 1)

    def test_roles_print_what_they_grant(self):
        self.cert("new", "broker", "--role", "broker")
        said = self.cert("new", "ann", "--role", "watcher").out
        self.assertRegex(said, r"verbs +ams\.get-description, ams\.search")
        self.assertRegex(said, r"publish +\(none\)")
        agent, = self.rows("new", "bob", "--role", "agent", "--offer", "sum")
        self.assertEqual((agent["names"], agent["offer"]), (["bob", "bob-*"], ["sum"]))

    def test_rotating_keeps_the_old_key_for_a_while(self):
        self.cert("new", "broker", "--role", "broker")
        before, = self.rows("new", "ann", "--role", "operator")
        after, = self.rows("rotate", "ann", "--grace", "1h")
        self.assertEqual(after["state"], "rotating")
        self.assertNotEqual(after["key"], before["key"])
        self.assertEqual(self.secret("ann")["key"], after["key"])
        self.assertIn(before["key"], (self.certs / "ann.yaml").read_text())
        self.cert("rotate", "ann", code=3, says="rotates already")
        done, = self.rows("rotate", "ann", "--finish")
        self.assertEqual((done["state"], done["key"]), ("valid", after["key"]))
        self.assertNotIn(before["key"], (self.certs / "ann.yaml").read_text())

    def test_a_brokers_new_key_is_known_to_all(self):
        self.cert("new", "broker", "--role", "broker")
        self.cert("new", "ann", "--role", "operator")
        after, = self.rows("rotate", "broker")
        self.assertEqual(self.secret("ann")["broker"], after["key"])
        self.assertEqual(self.secret("broker")["key"], after["key"])

    def test_revoking_leaves_no_secret(self):
        self.cert("new", "broker", "--role", "broker")
        self.cert("new", "ann", "--role", "operator")
        gone, = self.rows("revoke", "ann")
        self.assertEqual((gone["state"], gone["secret_file"]), ("revoked", None))
        self.assertEqual(self.rows("revoke", "ann"), [gone])
        self.cert("rotate", "ann", code=3, says="revoked")
        self.cert("revoke", "bob", code=3, says="no certificate \"bob\"")

    def test_what_is_broken_is_said(self):
        self.cert("new", "broker", "--role", "broker")
        (self.certs / "odd.yaml").write_text("certificate: odd\n")
        done = self.cert("ls", "-o", "name", code=3, says='odd.yaml:1:1: missing key "key"')
        self.assertEqual(done.out, "broker\n")
        self.cert("new", "../up", "--role", "agent", code=1, says="cannot name a certificate")
        self.cert("new", "ann", "--publish", "a..b", code=1, says="a topic pattern")

    def test_a_place_of_ones_own(self):
        done = self.troupe("cert", "new", "broker", "--role", "broker", env={"XDG_CONFIG_HOME": self.directory})
        self.assertEqual(done.code, 0, done)
        self.assertTrue((pathlib.Path(self.directory) / "troupe" / "certs" / "secret" / "broker.yaml").exists())

    def watched(self, at, *more):
        return ("tap", "$sys.broker.stats", "--connect", at.endpoint, "--cert", self.certs / "secret" / "eye.yaml", *more)

    def test_one_watcher_more_than_there_may_be_is_told_why(self):
        """ZeroMQ tells it nothing but that it was cut off; and it does not knock ten times a second."""
        self.cert("new", "broker", "--role", "broker")
        self.cert("new", "eye", "--role", "watcher", "--connections", "2")
        path = pathlib.Path(self.directory)
        keep = {"listen": f"ipc://{path / 'broker.sock'}", "stream": f"ipc://{path / 'stream.sock'}"}
        guard = ("--cert", self.certs / "secret" / "broker.yaml", "--certs", self.certs)
        at = self.broker(*guard, **keep)
        taps = [self.spawn("troupe", *self.watched(at)) for _ in range(2)]
        for tap in taps:
            harness.wait_until(lambda: tap.out, "what it watches")
        third = self.troupe(*self.watched(at))
        self.assertEqual(third.code, 3, third)
        self.assertIn("the certificate eye may have 2 watchers of the stream at a time, and has them", third.err)
        at.stop()
        public = self.certs / "eye.yaml"
        text = public.read_text()
        self.assertIn("connections: 2", text)
        public.write_text(text.replace("connections: 2", "connections: 1"))
        at = self.broker(*guard, **keep)
        harness.wait_until(lambda: any("the broker cuts it off" in tap.err for tap in taps), "one of them is told")
        cut, stays = sorted(taps, key=lambda tap: "the broker cuts it off" not in tap.err)
        self.assertIn("the certificate eye may have 1 watchers", cut.err)
        self.assertEqual(cut.err.count("the broker cuts it off"), 1)
        stays.stop()
        seen = len(cut.out)
        harness.wait_until(lambda: len(cut.out) > seen, "it watches again", 60)
        self.assertLess(cut.err.count("lost the stream"), 4, cut.err)


if __name__ == "__main__":
    harness.main()
