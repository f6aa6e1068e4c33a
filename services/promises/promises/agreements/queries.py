"""SQL that writes and reads agreements and proposals. An agency sees its own; a null agency sees all."""

from chassis.second_person import DECIDER

from promises.taking.queries import reason_shown

HAS_OPEN_PLAN = "SELECT EXISTS (SELECT FROM agreement WHERE contract_id = $1 AND state = 'open')"
REACH = """
INSERT INTO agreement
    (contract_id, kind, currency, total, settles_in_full, made_on, made_in, agency_id, party_id, agreement_id, version)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10, uuidv7()),
    CASE WHEN $10::uuid IS NULL THEN 1 ELSE first_version() + 1 END
RETURNING agreement_id, version
"""
IS_KNOWN = """
SELECT EXISTS (SELECT FROM agreement WHERE agreement_id = $1)
    OR EXISTS (SELECT FROM promise WHERE promise_id = ANY($2::uuid[]))
"""
CANCEL = f"""
UPDATE agreement SET state = 'cancelled', version = version + 1, cancellation_reason = $2, cancel_actor = {DECIDER}
WHERE agreement_id = $1 RETURNING version
"""

PENDING = "SELECT agreement_id FROM proposal WHERE contract_id = $1 AND state NOT IN ('reached', 'cancelled')"
PROPOSE = """
INSERT INTO proposal (contract_id, portfolio_id, agency_id, made_in, currency, proposed_on, kind, balance, total,
    discount, settles_in_full, schedule, valid_until, offer_id, needs_approval, needs_acceptance, acceptance_code,
    party_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13, $14, $15, $16, $17, $18)
RETURNING *
"""
PROPOSAL = "SELECT * FROM proposal WHERE agreement_id = $1"
# $2: the state now; $3: the discount, which may have grown with the debt.
APPROVE = f"""
UPDATE proposal SET state = $2, discount = $3, version = version + 1, second_actor = {DECIDER},
    second_decided_at = now()
WHERE agreement_id = $1 RETURNING *
"""
ACCEPT = f"""
UPDATE proposal SET state = $2, version = version + 1, accepted_by = $3, proof = $4, proof_sha256 = $5,
    accepted_terms_sha256 = $6, accepted_at = now(), acceptance_actor = {DECIDER}
WHERE agreement_id = $1 RETURNING *
"""
REFUSE = f"""
UPDATE proposal SET state = 'cancelled', version = version + 1, refused = true, cancellation_reason = $2,
    second_actor = {DECIDER}, second_decided_at = now()
WHERE agreement_id = $1 RETURNING *
"""
_CANCEL_PENDING = f"""
UPDATE proposal SET state = 'cancelled', version = version + 1, cancellation_reason = $2, cancel_actor = {DECIDER}
WHERE state NOT IN ('reached', 'cancelled') AND """
CANCEL_PROPOSALS = f"{_CANCEL_PENDING} agreement_id = ANY ($1::uuid[]) RETURNING *"
CANCEL_PROPOSALS_OF = f"{_CANCEL_PENDING} contract_id = ANY ($1::uuid[]) RETURNING *"
EXPIRED = """
SELECT agreement_id, contract_id
FROM portfolio JOIN proposal USING (portfolio_id)
WHERE proposal.state NOT IN ('reached', 'cancelled') AND valid_until < portfolio.business_date
ORDER BY contract_id LIMIT $1
"""
UNDECIDED_SINCE = """
SELECT min(created_at) FROM proposal
WHERE state NOT IN ('reached', 'cancelled') AND needs_approval AND second_decided_at IS NULL
"""
# The proposal becomes an agreement with the same id, made by the person who proposed it. Without a payment it is
# fulfilled at once, by its second event. paid_before: what was paid is off the balance that was agreed on, so it does
# not pay the agreement too.
_REACHED = "UPDATE proposal SET state = 'reached', version = version + 1 WHERE agreement_id = $1 RETURNING *"
BEGIN = f"""
WITH proposal AS ({_REACHED})
INSERT INTO agreement (agreement_id, contract_id, kind, state, version, currency, total, discount, settles_in_full,
    made_on, made_in, agency_id, party_id, actor, paid_before)
SELECT agreement_id, contract_id, kind, CASE WHEN schedule = '[]' THEN 'fulfilled' ELSE 'open' END,
    CASE WHEN schedule = '[]' THEN 2 ELSE 1 END, currency, total, $2, settles_in_full, $3, made_in, agency_id, party_id,
    actor,
    ARRAY(SELECT payment_id FROM payment
        WHERE payment.contract_id = proposal.contract_id AND NOT reversed AND paid_on >= $3 ORDER BY payment_id)
FROM proposal
RETURNING agreement_id, contract_id, kind, version, currency, discount, settles_in_full, made_on, actor, paid_before
"""
OF_PROPOSER = "UPDATE promise SET actor = $2::jsonb WHERE agreement_id = $1"
OPEN_PROMISES = "SELECT promise_id FROM promise WHERE contract_id = $1 AND state = 'open' AND agreement_id IS NULL"

