//go:build unix

package register_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/pgtest"
	"portcullis.example/portcullis/internal/testenv"
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

// wait waits for a random point: most often while rows leave, at times while the guard starts or nobody has read yet.
func (k *killed) wait(got *seen, first bool) {
	phase := k.rng.IntN(8)
	if phase == 0 && !first {
		time.Sleep(time.Duration(k.rng.Int64N(int64(1500 * time.Millisecond))))
		return
	}
	for range 1200 {
		if c, err := net.Dial("tcp", k.cfg.Listen); err == nil {
			_ = c.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	for n := 0; phase > 1 && n < 2000 && got.len() == 0; n++ {
		time.Sleep(2 * time.Millisecond)
	}
	time.Sleep(time.Duration(k.rng.Int64N(int64(300 * time.Millisecond))))
}

// start runs a guard as a process of its own.
func start(cfg register.Config) (*exec.Cmd, error) {
	raw, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), guardProcess+"="+string(raw)), os.Stderr
	return cmd, cmd.Start()
}

// kills is how many random points the guard is killed at: 200 in CI, where that takes some minutes.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("PORTCULLIS_TEST_KILLS")); err == nil {
		return n
	}
	if testenv.CI() {
		return 200
	}
	return 16
}

// lanes are guards that are killed beside each other, each with its own ledger: a guard that starts waits for its disk
// most of the time.
const lanes = 4

// TestKill kills the guard at random points while clients read, with kill -9: also while it starts, and takes up what
// the one before left behind. Every voter that any client was given stands in the ledger; not one left unlogged. Each
// guard has a clerk of its own, so that what an earlier one wrote speaks for nobody.
func TestKill(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 200_000)
	n := (kills() + lanes - 1) / lanes
	var roles, people strings.Builder
	for i := range n {
		fmt.Fprintf(&roles, "CREATE ROLE reader%d LOGIN; GRANT SELECT ON public.voters TO reader%[1]d;", i)
		fmt.Fprintf(&people, "[[person]]\nname = \"reader%d\"\nrole = \"clerk\"\n", i)
	}
	pg.PSQL(t, "postgres", roles.String())
	var all sync.WaitGroup
	var given, idle atomic.Int64
	for lane := range lanes {
		seed := rand.Uint64()
		t.Logf("lane %d has the seed %d", lane, seed)
		k := &killed{cfg: config(t, pg, t.TempDir(), unlimited+people.String()), rng: rand.New(rand.NewPCG(seed, uint64(lane)))}
		all.Go(func() {
			for i := range n {
				left, err := k.once(t.Context(), i)
				if err != nil {
					t.Errorf("lane %d, kill %d: %v", lane, i, err)
					return
				}
				if given.Add(int64(left)); left == 0 {
					idle.Add(1)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d kills, %d of them before anything had left; %d voters had left, all in the ledger", lanes*n, idle.Load(), given.Load())
	if given.Load() == 0 {
		t.Error("nothing was read between the kills")
	}
}

// killed is a guard that is killed again and again.
type killed struct {
	cfg register.Config
	rng *rand.Rand
}

// seen is what clients were given.
type seen struct {
	mu     sync.Mutex
	voters map[int64]bool
}

func (s *seen) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.voters)
}

// once starts the guard, has three clients read, kills it, and compares what they were given with the ledger.
func (k *killed) once(ctx context.Context, i int) (left int, err error) {
	cmd, err := start(k.cfg)
	if err != nil {
		return 0, err
	}
	got := &seen{voters: map[int64]bool{}}
	reading, stop := context.WithCancel(ctx)
	var clients sync.WaitGroup
	for c := range 3 {
		seed := k.rng.Uint64()
		clients.Go(func() { got.read(reading, k.cfg.Listen, fmt.Sprint("reader", i), seed+uint64(c)) })
	}
	k.wait(got, i == 0)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	stop()
	clients.Wait()
	return len(got.voters), got.check(ctx, k.cfg, fmt.Sprint("reader", i))
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
func (s *seen) read(ctx context.Context, address, user string, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	var c *pgx.Conn
	for c == nil { // the guard is starting
		var err error
		if c, err = pgx.Connect(ctx, fmt.Sprintf("postgres://%s@%s/postgres?sslmode=disable", user, address)); err != nil {
			if c = nil; ctx.Err() != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
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

func (s *seen) check(ctx context.Context, cfg register.Config, who string) error {
	view, err := ledger.OpenView(ctx, cfg.LedgerDir(), cfg.LedgerConfig(quietLog()))
	if err != nil {
		return err
	}
	defer func() { _ = view.Close() }()
	told, err := view.WhatRead(ctx, who, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		return err
	}
	in := map[string]bool{}
	for key, err := range told.Voters() {
		if err != nil {
			return err
		}
		in[key] = true
	}
	for v := range s.voters {
		if !in[strconv.FormatInt(v, 10)] {
			return fmt.Errorf("voter %d had left to %s and is not in the ledger", v, who)
		}
	}
	return nil
}
