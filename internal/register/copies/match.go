package copies

import (
	"bytes"
	"time"
)

// How far from a date of birth the names of the same row may stand.
const (
	rowReach   = 320  // bytes to either side, within the line
	fieldReach = 480  // where a row has a line for each field
	margin     = 1024 // kept of a chunk for the next one
	maxWords   = 24   // of a row
	pairReach  = 4    // how many names apart the two of a person may stand
)

// Set is what is known of one register, extract, or set of honey voters.
type Set struct {
	*Filter
	Honey bool // its voters were invented for this one copy: a single one tells which copy it is
}

// count is what one set came to in one file.
type count struct {
	rows     int // names with their date of birth
	ids      int // numbers
	expected float64
	people   *sketch
	numbers  *sketch
	exact    map[uint64]struct{} // of honey voters: which
}

// matcher looks through text. It belongs to one goroutine.
type matcher struct {
	key    *Key
	sets   []Set
	births births
	shapes shapeSet // of numbers in any set
	alone  bool

	counts []count
	shape  structure
	first  int64 // where the first record stands, -1: nowhere
	base   int64 // offset of the text at hand

	fold    []byte
	named   []uint64 // names of the row at hand, in hashes
	singles []uint64 // those that may be whole names, in single
	hashes  [maxWords]uint64
	single  [maxWords]uint64
}

func newMatcher(key *Key, sets []Set, now time.Time) *matcher {
	m := &matcher{key: key, sets: sets, births: birthsAt(now)}
	for _, s := range sets {
		m.alone = m.alone || s.Alone
		for k := range s.rare {
			m.shapes.add(k)
		}
	}
	m.reset()
	return m
}

// reset begins a new file.
func (m *matcher) reset() {
	m.counts, m.shape, m.first, m.base = make([]count, len(m.sets)), structure{}, -1, 0
}

// scan looks through p[from:to]; what stands around it in p is context.
func (m *matcher) scan(p []byte, from, to int) {
	for i := from; i < to; {
		// most bytes are no digits: this is where the time goes
		for i < to && !isDigit(p[i]) {
			i++
		}
		if i >= to {
			return
		}
		i = m.number(p, i)
	}
}

