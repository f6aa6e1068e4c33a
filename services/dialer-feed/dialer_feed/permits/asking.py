"""Asking for permits: whether dialers may call now, decided one question after the other and kept as evidence."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Self
from uuid import UUID

from chassis import (
    ContractUnknown,
    Forbidden,
    InputModel,
    Invalid,
    NoContact,
    OutputModel,
    Principal,
    Problem,
    ShortText,
)
from chassis.transactions import act_for_service
from jurisdictions import UnknownJurisdiction, caller_ids_are_registered, profile, refuses
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from recobro_events import Row, Transaction

from dialer_feed import metrics
from dialer_feed.calls import hours, matching
from dialer_feed.calls import queries as calls
from dialer_feed.campaigns.reading import CampaignUnknown
from dialer_feed.lists import frequency
from dialer_feed.lists.reading import ListUnknown
from dialer_feed.permits import queries, rules
from dialer_feed.permits.rules import Knowledge, Times
from dialer_feed.suppression.rules import hash_of

MOST_AT_ONCE = 500
for _outcome in ("granted", *rules.REASONS):  # A series that starts with its first case hides that case from rates.
    metrics.PERMITS.labels(_outcome)


def now() -> datetime | None:
    """The moment of a decision; None for the clock of the database. Tests and simulations set their own."""
    return None


class Question(InputModel):
    """One call that is about to be made, to one number of one contract: of a list, of a campaign, or by our own people.

    Without ``list_id`` and ``campaign_id`` it is a call of the creditor's own people from the desk, which no campaign's
    conditions decide. It names its contract by the id. ``caller_id`` is the number that the debtor sees.
    """

    list_id: UUID | None = None
    campaign_id: UUID | None = None
    contract_number: ShortText | None = None
    contract_id: UUID | None = None
    phone: ShortText
    caller_id: Annotated[ShortText, Field(max_length=40)] | None = None

    @model_validator(mode="after")
    def _names_one_list_and_one_contract(self) -> Self:
        if self.list_id is not None and self.campaign_id is not None:
            raise PydanticCustomError("list", "must have either list_id or campaign_id")
        if (self.contract_number is None) == (self.contract_id is None):
            raise PydanticCustomError("contract", "must have either contract_number or contract_id")
        if self.is_of_desk and self.contract_id is None:
            raise PydanticCustomError("contract", "must have list_id or campaign_id beside contract_number")
        return self

    @property
    def is_of_desk(self) -> bool:
        """Whether the creditor's own people ask, without a list and a campaign."""
        return self.list_id is None and self.campaign_id is None


class Permit(OutputModel):
    """The call may begin before ``expires_at``, to ``phone``. ``callable_until`` is the end of the allowed hours.

    ``timezone`` is that of the address, else of the number.
    """

    permit_id: UUID
    expires_at: datetime
    phone: str
    timezone: str
    callable_until: datetime


@dataclass(frozen=True)
class Rules:
    """The service's settings for permits: how long one lives, and how old knowledge may be."""

    life: timedelta
    most_age: timedelta
    is_stopped: bool


Answer = Permit | Problem


class ContractAmbiguous(Invalid):
    """Several contracts have the number that the question gives."""

    code = "contract-ambiguous"
    detail = "Several contracts have this number, and none of them this phone. Name the contract by its id."


class DeskOfCreditor(Forbidden):
    """An agency asks without a list and a campaign."""

    code = "desk-of-creditor"
    detail = "Only the creditor's own people ask without a list or a campaign. Name your list."


_DESK: Mapping[str, Any] = {"campaign_id": rules.NO_CAMPAIGN, "agency_id": None, "caller_ids": (), "is_published": True}


@dataclass(frozen=True)
class _About:
    """What a question is about: the list, the campaign or the desk, the contract, and the id of the number."""

    question: Question
    named: Mapping[str, Any] | Row
    contract: Row
    number: str
    contact_id: UUID
    knows_number: bool


async def ask(tx: Transaction, questions: Sequence[Question], who: Principal, settings: Rules) -> list[Answer]:
    """Decide each question in its order; a permit counts for those after it. Keep every decision.

    An answer is a permit, or the problem of a question that is refused or names nothing that the client may see.
    """
    found = await _find(tx, questions, who)
    about = [one for one in found if isinstance(one, _About)]
    if not about:
        return [one for one in found if isinstance(one, Problem)]
    facts = await _judged(tx, about)
    granted: Counter[UUID] = Counter()
    decided = [_decide(one, row, granted, settings) for one, row in zip(about, facts, strict=True)]
    rows = await tx.fetch(queries.KEEP, who.subject, *zip(*(one.row() for one in decided), strict=True))
    for one in decided:
        tx.after_commit(partial(metrics.PERMITS.labels(one.reason or "granted").inc))
    answers = iter([one.answer(row["permit_id"]) for one, row in zip(decided, rows, strict=True)])
    return [one if isinstance(one, Problem) else next(answers) for one in found]


async def _find(tx: Transaction, questions: Sequence[Question], who: Principal) -> list[_About | Problem]:
    lists = [one.list_id for one in questions if one.list_id]
    campaigns = [one.campaign_id for one in questions if one.campaign_id]
    named = {
        row["list_id"] or row["campaign_id"]: row
        for row in await tx.fetch(queries.NAMED, lists, campaigns, who.agency_id)
    }
    await act_for_service(tx)
    asked = [(n, one.list_id, one.contract_number, one.contract_id) for n, one in enumerate(questions)]
    rows = await tx.fetch(calls.CONTRACTS, *zip(*asked, strict=True), who.agency_id)
    candidates: dict[int, list[Row]] = {}
    for row in rows:
        candidates.setdefault(row["n"], []).append(row)
    found = await tx.fetch(calls.PHONES, list({row["contract_id"] for row in rows}))
    phones = {(row["contract_id"], row["value"]): row for row in found}
    return [
        DeskOfCreditor()
        if one.is_of_desk and who.agency_id is not None
        else _about(one, named, candidates.get(n, []), phones)
        for n, one in enumerate(questions)
    ]


