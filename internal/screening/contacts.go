package screening

import "slices"

// mostKeys bounds the keys of one name.
const mostKeys = 24

// Keys are what a name is filed under where names are kept to be searched for entries,
// instead of the other way round: two names that [Index.Search] could find alike share at
// least one. They are hashes of how words sound, so unrelated names share them too;
// whoever looks up compares what it finds.
//
// A word misspelt in its consonants has another key. It is found by the other words of
// its name, a name of one word not at all.
func Keys(name string, kind Kind) []uint32 {
	r := &reader{word: newWord, surname: newSurname, weight: func(*word, class) float32 { return 0 }}
	if kind == KindUnknown {
		kind = KindPerson
	}
	toks := r.read(name, kind)
	var keys []uint32
	for _, t := range toks {
		if t.class == particle || t.class == title || t.class == legal || t.class == initial {
			continue
		}
		keys = append(keys, soundKey(t.form))
		for _, form := range t.alts[:min(len(t.alts), 2)] {
			keys = append(keys, soundKey(form))
		}
		if t.zh != "" {
			keys = append(keys, hash(keyChinese, t.zh))
		}
		if t.canon != "" {
			keys = append(keys, hash(keyCanon, t.canon))
		}
	}
	eachJoin(toks, func(_, _ int, form string) {
		if s := skeleton(form); len(s) >= 4 {
			keys = append(keys, hash(keySkeleton, s))
		}
		if z := joinedChinese(toks, form); z != "" {
			keys = append(keys, hash(keyChinese, z))
		}
	})
	slices.Sort(keys)
	keys = slices.Compact(keys)
	return keys[:min(len(keys), mostKeys)]
}

// soundKey is the key of a word's consonants, or of all of it where it has but one.
func soundKey(form string) uint32 {
	if s := skeleton(form); len(s) >= 2 {
		return hash(keySkeleton, s)
	}
	return hash(keyForm, form)
}
