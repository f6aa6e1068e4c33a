"""Calls and messages of the creditor's own people, which call frequency counts where the profile says so."""

from collections.abc import Sequence

from projections.columns import columns
from recobro_events import Transaction
from recobro_events.contracts.portfolio import AttemptMade

_KEEP = """
INSERT INTO own_call (attempt_id, contract_id, business_date, made_at, right_party, medium, permit_id)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::timestamptz[], $5::boolean[], $6::text[], $7::uuid[])
ON CONFLICT DO NOTHING
"""
# The call counts as an own call now, and no longer as the attempt that was reported when it began.
_END_ATTEMPTS = """
UPDATE attempt SET ended_at = clock_timestamp() WHERE permit_id = ANY ($1::uuid[]) AND ended_at IS NULL
"""


async def keep(tx: Transaction, events: Sequence[AttemptMade]) -> None:
    """Keep these attempts by their medium. Whether a message counts, the profile says. It is no conversation.

    One attempt about several contracts of a person is kept once. It uses the permit that it names.
    """
    rows = [
        (
            one.attempt_id,
            one.contract_id,
            one.business_date,
            one.made_at,
            one.right_party and one.channel == "call",
            one.channel,
            one.permit_id,
        )
        for one in events
        if one.same_as is None
    ]
    await tx.execute(_KEEP, *columns(iter(rows), 7))
    if used := [one.permit_id for one in events if one.permit_id is not None]:
        await tx.execute(_END_ATTEMPTS, used)
