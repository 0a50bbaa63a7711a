package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// drain runs one statement and throws its rows away; it prints seconds and
// bytes. The bench script times large results with it.
func drain(ctx context.Context, address, text string) error {
	conn, err := pgconn.Connect(ctx, "postgres://"+address+"?sslmode=disable")
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	began := time.Now()
	var count counter
	if err := rowsOf(ctx, conn, text, &count); err != nil {
		return fmt.Errorf("run %q: %w", text, err)
	}
	fmt.Printf("%.3f %d\n", time.Since(began).Seconds(), count)
	return nil
}

// rowsOf reads a result, or the data of a COPY.
func rowsOf(ctx context.Context, conn *pgconn.PgConn, text string, count *counter) error {
	if strings.HasPrefix(text, "copy") {
		_, err := conn.CopyTo(ctx, count, text)
		return err
	}
	results := conn.Exec(ctx, text)
	for results.NextResult() {
		rows := results.ResultReader()
		for rows.NextRow() {
			for _, v := range rows.Values() {
				*count += counter(len(v))
			}
		}
	}
	return results.Close()
}

type counter int64

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }
