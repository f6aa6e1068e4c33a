"""Republishes every agency and placement, for a service that is being rebuilt or for all services after a restore."""

from uuid import UUID

from recobro_events import Lane, Source, Transaction, outbox
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
)
from recobro_events.tracing import current_traceparent

from assignment.agencies import publishing as agencies

CHUNK_CONTRACTS = 500
_BEFORE_ALL = UUID(int=0)
_NEXT = """
SELECT contract_id FROM contract
WHERE contract_id > $1 AND EXISTS (SELECT FROM placement WHERE placement.contract_id = contract.contract_id)
ORDER BY contract_id LIMIT $2 FOR SHARE
"""
_OF_CONTRACTS = "FROM placement WHERE contract_id = ANY ($1::uuid[])"
_IN_ORDER = "ORDER BY contract_id, kind, ordinal"

_START = outbox.rows(
    ContractPlaced,
    body="""json_build_object('contract_id', contract_id, 'placement_id', placement_id,
        'version', CASE WHEN state = 'active' AND waived IS NULL THEN version ELSE version >> 40 << 40 END,
        'agency_id', agency_id, 'kind', kind, 'rule_id', rule_id, 'starts_on', starts_on, 'ends_on', ends_on)""",
    traceparent="$2",
    audience="$3",
)
_CHANGE = outbox.rows(
    {
        "state = 'active'": PlacementReinstated,
        "state = 'recalled'": PlacementRecalled,
        "state = 'ended'": PlacementEnded,
        "true": PlacementRecallRequested,
    },
    body="""json_strip_nulls(json_build_object('contract_id', contract_id, 'placement_id', placement_id,
        'version', version, 'agency_id', agency_id, 'kind', kind,
        'reason', CASE WHEN state = 'active' THEN decision ELSE reason END,
        'final_on', CASE WHEN state IN ('recall_pending', 'objected') THEN final_on END,
        'starts_on', CASE WHEN state = 'active' THEN starts_on END,
        'ends_on', CASE WHEN state = 'active' THEN ends_on END))""",
    traceparent="$2",
    audience="$3",
)
# _STARTS republishes the start of every placement. Where the placement has changed since, the start carries the lowest
# version of its epoch. _STATES republishes the present state of placements that have changed.
_STARTS = f"{_START} {_OF_CONTRACTS} {_IN_ORDER}"
_STATES = f"{_CHANGE} {_OF_CONTRACTS} AND (state <> 'active' OR waived IS NOT NULL) {_IN_ORDER}"


async def republish(tx: Transaction, after: str) -> str | None:
    """Republish the placements of the next contracts by id after this one, or all agencies when ``after`` is empty.

    Returns the last id; None at the end.
    """
    if not after:
        await agencies.republish(tx)
        return str(_BEFORE_ALL)
    rows = await tx.fetch(_NEXT, UUID(after), CHUNK_CONTRACTS)
    if not rows:
        return None
    contract_ids = [row["contract_id"] for row in rows]
    for statement, lane in ((_STARTS, Lane.BULK), (_STATES, Lane.EVENTS)):
        await tx.execute(statement, contract_ids, current_traceparent(), tx.audience)
        tx.wrote_outbox(lane)
    return str(contract_ids[-1])


# A payment earns for the agency that has the contract, and bulk events of files place contracts: bulk is read first.
SOURCE = Source(republish, versions={"agency": ["version"], "placement": ["version"]}, bulk_first=True)
