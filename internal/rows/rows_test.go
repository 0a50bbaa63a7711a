package rows_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/rows"
)

// within runs fn in a transaction of an empty database.
func within(t *testing.T, schema string, fn func(tx *rows.Tx)) {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	r := rows.New(tx)
	defer r.Close()
	fn(r)
}

// TestInsert: however many rows, each goes in once and what is there stays.
func TestInsert(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 31, 32, 33, 100} {
		within(t, `CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)`, func(tx *rows.Tx) {
			if _, err := tx.Exec(t.Context(), "row", `INSERT INTO t (a, b) VALUES ($1,$2)`, 2, "old"); err != nil {
				t.Fatal(err)
			}
			var values []any
			for i := range n {
				values = append(values, i, fmt.Sprint("new", i))
			}
			added, err := tx.Insert(t.Context(), "rows", `INSERT INTO t (a, b) VALUES `, ` ON CONFLICT DO NOTHING`, 2, values)
			want := n
			if n > 2 {
				want--
			}
			if err != nil || int(added) != want {
				t.Errorf("%d rows: %d added, %v; want %d", n, added, err, want)
			}
			list, err := rows.Strings(tx.QueryContext(t.Context(), `SELECT b FROM t WHERE a<>2 ORDER BY a`))
			if err != nil || len(list) != want || len(list) > 0 && list[len(list)-1] != fmt.Sprint("new", max(n-1, 0)) && n != 3 {
				t.Errorf("%d rows: %v, %v", n, list, err)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	within(t, `CREATE TABLE t (a INTEGER PRIMARY KEY)`, func(tx *rows.Tx) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := tx.Exec(ctx, "row", `INSERT INTO t (a) VALUES (1)`); err == nil {
			t.Error("a statement ran after the end")
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT 1`).Scan(&n); err == nil {
			t.Error("a query ran after the end")
		}
	})
}

// TestCounter: no number comes twice, though what is left of a block is lost.
func TestCounter(t *testing.T) {
	const schema = `CREATE TABLE t (num INTEGER PRIMARY KEY); CREATE TABLE c (next INTEGER NOT NULL); CREATE VIEW v AS SELECT next AS id FROM c;`
	within(t, schema+`INSERT INTO t VALUES (7)`, func(tx *rows.Tx) {
		last := int64(7)
		for range 3 {
			counter := rows.Counter{View: "v", Table: "c", Rows: "t"}
			for range rows.Block + 5 {
				n, err := counter.Next(t.Context(), tx)
				if err != nil || n <= last {
					t.Fatalf("%d after %d, %v", n, last, err)
				}
				last = n
			}
		}
	})
}

func TestKey(t *testing.T) {
	for _, id := range []portcullis.ID{portcullis.NewID("event", "x"), "event:x", "event:ABCDEFABCDEFABCDEFABCDEFABCDEFAB", "", "0123456789abcdef"} {
		if got := rows.ID(rows.Key(id)); got != id {
			t.Errorf("%q came back as %q", id, got)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("short"))
	f.Add(bytes.Repeat([]byte("long enough to be compressed "), 50))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := rows.Unpack(rows.Pack(b))
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("%q came back as %q, %v", b, got, err)
		}
		_, _ = rows.Unpack(b) // anything: no panic
	})
}

// What was stored stays readable, whatever becomes of the library and the dictionary:
// these are values as earlier builds wrote them.
func TestStoredForms(t *testing.T) {
	sum := sha256.Sum256(rows.Dictionary1)
	if got := hex.EncodeToString(sum[:]); got != "c0df39a97dc37f0fe1b1c3c34dba00923af090ce9538ca3da906355009fbf34f" {
		t.Errorf("the first dictionary has changed (%s): whatever was stored with it is lost", got)
	}
	want := strings.Repeat(`{"event":"event:00","part":"header:Subject","start":1,"end":2,"note":"+16 prizes: PRIZES"},`, 4)
	for form, stored := range map[string]string{
		"without": "01ec02207b226576656e74223a0908203a3030222c227061720112486865616465723a5375626a656374222c22737405199c312c22656e64223a322c226e6f7465223a222b3136207072697a65733a205052495a4553227d2c7b0953115b1500fa",
		"first":   "02ec023e4a01043030392c346865616465723a5375626a656374393900312d3926f822442b3136207072697a65733a205052495a45534a2c0b115b1500ec104553227d2c",
	} {
		body, err := hex.DecodeString(stored)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := rows.Unpack(body); err != nil || string(got) != want {
			t.Errorf("%s dictionary: %q, %v", form, got, err)
		}
	}
}

// Values of every size come back, those beyond the dictionary's reach as well.
func TestPackSizes(t *testing.T) {
	for _, size := range []int{0, 1, 255, 256, 4096, 64 << 10, 64<<10 + 1, 1 << 20} {
		raw := []byte(strings.Repeat(`{"rule":"mail/wording@1","attention":"ordinary"} `, size/49+1)[:size])
		if got, err := rows.Unpack(rows.Pack(raw)); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%d bytes: %d came back, %v", size, len(got), err)
		}
	}
}
