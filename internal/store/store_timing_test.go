package store

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"
)

// Each benchmark runs on both databases; on SQLite every commit is synced to the disk that
// TMPDIR names, on PostgreSQL to whatever the server's settings say.
func eachForm(b *testing.B, run func(b *testing.B, cfg Config)) {
	for _, form := range forms {
		b.Run(form.name, func(b *testing.B) { run(b, form.cfg(b)) })
	}
}

// BenchmarkOpen opens and closes a store that is up to date.
func BenchmarkOpen(b *testing.B) {
	eachForm(b, func(b *testing.B, cfg Config) {
		must(b, open(b, cfg).Close())
		b.ReportAllocs()
		var opening time.Duration
		for b.Loop() {
			start := time.Now()
			s, err := Open(context.Background(), cfg)
			opening += time.Since(start)
			must(b, err)
			must(b, s.Close())
		}
		b.ReportMetric(float64(opening.Microseconds())/float64(b.N), "µs/open")
	})
}

func BenchmarkCommit(b *testing.B) {
	for _, rows := range []int{1, 256} {
		b.Run(fmt.Sprint("rows=", rows), func(b *testing.B) {
			eachForm(b, func(b *testing.B, cfg Config) { benchmarkCommit(b, open(b, cfg), rows) })
		})
	}
}

func benchmarkCommit(b *testing.B, s *Store, rows int) {
	ctx := context.Background()
	n := 0
	for b.Loop() {
		must(b, s.Tx(ctx, func(tx *sql.Tx) error {
			insert, err := tx.PrepareContext(ctx, "INSERT INTO note (id, at, text) VALUES ($1, $2, $3)")
			if err != nil {
				return err
			}
			defer func() { _ = insert.Close() }()
			for range rows {
				n++
				if _, err := insert.ExecContext(ctx, fmt.Sprintf("event:%032d", n), n, "a line of text about it"); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkOutbox puts 256 messages in, takes them out and acknowledges them: three
// commits.
func BenchmarkOutbox(b *testing.B) {
	eachForm(b, func(b *testing.B, cfg Config) {
		s := open(b, cfg)
		ctx := context.Background()
		items := make([]Item, 256)
		for i := range items {
			items[i] = Item{Key: fmt.Sprintf("event:%032d", i), Payload: make([]byte, 200)}
		}
		for b.Loop() {
			must(b, s.Tx(ctx, func(tx *sql.Tx) error { return s.EnqueueAll(ctx, tx, "bench", items) }))
			got, err := s.Claim(ctx, "bench", "bench", len(items), time.Minute)
			must(b, err)
			must(b, s.Tx(ctx, func(tx *sql.Tx) error { return s.Ack(ctx, tx, ids(got)) }))
		}
		b.ReportMetric(float64(b.N*len(items))/b.Elapsed().Seconds(), "events/s")
	})
}

// BenchmarkBackup backs a store of 100,000 rows up and restores it.
func BenchmarkBackup(b *testing.B) {
	eachForm(b, func(b *testing.B, cfg Config) {
		s := open(b, cfg)
		ctx := context.Background()
		must(b, s.Tx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
				INSERT INTO note (id, at, text) SELECT 'event:' || i, i, 'a line of text about it' FROM n`)
			return err
		}))
		dir := b.TempDir()
		for i := 0; b.Loop(); i++ {
			must(b, s.Backup(ctx, fmt.Sprint(dir, "/", i)))
		}
		b.ReportMetric(float64(b.N*100_000)/b.Elapsed().Seconds(), "rows/s")
	})
}
