"""What a debtor's answers and typed amounts mean, and how long a link and its page live. No I/O."""

import re
import unicodedata
from datetime import timedelta
from decimal import Decimal

LINK_HOURS = 72
"""★ A link that nobody has opened ends after these hours."""
LINK_LIFE = timedelta(hours=LINK_HOURS)
SESSION_LIFE = timedelta(minutes=30)
"""★ A page that was opened ends after this time, whatever the debtor does."""
MOST_TRIES = 3
"""★ With so many wrong answers the link is dead."""
MOST_ACTS = 40
"""A link takes so many acts. Nobody sends more by hand within ``SESSION_LIFE``."""
TAX_ID_END = 4
"""★ So many characters of the end of the tax id prove it."""

_SHORTEST_TAX_ID = 8
_WITH_POINT = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d{1,2})?", re.ASCII)
_WITH_COMMA = re.compile(r"(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d{1,2})?", re.ASCII)


def plain(text: str) -> str:
    """Return the letters and digits of an answer, in capitals and without accents: people write codes in many ways."""
    decomposed = unicodedata.normalize("NFKD", text).upper()
    return "".join(letter for letter in decomposed if letter.isascii() and letter.isalnum())


def end_of_tax_id(tax_id: str | None) -> str | None:
    """Return the characters that the debtor is asked for, or None where the tax id is too short to prove anything."""
    known = plain(tax_id or "")
    return known[-TAX_ID_END:] if len(known) >= _SHORTEST_TAX_ID else None


def amount_typed(text: str, *, has_decimal_point: bool) -> Decimal | None:
    """Return the amount that a person has typed, with or without separators and a currency sign. None for no amount.

    A text that both ways of writing can read, such as ``1,500``, is read as the debtor's country writes it.
    """
    typed = "".join(text.split()).removeprefix("R$").removeprefix("$").removeprefix("£")
    ways = ((_WITH_POINT, ","), (_WITH_COMMA, "."))
    for pattern, group in ways if has_decimal_point else reversed(ways):
        if pattern.fullmatch(typed):
            return Decimal(typed.replace(group, "").replace(",", "."))
    return None
