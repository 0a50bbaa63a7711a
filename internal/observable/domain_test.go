package observable

import (
	"bufio"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/testenv"
)

func TestDomain(t *testing.T) {
	for in, want := range map[string]string{
		"Example.COM":                        "example.com",
		"example.com.":                       "example.com",
		"BÜCHER.example":                     "xn--bcher-kva.example",
		"bücher.example":                     "xn--bcher-kva.example",
		"XN--BCHER-KVA.example":              "xn--bcher-kva.example",
		"faß.example":                        "xn--fa-hia.example", // non-transitional: not fass
		"例え。テスト":                             "xn--r8jz45g.xn--zckzah",
		"ｅｘａｍｐｌｅ．com":                        "example.com",
		"_dmarc.example.com":                 "_dmarc.example.com",
		"a--b.example":                       "a--b.example",
		"-a-.example":                        "-a-.example",
		"xn--a.example":                      "xn--a.example", // decodes to nothing, may stand in the DNS
		"localhost":                          "localhost",
		"exa\u00admple.com":                  "example.com", // soft hyphen is ignored
		"exa\u200bmple.com":                  "example.com",
		"1.2.3.x":                            "1.2.3.x",
		"münchen_test.example":               "xn--mnchen_test-thb.example",
		strings.Repeat("a", 63) + ".example": strings.Repeat("a", 63) + ".example",
	} {
		got, err := Domain(in)
		if err != nil || got != want {
			t.Errorf("Domain(%q) = %q, %v; want %q", in, got, err, want)
		}
		if again, err := Domain(got); err != nil || again != got {
			t.Errorf("Domain(%q) again = %q, %v", got, again, err)
		}
	}
	for _, in := range []string{"", ".", "a..example", "a b.example", "192.0.2.1", "0x7f.1", "a/b.example", "a@b.example",
		"a:1", "a%2e.example", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "example", strings.Repeat("ü", 5000)} {
		if got, err := Domain(in); err == nil {
			t.Errorf("Domain(%q) = %q; want an error", in, got)
		}
	}
}

func TestUnicode(t *testing.T) {
	for in, want := range map[string]string{
		"xn--bcher-kva.example": "bücher.example", "example.com": "example.com", "xn--a.example": "xn--a.example",
	} {
		if got := Unicode(in); got != want {
			t.Errorf("Unicode(%q) = %q; want %q", in, got, want)
		}
	}
}

func TestParentsAndReverse(t *testing.T) {
	for in, want := range map[string][]string{
		"a.b.example.co.uk": {"a.b.example.co.uk", "b.example.co.uk", "example.co.uk"},
		"example.com":       {"example.com"},
		"com":               {"com"},
		"192.0.2.1":         {"192.0.2.1"},
		"a.github.io":       {"a.github.io"},
		"x.a.news.example":  {"x.a.news.example", "a.news.example", "news.example"},
	} {
		var got []string
		Parents(in, func(d string) { got = append(got, d) })
		if !slices.Equal(got, want) {
			t.Errorf("Parents(%q) = %q; want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"a.news.example": "example.news.a.", "example": "example.", "192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::1", "": "",
	} {
		if got := ReverseHost(in); got != want {
			t.Errorf("ReverseHost(%q) = %q; want %q", in, got, want)
		}
	}
	if !strings.HasPrefix(ReverseHost("a.news.example"), ReverseHost("news.example")) ||
		strings.HasPrefix(ReverseHost("bnews.example"), ReverseHost("news.example")) {
		t.Error("a reversed host is not the prefix of exactly its subdomains")
	}
}

// TestPublicSuffixList runs the list's own cases. Our OrgDomain answers a suffix with
// itself where the list's algorithm says null.
func TestPublicSuffixList(t *testing.T) {
	data, err := os.ReadFile(testenv.Data(t, "unicode", "test_psl.txt"))
	if err != nil {
		t.Fatal(err)
	}
	agree, total := 0, 0
	for _, m := range regexp.MustCompile(`(?m)^checkPublicSuffix\('([^']*)', (?:null|'([^']*)')\);`).FindAllStringSubmatch(string(data), -1) {
		if strings.HasPrefix(m[1], ".") {
			continue // no domain
		}
		total++
		want := m[2]
		if want == "" {
			want = m[1]
		}
		want, _ = Domain(want)
		got := OrgDomain(m[1])
		if got == want {
			agree++
			continue
		}
		t.Logf("OrgDomain(%q) = %q; the list says %q", m[1], got, want)
	}
	t.Logf("%d of %d cases of the public suffix list agree", agree, total)
	if total < 60 || agree < total-1 {
		t.Errorf("%d of %d agree", agree, total)
	}
}

// TestIDNA runs Unicode's cases for ToASCII, non-transitional. Three kinds of
// difference are meant: names that the standard refuses and we keep (leniency, counted), names
// longer than the DNS allows or with empty labels, which it lets pass when lengths are not verified,
// and names made of numbers only.
func TestIDNA(t *testing.T) {
	f, err := os.Open(testenv.Data(t, "unicode", "IdnaTestV2.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var valid, agree, refused, bothRefuse, strict int
	for sc := bufio.NewScanner(f); sc.Scan(); {
		source, want, status, ok := idnaCase(sc.Text())
		if !ok {
			continue
		}
		got, err := Domain(source)
		if _, strictly := strictNames.ToASCII(source); status != "" && (strictly != nil || err != nil) {
			strict++
		}
		switch {
		case status != "" && err != nil:
			refused++
			bothRefuse++
		case status != "":
			refused++
		case strings.TrimSuffix(want, ".") == got && err == nil, err != nil && endsInNumber(want):
			valid++
			agree++
		default:
			valid++
			t.Logf("Domain(%+q) = %q, %v; want %q", source, got, err, want)
		}
	}
	t.Logf("valid: %d of %d agree; invalid: of %d the strict profile tells %d, of which %d are refused and the others kept in lenient form",
		agree, valid, refused, strict, bothRefuse)
	if valid == 0 || agree < valid {
		t.Errorf("%d of %d valid names agree", agree, valid)
	}
}

// idnaCase reads a line: source; toUnicode; status; toAsciiN; status …, where an
// empty field repeats the one before it.
func idnaCase(line string) (source, want, status string, ok bool) {
	line, _, _ = strings.Cut(line, "#")
	cols := strings.Split(line, ";")
	if len(cols) < 5 {
		return "", "", "", false
	}
	for i := range cols {
		cols[i] = unescapeUnicode(strings.TrimSpace(cols[i]))
	}
	source, want, status = cols[0], cols[3], cols[4]
	if cols[1] == "" {
		cols[1] = source
	}
	if want == "" {
		want = cols[1]
	}
	if status == "" {
		status = cols[2]
	}
	if source == `""` {
		source = ""
	}
	return source, want, strings.Trim(status, "[]"), true
}

var escaped = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})|\\x\{([0-9A-Fa-f]+)\}`)

func unescapeUnicode(s string) string {
	return escaped.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(strings.Trim(e[2:], "{}"), 16, 32)
		if err != nil {
			return e
		}
		return string(rune(n))
	})
}
