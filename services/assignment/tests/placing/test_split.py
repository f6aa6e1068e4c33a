"""The same contracts go to the same agencies on any machine, in any order and at any repetition."""

import random
from collections import Counter
from datetime import date
from uuid import UUID

import pytest
from assignment.placing.rules import Candidate, Limit, Option, Room, Shares, assign, draw
from placing_scene import DAY, Contract, Scene

RULE = UUID("0193c1a0-0000-7000-8000-000000000001")
A, B, C = (UUID(f"0193c1a0-0000-7000-8000-0000000000{n}") for n in ("a1", "b2", "c3"))
CONTRACTS = [UUID(f"7f9c24e8-3b12-5fef-91e7-00000000000{n}") for n in range(8)]
EXPECTED = "CBAAAACB"
"""The agencies of these contracts, among A (weight 1), B (2) and C (3). This may never change."""


def option(agency_id: UUID, weight: int = 1, capacity: int | None = None) -> Option:
    return Option(agency_id, UUID(int=agency_id.int + 1), weight, None, capacity)


def split(contract_ids: list[UUID], shares: Shares, room: Room | None = None) -> dict[UUID, UUID]:
    candidates = [Candidate(contract_id, "dialing", RULE, DAY) for contract_id in contract_ids]
    chosen = assign(candidates, {(RULE, DAY): shares}, room or Room())
    return {candidate.contract_id: option.agency_id for candidate, option in chosen}


def test_the_split_of_given_contracts_never_changes() -> None:
    shares = Shares([option(C, 3), option(A, 1), option(B, 2)])
    found = split(CONTRACTS, shares)
    assert "".join({A: "A", B: "B", C: "C"}[found[contract_id]] for contract_id in CONTRACTS) == EXPECTED
    assert draw(CONTRACTS[0], RULE) == 0x2E8A7376EA7CAEA8
    assert split(random.sample(CONTRACTS, len(CONTRACTS)), shares) == found


def test_agencies_get_contracts_in_proportion_to_their_weights() -> None:
    contracts = [UUID(int=n) for n in range(12_000)]
    counted = Counter(split(contracts, Shares([option(A, 1), option(B, 2), option(C, 3)])).values())
    assert counted[A] == pytest.approx(2000, abs=150)
    assert counted[B] == pytest.approx(4000, abs=200)
    assert counted[C] == pytest.approx(6000, abs=200)


def test_contracts_of_a_full_agency_go_to_the_next_agency() -> None:
    shares = Shares([option(A, capacity=2), option(B), option(C, capacity=1)])
    limits = [
        Limit(UUID(int=agency.int + 1), agency, frozenset({"dialing"}), free) for agency, free in ((A, 2), (C, 1))
    ]
    found = split([UUID(int=n) for n in range(50)], shares, Room(limits))
    assert Counter(found.values()) == {A: 2, B: 47, C: 1}
    unlimited = split([UUID(int=n) for n in range(50)], Shares([option(A), option(B), option(C)]))
    for contract_id, agency_id in found.items():
        assert agency_id in (unlimited[contract_id], B), "agencies with room keep their contracts"


def test_the_next_agency_follows_by_id_and_after_the_last_comes_the_first() -> None:
    shares = Shares([option(A), option(B), option(C)])
    seen = {tuple(each.agency_id for each in shares.preferred(UUID(int=n), RULE)) for n in range(50)}
    assert seen == {(A, B, C), (B, C, A), (C, A, B)}


def test_a_refused_agency_is_passed_over() -> None:
    candidate = Candidate(CONTRACTS[0], "dialing", RULE, DAY, 1, (A, B))
    [(_, chosen)] = assign([candidate], {(RULE, DAY): Shares([option(A), option(B), option(C)])}, Room())
    assert chosen.agency_id == C
    assert assign([candidate], {(RULE, DAY): Shares([option(A), option(B)])}, Room()) == []


