"""Calls by agency, agent and day are those that were recorded; each agency sees its own; lists are watched at once."""

import io
from datetime import timedelta
from typing import Any

import httpx
import polars as pl
import pytest
from agencies_at_work import Agency, two_agencies
from chassis.testing.followed import followed
from dialing_requests import Json, call, report, report_calls
from dialing_scene import DAY, Scene


@pytest.fixture
async def agencies(scene: Scene, client: httpx.AsyncClient) -> tuple[Agency, Agency]:
    """The first agency has made four calls by two agents, the last of them wrongful; the other one call."""
    own, other = await two_agencies(scene, client)
    calls = [
        call(own.list_id, own.contract, "no_answer"),
        call(own.list_id, own.contract, "third_party"),
        call(own.list_id, own.contract, "right_party", agent="eva"),
    ]
    await report_calls(client, *calls, call(other.list_id, other.contract, "busy"))
    await report(client, own.list_id, own.contract, "deceased")
    await report_calls(client, call(own.list_id, own.contract, "promise", agent="eva"))
    return own, other


async def compared(client: httpx.AsyncClient, headers: dict[str, str] | None = None, **wanted: Any) -> list[Json]:
    answer = await client.get("/v1/insight/calls", params=wanted, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    for item in items:
        listed = await client.get(item["items"], headers=headers)
        assert len(listed.json()["items"]) == item["calls"], item
    return items


async def test_agencies_and_agents_stand_side_by_side(
    client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    own, other = agencies
    found = {row["agency_id"]: row for row in await compared(client)}
    assert set(found) == {str(own.agency_id), str(other.agency_id)}
    mine = found[str(own.agency_id)]
    counts = ("calls", "connected", "right_party", "promises", "wrongful", "seconds")
    assert [mine[name] for name in counts] == [4, 3, 2, 1, 1, 120]
    assert (mine["connect_rate"], mine["right_party_rate"], mine["promise_rate"]) == (0.75, 0.6667, 0.5)
    assert found[str(other.agency_id)]["connect_rate"] == 0.0
    assert found[str(other.agency_id)]["right_party_rate"] is None
    agents = await compared(client, by="agent", agency_id=own.agency_id)
    assert [(row["agent"], row["calls"], row["promises"]) for row in agents] == [("ana", 2, 0), ("eva", 2, 1)]
    [day] = await compared(client, by="day", to=str(DAY))
    assert (day["day"], day["calls"]) == (str(DAY), 5)
    tomorrow: dict[str, Any] = {"from": str(DAY + timedelta(days=1))}
    assert await compared(client, **tomorrow) == []


async def test_an_agency_is_compared_with_nobody(client: httpx.AsyncClient, agencies: tuple[Agency, Agency]) -> None:
    own, other = agencies
    for by in ("agency", "agent", "day"):
        rows = await compared(client, own.headers, by=by, agency_id=str(other.agency_id))
        assert sum(row["calls"] for row in rows) == 4
    assert [row["campaign_id"] for row in (await client.get("/v1/live-lists", headers=own.headers)).json()] == [
        str(own.campaign_id)
    ]
    for path in ("/v1/today", "/v1/jobs"):
        assert (await client.get(path, headers=own.headers)).status_code == 403


async def test_a_breach_that_is_found_later_is_counted(scene: Scene, agencies: tuple[Agency, Agency]) -> None:
    own, _ = agencies
    await scene.execute("UPDATE call_result SET breaches = '{frequency}', right_party = false WHERE agent = 'eva'")
    [row] = await scene.rows("SELECT * FROM call_day WHERE agent = 'eva'")
    assert (row["dialed_for"], row["calls"], row["breached"], row["right_party"]) == (own.agency_id, 2, 2, 0)


async def test_every_live_list_is_watched_at_once(client: httpx.AsyncClient, agencies: tuple[Agency, Agency]) -> None:
    own, other = agencies
    watched = {one["list_id"]: one for one in (await client.get("/v1/live-lists")).json()}
    assert set(watched) == {str(own.list_id), str(other.list_id)}
    mine = watched[str(own.list_id)]
    assert (mine["live"], mine["entries"], mine["withdrawn"], mine["acknowledged"]) == (True, 1, 1, 0)
    assert (mine["wrongful_calls"], mine["p99_seconds_to_acknowledgement"]) == (1, None)
    assert mine["p99_seconds_to_list"] >= 0
    [withdrawal] = (await client.get(mine["withdrawals"])).json()["items"]
    assert len((await client.get(mine["calls"])).json()["items"]) == 1
    cursor = {"cursor": withdrawal["cursor"]}
    await client.post(f"/v1/lists/{own.list_id}/acknowledgements", json=cursor, headers=own.headers)
    [mine] = (await client.get("/v1/live-lists", headers=own.headers)).json()
    assert mine["acknowledged"] == 1
    assert mine["p99_seconds_to_acknowledgement"] >= mine["p99_seconds_to_list"]
    assert [one["live"] for one in (await client.get("/v1/live-lists", params={"day": str(DAY)})).json()] == [True] * 2
    assert (await client.get("/v1/live-lists", params={"day": str(DAY + timedelta(days=1))})).json() == []


async def test_figures_of_the_day_and_the_jobs(
    client: httpx.AsyncClient, scene: Scene, agencies: tuple[Agency, Agency]
) -> None:
    own, _ = agencies
    figures = await followed(client, (await client.get("/v1/today", params={"day": str(DAY)})).json())
    figures.pop("calls.breached")  # the hour of the test decides
    assert figures == {
        "calls.calls": 5,
        "calls.connected": 3,
        "calls.right_party": 2,
        "calls.promises": 1,
        "calls.wrongful": 1,
    }
    jobs = {job["of"]: job["state"] for job in (await client.get("/v1/jobs", params={"day": str(DAY)})).json()}
    assert (jobs[str(own.campaign_id)], jobs[str(scene.campaign_id)]) == ("done", "due")
    await scene.execute(
        "UPDATE dialing_list SET status = 'failed', error_detail = 'why' WHERE list_id = $1", own.list_id
    )
    jobs = {job["of"]: job for job in (await client.get("/v1/jobs", params={"day": str(DAY)})).json()}
    assert (jobs[str(own.campaign_id)]["state"], jobs[str(own.campaign_id)]["detail"]) == ("failed", "why")


@pytest.mark.usefixtures("agencies")
async def test_the_comparison_is_a_table_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/insight/calls", params={"format": "csv", "by": "agent"})
    assert answer.text.count("\r\n") == 4
    answer = await client.get("/v1/insight/calls", params={"format": "parquet"})
    assert pl.read_parquet(io.BytesIO(answer.content))["calls"].sum() == 5
    too_long = {"from": str(DAY - timedelta(days=400)), "to": str(DAY)}
    assert (await client.get("/v1/insight/calls", params=too_long)).status_code == 422
