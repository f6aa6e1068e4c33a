"""Sends payments to a running platform at a fixed rate, and measures when each contract is withdrawn from its list.

    .venv/bin/python bench/payments.py --data .recobro --payments 1000 --rate 50

The figure is the time from the API's answer, as the payer received it, to the entry's withdrawal. Both times come from
this machine's clock. Every payment is for another contract. Without an answer it is repeated with its Idempotency-Key.

It prints how many payments a second were answered, which is below ``--rate`` when the processors are full.

It also prints the CPU time per payment by process, what the platform uses at rest, and the floor: the same rows written
in two transactions on the same PostgreSQL, without the platform. Figures of two machines compare by their floors.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any
from uuid import UUID

import costs
import httpx
from recobro.client import Client
from recobro.data import DataFolder
from running import connected

_ANSWER_WITHIN_SECONDS = 60.0
_AGENCY = "Bench calls"
_ENOUGH = 200.0
_REST_SECONDS = 10.0
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True)
class Listing:
    """A published list and its contracts."""

    portfolio_id: UUID
    list_id: UUID
    contracts: Sequence[UUID]


@dataclass(frozen=True)
class Paid:
    """An acknowledged payment. ``answered_at`` is in seconds of the wall clock; ``balance`` is the total still owed."""

    contract_id: UUID
    payment_id: UUID
    answered_at: float
    balance: str


def publish(client: Client, file: Path, as_of: date, *, name: str = "bench") -> Listing:
    """Load ``file`` into a new portfolio, place it with an agency, and publish the agency's list of the day."""
    agency_id = agency(client)
    creditor = client.post("portfolio", "/v1/creditors", {"name": name, "kind": "financial", "country": "MX"})
    new = {"creditor_id": creditor["creditor_id"], "name": name, "currency": "MXN", "jurisdiction": "MX"}
    # Writers promise the same small amount on each contract.
    new["promise_limits"] = {"min_share_percent": "0"}
    portfolio = client.post("portfolio", "/v1/portfolios", new)
    load(client, portfolio["portfolio_id"], file, as_of)
    campaign = client.post_when_known(
        "dialer-feed",
        "/v1/campaigns",
        {
            "name": name,
            "agency_id": agency_id,
            "portfolio_ids": [portfolio["portfolio_id"]],
            # Each payment withdraws an entry.
            "one_entry_per": "contract",
        },
    )
    return listing(client, UUID(portfolio["portfolio_id"]), campaign["campaign_id"], as_of)


def agency(client: Client) -> str:
    """Return the agency that dials all contracts here and earns 10 % of every payment. The first call creates it."""
    for known in client.items("assignment", "/v1/agencies"):
        if known["name"] == _AGENCY:
            return str(known["agency_id"])
    agency_id: str = client.post("assignment", "/v1/agencies", {"name": _AGENCY})["agency_id"]
    service_contract = {
        "kinds": ["dialing"],
        "starts_on": "2026-01-01",
        "fees": [{"kind": "dialing", "from_days": 0, "percent": "10"}],
        "recall_grace_days": 5,
    }
    client.post("assignment", f"/v1/agencies/{agency_id}/service-contracts", service_contract)
    when = {"stages": ["early", "late"], "min_overdue": "100.00"}
    shares = [{"agency_id": agency_id, "weight": 1}]
    rule = {"name": _AGENCY, "priority": 100, "kind": "dialing", "when": when, "shares": shares}
    client.post("assignment", "/v1/placement-rules", rule)
    return agency_id


def load(client: Client, portfolio_id: str, file: Path, as_of: date) -> Any:
    """Upload ``file``, wait until it is loaded, and return the file's state."""
    parameters = {"mode": "delta", "filename": file.name, "as_of": as_of.isoformat(), "confirm_future": "true"}
    answer = client.upload("portfolio", f"/v1/portfolios/{portfolio_id}/files", file, parameters, lambda _sent: None)
    while answer["status"] not in {"loaded", "failed"}:
        time.sleep(0.2)
        answer = client.get("portfolio", f"/v1/files/{answer['file_id']}")
    if answer["status"] == "failed":
        raise RuntimeError(f"the file was not loaded: {answer['error']}")
    return answer


def listing(client: Client, portfolio_id: UUID, campaign_id: str, as_of: date) -> Listing:
    """Publish the campaign's list of the day and read it."""
    wanted = {"campaign_id": campaign_id, "business_date": as_of.isoformat()}
    answer = client.post_when_known("dialer-feed", "/v1/lists", wanted)
    while answer["status"] == "building":
        time.sleep(0.2)
        answer = client.get("dialer-feed", f"/v1/lists/{answer['list_id']}")
    if answer["status"] != "published":
        raise RuntimeError(f"the list was not published: {answer['error']}")
    with client.lines("dialer-feed", f"/v1/lists/{answer['list_id']}/entries", format="jsonl") as lines:
        entries = [json.loads(line) for line in lines]
    # A payment of 10.00 does not change these contracts' stage, and leaves them above the minimum.
    numbers = [entry["contract_number"] for entry in entries if float(entry["overdue_balance"]) >= _ENOUGH]
    contracts = [uuid.uuid5(portfolio_id, number) for number in numbers]
    return Listing(portfolio_id, UUID(answer["list_id"]), contracts)


