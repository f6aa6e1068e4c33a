"""What a portfolio decides about its files, payments and promises."""

from alembic import op

revision = "0012"
down_revision = "0011"

_SETTINGS = """
ALTER TABLE portfolio
    ADD COLUMN delta_rows text NOT NULL DEFAULT 'ask' CHECK (delta_rows IN ('whole', 'ask')),
    ADD COLUMN reductions text NOT NULL DEFAULT 'payment' CHECK (reductions IN ('payment', 'correction')),
    ADD COLUMN empty_cells text NOT NULL DEFAULT 'keep' CHECK (empty_cells IN ('keep', 'clear')),
    ADD COLUMN posting_lag_days smallint NOT NULL DEFAULT 5,
    ADD COLUMN payment_holdoff_days smallint NOT NULL DEFAULT 3,
    ADD COLUMN payment_channels text[] NOT NULL DEFAULT '{bank,spei,card,cash,store,branch,web,app,phone,agency,visit,
        payroll,direct_debit,cheque,other}',
    ADD COLUMN promise_limits jsonb NOT NULL DEFAULT
        '{"min_share_percent": "10", "max_days_ahead": 30, "max_broken_per_episode": 2}';
"""
# Channels that were used before there was a list of channels stay allowed. ``file`` is for payments that files state.
_USED_CHANNELS = """
UPDATE portfolio SET payment_channels = payment_channels || used.channels
FROM (
    SELECT payment.portfolio_id, array_agg(DISTINCT lower(channel) ORDER BY lower(channel)) AS channels
    FROM payment JOIN portfolio USING (portfolio_id)
    WHERE lower(channel) <> ALL (payment_channels) AND lower(channel) <> 'file'
    GROUP BY payment.portfolio_id
) AS used
WHERE used.portfolio_id = portfolio.portfolio_id
"""


def upgrade() -> None:
    op.execute(_SETTINGS)
    op.execute(_USED_CHANNELS)
