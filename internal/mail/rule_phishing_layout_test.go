package mail

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestPadded compares the search in steps with the plain one, around every border.
func TestPadded(t *testing.T) {
	plain := func(text string) bool {
		for _, p := range paddings {
			if strings.Contains(text, strings.Repeat(p.unit, p.times)) {
				return true
			}
		}
		return false
	}
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"<br>", "\n", "\r\n", "<br>\n", "b", "r", ">", "<p>", "word", strings.Repeat("x", 29)}
	found := 0
	for range 20_000 {
		var b strings.Builder
		for range 1 + r.IntN(4) {
			b.WriteString(strings.Repeat(pieces[r.IntN(len(pieces))], 1+r.IntN(3)))
			p := paddings[r.IntN(len(paddings))]
			b.WriteString(strings.Repeat(p.unit, max(0, p.times-2+r.IntN(4))))
		}
		text := b.String()
		text = text[r.IntN(3):]
		want := plain(text)
		if got := padded(text); got != want {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
		if want {
			found++
		}
	}
	if found < 1000 || found > 19_900 {
		t.Fatalf("%d of 20,000 padded: the cases do not try the border", found)
	}
}

func TestUnfilled(t *testing.T) {
	for _, c := range []struct {
		subject, body string
		want          bool
	}{
		{"Hello {{name}}", "", true}, {"", "Dear *|FNAME|*,", true}, {"a", "b [[first name]] c", true}, {"100%% sure", "%%user%%", false},
		{"", "{{ " + strings.Repeat("a", 36) + "}}", true}, {"", "{{" + strings.Repeat("a", 40) + "}}", false}, {"", "{{}}", false},
		{"{{a", "}}", false}, {"", "x{%y", false}, {"", "## ##", false}, {"", "##12##", false}, {"", "<% a %>", true},
	} {
		if got := unfilled(c.subject, c.body); got != c.want {
			t.Errorf("%q %q: %v", c.subject, c.body, got)
		}
	}
}
