package mail

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Dates of birth as people and offices write them out: 12 March 1970, 12-Mar-1970, März 12, 1970年3月12日,
// 昭和45年3月12日, 1970년 3월 12일.

// eras are the years before the first of the Japanese eras that living people were born in.
var eras = [...]struct {
	name   string
	before int
}{{"昭和", 1925}, {"平成", 1988}, {"大正", 1911}, {"令和", 2018}, {"明治", 1867}}

// writtenDate reads a date whose month is a word, or whose numbers bear their names.
func writtenDate(cell string) (year int, ok bool) {
	if len(cell) < 8 || len(cell) > 40 {
		return 0, false
	}
	for _, names := range [...][3]string{{"年", "月", "日"}, {"년", "월", "일"}} {
		if y, rest, found := strings.Cut(cell, names[0]); found {
			return namedNumbers(y, rest, names[1], names[2])
		}
	}
	return monthAsWord(cell)
}

func namedNumbers(y, rest, month, day string) (year int, ok bool) {
	before := 0
	for _, era := range eras {
		if tail, found := strings.CutPrefix(y, era.name); found {
			y, before = tail, era.before
			break
		}
	}
	m, rest, found := strings.Cut(rest, month)
	d, tail, closed := strings.Cut(rest, day)
	if !found || !closed || strings.TrimSpace(tail) != "" {
		return 0, false
	}
	year = before + smallNumber(y)
	if y == "元" { // the first year of an era
		year = before + 1
	}
	mm, dd := smallNumber(m), smallNumber(d)
	return year, year > 1850 && year < 2100 && mm >= 1 && mm <= 12 && dd >= 1 && dd <= 31
}

// monthAsWord reads "12 March 1970" with any word, since months have names in every language, and "March 12,
// 1970" with the English ones: "Lindenallee 12, 1970" is a street.
func monthAsWord(cell string) (year int, ok bool) {
	f := strings.FieldsFunc(cell, func(r rune) bool { return r == ' ' || r == '-' || r == '.' || r == ',' || r == '/' || r == 0xa0 })
	if len(f) == 5 && (f[1] == "de" || f[1] == "of") && (f[3] == "de" || f[3] == "del") { // 12 de marzo de 1970
		f = []string{f[0], f[2], f[4]}
	}
	if len(f) != 3 {
		return 0, false
	}
	day, month := f[0], f[1]
	if r, _ := utf8.DecodeRuneInString(day); unicode.IsLetter(r) {
		day, month = month, day
		if len(month) < 3 || !strings.Contains("jan feb mar apr may jun jul aug sep oct nov dec", strings.ToLower(month[:3])) {
			return 0, false
		}
	}
	for _, r := range month {
		if !unicode.IsLetter(r) && !unicode.Is(unicode.M, r) {
			return 0, false
		}
	}
	d := smallNumber(strings.TrimRight(day, "stndrhº"))
	year = smallNumber(f[2])
	return year, utf8.RuneCountInString(month) >= 3 && len(f[2]) == 4 && d >= 1 && d <= 31 && year > 1850 && year < 2100
}

// smallNumber is 0 for what is no number of up to four digits.
func smallNumber(s string) (n int) {
	s = strings.TrimSpace(s)
	if len(s) > 4 {
		return 0
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}
