package screening

import (
	"strings"
	"unicode/utf8"
)

// word is one word of a name in all the ways it is compared. Words are shared
// among the names of an index and never change.
type word struct {
	text   string   // folded, in its own script
	form   string   // in the letters a to z
	alts   []string // other ways to write it so
	canon  string   // the same for the spellings of sameWords; "" for others
	skel   string
	sound  string // soundOf form, of Latin words
	zh     string // chineseKey
	num    string // the number it says, "" for none
	mask   uint32 // which letters occur in form
	prior  float32
	id     int32 // in an index; -1 for others
	script script
	units  *units   // of words in other scripts
	nick   []string // what it is short for
	made   bool     // of several words written together
}

const (
	maxWord = 64 // letters of a word that are looked at
	maxToks = 24
)

func newWord(text string) *word {
	sc := scriptOfWord(text)
	w := &word{script: sc, id: -1}
	text = oneScript(text, sc)
	w.text = withoutMarks(text, sc)
	if sc == han || sc == kana {
		w.text = simplify(w.text)
	}
	w.spell(text)
	if w.form == "" {
		w.form = w.text
	}
	w.canon = sameWords[w.form]
	w.skel = skeleton(w.form)
	w.mask = letterMask(w.form)
	w.prior = w.bearers()
	if sc == latin && len(w.form) > 3 {
		w.sound = soundOf(w.form)
	}
	w.num = numberOf(w.form)
	w.nick = nicknames()[w.form]
	w.units = unitsOf(w.text, sc)
	return w
}

func unitsOf(text string, sc script) *units {
	s := spellingsOf(sc)
	if s == nil {
		return nil
	}
	if sc == hangul {
		text = decompose(text)
	}
	return newUnits(s, text)
}

// spell fills in the Latin forms of text, which still has its marks.
func (w *word) spell(text string) {
	switch w.script {
	case latin:
		forms := romanised(text, latin)
		w.form, w.alts = forms[0], forms[1:]
		if hasDigitAndLetter(w.form) {
			w.alts = append(w.alts, leet.Replace(w.form))
		}
		w.spellChinese()
	case cyrillic:
		w.form = spelled(w.text, cyrillicSpellings)
		if _, p := pinyinOf(w.text, cyrillic); len(p) > 0 {
			w.alts = p
			w.zh = chineseKey(p[0])
		}
	case han:
		w.form = strings.Join(pinyin([]rune(w.text), false), "")
		w.zh = chineseKey(w.form)
		w.alts = otherReadings([]rune(w.text), false)
	case hangul:
		forms := romanised(w.text, hangul)
		w.form, w.alts = forms[0], forms[1:]
	default:
		w.form = romanised(w.text, w.script)[0]
	}
}

// newSurname reads Han characters as a surname.
func newSurname(text string) *word {
	w := newWord(text)
	w.asSurname()
	return w
}

func (w *word) asSurname() {
	rs := []rune(w.text)
	main := strings.Join(pinyin(rs, true), "")
	if main == w.form {
		return
	}
	w.alts = append([]string{w.form}, w.alts...)
	w.form = main
	w.zh = chineseKey(main)
	w.skel, w.mask, w.prior = skeleton(main), letterMask(main), w.bearers()
}

func (w *word) spellChinese() {
	if len(w.form) > longestChinese || len(w.form) < 2 {
		return
	}
	w.zh = chineseKey(w.form)
}

func (w *word) bearers() float32 {
	p := bearers(w.form)
	if w.script != latin {
		p = max(p, bearers(w.text))
	}
	if w.canon != "" && p < -4 {
		p = bearers(w.canon)
	}
	for _, a := range w.alts {
		p = max(p, bearers(a))
	}
	return p
}

var leet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "9", "g", "8", "b")

func hasDigitAndLetter(s string) bool {
	return strings.ContainsAny(s, "0123456789") && strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz")
}

func letterMask(s string) (m uint32) {
	for i := range len(s) {
		if c := s[i]; c >= 'a' && c <= 'z' {
			m |= 1 << (c - 'a')
		}
	}
	return m
}

func numberOf(form string) string {
	if n := numberWords[form]; n != "" {
		return n
	}
	digits := strings.TrimRight(form, "stndrh")
	if digits == "" || len(form)-len(digits) > 2 || len(digits) > 12 {
		return ""
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return ""
		}
	}
	return strings.TrimLeft(digits, "0")
}

func runeLen(s string) int { return utf8.RuneCountInString(s) }