async def pay(client: Client, contracts: Sequence[UUID], paid_on: date, rate: float) -> list[Paid]:
    """Send one payment of 10.00 for each contract, ``rate`` a second, without waiting for the answers."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx.AsyncClient(headers=client.headers, timeout=10, limits=limits) as http:
        started = time.monotonic()
        tasks = []
        for n, contract_id in enumerate(contracts):
            await asyncio.sleep(max(0.0, started + n / rate - time.monotonic()))
            tasks.append(asyncio.create_task(_pay_one(http, client.address("portfolio"), contract_id, paid_on)))
        return list(await asyncio.gather(*tasks))


async def _pay_one(http: httpx.AsyncClient, address: str, contract_id: UUID, paid_on: date) -> Paid:
    key, reference = str(uuid.uuid4()), uuid.uuid4().hex
    body = {"amount": "10.00", "paid_on": paid_on.isoformat(), "channel": "bank", "reference": reference}
    async with asyncio.timeout(_ANSWER_WITHIN_SECONDS):
        while True:
            try:
                answer = await http.post(
                    f"{address}/v1/contracts/{contract_id}/payments", json=body, headers={"Idempotency-Key": key}
                )
            except httpx.TransportError:
                await asyncio.sleep(0.2)
                continue
            if answer.status_code in {409, 503}:
                await asyncio.sleep(0.2)
                continue
            answered_at = time.time()
            receipt = answer.raise_for_status().json()
            return Paid(contract_id, UUID(receipt["payment_id"]), answered_at, receipt["total_balance"])


def withdrawals(client: Client, list_id: UUID, count: int, *, within_seconds: float = 60.0) -> list[Any]:
    """Return the list's withdrawals once there are ``count`` of them. Raises ``TimeoutError``."""
    found: list[Any] = []
    deadline = time.monotonic() + within_seconds
    while len(found) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(found)} of {count} withdrawals in {within_seconds:.0f} s")
        after = found[-1]["cursor"] if found else 0
        page = client.get("dialer-feed", f"/v1/lists/{list_id}/withdrawals", after=after, wait=5)
        found += page["items"]
    return found


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that ``percent`` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def delays(paid: Sequence[Paid], items: Sequence[Any]) -> list[float]:
    """Return the seconds from each answer to the withdrawal, 0 if the withdrawal came before the answer."""
    off = {UUID(item["contract_id"]): datetime.fromisoformat(item["withdrawn_at"]).timestamp() for item in items}
    return [max(0.0, off[payment.contract_id] - payment.answered_at) for payment in paid]


@contextlib.contextmanager
def frozen(pids: Sequence[int]) -> Iterator[None]:
    """Freeze these processes until the block ends."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def bystanders(data: DataFolder) -> list[int]:
    """Return the process ids of the services that a withdrawal after a payment does not need."""
    state = data.state()
    assert state is not None
    needed = {"portfolio", "dialer-feed"}
    return [one.process.pid for one in state.services if one.process is not None and one.name not in needed]


def print_costs(title: str, used: Mapping[str, float], count: float, unit: str) -> None:
    """Print the CPU milliseconds of each process per payment or per second, and their sum."""
    print(f"{title}, {unit}: {sum(used.values()) / count * 1000:.1f}")
    print("  " + "  ".join(f"{name} {seconds / count * 1000:.2f}" for name, seconds in used.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".recobro"))
    parser.add_argument("--payments", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50.0, help="payments a second")
    parser.add_argument("--alone", action="store_true", help="freeze the services that a withdrawal does not need")
    options = parser.parse_args()
    as_of = date(2026, 11, 22)
    data = DataFolder(options.data)
    with (
        connected(data) as client,
        as_file(files("recobro") / "sample" / "cartera_mx.csv") as file,
    ):
        published = publish(client, file, as_of, name=f"bench {datetime.now(UTC):%H:%M:%S}")
        contracts = published.contracts[: options.payments]
        # What loading has left to do is not the payments'.
        time.sleep(_SETTLE_SECONDS)
        with frozen(bystanders(data) if options.alone else []):
            before_rest = costs.cpu_by_process(data)
            time.sleep(_REST_SECONDS)
            before = costs.cpu_by_process(data)
            began = time.monotonic()
            paid = asyncio.run(pay(client, contracts, as_of, options.rate))
            answered = len(paid) / (time.monotonic() - began)
            items = withdrawals(client, published.list_id, len(contracts))
            time.sleep(_SETTLE_SECONDS)
            after = costs.cpu_by_process(data)
            floor = asyncio.run(costs.floor(data, len(contracts), options.rate))
        report = client.get("dialer-feed", "/v1/withdrawal-report", list_id=published.list_id)
    seconds = delays(paid, items)
    print(f"{len(paid)} payments sent at {options.rate:g} a second and answered at {answered:.0f} a second")
    print("milliseconds from the answer to the withdrawal:")
    print("  " + "  ".join(f"p{p:g} {percentile(seconds, p) * 1000:.1f}" for p in (50, 95, 99, 100)))
    to_list = report["seconds_to_list"]
    print("milliseconds from the payment's receipt to the withdrawal, from the withdrawal report:")
    print("  " + "  ".join(f"{name} {float(to_list[name]) * 1000:.1f}" for name in ("p50", "p95", "p99", "max")))
    print_costs("CPU", costs.used_between(before, after), len(paid), "milliseconds per payment")
    print_costs("CPU at rest", costs.used_between(before_rest, before), _REST_SECONDS, "milliseconds per second")
    print(f"floor: CPU of PostgreSQL {floor.cpu_of_postgres * 1000:.2f} and of its client", end=" ")
    print(f"{floor.cpu_of_client * 1000:.2f} milliseconds per payment; milliseconds to the second commit:")
    print("  " + "  ".join(f"p{p:g} {percentile(floor.seconds, p) * 1000:.1f}" for p in (50, 95, 99, 100)))


if __name__ == "__main__":
    main()
