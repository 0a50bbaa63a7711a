package message

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"portcullis.example/portcullis/internal/testenv"
)

// seen is a token in a form in which two tokenizers compare: adjacent text is one
// token, and where a token stands is part of it.
type seen struct {
	kind       string
	start, end int
	data       string
	attrs      []attr
}

func (s seen) String() string {
	return fmt.Sprintf("%s[%d,%d) %q %+v", s.kind, s.start, s.end, s.data, s.attrs)
}

func appendSeen(list []seen, s seen) []seen {
	if n := len(list); s.kind == "text" && n > 0 && list[n-1].kind == "text" {
		list[n-1].end = s.end
		list[n-1].data += s.data
		return list
	}
	return append(list, s)
}

// ours is what our tokenizer sees.
func ours(text string) (list []seen) {
	z := tokenizer{text: text}
	for {
		kind := z.next()
		s := seen{start: z.start, end: z.end}
		raw := text[z.start:z.end]
		switch kind {
		case noToken:
			return list
		case textToken:
			s.kind, s.data = "text", decodeText(raw)
		case rawToken:
			s.kind, s.data = "text", plainValue(raw)
		case startToken:
			s.kind, s.data, s.attrs = "start", z.tag.String()+z.name, firstOnes(z.attrs)
		case endToken:
			s.kind, s.data = "end", z.tag.String()+z.name
		case commentToken:
			s.kind = "comment"
		}
		s.data = strings.ReplaceAll(s.data, "\x00", "\ufffd") // in names it is of no account
		list = appendSeen(list, s)
	}
}

// decodeText is what writeDecoded does, without the layout.
func decodeText(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "&")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		text, n := reference("&"+rest, false)
		b.WriteString(text)
		s = rest[n-1:]
	}
}

// firstOnes leaves out attributes whose name came before (§13.2.5.33).
func firstOnes(all []attr) (first []attr) {
	names := map[string]bool{}
	for _, a := range all {
		a.key = strings.ReplaceAll(a.key, "\x00", "\ufffd")
		a.value()
		if !names[a.key] {
			first = append(first, a)
		}
		names[a.key] = true
	}
	return first
}

// oracle is what golang.org/x/net/html sees.
func oracle(text string) (list []seen) {
	z := html.NewTokenizer(strings.NewReader(text))
	for at := 0; ; {
		kind := z.Next()
		s := seen{start: at, end: at + len(z.Raw())}
		at = s.end
		switch kind {
		case html.ErrorToken:
			return list
		case html.TextToken:
			s.kind, s.data = "text", string(z.Text())
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			s.kind = "start"
			if kind == html.EndTagToken {
				s.kind = "end"
			}
			name, more := z.TagName()
			if s.data = string(name); s.data == "noscript" {
				z.NextIsNotRawText()
			}
			for more {
				var key, val []byte
				key, val, more = z.TagAttr()
				s.attrs = append(s.attrs, attr{key: string(key), val: string(val)})
			}
		default:
			s.kind = "comment"
		}
		s.data = strings.ReplaceAll(s.data, "\x00", "\ufffd")
		list = appendSeen(list, s)
	}
}

// escapedScripts finds the one thing that x/net reads against §13.2.5.23: a "<"
// that begins no tag, after "<!--" within a script.
var escapedScripts = regexp.MustCompile(`(?is)<script.*<!--.*<[^a-z/]`)

// checkTokens compares the two.
func checkTokens(t *testing.T, text string) {
	t.Helper()
	if escapedScripts.MatchString(text) {
		return
	}
	got, want := ours(text), oracle(text)
	for i := range max(len(got), len(want)) {
		a, b := "nothing", "nothing"
		if i < len(got) {
			a = got[i].String()
		}
		if i < len(want) {
			b = want[i].String()
		}
		if a != b {
			t.Fatalf("token %d of %.200q:\n got %s\nwant %s", i, text, a, b)
		}
	}
}

