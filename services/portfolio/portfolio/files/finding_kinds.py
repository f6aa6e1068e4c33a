"""The kinds of findings: what a file says otherwise than it was known."""

from enum import StrEnum


class FindingKind(StrEnum):
    """``in_posting``: recent payments explain the difference, and stay on top of the file's figure.

    ``differs``: nothing explains why the file states more. ``unposted``: the file still lacks a payment after the
    portfolio's ``posting_lag_days``. ``set_aside``: the file's rows of the contract wait or do not count; ``detail``
    has the reason. ``file_payments``: the file states less, and nothing but a payment explains it.
    ``kept_decisions``: the file states something that a person has decided about; ``detail`` says which value holds.
    ``person_changed``: the file gives the contract to another customer. ``would_register``, ``would_revise`` and
    ``would_close``: what a dry run would do to the contract, or a snapshot that waits for an answer.
    """

    IN_POSTING = "in_posting"
    DIFFERS = "differs"
    UNPOSTED = "unposted"
    SET_ASIDE = "set_aside"
    FILE_PAYMENTS = "file_payments"
    KEPT_DECISIONS = "kept_decisions"
    PERSON_CHANGED = "person_changed"
    WOULD_REGISTER = "would_register"
    WOULD_REVISE = "would_revise"
    WOULD_CLOSE = "would_close"
