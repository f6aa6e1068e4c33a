"""Charges raise or lower what a contract owes. Each is dated, reversible once, and counted by files as payments are."""

import asyncio
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
import pytest
from portfolio.tabular.profiles import COMPONENTS
from recobro_events.contracts.portfolio import ChargeReversed, ChargeTaken, ContractRevised
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row

DAY = "2026-09-10"
SPLIT = {"amount_due": "100.00", "principal": "80.00", "ordinary_interest": "20.00"}


async def take(service: ServiceClient, portfolio_id: UUID, kind: str, amount: str, **more: Any) -> httpx.Response:
    body = {"kind": kind, "amount": amount, "charged_on": DAY, "reason": "by contract"} | more
    return await service.client.post(f"/v1/contracts/{uuid5(portfolio_id, 'A')}/charges", json=body)


async def taken(service: ServiceClient, portfolio_id: UUID, kind: str, amount: str, **more: Any) -> dict[str, Any]:
    answer = await take(service, portfolio_id, kind, amount, **more)
    assert answer.status_code == 201, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


async def reverse(service: ServiceClient, charge_id: str, **more: Any) -> httpx.Response:
    return await service.client.post(f"/v1/charges/{charge_id}/reversal", json={"reason": "mistaken"} | more)


async def loaded(service: ServiceClient, *rows: dict[str, str], **settings: Any) -> UUID:
    portfolio_id = await service.portfolio(**settings)
    await service.load(portfolio_id, *(rows or (row("A", 1, **SPLIT), row("A", 2, due_date="2026-08-20"))), as_of=DAY)
    return portfolio_id


async def total(service: ServiceClient, portfolio_id: UUID) -> str:
    balance: str = (await service.contract(portfolio_id, "A"))["total_balance"]
    return balance


@pytest.mark.parametrize(
    ("kind", "part", "balance"),
    [
        ("default_interest", "default_interest", "230.00"),
        ("fee", "fees", "230.00"),
        ("chargeback", "other", "230.00"),
        ("waiver", None, "170.00"),
        ("compensation", None, "170.00"),
    ],
)
async def test_a_charge_raises_or_lowers_the_debt_until_it_is_reversed_once(
    service: ServiceClient, kind: str, part: str | None, balance: str
) -> None:
    portfolio_id = await loaded(service)
    before = await service.contract(portfolio_id, "A")
    receipt = await taken(service, portfolio_id, kind, "30.00", reference="R-1")
    assert (receipt["total_balance"], receipt["overdue_balance"], receipt["state"]) == (balance, balance, "open")
    after = await service.contract(portfolio_id, "A")
    assert sum(float(after["components"][name]) for name in COMPONENTS) == float(balance)
    if part is not None:
        raised = float(after["components"][part]) - float(before["components"][part])
        assert raised == 30.0
    [event] = await published(service.database, ChargeTaken)
    assert (event.kind, str(event.amount), str(event.charged_on), event.reference) == (kind, "30.00", DAY, "R-1")
    assert f"{event.total_balance}" == balance
    [*_, whole] = await published(service.database, ContractRevised)
    assert (f"{whole.total_balance}", whole.version > event.version) == (balance, True)
    answer = await reverse(service, receipt["charge_id"])
    assert (answer.status_code, answer.json()["total_balance"]) == (201, "200.00")
    now = await service.contract(portfolio_id, "A")
    assert (now["instalments"], now["components"]) == (before["instalments"], before["components"])
    [undone] = await published(service.database, ChargeReversed)
    assert (str(undone.charge_id), undone.reason) == (receipt["charge_id"], "mistaken")
    again = await reverse(service, receipt["charge_id"])
    assert (again.status_code, again.json()["type"]) == (409, "urn:recobro:problem:charge-reversed")
    lines = [line["kind"] for line in await service.history(portfolio_id, "A")]
    assert [kind for kind in lines if kind.startswith("charge")] == ["charge_taken", "charge_reversed"]


