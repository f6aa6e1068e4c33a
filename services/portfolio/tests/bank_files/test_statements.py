"""Statements of banks: booked credits are payments, their reversals take them back, and balances prove the whole."""

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from uuid import uuid5

import pytest
from bank_rows import counts, name, portfolio, unpaid
from bank_statements import balance, camt053, entry, mt940, transaction
from portfolio.bank_files.formats import PaymentFormat, format_of
from portfolio.bank_files.reader import camt053 as camt
from portfolio.bank_files.reader import mt940 as swift
from portfolio.tabular.records import FileProblem
from service_client import ServiceClient

PAGE = Path(__file__).parents[4] / "docs" / "payments.md"


async def test_a_camt_053_is_booked_entry_by_entry_and_its_batches_transaction_by_transaction(
    service: ServiceClient,
) -> None:
    portfolio_id = await portfolio(service)
    await name(service, portfolio_id, "C-2", payment_reference="RF18539007547034", virtual_account="646180111800000002")
    statement = camt053(
        entry("10.00", transaction(concept="C-1", payer="Ana Peña", end_to_end="E-1"), reference="B-1"),
        entry(
            "50.00",
            transaction("20.00", structured="RF18 5390 0754 7034"),
            transaction("30.00", account="646180111800000002", bank="B-2-OWN"),
            reference="B-2",
        ),
        entry("5.00", reference="B-3"),
        entry("7.00", side="DBIT", reference="FEE"),
        entry("9.00", status="<Cd>PDNG</Cd>", reference="B-4"),
        balances=(balance("OPBD", "100.00"), balance("CLBD", "158.00")),
        summary="<TxsSummry><TtlNtries><NbOfNtries>4</NbOfNtries><Sum>72.00</Sum></TtlNtries>"
        "<TtlCdtNtries><NbOfNtries>3</NbOfNtries><Sum>65.00</Sum></TtlCdtNtries></TxsSummry>",
    )
    file = await service.bank_file(portfolio_id, statement, control_rows=4, control_amount="65.00")
    assert (file["status"], file["format"], file["error"]) == ("loaded", "camt.053", None)
    assert counts(file) == {"payments": 3, "unidentified": 1}
    assert file["warnings"] == ["Entries that are no booked credits are left out: 2."]
    assert [await unpaid(service, portfolio_id, f"C-{n}") for n in (1, 2)] == [Decimal(190), Decimal(150)]
    payments = (await service.get(f"/v1/contracts/{uuid5(portfolio_id, 'C-2')}/payments"))["items"]
    assert sorted((one["reference"], one["paid_on"]) for one in payments) == [
        ("B-2-OWN", "2026-09-10"),
        ("B-2/1", "2026-09-10"),
    ]
    taken_back = camt053(
        entry(
            "10.00",
            transaction(end_to_end="E-1"),
            side="DBIT",
            reversal="<RvslInd>true</RvslInd>",
            status="BOOK",
            reference="B-9",
            day="2026-09-12",
        ),
        namespace="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02",
    )
    second = await service.bank_file(portfolio_id, taken_back)
    assert counts(second) == {"reversals": 1}
    assert await unpaid(service, portfolio_id, "C-1") == Decimal(200)


async def test_the_statements_of_the_page_are_booked_as_they_are_written(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    text = PAGE.read_text()
    [camt_053, mt_940] = [re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)[-1] for kind in ("xml", "text")]
    for statement, kind, warnings in ((camt_053, "camt.053", 0), (mt_940, "mt940", 1)):
        file = await service.bank_file(portfolio_id, statement)
        assert (file["status"], file["format"], file["error"]) == ("loaded", kind, None)
        assert (counts(file), len(file["warnings"])) == ({"payments": 1}, warnings)
    assert [await unpaid(service, portfolio_id, f"C-{n}") for n in (1, 2)] == [Decimal("119.50"), Decimal(140)]
    payments = [(await service.get(f"/v1/contracts/{uuid5(portfolio_id, f'C-{n}')}/payments"))["items"] for n in (1, 2)]
    assert [[one["reference"] for one in found] for found in payments] == [["BANK-0001"], ["BANK-0002"]]


