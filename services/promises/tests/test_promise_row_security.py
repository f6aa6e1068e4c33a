"""PostgreSQL shows an agency's request only that agency's rows, even to a query that forgets its filter."""

import uuid
from uuid import UUID

import asyncpg
import pytest
from chassis.testing.row_security import READABLE_TABLES, WRITABLE_TABLES, rights_of_agency
from promise_scene import Contract, Placement, Scene

_READABLE = ("promise", "agreement", "proposal", "placement", "contract")


async def counted(scene: Scene) -> dict[str, int]:
    """How many rows each table shows to a query without any filter."""
    return {table: (await scene.rows(f"SELECT count(*) FROM {table}"))[0][0] for table in _READABLE}


async def taken(scene: Scene, agency_id: UUID | None) -> tuple[Contract, Placement | None]:
    """A contract with a promise and a plan, which this agency took, or nobody from outside."""
    contract = await scene.registered()
    placement = await scene.placed(contract, agency_id) if agency_id else None
    headers = scene.agency(agency_id) if agency_id else None
    await scene.promise(contract, headers=headers)
    await scene.plan(contract, (10, "10.00"), (11, "10.00"), headers=headers)
    return contract, placement


async def taken_by_all(scene: Scene) -> list[tuple[Contract, Placement | None]]:
    return [await taken(scene, agency_id) for agency_id in (US, THEM, None)]


US, THEM = uuid.uuid4(), uuid.uuid4()


async def test_a_query_without_a_filter_shows_only_the_agencys_rows(scene: Scene) -> None:
    [(contract, placement), *_] = await taken_by_all(scene)
    own = {"promise": 3, "agreement": 1, "proposal": 0, "placement": 1, "contract": 1}
    with rights_of_agency(US):
        assert await counted(scene) == own
        assert {row["agency_id"] for row in await scene.rows("SELECT agency_id FROM promise")} == {US}
        [row] = await scene.rows("SELECT contract_id FROM contract")
        assert row["contract_id"] == contract.contract_id
    assert placement is not None
    await scene.receives(placement.recall_requested())
    with rights_of_agency(US):
        assert await counted(scene) == own | {"contract": 0}
    assert (await counted(scene))["promise"] == 9, "the service itself sees all"


@pytest.mark.parametrize("agency_id", ["", str(UUID(int=7))])
async def test_without_an_agency_or_for_a_strange_one_nothing_is_shown(scene: Scene, agency_id: str) -> None:
    await taken_by_all(scene)
    with rights_of_agency(agency_id):
        assert await counted(scene) == dict.fromkeys(_READABLE, 0)


@pytest.mark.parametrize(
    "refused",
    [
        "SELECT total_balance FROM contract",
        "SELECT cancel_actor FROM promise",
        "SELECT * FROM portfolio",
        "SELECT * FROM payment",
        "SELECT * FROM audit_entry",
        "SELECT * FROM idempotent_answer",
        "SELECT * FROM outbox_events",
        "UPDATE promise SET amount = amount",
        "DELETE FROM agreement",
        "INSERT INTO placement DEFAULT VALUES",
    ],
)
async def test_an_agency_reads_no_other_column_or_table_and_writes_nothing(scene: Scene, refused: str) -> None:
    with rights_of_agency(uuid.uuid4()), pytest.raises(asyncpg.InsufficientPrivilegeError):
        await scene.rows(refused)


async def test_every_table_that_agencies_may_read_forces_a_policy_on_them(scene: Scene) -> None:
    rows = await scene.rows(READABLE_TABLES)
    assert {row["relname"] for row in rows} == set(_READABLE)
    assert all(row["forced"] and row["policies"] == 1 for row in rows)
    assert await scene.rows(WRITABLE_TABLES) == []