async def test_charges_are_listed_with_who_took_and_who_reversed_them(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    first = await taken(service, portfolio_id, "fee", "10.00", reference="F-1")
    await taken(service, portfolio_id, "waiver", "5.00")
    await reverse(service, first["charge_id"])
    found = await service.get(f"/v1/contracts/{uuid5(portfolio_id, 'A')}/charges", limit=1)
    [fee] = found["items"]
    assert (fee["kind"], fee["instalment"], fee["in_file"], fee["reversal_reason"]) == ("fee", 1, False, "mistaken")
    assert fee["received_by"]["subject"] == fee["reversed_by"]["subject"]
    rest = await service.get(f"/v1/contracts/{uuid5(portfolio_id, 'A')}/charges", limit=1, cursor=found["next_cursor"])
    assert [each["kind"] for each in rest["items"]] == ["waiver"]
    assert (await service.client.get(f"/v1/contracts/{uuid4()}/charges")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({"kind": "fine"}, 422, "/kind"),
        ({"amount": "0"}, 422, "/amount"),
        ({"charged_on": "2199-01-01"}, 422, "/charged_on"),
        ({"instalment": 9}, 422, "/instalment"),
        ({"reference": "\u200b"}, 422, "/reference"),
        ({"kind": "waiver", "amount": "200.01"}, 422, "/amount"),
        ({"kind": "waiver", "instalment": 1}, 422, "/instalment"),
        ({"amount": "999999999999.99"}, 409, "balance-too-large"),
    ],
)
async def test_a_charge_that_cannot_be_is_refused_and_changes_nothing(
    service: ServiceClient, body: dict[str, Any], status: int, where: str
) -> None:
    portfolio_id = await loaded(service)
    before = await service.contract(portfolio_id, "A")
    answer = await take(service, portfolio_id, **({"kind": "fee", "amount": "10.00"} | body))
    assert (answer.status_code, where in answer.text) == (status, True), answer.text
    assert await service.contract(portfolio_id, "A") == before


