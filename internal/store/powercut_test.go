//go:build unix

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sector is what a disk writes whole.
const sector = 512

// inode is a file: what of it is on the disk, and what was written since its last sync.
type inode struct {
	isDir   bool
	synced  []byte
	pending []op
}

// disk replays recorded operations and knows what a power cut would leave. Nothing but a
// sync of the file makes content safe, nothing but a sync of the folder a name in it.
type disk struct {
	now     map[string]*inode // names as the program sees them
	names   map[string]*inode // names that are on the disk
	pending []op              // changes to names since, in order
	made    []*inode          // the inode of each pending create and mkdir, by order
	told    told
}

// told is what the program was told is safe.
type told struct {
	progress
	backup, restored bool
}

func newDisk() *disk {
	return &disk{now: map[string]*inode{}, names: map[string]*inode{}, told: told{progress: *newProgress()}}
}

func (d *disk) apply(o op) {
	switch o.kind {
	case opCreate, opMkdir:
		o.told = nil
		node := &inode{isDir: o.kind == opMkdir}
		d.now[o.path] = node
		d.made = append(d.made, node)
		d.pending = append(d.pending, o)
	case opRename, opRemove:
		rename(d.now, o)
		d.made = append(d.made, nil)
		d.pending = append(d.pending, o)
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
		o.told(&d.told)
	}
}

// rename moves or removes a name.
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
	var restOps []op
	var restMade []*inode
	for i, o := range d.pending {
		if filepath.Dir(o.path) == dir || o.kind == opRename && filepath.Dir(o.to) == dir {
			settleName(d.names, o, d.made[i])
		} else {
			restOps, restMade = append(restOps, o), append(restMade, d.made[i])
		}
	}
	d.pending, d.made = restOps, restMade
}

func settleName(names map[string]*inode, o op, made *inode) {
	if made != nil {
		names[o.path] = made
	} else {
		rename(names, o)
	}
}

// onto applies a write or a truncation.
func (o op) onto(b []byte) []byte {
	end := o.at + int64(len(o.data))
	if o.kind == opTruncate {
		end = o.at
	}
	if grow := end - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	if o.kind == opTruncate {
		return b[:end]
	}
	copy(b[o.at:], o.data)
	return b
}

