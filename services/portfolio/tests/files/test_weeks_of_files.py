"""Random weeks of creditors' and banks' files, payments, charges, reversals and disputes end as a plain model says.

Some creditors state the parts of the amounts. Then the parts of every balance add up to it.

A sequence is the history of one contract. Contracts of one portfolio share their files, so many sequences are played
together. ``RECOBRO_FLOOR_SEQUENCES`` is their number and ``RECOBRO_FLOOR_SEED`` the first seed. ``make floor`` plays
10,000.
"""

import os
import random
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import pytest
from bank_rows import counts, csv_file
from model_of_files import Charge, ModelContract, Payment, Settings, Statement
from portfolio.ledger.components import DEFAULT_ORDER, Component, unpaid_components
from portfolio.tabular.profiles import COMPONENTS, FILE_COLUMNS
from service_client import (
    ManualBankLoader,
    ManualLoader,
    ServiceClient,
    csv_of,
    read_in_thread,
    read_payments_in_thread,
    row,
)

SEQUENCES = int(os.environ.get("RECOBRO_FLOOR_SEQUENCES", "45"))
FIRST_SEED = int(os.environ.get("RECOBRO_FLOOR_SEED", "4"))
SIZES = (1, 4, 40, 500)
"""Contracts of a portfolio. In a small one a whole file repeats itself now and then; a large one plays many at once."""
FIRST_DAY = date(2024, 3, 4)
STEPS = 10
BANK_HEADER = "paid_on,amount,bank_reference,contract_number,channel,reversal"
CHARGE_COLUMNS = "kind, amount, charged_on, reversed_at IS NOT NULL, absorbed_by IS NOT NULL"
COUNTED = ("in_posting", "differs", "unposted", "set_aside", "file_payments", "kept_decisions")


def portfolios(sequences: int) -> list[tuple[int, int]]:
    """Seeds and sizes of the portfolios that together have at least so many contracts."""
    sizes: list[int] = []
    while (left := sequences - sum(sizes)) > 0:
        fitting = [size for size in SIZES if size <= max(1, left)]
        small = sum(size < 40 for size in sizes)
        sizes.append(fitting[-1] if small > len(sizes) / 2 else random.Random(len(sizes)).choice(fitting[:2]))
    return [(FIRST_SEED + place, size) for place, size in enumerate(sizes)]


@dataclass
class Loaded:
    """A file that was loaded, with what the model needs to know of it."""

    content: bytes
    statements: dict[str, Statement]
    paid_since: set[int] = field(default_factory=set)


