"""The statements behind the figures and the jobs of the day."""

# $1 portfolio or null, $2 the day or null, $3 the time now, $4 the days within which a deadline is soon. The day of a
# portfolio is its business date, or today in its zone before its first file; files have the day of the clock.
TODAY = """
SELECT portfolio.portfolio_id, day, clock_day, working.*, finished.*, disputes.*, undecided, unidentified, letters
FROM portfolio
CROSS JOIN LATERAL (SELECT coalesce($2::date, ($3::timestamptz AT TIME ZONE timezone)::date) AS clock_day) AS clock
CROSS JOIN LATERAL (SELECT coalesce($2::date, business_date, clock_day) AS day) AS wanted
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE status = 'received') AS received,
        count(*) FILTER (WHERE status = 'reading') AS reading,
        count(*) FILTER (WHERE status = 'needs_confirmation') AS needs_confirmation,
        count(*) FILTER (WHERE status = 'loading') AS loading
    FROM file WHERE file.portfolio_id = portfolio.portfolio_id AND NOT dry_run AND status NOT IN ('loaded', 'failed')
) AS working
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE status = 'loaded') AS loaded, count(*) FILTER (WHERE status = 'failed') AS failed
    FROM file
    WHERE file.portfolio_id = portfolio.portfolio_id AND NOT dry_run
        AND finished_at >= clock_day::timestamp AT TIME ZONE timezone
        AND finished_at < (clock_day + 1)::timestamp AT TIME ZONE timezone
) AS finished
CROSS JOIN LATERAL (
    SELECT count(*) AS open, count(*) FILTER (WHERE deadline_on < day + $4::integer) AS due_soon,
        count(*) FILTER (WHERE deadline_on < day) AS past_deadline
    FROM clarification JOIN contract USING (contract_id)
    WHERE clarification.state = 'open' AND contract.portfolio_id = portfolio.portfolio_id
) AS disputes
CROSS JOIN LATERAL (
    SELECT count(*) AS undecided FROM contract
    WHERE undecided_by IS NOT NULL AND contract.portfolio_id = portfolio.portfolio_id
) AS questions
CROSS JOIN LATERAL (
    SELECT count(*) AS unidentified FROM unidentified_payment AS waiting
    WHERE waiting.state = 'open' AND waiting.portfolio_id = portfolio.portfolio_id
) AS money
CROSS JOIN LATERAL (
    SELECT count(*) AS letters FROM letter JOIN contract USING (contract_id)
    WHERE letter.state IN ('due', 'printed') AND contract.state = 'settled' AND total_balance = 0
        AND erased_at IS NULL AND contract.portfolio_id = portfolio.portfolio_id
) AS papers
WHERE CASE WHEN $1::uuid IS NULL THEN returned_at IS NULL ELSE portfolio.portfolio_id = $1 END
ORDER BY portfolio.name, portfolio.portfolio_id
"""
OPEN_REPORTS = "SELECT count(*) FROM report WHERE state = 'open'"

# $1 portfolio or null, $2 the day or null, $3 the time now. The staging of each portfolio that has had a file. The
# newest run of the day says whether it failed.
JOBS = """
SELECT portfolio.portfolio_id, name, day, staged_to,
    CASE WHEN staged_to >= day THEN 'done' WHEN run.state = 'running' THEN 'running'
        WHEN run.state IN ('failed', 'stopped') THEN 'failed' ELSE 'due' END AS state,
    CASE WHEN staged_to < day THEN run.state END AS run_state, coalesce(run.finished_at, run.started_at) AS at
FROM portfolio
CROSS JOIN LATERAL (SELECT coalesce($2::date, ($3::timestamptz AT TIME ZONE timezone)::date) AS day) AS wanted
LEFT JOIN LATERAL (
    SELECT state, started_at, finished_at FROM staging_run
    WHERE portfolio.portfolio_id = ANY (portfolio_ids) AND as_of >= day
    ORDER BY run_id DESC LIMIT 1
) AS run ON true
WHERE business_date IS NOT NULL
    AND CASE WHEN $1::uuid IS NULL THEN returned_at IS NULL ELSE portfolio.portfolio_id = $1 END
ORDER BY name, portfolio.portfolio_id
"""
