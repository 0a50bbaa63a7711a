package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// Waiting is what is recorded and synced, and stands in no leaf yet. Its checksums, its order and
// its coding were verified. The tree does not cover it: until it is sealed, a checksum is all that speaks for it.
type Waiting struct {
	Disclosures int64     `json:"disclosures"`
	Entries     int64     `json:"entries"`
	From        time.Time `json:"from,omitzero"` // of the oldest record
	To          time.Time `json:"to,omitzero"`
	// SealedBy is when it is in leaves at the latest, if the guard runs on. One that stops in order seals
	// before, and one that starts again seals within the hour what it finds.
	SealedBy time.Time `json:"sealed_by,omitzero"`
}

// sealsWithin is how long a record waits at most in a running guard: see Ledger.sealWhenDue.
const sealsWithin = time.Hour

// verifyTail verifies the write-ahead log. The writer may have sealed since the leaves were read, and removed
// segments: what is above the leaves that are there now is what waits.
func (v *verifier) verifyTail(ctx context.Context, dir string, heartbeat time.Duration) error {
	for range 20 {
		s, err := readState(dir)
		if err != nil {
			return err
		}
		t, err := readTail(filepath.Join(dir, "wal"), s.Sealed)
		again, other := readState(dir)
		if other == nil && again.Sealed == s.Sealed && !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return err
			}
			return v.waits(t, s.Size-v.state.Size, heartbeat)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return errMoved
}

// waits tells damage of the write-ahead log, and what it holds.
func (v *verifier) waits(t *tail, sealedSince int64, heartbeat time.Duration) error {
	v.report.SealedSince = sealedSince
	for _, d := range t.damage {
		v.damage(Damage{What: d.String(), From: d.from, To: d.until})
	}
	var open openBlocks
	w := &v.report.Waiting
	for _, r := range t.records {
		open.add(r.record)
		at := time.UnixMicro(r.time).UTC()
		if w.From.IsZero() || at.Before(w.From) {
			w.From = at
		}
		if at.After(w.To) {
			w.To = at
		}
	}
	if !w.From.IsZero() {
		w.SealedBy = w.From.Add(sealsWithin + heartbeat)
	}
	leaves, err := open.leaves() // as it will be sealed: what is told twice counts once
	if err != nil {
		return fmt.Errorf("write-ahead log: its records make no leaves: %w", err)
	}
	for _, leaf := range leaves {
		if leaf[0] == leafEntry {
			w.Entries++
			continue
		}
		var b block
		if err := decodeBlock(leaf, &b); err != nil {
			return fmt.Errorf("write-ahead log: its records make no leaves: %w", err)
		}
		w.Disclosures += int64(len(b.pairs))
	}
	return nil
}
