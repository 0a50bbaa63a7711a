-- +goose Up
ALTER TABLE campaigns_campaign ADD COLUMN turn INTEGER NOT NULL DEFAULT 0; -- of campaigns_state when it was written: what changed since is few rows
CREATE INDEX campaigns_campaign_by_turn ON campaigns_campaign (turn);

-- +goose Down
DROP INDEX campaigns_campaign_by_turn;
ALTER TABLE campaigns_campaign DROP COLUMN turn;
