package ledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"
)

// Damage is something that is not as it was written. Leaves are from First up to and not
// including Until; what stood in them is in doubt for the hours From–To, of the principal
// if the index still says whose they were.
type Damage struct {
	What      string    `json:"what"`
	First     int64     `json:"first"`
	Until     int64     `json:"until"`
	Principal string    `json:"principal,omitempty"`
	From      time.Time `json:"from,omitzero"`
	To        time.Time `json:"to,omitzero"`
}

func (d Damage) String() string {
	s := d.What
	switch {
	case d.Until == d.First+1:
		s += fmt.Sprintf("; leaf %d", d.First)
	case d.Until > d.First:
		s += fmt.Sprintf("; leaves %d to %d", d.First, d.Until-1)
	}
	if d.Principal != "" {
		s += fmt.Sprintf(", of %q", d.Principal)
	}
	if !d.From.IsZero() || !d.To.IsZero() {
		s += fmt.Sprintf(", hours in doubt %s to %s", hourText(d.From, "the beginning"), hourText(d.To, "now"))
	}
	return s
}

func hourText(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// Report is what verifying found.
type Report struct {
	Leaves      int64     `json:"leaves"`
	Disclosures int64     `json:"disclosures"`
	Root        tlog.Hash `json:"root"`
	Checkpoints int       `json:"checkpoints"` // that the log agrees with
	// SealedSince is how many leaves a running guard has added meanwhile: they are not among Leaves.
	SealedSince int64    `json:"sealed_since,omitempty"`
	Waiting     Waiting  `json:"waiting"`
	Damage      []Damage `json:"damage,omitempty"`
}

// OK says that nothing was found.
func (r *Report) OK() bool { return len(r.Damage) == 0 }

// maxDamage bounds the report: a ledger that is damaged everywhere needs no list of it.
const maxDamage = 1000

// Verify reads the whole ledger from the first leaf: every leaf against the tree, the tree
// against the state and the given checkpoints, the index against the leaves, the
// write-ahead log (what is in no leaf yet) against its checksums. Damage is no error; what can't be read at all is.
func Verify(ctx context.Context, dir string, cfg Config, checkpoints ...Checkpoint) (*Report, error) {
	cfg, err := cfg.withDefaults(dir)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	v := &verifier{dir: filepath.Join(dir, "log"), report: &Report{}}
	s, err := readState(dir)
	if err != nil {
		v.damage(Damage{What: err.Error()})
		return v.report, nil
	}
	v.checkpoints = slices.SortedFunc(slices.Values(checkpoints), func(a, b Checkpoint) int { return cmp.Compare(a.Size, b.Size) })
	v.state = s
	if err := v.openIndexes(filepath.Join(dir, "index")); err != nil {
		return nil, fmt.Errorf("ledger: verify: %w", err)
	}
	defer v.close()
	if err := v.walk(ctx); err != nil {
		return nil, fmt.Errorf("ledger: verify: %w", err)
	}
	v.finish()
	switch err := v.verifyTail(ctx, dir, cfg.Heartbeat); {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("ledger: verify: %w", ctx.Err())
	case err != nil:
		v.damage(Damage{What: err.Error()})
	}
	return v.report, nil
}

type verifier struct {
	dir         string
	state       state
	checkpoints []Checkpoint
	report      *Report
	indexes     []*indexFile
	edge        edge
	agreed      int64         // size of the newest checkpoint the log agrees with
	hour        int64         // of the newest block that is whole
	open        []int         // damage that waits for the hour after it
	building    *indexBuilder // what the index should be
	next        int           // index file that building is compared with
}

func (v *verifier) damage(d Damage) {
	if len(v.report.Damage) < maxDamage {
		v.report.Damage = append(v.report.Damage, d)
	}
}

func (v *verifier) openIndexes(dir string) error {
	names, err := listFiles(dir, indexEnding)
	if err != nil {
		return err
	}
	at := int64(0)
	for _, name := range names {
		from, to, ok := parseIndexName(name)
		if !ok || to > v.state.Size || from < at {
			continue
		}
		x, err := openIndex(filepath.Join(dir, name))
		if err != nil {
			v.damage(Damage{What: err.Error(), First: from, Until: to})
			continue
		}
		v.indexes = append(v.indexes, x)
		at = to
	}
	return nil
}

func (v *verifier) close() {
	for _, x := range v.indexes {
		_ = x.file.Close()
	}
}

// checked is a bundle with what can be said of it by itself.
type checked struct {
	n       int64
	leaves  bundle
	width   int
	hashes  []tlog.Hash // of the leaves as they are
	tile    []tlog.Hash // as the tile has them
	blocks  []*block    // nil for an entry
	broken  []error     // leaves that can't be decoded
	err     error       // the bundle
	tileErr error
}

// walk reads bundles on all cores and puts them together in order.
func (v *verifier) walk(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	slots := make(chan chan *checked, 2*runtime.GOMAXPROCS(0))
	g.Go(func() error {
		defer close(slots)
		for n := int64(0); n*tileWidth < v.state.Size; n++ {
			slot := make(chan *checked, 1)
			select {
			case slots <- slot:
			case <-ctx.Done():
				return ctx.Err()
			}
			g.Go(func() error {
				slot <- v.check(n)
				return nil
			})
		}
		return nil
	})
	g.Go(func() error {
		for slot := range slots {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := v.take(<-slot); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

func (v *verifier) check(n int64) *checked {
	c := &checked{n: n, width: int(min(tileWidth, v.state.Size-n*tileWidth))}
	c.tile, c.tileErr = readTile(v.dir, 0, n, c.width)
	if c.leaves, c.err = readBundle(v.dir, n, v.state.Size); c.err != nil && !errors.Is(c.err, errBundle) {
		return c
	}
	for i := range c.leaves.len() { // of a damaged bundle, as far as it goes
		leaf := c.leaves.leaf(i)
		c.hashes = append(c.hashes, tlog.RecordHash(leaf))
		var b *block
		var err error
		if len(leaf) == 0 || leaf[0] != leafEntry {
			b = &block{}
			err = decodeBlock(leaf, b)
		}
		c.blocks, c.broken = append(c.blocks, b), append(c.broken, err)
	}
	return c
}

// take puts a bundle's leaves on the tree.
func (v *verifier) take(c *checked) error {
	hashes := v.settle(c)
	for i, h := range hashes {
		leaf := c.n*tileWidth + int64(i)
		if err := v.edge.add(h, v.compareTile); err != nil {
			return err
		}
		v.seen(v.edge.size)
		whole := i < len(c.hashes) && c.hashes[i] == h
		if whole && c.broken[i] != nil { // it is as it was written, and was written wrong
			v.damage(Damage{What: c.broken[i].Error(), First: leaf, Until: leaf + 1})
		}
		if err := v.gather(c, i, leaf, whole && c.broken[i] == nil); err != nil {
			return err
		}
	}
	v.report.Leaves = v.edge.size
	return nil
}

// settle finds out which hashes the tree has: the leaves' or the tile's. What the level
// above agrees with is right; a leaf that differs from it is damaged, or else the tile is.
func (v *verifier) settle(c *checked) []tlog.Hash {
	if c.err == nil && c.tileErr == nil && slices.Equal(c.hashes, c.tile) {
		return c.hashes
	}
	first := c.n * tileWidth
	if c.err == nil && len(c.hashes) == c.width && (c.tileErr != nil || v.fits(c, c.hashes)) {
		what := "a tile of the lowest level differs from its leaves, which are whole"
		if c.tileErr != nil {
			what = c.tileErr.Error()
		}
		v.damage(Damage{What: what, First: first, Until: first + int64(c.width)})
		return c.hashes
	}
	if c.tileErr != nil { // neither: the rest of the tree has to do without it
		v.inDoubt(first, first+int64(c.width), errors.Join(c.err, c.tileErr).Error())
		return append(c.hashes, make([]tlog.Hash, c.width-len(c.hashes))...)
	}
	what := "a leaf was changed"
	if !v.fits(c, c.tile) {
		what = "a leaf differs from its tile, and the tile from the level above"
	}
	for i := 0; i < c.width; i++ {
		if i < len(c.hashes) && c.hashes[i] == c.tile[i] {
			if c.blocks[i] != nil && c.broken[i] == nil {
				v.hour = c.blocks[i].hour
			}
			continue
		}
		if c.err != nil { // the lengths are off: what follows can't be told apart
			v.inDoubt(first+int64(i), first+int64(c.width), c.err.Error())
			break
		}
		v.inDoubt(first+int64(i), first+int64(i)+1, what)
	}
	return c.tile
}

// fits says whether the level above, or for the newest tile the root, agrees with these hashes.
func (v *verifier) fits(c *checked, hashes []tlog.Hash) bool {
	if c.width < tileWidth {
		e := v.edge
		e.levels[0] = slices.Clone(hashes)
		return e.root() == v.state.Root
	}
	if v.state.Size == tileWidth {
		return subtree(hashes) == v.state.Root
	}
	n := c.n / tileWidth
	width := int(min(tileWidth, v.state.Size/tileWidth-n*tileWidth))
	above, err := readTile(v.dir, 1, n, width)
	return err == nil && above[c.n%tileWidth] == subtree(hashes)
}

// inDoubt notes damaged leaves and the hours they can be of.
func (v *verifier) inDoubt(first, until int64, what string) {
	d := Damage{What: what, First: first, Until: until}
	if name, ref, ok := v.indexed(first); ok && until == first+1 {
		d.Principal = name
		d.From, d.To = time.Unix(ref.hour*3600, 0).UTC(), time.Unix((ref.hour+1)*3600, 0).UTC()
		v.damage(d)
		return
	}
	if v.hour > 0 {
		d.From = time.Unix(v.hour*3600, 0).UTC()
	}
	v.damage(d)
	v.open = append(v.open, len(v.report.Damage)-1)
}

// indexed asks the index what a leaf was about.
func (v *verifier) indexed(leaf int64) (string, blockRef, bool) {
	for _, x := range v.indexes {
		if leaf < x.from || leaf >= x.to {
			continue
		}
		for i, p := range x.principals {
			refs, err := x.blocks(i)
			if err != nil {
				continue
			}
			if at, ok := slices.BinarySearchFunc(refs, leaf, func(r blockRef, leaf int64) int { return cmp.Compare(r.leaf, leaf) }); ok {
				return p.name, refs[at], true
			}
		}
	}
	return "", blockRef{}, false
}

// gather counts a whole leaf and puts it into the index as it should be.
func (v *verifier) gather(c *checked, i int, leaf int64, whole bool) error {
	if whole && c.blocks[i] != nil {
		b := c.blocks[i]
		v.report.Disclosures += int64(len(b.pairs))
		v.hour = b.hour
		for _, at := range v.open {
			if v.report.Damage[at].Until <= leaf {
				v.report.Damage[at].To = time.Unix((b.hour+1)*3600, 0).UTC()
			}
		}
		v.open = slices.DeleteFunc(v.open, func(at int) bool { return v.report.Damage[at].Until <= leaf })
	}
	if v.next >= len(v.indexes) || leaf < v.indexes[v.next].from {
		return nil
	}
	x := v.indexes[v.next]
	if leaf == x.from {
		v.building = newIndexBuilder(leaf)
	}
	switch {
	case v.building == nil:
	case !whole:
		v.building = nil // it can't be made anew
	case c.blocks[i] == nil:
		v.building.addEntry(leaf, c.leaves.start[i]+2, c.leaves.leaf(i))
	default:
		v.building.add(leaf, c.leaves.start[i]+2, len(c.leaves.leaf(i)), c.blocks[i])
	}
	if leaf == x.to-1 {
		v.next++
		return v.compareIndex(x)
	}
	return nil
}

func (v *verifier) compareIndex(x *indexFile) error {
	if v.building == nil {
		return nil
	}
	want, err := v.building.encode()
	if err != nil {
		return err
	}
	v.building = nil
	got, err := readLimited(x.path, maxIndex)
	if err != nil || !bytes.Equal(got, want) {
		v.damage(Damage{What: fmt.Sprintf("index %s does not say what its leaves say: remove it, it is made anew", filepath.Base(x.path)), First: x.from, Until: x.to})
	}
	return nil
}

// compareTile compares a full tile of the upper levels with what its leaves give.
func (v *verifier) compareTile(level int, n int64, hashes []tlog.Hash) error {
	if level == 0 {
		return nil // settled before
	}
	return v.compareAt(level, n, hashes)
}

func (v *verifier) compareAt(level int, n int64, hashes []tlog.Hash) error {
	tile, err := readTile(v.dir, level, n, len(hashes))
	if err == nil && slices.Equal(tile, hashes) {
		return nil
	}
	what := fmt.Sprintf("tile %s differs from the leaves below it", tilePath(level, n, len(hashes)))
	if err != nil {
		what = err.Error()
	}
	span := int64(1) << (tileHeight * level)
	v.damage(Damage{What: what, First: n * tileWidth * span, Until: (n*tileWidth + int64(len(hashes))) * span})
	return nil
}

// seen compares the tree with the checkpoints of this size.
func (v *verifier) seen(size int64) {
	for len(v.checkpoints) > 0 && v.checkpoints[0].Size <= size {
		c := v.checkpoints[0]
		v.checkpoints = v.checkpoints[1:]
		if c.Size < size { // of no leaves: it says nothing
			v.report.Checkpoints++
			continue
		}
		if v.edge.root() == c.Root {
			v.report.Checkpoints++
			v.agreed = size
			continue
		}
		v.damage(Damage{
			What:  fmt.Sprintf("the checkpoint of %d leaves saw others: the log was written anew", c.Size),
			First: v.agreed, Until: size,
		})
	}
}

// finish compares the right edge, the root, and checkpoints of more leaves than there are.
func (v *verifier) finish() {
	n := v.edge.size / tileWidth
	for level := 1; n > 0 && level < maxLevels; level, n = level+1, n/tileWidth {
		if hashes := v.edge.levels[level]; len(hashes) > 0 {
			_ = v.compareAt(level, n/tileWidth, hashes)
		}
	}
	v.report.Root = v.edge.root()
	if v.report.Root != v.state.Root {
		v.damage(Damage{What: "the tree over all leaves has another root than the ledger's state", First: v.agreed, Until: v.edge.size})
	}
	for _, c := range v.checkpoints {
		if c.Size == 0 {
			v.report.Checkpoints++
			continue
		}
		d := Damage{What: fmt.Sprintf("the checkpoint saw %d leaves and there are %d: the log was cut off or put back to an older state", c.Size, v.edge.size), First: v.edge.size, Until: c.Size}
		if v.hour > 0 {
			d.From = time.Unix(v.hour*3600, 0).UTC()
		}
		v.damage(d)
	}
}
