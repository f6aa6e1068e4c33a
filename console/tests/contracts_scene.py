"""Contracts of the sample for the tests of pages: each test takes some that no other test has."""

import itertools
from datetime import date
from typing import Any

import httpx
from console_scene import Scene
from services_in_process import AS_OF

_taken = itertools.count()


async def contract(scene: Scene, stage: str = "early") -> dict[str, Any]:
    """An open contract of the sample that no test has taken yet."""
    found = await scene.platform.get("portfolio", "/v1/contracts", stage=stage, state="open", limit=200)
    return dict(found["items"][next(_taken)])


async def only_contract(scene: Scene) -> dict[str, Any]:
    """The same, of a person who has no other one."""
    while True:
        one = await contract(scene)
        whole = await scene.platform.get("portfolio", f"/v1/contracts/{one['contract_id']}")
        person = await scene.platform.get("portfolio", f"/v1/people/{whole['debtor']['person_id']}")
        if sum(len(customer["contracts"]) for customer in person["customers"]) == 1:
            return one


def path_of(contract: dict[str, Any], part: str = "") -> str:
    return f"/contracts/{contract['contract_id']}{part}"


async def pay(scene: Scene, contract: dict[str, Any], amount: str = "1.00") -> dict[str, Any]:
    path = f"/v1/contracts/{contract['contract_id']}/payments"
    body = {"amount": amount, "paid_on": str(AS_OF), "channel": "spei", "again": True}
    return dict(await scene.platform.post("portfolio", path, body))


async def part(client: httpx.AsyncClient, contract: dict[str, Any], name: str, **parameters: str) -> str:
    """What a part of the contract's page shows."""
    answer = await client.get(path_of(contract, f"/parts/{name}"), params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.text


async def placed(scene: Scene) -> str:
    """Place every overdue contract with a new agency, for dialling. Return the agency's id."""
    platform = scene.platform
    agency = (await platform.post("assignment", "/v1/agencies", {"name": "Cobranza Sur"}))["agency_id"]
    terms = {"kinds": ["dialing"], "starts_on": "2026-01-01", "capacity": 20000, "recall_grace_days": 2, "fees": []}
    await platform.post("assignment", f"/v1/agencies/{agency}/service-contracts", terms)
    rule = {
        "name": "Sur",
        "priority": next(_taken),
        "kind": "dialing",
        "when": {},
        "shares": [{"agency_id": agency, "weight": 1}],
    }
    made = await platform.post("assignment", "/v1/placement-rules", rule)
    await platform.post("assignment", "/v1/placement-runs")
    await platform.post("assignment", f"/v1/placement-rules/{made['rule_id']}/end")
    await platform.settled()
    return str(agency)


def spanish(day: date) -> str:
    return f"{day:%d/%m/%Y}"
