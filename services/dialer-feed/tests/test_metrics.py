"""The metrics of lists, withdrawals and calls."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from dialer_feed import metrics
from dialer_feed.calls import queries
from dialer_feed.calls.rules import Breach
from dialer_feed.lists import requesting
from dialer_feed.lists.builder import Builder
from dialer_feed.permits import hearing, rules
from dialing_requests import call, report_calls
from dialing_scene import DAY, Scene
from permit_requests import attempt
from prometheus_client import REGISTRY
from recobro_events import barrier, beside


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_series_with_alerts_are_reported_as_zero_at_start() -> None:
    """A series that starts with its first case would hide that case, because Prometheus sees no increase."""
    for acknowledged in ("yes", "no"):
        assert value("wrongful_calls_total", acknowledged=acknowledged) is not None
    for breach in set(Breach) - {Breach.SILENCE}:
        assert value("contact_breaches_total", kind=breach) is not None
    assert value("dialing_lists_total", outcome="failed") is not None
    assert value("withdrawal_seconds_count", reason="payment") is not None
    for outcome in ("granted", *rules.REASONS):
        assert value("permits_total", outcome=outcome) is not None


def test_every_breach_that_is_stored_can_be_asked_for() -> None:
    stored = re.findall(r"THEN '([a-z_]+)' END", queries.RECORD) + re.findall(
        r"ARRAY\['(\w+)'\]", queries.MARK_TOO_FREQUENT
    )
    assert {*stored, Breach.SILENCE} == set(Breach)


async def test_metrics_report_the_oldest_list_in_building_and_the_last_publication(scene: Scene) -> None:
    await scene.contracts(1)
    before = time.time()
    await requesting.request(scene.database, scene.campaign_id, DAY)
    await scene.advance()
    assert before - 1 < (value("dialing_list_oldest_building_timestamp_seconds") or 0) <= time.time()
    published = value("dialing_lists_total", outcome="published") or 0
    await scene.end_barriers("reached")
    await scene.advance()
    await scene.advance()
    assert value("dialing_list_oldest_building_timestamp_seconds") == 0
    assert value("dialing_lists_total", outcome="published") == published + 1
    assert before <= (value("dialing_list_last_published_timestamp_seconds") or 0) <= time.time()


async def test_a_list_whose_barrier_failed_is_counted(scene: Scene) -> None:
    await scene.contracts(1)
    await requesting.request(scene.database, scene.campaign_id, DAY)
    failed = value("dialing_lists_total", outcome="failed") or 0
    await scene.execute("UPDATE barrier SET opened_at = opened_at - $1::interval * 2", barrier.TIMEOUT)
    assert await barrier.expire(scene.database)
    await scene.advance()
    assert value("dialing_lists_total", outcome="failed") == failed + 1


async def test_a_builder_reports_each_search_and_reports_no_list_after_its_end(scene: Scene) -> None:
    metrics.LIST_BUILDS_SINCE.set(1)
    before = time.time()
    async with beside(Builder(scene.database).run(), "builder"):
        while (value("task_last_success_timestamp_seconds", task="list-builder") or 0) < before:
            await scene.rows("SELECT pg_sleep(0.01)")
        metrics.LIST_BUILDS_SINCE.set(1)
    assert value("dialing_list_oldest_building_timestamp_seconds") == 0


async def test_a_withdrawal_its_acknowledgement_and_a_wrongful_call_are_measured(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [paid] = await scene.contracts(1)
    list_id = await scene.built()
    withdrawn = value("withdrawal_seconds_count", reason="payment") or 0
    acknowledged = value("withdrawal_acknowledgement_seconds_count") or 0
    wrongful = value("wrongful_calls_total", acknowledged="yes") or 0
    await scene.receives(paid.paid())
    assert value("withdrawal_seconds_count", reason="payment") == withdrawn + 1
    await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": await scene.base(list_id) + 1})
    assert value("withdrawal_acknowledgement_seconds_count") == acknowledged + 1
    call = {
        "call_id": "1",
        "list_id": str(list_id),
        "contract_number": paid.number,
        "phone": paid.phones[0].value,
        "agent": "ana",
        "started_at": datetime.now(UTC).isoformat(),
        "duration_seconds": 30,
        "disposition": "no_answer",
    }
    assert (await client.post("/v1/calls", json=[call])).json()["accepted"] == 1
    assert value("wrongful_calls_total", acknowledged="yes") == wrongful + 1


async def test_attempts_without_result_and_codes_that_nobody_has_explained_are_counted(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contract, other = await scene.contracts(2)
    list_id = await scene.built()
    begun_at = datetime.now(UTC) - timedelta(hours=5)
    about: dict[str, Any] = {"contract_id": str(contract.contract_id), "phone": contract.phones[0].value}
    await attempt(client, attempt_id="1", started_at=begun_at.isoformat(), **about)
    ended = call(list_id, other, call_id="2", disposition_code="X9")
    del ended["disposition"]
    await report_calls(client, ended)
    await hearing.listen(scene.database, 3600)
    assert (value("overdue_attempts"), value("unexplained_disposition_codes")) == (1, 1)
    meaning = {"agency_id": None, "codes": [{"code": "X9", "disposition": "busy"}]}
    assert (await client.put("/v1/disposition-codes", json=meaning)).status_code == 200
    await hearing.listen(scene.database, 3600)
    assert (value("overdue_attempts"), value("unexplained_disposition_codes")) == (1, 0)
