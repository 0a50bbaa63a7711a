package ledger

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestVerifyWaiting: what is recorded and in no leaf yet is verified and told of, also beside the writer.
func TestVerifyWaiting(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	l := open(t, dir, cfg)
	at := time.Now().Truncate(time.Minute)
	for range 3 { // the same within a minute counts once
		give(t, l, "alice", at, 1, 2, 3)
	}
	give(t, l, "bob", at, 1)
	r, err := Verify(t.Context(), dir, cfg)
	must(t, err)
	w := r.Waiting
	if !r.OK() || r.Leaves != 0 || w.Disclosures != 4 || w.Entries != 1 { // the start
		t.Errorf("before sealing: %+v", r)
	}
	if w.From.After(time.Now()) || !w.SealedBy.After(w.From.Add(time.Hour)) || w.SealedBy.After(time.Now().Add(2*time.Hour)) {
		t.Errorf("from %s, sealed by %s", w.From, w.SealedBy)
	}
	must(t, l.Seal(t.Context()))
	give(t, l, "bob", at, 7)
	if r, err = Verify(t.Context(), dir, cfg); err != nil || !r.OK() || r.Disclosures != 4 || r.Waiting.Disclosures != 1 {
		t.Errorf("after sealing: %+v, %v", r, err)
	}
	give(t, l, "carol", at, 8) // so that the next to be damaged is followed by one that says it was synced
	damageWAL(t, dir, "bob")
	if r, err = Verify(t.Context(), dir, cfg); err != nil || r.OK() || !strings.Contains(r.Damage[0].String(), "acknowledged records") {
		t.Errorf("with a flipped bit in what waits: %+v, %v", r, err)
	}
	_ = l.Close()
}

// TestVerifyWhileSealing: a verification beside a writer that seals finds no damage that is none.
func TestVerifyWhileSealing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	l := open(t, dir, cfg)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			give(t, l, "alice", noon.Add(time.Duration(i)*time.Minute), uint64(i))
			if i%5 == 0 {
				if err := l.Seal(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		r, err := Verify(t.Context(), dir, cfg)
		must(t, err)
		if !r.OK() {
			t.Fatalf("%+v", r)
		}
	}
	must(t, l.Close())
	r, err := Verify(t.Context(), dir, cfg)
	must(t, err)
	if r.Disclosures != 200 || r.Waiting != (Waiting{}) {
		t.Errorf("at the end: %+v", r)
	}
}

// damageWAL flips a bit in the name of a principal in the write-ahead log.
func damageWAL(t *testing.T, dir, name string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "wal", "*"+walEnding))
	must(t, err)
	for _, path := range names {
		raw, err := os.ReadFile(path)
		must(t, err)
		i := bytes.LastIndex(raw, []byte(name))
		if i < 0 {
			continue
		}
		raw[i] ^= 1
		must(t, os.WriteFile(path, raw, 0o600))
		return
	}
	t.Fatalf("%s is not in the write-ahead log", name)
}
