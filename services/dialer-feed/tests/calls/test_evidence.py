"""The evidence of one call: permit, attempt, result and recording."""

from typing import Any

import httpx
import pytest
from agencies_at_work import Agency, two_agencies
from dialing_requests import Json, call, code_of, report_calls
from dialing_scene import Scene
from permit_requests import clock, granted
from recobro_events.contracts.dialer_feed import CallCompleted
from recobro_events.testing import published

__all__ = ["clock"]
RECORDING = {"uri": "s3://grabaciones/2026/11/m1-1.wav", "sha256": "ab" * 32, "announced": True}


async def evidence(client: httpx.AsyncClient, call_id: str, headers: Json | None = None, **wanted: Any) -> Any:
    answer = await client.get(f"/v1/calls/{call_id}", headers=headers, params=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
async def agencies(scene: Scene, client: httpx.AsyncClient) -> tuple[Agency, Agency]:
    return await two_agencies(scene, client)


@pytest.mark.usefixtures("calls_of_any_age")
@pytest.mark.usefixtures("clock")
async def test_a_call_is_proven_from_its_permit_to_its_recording(
    scene: Scene, client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    own, _ = agencies
    await scene.hears()
    caller_id = "+525587654321"
    demands = {"caller_ids": [caller_id], "permits": "required"}
    assert (await client.put(f"/v1/campaigns/{own.campaign_id}/demands", json=demands)).status_code == 200
    number = own.contract.phones[0].value
    asked = {"list_id": str(own.list_id), "contract_number": own.contract.number, "phone": number}
    permit = await granted(client, asked | {"caller_id": caller_id})
    started_at = "2026-11-23T18:00:05Z"
    begun = {"attempt_id": "m1-1", "permit_id": permit["permit_id"], "started_at": started_at}
    answer = await client.post("/v1/attempts", json=begun, headers=own.headers)
    assert answer.status_code == 201, answer.text
    ended = call(own.list_id, own.contract, "right_party", call_id="m1-1", started_at=started_at, recording=RECORDING)
    reported = await client.post("/v1/calls", json=[ended], headers=own.headers)
    assert reported.json()["accepted"] == 1, reported.text
    known = await evidence(client, "m1-1")
    assert (known["call"]["disposition"], known["call"]["phone"]) == ("right_party", number)
    assert (known["permit"]["permit_id"], known["permit"]["granted"]) == (permit["permit_id"], True)
    assert (known["permit"]["caller_id"], known["permit"]["attempts"]) == (caller_id, 0)
    assert (known["attempt"]["permit"], known["attempt"]["started_at"]) == ("valid", started_at)
    assert known["attempt"]["ended_at"] is not None
    assert known["recording"] == RECORDING
    [event] = await published(scene.database, CallCompleted)
    assert event.recording == RECORDING["uri"]
    mine = await evidence(client, "m1-1", own.headers)
    assert mine["recording"] == RECORDING
    assert (mine["call"]["phone"], mine["permit"]["attempts"], mine["permit"]["heard_at"]) == (None, None, None)


async def test_an_agency_finds_its_own_calls_and_an_operator_says_whose_it_means(
    client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    own, other = agencies
    await report_calls(client, *(call(own.list_id, own.contract, call_id=call_id) for call_id in ("m1-1", "m1-2")))
    await report_calls(client, call(other.list_id, other.contract, call_id="m1-1"))
    known = await evidence(client, "m1-2")
    assert (known["permit"], known["attempt"], known["recording"]) == (None, None, None)
    assert code_of(await client.get("/v1/calls/m1-1")) == "call-ambiguous"
    for agency in (own, other):
        by_operator = await evidence(client, "m1-1", agency_id=agency.agency_id)
        assert by_operator["call"]["contract_id"] == str(agency.contract.contract_id)
        assert (await evidence(client, "m1-1", agency.headers))["call"] == by_operator["call"] | {"phone": None}
    assert code_of(await client.get("/v1/calls/m1-2", headers=other.headers)) == "call-unknown"
    assert code_of(await client.get("/v1/calls/none")) == "call-unknown"


@pytest.mark.parametrize(
    "wrong",
    [
        {"uri": "grabaciones/1.wav"},
        {"uri": "https://ana:secreto@grabaciones/1.wav"},
        {"uri": "https://" + "a" * 500},
        {"sha256": "ab"},
        {"announced": None},
    ],
)
async def test_a_bad_address_of_a_recording_is_refused(
    scene: Scene, client: httpx.AsyncClient, agencies: tuple[Agency, Agency], wrong: Json
) -> None:
    own, _ = agencies
    answer = await client.post("/v1/calls", json=[call(own.list_id, own.contract, recording=RECORDING | wrong)])
    assert (answer.status_code, code_of(answer)) == (422, "invalid")
    assert await scene.rows("SELECT FROM call_result") == []
