-- Up to which change of the journal the rows of each character are published.
CREATE TABLE publications (
    character_id VARCHAR NOT NULL,
    mark VARCHAR NOT NULL
);

COMMENT ON TABLE publications IS 'Up to which change of the journal the rows of each character are published.';
COMMENT ON COLUMN publications.character_id IS 'The character whose attempts, pictures and ledger entries are meant.';
COMMENT ON COLUMN publications.mark IS 'Drawn anew with every change in the journal; while the journal has the same one, these rows are up to date.';
