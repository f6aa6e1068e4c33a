"""The agency acknowledges a recall or objects to it, and an operator decides about the objection."""

from typing import Any

from floor.changes import Change
from floor.floor import Floor
from floor.model import Contract


async def acknowledgement(floor: Floor, one: Contract, _: float) -> bool:
    placed = one.placement
    if placed is None or placed.state != "recall_pending":
        return False
    await _step(floor, one, "acknowledgement", {"reason": "done"}, by_agency=True)
    floor.tell(one, "the agency acknowledges the recall")
    placed.state = "recalled"
    floor.followed(one)
    return True


async def objection(floor: Floor, one: Contract, _: float) -> bool:
    placed = one.placement
    if placed is None or placed.state != "recall_pending":
        return False
    await _step(floor, one, "objection", {"reason": "a promise for Friday"}, by_agency=True)
    floor.tell(one, "the agency objects to the recall")
    placed.state = "objected"
    return True


async def decision(floor: Floor, one: Contract, luck: float) -> bool:
    placed = one.placement
    if placed is None or placed.state != "objected":
        return False
    accepted = luck < 0.5
    await _step(floor, one, "objection-decision", {"accepted": accepted, "reason": "let us see"}, by_agency=False)
    floor.tell(one, f"an operator {'accepts' if accepted else 'refuses'} the objection")
    if accepted:
        placed.waived = placed.reason
        placed.state, placed.reason, placed.on_request = "active", None, False
    else:
        placed.state = "recalled"
        floor.followed(one)
    return True


async def _step(floor: Floor, one: Contract, step: str, body: dict[str, Any], *, by_agency: bool) -> None:
    assert one.placement is not None
    query = {"contract_id": one.contract_id, "kind": "dialing", "state": one.placement.state}
    [known] = (await floor.platform.get("assignment", "/v1/placements", **query))["items"]
    [agency] = [agency for agency in floor.agencies if agency.agency_id == known["agency_id"]]
    headers = agency.headers if by_agency else None
    client = floor.platform.clients["assignment"]
    answer = await client.post(f"/v1/placements/{known['placement_id']}/{step}", json=body, headers=headers)
    assert answer.status_code == 201, answer.text


CHANGES = {
    "recall acknowledged": Change(4, acknowledgement),
    "objection": Change(8, objection),
    "objection decided": Change(20, decision),
}
