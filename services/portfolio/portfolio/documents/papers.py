"""What an agreement, its proposal and a letter of no debt state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis import Conflict
from documents.press import Document
from documents.wording import (
    Language,
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
from recobro_events.contracts.portfolio import ContractState

from portfolio.documents.texts import TEXTS
from portfolio.ledger.components import Component

_LINE = 60
_NOTHING = Decimal("0.00")


class LetterIncomplete(Conflict):
    code = "letter-incomplete"
    detail = "Data that the document must state are missing."


class Unprintable(Conflict):
    code = "unprintable"
    detail = "The document cannot be printed."


class DebtOpen(Conflict):
    code = "debt-open"
    detail = "The contract is not settled, so there is no letter of no debt."


@dataclass(frozen=True)
class Writer:
    """Writes amounts and days in the document's language, by the custom of the jurisdiction."""

    language: Language
    contract: Row

    @classmethod
    def of(cls, contract: Row, language: Language | None) -> "Writer":
        return cls(language or contract["language"] or language_of(contract["jurisdiction"]), contract)

    def money(self, amount: Decimal) -> str:
        return money_in_letter(amount, self.contract["currency"], self.contract["jurisdiction"], self.language)

    def day(self, day: date) -> str:
        return long_date(day, self.language, self.contract["jurisdiction"])

    def said(self, key: str, **words: str) -> str:
        return TEXTS[self.language][key].format_map(words)


def agreement_of(contract: Row, agreement: Row, language: Language | None) -> Document:
    """Return the contents of the agreement's document. ``LetterIncomplete`` where nobody knows where to pay."""
    write = Writer.of(contract, language)
    reference = breakable(contract["contract_number"])
    return _terms(
        write,
        agreement,
        parties=[(write.said("reached"), write.day(agreement["made_on"]))],
        opening=[write.said("agreed", contract=reference)],
    )


def proposal_of(contract: Row, proposal: Row, language: Language | None) -> Document:
    """Return the contents of a proposal to be signed. ``LetterIncomplete`` where nobody knows where to pay."""
    write = Writer.of(contract, language)
    terms = proposal["terms"]
    agreement = {
        **{name: proposal[name] for name in ("agreement_id", "kind", "owed_components")},
        **{name: terms[name] for name in ("schedule", "settles_in_full")},
        "discount": Decimal(terms["discount"]),
        "owed": Decimal(terms["balance"]),
        "made_on": date.fromisoformat(terms["proposed_on"]),
    }
    last = write.day(proposal["valid_until"])
    title = write.said(proposal["kind"])
    return _terms(
        write,
        agreement,
        title=write.said("proposal", kind=title[0].lower() + title[1:]),
        mark=write.said("to_sign"),
        parties=[
            (write.said("proposed_on"), write.day(agreement["made_on"])),
            (write.said("valid_until"), last),
        ],
        opening=[
            write.said("proposed", contract=breakable(contract["contract_number"])),
            write.said("not_in_force", day=last),
            *([write.said("awaits_second_person")] if proposal["awaits_second_person"] else []),
        ],
        ending=[write.said("terms", sha256=terms["sha256"]), write.said("signed_at")],
    )


def _terms(write: Writer, agreement: Row | Mapping[str, Any], ending: Sequence[str] = (), **contents: Any) -> Document:
    """What an agreement and its proposal have in common: who owes what, what is paid when and where, and who signs.
    The paragraphs of ``ending`` come last."""
    contract = write.contract
    letterhead: Mapping[str, Any] = contract["letterhead"]
    account = letterhead.get("payment_instructions")
    schedule = [(date.fromisoformat(part["due_on"]), Decimal(part["amount"])) for part in agreement["schedule"]]
    if schedule and not account:
        missing = "creditor.payment_instructions"
        raise LetterIncomplete(f"The agreement must state where to pay: {missing}.", extra={"missing": [missing]})
    total = sum((amount for _, amount in schedule), _NOTHING)
    reference = breakable(contract["contract_number"])
    paying = (
        [write.said("pay", account=breakable(sentence(account), _LINE), contract=reference)]
        if schedule and account
        else []
    )
    ends = [write.said("broken"), *paying, write.said("not_to_person")] if schedule else []
    settles = write.said("in_full", total=write.money(total)) if agreement["settles_in_full"] else write.said("in_part")
    return _document(
        write,
        agreement["kind"],
        agreement["agreement_id"],
        **contents,
        sums=_sums(write, agreement, total),
        calculated_on=_calculated_on(write, agreement),
        schedule=[[str(n), write.day(day), write.money(part)] for n, (day, part) in enumerate(schedule, start=1)],
        closing=[settles, *ends],
        ending=list(ending),
        signers=[_creditor(contract), breakable(contract["debtor_name"]), *map(breakable, contract["obligors"])],
    )


