package names

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// Index finds indexed names that a text resembles. It never changes once built.
type Index struct {
	seed     maphash.Seed
	whole    bool // every word of a name must be found: organisations
	semitic  bool // some word is in a script without vowels
	variants []variant
	sequence []int32 // the variants' words, one after the other
	words    []word
	byRaw    map[string]int32
	byForm   hashed // what a word can be written as → word
	byPair   hashed // two words of one name, an initial and a surname, a single word → variant
	byJoined hashed // the whole name in one word → variant
}

// variant is one entry, its words with the given names first.
type variant struct {
	entry  Entry
	start  int32 // in sequence
	n      uint8 // words
	givens uint8 // of them given names; the rest are surnames
}

// word is one distinct word of the indexed names.
type word struct {
	raw     string
	forms   []string // in a to z; nil if raw is that already
	script  script
	first   int32 // people whose name begins with it
	last    int32 // people whose name ends with it
	lastKey [2]int
}

func (w *word) form() string {
	if w.forms == nil {
		return w.raw
	}
	return w.forms[0]
}

// each form of w.
func (w *word) each(yield func(string)) {
	if w.forms == nil {
		yield(w.raw)
	}
	for _, f := range w.forms {
		yield(f)
	}
}

// The kinds of key in Index.byForm and Index.byJoined.
const (
	kindForm uint64 = iota + 1
	kindRoman
	kindShape
	kindConsonants // of words in other scripts
	kindSemitic    // of words in Arabic or Hebrew script
	kindDeletion
	kindJoined
	kindInitialJoined
)

func (x *Index) key(kind uint64, s string) uint64 {
	return maphash.String(x.seed, s) ^ spread(kind)
}

func (x *Index) keyBytes(kind uint64, b []byte) uint64 {
	return maphash.Bytes(x.seed, b) ^ spread(kind)
}

// pairKey files two words of one name, in either order.
func pairKey(a, b int32) uint64 {
	if a > b {
		a, b = b, a
	}
	return uint64(a)<<32 | uint64(b)
}

func initialKey(letter byte, surname int32) uint64 {
	return 1<<63 | uint64(letter)<<40 | uint64(surname)
}

func singleKey(w int32) uint64 { return 1<<62 | uint64(w) }

// NewIndex indexes the entries. Several may share a key: the variants of one
// person's name.
func NewIndex(entries []Entry) *Index { return newIndex(entries, false) }

// NewOrganisationIndex indexes names of organisations: every word of a name must
// be found, and words such as Ltd count for nothing.
func NewOrganisationIndex(entries []Entry) *Index { return newIndex(entries, true) }

func newIndex(entries []Entry, whole bool) *Index {
	x := &Index{seed: maphash.MakeSeed(), whole: whole, byRaw: make(map[string]int32, len(entries)/2+8),
		variants: make([]variant, 0, len(entries)), sequence: make([]int32, 0, 2*len(entries))}
	if !slices.IsSortedFunc(entries, byKey) {
		entries = slices.Clone(entries)
		slices.SortStableFunc(entries, byKey)
	}
	var buf []token
	for _, e := range entries {
		buf = tokenize(buf[:0], e.Name)
		x.addVariant(e, x.core(buf))
	}
	x.byForm = x.fileWords()
	x.fileVariants()
	return x
}

func byKey(a, b Entry) int { return cmp.Compare(a.Key, b.Key) }

// core leaves the words that make the name, given names first.
func (x *Index) core(toks []token) []token {
	if x.whole {
		return atLeast(1, toks, func(t *token) bool { return !corporate[t.raw] })
	}
	toks = atLeast(2, toks, func(t *token) bool { return !t.title && !particles[t.raw] },
		func(t *token) bool { return !t.title })
	return surnameLast(toks)
}

