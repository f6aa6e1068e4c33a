"""What the findings of files mean, for the people who read them. All their sentences stand here.

``sentences.json`` has their Spanish and Portuguese, and the words of the codes in their values under ``word …``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from chassis.languages import Language, Locale

from portfolio.files.file_sentences import SENTENCES
from portfolio.files.finding_kinds import FindingKind


class Figure(StrEnum):
    """What a finding's ``stated`` or ``known`` is.

    ``file_amount``: what the file states of the instalments that were known. ``expected_amount``: what the file would
    state of them if it knew every payment up to its day. ``instalment_amount``: what the file states of one instalment;
    ``decided_amount``: what a dispute has made of it. ``contact_kind``: which phone, e-mail or address; ``verdict``:
    what was found about it. ``new_customer``, ``former_customer``: the number of a customer, with the status.
    ``total_balance``: everything that is unpaid.
    """

    FILE_AMOUNT = "file_amount"
    EXPECTED_AMOUNT = "expected_amount"
    INSTALMENT_AMOUNT = "instalment_amount"
    DECIDED_AMOUNT = "decided_amount"
    CONTACT_KIND = "contact_kind"
    VERDICT = "verdict"
    NEW_CUSTOMER = "new_customer"
    FORMER_CUSTOMER = "former_customer"
    TOTAL_BALANCE = "total_balance"


@dataclass(frozen=True)
class Meaning:
    """The sentence of a finding, in which ``{stated}``, ``{known}``, ``{detail}`` and ``{instalment}`` stand."""

    text: str
    stated_is: Figure | None = None
    known_is: Figure | None = None

    def sentence(self, values: Mapping[str, Any], locale: Locale) -> str:
        """The sentence with its values, as the reader writes them."""
        if locale.language is Language.EN:
            return self.text.format(**values)
        sentence = SENTENCES.translations[self.text][locale.language]
        return sentence.format(**{name: _written(str(value), locale) for name, value in values.items()})


_MONEY = (Figure.FILE_AMOUNT, Figure.EXPECTED_AMOUNT)
_DECISION = (Figure.INSTALMENT_AMOUNT, Figure.DECIDED_AMOUNT)
_CONTACT = (Figure.CONTACT_KIND, Figure.VERDICT)
_CUSTOMERS = (Figure.NEW_CUSTOMER, Figure.FORMER_CUSTOMER)

BY_KIND: Mapping[FindingKind, Meaning] = {
    FindingKind.IN_POSTING: Meaning(
        "The file does not know these payments yet: {detail}. They stay on top of its figure of {stated}.", *_MONEY
    ),
    FindingKind.UNPOSTED: Meaning(
        "The file still lacks payments that should have been posted by now: {detail}. Its figure of {stated} holds.",
        *_MONEY,
    ),
    FindingKind.DIFFERS: Meaning(
        "The file states {stated}, {known} was expected, and no payment explains it. The file's figure holds.", *_MONEY
    ),
    FindingKind.FILE_PAYMENTS: Meaning(
        "The file states {stated}, {known} was expected, and no known payment explains it. The difference has become a"
        " payment of channel file.",
        *_MONEY,
    ),
    FindingKind.PERSON_CHANGED: Meaning(
        "The file gives the contract to the customer {stated}; before, it was that of {known}. Status and marks are"
        " those of the new customer.",
        *_CUSTOMERS,
    ),
    FindingKind.WOULD_REGISTER: Meaning("The file would add the contract, with {stated} unpaid.", Figure.TOTAL_BALANCE),
    FindingKind.WOULD_REVISE: Meaning(
        "The file would restate the contract: {stated} unpaid, and {known} until now.",
        Figure.TOTAL_BALANCE,
        Figure.TOTAL_BALANCE,
    ),
    FindingKind.WOULD_CLOSE: Meaning(
        "The file does not name the contract, and would close it. {known} is unpaid.", None, Figure.TOTAL_BALANCE
    ),
}
BY_DETAIL: Mapping[str, Meaning] = {
    "fewer_instalments": Meaning(
        "The file no longer states instalments that are unpaid: it states {stated}, and {known} was expected.", *_MONEY
    ),
    "leaves_deceased": Meaning(
        "The file gives the contract of a deceased debtor, {known}, to the customer {stated}.", *_CUSTOMERS
    ),
    "leaves_represented": Meaning(
        "The file gives the contract of a represented debtor, {known}, to the customer {stated}.", *_CUSTOMERS
    ),
    "overtaken": Meaning("A later file has stated the contract, so these corrected rows change nothing."),
    "closed": Meaning("The contract is closed, and corrected rows reopen nothing."),
    "undecided": Meaning("A person has to decide about the contract before its rows can be corrected."),
    "other_customer": Meaning("These corrected rows name another customer, and corrected rows move no contract."),
    "too_many_instalments": Meaning("With these rows the contract would have too many instalments."),
    "balance_too_large": Meaning("With these rows the balance of the contract would have too many digits."),
    "decision_kept": Meaning(
        "A dispute has made instalment {instalment} {known}. The file repeats {stated}, and the decision holds.",
        *_DECISION,
    ),
    "new_word_of_the_creditor": Meaning(
        "A dispute has made instalment {instalment} {known}. The file states another amount, {stated}, and that one"
        " holds now.",
        *_DECISION,
    ),
    "stays wrong, for the file repeats it": Meaning(
        "The file repeats a value ({stated}) that was found wrong. It stays wrong.", *_CONTACT
    ),
    "no longer decides, for the file states another value": Meaning(
        "The value ({stated}) was found {known}. The file states another value, so that finding no longer counts.",
        *_CONTACT,
    ),
    "refused_fewer_instalments": Meaning(
        "The file repeats what a person has refused: it states {stated}, and {known} was expected. The contract keeps"
        " its figures.",
        *_MONEY,
    ),
    "refused_leaves_deceased": Meaning(
        "The file repeats what a person has refused: to give the contract of a deceased debtor, {known}, to the"
        " customer {stated}. The contract keeps everything.",
        *_CUSTOMERS,
    ),
    "refused_leaves_represented": Meaning(
        "The file repeats what a person has refused: to give the contract of a represented debtor, {known}, to the"
        " customer {stated}. The contract keeps everything.",
        *_CUSTOMERS,
    ),
}
"""The meanings of findings whose kind alone does not tell them."""
_OF_EARLIER_RELEASES = Meaning("The file says otherwise than was known: {stated}, not {known}.")


_PART = re.compile(r"(?P<day>\d{4}-\d{2}-\d{2})|(?P<amount>-?\d+\.\d{2})(?!\d)|(?P<words>paid on|\b[a-z_]+\d?\b)")
"""What a value is made of: days, amounts and codes. Customers' numbers are in capitals, or have no such form."""


def _written(value: str, locale: Locale) -> str:
    """A value of a finding as the reader writes it. What is neither day nor amount nor a known code stays as it is."""

    def part(found: re.Match[str]) -> str:
        if found["amount"]:
            return locale.amount(found["amount"])
        if found["day"]:
            return f"{date.fromisoformat(found['day']):%d/%m/%Y}"
        words = SENTENCES.translations.get(f"word {found['words']}")
        return words[locale.language] if words else found[0]

    return _PART.sub(part, value)


def meaning_of(kind: FindingKind, detail: str | None) -> Meaning:
    """The meaning of a finding. One that an earlier release has stored may have a detail that has no sentence here."""
    return BY_KIND[kind] if kind in BY_KIND else BY_DETAIL.get(detail or "", _OF_EARLIER_RELEASES)
