-- What did each ledger entry take or give back, and did it buy a stored picture? The spend views add this up.
CREATE VIEW spend_entries AS
SELECT
    provider,
    entry_id,
    run_id,
    character_id,
    prompt_id,
    job_id,
    rendering_speed,
    booked_at,
    greatest(credits, 0) AS charge,
    greatest(-credits, 0) AS refund,
    credits AS net,
    CASE WHEN entry_type = 'charge' AND stored.job_id IS NOT NULL THEN 1 ELSE 0 END AS image
FROM credit_ledger
LEFT JOIN (SELECT DISTINCT provider, job_id FROM images) AS stored USING (provider, job_id);

COMMENT ON VIEW spend_entries IS 'What did each ledger entry take or give back, and did it buy a stored picture? The spend views add this up.';
COMMENT ON COLUMN spend_entries.provider IS 'Whose credits: apiframe or sandbox.';
COMMENT ON COLUMN spend_entries.entry_id IS 'The ledger entry.';
COMMENT ON COLUMN spend_entries.run_id IS 'The run that the entry belongs to.';
COMMENT ON COLUMN spend_entries.character_id IS 'The character that it was spent on.';
COMMENT ON COLUMN spend_entries.prompt_id IS 'The prompt that it was spent on.';
COMMENT ON COLUMN spend_entries.job_id IS 'The provider''s job.';
COMMENT ON COLUMN spend_entries.rendering_speed IS 'Tier: turbo, default or quality.';
COMMENT ON COLUMN spend_entries.booked_at IS 'When it was booked, UTC.';
COMMENT ON COLUMN spend_entries.charge IS 'Credits taken; 0 for an entry that gives back.';
COMMENT ON COLUMN spend_entries.refund IS 'Credits given back, as a positive number; 0 for an entry that takes.';
COMMENT ON COLUMN spend_entries.net IS 'Credits spent: charge less refund.';
COMMENT ON COLUMN spend_entries.image IS '1 for a charge whose picture is stored, else 0.';
