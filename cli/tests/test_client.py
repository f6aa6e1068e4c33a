"""The client repeats lost requests with the same idempotency key and turns refusals into sentences."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from recobro.client import Client, Refused, connect, given_token
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.services import addresses_at
from recobro_platform import SERVICES

Answer = tuple[int, dict[str, Any]] | None
Script = Callable[[list[dict[str, Any]]], Answer]


class Scripted:
    """A service that records requests and answers by a script. The answer None drops the connection."""

    def __init__(self, script: Script) -> None:
        self.asked: list[dict[str, Any]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.asked.append({"path": self.path, "body": body, **dict(self.headers)})
                self._answer()

            def do_GET(self) -> None:
                service.asked.append({"path": self.path, **dict(self.headers)})
                self._answer()

            def _answer(self) -> None:
                if (answer := script(service.asked)) is None:
                    self.connection.close()
                    return
                status, document = answer
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def client(self) -> Client:
        return Client({"portfolio": f"http://127.0.0.1:{self.server.server_port}"}, "a-token")


@pytest.fixture
def scripted() -> Iterator[Callable[[Script], Scripted]]:
    started: list[Scripted] = []

    def start(script: Script) -> Scripted:
        started.append(Scripted(script))
        return started[-1]

    yield start
    for each in started:
        each.server.shutdown()
        each.server.server_close()


def test_a_post_whose_answer_was_lost_is_repeated_with_its_key(scripted: Callable[[Script], Scripted]) -> None:
    service = scripted(lambda asked: None if len(asked) < 3 else (201, {"payment_id": "1"}))
    with service.client() as client:
        assert client.post("portfolio", "/v1/x", {"amount": "1.00"}) == {"payment_id": "1"}
    keys = {request["Idempotency-Key"] for request in service.asked}
    assert len(service.asked) == 3
    assert len(keys) == 1
    assert service.asked[0]["Authorization"] == "Bearer a-token"


def test_two_posts_have_two_keys(scripted: Callable[[Script], Scripted]) -> None:
    service = scripted(lambda _: (201, {}))
    with service.client() as client:
        client.post("portfolio", "/v1/x", {})
        client.post("portfolio", "/v1/x", {})
    assert len({request["Idempotency-Key"] for request in service.asked}) == 2


@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "not-ready"), (409, "in-flight"), (429, "rate-limited")],
    ids=["not ready", "first attempt in progress", "too fast"],
)
def test_a_request_that_may_soon_succeed_is_repeated(
    scripted: Callable[[Script], Scripted], status: int, code: str
) -> None:
    problem = {"type": f"urn:recobro:problem:{code}"}
    service = scripted(lambda asked: (status, problem) if len(asked) == 1 else (200, {"ok": True}))
    with service.client() as client:
        assert client.post("portfolio", "/v1/x", {}) == {"ok": True}


def test_a_repeated_upload_starts_at_the_first_byte(scripted: Callable[[Script], Scripted], tmp_path: Path) -> None:
    file = tmp_path / "cartera.csv"
    file.write_bytes(b"a,b\n" * 200_000)
    service = scripted(lambda asked: None if len(asked) == 1 else (202, {"file_id": "1"}))
    sent: list[int] = []
    with service.client() as client:
        client.upload("portfolio", "/v1/files", file, {"mode": "delta", "as_of": None}, sent.append)
    assert [request["body"] for request in service.asked] == [file.read_bytes()] * 2
    assert service.asked[1]["path"] == "/v1/files?mode=delta"
    assert sent[-1] == file.stat().st_size


def test_a_refusal_is_a_sentence_with_every_mistake(scripted: Callable[[Script], Scripted]) -> None:
    problem = {
        "type": "urn:recobro:problem:invalid",
        "title": "Invalid",
        "status": 422,
        "detail": "The input is not valid.",
        "errors": [{"pointer": "/amount", "detail": "must be greater than 0"}],
    }
    service = scripted(lambda _: (422, problem))
    with service.client() as client, pytest.raises(Refused) as refused:
        client.post("portfolio", "/v1/x", {})
    assert len(service.asked) == 1
    assert str(refused.value) == (
        "portfolio refused: The input is not valid. (422, invalid)\n  /amount: must be greater than 0"
    )


def test_all_pages_of_a_list_are_read(scripted: Callable[[Script], Scripted]) -> None:
    pages: list[dict[str, Any]] = [{"items": [1, 2], "next_cursor": "x"}, {"items": [3], "next_cursor": None}]
    service = scripted(lambda asked: (200, pages[len(asked) - 1]))
    with service.client() as client:
        assert list(client.items("portfolio", "/v1/things", stage="late")) == [1, 2, 3]
    assert [request["path"] for request in service.asked] == ["/v1/things?stage=late", "/v1/things?cursor=x&stage=late"]


def test_a_base_address_carries_the_port_base() -> None:
    addresses = addresses_at("http://127.0.0.1:9000")
    assert addresses["dialer-feed"] == "http://127.0.0.1:9003"
    assert addresses == {service.name: f"http://127.0.0.1:{9000 + service.port_offset}" for service in SERVICES}


@pytest.mark.parametrize("wrong", ["localhost", "ftp://127.0.0.1:8000", "http://", "http://127.0.0.1:many"])
def test_a_wrong_address_is_refused_with_a_reason(wrong: str) -> None:
    with pytest.raises(Trouble, match="is not an address such as"):
        addresses_at(wrong)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("https://{service}.recobro.example", "https://dialer-feed.recobro.example"),
        ("https://recobro.example:8443/{service}/", "https://recobro.example:8443/dialer-feed"),
        ("http://{service}:{port}", "http://dialer-feed:8003"),
    ],
)
def test_a_template_names_the_service_and_its_port(template: str, expected: str) -> None:
    assert addresses_at(template)["dialer-feed"] == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "https://{name}.recobro.example",
        "https://{service}.{zone}.example",
        "{service}.recobro.example",
        "https://{service",
        "https://{service}.recobro.example?x=1",
        "https://recobro.example:{service}",
    ],
)
def test_a_wrong_template_is_refused_with_a_reason(wrong: str) -> None:
    with pytest.raises(Trouble, match="is not a template such as"):
        addresses_at(wrong)


def test_without_a_token_the_error_names_the_variables(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="needs a token"):
        connect(DataFolder(tmp_path), "http://127.0.0.1:8000")


def test_the_token_comes_from_a_variable_or_a_file_but_not_from_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert given_token() is None
    file = tmp_path / "token"
    file.write_text("a-token\n")
    monkeypatch.setenv("RECOBRO_TOKEN_FILE", str(file))
    assert given_token() == "a-token"
    monkeypatch.setenv("RECOBRO_TOKEN", "another")
    with pytest.raises(Trouble, match="RECOBRO_TOKEN and RECOBRO_TOKEN_FILE are both set"):
        given_token()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "RECOBRO_TOKEN_FILE: .*token cannot be read: No such file or directory"),
        (b" \n", "token is empty"),
        (b"\xff\xfe", "token is not text"),
        (b"two words", "is not a token"),
    ],
)
def test_a_file_without_a_token_is_refused_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("RECOBRO_TOKEN_FILE", str(file))
    with pytest.raises(Trouble, match=message):
        given_token()


def test_a_post_about_what_another_service_has_just_created_waits_until_it_is_known(
    scripted: Callable[[Script], Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recobro.client.time.sleep", lambda _seconds: None)
    unknown = (404, {"type": "urn:recobro:problem:portfolio-unknown", "detail": "There is no such portfolio."})
    service = scripted(lambda asked: unknown if len(asked) < 3 else (201, {"campaign_id": "1"}))
    with service.client() as client:
        with pytest.raises(Refused, match="no such portfolio"):
            client.post("portfolio", "/v1/campaigns", {})
        assert client.post_when_known("portfolio", "/v1/campaigns", {}) == {"campaign_id": "1"}
    assert len({request["Idempotency-Key"] for request in service.asked}) == 3
