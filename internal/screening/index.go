package screening

import (
	"math"
	"strings"
	"sync"
)

// Index finds entries. It never changes once built and may be used by many
// goroutines.
type Index struct {
	entities []Entity
	words    []*word
	texts    map[string]int32 // as cut from a name to words
	shares   []float32        // of each word: how many bear it, as a power of ten
	names    []indexed
	tokens   []kept

	posted   []int32 // names of each word, word after word
	postedAt []int32
	byKey    hashed // keys of words
	byJoin   hashed // keys of words written together, to names
	byNumber map[string][]int32

	scratch sync.Pool
}

// indexed is one name of one entity.
type indexed struct {
	entity int32
	start  int32 // in tokens
	n      uint8
	person bool
	which  uint16 // in the entity's names
	weight float32
}

// kept is one token of a name in little room.
type kept struct {
	word  int32
	class class
	kind  uint8
}

var legalKinds = [...]string{"", "llc", "jsc", "lp", "llp", "gp", "coop", "sp", "other", "company"}

func kindNumber(kind string) uint8 {
	for i, k := range legalKinds {
		if k == kind {
			return uint8(i)
		}
	}
	return 0
}

// NewIndex indexes the entries. It keeps the slice; the caller leaves it alone.
func NewIndex(entities []Entity, o Options) *Index {
	x := &Index{entities: entities, texts: map[string]int32{}, byNumber: map[string][]int32{}}
	r := &reader{word: x.intern, surname: x.internSurname, weight: func(*word, class) float32 { return 0 }}
	for i := range entities {
		x.addEntity(r, int32(i), o)
	}
	x.weigh()
	x.post()
	x.fileWords()
	x.fileJoins()
	x.scratch.New = func() any { return newSearch(x) }
	return x
}

func (x *Index) intern(text string) *word { return x.internAs(text, text, newWord) }

func (x *Index) internSurname(text string) *word { return x.internAs("\x00"+text, text, newSurname) }

func (x *Index) internAs(key, text string, make func(string) *word) *word {
	if id, ok := x.texts[key]; ok {
		return x.words[id]
	}
	w := make(strings.Clone(text))
	w.id = int32(len(x.words))
	x.texts[strings.Clone(key)] = w.id
	x.words = append(x.words, w)
	return w
}

func (x *Index) addEntity(r *reader, id int32, o Options) {
	e := &x.entities[id]
	for i := range e.Names {
		n := &e.Names[i]
		if o.WithoutOriginalScript && (n.Kind == NameOriginalScript || scriptOfWord(n.Text) != latin) {
			continue
		}
		x.addName(r, id, i, n.Text, e.Kind)
	}
	for _, n := range e.Identifiers {
		if v := identifierKey(n.Value); v != "" {
			x.byNumber[v] = append(x.byNumber[v], id)
		}
	}
}

func (x *Index) addName(r *reader, id int32, which int, text string, kind Kind) {
	person := kind == KindPerson || kind == KindUnknown
	if !person {
		kind = KindOrganisation
	} else {
		kind = KindPerson
	}
	toks := r.read(text, kind)
	if len(toks) == 0 {
		return
	}
	n := indexed{entity: id, start: int32(len(x.tokens)), n: uint8(len(toks)), person: person, which: uint16(which)}
	for _, t := range toks {
		x.tokens = append(x.tokens, kept{t.id, t.class, kindNumber(t.kind)})
	}
	x.names = append(x.names, n)
}

// weigh counts how many entities have each word, and weighs the names. A list's own
// frequencies only raise what is known of words in general, and not past that of a
// fairly common name: many entries of one clan do not make its name a common one.
func (x *Index) weigh() {
	count, last := make([]int32, len(x.words)), make([]int32, len(x.words))
	for i := range last {
		last[i] = -1
	}
	for i := range x.names {
		n := &x.names[i]
		for _, k := range x.tokens[n.start : n.start+int32(n.n)] {
			if last[k.word] != n.entity {
				count[k.word]++
				last[k.word] = n.entity
			}
		}
	}
	x.shares = make([]float32, len(x.words))
	all := float64(max(len(x.entities), 1000))
	for i, w := range x.words {
		x.shares[i] = max(w.prior, float32(min(-2.5, math.Log10((float64(count[i])+0.5)/all))))
	}
	for i := range x.names {
		n := &x.names[i]
		for _, k := range x.tokens[n.start : n.start+int32(n.n)] {
			n.weight += x.weightOf(x.words[k.word], k.class)
		}
	}
}

func (x *Index) weightOf(w *word, c class) float32 {
	if w.id >= 0 {
		return weighBy(w, c, x.shares[w.id])
	}
	return weighBy(w, c, w.prior)
}

