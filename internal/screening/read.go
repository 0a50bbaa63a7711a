package screening

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// class is the part a word plays in a name.
type class uint8

const (
	plain class = iota
	initial
	particle
	title
	legal   // form of a company
	number  // in names of organisations and vessels
	general // says what an organisation does
)

// token is one word at its place in a name.
type token struct {
	*word
	class  class
	kind   string // of legal forms: "llc", "jsc" …
	weight float32
}

// reader cuts names into tokens. word finds or makes a word.
type reader struct {
	word    func(text string) *word
	surname func(text string) *word // reads Han characters as a surname
	weight  func(w *word, c class) float32
}

// read cuts a name. Organisations and persons are read differently: LLC is a legal
// form in one and initials in the other, "II" a number in one.
func (r *reader) read(name string, kind Kind) []token {
	if len(name) > MaxName {
		name = strings.ToValidUTF8(name[:MaxName], "")
	}
	fields := cut(fold(splitJoined(name)))
	organisation := kind != KindPerson
	if organisation {
		fields = joinLetters(fields)
	}
	fields = divide(fields, organisation)
	if len(fields) > maxToks {
		fields = fields[:maxToks]
	}
	words := make([]*word, len(fields))
	for i, f := range fields {
		words[i] = r.word(f)
	}
	if organisation {
		words = r.translate(words)
	}
	toks := make([]token, 0, len(words))
	for i := 0; i < len(words); {
		t, n := r.next(words, i, organisation)
		toks = append(toks, t)
		i += n
	}
	if organisation {
		toks = r.numbers(toks)
	}
	r.classify(toks, organisation)
	return toks
}

// translate puts the English for what an organisation's name says in Mandarin, in
// whatever letters: keji, k'o-chi and кэцзи are science and technology.
func (r *reader) translate(words []*word) []*word {
	var out []*word
	for i := 0; i < len(words); {
		english, n := spokenAt(words[i:])
		if n == 0 {
			out = append(out, words[i])
			i++
			continue
		}
		for _, e := range strings.Fields(english) {
			out = append(out, r.word(e))
		}
		i += n
	}
	return out[:min(len(out), maxToks)]
}

// spokenAt finds the longest of hanWords that words begin with.
func spokenAt(words []*word) (english string, n int) {
	key := ""
	for i, w := range words[:min(len(words), 8)] {
		if w.zh == "" || w.script == han || len(key) > 2*longestChinese {
			break
		}
		key += w.zh
		if e := spokenWords()[key]; e != "" {
			english, n = e, i+1
		}
	}
	return english, n
}

// next reads the token at i, which may be a phrase of several words.
func (r *reader) next(words []*word, i int, organisation bool) (token, int) {
	if organisation {
		if t, n := r.legalForm(words, i); n > 0 {
			return t, n
		}
	}
	w := words[i]
	if i == 0 && w.script == han && runeLen(w.text) <= 2 && !organisation && surnameReadings[firstRune(w.text)] != "" {
		w = r.surname(w.text)
	}
	return token{word: w}, 1
}

// legalForm reads the longest legal form that begins at i. A name is never a legal
// form alone.
func (r *reader) legalForm(words []*word, i int) (token, int) {
	p := phrases()
	for n := min(p.first[words[i].text], len(words)-i); n > 0; n-- {
		text := words[i].text
		for _, w := range words[i+1 : i+n] {
			text += " " + w.text
		}
		if kind := p.legal[text]; kind != "" && n < len(words) {
			return token{word: r.word(strings.ReplaceAll(text, " ", "")), class: legal, kind: kind}, n
		}
	}
	return token{}, 0
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// splitJoined parts words that are written together and still capitalised:
// SergeiLavrov.
func splitJoined(name string) string {
	lower := 0
	for i, c := range name {
		switch {
		case unicode.IsLower(c):
			lower++
		case unicode.IsUpper(c) && lower >= 3 && (endsLower(name[i:]) >= 3 || endsUpper(name[i:])):
			return name[:i] + " " + splitJoined(name[i:])
		default:
			lower = 0
		}
	}
	return name
}

// endsUpper tells whether s begins with a word of two or more capitals: SiemensAG.
func endsUpper(s string) bool {
	n := 0
	for _, c := range s {
		if !unicode.IsUpper(c) {
			return n > 1 && !unicode.IsLetter(c)
		}
		n++
	}
	return n > 1
}

// endsLower is the length of the capitalised word that s begins with.
func endsLower(s string) (n int) {
	for i, c := range s {
		if i > 0 && !unicode.IsLower(c) {
			break
		}
		n++
	}
	return n
}

// cut divides a folded name at everything that is neither letter, mark nor digit.
// Apostrophes join, and so does the question mark that a wrong encoding left
// of one between two letters.
func cut(s string) (fields []string) {
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			fields = append(fields, b.String())
			b.Reset()
		}
	}
	n := 0
	prev := ' '
	for i, c := range s {
		switch {
		case unicode.IsLetter(c), unicode.IsDigit(c), unicode.Is(unicode.M, c):
			if n++; n <= maxWord || b.Len() == 0 {
				b.WriteRune(c)
			}
		case c == '&' || c == '+':
			flush()
			n = 0
			fields = append(fields, "and")
		case strings.ContainsRune("'’‘ʼʻ`´ʿʾ\"", c), c == '?' && unicode.IsLetter(prev) && letterFollows(s[i+1:]):
		default:
			flush()
			n = 0
		}
		prev = c
		if len(fields) > 4*maxToks {
			break
		}
	}
	flush()
	return fields
}