// torn leaves each sector of a write with probability one half.
func (o op) torn(rng *rand.Rand, b []byte) []byte {
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
// journalling file system keeps their order) and any sectors of what was written since.
func (d *disk) leave(from, root string, rng *rand.Rand) error {
	names := maps.Clone(d.names)
	if rng != nil {
		for i := range rng.IntN(len(d.pending) + 1) {
			settleName(names, d.pending[i], d.made[i])
		}
	}
	for _, path := range slices.Sorted(maps.Keys(names)) { // folders before what is in them
		to := filepath.Join(root, strings.TrimPrefix(path, from))
		if names[path].isDir {
			if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrNotExist) {
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
		// A file whose folder was lost is lost.
		if err := os.WriteFile(to, content, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// history records the whole life of a store: made, worked with, closed, opened again,
// backed up, restored.
func history(t *testing.T, steps int, prepare string) (ops []op, root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "root")
	for _, dir := range []string{root, filepath.Join(root, "copies")} { // these the machine had before
		must(t, os.Mkdir(dir, 0o700))
	}
	r := newRecorder(t)
	cfg := Config{Dir: filepath.Join(root, "above", "data"), Migrations: []Migrations{noteMigrations()}, vfs: r.vfs, files: r}
	tell := func(fn func(*told)) { r.add(op{kind: opTold, told: fn}) }
	work := func(from, to int) *Store {
		s := open(t, cfg)
		tell(func(d *told) { d.opened = true })
		for _, pragma := range []string{"wal_autocheckpoint(25)", prepare} {
			_, err := s.writes.ExecContext(t.Context(), "PRAGMA "+pragma)
			must(t, err)
		}
		for n := from; n < to; n++ {
			must(t, step(t.Context(), s, n,
				func(n int) { tell(func(d *told) { d.steps = n }) },
				func(n int64) { tell(func(d *told) { d.done[n] = true }) }))
		}
		return s
	}
	must(t, work(1, steps).Close())
	s := work(steps, 2*steps)
	must(t, s.Backup(t.Context(), filepath.Join(root, "copies", "backup")))
	tell(func(d *told) { d.backup = true })
	copied := cfg
	copied.Dir = filepath.Join(root, "restored")
	must(t, Restore(t.Context(), filepath.Join(root, "copies", "backup"), copied))
	tell(func(d *told) { d.restored = true })
	return r.ops, root
}

// inspect looks at what a power cut left.
func inspect(ctx context.Context, root string, told *told, steps int) error {
	if err := checkStore(ctx, filepath.Join(root, "above", "data"), &told.progress); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := inspectBackup(filepath.Join(root, "copies", "backup"), told.backup); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	dir := filepath.Join(root, "restored")
	_, err := os.Stat(filepath.Join(dir, databaseFile))
	if !told.restored && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	// What has its name is whole, told or not.
	if err := checkStore(ctx, dir, &progress{steps: 2*steps - 1}); err != nil {
		return fmt.Errorf("restored store: %w", err)
	}
	return nil
}

func inspectBackup(path string, told bool) error {
	f, err := os.Open(path)
	if err != nil {
		if !told && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return verifyDump(f, info.Size())
}

// skipper chooses operations to forget; nth counts those of the same kind and path before.
type skipper func(o op, nth int) bool

func (o op) key() string { return opNames[o.kind] + o.path }

// cuts replays ops, forgetting those that skip names, and cuts the power at each of points. It
// returns the first loss and counts how many states it looked at.
func cuts(t *testing.T, ops []op, from string, steps int, points []int, skip skipper) (states int, loss error) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	d := newDisk()
	scratch := t.TempDir()
	seen := map[string]int{}
	done := 0
	for _, point := range points {
		for ; done < point; done++ {
			o := ops[done]
			if skip == nil || !skip(o, seen[o.key()]) {
				d.apply(o)
			}
			seen[o.key()]++
		}
		for variant, rng := range []*rand.Rand{nil, rng} {
			root, err := os.MkdirTemp(scratch, "cut")
			must(t, err)
			must(t, os.Mkdir(filepath.Join(root, "copies"), 0o700))
			must(t, d.leave(from, root, rng))
			err = inspect(t.Context(), root, &d.told, steps)
			must(t, os.RemoveAll(root))
			states++
			if err != nil {
				return states, fmt.Errorf("power cut after %d of %d operations, the last being %v, variant %d: %w",
					point, len(ops), ops[point-1], variant, err)
			}
		}
	}
	return states, nil
}

// cutPoints chooses n points: half of them right after the program was told something,
// where a missing sync shows first, half anywhere. The first time and the end are among them.
func cutPoints(ops []op, n int) []int {
	rng := rand.New(rand.NewPCG(5, 6))
	var tells []int
	for i, o := range ops {
		if o.kind == opTold {
			tells = append(tells, i+1)
		}
	}
	points := map[int]bool{len(ops): true, tells[0]: true}
	for len(points) < min(n/2, len(tells)) {
		points[tells[rng.IntN(len(tells))]] = true
	}
	for len(points) < n {
		points[1+rng.IntN(len(ops))] = true
	}
	return slices.Sorted(maps.Keys(points))
}

// TestPowerCut cuts the power at 200 points of a store's life, each time once with a disk
// that kept nothing but what was synced and once with one that kept some of the rest, torn
// at sectors. Then it forgets the syncs, kind by kind: each kind must be missed, or the test
// would not notice if the program left it out.
func TestPowerCut(t *testing.T) {
	steps, points := 45, 200
	if testing.Short() {
		points = 40
	}
	ops, root := history(t, steps, "synchronous")
	counts := map[string]int{}
	for _, o := range ops {
		counts[opNames[o.kind]]++
	}
	t.Logf("%d operations: %v", len(ops), counts)
	states, loss := cuts(t, ops, root, steps, cutPoints(ops, points), nil)
	if loss != nil {
		t.Error(loss)
	}
	t.Logf("%d states inspected", states)
	for name, skip := range syncKinds {
		t.Run("without "+name, func(t *testing.T) {
			_, loss := cuts(t, ops, root, steps, cutPoints(ops, 60), skip)
			if loss == nil {
				t.Error("nothing is lost: the syncs are superfluous, or this test does not see what they do")
			}
			t.Log(loss)
		})
	}
}

// syncKinds are all the syncs that safety rests on.
var syncKinds = map[string]skipper{
	"sync of the log": func(o op, _ int) bool { return o.syncs("data/" + databaseFile + "-wal") },
	"first sync of the database": func(o op, nth int) bool {
		return o.syncs("data/"+databaseFile) && nth == 0
	},
	"sync of the database at checkpoints": func(o op, nth int) bool {
		return o.syncs("data/"+databaseFile) && nth > 0
	},
	"sync of the backup":            func(o op, _ int) bool { return o.syncs("copies/backup" + partialSuffix) },
	"sync of the restored database": func(o op, _ int) bool { return o.syncs(restoreFolder + "/" + databaseFile) },
	"sync of the outermost folder":  func(o op, _ int) bool { return o.syncsDir("root") },
	"sync of the folder above":      func(o op, _ int) bool { return o.syncsDir("above") },
	"sync of the data folder":       func(o op, _ int) bool { return o.syncsDir("data") },
	"sync of the data folder for the log": func(o op, nth int) bool {
		return o.syncsDir("data") && nth > 0 // the first is for the journal that makes the database
	},
	"sync of the backup's folder": func(o op, _ int) bool { return o.syncsDir("copies") },
	"sync of the restored folder": func(o op, _ int) bool { return o.syncsDir("restored") },
}

func (o op) syncs(name string) bool { return o.kind == opSync && strings.HasSuffix(o.path, "/"+name) }

func (o op) syncsDir(name string) bool {
	return o.kind == opSyncDir && strings.HasSuffix(o.path, "/"+name)
}

// TestPowerCutWithoutSyncs does the same with a store that really does not sync.
func TestPowerCutWithoutSyncs(t *testing.T) {
	for _, mode := range []string{"OFF", "NORMAL"} {
		t.Run(mode, func(t *testing.T) {
			ops, root := history(t, 30, "synchronous("+mode+")")
			_, loss := cuts(t, ops, root, 30, cutPoints(ops, 60), nil)
			if loss == nil {
				t.Errorf("no loss found with synchronous=%s", mode)
			}
			t.Log(loss)
		})
	}
}
