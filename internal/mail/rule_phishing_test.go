package mail

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
)

// TestPhishingCases judges testdata/RULE/CASE.txtar for each rule of the family.
func TestPhishingCases(t *testing.T) {
	shared, err := os.ReadFile("testdata/people.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{"link-deception", "credential-form", "brand", "sender-deception", "layout", "wording"} {
		paths, err := filepath.Glob("testdata/" + rule + "/*.txtar")
		if err != nil || len(paths) == 0 {
			t.Fatalf("no cases for %s: %v", rule, err)
		}
		for _, path := range paths {
			t.Run(rule+"/"+strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { runCase(t, rule, path, string(shared)) })
		}
	}
}

// Every trait has a key, a sentence, and a key of its own.
func TestTraitTable(t *testing.T) {
	seen := map[string]bool{}
	for i, info := range traitTable {
		if info.key == "" || info.says == "" || seen[info.key] {
			t.Errorf("trait %d: key %q, says %q; want both, and the key once", i, info.key, info.says)
		}
		seen[info.key] = true
		if info.points < -25 || info.points > 40 {
			t.Errorf("trait %q has %d points: one trait must not tag a mail", info.key, info.points)
		}
	}
}

func inputOf(t *testing.T, raw string) *Input {
	t.Helper()
	dir, _, err := people.Parse("", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	j := NewJudge(dir, DefaultConfig(), nil)
	return j.NewInput(message.Parse([]byte(raw), message.Limits{}), &Facts{})
}

// The kinds of place are read from the table itself: no name of somebody's
// service stands in a test.
func TestPlacesOfLinks(t *testing.T) {
	for host, kind := range knownHosts().hosts {
		what, ok := hostTraitsOf[kind]
		if !ok {
			continue
		}
		in := inputOf(t, "From: a@sender.example\nSubject: x\nContent-Type: text/html\n\n<a href=\"https://name."+host+"/page\">open</a>\n")
		var tl tally
		in.linkTraits(&tl)
		if !tl.seen[what] {
			t.Errorf("a link below %s does not count as %q", host, traitTable[what].key)
		}
	}
}

// Whoever owns a brand may write in its name, from every domain of the table.
func TestBrandsOwnTheirDomains(t *testing.T) {
	for _, b := range brands() {
		for _, name := range b.names {
			if hashWord(name) == 0 {
				t.Errorf("brand name %q has no words", name)
			}
		}
		for _, d := range b.domains {
			if !b.owns(d) || !b.owns("mail."+d) {
				t.Errorf("%s is not thought to be %q's own", d, b.names[0])
			}
		}
		for _, l := range b.labels {
			if !b.owns(l+".com") || !b.owns("news."+l+".co.uk") || b.owns(l+".com.stranger.example") || b.owns(l+"-secure.com") {
				t.Errorf("the domains of %q are told apart wrongly", l)
			}
		}
	}
}

func TestBorrowedName(t *testing.T) {
	b := brands()[0]
	for _, one := range []struct {
		from string
		want bool
	}{
		{b.names[0] + " Service <a@stranger.example>", true},
		{b.names[0] + " <a@" + b.labels[0] + ".com>", false},
		{"Rosa Stein <rosa@garden.example>", false},
	} {
		in := inputOf(t, "From: "+one.from+"\nSubject: x\n\ntext\n")
		var tl tally
		in.borrowed(&tl)
		if tl.seen[brandName] != one.want {
			t.Errorf("%s: borrowed is %v", one.from, tl.seen[brandName])
		}
	}
}

func TestWordFolding(t *testing.T) {
	for _, pair := range [][2]string{
		{"Élégant", "elegant"}, {"pay\u200bpal", "paypal"}, {"раураl", "paypal"}, {"𝐏𝐚𝐲", "pay"}, {"Straße", "strase"}, {"24h", "7h"}, {"DON'T", "dont"},
	} {
		if hashWord(pair[0]) != hashWord(pair[1]) {
			t.Errorf("%q and %q are told apart", pair[0], pair[1])
		}
	}
	if hashWord("card") == hashWord("cart") {
		t.Error("card and cart are not told apart")
	}
}

func FuzzWords(f *testing.F) {
	f.Add("Verify your account within 24 hours")
	f.Add("раураl \u202e 楽天カード 𝐏𝐚𝐲 a\u0336b\u0336")
	f.Fuzz(func(t *testing.T, s string) {
		var scan wordScan
		scan.read(s, false)
		for _, w := range scan.words {
			if w.start < 0 || w.end > int32(len(s)) || w.start >= w.end {
				t.Fatalf("word %d–%d of %d bytes", w.start, w.end, len(s))
			}
		}
		if len(scan.words) > maxWords+1 {
			t.Fatalf("%d words", len(scan.words))
		}
		_, _, _ = brandIn(s)
		_ = shownHost(s)
	})
}
