package screening

import (
	"cmp"
	"slices"
)

// params are the numbers of the score. docs/SCREENING.md says where they come from.
type params struct {
	loss     float32 // how much a point of dissimilarity weighs against a point of agreement
	conflict float32 // a word on each side that the other does not have
	cut      float32 // share of the score that a whole conflicting word takes away
	extra    float32 // words that only one of the names has
	single   float32 // most that one word in common is worth, of names with several
	numbers  float32 // what is left where numbers differ
	legal    float32 // what is left where kinds of company differ
}

var (
	personParams       = params{loss: 1.5, conflict: 1.2, cut: 0.25, extra: 0.25, single: 0.6, numbers: 1, legal: 1}
	organisationParams = params{loss: 1.5, conflict: 1.2, cut: 0.25, extra: 0.45, single: 0.69, numbers: 0.75, legal: 0.92}
)

func paramsFor(kind Kind) *params {
	if kind == KindPerson {
		return &personParams
	}
	return &organisationParams
}

// group is a run of words on each side that say the same.
type group struct {
	q, qn, e, en int8
	how          how
	s            float32
}

// aligner aligns two names. It is scratch space: make one per goroutine.
type aligner struct {
	q, e   []token
	p      *params
	person bool
	sims   func(i int, e *word) (float32, how) // of the i-th word of q

	joins   [2 * maxToks]*word // of q, two and three words at a time
	joinsOf *token             // the q they are of
	apart   bool               // no words are written together
	pairs   []group
	groups  []group
	inQ     [maxToks]int8 // group of each word, plus 1
	inE     [maxToks]int8

	score            float32
	conflict         float32
	numbers, kinds   bool // differ
	matched          int  // plain words of the shorter side that agree
	qPlain, ePlain   int
	repeatQ, repeatE uint32
}

// align finds which words agree and sets score.
func (a *aligner) align(q, e []token, kind Kind) {
	a.q, a.e, a.p, a.person = q, e, paramsFor(kind), kind == KindPerson
	a.groups = a.groups[:0]
	clear(a.inQ[:len(q)])
	clear(a.inE[:len(e)])
	a.numbers, a.kinds, a.repeatQ, a.repeatE = false, false, 0, 0
	a.single()
	if !a.apart {
		a.join()
	}
	a.findRepeated()
	a.rate()
	if a.score < 0.75 && !a.person {
		a.acronym()
	}
}

const leastSimilar = 0.4

// single pairs words one to one, the most alike first.
func (a *aligner) single() {
	a.pairs = a.pairs[:0]
	for i := range a.q {
		for j := range a.e {
			if s, h := a.pair(i, j); s > leastSimilar {
				a.pairs = append(a.pairs, group{int8(i), 1, int8(j), 1, h, s})
			}
		}
	}
	slices.SortStableFunc(a.pairs, a.byWorth)
	for _, g := range a.pairs {
		if a.inQ[g.q] == 0 && a.inE[g.e] == 0 {
			a.take(g)
		}
	}
}

func (a *aligner) byWorth(x, y group) int {
	if c := cmp.Compare(y.s, x.s); c != 0 {
		return c
	}
	if c := cmp.Compare(distance(x), distance(y)); c != 0 {
		return c
	}
	return cmp.Compare(x.q, y.q)
}

func distance(g group) int8 { return max(g.q-g.e, g.e-g.q) }

func (a *aligner) take(g group) {
	a.groups = append(a.groups, g)
	n := int8(len(a.groups))
	for i := g.q; i < g.q+g.qn; i++ {
		a.inQ[i] = n
	}
	for j := g.e; j < g.e+g.en; j++ {
		a.inE[j] = n
	}
}

// pair compares the i-th word of the query with the j-th of the entry.
func (a *aligner) pair(i, j int) (float32, how) {
	q, e := &a.q[i], &a.e[j]
	switch {
	case q.class == legal || e.class == legal:
		return pairLegal(q, e)
	case q.class == number || e.class == number:
		if q.num != "" && q.num == e.num {
			return 1, numeral
		}
		return 0, differs
	case q.class == initial || e.class == initial:
		return pairInitial(q, e)
	}
	s, h := a.sims(i, e.word)
	if s > 0 && s < 0.95 && !a.person && generic[q.form] && generic[e.form] { // northern is no slip for southern
		return 0, differs
	}
	if (q.class == particle) != (e.class == particle) && s < 0.85 {
		return 0, differs
	}
	return s, h
}

func pairLegal(q, e *token) (float32, how) {
	switch {
	case q.class != legal || e.class != legal:
		return 0, differs
	case q.kind == e.kind:
		return 1, legalForm
	case q.kind == "company" || e.kind == "company" || q.kind == "other" || e.kind == "other":
		return 0.8, legalForm
	}
	return 0, differs
}

