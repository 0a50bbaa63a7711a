package chain_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/testenv"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// databases are the two that every case must pass on.
var databases = map[string]func(t testing.TB) store.Config{"sqlite": sqliteConfig, "postgres": postgresConfig}

func sqliteConfig(t testing.TB) store.Config {
	return store.Config{Dir: t.TempDir(), Migrations: []store.Migrations{{Context: "chain", FS: chain.Migrations()}}}
}

// postgresConfig is a database of its own.
func postgresConfig(t testing.TB) store.Config {
	cfg := sqliteConfig(t)
	cfg.URL, cfg.Dir = testenv.Database(t), ""
	return cfg
}

// onBoth runs a case on each database.
func onBoth(t *testing.T, fn func(t *testing.T, s *store.Store)) {
	for name, cfg := range databases {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), cfg(t))
			must(t, err)
			t.Cleanup(func() { must(t, s.Close()) })
			fn(t, s)
		})
	}
}

func add(t testing.TB, s *store.Store, e chain.Entry) (stored chain.Entry) {
	t.Helper()
	must(t, s.Tx(context.Background(), func(tx *sql.Tx) (err error) {
		stored, err = chain.Append(t.Context(), tx, e)
		return err
	}))
	return stored
}

func execute(t testing.TB, s *store.Store, statement string, args ...any) {
	t.Helper()
	must(t, s.Tx(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), statement, args...)
		return err
	}))
}

func entry(n int) chain.Entry {
	return chain.Entry{Log: "audit", Time: time.Date(2026, 1, 2, 3, 4, n, 5006, time.UTC), Who: "Ada Ngata",
		Kind: "look", Subject: fmt.Sprintf("event:%d", n%3), Body: json.RawMessage(fmt.Sprintf(`{"n": %d, "t": "ü<"}`, n))}
}

func fill(t testing.TB, s *store.Store, n int) (last chain.Entry) {
	t.Helper()
	must(t, s.Tx(context.Background(), func(tx *sql.Tx) (err error) {
		for i := range n {
			if last, err = chain.Append(t.Context(), tx, entry(i)); err != nil {
				return err
			}
		}
		return nil
	}))
	return last
}

func TestAppendAndRead(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		last := fill(t, s, 1203)
		other := add(t, s, chain.Entry{Log: "notices", Who: "x", Kind: "y"})
		if other.Seq != 1 || other.Body != nil || other.BodyHash != "" || other.Time.IsZero() {
			t.Errorf("got %+v", other)
		}
		head, err := chain.Verify(t.Context(), s.DB(), "audit")
		must(t, err)
		if head.Seq != 1203 || head.Hash != last.Hash {
			t.Errorf("head is %+v, the last entry %+v", head, last)
		}
		list, err := chain.Entries(t.Context(), s.DB(), "audit", 1201, 100)
		must(t, err)
		want := entry(1202)
		if len(list) != 2 || string(list[1].Body) != string(want.Body) || !list[1].Time.Equal(want.Time.Truncate(time.Microsecond)) || list[1].Hash != last.Hash {
			t.Errorf("got %+v", list)
		}
		newest, err := chain.Latest(t.Context(), s.DB(), "audit", 0, 2)
		must(t, err)
		about, err := chain.About(t.Context(), s.DB(), "audit", "event:1", 5)
		must(t, err)
		if len(newest) != 2 || newest[0].Seq != 1203 || len(about) != 5 || about[0].Subject != "event:1" || about[0].Seq < about[1].Seq {
			t.Errorf("newest %+v, about %+v", newest, about)
		}
		at, err := chain.At(t.Context(), s.DB(), "audit", 3, 1000, 7, 99999)
		must(t, err)
		if len(at) != 3 || at[0].Seq != 1000 || at[2].Seq != 3 {
			t.Errorf("at: %+v", at)
		}
		heads, err := chain.Heads(t.Context(), s.DB())
		must(t, err)
		if len(heads) != 2 || heads[0] != head {
			t.Errorf("heads are %+v", heads)
		}
		empty, err := chain.Verify(t.Context(), s.DB(), "nothing")
		must(t, err)
		if empty.Seq != 0 {
			t.Errorf("an empty log has head %+v", empty)
		}
	})
}

