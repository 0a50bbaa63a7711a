package source

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// mboxCases are mailboxes as the variants write them; want are the messages.
var mboxCases = []struct {
	name string
	in   string
	want []string
}{
	{"two", fromA + "Subject: 1\n\none\n\n" + fromA + "Subject: 2\n\ntwo\n\n", []string{"Subject: 1\n\none\n", "Subject: 2\n\ntwo\n"}},
	{"no newline at the end", fromA + "Subject: 1\n\none", []string{"Subject: 1\n\none"}},
	{"no blank line at the end", fromA + "Subject: 1\n\none\n", []string{"Subject: 1\n\none\n"}},
	{"blank lines of the body stay", fromA + "Subject: 1\n\none\n\n\n\n" + fromA + "Subject: 2\n\n\n\n", []string{"Subject: 1\n\none\n\n\n", "Subject: 2\n\n\n"}},
	{"byte order mark and blank lines first", "\xef\xbb\xbf\n\n" + fromA + "Subject: 1\n\none\n", []string{"Subject: 1\n\none\n"}},
	{"zeros", fromA + "Subject: \x001\n\no\x00ne\n\n" + fromA + "Subject: 2\n\n\x00\n", []string{"Subject: \x001\n\no\x00ne\n", "Subject: 2\n\n\x00\n"}},
	{"header only", fromA + "Subject: 1\n\n" + fromA + "Subject: 2\n\n", []string{"Subject: 1\n", "Subject: 2\n"}},
	{"mboxrd", fromA + "Subject: 1\n\n>From one\n\n>>From two\n > From\n>Fromage\n\n" + fromA + "Subject: 2\n\nx\n",
		[]string{"Subject: 1\n\nFrom one\n\n>From two\n > From\n>Fromage\n", "Subject: 2\n\nx\n"}},
	{"quoting begins the body", fromA + "Subject: 1\n\n>From one\n", []string{"Subject: 1\n\nFrom one\n"}},
	{"header lines stay", fromA + ">From c@example.org Mon Jan  1 10:00:00 2024\nSubject: 1\n\nx\n", []string{">From c@example.org Mon Jan  1 10:00:00 2024\nSubject: 1\n\nx\n"}},
	{"mboxo quoting behind blank lines only", fromA + "Subject: 1\n\nHe came\nFrom Rome\n>From there\n\n>From here\n\n" + fromA + "Subject: 2\n\nx\n",
		[]string{"Subject: 1\n\nHe came\nFrom Rome\n>From there\n\nFrom here\n", "Subject: 2\n\nx\n"}},
	{"dated line within a paragraph", fromA + "Subject: 1\n\nx\n" + fromA + "Subject: no\n\ny\n", []string{"Subject: 1\n\nx\n" + fromA + "Subject: no\n\ny\n"}},
	{"prose behind a blank line", fromA + "Subject: 1\n\nx\n\nFrom what I hear:\nno\n\n>From you\n\n>From a Mon Jan  1 10:00:00 2024\n", []string{"Subject: 1\n\nx\n\nFrom what I hear:\nno\n\n>From you\n\nFrom a Mon Jan  1 10:00:00 2024\n"}},
	{"undated separators", "From - \nX-Mozilla-Status: 0001\nSubject: 1\n\nx\n\nFrom ???@???\nReceived: by y\n\ny\n", []string{"X-Mozilla-Status: 0001\nSubject: 1\n\nx\n", "Received: by y\n\ny\n"}},
	{"mboxcl2", fromA + "Content-Length: 47\n\nFrom x\n\nFrom b Mon Jan  1 10:00:00 2024\n>From y\n\n" + fromA + "Content-Length: 2\n\ny\n\n",
		[]string{"Content-Length: 47\n\nFrom x\n\nFrom b Mon Jan  1 10:00:00 2024\n>From y\n", "Content-Length: 2\n\ny\n"}},
	{"mboxcl", fromA + "Content-Length: 8\n\n>From x\n\n" + fromA + "Content-Length: 2\n\ny\n", []string{"Content-Length: 8\n\nFrom x\n", "Content-Length: 2\n\ny\n"}},
	{"mboxcl that does not count the last line's end", fromA + "Content-Length: 1\n\nx\n\n" + fromA + "Content-Length: 1\n\ny\n", []string{"Content-Length: 1\n\nx\n", "Content-Length: 1\n\ny\n"}},
	{"length too long", fromA + "Content-Length: 900\n\nx\n\n" + fromA + "Subject: 2\n\ny\n", []string{"Content-Length: 900\n\nx\n", "Subject: 2\n\ny\n"}},
	{"length too short", fromA + "Content-Length: 1\n\nxyz\n\n" + fromA + "Content-Length: 2\n\ny\n", []string{"Content-Length: 1\n\nxyz\n", "Content-Length: 2\n\ny\n"}},
	{"length that hides the next message", fromA + "Content-Length: 61\n\nx\n\n" + fromA + "Subject: 2\n\ny\n\n" + fromA + "Subject: 3\n\nz\n",
		[]string{"Content-Length: 61\n\nx\n", "Subject: 2\n\ny\n", "Subject: 3\n\nz\n"}},
	{"two lengths", fromA + "Content-Length: 2\nContent-Length: 70\n\nx\n\n" + fromA + "Subject: 2\n\ny\n", []string{"Content-Length: 2\nContent-Length: 70\n\nx\n", "Subject: 2\n\ny\n"}},
	{"absurd length", fromA + "Content-Length: 9223372036854775807\n\nx\n\n" + fromA + "Content-Length: -1\n\ny\n", []string{"Content-Length: 9223372036854775807\n\nx\n", "Content-Length: -1\n\ny\n"}},
	{"empty messages", fromA + "\n" + fromA + "\n" + fromA, []string{"", "", ""}},
	{"zone and odd dates", "From a Mon, 1 Jan 2024 10:00:00 +0100\nSubject: 1\n\nx\n\nFrom b c Mon Jan 1 10:00 MET 2024\nSubject: 2\n\nx\n", []string{"Subject: 1\n\nx\n", "Subject: 2\n\nx\n"}},
}

