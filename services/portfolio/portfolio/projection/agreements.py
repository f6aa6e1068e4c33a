"""Keeps agreements with debtors. Only the promises service judges them; ``agreements`` takes their consequences."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from recobro_events import Transaction
from recobro_events.contracts.promises import (
    AgreementBroken,
    AgreementCancelled,
    AgreementFulfilled,
    AgreementReached,
    AgreementReopened,
    AgreementSettled,
)

AgreementEvent = (
    AgreementReached | AgreementBroken | AgreementFulfilled | AgreementReopened | AgreementCancelled | AgreementSettled
)
_STATE_AFTER: Mapping[type[AgreementEvent], str] = {
    AgreementReached: "open",
    AgreementReopened: "open",
    AgreementFulfilled: "fulfilled",
    AgreementSettled: "settled",
    AgreementBroken: "broken",
    AgreementCancelled: "cancelled",
}
# The newest version says the state. Facts are stored whatever the version, and their consequences then taken again.
_KEEP = """
INSERT INTO agreement AS known (agreement_id, contract_id, version, state, forgiven, settled_on, kind, discount,
    settles_in_full, made_on, schedule, paid_before, owed, owed_components)
SELECT given.agreement_id, given.contract_id, given.version, given.state, forgiven, settled_on, kind, discount,
    settles_in_full, CASE WHEN schedule IS NULL THEN made_on
        ELSE coalesce(made_on, portfolio.business_date, contract.as_of) END, schedule::jsonb,
    coalesce(given.paid_before::uuid[], '{}'), CASE WHEN is_new THEN contract.total_balance END,
    CASE WHEN is_new THEN contract.components END
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::numeric[], $6::date[], $7::text[], $8::numeric[],
    $9::boolean[], $10::date[], $11::text[], $12::text[], $13::boolean[]) AS given (agreement_id, contract_id, version,
    state, forgiven, settled_on, kind, discount, settles_in_full, made_on, schedule, paid_before, is_new)
JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id) ORDER BY agreement_id
ON CONFLICT (agreement_id) DO UPDATE SET
    (version, state, forgiven, settled_on) = (
        SELECT newest.* FROM (VALUES
            (known.version, known.state, known.forgiven, known.settled_on),
            (excluded.version, excluded.state, excluded.forgiven, excluded.settled_on)) AS newest
        ORDER BY 1 DESC LIMIT 1),
    kind = coalesce(known.kind, excluded.kind), discount = coalesce(known.discount, excluded.discount),
    settles_in_full = coalesce(known.settles_in_full, excluded.settles_in_full),
    made_on = coalesce(known.made_on, excluded.made_on), schedule = coalesce(known.schedule, excluded.schedule),
    paid_before = CASE WHEN known.schedule IS NULL THEN excluded.paid_before ELSE known.paid_before END,
    followed = CASE WHEN known.schedule IS NULL AND excluded.schedule IS NOT NULL THEN NULL ELSE known.followed END,
    try_again_at = NULL, known_since = clock_timestamp()
WHERE known.version < excluded.version OR (known.schedule IS NULL AND excluded.schedule IS NOT NULL)
"""


async def keep(tx: Transaction, events: Sequence[AgreementEvent]) -> None:
    """Store the state of these agreements; no contract may occur twice. Whatever order events arrive in, it holds."""
    await tx.execute(_KEEP, *zip(*(_row(event) for event in events), strict=True))


def _row(event: AgreementEvent) -> tuple[Any, ...]:
    facts: tuple[Any, ...]
    state = (event.agreement_id, event.contract_id, event.version, _STATE_AFTER[type(event)])
    match event:
        case AgreementReached():
            schedule = [part.model_dump(mode="json", include={"due_on", "amount"}) for part in event.schedule]
            paid_before = f"{{{','.join(map(str, event.paid_before))}}}"
            facts = (
                event.kind,
                event.discount,
                event.settles_in_full,
                event.made_on,
                json.dumps(schedule),
                paid_before,
            )
            return (*state, None, None, *facts, event.version == 1)
        case AgreementSettled():
            forgiven = event.discount if event.forgiven is None else event.forgiven
            facts = (event.kind, event.discount, event.settles_in_full, event.made_on, None, None)
            return (*state, forgiven, event.settled_on, *facts, False)
        case _:
            return (*state, *(None,) * 8, False)
