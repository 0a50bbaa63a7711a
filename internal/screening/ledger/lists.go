package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/screening"
	"portcullis.example/portcullis/internal/screening/lists"
)

// Version is a list as it was taken.
type Version struct {
	Num       int64            `json:"version"`
	List      string           `json:"list"`
	Format    string           `json:"format"`
	SHA256    string           `json:"sha256"`
	Published string           `json:"published,omitempty"` // as the list states it
	Taken     time.Time        `json:"taken"`
	Who       string           `json:"who"`
	InForce   bool             `json:"in_force"`
	Files     []lists.FileInfo `json:"files"`
	Shape     lists.Shape      `json:"shape"`
	Changes   Changes          `json:"changes"`
	Why       string           `json:"why,omitempty"` // of taking it in spite of suspicions
	Despite   []string         `json:"despite,omitempty"`
}

// Changes say which entries a version added, changed and dropped.
type Changes struct {
	Added   []string `json:"added,omitempty"`
	Changed []string `json:"changed,omitempty"`
	Removed []string `json:"removed,omitempty"`
	// Counts stand for the ids where there are more than are listed.
	Counts [3]int `json:"counts"`
}

// mostListed is how many ids are listed of each kind of change.
const mostListed = 1000

// SuspectError refuses a version that looks damaged beside the one in force.
type SuspectError struct {
	List    string
	Version Version // that stays in force
	Why     []string
}

func (e *SuspectError) Error() string {
	return fmt.Sprintf("this does not look like a whole %s list beside the version in force (%d entries): %s; nothing was changed, version %d stays in force",
		e.List, e.Version.Shape.Entries, strings.Join(e.Why, "; "), e.Version.Num)
}

// Taken is what taking a list came to.
type Taken struct {
	Version   Version `json:"version"`
	Same      bool    `json:"same"`     // the same file was in force already
	Ended     int     `json:"ended"`    // decisions that expired with the entries they were about
	Contacts  int     `json:"contacts"` // kept names that the changed entries were held against
	Hits      []Hit   `json:"hits"`
	firstTime bool
}

// First tells whether it is the first version of its list.
func (t Taken) First() bool { return t.firstTime }

// Lists are the versions in force, by name.
func (l *Ledger) Lists(ctx context.Context) ([]Version, error) {
	return versions(ctx, l.d.DB, `in_force=1`)
}

// History are all versions of a list, the latest first.
func (l *Ledger) History(ctx context.Context, list string) ([]Version, error) {
	all, err := versions(ctx, l.d.DB, `list=$1`, list)
	slices.Reverse(all)
	return all, err
}

func versions(ctx context.Context, q chain.Querier, where string, args ...any) (all []Version, err error) {
	rows, err := q.QueryContext(ctx, `SELECT num, list, format, sha256, published, taken, who, in_force, body FROM screening_version WHERE `+where+` ORDER BY list, num`, args...)
	if err != nil {
		return nil, fmt.Errorf("read list versions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v Version
		var num, taken, inForce int64
		var body string
		if err := rows.Scan(&num, &v.List, &v.Format, &v.SHA256, &v.Published, &taken, &v.Who, &inForce, &body); err != nil {
			return nil, fmt.Errorf("read list versions: %w", err)
		}
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			return nil, fmt.Errorf("list version %d: %w", num, err)
		}
		v.Num, v.Taken, v.InForce = num, time.UnixMicro(taken).UTC(), inForce == 1
		all = append(all, v)
	}
	return all, rows.Err()
}

// Take puts a list into force. One that looks damaged beside the version in force is
// refused with a [SuspectError] unless why says why it is right. Where names are kept,
// what is new or changed is held against them, in the same transaction.
func (l *Ledger) Take(ctx context.Context, who string, list *lists.List, why string) (taken Taken, err error) {
	if !listName.MatchString(list.Name) {
		return taken, refusedf("a list cannot be called %q: letters, digits, dot, dash and underscore, at most 64", list.Name)
	}
	err = l.d.Tx(ctx, func(tx *sql.Tx) error {
		taken = Taken{}
		t := &taking{l: l, tx: tx, list: list, who: who, why: why, now: l.d.Now().UTC()}
		taken, err = t.run(ctx)
		return err
	})
	if err != nil {
		return Taken{}, err
	}
	l.mu.Lock()
	l.loaded = nil
	l.mu.Unlock()
	return taken, nil
}

