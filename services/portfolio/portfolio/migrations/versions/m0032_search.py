"""The search for contracts reads indexes: words of the name and the number, ends of phones, numbers of customers."""

from alembic import op
from chassis.schema import AGENCY, agency_policy

revision = "0032"
down_revision = "0031"

# A table of its own, because a row of contract that changes is written into every index of contract.
# 500 characters in UTF-8 stay below the length that a lexeme may have.
_WORDS = r"""
CREATE FUNCTION search_words(search_name text, contract_number text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN array_to_tsvector(
    array_remove(regexp_split_to_array(left(search_name, 500), '[\s.,;/-]+'), '') || lower(left(contract_number, 500)));

CREATE TABLE contract_search (
    contract_id uuid PRIMARY KEY,
    words tsvector NOT NULL
);
COMMENT ON COLUMN contract_search.words IS 'words of the name without accents, and the number, in lower case';
INSERT INTO contract_search SELECT contract_id, search_words(search_name, contract_number) FROM contract;
CREATE INDEX contract_search_words ON contract_search USING gin (words) WITH (gin_pending_list_limit = 256);

CREATE FUNCTION keep_search_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contract_search SELECT contract_id, search_words(search_name, contract_number) FROM added;
    RETURN NULL;
END $$;
CREATE TRIGGER search_words_of_new AFTER INSERT ON contract REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION keep_search_words();
CREATE FUNCTION keep_changed_search_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE contract_search SET words = search_words(new.search_name, new.contract_number)
    WHERE contract_id = new.contract_id;
    RETURN NULL;
END $$;
CREATE TRIGGER search_words_of_renamed AFTER UPDATE OF debtor_name ON contract FOR EACH ROW
    WHEN (old.debtor_name <> new.debtor_name) EXECUTE FUNCTION keep_changed_search_words();
"""
_INDEXES = """
CREATE INDEX contact_point_ending ON contact_point ((reverse(value) COLLATE "C")) WHERE kind = 'phone' AND current;
CREATE INDEX debtor_number ON debtor ((debtor_number COLLATE "C")) WHERE debtor_number IS NOT NULL;
"""
_PLACED = f"""EXISTS (
    SELECT FROM placement
    WHERE placement.contract_id = contract_search.contract_id AND placement.agency_id = {AGENCY}
        AND placement.state IN ('active', 'recall_pending', 'objected'))"""


def upgrade() -> None:
    op.execute(_WORDS)
    op.execute(_INDEXES)
    op.execute(agency_policy("contract_search", _PLACED))
