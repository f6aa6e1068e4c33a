"""The trigger that keeps movements joins the rows before and after a statement by a hash, however many there are.

PostgreSQL plans a trigger's statement once a session. Where the first statement changes no row or one, it chose a
nested loop, which compares every row of a later statement with every other one.
"""

from alembic import op

revision = "0061"
down_revision = "0060"

_STAGE = """CASE WHEN {0}.state = 'open' AND {0}.total_balance = 0 THEN 'new' WHEN {0}.state = 'open' THEN {0}.stage
        WHEN {0}.state = 'settled' THEN 'settled' ELSE 'closed' END"""
_DAY = """coalesce((SELECT business_date FROM portfolio WHERE portfolio.portfolio_id = added.portfolio_id),
            added.as_of)"""
_TRIGGER = f"""
CREATE OR REPLACE FUNCTION keep_movements() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO contract_movement (portfolio_id, day, contract_id, cause, from_stage, to_stage, from_overdue,
        to_overdue, from_total, to_total, oldest_due_on, segment, age_days)
    SELECT moved.portfolio_id, day, contract_id,
        CASE current_setting('portfolio.cause', true) WHEN 'daily_run' THEN 'due' WHEN 'catch_up' THEN 'due'
            WHEN 'payment' THEN 'paid' WHEN 'backdated_payment' THEN 'paid' WHEN 'reversal' THEN 'reversed'
            ELSE 'corrected' END,
        from_stage, to_stage, from_overdue, to_overdue, from_total, to_total, oldest_due_on, segment,
        day - was_oldest_due_on
    FROM (
        SELECT added.portfolio_id, {_DAY} AS day, added.contract_id, {_STAGE.format("gone")} AS from_stage,
            {_STAGE.format("added")} AS to_stage, gone.overdue_balance AS from_overdue,
            added.overdue_balance AS to_overdue, gone.total_balance AS from_total, added.total_balance AS to_total,
            added.oldest_due_on, gone.segment, gone.oldest_due_on AS was_oldest_due_on
        FROM gone JOIN added USING (contract_id)
        WHERE (gone.state = 'open' OR added.state = 'open')
            AND (gone.state, gone.stage, gone.overdue_balance, gone.total_balance, gone.oldest_due_on) IS DISTINCT FROM
                (added.state, added.stage, added.overdue_balance, added.total_balance, added.oldest_due_on)
        OFFSET 0
    ) AS moved;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.execute(_TRIGGER)
