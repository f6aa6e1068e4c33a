"""Each column that can hold a text is erased with the person, or a reason says why it stays.

A new column fails here until its service erases it, or it gets a line below.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import asyncpg
import pytest
from chassis.testing.canaries import COPIES
from fresh_databases import FreshDatabases
from recobro_platform import SERVICES, Service

ERASING = {
    "assignment": ("assignment.erasing",),
    "dialer-feed": ("dialer_feed.projection.erasures", "projections.contact_points"),
    "field-visits": ("field_visits.erasing",),
    "portfolio": ("portfolio.people.erasing_queries",),
    "promises": ("promises.erasing",),
}
"""The modules whose statements erase."""

OF_THE_RUNTIME = {
    *("alembic_version", "audit_entry", "audit_pruned", "audit_seal", "barrier", "barrier_marker", "consumer_position"),
    *("parked_keys", "rebuild", "relay_heartbeat", "republication", "set_aside", "agency_event"),
}
"""Tables of every service, with ids and routes only; and the facts for agencies, which have no personal data."""

NAMES = {
    "who did it: a user of ours, an agency's, a dialer": """
        actor agent asked_by attended_by cancel_actor confirmed_by decided_by decision_actor delivered_by dialer_id
        end_actor ended_actor ended_by objection_actor operator ordered_by recall_actor recorded_by removed_by
        resolved_by result_actor returned_by reversed_by second_actor stopped_by visitor acceptance_actor""",
    "a word of a closed set": """
        address_verdict applied_to breaches cause challenger channel confirmation_reason country creditor_kind
        currency debtor_kind direction disposition disposition_code earned_because error_code format from_stage
        given_format jurisdiction kind kinds language last_answer made_in media medium mode outcome own_media
        own_status party_role permit_state phase phone_order places reversed_because role segment segments silence
        stage stages state states status step steps timezone to_stage type""",
    "a number, an amount or a day": "allows components cut_number owed_components schedule",
    "what was lent or sold, and by whom first": "product products original_creditor",
    "the number by which a creditor knows the contract": "contract_number",
    "a digest": "receipt_sha256 recording_sha256 proof_sha256 accepted_terms_sha256 name_key",
    "rules and layouts, which name nobody": "conditions layout letterhead pricing promise_limits rules words",
}
"""Names of columns that hold nothing of a debtor, in any table."""

COLUMNS = {
    "a creditor, an agency, a campaign or a list, which are no persons of a debt": """
        agency.email agency.name campaign.caller_ids campaign.name creditor.name disposition_code.code
        dialing_list.error dialing_list.error_detail dialing_list.waiting_for file_profile.name listing.campaign_name
        placement_rule.name portfolio.allocation_order portfolio.company portfolio.name portfolio.payment_channels
        portfolio.return_reason suppressed_number.name suppression_list.name suppression_version.name worklist.name""",
    "the creditor's own number of a customer; one that is the tax id is erased": "debtor.debtor_number",
    "a number of ours, from which a call was made": "attempt.caller_id permit.caller_id",
    "ids that others gave their calls and offers": """
        attempt.attempt_id call_result.call_id dialer_report.call_id proposal.offer_id""",
    "by which money is known, so that none counts twice": """
        charge.reference payment.rebooked_reference payment.reference payment_file_row.end_to_end
        payment_file_row.payment_reference payment_file_row.reference payment_file_row.virtual_account
        payment_name.name unidentified_payment.end_to_end unidentified_payment.payment_reference
        unidentified_payment.reference unidentified_payment.virtual_account""",
    "the proof of notices and letters stays": """
        clarification.proof_of_sending notice.document notice.registered_number""",
    "the reason is a code": """
        dialer_report.reason dialer_report.reported_by entry_change.reason list_entry.reason permit.reason
        reported_silence.reason silence.reason visit.cancel_reason visit.reported_by clarification.opened_by
        unidentified_payment.why""",
    "why the data were erased; it names nobody": "erasure.reason",
    "amounts, days and codes": """
        file_finding.detail file_finding.known file_finding.stated page_act.form proposal.acceptance_code proposal.terms
        attempt.outcome contact_day.last_answer restaging.after""",
    "words about the whole file": """
        file.columns file.error file.filename file.header file.warnings payment_file.error payment_file.filename
        payment_file.header payment_file.warnings""",
    "rows of files while they wait; they expire": """
        file.code_pages payment_file_reject.cells payment_file_reject.errors""",
    "what is wrong with an address, in codes": "address.issues",
    "follows the name of its contract": "contract.search_name contract_search.words",
    "a place for a whole area": "pause_scope.postal_code",
    "what is opted out stays so, without the number": "erased_opt_out.media opt_out.media",
}
_TEXTS = """
SELECT relname || '.' || attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND attnum > 0
    AND NOT attisdropped AND atttypid IN (
        'text'::regtype, 'text[]'::regtype, 'varchar'::regtype, 'jsonb'::regtype, 'json'::regtype, 'tsvector'::regtype)
    AND NOT EXISTS (SELECT FROM pg_constraint AS known WHERE conrelid = pg_class.oid AND conkey = ARRAY[attnum]
        AND pg_get_constraintdef(known.oid) ~ '^CHECK \\(\\(\\w+ = ANY \\(ARRAY\\[')
