package pack_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/pack"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/testenv"
)

// onBoth runs a test on SQLite and, where there is one, on PostgreSQL.
func onBoth(t *testing.T, fn func(t *testing.T, s *store.Store)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, openStore(t, storeConfig(t))) })
	t.Run("postgres", func(t *testing.T) {
		cfg := storeConfig(t)
		cfg.URL, cfg.Dir = testenv.Database(t), ""
		fn(t, openStore(t, cfg))
	})
}

func storeConfig(t testing.TB) store.Config {
	return store.Config{Dir: t.TempDir(), Migrations: []store.Migrations{{Context: "pack", FS: pack.Migrations()}}}
}

func openStore(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func write(t testing.TB, s *store.Store, fn func(w *pack.Writer) error) {
	t.Helper()
	must(t, s.Tx(t.Context(), func(tx *sql.Tx) error { return fn(pack.NewWriter(tx)) }))
}

func TestTrust(t *testing.T) {
	key, other := newKey(t, "cert.example"), newKey(t, "cert.example.org")
	onBoth(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		write(t, s, func(w *pack.Writer) error {
			for range 2 { // a second time changes nothing but the note
				if _, err := w.Trust(ctx, key.verifier+"\n", "by telephone", "anna", during); err != nil {
					return err
				}
			}
			_, err := w.Trust(ctx, other.verifier, "", "anna", during)
			return err
		})
		list, err := pack.NewReader(s.DB()).Issuers(ctx)
		must(t, err)
		equal(t, "issuers", len(list), 2)
		equal(t, "how", list[0].Note, "by telephone")
		known, err := pack.NewReader(s.DB()).Trusted(ctx)
		must(t, err)
		read(t, makePack(t, options(key), "domain:tracker-q7x.example").Bytes, known)
		for _, bad := range []string{"", "nobody", "cert"} {
			err := s.Tx(ctx, func(tx *sql.Tx) error {
				_, err := pack.NewWriter(tx).Distrust(ctx, bad)
				return err
			})
			if err == nil {
				t.Errorf("%q was removed", bad)
			}
		}
		write(t, s, func(w *pack.Writer) error {
			_, err := w.Distrust(ctx, "cert.example+")
			return err
		})
		list, err = pack.NewReader(s.DB()).Issuers(ctx)
		must(t, err)
		equal(t, "issuers", len(list), 1)
	})
}

func TestProgressIsKept(t *testing.T) {
	key := newKey(t, "cert.example")
	p := read(t, makePack(t, options(key), "domain:tracker-q7x.example = words", "subject:interview request: sanctions").Bytes, key.known)
	onBoth(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		write(t, s, func(w *pack.Writer) error {
			return errors.Join(w.Keep(ctx, p, "anna", during), w.Keep(ctx, p, "boris", during))
		})
		values := func(yield func(pack.Value, error) bool) {
			for _, text := range []string{"domain:a.tracker-q7x.example", "domain:other-q7x.example", "subject:interview request: sanctions"} {
				if !yield(pack.Value{Observable: observed(text)}, nil) {
					return
				}
			}
		}
		for range 2 {
			tester := remembered(t, s, p)
			must(t, tester.Run(ctx, values, func(b pack.Batch) error {
				return s.Tx(ctx, func(tx *sql.Tx) error { return pack.NewWriter(tx).Commit(ctx, p.ID, b, during) })
			}))
		}
		r := pack.NewReader(s.DB())
		marks, err := r.Tested(ctx, p.ID)
		must(t, err)
		equal(t, "tested", len(marks), 4)
		found, err := r.Matches(ctx, p.ID)
		must(t, err)
		equal(t, "found", len(found), 2)
		write(t, s, func(w *pack.Writer) error {
			return errors.Join(w.Settle(ctx, p.ID, found[0].Mark, pack.TooWide, "too wide"), w.Finish(ctx, p.ID, during))
		})
		again, err := r.Matches(ctx, p.ID)
		must(t, err)
		equal(t, "state", again[0].State, pack.TooWide)
		equal(t, "why", again[0].Why, "too wide")
		equal(t, "the other", again[1].State, pack.New)
		kept, err := r.Kept(ctx)
		must(t, err)
		equal(t, "who", kept[0].Who, "anna")
		equal(t, "finished", kept[0].Finished, during)
		equal(t, "bytes", string(kept[0].Raw), string(p.Bytes()))
		write(t, s, func(w *pack.Writer) error { return w.Forget(ctx, until) })
		marks, err = r.Tested(ctx, p.ID)
		must(t, err)
		equal(t, "tested, once expired", len(marks), 0)
	})
}

func remembered(t *testing.T, s *store.Store, p *pack.Pack) *pack.Tester {
	t.Helper()
	r := pack.NewReader(s.DB())
	marks, err := r.Tested(t.Context(), p.ID)
	must(t, err)
	found, err := r.Matches(t.Context(), p.ID)
	must(t, err)
	var matches []pack.Match
	for _, f := range found {
		matches = append(matches, f.Match)
	}
	tester := pack.NewTester(p, 1)
	tester.Remember(marks, matches)
	for _, m := range matches { // what was found before is known without hashing
		got, err := tester.Test(t.Context(), m.Pattern)
		must(t, err)
		equal(t, "remembered", len(got), 1)
		equal(t, "its text", got[0].Text, m.Text)
	}
	return tester
}

// TestOneDraw demands that the same question is not answered with fresh noise.
func TestOneDraw(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		draw := func(count int, epsilon float64, exact int) (text string, again bool) {
			write(t, s, func(w *pack.Writer) (err error) {
				text, again, err = w.Receipted(t.Context(), pack.Receipt{Pack: "pack:1", Digest: "00", Count: count, Epsilon: epsilon, Made: time.Now()}, exact, "anna")
				return err
			})
			return text, again
		}
		first, _ := draw(7, 1, 5)
		second, again := draw(3, 1, 5)
		equal(t, "second", second, first)
		equal(t, "again", again, true)
		if third, again := draw(9, 1, 6); third == first || again {
			t.Error("a count that has changed was not drawn anew")
		}
		draw(5, 0, 5)
		n, err := pack.NewReader(s.DB()).Receipts(t.Context(), "pack:1")
		must(t, err)
		equal(t, "draws", n, 2)
	})
}
