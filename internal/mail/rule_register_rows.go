package mail

import (
	"strings"
	"unicode/utf8"
)

// Rows of a table in text. Whatever wrote it — a spreadsheet, a database, a
// program's JSON, a web page — a row is a stretch of text and its cells are
// stretches of that, so that evidence can point to bytes.

// separator is what stands between the cells of a row.
type separator uint8

const (
	sepNone separator = iota
	sepTab
	sepPipe
	sepSemicolon
	sepComma
	sepBlanks // two or more, as in columns drawn with spaces
	sepTuple  // SQL: ('a', 'b'), in an INSERT or by itself
	sepObject // JSON: {"a": "b"}
	sepMarkup // HTML: <td>a</td>
	sepDate   // single blanks only: what stands before a date, the date, what stands behind
	separators
)

// Limits: a row longer than this, or of more cells, is none of a list of people.
const (
	maxRowLength = 2000
	minRowLength = 16
	minCells     = 3
	maxCells     = 60
	maxRows      = 200_000 // candidates kept of one text
)

// row is a line that may be a row: where it stands, and how it is divided.
type row struct {
	start, end int32
	sep        separator
	cells      uint8
}

// findRows collects the lines of text that can be rows. It is the part that
// reads every byte of all mail, so it looks at each once and keeps little.
func findRows(text string) []row {
	if !mayHoldRows(text) {
		return nil
	}
	var rows []row
	for at := 0; at < len(text) && len(rows) < maxRows; {
		end := lineEnd(text, at)
		if n := end - at; n >= minRowLength && n <= maxRowLength {
			if sep, cells := divide(text[at:end]); sep != sepNone {
				rows = append(rows, row{int32(at), int32(end), sep, uint8(cells)})
			}
		}
		at = end + 1
	}
	return rows
}

// mayHoldRows refuses most text: what has no ten lines, or is too long for
// offsets of 32 bits.
func mayHoldRows(text string) bool {
	return len(text) >= 10*minRowLength && len(text) < 1<<31
}

// lineEnd is where the line ends that begins at at. Programs write whole tables
// in one line; there a tuple or object ends a row as well. What is too long for
// a row is passed over at once, so that no byte is looked at twice.
func lineEnd(text string, at int) int {
	rest := text[at:]
	window := rest[:min(len(rest), maxRowLength+1)]
	within := at > 0 && text[at-1] != '\n'
	end := strings.IndexByte(window, '\n')
	if end >= 0 {
		window = window[:end]
	}
	if within || end < 0 {
		for _, joint := range []string{"},{", "}, {", "),(", "), ("} {
			if j := strings.Index(window, joint); j >= 0 {
				return at + j + 1
			}
		}
	}
	if end < 0 {
		if end = strings.IndexByte(rest, '\n'); end < 0 {
			end = len(rest)
		}
	}
	return at + end
}

// Five counters of twelve bits in one word: a row is shorter than 4096 bytes.
// One addition per byte, and no branch, is what makes all mail affordable.
const (
	digitShift = 12 * iota
	tabShift
	pipeShift
	semicolonShift
	commaShift
	counterMask = 1<<12 - 1
)

var byteWeight = func() (t [256]uint64) {
	for c := '0'; c <= '9'; c++ {
		t[c] = 1 << digitShift
	}
	t['\t'], t['|'], t[';'], t[','] = 1<<tabShift, 1<<pipeShift, 1<<semicolonShift, 1<<commaShift
	return t
}()

// divide finds the separator of a line and how many cells it makes. A list of
// people has a number in every row: of a house, a birth, an area, a telephone.
func divide(line string) (separator, int) {
	sum := uint64(0)
	for i := 0; i < len(line); i++ {
		sum += byteWeight[line[i]]
	}
	count := func(shift int) int { return int(sum >> shift & counterMask) }
	digits := count(digitShift)
	if digits == 0 {
		return sepNone, 0
	}
	sep, n := separatorOf(line, count)
	if sep == sepNone {
		return datedRow(line, digits)
	}
	if n+1 > maxCells {
		return sepNone, 0
	}
	if sep == sepBlanks || sep == sepTuple || strings.IndexByte(line, '"') >= 0 && sep != sepObject {
		n = countCells(line, sep) - 1 // separators within quotation marks don't count
	}
	if n+1 < minCells {
		return sepNone, 0
	}
	return sep, n + 1
}

