"""Campaigns and lists over HTTP, and requests that are refused."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from chassis.testing import facts_during_lag, mint, unguarded_routes
from dialing_requests import Json, call, code_of, request_list
from dialing_scene import DAY, Scene
from fastapi import FastAPI
from recobro_events.contracts.portfolio import PortfolioState


async def test_a_list_is_requested_built_and_read(
    client: httpx.AsyncClient, scene: Scene, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.contracts(2)
    settings = app.state.settings.model_copy(update={"list_wait_seconds": 0})
    monkeypatch.setitem(app.state._state, "settings", settings)
    building = await request_list(client, scene)
    assert (building.status_code, building.json()["status"]) == (202, "building")
    assert building.json()["waiting_for"] == ["assignment", "field-visits", "portfolio", "promises"]
    list_id = building.json()["list_id"]
    for path, method in (("entries", "GET"), ("withdrawals", "POST")):
        body = {"contract_number": "C-0001", "reason": "other"} if method == "POST" else None
        answer = await client.request(method, f"/v1/lists/{list_id}/{path}", json=body)
        assert (answer.status_code, code_of(answer)) == (409, "list-building")

    await scene.end_barriers("reached")
    await scene.advance()
    again = await request_list(client, scene)
    assert (again.status_code, again.json()["status"], again.json()["entries"]) == (200, "published", 2)
    assert again.json()["list_id"] == list_id
    assert again.json()["overdue_total"] == "3000.00"
    assert (await client.get(f"/v1/lists/{list_id}")).json() == again.json()
    found = await client.get("/v1/lists", params={"business_date": str(DAY), "campaign_id": str(scene.campaign_id)})
    assert found.json() == {"items": [again.json()], "next_cursor": None}
    assert (await client.get("/v1/lists", params={"business_date": "2020-01-01"})).json()["items"] == []


async def test_a_list_that_is_published_while_its_request_waits_is_answered_as_created(
    client: httpx.AsyncClient, scene: Scene
) -> None:
    await scene.contracts(1)
    asking = asyncio.create_task(request_list(client, scene))
    await scene.until("SELECT EXISTS (SELECT FROM barrier WHERE state = 'open')")
    await scene.end_barriers("reached")
    await scene.advance()
    answer = await asking
    assert (answer.status_code, answer.json()["entries"]) == (201, 1)


async def test_a_refused_list_names_the_portfolio_that_is_not_ready(
    client: httpx.AsyncClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.lag.PAUSES_SECONDS", ())
    await scene.contracts(1)
    tomorrow = await request_list(client, scene, str(DAY + timedelta(days=1)))
    assert (tomorrow.status_code, code_of(tomorrow)) == (409, "portfolio-not-ready")
    assert "Cartera Norte" in tomorrow.json()["detail"]
    assert (await request_list(client, scene, str(DAY - timedelta(days=1)))).status_code == 409
    await scene.portfolio(state=PortfolioState.LOADING)
    assert (await request_list(client, scene)).status_code == 409


async def test_a_list_waits_for_a_staging_run_without_a_connection(
    client: httpx.AsyncClient, scene: Scene, app: FastAPI
) -> None:
    """The staging run has ended, but its event has not been applied yet."""
    await scene.contracts(1)
    tomorrow = DAY + timedelta(days=1)
    with facts_during_lag(app, lambda: scene.portfolio(business_date=tomorrow)):
        asking = asyncio.create_task(request_list(client, scene, str(tomorrow)))
        await scene.until("SELECT EXISTS (SELECT FROM barrier WHERE state = 'open')")
        await scene.end_barriers("reached")
        await scene.advance()
        assert (await asking).status_code == 201


async def test_a_list_that_fails_while_its_request_waits_is_answered_as_a_conflict(
    client: httpx.AsyncClient, scene: Scene
) -> None:
    await scene.contracts(1)
    asking = asyncio.create_task(request_list(client, scene))
    await scene.until("SELECT EXISTS (SELECT FROM barrier WHERE state = 'open')")
    await scene.end_barriers("failed")
    await scene.advance()
    answer = await asking
    assert (answer.status_code, code_of(answer)) == (409, "stale-knowledge")
    assert "portfolio" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/lists", {"campaign_id": str(uuid.UUID(int=7)), "business_date": str(DAY)}),
        ("GET", f"/v1/campaigns/{uuid.UUID(int=7)}", None),
        ("GET", f"/v1/lists/{uuid.UUID(int=7)}", None),
        ("GET", f"/v1/lists/{uuid.UUID(int=7)}/entries", None),
        ("GET", f"/v1/lists/{uuid.UUID(int=7)}/withdrawals", None),
        ("POST", f"/v1/lists/{uuid.UUID(int=7)}/withdrawals", {"contract_number": "1", "reason": "other"}),
        ("POST", f"/v1/lists/{uuid.UUID(int=7)}/acknowledgements", {"cursor": 0}),
        ("GET", f"/v1/withdrawal-report?list_id={uuid.UUID(int=7)}", None),
    ],
)
async def test_an_unknown_list_or_campaign_is_not_found(
    client: httpx.AsyncClient, method: str, path: str, body: Json | None
) -> None:
    answer = await client.request(method, path, json=body)
    assert answer.status_code == 404
    assert code_of(answer).endswith("-unknown")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/lists", {"campaign_id": "x", "business_date": str(DAY)}),
        ("/v1/lists", {"campaign_id": str(uuid.UUID(int=7)), "business_date": "31/02/2026"}),
        ("/v1/lists", {"campaign_id": str(uuid.UUID(int=7)), "business_date": "9999-12-31"}),
        ("/v1/lists", {"campaign_id": str(uuid.UUID(int=7)), "business_date": str(DAY), "force": True}),
        ("/v1/lists/{list_id}/withdrawals", {"contract_number": "1", "reason": "payment"}),
        ("/v1/lists/{list_id}/withdrawals", {"contract_number": "1", "reason": "no_phone"}),
        ("/v1/lists/{list_id}/withdrawals", {"contract_number": "nul\0", "reason": "other"}),
        ("/v1/lists/{list_id}/acknowledgements", {"cursor": -1}),
        ("/v1/lists/{list_id}/acknowledgements", {"cursor": 2**63}),
        ("/v1/lists/{list_id}/acknowledgements", {"cursor": True}),
        ("/v1/lists/{list_id}/acknowledgements", {"cursor": "1"}),
        ("/v1/calls", []),
        ("/v1/calls", {}),
        ("/v1/calls", [{"call_id": "1"}]),
    ],
)
async def test_bad_input_is_refused(client: httpx.AsyncClient, scene: Scene, path: str, body: Any) -> None:
    await scene.contracts(1)
    list_id = await scene.built()
    answer = await client.post(path.format(list_id=list_id), json=body)
    assert (answer.status_code, code_of(answer)) == (422, "invalid")


@pytest.mark.parametrize(
    "change",
    [
        {"call_id": "x" * 65},
        {"call_id": ""},
        {"agent": "nul\0"},
        {"duration_seconds": -1},
        {"duration_seconds": 2**31},
        {"duration_seconds": 86_401},
        {"duration_seconds": 1.5},
        {"duration_seconds": True},
        {"started_at": "2026-11-23"},
        {"started_at": "2026-11-23T10:00:00"},
        {"disposition": "vanished"},
        {"surprise": 1},
    ],
)
async def test_one_malformed_call_refuses_the_whole_request(
    client: httpx.AsyncClient, scene: Scene, change: Json
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    answer = await client.post("/v1/calls", json=[call(list_id, contract), call(list_id, contract, **change)])
    assert (answer.status_code, code_of(answer)) == (422, "invalid")
    assert await scene.rows("SELECT FROM call_result") == []


@pytest.mark.parametrize(
    "query", [{"after": "-1"}, {"after": "1_000"}, {"after": str(2**63)}, {"wait": "61"}, {"wait": "x"}, {"limit": "0"}]
)
async def test_a_bad_cursor_or_wait_is_refused(client: httpx.AsyncClient, scene: Scene, query: dict[str, str]) -> None:
    await scene.contracts(1)
    list_id = await scene.built()
    answer = await client.get(f"/v1/lists/{list_id}/withdrawals", params=query)
    assert (answer.status_code, code_of(answer)) == (422, "invalid")


async def test_an_agency_sees_no_list_that_is_dialled_from_inside(client: httpx.AsyncClient, scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    own = {"Authorization": f"Bearer {mint(agency_id=uuid.uuid4(), subject='agency')}"}
    for path in ("", "/entries", "/withdrawals"):
        assert (await client.get(f"/v1/lists/{list_id}{path}", headers=own)).status_code == 404
    for path in ("/v1/lists", "/v1/campaigns"):
        assert (await client.get(path, headers=own)).json()["items"] == []
    assert (await client.get(f"/v1/campaigns/{scene.campaign_id}", headers=own)).status_code == 404
    assert (await client.get(f"/v1/withdrawal-report?list_id={list_id}", headers=own)).status_code == 404
    for path, body in (
        ("withdrawals", {"contract_number": contract.number, "reason": "other"}),
        ("acknowledgements", {"cursor": 0}),
    ):
        assert (await client.post(f"/v1/lists/{list_id}/{path}", json=body, headers=own)).status_code == 404
    for path in ("/v1/lists", "/v1/campaigns"):
        assert (await client.post(path, json={}, headers=own)).status_code == 403


async def test_what_a_dialer_calls_while_it_dials_has_limits_of_its_own(
    client: httpx.AsyncClient, scene: Scene
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    withdrawal = {"contract_number": contract.number, "reason": "other"}
    for limited_as, method, path, body in (
        ("dialing", "GET", f"/v1/lists/{list_id}/withdrawals", None),
        ("dialing", "POST", f"/v1/lists/{list_id}/withdrawals", withdrawal),
        ("dialing", "POST", f"/v1/lists/{list_id}/acknowledgements", {"cursor": 0}),
        ("dialing", "POST", "/v1/calls", [call(list_id, contract)]),
        ("transfer", "GET", f"/v1/lists/{list_id}/entries", None),
        ("read", "GET", "/v1/lists", None),
        ("write", "POST", "/v1/campaigns", {"name": "Sur"}),
    ):
        answer = await client.request(method, path, json=body)
        assert answer.is_success, answer.text
        assert answer.headers["ratelimit-policy"].startswith(f'"{limited_as}";'), path


async def test_every_route_is_guarded(client: httpx.AsyncClient) -> None:
    app = client._transport.app  # type: ignore[attr-defined]
    assert unguarded_routes(app) == []
    for path in ("/v1/lists", "/v1/campaigns"):
        assert (await client.get(path, headers={"Authorization": ""})).status_code == 401
    reader = {"Authorization": f"Bearer {mint(scopes=['dialer-feed:read'])}"}
    assert (await client.post("/v1/campaigns", json={"name": "x"}, headers=reader)).status_code == 403


async def test_a_withdrawal_sent_twice_with_one_idempotency_key_happens_once(
    client: httpx.AsyncClient, scene: Scene
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    key = {"Idempotency-Key": "once"}
    body = {"contract_number": contract.number, "reason": "opted_out"}
    first = await client.post(f"/v1/lists/{list_id}/withdrawals", json=body, headers=key)
    again = await client.post(f"/v1/lists/{list_id}/withdrawals", json=body, headers=key)
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert len(await scene.rows("SELECT FROM reported_silence")) == 2
