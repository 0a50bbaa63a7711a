//go:build unix

package register_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/pgtest"
)

// guardProcess names the configuration that this test binary runs a guard with, instead of tests.
const guardProcess = "REGISTER_TEST_GUARD"

func TestMain(m *testing.M) {
	if raw := os.Getenv(guardProcess); raw != "" {
		if err := runGuard(raw); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func runGuard(raw string) error {
	var cfg register.Config
	if err := json.Unmarshal([]byte(raw), &cfg); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	g, err := register.Open(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if err := g.Serve(ctx); err != nil {
		return err
	}
	return g.Close()
}

// start runs a guard as a process of its own.
func start(t testing.TB, cfg register.Config) *exec.Cmd {
	t.Helper()
	raw, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), guardProcess+"="+string(raw))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// kills is how many random points the guard is killed at: a few here, all of them with
// PORTCULLIS_TEST_KILLS=200.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("PORTCULLIS_TEST_KILLS")); err == nil {
		return n
	}
	return 6
}

// seen is what clients were given.
type seen struct {
	mu     sync.Mutex
	voters map[int64]bool
}

// TestKill kills the guard at random points while clients read, with kill -9. Every voter that any client
// was given stands in the ledger; not one left unlogged.
func TestKill(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 200_000)
	cfg := config(t, pg, t.TempDir(), unlimited)
	got := &seen{voters: map[int64]bool{}}
	for i := range kills() {
		cmd := start(t, cfg)
		(&office{cfg: cfg}).await(t)
		ctx, stop := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		for c := range 3 {
			clients.Go(func() { got.read(ctx, cfg, uint64(i*10+c)) })
		}
		time.Sleep(time.Duration(rand.IntN(int(400 * time.Millisecond))))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		stop()
		clients.Wait()
		got.check(t, cfg)
	}
	t.Logf("%d kills, %d voters had left, all in the ledger", kills(), len(got.voters))
	if len(got.voters) == 0 {
		t.Error("nothing was read between the kills")
	}
}

const unlimited = `
[[protected]]
relation = "public.voters"
key = "id"
[[role]]
name = "clerk"
[[person]]
name = "alice"
role = "clerk"
[[budget]]
name = "b"
per = "person"
day = 100000000
`

// read reads until the guard is gone, in look-ups and in bulk.
func (s *seen) read(ctx context.Context, cfg register.Config, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	c, err := pgx.Connect(ctx, fmt.Sprintf("postgres://alice@%s/postgres?sslmode=disable", cfg.Listen))
	if err != nil {
		return
	}
	defer func() { _ = c.Close(context.Background()) }()
	for ctx.Err() == nil {
		from := rng.IntN(190_000)
		rows, err := c.Query(ctx, `SELECT id, name FROM voters WHERE id >= $1 ORDER BY id LIMIT $2`, from, []int{1, 30, 3000}[rng.IntN(3)])
		if err != nil {
			return
		}
		for rows.Next() {
			if v, err := rows.Values(); err == nil {
				s.mu.Lock()
				s.voters[v[0].(int64)] = true
				s.mu.Unlock()
			}
		}
		if rows.Err() != nil {
			return
		}
	}
}

func (s *seen) check(t *testing.T, cfg register.Config) {
	t.Helper()
	view, err := ledger.OpenView(t.Context(), cfg.LedgerDir(), cfg.LedgerConfig(quietLog()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = view.Close() }()
	told, err := view.WhatRead(t.Context(), "alice", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]bool{}
	for key, err := range told.Voters() {
		if err != nil {
			t.Fatal(err)
		}
		in[key] = true
	}
	for v := range s.voters {
		if !in[strconv.FormatInt(v, 10)] {
			t.Fatalf("voter %d had left and is not in the ledger", v)
		}
	}
}

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
