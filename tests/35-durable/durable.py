"""What the tests of durable messages share: a broker with a journal, at an address that outlives it, and agents that write down what
they get."""
import json
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

# Writes each message into the file of its first argument, and then does what the message tells it to.
CLERK = r"""
import json, os, sys, time

book = open(sys.argv[1], "a", buffering=1)
for line in sys.stdin:
    message = json.loads(line)
    print(json.dumps(message), file=book)
    order = message.get("content")
    word = order.get("do") if isinstance(order, dict) else None
    if word == "die" or (word == "die once" and not message.get("redelivered")):
        os._exit(9)
    if word == "hold" or (word == "hold once" and not message.get("attempt")):
        continue
    while word == "wait" and not os.path.exists(order["until"]):
        time.sleep(0.02)
    if word == "say":
        print(json.dumps(order["with"]), flush=True)
    elif message["type"] == "message" or message.get("durable"):
        answer = {"content": "done"} if message.get("reply_with") else {"done": True}
        print(json.dumps({"id": message["id"], **answer}), flush=True)
"""


class DurableTest(harness.SystemTest):
    """self.at is the broker; `troupe` finds it by TROUPE_CONNECT."""

    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.directory)
        self.endpoint = f"ipc://{self.path / 'broker.sock'}"
        self.clerk_program = self.path / "clerk.py"
        self.clerk_program.write_text(CLERK)

    def start(self, *arguments):
        self.at = self.broker("--journal", self.path / "journal", *arguments, listen=self.endpoint)
        return self.at

    def crash(self):
        """The broker dies by kill -9."""
        self.at.stop(signal.SIGKILL)

    def agentd(self, *arguments):
        """One that is registered."""
        child = self.spawn("agentd", "--connect", self.endpoint, *arguments)
        child.wait_err("A001 registered")
        return child

    def clerk(self, name="clerk", *arguments, durable=True):
        return self.agentd("--name", name, *(["--durable"] if durable else []), *arguments, "--", "python3", self.clerk_program,
                           self.path / f"{name}.book")

    def book(self, name="clerk"):
        """What the clerk of that name got, over all of its lives."""
        path = self.path / f"{name}.book"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def wait_book(self, count, name="clerk"):
        harness.wait_until(lambda: len(self.book(name)) >= count, f"{count} messages at {name}")
        return self.book(name)

    def verb(self, *arguments, text=None, **more):
        return self.troupe(*arguments, env={"TROUPE_CONNECT": self.endpoint, **more}, text=text)

    def spawn_verb(self, *arguments, **more):
        return self.spawn("troupe", *arguments, env={"TROUPE_CONNECT": self.endpoint, **more})

    def good(self, *arguments, text=None):
        """One that ends with 0 and says nothing on stderr."""
        done = self.verb(*arguments, text=text)
        self.assertEqual((done.code, done.err), (0, ""), done)
        return done

    def fails(self, code, says, *arguments, text=None):
        done = self.verb(*arguments, text=text)
        self.assertEqual(done.code, code, done)
        self.assertIn(says, done.err)
        return done
