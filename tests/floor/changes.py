"""Changes of a contract. Each tells the services, then the model, and returns whether it was possible."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from floor.facts import Pause, Payment, Promise, Visit
from floor.floor import Floor
from floor.model import Contract


class Change(NamedTuple):
    """``weight`` says how often the change is tried first."""

    weight: int
    act: Callable[[Floor, Contract, float], Awaitable[bool]]


async def payment(floor: Floor, one: Contract, luck: float) -> bool:
    if one.is_settled() or one.undecided_file:
        return False
    whole = luck < 0.4
    amount = one.total() if luck < 0.2 else one.overdue(floor.day) if whole else Decimal(int(1 + luck * 80))
    amount = min(amount or one.total(), one.total())
    floor.names += 1
    new = {"amount": f"{amount:.2f}", "paid_on": str(floor.day), "channel": "bank", "reference": f"R-{floor.names}"}
    made = await floor.platform.post("portfolio", f"/v1/contracts/{one.contract_id}/payments", new)
    floor.tell(one, f"pays {amount}")
    one.payments.append(Payment(made["payment_id"], amount, floor.day))
    one.cancel_visits(floor.day, paid_by=made["payment_id"])
    floor.followed(one)
    return True


async def reversal(floor: Floor, one: Contract, luck: float) -> bool:
    live = [p for p in one.payments if not p.reversed and not p.absorbed]
    if not live or one.undecided_file:
        return False
    payment = live[int(luck * len(live))]
    body = {"reason": "bounced", "reversed_on": str(floor.day)}
    await floor.platform.post("portfolio", f"/v1/payments/{payment.payment_id}/reversal", body)
    floor.tell(one, f"payment of {payment.amount} of {payment.day} is reversed")
    payment.reversed = True
    one.judge_promises(floor.day)
    one.reinstate(floor.day)
    one.restore_visits(payment.payment_id, floor.day)
    floor.followed(one)
    return True


async def dispute(floor: Floor, one: Contract, luck: float) -> bool:
    if one.disputes and luck < 0.7:
        return False
    floor.names += 1
    new = {"reason": f"amount {floor.names}", "opened_by": "debtor"}
    made = await floor.platform.post("portfolio", f"/v1/contracts/{one.contract_id}/clarifications", new)
    floor.tell(one, "disputes")
    one.disputes.append(made["clarification_id"])
    one.cancel_visits(floor.day, disputed_or_final="clarification")
    floor.followed(one)
    return True


async def resolution(floor: Floor, one: Contract, luck: float) -> bool:
    if not one.disputes or one.person.reported_on == floor.day:
        return False
    dispute = one.disputes.pop(int(luck * len(one.disputes)))
    path = f"/v1/clarifications/{dispute}/resolution"
    await floor.platform.post("portfolio", path, {"outcome": "rejected" if luck < 0.5 else "withdrawn"})
    floor.tell(one, "a dispute is resolved")
    floor.followed(one)
    return True


async def promise(floor: Floor, one: Contract, luck: float) -> bool:
    if one.reason(floor.day) or one.overdue(floor.day) <= 0 or len(one.promises) > 2:
        return False
    if any(promise.state == "open" for promise in one.promises):
        return False
    due_on = floor.day + timedelta(days=int(luck * 4))
    amount = one.overdue(floor.day)
    new = {"contract_id": one.contract_id, "amount": f"{amount:.2f}", "due_on": str(due_on), "made_in": "call"}
    made = await floor.platform.post("promises", "/v1/promises", new)
    floor.tell(one, f"promises {amount} for {due_on}")
    one.promises.append(Promise(made["promise_id"], amount, floor.day, due_on))
    one.cancel_visits(floor.day)
    floor.followed(one)
    return True


async def pause(floor: Floor, one: Contract, luck: float) -> bool:
    ends_on = floor.day + timedelta(days=int(luck * 5))
    if any(pause.ends_on >= floor.day for pause in one.pauses) or one.is_settled():
        return False
    new = {"reason": "flood", "starts_on": str(floor.day), "ends_on": str(ends_on)}
    made = await floor.platform.post("portfolio", f"/v1/contracts/{one.contract_id}/pauses", new)
    floor.tell(one, f"is paused up to {ends_on}")
    one.pauses.append(Pause(made["pause_id"], floor.day, ends_on))
    one.cancel_visits(floor.day)
    floor.followed(one)
    return True


async def end_of_pause(floor: Floor, one: Contract, _: float) -> bool:
    running = [pause for pause in one.pauses if pause.starts_on < floor.day < pause.ends_on]
    if not running:
        return False
    [pause] = running
    ends_on = floor.day - timedelta(days=1)
    await floor.platform.post("portfolio", f"/v1/pauses/{pause.pause_id}/end", {"ends_on": str(ends_on)})
    floor.tell(one, f"the pause ends on {ends_on}")
    pause.ends_on = ends_on
    floor.followed(one)
    return True


async def status(floor: Floor, one: Contract, status: str) -> None:
    body = {"status": status, "reported_by": "family"}
    await floor.platform.post("portfolio", f"/v1/contracts/{one.contract_id}/debtor-status", body)
    floor.change_status(one, status)


async def death(floor: Floor, one: Contract, luck: float) -> bool:
    if one.person.status != "active":
        return False
    await status(floor, one, "deceased" if luck < 0.6 else "represented")
    return True


async def revival(floor: Floor, one: Contract, _: float) -> bool:
    if one.person.status == "active" or one.person.reported_on == floor.day:
        return False
    await status(floor, one, "active")
    return True


async def recall(floor: Floor, one: Contract, luck: float) -> bool:
    placed = one.placement
    if placed is None or placed.state != "active" or luck < 0.5:
        return False
    query = {"contract_id": one.contract_id, "kind": "dialing", "state": "active"}
    [known] = (await floor.platform.get("assignment", "/v1/placements", **query))["items"]
    path = f"/v1/placements/{known['placement_id']}/recall"
    await floor.platform.post("assignment", path, {"reason": "creditor"})
    floor.tell(one, "an operator recalls it")
    one.recall(floor.day, "creditor", on_request=True)
    return True


async def change_number(floor: Floor, one: Contract, change: dict[str, str]) -> None:
    known = await floor.platform.get("portfolio", f"/v1/contracts/{one.contract_id}")
    [phone] = [point for point in known["contact_points"] if point["value"] == one.phone]
    path = f"/v1/contact-points/{phone['contact_id']}"
    answer = await floor.platform.clients["portfolio"].patch(path, json=change)
    assert answer.is_success, answer.text


async def opt_out(floor: Floor, one: Contract, _: float) -> bool:
    if not one.may_be_dialed():
        return False
    await change_number(floor, one, {"change": "opted_out"})
    floor.tell(one, f"{one.person.number} does not want to be called at {one.phone}")
    one.person.opted_out.add(one.phone)
    return True


async def opt_in(floor: Floor, one: Contract, _: float) -> bool:
    if one.phone not in one.person.opted_out or one.person.reported_on == floor.day:
        return False
    await change_number(floor, one, {"change": "opt_out_withdrawn", "reason": "by mistake"})
    floor.tell(one, "the opt-out was a mistake")
    one.person.opted_out.discard(one.phone)
    return True


async def verification(floor: Floor, one: Contract, _: float) -> bool:
    if one.phone not in one.person.wrong or one.person.reported_on == floor.day:
        return False
    await change_number(floor, one, {"change": "verified"})
    floor.tell(one, "the number is right")
    one.person.wrong.discard(one.phone)
    return True


async def visit(floor: Floor, one: Contract, luck: float) -> bool:
    if len(one.visits) >= 8:
        return False
    on = floor.day + timedelta(days=int(luck * 5))
    expected = one.visit_refusal(on, floor.day)
    new = {"contract_id": one.contract_id, "visitor": "Eva", "visit_on": str(on)}
    answer = await floor.platform.clients["field-visits"].post("/v1/visits", json=new)
    found = "ordered" if answer.status_code == 201 else answer.json()["type"].rpartition(":")[2].replace("-", "_")
    floor.tell(one, f"a visit for {on}: {found}")
    if found != (expected or "ordered"):
        floor.differ(one, f"visit on {on}", found, expected or "ordered")
    if expected is None:
        one.visits.append(Visit(answer.json()["visit_id"], on))
    return True


CHANGES = {
    "payment": Change(4, payment),
    "reversal": Change(3, reversal),
    "dispute": Change(2, dispute),
    "resolution": Change(4, resolution),
    "promise": Change(3, promise),
    "pause": Change(1, pause),
    "end of pause": Change(2, end_of_pause),
    "death": Change(1, death),
    "revival": Change(2, revival),
    "recall": Change(3, recall),
    "opt out": Change(1, opt_out),
    "opt in": Change(2, opt_in),
    "verification": Change(2, verification),
    "visit": Change(4, visit),
}