_DAY = "greatest(contract.as_of, portfolio.business_date)"
DEFAULT_LAG_DAYS = 5
_FINAL = f"""
(contract.absorbed_version = contract.version OR NOT EXISTS (
    SELECT FROM payment
    WHERE payment.contract_id = agreement.contract_id AND NOT reversed AND paid_on >= agreement.made_on
        AND paid_on + coalesce(portfolio.posting_lag_days, {DEFAULT_LAG_DAYS}) >= {_DAY}))
"""
_UNSETTLED = f"""
FROM agreement JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id)
WHERE agreement.state = 'fulfilled' AND agreement.kind <> 'plan' AND agreement.settled_on IS NULL AND {_FINAL}
"""
# Fulfilled agreements whose payments are final, after the contract $1.
FINAL = f"""
SELECT DISTINCT agreement.contract_id {_UNSETTLED} AND ($1::uuid IS NULL OR agreement.contract_id > $1)
ORDER BY agreement.contract_id LIMIT $2
"""
# forgiven: with the discount what the tolerance has let be missing, where nothing is owed any more.
FORGIVEN = """agreement.discount + CASE WHEN agreement.settles_in_full THEN coalesce((
        SELECT sum(amount - paid) FROM promise
        WHERE promise.agreement_id = agreement.agreement_id AND promise.state = 'kept'), 0) ELSE 0 END AS forgiven"""
SETTLE = f"""
UPDATE agreement SET settled_on = final.day, version = agreement.version + 1
FROM (SELECT agreement_id, {_DAY} AS day {_UNSETTLED} AND agreement.contract_id = ANY ($1::uuid[])) AS final
WHERE agreement.agreement_id = final.agreement_id
RETURNING agreement.*, {FORGIVEN}
"""

_DECIDED = """proposal.valid_until, proposal.offer_id, coalesce(proposal.needs_approval, false) AS needs_approval,
    coalesce(proposal.needs_acceptance, false) AS needs_acceptance, proposal.second_decided_at, proposal.accepted_by,
    proposal.accepted_at, coalesce(proposal.refused, false) AS refused"""
_PEOPLE = {
    True: """NULL AS acceptance_code, NULL AS proof, NULL AS proof_sha256, NULL AS accepted_terms_sha256,
    NULL AS proposed_by, NULL AS decided_by, NULL::numeric AS balance""",
    False: """proposal.acceptance_code, proposal.proof, proposal.proof_sha256, proposal.accepted_terms_sha256,
    proposal.actor ->> 'subject' AS proposed_by, proposal.second_actor ->> 'subject' AS decided_by,
    proposal.balance""",
}


def _all(agency: str, *, is_agency: bool) -> str:
    """SQL: agreements that were reached, and proposals that were not. A plan in force is ``open``, any other
    ``active``."""
    return f"""(
SELECT agreement.agreement_id, agreement.contract_id, agreement.agency_id, agreement.party_id, agreement.kind,
    CASE WHEN agreement.state = 'open' AND agreement.kind <> 'plan' THEN 'active' ELSE agreement.state END AS state,
    agreement.version, agreement.total, agreement.discount, agreement.currency, agreement.settles_in_full,
    agreement.made_on, agreement.made_in, agreement.settled_on, agreement.created_at, NULL::jsonb AS schedule,
    {reason_shown("agreement", agency)}, {_DECIDED}, {_PEOPLE[is_agency]}
FROM agreement LEFT JOIN proposal USING (agreement_id)
UNION ALL
SELECT agreement_id, contract_id, agency_id, party_id, kind, state, version, total, discount, currency, settles_in_full,
    proposed_on, made_in, NULL, created_at, schedule, {reason_shown("proposal", agency)}, {_DECIDED},
    {_PEOPLE[is_agency]}
FROM proposal WHERE state <> 'reached') AS agreement"""


AGREEMENT = {
    is_agency: f"""
SELECT * FROM {_all("$2", is_agency=is_agency)} WHERE agreement_id = $1 AND ($2::uuid IS NULL OR agency_id = $2)
"""
    for is_agency in (True, False)
}
# Agreements in the order in which they were proposed, or turned. $1 and $2: contract and state, each null for any; $3:
# the last agreement of the page before; $4: the agency; $6: the kind; $7: whether a second person has to decide; each
# null for any.
AGREEMENTS = {
    (order, is_agency): f"""
SELECT * FROM {_all("$4", is_agency=is_agency)}
WHERE ($1::uuid IS NULL OR contract_id = $1)
    AND ($2::text IS NULL OR state = $2 OR ($2 = 'active' AND state = 'open'))
    AND ($3::uuid IS NULL OR agreement_id {beyond} $3) AND ($4::uuid IS NULL OR agency_id = $4)
    AND ($6::text IS NULL OR kind = $6)
    AND ($7::boolean IS NULL OR (
        state IN ('proposed', 'awaiting_approval') AND needs_approval AND second_decided_at IS NULL) = $7)
ORDER BY agreement_id {order} LIMIT $5
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
    for is_agency in (True, False)
}
# All of these contracts, with the schedule of those that were reached.
OF_CONTRACTS = f"""
SELECT agreement.*, {FORGIVEN}, coalesce((
    SELECT jsonb_agg(jsonb_build_object('promise_id', promise_id, 'due_on', due_on, 'amount', amount::text)
        ORDER BY due_on)
    FROM promise WHERE promise.agreement_id = agreement.agreement_id), '[]') AS schedule
FROM agreement WHERE contract_id = ANY ($1::uuid[]) ORDER BY agreement_id
"""
PROPOSALS_OF = (
    "SELECT * FROM proposal WHERE contract_id = ANY ($1::uuid[]) AND state <> 'reached' ORDER BY agreement_id"
)
# Instalments, by agreement and due day.
INSTALMENTS = """
SELECT agreement_id, promise_id, due_on, amount, paid, state
FROM promise WHERE agreement_id = ANY ($1::uuid[]) ORDER BY agreement_id, due_on
"""
