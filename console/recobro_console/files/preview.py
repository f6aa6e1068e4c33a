"""How a file would be read, before it is loaded: its columns can be named by choosing, and kept as a profile."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from recobro_console.calls import Refused
from recobro_console.files.api import refused
from recobro_console.files.receiving import FileTooLong, chunks, received
from recobro_console.guard import FormTooLong
from recobro_console.pages import CurrentPage, Page, Router

_ADDRESS = ("address_kind", "street", "exterior", "interior", "neighbourhood", "postal_code", "city", "state")
_OF_PERSON = {
    "guarantor": (2, ("name", "tax_id", "phone", "email")),
    "joint_obligor": (2, ("name", "tax_id", "phone", "email")),
    "reference": (3, ("name", "phone", "email")),
    "employer": (1, ("name", "phone", "email")),
}
GROUPS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "Contract": ("contract_number", "product", "original_creditor", "origination_date"),
        "Debtor": (
            *("debtor_number", "debtor_name", "given_name", "middle_name", "first_surname", "second_surname"),
            *("debtor_kind", "tax_id", "language"),
        ),
        "Amounts and due dates": (
            *("amount_due", "due_date", "instalment_number", "currency"),
            *("principal", "ordinary_interest", "default_interest", "fees", "tax", "other", "calculated_on"),
        ),
        "A plan in one row": ("first_due_date", "instalment_count", "frequency", "instalment_amount"),
        "Phones and e-mails": (
            *(f"phone_{n}" for n in range(1, 7)),
            *("email", "email_2", "email_3"),
            *(f"area_code_{n}" for n in range(1, 7)),
        ),
        "Addresses": (*_ADDRESS, *(f"{name}_2" for name in _ADDRESS)),
        "People besides the debtor": tuple(
            f"{role}_{what}" + ("" if place == 1 else f"_{place}")
            for role, (most, said) in _OF_PERSON.items()
            for place in range(1, most + 1)
            for what in said
        ),
    }
)
FIELDS = tuple(name for names in GROUPS.values() for name in names)
"""What a column may be chosen to be."""

_MOST_BYTES = 1_000_000
_MOST_FIELDS = 10_000
router = Router()


@router.post("/files/preview")
async def preview(page: CurrentPage, request: Request) -> Response:
    """Show how the chosen file would be read. Nothing is stored."""
    try:
        async with received(request) as (typed, file):
            if file is None:
                return await refused(page, typed, page.tr("Choose a file first."))
            shown = await page.services.upload(
                "portfolio",
                f"/v1/portfolios/{UUID(typed.get('portfolio_id', ''))}/file-previews",
                chunks(file),
                filename=(file.filename or "")[-200:],
                profile=typed.get("profile"),
            )
    except FileTooLong:
        return await refused(page, {}, page.tr("The file is larger than 256 MB. Split it, or send it by the command."))
    except Refused as refusal:
        return await refused(page, typed, page.said(refusal))
    except ValueError:
        return await refused(page, typed, page.tr("Choose the portfolio first."))
    return _show(page, typed["portfolio_id"], shown)


def _show(page: Page, portfolio_id: str, shown: dict[str, Any], wrong: str | None = None) -> Response:
    groups = [
        (page.tr(group), [(name, page.reader.word(f"field {name}")) for name in names])
        for group, names in GROUPS.items()
    ]
    kept = {name: value for name, value in shown["profile"].items() if name not in ("columns", "name")}
    return page.show(
        "files/preview.html",
        422 if wrong else 200,
        portfolio_id=portfolio_id,
        shown=shown,
        groups=groups,
        kept=json.dumps(kept),
        wrong=wrong,
    )


@router.post("/files/profiles")
async def keep(page: CurrentPage, request: Request) -> Response:
    """Keep the chosen columns as a profile of the creditor: a new one, or the next version of the one in use."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > _MOST_BYTES:
        raise FormTooLong
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    typed = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
    places = sorted(int(name.removeprefix("source-")) for name in typed if name.startswith("source-"))
    columns = [{"source": typed[f"source-{place}"], "field": typed.get(f"field-{place}") or None} for place in places]
    profile = json.loads(typed.get("kept", "{}")) | {"name": typed.get("name", ""), "columns": columns}
    portfolio = await page.services.get("portfolio", f"/v1/portfolios/{UUID(typed['portfolio_id'])}")
    path = f"/v1/creditors/{portfolio['creditor_id']}/file-profiles"
    try:
        if typed.get("profile_id"):
            saved = await page.services.put("portfolio", f"{path}/{UUID(typed['profile_id'])}", profile)
        else:
            saved = await page.services.post("portfolio", path, profile, key=typed.get("_key"))
    except Refused as refusal:
        again: dict[str, Any] = {
            "columns": [each | {"examples": []} for each in columns],
            "rows": [],
            "rejects": [],
            "warnings": [],
        }
        again |= {"problem": None, "profile": profile, "profile_id": typed.get("profile_id") or None}
        return _show(page, portfolio["portfolio_id"], again, page.said(refusal))
    return page.done(
        f"/files?portfolio_id={portfolio['portfolio_id']}&profile={saved['profile_id']}",
        "The profile {name} is kept. Choose the file again, and load it with this profile.",
        name=saved["name"],
    )
