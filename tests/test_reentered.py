"""A whole restore is played: every service loses a day of work, and ``recobro reenter`` enters it again, twice."""

import asyncio
import csv
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fresh_databases import FreshDatabases
from platform_scenarios import (
    charge_and_allocate,
    create_agency_with_rules,
    debts_in_parts,
    overdue_contracts,
    pay,
    send_bank_file,
)
from recobro.client import Client
from recobro.entering import Entering
from recobro.lost_lines import Entered, Outcome, read
from recobro.lost_writes import COLUMNS, is_entered
from services_in_process import AS_OF, InProcessPlatform, all_services_in_process
from test_restored import back_up, restore

pytestmark = pytest.mark.process

RESTORED = ("portfolio", "assignment", "promises", "field-visits")
DAY = AS_OF.isoformat()
STATES = {
    "portfolio": (
        "SELECT payment_id::text, amount, reversed_at IS NULL, holdoff_from FROM payment ORDER BY 1",
        "SELECT clarification_id::text, state, contact_may_resume FROM clarification ORDER BY 1",
        "SELECT pause_id::text, starts_on, ends_on FROM pause ORDER BY 1",
        "SELECT contract_id::text, overdue_balance, total_balance, components::text FROM contract ORDER BY 1",
        "SELECT charge_id::text, kind, amount, reversed_at IS NULL FROM charge ORDER BY 1",
        "SELECT party_id::text, role, name FROM party ORDER BY 1",
        "SELECT attempt_id::text, contract_id::text, channel, outcome, made_at, business_date, episode, same_as::text"
        " FROM attempt ORDER BY 1",
        "SELECT notice_id::text, contract_id::text, episode, kind, channel, sent_on, registered_number, document"
        " FROM notice ORDER BY 1",
        "SELECT contract_id::text, day, attempts, contacts FROM contact_day ORDER BY 1, 2",
        "SELECT unidentified_id::text, amount, remaining, state FROM unidentified_payment ORDER BY 1",
    ),
    "assignment": ("SELECT placement_id::text, state, reason FROM placement ORDER BY 1",),
    "promises": (
        "SELECT promise_id::text, agreement_id::text, due_on, amount, state, made_in FROM promise ORDER BY 1",
        "SELECT agreement_id::text, state, total FROM agreement ORDER BY 1",
    ),
    "dialer-feed": ("SELECT attempt_id::text, contract_id::text, business_date FROM own_call ORDER BY 1",),
    "field-visits": ("SELECT visit_id::text, state, outcome, attended_by, visit_on, visitor FROM visit ORDER BY 1",),
}


@pytest.fixture
async def platform(databases: FreshDatabases) -> AsyncIterator[InProcessPlatform]:
    async with all_services_in_process(databases) as platform:
        yield platform


class Bridge(httpx.BaseTransport):
    """Sends the command's requests to the services in the loop of the test."""

    def __init__(self, platform: InProcessPlatform) -> None:
        self._platform = platform
        self._loop = asyncio.get_running_loop()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked = asyncio.run_coroutine_threadsafe(self._answer(request), self._loop)
        return asked.result(240)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        client = self._platform.clients[request.url.host]
        headers = {
            name: value for name, value in request.headers.items() if name in ("idempotency-key", "content-type")
        }
        target = request.url.raw_path.decode()
        answer = await client.request(request.method, target, content=request.read(), headers=headers)
        return httpx.Response(answer.status_code, content=answer.content, headers={"content-type": "application/json"})


@pytest.mark.timeout(900)
async def test_what_every_service_has_lost_is_entered_again(platform: InProcessPlatform, tmp_path: Path) -> None:
    await create_agency_with_rules(platform)
    await platform.sample_portfolio()
    await platform.settled()
    contracts = await overdue_contracts(platform)
    in_parts = await debts_in_parts(platform)
    await platform.settled()
    before = known_events(platform)
    backups = {service: await back_up(platform, service) for service in RESTORED}
    await work(platform, contracts)
    await charge_and_allocate(platform, in_parts)
    await platform.settled()
    states = await all_states(platform)
    lists = [lost_list(platform, service, before, tmp_path) for service in RESTORED]

    for service, backup in backups.items():
        await restore(platform, service, backup)
    assert await all_states(platform) != states

    # A person sends the bank's files of the lost time first.
    await send_bank_file(platform, in_parts)
    became = await reenter(platform, lists)
    await platform.settled()
    assert {one.detail for one in became if one.outcome in (Outcome.BY_HAND, Outcome.REFUSED)} == set()
    assert differing(await all_states(platform), states) == []
    assert Counter(one.outcome for one in became)[Outcome.ENTERED] >= 15

    again = await reenter(platform, lists)
    await platform.settled()
    assert {one.outcome for one in again} <= {Outcome.ENTERED, Outcome.KNOWN, Outcome.FOLLOWS}
    assert differing(await all_states(platform), states) == []


