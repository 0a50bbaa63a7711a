-- +goose Up

-- Work that waits to be handed on. seq grows in order of commit, for there is one
-- writer. A claim belongs to the opening of the store that holder names and lasts
-- until due.
CREATE TABLE store_outbox (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    topic    TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    payload  BLOB    NOT NULL,
    enqueued INTEGER NOT NULL,            -- µs UTC
    due      INTEGER NOT NULL DEFAULT 0,  -- µs UTC; can be claimed from then on
    claim    INTEGER NOT NULL DEFAULT 0,  -- 0: never claimed
    attempts INTEGER NOT NULL DEFAULT 0,
    holder   TEXT    NOT NULL DEFAULT '',
    consumer TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX store_outbox_topic ON store_outbox (topic, seq);

-- +goose Down

DROP TABLE store_outbox;
