"""Two agencies and their tokens: each agency reads and changes its own lists only."""

from typing import Any

import httpx
import pytest
from agencies_at_work import Agency, two_agencies
from dialing_requests import call
from dialing_scene import DAY, Scene
from recobro_events.contracts.dialer_feed import CallCompleted
from recobro_events.testing import published


@pytest.fixture
async def agencies(scene: Scene, client: httpx.AsyncClient) -> tuple[Agency, Agency]:
    return await two_agencies(scene, client)


async def test_an_agency_reads_its_own_lists(
    client: httpx.AsyncClient, scene: Scene, agencies: tuple[Agency, Agency]
) -> None:
    inside = await scene.built()
    for own, other in (agencies, agencies[::-1]):

        async def get(path: str, headers: dict[str, str] = own.headers) -> httpx.Response:
            return await client.get(path, headers=headers)

        assert [item["list_id"] for item in (await get("/v1/lists")).json()["items"]] == [str(own.list_id)]
        campaigns = (await get("/v1/campaigns")).json()["items"]
        assert [item["campaign_id"] for item in campaigns] == [str(own.campaign_id)]
        for path in ("", "/entries", "/withdrawals"):
            assert (await get(f"/v1/lists/{own.list_id}{path}")).status_code == 200
            for foreign in (other.list_id, inside):
                assert (await get(f"/v1/lists/{foreign}{path}")).status_code == 404
        entries = (await get(f"/v1/lists/{own.list_id}/entries")).text
        assert own.contract.number in entries
        assert other.contract.number not in entries
        assert (await get(f"/v1/campaigns/{own.campaign_id}")).status_code == 200
        assert (await get(f"/v1/campaigns/{other.campaign_id}")).status_code == 404
        assert (await get(f"/v1/withdrawal-report?list_id={own.list_id}")).status_code == 200
        assert (await get(f"/v1/withdrawal-report?list_id={other.list_id}")).status_code == 404
        assert (await get(f"/v1/lists?campaign_id={other.campaign_id}")).json()["items"] == []


async def test_an_agency_cannot_change_another_agencys_list(
    client: httpx.AsyncClient, scene: Scene, agencies: tuple[Agency, Agency]
) -> None:
    own, other = agencies
    bodies: dict[str, Any] = {
        "withdrawals": {"contract_number": other.contract.number, "reason": "opted_out"},
        "acknowledgements": {"cursor": 0},
    }
    for path, body in bodies.items():
        answer = await client.post(f"/v1/lists/{other.list_id}/{path}", json=body, headers=own.headers)
        assert answer.status_code == 404
        answer = await client.post(f"/v1/lists/{other.list_id}/{path}", json=body, headers=other.headers)
        assert answer.status_code in (200, 201)
    answer = await client.post("/v1/calls", json=[call(other.list_id, other.contract)], headers=own.headers)
    assert [rejected["code"] for rejected in answer.json()["rejected"]] == ["list-unknown"]
    assert await published(scene.database, CallCompleted) == []
    for path in ("/v1/lists", "/v1/campaigns"):
        assert (await client.post(path, json={}, headers=own.headers)).status_code == 403


async def test_a_contract_of_another_agency_is_refused_as_not_on_the_list(
    client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    own, other = agencies
    body = {"contract_number": other.contract.number, "reason": "other"}
    answer = await client.post(f"/v1/lists/{own.list_id}/withdrawals", json=body, headers=own.headers)
    assert answer.status_code == 404
    calls = [call(own.list_id, other.contract)]
    answer = await client.post("/v1/calls", json=calls, headers=own.headers)
    assert [rejected["code"] for rejected in answer.json()["rejected"]] == ["contract-unknown"]


async def test_two_agencies_may_give_their_calls_the_same_id(
    client: httpx.AsyncClient, scene: Scene, agencies: tuple[Agency, Agency]
) -> None:
    for agency in agencies:
        calls = [call(agency.list_id, agency.contract, call_id="1")]
        answer = await client.post("/v1/calls", json=calls, headers=agency.headers)
        assert answer.json()["accepted"] == 1
    calls_completed = await published(scene.database, CallCompleted)
    assert {event.agency_id for event in calls_completed} == {agency.agency_id for agency in agencies}


async def test_a_call_after_the_recall_is_wrongful_and_the_agency_can_read_the_reason(
    client: httpx.AsyncClient, scene: Scene, agencies: tuple[Agency, Agency]
) -> None:
    own, other = agencies
    await scene.receives(own.placement.recall_requested())
    feed = (await client.get(f"/v1/lists/{own.list_id}/withdrawals", headers=own.headers)).json()
    assert [(item["contract_number"], item["reason"]) for item in feed["items"]] == [(own.contract.number, "recall")]
    await client.post("/v1/calls", json=[call(own.list_id, own.contract)], headers=own.headers)
    report = (await client.get(f"/v1/withdrawal-report?list_id={own.list_id}", headers=own.headers)).json()
    assert (report["withdrawn"], report["wrongful_calls"]) == (1, 1)
    assert await scene.listed(other.list_id) == [other.contract.number]


async def test_an_agencys_list_carries_the_id_of_the_agency(
    client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    own, _ = agencies
    shown = (await client.get(f"/v1/lists/{own.list_id}", headers=own.headers)).json()
    assert (shown["agency_id"], shown["business_date"], shown["entries"]) == (str(own.agency_id), str(DAY), 1)
