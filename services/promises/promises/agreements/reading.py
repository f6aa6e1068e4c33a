"""Agreements as the API shows them, each with the state of its instalments, from its proposal to its end."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from chassis import NotFound, OutputModel, Principal, Reader
from pydantic import Field
from recobro_events import Money, Row
from recobro_events.contracts.promises import AgreementKind, MadeIn, PromiseState

from promises.agreements import queries
from promises.agreements.proposed import sha256_of


class AgreementUnknown(NotFound):
    code = "agreement-unknown"
    detail = "There is no agreement with this id."


class AcceptedBy(StrEnum):
    """How the debtor accepted: by stating the agreement's code, in a recorded call, or by signature."""

    CODE = "code"
    RECORDING = "recording"
    SIGNATURE = "signature"


class Standing(StrEnum):
    """Where an agreement stands. A plan in force is ``open``, any other agreement in force ``active``: plans were there
    before the other kinds, and keep their name. A list of ``active`` agreements has those plans too.

    ``proposed``: nothing has been decided. ``awaiting_approval``: the debtor has accepted, and a second person has not
    approved. ``awaiting_acceptance``: a second person has approved, and the debtor has not accepted.
    """

    PROPOSED = "proposed"
    AWAITING_APPROVAL = "awaiting_approval"
    AWAITING_ACCEPTANCE = "awaiting_acceptance"
    OPEN = "open"
    ACTIVE = "active"
    FULFILLED = "fulfilled"
    BROKEN = "broken"
    CANCELLED = "cancelled"


PENDING = frozenset({Standing.PROPOSED, Standing.AWAITING_APPROVAL, Standing.AWAITING_ACCEPTANCE})
IN_FORCE = frozenset({Standing.OPEN, Standing.ACTIVE})


class Instalment(OutputModel):
    """One promise of the agreement, in its current state. Before the agreement is in force it has neither id nor
    state."""

    promise_id: UUID | None
    due_on: date
    amount: Money
    paid: Money
    state: PromiseState | None


class Agreement(OutputModel):
    """``settles_in_full``: ``total`` and ``discount`` were together the contract's total balance.

    ``made_on`` is the day on which it came into force, or on which it was proposed. The discount is given up once the
    payments are final, on ``settled_on``. The debtor states
    ``acceptance_code`` to accept, and ``proof`` proves it. ``proof_sha256`` is the hash of the recording or of the
    signed document. ``terms_sha256`` is the hash of the terms of a proposal that was not in force, as its document
    states it, and ``accepted_terms_sha256`` the one under which the debtor has signed. These five, ``proposed_by`` and
    ``decided_by`` are for operators.
    """

    agreement_id: UUID
    contract_id: UUID
    agency_id: UUID | None
    party_id: UUID | None
    kind: AgreementKind
    state: Standing
    version: int
    total: Money
    discount: Money
    currency: str
    settles_in_full: bool
    made_on: date
    made_in: MadeIn
    instalments: tuple[Instalment, ...]
    valid_until: date | None
    offer_id: str | None
    needs_approval: bool
    needs_acceptance: bool
    proposed_by: str | None
    decided_by: str | None
    decided_at: datetime | None = Field(validation_alias="second_decided_at")
    refused: bool
    acceptance_code: str | None
    accepted_by: AcceptedBy | None
    accepted_at: datetime | None
    proof: str | None
    proof_sha256: str | None
    terms_sha256: str | None
    accepted_terms_sha256: str | None
    settled_on: date | None
    cancellation_reason: str | None
    created_at: datetime


async def shown(reader: Reader, rows: Sequence[Row]) -> list[Agreement]:
    """Return the agreements of these rows."""
    parts = await reader.fetch(queries.INSTALMENTS, [row["agreement_id"] for row in rows])
    by_agreement = {
        agreement_id: tuple(Instalment(**part) for part in group)
        for agreement_id, group in groupby(parts, key=lambda part: part["agreement_id"])
    }
    return [
        Agreement(**row, instalments=by_agreement.get(row["agreement_id"]) or _planned(row), terms_sha256=_hash(row))
        for row in rows
    ]


def _planned(row: Row) -> tuple[Instalment, ...]:
    planned: list[dict[str, Any]] = row["schedule"] or []
    return tuple(Instalment(promise_id=None, paid="0.00", state=None, **part) for part in planned)


def _hash(row: Row) -> str | None:
    """An agreement in force is known by its instalments; an agency reads no balance, which is one of the terms."""
    return None if row["schedule"] is None or row["balance"] is None else sha256_of(row)


async def read(reader: Reader, agreement_id: UUID, who: Principal) -> Agreement:
    """Return the agreement. ``AgreementUnknown`` when there is none, or it is another agency's."""
    row = await reader.fetchrow(queries.AGREEMENT[who.agency_id is not None], agreement_id, who.agency_id)
    if row is None:
        raise AgreementUnknown()
    [agreement] = await shown(reader, [row])
    return agreement
