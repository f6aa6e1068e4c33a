"""Questions of dialers and their attempts, for the tests of permits."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from dialer_feed.permits import asking
from dialing_requests import Json
from dialing_scene import DAY, Contract, Scene


def question(contract: Contract, **named: Any) -> Json:
    """A question about the contract's first number; ``named`` has the list or the campaign."""
    return {"contract_number": contract.number, "phone": contract.phones[0].value} | {
        name: str(value) for name, value in named.items()
    }


async def granted(client: httpx.AsyncClient, asked: Json) -> Json:
    answer = await client.post("/v1/permits", json=asked)
    assert answer.status_code == 200, answer.text
    permit: Json = answer.json()
    return permit


async def refused(client: httpx.AsyncClient, asked: Json) -> str:
    """Ask, and return the reason of the refusal."""
    answer = await client.post("/v1/permits", json=asked)
    assert answer.status_code == 409, answer.text
    problem = answer.json()
    reason: str = problem["reason"]
    assert problem["type"] == f"urn:recobro:problem:{reason.replace('_', '-')}"
    return reason


async def attempt(client: httpx.AsyncClient, status: int = 201, **fields: Any) -> Json:
    body = {"attempt_id": str(uuid.uuid4()), "started_at": datetime.now(UTC).isoformat()} | fields
    answer = await client.post("/v1/attempts", json=body)
    assert answer.status_code == status, answer.text
    shown: Json = answer.json()
    return shown


async def kept_on_the_day(client: httpx.AsyncClient, **wanted: Any) -> list[Json]:
    """The permits and refusals of ``DAY`` and the month before it, as operators read them."""
    shown: list[Json] = (await client.get("/v1/permits", params=wanted | {"to": str(DAY)})).json()["items"]
    return shown


NOON = datetime(2026, 11, 23, 18, tzinfo=UTC)
"""Monday noon in Mexico City."""


class Clock:
    """The moment of decisions while a test runs."""

    at: datetime | None = NOON


@pytest.fixture
def clock() -> Iterator[Clock]:
    """A clock that stands at noon, an hour at which calls are allowed everywhere in Mexico."""
    moment = Clock()
    with patch.object(asking, "now", lambda: moment.at):
        yield moment


async def listed(scene: Scene, **changes: Any) -> tuple[uuid.UUID, Contract]:
    """A contract on a live list, with everything heard."""
    [contract] = await scene.contracts(1, **changes)
    list_id = await scene.built()
    await scene.hears()
    return list_id, contract
