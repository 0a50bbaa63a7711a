package names

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a display name is cut to: a reader sees less, an attacker may send more.
const (
	maxDisplay = 512 // bytes
	maxTokens  = 24
)

// token is one word of a text.
type token struct {
	raw     string // lower, as the index knows words
	written string // as in the text, without what cannot be seen
	segment int    // words of different segments are about different things: "(", "via", "|"
	comma   bool   // a comma stands before it
	glued   bool   // only a full stop stands between it and the word before: "M.P."
	hidden  bool   // an invisible character stands in it or beside it
	mixed   bool   // letters of several scripts, or compatibility letters (𝐀, Ａ)
	title   bool   // may be a title, an office, or a word around a name
	whole   string // with the particles before it in one word: vandenberg; "" without particles
}

// initial holds for a single letter of an alphabet; a single Han character is a
// whole name.
func (t *token) initial() bool {
	if len(t.raw) < 2 {
		return true
	}
	r, n := utf8.DecodeRuneInString(t.raw)
	return n == len(t.raw) && scriptOf(r) <= greek
}

// cut shortens s to at most n bytes at a rune boundary.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// tokenize appends the words of s to dst.
func tokenize(dst []token, s string) []token {
	s, turned := overridden(cut(s, maxDisplay))
	if at := strings.IndexByte(s, '@'); at >= 0 {
		s = openAddresses(s)
	}
	w := wordCutter{s: s, out: dst, start: -1, base: len(dst), ascii: isASCII(s)}
	for i, r := range s {
		if len(w.out) == maxTokens {
			break
		}
		w.next(i, r)
	}
	w.end(len(s))
	for i := len(dst); turned && i < len(w.out); i++ {
		w.out[i].hidden = true
	}
	if !w.ascii {
		w.out = divideHan(w.out, w.base)
	}
	w.out = foldTitles(w.out, w.base)
	wholeNames(w.out[w.base:])
	return w.out
}

// wholeNames writes particles together with the word they belong to, as many do:
// van den Berg, Vandenberg.
func wholeNames(toks []token) {
	joined := ""
	for i := range toks {
		t := &toks[i]
		if i > 0 && (t.comma || t.segment != toks[i-1].segment) {
			joined = ""
		}
		if particles[t.raw] && len(joined) < 16 {
			joined += t.raw
			continue
		}
		if joined != "" && !t.initial() {
			t.whole = joined + t.raw
		}
		joined = ""
	}
}

// openAddresses replaces each address in s by its local part as a segment of its
// own: people put the address they pretend to have into the display name.
func openAddresses(s string) string {
	fields := strings.Fields(s)
	for i, f := range fields {
		at := strings.LastIndexByte(f, '@')
		if at > 0 && strings.IndexByte(f[at:], '.') > 0 {
			fields[i] = "|" + strings.Map(localSeparator, f[:at]) + "|"
		}
	}
	return strings.Join(fields, " ")
}

func localSeparator(r rune) rune {
	if r == '_' || r == '+' || r == '-' || r == '.' {
		return ' '
	}
	return r
}

// wordCutter walks over a text and cuts it into words.
type wordCutter struct {
	s       string
	out     []token
	base    int
	start   int // of the word being read, -1 between words
	segment int
	comma   bool
	hidden  bool // an invisible character in the word or since the last
	breaks  int  // signs seen since the last word
	stops   int  // full stops among them
	ascii   bool
}

func (w *wordCutter) next(i int, r rune) {
	switch {
	case r < utf8.RuneSelf && asciiWord[r] || r >= utf8.RuneSelf && wordRune(r):
		if w.start < 0 {
			w.start = i
		}
	case r >= 0x80 && invisible(r):
		w.hidden = true
	case w.start >= 0 && apostrophe(r) && w.letterFollows(i, r):
	default:
		w.end(i)
		w.separator(i, r)
	}
}

// asciiWord holds for the ASCII signs that belong to a word: letters, digits, and
// the two that stand for a letter.
var asciiWord = func() (set [utf8.RuneSelf]bool) {
	for _, r := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789$@" {
		set[r] = true
	}
	return set
}()

func wordRune(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || r == 'ー') && !invisible(r)
}

func apostrophe(r rune) bool {
	return r == '\'' || r == '’' || r == 'ʼ' || r == '`' || r == '´' || r == '‘' || r == '|' || r == '!'
}

// letterFollows keeps an apostrophe (O'Brien), or a sign that stands for a letter
// (Ke||er), inside a word.
func (w *wordCutter) letterFollows(i int, r rune) bool {
	next, _ := utf8.DecodeRuneInString(w.s[i+utf8.RuneLen(r):])
	if r == '|' || r == '!' {
		last, _ := utf8.DecodeLastRuneInString(w.s[:i])
		return (unicode.IsLower(last) || last == r) && (unicode.IsLower(next) || next == r)
	}
	return unicode.IsLetter(next)
}

