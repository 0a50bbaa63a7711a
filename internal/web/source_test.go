package web

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// shown writes a view as text: evidence in [n…], odd characters in {…}.
func shown(v sourceView) string {
	var b strings.Builder
	for _, l := range v.Lines {
		for _, r := range l.Runs {
			text := r.Text
			if r.Odd {
				text = "{" + text + "}"
			}
			if r.Mark != 0 {
				text = fmt.Sprintf("[%d%s]", r.Mark, text)
			}
			b.WriteString(text)
		}
		b.WriteString("|")
	}
	return b.String()
}

func TestViewSource(t *testing.T) {
	for _, c := range []struct {
		name string
		src  Source
		want string
		cut  bool
	}{
		{"nothing", Source{}, "|", false},
		{"lines", Source{Bytes: []byte("a\r\nb\n"), Size: 5}, "a|b||", false},
		{"a mark", Source{Bytes: []byte("from evil here"), Size: 14, Marks: []Mark{{5, 9, "who"}}}, "from [1evil] here|", false},
		{"a mark over lines", Source{Bytes: []byte("ab\ncd"), Size: 5, Marks: []Mark{{1, 4, ""}}}, "a[1b]|[1c]d|", false},
		{"marks side by side", Source{Bytes: []byte("abcd"), Size: 4, Marks: []Mark{{2, 3, ""}, {0, 2, ""}}}, "[2ab][1c]d|", false},
		{"within an offset", Source{Bytes: []byte("abcd"), Offset: 100, Size: 200, Marks: []Mark{{101, 103, ""}, {5, 9, ""}, {150, 160, ""}}}, "a[1bc]d|", true},
		{"beyond the end, backwards, negative", Source{Bytes: []byte("abcd"), Size: 4, Marks: []Mark{{3, 99, ""}, {3, 1, ""}, {-5, 1, ""}}}, "[3a]bc[1d]|", false},
		{"odd characters", Source{Bytes: []byte("a\u202Eb\x00\xffc\r"), Size: 10}, "a{‹202E›}b{‹0000›}{‹ff›}c{‹000D›}|", true},
		{"markup stays text", Source{Bytes: []byte("<script>alert(1)</script>"), Size: 25}, "<script>alert(1)</script>|", false},
		{"half a character at the edge of a mark", Source{Bytes: []byte("é!"), Size: 3, Marks: []Mark{{1, 2, ""}}}, "é!|", false},
		{"binary", Source{Bytes: []byte("MZ\x00\x01"), Size: 4, Binary: true, Marks: []Mark{{1, 2, ""}}}, "[14d 5a 00 01" + strings.Repeat(" ", 36) + "  MZ..]|", false},
	} {
		v := viewSource(c.src, "s")
		if got := shown(v); got != c.want || v.Cut != c.cut {
			t.Errorf("%s: %q (cut %v), want %q (cut %v)", c.name, got, v.Cut, c.want, c.cut)
		}
	}
}

func TestViewSourceIsBounded(t *testing.T) {
	long := viewSource(Source{Bytes: bytes.Repeat([]byte("x"), MaxSource+5), Size: MaxSource + 5}, "s")
	if !long.Cut || len(long.Lines) > MaxSource/wrapAt+2 {
		t.Errorf("%d lines, cut %v", len(long.Lines), long.Cut)
	}
	many := viewSource(Source{Bytes: bytes.Repeat([]byte("\n"), 50_000), Size: 50_000}, "s")
	if !many.Cut || len(many.Lines) > maxLines {
		t.Errorf("%d lines, cut %v", len(many.Lines), many.Cut)
	}
}

// FuzzViewSource: any bytes and ranges are laid out without loss of a printable
// character, and every note that links to a mark has one.
func FuzzViewSource(f *testing.F) {
	f.Add([]byte("From: a\r\n\xff\u202E<b>"), 3, 7, 0, 2, 0, false)
	f.Add([]byte(strings.Join(attacks[:9], "\n")), 0, 90, 5, 9, 4, true)
	f.Fuzz(func(t *testing.T, b []byte, s1, e1, s2, e2, offset int, binary bool) {
		v := viewSource(Source{Bytes: b, Offset: offset, Size: len(b), Marks: []Mark{{s1, e1, "one"}, {s2, e2, "two"}}, Binary: binary}, "s")
		first := map[int]bool{}
		for _, l := range v.Lines {
			for _, r := range l.Runs {
				if r.First {
					first[r.Mark] = true
				}
			}
		}
		for _, n := range v.Notes {
			if !n.Elsewhere && !first[n.N] {
				t.Errorf("the note %d leads nowhere", n.N)
			}
		}
	})
}
