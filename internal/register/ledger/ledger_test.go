package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2026, 3, 4, 12, 0, 30, 0, time.UTC)

// far is behind everything a test records.
var far = time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)

// small is a configuration for small registers, whose files are small too.
func small(dir string) Config {
	return Config{Keys: filepath.Join(dir, "..", filepath.Base(dir)+"-keys"), Integers: 100_000, Others: 10_000, Heartbeat: time.Hour, segmentSize: 64 << 10}
}

func open(t testing.TB, dir string, cfg Config) *Ledger {
	t.Helper()
	l, err := Open(dir, cfg)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func view(t testing.TB, dir string, cfg Config) *View {
	t.Helper()
	v, err := OpenView(t.Context(), dir, cfg)
	must(t, err)
	t.Cleanup(func() { _ = v.Close() })
	for _, p := range v.Problems {
		t.Errorf("problem: %s", p)
	}
	return v
}

func give(t testing.TB, l *Ledger, who string, at time.Time, voters ...uint64) {
	t.Helper()
	must(t, l.Record(t.Context(), &Disclosure{Principal: who, Program: "desk", Purpose: "roll", Statement: 77, Time: at, Voters: voters}))
}

func readers(h *History) string {
	var s []string
	for _, r := range h.Readings {
		s = append(s, r.Principal+"@"+r.Time.Format("2006-01-02T15:04"))
	}
	return strings.Join(s, " ")
}

// TestWhoRead asks at every stage of a disclosure's life: in the write-ahead log, sealed, in
// an index of its month, after another start.
func TestWhoRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	l := open(t, dir, cfg)
	text, err := l.Number([]byte("6f9619ff-8b86-4d01-b42d-00cf4fc964ff"))
	must(t, err)
	give(t, l, "alice", noon, 4711, 12, text)
	give(t, l, "bob", noon.Add(time.Minute), 4711)
	give(t, l, "alice", noon.Add(3*time.Hour), 4711, 99_999)
	want := "alice@2026-03-04T12:00 bob@2026-03-04T12:01 alice@2026-03-04T15:00"
	check := func(stage string) {
		t.Helper()
		v := view(t, dir, cfg)
		for key, want := range map[string]string{
			"4711": want, "6f9619ff-8b86-4d01-b42d-00cf4fc964ff": "alice@2026-03-04T12:00", "12": "alice@2026-03-04T12:00",
			"13": "", "04711": "", "99999": "alice@2026-03-04T15:00", "100000": "", "no such": "",
		} {
			h, err := v.WhoRead(t.Context(), []byte(key), noon.Add(-time.Hour), far)
			must(t, err)
			if got := readers(h); got != want {
				t.Errorf("%s: voter %s: %s, want %s", stage, key, got, want)
			}
		}
		h, err := v.WhoRead(t.Context(), []byte("4711"), noon, noon.Add(time.Minute))
		must(t, err)
		if got := readers(h); got != "alice@2026-03-04T12:00 bob@2026-03-04T12:01" {
			t.Errorf("%s: within two minutes: %s", stage, got)
		}
		n, err := v.WhatRead(t.Context(), "alice", noon, far)
		must(t, err)
		var csv strings.Builder
		must(t, n.Export(&csv))
		if got := csv.String(); got != "voter\n12\n4711\n99999\n6f9619ff-8b86-4d01-b42d-00cf4fc964ff\n" || n.Disclosures != 5 {
			t.Errorf("%s: what alice read, %d: %q", stage, n.Disclosures, got)
		}
		totals, err := v.Totals(t.Context(), noon.Add(-time.Hour), noon.Add(time.Hour))
		must(t, err)
		if got := fmt.Sprint(totals); got != "[{alice desk roll 3 3} {bob desk roll 1 1}]" {
			t.Errorf("%s: totals: %s", stage, got)
		}
		report, err := Verify(t.Context(), dir, cfg)
		must(t, err)
		if !report.OK() {
			t.Errorf("%s: %v", stage, report.Damage)
		}
	}
	check("in the write-ahead log")
	must(t, l.Seal(t.Context()))
	check("sealed")
	give(t, l, "carol", noon.AddDate(0, 1, 0), 1)
	must(t, l.Seal(t.Context()))
	if names, _ := listFiles(filepath.Join(dir, "index"), indexEnding); len(names) != 1 {
		t.Errorf("index of a month that is over: %v", names)
	}
	check("indexed")
	must(t, l.Close())
	check("closed")
	l = open(t, dir, cfg)
	check("opened again")
	if again, err := l.Number([]byte("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")); err != nil || again != text {
		t.Errorf("number of a text key: %d, %v; it was %d", again, err, text)
	}
}

