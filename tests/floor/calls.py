"""Calls of two agencies. One that is a day behind calls by yesterday's list, less the silences that it knew by then."""

from datetime import UTC, datetime
from typing import Any

from floor.floor import ZONE, Agency, Floor, has_entry
from floor.model import Contract

MOST_CALLS = 6
"""Calls to a person. More of them would meet the limit of call frequency, which this floor does not play."""


async def call_by_old_lists(floor: Floor) -> None:
    for agency in floor.agencies:
        if agency.old_list_id:
            await call(floor, agency, agency.old_list_id, agency.believed, datetime.now(UTC), floor.wrongful())


async def call_by_the_list(floor: Floor) -> None:
    for agency in floor.agencies:
        on_list = [one for one in floor.contracts if has_entry(one, agency)]
        await call(floor, agency, agency.list_id, on_list, datetime.now(UTC), floor.wrongful())
        agency.believed = on_list


async def call(
    floor: Floor,
    agency: Agency,
    list_id: str,
    candidates: list[Contract],
    at: datetime,
    wrongful_then: set[tuple[str, str]],
) -> None:
    """The agency reports calls that started at this moment, when these contracts were not to be called."""
    chosen: dict[str, Contract] = {}
    for one in floor.chance.sample(candidates, min(len(candidates), 40)):
        if sum(theirs.calls for theirs in floor.contracts if theirs.person is one.person) < MOST_CALLS:
            chosen.setdefault(one.person.number, one)
    if not chosen:
        return
    calls = []
    for one in chosen.values():
        one.calls += 1
        floor.names += 1
        call: dict[str, Any] = {"call_id": f"call-{floor.names}", "list_id": list_id, "contract_number": one.number}
        call |= {"phone": one.phone, "agent": "Eva", "started_at": at.isoformat(), "duration_seconds": 0}
        calls.append(call | {"disposition": "no_answer"})
    answer = await floor.platform.clients["dialer-feed"].post("/v1/calls", json=calls, headers=agency.headers)
    assert answer.status_code == 202, answer.text
    found = {item["contract_id"]: item for item in answer.json()["items"]}
    breaches = [] if 7 <= at.astimezone(ZONE).hour < 22 else ["outside_hours"]
    for one in chosen.values():
        item = found.get(one.contract_id, {"wrongful": None, "unlisted": None, "breaches": answer.json()["rejected"]})
        wrongful = (one.number, agency.agency_id) in wrongful_then
        unlisted = list_id != agency.list_id
        floor.played["wrongful call" if wrongful else "call"] += 1
        expected = (wrongful, unlisted, breaches)
        if (item["wrongful"], item["unlisted"], item["breaches"]) != expected:
            floor.differ(one, "call (wrongful, unlisted, breaches)", item, expected)
