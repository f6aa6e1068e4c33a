"""What a line of history says to a person, in the person's language, made from the line's kind and facts.

A line is worded by the first sentence of its kind whose facts it has. The summary that is stored with a line is shown
when there is none: an earlier release may have written the line, or a later one. ``sentences.json`` has the Spanish and
the Portuguese of each sentence, and of each code under ``word …``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from chassis.languages import Language, Locale, Sentences

_SENTENCES = Sentences("portfolio.contracts")
_STORED = Sentences("portfolio")
"""Some summaries that are stored are sentences that a request can be refused with."""
_FACT = re.compile(r"\{(\w+)\}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})")
_SWAPPED = str.maketrans(",.", ".,")
_AMOUNTS = frozenset({"amount", "promised", "paid", "total", "discount"})
_AS_WRITTEN = frozenset({"agent", "visitor", "dialer_id", "document", "campaign", "detail", "call_id"})
"""Facts in somebody's own words. A code that looks like them is none."""

WORDING: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "registered": ("Came with the creditor's file of {as_of}",),
        "revised": ("The creditor's file of {as_of} states the contract anew",),
        "amended": ("Corrected rows of the file of {as_of} add or replace instalments",),
        "incomplete": ("Unchanged: the file of {as_of} has rejected rows of the contract",),
        "withdrawn": ("The creditor's file of {as_of} does not name the contract any more",),
        "returned": ("Closed, for the creditor takes the portfolio back: {reason}",),
        "closed": ("Closed: {reason}",),
        "person_changed": ("The file of {as_of} gives the contract to another customer",),
        "person_linked": ("The customer is one person with other customers: {reason}",),
        "person_unlinked": ("The customer is one person with nobody else: {reason}",),
        "person_erased": ("The personal data were erased: {reason}",),
        "set_aside": (
            "Contact has stopped: {service} could not apply an event",
            "Unchanged, and contact has stopped: {reason}, so a person decides",
        ),
        "set_aside_refused": ("Unchanged: a person refused what the file of {as_of} states",),
        "refusal_kept": ("Unchanged: the file of {as_of} repeats what a person refused",),
        "replayed": ("Contact may go on: {service} has applied what it had set aside",),
        "stage_changed": (
            "Stage from {from_stage} to {to_stage}, {days_past_due} days past due, because of: {cause}",
            "Stage from {from_stage} to {to_stage}, because of: {cause}",
        ),
        "nears_stage": ("Changes to the stage {stage} on {on}, unless something happens",),
        "segment_changed": (
            "Segment from {from_segment} to {to_segment}",
            "Segment {to_segment}",
            "No segment any more: no rule fits",
        ),
        "escalated": (
            "Step from {from_step} to {to_step}, because of: {cause}",
            "Step {to_step}, because of: {cause}",
            "No step any more, because of: {cause}",
        ),
        "notice_recorded": ("Notice ({kind}) sent on {sent_on} by {channel}",),
        "receipt_stored": ("Receipt of the notice ({kind}) stored",),
        "payment_received": (
            "Payment of {amount} by {channel}, paid on {paid_on}",
            "Payment of {amount}, which only the creditor's file shows",
        ),
        "payment_reversed": ("Payment of {amount} reversed: {reason}",),
        "charge_taken": ("Charge, {kind} of {amount}, from {charged_on}: {reason}",),
        "charge_reversed": ("Charge reversed, {kind} of {amount}: {reason}",),
        "payment_claimed": ("The debtor says that it is paid: {detail}", "The debtor says that it is paid"),
        "convenience_stated": ("Inconvenient for the debtor: {inconvenient}. {reason}",),
        "convenience_removed": ("Not inconvenient any more: {inconvenient}. {reason}",),
        "convenience_spread": ("What the person calls inconvenient holds for the customers who are linked now",),
        "attempt": ("Our own people tried to reach the debtor by {channel}: {outcome}",),
        "desk_rescheduled": ("Our own people try again from {again_at} on",),
        "desk_escalated": ("Our own people ask a supervisor to decide",),
        "desk_decided": ("A supervisor has decided: {decision}",),
        "call": ("Call, {direction}, by {agent}, {duration_seconds} s: {disposition}",),
        "wrongful_call": ("Wrongful call: the contract had been silent since {withdrawn_at}",),
        "listed": ("Came on the dialing list of the campaign {campaign}",),
        "list_withdrawn": ("Left a dialing list: {reason}",),
        "withdrawal_acknowledged": ("The dialer {dialer_id} has acted on the withdrawal",),
        "visit_ordered": ("Visit ordered for {visit_on}, visitor {visitor}", "Visit ordered for {visit_on}"),
        "visit": (
            "Visit, attended by {attended_by}: {outcome}. Reason for not paying: {reason_for_non_payment}",
            "Visit, attended by {attended_by}: {outcome}",
        ),
        "visit_cancelled": ("Visit cancelled: {reason}",),
        "visit_reinstated": ("Visit ordered again for {visit_on}", "Visit ordered again"),
        "contact_data_collected": ("The visitor was given contact data: {kind}",),
        "contact_point_changed": (
            "Contact data changed: {change} ({medium}): {reason}",
            "Contact data changed: {change} ({medium})",
            "Contact data changed: {change}: {reason}",
            "Contact data changed: {change}",
        ),
        "party_changed": (
            "Person besides the debtor ({role}): {change}: {reason}",
            "Person besides the debtor ({role}): {change}",
        ),
        "address_collected": ("The visitor was given an address, which nobody has checked yet",),
        "address_checked": ("Address checked: {verdict}",),
        "clarification_requested": ("Dispute stated, by {reported_by}: {reason}",),
        "clarification_opened": ("Dispute opened, by {opened_by}: {reason}",),
        "clarification_resolved": ("Dispute resolved: {outcome}",),
        "clarification_deadline_near": ("The dispute's deadline is near: {deadline_on}",),
        "clarification_deadline_passed": ("The dispute's deadline has passed: {deadline_on}",),
        "paused": ("Pause from {starts_on} to {ends_on}: {reason}", "Pause from {starts_on} on: {reason}"),
        "resumed": ("Pause ended on {ends_on}: {reason}", "Pause taken back: {reason}"),
        "debtor_status_changed": ("The debtor's status is now {status}, reported by: {reported_by}",),
        "placed": (
            "Placed with an agency for {kind}, from {starts_on} to {ends_on}",
            "Placed with an agency for {kind}, from {starts_on}",
        ),
        "recall_requested": (
            "Recall from the agency requested ({kind}): {reason}, final on {final_on}",
            "Recall from the agency requested ({kind}): {reason}",
        ),
        "recalled": ("Recalled from the agency ({kind}): {reason}",),
        "reinstated": ("Stays with the agency ({kind}): {reason}",),
        "placement_ended": ("The agency's work has ended ({kind}): {reason}",),
        "promise_made": ("Promise of {promised} until {due_on}",),
        "promise_kept": ("Promise kept: {paid} of {promised}",),
        "promise_partly_kept": ("Promise partly kept: {paid} of {promised}",),
        "promise_broken": ("Promise broken: {paid} of {promised}",),
        "promise_reopened": ("Promise open again: {paid} of {promised}",),
        "promise_cancelled": ("Promise cancelled: {reason}",),
        "agreement_proposed": ("Proposed ({kind}): {total} to pay, discount {discount}. It is now: {state}",),
        "agreement_cancelled": ("Agreement cancelled: {reason}",),
        "agreement_settled": ("Agreement settled ({kind}): the payments are final, and {discount} is given up",),
        "letter_delivered": ("Letter of no debt delivered on {delivered_on} ({medium})",),
        "rescheduled": ("Instalments rewritten: the restructure says when the debt falls due",),
        "original_schedule": ("Restructure ended: the original debt is due again, less what was paid",),
        "agreement_reached": ("Agreement in force: {kind}",),
        "agreement_broken": ("Agreement broken: an instalment was not paid",),
        "agreement_fulfilled": ("Agreement fulfilled: every instalment was paid",),
        "agreement_reopened": ("Agreement open again: a payment was reversed, or became known late",),
        "report_without_effect": ("An agency without the contract reports: {type}. No effect until a person decides",),
        "report_decided": ("Decided about an agency's report, {type}: {state}",),
    }
)
"""The sentences of each kind of line. A fact stands in braces; a line without it takes the next sentence."""


