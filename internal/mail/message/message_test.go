package message

import (
	"fmt"
	"strings"
	"testing"
)

// outline writes the parts one a line.
func outline(m *Message) string {
	var b strings.Builder
	for _, p := range m.Parts {
		body := string(m.Raw[p.Start:p.End])
		if len(p.Children) > 0 {
			body = "…"
		}
		fmt.Fprintf(&b, "%s %s %q\n", p.Path, p.MediaType, body)
	}
	return b.String()
}

func TestStructure(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"empty", "", "1 text/plain \"\"\n"},
		{"no header", "hello there\nyou", "1 text/plain \"hello there\\nyou\"\n"},
		{"bare CR throughout", "Subject: x\r\rbody\r", "1 text/plain \"body\\r\"\n"},
		{"From line", "From a@x.example Mon\nSubject: x\n\nb", "1 text/plain \"b\"\n"},
		{"mixed", "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n--b\r\n\r\none\r\n--b  \r\nContent-Type: text/html\r\n\r\ntwo\r\n--b--\r\nepilogue",
			" multipart/mixed \"…\"\n1 text/plain \"one\"\n2 text/html \"two\"\n"},
		{"no final boundary", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none", " multipart/mixed \"…\"\n1 text/plain \"one\"\n"},
		{"inner not closed", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--b\n\ntwo\n--b--\n",
			" multipart/mixed \"…\"\n1 multipart/alternative \"…\"\n1.1 text/plain \"one\"\n2 text/plain \"two\"\n"},
		{"boundary within header", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n--b\n\ntwo\n--b--\n",
			" multipart/mixed \"…\"\n1 text/html \"\"\n2 text/plain \"two\"\n"},
		{"attached", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: in\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--c--\n--b--\n",
			" multipart/mixed \"…\"\n1 message/rfc822 \"…\"\n1.TEXT multipart/mixed \"…\"\n1.1 text/plain \"one\"\n"},
		{"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: in\n\none\n--b--\n",
			" multipart/digest \"…\"\n1 message/rfc822 \"…\"\n1.1 text/plain \"one\"\n"},
		{"guessed boundary", "Content-Type: multipart/mixed\n\n--x\nContent-Type: text/html\n\nhi\n--x--\n", " multipart/mixed \"…\"\n1 text/html \"hi\"\n"},
		{"no boundary at all", "Content-Type: multipart/mixed\n\nhi\n", " multipart/mixed \"hi\\n\"\n"},
		{"uuencode", "Subject: x\n\nhi\nbegin 644 a.txt\n#0V%T\n`\nend\nbye\n",
			"1 text/plain \"hi\\nbegin 644 a.txt\\n#0V%T\\n`\\nend\\nbye\\n\"\n1+uu1 application/octet-stream \"begin 644 a.txt\\n#0V%T\\n`\\nend\\n\"\n"},
	} {
		if got := outline(Parse([]byte(c.raw), DefaultLimits())); got != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, c.want)
		}
	}
}

func TestContent(t *testing.T) {
	for _, c := range []struct{ header, body, want string }{
		{"", "a\r\nb", "a\r\nb"},
		{"Content-Transfer-Encoding: base64\n", "QUJD\nREVG\n", "ABCDEF"},
		{"Content-Transfer-Encoding: base64\n", "QUJD!RE VG", "ABCDEF"},
		{"Content-Transfer-Encoding: base64\n", "QQ==QUJD", "AABC"},
		{"Content-Transfer-Encoding: BASE64 (x)\n", "QUI", "AB"},
		{"Content-Transfer-Encoding: quoted-printable\n", "a=3D=\nb =20 \nc=zz=", "a=b  \nc=zz"},
		{"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n", "caf=E9", "café"},
		{"Content-Type: text/plain; charset=iso-8859-1\n", "café", "café"},
		{"Content-Type: text/plain; charset=utf-8\n", "caf\xe9 é", "café é"},
		{"Content-Type: text/plain; charset=x-what\n", "caf\xe9", "café"},
		{"Content-Type: text/plain; charset=utf-7\n", "+AOk-a", "éa"},
		{"Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n", "/v8A6QBi", "éb"},
		{"Content-Type: text/plain; charset=gb2312\nContent-Transfer-Encoding: base64\n", "1tC5+g==", "中国"},
		{"Content-Type: text/html\n", "<meta charset=windows-1251>\xcf", "<meta charset=windows-1251>П"},
		{"Content-Type: text/plain\n", "\xef\xbb\xbfhi", "hi"},
	} {
		m := Parse([]byte(c.header+"\n"+c.body), DefaultLimits())
		if got := m.Root.Text(); got != c.want {
			t.Errorf("%s%q: %q, want %q", c.header, c.body, got, c.want)
		}
	}
}

