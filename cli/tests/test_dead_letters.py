"""`recobro dead-letters` and `recobro rebuild`, against fake services."""

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
ERROR = "the handler failed: KeyError"


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
        "error": ERROR,
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
        "error": ERROR,
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
    return {"key": key, "applied": applied, "waiting": waiting, "error": ERROR if waiting else None}


def replayed(*outcomes: dict[str, Any], more: bool = False) -> dict[str, Any]:
    return {"replayed": sum(each["applied"] for each in outcomes), "keys": list(outcomes), "more": more}


REPLAY = "POST portfolio /v1/dead-letters/replay"


def test_an_empty_list_prints_that_no_event_waits(platform: FakePlatform) -> None:
    assert platform.run("dead-letters", "list") == (0, "No events are waiting in any service.\n")
    assert [route for route, _ in platform.asked] == [f"GET {service.name} /v1/parked-keys" for service in SERVICES]
    assert platform.run("dead-letters", "list", "--service", "promises") == (0, "No events are waiting in promises.\n")
    assert platform.json("dead-letters", "list") == []


def test_the_list_has_all_pages_of_all_services(platform: FakePlatform) -> None:
    place = "portfolio.events/3@7"
    pages = [{"items": [parked()], "next_cursor": "x"}, {"items": [parked(18, 1)], "next_cursor": None}]
    platform.set_answers("GET portfolio /v1/parked-keys", *pages)
    unread = parked(4, 1, place, contract_id=None, event_id=None, type=None, error="the header ce_id is missing")
    platform.set_answers("GET field-visits /v1/parked-keys", {"items": [unread], "next_cursor": None})
    code, output = platform.run("dead-letters", "list")
    assert code == 0
    # The whole key is on one line, so that it can be copied.
    assert sum(KEY in line for line in output.splitlines()) == 2
    assert all(len(line.rstrip()) <= 80 for line in output.partition("Waiting: ")[0].splitlines())
    for words in (
        "dialer-feed.payment-claimed.v1",
        ERROR,
        place,
        "2026-11-22",
        "10:30 UTC",
        "Waiting: 5 (keys: 3). The first",
    ):
        assert words in output, words
    assert "Nobody is called or visited about these contracts" in output
    url = f"--url http://127.0.0.1:{platform.base}"
    for command in ("show portfolio 17", "replay portfolio --all", "discard portfolio 17 --reason TEXT"):
        assert f"  recobro dead-letters {command} {url}\n" in output


def test_the_list_for_a_script_is_json(platform: FakePlatform) -> None:
    platform.set_answers("GET assignment /v1/parked-keys", {"items": [parked()], "next_cursor": None})
    assert platform.json("dead-letters", "list") == [{"service": "assignment", **parked()}]


def test_a_service_that_refuses_hides_no_other(platform: FakePlatform) -> None:
    platform.set_answers("GET assignment /v1/parked-keys", {"detail": "No."}, status=403)
    platform.set_answers("GET promises /v1/parked-keys", {"items": [parked()], "next_cursor": None})
    code, output = platform.run("dead-letters", "list")
    assert code == 1
    assert KEY in output
    assert "assignment refused: No. (403)" in output
    platform.set_answers("GET promises /v1/parked-keys", NO_PAGE)
    assert "No events are waiting" not in platform.run("dead-letters", "list")[1]


def test_a_letter_is_shown_with_its_content_and_the_next_commands(platform: FakePlatform) -> None:
    platform.set_answers("GET portfolio /v1/dead-letters/17", letter(replays=2))
    code, output = platform.run("dead-letters", "show", "portfolio", "17")
    assert code == 0
    for words in (
        KEY,
        ERROR,
        "dialer-feed.events/3@7",
        '{\n  "detail": "ñandú"\n}',
        f"ce_subject: {KEY}",
        "failed: 2",
    ):
        assert words in output, words
    assert f"  recobro dead-letters replay portfolio --key {KEY} --url" in output
    assert "  recobro dead-letters discard portfolio 17 --reason TEXT --url" in output
    assert platform.json("dead-letters", "show", "portfolio", "17") == letter(replays=2)


