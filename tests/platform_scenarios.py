"""Scenarios on all services, for several tests: an agency with rules, payments, a visit, an event of every kind."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from services_in_process import AS_OF, InProcessPlatform


async def create_agency_with_rules(platform: InProcessPlatform) -> None:
    agency = (await platform.post("assignment", "/v1/agencies", {"name": "Calls and visits"}))["agency_id"]
    contract = {
        "kinds": ["dialing", "visits"],
        "starts_on": "2026-01-01",
        "fees": [{"kind": "dialing", "from_days": 0, "percent": "10"}],
        "recall_grace_days": 5,
    }
    await platform.post("assignment", f"/v1/agencies/{agency}/service-contracts", contract)
    for kind in ("dialing", "visits"):
        when = {"stages": ["early", "late"], "min_overdue": "100.00"}
        shares = [{"agency_id": agency, "weight": 1}]
        rule = {"name": kind, "priority": 1, "kind": kind, "when": when, "shares": shares}
        await platform.post("assignment", "/v1/placement-rules", rule)


async def overdue_contracts(platform: InProcessPlatform) -> list[str]:
    """Return contracts for lists, visits and promises, one for each debtor, so that no event concerns two of them."""
    rows = await platform.rows(
        "portfolio",
        "SELECT DISTINCT ON (debtor_id) contract_id FROM contract"
        " WHERE stage IN ('early', 'late') AND overdue_balance > 500"
        " AND EXISTS (SELECT FROM contact_point WHERE contact_point.contract_id = contract.contract_id AND usable)"
        " ORDER BY debtor_id, contract_id",
    )
    return [str(row["contract_id"]) for row in rows]


async def pay(
    platform: InProcessPlatform, contract_id: str, amount: str = "20.00", reference: str | None = None
) -> Any:
    payment = {"amount": amount, "paid_on": AS_OF.isoformat(), "channel": "bank", "reference": reference}
    return await platform.post("portfolio", f"/v1/contracts/{contract_id}/payments", payment)


async def make_events_of_every_kind(platform: InProcessPlatform) -> list[str]:
    """Cause an event of every kind, each on another contract. Return the contracts that are left untouched."""
    await create_agency_with_rules(platform)
    await platform.sample_portfolio()
    await platform.settled()
    (
        paid,
        reversed_,
        disputed,
        settled,
        paused,
        promised,
        visited,
        recalled,
        refused,
        deceased,
        linked,
        represented,
        parted,
        *rest,
    ) = await overdue_contracts(platform)
    await pay(platform, paid)
    payment = await pay(platform, reversed_)
    await platform.post("portfolio", f"/v1/payments/{payment['payment_id']}/reversal", {"reason": "bounced"})
    await pay(platform, reversed_)
    dispute = {"reason": "amount", "opened_by": "debtor"}
    await platform.post("portfolio", f"/v1/contracts/{disputed}/clarifications", dispute)
    closed = await platform.post("portfolio", f"/v1/contracts/{settled}/clarifications", dispute)
    await platform.post(
        "portfolio", f"/v1/clarifications/{closed['clarification_id']}/resolution", {"outcome": "withdrawn"}
    )
    pause = {"reason": "flood", "starts_on": AS_OF.isoformat(), "ends_on": (AS_OF + timedelta(days=9)).isoformat()}
    await platform.post("portfolio", f"/v1/contracts/{paused}/pauses", pause)
    promise = {"amount": "50.00", "due_on": (AS_OF + timedelta(days=3)).isoformat(), "made_in": "call"}
    await platform.post("promises", "/v1/promises", promise | {"contract_id": promised})
    cancelled = await platform.post("promises", "/v1/promises", promise | {"contract_id": paid})
    await platform.post("promises", f"/v1/promises/{cancelled['promise_id']}/cancellation", {"reason": "by mistake"})
    await visit(platform, visited)
    await attempts(platform, paid, visited)
    await platform.settled()
    [placement] = (await platform.get("assignment", "/v1/placements", contract_id=recalled, kind="dialing"))["items"]
    await platform.post("assignment", f"/v1/placements/{placement['placement_id']}/recall", {"reason": "branch"})
    whole = await platform.get("portfolio", f"/v1/contracts/{refused}")
    phone = whole["contact_points"][0]["contact_id"]
    change = await platform.clients["portfolio"].patch(f"/v1/contact-points/{phone}", json={"change": "opted_out"})
    assert change.is_success
    guarantor = {"role": "guarantor", "name": "Rosa Gil", "contact_points": [{"kind": "phone", "value": "5555123456"}]}
    kept = await platform.post("portfolio", f"/v1/contracts/{refused}/parties", guarantor)
    again = await platform.post("portfolio", f"/v1/contracts/{visited}/parties", guarantor)
    reference = guarantor | {"role": "reference", "name": "Luis Soto"}
    mistaken = await platform.post("portfolio", f"/v1/contracts/{visited}/parties", reference)
    await platform.post("portfolio", f"/v1/parties/{mistaken['party_id']}/removal", {"reason": "by mistake"})
    for party in (kept, again):
        point = party["contact_points"][0]["contact_id"]
        change = await platform.clients["portfolio"].patch(f"/v1/contact-points/{point}", json={"change": "opted_out"})
        assert change.is_success
    status = {"status": "deceased", "reported_by": "family"}
    await platform.post("portfolio", f"/v1/contracts/{deceased}/debtor-status", status)
    person_id = await link(platform, linked, represented)
    await link(platform, linked, parted)
    await platform.settled()
    status = {"status": "represented", "reported_by": "lawyer"}
    await platform.post("portfolio", f"/v1/contracts/{represented}/debtor-status", status)
    decision = {"contract_id": parted, "reason": "another birthday"}
    await platform.post("portfolio", f"/v1/people/{person_id}/unlinks", decision)
    await platform.settled()
    return rest


async def attempts(platform: InProcessPlatform, called: str, written: str) -> None:
    """The creditor's own people call with a permit, the same call is about another contract, and they write."""
    call = {"channel": "call", "outcome": "right_party"}
    path = f"/v1/contracts/{called}/attempts"
    made = await platform.post("portfolio", path, call | {"permit_id": str(uuid4())})
    same = {"attempt_id": str(uuid4()), "same_as": made["attempt_id"]}
    await platform.post("portfolio", f"/v1/contracts/{written}/attempts", call | same)
    message = {"channel": "message", "outcome": "sent"}
    await platform.post("portfolio", f"/v1/contracts/{written}/attempts", message)