// number looks at the run of digits at i and returns where to go on.
func (m *matcher) number(p []byte, i int) int {
	n := 1
	for i+n < len(p) && isDigit(p[i+n]) {
		n++
	}
	inWord := i > 0 && (isLetter(p[i-1]) || isDigit(p[i-1]))
	if !inWord && (n <= 2 || n == 4 || n == 8) {
		if d, ok := readDate(p, i, n); ok && m.births.holds(d.year) && (d.end >= len(p) || !isDigit(p[d.end])) {
			m.birth(p, i, d)
			return d.end
		}
	}
	if !m.shapes.any {
		return i + n
	}
	return m.id(p, i, i+n)
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func inID(c byte) bool { return isDigit(c) || isLetter(c) }

// joins are what numbers are written with in between.
func joins(c byte) bool { return c == '-' || c == '/' || c == '.' }

// id looks up the number of which digits stand at start, by itself and with what is joined to it.
func (m *matcher) id(p []byte, start, end int) int {
	for start > 0 && inID(p[start-1]) && end-start <= maxID {
		start--
	}
	for end < len(p) && inID(p[end]) && end-start <= maxID {
		end++
	}
	if m.lookID(p[start:end]) {
		return end
	}
	wide := end
	for range 3 { // groups
		if wide+1 >= len(p) || !joins(p[wide]) || !inID(p[wide+1]) || wide-start > maxID {
			break
		}
		wide++
		for wide < len(p) && inID(p[wide]) && wide-start <= maxID+4 {
			wide++
		}
		if m.lookID(p[start:wide]) {
			return wide
		}
	}
	return end
}

func (m *matcher) lookID(text []byte) (hit bool) {
	if len(text) < 3 || len(text) > m.shapes.longest+8 {
		return false
	}
	id, shape, ok := canonID(m.fold[:0], text)
	if m.fold = id; !ok {
		return false
	}
	if !m.shapes.has(shape) {
		return false
	}
	h := m.key.idHash(id)
	for i := range m.sets {
		density, rare := m.sets[i].rare[shape]
		if !rare {
			continue
		}
		c := &m.counts[i]
		c.expected += density
		if m.sets[i].table.has(h) {
			c.ids++
			c.number(h, m.sets[i].Honey)
			hit = true
		}
	}
	return hit
}

func (c *count) number(h uint64, honey bool) {
	if c.numbers == nil {
		c.numbers = new(sketch)
	}
	c.numbers.add(h)
	c.mark(h, honey)
}

func (c *count) person(h uint64, honey bool) {
	c.rows++
	if c.people == nil {
		c.people = new(sketch)
	}
	c.people.add(h)
	c.mark(h, honey)
}

// maxExact bounds which honey voters are told apart.
const maxExact = 1 << 16

func (c *count) mark(h uint64, honey bool) {
	if !honey || len(c.exact) >= maxExact {
		return
	}
	if c.exact == nil {
		c.exact = map[uint64]struct{}{}
	}
	c.exact[h] = struct{}{}
}

// birth looks whether the names around a date of birth are those of a voter born then.
func (m *matcher) birth(p []byte, at int, d date) {
	lo, hi := row(p, at, d.end)
	if len(m.sets) > 0 && m.known(p, lo, at, hi, d) {
		m.found(at)
		return
	}
	m.shape.add(p[lo:at], p[d.end:hi], d)
}

// known looks up the names before the date, then those around it, then those of the lines around.
func (m *matcher) known(p []byte, lo, at, hi int, d date) bool {
	m.named, m.singles = m.hashes[:0], m.single[:0]
	m.names(p[lo:at])
	if m.pairs(0, d) {
		return true
	}
	before := len(m.named)
	m.names(p[d.end:hi])
	if len(m.named) > before && m.pairs(before, d) {
		return true
	}
	if len(m.named) > 1 || len(m.singles) > 0 {
		return false
	}
	// a line for each field, it may be, or the date in brackets
	lo, hi = around(p, at, d.end, fieldReach)
	m.named, m.singles = m.hashes[:0], m.single[:0]
	m.names(p[lo:at])
	m.names(p[d.end:hi])
	return m.pairs(0, d)
}

func (m *matcher) found(at int) {
	if m.first < 0 {
		m.first = m.base + int64(at)
	}
}

// row finds the bounds of the row around start and end: the line, or what is in
// the same brackets where a line holds many rows.
func row(p []byte, start, end int) (lo, hi int) {
	lo, hi = around(p, start, end, rowReach)
	lo += bytes.LastIndexByte(p[lo:start], '\n') + 1
	if i := bytes.IndexByte(p[end:hi], '\n'); i >= 0 {
		hi = end + i
	}
	if line := p[lo:hi]; bytes.IndexByte(line, '(') >= 0 || bytes.IndexByte(line, '{') >= 0 {
		return brackets(p, lo, start, end, hi)
	}
	return lo, hi
}

// brackets narrows a line to what is within the innermost brackets around the date.
func brackets(p []byte, lo, start, end, hi int) (from, to int) {
	depth := 0
	for i := start - 1; i >= lo; i-- {
		switch p[i] {
		case ')', '}':
			depth++
		case '(', '{':
			if depth--; depth < 0 {
				lo = i + 1
			}
		}
	}
	depth = 0
	for i := end; i < hi; i++ {
		switch p[i] {
		case '(', '{':
			depth++
		case ')', '}':
			if depth--; depth < 0 {
				return lo, i
			}
		}
	}
	return lo, hi
}

func around(p []byte, start, end, reach int) (lo, hi int) {
	return max(0, start-reach), min(len(p), end+reach)
}

// names adds the hashes of those words that are somebody's name, in their order.
func (m *matcher) names(side []byte) {
	for s, e := nextWord(side, 0); s >= 0 && len(m.named) < maxWords; s, e = nextWord(side, e) {
		if e-s < 2 {
			continue
		}
		h, buf := m.key.word(m.fold, side[s:e])
		if m.fold = buf; !counts(buf) || !m.isName(h) {
			continue
		}
		if m.alone && alone(side[s:e]) {
			m.singles = append(m.singles, h)
		}
		m.named = append(m.named, h)
	}
}

func (m *matcher) isName(h uint64) bool {
	for i := range m.sets {
		if m.sets[i].words.has(h) {
			return true
		}
	}
	return false
}

// pairs looks up each two names that stand near each other, the second of them not before
// from, and stops at the first that is a voter.
func (m *matcher) pairs(from int, d date) bool {
	for r := range d.readings {
		day := d.day[r]
		for _, h := range m.singles {
			if m.look(m.key.pair(h, h, day)) {
				return true
			}
		}
		for j := max(1, from); j < len(m.named); j++ {
			for i := max(0, j-pairReach); i < j; i++ {
				if m.look(m.key.pair(m.named[i], m.named[j], day)) {
					return true
				}
			}
		}
	}
	return false
}

func (m *matcher) look(h uint64) (hit bool) {
	for i := range m.sets {
		if m.sets[i].table.has(h) {
			m.counts[i].person(h, m.sets[i].Honey)
			hit = true
		}
	}
	return hit
}

// structure counts rows by their shape alone: those that no set knows.
type structure struct {
	rows     int
	from, to int
	days     [64]uint64
}

// add counts a row with a date of birth if it has names and further fields.
func (s *structure) add(before, after []byte, d date) {
	parts, capital := 0, 0
	for _, side := range [2][]byte{before, after} {
		word := false
		for _, c := range side {
			letter := isLetter(c) || c >= 0x80
			if letter && !word && (c < 'a' || c >= 0x80) {
				capital++
			}
			word = letter
			if c == ',' || c == ';' || c == '\t' || c == '|' || c == ':' {
				parts++
			}
		}
	}
	if capital < 2 || parts < 3 {
		return
	}
	s.rows++
	if s.from == 0 || d.year < s.from {
		s.from = d.year
	}
	s.to = max(s.to, d.year)
	bit := uint32(d.day[0]) * 0x9e3779b1 >> 20
	s.days[bit>>6] |= 1 << (bit & 63)
}

// Rows that make a list of people by shape alone: births spread over decades as lives are, hardly two the same day.
const (
	shapeRows = 25
	shapeSpan = 20
)

func (s *structure) people() bool {
	if s.rows < shapeRows || s.to-s.from < shapeSpan {
		return false
	}
	distinct := 0
	for _, w := range s.days {
		for ; w != 0; w &= w - 1 {
			distinct++
		}
	}
	return distinct*2 >= min(s.rows, 2048)
}

// text feeds a matcher with chunks of any size.
type text struct {
	m    *matcher
	buf  []byte
	done int // of buf
}

// chunk is how much is looked at at a time.
const chunk = 256 << 10

// Write takes what comes and looks through all of it that has enough behind it.
func (t *text) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if t.buf == nil {
			t.buf = make([]byte, 0, chunk+2*margin)
		}
		k := min(len(p), cap(t.buf)-len(t.buf))
		t.buf = append(t.buf, p[:k]...)
		p = p[k:]
		if len(t.buf) == cap(t.buf) {
			t.work(cut(t.buf))
		}
	}
	return n, nil
}

// cut finds where a chunk is best ended: at the end of a line that has enough behind it.
func cut(buf []byte) int {
	end := len(buf) - margin
	if i := bytes.LastIndexByte(buf[:end], '\n'); i > end/2 {
		return i
	}
	for i := end; i > end-64; i-- { // not within a number
		if !inID(buf[i]) && !joins(buf[i]) {
			return i
		}
	}
	return end
}

func (t *text) work(end int) {
	t.m.scan(t.buf, t.done, end)
	keep := max(0, end-margin)
	t.m.base += int64(keep)
	t.done = end - keep
	t.buf = append(t.buf[:0], t.buf[keep:]...)
}

// end looks through the rest.
func (t *text) end() {
	t.m.scan(t.buf, t.done, len(t.buf))
	t.m.base += int64(len(t.buf))
	t.buf, t.done = t.buf[:0], 0
}
