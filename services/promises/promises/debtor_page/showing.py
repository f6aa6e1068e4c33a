"""What the page shows to somebody who has proved who they are: what is owed, and what can be done about it now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from chassis import Reader, clock
from recobro_events import Row
from recobro_events.contracts.promises import AgreementKind, MadeIn

from promises.agreements import queries as agreement_queries
from promises.agreements.reading import IN_FORCE, PENDING, Agreement, shown
from promises.debtor_page import queries
from promises.offers.finding import Offer, offers_on
from promises.taking import queries as contract_queries
from promises.taking import rules

PARTS: Mapping[str, str] = {
    "principal": "Principal",
    "ordinary_interest": "Ordinary interest",
    "default_interest": "Interest for late payment",
    "fees": "Fees",
    "tax": "Taxes",
    "other": "Other",
}
MOST_AGREEMENTS = 20


@dataclass(frozen=True)
class Limits:
    """The days and amounts for which a promise can be made now. ``default_amount`` is what is overdue, if it may be
    promised."""

    first_day: date
    last_day: date
    least: Decimal
    most: Decimal

    def default_amount(self, overdue: Decimal) -> Decimal:
        return min(max(overdue, self.least), self.most)


@dataclass(frozen=True)
class Seen:
    """What the page of a contract holds. ``silent`` is why nothing can be agreed now; null while it can."""

    number: str
    company: str | None
    phones: Sequence[str]
    payment_instructions: str | None
    product: str | None
    as_of: date | None
    currency: str
    overdue: Decimal
    total: Decimal
    parts: Sequence[tuple[str, Decimal]]
    silent: str | None
    promises: Sequence[Row]
    waiting: Agreement | None
    in_force: Agreement | None
    offers: Sequence[Offer]
    limits: Limits | None


async def seen(reader: Reader, link: Row) -> Seen | None:
    """Return what the page shows; None where the contract's portfolio is not known here."""
    contract_id = link["contract_id"]
    contract = await reader.fetchrow(contract_queries.CONTRACT, contract_id, None, clock.now())
    more = await reader.fetchrow(queries.SHOWN, contract_id)
    if contract is None or more is None:
        return None
    offered = await offers_on(reader, contract_id, MadeIn.PORTAL)
    agreements = await _agreements(reader, link)
    waiting = next((one for one in agreements if one.state in PENDING), None)
    in_force = next((one for one in agreements if one.state in IN_FORCE), None)
    return Seen(
        number=more["contract_number"],
        company=more["company"],
        phones=(more["letterhead"] or {}).get("phones", ()),
        payment_instructions=(more["letterhead"] or {}).get("payment_instructions"),
        product=more["product"],
        as_of=more["as_of"],
        currency=contract["currency"],
        overdue=contract["overdue_balance"],
        total=contract["total_balance"],
        parts=_parts(more["components"]),
        silent=offered.refused,
        promises=await reader.fetch(queries.OPEN_PROMISES, contract_id),
        waiting=waiting,
        in_force=in_force,
        offers=() if waiting or in_force else offered.items,
        limits=None if offered.refused or _asks_for_all(in_force) else await _limits(reader, contract),
    )


def _asks_for_all(in_force: Agreement | None) -> bool:
    """Whether nothing is left to promise: what the agreement does not ask for is given up, unless it is a plan."""
    return in_force is not None and in_force.settles_in_full and in_force.kind is not AgreementKind.PLAN


async def _agreements(reader: Reader, link: Row) -> list[Agreement]:
    filters = (link["contract_id"], None, None, None, MOST_AGREEMENTS, None, None)
    return await shown(reader, await reader.fetch(agreement_queries.AGREEMENTS["desc", False], *filters))


def _parts(components: Mapping[str, Any] | None) -> list[tuple[str, Decimal]]:
    known = components or {}
    amounts = ((sentence, Decimal(known.get(name) or 0)) for name, sentence in PARTS.items())
    return [(sentence, amount) for sentence, amount in amounts if amount]


async def _limits(reader: Reader, contract: Row) -> Limits | None:
    """Return what ``taking.conditions`` admits; None where nothing is left to promise or no day is possible."""
    limits = rules.limits_of(contract["promise_limits"])
    [[outstanding, _]] = await reader.fetch(contract_queries.PROMISED, contract["contract_id"], contract["episode"])
    most = max(Decimal(0), contract["total_balance"] - outstanding)
    first = rules.first_due_day(contract["made_on"], contract["business_date"], contract["checked_to"])
    last = contract["day"] + timedelta(days=limits.max_days_ahead)
    if not most or last < first:
        return None
    least = rules.smallest(limits, contract["overdue_balance"], most)
    return Limits(first, last, max(least, Decimal("0.01")), most)
