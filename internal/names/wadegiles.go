package names

import (
	"strings"
	"unicode"

	"github.com/gosimple/unidecode"
)

// Wade–Giles, in which names of Chinese people were written in English until the 1980s
// and are in Taiwan to this day. A syllable of pinyin is rewritten sound by sound; apostrophes
// and the marks over u and e are left out, as newspapers and passports leave them out, so that
// ch stands for four sounds.

// wadeGiles writes Han characters by it, surname readings included; "" if one has no reading.
func wadeGiles(w string) string {
	var b strings.Builder
	for i, r := range w {
		syllable, ok := surnameReadings[r]
		if !ok || i > 0 {
			syllable = letters(unidecode.Unidecode(string(r)))
		}
		if syllable == "" || !unicode.Is(unicode.Han, r) {
			return ""
		}
		b.WriteString(wadeGilesSyllable(syllable))
	}
	return b.String()
}

// wadeGilesWhole are the syllables that follow no rule.
var wadeGilesWhole = map[string]string{
	"zhi": "chih", "chi": "chih", "shi": "shih", "ri": "jih", "zi": "tzu", "ci": "tzu", "si": "ssu", "er": "erh",
	"you": "yu", "yan": "yen", "ye": "yeh", "yue": "yueh", "yong": "yung", "yi": "i", "e": "o",
	"ge": "ko", "ke": "ko", "he": "ho", "gui": "kuei", "kui": "kuei", "guo": "kuo", "duo": "to", "tuo": "to", "nuo": "no", "luo": "lo",
	"zuo": "tso", "cuo": "tso", "suo": "so", "ruo": "jo", "zhuo": "cho", "chuo": "cho",
}

var (
	wadeGilesInitials = [...][2]string{
		{"zh", "ch"}, {"ch", "ch"}, {"sh", "sh"}, {"b", "p"}, {"d", "t"}, {"g", "k"}, {"j", "ch"}, {"q", "ch"},
		{"x", "hs"}, {"z", "ts"}, {"c", "ts"}, {"r", "j"},
	}
	wadeGilesFinals = [...][2]string{{"iong", "iung"}, {"ong", "ung"}, {"ian", "ien"}, {"ie", "ieh"}, {"ue", "ueh"}, {"ve", "ueh"}}
)

func wadeGilesSyllable(s string) string {
	if whole, ok := wadeGilesWhole[s]; ok {
		return whole
	}
	head, tail := "", s
	for _, in := range wadeGilesInitials {
		if rest, ok := strings.CutPrefix(s, in[0]); ok {
			head, tail = in[1], rest
			break
		}
	}
	for _, fin := range wadeGilesFinals {
		if cut, ok := strings.CutSuffix(tail, fin[0]); ok && (fin[0] != "ue" || head != "") {
			return head + cut + fin[1]
		}
	}
	return head + tail
}
