"""Each pair of a reversal and a file: the debt is the same whichever of the two arrives first."""

from typing import Any
from uuid import UUID

import pytest
from recobro_events.contracts.portfolio import ContractRevised
from recobro_events.testing import published
from service_client import ServiceClient, row


async def reverse(service: ServiceClient, paid: dict[str, Any], day: int) -> None:
    body = {"reason": "bounced", "reversed_on": f"2026-09-{day}"}
    answer = await service.client.post(f"/v1/payments/{paid['payment_id']}/reversal", json=body)
    assert answer.status_code == 201, answer.text


async def state(service: ServiceClient, portfolio_id: UUID, day: int, *amounts: str) -> dict[str, Any]:
    """Load a file of that day with two instalments, without those of 0.00. A person confirms it if it waits."""
    rows = [
        row(instalment=n, due_date=f"2026-0{n}-01", amount_due=one)
        for n, one in enumerate(amounts, start=1)
        if one != "0.00"
    ]
    file = await service.load(portfolio_id, *rows, as_of=f"2026-09-{day}")
    if file["status"] == "needs_confirmation":
        await service.client.post(f"/v1/files/{file['file_id']}/confirmation", json={"accept": True})
        assert await service.loader.load_one()
        file = await service.file(file["file_id"])
    assert file["status"] == "loaded", file
    return file


async def a_paid_contract(service: ServiceClient) -> tuple[UUID, dict[str, Any]]:
    portfolio_id = await service.portfolio(delta_rows="whole")
    await state(service, portfolio_id, 10, "300.00", "600.00")
    return portfolio_id, await service.pay(portfolio_id, "C-1", "300.00", "2026-09-11")


async def owed(service: ServiceClient, portfolio_id: UUID) -> tuple[str, str, list[tuple[str, str]]]:
    contract = await service.contract(portfolio_id, "C-1")
    unpaid = [(one["due_on"], one["unpaid"]) for one in contract["instalments"] if one["unpaid"] != "0.00"]
    return contract["total_balance"], contract["oldest_due_on"], unpaid


@pytest.mark.parametrize("absorbed_before", [False, True], ids=["on top", "absorbed"])
@pytest.mark.parametrize(
    ("day", "stated"),
    [
        (14, ("0.00", "600.00")),
        (14, ("300.00", "600.00")),
        (14, ("0.00", "500.00")),
        (14, ("100.00", "600.00")),
        (18, ("300.00", "600.00")),
        (18, ("0.00", "600.00")),
    ],
    ids=["knows it", "does not know it yet", "states less", "differs", "never heard of it", "knows it late"],
)
async def test_a_reversal_before_an_earlier_file_is_as_good_as_one_after_it(
    service: ServiceClient,
    absorbed_before: bool,
    day: int,
    stated: tuple[str, ...],
) -> None:
    seen = []
    for reversal_comes_first in (False, True):
        portfolio_id, paid = await a_paid_contract(service)
        if absorbed_before:
            await state(service, portfolio_id, 12, "0.00", "600.00")
        if reversal_comes_first:
            await reverse(service, paid, 20)
        await state(service, portfolio_id, day, *stated)
        if not reversal_comes_first:
            await reverse(service, paid, 20)
        seen.append(await owed(service, portfolio_id))
    assert seen[0] == seen[1]


async def test_yesterdays_file_does_not_undo_this_mornings_reversal(service: ServiceClient) -> None:
    """The payment bounced on the 14th. The files of the 13th and of the 14th's morning still have it."""
    portfolio_id, paid = await a_paid_contract(service)
    await service.stage("2026-09-14", portfolio_id)
    await reverse(service, paid, 14)
    for day in (12, 13):
        file = await state(service, portfolio_id, day, "0.00", "600.00")
        assert (file["file_payments"], file["in_posting"], file["differs"], file["unposted"]) == (0, 0, 0, 0)
        total, oldest, unpaid = await owed(service, portfolio_id)
        assert (total, oldest, unpaid) == (
            "900.00",
            "2026-01-01",
            [("2026-01-01", "300.00"), ("2026-02-01", "600.00")],
        )
    await state(service, portfolio_id, 15, "300.00", "600.00")
    assert (await owed(service, portfolio_id))[0] == "900.00"
    revised = (await published(service.database, ContractRevised))[-1]
    assert (revised.payment_silent_until, revised.last_payment) == (None, None)


async def test_the_reversal_of_a_payment_that_no_file_ever_had_raises_nothing(service: ServiceClient) -> None:
    portfolio_id, paid = await a_paid_contract(service)
    await state(service, portfolio_id, 18, "300.00", "600.00")
    assert (await owed(service, portfolio_id))[0] == "900.00"
    await reverse(service, paid, 20)
    assert (await owed(service, portfolio_id))[0] == "900.00"


@pytest.mark.parametrize(
    ("absorbed", "stated", "owed_then"),
    [
        (("0.00", "600.00"), ("300.00", "600.00"), "900.00"),
        (("0.00", "600.00"), ("350.00", "600.00"), "950.00"),
        (("0.00", "600.00", "70.00"), ("300.00", "600.00", "70.00", "80.00"), "1050.00"),
    ],
)
async def test_the_reversal_of_what_a_file_has_taken_back_counts_once_though_nobody_names_its_day(
    service: ServiceClient, absorbed: tuple[str, ...], stated: tuple[str, ...], owed_then: str
) -> None:
    portfolio_id, paid = await a_paid_contract(service)
    await state(service, portfolio_id, 12, *absorbed)
    await state(service, portfolio_id, 18, *stated)
    before = (await owed(service, portfolio_id))[0]
    answer = await service.client.post(f"/v1/payments/{paid['payment_id']}/reversal", json={"reason": "bounced"})
    assert answer.json()["total_balance"] == before == owed_then


