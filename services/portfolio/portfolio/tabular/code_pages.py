"""Tells the code page of a file that is not UTF-8: that of Windows, of DOS, or of the Macintosh.

The same bytes are text in each of them: Muñoz as Excel saves it for MS-DOS is Mu¤oz in Windows. So the words with
accents are read in each code page, and the signs that stand out are counted. Where Windows-1252 does not read best,
nothing is guessed: a person sees the words and decides.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class CodePage(StrEnum):
    """``cp1252`` is Windows in the Americas and Western Europe, ``cp850`` is DOS there, ``mac_roman`` the Macintosh."""

    CP1252 = "cp1252"
    CP850 = "cp850"
    MAC_ROMAN = "mac_roman"


class CodePages(NamedTuple):
    """What people said: in which code page this file is, and in which the portfolio's files usually are."""

    confirmed: CodePage | None = None
    usual: CodePage | None = None


UNKNOWN = CodePages()
MOST_WORDS = 20_000
"""Lines are looked at until there are so many distinct words with accents. A file has fewer."""
_SHOWN_WORDS = 8
_SHOWN_CHARACTERS = 40
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_OUR_LETTERS = frozenset("áéíóúüñçàâêôãõÁÉÍÓÚÜÑÇÀÂÊÔÃÕªº")
_BESIDE_LETTERS = frozenset("“”«»€¿¡…®™")
_BETWEEN_LETTERS = frozenset("°·´")
_BLANK = "\u00a0"
_VOWELS = frozenset("aeiouáéíóúâêôãõ")
_SELDOM_BETWEEN_LETTERS = frozenset("‘’–—")
_FOREIGN, _BESIDE_A_LETTER, _IMPOSSIBLE = 1, 2, 3


@dataclass(frozen=True)
class Reading:
    """What words of the file are in a code page. ``strangeness`` counts what stands out in all words."""

    code_page: CodePage
    strangeness: int
    words: tuple[str, ...]


class CodePageUnsure(Exception):
    """The bytes of the file are text in several code pages. A person has to say in which, from these readings."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        super().__init__("the code page of the file is not sure")
        self.readings = readings


def words_with_accents(lines: Iterable[bytes]) -> set[bytes]:
    """Return the distinct words that are not ASCII."""
    return {word for line in lines for word in _WORD.findall(line)}


def readings(words: Iterable[bytes]) -> list[Reading]:
    """Read the words in every code page, the least strange first. Ties keep the order of ``CodePage``."""
    known = sorted(words)
    counts = {page: [_strangeness(_decoded(word, page)) for word in known] for page in CodePage}
    shown = _most_telling(known, counts)
    read = [
        Reading(page, sum(strange), tuple(_decoded(word, page)[:_SHOWN_CHARACTERS] for word in shown))
        for page, strange in counts.items()
    ]
    return sorted(read, key=lambda reading: reading.strangeness)


def _most_telling(words: list[bytes], counts: Mapping[CodePage, list[int]]) -> list[bytes]:
    """The words that stand out most in Windows-1252."""
    places = sorted(range(len(words)), key=lambda place: (-counts[CodePage.CP1252][place], len(words[place])))
    return [words[place] for place in places[:_SHOWN_WORDS]]


def _decoded(word: bytes, page: CodePage) -> str:
    return word.decode(page, errors="replace")


def _strangeness(word: str) -> int:
    return sum(_strangeness_at(word, place) for place, sign in enumerate(word) if not sign.isascii())


def _strangeness_at(word: str, place: int) -> int:
    sign, before, after = word[place], word[:place], word[place + 1 :]
    if sign == "\ufffd":
        return _IMPOSSIBLE
    if sign in "çÇ" and after[:1].lower() not in _VOWELS:
        return _FOREIGN
    if sign == _BLANK:
        return _FOREIGN if before[-1:].islower() and after[:1].islower() else 0
    if sign.isalpha():
        return (0 if sign in _OUR_LETTERS else _FOREIGN) + (_IMPOSSIBLE if _has_other_case(sign, before, after) else 0)
    between = before[-1:].isalpha() and after[:1].isalpha()
    if sign in _BETWEEN_LETTERS or (sign in "‘’" and _is_prefix(before, after)):
        return 0
    if sign in _SELDOM_BETWEEN_LETTERS:
        return _FOREIGN if between else 0
    if between:
        return _IMPOSSIBLE
    beside = before[-1:].isalpha() or after[:1].isalpha()
    return _BESIDE_A_LETTER if beside and sign not in _BESIDE_LETTERS else 0


def _has_other_case(sign: str, before: str, after: str) -> bool:
    """Whether a small letter stands within capitals, or a capital behind a small letter."""
    if sign.isupper():
        return before[-1:].islower()
    if not before:
        return sign.islower() and len(after) > 1 and after[:2].isupper()
    return sign.islower() and before[-1:].isupper() and (after[:1].isupper() or (not after and before[-2:-1].isupper()))


def _is_prefix(before: str, after: str) -> bool:
    """O’Brien, D’Angelo, Dell’Acqua."""
    return len(before) == 1 or after[:1].isupper()
