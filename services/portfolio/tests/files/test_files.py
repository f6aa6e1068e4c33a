"""Uploading files, what is refused at once, what becomes of a file, and its rejects."""

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest
from chassis.testing import mint
from portfolio.portfolios import portfolios
from portfolio_files import SAMPLE
from recobro_events.contracts.portfolio import ContractRegistered, PortfolioStateChanged
from recobro_events.testing import published
from service_client import Desk, csv_of, row


async def test_an_uploaded_file_is_received_and_waits_its_turn(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    answer = await desk.upload(portfolio_id, csv_of(row()), "2026-09-10")

    file = answer.json()
    assert answer.status_code == 202
    assert (file["status"], file["mode"], file["as_of"]) == ("received", "delta", "2026-09-10")
    assert (file["filename"], file["size_bytes"]) == ("cartera.csv", len(csv_of(row())))
    assert (await desk.get(f"/v1/portfolios/{portfolio_id}"))["state"] == "ready"


async def test_the_day_of_a_file_is_today_where_the_portfolio_is_unless_told(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    answer = await desk.client.post(f"/v1/portfolios/{portfolio_id}/files", content=csv_of(row()))

    [found] = await desk.rows("SELECT (now() AT TIME ZONE 'America/Mexico_City')::date AS today")
    assert answer.json()["as_of"] == found["today"].isoformat()


async def test_a_file_longer_than_a_part_is_kept_byte_for_byte(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    content = SAMPLE.read_bytes()
    file_id = UUID((await desk.upload(portfolio_id, content, "2026-11-22")).json()["file_id"])

    parts = await desk.rows("SELECT content FROM file_part WHERE file_id = $1 ORDER BY part", file_id)
    assert len(parts) == 3
    assert b"".join(part["content"] for part in parts) == content


async def test_the_same_upload_again_finds_the_same_file(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    first = await desk.upload(portfolio_id, csv_of(row()), "2026-09-10")
    waiting = await desk.upload(portfolio_id, csv_of(row()), "2026-09-10")
    await desk.loader.load_one()
    loaded = await desk.upload(portfolio_id, csv_of(row()), "2026-09-10")

    assert (waiting.status_code, loaded.status_code) == (200, 200)
    assert waiting.json()["file_id"] == loaded.json()["file_id"] == first.json()["file_id"]
    assert loaded.json()["status"] == "loaded"
    assert not await desk.loader.load_one()
    assert len(await published(desk.database, ContractRegistered)) == 1


@pytest.mark.parametrize("change", ["mode", "as_of", "content"])
async def test_another_mode_day_or_content_is_another_file(desk: Desk, change: str) -> None:
    portfolio_id = await desk.portfolio()
    first = await desk.upload(portfolio_id, csv_of(row()), "2026-09-10")
    second = await desk.upload(
        portfolio_id,
        csv_of(row(amount_due="2.00")) if change == "content" else csv_of(row()),
        "2026-09-11" if change == "as_of" else "2026-09-10",
        "snapshot" if change == "mode" else "delta",
    )

    assert second.status_code == 202
    assert second.json()["file_id"] != first.json()["file_id"]


async def test_two_uploads_of_the_same_bytes_at_once_are_one_file(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    async with desk.database.transaction() as tx:
        await portfolios.locked(tx, portfolio_id)
        uploads = [asyncio.create_task(desk.upload(portfolio_id, csv_of(row()), "2026-09-10")) for _ in range(2)]
        await desk.until_waiting(2)
    answers = await asyncio.gather(*uploads)

    assert sorted(answer.status_code for answer in answers) == [200, 202]
    assert len({answer.json()["file_id"] for answer in answers}) == 1
    assert len(await desk.rows("SELECT FROM file_part")) == 1


async def test_a_failed_file_is_tried_again_and_keeps_its_id(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    broken = csv_of(row()) + b'"' + b"x" * 1_100_000
    first = await desk.upload(portfolio_id, broken, "2026-09-10")
    await desk.loader.load_one()
    failed = await desk.file(first.json()["file_id"])
    assert (failed["status"], failed["error_code"]) == ("failed", "line_too_long")
    assert "longer than" in failed["error"]
    assert await desk.rows("SELECT FROM file_part") == []

    again = await desk.upload(portfolio_id, broken, "2026-09-10")
    assert again.status_code == 202
    assert (again.json()["file_id"], again.json()["status"]) == (failed["file_id"], "received")
    assert again.json()["error"] is None
    assert await desk.loader.load_one()


async def test_a_file_that_cannot_be_read_changes_nothing(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    await desk.upload(portfolio_id, csv_of(), "2026-09-10")
    await desk.loader.load_one()

    assert [state.version for state in await published(desk.database, PortfolioStateChanged)] == [1]
    assert (await desk.get(f"/v1/portfolios/{portfolio_id}"))["business_date"] is None


async def test_a_file_older_than_the_last_loaded_one_is_refused(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    await desk.load(portfolio_id, row())
    older = await desk.upload(portfolio_id, csv_of(row(amount_due="2.00")), "2026-09-09")
    same_day = await desk.upload(portfolio_id, csv_of(row(amount_due="2.00")), "2026-09-10")

    assert older.status_code == 409
    assert older.json()["type"].endswith("older-file")
    assert older.json()["loaded_as_of"] == "2026-09-10"
    assert same_day.status_code == 202
    assert len(await desk.rows("SELECT FROM file")) == 2
    assert len({found["file_id"] for found in await desk.rows("SELECT file_id FROM file_part")}) == 1


async def test_a_file_that_became_older_while_it_waited_fails(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    await desk.upload(portfolio_id, csv_of(row()), "2026-09-11")
    behind = await desk.upload(portfolio_id, csv_of(row()), "2026-09-10")
    await desk.loader.load_one()
    await desk.loader.load_one()

    assert (await desk.file(behind.json()["file_id"]))["error_code"] == "older_file"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 and so on", "unsupported-type"),
        (b"a,b,c\n1,2,3\n", "missing-columns"),
        (b"contract_number,debtor_name,due_date,amount_due,amount_due\n", "repeated-columns"),
        (b"contract_number,debtor_name,due_date,amount_due,shoe_size\n", "unknown-columns"),
    ],
)
async def test_what_its_head_tells_is_refused_at_once(desk: Desk, content: bytes, code: str) -> None:
    answer = await desk.upload(await desk.portfolio(), content, "2026-09-10")

    assert answer.status_code == 422
    assert answer.json()["type"].rpartition(":")[2] == code
    assert await desk.rows("SELECT FROM file") == await desk.rows("SELECT FROM file_part") == []


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
async def test_bad_parameters_of_an_upload_are_refused(desk: Desk, parameters: dict[str, str]) -> None:
    path = f"/v1/portfolios/{await desk.portfolio()}/files"
    answer = await desk.client.post(path, params=parameters, content=csv_of(row()))

    assert answer.status_code == 422
    assert await desk.rows("SELECT FROM file") == []


async def test_a_file_for_a_portfolio_that_does_not_exist_is_not_found(desk: Desk) -> None:
    answer = await desk.upload(uuid4(), csv_of(row()), "2026-09-10")
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (404, "portfolio-unknown")


async def test_an_idempotency_key_detects_another_file(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    key = {"Idempotency-Key": "k-1"}
    first = await desk.upload(portfolio_id, csv_of(row()), "2026-09-10", **key)
    again = await desk.upload(portfolio_id, csv_of(row()), "2026-09-10", **key)
    other = await desk.upload(portfolio_id, csv_of(row(amount_due="2.00")), "2026-09-10", **key)

    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 422)
    assert len(await desk.rows("SELECT FROM file")) == 1


async def test_rejects_are_a_csv_for_people_with_every_problem_of_a_row(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    rows = [row(), row("=1+1", amount_due="x", due_date="31/02/2026"), row("", debtor_name="")]
    file = await desk.load(portfolio_id, *rows)

    answer = await desk.client.get(f"/v1/files/{file['file_id']}/rejects")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["content-type"].startswith("text/csv")
    header, first, second = await desk.rejects(file["file_id"])
    assert header[:4] == ["row_number", "errors", "contract_number", "debtor_number"]
    assert (first[0], first[2]) == ("3", "'=1+1")
    assert "(bad_date)" in first[1]
    assert "(bad_amount)" in first[1]
    assert second[0] == "4"
    assert "contract_number: is empty (no_contract); debtor_name: is empty (no_name)" in second[1]


async def test_more_rejects_than_a_page_are_all_there(desk: Desk) -> None:
    rows = [row("C-1", n, amount_due="x") for n in range(1, 4_501)]
    file = await desk.load(await desk.portfolio(), *rows)

    lines = await desk.rejects(file["file_id"])
    assert [int(line[0]) for line in lines[1:]] == list(range(2, 4_502))


async def test_rejects_of_a_file_that_has_not_been_read_are_a_conflict(desk: Desk) -> None:
    file = (await desk.upload(await desk.portfolio(), csv_of(row()), "2026-09-10")).json()
    answer = await desk.client.get(f"/v1/files/{file['file_id']}/rejects")
    assert answer.status_code == 409


async def test_the_files_of_a_portfolio_are_listed_the_last_first(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    uploaded = [
        (await desk.upload(portfolio_id, csv_of(row()), f"2026-09-{day}")).json()["file_id"] for day in (10, 11, 12)
    ]
    await desk.upload(await desk.portfolio(), csv_of(row()), "2026-09-10")

    path = f"/v1/portfolios/{portfolio_id}/files"
    first = await desk.get(path, limit=2)
    rest = await desk.get(path, limit=2, cursor=first["next_cursor"])
    assert [file["file_id"] for file in [*first["items"], *rest["items"]]] == uploaded[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("path", ["", "/rejects"])
async def test_an_unknown_file_is_not_found(desk: Desk, path: str) -> None:
    answer = await desk.client.get(f"/v1/files/{uuid4()}{path}")
    assert answer.status_code == 404
    confirmed = await desk.client.post(f"/v1/files/{uuid4()}/confirmation", json={"accept": True})
    assert confirmed.status_code == 404


async def test_only_what_waits_can_be_confirmed(desk: Desk) -> None:
    file = await desk.load(await desk.portfolio(), row())
    answer = await desk.client.post(f"/v1/files/{file['file_id']}/confirmation", json={"accept": True})
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "nothing-to-confirm")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_files_need_their_scope(desk: Desk, method: str) -> None:
    token = mint(["dialer-feed:read", "dialer-feed:write"])
    path = f"/v1/portfolios/{await desk.portfolio()}/files"
    answer: httpx.Response = await desk.client.request(
        method, path, headers={"Authorization": f"Bearer {token}"}, content=csv_of(row()) if method == "POST" else None
    )
    assert answer.status_code == 403
