"""PostgreSQL shows an agency's request only that agency's rows, even to a query that forgets its filter."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from chassis.testing.row_security import READABLE_TABLES, WRITABLE_TABLES, rights_of_agency
from chassis.transactions import act_for_service
from visits_scene import Contract, Placement, Scene, a_placement, moment

US, THEM = uuid.uuid4(), uuid.uuid4()
_READABLE = {"visit", "placement", "contract", "address", "attendance", "photo"}
_PHOTO = """
INSERT INTO photo (photo_id, visit_id, upload_sha256, sha256, bytes, width, height, taken_at, recorded_by)
VALUES (gen_random_uuid(), $1, '', '', 1, 1, 1, now(), 'test')
"""


async def visited(scene: Scene, agency_id: uuid.UUID | None) -> tuple[Contract, Placement, str]:
    placement = a_placement(agency_id or uuid.uuid4())
    contract = await scene.known_contract(placement if agency_id else None)
    visit = await scene.ordered(contract)
    await scene.attend(visit, "third_party")
    async with scene.database.transaction() as tx:
        await tx.execute(_PHOTO, uuid.UUID(visit))
    return contract, placement, visit


async def seen(scene: Scene) -> dict[str, int]:
    """How many rows each table shows to a query without any filter."""
    return {name: (await scene.rows(f"SELECT count(contract_id) FROM {name}"))[0][0] for name in _OF_CONTRACT} | {
        name: (await scene.rows(f"SELECT count(*) FROM {name}"))[0][0] for name in _READABLE - set(_OF_CONTRACT)
    }


_OF_CONTRACT = ("contract", "address", "placement", "visit")


async def test_a_query_without_a_filter_shows_only_the_agencys_rows(scene: Scene) -> None:
    contract, placement, visit = await visited(scene, US)
    for other in (THEM, None):
        await visited(scene, other)
    with rights_of_agency(US):
        assert await seen(scene) == dict.fromkeys(_READABLE, 1)
        assert [str(row["visit_id"]) for row in await scene.rows("SELECT visit_id FROM visit")] == [visit]
        [row] = await scene.rows("SELECT contract_id, name FROM contract")
        assert tuple(row) == (contract.contract_id, contract.name)
    with rights_of_agency(uuid.uuid4()):
        assert await seen(scene) == dict.fromkeys(_READABLE, 0)
    with rights_of_agency(None):
        assert await seen(scene) == dict.fromkeys(_READABLE, 0), "without the claim nothing is shown"
    await scene.receives(contract.recalled(placement))
    with rights_of_agency(US):
        assert await seen(scene) == dict.fromkeys(_READABLE, 1) | {"contract": 0, "address": 0}
    assert (await seen(scene))["visit"] == 3, "the service itself sees all"


async def test_an_agencys_request_reads_no_balance_and_writes_nothing(scene: Scene) -> None:
    await visited(scene, US)
    forbidden = (
        "SELECT overdue_balance FROM contract",
        "SELECT * FROM portfolio",
        "SELECT * FROM audit_entry",
        "UPDATE visit SET visitor = 'x'",
        "DELETE FROM attendance",
        "INSERT INTO photo DEFAULT VALUES",
    )
    with rights_of_agency(US):
        for statement in forbidden:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await scene.rows(statement)


async def test_after_what_it_may_see_was_read_a_request_continues_with_the_services_rights(scene: Scene) -> None:
    await visited(scene, US)
    with rights_of_agency(US):
        async with scene.database.transaction() as tx:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with _savepoint(tx):
                    await tx.fetch("SELECT overdue_balance FROM contract")
            await act_for_service(tx)
            assert len(await tx.fetch("SELECT overdue_balance FROM contract")) == 1


@asynccontextmanager
async def _savepoint(tx: Any) -> AsyncIterator[None]:
    await tx.execute("SAVEPOINT before")
    try:
        yield
    except asyncpg.PostgresError:
        await tx.execute("ROLLBACK TO before")
        raise


async def test_every_table_that_agencies_may_read_forces_a_policy_on_them(scene: Scene) -> None:
    rows = await scene.rows(READABLE_TABLES)
    assert {row["relname"] for row in rows} == _READABLE
    assert all(row["forced"] and row["policies"] == 1 for row in rows)
    assert await scene.rows(WRITABLE_TABLES) == []


async def test_an_agencys_requests_run_as_its_role_from_order_to_result(scene: Scene) -> None:
    """The answers come although the role may read next to nothing: each use case takes the service's rights in time."""
    placement = a_placement(US)
    contract = await scene.known_contract(placement)
    visit = await scene.ordered(contract, agency_id=US)
    body = {"attended_by": "debtor", "at": moment()}
    attended = await scene.post(f"/v1/visits/{visit}/attendance", body, US, {"Idempotency-Key": "once"})
    assert attended.json()["balance"]["overdue_balance"] == f"{contract.overdue}"
    assert (await scene.get("/v1/visits", US)).json()["items"][0]["name"] == contract.name
    again = await scene.post(f"/v1/visits/{visit}/attendance", body, US, {"Idempotency-Key": "once"})
    assert again.json() == attended.json()
    assert len(await scene.rows("SELECT FROM attendance")) == 1
