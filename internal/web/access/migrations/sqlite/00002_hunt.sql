-- +goose Up
CREATE TABLE access_hunt (      -- hunts for somebody's address or a subject: asked, agreed to by another, over
  id TEXT PRIMARY KEY,
  pattern TEXT NOT NULL,
  people TEXT NOT NULL,         -- JSON: whose address it is
  purpose TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  asked INTEGER NOT NULL,
  decided_by TEXT NOT NULL,     -- '' while nobody has
  decided INTEGER NOT NULL,
  approved INTEGER NOT NULL,    -- 0, 1
  expires INTEGER NOT NULL      -- of the asking while undecided, of the hunt once approved
) STRICT, WITHOUT ROWID;
ALTER TABLE access_glass ADD COLUMN wanted INTEGER NOT NULL DEFAULT 0; -- for how long it was asked, in microseconds; 0 is as long as the configuration allows

-- +goose Down
ALTER TABLE access_glass DROP COLUMN wanted;
DROP TABLE access_hunt;
