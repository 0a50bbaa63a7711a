package mail

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Shapes of cells. None proves anything about one cell; a column whose cells
// nearly all have the same shape does.

// shape are the kinds one cell can be, as bits of 1<<column.
type shape uint16

func (s shape) is(c column) bool { return s&(1<<c) != 0 }

// cellShape tells what a cell can be; year is that of a date in it.
func cellShape(cell string) (s shape, year int) {
	if cell == "" || len(cell) > 160 {
		return 0, 0
	}
	if at := strings.IndexByte(cell, '@'); at >= 0 {
		if at > 0 && mailLike(cell, at) {
			return 1 << colContact, 0
		}
		return 0, 0
	}
	digits, letters := countKinds(cell)
	if digits == 0 {
		if nameLike(cell, letters) {
			return 1 << colName, 0
		}
		return 0, 0
	}
	if y, ok := dateYear(cell); ok {
		return 1 << colBirth, y
	}
	if letters > 0 && digits <= 8 {
		if y, ok := writtenDate(cell); ok {
			return 1 << colBirth, y
		}
	}
	if letters >= 3 && digits <= 12 && len(cell) >= 6 && len(cell) <= 120 && (strings.IndexByte(cell, ' ') > 0 || strings.ContainsAny(cell, "市区區町村县縣省路街号號巷")) {
		s |= 1 << colAddress
	}
	if letters == 0 && digits >= 7 && digits <= 15 && phoneLike(cell) {
		s |= 1 << colContact
	}
	if postcodeLike(cell, digits, letters) {
		s |= 1 << colPostcode
	}
	if idLike(cell, digits, letters) {
		s |= 1 << colID
	}
	return s, 0
}

func countKinds(cell string) (digits, letters int) {
	for _, r := range cell {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case unicode.IsLetter(r):
			letters++
		}
	}
	return digits, letters
}

// nameLike: one to five words of letters, each beginning with a capital where
// the script has any.
func nameLike(cell string, letters int) bool {
	n := utf8.RuneCountInString(cell)
	if n < 2 || n > 60 || letters < 2 || letters*10 < n*7 {
		return false
	}
	words, capitals := 0, 0
	start := true
	for _, r := range cell {
		switch {
		case unicode.IsLetter(r) || unicode.Is(unicode.M, r):
			if start {
				words++
				if !unicode.IsLower(r) {
					capitals++
				}
			}
			start = false
		case r == ' ' || r == '-' || r == ',' || r == '.' || r == '\'' || r == '’' || r == 0xa0:
			start = r != '\'' && r != '’'
		default:
			return false
		}
	}
	return words <= 6 && capitals > 0 && capitals*2 >= words
}

func mailLike(cell string, at int) bool {
	return strings.IndexByte(cell[at:], '.') > 1 && strings.IndexByte(cell, ' ') < 0
}

// phoneLike: digits in groups, or led by + or 0.
func phoneLike(cell string) bool {
	groups := strings.ContainsAny(cell, " -/()") || strings.Count(cell, ".") >= 2
	for _, r := range cell {
		if !strings.ContainsRune("0123456789 -/().+", r) {
			return false
		}
	}
	return cell[0] == '+' || cell[0] == '(' || cell[0] == '0' && (groups || len(cell) >= 9) || groups && strings.Count(cell, "-") >= 2
}

