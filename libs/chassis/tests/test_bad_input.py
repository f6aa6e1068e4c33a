"""Bad input: each gets a clear 4xx problem and changes nothing."""

import contextlib
import time
from typing import Any

import httpx
import pytest
from chassis.bodies import MAX_DEPTH, parse_json
from chassis.problems import Problem

GOOD = '"name": "Ana", "amount": "10.00"'


async def post(client: httpx.AsyncClient, body: str | bytes, **headers: str) -> httpx.Response:
    sent = {"Content-Type": "application/json"} | headers
    return await client.post("/v1/entries", content=body, headers=sent)


def problem(answer: httpx.Response, code: str) -> dict[str, Any]:
    """Return the problem document of ``answer``, and fail if it is not one."""
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == answer.status_code
    assert document["type"].endswith(":" + code), document
    assert document["title"]
    assert "detail" in document
    return document


FIELDS = [
    ('"name": "a\\u0000b", "amount": "1.00"', "/name"),
    ('"name": "a\\u0007b", "amount": "1.00"', "/name"),
    ('"name": "a\\u202eb", "amount": "1.00"', "/name"),
    ('"name": "a\\u2066b", "amount": "1.00"', "/name"),
    ('"name": "a\\ud800b", "amount": "1.00"', "/name"),
    ('"name": "a\\n", "amount": "1.00"', "/name"),
    ('"name": "   ", "amount": "1.00"', "/name"),
    (f'"name": "{"x" * 201}", "amount": "1.00"', "/name"),
    ('"name": 5, "amount": "1.00"', "/name"),
    ('"amount": "1.00"', "/name"),
    ('"name": "Ana", "amount": "NaN"', "/amount"),
    ('"name": "Ana", "amount": "Infinity"', "/amount"),
    ('"name": "Ana", "amount": "1e400"', "/amount"),
    ('"name": "Ana", "amount": "1e2"', "/amount"),
    ('"name": "Ana", "amount": "1_000"', "/amount"),
    ('"name": "Ana", "amount": "1,000.00"', "/amount"),
    ('"name": "Ana", "amount": "-1.00"', "/amount"),
    ('"name": "Ana", "amount": "0"', "/amount"),
    ('"name": "Ana", "amount": "0.00"', "/amount"),
    ('"name": "Ana", "amount": "1.001"', "/amount"),
    ('"name": "Ana", "amount": "1234567890123.00"', "/amount"),
    ('"name": "Ana", "amount": " 1.00"', "/amount"),
    ('"name": "Ana", "amount": "١.00"', "/amount"),
    ('"name": "Ana", "amount": 1.0', "/amount"),
    ('"name": "Ana", "amount": 10', "/amount"),
    ('"name": "Ana", "amount": true', "/amount"),
    ('"name": "Ana", "amount": null', "/amount"),
    (GOOD + ', "count": true', "/count"),
    (GOOD + ', "count": "1_000"', "/count"),
    (GOOD + ', "count": "1"', "/count"),
    (GOOD + ', "count": 1.0', "/count"),
    (GOOD + ', "count": -1', "/count"),
    (GOOD + ', "count": 2147483648', "/count"),
    (GOOD + ', "plain": true', "/plain"),
    (GOOD + ', "plain": "1_000"', "/plain"),
    (GOOD + ', "plain": 9223372036854775808', "/plain"),
    (GOOD + ', "plain": -9223372036854775809', "/plain"),
    (GOOD + ', "ratio": "1.5"', "/ratio"),
    (GOOD + ', "ratio": true', "/ratio"),
    (GOOD + ', "sure": 1', "/sure"),
    (GOOD + ', "sure": "yes"', "/sure"),
    (GOOD + ', "on": "2026-02-31"', "/on"),
    (GOOD + ', "on": "31/02/2026"', "/on"),
    (GOOD + ', "on": "0000-01-01"', "/on"),
    (GOOD + ', "on": "9999-12-31"', "/on"),
    (GOOD + ', "on": "20260131"', "/on"),
    (GOOD + ', "on": "2026-01-31T00:00:00"', "/on"),
    (GOOD + ', "on": 1767225600', "/on"),
    (GOOD + ', "at": "2026-01-31T12:00:00"', "/at"),
    (GOOD + ', "at": "2026-01-31"', "/at"),
    (GOOD + ', "at": "9999-12-31T23:59:59-23:59"', "/at"),
    (GOOD + ', "at": "0001-01-01T00:00:00+23:59"', "/at"),
    (GOOD + ', "at": 1767225600', "/at"),
    (GOOD + ', "unknown": 1', "/unknown"),
    (GOOD + ', "a/b~c": 1', "/a~1b~0c"),
    (GOOD + ', "parts": [{"name": "Ana", "amount": "1.00"}, {"name": "Ana", "amount": "x"}]', "/parts/1/amount"),
    (GOOD + ', "parts": [{"name": "Ana", "amount": "1.00", "plain": "7"}]', "/parts/0/plain"),
]


