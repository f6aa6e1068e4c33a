"""The bank's payment takes the place of money that a file has stated, and everybody counts the money once."""

from typing import Any
from uuid import UUID

import pytest
from recobro_events.contracts.portfolio import PaymentReceived, PaymentReversed
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row


def owed(*amounts: str) -> list[dict[str, str]]:
    return [
        row("C-1", number, amount_due=amount, due_date=f"2026-{number:02}-01")
        for number, amount in enumerate(amounts, start=1)
    ]


async def stated(service: ServiceClient, *files: tuple[str, ...], **settings: Any) -> UUID:
    """A portfolio with these files of C-1, one a day from 23 November on."""
    portfolio_id = await service.portfolio(**settings)
    for day, amounts in enumerate(files, start=23):
        await service.load(portfolio_id, *owed(*amounts), as_of=f"2026-11-{day}")
    return portfolio_id


async def position(service: ServiceClient, portfolio_id: UUID) -> tuple[str, list[str]]:
    contract = await service.contract(portfolio_id, "C-1")
    return contract["total_balance"], [one["unpaid"] for one in contract["instalments"]]


async def live(service: ServiceClient) -> list[tuple[str, str]]:
    rows = await service.rows("SELECT channel, amount FROM payment WHERE reversed_at IS NULL ORDER BY channel, amount")
    return [(one["channel"], str(one["amount"])) for one in rows]


async def told_since(service: ServiceClient) -> list[PaymentReceived | PaymentReversed]:
    events: list[PaymentReceived | PaymentReversed] = [
        *await published(service.database, PaymentReceived),
        *await published(service.database, PaymentReversed),
    ]
    return sorted(events, key=lambda event: event.version)


@pytest.mark.parametrize(
    ("amount", "total", "unpaid", "left"),
    [
        ("100.00", "700.00", ["500.00", "200.00"], [("spei", "100.00")]),
        ("60.00", "700.00", ["500.00", "200.00"], [("file", "40.00"), ("spei", "60.00")]),
        ("130.00", "670.00", ["470.00", "200.00"], [("spei", "130.00")]),
        ("900.00", "0.00", ["0.00", "0.00"], [("spei", "900.00")]),
    ],
)
async def test_a_payment_takes_the_place_of_the_file_s_and_the_balance_moves_by_the_difference(
    service: ServiceClient, amount: str, total: str, unpaid: list[str], left: list[tuple[str, str]]
) -> None:
    portfolio_id = await stated(service, ("500.00", "300.00"), ("500.00", "200.00"))
    receipt = await service.pay(portfolio_id, "C-1", amount, "2026-11-24")

    assert (receipt["total_balance"], receipt["credit"]) == (total, "100.00" if amount == "900.00" else "0.00")
    assert await position(service, portfolio_id) == (total, unpaid)
    assert await live(service) == left
    [replaced] = await service.rows("SELECT reversal_reason FROM payment WHERE reversed_at IS NOT NULL")
    assert replaced["reversal_reason"] == "identified"


async def test_what_is_left_of_the_file_s_payment_is_told_before_its_reversal(service: ServiceClient) -> None:
    portfolio_id = await stated(service, ("500.00", "300.00"), ("500.00", "200.00"))
    [file_payment] = (await service.contract(portfolio_id, "C-1"))["payments"]
    await service.pay(portfolio_id, "C-1", "60.00", "2026-11-24")

    bank, rest, reversal = await told_since(service)
    assert isinstance(bank, PaymentReceived)
    assert isinstance(rest, PaymentReceived)
    assert isinstance(reversal, PaymentReversed)
    assert (bank.channel, str(bank.amount), str(bank.credit)) == ("spei", "60.00", "0.00")
    assert (rest.channel, str(rest.amount), rest.paid_on.isoformat()) == ("file", "40.00", "2026-11-24")
    assert rest.payment_id != UUID(file_payment["payment_id"])
    assert (reversal.payment_id, reversal.reason) == (UUID(file_payment["payment_id"]), "identified")
    assert {str(event.total_balance) for event in (bank, rest, reversal)} == {"700.00"}


