package copies

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// slots are the entries of one block: sixteen of 32 bits are one cache line.
const slots = 16

// table is a set of 64-bit hashes, of which it keeps where they lie and 32 bits. A block that is full overflows into the next.
type table struct{ blocks [][slots]uint32 }

func newTable(entries int) table {
	return table{make([][slots]uint32, max(1, (entries*10+slots*6-1)/(slots*6)))}
}

func (t *table) place(h uint64) (block int, rest uint32) {
	rest = uint32(h)
	if rest == 0 {
		rest = 1 // 0 is an empty slot
	}
	return int((h >> 32) * uint64(len(t.blocks)) >> 32), rest
}

// ErrFull says that voters have more names than a filter of this size has room for: make it for twice as many.
var ErrFull = errors.New("copies: the filter is full; it was made for fewer voters")

// add tells whether the hash was new.
func (t *table) add(h uint64) (fresh bool, err error) {
	at, rest := t.place(h)
	for range min(len(t.blocks), 64) {
		b := &t.blocks[at]
		for i, have := range b {
			if have == rest {
				return false, nil
			}
			if have == 0 {
				b[i] = rest
				return true, nil
			}
		}
		if at++; at == len(t.blocks) {
			at = 0
		}
	}
	return false, ErrFull
}

func (t *table) has(h uint64) bool {
	if len(t.blocks) == 0 {
		return false
	}
	at, rest := t.place(h)
	for range min(len(t.blocks), 64) {
		b := &t.blocks[at]
		for _, have := range b {
			if have == rest {
				return true
			}
			if have == 0 { // slots are filled in order
				return false
			}
		}
		if at++; at == len(t.blocks) {
			at = 0
		}
	}
	return false
}

// bloom is a small set of words, asked before anything is combined: most words of a row are nobody's name.
type bloom struct{ bits []uint64 }

func newBloom(words int) bloom {
	n := 64
	for n < words/4 && n < 1<<18 { // 16 bits a word, 2 MiB at most
		n *= 2
	}
	return bloom{make([]uint64, n)}
}

func (b bloom) mask(h uint64) (word int, mask uint64) {
	return int(h >> 40 & uint64(len(b.bits)-1)), 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63)
}

func (b bloom) add(h uint64) {
	i, m := b.mask(h)
	b.bits[i] |= m
}

func (b bloom) has(h uint64) bool {
	i, m := b.mask(h)
	return b.bits[i]&m == m
}

// Header is what a filter tells of itself.
type Header struct {
	Label   string    `json:"label"` // which register or extract
	Key     string    `json:"key"`   // names the key
	Made    time.Time `json:"made"`
	Voters  int       `json:"voters"`
	IDs     int       `json:"ids"`     // numbers in it
	People  int       `json:"people"`  // combinations of names and a date
	Skipped int       `json:"skipped"` // rows with neither
	Alone   bool      `json:"alone"`   // has names in one word
	Shapes  []Shape   `json:"shapes"`  // of numbers
	Blocks  int       `json:"blocks"`
	Words   int       `json:"words"` // 64-bit words of the set of names
}

// Shape is how numbers look that begin alike, and how dense they are among all that look so.
type Shape struct {
	Length  int     `json:"length"`
	Letters int     `json:"letters"`
	Lead    int     `json:"lead"` // first two digits; -1 with letters
	Count   int     `json:"count"`
	Density float64 `json:"density"`
}

// Filter knows the voters of one register or extract.
type Filter struct {
	Header
	key   *Key
	table table
	words bloom
	rare  map[shapeKey]float64 // density of the shapes that say something
}

// Person is what is known of a voter. What is empty is not known.
type Person struct{ ID, Given, Family, Born string }

// shapeKey is a Shape without its counts, packed.
type shapeKey uint32

func shapeOf(length, letters, lead int) shapeKey {
	return shapeKey(length<<16 | letters<<8 | (lead + 1))
}

// shapeSet is a set of shapes, small enough to stay near.
type shapeSet struct {
	bits    [(maxID + 1) * (maxID + 1) * 2]uint64
	any     bool
	longest int
}

func (k shapeKey) place() (word int, bit uint64) {
	length, letters, lead := int(k>>16), int(k>>8&0xff), int(k&0xff)
	return (length*(maxID+1)+letters)*2 + lead>>6, 1 << (lead & 63)
}

