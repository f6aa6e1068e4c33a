"""Who may discount how much: the rules that hold, those that wait for a second person, and the form of new ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from recobro_console.calls import Refused, Trouble
from recobro_console.forms import KEY, amount_of, mistakes, seen_version
from recobro_console.language import Reader
from recobro_console.pages import STAFF, CurrentPage, Page, Router

_SERVICE, _PATH = "promises", "/v1/authority-rules"
_HERE = "/strategy/authority"
KINDS = ("settlement", "restructure", "forgiveness")
LIMITS = ("propose_percent", "approve_percent", "alone_percent", "max_discount")
_COLUMNS = ("role", "kind", *LIMITS)
_BLANK_ROWS, _MOST_ROWS = 3, 200
_SHOWN = 20
_DECISIONS = {"approval": "The rules hold from now on.", "refusal": "The rules are refused. The former ones hold."}
router = Router(STAFF)
Row = Mapping[str, str]


@router.get(_HERE)
async def authority(page: CurrentPage) -> Response:
    """The rules that hold, those that wait for a second person with what they would change, and the earlier ones."""
    return await _authority(page)


async def _authority(page: Page, wrong: Trouble | None = None) -> Response:
    held = await page.attempt(page.services.get(_SERVICE, f"{_PATH}/in-force"))
    found = await page.attempt(page.services.get(_SERVICE, _PATH, order="desc", limit=_SHOWN))
    versions = [] if isinstance(found, Trouble) else found["items"]
    return page.show(
        "strategy/authority.html",
        200 if wrong is None else wrong.status if isinstance(wrong, Refused) else 503,
        held=held,
        found=found,
        waiting=[each for each in versions if each["state"] == "awaiting_approval"],
        changes={} if isinstance(held, Trouble) else {one["version"]: _changes(one, held) for one in versions},
        wrong=wrong,
        may=page.session.may(f"{_SERVICE}:write"),
    )


def _changes(proposed: Any, held: Any) -> list[tuple[Any, Any]]:
    """The rules in which two versions differ, each as before and as afterwards. None: there is no such rule."""
    before, after = ({(rule["role"], rule["kind"]): rule for rule in each["rules"]} for each in (held, proposed))
    keys = dict.fromkeys([*before, *after])
    return [(before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]


@router.get(f"{_HERE}/change")
async def edit(page: CurrentPage) -> Response:
    """The form of new rules, with those that hold."""
    held = await page.services.get(_SERVICE, f"{_PATH}/in-force")
    return await _form(page, held["version"], rows_shown(held["rules"], page.reader))


@router.post(f"{_HERE}/change")
async def change(page: CurrentPage) -> Response:
    """Propose the rules of the form. They wait for another person."""
    form = await page.form()
    rows, version = rows_typed(form), seen_version(form)
    try:
        await page.services.put(_SERVICE, _PATH, {"rules": rules_from(rows, page.reader), "replaces": version})
    except Trouble as trouble:
        return await _form(page, version, rows, trouble)
    return page.done(_HERE, "The rules wait for another person. Until then the former ones hold.")


@router.post(f"{_HERE}/{{version}}/{{decision}}")
async def decide(page: CurrentPage, version: int, decision: str) -> Response:
    """Approve or refuse rules that another person has proposed."""
    if decision not in _DECISIONS:
        raise HTTPException(404)
    typed = await page.form()
    try:
        await page.services.post(_SERVICE, f"{_PATH}/{version}/{decision}", key=typed.get(KEY))
    except Trouble as trouble:
        return await _authority(page, trouble)
    return page.done(_HERE, _DECISIONS[decision])


def rows_shown(rules: Sequence[Mapping[str, Any]], reader: Reader) -> list[Row]:
    """The rules as rows of the form, with blank ones at the end."""
    rows = [
        {"role": rule["role"], "kind": rule["kind"], **{name: reader.typed(rule[name]) for name in LIMITS}}
        for rule in rules
    ]
    return [*rows, *([dict.fromkeys(_COLUMNS, "")] * _BLANK_ROWS)]


def rows_typed(form: Mapping[str, str]) -> list[Row]:
    """The rows of a form that was sent, each where it stood."""
    rows: list[Row] = [{name: form.get(f"{name}-{n}", "") for name in _COLUMNS} for n in range(_MOST_ROWS)]
    while rows and not rows[-1]["role"]:
        rows.pop()
    return rows


def rules_from(rows: Sequence[Row], reader: Reader) -> list[dict[str, Any]]:
    """The rules of the rows. A row without a role is left out."""
    return [
        {
            "role": row["role"],
            "kind": row["kind"],
            **{name: amount_of(reader, row[name].replace("%", "").strip()) or None for name in LIMITS},
        }
        for row in rows
        if row["role"]
    ]


async def _form(page: Page, version: int | None, rows: list[Row], wrong: Trouble | None = None) -> Response:
    used = [n for n, row in enumerate(rows) if row["role"]]
    places = {f"/rules/{place}/{name}": f"{name}-{n}" for place, n in enumerate(used) for name in _COLUMNS}
    said, beside = mistakes(page, wrong, set(places.values()), places)
    blank = [] if wrong is None else [dict.fromkeys(_COLUMNS, "")] * _BLANK_ROWS
    return page.show(
        "strategy/authority_form.html",
        422 if wrong else 200,
        version=version,
        rows=[*rows, *blank],
        kinds=KINDS,
        limits=LIMITS,
        said=said,
        wrong=beside,
    )
