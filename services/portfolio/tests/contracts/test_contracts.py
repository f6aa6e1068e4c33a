"""Contracts over HTTP: the list and the search, the whole contract, its history."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chassis.testing import mint, unguarded_routes
from fastapi import FastAPI
from portfolio.api import ROUTERS
from portfolio.contracts import search
from portfolio_builders import TODAY, Given, days_ago


async def numbers(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/v1/contracts", params=query)
    assert answer.status_code == 200, answer.text
    return [item["contract_number"] for item in answer.json()["items"]]


async def some_contracts(given: Given) -> UUID:
    portfolio_id = await given.portfolio()
    await given.contract(
        portfolio_id, (days_ago(40), "100.00"), number="A", name="María Peña Ñuño", phones=["+525555123456"]
    )
    await given.contract(portfolio_id, (days_ago(10), "50.00"), number="B", name="JOSÉ ÁLVAREZ", tax_id="AAJ800101XX1")
    await given.contract(
        portfolio_id, (days_ago(-10), "50.00"), number="C", name="100% Pure_Foods", debtor_number="CUST-01"
    )
    await given.contract(portfolio_id, (days_ago(-10), "50.00"), number="9/D", name="Casa D'Agua\\")
    return portfolio_id


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("pena", ["A"]),
        ("PEÑA", ["A"]),
        ("peña maria", ["A"]),
        ("nun\u0303o", ["A"]),
        ("jose alv", ["B"]),
        ("a", ["A"]),
        ("al", ["B"]),
        ("5512 3456", ["A"]),
        ("+52 (55) 5512-3456", ["A"]),
        ("123", []),
        ("aaj8001", ["B"]),
        ("eña", []),
        ("aaj-8001", ["B"]),
        ("b", ["B"]),
        ("CUST-0", ["C"]),
        ("100%", ["C"]),
        ("pure_f", ["C"]),
        ("%", []),
        ("_", []),
        ("--", []),
        ("\u200b.", []),
        ("\\", []),
        ("d'a", ["9/D"]),
        ("9/d", ["9/D"]),
        ("d'a | maria", []),
        ("agua & maria:*", []),
        ("' OR true --", []),
        ("nobody", []),
    ],
)
async def test_search_finds_part_of_a_name_a_phone_or_a_tax_id(
    client: httpx.AsyncClient, given: Given, q: str, expected: list[str]
) -> None:
    await some_contracts(given)
    assert await numbers(client, q=q) == expected


async def test_a_text_that_many_contracts_have_finds_them_page_by_page(
    client: httpx.AsyncClient, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await some_contracts(given)
    for n in range(5):
        await given.contract(portfolio_id, (days_ago(40), "1.00"), number=f"N-{n}", name="Peña", tax_id="AAJ800101XX1")
    whole = await numbers(client, q="pena", stage="late")
    assert whole == ["A", *(f"N-{n}" for n in range(5))]
    monkeypatch.setattr(search, "_COMMON", 3)
    assert await numbers(client, q="pena", stage="late") == whole
    page = (await client.get("/v1/contracts", params={"q": "pena", "limit": 2})).json()
    assert await numbers(client, q="pena", limit=4, cursor=page["next_cursor"]) == whole[2:]
    assert await numbers(client, q="aaj8001") == ["B", *whole[1:]]


async def test_a_contract_is_found_by_its_new_name_alone(client: httpx.AsyncClient, given: Given) -> None:
    await some_contracts(given)
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contract SET debtor_name = 'Inés Luna' WHERE contract_number = 'A'")
    assert (await numbers(client, q="ines"), await numbers(client, q="peña")) == (["A"], [])


async def test_a_contract_must_match_every_filter(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await some_contracts(given)
    await given.contract(await given.portfolio(), (days_ago(40), "1.00"), number="A")
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contract SET incomplete = true WHERE contract_number = 'B'")
        await tx.execute("UPDATE contract SET state = 'withdrawn' WHERE contract_number = 'C'")
    assert await numbers(client, portfolio_id=portfolio_id) == ["9/D", "A", "B", "C"]
    assert await numbers(client, number="A") == ["A", "A"]
    assert await numbers(client, number="A", portfolio_id=portfolio_id) == ["A"]
    assert await numbers(client, stage="early") == ["B"]
    assert await numbers(client, state="withdrawn") == ["C"]
    assert await numbers(client, incomplete="true") == ["B"]
    assert await numbers(client, incomplete="true", stage="late") == []
    assert await numbers(client, portfolio_id=uuid4()) == []


async def test_contracts_are_found_by_several_ids_at_once(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    ids = [await given.contract(portfolio_id, (days_ago(40), "1.00"), number=number) for number in "ABC"]
    wanted = {"contract_id": [str(ids[2]), str(ids[0]), str(uuid4())]}
    assert await numbers(client, **wanted) == ["A", "C"]
    too_many = [str(uuid4()) for _ in range(101)]
    assert (await client.get("/v1/contracts", params={"contract_id": too_many})).status_code == 422


async def test_pages_follow_each_other_without_gap_or_repeat(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    for n in range(5):
        await given.contract(portfolio_id, (days_ago(n), "1.00"), number=f"N-{n}")
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        body = (await client.get("/v1/contracts", params=query)).json()
        seen += [item["contract_number"] for item in body["items"]]
        cursor, pages = body["next_cursor"], pages + 1
    assert (seen, pages) == ([f"N-{n}" for n in range(5)], 3)


@pytest.mark.parametrize(
    "query",
    [
        "portfolio_id=7",
        "stage=dead",
        "state=x",
        "incomplete=perhaps",
        "limit=0",
        "limit=1001",
        "limit=1_0",
        "cursor=x",
        "cursor=WyIxIiwgIjIiXQ",
        "q=",
        "q=%00",
        "q=%E2%80%AE",
        "number=%07",
        "q=" + "x" * 201,
    ],
)
async def test_bad_queries_are_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v1/contracts?{query}")
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


async def test_delay_is_shown_as_of_the_business_date(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(35), "100.00"))
    due = await given.contract(portfolio_id, (days_ago(30), "100.00"))
    later = TODAY + timedelta(days=3)
    await given.business_date(portfolio_id, later)
    items = {item["contract_id"]: item for item in (await client.get("/v1/contracts")).json()["items"]}
    shown = items[str(contract_id)]
    assert (shown["days_past_due"], shown["as_of"], shown["stage"]) == (38, str(later), "late")
    # The run has not reached this contract yet, so its stage and its days are both of the day before.
    waiting = items[str(due)]
    assert (waiting["days_past_due"], waiting["as_of"], waiting["stage"]) == (30, str(TODAY), "early")
    whole = (await client.get(f"/v1/contracts/{contract_id}")).json()
    assert (whole["days_past_due"], whole["as_of"], whole["business_date"]) == (38, str(later), str(later))


async def test_a_contract_is_shown_with_everything_that_belongs_to_it(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(
        await given.portfolio(),
        (days_ago(40), "100.00"),
        (days_ago(-10), "60.00"),
        debtor_number="D-1",
        phones=["+525555123456"],
        tax_id="AAJ800101XX1",
    )
    paid = {"amount": "30.00", "paid_on": str(TODAY), "channel": "spei", "reference": "R"}
    await client.post(f"/v1/contracts/{contract_id}/payments", json=paid)
    await client.post(
        f"/v1/contracts/{contract_id}/pauses", json={"reason": "x", "starts_on": str(TODAY), "ends_on": str(TODAY)}
    )
    shown = (await client.get(f"/v1/contracts/{contract_id}")).json()
    assert shown["debtor"].pop("person_id") == shown["debtor"]["debtor_id"]
    assert shown["debtor"] | {"debtor_id": None} == {
        "debtor_id": None,
        "debtor_number": "D-1",
        "kind": "person",
        "name": "María Peña",
        "tax_id": "AAJ800101XX1",
        "tax_id_kind": "RFC",
        "tax_id_problem": "bad_part",
        "language": None,
        "status": "active",
    }
    assert [(line["number"], line["amount"], line["unpaid"]) for line in shown["instalments"]] == [
        (1, "100.00", "70.00"),
        (2, "60.00", "60.00"),
    ]
    [payment] = shown["payments"]
    assert (payment["amount"], payment["reference"], payment["credit"]) == ("30.00", "R", "0.00")
    assert [point["value"] for point in shown["contact_points"]] == ["+525555123456"]
    assert shown["addresses"][0]["city"] == "Cuauhtémoc"
    paused, paid = shown["holds"]
    assert paused == {"reason": "paused", "clarification_id": None, "until": str(TODAY)}
    assert paid["reason"] == "payment"
    assert (shown["next_stage_on"], shown["next_change_on"]) == (str(TODAY + timedelta(days=52)), str(days_ago(-11)))
    assert (shown["overdue_balance"], shown["total_balance"], shown["episode"]) == ("70.00", "130.00", 1)
    assert (shown["placements"], shown["days_past_due"], shown["currency"]) == ([], 39, "MXN")


async def test_history_is_listed_oldest_first(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    paid = {"amount": "100.00", "paid_on": str(TODAY), "channel": "spei"}
    payment = (await client.post(f"/v1/contracts/{contract_id}/payments", json=paid)).json()
    await client.post(f"/v1/payments/{payment['payment_id']}/reversal", json={"reason": "bounced"})
    address = f"/v1/contracts/{contract_id}/history"
    body = (await client.get(address)).json()
    kinds = [item["kind"] for item in body["items"]]
    assert kinds == ["stage_changed", "payment_received", "closed", "stage_changed", "payment_reversed"]
    assert body["items"][0]["data"]["cause"] == "payment"
    assert {item["business_date"] for item in body["items"]} == {str(TODAY)}
    first = (await client.get(address, params={"limit": 3})).json()
    rest = (await client.get(address, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [item["kind"] for item in first["items"] + rest["items"]] == kinds
    assert rest["next_cursor"] is None
    newest = (await client.get(address, params={"limit": 3, "order": "desc"})).json()
    older = (await client.get(address, params={"order": "desc", "cursor": newest["next_cursor"]})).json()
    assert [item["kind"] for item in newest["items"] + older["items"]] == kinds[::-1]
    wanted = {"kind": ["payment_reversed", "closed"]}
    assert [item["kind"] for item in (await client.get(address, params=wanted)).json()["items"]] == [
        "closed",
        "payment_reversed",
    ]


async def test_payments_are_listed_in_the_order_of_arrival(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    for amount in ("1.00", "2.00", "3.00"):
        paid = {"amount": amount, "paid_on": str(TODAY), "channel": "spei"}
        await client.post(f"/v1/contracts/{contract_id}/payments", json=paid)
    address = f"/v1/contracts/{contract_id}/payments"
    first = (await client.get(address, params={"limit": 2})).json()
    rest = (await client.get(address, params={"cursor": first["next_cursor"]})).json()
    assert [item["amount"] for item in first["items"] + rest["items"]] == ["1.00", "2.00", "3.00"]


async def test_an_unknown_contract_is_404(client: httpx.AsyncClient) -> None:
    for tail in ("", "/history", "/payments"):
        answer = await client.get(f"/v1/contracts/{uuid4()}{tail}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:recobro:problem:contract-unknown")


async def test_every_route_is_guarded_by_the_scope_it_needs(client: httpx.AsyncClient, given: Given) -> None:
    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    assert [route for route in unguarded_routes(app) if "/v1/" in route] == []
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    address = f"/v1/contracts/{contract_id}/payments"
    for token, expected in (
        (mint(["portfolio:read"]), 403),
        (mint(["dialer-feed:write"]), 403),
        (mint(agency_id=uuid4()), 403),
        ("nonsense", 401),
    ):
        answer = await client.post(address, json={}, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == expected
    assert (
        await client.get(address, headers={"Authorization": f"Bearer {mint(['portfolio:read'])}"})
    ).status_code == 200


@pytest.mark.parametrize(
    ("beginning", "tag"),
    [
        ("/v1/contracts/{contract_id}", "contracts"),
        ("/v1/pauses/", "contracts"),
        ("/v1/payments/", "contracts"),
        ("/v1/clarifications/", "contracts"),
        ("/v1/contact-points/", "contracts"),
        ("/v1/staging-runs", "staging"),
        ("/v1/stages", "portfolios"),
    ],
)
def test_readers_of_the_openapi_document_find_a_route_under_its_tag(beginning: str, tag: str) -> None:
    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    found = [operations for path, operations in app.openapi()["paths"].items() if path.startswith(beginning)]
    assert {tuple(one["tags"]) for operations in found for one in operations.values()} == {(tag,)}


async def test_the_first_and_the_last_allowed_due_date_are_staged(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(
        await given.portfolio(), (date(2000, 1, 1), "1.00"), (date(2100, 12, 31), "1.00")
    )
    shown = (await client.get(f"/v1/contracts/{contract_id}")).json()
    assert (shown["stage"], shown["next_stage_on"], shown["next_change_on"]) == ("legal", None, "2101-01-01")


async def test_a_search_of_combining_marks_alone_finds_nothing(client: httpx.AsyncClient, given: Given) -> None:
    await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    for marks in ("\u0301", "\u0301\u0302 \u0303"):
        answer = await client.get("/v1/contracts", params={"q": marks})
        assert (answer.status_code, answer.json().get("items")) == (200, []), answer.text


async def test_contracts_are_found_before_an_instalment_falls_due(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    days = {"today": 0, "soon": -3, "later": -4, "late": 1}
    for number, ago in days.items():
        await given.contract(portfolio_id, (days_ago(ago), "100.00"), number=number)
    await given.contract(portfolio_id, (days_ago(40), "100.00"), (days_ago(-2), "100.00"), number="behind")

    async def found(**wanted: str | int) -> list[str]:
        answer = await client.get("/v1/contracts", params=wanted | {"portfolio_id": str(portfolio_id)})
        return [item["contract_number"] for item in answer.json()["items"]]

    assert await found(due_within=3, stage="current") == ["soon", "today"]
    assert await found(due_within=3) == ["behind", "soon", "today"]
    assert await found(due_within=0) == ["today"]
    assert (await client.get("/v1/contracts", params={"due_within": 91})).status_code == 422
