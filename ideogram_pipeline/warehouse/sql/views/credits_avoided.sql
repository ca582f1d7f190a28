-- What did the latest plan of each character not have to buy, because the picture is stored already?
CREATE VIEW credits_avoided AS
WITH bought AS (
    SELECT
        provider,
        fingerprint,
        arg_max(coalesce(generations.credits, expected_credits), attempt) AS price
    FROM generations
    JOIN (SELECT DISTINCT provider, fingerprint, job_id FROM images) USING (provider, fingerprint, job_id)
    GROUP BY provider, fingerprint
)

SELECT
    bought.provider,
    plan.run_id,
    plan.character_id,
    count(*) AS images,
    CAST(sum(bought.price) AS BIGINT) AS credits,
    count(*) - count(bought.price) AS images_unpriced
FROM generation_plan AS plan
LEFT JOIN bought USING (fingerprint)
WHERE plan.decision = 'reuse'
GROUP BY bought.provider, plan.run_id, plan.character_id
ORDER BY bought.provider, plan.run_id, plan.character_id;

COMMENT ON VIEW credits_avoided IS 'What did the latest plan of each character not have to buy, because the picture is stored already?';
COMMENT ON COLUMN credits_avoided.provider IS 'Whose credits: apiframe or sandbox; null where the purchase is not in generations.';
COMMENT ON COLUMN credits_avoided.run_id IS 'The run that the plan was made for.';
COMMENT ON COLUMN credits_avoided.character_id IS 'The character that the pictures show.';
COMMENT ON COLUMN credits_avoided.images IS 'Planned pictures that are reused.';
COMMENT ON COLUMN credits_avoided.credits IS 'Credits that those pictures cost when they were bought, once for each reuse; null: not known.';
COMMENT ON COLUMN credits_avoided.images_unpriced IS 'Reused pictures whose price is not known; they are not in credits.';
