package response

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
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

// Querier is *sql.DB or *sql.Tx.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Reader answers from what is stored.
type Reader struct {
	q   Querier
	now time.Time
}

// NewReader reads from a database or within a transaction, as things stand at now.
func NewReader(q Querier, now time.Time) *Reader { return &Reader{q: q, now: now} }

// Notice returns the notice with the id; a unique beginning of it is enough, with or
// without "notice:".
func (r *Reader) Notice(ctx context.Context, id portcullis.ID) (Notice, error) {
	prefix := string(id)
	if !strings.HasPrefix(prefix, "notice:") {
		prefix = "notice:" + prefix
	}
	list, err := r.list(ctx, `WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 2`, prefix, prefix+"\x7f")
	switch {
	case err != nil:
		return Notice{}, err
	case len(list) == 0 || len(prefix) < len("notice:")+4:
		return Notice{}, fmt.Errorf("%s: %w", id, ErrNotFound)
	case len(list) > 1:
		return Notice{}, fmt.Errorf("%s begins more than one notice; write more of it", id)
	}
	return list[0], nil
}

// Query chooses notices. The zero value chooses all.
type Query struct {
	Campaign, Person portcullis.ID
	State            State // "" is any
	Open             bool  // only those whose clock runs
	Overdue          bool
	Allowed          func(person portcullis.ID) bool // nil is everybody
	Limit            int                             // 0 is 1,000
}

// Notices lists notices: those whose clock runs first, the most overdue on top, then
// those that are done.
func (r *Reader) Notices(ctx context.Context, q Query) (out []Notice, err error) {
	where, args := q.where()
	if q.Limit <= 0 {
		q.Limit = 1000
	}
	err = r.each(ctx, where+` ORDER BY open DESC, due, id`, args, func(n Notice) bool {
		if q.chooses(n) {
			out = append(out, n)
		}
		return len(out) < q.Limit
	})
	return out, err
}

func (q Query) where() (string, []any) {
	var terms []string
	var args []any
	add := func(column string, value any) {
		args = append(args, value)
		terms = append(terms, fmt.Sprintf("%s = $%d", column, len(args)))
	}
	if q.Campaign != "" {
		add("campaign", string(q.Campaign))
	}
	if q.Person != "" {
		add("person", string(q.Person))
	}
	if q.Open || q.Overdue {
		add("open", 1)
	}
	if len(terms) == 0 {
		return "", nil
	}
	return "WHERE " + strings.Join(terms, " AND "), args
}

// chooses asks what only the settled notice tells: a delay may have run out.
func (q Query) chooses(n Notice) bool {
	return (q.State == "" || n.State == q.State) && (!q.Overdue || n.Overdue) && (q.Allowed == nil || q.Allowed(n.Person))
}

// Counts are what the situation shows of the clocks.
type Counts struct {
	Open    int           `json:"open"`
	Overdue int           `json:"overdue"`
	States  map[State]int `json:"states"` // of those that are open
}

// Counts counts the notices whose clock runs.
func (r *Reader) Counts(ctx context.Context, allowed func(portcullis.ID) bool) (c Counts, err error) {
	c.States = map[State]int{}
	err = r.each(ctx, `WHERE open = 1`, nil, func(n Notice) bool {
		if allowed != nil && !allowed(n.Person) {
			return true
		}
		c.Open++
		c.States[n.State]++
		if n.Overdue {
			c.Overdue++
		}
		return true
	})
	return c, err
}

// latest returns the newest round for a person and a campaign.
func (r *Reader) latest(ctx context.Context, campaign, person portcullis.ID) (Notice, bool, error) {
	list, err := r.list(ctx, `WHERE campaign = $1 AND person = $2 ORDER BY round DESC LIMIT 1`, string(campaign), string(person))
	if err != nil || len(list) == 0 {
		return Notice{}, false, err
	}
	return list[0], true, nil
}

// Suspected tells why a person's account may be in other hands; "" is that nobody said so.
func (r *Reader) Suspected(ctx context.Context, person portcullis.ID) (why string, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT why FROM response_account WHERE person = $1`, string(person)).Scan(&why)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the state of an account: %w", err)
	}
	return why, nil
}

func (r *Reader) list(ctx context.Context, clause string, args ...any) (out []Notice, err error) {
	err = r.each(ctx, clause, args, func(n Notice) bool {
		out = append(out, n)
		return true
	})
	return out, err
}

// each calls fn for the notices that a clause chooses until it returns false.
func (r *Reader) each(ctx context.Context, clause string, args []any, fn func(Notice) bool) error {
	rows, err := r.q.QueryContext(ctx, `SELECT version, body FROM response_notice `+clause, args...)
	if err != nil {
		return fmt.Errorf("read notices: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var version int
		var body string
		if err := rows.Scan(&version, &body); err != nil {
			return fmt.Errorf("read notices: %w", err)
		}
		var n Notice
		if err := json.Unmarshal([]byte(body), &n); err != nil {
			return fmt.Errorf("a stored notice cannot be read: %w; restore the store from a backup", err)
		}
		n.Version = version
		if !fn(n.settled(r.now)) {
			break
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read notices: %w", err)
	}
	return nil
}
