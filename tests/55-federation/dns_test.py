"""Brokers that find each other by a name, as the pods of a headless service do: a network namespace with a name server of its own.

Exit: 77 where namespaces are not permitted.
"""
import os
import pathlib
import shutil
import sys

import place
import harness

SHARED = "cluster"  # the certificate of all pods
NAME = "brokers.fleet.svc"
EVERY = "100ms"
# Its own /etc/resolv.conf, and no other file that names hosts: only this process and its children see them.
ALONE = 'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/nsswitch.conf && ip link set lo up && shift 2 && exec "$@"'


class Names(place.FederationTest):
    def setUp(self):
        super().setUp()
        self.certify(SHARED, "--platform", "pod-*")
        self.table = self.write("names", "")
        self.resolv = self.write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.switch = self.write("nsswitch.conf", "hosts: dns\n")
        self.server = self.spawn(shutil.which("unshare"), "--net", "--mount", "/bin/sh", "-c", ALONE, "sh", self.resolv, self.switch,
                                 sys.executable, place.HERE / "names.py", self.table)
        harness.wait_until(lambda: "ready" in self.server.out or self.server.process.poll() is not None, "the name server")
        if self.server.process.poll() is not None:
            self.skipTest(f"namespaces are not permitted: {self.server.err.strip()}")

    def write(self, name, text):
        path = pathlib.Path(self.directory) / name
        path.write_text(text, encoding="ascii")
        return path

    def names(self, *numbers):
        """From now on the name stands for these pods."""
        row = f"{NAME} {' '.join(map(self.at, numbers))}\n" if numbers else ""
        os.replace(self.write("names.new", row), self.table)

    @staticmethod
    def at(number):
        return f"127.0.1.{number}"

    def pod(self, number, at=None, named=True):
        more = ("--peers-dns", f"{NAME}:5573", "--peers-every", EVERY) if named else ()
        within = (shutil.which("nsenter"), "--net", "--mount", "--target", str(self.server.pid))
        self.brokers[f"pod-{number}"] = self.ready(
            *within, harness.program("broker"), "--platform", f"pod-{number}", "--cert", self.certs / "secret" / f"{SHARED}.yaml", "--certs",
            self.certs, "--open-links", "--federation", f"tcp://{self.at(at or number)}:5573", "--listen",
            f"ipc://{self.directory}/pod-{number}.sock", "--stream", "tcp://127.0.0.1:0", "--http", "none", *more)

    def linked(self, number, others, state="up"):
        self.wait_linked(f"pod-{number}", [f"pod-{other}" for other in others], state)

    def test_the_brokers_are_those_of_the_name(self):
        self.names(1, 2)
        self.pod(1)
        self.pod(2)
        self.linked(1, [2])
        self.pod(3, named=False)  # who does not dial: it is found
        self.names(1, 2, 3)
        self.linked(3, [1, 2])
        self.brokers["pod-3"].stop()
        self.linked(1, [3], "down")
        self.pod(3, at=33, named=False)  # a pod that comes back has another address
        self.names(1, 2, 33)
        self.linked(3, [1, 2])
        self.linked(1, [2, 3])

    def dials(self, number):
        done = self.troupe("ask", "ams", '{"action": "brokers"}', "-o", "json", "--connect", self.brokers[f"pod-{number}"].endpoint)
        return {dial["endpoint"]: dial for dial in done.json()["dials"]}

    def test_a_name_that_is_gone_is_told_and_loses_no_link(self):
        self.names(1, 2)
        self.pod(1)
        self.pod(2, named=False)  # one dials: two links at once would end in one
        self.linked(1, [2])
        self.names()
        row = harness.wait_until(lambda: self.dials(1).get(f"{NAME}:5573"), "the name to be told as not found")
        self.assertEqual(row["state"], "not-found")
        self.brokers["pod-1"].wait_err("name of brokers not found")
        self.assertEqual(self.rows("pod-1")["pod-2"]["ups"], 1)
        self.assertEqual(self.states("pod-1")["pod-2"], "up")
        table = self.troupe("brokers", "--connect", self.brokers["pod-1"].endpoint, "-o", "wide").out
        self.assertIn("not-found", table)
        self.names(1, 2)
        harness.wait_until(lambda: f"{NAME}:5573" not in self.dials(1), "the name to be found again")

    def test_an_address_that_is_none_any_more_is_given_up(self):
        self.names(1, 2)
        self.pod(1)
        harness.wait_until(lambda: f"tcp://{self.at(2)}:5573" in self.dials(1), "the second address to be dialled")
        self.names(1)
        harness.wait_until(lambda: f"tcp://{self.at(2)}:5573" not in self.dials(1), "it to be given up")


if __name__ == "__main__":
    place.main()
