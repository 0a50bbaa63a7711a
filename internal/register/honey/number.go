package honey

import (
	"math/rand/v2"
	"strconv"
)

// Numbers is how voters' numbers look: how they begin, which characters stand where behind that, what their last digits
// check, and where the date of birth stands in them. No number is kept.
type Numbers struct {
	Begin  map[int]Weights `json:"begin"`  // by length
	Tail   map[int][]tails `json:"tail"`   // by length, the characters of each place behind the beginning
	Length Weights         `json:"length"` // how long they are
	Check  string          `json:"check,omitempty"`
	Birth  string          `json:"birth,omitempty"` // layout of the date of birth within
	At     int             `json:"at,omitempty"`    // where it stands
	Lead   int             `json:"lead,omitempty"`  // so many characters at the beginning follow from the place
	Max    uint64          `json:"max,omitempty"`   // of plain integers
}

type tails = Weights

// tailLength is how much of a number is drawn at random.
const tailLength = 5

// checks are the check digits of numbers in use, over the digits of a number.
var checks = map[string]func([]byte) bool{
	"luhn":     luhn,     // ISO/IEC 7812-1 annex B
	"mod97":    mod97,    // ISO/IEC 7064, MOD 97-10 without letters
	"mod11-10": mod1110,  // ISO/IEC 7064, MOD 11,10
	"verhoeff": verhoeff, // Verhoeff 1969
	"damm":     damm,     // Damm 2004
}

// checkOrder is the order in which they are tried.
var checkOrder = []string{"verhoeff", "damm", "mod97", "mod11-10", "luhn"}

func digitsOf(id string) (d []byte) {
	for i := range len(id) {
		if id[i] >= '0' && id[i] <= '9' {
			d = append(d, id[i]-'0')
		}
	}
	return d
}

func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i])
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return len(d) > 1 && sum%10 == 0
}

func mod97(d []byte) bool {
	rest := 0
	for _, v := range d {
		rest = (rest*10 + int(v)) % 97
	}
	return len(d) > 3 && rest == 1
}

func mod1110(d []byte) bool {
	p := 10
	for i, v := range d {
		s := (p + int(v)) % 10
		if i == len(d)-1 {
			return len(d) > 1 && s == 1
		}
		if s == 0 {
			s = 10
		}
		p = s * 2 % 11
	}
	return false
}

func verhoeff(d []byte) bool {
	mul := func(a, b int) int { // in the dihedral group of order ten
		switch {
		case a < 5 && b < 5:
			return (a + b) % 5
		case a < 5:
			return 5 + (a+b-5)%5
		case b < 5:
			return 5 + (a-5-b+5)%5
		}
		return (a - b + 5) % 5
	}
	perm := [8][10]int{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4}}
	for i := 2; i < 8; i++ {
		for j := range 10 {
			perm[i][j] = perm[i-1][perm[1][j]]
		}
	}
	c := 0
	for i := range d {
		c = mul(c, perm[i%8][d[len(d)-1-i]])
	}
	return len(d) > 1 && c == 0
}

func damm(d []byte) bool {
	table := [10]string{"0317598642", "7092154863", "4206871359", "1750983426", "6123045978", "3674209581", "5869720134", "8945362017", "9438617205", "2581436790"}
	c := byte(0)
	for _, v := range d {
		c = table[c][v] - '0'
	}
	return len(d) > 1 && c == 0
}

// birthLayouts are how dates of birth stand in numbers.
var birthLayouts = []string{"20060102", "02012006", "060102", "020106"}

// learnNumbers learns the form of numbers from a sample with dates of birth (2006-01-02).
func learnNumbers(sample [][2]string) (n Numbers) {
	n.Check = commonCheck(sample)
	n.Birth, n.At = commonBirth(sample)
	return n
}

func commonCheck(sample [][2]string) string {
	for _, name := range checkOrder {
		all := len(sample) >= 200
		for _, s := range sample {
			if all = all && checks[name](digitsOf(s[0])); !all {
				break
			}
		}
		if all {
			return name
		}
	}
	return ""
}

func commonBirth(sample [][2]string) (layout string, at int) {
	if len(sample) < 200 {
		return "", 0
	}
	for _, layout := range birthLayouts {
		for at := range 12 {
			hits := 0
			for _, s := range sample {
				want, ok := birthIn(s[1], layout)
				if !ok || at+len(want) > len(s[0]) || s[0][at:at+len(want)] != want {
					break
				}
				hits++
			}
			if hits == len(sample) {
				return layout, at
			}
		}
	}
	return "", 0
}

// draw invents a number. It may be somebody's.
func (n *Numbers) draw(r *rand.Rand, born, lead string, beyond bool) string {
	if beyond {
		return strconv.FormatUint(n.Max+1+uint64(r.IntN(1+int(min(n.Max/1000+100, 1<<30)))), 10)
	}
	length, err := strconv.Atoi(n.Length.draw(r))
	if err != nil {
		return ""
	}
	begin := n.Begin[length]
	id := []byte(begin.draw(r))
	for i := range n.Tail[length] {
		id = append(id, n.Tail[length][i].draw(r)...)
	}
	if want, ok := birthIn(born, n.Birth); ok && n.Birth != "" && n.At+len(want) <= len(id) {
		copy(id[n.At:], want)
	}
	copy(id, lead)
	return n.checked(id)
}

// checked sets the last digits so that they check; "" if none do.
func (n *Numbers) checked(id []byte) string {
	check := checks[n.Check]
	if check == nil {
		return string(id)
	}
	last, tens := -1, -1
	for i, c := range id {
		if c >= '0' && c <= '9' {
			tens, last = last, i
		}
	}
	if tens < 0 {
		return ""
	}
	tries := 10
	if n.Check == "mod97" {
		tries = 100
	}
	for v := range tries {
		id[last] = '0' + byte(v%10)
		if tries > 10 {
			id[tens] = '0' + byte(v/10)
		}
		if check(digitsOf(string(id))) {
			return string(id)
		}
	}
	return ""
}
