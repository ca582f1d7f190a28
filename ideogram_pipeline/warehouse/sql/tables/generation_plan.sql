-- What should exist, and what is to be done about each picture: the latest plan of each character.
CREATE TABLE generation_plan (
    planned_at TIMESTAMP NOT NULL,
    run_id VARCHAR NOT NULL,
    character_id VARCHAR NOT NULL,
    prompt_id VARCHAR NOT NULL,
    variation INTEGER NOT NULL,
    edition VARCHAR NOT NULL,
    decision VARCHAR NOT NULL CHECK (decision IN ('reuse', 'resume', 'generate', 'blocked')),
    reason VARCHAR NOT NULL,
    credits BIGINT NOT NULL,
    rendering_speed VARCHAR NOT NULL,
    seed BIGINT NOT NULL,
    fingerprint VARCHAR NOT NULL,
    prompt VARCHAR NOT NULL,
    request JSON,
    reproducible BOOLEAN NOT NULL,
    title VARCHAR,
    tags VARCHAR[]
);

COMMENT ON TABLE generation_plan IS 'What should exist, and what is to be done about each picture: the latest plan of each character.';
COMMENT ON COLUMN generation_plan.planned_at IS 'When the plan was made, UTC; a later one that says the same leaves it as it is.';
COMMENT ON COLUMN generation_plan.run_id IS 'The run that the plan was made for, as with planned_at the first of those with the same plan.';
COMMENT ON COLUMN generation_plan.character_id IS 'The character that the picture shows.';
COMMENT ON COLUMN generation_plan.prompt_id IS 'The prompt that asks for the picture.';
COMMENT ON COLUMN generation_plan.variation IS 'Number of the picture among those of its prompt and edition, counted from 1.';
COMMENT ON COLUMN generation_plan.edition IS 'Refresh period: base, a day (2026-11-22), a week (2026-W47), a month (2026-11) or a scheduled time with its UTC offset (2026-11-27T0600+0100).';
COMMENT ON COLUMN generation_plan.decision IS 'reuse: stored already; resume: under way; generate: to be bought; blocked: see reason.';
COMMENT ON COLUMN generation_plan.reason IS 'Why, in words.';
COMMENT ON COLUMN generation_plan.credits IS 'Credits that this row costs now: its price if it is to be generated, else 0. Their sum is the quote.';
COMMENT ON COLUMN generation_plan.rendering_speed IS 'Tier, which decides the price: turbo, default or quality.';
COMMENT ON COLUMN generation_plan.seed IS 'The seed as sent.';
COMMENT ON COLUMN generation_plan.fingerprint IS 'SHA-256 over all that decides the picture, in hex; one fingerprint is bought once.';
COMMENT ON COLUMN generation_plan.prompt IS 'The text as sent: with prefix and suffix.';
COMMENT ON COLUMN generation_plan.request IS 'The request as sent, without the addresses of the input pictures.';
COMMENT ON COLUMN generation_plan.reproducible IS 'False where the provider may rewrite the prompt, so that the seed does not repeat the picture.';
COMMENT ON COLUMN generation_plan.title IS 'Title for people.';
COMMENT ON COLUMN generation_plan.tags IS 'Words for people to group by.';
