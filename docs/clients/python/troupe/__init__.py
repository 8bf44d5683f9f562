"""A client for Troupe, written from docs/protocol.md.

    import troupe

    with troupe.connect("tcp://127.0.0.1:5570") as process:
        agent = process.register("alice")
        print(agent.request("svc:sum", {"numbers": [1, 2, 3]}).content)

See README.md beside this package.
"""
from .agent import Agent, Message, Process, Question, Role, connect, read_certificate
from .contract_net import Participant, Proposal, call_for_proposals
from .durable import Receipt
from .errors import Closed, Error, Failure, NotUnderstood, OverBudget, Refuse, Refused, TimedOut, Undelivered, Unreachable
from .mandate import Budget

__all__ = [
    "Agent", "Budget", "Closed", "Error", "Failure", "Message", "NotUnderstood", "OverBudget", "Participant", "Process", "Proposal",
    "Question", "Receipt", "Refuse", "Refused", "Role", "TimedOut", "Undelivered", "Unreachable", "call_for_proposals", "connect",
    "read_certificate"]
