-- What did each rendering speed cost?
CREATE VIEW spend_by_tier AS
SELECT
    provider,
    rendering_speed,
    CAST(sum(charge) AS BIGINT) AS charges,
    CAST(sum(refund) AS BIGINT) AS refunds,
    CAST(sum(net) AS BIGINT) AS net,
    CAST(sum(image) AS BIGINT) AS images
FROM spend_entries
GROUP BY ALL
ORDER BY provider, rendering_speed;

COMMENT ON VIEW spend_by_tier IS 'What did each rendering speed cost?';
COMMENT ON COLUMN spend_by_tier.provider IS 'Whose credits: apiframe or sandbox.';
COMMENT ON COLUMN spend_by_tier.rendering_speed IS 'Tier: turbo, default or quality.';
COMMENT ON COLUMN spend_by_tier.charges IS 'Credits taken.';
COMMENT ON COLUMN spend_by_tier.refunds IS 'Credits given back, as a positive number.';
COMMENT ON COLUMN spend_by_tier.net IS 'Credits spent: charges less refunds.';
COMMENT ON COLUMN spend_by_tier.images IS 'Stored pictures that these charges paid for.';
