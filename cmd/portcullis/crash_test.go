package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/synth"
)

// crashKills is how often a scan is killed before one may finish.
const crashKills = 20

// TestScanSurvivesKill kills a scan again and again, at points spread over its
// run, and demands that what the last one comes to is byte for byte what an
// undisturbed scan comes to: nothing missed, nothing doubled.
func TestScanSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	house := synth.NewHouse(12, 40)
	mails := append(synth.Everyday(12, house, 500), synth.Reconnaissance(12, house, 4)...)
	people := filepath.Join(dir, "people.toml")
	writeFile(t, people, []byte(house.PeopleTOML()))
	var mbox bytes.Buffer
	if err := synth.WriteMbox(&mbox, mails); err != nil {
		t.Fatal(err)
	}
	box := filepath.Join(dir, "all.mbox")
	writeFile(t, box, mbox.Bytes())

	scan := func(data string, more ...string) *exec.Cmd {
		args := append([]string{"scan", "-q", "--data", filepath.Join(dir, data), "--people", people}, more...)
		cmd := exec.Command("portcullis", append(args, box)...)
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
		return cmd
	}
	began := time.Now()
	if out, err := scan("clean", "--verdicts", filepath.Join(dir, "clean.ndjson")).CombinedOutput(); err != nil {
		t.Fatalf("undisturbed scan: %v\n%s", err, out)
	}
	whole := min(time.Since(began), 4*time.Second) // under the race detector the rest of a longer run shows nothing new

	random := rand.New(rand.NewPCG(1, 2))
	killed := 0
	for range crashKills {
		cmd := scan("killed")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Int64N(int64(whole))))
		if cmd.Process.Kill() == nil {
			killed++
		}
		_ = cmd.Wait() // it was killed
	}
	if killed == 0 {
		t.Fatal("no scan was killed: this test showed nothing")
	}
	out, err := scan("killed", "--verdicts", filepath.Join(dir, "killed.ndjson")).CombinedOutput()
	if err != nil {
		t.Fatalf("scan after %d kills: %v\n%s", killed, err, out)
	}
	clean, disturbed := readFile(t, filepath.Join(dir, "clean.ndjson")), readFile(t, filepath.Join(dir, "killed.ndjson"))
	if !bytes.Equal(clean, disturbed) {
		t.Errorf("after %d kills the verdicts differ from those of an undisturbed scan", killed)
	}
	if n := bytes.Count(clean, []byte("\n")); n != len(mails) {
		t.Errorf("%d verdicts for %d messages", n, len(mails))
	}
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
