"""Files state the parts of amounts, and what is unpaid of each part follows the payments."""

from decimal import Decimal
from typing import Any
from uuid import uuid5

import pytest
from portfolio.ledger.components import DEFAULT_ORDER, Component, unpaid_components
from portfolio.tabular.profiles import COMPONENTS, FILE_COLUMNS
from recobro_events.contracts.portfolio import ContractRegistered, PaymentReceived
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row

WITHOUT = tuple(name for name in FILE_COLUMNS if name not in (*COMPONENTS, "calculated_on"))
SPLIT = {
    "amount_due": "1000.00",
    "principal": "800.00",
    "ordinary_interest": "120.00",
    "default_interest": "50.00",
    "fees": "30.00",
    "calculated_on": "2026-09-08",
}


def parts(found: dict[str, Any] | None) -> tuple[str, ...] | None:
    """Principal, ordinary interest, default interest, fees, tax, other."""
    return None if found is None else tuple(found[name] for name in COMPONENTS)


async def test_a_payment_pays_fees_and_interest_before_the_principal_of_the_oldest_instalment(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    rows = [row("A", n, due_date=f"2026-0{n}-01", **SPLIT) for n in (7, 8)]
    file = await service.load(portfolio_id, *rows)
    assert (file["rows_accepted"], file["rows_rejected"]) == (2, 0)
    contract = await service.contract(portfolio_id, "A")
    assert parts(contract["components"]) == ("1600.00", "240.00", "100.00", "60.00", "0.00", "0.00")
    assert contract["components"]["calculated_on"] == "2026-09-08"
    await service.pay(portfolio_id, "A", "100.00", "2026-09-10")
    contract = await service.contract(portfolio_id, "A")
    first, second = contract["instalments"]
    assert parts(first["components"]) == ("800.00", "120.00", "50.00", "30.00", "0.00", "0.00")
    assert parts(first["unpaid_components"]) == ("800.00", "100.00", "0.00", "0.00", "0.00", "0.00")
    assert parts(second["unpaid_components"]) == parts(second["components"])
    assert parts(contract["components"]) == ("1600.00", "220.00", "50.00", "30.00", "0.00", "0.00")
    [received] = await published(service.database, PaymentReceived)
    assert received.components is not None
    assert received.components.model_dump(mode="json") == contract["components"]
    assert sum(getattr(received.components, name) for name in COMPONENTS) == received.total_balance


async def test_the_portfolio_says_in_which_order_the_parts_are_paid(service: ServiceClient) -> None:
    order = ["principal", *(name for name in DEFAULT_ORDER if name != "principal")]
    portfolio_id = await service.portfolio(allocation_order=order)
    await service.load(portfolio_id, row("A", 1, **SPLIT))
    await service.pay(portfolio_id, "A", "850.00", "2026-09-10")
    contract = await service.contract(portfolio_id, "A")
    assert contract["allocation_order"] == order
    assert parts(contract["components"]) == ("0.00", "120.00", "30.00", "0.00", "0.00", "0.00")
    for wrong in (order[:-1], [*order[:-1], "principal"], [*order, "fines"]):
        answer = await service.client.patch(f"/v1/portfolios/{portfolio_id}", json={"allocation_order": wrong})
        assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"fees": "31.00"}, "amount_due", "components_differ"),
        ({"principal": ""}, "amount_due", "components_differ"),
        ({"fees": "-30.00"}, "fees", "negative_amount"),
        ({"fees": "treinta"}, "fees", "bad_amount"),
        ({"calculated_on": "31/02/2026"}, "calculated_on", "bad_date"),
        ({"origination_date": "1900-01-01"}, "origination_date", "bad_date"),
        ({"language": "klingon"}, "language", "bad_language"),
    ],
)
async def test_a_row_whose_parts_are_wrong_is_rejected(
    service: ServiceClient, cells: dict[str, str], column: str, code: str
) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row("A", 1, **(SPLIT | cells)), row("B", 1, **SPLIT))
    found = await service.get(f"/v1/files/{file['file_id']}/rejected-rows")
    [rejected] = found["items"]
    assert (column, code) in [(error["column"], error["code"]) for error in rejected["errors"]]


async def test_a_rejected_row_says_in_spanish_that_its_parts_differ(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row("A", 1, **(SPLIT | {"fees": "0"})))
    answer = await service.client.get(f"/v1/files/{file['file_id']}/rejects", headers={"Accept-Language": "es-MX"})
    assert "amount_due: no es la suma de sus partes: capital, intereses ordinarios" in answer.text


async def test_a_file_without_parts_keeps_those_that_are_known_of_the_instalment(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("A", 1, **SPLIT), row("A", 2, amount_due="10.00", due_date="2026-10-01"))
    await service.pay(portfolio_id, "A", "40.00", "2026-09-11")
    stated = [row("A", 1, amount_due="960.00"), row("A", 2, amount_due="10.00", due_date="2026-10-01")]
    await service.load(portfolio_id, *stated, as_of="2026-09-12", columns=WITHOUT)
    contract = await service.contract(portfolio_id, "A")
    first, second = contract["instalments"]
    assert parts(first["components"]) == ("800.00", "120.00", "40.00", "0.00", "0.00", "0.00")
    assert second["components"] is None
    # What nobody has split is among the others.
    assert parts(contract["components"]) == ("800.00", "120.00", "40.00", "0.00", "0.00", "10.00")
    assert contract["components"]["calculated_on"] == "2026-09-08"


