"""Agencies, service contracts and rules over HTTP; the rights of tokens; events about agencies' lists."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from chassis.testing import facts_during_lag, mint, unguarded_routes
from fastapi import FastAPI
from placing_scene import DAY, Contract, Json, Scene, as_agency, code_of
from recobro_events.contracts import agency
from recobro_events.contracts.assignment import AgencyChanged
from recobro_events.contracts.dialer_feed import ListEntryWithdrawn, WithdrawalReason
from recobro_events.testing import published

NOBODY = uuid.UUID(int=7)


async def test_creating_an_agency_publishes_the_first_event_of_its_topic(scene: Scene) -> None:
    made = await scene.post("/v1/agencies", {"name": "Cobranza Sur", "email": "ana@sur.example"})
    assert (made["name"], made["email"]) == ("Cobranza Sur", "ana@sur.example")
    assert await scene.get(f"/v1/agencies/{made['agency_id']}") == made
    [event] = await published(scene.database, agency.AgencyRegistered)
    assert event.agency_id == UUID(made["agency_id"])
    [row] = await scene.rows("SELECT topic FROM outbox_agencies")
    assert row["topic"] == f"agency.{made['agency_id']}.events"
    second = await scene.post("/v1/agencies", {"name": "Norte"})
    first_page = await scene.get("/v1/agencies", params={"limit": 1})
    rest = await scene.get("/v1/agencies", params={"cursor": first_page["next_cursor"]})
    assert first_page["items"] + rest["items"] == [made, second]


async def test_what_letters_say_of_an_agency_is_published_with_a_version(scene: Scene) -> None:
    agency_id = await scene.agency()
    path = f"/v1/agencies/{agency_id}"
    letterhead = {"legal_name": "Sur, S.C.", "address": "Calle 1", "phones": ["+525555550100"]}
    answer = await scene.client.patch(path, json=letterhead)
    assert answer.status_code == 200, answer.text
    nothing = dict.fromkeys(("tax_id", "complaints_unit", "payment_instructions"))
    assert answer.json()["letterhead"] == letterhead | nothing
    answer = await scene.client.patch(path, json={"address": None, "complaints_unit": "UNE"})
    assert answer.json()["letterhead"] == letterhead | nothing | {"address": None, "complaints_unit": "UNE"}
    events = await published(scene.database, AgencyChanged)
    assert [(event.version, event.letterhead.address) for event in events] == [(1, None), (2, "Calle 1"), (3, None)]
    assert (await scene.client.patch(f"/v1/agencies/{NOBODY}", json=letterhead)).status_code == 404
    assert (await scene.client.patch(path, json={"phones": ["1"] * 6})).status_code == 422


BAD_PERCENTS = ("100.01", "-1", "NaN", "Infinity", "1e1", "1_0", "abc", "", "0.0001", 10, True, None)
TERMS: Json = {"kinds": ["dialing", "visits"], "starts_on": "2026-01-01", "recall_grace_days": 3}


async def test_a_service_contract_is_created_and_listed(scene: Scene) -> None:
    agency_id = await scene.agency()
    fees = [
        {"kind": "visits", "from_days": 0, "to_days": None, "percent": "20"},
        {"kind": "dialing", "from_days": 31, "to_days": 90, "percent": "12.50"},
        {"kind": "dialing", "from_days": 0, "to_days": 30, "percent": "10"},
    ]
    body = TERMS | {"ends_on": "2026-12-31", "capacity": 500, "fees": fees, "attribution_days": 10}
    made = await scene.service_contract(agency_id, **body)
    assert made["fees"] == [fees[2], fees[1], fees[0]]
    assert {name: made[name] for name in body if name != "fees"} == {n: body[n] for n in body if n != "fees"}
    later = await scene.service_contract(agency_id, "dialing", starts_on="2027-01-01")
    assert (later["ends_on"], later["capacity"], later["fees"], later["attribution_days"]) == (None, None, [], 0)
    path = f"/v1/agencies/{agency_id}/service-contracts"
    first_page = await scene.get(path, params={"limit": 1})
    rest = await scene.get(path, params={"cursor": first_page["next_cursor"]})
    assert first_page["items"] + rest["items"] == [made, later]


@pytest.mark.parametrize(
    ("terms", "overlaps"),
    [
        ({"kinds": ["dialing"], "starts_on": "2026-06-30"}, True),
        ({"kinds": ["collection", "visits"], "starts_on": "2025-01-01", "ends_on": "2026-01-01"}, True),
        ({"kinds": ["dialing"], "starts_on": "2020-01-01"}, True),
        ({"kinds": ["dialing"], "starts_on": "2026-03-01", "ends_on": "2026-03-01"}, True),
        ({"kinds": ["collection"], "starts_on": "2026-01-01"}, False),
        ({"kinds": ["dialing"], "starts_on": "2026-07-01"}, False),
        ({"kinds": ["dialing"], "starts_on": "2025-01-01", "ends_on": "2025-12-31"}, False),
    ],
)
async def test_an_agency_has_one_service_contract_per_kind_and_day(scene: Scene, terms: Json, overlaps: bool) -> None:
    agency_id = await scene.agency()
    known = await scene.service_contract(agency_id, **(TERMS | {"ends_on": "2026-06-30"}))
    await scene.service_contract(await scene.agency(), **TERMS)
    answer = await scene.client.post(f"/v1/agencies/{agency_id}/service-contracts", json=TERMS | terms)
    assert answer.status_code == (409 if overlaps else 201)
    if overlaps:
        assert code_of(answer) == "service-contracts-overlap"
        assert answer.json()["service_contract_id"] == known["service_contract_id"]


@pytest.mark.parametrize(
    "change",
    [
        {"kinds": []},
        {"kinds": ["dialing", "dialing"]},
        {"kinds": ["letters"]},
        {"starts_on": "31/12/2026"},
        {"starts_on": "9999-12-31"},
        {"ends_on": "2025-12-31"},
        {"capacity": 0},
        {"capacity": True},
        {"capacity": 2**31},
        {"recall_grace_days": -1},
        {"recall_grace_days": "2"},
        {"attribution_days": -1},
        {"fees": [{"kind": "collection", "from_days": 0, "percent": "10"}]},
        {"fees": [{"kind": "dialing", "from_days": 10, "to_days": 9, "percent": "10"}]},
        {"fees": [{"kind": "dialing", "from_days": -1, "percent": "10"}]},
        {"fees": [{"kind": "dialing", "from_days": days, "percent": "10"} for days in (0, 9)]},
        *({"fees": [{"kind": "dialing", "from_days": 0, "percent": bad}]} for bad in BAD_PERCENTS),
        {"surprise": 1},
    ],
)
async def test_a_bad_service_contract_is_refused(scene: Scene, change: Json) -> None:
    agency_id = await scene.agency()
    answer = await scene.client.post(f"/v1/agencies/{agency_id}/service-contracts", json=TERMS | change)
    assert (answer.status_code, code_of(answer)) == (422, "invalid"), answer.text
    assert await scene.rows("SELECT FROM service_contract") == []


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "nul\0"}, {"name": "x", "email": "nobody"}, {"name": 1}])
async def test_a_bad_agency_is_refused(scene: Scene, body: Json) -> None:
    answer = await scene.client.post("/v1/agencies", json=body)
    assert (answer.status_code, code_of(answer)) == (422, "invalid")


async def test_a_rule_is_created_listed_and_ended(scene: Scene) -> None:
    agency_id = await scene.agency("dialing")
    when = {
        "stages": ["early", "late"],
        "min_overdue": "100.00",
        "segments": ["chronic"],
        "steps": ["direct_contact"],
        "states": ["Jalisco"],
        "products": ["card"],
        "portfolio_ids": [str(uuid.uuid4())],
        "internal_attempts_min": 2,
    }
    body: Json = {"name": "Default", "priority": 5, "kind": "dialing", "when": when}
    body["shares"] = [{"agency_id": agency_id, "weight": 3}]
    made = await scene.post("/v1/placement-rules", body)
    assert {name: made[name] for name in body} == body
    assert made["ended_at"] is None
    path = f"/v1/placement-rules/{made['rule_id']}"
    assert await scene.get(path) == made
    everything = await scene.post("/v1/placement-rules", {n: v for n, v in body.items() if n != "when"})
    assert set(everything["when"].values()) == {None}
    first_page = await scene.get("/v1/placement-rules", params={"limit": 1})
    rest = await scene.get("/v1/placement-rules", params={"cursor": first_page["next_cursor"]})
    assert first_page["items"] + rest["items"] == [made, everything]
    ended = await scene.post(f"{path}/end", expect=200)
    assert ended["ended_at"] is not None
    again = await scene.client.post(f"{path}/end")
    assert (again.status_code, code_of(again)) == (409, "rule-ended")


RULE: Json = {"name": "Rule", "priority": 1, "kind": "dialing", "shares": [{"agency_id": str(NOBODY), "weight": 1}]}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({}, 404, "agency-unknown"),
        ({"shares": []}, 422, "invalid"),
        ({"shares": RULE["shares"] * 2}, 422, "invalid"),
        ({"shares": [{"agency_id": str(NOBODY), "weight": 0}]}, 422, "invalid"),
        ({"shares": [{"agency_id": str(NOBODY), "weight": 1.5}]}, 422, "invalid"),
        ({"shares": [{"agency_id": "x", "weight": 1}]}, 422, "invalid"),
        ({"kind": "letters"}, 422, "invalid"),
        ({"priority": -1}, 422, "invalid"),
        ({"priority": 2**31}, 422, "invalid"),
        ({"when": {"stages": []}}, 422, "invalid"),
        ({"when": {"stages": ["ancient"]}}, 422, "invalid"),
        ({"when": {"segments": ["Nice!"]}}, 422, "invalid"),
        ({"when": {"min_overdue": "1e400"}}, 422, "invalid"),
        ({"when": {"min_overdue": "-1.00"}}, 422, "invalid"),
        ({"when": {"min_overdue": 100}}, 422, "invalid"),
        ({"when": {"products": ["a\u202eb"]}}, 422, "invalid"),
        ({"when": {"colour": "red"}}, 422, "invalid"),
        ({"when": None}, 422, "invalid"),
        ({"name": ""}, 422, "invalid"),
    ],
)
async def test_a_bad_rule_is_refused(scene: Scene, change: Json, status: int, code: str) -> None:
    answer = await scene.client.post("/v1/placement-rules", json=RULE | change)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert await scene.rows("SELECT FROM placement_rule") == []


async def test_states_of_a_rule_are_stored_by_their_usual_names(scene: Scene) -> None:
    shares = [{"agency_id": await scene.agency(), "weight": 1}]
    body = RULE | {"shares": shares, "when": {"states": ["jalisco", "JAL", "Texas"]}}
    assert (await scene.post("/v1/placement-rules", body))["when"]["states"] == ["Jalisco", "Texas"]
    answer = await scene.client.post("/v1/placement-rules", json=body | {"when": {"states": ["Puebla", "DF"]}})
    assert (answer.status_code, code_of(answer)) == (422, "state-ambiguous")
    assert answer.json()["errors"][0]["pointer"] == "/when/states/1"


async def test_placements_are_filtered_and_paged(scene: Scene) -> None:
    dialing, visiting = await scene.agency("dialing"), await scene.agency("visits")
    await scene.rule(dialing)
    await scene.rule(visiting, kind="visits", stages=["early"])
    contracts = await scene.contracts(3)
    assert len(await scene.placements()) == 6
    assert len(await scene.placements(contract_id=str(contracts[0].contract_id))) == 2
    assert {p["agency_id"] for p in await scene.placements(agency_id=dialing)} == {dialing}
    assert {p["kind"] for p in await scene.placements(kind="visits")} == {"visits"}
    assert await scene.placements(state="recalled") == []
    assert await scene.placements(contract_id=str(NOBODY)) == []
    seen, cursor = [], None
    while True:
        found = await scene.get("/v1/placements", params={"limit": 4, **({"cursor": cursor} if cursor else {})})
        seen += found["items"]
        if (cursor := found["next_cursor"]) is None:
            break
    assert len({p["placement_id"] for p in seen}) == len(seen) == 6
    for query in ({"state": "gone"}, {"kind": "letters"}, {"contract_id": "x"}, {"limit": "0"}, {"cursor": "x"}):
        assert (await scene.client.get("/v1/placements", params=query)).status_code == 422


def allowed_routes(agency_id: Any, placement_id: Any) -> list[tuple[str, str, Json | None]]:
    """The requests about this agency and this placement that an agency's token may send."""
    placement = f"/v1/placements/{placement_id}"
    return [
        ("GET", f"/v1/agencies/{agency_id}", None),
        ("GET", f"/v1/agencies/{agency_id}/commissions", None),
        ("GET", placement, None),
        ("POST", f"{placement}/objection", {"reason": "x"}),
        ("POST", f"{placement}/acknowledgement", {}),
    ]


