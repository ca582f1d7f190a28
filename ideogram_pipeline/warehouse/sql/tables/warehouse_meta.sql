-- What this file is: one row with the form of its tables and where it was published from.
CREATE TABLE warehouse_meta (
    schema_version INTEGER NOT NULL,
    complete BOOLEAN NOT NULL,
    journal_id VARCHAR,
    published_at TIMESTAMP NOT NULL
);

COMMENT ON TABLE warehouse_meta IS 'What this file is: one row with the form of its tables and where it was published from.';
COMMENT ON COLUMN warehouse_meta.schema_version IS 'Version of the tables and views; a file of an older version is built anew.';
COMMENT ON COLUMN warehouse_meta.complete IS 'False from the moment the file is begun until everything in the journal has been published to it once.';
COMMENT ON COLUMN warehouse_meta.journal_id IS 'Identity of the journal that the rows come from; null when the publisher named none.';
COMMENT ON COLUMN warehouse_meta.published_at IS 'When this file was last published, UTC.';
