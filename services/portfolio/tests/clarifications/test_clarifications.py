"""Disputes over HTTP: deadlines, corrections, and when contact may resume."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from portfolio_builders import TODAY, Given, days_ago
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationOutcome,
    ClarificationResolved,
    ContractClosed,
    ContractRevised,
    ContractStageChanged,
    ContractState,
    Stage,
    StageCause,
)
from recobro_events.testing import published

PROOF = {"document": "INV-7 of 2026", "proof_of_sending": "RR123456789MX"}
DISPUTE: dict[str, Any] = {"reason": "amount", "opened_by": "debtor"}


async def dispute(client: httpx.AsyncClient, contract_id: UUID, **changes: Any) -> dict[str, Any]:
    answer = await client.post(f"/v1/contracts/{contract_id}/clarifications", json=DISPUTE | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def resolve(client: httpx.AsyncClient, clarification_id: str, outcome: str, **more: Any) -> httpx.Response:
    return await client.post(f"/v1/clarifications/{clarification_id}/resolution", json={"outcome": outcome} | more)


async def test_an_opened_clarification_stops_contact_and_has_a_deadline(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"), (days_ago(10), "50.00"))
    await given.business_date(portfolio_id, TODAY + timedelta(days=2))
    opened = await dispute(client, contract_id, instalments=[2, 2], detail="paid in cash")
    deadline = TODAY + timedelta(days=32)
    assert opened["deadline_on"] == str(deadline)
    [event] = await published(given.database, ClarificationOpened)
    assert (event.clarification_id, event.instalments) == (UUID(opened["clarification_id"]), (2,))
    assert (event.reason, event.opened_by, event.deadline_on) == ("amount", "debtor", deadline)
    assert (event.as_of, event.days_past_due) == (TODAY + timedelta(days=2), 42)
    assert (event.overdue_balance, event.version) == (Decimal("150.00"), (await given.row(contract_id))["version"])
    shown = (await client.get(f"/v1/clarifications/{opened['clarification_id']}")).json()
    assert (shown["state"], shown["instalments"], shown["detail"]) == ("open", [2], "paid in cash")
    holds = (await client.get(f"/v1/contracts/{contract_id}")).json()["holds"]
    assert [hold["reason"] for hold in holds] == ["clarification", "no_phone"]


async def test_each_of_several_clarifications_must_be_resolved(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    one, other = [(await dispute(client, contract_id, detail=word, again=True))["clarification_id"] for word in "ab"]
    first = (await resolve(client, one, "withdrawn")).json()
    assert (first["still_open"], first["contact_may_resume"]) == ([other], True)
    assert (await resolve(client, other, "verified")).json()["still_open"] == []
    events = await published(given.database, ClarificationResolved)
    assert [event.still_open for event in events] == [(UUID(other),), ()]
    assert events[0].version < events[1].version == (await given.row(contract_id))["version"]


@pytest.mark.parametrize("outcome", ["upheld", "partly_upheld"])
async def test_a_corrected_amount_replaces_the_instalments_and_payments_are_applied_again(
    client: httpx.AsyncClient, given: Given, outcome: str
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"), (days_ago(10), "100.00"))
    paid = await client.post(
        f"/v1/contracts/{contract_id}/payments", json={"amount": "70.00", "paid_on": str(TODAY), "channel": "cash"}
    )
    opened = await dispute(client, contract_id)
    answer = await resolve(
        client, opened["clarification_id"], outcome, corrections=[{"instalment": 1, "amount": "50.00"}]
    )
    assert answer.status_code == 201
    assert answer.json()["overdue_balance"] == "80.00"
    assert await given.unpaid(contract_id) == ["0.00", "80.00"]
    [event] = await published(given.database, ClarificationResolved)
    assert (event.outcome, event.contact_may_resume) == (ClarificationOutcome(outcome), True)
    assert (event.overdue_balance, event.days_past_due, event.stage) == (Decimal("80.00"), 10, Stage.EARLY)
    assert (await published(given.database, ContractStageChanged))[-1].cause is StageCause.REVISION
    revised = (await published(given.database, ContractRevised))[-1]
    assert [(line.amount, line.unpaid) for line in revised.instalments] == [
        (Decimal("50.00"), Decimal("0.00")),
        (Decimal("100.00"), Decimal("80.00")),
    ]
    assert (revised.open_clarifications, revised.version) == ((), (await given.row(contract_id))["version"])
    shown = (await client.get(f"/v1/payments/{paid.json()['payment_id']}")).json()
    assert [line["amount"] for line in shown["allocations"]] == ["50.00", "20.00"]


async def test_a_correction_to_zero_settles_a_contract_and_no_later_one_raises_what_is_owed(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"), (days_ago(10), "50.00"))
    one, other = [(await dispute(client, contract_id, detail=word, again=True))["clarification_id"] for word in "ab"]
    before = await given.everything()
    raising = [{"instalment": 1, "amount": "90.00"}, {"instalment": 2, "amount": "50.01"}]
    refused = await resolve(client, one, "upheld", corrections=raising)
    assert (refused.status_code, [error["pointer"] for error in refused.json()["errors"]]) == (
        422,
        ["/corrections/1/amount"],
    )
    assert await given.everything() == before
    nothing = [{"instalment": 1, "amount": "0.00"}, {"instalment": 2, "amount": "0.00"}]
    assert (await resolve(client, one, "upheld", corrections=nothing)).json()["total_balance"] == "0.00"
    [closed] = await published(given.database, ContractClosed)
    assert (closed.state, (await given.row(contract_id))["state"]) == (ContractState.SETTLED, "settled")
    again = await resolve(client, other, "partly_upheld", corrections=[{"instalment": 1, "amount": "20.00"}])
    assert again.status_code == 422
    assert (await resolve(client, other, "upheld", corrections=nothing)).status_code == 201
    assert (await given.row(contract_id))["state"] == "settled"


async def test_after_a_rejection_contact_waits_for_the_verification_where_the_law_requires_it(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(jurisdiction="US"), (days_ago(40), "100.00"))
    opened = (await dispute(client, contract_id))["clarification_id"]
    other = (await dispute(client, contract_id, reason="other"))["clarification_id"]
    assert (await resolve(client, opened, "rejected")).json()["contact_may_resume"] is False
    assert (await resolve(client, other, "withdrawn")).json()["still_open"] == [opened]
    assert (await resolve(client, opened, "withdrawn")).status_code == 409
    holds = (await client.get(f"/v1/contracts/{contract_id}")).json()["holds"]
    assert {"reason": "clarification", "clarification_id": opened, "until": None} in holds
    verified = await resolve(client, opened, "verified", **PROOF)
    assert (verified.status_code, verified.json()["contact_may_resume"]) == (201, True)
    assert (await resolve(client, opened, "verified", **PROOF)).status_code == 409
    events = await published(given.database, ClarificationResolved)
    assert [(event.outcome, event.contact_may_resume) for event in events if str(event.clarification_id) == opened] == [
        (ClarificationOutcome.REJECTED, False),
        (ClarificationOutcome.VERIFIED, True),
    ]


async def test_a_debt_is_verified_by_a_document_and_the_proof_that_it_was_sent_where_the_law_says_so(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(jurisdiction="US"), (days_ago(40), "100.00"))
    opened = (await dispute(client, contract_id))["clarification_id"]
    before = await given.everything()
    for given_fields in ({}, {"document": "INV-7"}, {"proof_of_sending": "RR123"}):
        refused = await resolve(client, opened, "verified", **given_fields)
        missing = [f"/{name}" for name in PROOF if name not in given_fields]
        assert (refused.status_code, [error["pointer"] for error in refused.json()["errors"]]) == (422, missing)
    unfit = await resolve(client, opened, "rejected", **PROOF)
    assert (unfit.status_code, len(unfit.json()["errors"])) == (422, 2)
    assert await given.everything() == before
    assert (await resolve(client, opened, "verified", **PROOF)).status_code == 201
    shown = (await client.get(f"/v1/clarifications/{opened}")).json()
    assert {name: shown[name] for name in PROOF} == PROOF
    elsewhere = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    one, other = [(await dispute(client, elsewhere, detail=word, again=True))["clarification_id"] for word in "ab"]
    assert (await resolve(client, one, "verified")).status_code == 201
    assert (await resolve(client, other, "verified", **PROOF)).status_code == 201


async def test_in_other_jurisdictions_a_rejection_ends_the_silence(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    opened = (await dispute(client, contract_id))["clarification_id"]
    assert (await resolve(client, opened, "rejected")).json()["contact_may_resume"] is True
    again = await resolve(client, opened, "verified")
    assert (again.status_code, again.json()["type"]) == (409, "urn:recobro:problem:clarification-resolved")


@pytest.mark.parametrize(
    "body",
    [
        {},
        DISPUTE | {"opened_by": "somebody"},
        DISPUTE | {"reason": ""},
        DISPUTE | {"reason": "a\u0000"},
        DISPUTE | {"detail": "x" * 1001},
        DISPUTE | {"instalments": [9]},
        DISPUTE | {"instalments": ["1"]},
        DISPUTE | {"instalments": [True]},
        DISPUTE | {"instalments": [1.5]},
        DISPUTE | {"instalments": [2**31]},
        DISPUTE | {"instalments": [2**70]},
        DISPUTE | {"instalments": [-1]},
        DISPUTE | {"instalments": "1"},
        DISPUTE | {"instalments": [1] * 1001},
        DISPUTE | {"deadline_on": "2030-01-01"},
    ],
    ids=lambda body: str(body)[:70],
)
async def test_a_bad_clarification_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, given: Given, body: Any
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    before = await given.everything()
    answer = await client.post(f"/v1/contracts/{contract_id}/clarifications", json=body)
    assert answer.status_code == 422
    assert await given.everything() == before


ONE = {"instalment": 1, "amount": "50.00"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"outcome": "open"},
        {"outcome": "upheld"},
        {"outcome": "partly_upheld", "corrections": []},
        {"outcome": "rejected", "corrections": [ONE]},
        {"outcome": "upheld", "corrections": [ONE, ONE]},
        {"outcome": "upheld", "corrections": [ONE | {"instalment": 3}]},
        {"outcome": "upheld", "corrections": [ONE | {"instalment": 2**40}]},
        {"outcome": "upheld", "corrections": [ONE | {"amount": "-1.00"}]},
        {"outcome": "upheld", "corrections": [ONE | {"amount": 50}]},
        {"outcome": "upheld", "corrections": [ONE | {"amount": "NaN"}]},
        {"outcome": "upheld", "corrections": [ONE | {"amount": "999999999999.99"}]},
        {"outcome": "upheld", "corrections": [ONE | {"due_on": "2026-01-01"}]},
        {"outcome": "upheld", "corrections": ONE},
    ],
    ids=lambda body: str(body)[:90],
)
async def test_a_bad_resolution_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, given: Given, body: Any
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"), (days_ago(10), "0.01"))
    opened = (await dispute(client, contract_id))["clarification_id"]
    before = await given.everything()
    answer = await client.post(f"/v1/clarifications/{opened}/resolution", json=body)
    assert answer.status_code == 422
    assert await given.everything() == before


async def test_an_unknown_contract_or_clarification_is_404(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"/v1/contracts/{uuid4()}/clarifications", json=DISPUTE)).status_code == 404
    assert (await client.get(f"/v1/clarifications/{uuid4()}")).status_code == 404
    assert (await resolve(client, str(uuid4()), "verified")).status_code == 404


async def test_the_same_dispute_is_opened_once_while_it_is_open(client: httpx.AsyncClient, given: Given) -> None:
    """A second clerk repeats a dispute in other words: reason in another spelling, other detail, other opener."""
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"), (days_ago(10), "50.00"))
    path = f"/v1/contracts/{contract_id}/clarifications"
    first = await dispute(client, contract_id, instalments=[1, 2])
    said_again: list[dict[str, Any]] = [
        {"instalments": [2, 1, 1]},
        {"instalments": [1]},
        {"instalments": [2], "reason": f" {DISPUTE['reason'].upper()}  "},
        {"instalments": [1], "detail": "she called once more", "opened_by": "agent"},
    ]
    for changes in said_again:
        again = await client.post(path, json=DISPUTE | changes)
        assert (again.status_code, again.json()["type"]) == (409, "urn:recobro:problem:clarification-exists"), changes
        assert again.json()["clarification_id"] == first["clarification_id"]
    others: list[dict[str, Any]] = [{"instalments": []}, {"reason": "other"}, {"instalments": [1], "again": True}]
    for changes in others:
        await dispute(client, contract_id, **changes)
    assert (await client.post(path, json=DISPUTE | {"instalments": [2]})).status_code == 409, "the whole is disputed"


async def test_a_dispute_may_be_opened_again_after_its_resolution(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    first = await dispute(client, contract_id, instalments=[1])
    assert (await resolve(client, first["clarification_id"], "withdrawn")).status_code == 201
    await dispute(client, contract_id, instalments=[1])


async def listed(client: httpx.AsyncClient, **parameters: Any) -> list[str]:
    """The ids of all pages of the list."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get("/v1/clarifications", params={"limit": 2} | parameters | cursor)
        assert answer.status_code == 200, answer.text
        found += [item["clarification_id"] for item in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}