// TestTampering changes one thing each and wants the entry named.
func TestTampering(t *testing.T) {
	cases := []struct {
		name, statement string
		seq             int64
	}{
		{"who", `UPDATE chain_entry SET who='nobody' WHERE seq=3`, 3},
		{"time", `UPDATE chain_entry SET time=time+1 WHERE seq=3`, 3},
		{"subject", `UPDATE chain_entry SET subject='' WHERE seq=1`, 1},
		{"body", `UPDATE chain_entry SET body='{}' WHERE seq=3`, 3},
		{"body and no salt", `UPDATE chain_entry SET body='{}', salt=NULL WHERE seq=3`, 3},
		{"body hash", `UPDATE chain_entry SET body=NULL, body_hash='' WHERE seq=3`, 3},
		{"hash", `UPDATE chain_entry SET hash=body_hash WHERE seq=3`, 3},
		{"taken out", `DELETE FROM chain_entry WHERE seq=3`, 3},
		{"cut off", `DELETE FROM chain_entry WHERE seq>=3`, 3},
		{"first gone", `DELETE FROM chain_entry WHERE seq=1`, 1},
		{"renumbered", `UPDATE chain_entry SET seq=seq+10 WHERE seq=5`, 5},
		{"moved to another log", `UPDATE chain_entry SET log='other' WHERE seq=3`, 3},
		{"head gone", `DELETE FROM chain_head`, 5},
		{"head of another", `UPDATE chain_head SET hash='00'`, 5},
		{"head ahead", `UPDATE chain_head SET seq=9`, 6},
	}
	onBoth(t, func(t *testing.T, s *store.Store) {
		for _, c := range cases {
			execute(t, s, `DELETE FROM chain_entry`)
			execute(t, s, `DELETE FROM chain_head`)
			fill(t, s, 5)
			execute(t, s, c.statement)
			_, err := chain.Verify(t.Context(), s.DB(), "audit")
			if broken, ok := errors.AsType[*chain.BrokenError](err); !ok || broken.Seq != c.seq {
				t.Errorf("%s: got %v, want entry %d to be named", c.name, err, c.seq)
			}
		}
	})
}

func TestErase(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		fill(t, s, 9)
		before, err := chain.Verify(t.Context(), s.DB(), "audit")
		must(t, err)
		var bySubject, one, byTime int64
		must(t, s.Tx(t.Context(), func(tx *sql.Tx) (err error) {
			if bySubject, err = chain.Erase(t.Context(), tx, "audit", "event:1"); err != nil {
				return err
			}
			if one, err = chain.EraseEntry(t.Context(), tx, "audit", 9); err != nil {
				return err
			}
			byTime, err = chain.EraseBefore(t.Context(), tx, "audit", entry(2).Time)
			return err
		}))
		after, err := chain.Verify(t.Context(), s.DB(), "audit")
		must(t, err)
		if bySubject != 3 || one != 1 || byTime != 1 || after != before {
			t.Errorf("erased %d, %d and %d; head was %v and is %v", bySubject, one, byTime, before, after)
		}
		list, err := chain.Entries(t.Context(), s.DB(), "audit", 1, 1)
		must(t, err)
		if !list[0].Erased() || list[0].Salt != "" {
			t.Errorf("got %+v", list[0])
		}
	})
}