async def link(platform: InProcessPlatform, contract_id: str, other_id: str) -> str:
    """Say that the customers of these contracts are one person. Returns the person's id."""
    debtor = "SELECT debtor_id FROM contract WHERE contract_id = $1"
    [(debtor_id,)] = await platform.rows("portfolio", debtor, UUID(contract_id))
    decision = {"contract_id": other_id, "reason": "the same birthday"}
    return str((await platform.post("portfolio", f"/v1/people/{debtor_id}/links", decision))["person_id"])


async def visit(platform: InProcessPlatform, contract_id: str) -> None:
    new = {"contract_id": contract_id, "visitor": "Ana", "visit_on": AS_OF.isoformat()}
    visit_id = (await platform.post("field-visits", "/v1/visits", new))["visit_id"]
    result = {"outcome": "visited", "attended_by": "debtor", "at": f"{AS_OF}T16:00:00Z"}
    await platform.post("field-visits", f"/v1/visits/{visit_id}/result", result)


PARTS = """contract_number,debtor_name,instalment_number,due_date,amount_due,principal,fees,calculated_on
M-1,Ana Gil,1,2026-08-05,100.00,90.00,10.00,2026-11-20
M-1,Ana Gil,2,2026-09-05,100.00,90.00,10.00,2026-11-20
M-2,Eva Ruiz,1,2026-08-05,300.00,290.00,10.00,2026-11-20
M-3,Luz Soto,1,2026-08-05,400.00,400.00,0.00,2026-11-20
"""
BANK_ROWS = f"""paid_on,amount,bank_reference,contract_number,reversal
{AS_OF},35.00,BK-1,M-1,
{AS_OF},36.00,BK-2,M-2,
{AS_OF},60.00,BK-3,,
{AS_OF},61.00,BK-4,,
{AS_OF},36.00,BK-2,,x
"""


async def debts_in_parts(platform: InProcessPlatform) -> str:
    """A portfolio whose creditor states the parts of its contracts M-1, M-2 and M-3. Returns its id."""
    portfolio_id = await platform.portfolio()
    parameters = {"mode": "delta", "filename": "m.csv", "as_of": AS_OF.isoformat(), "confirm_future": "true"}
    path = f"/v1/portfolios/{portfolio_id}/files"
    await _loaded(platform, path, parameters, PARTS, "file")
    return portfolio_id


async def send_bank_file(platform: InProcessPlatform, portfolio_id: str) -> None:
    """Book the bank's file. Two of its payments are unidentified, and it takes one back."""
    path = f"/v1/portfolios/{portfolio_id}/payment-files"
    await _loaded(platform, path, {"filename": "b.csv"}, BANK_ROWS, "payment_file")


async def _loaded(platform: InProcessPlatform, path: str, parameters: dict[str, str], content: str, table: str) -> None:
    answer = await platform.clients["portfolio"].post(path, content=content.encode(), params=parameters)
    assert answer.is_success, answer.text
    await platform.until(
        "portfolio", f"SELECT status = 'loaded' FROM {table} WHERE file_id = $1", UUID(answer.json()["file_id"])
    )


async def charge_and_allocate(platform: InProcessPlatform, portfolio_id: str) -> None:
    """Charges, one of them taken back, a guarantor, and unidentified money for two contracts. Other money waits."""
    await send_bank_file(platform, portfolio_id)
    first, second = (uuid5(UUID(portfolio_id), number) for number in ("M-1", "M-3"))
    charges = f"/v1/contracts/{first}/charges"
    charge = {"charged_on": AS_OF.isoformat(), "reason": "agreed"}
    await platform.post("portfolio", charges, charge | {"kind": "fee", "amount": "12.00"})
    await platform.post("portfolio", charges, charge | {"kind": "waiver", "amount": "5.00"})
    mistaken = await platform.post("portfolio", charges, charge | {"kind": "default_interest", "amount": "7.00"})
    await platform.post("portfolio", f"/v1/charges/{mistaken['charge_id']}/reversal", {"reason": "mistaken"})
    guarantor = {"role": "guarantor", "name": "Rosa Gil", "contact_points": [{"kind": "phone", "value": "5555123456"}]}
    await platform.post("portfolio", f"/v1/contracts/{second}/parties", guarantor)
    waiting = await platform.get("portfolio", "/v1/unidentified-payments", portfolio_id=portfolio_id, q="BK-3")
    path = f"/v1/unidentified-payments/{waiting['items'][0]['unidentified_id']}/allocation"
    await platform.post("portfolio", path, {"contract_id": str(first), "amount": "20.00"})
    await platform.post("portfolio", path, {"contract_id": str(second)})
