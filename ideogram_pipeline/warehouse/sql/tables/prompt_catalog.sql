-- What pictures are wanted: one row per good row of the prompts file.
CREATE TABLE prompt_catalog (
    prompt_id VARCHAR NOT NULL,
    character_id VARCHAR NOT NULL,
    prompt VARCHAR NOT NULL,
    aspect_ratio VARCHAR,
    resolution VARCHAR,
    seed BIGINT,
    style_type VARCHAR,
    magic_prompt_option VARCHAR,
    rendering_speed VARCHAR,
    image VARCHAR,
    image_sha256 VARCHAR,
    mask VARCHAR,
    mask_sha256 VARCHAR,
    variations INTEGER NOT NULL,
    refresh VARCHAR NOT NULL,
    enabled BOOLEAN NOT NULL,
    title VARCHAR,
    tags VARCHAR[],
    updated_at TIMESTAMP NOT NULL
);

COMMENT ON TABLE prompt_catalog IS 'What pictures are wanted: one row per good row of the prompts file.';
COMMENT ON COLUMN prompt_catalog.prompt_id IS 'Identity of the prompt.';
COMMENT ON COLUMN prompt_catalog.character_id IS 'The character that the picture shows.';
COMMENT ON COLUMN prompt_catalog.prompt IS 'The text of the row, without the prefix and suffix of its character.';
COMMENT ON COLUMN prompt_catalog.aspect_ratio IS 'Ratio of width to height, such as 16:9; null: the default of the character.';
COMMENT ON COLUMN prompt_catalog.resolution IS 'Width x height in pixels, instead of a ratio; null: by ratio.';
COMMENT ON COLUMN prompt_catalog.seed IS 'The seed that the row asks for; null: derived from prompt, variation and edition.';
COMMENT ON COLUMN prompt_catalog.style_type IS 'Style; null: the default of the character.';
COMMENT ON COLUMN prompt_catalog.magic_prompt_option IS 'Whether the provider may rewrite the text: Off, On or Auto; null: Off.';
COMMENT ON COLUMN prompt_catalog.rendering_speed IS 'Tier: turbo, default or quality; null: the default of the character.';
COMMENT ON COLUMN prompt_catalog.image IS 'Absolute path of the picture to paint into, on the machine that read the catalog; null: none.';
COMMENT ON COLUMN prompt_catalog.image_sha256 IS 'SHA-256 of the content of that picture, in hex.';
COMMENT ON COLUMN prompt_catalog.mask IS 'Absolute path of the mask of that picture, black where it is repainted; null: none.';
COMMENT ON COLUMN prompt_catalog.mask_sha256 IS 'SHA-256 of the content of the mask, in hex.';
COMMENT ON COLUMN prompt_catalog.variations IS 'How many pictures of each edition are wanted.';
COMMENT ON COLUMN prompt_catalog.refresh IS 'How often new pictures are wanted: never, daily, weekly, monthly or a cron expression.';
COMMENT ON COLUMN prompt_catalog.enabled IS 'False: nothing is planned for the row.';
COMMENT ON COLUMN prompt_catalog.title IS 'Title for people; it changes nothing that is bought.';
COMMENT ON COLUMN prompt_catalog.tags IS 'Words for people to group by; they change nothing that is bought.';
COMMENT ON COLUMN prompt_catalog.updated_at IS 'When this row was last published, UTC; an unchanged catalog is not published again.';
