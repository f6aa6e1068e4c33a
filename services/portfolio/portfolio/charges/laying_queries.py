"""The statements that put charges into the amounts of instalments. Each works on any number of contracts at once.

The amount of an instalment is what the creditor's newest file states, with the charges that this file has not counted.
The contracts' rows are locked.
"""

RAISING = ("default_interest", "fee", "chargeback")
"""The kinds of charges that raise what is owed. The others lower it."""
RAISES = f"kind IN {RAISING}"
"""SQL: whether a charge raises what is owed."""
LIVE = "absorbed_by IS NULL AND reversed_at IS NULL"
"""SQL: the charge counts, and no file has counted it."""

_PART_OF = {"default_interest": "default_interest", "fee": "fees", "chargeback": "other"}
"""The part of an amount that a charge belongs to."""


def _parts(source: str) -> str:
    """SQL: what the charges of ``source`` change the known parts of an instalment by."""
    return ", ".join(
        f"coalesce(sum({source}.amount) FILTER (WHERE {source}.kind = '{kind}'), 0) AS {part}"
        for kind, part in _PART_OF.items()
    )


def _changed_part(part: str) -> str:
    """SQL: the part with what charges change it by, not below 0. A part that nobody has stated stays unknown."""
    return f"{part} = instalment.{part} + greatest(-instalment.{part}, due.{part})"


# $1 contracts. First the charges that raise: each goes to the instalment with its due date, else to the oldest. Then
# those that lower come off the oldest instalments. base: the creditor's amount, which is below 0 where a dispute has
# decided away more than the creditor had stated. What was paid of an instalment stays paid, until payments are applied
# again.
LAY = f"""
WITH live AS MATERIALIZED (
    SELECT charge_id, contract_id, sequence, kind, amount, {RAISES} AS raises, number, due_on
    FROM charge WHERE contract_id = ANY($1::uuid[]) AND {LIVE}
), laid AS MATERIALIZED (
    SELECT allocation.contract_id, allocation.number, allocation.amount, kind
    FROM charge_allocation AS allocation JOIN charge USING (charge_id)
    WHERE allocation.contract_id = ANY($1::uuid[]) AND laid
), before AS MATERIALIZED (
    SELECT contract_id, number, sum(amount) AS amount, {_parts("laid")}
    FROM laid GROUP BY contract_id, number
), target AS MATERIALIZED (
    SELECT live.charge_id, live.contract_id, live.kind, live.amount, place.number, place.due_on
    FROM live CROSS JOIN LATERAL (
        SELECT instalment.number, instalment.due_on FROM instalment WHERE instalment.contract_id = live.contract_id
        ORDER BY instalment.due_on IS DISTINCT FROM live.due_on, instalment.number IS DISTINCT FROM live.number,
            instalment.due_on, instalment.number LIMIT 1
    ) AS place
    WHERE raises
), raised AS MATERIALIZED (
    SELECT contract_id, number, sum(amount) AS amount, {_parts("target")}
    FROM target GROUP BY contract_id, number
), owed AS MATERIALIZED (
    SELECT instalment.contract_id, number, instalment.due_on,
        greatest(0, instalment.amount - coalesce(before.amount, 0) + coalesce(raised.amount, 0)) AS amount,
        {", ".join(f"coalesce(raised.{part}, 0) - coalesce(before.{part}, 0) AS {part}" for part in _PART_OF.values())}
    FROM instalment LEFT JOIN before USING (contract_id, number) LEFT JOIN raised USING (contract_id, number)
    WHERE instalment.contract_id = ANY($1::uuid[])
), debt AS MATERIALIZED (
    SELECT contract_id, number, due_on, sum(amount) OVER line - amount AS start, sum(amount) OVER line AS stop
    FROM owed WINDOW line AS (PARTITION BY contract_id ORDER BY due_on, number)
), relief AS MATERIALIZED (
    SELECT charge_id, contract_id, sum(amount) OVER line - amount AS start, sum(amount) OVER line AS stop
    FROM live WHERE NOT raises WINDOW line AS (PARTITION BY contract_id ORDER BY sequence)
), share AS MATERIALIZED (
    SELECT relief.charge_id, contract_id, debt.number, debt.due_on,
        least(relief.stop, debt.stop) - greatest(relief.start, debt.start) AS amount
    FROM relief JOIN debt USING (contract_id)
    WHERE least(relief.stop, debt.stop) > greatest(relief.start, debt.start)
), allocation AS MATERIALIZED (
    SELECT charge_id, contract_id, number, due_on, amount FROM target
    UNION ALL SELECT charge_id, contract_id, number, due_on, -amount FROM share
), changed AS (
    UPDATE instalment SET amount = due.amount,
        unpaid = greatest(0, due.amount - (instalment.amount - instalment.unpaid)),
        {", ".join(_changed_part(part) for part in _PART_OF.values())}
    FROM (
        SELECT contract_id, number, {", ".join(_PART_OF.values())},
            amount - coalesce((SELECT sum(share.amount) FROM share
                WHERE share.contract_id = owed.contract_id AND share.number = owed.number), 0) AS amount
        FROM owed
    ) AS due
    WHERE instalment.contract_id = due.contract_id AND instalment.number = due.number
        AND (instalment.amount <> due.amount OR {" OR ".join(f"due.{part} <> 0" for part in _PART_OF.values())})
), forgotten AS (
    DELETE FROM charge_allocation AS old USING live
    WHERE old.charge_id = live.charge_id AND NOT EXISTS (
        SELECT FROM allocation WHERE allocation.charge_id = old.charge_id AND allocation.number = old.number)
), kept AS (
    INSERT INTO charge_allocation (charge_id, contract_id, number, due_on, amount)
    SELECT charge_id, contract_id, number, due_on, amount FROM allocation
    ON CONFLICT (charge_id, number) DO UPDATE SET due_on = excluded.due_on, amount = excluded.amount
)
UPDATE charge SET laid = {LIVE} WHERE contract_id = ANY($1::uuid[]) AND laid <> ({LIVE})
"""