def _sums(write: Writer, agreement: Row | Mapping[str, Any], total: Decimal) -> list[list[str]]:
    """The parts of the debt on the day of the agreement, where they are known, what is given up, and what is paid."""
    discount: Decimal = agreement["discount"]
    owed = total + discount if agreement["settles_in_full"] else agreement["owed"]
    parts = [(name, Decimal(_components(agreement).get(name, 0))) for name in Component]
    has_parts = sum(part for _, part in parts) == owed
    rows = [[write.said(name), write.money(part)] for name, part in parts if part and has_parts]
    if owed is not None:
        rows.append([write.said("owed"), write.money(owed)])
    return [*rows, [write.said("discount"), write.money(discount)], [write.said("to_pay"), write.money(total)]]


def _components(agreement: Row | Mapping[str, Any]) -> Mapping[str, Any]:
    """The parts of what was owed on the day of the agreement; empty where they are not known."""
    return agreement["owed_components"] or {}


def _calculated_on(write: Writer, agreement: Row | Mapping[str, Any]) -> str:
    day = _components(agreement).get("calculated_on")
    return write.said("calculated_on", day=write.day(date.fromisoformat(day) if day else agreement["made_on"]))


def no_debt_of(contract: Row, waived: Row | None, language: Language | None) -> Document:
    """Return the contents of the letter of no debt. ``DebtOpen`` while the contract is not settled."""
    if contract["state"] != ContractState.SETTLED or contract["total_balance"] != 0:
        raise DebtOpen()
    write = Writer.of(contract, language)
    words = {
        "creditor": _creditor(contract),
        "contract": breakable(contract["contract_number"]),
        "debtor": breakable(contract["debtor_name"]),
    }
    closing = [write.said("no_claim"), write.said("issued")]
    if waived is not None:
        amount, day = write.money(waived["amount"]), write.day(waived["charged_on"])
        closing.insert(0, write.said("by_agreement", waived=amount, settled=day))
    stated = write.said("no_debt_stated", day=write.day(contract["day"]), **words)
    return _document(
        write,
        "no_debt",
        contract["contract_id"],
        opening=[stated],
        closing=closing,
        signers=[words["creditor"]],
    )


def _creditor(contract: Row) -> str:
    return breakable(contract["letterhead"].get("legal_name") or contract["creditor_name"])


def _document(write: Writer, kind: str, folio: UUID, **contents: Any) -> Document:
    contract = write.contract
    head: Mapping[str, Any] = contract["letterhead"]
    for field, text in {"name": contract["debtor_name"], "creditor": _creditor(contract)}.items():
        if script := unprintable_script(text):
            raise Unprintable(f"The fonts have no {script} letters. The field is: {field}.", extra={"field": field})
    tax_id = company_tax_id(contract["jurisdiction"]) or write.said("tax_id")
    labelled = [(tax_id, head.get("tax_id")), (write.said("phones"), ", ".join(head.get("phones") or ()))]
    lines = [f"{label}: {value}" for label, value in labelled if value]
    lines += [breakable(head["address"], _LINE)] if head.get("address") else []
    parties = [
        (write.said("creditor"), _creditor(contract)),
        (write.said("debtor"), breakable(contract["debtor_name"])),
        (write.said("obligors"), ", ".join(breakable(one) for one in contract["obligors"])),
        (write.said("contract"), breakable(contract["contract_number"])),
        *contents.pop("parties", []),
    ]
    if unit := head.get("complaints_unit"):
        contents["closing"] = [*contents["closing"], write.said("complaints", unit=breakable(unit, _LINE))]
    empty: dict[str, Any] = {"mark": "", "ending": [], "sums": [], "schedule": [], "calculated_on": ""}
    return empty | {
        "paper": paper(contract["jurisdiction"]),
        "language": write.language,
        "texts": TEXTS[write.language] | {"title": contents.pop("title", write.said(kind))},
        "folio": f"{contract['day']:%Y%m%d}-{folio.hex[-8:].upper()}",
        "day": write.day(contract["day"]),
        "creditor": {"name": _creditor(contract), "lines": lines},
        "parties": [list(one) for one in parties if one[1]],
        **contents,
    }
