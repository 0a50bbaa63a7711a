package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// month counts calendar months, UTC, from January of year 0.
type month int32

func monthOf(t time.Time) month {
	y, m, _ := t.UTC().Date()
	return month(y*12 + int(m) - 1)
}

func (m month) start() time.Time {
	return time.Date(int(m)/12, time.Month(int(m)%12+1), 1, 0, 0, 0, 0, time.UTC)
}

func (m month) String() string { return m.start().Format("2006-01") }

func parseMonth(s string) (month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return 0, fmt.Errorf("month %q: want YYYY-MM", s)
	}
	return monthOf(t), nil
}

// period is a span of months in which voters are permuted by one key.
type period struct {
	from        month
	months      int
	integers    uint64 // keys that are their own number
	others      uint64 // further keys it can hold
	key         [32]byte
	permutation *permutation
}

func (p *period) until() month { return p.from + month(p.months) }

// inward turns a permuted number back into a dense one.
func (p *period) inward(x uint32) uint64 {
	return p.dense(p.permutation.backward(x))
}

func (p *period) dense(y uint32) uint64 {
	if n := uint64(y); n >= p.integers {
		return mappedBit + n - p.integers
	}
	return uint64(y)
}

// outward is the permuted number of a dense one, where the period can hold it.
func (p *period) outward(n uint64) (uint32, bool) {
	switch {
	case n >= mappedBit && n-mappedBit < p.others:
		n = n - mappedBit + p.integers
	case n >= p.integers:
		return 0, false
	}
	return p.permutation.forward(uint32(n)), true
}

const keyEnding = ".key"

// text is the period's key file.
func (p *period) text() []byte {
	return fmt.Appendf(nil, "portcullis ledger key 1\nmonths %d\nintegers %d\nothers %d\nkey %s\n",
		p.months, p.integers, p.others, hex.EncodeToString(p.key[:]))
}

func parsePeriod(name string, text []byte) (*period, error) {
	from, err := parseMonth(strings.TrimSuffix(name, keyEnding))
	if err != nil {
		return nil, err
	}
	p := &period{from: from}
	var key string
	if _, err := fmt.Sscanf(string(text), "portcullis ledger key 1\nmonths %d\nintegers %d\nothers %d\nkey %s\n",
		&p.months, &p.integers, &p.others, &key); err != nil {
		return nil, fmt.Errorf("not a key of this version of the ledger: %w", err)
	}
	raw, err := hex.DecodeString(key)
	if err != nil || len(raw) != len(p.key) || p.months < 1 || p.months > 12 ||
		p.integers > maxDomain || p.others > maxDomain {
		return nil, errors.New("the key file is damaged: restore it from its backup")
	}
	copy(p.key[:], raw)
	if string(p.text()) != string(text) {
		return nil, errors.New("the key file is damaged: restore it from its backup")
	}
	if p.permutation, err = newPermutation(p.key[:], p.integers+p.others); err != nil {
		return nil, err
	}
	return p, nil
}

// periods are the periods whose key is there, in order.
type periods struct {
	dir   string
	files fileLayer
	fresh period // what a new period looks like

	mu   sync.RWMutex
	all  []*period // guarded by mu
	gone []keyMark // periods the ledger has blocks of, and no key; guarded by mu

	// limit is what integers has found, 0 since all has changed: it is asked for every row that
	// leaves, and a lock for each would cost more than all else that is done with a key.
	limit atomic.Uint64
}

// keyMark lets the state remember which key a period was permuted with: another one in its
// place would not fail, it would answer about other voters.
type keyMark struct {
	From   month  `json:"from"`
	Months int    `json:"months"`
	Mark   string `json:"mark"`
}

func (k keyMark) covers(m month) bool { return k.From <= m && m < k.From+month(k.Months) }

func (p *period) mark() keyMark {
	sum := sha256.Sum256(append([]byte("portcullis ledger key mark 1\n"), p.key[:]...))
	return keyMark{p.from, p.months, hex.EncodeToString(sum[:8])}
}

