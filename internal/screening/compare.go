package screening

import "math"

// Compare scores the name a against the name b, both of the kind schema. Weights
// are those of words in general, so a comparison depends on nothing but the two
// names and MatcherVersion.
func Compare(a, b string, schema Kind) Comparison {
	if schema == KindUnknown {
		x, y := Compare(a, b, KindPerson), Compare(a, b, KindOrganisation)
		if y.Score > x.Score {
			return y
		}
		return x
	}
	r := &reader{word: newWord, surname: newSurname, weight: generalWeight}
	q, e := r.read(a, schema), r.read(b, schema)
	al := newAligner(q)
	al.align(q, e, schema)
	return Comparison{Score: rounded(al.score), Alignment: al.explain(), Against: al.against()}
}

func generalWeight(w *word, c class) float32 { return weighBy(w, c, w.prior) }

// newAligner makes an aligner that compares words as they come.
func newAligner(q []token) *aligner {
	return &aligner{sims: func(i int, e *word) (float32, how) { return similar(q[i].word, e) }}
}

func rounded(s float32) float64 { return math.Round(float64(s)*10000) / 10000 }
