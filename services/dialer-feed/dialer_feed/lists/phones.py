"""The phones of a contract that may be dialled, and their order: SQL that lists, withdrawals and files share.

The debtor's own phones come first. A party's phone may be dialled where the jurisdiction's profile lets the party be
contacted. An employer's number may never be, whoever else has it, and each number is dialled for one person only.
"""

from jurisdictions import forms_of_numbers

from dialer_feed.contactable import contactable

OF_ENTRY = "phone.contact_id = ANY (entry.contact_ids)"
"""SQL: the phone was on the entry when its list was built."""
OF_CAMPAIGN = "(phone.party_id IS NULL OR campaign.parties)"
"""SQL: the campaign calls the person who has the phone."""
OF_DEBTOR = "phone.party_id IS NULL"
OF_PARTY = "phone.party_id IS NOT NULL"

_CONTACTABLE = contactable("phone.party_role", represented=False)
_OF_EMPLOYER = """
EXISTS (
    SELECT FROM contact_point work
    WHERE work.contract_id = phone.contract_id AND work.party_id IS NOT NULL AND work.party_role = 'employer'
        AND work.present AND work.value = phone.value)"""
_OF_SOMEBODY_ELSE = f"""
EXISTS (
    SELECT FROM contact_point same
    WHERE same.contract_id = phone.contract_id AND same.value = phone.value AND same.present
        AND (same.party_id IS NULL
            OR same.contact_id < phone.contact_id AND {contactable("same.party_role", represented=False)}))"""


HASH = "sha256(convert_to(phone.value, 'UTF8'))"
"""SQL: the hash by which suppression lists keep the number of the row ``phone``."""

SUPPRESSED = f"""EXISTS (
    SELECT FROM suppressed_number suppressed WHERE suppressed.number_hash = {HASH} AND suppressed.until IS NULL)"""
"""SQL: the number of the row ``phone`` is on a list of numbers that nobody may call."""


# No country's number has a quote in it.
_MOBILE, _FIXED = (f"phone.value ~ '{form}'" for form in forms_of_numbers())
CONNECTED = "call.disposition NOT IN ('no_answer', 'busy', 'voicemail', 'failed')"
"""SQL: whether somebody answered the call. The table ``call_day`` counts the same calls as connected."""
_ANSWERED = f"""
(SELECT max(call.started_at) FROM call_result call
    WHERE call.contract_id = phone.contract_id AND call.contact_id = phone.contact_id
        AND call.direction = 'outbound' AND {CONNECTED})"""

_DEBTORS_FIRST = "phone.party_id IS NOT NULL"
CREDITORS_ORDER = f"{_DEBTORS_FIRST}, phone.rank NULLS LAST, phone.contact_id"
WISHED = f"""{_DEBTORS_FIRST}, ARRAY(
    SELECT CASE wished.wish WHEN 'verified' THEN coalesce(phone.verified, false)::integer
        WHEN 'mobile' THEN ({_MOBILE})::integer - ({_FIXED})::integer
        WHEN 'last_answered' THEN coalesce(extract(epoch FROM {_ANSWERED}), 0) END
    FROM unnest(campaign.phone_order) WITH ORDINALITY AS wished (wish, n) ORDER BY wished.n) DESC,
    phone.rank NULLS LAST, phone.contact_id"""
"""SQL: the order of phones that the campaign wishes, the debtor's first. Equal ones come in the creditor's order."""
AS_LISTED = "array_position(entry.contact_ids, phone.contact_id)"
"""SQL: the order of the phones of the row ``entry``."""


# "+", a digit other than 0, and 6 to 14 more digits. A regular expression takes three times as long.
_IS_E164 = """(rtrim(phone.value, '0123456789') = '+' AND octet_length(phone.value) BETWEEN 8 AND 16
    AND substr(phone.value, 2, 1) <> '0')"""
DIALABLE = f"""
phone.kind = 'phone' AND phone.present AND phone.usable AND {_IS_E164}
    AND NOT EXISTS (
        SELECT FROM reported_silence reported
        WHERE reported.contract_id = phone.contract_id AND reported.contact_id = phone.contact_id)
    AND NOT {_OF_EMPLOYER}
    AND (phone.party_id IS NULL
        OR phone.party_name IS NOT NULL AND {_CONTACTABLE} AND NOT {_OF_SOMEBODY_ELSE})
    AND NOT {SUPPRESSED}"""
"""SQL: the row ``phone`` of the row ``contract`` may be dialled."""


def dialable(columns: str, condition: str = "true", order: str = CREDITORS_ORDER) -> str:
    """SQL: ``columns`` of the contract's phones that may be dialled, the debtor's in the creditor's order."""
    return f"""
        SELECT {columns} FROM contact_point phone
        WHERE phone.contract_id = contract.contract_id AND {DIALABLE} AND {condition}
        ORDER BY {order}"""


NOT_DIALABLE = f"""
SELECT contract_id, known.contact_id FROM contact_point known JOIN contract USING (contract_id)
WHERE contract_id = ANY ($1::uuid[]) AND known.kind = 'phone'
    AND NOT EXISTS ({dialable("1", "phone.contact_id = known.contact_id")})
"""
"""SQL: the phones of these contracts that may not be dialled now."""
