"""How an agency gives a contract back: recall, acknowledgement, objection, decision, days of grace, end of term."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from placing_scene import DAY, Json, Scene, as_agency, code_of
from recobro_events import Event
from recobro_events.contracts import agency, assignment
from recobro_events.contracts.portfolio import Stage
from recobro_events.testing import published

REASON = {"reason": "the creditor wants it back"}
PATH = "/v1/placements/acknowledgements"


async def recalled(scene: Scene, **terms: Any) -> tuple[Any, str, str]:
    """Recall a placement as an operator. Returns the contract, the agency and the placement's path."""
    contract, agency_id, placement = await scene.placed(**terms)
    path = f"/v1/placements/{placement['placement_id']}"
    await scene.post(f"{path}/recall", REASON)
    return contract, agency_id, path


async def last_events(scene: Scene, event_type: type[Event], agency_type: type[Event]) -> tuple[Any, Any]:
    """The last event of ``event_type``, and the last event of ``agency_type``, which agencies receive."""
    return (await published(scene.database, event_type))[-1], (await published(scene.database, agency_type))[-1]


async def test_an_operator_recalls_and_the_agency_acknowledges(scene: Scene) -> None:
    _, agency_id, path = await recalled(scene)
    pending = await scene.get(path)
    assert (pending["state"], pending["version"], pending["reason"]) == ("recall_pending", 2, REASON["reason"])
    assert pending["final_on"] == str(DAY + timedelta(days=2))
    event, to_agency = await last_events(scene, assignment.PlacementRecallRequested, agency.PlacementRecallRequested)
    assert (event.version, event.reason, event.final_on) == (2, REASON["reason"], DAY + timedelta(days=2))
    assert (to_agency.reason, to_agency.final_on, to_agency.agency_id) == (
        REASON["reason"],
        event.final_on,
        UUID(agency_id),
    )

    done = await scene.post(f"{path}/acknowledgement", headers=as_agency(agency_id))
    assert (done["state"], done["version"], done["ended_on"]) == ("recalled", 3, str(DAY))
    event, to_agency = await last_events(scene, assignment.PlacementRecalled, agency.PlacementRecalled)
    assert (event.version, event.reason, to_agency.reason) == (3, REASON["reason"], REASON["reason"])
    assert await scene.agency_event_types(agency_id) == [
        "PlacementStarted",
        "PlacementRecallRequested",
        "PlacementRecalled",
    ]


async def test_an_agency_acknowledges_many_recalls_and_each_counts_for_itself(scene: Scene) -> None:
    mine, other = await scene.agency("dialing"), await scene.agency("dialing")
    await scene.rule(mine, stages=["early", "late"], min_overdue="100.00")
    await scene.contracts(4)
    ids = [placement["placement_id"] for placement in await scene.placements()]
    for placement_id in ids[:3]:
        await scene.post(f"/v1/placements/{placement_id}/recall", REASON)
    await scene.post(f"/v1/placements/{ids[0]}/acknowledgement", headers=as_agency(mine))
    unknown = str(uuid4())
    body = {"placement_ids": [*ids, ids[1], unknown], "reason": "all stopped"}
    nothing = await scene.post(PATH, body, headers=as_agency(other), expect=200)
    assert (nothing["acknowledged"], {one["type"] for one in nothing["refused"]}) == (
        [],
        {"urn:recobro:problem:placement-unknown"},
    )

    done = await scene.post(PATH, body, headers=as_agency(mine), expect=200)
    assert sorted(done["acknowledged"]) == sorted(ids[1:3])
    refused = {one["placement_id"]: (one["type"].rsplit(":", 1)[-1], one["state"]) for one in done["refused"]}
    assert refused == {
        ids[0]: ("placement-not-pending", "recalled"),
        ids[3]: ("placement-not-pending", "active"),
        unknown: ("placement-unknown", None),
    }
    assert [p["state"] for p in await scene.placements(state="recalled")] == ["recalled"] * 3
    assert {p["decision"] for p in await scene.placements(state="recalled")} == {None, "all stopped"}
    assert (await scene.agency_event_types(mine)).count("PlacementRecalled") == 3
    again = await scene.post(PATH, body, headers=as_agency(mine), expect=200)
    assert (again["acknowledged"], len(again["refused"])) == ([], 5)


async def test_a_contract_that_an_operator_recalled_is_not_placed_with_that_agency_again(scene: Scene) -> None:
    contract, agency_id, path = await recalled(scene)
    await scene.post(f"{path}/acknowledgement", {"reason": "done"})
    outcome = await scene.run()
    assert (outcome["placed"], outcome["unplaced"], outcome["taken_back"]) == (0, 0, 1)
    other = await scene.agency("dialing")
    await scene.rule(agency_id, other, priority=0)
    await scene.receives(contract.revised())
    assert [p["agency_id"] for p in await scene.placements(state="active")] == [other]


