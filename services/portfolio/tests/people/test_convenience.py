"""What a person calls inconvenient binds for every contract of the person, and is told to the other services."""

from typing import Any
from uuid import UUID, uuid4, uuid5

from people_service import ana, decided, person_of
from portfolio.handlers import consumer
from portfolio.republishing import republish
from recobro_events.contracts import promises
from recobro_events.contracts.dialer_feed import ConvenienceRequested
from recobro_events.contracts.portfolio import (
    ContractRegistered,
    ContractRevised,
    ContractWhole,
    ConvenienceChanged,
)
from recobro_events.testing import apply_events, published
from service_client import ServiceClient

LUNCH = {"not_hours": ["12:00-14:00"], "not_days": ["sun"], "reason": "works at night"}


async def said(service: ServiceClient, any_id: UUID, status: int = 201, **fields: Any) -> dict[str, Any]:
    answer = await service.client.post(f"/v1/people/{any_id}/convenience", json=fields or LUNCH)
    assert answer.status_code == status, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def known(service: ServiceClient, contract_id: UUID) -> list[list[str]]:
    """The days that the newest event of the contract calls inconvenient, of each statement."""
    events: list[ConvenienceChanged | ContractWhole] = [
        *await published(service.database, ConvenienceChanged),
        *await published(service.database, ContractRegistered),
        *await published(service.database, ContractRevised),
    ]
    newest = max((event for event in events if event.contract_id == contract_id), key=lambda event: event.version)
    assert newest.conveniences is not None
    return [list(one.not_days) for one in newest.conveniences]


async def two_customers(service: ServiceClient) -> tuple[UUID, UUID, UUID]:
    """A-1 and B-1 of two customers who are one person. Returns the portfolio and the contracts."""
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, ana("A-1", "K1"), ana("B-1", "K2"))
    return portfolio_id, uuid5(portfolio_id, "A-1"), uuid5(portfolio_id, "B-1")


