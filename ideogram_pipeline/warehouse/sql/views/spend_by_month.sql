-- What was spent in each month?
CREATE VIEW spend_by_month AS
SELECT
    provider,
    CAST(date_trunc('month', booked_at) AS DATE) AS month,
    CAST(sum(charge) AS BIGINT) AS charges,
    CAST(sum(refund) AS BIGINT) AS refunds,
    CAST(sum(net) AS BIGINT) AS net,
    CAST(sum(image) AS BIGINT) AS images
FROM spend_entries
GROUP BY ALL
ORDER BY provider, month;

COMMENT ON VIEW spend_by_month IS 'What was spent in each month?';
COMMENT ON COLUMN spend_by_month.provider IS 'Whose credits: apiframe or sandbox.';
COMMENT ON COLUMN spend_by_month.month IS 'The first day of the month, in UTC.';
COMMENT ON COLUMN spend_by_month.charges IS 'Credits taken.';
COMMENT ON COLUMN spend_by_month.refunds IS 'Credits given back, as a positive number.';
COMMENT ON COLUMN spend_by_month.net IS 'Credits spent: charges less refunds.';
COMMENT ON COLUMN spend_by_month.images IS 'Stored pictures that these charges paid for.';
