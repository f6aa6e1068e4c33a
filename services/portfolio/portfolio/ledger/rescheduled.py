"""When a restructured debt falls due.

The instalments stay as the creditor's files, the payments and the charges make them. While a restructure is in force,
its schedule says when what they leave unpaid falls due. So a restructure that ends leaves the original debt, less what
was paid.

Payments made from the day of the restructure pay its schedule, the oldest part first. A payment that the debt had
counted before it came into force does not. The discount falls due on no day.
What is owed beyond schedule and discount, such as a fee that came later, falls due with the last part.
"""


def parts_of(agreement_id: str) -> str:
    """SQL: the parts of the schedule of this restructure, as rows ``number, due_on, amount, unpaid``."""
    return f"""
SELECT line.number, line.due_on, line.amount,
    least(greatest(0, least(line.amount, upto - paid.amount)),
        greatest(0, owed.amount - greatest(0, upto - line.amount - paid.amount)))
    + CASE WHEN upto = total
        THEN greatest(0, owed.amount - greatest(0, total - paid.amount) - restructure.discount) ELSE 0 END AS unpaid
FROM agreement AS restructure
CROSS JOIN LATERAL (
    SELECT number::integer, due_on, amount, sum(amount) OVER (ORDER BY number) AS upto, sum(amount) OVER () AS total
    FROM ROWS FROM (jsonb_to_recordset(restructure.schedule) AS (due_on date, amount numeric(14, 2)))
        WITH ORDINALITY AS part (due_on, amount, number)
) AS line
CROSS JOIN LATERAL (
    SELECT coalesce(sum(payment.amount), 0) AS amount FROM payment
    WHERE payment.contract_id = restructure.contract_id AND reversed_at IS NULL AND paid_on >= restructure.made_on
        AND payment_id <> ALL (restructure.paid_before)
) AS paid
CROSS JOIN LATERAL (
    SELECT coalesce(sum(instalment.unpaid), 0) AS amount FROM instalment
    WHERE instalment.contract_id = restructure.contract_id
) AS owed
WHERE restructure.agreement_id = {agreement_id}
"""
