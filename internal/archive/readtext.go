package archive

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/observable"
)

// readText reads plain lines or CSV, whichever the first line of content is.
func (l *list) readText(b *bufio.Reader) error {
	var table *table
	decided := false
	for number := 1; ; number++ {
		line, tooLong, err := readLine(b)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read indicators from %s, line %d: %w", l.file, number, err)
		}
		if number == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		content := strings.TrimSpace(line)
		switch {
		case tooLong:
			l.problem(Problem{Line: number, Message: fmt.Sprintf("the line is longer than %d bytes", maxIndicatorLine), Remedy: "no indicator is; take it out"})
		case content == "" || content[0] == '#':
		case !decided:
			decided = true
			if table = newTable(content); table == nil {
				l.line(content, number)
			} else if !table.header {
				l.row(table, content, number)
			}
		case table != nil:
			l.row(table, content, number)
		default:
			l.line(content, number)
		}
		if err != nil {
			return nil
		}
	}
}

// readLine reads a line up to the limit and says whether there was more.
func readLine(b *bufio.Reader) (string, bool, error) {
	var line []byte
	tooLong := false
	for {
		piece, err := b.ReadSlice('\n')
		if len(line)+len(piece) <= maxIndicatorLine {
			line = append(line, piece...)
		} else {
			tooLong = true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return strings.ToValidUTF8(string(line), string(utf8.RuneError)), tooLong, err
		}
	}
}

// line reads a plain line. A comment behind a value needs a blank before its #, since
// a URL may hold one.
func (l *list) line(content string, number int) {
	for _, mark := range []string{" #", "\t#"} {
		if i := strings.Index(content, mark); i > 0 {
			content = strings.TrimSpace(content[:i])
		}
	}
	p, err := ParsePattern(content)
	if err != nil {
		l.problem(Problem{Line: number, Message: err.Error(), Remedy: "correct it or put # before it"})
		return
	}
	l.add(portcullis.Indicator{Pattern: p})
}

// table is how the columns of a CSV file are read; -1 for a column that is not there.
type table struct {
	comma                                     rune
	header                                    bool
	value, kind, source, marking, from, until int
}

// columnNames are what exports of common programs call the columns.
var columnNames = map[string]func(*table) *int{
	"indicator": valueColumn, "value": valueColumn, "ioc": valueColumn, "ioc_value": valueColumn, "observable": valueColumn,
	"pattern": valueColumn, "indicator_value": valueColumn, "domain": valueColumn, "url": valueColumn, "ip": valueColumn,
	"address": valueColumn, "hash": valueColumn,
	"type": typeColumn, "indicator_type": typeColumn, "ioc_type": typeColumn, "kind": typeColumn,
	"source": sourceColumn, "from": sourceColumn, "reporter": sourceColumn, "feed": sourceColumn,
	"tlp": markingColumn, "marking": markingColumn, "tlp_marking": markingColumn,
	"valid_from": fromColumn, "valid_until": untilColumn, "expires": untilColumn, "expiration": untilColumn,
}

func valueColumn(t *table) *int   { return &t.value }
func typeColumn(t *table) *int    { return &t.kind }
func sourceColumn(t *table) *int  { return &t.source }
func markingColumn(t *table) *int { return &t.marking }
func fromColumn(t *table) *int    { return &t.from }
func untilColumn(t *table) *int   { return &t.until }

// newTable tells whether a first line is one of a CSV file, nil if not.
func newTable(line string) *table {
	for _, comma := range ",;\t|" {
		if !strings.ContainsRune(line, comma) {
			continue
		}
		fields, err := splitRow(line, comma)
		if err != nil || len(fields) < 2 {
			continue
		}
		t := &table{comma, false, -1, -1, -1, -1, -1, -1}
		if t.readHeader(fields) {
			return t
		}
		if _, err := ParsePattern(line); err == nil {
			return nil // a URL or subject with a comma
		}
		for _, field := range fields {
			if _, err := ParsePattern(field); err == nil {
				return t
			}
		}
	}
	if column, ok := columnNames[columnName(line)]; ok { // a header over one column
		t := &table{',', true, -1, -1, -1, -1, -1, -1}
		*column(t) = 0
		return t
	}
	return nil
}

func columnName(field string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(field)))
}

func (t *table) readHeader(fields []string) bool {
	for i, field := range fields {
		if column, ok := columnNames[columnName(field)]; ok && *column(t) < 0 {
			*column(t) = i
			t.header = true
		}
	}
	return t.header
}

func splitRow(line string, comma rune) ([]string, error) {
	r := csv.NewReader(strings.NewReader(line))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.TrimLeadingSpace = comma, true, -1, comma != '\t'
	return r.Read()
}

