"""Mandates: on whose behalf a message is sent, and what may be spent on it (docs/protocol.md, section 25)."""
from __future__ import annotations

import dataclasses
from typing import Any, Optional, Sequence

from . import schema
from .errors import OverBudget


@dataclasses.dataclass
class Budget:
    """What may be spent: tokens of language models, and money in millionths. None: not limited."""

    tokens: Optional[int] = None
    micro_cost: Optional[int] = None

    LIMITS = ("tokens", "micro_cost")

    @classmethod
    def read(cls, envelope: Any) -> "Budget":
        budget = envelope.budget
        return cls(*(getattr(budget, limit).left if budget.HasField(limit) else None for limit in cls.LIMITS))

    def write(self) -> Any:
        return schema.Budget(**{limit: schema.Limit(left=getattr(self, limit)) for limit in self.LIMITS if getattr(self, limit) is not None})

    @property
    def is_limited(self) -> bool:
        return any(getattr(self, limit) is not None for limit in self.LIMITS)

    def spend(self, tokens: int = 0, micro_cost: int = 0) -> None:
        """Takes off what was spent; OverBudget where that was more than was left, of which nothing is left then."""
        over = []
        for limit, spent in (("tokens", tokens), ("micro_cost", micro_cost)):
            left = getattr(self, limit)
            if left is not None:
                setattr(self, limit, max(0, left - spent))
                if spent > left:
                    over.append(f"{spent} {limit}, and {left} were left")
        if over:
            raise OverBudget("; ".join(over))

    def regain(self, other: "Budget") -> None:
        """Adds what another one has left; that has nothing then."""
        for limit in self.LIMITS:
            if getattr(self, limit) is not None and getattr(other, limit):
                setattr(self, limit, getattr(self, limit) + getattr(other, limit))
                setattr(other, limit, 0)

    def lend(self, wish: Optional["Budget"]) -> "Budget":
        """What a message may say: `wish`, or all that is left; each takes one more of each limit with it. Raises OverBudget."""
        lent = dataclasses.replace(wish) if wish else Budget()
        for limit in self.LIMITS:
            left, asked = getattr(self, limit), getattr(lent, limit)
            if left is None:
                continue
            most = max(0, left - 1)
            if asked is not None and asked > most:
                raise OverBudget(f"{asked} {limit} to hand on, and {most} can be: one is for the message")
            setattr(lent, limit, most if asked is None else asked)
        for limit in self.LIMITS:
            if getattr(self, limit) is not None:
                setattr(self, limit, max(0, getattr(self, limit) - getattr(lent, limit) - 1))
        return lent


def chain_of(sender: str, delegation: Sequence[str]) -> list[str]:
    """Those on whose behalf a message with a mandate came: its sender, where it names nobody."""
    return list(delegation) or [sender]


def hand_on(sender: str, delegation: Sequence[str], own: str) -> list[str]:
    """The chain of who hands on what came under another one. An answer that came back is handed on from one's own place in it."""
    chain = chain_of(sender, delegation)
    if chain[-1] != sender:
        return chain[:chain.index(own) + 1] if own in chain else [own]
    if own in chain:
        raise ValueError(f"{own} has handed this on before")
    return [*chain, own]
