"""Revoked tokens, and subjects whose tokens are all revoked."""

from typing import Any

import pytest
from chassis.problems import Unauthorised
from chassis.trust import DenyList
from forging import KEY, signed, verifier_of

LIST = """
# lost laptop, 2026-11-20
4f8a7c1e

sub ana@example.com
  sub   José Ñandú \r
trailing\t
"""


def test_a_list_has_ids_subjects_and_comments() -> None:
    found = DenyList.parse(LIST.encode())
    assert found == DenyList(frozenset({"4f8a7c1e", "trailing"}), frozenset({"ana@example.com", "José Ñandú"}))
    assert DenyList.parse(b"") == DenyList()


@pytest.mark.parametrize("line", ["two words", "sub", "sub \u200bana", "ñ", "a" * 129, "jti 5", "SUB ana"])
def test_a_line_that_nobody_understands_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="line 2 is neither"):
        DenyList.parse(f"good\n{line}\n".encode())


def test_what_is_not_text_is_refused() -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        DenyList.parse(b"\xff")


@pytest.mark.parametrize(
    ("changes", "revoked"),
    [
        ({"jti": "t-1"}, True),
        ({"jti": "t-10"}, False),
        ({"jti": "T-1"}, False),
        ({"sub": "eve"}, True),
        ({"sub": "evelyn"}, False),
        ({"sub": "ana", "act": {"sub": "eve"}}, True),
        ({"sub": "eve", "act": {"sub": "crm"}}, True),
        ({"sub": "t-1"}, False),
    ],
)
async def test_a_revoked_token_is_refused(changes: dict[str, Any], revoked: bool) -> None:
    verifier = verifier_of(KEY, denied=b"t-1\nsub eve\n")
    async with verifier.opened():
        if not revoked:
            assert await verifier.principal([f"Bearer {signed(**changes)}"])
            return
        with pytest.raises(Unauthorised) as refused:
            await verifier.principal([f"Bearer {signed(**changes)}"])
    assert "has been revoked" in refused.value.detail
