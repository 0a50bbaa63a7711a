//go:build unix

package register_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/pgtest"
)

// allowedADay is how many voters a clerk may have in these tests.
const allowedADay = 5000

// loot is what a thief's sessions carried off together.
type loot struct {
	mu      sync.Mutex
	voters  map[int64]bool
	endings []string
}

func (l *loot) add(how string, err error, ids ...int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.voters[id] = true
	}
	if err != nil {
		l.endings = append(l.endings, how+": "+code(err))
	}
}

// TestScale has a register of a million. A thief copies it in every way there is, in several sessions at once, while a
// clerk works: the sessions together get exactly what one day allows, each is told so, the clerk notices nothing, and the list of
// those who must be told is exactly whose records left. tools/registerbench/scale.sh does the same with forty million.
func TestScale(t *testing.T) {
	pg := pgtest.Start(t, "synchronize_seqscans = off") // so that it is known whose rows come first
	began := time.Now()
	voters(t, pg, 1_000_000)
	t.Logf("loaded in %v", time.Since(began).Round(time.Millisecond))
	o := open(t, pg, config(t, pg, t.TempDir(), strings.Replace(testPolicy, "day = 300", "day = "+strconv.Itoa(allowedADay), 1)))

	ctx, done := context.WithCancel(t.Context())
	defer done()
	worked := make(chan error, 1)
	go func() { worked <- o.clerkWorks(ctx, t) }()
	began = time.Now()
	stolen := o.steal(t)
	t.Logf("the thief was stopped after %d voters and %v", len(stolen.voters), time.Since(began).Round(time.Millisecond))
	done()
	if err := <-worked; err != nil {
		t.Error("the clerk was disturbed:", err)
	}
	if len(stolen.voters) != allowedADay {
		t.Errorf("%d voters left, %d are allowed", len(stolen.voters), allowedADay)
	}
	for _, e := range stolen.endings {
		if !strings.HasSuffix(e, ": 53400") {
			t.Error("a session ended otherwise than by the budget:", e)
		}
	}
	if want := len(waysToSteal); len(stolen.endings) != want {
		t.Errorf("%d sessions were stopped, want %d: %v", len(stolen.endings), want, stolen.endings)
	}
	o.notify(t, stolen.voters)
}