async def test_charges_leave_an_instalment_unsplit_that_nobody_has_split(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("A", 1, amount_due="10.00"), row("A", 2, due_date="2026-10-01", **SPLIT))
    path = f"/v1/contracts/{uuid5(portfolio_id, 'A')}/charges"
    for kind in ("waiver", "fee"):
        charge = {"kind": kind, "amount": "4.00", "charged_on": "2026-09-10", "reason": "agreed"}
        assert (await service.client.post(path, json=charge)).status_code == 201
    contract = await service.contract(portfolio_id, "A")
    first, second = contract["instalments"]
    assert first["components"] is None
    fees, other = second["components"]["fees"], second["components"]["other"]
    assert contract["components"]["fees"] == fees
    assert float(contract["components"]["other"]) == float(other) + 10


async def test_corrected_rows_add_their_parts_and_keep_those_of_other_instalments(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row("A", 1, **SPLIT), row("A", 2, **(SPLIT | {"fees": "1.00"})))
    corrected = row("A", 2, due_date="2026-08-02", **SPLIT)
    answer = await service.client.post(
        f"/v1/portfolios/{portfolio_id}/files",
        params={"mode": "amend", "amends": file["file_id"], "filename": "x.csv"},
        content=csv_of(corrected),
    )
    assert answer.status_code == 202, answer.text
    assert await service.loader.load_one()
    contract = await service.contract(portfolio_id, "A")
    assert not contract["incomplete"]
    assert parts(contract["components"]) == ("1600.00", "240.00", "100.00", "60.00", "0.00", "0.00")


async def test_a_corrected_amount_lowers_the_parts_that_are_paid_first(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("A", 1, **SPLIT))
    path = f"/v1/contracts/{uuid5(portfolio_id, 'A')}/clarifications"
    opened = await service.client.post(path, json={"reason": "fees", "opened_by": "debtor", "instalments": [1]})
    corrections = {"outcome": "upheld", "corrections": [{"instalment": 1, "amount": "960.00"}]}
    answer = await service.client.post(
        f"/v1/clarifications/{opened.json()['clarification_id']}/resolution", json=corrections
    )
    assert answer.status_code == 201, answer.text
    contract = await service.contract(portfolio_id, "A")
    assert parts(contract["components"]) == ("800.00", "120.00", "40.00", "0.00", "0.00", "0.00")


async def test_the_parts_of_a_plan_add_up_to_each_of_its_instalments(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    columns = (*FILE_COLUMNS, "instalment_count", "frequency", "first_due_date")
    plan = {"amount_due": "100.00", "principal": "66.67", "ordinary_interest": "33.30", "fees": "0.03"}
    plan |= {"instalment_count": "3", "frequency": "mensual", "first_due_date": "2026-08-31"}
    columns = tuple(name for name in columns if name not in ("instalment_number", "due_date"))
    await service.load(portfolio_id, row("A", 1, **plan), columns=columns)
    contract = await service.contract(portfolio_id, "A")
    assert [one["amount"] for one in contract["instalments"]] == ["33.33", "33.33", "33.34"]
    for one in contract["instalments"]:
        assert sum(Decimal(one["components"][name]) for name in COMPONENTS) == Decimal(one["amount"])
    assert parts(contract["components"]) == ("66.67", "33.30", "0.00", "0.03", "0.00", "0.00")


async def test_a_contract_keeps_language_original_creditor_and_origination(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    told = {"language": "Português", "original_creditor": "Banco Alfa", "origination_date": "2024-02-15"}
    await service.load(portfolio_id, row("A", 1, **told))
    few = tuple(name for name in FILE_COLUMNS if name not in told)
    await service.load(portfolio_id, row("A"), as_of="2026-09-11", columns=few)
    contract = await service.contract(portfolio_id, "A")
    assert contract["debtor"]["language"] == "pt"
    assert (contract["original_creditor"], contract["origination_date"]) == ("Banco Alfa", "2024-02-15")
    assert contract["components"] is None
    [registered] = await published(service.database, ContractRegistered)
    assert (registered.debtor.language, registered.original_creditor) == ("pt", "Banco Alfa")
    assert str(registered.origination_date) == "2024-02-15"


def test_unpaid_parts_add_up_to_what_is_unpaid_and_are_paid_in_order() -> None:
    stated = dict(zip(Component, map(Decimal, ("800", "120", "50", "30", "15", "1")), strict=True))
    for cents in range(0, 101700, 500):
        unpaid = Decimal(cents) / 100
        left = unpaid_components(stated, Decimal(1016), unpaid, DEFAULT_ORDER)
        assert sum(left.values()) == unpaid
        touched = [name for name in DEFAULT_ORDER if left[name] < stated[name]]
        assert touched == list(DEFAULT_ORDER[: len(touched)])
        assert all(left[name] == 0 for name in touched[:-1])


def test_what_nobody_has_split_counts_as_other() -> None:
    stated = dict.fromkeys(Component, Decimal(10))
    assert unpaid_components(stated, Decimal(75), Decimal(75), DEFAULT_ORDER)[Component.OTHER] == 25
    assert unpaid_components(None, Decimal(75), Decimal(30), DEFAULT_ORDER)[Component.OTHER] == 30
