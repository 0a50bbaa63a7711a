package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"portcullis.example/portcullis/internal/screening"
)

// ListRef names a version of a list in an answer.
type ListRef struct {
	List      string    `json:"list"`
	Version   int64     `json:"version"`
	SHA256    string    `json:"sha256"`
	Published string    `json:"published,omitempty"`
	Taken     time.Time `json:"taken"`
}

// loaded is an index over some versions of lists.
type loaded struct {
	refs  []ListRef // by name of list
	index *screening.Index
	size  int
}

func (x *loaded) ref(list string) ListRef {
	i, ok := slices.BinarySearchFunc(x.refs, list, func(r ListRef, name string) int { return compare(r.List, name) })
	if !ok {
		return ListRef{List: list}
	}
	return x.refs[i]
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func refsOf(all []Version) (refs []ListRef) {
	for _, v := range all {
		refs = append(refs, ListRef{v.List, v.Num, v.SHA256, v.Published, v.Taken})
	}
	slices.SortFunc(refs, func(a, b ListRef) int { return compare(a.List, b.List) })
	return refs
}

// current is the index of what is in force, loaded again when that has changed.
func (l *Ledger) current(ctx context.Context) (*loaded, error) {
	all, err := l.Lists(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, ErrNoLists
	}
	refs := refsOf(all)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded != nil && slices.Equal(l.loaded.refs, refs) {
		return l.loaded, nil
	}
	l.loaded = nil // lets the old one go before the new one grows
	x, err := l.load(ctx, refs)
	if err != nil {
		return nil, err
	}
	l.loaded = x
	return x, nil
}

// Ready loads the index, and tells of how many entries it is.
func (l *Ledger) Ready(ctx context.Context) (entries int, err error) {
	x, err := l.current(ctx)
	if err != nil {
		return 0, err
	}
	return x.size, nil
}

// load indexes the entries that were in force in the versions named.
func (l *Ledger) load(ctx context.Context, refs []ListRef) (*loaded, error) {
	var entities []screening.Entity
	for _, r := range refs {
		some, err := l.entries(ctx, r)
		if err != nil {
			return nil, err
		}
		entities = append(entities, some...)
	}
	return &loaded{refs: refs, index: screening.NewIndex(entities, screening.Options{}), size: len(entities)}, nil
}

func (l *Ledger) entries(ctx context.Context, r ListRef) (list []screening.Entity, err error) {
	rows, err := l.d.DB.QueryContext(ctx, `SELECT body FROM screening_entry WHERE list=$1 AND since<=$2 AND (until=0 OR until>$2) ORDER BY num`, r.List, r.Version)
	if err != nil {
		return nil, fmt.Errorf("read the list %s: %w", r.List, err)
	}
	defer rows.Close()
	var body []byte
	for rows.Next() {
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("read the list %s: %w", r.List, err)
		}
		var e screening.Entity
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, fmt.Errorf("read the list %s: %w", r.List, err)
		}
		e.Remarks = "" // pages of reasons, which no answer needs; Entry has them
		list = append(list, e)
	}
	return list, rows.Err()
}
