"""What a file of numbers means: each line is a number, or the SHA-256 of one in E.164."""

import hashlib
import re
from collections.abc import Sequence

from jurisdictions import codes, dialable_phone, profile

MOST_NUMBERS = 1_000_000
MOST_BYTES = 80 * 1024 * 1024
MOST_LISTS = 50
_HASH = re.compile(r"[0-9a-fA-F]{64}")
_MOST_MISTAKES = 20


class WrongLines(ValueError):
    """Some lines are neither a number nor a hash. ``lines`` are the first ones, counted from 1."""

    def __init__(self, lines: Sequence[int]) -> None:
        super().__init__(f"lines {', '.join(map(str, lines))}")
        self.lines = lines


def official_lists() -> dict[str, str]:
    """Return the lists that a profile names, each with its jurisdiction."""
    return {name: code for code in codes() for name in profile(code).suppression_lists.value or ()}


def hash_of(number: str) -> bytes:
    """Return the SHA-256 of a number in E.164, by which it is kept."""
    return hashlib.sha256(number.encode()).digest()


def hashes_of(text: str, jurisdiction: str) -> list[bytes]:
    """Return the hashes of the numbers in a CSV file, each once. Only the first column counts.

    A number without a country code is one of ``jurisdiction``. The first line may be a heading. Raises ``WrongLines``.
    """
    found: dict[bytes, None] = {}
    wrong: list[int] = []
    for n, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        cell = re.split("[,;\t]", line, maxsplit=1)[0].strip().strip('"').strip()
        if not cell:
            continue
        if _HASH.fullmatch(cell):
            found[bytes.fromhex(cell)] = None
        elif number := dialable_phone(cell, jurisdiction):
            found[hash_of(number)] = None
        elif n > 1 or any(character.isdigit() for character in cell):
            wrong.append(n)
            if len(wrong) == _MOST_MISTAKES:
                break
    if wrong:
        raise WrongLines(wrong)
    return list(found)
