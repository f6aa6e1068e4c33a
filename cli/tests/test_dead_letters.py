"""`recobro dead-letters` and `recobro rebuild`, against services that say what a test tells them to."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from fake_platform import NO_PAGE, FakePlatform
from recobro import rebuild
from recobro.dead_letters import options_of
from recobro.main import app
from recobro.terminal import DEFAULT_DATA
from recobro_platform import SERVICES
from typer.testing import CliRunner

KEY = "0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11"
WHY = "made its handler fail: KeyError"


def parked(letter_id: int = 17, letters: int = 3, key: str = KEY, **changes: Any) -> dict[str, Any]:
    return {
        "key": key,
        "contract_id": KEY,
        "consumer": "portfolio.events",
        "parked_at": "2026-11-22T10:30:59Z",
        "letters": letters,
        "letter_id": letter_id,
        "event_id": KEY,
        "type": "dialer-feed.payment-claimed.v1",
        "error": WHY,
        "replays": 0,
    } | changes


def letter(**changes: Any) -> dict[str, Any]:
    return {
        "letter_id": 17,
        "key": KEY,
        "consumer": "portfolio.events",
        "event_id": KEY,
        "type": "dialer-feed.payment-claimed.v1",
        "topic": "dialer-feed.events",
        "partition": 3,
        "offset": 7,
        "error": WHY,
        "set_aside_at": "2026-11-22T10:30:59Z",
        "replays": 0,
        "discarded_at": None,
        "discarded_by": None,
        "discard_reason": None,
        "headers": {"ce_subject": KEY},
        "body": '{"detail": "ñandú"}',
        "body_base64": "e30=",
    } | changes


def outcome(applied: int, waiting: int, key: str = KEY) -> dict[str, Any]:
    return {"key": key, "applied": applied, "waiting": waiting, "error": WHY if waiting else None}


def replayed(*outcomes: dict[str, Any], more: bool = False) -> dict[str, Any]:
    return {"replayed": sum(each["applied"] for each in outcomes), "keys": list(outcomes), "more": more}


REPLAY = "POST portfolio /v1/dead-letters/replay"


def test_nothing_waits_and_it_says_so(platform: FakePlatform) -> None:
    assert platform.run("dead-letters", "list") == (0, "Nothing waits: no service has set anything aside.\n")
    assert [route for route, _ in platform.asked] == [f"GET {service.name} /v1/parked-keys" for service in SERVICES]
    assert platform.run("dead-letters", "list", "--service", "promises") == (0, "Nothing waits in promises.\n")
    assert platform.json("dead-letters", "list") == []


def test_what_waits_is_told_for_all_services_page_by_page(platform: FakePlatform) -> None:
    place = "portfolio.events/3@7"
    pages = [{"items": [parked()], "next_cursor": "x"}, {"items": [parked(18, 1)], "next_cursor": None}]
    platform.says("GET portfolio /v1/parked-keys", *pages)
    unread = parked(
        4, 1, place, contract_id=None, event_id=None, type=None, error="a record without the header 'ce_id'"
    )
    platform.says("GET field-visits /v1/parked-keys", {"items": [unread], "next_cursor": None})
    code, told = platform.run("dead-letters", "list")
    assert code == 0
    # Whole, on one line, so that it can be copied.
    assert sum(KEY in line for line in told.splitlines()) == 2
    assert all(len(line.rstrip()) <= 80 for line in told.partition("Waiting: ")[0].splitlines())
    for words in (
        "dialer-feed.payment-claimed.v1",
        WHY,
        place,
        "2026-11-22",
        "10:30 UTC",
        "Waiting: 5 events of 3 keys. The first",
    ):
        assert words in told, words
    assert "Nobody is called or visited about these contracts" in told
    url = f"--url http://127.0.0.1:{platform.base}"
    for command in ("show portfolio 17", "replay portfolio --all", "discard portfolio 17 --reason TEXT"):
        assert f"  recobro dead-letters {command} {url}\n" in told


def test_the_list_for_a_script_is_json(platform: FakePlatform) -> None:
    platform.says("GET assignment /v1/parked-keys", {"items": [parked()], "next_cursor": None})
    assert platform.json("dead-letters", "list") == [{"service": "assignment", **parked()}]


def test_who_does_not_answer_hides_nobody_else(platform: FakePlatform) -> None:
    platform.says("GET assignment /v1/parked-keys", {"detail": "No."}, status=403)
    platform.says("GET promises /v1/parked-keys", {"items": [parked()], "next_cursor": None})
    code, told = platform.run("dead-letters", "list")
    assert code == 1
    assert KEY in told
    assert "assignment refused: No. (403)" in told
    platform.says("GET promises /v1/parked-keys", NO_PAGE)
    assert "Nothing waits" not in platform.run("dead-letters", "list")[1]


def test_a_letter_is_shown_with_what_it_says_and_the_two_ways(platform: FakePlatform) -> None:
    platform.says("GET portfolio /v1/dead-letters/17", letter(replays=2))
    code, told = platform.run("dead-letters", "show", "portfolio", "17")
    assert code == 0
    for words in (
        KEY,
        WHY,
        "dialer-feed.events/3@7",
        '{\n  "detail": "ñandú"\n}',
        f"ce_subject: {KEY}",
        "refused again 2 times",
    ):
        assert words in told, words
    assert f"  recobro dead-letters replay portfolio --key {KEY} --url" in told
    assert "  recobro dead-letters discard portfolio 17 --reason TEXT --url" in told
    assert platform.json("dead-letters", "show", "portfolio", "17") == letter(replays=2)


def test_what_a_stranger_has_sent_does_not_move_the_cursor(platform: FakePlatform) -> None:
    """Nor does it begin a line of its own, pass for a fact, or style the text."""
    evil = "\x1b[2J\u202e[red]"
    key = f"a\n{evil}"
    sent = letter(body=f"{evil}\nhello", key=key, headers={f"why{evil}": "fine"}, type=evil, error=None)
    platform.says("GET portfolio /v1/dead-letters/17", sent)
    platform.says("GET portfolio /v1/parked-keys", {"items": [parked(key=key, type=evil)], "next_cursor": None})
    platform.says(REPLAY, replayed(outcome(0, 1, key)))
    platform.says("GET portfolio /v1/dead-letters", {"items": [letter(key=key)], "next_cursor": None})
    platform.says("POST portfolio /v1/dead-letters/17/discard", {"letter_id": 17, "key": key, "waiting": 1})
    said = [
        platform.run("dead-letters", *command)[1]
        for command in (
            ("show", "portfolio", "17"),
            ("list",),
            ("replay", "portfolio", "--all"),
            ("discard", "portfolio", "17", "--reason", "x"),
        )
    ]
    for told in said:
        assert "\x1b" not in told
        assert "\u202e" not in told
        assert "a\n" not in told
        assert "recobro dead-letters replay portfolio --all" in told
    assert "\nwhy\\x1b" in said[0]
    assert "\\x1b[2J\\u202e[red]\nhello" in said[0]
    assert "it waits behind an earlier event" in said[0]
    assert "a\\n\\x1b[2J\\u202e[red]" in said[1]


def test_a_key_with_spaces_and_quotes_can_be_copied_into_a_shell(platform: FakePlatform) -> None:
    key = "a'; rm -rf / #"
    platform.says("GET portfolio /v1/dead-letters/17", letter(key=key))
    [line] = [
        line for line in platform.run("dead-letters", "show", "portfolio", "17")[1].splitlines() if "--key" in line
    ]
    assert shlex.split(line)[3:6] == ["portfolio", "--key", key]


def test_the_next_command_is_for_the_same_platform() -> None:
    assert options_of(DEFAULT_DATA, None) == ""
    assert options_of(Path("my data"), None) == " --data 'my data'"


def test_raw_bytes_are_shown_in_base64_and_what_has_expired_can_only_be_given_up(platform: FakePlatform) -> None:
    route = "GET portfolio /v1/dead-letters/17"
    platform.says(route, letter(body=None, body_base64="/wB7"), letter(body=None, body_base64=None, headers={}))
    told = platform.run("dead-letters", "show", "portfolio", "17")[1]
    assert "This is no text. Its bytes in base64:\n/wB7\n" in told
    told = platform.run("dead-letters", "show", "portfolio", "17")[1]
    assert "deleted after 30 days" in told
    assert "replay" not in told.rpartition("What it says")[2]
    assert "recobro dead-letters discard portfolio 17" in told


def test_a_discarded_letter_says_who_and_why(platform: FakePlatform) -> None:
    gone = letter(discarded_at="2026-11-23T03:00:00Z", discarded_by="ana", discard_reason="sent twice")
    platform.says("GET portfolio /v1/dead-letters/17", gone)
    told = platform.run("dead-letters", "show", "portfolio", "17")[1]
    assert "2026-11-23 03:00 UTC by ana" in told
    assert "sent twice" in told
    assert "recobro dead-letters" not in told


def test_a_key_is_replayed(platform: FakePlatform) -> None:
    platform.says(REPLAY, replayed(outcome(3, 0)))
    code, told = platform.run("dead-letters", "replay", "portfolio", "--key", KEY)
    assert (code, told) == (0, "3 events of 1 key applied. Nothing of it waits any more.\n")
    assert platform.asked == [(REPLAY, {"key": KEY})]


def test_a_refused_replay_says_why_and_the_two_ways_out(platform: FakePlatform) -> None:
    platform.says(REPLAY, replayed(outcome(2, 1)))
    platform.says("GET portfolio /v1/dead-letters", {"items": [letter(letter_id=19)], "next_cursor": None})
    code, told = platform.run("dead-letters", "replay", "portfolio", "--key", KEY)
    assert code == 1
    assert told.startswith(
        f"2 events of 1 key applied.\n{KEY}: the next was refused again: {WHY}. Still waiting: 1 event.\n"
    )
    assert f"  recobro dead-letters replay portfolio --key {KEY} --url" in told
    assert "  recobro dead-letters discard portfolio 19 --reason TEXT --url" in told
    assert ("GET portfolio /v1/dead-letters", {"key": KEY, "limit": "1"}) in platform.asked
    told = platform.json("dead-letters", "replay", "portfolio", "--key", KEY)
    assert told == {"replayed": 2, "keys": [outcome(2, 1)]}


def test_all_is_replayed_in_as_many_calls_as_it_takes(platform: FakePlatform) -> None:
    platform.says(REPLAY, replayed(outcome(1, 0, "a"), outcome(0, 2, "b"), more=True), replayed(outcome(4, 0, "c")))
    platform.says("GET portfolio /v1/dead-letters", {"items": [letter(key="b")], "next_cursor": None})
    code, told = platform.run("dead-letters", "replay", "portfolio", "--all")
    assert code == 1
    assert told.startswith(
        f"5 events of 3 keys applied.\nb: the next was refused again: {WHY}. Still waiting: 2 events.\n"
    )
    assert [sent for route, sent in platform.asked if route == REPLAY] == [
        {"all": True, "after": ""},
        {"all": True, "after": "b"},
    ]


def test_all_of_nothing_is_said_plainly(platform: FakePlatform) -> None:
    platform.says(REPLAY, replayed())
    assert platform.run("dead-letters", "replay", "portfolio", "--all") == (0, "Nothing waits in portfolio.\n")


@pytest.mark.parametrize("options", [(), ("--all", "--key", KEY)])
def test_a_replay_is_of_one_key_or_of_all(platform: FakePlatform, options: tuple[str, ...]) -> None:
    code, told = platform.run("dead-letters", "replay", "portfolio", *options)
    assert code == 2
    assert "say either --key KEY or --all" in told
    assert platform.asked == []


@pytest.mark.parametrize(("waiting", "words"), [(3, "behind it: 3 events of"), (1, "behind it: 1 event of")])
def test_after_a_discard_it_says_what_still_waits(platform: FakePlatform, waiting: int, words: str) -> None:
    route = "POST portfolio /v1/dead-letters/17/discard"
    platform.says(route, {"letter_id": 17, "key": KEY, "waiting": waiting})
    code, told = platform.run("dead-letters", "discard", "portfolio", "17", "--reason", "sent twice")
    assert code == 0
    assert platform.asked == [(route, {"reason": "sent twice"})]
    assert words in told
    assert f"  recobro dead-letters replay portfolio --key {KEY} --url http://127.0.0.1:{platform.base}\n" in told
    assert "  recobro rebuild portfolio --url" in told
    assert platform.json("dead-letters", "discard", "portfolio", "17", "--reason", "x")["waiting"] == waiting


def test_after_the_last_discard_nothing_waits(platform: FakePlatform) -> None:
    platform.says("POST portfolio /v1/dead-letters/17/discard", {"letter_id": 17, "key": KEY, "waiting": 0})
    told = platform.run("dead-letters", "discard", "portfolio", "17", "--reason", "sent twice")[1]
    assert f"Nothing of {KEY} waits any more." in told
    assert "dead-letters replay" not in told


def test_what_a_service_refuses_is_a_sentence(platform: FakePlatform) -> None:
    problem = {"type": "urn:recobro:problem:letter-unknown", "detail": "No such letter waits."}
    platform.says("POST portfolio /v1/dead-letters/17/discard", problem, status=404)
    code, told = platform.run("dead-letters", "discard", "portfolio", "17", "--reason", "x")
    assert (code, told) == (1, "portfolio refused: No such letter waits. (404, letter-unknown)\n")


COMMANDS = [
    ("dead-letters", "list", "--service", "portfolios"),
    ("dead-letters", "show", "portfolios", "17"),
    ("dead-letters", "replay", "portfolios", "--all"),
    ("dead-letters", "discard", "portfolios", "17", "--reason", "x"),
    ("rebuild", "portfolios"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_service_that_there_is_not(platform: FakePlatform, command: tuple[str, ...]) -> None:
    code, told = platform.run(*command)
    assert code == 2
    assert "there is no service portfolios" in told
    assert all(service.name in told for service in SERVICES)
    assert platform.asked == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example(command: tuple[str, ...]) -> None:
    names = command[:2] if command[0] == "dead-letters" else command[:1]
    assert f"Example: recobro {' '.join(names)} " in CliRunner().invoke(app, [*names, "--help"]).output


def rebuilding(*waiting_for: str) -> dict[str, Any]:
    ended_at = None if waiting_for else "2026-11-22T10:30:12Z"
    return {
        "rebuild_id": KEY,
        "requested_at": "2026-11-22T10:30:00Z",
        "ended_at": ended_at,
        "waiting_for": list(waiting_for),
    }


def test_a_rebuild_is_followed_to_its_end(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "_ASK_EVERY_SECONDS", 0.0)
    platform.says("POST promises /v1/rebuild", rebuilding("assignment", "portfolio"), status=202)
    steps = [("assignment", "portfolio"), ("portfolio",), ("portfolio",), ()]
    platform.says("GET promises /v1/rebuild", *(rebuilding(*step) for step in steps))
    code, told = platform.run("rebuild", "promises")
    assert (code, told.splitlines()) == (
        0,
        [
            "promises waits for assignment, portfolio.",
            "promises waits for portfolio.",
            "promises has heard again what holds; it took 12 s.",
        ],
    )
    assert platform.asked[0] == ("POST promises /v1/rebuild", {})


def test_a_rebuild_is_not_waited_for_when_told_so(platform: FakePlatform) -> None:
    platform.says("POST promises /v1/rebuild", rebuilding("assignment", "portfolio"), status=202)
    code, told = platform.run("rebuild", "promises", "--no-wait")
    assert code == 0
    assert told.startswith("promises has asked assignment, portfolio to say again what holds.")
    assert f"  recobro rebuild promises --url http://127.0.0.1:{platform.base}\n" in told
    assert platform.json("rebuild", "promises", "--no-wait") == rebuilding("assignment", "portfolio")
    assert {route for route, _ in platform.asked} == {"POST promises /v1/rebuild"}
