"""The statements that apply phones, e-mails and addresses of a file. Each works on a whole chunk of contracts."""

from portfolio.files.findings import listing
from portfolio.files.reader.addresses import PARTS
from portfolio.ledger.whole_queries import NEXT_VERSION

CLEARS = "SELECT empty_cells = 'clear' FROM portfolio WHERE portfolio_id = $1"

# The debtor's marks on a phone or e-mail hold on every contract of the debtor. A contact point that returns in a later
# file keeps its marks. A phone is in the time zone of the address; a file that states no address leaves both.
# $1 file, $2 contracts, $3 whether a contract without an address in the file has none any more
_STATED_CONTACT_POINTS = f"""
WITH stated AS MATERIALIZED (
    SELECT point.*, contract.debtor_id, contract.version AS contract_version, coalesce(
        CASE WHEN NOT $3 AND NOT EXISTS (SELECT FROM file_address AS place WHERE place.file_id = $1
            AND place.contract_id = point.contract_id)
            AND EXISTS (SELECT FROM address WHERE address.contract_id = point.contract_id)
        THEN (SELECT timezone FROM contact_point AS known WHERE known.contract_id = point.contract_id
            AND known.timezone IS NOT NULL ORDER BY NOT known.current, known.value <> point.value, known.rank LIMIT 1)
        END, point.timezone) AS zone
    FROM file_contact AS point JOIN contract USING (contract_id)
    WHERE point.file_id = $1 AND point.contract_id = ANY($2::uuid[])
)
INSERT INTO contact_point (contact_id, contract_id, kind, value, dialable, provenance, timezone, stated_in, rank,
    invalid, opted_out, media, version)
SELECT stated.contact_id, stated.contract_id, stated.kind, stated.value, stated.dialable, 'creditor',
    CASE stated.kind WHEN 'phone' THEN stated.zone END, stated.stated_in, stated.rank,
    coalesce(mark.invalid, false), coalesce(mark.opted_out, false), coalesce(mark.media, '{{}}'),
    {NEXT_VERSION.replace("contract.version", "stated.contract_version")}
FROM stated
LEFT JOIN debtor_contact_mark AS mark
    ON mark.debtor_id = stated.debtor_id AND mark.kind = stated.kind AND mark.value = stated.value
"""
# $4 the number of current contact points with which a contract is full
ADD_CONTACT_POINTS = f"""
{_STATED_CONTACT_POINTS}
WHERE stated.rank < $4::integer - (SELECT count(*) FROM contact_point AS known
    WHERE known.contract_id = stated.contract_id AND known.current)
ON CONFLICT (contract_id, kind, value) DO NOTHING
"""
PUT_CONTACT_POINTS = f"""
{_STATED_CONTACT_POINTS}
ON CONFLICT (contract_id, kind, value) DO UPDATE SET current = true,
    dialable = excluded.dialable, timezone = excluded.timezone, stated_in = excluded.stated_in, rank = excluded.rank,
    invalid = contact_point.invalid OR excluded.invalid,
    opted_out = contact_point.opted_out OR excluded.opted_out,
    media = ARRAY(SELECT DISTINCT medium FROM unnest(contact_point.media || excluded.media) AS medium ORDER BY medium),
    version = excluded.version, permitted = true,
    provenance = CASE WHEN contact_point.permitted THEN contact_point.provenance ELSE excluded.provenance END
WHERE NOT contact_point.current OR NOT contact_point.permitted OR contact_point.dialable <> excluded.dialable
    OR contact_point.timezone IS DISTINCT FROM excluded.timezone OR contact_point.rank <> excluded.rank
    OR contact_point.stated_in IS DISTINCT FROM excluded.stated_in
    OR excluded.invalid > contact_point.invalid OR excluded.opted_out > contact_point.opted_out
    OR NOT excluded.media <@ contact_point.media
"""
# $1 file, $2 contracts, $3 the columns of phones and e-mails that the file has, $4 whether empty cells clear
_RETIRED = """
    known.contract_id = ANY($2::uuid[]) AND contract.contract_id = known.contract_id
    AND known.current AND known.provenance = 'creditor'
    AND CASE WHEN known.stated_in IS NOT NULL THEN known.stated_in = ANY($3::text[])
        ELSE EXISTS (SELECT FROM unnest($3::text[]) AS named WHERE starts_with(named, known.kind)) END
    AND ($4 OR EXISTS (SELECT FROM file_contact AS stated
        WHERE stated.file_id = $1 AND stated.contract_id = known.contract_id AND stated.kind = known.kind))
    AND NOT EXISTS (SELECT FROM file_contact AS stated WHERE stated.file_id = $1
        AND stated.contract_id = known.contract_id AND stated.kind = known.kind AND stated.value = known.value)
"""
RETIRE_CONTACT_POINTS = f"""
UPDATE contact_point AS known SET current = false, version = {NEXT_VERSION} FROM contract WHERE {_RETIRED}
"""
LIST_WRONG_CONTACTS = listing(f"""
    SELECT 'kept_decisions' AS kind, contract_id, contract_number, NULL AS instalment, stated.stated_in AS stated,
        'wrong' AS known, 'stays wrong, for the file repeats it' AS detail
    FROM file_contact AS stated
    JOIN contact_point AS known USING (contract_id, kind, value) JOIN contract USING (contract_id)
    WHERE stated.file_id = $1 AND contract_id = ANY($2::uuid[]) AND known.invalid
    UNION ALL
    SELECT 'kept_decisions', known.contract_id, contract_number, NULL, known.kind, 'wrong',
        'no longer decides, for the file states another value'
    FROM contact_point AS known, contract WHERE known.invalid AND {_RETIRED}
""")