// listName is what a list may be called: it stands before a colon in LIST:ENTRY.
var listName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// taking is one list on its way into force.
type taking struct {
	l        *Ledger
	tx       *sql.Tx
	list     *lists.List
	who, why string
	now      time.Time

	version Version
	fresh   []screening.Entity // added or changed
}

func (t *taking) run(ctx context.Context) (taken Taken, err error) {
	old, err := versions(ctx, t.tx, `list=$1 AND in_force=1`, t.list.Name)
	if err != nil {
		return taken, err
	}
	if len(old) > 0 && old[0].SHA256 == t.list.SHA256 {
		return Taken{Version: old[0], Same: true, Hits: []Hit{}}, nil
	}
	have, err := t.hashes(ctx)
	if err != nil {
		return taken, err
	}
	v := &t.version
	*v = Version{List: t.list.Name, Format: string(t.list.Format), SHA256: t.list.SHA256, Published: t.list.Published, Taken: t.now.Truncate(time.Microsecond), Who: t.who,
		InForce: true, Files: t.list.Files, Shape: lists.ShapeOf(t.list)}
	bodies, hashes, err := t.compare(have)
	if err != nil {
		return taken, err
	}
	if len(old) > 0 {
		if v.Despite = lists.Suspicions(old[0].Shape, v.Shape, v.Changes.Counts[2]); len(v.Despite) > 0 {
			if t.why == "" {
				return taken, &SuspectError{List: v.List, Version: old[0], Why: v.Despite}
			}
			v.Why = t.why
		}
	}
	if err := t.store(ctx, bodies, hashes, have); err != nil {
		return taken, err
	}
	taken = Taken{Version: *v, firstTime: len(old) == 0}
	if taken.Ended, err = t.endDecisions(ctx, have, hashes); err != nil {
		return taken, err
	}
	if taken.Contacts, taken.Hits, err = t.contacts(ctx); err != nil {
		return taken, err
	}
	return taken, t.record(ctx, taken)
}

// hashes are those of the entries in force.
func (t *taking) hashes(ctx context.Context) (map[string]string, error) {
	rows, err := t.tx.QueryContext(ctx, `SELECT id, hash FROM screening_entry WHERE list=$1 AND until=0`, t.list.Name)
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	defer rows.Close()
	have := map[string]string{}
	for rows.Next() {
		var id, hash string
		if err := rows.Scan(&id, &hash); err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
		have[id] = hash
	}
	return have, rows.Err()
}

// compare fills in what changed, and returns what there is to store, by position in the list.
func (t *taking) compare(have map[string]string) (bodies [][]byte, hashes map[string]string, err error) {
	c := &t.version.Changes
	hashes = make(map[string]string, len(t.list.Entities))
	bodies = make([][]byte, len(t.list.Entities))
	for i, e := range t.list.Entities {
		hash, body, err := lists.EntryHash(e)
		if err != nil {
			return nil, nil, err
		}
		hashes[e.ID] = hash
		old, known := have[e.ID]
		if known && old == hash {
			continue
		}
		bodies[i] = body
		t.fresh = append(t.fresh, e)
		if known {
			c.count(1, &c.Changed, e.ID)
		} else {
			c.count(0, &c.Added, e.ID)
		}
	}
	for id := range have {
		if _, still := hashes[id]; !still {
			c.Counts[2]++
			c.Removed = append(c.Removed, id)
		}
	}
	slices.Sort(c.Removed)
	c.Removed = c.Removed[:min(len(c.Removed), mostListed)]
	return bodies, hashes, nil
}

func (c *Changes) count(kind int, list *[]string, id string) {
	c.Counts[kind]++
	if len(*list) < mostListed {
		*list = append(*list, id)
	}
}

