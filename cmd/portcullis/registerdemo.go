package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/ledger"
)

type registerDemoCommand struct {
	Voters int `help:"How many the invented register has." default:"20000"`
}

// Help teaches what the one-line help cannot.
func (registerDemoCommand) Help() string {
	return `Makes a small invented register in a PostgreSQL of its own, puts the guard before it, and lets a clerk and a thief read: the clerk works, the thief is stopped. Then it asks the ledger who read one voter's record and who is to be told. Everything is in a temporary folder, listens on 127.0.0.1 only, and is removed at the end.`
}

// demoAllowed is how many voters one clerk may read in a day.
const demoAllowed = 300

// demoPolicy is that of a small office.
const demoPolicy = `mode = "enforce"
group_size = 10
[[supervisor]]
name = "carol"
token_sha256 = "%s"
[[protected]]
relation = "public.voters"
key = "id"
[[role]]
name = "clerk"
[[purpose]]
name = "enquiry"
[[person]]
name = "alice"
role = "clerk"
[[person]]
name = "mallory"
role = "clerk"
[[budget]]
name = "each clerk"
per = "person"
role = "clerk"
day = %d
`

const demoRegister = `CREATE TABLE public.voters (id bigint PRIMARY KEY, given text NOT NULL, family text NOT NULL, born date NOT NULL, street text NOT NULL, house int NOT NULL);
INSERT INTO public.voters SELECT i, (ARRAY['Ada','Boris','Clara','Dmitri','Elsa','Farid','Greta','Hugo','Ines','Jonas','Kaya','Lena'])[1 + i * 7 %% 12],
 (ARRAY['Ahorn','Birke','Ceder','Distel','Eiche','Farn','Ginster','Hasel','Iris','Jasmin','Kiefer','Linde','Mohn'])[1 + i * 11 %% 13] || (ARRAY['','mann','berg','dal','ova'])[1 + i * 3 %% 5],
 date '1935-01-01' + (i::bigint * 7919 %% 26000)::int, (ARRAY['Mill','Station','Church','Harbour','Market'])[1 + i * 5 %% 5] || ' Street', 1 + i %% 90 FROM generate_series(1, %d) AS i;
CREATE ROLE alice LOGIN; CREATE ROLE mallory LOGIN; CREATE ROLE watcher LOGIN;
GRANT SELECT ON public.voters TO alice, mallory; GRANT SELECT (id) ON public.voters TO watcher;
ANALYZE public.voters`

// demo is one run.
type demo struct {
	out   io.Writer
	dir   string
	pg    *demoServer
	cfg   register.Config
	guard *register.Guard
}

