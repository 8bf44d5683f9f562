#!/usr/bin/env python3
"""One fleet of 200 agents by `troupe up --on ssh` on three hosts, network namespaces with an sshd each: how long it takes, and that what is
asked at one of them is answered at the others.

The target is 10 s in a release build, of the machine's time that others left; with sanitizers the time is printed, not claimed.

Exit: 77 where namespaces are not permitted, or there is no sshd.
"""
import json
import os
import pathlib
import resource
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / name) for name in ("90-cluster", "")]
import harness
import ssh_test

AGENTS, LIMIT = 200, 10.0
OPTIONS = {one["name"]: one["value"] for one in json.loads((harness.BUILD / "meson-info" / "intro-buildoptions.json").read_text())}
RELEASE = OPTIONS["buildtype"] == "release" and OPTIONS["b_sanitize"] in ("none", [])
FLEET = f"""
fleet: office
secure: true
broker: {{journal: true}}
agents:
  - {{name: worker, behaviour: echo, count: {AGENTS - 2}, services: [work], ask: ["*"]}}
  - {{name: in-north, behaviour: echo, services: [of-north], placement: {{nodes: {{host: north}}}}}}
  - {{name: in-south, behaviour: echo, services: [of-south], placement: {{nodes: {{host: south}}}}}}
"""


class Fleet(ssh_test.Machines):
    def pids(self):
        """All that runs on the three hosts and the bridge."""
        spaces = {os.stat(f"/run/netns/{self.prefix}-{name}").st_ino for name in (*ssh_test.NAMES, "bridge")}
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.stat(f"/proc/{pid}/ns/net").st_ino in spaces:
                    found.append(int(pid))
            except OSError:
                pass  # it has ended
        return found

    def of_ended(self):
        """Processor seconds of children that have ended: here, and of what runs there (sshd's sessions)."""
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        ticks = 0
        for pid in self.pids():
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
            except OSError:
                continue
            ticks += int(fields[13]) + int(fields[14])
        return own.ru_utime + own.ru_stime + ticks / os.sysconf("SC_CLK_TCK")

    def test_200_agents_on_three_hosts(self):
        self.addCleanup(self.down, "--purge")
        ended, share, began = self.of_ended(), harness.Share(self.pids()), time.monotonic()
        self.up(FLEET)
        took = time.monotonic() - began
        ours = took * share.now(self.pids(), self.of_ended() - ended)
        print(f"up --on ssh: {AGENTS} agents on three hosts in {took:.2f} s, {ours:.2f} s without what others on the machine took"
              f"{'' if RELEASE else ' (no release build)'}")
        rows = self.rows()
        workers = [host for (host, name), state in rows.items() if name.startswith("worker-") and state == "running"]
        self.assertEqual(sorted(workers.count(host) for host in ssh_test.NAMES), [66, 66, 66])
        # Asked at the first host; answered over the links of the brokers.
        for whom in ("svc:of-north", "svc:of-south", "in-south@office-2", "worker-66@office-1", "svc:work"):
            self.wait_answer(whom)
        if RELEASE:
            self.assertLessEqual(ours, LIMIT)


if __name__ == "__main__":
    why = ssh_test.missing()
    if why:
        print(f"skipped: {why}")
        sys.exit(77)
    harness.main()
