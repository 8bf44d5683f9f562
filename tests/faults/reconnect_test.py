#!/usr/bin/env python3
"""The broker is killed and comes back: all of 9,000 links (fewer in the short version) are there again soon."""
import time

import faults
from faults import LONG, figure, wait_until
from harness import Share

LINKS, PROCESSES = (9000, 3) if LONG else (2000, 1)
LEAST = 0.5  # of the machine, for the long version
SOON = 30.0  # seconds until the last one is registered again


class Reconnect(faults.FaultTest):
    journal = False

    def wait_for_all(self, since, patience=600):
        """Until each link has had a new session after `since`, and every crowd has said that all of it is there; when the last one did."""
        def last():
            connected, said = 0, {}
            for at, path, word, rest in self.ledger.read().events:
                if at > since and word == "event":
                    connected += rest[0] == "connected"
                elif at > since and word in ("all", "some"):
                    said[path] = (word, at)
            all_there = len(said) == PROCESSES and all(word == "all" for word, _ in said.values())
            return connected >= LINKS and all_there and max(at for _, at in said.values())
        return wait_until(last, "all links", patience)

    def test_reconnect(self):
        self.start()
        crowds = [self.agent("crowd", f"crowd{i}", wait=False, links=LINKS // PROCESSES) for i in range(PROCESSES)]
        pids = [child.pid for child in crowds]
        share = Share([*pids, self.running.pid])
        self.wait_for_all(0)
        share = share.now([*pids, self.running.pid])
        if LONG and share < LEAST:  # so many links then live on the edge of their leases, broker or no broker
            self.skipTest(f"others took {100 - share * 100:.0f} % of the machine")
        self.kill()
        share = Share(pids)
        begun = time.monotonic_ns()
        self.start()
        took = (self.wait_for_all(begun) - begun) / 1e9
        share = share.now([*pids, self.running.pid])
        wait_until(lambda: self.metric("troupe_broker_agents") == LINKS, "the broker to count them")
        lost = self.running.err.count("B012")
        figure("reconnect", f"{LINKS:,} links were registered again {took:.1f} s after the broker was started again, on {share * 100:.0f} % of "
               f"the machine ({took * share:.1f} s of all of it), {lost} agents lost meanwhile")
        for child in crowds:
            self.stop(child)
        self.assertLess(took * share, SOON)


if __name__ == "__main__":
    faults.main()
