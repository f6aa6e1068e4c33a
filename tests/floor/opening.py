"""The morning of the first day: agencies, a rule, campaigns and the first file."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from floor.facts import RECALL_GRACE_DAYS, Person
from floor.floor import Agency, Floor
from floor.model import Contract, Rule

_COLUMNS = (
    "contract_number,debtor_number,debtor_name,instalment_number,due_date,amount_due,phone_1,"
    "address_kind,street,exterior,neighbourhood,postal_code,city,state"
)


async def open_floor(floor: Floor) -> None:
    platform = floor.platform
    creditor = {"name": "Norte", "kind": "financial", "country": "MX"}
    creditor_id = (await platform.post("portfolio", "/v1/creditors", creditor))["creditor_id"]
    limits = {"min_share_percent": "0", "max_days_ahead": 90, "max_broken_per_episode": 50}
    portfolio = {"creditor_id": creditor_id, "name": "Norte", "currency": "MXN", "jurisdiction": "MX"}
    portfolio |= {"promise_limits": limits}
    floor.portfolio_id = (await platform.post("portfolio", "/v1/portfolios", portfolio))["portfolio_id"]
    for name in ("Uno", "Dos"):
        agency_id = (await platform.post("assignment", "/v1/agencies", {"name": name}))["agency_id"]
        terms = {"kinds": ["dialing"], "starts_on": "2020-01-01", "recall_grace_days": RECALL_GRACE_DAYS}
        terms |= {"fees": [{"kind": "dialing", "from_days": 0, "percent": "10"}]}
        await platform.post("assignment", f"/v1/agencies/{agency_id}/service-contracts", terms)
        floor.agencies.append(
            Agency(agency_id, one_per_person=not floor.agencies, most_attempts=6 if floor.agencies else 4)
        )
    weights = {floor.agencies[0].agency_id: 2, floor.agencies[1].agency_id: 1}
    rule = {"name": "dial", "priority": 1, "kind": "dialing"}
    rule |= {"when": {"stages": ["early", "late"], "min_overdue": "100.00"}}
    rule |= {"shares": [{"agency_id": agency_id, "weight": weight} for agency_id, weight in weights.items()]}
    rule_id = (await platform.post("assignment", "/v1/placement-rules", rule))["rule_id"]
    floor.rule = Rule(rule_id, weights)
    for agency in floor.agencies:
        campaign = {
            "name": agency.agency_id,
            "agency_id": agency.agency_id,
            "max_attempts_per_7_days": agency.most_attempts,
        }
        campaign |= {"one_entry_per": "person" if agency.one_per_person else "contract"}
        agency.campaign_id = (await platform.post("dialer-feed", "/v1/campaigns", campaign))["campaign_id"]
    await load_first(floor)


async def load_first(floor: Floor) -> None:
    for number in range(floor.contracts_wanted):
        if not floor.people or floor.chance.random() < 0.8:
            floor.people.append(Person(f"K-{len(floor.people)}"))
        # So no two contracts of a person owe the same.
        own_cents = Decimal(number % 90) / 100
        oldest = floor.day - timedelta(days=floor.chance.choice([-3, 1, 2, 10, 25, 28, 29, 30, 45, 80, 88, 95]))
        instalments = [
            (oldest + timedelta(days=30 * n), Decimal(floor.chance.choice([60, 90, 101, 250, 900])) + own_cents)
            for n in range(floor.chance.choice([1, 2, 3]))
        ]
        contract = Contract(
            "", f"C-{number}", f"+5255{51000000 + number}", floor.chance.choice(floor.people[-3:]), instalments
        )
        contract.story.append(
            f"{floor.day} owes {[(str(d), str(a)) for d, a in instalments]}, {contract.person.number}"
        )
        floor.contracts.append(contract)
    await send_file(floor, floor.contracts, {one.number: one.person for one in floor.contracts})
    await floor.platform.settled()
    sql = "SELECT contract_number, contract_id::text AS id FROM contract"
    ids = {row["contract_number"]: row["id"] for row in await floor.platform.rows("portfolio", sql)}
    for contract in floor.contracts:
        contract.contract_id = ids[contract.number]
        contract.review(floor.day, floor.rule)


async def send_file(floor: Floor, contracts: Iterable[Contract], customers: dict[str, Person]) -> dict[str, Any]:
    lines = [_COLUMNS]
    for one in contracts:
        for due_on, amount in one.unpaid():
            place = [due for due, _ in sorted(one.instalments)].index(due_on) + 1
            cells = [one.number, customers[one.number].number, f"Ana Nombre {one.number.replace('-', ' ')}"]
            cells += [str(place), due_on.isoformat(), f"{amount:.2f}", one.phone]
            cells += ["Particular", "Calle 5", "12", "Centro", "06000", "Cuauhtémoc", "Ciudad de México"]
            lines.append(",".join(cells))
    path = f"/v1/portfolios/{floor.portfolio_id}/files"
    query = {"mode": "delta", "filename": "floor.csv", "as_of": str(floor.day), "confirm_future": "true"}
    answer = await floor.platform.clients["portfolio"].post(path, params=query, content="\n".join(lines).encode())
    assert answer.is_success, answer.text
    file_id = answer.json()["file_id"]
    at_rest = "SELECT status IN ('loaded', 'failed', 'needs_confirmation') FROM file WHERE file_id = $1"
    await floor.platform.until("portfolio", at_rest, UUID(file_id))
    file: dict[str, Any] = await floor.platform.get("portfolio", f"/v1/files/{file_id}")
    assert (file["status"], file["rows_rejected"]) == ("loaded", 0), file
    return file
