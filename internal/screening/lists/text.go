package lists

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"portcullis.example/portcullis/internal/screening"
)

// headSize is how much of a file is looked at to find out what it is.
const headSize = 64 << 10

// decoded gives text as UTF-8: by the byte order mark, or as the caller says.
func decoded(in *bufio.Reader, name string) (*bufio.Reader, error) {
	head, _ := in.Peek(3)
	var from encoding.Encoding
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = in.Discard(3)
		return in, nil
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		from = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case name == "":
		return in, nil
	default:
		var err error
		if from, err = charset(name); err != nil || from == nil {
			return in, err
		}
	}
	return bufio.NewReaderSize(from.NewDecoder().Reader(in), headSize), nil
}

// charset is nil for what is UTF-8 already. ISO-8859-1 is read as its superset
// windows-1252, as the WHATWG Encoding Standard has it: files that say the former hold
// the latter's quotation marks.
func charset(name string) (encoding.Encoding, error) {
	switch strings.ToLower(strings.ReplaceAll(name, "_", "-")) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return nil, nil
	case "iso-8859-1", "iso8859-1", "latin1", "latin-1", "windows-1252", "cp1252":
		return charmap.Windows1252, nil
	case "windows-1251", "cp1251":
		return charmap.Windows1251, nil
	case "utf-16", "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), nil
	}
	return nil, refuse(0, "the encoding %q is not known here; convert the file to UTF-8", name)
}

// table is a CSV file with its header.
type table struct {
	r      *csv.Reader
	before int // lines read before the CSV began
	header []string
	index  map[string]int
	row    []string
	line   int // where the row begins
}

func newTable(in io.Reader, comma rune, before int) *table {
	r := csv.NewReader(in)
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = comma, -1, true
	return &table{r: r, before: before}
}

// readHeader takes the next row as header.
func (t *table) readHeader() error {
	ok, err := t.read()
	if err != nil {
		return err
	}
	if !ok {
		return refuse(t.line, "there is no header line: the file is empty or was cut off")
	}
	t.setHeader(t.row)
	return nil
}

func (t *table) setHeader(row []string) {
	t.header = slices.Clone(row)
	t.index = make(map[string]int, len(row))
	for i, h := range t.header {
		key := heading(h)
		for n := 2; n < 10; n++ { // a heading that is there again is "name 2"
			if _, ok := t.index[key]; !ok {
				t.index[key] = i
				break
			}
			key = heading(h) + " " + strconv.Itoa(n)
		}
	}
}

// heading is how column names are compared.
func heading(s string) string {
	s = strings.ToLower(strings.NewReplacer("_", " ", "\u00a0", " ", "\ufeff", "").Replace(s))
	return strings.Join(strings.Fields(s), " ")
}

// require tells all columns that are missing at once. A column may have several names.
func (t *table) require(columns ...string) error {
	var missing []string
	for _, c := range columns {
		if !slices.ContainsFunc(strings.Split(c, "|"), func(name string) bool { _, ok := t.index[heading(name)]; return ok }) {
			missing = append(missing, `"`+strings.ReplaceAll(c, "|", `" or "`)+`"`)
		}
	}
	if missing != nil {
		return refuse(t.line, "the header lacks the column %s; the publisher changed the file, or it was cut", strings.Join(missing, ", "))
	}
	return nil
}

// next reads a row that fits the header, passing over empty ones.
func (t *table) next() (bool, error) {
	for {
		ok, err := t.read()
		if !ok || err != nil {
			return false, err
		}
		if len(t.row) == 1 && (t.row[0] == "\x1a" || strings.TrimSpace(t.row[0]) == "") {
			continue
		}
		if t.header != nil && len(t.row) != len(t.header) {
			if strings.Join(t.row, "") == "" {
				continue
			}
			return false, refuse(t.line, "the row has %d fields, the header %d: a quote or separator is broken here, or the file ends here", len(t.row), len(t.header))
		}
		return true, nil
	}
}

func (t *table) read() (bool, error) {
	row, err := t.r.Read()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	var broken *csv.ParseError
	if errors.As(err, &broken) {
		if broken.StartLine != broken.Line {
			return false, refuse(t.before+broken.StartLine, "a quote in this row is not closed where it should be (noticed on line %d)", t.before+broken.Line)
		}
		return false, refuse(t.before+broken.Line, "a quote is broken at character %d: %v", broken.Column, broken.Err)
	}
	if err != nil {
		return false, err
	}
	t.row = row
	line, _ := t.r.FieldPos(0)
	t.line = t.before + line
	for i, f := range row {
		if !utf8.ValidString(f) {
			return false, refuse(t.line, "field %d is not UTF-8: the file is in another encoding; say --encoding windows-1252, or save it as UTF-8", i+1)
		}
	}
	return true, nil
}

