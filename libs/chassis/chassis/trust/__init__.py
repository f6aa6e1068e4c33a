"""Whom a service believes: the form of tokens, their keys, their claims, and which are revoked."""

from chassis.trust.claims import LEEWAY_SECONDS, ClaimRules
from chassis.trust.deny_list import DenyList
from chassis.trust.jws import ALGORITHMS, SignedToken
from chassis.trust.key_ring import KeyRing, UnknownKey
from chassis.trust.verifier import TokenVerifier, principal_of, rules_of

__all__ = [
    "ALGORITHMS",
    "LEEWAY_SECONDS",
    "ClaimRules",
    "DenyList",
    "KeyRing",
    "SignedToken",
    "TokenVerifier",
    "UnknownKey",
    "principal_of",
    "rules_of",
]
