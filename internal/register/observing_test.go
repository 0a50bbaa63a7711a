//go:build unix

package register_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/register/pgtest"
)

// TestObservingWithoutStore: while the policy observes rows leave with the shared store away, and the ledger has them.
func TestObservingWithoutStore(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 1000)
	pg.PSQL(t, "postgres", "CREATE DATABASE guards")
	dir := t.TempDir()
	cfg := config(t, pg, dir, strings.Replace(testPolicy, `mode = "enforce"`, `mode = "observe"`, 1))
	cfg.SharedFile = filepath.Join(dir, "shared")
	if err := os.WriteFile(cfg.SharedFile, []byte(pg.URL("postgres", "guards")), 0o600); err != nil {
		t.Fatal(err)
	}
	o := open(t, pg, cfg)
	c := o.connect(t, "alice", "desk/enquiry")
	pg.PSQL(t, "postgres", "ALTER DATABASE guards WITH ALLOW_CONNECTIONS false")
	pg.PSQL(t, "postgres", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'guards'")
	got, err := ids(t, c, `SELECT id FROM voters WHERE id BETWEEN 100 AND 104`)
	if err != nil || len(got) != 5 {
		t.Fatalf("%v, %v", got, err)
	}
	o.checkLedger(t, "alice", got)
}