func letterFollows(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r)
}

// joinLetters writes runs of single letters as one word: L.L.C., A B C.
func joinLetters(fields []string) []string {
	out := fields[:0:0]
	run := ""
	flush := func() {
		if run == "" {
			return
		}
		if long := longForms[run]; long != nil {
			out = append(out, long...)
		} else {
			out = append(out, run)
		}
		run = ""
	}
	for _, f := range fields {
		if runeLen(f) == 1 && !unicode.IsDigit(firstRune(f)) && !isHan(firstRune(f)) {
			run += f
			continue
		}
		flush()
		if long := longForms[f]; long != nil {
			out = append(out, long...)
			continue
		}
		out = append(out, f)
	}
	flush()
	return out
}

// divide parts what scripts write together: Chinese and Korean surnames and given
// names, the words of Chinese organisations, the Arabic article.
func divide(fields []string, organisation bool) []string {
	out := fields[:0:0]
	for _, f := range fields {
		if isASCII(f) {
			out = append(out, f)
			continue
		}
		switch sc := scriptOfWord(f); {
		case sc == han:
			out = append(out, divideHan(simplify(f), organisation, len(fields) == 1)...)
		case sc == hangul && !organisation && len(fields) == 1:
			out = append(out, splitPerson(f)...)
		case sc == arabic && strings.HasPrefix(f, "ال") && runeLen(f) >= 4 && f != "الله":
			out = append(out, "ال", strings.TrimPrefix(f, "ال"))
		default:
			out = append(out, f)
		}
	}
	return out
}

func divideHan(f string, organisation, alone bool) (out []string) {
	if !organisation && !isHanOrganisation(f) {
		if alone {
			return splitPerson(f)
		}
		return []string{f}
	}
	for _, p := range splitOrganisation(f) {
		if p.english != "" {
			out = append(out, strings.Fields(p.english)...)
			continue
		}
		out = append(out, p.text)
	}
	return out
}

// numbers adds up "forty four", which is one number.
func (r *reader) numbers(toks []token) []token {
	out := toks[:0]
	for _, t := range toks {
		if n := len(out); n > 0 && t.num != "" && out[n-1].num != "" && isWord(out[n-1].form) && isWord(t.form) {
			a, _ := strconv.Atoi(out[n-1].num)
			b, _ := strconv.Atoi(t.num)
			if a >= 20 && a < 100 && a%10 == 0 && b > 0 && b < 10 {
				out[n-1] = token{word: r.word(strconv.Itoa(a + b))}
				continue
			}
		}
		out = append(out, t)
	}
	return out
}

func isWord(s string) bool { return s != "" && s[0] >= 'a' }

// classify says what each word is, and weighs it. A name never consists of titles and
// particles alone, and a particle never ends it.
func (r *reader) classify(toks []token, organisation bool) {
	plainWords := 0
	for i := range toks {
		t := &toks[i]
		if t.class != legal {
			t.class = t.classIn(organisation)
			if t.class == particle && i == len(toks)-1 && !organisation {
				t.class = plain
			}
			if t.class == number && organisation && len(t.form) == 1 && i == 0 && isWord(t.form) {
				t.class = plain
			}
		}
		if t.class == plain {
			plainWords++
		}
	}
	for i := range toks {
		t := &toks[i]
		if plainWords == 0 && (t.class == title || t.class == particle || t.class == general) {
			t.class = plain
		}
		t.weight = r.weight(t.word, t.class)
	}
}

func (t *token) classIn(organisation bool) class {
	switch {
	case particles[t.text] || particles[t.form]:
		return particle
	case organisation && t.num != "":
		return number
	case organisation && (generic[t.form] || generic[t.text] || generic[t.canon]):
		return general
	case organisation:
		return plain
	case runeLen(t.text) == 1 && t.script != han && t.script != hangul && t.script != kana:
		return initial
	case titles[t.text] || titles[t.form]:
		return title
	}
	return plain
}

// weighBy is the weight of a word of which 10^bearers of all names have one.
func weighBy(w *word, c class, bearers float32) float32 {
	switch c {
	case particle:
		return 0.08
	case title:
		return 0.1
	case legal:
		return 0.15
	case initial:
		return 0.3
	case number:
		return 0.7
	case general:
		return 0.5
	}
	weight := min(1, max(0.45, 0.35-0.13*bearers))
	if w.script == latin {
		switch len(w.form) {
		case 1:
			return 0.3
		case 2:
			return weight * 0.75
		case 3:
			return weight * 0.9
		}
	}
	return weight
}
