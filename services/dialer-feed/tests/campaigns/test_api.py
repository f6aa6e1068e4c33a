"""Campaigns over HTTP."""

import uuid

import httpx
import pytest
from chassis.testing import facts_during_lag
from dialing_requests import Json, code_of
from dialing_scene import Scene
from fastapi import FastAPI


async def test_a_new_campaign_gets_default_values(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/campaigns", json={"name": "Norte", "agency_id": None})
    assert answer.status_code == 201
    campaign = answer.json()
    assert campaign["min_overdue"] == "100.00"
    assert campaign["stages"] == ["early", "late"]
    assert campaign["payment_holdoff_days"] == 3
    assert campaign["portfolio_ids"] is None
    assert (campaign["kind"], campaign["list_order"], campaign["daily_size"]) == ("blaster", None, None)
    assert (campaign["phones_per_entry"], campaign["phone_order"], campaign["min_total"]) == (None, [], None)
    assert (await client.get(f"/v1/campaigns/{campaign['campaign_id']}")).json() == campaign
    listed = (await client.get("/v1/campaigns", params={"limit": 1})).json()
    rest = (await client.get("/v1/campaigns", params={"cursor": listed["next_cursor"]})).json()
    assert rest == {"items": [campaign], "next_cursor": None}


async def test_a_preventive_campaign_gets_default_values_of_its_own(client: httpx.AsyncClient) -> None:
    campaign = (await client.post("/v1/campaigns", json={"name": "Recordatorio", "kind": "preventive"})).json()
    assert campaign["stages"] == ["current"]
    assert (campaign["min_total"], campaign["due_within_days"]) == ("100.00", 5)
    stated = {"min_total": "0.00", "due_within_days": 0, "stages": ["current"]}
    new = {"name": "Hoy", "kind": "preventive", **stated}
    campaign = (await client.post("/v1/campaigns", json=new)).json()
    assert {name: campaign[name] for name in stated} == stated


async def test_a_campaign_waits_for_its_portfolio_without_a_connection(
    client: httpx.AsyncClient, scene: Scene, app: FastAPI
) -> None:
    portfolio_id = uuid.uuid4()
    with facts_during_lag(app, lambda: scene.portfolio(portfolio_id)):
        answer = await client.post("/v1/campaigns", json={"name": "Sur", "portfolio_ids": [str(portfolio_id)]})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"agency_id": "northern"}, 422, "invalid"),
        ({"portfolio_ids": [str(uuid.uuid4())]}, 404, "portfolio-unknown"),
        ({"name": ""}, 422, "invalid"),
        ({"name": "a\u202eb"}, 422, "invalid"),
        ({"name": "nul\0"}, 422, "invalid"),
        ({"min_overdue": "-1.00"}, 422, "invalid"),
        ({"min_overdue": "1e400"}, 422, "invalid"),
        ({"min_overdue": 100}, 422, "invalid"),
        ({"min_overdue": "NaN"}, 422, "invalid"),
        ({"stages": []}, 422, "invalid"),
        ({"stages": ["early", "early"]}, 422, "invalid"),
        ({"stages": ["ancient"]}, 422, "invalid"),
        ({"payment_holdoff_days": -1}, 422, "invalid"),
        ({"payment_holdoff_days": True}, 422, "invalid"),
        ({"payment_holdoff_days": "3"}, 422, "invalid"),
        ({"max_attempts_per_7_days": 0}, 422, "invalid"),
        ({"max_attempts_per_7_days": 10**30}, 422, "invalid"),
        ({"portfolio_ids": []}, 422, "invalid"),
        ({"kind": "robot"}, 422, "invalid"),
        ({"kind": "preventive", "stages": ["early"]}, 422, "invalid"),
        ({"kind": "preventive", "min_overdue": "50.00"}, 422, "invalid"),
        ({"kind": "preventive", "due_within_days": 61}, 422, "invalid"),
        ({"min_total": "50.00"}, 422, "invalid"),
        ({"kind": "manual", "due_within_days": 3}, 422, "invalid"),
        ({"daily_size": 10}, 422, "invalid"),
        ({"daily_size": 0, "list_order": "balance"}, 422, "invalid"),
        ({"list_order": "name"}, 422, "invalid"),
        ({"phones_per_entry": 0}, 422, "invalid"),
        ({"phone_order": ["mobile", "mobile"]}, 422, "invalid"),
        ({"phone_order": ["newest"]}, 422, "invalid"),
        ({"surprise": 1}, 422, "invalid"),
    ],
)
async def test_a_bad_campaign_is_refused(
    client: httpx.AsyncClient, scene: Scene, change: Json, status: int, code: str
) -> None:
    answer = await client.post("/v1/campaigns", json={"name": "Norte", **change})
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert len(await scene.rows("SELECT FROM campaign")) == 1