// get is the cell of the first of the columns that there is, trimmed.
func (t *table) get(names ...string) string {
	for _, n := range names {
		if i, ok := t.index[n]; ok && i < len(t.row) {
			return strings.TrimSpace(t.row[i])
		}
	}
	return ""
}

// separator is the one that the header line has most of.
func separator(line []byte) rune {
	best, most := ',', 0
	for _, c := range ",;\t|" {
		if n := bytes.Count(line, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

// kindOf reads a list's word for what an entry is.
func kindOf(word string) screening.Kind {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "individual", "person", "p", "natural person", "people":
		return screening.KindPerson
	case "entity", "enterprise", "e", "organisation", "organization", "company", "legalentity", "legal entity", "publicbody", "business", "group", "body":
		return screening.KindOrganisation
	case "ship", "vessel":
		return screening.KindVessel
	case "aircraft", "airplane":
		return screening.KindAircraft
	}
	return screening.KindUnknown
}

// genderOf reads a list's word for a gender.
func genderOf(word string) string {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "male", "m", "man":
		return "male"
	case "female", "f", "woman":
		return "female"
	}
	return ""
}

// measureWords tell measures by what lists call them; the first that fits counts.
var measureWords = []struct {
	word    string
	measure screening.Measure
}{
	{"non-block", screening.MeasureOther}, {"menu-based", screening.MeasureOther},
	{"director disqualification", screening.DirectorBan}, {"trust service", screening.TrustServices},
	{"asset freeze", screening.AssetFreeze}, {"assets freeze", screening.AssetFreeze}, {"freeze", screening.AssetFreeze},
	{"freezing", screening.AssetFreeze}, {"block", screening.AssetFreeze},
	{"travel", screening.TravelBan}, {"admission", screening.TravelBan}, {"entry ban", screening.TravelBan},
	{"arms", screening.ArmsEmbargo},
	{"ship", screening.TransportSanction}, {"vessel", screening.TransportSanction}, {"aircraft", screening.TransportSanction}, {"port", screening.TransportSanction},
	{"deflag", screening.TransportSanction}, {"transport", screening.TransportSanction}, {"crew", screening.TransportSanction},
	{"correspondent", screening.FinancialServices}, {"financial", screening.FinancialServices}, {"investment", screening.FinancialServices}, {"loan", screening.FinancialServices},
	{"export", screening.TradeRestriction}, {"import", screening.TradeRestriction}, {"trade", screening.TradeRestriction}, {"dual-use", screening.TradeRestriction},
}

// measures reads the measures of a text, which separates them by |, ; or commas.
func measures(text string) (list []screening.Consequence) {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '|' || r == ';' || r == ',' || r == '\n' }) {
		if part = tidy(part); part == "" {
			continue
		}
		list = append(list, screening.Consequence{Measure: measureOf(part), Detail: part})
	}
	return list
}

func measureOf(text string) screening.Measure {
	lower := strings.ToLower(text)
	if strings.HasPrefix(lower, "export") { // before "port", which it holds
		return screening.TradeRestriction
	}
	for _, m := range measureWords {
		if hasWord(lower, m.word) {
			return m.measure
		}
	}
	return screening.MeasureOther
}

// hasWord tells whether a word of the text begins with word: prose that "supports" or
// is "important" names no port.
func hasWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		i += from
		if before, _ := utf8.DecodeLastRuneInString(text[:i]); i == 0 || !isLetter(before) {
			return true
		}
		from = i + len(word)
	}
}

// cells splits a cell that holds several values, each perhaps quoted.
func cells(s string, separator byte) (values []string) {
	for s != "" {
		s = strings.TrimLeft(s, " ")
		if strings.HasPrefix(s, `"`) {
			value, rest := quoted(s[1:])
			values = append(values, value)
			_, s, _ = strings.Cut(rest, string(separator))
			continue
		}
		var value string
		value, s, _ = strings.Cut(s, string(separator))
		if value = strings.TrimSpace(value); value != "" {
			values = append(values, value)
		}
	}
	return values
}

// quoted reads up to the closing quote; "" within is one.
func quoted(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), s[i+1:]
	}
	return b.String(), ""
}

// isoDate writes a list's own date as 2006-01-02, or as it stands.
func isoDate(text string, order DateOrder) string {
	d, err := ParseDate(text, order)
	if err != nil || d.Day == 0 {
		return tidy(text)
	}
	return sprintDate(d)
}
