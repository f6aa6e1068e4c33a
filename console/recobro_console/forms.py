"""Small forms: a page of its own with a few fields and one act. What was typed stays when a service refuses it.

A form is no part of a live page, so nothing that happens meanwhile takes away what a person types.
"""

import re
import uuid
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from chassis.languages import Language
from starlette.responses import Response

from recobro_console.calls import Refused, Trouble
from recobro_console.language import Reader
from recobro_console.pages import Page

KEY = "_key"
AGAIN = "again"
Values = Mapping[str, str]
_POINT_DECIMALS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?|\d+(\.\d+)?")
_COMMA_DECIMALS = re.compile(r"\d{1,3}(\.\d{3})+(,\d+)?|\d+(,\d+)?")


@dataclass(frozen=True)
class Field:
    """A field of a form, with texts in the reader's language. ``value`` stands there at first."""

    name: str
    label: str
    type: str = "text"
    value: str = ""
    required: bool = False
    hint: str | None = None
    options: Sequence[tuple[str, str]] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Form:
    """A form. ``facts`` stand above it: what it is about. ``back`` is where who changes their mind goes.

    ``again``: the codes of problems that the user may overrule, each with the sentence that says so.
    """

    title: str
    button: str
    back: str
    fields: Sequence[Field]
    facts: Sequence[tuple[str, str]] = ()
    lead: str | None = None
    is_danger: bool = False
    again: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_file(self) -> bool:
        return any(each.type == "file" for each in self.fields)


def mistakes(
    page: Page, trouble: Trouble | None, named: Set[str], places: Mapping[str, str] | None = None
) -> tuple[str | None, dict[str, str]]:
    """What stands above a form because of a trouble, and what beside its fields, by their names.

    ``named`` are the form's fields. ``places`` name the fields that parts of the request's body came from, by JSON
    pointer. Without one the pointer's own name counts.
    """
    if not isinstance(trouble, Refused):
        return (None if trouble is None else page.said(trouble)), {}
    wrong: dict[str, str] = {}
    left = [page.reader.meaning(trouble.code, trouble.asked) or page.reader.explained(trouble.detail)]
    for error in trouble.errors:
        pointer, detail = str(error.get("pointer", "")), page.reader.explained(str(error.get("detail", "")))
        name = (places or {}).get(pointer, pointer.removeprefix("/"))
        if name in named:
            wrong.setdefault(name, detail)
        else:
            left.append(detail)
    return " ".join(filter(None, left)), wrong


def show(
    page: Page,
    form: Form,
    values: Values | None = None,
    trouble: Trouble | None = None,
    places: Mapping[str, str] | None = None,
    *,
    own: Mapping[str, str] | None = None,
) -> Response:
    """Show the form, empty or with what was typed and what is wrong with it.

    ``places`` are those of ``mistakes``; ``own`` are mistakes that the console itself has found, by field. A form whose
    outcome is unknown keeps its key: sent again, it still takes effect once.
    """
    said, wrong = mistakes(page, trouble, {each.name for each in form.fields}, places)
    wrong |= own or {}
    kept = values.get(KEY) if values and trouble and not isinstance(trouble, Refused) else None
    overrule = form.again.get(trouble.code) if isinstance(trouble, Refused) else None
    status = 200 if trouble is None else trouble.status if isinstance(trouble, Refused) else 503
    return page.show(
        "form.html",
        422 if own else status,
        form=form,
        values=values,
        said=said,
        wrong=wrong,
        key=kept or str(uuid.uuid4()),
        overrule=overrule,
    )


def amount_of(reader: Reader, text: str) -> str:
    """An amount as the user's language writes it, as the services read it. Anything else is left for them to refuse."""
    bare = text.replace("$", "").replace("R", "").replace("\u00a0", " ").replace(" ", "")
    if reader.language is Language.PT:
        if _COMMA_DECIMALS.fullmatch(bare):
            return bare.replace(".", "").replace(",", ".")
    elif _POINT_DECIMALS.fullmatch(bare):
        return bare.replace(",", "")
    return text


def seen_version(form: Values) -> int | None:
    """The version that a form has shown, which its ``version`` holds; None for none."""
    version = form.get("version", "")
    return int(version) if version.isascii() and version.isdecimal() else None


def today_in(reader: Reader, zone: str | None) -> date:
    """The day that it is now in a portfolio's zone."""
    return reader.local(datetime.now(UTC), zone).date()
