-- +goose Up
CREATE TABLE access_hunt (      -- hunts for somebody's address or a subject: asked, agreed to by another, over
  id text COLLATE "C" PRIMARY KEY,
  pattern text COLLATE "C" NOT NULL,
  people text COLLATE "C" NOT NULL,         -- JSON: whose address it is
  purpose text COLLATE "C" NOT NULL,
  asked_by text COLLATE "C" NOT NULL,
  asked bigint NOT NULL,
  decided_by text COLLATE "C" NOT NULL,     -- '' while nobody has
  decided bigint NOT NULL,
  approved bigint NOT NULL,    -- 0, 1
  expires bigint NOT NULL      -- of the asking while undecided, of the hunt once approved
);
ALTER TABLE access_glass ADD COLUMN wanted bigint NOT NULL DEFAULT 0; -- for how long it was asked, in microseconds; 0 is as long as the configuration allows

-- +goose Down
ALTER TABLE access_glass DROP COLUMN wanted;
DROP TABLE access_hunt;
