"""PostgreSQL shows an agency's request only that agency's rows, even to a query that forgets its filter."""

import uuid
from uuid import UUID

import asyncpg
import pytest
from chassis.testing.row_security import READABLE_TABLES, WRITABLE_TABLES, rights_of_agency
from placing_scene import Json, Scene, as_agency

_READABLE = ("agency", "placement", "commission", "contract", "agency_event", "agency_stream")


async def counted(scene: Scene) -> dict[str, int]:
    """How many rows each table shows to a query without any filter."""
    return {table: (await scene.rows(f"SELECT count(*) FROM {table}"))[0][0] for table in _READABLE}


async def earned_by_two(scene: Scene) -> list[tuple[str, Json]]:
    """Two agencies, each with a placement, a commission and an event of its stream."""
    made = []
    for segment in ("chronic", "insolvent"):
        fees = [{"kind": "dialing", "from_days": 0, "percent": "10"}]
        agency_id = await scene.agency("dialing", fees=fees)
        await scene.rule(agency_id, segments=[segment])
        [contract] = await scene.contracts(1, segment=segment)
        await scene.receives(contract.paid("10.00"))
        [placement] = await scene.placements(agency_id=agency_id)
        made.append((agency_id, placement))
    await scene.rows("DELETE FROM outbox_agencies RETURNING id")
    await scene.rows("DELETE FROM agency_event WHERE position > 1 RETURNING position")
    return made


async def test_a_query_without_a_filter_shows_only_the_agencys_rows(scene: Scene) -> None:
    for agency_id, placement in await earned_by_two(scene):
        with rights_of_agency(agency_id):
            assert await counted(scene) == dict.fromkeys(_READABLE, 1)
            [row] = await scene.rows("SELECT agency_id, contract_id FROM placement JOIN contract USING (contract_id)")
            assert (str(row["agency_id"]), str(row["contract_id"])) == (agency_id, placement["contract_id"])
    assert await counted(scene) == dict.fromkeys(_READABLE, 2), "the service itself sees all"


async def test_an_agencys_requests_run_as_its_role_from_recall_to_commissions(scene: Scene) -> None:
    """The answers come although the role may read next to nothing: each use case takes the service's rights in time."""
    (agency_id, placement), (other_id, other) = await earned_by_two(scene)
    await scene.post(f"/v1/placements/{placement['placement_id']}/recall", {"reason": "audit"})
    own = as_agency(agency_id)
    path = f"/v1/placements/{placement['placement_id']}"
    objected = await scene.post(f"{path}/objection", {"reason": "a promise is open"}, headers=own)
    assert (objected["state"], objected["objection"]) == ("objected", "a promise is open")
    assert await scene.get(path, headers=own) == objected
    assert (await scene.get("/v1/placements", headers=own))["items"] == [objected]
    assert (await scene.get(f"/v1/agencies/{agency_id}", headers=own))["agency_id"] == agency_id
    [item] = (await scene.get(f"/v1/agencies/{agency_id}/commissions", headers=own))["items"]
    assert (item["amount"], item["contract_number"]) == ("1.00", placement["contract_number"])
    for hidden in (f"/v1/placements/{other['placement_id']}", f"/v1/agencies/{other_id}/commissions"):
        assert (await scene.client.get(hidden, headers=own)).status_code == 404


@pytest.mark.parametrize("agency_id", ["", str(UUID(int=7))])
async def test_without_an_agency_or_for_a_strange_one_nothing_is_shown(scene: Scene, agency_id: str) -> None:
    await earned_by_two(scene)
    with rights_of_agency(agency_id):
        assert await counted(scene) == dict.fromkeys(_READABLE, 0)


@pytest.mark.parametrize(
    "refused",
    [
        "SELECT total_balance FROM contract",
        "SELECT recall_actor FROM placement",
        "SELECT * FROM portfolio",
        "SELECT * FROM service_contract",
        "SELECT * FROM fee",
        "SELECT * FROM placement_rule",
        "SELECT * FROM share",
        "SELECT * FROM clarification",
        "SELECT * FROM overtaking_payment",
        "SELECT * FROM payment",
        "SELECT * FROM commission_payment",
        "SELECT * FROM commission_precedence",
        "SELECT * FROM audit_entry",
        "UPDATE placement SET state = state",
        "DELETE FROM commission",
        "INSERT INTO agency DEFAULT VALUES",
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
