"""SQL that orders, cancels and reads visits. An agency sees its own visits; a null agency sees all."""

from projections import convenience, steps
from projections.contracts import person
from projections.placements import in_force

from field_visits.projection import BUSINESS_DATE
from field_visits.visits import rules
from field_visits.visits.eligibility import REASON

_OPEN = "visit.state IN ('ordered', 'routed')"
# The debtor wants no visit, none on the weekday of the row visit, or none at its address.
_INCONVENIENT = f"""(contract.conveniences <> '[]' AND (
    {convenience.refuses("visit")} OR {convenience.on_day("visit.visit_on")} OR EXISTS (
        SELECT FROM address WHERE address.contract_id = visit.contract_id AND address.address_id = visit.address_id
            AND {convenience.at_place("address.kind")})))"""

_FORBIDDEN = f"""CASE WHEN {steps.forbids("visit")} THEN '{rules.STEP_FORBIDS}'
        WHEN {_INCONVENIENT} THEN '{rules.INCONVENIENT}' END"""


def _is_placed(contract: str, agency: str) -> str:
    """SQL: whether the contract is placed with the agency for visits. After a recall request it no longer is."""
    return f"""EXISTS (
        SELECT FROM placement
        WHERE placement.contract_id = {contract} AND placement.agency_id = {agency} AND placement.active)"""


IS_PLACED = f"SELECT {_is_placed('$1', '$2')}"
# Whether the contract and its portfolio are known.
KNOWN = """
SELECT true FROM contract JOIN portfolio USING (portfolio_id)
WHERE contract.contract_id = $1 AND contract.details_version >= 0 AND contract.version >= 0
"""
# The contract's business date, and the reason for silence on the day $2.
STANDING = f"""
SELECT {BUSINESS_DATE} AS business_date, {REASON} AS reason, {steps.forbids("visit")} AS step_forbids
FROM contract JOIN portfolio USING (portfolio_id), (SELECT $2::date AS visit_on) AS visit
WHERE contract.contract_id = $1
"""
# The reason for silence on the day of the visit $1, or on the business date where that is later.
SILENCE = f"""
SELECT {REASON}
FROM visit ordered
JOIN contract USING (contract_id)
JOIN portfolio USING (portfolio_id)
CROSS JOIN LATERAL (SELECT greatest(ordered.visit_on, {BUSINESS_DATE}) AS visit_on) AS visit
WHERE ordered.visit_id = $1
"""
# The active placement for visits (of the agency $2), preferably one that is in force on the day $3.
PLACEMENT = f"""
SELECT placement_id, agency_id, {in_force("placement", "$3::date")} AS in_force
FROM placement
WHERE contract_id = $1 AND active AND ($2::uuid IS NULL OR agency_id = $2)
ORDER BY in_force DESC, starts_on DESC, placement_id DESC LIMIT 1
"""
# The contract's addresses (or the one with the id $2), by kind in the order of $3.
# wrong: as the portfolio says, nobody has checked it or it was found wrong; or the newest visit there whose result took
# effect found it wrong.
ADDRESSES = """
SELECT address.address_id, address.authorised, coalesce(address.street, '') <> '' AS has_street,
    string_to_array(address.issues, ' ') && ARRAY['wrong_address', 'unchecked']
        OR coalesce(checked.address_verdict = 'wrong', false) AS wrong,
    address.city, address.state AS address_state, address.postal_code, address.kind, contract.jurisdiction,
    contract.conveniences, portfolio.creditor_kind, portfolio.timezone
FROM address
JOIN contract USING (contract_id)
JOIN portfolio USING (portfolio_id)
LEFT JOIN LATERAL (
    SELECT visit.address_verdict FROM visit
    WHERE visit.contract_id = address.contract_id AND visit.address_id = address.address_id AND visit.effective
        AND visit.address_verdict IS NOT NULL
    ORDER BY visit.reported_at DESC LIMIT 1) AS checked ON true
WHERE address.contract_id = $1 AND address.present AND ($2::uuid IS NULL OR address.address_id = $2)
ORDER BY array_position($3::text[], address.kind) NULLS LAST, address.rank
"""
OPEN_ON = f"SELECT visit_id, agency_id FROM visit WHERE contract_id = $1 AND visit_on = $2 AND {_OPEN} LIMIT 1"
COUNTS = f"""
SELECT count(*) FILTER (WHERE {_OPEN}) AS open,
    count(*) FILTER (WHERE ordered_at > clock_timestamp() - interval '24 hours') AS lately
FROM visit WHERE contract_id = $1
"""
PERSON = f"SELECT {person()} FROM contract WHERE contract_id = $1"
# So two orders for one person count each other. Nothing else takes this lock, and the contract is locked after it.
LOCK_PERSON = "SELECT pg_advisory_xact_lock(27, hashtext($1::text))"
# The visits to the person $1 that are open or were made, within $3 days of the day $2, before or after it.
NEAR = f"""
SELECT count(*) FROM contract JOIN visit USING (contract_id)
WHERE {person()} = $1 AND visit.state <> 'cancelled' AND visit.visit_on > $2::date - $3::integer
    AND visit.visit_on < $2::date + $3::integer
"""
ORDER = """
INSERT INTO visit
    (contract_id, agency_id, placement_id, visitor, visit_on, address_id, ordered_by, override_reason, visit_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, uuidv7())) RETURNING visit_id
"""
IS_KNOWN = "SELECT true FROM visit WHERE visit_id = $1"

