package register

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"portcullis.example/portcullis"
)

// TestSilent tells of a guard that is gone once, whoever asks how often.
func TestSilent(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	if _, silent := Silent(dir, now); silent {
		t.Error("a guard that never ran is not silent")
	}
	path := filepath.Join(dir, aliveFile)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, silent := Silent(dir, now); silent {
		t.Error("a guard that lives is not silent")
	}
	first, silent := Silent(dir, now.Add(time.Hour))
	again, _ := Silent(dir, now.Add(2*time.Hour))
	if !silent || first.Finding.ID != again.Finding.ID || first.Event.ID != again.Event.ID {
		t.Errorf("%v, %+v, %+v", silent, first, again)
	}
}

// TestSpool reads from where it has come, and leaves a line that is not whole for the next time.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 2, 23, 59, 0, 0, time.UTC)
	for i := range 4 {
		f := finding{rule: RuleRefused, summary: itoa(i)}
		if err := s.Put(f.raised(day.Add(time.Duration(i) * time.Minute))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	read := func(place string) (got []portcullis.Finding, next string) {
		next, err := ReadSpool(dir, place, func(r Raised) error { got = append(got, r.Finding); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return got, next
	}
	all, place := read("")
	if len(all) != 4 {
		t.Fatalf("%d findings", len(all))
	}
	last := filepath.Join(dir, "2026-03-03.ndjson")
	raw, _ := os.ReadFile(last)
	if err := os.WriteFile(last, append(raw, `{"schema":1`...), 0o600); err != nil {
		t.Fatal(err)
	}
	if more, next := read(place); len(more) != 0 || next != place {
		t.Errorf("half a line was read: %v, %q", more, next)
	}
	if _, err := ReadSpool(dir, "yesterday", nil); err == nil {
		t.Error("a place that is none")
	}
}