@dataclass(frozen=True)
class Telling:
    """How lines are worded: for whom, in which currency amounts are, and in which zone moments are shown."""

    locale: Locale
    currency: str
    zone: ZoneInfo

    def line(self, kind: str, data: Mapping[str, Any], stored: str) -> str:
        """The summary of a line. ``stored`` is the English summary that the line was written with."""
        for sentence in WORDING.get(kind, ()):
            named = _FACT.findall(sentence)
            if all(data.get(name) not in (None, "") for name in named):
                return self._said(sentence).format(**{name: self._written(name, data[name]) for name in named})
        return _STORED.said(stored, self.locale.language)

    def _said(self, sentence: str) -> str:
        language = self.locale.language
        return sentence if language is Language.EN else _SENTENCES.translations[sentence][language]

    def _written(self, name: str, value: Any) -> str:
        if isinstance(value, Mapping):
            language = self.locale.language
            parts = {part: ", ".join(word(part, code, language) for code in codes) for part, codes in value.items()}
            return "; ".join(f"{word(name, part, language)} {codes}" for part, codes in parts.items())
        text = str(value)
        if name in _AMOUNTS:
            amount = f"{Decimal(text):,.2f}"
            return f"{amount if self.locale.has_decimal_point else amount.translate(_SWAPPED)} {self.currency}"
        if name in _AS_WRITTEN:
            return text
        if _DAY.fullmatch(text):
            return date.fromisoformat(text).strftime(self._day)
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(self.zone).strftime(f"{self._day} %H:%M")
        return word(name, text, self.locale.language)

    @property
    def _day(self) -> str:
        return "%Y-%m-%d" if self.locale.language is Language.EN else "%d/%m/%Y"


def word(name: str, code: str, language: Language) -> str:
    """A code of the fact ``name`` in words; a text that is no code stays as it is."""
    words = _SENTENCES.translations
    known = words.get(f"word {name} {code}") or words.get(f"word {code}")
    return code if known is None else known[language]
