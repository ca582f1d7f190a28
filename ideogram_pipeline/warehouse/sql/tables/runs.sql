-- What each run did and what it cost.
CREATE TABLE runs (
    run_id VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP,
    status VARCHAR NOT NULL,
    characters INTEGER,
    images_planned BIGINT,
    images_made BIGINT,
    images_reused BIGINT,
    images_deferred BIGINT,
    images_failed BIGINT,
    credits_quoted BIGINT,
    credits_charged BIGINT,
    credits_refunded BIGINT,
    balance_before BIGINT,
    balance_after BIGINT,
    requests BIGINT
);

COMMENT ON TABLE runs IS 'What each run did and what it cost.';
COMMENT ON COLUMN runs.run_id IS 'When it was created, and the first eight characters of Dagster''s run id.';
COMMENT ON COLUMN runs.provider IS 'Whose credits: apiframe, or sandbox, which costs nothing.';
COMMENT ON COLUMN runs.started_at IS 'When it began, UTC.';
COMMENT ON COLUMN runs.finished_at IS 'When it ended, UTC; null while it is under way, or when it was killed.';
COMMENT ON COLUMN runs.status IS 'running, finished, stopped (it was told to stop, or could not go on) or interrupted (its process died).';
COMMENT ON COLUMN runs.characters IS 'How many characters it was asked to do.';
COMMENT ON COLUMN runs.images_planned IS 'Pictures that its plan said should exist.';
COMMENT ON COLUMN runs.images_made IS 'Pictures that it stored anew.';
COMMENT ON COLUMN runs.images_reused IS 'Pictures that existed already and cost nothing.';
COMMENT ON COLUMN runs.images_deferred IS 'Pictures left to a later run: kept back by a limit, or still under way when it ended.';
COMMENT ON COLUMN runs.images_failed IS 'Pictures that it could not get.';
COMMENT ON COLUMN runs.credits_quoted IS 'Credits that its plan said it would cost.';
COMMENT ON COLUMN runs.credits_charged IS 'Credits taken.';
COMMENT ON COLUMN runs.credits_refunded IS 'Credits given back, as a positive number.';
COMMENT ON COLUMN runs.balance_before IS 'Credits of the account before the run; the whole team spends from it. Null: not known.';
COMMENT ON COLUMN runs.balance_after IS 'Credits of the account after the run. Null: not known.';
COMMENT ON COLUMN runs.requests IS 'Requests made to the API.';
