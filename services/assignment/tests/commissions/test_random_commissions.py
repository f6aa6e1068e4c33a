"""Random weeks of payments and placements against a plain model: the sums are the model's in any order of events.

Placements begin and are handed back on even days, and payments are made on odd days, because on the day of a handover
the order of the facts decides, which the model does not know.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

import pytest
from placing_scene import DAY, Contract, Json, Scene
from recobro_events import Event
from recobro_events.contracts.assignment import CommissionEarned, CommissionReversed
from recobro_events.contracts.portfolio import FilePayment, KnownPayment, PaymentReceived, Stage
from recobro_events.testing import published

PRECEDENCE = ("collection", "visits", "dialing")
FEES = [
    {"kind": "dialing", "from_days": 0, "to_days": 24, "percent": "10"},
    {"kind": "dialing", "from_days": 25, "percent": "12.5"},
    {"kind": "collection", "from_days": 27, "percent": "30"},
    {"kind": "visits", "from_days": 0, "to_days": 29, "percent": "5.55"},
]
STAGES = {"dialing": ["early", "late"], "visits": ["late"], "collection": ["late", "legal"]}
LAST = 12


@dataclass
class Paid:
    """A payment of the model, and the events that tell of it."""

    contract: Contract
    payment: PaymentReceived | FilePayment
    age: int
    credit: Decimal
    events: list[Event] = field(default_factory=list)
    reversed: bool = False


class Weeks:
    """Plays one random course of days. The placing facts arrive at once, the payments' facts whenever chance wants."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene = scene
        self.chance = random.Random(seed)
        self.agencies: list[str] = []
        self.contracts: list[Contract] = []
        self.paid: list[Paid] = []
        self.waiting: list[Event] = []
        self.earlier: dict[tuple[str, str], list[Json]] = {}

    async def play(self) -> None:
        await self._begin()
        for number in range(LAST + 1):
            await self._day(number)
            await self._leave_earlier_days_alone(number)
        self.chance.shuffle(self.waiting)
        while self.waiting:
            await self._deliver()
        await self._leave_earlier_days_alone(LAST)

    async def _begin(self) -> None:
        scene, chance = self.scene, self.chance
        for kind in ("dialing", "dialing", "visits", "collection"):
            terms: Json = {"recall_grace_days": chance.choice([0, 3]), "attribution_days": chance.choice([0, 0, 4])}
            fees = [fee for fee in FEES if fee["kind"] == kind]
            self.agencies.append(await scene.agency(kind, fees=fees, **terms))
        dialing, other, visits, collection = self.agencies
        for kind, agencies in {"dialing": (dialing, other), "visits": (visits,), "collection": (collection,)}.items():
            await scene.rule(*agencies, kind=kind, stages=STAGES[kind])
        self.contracts = await scene.contracts(3, total=Decimal("900000"), overdue=Decimal("800000"))

    async def _day(self, number: int) -> None:
        scene, chance = self.scene, self.chance
        await scene.day(DAY + timedelta(days=number))
        for contract in self.contracts:
            contract.change(as_of=DAY + timedelta(days=number), days=20 + number)
            if number % 2 == 0 and chance.random() < 0.4:
                await scene.receives(contract.staged(chance.choice([Stage.EARLY, Stage.LATE, Stage.LEGAL])))
        if number % 2 == 0 and number > 0 and chance.random() < 0.6:
            await self._hand_one_back()
        for contract in self.contracts:
            if chance.random() < 0.8:
                self._pay(contract, number)
        for paid in chance.sample(self.paid, min(2, len(self.paid))):
            self._change(paid)
        chance.shuffle(self.waiting)
        for _ in range(len(self.waiting) // 2):
            await self._deliver()

    async def _hand_one_back(self) -> None:
        active = await self.scene.placements(state="active")
        if active:
            path = f"/v1/placements/{self.chance.choice(active)['placement_id']}"
            for step in ("recall", "acknowledgement"):
                await self.scene.post(f"{path}/{step}", {"reason": "x"})
            await self.scene.run()

    def _pay(self, contract: Contract, number: int) -> None:
        chance = self.chance
        on = chance.choice([day for day in range(-3, number + 1) if day % 2])
        details: Json = {"paid_on": DAY + timedelta(days=on), "credit": chance.choice(["0.00", "0.00", "25.15"])}
        amount = f"{chance.randint(100, 900)}.{chance.randint(0, 99):02}"
        payment: PaymentReceived | FilePayment
        if chance.random() < 0.3:
            payment = contract.file_payment(amount, **details)
            stated: Event = contract.stated_by_file(payment)
        else:
            payment = stated = contract.paid(amount, **details)
        self.paid.append(Paid(contract, payment, 20 + on, payment.credit, [stated]))
        self.waiting.append(stated)

    def _change(self, paid: Paid) -> None:
        """Tell a new fact about a payment: a reversal, a change of its credit, or all of it again after a loss."""
        contract, chance = paid.contract, self.chance
        if paid.reversed:
            return
        match chance.choice(["reverse", "reapply", "reapply", "again"]):
            case "reverse":
                paid.reversed = True
                self._tell(
                    paid, contract.payment_reversed(paid.payment, reason=chance.choice(["bounced", "identified"]))
                )
            case "reapply":
                paid.credit = Decimal(chance.randint(0, int(paid.payment.amount)))
                self._tell(paid, contract.reapplied(paid.payment, credit=str(paid.credit)))
            case "again":
                known = KnownPayment(
                    payment_id=paid.payment.payment_id,
                    amount=paid.payment.amount,
                    paid_on=paid.payment.paid_on,
                    business_date=paid.payment.paid_on + timedelta(days=paid.payment.days_past_due_before - paid.age),
                    reversed=paid.reversed,
                    credit=paid.credit,
                    days_past_due_before=paid.payment.days_past_due_before,
                )
                self._tell(paid, contract.told_again(known))

    def _tell(self, paid: Paid, event: Event) -> None:
        paid.events.append(event)
        self.waiting.append(event)

    async def _deliver(self) -> None:
        event = self.waiting.pop()
        await self.scene.receives(event)
        if self.chance.random() < 0.3:
            await self.scene.receives(event)

    async def _leave_earlier_days_alone(self, number: int) -> None:
        """Each agency's report of each day that is over is as it was when the day ended."""
        for agency_id in self.agencies:
            found = await self.scene.get(f"/v1/agencies/{agency_id}/commissions", params={"limit": 1000})
            assert found["next_cursor"] is None
            for past in range(number):
                day = str(DAY + timedelta(days=past))
                of_day = [item for item in found["items"] if item["dated_on"] == day]
                assert self.earlier.setdefault((agency_id, day), of_day) == of_day

    async def sums(self) -> dict[tuple[str, UUID], Decimal]:
        """What each agency has earned of each payment, by its own report."""
        sums: Counter[tuple[str, UUID]] = Counter()
        for agency_id in self.agencies:
            for item in (await self.scene.get(f"/v1/agencies/{agency_id}/commissions", params={"limit": 1000}))[
                "items"
            ]:
                sums[agency_id, UUID(item["payment_id"])] += Decimal(item["amount"])  # type: ignore[assignment]
        return {key: Decimal(amount) for key, amount in sums.items() if amount}

    async def expected(self) -> dict[tuple[str, UUID], Decimal]:
        """What the model says, from the placements as they are."""
        windows = {
            (agency_id, terms["kinds"][0]): terms["attribution_days"]
            for agency_id in self.agencies
            for terms in (await self.scene.get(f"/v1/agencies/{agency_id}/service-contracts"))["items"]
        }
        expected = {}
        for paid in self.paid:
            base = paid.payment.amount - paid.credit
            placements = await self.scene.placements(contract_id=str(paid.contract.contract_id))
            earner = None if paid.reversed or base <= 0 else earner_of(paid, placements, windows)
            if earner is not None:
                agency_id, percent = earner
                amount = (base * percent / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
                expected[agency_id, paid.payment.payment_id] = amount
        return expected


def earner_of(paid: Paid, placements: Sequence[Json], windows: dict[Any, int]) -> tuple[str, Decimal] | None:
    """The agency that earns, and its percent."""
    found = []
    for placement in placements:
        percent = percent_of(placement["kind"], paid.age)
        days = windows[placement["agency_id"], placement["kind"]]
        if percent is not None and covers(placement, placements, paid.payment.paid_on, days):
            in_term = paid.payment.paid_on <= last_of(placement)
            rank = (
                PRECEDENCE.index(placement["kind"]),
                not in_term,
                -date.fromisoformat(placement["starts_on"]).toordinal(),
            )
            found.append((rank, placement["agency_id"], percent))
    return min(found)[1:] if found else None


def percent_of(kind: str, age: int) -> Decimal | None:
    fees: Iterator[Json] = (fee for fee in FEES if fee["kind"] == kind)
    return next(
        (Decimal(fee["percent"]) for fee in fees if fee["from_days"] <= age <= fee.get("to_days", 100_000)), None
    )


def last_of(placement: Json) -> date:
    last = placement["ended_on"] or (placement["final_on"] if placement["state"] == "recall_pending" else None)
    return date.fromisoformat(last) if last else date.max


def covers(placement: Json, placements: Sequence[Json], day: date, window: int) -> bool:
    begins: Callable[[Json], date] = lambda each: date.fromisoformat(each["starts_on"])  # noqa: E731
    last = last_of(placement)
    if not begins(placement) <= day:
        return False
    if day <= last:
        return True
    others = [each for each in placements if each["agency_id"] != placement["agency_id"]]
    return day <= last + timedelta(days=window) and not any(last <= begins(other) <= day for other in others)


@pytest.mark.parametrize("seed", range(8))
async def test_commissions_are_those_of_the_model_in_any_order_of_events(scene: Scene, seed: int) -> None:
    weeks = Weeks(scene, seed)
    await weeks.play()
    sums, expected = await weeks.sums(), await weeks.expected()
    assert sums == expected
    assert len({payment_id for _, payment_id in sums}) == len(sums), "one payment earns for one agency"
    stated: Counter[tuple[str, UUID]] = Counter()
    for event_type, sign in ((CommissionEarned, 1), (CommissionReversed, -1)):
        for event in await published(scene.database, event_type):
            stated[str(event.agency_id), event.payment_id] += sign * event.amount  # type: ignore[assignment]
    assert {key: amount for key, amount in stated.items() if amount} == sums
