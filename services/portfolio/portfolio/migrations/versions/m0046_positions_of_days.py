"""Movements keep the oldest unpaid due date, so that the position of a contract on any day can be answered."""

from alembic import op

revision = "0046"
down_revision = "0045"

_STAGE = """CASE WHEN {0}.state = 'open' AND {0}.total_balance = 0 THEN 'new' WHEN {0}.state = 'open' THEN {0}.stage
        WHEN {0}.state = 'settled' THEN 'settled' ELSE 'closed' END"""
# oldest_due_on: that of the position after the movement. Null in movements of earlier releases, too.
_MOVEMENTS = f"""
ALTER TABLE contract_movement ADD COLUMN oldest_due_on date;
CREATE INDEX contract_movement_contract ON contract_movement (contract_id, movement_id);

CREATE OR REPLACE FUNCTION keep_movements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contract_movement (portfolio_id, day, contract_id, cause, from_stage, to_stage, from_overdue,
        to_overdue, from_total, to_total, oldest_due_on)
    SELECT portfolio_id, coalesce(portfolio.business_date, added.as_of), added.contract_id,
        CASE current_setting('portfolio.cause', true) WHEN 'daily_run' THEN 'due' WHEN 'catch_up' THEN 'due'
            WHEN 'payment' THEN 'paid' WHEN 'backdated_payment' THEN 'paid' WHEN 'reversal' THEN 'reversed'
            ELSE 'corrected' END,
        {_STAGE.format("gone")}, {_STAGE.format("added")},
        gone.overdue_balance, added.overdue_balance, gone.total_balance, added.total_balance, added.oldest_due_on
    FROM gone JOIN added USING (contract_id, portfolio_id) JOIN portfolio USING (portfolio_id)
    WHERE (gone.state = 'open' OR added.state = 'open')
        AND (gone.state, gone.stage, gone.overdue_balance, gone.total_balance, gone.oldest_due_on) IS DISTINCT FROM
            (added.state, added.stage, added.overdue_balance, added.total_balance, added.oldest_due_on);
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.execute(_MOVEMENTS)