async def test_an_mt940_is_booked_line_by_line(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    await name(service, portfolio_id, "C-2", payment_reference="REF-002")
    statement = mt940(
        ":61:2609100910C150,00NTRFREF-002//BANK0001",
        ":86:/EREF/E2E-1/REMI/PAGO DE LUIS",
        ":61:2609100910D20,00NCHGNONREF//BANK0002",
        ":86:COMISION",
        ":61:2609100910C70,50NTRFNONREF",
        ":86:C-1",
        ":61:2609100910RC50,00NTRFNONREF//BANK0009",
        ":86:DEVOLUCION",
    )
    file = await service.bank_file(portfolio_id, statement)
    assert (file["status"], file["format"], counts(file)) == ("loaded", "mt940", {"payments": 2, "rows_rejected": 1})
    assert [await unpaid(service, portfolio_id, f"C-{n}") for n in (1, 2)] == [Decimal("129.50"), Decimal(50)]
    [rejected] = await service.bank_rejects(file["file_id"])
    assert rejected["errors"][0]["code"] == "reversal_unknown"
    own = (await service.get(f"/v1/contracts/{uuid5(portfolio_id, 'C-1')}/payments"))["items"]
    assert own[0]["reference"] == "0123456789/STMT0910/00253/3"
    back = mt940(
        ":61:2609110911RC150,00NTRFREF-002//BANK0001",
        ":86:DEVOLUCION",
        opening="C260910MXN1150,50",
        closing="C260911MXN1000,50",
    )
    assert counts(await service.bank_file(portfolio_id, back)) == {"reversals": 1}
    assert await unpaid(service, portfolio_id, "C-2") == Decimal(200)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (camt053(entry("5.00"), balances=(balance("OPBD", "1.00"), balance("CLBD", "7.00"))), "control_totals_differ"),
        (
            camt053(entry("5.00"), summary="<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries></TtlNtries></TxsSummry>"),
            "control_totals_differ",
        ),
        (camt053(entry("5.00", transaction("2.00"), transaction("2.00"))), "control_totals_differ"),
        (camt053(entry("5.00", currency="USD")), "wrong_currency"),
        (camt053(entry("five")), "bad_statement"),
        (camt053(entry("5.00", day="yesterday")), "bad_statement"),
        (camt053(entry("5.00"))[:-20], "bad_statement"),
        (camt053(entry("5.00")).replace("BkToCstmrStmt", "CstmrCdtTrfInitn"), "unsupported-type"),
        (camt053(entry("5.00", f"<x>{'<y>' * 60}{'</y>' * 60}</x>")), "bomb"),
        (
            "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;&b;'>]><Document>&c;</Document>",
            "bomb",
        ),
        ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><Document/>", "bomb"),
    ],
)
def test_a_camt_053_that_is_not_whole_is_refused(tmp_path: Path, statement: str, code: str) -> None:
    path = tmp_path / "statement.xml"
    path.write_text(statement, encoding="utf-8")
    assert format_of(path.read_bytes()[:1000]) is PaymentFormat.CAMT_053
    with pytest.raises(FileProblem) as refused:
        camt.read(path, "MXN")
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("lines", "balances", "code"),
    [
        ([":61:2609100910C5,00NTRFA//B", ":86:x"], {"closing": "C260910MXN1006,00"}, "control_totals_differ"),
        ([":61:2609100910C5,00NTRFA//B"], {"opening": "C260909USD1,00", "closing": "C260910USD6,00"}, "wrong_currency"),
        ([":61:nothing"], {}, "bad_statement"),
    ],
)
def test_an_mt940_that_is_not_whole_is_refused(
    tmp_path: Path, lines: Sequence[str], balances: dict[str, str], code: str
) -> None:
    path = tmp_path / "statement.sta"
    path.write_text(mt940(*lines, **balances), encoding="utf-8")
    assert format_of(path.read_bytes()[:1000]) is PaymentFormat.MT940
    with pytest.raises(FileProblem) as refused:
        swift.read(path, "MXN")
    assert refused.value.code == code


def test_reversals_of_debits_and_statements_without_balances_are_told_and_not_booked(tmp_path: Path) -> None:
    path = tmp_path / "statement.xml"
    path.write_text(camt053(entry("5.00", reversal="<RvslInd>true</RvslInd>"), entry("6.00", reference="B")))
    found = camt.read(path, "MXN")
    assert ([one.reference for one in found.entries], found.left_out, found.without_totals) == (["B"], 1, 1)
    path.write_text(mt940(":61:2609100910RD5,00NTRFA//B", ":86:x", closing="C260910MXN1005,00"))
    given_back = swift.read(path, "MXN")
    assert (given_back.entries, given_back.left_out) == ([], 1)


async def test_the_sender_overrules_what_the_content_shows(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service, 1)
    file = await service.bank_file(portfolio_id, camt053(entry("5.00")), format="mt940")
    assert (file["status"], file["format"], file["error_code"]) == ("failed", "mt940", "unsupported-type")
    again = await service.bank_file(portfolio_id, camt053(entry("5.00")))
    assert (again["file_id"], again["status"], counts(again)) == (file["file_id"], "loaded", {"unidentified": 1})
