package mail

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/attach"
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
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
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

func TestPasswordTold(t *testing.T) {
	for text, want := range map[string]bool{
		"The password is: harbour":                          true,
		"The password, where one is asked for, is 482100.":  true,
		"Das Kennwort lautet Hafen2024":                     true,
		"mot de passe : 1234":                               true,
		"La contraseña es \"puerto\"":                       true,
		"пароль: 2024":                                      true,
		"密码：abcd":                                           true,
		"You will be asked for a password when you open it": false,
		"Please keep your password safe.":                   false,
		"The spinning wheel of 1848":                        false,
	} {
		if got := passwordTold().MatchString(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestAbilities: what the same kind of trait is worth depends on what it does.
func TestAbilities(t *testing.T) {
	in := &Input{SenderOrg: "sender.example", People: &people.Directory{}}
	source := &attach.Report{Members: make([]attach.Member, 40)}
	for _, c := range []struct {
		trait  attach.Trait
		report *attach.Report
		want   ability
	}{
		{attach.Trait{Kind: attach.KindMacro, Detail: "VBA project of 1 modules"}, nil, middling},
		{attach.Trait{Kind: attach.KindMacro, Detail: "VBA project of 1 modules; runs by itself: autoopen"}, nil, decisive},
		{attach.Trait{Kind: attach.KindScript, Detail: "js"}, nil, decisive},
		{attach.Trait{Kind: attach.KindScript, Detail: "js", Path: "a.zip!b.js"}, source, everyday},
		{attach.Trait{Kind: attach.KindScript, Detail: "python"}, nil, everyday},
		{attach.Trait{Kind: attach.KindScript, Detail: ".xll file, which runs or loads code when opened"}, nil, decisive},
		{attach.Trait{Kind: attach.KindExecutable, Detail: "pe program", Path: "a.zip!b.exe"}, source, slight},
		{attach.Trait{Kind: attach.KindExecutable, Detail: "pe program"}, nil, decisive},
		{attach.Trait{Kind: attach.KindRemoteTemplate, Detail: "template from https://files.sender.example/a.dotm"}, nil, middling},
		{attach.Trait{Kind: attach.KindRemoteTemplate, Detail: "template from https://other.invalid/a.dotm"}, nil, decisive},
		{attach.Trait{Kind: attach.KindPDFAction, Detail: "SubmitForm to https://other.invalid/"}, nil, middling},
		{attach.Trait{Kind: attach.KindPDFAction, Detail: "SubmitForm to https://sender.example/"}, nil, slight},
		{attach.Trait{Kind: attach.KindPDFAction, Detail: "Launch of cmd.exe"}, nil, decisive},
		{attach.Trait{Kind: attach.KindEquationEditor}, &attach.Report{Type: "rtf"}, decisive},
		{attach.Trait{Kind: attach.KindEquationEditor}, &attach.Report{Type: "ole"}, slight},
		{attach.Trait{Kind: attach.KindCalendarLink, Detail: "REQUEST with 1 addresses and 0 attachments, organizer mailto:a@sender.example"}, nil, everyday},
		{attach.Trait{Kind: attach.KindDoubleExtension, Detail: "ends in .html behind .pdf"}, nil, slight},
	} {
		if c.report == nil {
			c.report = &attach.Report{}
		}
		if got := in.ability(c.trait, c.report); got != c.want {
			t.Errorf("%s %q: %v, want %v", c.trait.Kind, c.trait.Detail, got, c.want)
		}
	}
	if in.ability(attach.Trait{Kind: attach.KindEncryptedArchive}, &attach.Report{}) != slight {
		t.Error("an encrypted archive alone proves something")
	}
	in.Body = "The password is: harbour"
	if in.ability(attach.Trait{Kind: attach.KindEncryptedArchive}, &attach.Report{}).points != 30 {
		t.Error("the password beside the archive proves nothing")
	}
}
