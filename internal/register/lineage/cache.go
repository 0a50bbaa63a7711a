package lineage

import "sync"

// cache keeps plans by text and settings in two generations: when the young one is full the old one is dropped and the
// young one takes its place. What is in use is copied back before it is lost.
type cache struct {
	mu         sync.RWMutex // guards all below
	young, old map[cacheKey][]Plan
	size, max  int
}

type cacheKey struct{ text, settings string }

func newCache(limit int) *cache {
	if limit <= 0 {
		limit = 64 << 20
	}
	return &cache{young: map[cacheKey][]Plan{}, max: limit / 2}
}

func (c *cache) get(k cacheKey) ([]Plan, bool) {
	c.mu.RLock()
	plans, ok := c.young[k]
	if ok {
		c.mu.RUnlock()
		return plans, true
	}
	plans, ok = c.old[k]
	c.mu.RUnlock()
	if ok {
		c.put(k, plans)
	}
	return plans, ok
}

func (c *cache) put(k cacheKey, plans []Plan) {
	size := 1024 + len(k.text) + len(k.settings)
	for i := range plans {
		size += 2*len(plans[i].Text) + 512
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size += size; c.size > c.max {
		c.old, c.young, c.size = c.young, map[cacheKey][]Plan{}, size
	}
	c.young[k] = plans
}
