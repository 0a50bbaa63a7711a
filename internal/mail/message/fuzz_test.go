package message

import (
	"strings"
	"testing"
)

var fuzzSeeds = []string{
	"",
	"Subject: hi\r\n\r\nbody\r\n",
	"From a@x.example Mon Jan  1 00:00:00 2024\nFrom: A <a@x.example>\n\nx\n",
	"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nA\n--b\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n<a href=3D\"http://x.example/=\n1\">x</a>\n--b--\n",
	"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\nContent-Transfer-Encoding: base64\n\nQUJD=REVG\n--bb--\n--b--\n",
	"Content-Type: text/plain; charset=utf-7\n\n+ADw-script+AD4-",
	"Content-Type: text/plain\n\nbegin 644 a.txt\n#0V%T\n`\nend\n",
	"no header at all\n\nbody",
	"A: b\rC: d\r\rbody\r",
	"Content-Type: multipart/mixed\n\n--x\nContent-Type: text/plain\n\nhi\n--x--\n",
}

// FuzzParse reads everything that can be asked of a message and checks that all
// offsets lie within it.
func FuzzParse(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s))
	}
	lim := Limits{Parts: 50, Depth: 6, Fields: 60, FieldBytes: 4000, Decoded: 1 << 16, HTMLTokens: 2000, HTMLTextMax: 1 << 14}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Parse(raw, lim)
		checkMessage(t, m)
		m.Digest()
		m.PlainText()
		m.From()
		m.Received()
		m.References()
		_, _ = m.Header.Date()
		for _, p := range m.Attachments() {
			p.MediaTypeSniffed()
			if e := p.Embedded(); e != nil {
				checkMessage(t, e)
			}
		}
		if len(raw) < 20_000 {
			Disagreements(m)
		}
	})
}

func checkMessage(t *testing.T, m *Message) {
	t.Helper()
	paths := map[string]bool{}
	for _, p := range m.Parts {
		if p.Start < 0 || p.End < p.Start || p.End > len(m.Raw) {
			t.Fatalf("part %q: [%d,%d) of %d bytes", p.Path, p.Start, p.End, len(m.Raw))
		}
		if paths[p.Path] {
			t.Fatalf("two parts %q", p.Path)
		}
		paths[p.Path] = true
		for _, h := range p.Header {
			if h.Start < 0 || h.ValueStart < h.Start || h.End < h.ValueStart || h.End > len(m.Raw) {
				t.Fatalf("field %q: %d %d %d", h.Name, h.Start, h.ValueStart, h.End)
			}
		}
		checkRanges(t, p)
		if h := p.HTML(); h != nil {
			checkHTML(t, h, p.Text())
		}
	}
	for _, d := range m.Defects {
		if d.Offset < 0 || d.Offset > len(m.Raw) {
			t.Fatalf("defect %v lies outside of %d bytes", d, len(m.Raw))
		}
	}
}

// checkRanges decodes what RawRange points to and compares.
func checkRanges(t *testing.T, p *Part) {
	t.Helper()
	size := len(p.Content())
	if p.isText() {
		size = len(p.Text())
	}
	for _, at := range [...]int{0, size / 3, size / 2, size - 1} {
		if at < 0 {
			continue
		}
		end := min(size, at+10)
		start, stop := p.RawRange(at, end)
		if start < p.Start || stop < start || stop > p.End {
			t.Fatalf("part %q: RawRange(%d,%d) = %d,%d outside of [%d,%d)", p.Path, at, end, start, stop, p.Start, p.End)
		}
		if p.isText() && p.cache.form == formUTF8 {
			decoded := string(p.decodeQuietly(p.msg.Raw[start:stop]))
			if want := p.Text()[at:end]; p.codec() != "x-uuencode" && !strings.Contains(decoded, want) {
				t.Fatalf("part %q: RawRange(%d,%d) leads to %q, not %q", p.Path, at, end, decoded, want)
			}
		}
	}
}

// decodeQuietly is decode without defects.
func (p *Part) decodeQuietly(src []byte) []byte {
	switch p.codec() {
	case "base64":
		src, _ = decodeBase64(src)
	case "quoted-printable":
		src, _ = decodeQP(src)
	}
	return src
}

func checkHTML(t *testing.T, h *HTML, text string) {
	t.Helper()
	check := func(what string, start, end int) {
		if start < 0 || end < start || end > len(text) {
			t.Fatalf("%s: [%d,%d) of %d bytes", what, start, end, len(text))
		}
	}
	for _, l := range h.Links {
		check("link", l.Start, l.End)
	}
	for _, r := range h.Remote {
		check("remote "+r.URL, r.Start, r.End)
	}
	for _, x := range h.Forms {
		check("form", x.Start, x.End)
	}
	for _, x := range h.Scripts {
		check("script", x.Start, x.End)
	}
}

func FuzzHeader(f *testing.F) {
	for _, s := range []string{"=?utf-8?q?a_b?=", "=?utf-8?b?w6Q=?= =?utf-8?b?w6Q=?=", "Mon, 1 Jan 2024 10:00:00 +0100 (CET)", "text/html; charset=\"utf-8\"; name*0*=utf-8''a%20; name*1=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		DecodeWords(s)
		_, _ = ParseDate(s)
		parseParameters(s)
		parseReceived(Field{Value: s})
	})
}

func FuzzAddresses(f *testing.F) {
	for _, s := range []string{`"A, B" <a@x.example>, c@y.example (C)`, "Group: a@x.example, b@x.example;", "Doe, John <j@x.example>", "Name,(<a@x.example>)", "<@r:a@x.example>", "((((", `"""`, "@:", "(<@:@>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, a := range ParseAddresses(s) {
			if a.Addr == "" && a.Name == "" {
				t.Fatalf("an empty address from %q", s)
			}
			if strings.ToLower(a.Domain) != a.Domain {
				t.Fatalf("domain %q is not lower case", a.Domain)
			}
		}
	})
}

func FuzzHTML(f *testing.F) {
	for _, s := range []string{
		`<a href="http://x.example/">x</a><img src=http://x.example/p.gif width=1 height=1>`,
		`<style>.a{display:none}@import url(http://x.example/a.css);b{background:url('http://x.example/b')}</style><p class=a>x`,
		`<!--[if mso]><v:fill src="http://x.example/v.png"/><![endif]-->`,
		"<A\nHREF = x Title='y'/ z==\"q\"><div style=\"background:\\75rl(http://x.example/)\">", "<a/=b c>", "<a =x>", "<a x= >",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkHTML(t, ScanHTML(s, Limits{HTMLTokens: 5000, HTMLTextMax: 1 << 16}), s)
	})
}
