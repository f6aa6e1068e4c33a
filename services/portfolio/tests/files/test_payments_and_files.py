"""Files that do not know a payment yet, and files that state money of which nobody else knows."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from portfolio.ledger.fact_identities import payment_id_of
from recobro_events.contracts.portfolio import ContractRevised
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row


def owed(*amounts: str, contract: str = "C-1", first: int = 1) -> list[dict[str, str]]:
    """Rows of a contract with these amounts, due on the first of each month."""
    return [
        row(contract, number, amount_due=amount, due_date=f"2026-{number:02}-01")
        for number, amount in enumerate(amounts, start=first)
    ]


async def loaded(
    service: ServiceClient, *amounts: str, as_of: str = "2026-11-23", **settings: Any
) -> tuple[UUID, dict[str, Any]]:
    """A portfolio with the contract C-1 and its first file. Its payments have no days without contact of their own."""
    portfolio_id = await service.portfolio(**({"payment_holdoff_days": 0} | settings))
    return portfolio_id, await service.load(portfolio_id, *owed(*amounts), as_of=as_of)


async def kinds(service: ServiceClient, file: dict[str, Any]) -> list[str]:
    found = await service.get(f"/v1/files/{file['file_id']}/findings")
    return [item["kind"] for item in found["items"]]


async def unpaid(service: ServiceClient, portfolio_id: UUID, number: str = "C-1") -> list[str]:
    return [one["unpaid"] for one in (await service.contract(portfolio_id, number))["instalments"]]


async def last_revision(service: ServiceClient) -> ContractRevised:
    *_, revised = await published(service.database, ContractRevised)
    return revised


async def test_a_file_that_does_not_know_a_payment_yet_leaves_the_contract_settled(service: ServiceClient) -> None:
    portfolio_id, _ = await loaded(service, "500.00", as_of="2026-11-26")
    payment = await service.pay(portfolio_id, "C-1", "500.00", "2026-11-27")
    file = await service.load(portfolio_id, *owed("500.00"), row("C-2"), as_of="2026-11-28")

    contract = await service.contract(portfolio_id, "C-1")
    assert (contract["state"], contract["total_balance"]) == ("settled", "0.00")
    assert {"reason": "payment", "clarification_id": None, "until": "2026-12-02"} in contract["holds"]
    assert (file["in_posting"], file["differs"]) == (1, 0)
    [finding] = (await service.get(f"/v1/files/{file['file_id']}/findings", kind="in_posting"))["items"]
    assert (finding["stated"], finding["known"], finding["detail"]) == ("500.00", "0.00", "500.00 paid on 2026-11-27")
    assert (await last_revision(service)).payment_silent_until == date(2026, 12, 2)
    assert contract["payments"][0]["payment_id"] == payment["payment_id"]


async def test_a_file_that_knows_the_payment_absorbs_it(service: ServiceClient) -> None:
    portfolio_id, _ = await loaded(service, "500.00", "100.00")
    await service.pay(portfolio_id, "C-1", "200.00", "2026-11-24")
    file = await service.load(portfolio_id, *owed("300.00", "100.00"), as_of="2026-11-25")
    assert await kinds(service, file) == []
    assert await unpaid(service, portfolio_id) == ["300.00", "100.00"]
    await service.load(portfolio_id, *owed("300.00", "100.00"), as_of="2026-11-26")
    assert await unpaid(service, portfolio_id) == ["300.00", "100.00"]


async def test_the_creditor_may_have_posted_the_payment_on_another_instalment(service: ServiceClient) -> None:
    portfolio_id, _ = await loaded(service, "100.00", "100.00", "100.00")
    await service.pay(portfolio_id, "C-1", "100.00", "2026-11-24")
    rows = [one for one in owed("100.00", "100.00", "100.00") if one["instalment_number"] != "2"]
    file = await service.load(portfolio_id, *rows, as_of="2026-11-25")
    assert await kinds(service, file) == []
    assert await unpaid(service, portfolio_id) == ["100.00", "100.00"]


@pytest.mark.parametrize(
    ("payments", "stated", "left"),
    [
        # One of two payments is posted.
        ([("200.00", "2026-11-24"), ("50.00", "2026-11-25")], "800.00", "750.00"),
        # The smaller set explains it, though the two newer payments would too.
        ([("100.00", "2026-11-24"), ("60.00", "2026-11-25"), ("40.00", "2026-11-25")], "900.00", "800.00"),
        # Of two sets of one size, the newer payment stays on top.
        ([("100.00", "2026-11-24"), ("100.00", "2026-11-25")], "900.00", "800.00"),
        # Two payments are in posting together.
        ([("70.00", "2026-11-24"), ("50.00", "2026-11-25"), ("30.00", "2026-11-25")], "930.00", "850.00"),
    ],
)
async def test_the_smallest_set_of_recent_payments_that_explains_the_file_stays_on_top(
    service: ServiceClient, payments: list[tuple[str, str]], stated: str, left: str
) -> None:
    portfolio_id, _ = await loaded(service, "1000.00")
    ids = [(await service.pay(portfolio_id, "C-1", *payment))["payment_id"] for payment in payments]
    file = await service.load(portfolio_id, *owed(stated), as_of="2026-11-26")
    assert await kinds(service, file) == ["in_posting"]
    assert await unpaid(service, portfolio_id) == [left]
    [on_top] = await service.rows("SELECT count(*) AS n FROM payment WHERE absorbed_by IS NULL")
    assert 0 < on_top["n"] < len(ids)


async def test_of_two_equal_payments_the_newer_one_stays_on_top(service: ServiceClient) -> None:
    portfolio_id, _ = await loaded(service, "1000.00")
    for day in ("2026-11-25", "2026-11-24"):
        await service.pay(portfolio_id, "C-1", "100.00", day)
    await service.load(portfolio_id, *owed("900.00"), as_of="2026-11-26")
    [on_top] = await service.rows("SELECT paid_on FROM payment WHERE absorbed_by IS NULL")
    assert on_top["paid_on"] == date(2026, 11, 25)


async def test_a_payment_that_no_file_knows_after_the_lag_is_unposted(service: ServiceClient) -> None:
    portfolio_id, _ = await loaded(service, "500.00")
    await service.pay(portfolio_id, "C-1", "500.00", "2026-11-24")
    await service.load(portfolio_id, *owed("500.00"), row("C-2"), as_of="2026-11-29")
    assert (await service.contract(portfolio_id, "C-1"))["state"] == "settled"
    file = await service.load(portfolio_id, *owed("500.00"), row("C-3"), as_of="2026-11-30")

    contract = await service.contract(portfolio_id, "C-1")
    assert (contract["state"], contract["total_balance"]) == ("open", "500.00")
    assert [hold["reason"] for hold in contract["holds"]] == []
    [finding] = (await service.get(f"/v1/files/{file['file_id']}/findings"))["items"]
    assert (finding["kind"], finding["detail"]) == ("unposted", "500.00 paid on 2026-11-24")


async def test_what_nothing_explains_is_taken_as_stated_and_stays_silent(service: ServiceClient) -> None:
    portfolio_id, _ = await loaded(service, "500.00")
    await service.pay(portfolio_id, "C-1", "200.00", "2026-11-24")
    file = await service.load(portfolio_id, *owed("420.00"), as_of="2026-11-26")

    contract = await service.contract(portfolio_id, "C-1")
    assert contract["total_balance"] == "420.00"
    assert await kinds(service, file) == ["differs"]
    assert [(hold["reason"], hold["until"]) for hold in contract["holds"]] == [("payment", "2026-11-29")]
    await service.client.post(
        f"/v1/payments/{contract['payments'][0]['payment_id']}/reversal", json={"reason": "bounced"}
    )
    assert (await last_revision(service)).payment_silent_until is None


async def test_new_instalments_are_added_and_explain_nothing(service: ServiceClient) -> None:
    portfolio_id, _ = await loaded(service, "100.00")
    await service.pay(portfolio_id, "C-1", "100.00", "2026-11-24")
    file = await service.load(portfolio_id, *owed("100.00", "100.00"), as_of="2026-11-25")
    assert await kinds(service, file) == ["in_posting"]
    assert await unpaid(service, portfolio_id) == ["0.00", "100.00"]


async def test_an_instalment_with_another_number_is_known_by_its_day(service: ServiceClient) -> None:
    portfolio_id, _ = await loaded(service, "100.00", "100.00")
    await service.pay(portfolio_id, "C-1", "50.00", "2026-11-24")
    renumbered = [
        one | {"instalment_number": str(int(one["instalment_number"]) + 10)} for one in owed("100.00", "100.00")
    ]
    file = await service.load(portfolio_id, *renumbered, as_of="2026-11-25")
    assert await kinds(service, file) == ["in_posting"]
    assert await unpaid(service, portfolio_id) == ["50.00", "100.00"]


async def test_an_unexplained_reduction_is_a_payment_of_the_file(service: ServiceClient) -> None:
    portfolio_id, _ = await loaded(service, "500.00", "300.00")
    content = csv_of(*owed("400.00", "300.00"))
    answer = await service.upload(portfolio_id, content, "2026-11-25")
    assert await service.loader.load_one()
    file = await service.file(answer.json()["file_id"])

    assert (file["file_payments"], await kinds(service, file)) == (1, ["file_payments"])
    contract = await service.contract(portfolio_id, "C-1")
    [payment] = contract["payments"]
    [stored] = await service.rows("SELECT encode(sha256, 'hex') AS sha256 FROM file ORDER BY sequence DESC LIMIT 1")
    reference = f"2026-11-25:{stored['sha256'][:12]}:C-1"
    assert UUID(payment["payment_id"]) == payment_id_of(portfolio_id, "file", reference)
    assert (payment["amount"], payment["paid_on"], payment["channel"]) == ("100.00", "2026-11-25", "file")
    assert contract["total_balance"] == "700.00"
    revised = await last_revision(service)
    [stated] = revised.file_payments
    assert (stated.amount, stated.credit, stated.reference) == (Decimal("100.00"), Decimal(0), reference)
    assert (stated.paid_on, stated.days_past_due_before) == (date(2026, 11, 25), 328)
    assert revised.last_payment is not None
    assert revised.last_payment.payment_id == stated.payment_id


async def test_a_portfolio_may_take_reductions_as_corrections(service: ServiceClient) -> None:
    portfolio_id, _ = await loaded(service, "500.00", reductions="correction")
    file = await service.load(portfolio_id, *owed("400.00"), as_of="2026-11-25")
    contract = await service.contract(portfolio_id, "C-1")
    assert (contract["total_balance"], contract["payments"], await kinds(service, file)) == ("400.00", [], [])


async def test_a_reversed_payment_of_a_file_is_owed_again_where_it_was(service: ServiceClient) -> None:
    portfolio_id, _ = await loaded(service, "500.00", "300.00")
    await service.load(portfolio_id, *owed("500.00", "250.00"), as_of="2026-11-25")
    [payment] = (await service.contract(portfolio_id, "C-1"))["payments"]
    path = f"/v1/payments/{payment['payment_id']}/reversal"
    assert (await service.client.post(path, json={"reason": "no payment"})).status_code == 201
    assert await unpaid(service, portfolio_id) == ["500.00", "300.00"]


async def test_the_same_bytes_with_a_payment_in_between_wait_for_a_person(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    content = csv_of(*owed("900.00"), *owed("900.00", contract="C-2"))
    await service.upload(portfolio_id, content, "2026-11-23")
    assert await service.loader.load_one()
    await service.upload(portfolio_id, content, "2026-11-24")
    assert await service.loader.load_one()
    await service.pay(portfolio_id, "C-1", "900.00", "2026-11-24")
    again = (await service.upload(portfolio_id, content, "2026-11-27")).json()["file_id"]
    assert await service.loader.load_one()

    file = await service.file(again)
    assert (file["status"], file["confirmation_reason"]) == ("needs_confirmation", "repeated_figures")
    accepted = await service.client.post(f"/v1/files/{again}/confirmation", json={"accept": True})
    assert accepted.status_code == 200
    assert await service.loader.load_one()
    assert (await service.file(again))["in_posting"] == 1
    assert (await service.contract(portfolio_id, "C-1"))["state"] == "settled"


async def test_the_same_bytes_do_not_wait_for_a_payment_that_is_younger_than_the_file(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    content = csv_of(*owed("900.00"))
    await service.upload(portfolio_id, content, "2026-11-23")
    assert await service.loader.load_one()
    await service.pay(portfolio_id, "C-1", "100.00", "2026-11-25")
    again = (await service.upload(portfolio_id, content, "2026-11-24")).json()["file_id"]
    assert await service.loader.load_one()

    assert (await service.file(again))["status"] == "loaded"
    assert (await service.contract(portfolio_id, "C-1"))["total_balance"] == "800.00"


async def test_the_same_figures_in_other_bytes_wait_only_if_they_would_undo_a_payment(service: ServiceClient) -> None:
    portfolio_id, _ = await loaded(service, "900.00")
    await service.pay(portfolio_id, "C-1", "900.00", "2026-11-24")
    day = {"product": "x"}
    other = await service.load(portfolio_id, *[one | day for one in owed("900.00")], as_of="2026-11-28")
    assert (other["status"], other["in_posting"]) == ("loaded", 1)
    late = await service.load(portfolio_id, *[one | {"product": "y"} for one in owed("900.00")], as_of="2026-11-30")
    assert (late["status"], late["confirmation_reason"]) == ("needs_confirmation", "repeated_figures")
    refused = await service.client.post(f"/v1/files/{late['file_id']}/confirmation", json={"accept": False})
    assert (refused.json()["status"], refused.json()["error_code"]) == ("failed", "not_confirmed")


@pytest.mark.parametrize(
    ("as_of", "stated", "kind", "after"),
    [
        # The file's figure never had the payment in it.
        ("2026-11-30", "500.00", "unposted", "500.00"),
        # So much of the payment as the figure can have in it goes back.
        ("2026-11-26", "420.00", "differs", "500.00"),
        ("2026-11-26", "540.00", "differs", "540.00"),
    ],
)
async def test_a_reversal_puts_back_only_what_the_file_had_taken_off(
    service: ServiceClient, as_of: str, stated: str, kind: str, after: str
) -> None:
    portfolio_id, _ = await loaded(service, "500.00")
    payment = await service.pay(portfolio_id, "C-1", "200.00", "2026-11-24")
    file = await service.load(portfolio_id, *owed(stated), row("C-2"), as_of=as_of)
    assert await kinds(service, file) == [kind]
    path = f"/v1/payments/{payment['payment_id']}/reversal"
    reversal = {"reason": "bounced", "reversed_on": as_of}
    assert (await service.client.post(path, json=reversal)).status_code == 201
    assert await unpaid(service, portfolio_id) == [after]
