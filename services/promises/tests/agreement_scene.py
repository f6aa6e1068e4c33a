"""Agreements in tests: who proposes and who decides, and the requests."""

from typing import Any

import httpx
from chassis.testing import mint
from promise_scene import Contract, Json, Scene, day
from recobro_platform import SCOPES


def person(name: str, role: str | None = None) -> dict[str, str]:
    """Return the headers of a person with a role beside that of an operator."""
    scopes = (*SCOPES, f"role:{role}") if role else SCOPES
    return {"Authorization": f"Bearer {mint(scopes, subject=name)}"}


ANA = person("ana")
EVA = person("eva", "supervisor")
LUZ = person("luz", "director")
RECORDING = {"by": "recording", "proof": "rec-17"}


def schedule(*parts: tuple[int, str]) -> list[Json]:
    return [{"due_on": str(day(due)), "amount": amount} for due, amount in parts]


async def request(
    scene: Scene, contract: Contract, kind: str = "settlement", headers: dict[str, str] = ANA, **body: Any
) -> httpx.Response:
    new = {"contract_id": str(contract.contract_id), "kind": kind} | body
    return await scene.client.post("/v1/agreements", json=new, headers=headers)


async def proposed(
    scene: Scene, contract: Contract, kind: str = "settlement", headers: dict[str, str] = ANA, **body: Any
) -> Json:
    answer = await request(scene, contract, kind, headers, **body)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


async def act(
    scene: Scene, agreement: Json, name: str, body: Json | None = None, headers: dict[str, str] = EVA
) -> httpx.Response:
    path = f"/v1/agreements/{agreement['agreement_id']}/{name}"
    return await scene.client.post(path, json=body, headers=headers)


async def done(
    scene: Scene, agreement: Json, name: str, body: Json | None = None, headers: dict[str, str] = EVA
) -> Json:
    answer = await act(scene, agreement, name, body, headers)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


async def active(scene: Scene, contract: Contract, kind: str = "settlement", **body: Any) -> Json:
    """Return an agreement in force, proposed by Ana and approved by Eva."""
    agreement = await proposed(scene, contract, kind, **body)
    await done(scene, agreement, "approval")
    return await done(scene, agreement, "acceptance", RECORDING)


async def read(scene: Scene, agreement: Json) -> Json:
    answer = await scene.client.get(f"/v1/agreements/{agreement['agreement_id']}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found