def test_a_capacity_counts_all_kinds_of_its_service_contract() -> None:
    only = option(A, capacity=1)
    room = Room([Limit(only.service_contract_id, A, frozenset({"dialing", "visits"}), 1)])
    candidates = [Candidate(CONTRACTS[0], kind, RULE, DAY) for kind in ("dialing", "visits")]
    assert len(assign(candidates, {(RULE, DAY): Shares([only])}, room)) == 1


async def insert_rule(scene: Scene, rule_id: UUID, agencies: tuple[UUID, ...], **capacity: int) -> None:
    """Insert a rule with this id that divides contracts among agencies with these ids."""
    async with scene.database.transaction() as tx:
        await tx.execute(
            "INSERT INTO placement_rule (rule_id, name, priority, kind) VALUES ($1, '', 1, 'dialing')", rule_id
        )
        for weight, agency_id in enumerate(agencies, start=1):
            await tx.execute("INSERT INTO agency (agency_id, name) VALUES ($1, '')", agency_id)
            await tx.execute("INSERT INTO share VALUES ($1, $2, $3)", rule_id, agency_id, weight)
            await tx.execute(
                """
                INSERT INTO service_contract
                    (agency_id, kinds, starts_on, capacity, recall_grace_days, attribution_days)
                VALUES ($1, '{dialing}', '2026-01-01', $2, 2, 0)
                """,
                agency_id,
                capacity.get("capacity"),
            )


def known_contracts(scene: Scene) -> list[Contract]:
    return [scene.contract(contract_id=contract_id) for contract_id in CONTRACTS]


@pytest.mark.parametrize("capacity", [None, 100], ids=["no capacity", "capacity"])
@pytest.mark.parametrize("way", ["one batch", "one by one, backwards", "run"])
async def test_the_database_places_the_same_contracts_with_the_same_agencies(
    scene: Scene, way: str, capacity: int | None
) -> None:
    contracts = known_contracts(scene)
    if way == "run":
        await scene.receives(*(contract.registered() for contract in contracts))
    await insert_rule(scene, RULE, (A, B, C), **({"capacity": capacity} if capacity else {}))
    if way == "run":
        assert (await scene.run())["placed"] == len(contracts)
        assert (await scene.run())["placed"] == 0
    elif way == "one batch":
        await scene.receives(*(contract.registered() for contract in reversed(contracts)))
    else:
        for contract in reversed(contracts):
            await scene.receives(contract.registered())
    found = [{str(A): "A", str(B): "B", str(C): "C"}[p["agency_id"]] for p in await scene.placements()]
    assert "".join(found) == EXPECTED


async def test_postgresql_draws_the_same_numbers(scene: Scene) -> None:
    """A split can be checked in SQL, because no part of it depends on Python."""
    sql = """
    SELECT ('x' || encode(substring(sha256(uuid_send($1::uuid) || uuid_send($2::uuid)) FOR 8), 'hex'))::bit(64)::bigint
    """
    for contract_id in CONTRACTS:
        [row] = await scene.rows(sql, contract_id, RULE)
        assert row[0] % 2**64 == draw(contract_id, RULE)


async def test_within_a_run_contracts_take_places_in_the_order_of_their_ids(scene: Scene) -> None:
    await scene.receives(*(contract.registered() for contract in known_contracts(scene)))
    await insert_rule(scene, RULE, (A, B), capacity=3)
    outcome = await scene.run()
    assert (outcome["placed"], outcome["unplaced"]) == (6, 2)
    placements = await scene.placements()
    assert [UUID(p["contract_id"]) for p in placements] == CONTRACTS[:6]
    assert Counter(p["agency_id"] for p in placements) == {str(A): 3, str(B): 3}
    again = await scene.run()
    assert (again["placed"], again["unplaced"]) == (0, 2)


def test_a_split_does_not_depend_on_the_day() -> None:
    later = date(2027, 1, 1)
    shares = Shares([option(A, 1), option(B, 2), option(C, 3)])
    days = {(RULE, DAY): shares, (RULE, later): shares}
    today, then = (
        [
            chosen.agency_id
            for _, chosen in assign([Candidate(c, "dialing", RULE, day) for c in CONTRACTS], days, Room())
        ]
        for day in (DAY, later)
    )
    assert today == then
