"""The offers on one contract now, and an offer that was made before by its id.

An id names the rules' version, the code, the step and the day of the offer. So an offer keeps its terms while it is
valid, though the rules have changed since. It is refused where the contract no longer meets its conditions.
"""

import re
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis import Conflict, ContractNotYetKnown, OutputModel, clock
from chassis.transactions import Reader
from recobro_events import Money, Row
from recobro_events.contracts.portfolio import DebtorStatus
from recobro_events.contracts.promises import AgreementKind, MadeIn

from promises.offers import queries, ruling
from promises.offers.making import Facts, Made, is_below, offer_of, offers_of, why_eligible
from promises.taking import queries as contract_queries

_ID = re.compile(r"(\d{1,9})\.([A-Z0-9-]{1,20})\.(\d{1,2})\.(\d{8})", re.ASCII)


class OfferExpired(Conflict):
    code = "offer-expired"
    detail = "The time to agree is over. Make a new proposal."


class NotEligible(Conflict):
    code = "not-eligible"
    detail = "This offer is not made on this contract."


class Due(OutputModel):
    due_on: date
    amount: Money


class Price(OutputModel):
    """``present_value`` is what the payments are worth on the day of the offer, ``expected_recovery`` what is expected
    without it. ``gain`` is the difference."""

    present_value: Money
    expected_recovery: Money
    gain: str


class Offer(OutputModel):
    """What may be agreed by ``offer_id`` until ``valid_until``. ``why``: the conditions that the contract meets."""

    offer_id: str
    code: str
    kind: AgreementKind
    valid_until: date
    total: Money
    discount: Money
    schedule: tuple[Due, ...]
    incentive: str | None
    needs_approval: bool
    price: Price
    why: tuple[str, ...]


class Offers(OutputModel):
    """``refused`` is the reason why nothing can be agreed on the contract now, such as ``clarification``; else null."""

    contract_id: UUID
    currency: str | None
    total_balance: Money | None
    refused: str | None
    items: tuple[Offer, ...]


async def offers_on(reader: Reader, contract_id: UUID, channel: MadeIn | None) -> Offers:
    """Return what may be offered now. ``ContractNotYetKnown``."""
    contract = await reader.fetchrow(contract_queries.CONTRACT, contract_id, None, clock.now())
    if contract is None:
        raise ContractNotYetKnown()
    refused = _refused(contract)
    rules = await ruling.in_force(reader)
    facts = facts_of(contract, contract["made_on"], channel)
    made = () if refused else tuple(offers_of(rules.rules, rules.pricing, facts))
    return Offers(
        contract_id=contract_id,
        currency=contract["currency"],
        total_balance=contract["total_balance"],
        refused=refused,
        items=tuple(_shown(one, rules.version, facts.day) for one in made),
    )


def _refused(contract: Row) -> str | None:
    if contract["state"] != "open":
        return "contract_closed"
    if contract["status"] in (DebtorStatus.DECEASED, DebtorStatus.REPRESENTED):
        return str(contract["status"])
    if contract["disputed"]:
        return "clarification"
    return "nothing_owed" if contract["total_balance"] <= 0 else None


def facts_of(contract: Row, day: date, channel: MadeIn | None) -> Facts:
    return Facts(
        day,
        contract["total_balance"],
        contract["days_past_due"],
        contract["stage"],
        contract["segment"],
        contract["product"],
        channel,
    )


async def offer_named(reader: Reader, contract: Row, offer_id: str, channel: MadeIn) -> Made:
    """Return the offer with the amounts of today's balance. ``NotEligible``, ``OfferExpired``."""
    named = _ID.fullmatch(offer_id)
    row = await reader.fetchrow(queries.VERSION, int(named[1])) if named else None
    day = _day(named[4]) if named else None
    if named is None or row is None or day is None or not _was_in_force(row, contract, day):
        raise NotEligible()
    rules = ruling.shown(row)
    rule = next((one for one in rules.rules if one.code == named[2]), None)
    if rule is None or int(named[3]) >= len(rule.steps):
        raise NotEligible()
    facts = facts_of(contract, day, channel)
    why = why_eligible(rule, facts)
    made = None if why is None else offer_of(rule, int(named[3]), rules.pricing, facts, why)
    if made is None or is_below(made, rules.pricing):
        raise NotEligible()
    if contract["made_on"] > made.valid_until:
        raise OfferExpired(extra={"valid_until": made.valid_until})
    return made


def _was_in_force(row: Row, contract: Row, day: date) -> bool:
    """Whether these rules held on the day of the offer. The business date may be behind the clock, and offers follow
    it: so the day is only compared with the end of the rules, and with today."""
    if day > contract["made_on"]:
        return False
    replaced_at = row["replaced_at"]
    return replaced_at is None or day <= replaced_at.astimezone(ZoneInfo(contract["timezone"])).date()


def _day(digits: str) -> date | None:
    try:
        return date.fromisoformat(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    except ValueError:
        return None


def _shown(made: Made, version: int, day: date) -> Offer:
    return Offer(
        offer_id=f"{version}.{made.rule.code}.{made.step}.{day:%Y%m%d}",
        code=made.rule.code,
        kind=made.kind,
        valid_until=made.valid_until,
        total=made.total,
        discount=made.discount,
        schedule=tuple(Due(due_on=due_on, amount=amount) for due_on, amount in made.schedule),
        incentive=made.rule.incentive,
        needs_approval=made.rule.needs_approval and made.kind is not AgreementKind.PLAN,
        price=Price(
            present_value=made.present_value,
            expected_recovery=made.expected_recovery,
            gain=str(made.present_value - made.expected_recovery),
        ),
        why=made.why,
    )