@pytest.mark.parametrize("refused", [False, True])
async def test_a_contract_whose_recall_a_person_made_final_is_placed_with_another_agency_at_once(
    scene: Scene, refused: bool
) -> None:
    _, agency_id, path = await recalled(scene)
    other = await scene.agency("dialing")
    await scene.rule(agency_id, other, priority=0)
    if refused:
        await scene.post(f"{path}/objection", {"reason": "a promise for Friday"}, headers=as_agency(agency_id))
        await scene.post(f"{path}/objection-decision", {"accepted": False, "reason": "no"})
    else:
        await scene.post(f"{path}/acknowledgement", headers=as_agency(agency_id))
    placements = [(placement["agency_id"], placement["state"]) for placement in await scene.placements()]
    assert placements == [(agency_id, "recalled"), (other, "active")]
    assert await scene.agency_event_types(other) == ["PlacementStarted"]


async def test_an_accepted_objection_makes_the_placement_active_again(scene: Scene) -> None:
    _, agency_id, path = await recalled(scene)
    objected = await scene.post(f"{path}/objection", {"reason": "a promise for Friday"}, headers=as_agency(agency_id))
    assert (objected["state"], objected["version"], objected["objection"]) == ("objected", 3, "a promise for Friday")
    await scene.day(DAY + timedelta(days=30))
    assert (await scene.get(path))["state"] == "objected", "the objection waits for an operator"

    active = await scene.post(f"{path}/objection-decision", {"accepted": True, "reason": "let us see"})
    assert (active["state"], active["version"], active["final_on"]) == ("active", 4, None)
    event, to_agency = await last_events(scene, assignment.PlacementReinstated, agency.PlacementReinstated)
    assert (event.version, event.reason, event.starts_on, event.ends_on) == (4, "let us see", DAY, None)
    assert to_agency.reason == "let us see"
    await scene.post(f"{path}/recall", REASON)
    assert (await scene.get(path))["version"] == 5


async def test_a_refused_objection_makes_the_recall_final(scene: Scene) -> None:
    _, _, path = await recalled(scene)
    await scene.post(f"{path}/objection", {"reason": "no"})
    done = await scene.post(f"{path}/objection-decision", {"accepted": False, "reason": "yes"})
    assert (done["state"], done["version"], done["reason"], done["decision"]) == (
        "recalled",
        4,
        REASON["reason"],
        "yes",
    )
    event, _ = await last_events(scene, assignment.PlacementRecalled, agency.PlacementRecalled)
    assert event.reason == REASON["reason"]


async def test_objections_are_listed_with_what_became_of_them(scene: Scene) -> None:
    agency_id = await scene.agency("dialing")
    await scene.rule(agency_id, stages=["early", "late"], min_overdue="100.00")
    await scene.contracts(3)
    paths = [f"/v1/placements/{placement['placement_id']}" for placement in await scene.placements()]
    for n, path in enumerate(paths):
        await scene.post(f"{path}/recall", REASON)
        await scene.post(f"{path}/objection", {"reason": f"promise {n}"}, headers=as_agency(agency_id))
    await scene.post(f"{paths[1]}/objection-decision", {"accepted": True, "reason": "let us see"})
    await scene.post(f"{paths[2]}/objection-decision", {"accepted": False, "reason": "no"})

    async def listed(**wanted: Any) -> list[tuple[str, str, str | None]]:
        found = (await scene.get("/v1/objections", params=wanted))["items"]
        return [(item["objection"], item["state"], item["decision"]) for item in found]

    everything = [
        ("promise 0", "open", None),
        ("promise 1", "accepted", "let us see"),
        ("promise 2", "refused", "no"),
    ]
    assert await listed() == everything
    assert await listed(order="desc") == everything[::-1]
    assert await listed(state="open") == everything[:1]
    assert await listed(agency_id=str(UUID(int=1))) == []
    first = await scene.get("/v1/objections", params={"limit": 2})
    assert await listed(limit=2, cursor=first["next_cursor"]) == everything[2:]
    [item] = (await scene.get("/v1/objections", params={"state": "refused"}))["items"]
    assert (item["objected_by"]["agency_id"], item["decided_by"]["subject"]) == (agency_id, "test")
    assert (item["reason"], item["placement_state"]) == (REASON["reason"], "recalled")
    await scene.post(f"{paths[1]}/recall", REASON)
    assert await listed(state="accepted") == everything[1:2], "a later recall does not change what was decided"
    answer = await scene.client.get("/v1/objections", headers=as_agency(agency_id))
    assert answer.status_code == 403