// row reads one line of a table. Values over several lines occur in descriptions only.
func (l *list) row(t *table, line string, number int) {
	fields, err := splitRow(line, t.comma)
	if err != nil {
		l.problem(Problem{Line: number, Message: fmt.Sprintf("not a row of the table: %v", err), Remedy: "check its quotes"})
		return
	}
	i := portcullis.Indicator{Source: t.field(fields, t.source), Marking: marking(t.field(fields, t.marking))}
	if i.Pattern, err = t.pattern(fields); err != nil {
		l.problem(Problem{Line: number, Message: err.Error(), Remedy: "correct it or put # before it"})
		return
	}
	for _, when := range []struct {
		column int
		into   *time.Time
	}{{t.from, &i.From}, {t.until, &i.Until}} {
		text := t.field(fields, when.column)
		if *when.into, err = readTime(text); err != nil {
			l.problem(Problem{Line: number, Message: err.Error(), Remedy: "write it like 2006-01-02 or 2006-01-02T15:04:05Z; the indicator is used without it"})
		}
	}
	l.add(i)
}

func (t *table) field(fields []string, column int) string {
	if column < 0 || column >= len(fields) {
		return ""
	}
	return strings.TrimSpace(fields[column])
}

func (t *table) pattern(fields []string) (portcullis.Observable, error) {
	if t.value >= 0 {
		return typedPattern(t.field(fields, t.kind), t.field(fields, t.value))
	}
	var first error
	for i, field := range fields {
		if i == t.kind || strings.TrimSpace(field) == "" {
			continue
		}
		p, err := typedPattern(t.field(fields, t.kind), field)
		if err == nil {
			return p, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = errors.New("the row is empty")
	}
	return portcullis.Observable{}, first
}

// typeWords are what common programs call the types of observables (MISP attribute
// types, OTX, feeds), without what stands for the direction.
var typeWords = map[string]portcullis.ObservableType{
	"domain": portcullis.TypeDomain, "hostname": portcullis.TypeDomain, "host": portcullis.TypeDomain, "fqdn": portcullis.TypeDomain,
	"domain-name": portcullis.TypeDomain, "email-src-domain": portcullis.TypeDomain,
	"url": portcullis.TypeURL, "uri": portcullis.TypeURL, "link": portcullis.TypeURL,
	"ip": portcullis.TypeIP, "ip-src": portcullis.TypeIP, "ip-dst": portcullis.TypeIP, "ipv4": portcullis.TypeIP, "ipv6": portcullis.TypeIP,
	"ip:port": portcullis.TypeIP, "ipv4-addr": portcullis.TypeIP, "ipv6-addr": portcullis.TypeIP, "cidr": portcullis.TypeCIDR,
	"email": portcullis.TypeEmail, "email-src": portcullis.TypeEmail, "email-dst": portcullis.TypeEmail, "email-addr": portcullis.TypeEmail,
	"email-reply-to": portcullis.TypeEmail, "target-email": portcullis.TypeEmail, "address": portcullis.TypeEmail,
	"email-subject": portcullis.TypeSubject, "subject": portcullis.TypeSubject,
	"email-message-id": portcullis.TypeMessageID, "message-id": portcullis.TypeMessageID,
	"filename": portcullis.TypeFileName, "email-attachment": portcullis.TypeFileName, "attachment": portcullis.TypeFileName,
	"md5": portcullis.TypeHash, "sha1": portcullis.TypeHash, "sha256": portcullis.TypeHash, "sha384": portcullis.TypeHash, "sha512": portcullis.TypeHash,
	"hash": portcullis.TypeHash, "filehash-md5": portcullis.TypeHash, "filehash-sha1": portcullis.TypeHash, "filehash-sha256": portcullis.TypeHash,
	"md5_hash": portcullis.TypeHash, "sha1_hash": portcullis.TypeHash, "sha256_hash": portcullis.TypeHash,
}

// typedPattern reads a value of a type; an empty or unknown type is found out from the value.
func typedPattern(typeWord, value string) (portcullis.Observable, error) {
	t, ok := typeWords[strings.ToLower(strings.TrimSpace(typeWord))]
	if !ok {
		return ParsePattern(value)
	}
	return patternOf(t, value)
}

// patternOf reads a value of a type, which a text may state loosely: a network where
// an address is announced, a URL without a scheme.
func patternOf(t portcullis.ObservableType, value string) (portcullis.Observable, error) {
	switch t {
	case portcullis.TypeSubject, portcullis.TypeFileName, portcullis.TypeMessageID:
		return observable.Canonical(t, value)
	}
	value = strings.TrimSpace(observable.Refang(value))
	switch {
	case t == portcullis.TypeURL && strings.HasSuffix(value, "/*"), t == portcullis.TypeEmail && strings.HasPrefix(value, "@"):
		return ParsePattern(value)
	case t == portcullis.TypeURL && !strings.Contains(value, ":"):
		value = "http://" + value
	case t == portcullis.TypeIP && strings.Contains(value, "/"):
		t = portcullis.TypeCIDR
	case t == portcullis.TypeIP:
		if with, err := netip.ParseAddrPort(value); err == nil {
			value = with.Addr().String()
		}
	case t == portcullis.TypeDomain:
		value = strings.TrimPrefix(strings.TrimPrefix(value, "*."), ".")
	}
	return observable.Canonical(t, value)
}

// readTime reads a time as files of indicators write it; none is the zero time.
func readTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is not a time", text)
}