func TestRawRange(t *testing.T) {
	for _, c := range []struct{ header, body, find, want string }{
		{"", "one two three", "two", "two"},
		{"Content-Transfer-Encoding: quoted-printable\n", "a=3Db =\ntwo=20x  \nthree", "two x", "two=20x"},
		{"Content-Transfer-Encoding: quoted-printable\n", "a  \nthree", "three", "three"},
		{"Content-Transfer-Encoding: base64\n", "QUJD\nREVG\n", "D", "REVG"},
		{"Content-Transfer-Encoding: base64\n", "QUJD\nREVG\n", "CD", "QUJD\nREVG"},
		{"Content-Type: text/plain; charset=iso-8859-1\n", "\xe9\xe9 two \xe9", "two é", "two \xe9"},
		{"Content-Type: text/plain; charset=utf-8\n", "\xe9é two", "é two", "é two"},
		{"Content-Type: text/plain\n", "\xef\xbb\xbfhi two", "two", "two"},
		{"Content-Type: text/plain; charset=gb2312\n", "\xd6\xd0 two", "two", "\xd6\xd0 two"},
	} {
		m := Parse([]byte(c.header+"\n"+c.body), DefaultLimits())
		i := strings.LastIndex(m.Root.Text(), c.find)
		start, end := m.Root.RawRange(i, i+len(c.find))
		if got := string(m.Raw[start:end]); i < 0 || got != c.want {
			t.Errorf("%q %q: %q, want %q", c.body, c.find, got, c.want)
		}
	}
}

