package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	sealed "portcullis.example/portcullis/internal/pack"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/store"
)

// packKills is how often a hunt with a pack is killed before it may finish.
const packKills = 5

// TestPackHuntSurvivesKill kills a hunt with a pack again and again, and demands that in the end every
// value was tested, none was stored as tested twice, and what an undisturbed hunt finds was found.
func TestPackHuntSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command("portcullis", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
		return cmd
	}
	do := func(args ...string) []byte {
		t.Helper()
		var out, errs bytes.Buffer
		cmd := command(args...)
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out.Bytes(), errs.Bytes())
		}
		return out.Bytes()
	}
	writeFile(t, filepath.Join(dir, "people.toml"), []byte("[[person]]\nname = \"Anna Keller\"\naddresses = [\"anna@parliament.example\"]\n"))
	var links strings.Builder
	for n := range 3000 {
		fmt.Fprintf(&links, "https://h%d.site%d.example/\n", n, n)
	}
	mail := func(name, body string) {
		writeFile(t, filepath.Join(dir, "mail", name+".eml"), []byte("From: a@shop.example\nTo: anna@parliament.example\nSubject: "+name+"\nMessage-ID: <"+name+"@shop.example>\nDate: Mon, 02 Mar 2026 09:00:00 +0000\n\n"+body))
	}
	if err := os.MkdirAll(filepath.Join(dir, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	for n, part := range strings.SplitAfter(links.String(), "\n") {
		if n%100 == 0 {
			mail(fmt.Sprintf("m%d", n), strings.Join(strings.SplitAfter(links.String(), "\n")[n:min(n+100, 3000)], "")+part)
		}
	}
	mail("hit", "https://a.px-q7k2.test/i.gif\n")
	verifier := strings.TrimSpace(string(do("pack", "key", "make", "cert.example", "-o", "cert.key")))
	writeFile(t, filepath.Join(dir, "iocs.txt"), []byte("px-q7k2.test\n"))
	do("pack", "make", "--indicators", "iocs.txt", "--key", "cert.key", "--for", "a test", "--tlp", "amber", "--until", time.Now().AddDate(0, 1, 0).Format(time.DateOnly), "--memory", "512", "--fast", "-o", "hunt.pack")
	do("scan", "-q", "--data", "data", "--people", "people.toml", "mail")
	do("--data", "data", "pack", "trust", "add", verifier)
	killed := 0
	for n := range packKills {
		cmd := command("--data", "data", "hunt", "--pack", "hunt.pack")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(200+200*n) * time.Millisecond)
		if cmd.Process.Kill() == nil {
			killed++
		}
		_ = cmd.Wait() // it was killed
	}
	if killed == 0 {
		t.Fatal("no hunt was killed: this test showed nothing")
	}
	var out struct{ Packs []packHunted }
	if err := json.Unmarshal(do("--data", "data", "hunt", "--pack", "hunt.pack", "--format", "json"), &out); err != nil {
		t.Fatal(err)
	}
	if one := out.Packs[0]; len(one.Found) != 1 || one.Found[0].State != sealed.Taken || len(one.People) != 1 || one.People[0].Mails != 1 || len(one.People[0].Notices) == 0 {
		t.Errorf("found %+v, people %+v", one.Found, one.People)
	}
	checkTested(t, dir, out.Packs[0])
}

// checkTested compares what was stored as tested with what an undisturbed run would test.
func checkTested(t *testing.T, dir string, one packHunted) {
	cfg, err := storeConfig(defaultConfig(), filepath.Join(dir, "data"), true)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := sealed.NewReader(s.DB())
	marks, err := r.Tested(t.Context(), one.Pack)
	if err != nil {
		t.Fatal(err)
	}
	distinct := map[sealed.Mark]bool{}
	for _, m := range marks {
		distinct[m] = true
	}
	kept, err := r.Kept(t.Context())
	if err != nil || len(kept) != 1 || kept[0].Finished.IsZero() {
		t.Fatalf("kept %d packs, %v", len(kept), err)
	}
	issuers, err := r.Trusted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := sealed.Read(bytes.NewReader(kept[0].Raw), issuers, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want, err := sealed.NewTester(p, 1).Todo(func(yield func(sealed.Value, error) bool) {
		for v, err := range archive.NewReader(s.DB()).Values(t.Context(), nil) {
			if !yield(sealed.Value{Observable: v.Observable, Sealed: v.Sealed}, err) {
				return
			}
		}
	})
	if err != nil || want < 6000 || int64(len(distinct)) != want || len(marks) != len(distinct) {
		t.Errorf("%d values are stored as tested, %d of them distinct, want %d, %v", len(marks), len(distinct), want, err)
	}
}

// TestNoticesOfThePack: a person may have other notices waiting, which a pack has no part in.
func TestNoticesOfThePack(t *testing.T) {
	about := func(id portcullis.ID, events ...portcullis.ID) response.Notice {
		n := response.Notice{ID: id}
		for _, e := range events {
			n.Reach.Events = append(n.Reach.Events, response.Received{Event: e})
		}
		return n
	}
	list := []response.Notice{about("notice:1", "event:other"), about("notice:2", "event:other", "event:hit")}
	hit := map[portcullis.ID]time.Time{"event:hit": time.Now()}
	if got := (&packHunt{}).about(list, hit); len(got) != 1 || got[0].ID != "notice:2" {
		t.Errorf("%v", got)
	}
	if got := (&packHunt{}).about(list[:1], hit); len(got) != 1 {
		t.Errorf("nothing was drafted: %v", got)
	}
}
