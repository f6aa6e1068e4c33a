"""Ladders over HTTP, and the background worker that judges by them, for the tests of strategy."""

from typing import Any
from uuid import UUID

import httpx
from portfolio.strategy import judging
from portfolio_builders import TODAY, Given

PROOF = {"registered_number": "RR123456789MX"}


async def judged(given: Given) -> None:
    """Let the background worker do all that waits."""
    while await judging.work(given.database):
        pass


async def put_ladder(client: httpx.AsyncClient, portfolio_id: UUID, steps: list[dict[str, Any]]) -> dict[str, Any]:
    answer = await client.put(f"/v1/portfolios/{portfolio_id}/ladder", json={"steps": steps})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def step(client: httpx.AsyncClient, contract_id: UUID) -> dict[str, Any]:
    answer = await client.get(f"/v1/contracts/{contract_id}/step")
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def send(client: httpx.AsyncClient, contract_id: UUID, kind: str, sent_on: str = str(TODAY)) -> httpx.Response:
    body = {"kind": kind, "channel": "registered letter", "sent_on": sent_on, "proof": PROOF}
    return await client.post(f"/v1/contracts/{contract_id}/notices", json=body)
