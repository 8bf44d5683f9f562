#!/usr/bin/env python3
"""`troupe up --on ssh`: fleets on bare machines, each a network namespace with a real sshd, keys of its own and no systemd.

Exit: 77 where namespaces are not permitted, or there is no sshd.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / name) for name in ("55-federation", "")]
import harness

SSHD = "/usr/sbin/sshd"
PATIENCE = 120.0
NAMES = ("east", "north", "south")


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, check=False, **more)


def missing():
    """What keeps this from running here, or None."""
    if os.getuid() != 0:
        return "namespaces and an sshd need root here"
    for program in (SSHD, "ssh", "ssh-keygen", "ip"):
        if not shutil.which(program):
            return f"{program} is missing (tools/setup --check installs it)"
    name = f"tr{os.getpid()}x"
    done = run("ip", "netns", "add", name)
    if done.returncode == 0:
        run("ip", "netns", "del", name)
    return f"network namespaces are not permitted here: {done.stderr.strip()}" if done.returncode else None


class Machines(harness.SystemTest):
    """Three hosts on one bridge with this test; ssh finds them by their names. Where /run/sshd is missing each sshd has a /run of its own."""

    def setUp(self):
        super().setUp()
        self.place = pathlib.Path(self.directory)
        self.prefix = f"tr{os.getpid()}s"
        self.addCleanup(self.tear_down_network)
        self.ip("netns", "add", f"{self.prefix}-bridge")
        self.at("bridge", "link", "add", "br0", "type", "bridge")
        self.at("bridge", "addr", "add", "10.78.0.100/24", "dev", "br0")
        self.at("bridge", "link", "set", "br0", "up")
        self.at("bridge", "link", "set", "lo", "up")
        self.make_key("user")
        for number, name in enumerate(NAMES, 1):
            self.cable(name, number)
            self.make_key(f"host-{name}")
            self.start_sshd(name)
        self.write_config()

    def ip(self, *words):
        done = run("ip", *words)
        self.assertEqual(done.returncode, 0, f"ip {' '.join(words)}: {done.stderr}")

    def at(self, name, *words):
        self.ip("-n", f"{self.prefix}-{name}", *words)

    def cable(self, name, number):
        self.ip("netns", "add", f"{self.prefix}-{name}")
        self.at(name, "link", "add", "eth0", "type", "veth", "peer", "name", name, "netns", f"{self.prefix}-bridge")
        self.at("bridge", "link", "set", name, "master", "br0", "up")
        self.at(name, "addr", "add", f"10.78.0.{number}/24", "dev", "eth0")
        self.at(name, "link", "set", "eth0", "up")
        self.at(name, "link", "set", "lo", "up")

    def tear_down_network(self):
        for child in reversed(self._children):
            child.stop()
        for name in (*NAMES, "bridge"):
            run("ip", "netns", "del", f"{self.prefix}-{name}")

    def make_key(self, name):
        done = run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(self.place / name))
        self.assertEqual(done.returncode, 0, done.stderr)

    def start_sshd(self, name):
        """Everybody who has the user's key is who runs this test; what else there is of ssh on this machine has no part in it."""
        (self.place / "authorized").write_text((self.place / "user.pub").read_text())
        config = self.place / f"sshd-{name}"
        config.write_text(
            f"Port 22\nListenAddress 10.78.0.{NAMES.index(name) + 1}\nHostKey {self.place}/host-{name}\nPidFile none\nUsePAM no\nStrictModes no\n"
            f"AuthorizedKeysFile {self.place}/authorized\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n"
            f"SetEnv HOME={self.place}/{name}\n")
        (self.place / name).mkdir()
        # Its user's directories are the test's: what /root has is not touched.
        inside = 'mount -t tmpfs none /run && mkdir /run/sshd && exec "$0" -D -e -f "$1"'
        child = self.spawn(shutil.which("ip"), "netns", "exec", f"{self.prefix}-{name}", "unshare", "--mount", "sh", "-c", inside, SSHD, config)
        harness.wait_until(lambda: "listening on" in child.err or child.process.poll() is not None, f"the sshd of {name}", PATIENCE)
        self.assertIsNone(child.process.poll(), child.err)

    def write_config(self):
        known = self.place / "known_hosts"
        known.write_text("".join(f"10.78.0.{number} {(self.place / f'host-{name}.pub').read_text()}" for number, name in enumerate(NAMES, 1)))
        self.config = self.place / "ssh.config"
        self.config.write_text("".join(f"Host {name}\n  HostName 10.78.0.{number}\n" for number, name in enumerate(NAMES, 1)) +
                               f"Host *\n  User root\n  IdentityFile {self.place}/user\n  IdentitiesOnly yes\n  IdentityAgent none\n"
                               f"  UserKnownHostsFile {known}\n  GlobalKnownHostsFile /dev/null\n  LogLevel ERROR\n")

    def hosts(self):
        return [f"{name}=10.78.0.{number}" for number, name in enumerate(NAMES, 1)]

    def inside(self, verb, *words, code=0, patience=PATIENCE):
        """A verb beside the hosts, on their bridge."""
        done = self.run_program(shutil.which("ip"), "netns", "exec", f"{self.prefix}-bridge", harness.program("troupe"), verb, *map(str, words),
                                patience=patience)
        if code is not None:
            self.assertEqual(done.code, code, done)
        return done

    def there(self, number, *words):
        """A verb on one of the hosts, by its own ssh."""
        ssh = ["ssh", "-F", self.config, NAMES[number], harness.program("troupe"), *(shlex.quote(str(word)) for word in words), "--fleet",
               f"office-{number}", "--state", self.place / "far"]
        done = self.run_program(shutil.which("ip"), "netns", "exec", f"{self.prefix}-bridge", *map(str, ssh), patience=PATIENCE)
        self.assertEqual(done.code, 0, done)
        return done

    def up(self, fleet, *more, hosts=None, code=0):
        (self.place / "fleet.yaml").write_text(fleet)
        return self.inside("up", "fleet.yaml", "--on", "ssh", *(hosts or self.hosts()), "--ssh-config", self.config, "--program",
                           harness.program("troupe"), "--host-state", self.place / "far", "--timeout", "100s", *more, code=code)

    def down(self, *more):
        return self.inside("down", "office", "--timeout", "60s", *more, code=None)

    def wait_answer(self, whom, *more):
        harness.wait_until(lambda: self.inside("ask", whom, "hello", "--timeout", "5s", *more, code=None).out == "hello\n", f"an answer of {whom}", PATIENCE)

    def rows(self):
        return {(row["host"], row["name"]): row["state"] for row in self.inside("ps", "office", "-o", "json").json()}

    FLEET = """
fleet: office
secure: SECURE
broker: {journal: true}
coordinator: {}
agents:
  - {name: worker, behaviour: echo, count: 6, services: [work], ask: ["*"]}
  - {name: pinned, behaviour: echo, services: [pin], placement: {nodes: {host: south}}}
"""


