"""Rows of a file state the people besides the debtor. What a person has said of them holds against files."""

from typing import Any
from uuid import UUID

import pytest
from portfolio.tabular.profiles import FILE_COLUMNS
from recobro_events.contracts.portfolio import ContractRegistered, ContractRevised
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row

GUARANTOR: dict[str, Any] = {
    "guarantor_name": "Rosa Gil",
    "guarantor_tax_id": "GIRR800101AB1",
    "guarantor_phone": "55 5512 3456",
    "guarantor_email": "Rosa@Example.org",
}
COLUMNS = (*FILE_COLUMNS, *GUARANTOR, "reference_name", "reference_phone", "employer_phone")
PHONE, OTHER = "+525555123456", "+525555123457"


async def loaded(service: ServiceClient, *rows: dict[str, str]) -> UUID:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, *rows, columns=COLUMNS)
    assert (file["status"], file["rows_rejected"]) == ("loaded", 0)
    return portfolio_id


async def parties(service: ServiceClient, portfolio_id: UUID, number: str = "C-1") -> list[dict[str, Any]]:
    return (await service.contract(portfolio_id, number))["parties"]  # type: ignore[no-any-return]


async def names(service: ServiceClient, portfolio_id: UUID) -> list[tuple[str, str | None, list[str]]]:
    return [
        (one["role"], one["name"], [point["value"] for point in one["contact_points"]])
        for one in await parties(service, portfolio_id)
    ]


async def next_day(
    service: ServiceClient, portfolio_id: UUID, columns: tuple[str, ...] = COLUMNS, **cells: str
) -> None:
    file = await service.load(portfolio_id, row("C-1", 1, **cells), as_of="2026-09-11", columns=columns)
    assert (file["status"], file["rows_rejected"]) == ("loaded", 0)


async def test_rows_carry_the_people_beside_the_debtor(service: ServiceClient) -> None:
    one = row(
        "C-1", 1, **GUARANTOR, reference_name="Ana Peña", reference_phone="5555123457", employer_phone="5555123458"
    )
    portfolio_id = await loaded(service, one, row("C-1", 2, **GUARANTOR, reference_name="Luis Soto"), row("C-2"))
    shown = {(one["role"], one["name"]): one for one in await parties(service, portfolio_id)}
    assert set(shown) == {
        ("guarantor", "Rosa Gil"),
        ("reference", "Ana Peña"),
        ("reference", "Luis Soto"),
        ("employer", None),
    }
    rosa = shown["guarantor", "Rosa Gil"]
    assert (rosa["tax_id"], rosa["contactable"]) == ("GIRR800101AB1", True)
    assert [(point["value"], point["dialable"]) for point in rosa["contact_points"]] == [
        (PHONE, True),
        ("rosa@example.org", False),
    ]
    assert not any(one["contactable"] for key, one in shown.items() if key[0] != "guarantor")
    own = [point["value"] for point in (await service.contract(portfolio_id, "C-1"))["contact_points"]]
    assert PHONE not in own
    assert "+525555123458" not in own
    assert await parties(service, portfolio_id, "C-2") == []
    registered = {event.contract_number: event for event in await published(service.database, ContractRegistered)}
    assert len(registered["C-1"].parties or ()) == 4
    assert registered["C-2"].parties == ()


async def test_a_file_replaces_what_files_have_stated_of_a_role(service: ServiceClient) -> None:
    portfolio_id = await loaded(service, row("C-1", **GUARANTOR, reference_name="Ana Peña"))
    eva = {"guarantor_name": "Eva Luna", "guarantor_phone": "5555123457", "guarantor_email": ""}
    await next_day(service, portfolio_id, **(GUARANTOR | eva))
    assert await names(service, portfolio_id) == [("guarantor", "Eva Luna", [OTHER]), ("reference", "Ana Peña", [])]
    [event] = await published(service.database, ContractRevised)
    assert [party.name for party in event.parties or ()] == ["Eva Luna", "Ana Peña"]
    assert {party.version for party in event.parties or () if party.name == "Eva Luna"} == {event.version}


