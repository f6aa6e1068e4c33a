"""What the step of the ladder at which a contract stands allows: a column of each contract.

``contracts`` keeps it with the step. Where the column, or one of its lists, is missing, everything is allowed.
"""

ALLOWS = """
-- What the step allows: contacts and campaigns. Null: all, also for contracts that stand at no step.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS allows jsonb;
"""


def forbids(contact: str) -> str:
    """SQL: the step of the row ``contract`` allows no contact of this kind. ``contact`` is written as it is."""
    return f"(contract.allows -> 'contacts' ? '{contact}') IS FALSE"


def forbids_campaign(kind: str) -> str:
    """SQL: the step of the row ``contract`` allows no campaign of this kind, an SQL expression."""
    return f"(contract.allows -> 'campaigns' ? {kind}) IS FALSE"
