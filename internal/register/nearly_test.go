//go:build unix

package register_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portcullis.example/portcullis/internal/register/pgtest"
)

// TestNearly: who has used four fifths of a budget is told so in the session, once each time it comes to that, and not while
// the policy observes.
func TestNearly(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 2000)
	for _, mode := range []string{"enforce", "observe"} {
		o := open(t, pg, config(t, pg, t.TempDir(), strings.Replace(testPolicy, `mode = "enforce"`, fmt.Sprintf("mode = %q", mode), 1)))
		var told []string
		cfg, err := pgx.ParseConfig(fmt.Sprintf("postgres://alice@%s/postgres?sslmode=disable&application_name=desk/enquiry", o.cfg.Listen))
		if err != nil {
			t.Fatal(err)
		}
		cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { told = append(told, n.Severity+" "+n.Code+" "+n.Message) }
		c, err := pgx.ConnectConfig(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		read := func(from, to int, protocol pgx.QueryExecMode) {
			t.Helper()
			if got, err := ids(t, c, `SELECT id FROM voters WHERE id BETWEEN $1 AND $2`, protocol, from, to); err != nil || len(got) != to-from+1 {
				t.Fatalf("%s: %d to %d: %d rows, %v", mode, from, to, len(got), err)
			}
		}
		read(1001, 1239, pgx.QueryExecModeSimpleProtocol)
		if len(told) > 0 {
			t.Errorf("%s: told too early: %q", mode, told)
		}
		read(1230, 1245, pgx.QueryExecModeExec)
		read(1246, 1260, pgx.QueryExecModeSimpleProtocol)
		want := `NOTICE 00000 register guard: 245 of the 300 voters that the budget "each clerk" allows person alice each day have been given out, so 55 are left; SHOW portcullis.left lists all budgets`
		switch {
		case mode == "observe" && len(told) > 0:
			t.Errorf("while observing, the client is told %q", told)
		case mode == "enforce" && (len(told) != 1 || told[0] != want):
			t.Errorf("told %q, want once %q", told, want)
		}
		_ = c.Close(t.Context())
		o.stop()
	}
}
