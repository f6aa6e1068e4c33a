"""Batches of payments: each row for itself, rows of a contract in their order, the same batch again at any time."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chassis.testing import mint
from portfolio.ledger import limits
from portfolio.ledger.locking import lock_for_changes
from portfolio.payments import batches, queries
from portfolio.payments.batches import BatchedPayment, PaymentBatch, receive_batch
from portfolio.payments.booking import Booked, Incoming, PaymentFacts, book
from portfolio_builders import TODAY, Given, days_ago, pay, reverse
from recobro_events import Database, Transaction
from recobro_events.contracts.portfolio import ContractClosed, ContractStageChanged, PaymentReceived, StageCause
from recobro_events.testing import published


def row(contract_id: UUID | str, reference: str, amount: str = "10.00", **changes: Any) -> dict[str, Any]:
    facts = {"amount": amount, "paid_on": str(TODAY), "channel": "bank", "reference": reference}
    return {"contract_id": str(contract_id)} | facts | changes


async def send(client: httpx.AsyncClient, *rows: Any) -> list[dict[str, Any]]:
    answer = await client.post("/v1/payments", json={"payments": list(rows)})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    assert [result["index"] for result in results] == list(range(len(rows)))
    return results


def outcomes(results: list[dict[str, Any]]) -> list[str]:
    return [result["code"] or result["status"] for result in results]


async def test_a_batch_is_booked_like_single_payments_in_the_order_of_its_rows(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    one = await given.contract(portfolio_id, (days_ago(40), "100.00"), (days_ago(10), "50.00"), number="A-1")
    other = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    by_number = {"portfolio_id": str(portfolio_id), "contract_number": "\u200bA\u20111"}
    results = await send(
        client,
        row(one, "R-1", "120.00"),
        row(other, "R-2", "5.00", channel="SPEI", paid_on=str(days_ago(3))),
        {name: value for name, value in row(one, "R-3", "40.00").items() if name != "contract_id"} | by_number,
    )
    assert outcomes(results) == ["accepted"] * 3
    assert await given.unpaid(one) == ["0.00", "0.00"]
    events = {str(event.payment_id): event for event in await published(given.database, PaymentReceived)}
    first, third = events[results[0]["payment_id"]], events[results[2]["payment_id"]]
    assert [(event.total_balance, event.credit) for event in (first, third)] == [
        (Decimal("30.00"), Decimal("0.00")),
        (Decimal("0.00"), Decimal("10.00")),
    ]
    assert (first.days_past_due_before, third.days_past_due_before, third.settled) == (40, 10, True)
    assert first.version < third.version < (await given.row(one))["version"]
    assert [closed.contract_id for closed in await published(given.database, ContractClosed)] == [one]
    assert events[results[1]["payment_id"]].channel == "spei"
    assert events[results[1]["payment_id"]].holdoff_from is not None
    stages = [(event.cause, event.to_stage) for event in await published(given.database, ContractStageChanged)]
    assert stages == [(StageCause.PAYMENT, "early"), (StageCause.PAYMENT, "current")]
    single = await given.contract(portfolio_id, (days_ago(40), "100.00"), (days_ago(10), "50.00"))
    await pay(client, single, "120.00", channel="bank")
    await pay(client, single, "40.00", channel="bank")
    compared = ("state", "stage", "total_balance", "days_past_due", "episode", "version", "details_version")
    left, right = await given.row(one), await given.row(single)
    assert [left[name] for name in compared] == [right[name] for name in compared]
    lines = "SELECT kind, summary FROM contract_history WHERE contract_id = $1 ORDER BY history_id"
    assert await given.rows(lines, one) == await given.rows(lines, single)


async def test_one_bad_row_ends_alone_and_says_why(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id, other = [await given.contract(portfolio_id, (days_ago(40), "100.00")) for _ in range(2)]
    known = await pay(client, other, "10.00", reference="K-1", channel="bank")
    bounced = await pay(client, other, "10.00", reference="B-1", channel="bank")
    await reverse(client, bounced["payment_id"])
    results = await send(
        client,
        row(contract_id, "R-1"),
        row(contract_id, "R-2", "0.00"),
        row(contract_id, "R-3", paid_on="2099-01-01"),
        row(contract_id, "R-4", channel="carrier pigeon"),
        row(uuid4(), "R-5"),
        row(contract_id, "R-6", portfolio_id=str(portfolio_id), contract_number="A-1"),
        {"amount": "1.00"},
        "money",
        row(contract_id, "R-7") | {"reference": None},
        row(contract_id, "k - 1"),
        row(other, "K-1", "11.00"),
        row(other, "K-1", paid_on=str(days_ago(1))),
        row(other, "K-1"),
        row(other, "B-1"),
        row(contract_id, "B-1"),
        row(contract_id, "\u200b"),
        row(contract_id, "R-8", file="yes"),
    )
    rejections = ["invalid"] * 3 + ["contract-unknown"] + ["invalid"] * 4 + ["payment-conflict"] * 3
    assert outcomes(results) == ["accepted", *rejections, "known", *["reference_reversed"] * 2, "invalid", "invalid"]
    assert {result["payment_id"] for result in results[9:13]} == {known["payment_id"]}
    assert {result["payment_id"] for result in results[13:15]} == {bounced["payment_id"]}
    assert all(result["detail"] for result in results if result["status"] == "rejected")
    assert "/amount" in results[1]["detail"]
    assert await given.unpaid(contract_id) == await given.unpaid(other) == ["90.00"]


async def test_the_same_batch_again_changes_nothing(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    contracts = [await given.contract(portfolio_id, (days_ago(40), "100.00")) for _ in range(3)]
    rows = [row(contract_id, f"R-{n}") for n in range(2) for contract_id in contracts]
    rows += [row(contracts[0], f"R-0-{contracts[0]}"), row(contracts[0], f"r-0-{contracts[0]}")]
    rows = [one | {"reference": f"{one['reference']}-{n // 2 if n > 5 else n}"} for n, one in enumerate(rows)]
    first = await send(client, *rows)
    assert outcomes(first) == ["accepted"] * 7 + ["known"]
    assert first[6]["payment_id"] == first[7]["payment_id"]
    before = await given.everything()
    again = await send(client, *rows)
    assert [(one["status"], one["payment_id"]) for one in again] == [("known", one["payment_id"]) for one in first]
    assert await given.everything() == before
    await reverse(client, first[0]["payment_id"])
    assert outcomes(await send(client, *rows)) == ["reference_reversed", *["known"] * 7]


async def test_a_rejected_row_says_which_payment_has_its_reference_or_where_it_is_booked_again(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"), number="C-77")
    [first] = await send(client, row(contract_id, "R-1", "10.00"))
    [other] = await send(client, row(contract_id, "R-1", "20.00"))
    assert f"10.00 paid on {TODAY} on the contract C-77" in other["detail"]
    single = await client.post(
        f"/v1/contracts/{contract_id}/payments",
        json={"amount": "20.00", "paid_on": str(TODAY), "channel": "bank", "reference": "R-1"},
    )
    assert (single.status_code, "on the contract C-77" in single.json()["detail"]) == (409, True)
    await reverse(client, first["payment_id"])
    [again] = await send(client, row(contract_id, "R-1", "10.00"))
    assert (again["code"], "no batch books it again" in again["detail"]) == ("reference_reversed", True)
    path = again["detail"].partition("POST ")[2].partition(" ")[0].format(contract_id=contract_id)
    body = {"amount": "10.00", "paid_on": str(TODAY), "channel": "bank", "reference": "R-1", "again": True}
    assert (await client.post(path, json=body)).status_code == 201


async def test_a_row_that_two_contracts_claim_belongs_to_one(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    contracts = sorted([await given.contract(portfolio_id, (days_ago(40), "100.00")) for _ in range(2)])
    results = await send(client, row(contracts[1], "R-1"), row(contracts[0], "R-1"))
    assert sorted(outcomes(results)) == ["accepted", "payment-conflict"]


async def test_a_batch_has_one_to_5000_rows_and_its_body_a_limit(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    before = await given.everything()
    for rows in ([], [row(contract_id, "R")] * (batches.MOST_PAYMENTS + 1)):
        answer = await client.post("/v1/payments", json={"payments": rows})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/payments")
    long = [row(contract_id, "R", detail="x" * 1000)] * batches.MOST_PAYMENTS
    answer = await client.post("/v1/payments", json={"payments": long})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:recobro:problem:body-too-long")
    assert await given.everything() == before


async def test_an_agency_sends_no_batch(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    agency = {"Authorization": f"Bearer {mint(agency_id=uuid4())}"}
    answer = await client.post("/v1/payments", json={"payments": [row(contract_id, "R")]}, headers=agency)
    assert answer.status_code == 403


async def test_a_full_contract_takes_what_fits(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    await given.rows(
        "INSERT INTO payment (contract_id, portfolio_id, amount, paid_on, business_date, channel,"
        " days_past_due_before, episode_before) SELECT contract_id, portfolio_id, 1, $1, $1, 'bank', 0, 0"
        " FROM contract, generate_series(2, $2::integer)",
        *(TODAY, limits.PAYMENTS),
    )
    results = await send(client, row(contract_id, "R-1"), row(contract_id, "R-2"))
    assert outcomes(results) == ["accepted", "too-many-payments"]


def batch_of(*rows: dict[str, Any]) -> PaymentBatch:
    return PaymentBatch(payments=list(rows))


async def test_pieces_are_booked_one_after_the_other(
    given: Given, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await given.portfolio()
    contracts = sorted([await given.contract(portfolio_id, (days_ago(40), "100.00")) for _ in range(3)])
    monkeypatch.setattr(batches, "PIECE_PAYMENTS", 2)
    rows = [row(contract_id, f"{contract_id}-{n}", f"{n + 1}.00") for n in range(2) for contract_id in contracts]
    pieces: list[list[tuple[UUID, int]]] = []
    book_piece = batches.book_piece

    async def watched(tx: Transaction, rows: Any, say: Any) -> Any:
        pieces.append([(one.contract_id, one.place) for one in rows])
        return await book_piece(tx, rows, say)

    monkeypatch.setattr(batches, "book_piece", watched)
    outcome = await receive_batch(database, batch_of(*rows))
    assert {result.status for result in outcome.results} == {"accepted"}
    assert pieces == [[(contract_id, place), (contract_id, place + 3)] for place, contract_id in enumerate(contracts)]
    events = await published(database, PaymentReceived)
    assert [event.amount for event in events if event.contract_id == contracts[0]] == [Decimal(1), Decimal(2)]


class Counting:
    """Counts the statements of a transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        if name in ("fetch", "fetchrow", "fetchval", "execute"):
            self.statements += 1
        return getattr(self._connection, name)