CANCEL = f"""
UPDATE visit SET state = 'cancelled', cancel_reason = cause.reason, cancelled_at = clock_timestamp()
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::date[], $6::timestamptz[])
    AS cause (contract_id, reason, event_id, placement_id, until, ordered_before)
WHERE visit.contract_id = cause.contract_id AND {_OPEN}
    AND (cause.placement_id IS NULL OR visit.placement_id = cause.placement_id)
    AND (cause.until IS NULL OR visit.visit_on <= cause.until)
    AND (cause.ordered_before IS NULL OR visit.ordered_at < cause.ordered_before)
RETURNING visit.visit_id, visit.contract_id, visit.agency_id, visit.cancel_reason, cause.event_id
"""
# The visits that a payment cancels, and those that it would have cancelled. An event of the same payment on another
# topic may have cancelled a visit before, for the balance or the state that the payment has left.
PAID_FOR = f"""
UPDATE visit SET payment_ids = visit.payment_ids || paid.payment_id
FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::timestamptz[]) AS paid (contract_id, payment_id, as_of, received_at)
WHERE visit.contract_id = paid.contract_id AND visit.visit_on >= paid.as_of
    AND ({_OPEN} OR (visit.state = 'cancelled' AND (visit.cancel_reason = 'payment'
        OR (visit.cancel_reason IN ('closed', 'nothing_overdue') AND visit.cancelled_at >= paid.received_at))))
    AND NOT paid.payment_id = ANY (visit.payment_ids)
"""
# One visit a day, the one ordered last. on_day is the day of the reversal: a visit of that day stays cancelled.
REINSTATE = f"""
WITH standing AS (
    SELECT DISTINCT ON (visit.contract_id, visit.visit_on) visit.visit_id, cause.event_id
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::date[]) AS cause (contract_id, event_id, payment_id, on_day)
    JOIN contract USING (contract_id)
    JOIN visit USING (contract_id)
    WHERE visit.state = 'cancelled' AND cause.payment_id = ANY (visit.payment_ids) AND visit.visit_on > cause.on_day
        AND NOT EXISTS (
            SELECT FROM payment
            WHERE payment.contract_id = visit.contract_id AND payment.payment_id = ANY (visit.payment_ids)
                AND NOT payment.reversed)
        AND {REASON} IS NULL AND {_FORBIDDEN} IS NULL AND contract.status <> 'unlocatable'
        AND (visit.placement_id IS NULL OR EXISTS (
            SELECT FROM placement
            WHERE placement.contract_id = visit.contract_id AND placement.placement_id = visit.placement_id
                AND placement.active AND {in_force("placement", "visit.visit_on")}))
        AND NOT EXISTS (
            SELECT FROM visit other
            WHERE other.contract_id = visit.contract_id AND other.visit_on = visit.visit_on
                AND other.state IN ('ordered', 'routed'))
    ORDER BY visit.contract_id, visit.visit_on, visit.visit_id DESC
)
UPDATE visit SET state = 'ordered', cancel_reason = NULL, cancelled_at = NULL, payment_ids = '{{}}'
FROM standing
WHERE visit.visit_id = standing.visit_id
RETURNING visit.visit_id, visit.contract_id, visit.agency_id, visit.visitor, visit.address_id, visit.visit_on,
    standing.event_id
"""
CANCEL_UNFIT = f"""
WITH unfit AS (
    SELECT visit.visit_id, cause.event_id, {REASON} AS reason
    FROM unnest($1::uuid[], $2::uuid[]) AS cause (contract_id, event_id)
    JOIN contract USING (contract_id)
    JOIN visit USING (contract_id)
    WHERE {_OPEN}
)
UPDATE visit SET state = 'cancelled', cancel_reason = unfit.reason, cancelled_at = clock_timestamp()
FROM unfit
WHERE visit.visit_id = unfit.visit_id AND unfit.reason IS NOT NULL
RETURNING visit.visit_id, visit.contract_id, visit.agency_id, visit.cancel_reason, unfit.event_id
"""
CANCEL_FORBIDDEN = f"""
WITH unfit AS (
    SELECT visit.visit_id, cause.event_id, {_FORBIDDEN} AS detail
    FROM unnest($1::uuid[], $2::uuid[]) AS cause (contract_id, event_id)
    JOIN contract USING (contract_id)
    JOIN visit USING (contract_id)
    WHERE {_OPEN}
)
UPDATE visit SET state = 'cancelled', cancel_reason = 'operator', cancel_detail = unfit.detail,
    cancelled_at = clock_timestamp()
FROM unfit
WHERE visit.visit_id = unfit.visit_id AND unfit.detail IS NOT NULL
RETURNING visit.visit_id, visit.contract_id, visit.agency_id, visit.cancel_reason, visit.cancel_detail, unfit.event_id
"""
CANCEL_BY_HAND = """
UPDATE visit SET state = 'cancelled', cancel_reason = 'operator', cancel_detail = $2, cancelled_at = clock_timestamp(),
    cancel_actor = nullif(current_setting('app.actor', true), '')::jsonb
WHERE visit_id = $1
"""