func (s *shapeSet) add(k shapeKey) {
	i, bit := k.place()
	s.bits[i] |= bit
	s.any, s.longest = true, max(s.longest, int(k>>16))
}

func (s *shapeSet) has(k shapeKey) bool {
	i, bit := k.place()
	return s.bits[i]&bit != 0
}

// tooDense is from when on a number says nothing: too many of those around it are somebody's.
const tooDense = 0.02

// maxID bounds the length of a number.
const maxID = 24

// canonID writes a voter's number in the form that is hashed: letters and digits only,
// upper case, without the leading zeros that spreadsheets drop. ok is false where there is no digit.
func canonID(dst, id []byte) (out []byte, shape shapeKey, ok bool) {
	letters, numbers := 0, 0
	for _, c := range id {
		switch {
		case isDigit(c):
			if c == '0' && letters+numbers == 0 {
				continue
			}
			numbers++
		case 'a' <= c && c <= 'z':
			c -= 0x20
			letters++
		case 'A' <= c && c <= 'Z':
			letters++
		default:
			continue
		}
		if len(dst) >= maxID {
			return dst, 0, false
		}
		dst = append(dst, c)
	}
	if numbers == 0 {
		return dst, 0, false
	}
	lead := -1
	if letters == 0 {
		lead = int(dst[0]-'0') * 10
		if len(dst) > 1 {
			lead += int(dst[1] - '0')
		}
	}
	return dst, shapeOf(len(dst), letters, lead), true
}

// space is how many numbers there are of a shape.
func space(s Shape) float64 {
	if s.Letters == 0 {
		return math.Pow(10, float64(max(0, s.Length-2)))
	}
	return math.Pow(26, float64(s.Letters)) * math.Pow(10, float64(s.Length-s.Letters))
}

// Builder makes a filter.
type Builder struct {
	f      *Filter
	shapes map[shapeKey]int
	buf    []byte
	given  []uint64
	family []uint64
}

// NewBuilder makes a filter with room for a number of voters. What a label says stands in
// findings: it should name the register or the extract, and whom it was for.
func NewBuilder(key *Key, label string, voters int) *Builder {
	f := &Filter{Header: Header{Label: label, Key: key.id}, key: key, table: newTable(voters*7/2 + 64), words: newBloom(voters / 2)}
	return &Builder{f: f, shapes: map[shapeKey]int{}}
}

// Add takes a voter in. Nothing of the person is kept but hashes.
func (b *Builder) Add(p Person) error {
	f := b.f
	f.Voters++
	known := false
	id, shape, ok := canonID(b.buf[:0], []byte(p.ID))
	if b.buf = id; ok {
		fresh, err := f.table.add(f.key.idHash(id))
		if err != nil {
			return err
		}
		if fresh {
			f.IDs++
			b.shapes[shape]++
		}
		known = true
	}
	people, err := b.addNames(p)
	f.People += people
	if !known && people == 0 {
		f.Skipped++
	}
	return err
}

// idHash keeps numbers apart from words: the same letters may be both.
func (k *Key) idHash(id []byte) uint64 { return k.sum(id) ^ 0x9e3779b97f4a7c15 }

func (b *Builder) addNames(p Person) (added int, err error) {
	days := parseDate(p.Born)
	if len(days) == 0 {
		return 0, nil
	}
	b.given = b.hashes(b.given[:0], p.Given, 2)
	b.family = b.hashes(b.family[:0], p.Family, 3)
	if len(b.given) == 0 { // one column for the whole name
		b.given, b.family = b.family, b.hashes(b.given[:0], p.Family, 4)
	}
	for _, day := range days {
		n, err := b.addPairs(day)
		if added += n; err != nil {
			return added, err
		}
		if err := b.addAlone(p, day); err != nil {
			return added, err
		}
	}
	return added, nil
}

// addPairs takes in the first given name with each family name, and the others with the first: any of them will do
// to find a row again.
func (b *Builder) addPairs(day int32) (added int, err error) {
	for i, g := range b.given {
		for j, n := range b.family {
			if g == n && i == j && len(b.family) > 1 || i > 0 && j > 0 {
				continue
			}
			fresh, err := b.f.table.add(b.f.key.pair(g, n, day))
			if err != nil {
				return added, err
			}
			added += btoi(fresh)
		}
	}
	return added, nil
}

