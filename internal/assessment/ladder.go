package assessment

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Rung is a step of the ladder of likelihoods: how much a hypothesis would lead one
// to expect a piece of evidence. The ladder is fixed, so that nobody argues about
// the third decimal of a guess: rung k stands for 2^(−k/2), from 1 down to 1/4096.
// Only the ratios between hypotheses matter. People name nine of the rungs by
// words; what is drafted from profiles uses those between as well.
type Rung int

// The named rungs.
const (
	Expected    Rung = 0  // one would be surprised not to see it
	Probable    Rung = 1  // 0.71
	Even        Rung = 2  // 0.5, and what is meant where nothing is said
	LessThan    Rung = 4  // 1 in 4
	Improbable  Rung = 6  // 1 in 8
	Rare        Rung = 9  // 1 in 23
	VeryRare    Rung = 13 // 1 in 90
	Exceptional Rung = 17 // 1 in 362
	Excluded    Rung = 24 // 1 in 4096; nothing is ever quite excluded
)

var rungWords = []struct {
	rung Rung
	word string
}{
	{Expected, "expected"}, {Probable, "probable"}, {Even, "even"}, {LessThan, "less-than-even"}, {Improbable, "improbable"},
	{Rare, "rare"}, {VeryRare, "very-rare"}, {Exceptional, "exceptional"}, {Excluded, "all-but-excluded"},
}

// RungWords are the words that ParseRung takes, likeliest first.
func RungWords() []string {
	var words []string
	for _, r := range rungWords {
		words = append(words, r.word)
	}
	return words
}

// ParseRung reads a word of the ladder, or a number of steps from 0 to 24.
func ParseRung(s string) (Rung, error) {
	for _, r := range rungWords {
		if r.word == s {
			return r.rung, nil
		}
	}
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n <= int(Excluded) {
		return Rung(n), nil
	}
	return 0, fmt.Errorf("%q is not on the ladder; use one of %s", s, strings.Join(RungWords(), ", "))
}

// String is the word of a named rung, and the number of steps of another.
func (r Rung) String() string {
	for _, named := range rungWords {
		if named.rung == r {
			return named.word
		}
	}
	return strconv.Itoa(int(r))
}

// Likelihood is what the rung stands for.
func (r Rung) Likelihood() float64 { return math.Exp2(-float64(r.within()) / 2) }

func (r Rung) within() Rung { return min(max(r, Expected), Excluded) }

// MarshalText writes the word or number.
func (r Rung) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what ParseRung reads.
func (r *Rung) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRung(string(b))
	return err
}

// rungs puts likelihoods on the ladder. Only their ratios matter, so the largest is
// put on the first rung, and the others keep their distance as far as the ladder
// reaches.
func rungs(logs []float64) []Rung {
	top := math.Inf(-1)
	for _, l := range logs {
		top = max(top, l)
	}
	out := make([]Rung, len(logs))
	for i, l := range logs {
		steps := math.Round((top - l) * 2 / math.Ln2)
		if math.IsNaN(steps) || steps > float64(Excluded) {
			steps = float64(Excluded)
		}
		out[i] = Rung(steps)
	}
	return out
}