class Ssh(Machines):
    def test_a_secure_fleet_from_up_to_down(self):
        self.addCleanup(self.down, "--purge")
        done = self.up(self.FLEET.replace("SECURE", "true"))
        for name, number in zip(NAMES, range(3)):
            self.assertIn(f"{name}: office-{number} is ready, by processes (no systemd runs on this host)", done.err)
        rows = self.rows()
        workers = sorted((host, name) for host, name in rows if name.startswith("worker"))
        self.assertEqual(workers, [(host, f"worker-{number}") for host in NAMES for number in (1, 2)])
        self.assertIn(("south", "pinned"), rows)
        self.assertIn(("east", "coordinator"), rows)
        self.assertEqual({state for (_, name), state in rows.items() if name.startswith("worker")}, {"running"})
        # What is asked here goes to the first host's broker, and on to another's by its service.
        self.wait_answer("worker-1")
        self.wait_answer("svc:pin")
        self.check_keys()
        self.rotate()

        self.inside("scale", "worker=9", "--timeout", "100s")
        self.assertEqual(sum(name.startswith("worker-") for _, name in self.rows()), 9)
        # One more of what runs there, whoever has changed it: none goes.
        self.there(1, "scale", "worker=5", "--timeout", "100s")
        before = self.rows()
        self.inside("attach", "worker", "--count", "2", "--timeout", "100s")
        after = self.rows()
        self.assertEqual({host: sum(name.startswith("worker-") for at, name in after if at == host) for host in NAMES}, {"east": 4, "north": 5, "south": 4})
        self.assertLessEqual(before.keys(), after.keys())
        self.assertNotEqual(self.inside("attach", "nobody", code=None).code, 0)
        self.inside("attach", "late", "--behaviour", "echo", "--service", "late", "--timeout", "100s")
        self.wait_answer("late")
        self.rotate_late()
        self.inside("detach", "late")
        self.assertNotIn(("east", "late"), self.rows())
        logs = self.inside("logs", "pinned", "--lines", "50").out
        self.assertIn("pinned", logs)
        self.assertNotEqual(self.inside("logs", "nobody", code=None).code, 0)
        self.take_back()
        again = self.up(self.FLEET.replace("SECURE", "true"), code=3)
        self.assertIn("runs already", again.err)

        self.assertEqual(self.down().code, 0)
        for number in range(3):
            self.assertFalse((self.place / "far" / f"office-{number}" / "fleet.json").exists())
        self.assertNotEqual(self.inside("ps", "office", code=None).code, 0)

    def test_shards_of_the_knowledge_base_are_one_on_each_host(self):
        """What one of them gets is on all: whichever is asked answers for the others, over the links of the brokers."""
        self.addCleanup(self.down, "--purge")
        self.up("fleet: office\nsecure: true\nknowledge: {shards: 3}\nagents: []\n")
        self.assertEqual({key for key in self.rows() if "kb" in key[1]}, {(host, f"kb-{number}") for number, host in enumerate(NAMES, 1)})

        def shards():
            done = self.inside("kb", "shards", "-o", "json", code=None)
            return done.code == 0 and [(row["shard"], row["state"]) for row in done.json()]
        names = [f"kb-{number}@office-{number - 1}" for number in (1, 2, 3)]
        harness.wait_until(lambda: shards() and [name for name, state in shards() if state == "here"] == names, "all shards to be here", PATIENCE)
        notes = self.place / "notes"
        notes.mkdir()
        for number in range(12):
            (notes / f"note-{number}.txt").write_text(f"Note {number}. The lighthouse keeper of rock {number} counts ships.\n")
        self.inside("kb", "add", notes)
        found = self.inside("kb", "search", "lighthouse keeper", "-k", "12", "-o", "json").json()
        self.assertEqual(len({row["id"] for row in found}), 12)
        held = {row["shard"]: row["documents"] for row in self.inside("kb", "shards", "-o", "json").json()}
        self.assertEqual(sum(held.values()), 12)
        self.assertGreater(min(held.values()), 0, held)

    def check_keys(self):
        """Each host has its own keys, and of others the public parts of their brokers alone."""
        secrets = {}
        for number in range(3):
            certs = self.place / "far" / f"office-{number}" / "certs"
            public = {path.name for path in certs.glob("*.yaml")}
            self.assertEqual({name for name in public if name.startswith("peer.")}, {f"peer.office-{other}.yaml" for other in range(3) if other != number})
            for path in (certs / "secret").iterdir():
                self.assertEqual(path.stat().st_mode & 0o777, 0o600)
                secrets.setdefault(re.search("secret-key: '(.*)'", path.read_text()).group(1), set()).add(number)
        self.assertTrue(all(len(hosts) == 1 for hosts in secrets.values()), "a secret key is on two hosts")

    ALL_KNOW = "brokers that have read the certificates: 3 of 3"  # each its own

    def rotate(self):
        """Each host gets its own, while all goes on; the processes stay."""
        def secrets():
            return {path: path.read_text() for path in self.place.glob("far/office-*/certs/secret/*.yaml")}

        def pids():
            return {(row["host"], row["name"]): row["pid"] for row in self.inside("ps", "office", "-o", "json").json()}
        before, ran = secrets(), pids()
        done = self.inside("cert", "rotate", "--fleet", "office", "--grace", "1h", "-o", "json", "--timeout", "60s")
        self.assertIn(self.ALL_KNOW, done.err)
        states = {(row["fleet"], row["name"]): row["state"] for row in done.json()}
        self.assertEqual(states["office-2", "agent.pinned"], "rotating")
        self.assertEqual(states["office-2", "broker"], "valid")
        after = secrets()
        self.assertEqual(before.keys(), after.keys())
        for path, text in after.items():
            self.assertEqual(text == before[path], path.name == "broker.yaml", path)
        self.wait_answer("worker-1")
        self.assertIn(self.ALL_KNOW, self.inside("cert", "rotate", "--fleet", "office", "--finish").err)
        self.wait_answer("worker-1")
        self.wait_answer("svc:pin")
        self.assertEqual(pids(), ran)

    def rotate_late(self):
        """An agent that was attached has its keys on its host alone, and they rotate like all others."""
        public, secret = (self.place / "far/office-0/certs" / part / "agent.late.yaml" for part in ("", "secret"))
        before = secret.read_text()
        self.inside("cert", "rotate", "--fleet", "office", "--grace", "1h", "--timeout", "60s")
        self.assertNotEqual(secret.read_text(), before)
        self.assertIn("old-key: ", public.read_text())
        now = secret.read_text()
        self.inside("cert", "rotate", "--fleet", "office", "--grace", "1h", "--timeout", "60s")
        self.assertEqual(secret.read_text(), now)  # what rotates goes on
        self.inside("cert", "rotate", "--fleet", "office", "--finish")
        self.assertNotIn("old-key: ", public.read_text())
        self.wait_answer("late")

    def take_back(self):
        """On the host that has it, and of no other."""
        self.assertIn("that was attached has its own on its host", self.inside("cert", "revoke", "agent.late", "--fleet", "office", code=3).err)
        done = self.inside("cert", "revoke", "agent.pinned", "--fleet", "office", "-o", "json")
        self.assertIn(self.ALL_KNOW, done.err)
        states = {(row["fleet"], row["name"]): row["state"] for row in done.json()}
        self.assertEqual((states["office-2", "agent.pinned"], states["office-2", "operator"]), ("revoked", "valid"))
        self.assertIn("revoked: ", (self.place / "far/office-2/certs/agent.pinned.yaml").read_text())
        self.assertFalse((self.place / "far/office-2/certs/secret/agent.pinned.yaml").exists())
        harness.wait_until(lambda: self.inside("ask", "svc:pin", "hello", "--timeout", "2s", code=None).code != 0, "its holder to be kept out", PATIENCE)
        self.wait_answer("worker-1")

    def test_an_open_fleet_and_a_host_that_is_killed(self):
        self.addCleanup(self.down, "--purge")
        self.up(self.FLEET.replace("SECURE", "false").replace("count: 6", "count: 2"), hosts=[self.hosts()[0], self.hosts()[2]])
        self.wait_answer("worker")
        self.wait_answer("svc:pin")
        self.assertIn("is not secure", self.inside("cert", "rotate", "--fleet", "office", code=3).err)
        state = json.loads((self.place / "far" / "office-1" / "fleet.json").read_text())
        os.kill(state["pid"], 9)
        harness.wait_until(lambda: not pathlib.Path(f"/proc/{state['pid']}").exists() or self.is_dead(state["pid"]), "the supervisor to end", PATIENCE)
        gone = self.inside("ps", "office", "-o", "json", code=None)
        self.assertEqual(gone.code, 2, gone)
        self.assertIn("south: ", gone.err)
        self.assertEqual({row["host"] for row in gone.json()}, {"east"})
        self.assertEqual(self.down("--purge").code, 0)

    @staticmethod
    def is_dead(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    def test_what_goes_wrong_names_the_host_and_a_cure(self):
        fleet = self.FLEET.replace("SECURE", "false")
        done = self.up(fleet, "--dry-run")
        self.assertIn("host: south", done.out)
        self.assertIn("office-2", done.out)
        self.assertFalse((self.place / "far").exists())

        fleet = "fleet: office\nagents: [{name: worker, behaviour: echo, count: 2}]\n"
        done = self.up(fleet, hosts=["east=10.78.0.1", "nobody.invalid"], code=None)
        self.assertEqual(done.code, 2, done)
        self.assertIn("nobody.invalid: ", done.err)
        self.assertIn("`ssh nobody.invalid true` must work without a question", done.err)
        self.assertIn("`troupe down office` ends it", done.err)
        # What can be ended is; the rest is known until it is told to be forgotten.
        for _ in range(2):
            done = self.down("--purge")
            self.assertEqual(done.code, 2, done)
            self.assertIn("`troupe down office --kill` forgets it", done.err)
        self.assertFalse((self.place / "far" / "office-0" / "fleet.json").exists())
        self.assertEqual([host["at"] for host in json.loads((self.place / ".troupe" / "office" / "apart.json").read_text())["hosts"]], ["nobody.invalid"])
        done = self.down("--kill")
        self.assertEqual(done.code, 0, done)
        self.assertIn("nobody.invalid: ", done.err)

        done = self.inside("up", "fleet.yaml", "--on", "ssh", "east", "--ssh-config", self.config, "--program", "/nowhere/troupe", code=2)
        self.assertIn("east: /nowhere/troupe cannot be run there", done.err)
        self.assertIn("--program", done.err)
        self.assertEqual(self.down("--kill").code, 0)
        done = self.up(fleet, hosts=["east", "east"], code=3)
        self.assertIn("given twice", done.err)

        done = self.up("fleet: office\nagents: [{name: a, behaviour: echo, args: 7}]\n", hosts=["east"], code=3)
        self.assertIn("args", done.err)
        done = self.up(fleet, hosts=["-oProxyCommand=touch x"], code=None)
        self.assertNotEqual(done.code, 0)
        self.assertFalse((self.place / "x").exists())
        self.assertEqual(self.up(fleet, hosts=["a b"], code=3).code, 3)
        done = self.inside("up", "fleet.yaml", "--on", "ssh", code=1)
        self.assertIn("needs the hosts", done.err)


class Units(harness.SystemTest):
    def test_units_are_as_systemd_wants_them(self):
        analyze = shutil.which("systemd-analyze")
        if not analyze:
            self.skipTest("systemd-analyze is not here")
        place = pathlib.Path(self.directory)
        texts = {"troupe-office-0.service": self.troupe("host", "--unit", "office-0", "--state", place).out}
        for kind in ("system", "user"):
            text = (harness.BUILD / "tools" / f"{kind}-troupe@.service").read_text()
            texts[f"{kind}-troupe@.service"] = re.sub("^ExecStart=[^ ]*", f"ExecStart={harness.program('troupe')}", text, flags=re.M).replace(
                "User=troupe", "User=root")
        for name, text in texts.items():
            (place / name).write_text(text)
            done = run(analyze, "verify", "--man=no", place / name)
            # systemd is not there to be asked for what else it has: only what is said of this unit counts
            said = [line for line in done.stderr.splitlines() if name.rstrip(".service") in line or str(place) in line]
            self.assertEqual(said, [], done.stderr)
        (place / "wrong.service").write_text(texts["troupe-office-0.service"].replace("Type=notify", "Tipe=notify"))
        self.assertIn("Tipe", run(analyze, "verify", "--man=no", place / "wrong.service").stderr, "what is wrong is seen")

    def test_what_is_revoked_on_a_host_stays_so(self):
        """Who brings keys does not know of it; a certificate that was made since then is another one."""
        certs = pathlib.Path(self.directory, "office-0", "certs")
        public, secret = certs / "agent.a.yaml", certs / "secret" / "agent.a.yaml"
        for name in ("broker", "agent.a", "agent.b"):
            self.troupe("cert", "new", name, *(("--role", "broker") if name == "broker" else ()), "--certs", certs)
        files = {f"certs/{path.relative_to(certs)}": path.read_text() for path in (public, certs / "agent.b.yaml", secret)}

        def bring(files):
            request = {"action": "keys", "fleet": "office-0", "files": files}
            return self.troupe("host", "--state", self.directory, text=json.dumps(request))
        (certs / "agent.b.yaml").unlink()
        bring(files)
        self.assertEqual((public.read_text(), secret.read_text()), (files["certs/agent.a.yaml"], files["certs/secret/agent.a.yaml"]))
        self.assertTrue((certs / "agent.b.yaml").exists())

        self.troupe("cert", "revoke", "agent.a", "--certs", certs)
        revoked = public.read_text()
        self.assertIn("revoked: ", revoked)
        bring(files)
        self.assertEqual(public.read_text(), revoked)
        self.assertFalse(secret.exists(), "the secret part of a revoked certificate came back")

        other = {"certs/agent.b.yaml": files["certs/agent.b.yaml"] + "revoked: 2026-01-01T00:00:00Z\n"}
        self.assertTrue((certs / "secret/agent.b.yaml").exists())
        bring(other)
        self.assertFalse((certs / "secret/agent.b.yaml").exists(), "what was revoked where keys are made has no secret part here")

        files["certs/agent.a.yaml"] = re.sub("(?m)^made: .*", "made: 2999-01-01T00:00:00Z", files["certs/agent.a.yaml"])
        bring(files)
        self.assertEqual((public.read_text(), secret.read_text()), (files["certs/agent.a.yaml"], files["certs/secret/agent.a.yaml"]))

    def test_up_tells_its_manager(self):
        import socket
        path = f"{self.directory}/notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(PATIENCE)
            pathlib.Path(self.directory, "f.yaml").write_text("fleet: f\nagents: [{name: a, behaviour: echo}]\n")
            child = self.spawn("troupe", "up", "f.yaml", "--timeout", "100s", env={"NOTIFY_SOCKET": path})
            self.assertEqual(manager.recv(100), b"READY=1")
            self.assertEqual(self.troupe("ask", "a", "hello").out, "hello\n")
            child.process.terminate()
            self.assertEqual(manager.recv(100), b"STOPPING=1")
            self.assertEqual(child.wait(PATIENCE).code, 0)


if __name__ == "__main__":
    why = missing()
    if why:
        print(f"skipped: {why}")
        sys.exit(77)
    harness.main()