// split reads an mbox to its end.
func split(r io.Reader, limit int64) []entry {
	w := newWindow(r, -1)
	m := newMboxReader(w, probeHead(w, limit), limit)
	var list []entry
	for {
		e, ok := m.next(true)
		if !ok {
			return list
		}
		list = append(list, e)
	}
}

func TestMbox(t *testing.T) {
	for _, c := range mboxCases {
		t.Run(c.name, func(t *testing.T) {
			for _, eol := range []string{"\n", "\r\n"} {
				if eol == "\r\n" && strings.HasPrefix(c.name, "mboxcl") {
					continue // the lengths are those of the other line ends
				}
				crlf := strings.NewReplacer("\n", eol)
				for name, r := range map[string]io.Reader{
					"at once":   strings.NewReader(crlf.Replace(c.in)),
					"bytewise":  iotest.OneByteReader(strings.NewReader(crlf.Replace(c.in))),
					"data, EOF": iotest.DataErrReader(strings.NewReader(crlf.Replace(c.in))),
				} {
					var got, want []string
					for _, e := range split(r, 1<<20) {
						got = append(got, string(e.raw))
					}
					for _, raw := range c.want {
						want = append(want, crlf.Replace(raw))
					}
					equal(t, name, got, want)
				}
			}
		})
	}
}

// TestMboxAcrossReads moves every message boundary over every edge of the window.
func TestMboxAcrossReads(t *testing.T) {
	one := fromA + "Subject: 1\n\n>From " + strings.Repeat("x", 700) + "\n\n"
	for pad := 0; pad < 3*len(one); pad += 7 {
		in := fromA + "Subject: pad\n\n" + strings.Repeat("y", windowBytes-len(one)-pad) + "\n\n" + strings.Repeat(one, 20)
		list := split(strings.NewReader(in), 1<<20)
		if len(list) != 21 || !strings.HasPrefix(string(list[20].raw), "Subject: 1\n\nFrom xxx") {
			t.Fatalf("pad %d: %d messages", pad, len(list))
		}
		for _, e := range list[1:] {
			if in[e.start:e.end] != one {
				t.Fatalf("pad %d: %d to %d", pad, e.start, e.end)
			}
		}
	}
}

