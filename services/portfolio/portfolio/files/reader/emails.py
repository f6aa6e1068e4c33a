"""One spelling for each e-mail address."""

import re

import idna

_ADDRESS = re.compile(r"([^@\s]{1,64})@([^@\s]{1,255})")
_BEFORE = re.compile(r"(?i)^(?:mailto:|e-?mail:|correo:)\s*")
_IN_BRACKETS = re.compile(r"^[^<>]*<([^<>]+)>$")


def normalised_email(text: str) -> str:
    """The address in small letters, its domain in ASCII (punycode, RFC 5891). Other text stays as it is written.

    Nobody is asked whether the mailbox exists.
    """
    bare = _BEFORE.sub("", text.strip())
    if bracketed := _IN_BRACKETS.fullmatch(bare):
        bare = bracketed[1]
    bare = bare.strip(" ;,.").lower()
    parts = _ADDRESS.fullmatch(bare)
    if parts is None:
        return text.lower()
    try:
        domain = parts[2] if parts[2].isascii() else idna.encode(parts[2], uts46=True).decode()
    except idna.IDNAError:
        return bare
    return f"{parts[1]}@{domain}"
