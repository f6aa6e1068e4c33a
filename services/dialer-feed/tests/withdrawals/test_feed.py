"""The withdrawal feed has no gaps. Entries and feed together hold every contract of the list."""

import asyncio
import csv
import io
import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from chassis import long_poll
from dialer_feed.wakeups import LISTS
from dialer_feed.withdrawals import feed, silencing
from dialer_feed.withdrawals.silencing import live_lists
from dialer_feed.withdrawals.withdrawing import Cause
from dialing_contracts import Phone
from dialing_scene import DAY, Scene, blocked_on_a_lock
from fastapi import FastAPI
from recobro_events import Database
from recobro_events.contracts.dialer_feed import WithdrawalReason

Json = dict[str, Any]


async def feed_of(client: httpx.AsyncClient, list_id: uuid.UUID, **query: int) -> Json:
    answer = await client.get(f"/v1/lists/{list_id}/withdrawals", params=query)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def numbers_of(client: httpx.AsyncClient, list_id: uuid.UUID) -> tuple[list[str], int]:
    answer = await client.get(f"/v1/lists/{list_id}/entries")
    assert answer.status_code == 200, answer.text
    numbers = [json.loads(line)["contract_number"] for line in answer.text.splitlines()]
    return numbers, int(answer.headers["Recobro-Cursor"])


async def test_withdrawals_come_in_the_order_of_their_cursors(scene: Scene, client: httpx.AsyncClient) -> None:
    contracts = await scene.contracts(4)
    list_id = await scene.built()
    for contract in contracts[:3]:
        await scene.receives(contract.paid())

    whole = await feed_of(client, list_id)
    base = await scene.base(list_id)
    assert [item["cursor"] - base for item in whole["items"]] == [1, 2, 3]
    assert [item["contract_number"] for item in whole["items"]] == [c.number for c in contracts[:3]]
    assert whole["items"][0].keys() == {
        "cursor",
        "kind",
        "phones",
        "party_phones",
        "also",
        "contract_id",
        "contract_number",
        "reason",
        "caused_at",
        "withdrawn_at",
    }
    assert whole["next_cursor"] == base + 3
    assert await feed_of(client, list_id, after=base) == whole
    second = (await feed_of(client, list_id, after=base + 1, limit=1))["items"]
    assert [item["cursor"] for item in second] == [base + 2]
    assert await feed_of(client, list_id, after=base + 3) == {"items": [], "next_cursor": base + 3}


async def test_a_cursor_that_the_list_cannot_have_given_is_refused(scene: Scene, client: httpx.AsyncClient) -> None:
    """Yesterday's cursor on today's list once skipped its first withdrawals. 0 means from the beginning."""
    contracts = await scene.contracts(3)
    yesterday = await scene.built()
    await scene.receives(*(contract.paid() for contract in contracts[:2]))
    last = (await feed_of(client, yesterday))["next_cursor"]
    await scene.portfolio(business_date=DAY + timedelta(days=1))
    today = await scene.built(DAY + timedelta(days=1))
    await scene.receives(contracts[2].paid())

    async def refusal(list_id: uuid.UUID, after: int) -> tuple[int, str, int]:
        answer = await client.get(f"/v1/lists/{list_id}/withdrawals", params={"after": after})
        return answer.status_code, answer.json()["type"].rpartition(":")[2], answer.json()["last"]

    newest = await scene.base(today) + 1
    assert await refusal(today, last) == (422, "cursor-of-another-list", newest)
    assert await refusal(today, 1) == (422, "cursor-of-another-list", newest)
    assert await refusal(yesterday, newest) == (422, "cursor-beyond-last", last)
    assert await refusal(today, newest + 1) == (422, "cursor-beyond-last", newest)
    assert await refusal(today, 2**63 - 1) == (422, "cursor-beyond-last", newest)
    [item] = (await feed_of(client, today, after=0))["items"]
    assert (item["cursor"], item["contract_number"]) == (newest, contracts[2].number)


