"""The contracts whose debtors were erased. A number that is reported about them later is not kept."""

from alembic import op

revision = "0038"
down_revision = "0037"

# The owner reads contracts also where a request of an agency reports a call.
_ERASURES = """
ALTER TABLE contract ADD COLUMN erased boolean NOT NULL DEFAULT false;
CREATE INDEX call_result_unknown ON call_result (contract_id) WHERE unknown_phone <> '';
CREATE INDEX attempt_unknown ON attempt (contract_id) WHERE unknown_phone <> '';
CREATE INDEX dialer_report_text ON dialer_report (contract_id) WHERE detail IS NOT NULL;
CREATE FUNCTION forget_unknown_phone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM contract WHERE contract.contract_id = new.contract_id AND erased) THEN
        new.unknown_phone := '';
    END IF;
    RETURN new;
END $$;
"""


def upgrade() -> None:
    op.execute(_ERASURES)
    for table in ("call_result", "attempt", "permit"):
        op.execute(
            f"CREATE TRIGGER forget_unknown_phone BEFORE INSERT ON {table} FOR EACH ROW"
            " WHEN (new.unknown_phone <> '') EXECUTE FUNCTION forget_unknown_phone()"
        )
