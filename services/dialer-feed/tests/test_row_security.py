"""PostgreSQL itself shows an agency's request only that agency's rows, and only the columns that dialing needs."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from chassis.testing import mint
from chassis.testing.row_security import rights_of_agency
from dialer_feed.calls import queries as calls
from dialer_feed.campaigns.rules import OneEntryPer
from dialer_feed.delivery import queries as delivery
from dialer_feed.lists import building_queries, queries
from dialer_feed.withdrawals import queries as withdrawals
from dialing_agencies import Placement
from dialing_requests import call, report, report_calls
from dialing_scene import DAY, Contract, Scene
from fresh_databases import SERVICE_ROLE, owners

OWN_ROWS = {
    "campaign": 1,
    "dialing_list": 1,
    "list_entry": 2,
    "acknowledgement": 1,
    "call_result": 1,
    "contract": 1,
    "contact_point": 2,
    "reported_silence": 0,
    "portfolio": 1,
}
"""How many rows an agency sees without any filter: it has two contracts, of which it has withdrawn one."""


@dataclass
class Agency:
    agency_id: UUID
    kept: Contract
    list_id: UUID


@pytest.fixture
async def agencies(scene: Scene, client: httpx.AsyncClient) -> list[Agency]:
    """Two agencies with two contracts, a live list, a call, a withdrawal and an acknowledgement each."""
    made = []
    for _ in range(2):
        kept, withdrawn = await scene.contracts(2)
        agency_id = uuid.uuid4()
        await scene.receives(*(Placement(contract.contract_id, agency_id).placed() for contract in (kept, withdrawn)))
        portfolio_id = await scene.portfolio(uuid.uuid4())
        campaign_id = await scene.campaign(agency_id=agency_id, portfolio_ids=[scene.portfolio_id])
        list_id = await scene.built(campaign_id=campaign_id)
        client.headers["Authorization"] = f"Bearer {mint(agency_id=agency_id)}"
        await report_calls(client, call(list_id, kept))
        await report(client, list_id, withdrawn, "deceased")
        await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": await scene.base(list_id) + 1})
        assert portfolio_id != scene.portfolio_id
        made.append(Agency(agency_id, kept, list_id))
    return made


async def counted(scene: Scene) -> dict[str, int]:
    """The rows of each table that the current role sees without any filter."""
    found = {}
    for table in OWN_ROWS:
        [[rows]] = await scene.rows(f"SELECT count(*) FROM {table}")
        found[table] = rows
    return found


async def test_a_query_without_a_filter_shows_an_agency_its_own_rows(scene: Scene, agencies: list[Agency]) -> None:
    everything = await counted(scene)
    for agency in agencies:
        with rights_of_agency(agency.agency_id):
            assert await counted(scene) == OWN_ROWS
            [[list_id]] = await scene.rows("SELECT list_id FROM dialing_list")
            [[contract_id]] = await scene.rows("SELECT contract_id FROM contract")
        assert (list_id, contract_id) == (agency.list_id, agency.kept.contract_id)
    for table, own in OWN_ROWS.items():
        assert everything[table] > own, table


@pytest.mark.parametrize("agency_id", ["", str(uuid.UUID(int=4711))])
async def test_without_an_agency_or_for_a_strange_one_nothing_is_shown(
    scene: Scene, agencies: list[Agency], agency_id: str
) -> None:
    assert agencies
    with rights_of_agency(agency_id):
        assert set((await counted(scene)).values()) == {0}


async def test_when_its_list_is_over_an_agency_sees_no_personal_data(scene: Scene, agencies: list[Agency]) -> None:
    await scene.execute("UPDATE dialing_list SET live_until = now()")
    with rights_of_agency(agencies[0].agency_id):
        found = await counted(scene)
    assert (found["contract"], found["contact_point"], found["list_entry"]) == (0, 0, 2)


@pytest.mark.parametrize(
    "refused",
    [
        "SELECT debtor_id FROM contract",
        "SELECT status FROM contract",
        "SELECT actor FROM campaign",
        "SELECT cause_event_id FROM list_entry",
        "SELECT FROM payment",
        "SELECT FROM placement",
        "SELECT FROM clarification",
        "SELECT FROM promise",
        "SELECT FROM dialer_report",
        "SELECT FROM audit_entry",
        "SELECT FROM idempotent_answer",
        "SELECT FROM outbox",
        "UPDATE campaign SET name = name",
        "DELETE FROM list_entry",
        "INSERT INTO portfolio SELECT FROM portfolio",
    ],
)
async def test_an_agency_reads_no_other_column_or_table_and_writes_nothing(scene: Scene, refused: str) -> None:
    with (
        rights_of_agency(uuid.uuid4()),
        pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedTableError)),
    ):
        await scene.execute(refused)


async def test_the_entries_hold_what_dialing_needs_and_nothing_else(
    client: httpx.AsyncClient, agencies: list[Agency]
) -> None:
    client.headers["Authorization"] = f"Bearer {mint(agency_id=agencies[0].agency_id)}"
    answer = await client.get(f"/v1/lists/{agencies[0].list_id}/entries")
    [entry] = [httpx.Response(200, text=line).json() for line in answer.text.splitlines()]
    assert set(entry) == {
        "contract_number",
        "name",
        "phones",
        "party_phones",
        "overdue_balance",
        "days_past_due",
        "callable_from",
        "callable_until",
        "timezone",
        "timezones",
        "also",
        "shared_number",
    }
    assert (entry["contract_number"], len(entry["phones"])) == (agencies[0].kept.number, 2)


@pytest.mark.parametrize(("over_for", "read"), [("2 days", 1), ("4 days", 0)])
async def test_an_agency_reads_the_withdrawals_of_a_list_that_is_over_within_the_grace(
    scene: Scene, client: httpx.AsyncClient, agencies: list[Agency], over_for: str, read: int
) -> None:
    await scene.execute(f"UPDATE dialing_list SET live_until = now() - interval '{over_for}'")
    feed = f"/v1/lists/{agencies[0].list_id}/withdrawals"
    client.headers["Authorization"] = f"Bearer {mint(agency_id=agencies[0].agency_id)}"
    assert len((await client.get(feed)).json()["items"]) == read
    client.headers["Authorization"] = f"Bearer {mint()}"
    assert len((await client.get(feed)).json()["items"]) == 1


async def test_reading_the_entries_of_a_list_is_an_entry_of_the_audit_table(
    scene: Scene, client: httpx.AsyncClient, agencies: list[Agency]
) -> None:
    await client.get(f"/v1/lists/{agencies[1].list_id}/entries")
    [entry] = await scene.rows("SELECT actor, objects FROM audit_entry WHERE route LIKE '%/entries'")
    assert entry["actor"]["agency_id"] == str(agencies[1].agency_id)
    assert entry["objects"] == [agencies[1].list_id]


async def test_campaigns_and_lists_name_who_made_them(scene: Scene, client: httpx.AsyncClient) -> None:
    client.headers["Authorization"] = f"Bearer {mint(subject='ana')}"
    made = (await client.post("/v1/campaigns", json={"name": "Sur"})).json()
    requested = asyncio.create_task(
        client.post("/v1/lists", json={"campaign_id": made["campaign_id"], "business_date": str(DAY)})
    )
    await scene.until("SELECT EXISTS (SELECT FROM dialing_list)")
    await scene.end_barriers("reached")
    await scene.advance()
    assert (await requested).status_code == 201
    for table in ("campaign", "dialing_list"):
        [row] = await scene.rows(f"SELECT actor FROM {table} WHERE campaign_id::text = $1", made["campaign_id"])
        assert row["actor"]["subject"] == "ana"
    [of_scene] = await scene.rows("SELECT actor FROM campaign WHERE campaign_id = $1", scene.campaign_id)
    assert of_scene["actor"] is None


@pytest.fixture
async def owner(scene: Scene) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(owners(scene.database.dsn))
    yield connection
    await connection.close()


_STATEMENTS = {
    "entries": (delivery.ENTRIES, 4),
    "withdrawals": (withdrawals.AFTER, 3),
    "a list": (queries.ONE, 2),
    "lists": (queries.PAGE["asc"], 6),
    "withdraw": (withdrawals.WITHDRAW, 6),
    "withdraw what is unfit": (withdrawals.WITHDRAW_UNFIT, 3),
    "lock entries": (withdrawals.LOCK_LIVE_ENTRIES, 1),
    "number": (withdrawals.NUMBER, 6),
    "withdraw others": (withdrawals.WITHDRAW_OTHERS_OF_ANOTHER, 3),
    "record calls": (calls.RECORD, 29),
    "gather": (building_queries.GATHER[OneEntryPer.CONTRACT, False], 8),
    "gather people": (building_queries.GATHER[OneEntryPer.PERSON, False], 8),
    "gather in order": (building_queries.GATHER[OneEntryPer.PERSON, True], 8),
    "recheck": (building_queries._RECHECK, 1),
}


async def plan_of(owner: Any, statement: str, parameters: int, security: str) -> list[str]:
    """The service's plan for the statement, with policies or without: each line with its letters in order.

    The order of conditions within one line may differ, because PostgreSQL tests those first that cannot leak a row.
    """
    transaction = owner.transaction()
    await transaction.start()
    for table in OWN_ROWS:
        await owner.execute(f"ALTER TABLE {table} {security} ROW LEVEL SECURITY")
    await owner.execute(f"SET LOCAL ROLE {SERVICE_ROLE}; SET LOCAL plan_cache_mode = force_generic_plan")
    # A small table is read whole. Where an index can be used, this shows it.
    await owner.execute("SET LOCAL enable_seqscan = off")
    await owner.execute(f"PREPARE planned AS {statement}")
    nulls = ", ".join(["NULL"] * parameters)
    lines = [row[0] for row in await owner.fetch(f"EXPLAIN (COSTS OFF) EXECUTE planned ({nulls})")]
    await owner.execute("DEALLOCATE planned")
    await transaction.rollback()
    return ["".join(sorted(re.sub(r"SubPlan \d+", "SubPlan", line))) for line in lines]


@pytest.mark.usefixtures("agencies")
@pytest.mark.parametrize("what", _STATEMENTS)
async def test_the_policies_change_no_plan_of_operators_and_of_the_consumer(owner: Any, what: str) -> None:
    secured, open_to_all = [await plan_of(owner, *_STATEMENTS[what], how) for how in ("ENABLE", "DISABLE")]
    assert secured == open_to_all
