-- From what the rows of a table were made, as one hash: while that is the same, so are the rows.
CREATE TABLE stamps (
    table_name VARCHAR NOT NULL,
    stamp VARCHAR NOT NULL
);

COMMENT ON TABLE stamps IS 'From what the rows of a table were made, as one hash: while that is the same, so are the rows.';
COMMENT ON COLUMN stamps.table_name IS 'The table: generation_plan.';
COMMENT ON COLUMN stamps.stamp IS 'Over the catalog, its pictures, the editions and the state of the journal; empty where the plan had something to do, or the catalog cannot be told by its bytes (refused rows, a database).';
