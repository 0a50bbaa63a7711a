package store

// claimSQLite needs no row locks, there is one writer. A claim of another holder is void
// whatever its lease: the file lock says that this process is the only one, so whoever
// made it is dead. $7 is the time.
const claimSQLite = `
UPDATE store_outbox
SET claim = $2, holder = $3, consumer = $4, due = $7 + $6, attempts = attempts + 1
WHERE seq IN (
    SELECT seq FROM store_outbox
    WHERE topic = $1 AND (due <= $7 OR holder <> $3)
    ORDER BY seq LIMIT $5)
RETURNING seq, key, payload, enqueued, attempts`
