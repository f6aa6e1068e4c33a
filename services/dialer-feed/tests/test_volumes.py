"""Volumes have bounds, each with a sentence that says it."""

import json
import uuid
from typing import Any

import httpx
import pytest
from dialer_feed.calls import recording
from dialer_feed.campaigns import rules
from dialer_feed.lists import building, requesting
from dialer_feed.withdrawals import dialer_reports, queries
from dialing_requests import call, code_of, report, report_calls
from dialing_scene import DAY, Scene


async def test_an_agency_has_a_bounded_number_of_campaigns(scene: Scene, client: httpx.AsyncClient) -> None:
    full, free = str(uuid.uuid4()), str(uuid.uuid4())
    await scene.execute(
        "INSERT INTO campaign (agency_id, name, min_overdue, stages, payment_holdoff_days)"
        " SELECT $1, 'x', 1, '{}', 1 FROM generate_series(1, $2)",
        full,
        rules.MOST_CAMPAIGNS,
    )
    refused = await client.post("/v1/campaigns", json={"name": "Sur", "agency_id": full})
    assert (refused.status_code, code_of(refused)) == (409, "too-many-campaigns")
    assert "1000" in refused.json()["detail"]
    for body in ({"name": "Sur", "agency_id": free}, {"name": "Sur"}):
        assert (await client.post("/v1/campaigns", json=body)).status_code == 201


async def test_a_list_that_fails_can_be_requested_again_a_bounded_number_of_times(scene: Scene) -> None:
    await scene.execute(
        "INSERT INTO dialing_list (campaign_id, business_date, status, barrier_id)"
        " SELECT $1, $2, 'failed', $1 FROM generate_series(1, $3)",
        scene.campaign_id,
        DAY,
        requesting.MOST_LISTS_A_DAY,
    )
    with pytest.raises(requesting.TooManyLists):
        await requesting.request(scene.database, scene.campaign_id, DAY)
    await requesting.request(scene.database, await scene.campaign(), DAY)


async def test_a_list_with_too_many_entries_fails_with_a_sentence(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "MOST_ENTRIES", 2)
    await scene.contracts(2)
    assert (await scene.the_list(await scene.built()))["entries"] == 2
    await scene.contracts(1)
    failed = await scene.the_list(await scene.built(campaign_id=await scene.campaign()))
    assert (failed["status"], failed["error"]) == ("failed", "too-many-entries")
    assert failed["error_detail"] == "More than 2 contracts would be on the list. Narrow the campaign."


async def test_a_contract_has_a_bounded_number_of_calls_by_one_list(
    scene: Scene, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MOST_CALLS", 3)
    busy, other = await scene.contracts(2)
    list_id = await scene.built()
    first = [call(list_id, busy) for _ in range(2)]
    assert (await report_calls(client, *first))["rejected"] == []
    one_more, too_many = call(list_id, busy), call(list_id, busy)
    outcome = await report_calls(client, *first, one_more, too_many, call(list_id, other))
    assert outcome["accepted"] == 4
    assert [(refusal["call_id"], refusal["code"]) for refusal in outcome["rejected"]] == [
        (too_many["call_id"], "too-many-calls")
    ]
    assert (await report_calls(client, too_many))["accepted"] == 0
    assert len(await scene.rows("SELECT FROM call_result")) == 4


async def test_a_contract_is_withdrawn_by_hand_a_bounded_number_of_times(
    scene: Scene, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialer_reports, "MOST_BY_HAND", 2)
    busy, other = await scene.contracts(2)
    list_id = await scene.built()
    for _ in range(2):
        await report(client, list_id, busy, "deceased")
    body = {"contract_number": busy.number, "reason": "deceased"}
    refused = await client.post(f"/v1/lists/{list_id}/withdrawals", json=body)
    assert (refused.status_code, code_of(refused)) == (409, "too-many-reports")
    await report(client, list_id, other, "deceased")


def _compared(plan: dict[str, Any]) -> int:
    """The rows that the plan has read or compared, over all loops."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Join Filter", 0) + plan.get("Rows Removed by Filter", 0)
    return int(own * plan["Actual Loops"]) + sum(map(_compared, plan.get("Plans", [])))


async def test_the_report_on_withdrawals_grows_with_their_number(scene: Scene) -> None:
    """A dialer may acknowledge each withdrawal by itself."""
    work = []
    for size in (200, 800):
        list_id = uuid.uuid4()
        await scene.execute(_WITHDRAWN, list_id, size)
        await scene.execute(_ACKNOWLEDGED, list_id, size)
        await scene.execute("ANALYZE list_entry, acknowledgement")
        [[plan]] = await scene.rows(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) {queries.REPORT}", list_id)
        work.append(_compared((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))
    assert work[1] < 6 * work[0]


_WITHDRAWN = """
INSERT INTO list_entry (contract_id, list_id, contract_number, overdue_balance, days_past_due, contact_ids, status,
    reason, caused_at, withdrawn_at, cursor)
SELECT uuidv7(), $1, n::text, 1, 1, '{}', 'withdrawn', 'other', now(), now(), n FROM generate_series(1, $2::bigint) AS n
"""
_ACKNOWLEDGED = """
INSERT INTO acknowledgement (list_id, dialer_id, after_cursor, up_to_cursor, acknowledged_at)
SELECT $1, 'dialer', n - 1, n, now() FROM generate_series(1, $2::bigint) AS n
"""