// TestConcurrentAppend wants no entry lost and none twice.
func TestConcurrentAppend(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				for i := range 10 {
					if err := s.Tx(context.Background(), func(tx *sql.Tx) error {
						_, err := chain.Append(context.Background(), tx, entry(i))
						return err
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		head, err := chain.Verify(t.Context(), s.DB(), "audit")
		must(t, err)
		if head.Seq != 60 {
			t.Errorf("got %d entries, want 60", head.Seq)
		}
	})
}

func TestAppendRefuses(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		for name, change := range map[string]func(e *chain.Entry){
			"no log":         func(e *chain.Entry) { e.Log = "" },
			"no who":         func(e *chain.Entry) { e.Who = "" },
			"no kind":        func(e *chain.Entry) { e.Kind = "" },
			"line in log":    func(e *chain.Entry) { e.Log = "a\nb" },
			"NUL":            func(e *chain.Entry) { e.Subject = "a\x00b" },
			"not UTF-8":      func(e *chain.Entry) { e.Who = "\xff" },
			"long":           func(e *chain.Entry) { e.Who = strings.Repeat("x", 2000) },
			"body no JSON":   func(e *chain.Entry) { e.Body = json.RawMessage("x") },
			"body empty":     func(e *chain.Entry) { e.Body = json.RawMessage{} },
			"body too large": func(e *chain.Entry) { e.Body = json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`) },
		} {
			e := entry(1)
			change(&e)
			if err := s.Tx(t.Context(), func(tx *sql.Tx) error {
				_, err := chain.Append(t.Context(), tx, e)
				return err
			}); err == nil {
				t.Errorf("%s: appended", name)
			}
		}
		if head, err := chain.Verify(t.Context(), s.DB(), "audit"); err != nil || head.Seq != 0 {
			t.Errorf("a refused entry left %v, %v", head, err)
		}
	})
}

func signer(t testing.TB) (note.Signer, note.Verifiers) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, "desk.parliament.example")
	must(t, err)
	s, err := note.NewSigner(private)
	must(t, err)
	v, err := note.NewVerifier(public)
	must(t, err)
	return s, note.VerifierList(v)
}

// TestCheckpointFindsWhatVerifyCannot writes a log anew, correct in itself, and cuts one off.
func TestCheckpointFindsWhatVerifyCannot(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		sign, known := signer(t)
		fill(t, s, 7)
		head, err := chain.Verify(t.Context(), s.DB(), "audit")
		must(t, err)
		msg, err := chain.Checkpoint(head, sign)
		must(t, err)
		seen, err := chain.OpenCheckpoint(msg, known)
		must(t, err)
		if seen != head {
			t.Fatalf("signed %v, opened %v", head, seen)
		}
		add(t, s, entry(8))
		must(t, chain.Matches(t.Context(), s.DB(), seen))
		for _, length := range []int{3, 9} {
			execute(t, s, `DELETE FROM chain_entry`)
			execute(t, s, `DELETE FROM chain_head`)
			fill(t, s, length) // other salts, so other hashes
			if _, err := chain.Verify(t.Context(), s.DB(), "audit"); err != nil {
				t.Fatalf("the forged log is not even whole: %v", err)
			}
			err := chain.Matches(t.Context(), s.DB(), seen)
			if broken, ok := errors.AsType[*chain.BrokenError](err); !ok || broken.Seq != 7 {
				t.Errorf("with %d entries: got %v", length, err)
			}
		}
	})
}

func TestCheckpointRefuses(t *testing.T) {
	sign, known := signer(t)
	_, strangers := signer(t)
	head := chain.Head{Log: "audit", Seq: 2, Hash: strings.Repeat("ab", 32)}
	msg, err := chain.Checkpoint(head, sign)
	must(t, err)
	if _, err := chain.OpenCheckpoint(msg, strangers); err == nil {
		t.Error("a stranger's signature is taken")
	}
	if _, err := chain.OpenCheckpoint([]byte(strings.Replace(string(msg), "\n2\n", "\n3\n", 1)), known); err == nil {
		t.Error("a changed checkpoint is taken")
	}
	for _, h := range []chain.Head{{Log: "audit"}, {Log: "audit", Seq: 1, Hash: "zz"}, {Seq: 1, Hash: head.Hash}, {Log: "a\nb", Seq: 1, Hash: head.Hash}} {
		if _, err := chain.Checkpoint(h, sign); err == nil {
			t.Errorf("%+v is signed", h)
		}
	}
	for _, text := range []string{"x\n1\ny\n", "portcullis/chain/a\n01\n" + strings.Repeat("A", 43) + "=\n", "portcullis/chain/a\n1\nAA==\n", "portcullis/chain/a\n1\n"} {
		signed, err := note.Sign(&note.Note{Text: text}, sign)
		must(t, err)
		if _, err := chain.OpenCheckpoint(signed, known); err == nil {
			t.Errorf("%q is taken for a checkpoint", text)
		}
	}
}

// FuzzOpenCheckpoint wants what is opened to be what would be signed.
func FuzzOpenCheckpoint(f *testing.F) {
	sign, known := signer(f)
	f.Add("audit", int64(3), "portcullis/chain/audit\n3\n"+strings.Repeat("A", 43)+"=\n")
	f.Fuzz(func(t *testing.T, log string, seq int64, text string) {
		_, _ = chain.OpenCheckpoint([]byte(text), known)
		signed, err := note.Sign(&note.Note{Text: text}, sign)
		if err != nil {
			return
		}
		head, err := chain.OpenCheckpoint(signed, known)
		if err != nil {
			return
		}
		again, err := chain.Checkpoint(head, sign)
		if err != nil || string(again) != string(signed) {
			t.Errorf("%q opens as %+v, which signs as %q (%v)", text, head, again, err)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	s, err := store.Open(b.Context(), sqliteConfig(b))
	must(b, err)
	defer func() { must(b, s.Close()) }()
	e := entry(1)
	must(b, s.Tx(b.Context(), func(tx *sql.Tx) error {
		for b.Loop() {
			if _, err := chain.Append(b.Context(), tx, e); err != nil {
				return err
			}
		}
		return nil
	}))
}

func BenchmarkVerify(b *testing.B) {
	s, err := store.Open(b.Context(), sqliteConfig(b))
	must(b, err)
	defer func() { must(b, s.Close()) }()
	fill(b, s, 10_000)
	for b.Loop() {
		if _, err := chain.Verify(b.Context(), s.DB(), "audit"); err != nil {
			b.Fatal(err)
		}
	}
}
