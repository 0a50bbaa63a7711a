package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// EraseBefore destroys the keys, and the voters' keys, of the periods that ended by then, and
// notes it. Their blocks stay and verify, but nobody can tell any more about whom they are.
// It returns the end of what is erased, zero if nothing was. The current period is never erased.
func (l *Ledger) EraseBefore(ctx context.Context, by time.Time) (time.Time, error) {
	now, _ := l.cfg.clock()
	gone, err := l.periods.erase(min(monthOf(by), monthOf(now)))
	var until time.Time
	for _, p := range gone {
		until = p.until().start()
		err = errors.Join(err, l.numbers.erase(p))
		err = errors.Join(err, l.note(ctx, Entry{
			Kind: KindErased, From: p.from.start(), Until: until, Text: "the key and the voters' keys of this period were destroyed",
		}))
	}
	if err != nil {
		return until, fmt.Errorf("ledger: erase: %w", err)
	}
	return until, nil
}

// SignedCheckpoint is the newest checkpoint as it is published.
func (l *Ledger) SignedCheckpoint() ([]byte, error) {
	msg, err := readLimited(filepath.Join(l.dir, "log", "checkpoint"), maxCheckpoint)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("ledger: there is no checkpoint yet: nothing was sealed, or no signer is set")
	}
	return msg, err
}

// Cosign puts a checkpoint that witnesses have signed too in the place of the one without
// their signatures, if it is the newest one.
func (l *Ledger) Cosign(msg []byte, known note.Verifiers) error {
	c, err := OpenCheckpoint(msg, l.cfg.Origin, known)
	if err != nil {
		return fmt.Errorf("ledger: cosigned %w", err)
	}
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if err := l.seals.wait(context.Background()); err != nil {
		return fmt.Errorf("ledger: cosign: %w", err)
	}
	if s := l.seals.state; c.Size != s.Size || c.Root != s.Root || !strings.HasPrefix(string(msg), c.text()) {
		return fmt.Errorf("ledger: cosign: the checkpoint is of %d leaves, the ledger has %d: ask the witness again", c.Size, s.Size)
	}
	return replaceFile(l.cfg.files, filepath.Join(l.dir, "log", "checkpoint"), msg)
}

// Consistency proves that an older state of the log is a beginning of this one (RFC 9162
// §2.1.4): what a witness wants before it signs.
func (v *View) Consistency(older int64) (tlog.TreeProof, error) {
	if older < 1 || older > v.state.Size {
		return nil, fmt.Errorf("ledger: consistency of %d with %d leaves: the log is shorter than what was seen of it", v.state.Size, older)
	}
	proof, err := tlog.ProveTree(v.state.Size, older, hashReader(filepath.Join(v.dir, "log"), v.state.Size))
	if err != nil {
		return nil, fmt.Errorf("ledger: consistency: %w", err)
	}
	return proof, nil
}

// Inclusion proves that a leaf is in the log (RFC 9162 §2.1.3).
func (v *View) Inclusion(leaf int64) (tlog.RecordProof, error) {
	if leaf < 0 || leaf >= v.state.Size {
		return nil, fmt.Errorf("ledger: inclusion of leaf %d: the log has %d", leaf, v.state.Size)
	}
	proof, err := tlog.ProveRecord(v.state.Size, leaf, hashReader(filepath.Join(v.dir, "log"), v.state.Size))
	if err != nil {
		return nil, fmt.Errorf("ledger: inclusion: %w", err)
	}
	return proof, nil
}

// Extends checks from the tiles alone that the log still contains what a checkpoint saw.
func (v *View) Extends(c Checkpoint) error {
	proof, err := v.Consistency(c.Size)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, v.state.Size, v.state.Root, c.Size, c.Root); err != nil {
		return fmt.Errorf("ledger: the first %d leaves are others than the checkpoint saw, the log was written anew: %w", c.Size, err)
	}
	return nil
}
