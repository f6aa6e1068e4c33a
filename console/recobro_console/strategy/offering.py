"""Rules of offers as fields of a form, and back. The service checks what they mean."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from recobro_console.forms import amount_of
from recobro_console.language import Reader

KINDS = ("settlement", "plan", "restructure", "forgiveness")
FREQUENCIES = ("weekly", "fortnightly", "monthly")
STAGES = ("current", "early", "late", "legal")
CHANNELS = ("call", "visit", "portal", "agency")
BOXES = frozenset({"stages", "segments", "channels"})
"""Fields of which several may be chosen."""
_DAYS = ("min_days_past_due", "max_days_past_due")
_BALANCES = ("min_balance", "max_balance")
_BLANK_ROWS = 2
_MOST_STEPS, _MOST_BANDS = 10, 20
NEW: Mapping[str, Any] = {
    "code": "",
    "kind": KINDS[0],
    "when": dict.fromkeys((*sorted(BOXES), "products", *_DAYS, *_BALANCES)),
    "steps": (),
    "instalments": 1,
    "frequency": "monthly",
    "first_payment_percent": None,
    "incentive": None,
    "valid_days": 10,
    "starts_on": None,
    "ends_on": None,
    "needs_approval": True,
}
"""What a form for a further offer shows at first."""
Form = Mapping[str, str]
Chosen = Callable[[str], list[str]]
"""The marked boxes of a name."""


def rule_from(form: Form, chosen: Chosen, reader: Reader) -> dict[str, Any]:
    """The rule that a form names. A step without days and discount is left out."""
    when: dict[str, Any] = {name: chosen(name) or None for name in ("stages", "segments", "channels")}
    when["products"] = [each.strip() for each in form.get("products", "").split(",") if each.strip()] or None
    when |= {name: _number(form.get(name, "")) for name in _DAYS}
    when |= {name: amount_of(reader, form[name]) if form.get(name) else None for name in _BALANCES}
    return {
        "code": form.get("code", ""),
        "kind": form.get("kind", ""),
        "when": when,
        "steps": [
            {
                "pay_within_days": _number(form.get(f"days-{n}", "")) or 0,
                "discount_percent": percent_of(reader, form.get(f"discount-{n}", "")) or "0",
            }
            for n in steps_of(form)
        ],
        "instalments": _number(form.get("instalments", "")) or 1,
        "frequency": form.get("frequency", ""),
        "first_payment_percent": percent_of(reader, form.get("first_payment_percent", "")),
        "incentive": form.get("incentive") or None,
        "valid_days": _number(form.get("valid_days", "")) or 0,
        "starts_on": form.get("starts_on") or None,
        "ends_on": form.get("ends_on") or None,
        "needs_approval": "needs_approval" in form,
    }


def steps_of(form: Form) -> list[int]:
    """The rows of the form that name a step."""
    return [n for n in range(_MOST_STEPS) if form.get(f"days-{n}") or form.get(f"discount-{n}")]


def places_of(form: Form, at: str) -> dict[str, str]:
    """The fields of a rule's form, by the pointers of the request in which the rule stands ``at`` a place."""
    steps = {
        f"{at}/steps/{place}/{part}": f"{name}-{n}"
        for place, n in enumerate(steps_of(form))
        for part, name in (("pay_within_days", "days"), ("discount_percent", "discount"))
    }
    conditions = ("stages", "segments", "products", "channels", *_DAYS, *_BALANCES)
    own = ("code", "kind", "instalments", "frequency", "first_payment_percent", "incentive", "valid_days")
    return (
        steps
        | {f"{at}/when/{name}": name for name in conditions}
        | {f"{at}/{name}": name for name in (*own, "starts_on", "ends_on")}
        | {f"{at}/steps": "days-0"}
    )


def steps_shown(steps: Sequence[Mapping[str, Any]], form: Form, reader: Reader) -> list[Mapping[str, str]]:
    """The steps as the form shows them, or as they were typed, with blank ones at the end."""
    held = [
        {"days": str(each["pay_within_days"]), "discount": reader.typed(each["discount_percent"])} for each in steps
    ]
    return _rows(held, form, ("days", "discount"), _MOST_STEPS)


def pricing_from(form: Form, reader: Reader) -> dict[str, Any]:
    """What a form says of the worth of money. A band without a percentage is left out."""
    return {
        "yearly_rate_percent": percent_of(reader, form.get("yearly_rate_percent", "")) or "0",
        "recovery": [
            {
                "up_to_days_past_due": _number(form.get(f"days-{n}", "")),
                "percent": percent_of(reader, form[f"percent-{n}"]),
            }
            for n in bands_of(form)
        ],
        "only_above_expected": "only_above_expected" in form,
    }


def bands_of(form: Form) -> list[int]:
    """The rows of the form that name a band."""
    return [n for n in range(_MOST_BANDS) if form.get(f"percent-{n}")]


def pricing_places(form: Form) -> dict[str, str]:
    """The fields of the form of pricing, by the pointers of the request."""
    bands = {
        f"/pricing/recovery/{place}/{part}": f"{name}-{n}"
        for place, n in enumerate(bands_of(form))
        for part, name in (("up_to_days_past_due", "days"), ("percent", "percent"))
    }
    return bands | {"/pricing/yearly_rate_percent": "yearly_rate_percent"}


def bands_shown(bands: Sequence[Mapping[str, Any]], form: Form, reader: Reader) -> list[Mapping[str, str]]:
    """The bands as the form shows them, or as they were typed, with blank ones at the end."""
    held = [
        {
            "days": "" if each["up_to_days_past_due"] is None else str(each["up_to_days_past_due"]),
            "percent": reader.typed(each["percent"]),
        }
        for each in bands
    ]
    return _rows(held, form, ("days", "percent"), _MOST_BANDS)


def percent_of(reader: Reader, text: str) -> str | None:
    """A percentage as the user's language writes it, as the services read it; None for none."""
    return amount_of(reader, text.replace("%", "").strip()) or None


def _rows(held: Sequence[Mapping[str, str]], form: Form, columns: Sequence[str], most: int) -> list[Mapping[str, str]]:
    """The rows that were typed, each where it stood, else those that hold; then blank ones."""
    typed = [{name: form.get(f"{name}-{n}", "") for name in columns} for n in range(most)]
    while typed and not any(typed[-1].values()):
        typed.pop()
    shown = typed if form else list(held)
    return [*shown, *([dict.fromkeys(columns, "")] * min(_BLANK_ROWS, most - len(shown)))]


def _number(text: str) -> int | str | None:
    """The number, None for none. A text that is none goes to the service as it is, which says what is wrong with it."""
    return int(text) if text.isascii() and text.isdecimal() else text or None
