package extract

import (
	crand "crypto/rand"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"portcullis.example/portcullis/internal/register/honey"
)

// order finds out by which columns the rows are sorted, if by any: an invented voter at the wrong
// place of a sorted list would be plain to see. It looks at the first rows.
type order struct{ sample [][]string }

// sampled is how many rows tell the order.
const sampled = 20_000

func (o *order) add(row []string) {
	if len(o.sample) < sampled {
		o.sample = append(o.sample, slices.Clone(row))
	}
}

// key is a column that rows rise by.
type key struct {
	column  int
	numbers bool
}

// by finds the columns, the coarsest first: of those that hardly ever fall within rows that are
// equal so far, the one that rises least. Run is how many rows are equal in all of them, on average.
func (o *order) by() (keys []key, run float64) {
	if len(o.sample) == 0 {
		return nil, 1
	}
	var open []int // rows that the columns so far do not part from the row before
	for i := 1; i < len(o.sample); i++ {
		open = append(open, i)
	}
	for len(open) >= 200 {
		next, ups := key{column: -1}, 0
		for c := range o.sample[0] {
			k := key{c, o.numbers(c)}
			up, down := o.steps(k, open)
			if up > 0 && down*1000 <= up && (next.column < 0 || up < ups) {
				next, ups = k, up
			}
		}
		if next.column < 0 {
			break
		}
		keys = append(keys, next)
		open = slices.DeleteFunc(open, func(i int) bool { return next.compare(o.sample[i-1], o.sample[i]) != 0 })
	}
	return keys, float64(len(o.sample)) / float64(len(o.sample)-len(open))
}

func (o *order) numbers(column int) bool {
	return !slices.ContainsFunc(o.sample, func(row []string) bool {
		_, err := strconv.ParseUint(row[column], 10, 64)
		return err != nil
	})
}

func (o *order) steps(k key, open []int) (up, down int) {
	for _, i := range open {
		switch k.compare(o.sample[i-1], o.sample[i]) {
		case -1:
			up++
		case 1:
			down++
		}
	}
	return up, down
}

func (k key) compare(a, b []string) int { return compare(a[k.column], b[k.column], k.numbers) }

func compare(a, b string, numbers bool) int {
	if numbers {
		x, errX := strconv.ParseUint(a, 10, 64)
		y, errY := strconv.ParseUint(b, 10, 64)
		switch {
		case errX != nil || errY != nil:
		case x < y:
			return -1
		case x > y:
			return 1
		default:
			return 0
		}
	}
	return strings.Compare(a, b)
}

// mix puts voters among rows: where they belong in sorted rows, else at random places.
type mix struct {
	keys   []key
	run    float64
	voters []honey.Voter
	random *rand.Rand
	left   int // rows that are still to come
	rows   int
}

func newMix(s *seen, voters []honey.Voter) *mix {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // it never fails, as its documentation says
	m := &mix{voters: slices.Clone(voters), random: rand.New(rand.NewChaCha8(seed)), left: s.rows}
	m.keys, m.run = s.order.by()
	m.random.Shuffle(len(m.voters), func(i, j int) { m.voters[i], m.voters[j] = m.voters[j], m.voters[i] })
	if len(m.keys) > 0 {
		slices.SortStableFunc(m.voters, func(a, b honey.Voter) int { return m.compare(a.Row, b.Row) })
	}
	return m
}

func (m *mix) compare(a, b []string) int {
	for _, k := range m.keys {
		if c := k.compare(a, b); c != 0 {
			return c
		}
	}
	return 0
}

// before emits the voters that stand before a row.
func (m *mix) before(row []string, emit func([]string) error) error {
	for len(m.voters) > 0 && m.here(row) {
		if err := emit(m.voters[0].Row); err != nil {
			return err
		}
		m.voters = m.voters[1:]
	}
	m.left--
	m.rows++
	return nil
}

// here draws so that each order of rows and voters is equally likely; in sorted rows among those that are equal.
func (m *mix) here(row []string) bool {
	if len(m.keys) == 0 {
		return m.random.IntN(max(1, m.left+len(m.voters))) < len(m.voters)
	}
	switch m.compare(m.voters[0].Row, row) {
	case -1:
		return true
	case 1:
		return false
	}
	return m.random.Float64() < 1/(m.run+1)
}

func (m *mix) rest(emit func([]string) error) error {
	for _, v := range m.voters {
		if err := emit(v.Row); err != nil {
			return err
		}
	}
	m.voters = nil
	return nil
}
