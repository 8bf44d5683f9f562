#!/usr/bin/env python3
"""Fleets on bare machines of which one is away for a while: what is asked of all is done by the others, and the same again brings the rest.

There is no network here: a stand-in for ssh runs what it is told to on this machine, or fails as ssh does where the host is away.
"""
import json
import os
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent)]
import harness

NAMES = ("east", "north", "south")
PATIENCE = 120.0
SSH = """#!/bin/sh
while [ "$1" != -- ]; do shift; done
[ ! -e {place}/away-$2 ] || {{ echo "ssh: connect to host $2 port 22: No route to host" >&2; exit 255; }}
exec sh -c "$3"
"""
# One way for all, as a jump host is: it has eight places, which are taken for as long as it takes to show who one is.
NARROW = """#!/bin/sh
for n in 1 2 3 4 5 6 7 8; do
    mkdir {place}/way-$n 2>/dev/null || continue
    sleep 0.2
    rmdir {place}/way-$n
    echo '[]'
    exit 0
done
echo "kex_exchange_identification: Connection closed by remote host" >&2
exit 255
"""


class Away(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.place = pathlib.Path(self.directory)
        (self.place / "bin").mkdir()
        ssh = self.place / "bin" / "ssh"
        ssh.write_text(SSH.format(place=self.place))
        ssh.chmod(0o755)
        self.env = {"PATH": f"{ssh.parent}:{os.environ['PATH']}"}

    def office(self, secure, groups, names=NAMES):
        """What `up --on ssh` leaves here of a fleet on these hosts."""
        hosts = [{"at": name, "address": "127.0.0.1", "fleet": f"office-{n}", "groups": dict(groups), "secure": secure} for n, name in enumerate(names)]
        self.apart = self.place / "state" / "office" / "apart.json"
        self.apart.parent.mkdir(parents=True)
        self.apart.write_text(json.dumps({
            "fleet": "office", "on": "ssh", "context": "", "namespace": "", "image": "", "link": 0, "stream": 0, "http": 0, "web": 0,
            "ssh-config": "", "program": harness.program("troupe"), "remote": str(self.place / "far"), "hosts": hosts}))
        self.apart.chmod(0o600)

    def groups(self):
        return [sorted(host["groups"]) for host in json.loads(self.apart.read_text())["hosts"]]

    def away(self, name, yes=True):
        flag = self.place / f"away-{name}"
        flag.touch() if yes else flag.unlink()

    def ask(self, *words, code):
        done = self.troupe(*words, "--fleet", "office", "--state", self.place / "state", env=self.env, patience=PATIENCE)
        if code is not None:
            self.assertEqual(done.code, code, done)
        return done

    # ---- certificates ----

    def certs(self):
        self.office(True, {"a": 1})
        for n in range(len(NAMES)):
            certs = self.apart.parent / "hosts" / f"office-{n}" / "certs"
            for name in ("broker", "agent.a", "agent.b"):
                self.assertEqual(self.troupe("cert", "new", name, *(("--role", "broker") if name == "broker" else ()), "--certs", certs).code, 0)
            (self.place / "far" / f"office-{n}").mkdir(parents=True)

    def far(self, n, name):
        path = self.place / "far" / f"office-{n}" / "certs" / f"{name}.yaml"
        return path.read_text() if path.exists() else None

    def near(self, n, name):
        return (self.apart.parent / "hosts" / f"office-{n}" / "certs" / f"{name}.yaml").read_text()

    def check_told(self, done, name):
        self.assertIn(f"{name}: ssh: connect to host {name}", done.err)
        self.assertIn("1 of 3 hosts did not get the certificates", done.err)
        self.assertIn("the same command again brings them", done.err)

    def test_what_is_revoked_gets_to_all_hosts_but_the_first_which_is_away(self):
        self.certs()
        self.away("east")
        self.check_told(self.ask("cert", "revoke", "agent.a", code=2), "east")
        self.assertIsNone(self.far(0, "agent.a"))
        for n in (1, 2):
            self.assertIn("revoked: ", self.far(n, "agent.a"))
            self.assertNotIn("revoked: ", self.far(n, "agent.b"))
        self.away("east", False)
        self.ask("cert", "revoke", "agent.a", code=0)
        self.assertIn("revoked: ", self.far(0, "agent.a"))

    def test_new_keys_get_to_all_hosts_but_one_that_is_away(self):
        self.certs()
        before = [self.near(n, "agent.a") for n in range(3)]
        self.away("north")
        self.check_told(self.ask("cert", "rotate", "--grace", "1h", code=2), "north")
        after = [self.near(n, "agent.a") for n in range(3)]
        for n in range(3):
            self.assertNotEqual(after[n], before[n])
            self.assertEqual(self.far(n, "agent.a"), None if n == 1 else after[n])
        self.away("north", False)
        # Nobody's broker runs here: that the brokers know cannot be waited for.
        done = self.ask("cert", "rotate", "--grace", "1h", "--timeout", "100ms", code=None)
        self.assertNotIn("did not get", done.err)
        self.assertEqual(self.far(1, "agent.a"), after[1], "the keys of the first time")

    # ---- many hosts ----

    def test_many_hosts_behind_one_jump_host(self):
        self.office(False, {"a": 1}, [f"host-{n}" for n in range(30)])
        (self.place / "bin" / "ssh").write_text(NARROW.format(place=self.place))
        self.assertEqual(self.ask("ps", "-o", "json", code=0).err, "")

    # ---- groups ----

    def start(self):
        """Three fleets of this machine, as hosts have them."""
        self.office(False, {"a": 1})
        children = []
        for n in range(len(NAMES)):
            path = self.place / f"office-{n}.yaml"
            path.write_text(f"fleet: office-{n}\nagents: [{{name: a, behaviour: echo}}]\n")
            children.append(self.spawn("troupe", "up", path, "--state", self.place / "far", "--timeout", "100s"))
        for n, child in enumerate(children):
            harness.wait_until(lambda n=n: self.runs(n, "a"), f"office-{n}", PATIENCE)
            self.assertIsNone(child.process.poll(), child.err)

    def runs(self, n, group):
        done = self.troupe("ps", "-o", "json", "--fleet", f"office-{n}", "--state", self.place / "far")
        return done.code == 0 and any(row.get("group") == group for row in json.loads(done.out))

    def test_groups_end_and_begin_while_a_host_is_away(self):
        self.start()
        self.away("north")
        done = self.ask("detach", "a", code=2)
        self.assertIn("north: ssh: connect to host north", done.err)
        self.assertIn("1 of 3 hosts have a yet", done.err)
        self.assertEqual([self.runs(n, "a") for n in range(3)], [False, True, False])
        self.assertEqual(self.groups(), [[], ["a"], []])
        self.away("north", False)
        # Its answer is lost: it was done there, and is not known here.
        self.assertEqual(self.troupe("detach", "a", "--fleet", "office-1", "--state", self.place / "far").code, 0)
        self.ask("detach", "a", code=0)
        self.assertEqual(self.groups(), [[], [], []])

        self.away("east")
        done = self.ask("attach", "late", "--behaviour", "echo", code=2)
        self.assertIn("`troupe detach late` ends it", done.err)
        self.assertEqual(self.groups(), [["late"], [], []], "nobody knows whether it runs")
        self.away("east", False)
        self.ask("detach", "late", code=0)
        self.ask("attach", "late", "--behaviour", "nonsense", code=3)
        self.assertEqual(self.groups(), [[], [], []], "the host has said that it has none")
        self.ask("attach", "late", "--behaviour", "echo", code=0)
        self.assertTrue(self.runs(0, "late"))
        self.assertEqual(self.groups(), [["late"], [], []])


    # ---- how many ----

    def begin(self, counts, **away):
        """Three fleets of this machine, with so many of each group on each."""
        self.office(False, dict.fromkeys(counts, 1))
        for n in range(len(NAMES)):
            agents = [{"name": name, "behaviour": "echo", "count": count, "processes": "per-agent"} for name, count in counts.items()]
            path = self.place / f"office-{n}.yaml"
            path.write_text(json.dumps({"fleet": f"office-{n}", "agents": agents}))
            done = self.troupe("up", path, "--detach", "--state", self.place / "far", "--timeout", "100s", patience=PATIENCE)
            self.addCleanup(lambda n=n: self.troupe("down", f"office-{n}", "--kill", "--state", self.place / "far", patience=PATIENCE))
            self.assertEqual(done.code, 0, done)

    def counts(self, group):
        rows = [self.troupe("ps", "-o", "json", "--fleet", f"office-{n}", "--state", self.place / "far").json() for n in range(len(NAMES))]
        return [sum(row.get("group") == group for row in each) for each in rows]

    def test_scale_goes_on_over_the_hosts_that_are_there(self):
        self.begin({"a": 2, "b": 2})
        self.away("east")
        done = self.ask("scale", "a=9", "b=3", "-o", "json", code=2)
        self.assertIn("east: ssh: connect to host east", done.err)
        self.assertIn("1 of 3 hosts have not done it: the same command again is for them", done.err)
        self.assertEqual((self.counts("a"), self.counts("b")), ([2, 3, 3], [2, 1, 1]))
        self.assertEqual(sorted((row["host"], row["name"], row["state"]) for row in done.json()),
                         [(host, name, state) for host in ("north", "south") for name, state in (("a-3", "running"), ("b-2", "ended"))])
        self.away("east", False)
        done = self.ask("scale", "a=9", "b=3", "-o", "json", code=0)
        self.assertEqual((self.counts("a"), self.counts("b")), ([3, 3, 3], [1, 1, 1]))
        self.assertEqual({row["host"] for row in done.json()}, {"east"}, "the others had done it")
        # A group that there is none of: nothing at all is done.
        done = self.ask("scale", "a=3", "c=3", code=2)
        self.assertIn('no group "c"', done.err)
        self.assertEqual(self.counts("a"), [3, 3, 3])
        # What is refused is not away, whoever else is.
        self.away("south")
        self.ask("detach", "a", code=3)  # a group of three
        self.away("south", False)

    def test_further_members_begin_where_somebody_is_there(self):
        self.begin({"a": 2})
        self.away("north")
        done = self.ask("attach", "a", "--count", "4", "-o", "json", code=0)
        self.assertIn("north: ssh: connect to host north", done.err)
        self.assertEqual(self.counts("a"), [4, 2, 4])
        self.assertEqual(sorted((row["host"], row["name"]) for row in done.json()), [(host, f"a-{k}") for host in ("east", "south") for k in (3, 4)])
        # All are away: nothing has begun, so that the same again is right.
        for name in ("east", "south"):
            self.away(name)
        self.assertIn("nothing has begun", self.ask("attach", "a", code=2).err)
        # One goes while it is asked: what is missing is said, not begun twice.
        for name in NAMES:
            self.away(name, False)
        ssh = self.place / "bin" / "ssh"
        whole = ssh.read_text()
        ssh.write_text(whole.replace("exec sh -c", 'case "$2 $3" in "south "*attach*) echo "ssh: connection lost" >&2; exit 255;; esac\nexec sh -c'))
        done = self.ask("attach", "a", "--count", "5", code=2)
        self.assertEqual(self.counts("a"), [5, 5, 4])
        self.assertIn("south: ssh: connection lost", done.err)
        self.assertIn("`troupe attach a --count 1`", done.err)
        ssh.write_text(whole)
        self.ask("attach", "a", "--count", "1", code=0)
        self.assertEqual(self.counts("a"), [5, 5, 5])


if __name__ == "__main__":
    harness.main()
