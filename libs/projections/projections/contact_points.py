"""Contact points: phones and e-mails of a contract's debtor, in the creditor's order. They are personal data."""

from collections.abc import Sequence

from recobro_events import Transaction
from recobro_events.contracts.portfolio import ContactPointChanged, ContractWhole

from projections.columns import columns

TABLE = """
-- version is the contact point's own; seen_version is the version of the contract's last event with the point. A point
-- that a contract no longer has stays with present = false, because calls to it may still be reported.
CREATE TABLE contact_point (
    contract_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    version bigint NOT NULL,
    seen_version bigint NOT NULL,
    rank integer,
    kind text NOT NULL,
    value text NOT NULL,
    timezone text,
    usable boolean NOT NULL,
    present boolean NOT NULL DEFAULT true,
    PRIMARY KEY (contract_id, contact_id)
);
"""
# Contact points of a whole contract that is older than the known details are ignored. A point that was gone may come
# back with any version. Otherwise the point's own version decides, and between equal versions the later event of the
# contract. A null rank leaves the known rank.
_KEEP = """
INSERT INTO contact_point AS known
    (contract_id, contact_id, version, seen_version, rank, kind, value, timezone, usable)
SELECT fact.contract_id, fact.contact_id, fact.version, fact.seen_version, fact.rank, fact.kind, fact.value,
    fact.timezone, fact.usable
FROM unnest(
    $1::uuid[], $2::bigint[], $3::bigint[],
    $4::uuid[], $5::bigint[], $6::integer[], $7::text[], $8::text[], $9::text[], $10::boolean[])
    AS fact (contract_id, seen_version, details_version, contact_id, version, rank, kind, value, timezone, usable)
JOIN contract USING (contract_id)
WHERE fact.details_version IS NULL OR fact.details_version >= contract.details_version
ON CONFLICT (contract_id, contact_id) DO UPDATE SET
    version = excluded.version, seen_version = greatest(known.seen_version, excluded.seen_version),
    rank = coalesce(excluded.rank, known.rank), kind = excluded.kind, value = excluded.value,
    timezone = excluded.timezone, usable = excluded.usable, present = true
WHERE CASE
    WHEN NOT known.present THEN known.seen_version < excluded.seen_version
    ELSE (known.version, known.seen_version) < (excluded.version, excluded.seen_version) END
"""
# A contract no longer has a point when a whole contract newer than the known point does not list it.
_RETIRE = """
UPDATE contact_point known SET present = false, seen_version = whole.version
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS whole (contract_id, version, details_version)
JOIN contract USING (contract_id)
WHERE known.contract_id = whole.contract_id AND known.present AND known.seen_version < whole.version
    AND whole.details_version >= contract.details_version
    AND NOT EXISTS (
        SELECT FROM unnest($4::uuid[], $5::uuid[]) AS listed (contract_id, contact_id)
        WHERE listed.contract_id = known.contract_id AND listed.contact_id = known.contact_id)
"""


async def keep_from_contracts(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Keep the contact points that whole contracts list, and retire older points that they do not list.

    Call it after ``contracts.Details.keep``: the newest known details decide which points a contract has.
    """
    wholes = [(event.contract_id, event.version, event.details_version) for event in events]
    points = [
        (*whole, p.contact_id, p.version, rank, p.kind, p.value, p.timezone, p.usable)
        for event, whole in zip(events, wholes, strict=True)
        for rank, p in enumerate(event.contact_points)
    ]
    if points:
        await tx.execute(_KEEP, *columns(points, 10))
    await tx.execute(_RETIRE, *columns(wholes, 3), *columns(((point[0], point[3]) for point in points), 2))


async def keep(tx: Transaction, events: Sequence[ContactPointChanged]) -> None:
    """Keep changes of single contact points, each where it is newer than the known point."""
    rows = (
        (e.contract_id, e.version, None, e.contact_id, e.contact_version, None, e.kind, e.value, e.timezone, e.usable)
        for e in events
    )
    await tx.execute(_KEEP, *columns(rows, 10))
