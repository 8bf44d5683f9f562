"""What the tests of federation share: brokers with certificates that dial each other, and links of processes (client.py)."""
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "05-protocol-page")]
import harness

try:
    import client
except ImportError:
    print("skipped: python3-zmq or python3-msgpack is missing (tools/setup --check installs them)")
    sys.exit(77)

PLATFORMS = ("east", "north", "south")


class FederationTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.certs = pathlib.Path(self.directory) / "certs"
        self.brokers, self.links = {}, []
        self.addCleanup(self.close_links)
        for platform in PLATFORMS:
            self.certify(platform)

    def close_links(self):
        for link in self.links:
            link.socket.close()

    def certify(self, name, *arguments):
        done = self.troupe("cert", "new", name, "--role", "broker", "--certs", self.certs, *arguments)
        self.assertEqual(done.code, 0, done)

    def address(self, platform):
        return f"ipc://{self.directory}/{platform}.peers"

    def way(self, platform, other):
        """The address under which one broker dials another."""
        return self.address(other)

    def start(self, platform, *more, peers=PLATFORMS, certs=None, listen="tcp://127.0.0.1:0"):
        """A broker that dials all others, and is dialled by them; its processes need no certificates."""
        certs = certs or self.certs
        others = [word for other in peers if other != platform for word in ("--peer", f"{other}@{self.way(platform, other)}")]
        broker = self.broker("--platform", platform, "--cert", certs / "secret" / f"{platform}.yaml", "--certs", certs,
                             "--open-links", "--federation", self.address(platform), *others, *more, listen=listen)
        self.brokers[platform] = broker
        return broker

    def mesh(self, *more):
        for platform in PLATFORMS:
            self.start(platform, *more)
        for platform in PLATFORMS:
            self.wait_linked(platform, PLATFORMS)

    def rows(self, platform):
        done = self.troupe("brokers", "--connect", self.brokers[platform].endpoint, "-o", "json")
        self.assertEqual(done.code, 0, done)
        return {row["platform"]: row for row in done.json()}

    def states(self, platform):
        return {name: row["state"] for name, row in self.rows(platform).items()}

    def wait_linked(self, platform, others, state="up", patience=harness.PATIENCE):
        def all_are():
            states = self.states(platform)
            return all(states.get(other) == state for other in others if other != platform)
        harness.wait_until(all_are, f"links of {platform} to be {state}", patience)

    def link(self, platform, *agents, **more):
        """A process at a broker, and the routes of its agents."""
        link = client.Link(self.brokers[platform].endpoint, **more)
        self.links.append(link)
        routes = [link.register(agent) for agent in agents]
        return (link, *routes)


def of_kind(*kinds):
    return lambda record: record.kind in kinds


def soonest_nack(link, agent, route, to, reason):
    """A message that has to come back: the least time of five, in seconds, for the machine has others to serve."""
    times = []
    for _ in range(5):
        began = time.monotonic()
        number = link.send(agent, route, to, client.INFORM, 1)
        nack = link.get(of_kind(client.NACK))
        times.append(time.monotonic() - began)
        assert (nack.id, nack.reason) == (number, reason), (nack.id, nack.reason, number, reason)
    return min(times)


def subscribe(link, route, pattern):
    link.call(client.SUBSCRIBE, client.proto((1, pattern)), client.DONE, src=route)


def main():
    harness.main()
