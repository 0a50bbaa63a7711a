// Package lineage finds out which voters' rows a statement would disclose, before PostgreSQL sees it.
//
// Analyse parses the text with PostgreSQL's own grammar, looks every relation and function up in a Catalogue, and gives
// a Plan per statement: it touches nothing protected and passes; or it is rewritten so that every row that
// leaves carries the key of each voter it rests on; or it is an aggregate whose rows carry the number of voters they
// rest on; or it is refused, with a sentence that says what to ask for.
//
// The rule is about rows, not columns: whatever a row shows, and however it was computed, it may rest only on the
// protected rows whose keys it carries. That makes expressions harmless (casts, concatenation, row_to_json) and
// leaves the few constructs that mix rows: aggregates, window functions, set operations, DISTINCT, outer joins and
// subqueries in expressions. Each of these is allowed in the forms argued beside it, and refused otherwise.
//
// What is rewritten names every relation with its schema, so that what was judged is what runs, whatever the
// search_path is by then. A bare name that means a protected relation in any schema is taken seriously in all of them.
//
// Known misses. One statement may tell one bit that no key stands for: whether it found anything, or failed; budgets
// on statements are for that. Counts over overlapping groups can be subtracted from each other. What an
// administrator installs directly — triggers, operators, functions that the policy lists — is trusted.
package lineage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind is what a statement amounts to.
type Kind uint8

// The kinds. Refused is zero, so a forgotten judgement refuses.
const (
	Refused   Kind = iota
	Pass           // touches nothing protected: sent on as it came
	Rows           // every row that leaves carries voters' keys
	Aggregate      // every row that leaves carries the number of voters it rests on
	Predicate      // no row of a voter leaves, but the answer tells one bit about them
	Command        // changes protected rows or their state; nothing leaves but a count
	Prepare        // SQL PREPARE or DECLARE CURSOR: Name's results are as described, when they are fetched
	Execute        // SQL EXECUTE or FETCH of Name: metered as what was prepared under it
)

var kindNames = [...]string{"refused", "pass", "rows", "aggregate", "predicate", "command", "prepare", "execute"}

// String returns the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Protected is a relation whose rows are metered.
type Protected struct {
	Relation string // "schema.table"
	Key      string // the column that says whose record a row is; unique in the relation
	Flag     string // a boolean column that marks entries that may not leave without approvals; "" for none
}

// Column is a column of a protected relation.
type Column struct{ Relation, Name string }

// Output is one column of a result.
type Output struct {
	Name  string
	Plain *Column  // it is a plain copy of this protected column
	From  []Column // it was computed from these
}

// Support is an output column with the number of voters a row rests on.
type Support struct {
	Column int  // zero-based
	Zero   bool // 0 is harmless too: the count of a FILTER
}

// Copy says how COPY … TO STDOUT writes its rows.
type Copy struct {
	Format                         string // "text", "csv" or "binary"
	Delimiter, Null, Quote, Escape string // "" for the format's own
	Header                         bool   // the first line is no row
}

// Result describes the rows of a statement. Columns are counted from zero, hidden ones included.
type Result struct {
	Outputs     []Output
	KeyColumns  []int // each voter key of a row; NULL: this row rests on no row of that relation
	KeyOf       []int // for each of KeyColumns, which Protected (index as given to New)
	HiddenFlags []int // for each of KeyColumns, the column with its Flag; -1: unknown, look it up
	Supports    []Support
	Hidden      int   // so many trailing columns were added and are to be taken out
	Copy        *Copy // rows leave as CopyData
}

// Setting is a session setting that a statement changes.
type Setting struct {
	Name  string
	Value string // as text; a list joined with ", "
	Local bool   // until the transaction ends
	Reset bool   // back to the default; Name "all" for every one
}

// Refusal is the answer to a client whose statement is not sent on.
type Refusal struct {
	Code    string // SQLSTATE
	Message string
	Hint    string // what to ask for instead
	Retry   bool   // a name is not in the catalogue: refresh it and analyse once more
}

// Error returns message and hint.
func (r *Refusal) Error() string {
	if r.Hint == "" {
		return fmt.Sprintf("%s (SQLSTATE %s)", r.Message, r.Code)
	}
	return fmt.Sprintf("%s: %s (SQLSTATE %s)", r.Message, r.Hint, r.Code)
}

