package people

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/names"
)

const house = `
[[organisation]]
name = "Parliament"
own = true
names = ["The Parliament of Example"]
domains = ["parliament.example"]
login_hosts = ["login.parliament.example"]

[[person]]
name = "Anna Keller"
names = ["Анна Келлер"]
addresses = ["anna.keller@parliament.example", "anna@home.example"]
role = "Member"
organisation = "Parliament"
topics = ["energy"]
staff = ["jo-marsh", "office.keller@parliament.example"]
delegates = ["peer@party.example"]

[[person]]
name = "Jo Marsh"
addresses = ["jo.marsh@parliament.example"]

[[outlet]]
name = "Daily Courier"
domains = ["dailycourier.example"]

[[partner]]
name = "Senate of Sample"
domains = ["senate.example.org"]

[[bulk]]
domains = ["mailer.example.net"]

[mailboxes]
"keller.mbox" = "anna-keller"
marsh = "jo.marsh@parliament.example"
"shared/inbox" = "info@parliament.example"
`

func parse(t *testing.T, text string) (*Directory, []Problem) {
	t.Helper()
	d, problems, err := Parse("people.toml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return d, problems
}

func TestDirectory(t *testing.T) {
	d, problems := parse(t, house)
	if len(problems) > 0 {
		t.Fatalf("problems: %+v", problems)
	}
	anna := d.Person("anna-keller")
	if anna == nil || anna.ID != "person:anna-keller" || anna != d.Person("person:anna-keller") || anna.Line != 9 {
		t.Fatalf("got %+v", anna)
	}
	for addr, want := range map[string]string{"Anna.Keller@PARLIAMENT.example.": Owner, "anna.keller+news@parliament.example": Owner, "anna+news@home.example": "",
		"annakeller@parliament.example": "", "JO.MARSH@parliament.example": Owner, "office.keller@parliament.example": Staff, "peer@party.example": Delegate,
		"\"anna\"@home.example": Owner, "anna@home.example.evil.test": "", "anna@ｈome.example": "", "anna@ho\u00adme.example": "", "": "", "@": ""} {
		if _, who := d.Whose(addr); who != want {
			t.Errorf("Whose(%q) = %q, want %q", addr, who, want)
		}
	}
	if m := d.MatchName("Dr. Anna Kеller"); len(m) != 1 || m[0].Person != anna || m[0].Class != names.ClassHomoglyph {
		t.Errorf("got %+v", m)
	}
	if m := d.MatchName("Daily Courier News"); len(m) != 1 || m[0].Organisation == nil || m[0].Organisation.Kind != KindOutlet {
		t.Errorf("got %+v", m)
	}
	if m := d.MatchLocal("keller.anna"); len(m) != 1 || m[0].Person != anna {
		t.Errorf("got %+v", m)
	}
	if m := d.MatchDomain("parliarnent.example"); len(m) != 1 || m[0].Organisation.Kind != KindOwn {
		t.Errorf("got %+v", m)
	}
	for domain, want := range map[string]string{"mx.parliament.example": KindOwn, "dailycourier.example": KindOutlet, "x.senate.example.org": KindPartner, "mailer.example.net": KindBulk, "example.org": ""} {
		got := ""
		if o := d.KnownDomain(domain); o != nil {
			got = o.Kind
		}
		if got != want || d.OwnDomain(domain) != (want == KindOwn) {
			t.Errorf("KnownDomain(%q) is %q, want %q", domain, got, want)
		}
	}
}

func TestMailbox(t *testing.T) {
	d, _ := parse(t, house)
	for name, want := range map[string]string{"keller.mbox": "anna.keller@parliament.example", "/var/mail/keller.mbox.gz": "anna.keller@parliament.example",
		"export/marsh/cur/123": "jo.marsh@parliament.example", `C:\mail\marsh.pst`: "jo.marsh@parliament.example", "shared/inbox": "info@parliament.example", "other": ""} {
		_, addr, ok := d.Mailbox(name)
		if addr != want || ok != (want != "") {
			t.Errorf("Mailbox(%q) = %q %v, want %q", name, addr, ok, want)
		}
	}
}

func TestEmpty(t *testing.T) {
	d, problems := parse(t, "")
	if !d.Empty() || len(problems) > 0 || d.MatchName("Anna") != nil || d.MatchDomain("a.example") != nil {
		t.Error("an empty file is not empty")
	}
	var zero Directory
	if !zero.Empty() || zero.ByAddress("a@b.example") != nil || zero.MatchName("x y") != nil || zero.MatchLocal("x") != nil || zero.OwnDomain("a.example") {
		t.Error("the zero directory is not empty")
	}
	if _, who := zero.Whose("a@b.example"); who != "" {
		t.Error("the zero directory knows somebody")
	}
}

// Every mistake is told at once, each with its line.
func TestProblems(t *testing.T) {
	text := `nmae = "x"
[[person]]
name = "Anna Keller"
adresses = ["a@b.example"]
addresses = ["a@b.example", "no-at.example", "x@", "c@d e.example"]
staff = ["nobody"]
organisation = "Nowhere"
[[person]]
name = 7
[[person]]
name = "Keller Anna"
id = "anna-keller"
addresses = "a@b.example"
[[person]]
name = "Ed"
broken = [
[[organisation]]
name = "House"
own = true
domains = ["parliament.example", "http://x.example", "co.uk", "` + "gmail" + `.com"]
own = true
[[persons]]
name = "x"
[person]
name = "Olga Nimm"
[mailboxes]
a = "nobody"
a = 3
[[organisation]]
domains = ["x.example"]
`
	_, problems := parse(t, text)
	var got []string
	for _, p := range problems {
		if p.File != "people.toml" || p.Message == "" || p.Remedy == "" {
			t.Errorf("incomplete: %+v", p)
		}
		got = append(got, fmt.Sprintf("%d %s", p.Line, p.Field))
	}
	for _, want := range []string{"1 nmae", "4 adresses", "5 addresses", "6 staff", "7 organisation", "9 name", "8 name", "11 name", "2 id", "13 addresses", "15 name",
		"17 ", "20 domains", "21 own", "22 persons", "24 person", "27 a", "28 a", "29 name"} {
		if !slices.Contains(got, want) {
			t.Errorf("no problem %q among %q", want, got)
		}
	}
	if !slices.IsSortedFunc(problems, func(a, b Problem) int { return a.Line - b.Line }) {
		t.Error("problems are not in the order of lines")
	}
}

func TestProblemsAreBounded(t *testing.T) {
	_, problems := parse(t, strings.Repeat("x = ]\n", 50000))
	if len(problems) != maxProblems+1 {
		t.Errorf("%d problems", len(problems))
	}
}

func TestVersionMeansMeaning(t *testing.T) {
	a, _ := parse(t, house)
	blocks := strings.Split(strings.TrimSpace(house), "\n\n")
	slices.Reverse(blocks)
	b, problems := parse(t, "# comment\n"+strings.ReplaceAll(strings.Join(blocks, "\n\n\n"), `["energy"]`, "[\n  \"energy\", # why\n]")+"\n")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if a.Version() != b.Version() || a.Version() == "" {
		t.Errorf("%s and %s", a.Version(), b.Version())
	}
	c, _ := parse(t, strings.Replace(house, "energy", "trade", 1))
	if a.Version() == c.Version() {
		t.Error("another meaning has the same version")
	}
}

func TestCSV(t *testing.T) {
	text := "\ufeffName,addresses,names,role,colour\n\"Keller, Anna\",anna@a.example;anna@b.example,Анна Келлер,Member,red\nJo Marsh,jo\n,x@a.example\na,b,c,d,e,f\n\"Olga \"Nimm\",o@a.example\n"
	d, problems := parse(t, text)
	if len(d.People()) < 2 || d.People()[0].Name != "Keller, Anna" || len(d.People()[0].Addresses) != 2 || d.People()[0].Line != 2 {
		t.Fatalf("got %+v", d.People()[0])
	}
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	for _, want := range []int{1, 3, 4, 5, 6} {
		if !slices.Contains(lines, want) {
			t.Errorf("no problem in line %d: %+v", want, problems)
		}
	}
	if m := d.MatchName("Anna Keller"); len(m) != 1 {
		t.Errorf("got %+v", m)
	}
}

func TestLoad(t *testing.T) {
	if _, _, err := Load(filepath.Join(t.TempDir(), "none.toml")); err == nil {
		t.Error("a missing file is no error")
	}
	path := filepath.Join(t.TempDir(), "people.toml")
	if err := os.WriteFile(path, []byte("[[person]]\nname = \"Anna \xff\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, problems, err := Load(path); err != nil || len(problems) != 1 || problems[0].Line != 2 {
		t.Errorf("got %v %v", problems, err)
	}
}

func TestLargeDirectory(t *testing.T) {
	toml, csv := generated(20000)
	a, problems := parse(t, toml)
	for _, p := range problems {
		if !p.Warning {
			t.Fatalf("%+v", p)
		}
	}
	b, _ := parse(t, csv)
	if len(a.People()) != 20000 || len(b.People()) != 20000 {
		t.Fatalf("%d and %d people", len(a.People()), len(b.People()))
	}
	for i := 0; i < 20000; i += 997 {
		p := a.People()[i]
		if got, _ := b.Whose(p.Addresses[1]); got == nil || got.ID != p.ID {
			t.Errorf("%s is not found by address", p.Name)
		}
		if !slices.ContainsFunc(a.MatchName(p.Name), func(m NameMatch) bool { return m.Person == p }) && len(a.MatchName(p.Name)) < maxMatches {
			t.Errorf("%s is not found by name", p.Name)
		}
	}
}

func TestProviders(t *testing.T) {
	d, _ := parse(t, "[[person]]\nname = \"Anna Keller\"\naddresses = [\"anna.keller@"+gmail+"\"]\n")
	for addr, want := range map[string]bool{"annakeller+x@googlemail" + ".com": true, "a.n.n.a.keller@" + gmail: true, "anna-keller@" + gmail: false} {
		if got := len(d.ByAddress(addr)) == 1; got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	if !Freemail(gmail) || !Freemail("GMAIL.COM.") || Freemail("parliament.example") || Freemail("mail."+gmail) {
		t.Error("Freemail is wrong")
	}
	for domain := range providers {
		if domain != asciiDomain(domain) || !validDomain(domain) {
			t.Errorf("%q is not canonical", domain)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(house)
	f.Add("name,addresses\nAnna,a@b.example\n")
	f.Add("[[person]]\nname = [\n[[person]]\nname = \"x\"")
	f.Add("[mailboxes]\na.b = \"c\"\n[[mailboxes]]\n= 1\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		d, problems, err := Parse("f", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Count(text, "\n") + 1
		for _, p := range problems {
			if p.Line < 0 || p.Line > lines+1 {
				t.Fatalf("line %d of %d: %+v", p.Line, lines, p)
			}
		}
		for _, p := range d.People() {
			if d.Person(p.ID) == nil {
				t.Fatalf("%q is not found by id", p.ID)
			}
			for _, a := range p.Addresses {
				if len(d.ByAddress(a)) == 0 {
					t.Fatalf("%q is not found by address", a)
				}
			}
		}
	})
}

// Spreadsheets of half of Europe write semicolons, and quote a cell that holds one.
func TestCSVSemicolons(t *testing.T) {
	b, problems := parse(t, "name;addresses;role\nAnna Keller;\"anna@parliament.example;anna@post.example\";MP\n")
	if b == nil || len(problems) > 0 || len(b.People()) != 1 || len(b.People()[0].Addresses) != 2 {
		t.Fatalf("%+v, %v", b, problems)
	}
}
