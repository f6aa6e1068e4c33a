"""Formats dates, amounts, addresses and paper for letters, in Spanish and by the jurisdiction's custom."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

# These countries print letters on the North American size, all others on A4.
_LETTER_COUNTRIES = frozenset({"CA", "CL", "CO", "CR", "DO", "GT", "HN", "MX", "NI", "PA", "PR", "SV", "US", "VE"})
_LONGEST_WORD = 16


def paper(jurisdiction: str) -> str:
    """Return the jurisdiction's paper size, by typst's name."""
    return "us-letter" if jurisdiction in _LETTER_COUNTRIES else "a4"


def long_date(day: date) -> str:
    """``23 de noviembre de 2026``"""
    return format_date(day, "long", locale="es_MX")


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
    code = f"C.P. {address['postal_code']}" if address["postal_code"] else None
    lines = (
        _joined(" ", address["street"], address["exterior"], inside),
        f"Col. {address['neighbourhood']}" if address["neighbourhood"] else "",
        _joined(" ", code, place),
        country_name(country) if country and country != jurisdiction else "",
    )
    return [line for line in lines if line]


def _joined(separator: str, *parts: str | None) -> str:
    return separator.join(part for part in parts if part)


def breakable(text: str) -> str:
    """Return ``text`` with break points inside very long words, so that none runs over the edge of a box."""
    return " ".join(
        "\u200b".join(word[start : start + _LONGEST_WORD] for start in range(0, len(word), _LONGEST_WORD)) or word
        for word in text.split(" ")
    )