async def test_the_bases_of_lists_lie_ten_million_apart_and_old_lists_keep_theirs(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    lists = [await scene.built(campaign_id=await scene.campaign()) for _ in range(4)]
    bases = [await scene.base(list_id) for list_id in lists]
    assert all(0 < base < 2**53 and base % 10_000_000 == 0 for base in bases)
    assert bases == sorted(set(bases))

    await scene.execute("UPDATE dialing_list SET cursor_base = 0, last_cursor = 0 WHERE list_id = $1", lists[0])
    await scene.receives(contract.paid())
    assert [(await feed_of(client, list_id))["next_cursor"] for list_id in lists] == [
        1,
        *(base + 1 for base in bases[1:]),
    ]


async def test_bases_go_on_after_those_that_a_restore_has_lost(scene: Scene) -> None:
    """A restored database knows the base of an older list only. The clock keeps the lost bases from coming again."""
    await scene.execute("INSERT INTO cursor_base (newest) VALUES (10000000)")
    await scene.contracts(1)
    assert await scene.base(await scene.built()) > 2_900_000_000_000_000


@pytest.fixture
def dialer_waits(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """An event that is set once a dialer has found nothing and waits."""
    waits = asyncio.Event()

    async def polled(look: Callable[[], Awaitable[Any]], *how: Any, **limits: Any) -> Any:
        async def looked() -> Any:
            found = await look()
            waits.set()
            return found

        return await long_poll(looked, *how, **limits)

    monkeypatch.setattr(feed, "long_poll", polled)
    return waits


async def test_a_withdrawal_wakes_a_waiting_dialer_at_once(
    scene: Scene, client: httpx.AsyncClient, dialer_waits: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dialer is woken. The next look of its own would come too late here."""
    monkeypatch.setattr("chassis.long_polls._POLL_SECONDS", 60)
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    waiting = asyncio.create_task(feed_of(client, list_id, wait=60))
    await asyncio.wait_for(dialer_waits.wait(), 240)
    await scene.receives(contract.paid())
    page = await asyncio.wait_for(waiting, 240)
    assert [item["contract_number"] for item in page["items"]] == [contract.number]


async def test_a_withdrawal_wakes_the_tasks_that_wait_for_its_list(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    mine, other = LISTS.waiter(list_id), LISTS.waiter(uuid.uuid4())
    await scene.receives(contract.paid())
    assert (mine.done(), other.done()) == (True, False)
    other.cancel()


async def test_a_waiting_dialer_holds_no_connection(scene: Scene) -> None:
    """Two dialers wait on a pool of one connection, and the connection is free meanwhile."""
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    one = Database(scene.database.dsn, max_connections=1)
    await one.open()
    stopping = asyncio.Event()
    waiting = [asyncio.create_task(feed.withdrawals(one, list_id, 0, 10, 20, stopping)) for _ in range(2)]
    for _ in range(5):
        await asyncio.sleep(0)
        async with one.connection() as connection:
            assert await connection.fetchval("SELECT 1") == 1
    await scene.receives(contract.paid())
    for rows in await asyncio.gather(*waiting):
        assert [row["contract_number"] for row in rows] == [contract.number]
    await one.close()


async def test_a_waiting_request_ends_when_the_process_stops(
    scene: Scene,
    client: httpx.AsyncClient,
    app: FastAPI,
    dialer_waits: asyncio.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(app.state._state, "stopping", asyncio.Event())
    await scene.contracts(1)
    list_id = await scene.built()
    waiting = asyncio.create_task(feed_of(client, list_id, wait=60))
    await asyncio.wait_for(dialer_waits.wait(), 240)
    app.state.stopping.set()
    assert (await asyncio.wait_for(waiting, 240))["items"] == []


async def test_a_reader_of_the_feed_misses_no_cursor_under_concurrent_withdrawals(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    """Many transactions withdraw at once, in every order. A reader that follows the feed gets all withdrawals."""
    contracts = await scene.contracts(60)
    list_id = await scene.built()
    seen: list[Json] = []

    async def follow() -> None:
        cursor = 0
        while len(seen) < len(contracts):
            page = await feed_of(client, list_id, after=cursor, wait=10, limit=7)
            seen.extend(page["items"])
            cursor = page["next_cursor"]

    following = asyncio.create_task(follow())
    batches = [contracts[n::12] for n in range(12)]
    await asyncio.gather(*(scene.receives(*(c.paid() for c in batch)) for batch in batches))
    await asyncio.wait_for(following, 240)
    base = await scene.base(list_id)
    assert [item["cursor"] - base for item in seen] == list(range(1, 61))
    assert {item["contract_number"] for item in seen} == {c.number for c in contracts}


async def test_the_feed_shows_no_cursor_before_all_lower_cursors_are_committed(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    """The first transaction has a cursor but has not committed. The second waits, so no reader sees cursor 2 alone."""
    first, second = await scene.contracts(2)
    list_id = await scene.built()
    async with scene.database.transaction() as tx:
        await silencing.begin(tx)
        await silencing.lock(tx, [first.contract_id])
        await live_lists(tx).withdraw([Cause(first.contract_id, WithdrawalReason.OTHER, None, datetime.now(UTC))])
        await silencing.number(tx)
        late = asyncio.create_task(scene.receives(second.paid()))
        await blocked_on_a_lock(scene, "WITH held AS MATERIALIZED")
        assert (await feed_of(client, list_id))["items"] == []
    await late
    assert [item["contract_number"] for item in (await feed_of(client, list_id))["items"]] == [
        first.number,
        second.number,
    ]


async def test_the_entries_and_the_feed_after_their_cursor_hold_every_contract(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    """A contract withdrawn while the entries are streamed is not among them, or is in the feed after their cursor."""
    contracts = await scene.contracts(40)
    list_id = await scene.built()

    async def pay() -> None:
        for contract in contracts[:30]:
            await scene.receives(contract.paid())

    paying = asyncio.create_task(pay())
    while not paying.done():
        entries, cursor = await numbers_of(client, list_id)
        at_least = {row["contract_number"] for row in await scene.rows(_NUMBERED, list_id, cursor)}
        assert not at_least & set(entries), "a contract withdrawn up to the cursor is still an entry"
        after = {item["contract_number"] for item in (await feed_of(client, list_id, after=cursor))["items"]}
        before = {item["contract_number"] for item in (await feed_of(client, list_id))["items"]} - after
        assert set(entries) | after | before == {c.number for c in contracts}
    await paying
    entries, cursor = await numbers_of(client, list_id)
    assert (entries, cursor) == ([c.number for c in contracts[30:]], await scene.base(list_id) + 30)


_NUMBERED = "SELECT contract_number FROM list_entry WHERE list_id = $1 AND cursor <= $2"


async def test_an_entry_in_jsonl_has_phones_amounts_and_allowed_hours(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    answer = await client.get(f"/v1/lists/{list_id}/entries")
    assert answer.headers["content-type"].startswith("application/jsonl")
    assert answer.headers["Recobro-Cursor"] == str(await scene.base(list_id))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="list-{DAY}-{list_id}.jsonl"'
    [line] = answer.text.splitlines()
    assert json.loads(line) == {
        "contract_number": contract.number,
        "name": f"Debtor of {contract.number}",
        "phones": ["+525512345601", "+525512345602"],
        "party_phones": [],
        "overdue_balance": "1500.00",
        "days_past_due": 20,
        "callable_from": f"{DAY}T13:00:00Z",
        "callable_until": f"{DAY + timedelta(days=1)}T04:00:00Z",
        "timezone": "America/Mexico_City",
        "timezones": ["America/Mexico_City"],
        "also": [],
        "shared_number": [],
    }


async def test_entries_in_csv_open_in_a_spreadsheet_without_formulas(scene: Scene, client: httpx.AsyncClient) -> None:
    await scene.contracts(1, number="=C-1")
    list_id = await scene.built()
    answer = await client.get(f"/v1/lists/{list_id}/entries", params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["content-language"] == "en"
    [row] = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert [row["phone_1"], row["phone_2"]] == ["+525512345601", "+525512345602"]
    assert row["timezones"] == "America/Mexico_City"
    assert (row["callable_from_local"], row["callable_until_local"]) == (f"{DAY} 07:00", f"{DAY} 22:00")
    assert row["callable_from"] == f"{DAY}T13:00:00Z"
    assert row["contract_number"] == "'=C-1"
    assert row["overdue_balance"] == "1500.00"


@pytest.mark.parametrize(
    ("accepted", "language", "head", "line"),
    [
        (
            "es-MX,es;q=0.9",
            "es",
            "No. de contrato,Nombre,Saldo vencido,Días de atraso,Llamar desde (hora local)",
            '"=""000123""",Debtor of 000123,1500.00,20,',
        ),
        (
            "pt-BR",
            "pt",
            "Nº do contrato;Nome;Saldo vencido;Dias de atraso;Ligar a partir de (hora local)",
            '"=""000123""";Debtor of 000123;1500,00;20;',
        ),
        ("es-ES", "es", "No. de contrato;Nombre;", '"=""000123""";Debtor of 000123;1500,00;20;'),
    ],
)
async def test_entries_in_csv_are_written_for_the_reader_and_excel_keeps_their_texts(
    scene: Scene, client: httpx.AsyncClient, accepted: str, language: str, head: str, line: str
) -> None:
    await scene.contracts(1, number="000123")
    list_id = await scene.built()
    answer = await client.get(
        f"/v1/lists/{list_id}/entries", params={"format": "csv"}, headers={"Accept-Language": accepted}
    )
    assert answer.headers["content-language"] == language
    header, row = answer.content.decode("utf-8-sig").splitlines()
    assert header.startswith(head)
    assert header[-10:-1] == {"es": "Teléfono ", "pt": "Telefone "}[language]
    assert row.startswith(line)
    assert row.endswith('"=""+525512345602"""')


