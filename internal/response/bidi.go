package response

import (
	"slices"

	"golang.org/x/text/unicode/bidi"
)

// visual puts a line into the order in which it is drawn, by the Unicode bidirectional
// algorithm (UAX #9, Unicode 17) without explicit formatting characters, which plain has
// taken out. golang.org/x/text/unicode/bidi gives runs in logical order and without
// levels, so a number between two Hebrew words would stand in the wrong place.
func visual(text string, rtl bool) string {
	runes := []rune(text)
	classes := make([]bidi.Class, len(runes))
	mixed := rtl
	for i, r := range runes {
		p, _ := bidi.LookupRune(r)
		classes[i] = p.Class()
		mixed = mixed || classes[i] == bidi.R || classes[i] == bidi.AL
	}
	if !mixed {
		return text
	}
	base := bidi.L
	if rtl {
		base = bidi.R
	}
	original := slices.Clone(classes)
	weak(classes, base)
	brackets(runes, classes, base)
	neutral(classes, base)
	levels := levelsOf(classes, original, rtl)
	return string(reorder(runes, levels))
}

// rightToLeft tells whether a text holds anything that is written so.
func rightToLeft(text string) bool {
	for _, r := range text {
		p, _ := bidi.LookupRune(r)
		if c := p.Class(); c == bidi.R || c == bidi.AL {
			return true
		}
	}
	return false
}

// weak resolves weak types (W1–W7).
func weak(c []bidi.Class, base bidi.Class) {
	before, strong := base, base
	for i := range c {
		if c[i] == bidi.NSM { // W1
			c[i] = before
		}
		before = c[i]
		switch c[i] {
		case bidi.L, bidi.R, bidi.AL:
			strong = c[i]
		case bidi.EN:
			if strong == bidi.AL { // W2
				c[i] = bidi.AN
			}
		}
	}
	for i := range c {
		if c[i] == bidi.AL { // W3
			c[i] = bidi.R
		}
	}
	for i := 1; i+1 < len(c); i++ { // W4
		if c[i-1] == c[i+1] && (c[i] == bidi.CS && (c[i-1] == bidi.EN || c[i-1] == bidi.AN) || c[i] == bidi.ES && c[i-1] == bidi.EN) {
			c[i] = c[i-1]
		}
	}
	for i := range c { // W5, W6
		if c[i] == bidi.ET && beside(c, i) {
			c[i] = bidi.EN
		}
	}
	strong = base
	for i := range c {
		switch c[i] {
		case bidi.ES, bidi.ET, bidi.CS:
			c[i] = bidi.ON
		case bidi.L, bidi.R:
			strong = c[i]
		case bidi.EN: // W7
			if strong == bidi.L {
				c[i] = bidi.L
			}
		}
	}
}

// beside tells whether a run of terminators touches a European number.
func beside(c []bidi.Class, i int) bool {
	if i > 0 && c[i-1] == bidi.EN {
		return true
	}
	for i < len(c) && c[i] == bidi.ET {
		i++
	}
	return i < len(c) && c[i] == bidi.EN
}

// brackets gives both brackets of a pair one direction (N0): that of the line if anything
// inside has it, else that of what is inside if what stands before agrees, else the line's.
func brackets(runes []rune, c []bidi.Class, base bidi.Class) {
	type open struct {
		closing rune
		at      int
	}
	var stack []open
	for i, r := range runes {
		p, _ := bidi.LookupRune(r)
		if c[i] != bidi.ON || !p.IsBracket() {
			continue
		}
		if p.IsOpeningBracket() {
			stack = append(stack, open{mirrored(r), i})
			continue
		}
		for k := len(stack) - 1; k >= 0; k-- {
			if stack[k].closing == r {
				if to := inside(c, stack[k].at, i, base); to != bidi.ON {
					c[stack[k].at], c[i] = to, to
				}
				stack = stack[:k]
				break
			}
		}
	}
}

func inside(c []bidi.Class, from, to int, base bidi.Class) bidi.Class {
	other := false
	for _, class := range c[from+1 : to] {
		if side(class) == base {
			return base
		}
		other = other || side(class) != bidi.ON
	}
	if !other {
		return bidi.ON
	}
	for i := from - 1; i >= 0; i-- {
		if s := side(c[i]); s != bidi.ON {
			return s
		}
	}
	return base
}

// neutral resolves neutrals by what stands on both sides (N1, N2). Numbers count as R.
func neutral(c []bidi.Class, base bidi.Class) {
	before := base
	for i := 0; i < len(c); i++ {
		if side(c[i]) != bidi.ON {
			before = side(c[i])
			continue
		}
		end := i
		for end < len(c) && side(c[end]) == bidi.ON {
			end++
		}
		after := base
		if end < len(c) {
			after = side(c[end])
		}
		to := base
		if before == after {
			to = before
		}
		for ; i < end; i++ {
			c[i] = to
		}
		i--
	}
}

func side(c bidi.Class) bidi.Class {
	switch c {
	case bidi.L:
		return bidi.L
	case bidi.R, bidi.EN, bidi.AN:
		return bidi.R
	}
	return bidi.ON
}

// levelsOf assigns levels (I1, I2); white space at the end of a line has the base's (L1).
func levelsOf(c, original []bidi.Class, rtl bool) []int {
	levels := make([]int, len(c))
	for i, class := range c {
		switch {
		case rtl && class == bidi.R:
			levels[i] = 1
		case rtl:
			levels[i] = 2
		case class == bidi.R:
			levels[i] = 1
		case class == bidi.EN || class == bidi.AN:
			levels[i] = 2
		}
	}
	base := 0
	if rtl {
		base = 1
	}
	for i := len(levels) - 1; i >= 0 && original[i] == bidi.WS; i-- {
		levels[i] = base
	}
	return levels
}

// reorder reverses from the highest level down to the lowest odd one (L2) and mirrors
// brackets that stand in text from right to left (L4).
func reorder(runes []rune, levels []int) []rune {
	runes = slices.Clone(runes)
	for i := range runes {
		if levels[i]%2 == 1 {
			runes[i] = mirrored(runes[i])
		}
	}
	for level := 2; level >= 1; level-- {
		for i := 0; i < len(levels); i++ {
			end := i
			for end < len(levels) && levels[end] >= level {
				end++
			}
			if end > i {
				slices.Reverse(runes[i:end])
				slices.Reverse(levels[i:end])
				i = end
			}
		}
	}
	return runes
}

// mirrored swaps a bracket. The library knows the pairs only when it reverses a string.
func mirrored(r rune) rune {
	if p, _ := bidi.LookupRune(r); !p.IsBracket() && r != '<' && r != '>' && r != '«' && r != '»' {
		return r
	}
	for _, m := range bidi.ReverseString(string(r)) {
		return m
	}
	return r
}
