"""Keeps promises to pay, for reading them with their contract. Only the promises service judges promises."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from chassis import OutputModel
from recobro_events import Money, Transaction
from recobro_events.contracts.promises import (
    MadeIn,
    PromiseBroken,
    PromiseCancelled,
    PromiseEvent,
    PromiseKept,
    PromiseMade,
    PromisePartlyKept,
    PromiseReopened,
    PromiseState,
)

# Only PromiseMade carries made_on, made_in and agency_id. These columns are stored whatever the version.
_KEEP = """
INSERT INTO promise AS known (contract_id, promise_id, version, state, due_on, silent_until, promised, paid,
    agreement_id, made_on, made_in, agency_id)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::date[], $6::date[], $7::numeric[],
    $8::numeric[], $9::uuid[], $10::date[], $11::text[], $12::uuid[])
    AS given (contract_id, promise_id) ORDER BY contract_id, promise_id
ON CONFLICT (contract_id, promise_id) DO UPDATE SET
    (version, state, due_on, silent_until, promised, paid) = (
        SELECT newest.* FROM (VALUES
            (known.version, known.state, known.due_on, known.silent_until, known.promised, known.paid),
            (excluded.version, excluded.state, excluded.due_on, excluded.silent_until, excluded.promised,
                excluded.paid)) AS newest ORDER BY 1 DESC LIMIT 1),
    made_on = coalesce(known.made_on, excluded.made_on), made_in = coalesce(known.made_in, excluded.made_in),
    agency_id = coalesce(known.agency_id, excluded.agency_id)
WHERE known.version < excluded.version OR (known.made_on IS NULL AND excluded.made_on IS NOT NULL)
"""
_STATE_AFTER: dict[type[PromiseEvent], PromiseState] = {
    PromiseMade: PromiseState.OPEN,
    PromiseKept: PromiseState.KEPT,
    PromisePartlyKept: PromiseState.PARTLY_KEPT,
    PromiseBroken: PromiseState.BROKEN,
    PromiseReopened: PromiseState.OPEN,
    PromiseCancelled: PromiseState.CANCELLED,
}


class PromiseView(OutputModel):
    """A promise. While it is open, nobody contacts the debtor up to ``silent_until``, inclusive.

    ``paid`` is the part of ``promised`` that has been paid.
    """

    promise_id: UUID
    agreement_id: UUID | None
    state: PromiseState
    due_on: date
    silent_until: date
    promised: Money | None
    paid: Money | None
    made_on: date | None
    made_in: MadeIn | None
    agency_id: UUID | None


async def keep(tx: Transaction, events: Sequence[PromiseEvent]) -> None:
    """Store the state of these promises; no contract may occur twice.

    The newest version counts, in whatever order events arrive.
    """
    rows = []
    for event in events:
        made = (event.made_on, event.made_in, event.agency_id) if isinstance(event, PromiseMade) else (None,) * 3
        state = (event.version, _STATE_AFTER[type(event)], event.due_on, event.silent_until)
        money = (event.promised, event.paid)
        rows.append((event.contract_id, event.promise_id, *state, *money, event.agreement_id, *made))
    await tx.execute(_KEEP, *zip(*rows, strict=True))
