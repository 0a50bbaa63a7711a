package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const (
	mapEnding  = ".map"
	maxMapFile = 16 << 30
	maxBatch   = 1 << 24 // bytes of one sealed batch in it
)

// numbers give voter keys that are no small integers a number each. A number stays the same
// while any period that used it is kept: budgets over a year rest on that. Each period's
// file holds the keys used in it, sealed under the period's key (AES-256-GCM), so that
// erasing the period erases them.
type numbers struct {
	dir   string
	files fileLayer
	seed  maphash.Seed

	mu    sync.RWMutex
	keys  map[uint32]string // by number
	hash  map[uint64][]uint32
	next  uint32
	limit uint64
	used  map[month]map[uint32]struct{} // numbers that a period's file holds durably
	open  map[month]*mapFile            // only the writer's
}

type mapFile struct {
	file   file
	size   int64
	broken bool
	aead   cipher.AEAD
}

func newNumbers(cfg Config, dir string) *numbers {
	return &numbers{
		dir: filepath.Join(dir, "numbers"), files: cfg.files, seed: maphash.MakeSeed(), limit: cfg.Others,
		keys: map[uint32]string{}, hash: map[uint64][]uint32{}, used: map[month]map[uint32]struct{}{}, open: map[month]*mapFile{},
	}
}

// load reads the files of all periods whose key is there.
func (n *numbers) load(ps *periods) error {
	for _, p := range ps.all {
		if _, err := n.loadPeriod(p); err != nil {
			return fmt.Errorf("numbers of the period from %s: %w", p.from, err)
		}
		n.limit = p.others
	}
	return nil
}

