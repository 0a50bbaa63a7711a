package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// sealer turns what was recorded into leaves, one batch at a time and beside the writing.
type sealer struct {
	mu      sync.Mutex
	running chan struct{} // closed when the sealing under way ends; guarded by mu
	held    *openBlocks   // what is being sealed, or could not be; guarded by mu
	err     error         // of the last sealing; guarded by mu
	began   time.Duration // of the last one, on the machine's clock; guarded by mu

	// Only the sealing under way touches what follows.
	state state
	edge  *edge
	tail  bundle // leaves of the bundle that isn't full
	month month  // of the newest block
	loose int    // disclosures since the index was last looked at
}

// indexDue says whether a part of the index may be complete.
func (s *sealer) indexDue(held *openBlocks) bool {
	newest := s.month
	for key := range held.blocks {
		newest = max(newest, hourMonth(key.hour))
	}
	if s.loose += held.pairs; newest == s.month && s.loose < maxPart {
		return false
	}
	s.month, s.loose = newest, 0
	return true
}

func hourMonth(hour int64) month { return monthOf(time.Unix(hour*3600, 0)) }

// start begins to seal what is open, or tries again what failed. Its caller has the turn.
func (s *sealer) start(l *Ledger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return
	}
	_, s.began = l.cfg.clock()
	if s.held == nil {
		if l.open.empty() {
			return
		}
		held := l.open
		held.upto, held.alive = l.wal.synced, max(held.alive, s.state.Alive)
		s.held, l.open = &held, openBlocks{}
	}
	done := make(chan struct{})
	s.running = done
	go func(held *openBlocks) {
		err := l.seal(held)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err = err; err == nil {
			s.held = nil
		} else {
			l.cfg.Log.Error("sealing the ledger failed; it will be tried again", "error", err)
		}
		s.running = nil
		close(done)
	}(s.held)
}

