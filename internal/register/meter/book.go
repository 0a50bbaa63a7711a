package meter

import "iter"

// book finds pages by their number. Dense numbers, which is what voters have, are found
// by index; what lies far out is found too.
type book struct {
	near []*page          // of the numbers below nearPages
	far  map[uint64]*page // of all others
}

// nearPages reach to 268 million voters.
const nearPages = 4096

// page finds a page or makes it.
func (b *book) page(number uint64) *page {
	if number < uint64(len(b.near)) {
		if p := b.near[number]; p != nil {
			return p
		}
	}
	return b.add(number)
}

func (b *book) add(number uint64) *page {
	if p := b.far[number]; p != nil {
		return p
	}
	p := &page{}
	b.put(number, p)
	return p
}

func (b *book) put(number uint64, p *page) {
	if number >= nearPages {
		if b.far == nil {
			b.far = map[uint64]*page{}
		}
		b.far[number] = p
		return
	}
	for uint64(len(b.near)) <= number {
		b.near = append(b.near, nil)
	}
	b.near[number] = p
}

func (b *book) remove(number uint64) {
	if number < nearPages {
		b.near[number] = nil
		return
	}
	delete(b.far, number)
}

// all goes through the pages there are. A page may be removed meanwhile.
func (b *book) all() iter.Seq2[uint64, *page] {
	return func(yield func(uint64, *page) bool) {
		for n, p := range b.near {
			if p != nil && !yield(uint64(n), p) {
				return
			}
		}
		for n, p := range b.far {
			if !yield(n, p) {
				return
			}
		}
	}
}