func pairInitial(q, e *token) (float32, how) {
	if q.form == "" || e.form == "" || q.form[0] != e.form[0] || q.class == particle || e.class == particle {
		return 0, differs
	}
	if q.class == e.class {
		return 1, exact
	}
	return 0.8, initialOf
}

// findRepeated marks words that a name says twice: they neither add nor take away.
func (a *aligner) findRepeated() {
	for i := range a.q {
		for k := range a.q {
			if a.inQ[i] == 0 && a.inQ[k] > 0 && a.q[i].text == a.q[k].text {
				a.repeatQ |= 1 << i
			}
		}
	}
	for j := range a.e {
		for k := range a.e {
			if a.inE[j] == 0 && a.inE[k] > 0 && a.e[j].text == a.e[k].text {
				a.repeatE |= 1 << j
			}
		}
	}
}

// rate adds up. What both names have agrees as far as it is alike; what only one has
// was left out or added, which happens; what stands in one where the other has
// something else contradicts.
func (a *aligner) rate() {
	var agree, loss float32
	a.matched = 0
	for _, g := range a.groups {
		w := a.weightOf(g)
		agree += w * g.s
		loss += w * (1 - g.s)
		if g.s >= 0.6 && a.bears(g) {
			a.matched += int(min(g.qn, g.en))
		}
	}
	uq := a.left(a.q, &a.inQ, a.repeatQ, &a.qPlain)
	ue := a.left(a.e, &a.inE, a.repeatE, &a.ePlain)
	a.conflict = min(uq, ue)
	extra := max(uq, ue) - a.conflict
	whole := agree + a.p.loss*loss + a.p.conflict*a.conflict + a.p.extra*extra
	if whole == 0 || agree == 0 {
		a.score = 0
		return
	}
	a.score = agree / whole * (1 - a.p.cut*min(1, a.conflict))
	a.limit()
}

// bears tells whether a group speaks of a word that can tell names apart.
func (a *aligner) bears(g group) bool {
	for i := g.q; i < g.q+g.qn; i++ {
		switch a.q[i].class {
		case plain, initial, general, number:
			if a.q[i].canon != "abdul" {
				return true
			}
		}
	}
	return false
}

// left is the weight of the words that found nothing; it counts the plain ones.
func (a *aligner) left(toks []token, in *[maxToks]int8, repeat uint32, plainWords *int) (w float32) {
	*plainWords = 0
	for i := range toks {
		t := &toks[i]
		if in[i] > 0 || repeat&(1<<i) > 0 || t.class == legal || t.class == number {
			continue
		}
		w += t.weight
		if t.class == plain {
			*plainWords++
		}
	}
	return w
}

// limit applies what no sum can outweigh.
func (a *aligner) limit() {
	if a.lone() && a.score > a.p.single {
		a.score = a.p.single
	}
	if a.unmatched(number) {
		a.numbers = true
		a.score *= a.p.numbers
	}
	if a.legalConflict() {
		a.kinds = true
		a.score *= a.p.legal
	}
}

// lone tells whether one word is all that the names share, though one has more.
func (a *aligner) lone() bool { return a.matched <= 1 && a.qPlain+a.ePlain > 0 }

// unmatched tells whether a word of class c that is more than "1" found nothing.
func (a *aligner) unmatched(c class) bool {
	for i := range a.q {
		if a.q[i].class == c && a.inQ[i] == 0 && a.q[i].num != "1" {
			return true
		}
	}
	for j := range a.e {
		if a.e[j].class == c && a.inE[j] == 0 && a.e[j].num != "1" {
			return true
		}
	}
	return false
}

func (a *aligner) legalConflict() bool {
	q, e := false, false
	for i := range a.q {
		q = q || a.q[i].class == legal && a.inQ[i] == 0
	}
	for j := range a.e {
		e = e || a.e[j].class == legal && a.inE[j] == 0
	}
	return q && e
}

// acronym takes PLA for People's Liberation Army.
func (a *aligner) acronym() {
	if isAcronym(a.q, a.e) || isAcronym(a.e, a.q) {
		a.score = max(a.score, 0.75)
		a.groups = append(a.groups[:0], group{0, int8(len(a.q)), 0, int8(len(a.e)), acronym, 0.75})
		for i := range a.q {
			a.inQ[i] = 1
		}
		for j := range a.e {
			a.inE[j] = 1
		}
		a.conflict = 0
	}
}

func isAcronym(short, long []token) bool {
	var letters string
	for _, t := range short {
		if t.class == legal {
			continue
		}
		if letters != "" || t.script != latin {
			return false
		}
		letters = t.form
	}
	if len(letters) < 3 || len(letters) > 8 {
		return false
	}
	all, core := make([]byte, 0, maxToks), make([]byte, 0, maxToks)
	for _, t := range long {
		if t.class == legal || t.form == "" {
			continue
		}
		all = append(all, t.form[0])
		if t.class != particle {
			core = append(core, t.form[0])
		}
	}
	return string(all) == letters || string(core) == letters
}
