-- Which catalog rows were refused, where they are and why; nothing is bought for them.
CREATE TABLE catalog_rejects (
    read_at TIMESTAMP NOT NULL,
    file VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    column_name VARCHAR NOT NULL,
    value VARCHAR,
    reason VARCHAR NOT NULL,
    character_id VARCHAR,
    row_id VARCHAR
);

COMMENT ON TABLE catalog_rejects IS 'Which catalog rows were refused, where they are and why; nothing is bought for them.';
COMMENT ON COLUMN catalog_rejects.read_at IS 'When the catalog was read, UTC; the same reasons found again leave it as it is.';
COMMENT ON COLUMN catalog_rejects.file IS 'The file or table that the row stands in.';
COMMENT ON COLUMN catalog_rejects.line IS 'Line of the file, or row of the table, counted from 1.';
COMMENT ON COLUMN catalog_rejects.column_name IS 'The column at fault.';
COMMENT ON COLUMN catalog_rejects.value IS 'What was found there.';
COMMENT ON COLUMN catalog_rejects.reason IS 'What is wrong with it, in words.';
COMMENT ON COLUMN catalog_rejects.character_id IS 'The character of the row, where that could be read.';
COMMENT ON COLUMN catalog_rejects.row_id IS 'The character_id or prompt_id of the row, where that could be read.';
