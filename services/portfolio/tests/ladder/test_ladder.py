"""The ladder: steps follow each other day by day, never backward, and a notice opens the graver ones."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from events_of_other_services import receive, visited
from ladders import PROOF, judged, put_ladder, send, step
from portfolio.ladder.rules import NoticeKind, is_backward, notices_before
from portfolio.stages import daily_run
from portfolio_builders import TODAY, Given, days_ago, pay, reverse
from prometheus_client import REGISTRY
from recobro_events.contracts.field_visits import AttendedBy, VisitOutcome
from recobro_events.contracts.portfolio import ApproachStep, ContractEscalated, ContractRegistered, NoticeRecorded
from recobro_events.testing import published
from service_client import ServiceClient, row

SHORT = [
    {"step": "reminder", "when": {}},
    {"step": "direct_contact", "when": {"days_since_step": {"min": 2}}},
    {"step": "extrajudicial_notice", "when": {"days_past_due": {"min": 31}}},
    {"step": "judicial_notice", "when": {"attempts": {"min": 1}, "last_answer": ["refused"]}},
]


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


async def pass_days(given: Given, portfolio_id: UUID, days: int) -> None:
    await daily_run.advance(given.database, portfolio_id, days_ago(-days))


async def escalations(given: Given) -> list[tuple[str | None, str | None, str, str]]:
    events = await published(given.database, ContractEscalated)
    return [(event.from_step, event.to_step, event.cause, str(event.episode)) for event in events]


async def test_a_contract_climbs_one_step_a_day_when_its_conditions_are_met(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    await put_ladder(client, portfolio_id, SHORT)
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    await judged(given)
    assert (await step(client, contract_id))["step"] == "reminder"
    shown = await step(client, contract_id)
    assert (shown["since"], shown["next_step"], shown["next_step_on"]) == (
        str(TODAY),
        "direct_contact",
        str(days_ago(-2)),
    )
    await pass_days(given, portfolio_id, 10)
    assert await escalations(given) == [
        (None, "reminder", "ladder", "1"),
        ("reminder", "direct_contact", "ladder", "1"),
    ]
    [second] = (await published(given.database, ContractEscalated))[1:]
    assert (second.as_of, second.version) == (days_ago(-2), (await given.row(contract_id))["version"])
    shown = await step(client, contract_id)
    assert (shown["next_step"], shown["next_step_on"], shown["missing"]) == ("extrajudicial_notice", None, ["reminder"])
    assert (await send(client, contract_id, "reminder")).status_code == 201
    assert (await step(client, contract_id))["next_step_on"] == str(days_ago(-10))
    await judged(given)
    assert (await given.row(contract_id))["step"] == "extrajudicial_notice"
    lines = await given.rows("SELECT business_date FROM contract_history WHERE kind = 'escalated' ORDER BY history_id")
    assert [line["business_date"] for line in lines] == [TODAY, days_ago(-2), days_ago(-10)]


async def test_a_contract_climbs_at_most_one_step_on_a_business_date(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    await put_ladder(client, portfolio_id, [{"step": "reminder"}, {"step": "direct_contact"}])
    contract_id = await given.contract(portfolio_id, (days_ago(3), "100.00"))
    await judged(given)
    assert (await step(client, contract_id))["next_step_on"] == str(days_ago(-1))
    await pay(client, contract_id, "1.00")
    await judged(given)
    assert (await given.row(contract_id))["step"] == "reminder", "judged again on the same day"
    await pass_days(given, portfolio_id, 1)
    assert (await given.row(contract_id))["step"] == "direct_contact"


@pytest.mark.parametrize("tried", ["visit", "own call"])
async def test_attempts_since_the_step_and_the_last_answer_may_be_asked(
    client: httpx.AsyncClient, given: Given, tried: str
) -> None:
    portfolio_id = await given.portfolio()
    await put_ladder(client, portfolio_id, SHORT)
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    assert (await send(client, contract_id, "reminder")).status_code == 201
    assert (await send(client, contract_id, "extrajudicial")).status_code == 201
    await pass_days(given, portfolio_id, 1)
    shown = await step(client, contract_id)
    assert (shown["step"], shown["otherwise_met"], shown["next_step_on"]) == ("extrajudicial_notice", False, None)
    await receive(given, visited(contract_id, outcome=VisitOutcome.NOBODY_HOME, attended_by=AttendedBy.NOBODY))
    await judged(given)
    assert (await given.row(contract_id))["step"] == "extrajudicial_notice"
    if tried == "visit":
        await receive(given, visited(contract_id, outcome=VisitOutcome.REFUSED, started_at=datetime.now(UTC)))
    else:
        call = {"channel": "call", "outcome": "refused"}
        assert (await client.post(f"/v1/contracts/{contract_id}/attempts", json=call)).status_code == 201
    await judged(given)
    assert (await given.row(contract_id))["step"] == "judicial_notice"


async def test_judged_contracts_are_counted_by_what_changed(client: httpx.AsyncClient, given: Given) -> None:
    def counted() -> dict[str, float]:
        name = "portfolio_judged_contracts_total"
        return {
            each: REGISTRY.get_sample_value(name, {"changed": each}) or 0 for each in ("segment", "step", "neither")
        }

    before = counted()
    contract_id = await given.contract(await given.portfolio(), (days_ago(3), "100.00"), (days_ago(-3), "1.00"))
    await judged(given)
    await pay(client, contract_id, "10.00")
    await judged(given)
    assert {name: now - before[name] for name, now in counted().items()} == {"segment": 1, "step": 0, "neither": 1}


async def test_a_cure_ends_the_episode_and_the_next_one_begins_at_the_first_step(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"), (days_ago(-5), "100.00"))
    assert (await send(client, contract_id, "reminder")).status_code == 201
    assert (await send(client, contract_id, "extrajudicial")).status_code == 201
    await judged(given)
    await pay(client, contract_id, "100.00")
    await judged(given)
    assert (await given.row(contract_id))["step"] is None
    await pass_days(given, portfolio_id, 6)
    assert await escalations(given) == [
        (None, "reminder", "notice", "1"),
        ("reminder", "extrajudicial_notice", "notice", "1"),
        ("extrajudicial_notice", None, "cured", "1"),
        (None, "reminder", "ladder", "2"),
    ]


async def test_a_notice_of_an_earlier_episode_opens_no_step_of_the_next_one(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    await put_ladder(client, portfolio_id, [{"step": "reminder"}, {"step": "extrajudicial_notice"}])
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"), (days_ago(-5), "100.00"))
    assert (await send(client, contract_id, "reminder")).status_code == 201
    await pay(client, contract_id, "100.00")
    await pass_days(given, portfolio_id, 9)
    shown = await step(client, contract_id)
    assert (shown["episode"], shown["step"], shown["missing"]) == (2, "reminder", ["reminder"])


async def test_a_reversed_payment_leads_back_to_episode_and_step_as_if_it_had_never_been(
    client: httpx.AsyncClient, given: Given
) -> None:
    """The episode that had begun meanwhile never was: when the contract is cured for good, the next one begins anew."""
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"), (days_ago(-5), "100.00"))
    for kind in ("reminder", "extrajudicial"):
        assert (await send(client, contract_id, kind)).status_code == 201
    paid = await pay(client, contract_id, "100.00")
    await judged(given)
    await pass_days(given, portfolio_id, 6)
    assert ((await given.row(contract_id))["step"], (await given.row(contract_id))["episode"]) == ("reminder", 2)
    await reverse(client, paid["payment_id"])
    await judged(given)
    assert (await escalations(given))[-1] == ("reminder", "extrajudicial_notice", "restored", "1")
    shown = await step(client, contract_id)
    assert (shown["step"], shown["episode"], shown["since"]) == ("extrajudicial_notice", 1, str(TODAY))
    assert await given.rows("SELECT FROM contract_step WHERE episode = 2") == []


async def test_a_contract_never_goes_back_within_an_episode(client: httpx.AsyncClient, given: Given) -> None:
    """Neither a notice nor a ladder without its step takes a contract to a gentler step."""
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(100), "100.00"))
    for kind in ("reminder", "extrajudicial", "judicial"):
        assert (await send(client, contract_id, kind)).status_code == 201
    before = await given.everything()
    for kind in ("reminder", "extrajudicial"):
        answer = await send(client, contract_id, kind)
        assert (answer.status_code, code_of(answer), answer.json()["step"]) == (
            409,
            "step-backward",
            "judicial_notice",
        )
    assert await given.everything() == before
    assert (await send(client, contract_id, "judicial")).status_code == 201
    await put_ladder(client, portfolio_id, SHORT[:1])
    await judged(given)
    assert (await step(client, contract_id))["step"] == "judicial_notice"


async def test_a_graver_notice_needs_the_earlier_ones(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    answer = await send(client, contract_id, "extrajudicial")
    assert (answer.status_code, code_of(answer), answer.json()["missing"]) == (
        409,
        "notice-missing",
        ["reminder"],
    )
    assert (await send(client, contract_id, "reminder")).status_code == 201
    # A notice sent before the earlier one came first.
    early = await send(client, contract_id, "extrajudicial", str(days_ago(1)))
    assert (early.status_code, code_of(early)) == (409, "notice-missing")
    assert (await send(client, contract_id, "extrajudicial")).status_code == 201
    listed = (await client.get(f"/v1/contracts/{contract_id}/notices")).json()
    assert [(one["kind"], one["registered_number"], one["episode"]) for one in listed] == [
        ("reminder", "RR123456789MX", 1),
        ("extrajudicial", "RR123456789MX", 1),
    ]


async def test_where_the_profile_demands_it_the_bureau_notice_comes_first_too(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(jurisdiction="BR"), (days_ago(40), "100.00"))
    assert (await send(client, contract_id, "reminder")).status_code == 201
    answer = await send(client, contract_id, "extrajudicial")
    assert (answer.status_code, answer.json()["missing"]) == (409, ["bureau"])
    assert (await send(client, contract_id, "bureau")).status_code == 201
    assert (await send(client, contract_id, "extrajudicial")).status_code == 201


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"proof": {}}, 422, "invalid"),
        ({"proof": {"receipt_sha256": "abc"}}, 422, "invalid"),
        ({"kind": "threat"}, 422, "invalid"),
        ({"sent_on": "2099-01-01"}, 422, "invalid"),
        ({"channel": ""}, 422, "invalid"),
    ],
)
async def test_a_notice_without_proof_or_of_a_day_to_come_is_refused(
    client: httpx.AsyncClient, given: Given, changes: dict[str, Any], status: int, code: str
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    before = await given.everything()
    body = {"kind": "reminder", "channel": "letter", "sent_on": str(TODAY), "proof": PROOF} | changes
    answer = await client.post(f"/v1/contracts/{contract_id}/notices", json=body)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert await given.everything() == before


async def test_a_notice_is_published_and_entered_again_under_its_id(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    notice_id, path = str(uuid4()), f"/v1/contracts/{contract_id}/notices"
    body = {"kind": "reminder", "channel": "letter", "sent_on": str(TODAY), "proof": PROOF, "document": "shelf 7"}
    assert (await client.post(path, json=body | {"notice_id": notice_id})).json()["notice_id"] == notice_id
    known = await client.post(path, json=body | {"notice_id": notice_id})
    assert (known.status_code, code_of(known), known.json()["notice_id"]) == (409, "notice-known", notice_id)
    [event] = await published(given.database, NoticeRecorded)
    stated = event.model_dump(mode="json")
    for name in ("kind", "channel", "sent_on", "document"):
        assert stated[name] == body[name]
    assert PROOF.items() <= stated.items()
    assert (stated["notice_id"], stated["contract_id"], stated["episode"]) == (notice_id, str(contract_id), 1)


async def test_nothing_is_sent_about_a_contract_that_is_not_behind(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(-4), "100.00"))
    assert code_of(await send(client, contract_id, "reminder")) == "not-behind"


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [SHORT[1], SHORT[0]],
        [SHORT[0], SHORT[0]],
        [{"step": "suit", "when": {}}],
        [{"step": "reminder", "when": {"moon": {"min": 1}}}],
        [{"step": "reminder", "when": {"attempts": {"min": 3, "max": 2}}}],
        [{"step": "reminder", "allows": {"contacts": ["pigeon"]}}],
    ],
)
async def test_a_ladder_out_of_order_is_refused(
    client: httpx.AsyncClient, given: Given, steps: list[dict[str, Any]]
) -> None:
    portfolio_id = await given.portfolio()
    answer = await client.put(f"/v1/portfolios/{portfolio_id}/ladder", json={"steps": steps})
    assert answer.status_code == 422
    assert (await client.get(f"/v1/portfolios/{portfolio_id}/ladder")).json()["version"] == 0


async def test_a_ladder_that_another_person_has_changed_is_not_replaced(
    client: httpx.AsyncClient, given: Given
) -> None:
    path = f"/v1/portfolios/{await given.portfolio()}/ladder"

    async def put(step: str, **replaces: int) -> tuple[int, str]:
        answer = await client.put(path, json={"steps": [{"step": step}], **replaces})
        return answer.status_code, answer.json().get("type", "").rpartition(":")[2]

    assert await put("reminder", replaces=0) == (200, "")
    assert await put("direct_contact", replaces=0) == (409, "ladder-changed")
    held = (await client.get(path)).json()
    assert (held["version"], [step["step"] for step in held["steps"]]) == (1, ["reminder"])
    assert await put("direct_contact", replaces=1) == (200, "")
    assert await put("reminder") == (200, ""), "without a version any is replaced"


async def test_the_trial_of_a_ladder_shows_who_would_climb_and_changes_nothing(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    await given.contract(portfolio_id, (days_ago(3), "100.00"), number="A")
    await given.contract(portfolio_id, (days_ago(-3), "100.00"), number="B")
    await judged(given)
    await pass_days(given, portfolio_id, 1)
    before = await given.everything()
    eager = [{"step": "reminder"}, {"step": "direct_contact", "when": {"segments": ["first_default"]}}]
    path = f"/v1/portfolios/{portfolio_id}/ladder/trial"
    tried = (await client.post(path, json={"steps": eager})).json()
    assert (tried["contracts"], tried["changed"]) == (2, 1)
    [move] = tried["moves"]
    assert (move["from_step"], move["to_step"], move["contract_numbers"]) == ("reminder", "direct_contact", ["A"])
    assert (await client.get(path)).json()["changed"] == 0
    assert await given.everything() == before


async def test_a_new_ladder_is_climbed_in_the_background(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(3), "100.00"))
    await judged(given)
    await pass_days(given, portfolio_id, 1)
    held = await put_ladder(client, portfolio_id, [{"step": "reminder"}, {"step": "direct_contact"}])
    assert (held["version"], held["applied"]) == (1, False)
    await judged(given)
    assert (await step(client, contract_id))["step"] == "direct_contact"
    assert (await client.get(f"/v1/portfolios/{portfolio_id}/ladder")).json()["applied"]


async def test_a_file_states_the_step_with_the_new_contract(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-08-11"))
    [registered] = await published(service.database, ContractRegistered)
    assert registered.step == "reminder"
    assert await published(service.database, ContractEscalated) == []


@pytest.mark.parametrize(
    ("kind", "step", "backward"),
    [
        (NoticeKind.REMINDER, None, False),
        (NoticeKind.REMINDER, ApproachStep.DIRECT_CONTACT, False),
        (NoticeKind.REMINDER, ApproachStep.EXTRAJUDICIAL_NOTICE, True),
        (NoticeKind.EXTRAJUDICIAL, ApproachStep.EXTRAJUDICIAL_NOTICE, False),
        (NoticeKind.EXTRAJUDICIAL, ApproachStep.JUDICIAL_NOTICE, True),
        (NoticeKind.BUREAU, ApproachStep.JUDICIAL_NOTICE, False),
    ],
)
def test_which_notice_is_gentler_than_the_step(kind: NoticeKind, step: ApproachStep | None, backward: bool) -> None:
    assert is_backward(kind, step) == backward


def test_which_notices_each_step_needs() -> None:
    assert notices_before(ApproachStep.DIRECT_CONTACT, "US") == ()
    assert notices_before(ApproachStep.JUDICIAL_NOTICE, "MX") == (NoticeKind.EXTRAJUDICIAL,)
    assert notices_before(ApproachStep.JUDICIAL_NOTICE, "US") == (NoticeKind.EXTRAJUDICIAL, NoticeKind.BUREAU)
