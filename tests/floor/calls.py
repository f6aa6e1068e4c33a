"""Calls of two agencies. One that is a day behind calls by yesterday's list, less the silences that it knew by then."""

from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from floor.facts import Call
from floor.floor import ZONE, Agency, Floor, has_entry
from floor.lists import attempts, named_by_entries
from floor.model import Contract


class Moment(NamedTuple):
    """When calls start, which contracts which agencies must not call then, and what the entries name then."""

    started_at: datetime
    wrongful: Set[tuple[str, str]]
    named: Mapping[str, Sequence[Contract]]


def now(floor: Floor) -> Moment:
    return Moment(datetime.now(UTC), floor.wrongful(), named_by_entries(floor.contracts))


async def call_by_old_lists(floor: Floor) -> None:
    for agency in floor.agencies:
        if agency.old_list_id:
            moment = Moment(datetime.now(UTC), floor.wrongful(), agency.old_named)
            await call(floor, agency, agency.old_list_id, agency.believed, moment)


async def call_by_the_list(floor: Floor) -> None:
    for agency in floor.agencies:
        on_list = [one for one in floor.contracts if has_entry(one, agency)]
        await call(floor, agency, agency.list_id, on_list, now(floor))
        agency.believed = on_list


async def call(floor: Floor, agency: Agency, list_id: str, candidates: list[Contract], at: Moment) -> None:
    """The agency reports calls that started at this moment."""
    chosen: dict[str, Contract] = {}
    for one in floor.chance.sample(candidates, min(len(candidates), 40)):
        chosen.setdefault(one.person.number, one)
    if chosen:
        await report_calls(floor, agency, list_id, list(chosen.values()), at)


async def report_calls(
    floor: Floor, agency: Agency, list_id: str, called: Sequence[Contract], at: Moment, disposition: str = "no_answer"
) -> None:
    """Report a call of each of these contracts, no two of one person, and compare what the answer says of each."""
    body = []
    made: dict[str, Call] = {}
    for one in called:
        floor.names += 1
        call_id = f"call-{floor.names:08}"
        item: dict[str, Any] = {"call_id": call_id, "list_id": list_id, "contract_number": one.number}
        item |= {"phone": one.phone, "agent": "Eva", "started_at": at.started_at.isoformat(), "duration_seconds": 0}
        body.append(item | {"disposition": disposition})
        made[one.contract_id] = Call(call_id, UUID(agency.agency_id), at.started_at, floor.day)
        for named in (one, *at.named.get(one.number, ())):
            named.calls.append(made[one.contract_id])
    answer = await floor.platform.clients["dialer-feed"].post("/v1/calls", json=body, headers=agency.headers)
    assert answer.status_code == 202, answer.text
    found = {item["contract_id"]: item for item in answer.json()["items"]}
    for one in called:
        item = found.get(one.contract_id, {"wrongful": None, "unlisted": None, "breaches": answer.json()["rejected"]})
        wrongful = (one.number, agency.agency_id) in at.wrongful
        on_list = list_id == agency.list_id
        breaches = [] if 7 <= at.started_at.astimezone(ZONE).hour < 22 else ["outside_hours"]
        theirs = [other for other in floor.contracts if other.person is one.person]
        if attempts(theirs, floor.day, before=made[one.contract_id]) >= agency.most_attempts:
            breaches.append("frequency")
            floor.played["call too many"] += 1
        floor.played["wrongful call" if wrongful else "call"] += 1
        expected = (wrongful, not on_list, breaches)
        if (item["wrongful"], item["unlisted"], item["breaches"]) != expected:
            floor.differ(one, "call (wrongful, unlisted, breaches)", item, expected)
        if wrongful and on_list:
            agency.wrongful_calls += 1
            agency.wrongful_after_acknowledgement += one.entry is not None and one.entry.acknowledged


async def acknowledge(floor: Floor) -> None:
    """Each agency reads the withdrawals of its list and acknowledges them."""
    for agency in floor.agencies:
        path = f"/v1/lists/{agency.list_id}"
        read = await floor.platform.get("dialer-feed", f"{path}/withdrawals", after=agency.cursor)
        if not read["items"]:
            continue
        agency.cursor = read["next_cursor"]
        client = floor.platform.clients["dialer-feed"]
        answer = await client.post(f"{path}/acknowledgements", json={"cursor": agency.cursor}, headers=agency.headers)
        assert answer.status_code == 200, answer.text
        left = [one for one in floor.contracts if has_entry(one, agency) and one.entry and one.entry.withdrawn]
        new = [one for one in left if one.entry and not one.entry.acknowledged]
        floor.played["acknowledgement"] += len(new)
        if answer.json()["newly_acknowledged"] != len(new):
            floor.differ(new[0] if new else left[0], "acknowledged withdrawals", answer.json(), len(new))
        for one in new:
            assert one.entry is not None
            one.entry.acknowledged = True
