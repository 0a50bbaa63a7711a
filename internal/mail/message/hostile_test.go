package message

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// hostile are inputs that cost the square of their length in a careless parser.
// None may take more than a moment; that they end at all is what is tested.
func hostile() map[string]string {
	html := "Content-Type: text/html\n\n"
	long := func(s string, size int) string { return strings.Repeat(s, size/len(s)) }
	const mega = 4 << 20
	return map[string]string{
		"10,000 parts":      "Content-Type: multipart/mixed; boundary=b\n\n" + long("--b\n\nx\n", 70_000) + "--b--\n",
		"100 MB line":       "Subject: x\n\n" + long("x", 100<<20),
		"deep":              deep(200),
		"many fields":       long("A: b\n", mega) + "\nx",
		"one long field":    "Subject: " + long("x\n ", mega) + "\n\nx",
		"no field at all":   long("x\n\n:", mega),
		"malformed fields":  long("A: b\n:\n", mega),
		"boundary prefixes": nestedPrefixes(30) + long("--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", mega),
		"dashes":            "Content-Type: multipart/mixed; boundary=b\n\n" + long("--\n", mega),
		"uuencode":          "Subject: x\n\n" + long("begin 644 x\n", mega),
		"uuencode ends":     "Subject: x\n\n" + long("begin 644 x\nend\n", mega),
		"From parentheses":  "From: " + long("(", 256<<10) + "\n\nx",
		"From quotes":       "From: " + long(`\""`, 256<<10) + "\n\nx",
		"From brackets":     "From: " + long("<a@b", 256<<10) + "\n\nx",
		"From colons":       "From: " + long("a:", 256<<10) + "\n\nx",
		"From commas":       "From: " + long("a,", 256<<10) + "@\n\nx",
		"From words":        "From: " + long("=?a?q?x", 256<<10) + "\n\nx",
		"many From":         long("From: a@x.example, ((((\n", 120_000) + "\nx",
		"parameters":        "Content-Type: text/plain; " + long("a*0=b;", 256<<10) + "\n\nx",
		"comments":          "Content-Type: text/plain (" + long("(", 256<<10) + "\n\nx",
		"alternatives":      nestedAlternatives(30),
		"html open":         html + long("<b>", mega),
		"html stray ends":   html + long("<div>", 2000) + long("</p></b></x>", mega),
		"html attributes":   html + "<a " + long("a=b ", mega) + ">",
		"html comments":     html + long("<!--[if mso]>", mega),
		"html styles":       html + long("<style>", mega),
		"html links":        html + long("<a href=x>", mega),
		"css brackets":      html + "<p style='" + long("a:(;", mega) + "'>",
		"css url":           html + "<style>" + long("url(", mega) + "</style>",
		"css url quotes":    html + "<style>" + long("a{b:url(\"", mega) + "</style>",
		"css image-set":     html + "<style>" + long("image-set(", mega) + "</style>",
		"css blocks":        html + "<style>" + long("@media{", mega) + "</style>",
		"css comments":      html + "<style>" + long("/*", mega) + "</style>",
		"css classes":       html + "<style>" + long(".a{color:red;width:1px}", 1<<20) + "</style><p class='" + long("a ", 1<<20) + "'>",
		"css imports":       html + "<style>" + long("@import ", mega) + "</style>",
		"css escapes":       html + "<style>" + long(`\61`, mega) + "</style>",
		"srcset":            html + "<img srcset='" + long("a,", mega) + "'>",
		"base64 garbage":    "Content-Transfer-Encoding: base64\n\n" + long("=!A", mega),
		"qp equals":         "Content-Transfer-Encoding: quoted-printable\n\n" + long("= ", mega),
		"qp spaces":         "Content-Transfer-Encoding: quoted-printable\n\n" + long(" ", mega) + "x",
		"NUL":               long("\x00", mega),
		"CR":                long("A: b\r", mega),
		"no boundary":       long("Content-Type: multipart/mixed\n\n--x\n", 1<<20),
	}
}

func deep(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%dx\n\n--b%dx\n", i, i)
	}
	return b.String() + "\nx\n"
}

func nestedPrefixes(n int) string {
	var b strings.Builder
	for i := range n {
		name := strings.Repeat("a", i+1)
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%s\n\n--%s\n", name, name)
	}
	return b.String()
}

func nestedAlternatives(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/alternative; boundary=b%dx\n\n--b%dx\n", i, i)
	}
	return b.String() + "\n\n"
}

func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	for name, raw := range hostile() {
		t.Run(name, func(t *testing.T) {
			m := Parse([]byte(raw), DefaultLimits())
			for _, p := range m.Parts {
				_ = p.Text()
				_ = p.HTML()
				p.RawRange(0, 10)
			}
			m.PlainText()
			m.From()
			m.Digest()
			if len(m.Parts) > m.lim.Parts+1 || len(m.Defects) > maxDefects+len(limits) {
				t.Errorf("%d parts, %d defects", len(m.Parts), len(m.Defects))
			}
		})
	}
}

func TestLimitsAreReported(t *testing.T) {
	for name, want := range map[string]DefectKind{
		"10,000 parts": TooManyParts, "100 MB line": TooManyBytes, "deep": TooDeep, "many fields": TooManyFields, "one long field": FieldTooLong,
	} {
		m := Parse([]byte(hostile()[name]), DefaultLimits())
		if !m.has(want) {
			t.Errorf("%s: no defect %s in %v", name, want, m.Defects)
		}
	}
	m := Parse([]byte("Content-Type: text/html\n\n"+strings.Repeat("<b>x</b>", 1000)), Limits{HTMLTokens: 100})
	m.Root.HTML()
	if !m.has(HTMLTooLong) {
		t.Errorf("no defect for too many tokens: %v", m.Defects)
	}
	m = Parse(bytes.Repeat([]byte("x"), 100), Limits{Decoded: 10})
	if got := len(m.Root.Content()); got != 10 || !m.has(DecodedTooLong) {
		t.Errorf("%d bytes decoded, defects %v", got, m.Defects)
	}
}
