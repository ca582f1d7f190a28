-- Who the pictures show: one row per character of the catalog, with the defaults of its prompts.
CREATE TABLE characters (
    character_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    reference_image VARCHAR NOT NULL,
    reference_sha256 VARCHAR,
    style_type VARCHAR,
    rendering_speed VARCHAR,
    aspect_ratio VARCHAR,
    prompt_prefix VARCHAR,
    prompt_suffix VARCHAR,
    monthly_credit_budget BIGINT,
    catalog_digest VARCHAR,
    updated_at TIMESTAMP NOT NULL
);

COMMENT ON TABLE characters IS 'Who the pictures show: one row per character of the catalog, with the defaults of its prompts.';
COMMENT ON COLUMN characters.character_id IS 'Identity of the character, and its partition key in Dagster.';
COMMENT ON COLUMN characters.name IS 'Name for people.';
COMMENT ON COLUMN characters.reference_image IS 'Absolute path of the one reference picture, on the machine that read the catalog.';
COMMENT ON COLUMN characters.reference_sha256 IS 'SHA-256 of the content of the reference picture, in hex.';
COMMENT ON COLUMN characters.style_type IS 'Default style of its prompts; null: the default of the pipeline.';
COMMENT ON COLUMN characters.rendering_speed IS 'Default tier of its prompts: turbo, default or quality; null: the default of the pipeline.';
COMMENT ON COLUMN characters.aspect_ratio IS 'Default ratio of its prompts, such as 3:4; null: the default of the pipeline.';
COMMENT ON COLUMN characters.prompt_prefix IS 'Text put before each of its prompts.';
COMMENT ON COLUMN characters.prompt_suffix IS 'Text put after each of its prompts.';
COMMENT ON COLUMN characters.monthly_credit_budget IS 'Most credits that the character may cost in a calendar month (UTC); null: no limit.';
COMMENT ON COLUMN characters.catalog_digest IS 'SHA-256 over all that decides its pictures, in hex; it changes when a plan may change.';
COMMENT ON COLUMN characters.updated_at IS 'When this row was last published, UTC; an unchanged catalog is not published again.';
