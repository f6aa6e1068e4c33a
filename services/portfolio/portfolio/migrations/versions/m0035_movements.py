"""Movements of contracts between stages are kept, and added up by day and month, for insight."""

from alembic import op

revision = "0035"
down_revision = "0034"

_TABLES = """
-- A change of an open contract's stage or balances, or of whether it is open. from_stage and to_stage are stages, or
-- new, settled, closed. cause: due (time alone), paid, reversed, corrected.
CREATE TABLE contract_movement (
    movement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    portfolio_id uuid NOT NULL,
    day date NOT NULL,
    contract_id uuid NOT NULL,
    cause text NOT NULL,
    from_stage text NOT NULL,
    to_stage text NOT NULL,
    from_overdue numeric(14, 2) NOT NULL,
    to_overdue numeric(14, 2) NOT NULL,
    from_total numeric(14, 2) NOT NULL,
    to_total numeric(14, 2) NOT NULL
);
CREATE INDEX contract_movement_day ON contract_movement (portfolio_id, day, movement_id);

-- The tables below are added up from movements and payments of the days up to kept_to, which no longer change.
CREATE TABLE insight_kept (
    portfolio_id uuid PRIMARY KEY,
    kept_to date NOT NULL
);
CREATE TABLE insight_day (
    portfolio_id uuid NOT NULL,
    day date NOT NULL,
    cause text NOT NULL,
    from_stage text NOT NULL,
    to_stage text NOT NULL,
    contracts bigint NOT NULL,
    from_overdue numeric(28, 2) NOT NULL,
    to_overdue numeric(28, 2) NOT NULL,
    from_total numeric(28, 2) NOT NULL,
    to_total numeric(28, 2) NOT NULL,
    PRIMARY KEY (portfolio_id, day, cause, from_stage, to_stage)
);
-- The open contracts at the close of a day.
CREATE TABLE insight_close (
    portfolio_id uuid NOT NULL,
    stage text NOT NULL,
    day date NOT NULL,
    contracts bigint NOT NULL,
    overdue numeric(28, 2) NOT NULL,
    total numeric(28, 2) NOT NULL,
    PRIMARY KEY (portfolio_id, stage, day)
);
-- Where the contracts that moved in a month stood at its beginning and stand at its end, with what was overdue then.
CREATE TABLE insight_month (
    portfolio_id uuid NOT NULL,
    month date NOT NULL,
    from_stage text NOT NULL,
    to_stage text NOT NULL,
    contracts bigint NOT NULL,
    from_overdue numeric(28, 2) NOT NULL,
    to_overdue numeric(28, 2) NOT NULL,
    PRIMARY KEY (portfolio_id, month, from_stage, to_stage)
);
-- What was handed over in a month.
CREATE TABLE insight_vintage (
    portfolio_id uuid NOT NULL,
    vintage date NOT NULL,
    contracts bigint NOT NULL,
    total numeric(28, 2) NOT NULL,
    PRIMARY KEY (portfolio_id, vintage)
);
-- Payments and reversals of a day. age: the first day of the band of days past due that the payment met.
CREATE TABLE insight_recovery (
    portfolio_id uuid NOT NULL,
    day date NOT NULL,
    vintage date NOT NULL,
    stage text NOT NULL,
    age integer NOT NULL,
    payments bigint NOT NULL,
    received numeric(28, 2) NOT NULL,
    reversed numeric(28, 2) NOT NULL,
    PRIMARY KEY (portfolio_id, day, vintage, stage, age)
);
"""
# A contract that was never positioned is open and owes nothing; one that owes nothing is settled.
_STAGE = """CASE WHEN {0}.state = 'open' AND {0}.total_balance = 0 THEN 'new' WHEN {0}.state = 'open' THEN {0}.stage
        WHEN {0}.state = 'settled' THEN 'settled' ELSE 'closed' END"""
_TRIGGERS = f"""
CREATE FUNCTION keep_movements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contract_movement (portfolio_id, day, contract_id, cause, from_stage, to_stage, from_overdue,
        to_overdue, from_total, to_total)
    SELECT portfolio_id, coalesce(portfolio.business_date, added.as_of), added.contract_id,
        CASE current_setting('portfolio.cause', true) WHEN 'daily_run' THEN 'due' WHEN 'catch_up' THEN 'due'
            WHEN 'payment' THEN 'paid' WHEN 'backdated_payment' THEN 'paid' WHEN 'reversal' THEN 'reversed'
            ELSE 'corrected' END,
        {_STAGE.format("gone")}, {_STAGE.format("added")},
        gone.overdue_balance, added.overdue_balance, gone.total_balance, added.total_balance
    FROM gone JOIN added USING (contract_id, portfolio_id) JOIN portfolio USING (portfolio_id)
    WHERE (gone.state = 'open' OR added.state = 'open') AND (gone.state, gone.stage, gone.overdue_balance,
        gone.total_balance) IS DISTINCT FROM (added.state, added.stage, added.overdue_balance, added.total_balance);
    RETURN NULL;
END $$;
CREATE TRIGGER keep_movements AFTER UPDATE ON contract REFERENCING OLD TABLE AS gone NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION keep_movements();

-- The business date on which a reversal was entered.
ALTER TABLE payment ADD COLUMN reversed_business_date date;
CREATE FUNCTION date_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT business_date INTO new.reversed_business_date FROM portfolio WHERE portfolio_id = new.portfolio_id;
    RETURN new;
END $$;
CREATE TRIGGER date_reversal BEFORE UPDATE OF reversed_at ON payment FOR EACH ROW
    WHEN (old.reversed_at IS NULL AND new.reversed_at IS NOT NULL) EXECUTE FUNCTION date_reversal();
UPDATE payment SET reversed_business_date = coalesce(reversed_on, reversed_at::date) WHERE reversed_at IS NOT NULL;
CREATE INDEX payment_day ON payment (portfolio_id, business_date);
CREATE INDEX payment_reversal_day ON payment (portfolio_id, reversed_business_date)
    WHERE reversed_business_date IS NOT NULL;

-- The business date on which the contract was loaded first. Null: a release before this one has loaded it.
ALTER TABLE contract ADD COLUMN handed_over_on date;
"""
# The months before the upgrade are unknown: insight begins with the positions of now, and their contracts count as
# handed over with what they owe now.
_FILL = """
INSERT INTO insight_kept SELECT portfolio_id, business_date - 1 FROM portfolio WHERE business_date IS NOT NULL;
INSERT INTO insight_close
SELECT portfolio_id, stage, business_date - 1, count(*), sum(overdue_balance), sum(total_balance)
FROM contract JOIN portfolio USING (portfolio_id)
WHERE contract.state = 'open' AND total_balance > 0 AND business_date IS NOT NULL
GROUP BY portfolio_id, stage, business_date;
INSERT INTO insight_vintage
SELECT portfolio_id, date_trunc('month', contract.created_at AT TIME ZONE timezone)::date, count(*), sum(total_balance)
FROM contract JOIN portfolio USING (portfolio_id) WHERE business_date IS NOT NULL
GROUP BY 1, 2;
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_TRIGGERS)
    op.execute(_FILL)