@pytest.mark.parametrize(("members", "pointer"), FIELDS)
async def test_a_bad_field_is_refused_with_a_pointer_to_it(
    running: httpx.AsyncClient, look: Any, members: str, pointer: str
) -> None:
    answer = await post(running, "{" + members + "}")
    assert answer.status_code == 422
    assert [error["pointer"] for error in problem(answer, "invalid")["errors"]] == [pointer]
    assert await look.fetchval("SELECT count(*) FROM entry") == 0


async def test_one_answer_lists_every_mistake_of_a_body(running: httpx.AsyncClient) -> None:
    answer = await post(running, '{"name": "", "amount": "x", "more": 1}')
    pointers = {error["pointer"] for error in problem(answer, "invalid")["errors"]}
    assert pointers == {"/name", "/amount", "/more"}


@pytest.mark.parametrize(
    "body",
    [
        b"{" + GOOD.encode() + b', "ratio": NaN}',
        b"{" + GOOD.encode() + b', "ratio": Infinity}',
        b"{" + GOOD.encode() + b', "ratio": -Infinity}',
        b"{" + GOOD.encode() + b', "ratio": 1e400}',
        b"{" + GOOD.encode() + b', "plain": ' + b"9" * 5000 + b"}",
        b"{" + GOOD.encode() + b', "parts": ' + b"[" * 100 + b"]" * 100 + b"}",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"name": "a\xff\xfe", "amount": "1.00"}',
        b'{"name": "a\x00b", "amount": "1.00"}',
        ("{" + GOOD + "}").encode("utf-16"),
        b"\xef\xbb\xbf{" + GOOD.encode() + b"}",
        b"{" + GOOD.encode(),
        b"{" + GOOD.encode() + b"} trailing",
        b"\x00\x01\x02",
        b"'single'",
        b"   ",
        b"{" + GOOD.encode() + b', "name": "Eva"}',
        b"{" + GOOD.encode() + b', "n\\u0061me": "Ana"}',
        b"{" + GOOD.encode() + b', "parts": [{' + GOOD.encode() + b', "amount": "9.00"}]}',
        b"{" + GOOD.encode() + b', "unknown": {"deep": [{"a": 1, "a": 1}]}}',
    ],
)
async def test_a_body_that_is_not_plain_json_is_refused(running: httpx.AsyncClient, look: Any, body: bytes) -> None:
    answer = await post(running, body)
    assert answer.status_code == 400
    problem(answer, "malformed-json")
    assert await look.fetchval("SELECT count(*) FROM entry") == 0


@pytest.mark.parametrize("body", ["", "null", "[]", '"text"', "5", "true"])
async def test_a_body_of_another_shape_is_refused(running: httpx.AsyncClient, body: str) -> None:
    answer = await post(running, body)
    assert answer.status_code == 422
    assert problem(answer, "invalid")["errors"][0]["pointer"] == ""


@pytest.mark.parametrize(("depth", "status"), [(MAX_DEPTH, 200), (MAX_DEPTH + 1, 400)])
def test_a_body_may_be_nested_up_to_the_maximum_depth(depth: int, status: int) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        text = (opening * depth).removesuffix('"a":') + closing * depth
        body = text.replace("{}", '{"a": 1}').encode()
        if status == 200:
            parse_json(body)
        else:
            with pytest.raises(Problem, match=str(status)):
                parse_json(body)


@pytest.mark.parametrize(
    "piece",
    [b'[\\"', b'["\\"', b'"\\', b'["', b"[", b"[],{", b'{"a":[', b'\\"["', b'[{"', b"-", b"1e", b'"\\u00"', b" "],
)
def test_the_work_for_a_hostile_body_grows_with_its_length_alone(piece: bytes) -> None:
    """Sixteen times the length may take about sixteen times the work. Quadratic work would take 256 times."""

    def seconds(length: int) -> float:
        bodies = [piece * (length // len(piece)), b"[" + piece * (length // len(piece))]
        best = []
        for body in bodies:
            taken = []
            for _ in range(3):
                began = time.process_time()
                with contextlib.suppress(Problem):
                    parse_json(body)
                taken.append(time.process_time() - began)
            best.append(min(taken))
        return max(best)

    assert seconds(16 * 2_048) < 64 * max(seconds(2_048), 1e-4)


async def test_brackets_inside_text_are_not_depth(running: httpx.AsyncClient) -> None:
    answer = await post(running, '{"name": "' + "[" * 100 + '\\"{", "amount": "1.00"}')
    assert answer.status_code == 201


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", ""])
async def test_another_media_type_is_refused(running: httpx.AsyncClient, media_type: str) -> None:
    answer = await post(running, "{" + GOOD + "}", **{"Content-Type": media_type})
    assert answer.status_code == 415
    problem(answer, "unsupported-media-type")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "application/vnd.recobro+json"])