def test_control_characters_from_outside_are_escaped(platform: FakePlatform) -> None:
    """Such text cannot move the cursor, begin a line, imitate another fact or style the output."""
    evil = "\x1b[2J\u202e[red]"
    key = f"a\n{evil}"
    sent = letter(body=f"{evil}\nhello", key=key, headers={f"why{evil}": "fine"}, type=evil, error=None)
    platform.set_answers("GET portfolio /v1/dead-letters/17", sent)
    platform.set_answers("GET portfolio /v1/parked-keys", {"items": [parked(key=key, type=evil)], "next_cursor": None})
    platform.set_answers(REPLAY, replayed(outcome(0, 1, key)))
    platform.set_answers("GET portfolio /v1/dead-letters", {"items": [letter(key=key)], "next_cursor": None})
    platform.set_answers("POST portfolio /v1/dead-letters/17/discard", {"letter_id": 17, "key": key, "waiting": 1})
    outputs = [
        platform.run("dead-letters", *command)[1]
        for command in (
            ("show", "portfolio", "17"),
            ("list",),
            ("replay", "portfolio", "--all"),
            ("discard", "portfolio", "17", "--reason", "x"),
        )
    ]
    for output in outputs:
        assert "\x1b" not in output
        assert "\u202e" not in output
        assert "a\n" not in output
        assert "recobro dead-letters replay portfolio --all" in output
    assert "\nwhy\\x1b" in outputs[0]
    assert "\\x1b[2J\\u202e[red]\nhello" in outputs[0]
    assert "the event waits behind an earlier event" in outputs[0]
    assert "a\\n\\x1b[2J\\u202e[red]" in outputs[1]


def test_a_key_with_spaces_and_quotes_can_be_copied_into_a_shell(platform: FakePlatform) -> None:
    key = "a'; rm -rf / #"
    platform.set_answers("GET portfolio /v1/dead-letters/17", letter(key=key))
    [line] = [
        line for line in platform.run("dead-letters", "show", "portfolio", "17")[1].splitlines() if "--key" in line
    ]
    assert shlex.split(line)[3:6] == ["portfolio", "--key", key]


def test_a_printed_command_has_the_options_of_the_same_platform() -> None:
    assert options_of(DEFAULT_DATA, None) == ""
    assert options_of(Path("my data"), None) == " --data 'my data'"


def test_raw_bytes_are_shown_in_base64_and_a_letter_without_content_can_only_be_discarded(
    platform: FakePlatform,
) -> None:
    route = "GET portfolio /v1/dead-letters/17"
    platform.set_answers(route, letter(body=None, body_base64="/wB7"), letter(body=None, body_base64=None, headers={}))
    output = platform.run("dead-letters", "show", "portfolio", "17")[1]
    assert "The content is not text. Its bytes in base64:\n/wB7\n" in output
    output = platform.run("dead-letters", "show", "portfolio", "17")[1]
    assert "deleted after 30 days" in output
    assert "replay" not in output.rpartition("Content (")[2]
    assert "recobro dead-letters discard portfolio 17" in output


def test_a_discarded_letter_shows_who_discarded_it_and_why(platform: FakePlatform) -> None:
    gone = letter(discarded_at="2026-11-23T03:00:00Z", discarded_by="ana", discard_reason="sent twice")
    platform.set_answers("GET portfolio /v1/dead-letters/17", gone)
    output = platform.run("dead-letters", "show", "portfolio", "17")[1]
    assert "2026-11-23 03:00 UTC by ana" in output
    assert "sent twice" in output
    assert "recobro dead-letters" not in output


def test_a_replay_of_a_key_applies_its_events(platform: FakePlatform) -> None:
    platform.set_answers(REPLAY, replayed(outcome(3, 0)))
    code, output = platform.run("dead-letters", "replay", "portfolio", "--key", KEY)
    assert (code, output) == (0, "Applied: 3 (keys: 1). None of their events is waiting any more.\n")
    assert platform.asked == [(REPLAY, {"key": KEY})]


def test_a_refused_replay_prints_the_error_and_the_next_commands(platform: FakePlatform) -> None:
    platform.set_answers(REPLAY, replayed(outcome(2, 1)))
    platform.set_answers("GET portfolio /v1/dead-letters", {"items": [letter(letter_id=19)], "next_cursor": None})
    code, output = platform.run("dead-letters", "replay", "portfolio", "--key", KEY)
    assert code == 1
    assert output.startswith(
        f"Applied: 2 (keys: 1).\n{KEY}: the next event was refused again: {ERROR}. Still waiting: 1.\n"
    )
    assert f"  recobro dead-letters replay portfolio --key {KEY} --url" in output
    assert "  recobro dead-letters discard portfolio 19 --reason TEXT --url" in output
    assert ("GET portfolio /v1/dead-letters", {"key": KEY, "limit": "1"}) in platform.asked
    output = platform.json("dead-letters", "replay", "portfolio", "--key", KEY)
    assert output == {"replayed": 2, "keys": [outcome(2, 1)]}


def test_a_replay_of_all_keys_takes_as_many_calls_as_needed(platform: FakePlatform) -> None:
    platform.set_answers(
        REPLAY, replayed(outcome(1, 0, "a"), outcome(0, 2, "b"), more=True), replayed(outcome(4, 0, "c"))
    )
    platform.set_answers("GET portfolio /v1/dead-letters", {"items": [letter(key="b")], "next_cursor": None})
    code, output = platform.run("dead-letters", "replay", "portfolio", "--all")
    assert code == 1
    assert output.startswith(
        f"Applied: 5 (keys: 3).\nb: the next event was refused again: {ERROR}. Still waiting: 2.\n"
    )
    assert [sent for route, sent in platform.asked if route == REPLAY] == [
        {"all": True, "after": ""},
        {"all": True, "after": "b"},
    ]


