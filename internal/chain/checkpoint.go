package chain

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// origin begins the first line of every checkpoint; the name of the log follows.
const origin = "portcullis/chain/"

// maxCheckpoint bounds what is read as one: three lines and some signatures.
const maxCheckpoint = 16 << 10

// Checkpoint signs where a log stands, as a note in the form of a transparency log's
// checkpoint (C2SP tlog-checkpoint): origin, number of entries, hash in base64, and
// signatures below. The hash is the chain's and not that of a tree: a checkpoint proves
// that the first so many entries have not changed since, and needs them all to do it.
func Checkpoint(h Head, s note.Signer) ([]byte, error) {
	raw, err := hex.DecodeString(h.Hash)
	if err != nil || len(raw) != 32 || h.Seq < 1 || h.Log == "" || strings.ContainsAny(h.Log, "\r\n") {
		return nil, fmt.Errorf("log %q at entry %d cannot be signed: it is empty or its head is damaged", h.Log, h.Seq)
	}
	text := fmt.Sprintf("%s%s\n%d\n%s\n", origin, h.Log, h.Seq, base64.StdEncoding.EncodeToString(raw))
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint of log %q: %w", h.Log, err)
	}
	return signed, nil
}

// OpenCheckpoint reads a checkpoint back, if one of the verifiers knows a signature on it.
func OpenCheckpoint(msg []byte, v note.Verifiers) (Head, error) {
	if len(msg) > maxCheckpoint {
		return Head{}, fmt.Errorf("checkpoint: %d bytes are too many for one", len(msg))
	}
	n, err := note.Open(msg, v)
	if err != nil {
		return Head{}, fmt.Errorf("checkpoint: %w", err)
	}
	h, err := parseCheckpoint(n.Text)
	if err != nil {
		return Head{}, fmt.Errorf("checkpoint: %w", err)
	}
	return h, nil
}

func parseCheckpoint(text string) (Head, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Head{}, errors.New("want three lines: origin, number of entries, hash")
	}
	log, ok := strings.CutPrefix(lines[0], origin)
	if !ok || log == "" || strings.Contains(log, "\r") {
		return Head{}, fmt.Errorf("origin %q: want %s and the name of a log", lines[0], origin)
	}
	seq, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || seq < 1 || strconv.FormatInt(seq, 10) != lines[1] {
		return Head{}, fmt.Errorf("number of entries %q: want a whole number from 1", lines[1])
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(raw) != 32 {
		return Head{}, fmt.Errorf("hash %q: want 32 bytes in base64", lines[2])
	}
	return Head{Log: log, Seq: seq, Hash: hex.EncodeToString(raw)}, nil
}

// Matches tells whether the log still has the entry that the head saw, unchanged. It
// looks at that one entry; together with [Verify], which finds any entry that does not
// fit the following ones, it shows that everything up to the head is as it was.
func Matches(ctx context.Context, q Querier, seen Head) error {
	var hash string
	err := q.QueryRowContext(ctx, `SELECT hash FROM chain_entry WHERE log=$1 AND seq=$2`, seen.Log, seen.Seq).Scan(&hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return &BrokenError{seen.Log, seen.Seq, "was there when it was last checked and is gone: the log has been cut off"}
	case err != nil:
		return fmt.Errorf("read log %q: %w", seen.Log, err)
	case hash != seen.Hash:
		return &BrokenError{seen.Log, seen.Seq, "is another one than when it was last checked: the log has been written anew"}
	}
	return nil
}
