package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const testOrigin = "ledger.example/register"

func signer(t testing.TB) (note.Signer, note.Verifier) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, testOrigin)
	must(t, err)
	s, err := note.NewSigner(secret)
	must(t, err)
	v, err := note.NewVerifier(public)
	must(t, err)
	return s, v
}

// signedLedger has some hundred leaves of five months and the checkpoints of its growth.
func signedLedger(t *testing.T) (dir string, cfg Config, verifier note.Verifier, seen [][]byte) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "ledger")
	cfg = small(dir)
	cfg.Origin = testOrigin
	cfg.Signer, verifier = signer(t)
	l := open(t, dir, cfg)
	for m := range 5 {
		for h := range 30 {
			at := noon.AddDate(0, m, 0).Add(time.Duration(h) * time.Hour)
			for who := range 5 {
				give(t, l, fmt.Sprint("clerk", who), at, uint64(m), uint64(1000+h), uint64(2000+who), uint64(3000+h*who))
			}
		}
		must(t, l.Note(t.Context(), Entry{Kind: "refusal", Principal: "mallory", Time: noon.AddDate(0, m, 0)}))
		must(t, l.Seal(t.Context()))
		msg, err := l.SignedCheckpoint()
		must(t, err)
		seen = append(seen, msg)
	}
	must(t, l.Close())
	return dir, cfg, verifier, seen
}

func opened(t *testing.T, verifier note.Verifier, msgs [][]byte) (all []Checkpoint) {
	t.Helper()
	for _, msg := range msgs {
		c, err := OpenCheckpoint(msg, testOrigin, note.VerifierList(verifier))
		must(t, err)
		all = append(all, c)
	}
	return all
}

// TestPeerReadsTheLog has another implementation of tlog-tiles check ours, from the
// checkpoint's signature to the last tile, and prove and check what a witness wants.
func TestPeerReadsTheLog(t *testing.T) {
	dir, cfg, verifier, seen := signedLedger(t)
	files := client.FileFetcher{Root: filepath.Join(dir, "log")}
	hasher := func(data []byte) (hashes [][]byte, err error) {
		for len(data) > 1 {
			size := 2 + int(data[0])<<8 + int(data[1])
			h := tlog.RecordHash(data[2:size])
			hashes, data = append(hashes, h[:]), data[size:]
		}
		return hashes, nil
	}
	must(t, fsck.New(testOrigin, verifier, files, hasher, fsck.Opts{N: 2}).Check(t.Context()))
	v := view(t, dir, cfg)
	for _, c := range opened(t, verifier, seen) {
		must(t, v.Extends(c))
		proof, err := v.Consistency(c.Size)
		must(t, err)
		builder, err := client.NewProofBuilder(t.Context(), uint64(v.Size()), files.ReadTile)
		must(t, err)
		theirs, err := builder.ConsistencyProof(t.Context(), uint64(c.Size), uint64(v.Size()))
		must(t, err)
		if len(proof) != len(theirs) {
			t.Fatalf("%d and %d hashes", len(proof), len(theirs))
		}
		for i := range proof {
			if !bytes.Equal(proof[i][:], theirs[i]) {
				t.Errorf("proof from %d leaves: hash %d differs", c.Size, i)
			}
		}
	}
	for leaf := int64(0); leaf < v.Size(); leaf += 37 {
		b, err := readBundle(files.Root, leaf/tileWidth, v.Size())
		must(t, err)
		proof, err := v.Inclusion(leaf)
		must(t, err)
		must(t, tlog.CheckRecord(proof, v.Size(), v.Root(), leaf, tlog.RecordHash(b.leaf(int(leaf%tileWidth)))))
	}
}

func TestVerifyAgainstCheckpoints(t *testing.T) {
	dir, cfg, verifier, seen := signedLedger(t)
	checkpoints := opened(t, verifier, seen)
	r, err := Verify(t.Context(), dir, cfg, checkpoints...)
	must(t, err)
	if !r.OK() || r.Checkpoints != len(seen) || r.Disclosures == 0 {
		t.Errorf("%+v", r)
	}
	// Another ledger of the same origin is a fork; a shorter one was put back.
	other, otherCfg, _, _ := signedLedger(t)
	r, err = Verify(t.Context(), other, otherCfg, checkpoints[2])
	must(t, err)
	if len(r.Damage) != 1 || !strings.Contains(r.Damage[0].String(), "was written anew; leaves 0 to") {
		t.Errorf("fork: %v", r.Damage)
	}
	if err := view(t, other, otherCfg).Extends(checkpoints[2]); err == nil || !strings.Contains(err.Error(), "written anew") {
		t.Errorf("fork: %v", err)
	}
	longer := checkpoints[4]
	longer.Size += 100
	r, err = Verify(t.Context(), dir, cfg, longer)
	must(t, err)
	if len(r.Damage) != 1 || !strings.Contains(r.Damage[0].String(), "cut off or put back") {
		t.Errorf("rollback: %v", r.Damage)
	}
	if _, err := OpenCheckpoint(bytes.Replace(seen[0], []byte("\n"), []byte("x\n"), 1), testOrigin, note.VerifierList(verifier)); err == nil {
		t.Error("a checkpoint with another text is taken")
	}
}

