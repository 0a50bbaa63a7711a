package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Resolution is how exactly a sealed block knows the time.
const Resolution = time.Minute

// View is the ledger as it was at one moment, for reading: sealed leaves and what the
// write-ahead log holds beyond them. It takes no lock, so that another process may write
// meanwhile.
type View struct {
	dir     string
	cfg     Config
	state   state
	periods *periods
	numbers *numbers
	parts   []part
	files   []*indexFile
	extra   [][]byte // leaves that the write-ahead log will become
	alive   time.Time
	// Problems are parts of the index that could not be used and were made anew in memory, and
	// keys that are not those the blocks were written with.
	Problems []string
}

// part is a stretch of leaves with blocks of one month: from a file, or still in memory.
type part interface {
	span() (from, to int64, month month)
	names() []string
	find(number uint32) ([]int, error) // principals by their place in names
	blocks(principal int) ([]blockRef, error)
	noted() []entryRef
}

func (x *indexFile) span() (int64, int64, month) { return x.from, x.to, x.month }
func (x *indexFile) noted() []entryRef           { return x.entries }
func (x *indexFile) find(number uint32) ([]int, error) {
	hits, err := x.hits(number)
	if err != nil {
		return nil, fmt.Errorf("index %s is damaged (%w): remove it, it is made anew from the leaves", x.path, err)
	}
	return hits, nil
}

func (x *indexFile) blocks(principal int) ([]blockRef, error) {
	refs, err := x.refs(x.principals[principal])
	if err != nil {
		return nil, fmt.Errorf("index %s is damaged (%w): remove it, it is made anew from the leaves", x.path, err)
	}
	return refs, nil
}

func (x *indexFile) names() []string {
	names := make([]string, len(x.principals))
	for i, p := range x.principals {
		names[i] = p.name
	}
	return names
}

// freshPart is a part that has no file yet.
type freshPart struct {
	*indexBuilder
	sorted []string
}

func (x freshPart) span() (int64, int64, month) { return x.from, x.to, x.month }
func (x freshPart) names() []string             { return x.sorted }
func (x freshPart) noted() []entryRef           { return x.entries }
func (x freshPart) find(number uint32) (hits []int, err error) {
	for i, name := range x.sorted {
		if _, ok := slices.BinarySearch(x.principals[name].numbers, number); ok {
			hits = append(hits, i)
		}
	}
	return hits, nil
}

func (x freshPart) blocks(principal int) ([]blockRef, error) {
	return x.principals[x.sorted[principal]].refs, nil
}

