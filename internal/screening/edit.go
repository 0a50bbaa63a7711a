package screening

// editCost is the weighted distance of two words in the letters a to z: insertions,
// deletions, replacements and swaps of neighbours (Damerau 1964), where what
// languages and fingers confuse costs less than the rest. It stops early and
// returns more than most once that is certain.
func editCost(a, b string, most float32) float32 {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b) > maxWord || float32(len(b)-len(a))*cheapest > most {
		return most + 1
	}
	var rows [3][maxWord + 1]float32
	var gaps [maxWord]float32 // of b
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) {
		gaps[j] = gap(b, j)
		last[j+1] = last[j] + gaps[j]
	}
	for i := 1; i <= len(a); i++ {
		own := gap(a, i-1)
		row[0] = last[0] + own
		least := row[0]
		for j := 1; j <= len(b); j++ {
			c := last[j-1]
			if a[i-1] != b[j-1] {
				c += replacement(a[i-1], b[j-1])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					c = min(c, before[j-2]+0.7)
				}
			}
			c = min(c, last[j]+own, row[j-1]+gaps[j-1])
			row[j] = c
			least = min(least, c)
		}
		if least > most {
			return most + 1
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

const cheapest = 0.25 // of a letter added or left out

// gap is the cost of one letter more or less at i.
func gap(s string, i int) float32 {
	c := s[i]
	switch {
	case i > 0 && s[i-1] == c:
		return 0.25
	case c == 'h' && i > 0:
		return 0.5
	case i > 0 && (isVowel(c) || c == 'y'):
		return 0.7
	}
	return 1
}

// replacement is the cost of one letter for another.
func replacement(a, b byte) float32 {
	if a >= 'a' && a <= 'z' && b >= 'a' && b <= 'z' {
		return replacements[a-'a'][b-'a']
	}
	if isDigit(a) && isDigit(b) {
		return 1.5
	}
	return 1
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// replacements holds the costs: vowels for each other, then pairs of consonants that
// romanisations interchange or that sound alike.
var replacements = newReplacements()

func newReplacements() (t [26][26]float32) {
	for i := range t {
		for j := range t[i] {
			t[i][j] = 1
		}
	}
	put := func(a, b byte, c float32) { t[a-'a'][b-'a'], t[b-'a'][a-'a'] = c, c }
	for _, a := range []byte("aeiou") {
		for _, b := range []byte("aeiou") {
			put(a, b, 0.6)
		}
	}
	for _, p := range []string{"ou", "ei", "ae"} {
		put(p[0], p[1], 0.45)
	}
	for _, p := range []string{"iy", "ij", "jy", "ck", "kq", "cq", "sz", "vw", "uw"} {
		put(p[0], p[1], 0.35)
	}
	for _, p := range []string{"ey", "cs", "gj", "gk", "gq", "bp", "dt", "fv", "mn", "xs", "cz", "bv", "xk", "jz", "dz", "lr", "hk", "wb", "cx", "fp"} {
		put(p[0], p[1], 0.7)
	}
	return t
}

// runeEdits is the plain distance of two words in another script, in characters.
func runeEdits(a, b []rune) int {
	if len(a) > maxWord || len(b) > maxWord {
		return maxWord
	}
	var rows [3][maxWord + 1]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			c := last[j-1]
			if a[i-1] != b[j-1] {
				c++
			}
			c = min(c, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				c = min(c, before[j-2]+1)
			}
			row[j] = c
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
