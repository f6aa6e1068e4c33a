"""A random world of debtors: what happens to them is told to the service and to the plain rules alike."""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from dialer_feed.calls import rules as call_rules
from dialer_feed.permits.asking import Question
from dialer_feed.suppression.rules import hash_of
from dialing_agencies import Placement, Promise, Visit, own_attempt
from dialing_contracts import Contract, Phone
from dialing_scene import Scene
from plain_rules import WEEK, Call, Contact, Debt, Number, Person, Spot
from recobro_events import Event
from recobro_events.contracts.dialer_feed import Disposition
from recobro_events.contracts.field_visits import AttendedBy
from recobro_events.contracts.portfolio import ContactChange, CreditorKind, DebtorStatus, Stage

REGISTERED = "+525555000000"
_MEXICO = {
    "Ciudad de México": (Spot("America/Mexico_City", "CMX"), "+5255"),
    "Baja California": (Spot("America/Tijuana", "BCN"), "+52664"),
    "Quintana Roo": (Spot("America/Cancun", "ROO"), "+52998"),
    "Sonora": (Spot("America/Hermosillo", "SON"), "+52662"),
}
PLACES: dict[str, dict[str, tuple[Spot, str]]] = {
    "MX": _MEXICO,
    "US": {
        "Massachusetts": (Spot("America/New_York", "MA"), "+1617"),
        "New York": (Spot("America/New_York", "NY"), "+1212"),
        "California": (Spot("America/Los_Angeles", "CA"), "+1213"),
    },
    "BR": {
        "São Paulo": (Spot("America/Sao_Paulo", "SP"), "+5511"),
        "Rio de Janeiro": (Spot("America/Sao_Paulo", "RJ"), "+5521"),
        "Ceará": (Spot("America/Fortaleza", "CE"), "+5585"),
        "Minas Gerais": (Spot("America/Sao_Paulo", "MG"), "+5531"),
    },
    "GB": {
        "England": (Spot("Europe/London", "ENG"), "+4420"),
        "Scotland": (Spot("Europe/London", "SCT"), "+44131"),
    },
}
PORTFOLIOS = (
    ("MX", "financial", "America/Mexico_City"),
    ("MX", "commercial", "America/Mexico_City"),
    ("US", "financial", "America/New_York"),
    ("BR", "financial", "America/Sao_Paulo"),
    ("GB", "financial", "Europe/London"),
)
_LENGTH = {"MX": 13, "US": 12, "BR": 14, "GB": 13}


@dataclass
class Holder:
    """A contract as the service knows it, beside the plain one."""

    debt: Debt
    contract: Contract
    phones: dict[str, Phone]
    portfolio: "Portfolio"
    campaign_id: UUID
    placement: Placement | None


@dataclass
class Portfolio:
    portfolio_id: UUID
    country: str
    kind: str
    zone: str
    day: date


