package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A recorder is a file layer that writes down what reaches the file system, so that the
// disk after a power cut at any point can be made from it.

type opKind uint8

const (
	opCreate opKind = iota
	opMkdir
	opWrite
	opTruncate
	opSync
	opRename
	opRemove
	opSyncDir
	opTold // the program was told that so many disclosures are safe
)

type op struct {
	kind opKind
	path string
	to   string
	at   int64
	data []byte
	told int
}

type recorder struct {
	osFiles
	forget func(path string) bool // syncs of these files do nothing
	fail   func(kind opKind, path string) error

	mu  sync.Mutex
	ops []op
}

func (r *recorder) add(o op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, o)
}

// do runs an operation and records it, unless it is to fail.
func (r *recorder) do(o op, fn func() error) error {
	if r.fail != nil {
		if err := r.fail(o.kind, o.path); err != nil {
			return err
		}
	}
	if err := fn(); err != nil {
		return err
	}
	r.add(o)
	return nil
}

func (r *recorder) Mkdir(dir string) error {
	return r.do(op{kind: opMkdir, path: dir}, func() error { return r.osFiles.Mkdir(dir) })
}

func (r *recorder) Rename(from, to string) error {
	return r.do(op{kind: opRename, path: from, to: to}, func() error { return r.osFiles.Rename(from, to) })
}

func (r *recorder) Remove(path string) error {
	return r.do(op{kind: opRemove, path: path}, func() error { return r.osFiles.Remove(path) })
}

func (r *recorder) SyncDir(dir string) error {
	return r.do(op{kind: opSyncDir, path: dir}, func() error { return nil }) // the real disk may be lazy: the record counts
}

func (r *recorder) Open(path string, flag int) (file, error) {
	_, err := os.Stat(path)
	kind := opCreate
	if err == nil {
		kind = opTruncate
	}
	var f file
	open := func() (err error) { f, err = r.osFiles.Open(path, flag); return err }
	if flag&os.O_CREATE == 0 || kind == opTruncate && flag&os.O_TRUNC == 0 {
		err = open()
	} else {
		err = r.do(op{kind: kind, path: path}, open)
	}
	return &recorded{f, r, path}, err
}

type recorded struct {
	file
	r    *recorder
	path string
}

func (f *recorded) WriteAt(b []byte, at int64) (int, error) {
	err := f.r.do(op{kind: opWrite, path: f.path, at: at, data: bytes.Clone(b)}, func() error { _, err := f.file.WriteAt(b, at); return err })
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

func (f *recorded) Truncate(size int64) error {
	return f.r.do(op{kind: opTruncate, path: f.path, at: size}, func() error { return f.file.Truncate(size) })
}

func (f *recorded) Sync() error {
	if f.r.forget != nil && f.r.forget(f.path) {
		return nil
	}
	return f.r.do(op{kind: opSync, path: f.path}, func() error { return nil })
}

// inode is a file: what of it is on the disk, and what was written since its last sync.
type inode struct {
	dir     bool
	synced  []byte
	pending []op
}

// disk replays operations and knows what a power cut would leave.
type disk struct {
	now, names map[string]*inode // names as the program sees them, and those on the disk
	pending    []op              // changes to names since
	made       []*inode          // of each pending change
	told       int
}

func newDisk() *disk { return &disk{now: map[string]*inode{}, names: map[string]*inode{}} }

func (d *disk) apply(o op) {
	switch o.kind {
	case opCreate, opMkdir:
		node := &inode{dir: o.kind == opMkdir}
		d.now[o.path] = node
		d.pending, d.made = append(d.pending, o), append(d.made, node)
	case opRename, opRemove:
		rename(d.now, o)
		d.pending, d.made = append(d.pending, o), append(d.made, nil)
	case opWrite, opTruncate:
		d.now[o.path].pending = append(d.now[o.path].pending, o)
	case opSync:
		node := d.now[o.path]
		for _, w := range node.pending {
			node.synced = w.onto(node.synced)
		}
		node.pending = nil
	case opSyncDir:
		d.syncDir(o.path)
	case opTold:
		d.told = o.told
	}
}

func rename(names map[string]*inode, o op) {
	node, ok := names[o.path]
	if !ok {
		return
	}
	delete(names, o.path)
	if o.kind == opRename {
		names[o.to] = node
	}
}

func (d *disk) syncDir(dir string) {
	var ops []op
	var made []*inode
	for i, o := range d.pending {
		if filepath.Dir(o.path) == dir || o.kind == opRename && filepath.Dir(o.to) == dir {
			settleName(d.names, o, d.made[i])
		} else {
			ops, made = append(ops, o), append(made, d.made[i])
		}
	}
	d.pending, d.made = ops, made
}

func settleName(names map[string]*inode, o op, made *inode) {
	if made != nil {
		names[o.path] = made
	} else {
		rename(names, o)
	}
}

func (o op) onto(b []byte) []byte {
	end := o.at + int64(len(o.data))
	if grow := end - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	if o.kind == opTruncate {
		return b[:o.at]
	}
	copy(b[o.at:], o.data)
	return b
}

// torn leaves each sector of a write with probability one half.
func (o op) torn(rng *rand.Rand, b []byte) []byte {
	const sector = 512
	if o.kind == opTruncate {
		if rng.IntN(2) == 0 {
			return b
		}
		return o.onto(b)
	}
	for from := int64(0); from < int64(len(o.data)); {
		to := min(int64(len(o.data)), (o.at+from)/sector*sector+sector-o.at)
		if rng.IntN(2) == 0 {
			b = op{kind: opWrite, at: o.at + from, data: o.data[from:to]}.onto(b)
		}
		from = to
	}
	return b
}

// leave writes what the disk holds after a power cut into root, where it was below from.
// Without rng only what was synced is there; with it some of the names changed since (a
// journal keeps their order) and any sectors of what was written since.
func (d *disk) leave(from, root string, rng *rand.Rand) error {
	names := maps.Clone(d.names)
	if rng != nil {
		for i := range rng.IntN(len(d.pending) + 1) {
			settleName(names, d.pending[i], d.made[i])
		}
	}
	for _, path := range slices.Sorted(maps.Keys(names)) { // folders before what is in them
		to := filepath.Join(root, strings.TrimPrefix(path, from))
		if names[path].dir {
			if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
				return err
			}
			continue
		}
		content := slices.Clone(names[path].synced)
		if rng != nil {
			for _, w := range names[path].pending {
				content = w.torn(rng, content)
			}
		}
		if err := os.WriteFile(to, content, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err // of a folder that was lost
		}
	}
	return nil
}