// addAlone takes in a name that is written in one word.
func (b *Builder) addAlone(p Person, day int32) error {
	whole := []byte(p.Family + p.Given)
	if !alone(whole) {
		return nil
	}
	h, buf := b.f.key.word(b.buf, whole)
	b.buf, b.f.Alone = buf, true
	b.f.words.add(h)
	_, err := b.f.table.add(b.f.key.pair(h, h, day))
	return err
}

// hashes of the words of a name, so many at most.
func (b *Builder) hashes(dst []uint64, name string, limit int) []uint64 {
	p := []byte(name)
	for start, end := nextWord(p, 0); start >= 0 && len(dst) < limit; start, end = nextWord(p, end) {
		h, buf := b.f.key.word(b.buf, p[start:end])
		if b.buf = buf; !counts(buf) {
			continue
		}
		b.f.words.add(h)
		dst = append(dst, h)
	}
	return dst
}

// Filter ends the making.
func (b *Builder) Filter(made time.Time) *Filter {
	f := b.f
	f.Made, f.Blocks, f.Words = made.UTC().Truncate(time.Second), len(f.table.blocks), len(f.words.bits)
	f.Shapes = f.Shapes[:0]
	for k, n := range b.shapes {
		s := Shape{Length: int(k >> 16), Letters: int(k >> 8 & 0xff), Lead: int(k&0xff) - 1, Count: n}
		s.Density = min(1, float64(n)/space(s))
		f.Shapes = append(f.Shapes, s)
	}
	f.index()
	return f
}

// index picks the shapes that say something.
func (f *Filter) index() {
	f.rare = map[shapeKey]float64{}
	for _, s := range f.Shapes {
		if s.Density <= tooDense {
			f.rare[shapeOf(s.Length, s.Letters, s.Lead)] = s.Density
		}
	}
}

// HasID tells whether a voter's number is in the filter.
func (f *Filter) HasID(id string) bool {
	canon, _, ok := canonID(nil, []byte(id))
	return ok && f.table.has(f.key.idHash(canon))
}

// HasPerson tells whether somebody of that name and date of birth is in the filter.
func (f *Filter) HasPerson(p Person) bool {
	days := parseDate(p.Born)
	b := Builder{f: &Filter{key: f.key, words: newBloom(0)}}
	given, family := b.hashes(nil, p.Given, 2), b.hashes(nil, p.Family, 3)
	if len(given) == 0 {
		given = family
	}
	for _, g := range given {
		for _, n := range family {
			if slices.ContainsFunc(days, func(day int32) bool { return f.table.has(f.key.pair(g, n, day)) }) {
				return true
			}
		}
	}
	return false
}

// Taken tells whether a voter has the number or, where none is given, the names and the date of birth.
func (f *Filter) Taken(p Person) bool {
	if p.ID != "" {
		return f.HasID(p.ID)
	}
	return f.HasPerson(p)
}

// sizeBytes is how large the filter is.
func (f *Filter) sizeBytes() int64 {
	return int64(len(f.table.blocks))*slots*4 + int64(len(f.words.bits))*8
}

// sizes checks what a header claims.
func (h *Header) sizes() error {
	const most = 1 << 26 // 4 GiB: 600 million entries
	switch {
	case h.Blocks < 1 || h.Blocks > most:
		return fmt.Errorf("copies: the filter claims %d blocks", h.Blocks)
	case h.Words < 64 || h.Words > 1<<18 || h.Words&(h.Words-1) != 0:
		return fmt.Errorf("copies: the filter claims %d words", h.Words)
	case len(h.Shapes) > 10_000:
		return errors.New("copies: the filter claims too many shapes of numbers")
	}
	for _, s := range h.Shapes {
		if s.Length < 1 || s.Length > maxID || s.Letters < 0 || s.Letters > s.Length || s.Lead < -1 || s.Lead > 99 || s.Density < 0 || s.Density > 1 || math.IsNaN(s.Density) {
			return errors.New("copies: the filter holds a shape of numbers that cannot be")
		}
	}
	return nil
}

func putBlock(dst []byte, b *[slots]uint32) {
	for i, v := range b {
		binary.LittleEndian.PutUint32(dst[4*i:], v)
	}
}

func getBlock(b *[slots]uint32, src []byte) {
	for i := range b {
		b[i] = binary.LittleEndian.Uint32(src[4*i:])
	}
}