class World:
    """``people`` for each portfolio, and what happens to them from the first day on."""

    def __init__(self, scene: Scene, seed: int, first: date, people: int) -> None:
        self.scene, self.random, self.first, self.people = scene, random.Random(seed), first, people
        self.holders: list[Holder] = []
        self.suppressed: set[str] = set()
        self.portfolios: list[Portfolio] = []
        self._serial = 0

    async def begin(self) -> None:
        """Make portfolios, campaigns and contracts."""
        for country, kind, zone in PORTFOLIOS:
            portfolio = Portfolio(uuid.uuid4(), country, kind, zone, self.first)
            self.portfolios.append(portfolio)
            await self._stage(portfolio, self.first)
            agency_id = uuid.uuid4() if country in ("MX", "BR") else None
            cap = 4 if country == "GB" else None
            caller_ids = (REGISTERED,)
            campaign_id = await self.scene.campaign(
                portfolio_ids=[portfolio.portfolio_id],
                agency_id=agency_id,
                max_attempts_per_7_days=cap,
                caller_ids=caller_ids,
            )
            for n in range(self.people):
                await self._person(portfolio, campaign_id, agency_id, cap, contracts=1 + n % 2)

    async def _stage(self, portfolio: Portfolio, day: date) -> None:
        portfolio.day = day
        await self.scene.portfolio(
            portfolio.portfolio_id,
            business_date=day,
            jurisdiction=portfolio.country,
            creditor_kind=CreditorKind(portfolio.kind),
            timezone=portfolio.zone,
        )

    async def _person(
        self, portfolio: Portfolio, campaign_id: UUID, agency_id: UUID | None, cap: int | None, contracts: int
    ) -> None:
        person, debtor_id = Person(), uuid.uuid4()
        places = PLACES[portfolio.country]
        for _ in range(contracts):
            state = self.random.choice(list(places))
            other = state if self.random.random() < 0.6 else self.random.choice(list(places))
            numbers = [self._number(portfolio.country, name) for name in (state, other)]
            employer = self._number(portfolio.country, state)
            debt = Debt(
                country=portfolio.country,
                kind=portfolio.kind,
                person=person,
                home=places[state][0],
                numbers=numbers,
                employer=employer,
                by_agency=agency_id is not None,
                caller_ids=(REGISTERED,),
                cap=cap,
            )
            person.homes.add(places[state][0].state)
            phones = {one.value: Phone(one.value) for one in numbers}
            self._serial += 1
            contract = Contract(
                number=f"S-{self._serial:05}",
                portfolio_id=portfolio.portfolio_id,
                debtor_id=debtor_id,
                jurisdiction=portfolio.country,
                phones=list(phones.values()),
                region=state,
                as_of=self.first,
                oldest_due_on=self.first - timedelta(days=20),
            )
            contract.with_party("employer", employer.value, name="El Molino, S.A.")
            events: list[Event] = [contract.registered()]
            placement = None
            if agency_id is not None:
                placement = Placement(contract.contract_id, agency_id, starts_on=self.first)
                events.append(placement.placed())
            await self.scene.receives(*events)
            self.holders.append(Holder(debt, contract, phones, portfolio, campaign_id, placement))

    def _number(self, country: str, state: str) -> Number:
        self._serial += 1
        spot, prefix = PLACES[country][state]
        mobile = "9" if country == "BR" else ""
        digits = _LENGTH[country] - len(prefix) - len(mobile)
        return Number(f"{prefix}{mobile}{2 * 10 ** (digits - 1) + self._serial:0{digits}}", spot)

    async def advance(self, at: datetime) -> None:
        """Let the business dates come, and something happen to some debtors."""
        for portfolio in self.portfolios:
            day = at.astimezone(ZoneInfo(portfolio.zone)).date()
            if day > portfolio.day:
                await self._stage(portfolio, day)
        events: list[Event] = []
        busy: set[UUID] = set()
        for holder in self.holders:
            if self.random.random() < 0.07 and holder.contract.contract_id not in busy:
                busy.add(holder.contract.contract_id)
                events += list(self._happens(holder))
        for start in range(0, len(events), 100):
            await self.scene.receives(*events[start : start + 100])
        await self._end_begun()
        if self.random.random() < 0.1:
            await self._suppress(at)

    def _happens(self, holder: Holder) -> Iterator[Event]:
        holder.contract.as_of = holder.portfolio.day
        happening = self.random.choice(_HAPPENINGS)
        for part in (self._of_money, self._of_work, self._of_contact):
            yield from part(happening, holder)

    def _of_money(self, happening: str, holder: Holder) -> Iterator[Event]:
        debt, contract, day = holder.debt, holder.contract, holder.portfolio.day
        match happening:
            case "payment":
                debt.paid_from.append(day)
                yield contract.paid()
            case "dispute":
                debt.disputes += 1
                yield contract.disputed()
            case "resolved" if contract.disputes:
                debt.disputes -= 1
                yield contract.resolved(contract.disputes[0])
            case "promise":
                until = day + timedelta(days=self.random.randrange(4))
                debt.promised_until.append(until)
                yield Promise(contract.contract_id, due_on=until, silent_until=until).made()
            case "balance":
                debt.overdue = self.random.choice((1500, 1500, 1500, 1500, 100))
                yield contract.revised(overdue=Decimal(debt.overdue))

    def _of_work(self, happening: str, holder: Holder) -> Iterator[Event]:
        debt, contract, day = holder.debt, holder.contract, holder.portfolio.day
        match happening:
            case "pause":
                first = day + timedelta(days=self.random.randrange(3))
                last = first + timedelta(days=self.random.randrange(4))
                if not any(a <= last and first <= b for a, b in debt.pauses):
                    debt.pauses.append((first, last))
                    yield contract.paused(first, last)
            case "stage":
                debt.stage = self.random.choice(("early", "early", "early", "late", "late", "legal", "current"))
                yield contract.staged(Stage(debt.stage))
            case "recall" if holder.placement is not None and not debt.recalled:
                debt.recalled = True
                yield holder.placement.recall_requested()
            case "reinstated" if holder.placement is not None and debt.recalled:
                debt.recalled = False
                yield holder.placement.reinstated()
            case "status":
                yield from self._status(holder)
            case "wish":
                yield from self._wish(holder)

    def _of_contact(self, happening: str, holder: Holder) -> Iterator[Event]:
        debt, contract, day = holder.debt, holder.contract, holder.portfolio.day
        match happening:
            case "number":
                number = self.random.choice(debt.numbers)
                number.usable = not number.usable
                change = ContactChange.VERIFIED if number.usable else self.random.choice(_UNUSABLE)
                yield contract.number_changed(holder.phones[number.value], change)
            case "visit":
                visit, met = Visit(contract, day), self.random.random() < 0.4
                debt.person.contacts.append(Contact(day, "visit", attempt=True, conversation=met))
                yield visit.ordered()
                yield visit.completed(AttendedBy.DEBTOR if met else AttendedBy.NOBODY)
            case "message" | "own_call":
                medium = "message" if happening == "message" else "call"
                spoke = medium == "call" and self.random.random() < 0.2
                made = own_attempt(contract, day, medium, right_party=spoke)
                contact = Contact(day, medium, attempt=True, conversation=spoke, moment=made.made_at)
                debt.person.contacts.append(contact)
                yield made

    def _status(self, holder: Holder) -> Iterator[Event]:
        """The status is the person's: each contract has its event."""
        person = holder.debt.person
        status = self.random.choice(_STATUSES)
        person.dead, person.represented = status is DebtorStatus.DECEASED, status is DebtorStatus.REPRESENTED
        for other in self.holders:
            if other.debt.person is person:
                yield other.contract.reported(status)

    def _wish(self, holder: Holder) -> Iterator[Event]:
        person, chance = holder.debt.person, self.random.choice
        said: dict[str, list[str]] = {"not_hours": [], "not_days": [], "not_media": []}
        kind = chance(("not_hours", "not_days", "not_media", "nothing"))
        if kind == "not_hours":
            said[kind] = [f"{chance(range(24)):02}:{chance((0, 30)):02}-{chance(range(24)):02}:15"]
        elif kind != "nothing":
            said[kind] = [chance(WEEK) if kind == "not_days" else chance(("call", "sms"))]
        person.wishes = [said] if kind != "nothing" else []
        for other in self.holders:
            if other.debt.person is person:
                yield other.contract.says(**(said if kind != "nothing" else {}))

    async def _suppress(self, at: datetime) -> None:
        number = self.random.choice(self.random.choice(self.holders).debt.numbers).value
        if number in self.suppressed:
            self.suppressed.remove(number)
            await self.scene.execute(
                "UPDATE suppressed_number SET until = $2 WHERE number_hash = $1 AND until IS NULL", hash_of(number), at
            )
        else:
            self.suppressed.add(number)
            await self.scene.execute(
                "INSERT INTO suppressed_number (number_hash, name, since) VALUES ($1, 'nao-me-ligue', $2)",
                hash_of(number),
                at,
            )

    def questions(self, at: datetime, heard: timedelta, count: int) -> list[tuple[Holder, Question, Call]]:
        """Return random questions, each with the call of which it asks."""
        asked = []
        for holder in self.random.choices(self.holders, k=count):
            debt = holder.debt
            number = self.random.choice([*debt.numbers * 4, debt.employer])
            caller_id = REGISTERED if self.random.random() < 0.9 else self.random.choice((None, "+525555999999"))
            question = Question(
                campaign_id=holder.campaign_id,
                contract_id=holder.contract.contract_id,
                phone=number.value,
                caller_id=caller_id,
            )
            asked.append((holder, question, Call(debt, number, caller_id, at, holder.portfolio.day, heard)))
        return asked

    async def called(self, granted: Sequence[tuple[Holder, Call, UUID, datetime]]) -> None:
        """Let the dialers make most of the calls that were allowed, and report them now or in a later round."""
        for holder, call, permit_id, expires_at in granted:
            fate, person = self.random.random(), call.debt.person
            if fate < 0.7:
                person.permits.append((call.at, expires_at))
                continue
            ended_at = None
            if fate < 0.8:
                person.begun.append((call.day, call.at))
            else:
                await self._report(holder, call.day, call.at, "outbound")
                ended_at = call.at
            named = (str(uuid.uuid4()), holder.contract.contract_id, call.day, call.at, permit_id, ended_at)
            await self.scene.execute(_BEGIN, *named)

    async def debtors_call(self, at: datetime) -> None:
        """Some debtors call."""
        for holder in self.random.sample(self.holders, k=min(3, len(self.holders))):
            await self._report(holder, holder.portfolio.day, at, "inbound")

    async def _end_begun(self) -> None:
        """Report the calls that had begun."""
        for holder in self.holders:
            person = holder.debt.person
            if person.begun and self.random.random() < 0.5:
                theirs = [one.contract.contract_id for one in self.holders if one.debt.person is person]
                for row in await self.scene.rows(_OPEN, theirs):
                    await self._report(holder, row["business_date"], row["started_at"], "outbound")
                    await self.scene.execute(_END, row["attempt_id"])
                person.begun.clear()

    async def _report(self, holder: Holder, day: date, at: datetime, direction: str) -> None:
        disposition = Disposition(self.random.choice(_DISPOSITIONS))
        states = [holder.debt.home.state]
        counts = direction == "outbound" and call_rules.counts_as_attempt(disposition, holder.debt.country, states)
        spoke = call_rules.is_right_party(disposition)
        unconnected = disposition in (Disposition.BUSY, Disposition.FAILED)
        plainly = direction == "outbound" and not (
            unconnected and holder.debt.country == "US" and holder.debt.home.state != "MA"
        )
        talked = disposition in (Disposition.RIGHT_PARTY, Disposition.REFUSED)
        contact = Contact(
            day, "call", attempt=plainly, conversation=talked, moment=at, outbound=direction == "outbound"
        )
        holder.debt.person.contacts.append(contact)
        await self.scene.execute(
            _REPORT, str(uuid.uuid4()), holder.contract.contract_id, day, at, disposition, spoke, direction, counts
        )


