//go:build unix

package register_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.example/portcullis/internal/register"
	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/pgtest"
	"portcullis.example/portcullis/internal/testenv"
)

// clerksDay is how many voters each of these clerks may read in a day.
const clerksDay = 50

// clientsPolicy has a clerk for each client.
func clientsPolicy(clerks ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `mode = "enforce"
[[protected]]
relation = "public.voters"
key = "id"
[[protected]]
relation = "public.pgbench_accounts"
key = "aid"
[[role]]
name = "clerk"
[[purpose]]
name = "enquiry"
[[program]]
name = "desk"
[[budget]]
name = "each clerk"
per = "person"
day = %d
`, clerksDay)
	for _, c := range clerks {
		fmt.Fprintf(&b, "[[person]]\nname = %q\nrole = \"clerk\"\n", c)
	}
	return b.String()
}

// locked is a PostgreSQL that wants TLS and SCRAM, and the guard before it with PostgreSQL's own certificate.
type locked struct {
	*office
	cert, key string
}

const clientPassword = "correct horse"

func lockedRegister(t *testing.T, clerks ...string) *locked {
	t.Helper()
	pg := pgtest.Start(t)
	voters(t, pg, 60_000)
	l := &locked{}
	l.cert, l.key = certificate(t, pg)
	var sql strings.Builder
	fmt.Fprintf(&sql, "ALTER SYSTEM SET ssl_cert_file = '%s'; ALTER SYSTEM SET ssl_key_file = '%s'; ALTER SYSTEM SET ssl = on;", l.cert, l.key)
	for _, statement := range strings.Split(strings.TrimSuffix(sql.String(), ";"), ";") { // not within one transaction
		pg.PSQL(t, "postgres", statement)
	}
	sql.Reset()
	for _, c := range clerks {
		fmt.Fprintf(&sql, "CREATE ROLE %s LOGIN PASSWORD '%s'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO %[1]s;", c, clientPassword)
	}
	pg.PSQL(t, "postgres", sql.String())
	pgbench := exec.Command(pg.Client("pgbench"), "-i", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(pg.Port), "-U", "postgres", "postgres")
	if out, err := pgbench.CombinedOutput(); err != nil {
		t.Fatalf("pgbench -i: %v\n%s", err, out)
	}
	pg.PSQL(t, "postgres", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+strings.Join(clerks, ", "))
	hba := "local all all trust\nhost all postgres,watcher all trust\nhostssl all all all scram-sha-256\nhost all psqlplain all scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(pg.Dir, "data", "pg_hba.conf"), []byte(hba), 0o600); err != nil {
		t.Fatal(err)
	}
	pg.PSQL(t, "postgres", "SELECT pg_reload_conf()")
	cfg := config(t, pg, t.TempDir(), clientsPolicy(clerks...))
	cfg.CertFile, cfg.KeyFile = l.cert, l.key
	cfg.UpstreamTLS, cfg.UpstreamCAFile, cfg.UpstreamName = "verify-full", l.cert, "localhost"
	l.office = open(t, pg, cfg)
	return l
}

// certificate makes a pair that PostgreSQL may read and so may the guard.
func certificate(t *testing.T, pg *pgtest.Server) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	write := func(kind string, b []byte) string {
		path := filepath.Join(pg.Dir, fmt.Sprintf("server-%d.%s", time.Now().UnixNano(), strings.ToLower(strings.ReplaceAll(kind, " ", "-"))))
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		if u, err := user.Lookup("postgres"); err == nil && os.Geteuid() == 0 {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			_ = os.Chown(path, uid, gid)
		}
		return path
	}
	return write("CERTIFICATE", der), write("PRIVATE KEY", raw)
}

// has skips where a program is missing on a user's machine. In CI it has to be there.
func has(t *testing.T, command ...string) {
	t.Helper()
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		if testenv.CI() {
			t.Fatalf("CI needs what %q asks for: %v\n%s", command, err, out)
		}
		t.Skipf("not installed: %s", strings.Join(command, " "))
	}
}

