"""Faults without a dying process: an exhausted pool, unreadable records, every record appended again."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from faults import checker
from faults.checker import LISTENERS
from faults.findings import Finding
from faults.history import RECEIVED
from faults.ledger import Write
from faults.logs import LogRecord
from faults.waiting import until
from faults.world import World

PLACES = 8
_HELD = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
_LETTERS = "SELECT letter_id, key FROM dead_letters WHERE discarded_at IS NULL AND error IS NOT NULL ORDER BY letter_id"


async def exhaust_pool(world: World) -> None:
    """Hold every place of the portfolio for operators' requests. The next one soon gets a 503, and succeeds later."""
    held, other = world.random.sample(world.plan.payees, 2)
    blocker = await asyncpg.connect(world.books.dsns["portfolio"], timeout=10)
    transaction = blocker.transaction()
    await transaction.start()
    try:
        await blocker.execute("SELECT FROM contract WHERE contract_id = $1 FOR UPDATE", held)
        world.fault("pool exhausted")
        waiting = [asyncio.create_task(world.clients.finish(world.plan.payment(held))) for _ in range(PLACES + 2)]
        await until(lambda: _all_held(blocker), 30)
        write = world.plan.payment(other)
        answer = await _answer_to(world, write)
        if answer != "503":
            world.findings.append(Finding("answer", f"{answer}, not 503", "pool exhausted"))
    finally:
        await transaction.rollback()
        await blocker.close(timeout=10)
    await asyncio.gather(world.clients.finish(write), *waiting)


async def _all_held(blocker: Any) -> bool:
    return bool(await blocker.fetchval(_HELD) >= PLACES)


async def _answer_to(world: World, write: Write) -> str:
    try:
        return str((await world.clients.send(write)).status_code)
    except httpx.TransportError as error:
        return repr(error)


async def poison(world: World) -> None:
    """Plant records that no service can apply among the events of contracts.

    One is not JSON, one does not fit its event's schema, one is empty, one concerns another contract than its key.
    """
    paid = [record for record in await world.books.log.records() if record.headers.get("ce_type") == RECEIVED]
    chosen = {record.key: record for record in world.random.sample(paid, min(4, len(paid)))}
    another = next((record.value for record in paid if record.key not in chosen), b"")
    bodies = [b"\xff\x00 not JSON", b'{"amount": []}', b"", another]
    for body, (key, record) in zip(bodies, chosen.items(), strict=False):
        headers = {**record.headers, "ce_id": str(uuid4())}
        world.books.planted.add(headers["ce_id"])
        world.fault("poison")
        await world.books.log.append([LogRecord(record.topic, record.partition, 0, key, headers, body)])


async def heal(world: World) -> None:
    """Check that every consumer has set aside only the planted records. Discard them, and replay the rest."""
    await checker.settled(world.books)
    planted = world.faults.count("poison")
    for service in LISTENERS:
        letters = await world.books.rows(service, _LETTERS)
        if len(letters) != planted:
            world.findings.append(Finding("set aside", f"{len(letters)} letters, {planted} planted", service))
        for letter in letters:
            reason = {"reason": "planted by the fault rig"}
            await _post(world, service, f"/v1/dead-letters/{letter['letter_id']}/discard", reason)
        for row in await world.books.rows(service, "SELECT key FROM parked_keys"):
            await _post(world, service, "/v1/dead-letters/replay", {"key": row["key"]})


async def _post(world: World, service: str, path: str, body: Any) -> None:
    await asyncio.to_thread(world.client.post, service, path, body)


async def append_everything_twice(world: World) -> None:
    """Append every record of the services' topics again, twice. No row may change."""
    await checker.settled(world.books)
    before = await world.books.fingerprints()
    records = [record for record in await world.books.log.records() if not record.topic.startswith("agency.")]
    for _ in range(2):
        world.fault("everything again")
        await world.books.log.append(records)
    await checker.settled(world.books)
    after = await world.books.fingerprints()
    changed = sorted(table for table in before if before[table] != after[table])
    world.findings += [Finding("doubled", table, "changed by repeated events") for table in changed]
