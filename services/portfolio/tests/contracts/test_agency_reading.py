"""An agency's token reads only the contracts that are placed with the agency."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from chassis.testing import mint
from events_of_other_services import later, placed, promised, receive, then, visited
from portfolio_builders import TODAY, Given, days_ago
from recobro_events import SESSION_SETTINGS
from recobro_events.contracts.assignment import (
    PlacementEnded,
    PlacementKind,
    PlacementRecalled,
    PlacementRecallRequested,
)
from recobro_events.contracts.promises import PromiseKept
from recobro_platform import AGENCY_ROLE

ONE, OTHER = uuid4(), uuid4()


def token(agency_id: UUID) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint(agency_id=agency_id, subject='agency')}"}


async def read(client: httpx.AsyncClient, agency_id: UUID, path: str = "", **query: Any) -> httpx.Response:
    return await client.get(f"/v1/contracts{path}", headers=token(agency_id), params=query)


async def found(client: httpx.AsyncClient, agency_id: UUID, **query: Any) -> list[str]:
    answer = await read(client, agency_id, **query)
    assert answer.status_code == 200, answer.text
    return [item["contract_number"] for item in answer.json()["items"]]


@pytest.fixture
async def contracts(given: Given) -> list[UUID]:
    """Four contracts: one with the first agency, one with the second, one with both, one with none."""
    portfolio_id = await given.portfolio()
    made = [await given.contract(portfolio_id, (days_ago(40), "100.00"), number=number) for number in "ABCD"]
    await receive(
        given,
        placed(made[0], ONE),
        placed(made[1], OTHER, kind=PlacementKind.COLLECTION),
        placed(made[2], ONE, kind=PlacementKind.VISITS),
        placed(made[2], OTHER),
    )
    return made


async def test_two_agencies_find_and_read_only_their_own_contracts(
    client: httpx.AsyncClient, contracts: list[UUID]
) -> None:
    assert await found(client, ONE) == ["A", "C"]
    assert await found(client, OTHER) == ["B", "C"]
    assert await found(client, uuid4()) == []
    assert await found(client, ONE, number="B") == []
    assert await found(client, ONE, q="peña", stage="late") == ["A", "C"]
    first = (await read(client, ONE, limit=1)).json()
    assert await found(client, ONE, cursor=first["next_cursor"]) == ["C"]
    for agency_id, own in ((ONE, (0, 2)), (OTHER, (1, 2))):
        for n, contract_id in enumerate(contracts):
            for tail in ("", "/history"):
                answer = await read(client, agency_id, f"/{contract_id}{tail}")
                assert answer.status_code == (200 if n in own else 404), (agency_id, n, tail)
                if n not in own:
                    assert answer.json()["type"] == "urn:recobro:problem:contract-unknown"


@pytest.mark.parametrize(
    ("ending", "readable"), [(None, True), (PlacementRecalled, False), (PlacementEnded, False)], ids=str
)
async def test_a_contract_is_read_until_its_recall_is_final(
    client: httpx.AsyncClient, given: Given, ending: Any, readable: bool
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"), number="A")
    first = placed(contract_id, ONE)
    recall = then(PlacementRecallRequested, first, final_on=TODAY)
    await receive(given, first, recall, *([then(ending, recall)] if ending else []))
    assert await found(client, ONE) == (["A"] if readable else [])
    assert (await read(client, ONE, f"/{contract_id}")).status_code == (200 if readable else 404)
    assert (await read(client, ONE, f"/{contract_id}/history")).status_code == (200 if readable else 404)


async def test_an_objection_that_is_not_decided_leaves_the_contract_readable(
    client: httpx.AsyncClient, given: Given, contracts: list[UUID]
) -> None:
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE placement SET state = 'objected' WHERE contract_id = $1", contracts[0])
    assert await found(client, ONE) == ["A", "C"]


async def test_an_agency_sees_nothing_of_another_agency(
    client: httpx.AsyncClient, given: Given, contracts: list[UUID]
) -> None:
    both = contracts[2]
    theirs = promised(both, agency_id=OTHER)
    await receive(
        given,
        theirs,
        promised(both, agency_id=ONE),
        later(PromiseKept, theirs),
        visited(both, agency_id=OTHER),
        visited(both),
    )
    for agency_id, hidden in ((ONE, OTHER), (OTHER, ONE)):
        whole = await read(client, agency_id, f"/{both}")
        history = await read(client, agency_id, f"/{both}/history")
        assert str(hidden) not in whole.text + history.text
        assert [placement["agency_id"] for placement in whole.json()["placements"]] == [str(agency_id)]
        assert len(whole.json()["promises"]) == 2, "a promise silences every agency"
        kinds = [item["kind"] for item in history.json()["items"]]
        expected = ["placed", "promise_made", "promise_kept", "visit"]
        assert sorted(kinds) == sorted(expected if agency_id == ONE else [*expected, "visit"])
    everything = (await client.get(f"/v1/contracts/{both}/history")).json()["items"]
    assert len(everything) == 7


async def test_every_other_route_refuses_agencies(client: httpx.AsyncClient, contracts: list[UUID]) -> None:
    own, any_id = contracts[0], uuid4()
    for path in (f"/v1/contracts/{own}/payments", f"/v1/payments/{any_id}", f"/v1/clarifications/{any_id}"):
        assert (await client.get(path, headers=token(ONE))).status_code == 403
    assert (await client.get(f"/v1/contact-points/{any_id}", headers=token(ONE))).status_code == 403
    for tail in ("payments", "clarifications", "pauses", "debtor-status", "contact-points"):
        answer = await client.post(f"/v1/contracts/{own}/{tail}", json={}, headers=token(ONE))
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:recobro:problem:agency-refused")
    for path in (f"payments/{any_id}/reversal", f"clarifications/{any_id}/resolution", f"pauses/{any_id}/end"):
        assert (await client.post(f"/v1/{path}", json={}, headers=token(ONE))).status_code == 403
    assert (await client.patch(f"/v1/contact-points/{any_id}", json={}, headers=token(ONE))).status_code == 403


@pytest.mark.usefixtures("contracts")
async def test_postgresql_shows_an_agency_its_own_contracts_whatever_the_query_says(given: Given) -> None:
    visible = {}
    for agency_id in (ONE, OTHER, uuid4()):
        before = SESSION_SETTINGS.set({"role": AGENCY_ROLE, "app.agency_id": str(agency_id)})
        try:
            async with given.database.connection() as connection:
                rows = await connection.fetch("SELECT contract_number FROM contract ORDER BY contract_number")
                visible[agency_id] = [row["contract_number"] for row in rows]
                assert await connection.fetchval("SELECT count(*) FROM instalment") == len(rows)
                assert await connection.fetchval("SELECT count(*) FROM placement") == len(rows)
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute("DELETE FROM contract")
        finally:
            SESSION_SETTINGS.reset(before)
    assert list(visible.values()) == [["A", "C"], ["B", "C"], []]
