package lists

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"portcullis.example/portcullis/internal/screening"
)

// DateOrder says how dates of three numbers are written.
type DateOrder string

// The orders. A date that begins with its year is the same in all.
const (
	DayFirst   DateOrder = "dmy"
	MonthFirst DateOrder = "mdy"
)

// maxDates bounds how many dates one text may give, maxDateText how long it may be.
const (
	maxDates    = 20
	maxDateText = 1000
)

// ErrNoDate is what a text without any date in it gives.
var ErrNoDate = errors.New("holds no date that can be read")

// ParseDate reads one date, of which parts may be missing.
func ParseDate(text string, order DateOrder) (screening.PartialDate, error) {
	dates, err := ParseDates(text, order)
	switch {
	case err != nil:
		return screening.PartialDate{}, err
	case len(dates) != 1:
		return screening.PartialDate{}, fmt.Errorf("%q: want one date such as 1985, 1985-04 or 1985-04-23", shorten(text))
	}
	return dates[0], nil
}

// ParseDates reads the dates of a text as lists write them: 03/07/1987, 1987-07,
// 11.4.1963, 14 Oct 1962, circa 1957, 1957 to 1959, "(a) 1960; (b) 1962",
// dd/mm/1970. Of a date that cannot be, the parts that can are kept and an error
// returned beside.
func ParseDates(text string, order DateOrder) (dates []screening.PartialDate, err error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	if len(text) > maxDateText {
		return nil, ErrNoDate
	}
	if strings.IndexByte(text, ')') >= 0 {
		text = hijri.ReplaceAllString(text, "")
		text = marks.ReplaceAllString(text, ";")
		text = asides.ReplaceAllString(text, "")
	}
	var errs []error
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == '|' || r == '\n' }) {
		if strings.IndexFunc(part, unicode.IsLetter) < 0 && strings.IndexFunc(part, unicode.IsDigit) < 0 {
			continue
		}
		found, err := parseOne(part, order)
		if err != nil {
			errs = append(errs, err)
		}
		for _, d := range found {
			if d != (screening.PartialDate{}) && len(dates) < maxDates {
				dates = append(dates, d)
			}
		}
	}
	return dates, errors.Join(errs...)
}

// What annexes write between dates: a year of another calendar with its name, "(a)" and
// "(ii)" before each of several, and asides.
var (
	hijri  = regexp.MustCompile(`[\d.]*\d{4}\s*\([^)]*[Hh]ijri[^)]*\)`)
	marks  = regexp.MustCompile(`\(?\b(?:[a-h]|[ivx]{1,4})\)`)
	asides = regexp.MustCompile(`\([^)]*\)`)
)

// token is a number or a word of a date.
type token struct {
	number, digits int // digits 0: it is a word
	word           string
}

// parseOne reads one date, or the years of "1979, 1980 or 1981".
func parseOne(text string, order DateOrder) ([]screening.PartialDate, error) {
	var d screening.PartialDate
	tokens, approximate := tokenize(text)
	d.Approximate = approximate
	numbers, month := make([]token, 0, 3), 0
	for _, t := range tokens {
		if t.digits > 0 {
			numbers = append(numbers, t)
		} else if m := monthOf(t.word); m > 0 && month == 0 {
			month = m
		}
	}
	var err error
	switch onlyYears := years(numbers) == len(numbers); {
	case len(numbers) == 0:
		return nil, ErrNoDate
	case month > 0:
		inWords(&d, numbers, month)
	case onlyYears && (len(numbers) > 2 || len(numbers) == 2 && choice(tokens)):
		return severalYears(numbers, approximate)
	case onlyYears && len(numbers) == 2:
		d.Year, d.To = min(numbers[0].number, numbers[1].number), max(numbers[0].number, numbers[1].number)
		if d.Year == d.To {
			d.To = 0
		}
	default:
		err = inNumbers(&d, numbers, order)
	}
	if err != nil {
		return nil, err
	}
	if d.Year == 0 && !hasYear(numbers) {
		return nil, ErrNoDate
	}
	err = possible(&d)
	return []screening.PartialDate{d}, err
}

// choice tells "1964 or 1965" from "1964 to 1965".
func choice(tokens []token) bool {
	for _, t := range tokens {
		if t.word == "or" {
			return true
		}
	}
	return false
}

func severalYears(numbers []token, approximate bool) (dates []screening.PartialDate, err error) {
	for _, n := range numbers {
		d := screening.PartialDate{Year: n.number, Approximate: approximate}
		err = errors.Join(err, possible(&d))
		dates = append(dates, d)
	}
	return dates, err
}

