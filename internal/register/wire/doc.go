// Package wire stands between PostgreSQL's clients and PostgreSQL. It speaks
// the frontend/backend protocol, versions 3.0 and 3.2 (PostgreSQL manual,
// "Frontend/Backend Protocol"), shows a Guard each statement before
// PostgreSQL sees it, and reads the voter's key of each row before the row
// leaves.
//
// # One session
//
// Each client has a PostgreSQL process of its own; nothing is pooled. The
// login is carried between the two ends, and the gateway learns no password.
// Then two goroutines run, or on Linux one for many sessions (wheel):
// clientWalker reads what the client sends, rows what PostgreSQL answers, each
// a large piece at a time. Frames are walked
// where they lie in the read buffer and leave as one slice of it; only what a
// guard changes is written anew. What was read is written on before the next
// read, so that a row never waits for a Sync.
//
// # Which statement a row is of
//
// PostgreSQL answers in the order it was asked. The clientWalker notes each
// message in a queue before it sends it on, and rows takes it off when its
// answer comes. Names of prepared statements and portals get their meaning
// only then: from what PostgreSQL says it took, never from what a client has
// sent. An answer that does not fit ends the session.
//
// # Refusals
//
// A refused statement is not sent. PostgreSQL gets one in its place that its
// parser refuses in any state, and its error is replaced by the refusal. So
// transactions fail, and pipelines are skipped to their Sync, by PostgreSQL
// itself. A statement that is stopped while its rows come is cancelled; see
// stopping.
//
// # What PostgreSQL sees
//
// All clients come from the gateway's address: pg_hba.conf must let people in
// from there by SCRAM (or another login that a message carries), never by
// trust, peer, ident or cert, and from nowhere else.
package wire
