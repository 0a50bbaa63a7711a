package mail

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/synth"
	"portcullis.example/portcullis/internal/testenv"
)

// of counts what one rule says above informational about invented mail, by class.
func classRates(t *testing.T, rule string, mails []synth.Mail, h *synth.House) (found, all map[string]int) {
	t.Helper()
	found, all = map[string]int{}, map[string]int{}
	w := newMemory(t, h.PeopleTOML(), gateways(h)...)
	for _, m := range mails {
		if m.Truth.Background {
			continue
		}
		all[m.Truth.Class]++
		for _, f := range alarms(w.look(m.Raw, m.Path, m.Time)) {
			if strings.HasPrefix(f.Rule, rule+"@") {
				found[m.Truth.Class]++
				if !m.Truth.Malicious {
					t.Logf("%s: %s", m.Truth.Class, f.Summary)
				}
				break
			}
		}
	}
	return found, all
}

func TestRegisterInvented(t *testing.T) {
	for _, seed := range []uint64{2, 4} {
		h := synth.NewHouse(seed, 60)
		found, all := classRates(t, registerCopyRule, append(synth.RegisterCopies(seed, h, 12), synth.Everyday(seed, h, 300)...), h)
		for class, n := range all {
			if bad := strings.HasPrefix(class, "register/") && class != "register/control"; bad && found[class] < n || !bad && found[class] > 0 {
				t.Errorf("seed %d: %s: %d of %d", seed, class, found[class], n)
			}
		}
	}
}

// TestRegisterQuiet: no collection of real mail holds a register.
func TestRegisterQuiet(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	now := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	j := NewJudge(&people.Directory{}, DefaultConfig(), nil)
	for _, name := range []string{"ham", "ham-2007", "newsletter-pairs", "phishing"} {
		n := 0
		err := filepath.WalkDir(testenv.Data(t, "mail", name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			in := j.NewInput(message.Parse(raw, message.Limits{}), &Facts{Time: now})
			for _, s := range judgeRegister(in) {
				t.Errorf("%s: %s", path, s.Summary)
			}
			n++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d mails", name, n)
	}
}
