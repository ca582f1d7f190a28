-- What did each run spend?
CREATE VIEW spend_by_run AS
SELECT
    provider,
    run_id,
    CAST(sum(charge) AS BIGINT) AS charges,
    CAST(sum(refund) AS BIGINT) AS refunds,
    CAST(sum(net) AS BIGINT) AS net,
    CAST(sum(image) AS BIGINT) AS images
FROM spend_entries
GROUP BY ALL
ORDER BY provider, min(booked_at), run_id;

COMMENT ON VIEW spend_by_run IS 'What did each run spend?';
COMMENT ON COLUMN spend_by_run.provider IS 'Whose credits: apiframe or sandbox.';
COMMENT ON COLUMN spend_by_run.run_id IS 'The run; null where an entry belongs to none.';
COMMENT ON COLUMN spend_by_run.charges IS 'Credits taken.';
COMMENT ON COLUMN spend_by_run.refunds IS 'Credits given back, as a positive number.';
COMMENT ON COLUMN spend_by_run.net IS 'Credits spent: charges less refunds.';
COMMENT ON COLUMN spend_by_run.images IS 'Stored pictures that these charges paid for.';