@dataclass
class Week:
    """One portfolio and its model."""

    service: ServiceClient
    chance: random.Random
    portfolio_id: UUID
    settings: Settings
    names: list[str]
    contracts: dict[str, ModelContract] = field(default_factory=dict)
    files: list[Loaded] = field(default_factory=list)
    file_ids: dict[str, str] = field(default_factory=dict)
    last_rows: dict[str, dict[int, Decimal]] = field(default_factory=dict)
    day: date = FIRST_DAY
    business_date: date = FIRST_DAY
    is_split: bool = False
    log: list[str] = field(default_factory=list)
    charge_ids: dict[int, str] = field(default_factory=dict)

    # Files.

    async def load_first(self) -> None:
        statements = {}
        for name in self.names:
            numbers = range(1, self.chance.randint(1, 4) + 1)
            statements[name] = Statement(self.day, {n: self._amount(20, 60) for n in numbers})
        await self._upload(self._content(statements), statements)

    async def load_next(self) -> None:
        if self.chance.random() < 0.1:
            last = self.files[-1]
            statements = {name: Statement(self.day, one.rows) for name, one in last.statements.items()}
            await self._upload(last.content, statements)
            return
        keeps_all = self.chance.random() < 0.15
        statements = {}
        for name in self.names:
            rows = dict(self.last_rows[name]) if keeps_all else self._rows(name)
            if rows and (keeps_all or self.chance.random() < 0.9):
                statements[name] = Statement(self.day, rows)
        if statements:
            await self._upload(self._content(statements), statements)

    def _rows(self, name: str) -> dict[int, Decimal]:
        """What a creditor may say of a contract: rightly, a few days behind, the same as last time, or by mistake."""
        contract, chance = self.contracts[name], self.chance
        kind = chance.choice(["right", "right", "behind", "behind", "repeated", "known", "undecided", "wrong", "wrong"])
        if kind == "repeated":
            return dict(self.last_rows[name])
        rows = dict(contract.base)
        for number, decision in contract.decisions.items():
            if number in rows and (kind == "undecided" or chance.random() < 0.5):
                rows[number] += decision.about - decision.amount
            elif kind == "undecided":
                rows[number] = decision.about
        known = [one for one in contract.on_top if one.paid_on <= self.day]
        if kind == "behind":
            known = [one for one in known if chance.random() < 0.5]
        elif kind == "known":
            known = []
        paid = sum((one.amount for one in known), Decimal(0))
        order = sorted(rows, reverse=chance.random() < 0.2)
        for number in order:
            part = min(paid, rows[number])
            rows[number] -= part
            paid -= part
        if kind == "wrong":
            self._mistake(rows)
        if chance.random() < 0.2:
            rows[max([*rows, 0]) + 1 if max([*rows, 0]) < 11 else 1] = self._amount(10, 50)
        return {number: amount for number, amount in rows.items() if amount > 0}

    def _mistake(self, rows: dict[int, Decimal]) -> None:
        if not rows:
            return
        number = self.chance.choice(sorted(rows))
        what = self.chance.choice(["drop", "lower", "raise"])
        if what == "drop":
            del rows[number]
        elif what == "lower":
            rows[number] -= min(rows[number], self._amount(1, 20))
        else:
            rows[number] += self._amount(1, 20)

    def _amount(self, low: int, high: int) -> Decimal:
        """Multiples of 10.00, so that sums meet by chance."""
        return Decimal(self.chance.randint(low, high) * 10).quantize(Decimal("0.01"))

    def _content(self, statements: dict[str, Statement]) -> bytes:
        states_parts = self.is_split and self.chance.random() < 0.7
        rows = []
        for name, statement in statements.items():
            for number, amount in sorted(statement.rows.items()):
                cells = {"amount_due": str(amount), "due_date": str(date(2023, number, 1)), "product": str(self.day)}
                cells |= self._parts(amount) if states_parts else {}
                rows.append(row(name, number, **cells))
        columns = FILE_COLUMNS if states_parts else tuple(name for name in FILE_COLUMNS if name not in COMPONENTS)
        return csv_of(*rows, columns=columns)

    def _parts(self, amount: Decimal) -> dict[str, str]:
        """Parts that add up to the amount. Now and then a row states none."""
        if self.chance.random() < 0.1:
            return {}
        names = self.chance.sample(COMPONENTS, self.chance.randint(1, len(COMPONENTS)))
        cents = sorted(self.chance.randint(0, int(amount * 100)) for _ in names[1:])
        bounds = zip([0, *cents], [*cents, int(amount * 100)], strict=True)
        return {name: str(Decimal(stop - start) / 100) for name, (start, stop) in zip(names, bounds, strict=True)}

    async def _upload(self, content: bytes, statements: dict[str, Statement]) -> None:
        answer = await self.service.upload(self.portfolio_id, content, str(self.day))
        assert answer.status_code == 202, answer.text
        assert await self.service.loader.load_one()
        file = await self.service.file(answer.json()["file_id"])
        waits = self._waits(content, statements)
        expected = ("needs_confirmation", "repeated_figures") if waits else ("loaded", None)
        assert (file["status"], file["confirmation_reason"]) == expected, self.log
        if waits:
            accept = self.chance.random() < 0.7
            self.log.append(f"{self.day}: the file repeats figures, accepted: {accept}")
            await self._confirm(file["file_id"], accept=accept)
            if not accept:
                return
            assert await self.service.loader.load_one()
            file = await self.service.file(file["file_id"])
        self._apply(statements, file)
        self.files.append(Loaded(content, statements))
        self.business_date = max(self.business_date, self.day)

    def _waits(self, content: bytes, statements: dict[str, Statement]) -> bool:
        known = {name: one for name, one in statements.items() if name in self.contracts}
        same = [one for one in self.files if one.content == content]
        if same and any(
            payment.sequence in same[-1].paid_since and not payment.is_reversed and payment.paid_on <= self.day
            for name in known
            for payment in self.contracts[name].payments
        ):
            return True
        if len(known) < len(statements):
            return False
        contracts = [(self.contracts[name], statement) for name, statement in known.items()]
        if not all(contract.repeats(statement) for contract, statement in contracts):
            return False
        return any(contract.would_undo(statement, self.settings) for contract, statement in contracts)

    def _apply(self, statements: dict[str, Statement], file: dict[str, Any]) -> None:
        found: dict[str, int] = dict.fromkeys(COUNTED, 0)
        for name, statement in statements.items():
            self.last_rows[name] = dict(statement.rows)
            self.log.append(f"{self.day} {name} states {_words(statement.rows)}")
            if name not in self.contracts:
                self.contracts[name] = ModelContract(statement)
                continue
            contract = self.contracts[name]
            for kind, times in contract.state(statement, self.settings).items():
                found[kind] += times
            if contract.waiting is statement:
                self.file_ids[name] = file["file_id"]
        assert {kind: file[kind] for kind in COUNTED} == found, self._story()

    # What people and banks do.

    async def pay(self) -> None:
        """A core system sends payments one by one, or a bank sends a file."""
        rows: list[dict[str, str]] = []
        for name in self.names:
            contract = self.contracts[name]
            for _ in range(self.chance.choice([0, 0, 1, 1, 2, 3])):
                paid_on = self.day - timedelta(days=self.chance.choice([0, 0, 1, 2, 4, 7]))
                often = [Decimal("50.00"), Decimal("100.00")]
                amounts = [self._amount(1, 30), *often, *often, contract.total, contract.total + 10]
                amount = self.chance.choice([one for one in amounts if one > 0])
                payment = contract.pay(amount, paid_on, self.business_date)
                for file in self.files:
                    file.paid_since.add(payment.sequence)
                self.log.append(f"{self.day} {name} paid {amount} on {paid_on}")
                of_contract = {"portfolio_id": str(self.portfolio_id), "contract_number": name}
                money = {"amount": str(amount), "paid_on": str(paid_on), "channel": "spei"}
                rows.append(of_contract | money | {"reference": f"r{payment.sequence}"})
        if not rows:
            return
        if self.chance.random() < 0.4:
            await self._pay_by_bank(rows)
            return
        answer = await self.service.client.post("/v1/payments", json={"payments": rows})
        assert answer.status_code == 200, answer.text
        results = answer.json()["results"]
        assert {one["status"] for one in results} == {"accepted"}, results

    async def _pay_by_bank(self, rows: list[dict[str, str]]) -> None:
        """Of some contracts the bank does not say whose the money is, and a person allocates it."""
        unnamed = {name for name in self.names if self.chance.random() < 0.2}
        waiting = {one["reference"]: one["contract_number"] for one in rows if one["contract_number"] in unnamed}
        lines = [_bank_row(one, "" if one["reference"] in waiting else one["contract_number"]) for one in rows]
        # What is sent twice counts once.
        again = [line for line in lines if self.chance.random() < 0.1]
        file = await self.service.bank_file(self.portfolio_id, csv_file(*lines, *again, header=BANK_HEADER))
        booked, known = len(rows) - len(waiting), len(again)
        assert counts(file) == _more_than_none(payments=booked, known=known, unidentified=len(waiting)), self.log
        answer = await self.service.get("/v1/unidentified-payments", file_id=file["file_id"], limit=500)
        ids = {one["reference"]: one["unidentified_id"] for one in answer["items"]}
        assert ids.keys() == waiting.keys()
        for reference, name in waiting.items():
            of_contract = {"contract_id": str(uuid5(self.portfolio_id, name))}
            path = f"/v1/unidentified-payments/{ids[reference]}/allocation"
            allocated = await self.service.client.post(path, json=of_contract)
            assert allocated.status_code == 201, allocated.text

    async def reverse(self) -> None:
        """Now and then a payment bounces, or was none; the bank's day may lie some days back."""
        stored = await self._stored_payments()
        by_bank = self.chance.random() < 0.4
        lines: list[str] = []
        for name in self.names:
            live = [one for one in self.contracts[name].payments if not one.is_reversed]
            if not live or self.chance.random() > 0.12:
                continue
            payment = self.chance.choice(live)
            reversed_on = max(payment.paid_on, self.day - timedelta(days=self.chance.choice([0, 0, 1, 3])))
            if by_bank and payment.channel == "spei":
                row = {"reference": f"r{payment.sequence}", "amount": str(payment.amount), "paid_on": str(reversed_on)}
                lines.append(_bank_row(row, reversal="x"))
            else:
                payment_id = stored[name][_place_of(payment, self.contracts[name].payments)]["payment_id"]
                answer = await self.service.client.post(
                    f"/v1/payments/{payment_id}/reversal", json={"reason": "bounced", "reversed_on": str(reversed_on)}
                )
                assert answer.status_code == 201, answer.text
            self.contracts[name].reverse(payment, reversed_on)
            self.log.append(f"{self.day} {name} {payment.channel} {payment.amount} reversed on {reversed_on}")
        if lines:
            file = await self.service.bank_file(self.portfolio_id, csv_file(*lines, header=BANK_HEADER))
            assert counts(file) == {"reversals": len(lines)}, self.log

    async def charge(self) -> None:
        for name in self.names:
            contract = self.contracts[name]
            owed = [number for number, amount in contract.unpaid.items() if amount > 0]
            if not owed or self.chance.random() > 0.25:
                continue
            kind = self.chance.choice(
                ["fee", "fee", "default_interest", "chargeback", "waiver", "waiver", "compensation"]
            )
            raises = kind not in ("waiver", "compensation")
            amount = self._amount(1, 20)
            if not raises:
                amount = min(contract.total, self.chance.choice([amount, amount, contract.total]))
            charged_on = self.day - timedelta(days=self.chance.choice([0, 0, 1, 2, 4, 7]))
            number = min(owed) if raises else None
            body: dict[str, Any] = {
                "kind": kind,
                "amount": str(amount),
                "charged_on": str(charged_on),
                "reason": "agreed",
            }
            if raises and self.chance.random() < 0.3:
                number = self.chance.choice(sorted(contract.base))
                body["instalment"] = number
            path = f"/v1/contracts/{uuid5(self.portfolio_id, name)}/charges"
            answer = await self.service.client.post(path, json=body)
            assert answer.status_code == 201, answer.text
            charge = contract.charge(kind, amount, charged_on, number)
            self.charge_ids[charge.sequence] = answer.json()["charge_id"]
            self.log.append(f"{self.day} {name} {kind} {amount} of {charged_on} on {number}")

    async def reverse_charges(self) -> None:
        for name in self.names:
            live = [one for one in self.contracts[name].charges if not one.is_reversed]
            if not live or self.chance.random() > 0.25:
                continue
            charge: Charge = self.chance.choice(live)
            reversed_on = max(charge.paid_on, self.day - timedelta(days=self.chance.choice([0, 0, 1, 3])))
            path = f"/v1/charges/{self.charge_ids[charge.sequence]}/reversal"
            body = {"reason": "mistaken", "reversed_on": str(reversed_on)}
            answer = await self.service.client.post(path, json=body)
            assert answer.status_code == 201, answer.text
            self.contracts[name].reverse_charge(charge, reversed_on)
            self.log.append(f"{self.day} {name} {charge.kind} {charge.amount} reversed on {reversed_on}")

    async def dispute(self) -> None:
        for name in self.names:
            contract = self.contracts[name]
            owed = [number for number, amount in contract.amounts.items() if amount > 0]
            if not owed or self.chance.random() > 0.15:
                continue
            number = self.chance.choice([min(owed), *owed])
            amount = self.chance.choice([Decimal("0.00"), min(contract.amounts[number], self._amount(10, 40))])
            path = f"/v1/contracts/{uuid5(self.portfolio_id, name)}/clarifications"
            body = {"reason": "wrong_amount", "opened_by": "debtor", "instalments": [number]}
            opened = await self.service.client.post(path, json=body)
            assert opened.status_code == 201, opened.text
            outcome = {"outcome": "upheld", "corrections": [{"instalment": number, "amount": str(amount)}]}
            path = f"/v1/clarifications/{opened.json()['clarification_id']}/resolution"
            resolved = await self.service.client.post(path, json=outcome)
            assert resolved.status_code == 201, resolved.text
            contract.correct(number, amount)
            self.log.append(f"{self.day} {name} instalment {number} corrected to {amount}")

    async def decide(self) -> None:
        """A person decides about some of the contracts that files have set aside."""
        chosen: dict[tuple[str, bool], list[str]] = {}
        for name, contract in self.contracts.items():
            if contract.waiting is not None and self.chance.random() < 0.4:
                chosen.setdefault((self.file_ids[name], self.chance.random() < 0.5), []).append(name)
        for (file_id, accept), names in chosen.items():
            await self._confirm(file_id, accept=accept, contracts=names)
            for name in names:
                contract = self.contracts[name]
                self.log.append(f"{self.day} {name} decided: {accept}")
                if accept:
                    assert contract.waiting is not None
                    contract.state(contract.waiting, self.settings, accepted=True)
                else:
                    contract.refuse()

    async def _confirm(self, file_id: str, **answer: Any) -> None:
        done = await self.service.client.post(f"/v1/files/{file_id}/confirmation", json=answer)
        assert done.status_code == 200, done.text

    # What is compared.

    async def check(self) -> None:
        stored = await self._stored()
        for name, contract in self.contracts.items():
            assert stored[name] == self._expected(contract), f"{name}\n{self._story(name)}"
        await self._check_parts()

    async def _check_parts(self) -> None:
        """The parts of a balance add up to it, and follow from the instalments as the rule says."""
        found = await self._of_contracts("instalment", f"instalment.amount, unpaid, {', '.join(COMPONENTS)}")
        balances = await self.service.rows(
            "SELECT contract_number, total_balance, components FROM contract WHERE portfolio_id = $1", self.portfolio_id
        )
        for name, total, stored in balances:
            parts = dict.fromkeys(Component, Decimal(0))
            is_split = False
            for amount, unpaid, *stated in found.get(name, []):
                known = None if stated[0] is None else dict(zip(Component, stated, strict=True))
                is_split |= known is not None and unpaid > 0
                for component, left in unpaid_components(known, amount, unpaid, DEFAULT_ORDER).items():
                    parts[component] += left
            assert sum(parts.values()) == total, self._story(name)
            split = {component: f"{amount:.2f}" for component, amount in parts.items()} if is_split else None
            assert (stored and {name: stored[name] for name in COMPONENTS}) == split, self._story(name)

    def _expected(self, contract: ModelContract) -> dict[str, Any]:
        unpaid, amounts = contract.unpaid, contract.amounts
        return {
            "state": "settled" if contract.total == 0 else "open",
            "total": contract.total,
            "undecided": contract.waiting is not None,
            "silent_until": contract.silent_until,
            "instalments": [(number, amounts[number], unpaid[number]) for number in sorted(amounts)],
            "charges": sorted(
                (one.kind, one.amount, one.paid_on, one.is_reversed, one.included_on is not None)
                for one in contract.charges
            ),
            "payments": sorted(
                (one.channel, one.amount, one.paid_on, one.is_reversed, one.included_on is not None)
                for one in contract.payments
            ),
            "decisions": sorted((number, one.about, one.amount) for number, one in contract.decisions.items()),
        }

    async def _stored(self) -> dict[str, dict[str, Any]]:
        contracts = await self.service.rows(
            """
            SELECT contract_number AS name, state, total_balance AS total, undecided_by IS NOT NULL AS undecided,
                (SELECT max(silent_until) FROM payment
                    WHERE payment.contract_id = contract.contract_id AND reversed_at IS NULL) AS silent_until
            FROM contract WHERE portfolio_id = $1
            """,
            self.portfolio_id,
        )
        instalments = await self._of_contracts("instalment", "number, instalment.amount, unpaid")
        decisions = await self._of_contracts("amount_decision", "number, about, amount_decision.amount")
        payments = await self._stored_payments()
        charges = await self._of_contracts("charge", CHARGE_COLUMNS, "sequence")
        return {
            one["name"]: {
                "charges": sorted(charges.get(one["name"], [])),
                **{name: one[name] for name in ("state", "total", "undecided", "silent_until")},
                "instalments": instalments.get(one["name"], []),
                "decisions": decisions.get(one["name"], []),
                "payments": sorted(
                    (each["channel"], each["amount"], each["paid_on"], each["is_reversed"], each["is_included"])
                    for each in payments.get(one["name"], [])
                ),
            }
            for one in contracts
        }

    async def _of_contracts(self, table: str, columns: str, order: str = "number") -> dict[str, list[tuple[Any, ...]]]:
        rows = await self.service.rows(
            f"SELECT contract_number, {columns} FROM {table} JOIN contract USING (contract_id)"
            f" WHERE contract.portfolio_id = $1 ORDER BY contract_number, {order}",
            self.portfolio_id,
        )
        stored: dict[str, list[tuple[Any, ...]]] = {}
        for name, *values in rows:
            stored.setdefault(name, []).append(tuple(values))
        return stored

    async def _stored_payments(self) -> dict[str, list[Any]]:
        rows = await self.service.rows(
            """
            SELECT contract_number AS name, payment_id, channel, amount, paid_on,
                reversed_at IS NOT NULL AS is_reversed, absorbed_by IS NOT NULL AS is_included
            FROM payment JOIN contract USING (contract_id)
            WHERE contract.portfolio_id = $1 ORDER BY contract_number, sequence
            """,
            self.portfolio_id,
        )
        stored: dict[str, list[Any]] = {}
        for one in rows:
            stored.setdefault(one["name"], []).append(one)
        return stored

    def _story(self, name: str = "") -> str:
        return "\n".join([f"{self.settings}", *(line for line in self.log if name in line)])