async def test_json_media_types_are_accepted(running: httpx.AsyncClient, media_type: str) -> None:
    assert (await post(running, "{" + GOOD + "}", **{"Content-Type": media_type})).status_code == 201


async def test_a_compressed_body_is_refused(running: httpx.AsyncClient) -> None:
    answer = await post(running, b"\x1f\x8b", **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415
    problem(answer, "unsupported-encoding")


async def test_a_long_body_is_refused_by_its_length_and_by_counting(running: httpx.AsyncClient, look: Any) -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * 100_000

    declared = await post(running, b" " * (1024 * 1024 + 1))
    counted = await running.post("/v1/entries", content=pieces(), headers={"Content-Type": "application/json"})
    for answer in (declared, counted):
        assert answer.status_code == 413
        problem(answer, "body-too-long")
    assert await look.fetchval("SELECT count(*) FROM entry") == 0


async def test_a_route_has_its_own_limit(running: httpx.AsyncClient) -> None:
    fits = await running.post("/v1/files", content=b"x" * 2_000_000)
    assert (fits.status_code, fits.json()) == (202, {"size": 2_000_000})
    problem(await running.post("/v1/files", content=b"x" * 3_000_001), "body-too-long")
    assert (await running.post("/v1/short", json={"lines": [1, 2]})).json() == {"sum": 3}
    problem(await running.post("/v1/short", json={"lines": [1] * 40}), "body-too-long")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/entries?name=" + "a" * 8188, 414),
        ("/v1/entries?name=%00", 400),
        ("/v1/entries?name=a%00b", 400),
        ("/v1/entries?limit=0", 422),
        ("/v1/entries?limit=1001", 422),
        ("/v1/entries?limit=-1", 422),
        ("/v1/entries?limit=1_0", 422),
        ("/v1/entries?limit=true", 422),
        ("/v1/entries?limit=1e2", 422),
        ("/v1/entries?limit=99999999999999999999", 422),
        ("/v1/entries/%00", 400),
        ("/v1/entries/not-a-uuid", 422),
        ("/v1/by-number/9223372036854775808", 422),
        ("/v1/by-number/1_000", 422),
        ("/v1/by-number/true", 422),
        ("/v1/unbounded/9223372036854775808", 422),
        ("/v1/unbounded/-9223372036854775809", 422),
        ("/v1/moment?on=2026-02-31&at=2026-01-01T00:00:00Z", 422),
        ("/v1/moment?on=2026-02-01&at=now", 422),
        ("/v1/moment", 422),
        ("/v1/nothing", 404),
        ("/v1/entries/", 404),
    ],
)
async def test_a_bad_address_is_refused(running: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await running.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_bad_parameter_is_refused_with_a_pointer_to_it(running: httpx.AsyncClient) -> None:
    answer = await running.get("/v1/entries?limit=1_0")
    assert [error["pointer"] for error in problem(answer, "invalid")["errors"]] == ["/query/limit"]
    answer = await running.get("/v1/entries/x")
    assert [error["pointer"] for error in problem(answer, "invalid")["errors"]] == ["/path/entry_id"]


async def test_the_answer_to_an_unknown_method_lists_the_known_ones(running: httpx.AsyncClient) -> None:
    for path, known in (("/v1/me", "GET"), ("/v1/entries", "GET, POST"), ("/v1/stream", "GET, POST")):
        answer = await running.delete(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, known)
        problem(answer, "method-not-allowed")


async def test_an_error_does_not_repeat_the_input(running: httpx.AsyncClient) -> None:
    answer = await post(running, '{"name": "Ana", "amount": "canary-9431"}')
    assert answer.status_code == 422
    assert "canary" not in answer.text


async def test_times_are_stored_in_utc(running: httpx.AsyncClient) -> None:
    answer = await running.get("/v1/moment", params={"on": "2026-01-31", "at": "2026-01-31T06:00:00.5-06:00"})
    assert answer.json() == {"on": "2026-01-31", "at": "2026-01-31T12:00:00.500000+00:00"}


async def test_an_unknown_parameter_is_refused_by_name(client: httpx.AsyncClient) -> None:
    """A filter with a typing error must not show everything."""
    answer = await client.get("/v1/entries", params={"limit": 5, "sate": "open"})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"].endswith("unknown-parameter")
    assert [error["pointer"] for error in problem["errors"]] == ["/query/sate"]
    assert "limit" in problem["detail"]
    assert (await client.get("/livez", params={"probe": "1"})).status_code == 200
