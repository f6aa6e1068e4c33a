"""E-mail addresses, at three degrees of strictness. Each function accepts less than the one before it."""

import re
from typing import Annotated

from pydantic import AfterValidator

from chassis.models import ShortText

_ADDRESS_LIKE = re.compile(r"[^@\s]+@[^@\s]+")
_HAS_A_DOMAIN = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DELIVERABLE = re.compile(r"[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+")


def resembles_email(text: str) -> bool:
    """Whether there is a text on each side of a single @. This is enough for dictated text: a slip can be corrected."""
    return _ADDRESS_LIKE.fullmatch(text) is not None


def _email(text: str) -> str:
    if not _HAS_A_DOMAIN.fullmatch(text):
        raise ValueError("must be an e-mail address")
    return text


Email = Annotated[ShortText, AfterValidator(_email)]
"""An e-mail address as typed, with a dot after its @."""


def deliverable_email(text: str) -> str | None:
    """Return the address in lower case, or None if no mail can arrive there.

    Mail cannot arrive if a part of the domain is empty or the local part is too long.
    """
    return text.lower() if text.isprintable() and _DELIVERABLE.fullmatch(text) else None
