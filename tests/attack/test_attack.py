"""Generated requests, broken bodies, forged tokens, slow clients and floods: the platform answers, and goes on.

`make attack` runs them all, together with the matrix of two agencies over every route (`tests/journeys`).
"""

import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from attack.target import AS_OF, CANARIES, HEADER, Target
from recobro import keys
from recobro.data import DataFolder
from recobro_platform import SERVICES

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(600),
    pytest.mark.skipif("RECOBRO_ATTACK" not in os.environ, reason="`make attack` attacks a platform"),
]
NAMES = [service.name for service in SERVICES]
EXAMPLES, SECONDS = 30, 40
"""Of each operation at most so many requests, and of each service for at most so long."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.parametrize("service", NAMES)
def test_generated_requests_get_documented_answers_and_no_5xx(target: Target, service: str, tmp_path: Path) -> None:
    """As an operator, whose requests reach the code. What an agency reaches is in the matrix of two agencies."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "run",
        f"{target.addresses[service]}/openapi.json",
        "--header",
        f"Authorization: Bearer {target.operator}",
        f"--max-examples={EXAMPLES}",
        "--phases=coverage,fuzzing,stateful",
        f"--checks={CHECKS}",
        "--suppress-health-check=all",
        "--seed=1",
        "--no-shrink",
        f"--max-time={SECONDS}",
        # A long poll answers after a minute at the latest.
        "--request-timeout=90",
        "--rate-limit=100/s",
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout[-6000:]
    assert target.is_ready()


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(target: Target) -> dict[str, str]:
    """Tokens that nobody has issued."""
    head, payload, signature = target.operator.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    public = keys.public_file(DataFolder(target.platform.data)).read_bytes()
    unsigned = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{payload}"
    by_public_key = base64.urlsafe_b64encode(hmac.new(public, unsigned.encode(), hashlib.sha256).digest())
    return {
        "no algorithm": f"{part({'alg': 'none'})}.{payload}.",
        "signed with the public key": f"{unsigned}.{by_public_key.rstrip(b'=').decode()}",
        "another's claims": f"{head}.{part(claims | {'sub': 'somebody'})}.{signature}",
        "no end": f"{head}.{part({name: value for name, value in claims.items() if name != 'exp'})}.{signature}",
        "an agency made an operator": f"{head}.{part(claims | {'role': 'operator'})}.{target.agency.split('.')[2]}",
        "no signature": f"{head}.{payload}.",
    }


@pytest.mark.parametrize("service", NAMES)
def test_forged_tokens_open_nothing(target: Target, service: str) -> None:
    url = f"{target.addresses[service]}/v1/audit"
    assert httpx.get(url, headers=target.headers(target.operator), timeout=30).status_code == 200
    for what, token in forged(target).items():
        assert httpx.get(url, headers=target.headers(token), timeout=30).status_code == 401, what


