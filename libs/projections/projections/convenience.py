"""What debtors call inconvenient: a column of each contract, which has all that its person has said.

It is as new as the version of the contract that stated it, as the segment is. ``contracts`` keeps it.
"""

CONVENIENCES = """
-- All that the person has called inconvenient, and the contract's version at which it was last stated.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS conveniences jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN IF NOT EXISTS conveniences_version bigint NOT NULL DEFAULT -1;
"""


def refuses(medium: str) -> str:
    """SQL: the person of the row ``contract`` refuses this medium altogether. ``medium`` is written as it is."""
    return f"""contract.conveniences @> '[{{"not_media": ["{medium}"]}}]'"""


def on_day(day: str) -> str:
    """SQL: the person of the row ``contract`` has called this weekday inconvenient."""
    weekday = f"lower(to_char({day}, 'dy'))"
    return f"""contract.conveniences @> jsonb_build_array(
        jsonb_build_object('not_days', jsonb_build_array({weekday})))"""


def at_place(kind: str) -> str:
    """SQL: the person of the row ``contract`` has called this kind of address inconvenient."""
    return f"""contract.conveniences @> jsonb_build_array(
        jsonb_build_object('not_places', jsonb_build_array({kind})))"""