async def test_a_piece_takes_as_many_statements_for_many_contracts_as_for_one(given: Given, database: Database) -> None:
    portfolio_id = await given.portfolio()
    contracts = [await given.contract(portfolio_id, (days_ago(40), "100.00")) for _ in range(12)]
    counted = []
    for chosen in (contracts[:1], contracts):
        rows = [
            batches.PlacedPayment(contract_id, n, BatchedPayment.model_validate(row(contract_id, f"{len(chosen)}-{n}")))
            for n, contract_id in enumerate(chosen)
        ]
        async with database.transaction() as tx:
            tx.connection = Counting(tx.connection)
            await batches.book_piece(tx, rows)
            counted.append(tx.connection.statements)
    assert counted[0] == counted[1] < 20


async def test_a_plan_compares_no_payment_with_a_key_that_it_computes_for_the_pair(given: Given) -> None:
    """On tables without statistics a batch once took minutes."""
    columns = [[1], [uuid4()], [uuid4()], ["bank"], ["R"], [Decimal(1)], [TODAY]]
    plan = [row[0] for row in await given.rows(f"EXPLAIN (VERBOSE, COSTS OFF) {queries.LOOK_UP}", *columns)]
    assert len([line for line in plan if "payment_key(" in line]) == 1, plan


async def test_batches_with_the_same_references_and_contracts_in_other_orders_all_end(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contracts = [await given.contract(portfolio_id, (days_ago(40), "100.00")) for _ in range(8)]
    rows = [row(contract_id, f"R-{n}", "1.00") for n, contract_id in enumerate(contracts)]
    crossed = [row(contract_id, f"R-{7 - n}", "1.00") for n, contract_id in enumerate(contracts)]
    singles = [pay(client, contract_id, "1.00", reference=f"S-{n}") for n, contract_id in enumerate(contracts)]
    ended = await asyncio.gather(send(client, *rows), send(client, *crossed), send(client, *rows[::-1]), *singles)
    accepted = [result for results in ended[:3] for result in results if result["status"] == "accepted"]
    assert len(accepted) == len({result["payment_id"] for result in accepted}) == 8
    events = await published(given.database, PaymentReceived)
    assert len(events) == 16
    [total] = await given.rows("SELECT sum(total_balance) AS left FROM contract")
    assert total["left"] == Decimal(800 - 16)


async def test_a_key_is_waited_for_without_a_deadlock(given: Given, database: Database) -> None:
    """Two pieces want each other's references. The one that comes first has both; the other one hears of it."""
    portfolio_id = await given.portfolio()
    a, b, c, d = [await given.contract(portfolio_id, (days_ago(40), "100.00")) for _ in range(4)]

    async def books(*of: tuple[UUID, str]) -> list[str]:
        async with database.transaction() as tx:
            rows = [
                batches.PlacedPayment(contract_id, n, BatchedPayment.model_validate(row(contract_id, reference)))
                for n, (contract_id, reference) in enumerate(of)
            ]
            results = await batches.book_piece(tx, rows)
            return [results[n].code or results[n].status for n in range(len(of))]

    for n in range(10):
        one, other = f"one-{n}", f"other-{n}"
        ended = await asyncio.gather(books((a, one), (b, other)), books((c, other), (d, one)))
        assert sorted(ended) == [["accepted"] * 2, ["payment-conflict"] * 2]


async def test_facts_of_the_single_payment_and_of_the_batch_are_booked_by_one_function(
    given: Given, database: Database
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    async with database.transaction() as tx:
        contracts = await lock_for_changes(tx, [contract_id])
        facts = PaymentFacts(amount=Decimal("1.00"), paid_on=date(2026, 9, 1), channel="bank")
        [booked] = await book(tx, [Incoming(contracts[contract_id], facts)])
    assert isinstance(booked, Booked)
    assert booked.position["total_balance"] == Decimal("99.00")


async def test_a_rejected_payment_says_why_in_the_language_of_the_reader(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    await send(client, row(contract_id, "R-1"))
    rows = [row(contract_id, "R-1", "11.00"), row(uuid4(), "R-2"), row(contract_id, "R-3", "-1.00")]
    asked = {"Accept-Language": "es-MX"}
    answer = await client.post("/v1/payments", json={"payments": rows}, headers=asked)
    other, unknown, wrong = (each["detail"] for each in answer.json()["results"])
    assert other.startswith("Este canal y esta referencia son de otro pago: ")
    assert unknown == "No hay ningún contrato con este identificador."
    assert wrong.startswith("Al pago le faltan campos o tiene campos incorrectos.; /amount: debe ser")
