"""Two agencies call every route of every service: neither sees the other's data.

The routes come from the OpenAPI documents, so no new route is forgotten. A parameter or a body that is unknown here
fails the test.
"""

import itertools
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from payments import load
from recobro import keys
from recobro.client import Client
from recobro.data import DataFolder
from recobro_platform import SCOPES, SERVICES
from running_platform import Platform

pytestmark = pytest.mark.process

AS_OF = date(2026, 11, 22)
ANY_AMOUNT = {"promise_limits": {"min_share_percent": "0"}}
NOT_FOR_AGENCIES = 403
NO_LETTER = "9007199254740993"
NOT_SECRET = ("portfolio_id", "creditor_id", "file_id", "rule_id", "version")
"""Ids that other agencies may know, and a number that stands in many an answer."""
"""The id of a letter, an unsent event or a report that a person decides. They belong to no agency."""

FOR_OPERATORS = ("/v1/parked-keys", "/v1/dead-letters", "/v1/unsent-events", "/v1/rebuild")


@dataclass
class Stage:
    """The ids of the first agency's objects, by the parameter names of the routes, and the tokens of both agencies."""

    addresses: dict[str, str]
    mine: str
    others: str
    ids: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)

    def ask(self, token: str, method: str, service: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if content is not None and not isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
        return httpx.request(method, self.addresses[service] + path, headers=headers, content=content, timeout=240)


def agency(client: Client, name: str) -> str:
    agency_id: str = client.post("assignment", "/v1/agencies", {"name": name})["agency_id"]
    contract = {
        "kinds": ["dialing", "visits"],
        "starts_on": "2026-01-01",
        "fees": [{"kind": "dialing", "from_days": 0, "percent": "10"}],
        "recall_grace_days": 5,
    }
    client.post("assignment", f"/v1/agencies/{agency_id}/service-contracts", contract)
    return agency_id


def rule(client: Client, agency_id: str, kind: str) -> str:
    when = {"stages": ["early", "late"], "min_overdue": "100.00"}
    shares = [{"agency_id": agency_id, "weight": 1}]
    new = {"name": f"agencies {kind}", "priority": 1, "kind": kind, "when": when, "shares": shares}
    rule_id: str = client.post("assignment", "/v1/placement-rules", new)["rule_id"]
    return rule_id


@pytest.fixture(scope="module")
def stage(platform: Platform) -> Iterator[Stage]:
    """One agency has an object of every kind; the other has none."""
    with platform.client() as client:
        mine, others = (agency(client, f"{name} {uuid.uuid4().hex[:6]}") for name in ("Mine", "Others"))
        addresses = {service.name: client.address(service.name) for service in SERVICES}
        stage = Stage(addresses, token_of(platform, mine), token_of(platform, others))
        yield furnished(client, stage, mine)


def token_of(platform: Platform, agency_id: str) -> str:
    data = DataFolder(platform.data)
    return keys.token(data, subject=agency_id, scopes=SCOPES, agency_id=uuid.UUID(agency_id), ttl_seconds=3600)


def unidentified(client: Client, address: str, portfolio_id: str) -> str:
    """A payment of a bank's file that names no contract."""
    rows = f"paid_on,amount,bank_reference\n{AS_OF},10.00,{uuid.uuid4().hex}\n"
    path = f"{address}/v1/portfolios/{portfolio_id}/payment-files"
    sent = httpx.post(path, content=rows.encode(), headers=client.headers, timeout=240).raise_for_status().json()
    deadline = time.monotonic() + 240
    while client.get("portfolio", f"/v1/payment-files/{sent['file_id']}")["status"] != "loaded":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    found = client.get("portfolio", "/v1/unidentified-payments", file_id=sent["file_id"])
    return str(found["items"][0]["unidentified_id"])


def first_of(client: Client, worklist_id: str) -> str:
    """The item of the worklist's first person, when the worklist has been filled."""
    deadline = time.monotonic() + 240
    while True:
        found = client.post("portfolio", f"/v1/worklists/{worklist_id}/next", {})
        if found["item"] is not None:
            return str(found["item"]["item_id"])
        assert found["filling"]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def furnished(client: Client, stage: Stage, mine: str) -> Stage:
    ids = stage.ids
    ids["agency_id"] = mine
    ids["rule_id"] = rule(client, mine, "dialing")
    rule(client, mine, "visits")
    creditor = client.post("portfolio", "/v1/creditors", {"name": "two", "kind": "financial", "country": "MX"})
    ids["creditor_id"] = creditor["creditor_id"]
    letterhead = {
        "address": "Calle 1",
        "phones": ["+525555550100"],
        "payment_instructions": "CLABE 1",
        "complaints_unit": "UNE",
    }
    fields = ("contract_number", "debtor_name", "due_date", "amount_due")
    layout = {"name": "two", "columns": [{"source": field.upper(), "field": field} for field in fields]}
    path = f"/v1/creditors/{ids['creditor_id']}/file-profiles"
    ids["profile_id"] = client.post("portfolio", path, layout)["profile_id"]
    for service, path in (("portfolio", f"/v1/creditors/{ids['creditor_id']}"), ("assignment", f"/v1/agencies/{mine}")):
        client.patch(service, path, letterhead)
    new = {"creditor_id": ids["creditor_id"], "name": "two", "currency": "MXN", "jurisdiction": "MX"}
    ids["portfolio_id"] = client.post("portfolio", "/v1/portfolios", new | ANY_AMOUNT)["portfolio_id"]
    with as_file(files("recobro") / "sample" / "cartera_mx.csv") as sample, TemporaryDirectory() as folder:
        few = Path(folder) / "few.csv"
        few.write_bytes(b"".join(sample.read_bytes().splitlines(keepends=True)[:400]))
        ids["file_id"] = load(client, ids["portfolio_id"], few, AS_OF)["file_id"]
    campaign = {"name": "two", "agency_id": mine, "portfolio_ids": [ids["portfolio_id"]]}
    ids["campaign_id"] = client.post_when_known("dialer-feed", "/v1/campaigns", campaign)["campaign_id"]
    wanted = {"campaign_id": ids["campaign_id"], "business_date": AS_OF.isoformat()}
    ids["list_id"] = client.post_when_known("dialer-feed", "/v1/lists", wanted)["list_id"]
    with client.lines("dialer-feed", f"/v1/lists/{ids['list_id']}/entries", format="jsonl") as lines:
        entries = [json.loads(line) for line in itertools.islice(lines, 8)]
    contracts = [str(uuid.uuid5(uuid.UUID(ids["portfolio_id"]), entry["contract_number"])) for entry in entries]
    ids["contract_id"] = contracts[0]
    stage.numbers = {"contract_number": entries[0]["contract_number"], "phone": entries[0]["phones"][0]}
    ids["call_id"] = uuid.uuid4().hex
    said = {"agent": "a", "started_at": NOW, "duration_seconds": 1, "disposition": "no_answer"}
    call = {"call_id": ids["call_id"], "list_id": ids["list_id"], **stage.numbers, **said}
    taken = stage.ask(stage.mine, "POST", "dialer-feed", "/v1/calls", [call]).raise_for_status().json()
    assert taken["accepted"] == 1, taken
    placements = client.get("assignment", "/v1/placements", contract_id=contracts[0], kind="dialing")
    ids["placement_id"] = placements["items"][0]["placement_id"]
    ids["visit_id"] = client.post_when_known("field-visits", "/v1/visits", new_visit(contracts[0]))["visit_id"]
    # Only then may the agency read the letter.
    attendance = {"attended_by": "debtor", "at": f"{AS_OF}T18:00:00Z"}
    client.post("field-visits", f"/v1/visits/{ids['visit_id']}/attendance", attendance)
    photo = httpx.post(
        f"{stage.addresses['field-visits']}/v1/visits/{ids['visit_id']}/photos?permission=true",
        content=PNG,
        headers=client.headers,
        timeout=240,
    )
    ids["photo_id"] = photo.raise_for_status().json()["photo_id"]
    promise = stage.ask(stage.mine, "POST", "promises", "/v1/promises", new_promise(contracts[1]))
    ids["promise_id"] = promise.raise_for_status().json()["promise_id"]
    plan = stage.ask(stage.mine, "POST", "promises", "/v1/agreements", new_plan(contracts[2]))
    ids["agreement_id"] = plan.raise_for_status().json()["agreement_id"]
    link = client.post_when_known("promises", f"/v1/contracts/{contracts[2]}/links", {})
    ids["link_id"] = link["link_id"]
    paid = {"amount": "10.00", "paid_on": AS_OF.isoformat(), "channel": "bank", "reference": uuid.uuid4().hex}
    ids["payment_id"] = client.post("portfolio", f"/v1/contracts/{contracts[3]}/payments", paid)["payment_id"]
    fee = {"kind": "fee", "amount": "1.00", "charged_on": AS_OF.isoformat(), "reason": "costs"}
    ids["charge_id"] = client.post("portfolio", f"/v1/contracts/{contracts[3]}/charges", fee)["charge_id"]
    ids["unidentified_id"] = unidentified(client, stage.addresses["portfolio"], ids["portfolio_id"])
    claim = {"reason": "amount", "opened_by": "debtor"}
    path = f"/v1/contracts/{contracts[4]}/clarifications"
    ids["clarification_id"] = client.post("portfolio", path, claim)["clarification_id"]
    pause = {"reason": "moratorium", "starts_on": (AS_OF + timedelta(days=1)).isoformat()}
    ids["pause_id"] = client.post("portfolio", f"/v1/contracts/{contracts[5]}/pauses", pause)["pause_id"]
    whole = client.get("portfolio", f"/v1/contracts/{contracts[0]}")
    ids["contact_id"] = whole["contact_points"][0]["contact_id"]
    party = {"role": "guarantor", "name": "Rosa Gil"}
    ids["party_id"] = client.post("portfolio", f"/v1/contracts/{contracts[0]}/parties", party)["party_id"]
    ids["person_id"] = whole["debtor"]["debtor_id"]
    path = f"/v1/people/{ids['person_id']}/convenience"
    inconvenient = {"not_media": ["whatsapp"], "reason": "the debtor said so"}
    ids["convenience_id"] = client.post("portfolio", path, inconvenient)["items"][0]["convenience_id"]
    worklist = {"name": "two", "when": {"stages": ["early", "late"]}}
    ids["worklist_id"] = client.post("portfolio", "/v1/worklists", worklist)["worklist_id"]
    ids["item_id"] = first_of(client, ids["worklist_id"])
    ids["letter_id"] = ids["unsent_id"] = ids["report_id"] = ids["permit_id"] = ids["notice_id"] = NO_LETTER
    ids["name"], ids["version"] = "own-suppression-list", "1"
    return stage


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738"
    "550000000049454e44ae426082"
)
NOW = datetime.now(UTC).isoformat()


