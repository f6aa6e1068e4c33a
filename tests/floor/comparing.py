"""The day's end: what the services say and what the model says."""

import json
from datetime import date
from typing import Any

from floor.floor import Agency, Difference, Floor
from floor.lists import shown_on_list


async def read_streams(floor: Floor) -> None:
    for agency in floor.agencies:
        more = True
        while more:
            query = {"limit": 1000} | ({"after": agency.position} if agency.position else {})
            path = f"/v1/agencies/{agency.agency_id}/events"
            read = await floor.platform.get("assignment", path, **query)
            more, agency.position = bool(read["items"]), read["next_position"]
            for event in read["items"]:
                hear(floor, agency, event["type"], event["data"])


def hear(floor: Floor, agency: Agency, kind: str, data: dict[str, Any]) -> None:
    told = agency.told.setdefault(data.get("contract_id", ""), {})
    if kind == "agency.placement-started.v1":
        # The silences that are in force follow. What was told of an earlier placement is over.
        told.clear()
    if kind == "agency.contact-silenced.v1" and data.get("contact_id") is None:
        days = [data.get(name) and date.fromisoformat(data[name]) for name in ("since", "until")]
        told[data["silence_id"]] = (data["reason"], days[0], days[1])
    if kind == "agency.contact-resumed.v1":
        told.pop(data["silence_id"], None)
        left = {reason for reason, _, until in told.values() if until is None or until >= floor.day}
        if set(data["still_silent"]) - left:
            raise Difference(f"still_silent {data['still_silent']}, but the stream left {left}")


async def compare(floor: Floor) -> None:
    await compare_lists(floor)
    await compare_placements(floor)
    await compare_visits(floor)
    for agency in floor.agencies:
        for one in floor.contracts:
            if one.active_agency() == agency.agency_id:
                silences = agency.told.get(one.contract_id, {}).values()
                told = {
                    r
                    for r, since, until in silences
                    if (not since or since <= floor.day) and (not until or until >= floor.day)
                }
                if told != one.silences(floor.day):
                    floor.differ(one, "silences told to the agency", told, one.silences(floor.day))


async def compare_lists(floor: Floor) -> None:
    for agency in floor.agencies:
        found = await withdrawn(floor, agency)
        await compare_report(floor, agency, len(found))
        answer = await floor.platform.clients["dialer-feed"].get(
            f"/v1/lists/{agency.list_id}/entries", params={"format": "jsonl"}
        )
        for entry in map(json.loads, answer.text.splitlines()):
            found[entry["contract_number"]] = "listed"
            found |= {other["contract_number"]: f"named by {entry['contract_number']}" for other in entry["also"]}
        for one in floor.contracts:
            of_agency = one.entry if one.entry and one.entry.campaign == agency.agency_id else None
            shown, wanted = found.get(one.number, "not on the list"), "not on the list"
            if of_agency:
                wanted = shown_on_list(one)
            if shown != wanted and not (of_agency and of_agency.withdrawn and shown in of_agency.or_else):
                floor.differ(one, f"list of {agency.agency_id}", shown, wanted)


async def compare_report(floor: Floor, agency: Agency, withdrawn: int) -> None:
    read = await floor.platform.get("dialer-feed", "/v1/withdrawal-report", list_id=agency.list_id)
    shown = (read["withdrawn"], read["wrongful_calls"], read["wrongful_calls_after_acknowledgement"])
    expected = (withdrawn, agency.wrongful_calls, agency.wrongful_after_acknowledgement)
    if shown != expected:
        raise Difference(f"seed {floor.seed}, {floor.day}, report of {agency.agency_id}: {shown}, the model {expected}")


async def withdrawn(floor: Floor, agency: Agency) -> dict[str, str]:
    """The reasons for which entries have left the agency's list, by contract number."""
    withdrawn: dict[str, str] = {}
    after, more = 0, True
    while more:
        read = await floor.platform.get("dialer-feed", f"/v1/lists/{agency.list_id}/withdrawals", after=after)
        items = [item for item in read["items"] if item["kind"] == "withdrawn"]
        withdrawn |= {item["contract_number"]: item["reason"] for item in items}
        more, after = bool(read["items"]), read["next_cursor"]
    return withdrawn


async def compare_placements(floor: Floor) -> None:
    sql = "SELECT contract_id::text AS id, agency_id::text AS agency, state FROM placement ORDER BY ordinal"
    found: dict[str, list[tuple[str, str]]] = {}
    for row in await floor.platform.rows("assignment", sql):
        found.setdefault(row["id"], []).append((row["agency"], row["state"]))
    for one in floor.contracts:
        expected = [(placed.agency_id, placed.state) for placed in one.placements]
        if found.get(one.contract_id, []) != expected:
            floor.differ(one, "placements", found.get(one.contract_id, []), expected)


async def compare_visits(floor: Floor) -> None:
    sql = "SELECT visit_id::text AS id, state, cancel_reason FROM visit"
    found = {row["id"]: (row["state"], row["cancel_reason"]) for row in await floor.platform.rows("field-visits", sql)}
    for one in floor.contracts:
        for visit in one.visits:
            if found[visit.visit_id] != (visit.state, visit.reason):
                floor.differ(one, f"visit of {visit.on}", found[visit.visit_id], (visit.state, visit.reason))