// marks adds those of the keys that are there to the ones remembered.
func (ps *periods) marks(known []keyMark) []keyMark {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	all := slices.Clone(known)
	for _, p := range ps.all {
		if k := p.mark(); !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}

// check compares the keys with those remembered. Wrong ones are taken out, and named.
func (ps *periods) check(known []keyMark) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var errs []error
	for _, k := range known {
		i := slices.IndexFunc(ps.all, func(p *period) bool { return p.from == k.From })
		if i >= 0 && ps.all[i].mark() == k {
			continue
		}
		ps.gone = append(ps.gone, k)
		if i >= 0 {
			errs = append(errs, fmt.Errorf("the key of the period from %s in %s is not the one its blocks were written with: put that one back", k.From, ps.dir))
			ps.all = slices.Delete(ps.all, i, i+1)
			ps.limit.Store(0)
		}
	}
	return errors.Join(errs...)
}

// loadPeriods reads the keys. A ledger that is only read makes none.
func loadPeriods(cfg Config) (*periods, error) {
	ps := &periods{dir: cfg.Keys, files: cfg.files, fresh: period{months: cfg.Months, integers: cfg.Integers, others: cfg.Others}}
	names, err := listFiles(cfg.Keys, keyEnding)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	for _, name := range names {
		text, err := readLimited(filepath.Join(cfg.Keys, name), 1<<10)
		if err != nil {
			return nil, fmt.Errorf("read key: %w", err)
		}
		p, err := parsePeriod(name, text)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", filepath.Join(cfg.Keys, name), err)
		}
		ps.all = append(ps.all, p)
		ps.limit.Store(0)
	}
	return ps, nil
}

// known gives the period of a month, nil where its key is gone or was never made.
func (ps *periods) known(m month) *period {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	for _, p := range slices.Backward(ps.all) {
		if p.from <= m && m < p.until() {
			return p
		}
	}
	return nil
}

// integers is the range of keys that pass as they are now.
func (ps *periods) integers() uint64 {
	if n := ps.limit.Load(); n != 0 {
		return n
	}
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	n := ps.fresh.integers
	if len(ps.all) > 0 {
		n = ps.all[len(ps.all)-1].integers
	}
	ps.limit.Store(n) // under mu, so that it is never older than all
	return n
}

// at gives the period of a time, and makes it where there is none yet. Its key is durable
// before anything is permuted with it.
func (ps *periods) at(t time.Time) (*period, error) {
	m := monthOf(t)
	if p := ps.known(m); p != nil {
		return p, nil
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.all {
		if p.from <= m && m < p.until() {
			return p, nil
		}
	}
	for _, k := range ps.gone {
		if k.covers(m) {
			return nil, fmt.Errorf("the key of the period from %s was destroyed or is missing from %s: put it back, or is the clock right?", k.From, ps.dir)
		}
	}
	p := ps.fresh
	p.from = m - m%month(p.months)
	for _, other := range ps.all { // made with another length: fill the rest by single months
		if p.from < other.until() && other.from < p.until() {
			p.from, p.months = m, 1
			break
		}
	}
	if err := ps.make(&p); err != nil {
		return nil, fmt.Errorf("make the key of the period from %s: %w", p.from, err)
	}
	ps.all = append(ps.all, &p)
	slices.SortFunc(ps.all, func(a, b *period) int { return int(a.from - b.from) })
	ps.limit.Store(0)
	return &p, nil
}

func (ps *periods) make(p *period) error {
	if _, err := rand.Read(p.key[:]); err != nil {
		return err
	}
	path := filepath.Join(ps.dir, p.from.String()+keyEnding)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already, but was not when the ledger was opened", path)
	}
	var err error
	if p.permutation, err = newPermutation(p.key[:], p.integers+p.others); err != nil {
		return err
	}
	return replaceFile(ps.files, path, p.text())
}

// erase destroys the keys of the periods that ended by then.
func (ps *periods) erase(by month) (gone []*period, err error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for len(ps.all) > 0 && ps.all[0].until() <= by {
		p := ps.all[0]
		if err := shred(ps.files, filepath.Join(ps.dir, p.from.String()+keyEnding), len(p.text())); err != nil {
			return gone, fmt.Errorf("destroy the key of the period from %s: %w", p.from, err)
		}
		ps.gone = append(ps.gone, p.mark())
		clear(p.key[:])
		gone, ps.all = append(gone, p), ps.all[1:]
		ps.limit.Store(0)
	}
	return gone, nil
}

// shred overwrites a file before it removes it. On a disk that writes elsewhere (flash,
// copy-on-write) the old content can outlive that: encrypt the disk under it.
func shred(files fileLayer, path string, size int) error {
	f, err := files.Open(path, os.O_WRONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, size), 0)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := files.Remove(path); err != nil {
		return err
	}
	return files.SyncDir(filepath.Dir(path))
}
