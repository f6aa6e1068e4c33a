"""What the page says: ``sentences.json`` has the Spanish and the Portuguese of each sentence."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from chassis.languages import Language, Locale, locale_named
from chassis.problems import Problem
from documents.wording import language_of, long_date, money_in_letter

NAMES: Mapping[Language, str] = {Language.ES: "Español", Language.PT: "Português", Language.EN: "English"}
TAX_IDS = {"MX": "RFC", "BR": "CPF", "US": "SSN"}

REFUSED: Mapping[str, str] = {
    "promise-too-small": "This amount is too small. Please choose a larger one.",
    "promise-too-far": "This day is too far ahead. Please choose an earlier one.",
    "promise-open": "You have already promised a payment for that day. Please choose another day.",
    "promises-exceed-balance": "Together with what you have promised already, this would be more than you owe.",
    "too-many-broken": "Several promises were not kept, so we cannot take another one here. Please call us.",
    "too-many-promises": "We cannot take more promises here. Please call us.",
    "plan-open": "You already have an agreement. Please call us if you cannot keep it.",
    "agreement-pending": "An agreement is waiting already. You can accept or decline it on this page.",
    "agreement-not-pending": "This agreement has been decided already.",
    "agreement-unknown": "This agreement has been decided already.",
    "offer-expired": "The time for this offer is over.",
    "not-eligible": "This offer is not available any more.",
    "balance-changed": "What you owe has changed since, so this agreement no longer fits. Please choose again.",
    "second-person-needed": "We still have to approve this agreement. You can accept it afterwards.",
    "clarification": "We are looking into your case, so nothing can be agreed until you have our answer.",
    "dispute-known": "We already have your message and are looking into it. You do not need to send it again.",
    "nothing-owed": "You owe nothing on this contract.",
    "too-many-acts": "You have sent too many forms. Please call us.",
    "invalid": "Please correct what is marked below. Nothing was changed.",
}
"""Why something cannot be done, by the code of the problem."""
FAILED = "Something went wrong on our side. Nothing was changed. Please try again in a minute."
BUSY = "Many requests have come from your network. Please wait a minute and try again."
FIELDS: Mapping[str, str] = {
    "amount": "Write an amount that is more than zero and not more than you owe, such as 250.00.",
    "due_on": "Choose one of the days that are named above.",
    "proof": "This is not the code. It is above, in this part of the page.",
    "detail": "Write at most 1,000 characters.",
    "contact": "Choose at least one of these.",
    "reason": "Choose one of these.",
}
"""What is wrong with a field of a form, by the field."""


@cache
def _sentences() -> Mapping[str, Mapping[str, str]]:
    text = files(__package__).joinpath("sentences.json").read_text(encoding="utf-8")
    known: Mapping[str, Mapping[str, str]] = json.loads(text)
    return known


def translated(sentence: str, language: Language) -> str:
    return sentence if language is Language.EN else _sentences()[sentence][language]


@dataclass(frozen=True)
class Reader:
    """The language of the person who reads, and the country whose money and days the page writes."""

    language: Language
    jurisdiction: str = "MX"

    def tr(self, sentence: str, **values: Any) -> str:
        said = translated(sentence, self.language)
        return said.format(**values) if values else said

    def money(self, amount: Any, currency: str) -> str:
        return money_in_letter(Decimal(amount), currency, self.jurisdiction, self.language.value)

    def typed(self, amount: Decimal) -> str:
        """The amount as the reader would type it."""
        return self._writes.amount(f"{amount:.2f}")

    def day(self, day: date | str) -> str:
        when = date.fromisoformat(day) if isinstance(day, str) else day
        return long_date(when, self.language.value, self.jurisdiction)

    @property
    def has_decimal_point(self) -> bool:
        return self._writes.has_decimal_point

    @property
    def _writes(self) -> Locale:
        """How amounts are written: as in the debtor's country, in whatever language the page is read."""
        return Locale(Language(language_of(self.jurisdiction)), self.jurisdiction)

    @property
    def tax_id(self) -> str:
        return TAX_IDS.get(self.jurisdiction) or self.tr("tax number")

    def why(self, problem: Problem) -> str:
        return self.tr(REFUSED.get(problem.code, FAILED if problem.status >= 500 else REFUSED["invalid"]))


def language_for(asked: str | None, of_debtor: str | None, jurisdiction: str | None) -> Language:
    """The language that the debtor has chosen, else the debtor's own, else that of letters in the country."""
    for name in (asked, of_debtor):
        if name in set(Language):
            return Language(name)
    return Language(language_of(jurisdiction or "MX"))


def language_of_browser(asked: str | None, header: str | None) -> Language:
    """The language for a reader whose identity is not proved: what they chose, else what the browser asks for."""
    if asked in set(Language):
        return Language(asked)
    locale = locale_named(header)
    return Language.ES if locale is None else locale.language