// TestFlippedBits changes single bits anywhere: each is found, and of a leaf it is said
// which it is and of which hours.
func TestFlippedBits(t *testing.T) {
	dir, cfg, _, _ := signedLedger(t)
	rng := mathrand.New(mathrand.NewPCG(8, 9))
	size := must2(readState(dir))(t).Size
	var paths []string
	for _, p := range []string{"log/tile", "index", "state"} {
		must(t, filepath.WalkDir(filepath.Join(dir, p), func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && current(path, size) {
				paths = append(paths, path)
			}
			return err
		}))
	}
	for _, path := range paths {
		whole, err := os.ReadFile(path)
		must(t, err)
		for range 12 {
			at, bit := rng.IntN(len(whole)), rng.IntN(8)
			bent := bytes.Clone(whole)
			bent[at] ^= 1 << bit
			must(t, os.WriteFile(path, bent, 0o600))
			r, err := Verify(t.Context(), dir, cfg)
			if err != nil || r.OK() {
				t.Errorf("%s byte %d bit %d: not found (%v)", path, at, bit, err)
				continue
			}
			if strings.Contains(path, "entries") {
				inLeaf(t, r, path, whole, at, size)
			}
		}
		must(t, os.WriteFile(path, whole, 0o600))
	}
}

// current says whether a file belongs to the log of this size; older partial tiles don't.
func current(path string, size int64) bool {
	at := strings.Index(path, "tile"+string(filepath.Separator))
	if at < 0 || !strings.Contains(path, ".p") {
		return true
	}
	for level := -1; level < 3; level++ {
		n := size >> (tileHeight * max(level, 0))
		if path[at:] == tilePath(level, n/tileWidth, int(n%tileWidth)) {
			return true
		}
	}
	return false
}

// inLeaf checks that the damage names the leaf with that byte, and hours around its own.
func inLeaf(t *testing.T, r *Report, path string, whole []byte, at int, size int64) {
	t.Helper()
	var n int64
	_, digits, _ := strings.Cut(path, "entries"+string(filepath.Separator))
	_, err := fmt.Sscanf(digits, "%03d", &n)
	must(t, err)
	b, err := parseBundle(whole, int(min(tileWidth, size-n*tileWidth)))
	must(t, err)
	i, _ := slices.BinarySearch(b.start, at+1)
	leaf := n*tileWidth + int64(i-1)
	for _, d := range r.Damage {
		if d.First > leaf || leaf >= d.Until || strings.Contains(d.What, "index") {
			continue
		}
		var own block
		if decodeBlock(b.leaf(i-1), &own) == nil {
			hour := time.Unix(own.hour*3600, 0).UTC()
			if !d.From.IsZero() && d.From.After(hour) || !d.To.IsZero() && d.To.Before(hour.Add(time.Hour)) {
				t.Errorf("leaf %d of %s: hours in doubt %s to %s", leaf, hour, d.From, d.To)
			}
			if d.Principal != "" && d.Principal != own.principal {
				t.Errorf("leaf %d of %s: in doubt %s", leaf, own.principal, d.Principal)
			}
		}
		return
	}
	t.Errorf("leaf %d was changed, and the report says %v", leaf, r.Damage)
}

func must2[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T { must(t, err); return v }
}

// TestDamagedLog bends the write-ahead log where records were acknowledged: the rest is
// kept, and a gap says what is missing.
func TestDamagedLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	cfg := small(dir)
	l, err := Open(dir, cfg)
	must(t, err)
	for n := range 20 {
		give(t, l, "alice", noon.Add(time.Duration(n)*time.Second), uint64(n))
	}
	path := filepath.Join(dir, "wal", segmentName(l.wal.number))
	die(t, l)
	data, err := os.ReadFile(path)
	must(t, err)
	data[bytes.LastIndex(data, []byte("alice"))-400] ^= 1
	must(t, os.WriteFile(path, data, 0o600))
	r, err := Verify(t.Context(), dir, cfg)
	must(t, err)
	if len(r.Damage) != 1 || !strings.Contains(r.Damage[0].What, "up to 1 acknowledged records") {
		t.Errorf("verify: %v", r.Damage)
	}
	l = open(t, dir, cfg)
	must(t, l.Seal(t.Context()))
	v := view(t, dir, cfg)
	n, err := v.WhatRead(t.Context(), "alice", time.Time{}, far)
	must(t, err)
	if n.Len() != 19 || !slices.ContainsFunc(n.Gaps, func(g Gap) bool { return strings.Contains(g.Why, "is damaged") }) {
		t.Errorf("%d voters, gaps %v", n.Len(), n.Gaps)
	}
}

// TestIndexIsMadeAnew removes and damages parts of the index: answers stay the same.
func TestIndexIsMadeAnew(t *testing.T) {
	dir, cfg, _, _ := signedLedger(t)
	ask := func() string {
		v, err := OpenView(t.Context(), dir, cfg)
		must(t, err)
		defer v.Close()
		h, err := v.WhoRead(t.Context(), []byte("2003"), time.Time{}, far)
		must(t, err)
		return readers(h)
	}
	want := ask()
	names, err := listFiles(filepath.Join(dir, "index"), indexEnding)
	must(t, err)
	if len(names) < 3 || len(strings.Fields(want)) != 150 {
		t.Fatalf("%v, %d readings", names, len(strings.Fields(want)))
	}
	must(t, os.Remove(filepath.Join(dir, "index", names[1])))
	must(t, os.WriteFile(filepath.Join(dir, "index", names[2]), []byte("no index"), 0o600))
	if got := ask(); got != want {
		t.Errorf("without a part of the index: %s", got)
	}
	l := open(t, dir, cfg)
	must(t, l.Seal(context.Background()))
	must(t, l.Close())
	if got := ask(); got != want {
		t.Errorf("made anew: %s", got)
	}
}
