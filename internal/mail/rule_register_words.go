package mail

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

//go:embed rule_register_words.txt
var columnText string

// column is what a column of a table holds.
type column uint8

const (
	colNone column = iota
	colName
	colBirth
	colAddress
	colPostcode
	colID
	colContact
	colElector // numbers and districts of registers of voters
	colParty   // numbers of members
	colVeto    // of tables that are no list of people
	columns
)

var columnNames = [columns]string{"", "name", "birth", "address", "postcode", "id", "contact", "elector", "party", "veto"}

// columnWords are for sentences.
var columnWords = [columns]string{"", "names", "dates of birth", "addresses", "postcodes", "identity numbers", "e-mail addresses or telephone numbers", "voters' numbers or districts", "membership numbers", ""}

var headings = sync.OnceValue(func() map[string]column {
	table := map[string]column{}
	for line := range strings.Lines(columnText) {
		name, list, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		for c, known := range columnNames {
			if known != name {
				continue
			}
			for word := range strings.SplitSeq(list, ",") {
				table[plainHeading(word)] = column(c)
			}
		}
	}
	return table
})

// maxHeading bounds the cell of a head.
const maxHeading = 48

// headingOf tells what a heading announces. The whole heading is looked up
// first, then its words, of which the last is the noun in most languages.
func headingOf(cell string) column {
	if cell == "" || len(cell) > maxHeading {
		return colNone
	}
	plain := plainHeading(cell)
	if plain == "" {
		return colNone
	}
	table := headings()
	if c, ok := table[plain]; ok {
		return c
	}
	words := strings.Fields(plain)
	if len(words) < 2 || len(words) > 5 {
		return colNone
	}
	for n := len(words) - 1; n > 0; n-- {
		for i := len(words) - n; i >= 0; i-- {
			if c, ok := table[strings.Join(words[i:i+n], " ")]; ok {
				return c
			}
		}
	}
	return colNone
}

// plainHeading writes a heading as the table has it: small letters without
// accents, words apart. "DateOfBirth" and "date_of_birth" are three words.
func plainHeading(s string) string {
	var b strings.Builder
	lower, gap := false, false
	for _, r := range norm.NFD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r) && r < 0x400:
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r):
			if b.Len() > 0 && (gap || lower && unicode.IsUpper(r)) {
				b.WriteByte(' ')
			}
			lower, gap = unicode.IsLower(r), false
			b.WriteRune(foldHeading(unicode.ToLower(r)))
		default:
			gap = true
		}
	}
	return norm.NFC.String(b.String())
}

// foldHeading is for letters that have no decomposition.
func foldHeading(r rune) rune {
	switch r {
	case 'ø':
		return 'o'
	case 'ł':
		return 'l'
	case 'ı':
		return 'i'
	case 'đ':
		return 'd'
	}
	return r
}
