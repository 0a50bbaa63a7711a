//go:build unix

package register_test

import (
	"fmt"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/pgtest"
	"portcullis.example/portcullis/internal/register/wire"
)

// BenchmarkLookUp is what the guard itself does for a small look-up while it observes: the statement judged, its one row
// counted, recorded and released; without the gateway and PostgreSQL.
func BenchmarkLookUp(b *testing.B) {
	pg := pgtest.Start(b)
	voters(b, pg, 100_000)
	cfg := config(b, pg, b.TempDir(), strings.NewReplacer("enforce", "observe", "day = 300", "day = 1000000000", "year = 20000", "year = 1000000000", "statements_per_hour = 5000", "statements_per_hour = 1000000000").Replace(testPolicy))
	cfg.LogBehind = true
	g, err := register.Open(b.Context(), cfg, quietLog())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = g.Close() })
	s, err := g.Begin(b.Context(), wire.Start{User: "alice", Database: "postgres", Application: "desk/enquiry", Reported: map[string]string{"standard_conforming_strings": "on", "client_encoding": "UTF8"}})
	if err != nil {
		b.Fatal(err)
	}
	s.(wire.Leaver).Leaves(func() {})
	texts := make([]string, 4096)
	for i := range texts {
		texts[i] = fmt.Sprintf("SELECT name FROM voters WHERE id = %d;", 1+i*7919%100_000)
	}
	var keys wire.Keys
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d, err := s.Statement(b.Context(), texts[i%len(texts)], true)
		if err != nil {
			b.Fatal(err)
		}
		r := &d.Results[0]
		keys.Reset(len(r.KeyColumns))
		keys.AppendInt(int64(1 + i*7919%100_000))
		for range len(r.KeyColumns) - 1 { // whether the entry is anonymous
			keys.AppendInt(0)
		}
		if n, err := s.Release(b.Context(), r, &keys); n != 1 || err != nil {
			b.Fatal(n, err)
		}
		f := s.(wire.Follower)
		f.Completed(r, "SELECT 1")
		f.Ready('I')
		s.(wire.Teller).Tell()
		i++
	}
}
