// Package archive keeps the observables of everything a sensor saw, and the
// indicators somebody holds against them, so that a domain learnt today finds
// everyone it ever reached.
//
// A value is stored under a key that is ordered for the questions asked of it: domains
// with their labels reversed, so that a domain and all below it are one range; IP
// addresses in 16 bytes, so that a network is one. With the key lie the places of the
// value: which entries of which events hold it, one row for all events that were stored
// together. An event is stored once, with a packed list of its entries, and without
// the values. That takes some 70 bytes per observable, most of them the URL itself,
// one entry of one index each at most, and a hunt reads only pages that hold an answer.
//
// Local parts of correspondents' addresses and subjects are stored keyed (see Key):
// they can be asked for, and not browsed.
//
// The package owns its tables and is written against database/sql in statements that
// SQLite and PostgreSQL both take. Whoever calls it opens the transaction.
package archive

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"
	"time"

	"portcullis.example/portcullis"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables, one folder per dialect.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return migrations // cannot happen: the folder is embedded
	}
	return sub
}

// Entry is one observable in one place of an event.
type Entry struct {
	Observable portcullis.Observable `json:"observable"`
	Form       string                `json:"form"` // "link", "image", `param "r" base64url`, "header:From" …
	Part       string                `json:"part"`
	Start      int                   `json:"start"`
	End        int                   `json:"end"`
}

// Hit is an entry that a pattern matched.
type Hit struct {
	Pattern portcullis.Observable `json:"pattern"`
	Match   string                `json:"match"` // how the pattern matched: one of the words below
	Event   portcullis.ID         `json:"event"`
	Time    time.Time             `json:"time"`
	Entry
}

// How a pattern can match.
const (
	MatchExact     = "exact"
	MatchSubdomain = "subdomain"
	MatchScheme    = "other scheme" // the same URL, with https for http or the reverse
	MatchPrefix    = "prefix"       // of a URL, for a pattern that ends in "/*"
	MatchRange     = "range"        // an address in a network
	MatchDomain    = "domain"       // an address at the domain, for a pattern "@domain"
)

// querier is *sql.DB or *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Reader answers from what is stored.
type Reader struct {
	q   querier
	key *Key // nil: addresses and subjects are looked for as given
}

// NewReader reads from a database or within a transaction.
func NewReader(q querier) *Reader { return &Reader{q: q} }

// WithKey returns a reader that looks for addresses and subjects in their keyed form
// as well. Without it a hunt finds those of protected people only, which are stored in clear.
func (r *Reader) WithKey(k Key) *Reader { return &Reader{q: r.q, key: &k} }