// atLeast filters by the first test that leaves n words, or not at all.
func atLeast(n int, toks []token, tests ...func(*token) bool) []token {
	for _, test := range tests {
		left := make([]token, 0, len(toks))
		for i := range toks {
			if test(&toks[i]) {
				left = append(left, toks[i])
			}
		}
		if len(left) >= n {
			return left
		}
	}
	return toks
}

// surnameLast turns "Keller, Anna" round.
func surnameLast(toks []token) []token {
	for i := 1; i < len(toks); i++ {
		if toks[i].comma {
			return append(slices.Clone(toks[i:]), toks[:i]...)
		}
	}
	return toks
}

func (x *Index) addVariant(e Entry, toks []token) {
	if len(toks) == 0 {
		return // nothing to find it by
	}
	if len(toks) > 8 {
		toks = toks[:8]
	}
	v := variant{entry: e, start: int32(len(x.sequence)), n: uint8(len(toks))}
	for i := range toks {
		w := x.wordID(toks[i].raw)
		x.sequence = append(x.sequence, w)
		if i == 0 {
			x.words[w].count(&x.words[w].first, 0, e.Key)
		}
		if i > 0 && i == len(toks)-1 {
			x.words[w].count(&x.words[w].last, 1, e.Key)
		}
	}
	x.variants = append(x.variants, v)
}

// count counts a person once; entries come sorted by key.
func (w *word) count(n *int32, which, key int) {
	if *n == 0 || w.lastKey[which] != key {
		*n++
		w.lastKey[which] = key
	}
}

func (x *Index) wordID(raw string) int32 {
	if id, ok := x.byRaw[raw]; ok {
		return id
	}
	id := int32(len(x.words))
	w := word{raw: raw}
	if !isASCII(raw) {
		w.forms = romanise(raw)
		w.script, _ = scripts(raw)
		x.semitic = x.semitic || w.script == arabic || w.script == hebrew
	}
	x.words = append(x.words, w)
	x.byRaw[raw] = id
	return id
}

// fileWords files each word under everything it can be written as.
func (x *Index) fileWords() hashed {
	f := newFiling(14 * len(x.words))
	for i := range x.words {
		w, id := &x.words[i], int32(i)
		w.each(func(form string) { f.add(x.key(kindForm, form), id) })
		form := w.form()
		f.add(x.key(kindRoman, romanKey(form)), id)
		x.fileShapes(f, w, id)
		kind := kindConsonants
		if w.script == arabic || w.script == hebrew {
			kind = kindSemitic
		}
		f.add(x.key(kind, consonants(withoutArticle(w.raw, form))), id)
		if len(form) >= shortestSlip {
			deletions(form, func(b []byte) { f.add(x.keyBytes(kindDeletion, b), id) })
		}
	}
	return f.build()
}

// fileShapes files a word's shape in small letters, and with a capital first: a
// capital I looks like an l, and of other alphabets' letters most look like others in
// capitals (Π, π).
func (x *Index) fileShapes(f *filing, w *word, id int32) {
	small := shape(w.raw)
	f.add(x.key(kindShape, small), id)
	if w.raw != "" && w.raw[0] == 'i' {
		f.add(x.key(kindShape, "l"+small[1:]), id)
	}
	if w.script == cyrillic || w.script == greek {
		if titled := shape(capital(w.raw)); titled != small {
			f.add(x.key(kindShape, titled), id)
		}
	}
}

// withoutArticle drops the Arabic article from the romanised form of raw.
func withoutArticle(raw, form string) string {
	if len(raw) > len("الال") && raw[:len("ال")] == "ال" && len(form) > 2 {
		return form[2:]
	}
	return form
}

// fileVariants files each name under its pairs of words and in one word.
func (x *Index) fileVariants() {
	pairs, joined := newFiling(3*len(x.variants)), newFiling(5*len(x.variants))
	for i := range x.variants {
		v, id := &x.variants[i], int32(i)
		v.givens = x.givens(v)
		x.filePairs(pairs, v, id)
		if !x.whole || v.n > 1 {
			x.fileJoined(joined, v, id)
		}
	}
	x.byPair, x.byJoined = pairs.build(), joined.build()
}