func hasYear(numbers []token) bool { return years(numbers) > 0 }

// inWords reads "14 Oct 1962" and "Oct 1962".
func inWords(d *screening.PartialDate, numbers []token, month int) {
	d.Month = month
	for _, n := range numbers {
		switch {
		case isYear(n) && d.Year == 0:
			d.Year = n.number
		case n.digits <= 2 && d.Day == 0:
			d.Day = n.number
		}
	}
}

// inNumbers reads three, two or one number.
func inNumbers(d *screening.PartialDate, n []token, order DateOrder) error {
	switch {
	case len(n) >= 3 && isYear(n[0]):
		d.Year, d.Month, d.Day = n[0].number, n[1].number, n[2].number
	case len(n) >= 3 && isYear(n[2]) && order == MonthFirst:
		d.Year, d.Month, d.Day = n[2].number, n[0].number, n[1].number
	case len(n) >= 3 && isYear(n[2]):
		d.Year, d.Month, d.Day = n[2].number, n[1].number, n[0].number
	case len(n) == 2 && isYear(n[0]):
		d.Year, d.Month = n[0].number, n[1].number
	case len(n) == 2 && isYear(n[1]):
		d.Year, d.Month = n[1].number, n[0].number
	case isYear(n[0]):
		d.Year = n[0].number
	case n[0].digits == 8: // 19870703
		d.Year, d.Month, d.Day = n[0].number/10000, n[0].number/100%100, n[0].number%100
	default:
		return ErrNoDate
	}
	return nil
}

// possible drops the parts of a date that cannot be.
func possible(d *screening.PartialDate) error {
	was := *d
	switch {
	case d.Year < 1800 || d.Year > 2100 || d.To > 2100:
		*d = screening.PartialDate{}
		return fmt.Errorf("the year %d cannot be", was.Year)
	case d.Month > 12:
		d.Month, d.Day = 0, 0
		return fmt.Errorf("there is no month %d; the year %d is kept", was.Month, d.Year)
	case d.Month == 0 && d.Day > 0:
		d.Day = 0
	case d.Day > daysIn(d.Year, d.Month):
		d.Day = 0
		return fmt.Errorf("month %d of %d has no day %d; year and month are kept", d.Month, d.Year, was.Day)
	}
	return nil
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func isYear(t token) bool { return t.digits == 4 }

func years(tokens []token) (n int) {
	for _, t := range tokens {
		if isYear(t) {
			n++
		}
	}
	return n
}

// maxTokens bounds the pieces of one date; prose has more and is none.
const maxTokens = 12

// tokenize parts numbers from words. A time of day after a T is dropped, and so is a
// mark such as "(a)".
func tokenize(text string) (tokens []token, approximate bool) {
	for i := 0; i < len(text) && len(tokens) < maxTokens; {
		switch c := rune(text[i]); {
		case c >= '0' && c <= '9':
			j := i
			for j < len(text) && text[j] >= '0' && text[j] <= '9' {
				j++
			}
			n, err := strconv.Atoi(text[i:j])
			if err == nil {
				tokens = append(tokens, token{number: n, digits: j - i})
			}
			i = j
			if i < len(text) && text[i] == 'T' && len(tokens) >= 3 {
				return tokens, approximate
			}
		case unicode.IsLetter(c):
			j := i
			for j < len(text) && (unicode.IsLetter(rune(text[j])) || text[j] >= 0x80) {
				j++
			}
			word := strings.ToLower(text[i:j])
			switch word {
			case "circa", "c", "ca", "approximately", "approx", "about", "around", "approximatively":
				approximate = true
			}
			tokens = append(tokens, token{word: word})
			i = j
		default:
			i++
		}
	}
	return tokens, approximate
}

var monthNames = [...]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

func monthOf(word string) int {
	for i, m := range monthNames {
		if strings.HasPrefix(word, m) && len(word) <= 9 {
			return i + 1
		}
	}
	return 0
}

func sprintDate(d screening.PartialDate) string {
	switch {
	case d.Day > 0:
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	case d.Month > 0:
		return fmt.Sprintf("%04d-%02d", d.Year, d.Month)
	}
	return fmt.Sprintf("%04d", d.Year)
}

// DateText writes a date for people: "about 1957–1959".
func DateText(d screening.PartialDate) string {
	text := sprintDate(d)
	if d.To > 0 {
		text = fmt.Sprintf("%04d–%04d", d.Year, d.To)
	}
	if d.Approximate {
		text = "about " + text
	}
	return text
}
