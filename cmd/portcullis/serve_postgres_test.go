//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/testenv"
)

// outages is how often the database goes away while somebody works at the desk.
const outages = 2

// TestServeSurvivesPostgresGoingAway stops the database as a crash would, while somebody
// approves notices at the desk. While it is away every page and route says so with 503 in plain
// words; when it is back the desk goes on by itself, with everything that it had confirmed, and
// with audit and notices' log whole.
func TestServeSurvivesPostgresGoingAway(t *testing.T) {
	db := startDatabase(t)
	dir := t.TempDir()
	program := func(args ...string) *exec.Cmd {
		cmd := exec.Command("portcullis", append([]string{"--data", filepath.Join(dir, "data"), "--config", filepath.Join(dir, "portcullis.toml")}, args...)...)
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
		return cmd
	}
	example := func(name string) string {
		path, err := filepath.Abs(filepath.Join("../../examples", name))
		must(t, err)
		return path
	}
	address := freeAddress(t)
	writeFile(t, filepath.Join(dir, "database"), []byte(db.url+"\n"))
	writeFile(t, filepath.Join(dir, "portcullis.toml"), fmt.Appendf(nil, "database_file = %q\n[desk]\nlisten = %q\n[mail]\ntrusted_relays = [\"mx.parliament.example\"]\n", filepath.Join(dir, "database"), address))
	if out, err := program("scan", "-q", "--people", example("people.toml"), example("exercise/mail")).CombinedOutput(); err != nil {
		t.Fatalf("scan: %v\n%s", err, out)
	}
	jar, err := cookiejar.New(nil)
	must(t, err)
	cmd := program("serve")
	links, _ := serving(t, cmd, dir, 1)
	o := &officer{t: t, url: "http://" + address, client: &http.Client{Jar: jar, Timeout: 30 * time.Second}, done: map[string]bool{}}
	o.get(links[0])
	o.remembers()
	for range outages {
		before := len(o.done)
		for _, id := range o.drafts() {
			if o.tryApprove(id) && len(o.done) >= before+3 {
				break
			}
		}
		ended := make(chan struct{})
		drafts := o.drafts()
		go func() { // somebody goes on while it goes away
			defer close(ended)
			for _, id := range drafts {
				if !o.tryApprove(id) {
					return
				}
			}
		}()
		db.stop(t)
		<-ended
		o.saysItIsAway()
		db.start(t)
		o.comesBack()
		o.remembers()
	}
	if len(o.done) < 2*outages {
		t.Fatalf("%d notices were approved: this test showed nothing", len(o.done))
	}
	t.Logf("%d approvals outlived %d outages", len(o.done), outages)
	o.answers("/audit") // connections of before may still be met
	if page := o.get("/audit"); !strings.Contains(page, "The chain of entries is whole") {
		t.Errorf("the audit is not whole: %.2000s", page)
	}
	must(t, cmd.Process.Signal(os.Interrupt))
	must(t, cmd.Wait())
	for _, verify := range [][]string{{"audit", "verify"}, {"notices", "audit"}} {
		if out, err := program(verify...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", strings.Join(verify, " "), err, out)
		}
	}
}

// answers waits until a page is there again.
func (o *officer) answers(path string) {
	o.t.Helper()
	for range 100 {
		status, _ := o.ask(path)
		switch status {
		case http.StatusOK:
			return
		case http.StatusServiceUnavailable:
			time.Sleep(50 * time.Millisecond)
		default:
			o.t.Fatalf("%s: status %d", path, status)
		}
	}
	o.t.Fatalf("%s never answers again", path)
}

// tryApprove approves a notice as somebody would; false where the desk could not.
func (o *officer) tryApprove(id string) bool {
	status, page := o.ask("/notices/" + id)
	form := approvalForm.FindStringSubmatch(page)
	if status != http.StatusOK || form == nil {
		return false
	}
	answer, err := o.client.PostForm(o.url+"/notices/"+id+"/approve", url.Values{"csrf": {form[1]}, "version": {form[2]}})
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode == http.StatusOK && strings.Contains(string(body), "The notice is approved") {
		o.done[id] = true
		return true
	}
	return false
}