// givens counts the given names at the beginning of a name: the first word, and
// each after it that is more often a given name than a surname, but never the last.
func (x *Index) givens(v *variant) uint8 {
	seq := x.seq(v)
	n := 1
	for n < len(seq)-1 {
		w := &x.words[seq[n]]
		if !givenName(w.form()) && w.first <= w.last {
			break
		}
		n++
	}
	return uint8(min(n, len(seq)))
}

func (x *Index) seq(v *variant) []int32 { return x.sequence[v.start : v.start+int32(v.n)] }

func (x *Index) filePairs(f *filing, v *variant, id int32) {
	seq := x.seq(v)
	if len(seq) == 1 {
		f.add(singleKey(seq[0]), id)
		return
	}
	if x.whole { // all words are needed, so the first two find it
		f.add(pairKey(seq[0], seq[1]), id)
		return
	}
	for i := range seq {
		for j := i + 1; j < len(seq); j++ {
			f.add(pairKey(seq[i], seq[j]), id)
		}
	}
	for _, s := range seq[v.givens:] {
		x.eachInitial(seq[0], func(letter byte) { f.add(initialKey(letter, s), id) })
	}
	if len(seq) == 2 && x.surnameFirst(seq) {
		x.eachInitial(seq[1], func(letter byte) { f.add(initialKey(letter, seq[0]), id) })
	}
}

// surnameFirst holds for names such as Wang Xiaoming, by their frequent surname.
func (x *Index) surnameFirst(seq []int32) bool {
	return commonSurname[x.words[seq[0]].form()] && !commonSurname[x.words[seq[1]].form()] && !givenName(x.words[seq[0]].form())
}

// eachInitial yields the letters that the forms of a word begin with, each once.
func (x *Index) eachInitial(w int32, yield func(byte)) {
	seen := uint32(0)
	x.words[w].each(func(form string) {
		if form == "" || form[0] < 'a' || form[0] > 'z' || seen>>(form[0]-'a')&1 == 1 {
			return
		}
		seen |= 1 << (form[0] - 'a')
		yield(form[0])
	})
}

// fileJoined files the name in one word: all of it and its first and last word, in
// either order; and the initial with the surname.
func (x *Index) fileJoined(f *filing, v *variant, id int32) {
	seq := x.seq(v)
	for _, form := range [...]func(*word) string{(*word).form, (*word).lastForm} {
		given, middle := form(&x.words[seq[0]]), ""
		if len(seq) == 1 {
			f.add(x.key(kindJoined, shape(given)), id)
			return
		}
		for _, w := range seq[1 : len(seq)-1] {
			middle += form(&x.words[w])
		}
		surname := form(&x.words[seq[len(seq)-1]])
		x.fileOrders(f, given, surname, id)
		if middle != "" {
			x.fileOrders(f, given+middle, surname, id)
		}
		if given != "" && !x.whole {
			f.add(x.key(kindInitialJoined, given[:1]+surname), id)
			f.add(x.key(kindInitialJoined, surname+given[:1]), id)
		}
		if !x.spelledTwice(seq) {
			return
		}
	}
}

func (x *Index) fileOrders(f *filing, given, surname string, id int32) {
	f.add(x.key(kindJoined, shape(given+surname)), id)
	f.add(x.key(kindJoined, shape(surname+given)), id)
}

// lastForm is the second spelling of a word with marks (mueller beside muller).
func (w *word) lastForm() string {
	if len(w.forms) < 2 {
		return w.form()
	}
	return w.forms[1]
}

func (x *Index) spelledTwice(seq []int32) bool {
	for _, w := range seq {
		if len(x.words[w].forms) > 1 {
			return true
		}
	}
	return false
}