// diary is a ledger's life of which every disclosure can be told from the others: the n-th was
// given to "clerk n%5" at noon plus n minutes, of voter n and of the voter "text n%50".
func diary(l *Ledger, n int) error {
	d, err := page(l, n)
	if err != nil {
		return err
	}
	return l.Record(background, d)
}

func page(l *Ledger, n int) (*Disclosure, error) {
	id, err := l.Number(fmt.Appendf(nil, "text %d", n%50))
	return &Disclosure{
		Principal: fmt.Sprint("clerk ", n%5), Program: "desk", Purpose: "roll", Statement: uint64(n),
		Time: noon.Add(time.Duration(n) * time.Minute), Voters: []uint64{uint64(n), id},
	}, err
}

// keeping writes the disclosures from one to another into a ledger, and has the recorder note which are safe.
type keeping func(r *recorder, l *Ledger, from, to int) error

func keepEach(r *recorder, l *Ledger, from, to int) error {
	for n := from; n <= to; n++ {
		if err := diary(l, n); err != nil {
			return err
		}
		r.add(op{kind: opTold, told: n})
	}
	return nil
}

// holds says which of the first so many disclosures are missing.
func holds(dir string, cfg Config, told int) error {
	cfg.files = nil
	l, err := Open(dir, cfg) // as the guard would after the crash
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	v, err := l.View(background)
	if err != nil {
		return errors.Join(fmt.Errorf("view: %w", err), l.Close())
	}
	seen := map[uint64][]uint64{}
	err = v.Rebuild(background, time.Time{}, func(d *Disclosure) error {
		seen[d.Statement] = append(seen[d.Statement], d.Voters...)
		return nil
	})
	for n := 1; n <= told && err == nil; n++ {
		if got := seen[uint64(n)]; len(got) != 2 || !slices.Contains(got, uint64(n)) {
			err = fmt.Errorf("of disclosure %d the ledger has %d, and %d were acknowledged", n, got, told)
			break
		}
		key, ok := v.numbers.key(slices.Max(seen[uint64(n)]))
		if want := fmt.Sprint("text ", n%50); !ok || key != want {
			err = fmt.Errorf("disclosure %d: the key is %q, want %q", n, key, want)
		}
	}
	if err = errors.Join(err, v.Close(), l.Close()); err != nil {
		return err
	}
	r, err := Verify(background, dir, cfg)
	if err == nil && !r.OK() {
		err = fmt.Errorf("verify: %v", r.Damage)
	}
	return err
}

// life records a ledger that is made, used, sealed, closed and used again.
func life(t *testing.T, forget func(string) bool, keep keeping) (ops []op, root string, cfg Config) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "root")
	must(t, os.Mkdir(root, 0o700))
	r := &recorder{forget: forget}
	dir := filepath.Join(root, "ledger")
	cfg = Config{Keys: filepath.Join(root, "keys"), Integers: 100_000, Others: 100, Heartbeat: time.Hour, segmentSize: 16 << 10, files: r}
	for life := range 3 {
		l, err := Open(dir, cfg)
		must(t, err)
		must(t, keep(r, l, life*150+1, (life+1)*150))
		if life != 1 {
			must(t, l.Close())
			continue
		}
		// The process dies. Its locks go, what it wrote stays in the system's memory.
		close(l.stop)
		l.beat.Wait()
		must(t, l.seals.wait(background))
		must(t, l.wal.close())
		must(t, l.lock.release())
	}
	return r.ops, root, cfg
}