// clerkWorks looks voters up until the context ends, at least a hundred.
func (o *office) clerkWorks(ctx context.Context, t *testing.T) error {
	c, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://alice@%s/postgres?sslmode=disable&application_name=desk/enquiry", o.cfg.Listen))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(context.Background()) }()
	slowest := time.Duration(0)
	for i := 0; i < 100 || i < 4000 && ctx.Err() == nil; i++ {
		began, id := time.Now(), int64(900_001+i*17)
		var got int64
		if err := c.QueryRow(t.Context(), `SELECT id FROM voters WHERE id = $1`, id).Scan(&got); err != nil || got != id {
			return fmt.Errorf("look-up %d of voter %d: %d, %w", i, id, got, err)
		}
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("the slowest of the clerk's look-ups took %v", slowest.Round(time.Microsecond))
	return nil
}

// waysToSteal each go on until they are stopped.
var waysToSteal = map[string]func(ctx context.Context, c *pgx.Conn, l *loot) error{
	"one big SELECT": func(ctx context.Context, c *pgx.Conn, l *loot) error {
		return l.drain(ctx, c, `SELECT * FROM voters WHERE id % 50000 <> 77 ORDER BY md5(name)`)
	},
	"without the key": func(ctx context.Context, c *pgx.Conn, l *loot) error {
		return l.drain(ctx, c, `SELECT name, born FROM voters WHERE id > 400000 AND id % 50000 <> 77`)
	},
	"COPY": func(ctx context.Context, c *pgx.Conn, l *loot) error {
		return l.copied(ctx, c, `COPY (SELECT * FROM voters WHERE id % 50000 <> 77) TO STDOUT`)
	},
	"pages": func(ctx context.Context, c *pgx.Conn, l *loot) error {
		for page := 0; ; page++ {
			if err := l.drain(ctx, c, `SELECT * FROM voters WHERE id > $1 AND id % 50000 <> 77 ORDER BY id LIMIT 40`, 100_000+page*40); err != nil {
				return err
			}
		}
	},
	"one by one": func(ctx context.Context, c *pgx.Conn, l *loot) error {
		for id := 200_100; ; id++ {
			if err := l.drain(ctx, c, `SELECT * FROM voters WHERE id = `+strconv.Itoa(id), pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
	},
	"a cursor": func(ctx context.Context, c *pgx.Conn, l *loot) error {
		tx, err := c.Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
		if _, err := tx.Exec(ctx, `DECLARE all_of_them CURSOR FOR SELECT * FROM voters WHERE id > 300000 AND id % 50000 <> 77 ORDER BY id`); err != nil {
			return err
		}
		for {
			if err := l.drain(ctx, c, `FETCH 100 FROM all_of_them`, pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
	},
}

// steal tries all ways at once.
func (o *office) steal(t *testing.T) *loot {
	l := &loot{voters: map[int64]bool{}}
	var all sync.WaitGroup
	for how, way := range waysToSteal {
		c := o.connect(t, "thief", "desk/enquiry")
		all.Go(func() { l.add(how, way(t.Context(), c, l)) })
	}
	all.Wait()
	return l
}

// named finds voters by their invented names, for rows that leave without a key.
var named = sync.OnceValue(func() map[string]int64 {
	m := map[string]int64{}
	for id := int64(400_000); id <= 410_000; id++ {
		m[fmt.Sprintf("Voter %x", md5.Sum(strconv.AppendInt(nil, id, 10)))] = id
	}
	return m
})

// drain takes every row that comes.
func (l *loot) drain(ctx context.Context, c *pgx.Conn, sql string, args ...any) error {
	rows, err := c.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return err
		}
		switch v := v[0].(type) {
		case int64:
			l.add("", nil, v)
		case string:
			l.add("", nil, named()[v])
		}
	}
	return rows.Err()
}

// copied reads the rows of a COPY.
func (l *loot) copied(ctx context.Context, c *pgx.Conn, sql string) error {
	r, w := io.Pipe()
	var read sync.WaitGroup
	read.Go(func() {
		for lines := bufio.NewScanner(r); lines.Scan(); {
			if id, err := strconv.ParseInt(string(bytes.Split(lines.Bytes(), []byte("\t"))[0]), 10, 64); err == nil {
				l.add("", nil, id)
			}
		}
	})
	_, err := c.PgConn().CopyTo(ctx, w, sql)
	_ = w.Close()
	read.Wait()
	return err
}

// notify has two supervisors export whose records the thief had, and compares with whose left.
func (o *office) notify(t *testing.T, left map[int64]bool) {
	t.Helper()
	began := time.Now()
	ask := register.Request{What: register.AskWhatRead, Person: "thief", Reason: "a copy was stopped", For: time.Hour}
	a, err := o.act(t, register.Act{Token: carolToken, Do: "request", Request: ask})
	if err != nil {
		t.Fatal(err)
	}
	look := register.Act{Token: carolToken, Do: "look", ID: a.ID, Person: "thief", Text: "what thief read", Request: register.Request{What: register.AskWhatRead}}
	if _, err := o.act(t, look); err == nil {
		t.Error("one supervisor alone could look")
	}
	if _, err := o.act(t, register.Act{Token: daveToken, Do: "approve", ID: a.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.act(t, look); err != nil {
		t.Fatal(err)
	}
	want := make([]string, 0, len(left))
	for id := range maps.Keys(left) {
		want = append(want, strconv.FormatInt(id, 10))
	}
	got := o.export(t)
	t.Logf("the list of %d was exported %v after it was asked for", len(got), time.Since(began).Round(time.Millisecond))
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d voters are to be told, %d records left; told in vain %v, not told %v", len(got), len(want), without(got, want), without(want, got))
	}
}

// without are the first few of a sorted list that another does not have.
func without(list, other []string) (few []string) {
	for _, v := range list {
		if _, found := slices.BinarySearch(other, v); !found && len(few) < 5 {
			few = append(few, v)
		}
	}
	return few
}

// export writes the list as the command does.
func (o *office) export(t *testing.T) []string {
	t.Helper()
	view, err := ledger.OpenView(t.Context(), o.cfg.LedgerDir(), o.cfg.LedgerConfig(quietLog()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = view.Close() }()
	told, err := view.WhatRead(t.Context(), "thief", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "to-be-told")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := told.Export(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, list, _ := strings.Cut(string(raw), "\n")
	if head != "voter" {
		t.Errorf("the list begins with %q", head)
	}
	return strings.Fields(list)
}
