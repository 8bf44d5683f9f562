"""FIPA's contract-net (SC00029), both roles.

    initiator                    participant
        | ------ cfp ------------> |      who does this, and on what terms?
        | <--- refuse | propose -- |
        | -- reject | accept ----> |
        | <--- failure | inform -- |      the result
"""
from __future__ import annotations

import dataclasses
import time
import traceback
import uuid
from typing import Any, Callable, Iterable, Optional

from .agent import Agent, Message, Role
from .errors import Answer, Error, Failure, NotUnderstood, Refuse

PROTOCOL = "fipa-contract-net"


@dataclasses.dataclass
class Proposal:
    """What a participant offered: its AID, the content, and where its conversation goes on."""

    sender: str
    content: Any
    reply_with: str = ""


def _allowed(kind: type[Answer], function: Callable[..., Any], *arguments: Any) -> Any:
    """What it returns. What it raises comes as `kind`, the one act by which the protocol lets a participant give up there."""
    try:
        return function(*arguments)
    except (kind, NotUnderstood):
        raise
    except Answer as answer:
        raise kind(answer.reason, answer.detail) from answer
    except Exception as error:
        traceback.print_exc()
        raise kind("internal-error", f"{type(error).__name__}: {error}") from error


class Participant(Role):
    """Answers calls for proposals: override propose() and perform(), and give one to Agent.serve.

        class Seller(troupe.Participant):
            def propose(self, cfp):
                return {"price": 7}

            def perform(self, accept, proposal):
                return {"delivered": accept.content}

        agent.serve(Seller())

    What either raises is answered with what the protocol allows there, as the agents in C do: a cfp with refuse, an accept-proposal with
    failure, whether it was Refuse, Failure or any other exception (reason `internal-error`); NotUnderstood always as not-understood.
    A proposal that is neither accepted nor rejected is forgotten after `patience` seconds.
    """

    patience = 60.0

    def __init__(self) -> None:
        self._open: dict[tuple, tuple] = {}  # (initiator, conversation) -> (proposal, until)

    def propose(self, cfp: Message) -> Any:
        """The content of a proposal; raise Refuse to make none. Failure, or any other exception, is answered with refuse too."""
        raise Refuse("no-proposal", "this agent proposes nothing")

    def perform(self, accept: Message, proposal: Any) -> Any:
        """Does what was proposed and accepted; returns the result, or raises Failure. Refuse is answered with failure too: it was accepted."""
        raise NotImplementedError

    def rejected(self, reject: Message, proposal: Any) -> None:
        """The proposal was not wanted."""

    def other(self, message: Message) -> Any:
        """A message of another protocol. What is returned is its answer, as of any handler of Agent.serve."""
        if message.expects_answer:
            raise NotUnderstood("unsupported-act", f"expected a cfp of {PROTOCOL}")

    def handle(self, message: Message) -> Any:
        if message.type != "message" or message.protocol != PROTOCOL:
            return self.other(message)
        act = self.ACTS.get(message.performative)
        if act is None:
            if message.performative != "not-understood":  # which is never answered by another one
                self._unexpected(message)
            self._open.pop(self._key(message), None)
            return None
        return act(self, message)

    @property
    def open_proposals(self) -> int:
        """How many wait for a word of their initiator."""
        return len(self._open)

    @staticmethod
    def _key(message: Message) -> tuple:
        return message.sender, message.conversation_id

    def _forget_old(self) -> None:
        """The oldest come first."""
        while self._open and next(iter(self._open.values()))[1] < time.monotonic():
            del self._open[next(iter(self._open))]

    def _cfp(self, message: Message) -> None:
        self._forget_old()
        if self._key(message) in self._open:
            self._unexpected(message)
            return
        if message.reply_by and message.reply_by < time.time():
            raise Refuse("timed-out", "the call came too late")
        proposal = _allowed(Refuse, self.propose, message)
        self._open[self._key(message)] = (proposal, time.monotonic() + self.patience)
        message.reply(proposal, "propose")

    def _accept(self, message: Message) -> None:
        found = self._open.pop(self._key(message), None)
        if not found:
            self._unexpected(message)
            return
        message.reply(_allowed(Failure, self.perform, message, found[0]))

    def _reject(self, message: Message) -> None:
        found = self._open.pop(self._key(message), None)
        if not found:
            self._unexpected(message)
        else:
            self.rejected(message, found[0])
        message.done()

    def _cancel(self, message: Message) -> None:
        if self._open.pop(self._key(message), None):
            message.reply({"done": True})
        else:
            self._unexpected(message)

    def _unexpected(self, message: Message) -> None:
        """It ends the conversation."""
        allowed = ["accept-proposal", "reject-proposal", "cancel"] if self._key(message) in self._open else ["cfp"]
        self._open.pop(self._key(message), None)
        message.reply({"reason": "unexpected-act", "detail": f"{message.performative} is not allowed now", "allowed": allowed}, "not-understood")

    ACTS = {"cfp": _cfp, "accept-proposal": _accept, "reject-proposal": _reject, "cancel": _cancel}


def call_for_proposals(agent: Agent, receivers: Iterable[str], task: Any, choose: Callable[[list], Optional[Proposal]], *,
                       timeout: float = 10.0, perform_timeout: float = 30.0, ontology: str = "") -> Optional[Message]:
    """The initiator: calls all receivers at once and waits for their proposals, at most `timeout` seconds.

    A proposal that comes later, within a minute, is rejected at once, without a word to `choose`.
    `choose` gets the list of proposals (never empty) and returns the one that is accepted, or None; all others are rejected. Returns
    the answer of who was accepted, an inform or a failure; None when nobody was.
    """
    common = {"protocol": PROTOCOL, "ontology": ontology, "conversation_id": uuid.uuid4().hex}

    def reject(late: Message) -> None:
        if late.performative == "propose":
            agent._say(late.sender, "reject-proposal", {"reason": "timed-out"}, in_reply_to=late.reply_with, **common)
        late.done()

    questions = [agent.ask(receiver, task, "cfp", timeout=timeout, **common) for receiver in receivers]
    for question in questions:
        question.late = reject
    proposals = []
    for question in questions:
        try:
            answer = question.answer()
        except Error:
            continue  # away, or silent: it does not take part
        if answer.performative == "propose":
            proposals.append(Proposal(answer.sender, answer.content, answer.reply_with))
    chosen = choose(proposals) if proposals else None
    accepted = None
    for proposal in proposals:
        reference = {**common, "in_reply_to": proposal.reply_with}
        if proposal is chosen:
            accepted = agent.ask(proposal.sender, proposal.content, "accept-proposal", timeout=perform_timeout, **reference)
        else:
            agent.send(proposal.sender, {"reason": "another-one"}, "reject-proposal", **reference)
    return accepted.answer() if accepted else None
