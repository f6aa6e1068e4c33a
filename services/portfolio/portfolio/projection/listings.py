"""Keeps which contracts came on which dialing list. The contracts' history shows it."""

import json
from collections.abc import Sequence

from recobro_events import Transaction
from recobro_events.contracts.dialer_feed import ContractsListed

# Arrays of different lengths are no array of PostgreSQL, so each travels as JSON.
_KEEP = """
INSERT INTO listing (business_date, list_id, campaign_id, campaign_name, agency_id, published_at, contract_ids)
SELECT business_date, list_id, campaign_id, campaign_name, agency_id, published_at,
    ARRAY(SELECT jsonb_array_elements_text(contract_ids::jsonb)::uuid)
FROM unnest($1::date[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::timestamptz[], $7::text[])
    AS list (business_date, list_id, campaign_id, campaign_name, agency_id, published_at, contract_ids)
"""


async def keep(tx: Transaction, events: Sequence[ContractsListed]) -> None:
    """Store a row for each of these events. Nothing is stored twice: the consumer applies each event once."""
    if events:
        rows = [
            (
                *(one.business_date, one.list_id, one.campaign_id, one.campaign_name, one.agency_id, one.published_at),
                json.dumps([str(contract_id) for contract_id in one.contract_ids]),
            )
            for one in events
        ]
        await tx.execute(_KEEP, *zip(*rows, strict=True))