async def test_a_column_for_each_phone_of_the_longest_entry(scene: Scene, client: httpx.AsyncClient) -> None:
    many = [Phone(f"+52551234560{n}") for n in range(3)]
    one, other = scene.contract(phones=many), scene.contract(phones=many[:1])
    await scene.receives(one.registered(), other.registered())
    list_id = await scene.built()
    answer = await client.get(f"/v1/lists/{list_id}/entries", params={"format": "csv"})
    first, second = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert [first[f"phone_{n}"] for n in (1, 2, 3)] == [phone.value for phone in many]
    assert [second[f"phone_{n}"] for n in (1, 2, 3)] == [many[0].value, "", ""]


async def test_a_list_of_several_pages_streams_each_entry_once(scene: Scene, client: httpx.AsyncClient) -> None:
    contracts = await scene.contracts(2300)
    list_id = await scene.built()
    numbers, _ = await numbers_of(client, list_id)
    assert numbers == [c.number for c in contracts]
    answer = await client.get(f"/v1/lists/{list_id}/entries", params={"format": "csv"})
    assert len(answer.text.splitlines()) == 2301
    assert answer.text.count("contract_number") == 1


async def test_a_list_that_is_not_live_serves_no_entries(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    await scene.execute("UPDATE dialing_list SET live_until = now() - interval '1 second'")
    for file_format, lines in (("jsonl", 0), ("csv", 1)):
        answer = await client.get(f"/v1/lists/{list_id}/entries", params={"format": file_format})
        assert (answer.status_code, len(answer.text.splitlines())) == (200, lines)
    assert contract.number not in answer.text


@pytest.mark.parametrize("file_format", ["vicidial", "xlsx", ""])
async def test_an_unknown_format_is_refused(scene: Scene, client: httpx.AsyncClient, file_format: str) -> None:
    await scene.contracts(1)
    list_id = await scene.built()
    answer = await client.get(f"/v1/lists/{list_id}/entries", params={"format": file_format})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:recobro:problem:format-unknown")
