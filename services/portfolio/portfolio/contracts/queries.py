"""The statements that read contracts. Each answer takes one statement, so that it shows a single moment."""

from chassis.paging import both_orders
from projections.silence import days_paused

from portfolio.debtors.party_queries import PARTY_VIEW
from portfolio.ledger.components import Component
from portfolio.ledger.conveniences import VIEW as VIEW_OF_CONVENIENCES
from portfolio.ledger.positions_queries import STARTS
from portfolio.ledger.rescheduled import parts_of
from portfolio.payments.queries import REFERENCE
from portfolio.projection.placements import shows_balance_to, shows_person_to, worked_by

# A running daily run may not have staged a due contract yet. Such a contract is shown as of the day of its position.
_AS_OF = """
CROSS JOIN LATERAL (
    SELECT CASE WHEN contract.state = 'open' AND (next_change_on IS NULL OR next_change_on > portfolio.business_date)
        THEN portfolio.business_date ELSE contract.as_of END AS as_of
) AS today
"""
_DAYS = f"""
greatest(0, coalesce(today.as_of - contract.oldest_due_on
    - {days_paused("contract.contract_id", "contract.oldest_due_on", "today.as_of")}, 0)) AS days_past_due
"""

_STARTS = ", ".join(STARTS.values())

LIST = f"""
SELECT contract.contract_id, contract.portfolio_id, contract_number, debtor_id, debtor_name, contract.product,
    contract.state, stage, incomplete, undecided_by IS NOT NULL AS undecided, today.as_of, {_DAYS}, oldest_due_on,
    portfolio.currency,
    CASE WHEN {{shows_balance}} THEN overdue_balance END AS overdue_balance,
    CASE WHEN {{shows_balance}} THEN total_balance END AS total_balance
FROM contract JOIN portfolio USING (portfolio_id) {_AS_OF}
WHERE {{conditions}}
ORDER BY contract.portfolio_id {{order}}, contract_number {{order}} LIMIT {{limit}}
"""

STATED = ", ".join(f"'{name}', {name}::text" for name in Component)
FALLS_DUE = f"""EXISTS (SELECT FROM (
        SELECT due_on, unpaid FROM instalment
        WHERE instalment.contract_id = contract.contract_id AND contract.rescheduled_by IS NULL
        UNION ALL SELECT due_on, unpaid FROM ({parts_of("contract.rescheduled_by")}) AS part
    ) AS owed
    WHERE unpaid > 0 AND due_on BETWEEN portfolio.business_date AND portfolio.business_date + {{days}}::integer)"""