// loadPeriod returns the length of what is whole in the file. A torn end is what a crash
// leaves; nothing in the log uses it, since the file is synced before the log is written.
func (n *numbers) loadPeriod(p *period) (int64, error) {
	data, err := readLimited(n.path(p.from), maxMapFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	aead, err := p.sealing()
	if err != nil {
		return 0, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at := 0
	for {
		batch, size, ok := openBatch(aead, data[at:])
		if !ok {
			return int64(at), nil
		}
		at += size
		if err := n.take(p.from, batch); err != nil {
			return 0, err
		}
	}
}

func (p *period) sealing() (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write([]byte("portcullis ledger numbers 1\n"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// openBatch opens the first batch: its length, a nonce, what is sealed.
func openBatch(aead cipher.AEAD, data []byte) (plain []byte, size int, ok bool) {
	if len(data) < 4 {
		return nil, 0, false
	}
	length := int64(binary.LittleEndian.Uint32(data))
	if length < 12 || length > maxBatch || int64(len(data)-4) < length {
		return nil, 0, false
	}
	size = 4 + int(length)
	plain, err := aead.Open(nil, data[4:16], data[16:size], data[:4])
	return plain, size, err == nil
}

// take reads the pairs of number and key in a batch.
func (n *numbers) take(from month, batch []byte) error {
	r := reader{b: batch}
	for len(r.b) > 0 {
		number, key := r.uvarint(math.MaxUint32-1), string(r.bytes(maxKey))
		if r.err != nil {
			return fmt.Errorf("damaged: %w", r.err)
		}
		id := uint32(number)
		if known, ok := n.keys[id]; ok && known != key {
			return fmt.Errorf("damaged: number %d stands for two keys", id)
		} else if !ok {
			n.add(id, key)
		}
		n.mark(from, id)
	}
	return nil
}

func (n *numbers) add(id uint32, key string) {
	n.keys[id] = key
	h := maphash.String(n.seed, key)
	n.hash[h] = append(n.hash[h], id)
	n.next = max(n.next, id+1)
}

func (n *numbers) mark(from month, id uint32) {
	if n.used[from] == nil {
		n.used[from] = map[uint32]struct{}{}
	}
	n.used[from][id] = struct{}{}
}

func (n *numbers) path(from month) string { return filepath.Join(n.dir, from.String()+mapEnding) }

// find gives the number of a key that has one.
func (n *numbers) find(key []byte) (uint64, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for _, id := range n.hash[maphash.Bytes(n.seed, key)] {
		if n.keys[id] == string(key) {
			return mappedBit + uint64(id), true
		}
	}
	return 0, false
}

func (n *numbers) number(key []byte) (uint64, error) {
	if id, ok := n.find(key); ok {
		return id, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, id := range n.hash[maphash.Bytes(n.seed, key)] {
		if n.keys[id] == string(key) {
			return mappedBit + uint64(id), nil
		}
	}
	if uint64(n.next) >= n.limit {
		return 0, ErrFull
	}
	id := n.next
	n.add(id, strings.Clone(string(key)))
	return mappedBit + uint64(id), nil
}

// key is what a number stands for.
func (n *numbers) key(number uint64) (string, bool) {
	if number < mappedBit {
		return fmt.Sprint(number), true
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	key, ok := n.keys[uint32(number-mappedBit)]
	return key, ok
}

func (n *numbers) usedIn(p *period, id uint32) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	_, ok := n.used[p.from][id]
	return ok
}

// persist writes the keys of these numbers into their period's file and syncs it, before
// the log is written that uses them. Only one calls it at a time.
func (n *numbers) persist(p *period, ids []uint32) error {
	var plain []byte
	n.mu.RLock()
	fresh := make(map[uint32]struct{}, len(ids))
	for _, id := range ids {
		_, used := n.used[p.from][id]
		if _, seen := fresh[id]; used || seen {
			continue
		}
		key, ok := n.keys[id]
		if !ok {
			n.mu.RUnlock()
			return fmt.Errorf("voter number %d was not given out by Number", mappedBit+uint64(id))
		}
		fresh[id] = struct{}{}
		plain = appendBytes(binary.AppendUvarint(plain, uint64(id)), []byte(key))
	}
	n.mu.RUnlock()
	if len(fresh) == 0 {
		return nil
	}
	if err := n.write(p, plain); err != nil {
		return fmt.Errorf("write the keys of voters: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for id := range fresh {
		n.mark(p.from, id)
	}
	return nil
}

// write appends batches. After a failure the file is opened anew and cut back to what is whole: what
// a failed sync left in the system's memory can't be relied on.
func (n *numbers) write(p *period, plain []byte) error {
	f, err := n.fileOf(p)
	if err != nil {
		return err
	}
	var out []byte
	for len(plain) > 0 {
		cut := batchCut(plain)
		batch := make([]byte, 16, 16+cut+f.aead.Overhead())
		binary.LittleEndian.PutUint32(batch, uint32(12+cut+f.aead.Overhead()))
		if _, err := rand.Read(batch[4:16]); err != nil {
			return err
		}
		out = append(out, f.aead.Seal(batch, batch[4:16], plain[:cut], batch[:4])...)
		plain = plain[cut:]
	}
	_, err = f.file.WriteAt(out, f.size)
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		f.broken = true
		return err
	}
	f.size += int64(len(out))
	return nil
}

// batchCut says how many bytes of whole pairs fit one batch.
func batchCut(plain []byte) int {
	if len(plain) <= maxBatch/2 {
		return len(plain)
	}
	r := reader{b: plain}
	for len(plain)-len(r.b) < maxBatch/2 {
		r.uvarint(math.MaxUint32)
		r.bytes(maxKey)
	}
	return len(plain) - len(r.b)
}

func (n *numbers) fileOf(p *period) (*mapFile, error) {
	f := n.open[p.from]
	if f != nil && !f.broken {
		return f, nil
	}
	if f != nil {
		_ = f.file.Close()
		delete(n.open, p.from)
	}
	whole, err := n.loadPeriod(p)
	if err != nil {
		return nil, err
	}
	aead, err := p.sealing()
	if err != nil {
		return nil, err
	}
	file, err := n.files.Open(n.path(p.from), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	err = file.Truncate(whole)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = n.files.SyncDir(n.dir)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f = &mapFile{file: file, size: whole, aead: aead}
	n.open[p.from] = f
	return f, nil
}

// erase forgets a period: its file, and the keys that no later period used.
func (n *numbers) erase(p *period) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f := n.open[p.from]; f != nil {
		_ = f.file.Close()
		delete(n.open, p.from)
	}
	gone := n.used[p.from]
	delete(n.used, p.from)
	for id := range gone {
		kept := false
		for _, later := range n.used {
			_, here := later[id]
			kept = kept || here
		}
		if !kept {
			n.drop(id)
		}
	}
	if err := n.files.Remove(n.path(p.from)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return n.files.SyncDir(n.dir)
}

func (n *numbers) drop(id uint32) {
	h := maphash.String(n.seed, n.keys[id])
	delete(n.keys, id)
	rest := n.hash[h][:0]
	for _, other := range n.hash[h] {
		if other != id {
			rest = append(rest, other)
		}
	}
	if n.hash[h] = rest; len(rest) == 0 {
		delete(n.hash, h)
	}
}

func (n *numbers) close() error {
	var errs []error
	for _, f := range n.open {
		errs = append(errs, f.file.Close())
	}
	return errors.Join(errs...)
}
