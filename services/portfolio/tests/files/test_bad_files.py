"""Bad files, as clerks send them: each is refused, fails, or has its bad rows rejected, with a sentence in Spanish.

Nothing of what is refused is left behind.
"""

from typing import Any
from uuid import UUID

import httpx
import pytest
from portfolio.files.landing_queries import STAGING_TABLES
from service_client import ServiceClient

HEAD = "contract_number,debtor_name,due_date,amount_due,instalment_number\n"
GOOD = "B-1,Eva,2026-08-01,20.00,1\n"
SPANISH = {"Accept-Language": "es"}
KEPT = (*STAGING_TABLES, "file_reject", "file_part", "contract", "debtor", "instalment", "contact_point")

AT_THE_UPLOAD: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "empty"),
    "blank lines": ("\r\n \r\n", "empty"),
    "binary": (bytes(range(256)) * 20, "unsupported-type"),
    "PDF that is called CSV": (b"%PDF-1.7 and so on", "unsupported-type"),
    "image that is called CSV": (b"\x89PNG\r\n\x1a\n and so on", "unsupported-type"),
    "program": (b"\x7fELF\x02\x01\x01 and so on", "unsupported-type"),
    "nested JSON": ("[" * 5000 + "]" * 5000, "unsupported-type"),
    "page of the web": ("<html><body>Inicie su sesión</body></html>\n", "unsupported-type"),
    "missing columns": ("contract_number,debtor_name,due_date\nA-1,Ana,2026-08-01\n", "missing-columns"),
    "two headers with one name": (HEAD.replace("instalment_number", "amount_due") + GOOD, "repeated-columns"),
    "header of 100 kB": (HEAD.strip() + "," + "x" * 100_000 + "\n" + GOOD, "bad-header"),
    "600 columns": (HEAD.strip() + "".join(f",x{n}" for n in range(600)) + "\n" + GOOD, "too-wide"),
}
FAILS: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "header without rows": (HEAD, {}, "empty"),
    "two ways to read an amount": (HEAD + "A-1,Ana,2026-08-01,1.500,1\n", {}, "ambiguous_amounts"),
    "rows that lack": (HEAD + GOOD, {"control_rows": 2}, "control_totals_differ"),
    "amount that differs": (HEAD + GOOD, {"control_amount": "20.01"}, "control_totals_differ"),
    "trailer that differs": (HEAD + GOOD + "Total,2,,40.00,\n", {}, "control_totals_differ"),
    "line without an end": (HEAD + GOOD + "x" * 20_000_000, {}, "line_too_long"),
}
REJECTED: dict[str, tuple[str | bytes, str]] = {
    "NUL": ("A-1,An\0a,2026-08-01,1.00,1", "control_character"),
    "bidirectional character": ("A-1,An\u202ea,2026-08-01,1.00,1", "control_character"),
    "letters that were lost": ("A-1,Mu\ufffdoz,2026-08-01,1.00,1", "bad_encoding"),
    "number above int8": ("A-1,Ana,2026-08-01,1.00,99999999999999999999", "bad_instalment_number"),
    "NaN": ("A-1,Ana,2026-08-01,NaN,1", "bad_amount"),
    "Infinity": ("A-1,Ana,2026-08-01,Infinity,1", "bad_amount"),
    "1e400": ("A-1,Ana,2026-08-01,1e400,1", "bad_amount"),
    "huge exponent": ("A-1,Ana,2026-08-01,1e999999999,1", "bad_amount"),
    "true": ("A-1,Ana,2026-08-01,true,1", "bad_amount"),
    "1_000": ("A-1,Ana,2026-08-01,1_000,1", "bad_amount"),
    "negative amount": ("A-1,Ana,2026-08-01,-1.00,1", "negative_amount"),
    "zero": ("A-1,Ana,2026-08-01,0.00,1", "zero_amount"),
    "amount of 13 digits": ("A-1,Ana,2026-08-01,1234567890123.00,1", "bad_amount"),
    "no amount": ("A-1,Ana,2026-08-01,,1", "bad_amount"),
    "31/02": ("A-1,Ana,31/02/2026,1.00,1", "bad_date"),
    "year 0": ("A-1,Ana,0000-01-01,1.00,1", "bad_date"),
    "year 9999": ("A-1,Ana,9999-12-31,1.00,1", "bad_date"),
    "too few cells": ("A-1,Ana", "ragged"),
    "too many cells": ("A-1,Ana,2026-08-01,1.00,1,x,y", "ragged"),
    "formula for a number": ("=1+1,Ana,2026-08-01,1.00,1", "formula"),
    "error of a spreadsheet": ("A-1,#N/A,2026-08-01,1.00,1", "spreadsheet_error"),
    "lost digits": ("1.23457E+11,Ana,2026-08-01,1.00,1", "spreadsheet_number"),
    "long name": ("A-1," + "x" * 100_000 + ",2026-08-01,1.00,1", "too_long"),
    "quote that never ends": ('A-1,"Ana,2026-08-01,1.00,1', "bad_quotes"),
}