# $2 is an agency. It sees only contracts that it has, and nothing of other agencies. view.py leaves out what is not for
# its kind of work.
WHOLE = f"""
SELECT contract.contract_id, contract.portfolio_id, contract.creditor_id, contract_number, contract.state, stage,
    incomplete, coalesce(contract.product, portfolio.product) AS product, contract.version, today.as_of, {_DAYS},
    overdue_balance, total_balance, oldest_due_on, next_change_on, episode, stated_as_of, created_at_of.created_at,
    contract.original_creditor, contract.origination_date, contract.components, portfolio.allocation_order,
    portfolio.currency, portfolio.jurisdiction, portfolio.business_date, {_STARTS},
    undecided_by IS NOT NULL AS undecided,
    (SELECT max(greatest(silent_until, CASE WHEN payment_holdoff_days > 0
            THEN coalesce(holdoff_from, payment.business_date) + payment_holdoff_days - 1 END)) FROM payment
        WHERE payment.contract_id = contract.contract_id AND reversed_at IS NULL) AS payment_silent_until,
    $2::uuid IS NULL OR {shows_balance_to("$2")} AS shows_balance,
    $2::uuid IS NULL OR {shows_person_to("$2")} AS shows_person,
    jsonb_build_object('debtor_id', debtor.debtor_id, 'debtor_number', debtor.debtor_number, 'kind', debtor_kind,
        'name', debtor_name, 'tax_id', tax_id, 'status', debtor.status, 'language', contract.language,
        'person_id', CASE WHEN $2::uuid IS NULL THEN coalesce(debtor.person_id, debtor.debtor_id) END) AS debtor,
    coalesce((SELECT jsonb_agg(to_jsonb(point) ORDER BY rank, contact_id) FROM (
        SELECT contact_id, contract_id, kind, value, provenance, timezone, dialable, verified, invalid, opted_out,
            media AS refused_media, permitted, usable, rank
        FROM contact_point WHERE contact_point.contract_id = contract.contract_id AND current) AS point),
        '[]') AS contact_points,
    coalesce((SELECT jsonb_agg(to_jsonb(address) ORDER BY kind, address_id)
        FROM address WHERE address.contract_id = contract.contract_id), '[]') AS addresses,
    coalesce((SELECT jsonb_agg({PARTY_VIEW} ORDER BY party.role, party_id)
        FROM party WHERE party.contract_id = contract.contract_id AND party.current), '[]') AS parties,
    {VIEW_OF_CONVENIENCES} AS conveniences,
    coalesce((SELECT jsonb_agg(jsonb_build_object('number', number, 'due_on', due_on, 'amount', amount::text,
        'unpaid', unpaid::text, 'calculated_on', calculated_on, 'stated', CASE WHEN principal IS NOT NULL
            THEN jsonb_build_object({STATED}) END) ORDER BY due_on, number)
        FROM (
            SELECT number, due_on, amount, unpaid, calculated_on, {", ".join(Component)} FROM instalment
            WHERE instalment.contract_id = contract.contract_id AND contract.rescheduled_by IS NULL
            UNION ALL SELECT part.*, NULL, {", ".join("NULL" for _ in Component)}
            FROM ({parts_of("contract.rescheduled_by")}) AS part
        ) AS owed), '[]') AS instalments, contract.rescheduled_by,
    coalesce((SELECT jsonb_agg(to_jsonb(latest) ORDER BY clarification_id) FROM (
        SELECT * FROM clarification WHERE clarification.contract_id = contract.contract_id
        ORDER BY state <> 'open' AND contact_may_resume, opened_at DESC, clarification_id DESC LIMIT 100) AS latest),
        '[]') AS clarifications,
    coalesce((SELECT jsonb_agg(to_jsonb(pause) ORDER BY starts_on, pause_id)
        FROM pause WHERE pause.contract_id = contract.contract_id), '[]') AS pauses,
    coalesce((SELECT jsonb_agg(to_jsonb(latest) ORDER BY sequence DESC) FROM (
        SELECT payment_id, sequence, amount::text, paid_on, received_at, business_date,
            coalesce(holdoff_from, business_date) AS holdoff_from, channel, {REFERENCE} AS reference,
            credit::text, reversed_at, reversed_on
        FROM payment WHERE payment.contract_id = contract.contract_id ORDER BY sequence DESC LIMIT 100) AS latest),
        '[]') AS payments,
    coalesce((SELECT jsonb_agg(to_jsonb(placement) ORDER BY starts_on NULLS LAST, placement_id)
        FROM placement WHERE placement.contract_id = contract.contract_id
            AND ($2::uuid IS NULL OR placement.agency_id = $2)), '[]') AS placements,
    coalesce((SELECT jsonb_agg(to_jsonb(latest) ORDER BY due_on, promise_id) FROM (
        SELECT promise_id, agreement_id, state, due_on, silent_until, promised::text, paid::text, made_on, made_in,
            CASE WHEN $2::uuid IS NULL OR agency_id = $2 THEN agency_id END AS agency_id
        FROM promise WHERE promise.contract_id = contract.contract_id
        ORDER BY promise.due_on DESC, promise_id LIMIT 100) AS latest), '[]') AS promises
FROM contract JOIN portfolio USING (portfolio_id) JOIN debtor USING (debtor_id)
CROSS JOIN LATERAL (SELECT contract.created_at) AS created_at_of {_AS_OF}
WHERE contract.contract_id = $1 AND ($2::uuid IS NULL OR {worked_by("$2")})
"""

_NAMED = "coalesce(data ->> 'agent', data ->> 'visitor', data ->> 'dialer_id')"
"""SQL: whom a line of another service names as the one who has acted."""
# $4 is an agency. It sees the lines about its own work, and lines of the kinds $5 about nobody's work. $6 are the kinds
# that are wanted, $7 and $8 the first and the last business date, $9 who acted.
HISTORY = both_orders(f"""
SELECT history_id, at, business_date, kind, summary, data, actor
FROM (
    SELECT history_id, at, business_date, kind, summary, data, CASE WHEN $4::text IS NULL THEN
        coalesce(actor, CASE WHEN {_NAMED} IS NOT NULL THEN
            jsonb_build_object('subject', {_NAMED}, 'agency_id', data ->> 'agency_id') END) END AS actor
    FROM contract_history
    WHERE contract_id = $1 AND history_id {{beyond}} $2
    UNION ALL
    SELECT history_id, at, business_date, 'listed', 'on a dialing list', jsonb_build_object('list_id', list_id,
        'campaign_id', campaign_id, 'campaign', campaign_name, 'agency_id', agency_id, 'published_at', published_at),
        NULL
    FROM listing
    WHERE contract_ids @> ARRAY[$1::uuid] AND history_id {{beyond}} $2
) AS line
WHERE ($6::text[] IS NULL OR kind = ANY($6))
    AND ($7::date IS NULL OR business_date >= $7) AND ($8::date IS NULL OR business_date <= $8)
    AND ($9::text IS NULL OR $9 IN (actor ->> 'delegate', actor ->> 'subject'))
    AND ($4 IS NULL OR data ->> 'agency_id' = $4 OR data ->> 'agency_id' IS NULL AND kind = ANY($5::text[]))
ORDER BY history_id {{order}} LIMIT $3
""")
TOLD_TO = f"""
SELECT $2::uuid IS NULL OR {shows_balance_to("$2")} AS shows_balance, portfolio.currency, portfolio.timezone
FROM contract JOIN portfolio USING (portfolio_id)
WHERE contract_id = $1 AND ($2::uuid IS NULL OR {worked_by("$2")})
"""