func TestRebuild(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	l := open(t, dir, cfg)
	id, err := l.Number([]byte("a voter"))
	must(t, err)
	give(t, l, "alice", noon.AddDate(-1, 0, 0), 9)
	give(t, l, "alice", noon, 1, 2, id)
	give(t, l, "alice", noon.Add(time.Minute), 2)
	give(t, l, "bob", noon.AddDate(1, 0, 0), id) // another period: the number stays
	var got []string
	must(t, view(t, dir, cfg).Rebuild(t.Context(), noon, func(d *Disclosure) error {
		voters := slices.Sorted(slices.Values(d.Voters))
		got = append(got, fmt.Sprint(d.Principal, d.Time.Format(" 06-01 15:04 "), voters))
		return nil
	}))
	want := []string{
		fmt.Sprintf("alice 26-03 12:00 [1 2 %d]", id), "alice 26-03 12:01 [2]", fmt.Sprintf("bob 27-03 12:00 [%d]", id),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	l := open(t, dir, cfg)
	old, err := l.Number([]byte("old"))
	must(t, err)
	both, err := l.Number([]byte("both"))
	must(t, err)
	last := noon.AddDate(-1, 0, 0)
	give(t, l, "alice", last, 5, old, both)
	give(t, l, "alice", noon, 5, both)
	until, err := l.EraseBefore(t.Context(), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC))
	must(t, err)
	if !until.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("erased up to %s", until)
	}
	must(t, l.Seal(t.Context()))
	v := view(t, dir, cfg)
	for key, want := range map[string]string{"5": "alice@2026-03-04T12:00", "both": "alice@2026-03-04T12:00", "old": ""} {
		h, err := v.WhoRead(t.Context(), []byte(key), last.Add(-time.Hour), far)
		must(t, err)
		if got := readers(h); got != want {
			t.Errorf("voter %s: %q, want %q", key, got, want)
		}
		if !slices.ContainsFunc(h.Gaps, func(g Gap) bool { return strings.Contains(g.Why, "2025-03 was destroyed") }) {
			t.Errorf("the answer does not say what was erased: %v", h.Gaps)
		}
	}
	for _, folder := range []string{cfg.Keys, filepath.Join(dir, "numbers")} {
		if left, _ := filepath.Glob(filepath.Join(folder, "2025*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	report, err := Verify(t.Context(), dir, cfg)
	must(t, err)
	if !report.OK() || report.Disclosures != 5 {
		t.Errorf("after erasing: %+v", report)
	}
}

func TestRefusesWhatItCannotKeep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	cfg.Others = 2
	l := open(t, dir, cfg)
	long := strings.Repeat("x", maxName+1)
	for name, d := range map[string]*Disclosure{
		"long name":       {Principal: long},
		"number too high": {Voters: []uint64{100_000}},
		"unknown mapped":  {Voters: []uint64{mappedBit + 1}},
		"mapped too high": {Voters: []uint64{mappedBit + 2}},
		"clock":           {Time: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if err := l.Record(t.Context(), d); err == nil {
			t.Errorf("%s was recorded", name)
		}
	}
	for i := range 3 {
		_, err := l.Number(fmt.Appendf(nil, "voter %d", i))
		if want := i == 2; errors.Is(err, ErrFull) != want {
			t.Errorf("voter %d: %v", i, err)
		}
	}
	if _, err := l.Number([]byte(strings.Repeat("9", 300))); err == nil {
		t.Error("a key of 300 bytes has a number")
	}
	if err := l.Note(t.Context(), Entry{Kind: "refusal", Text: strings.Repeat("x", maxEntry)}); err == nil {
		t.Error("an entry of 32 KiB was noted")
	}
	must(t, l.Close())
	if err := l.Record(t.Context(), &Disclosure{}); !errors.Is(err, ErrClosed) {
		t.Errorf("recorded after closing: %v", err)
	}
}

func TestFoldersArePrivateAndLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	l := open(t, dir, cfg)
	give(t, l, "alice", noon, 1)
	must(t, l.Seal(t.Context()))
	var held *LockedError
	if _, err := Open(dir, cfg); !errors.As(err, &held) || held.PID != fmt.Sprint(os.Getpid()) {
		t.Errorf("second writer: %v", err)
	}
	for _, root := range []string{dir, cfg.Keys} {
		must(t, filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
			must(t, err)
			info, err := e.Info()
			must(t, err)
			if want := os.FileMode(0o600); e.IsDir() && info.Mode().Perm() != 0o700 || !e.IsDir() && info.Mode().Perm() != want {
				t.Errorf("%s has mode %s", path, info.Mode())
			}
			return nil
		}))
	}
	must(t, l.Close())
	must(t, os.Chmod(dir, 0o755))
	if _, err := Open(dir, cfg); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("a folder others can read: %v", err)
	}
}

