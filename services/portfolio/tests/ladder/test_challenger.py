"""A challenger has a share of the people, always the same ones, and what both ladders achieve is compared."""

import itertools
from decimal import Decimal
from hashlib import md5
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
import pytest
from ladders import judged, send, step
from portfolio.ladder import comparing, queries
from portfolio.ladder.comparing import SideOfLadder
from portfolio_builders import TODAY, Given, days_ago, pay, reverse
from recobro_events.contracts.portfolio import ContractEscalated, StepAllows
from recobro_events.testing import published

Json = dict[str, Any]
CHAMPION = [{"step": "reminder", "when": {}}]
CHALLENGER = {
    "percent": 50,
    "steps": [
        {"step": "reminder", "when": {"days_past_due": {"min": 10}}, "allows": {"contacts": ["message"]}},
        {"step": "extrajudicial_notice", "when": {}, "allows": {"contacts": ["letter"]}},
    ],
}


def is_challenged(person_id: UUID, version: int = 1, percent: int = 50) -> bool:
    digest = md5(f"{person_id} {version}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % 100 < percent


async def challenge(client: httpx.AsyncClient, portfolio_id: UUID, **more: Any) -> Json:
    body = {"steps": CHAMPION, "challenger": CHALLENGER | more}
    answer = await client.put(f"/v1/portfolios/{portfolio_id}/ladder", json=body)
    assert answer.status_code == 200, answer.text
    held: Json = answer.json()
    return held


async def contracts(given: Given, portfolio_id: UUID, count: int, days: int = 40) -> tuple[list[UUID], list[UUID]]:
    """Contracts of so many debtors: those of the champion, two thirds, and those of the challenger."""
    made: tuple[list[UUID], list[UUID]] = ([], [])
    numbers = (f"D-{n}" for n in itertools.count())
    for n in range(count):
        wanted = n % 3 == 2
        number = next(one for one in numbers if is_challenged(uuid5(given.creditor_id, one)) == wanted)
        contract_id = await given.contract(portfolio_id, (days_ago(days), "100.00"), debtor_number=number)
        made[wanted].append(contract_id)
    return made


async def test_each_person_is_judged_by_one_of_the_two_ladders(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    held = await challenge(client, portfolio_id)
    assert held["challenger"]["percent"] == 50
    champions, challengers = await contracts(given, portfolio_id, 12)
    await judged(given)
    for contract_id in (*champions, *challengers):
        shown = await step(client, contract_id)
        assert shown["challenged"] == (contract_id in challengers)
        assert shown["next_step"] == ("extrajudicial_notice" if contract_id in challengers else None)
        assert shown["allows"]["contacts"] == (["message"] if contract_id in challengers else None)
    stated = {event.contract_id: event.allows for event in await published(given.database, ContractEscalated)}
    assert stated == dict.fromkeys(champions) | dict.fromkeys(challengers, StepAllows(contacts=("message",)))
    [line] = await given.rows(
        "SELECT data FROM contract_history WHERE contract_id = $1 AND kind = 'escalated'", challengers[0]
    )
    assert line["data"]["challenged"] is True


async def test_contracts_of_one_person_are_on_one_side(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    await challenge(client, portfolio_id)
    for n in range(6):
        same = [await given.contract(portfolio_id, (days_ago(40), "100.00"), debtor_number=f"D-{n}") for _ in range(2)]
        assert len({(await step(client, contract_id))["challenged"] for contract_id in same}) == 1


async def test_a_trial_shows_both_sides(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    champions, challengers = await contracts(given, portfolio_id, 10, days=5)
    body = {"steps": CHAMPION, "challenger": CHALLENGER}
    trial = (await client.post(f"/v1/portfolios/{portfolio_id}/ladder/trial", json=body)).json()
    moves = [(each["challenged"], each["to_step"], each["contracts"]) for each in trial["moves"] + trial["unchanged"]]
    assert moves == [(False, "reminder", len(champions)), (True, None, len(challengers))]
    await challenge(client, portfolio_id)
    held = (await client.get(f"/v1/portfolios/{portfolio_id}/ladder/trial")).json()
    assert held == trial


async def test_a_notice_brings_what_the_side_of_the_contract_allows(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    await challenge(client, portfolio_id)
    champions, challengers = await contracts(given, portfolio_id, 10)
    for contract_id in (champions[0], challengers[0]):
        await send(client, contract_id, "reminder")
        await send(client, contract_id, "extrajudicial")
    assert (await given.row(champions[0]))["allows"] is None
    assert (await given.row(challengers[0]))["allows"] == {"contacts": ["letter"]}


async def test_people_are_spread_by_the_share_and_anew_in_each_version(given: Given) -> None:
    people = [uuid4() for _ in range(2_000)]
    side = queries.challenged("$2::text", "$3::integer").replace("contract.debtor_id", "person_id")
    sql = f"SELECT person_id, {side} AS challenged FROM unnest($1::uuid[]) AS listed (person_id)"
    hashed = sql.replace(
        "(SELECT coalesce(person_id, debtor_id) FROM debtor WHERE debtor.debtor_id = person_id)", "person_id"
    )
    sides = []
    for version in (1, 2):
        rows = await given.rows(hashed, people, "10", version)
        assert [row["challenged"] for row in rows] == [is_challenged(one, version, 10) for one in people]
        sides.append({row["person_id"] for row in rows if row["challenged"]})
    assert all(120 < len(side) < 290 for side in sides)
    assert len(sides[0] & sides[1]) < 60


async def test_the_comparison_counts_cures_money_and_contacts_of_each_side(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    await challenge(client, portfolio_id)
    champions, challengers = await contracts(given, portfolio_id, 14)
    await given.contract(portfolio_id, (days_ago(-9), "100.00"))
    await judged(given)
    await pay(client, champions[0], "100.00")
    await pay(client, challengers[0], "100.00")
    await pay(client, challengers[1], "30.00")
    undone = await pay(client, champions[1], "100.00")
    await reverse(client, undone["payment_id"])
    await client.post(f"/v1/contracts/{challengers[0]}/attempts", json={"channel": "call", "outcome": "refused"})
    answer = await client.get(f"/v1/portfolios/{portfolio_id}/ladder/comparison")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["version"], found["percent"], found["first"], found["last"]) == (1, 50, str(TODAY), str(TODAY))
    n = len(champions)
    assert found["champion"] == {
        "contracts": n,
        "cured": 1,
        "cure_rate": round(1 / n, 4),
        "payments": 1,
        "recovered": "100.00",
        "recovered_a_contract": f"{100 / n:.2f}",
        "attempts": 0,
        "contacts": 0,
        "contacts_a_contract": 0.0,
    }
    n = len(challengers)
    expected = {"contracts": n, "cured": 1, "payments": 2, "recovered": "130.00", "attempts": 1, "contacts": 1}
    assert {name: found["challenger"][name] for name in expected} == expected
    assert found["cure_rate_difference"] == pytest.approx(1 / n - 1 / len(champions), abs=0.0001)
    assert found["margin"] is None, "too few contracts"


async def test_a_version_is_compared_on_the_days_on_which_it_held(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    at = f"/v1/portfolios/{portfolio_id}/ladder"
    assert (await client.get(f"{at}/comparison")).status_code == 404
    await challenge(client, portfolio_id)
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE portfolio SET business_date = $1", days_ago(-20))
    await challenge(client, portfolio_id, percent=20)
    first = (await client.get(f"{at}/comparison?version=1")).json()
    assert (first["percent"], first["first"], first["last"]) == (50, str(TODAY), str(days_ago(-19)))
    second = (await client.get(f"{at}/comparison?from={TODAY}")).json()
    assert (second["version"], second["first"], second["last"]) == (2, str(days_ago(-20)), str(days_ago(-20)))
    before = await client.get(f"{at}/comparison?version=2&to={days_ago(1)}&from={days_ago(9)}")
    assert before.json()["type"] == "urn:recobro:problem:no-challenger"


def test_the_margin_is_that_of_two_shares() -> None:
    def side(contracts: int, cured: int) -> SideOfLadder:
        counted = {"contracts": contracts, "cured": cured, "recovered": Decimal(0)}
        return comparing._side(dict.fromkeys(comparing.COUNTED, 0) | counted)

    assert comparing._margin(side(400, 100), side(100, 40)) == 0.105
    assert comparing._difference(side(400, 100), side(100, 40)) == 0.15
    assert comparing._margin(side(400, 100), side(29, 9)) is None
    assert comparing._difference(side(400, 100), side(0, 0)) is None


@pytest.mark.parametrize("percent", [0, 100, "10", 10.5])
async def test_a_share_of_nobody_or_of_all_is_refused(client: httpx.AsyncClient, given: Given, percent: object) -> None:
    body = {"steps": CHAMPION, "challenger": CHALLENGER | {"percent": percent}}
    answer = await client.put(f"/v1/portfolios/{await given.portfolio()}/ladder", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/challenger/percent")
