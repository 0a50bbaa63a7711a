//go:build linux

package register_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/meter"
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
	small := smallDisk(t)
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

// smallDisk mounts one of 80 MB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=80m"); err != nil {
		if testenv.CI() && os.Getuid() == 0 {
			t.Fatalf("mount: %v; CI needs a small disk", err)
		}
		t.Skipf("needs to mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// TestLookUpsOnAFullDisk has many look up single voters when the ledger's disk fills: what was under way ends its session,
// for what follows the rows cannot be taken back; what comes later gets an error, and goes on once there is room. Whoever
// was given anything stands in the ledger.
func TestLookUpsOnAFullDisk(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 60_000)
	small := smallDisk(t)
	cfg := config(t, pg, t.TempDir(), unlimited+"[[person]]\nname = \"thief\"\nrole = \"clerk\"\n")
	cfg.Data = filepath.Join(small, "data")
	o := open(t, pg, cfg)
	bulk := o.connect(t, "thief", "desk")
	var ballast []string
	for n := 0; n < 400; n++ { // uses up what the log has claimed, but for some thousand look-ups
		ballast = append(ballast, fill(t, filepath.Join(small, "ballast"+strconv.Itoa(n))))
		room := roomInLog(t, o.cfg.LedgerDir())
		if room < 400<<10 {
			break
		}
		if _, err := ids(t, bulk, `SELECT id FROM voters WHERE id % 50000 <> 77 AND id < $1`, min(60_000, (room-200<<10)/8)); err != nil {
			t.Fatal(err)
		}
	}
	desks := make([]*lookingUp, 8)
	var all sync.WaitGroup
	for i := range desks {
		d := &lookingUp{conn: o.connect(t, "alice", "desk"), next: int64(i)}
		desks[i] = d
		all.Go(func() { d.until(t, func(err error) bool { return err != nil }) })
	}
	all.Wait()
	ended := 0
	for _, d := range desks {
		if d.ended(); d.fatal {
			ended++
		}
		if code(d.err) != "53100" {
			t.Errorf("a look-up: %v", d.err)
		}
	}
	if ended == 0 {
		t.Error("nothing was under way when the disk was full: this tests too little")
	}
	for _, path := range ballast {
		_ = os.Remove(path)
	}
	var got []int64
	for _, d := range desks {
		if !d.fatal {
			tries := 0
			d.until(t, func(err error) bool { tries++; time.Sleep(50 * time.Millisecond); return err == nil || tries > 200 })
			if d.err != nil {
				t.Errorf("a session that had only met an error, with room again: %v", d.err)
			}
		}
		got = append(got, d.got...)
	}
	t.Logf("%d of %d sessions ended, %d look-ups", ended, len(desks), len(got))
	o.checkLedger(t, "alice", got)
	left, err := o.guard.Meter().Left(t.Context(), meter.Subject{Person: "alice", Role: "clerk"}, time.Now())
	if err != nil || len(left) != 1 || left[0].Used != int64(len(got)) {
		t.Errorf("counted %+v, %v; %d have left", left, err, len(got))
	}
}

// roomInLog is how many bytes of the write-ahead log are there to be written.
func roomInLog(t *testing.T, dir string) (room int) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "wal", "*.wal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		used := len(bytes.TrimRight(raw, "\x00"))
		if room += len(raw) - used; used > 0 && name != names[len(names)-1] {
			room -= len(raw) - used // it was given up, or is full
		}
	}
	return room
}

// lookingUp is a session that looks up one voter after the other.
type lookingUp struct {
	conn  *pgx.Conn
	next  int64
	got   []int64 // what arrived
	err   error   // of the last
	fatal bool
}

// until looks up until it is enough.
func (d *lookingUp) until(t *testing.T, enough func(error) bool) {
	for d.err = nil; ; {
		if d.next += 8; d.next == 77 || d.next == 50_077 { // at risk
			continue
		}
		var got []int64
		got, d.err = ids(t, d.conn, `SELECT id FROM voters WHERE id = `+strconv.FormatInt(d.next, 10), pgx.QueryExecModeSimpleProtocol)
		d.got = append(d.got, got...)
		if enough(d.err) {
			return
		}
	}
}

// ended finds out whether the error ended the session.
func (d *lookingUp) ended() {
	var e *pgconn.PgError
	d.fatal = errors.As(d.err, &e) && e.Severity == "FATAL"
}