// OpenView opens the ledger in dir for reading. It makes nothing and locks nothing.
func OpenView(ctx context.Context, dir string, cfg Config) (*View, error) {
	cfg, err := cfg.withDefaults(dir)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	// The writer may seal and remove what is being read: then it is read again.
	for range 20 {
		var v *View
		if v, err = openView(dir, cfg); err == nil {
			return v, nil
		}
		if !errors.Is(err, errMoved) && !errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil, fmt.Errorf("ledger: read %s: %w", dir, cmp.Or(ctx.Err(), err))
}

var errMoved = errors.New("the ledger was being sealed the whole time: try again")

// View opens the ledger for reading as it is now.
func (l *Ledger) View(ctx context.Context) (*View, error) { return OpenView(ctx, l.dir, l.cfg) }

func openView(dir string, cfg Config) (v *View, err error) {
	v = &View{dir: dir, cfg: cfg, numbers: newNumbers(cfg, dir)}
	defer func() {
		if err != nil {
			_ = v.Close()
		}
	}()
	if v.state, err = readState(dir); err != nil {
		return v, err
	}
	t, err := readTail(filepath.Join(dir, "wal"), v.state.Sealed)
	if err != nil {
		return v, err
	}
	fresh, err := v.indexed()
	if err != nil {
		return v, err
	}
	if err := v.tail(t, fresh); err != nil {
		return v, err
	}
	// Keys after records: what is recorded has its key.
	if v.periods, err = loadPeriods(cfg); err != nil {
		return v, err
	}
	if err := v.periods.check(v.state.Keys); err != nil {
		v.Problems = append(v.Problems, err.Error())
	}
	if err := v.numbers.load(v.periods); err != nil {
		return v, err
	}
	again, err := readState(dir)
	if err == nil && again.Sealed != v.state.Sealed {
		err = errMoved
	}
	return v, err
}

// indexed opens the index and builds in memory what of it is missing; it returns the last part, to go on with.
func (v *View) indexed() (*indexBuilder, error) {
	names, err := listFiles(filepath.Join(v.dir, "index"), indexEnding)
	if err != nil {
		return nil, err
	}
	at := int64(0)
	for _, name := range names {
		from, to, ok := parseIndexName(name)
		if !ok || from < at || to > v.state.Size {
			continue
		}
		x, err := openIndex(filepath.Join(v.dir, "index", name))
		if err == nil && (x.from != from || x.to != to) {
			err = errors.Join(fmt.Errorf("index %s covers other leaves than its name says", name), x.file.Close())
		}
		if err != nil {
			v.Problems = append(v.Problems, err.Error())
			continue
		}
		v.files = append(v.files, x)
		if err := v.build(at, from); err != nil {
			return nil, err
		}
		v.parts, at = append(v.parts, x), to
	}
	fresh, err := buildParts(filepath.Join(v.dir, "log"), at, v.state.Size)
	if err != nil {
		return nil, err
	}
	v.fresh(fresh[:len(fresh)-1])
	return fresh[len(fresh)-1], nil
}

func (v *View) build(from, to int64) error {
	if from == to {
		return nil
	}
	parts, err := buildParts(filepath.Join(v.dir, "log"), from, to)
	v.fresh(parts)
	return err
}

func (v *View) fresh(parts []*indexBuilder) {
	for _, x := range parts {
		for _, p := range x.principals {
			p.settle()
		}
		v.parts = append(v.parts, freshPart{x, slices.Sorted(maps.Keys(x.principals))})
	}
}

// tail adds what is in the write-ahead log only, as the leaves it would become.
func (v *View) tail(t *tail, x *indexBuilder) error {
	var open openBlocks
	for _, r := range t.records {
		open.add(r.record)
	}
	var err error
	if v.extra, err = open.leaves(); err != nil {
		return err
	}
	for _, d := range t.damage {
		until := d.until
		if until.IsZero() {
			until = d.from
		}
		w, err := d.entry(until).waiting()
		if err != nil {
			return err
		}
		v.extra = append(v.extra, append([]byte{leafEntry}, w.rec.entry...))
	}
	v.alive = time.UnixMicro(max(t.alive, v.state.Alive)).UTC()
	parts := []*indexBuilder{x}
	var b block
	for i, leaf := range v.extra {
		if x, err = x.take(v.state.Size+int64(i), 0, leaf, &b); err != nil {
			return err
		}
		if x != parts[len(parts)-1] {
			parts = append(parts, x)
		}
	}
	v.fresh(parts)
	return nil
}

// Close frees the files.
func (v *View) Close() error {
	var errs []error
	for _, x := range v.files {
		errs = append(errs, x.file.Close())
	}
	return errors.Join(errs...)
}

// Size is how many leaves are sealed, Root the hash of the tree over them.
func (v *View) Size() int64     { return v.state.Size }
func (v *View) Root() tlog.Hash { return v.state.Root }

// leaf reads one leaf.
func (v *View) leaf(leaf int64, offset, size int) ([]byte, error) {
	if i := leaf - v.state.Size; i >= 0 {
		return v.extra[i], nil
	}
	n := leaf / tileWidth
	width := int(min(tileWidth, v.state.Size-n*tileWidth))
	path := filepath.Join(v.dir, "log", tilePath(-1, n, width))
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && width < tileWidth {
		f, err = os.Open(filepath.Join(v.dir, "log", tilePath(-1, n, 0)))
	}
	if err != nil {
		return nil, fmt.Errorf("read leaf %d: %w", leaf, err)
	}
	defer f.Close()
	data := make([]byte, size)
	if _, err := f.ReadAt(data, int64(offset)); err != nil {
		return nil, fmt.Errorf("read leaf %d: %w", leaf, err)
	}
	return data, nil
}

// Entries gives the entries between two times, of these kinds or of all, in the order of the ledger.
func (v *View) Entries(ctx context.Context, from, to time.Time, kinds ...string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for e, err := range v.entries(ctx, false) {
			if err == nil && (e.Time.Before(from) || !e.Time.Before(to) || len(kinds) > 0 && !slices.Contains(kinds, e.Kind)) {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func (v *View) entries(ctx context.Context, coverage bool) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, p := range v.parts {
			for _, ref := range p.noted() {
				if coverage && !ref.covers {
					continue
				}
				e, err := v.entry(ref)
				if err = cmp.Or(ctx.Err(), err); !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}

func (v *View) entry(ref entryRef) (e Entry, err error) {
	data, err := v.leaf(ref.leaf, ref.offset, ref.size)
	if err != nil {
		return e, err
	}
	if len(data) == 0 || data[0] != leafEntry {
		return e, fmt.Errorf("leaf %d is no entry: verify the ledger", ref.leaf)
	}
	if err := json.Unmarshal(data[1:], &e); err != nil {
		return e, fmt.Errorf("leaf %d: %w", ref.leaf, err)
	}
	return e, nil
}

// saysCoverage tells the entries that say when the guard was off.
func saysCoverage(body []byte) bool {
	var e struct {
		Kind string `json:"kind"`
	}
	if !bytes.HasPrefix(body, []byte(`{"kind":`)) || json.Unmarshal(body, &e) != nil {
		return false
	}
	return slices.Contains([]string{KindStart, KindStop, KindGap, KindBypass}, e.Kind)
}

// Gap is a time of which the ledger can't tell what was read.
type Gap struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	Why   string    `json:"why"`
}

// Gaps are the times between from and to for which the ledger cannot tell: the guard was
// not running yet, was stopped, ended uncleanly, or was passed by.
func (v *View) Gaps(ctx context.Context, from, to time.Time) ([]Gap, error) {
	var all []Gap
	off, why := time.Time{}, "the ledger had not begun"
	on := false
	for e, err := range v.entries(ctx, true) {
		if err != nil {
			return nil, fmt.Errorf("ledger: gaps: %w", err)
		}
		switch e.Kind {
		case KindStart:
			if !on {
				all = append(all, Gap{off, e.Time, why})
			}
			on = true
		case KindStop:
			on, off, why = false, e.Time, "the guard was stopped"
		default:
			all = append(all, Gap{e.From, e.Until, cmp.Or(e.Text, e.Kind)})
		}
	}
	if on { // a running guard is silent for as long as its heartbeat
		off, why = v.alive, "there was no sign of life of the guard since"
	}
	if !on || to.After(v.alive.Add(2*v.cfg.Heartbeat)) {
		all = append(all, Gap{off, to, why})
	}
	var within []Gap
	for _, g := range all {
		if g.From.Before(from) {
			g.From = from
		}
		if g.Until.After(to) {
			g.Until = to
		}
		if g.From.Before(g.Until) {
			within = append(within, g)
		}
	}
	slices.SortStableFunc(within, func(a, b Gap) int { return a.From.Compare(b.From) })
	return within, nil
}
