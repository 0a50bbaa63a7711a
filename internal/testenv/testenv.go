// Package testenv finds what a test needs from outside the repository: the
// data folder and a PostgreSQL. Where it is missing a test skips with a
// message on a user's machine, and fails in CI, where nothing may be missing.
package testenv

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Data returns the path of elem below the folder that PORTCULLIS_TEST_DATA names.
func Data(t testing.TB, elem ...string) string {
	t.Helper()
	root := need(t, "PORTCULLIS_TEST_DATA", "the folder of test data")
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("test data: %v", err)
	}
	return path
}

// Postgres returns the address of a PostgreSQL server on which databases can be created.
func Postgres(t testing.TB) string {
	t.Helper()
	return need(t, "PORTCULLIS_TEST_POSTGRES", "the address (postgres://…) of a PostgreSQL for tests")
}

// Database makes a database on that server, drops it after the test, and returns its address.
func Database(t testing.TB) string {
	t.Helper()
	server := Postgres(t)
	name := "test_" + strings.ToLower(rand.Text())
	administer(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { administer(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	address, err := url.Parse(server)
	if err != nil {
		t.Fatalf("PORTCULLIS_TEST_POSTGRES: %v", err)
	}
	address.Path = "/" + name
	return address.String()
}

func administer(t testing.TB, server, statement string) {
	t.Helper()
	ctx := context.Background() // it has to work after the test, too
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}

// CI tells whether the tests run where nothing may be skipped.
func CI() bool { return os.Getenv("CI") != "" }

func need(t testing.TB, name, what string) string {
	t.Helper()
	value := os.Getenv(name)
	switch {
	case value != "":
		return value
	case CI():
		t.Fatalf("%s is unset: in CI it must name %s", name, what)
	default:
		t.Skipf("%s is unset; set it to %s to run this test", name, what)
	}
	return ""
}
