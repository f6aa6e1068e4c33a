"""HTTP requests of operators and dialers, for dialer-feed's tests."""

import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
from dialing_scene import DAY, Contract, Scene

Json = dict[str, Any]


def code_of(answer: httpx.Response) -> str:
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    return str(answer.json()["type"]).rpartition(":")[2]


async def request_list(client: httpx.AsyncClient, scene: Scene, day: str = str(DAY), **headers: str) -> httpx.Response:
    body = {"campaign_id": str(scene.campaign_id), "business_date": day}
    return await client.post("/v1/lists", json=body, headers=headers)


async def report(client: httpx.AsyncClient, list_id: uuid.UUID, contract: Contract, reason: str, **more: str) -> Json:
    body = {"contract_number": contract.number, "reason": reason, **more}
    answer = await client.post(f"/v1/lists/{list_id}/withdrawals", json=body)
    assert answer.status_code == 201, answer.text
    withdrawal: Json = answer.json()
    return withdrawal


def call(list_id: uuid.UUID, contract: Contract, disposition: str = "no_answer", **changes: Any) -> Json:
    return {
        "call_id": str(uuid.uuid4()),
        "list_id": str(list_id),
        "contract_number": contract.number,
        "phone": contract.phones[0].value,
        "agent": "ana",
        "started_at": datetime.now(UTC).isoformat(),
        "duration_seconds": 30,
        "disposition": disposition,
    } | changes


async def report_calls(client: httpx.AsyncClient, *calls: Json) -> Json:
    answer = await client.post("/v1/calls", json=list(calls))
    assert answer.status_code == 202, answer.text
    outcome: Json = answer.json()
    return outcome
