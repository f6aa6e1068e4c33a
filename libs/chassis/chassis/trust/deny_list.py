"""Tokens that are refused before they expire."""

from dataclasses import dataclass
from typing import Self

from chassis.principals import Principal, WrongToken, is_name, is_token_id


@dataclass(frozen=True, slots=True)
class DenyList:
    """Ids of revoked tokens, and subjects all of whose tokens are revoked."""

    token_ids: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read lines: ``JTI``, or ``sub NAME`` for all tokens of a subject, or a comment that begins with ``#``.

        Raises ``ValueError`` if one is none of these. To skip it would let the token in that somebody meant.
        """
        token_ids, subjects = set(), set()
        for number, line in enumerate(content.decode("utf-8-sig").splitlines(), 1):
            entry = line.strip()
            kind, _, name = entry.partition(" ")
            if kind == "sub" and is_name(name.strip()):
                subjects.add(name.strip())
            elif not entry or entry.startswith("#"):
                continue
            elif cls.takes(entry):
                token_ids.add(entry)
            else:
                raise ValueError(f"line {number} is neither a jti nor `sub NAME`")
        return cls(frozenset(token_ids), frozenset(subjects))

    @classmethod
    def takes(cls, token_id: str) -> bool:
        """Whether a line with this id alone revokes one token."""
        return is_token_id(token_id) and not token_id.startswith("#") and token_id != "sub"

    def check(self, principal: Principal) -> None:
        """Raises ``WrongToken`` if the principal's token is revoked."""
        if principal.token_id in self.token_ids or not self.subjects.isdisjoint((principal.subject, principal.actor)):
            raise WrongToken("The token has been revoked.")