@pytest.mark.parametrize("columns", [FILE_COLUMNS, COLUMNS], ids=["absent", "empty"])
async def test_absent_columns_and_empty_cells_change_nothing(service: ServiceClient, columns: tuple[str, ...]) -> None:
    portfolio_id = await loaded(service, row("C-1", **GUARANTOR))
    before = await parties(service, portfolio_id)
    await next_day(service, portfolio_id, columns)
    assert await parties(service, portfolio_id) == before


async def test_a_correction_and_a_removal_by_a_person_hold_against_files(service: ServiceClient) -> None:
    portfolio_id = await loaded(service, row("C-1", **GUARANTOR, reference_name="Ana Peña"))
    rosa, ana = await parties(service, portfolio_id)
    corrected = {"name": "Rosa Gil Pérez", "contact_points": [{"kind": "phone", "value": OTHER}]}
    assert (await service.client.patch(f"/v1/parties/{rosa['party_id']}", json=corrected)).status_code == 200
    removal = {"reason": "asked to be removed"}
    assert (await service.client.post(f"/v1/parties/{ana['party_id']}/removal", json=removal)).status_code == 201
    await next_day(service, portfolio_id, **GUARANTOR, reference_name="Ana Peña")
    assert await names(service, portfolio_id) == [("guarantor", "Rosa Gil Pérez", [OTHER])]


async def test_an_opted_out_number_stays_so_while_files_repeat_it_and_for_another_debtor(
    service: ServiceClient,
) -> None:
    portfolio_id = await loaded(service, row("C-1", debtor_number="K1", **GUARANTOR))
    [rosa] = await parties(service, portfolio_id)
    point = rosa["contact_points"][0]["contact_id"]
    await service.client.patch(f"/v1/contact-points/{point}", json={"change": "opted_out"})
    new = row("C-2", debtor_number="K2", **(GUARANTOR | {"guarantor_name": "Rosa Gil P."}))
    await service.load(
        portfolio_id, row("C-1", debtor_number="K1", **GUARANTOR), new, as_of="2026-09-11", columns=COLUMNS
    )
    for number in ("C-1", "C-2"):
        [party] = await parties(service, portfolio_id, number)
        assert [one["opted_out"] for one in party["contact_points"]] == [True, False], number


async def test_too_many_people_refuse_all_rows_of_the_contract(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    rows = [row("C-1", n, reference_name=f"Person {n}") for n in range(1, 12)]
    file = await service.load(portfolio_id, *rows, row("C-2"), columns=COLUMNS)
    assert (file["rows_accepted"], file["rows_rejected"]) == (1, 11)
    rejects = (await service.rejects(file["file_id"]))[1:]
    assert len(rejects) == 11
    assert all("10 people besides the debtor" in str(line) for line in rejects)
    many = [row("C-3", n, guarantor_name="Rosa Gil", guarantor_phone=f"55551234{n:02}") for n in range(1, 6)]
    file = await service.load(portfolio_id, *many, as_of="2026-09-11", columns=COLUMNS)
    assert file["rows_rejected"] == 5


async def test_corrected_rows_bring_their_people(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    bad = row("C-1", 1, **GUARANTOR) | {"due_date": "tomorrow"}
    file = await service.load(portfolio_id, bad, row("C-2"), columns=COLUMNS)
    assert file["rows_rejected"] == 1
    answer = await service.client.post(
        f"/v1/portfolios/{portfolio_id}/files",
        params={"mode": "amend", "amends": file["file_id"], "filename": "again.csv"},
        content=csv_of(row("C-1", 1, **GUARANTOR), columns=COLUMNS),
    )
    assert answer.status_code == 202, answer.text
    assert await service.loader.load_one()
    assert [one["name"] for one in await parties(service, portfolio_id)] == ["Rosa Gil"]
