"""Rules of segments and steps of the ladder as fields of a form, and back. The services check what they mean."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

SEGMENT_FACTS = (
    *("episodes", "instalments_behind", "days_past_due", "debt_age_days", "total_balance", "overdue_balance"),
    *("paid_instalments", "paid_late", "average_late_days", "paid_percent", "broken_promises", "days_since_payment"),
    "days_since_contact",
)
STEP_FACTS = (
    *("days_past_due", "debt_age_days", "overdue_balance", "total_balance", "attempts", "contacts"),
    "days_since_step",
)
STATUSES = ("active", "deceased", "unlocatable", "represented", "insolvent")
STEPS = ("reminder", "direct_contact", "extrajudicial_notice", "judicial_notice")
CONTACTS = ("message", "call", "visit", "letter")
ANSWERS = (
    *("right_party", "third_party", "promise", "refused", "payment_claimed", "clarification", "wrong_number"),
    *("opted_out", "deceased", "represented", "no_answer", "busy", "voicemail", "failed"),
    *("visited", "nobody_home", "unlocatable"),
)
"""How a call or a visit may end."""
LANGUAGES = ("es", "pt", "en")
_BLANK_RULES, _BLANK_CONDITIONS = 2, 2
_MOST_RULES, _MOST_CONDITIONS = 60, 20
Form = Mapping[str, str]


def rules_from(form: Form) -> dict[str, Any]:
    """The rules that a form names, in the order of their places. A rule without a segment is left out."""
    rules: list[tuple[float, dict[str, Any]]] = []
    words: dict[str, dict[str, str]] = {}
    for n in range(_MOST_RULES):
        if not (segment := form.get(f"segment-{n}", "")):
            continue
        when = _conditions(form, n)
        if status := form.get(f"status-{n}"):
            when["debtor_status"] = [status]
        rules.append((_place(form.get(f"place-{n}", ""), n), {"segment": segment, "when": when}))
        called = {language: form.get(f"{language}-{n}", "") for language in LANGUAGES}
        if any(called.values()):
            words[segment] = {language: text or segment for language, text in called.items()}
    return {"rules": [rule for _, rule in sorted(rules, key=lambda rule: rule[0])], "words": words}


def rules_shown(held: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rules as the form shows them, with blank ones at the end."""
    words = held["words"]
    shown = [
        {
            "segment": rule["segment"],
            "conditions": conditions_shown(rule["when"], SEGMENT_FACTS),
            "status": (rule["when"].get("debtor_status") or [""])[0],
            "words": words.get(rule["segment"], {}),
        }
        for rule in held["rules"]
    ]
    blank = {"segment": "", "conditions": conditions_shown({}, SEGMENT_FACTS), "status": "", "words": {}}
    return [*shown, *([blank] * _BLANK_RULES)]


def steps_from(form: Form, chosen: Callable[[str], list[str]]) -> dict[str, Any]:
    """The ladder that a form names. ``chosen`` are the marked boxes of a name."""
    steps = []
    for n, step in enumerate(STEPS):
        if not form.get(f"used-{n}"):
            continue
        when = _conditions(form, n)
        for name in ("segments", "last_answer"):
            if codes := chosen(f"{name}-{n}"):
                when[name] = codes
        allows = {"contacts": chosen(f"contacts-{n}"), "campaigns": chosen(f"campaigns-{n}") or None}
        steps.append({"step": step, "when": when, "allows": allows})
    percent = form.get("percent", "").strip()
    return {"steps": steps, "percent": _number(percent) if percent else None}


def ladder_of(given: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """The ladder that a form proposes. With a share of the people its steps challenge those that are held."""
    words = {"words": held["words"]}
    if given["percent"] is None:
        return {"steps": given["steps"], **words}
    return {"steps": held["steps"], "challenger": dict(given), **words}


def steps_shown(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All steps as the form shows them; those that the ladder leaves out are not ``used``."""
    known = {each["step"]: each for each in given["steps"]}
    shown = []
    for step in STEPS:
        each = known.get(step, {"when": {}, "allows": {"contacts": None, "campaigns": None}})
        shown.append(
            {
                "step": step,
                "used": step in known,
                "conditions": conditions_shown(each["when"], STEP_FACTS),
                "segments": each["when"].get("segments") or (),
                "last_answer": each["when"].get("last_answer") or (),
                "contacts": CONTACTS if each["allows"]["contacts"] is None else each["allows"]["contacts"],
                "campaigns": each["allows"]["campaigns"] or (),
            }
        )
    return shown


def conditions_shown(when: Mapping[str, Any], facts: Sequence[str]) -> list[dict[str, Any]]:
    """The conditions as the form shows them, with blank ones at the end."""
    given = [
        {"fact": fact, "min": _text(when[fact].get("min")), "max": _text(when[fact].get("max"))}
        for fact in facts
        if when.get(fact)
    ]
    return [*given, *({"fact": "", "min": "", "max": ""} for _ in range(_BLANK_CONDITIONS))]


def _conditions(form: Form, n: int) -> dict[str, Any]:
    when: dict[str, Any] = {}
    for m in range(_MOST_CONDITIONS):
        if fact := form.get(f"fact-{n}-{m}", ""):
            bounds = {end: form.get(f"{end}-{n}-{m}", "") for end in ("min", "max")}
            when[fact] = {end: _number(text) for end, text in bounds.items() if text}
    return when


def _number(text: str) -> int | str:
    """The number; a text that is none goes to the service as it is, which says what is wrong with it."""
    return int(text) if text.isascii() and text.isdecimal() else text


def _place(text: str, n: int) -> float:
    return int(text) if text.isascii() and text.isdecimal() else float(n)


def _text(value: object) -> str:
    return "" if value is None else str(value)
