"""Corrected rejects amend their file: rows add single instalments or replace them, and never remove any."""

import csv
import io
from typing import Any
from uuid import UUID, uuid4, uuid5

import openpyxl
import pytest
from portfolio.files import expiry
from portfolio.tabular.profiles import FILE_COLUMNS
from recobro_events.contracts.portfolio import ContractRegistered, ContractRevised
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row

BAD = "32/13/2026"


async def sent_back(
    service: ServiceClient, file: dict[str, Any], *corrections: tuple[str, str], **parameters: str
) -> dict[str, Any]:
    """Download the rejects, replace texts, send them back as they are, and load them."""
    answer = await service.client.get(f"/v1/files/{file['file_id']}/rejects")
    assert answer.status_code == 200, answer.text
    text = answer.content
    for before, after in corrections:
        assert before.encode() in text
        text = text.replace(before.encode(), after.encode(), 1)
    return await amended(service, UUID(file["portfolio_id"]), text, **parameters)


async def amended(service: ServiceClient, portfolio_id: UUID, content: bytes, **parameters: str) -> dict[str, Any]:
    path = f"/v1/portfolios/{portfolio_id}/files"
    answer = await service.client.post(path, params={"filename": "r.csv"} | parameters, content=content)
    assert answer.status_code == 202, answer.text
    assert await service.loader.load_one()
    file = await service.file(answer.json()["file_id"])
    assert file["status"] == "loaded", file
    return file


async def by_hand(
    service: ServiceClient, file: dict[str, Any], *rows: dict[str, str], columns: tuple[str, ...] = FILE_COLUMNS
) -> dict[str, Any]:
    """Load these rows, which name no file themselves, as an amendment."""
    content = csv_of(*rows, columns=columns)
    portfolio_id = UUID(file["portfolio_id"])
    return await amended(service, portfolio_id, content, mode="amend", amends=file["file_id"])


async def set_aside(service: ServiceClient, file: dict[str, Any]) -> list[tuple[str, str]]:
    found = (await service.get(f"/v1/files/{file['file_id']}/findings", kind="set_aside"))["items"]
    assert file["set_aside"] == len(found)
    return [(item["contract_number"], item["detail"]) for item in found]


def instalments(contract: dict[str, Any]) -> dict[int, str]:
    return {one["number"]: one["unpaid"] for one in contract["instalments"]}