CONTRACT_OF = "SELECT contract_id FROM visit WHERE visit_id = $1 AND ($2::uuid IS NULL OR agency_id = $2)"


def _visits(agency: str) -> str:
    """SQL: the visits of the agency, or all if it is null, with the debtor's data while the contract is the agency's.

    These rows hold no balance and nothing that reveals one, because anybody at the door may see them.
    """
    return f"""
SELECT visit.*, personal, {agency}::uuid IS NULL AS for_operator,
    contract.contract_number, contract.name, contract.jurisdiction,
    EXISTS (SELECT FROM attendance WHERE attendance.visit_id = visit.visit_id AND told_balance) AS balance_known,
    address.kind AS address_kind, address.street, address.exterior, address.interior, address.neighbourhood,
    address.postal_code, address.city, address.state AS address_state, address.country, address.irregular_numbering,
    met.attended_by AS met, met.at AS met_at,
    (SELECT count(*) FROM photo WHERE photo.visit_id = visit.visit_id) AS photos
FROM visit
CROSS JOIN LATERAL (SELECT {agency}::uuid IS NULL OR {_is_placed("visit.contract_id", agency)} AS personal) AS shown
LEFT JOIN contract ON contract.contract_id = visit.contract_id AND personal
LEFT JOIN address ON address.contract_id = visit.contract_id AND address.address_id = visit.address_id AND personal
LEFT JOIN LATERAL (
    SELECT attendance.attended_by, attendance.at FROM attendance WHERE attendance.visit_id = visit.visit_id
    ORDER BY attendance.attendance_id DESC LIMIT 1) AS met ON true
WHERE ({agency}::uuid IS NULL OR visit.agency_id = {agency})"""


VISIT = f"{_visits('$2')} AND visit.visit_id = $1"
# $1 … $5: visitor, day, contract, state and agency, each null for any; $6 and $7: day and id of the last visit of the
# page before; $9 and $10 the first and the last day; $11 the agency to filter by; $12 whether no agency makes the
# visit.
VISITS = {
    order: f"""
{_visits("$5")}
    AND ($1::text IS NULL OR visit.visitor = $1) AND ($2::date IS NULL OR visit.visit_on = $2)
    AND ($3::uuid IS NULL OR visit.contract_id = $3) AND ($4::text IS NULL OR visit.state = $4)
    AND ($6::date IS NULL OR (visit.visit_on, visit.visit_id) {beyond} ($6, $7))
    AND ($9::date IS NULL OR visit.visit_on >= $9) AND ($10::date IS NULL OR visit.visit_on <= $10)
    AND ($11::uuid IS NULL OR visit.agency_id = $11) AND ($12::boolean IS NULL OR (visit.agency_id IS NULL) = $12)
ORDER BY visit.visit_on {order}, visit.visit_id {order} LIMIT $8
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
