"""Banks' files as a clerk sends them: every payment counts once, whatever is sent again, and nothing is lost."""

import gzip
import io
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid5

import pytest
from bank_rows import counts, csv_file, name, portfolio, unpaid
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from recobro_events.contracts.portfolio import PaymentReceived, PaymentReversed
from recobro_events.testing import published
from service_client import ServiceClient


async def test_a_payment_finds_its_contract_by_number_reference_account_or_concept(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    await name(service, portfolio_id, "C-2", payment_reference="REF 0002")
    await name(service, portfolio_id, "C-3", virtual_account="646180111800000003")
    file = await service.bank_file(
        portfolio_id,
        csv_file(
            "10/09/2026,10.00,T-1,C-1,,,,,",
            "10/09/2026,20.00,T-2,,ref0002,,,,",
            "10/09/2026,30.00,T-3,,,646180111800000003,,,",
            "10/09/2026,40.00,T-4,,,,C-4,Ana Peña,",
            "10/09/2026,50.00,T-5,,C-1,,,,",
        ),
    )
    assert (file["status"], counts(file), file["percent"]) == ("loaded", {"payments": 5}, 100)
    assert (file["rows_accepted"], file["amount_accepted"], file["format"]) == (5, "150.00", "table")
    owed = [await unpaid(service, portfolio_id, f"C-{n}") for n in range(1, 5)]
    assert owed == [Decimal(200 - paid) for paid in (60, 20, 30, 40)]
    events = await published(service.database, PaymentReceived)
    assert sorted((event.reference, str(event.paid_on), event.channel) for event in events) == [
        (f"T-{n}", "2026-09-10", "bank") for n in range(1, 6)
    ]
    payments = (await service.get(f"/v1/contracts/{uuid5(portfolio_id, 'C-4')}/payments"))["items"]
    payment = await service.get(f"/v1/payments/{payments[0]['payment_id']}")
    assert payment["received_by"]["subject"] == file["uploaded_by"]["subject"]


async def test_the_same_bytes_are_the_same_file_and_a_reference_counts_once(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    content = csv_file("10/09/2026,10.00,T-1,C-1,,,,,", "10/09/2026,5.00,T-2,X-9,,,,,")
    first = await service.bank_file(portfolio_id, content)
    again = await service.send_bank_file(portfolio_id, content, filename="other.csv")
    assert (again.status_code, again.json()["file_id"]) == (200, first["file_id"])
    assert counts(first) == {"payments": 1, "unidentified": 1}
    cumulative = csv_file(
        "10/09/2026,10.00,t-1 ,C-1,,,,,",
        "10/09/2026,5.00,T-2,X-9,,,,,",
        "10/09/2026,11.00,T-1,C-1,,,,,",
        "10/09/2026,10.00,T-1,C-2,,,,,",
        "10/09/2026,10.00,T-1,,,,,,",
        "10/09/2026,7.00,T-2,C-2,,,,,",
        "10/09/2026,7.00,T-3,X-1,,,,,",
        "10/09/2026,7.00,T-3,X-1,,,,,",
        "10/09/2026,8.00,T-3,X-1,,,,,",
    )
    second = await service.bank_file(portfolio_id, cumulative)
    assert counts(second) == {"known": 4, "unidentified": 1, "rows_rejected": 4}
    assert second["amount_accepted"] == "39.00"
    assert {one["row_number"]: one["errors"][0]["code"] for one in await service.bank_rejects(second["file_id"])} == {
        4: "payment_conflict",
        5: "payment_conflict",
        7: "payment_conflict",
        10: "payment_conflict",
    }
    assert await unpaid(service, portfolio_id, "C-1") == Decimal(190)
    assert len(await published(service.database, PaymentReceived)) == 1


async def test_every_problem_of_a_row_is_told_and_the_corrected_rows_are_sent_as_a_file(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    content = csv_file(
        "10/09/2026,10.00,T-1,C-1,,,,,",
        "32/13/2026,x,,C-2,,,,,maybe",
        "10/09/2099,0.00,T-3,C-3,,,,,",
        "10/09/2026,-5.00,T-4,C-3,,,,,",
    )
    file = await service.bank_file(portfolio_id, content)
    assert counts(file) == {"payments": 1, "rows_rejected": 3}
    rejected = await service.bank_rejects(file["file_id"])
    assert [[error["code"] for error in one["errors"]] for one in rejected] == [
        ["no_reference", "bad_date", "bad_amount", "bad_reversal"],
        ["bad_date", "zero_amount"],
        ["negative_amount"],
    ]
    answer = await service.client.get(
        f"/v1/payment-files/{file['file_id']}/rejects", headers={"Accept-Language": "es-MX"}
    )
    text = answer.content.decode("utf-8-sig")
    assert "no dice ni sí ni no" in text
    corrected = text.replace('"=""32/13/2026""",x,,', "11/09/2026,20.00,T-2,").replace("maybe", "").splitlines()
    second = await service.bank_file(portfolio_id, "\n".join(corrected[:2]) + "\n")
    assert counts(second) == {"payments": 1}
    assert await unpaid(service, portfolio_id, "C-2") == Decimal(180)


async def test_totals_that_differ_apply_nothing(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    rows = ("10/09/2026,10.00,T-1,C-1,,,,,", "10/09/2026,20.00,T-2,C-2,,,,,")
    for content, controls in (
        (csv_file(*rows), {"control_rows": 3}),
        (csv_file(*rows) + "\n", {"control_amount": "30.01"}),
        (csv_file(*rows, "Total,31.00,2,,,,,,"), {}),
    ):
        file = await service.bank_file(portfolio_id, content, **controls)
        assert (file["status"], file["error_code"]) == ("failed", "control_totals_differ")
    assert await published(service.database, PaymentReceived) == []
    right = await service.bank_file(portfolio_id, csv_file(*rows), control_rows=2, control_amount="30.00")
    assert (right["status"], counts(right)) == ("loaded", {"payments": 2})
    assert right["file_id"] in {one["file_id"] for one in (await service.get("/v1/payment-files"))["items"]}


async def test_a_reversal_takes_back_the_payment_or_what_waits_unidentified(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    await service.bank_file(
        portfolio_id,
        csv_file("10/09/2026,10.00,T-1,C-1,,,,,", "10/09/2026,60.00,T-2,X-2,,,,,", "10/09/2026,7.00,T-3,C-3,,,,,"),
    )
    content = csv_file(
        "11/09/2026,-10.00,T-1,,,,,,REVERSO",
        "11/09/2026,60.00,T-2,,,,,,sí",
        "11/09/2026,8.00,T-3,,,,,,x",
        "11/09/2026,8.00,T-9,,,,,,x",
        "11/09/2026,9.00,T-4,C-4,,,,,no",
        "11/09/2026,10.00,T-1,C-1,,,,,",
    )
    file = await service.bank_file(portfolio_id, content)
    assert counts(file) == {"payments": 1, "reversals": 2, "rows_rejected": 3}
    codes = {one["row_number"]: one["errors"][0]["code"] for one in await service.bank_rejects(file["file_id"])}
    assert codes == {4: "reversal_differs", 5: "reversal_unknown", 7: "reference_reversed"}
    [event] = await published(service.database, PaymentReversed)
    assert (str(event.reversed_on), event.reason) == ("2026-09-11", "reversed_by_bank")
    assert await unpaid(service, portfolio_id, "C-1") == Decimal(200)
    [waiting] = (await service.get("/v1/unidentified-payments"))["items"]
    assert (waiting["state"], waiting["remaining"], waiting["reversed_on"]) == ("reversed", "0.00", "2026-09-11")
    again = await service.bank_file(
        portfolio_id, csv_file("11/09/2026,10.00,T-1,,,,,,REVERSO", "11/09/2026,60.00,T-2,,,,,,REVERSO")
    )
    assert counts(again) == {"known": 2}
    assert len(await published(service.database, PaymentReversed)) == 1


async def test_a_workbook_and_a_packed_file_are_read_in_portuguese(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    book = Workbook()
    sheet = book.create_sheet("Pagamentos", 0)
    sheet.append(["Data do pagamento", "Valor pago", "Referência bancária", "Nº do contrato"])
    sheet.append(["10/09/2026", 12.5, "W-1", "C-1"])
    into = io.BytesIO()
    book.save(into)
    assert counts(await service.bank_file(portfolio_id, into.getvalue(), filename="x.bin")) == {"payments": 1}
    packed = gzip.compress("Data;Valor;NSU;Contrato\n10/09/2026;1,50;W-2;C-1\n".encode("utf-16"))
    assert counts(await service.bank_file(portfolio_id, packed, channel="SPEI")) == {"payments": 1}
    assert await unpaid(service, portfolio_id, "C-1") == Decimal("186.00")
    assert {event.channel for event in await published(service.database, PaymentReceived)} == {"bank", "spei"}


async def test_a_workbook_that_counts_days_from_1904_has_the_days_that_the_bank_wrote(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    book = Workbook()
    book.epoch = CALENDAR_MAC_1904
    sheet = book.worksheets[0]
    sheet.append(["Fecha de pago", "Importe", "Referencia bancaria", "Contrato"])
    sheet.append([date(2026, 9, 10), 12.5, "W-1", "C-1"])
    sheet.append([(date(2026, 9, 9) - date(1904, 1, 1)).days, 7, "W-2", "C-1"])
    into = io.BytesIO()
    book.save(into)
    assert counts(await service.bank_file(portfolio_id, into.getvalue())) == {"payments": 2}
    days = {event.reference: event.paid_on for event in await published(service.database, PaymentReceived)}
    assert sorted(days.values()) == [date(2026, 9, 9), date(2026, 9, 10)]


@pytest.mark.parametrize(
    ("content", "parameters", "code"),
    [
        ("", {}, "empty"),
        ("Contrato,Nombre\nC-1,Ana\n", {}, "no-header"),
        ("Contrato,Importe\nC-1,1.00\n", {}, "missing-columns"),
        (csv_file(), {"channel": "pigeon"}, "invalid"),
        (csv_file(), {"format": "pdf"}, "invalid"),
        (csv_file(), {"control_rows": -1}, "invalid"),
        (b"%PDF-1.7", {}, "unsupported-type"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_at_once(
    service: ServiceClient, content: str, parameters: dict[str, Any], code: str
) -> None:
    portfolio_id = await service.portfolio()
    answer = await service.send_bank_file(portfolio_id, content, **parameters)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, code), answer.text
    assert (await service.get("/v1/payment-files"))["items"] == []


async def test_a_file_of_a_portfolio_without_contracts_waits_for_people(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.bank_file(portfolio_id, csv_file("10/09/2026,10.00,T-1,C-1,,,,,"))
    assert counts(file) == {"unidentified": 1}
    assert (await service.client.get(f"/v1/payment-files/{portfolio_id}")).status_code == 404
    assert (await service.send_bank_file(uuid5(portfolio_id, "x"), csv_file())).status_code == 404