def test_a_replay_without_waiting_events_prints_so(platform: FakePlatform) -> None:
    platform.set_answers(REPLAY, replayed())
    assert platform.run("dead-letters", "replay", "portfolio", "--all") == (0, "No events are waiting in portfolio.\n")


@pytest.mark.parametrize("options", [(), ("--all", "--key", KEY)])
def test_a_replay_needs_either_a_key_or_all(platform: FakePlatform, options: tuple[str, ...]) -> None:
    code, output = platform.run("dead-letters", "replay", "portfolio", *options)
    assert code == 2
    assert "use either --key KEY or --all" in output
    assert platform.asked == []


@pytest.mark.parametrize(("waiting", "words"), [(3, "of the same key: 3."), (1, "of the same key: 1.")])
def test_a_discard_prints_how_many_events_still_wait(platform: FakePlatform, waiting: int, words: str) -> None:
    route = "POST portfolio /v1/dead-letters/17/discard"
    platform.set_answers(route, {"letter_id": 17, "key": KEY, "waiting": waiting})
    code, output = platform.run("dead-letters", "discard", "portfolio", "17", "--reason", "sent twice")
    assert code == 0
    assert platform.asked == [(route, {"reason": "sent twice"})]
    assert words in output
    assert f"  recobro dead-letters replay portfolio --key {KEY} --url http://127.0.0.1:{platform.base}\n" in output
    assert "  recobro rebuild portfolio --url" in output
    assert platform.json("dead-letters", "discard", "portfolio", "17", "--reason", "x")["waiting"] == waiting


def test_a_discard_of_the_last_event_prints_that_none_waits(platform: FakePlatform) -> None:
    platform.set_answers("POST portfolio /v1/dead-letters/17/discard", {"letter_id": 17, "key": KEY, "waiting": 0})
    output = platform.run("dead-letters", "discard", "portfolio", "17", "--reason", "sent twice")[1]
    assert f"No event of {KEY} is waiting any more." in output
    assert "dead-letters replay" not in output


def test_a_refusal_is_printed_as_a_sentence(platform: FakePlatform) -> None:
    problem = {"type": "urn:recobro:problem:letter-unknown", "detail": "No such letter waits."}
    platform.set_answers("POST portfolio /v1/dead-letters/17/discard", problem, status=404)
    code, output = platform.run("dead-letters", "discard", "portfolio", "17", "--reason", "x")
    assert (code, output) == (1, "portfolio refused: No such letter waits. (404, letter-unknown)\n")


COMMANDS = [
    ("dead-letters", "list", "--service", "portfolios"),
    ("dead-letters", "show", "portfolios", "17"),
    ("dead-letters", "replay", "portfolios", "--all"),
    ("dead-letters", "discard", "portfolios", "17", "--reason", "x"),
    ("rebuild", "portfolios"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_service_is_refused_with_the_known_ones(platform: FakePlatform, command: tuple[str, ...]) -> None:
    code, output = platform.run(*command)
    assert code == 2
    assert "there is no service portfolios" in output
    assert all(service.name in output for service in SERVICES)
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


def test_rebuild_waits_for_every_source(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "_ASK_EVERY_SECONDS", 0.0)
    platform.set_answers("POST promises /v1/rebuild", rebuilding("assignment", "portfolio"), status=202)
    steps = [("assignment", "portfolio"), ("portfolio",), ("portfolio",), ()]
    platform.set_answers("GET promises /v1/rebuild", *(rebuilding(*step) for step in steps))
    code, output = platform.run("rebuild", "promises")
    assert (code, output.splitlines()) == (
        0,
        [
            "promises waits for assignment, portfolio.",
            "promises waits for portfolio.",
            "promises is rebuilt; the rebuild took 12 s.",
        ],
    )
    assert platform.asked[0] == ("POST promises /v1/rebuild", {})


def test_rebuild_with_no_wait_returns_at_once(platform: FakePlatform) -> None:
    platform.set_answers("POST promises /v1/rebuild", rebuilding("assignment", "portfolio"), status=202)
    code, output = platform.run("rebuild", "promises", "--no-wait")
    assert code == 0
    assert output.startswith("promises has asked assignment, portfolio to republish.")
    assert f"  recobro rebuild promises --url http://127.0.0.1:{platform.base}\n" in output
    assert platform.json("rebuild", "promises", "--no-wait") == rebuilding("assignment", "portfolio")
    assert {route for route, _ in platform.asked} == {"POST promises /v1/rebuild"}