async def test_clarifications_are_listed_by_state_deadline_and_portfolio_in_both_orders(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolios = [await given.portfolio(day) for day in (TODAY, TODAY + timedelta(days=5))]
    contracts = [await given.contract(one, (days_ago(40), "100.00"), number="N-1") for one in portfolios]
    opened = [
        (await dispute(client, contract_id, detail=word, again=True))["clarification_id"]
        for word in ("a", "b", "c")
        for contract_id in contracts
    ]
    await resolve(client, opened[2], "withdrawn")
    assert await listed(client) == opened
    assert await listed(client, order="desc") == opened[::-1]
    assert await listed(client, state="withdrawn") == [opened[2]]
    assert await listed(client, state="open", portfolio_id=str(portfolios[0])) == [opened[0], opened[4]]
    early = str(TODAY + timedelta(days=31))
    assert await listed(client, deadline_before=early) == opened[::2]
    assert await listed(client, deadline_before=str(TODAY + timedelta(days=30))) == []
    item = (await client.get("/v1/clarifications", params={"limit": 1})).json()["items"][0]
    assert (item["contract_number"], item["portfolio_id"]) == ("N-1", str(portfolios[0]))
    for wrong in ({"state": "lost"}, {"deadline_before": "soon"}, {"colour": "red"}, {"order": "up"}):
        assert (await client.get("/v1/clarifications", params=wrong)).status_code == 422, wrong
    cursor = (await client.get("/v1/clarifications", params={"limit": 1})).json()["next_cursor"]
    turned = await client.get("/v1/clarifications", params={"cursor": cursor, "order": "desc"})
    assert (turned.status_code, turned.json()["type"]) == (422, "urn:recobro:problem:cursor-unknown")
