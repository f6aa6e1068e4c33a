"""Events that the log refused are shown, retried and discarded over HTTP."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chassis.testing import client_for, mint
from recobro_events import Consumer, Database
from recobro_events.contracts.dialer_feed import PaymentClaimed
from recobro_events.contracts.runtime import ContractReplayed
from recobro_events.testing import published
from toy_service import Toy, toy_app

KEYED = {"Idempotency-Key": "key-1"}
ERROR = "the record has 2000000 bytes, and the log takes 1048576"


class Desk:
    """The toy with a consumer, and a client of it."""

    def __init__(self, database: Database, client: httpx.AsyncClient) -> None:
        self.database = database
        self.client = client

    async def refused(self, *details: str, contract_id: UUID | None = None) -> tuple[str, list[int]]:
        """Set aside an event of a contract; the others wait behind it. Return the key and the ids."""
        key = str(contract_id or uuid4())
        async with self.database.transaction() as tx:
            ids = [
                await tx.fetchval(
                    "INSERT INTO unsent_events (lane, event_id, type, key, topic, occurred_at, body, bytes, error)"
                    " VALUES ('events', uuidv7(), $1, $2, 'portfolio.events', now(), $3, 2000000, $4)"
                    " RETURNING unsent_id",
                    PaymentClaimed.type,
                    key,
                    PaymentClaimed(contract_id=UUID(key), detail=detail).body(),
                    ERROR if detail == details[0] else None,
                )
                for detail in details
            ]
        return key, ids

    async def get(self, path: str = "", **parameters: Any) -> Any:
        answer = await self.client.get(f"/v1/unsent-events{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        return await self.client.post(f"/v1/unsent-events{path}", json=body, headers=headers)


@pytest.fixture
async def desk(database: Database, look: Any) -> AsyncIterator[Desk]:
    await look.execute("DELETE FROM unsent_events; DELETE FROM outbox_events")
    database.service = "portfolio"
    app = toy_app(Toy(Consumer("portfolio", listens_to=("dialer-feed",))), database)
    async with client_for(app, mint(subject="ana")) as client:
        yield Desk(database, client)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def test_unsent_events_are_listed_in_order_without_their_content(desk: Desk) -> None:
    key, [first, second] = await desk.refused("secret", "behind")
    _, [third] = await desk.refused("another")
    answer = await desk.client.get("/v1/unsent-events")
    assert "secret" not in answer.text
    items = answer.json()["items"]
    assert [(item["unsent_id"], item["error"]) for item in items] == [(first, ERROR), (second, None), (third, ERROR)]
    assert (items[0]["lane"], items[0]["bytes"], items[0]["retry_at"]) == ("events", 2_000_000, None)
    assert len((await desk.get(key=key))["items"]) == 2
    page = await desk.get(limit=1)
    assert [item["unsent_id"] for item in (await desk.get(limit=5, cursor=page["next_cursor"]))["items"]] == [
        second,
        third,
    ]


async def test_one_unsent_event_has_its_content_until_that_expires(desk: Desk, look: Any) -> None:
    key, [unsent_id] = await desk.refused("ñandú")
    whole = await desk.get(f"/{unsent_id}")
    assert (whole["key"], "ñandú" in whole["body"]) == (key, True)
    await look.execute("UPDATE unsent_events SET body = NULL")
    assert (await desk.get(f"/{unsent_id}"))["body"] is None
    assert code_of(await desk.client.get("/v1/unsent-events/999999")) == (404, "unsent-unknown")


async def test_a_retry_is_noted_for_the_relay(desk: Desk) -> None:
    key, _ = await desk.refused("bad", "behind")
    await desk.refused("another")
    answer = await desk.post("/retry", {"key": key})
    assert (answer.status_code, answer.json()) == (202, {"events": 2})
    assert [item["retry_at"] is not None for item in (await desk.get())["items"]] == [True, True, False]
    assert (await desk.post("/retry", {"all": True})).json() == {"events": 3}
    assert code_of(await desk.post("/retry", {"key": "nothing of this key"})) == (404, "unsent-unknown")


async def test_a_discard_needs_a_reason_and_a_repeated_one_gets_the_first_answer(desk: Desk) -> None:
    key, [first, second] = await desk.refused("bad", "behind")
    answers = [await desk.post(f"/{first}/discard", {"reason": " twice "}, **KEYED) for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"unsent_id": first, "key": key, "waiting": 1}] * 2
    assert code_of(await desk.post(f"/{first}/discard", {"reason": "twice"})) == (404, "unsent-unknown")
    assert (await desk.post(f"/{second}/discard", {"reason": " "})).status_code == 422
    assert [item["unsent_id"] for item in (await desk.get())["items"]] == [second]
    [gone, _] = (await desk.get(discarded=True))["items"]
    assert (gone["discarded_by"], gone["discard_reason"]) == ("ana", "twice")
    assert await published(desk.database, ContractReplayed) == []
    await desk.post(f"/{second}/discard", {"reason": "too late"})
    [replayed] = await published(desk.database, ContractReplayed)
    assert str(replayed.contract_id) == key


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"all": False}, ""),
        ({"all": True, "key": "k"}, ""),
        ({"key": 5}, "/key"),
        ({"key": "k" * 1001}, "/key"),
    ],
)
async def test_a_bad_retry_is_refused(desk: Desk, body: dict[str, Any], pointer: str) -> None:
    answer = await desk.post("/retry", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/unsent-events"),
        ("GET", "/v1/unsent-events/1"),
        ("POST", "/v1/unsent-events/retry"),
        ("POST", "/v1/unsent-events/1/discard"),
    ],
)
async def test_each_route_requires_its_scope_and_refuses_agencies(desk: Desk, method: str, path: str) -> None:
    right, wrong = ("read", "write") if method == "GET" else ("write", "read")

    async def status(token: str) -> int:
        desk.client.headers["Authorization"] = token
        return (await desk.client.request(method, path, json={} if method == "POST" else None)).status_code

    assert await status("") == 401
    assert await status(f"Bearer {mint([f'portfolio:{wrong}'])}") == 403
    assert await status(f"Bearer {mint(agency_id=uuid4())}") == 403
    assert await status(f"Bearer {mint([f'portfolio:{right}'])}") not in {401, 403}
