package store

import (
	"fmt"
	"strconv"
	"strings"
)

// Dialect is the SQL a store speaks. Most statements are the same in both: $n
// placeholders, RETURNING and ON CONFLICT work in either.
type Dialect uint8

// The dialects.
const (
	SQLite Dialect = iota
	Postgres
)

var dialectNames = [...]string{"sqlite", "postgres"}

// String is also the name of the dialect's folder of migrations.
func (d Dialect) String() string {
	if int(d) < len(dialectNames) {
		return dialectNames[d]
	}
	return fmt.Sprintf("dialect(%d)", uint8(d))
}

// In writes the list of n placeholders for IN: "($1, $2, $3)". ANY($1) would need no
// list but SQLite has none. For no items it is a list that nothing is in, and that nothing
// is known not to be in: NOT IN needs at least one.
func (s *Store) In(n int) string {
	if n == 0 {
		return "(NULL)"
	}
	return "(" + placeholders(1, n) + ")"
}

// placeholders writes n of them, the first being $from.
func placeholders(from, n int) string {
	var b strings.Builder
	for i := from; i < from+n; i++ {
		if i > from {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(i))
	}
	return b.String()
}
