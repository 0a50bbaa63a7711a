package mail

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/synth"
	"portcullis.example/portcullis/internal/testenv"
)

// doubtful are the classes that good mail has as well: there a statement is
// informational unless more speaks against the file.
var doubtful = map[string]bool{"attachment/pdf-action": true, "attachment/encrypted-archive": true, "attachment/calendar-link": true}

func TestAttachmentInvented(t *testing.T) {
	for _, seed := range []uint64{2, 4} {
		h := synth.NewHouse(seed, 60)
		found, all := classRates(t, "mail/attachment", append(synth.Attachments(seed, h, 20), synth.Everyday(seed, h, 400)...), h)
		for class, n := range all {
			switch {
			case !strings.HasPrefix(class, "attachment/") || class == "attachment/control":
				if found[class] > 0 {
					t.Errorf("seed %d: %s: %d false alarms in %d", seed, class, found[class], n)
				}
			default:
				t.Logf("seed %d: %-30s %d of %d", seed, class, found[class], n)
				if !doubtful[class] && found[class] < n {
					t.Errorf("seed %d: %s: %d of %d", seed, class, found[class], n)
				}
			}
		}
	}
}

// TestAttachmentPoints: what legitimate mail carries costs it nothing that tags it.
func TestAttachmentPoints(t *testing.T) {
	j := NewJudge(&people.Directory{}, DefaultConfig(), nil)
	for _, name := range []string{"ham", "ham-2007", "newsletter-pairs", "phishing"} {
		n, hit := 0, 0
		err := filepath.WalkDir(testenv.Data(t, "mail", name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			n++
			for _, s := range judgeAttachment(j.NewInput(message.Parse(raw, message.Limits{}), &Facts{})) {
				hit++
				t.Logf("%s: %+d %s", filepath.Base(path), s.Points, s.Summary)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d of %d mails", name, hit, n)
	}
}