// wait waits for the sealing under way and says how the last one ended.
func (s *sealer) wait(ctx context.Context) error {
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	if running != nil {
		select {
		case <-running:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// makeRoom holds callers back while more is unsealed than memory should hold, and refuses them
// where sealing is impossible.
func (l *Ledger) makeRoom() error {
	if l.open.pairs+16*len(l.open.entries) < l.cfg.openPairs {
		return nil
	}
	_ = l.seals.wait(context.Background()) // what failed is tried again
	l.seals.start(l)
	if l.open.pairs+16*len(l.open.entries) < l.cfg.openPairs {
		return nil
	}
	if err := l.seals.wait(context.Background()); err != nil {
		return explain(fmt.Errorf("too much waits to be sealed: %w", err))
	}
	l.seals.start(l)
	l.wal.purgeLogged(l)
	return nil
}

// Seal puts everything recorded so far into leaves and signs a checkpoint over it, without
// waiting for the hour to end.
func (l *Ledger) Seal(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.turn }()
	if l.ended {
		return ErrClosed
	}
	return l.sealAll(ctx)
}

// sealAll is Seal for one who has the turn.
func (l *Ledger) sealAll(ctx context.Context) error {
	for range 2 { // the one under way, or held back; then the rest
		if err := l.seals.wait(ctx); err != nil && ctx.Err() != nil {
			return err
		}
		l.seals.start(l)
		if err := l.seals.wait(ctx); err != nil {
			return fmt.Errorf("ledger: seal: %w", explain(err))
		}
	}
	l.wal.purgeLogged(l)
	return nil
}

// purgeLogged removes what is sealed from the write-ahead log. Its caller has the turn.
func (w *wal) purgeLogged(l *Ledger) {
	l.seals.mu.Lock()
	idle, sealed := l.seals.running == nil, l.seals.state.Sealed
	l.seals.mu.Unlock()
	if !idle {
		return
	}
	if err := w.purge(sealed); err != nil {
		l.cfg.Log.Warn("segments of the ledger's log that are sealed could not be removed", "error", err)
	}
}

// seal writes leaves, tiles and state. Nothing of it counts before the state is replaced, so
// that it can be done again from the beginning.
func (l *Ledger) seal(held *openBlocks) error {
	leaves, err := held.leaves()
	if err != nil {
		return err
	}
	s := &l.seals
	grown := &edge{size: s.edge.size}
	for i, h := range s.edge.levels {
		grown.levels[i] = slices.Clone(h)
	}
	out := tileWriter{files: l.cfg.files, dir: filepath.Join(l.dir, "log"), folders: map[string]bool{}}
	tail, err := out.append(grown, s.tail, leaves)
	if err != nil {
		return fmt.Errorf("write leaves: %w", err)
	}
	next := state{
		Schema: 1, Size: grown.size, Root: grown.root(), Sealed: held.upto,
		Alive: max(s.state.Alive, held.alive), Indexed: s.state.Indexed, Keys: l.periods.marks(s.state.Keys),
	}
	if err := l.putState(next); err != nil {
		return err
	}
	before := s.state.Size
	s.mu.Lock()
	s.state = next
	s.mu.Unlock()
	s.edge, s.tail = grown, tail
	if err := l.sign(); err != nil {
		l.cfg.Log.Error("the checkpoint could not be written; it will be at the next sealing", "error", err)
	}
	out.removePartial(before, next.Size)
	if !s.indexDue(held) {
		return nil
	}
	if err := l.index(); err != nil {
		l.cfg.Log.Error("the ledger's index could not be written; it will be tried again", "error", err)
	}
	return nil
}

func (l *Ledger) putState(s state) error {
	data, err := s.encode()
	if err == nil {
		err = replaceFile(l.cfg.files, filepath.Join(l.dir, stateFile), data)
	}
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

// sign writes the checkpoint of the state.
func (l *Ledger) sign() error {
	if l.cfg.Signer == nil {
		return nil
	}
	s := l.seals.state
	msg, err := note.Sign(&note.Note{Text: Checkpoint{l.cfg.Origin, s.Size, s.Root}.text()}, l.cfg.Signer)
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	return replaceFile(l.cfg.files, filepath.Join(l.dir, "log", "checkpoint"), msg)
}

// tileWriter writes bundles and tiles durably.
type tileWriter struct {
	files   fileLayer
	dir     string
	folders map[string]bool // whose names have to be synced; true once they are there
}

// append writes the leaves behind those of the tail and returns the new tail.
func (t *tileWriter) append(e *edge, tail bundle, leaves [][]byte) (bundle, error) {
	tail = bundle{slices.Clone(tail.data), slices.Clone(tail.start)}
	for _, leaf := range leaves {
		tail = tail.append(leaf)
		if err := e.add(tlog.RecordHash(leaf), t.tile); err != nil {
			return tail, err
		}
		if tail.len() == tileWidth {
			if err := t.write(tilePath(-1, e.size/tileWidth-1, 0), tail.data); err != nil {
				return tail, err
			}
			tail = bundle{}
		}
	}
	if tail.len() > 0 {
		if err := t.write(tilePath(-1, e.size/tileWidth, tail.len()), tail.data); err != nil {
			return tail, err
		}
	}
	n := e.size
	for level := 0; n > 0; level, n = level+1, n/tileWidth {
		if hashes := e.levels[level]; len(hashes) > 0 {
			if err := t.tile(level, n/tileWidth, hashes); err != nil {
				return tail, err
			}
		}
	}
	for dir := range t.folders {
		if err := t.files.SyncDir(dir); err != nil {
			return tail, err
		}
	}
	return tail, nil
}

func (t *tileWriter) tile(level int, n int64, hashes []tlog.Hash) error {
	data := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		data = append(data, h[:]...)
	}
	return t.write(tilePath(level, n, len(hashes)), data)
}

func (t *tileWriter) write(path string, data []byte) error {
	path = filepath.Join(t.dir, path)
	if dir := filepath.Dir(path); !t.folders[dir] {
		if err := makeFolder(t.files, dir); err != nil {
			return err
		}
		t.folders[dir] = true
	}
	return writeWhole(t.files, path, data)
}

// removePartial removes the partial tiles that a full one has replaced. Partial ones of
// earlier sizes stay until then, for those who read while the log grows.
func (t *tileWriter) removePartial(before, after int64) {
	for level := -1; level < maxLevels; level++ {
		from, to := before>>(tileHeight*max(level, 0)), after>>(tileHeight*max(level, 0))
		for n := from / tileWidth; n < to/tileWidth; n++ {
			dir := filepath.Join(t.dir, tilePath(level, n, 0)+".p")
			names, err := os.ReadDir(dir)
			if err != nil {
				break // there were none
			}
			for _, name := range names {
				_ = t.files.Remove(filepath.Join(dir, name.Name()))
			}
			_ = t.files.Remove(dir)
		}
	}
}

// takeUp reads what is there when the ledger is opened for writing, and begins a run.
func (l *Ledger) takeUp() error {
	var err error
	if l.periods, err = loadPeriods(l.cfg); err != nil {
		return err
	}
	s := &l.seals
	if s.state, err = readState(l.dir); err != nil {
		return err
	}
	if err := l.periods.check(s.state.Keys); err != nil {
		return err
	}
	l.numbers = newNumbers(l.cfg, l.dir)
	if err := l.numbers.load(l.periods); err != nil {
		return err
	}
	logDir := filepath.Join(l.dir, "log")
	if err := notPutBack(logDir, s.state.Size); err != nil {
		return err
	}
	s.state.Indexed = min(s.state.Indexed, indexedUpTo(filepath.Join(l.dir, "index")))
	if s.edge, err = loadEdge(logDir, s.state.Size, s.state.Root); err != nil {
		return err
	}
	if s.state.Size%tileWidth != 0 {
		if s.tail, err = readBundle(logDir, s.state.Size/tileWidth, s.state.Size); err != nil {
			return err
		}
	}
	walDir := filepath.Join(l.dir, "wal")
	t, err := readTail(walDir, s.state.Sealed)
	if err != nil {
		return err
	}
	// What was read may be in the system's memory only: it counts from now on, so it is synced.
	if err := syncSegments(l.cfg.files, walDir, t.segments); err != nil {
		return err
	}
	l.wal = &wal{dir: walDir, files: l.cfg.files, limit: l.cfg.segmentSize, number: t.number, seq: t.last, synced: t.last, old: t.segments}
	for _, r := range t.records {
		l.open.add(r.record)
		l.hour = max(l.hour, r.time/microHour)
	}
	return l.begin(t)
}

func syncSegments(files fileLayer, dir string, segments []oldSegment) error {
	for _, s := range segments {
		f, err := files.Open(filepath.Join(dir, segmentName(s.number)), os.O_RDWR)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("sync the log: %w", err)
		}
	}
	return files.SyncDir(dir)
}

// notPutBack compares the state with the checkpoint beside it, which is written after it.
func notPutBack(dir string, size int64) error {
	msg, err := readLimited(filepath.Join(dir, "checkpoint"), maxCheckpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read checkpoint: %w", err)
	}
	_, rest, _ := strings.Cut(string(msg), "\n")
	var signed int64
	if _, err := fmt.Sscan(rest, &signed); err != nil {
		return fmt.Errorf("checkpoint %s: %w: verify the ledger", filepath.Join(dir, "checkpoint"), err)
	}
	if signed > size {
		return fmt.Errorf("its checkpoint is of %d leaves and it has %d: it was put back to an older state; verify it, and restore it from a copy that is whole", signed, size)
	}
	return nil
}

// indexedUpTo says how far the parts of the index follow each other without a gap.
func indexedUpTo(dir string) (at int64) {
	names, err := listFiles(dir, indexEnding)
	if err != nil {
		return 0
	}
	for _, name := range names {
		if from, to, ok := parseIndexName(name); ok && from == at {
			x, err := openIndex(filepath.Join(dir, name))
			if err != nil {
				return at
			}
			_ = x.file.Close()
			at = to
		}
	}
	return at
}