def forbidden_routes(agency_id: Any, placement_id: Any) -> list[tuple[str, str, Json | None]]:
    """The requests that no agency's token may send."""
    placement = f"/v1/placements/{placement_id}"
    return [
        ("GET", "/v1/agencies", None),
        ("POST", "/v1/agencies", {"name": "x"}),
        ("GET", f"/v1/agencies/{agency_id}/service-contracts", None),
        ("POST", f"/v1/agencies/{agency_id}/service-contracts", TERMS),
        ("GET", "/v1/placement-rules", None),
        ("POST", "/v1/placement-rules", RULE),
        ("GET", f"/v1/placement-rules/{NOBODY}", None),
        ("POST", f"/v1/placement-rules/{NOBODY}/end", None),
        ("POST", "/v1/placement-runs", {}),
        ("POST", f"{placement}/recall", {"reason": "x"}),
        ("POST", f"{placement}/objection-decision", {"accepted": True, "reason": "x"}),
    ]


async def test_an_agency_reads_and_changes_only_its_own_records(scene: Scene) -> None:
    contract, own, placement = await scene.placed()
    other = await scene.agency("dialing")
    placement_id = placement["placement_id"]
    await scene.post(f"/v1/placements/{placement_id}/recall", {"reason": "x"})
    before = await scene.outbox_ids()

    async def send(method: str, path: str, body: Json | None, agency_id: str) -> httpx.Response:
        return await scene.client.request(method, path, json=body, headers=as_agency(agency_id))

    for method, path, body in allowed_routes(own, placement_id):
        assert (await send(method, path, body, other)).status_code == 404, path
    for method, path, body in forbidden_routes(own, placement_id):
        for agency_id in (own, other):
            assert (await send(method, path, body, agency_id)).status_code == 403, path
    assert await scene.outbox_ids() == before
    listed = await scene.get("/v1/placements", headers=as_agency(own))
    assert [p["placement_id"] for p in listed["items"]] == [placement_id]
    for query in ({}, {"agency_id": own}, {"contract_id": str(contract.contract_id)}):
        assert (await scene.get("/v1/placements", params=query, headers=as_agency(other)))["items"] == []
    for method, path, body in allowed_routes(own, placement_id)[:4]:
        assert (await send(method, path, body, own)).is_success, path


