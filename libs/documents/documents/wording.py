"""Formats dates, amounts, addresses and paper for letters, by language and by the jurisdiction's custom."""

import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

# These countries print letters on the North American size, all others on A4.
_LETTER_COUNTRIES = frozenset({"CA", "CL", "CO", "CR", "DO", "GT", "HN", "MX", "NI", "PA", "PR", "SV", "US", "VE"})
_LONGEST_WORD = 16
Language = Literal["es", "pt", "en"]
_LANGUAGES: Mapping[str, Language] = {"BR": "pt", "PT": "pt", "US": "en", "GB": "en"}
_LOCALES: Mapping[Language, str] = {"es": "es_MX", "pt": "pt_BR", "en": "en_US"}
_LABELS = {"MX": ("Col. ", "C.P. "), "BR": ("", "CEP ")}
"""What stands before the neighbourhood and the postal code of an address in a country."""
_COMPANY_TAX_IDS = {"BR": "CNPJ"}
_SCRIPTS = frozenset({"LATIN", "GREEK", "CYRILLIC", "FEMININE", "MASCULINE", "MICRO", "MODIFIER"})
"""The scripts of Libertinus Serif, by the first words of the characters' names. ª and º are two of the words."""


def paper(jurisdiction: str) -> str:
    """Return the jurisdiction's paper size, by typst's name."""
    return "us-letter" if jurisdiction in _LETTER_COUNTRIES else "a4"


def language_of(jurisdiction: str) -> Language:
    """Return the language of letters in the jurisdiction."""
    return _LANGUAGES.get(jurisdiction, "es")


def company_tax_id(jurisdiction: str) -> str | None:
    """Return what the country calls the tax id of a company, in every language; None where it is no word of letters."""
    return _COMPANY_TAX_IDS.get(jurisdiction)


def _locale(language: Language, jurisdiction: str) -> Locale:
    try:
        return Locale(language, jurisdiction)
    except UnknownLocaleError:
        return Locale.parse(_LOCALES[language])


def long_date(day: date, language: Language = "es", jurisdiction: str = "MX") -> str:
    """``23 de noviembre de 2026``, in the United States ``November 23, 2026``"""
    return format_date(day, "long", locale=_locale(language, jurisdiction))


def money_in_letter(amount: Decimal, currency: str, jurisdiction: str, language: Language) -> str:
    """``$9,300.00 M.N.`` for Mexican pesos, ``R$ 9.300,00`` for reais in Portuguese."""
    if currency == "MXN":
        return f"${format_decimal(amount, '#,##0.00', locale='es_MX')} M.N."
    return format_currency(amount, currency, locale=_locale(language, jurisdiction)).replace("\xa0", " ")


def sentence(text: str) -> str:
    """Return the text with a full stop at its end, unless it ends a sentence already. No text stays no text."""
    text = text.strip()
    return text if not text or text[-1] in ".!?…" else f"{text}."


def unprintable_script(text: str) -> str | None:
    """Return the name of a script of the text that the embedded font does not have, such as ``ARABIC``."""
    for character in text:
        if character.isalpha() and (script := unicodedata.name(character, "UNKNOWN").split()[0]) not in _SCRIPTS:
            return script
    return None


def money(amount: Decimal, currency: str, jurisdiction: str) -> str:
    """``1,234.50 MXN``, with the separators of the jurisdiction's Spanish."""
    locale = f"es_{jurisdiction}" if jurisdiction in _LETTER_COUNTRIES else "es"
    return f"{format_decimal(amount, '#,##0.00', locale=locale)} {currency}"


def country_name(code: str) -> str:
    """``México`` for ``MX``. A text that is no country code stays as it is."""
    name: str = Locale("es").territories.get(code, code)
    return name


def address_lines(address: Mapping[str, Any], jurisdiction: str) -> list[str]:
    """Return an address as on an envelope. Missing parts and the sender's own country are left out."""
    inside = f"Int. {address['interior']}" if address["interior"] else None
    place = ", ".join(part for part in (address["city"], address["state"]) if part)
    country = address["country"]
    neighbourhood, code = _LABELS.get(country or jurisdiction, ("", ""))
    lines = (
        _joined(" ", address["street"], address["exterior"], inside),
        neighbourhood + address["neighbourhood"] if address["neighbourhood"] else "",
        _joined(" ", code + address["postal_code"] if address["postal_code"] else None, place),
        country_name(country) if country and country != jurisdiction else "",
    )
    return [line for line in lines if line]


def _joined(separator: str, *parts: str | None) -> str:
    return separator.join(part for part in parts if part)


def breakable(text: str, longest: int = _LONGEST_WORD) -> str:
    """Return ``text`` with break points inside words above ``longest``, so that none runs over the edge of a box."""
    return " ".join(
        "\u200b".join(word[start : start + longest] for start in range(0, len(word), longest)) or word
        for word in text.split(" ")
    )