async def test_a_new_instalment_takes_no_payment_back(service: ServiceClient) -> None:
    portfolio_id, paid = await a_paid_contract(service)
    await state(service, portfolio_id, 12, "0.00", "600.00")
    await state(service, portfolio_id, 18, "0.00", "600.00", "300.00")
    answer = await service.client.post(f"/v1/payments/{paid['payment_id']}/reversal", json={"reason": "bounced"})
    assert answer.json()["total_balance"] == "1200.00"


async def test_a_file_that_counts_the_oldest_instalment_first_takes_no_payment_back(service: ServiceClient) -> None:
    """The second payment paid the second instalment. Without the first one the books count it for the first."""
    portfolio_id, first = await a_paid_contract(service)
    second = await service.pay(portfolio_id, "C-1", "200.00", "2026-09-12")
    await state(service, portfolio_id, 13, "0.00", "400.00")
    await reverse(service, first, 14)
    await state(service, portfolio_id, 15, "100.00", "600.00")
    assert (await owed(service, portfolio_id))[0] == "700.00"
    await reverse(service, second, 16)
    assert (await owed(service, portfolio_id))[0] == "900.00"


async def test_an_instalment_that_comes_back_in_the_creditors_books_is_no_new_debt(service: ServiceClient) -> None:
    """The books count what was paid for the oldest instalment, so a reversal of later money shows there."""
    portfolio_id, first = await a_paid_contract(service)
    second = await service.pay(portfolio_id, "C-1", "200.00", "2026-09-12")
    await state(service, portfolio_id, 13, "0.00", "400.00")
    await reverse(service, first, 14)
    await service.pay(portfolio_id, "C-1", "100.00", "2026-09-14")
    await state(service, portfolio_id, 15, "0.00", "600.00")
    await reverse(service, second, 16)
    file = await state(service, portfolio_id, 17, "200.00", "600.00")
    assert (await owed(service, portfolio_id))[0] == "800.00"
    assert (await service.client.get(f"/v1/files/{file['file_id']}/findings")).json()["items"] == []
    await service.pay(portfolio_id, "C-1", "50.00", "2026-09-15")
    assert (await owed(service, portfolio_id))[0] == "750.00"


async def test_a_file_that_states_an_instalment_again_which_was_paid_differs(service: ServiceClient) -> None:
    """A person sees that the creditor's books have taken a payment back, though nobody has reported its reversal."""
    portfolio_id, _ = await a_paid_contract(service)
    await state(service, portfolio_id, 12, "0.00", "600.00")
    file = await state(service, portfolio_id, 18, "300.00", "600.00")
    (found,) = (await service.client.get(f"/v1/files/{file['file_id']}/findings")).json()["items"]
    assert (found["kind"], found["stated"], found["known"]) == ("differs", "900.00", "600.00")


async def test_a_file_may_take_one_payment_back_and_not_know_another_yet(service: ServiceClient) -> None:
    """Neither hides the other: the new payment stays on top, and the reversal of the first is owed already."""
    portfolio_id, first = await a_paid_contract(service)
    await state(service, portfolio_id, 12, "0.00", "600.00")
    await service.pay(portfolio_id, "C-1", "200.00", "2026-09-17")
    file = await state(service, portfolio_id, 18, "300.00", "600.00")
    assert (await owed(service, portfolio_id))[0] == "700.00"
    (found,) = (await service.client.get(f"/v1/files/{file['file_id']}/findings")).json()["items"]
    assert (found["kind"], found["stated"], found["known"]) == ("in_posting", "900.00", "400.00")
    answer = await service.client.post(f"/v1/payments/{first['payment_id']}/reversal", json={"reason": "bounced"})
    assert answer.json()["total_balance"] == "700.00"
    await state(service, portfolio_id, 19, "300.00", "400.00")
    assert (await owed(service, portfolio_id))[0] == "700.00"


async def test_the_payment_that_a_file_absorbs_of_an_overpaid_contract_has_no_credit(service: ServiceClient) -> None:
    """The credit belongs to the payment that the file does not know. Else a reversal would put back too little."""
    portfolio_id = await service.portfolio(delta_rows="whole")
    await state(service, portfolio_id, 10, "300.00", "600.00")
    newer = await service.pay(portfolio_id, "C-1", "500.00", "2026-09-14")
    older = await service.pay(portfolio_id, "C-1", "450.00", "2026-09-11")
    assert (newer["credit"], older["credit"]) == ("0.00", "50.00")
    await state(service, portfolio_id, 15, "0.00", "450.00")
    credits = [
        (await service.client.get(f"/v1/payments/{one['payment_id']}")).json()["credit"] for one in (newer, older)
    ]
    assert credits == ["50.00", "0.00"]
    await reverse(service, older, 16)
    assert (await owed(service, portfolio_id))[0] == "400.00"
