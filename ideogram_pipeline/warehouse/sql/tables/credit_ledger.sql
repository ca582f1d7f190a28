-- Every credit taken or given back: one row per entry, never changed and never deleted.
CREATE TABLE credit_ledger (
    provider VARCHAR NOT NULL,
    entry_id VARCHAR NOT NULL,
    entry_type VARCHAR NOT NULL CHECK (entry_type IN ('charge', 'correction', 'refund')),
    credits BIGINT NOT NULL,
    run_id VARCHAR,
    character_id VARCHAR,
    prompt_id VARCHAR,
    edition VARCHAR,
    variation INTEGER,
    attempt INTEGER,
    job_id VARCHAR,
    rendering_speed VARCHAR,
    price_source VARCHAR,
    booked_at TIMESTAMP NOT NULL,
    note VARCHAR,
    CHECK (entry_type <> 'charge' OR credits >= 0),
    CHECK (entry_type <> 'refund' OR credits <= 0)
);

COMMENT ON TABLE credit_ledger IS 'Every credit taken or given back: one row per entry, never changed and never deleted.';
COMMENT ON COLUMN credit_ledger.provider IS 'Whose credits: apiframe, or sandbox, which costs nothing.';
COMMENT ON COLUMN credit_ledger.entry_id IS 'Identity of the entry; each is booked once.';
COMMENT ON COLUMN credit_ledger.entry_type IS 'charge: taken; correction: the provider took another amount; refund: given back.';
COMMENT ON COLUMN credit_ledger.credits IS 'Credits: positive when taken, negative when given back, so that their sum is what was spent.';
COMMENT ON COLUMN credit_ledger.run_id IS 'The run that the entry belongs to.';
COMMENT ON COLUMN credit_ledger.character_id IS 'The character that it was spent on.';
COMMENT ON COLUMN credit_ledger.prompt_id IS 'The prompt that it was spent on.';
COMMENT ON COLUMN credit_ledger.edition IS 'Refresh period of the picture.';
COMMENT ON COLUMN credit_ledger.variation IS 'Number of the picture among those of its prompt and edition, counted from 1.';
COMMENT ON COLUMN credit_ledger.attempt IS 'Number of the paid submission for the picture, counted from 1.';
COMMENT ON COLUMN credit_ledger.job_id IS 'The provider''s job.';
COMMENT ON COLUMN credit_ledger.rendering_speed IS 'Tier, which decides the price: turbo, default or quality.';
COMMENT ON COLUMN credit_ledger.price_source IS 'How the amount is known: from the price list, or as the provider stated it.';
COMMENT ON COLUMN credit_ledger.booked_at IS 'When it was booked, UTC.';
COMMENT ON COLUMN credit_ledger.note IS 'What else is to be said about the entry; null: nothing.';
