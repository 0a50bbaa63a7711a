package meter

import "slices"

// page holds the tags of 65,536 neighbouring voters: as sorted lists while there are
// few, as an array of bytes once there are many. It is what a Roaring bitmap is for one bit, with a
// byte instead.
type page struct {
	keys  []uint16
	tags  []uint8
	dense *[1 << 16]uint8
	n     int // how many have a tag, where dense
}

// denseFrom is where the array takes over: below, an insertion moves at most 3 KB.
const denseFrom = 1024

func (p *page) empty() bool { return len(p.keys) == 0 && p.n == 0 }

// find gives a voter's tag, or 0, and where it is or would be.
func (p *page) find(lo uint16) (at int, tag uint8) {
	if p.dense != nil {
		return int(lo), p.dense[lo]
	}
	n := len(p.keys)
	if n == 0 || p.keys[n-1] < lo { // reading in order adds at the end
		return n, 0
	}
	at, found := slices.BinarySearch(p.keys, lo)
	if !found {
		return at, 0
	}
	return at, p.tags[at]
}

// put sets a tag at the place that find gave.
func (p *page) put(at int, lo uint16, fresh bool, tag uint8) {
	if p.dense != nil {
		if fresh {
			p.n++
		}
		p.dense[lo] = tag
		return
	}
	if !fresh {
		p.tags[at] = tag
		return
	}
	if len(p.keys) >= denseFrom {
		p.spread()
		p.put(0, lo, true, tag)
		return
	}
	p.keys = slices.Insert(p.keys, at, lo)
	p.tags = slices.Insert(p.tags, at, tag)
}

func (p *page) spread() {
	p.dense = new([1 << 16]uint8)
	for i, k := range p.keys {
		p.dense[k] = p.tags[i]
	}
	p.n, p.keys, p.tags = len(p.keys), nil, nil
}

func (p *page) remove(at int, lo uint16) {
	if p.dense != nil {
		p.dense[lo] = 0
		p.n--
		return
	}
	p.keys = slices.Delete(p.keys, at, at+1)
	p.tags = slices.Delete(p.tags, at, at+1)
}

// remap gives every voter the tag that takes the place of theirs; 0 forgets them.
func (p *page) remap(to *[maxTags]uint8) {
	if p.dense == nil {
		kept := 0
		for i, k := range p.keys {
			if tag := to[p.tags[i]]; tag != 0 {
				p.keys[kept], p.tags[kept] = k, tag
				kept++
			}
		}
		p.keys, p.tags = p.keys[:kept], p.tags[:kept]
		return
	}
	p.n = 0
	for i, tag := range p.dense {
		if p.dense[i] = to[tag]; p.dense[i] != 0 {
			p.n++
		}
	}
	if p.n < denseFrom/4 {
		p.gather()
	}
}

// gather goes back to lists when few are left.
func (p *page) gather() {
	p.keys, p.tags = make([]uint16, 0, p.n), make([]uint8, 0, p.n)
	for i, tag := range p.dense {
		if tag != 0 {
			p.keys, p.tags = append(p.keys, uint16(i)), append(p.tags, tag)
		}
	}
	p.dense, p.n = nil, 0
}