async def test_an_objection_that_a_reversed_payment_settles_has_lapsed(scene: Scene) -> None:
    contract, agency_id, placement = await scene.placed()
    await scene.receives(payment := contract.paid("1500.00"))
    path = f"/v1/placements/{placement['placement_id']}"
    await scene.post(f"{path}/objection", {"reason": "it will bounce"}, headers=as_agency(agency_id))
    await scene.receives(contract.payment_reversed(payment))
    [item] = (await scene.get("/v1/objections"))["items"]
    assert (item["placement_state"], item["state"], item["decision"]) == ("active", "lapsed", None)


async def test_rules_do_not_recall_a_reinstated_placement_for_the_same_reason(scene: Scene) -> None:
    """After an accepted objection the rules recall the placement for another reason only."""
    contract, _, placement = await scene.placed()
    path = f"/v1/placements/{placement['placement_id']}"
    await scene.receives(contract.staged(Stage.LEGAL))
    await scene.post(f"{path}/objection", {"reason": "nearly paid"})
    await scene.post(f"{path}/objection-decision", {"accepted": True, "reason": "all right"})
    await scene.receives(contract.paid("100.00"))
    assert (await scene.run())["recalled"] == 0
    await scene.receives(contract.paid("1400.00"))
    assert (await scene.get(path))["reason"] == "paid_in_full"


async def test_a_recall_is_final_when_the_days_of_grace_are_over(scene: Scene) -> None:
    _, agency_id, path = await recalled(scene)
    await scene.day(DAY + timedelta(days=2))
    assert (await scene.run())["recalls_final"] == 0
    assert (await scene.get(path))["state"] == "recall_pending", "the last day of grace"
    await scene.day(DAY + timedelta(days=3))
    done = await scene.get(path)
    assert (done["state"], done["version"], done["ended_on"]) == ("recalled", 3, str(DAY + timedelta(days=2)))
    assert (await scene.agency_event_types(agency_id))[-1] == "PlacementRecalled"


async def test_the_new_day_of_another_portfolio_ends_nothing(scene: Scene) -> None:
    _, _, path = await recalled(scene)
    other = await scene.portfolio(UUID(int=1), business_date=DAY + timedelta(days=90))
    await scene.portfolio(other, business_date=DAY + timedelta(days=91))
    assert (await scene.get(path))["state"] == "recall_pending"


