package access

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/chain"
)

func witnessConfig(t testing.TB) WitnessConfig {
	c := DefaultConfig().Witness
	c.Dir, c.KeyFile = t.TempDir(), filepath.Join(t.TempDir(), "keys", "witness.key")
	return c
}

func lookAt(t testing.TB, d *desk, n int) {
	t.Helper()
	for range n {
		must(t, d.Allow(as(t, "Ida", api.Reader), SeeEvidence, Object{ID: "event:1", People: []Subject{ada}}, nil))
	}
}

func public(t testing.TB, c WitnessConfig) string {
	t.Helper()
	raw, err := os.ReadFile(c.KeyFile + ".pub")
	must(t, err)
	return string(raw)
}

// forge replaces the audit by another of n entries that is whole in itself.
func forge(t testing.TB, d *desk, n int) {
	t.Helper()
	for _, table := range []string{"chain_entry", "chain_head", "access_look"} {
		must(t, d.store.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `DELETE FROM `+table)
			return err
		}))
	}
	lookAt(t, d, n)
	_, err := VerifyAudit(t.Context(), d.store.DB())
	must(t, err)
}

func TestWitness(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, d *desk) {
		cfg := witnessConfig(t)
		w, err := NewWitness(cfg, nil, nil)
		must(t, err)
		must(t, w.Take(t.Context(), d.store.DB())) // nothing there yet
		for range 3 {
			lookAt(t, d, 2)
			must(t, w.Take(t.Context(), d.store.DB()))
			must(t, w.Take(t.Context(), d.store.DB())) // nothing new
		}
		must(t, d.store.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := chain.Append(t.Context(), tx, chain.Entry{Log: "assessment/../campaign:1", Who: "x", Kind: "y"})
			return err
		}))
		must(t, w.Take(t.Context(), d.store.DB()))
		found, err := CheckWitnessed(t.Context(), d.store.DB(), cfg.Dir, public(t, cfg))
		must(t, err)
		if len(found) != 2 || found[1].Log != Log || found[1].Checkpoints != 3 || found[1].Upto != 6 || found[0].Err != nil || found[1].Err != nil {
			t.Errorf("found %+v", found)
		}
		lookAt(t, d, 1)
		must(t, d.store.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE chain_entry SET who='Eve' WHERE log='audit' AND seq=7`)
			return err
		}))
		if err := w.Take(t.Context(), d.store.DB()); err == nil {
			t.Error("a changed entry is covered by a signature")
		}
		for _, n := range []int{4, 6, 9} { // cut off, as long, longer
			forge(t, d, n)
			found, err := CheckWitnessed(t.Context(), d.store.DB(), cfg.Dir, public(t, cfg))
			must(t, err)
			if broken, ok := errors.AsType[*chain.BrokenError](found[1].Err); !ok || broken.Log != Log {
				t.Errorf("forged with %d entries: %v", n, found[1].Err)
			}
			if err := w.Take(t.Context(), d.store.DB()); err == nil {
				t.Errorf("forged with %d entries: a checkpoint is signed", n)
			}
			again, err := NewWitness(cfg, nil, nil) // after a new start it knows by the folder
			must(t, err)
			if err := again.Take(t.Context(), d.store.DB()); err == nil {
				t.Errorf("forged with %d entries: a checkpoint is signed after a new start", n)
			}
		}
	})
}

func TestWitnessFolderIsChecked(t *testing.T) {
	d := newDesk(t, nil, sqliteConfig)
	cfg := witnessConfig(t)
	w, err := NewWitness(cfg, nil, nil)
	must(t, err)
	lookAt(t, d, 2)
	must(t, w.Take(t.Context(), d.store.DB()))
	name := filepath.Join(cfg.Dir, Log, "000000000002.note")
	good, err := os.ReadFile(name)
	must(t, err)
	for what, content := range map[string]string{"empty": "", "changed": strings.Replace(string(good), "\n2\n", "\n3\n", 1), "large": strings.Repeat("x", 100<<10)} {
		must(t, os.WriteFile(name, []byte(content), 0o600))
		found, err := CheckWitnessed(t.Context(), d.store.DB(), cfg.Dir, public(t, cfg))
		must(t, err)
		if found[0].Err == nil {
			t.Errorf("%s: is taken", what)
		}
	}
	if _, err := CheckWitnessed(t.Context(), d.store.DB(), cfg.Dir, "no key"); err == nil {
		t.Error("no key is a key")
	}
	must(t, os.WriteFile(name, good, 0o600))
	_, other, err := note.GenerateKey(rand.Reader, "x")
	must(t, err)
	found, err := CheckWitnessed(t.Context(), d.store.DB(), cfg.Dir, other)
	must(t, err)
	if found[0].Err == nil {
		t.Error("another key fits")
	}
}

func TestWitnessByURL(t *testing.T) {
	d := newDesk(t, nil, sqliteConfig)
	var got []string
	status := http.StatusServiceUnavailable
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got = append(got, string(raw))
		w.WriteHeader(status)
	}))
	defer server.Close()
	cfg := witnessConfig(t)
	cfg.URL = server.URL
	w, err := NewWitness(cfg, nil, nil)
	must(t, err)
	lookAt(t, d, 1)
	if w.Take(t.Context(), d.store.DB()) == nil {
		t.Error("an answer of 503 is taken")
	}
	status = http.StatusNoContent
	must(t, w.Take(t.Context(), d.store.DB())) // again, though the folder has it
	must(t, w.Take(t.Context(), d.store.DB()))
	if len(got) != 2 || got[0] != got[1] {
		t.Fatalf("got %q", got)
	}
	key, err := LoadWitnessKey(cfg.KeyFile, cfg.Name, false)
	must(t, err)
	head, err := chain.OpenCheckpoint([]byte(got[1]), note.VerifierList(key.Verifier))
	must(t, err)
	must(t, chain.Matches(t.Context(), d.store.DB(), head))
}

func TestWitnessRun(t *testing.T) {
	d := newDesk(t, nil, sqliteConfig)
	cfg := witnessConfig(t)
	w, err := NewWitness(cfg, nil, nil)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx, d.store.DB()) }()
	lookAt(t, d, 3)
	cancel()
	must(t, <-done)
	if _, err := os.Stat(filepath.Join(cfg.Dir, Log, "000000000003.note")); err != nil {
		t.Errorf("no last checkpoint: %v", err)
	}
}

func TestWitnessKey(t *testing.T) {
	cfg := witnessConfig(t)
	if _, err := LoadWitnessKey(cfg.KeyFile, "desk", false); err == nil {
		t.Error("a key that is not there is made without being asked")
	}
	a, err := LoadWitnessKey(cfg.KeyFile, "desk", true)
	must(t, err)
	b, err := LoadWitnessKey(cfg.KeyFile, "desk", true)
	must(t, err)
	info, err := os.Stat(cfg.KeyFile)
	must(t, err)
	if a.Public != b.Public || info.Mode().Perm() != 0o600 {
		t.Errorf("%q, %q, mode %v", a.Public, b.Public, info.Mode())
	}
	other := witnessConfig(t)
	_, err = LoadWitnessKey(other.KeyFile, "desk", true)
	must(t, err)
	must(t, os.WriteFile(cfg.KeyFile+".pub", []byte(public(t, other)), 0o600))
	if _, err := LoadWitnessKey(cfg.KeyFile, "desk", false); err == nil {
		t.Error("halves of two keys are one")
	}
	if w, err := NewWitness(DefaultConfig().Witness, nil, nil); w != nil || err != nil {
		t.Errorf("a witness nobody asked for: %v, %v", w, err)
	}
	if WriteSecret(cfg.KeyFile, "x") == nil {
		t.Error("a secret is written over")
	}
}

func BenchmarkProtect(b *testing.B) {
	d := newDesk(b, nil, sqliteConfig)
	var s session
	must(b, d.store.Tx(b.Context(), func(tx *sql.Tx) (err error) {
		s, err = d.begin(b.Context(), tx, api.Caller{Name: "Ada", Roles: []api.Role{api.Reader}}, "")
		return err
	}))
	h := d.Protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: plainCookie, Value: s.id})
	for b.Loop() {
		d.clock.pass(time.Second / sessionRate)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

func BenchmarkAllow(b *testing.B) {
	d := newDesk(b, nil, sqliteConfig)
	ctx := as(b, "Ida", api.Reader)
	for b.Loop() {
		must(b, d.Allow(ctx, SeeEvidence, Object{ID: "event:1", People: []Subject{ada}}, nil))
	}
}
