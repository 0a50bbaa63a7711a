package copies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what is looked for, and how.
type Config struct {
	Key  *Key
	Sets []Set // none: only the shape of rows is looked at
	// AtLeast is from how many voters on a file counts as a copy. One honey voter is enough. Default 10.
	AtLeast int
	Workers int // files read at a time; default: all cores
	Limits  Limits
	Other   Other // reads mailboxes and documents
	// State is a file in which the results of files are kept as they come: a run that is given it passes over what has not
	// changed since, so that one that was killed goes on there. It holds paths and counts, no voters. "" keeps none.
	State string
	Now   time.Time

	// Found is told of each copy, Problem of what could not be read, Progress of bytes and files
	// dealt with. They are called one at a time.
	Found    func(Copy)
	Problem  func(name string, err error)
	Progress func(bytes int64, files int)
}

// Copy is a place where voters' records lie.
type Copy struct {
	Path     string    `json:"path"` // members of archives and mailboxes behind "!"
	Size     int64     `json:"size"` // of the file
	Modified time.Time `json:"modified"`
	Of       []Part    `json:"of,omitempty"` // what it is of, the likeliest first
	// Rows that have the shape of a list of people, births, names and fields, and that no filter knows.
	ShapeRows int   `json:"shape_rows,omitempty"`
	From      int   `json:"born_from,omitempty"` // years of birth, of the rows told by shape
	To        int   `json:"born_to,omitempty"`
	First     int64 `json:"first"` // byte of the text at which the first voter stands, -1: not known
}

// Part is what of one register, extract or honey set is in a copy.
type Part struct {
	Label  string `json:"label"`
	Honey  bool   `json:"honey,omitempty"`
	Rows   int    `json:"rows"`   // names with their date of birth
	IDs    int    `json:"ids"`    // numbers, where they say something
	Voters int    `json:"voters"` // distinct ones, an estimate beyond a few hundred (1.6 %)
	All    int    `json:"all"`    // voters that the register or extract has
}

// Voters is how many voters' records lie there, as far as can be told.
func (c *Copy) Voters() int {
	most := 0
	for _, p := range c.Of {
		if !p.Honey {
			most = max(most, p.Voters)
		}
	}
	return max(most, c.ShapeRows*btoi(most == 0))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Leaked names the copy that it was taken from, by honey voters; "" if there are none.
func (c *Copy) Leaked() string {
	for _, p := range c.Of {
		if p.Honey {
			return p.Label
		}
	}
	return ""
}

// Total is what a run came to.
type Total struct {
	Files, Skipped, Copies, Problems int
	Bytes                            int64
}

// run is one call of Find.
type run struct {
	cfg   Config
	state *state

	mu    sync.Mutex // guards what follows, and the callbacks
	total Total
	bytes atomic.Int64
}

// Find looks through files and folders and tells of copies. Nothing is written but State.
// It returns an error only where it had to stop.
func Find(ctx context.Context, paths []string, cfg Config) (Total, error) {
	r, err := newRun(cfg)
	if err != nil {
		return Total{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan file)
	var workers sync.WaitGroup
	for range r.cfg.Workers {
		workers.Go(func() {
			m := newMatcher(r.cfg.Key, r.cfg.Sets, r.cfg.Now)
			for f := range work {
				if err := r.file(ctx, m, f); err != nil {
					cancel(err)
				}
			}
		})
	}
	err = r.walk(ctx, paths, work)
	close(work)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return r.total, errors.Join(err, r.state.close())
}

func newRun(cfg Config) (*run, error) {
	if cfg.AtLeast <= 0 {
		cfg.AtLeast = 10
	}
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	cfg.Limits = cfg.Limits.withDefaults()
	if len(cfg.Sets) > 0 && cfg.Key == nil {
		return nil, errors.New("copies: filters need the key they were made with")
	}
	for _, s := range cfg.Sets {
		if s.Header.Key != cfg.Key.id {
			return nil, fmt.Errorf("copies: the filter %q was made with another key; all that are used together need one", s.Label)
		}
	}
	st, err := openState(cfg.State, cfg)
	return &run{cfg: cfg, state: st}, err
}

// file is one to read.
type file struct {
	path string
	info fs.FileInfo
}

// walk hands on all regular files, in the order of their names. Symbolic links are not followed: what they lead to is
// looked at where it lies.
func (r *run) walk(ctx context.Context, paths []string, work chan<- file) error {
	seen := map[string]bool{}
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				r.problem(path, err)
				return nil
			}
			if path == root && d.Type()&fs.ModeSymlink != 0 {
				r.problem(path, errors.New("a symbolic link, not followed: name what it leads to"))
				return nil
			}
			if !d.Type().IsRegular() {
				return ctx.Err()
			}
			info, err := d.Info()
			if err != nil {
				r.problem(path, err)
				return nil
			}
			abs, err := filepath.Abs(path)
			if err != nil || seen[abs] {
				return err
			}
			if len(paths) > 1 {
				seen[abs] = true
			}
			select {
			case work <- file{path, info}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) problem(name string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total.Problems++
	if r.cfg.Problem != nil {
		r.cfg.Problem(name, err)
	}
}

// file looks through one file.
func (r *run) file(ctx context.Context, m *matcher, f file) error {
	if kept, ok := r.state.has(f); ok {
		r.done(f, kept, true)
		return nil
	}
	if ctx.Err() != nil {
		return nil
	}
	in, err := os.Open(f.path)
	if err != nil {
		r.problem(f.path, err)
		return nil
	}
	defer func() { _ = in.Close() }()
	var found []Copy
	whole := true
	o := &opener{ctx: ctx, b: budget{limits: r.cfg.Limits}, other: r.cfg.Other}
	o.problem = func(name string, err error) { whole = false; r.problem(name, err) }
	o.leaf = func(name string, read func(io.Writer) error) error {
		if c, ok := r.leaf(ctx, m, name, read, o.problem); ok {
			c.Size, c.Modified = f.info.Size(), f.info.ModTime().UTC().Truncate(time.Second)
			found = append(found, c)
		}
		return ctx.Err()
	}
	counted := &counter{in: in, file: &o.b.packed, all: &r.bytes}
	err = guarded(f.path, o.problem, func() error {
		return o.look(content{name: filepath.ToSlash(f.path), r: counted, at: in, size: f.info.Size()})
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil // the caller knows
		}
		return err
	}
	r.bytes.Add(f.info.Size() - counted.n)
	if whole { // what could not be read is tried again
		if err := r.state.put(f, found); err != nil {
			return err
		}
	}
	r.done(f, found, false)
	return nil
}

// guarded keeps a decoder that panics on hostile input from ending the run.
func guarded(name string, problem func(string, error), do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			problem(name, fmt.Errorf("the reader of this kind of file failed: %v", p))
			err = nil
		}
	}()
	return do()
}

