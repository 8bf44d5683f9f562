"""What the tests of tools share: a broker, and a toolkeeper on it that is asked to call them."""
import ctypes
import json
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "25-agentd"))
import agentd  # noqa: E402
from agentd import harness  # noqa: E402, F401


def free_port():
    """For a program that cannot be told to take one of the kernel's choice and say which."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def listens(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


class ToolsTest(agentd.AgentdTest):
    def keeper(self, tools, name="keeper", more=(), **env):
        child = self.agentd("--name", name, "--behaviour", "toolkeeper", "--tools", json.dumps(tools), *more, env={"no_proxy": "*", **env})
        return child

    def said(self, tool, arguments=None, agent="keeper", **more):
        """What a call comes to."""
        content = {"action": "call", "tool": tool, "arguments": arguments or {}, **more}
        return self.ask(agent, json.dumps(content), "--timeout", "60s")

    def data(self, tool, arguments=None, **more):
        said = self.said(tool, arguments, **more)
        self.assertEqual(said["status"], "ok", said)
        return said["data-of-tool"]

    def listed(self, agent="keeper"):
        return {tool["name"]: tool for tool in self.ask(agent, json.dumps({"action": "list"}))["tools"]}


def unshare_works():
    """Whether this user may have namespaces of his own."""
    return ctypes.CDLL(None).unshare(0x10000000) == 0


def bytes_of(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""
