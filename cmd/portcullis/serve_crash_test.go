package main

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// serveKills is how often a desk is killed while somebody works at it.
const serveKills = 3

// TestServeSurvivesKill kills the desk while somebody approves notices at it, and demands
// that everything it had answered "done" to is there when it is started again, that the
// session goes on, and that audit and notices' log are whole.
func TestServeSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	example := func(name string) string {
		path, err := filepath.Abs(filepath.Join("../../examples", name))
		must(t, err)
		return path
	}
	program := func(args ...string) *exec.Cmd {
		cmd := exec.Command("portcullis", append([]string{"--data", filepath.Join(dir, "data"), "--config", filepath.Join(dir, "portcullis.toml")}, args...)...)
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
		return cmd
	}
	address := freeAddress(t)
	writeFile(t, filepath.Join(dir, "portcullis.toml"), fmt.Appendf(nil, "[desk]\nlisten = %q\n[mail]\ntrusted_relays = [\"mx.parliament.example\"]\n", address))
	if out, err := program("scan", "-q", "--people", example("people.toml"), example("exercise/mail")).CombinedOutput(); err != nil {
		t.Fatalf("scan: %v\n%s", err, out)
	}
	jar, err := cookiejar.New(nil)
	must(t, err)
	officer := &officer{t: t, url: "http://" + address, client: &http.Client{Jar: jar, Timeout: 30 * time.Second}, done: map[string]bool{}}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range serveKills + 1 {
		cmd := program("serve")
		links, _ := serving(t, cmd, dir, 1)
		if round == 0 {
			officer.get(links[0])
		}
		officer.remembers()
		if round == serveKills {
			if page := officer.get("/audit"); !strings.Contains(page, "The chain of entries is whole") {
				t.Errorf("the audit is not whole: %.2000s", page)
			}
			must(t, cmd.Process.Signal(os.Interrupt))
			must(t, cmd.Wait())
			break
		}
		timer := time.AfterFunc(time.Duration(80+random.IntN(200))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		officer.approveAll()
		timer.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
	if len(officer.done) == 0 {
		t.Fatal("nothing was approved before a kill: this test showed nothing")
	}
	t.Logf("%d approvals outlived %d kills", len(officer.done), serveKills)
	for _, verify := range [][]string{{"audit", "verify"}, {"notices", "audit"}} {
		if out, err := program(verify...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", strings.Join(verify, " "), err, out)
		}
	}
}

// officer works at the desk as a browser does.
type officer struct {
	t      *testing.T
	url    string
	client *http.Client
	done   map[string]bool // notices whose approval the desk has confirmed
}

// get reads a page; "" where the desk is gone.
func (o *officer) get(path string) string {
	o.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = o.url + path
	}
	answer, err := o.client.Get(path)
	if err != nil {
		return ""
	}
	defer func() { _ = answer.Body.Close() }()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		return ""
	}
	if answer.StatusCode != http.StatusOK {
		o.t.Fatalf("%s: %s\n%.2000s", path, answer.Status, page)
	}
	return string(page)
}

var (
	noticeLink   = regexp.MustCompile(`/notices/(notice:[0-9a-f]+)"`)
	approvalForm = regexp.MustCompile(`(?s)id="approve">.*?name="csrf" value="([^"]+)".*?name="version" value="(\d+)"`)
)

func (o *officer) drafts() (ids []string) {
	found := map[string]bool{}
	for _, m := range noticeLink.FindAllStringSubmatch(o.get("/notices?state=drafted"), -1) {
		found[m[1]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// approveAll approves one notice after another until none is left or the desk is gone.
func (o *officer) approveAll() {
	for _, id := range o.drafts() {
		page := o.get("/notices/" + id)
		form := approvalForm.FindStringSubmatch(page)
		if form == nil {
			if page == "" {
				return
			}
			o.t.Fatalf("there is no form to approve %s: %.3000s", id, page)
		}
		answer, err := o.client.PostForm(o.url+"/notices/"+id+"/approve", url.Values{"csrf": {form[1]}, "version": {form[2]}})
		if err != nil {
			return
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err == nil && answer.StatusCode == http.StatusOK && strings.Contains(string(body), "The notice is approved") {
			o.done[id] = true
		}
		time.Sleep(50 * time.Millisecond) // so that a kill comes between
	}
}

// remembers waits until the desk has drafted its notices, and looks for all that it confirmed.
func (o *officer) remembers() {
	o.t.Helper()
	for deadline := time.Now().Add(time.Minute); len(o.drafts()) == 0 && len(o.done) == 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatal("no notice was drafted within a minute")
		}
	}
	for id := range o.done {
		if page := o.get("/notices/" + id); !strings.Contains(page, ">approved</strong>") {
			o.t.Errorf("the desk said that %s was approved, and has forgotten it: %.3000s", id, page)
		}
	}
}
