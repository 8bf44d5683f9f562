#!/usr/bin/env python3
"""Two agents that answer whatever comes: the hop limit ends it."""
import faults
from faults import figure, wait_until

HOPS = 64  # what a message starts with (docs/protocol.md)


class Hops(faults.FaultTest):
    journal = False

    def bounced(self):
        return self.ledger.read().happened("bounced")

    def test_ping_pong(self):
        self.start()
        pair = [self.agent("bouncer", "ping"), self.agent("bouncer", "pong", to="ping")]
        wait_until(lambda: self.ledger.read().returned, "a message that has no hops left to come back")
        bounced = self.bounced()
        for child in pair:
            self.stop(child)
        reasons = {reason for _, reason in self.ledger.returned.values()}
        figure("ping-pong", f"a pair that answers each other was stopped after {bounced} messages: {', '.join(reasons)}")
        self.assertEqual(reasons, {"hop-limit"})
        self.assertEqual(bounced, HOPS)
        self.assertEqual(self.bounced(), HOPS)


if __name__ == "__main__":
    faults.main()