def _about(
    question: Question, named: Mapping[UUID, Row], candidates: Sequence[Row], phones: Mapping[tuple[UUID, str], Row]
) -> _About | Problem:
    place = _DESK if question.is_of_desk else named.get(question.list_id or question.campaign_id)  # type: ignore[arg-type]
    if place is None or not place["is_published"]:
        return ListUnknown() if question.list_id else CampaignUnknown()
    if not candidates:
        return ContractUnknown()
    contract = matching.of_phone(candidates, question.phone, phones)
    if contract is None:
        return ContractAmbiguous()
    number = matching.number_of(question.phone, contract, phones)
    contact_id, knows_number = matching.contact_of(contract["contract_id"], number, phones)
    return _About(question, place, contract, number, contact_id, knows_number)


async def _judged(tx: Transaction, about: Sequence[_About]) -> list[Row]:
    """Lock the people and then the contracts, and read afterwards what decides each question."""
    contract_ids = list({one.contract["contract_id"] for one in about})
    locked = await tx.fetch(queries.LOCK, contract_ids)
    if without := [row["person_id"] for row in locked if not row["has_turn"]]:
        await tx.execute(queries.ADD_TURNS, without)
        locked = await tx.fetch(queries.LOCK, contract_ids)
    people = {row["contract_id"]: row["person_id"] for row in locked}
    columns = zip(
        *(
            (
                n,
                one.contract["contract_id"],
                one.question.list_id,
                one.named["campaign_id"],
                one.contact_id,
                people[one.contract["contract_id"]],
            )
            for n, one in enumerate(about)
        ),
        strict=True,
    )
    hashes = [hash_of(one.number) for one in about]
    return await tx.fetch(queries.JUDGE, *columns, now(), *frequency.limits(), hashes)


@dataclass(frozen=True)
class _Decided:
    about: _About
    facts: Row
    reason: str | None
    times: Times
    closes_at: datetime | None
    expires_at: datetime | None

    def row(self) -> tuple[object, ...]:
        """The row of ``permit``."""
        question, named, facts = self.about.question, self.about.named, self.facts
        return (
            facts["at"],
            self.reason,
            self.expires_at,
            named["agency_id"],
            named["campaign_id"],
            question.list_id,
            self.about.contract["contract_id"],
            self.about.contact_id,
            None if self.about.knows_number else self.about.number,
            question.caller_id,
            facts["business_date"],
            self.closes_at,
            self.times.attempts,
            self.times.most,
            facts["heard_at"],
        )

    def answer(self, permit_id: UUID) -> Answer:
        if self.expires_at is None or self.closes_at is None:
            assert self.reason is not None
            return NoContact(self.reason, rules.SENTENCES[self.reason], extra={"permit_id": permit_id})
        return Permit(
            permit_id=permit_id,
            expires_at=self.expires_at,
            phone=self.about.number,
            timezone=hours.zone_of(self.facts, self.facts["phones"], self.facts["portfolio_timezone"]),
            callable_until=self.closes_at,
        )


def _decide(about: _About, facts: Row, granted: Counter[UUID], settings: Rules) -> _Decided:
    """Decide one question; a permit counts for the person's next question."""
    numbers = list(dict.fromkeys([*facts["phones"], about.number] if about.number.startswith("+") else facts["phones"]))
    closes_at = hours.closes_at(facts, numbers, facts["at"])
    is_answer = facts["may_answer"] and not granted[facts["person_id"]]
    convenient_until = closes_at if is_answer else hours.convenient_until(facts, numbers, facts["at"], closes_at)
    more: dict[str, Any] = {
        "closes_at": closes_at,
        "wants_no_calls": refuses(facts["conveniences"], "call"),
        "is_inconvenient": closes_at is not None and convenient_until is None,
        "is_holiday": closes_at is None and hours.falls_on_a_holiday(facts, numbers, facts["at"]),
        "is_registered": _is_registered(about),
        "is_of_desk": about.question.is_of_desk,
    }
    times = Times(facts["attempts"] + granted[facts["person_id"]], facts["most"], spoke=facts["spoke"])
    knowledge = Knowledge(facts["heard_at"], facts["is_rebuilding"], settings.is_stopped)
    reason = rules.refusal({**facts, **more}, knowledge, times, settings.most_age)
    expires_at = None
    if reason is None and closes_at is not None:
        closes_at = convenient_until or closes_at
        expires_at = min(facts["at"] + settings.life, closes_at)
        granted[facts["person_id"]] += 1
    return _Decided(about, facts, reason, times, closes_at, expires_at)


def _is_registered(about: _About) -> bool:
    """Whether the caller id may be shown. Some jurisdictions have a register of the numbers of agencies."""
    try:
        demanded = caller_ids_are_registered(profile(about.contract["jurisdiction"]))
    except UnknownJurisdiction:
        return True
    if about.named["agency_id"] is None or not demanded:
        return True
    caller_id = about.question.caller_id
    return caller_id is not None and matching.number_of(caller_id, about.contract) in about.named["caller_ids"]