async def test_unknown_ids_are_not_found(scene: Scene) -> None:
    for method, path, body in [
        *allowed_routes(NOBODY, NOBODY),
        *(each for each in forbidden_routes(NOBODY, NOBODY) if str(NOBODY) in each[1]),
    ]:
        answer = await scene.client.request(method, path, json=body)
        assert answer.status_code == 404, path
        assert code_of(answer).endswith("-unknown")


async def test_every_route_is_guarded(scene: Scene) -> None:
    app = scene.client._transport.app  # type: ignore[attr-defined]
    assert unguarded_routes(app) == []
    assert (await scene.client.get("/v1/agencies", headers={"Authorization": ""})).status_code == 401
    reader = {"Authorization": f"Bearer {mint(scopes=['assignment:read'])}"}
    assert (await scene.client.post("/v1/agencies", json={"name": "x"}, headers=reader)).status_code == 403
    elsewhere = {"Authorization": f"Bearer {mint(scopes=['portfolio:read', 'portfolio:write'])}"}
    assert (await scene.client.get("/v1/agencies", headers=elsewhere)).status_code == 403


def withdrawn(contract: Contract, agency_id: str | None) -> ListEntryWithdrawn:
    return ListEntryWithdrawn(
        contract_id=contract.contract_id,
        list_id=uuid.uuid4(),
        agency_id=agency_id and UUID(agency_id),
        contract_number=contract.number,
        reason=WithdrawalReason.PAYMENT,
        caused_at=datetime.now(UTC),
        withdrawn_at=datetime.now(UTC) + timedelta(seconds=1),
    )


