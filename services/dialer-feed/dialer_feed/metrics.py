"""Every metric of dialer-feed, with unit and meaning."""

from chassis.metrics import CONTACT_BREACHES, Task
from prometheus_client import Counter, Gauge, Histogram
from recobro_events.contracts.dialer_feed import WithdrawalReason

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)

WITHDRAWAL_SECONDS = Histogram(
    "withdrawal_seconds", "From the cause until the entry has left its live list", ["reason"], buckets=_SECONDS
)
ENTRY_CHANGE_SECONDS = Histogram(
    "list_entry_change_seconds",
    "From the cause until the feed has the change of an entry that stays on its live list",
    ["kind"],
    buckets=_SECONDS,
)
ACKNOWLEDGEMENT_SECONDS = Histogram(
    "withdrawal_acknowledgement_seconds", "From the cause to a dialer's acknowledgement", buckets=_SECONDS
)
WRONGFUL_CALLS = Counter(
    "wrongful_calls", "Calls started while their contract or number was silent; page on any", ["acknowledged"]
)
BREACHES = CONTACT_BREACHES
PERMITS = Counter("permits", "Answers to dialers who asked whether they may call, by outcome", ["outcome"])
KNOWLEDGE_AT = Gauge(
    "permit_knowledge_timestamp_seconds",
    "Up to when all facts of the other services are known to have been applied, in Unix time; 0 before it is known",
)
OVERDUE_ATTEMPTS = Gauge("overdue_attempts", "Calls that began more than four hours ago and have no result")
UNEXPLAINED_CODES = Gauge(
    "unexplained_disposition_codes", "Codes of dialers for how a call ended, of which nobody has said what they mean"
)
OVERTAKEN_CALLS = Counter(
    "overtaken_calls", "Calls by a permit in force, after a withdrawal that the dialer had not yet acknowledged"
)
LISTS = Counter("dialing_lists", "Lists that were published or failed", ["outcome"])
LIST_SECONDS = Histogram("dialing_list_seconds", "From the request of a list to its publication", buckets=_SECONDS)
LIST_PUBLISHED_AT = Gauge(
    "dialing_list_last_published_timestamp_seconds",
    "When this process last published a list, in Unix time; 0 when it never has",
)
LIST_BUILDS_SINCE = Gauge(
    "dialing_list_oldest_building_timestamp_seconds",
    "When the oldest list being built was requested, in Unix time; 0 when there is none or another process builds",
)

BUILDER = Task("list-builder")
"""The builder's search for lists to build, about twice a second, in the process whose turn it is."""

# Every series starts at zero here, because a series that starts with its first case hides that case from every rate.
for _reason in WithdrawalReason:
    WITHDRAWAL_SECONDS.labels(_reason)
for _kind in ("numbers_changed", "others_changed"):
    ENTRY_CHANGE_SECONDS.labels(_kind)
for _acknowledged in ("yes", "no"):
    WRONGFUL_CALLS.labels(_acknowledged)
for _kind in ("outside_hours", "frequency", "no_permit", "suppressed", "inconvenient"):
    BREACHES.labels(_kind)
for _outcome in ("published", "failed"):
    LISTS.labels(_outcome)
