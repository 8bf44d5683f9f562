"""What the tests of thinking behaviours share: a broker, agentd processes on it, and a model server that does as it is told."""
import json
import pathlib
import sys
import unittest

for beside in "60-model", "25-agentd":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / beside))
import agentd  # noqa: E402
import model  # noqa: E402
from model import harness  # noqa: E402, F401


class MindsTest(agentd.AgentdTest):
    def server(self):
        server = model.Server()
        self.addCleanup(server.stop)
        return server

    def agent(self, name, behaviour, args=None, mind=None, more=(), **env):
        env = {"TROUPE_EMBEDDINGS": "ngrams", "no_proxy": "*", **env}
        options = ["--args", json.dumps(args)] if args is not None else []
        options += ["--mind", mind if isinstance(mind, str) else json.dumps(mind)] if mind is not None else []
        return self.agentd("--name", name, "--behaviour", behaviour, *options, *more, env=env)

    def modelled(self, *replies, behaviour="dialogue"):
        """An agent called assistant that thinks with a server of these replies, which refuses what is more."""
        server = self.server()
        server.does(*replies)
        server.usual = model.status(400)
        self.agent("assistant", behaviour, mind={"base-url": server.url, "model": "m", **model.QUICK})
        return server

    def told(self, agent, content):
        """What is asked, as JSON, and the answer."""
        return self.ask(agent, content if isinstance(content, str) else json.dumps(content))


def python_client():
    """docs/clients/python."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs/clients/python"))
    try:
        import troupe
    except ImportError as missing:
        raise unittest.SkipTest(f"{missing.name} is missing") from missing
    return troupe


def user_parameter(name, value):
    """One of an envelope (field 15), which that client does not write."""
    inner = b"".join(bytes((tag, len(text))) + text.encode() for tag, text in ((0x0a, name), (0x12, value)))
    return bytes((0x7a, len(inner))) + inner
