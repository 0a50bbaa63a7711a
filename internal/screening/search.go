package screening

import (
	"cmp"
	"slices"
	"strings"
)

const (
	alwaysJoined = 4    // names in which words written together are looked for although no key led to one
	mostAligned  = 16   // names that are aligned for one query
	mostKnown    = 8192 // words whose neighbours are kept from query to query
	mostBucket   = 500  // words of one key that are looked at
)

// search is the scratch space of one query.
type search struct {
	x     *Index
	stamp uint32

	sum     []float32 // of each name: weight of the query's words found in it
	summed  []uint32  // the stamp of sum
	found   []uint32  // which of the query's words, as bits
	touched []int32

	person  reading
	company reading
	now     *reading
	reader  reader
	near    []near
	looked  []uint64 // of each indexed word: the last of looks that compared it
	looks   uint64
	best    []guess
	entry   []token
	aligner aligner
	made    map[string]*word // words that are not in the index
	nearTo  map[*word][]near // of single words
}

// alike is what similar said, kept for the length of one query.
type alike struct {
	s   float32
	how how
	set bool
}

// reading is the query, read as a person's or an organisation's name.
type reading struct {
	toks   []token
	weight float32
	done   bool

	slotAt []uint32 // of each indexed word: the stamp of slot
	slot   []int32  // where its comparisons with toks begin in memo
	memo   []alike
}

// near is an indexed word that resembles some words of the query.
type near struct {
	word int32
	s    float32
}

// guess is a name with an estimate of its score.
type guess struct {
	name int32
	s    float32
}

func newSearch(x *Index) *search {
	s := &search{x: x, sum: make([]float32, len(x.names)), summed: make([]uint32, len(x.names)), found: make([]uint32, len(x.names)), looked: make([]uint64, len(x.words)),
		made: map[string]*word{}, nearTo: map[*word][]near{}}
	for _, r := range [...]*reading{&s.person, &s.company} {
		r.slotAt, r.slot = make([]uint32, len(x.words)), make([]int32, len(x.words))
	}
	s.reader = reader{word: s.word, surname: s.surname, weight: x.weightOf}
	s.aligner.sims = s.similar
	return s
}

// Search returns at most limit entries that the query resembles, best first; none
// below Floor.
func (x *Index) Search(q Query, limit int) []Hit {
	s := x.scratch.Get().(*search)
	defer x.scratch.Put(s)
	s.begin(q)
	s.collect()
	s.choose()
	hits := s.rank(q)
	hits = x.addByNumber(q, hits)
	slices.SortStableFunc(hits, byScore)
	if len(hits) > limit {
		hits = hits[:limit]
	}
	return hits
}

func byScore(a, b Hit) int {
	if c := cmp.Compare(b.Score, a.Score); c != 0 {
		return c
	}
	if c := cmp.Compare(b.NameScore, a.NameScore); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.Entity.List, b.Entity.List), cmp.Compare(a.Entity.ID, b.Entity.ID))
}

func (s *search) word(text string) *word { return s.make(text, text, newWord) }

func (s *search) surname(text string) *word { return s.make("\x00"+text, text, newSurname) }

func (s *search) make(key, text string, make func(string) *word) *word {
	if id, ok := s.x.texts[key]; ok {
		return s.x.words[id]
	}
	if w := s.made[key]; w != nil {
		return w
	}
	w := make(strings.Clone(text))
	s.made[strings.Clone(key)] = w
	return w
}

// begin reads the query.
func (s *search) begin(q Query) {
	s.stamp++
	if s.stamp == 0 { // after 2³² queries
		clear(s.summed)
		clear(s.person.slotAt)
		clear(s.company.slotAt)
		s.stamp = 1
	}
	if len(s.nearTo) > mostKnown {
		clear(s.made)
		clear(s.nearTo)
	}
	s.touched = s.touched[:0]
	s.person.done, s.company.done = false, false
	s.aligner.joinsOf = nil
	kind := q.Schema
	if kind == KindUnknown {
		kind = KindPerson
	}
	s.now = s.read(q.Name, kind)
	if q.Schema == KindUnknown && likeCompany(s.now.toks) {
		s.now = s.read(q.Name, KindOrganisation)
	}
}

// likeCompany tells whether a name that was read as a person's has a legal form or several
// initials in a row. Candidates are then looked for by its words as a company's name;
// each is still compared as what it is.
func likeCompany(toks []token) bool {
	for i, t := range toks {
		if phrases().legal[t.text] != "" && t.class == plain || i > 0 && t.class == initial && toks[i-1].class == initial {
			return true
		}
	}
	return false
}

func (s *search) read(name string, kind Kind) *reading {
	r := &s.company
	if kind == KindPerson {
		r = &s.person
	}
	if !r.done {
		r.toks, r.done, r.weight, r.memo = s.reader.read(name, kind), true, 0, r.memo[:0]
		for _, t := range r.toks {
			r.weight += t.weight
		}
	}
	return r
}

