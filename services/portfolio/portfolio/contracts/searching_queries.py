"""The ways to find contracts by what a person types. Each reads an index.

Fewer than four characters of a phone, a tax id or a customer number tell nothing: those of a country begin alike.
"""

LEAST_CHARACTERS = 4

# U+10FFFF lies behind every character that a text may have.
_BEGINS = '{key} >= {begin} COLLATE "C" AND {key} < ({begin} || chr(1114111)) COLLATE "C"'


def found_by(words: str, phone: str, tax_id: str, customer: str) -> str:
    """SQL: the contracts that have these words, or this end of a phone, or this beginning of a tax id or of a number.

    A null text finds nothing.
    """
    return f"""
SELECT contract_id FROM contract_search WHERE words @@ {words}::tsquery
UNION ALL
SELECT contract_id FROM contact_point WHERE kind = 'phone' AND current
    AND {_BEGINS.format(key='reverse(value) COLLATE "C"', begin=f"reverse({phone}::text)")}
UNION ALL
SELECT contract_id FROM party_contact_point WHERE kind = 'phone' AND current
    AND {_BEGINS.format(key='reverse(value) COLLATE "C"', begin=f"reverse({phone}::text)")}
UNION ALL
SELECT contract_id FROM contract WHERE tax_id IS NOT NULL AND length(tax_id_key({tax_id}::text)) >= {LEAST_CHARACTERS}
    AND {_BEGINS.format(key='tax_id_key(tax_id) COLLATE "C"', begin=f"tax_id_key({tax_id}::text)")}
UNION ALL
SELECT contract_id FROM contract JOIN debtor USING (debtor_id)
WHERE debtor_number IS NOT NULL AND length({customer}::text) >= {LEAST_CHARACTERS}
    AND {_BEGINS.format(key='debtor_number COLLATE "C"', begin=f"{customer}::text")}
"""


# Materialized: with a limit, the planner would rather read the tables than the indexes.
FIRST_FOUND = f"""
WITH found AS MATERIALIZED ({found_by("$1", "$2", "$3", "$4")}) SELECT contract_id FROM found LIMIT $5
"""