var tokenCases = []string{
	"", "a", "<", "</", "<!", "<?", "a<", "a</", "a < b", "<1", "<é", "</>", "</ a>", "</1>b", "<?xml a>b", "<!a>b", "<!>b", "<!->b", "<!-",
	"<!---->a", "<!-->a", "<!--->a", "<!--a-->b", "<!--a--!>b", "<!--a--!!>b-->c", "<!--a--!-->b", "<!--a->b--", "<!--a", "<!--!>a-->b", "<!---!>a-->b", "<!----!>a",
	"<!--<!---->-->", "<!DOCTYPE html>a", "<!doctype html PUBLIC \"a>b\">c", "<!DOCTYP", "<!DOCTYPE", "<!DOCTYPE ", "<![CDATA[a>b]]>c",
	"<svg><![CDATA[<a>]]></svg>", "<a", "<a ", "<a b", "<a b=", "<a b='", "<a b=''", "<a b='c>d", "<a/", "<a/b", "</a", "</a b='>'>c", "</a b", "</a/>",
	"<a b>", "<a b=c>", "<a b = c d>", "<a b='c'd>", "<a b=\"c\"/>", "<a b=c/>", "<a/b/c>", "<a /=b c>", "<a =x>", "<a ==x>", "<a x= >y", "<a x=>y", "<a x\r=\ry\r>",
	"<a b=1 B=2 b=3>", "<A HREF=X>", "<a b='\r\n\r'>", "<a b=\"&amp;&lt;&#60;&#x3c&notit;&copy=1&copy&copyx&para&\">", "<a ?b=c&d=e&amp=f>", "<a <b>c", "<a\"b'c=d>",
	"<a-b:c.d>", "<aé É=É>", "<averyveryveryveryverylongname>", "<AVERYVERYVERYVERYVERYLONGNAME></AVERYVERYVERYVERYVERYLONGNAME>",
	"&amp;&lt;&nbsp;&copy&copyx&notit;&notin;&#0;&#128;&#x80;&#55296;&#x110000;&#99999999999;&#;&#x;&;&&a;&NotEqualTilde;&fjlig;&semi;&amp", "AT&T &T; &#32", "\r\n\r&#13;",
	"<title>a<b>&amp;</titlex></title >b", "<TITLE>a</Title>b", "<textarea>&lt;</textarea", "<style>a<b>&amp;</style>b", "<style/>a</style>", "<xmp><a></xmp>", "<title></title>",
	"<iframe><a></iframe>", "<noembed><a></noembed>", "<noframes><a></noframes>", "<noscript><a></noscript>", "<plaintext><a></plaintext>",
	"<script>a<b</script>c", "<script></script>", "<script>a</scriptx></script/>b", "<script><!--</script>-->b", "<script><!--<script></script></script>b",
	"<script><!--<script>--></script>b", "<script><!--<script></script>--></script>b", "<script><!--><script></script>b", "<script><!--<scriptx></script>b", "<script><!-", "<script><!--<script",
	"<script><!--</scriptx><a</script\f>b", "<script><!--<SCRIPT\t></SCRIPT/></script>b", "<style>\x00</style>\x00<a \x00=\x00>", "<p\x00q>",
}

func TestTokens(t *testing.T) {
	for _, text := range tokenCases {
		checkTokens(t, text)
	}
}

// TestEscapedScript holds what the standard says where x/net says otherwise.
func TestEscapedScript(t *testing.T) {
	for text, end := range map[string]int{
		"<script><!-- < <script> </script> --></script>":  37,
		"<script><!--<<script></script>--></script>":      33,
		"<script><!-- 1 < 2 --> <script> </script>":       32,
		"<script><!-- < </script> -->":                    15,
		"<script><!--<script>< </script></script>":        31,
		"<script><!--<script>< </script><!-- </script> <": 36,
	} {
		list := ours(text)
		if got := list[1].end; got != end {
			t.Errorf("%s: the script ends at %d, want %d", text, got, end)
		}
	}
}

// TestTokensCut ends every case everywhere.
func TestTokensCut(t *testing.T) {
	all := strings.Join(tokenCases[:len(tokenCases)-20], "")
	for i := range all {
		if i < 3000 {
			checkTokens(t, all[:i])
		}
	}
	for _, text := range tokenCases {
		for i := range text {
			checkTokens(t, text[:i])
			checkTokens(t, text[i:])
		}
	}
}

// TestUnterminated holds our list of names against the library's table.
func TestUnterminated(t *testing.T) {
	for _, name := range strings.Fields(unterminated) {
		if got := html.UnescapeString("&" + name); strings.HasPrefix(got, "&") && len(got) > 1 || len([]rune(got)) != 1 {
			t.Errorf("%s: %q", name, got)
		}
	}
	if n := len(strings.Fields(unterminated)); n != 106 {
		t.Errorf("%d names, want the 106 of §13.5", n)
	}
}

// TestTokensOfRealMail compares on all HTML of the collections, and on each cut short.
func TestTokensOfRealMail(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	files, err := filepath.Glob(filepath.Join(testenv.Data(t, "mail"), "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // a folder
		}
		for _, p := range Parse(raw, DefaultLimits()).Parts {
			if p.IsHTML() {
				checkTokens(t, p.Text())
				checkTokens(t, p.Text()[:len(p.Text())*2/3])
				compared++
			}
		}
	}
	t.Logf("%d HTML parts", compared)
}

// FuzzTokens compares the two tokenizers on anything.
func FuzzTokens(f *testing.F) {
	for _, text := range tokenCases {
		f.Add(text)
	}
	f.Fuzz(checkTokens)
}
