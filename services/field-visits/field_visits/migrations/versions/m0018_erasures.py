"""The contracts whose debtors were erased, and the photos that are still to be deleted from the storage."""

from alembic import op

revision = "0018"
down_revision = "0017"

# A visitor's phone may send its results late. The owner reads contracts also where an agency's request reports them.
_ERASURES = """
ALTER TABLE contract ADD COLUMN erased boolean NOT NULL DEFAULT false;
CREATE TABLE erased_photo (photo_id uuid PRIMARY KEY);
CREATE FUNCTION forget_result() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM contract WHERE contract.contract_id = new.contract_id AND erased) THEN
        new.reason_for_non_payment := NULL;
        new.contacts := '[]';
        new.addresses := '[]';
        new.latitude := NULL;
        new.longitude := NULL;
        new.accuracy_metres := NULL;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER forget_result BEFORE UPDATE OF outcome ON visit FOR EACH ROW
    WHEN (new.outcome IS NOT NULL) EXECUTE FUNCTION forget_result();
"""


def upgrade() -> None:
    op.execute(_ERASURES)
