-- What was sent to the provider, and how it ended: one row per attempt, the one thing that is paid.
CREATE TABLE generations (
    provider VARCHAR NOT NULL,
    run_id VARCHAR,
    character_id VARCHAR NOT NULL,
    prompt_id VARCHAR NOT NULL,
    variation INTEGER NOT NULL,
    edition VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    idempotency_key VARCHAR NOT NULL,
    job_id VARCHAR,
    status VARCHAR NOT NULL,
    rendering_speed VARCHAR,
    seed BIGINT,
    request JSON,
    reference_sha256 VARCHAR,
    image_sha256 VARCHAR,
    mask_sha256 VARCHAR,
    expected_credits BIGINT,
    credits BIGINT,
    submitted_at TIMESTAMP,
    completed_at TIMESTAMP,
    error VARCHAR
);

COMMENT ON TABLE generations IS 'What was sent to the provider, and how it ended: one row per attempt, the one thing that is paid.';
COMMENT ON COLUMN generations.provider IS 'Whose credits: apiframe, or sandbox, which costs nothing.';
COMMENT ON COLUMN generations.run_id IS 'The run that made the attempt.';
COMMENT ON COLUMN generations.character_id IS 'The character that the picture shows.';
COMMENT ON COLUMN generations.prompt_id IS 'The prompt that asked for the picture.';
COMMENT ON COLUMN generations.variation IS 'Number of the picture among those of its prompt and edition, counted from 1.';
COMMENT ON COLUMN generations.edition IS 'Refresh period: base, a day (2026-11-22), a week (2026-W47), a month (2026-11) or a scheduled time with its UTC offset (2026-11-27T0600+0100).';
COMMENT ON COLUMN generations.fingerprint IS 'SHA-256 over all that decides the picture, in hex.';
COMMENT ON COLUMN generations.attempt IS 'Number of the paid submission for this picture, counted from 1.';
COMMENT ON COLUMN generations.idempotency_key IS 'The key that the request carried; repeating it does not pay again.';
COMMENT ON COLUMN generations.job_id IS 'The provider''s job; null until it is known.';
COMMENT ON COLUMN generations.status IS 'Where the attempt stands, such as submitted, stored, failed, unresolved or expired.';
COMMENT ON COLUMN generations.rendering_speed IS 'Tier, which decides the price: turbo, default or quality.';
COMMENT ON COLUMN generations.seed IS 'The seed as sent.';
COMMENT ON COLUMN generations.request IS 'The body of the request as sent.';
COMMENT ON COLUMN generations.reference_sha256 IS 'SHA-256 of the content of the reference picture that was sent, in hex.';
COMMENT ON COLUMN generations.image_sha256 IS 'SHA-256 of the content of the picture to paint into, in hex; null: none.';
COMMENT ON COLUMN generations.mask_sha256 IS 'SHA-256 of the content of the mask, in hex; null: none.';
COMMENT ON COLUMN generations.expected_credits IS 'Price in credits that was quoted before it was sent.';
COMMENT ON COLUMN generations.credits IS 'Credits that it cost in the end, refunds taken off; null while that is unknown.';
COMMENT ON COLUMN generations.submitted_at IS 'When it was sent, UTC; null before.';
COMMENT ON COLUMN generations.completed_at IS 'When the provider finished it, UTC; null before.';
COMMENT ON COLUMN generations.error IS 'What went wrong, in the provider''s words or ours; null: nothing did.';
