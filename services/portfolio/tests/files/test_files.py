"""Uploads of files, the uploads that are refused, the states of a file, and its rejected rows."""

import asyncio
import gzip
import io
import zipfile
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chassis.testing import mint
from portfolio.files import uploads
from portfolio.portfolios import portfolios
from portfolio_files import SAMPLE
from recobro_events.contracts.portfolio import ContractRegistered, PortfolioStateChanged
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row


async def test_an_uploaded_file_is_received_and_waits_its_turn(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    answer = await service.upload(portfolio_id, csv_of(row()), "2026-09-10")

    file = answer.json()
    assert answer.status_code == 202
    assert (file["status"], file["mode"], file["as_of"]) == ("received", "delta", "2026-09-10")
    assert (file["filename"], file["size_bytes"]) == ("cartera.csv", len(csv_of(row())))
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["state"] == "ready"


async def test_the_default_day_of_a_file_is_today_in_the_time_zone_of_the_portfolio(service: ServiceClient) -> None:
    async def today() -> date:
        [found] = await service.rows("SELECT (now() AT TIME ZONE 'America/Mexico_City')::date AS today")
        day: date = found["today"]
        return day

    portfolio_id, before = await service.portfolio(), await today()
    answer = await service.client.post(f"/v1/portfolios/{portfolio_id}/files", content=csv_of(row()))
    assert before <= date.fromisoformat(answer.json()["as_of"]) <= await today()


async def test_a_file_longer_than_a_part_is_kept_byte_for_byte(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    content = SAMPLE.read_bytes()
    file_id = UUID((await service.upload(portfolio_id, content, "2026-11-22")).json()["file_id"])

    parts = await service.rows("SELECT content FROM file_part WHERE file_id = $1 ORDER BY part", file_id)
    assert len(parts) == 3
    assert b"".join(part["content"] for part in parts) == content


async def test_a_repeated_upload_returns_the_same_file(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    first = await service.upload(portfolio_id, csv_of(row()), "2026-09-10")
    waiting = await service.upload(portfolio_id, csv_of(row()), "2026-09-10")
    await service.loader.load_one()
    loaded = await service.upload(portfolio_id, csv_of(row()), "2026-09-10")

    assert (waiting.status_code, loaded.status_code) == (200, 200)
    assert waiting.json()["file_id"] == loaded.json()["file_id"] == first.json()["file_id"]
    assert loaded.json()["status"] == "loaded"
    assert not await service.loader.load_one()
    assert len(await published(service.database, ContractRegistered)) == 1


@pytest.mark.parametrize("change", ["mode", "as_of", "content"])
async def test_another_mode_day_or_content_is_another_file(service: ServiceClient, change: str) -> None:
    portfolio_id = await service.portfolio()
    first = await service.upload(portfolio_id, csv_of(row()), "2026-09-10")
    second = await service.upload(
        portfolio_id,
        csv_of(row(amount_due="2.00")) if change == "content" else csv_of(row()),
        "2026-09-11" if change == "as_of" else "2026-09-10",
        "snapshot" if change == "mode" else "delta",
    )

    assert second.status_code == 202
    assert second.json()["file_id"] != first.json()["file_id"]


async def test_two_uploads_of_the_same_bytes_at_once_are_one_file(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    async with service.database.transaction() as tx:
        await portfolios.locked(tx, portfolio_id)
        uploads = [asyncio.create_task(service.upload(portfolio_id, csv_of(row()), "2026-09-10")) for _ in range(2)]
        await service.until_waiting(2)
    answers = await asyncio.gather(*uploads)

    assert sorted(answer.status_code for answer in answers) == [200, 202]
    assert len({answer.json()["file_id"] for answer in answers}) == 1
    assert len(await service.rows("SELECT FROM file_part")) == 1


async def test_a_failed_file_is_tried_again_and_keeps_its_id(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    broken = csv_of(row()) + b'"' + b"x" * 1_100_000
    first = await service.upload(portfolio_id, broken, "2026-09-10")
    await service.loader.load_one()
    failed = await service.file(first.json()["file_id"])
    assert (failed["status"], failed["error_code"]) == ("failed", "line_too_long")
    assert "longer than" in failed["error"]
    assert await service.rows("SELECT FROM file_part") == []

    again = await service.upload(portfolio_id, broken, "2026-09-10")
    assert again.status_code == 202
    assert (again.json()["file_id"], again.json()["status"]) == (failed["file_id"], "received")
    assert again.json()["error"] is None
    assert await service.loader.load_one()


async def test_a_file_that_cannot_be_read_changes_nothing(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.upload(portfolio_id, csv_of(), "2026-09-10")
    await service.loader.load_one()

    assert [state.version for state in await published(service.database, PortfolioStateChanged)] == [1]
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["business_date"] is None


async def test_a_file_older_than_the_last_loaded_one_is_refused(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row())
    older = await service.upload(portfolio_id, csv_of(row(amount_due="2.00")), "2026-09-09")
    same_day = await service.upload(portfolio_id, csv_of(row(amount_due="2.00")), "2026-09-10")

    assert older.status_code == 409
    assert older.json()["type"].endswith("older-file")
    assert older.json()["loaded_as_of"] == "2026-09-10"
    assert same_day.status_code == 202
    assert len(await service.rows("SELECT FROM file")) == 2
    assert len({found["file_id"] for found in await service.rows("SELECT file_id FROM file_part")}) == 1


async def test_a_portfolio_has_a_most_of_waiting_files(service: ServiceClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "WAITING_FILES", 2)
    portfolio_id, other = await service.portfolio(), await service.portfolio()
    answers = [await service.upload(portfolio_id, csv_of(row(amount_due=f"{n}.00")), "2026-09-10") for n in range(1, 4)]

    assert [answer.status_code for answer in answers] == [202, 202, 409]
    assert answers[2].json()["type"].endswith("too-many-files")
    assert (await service.upload(other, csv_of(row()), "2026-09-10")).status_code == 202
    await service.loader.load_one()
    assert (await service.upload(portfolio_id, csv_of(row(amount_due="3.00")), "2026-09-10")).status_code == 202


async def test_a_file_that_became_older_while_it_waited_fails(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.upload(portfolio_id, csv_of(row()), "2026-09-11")
    behind = await service.upload(portfolio_id, csv_of(row()), "2026-09-10")
    await service.loader.load_one()
    await service.loader.load_one()

    assert (await service.file(behind.json()["file_id"]))["error_code"] == "older_file"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 and so on", "unsupported-type"),
        (b"a,b,c\n1,2,3\n", "no-header"),
        (b"contract_number,debtor_name,due_date\n", "missing-columns"),
        (b"contract_number,debtor_name,due_date,amount_due,amount_due\n", "repeated-columns"),
    ],
)
async def test_a_file_with_a_bad_head_is_refused_at_upload(service: ServiceClient, content: bytes, code: str) -> None:
    answer = await service.upload(await service.portfolio(), content, "2026-09-10")

    assert answer.status_code == 422
    assert answer.json()["type"].rpartition(":")[2] == code
    assert await service.rows("SELECT FROM file") == await service.rows("SELECT FROM file_part") == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"mode": "both"},
        {"as_of": "31/02/2026"},
        {"as_of": "2026-02-31"},
        {"as_of": "9999-01-01"},
        {"filename": "\u202e"},
    ],
)
async def test_bad_parameters_of_an_upload_are_refused(service: ServiceClient, parameters: dict[str, str]) -> None:
    path = f"/v1/portfolios/{await service.portfolio()}/files"
    answer = await service.client.post(path, params=parameters, content=csv_of(row()))

    assert answer.status_code == 422
    assert await service.rows("SELECT FROM file") == []


async def test_a_file_for_a_portfolio_that_does_not_exist_is_not_found(service: ServiceClient) -> None:
    answer = await service.upload(uuid4(), csv_of(row()), "2026-09-10")
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (404, "portfolio-unknown")


async def test_an_idempotency_key_detects_another_file(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    key: dict[str, Any] = {"Idempotency-Key": "k-1"}
    first = await service.upload(portfolio_id, csv_of(row()), "2026-09-10", **key)
    again = await service.upload(portfolio_id, csv_of(row()), "2026-09-10", **key)
    other = await service.upload(portfolio_id, csv_of(row(amount_due="2.00")), "2026-09-10", **key)

    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 422)
    assert len(await service.rows("SELECT FROM file")) == 1


async def test_rejects_are_a_csv_for_people_with_every_problem_of_a_row(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    rows = [row(), row("=1+1", amount_due="x", due_date="31/02/2026"), row("", debtor_name="")]
    file = await service.load(portfolio_id, *rows)

    answer = await service.client.get(f"/v1/files/{file['file_id']}/rejects")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["content-type"].startswith("text/csv")
    header, first, second = await service.rejects(file["file_id"])
    assert header[:4] == ["row_number", "errors", "contract_number", "debtor_number"]
    assert (first[0], first[2]) == ("3", "'=1+1")
    assert "(bad_date)" in first[1]
    assert "(bad_amount)" in first[1]
    assert second[0] == "4"
    assert "contract_number: is empty (no_contract); debtor_name: is empty (no_name)" in second[1]


async def test_rejects_of_more_than_one_page_are_complete(service: ServiceClient) -> None:
    rows = [row("C-1", n, amount_due="x") for n in range(1, 4_501)]
    file = await service.load(await service.portfolio(), *rows)

    lines = await service.rejects(file["file_id"])
    assert [int(line[0]) for line in lines[1:]] == list(range(2, 4_502))


async def test_rejects_of_a_file_that_has_not_been_read_are_a_conflict(service: ServiceClient) -> None:
    file = (await service.upload(await service.portfolio(), csv_of(row()), "2026-09-10")).json()
    answer = await service.client.get(f"/v1/files/{file['file_id']}/rejects")
    assert answer.status_code == 409


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_files_are_listed_in_the_order_of_upload_or_turned(service: ServiceClient, order: str) -> None:
    portfolio_id = await service.portfolio()
    uploaded = [
        (await service.upload(portfolio_id, csv_of(row()), f"2026-09-{day}")).json()["file_id"] for day in (10, 11, 12)
    ]
    other = (await service.upload(await service.portfolio(), csv_of(row()), "2026-09-10")).json()["file_id"]

    async def listed(path: str, **wanted: str) -> list[str]:
        first = await service.get(path, limit=2, order=order, **wanted)
        if first["next_cursor"] is None:
            return [file["file_id"] for file in first["items"]]
        rest = await service.get(path, limit=2, order=order, cursor=first["next_cursor"], **wanted)
        assert rest["next_cursor"] is None
        return [file["file_id"] for file in [*first["items"], *rest["items"]]]

    turn = slice(None, None, 1 if order == "asc" else -1)
    assert await listed(f"/v1/portfolios/{portfolio_id}/files") == uploaded[turn]
    assert await listed("/v1/files") == [*uploaded, other][turn]
    assert await service.loader.load_one()
    assert await listed("/v1/files", status="loaded") == uploaded[:1]
    assert await listed("/v1/files", status="received") == [*uploaded[1:], other][turn]
    assert await listed("/v1/files", status="received", portfolio_id=str(portfolio_id)) == uploaded[1:][turn]
    assert (await service.client.get("/v1/files", params={"status": "lost"})).status_code == 422


@pytest.mark.parametrize("path", ["", "/rejects"])
async def test_an_unknown_file_is_not_found(service: ServiceClient, path: str) -> None:
    answer = await service.client.get(f"/v1/files/{uuid4()}{path}")
    assert answer.status_code == 404
    confirmed = await service.client.post(f"/v1/files/{uuid4()}/confirmation", json={"accept": True})
    assert confirmed.status_code == 404


async def test_a_file_that_does_not_wait_for_confirmation_cannot_be_confirmed(service: ServiceClient) -> None:
    file = await service.load(await service.portfolio(), row())
    answer = await service.client.post(f"/v1/files/{file['file_id']}/confirmation", json={"accept": True})
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "nothing-to-confirm")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_files_need_their_scope(service: ServiceClient, method: str) -> None:
    token = mint(["dialer-feed:read", "dialer-feed:write"])
    path = f"/v1/portfolios/{await service.portfolio()}/files"
    answer: httpx.Response = await service.client.request(
        method, path, headers={"Authorization": f"Bearer {token}"}, content=csv_of(row()) if method == "POST" else None
    )
    assert answer.status_code == 403


BOOK = ("[Content_Types].xml", "xl/workbook.xml")


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name in names:
            packed.writestr(name, "<x/>")
    return content.getvalue()


@pytest.mark.process
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (archive(*BOOK, "xl/vbaProject.bin"), "macro"),
        (archive(*BOOK, "xl/externalLinks/externalLink1.xml"), "external-links"),
        (archive(*BOOK)[:200], "unsupported-type"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (gzip.compress(bytes(50_000_000), mtime=0), "bomb"),
    ],
    ids=["macro", "links", "damaged", "password", "bomb"],
)
async def test_a_bad_workbook_or_archive_is_refused_at_upload_and_leaves_nothing(
    service: ServiceClient, content: bytes, code: str
) -> None:
    path = f"/v1/portfolios/{await service.portfolio()}/files"
    answer = await service.client.post(path, content=content, headers={"Accept-Language": "pt-BR"})
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, code)
    assert " the " not in answer.json()["detail"]
    assert await service.rows("SELECT FROM file") == await service.rows("SELECT FROM file_part") == []
