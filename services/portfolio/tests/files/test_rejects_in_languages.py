"""Rejected rows in the reader's language: every reason is translated, and each file can be sent back as it is."""

import csv
import io
import re
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from chassis.languages import Language
from portfolio.files.file_sentences import SENTENCES
from portfolio.files.landing_queries import REFUSE_CLOSED
from portfolio.files.reader.checks import amendment_checks, checks, code_page_checks
from portfolio.files.rejects import HEADERS
from portfolio.tabular import csv as tabular_csv
from portfolio.tabular.profiles import FILE_COLUMNS, OUR_COLUMNS, column_named
from portfolio.tabular.records import FileHead
from service_client import ServiceClient, row

BAD = "32/13/2026"
_VALUE = re.compile(r"{(\w+)}")


def reasons() -> set[str]:
    """Every reason that a rejected row may have, with any values."""
    found = set()
    without_numbers = tuple(name for name in FILE_COLUMNS if name != "instalment_number")
    for columns in (FILE_COLUMNS, without_numbers, (*FILE_COLUMNS, "instalment_count", "frequency")):
        head = FileHead(",", columns, columns)
        found |= {check.reason for check in (*checks(head), *code_page_checks(head), *amendment_checks(uuid4()))}
    source = Path(tabular_csv.__file__).read_text(encoding="utf-8")
    faults = re.findall(r'Fault\("[a-z_]+", f?"([^"]+)"\)', source)
    assert len(faults) == source.count("Fault(") == 7
    found |= {re.sub(r"{[^}]+}", "12", fault) for fault in faults}
    erased, closed = re.findall(r"(?:THEN|ELSE) '(belongs [^']+)'", REFUSE_CLOSED)
    return found | {erased} | {closed + state for state in ("returned", "written off")}


def test_every_reason_is_said_in_every_language() -> None:
    assert [reason for reason in reasons() if not SENTENCES.knows(reason)] == []
    for sentence, said in SENTENCES.translations.items():
        assert said.keys() == {Language.ES, Language.PT}, sentence
        for text in said.values():
            assert text, sentence
            assert sorted(_VALUE.findall(text)) == sorted(_VALUE.findall(sentence)), sentence


def test_our_headers_in_every_language_are_known_when_they_come_back() -> None:
    for headers in HEADERS.values():
        assert tuple(column_named(header) for header in headers) == OUR_COLUMNS


LOCALES = [
    ("es-MX", ",", "Motivos de rechazo", "due_date: es un día que no existe en el calendario (bad_date)"),
    ("es-ES", ";", "Motivos de rechazo", "due_date: es un día que no existe en el calendario (bad_date)"),
    ("pt-BR", ";", "Motivos da rejeição", "due_date: é um dia que não existe no calendário (bad_date)"),
    ("en-GB", ",", "errors", "due_date: is a day that the calendar does not have (bad_date)"),
]


@pytest.mark.parametrize(("accepted", "separator", "header", "reason"), LOCALES)
async def test_rejects_are_in_the_readers_language_and_come_back_as_they_are_once_corrected(
    service: ServiceClient, accepted: str, separator: str, header: str, reason: str
) -> None:
    portfolio_id = await service.portfolio()
    bad = row("000123", due_date=BAD, postal_code="04000", state="", phone_1="+525512345678", exterior="3-4")
    file = await service.load(portfolio_id, row("C-2"), bad)
    answer = await service.client.get(f"/v1/files/{file['file_id']}/rejects", headers={"Accept-Language": accepted})
    assert answer.headers["content-language"] == accepted[:2]
    names, line = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=separator)
    assert (names[1], line[1]) == (header, reason)
    cells = dict(zip(names, line, strict=True))
    assert (cells["contract_number"], cells["postal_code"]) == ('="000123"', '="04000"')
    assert (cells["phone_1"], cells["exterior"]) == ('="+525512345678"', '="3-4"')

    corrected = answer.content.replace(f'"=""{BAD}"""'.encode(), b"2026-08-01", 1)
    assert corrected != answer.content
    for content in (corrected, as_saved_by_excel(corrected, separator)):
        path = f"/v1/portfolios/{portfolio_id}/files"
        sent = await service.client.post(path, params={"filename": "r.csv"}, content=content)
        assert (sent.status_code, sent.json()["amends"]) == (202, file["file_id"]), sent.text
        assert await service.loader.load_one()
        assert (await service.file(sent.json()["file_id"]))["rows_accepted"] == 1
    await is_whole(service, portfolio_id)


def as_saved_by_excel(content: bytes, separator: str) -> bytes:
    """The file as Excel saves it: formulas such as ="04000" as their text."""
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator)
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(
        [re.sub(r'^="(.*)"$', r"\1", cell) for cell in line] for line in rows
    )
    return text.getvalue().encode("utf-8-sig")


async def is_whole(service: ServiceClient, portfolio_id: UUID) -> None:
    contract: dict[str, Any] = await service.contract(portfolio_id, "000123")
    [address] = contract["addresses"]
    assert (address["postal_code"], address["exterior"]) == ("04000", "3-4")
    assert "+525512345678" in [point["value"] for point in contract["contact_points"]]
