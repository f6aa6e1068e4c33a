"""An agency's token reads only the contracts that are placed with the agency."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from chassis.testing import mint
from chassis.testing.row_security import READABLE_TABLES, WRITABLE_TABLES, rights_of_agency
from events_of_other_services import PHONE_KIND, later, placed, promised, receive, then, visited
from portfolio_builders import TODAY, Given, days_ago, pay
from recobro_events.contracts.assignment import (
    PlacementEnded,
    PlacementKind,
    PlacementRecalled,
    PlacementRecallRequested,
)
from recobro_events.contracts.field_visits import AttendedBy, ContactDataCollected
from recobro_events.contracts.promises import PromiseKept

ONE, OTHER = uuid4(), uuid4()


def token(agency_id: UUID) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint(agency_id=agency_id, subject='agency')}"}


async def read(client: httpx.AsyncClient, agency_id: UUID, path: str = "", **query: Any) -> httpx.Response:
    return await client.get(f"/v1/contracts{path}", headers=token(agency_id), params=query)


async def found(client: httpx.AsyncClient, agency_id: UUID, **query: Any) -> list[str]:
    answer = await read(client, agency_id, **query)
    assert answer.status_code == 200, answer.text
    return [item["contract_number"] for item in answer.json()["items"]]


@pytest.fixture
async def contracts(given: Given) -> list[UUID]:
    """Four contracts: one with the first agency, one with the second, one with both, one with none."""
    portfolio_id = await given.portfolio()
    made = [await given.contract(portfolio_id, (days_ago(40), "100.00"), number=number) for number in "ABCD"]
    await receive(
        given,
        placed(made[0], ONE),
        placed(made[1], OTHER, kind=PlacementKind.COLLECTION),
        placed(made[2], ONE, kind=PlacementKind.VISITS),
        placed(made[2], OTHER),
    )
    return made


async def test_two_agencies_find_and_read_only_their_own_contracts(
    client: httpx.AsyncClient, contracts: list[UUID]
) -> None:
    assert await found(client, ONE) == ["A", "C"]
    assert await found(client, OTHER) == ["B", "C"]
    assert await found(client, uuid4()) == []
    assert await found(client, ONE, number="B") == []
    assert await found(client, ONE, q="peña", stage="late") == ["A", "C"]
    first = (await read(client, ONE, limit=1)).json()
    assert await found(client, ONE, cursor=first["next_cursor"]) == ["C"]
    for agency_id, own in ((ONE, (0, 2)), (OTHER, (1, 2))):
        for n, contract_id in enumerate(contracts):
            for tail in ("", "/history"):
                answer = await read(client, agency_id, f"/{contract_id}{tail}")
                assert answer.status_code == (200 if n in own else 404), (agency_id, n, tail)
                if n not in own:
                    assert answer.json()["type"] == "urn:recobro:problem:contract-unknown"


@pytest.mark.parametrize(
    ("ending", "readable"), [(None, True), (PlacementRecalled, False), (PlacementEnded, False)], ids=str
)
async def test_a_contract_is_read_until_its_recall_is_final(
    client: httpx.AsyncClient, given: Given, ending: Any, readable: bool
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"), number="A")
    first = placed(contract_id, ONE)
    recall = then(PlacementRecallRequested, first, final_on=TODAY)
    await receive(given, first, recall, *([then(ending, recall)] if ending else []))
    assert await found(client, ONE) == (["A"] if readable else [])
    assert (await read(client, ONE, f"/{contract_id}")).status_code == (200 if readable else 404)
    assert (await read(client, ONE, f"/{contract_id}/history")).status_code == (200 if readable else 404)


async def test_an_objection_that_is_not_decided_leaves_the_contract_readable(
    client: httpx.AsyncClient, given: Given, contracts: list[UUID]
) -> None:
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE placement SET state = 'objected' WHERE contract_id = $1", contracts[0])
    assert await found(client, ONE) == ["A", "C"]


async def test_an_agency_sees_nothing_of_another_agency(
    client: httpx.AsyncClient, given: Given, contracts: list[UUID]
) -> None:
    both = contracts[2]
    theirs = promised(both, agency_id=OTHER)
    await receive(
        given,
        theirs,
        promised(both, agency_id=ONE),
        later(PromiseKept, theirs),
        visited(both, agency_id=OTHER),
        visited(both),
    )
    for agency_id, hidden in ((ONE, OTHER), (OTHER, ONE)):
        whole = await read(client, agency_id, f"/{both}")
        history = await read(client, agency_id, f"/{both}/history")
        assert str(hidden) not in whole.text + history.text
        assert [placement["agency_id"] for placement in whole.json()["placements"]] == [str(agency_id)]
        assert len(whole.json()["promises"]) == 2, "a promise silences every agency"
        kinds = [item["kind"] for item in history.json()["items"]]
        # The first agency visits and nobody has attended, so it sees no line with amounts but its own.
        expected = ["placed", "promise_made"]
        assert sorted(kinds) == sorted(expected if agency_id == ONE else [*expected, "promise_kept", "visit"])
    everything = (await client.get(f"/v1/contracts/{both}/history")).json()["items"]
    assert len(everything) == 7


async def test_every_other_route_refuses_agencies(client: httpx.AsyncClient, contracts: list[UUID]) -> None:
    own, any_id = contracts[0], uuid4()
    for path in (f"/v1/contracts/{own}/payments", f"/v1/payments/{any_id}", f"/v1/clarifications/{any_id}"):
        assert (await client.get(path, headers=token(ONE))).status_code == 403
    assert (await client.get(f"/v1/contact-points/{any_id}", headers=token(ONE))).status_code == 403
    for tail in ("payments", "clarifications", "pauses", "debtor-status", "contact-points"):
        answer = await client.post(f"/v1/contracts/{own}/{tail}", json={}, headers=token(ONE))
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:recobro:problem:agency-refused")
    for path in (f"payments/{any_id}/reversal", f"clarifications/{any_id}/resolution", f"pauses/{any_id}/end"):
        assert (await client.post(f"/v1/{path}", json={}, headers=token(ONE))).status_code == 403
    assert (await client.patch(f"/v1/contact-points/{any_id}", json={}, headers=token(ONE))).status_code == 403


@pytest.mark.usefixtures("contracts")
async def test_postgresql_shows_an_agency_its_own_contracts_whatever_the_query_says(given: Given) -> None:
    visible = {}
    for agency_id in (ONE, OTHER, uuid4()):
        with rights_of_agency(agency_id):
            async with given.database.connection() as connection:
                rows = await connection.fetch("SELECT contract_number FROM contract ORDER BY contract_number")
                visible[agency_id] = [row["contract_number"] for row in rows]
                assert await connection.fetchval("SELECT count(*) FROM instalment") == len(rows)
                assert await connection.fetchval("SELECT count(*) FROM placement") == len(rows)
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute("DELETE FROM contract")
    assert list(visible.values()) == [["A", "C"], ["B", "C"], []]


async def a_contract_with(given: Given, kind: PlacementKind) -> UUID:
    contract_id = await given.contract(
        await given.portfolio(), (days_ago(40), "123456.78"), tax_id="PEMA800101AAA", phones=["+525555123456"]
    )
    await receive(given, placed(contract_id, ONE, kind=kind))
    return contract_id


async def everything_read(client: httpx.AsyncClient, contract_id: UUID) -> str:
    answers = [
        await read(client, ONE, f"/{contract_id}"),
        await read(client, ONE, f"/{contract_id}/history"),
        await read(client, ONE),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    return "".join(answer.text for answer in answers)


async def test_a_dialing_agency_sees_no_tax_id_no_address_and_no_findings_of_others(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await a_contract_with(given, PlacementKind.DIALING)
    status = {"status": "unlocatable", "reported_by": "luis of the other agency", "detail": "moved"}
    assert (await client.post(f"/v1/contracts/{contract_id}/debtor-status", json=status)).status_code == 201
    dispute = {"reason": "amount", "opened_by": "visitor", "detail": "a word of another"}
    assert (await client.post(f"/v1/contracts/{contract_id}/clarifications", json=dispute)).status_code == 201
    collected = ContactDataCollected(
        contract_id=contract_id, visit_id=uuid4(), kind=PHONE_KIND, value="5555123457", provenance="neighbour"
    )
    await receive(given, visited(contract_id, agency_id=OTHER), visited(contract_id), collected)
    seen = await everything_read(client, contract_id)
    for hidden in ("PEMA800101AAA", "Mayo", "06000", "luis", "a word of another", str(OTHER), "visit ended"):
        assert hidden not in seen
    for shown in ("123456.78", "+525555123456", "amount"):
        assert shown in seen
    assert await found(client, ONE, q="PEMA800101AAA") == await found(client, ONE, q="PEMA") == []
    assert len(await found(client, ONE, q="peña")) == 1


async def test_a_visits_agency_sees_no_balance_before_the_debtor_attends_its_visit(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await a_contract_with(given, PlacementKind.VISITS)
    await pay(client, contract_id, "11.11")
    await receive(given, promised(contract_id, agency_id=OTHER, promised=Decimal("222.22")))
    amounts = ("123456.78", "123445.67", "11.11", "222.22")
    for of_no_use in (
        visited(contract_id, agency_id=OTHER),
        visited(contract_id, agency_id=ONE, attended_by=AttendedBy.THIRD_PARTY),
    ):
        await receive(given, of_no_use)
        seen = await everything_read(client, contract_id)
        assert not [amount for amount in amounts if amount in seen]
        assert "Mayo" in seen
    await receive(given, visited(contract_id, agency_id=ONE))
    seen = await everything_read(client, contract_id)
    assert all(amount in seen for amount in amounts)


async def test_an_agency_that_collects_sees_all_it_needs(client: httpx.AsyncClient, given: Given) -> None:
    seen = await everything_read(client, await a_contract_with(given, PlacementKind.COLLECTION))
    assert all(text in seen for text in ("123456.78", "PEMA800101AAA", "Mayo"))


def authorised(subject: str, delegate: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint(subject=subject, delegate=delegate)}"}


async def test_every_change_names_its_actor_to_operators_only(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await a_contract_with(given, PlacementKind.DIALING)

    async def change(path: str, who: dict[str, str], **body: str) -> dict[str, Any]:
        answer = await client.post(f"/v1/{path}", json=body, headers=who)
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    ana, luis = authorised("ana", "assistant"), authorised("luis")
    money = {"amount": "1.00", "paid_on": str(TODAY), "channel": "spei"}
    paid = await change(f"contracts/{contract_id}/payments", ana, **money)
    lines = (await client.get(f"/v1/contracts/{contract_id}/history")).json()["items"]
    actors = {line["kind"]: line["actor"] for line in lines}
    assert actors["placed"] is None, "an event has no actor here"
    request_id = actors["payment_received"].pop("request_id")
    assert request_id
    known = {"subject": "assistant", "on_behalf_of": "ana", "client": None, "agency_id": None}
    assert actors["payment_received"] == known
    await change(f"payments/{paid['payment_id']}/reversal", luis, reason="bounced")
    payment = (await client.get(f"/v1/payments/{paid['payment_id']}")).json()
    assert payment["received_by"] == known | {"request_id": request_id}
    assert payment["reversed_by"]["subject"] == "luis"

    opened = await change(f"contracts/{contract_id}/clarifications", luis, reason="amount", opened_by="debtor")
    path = f"clarifications/{opened['clarification_id']}"
    await change(f"{path}/resolution", ana, outcome="withdrawn")
    clarification = (await client.get(f"/v1/{path}")).json()
    assert (clarification["actor"]["subject"], clarification["resolved_by"]["subject"]) == ("luis", "assistant")
    pause = await change(f"contracts/{contract_id}/pauses", luis, reason="flood", starts_on=str(TODAY))
    await client.post(f"/v1/pauses/{pause['pause_id']}/end", headers=ana)
    [row] = await given.rows("SELECT actor ->> 'subject' AS began, ended_by ->> 'delegate' AS ended FROM pause")
    assert (row["began"], row["ended"]) == ("luis", "assistant")
    seen = await everything_read(client, contract_id)
    assert not [name for name in ("assistant", "luis", '"ana"') if name in seen]


async def test_every_table_that_agencies_may_read_forces_a_policy_on_them(given: Given) -> None:
    async with given.database.connection() as connection:
        tables = {row["relname"]: row for row in await connection.fetch(READABLE_TABLES)}
        assert await connection.fetch(WRITABLE_TABLES) == []
    # Of a portfolio an agency reads only what every contract of it says.
    assert not tables.pop("portfolio")["forced"]
    assert all(row["forced"] and row["policies"] == 1 for row in tables.values())