async def test_one_payment_takes_the_places_of_several_files_the_earliest_first(service: ServiceClient) -> None:
    portfolio_id = await stated(service, ("500.00",), ("450.00",), ("420.00",), ("410.00",))
    await service.pay(portfolio_id, "C-1", "70.00", "2026-11-24")
    assert await position(service, portfolio_id) == ("410.00", ["410.00"])
    assert await live(service) == [("file", "10.00"), ("file", "10.00"), ("spei", "70.00")]
    await service.pay(portfolio_id, "C-1", "20.00", "2026-11-25")
    assert await position(service, portfolio_id) == ("410.00", ["410.00"])
    assert await live(service) == [("spei", "20.00"), ("spei", "70.00")]


async def test_a_payment_after_the_day_of_the_file_takes_no_place(service: ServiceClient) -> None:
    portfolio_id = await stated(service, ("500.00",), ("400.00",))
    await service.pay(portfolio_id, "C-1", "100.00", "2026-11-25")
    assert await position(service, portfolio_id) == ("300.00", ["300.00"])


@pytest.mark.parametrize(("arrives_on", "left"), [("2026-12-24", "400.00"), ("2026-12-25", "300.00")])
async def test_a_payment_that_arrives_later_than_thirty_days_is_another_one(
    service: ServiceClient, arrives_on: str, left: str
) -> None:
    portfolio_id = await stated(service, ("500.00",), ("400.00",))
    async with service.database.transaction() as tx:
        await tx.execute("UPDATE portfolio SET business_date = $1::text::date", arrives_on)
    await service.pay(portfolio_id, "C-1", "100.00", "2026-11-24")
    assert (await position(service, portfolio_id))[0] == left


async def test_the_next_file_knows_the_payment_and_finds_nothing(service: ServiceClient) -> None:
    portfolio_id = await stated(service, ("500.00", "300.00"), ("500.00", "200.00"))
    await service.pay(portfolio_id, "C-1", "130.00", "2026-11-24")
    file = await service.load(portfolio_id, *owed("470.00", "200.00"), as_of="2026-11-26")
    assert (await service.get(f"/v1/files/{file['file_id']}/findings"))["items"] == []
    assert await position(service, portfolio_id) == ("670.00", ["470.00", "200.00"])


@pytest.mark.parametrize("amount", ["60.00", "100.00", "130.00"])
async def test_the_reversal_of_such_a_payment_puts_its_money_back(service: ServiceClient, amount: str) -> None:
    portfolio_id = await stated(service, ("500.00", "300.00"), ("500.00", "200.00"))
    receipt = await service.pay(portfolio_id, "C-1", amount, "2026-11-24")
    path = f"/v1/payments/{receipt['payment_id']}/reversal"
    assert (await service.client.post(path, json={"reason": "bounced"})).status_code == 201
    back = {"60.00": "760.00", "100.00": "800.00", "130.00": "800.00"}
    assert (await position(service, portfolio_id))[0] == back[amount]


async def test_payments_of_a_batch_take_places_in_their_order(service: ServiceClient) -> None:
    portfolio_id = await stated(service, ("500.00",), ("400.00",))
    rows = [
        {
            "portfolio_id": str(portfolio_id),
            "contract_number": "C-1",
            "paid_on": "2026-11-24",
            "amount": amount,
            "channel": "spei",
            "reference": amount,
        }
        for amount in ("30.00", "90.00")
    ]
    answer = await service.client.post("/v1/payments", json={"payments": rows})
    assert [one["status"] for one in answer.json()["results"]] == ["accepted", "accepted"]
    assert await position(service, portfolio_id) == ("380.00", ["380.00"])
    assert await live(service) == [("spei", "30.00"), ("spei", "90.00")]


async def test_a_file_that_is_loaded_again_after_its_payment_was_identified_tells_of_nothing(
    service: ServiceClient,
) -> None:
    portfolio_id = await stated(service, ("500.00",), ("400.00",))
    await service.pay(portfolio_id, "C-1", "100.00", "2026-11-24")
    answer = await service.upload(portfolio_id, csv_of(*owed("400.00")), "2026-11-24", "snapshot")
    assert await service.loader.load_one()
    file = await service.file(answer.json()["file_id"])
    assert (file["status"], file["file_payments"], file["differs"]) == ("loaded", 0, 0)
    assert await position(service, portfolio_id) == ("400.00", ["400.00"])