// store writes the version and what it changed.
func (t *taking) store(ctx context.Context, bodies [][]byte, hashes, have map[string]string) error {
	v := &t.version
	if _, err := t.tx.ExecContext(ctx, `UPDATE screening_version SET in_force=0 WHERE list=$1 AND in_force=1`, v.List); err != nil {
		return fmt.Errorf("store the list: %w", err)
	}
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the list version: %w", err)
	}
	if err := t.tx.QueryRowContext(ctx, `INSERT INTO screening_version (list, format, sha256, published, taken, who, in_force, body) VALUES ($1,$2,$3,$4,$5,$6,1,$7) RETURNING num`,
		v.List, v.Format, v.SHA256, v.Published, v.Taken.UnixMicro(), v.Who, string(body)).Scan(&v.Num); err != nil {
		return fmt.Errorf("store the list: %w", err)
	}
	end, err := t.tx.PrepareContext(ctx, `UPDATE screening_entry SET until=$1 WHERE list=$2 AND id=$3 AND until=0`)
	if err != nil {
		return fmt.Errorf("store entries: %w", err)
	}
	defer func() { _ = end.Close() }()
	for id, hash := range have {
		if hashes[id] == hash {
			continue
		}
		if _, err := end.ExecContext(ctx, v.Num, v.List, id); err != nil {
			return fmt.Errorf("store entry %s: %w", id, err)
		}
	}
	return t.insert(ctx, bodies, hashes)
}

func (t *taking) insert(ctx context.Context, bodies [][]byte, hashes map[string]string) error {
	add, err := t.tx.PrepareContext(ctx, `INSERT INTO screening_entry (list, id, since, hash, body) VALUES ($1,$2,$3,$4,$5)`)
	if err != nil {
		return fmt.Errorf("store entries: %w", err)
	}
	defer func() { _ = add.Close() }()
	for i, body := range bodies {
		if body == nil {
			continue
		}
		id := t.list.Entities[i].ID
		if _, err := add.ExecContext(ctx, t.version.List, id, t.version.Num, hashes[id], string(body)); err != nil {
			return fmt.Errorf("store entry %s: %w", id, err)
		}
	}
	return nil
}

// endDecisions expires those about entries that changed or left.
func (t *taking) endDecisions(ctx context.Context, have, hashes map[string]string) (ended int, err error) {
	for id, hash := range have {
		if hashes[id] == hash {
			continue
		}
		why := fmt.Sprintf("the entry changed in version %d of %s", t.version.Num, t.version.List)
		if _, still := hashes[id]; !still {
			why = fmt.Sprintf("the entry left %s in version %d", t.version.List, t.version.Num)
		}
		r, err := t.tx.ExecContext(ctx, `UPDATE screening_decision SET ended=$1, ended_why=$2 WHERE list=$3 AND entry=$4 AND ended=0`, t.now.UnixMicro(), why, t.version.List, id)
		if err != nil {
			return 0, fmt.Errorf("end decisions: %w", err)
		}
		n, err := r.RowsAffected()
		if err != nil {
			return 0, fmt.Errorf("end decisions: %w", err)
		}
		ended += int(n)
	}
	return ended, nil
}

// record appends the taking to the chained log.
func (t *taking) record(ctx context.Context, taken Taken) error {
	v := taken.Version
	body, err := json.Marshal(map[string]any{"schema": 1, "list": v.List, "version": v.Num, "sha256": v.SHA256, "published": v.Published, "entries": v.Shape.Entries,
		"added": v.Changes.Counts[0], "changed": v.Changes.Counts[1], "removed": v.Changes.Counts[2], "why": v.Why, "despite": v.Despite,
		"decisions_ended": taken.Ended, "contacts": taken.Contacts, "hits": len(taken.Hits)})
	if err != nil {
		return fmt.Errorf("encode the record: %w", err)
	}
	_, err = chain.Append(ctx, t.tx, chain.Entry{Log: Log, Time: t.now, Who: t.who, Kind: "list", Subject: v.List, Body: body})
	return err
}

// Entry is one entry as it stands in force.
func (l *Ledger) Entry(ctx context.Context, list, id string) (e screening.Entity, hash string, err error) {
	var body string
	err = l.d.DB.QueryRowContext(ctx, `SELECT hash, body FROM screening_entry WHERE list=$1 AND id=$2 AND until=0`, list, id).Scan(&hash, &body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return e, "", fmt.Errorf("entry %q of the list %q: %w", id, list, ErrNotFound)
	case err != nil:
		return e, "", fmt.Errorf("read entry %s: %w", id, err)
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		return e, "", fmt.Errorf("entry %s: %w", id, err)
	}
	return e, hash, nil
}
