-- What was spent on each day?
CREATE VIEW spend_by_day AS
SELECT
    provider,
    CAST(booked_at AS DATE) AS day,
    CAST(sum(charge) AS BIGINT) AS charges,
    CAST(sum(refund) AS BIGINT) AS refunds,
    CAST(sum(net) AS BIGINT) AS net,
    CAST(sum(image) AS BIGINT) AS images
FROM spend_entries
GROUP BY ALL
ORDER BY provider, day;

COMMENT ON VIEW spend_by_day IS 'What was spent on each day?';
COMMENT ON COLUMN spend_by_day.provider IS 'Whose credits: apiframe or sandbox.';
COMMENT ON COLUMN spend_by_day.day IS 'The day, in UTC.';
COMMENT ON COLUMN spend_by_day.charges IS 'Credits taken.';
COMMENT ON COLUMN spend_by_day.refunds IS 'Credits given back, as a positive number.';
COMMENT ON COLUMN spend_by_day.net IS 'Credits spent: charges less refunds.';
COMMENT ON COLUMN spend_by_day.images IS 'Stored pictures that these charges paid for.';
