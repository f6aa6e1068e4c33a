"""Calls are recorded once, withdraw where their disposition is a reason, and are marked when they are wrongful."""

import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from dialing_requests import call, report_calls
from dialing_scene import Scene
from fastapi import FastAPI
from recobro_events import Event, Lane
from recobro_events.contracts.dialer_feed import (
    CallCompleted,
    ClarificationRequested,
    ContactInvalid,
    DebtorReported,
    OptOutRequested,
    PaymentClaimed,
    WrongfulCallDetected,
)
from recobro_events.testing import published
from unlisted_calls import by_id


async def test_calls_are_recorded_once_and_rejected_one_by_one(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    good = call(list_id, contract, "right_party", phone="(55) 1234-5601")
    outcome = await report_calls(
        client,
        good,
        good,
        call(uuid.uuid4(), contract, call_id="no-list"),
        call(list_id, scene.contract(), call_id="no-entry"),
        call(list_id, contract, call_id="future", started_at="2099-01-01T00:00:00Z"),
        call(list_id, contract, call_id="past", started_at="2000-01-01T00:00:00Z"),
    )
    assert outcome["accepted"] == 1
    assert [(refusal["call_id"], refusal["code"]) for refusal in outcome["rejected"]] == [
        ("no-list", "list-unknown"),
        ("no-entry", "contract-unknown"),
        ("future", "starts-in-the-future"),
        ("past", "too-old"),
    ]
    assert [(item["call_id"], item["status"]) for item in outcome["items"]] == [
        (good["call_id"], "recorded"),
        (good["call_id"], "repeated"),
    ]
    again = await report_calls(client, good)
    assert (again["accepted"], again["without_effect"], again["rejected"]) == (1, 0, [])
    assert [item["status"] for item in again["items"]] == ["known"]
    [event] = await published(scene.database, CallCompleted)
    assert (event.call_id, event.contact_id, event.right_party) == (
        good["call_id"],
        contract.phones[0].contact_id,
        True,
    )
    assert len(await scene.rows("SELECT FROM call_result")) == 1


@pytest.mark.parametrize(
    ("disposition", "event_type"),
    [
        ("payment_claimed", PaymentClaimed),
        ("clarification", ClarificationRequested),
        ("wrong_number", ContactInvalid),
        ("opted_out", OptOutRequested),
        ("deceased", DebtorReported),
        ("represented", DebtorReported),
    ],
)
async def test_a_call_whose_disposition_is_a_reason_withdraws_for_that_reason(
    scene: Scene, client: httpx.AsyncClient, disposition: str, event_type: type[Event]
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    ended = call(list_id, contract, disposition)
    await report_calls(client, ended)
    await report_calls(client, ended)
    # A reason of a number takes the number off the entry, which has another one.
    items = [(row["contract_number"], row["reason"]) for row in await scene.rows(_ITEMS, list_id)]
    assert items == [(contract.number, disposition)]
    assert len(await published(scene.database, event_type)) == 1
    assert await published(scene.database, WrongfulCallDetected) == []


_ITEMS = """
SELECT contract_number, reason FROM list_entry WHERE list_id = $1 AND cursor IS NOT NULL
UNION ALL SELECT contract_number, reason FROM entry_change WHERE list_id = $1
"""


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_a_call_after_the_withdrawal_is_wrongful(
    scene: Scene, client: httpx.AsyncClient, acknowledged: bool
) -> None:
    paid, other = await scene.contracts(2)
    list_id = await scene.built()
    before = datetime.now(UTC) - timedelta(minutes=1)
    await scene.receives(paid.paid())
    if acknowledged:
        await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": await scene.base(list_id) + 1})
    await report_calls(
        client,
        call(list_id, paid, call_id="before", started_at=before.isoformat()),
        call(list_id, paid, call_id="after"),
        call(list_id, other, call_id="fine"),
    )
    [event] = await published(scene.database, WrongfulCallDetected)
    assert event.call_id == "after"
    assert event.called_at > event.withdrawn_at
    answer = await client.get("/v1/withdrawal-report", params={"list_id": str(list_id)})
    report = answer.json()
    assert (report["wrongful_calls"], report["wrongful_calls_after_acknowledgement"]) == (1, int(acknowledged))


async def test_the_relay_is_woken_for_calls_that_were_new(
    scene: Scene, client: httpx.AsyncClient, app: FastAPI
) -> None:
    [contract] = await scene.contracts(1)
    made = by_id(contract)
    woken: list[object] = []
    app.state.database.on_outbox(woken.append)
    await report_calls(client, made)
    await report_calls(client, made)
    assert woken == [{Lane.EVENTS: True}]
