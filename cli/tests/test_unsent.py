"""`recobro unsent`, against fake services."""

from typing import Any

import pytest
from fake_platform import NO_PAGE, FakePlatform
from recobro_platform import SERVICES

KEY = "0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11"
ERROR = "the record has 2000000 bytes, and the log takes 1048576"
EVENTS = "GET portfolio /v1/unsent-events"
RETRY = "POST portfolio /v1/unsent-events/retry"
DISCARD = "POST portfolio /v1/unsent-events/3/discard"


def unsent(unsent_id: int = 3, error: str | None = ERROR, **changes: Any) -> dict[str, Any]:
    return {
        "unsent_id": unsent_id,
        "lane": "bulk",
        "event_id": KEY,
        "type": "portfolio.contract-revised.v1",
        "key": KEY,
        "topic": "portfolio.bulk",
        "occurred_at": "2026-11-22T10:30:50Z",
        "bytes": 2_000_000,
        "error": error,
        "set_aside_at": "2026-11-22T10:30:59Z",
        "retries": 0,
        "retry_at": None,
        "discarded_at": None,
        "discarded_by": None,
        "discard_reason": None,
    } | changes


@pytest.fixture(autouse=True)
def _nothing_unsent(platform: FakePlatform) -> None:
    for service in SERVICES:
        platform.set_answers(f"GET {service.name} /v1/unsent-events", NO_PAGE)


def test_an_empty_list_prints_that_nothing_was_refused(platform: FakePlatform) -> None:
    assert platform.run("unsent", "list") == (0, "The log has refused no event of any service.\n")
    assert platform.run("unsent", "list", "--service", "promises")[1] == "The log has refused no event of promises.\n"
    assert platform.json("unsent", "list") == []


def test_the_list_has_the_reason_and_the_next_commands(platform: FakePlatform) -> None:
    platform.set_answers(EVENTS, {"items": [unsent(), unsent(4, None, bytes=300)], "next_cursor": None})
    code, output = platform.run("unsent", "list")
    assert code == 0
    for words in (KEY, "portfolio.contract-revised.v1", ERROR[:20], "2,000,000", "waits behind an earlier event"):
        assert words in output, words
    assert "Unsent: 2 (keys: 1). No other service knows them." in output
    assert all(len(line.rstrip()) <= 80 for line in output.partition("Unsent: ")[0].splitlines())
    url = f"--url http://127.0.0.1:{platform.base}"
    for command in ("show portfolio 3", "retry portfolio --all", "discard portfolio 3 --reason TEXT"):
        assert f"  recobro unsent {command} {url}\n" in output
    assert platform.json("unsent", "list") == [
        {"service": "portfolio", **unsent()},
        {"service": "portfolio", **unsent(4, None, bytes=300)},
    ]


def test_a_service_that_refuses_hides_no_other(platform: FakePlatform) -> None:
    platform.set_answers("GET assignment /v1/unsent-events", {"detail": "No."}, status=403)
    platform.set_answers(EVENTS, {"items": [unsent()], "next_cursor": None})
    code, output = platform.run("unsent", "list")
    assert (code, KEY in output, "assignment refused: No. (403)" in output) == (1, True, True)


def test_an_event_is_shown_with_its_content(platform: FakePlatform) -> None:
    whole = unsent(body='{"name": "ñandú"}', retries=2, retry_at="2026-11-22T11:00:00Z")
    platform.set_answers("GET portfolio /v1/unsent-events/3", whole)
    code, output = platform.run("unsent", "show", "portfolio", "3")
    assert code == 0
    for words in (ERROR, '{\n  "name": "ñandú"\n}', "refused again: 2", "sends the event again in some seconds"):
        assert words in output, words
    assert f"  recobro unsent retry portfolio --key {KEY} --url" in output
    assert platform.json("unsent", "show", "portfolio", "3") == whole


def test_control_characters_are_escaped_and_expired_content_is_named(platform: FakePlatform) -> None:
    evil = "\x1b[2J\u202e"
    gone = unsent(body=None, key=evil, discarded_at="2026-11-23T10:00:00Z", discarded_by="ana", discard_reason="twice")
    platform.set_answers("GET portfolio /v1/unsent-events/3", gone)
    output = platform.run("unsent", "show", "portfolio", "3")[1]
    assert "\x1b" not in output
    assert "The content was deleted after 30 days." in output
    assert "2026-11-23 10:00 UTC by ana" in output
    assert "retry" not in output, "nothing is left to do"


def test_a_retry_is_asked_for_one_key_or_all(platform: FakePlatform) -> None:
    platform.set_answers(RETRY, {"events": 5}, {"events": 2}, {"events": 0}, status=202)
    code, output = platform.run("unsent", "retry", "portfolio", "--all")
    assert (code, "The relay of portfolio sends these events again: 5." in output) == (0, True)
    assert f"  recobro unsent list --service portfolio --url http://127.0.0.1:{platform.base}" in output
    assert platform.json("unsent", "retry", "portfolio", "--key", KEY) == {"events": 2}
    assert platform.run("unsent", "retry", "portfolio", "--all")[1] == "The log has refused no event of portfolio.\n"
    assert [sent for route, sent in platform.asked if route == RETRY] == [{"all": True}, {"key": KEY}, {"all": True}]
    assert platform.run("unsent", "retry", "portfolio")[0] == 2
    assert platform.run("unsent", "retry", "portfolio", "--all", "--key", KEY)[0] == 2


def test_a_discard_needs_a_reason_and_names_what_is_left_to_do(platform: FakePlatform) -> None:
    assert platform.run("unsent", "discard", "portfolio", "3")[0] == 2
    platform.set_answers(
        DISCARD, {"unsent_id": 3, "key": KEY, "waiting": 1}, {"unsent_id": 3, "key": KEY, "waiting": 0}
    )
    code, output = platform.run("unsent", "discard", "portfolio", "3", "--reason", "twice")
    assert (code, "portfolio will never send event 3." in output) == (0, True)
    assert f"  recobro unsent retry portfolio --key {KEY} --url" in output
    assert "  recobro rebuild SERVICE --url" in output
    assert platform.json("unsent", "discard", "portfolio", "3", "--reason", "twice")["waiting"] == 0
    assert platform.asked[-1] == (DISCARD, {"reason": "twice"})