async def work(platform: InProcessPlatform, contracts: list[str]) -> None:
    """Enter one of each kind of work on contracts of their own."""
    paid, bounced, disputed, upheld, paused, promised, cancelled, planned, recalled, kept, *rest = contracts
    await pay(platform, paid, reference="R-1")
    await pay(platform, paid)
    payment = await pay(platform, bounced)
    await platform.post("portfolio", f"/v1/payments/{payment['payment_id']}/reversal", {"reason": "bounced"})
    dispute = {"reason": "amount", "opened_by": "debtor"}
    await platform.post("portfolio", f"/v1/contracts/{disputed}/clarifications", dispute)
    opened = await platform.post("portfolio", f"/v1/contracts/{upheld}/clarifications", dispute)
    [first, *_] = (await platform.get("portfolio", f"/v1/contracts/{upheld}"))["instalments"]
    resolution = {"outcome": "upheld", "corrections": [{"instalment": first["number"], "amount": "1.00"}]}
    await platform.post("portfolio", f"/v1/clarifications/{opened['clarification_id']}/resolution", resolution)
    pause = {"reason": "flood", "starts_on": DAY, "ends_on": "2026-12-01"}
    await platform.post("portfolio", f"/v1/contracts/{paused}/pauses", pause)
    promise = {"amount": "50.00", "due_on": "2026-11-25", "made_in": "call"}
    await platform.post("promises", "/v1/promises", promise | {"contract_id": promised})
    made = await platform.post("promises", "/v1/promises", promise | {"contract_id": cancelled})
    await platform.post("promises", f"/v1/promises/{made['promise_id']}/cancellation", {"reason": "by mistake"})
    instalments = [{"due_on": day, "amount": "60.00"} for day in ("2026-11-27", "2026-12-11")]
    plan = {"contract_id": planned, "kind": "plan", "instalments": instalments, "made_in": "visit"}
    await platform.post("promises", "/v1/agreements", plan)
    await recall(platform, recalled, ("acknowledgement", {}))
    await recall(
        platform, kept, ("objection", {"reason": "a date"}), ("objection-decision", {"accepted": True, "reason": "yes"})
    )
    for contract_id in (paid, disputed):
        for attempt in ({"channel": "call", "outcome": "no_answer"}, {"channel": "message", "outcome": "sent"}):
            await platform.post("portfolio", f"/v1/contracts/{contract_id}/attempts", attempt)
    for kind in ("reminder", "extrajudicial"):
        notice = {
            "kind": kind,
            "channel": "post",
            "sent_on": DAY,
            "document": "A-7",
            "proof": {"registered_number": "R"},
        }
        await platform.post("portfolio", f"/v1/contracts/{paused}/notices", notice)
    await visits(platform, rest)


async def recall(platform: InProcessPlatform, contract_id: str, *steps: tuple[str, dict[str, Any]]) -> None:
    given = {"contract_id": contract_id, "kind": "dialing"}
    [placement] = (await platform.get("assignment", "/v1/placements", **given))["items"]
    for step, body in (("recall", {"reason": "branch"}), *steps):
        await platform.post("assignment", f"/v1/placements/{placement['placement_id']}/{step}", body)


async def visits(platform: InProcessPlatform, contracts: list[str]) -> None:
    """One visit that took place and where somebody gave a number, one that was called off, one that is to come."""
    made, off, ahead = [
        (await platform.post("field-visits", "/v1/visits", {"contract_id": one, "visitor": "Ana", "visit_on": DAY}))[
            "visit_id"
        ]
        for one in contracts[:3]
    ]
    contact = {"kind": "phone", "value": "+52 871 555 7788", "provenance": "neighbour"}
    result = {"outcome": "visited", "attended_by": "third_party", "at": f"{DAY}T16:00:00Z", "contacts": [contact]}
    await platform.post("field-visits", f"/v1/visits/{made}/result", result)
    await platform.post("field-visits", f"/v1/visits/{off}/cancellation", {"reason": "rain"})
    assert (await platform.get("field-visits", f"/v1/visits/{ahead}"))["state"] == "ordered"


def known_events(platform: InProcessPlatform) -> set[str]:
    return {record.headers["ce_id"] for log in platform.transport.logs.values() for record in log}


def lost_list(platform: InProcessPlatform, service: str, before: set[str], folder: Path) -> Path:
    """Write what the log holds of the service's entries after the backup, as ``recobro restore`` does."""
    path = folder / f"lost-{service}.csv"
    records = [
        record
        for place, log in platform.transport.logs.items()
        if place.topic == f"{service}.events"
        for record in log
        if record.headers["ce_id"] not in before and is_entered(record.headers)
    ]
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for record in sorted(records, key=lambda one: one.headers["ce_time"]):
            named = (record.headers[f"ce_{name}"] for name in ("time", "id", "type", "subject"))
            rows.writerow([*named, record.value.decode()])
    return path


async def all_states(platform: InProcessPlatform) -> dict[str, list[Any]]:
    return {
        sql: [tuple(row) for row in await platform.rows(service, sql)]
        for service, all_ in STATES.items()
        for sql in all_
    }


def differing(found: dict[str, list[Any]], expected: dict[str, list[Any]]) -> list[Any]:
    """Return the rows that are in one of both only."""
    return [row for sql in expected for row in set(found[sql]) ^ set(expected[sql])]


async def reenter(platform: InProcessPlatform, lists: list[Path]) -> list[Entered]:
    """Enter the lists as the command does, in a thread beside the services."""
    lines = sorted((line for path in lists for line in read(path)), key=lambda line: line.time)
    client = Client({service: f"http://{service}" for service in platform.clients}, "")
    client._http = httpx.Client(transport=Bridge(platform), timeout=240)

    def enter() -> list[Entered]:
        with client:
            entering = Entering(client, None, lines)
            return [entering.enter(line) for line in lines]

    return await asyncio.to_thread(enter)