def new_visit(contract_id: str) -> dict[str, str]:
    return {"contract_id": contract_id, "visitor": "visitor-1", "visit_on": AS_OF.isoformat()}


def new_promise(contract_id: str) -> dict[str, str]:
    due_on = (AS_OF + timedelta(days=3)).isoformat()
    return {"contract_id": contract_id, "amount": "50.00", "due_on": due_on, "made_in": "agency"}


def new_plan(contract_id: str) -> dict[str, Any]:
    days = [AS_OF + timedelta(days=n) for n in (5, 35)]
    instalments = [{"due_on": day.isoformat(), "amount": "30.00"} for day in days]
    return {"contract_id": contract_id, "kind": "plan", "instalments": instalments}


def bodies(stage: Stage) -> dict[str, Any]:
    """Return a valid body for every POST that agencies may send. Other requests are refused before the body is read."""
    call = {
        "call_id": uuid.uuid4().hex,
        "list_id": stage.ids["list_id"],
        **stage.numbers,
        "agent": "a",
        "started_at": NOW,
        "duration_seconds": 1,
        "disposition": "no_answer",
    }
    reason = {"reason": "because"}
    return {
        "POST dialer-feed /v1/lists/{list_id}/withdrawals": {**stage.numbers, "reason": "other"},
        "POST dialer-feed /v1/lists/{list_id}/acknowledgements": {"cursor": 0},
        "POST dialer-feed /v1/calls": [call],
        "POST dialer-feed /v1/permits": {"list_id": stage.ids["list_id"], **stage.numbers},
        "POST dialer-feed /v1/permits/batch": [{"list_id": stage.ids["list_id"], **stage.numbers}],
        "POST dialer-feed /v1/attempts": {
            "attempt_id": uuid.uuid4().hex,
            "list_id": stage.ids["list_id"],
            **stage.numbers,
            "started_at": NOW,
        },
        "POST assignment /v1/placements/{placement_id}/acknowledgement": reason,
        "POST assignment /v1/placements/{placement_id}/objection": reason,
        "POST assignment /v1/placements/acknowledgements": {"placement_ids": [str(uuid.UUID(int=7))]},
        "POST promises /v1/promises": new_promise(stage.ids["contract_id"]),
        "POST promises /v1/promises/{promise_id}/cancellation": reason,
        "POST promises /v1/agreements": new_plan(stage.ids["contract_id"]),
        "POST promises /v1/agreements/{agreement_id}/cancellation": reason,
        "POST promises /v1/agreements/{agreement_id}/acceptance": {"by": "recording", "proof": "call 1"},
        "POST field-visits /v1/visits": new_visit(stage.ids["contract_id"]),
        "POST field-visits /v1/visits/{visit_id}/cancellation": reason,
        "POST field-visits /v1/visits/{visit_id}/attendance": {"attended_by": "nobody", "at": NOW},
        "POST field-visits /v1/visits/{visit_id}/result": {
            "outcome": "visited",
            "attended_by": "third_party",
            "at": NOW,
        },
        "POST field-visits /v1/visits/{visit_id}/photos": PNG,
    }