func TestMboxLargeMessage(t *testing.T) {
	big := fromA + "Subject: big\n\n" + strings.Repeat("A long line without end ", 200_000) + "\n\n"
	in := fromA + "Subject: 1\n\nx\n\n" + big + fromA + "Subject: 3\n\nz\n"
	root := tree(t, map[string]string{"a.mbox": in})
	g := walk(t, Config{MaxMessage: 1 << 20}, root)
	equal(t, "sizes", []int{len(g.items[0].Raw), len(g.items[1].Raw), len(g.items[2].Raw)}, []int{14, 1 << 20, 14})
	if len(g.problems) != 1 || g.problems[0].Offset != int64(strings.Index(in, big)) || len(g.finished) != 0 {
		t.Errorf("%v", g.problems)
	}
	if pos := g.items[1].Position; pos.Offset != int64(strings.Index(in, big)+len(big)) || pos.Tail != tailSum([]byte(big)) {
		t.Errorf("position %+v", pos)
	}
	g = walk(t, Config{MaxMessage: 5 << 20}, root)
	if len(g.items) != 3 || len(g.problems) != 0 || len(g.items[1].Raw) != len(big)-len(fromA)-1 {
		t.Errorf("%d items, %v", len(g.items), g.problems)
	}
}

// FuzzMbox checks that no byte is lost: the entries adjoin, only blank lines
// stand before the first, and every line of the input is in some message.
func FuzzMbox(f *testing.F) {
	for _, c := range mboxCases {
		f.Add([]byte(c.in), 1<<20)
		f.Add([]byte(strings.ReplaceAll(c.in, "\n", "\r\n")), 10)
	}
	f.Fuzz(func(t *testing.T, in []byte, limit int) {
		if limit < 1 || limit > 1<<24 {
			limit = 100
		}
		list := split(bytes.NewReader(in), int64(limit))
		at := int64(0)
		for i, e := range list {
			if i == 0 {
				if len(skipBlank(trimBOM(in[:e.start]))) > 0 {
					t.Fatalf("begins at %d", e.start)
				}
			} else if e.start != at && len(skipBlank(in[at:e.start])) > 0 {
				t.Fatalf("from %d to %d is lost", at, e.start)
			}
			at = e.end
			text := in[e.start:e.end]
			if e.tail != tailSum(text) {
				t.Fatalf("tail of %d to %d", e.start, e.end)
			}
			if !e.truncated {
				accountFor(t, text, e)
			}
		}
		if rest := skipBlank(trimBOM(in[at:])); len(rest) > 0 && string(rest) != "\r" {
			t.Fatalf("%q behind the last message is lost", rest)
		}
	})
}

// accountFor puts an entry together again: From_ line, message with quotes, blank line.
func accountFor(t *testing.T, text []byte, e entry) {
	rest := text
	if e.from != nil {
		rest = skipLineEnd(bytes.TrimPrefix(rest, e.from))
	}
	raw := e.raw
	for len(raw) > 0 {
		if len(rest) == 0 || rest[0] != raw[0] {
			if len(rest) == 0 || rest[0] != '>' {
				t.Fatalf("%q is not %q", raw, rest)
			}
			rest = rest[1:]
			continue
		}
		// A quote is taken off the beginning of a run, so that equal bytes match up to its end.
		if raw[0] == '>' && len(rest)-len(bytes.TrimLeft(rest, ">")) > len(raw)-len(bytes.TrimLeft(raw, ">")) {
			rest = rest[1:]
			continue
		}
		raw, rest = raw[1:], rest[1:]
	}
	if left := skipBlank(rest); len(left) > 0 && string(left) != "\r" {
		t.Fatalf("%q is lost", rest)
	}
}
