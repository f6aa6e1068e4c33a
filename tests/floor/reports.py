"""Reports of dialers: by hand on a list, or by how a call ended. The portfolio hears of them and decides."""

from uuid import UUID

from floor.calls import now, report_calls
from floor.changes import Change
from floor.floor import Agency, Floor
from floor.lists import shown_on_list
from floor.model import Contract

_OF_A_NUMBER = ("wrong_number", "opted_out")
_REASONS = (*_OF_A_NUMBER, "clarification", "deceased", "represented", "payment_claimed", "other")
_OPENED = """
SELECT clarification_id::text AS id FROM clarification
WHERE contract_id = $1 AND reason = 'reported_by_dialer' AND state = 'open'
"""


async def report(floor: Floor, one: Contract, luck: float) -> bool:
    """The agency of the day's list takes the contract off it. It may have lost the contract in the meantime."""
    shown = shown_on_list(one)
    if one.entry is None or not (shown in ("listed", "recall") or shown.startswith("named by")):
        return False
    [agency] = [agency for agency in floor.agencies if agency.agency_id == one.entry.campaign]
    reason = _REASONS[int(luck * 1000) % len(_REASONS)]
    effective = one.active_agency() == agency.agency_id
    if reason != "other" and luck < 0.4:
        await report_calls(floor, agency, agency.list_id, [one], now(floor), reason)
    else:
        await _by_hand(floor, agency, one, reason, effective=effective)
    floor.played[f"{reason}{'' if effective else ' without effect'}"] += 1
    floor.tell(one, f"a dialer reports {reason}{'' if effective else ', without effect'}")
    if not one.entry.withdrawn:
        one.entry.withdrawn = reason
    if effective:
        await _follow(floor, one, reason)
    return True


async def _by_hand(floor: Floor, agency: Agency, one: Contract, reason: str, *, effective: bool) -> None:
    new = {"contract_number": one.number, "reason": reason}
    if reason in _OF_A_NUMBER:
        new["phone"] = one.phone
    path = f"/v1/lists/{agency.list_id}/withdrawals"
    answer = await floor.platform.clients["dialer-feed"].post(path, json=new, headers=agency.headers)
    assert answer.status_code == 201, answer.text
    if answer.json()["effective"] != effective:
        floor.differ(one, f"effect of the report {reason}", answer.json()["effective"], effective)


async def _follow(floor: Floor, one: Contract, reason: str) -> None:
    """What the report makes of the contract, the number or the person."""
    if reason == "wrong_number":
        one.person.wrong.add(one.phone)
    elif reason == "opted_out":
        one.person.opted_out.add(one.phone)
    elif reason == "clarification":
        await floor.platform.until("portfolio", f"SELECT EXISTS ({_OPENED})", UUID(one.contract_id))
        [row] = await floor.platform.rows("portfolio", _OPENED, UUID(one.contract_id))
        one.disputes.append(row["id"])
        one.cancel_visits(floor.day, disputed_or_final="clarification")
    elif reason in ("deceased", "represented"):
        floor.change_status(one, reason)
    elif reason == "payment_claimed":
        one.claims.append(floor.day)
        one.cancel_visits(floor.day)
    if reason != "other":
        # dialer-feed keeps the report beside the portfolio's decision until the next list is built.
        one.person.reported_on = floor.day
    floor.followed(one)


CHANGES = {"report": Change(8, report)}
