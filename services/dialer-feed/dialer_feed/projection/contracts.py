"""Contracts and portfolios as dialer-feed keeps them. ``handlers`` withdraws; nothing here does."""

from collections.abc import Sequence
from functools import lru_cache

from jurisdictions import Place, UnknownJurisdiction, places_of_address, state_named
from projections import clarifications, contact_points, pauses, payments
from projections.columns import Column
from projections.contracts import Details, Positions, Wholes
from projections.portfolios import Portfolios
from recobro_events import Transaction
from recobro_events.contracts.portfolio import ContractWhole

from dialer_feed.projection import results


def _region(event: ContractWhole) -> str | None:
    """Return the state that the debtor lives in. In some countries the state decides the allowed hours."""
    if not event.addresses:
        return None
    try:
        return state_named(event.jurisdiction, event.addresses[0].state)
    except UnknownJurisdiction:
        return None


def _places(event: ContractWhole) -> str | None:
    """Return where the addresses leave the debtor plausible, as zones and states only: time zone=state, by blanks."""
    try:
        found = (
            place
            for address in event.addresses
            for place in places_of_address(event.jurisdiction, address.state, address.postal_code, address.city)
        )
        return " ".join(f"{place.timezone}={place.region or ''}" for place in dict.fromkeys(found))
    except UnknownJurisdiction:
        return None


@lru_cache(maxsize=10_000)
def read_places(kept: str) -> tuple[Place, ...]:
    """Return the places that ``_places`` has written."""
    return tuple(Place(zone, region or None) for zone, _, region in (one.partition("=") for one in kept.split()))


POSITIONS = Positions("state", "stage", "overdue_balance", "total_balance", "oldest_due_on", "components")
DETAILS = Details(
    "portfolio_id",
    "debtor_id",
    "person_id",
    "contract_number",
    "name",
    "jurisdiction",
    "product",
    region=Column("text", _region),
    places=Column("text", _places),
)
_WHOLES = Wholes(POSITIONS, DETAILS, figures=True, segments=True, allows=True, conveniences=True)
PORTFOLIOS = Portfolios(
    *("state", "business_date", "name", "creditor_id", "creditor_kind"),
    *("jurisdiction", "timezone", "currency", "payment_holdoff_days"),
)


async def keep_wholes(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Keep whole contracts: each group of columns where it is newer, with phones, pauses, disputes and payments."""
    await _WHOLES.keep(tx, events)
    await contact_points.keep_from_contracts(tx, events)
    await pauses.keep_from_contracts(tx, events)
    await clarifications.keep_from_contracts(tx, events)
    await payments.keep_from_contracts(tx, events)
    await results.keep_from_contracts(tx, events)