// Plan is the judgement of one statement. It is shared by all who ask for the same text: read only.
type Plan struct {
	Kind      Kind
	Statement string // the statement's kind: "SELECT", "COPY"
	Text      string // what to send on: rewritten, or the piece of the text as it came
	Rewritten bool
	Result    *Result // nil: returns no rows that are metered
	// Name is of the prepared statement or cursor, for Prepare and Execute. The guard keeps Result under it once PostgreSQL has
	// said that the statement succeeded, not before: a second PREPARE of the same name fails and leaves the first. A name
	// it does not know is refused. Names of protocol-level statements and portals are the same names.
	Name        string
	Cursor      bool     // Name is a cursor's
	Uses        []Column // protected columns in expressions and predicates, where a mask does not reach
	BlankErrors bool     // error and notice texts can carry protected values: keep the SQLSTATE, drop the rest
	Sets        []Setting
	Temp        []string // temporary relations it creates
	Fingerprint string
	Shape       Shape
	Refusal     *Refusal
}

// Settings are what the meaning of a text depends on. Build it with NewSettings; the zero value is the default path.
type Settings struct {
	path []string
	temp []string
	bad  string
	id   string
}

// NewSettings describes a session: its search_path ("$user" as it is written, role to put in its place), the names
// of its temporary relations, and the parameters PostgreSQL reported (client_encoding, standard_conforming_strings).
func NewSettings(searchPath []string, role string, temp []string, reported map[string]string) Settings {
	s := Settings{temp: slices.Clone(temp)}
	for _, p := range searchPath {
		if p == "$user" {
			p = role
		}
		s.path = append(s.path, p)
	}
	slices.Sort(s.temp)
	s.bad = misread(reported)
	s.id = strings.Join(s.path, "\x00") + "\x01" + strings.Join(s.temp, "\x00") + "\x01" + s.bad
	return s
}

// misread names a setting under which PostgreSQL would read the bytes of a text otherwise than the parser here. With
// backslash escapes in plain strings, or multi-byte encodings whose second byte can be a quote, a
// statement can hide in what looks like a string.
func misread(reported map[string]string) string {
	if v, ok := reported["standard_conforming_strings"]; ok && !strings.EqualFold(v, "on") {
		return "standard_conforming_strings"
	}
	if v, ok := reported["client_encoding"]; ok && unsafeEncoding(v) {
		return "client_encoding"
	}
	return ""
}

func unsafeEncoding(name string) bool {
	clean := strings.ToUpper(strings.NewReplacer("-", "", "_", "", " ", "").Replace(name))
	switch clean {
	case "UTF8", "UNICODE", "SQLASCII", "WIN1250", "WIN1251", "WIN1252", "WIN", "WIN1253", "WIN1254", "WIN1257", "WIN1258":
		return false
	}
	rest, ok := strings.CutPrefix(clean, "LATIN")
	if !ok {
		rest, ok = strings.CutPrefix(clean, "ISO8859")
	}
	return !ok || len(rest) > 2
}

// Options bound what is analysed and say what the policy knows.
type Options struct {
	Functions []string // functions and procedures that may be called though they could read protected rows: "schema.name"
	Open      []string // relations derived from protected ones that tell nothing about a person: "schema.name"
	Explain   bool     // EXPLAIN of protected relations; its estimates come from samples of their values
	CopyKeys  bool     // the wire can take a hidden column out of COPY
	MaxText   int      // bytes of a text; 256 KiB when 0
	MaxCache  int      // bytes of cached texts and plans; 64 MiB when 0
}

var errNoKey = errors.New("a protected relation needs Relation as schema.table and Key")

func (p Protected) check() error {
	if schema, table, ok := strings.Cut(p.Relation, "."); !ok || schema == "" || table == "" || p.Key == "" {
		return fmt.Errorf("protected relation %q, key %q: %w", p.Relation, p.Key, errNoKey)
	}
	return nil
}

// Join puts the texts of plans together as one simple query.
func Join(plans []Plan) string {
	if len(plans) == 1 {
		return plans[0].Text
	}
	texts := make([]string, len(plans))
	for i := range plans {
		texts[i] = plans[i].Text
	}
	return strings.Join(texts, ";\n")
}

const (
	codePrivilege = "42501" // insufficient_privilege
	codeFeature   = "0A000" // feature_not_supported
	codeSyntax    = "42601"
	codeLimit     = "54000" // program_limit_exceeded
	codeTable     = "42P01" // undefined_table
	codeFunction  = "42883" // undefined_function
	codeColumn    = "42703" // undefined_column
)

func refuse(code, hint, format string, args ...any) error {
	return &Refusal{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}
