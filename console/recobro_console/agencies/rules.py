"""Which agency gets which contracts: the placement rules in words, and a form for a new, a changed, an ended one."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from starlette.responses import Response

from recobro_console import names
from recobro_console.calls import Refused, Trouble
from recobro_console.forms import KEY, amount_of, mistakes
from recobro_console.language import Reader
from recobro_console.pages import STAFF, CurrentPage, Page, Router

_SERVICE, _PATH = "assignment", "/v1/placement-rules"
_HERE = "/agencies/rules"
_MOST = 1000
KINDS = ("collection", "dialing", "visits")
STAGES = ("early", "late", "legal", "current")
STEPS = ("reminder", "direct_contact", "extrajudicial_notice", "judicial_notice")
BOXES = frozenset({"stages", "steps", "segments", "portfolio_ids"})
"""Conditions of which several may be chosen."""
_LISTED = ("states", "products")
_BLANK_SHARES, _MOST_SHARES = 2, 100
_CONDITIONS = (*sorted(BOXES), *_LISTED, "min_overdue", "internal_attempts_min")
NEW: Mapping[str, Any] = {
    "name": "",
    "priority": 10,
    "kind": KINDS[0],
    "when": dict.fromkeys(_CONDITIONS),
    "shares": (),
}
router = Router(STAFF)
Form = Mapping[str, str]


@router.get(_HERE)
async def rules(page: CurrentPage) -> Response:
    """The rules that hold, in the order in which they decide, and those that have ended."""
    return await _rules(page)


async def _rules(page: Page, wrong: Trouble | None = None) -> Response:
    found, agencies, segments, portfolios = await asyncio.gather(
        page.attempt(page.services.get(_SERVICE, _PATH, order="desc", limit=_MOST)),
        names.agencies(page),
        names.segments(page),
        names.portfolios(page),
    )
    all_rules = [] if isinstance(found, Trouble) else found["items"]
    in_order = sorted(all_rules, key=lambda rule: (KINDS.index(rule["kind"]), rule["priority"], rule["rule_id"]))
    return page.show(
        "agencies/rules.html",
        409 if wrong else 200,
        found=found,
        holding=[rule for rule in in_order if not rule["ended_at"]],
        ended=[rule for rule in all_rules if rule["ended_at"]],
        said={rule["rule_id"]: conditions(rule["when"], page.reader, segments, portfolios) for rule in all_rules},
        agencies=agencies,
        wrong=wrong,
        may=page.session.may(f"{_SERVICE}:write"),
    )


@router.get(f"{_HERE}/edit")
async def edit(page: CurrentPage, of: UUID | None = None) -> Response:
    """The form of a new rule; with ``of`` of one that takes the place of that rule."""
    rule = await page.services.get(_SERVICE, f"{_PATH}/{of}") if of else NEW
    return await _form(page, str(of or ""), rule)


@router.post(f"{_HERE}/edit")
async def write(page: CurrentPage) -> Response:
    """Create the rule of the form, then end the one whose place it takes.

    Both hold for a moment. So no contract is without a rule, and none is recalled between them.
    """
    form = await page.form()
    posted = await page.request.form()
    rule = rule_from(form, lambda name: [str(one) for one in posted.getlist(name)], page.reader)
    of = form.get("of", "")
    try:
        made = await page.services.post(_SERVICE, _PATH, rule, key=form.get(KEY))
        if of:
            await _end(page, UUID(of), form)
    except Trouble as trouble:
        return await _form(page, of, rule, form, trouble)
    return page.done(_HERE, "The rule {name} holds for every contract of which something is heard.", name=made["name"])


@router.post(f"{_HERE}/{{rule_id}}/end")
async def end(page: CurrentPage, rule_id: UUID) -> Response:
    """End a rule."""
    try:
        await _end(page, rule_id, await page.form())
    except Trouble as trouble:
        return await _rules(page, trouble)
    return page.done(_HERE, "The rule has ended.")


async def _end(page: Page, rule_id: UUID, form: Form) -> None:
    """End the rule, if nobody has ended it."""
    try:
        await page.services.post(_SERVICE, f"{_PATH}/{rule_id}/end", key=f"end-{form.get(KEY, rule_id)}")
    except Refused as refused:
        if refused.code != "rule-ended":
            raise


@router.post(f"{_HERE}/run")
async def run(page: CurrentPage) -> Response:
    """Place, recall and end now what rules and dates demand."""
    form = await page.form()
    try:
        done = await page.services.post(_SERVICE, "/v1/placement-runs", key=form.get(KEY))
    except Trouble as trouble:
        return await _rules(page, trouble)
    number = page.reader.number
    return page.done(
        _HERE,
        "{placed} contracts were placed, {recalled} recalled, and {ended} placements ended.",
        placed=number(done["placed"]),
        recalled=number(done["recalled"]),
        ended=number(done["ended"]),
    )


def conditions(
    when: Mapping[str, Any], reader: Reader, segments: Mapping[str, str], portfolios: Mapping[str, str]
) -> list[str]:
    """The conditions of a rule in words, one a line."""
    said = [
        (reader.tr("Portfolio"), _list(when["portfolio_ids"], lambda one: portfolios[one])),
        (reader.tr("Stage"), _list(when["stages"], reader.word)),
        (reader.tr("Step of the ladder"), _list(when["steps"], lambda one: reader.word(f"step {one}"))),
        (reader.tr("Segment"), _list(when["segments"], lambda one: segments.get(one, one))),
        (reader.tr("State of the address"), _list(when["states"], str)),
        (reader.tr("Product"), _list(when["products"], str)),
        (reader.tr("Overdue balance above"), when["min_overdue"] and reader.money(when["min_overdue"])),
        (reader.tr("Our own attempts in this arrears, at least"), when["internal_attempts_min"]),
    ]
    return [f"{name}: {text}" for name, text in said if text]


def _list(codes: list[str] | None, word: Callable[[str], str]) -> str | None:
    return ", ".join(map(word, codes)) if codes else None


def rule_from(form: Form, chosen: Callable[[str], list[str]], reader: Reader) -> dict[str, Any]:
    """The rule that a form names. ``chosen`` are the marked boxes of a name. A share without an agency is left out."""
    when: dict[str, Any] = {name: chosen(name) or None for name in sorted(BOXES)}
    for name in _LISTED:
        when[name] = [each.strip() for each in form.get(name, "").split(",") if each.strip()] or None
    when["min_overdue"] = amount_of(reader, form["min_overdue"]) if form.get("min_overdue") else None
    when["internal_attempts_min"] = _number(form.get("internal_attempts_min", ""))
    return {
        "name": form.get("name", ""),
        "priority": _number(form.get("priority", "")),
        "kind": form.get("kind", ""),
        "when": when,
        "shares": [
            {"agency_id": form[f"agency-{n}"], "weight": _number(form.get(f"weight-{n}", "")) or 1}
            for n in shares_of(form)
        ],
    }


def shares_of(form: Form) -> list[int]:
    """The rows of the form that name an agency."""
    return [n for n in range(_MOST_SHARES) if form.get(f"agency-{n}")]


def shares_shown(rule: Mapping[str, Any], form: Form) -> list[dict[str, str]]:
    """The shares as the form shows them, or as they were typed, with blank ones at the end."""
    typed = [{"agency": form.get(f"agency-{n}", ""), "weight": form.get(f"weight-{n}", "")} for n in shares_of(form)]
    held = [{"agency": each["agency_id"], "weight": str(each["weight"])} for each in rule["shares"]]
    shown = typed if form else held
    return [*shown, *({"agency": "", "weight": ""} for _ in range(min(_BLANK_SHARES, _MOST_SHARES - len(shown))))]


async def _form(
    page: Page, of: str, rule: Mapping[str, Any], form: Form | None = None, wrong: Trouble | None = None
) -> Response:
    agencies, segments, portfolios = await asyncio.gather(
        names.agencies(page), names.segments(page), names.portfolios(page)
    )
    # Rows without an agency are left out, so the shares stand in the order of the request.
    places = {
        f"/shares/{n}/{part}": f"{name}-{n}"
        for n in range(len(rule["shares"]))
        for part, name in (("agency_id", "agency"), ("weight", "weight"))
    }
    places |= {f"/when/{name}": name for name in (*_LISTED, "min_overdue", "internal_attempts_min")}
    places |= {f"/when/states/{n}": "states" for n in range(len(rule["when"].get("states") or ()))}
    places |= {f"/{name}": name for name in ("name", "priority", "kind")} | {"/shares": "agency-0"}
    said, beside = mistakes(page, wrong, set(places.values()), places)
    return page.show(
        "agencies/rule.html",
        422 if wrong else 200,
        of=of,
        rule=rule,
        typed=form or {},
        shares=shares_shown(rule, form or {}),
        kinds=KINDS,
        stages=STAGES,
        steps=STEPS,
        agencies=agencies,
        segments=segments,
        portfolios=portfolios,
        said=said,
        wrong=beside,
    )


def _number(text: str) -> int | str | None:
    """The number, None for none. A text that is none goes to the service as it is, which says what is wrong with it."""
    return int(text) if text.isascii() and text.isdecimal() else text or None
