"""What clients wanted done, and what they have been told about it: the truth that a platform is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4


class Kind(StrEnum):
    """What a write does, and the field of its answer that names what it made."""

    PAYMENT = "payment_id"
    REVERSAL = "reversed payment_id"
    DISPUTE = "clarification_id"
    PROMISE = "promise_id"


@dataclass
class Write:
    """One request, sent again with its key until somebody says what became of it.

    ``ambiguous``: an attempt ended without anybody saying so, and may or may not have taken effect. ``made`` is the id
    of what it made, set with the acknowledgement.
    """

    kind: Kind
    service: str
    path: str
    body: Mapping[str, Any]
    contract_id: UUID
    key: str = field(default_factory=lambda: str(uuid4()))
    ambiguous: bool = False
    asked_again: bool = False
    made: UUID | None = None
    acknowledged_at: float | None = None
    refused: str | None = None

    def acknowledge(self, answer: Mapping[str, Any], at: float) -> None:
        """``at`` in seconds of the wall clock."""
        self.made = UUID(answer["payment_id" if self.kind is Kind.REVERSAL else self.kind.value])
        self.acknowledged_at = at


@dataclass
class Ledger:
    """Every write of the clients of one platform, in the order in which they were first sent."""

    writes: list[Write] = field(default_factory=list)

    def acknowledged(self, kind: Kind) -> dict[UUID, Write]:
        """By the id of what they made; for reversals that of the payment that they undid."""
        return {write.made: write for write in self.writes if write.kind is kind and write.made is not None}

    @property
    def acknowledged_count(self) -> int:
        return sum(write.made is not None for write in self.writes)

    @property
    def ambiguous_count(self) -> int:
        """How many had an attempt that ended without an answer; each was decided by a later one, or is unresolved."""
        return sum(write.ambiguous for write in self.writes)

    def unresolved(self) -> list[Write]:
        return [write for write in self.writes if write.made is None]
