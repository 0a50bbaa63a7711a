package names

import (
	"cmp"
	"slices"
)

// maxHits bounds the indexed names aligned with one text: more share its words
// only where a text is made of the most frequent names there are.
const maxHits = 256

// maxGap is how far apart two words of a name may stand.
const maxGap = 7

// hit is an indexed name that two words of one segment point to.
type hit struct {
	variant int32
	segment int
}

// search is one look-up under way.
type search struct {
	x     *Index
	toks  []token
	cands [maxTokens][]candidate
	hits  []hit
	local bool // the text is the local part of an address
}

func (x *Index) find(toks []token, local bool) []Match {
	if len(toks) == 0 || len(x.variants) == 0 {
		return nil
	}
	s := search{x: x, toks: toks, local: local}
	pool := make([]candidate, 0, 48)
	for i := range toks {
		from := len(pool)
		pool = x.candidates(pool, &toks[i])
		s.cands[i] = pool[from:len(pool):len(pool)]
	}
	s.pairs()
	var found []aligned
	for _, h := range s.hits {
		if a, ok := s.align(h); ok {
			found = append(found, a)
		}
	}
	found = s.joined(found)
	return s.best(found)
}

// pairs looks up every two words of a segment, and an initial beside a word.
func (s *search) pairs() {
	for i := range s.toks {
		if s.x.whole {
			for _, c := range s.cands[i] {
				s.look(singleKey(c.word), s.toks[i].segment)
			}
		}
		for j := i + 1; j < len(s.toks) && j <= i+maxGap && s.toks[j].segment == s.toks[i].segment; j++ {
			s.pair(i, j)
		}
	}
	if !s.x.whole {
		s.single()
	}
}

func (s *search) pair(i, j int) {
	for _, a := range s.cands[i] {
		for _, b := range s.cands[j] {
			if a.word != b.word && a.worth*b.worth >= Floor && (a.how != bySlip || b.how != bySlip) {
				s.look(pairKey(a.word, b.word), s.toks[i].segment)
			}
		}
	}
	if letter, ok := s.toks[i].letter(); ok {
		s.initialPair(letter, j)
	}
	if letter, ok := s.toks[j].letter(); ok {
		s.initialPair(letter, i)
	}
}

func (s *search) initialPair(letter byte, surname int) {
	if s.toks[surname].initial() {
		return
	}
	for _, c := range s.cands[surname] {
		s.look(initialKey(letter, c.word), s.toks[surname].segment)
	}
}

// letter returns the Latin letter of a word that is an initial.
func (t *token) letter() (byte, bool) {
	if !t.initial() {
		return 0, false
	}
	form := t.raw
	if !isASCII(form) {
		form = romanise(form)[0]
	}
	if form == "" || form[0] < 'a' || form[0] > 'z' {
		return 0, false
	}
	return form[0], true
}

// single looks up names of one word, where the text is that word and words that
// count for nothing.
func (s *search) single() {
	only := -1
	for i := range s.toks {
		if s.toks[i].title {
			continue
		}
		if only >= 0 {
			return
		}
		only = i
	}
	if only < 0 {
		return
	}
	for _, c := range s.cands[only] {
		s.look(singleKey(c.word), s.toks[only].segment)
	}
}

func (s *search) look(key uint64, segment int) {
	s.x.byPair.each(key, func(v int32) bool {
		h := hit{v, segment}
		if !slices.Contains(s.hits, h) {
			s.hits = append(s.hits, h)
		}
		return len(s.hits) < maxHits
	})
}

// best keeps each person's best name, and the best people.
func (s *search) best(found []aligned) []Match {
	slices.SortFunc(found, func(a, b aligned) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.v.entry.Key, b.v.entry.Key),
			cmp.Compare(a.v.entry.Name, b.v.entry.Name), cmp.Compare(a.segment, b.segment))
	})
	var out []Match
	for i := range found {
		key := found[i].v.entry.Key
		if slices.ContainsFunc(out, func(m Match) bool { return m.Key == key }) {
			continue
		}
		if out = append(out, s.match(&found[i])); len(out) == maxMatches {
			break
		}
	}
	return out
}

// joined finds names written as one word (annakeller), or letter by letter
// (A n n a), and in a local part an initial with its surname (akeller).
func (s *search) joined(found []aligned) []aligned {
	if slices.ContainsFunc(found, func(a aligned) bool { return a.score > 0.94 }) {
		return found // found word by word
	}
	for i := range s.toks {
		t := &s.toks[i]
		if len(t.raw) >= 6 {
			found = s.joinedWord(found, t.raw, t.written, i, i+1)
		}
	}
	for i := 0; i < len(s.toks); {
		j := i + 1
		for j < len(s.toks) && s.toks[j].segment == s.toks[i].segment {
			j++
		}
		if j-i > 1 {
			found = s.joinedRun(found, i, j)
		}
		i = j
	}
	return found
}

// joinedRun joins the words of one segment but for titles.
func (s *search) joinedRun(found []aligned, i, j int) []aligned {
	var buf, shown [96]byte
	raw, written := buf[:0], shown[:0]
	for k := i; k < j && len(raw) < 64; k++ {
		if t := &s.toks[k]; !t.title || t.initial() {
			raw, written = append(raw, t.raw...), append(written, t.written...)
		}
	}
	if len(raw) < 6 {
		return found
	}
	return s.joinedWord(found, string(raw), string(written), i, j)
}

