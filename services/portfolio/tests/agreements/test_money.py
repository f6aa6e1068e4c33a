"""Whatever happens in which order: what was owed, what was added and given up, and what was paid add up to the cent.

``make money`` plays 10,000 sequences. Each is a transaction that is rolled back.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from agreement_deals import Deal
from chassis.problems import Problem
from portfolio.agreements import following
from portfolio.charges import reversing as charge_reversing
from portfolio.charges import taking
from portfolio.ledger.locking import lock_contract
from portfolio.ledger.positions import reposition
from portfolio.ledger.rescheduled import parts_of
from portfolio.payments import reversing
from portfolio.payments.booking import Booked, Incoming, PaymentFacts, book
from portfolio.projection import agreements
from portfolio_builders import TODAY, Given, days_ago
from recobro_events import Transaction
from recobro_events.contracts.portfolio import ChargeKind, StageCause
from recobro_events.contracts.promises import AgreementKind

SEQUENCES = int(os.environ.get("RECOBRO_MONEY_SEQUENCES", "40"))
SEED = int(os.environ.get("RECOBRO_MONEY_SEED", "20261130"))
STEPS = 9
BALANCE = Decimal("1000.00")
NOTHING = Decimal("0.00")
RAISING = (ChargeKind.FEE, ChargeKind.DEFAULT_INTEREST, ChargeKind.CHARGEBACK)


class Undone(Exception):
    """Rolls a sequence back."""


class Play:
    """One sequence, and beside it the plain sums of what it has done."""

    def __init__(self, tx: Transaction, contract_id: UUID, chance: random.Random) -> None:
        self.tx, self.contract_id, self.chance = tx, contract_id, chance
        self.day = TODAY
        self.payments: dict[UUID, Decimal] = {}
        self.charges: dict[UUID, Decimal] = {}
        self.deals: list[Deal] = []
        self.forgiven: dict[UUID, Decimal] = {}
        self.steps: list[str] = []

    def amount(self, most: int = 60000) -> Decimal:
        return Decimal(self.chance.randint(1, most)) / 100

    async def step(self) -> None:
        moves: list[Callable[[], Awaitable[None]]] = [
            *(self.pays, self.pays, self.reverses, self.charges_more, self.gives_up, self.takes_charge_back),
            *(self.agrees, self.agreement_goes_on, self.agreement_goes_on, self.time_passes),
        ]
        move = self.chance.choice(moves)
        self.steps.append(move.__name__)
        try:
            await move()
        except Problem as problem:
            self.steps[-1] += f" ({problem.code})"

    async def pays(self) -> None:
        contract = await lock_contract(self.tx, self.contract_id)
        paid_on = self.day - timedelta(days=self.chance.randint(0, 3))
        facts = PaymentFacts(amount=self.amount(), paid_on=paid_on, channel="spei")
        [booked] = await book(self.tx, [Incoming(contract, facts, again=True)])
        assert isinstance(booked, Booked), booked
        self.payments[booked.payment_id] = facts.amount

    async def reverses(self) -> None:
        if self.payments:
            payment_id = self.chance.choice(list(self.payments))
            await reversing.reverse(self.tx, payment_id, reversing.NewReversal(reason="bounced"))
            del self.payments[payment_id]

    async def charges_more(self) -> None:
        await self._charge(self.chance.choice(RAISING), self.amount(9000), 1)

    async def gives_up(self) -> None:
        await self._charge(ChargeKind.COMPENSATION, self.amount(9000), -1)

    async def _charge(self, kind: ChargeKind, amount: Decimal, sign: int) -> None:
        new = taking.NewCharge(kind=kind, amount=amount, charged_on=self.day, reason="by contract")
        receipt = await taking.take(self.tx, self.contract_id, new)
        self.charges[receipt.charge_id] = sign * amount

    async def takes_charge_back(self) -> None:
        if self.charges:
            charge_id = self.chance.choice(list(self.charges))
            reversal = charge_reversing.NewChargeReversal(reason="mistaken")
            await charge_reversing.reverse(self.tx, charge_id, reversal)
            del self.charges[charge_id]

    async def agrees(self) -> None:
        total: Decimal = (await lock_contract(self.tx, self.contract_id))["total_balance"]
        if total < 10 or any(deal.parts for deal in self.deals if deal.version < 3):
            return
        discount = (total * self.chance.randint(0, 80) / 100).quantize(Decimal("0.01"))
        first = ((total - discount) / 2).quantize(Decimal("0.01"))
        kind = self.chance.choice([AgreementKind.SETTLEMENT, AgreementKind.RESTRUCTURE])
        later = (self.day - TODAY).days
        parts = ((later + 5, str(first)), (later + 35, str(total - discount - first)))
        deal = Deal(self.contract_id, kind, str(discount), *parts)
        self.deals.append(deal)
        reached = deal.reached().model_copy(update={"made_on": self.day})
        await self._hear(reached)

    async def agreement_goes_on(self) -> None:
        if self.deals:
            deal = self.chance.choice(self.deals)
            after: list[Callable[[], agreements.AgreementEvent]] = [deal.settled, deal.fulfilled, deal.broken]
            await self._hear(self.chance.choice([*after, deal.settled, deal.reopened])())

    async def _hear(self, event: agreements.AgreementEvent) -> None:
        for _ in range(self.chance.randint(1, 2)):
            await agreements.keep(self.tx, [event])
        await following.follow(self.tx, self.contract_id)

    async def time_passes(self) -> None:
        self.day += timedelta(days=self.chance.randint(1, 20))
        await self.tx.execute("UPDATE portfolio SET business_date = $1", self.day)
        await reposition(self.tx, [self.contract_id], cause=StageCause.DAILY_RUN)

    async def adds_up(self) -> None:
        contract = await self.tx.fetchrow("SELECT * FROM contract WHERE contract_id = $1", self.contract_id)
        assert contract is not None
        rows = await self.tx.fetch("SELECT * FROM charge WHERE reason = $1", following.SETTLED)
        waived = sum((row["amount"] for row in rows if row["reversed_at"] is None), NOTHING)
        # A waiver that stands is that of a settled agreement, at most its discount, and each agreement has one.
        standing = [row for row in rows if row["reversed_at"] is None]
        by_deal = {str(deal.ids["agreement_id"]): deal.discount for deal in self.deals}
        assert all(row["amount"] <= by_deal[row["reference"]] for row in standing)
        assert len({row["reference"] for row in standing}) == len(standing)
        settled = await self.tx.fetch("SELECT agreement_id::text FROM agreement WHERE state = 'settled'")
        assert {row["reference"] for row in standing} <= {row["agreement_id"] for row in settled}

        owed = BALANCE + sum(self.charges.values(), NOTHING) - waived
        paid = sum(self.payments.values(), NOTHING)
        assert contract["total_balance"] == max(NOTHING, owed - paid)
        credit = await self.tx.fetchval("SELECT coalesce(sum(credit), 0) FROM payment WHERE reversed_at IS NULL")
        assert credit == max(NOTHING, paid - owed)
        assert contract["state"] == ("settled" if contract["total_balance"] == 0 else "open")
        if contract["components"] is not None:
            parts = (Decimal(part) for name, part in contract["components"].items() if name != "calculated_on")
            assert sum(parts) == contract["total_balance"]
        if contract["rescheduled_by"] is not None:
            due = await self.tx.fetch(parts_of("$1::uuid"), contract["rescheduled_by"])
            discount = by_deal[str(contract["rescheduled_by"])]
            beyond = contract["total_balance"] - sum(row["unpaid"] for row in due)
            assert NOTHING <= beyond <= discount
            assert all(row["unpaid"] >= 0 for row in due)
            overdue = sum(row["unpaid"] for row in due if row["due_on"] < self.day)
            assert contract["overdue_balance"] == overdue


async def test_any_sequence_keeps_the_sum_of_debt_discount_and_credit(given: Given) -> None:
    portfolio_id = await given.portfolio()
    parts = ((days_ago(40), "500.00"), (days_ago(10), "400.00"), (days_ago(-20), "100.00"))
    contracts = [await given.contract(portfolio_id, *parts) for _ in range(2)]
    async with given.database.transaction() as tx:
        split = "UPDATE instalment SET principal = amount - 30, ordinary_interest = 20, default_interest = 0, fees = 0"
        await tx.execute(
            f"{split}, tax = 0, other = 10, calculated_on = $2 WHERE contract_id = $1", contracts[0], TODAY
        )
        await reposition(tx, contracts, cause=None)
    for number in range(SEQUENCES):
        chance = random.Random(f"{SEED}-{number}")
        try:
            async with given.database.transaction() as tx:
                play = Play(tx, contracts[number % 2], chance)
                for _ in range(STEPS):
                    await play.step()
                    try:
                        await play.adds_up()
                    except AssertionError as error:
                        error.add_note(f"sequence {number} of seed {SEED}: {play.steps}")
                        raise
                raise Undone
        except Undone:
            await asyncio.sleep(0)