// Offsets must survive the marks that are kept every few kilobytes.
func TestRawRangeFarIn(t *testing.T) {
	var b strings.Builder
	b.WriteString("Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "=E9 line %d =3D=\n", i)
	}
	m := Parse([]byte(b.String()), DefaultLimits())
	for _, i := range []int{0, 7, 999, 4999} {
		want := fmt.Sprintf("line %d ", i)
		at := strings.Index(m.Root.Text(), want)
		start, end := m.Root.RawRange(at, at+len(want))
		if got := string(m.Raw[start:end]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDigestIgnoresTheStore(t *testing.T) {
	a := Parse([]byte("Subject: x\r\nFrom: a@x.example\r\n\r\nbody\r\n"), DefaultLimits()).Digest()
	for _, same := range []string{
		"Subject: x\nFrom: a@x.example\n\nbody",
		"From a@x.example Mon Jan 1\nSubject: x\nStatus: RO\nX-UID: 5\nX-Mozilla-Keys: a\n b\nFrom: a@x.example\nContent-Length: 5\n\nbody\n\n\n",
	} {
		if b := Parse([]byte(same), DefaultLimits()).Digest(); a != b {
			t.Errorf("%q has another digest", same)
		}
	}
	for _, other := range []string{"Subject: y\nFrom: a@x.example\n\nbody", "Subject: x\nFrom: a@x.example\n\n\nbody", "Subject: x\nFrom: a@x.example\n\nbody "} {
		if b := Parse([]byte(other), DefaultLimits()).Digest(); a == b {
			t.Errorf("%q has the same digest", other)
		}
	}
}

func TestAttachmentsAndText(t *testing.T) {
	m := Parse([]byte(`Subject: =?utf-8?q?x_y?=
Message-ID: <1@x.example>
References: <2@x.example> <3@x.example>
In-Reply-To: <3@x.example>
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c

plain words
--c
Content-Type: text/html

<p>shown words<p style="display:none">not these
--c--
--b
Content-Type: application/pdf; name="a.pdf"
Content-Transfer-Encoding: base64

JVBERi0xLjQ=
--b
Content-Type: image/png
Content-ID: <i@x.example>

x
--b
Content-Type: text/plain
Content-Disposition: attachment; filename="=?utf-8?q?n=2Etxt?="

attached words
--b
Content-Type: application/octet-stream; name=x.bin

<!doctype html><title>hi</title>
--b--
`), DefaultLimits())
	if got := m.PlainText(); got != "shown words" {
		t.Errorf("plain text %q", got)
	}
	var names []string
	for _, p := range m.Attachments() {
		names = append(names, p.FileName+" "+p.MediaTypeSniffed())
	}
	if got := strings.Join(names, ", "); got != "a.pdf application/pdf, n.txt text/plain, x.bin text/html" {
		t.Errorf("attachments %s", got)
	}
	if m.Subject() != "x y" || m.MessageID() != "1@x.example" || strings.Join(m.References(), " ") != "2@x.example 3@x.example" {
		t.Errorf("%q %q %q", m.Subject(), m.MessageID(), m.References())
	}
	if len(m.TextParts()) != 2 || len(m.HTMLParts()) != 2 {
		t.Errorf("%d text parts, %d HTML parts", len(m.TextParts()), len(m.HTMLParts()))
	}
}

func TestEmbedded(t *testing.T) {
	m := Parse([]byte("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogaW4KCmhp\n"), DefaultLimits())
	if e := m.Root.Embedded(); e == nil || e.Subject() != "in" {
		t.Errorf("embedded %+v", e)
	}
}

func TestSuspicious(t *testing.T) {
	for name, raw := range map[string]string{
		"two types":        "Content-Type: text/plain\nContent-Type: text/html\n\nx",
		"two senders":      "From: a@x.example\nFrom: b@x.example\n\nx",
		"two addresses":    "From: a@x.example, b@x.example\n\nx",
		"two brackets":     "From: <a@x.example> <b@x.example>\n\nx",
		"two boundaries":   "Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--a\n\nx\n--a--\n",
		"boundary prefix":  "Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--ab\n--a--\n",
		"comment":          "Content-Type: text/(x)plain\n\nx",
		"NUL":              "Subject: a\x00b\n\nx",
		"bare CR":          "Subject: a\rFrom: b@x.example\n\nx",
		"blank line":       "Subject: a\n \nFrom: b@x.example\n\nx",
		"no blank line":    "Subject: a\nnot a field here\nnor here\n\nx",
		"base64 garbage":   "Content-Transfer-Encoding: base64\n\nQUJD!!QUJD",
		"base64 padding":   "Content-Transfer-Encoding: base64\n\nQQ==QUJD",
		"words in words":   "Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?=\n\nx",
		"address in word":  "From: =?utf-8?q?=3Ca=40x=2Eexample=3E?= <b@x.example>\n\nx",
		"control in word":  "Subject: =?utf-8?q?a=0D=0AFrom:b?=\n\nx",
		"encoded multi":    "Content-Type: multipart/mixed; boundary=a\nContent-Transfer-Encoding: base64\n\n--a\n\nx\n--a--\n",
		"unknown encoding": "Content-Transfer-Encoding: base65\n\nx",
	} {
		m := Parse([]byte(raw), DefaultLimits())
		if !m.Suspicious() {
			t.Errorf("%s: not suspicious: %v", name, m.Defects)
		}
	}
	m := Parse([]byte("From: A <a@x.example>\r\nSubject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nx\r\n"), DefaultLimits())
	if m.Suspicious() || Disagreements(m) != nil || len(m.Defects) != 0 {
		t.Errorf("plain message: %v", m.Defects)
	}
}

func TestLineEndsOfTwoKinds(t *testing.T) {
	m := Parse([]byte("Subject: a\r\nX: b\nY: c\r\n\r\nx"), DefaultLimits())
	if len(m.Defects) != 1 || m.Defects[0].Kind != BareLF || m.Defects[0].Offset != 16 {
		t.Errorf("defects %v", m.Defects)
	}
}

func TestDisagreements(t *testing.T) {
	raw := "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b and more\nContent-Type: text/html\n\ntwo\n--b--\n"
	m := Parse([]byte(raw), DefaultLimits())
	if d := Disagreements(m); len(d) == 0 {
		t.Errorf("no disagreement; defects %v", m.Defects)
	}
}