async def test_an_agency_receives_the_withdrawals_from_its_own_lists(scene: Scene) -> None:
    contract, agency_id, placement = await scene.placed()
    other = await scene.agency("dialing")
    never_placed = scene.contract()
    mine, after_the_end = withdrawn(contract, agency_id), withdrawn(contract, agency_id)
    await scene.receives(
        mine, withdrawn(contract, None), withdrawn(contract, other), withdrawn(never_placed, agency_id)
    )
    assert await scene.agency_events(other) == []
    for step in ("recall", "acknowledgement"):
        await scene.post(f"/v1/placements/{placement['placement_id']}/{step}", {"reason": "x"})
    await scene.receives(after_the_end)
    received = [event for event in await scene.agency_events(agency_id) if isinstance(event, agency.ListEntryWithdrawn)]
    assert [event.list_id for event in received] == [mine.list_id, after_the_end.list_id]
    assert (received[0].contract_number, received[0].reason) == (contract.number, "payment")
    assert received[0].withdrawn_at == mine.withdrawn_at


async def test_events_to_agencies_hold_no_personal_data(scene: Scene) -> None:
    contract, _, _ = await scene.placed()
    dispute = contract.disputed()
    await scene.receives(dispute, contract.resolved(dispute.clarification_id), contract.paid("1500.00"))
    for row in await scene.rows("SELECT body FROM outbox_agencies"):
        assert "Debtor of" not in row["body"]
        assert "not mine" not in row["body"]