async def test_a_statement_reaches_all_contracts_of_the_person_and_ends_by_removal(service: ServiceClient) -> None:
    portfolio_id, one, other = await two_customers(service)
    person_id = await person_of(service, portfolio_id, "A-1")
    kept = await said(service, person_id)
    [item] = kept["items"]
    assert (item["not_hours"], item["not_days"], item["reason"]) == (["12:00-14:00"], ["sun"], "works at night")
    assert await known(service, one) == await known(service, other) == [["sun"]]
    shown = await service.contract(portfolio_id, "B-1")
    assert [each["not_hours"] for each in shown["conveniences"]] == [["12:00-14:00"]]

    path = f"/v1/people/{person_id}/convenience/{item['convenience_id']}/removal"
    answer = await service.client.post(path, json={"reason": "retired"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["items"] == []
    assert [each["removed_because"] for each in answer.json()["removed"]] == ["retired"]
    assert await known(service, one) == await known(service, other) == []
    assert (await service.client.post(path, json={"reason": "again"})).status_code == 404
    history = await service.client.get(f"/v1/contracts/{one}/history", headers={"Accept-Language": "es-MX"})
    lines = [line["summary"] for line in history.json()["items"] if line["kind"].startswith("convenience")]
    assert lines == [
        "Inconveniente para el deudor: días domingo; horas 12:00-14:00. works at night",
        "Ya no es inconveniente: días domingo; horas 12:00-14:00. retired",
    ]


async def test_a_statement_stays_with_each_customer_who_is_unlinked_and_reaches_who_is_linked(
    service: ServiceClient,
) -> None:
    portfolio_id, one, other = await two_customers(service)
    person_id = await person_of(service, portfolio_id, "A-1")
    await said(service, person_id)
    await decided(service, person_id, portfolio_id, "B-1", "unlink")
    assert await known(service, one) == await known(service, other) == [["sun"]]
    await said(service, person_id, not_days=["mon"], reason="market day")
    assert (await known(service, one), await known(service, other)) == ([["sun"], ["mon"]], [["sun"]])
    await decided(service, person_id, portfolio_id, "B-1", "link")
    assert await known(service, other) == [["sun"], ["mon"]]
    await service.load(portfolio_id, ana("C-1", "K2"), as_of="2026-09-11")
    assert await known(service, uuid5(portfolio_id, "C-1")) == [["sun"], ["mon"]]


async def test_what_a_debtor_says_on_a_call_is_kept_once(service: ServiceClient) -> None:
    portfolio_id, one, other = await two_customers(service)
    request = {"not_days": ("sat",), "reported_by": "dialer-1"}
    await apply_events(service.database, consumer, ConvenienceRequested(contract_id=one, **request))
    await apply_events(service.database, consumer, ConvenienceRequested(contract_id=other, **request))
    assert await known(service, one) == await known(service, other) == [["sat"]]
    [item] = (await service.contract(portfolio_id, "A-1"))["conveniences"]
    assert (item["stated_by"], item["reason"], item["actor"]) == ("dialer-1", "said on a call", None)


async def test_what_a_debtor_states_on_the_debtors_page_is_kept_once(service: ServiceClient) -> None:
    portfolio_id, one, other = await two_customers(service)
    for contract_id in (one, other):
        stated = promises.ConvenienceRequested(
            contract_id=contract_id, not_media=("sms",), not_days=("sat",), reported_by="debtor by link"
        )
        await apply_events(service.database, consumer, stated)
    assert await known(service, one) == await known(service, other) == [["sat"]]
    [item] = (await service.contract(portfolio_id, "A-1"))["conveniences"]
    assert (item["stated_by"], item["reason"]) == ("debtor by link", "stated on the debtor's page")
    assert item["not_media"] == ["sms"]


async def test_an_agency_without_the_contract_changes_nothing_until_a_person_decides(service: ServiceClient) -> None:
    _, one, _ = await two_customers(service)
    await apply_events(
        service.database,
        consumer,
        ConvenienceRequested(contract_id=one, not_days=("sat",), reported_by="x", effective=False),
    )
    assert await known(service, one) == []
    [report] = (await service.client.get("/v1/reports", params={"contract_id": str(one)})).json()["items"]
    path = f"/v1/reports/{report['report_id']}/decision"
    answer = await service.client.post(path, json={"apply": True})
    assert answer.status_code in (200, 201), answer.text
    assert await known(service, one) == [["sat"]]


async def test_calls_never_fill_the_room_of_a_person_and_operators_are_told(service: ServiceClient) -> None:
    portfolio_id, one, _ = await two_customers(service)
    for minute in range(22):
        hours = f"07:{minute:02}-07:30"
        await apply_events(
            service.database, consumer, ConvenienceRequested(contract_id=one, not_hours=(hours,), reported_by="x")
        )
    person_id = await person_of(service, portfolio_id, "A-1")
    kept = (await service.client.get(f"/v1/people/{person_id}/convenience")).json()
    assert (len(kept["items"]), len(kept["removed"])) == (20, 2)
    assert kept["items"][0]["not_hours"] == ["07:02-07:30"]
    assert (await said(service, person_id, status=409))["type"].endswith("too-many-conveniences")


async def test_bad_statements_are_refused_with_the_place(service: ServiceClient) -> None:
    portfolio_id, *_ = await two_customers(service)
    person_id = await person_of(service, portfolio_id, "A-1")
    for fields, pointer in (
        ({"not_hours": ["25:00-26:00"]}, "/not_hours/0"),
        ({"not_hours": ["12:00-12:00"]}, "/not_hours/0"),
        ({"not_days": ["someday"]}, "/not_days/0"),
        ({"not_media": ["pigeon"]}, "/not_media/0"),
        ({}, ""),
    ):
        problem = await said(service, person_id, status=422, reason="x", **fields)
        assert problem["errors"][0]["pointer"] == pointer
    assert (await said(service, uuid4(), status=404))["type"].endswith("person-unknown")


async def test_a_rebuilt_service_gets_what_holds(service: ServiceClient) -> None:
    portfolio_id, one, _ = await two_customers(service)
    await said(service, await person_of(service, portfolio_id, "A-1"))
    after: str | None = ""
    while after is not None:
        async with service.database.transaction() as tx:
            tx.audience = "dialer-feed"
            after = await republish(tx, after)
    last = [event for event in await published(service.database, ContractRevised) if event.contract_id == one][-1]
    assert last.conveniences is not None
    assert [one.not_hours for one in last.conveniences] == [("12:00-14:00",)]
