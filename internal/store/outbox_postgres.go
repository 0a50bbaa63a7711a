package store

// claimPostgres passes over rows that another claim holds at this moment (SKIP LOCKED)
// and rows whose lease runs. It does not remember how far it came: identity values are
// given out before the commit, so a row may appear below the highest number seen. The
// clock is the server's, for instances may disagree. MATERIALIZED keeps the planner from
// running the locking part more than once.
const claimPostgres = `
WITH moment AS MATERIALIZED (
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now
), free AS MATERIALIZED (
    SELECT o.seq FROM store_outbox o
    WHERE o.topic = $1 AND o.due <= (SELECT now FROM moment)
    ORDER BY o.seq LIMIT $5
    FOR UPDATE SKIP LOCKED
)
UPDATE store_outbox o
SET claim = $2, holder = $3, consumer = $4, due = (SELECT now FROM moment) + $6, attempts = o.attempts + 1
FROM free WHERE o.seq = free.seq
RETURNING o.seq, o.key, o.payload, o.enqueued, o.attempts`
