package web

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestVisible(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"}, {"", ""}, {"Grüße, Ελλάδα, 你好", "Grüße, Ελλάδα, 你好"},
		{"a\u202Eb", "a‹202E›b"}, {"a\u200Bb\uFEFF", "a‹200B›b‹FEFF›"}, {"a\x00b\x1b[31m", "a‹0000›b‹001B›[31m"}, {"two\r\nlines\tand a tab", "two‹000D›↵lines⇥and a tab"},
		{"soft\u00ADhyphen", "soft‹00AD›hyphen"}, {"tag\U000E0041", "tag‹E0041›"}, {"hidden\uFE0F", "hidden‹FE0F›"}, {"filler\u3164", "filler‹3164›"}, {"bad\xff", "bad‹FFFD›"}, {"e" + strings.Repeat("\u0301", 8), "e" + strings.Repeat("\u0301", 6) + "‹2 more marks›"}, {"e" + strings.Repeat("\u0301", 8) + "!", "e" + strings.Repeat("\u0301", 6) + "‹2 more marks›!"},
	} {
		if got := visible(c.in); got != c.want {
			t.Errorf("visible(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	long := visible(strings.Repeat("W", 10_000))
	if almost := strings.Repeat("a", clipAt+3); visible(almost) != almost {
		t.Errorf("three characters are left out, and the page says so in fifteen: %q", visible(almost))
	}
	if !strings.HasSuffix(long, "… (9,840 more bytes)") || utf8.RuneCountInString(long) > 200 {
		t.Errorf("a long line becomes %q", long)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 41208: "41,208", 1234567: "1,234,567", -4100: "−4,100"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
	}
}

// FuzzVisible: whatever comes in, nothing invisible comes out, on one line.
func FuzzVisible(f *testing.F) {
	for _, a := range attacks {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := visible(s)
		if !utf8.ValidString(out) {
			t.Errorf("%q is not valid text", out)
		}
		for _, r := range out {
			if odd(r) {
				t.Errorf("%U is left in %q", r, out)
			}
		}
	})
}

func TestOdds(t *testing.T) {
	for p, want := range map[float64]string{1: "1.00", 0.71: "0.71", 0.044: "1 in 23", 1.0 / 4096: "1 in 4,096", 0: "0.00"} {
		if got := odds(p); got != want {
			t.Errorf("odds(%v) = %q, want %q", p, got, want)
		}
	}
}
