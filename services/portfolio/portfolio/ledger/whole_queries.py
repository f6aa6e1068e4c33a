"""The statements of ``whole``. Each works on any number of contracts at once."""

from recobro_events import outbox
from recobro_events.contracts.portfolio import ContractRegistered, ContractRevised

from portfolio.ledger.conveniences import CONVENIENCES
from portfolio.ledger.positions_queries import POSITION_JSON
from portfolio.ledger.rescheduled import parts_of

_FIELDS = f"""{POSITION_JSON.format(row="whole")},
        'details_version', whole.details_version, 'creditor_id', whole.creditor_id,
        'portfolio_id', whole.portfolio_id, 'contract_number', whole.contract_number,
        'incomplete', whole.incomplete, 'product', coalesce(whole.product, portfolio.product),
        'jurisdiction', portfolio.jurisdiction, 'currency', portfolio.currency,
        'debtor', json_build_object('debtor_id', debtor.debtor_id, 'person_id', debtor.person_id,
            'kind', whole.debtor_kind,
            'name', whole.debtor_name, 'tax_id', whole.tax_id, 'language', whole.language,
            'status', debtor.status, 'status_version', debtor.status_version,
            'erased', whole.erased_at IS NOT NULL),
        'contact_points', contact_points.items, 'addresses', addresses.items, 'instalments', instalments.items,
        'segment', whole.segment, 'step', whole.step, 'allows', whole.allows,
        'original_creditor', whole.original_creditor, 'origination_date', whole.origination_date,
        'open_clarifications', clarifications.items, 'pauses', pauses.items, 'last_payment', last_payment.item,
        'undecided', whole.undecided_by IS NOT NULL, 'payment_silent_until', silence.until,
        'payments_on_top', silence.on_top, 'parties', parties.items, 'conveniences', {CONVENIENCES}"""
PARTY_JSON = """
json_build_object('party_id', party.party_id, 'version', party.version, 'role', party.role,
    'name', party.name, 'tax_id', party.tax_id, 'language', party.language,
    'contact_points', (SELECT coalesce(json_agg(json_build_object('contact_id', contact_id, 'version', party.version,
        'kind', kind, 'value', value, 'provenance', provenance, 'timezone', timezone, 'usable', usable,
        'refused_media', CASE WHEN opted_out THEN '{all}' ELSE media END, 'verified', verified)
        ORDER BY rank, contact_id), '[]')
        FROM party_contact_point AS point WHERE point.party_id = party.party_id AND point.current))
"""
"""SQL: the row ``party`` as events carry it."""
_OF_WHOLE = f"""
FROM whole
JOIN portfolio USING (portfolio_id)
JOIN debtor USING (debtor_id)
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_object('contact_id', contact_id, 'version', version, 'kind', kind,
        'value', value, 'provenance', provenance, 'timezone', timezone, 'usable', usable,
        'refused_media', CASE WHEN opted_out THEN '{{all}}' ELSE media END, 'verified', verified)
        ORDER BY rank, contact_id), '[]') AS items
    FROM contact_point WHERE contact_point.contract_id = whole.contract_id AND contact_point.current
) AS contact_points
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_object('address_id', address_id, 'kind', kind, 'street', street,
        'exterior', exterior, 'interior', interior, 'neighbourhood', neighbourhood, 'postal_code', postal_code,
        'city', city, 'state', state, 'country', country, 'authorised', authorised,
        'irregular_numbering', irregular_numbering, 'issues', issues) ORDER BY kind, address_id), '[]') AS items
    FROM address WHERE address.contract_id = whole.contract_id
) AS addresses
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_object('number', number, 'due_on', due_on, 'amount', amount::text,
        'unpaid', unpaid::text) ORDER BY due_on, number), '[]') AS items
    FROM (
        SELECT number, due_on, amount, unpaid FROM instalment
        WHERE instalment.contract_id = whole.contract_id AND whole.rescheduled_by IS NULL
        UNION ALL {parts_of("whole.rescheduled_by")}
    ) AS owed
) AS instalments
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(clarification_id ORDER BY clarification_id), '[]') AS items
    FROM clarification
    WHERE clarification.contract_id = whole.contract_id
        AND (clarification.state = 'open' OR NOT clarification.contact_may_resume)
) AS clarifications
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_object('pause_id', pause_id, 'version', version, 'starts_on', starts_on,
        'ends_on', ends_on) ORDER BY starts_on, pause_id), '[]') AS items
    FROM pause WHERE pause.contract_id = whole.contract_id
) AS pauses
LEFT JOIN LATERAL (
    SELECT json_build_object('payment_id', payment_id, 'paid_on', paid_on, 'business_date', business_date,
        'holdoff_from', holdoff_from) AS item
    FROM payment WHERE payment.contract_id = whole.contract_id AND reversed_at IS NULL
    ORDER BY sequence DESC LIMIT 1
) AS last_payment ON true
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg({PARTY_JSON} ORDER BY role, party_id), '[]') AS items
    FROM party WHERE party.contract_id = whole.contract_id AND party.current
) AS parties
CROSS JOIN LATERAL (
    SELECT max(silent_until) AS until, count(*) FILTER (WHERE absorbed_by IS NULL) AS on_top FROM payment
    WHERE payment.contract_id = whole.contract_id AND reversed_at IS NULL
) AS silence
"""


