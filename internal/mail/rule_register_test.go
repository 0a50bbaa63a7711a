package mail

import (
	"fmt"
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

func TestWrittenDates(t *testing.T) {
	for cell, want := range map[string]int{
		"12 March 1970": 1970, "12-Mar-1970": 1970, "12. März 1970": 1970, "March 12, 1970": 1970, "12 de marzo de 1970": 1970, "3 мая 1961": 1961,
		"1970年3月12日": 1970, "昭和45年3月12日": 1970, "平成元年1月8日": 1989, "1970년 3월 12일": 1970,
		"Lindenallee 12, 1970": 0, "12 Mill 19": 0, "1970年13月12日": 0, "3 items 2024x": 0, "45 Street 1": 0,
	} {
		if year, ok := writtenDate(cell); year != want && ok || ok != (want != 0) {
			t.Errorf("%q: %d, %t; want %d", cell, year, ok, want)
		}
	}
}

// Without headings: given and family names apart and few, addresses without a word for a street, dates written
// out, names and addresses without blanks.
func TestRegisterWithoutHead(t *testing.T) {
	list := func(row func(i int) string) (b string) {
		for i := range 60 {
			b += row(i) + "\n"
		}
		return b
	}
	given, family := strings.Fields("Jana Petr Lucie Tomas Eva Milan Alena Karel"), strings.Fields("Novotna Dvorak Cerny Kucera Vesely Horak Nemec Sedlak")
	for name, text := range map[string]string{
		"apart": list(func(i int) string {
			return fmt.Sprintf("%s\t%s\t%02d.%02d.%d\tLipova %d, %d Brno", given[i%8], family[i*5%8], i%28+1, i%12+1, 1940+i, i+1, 60200+i)
		}),
		"japanese": list(func(i int) string {
			return fmt.Sprintf("%c藤%c子\t昭和%d年%d月%d日\t東京都港区芝%d-%d", '佐'+rune(i), '花'+rune(i), i%50+5, i%12+1, i%28+1, i%5+1, i+1)
		}),
	} {
		if _, ok := registerIn(text); !ok {
			t.Errorf("%s: not found", name)
		}
	}
}