// Run shows it.
func (c *registerDemoCommand) Run(ctx context.Context, std stdio) (err error) {
	if c.Voters < 1000 || c.Voters > 5_000_000 {
		return exitError{exitIncomplete, errors.New("the invented register has between 1,000 and 5,000,000 voters")}
	}
	d := &demo{out: std.out}
	if d.dir, err = os.MkdirTemp("", "portcullis-demo-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	d.say("Starting a PostgreSQL of its own with an invented register of %s voters, and the guard before it …", thousands(c.Voters))
	if d.pg, err = startPostgres(ctx, d.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.pg.stop()) }()
	if err := d.fill(ctx, c.Voters); err != nil {
		return err
	}
	stop, err := d.startGuard(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := d.play(ctx); err != nil {
		return err
	}
	if err := stop(); err != nil {
		return err
	}
	if err := d.verify(ctx); err != nil {
		return err
	}
	d.say("\nThe server is stopped and everything removed. docs/REGISTER.md tells how to put the guard before a register of yours.")
	return nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// fill makes the register.
func (d *demo) fill(ctx context.Context, voters int) error {
	conn, err := pgx.Connect(ctx, d.pg.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.PgConn().Exec(ctx, fmt.Sprintf(demoRegister, voters)).ReadAll()
	return err
}

// startGuard runs the guard before the server.
func (d *demo) startGuard(ctx context.Context) (stop func() error, err error) {
	token := sha256.Sum256([]byte("the demo's supervisor"))
	policy := filepath.Join(d.dir, "register.toml")
	if err := os.WriteFile(policy, fmt.Appendf(nil, demoPolicy, hex.EncodeToString(token[:]), demoAllowed), 0o600); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	d.cfg = register.DefaultConfig()
	d.cfg.Listen, d.cfg.Upstream = fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("127.0.0.1:%d", d.pg.port)
	d.cfg.Data, d.cfg.Keys, d.cfg.Policy, d.cfg.Catalogue = filepath.Join(d.dir, "data"), filepath.Join(d.dir, "keys"), policy, d.pg.url("watcher")
	if d.guard, err = register.Open(ctx, d.cfg, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- d.guard.Serve(serving) }()
	stop = sync.OnceValue(func() error { cancel(); return errors.Join(<-done, d.guard.Close()) })
	if err := d.await(ctx); err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

func (d *demo) await(ctx context.Context) error {
	for range 200 {
		if c, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.cfg.Listen); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.New("the guard does not listen")
}

// play is the story.
func (d *demo) play(ctx context.Context) error {
	clerk, err := d.connect(ctx, "alice")
	if err != nil {
		return err
	}
	defer func() { _ = clerk.Close(context.WithoutCancel(ctx)) }()
	d.say("\nalice, a clerk, looks up voters who write to the office:")
	for _, id := range []int64{4711, 815, 42} {
		var given, family string
		var born time.Time
		if err := clerk.QueryRow(ctx, `SELECT given, family, born FROM voters WHERE id = $1`, id%1000).Scan(&given, &family, &born); err != nil {
			return err
		}
		d.say("  SELECT … WHERE id = %d   →  %s %s, born %s", id%1000, given, family, born.Format(time.DateOnly))
	}
	if err := d.theft(ctx); err != nil {
		return err
	}
	var n int
	if err := clerk.QueryRow(ctx, `SELECT count(*) FROM (SELECT id FROM voters WHERE id IN (7, 8, 9)) AS few`).Scan(&n); err != nil {
		var refused *pgconn.PgError
		if !errors.As(err, &refused) {
			return err
		}
		d.say("\nalice counts three voters, which would tell of them without showing them:\n  %s: %s", refused.Code, refused.Message)
	}
	return d.answer(ctx)
}

func (d *demo) connect(ctx context.Context, user string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, fmt.Sprintf("postgres://%s@%s/postgres?sslmode=disable&application_name=desk/enquiry", user, d.cfg.Listen))
}

// theft lets the thief read until the guard stops it.
func (d *demo) theft(ctx context.Context) error {
	thief, err := d.connect(ctx, "mallory")
	if err != nil {
		return err
	}
	defer func() { _ = thief.Close(context.WithoutCancel(ctx)) }()
	d.say("\nmallory, with a clerk's password, takes the whole register:\n  SELECT * FROM voters ORDER BY id")
	rows, err := thief.Query(ctx, `SELECT * FROM voters ORDER BY id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	var stopped *pgconn.PgError
	if err := rows.Err(); !errors.As(err, &stopped) {
		return fmt.Errorf("the thief was not stopped after %d rows: %w", n, err)
	}
	d.say("  … %d rows, then %s: %s", n, stopped.Code, stopped.Message)
	if stopped.Hint != "" {
		d.say("    %s", stopped.Hint)
	}
	if n != demoAllowed {
		return fmt.Errorf("%d rows left and %d were allowed", n, demoAllowed)
	}
	d.say("Exactly the %d that a clerk may read in a day had left, each of them in the ledger before.", demoAllowed)
	return nil
}

// answer asks the ledger.
func (d *demo) answer(ctx context.Context) error {
	view, err := ledger.OpenView(ctx, d.cfg.LedgerDir(), d.cfg.LedgerConfig(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	defer func() { _ = view.Close() }()
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	d.say("\nportcullis register who-read 42")
	history, err := view.WhoRead(ctx, []byte("42"), from, to)
	if err != nil {
		return err
	}
	for _, r := range history.Readings {
		d.say("  %s  %s with %s for %s", r.Time.UTC().Format("2006-01-02 15:04"), printable(r.Principal), printable(r.Program), printable(r.Purpose))
	}
	told, err := view.WhatRead(ctx, "mallory", from, to)
	if err != nil {
		return err
	}
	d.say("\nportcullis register what-read mallory --export notify.csv   (two approvals, in earnest)")
	d.say("  %d voters are to be told. The first of them:", told.Len())
	shown := 0
	for key, err := range told.Voters() {
		if err != nil {
			return err
		}
		if shown++; shown > 5 {
			break
		}
		d.say("    voter %s", key)
	}
	return nil
}

// verify checks the ledger once the guard has closed it.
func (d *demo) verify(ctx context.Context) error {
	d.say("\nThe guard is stopped.\nportcullis register verify")
	report, err := ledger.Verify(ctx, d.cfg.LedgerDir(), d.cfg.LedgerConfig(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	if !report.OK() {
		return errors.New("the ledger does not verify")
	}
	d.say("  Leaves: %d, disclosures: %d. Every leaf agrees with the tree.", report.Leaves, report.Disclosures)
	d.say("\nFindings for the security team:")
	_, err = register.ReadSpool(filepath.Join(d.cfg.Data, "findings"), "", func(r register.Raised) error {
		d.say("  %s  %s", r.Finding.Rule, printable(r.Finding.Summary))
		return nil
	})
	return err
}
