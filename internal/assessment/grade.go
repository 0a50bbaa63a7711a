package assessment

import "fmt"

// Grade is a grade of the Admiralty system (NATO AJP-2.1): a letter for the
// source, A to F, and a digit for what it says, 1 to 6. "B2" is a usually reliable
// source with something probably true.
type Grade string

// ParseGrade reads a grade such as "B2".
func ParseGrade(s string) (Grade, error) {
	g := Grade(s)
	if !g.valid() {
		return "", fmt.Errorf("%q is not an Admiralty grade; use a letter A–F for the source and a digit 1–6 for what it says, as in B2", s)
	}
	return g, nil
}

func (g Grade) valid() bool {
	return len(g) == 2 && g[0] >= 'A' && g[0] <= 'F' && g[1] >= '1' && g[1] <= '6'
}

// trust is how far to rely on something: a share, with the range in which the
// draws move it.
type trust struct{ at, low, high float64 }

// sourceTrust and contentTrust turn the grade into shares of the times that such a
// source, or such a statement, is right. The system defines words only; these numbers
// are a declaration, and the draws move them within the range given.
//
// F does not mean half: it means that nobody knows. So it counts for nothing in the
// statement itself, and the draws let it count for anything up to an even chance,
// which widens the span. 6 says the same of the content alone, and most new
// information is a 6 for want of a second source: it counts for a little less than half.
var sourceTrust = map[byte]trust{
	'A': {0.97, 0.93, 0.99}, 'B': {0.88, 0.80, 0.95}, 'C': {0.70, 0.60, 0.80},
	'D': {0.45, 0.30, 0.60}, 'E': {0.15, 0.05, 0.25}, 'F': {0, 0, 0.5},
}

var contentTrust = map[byte]trust{
	'1': {0.98, 0.95, 0.99}, '2': {0.92, 0.85, 0.96}, '3': {0.80, 0.70, 0.88},
	'4': {0.45, 0.30, 0.60}, '5': {0.10, 0.03, 0.20}, '6': {0.45, 0.20, 0.70},
}

// trusts splits a grade into source and content; what is no grade counts for nothing.
func (g Grade) trusts() (source, content trust) {
	if !g.valid() {
		return trust{}, trust{}
	}
	return sourceTrust[g[0]], contentTrust[g[1]]
}

// Reliability is r, the weight of a statement that stands alone: source times
// content.
func (g Grade) Reliability() float64 {
	s, c := g.trusts()
	return s.at * c.at
}