async def test_one_corrected_row_of_many_joins_the_others_and_ends_incomplete(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    rows = [
        row("C-1", n, amount_due="100.00", due_date=BAD if n == 7 else f"2026-0{n % 8 + 1}-01") for n in range(1, 15)
    ]
    file = await service.load(portfolio_id, *rows)
    before = await service.contract(portfolio_id, "C-1")
    assert (before["incomplete"], before["total_balance"], before["stage"]) == (True, "1300.00", "legal")

    amendment = await sent_back(service, file, (BAD, "2026-08-01"))

    assert (amendment["mode"], amendment["amends"], amendment["as_of"]) == ("amend", file["file_id"], file["as_of"])
    contract = await service.contract(portfolio_id, "C-1")
    assert (contract["incomplete"], contract["total_balance"], contract["stage"]) == (False, "1400.00", "legal")
    assert sorted(instalments(contract)) == list(range(1, 15))
    event = (await published(service.database, ContractRevised))[-1]
    assert (event.incomplete, len(event.instalments)) == (False, 14)
    assert (await service.history(portfolio_id, "C-1"))[-1]["kind"] == "amended"
    again = await sent_back_answer(service, file, (BAD, "2026-08-01"))
    assert (again.status_code, again.json()["file_id"]) == (200, amendment["file_id"])


async def sent_back_answer(service: ServiceClient, file: dict[str, Any], *corrections: tuple[str, str]) -> Any:
    text = (await service.client.get(f"/v1/files/{file['file_id']}/rejects")).content
    for before, after in corrections:
        text = text.replace(before.encode(), after.encode(), 1)
    return await service.client.post(f"/v1/portfolios/{file['portfolio_id']}/files", content=text)


async def test_the_rejects_end_with_the_id_of_their_file_and_come_back_with_their_guards(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    bad = row("C-1", due_date=BAD, debtor_name="=Íñigo", street="-5a Avenida")
    file = await service.load(portfolio_id, bad, row("C-2"))
    header, line = await service.rejects(file["file_id"])
    assert (header[:2], header[-1], line[-1]) == (["row_number", "errors"], "file_id", file["file_id"])
    assert "'=Íñigo" in line

    await sent_back(service, file, (BAD, "2026-08-01"))

    contract = await service.contract(portfolio_id, "C-1")
    assert (contract["debtor"]["name"], contract["addresses"][0]["street"]) == ("=Íñigo", "-5a Avenida")
    assert contract["incomplete"] is False
    assert len(await published(service.database, ContractRegistered)) == 2


async def test_rows_that_only_name_their_file_amend_it_also_in_mode_delta(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row("C-1", 1), row("C-1", 2, due_date=BAD))
    lines = await service.rejects(file["file_id"])
    text = io.StringIO()
    csv.writer(text).writerows([cell.replace(BAD, "2026-07-01") for cell in line[2:]] for line in lines)

    amendment = await amended(service, portfolio_id, text.getvalue().encode(), mode="delta", as_of="2026-09-10")

    assert amendment["mode"] == "amend"
    contract = await service.contract(portfolio_id, "C-1")
    assert (instalments(contract), contract["incomplete"]) == ({1: "100.00", 2: "100.00"}, False)


async def test_a_contract_stays_incomplete_until_all_its_rejected_rows_are_in(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(
        portfolio_id,
        row("C-1", 1),
        row("C-1", 2, due_date=BAD),
        row("C-1", 3, amount_due="x"),
        row("C-2", due_date=BAD),
    )
    first = await by_hand(service, file, row("C-1", 2))
    contract = await service.contract(portfolio_id, "C-1")
    assert (instalments(contract), contract["incomplete"]) == ({1: "100.00", 2: "100.00"}, True)

    again = await by_hand(service, file, row("C-1", 3, amount_due="much"))
    assert again["rows_rejected"] == 1
    assert (await service.contract(portfolio_id, "C-1"))["incomplete"] is True

    await sent_back(service, again, ("much", "40.00"))
    contract = await service.contract(portfolio_id, "C-1")
    assert (instalments(contract)[3], contract["incomplete"]) == ("40.00", False)
    assert first["contracts_incomplete"] == 0


@pytest.mark.parametrize("columns", [FILE_COLUMNS, tuple(c for c in FILE_COLUMNS if c != "instalment_number")])
async def test_a_row_replaces_the_instalment_that_it_names_by_number_or_by_day(
    service: ServiceClient, columns: tuple[str, ...]
) -> None:
    portfolio_id = await service.portfolio()
    days = ("2026-06-01", "2026-07-01", "2026-08-01")
    rows = [row("C-1", n, due_date=day) for n, day in enumerate(days, 1)]
    file = await service.load(portfolio_id, *rows, columns=columns)

    await by_hand(service, file, row("C-1", 2, due_date="2026-07-01", amount_due="70.00"), columns=columns)
    await by_hand(service, file, row("C-1", 4, due_date="2026-09-01", amount_due="9.00"), columns=columns)

    contract = await service.contract(portfolio_id, "C-1")
    assert {one["due_on"]: one["unpaid"] for one in contract["instalments"]} == {
        "2026-06-01": "100.00",
        "2026-07-01": "70.00",
        "2026-08-01": "100.00",
        "2026-09-01": "9.00",
    }


async def test_an_amendment_absorbs_no_payment(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row("C-1", 1), row("C-1", 2, due_date=BAD))
    await service.pay(portfolio_id, "C-1", "30.00", paid_on="2026-09-10")

    await sent_back(service, file, (BAD, "2026-07-01"))

    contract = await service.contract(portfolio_id, "C-1")
    assert (contract["total_balance"], instalments(contract)) == ("170.00", {1: "100.00", 2: "70.00"})
    [payment] = await service.rows("SELECT absorbed_by FROM payment")
    assert payment["absorbed_by"] is None


async def test_an_amendment_reopens_nothing(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row("C-1", 1), row("C-1", 2, due_date=BAD))
    await service.pay(portfolio_id, "C-1", "100.00", paid_on="2026-09-10")

    amendment = await sent_back(service, file, (BAD, "2026-07-01"))

    assert await set_aside(service, amendment) == [("C-1", "closed")]
    contract = await service.contract(portfolio_id, "C-1")
    assert (contract["state"], contract["total_balance"]) == ("settled", "0.00")


async def test_a_contract_that_a_later_file_has_stated_is_set_aside_and_older_days_are_no_obstacle(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(
        portfolio_id, row("C-1", 1), row("C-1", 2, due_date=BAD), row("C-2", 1), row("C-2", 2, due_date=BAD)
    )
    later = [row("C-1", 1), row("C-1", 2, amount_due="80.00")]
    await service.load(portfolio_id, *later, as_of="2026-09-12")

    amendment = await sent_back(service, file, (BAD, "2026-07-01"), (BAD, "2026-07-01"))

    assert await set_aside(service, amendment) == [("C-1", "overtaken")]
    assert instalments(await service.contract(portfolio_id, "C-1")) == {1: "100.00", 2: "80.00"}
    other = await service.contract(portfolio_id, "C-2")
    assert (instalments(other), other["incomplete"]) == ({1: "100.00", 2: "100.00"}, False)
    portfolio = await service.get(f"/v1/portfolios/{portfolio_id}")
    assert (portfolio["business_date"], portfolio["state"]) == ("2026-09-12", "ready")


async def test_a_known_contract_that_was_left_as_it_was_is_stated_when_its_last_row_is_in(
    service: ServiceClient,
) -> None:
    """Its file knows a payment, so the whole statement counts, not the corrected row alone."""
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *(row("C-1", n, amount_due="100.00") for n in (1, 2, 3)))
    await service.pay(portfolio_id, "C-1", "60.00", paid_on="2026-09-11")
    rows = (
        row("C-1", 1, amount_due="40.00", phone_2="5555123456"),
        row("C-1", 2, due_date=BAD),
        row("C-1", 3, amount_due="x"),
    )
    file = await service.load(portfolio_id, *rows, as_of="2026-09-12")
    assert (await service.contract(portfolio_id, "C-1"))["total_balance"] == "240.00"

    await by_hand(service, file, row("C-1", 2, amount_due="100.00"))
    waiting = await service.contract(portfolio_id, "C-1")
    assert (waiting["incomplete"], waiting["total_balance"], waiting["stated_as_of"]) == (True, "240.00", "2026-09-10")

    await by_hand(service, file, row("C-1", 3, amount_due="100.00"))
    contract = await service.contract(portfolio_id, "C-1")
    assert (contract["incomplete"], contract["stated_as_of"]) == (False, "2026-09-12")
    assert instalments(contract) == {1: "40.00", 2: "100.00", 3: "100.00"}
    assert "+525555123456" in [point["value"] for point in contract["contact_points"]]
    for table in ("file_row", "file_contract", "file_contact", "file_address"):
        assert await service.rows(f"SELECT FROM {table}") == [], table


async def test_what_waits_for_an_amendment_expires_with_the_rejected_rows(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", 1))
    file = await service.load(portfolio_id, row("C-1", 1), row("C-1", 2, due_date=BAD), as_of="2026-09-11")
    assert len(await service.rows("SELECT FROM file_row")) == 1
    async with service.database.transaction() as tx:
        await tx.execute("UPDATE file SET finished_at = finished_at - interval '31 days'")

    await expiry.expire(service.database)

    assert await service.rows("SELECT FROM file_row") == []
    answer = await service.client.post(
        f"/v1/portfolios/{portfolio_id}/files",
        params={"mode": "amend", "amends": file["file_id"]},
        content=csv_of(row("C-1", 2)),
    )
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:recobro:problem:rejects-expired")


async def test_an_amendment_gives_no_contract_to_another_customer_and_replaces_no_phone(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(
        portfolio_id,
        row("C-1", 1, debtor_number="K1", debtor_name="Ana"),
        row("C-1", 2, debtor_number="K1", due_date=BAD),
        row("C-2", 1, debtor_number="K1"),
    )
    amendment = await by_hand(
        service,
        file,
        row("C-1", 2, debtor_number="K1", debtor_name="Otra", phone_1="5555123456", tax_id="SOLA800101AB1"),
        row("C-2", 2, debtor_number="K2"),
    )
    assert await set_aside(service, amendment) == [("C-2", "other_customer")]
    contract = await service.contract(portfolio_id, "C-1")
    assert {point["value"] for point in contract["contact_points"]} == {"+529995194875", "+525555123456"}
    assert (contract["debtor"]["name"], contract["debtor"]["tax_id"]) == ("Ana", "SOLA800101AB1")
    assert instalments(await service.contract(portfolio_id, "C-2")) == {1: "100.00"}


async def test_a_row_of_another_file_is_rejected(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    one = await service.load(portfolio_id, row("C-1", 1), row("C-1", 2, due_date=BAD))
    other = await service.load(portfolio_id, row("C-2", 1), row("C-2", 2, due_date=BAD), as_of="2026-09-11")
    text = (await service.client.get(f"/v1/files/{other['file_id']}/rejects")).content.replace(
        BAD.encode(), b"2026-07-01"
    )
    amendment = await amended(service, portfolio_id, text, mode="amend", amends=one["file_id"])
    assert (amendment["rows_accepted"], amendment["rows_rejected"]) == (0, 1)
    [_, line] = await service.rejects(amendment["file_id"])
    assert "(other_file)" in line[1]


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"mode": "amend"}, 422, "amends-unknown"),
        ({"mode": "amend", "amends": str(uuid4())}, 422, "amends-unknown"),
        ({"mode": "snapshot", "amends": "FILE"}, 422, "amendment-as-snapshot"),
        ({"mode": "amend", "amends": "FILE", "as_of": "2026-09-11"}, 422, "as-of-of-amended-file"),
        ({"mode": "amend", "amends": "FAILED"}, 409, "not-loaded"),
    ],
)
async def test_an_amendment_of_which_it_is_not_clear_what_it_amends_is_refused(
    service: ServiceClient, parameters: dict[str, str], status: int, code: str
) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row("C-1", 1))
    failed = await service.load(portfolio_id, as_of="2026-09-11")
    ids = {"FILE": file["file_id"], "FAILED": failed["file_id"]}
    answer = await service.client.post(
        f"/v1/portfolios/{portfolio_id}/files",
        params={name: ids.get(value, value) for name, value in parameters.items()},
        content=csv_of(row("C-1", 2)),
    )
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:recobro:problem:{code}")
    assert instalments(await service.contract(portfolio_id, "C-1")) == {1: "100.00"}


async def test_the_case_of_the_corrected_reject(service: ServiceClient) -> None:
    """The one corrected row of a contract with three, with its own header and no other sign of its file."""
    portfolio_id = await service.portfolio()
    days = ("01/09/2026", "31/09/2026", "01/11/2026")
    file = await service.load(
        portfolio_id, *(row("J-1", n, due_date=day, debtor_number="K1") for n, day in enumerate(days, 1))
    )
    assert (await service.contract(portfolio_id, "J-1"))["total_balance"] == "200.00"
    await by_hand(service, file, row("J-1", 2, due_date="30/09/2026", debtor_number="K1"))
    contract = await service.contract(portfolio_id, "J-1")
    assert (contract["total_balance"], contract["incomplete"]) == ("300.00", False)
    assert contract["contract_id"] == str(uuid5(portfolio_id, "J-1"))


@pytest.mark.process
async def test_the_rejects_as_a_workbook_come_back_corrected(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row("=C-1"), row("000123", amount_due="x"), row("C-3", debtor_name=""))
    answer = await service.client.get(f"/v1/files/{file['file_id']}/rejects", params={"format": "xlsx"})
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    lines = [[cell.value for cell in line] for line in book.worksheets[0].iter_rows()]
    assert [line[0] for line in lines] == ["row_number", "2", "3", "4"]
    assert lines[1][2] == "=C-1"
    sheet = book.worksheets[0]
    sheet.cell(3, lines[0].index("amount_due") + 1).value = 12.5
    content = io.BytesIO()
    book.save(content)
    amended = await service.client.post(f"/v1/portfolios/{portfolio_id}/files", content=content.getvalue())
    assert (amended.status_code, amended.json()["amends"]) == (202, file["file_id"]), amended.text
    assert await service.loader.load_one()
    assert (await service.contract(portfolio_id, "000123"))["total_balance"] == "12.50"
