"""Payments: the day from which the hold-off counts, the day of the reversal, and references that a reversal frees."""

from alembic import op

revision = "0013"
down_revision = "0012"

# Two spellings of a reference are one key: neither case, nor spaces, nor characters without a glyph, nor compatibility
# forms (NFKC) tell them apart. The digest bounds the width of the index, since NFKC may make a text 18 times as long.
# convert_to is only stable, because an encoding may be replaced; that of the database is UTF-8.
_KEY = r"""
CREATE FUNCTION spelling_key(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN regexp_replace(normalize(casefold(normalize(name, NFKC) COLLATE pg_unicode_fast), NFKC),
    '[\s\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u2028-\u202E\u2060-\u206F'
    '\u3164\uFE00-\uFE0F\uFEFF\uFFA0\U000E0000-\U000E0FFF]', '', 'g');

CREATE FUNCTION payment_key(channel text, reference text) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN spelling_key(reference) <> ''
    THEN sha256(convert_to(spelling_key(channel) || E'\n' || spelling_key(reference), 'UTF8')) END;
"""
# A release before this one names the three columns of the unique constraint in its ON CONFLICT, so the constraint stays
# until no such release runs any more. A further booking therefore keeps its reference in a column of its own.
_COLUMNS = """
ALTER TABLE payment
    ADD COLUMN holdoff_from date,
    ADD COLUMN reversed_on date,
    ADD COLUMN booking integer NOT NULL DEFAULT 1,
    ADD COLUMN rebooked_reference text,
    ADD COLUMN shares_key boolean NOT NULL DEFAULT false,
    ADD COLUMN reference_key bytea
        GENERATED ALWAYS AS (payment_key(channel, coalesce(reference, rebooked_reference))) STORED;
COMMENT ON COLUMN payment.holdoff_from IS 'days without contact count from this day; null: from business_date';
COMMENT ON COLUMN payment.booking IS '1 for the first booking of its key; all bookings of a key but one are reversed';
COMMENT ON COLUMN payment.shares_key IS 'booked beside another payment of its key before spellings were compared';
"""
_NUMBERS = """
UPDATE payment SET booking = numbered.booking, shares_key = numbered.live_place > 1
FROM (
    SELECT payment_id, row_number() OVER (PARTITION BY portfolio_id, reference_key ORDER BY sequence) AS booking,
        CASE WHEN reversed_at IS NULL THEN row_number() OVER (
            PARTITION BY portfolio_id, reference_key, reversed_at IS NULL ORDER BY sequence) ELSE 0 END AS live_place
    FROM payment WHERE reference_key IS NOT NULL
) AS numbered
WHERE payment.payment_id = numbered.payment_id AND numbered.booking > 1;
CREATE INDEX payment_reference_key ON payment (portfolio_id, reference_key) WHERE reference_key IS NOT NULL;
CREATE UNIQUE INDEX payment_live_key ON payment (portfolio_id, reference_key)
    WHERE reversed_at IS NULL AND NOT shares_key;
"""


def upgrade() -> None:
    op.execute(_KEY)
    op.execute(_COLUMNS)
    op.execute(_NUMBERS)
