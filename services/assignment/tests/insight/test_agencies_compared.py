"""Agencies side by side: what they were given and lost, why, and what they earned; each number lists its items."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from chassis.testing.followed import followed
from placing_scene import DAY, Contract, Json, Scene, as_agency

FEES = [{"kind": "dialing", "from_days": 0, "percent": "10"}]
PERIOD = {"from": str(DAY - timedelta(days=5)), "to": str(DAY + timedelta(days=5))}


@pytest.fixture
async def two(scene: Scene) -> tuple[str, str]:
    """Two agencies share six contracts; the one with more loses one to the other, and one of its contracts is paid."""
    agencies = [await scene.agency("dialing", fees=FEES) for _ in range(2)]
    await scene.rule(*agencies, stages=["early", "late"])
    contracts = {str(contract.contract_id): contract for contract in await scene.contracts(6)}
    placements = {agency_id: await scene.placements(agency_id=agency_id) for agency_id in agencies}
    other, first = sorted(agencies, key=lambda agency_id: len(placements[agency_id]))
    mine = placements[first]
    path = f"/v1/placements/{mine[0]['placement_id']}"
    await scene.post(f"{path}/recall", {"reason": "service level"})
    await scene.post(f"{path}/acknowledgement", {"reason": "done"}, headers=as_agency(first))
    paid: Contract = contracts[mine[1]["contract_id"]]
    await scene.receives(paid.paid("50.00"))
    await scene.post(f"/v1/placements/{mine[1]['placement_id']}/recall", {"reason": "why not"})
    return first, other


async def compared(scene: Scene, name: str, headers: dict[str, str] | None = None, **wanted: Any) -> list[Json]:
    answer = await scene.client.get(f"/v1/insight/{name}", params=PERIOD | wanted, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def count(scene: Scene, address: str) -> int:
    answer: httpx.Response = await scene.client.get(httpx.URL(address).copy_merge_params({"limit": "1000"}))
    assert answer.status_code == 200, answer.text
    return len(answer.json()["items"])


async def test_agencies_stand_side_by_side(scene: Scene, two: tuple[str, str]) -> None:
    first, other = two
    found = {row["agency_id"]: row for row in await compared(scene, "placements")}
    assert sum(row["placed"] for row in found.values()) >= 6
    assert (found[first]["recalled"], found[first]["ended"]) == (1, 0)
    # Chance may have given all contracts to one agency.
    assert found.get(other, {"recalled": 0})["recalled"] == 0
    assert found[first]["recall_rate"] == round(1 / found[first]["placed"], 4)
    for row in found.values():
        for name in ("placed", "recalled", "ended"):
            assert await count(scene, row[f"{name}_items"]) == row[name], (row, name)
    [recall] = await compared(scene, "recalls")
    assert (recall["agency_id"], recall["reason"], recall["recalled"]) == (first, "service level", 1)
    assert await count(scene, recall["items"]) == 1
    [earned] = await compared(scene, "commissions")
    assert (earned["agency_id"], earned["payments"], earned["recovered"]) == (first, 1, "50.00")
    assert (earned["earned"], earned["amount"], earned["commission_rate"]) == ("5.00", "5.00", 0.1)
    assert await count(scene, earned["items"]) == 1
    later: dict[str, Any] = {"from": str(DAY + timedelta(days=3)), "to": str(DAY + timedelta(days=5))}
    for name in ("placements", "recalls", "commissions"):
        assert await compared(scene, name, **later) == []


async def test_an_agency_is_compared_with_nobody(scene: Scene, two: tuple[str, str]) -> None:
    first, other = two
    for name in ("placements", "recalls", "commissions"):
        rows = await compared(scene, name, as_agency(first), agency_id=other)
        assert {row["agency_id"] for row in rows} == {first}, name
    assert await compared(scene, "commissions", as_agency(other)) == []
    assert (await scene.client.get("/v1/today", headers=as_agency(first))).status_code == 403


@pytest.mark.usefixtures("two")
async def test_what_waits_is_counted(scene: Scene) -> None:
    assert await followed(scene.client, await scene.get("/v1/today")) == {
        "placements.recall_pending": 1,
        "objections.open": 0,
    }
