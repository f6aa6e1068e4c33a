"""Events that a consumer has set aside are shown, replayed and discarded over HTTP; a rebuild is requested."""

import json
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chassis import consumer_api
from chassis.testing import client_for, mint, unguarded_routes
from recobro_events import Consumer, Database, Record, Transaction
from recobro_events.contracts.dialer_feed import PaymentClaimed
from recobro_events.contracts.runtime import RebuildRequested
from recobro_events.testing import apart, apply_records, published, record_of
from toy_service import Toy, toy_app

TABLES = "dead_letters, parked_keys, inbox, rebuild, barrier_marker"
KEYED = {"Idempotency-Key": "key-1"}


class Desk:
    """The toy with a consumer that cannot apply some claims, and a client of it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.database.service = "portfolio"
        self.failing: set[str] = set()
        self.applied: list[str] = []
        self.while_applying: Callable[[], Awaitable[object]] | None = None
        self.consumer = Consumer("portfolio", listens_to=("dialer-feed",))
        self.consumer.on(PaymentClaimed)(self._apply_claims)
        self.app = toy_app(Toy(self.consumer), database)
        self.client: httpx.AsyncClient

    async def _apply_claims(self, claims: Sequence[PaymentClaimed], _tx: Transaction) -> None:
        if self.failing & {claim.detail for claim in claims}:
            raise KeyError("Ana López")
        if self.while_applying is not None:
            await self.while_applying()
        self.applied += [claim.detail or "" for claim in claims]

    async def apply(self, *records: Record) -> None:
        await apply_records(self.database, self.consumer, records, apart)

    async def set_aside(self, *details: str, contract_id: UUID | None = None) -> str:
        """Return the key of a contract whose first claim cannot be applied. The other claims wait behind it."""
        contract_id = contract_id or uuid4()
        self.failing.add(details[0])
        await self.apply(*(record_of(PaymentClaimed(contract_id=contract_id, detail=detail)) for detail in details))
        return str(contract_id)

    async def post(self, path: str, body: object, headers: dict[str, str] | None = None) -> httpx.Response:
        # The body is escaped to ASCII, which can hold characters that are not text.
        sent = {"Content-Type": "application/json", **(headers or {})}
        return await self.client.post(path, content=json.dumps(body), headers=sent)

    async def replay(self, body: object) -> httpx.Response:
        return await self.post("/v1/dead-letters/replay", body)

    async def discard(self, letter_id: int, reason: object, **headers: str) -> httpx.Response:
        return await self.post(f"/v1/dead-letters/{letter_id}/discard", {"reason": reason}, headers)

    async def get(self, path: str, **parameters: Any) -> Any:
        answer = await self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def parked(self) -> list[tuple[str, int]]:
        return [(item["key"], item["letters"]) for item in (await self.get("/v1/parked-keys"))["items"]]

    async def letter_ids(self, key: str) -> list[int]:
        return [item["letter_id"] for item in (await self.get("/v1/dead-letters", key=key))["items"]]


@pytest.fixture
async def desk(database: Database, look: Any) -> AsyncIterator[Desk]:
    await look.execute("; ".join(f"DELETE FROM {table}" for table in TABLES.split(", ")))
    desk = Desk(database)
    async with client_for(desk.app, mint(subject="ana")) as desk.client:
        yield desk


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def test_parked_keys_are_listed_with_the_event_that_blocks_the_others(desk: Desk) -> None:
    assert await desk.get("/v1/parked-keys") == {"items": [], "next_cursor": None}
    key = await desk.set_aside("bad", "good", "good")
    [item] = (await desk.get("/v1/parked-keys"))["items"]
    assert (item["key"], item["contract_id"], item["consumer"]) == (key, key, "portfolio.events")
    assert (item["letters"], item["letter_id"]) == (3, (await desk.letter_ids(key))[0])
    assert (item["type"], item["error"]) == (PaymentClaimed.type, "the handler failed: KeyError")
    assert item["replays"] == 0


async def test_letters_are_listed_in_order_without_their_content(desk: Desk) -> None:
    key = await desk.set_aside("bad", "secret")
    other = await desk.set_aside("worse")
    answer = await desk.client.get("/v1/dead-letters")
    assert "secret" not in answer.text
    letters = answer.json()["items"]
    assert [letter["key"] for letter in letters] == [key, key, other]
    assert [letter["error"] is None for letter in letters] == [False, True, False]
    assert not {"headers", "body", "body_base64"} & set(letters[0])
    assert (letters[0]["topic"], letters[0]["partition"], letters[0]["discarded_at"]) == ("dialer-feed.events", 0, None)
    await desk.discard(letters[0]["letter_id"], "twice")
    assert len((await desk.get("/v1/dead-letters", key=key))["items"]) == 1
    [gone, _] = (await desk.get("/v1/dead-letters", key=key, discarded=True))["items"]
    assert (gone["discarded_by"], gone["discard_reason"], gone["discarded_at"] is None) == ("ana", "twice", False)


async def test_the_pages_together_list_every_letter(desk: Desk) -> None:
    for number in range(4):
        await desk.set_aside(f"bad {number}")
    # A record that is not an event has whatever key its sender gave it.
    await desk.apply(Record("dialer-feed.events", 0, 1, b"", {}, "a\nb\u202e"))
    for path, name in (("/v1/parked-keys", "key"), ("/v1/dead-letters", "letter_id")):
        seen: list[Any] = []
        cursor = None
        while cursor is not None or not seen:
            page = await desk.get(path, limit=1, **({"cursor": cursor} if cursor else {}))
            seen += [item[name] for item in page["items"]]
            cursor = page["next_cursor"]
        assert len(seen) == len(set(seen)) == 5
        assert seen == sorted(seen)


async def test_a_letter_has_its_record_byte_for_byte(desk: Desk, look: Any) -> None:
    key = await desk.set_aside("ñandú")
    [letter_id] = await desk.letter_ids(key)
    letter = await desk.get(f"/v1/dead-letters/{letter_id}")
    assert "ñandú" in letter["body"]
    assert b64decode(letter["body_base64"]).decode() == letter["body"]
    assert letter["headers"]["ce_subject"] == key
    raw = b'\xff\x00{"contract_id"'
    await desk.apply(Record("dialer-feed.events", 3, 7, raw, {"ce_id": "\udcff", "name": "x\0"}))
    [letter_id] = await desk.letter_ids("dialer-feed.events/3@7")
    letter = await desk.get(f"/v1/dead-letters/{letter_id}")
    assert (letter["body"], b64decode(letter["body_base64"])) == (None, raw)
    assert letter["headers"] == {"ce_id": "\\udcff", "name": "x\0"}
    assert (letter["event_id"], letter["type"]) == (None, None)
    await look.execute("UPDATE dead_letters SET body = NULL, headers = NULL")
    letter = await desk.get(f"/v1/dead-letters/{letter_id}")
    assert (letter["body"], letter["body_base64"], letter["headers"]) == (None, None, {})


async def test_a_replay_applies_events_up_to_the_first_refusal(desk: Desk) -> None:
    key = await desk.set_aside("bad", "good", "worse", "last")
    desk.failing = {"worse"}
    answer = await desk.replay({"key": key})
    outcome = {"key": key, "applied": 2, "waiting": 2, "error": "the handler failed: KeyError"}
    assert (answer.status_code, answer.json()) == (200, {"replayed": 2, "keys": [outcome], "more": False})
    assert desk.applied == ["bad", "good"]
    desk.failing = set()
    answer = await desk.replay({"key": key})
    assert answer.json()["keys"] == [{"key": key, "applied": 2, "waiting": 0, "error": None}]
    assert desk.applied == ["bad", "good", "worse", "last"]
    assert await desk.parked() == []
    assert code_of(await desk.replay({"key": key})) == (404, "key-not-parked")


async def test_all_keys_are_replayed_over_several_requests(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = sorted([await desk.set_aside(f"bad {number}") for number in range(5)])
    monkeypatch.setattr(consumer_api, "KEYS_AT_ONCE", 2)
    desk.failing = {"bad 0"}
    seen: list[dict[str, Any]] = []
    while True:
        asked = {"all": True, "after": seen[-1]["key"] if seen else ""}
        answer = (await desk.replay(asked)).json()
        assert answer["replayed"] == sum(outcome["applied"] for outcome in answer["keys"])
        seen += answer["keys"]
        if not answer["more"]:
            break
    assert [outcome["key"] for outcome in seen] == keys
    assert sorted(desk.applied) == [f"bad {number}" for number in range(1, 5)]
    [(left, letters)] = await desk.parked()
    assert letters == 1
    assert [outcome["error"] is None for outcome in seen] == [key != left for key in keys]


async def test_a_replay_of_all_keys_starts_no_key_after_its_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = sorted([await desk.set_aside(f"bad {number}") for number in range(3)])
    monkeypatch.setattr(consumer_api, "REPLAY_SECONDS", 0.0)
    desk.failing = set()
    answer = (await desk.replay({"all": True})).json()
    assert ([outcome["key"] for outcome in answer["keys"]], answer["more"]) == (keys[:1], True)


async def test_a_key_that_another_request_replayed_does_not_end_a_replay_of_all(desk: Desk) -> None:
    first, second = sorted([await desk.set_aside("bad"), await desk.set_aside("worse")])
    [letter_id] = await desk.letter_ids(second)
    desk.failing = set()
    desk.while_applying = lambda: desk.discard(letter_id, "a duplicate")
    answer = (await desk.replay({"all": True})).json()
    assert [(outcome["key"], outcome["applied"], outcome["waiting"]) for outcome in answer["keys"]] == [
        (first, 1, 0),
        (second, 0, 0),
    ]


async def test_a_replay_of_all_succeeds_when_no_key_is_parked(desk: Desk) -> None:
    answer = await desk.replay({"all": True})
    assert (answer.status_code, answer.json()) == (200, {"replayed": 0, "keys": [], "more": False})


async def test_a_discard_needs_a_reason_and_leaves_the_events_behind_waiting(desk: Desk) -> None:
    key = await desk.set_aside("bad", "good")
    first, second = await desk.letter_ids(key)
    answer = await desk.discard(first, " a duplicate ")
    assert (answer.status_code, answer.json()) == (200, {"letter_id": first, "key": key, "waiting": 1})
    letter = await desk.get(f"/v1/dead-letters/{first}")
    assert (letter["discarded_by"], letter["discard_reason"]) == ("ana", "a duplicate")
    assert await desk.parked() == [(key, 1)]
    again = await desk.discard(first, "a duplicate")
    assert code_of(again) == (404, "letter-unknown")
    await desk.discard(second, "too late")
    assert await desk.parked() == []
    assert desk.applied == []


async def test_a_repeated_discard_gets_the_first_answer(desk: Desk) -> None:
    key = await desk.set_aside("bad", "good")
    [first, second] = await desk.letter_ids(key)
    answers = [await desk.discard(first, "a duplicate", **KEYED) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert await desk.parked() == [(key, 1)]
    assert code_of(await desk.discard(first, "another", **KEYED)) == (422, "idempotency-key-reused")
    theirs = {**KEYED, "Authorization": f"Bearer {mint(subject='eva')}"}
    assert code_of(await desk.discard(first, "a duplicate", **theirs)) == (404, "letter-unknown")
    assert code_of(await desk.discard(999_999, "a duplicate", **KEYED)) == (404, "letter-unknown")
    assert (await desk.get(f"/v1/dead-letters/{second}"))["discarded_at"] is None


async def test_an_unknown_letter_is_not_found(desk: Desk) -> None:
    for letter_id in (999_999, 2**63 - 1):
        assert code_of(await desk.client.get(f"/v1/dead-letters/{letter_id}")) == (404, "letter-unknown")


BAD_REPLAYS: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"all": False}, ""),
    ({"all": True, "key": "KEY"}, ""),
    ({"key": "KEY", "after": "a"}, ""),
    ({"key": 5}, "/key"),
    ({"all": "true"}, "/all"),
    ({"all": 1}, "/all"),
    ({"all": True, "after": None}, "/after"),
    ({"key": "KEY", "force": True}, "/force"),
]
BAD_REASONS = ["a\0b", "a\u202eb", "a\u2066b", "a\ud800b", "a\x1bb", "a\nb", "  ", "", "x" * 1001, 5, None]


async def test_bad_input_is_refused_and_changes_nothing(desk: Desk) -> None:
    key = await desk.set_aside("bad")
    [letter_id] = await desk.letter_ids(key)
    desk.failing = set()
    for body, pointer in BAD_REPLAYS:
        sent = {name: key if value == "KEY" else value for name, value in body.items()}
        answer = await desk.replay(sent)
        assert answer.status_code == 422, body
        assert answer.json()["errors"][0]["pointer"] == pointer, body
    for text in ("\0", "a\ud800"):
        for sent in ({"key": text}, {"all": True, "after": text}):
            assert (await desk.replay(sent)).status_code == 422
    for reason in BAD_REASONS:
        answer = await desk.discard(letter_id, reason)
        assert answer.status_code == 422, reason
        assert answer.json()["errors"][0]["pointer"] == "/reason"
    assert (await desk.client.post(f"/v1/dead-letters/{letter_id}/discard", json={})).status_code == 422
    assert await desk.parked() == [(key, 1)]
    assert desk.applied == []


BAD_ADDRESSES = [
    ("GET", "/v1/dead-letters/x", 422),
    ("GET", "/v1/dead-letters/-1", 422),
    ("GET", f"/v1/dead-letters/{2**63}", 422),
    ("POST", "/v1/dead-letters/1_0/discard", 422),
    ("GET", "/v1/dead-letters?discarded=perhaps", 422),
    ("GET", "/v1/dead-letters?key=%00", 400),
    ("GET", "/v1/dead-letters?limit=0", 422),
    ("GET", "/v1/dead-letters?cursor=WyJhIl0", 422),
    ("GET", "/v1/parked-keys?limit=1001", 422),
    ("GET", "/v1/parked-keys?cursor=WzFd", 422),
    ("GET", "/v1/parked-keys?cursor=WyJcdTAwMDAiXQ", 422),
]


@pytest.mark.parametrize(("method", "address", "status"), BAD_ADDRESSES)
async def test_a_bad_address_is_refused(desk: Desk, method: str, address: str, status: int) -> None:
    answer = await desk.client.request(method, address, json={"reason": "x"} if method == "POST" else None)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


ROUTES = [
    ("GET", "/v1/parked-keys"),
    ("GET", "/v1/dead-letters"),
    ("GET", "/v1/dead-letters/1"),
    ("POST", "/v1/dead-letters/replay"),
    ("POST", "/v1/dead-letters/1/discard"),
    ("GET", "/v1/rebuild"),
    ("POST", "/v1/rebuild"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_each_route_requires_its_scope_and_refuses_agencies(desk: Desk, method: str, path: str) -> None:
    right, wrong = ("read", "write") if method == "GET" else ("write", "read")

    async def status(token: str) -> int:
        desk.client.headers["Authorization"] = token
        return (await desk.client.request(method, path, json={} if method == "POST" else None)).status_code

    assert await status("") == 401
    assert await status(f"Bearer {mint([f'portfolio:{wrong}', f'promises:{right}'])}") == 403
    assert await status(f"Bearer {mint(agency_id=uuid4())}") == 403
    assert await status(f"Bearer {mint([f'portfolio:{right}'])}") not in {401, 403}


async def test_a_service_without_a_consumer_lacks_these_routes(desk: Desk, running: httpx.AsyncClient) -> None:
    documents = [(await client.get("/openapi.json")).json()["paths"] for client in (desk.client, running)]
    new = {path: set(methods) for path, methods in documents[0].items() if path not in documents[1]}
    assert new == {
        "/v1/parked-keys": {"get"},
        "/v1/dead-letters": {"get"},
        "/v1/dead-letters/{letter_id}": {"get"},
        "/v1/dead-letters/replay": {"post"},
        "/v1/dead-letters/{letter_id}/discard": {"post"},
        "/v1/rebuild": {"get", "post"},
        "/v1/unsent-events": {"get"},
        "/v1/unsent-events/{unsent_id}": {"get"},
        "/v1/unsent-events/retry": {"post"},
        "/v1/unsent-events/{unsent_id}/discard": {"post"},
    }
    assert all(operation["description"] for path in new for operation in documents[0][path].values())
    assert unguarded_routes(desk.app) == ["GET /v1/forgotten"]


async def test_a_rebuild_is_requested_once_and_shown_until_it_ends(desk: Desk, look: Any) -> None:
    assert code_of(await desk.client.get("/v1/rebuild")) == (404, "no-rebuild")
    first = await desk.client.post("/v1/rebuild")
    assert first.status_code == 202
    assert (first.json()["waiting_for"], first.json()["ended_at"]) == (["dialer-feed"], None)
    assert (await desk.client.post("/v1/rebuild", headers=KEYED)).json() == first.json()
    assert await desk.get("/v1/rebuild") == first.json()
    [request] = await published(desk.database, RebuildRequested)
    assert (str(request.rebuild_id), request.service) == (first.json()["rebuild_id"], "portfolio")

    await look.execute("UPDATE rebuild SET ended_at = clock_timestamp()")
    ended = await desk.get("/v1/rebuild")
    assert (ended["rebuild_id"], ended["waiting_for"]) == (first.json()["rebuild_id"], [])
    assert ended["ended_at"] is not None
    # A request whose answer was lost is answered again, and does not start another rebuild.
    assert (await desk.client.post("/v1/rebuild", headers=KEYED)).json() == first.json()
    second = await desk.client.post("/v1/rebuild")
    assert second.json()["rebuild_id"] != first.json()["rebuild_id"]
    assert await desk.get("/v1/rebuild") == second.json()
