"""What the cell of a table says, without what spreadsheets and copying have put around it.

Characters without a glyph are taken out, and each identifier has one spelling. Control and bidirectional characters
stay: a row that has them is refused.
"""

import re
import unicodedata

_INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
_WITHOUT_GLYPH = re.compile(f"[{_INVISIBLE}]")
_SPACE = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_SPACES = re.compile(f"[{_SPACE}]+")
_DASH = re.compile("[\u2010-\u2015\u2212]")
"""The dashes that an editor puts for a hyphen. Those of other widths become these by NFKC."""
BLANKS = _SPACE + "\t\r\n\v\f\u00ad\u200b\u200c\u200d\u2060\ufeff"
"""A cell of these characters alone is empty."""

_TEXT_OF_FORMULA = re.compile(r'="((?:[^"]|"")*)"', re.DOTALL)
_GUARD_OF_VALUE = re.compile(r"'+")
_GUARD_OF_TEXT = re.compile(r"'+(?=[=+\-@＝＋－＠\d\s])")
_INNER_GUARD = re.compile(r"(?<=[;,|\t\r\n])'(?=[=+\-@＝＋－＠])")
"""What ``chassis.csv`` puts where a spreadsheet of another locale may begin a cell."""


def text_of(cell: str) -> str:
    """The text of a cell: a name, a street. Composed letters (NFC) and plain spaces stand for all their spellings.

    An apostrophe at the start is a guard only where a spreadsheet needs one: 't Hooft keeps it.
    """
    text = _SPACES.sub(" ", unicodedata.normalize("NFC", _WITHOUT_GLYPH.sub("", cell)))
    return _unguarded(text, _GUARD_OF_TEXT)


def value_of(cell: str) -> str:
    """The value of a cell that holds a number, a code or a date: an identifier, a phone, an amount.

    Compatibility forms (NFKC) such as digits of full width, dashes and spaces have one spelling. The result is a fixed
    point: ``value_of(value_of(cell)) == value_of(cell)``, unless the cell has guards within guards.
    """
    return _unguarded(spelling_of(cell), _GUARD_OF_VALUE)


def spelling_of(identifier: str) -> str:
    """The one spelling of an identifier. Upper and lower case stay apart: some systems use both."""
    compatible = unicodedata.normalize("NFKC", _WITHOUT_GLYPH.sub("", identifier))
    return _SPACES.sub(" ", _DASH.sub("-", compatible)).strip(" ")


def _unguarded(text: str, guard: re.Pattern[str]) -> str:
    text = text.strip()
    if found := guard.match(text):
        text = text[found.end() :].strip()
    if formula := _TEXT_OF_FORMULA.fullmatch(text):
        text = formula[1].replace('""', '"').strip()
    return _INNER_GUARD.sub("", text) if "'" in text else text