ORDER BY 1
"""
_DELETES = re.compile(r"DELETE FROM (\w+)")
_WRITES = re.compile(r"(?:DELETE FROM|UPDATE|INSERT INTO) (\w+)")
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_SETS = re.compile(r"\bSET (.*?)(?=\b(?:WHERE|FROM)\b|$)", re.DOTALL)
_COLUMN = re.compile(r"(?:^|[\s,])(\w+) =")


def words_of(table: dict[str, str]) -> set[str]:
    return {word for words in table.values() for word in words.split()}


def statements(module: ModuleType) -> Iterator[str]:
    """The statements of a module that erase, single ones and those in tuples."""
    for name, value in vars(module).items():
        if module.__name__ == "projections.contact_points" and name != "_ERASE":
            continue
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and _WRITES.search(text):
                yield text


def erased_by(service: str) -> tuple[set[str], set[str]]:
    """The tables of which a service deletes rows, and the columns that it sets, when a person is erased."""
    tables, columns = set(), set()
    for name in ERASING[service]:
        for text in statements(import_module(name)):
            tables |= set(_DELETES.findall(text))
            found = _WRITES.findall(text)
            while _IN_BRACKETS.search(text):
                text = _IN_BRACKETS.sub("", text)
            columns |= {
                f"{table}.{name}" for table in found for sets in _SETS.findall(text) for name in _COLUMN.findall(sets)
            }
    return tables, columns


async def texts_of(databases: FreshDatabases, service: Service) -> set[str]:
    dsn = await databases.migrated(f"{service.name.replace('-', '_')}.migrations")
    connection = await asyncpg.connect(dsn)
    try:
        found = {row[0] for row in await connection.fetch(_TEXTS)}
    finally:
        await connection.close()
        await databases.drop(dsn)
    return {
        name for name in found if not COPIES.fullmatch(table := name.partition(".")[0]) and table not in OF_THE_RUNTIME
    }


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_each_text_is_erased_or_stays_for_a_reason(databases: FreshDatabases, service: Service) -> None:
    tables, columns = erased_by(service.name)
    assert columns, "no statement was found"
    names, kept = words_of(NAMES), words_of(COLUMNS)
    left = {
        name
        for name in await texts_of(databases, service)
        if name.partition(".")[0] not in tables and name not in columns | kept and name.partition(".")[2] not in names
    }
    assert left == set()


async def test_no_reason_is_left_for_what_is_not_there(databases: FreshDatabases) -> None:
    there: set[str] = set()
    for service in SERVICES:
        there |= await texts_of(databases, service)
    assert words_of(COLUMNS) - there == set()
    assert words_of(NAMES) - {name.partition(".")[2] for name in there} == set()