func (w *wordCutter) separator(i int, r rune) {
	w.breaks++
	switch r {
	case '.':
		w.stops++
	case ',', '،', '、':
		w.comma = true
	case '(', ')', '[', ']', '{', '}', '<', '>', '|', ';', ':', '/', '–', '—', '&', '（', '）', '•':
		w.segment++
	case '-':
		if i > 0 && w.s[i-1] == ' ' {
			w.segment++
		}
	}
}

// end closes the word being read.
func (w *wordCutter) end(at int) {
	if w.start < 0 {
		return
	}
	written := w.s[w.start:at]
	t := token{written: written, segment: w.segment, comma: w.comma, hidden: w.hidden}
	t.glued = w.breaks == 1 && w.stops == 1 && len(w.out) > w.base
	w.start, w.comma, w.hidden, w.breaks, w.stops = -1, false, false, 0, 0
	if !w.ascii {
		t.hidden = w.markHidden(&t, at)
	}
	t.raw = lower(written)
	if needsCleaning(t.raw) {
		t.raw, t.written = wordOnly(strings.Trim(t.raw, "0123456789$@"), false), wordOnly(t.written, true)
	}
	if !isASCII(written) {
		_, mixed := scripts(t.written)
		t.mixed = mixed || compatibility(t.written)
	}
	if t.raw == "" {
		return
	}
	w.append(t)
}

// markHidden looks for invisible characters in the word, right behind it, and
// before it. The joiners that Arabic and Indic spelling needs don't count.
func (w *wordCutter) markHidden(t *token, at int) bool {
	r, _ := utf8.DecodeRuneInString(w.s[at:])
	hidden := t.hidden || invisible(r) || len(Invisible(t.written)) > 0
	if !hidden {
		return false
	}
	t.written = strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, t.written)
	sc, mixed := scripts(t.written)
	return sc == latin || sc == cyrillic || sc == greek || mixed
}

func (w *wordCutter) append(t token) {
	t.title = titles[t.raw]
	if (t.raw == "via" || t.raw == "behalf" || t.raw == "auftrag") && len(w.out) > w.base {
		w.segment++
		t.segment = w.segment
	}
	w.out = append(w.out, t)
}

// divideHan divides a name that stands alone and unspaced, given name first, so
// that its parts are words as elsewhere.
func divideHan(toks []token, base int) []token {
	only := -1
	for i := base; i < len(toks); i++ {
		if sc, _ := scripts(toks[i].raw); (sc != han && sc != hangul) || toks[i].title {
			continue
		}
		if only >= 0 {
			return toks
		}
		only = i
	}
	if only < 0 || len(toks) >= maxTokens {
		return toks
	}
	surname, given, ok := splitHan(toks[only].raw)
	if !ok {
		return toks
	}
	second := toks[only]
	toks[only].raw, toks[only].written = given, given
	second.raw, second.written, second.comma = surname, surname, false
	return slices.Insert(toks, only+1, second)
}

func needsCleaning(raw string) bool {
	for i := 0; i < len(raw); i++ {
		if c := raw[i]; c < utf8.RuneSelf && (c < 'a' || c > 'z') {
			return true
		}
	}
	return strings.ContainsAny(raw, "’ʼ´‘")
}

// wordOnly drops the signs inside a word that are not part of its spelling.
func wordOnly(s string, signs bool) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && !asciiWord[r] && !(signs && (r == '|' || r == '!')) || r >= utf8.RuneSelf && apostrophe(r) {
			return -1
		}
		return r
	}, s)
}

// compatibility holds where a letter is a styled form of another: mathematical,
// full-width, circled.
func compatibility(s string) bool {
	for _, r := range s {
		switch {
		case r >= 0x1D400 && r <= 0x1D7FF, r >= 0xFF21 && r <= 0xFF5A, r >= 0x2460 && r <= 0x24FF,
			r >= 0x1F110 && r <= 0x1F189, r >= 0x2100 && r <= 0x214F, r >= 0x1D2C && r <= 0x1D6A:
			return true
		}
	}
	return false
}

// foldTitles joins abbreviations written with full stops (M.P., Ph.D.).
func foldTitles(toks []token, base int) []token {
	for i := base; i+1 < len(toks); i++ {
		if !toks[i+1].glued {
			continue
		}
		for n := min(3, len(toks)-i); n >= 2; n-- {
			joined, ok := joinGlued(toks[i : i+n])
			if !ok || !titles[joined] {
				continue
			}
			toks[i].raw, toks[i].written, toks[i].title = joined, joined, true
			toks = append(toks[:i+1], toks[i+n:]...)
			break
		}
	}
	return toks
}

func joinGlued(toks []token) (string, bool) {
	joined := toks[0].raw
	for _, t := range toks[1:] {
		if !t.glued {
			return "", false
		}
		joined += t.raw
	}
	return joined, len(toks[0].raw) <= 2
}

// splitPeople puts the people on either side of an "and" into segments of their
// own, so that one's given name is not read with the other's surname.
func splitPeople(toks []token) {
	shift := 0
	for i := range toks {
		if conjunctions[toks[i].raw] {
			shift++
		}
		toks[i].segment += shift
	}
}

var conjunctions = wordSet(`and und et og och и та και`)
