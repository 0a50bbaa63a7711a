package web

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clipAt is how much of one line of a stranger's text a list shows.
const clipAt = 160

// odd tells whether a character would be invisible or would change how others
// are shown: controls, direction marks and overrides (the "Trojan source"
// characters, Unicode TR 36 and UAX 9), zero-width ones, tags, fillers and
// private use. Joiners are odd too: between Latin letters they hide, and in
// scripts that need them a shown mark does no harm.
func odd(r rune) bool {
	switch {
	case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
		return true
	case unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
		return true
	case r == 0x034F, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5, r == 0x2800, r == 0x3164, r == 0xFFA0:
		return true // joiner and fillers that are letters by category and show nothing
	case r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0100 && r <= 0xE01EF:
		return true // variation selectors can carry hidden data
	}
	return false
}

// oddName is what stands for such a character.
func oddName(r rune) string {
	switch r {
	case '\t':
		return "⇥"
	case '\n':
		return "↵"
	}
	return fmt.Sprintf("‹%04X›", r)
}

// visible makes a line of anybody's text safe to look at: one line, nothing
// hidden, not endless. It says how much it left out.
func visible(s string) string { return visibleUpTo(s, clipAt) }

// visibleAll does so without a bound, for the one place where the whole is wanted.
func visibleAll(s string) string { return visibleUpTo(s, 4000) }

// clipSlack is how little is not worth leaving out: to say so would take as much room.
const clipSlack = 24

func visibleUpTo(s string, limit int) string {
	if plain(s) && len(s) <= limit {
		return s
	}
	var b strings.Builder
	n, marks := 0, 0
	for i, r := range s {
		if n++; n > limit && len(s)-i > clipSlack {
			fmt.Fprintf(&b, "… (%s more bytes)", thousands(len(s)-i))
			return b.String()
		}
		before := marks
		marks = countMarks(marks, r)
		if marks == 0 {
			sayMarks(&b, before)
		}
		switch {
		case marks > maxStack:
		case odd(r):
			b.WriteString(oddName(r))
		default:
			b.WriteRune(r)
		}
	}
	sayMarks(&b, marks)
	return b.String()
}

// sayMarks tells how many marks of a row were left out.
func sayMarks(b *strings.Builder, marks int) {
	if marks > maxStack {
		fmt.Fprintf(b, "‹%d more marks›", marks-maxStack)
	}
}

// maxStack is how many marks may stand on one letter: no script needs more, and
// hundreds of them cover the lines around or push the page wide.
const maxStack = 6

// countMarks is how many combining marks have come in a row, this one included.
func countMarks(before int, r rune) int {
	if unicode.Is(unicode.M, r) {
		return before + 1
	}
	return 0
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7E {
			return false
		}
	}
	return true
}

// thousands writes a count as people read it: 41,208.
func thousands(n int) string {
	s := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// plural is "1 person", "3 people".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}