// similar compares a word of the query with an indexed word, once.
func (s *search) similar(i int, e *word) (float32, how) {
	if e.id < 0 {
		return similar(s.now.toks[i].word, e)
	}
	m := &s.now.memo[int(s.slotOf(e.id))+i]
	if !m.set {
		m.s, m.how = similar(s.now.toks[i].word, e)
		m.set = true
	}
	return m.s, m.how
}

// slotOf is the place in memo of an indexed word's comparisons with the query's words.
func (s *search) slotOf(w int32) int32 {
	r := s.now
	if r.slotAt[w] != s.stamp {
		r.slotAt[w] = s.stamp
		r.slot[w] = int32(len(r.memo))
		for range r.toks {
			r.memo = append(r.memo, alike{})
		}
	}
	return r.slot[w]
}

// collect adds up for each name the weight of the query's words found in it.
func (s *search) collect() {
	for i := range s.now.toks {
		t := &s.now.toks[i]
		if t.class == legal || t.class == title || t.class == particle {
			continue
		}
		s.credit(s.nearWord(t.word), 1<<i, t.weight)
	}
	eachJoin(s.now.toks, s.collectJoined)
	for i, t := range s.now.toks {
		if len(t.form) >= 5 {
			s.creditJoins(t.form, t.zh, 1<<i, t.weight)
		}
	}
	if len(s.now.toks) == 1 && len(s.now.toks[0].form) <= 8 {
		s.creditNames(s.x.byJoin.find(hash(keyAcronym, s.now.toks[0].form)), 1, s.now.toks[0].weight)
	}
}

// collectJoined looks for words of the query that the entry writes together.
func (s *search) collectJoined(i, end int, form string) {
	var bits uint32
	var weight float32
	text := ""
	bits = joinedBit
	for k := i; k < end; k++ {
		bits |= 1 << k
		weight += s.now.toks[k].weight
		text += s.now.toks[k].text
	}
	w := &word{text: text, form: form, script: s.now.toks[i].script, skel: skeleton(form), id: -1, made: true}
	w.zh, w.mask = joinedChinese(s.now.toks[i:end], form), letterMask(form)
	w.units = unitsOf(w.text, w.script)
	s.nearest(w)
	s.credit(s.near, bits, weight)
	s.creditJoins(form, w.zh, bits, weight)
	if short, text := withoutArticles(s.now.toks[i:end]); short != "" { // the l of the article becomes the letter after it
		w.form, w.skel, w.text = short, skeleton(short), text
		s.nearest(w)
		s.credit(s.near, bits, weight)
	}
}

// withoutArticles writes Arabic words together without the articles between them; "" where
// there are none.
func withoutArticles(toks []token) (form, text string) {
	n := 0
	for _, t := range toks {
		if t.text == "ال" {
			n++
			continue
		}
		form += t.form
		text += t.text
	}
	if n == 0 || n == len(toks) {
		return "", ""
	}
	return form, text
}

func (s *search) creditJoins(form, zh string, bits uint32, weight float32) {
	bits |= joinedBit
	s.creditNames(s.x.byJoin.find(hash(keyForm, form)), bits, weight)
	if k := skeleton(form); len(k) >= leastJoined {
		s.creditNames(s.x.byJoin.find(skeletonKey(form, k)), bits, weight*0.9)
	}
	if zh != "" {
		s.creditNames(s.x.byJoin.find(hash(keyChinese, zh)), bits, weight*0.9)
	}
}

const leastNear = 0.5

// nearest fills s.near with the indexed words that resemble w, the most alike first.
func (s *search) nearest(w *word) {
	s.near = s.near[:0]
	s.looks++
	look := func(key uint32) { s.lookAt(w, key) }
	look(hash(keyText, w.text))
	for i := range 1 + min(len(w.alts), 3) {
		form := w.form
		if i > 0 {
			form = w.alts[i-1]
		}
		look(hash(keyForm, form))
		if len(form) >= leastDeleted && len(form) <= 32 && !w.made {
			deletions(form, look)
		}
	}
	lookBySound(w, look)
	if w.canon != "" {
		look(hash(keyCanon, w.canon))
	}
	for _, full := range w.nick {
		look(hash(keyForm, full))
	}
	slices.SortFunc(s.near, func(a, b near) int {
		return cmp.Or(cmp.Compare(b.s, a.s), cmp.Compare(a.word, b.word))
	})
}

// lookAt compares w with the words of one key, those not yet compared.
func (s *search) lookAt(w *word, key uint32) {
	ids := s.x.byKey.find(key)
	for _, id := range ids[:min(len(ids), mostBucket)] {
		if s.looked[id] == s.looks {
			continue
		}
		s.looked[id] = s.looks
		if v, _ := similar(w, s.x.words[id]); v >= leastNear {
			s.near = append(s.near, near{id, v})
		}
	}
}