// dsn is how libpq's clients come in: TLS, the certificate checked, and bound to the password.
func (l *locked) dsn(who, more string) string {
	host, port, _ := net.SplitHostPort(l.cfg.Listen)
	return fmt.Sprintf("host=localhost hostaddr=%s port=%s dbname=postgres user=%s password='%s' application_name=desk/enquiry sslmode=verify-full sslrootcert=%s channel_binding=require %s", host, port, who, clientPassword, l.cert, more)
}

// run runs a client and returns what it printed.
func run(t *testing.T, command ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	return string(out), err
}

// day is what a clerk of testdata/clients was given: five by look-up, twenty in batches, and of the bulk
// as many as were left.
func day() (all []int64) {
	for _, span := range [][2]int64{{1000, 1004}, {1100, 1119}, {2000, 2024}} {
		for id := span[0]; id <= span[1]; id++ {
			all = append(all, id)
		}
	}
	return all
}

// checkDay: the ledger has exactly what a clerk was given, with the program and the purpose; not one more.
func (l *locked) checkDay(t *testing.T, who string) {
	t.Helper()
	l.checkLedger(t, who, day())
	view, err := ledger.OpenView(t.Context(), l.cfg.LedgerDir(), l.cfg.LedgerConfig(quietLog()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = view.Close() }()
	h, err := view.WhoRead(t.Context(), []byte("1003"), time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range h.Readings {
		if r.Principal == who && r.Program == "desk" && r.Purpose == "enquiry" && r.Statement != 0 {
			return
		}
	}
	t.Errorf("who read 1003: %+v; want %s with desk for enquiry", h.Readings, who)
}

// TestRealClients has other people's clients before the whole guard, enforcing, over TLS, with SCRAM bound to the
// channel: what they may read arrives, what they may not is refused so that they understand
// it, and the ledger has exactly what they were given.
func TestRealClients(t *testing.T) {
	l := lockedRegister(t, "psql", "psycopg2", "psycopg3", "node", "gopher", "bench", "dumper", "psqlplain")
	t.Run("psql", func(t *testing.T) { l.psql(t) })
	t.Run("psycopg2", func(t *testing.T) { l.python(t, "psycopg2", "psycopg2") })
	t.Run("psycopg", func(t *testing.T) { l.python(t, "psycopg3", "psycopg") })
	t.Run("node-postgres", func(t *testing.T) { l.node(t) })
	t.Run("pgx", func(t *testing.T) { l.pgx(t) })
	t.Run("pgbench", func(t *testing.T) { l.pgbench(t) })
	t.Run("pg_dump", func(t *testing.T) { l.dump(t) })
	t.Run("logins", func(t *testing.T) { l.logins(t) })
}

func (l *locked) psql(t *testing.T) {
	has(t, "psql", "--version")
	out, err := run(t, "psql", "-X", "-A", "-t", "-f", "testdata/clients/clerk.sql", l.dsn("psql", ""))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	first, rest, _ := strings.Cut(out, "FETCHED")
	fetched, rest, _ := strings.Cut(rest, "BULK")
	bulk, after, _ := strings.Cut(rest, "AFTER")
	if strings.Count(first, "|Voter ") != 5 || !strings.Contains(first, "42501:") || !strings.Contains(first, "HINT:") {
		t.Errorf("look-ups, and an aggregate: %s", first)
	}
	if strings.Count(fetched, "|Voter ") != 20 {
		t.Errorf("with FETCH_COUNT: %s", fetched)
	}
	if n := strings.Count(bulk, "\tVoter "); n != 25 || !strings.Contains(bulk, "53400:") || !strings.Contains(bulk, "each clerk") {
		t.Errorf("COPY gave %d rows: %s", n, bulk)
	}
	if strings.Count(after, "Voter ") != 2 || strings.Count(after, "53400:") != 1 || !strings.Contains(after, "street|text|") {
		t.Errorf("after it: %s", after)
	}
	l.checkDay(t, "psql")
}

func (l *locked) python(t *testing.T, who, driver string) {
	has(t, "/usr/bin/python3", "-c", "import "+driver)
	if out, err := run(t, "/usr/bin/python3", "testdata/clients/clerk.py", driver, l.dsn(who, "")); err != nil || strings.TrimSpace(out) != "ok" {
		t.Errorf("%v\n%s", err, out)
	}
	l.checkDay(t, who)
}

func (l *locked) node(t *testing.T) {
	has(t, "node", "-e", "require('pg')")
	host, port, _ := net.SplitHostPort(l.cfg.Listen)
	options, err := json.Marshal(map[string]any{"host": host, "port": port, "user": "node", "password": clientPassword, "database": "postgres", "application_name": "desk/enquiry", "ca": l.cert, "enableChannelBinding": true})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, "node", "testdata/clients/clerk.js", string(options)); err != nil || strings.TrimSpace(out) != "ok" {
		t.Errorf("%v\n%s", err, out)
	}
	l.checkDay(t, "node")
}

func (l *locked) pgx(t *testing.T) {
	conf, err := pgx.ParseConfig(strings.Replace(l.dsn("gopher", ""), "hostaddr=127.0.0.1 ", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	c, err := pgx.ConnectConfig(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	var batch pgx.Batch
	for id := 1000; id < 1005; id++ {
		batch.Queue(`SELECT id, name FROM voters WHERE id = $1`, id)
	}
	results := c.SendBatch(t.Context(), &batch) // a pipeline
	for id := int64(1000); id < 1005; id++ {
		var got int64
		var name string
		if err := results.QueryRow().Scan(&got, &name); err != nil || got != id {
			t.Errorf("in a pipeline: %d, %v", got, err)
		}
	}
	if err := results.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Exec(t.Context(), `SELECT string_agg(name, ',') FROM voters`); code(err) != "42501" {
		t.Errorf("an aggregate of names: %v", err)
	}
	if got, err := ids(t, c, `SELECT id, name FROM voters WHERE id BETWEEN $1 AND $2 ORDER BY id`, 1100, 1119); len(got) != 20 || err != nil {
		t.Errorf("%d rows, %v", len(got), err)
	}
	got, err := ids(t, c, `SELECT id, name FROM voters WHERE id BETWEEN 2000 AND 2999 ORDER BY id`)
	if len(got) != 25 || code(err) != "53400" {
		t.Errorf("%d rows of the bulk, %v", len(got), err)
	}
	if got, err := ids(t, c, `SELECT id FROM voters WHERE id = 1003`); len(got) != 1 || err != nil {
		t.Errorf("a voter who was read already: %v, %v", got, err)
	}
	l.checkDay(t, "gopher")
}

// pgbench reads accounts at random with each protocol, until its day is over.
func (l *locked) pgbench(t *testing.T) {
	has(t, "pgbench", "--version")
	for _, protocol := range []string{"simple", "extended"} {
		out, err := run(t, "pgbench", "-n", "-S", "-M", protocol, "-c", "2", "-t", "8", l.dsn("bench", ""))
		if err != nil || !strings.Contains(out, "16/16") {
			t.Errorf("%s: %v\n%s", protocol, err, out)
		}
	}
	out, err := run(t, "pgbench", "-n", "-S", "-M", "prepared", "-c", "4", "-j", "2", "-t", "500", l.dsn("bench", ""))
	if err == nil || !strings.Contains(out, "each clerk") {
		t.Errorf("prepared, beyond the day: %v\n%s", err, out)
	}
	if n := l.given(t, "bench"); n != clerksDay {
		t.Errorf("pgbench was given %d accounts, want %d", n, clerksDay)
	}
}

// given is how many voters the ledger says somebody was given.
func (o *office) given(t *testing.T, who string) int {
	t.Helper()
	view, err := ledger.OpenView(t.Context(), o.cfg.LedgerDir(), o.cfg.LedgerConfig(quietLog()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = view.Close() }()
	told, err := view.WhatRead(t.Context(), who, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return told.Len()
}

// dump takes the database, as far as it goes: not beyond the budget, and not without a word.
func (l *locked) dump(t *testing.T) {
	has(t, "pg_dump", "--version")
	out, err := run(t, "pg_dump", "--data-only", "-t", "public.voters", l.dsn("dumper", ""))
	if strings.Contains(out, "server version mismatch") {
		t.Skip("the installed pg_dump is older than the server")
	}
	if err == nil || !strings.Contains(out, "each clerk") && !strings.Contains(out, "register guard") {
		t.Errorf("pg_dump: %v\n%s", err, out)
	}
	t.Logf("pg_dump says: %s", out[max(0, len(out)-400):])
	rows := strings.Count(out, "\tVoter ")
	if n := l.given(t, "dumper"); rows > n || n > clerksDay {
		t.Errorf("pg_dump wrote %d rows and the ledger has %d; the day allows %d", rows, n, clerksDay)
	}
	if out, err := run(t, "pg_dump", "-t", "public.offices", l.dsn("dumper", "")); err != nil || !strings.Contains(out, "Town Hall") {
		t.Errorf("what is not protected: %v\n%s", err, out)
	}
}

// logins: SCRAM with and without TLS and channel binding, through the whole guard.
func (l *locked) logins(t *testing.T) {
	has(t, "psql", "--version")
	other := l.cfg
	other.Data, other.Listen = filepath.Join(t.TempDir(), "data"), freeAddr(t)
	other.CertFile, other.KeyFile = certificate(t, l.pg)
	apart := &locked{office: open(t, l.pg, other), cert: other.CertFile}
	plain := l.cfg
	plain.Data, plain.Listen, plain.CertFile, plain.KeyFile = filepath.Join(t.TempDir(), "data"), freeAddr(t), "", ""
	bare := &locked{office: open(t, l.pg, plain), cert: l.cert}
	for _, c := range []struct {
		name, dsn, refused string
	}{
		{"bound to the channel", l.dsn("psqlplain", ""), ""},
		{"TLS, not bound", l.dsn("psqlplain", "channel_binding=disable"), ""},
		{"a wrong password", l.dsn("psqlplain", "password=wrong"), "password authentication failed"},
		{"no password", l.dsn("psqlplain", "password=''"), "no password supplied"},
		{"a certificate of the guard's own: bound", apart.dsn("psqlplain", ""), "channel binding"},
		{"a certificate of the guard's own: not bound", apart.dsn("psqlplain", "channel_binding=prefer"), "password authentication failed|channel binding"},
		{"a certificate of the guard's own: told so", apart.dsn("psqlplain", "channel_binding=disable"), ""},
		{"somebody else's certificate", apart.dsn("psqlplain", "sslrootcert="+l.cert), "certificate verify failed"},
		{"no TLS at the guard, SCRAM", bare.dsn("psqlplain", "sslmode=disable channel_binding=prefer"), ""},
		{"no TLS at the guard, and it is wanted", bare.dsn("psqlplain", "sslmode=require channel_binding=prefer"), "does not support SSL"},
	} {
		out, err := run(t, "psql", "-X", "-q", "-A", "-t", "-c", "SELECT id FROM voters WHERE id = 1000", c.dsn)
		told := false
		for _, text := range strings.Split(c.refused, "|") {
			told = told || text != "" && strings.Contains(out, text)
		}
		switch {
		case c.refused == "" && (err != nil || strings.TrimSpace(out) != "1000"):
			t.Errorf("%s: %v\n%s", c.name, err, out)
		case c.refused != "" && (err == nil || !told):
			t.Errorf("%s: %v; want %q\n%s", c.name, err, c.refused, out)
		}
	}
	for _, o := range []*office{l.office, apart.office, bare.office} {
		o.checkLedger(t, "psqlplain", []int64{1000})
	}
	var status register.Status
	if err := register.Call(t.Context(), &l.cfg, "GET", "/status", nil, &status); err != nil || status.Mode != "enforce" {
		t.Errorf("%+v, %v", status, err)
	}
}
