"""Contact points: phones and e-mails of a contract's debtor, in the creditor's order, and those of its parties.

They are personal data. A party's number is never the debtor's: it has ``party_id``.
"""

from collections.abc import Iterator, Sequence

from recobro_events import Transaction
from recobro_events.contracts.portfolio import (
    ContactPoint,
    ContactPointChanged,
    ContractWhole,
    DebtorErased,
    PartyChange,
    PartyChanged,
)

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
PARTIES = """
-- Whose number it is, where it is a party's own. The debtor's have none of these.
ALTER TABLE contact_point ADD COLUMN party_id uuid, ADD COLUMN party_role text, ADD COLUMN party_name text;
CREATE INDEX contact_point_party ON contact_point (contract_id) WHERE party_id IS NOT NULL;
"""
VERIFIED = """
-- Whether somebody has verified the point. Null: published by an earlier release.
ALTER TABLE contact_point ADD COLUMN IF NOT EXISTS verified boolean;
"""
# Contact points of a whole contract that is older than the known details are ignored. A point that was gone may come
# back with any version. Otherwise the point's own version decides, and between equal versions the later event of the
# contract. A null rank leaves the known rank. A point that is published again fills what an earlier release left out.
_KEEP = """
INSERT INTO contact_point AS known
    (contract_id, contact_id, version, seen_version, rank, kind, value, timezone, usable, party_id, party_role,
    party_name, verified)
SELECT fact.contract_id, fact.contact_id, fact.version, fact.seen_version, fact.rank, fact.kind, fact.value,
    fact.timezone, fact.usable, fact.party_id, fact.party_role, fact.party_name, fact.verified
FROM unnest(
    $1::uuid[], $2::bigint[], $3::bigint[],
    $4::uuid[], $5::bigint[], $6::integer[], $7::text[], $8::text[], $9::text[], $10::boolean[],
    $11::uuid[], $12::text[], $13::text[], $14::boolean[])
    AS fact (contract_id, seen_version, details_version, contact_id, version, rank, kind, value, timezone, usable,
        party_id, party_role, party_name, verified)
JOIN contract USING (contract_id)
WHERE fact.details_version IS NULL OR fact.details_version >= contract.details_version
ON CONFLICT (contract_id, contact_id) DO UPDATE SET
    version = excluded.version, seen_version = greatest(known.seen_version, excluded.seen_version),
    rank = coalesce(excluded.rank, known.rank), kind = excluded.kind, value = excluded.value,
    timezone = excluded.timezone, usable = excluded.usable, present = true, party_id = excluded.party_id,
    party_role = excluded.party_role, party_name = excluded.party_name,
    verified = coalesce(excluded.verified, known.verified)
WHERE CASE
    WHEN NOT known.present THEN known.seen_version < excluded.seen_version
    WHEN known.verified IS NULL AND excluded.verified IS NOT NULL
        THEN (known.version, known.seen_version) <= (excluded.version, excluded.seen_version)
    ELSE (known.version, known.seen_version) < (excluded.version, excluded.seen_version) END
"""
# A contract no longer has a point when a whole contract newer than the known point does not list it. A whole contract
# of an earlier release says nothing of parties.
_RETIRE = """
UPDATE contact_point known SET present = false, seen_version = whole.version
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::boolean[])
    AS whole (contract_id, version, details_version, knows_parties)
JOIN contract USING (contract_id)
WHERE known.contract_id = whole.contract_id AND known.present AND known.seen_version < whole.version
    AND whole.details_version >= contract.details_version AND (known.party_id IS NULL OR whole.knows_parties)
    AND (known.contract_id, known.contact_id) NOT IN (SELECT * FROM unnest($5::uuid[], $6::uuid[]))
"""
# A party no longer has a point that its newest event does not list. What a removed party said is erased; its points
# stay, because calls to them may still be reported.
_RETIRE_OF_PARTIES = """
UPDATE contact_point known SET present = false, seen_version = party.version,
    value = CASE WHEN party.removed THEN '' ELSE known.value END,
    party_name = CASE WHEN party.removed THEN NULL ELSE known.party_name END
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[]) AS party (contract_id, party_id, version, removed)
WHERE known.contract_id = party.contract_id AND known.party_id = party.party_id AND known.seen_version < party.version
    AND (known.contract_id, known.contact_id) NOT IN (SELECT * FROM unnest($5::uuid[], $6::uuid[]))
"""
# The points stay without what they said, because calls to them may still be reported.
_ERASE = """
UPDATE contact_point known SET value = '', party_name = NULL, timezone = NULL, present = false, usable = false,
    seen_version = greatest(known.seen_version, erased.version), version = greatest(known.version, erased.version)
FROM unnest($1::uuid[], $2::bigint[]) AS erased (contract_id, version) WHERE known.contract_id = erased.contract_id
"""
_OF_DEBTOR = (None, None, None)


async def keep_from_contracts(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Keep the contact points that whole contracts list, and retire older points that they do not list.

    Call it after ``contracts.Details.keep``: the newest known details decide which points a contract has.
    """
    wholes = [(event.contract_id, event.version, event.details_version, event.parties is not None) for event in events]
    points = [
        (*whole[:3], p.contact_id, p.version, rank, p.kind, p.value, p.timezone, p.usable, *owner, p.verified)
        for event, whole in zip(events, wholes, strict=True)
        for rank, p, owner in _of_contract(event)
    ]
    if points:
        await tx.execute(_KEEP, *columns(points, 14))
    await tx.execute(_RETIRE, *columns(wholes, 4), *columns(((point[0], point[3]) for point in points), 2))


def _of_contract(event: ContractWhole) -> Iterator[tuple[int | None, ContactPoint, tuple[object, ...]]]:
    """Yield the debtor's points with their ranks, then those of the parties with whose they are."""
    for rank, point in enumerate(event.contact_points):
        yield rank, point, _OF_DEBTOR
    for party in event.parties or ():
        for point in party.contact_points:
            yield None, point, (party.party_id, party.role, party.name)


async def keep_of_parties(tx: Transaction, events: Sequence[PartyChanged]) -> None:
    """Keep the numbers of these parties as they are after the change, and retire or erase those that are gone."""
    points = [
        (
            *(e.contract_id, e.version, None, p.contact_id, p.version, None, p.kind, p.value, p.timezone, p.usable),
            *(e.party.party_id, e.party.role, e.party.name, p.verified),
        )
        for e in events
        for p in e.party.contact_points
    ]
    if points:
        await tx.execute(_KEEP, *columns(points, 14))
    parties = [(e.contract_id, e.party.party_id, e.version, e.change is PartyChange.REMOVED) for e in events]
    await tx.execute(_RETIRE_OF_PARTIES, *columns(parties, 4), *columns(((p[0], p[3]) for p in points), 2))


async def keep(tx: Transaction, events: Sequence[ContactPointChanged]) -> None:
    """Keep changes of single contact points, each where it is newer than the known point."""
    rows = (
        (
            *(e.contract_id, e.version, None, e.contact_id, e.contact_version, None, e.kind, e.value, e.timezone),
            *(e.usable, *_OF_DEBTOR, e.verified),
        )
        for e in events
    )
    await tx.execute(_KEEP, *columns(rows, 14))


async def erase(tx: Transaction, events: Sequence[ContractWhole | DebtorErased]) -> None:
    """Erase the phones and e-mails of these contracts, those of their parties too."""
    await tx.execute(_ERASE, *columns(((event.contract_id, event.version) for event in events), 2))