// lookBySound looks under the keys of a word's sounds.
func lookBySound(w *word, look func(uint32)) {
	if len(w.skel) > 2 || len(w.skel) == 2 && w.script != latin { // slips are enough for short Latin words
		look(skeletonKey(w.form, w.skel))
		if other := otherSkeleton(w); other != "" {
			look(skeletonKey(w.form, other))
		}
	}
	if len(w.skel) < 2 {
		look(hash(keyWeak, weakSkeleton(w.form)))
	}
	if w.sound != "" {
		look(skeletonKey(w.sound, skeleton(w.sound)))
	}
	if w.zh != "" {
		look(hash(keyChinese, w.zh))
	}
}

// nearWord is nearest for a word of the query. Given names come again and again, so what
// was found is kept for a while.
func (s *search) nearWord(w *word) []near {
	found, ok := s.nearTo[w]
	if !ok {
		s.nearest(w)
		found = slices.Clone(s.near)
		s.nearTo[w] = found
	}
	return found
}

func (s *search) credit(found []near, bits uint32, weight float32) {
	for _, n := range found {
		s.creditNames(s.x.postings(n.word), bits, weight*n.s)
	}
}

// joinedBit marks names in which words were found written together or apart.
const joinedBit = 1 << 31

// creditNames adds weight to names in which none of these words has been found.
func (s *search) creditNames(names []int32, bits uint32, weight float32) {
	for _, n := range names {
		if s.summed[n] != s.stamp {
			s.summed[n], s.sum[n], s.found[n] = s.stamp, 0, 0
			s.touched = append(s.touched, n)
		}
		if s.found[n]&bits&^joinedBit == 0 {
			s.found[n] |= bits
			s.sum[n] += weight
		}
	}
}

// choose keeps the names whose score could be highest.
func (s *search) choose() {
	s.best = s.best[:0]
	var steps [65]int // how many have an estimate of so many 64ths
	for _, n := range s.touched {
		if e := s.estimate(n); e >= leastEstimate {
			s.best = append(s.best, guess{n, e})
			steps[int(e*64)]++
		}
	}
	if len(s.best) > mostAligned {
		s.thin(&steps)
	}
	slices.SortFunc(s.best, func(a, b guess) int {
		return cmp.Or(cmp.Compare(b.s, a.s), cmp.Compare(a.name, b.name))
	})
	s.best = s.best[:min(len(s.best), mostAligned)]
}

// thin drops what is certainly not among the best, so that few are left to sort.
func (s *search) thin(steps *[65]int) {
	least, sum := 64, steps[64]
	for sum < mostAligned && least > 0 {
		least--
		sum += steps[least]
	}
	s.best = slices.DeleteFunc(s.best, func(g guess) bool { return int(g.s*64) < least })
}

const leastEstimate = 0.5

// estimate is rate with what is known so far, on the generous side: a word with two
// slips is found only when the names are aligned.
func (s *search) estimate(n int32) float32 {
	agree := s.sum[n]
	uq, ue := max(0, s.now.weight-agree), max(0, s.x.names[n].weight-agree)
	conflict := min(uq, ue)
	return agree / (agree + 0.6*conflict + 0.2*(max(uq, ue)-conflict))
}

// rank aligns the chosen names and keeps the best of each entity.
func (s *search) rank(q Query) []Hit {
	of := map[int32]int{}
	var hits []Hit
	for i, g := range s.best {
		s.aligner.apart = i >= alwaysJoined && s.found[g.name]&joinedBit == 0
		n := &s.x.names[g.name]
		e := &s.x.entities[n.entity]
		kind := kindToCompare(q.Schema, e.Kind)
		if kind == "none" {
			continue
		}
		score := s.alignWith(q.Name, n, kind)
		if e.Names[n.which].Kind == NameWeakAlias {
			score *= weakAlias
		}
		if score < Floor*0.9 {
			continue
		}
		at, known := of[n.entity]
		if known && hits[at].NameScore >= rounded(score) {
			continue
		}
		h := s.hit(q, e, e.Names[n.which], score)
		if h.Score < Floor {
			continue
		}
		if known {
			hits[at] = h
			continue
		}
		of[n.entity] = len(hits)
		hits = append(hits, h)
	}
	return hits
}

const weakAlias = 0.95

// kindToCompare says how names of an entry are compared, or "none" where the query asks
// for something else.
func kindToCompare(asked, entry Kind) Kind {
	if entry == KindUnknown {
		entry = KindPerson
	}
	if asked == KindUnknown || asked == entry || asked == KindOrganisation && entry != KindPerson {
		return entry
	}
	return "none"
}

func (s *search) alignWith(name string, n *indexed, kind Kind) float32 {
	s.now = s.read(name, kind)
	s.entry = s.x.tokensOf(s.entry[:0], n)
	s.aligner.align(s.now.toks, s.entry, kind)
	return s.aligner.score
}