async def test_a_run_makes_recalls_final_that_no_event_has_made_final(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assignment.handlers.DUE_AT_ONCE", 0)
    _, _, path = await recalled(scene)
    await scene.day(DAY + timedelta(days=3))
    assert (await scene.get(path))["state"] == "recall_pending"
    outcome = await scene.run()
    assert (outcome["recalls_final"], outcome["placed"], outcome["taken_back"]) == (1, 0, 1)
    assert (await scene.get(path))["state"] == "recalled"


async def test_a_placement_ends_with_its_service_contract_and_the_next_one_begins(scene: Scene) -> None:
    last = DAY + timedelta(days=6)
    contract, agency_id, first = await scene.placed(ends_on=str(last))
    assert first["ends_on"] == str(last)
    await scene.day(last)
    assert (await scene.run())["ended"] == 0
    assert (await scene.get(f"/v1/placements/{first['placement_id']}"))["state"] == "active"
    await scene.service_contract(agency_id, "dialing", starts_on=str(last + timedelta(days=1)))
    await scene.day(last + timedelta(days=1))
    old, new = await scene.placements()
    assert (old["state"], old["reason"], old["ended_on"], old["version"]) == ("ended", "term_over", str(last), 2)
    assert (new["state"], new["starts_on"]) == ("active", str(last + timedelta(days=1)))
    event, to_agency = await last_events(scene, assignment.PlacementEnded, agency.PlacementEnded)
    assert (event.placement_id, event.version, event.reason) == (UUID(old["placement_id"]), 2, "term_over")
    assert to_agency.reason == "term_over"
    assert (await scene.agency_event_types(agency_id))[-2:] == ["PlacementEnded", "PlacementStarted"]
    await scene.receives(contract.revised())
    assert len(await scene.placements()) == 2


async def test_a_position_of_the_next_day_ends_a_term_before_the_portfolios_event_arrives(scene: Scene) -> None:
    """The contract's business date decides, whichever event it came with."""
    contract, _, placement = await scene.placed(ends_on=str(DAY))
    await scene.receives(contract.staged(Stage.LATE, as_of=DAY + timedelta(days=1)))
    assert (await scene.get(f"/v1/placements/{placement['placement_id']}"))["state"] == "ended"


WRONG: list[tuple[list[tuple[str, Json]], str, Json, str]] = [
    ([], "acknowledgement", {}, "placement-not-pending"),
    ([], "objection", {"reason": "x"}, "placement-not-pending"),
    ([], "objection-decision", {"accepted": True, "reason": "x"}, "placement-not-objected"),
    ([("recall", REASON)], "recall", REASON, "placement-not-active"),
    ([("recall", REASON)], "objection-decision", {"accepted": True, "reason": "x"}, "placement-not-objected"),
    ([("recall", REASON), ("acknowledgement", {})], "acknowledgement", {}, "placement-not-pending"),
    ([("recall", REASON), ("acknowledgement", {})], "objection", {"reason": "x"}, "placement-not-pending"),
    ([("recall", REASON), ("acknowledgement", {})], "recall", REASON, "placement-not-active"),
    ([("recall", REASON), ("objection", {"reason": "x"})], "acknowledgement", {}, "placement-not-pending"),
    ([("recall", REASON), ("objection", {"reason": "x"})], "objection", {"reason": "x"}, "placement-not-pending"),
]


@pytest.mark.parametrize(("before", "step", "body", "code"), WRONG)
async def test_a_step_in_the_wrong_state_is_a_conflict(
    scene: Scene, before: list[tuple[str, Json]], step: str, body: Json, code: str
) -> None:
    _, _, placement = await scene.placed()
    path = f"/v1/placements/{placement['placement_id']}"
    for earlier, earlier_body in before:
        await scene.post(f"{path}/{earlier}", earlier_body)
    known, events = await scene.get(path), await scene.outbox_ids()
    answer = await scene.client.post(f"{path}/{step}", json=body)
    assert (answer.status_code, code_of(answer)) == (409, code)
    assert await scene.get(path) == known
    assert await scene.outbox_ids() == events


async def test_an_objection_after_the_last_day_of_grace_is_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assignment.handlers.DUE_AT_ONCE", 0)
    _, _, path = await recalled(scene, recall_grace_days=0)
    await scene.day(DAY + timedelta(days=1))
    answer = await scene.client.post(f"{path}/objection", json={"reason": "x"})
    assert (answer.status_code, code_of(answer)) == (409, "grace-over")


@pytest.mark.parametrize(
    ("step", "body"),
    [
        ("recall", {}),
        ("recall", {"reason": ""}),
        ("recall", {"reason": "nul\0"}),
        ("recall", {"reason": "x", "surprise": 1}),
        ("recall", {"reason": "x" * 1001}),
        ("objection", {"reason": None}),
        ("objection-decision", {"accepted": "true", "reason": "x"}),
        ("objection-decision", {"accepted": 1, "reason": "x"}),
        ("objection-decision", {"accepted": True}),
        ("acknowledgement", {"surprise": 1}),
    ],
)
async def test_bad_input_is_refused(scene: Scene, step: str, body: Json) -> None:
    _, _, placement = await scene.placed()
    answer = await scene.client.post(f"/v1/placements/{placement['placement_id']}/{step}", json=body)
    assert (answer.status_code, code_of(answer)) == (422, "invalid")


async def test_a_recall_sent_again_with_its_key_happens_once(scene: Scene) -> None:
    _, _, placement = await scene.placed()
    path = f"/v1/placements/{placement['placement_id']}/recall"
    first = await scene.post(path, REASON, headers={"Idempotency-Key": "once"})
    again = await scene.post(path, REASON, headers={"Idempotency-Key": "once"})
    assert first == again
    assert len(await published(scene.database, assignment.PlacementRecallRequested)) == 1


async def test_after_the_end_an_agency_reads_its_placement_and_nothing_that_was_written_about_it(scene: Scene) -> None:
    _, agency_id, path = await recalled(scene)
    own = as_agency(agency_id)
    await scene.post(f"{path}/objection", {"reason": "María is ill"}, headers=own)
    assert (await scene.get(path, headers=own))["objection"] == "María is ill"
    await scene.post(f"{path}/objection-decision", {"accepted": False, "reason": "María pays us"})
    over = await scene.get(path, headers=own)
    assert (over["state"], over["objection"], over["decision"]) == ("recalled", None, None)
    assert (await scene.get("/v1/placements", headers=own))["items"] == [over]
    for_operators = await scene.get(path)
    assert (for_operators["objection"], for_operators["decision"]) == ("María is ill", "María pays us")