async def test_a_reference_is_taken_once_while_it_is_not_reversed(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    first = await taken(service, portfolio_id, "fee", "10.00", reference="F 1")
    again = await take(service, portfolio_id, "fee", "10.00", reference="f1")
    assert (again.status_code, again.json()["charge_id"]) == (409, first["charge_id"])
    await taken(service, portfolio_id, "waiver", "10.00", reference="F 1")
    await reverse(service, first["charge_id"])
    await taken(service, portfolio_id, "fee", "10.00", reference="F 1")
    assert await total(service, portfolio_id) == "200.00"


async def test_two_requests_at_once_take_a_reference_once_and_reverse_a_charge_once(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    answers = await asyncio.gather(*(take(service, portfolio_id, "fee", "10.00", reference="F-1") for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    [charge_id] = {answer.json()["charge_id"] for answer in answers}
    answers = await asyncio.gather(*(reverse(service, charge_id) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert await total(service, portfolio_id) == "200.00"


async def test_a_waiver_of_everything_settles_the_contract_and_a_chargeback_reopens_it(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    receipt = await taken(service, portfolio_id, "waiver", "200.00")
    assert (receipt["state"], receipt["total_balance"]) == ("settled", "0.00")
    receipt = await taken(service, portfolio_id, "chargeback", "50.00")
    assert (receipt["state"], receipt["total_balance"], receipt["days_past_due"]) == ("open", "50.00", 0)
    contract = await service.contract(portfolio_id, "A")
    assert [(one["number"], one["due_on"]) for one in contract["instalments"] if one["unpaid"] != "0.00"] == [(3, DAY)]


async def test_a_payment_pays_a_fee_before_the_principal(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    await taken(service, portfolio_id, "fee", "30.00")
    await service.pay(portfolio_id, "A", "40.00", DAY)
    contract = await service.contract(portfolio_id, "A")
    unpaid = contract["instalments"][0]["unpaid_components"]
    assert (unpaid["fees"], unpaid["ordinary_interest"], unpaid["principal"]) == ("0.00", "10.00", "80.00")


async def test_a_reversed_fee_that_was_paid_leaves_a_credit(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    fee = await taken(service, portfolio_id, "fee", "30.00")
    await service.pay(portfolio_id, "A", "230.00", DAY)
    answer = await reverse(service, fee["charge_id"])
    assert (answer.json()["total_balance"], answer.json()["state"]) == ("0.00", "settled")
    [payment] = (await service.contract(portfolio_id, "A"))["payments"]
    assert payment["credit"] == "30.00"


# What a later file's amounts mean for charges.


async def test_a_file_that_has_counted_a_charge_absorbs_it(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    fee = await taken(service, portfolio_id, "fee", "30.00")
    rows = [row("A", 1, amount_due="130.00"), row("A", 2, due_date="2026-08-20")]
    file = await service.load(portfolio_id, *rows, as_of="2026-09-11")
    assert (file["in_posting"], file["differs"], file["file_payments"]) == (0, 0, 0)
    assert await total(service, portfolio_id) == "230.00"
    [listed] = (await service.get(f"/v1/contracts/{uuid5(portfolio_id, 'A')}/charges"))["items"]
    assert listed["in_file"] is True
    assert (await reverse(service, fee["charge_id"])).json()["total_balance"] == "200.00"


@pytest.mark.parametrize(("kind", "balance"), [("fee", "230.00"), ("waiver", "170.00")])
async def test_a_charge_that_a_file_does_not_know_yet_stays_on_top_of_it(
    service: ServiceClient, kind: str, balance: str
) -> None:
    portfolio_id = await loaded(service)
    await taken(service, portfolio_id, kind, "30.00")
    rows = [row("A", 1, **SPLIT), row("A", 2, due_date="2026-08-20")]
    file = await service.load(portfolio_id, *rows, as_of="2026-09-12")
    assert (file["in_posting"], file["file_payments"], file["differs"]) == (1, 0, 0)
    assert await total(service, portfolio_id) == balance
    found = await service.get(f"/v1/files/{file['file_id']}/findings")
    assert f"30.00 {kind} of {DAY}" in found["items"][0]["detail"]
    # After the days in which the creditor may post it, the creditor's figure holds.
    late = await service.load(portfolio_id, *rows, row("A", 3, due_date="2026-10-01"), as_of="2026-09-20")
    assert late["unposted"] == 1
    assert await total(service, portfolio_id) == "300.00"


async def test_a_charge_of_a_later_day_than_the_file_stays_on_top(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    await service.load(portfolio_id, row("B"), as_of="2026-09-14")
    await taken(service, portfolio_id, "waiver", "30.00", charged_on="2026-09-15")
    rows = [row("A", 1, **SPLIT), row("A", 2, due_date="2026-08-20")]
    file = await service.load(portfolio_id, *rows, as_of="2026-09-14")
    assert (file["in_posting"], await total(service, portfolio_id)) == (0, "170.00")


async def test_corrected_rows_keep_the_charges_on_top(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    bad = row("A", 2, due_date="2026-08-20", amount_due="x")
    file = await service.load(portfolio_id, row("A", 1, **SPLIT), bad, as_of=DAY)
    await taken(service, portfolio_id, "fee", "30.00")
    await taken(service, portfolio_id, "waiver", "10.00")
    fields = {"mode": "amend", "amends": file["file_id"], "filename": "x.csv"}
    answer = await service.client.post(
        f"/v1/portfolios/{portfolio_id}/files",
        params=fields,
        content=csv_of(row("A", 1, amount_due="90.00"), row("A", 2, due_date="2026-08-20")),
    )
    assert answer.status_code == 202, answer.text
    assert await service.loader.load_one()
    assert await total(service, portfolio_id) == "210.00"


async def test_a_file_while_a_charge_is_taken_counts_it_once(service: ServiceClient) -> None:
    portfolio_id = await loaded(service)
    answer = await service.upload(
        portfolio_id, csv_of(row("A", 1, **SPLIT), row("A", 2, due_date="2026-08-20")), "2026-09-11"
    )
    assert answer.status_code == 202
    outcome, loaded_one = await asyncio.gather(take(service, portfolio_id, "fee", "30.00"), service.loader.load_one())
    assert (outcome.status_code, loaded_one) == (201, True)
    assert await total(service, portfolio_id) == "230.00"


@pytest.mark.parametrize(("paid", "stated"), [("100.00", None), ("250.00", "100.00")], ids=["nothing", "less"])
async def test_a_dispute_that_decides_a_charge_away_takes_no_payment_back(
    service: ServiceClient, paid: str, stated: str | None
) -> None:
    """The file states nothing, or less than was paid, for the instalment of which nothing is owed any more."""
    portfolio_id = await service.portfolio(delta_rows="whole")
    other = row("A", 2, due_date="2026-08-20", amount_due="500.00")
    await service.load(portfolio_id, row("A", 1, amount_due="460.00"), other, as_of=DAY)
    payment = await service.pay(portfolio_id, "A", paid, DAY)
    await service.load(portfolio_id, row("A", 1, amount_due=f"{460 - float(paid):.2f}"), other, as_of="2026-09-11")
    await taken(service, portfolio_id, "default_interest", "180.00", charged_on="2026-09-11", instalment=1)
    dispute = {"reason": "wrong_amount", "opened_by": "debtor", "instalments": [1]}
    path = f"/v1/contracts/{uuid5(portfolio_id, 'A')}/clarifications"
    opened = (await service.client.post(path, json=dispute)).json()
    outcome = {"outcome": "upheld", "corrections": [{"instalment": 1, "amount": "0.00"}]}
    path = f"/v1/clarifications/{opened['clarification_id']}/resolution"
    assert (await service.client.post(path, json=outcome)).status_code == 201
    rows = [other] if stated is None else [row("A", 1, amount_due=stated), other]
    await service.load(portfolio_id, *rows, as_of="2026-09-12")
    before = float(await total(service, portfolio_id))
    path = f"/v1/payments/{payment['payment_id']}/reversal"
    bounced = await service.client.post(path, json={"reason": "bounced", "reversed_on": "2026-09-13"})
    assert bounced.json()["total_balance"] == f"{before + float(paid):.2f}"
