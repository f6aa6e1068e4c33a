"""What assignment adds up may be of any size, and what it keeps has a most."""

import pytest
from placing_scene import Json, Scene, code_of

_AGENCIES = "INSERT INTO agency (name) SELECT 'x' FROM generate_series(1, $1) RETURNING agency_id"
_RULES = """
INSERT INTO placement_rule (name, priority, kind) SELECT 'x', 1, 'dialing' FROM generate_series(1, $1)
RETURNING rule_id
"""
_SERVICE_CONTRACTS = """
INSERT INTO service_contract (agency_id, kinds, starts_on, ends_on, recall_grace_days, attribution_days)
SELECT $1, '{visits}', day, day, 0, 0 FROM (SELECT date '2020-01-01' + n AS day FROM generate_series(1, $2) AS n)
RETURNING service_contract_id
"""
_COMMISSIONS = """
INSERT INTO commission
    (payment_id, placement_id, contract_id, agency_id, kind, earned_on, days_past_due, base, percent, amount, currency)
SELECT gen_random_uuid(), placement_id, contract_id, agency_id, kind, starts_on, 0, amount, 100, amount, 'COP'
FROM placement, (SELECT 999999999999.99 AS amount FROM generate_series(1, 20))
RETURNING payment_id
"""


async def test_totals_of_commissions_are_as_wide_as_their_sum(scene: Scene) -> None:
    _, agency_id, _ = await scene.placed()
    await scene.rows(_COMMISSIONS)
    [total] = (await scene.get(f"/v1/agencies/{agency_id}/commissions"))["totals"]
    assert total == {
        "currency": "COP",
        "items": 20,
        "earned": "19999999999999.80",
        "reversed": "0.00",
        "amount": "19999999999999.80",
    }


async def test_there_is_a_most_of_agencies(scene: Scene) -> None:
    await scene.rows(_AGENCIES, 999)
    await scene.agency()
    await refused(scene, "/v1/agencies", {"name": "Sur"}, "too-many-agencies")


async def test_there_is_a_most_of_rules_that_have_not_ended(scene: Scene) -> None:
    agency_id = await scene.agency("dialing")
    await scene.rows(_RULES, 499)
    rule_id = await scene.rule(agency_id)
    shares = [{"agency_id": agency_id, "weight": 1}]
    body = {"name": "Rule", "priority": 1, "kind": "dialing", "shares": shares}
    await refused(scene, "/v1/placement-rules", body, "too-many-rules")
    await scene.post(f"/v1/placement-rules/{rule_id}/end", expect=200)
    await scene.rule(agency_id)


async def test_there_is_a_most_of_service_contracts_of_an_agency(scene: Scene) -> None:
    agency_id = await scene.agency()
    await scene.rows(_SERVICE_CONTRACTS, agency_id, 199)
    await scene.service_contract(agency_id, "dialing")
    body = {"kinds": ["collection"], "starts_on": "2026-01-01", "recall_grace_days": 2}
    await refused(scene, f"/v1/agencies/{agency_id}/service-contracts", body, "too-many-service-contracts")


async def refused(scene: Scene, path: str, body: Json, code: str) -> None:
    answer = await scene.client.post(path, json=body)
    assert (answer.status_code, code_of(answer)) == (409, code)


@pytest.mark.parametrize("limit", [0, 1001])
async def test_a_page_has_a_most(scene: Scene, limit: int) -> None:
    answer = await scene.client.get("/v1/placements", params={"limit": limit})
    assert answer.status_code == 422
