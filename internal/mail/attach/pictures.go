package attach

import (
	"crypto/sha256"
	"slices"
	"sync"
)

// Pictures remembers what was found in pictures: the same logo hangs on every mail of an
// organisation, and looking for codes in it is what mail with pictures costs most. What is
// remembered is what looking again would find, so nobody can tell, but by the time it takes.
// It is safe for concurrent use; nil remembers nothing.
type Pictures struct {
	mu           sync.Mutex
	young, older map[picture][]string // guarded by mu: the codes of each picture
}

// picture is a picture's bytes and what they were read as.
type picture struct {
	sum [sha256.Size]byte
	typ string
}

const (
	maxPictures = 2048 // of one age; the elder are forgotten when the younger are as many
	maxKept     = 512  // bytes of codes kept of one picture
)

// codes returns the codes of a picture, looking only if it is not remembered; ok is false if
// looking could not read it.
func (p *Pictures) codes(data []byte, typ string, look func() ([]string, bool)) (found []string, ok bool) {
	if p == nil {
		return look()
	}
	key := picture{sha256.Sum256(data), typ}
	if found, ok := p.recall(key); ok {
		return found, true
	}
	if found, ok = look(); !ok {
		return nil, false
	}
	size := 0
	for _, text := range found {
		size += len(text)
	}
	if size <= maxKept {
		p.keep(key, found)
	}
	return found, true
}

func (p *Pictures) recall(key picture) (found []string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found, ok = p.young[key]; ok {
		return found, true
	}
	if found, ok = p.older[key]; ok {
		p.put(key, found)
	}
	return found, ok
}

func (p *Pictures) keep(key picture, found []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(key, slices.Clone(found))
}

// put is for who holds the lock.
func (p *Pictures) put(key picture, found []string) {
	if p.young == nil || len(p.young) >= maxPictures {
		p.older, p.young = p.young, make(map[picture][]string)
	}
	p.young[key] = found
}
