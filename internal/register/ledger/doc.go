// Package ledger keeps the disclosure ledger of the register guard: whose record was
// given to whom, when, by which program, for what, with which statement. It answers
// afterwards for each voter, and says for which times it cannot.
//
// # What is promised
//
// [Ledger.Record] returns nil only once the disclosure is on the disk: a write-ahead log,
// synced by the first of the callers that wait for all of them. The guard releases rows
// after that and not before, so no row leaves that the ledger doesn't know. A disclosure
// that was not acknowledged may still be found after a crash: the ledger may know of a row that
// did not leave, never the other way round.
//
// # What is kept
//
// Every hour what was recorded is sealed into blocks, one per person, program, purpose
// and hour. Each block, and each entry of another kind (a refusal, a grant, a gap), is a leaf
// of a Merkle tree (RFC 9162 §2.1) in the layout of C2SP tlog-tiles, under checkpoints
// signed in the note format. Whoever holds a checkpoint can tell later whether anything before it
// was changed, removed or slipped in, by the operator too.
//
// Voters stand in it as a keyed permutation of a dense number. Without the key of the
// period a block still verifies, but says no longer about whom it is; destroying a key
// ([Ledger.EraseBefore]) erases.
//
// # Resolution
//
// A sealed block keeps the minute. Somebody who was given the same record by the same
// statement several times within a minute stands in it once for that minute.
//
// The formats are written down in docs/LEDGER.md.
package ledger