// separatorOf prefers what rarely stands in running text.
func separatorOf(line string, count func(int) int) (separator, int) {
	commas := count(commaShift)
	switch {
	case commas >= 2 && strings.IndexByte(line, '{') >= 0 && strings.Contains(line, `":`):
		return sepObject, commas
	case commas >= 2 && tupleStart(line) >= 0:
		return sepTuple, commas
	case count(tabShift) >= 2:
		return sepTab, count(tabShift)
	case count(pipeShift) >= 2:
		return sepPipe, count(pipeShift)
	case count(semicolonShift) >= 2:
		return sepSemicolon, count(semicolonShift)
	case commas >= 2:
		return sepComma, commas
	case strings.Contains(line, "  "):
		return sepBlanks, minCells
	}
	return sepNone, 0
}

// datedRow tells a line with a date in its middle, as what is left of a table
// when its columns are lost: "A10001 Abel Anna 31.12.1970 Mill Street 1".
func datedRow(line string, digits int) (separator, int) {
	if digits < 8 || len(line) > 200 {
		return sepNone, 0
	}
	if at, _ := dateWithin(line); at < 4 {
		return sepNone, 0
	}
	return sepDate, 4
}

// dateWithin finds the first word that is a full date.
func dateWithin(line string) (start, end int) {
	for at := 0; at < len(line); {
		n := strings.IndexByte(line[at:], ' ')
		if n < 0 {
			n = len(line) - at
		}
		if word := line[at : at+n]; len(word) >= 8 && len(word) <= 11 && word[0] >= '0' && word[0] <= '9' {
			if _, ok := dateYear(strings.Trim(word, ",;\r")); ok {
				return at, at + n
			}
		}
		at += n + 1
	}
	return -1, -1
}

// datedCells gives a number if the line begins with one, the name, the date, and
// what stands behind it.
func datedCells(line string, fn func(int, string, string) bool) {
	start, end := dateWithin(line)
	if start < 0 {
		return
	}
	number, name := "", strings.TrimLeft(line[:start], "> ")
	if first, rest, ok := strings.Cut(name, " "); ok && strings.ContainsAny(first, "0123456789") {
		number, name = first, rest
	}
	for i, cell := range []string{number, strings.Trim(name, " ,;-*"), strings.Trim(line[start:end], ",;"), strings.Trim(line[end:], " ,;\r")} {
		if !fn(i, "", cell) {
			return
		}
	}
}

// tupleStart is where the values of an SQL tuple begin, -1 if the line has none.
func tupleStart(line string) int {
	for from := 0; ; {
		open := strings.IndexByte(line[from:], '(')
		if open < 0 {
			return -1
		}
		open += from
		before := strings.TrimRight(line[:open], " ")
		if strings.Trim(before, " \t,") == "" || len(before) >= 6 && strings.EqualFold(before[len(before)-6:], "values") {
			return open + 1
		}
		if from = open + 1; from > 512 {
			return -1 // an INSERT names its table and columns before
		}
	}
}

func countCells(line string, sep separator) int {
	if sep == sepMarkup {
		return countMarkupCells(line)
	}
	n := 0
	eachCell(line, sep, func(int, string, string) bool { n++; return n < maxCells })
	return n
}

// eachCell calls fn for every cell with its number, the key it bears (JSON) and
// its content, until fn reports false.
func eachCell(line string, sep separator, fn func(i int, key, cell string) bool) {
	switch sep {
	case sepObject:
		objectCells(line, fn)
	case sepTuple:
		if at := tupleStart(line); at >= 0 {
			line = strings.TrimRight(line[at:], " \t\r;,)")
		}
		delimitedCells(line, ',', '\'', fn)
	case sepBlanks:
		blankCells(line, fn)
	case sepMarkup:
		markupCells(line, fn)
	case sepDate:
		datedCells(line, fn)
	default:
		delimitedCells(line, [separators]byte{sepTab: '\t', sepPipe: '|', sepSemicolon: ';', sepComma: ','}[sep], '"', fn)
	}
}

// delimitedCells divides as RFC 4180 does: a cell in quotation marks may hold
// the separator, and two marks stand for one.
func delimitedCells(line string, sep, quote byte, fn func(int, string, string) bool) {
	line = strings.TrimRight(line, "\r")
	if sep == '|' { // frames of tables drawn with text
		line = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "|"), "|")
	}
	for i := 0; ; i++ {
		line = strings.TrimLeft(line, " ")
		end := -1
		if line != "" && line[0] == quote {
			end = quotedEnd(line, quote)
		}
		if end < 0 {
			end = 0
		}
		next := strings.IndexByte(line[end:], sep)
		if next < 0 {
			fn(i, "", unquoted(line, quote))
			return
		}
		if !fn(i, "", unquoted(line[:end+next], quote)) {
			return
		}
		line = line[end+next+1:]
	}
}