// postcodeLike: four to seven digits, also with the letters and gaps of those
// countries that have them.
func postcodeLike(cell string, digits, letters int) bool {
	if len(cell) < 4 || len(cell) > 10 || letters > 4 {
		return false
	}
	if letters == 0 {
		return digits >= 4 && digits <= 9 && (len(cell) == digits && digits <= 7 || len(cell) == digits+1 && strings.ContainsAny(cell[2:len(cell)-1], " -"))
	}
	return len(cell) <= 9 && strings.ToUpper(cell) == cell && strings.Trim(cell, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -") == "" && digits >= 2
}

// idLike: five characters or more, mostly digits, without blanks.
func idLike(cell string, digits, letters int) bool {
	return digits >= 5 && letters <= 6 && digits+letters >= 6 && len(cell) <= 24 && digits+letters+4 >= len(cell) && !strings.ContainsAny(cell, " ,:")
}

// dateYear reads a full date: 31.12.1970, 31/12/1970, 12/31/1970, 31-12-1970,
// 1970-12-31, 19701231 and the same with a time behind.
func dateYear(cell string) (int, bool) {
	if i := strings.IndexAny(cell, " T"); i >= 8 {
		cell = cell[:i]
	}
	var field [3]int
	var width [3]int
	n, sep := 0, byte(0)
	for i := 0; i < len(cell); i++ {
		c := cell[i]
		switch {
		case c >= '0' && c <= '9':
			field[n] = field[n]*10 + int(c-'0')
			if width[n]++; width[n] > 8 {
				return 0, false
			}
		case (c == '.' || c == '/' || c == '-') && (sep == 0 || c == sep) && n < 2 && width[n] > 0:
			sep = c
			n++
		default:
			return 0, false
		}
	}
	if n == 0 && width[0] == 8 {
		y, m, d := field[0]/10000, field[0]/100%100, field[0]%100
		return y, y > 1900 && y < 2100 && m >= 1 && m <= 12 && d >= 1 && d <= 31
	}
	if n != 2 || width[2] == 0 {
		return 0, false
	}
	y, a, b := field[2], field[0], field[1]
	if width[0] == 4 {
		y, a, b = field[0], field[2], field[1]
	} else if width[2] != 4 {
		return 0, false
	}
	return y, y > 1850 && y < 2100 && a >= 1 && b >= 1 && a <= 31 && b <= 31 && min(a, b) <= 12
}

// livingAge are the years of birth of people on a list that matters: of age, or
// nearly, and alive.
func livingAge(year int, now time.Time) bool {
	return year >= now.Year()-110 && year <= now.Year()-14
}

// profile is what the cells of one column came to.
type profile struct {
	filled, distinct int
	count            [columns]int
	streets          int
	posted           int // addresses with a number of a house and a postcode
	aged             int // dates of people of age
	from, to         int // years
	longest          int
	head             column
}

// add counts one cell. seen is for telling distinct ones.
func (p *profile) add(cell string, now time.Time, seen map[string]struct{}) {
	if cell == "" {
		return
	}
	p.filled++
	if _, ok := seen[cell]; !ok {
		seen[cell] = struct{}{}
		p.distinct++
	}
	p.longest = max(p.longest, len(cell))
	s, year := cellShape(cell)
	for c := colName; c < columns; c++ {
		if s.is(c) {
			p.count[c]++
		}
	}
	if s.is(colBirth) {
		if livingAge(year, now) {
			p.aged++
		}
		if p.from == 0 || year < p.from {
			p.from = year
		}
		p.to = max(p.to, year)
	}
	if s.is(colAddress) && holdsStreet(cell) {
		p.streets++
	}
	if s.is(colAddress) && posted(cell) {
		p.posted++
	}
}

// posted tells two numbers, one of which may be a postcode: "Lipova 12, 602 00 Brno", "10115 Berlin, Linden 4".
func posted(cell string) bool {
	groups, longest, run := 0, 0, 0
	for i := 0; i <= len(cell); i++ {
		if i < len(cell) && cell[i] >= '0' && cell[i] <= '9' {
			run++
			continue
		}
		if run > 0 {
			groups++
			longest = max(longest, run)
		}
		run = 0
	}
	return groups >= 3 && longest >= 3 || groups == 2 && longest >= 4
}

// share tells whether at least percent of the filled cells have the shape.
func (p *profile) share(c column, percent int) bool {
	return p.filled > 0 && p.count[c]*100 >= p.filled*percent
}

// holds decides what the column is. A heading needs only that the cells don't
// contradict; without one the shape has to be plain.
func (p *profile) holds() column {
	varied := p.distinct*100 >= p.filled*25
	switch {
	case p.filled == 0:
		return colNone
	case p.births():
		return colBirth
	case p.head == colVeto:
		return colNone
	case p.head == colElector && !p.district():
		return colNone
	case p.head == colElector || p.head == colParty:
		return p.head
	case p.head == colName && p.share(colName, 60):
		return colName
	case p.head == colAddress && p.longest <= 160 && varied:
		return colAddress
	case p.head == colPostcode && p.share(colPostcode, 60):
		return colPostcode
	case p.head == colID && p.share(colID, 60):
		return colID
	case p.head == colContact:
		return colContact
	case p.head != colNone:
		return colNone
	case p.share(colContact, 80):
		return colContact
	case p.share(colAddress, 60) && p.streets*100 >= p.filled*30 && varied:
		return colAddress
	case p.share(colID, 90) && p.distinct*100 >= p.filled*95:
		return colID
	case p.share(colName, 80) && varied:
		return colName
	}
	return colNone
}

// besideBirths decides again what a column without a heading is, in a table that has dates of birth: there names
// need not vary much (a few given names are borne by half of a town), and an address needs no word for
// a street ("Lipova 12, 602 00 Brno").
func (p *profile) besideBirths() column {
	switch {
	case p.head != colNone || p.filled == 0:
		return colNone
	case p.posted*100 >= p.filled*80 && p.distinct*100 >= p.filled*25:
		return colAddress
	case p.share(colName, 90) && p.distinct >= min(8, p.filled/3):
		return colName
	}
	return colNone
}

// district tells numbers of voters, or districts that many share, from a list of
// the polling stations themselves.
func (p *profile) district() bool {
	return p.longest <= 16 || p.distinct*100 <= p.filled*60
}

// births tells dates of birth: of people of age, spread over decades as lives
// are, and hardly two the same.
func (p *profile) births() bool {
	if p.head != colNone && p.head != colBirth {
		return false
	}
	if !p.share(colBirth, 70) {
		return false
	}
	if p.head == colBirth {
		return true
	}
	return p.aged*100 >= p.filled*85 && p.to-p.from >= 20 && p.distinct*100 >= p.filled*60
}

// streetWords are parts of the names of streets; those that begin with a blank
// are words of their own.
var streetWords = []string{
	"street", " st", " road", " rd", " lane", " avenue", " ave", " drive", " close", " court", " terrace", " crescent", " gardens", " hill", " row", " way", " square",
	"straße", "strasse", "str.", "weg", "gasse", "platz", "allee", "damm", "ufer", "ring", " am ", " an der", "hof", "markt",
	"rue ", "boulevard", "bd ", "chemin", "impasse", "quai", "route ", "place ", "cours ", "allée", "calle", "avenida", "avda", "paseo", "plaza", "camino", "carrer", "rambla",
	"via ", "viale", "piazza", "corso", "vicolo", "largo", "rua ", "travessa", "praça", "estrada", "straat", "laan", "plein", "gracht", "dijk", "kade", "dorps", "steenweg",
	"ulica", "ul.", "aleja", "plac ", "osiedle", "os.", "ulice", "nám", "třída", "utca", "út ", "tér", "strada", "str ", "bulevardul", "calea", "gata", "vägen", "väg", "gade", "vej", "veien", "gate", "allé", "katu", "tie ", "polku", "tänav", "iela", "gatvė", "cesta", "trg", "ulici", "sokak", "sok.", "cadde", "cad.", "mahalle", "mah.", "rruga",
	"ул.", "улица", "проспект", "пр.", "пер.", "переулок", "шоссе", "вул.", "вулиця", "бул", "οδός", "οδος", "λεωφόρος", "רחוב", "شارع", "خیابان", "路", "街", "道", "丁目", "番地", "区", "區", "町", "村", "市", "号", "號", "巷", "로 ", "길 ", "동 ", "구 ",
}

func holdsStreet(cell string) bool {
	lower := strings.ToLower(cell) + " "
	for _, w := range streetWords {
		if strings.Contains(lower, w) {
			return true
		}
	}
	return false
}