async def test_creating_an_agency_twice_with_one_key_creates_it_once(scene: Scene) -> None:
    key = {"Idempotency-Key": "once"}
    first = await scene.post("/v1/agencies", {"name": "Sur"}, headers=key)
    assert await scene.post("/v1/agencies", {"name": "Sur"}, headers=key) == first
    assert len(await scene.rows("SELECT FROM outbox_agencies")) == 1


async def test_a_run_waits_for_a_staging_run_without_a_connection(scene: Scene, app: FastAPI) -> None:
    tomorrow = DAY + timedelta(days=1)
    await scene.contracts(1)
    with facts_during_lag(app, lambda: scene.day(tomorrow)):
        assert (await scene.run(as_of=str(tomorrow)))["as_of"] == str(tomorrow)


async def test_a_run_as_of_another_day_than_the_business_date_is_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.lag.PAUSES_SECONDS", ())
    await scene.contracts(1)
    for day in (DAY - timedelta(days=1), DAY + timedelta(days=1)):
        answer = await scene.client.post("/v1/placement-runs", json={"as_of": str(day)})
        assert (answer.status_code, code_of(answer)) == (409, "portfolio-not-ready")
        assert "Cartera Norte" in answer.json()["detail"]
    assert (await scene.run(as_of=str(DAY)))["as_of"] == str(DAY)
    for bad in ({"as_of": "today"}, {"as_of": 1}, {"surprise": 1}):
        assert (await scene.client.post("/v1/placement-runs", json=bad)).status_code == 422
    assert (await scene.client.post("/v1/placement-runs")).status_code == 200, "a missing body counts as an empty one"
