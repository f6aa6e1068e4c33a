"""The notification letter, for a closed unmarked envelope: who writes, for whom, which contract, and the balance.

It states what the jurisdiction's profile asks of a first notice. A letter without one of these data is not printed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import jurisdictions
from chassis import Conflict
from documents.press import Document
from documents.wording import (
    Language,
    address_lines,
    breakable,
    company_tax_id,
    language_of,
    long_date,
    money_in_letter,
    paper,
    sentence,
    unprintable_script,
)
from recobro_events import Row

from field_visits.documents.letter_texts import TEXTS

_NOBODY: Mapping[str, Any] = {}
_COMPANY = "company"
STATED = frozenset(
    [
        *("agency", "collector", "address", "phone", "creditor", "creditor_address", "creditor_tax_id"),
        *("contract", "amount", "calculated_on", "conditions_to_settle", "complaints_unit"),
    ]
)
"""What the letter can state of what a profile may ask of a first notice."""
_COMPONENTS = ("principal", "ordinary_interest", "default_interest", "fees", "tax", "other")
_TWO_STOPS = re.compile(r"\.\.(?=\s|$)")
_LINE = 60
"""Letters that a line has room for. An account number and an address stay whole."""


class LetterIncomplete(Conflict):
    code = "letter-incomplete"
    detail = "Data that the letter must state are missing."


class Unprintable(Conflict):
    code = "unprintable"
    detail = "The document cannot be printed."


@dataclass(frozen=True)
class Sender:
    """Who writes: the agency of the visit, or the creditor itself. ``kind`` is ``agency`` or ``creditor``."""

    kind: str
    name: str | None
    letterhead: Mapping[str, Any]


def letter_of(visit: Row, owed: Row, language: Language | None = None) -> Document:
    """Return the letter's contents, with the balance as of the business date.

    ``language`` is by default the debtor's, else the jurisdiction's. Raises ``LetterIncomplete`` and ``Unprintable``.
    """
    creditor = owed["creditor"] or _NOBODY
    creditor_name = creditor.get("legal_name") or owed["company"]
    sender = _sender(visit, owed, creditor_name)
    _refuse_missing(visit, owed, sender, creditor)
    language = language or owed["language"] or language_of(visit["jurisdiction"])
    address = dict(visit) | {"state": visit["address_state"]}
    lines = [breakable(line) for line in address_lines(address, visit["jurisdiction"])]
    words = {
        "name": breakable(visit["name"]),
        "creditor": breakable(creditor_name),
        "sender": breakable(sender.name or ""),
        "reference": breakable(visit["contract_number"]),
    }
    # A name such as "S.A." ends with the full stop of its sentence.
    texts = {key: _TWO_STOPS.sub(".", text.format_map(words)) for key, text in TEXTS[language].items()}
    texts["tax_id"] = company_tax_id(visit["jurisdiction"]) or texts["tax_id"]
    refuse_unprintable({"name": visit["name"], "address": " ".join(lines), **words})

    def amount(column: str) -> str:
        return money(owed[column])

    def money(value: Decimal) -> str:
        return money_in_letter(value, owed["currency"], visit["jurisdiction"], language)

    return {
        "paper": paper(visit["jurisdiction"]),
        "language": language,
        "texts": texts,
        "salutation": texts["to_company" if owed["debtor_kind"] == _COMPANY else "to_person"],
        "folio": f"{visit['visit_on']:%Y%m%d}-{visit['visit_id'].hex[-8:].upper()}",
        "name": words["name"],
        "address": lines,
        "sender": {
            "name": words["sender"],
            "tax_id": sender.letterhead.get("tax_id") or "",
            "address": breakable(sender.letterhead.get("address") or "", _LINE),
            "phones": ", ".join(sender.letterhead.get("phones") or ()),
        },
        "creditor": words["creditor"],
        "creditor_details": [
            breakable(text, _LINE)
            for text in (creditor.get("tax_id"), creditor.get("address"))
            if text and sender.kind == "agency"
        ],
        "on_behalf": sender.kind == "agency",
        "visitor": breakable(visit["visitor"]),
        "contract_number": words["reference"],
        "overdue_balance": amount("overdue_balance"),
        "total_balance": amount("total_balance"),
        "components": [[texts[name], money(part)] for name, part in _components(owed)],
        "calculated_on": _calculated_on(owed, language, visit["jurisdiction"]),
        "as_of": long_date(owed["as_of"], language, visit["jurisdiction"]),
        "payment_instructions": breakable(sentence(creditor.get("payment_instructions") or ""), _LINE),
        "complaints_unit": breakable(_complaints_unit(sender, creditor) or "", _LINE),
    }


def _components(owed: Row) -> list[tuple[str, Decimal]]:
    """The parts of the total balance that are not 0, if the creditor has stated parts."""
    stated = owed["components"] or {}
    parts = [(name, Decimal(stated[name])) for name in _COMPONENTS if name in stated]
    return [(name, part) for name, part in parts if part]


def _calculated_on(owed: Row, language: Language, jurisdiction: str) -> str:
    day = (owed["components"] or {}).get("calculated_on")
    return long_date(date.fromisoformat(day), language, jurisdiction) if day else ""


def _sender(visit: Row, owed: Row, creditor_name: str) -> Sender:
    if visit["agency_id"] is None:
        return Sender("creditor", creditor_name, owed["creditor"] or _NOBODY)
    letterhead = owed["agency"] or _NOBODY
    return Sender("agency", letterhead.get("legal_name") or owed["agency_name"], letterhead)


def _complaints_unit(sender: Sender, creditor: Mapping[str, Any]) -> str | None:
    return sender.letterhead.get("complaints_unit") or creditor.get("complaints_unit")


def _refuse_missing(visit: Row, owed: Row, sender: Sender, creditor: Mapping[str, Any]) -> None:
    must_state = jurisdictions.profile(visit["jurisdiction"]).first_notice_must_state.value or ()
    facts = {
        "agency": (f"{sender.kind}.legal_name", sender.name),
        "collector": ("visitor", visit["visitor"]),
        "address": (f"{sender.kind}.address", sender.letterhead.get("address")),
        "phone": (f"{sender.kind}.phones", sender.letterhead.get("phones")),
        "creditor": ("creditor.legal_name", owed["company"]),
        "creditor_address": ("creditor.address", creditor.get("address")),
        "creditor_tax_id": ("creditor.tax_id", creditor.get("tax_id")),
        "contract": ("contract.contract_number", visit["contract_number"]),
        "amount": ("contract.total_balance", owed["total_balance"]),
        "calculated_on": ("contract.as_of", owed["as_of"]),
        "conditions_to_settle": ("creditor.payment_instructions", creditor.get("payment_instructions")),
        "complaints_unit": (f"{sender.kind}.complaints_unit", _complaints_unit(sender, creditor)),
    }
    stated = [facts[name] for name in must_state if name in STATED]
    missing = [field for field, value in stated if value in (None, "", [])]
    if missing:
        raise LetterIncomplete(
            f"The letter must state these data, which are missing: {', '.join(missing)}. An operator can enter them"
            " at the creditor (portfolio) or the agency (assignment).",
            extra={"missing": missing},
        )


def refuse_unprintable(texts: Mapping[str, str]) -> None:
    """Raise ``Unprintable`` when a text has a script that the fonts of the documents do not have."""
    for field, text in texts.items():
        if script := unprintable_script(text):
            raise Unprintable(f"The fonts have no {script} letters. The field is: {field}.", extra={"field": field})
