"""The clients' writes and the answers to them. The platform's data are compared with this ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4


class Kind(StrEnum):
    """The kind of a write, and the field of the answer with the id of the created object."""

    PAYMENT = "payment_id"
    REVERSAL = "reversed payment_id"
    DISPUTE = "clarification_id"
    PROMISE = "promise_id"


@dataclass
class Write:
    """One request, sent again with its key until there is an answer.

    ``ambiguous``: an attempt ended without an answer, and may or may not have taken effect. ``made`` is the id of the
    created object, known from the acknowledgement on.
    """

    kind: Kind
    service: str
    path: str
    body: Mapping[str, Any]
    contract_id: UUID
    key: str = field(default_factory=lambda: str(uuid4()))
    ambiguous: bool = False
    repeated: bool = False
    made: UUID | None = None
    acknowledged_at: float | None = None
    refused: str | None = None

    def acknowledge(self, answer: Mapping[str, Any], at: float) -> None:
        """Store the answer's id. ``at`` is in seconds of the wall clock."""
        self.made = UUID(answer["payment_id" if self.kind is Kind.REVERSAL else self.kind.value])
        self.acknowledged_at = at


@dataclass
class Ledger:
    """Every write of the clients of one platform, in the order in which they were first sent."""

    writes: list[Write] = field(default_factory=list)

    def acknowledged(self, kind: Kind) -> dict[UUID, Write]:
        """Return the acknowledged writes by the id of what they made. A reversal has the id of its payment."""
        return {write.made: write for write in self.writes if write.kind is kind and write.made is not None}

    @property
    def acknowledged_count(self) -> int:
        return sum(write.made is not None for write in self.writes)

    @property
    def ambiguous_count(self) -> int:
        """The number of writes with an attempt that ended without an answer. A later attempt may have had one."""
        return sum(write.ambiguous for write in self.writes)

    def unresolved(self) -> list[Write]:
        return [write for write in self.writes if write.made is None]