async def sent(service: ServiceClient, portfolio_id: UUID, content: str | bytes, **query: Any) -> httpx.Response:
    parameters: dict[str, str | bool] = {"as_of": "2026-09-10", "filename": "cartera.csv", "confirm_future": True}
    return await service.client.post(
        f"/v1/portfolios/{portfolio_id}/files",
        params=parameters | query,
        content=content.encode() if isinstance(content, str) else content,
        headers=SPANISH,
    )


async def left(service: ServiceClient) -> dict[str, int]:
    """How many rows of files and contracts there are, by table."""
    counted = {table: len(await service.rows(f"SELECT FROM {table}")) for table in KEPT}
    return {table: rows for table, rows in counted.items() if rows}


def is_spanish(sentence: str) -> bool:
    return sentence != "" and not {"the", "is", "of", "not"} & set(sentence.lower().split())


@pytest.mark.parametrize(("content", "code"), AT_THE_UPLOAD.values(), ids=AT_THE_UPLOAD)
async def test_a_file_that_cannot_be_a_portfolio_file_is_refused(
    service: ServiceClient, content: str | bytes, code: str
) -> None:
    answer = await sent(service, await service.portfolio(), content)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, code), answer.text
    assert is_spanish(answer.json()["detail"]), answer.text
    assert await left(service) == {}
    assert await service.rows("SELECT FROM file") == []


@pytest.mark.parametrize(("content", "query", "code"), FAILS.values(), ids=FAILS)
async def test_a_file_that_cannot_be_loaded_fails_and_says_what_to_do(
    service: ServiceClient, content: str | bytes, query: dict[str, Any], code: str
) -> None:
    answer = await sent(service, await service.portfolio(), content, **query)
    assert answer.status_code == 202, answer.text
    assert await service.loader.load_one()
    file = (await service.client.get(f"/v1/files/{answer.json()['file_id']}", headers=SPANISH)).json()
    assert (file["status"], file["error_code"]) == ("failed", code), file["error"]
    assert is_spanish(file["error"]), file["error"]
    assert await left(service) == {}


@pytest.mark.parametrize(("line", "code"), REJECTED.values(), ids=REJECTED)
async def test_a_bad_row_is_rejected_and_the_others_load(service: ServiceClient, line: str, code: str) -> None:
    portfolio_id = await service.portfolio()
    answer = await sent(service, portfolio_id, f"{HEAD}{GOOD}{line}\n")
    assert answer.status_code == 202, answer.text
    assert await service.loader.load_one()
    file_id = answer.json()["file_id"]
    file = await service.file(file_id)
    assert (file["status"], file["rows_accepted"], file["rows_rejected"]) == ("loaded", 1, 1), file["error"]
    told = await service.rows("SELECT jsonb_path_query_array(errors, '$[*].code')::text AS codes FROM file_reject")
    assert code in str(told[0]["codes"]), told
    rejects = await service.client.get(f"/v1/files/{file_id}/rejects", headers=SPANISH)
    [reject] = rejects.text.splitlines()[1:] or [""]
    assert is_spanish(reject.split('"')[1] if '"' in reject else reject), reject
    assert await left(service) == {"file_reject": 1, "contract": 1, "debtor": 1, "instalment": 1}
