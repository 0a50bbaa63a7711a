package names

import "strings"

// slip is one edit between two words.
type slip uint8

const (
	noSlip   slip = iota
	missing       // a letter of the true word is missing
	added         // a letter too many
	swapped       // two neighbours changed places
	replaced      // a letter for another
	farApart      // more than one edit
)

func (s slip) String() string {
	return [...]string{"same", "letter missing", "letter added", "letters swapped", "letter replaced", "different"}[s]
}

// oneSlip compares word with the true word byte by byte and returns the edit and
// its place. Words here are ASCII.
func oneSlip(word, truth string) (slip, int) {
	i := 0
	for i < len(word) && i < len(truth) && word[i] == truth[i] {
		i++
	}
	a, b := word[i:], truth[i:]
	switch {
	case a == "" && b == "":
		return noSlip, 0
	case len(a) == len(b) && a[1:] == b[1:]:
		return replaced, i
	case len(a) == len(b) && len(a) > 1 && a[0] == b[1] && a[1] == b[0] && a[2:] == b[2:]:
		return swapped, i
	case len(b) == len(a)+1 && a == b[1:]:
		return missing, i
	case len(a) == len(b)+1 && a[1:] == b:
		return added, i
	}
	return farApart, i
}

// near lists letters that are easily taken for each other, by shape or by sound
// or on a keyboard's home keys.
const near = "il lj ij ce ec oa ao uv vu nm mn nr hn bd pq gq uy vw sz ck kc dt td bp pb mn ei ie fv vf yi iy oq rn tf ft 0o 1l oe eo ae ea kx ui "

func lookAlike(a, b byte) bool {
	return strings.Contains(near, string([]byte{a, b})) || strings.Contains(near, string([]byte{b, a}))
}

func vowel(c byte) bool { return strings.IndexByte("aeiouy", c) >= 0 }

// deletions calls yield with every string that lacks one byte of w, and with w
// itself. Two words one edit apart share one of these.
func deletions(w string, yield func([]byte)) {
	var buf [64]byte
	if len(w) > len(buf) {
		return
	}
	yield(append(buf[:0], w...))
	for i := range len(w) {
		if i > 0 && w[i] == w[i-1] {
			continue // the same string as the deletion before
		}
		yield(append(append(buf[:0], w[:i]...), w[i+1:]...))
	}
}