func (s *search) joinedWord(found []aligned, raw, written string, from, to int) []aligned {
	x := s.x
	add := func(v *variant, h how, worth float64, missing bool) bool {
		a := aligned{v: v, segment: s.toks[from].segment, score: worth, whole: h, from: from, to: to, text: written, missing: missing}
		a.unassign()
		if worth >= Floor && s.matchable(v) && !x.otherSpelling(v, raw) {
			found = append(found, a)
		}
		return len(found) < maxHits
	}
	forms := []string{raw}
	if !isASCII(raw) {
		forms = append(fewForms(raw), shape(written))
	}
	for _, f := range forms {
		x.byJoined.each(x.key(kindJoined, shape(f)), func(id int32) bool {
			h, worth, missing := s.joinedHow(&x.variants[id], f)
			return add(&x.variants[id], h, worth, missing)
		})
		if !s.local || len(f) < 5 {
			continue
		}
		x.byJoined.each(x.key(kindInitialJoined, f), func(id int32) bool {
			v := &x.variants[id]
			return add(v, byInitial, x.initialWorth(v, 0, int(v.n)-1), false)
		})
	}
	return found
}

// otherSpelling holds where the text is in the name's own script, but not the same
// letters: what only sounds alike is another name.
func (x *Index) otherSpelling(v *variant, raw string) bool {
	seq := x.seq(v)
	sc, _ := scripts(raw)
	if sc == latin || sc != x.words[seq[0]].script {
		return false
	}
	all := ""
	for _, w := range seq {
		all += x.words[w].raw
	}
	last := x.words[seq[len(seq)-1]].raw
	return raw != all && raw != last+all[:len(all)-len(last)]
}

// matchable excludes names that are a single frequent word.
func (s *search) matchable(v *variant) bool {
	return v.n > 1 || s.x.singleWorth(v) > 0
}

// fewForms romanises where names are spaced by one scheme only: a name in one word
// is rare there.
func fewForms(w string) []string {
	switch sc, _ := scripts(w); sc {
	case cyrillic:
		return []string{cyrillicBase.apply(w)}
	case greek:
		return []string{greekBase.apply(stripMarks(w))}
	}
	return romanise(w)
}

// joinedHow tells a name written in one word from one written with look-alike
// signs, which has the same shape only.
func (s *search) joinedHow(v *variant, f string) (h how, worth float64, missing bool) {
	seq := s.x.seq(v)
	for _, form := range [...]func(*word) string{(*word).form, (*word).lastForm} {
		all := ""
		for _, w := range seq {
			all += form(&s.x.words[w])
		}
		first, last := form(&s.x.words[seq[0]]), form(&s.x.words[seq[len(seq)-1]])
		switch f {
		case all, last + all[:len(all)-len(last)]:
			return byJoin, 0.94, false
		case first + last, last + first:
			return byJoin, 0.87, true
		}
	}
	return byShape, 0.9, false
}

// joinedName is the whole name in one word.
func (x *Index) joinedName(v *variant) string {
	name := ""
	for _, w := range x.seq(v) {
		name += x.words[w].form()
	}
	return name
}

// initialWorth scores a surname with an initial: by how many people it could be,
// and how much of a name the surname is.
func (x *Index) initialWorth(v *variant, given, last int) float64 {
	seq := x.seq(v)
	surname := &x.words[seq[last]]
	worth := 0.74
	switch n := x.sameInitial(seq[given], seq[last]); {
	case n > 2:
		worth -= 0.16
	case n > 1:
		worth -= 0.1
	}
	if commonSurname[surname.form()] {
		worth -= 0.1
	}
	if len(surname.form()) < 4 {
		worth -= 0.15
	}
	return worth
}

// sameInitial counts the people that an initial with this surname can mean.
func (x *Index) sameInitial(given, surname int32) int {
	form := x.words[given].form()
	if form == "" {
		return 0
	}
	n, last := 0, 0
	x.byPair.each(initialKey(form[0], surname), func(id int32) bool {
		if key := x.variants[id].entry.Key; key != last || n == 0 {
			n, last = n+1, key
		}
		return n < 8
	})
	return max(n, 1)
}

// commonplace holds for one-word names of organisations that mean something else
// as soon as another word stands beside them: ordinary words and short ones.
func (x *Index) commonplace(v *variant) bool {
	form := x.words[x.seq(v)[0]].form()
	return x.whole && v.n == 1 && (generic[form] || len(form) <= shortLabel)
}

// singleWorth scores a name of one word: it must be long, nobody else's, and no
// frequent given name or surname.
func (x *Index) singleWorth(v *variant) float64 {
	w := &x.words[x.seq(v)[0]]
	form := w.form()
	switch {
	case len(form) < 3 && w.script == latin:
		return 0
	case x.whole && generic[form]:
		return 0.6
	case x.whole:
		return 1
	case len(form) < 4 || givenName(form) || commonSurname[form] || w.first > 1:
		return 0
	}
	return 0.92
}