QUERIES = {
    "GET dialer-feed /v1/withdrawal-report": "list_id={list_id}",
    "GET portfolio /v1/day-totals": "day=2026-11-22",
    "POST field-visits /v1/visits/{visit_id}/photos": "permission=true",
}


def routes(stage: Stage) -> Iterator[tuple[str, str, str]]:
    """Yield the method, service and path of every route."""
    for service, address in stage.addresses.items():
        document = httpx.get(f"{address}/openapi.json", timeout=240).raise_for_status().json()
        for path, operations in document["paths"].items():
            if path.startswith("/v1/"):
                yield from ((method.upper(), service, path) for method in operations)


def answer(stage: Stage, token: str, method: str, service: str, path: str) -> httpx.Response:
    route = f"{method} {service} {path}"
    query = QUERIES.get(route, "").format(**stage.ids)
    body = bodies(stage).get(route)
    if body is None and method != "GET":
        body = {}
    # An unknown parameter raises KeyError. Extend ``furnished`` so that it makes such an object.
    return stage.ask(token, method, service, f"{path.format(**stage.ids)}?{query}", body)


def test_no_agency_sees_another_agency_s_data(stage: Stage) -> None:
    """The answer is 404 for an object, 403 for an operator's route, and a list does not contain the object."""
    mine = set(stage.ids.values()) - {stage.ids[name] for name in NOT_SECRET}
    wrong = []
    for method, service, path in routes(stage):
        found = answer(stage, stage.others, method, service, path)
        allowed = {NOT_FOR_AGENCIES} if found.status_code == NOT_FOR_AGENCIES else {404} if "{" in path else {200, 404}
        if method == "POST" and path == "/v1/calls":
            leaks, allowed = found.json()["accepted"] != 0, {202}
        else:
            leaks = any(one in found.text for one in mine) and found.status_code == 200
        if (method, path) == ("GET", "/v1/withdrawal-report"):
            allowed = {404}
        if found.status_code not in allowed or leaks:
            wrong.append(f"{method} {service} {path}: {found.status_code} {found.text[:400]}")
    assert wrong == []


def test_agencies_may_not_use_the_routes_for_set_aside_events_and_rebuilds(stage: Stage) -> None:
    found = {
        (service, method, path): answer(stage, stage.mine, method, service, path).status_code
        for method, service, path in routes(stage)
        if path.startswith(FOR_OPERATORS)
    }
    assert set(found.values()) == {NOT_FOR_AGENCIES}
    assert len(found) == 11 * len(SERVICES)


def test_an_agency_sees_its_own_data(stage: Stage) -> None:
    """Proves that the other test does not pass only because no agency can read anything."""
    wrong, read = [], 0
    for method, service, path in routes(stage):
        if method == "GET":
            found = answer(stage, stage.mine, method, service, path)
            read += found.status_code == 200
            if found.status_code not in {200, NOT_FOR_AGENCIES}:
                wrong.append(f"{method} {service} {path}: {found.status_code} {found.text[:400]}")
    assert wrong == []
    assert read >= 15
