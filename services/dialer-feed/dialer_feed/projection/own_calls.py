"""Calls and messages of the creditor's own people, which call frequency counts where the profile says so."""

from collections.abc import Sequence

from projections.columns import columns
from recobro_events import Transaction
from recobro_events.contracts.portfolio import AttemptMade

_KEEP = """
INSERT INTO own_call (attempt_id, contract_id, business_date, made_at, right_party, medium)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::timestamptz[], $5::boolean[], $6::text[])
ON CONFLICT DO NOTHING
"""


async def keep(tx: Transaction, events: Sequence[AttemptMade]) -> None:
    """Keep these attempts by their medium. Whether a message counts, the profile says. It is no conversation.

    One attempt about several contracts of a person is kept once.
    """
    rows = [
        (
            one.attempt_id,
            one.contract_id,
            one.business_date,
            one.made_at,
            one.right_party and one.channel == "call",
            one.channel,
        )
        for one in events
        if one.same_as is None
    ]
    await tx.execute(_KEEP, *columns(iter(rows), 6))
