//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"portcullis.example/portcullis/internal/register/pgtest"
)

// guarded is a register with the guard before it, as `portcullis serve` runs it.
type guarded struct {
	pg                       *pgtest.Server
	dir, config, token, addr string
	stop                     func()
}

const guardedPolicy = `mode = "enforce"
[[supervisor]]
name = "carol"
token_sha256 = "%s"
[[protected]]
relation = "public.voters"
key = "id"
[[role]]
name = "clerk"
[[person]]
name = "alice"
role = "clerk"
[[budget]]
name = "each clerk"
per = "person"
day = 300
`

func guardRegister(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{pg: pgtest.Start(t), dir: t.TempDir()}
	g.pg.PSQL(t, "postgres", `CREATE TABLE public.voters (id bigint PRIMARY KEY, surname text, given text, born date, street text);
INSERT INTO public.voters SELECT 100000 + i * 13, 'Fam' || chr(97 + i % 26) || chr(97 + i / 26 % 26), 'Given' || chr(97 + i % 23), date '1940-01-01' + i * 7 % 22000, 'Street ' || chr(65 + i % 20) FROM generate_series(1, 3000) AS i;
CREATE ROLE alice LOGIN; CREATE ROLE watcher LOGIN; GRANT SELECT ON public.voters TO alice; GRANT SELECT (id) ON public.voters TO watcher`)
	write := func(name, text string) string {
		path := filepath.Join(g.dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	g.token = write("carol.token", "the token of carol\n")
	sum := sha256.Sum256([]byte("the token of carol"))
	write("policy.toml", fmt.Sprintf(guardedPolicy, hex.EncodeToString(sum[:])))
	write("db", g.pg.URL("postgres", "postgres"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	g.addr = l.Addr().String()
	must(t, l.Close())
	g.config = write("portcullis.toml", fmt.Sprintf("[register]\nlisten = %q\nupstream = %q\npolicy = \"policy.toml\"\ndata = \"guard\"\ncatalogue = %q\n", g.addr, g.pg.Addr(), g.pg.URL("watcher", "postgres")))
	g.serve(t)
	return g
}

// serve runs the guard until the test ends or stop is called.
func (g *guarded) serve(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var said bytes.Buffer
	done := make(chan int, 1)
	go func() { done <- run(ctx, []string{"--config", g.config, "serve"}, stdio{nil, &said, &said}) }()
	ended := false
	g.stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("the guard ended with %d: %s", code, said.String())
		}
	}
	t.Cleanup(func() {
		g.stop()
		debug.SetMemoryLimit(math.MaxInt64) // the guard sets one, for its process
	})
	for range 600 {
		if c, err := net.Dial("tcp", g.addr); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the guard does not listen")
}

// portcullis runs a command beside the guard.
func (g *guarded) portcullis(t *testing.T, args ...string) (out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), append([]string{"--config", g.config}, args...), stdio{nil, &stdout, &stderr}); code != 0 {
		t.Fatalf("%s: status %d\n%s%s", strings.Join(args, " "), code, stdout.String(), stderr.String())
	}
	return stdout.String()
}

func (g *guarded) extract(t *testing.T, name, reason string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	must(t, err)
	g.portcullis(t, "register", "extract", "--for", "Printers", "--name", name, "--reason", reason, "--from", "public.voters",
		"--database-file", filepath.Join(g.dir, "db"), "--to", id.Recipient().String(), "--out", filepath.Join(g.dir, name+".age"), "--token-file", g.token, "--one-in", "100")
}

// TestExtractBesideGuard makes an extract while the guard runs and holds the ledger: each of its voters can be
// told at once, and after the guard has stopped too.
func TestExtractBesideGuard(t *testing.T) {
	g := guardRegister(t)
	g.extract(t, "cards", "polling cards, "+strings.Repeat("by a very long paragraph, ", 15))
	asked := func(voter string) string {
		return g.portcullis(t, "register", "who-read", voter, "--reason", "she asks", "--token-file", g.token)
	}
	for _, voter := range []string{"100013", "139000"} {
		if out := asked(voter); !strings.Contains(out, "Printers") || !strings.Contains(out, "register extract") || !strings.Contains(out, "polling cards") {
			t.Errorf("who read %s, while the guard runs: %s", voter, out)
		}
	}
	if out := asked("100014"); strings.Contains(out, "Printers") {
		t.Errorf("a number that is nobody's was given out: %s", out)
	}
	if out := g.portcullis(t, "register", "verify"); !strings.Contains(out, "3,000 disclosures") || !strings.Contains(out, "at the latest") {
		t.Errorf("verify, before anything is sealed: %s", out)
	}
	g.stop()
	if out := asked("100013"); !strings.Contains(out, "Printers") {
		t.Errorf("after the guard has stopped: %s", out)
	}
	if out := g.portcullis(t, "register", "verify"); !strings.Contains(out, " 3000 disclosures, 1 checkpoint agreed") {
		t.Errorf("verify, after the guard has stopped: %s", out)
	}
	g.damageCheckpoint(t)
}

// damageCheckpoint changes a letter of the checkpoint that lies in the ledger, which verifying has to find.
func (g *guarded) damageCheckpoint(t *testing.T) {
	t.Helper()
	path := filepath.Join(g.dir, "guard", "ledger", "log", "checkpoint")
	raw, err := os.ReadFile(path)
	must(t, err)
	raw[len(raw)/2] ^= 1
	must(t, os.WriteFile(path, raw, 0o600))
	var out bytes.Buffer
	if code := run(t.Context(), []string{"--config", g.config, "register", "verify"}, stdio{nil, &out, &out}); code == 0 || !strings.Contains(out.String(), "DAMAGE: the ledger's own checkpoint") {
		t.Errorf("a damaged checkpoint: status %d\n%s", code, out.String())
	}
}

// TestExtractWithoutToken: the guard takes no extract from who is no supervisor, and then there is none.
func TestExtractWithoutToken(t *testing.T) {
	g := guardRegister(t)
	other := filepath.Join(g.dir, "other.token")
	must(t, os.WriteFile(other, []byte("somebody's"), 0o600))
	id, err := age.GenerateX25519Identity()
	must(t, err)
	var out bytes.Buffer
	code := run(t.Context(), []string{"--config", g.config, "register", "extract", "--for", "P", "--reason", "r", "--from", "public.voters",
		"--database-file", filepath.Join(g.dir, "db"), "--to", id.Recipient().String(), "--out", filepath.Join(g.dir, "x.age"), "--token-file", other}, stdio{nil, &out, &out})
	if _, err := os.Stat(filepath.Join(g.dir, "x.age")); code == 0 || err == nil || !strings.Contains(out.String(), "no supervisor") {
		t.Errorf("status %d, %v: %s", code, err, out.String())
	}
}

// TestHoneyPlantedLater: voters that are planted, or go out with an extract, while the guard runs are looked for
// without a restart.
func TestHoneyPlantedLater(t *testing.T) {
	g := guardRegister(t)
	planted := g.portcullis(t, "register", "honey", "plant", "--for", "Press", "--name", "view", "--from", "public.voters", "--database-file", filepath.Join(g.dir, "db"), "--count", "3")
	rows, err := csv.NewReader(strings.NewReader(planted)).ReadAll()
	must(t, err)
	if len(rows) != 4 {
		t.Fatalf("planted: %s", planted)
	}
	id := rows[1][0]
	g.pg.PSQL(t, "postgres", "INSERT INTO public.voters (id, surname) VALUES ("+id+", 'x')") // as in a view
	conn, err := pgx.Connect(t.Context(), "postgres://alice@"+g.addr+"/postgres?sslmode=disable&application_name=desk")
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), "SELECT id, surname FROM voters WHERE id = "+id)
	must(t, err)
	if out := g.portcullis(t, "register", "findings"); !strings.Contains(out, "register/honey@1") || !strings.Contains(out, "the extract view for Press") {
		t.Errorf("the honey voter left unnoticed: %s", out)
	}
	g.extract(t, "later", "a second copy")
	honey := filepath.Join(g.dir, "register-keys", "honey")
	if list := g.portcullis(t, "register", "honey", "list"); !strings.Contains(list, "later") {
		t.Errorf("%s has %s", honey, list)
	}
}