// post lists for each word the names it is in. Words that cannot tell names apart are
// left out where a name has others.
func (x *Index) post() {
	x.postedAt = make([]int32, len(x.words)+1)
	each := func(yield func(word, name int32)) {
		for i := range x.names {
			n := &x.names[i]
			toks := x.tokens[n.start : n.start+int32(n.n)]
			for k, t := range toks {
				if t.class == particle || t.class == title || t.class == legal || repeatedBefore(toks, k) {
					continue
				}
				yield(t.word, int32(i))
			}
		}
	}
	each(func(w, _ int32) { x.postedAt[w+1]++ })
	for i := range x.words {
		x.postedAt[i+1] += x.postedAt[i]
	}
	x.posted = make([]int32, x.postedAt[len(x.words)])
	next := append([]int32(nil), x.postedAt...)
	each(func(w, name int32) {
		x.posted[next[w]] = name
		next[w]++
	})
}

func repeatedBefore(toks []kept, k int) bool {
	for _, t := range toks[:k] {
		if t.word == toks[k].word {
			return true
		}
	}
	return false
}

func (x *Index) postings(w int32) []int32 { return x.posted[x.postedAt[w]:x.postedAt[w+1]] }

const (
	leastDeleted = 4 // letters of a word that slips are looked for in
	leastJoined  = 3 // consonants of words written together that are filed
)

func (x *Index) fileWords() {
	var f filing
	for i, w := range x.words {
		id := int32(i)
		if len(x.postings(id)) == 0 {
			continue
		}
		f.add(hash(keyText, w.text), id)
		x.fileForms(&f, w, id)
		if len(w.skel) >= 2 {
			f.add(skeletonKey(w.form, w.skel), id)
		} else {
			f.add(hash(keyWeak, weakSkeleton(w.form)), id)
		}
		if w.sound != "" {
			f.add(skeletonKey(w.sound, skeleton(w.sound)), id)
		}
		if w.zh != "" {
			f.add(hash(keyChinese, w.zh), id)
		}
		if w.canon != "" {
			f.add(hash(keyCanon, w.canon), id)
		}
	}
	x.byKey = f.build()
}

func (x *Index) fileForms(f *filing, w *word, id int32) {
	for i := range 1 + min(len(w.alts), 3) {
		form := w.form
		if i > 0 {
			form = w.alts[i-1]
		}
		f.add(hash(keyForm, form), id)
		if len(form) >= leastDeleted && len(form) <= 32 {
			deletions(form, func(k uint32) { f.add(k, id) })
		}
	}
}

// fileJoins files the words of names written together, two and three at a time, and
// organisations' initials.
func (x *Index) fileJoins() {
	var f filing
	var buf []token
	for i := range x.names {
		n := &x.names[i]
		buf = x.tokensOf(buf[:0], n)
		eachJoin(buf, func(_, _ int, form string) {
			f.add(hash(keyForm, form), int32(i))
			if s := skeleton(form); len(s) >= leastJoined {
				f.add(skeletonKey(form, s), int32(i))
			}
			if z := joinedChinese(buf, form); z != "" {
				f.add(hash(keyChinese, z), int32(i))
			}
		})
		if a := initials(buf); !n.person && len(a) >= 3 {
			f.add(hash(keyAcronym, a), int32(i))
		}
	}
	x.byJoin = f.build()
}

func joinedChinese(toks []token, form string) string {
	for _, t := range toks {
		if t.zh == "" {
			return ""
		}
	}
	return chineseKey(form)
}

func initials(toks []token) string {
	var b []byte
	for _, t := range toks {
		if t.class != legal && t.class != particle && t.form != "" {
			b = append(b, t.form[0])
		}
	}
	return string(b)
}

// eachJoin yields the words of a name written together, from i up to before end.
func eachJoin(toks []token, yield func(i, end int, form string)) {
	for i := range toks {
		form := toks[i].form
		for end := i + 1; end < len(toks) && end < i+3; end++ {
			if toks[i].class == legal || toks[end].class == legal {
				break
			}
			form += toks[end].form
			if len(form) >= 5 && len(form) <= 40 {
				yield(i, end+1, form)
			}
		}
	}
}

// tokensOf unpacks a name.
func (x *Index) tokensOf(to []token, n *indexed) []token {
	for _, k := range x.tokens[n.start : n.start+int32(n.n)] {
		w := x.words[k.word]
		to = append(to, token{word: w, class: k.class, kind: legalKinds[k.kind], weight: x.weightOf(w, k.class)})
	}
	return to
}
