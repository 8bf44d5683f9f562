"""What can go wrong."""
from __future__ import annotations


class Error(Exception):
    """Of this library; all others are its children."""


class Unreachable(Error):
    """No broker answered in time."""


class Closed(Error):
    """The process has closed its link, or a newer one has taken its session."""


class Refused(Error):
    """The broker refused something: .reason is a word of section 18 of docs/protocol.md."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail


class Undelivered(Refused):
    """A request could not be delivered, or its receiver ended before it answered."""


class TimedOut(Error):
    """Nothing came, or nothing could be sent, in time."""


class OverBudget(Error):
    """More was spent, or is to be handed on, than a message lets."""


class Answer(Error):
    """Raised by a handler to answer with another performative than inform; its content is {"reason", "detail"}."""

    performative = "failure"

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(f"{self.performative} {reason}: {detail}" if detail else f"{self.performative} {reason}")
        self.reason, self.detail = reason, detail

    @property
    def content(self) -> dict:
        return {"reason": self.reason, "detail": self.detail}


class Failure(Answer):
    """I tried and could not."""


class Refuse(Answer):
    """I will not do it."""

    performative = "refuse"


class NotUnderstood(Answer):
    """I cannot make sense of the message."""

    performative = "not-understood"
