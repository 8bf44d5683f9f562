#!/usr/bin/env python3
"""Two agents that answer whatever comes: the hop limit ends it, or what they may spend."""
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

    def test_ping_pong_with_a_budget(self):
        """Each message takes one of what is left; with nothing left, nobody may ask any more."""
        tokens = 20
        self.start()
        pair = [self.agent("bouncer", "ping", ask=True),
                self.agent("bouncer", "pong", ask=True, to="ping", budget_tokens=str(tokens))]
        wait_until(lambda: self.ledger.read().returned, "a message that has nothing left to spend to come back")
        for child in pair:
            self.stop(child)
        reasons = {reason for _, reason in self.ledger.returned.values()}
        figure("ping-pong-budget", f"a pair that asks each other with {tokens} tokens was stopped after {self.bounced()} messages: "
                                   f"{', '.join(reasons)}")
        self.assertEqual((reasons, self.bounced()), ({"budget"}, tokens))
        self.assertIn("B054", self.running.err)


if __name__ == "__main__":
    faults.main()
