//go:build unix

package register

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/register/lineage"
	"portcullis.example/portcullis/internal/register/meter"
	"portcullis.example/portcullis/internal/register/pgtest"
)

// TestRefreshKeepsPolicy: the catalogue is read again while a policy comes into force; it is not the old one that
// statements are judged by afterwards.
func TestRefreshKeepsPolicy(t *testing.T) {
	pg := pgtest.Start(t)
	pg.PSQL(t, "postgres", `CREATE TABLE public.voters (id bigint PRIMARY KEY)`)
	dir := t.TempDir()
	cfg := DefaultConfig()
	cfg.Listen, cfg.Upstream, cfg.Catalogue = "127.0.0.1:0", pg.Addr(), pg.URL("postgres", "postgres")
	cfg.Data, cfg.Keys, cfg.Policy = filepath.Join(dir, "data"), filepath.Join(dir, "keys"), filepath.Join(dir, "register.toml")
	policy := "mode = \"enforce\"\n[[protected]]\nrelation = \"public.voters\"\nkey = \"id\"\n"
	if err := os.WriteFile(cfg.Policy, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = g.Close() }()
	next, err := meter.Load(cfg.Policy)
	if err != nil {
		t.Fatal(err)
	}
	g.refreshMu.Lock()
	now := *g.known.Load()
	now.read = time.Now().Add(-time.Hour)
	g.known.Store(&now)
	done := make(chan bool)
	go func() {
		done <- g.retry(t.Context(), []lineage.Plan{{Refusal: &lineage.Refusal{Retry: true}}})
	}()
	time.Sleep(100 * time.Millisecond) // for it to wait; where it does not yet, this finds nothing
	reloaded := *g.known.Load()
	reloaded.policy = next
	g.known.Store(&reloaded)
	g.refreshMu.Unlock()
	if !<-done {
		t.Fatal("the catalogue was not read again")
	}
	if g.known.Load().policy != next {
		t.Error("the policy that was in force before has come back")
	}
}
