"""What a person does in assignment names that person; what an event does names nobody."""

from chassis.testing import mint
from placing_scene import Scene, as_agency

_ACTORS = """
SELECT actor ->> 'subject' AS placed, recall_actor ->> 'subject' AS recalled,
    objection_actor ->> 'subject' AS objected, decision_actor ->> 'subject' AS decided
FROM placement
"""


def person(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint(subject=name)}"}


async def test_agencies_service_contracts_and_rules_name_who_made_and_who_ended_them(scene: Scene) -> None:
    made = await scene.post("/v1/agencies", {"name": "Sur"}, headers=person("ana"))
    terms = {"kinds": ["dialing"], "starts_on": "2026-01-01", "recall_grace_days": 2}
    path = f"/v1/agencies/{made['agency_id']}/service-contracts"
    await scene.post(path, terms, headers=person("luis"))
    shares = [{"agency_id": made["agency_id"], "weight": 1}]
    body = {"name": "Rule", "priority": 1, "kind": "dialing", "shares": shares}
    rule = await scene.post("/v1/placement-rules", body, headers=person("eva"))
    await scene.post(f"/v1/placement-rules/{rule['rule_id']}/end", expect=200, headers=person("eva"))
    for table, column, subject in (
        ("agency", "actor", "ana"),
        ("service_contract", "actor", "luis"),
        ("placement_rule", "actor", "eva"),
        ("placement_rule", "end_actor", "eva"),
    ):
        [[found]] = await scene.rows(f"SELECT {column} ->> 'subject' FROM {table}")
        assert found == subject, (table, column)


async def test_each_step_of_a_recall_names_who_took_it(scene: Scene) -> None:
    _, agency_id, placement = await scene.placed()
    path = f"/v1/placements/{placement['placement_id']}"
    assert tuple((await scene.rows(_ACTORS))[0]) == (None, None, None, None), "an event has placed it"
    await scene.post(f"{path}/recall", {"reason": "audit"}, headers=person("ana"))
    await scene.post(f"{path}/objection", {"reason": "promised"}, headers=as_agency(agency_id))
    await scene.post(f"{path}/objection-decision", {"accepted": False, "reason": "no"}, headers=person("luis"))
    assert tuple((await scene.rows(_ACTORS))[0]) == (None, "ana", "agency", "luis")


async def test_a_run_names_who_requested_it_in_what_it_places(scene: Scene) -> None:
    await scene.contracts(1)
    await scene.rule(await scene.agency("dialing"))
    await scene.post("/v1/placement-runs", {}, expect=200, headers=person("ana"))
    assert tuple((await scene.rows(_ACTORS))[0]) == ("ana", None, None, None)


async def test_reading_commissions_is_an_entry_of_the_audit_table(scene: Scene) -> None:
    agency_id = await scene.agency()
    await scene.get(f"/v1/agencies/{agency_id}/commissions", headers=as_agency(agency_id))
    [entry] = await scene.rows("SELECT actor, objects FROM audit_entry WHERE route LIKE '%/commissions'")
    assert (entry["actor"]["agency_id"], [str(one) for one in entry["objects"]]) == (agency_id, [agency_id])
