"""Amounts that a dispute has corrected hold while files repeat the value that was decided about."""

from typing import Any
from uuid import UUID

import pytest
from service_client import ServiceClient, row


def owed(*amounts: str) -> list[dict[str, str]]:
    return [
        row("Q-1", number, amount_due=amount, due_date=f"2026-{number + 8:02}-01")
        for number, amount in enumerate(amounts, start=1)
    ]


async def corrected(service: ServiceClient, *amounts: str, to: str) -> UUID:
    """The contract Q-1, whose first instalment a dispute has corrected."""
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *owed(*amounts), as_of="2026-11-25")
    await correct(service, portfolio_id, to)
    return portfolio_id


async def correct(service: ServiceClient, portfolio_id: UUID, to: str, instalment: int = 1) -> None:
    contract_id = (await service.contract(portfolio_id, "Q-1"))["contract_id"]
    opened = await service.client.post(
        f"/v1/contracts/{contract_id}/clarifications",
        json={"reason": "wrong_amount", "opened_by": "debtor", "instalments": [instalment], "detail": to},
    )
    assert opened.status_code == 201, opened.text
    outcome = {"outcome": "upheld", "corrections": [{"instalment": instalment, "amount": to}]}
    resolved = await service.client.post(
        f"/v1/clarifications/{opened.json()['clarification_id']}/resolution", json=outcome
    )
    assert resolved.status_code == 201, resolved.text


async def decisions(service: ServiceClient, file: dict[str, Any]) -> list[tuple[int, str, str, str]]:
    found = await service.get(f"/v1/files/{file['file_id']}/findings", kind="kept_decisions")
    return [(one["instalment"], one["stated"], one["known"], one["detail"]) for one in found["items"]]


async def unpaid(service: ServiceClient, portfolio_id: UUID) -> list[str]:
    return [one["unpaid"] for one in (await service.contract(portfolio_id, "Q-1"))["instalments"]]


@pytest.mark.parametrize("to", ["0.00", "60.00"])
async def test_a_file_that_repeats_the_value_does_not_undo_the_decision(service: ServiceClient, to: str) -> None:
    portfolio_id = await corrected(service, "100.00", "100.00", to=to)
    for day in ("2026-11-26", "2026-11-27"):
        file = await service.load(portfolio_id, *owed("100.00", "100.00"), row(day), as_of=day)
        assert await decisions(service, file) == [(1, "100.00", to, "decision_kept")]
        assert (file["differs"], file["file_payments"], file["set_aside"]) == (0, 0, 0)
        assert await unpaid(service, portfolio_id) == [to, "100.00"]


async def test_another_value_is_the_new_word_of_the_creditor(service: ServiceClient) -> None:
    portfolio_id = await corrected(service, "100.00", "100.00", to="60.00")
    file = await service.load(portfolio_id, *owed("70.00", "100.00"), as_of="2026-11-26")
    assert await decisions(service, file) == [(1, "70.00", "60.00", "new_word_of_the_creditor")]
    assert await unpaid(service, portfolio_id) == ["70.00", "100.00"]
    # The decision is over.
    later = await service.load(portfolio_id, *owed("100.00", "100.00"), as_of="2026-11-27")
    assert (await decisions(service, later), await unpaid(service, portfolio_id)) == ([], ["100.00", "100.00"])


async def test_a_file_that_takes_the_decision_over_tells_of_no_payment(service: ServiceClient) -> None:
    portfolio_id = await corrected(service, "100.00", "100.00", to="60.00")
    file = await service.load(portfolio_id, *owed("60.00", "100.00"), as_of="2026-11-26")
    assert (file["file_payments"], file["kept_decisions"]) == (0, 0)
    # A file of an older state of the creditor's books comes back.
    await service.load(portfolio_id, *owed("100.00", "100.00"), as_of="2026-11-27")
    assert await unpaid(service, portfolio_id) == ["60.00", "100.00"]


async def test_a_file_that_drops_the_instalment_and_states_it_again_does_not_undo_the_decision(
    service: ServiceClient,
) -> None:
    portfolio_id = await corrected(service, "100.00", "100.00", to="0.00")
    file = await service.load(portfolio_id, owed("100.00", "100.00")[1], as_of="2026-11-26")
    assert (file["set_aside"], file["file_payments"]) == (0, 0)
    await service.load(portfolio_id, *owed("100.00", "100.00"), as_of="2026-11-27")
    assert await unpaid(service, portfolio_id) == ["0.00", "100.00"]


async def test_a_decision_holds_when_the_file_has_posted_a_payment_on_the_instalment(service: ServiceClient) -> None:
    portfolio_id = await corrected(service, "100.00", "100.00", to="60.00")
    await service.pay(portfolio_id, "Q-1", "20.00", "2026-11-26")
    for day in ("2026-11-27", "2026-11-28"):
        file = await service.load(portfolio_id, *owed("80.00", "100.00"), row(day), as_of=day)
        assert await decisions(service, file) == [
            (1, "80.00", "60.00" if day == "2026-11-27" else "40.00", "decision_kept")
        ]
        assert (file["differs"], file["in_posting"]) == (0, 0)
        assert await unpaid(service, portfolio_id) == ["40.00", "100.00"]


async def test_a_payment_in_posting_is_found_beside_a_decision(service: ServiceClient) -> None:
    portfolio_id = await corrected(service, "100.00", "100.00", to="60.00")
    await service.pay(portfolio_id, "Q-1", "20.00", "2026-11-26")
    file = await service.load(portfolio_id, *owed("100.00", "100.00"), row("C-2"), as_of="2026-11-27")
    assert (file["in_posting"], file["kept_decisions"], file["differs"]) == (1, 1, 0)
    assert await unpaid(service, portfolio_id) == ["40.00", "100.00"]


async def test_a_second_decision_is_about_the_same_value(service: ServiceClient) -> None:
    portfolio_id = await corrected(service, "100.00", "100.00", to="60.00")
    await correct(service, portfolio_id, "30.00")
    await service.load(portfolio_id, *owed("100.00", "100.00"), as_of="2026-11-26")
    assert await unpaid(service, portfolio_id) == ["30.00", "100.00"]
