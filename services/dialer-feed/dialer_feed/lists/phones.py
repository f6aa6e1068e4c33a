"""The phones of a contract that may be dialled, and their order: SQL that lists, withdrawals and files share."""

OF_ENTRY = "phone.contact_id = ANY (entry.contact_ids)"
"""SQL: the phone was on the entry when its list was built."""


def dialable(columns: str, condition: str = "true") -> str:
    """SQL: ``columns`` of the contract's phones that may be dialled, in the creditor's order."""
    return f"""
        SELECT {columns} FROM contact_point phone
        WHERE phone.contract_id = contract.contract_id
            AND phone.kind = 'phone' AND phone.present AND phone.usable AND phone.value ~ '^\\+[1-9][0-9]{{6,14}}$'
            AND NOT EXISTS (
                SELECT FROM reported_silence reported
                WHERE reported.contract_id = phone.contract_id AND reported.contact_id = phone.contact_id)
            AND {condition}
        ORDER BY phone.rank NULLS LAST, phone.contact_id"""
