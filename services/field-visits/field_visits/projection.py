"""Portfolios, contracts, addresses and placements as field-visits keeps them. ``handlers`` cancels visits."""

from collections.abc import Sequence

from projections import clarifications, pauses, payments
from projections.columns import Column, columns
from projections.contracts import Details, Positions, Wholes
from projections.placements import Placements
from projections.portfolios import Portfolios
from recobro_events import Transaction
from recobro_events.contracts.assignment import AgencyChanged, PlacementEvent, PlacementKind
from recobro_events.contracts.portfolio import ContractWhole

BUSINESS_DATE = "greatest(portfolio.business_date, contract.as_of)"
"""SQL: the business date of the row ``contract``, the later of the portfolio's and the position's."""

PORTFOLIOS = Portfolios("business_date", "company", "timezone", "creditor_kind", "payment_holdoff_days", "letterhead")
POSITIONS = Positions("as_of", "state", "stage", "overdue_balance", "total_balance", "oldest_due_on", "components")
_DETAILS = Details(
    *("portfolio_id", "debtor_id", "person_id", "contract_number", "name", "jurisdiction", "currency"),
    debtor_kind=Column("text", lambda event: event.debtor.kind),
    language=Column("text", lambda event: event.debtor.language),
)
_WHOLES = Wholes(POSITIONS, _DETAILS, figures=True, allows=True, conveniences=True)
_PLACEMENTS = Placements("agency_id", "active")

# Addresses of a whole contract that is older than the known details are ignored.
_ADDRESSES = """
INSERT INTO address
    (contract_id, address_id, rank, kind, street, exterior, interior, neighbourhood, postal_code, city, state, country,
    authorised, irregular_numbering, issues)
SELECT fact.contract_id, fact.address_id, fact.rank, fact.kind, fact.street, fact.exterior, fact.interior,
    fact.neighbourhood, fact.postal_code, fact.city, fact.state, fact.country, fact.authorised,
    fact.irregular_numbering, fact.issues
FROM unnest(
    $1::uuid[], $2::bigint[], $3::uuid[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::boolean[], $15::boolean[], $16::text[])
    AS fact (contract_id, details_version, address_id, rank, kind, street, exterior, interior, neighbourhood,
        postal_code, city, state, country, authorised, irregular_numbering, issues)
JOIN contract USING (contract_id)
WHERE fact.details_version = contract.details_version
ON CONFLICT (contract_id, address_id) DO UPDATE SET
    rank = excluded.rank, kind = excluded.kind, street = excluded.street, exterior = excluded.exterior,
    interior = excluded.interior, neighbourhood = excluded.neighbourhood, postal_code = excluded.postal_code,
    city = excluded.city, state = excluded.state, country = excluded.country, authorised = excluded.authorised,
    irregular_numbering = excluded.irregular_numbering, issues = excluded.issues, present = true
"""
_ABSENT_ADDRESSES = """
UPDATE address known SET present = false
FROM unnest($1::uuid[], $2::bigint[]) AS whole (contract_id, details_version)
JOIN contract USING (contract_id)
WHERE known.contract_id = whole.contract_id AND known.present
    AND whole.details_version = contract.details_version
    AND (known.contract_id, known.address_id) NOT IN (SELECT * FROM unnest($3::uuid[], $4::uuid[]))
"""
# ended_at is when the placement stopped being active. Versions that are older than the known one change nothing.
_ENDS = """
UPDATE placement SET ended_at = CASE WHEN placement.active THEN NULL ELSE coalesce(placement.ended_at, fact.at) END
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[])
    AS fact (contract_id, placement_id, version, at)
WHERE placement.contract_id = fact.contract_id AND placement.placement_id = fact.placement_id
    AND placement.version = fact.version
"""

_AGENCIES = """
INSERT INTO agency AS known (agency_id, version, name, letterhead)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::jsonb[])
ON CONFLICT (agency_id) DO UPDATE SET
    version = excluded.version, name = excluded.name, letterhead = excluded.letterhead
WHERE known.version < excluded.version
"""


async def keep_agencies(tx: Transaction, events: Sequence[AgencyChanged]) -> None:
    """Keep names and letterheads of agencies that are newer than the known ones."""
    rows = ((e.agency_id, e.version, e.name, e.letterhead.model_dump(mode="json")) for e in events)
    await tx.execute(_AGENCIES, *columns(rows, 4))


async def keep_wholes(tx: Transaction, wholes: Sequence[ContractWhole]) -> None:
    """Keep whole contracts: each group of columns where it is newer, with addresses, pauses, disputes
    and payments."""
    await _WHOLES.keep(tx, wholes)
    await _keep_addresses(tx, wholes)
    await pauses.keep_from_contracts(tx, wholes)
    await clarifications.keep_from_contracts(tx, wholes)
    await payments.keep_from_contracts(tx, wholes)


async def _keep_addresses(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    addresses = [
        (
            event.contract_id,
            event.details_version,
            a.address_id,
            rank,
            a.kind,
            a.street,
            a.exterior,
            a.interior,
            a.neighbourhood,
            a.postal_code,
            a.city,
            a.state,
            a.country,
            a.authorised,
            a.irregular_numbering,
            " ".join(a.issues),
        )
        for event in events
        for rank, a in enumerate(event.addresses)
    ]
    if addresses:
        await tx.execute(_ADDRESSES, *columns(addresses, 16))
    wholes = columns(((e.contract_id, e.details_version) for e in events), 2)
    await tx.execute(_ABSENT_ADDRESSES, *wholes, *columns(((row[0], row[2]) for row in addresses), 2))


async def keep_placements(tx: Transaction, events: Sequence[PlacementEvent]) -> None:
    """Keep placements of the kind ``visits``. Other kinds allow no visits."""
    await _PLACEMENTS.keep(tx, [event for event in events if event.kind is PlacementKind.VISITS])


async def keep_ends(tx: Transaction, events: Sequence[PlacementEvent]) -> None:
    """Keep when placements stopped being active. A republished event does not say when, so the time stays unknown."""
    if events:
        rows = (
            (event.contract_id, event.placement_id, event.version, None if event.is_republished else event.occurred_at)
            for event in events
        )
        await tx.execute(_ENDS, *columns(rows, 4))
