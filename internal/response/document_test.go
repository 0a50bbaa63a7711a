package response

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	xhtml "golang.org/x/net/html"

	"portcullis.example/portcullis"
)

var noon = time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)

// anna is a reach that has everything in it, hostile text included.
func anna() Reach {
	return Reach{
		Person: "person:anna-keller", Name: "Anna Keller", Languages: []string{"en"},
		Addresses: []string{"anna.keller@parliament.example", "anna@home.example"}, Campaign: "campaign:5f2e8c11a0b9",
		CouldKnow: noon.Add(-6 * 24 * time.Hour), Knew: noon.Add(-24 * time.Hour),
		Events: []Received{
			{Event: "event:1", Time: noon.Add(-6 * 24 * time.Hour), TimeKnown: true, Address: "anna.keller@parliament.example",
				Sender: "The Morning Lantern <news@morning-lantern.test>", Subject: "Exclusive: what the minister knew",
				Forms: []Form{Tracker, Link}, Hosts: []string{"img.morning-lantern.test"}, Findings: []portcullis.ID{"finding:1"}},
			{Event: "event:2", Time: noon.Add(-2 * 24 * time.Hour), Address: "anna@home.example",
				Sender: "Sign-in <it@parliament-login.test>", Subject: "Your mailbox is full <script>alert(1)</script> https://parliament-login.test/a?b=c",
				Forms: []Form{CredentialForm, Link}, Hosts: []string{"parliament-login.test"}, Findings: []portcullis.ID{"finding:2"}},
		},
	}
}

