#!/usr/bin/env python3
"""Topics of 1 to 300 bytes, published, subscribed to over a link and on the stream: each works or is refused, and nobody is cut off."""
import zmq

import faults
from faults import figure, wait_until
from client import DONE, NACK, PUBLISH, SUBSCRIBE, proto

LONGEST = 200  # docs/protocol.md, "Limits"
LENGTHS = range(1, 301)
BAD_TOPIC = 17


def topic(length):
    return ("t" + "abc.de-f/" * 40)[:length].rstrip(".").ljust(length, "x")


class Topics(faults.FaultTest):
    journal = False
    broker_options = faults.PATIENT

    def watcher(self, topics):
        """A plain SUB on the stream."""
        socket = zmq.Context.instance().socket(zmq.SUB)
        socket.linger = 0
        socket.connect(self.stream)
        for each in topics:
            socket.subscribe(each)
        self.addCleanup(socket.close)
        return socket

    def heard(self, socket, seen):
        while socket.poll(0):
            seen.add(socket.recv_multipart()[0].decode())
        return seen

    def test_topics(self):
        self.start()
        good = {topic(n) for n in LENGTHS if n <= LONGEST}
        publisher, subscriber = self.link(), self.link()
        me, her = publisher.register("publisher"), subscriber.register("subscriber")
        answers = {n: subscriber.call(SUBSCRIBE, proto((1, topic(n))), DONE, src=her) for n in LENGTHS}
        watcher, rude = self.watcher([*sorted(good), "ready"]), self.watcher([topic(n) for n in LENGTHS if n > LONGEST])
        # what it subscribed to before has arrived, too, when it hears this; it is said until it does
        wait_until(lambda: publisher.publish("publisher@local", me, "ready", 0) or watcher.poll(20), "the watcher to be subscribed")
        for n in LENGTHS:
            publisher.publish("publisher@local", me, topic(n), n)
        back = [publisher.get(lambda r: r.kind == NACK) for n in LENGTHS if n > LONGEST]
        seen = set()
        wait_until(lambda: good <= self.heard(watcher, seen), "all publications on the stream")
        got = {subscriber.get(lambda r: r.kind == PUBLISH).value() for _ in good}
        refused = [n for n, answer in answers.items() if answer.kind != DONE]
        figure("topics", f"1 to {LENGTHS[-1]} bytes: {len(got)} came over the link, {len(seen & good)} on the stream, "
               f"{len(back)} publications and {len(refused)} subscriptions refused (over {LONGEST} bytes)")
        self.assertEqual(got, set(range(1, LONGEST + 1)))
        self.assertEqual({r.reason for r in back}, {BAD_TOPIC})
        self.assertEqual(refused, [n for n in LENGTHS if n > LONGEST])
        self.assertEqual({answers[n].reason for n in refused}, {BAD_TOPIC})
        self.assertFalse(rude.poll(0))
        # the watcher that asked for too much has harmed nobody but itself
        publisher.publish("publisher@local", me, topic(7), "after")
        self.assertEqual(subscriber.get(lambda r: r.kind == PUBLISH).value(), "after")
        wait_until(lambda: self.heard(watcher, set()), "the stream to go on")


if __name__ == "__main__":
    faults.main()
