"""A client for Troupe, written from docs/protocol.md.

    import troupe

    with troupe.connect("tcp://127.0.0.1:5570") as process:
        agent = process.register("alice")
        print(agent.request("svc:sum", {"numbers": [1, 2, 3]}).content)

See README.md beside this package.
"""
from .agent import Agent, Message, Process, Question, Role, connect
from .contract_net import Participant, Proposal, call_for_proposals
from .errors import Closed, Error, Failure, NotUnderstood, Refuse, Refused, TimedOut, Undelivered, Unreachable

__all__ = [
    "Agent", "Closed", "Error", "Failure", "Message", "NotUnderstood", "Participant", "Process", "Proposal", "Question", "Refuse", "Refused",
    "Role", "TimedOut", "Undelivered", "Unreachable", "call_for_proposals", "connect"]