def _same_place(known: str, stated: str, columns: str) -> str:
    """SQL: the two rows agree in the parts that ``columns`` names, but for case and blanks."""
    return " AND ".join(
        f"('{part}' <> ALL({columns})"
        f" OR spelling_key({known}.{part}) IS NOT DISTINCT FROM spelling_key({stated}.{part}))"
        for part in PARTS
    )


# A file that does not name the kinds of addresses means the known address that agrees, else the only one that is known.
# $1 file, $2 contracts, $3 the parts of an address that the file has
TAKE_KNOWN_KIND = f"""
UPDATE file_address AS stated SET address_id = meant.address_id, kind = meant.kind
FROM file_address AS given CROSS JOIN LATERAL (
    SELECT address_id, kind, {_same_place("known", "given", "$3::text[]")} AS agrees,
        count(*) OVER () AS of_contract
    FROM address AS known WHERE known.contract_id = given.contract_id AND known.provenance = 'creditor'
    ORDER BY agrees DESC, address_id LIMIT 1
) AS meant
WHERE given.file_id = $1 AND given.contract_id = ANY($2::uuid[])
    AND stated.file_id = given.file_id AND stated.contract_id = given.contract_id
    AND stated.address_id = given.address_id AND (meant.agrees OR meant.of_contract = 1)
"""
_MERGED = ", ".join(
    f"CASE WHEN known.agrees AND '{part}' <> ALL($4) THEN known.{part} ELSE stated.{part} END" for part in PARTS
)
_PARTLY = f"cardinality($4::text[]) < {len(PARTS)}"
# A visitor's verdict holds as long as files state the same place, under whichever kind. A file that has some parts of
# an address only, and agrees in these, leaves the others.
# $1 file, $2 contracts, $3 country, $4 the parts of an address that the file has
_STATED_ADDRESSES = f"""
INSERT INTO address (address_id, contract_id, kind, {", ".join(PARTS)}, country, irregular_numbering, verdict,
    authorised, issues)
SELECT stated.address_id, stated.contract_id, stated.kind, {_MERGED}, $3,
    CASE WHEN known.agrees AND 'exterior' <> ALL($4) THEN known.irregular_numbering
        ELSE stated.irregular_numbering END,
    decided.verdict, decided.verdict IS DISTINCT FROM 'wrong',
    CASE WHEN known.agrees AND {_PARTLY} THEN array_remove(known.issues, 'wrong_address')
        ELSE string_to_array(coalesce(stated.issues, ''), ' ') END
        || CASE decided.verdict WHEN 'wrong' THEN ARRAY['wrong_address'] ELSE '{{}}' END
FROM file_address AS stated LEFT JOIN LATERAL (
    SELECT *, {_same_place("known", "stated", "$4::text[]")} AS agrees
    FROM address AS known WHERE known.address_id = stated.address_id
) AS known ON true LEFT JOIN LATERAL (
    SELECT verdict FROM address AS decided
    WHERE decided.contract_id = stated.contract_id AND verdict IS NOT NULL
        AND {_same_place("decided", "stated", "$4::text[]")}
    ORDER BY verdict = 'wrong' DESC LIMIT 1
) AS decided ON true
WHERE stated.file_id = $1 AND stated.contract_id = ANY($2::uuid[])
"""
ADD_ADDRESSES = f"{_STATED_ADDRESSES} ON CONFLICT (address_id) DO NOTHING"
PUT_ADDRESSES = f"""
{_STATED_ADDRESSES}
ON CONFLICT (address_id) DO UPDATE SET
    {", ".join(f"{part} = excluded.{part}" for part in PARTS)}, country = excluded.country,
    irregular_numbering = excluded.irregular_numbering, verdict = excluded.verdict,
    authorised = excluded.authorised, issues = excluded.issues
"""
# $1 file, $2 contracts, $3 the parts of an address that the file has
LIST_CHECKED_ADDRESSES = listing(f"""
    SELECT 'kept_decisions' AS kind, stated.contract_id, contract_number, NULL AS instalment,
        stated.kind || ' address' AS stated, known.verdict AS known,
        CASE WHEN same.place THEN 'stays wrong, for the file repeats it'
            ELSE 'no longer decides, for the file states another value' END AS detail
    FROM file_address AS stated
    JOIN contract USING (contract_id) JOIN address AS known ON known.contract_id = stated.contract_id
    CROSS JOIN LATERAL (SELECT {_same_place("known", "stated", "$3::text[]")} AS place) AS same
    WHERE stated.file_id = $1 AND stated.contract_id = ANY($2::uuid[])
        AND CASE WHEN same.place THEN known.verdict = 'wrong'
            ELSE known.verdict IS NOT NULL AND known.address_id = stated.address_id END
""")
# $1 file, $2 contracts, $3 whether the file names the kinds of addresses, $4 whether empty cells clear
DELETE_ADDRESSES = """
DELETE FROM address AS known
WHERE contract_id = ANY($2::uuid[]) AND provenance = 'creditor' AND NOT EXISTS (SELECT FROM file_address AS stated
        WHERE stated.file_id = $1 AND stated.contract_id = known.contract_id AND stated.address_id = known.address_id)
    AND CASE WHEN EXISTS (SELECT FROM file_address AS stated
            WHERE stated.file_id = $1 AND stated.contract_id = known.contract_id)
        THEN $3::boolean ELSE $4::boolean END
"""