NEXT_VERSION = "contract.version + 1"
"""SQL: the version of rows that the next whole contract carries. No later event has a smaller version."""


_RAISE = """
UPDATE contract SET version = version + 1, details_version = details_version + 1
WHERE contract_id = ANY($1::uuid[]) RETURNING *"""
_RAISED = "SELECT * FROM contract WHERE contract_id = ANY($1::uuid[])"


def _publish_whole(event_type: type[ContractRegistered] | type[ContractRevised], whole: str) -> str:
    head = outbox.rows(
        event_type,
        body=f"json_build_object({_FIELDS}, 'file_payments', file_payments.items)",
        traceparent="$5",
        key="whole.contract_id",
        event_id=outbox.Caused("cause.event_id", consumer="$4"),
    )
    return f"""
WITH whole AS MATERIALIZED ({whole})
{head}
{_OF_WHOLE}
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_object('payment_id', payment_id, 'amount', amount::text,
        'credit', credit::text, 'paid_on', paid_on, 'business_date', business_date, 'holdoff_from', holdoff_from,
        'reference', coalesce(reference, rebooked_reference), 'days_past_due_before', days_past_due_before)
        ORDER BY sequence), '[]') AS items
    FROM payment WHERE payment_id = ANY($6::uuid[]) AND payment.contract_id = whole.contract_id
) AS file_payments
LEFT JOIN unnest($2::uuid[], $3::uuid[]) AS cause (contract_id, event_id) ON cause.contract_id = whole.contract_id
ORDER BY whole.contract_id
"""


# $1 contracts, $2 and $3 the received event behind each contract, $4 consumer, $5 traceparent, $6 payments of files.
_TYPES = (ContractRegistered, ContractRevised)
PUBLISH_WHOLE = {event_type: _publish_whole(event_type, _RAISE) for event_type in _TYPES}
PUBLISH_RAISED = {event_type: _publish_whole(event_type, _RAISED) for event_type in _TYPES}
_REPUBLISHED_ROWS = outbox.rows(
    ContractRevised,
    body=f"json_build_object({_FIELDS}, 'payments', payments.items, 'file_payments', '[]'::json)",
    traceparent="$2",
    key="whole.contract_id",
    audience="$3",
)
# $1 contracts, $2 traceparent, $3 audience. The contracts have not changed, so versions stay the same.
REPUBLISH_WHOLE = f"""
WITH whole AS ({_RAISED})
{_REPUBLISHED_ROWS}
{_OF_WHOLE}
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_object('payment_id', payment_id, 'amount', amount::text, 'paid_on', paid_on,
        'business_date', business_date, 'reversed', reversed_at IS NOT NULL, 'holdoff_from', holdoff_from,
        'credit', credit::text, 'days_past_due_before', days_past_due_before) ORDER BY sequence), '[]') AS items
    FROM payment WHERE payment.contract_id = whole.contract_id
) AS payments
ORDER BY whole.contract_id
"""