BOMBS = {
    "brackets and escaped quotes": b'{"a": "' + b'[\\"' * 16_000 + b'"}',
    "nested arrays": b"[" * 60_000,
    "nested objects": b'{"a":' * 20_000,
    "a long number": b'{"amount": ' + b"9" * 60_000 + b"}",
    "a name twice": b'{"amount": "1.00", "amount": "2.00"}',
    "not UTF-8": b'{"a": "\xff"}',
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_broken_body_is_refused_while_others_are_served(target: Target, bomb: str) -> None:
    """Others are asked during the bomb: as many as fit. One that blocks the loop lets none through."""
    url = target.addresses["portfolio"]
    body = BOMBS[bomb]
    answered = 0
    with ThreadPoolExecutor(1) as thread:
        sent = thread.submit(
            lambda: httpx.post(
                f"{url}/v1/contracts/{target.contract_id}/payments",
                content=body,
                headers=target.headers(target.operator) | {"Content-Type": "application/json"},
                timeout=120,
            )
        )
        began = time.monotonic()
        while not sent.done():
            httpx.get(f"{url}/livez", timeout=120)
            answered += 1
        held_seconds = (time.monotonic() - began) / max(answered, 1)
    assert sent.result().status_code in (400, 413, 422), sent.result().text
    assert held_seconds < 5, f"each of {answered} other requests waited {held_seconds:.1f} s"


def test_a_file_of_commas_fails_alone(target: Target) -> None:
    url = f"{target.addresses['portfolio']}/v1/portfolios/{target.portfolio_id}/files"
    headers = target.headers(target.operator)
    commas = HEADER.encode() + b"\n" + b"," * 18_000_000
    sent = httpx.post(
        url, params={"as_of": AS_OF.isoformat(), "confirm_future": "true"}, content=commas, headers=headers, timeout=120
    )
    assert sent.status_code == 202, sent.text
    file = f"{target.addresses['portfolio']}/v1/files/{sent.json()['file_id']}"
    deadline = time.monotonic() + 240
    while (status := httpx.get(file, headers=headers, timeout=30).json()["status"]) not in ("failed", "loaded"):
        assert time.monotonic() < deadline, status
        time.sleep(0.5)
    assert status == "failed"
    assert target.is_ready()


def test_slow_clients_are_cut_off(target: Target) -> None:
    """Half a request on each of 50 connections: the service closes them all, without being asked to."""
    port = int(target.addresses["promises"].rpartition(":")[2])
    slow = [socket.create_connection(("127.0.0.1", port), timeout=120) for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(b"GET /v1/promises HTTP/1.1\r\nHost: promises\r\nX-Slow: ")
        assert target.is_ready()
        for connection in slow:
            connection.settimeout(120)
            while connection.recv(4096):
                pass
    finally:
        for connection in slow:
            connection.close()


def test_a_flood_by_an_agency_leaves_operators_served(target: Target) -> None:
    """An agency keeps 24 connections busy with contracts that nobody knows. Operators get every answer meanwhile."""
    stop = threading.Event()
    refused: list[int] = []

    def flood() -> None:
        with httpx.Client(timeout=60, headers=target.headers(target.agency)) as client:
            body = {"amount": "1.00", "due_on": "2026-11-25", "made_in": "agency", "contract_id": target.portfolio_id}
            while not stop.is_set():
                refused.append(client.post(f"{target.addresses['promises']}/v1/promises", json=body).status_code)

    threads = [threading.Thread(target=flood, daemon=True) for _ in range(24)]
    for thread in threads:
        thread.start()
    try:
        with httpx.Client(timeout=60, headers=target.headers(target.operator)) as operator:
            answers = [operator.get(f"{target.addresses['promises']}/v1/promises").status_code for _ in range(100)]
    finally:
        stop.set()
        for thread in threads:
            thread.join(90)
    assert answers == [200] * 100
    assert set(refused) <= {404, 422, 429, 503}, set(refused)
    assert target.is_ready()


def test_personal_data_stand_in_no_output(target: Target) -> None:
    """Read, search, print and change the debtor; then look at all that was written beside the tables."""
    headers = target.headers(target.operator)
    portfolio = target.addresses["portfolio"]
    for query in ({"q": CANARIES[0]}, {"q": CANARIES[2]}):
        assert httpx.get(f"{portfolio}/v1/contracts", params=query, headers=headers, timeout=30).status_code == 200
    contract = httpx.get(f"{portfolio}/v1/contracts/{target.contract_id}", headers=headers, timeout=30)
    assert all(canary in contract.text for canary in CANARIES)
    dispute = {"reason": "identity", "detail": f"{CANARIES[0]} {CANARIES[2]}", "opened_by": "debtor"}
    httpx.post(
        f"{portfolio}/v1/contracts/{target.contract_id}/clarifications", json=dispute, headers=headers, timeout=30
    )
    deadline = time.monotonic() + 60
    while not any(b"/v1/contracts" in sent for sent in target.traces):
        assert time.monotonic() < deadline, "no trace has come"
        time.sleep(0.5)
    found = [(where, canary) for where, text in target.outputs() for canary in CANARIES if canary.encode() in text]
    assert found == []
