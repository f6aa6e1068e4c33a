"""A day: lists, calls by old lists, changes, calls by the list, and the comparison."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from floor import changes, recalls, reports
from floor.calls import acknowledge, call, call_by_old_lists, call_by_the_list, now
from floor.comparing import compare, read_streams
from floor.floor import Floor, has_entry
from floor.lists import list_of, named_by_entries
from floor.model import Contract
from floor.opening import send_file

AT_ONCE = 6
_CHANGES = changes.CHANGES | recalls.CHANGES | reports.CHANGES


async def play_day(floor: Floor) -> None:
    await publish_lists(floor)
    await call_by_old_lists(floor)
    for _ in range(3):
        await change_some(floor)
        await acknowledge(floor)
    await call_by_the_list(floor)
    await read_streams(floor)
    await compare(floor)


async def begin_next_day(floor: Floor) -> None:
    floor.day += timedelta(days=1)
    run = {"as_of": str(floor.day), "confirm_future": True}
    await floor.platform.post("portfolio", "/v1/staging-runs", run)
    for contract in floor.contracts:
        contract.judge_promises(floor.day)
        contract.review(floor.day, floor.rule)
    await floor.platform.settled()
    await move_some(floor)
    for contract in floor.contracts:
        contract.withdraw(floor.day)


async def publish_lists(floor: Floor) -> None:
    named = named_by_entries(floor.contracts)
    for agency in floor.agencies:
        agency.old_list_id = agency.list_id
        agency.old_named = named
        agency.cursor = agency.wrongful_calls = agency.wrongful_after_acknowledgement = 0
    for one in floor.contracts:
        one.entry = None
    for agency in floor.agencies:
        wanted = {"campaign_id": agency.campaign_id, "business_date": str(floor.day)}
        built = await floor.platform.post("dialer-feed", "/v1/lists", wanted)
        done = "SELECT status = 'published' FROM dialing_list WHERE list_id = $1"
        await floor.platform.until("dialer-feed", done, UUID(built["list_id"]))
        agency.list_id = built["list_id"]
        list_of(
            floor.contracts,
            floor.day,
            agency.agency_id,
            one_per_person=agency.one_per_person,
            most_attempts=agency.most_attempts,
        )


async def move_some(floor: Floor) -> None:
    """The creditor's file gives some contracts to other customers. A person answers for those of the dead."""
    fit = [one for one in floor.contracts if not one.is_settled() and not one.undecided_file]
    moving = floor.chance.sample(fit, max(1, int(len(fit) * floor.share_changed / 8)))
    customers = {one.number: floor.chance.choice(floor.people) for one in moving}
    file = await send_file(floor, moving, customers)
    for one in moving:
        target = customers[one.number]
        one.story.append(f"{floor.day} a file gives it to {target.number} ({target.status})")
        floor.played["move"] += 1
        if target is not one.person and one.person.status in ("deceased", "represented"):
            one.undecided_file, one.undecided_for = file["file_id"], target
            one.cancel_visits(floor.day)
            continue
        for payment in one.payments:
            payment.absorbed = True
        one.person = target
        one.cancel_visits(floor.day)
        one.review(floor.day, floor.rule)
    await floor.platform.settled()
    waiting = [one for one in floor.contracts if one.undecided_file]
    for one in floor.chance.sample(waiting, len(waiting) // 2):
        await decide(floor, one)
    await floor.platform.settled()


async def decide(floor: Floor, one: Contract) -> None:
    accept = floor.chance.random() < 0.5
    body = {"accept": accept, "contracts": [one.contract_id]}
    await floor.platform.post("portfolio", f"/v1/files/{one.undecided_file}/confirmation", body)
    one.story.append(f"{floor.day} a person answers {'yes' if accept else 'no'} to the move")
    floor.played["decision"] += 1
    if accept:
        assert one.undecided_for is not None
        one.person = one.undecided_for
        for payment in one.payments:
            payment.absorbed = True
    one.undecided_file = one.undecided_for = None
    one.cancel_visits(floor.day)
    one.review(floor.day, floor.rule)


async def change_some(floor: Floor) -> None:
    """Some changes, and calls of the contracts that they have changed."""
    before = now(floor)
    changed_ones = await carry_out_changes(floor, _CHANGES)
    await floor.platform.settled()
    for contract in floor.contracts:
        contract.withdraw(floor.day)
    for agency in floor.agencies:
        changed = [one for one in changed_ones if has_entry(one, agency)]
        await call(floor, agency, agency.list_id, changed[:5], before)


async def carry_out_changes(floor: Floor, among: Mapping[str, changes.Change]) -> list[Contract]:
    """One change for each of some people, all at once: changes of different people need no order."""
    count = max(1, int(len(floor.contracts) * floor.share_changed / 3))
    chosen: dict[str, Contract] = {}
    for contract in floor.chance.sample(floor.contracts, count):
        chosen.setdefault(contract.person.number, contract)
    gate = asyncio.Semaphore(AT_ONCE)

    async def carry_out(one: Contract, kinds: list[str], luck: float) -> None:
        async with gate:
            for kind in kinds:
                act = among[kind].act
                if await act(floor, one, luck):
                    floor.played[kind] += 1
                    return

    try:
        async with asyncio.TaskGroup() as group:
            for contract in chosen.values():
                group.create_task(carry_out(contract, kinds(floor, among), floor.chance.random()))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return list(chosen.values())


def kinds(floor: Floor, among: Mapping[str, changes.Change]) -> list[str]:
    """The kinds of changes in the order in which they are tried, until one is possible."""
    return sorted(among, key=lambda kind: floor.chance.random() ** (1 / among[kind].weight), reverse=True)
