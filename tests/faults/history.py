"""Reads the histories that producers and consumers keep (history.h) and says whether what was promised was kept.

    ledger = Ledger([path, ...])
    ledger.read()                 # what is new in them
    ledger.missing()              # stored, but without an outcome: neither delivered and kept, nor a dead letter
    ledger.faults()               # one line for each promise that was broken; [] when all is well

Times are nanoseconds of the monotonic clock, which all processes of a machine share.
"""
import dataclasses
import os


@dataclasses.dataclass(slots=True)
class Delivery:
    at: int
    receiver: str
    redelivered: bool
    attempt: int
    good: bool


def percentile(values, part):
    """Of a list; 0 where it is empty."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0


class _File:
    """Complete lines as they come: the last one may have been cut short by a kill, or is still being written."""

    def __init__(self, path):
        self.path, self.at = path, 0

    def lines(self):
        if not os.path.exists(self.path):
            return []
        with open(self.path, "rb") as file:
            file.seek(self.at)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self.at += end
        return data[:end].decode().splitlines()


class Ledger:
    """A message is known by (sender, number). Names are of one agent each, whatever its platform."""

    def __init__(self, paths=()):
        self.files = [_File(path) for path in paths]
        self.sent, self.stored, self.refused, self.returned = {}, {}, {}, {}
        self.got = {}  # message -> deliveries, in the order in which they were read
        self.events = []  # (time, agent's word, detail), also begin and end
        self.given = {}  # message -> how often its receiver gave it back
        self.newest = 0  # when the newest message was sent that is stored
        self.waiting = set()  # stored, and not dealt with by its receiver
        self.dead = {}  # message -> the broker's dead letter of it: told by who asked it (bury)
        self._words = {"sent": self._sent, "stored": self._stored, "refused": self._back(self.refused),
                       "returned": self._back(self.returned), "got": self._got, "gave": self._gave}

    def add(self, path):
        self.files.append(_File(path))

    def read(self):
        for file in self.files:
            for line in file.lines():
                at, word, *rest = line.split(" ")
                take = self._words.get(word)
                if take:
                    take(int(at), *rest)
                else:
                    self.events.append((int(at), file.path, word, rest))
        return self

    def _sent(self, at, sender, number, receiver):
        self.sent.setdefault((sender, int(number)), (at, receiver.partition("@")[0]))

    def _stored(self, at, sender, number):
        message = (sender, int(number))
        self.stored.setdefault(message, at)
        self.newest = max(self.newest, self.sent[message][0])
        self._weigh(message)

    def kept(self, message):
        """Whether it was delivered, and not given back each time: its receiver has dealt with it."""
        return len(self.got.get(message, ())) > self.given.get(message, 0)

    def _weigh(self, message):
        if self.kept(message) or message not in self.stored:
            self.waiting.discard(message)
        else:
            self.waiting.add(message)

    @staticmethod
    def _back(where):
        def take(at, sender, number, reason):
            where[(sender, int(number))] = (at, reason)
        return take

    def _got(self, at, sender, number, receiver, redelivered, attempt, good):
        delivery = Delivery(at, receiver, redelivered == "1", int(attempt), good == "good")
        message = (sender, int(number))
        self.got.setdefault(message, []).append(delivery)
        self._weigh(message)

    def _gave(self, at, sender, number, receiver):
        message = (sender, int(number))
        self.given[message] = self.given.get(message, 0) + 1
        self._weigh(message)

    def bury(self, letters):
        """Takes the broker's dead letters, as `troupe dlq ls -o json` shows them."""
        self.dead = {(letter["sender"].partition("@")[0], int(letter["conversation_id"])): letter for letter in letters}

    def missing(self):
        return self.waiting - self.dead.keys()

    def all_arrived(self):
        """Reads on; whether every message that was acknowledged has arrived."""
        self.read()
        return not self.missing()

    def happened(self, word, name=None):
        """How often an event did (`disconnected`), or a life's begin or end, of the agent whose file is NAME."""
        return sum(1 for _, path, what, rest in self.events
                   if (what == word or (what == "event" and rest[0] == word)) and (name is None or _name(path) == name))

    def deliveries(self):
        return sum(len(each) for each in self.got.values())

    def redelivered(self):
        return sum(1 for each in self.got.values() for delivery in each if delivery.redelivered)

    def store_times(self):
        """Milliseconds from sent to stored."""
        return [(at - self.sent[message][0]) / 1e6 for message, at in self.stored.items()]

    def served_again(self, moments):
        """Of each of these, the milliseconds until a message that was sent after it is stored; 0 where none is."""
        times = sorted((self.sent[message][0], at) for message, at in self.stored.items())
        first, waits = 0, {}
        for moment in sorted(moments, reverse=True):
            while times and times[-1][0] >= moment:
                at = times.pop()[1]
                first = min(first, at) if first else at
            waits[moment] = (first - moment) / 1e6 if first else 0
        return [waits[moment] for moment in moments]

    def faults(self):
        checks = (self._lost, self._dead_unknown, self._never_sent, self._wrong, self._refused_but_delivered, self._unmarked, self._disorder)
        return [line for check in checks for line in check()]

    def _lost(self):
        lost = sorted(self.missing())
        if lost:
            yield f"{len(lost)} acknowledged messages were lost, the first ones {lost[:5]}"

    def _dead_unknown(self):
        """Each has the reason for it, was sent by somebody, and was not dealt with by its receiver."""
        for message, letter in self.dead.items():
            if message not in self.sent or not letter["reason"]:
                yield f"{message} is a dead letter ({letter['reason']}), and was never sent"
            elif self.kept(message):
                yield f"{message} is a dead letter ({letter['reason']}), and its receiver has dealt with it"

    def _never_sent(self):
        for message, deliveries in self.got.items():
            at, receiver = self.sent.get(message, (None, None))
            for delivery in deliveries:
                if at is None or delivery.at < at or delivery.receiver != receiver:
                    yield f"{message} came to {delivery.receiver}, but was not sent to it"

    def _wrong(self):
        for message, deliveries in self.got.items():
            if not all(delivery.good for delivery in deliveries):
                yield f"{message} came with a wrong payload"

    def _refused_but_delivered(self):
        for message in self.refused.keys() & self.got.keys():
            yield f"{message} was refused ({self.refused[message][1]}) and came nevertheless"

    def _unmarked(self):
        for message, deliveries in self.got.items():
            for delivery in sorted(deliveries, key=lambda d: d.at)[1:]:
                if not delivery.redelivered:
                    yield f"{message} came again without a mark"

    def _disorder(self):
        """First deliveries, of each sender to each receiver, in the order in which they were sent."""
        first = [(min(deliveries, key=lambda d: d.at), message) for message, deliveries in self.got.items()]
        last = {}
        for delivery, (sender, number) in sorted(first, key=lambda pair: pair[0].at):
            way = (sender, delivery.receiver)
            if last.get(way, 0) > number:
                yield f"{sender} -> {delivery.receiver}: {number} came after {last[way]}"
            last[way] = max(number, last.get(way, 0))


def _name(path):
    return os.path.basename(path).removesuffix(".history")