_HAPPENINGS = (
    *("payment", "dispute", "resolved", "resolved", "resolved", "promise", "pause", "status", "number", "number"),
    *("stage", "balance", "recall", "reinstated", "reinstated", "wish", "visit", "message", "own_call"),
)
_STATUSES = (DebtorStatus.ACTIVE, DebtorStatus.ACTIVE, DebtorStatus.DECEASED, DebtorStatus.REPRESENTED)
_UNUSABLE = (ContactChange.INVALID, ContactChange.OPTED_OUT)
_DISPOSITIONS = ("no_answer", "no_answer", "voicemail", "busy", "failed", "third_party", "right_party", "refused")
_NOBODY = "'00000000-0000-0000-0000-000000000000'::uuid"
_BEGIN = f"""
INSERT INTO attempt (dialed_for, attempt_id, list_id, contract_id, contact_id, manual, business_date, started_at,
    permit_id, permit_state, dialer_id, ended_at)
VALUES ({_NOBODY}, $1, {_NOBODY}, $2, uuidv7(), false, $3, $4, $5, 'valid', 'simulation', $6)
"""
_END = "UPDATE attempt SET ended_at = now() WHERE attempt_id = $1"
_OPEN = "SELECT attempt_id, business_date, started_at FROM attempt WHERE contract_id = ANY ($1) AND ended_at IS NULL"
_REPORT = f"""
INSERT INTO call_result (dialed_for, call_id, list_id, contract_id, contact_id, dialer_id, agent, business_date,
    started_at, duration_seconds, disposition, right_party, wrongful, acknowledged_by_then, direction, manual, unlisted,
    attempt)
VALUES ({_NOBODY}, $1, {_NOBODY}, $2, uuidv7(), 'simulation', 'ana', $3, $4, 30, $5, $6, false, false, $7, false,
    true, $8)
"""


def moments(day: date, chance: random.Random, rounds: int) -> list[datetime]:
    """Return random moments of the day (UTC) in their order. Half are near an hour at which hours may begin or end.

    Most are between noon and midnight, when somewhere calls are allowed.
    """
    found = []
    for _ in range(rounds):
        first = 11 * 3600 if chance.random() < 0.85 else 0
        at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(seconds=chance.randrange(first, 86_000))
        if chance.random() < 0.5:
            at = at.replace(minute=0, second=0) + timedelta(seconds=chance.choice((-90, -1, 1, 90)))
        found.append(at)
    return sorted(found)