func office(t testing.TB) *Office {
	t.Helper()
	cfg := DefaultConfig()
	cfg.House, cfg.Office, cfg.Telephone, cfg.Room, cfg.Hours = "Parliament of Verania", "Security desk", "+999 555 0100", "room 2.14", "day and night"
	o, err := NewOffice(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func approvedNotice(reach Reach) Notice {
	return Notice{ID: portcullis.NewID("notice", "x"), Version: 2, Person: reach.Person, Campaign: reach.Campaign, Round: 1, State: Approved, Reach: reach,
		ApprovedBy: "Maria Bauer", Approved: noon, Changed: noon, Clock: Clock{CouldKnow: reach.CouldKnow, Knew: reach.Knew, Due: noon.Add(48 * time.Hour)}}
}

// TestLook writes the pages to the folder that PORTCULLIS_LOOK names, for people to look at.
func TestLook(t *testing.T) {
	dir := os.Getenv("PORTCULLIS_LOOK")
	if dir == "" {
		t.Skip("PORTCULLIS_LOOK names no folder")
	}
	o := office(t)
	n := approvedNotice(anna())
	notice, err := o.NoticePDF(n)
	if err != nil {
		t.Fatal(err)
	}
	d, err := o.Notice(n)
	if err != nil {
		t.Fatal(err)
	}
	page, err := d.HTML()
	if err != nil {
		t.Fatal(err)
	}
	foreign := anna()
	foreign.Name = "שרה לוי"
	foreign.Suspicion = "x"
	foreign.Events[0].Subject = "مرحبا بالعالم 123 (خبر) — Привет — Γειά σου — 你好世界 — नमस्ते"
	foreign.Events[0].Sender = "חדשות הבוקר 24 <news@lantern.test>"
	for i := range 9 {
		e := foreign.Events[i%2]
		e.Event += portcullis.ID(rune('a' + i))
		e.Forms = Forms()
		foreign.Events = append(foreign.Events, e)
	}
	fn := approvedNotice(foreign)
	fn.ApprovedBy = ""
	crowded, err := o.Notice(everything())
	must(t, err)
	crowdedPage, err := crowded.HTML()
	must(t, err)
	full, err := o.NoticePDF(fn)
	if err != nil {
		t.Fatal(err)
	}
	brief, err := o.BriefingPDF(Campaign{ID: "campaign:5f2e8c11a0b9", Mails: 7}, []Notice{n, fn}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"notice.pdf": notice, "notice.html": page, "notice.md": d.Markdown(), "notice.txt": []byte(d.Text()), "full.pdf": full, "full.html": crowdedPage, "brief.pdf": brief} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// everything is a notice with all there can be in it.
func everything() Notice {
	r := anna()
	for i := range 12 {
		e := r.Events[i%2]
		e.Event += portcullis.ID(rune('a' + i))
		e.Forms = Forms()
		e.Subject = strings.Repeat("Exclusive report ", 20)
		r.Events = append(r.Events, e)
	}
	r.Suspicion = "strange sign-ins"
	n := approvedNotice(r)
	n.ApprovedBy = ""
	return n
}

// TestPlainLanguage holds the shipped wording to what plain language is measured by: short
// sentences, and a reading ease (Flesch 1948) of at least 60, "plain English".
func TestPlainLanguage(t *testing.T) {
	o := office(t)
	n := everything()
	n.Reach.Events[0].Subject, n.Reach.Events[0].Sender, n.Reach.Events[0].Hosts = "", "", nil // the words of others are theirs
	d, err := o.notice(n, 1)
	must(t, err)
	var text []string
	text = append(text, d.Lead)
	text = append(text, d.Marks...)
	for _, s := range d.Sections[1:] { // the first tells of the messages
		text = append(append(text, s.Text...), s.Items...)
	}
	sentences, words, syllables, longest := 0, 0, 0, 0
	for _, sentence := range strings.FieldsFunc(strings.Join(text, "\n"), func(r rune) bool { return strings.ContainsRune(".!?:\n", r) }) {
		list := strings.Fields(sentence)
		if len(list) < 2 {
			continue
		}
		sentences++
		words += len(list)
		longest = max(longest, len(list))
		for _, w := range list {
			syllables += syllablesOf(w)
		}
	}
	average := float64(words) / float64(sentences)
	ease := 206.835 - 1.015*average - 84.6*float64(syllables)/float64(words)
	t.Logf("%d sentences, %.1f words on average, the longest %d, reading ease %.0f", sentences, average, longest, ease)
	if average > 14 || longest > 30 || ease < 60 {
		t.Errorf("%.1f words a sentence (want at most 14), the longest %d (at most 30), reading ease %.0f (at least 60)", average, longest, ease)
	}
}

// syllablesOf counts groups of vowels, without a silent e.
func syllablesOf(word string) (n int) {
	word = strings.ToLower(strings.TrimFunc(word, func(r rune) bool { return r < 'a' || r > 'z' }))
	vowel := false
	for _, r := range word {
		is := strings.ContainsRune("aeiouy", r)
		if is && !vowel {
			n++
		}
		vowel = is
	}
	if strings.HasSuffix(word, "e") && !strings.HasSuffix(word, "le") && n > 1 {
		n--
	}
	return max(n, 1)
}

// TestNoticeSays what the person needs and nothing that could be clicked or run.
func TestNoticeSays(t *testing.T) {
	o := office(t)
	n := approvedNotice(anna())
	d, err := o.Notice(n)
	must(t, err)
	page, err := d.HTML()
	must(t, err)
	for format, page := range map[string]string{"html": string(page), "md": string(d.Markdown()), "text": d.Text()} {
		for _, want := range []string{"Anna Keller", "3 March 2026, 12:00 UTC", "anna@home.example", "what the minister knew", "IP address", "typed a password", "Whether you opened", "555 0100", "Maria Bauer"} {
			if !strings.Contains(strings.ToLower(strings.Join(strings.Fields(page), " ")), strings.ToLower(want)) {
				t.Errorf("%s does not say %q", format, want)
			}
		}
		for _, not := range []string{"https://", "http://", "href", "src=", "campaign:", "actor", "state-", "parliament-login.test", "morning-lantern.test"} {
			if strings.Contains(page, not) || format == "html" && strings.Contains(page, "<script") {
				t.Errorf("%s holds %q", format, not)
			}
		}
	}
	if strings.Contains(d.Text(), "Draft") {
		t.Error("an approved notice is marked as a draft")
	}
}

// TestPolicyFitsStyle: the hash in the policy is that of the style as it stands in the page.
func TestPolicyFitsStyle(t *testing.T) {
	d, err := office(t).Notice(approvedNotice(anna()))
	must(t, err)
	raw, err := d.HTML()
	must(t, err)
	_, rest, _ := strings.Cut(string(raw), "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	if want := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(html.UnescapeString(string(raw)), "'sha256-"+want+"'") {
		t.Errorf("the policy does not name the hash of the style, %s", want)
	}
	if strings.Count(string(raw), "<style") != 1 || strings.Contains(string(raw), " style=") {
		t.Error("there is more style than the policy allows")
	}
}

func TestByForm(t *testing.T) {
	o := office(t)
	for _, c := range []struct {
		forms     []Form
		want, not []string
	}{
		{[]Form{Tracker}, []string{"IP address"}, []string{"password, the", "opened the file", "If you answered"}},
		{[]Form{Link}, []string{"If you followed a link, the site"}, []string{"typed"}},
		{[]Form{CredentialForm}, []string{"If you typed a password, the sender has it"}, []string{"opened the file"}},
		{[]Form{Attachment}, []string{"If you opened the file, a program"}, []string{"typed"}},
		{[]Form{Reply}, []string{"If you answered, the sender"}, []string{"typed"}},
		{[]Form{NameUsed}, []string{"in your name", "that it was not you"}, []string{"Keep the message", "Whether you opened"}},
		{nil, []string{"Nothing that we know of"}, []string{"typed"}},
	} {
		r := anna()
		r.Events = r.Events[:1]
		r.Events[0].Forms = c.forms
		d, err := o.Notice(approvedNotice(r))
		must(t, err)
		text := strings.Join(strings.Fields(d.Text()), " ")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%v: does not say %q", c.forms, want)
			}
		}
		for _, not := range c.not {
			if strings.Contains(text, not) {
				t.Errorf("%v: says %q", c.forms, not)
			}
		}
	}
}

func TestBriefing(t *testing.T) {
	o := office(t)
	told := approvedNotice(anna())
	told.Told = noon.Add(time.Hour)
	late := approvedNotice(anna())
	late.Person, late.Reach.Person, late.Reach.Name, late.Due = "person:b", "person:b", "Thomas Wright", noon.Add(-time.Hour)
	late = late.settled(noon)
	d, err := o.Briefing(Campaign{ID: "campaign:5f2e8c11a0b9", Mails: 7}, []Notice{told, late}, noon)
	must(t, err)
	text := strings.Join(strings.Fields(d.Text()), " ")
	for _, want := range []string{"7 messages that belong together reached 2 people", "We could have known on 3 March 2026. We knew on 8 March 2026. 1 of 2 have been told. 1 notice is overdue.",
		"Thomas Wright: first on 3 March 2026; we knew on 8 March 2026; not told, overdue since 9 March 2026", "told on 9 March 2026", "parliament-login[.]test"} {
		if !strings.Contains(text, want) {
			t.Errorf("the briefing does not say %q:\n%s", want, text)
		}
	}
	if strings.Index(text, "Thomas Wright") > strings.Index(text, "Anna Keller") {
		t.Error("the overdue one does not stand first")
	}
	if _, err := o.Briefing(Campaign{}, nil, noon); err == nil {
		t.Error("a briefing about nobody")
	}
}

func TestDefang(t *testing.T) {
	for in, want := range map[string]string{
		"see https://a.test/x.html?u=b.c": "see hxxps[://]a[.]test/x[.]html?u=b[.]c",
		"HTTP://A.TEST":                   "hxxp[://]A[.]TEST",
		"news@lantern.test":               "news@lantern[.]test",
		"End. Next":                       "End. Next",
		"xn--e1afmkfd.test and пример.испыт": "xn--e1afmkfd[.]test and пример[.]испыт",
		"a\u202Eb\x1b[31m\u200bc\n\td\x00":   "ab[31mc d",
		"full\uFF0Ewidth\u3002stop":          "full[.]width[.]stop",
	} {
		if got := Defang(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// unescapedLink is what makes a link in Markdown.
var unescapedLink = regexp.MustCompile(`(?:^|[^\\])(?:\\\\)*\](?:\(|\[|:)`)

// FuzzNotice: whatever attackers write, the pages are well-formed, of one page, and hold
// no link.
func FuzzNotice(f *testing.F) {
	o := office(f)
	for _, s := range []string{"Subject", "<script>alert(1)</script>", "https://a.test/b", "](http://a.test)", "a\u202eb", "مرحبا שלום 123 (x)", "\xff\xfe", strings.Repeat("W", 3000), "`*_#\n- 1. x", "&#x68;ttp"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, sender, subject string) {
		r := anna()
		r.Events[0].Sender, r.Events[0].Subject, r.Events[0].Hosts = sender, subject, []string{subject}
		r, err := r.tidy(noon)
		must(t, err)
		n := approvedNotice(r)
		d, err := o.Notice(n)
		must(t, err)
		page, err := d.HTML()
		must(t, err)
		z := xhtml.NewTokenizer(bytes.NewReader(page))
		for z.Next() != xhtml.ErrorToken {
			token := z.Token()
			if token.Type == xhtml.StartTagToken && slices.Contains([]string{"script", "a", "img", "iframe", "form", "link", "object"}, token.Data) {
				t.Fatalf("the page holds <%s>", token.Data)
			}
		}
		for i, text := range []string{string(d.Markdown()), d.Text()} {
			if strings.Contains(strings.ToLower(text), "http") || i == 0 && unescapedLink.MatchString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
				t.Fatalf("a text holds a link or a control character: %q", text)
			}
		}
	})
}

// TestNameAndMail has mail that came and mail in the person's name on one page: what came is
// counted by itself, and what others believe does not hang on what the person opened.
func TestNameAndMail(t *testing.T) {
	reach := anna()
	reach.Events = append(reach.Events[:1], Received{Event: "event:3", Time: noon, Sender: "Anna Keller <anna@parliarnent.test>", Forms: []Form{NameUsed}})
	doc, err := office(t).Notice(approvedNotice(reach))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(doc.Lead, " A message came to you") || !strings.Contains(doc.Lead, "Somebody also wrote to other people in your name") {
		t.Errorf("the page begins: %s", doc.Lead)
	}
	could := doc.Sections[1]
	if len(could.Text) != 2 || !strings.HasPrefix(could.Text[0], "Others may believe") || could.Text[1] != "If you opened it:" || len(could.Items) != 2 {
		t.Errorf("what it could have learnt: %q, then %q", could.Text, could.Items)
	}
}