func (r *run) done(f file, found []Copy, skipped bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total.Files++
	r.total.Bytes += f.info.Size()
	if skipped {
		r.total.Skipped++
		r.bytes.Add(f.info.Size())
	}
	r.total.Copies += len(found)
	for _, c := range found {
		if r.cfg.Found != nil {
			r.cfg.Found(c)
		}
	}
	if r.cfg.Progress != nil {
		r.cfg.Progress(r.bytes.Load(), r.total.Files)
	}
}

// leaf looks through one text.
func (r *run) leaf(ctx context.Context, m *matcher, name string, read func(io.Writer) error, problem func(string, error)) (Copy, bool) {
	m.reset()
	t := &text{m: m}
	if err := read(stopper{ctx, t}); err != nil && ctx.Err() == nil {
		problem(name, err)
	}
	if ctx.Err() != nil {
		return Copy{}, false
	}
	t.end()
	return m.result(name, r.cfg.AtLeast)
}

// stopper ends a long text when the context does.
type stopper struct {
	ctx context.Context //nolint:containedctx // of one text
	w   io.Writer
}

func (s stopper) Write(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.w.Write(p)
}

// counter counts what was read of a file.
type counter struct {
	in   io.Reader
	n    int64
	file *atomic.Int64
	all  *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	c.file.Add(int64(n))
	c.all.Add(int64(n))
	return n, err
}

// result judges what was counted.
func (m *matcher) result(name string, atLeast int) (Copy, bool) {
	c := Copy{Path: name, First: m.first}
	for i, n := range m.counts {
		p := Part{Label: m.sets[i].Label, Honey: m.sets[i].Honey, Rows: n.rows, IDs: n.ids, All: m.sets[i].Header.Voters}
		if !n.beyondChance(p.Honey) {
			p.IDs = 0
		}
		p.Voters = n.voters(p)
		if p.Rows+p.IDs > 0 && (p.Honey || p.Rows >= atLeast || p.IDs >= atLeast) {
			c.Of = append(c.Of, p)
		}
	}
	slices.SortStableFunc(c.Of, likelier)
	if m.shape.people() {
		c.ShapeRows, c.From, c.To = m.shape.rows, m.shape.from, m.shape.to
	}
	return c, len(c.Of) > 0 || c.ShapeRows >= max(atLeast, shapeRows)
}

// likelier orders what a copy may be of: honey voters name it; of registers
// and extracts that hold nearly all of it, the smallest.
func likelier(a, b Part) int {
	if a.Honey != b.Honey {
		return btoi(b.Honey) - btoi(a.Honey)
	}
	if most := max(a.Voters, b.Voters); min(a.Voters, b.Voters)*100 >= most*97 {
		return cmp.Compare(a.All, b.All)
	}
	return cmp.Compare(b.Voters, a.Voters)
}

// beyondChance tells whether the numbers that were found are more than there would be among so many that look alike:
// more than three times as many, and less than one in a million by the Poisson distribution.
func (n *count) beyondChance(honey bool) bool {
	if n.ids == 0 {
		return false
	}
	k, mean := float64(n.ids), n.expected
	if honey && mean < 0.001 {
		return true
	}
	if k <= 3*mean {
		return false
	}
	// Chernoff's bound of the upper tail: P(X >= k) <= e^-mean (e mean / k)^k
	return -mean+k*(1+math.Log(max(mean, 1e-12)/k)) < math.Log(1e-6)
}

func (n *count) voters(p Part) (most int) {
	if p.Honey {
		if n.exact == nil {
			return 0
		}
		return max(1, min(len(n.exact), max(p.Rows, p.IDs)))
	}
	if n.people != nil && p.Rows > 0 {
		most = min(p.Rows, n.people.estimate())
	}
	if n.numbers != nil && p.IDs > 0 {
		most = max(most, min(p.IDs, n.numbers.estimate()))
	}
	return most
}