LAID_PARTS = f"""
SELECT 0 AS principal, 0 AS ordinary_interest, 0 AS tax, {_parts("laid")}
FROM (
    SELECT allocation.amount, kind FROM charge_allocation AS allocation JOIN charge USING (charge_id)
    WHERE allocation.contract_id = {{instalment}}.contract_id AND allocation.number = {{instalment}}.number
        AND laid AND {RAISES}
) AS laid
"""
"""SQL: what charges have added to the known parts of this instalment."""

# $1 contracts, $2 file. The file has replaced the amounts of its instalments, so no charge is in these.
FORGET_LAID = """
DELETE FROM charge_allocation AS old USING charge, file_contract AS stated, file_row
WHERE charge.charge_id = old.charge_id AND charge.laid AND old.contract_id = ANY($1::uuid[])
    AND stated.file_id = $2 AND stated.contract_id = old.contract_id
    AND file_row.file_id = $2 AND file_row.contract_number = stated.contract_number
    AND file_row.instalment_number = old.number
"""
WITH_CHARGES = f"SELECT DISTINCT contract_id FROM charge WHERE contract_id = ANY($1::uuid[]) AND {LIVE}"

# $1 charges that a file has counted. What they have taken off is owed again at its old due dates.
RETURNED_BY_CHARGES = """
SELECT contract_id, due_on, min(number) AS number, -sum(amount) AS amount
FROM charge_allocation WHERE charge_id = ANY($1::uuid[]) AND amount < 0 GROUP BY contract_id, due_on
"""
# $1 charges that a file has counted. What they have added comes off again: off the instalments with the due dates,
# then off the oldest. What exceeds the debt lowers nothing.
TAKE_OFF = """
WITH added AS MATERIALIZED (
    SELECT contract_id, array_agg(due_on) AS days, array_agg(number) AS numbers, sum(amount) AS amount
    FROM charge_allocation WHERE charge_id = ANY($1::uuid[]) AND amount > 0 GROUP BY contract_id
), debt AS MATERIALIZED (
    SELECT contract_id, number, instalment.amount, added.amount AS less,
        sum(instalment.amount) OVER line - instalment.amount AS start
    FROM instalment JOIN added USING (contract_id)
    WINDOW line AS (PARTITION BY contract_id ORDER BY due_on <> ALL (days), number <> ALL (numbers), due_on, number)
)
UPDATE instalment SET amount = instalment.amount - least(debt.amount, less - start),
    unpaid = least(unpaid, instalment.amount - least(debt.amount, less - start))
FROM debt
WHERE start < less AND instalment.contract_id = debt.contract_id AND instalment.number = debt.number
"""