def _place_of(payment: Payment, payments: list[Payment]) -> int:
    """The place of a payment in the order of arrival, which is that of the service as well."""
    return next(place for place, one in enumerate(payments) if one is payment)


def _bank_row(payment: dict[str, str], contract_number: str = "", reversal: str = "") -> str:
    cells = (payment["paid_on"], payment["amount"], payment["reference"], contract_number, "spei", reversal)
    return ",".join(cells)


def _more_than_none(**counted: int) -> dict[str, int]:
    return {name: number for name, number in counted.items() if number}


def _words(rows: Any) -> str:
    return ", ".join(f"{number}: {amount}" for number, amount in sorted(rows.items()))


@pytest.mark.parametrize(("seed", "size"), portfolios(SEQUENCES))
async def test_weeks_of_files_end_as_the_rules_say(service: ServiceClient, seed: int, size: int) -> None:
    chance = random.Random(seed)
    settings = Settings(chance.choice([0, 3, 5, 5]), chance.random() < 0.8, chance.random() < 0.3)
    portfolio_id = await service.portfolio(
        posting_lag_days=settings.lag_days,
        reductions="payment" if settings.reductions_are_payments else "correction",
        delta_rows="whole" if settings.rows_are_whole else "ask",
    )
    loader = ManualLoader(service.database, intake=read_in_thread, chunk_contracts=chance.choice([3, 500]))
    bank = ManualBankLoader(service.database, intake=read_payments_in_thread, chunk_rows=chance.choice([3, 500]))
    names = [f"C-{number:03}." for number in range(size)]
    week = Week(replace(service, loader=loader, bank=bank), chance, portfolio_id, settings, names)
    week.is_split = chance.random() < 0.5
    await week.load_first()
    for _ in range(STEPS):
        week.day += timedelta(days=chance.choice([1, 1, 1, 2, 3, 8]))
        happening = [week.pay, week.reverse, week.charge, week.reverse_charges, week.dispute, week.decide]
        for happens in chance.sample(happening, len(happening)):
            await happens()
        await week.check()
        if chance.random() < 0.85:
            await week.load_next()
            await week.check()
