"""SQL that reads the entries for a dialer."""

from dialer_feed.lists import others, phones

_COLUMNS = f"""phone.contact_id, phone.value, phone.party_id, phone.party_role, phone.party_name,
        {phones.AS_LISTED} AS place"""
# The phones of an entry are looked up once. ``numbers`` are all of them, in the creditor's order. What is empty for
# most entries is null, and need not be read as JSON.
_PHONES = f"""
    SELECT array_agg(one.value) AS numbers,
        array_agg(one.value ORDER BY one.place) FILTER (WHERE one.party_id IS NULL) AS phones,
        array_agg(one.value ORDER BY one.place) FILTER (WHERE one.contact_id = ANY (entry.shared_ids)) AS shared_number,
        jsonb_agg(jsonb_build_object('phone', one.value, 'party', one.party_role, 'name', one.party_name)
            ORDER BY one.place) FILTER (WHERE one.party_id IS NOT NULL) AS party_phones
    FROM ({phones.dialable(_COLUMNS, phones.OF_ENTRY)}) AS one"""
_ENTRIES = f"""
SELECT entry.contract_number, entry.contract_id, entry.place, contract.name, entry.overdue_balance, entry.days_past_due,
    campaign.kind, contract.total_balance, contract.oldest_due_on AS due_on,
    contract.components, contract.jurisdiction, contract.region, contract.places,
    nullif(contract.conveniences, '[]') AS conveniences,
    portfolio.creditor_kind, portfolio.timezone AS portfolio_timezone,
    phone.numbers, phone.phones, phone.shared_number, phone.party_phones,
    nullif({others.NAMED}, '[]') AS also
FROM list_entry entry
JOIN dialing_list list USING (list_id)
JOIN campaign USING (campaign_id)
JOIN contract USING (contract_id)
JOIN portfolio USING (portfolio_id)
CROSS JOIN LATERAL ({_PHONES}) AS phone
WHERE entry.list_id = $1 AND entry.status = 'listed' AND entry.lead_id IS NULL
"""
# The entries that are still on the list, by contract number. $2 and $3: the key before the page, $4: its most rows.
ENTRIES = f"""{_ENTRIES}
    AND ($2::text IS NULL OR (entry.contract_number, entry.contract_id) > ($2, $3))
ORDER BY entry.contract_number, entry.contract_id LIMIT $4
"""
# Those of a list that has an order, by their places. $2: the place before the page, $3: its most rows.
ENTRIES_IN_ORDER = f"""{_ENTRIES}
    AND ($2::integer IS NULL OR entry.place > $2) AND entry.place IS NOT NULL
ORDER BY entry.place LIMIT $3
"""
# Numbers leave an entry of a published list, and none is added. A column of a CSV file stays for the whole file.
SHAPE = """
SELECT coalesce(max(own), 0) AS own, coalesce(max(theirs), 0) AS theirs, coalesce(bool_or(is_split), false) AS is_split
FROM (
    SELECT count(*) FILTER (WHERE party_id IS NULL) AS own, count(*) FILTER (WHERE party_id IS NOT NULL) AS theirs,
        bool_or(components IS NOT NULL) AS is_split
    FROM list_entry AS entry JOIN contract USING (contract_id)
    JOIN contact_point AS phone
        ON phone.contract_id = entry.contract_id AND phone.contact_id = ANY (entry.contact_ids)
    WHERE entry.list_id = $1 AND entry.status = 'listed'
    GROUP BY entry.contract_id
) AS entry
"""
