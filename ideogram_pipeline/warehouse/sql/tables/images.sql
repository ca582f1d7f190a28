-- Which pictures are stored, where, and what made them.
CREATE TABLE images (
    provider VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    character_id VARCHAR NOT NULL,
    prompt_id VARCHAR NOT NULL,
    variation INTEGER NOT NULL,
    edition VARCHAR NOT NULL,
    seed BIGINT,
    path VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    bytes BIGINT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    format VARCHAR NOT NULL,
    job_id VARCHAR,
    run_id VARCHAR,
    created_at TIMESTAMP NOT NULL
);

COMMENT ON TABLE images IS 'Which pictures are stored, where, and what made them.';
COMMENT ON COLUMN images.provider IS 'Who made it: apiframe, or sandbox.';
COMMENT ON COLUMN images.fingerprint IS 'SHA-256 over all that decided the picture, in hex; rows that share it share the picture.';
COMMENT ON COLUMN images.character_id IS 'The character that the picture shows.';
COMMENT ON COLUMN images.prompt_id IS 'The prompt that asked for it.';
COMMENT ON COLUMN images.variation IS 'Number of the picture among those of its prompt and edition, counted from 1.';
COMMENT ON COLUMN images.edition IS 'Refresh period: base, a day (2026-11-22), a week (2026-W47), a month (2026-11) or a scheduled time with its UTC offset (2026-11-27T0600+0100).';
COMMENT ON COLUMN images.seed IS 'The seed as sent.';
COMMENT ON COLUMN images.path IS 'The file, relative to the folder that this database is in.';
COMMENT ON COLUMN images.sha256 IS 'SHA-256 of the file, in hex; the bytes are the provider''s, untouched.';
COMMENT ON COLUMN images.bytes IS 'Size of the file in bytes.';
COMMENT ON COLUMN images.width IS 'Width in pixels.';
COMMENT ON COLUMN images.height IS 'Height in pixels.';
COMMENT ON COLUMN images.format IS 'png, jpeg or webp, as decoded.';
COMMENT ON COLUMN images.job_id IS 'The provider''s job that made it.';
COMMENT ON COLUMN images.run_id IS 'The run that stored it.';
COMMENT ON COLUMN images.created_at IS 'When it was stored, UTC.';
