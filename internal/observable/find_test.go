package observable

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/testenv"
)

// show writes what was found as "kind URL", with "?" behind what is weak.
func show(text string) (out []string) {
	for _, f := range FindLinks(text) {
		s := f.Kind + " " + f.URL
		if f.Weak {
			s += " ?"
		}
		out = append(out, s)
	}
	return out
}

func TestFindLinks(t *testing.T) {
	for text, want := range map[string][]string{
		"See http://example.com/a.":                         {"url http://example.com/a"},
		"(see http://example.com/a(b)).":                    {"url http://example.com/a(b)"},
		"<https://example.com/?a=b&c=d>":                    {"url https://example.com/?a=b&c=d"},
		"\"https://example.com/\", and":                     {"url https://example.com/"},
		"HTTPS://EXAMPLE.COM!":                              {"url HTTPS://EXAMPLE.COM"},
		"hxxps://evil[.]example[.]com/a, then":              {"url https://evil.example.com/a"},
		"hxxp[:]//evil.example/":                            {"url http://evil.example/"},
		"hxxps[://]evil.example/":                           {"url https://evil.example/"},
		"ftp://example.com/x":                               {"url ftp://example.com/x"},
		"http://3221225985/x and":                           {"url http://3221225985/x"},
		"http://[2001:db8::1]/x)":                           {"url http://[2001:db8::1]/x"},
		"http://user:pw@evil.example/x":                     {"url http://user:pw@evil.example/x"},
		"http://localhost/x":                                {"url http://localhost/x ?"},
		"seehttp://example.com/":                            {"url http://example.com/"},
		"http://a.example,http://b.example":                 {"url http://a.example", "url http://b.example"},
		"[text](https://example.com/a)":                     {"url https://example.com/a"},
		"[https://a.example](https://b.example)":            {"url https://a.example", "url https://b.example"},
		"<https://example.com|label>":                       {"url https://example.com"},
		"https://bücher.example/ü":                          {"url https://bücher.example/ü"},
		"见https://example.com/a。然后":                         {"url https://example.com/a"},
		"请访问example.com查看":                                  {"bare http://example.com"},
		"访问http://example.com查看":                            {"url http://example.com"},
		"例え.jp を見る":                                         {"bare http://例え.jp"},
		"邮箱mona@example.com。":                               {"email mona@example.com"},
		"http://例え。jp/a":                                    {"url http://例え。jp/a"},
		"www.example.com.":                                  {"www http://www.example.com"},
		"www.example.com/a?b=c)":                            {"www http://www.example.com/a?b=c"},
		"go to example.com now":                             {"bare http://example.com"},
		"example.com/a/b.":                                  {"bare http://example.com/a/b"},
		"example.com:8080/a":                                {"bare http://example.com:8080/a"},
		"evil[.]example(.)com":                              {"bare http://evil.example.com"},
		"news-tracker.example?x=1":                          {"bare http://news-tracker.example?x=1"},
		"sub.example.co.uk, and":                            {"bare http://sub.example.co.uk"},
		"mona.lee@example.com":                              {"email mona.lee@example.com"},
		"Mona <mona.lee+x@sub.example.com>,":                {"email mona.lee+x@sub.example.com"},
		"mona[@]example":                                    nil,
		"mailto:mona@example.com?subject=x":                 {"email mona@example.com"},
		"mona@evil[.]example":                               {"email mona@evil.example"},
		"mona@bücher.example":                               {"email mona@bücher.example"},
		"mona@host.internal":                                {"email mona@host.internal ?"},
		"img/logo@2x.png":                                   nil,
		"192.0.2.1/login":                                   {"bare http://192.0.2.1/login"},
		"192.0.2.1:8080":                                    {"bare http://192.0.2.1:8080"},
		"192.0.2.1 and 192.0.2.0/24":                        {"bare http://192.0.2.0/24 ?"},
		"e.g. i.e. a.m. U.S.A. v1.2.3 3.14 file.txt x.html": nil,
		"Mr.Smith end.The J.R.R.Tolkien foo.bar_baz":        nil,
		"ends here.It goes on":                              {"bare http://here.It ?"},
		"unzip data.zip, read readme.md":                    {"bare http://data.zip ?", "bare http://readme.md ?"},
		"data.zip/a":                                        {"bare http://data.zip/a"},
		"see lib/foo.so.":                                   {"bare http://foo.so ?"},
		"co.uk com .com ..":                                 nil,
		"http:// https://. http:///":                        nil,
		"a@b c@ @d.example":                                 {"bare http://d.example"},
		"C:\\dir\\a.com":                                    {"bare http://a.com ?"},
		"mail: a@example.com;b@example.org":                 {"email a@example.com", "email b@example.org"},
		"rcpt=a@example.com&url=http://b.example/":          {"email a@example.com", "url http://b.example/"},
		`"u":"https:\/\/example.com"`:                       {`url https:\/\/example.com`},
		"“https://example.com/a”…":                          {"url https://example.com/a"},
	} {
		if got := show(text); !slices.Equal(got, want) {
			t.Errorf("FindLinks(%q)\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestFindLinksOffsets(t *testing.T) {
	text := "a https://x.example/ b y@z.example c d.example/e."
	var got []string
	for _, f := range FindLinks(text) {
		got = append(got, text[f.Start:f.End])
	}
	if want := []string{"https://x.example/", "y@z.example", "d.example/e"}; !slices.Equal(got, want) {
		t.Errorf("%q; want %q", got, want)
	}
}

func hostile() map[string]string {
	return map[string]string{
		"dots": strings.Repeat("a.", 1<<19), "at": strings.Repeat("a@", 1<<19), "colon": strings.Repeat("http://", 1<<17),
		"percent": strings.Repeat("http://%", 1<<17), "brackets": strings.Repeat("[.]", 1<<18), "parens": "http://a.example/" + strings.Repeat("(", 1<<20),
		"local": strings.Repeat("a.com+", 1<<17), "word": strings.Repeat("a", 1<<20), "wide": strings.Repeat("见.", 1<<18),
		"domains": strings.Repeat("a.com/", 1<<17), "comma": strings.Repeat("http://a:b,", 1<<16), "brace": strings.Repeat("http://a/}", 1<<16),
	}
}

func TestFindLinksHostile(t *testing.T) {
	for name, text := range hostile() {
		last := 0
		for _, f := range FindLinks(text) {
			if f.Start < last || f.End <= f.Start || f.End > len(text) {
				t.Fatalf("%s: %d–%d after %d", name, f.Start, f.End, last)
			}
			last = f.End
		}
	}
}

// TestFindLinksMail runs over real mail as if it were text: offsets must hold, and every
// link with a scheme that a plain search sees must be found.
func TestFindLinksMail(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testenv.Data(t, "mail", "phishing"), "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no mail", err)
	}
	total, weak, seen, lost := 0, 0, 0, 0
	for _, file := range files[:min(len(files), 300)] {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text, starts := string(data), map[int]bool{}
		for _, f := range FindLinks(text) {
			total++
			if f.Weak {
				weak++
			}
			for i := f.Start; i < f.End; i++ {
				starts[i] = true
			}
		}
		for i := 0; ; {
			j := strings.Index(text[i:], "https://")
			if j < 0 {
				break
			}
			i += j + 8
			if i < len(text) && alnum(text[i]) {
				if seen++; !starts[i-8] {
					lost++
				}
			}
		}
	}
	t.Logf("%d links, %d weak; of %d plain https links %d not covered", total, weak, seen, lost)
	if lost*100 > seen {
		t.Errorf("%d of %d plain links not found", lost, seen)
	}
}

func FuzzFindLinks(f *testing.F) {
	f.Add("See hxxps://evil[.]example[.]com/a(b), www.example.com. mona@example.com 192.0.2.1/x")
	f.Add("见https://example.com/a。http://[2001:db8::1]/ a.b@c.d(.)e")
	f.Fuzz(func(t *testing.T, s string) {
		last := 0
		for _, found := range FindLinks(s) {
			if found.Start < last || found.End <= found.Start || found.End > len(s) || found.URL == "" || found.Kind == "" {
				t.Fatalf("%+v in %q after %d", found, s, last)
			}
			last = found.End
			if found.Kind == "email" {
				continue
			}
			if _, _, err := URL(found.URL); err != nil {
				t.Fatalf("%+v in %q: %v", found, s, err)
			}
		}
	})
}

const prose = "The committee met on Tuesday to discuss the draft. It was agreed that the text, as amended, " +
	"should go to the plenary; members may table changes until Friday, 12:30. Questions (if any) go to the secretariat. " +
	"Nothing in this paragraph is a link, e.g. a name like Mr. Smith or a number like 3.14 is none.\n"

func BenchmarkFindLinks(b *testing.B) {
	texts := hostile()
	texts["prose"] = strings.Repeat(prose, 200)
	texts["linked"] = strings.Repeat(prose+"See https://www.example.com/news/2024/06/01/story.html?id=4711 or write to mona.lee@example.com.\n", 100)
	for _, name := range []string{"prose", "linked", "dots", "at", "colon", "percent", "brackets", "parens", "local", "word", "wide", "domains", "comma"} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(texts[name])))
			for b.Loop() {
				scanLinks(texts[name], func(Found) {})
			}
		})
	}
}

func ExampleFindLinks() {
	for _, f := range FindLinks("Never open hxxp://news-tracker[.]example/r?u=1, write to it@parliament.example.") {
		fmt.Println(f.Kind, f.URL)
	}
	// Output:
	// url http://news-tracker.example/r?u=1
	// email it@parliament.example
}