// TestPowerCut cuts the power at 200 points of a ledger's life, each time once with all that
// was not synced lost and once with random parts of it on the disk. Everything that was
// acknowledged is there.
func TestPowerCut(t *testing.T) {
	cuts := 200
	if testing.Short() {
		cuts = 30
	}
	for name, keep := range map[string]keeping{"waiting": keepEach, "later": keepLater} {
		t.Run(name, func(t *testing.T) {
			if err := cutPower(t, cuts, nil, keep); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPowerCutBites proves that each kind of sync is needed: without it the test above fails.
func TestPowerCutBites(t *testing.T) {
	for name, forget := range map[string]func(string) bool{
		"write-ahead log": func(path string) bool { return filepath.Ext(path) == walEnding },
		"numbers":         func(path string) bool { return filepath.Ext(path) == mapEnding },
		"keys":            func(path string) bool { return strings.Contains(path, keyEnding) },
		"leaves":          func(path string) bool { return strings.Contains(path, "entries") },
		"tiles":           func(path string) bool { return strings.Contains(path, filepath.Join("tile", "0")) },
		"state":           func(path string) bool { return strings.HasPrefix(filepath.Base(path), stateFile) },
	} {
		t.Run(name, func(t *testing.T) {
			for how, keep := range map[string]keeping{"waiting": keepEach, "later": keepLater} {
				err := cutPower(t, 60, forget, keep)
				if err == nil {
					t.Errorf("%s: without these syncs nothing was missed", how)
				}
				t.Log(how, err)
			}
		})
	}
}

func cutPower(t *testing.T, cuts int, forget func(string) bool, keep keeping) error {
	t.Helper()
	ops, root, cfg := life(t, forget, keep)
	rng := rand.New(rand.NewPCG(5, 6))
	points := map[int]bool{len(ops): true}
	for len(points) < cuts {
		points[rng.IntN(len(ops)+1)] = true
	}
	d := newDisk()
	keys := cfg.Keys
	for i := 0; i <= len(ops); i++ {
		for _, how := range []*rand.Rand{nil, rng} {
			if !points[i] {
				continue
			}
			after := filepath.Join(t.TempDir(), "after")
			must(t, os.Mkdir(after, 0o700))
			must(t, d.leave(root, after, how))
			cfg.Keys = strings.Replace(keys, root, after, 1)
			if err := holds(filepath.Join(after, "ledger"), cfg, d.told); err != nil {
				return fmt.Errorf("power cut after operation %d of %d (torn: %v): %w", i, len(ops), how != nil, err)
			}
			must(t, os.RemoveAll(after))
		}
		if i < len(ops) {
			d.apply(ops[i])
		}
	}
	return nil
}

// TestFailingWrites lets single operations fail: nothing is acknowledged that isn't there,
// and the ledger goes on by itself.
func TestFailingWrites(t *testing.T) {
	for kind, name := range map[opKind]string{opWrite: "write", opSync: "sync", opCreate: "create", opRename: "rename", opSyncDir: "syncdir"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "ledger")
			cfg := small(dir)
			cfg.segmentSize, cfg.openPairs = 8<<10, 100
			var mu sync.Mutex
			rng := rand.New(rand.NewPCG(7, uint64(kind)))
			r := &recorder{}
			cfg.files = r
			failing := false // Open's own failures are Open's error
			r.fail = func(k opKind, _ string) error {
				mu.Lock()
				defer mu.Unlock()
				if failing && k == kind && rng.IntN(4) == 0 {
					return syscall.ENOSPC
				}
				return nil
			}
			l, err := Open(dir, cfg)
			must(t, err)
			mu.Lock()
			failing = true
			mu.Unlock()
			told, refused := map[int]bool{}, 0
			for n := 1; n <= 400; n++ {
				switch err := diary(l, n); {
				case err == nil:
					told[n] = true
				case !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "nothing may be released"):
					t.Fatal(err)
				default:
					refused++
				}
			}
			mu.Lock()
			failing = false
			mu.Unlock()
			for n := 401; n <= 420; n++ {
				must(t, diary(l, n))
				told[n] = true
			}
			must(t, l.Close())
			seen := map[uint64]bool{}
			must(t, view(t, dir, cfg).Rebuild(t.Context(), time.Time{}, func(d *Disclosure) error { seen[d.Statement] = true; return nil }))
			for n := range told {
				if !seen[uint64(n)] {
					t.Errorf("disclosure %d was acknowledged and is missing", n)
				}
			}
			report, err := Verify(t.Context(), dir, cfg)
			must(t, err)
			if !report.OK() {
				t.Error(report.Damage)
			}
			t.Logf("%d refused, %d acknowledged", refused, len(told))
		})
	}
}
