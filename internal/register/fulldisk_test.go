//go:build linux

package register_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/pgtest"
	"portcullis.example/portcullis/internal/testenv"
)

// TestFullDisk has the ledger's disk full: no row leaves, the client is told so with a SQLSTATE of its own,
// the guard lives, and an emergency keeps the ledger elsewhere.
func TestFullDisk(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 60_000)
	supervisors, _, _ := strings.Cut(testPolicy, "[[protected]]")
	cfg := config(t, pg, t.TempDir(), supervisors+unlimited)
	cfg.SecondLedger = t.TempDir()
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=80m"); err != nil {
		if testenv.CI() && os.Getuid() == 0 {
			t.Fatalf("mount: %v; CI needs a small disk", err)
		}
		t.Skipf("needs to mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) })
	cfg.Data = filepath.Join(small, "data")
	o := open(t, pg, cfg)
	c := o.connect(t, "alice", "desk")
	ballast := fill(t, filepath.Join(small, "ballast"))
	var left []int64
	var err error
	for range 400 { // the log uses up what it had claimed before
		var got []int64
		if got, err = ids(t, c, `SELECT id, name FROM voters WHERE id % 50000 <> 77`); err != nil {
			left = append(left, got...)
			break
		}
		left = got
	}
	if code(err) != "53100" {
		t.Fatalf("with a full disk: %v", err)
	}
	if got, err := ids(t, c, `SELECT id FROM voters WHERE id = 2`); len(got) != 0 || code(err) != "53100" {
		t.Errorf("a single row with a full disk: %v %v", got, err)
	}
	o.elsewhere(t)
	_ = os.Remove(ballast)
	if _, err := o.act(t, register.Act{Token: daveToken, Do: "end-emergency"}); err != nil {
		t.Error(err)
	}
	var again []int64
	for range 100 { // the ledger goes on by itself once what waits has been sealed
		if again, err = ids(t, c, `SELECT id FROM voters WHERE id = 2`); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil || len(again) != 1 {
		t.Errorf("with room again: %v, %v", again, err)
	}
	o.checkLedger(t, "alice", append(left, 2))
}

func fill(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	block := make([]byte, 64<<10)
	for len(block) > 0 {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	return path
}

// elsewhere declares the emergency with the disk full, and reads.
func (o *office) elsewhere(t *testing.T) {
	a, err := o.act(t, register.Act{Token: carolToken, Do: "request", Request: register.Request{What: register.AskEmergency, Reason: "polling day, the disk is full", For: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.act(t, register.Act{Token: daveToken, Do: "approve", ID: a.ID}); err != nil {
		t.Fatal(err)
	}
	c := o.connect(t, "alice", "desk")
	got, err := ids(t, c, `SELECT id, name FROM voters WHERE id % 50000 <> 77`)
	if err != nil || len(got) < 59_000 {
		t.Fatalf("in the emergency: %d, %v", len(got), err)
	}
	cfg := o.cfg.LedgerConfig(quietLog())
	cfg.Keys = filepath.Join(o.cfg.SecondLedger, "keys")
	view, err := ledger.OpenView(t.Context(), filepath.Join(o.cfg.SecondLedger, "ledger"), cfg)
	if err != nil {
		t.Fatal("the second ledger:", err)
	}
	defer func() { _ = view.Close() }()
	told, err := view.WhatRead(t.Context(), "alice", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil || told.Len() != len(got) {
		t.Errorf("the second ledger names %d voters, %v", told.Len(), err)
	}
}