// ask reads a page, whatever its status.
func (o *officer) ask(path string) (status int, page string) {
	answer, err := o.client.Get(o.url + path)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(raw)
}

// saysItIsAway asks for everything while the database is away.
func (o *officer) saysItIsAway() {
	o.t.Helper()
	for _, path := range []string{"/", "/campaigns", "/people", "/notices", "/indicators", "/audit", "/hunt", "/api/v1/campaigns", "/api/v1/notices", "/healthz"} {
		status, page := o.ask(path)
		if status != http.StatusServiceUnavailable || !strings.Contains(page, "store") {
			o.t.Errorf("%s answers %d while the database is away: %.1500s", path, status, page)
		}
		for _, inner := range []string{"dial tcp", "SQLSTATE", "pgconn", "postgres", "connection refused"} {
			if strings.Contains(page, inner) {
				o.t.Errorf("%s shows %q while the database is away", path, inner)
			}
		}
	}
}

// comesBack waits until the desk serves again, which it must do by itself.
func (o *officer) comesBack() {
	o.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		status, page := o.ask("/notices")
		if status == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("the desk does not come back: %d %.1500s", status, page)
		}
	}
}

// database is a PostgreSQL of the test's own, which can go away and come back.
type database struct {
	url, dir, bin string
	cred          *syscall.Credential // of who runs it; nil is who runs the test
}

func startDatabase(t *testing.T) *database {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		if testenv.CI() {
			t.Fatal("CI needs PostgreSQL (apt-get install postgresql)")
		}
		t.Skip("needs an installed PostgreSQL (apt-get install postgresql)")
	}
	dir, err := os.MkdirTemp("", "portcullis-pg")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &database{dir: dir, bin: filepath.Dir(found[0])}
	if os.Geteuid() == 0 { // PostgreSQL does not run as root
		d.asPostgres(t)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	must(t, l.Close())
	d.run(t, "initdb", "-D", d.data(), "-U", "portcullis", "-A", "trust", "-E", "UTF8", "--locale=C")
	conf, err := os.OpenFile(filepath.Join(d.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = fmt.Fprintf(conf, "\nport = %s\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\n", port, dir)
	must(t, errors.Join(err, conf.Close()))
	d.url = "postgres://portcullis@127.0.0.1:" + port + "/postgres?sslmode=disable"
	d.start(t)
	t.Cleanup(func() { d.stop(t) })
	return d
}

func (d *database) asPostgres(t *testing.T) {
	t.Helper()
	who, err := user.Lookup("postgres")
	if err != nil && testenv.CI() {
		t.Fatalf("CI needs a user postgres: %v", err)
	}
	if err != nil {
		t.Skip("PostgreSQL does not run as root, and there is no user postgres")
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	must(t, err)
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	must(t, err)
	must(t, os.Chown(d.dir, int(uid), int(gid)))
	d.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (d *database) data() string { return filepath.Join(d.dir, "data") }

func (d *database) start(t *testing.T) {
	t.Helper()
	d.run(t, "pg_ctl", "-D", d.data(), "-l", filepath.Join(d.dir, "log"), "-w", "start")
}

// stop ends it at once, without finishing anything; the next start recovers.
func (d *database) stop(t *testing.T) {
	t.Helper()
	d.run(t, "pg_ctl", "-D", d.data(), "-m", "immediate", "-w", "stop")
}

func (d *database) run(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, name), args...)
	cmd.Dir = d.dir
	if d.cred != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.cred}
	}
	out, err := os.CreateTemp("", "portcullis-pg-*") // a pipe would stay open with the server
	must(t, err)
	defer func() { _ = os.Remove(out.Name()) }()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	if said, _ := os.ReadFile(out.Name()); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, said)
	}
	_ = out.Close()
}