// quotedEnd is behind the closing mark, -1 if there is none.
func quotedEnd(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote == '\'':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return -1
}

func unquoted(s string, quote byte) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == quote && s[len(s)-1] == quote {
		return strings.TrimSpace(s[1 : len(s)-1])
	}
	return s
}

// objectCells finds the pairs of a flat JSON object. What is nested is cells too.
func objectCells(line string, fn func(int, string, string) bool) {
	for i := 0; ; i++ {
		open := strings.IndexByte(line, '"')
		if open < 0 {
			return
		}
		key, rest, ok := jsonString(line[open:])
		if !ok {
			return
		}
		rest = strings.TrimLeft(rest, " \t")
		if !strings.HasPrefix(rest, ":") {
			line = rest
			i--
			continue
		}
		rest = strings.TrimLeft(rest[1:], " \t")
		value := ""
		if strings.HasPrefix(rest, `"`) {
			if value, rest, ok = jsonString(rest); !ok {
				return
			}
		} else {
			end := strings.IndexAny(rest, ",}]")
			if end < 0 {
				end = len(rest)
			}
			value, rest = strings.TrimSpace(rest[:end]), rest[end:]
		}
		if !fn(i, key, value) {
			return
		}
		line = rest
	}
}

// jsonString reads a string that begins s; escapes stay as they are.
func jsonString(s string) (value, rest string, ok bool) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[1:i], s[i+1:], true
		}
	}
	return "", "", false
}

// blankCells divides at two blanks or more.
func blankCells(line string, fn func(int, string, string) bool) {
	line = strings.TrimSpace(line)
	for i := 0; line != ""; i++ {
		end := strings.Index(line, "  ")
		if end < 0 {
			fn(i, "", line)
			return
		}
		if !fn(i, "", line[:end]) {
			return
		}
		line = strings.TrimLeft(line[end:], " ")
	}
}

// markupCells divides at table cells and leaves tags out.
func markupCells(line string, fn func(int, string, string) bool) {
	at := nextTag(line, 0, "td", "th")
	for i := 0; at >= 0; i++ {
		open := strings.IndexByte(line[at:], '>')
		if open < 0 {
			return
		}
		next := nextTag(line, at+open, "td", "th")
		cell := line[at+open+1:]
		if next >= 0 {
			cell = line[at+open+1 : next]
		}
		if !fn(i, "", withoutTags(cell)) {
			return
		}
		at = next
	}
}

// countMarkupCells counts as markupCells divides, without reading the cells.
func countMarkupCells(line string) (n int) {
	for at := nextTag(line, 0, "td", "th"); at >= 0 && n < maxCells; n++ {
		open := strings.IndexByte(line[at:], '>')
		if open < 0 {
			return n
		}
		at = nextTag(line, at+open, "td", "th")
	}
	return n
}

// nextTag finds an opening tag of one of two names, in either case.
func nextTag(s string, from int, a, b string) int {
	for {
		i := strings.IndexByte(s[from:], '<')
		if i < 0 || from+i+4 > len(s) {
			return -1
		}
		from += i + 1
		if s[from]|0x20 != a[0] && s[from]|0x20 != b[0] {
			continue
		}
		name := s[from : from+2]
		if c := s[from+2]; c != '>' && c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			continue
		}
		if strings.EqualFold(name, a) || strings.EqualFold(name, b) {
			return from - 1
		}
	}
}

func withoutTags(s string) string {
	if strings.IndexByte(s, '<') < 0 {
		return strings.TrimSpace(s)
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		b.WriteByte(' ')
		j := strings.IndexByte(s[i:], '>')
		if j < 0 {
			break
		}
		s = s[i+j+1:]
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// findMarkupRows collects the rows of tables in HTML.
func findMarkupRows(text string) []row {
	if !mayHoldRows(text) {
		return nil
	}
	var rows []row
	at := nextTag(text, 0, "tr", "tr")
	for at >= 0 && len(rows) < maxRows {
		next := nextTag(text, at+1, "tr", "tr")
		end := next
		if next < 0 {
			end = min(len(text), at+maxRowLength)
			for end < len(text) && !utf8.RuneStart(text[end]) {
				end--
			}
		}
		if end-at <= 4*maxRowLength {
			if n := countCells(text[at:end], sepMarkup); n >= minCells && n < maxCells {
				rows = append(rows, row{int32(at), int32(end), sepMarkup, uint8(n)})
			}
		}
		at = next
	}
	return rows
}