func TestClosedBeforeOthersHaveTheTurn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	l := open(t, dir, small(dir))
	done := make(chan struct{})
	for i := range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				if err := l.Record(context.Background(), &Disclosure{Principal: "alice", Voters: []uint64{uint64(i)}}); err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					return
				}
			}
		}()
	}
	time.Sleep(20 * time.Millisecond)
	must(t, l.Close())
	for range 8 {
		<-done
	}
}

// TestKeysThatAreNotThere: a key that is lost or another one must not turn into answers
// about other voters.
func TestKeysThatAreNotThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	l := open(t, dir, cfg)
	give(t, l, "alice", noon, 7)
	must(t, l.Close())
	path := filepath.Join(cfg.Keys, "2026-01.key")
	key, err := os.ReadFile(path)
	must(t, err)
	must(t, os.Remove(path))
	l = open(t, dir, cfg)
	if err := l.Record(t.Context(), &Disclosure{Time: noon, Voters: []uint64{1}}); err == nil || !strings.Contains(err.Error(), "put it back") {
		t.Errorf("recorded without the period's key: %v", err)
	}
	must(t, l.Close())
	must(t, os.WriteFile(path, append(key[:len(key)-5], "0000\n"...), 0o600))
	if _, err := Open(dir, cfg); err == nil || !strings.Contains(err.Error(), "not the one its blocks were written with") {
		t.Errorf("opened with another key: %v", err)
	}
	v, err := OpenView(t.Context(), dir, cfg)
	must(t, err)
	h, err := v.WhoRead(t.Context(), []byte("7"), noon.Add(-time.Hour), far)
	must(t, err)
	if len(h.Readings) > 0 || len(v.Problems) == 0 || len(h.Gaps) == 0 {
		t.Errorf("with another key: %+v, %v", h, v.Problems)
	}
	must(t, v.Close())
}

// TestPutBack restores an older state beside a newer checkpoint.
func TestPutBack(t *testing.T) {
	dir, cfg, _, _ := signedLedger(t)
	path := filepath.Join(dir, stateFile)
	older, err := os.ReadFile(path)
	must(t, err)
	l := open(t, dir, cfg)
	give(t, l, "alice", noon, 7)
	must(t, l.Close())
	must(t, os.WriteFile(path, older, 0o600))
	if _, err := Open(dir, cfg); err == nil || !strings.Contains(err.Error(), "put back to an older state") {
		t.Errorf("opened: %v", err)
	}
}
