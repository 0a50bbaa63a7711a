package assessment

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
)

// Population is what the loaded profiles say together of one kind of trait: how
// common each value is, how often something is new, and how much groups resemble one
// another. It is what an actor like none listed is weighed against.
type Population struct {
	kinds map[string]*kindModel
}

// kindModel is the background for one kind.
type kindModel struct {
	held    map[string]float64 // in how many profiles each value is
	total   float64
	sets    [][]string // of profiles that have any, each sorted
	novelty float64    // share of what is seen that no profile has
	unseen  float64    // how many values nobody has seen yet there are likely to be
	kinship float64    // share of a new group's ways that resemble a known group's
}

// NewPopulation learns the background from profiles: all that are loaded, whether
// they are among the hypotheses or not. Nothing of a case or of a simulation enters.
func NewPopulation(profiles []Profile) *Population {
	p := &Population{kinds: map[string]*kindModel{}}
	profiles = slices.SortedFunc(slices.Values(profiles), func(a, b Profile) int { return cmp.Compare(a.ID, b.ID) })
	for _, profile := range profiles {
		for kind, values := range profile.Traits {
			if len(values) == 0 {
				continue
			}
			m := p.kinds[kind]
			if m == nil {
				m = &kindModel{held: map[string]float64{}}
				p.kinds[kind] = m
			}
			m.add(values)
		}
	}
	for _, m := range p.kinds {
		m.estimate()
	}
	return p
}

func (m *kindModel) add(values []string) {
	values = slices.Compact(slices.Sorted(slices.Values(values)))
	m.sets = append(m.sets, values)
	for _, v := range values {
		m.held[v]++
		m.total++
	}
}

// estimate finds how much is new and how alike groups are.
//
// The chance that the next value is one never seen is Good and Turing's: the values
// held by one profile only, over all. How many there are to come is Chao's estimate
// from those held once and twice. Half of one is added to each count, so that a small
// galaxy claims no certainty.
func (m *kindModel) estimate() {
	once, twice := 0.5, 0.5
	for _, n := range m.held {
		switch n {
		case 1:
			once++
		case 2:
			twice++
		}
	}
	m.novelty = min(once/(m.total+1), 0.9)
	m.unseen = max(once*once/(2*twice), once)
	m.kinship = m.fitKinship()
}

// common is how likely the next value is this one, by how many hold it alone.
func (m *kindModel) common(v string) float64 {
	if n := m.held[v]; n > 0 {
		return (1 - m.novelty) * n / m.total
	}
	return m.novelty / m.unseen
}

// commonWithout is common had a group that has the value, and size values in all, not
// been seen.
func (m *kindModel) commonWithout(v string, size int) float64 {
	n, total := m.held[v]-1, m.total-float64(size)
	if n <= 0 || total <= 0 {
		return m.novelty / m.unseen
	}
	return (1 - m.novelty) * n / total
}

// fitKinship finds by leaving each group out in turn how much of a group's ways are
// taken from some group already known, as against from what is common to all: the
// value that makes the groups left out likeliest (empirical Bayes). A new actor is
// then as much like the known ones as they are like each other.
func (m *kindModel) fitKinship() float64 {
	best, most := 0.0, math.Inf(-1)
	sets := m.samples()
	for _, kinship := range []float64{0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8} {
		sum := 0.0
		for i, s := range sets {
			sum += m.mixture(s, kinship, i)
		}
		if sum > most {
			best, most = kinship, sum
		}
	}
	return best
}

// sampled is how many values of each group the fit looks at: about as many as a case
// shows. Whole sets would let the largest groups decide alone.
const sampled = 8

// samples takes some values of each set, the same ones every time.
func (m *kindModel) samples() [][]string {
	out := make([][]string, len(m.sets))
	for i, set := range m.sets {
		set = slices.Clone(set)
		slices.SortFunc(set, func(a, b string) int { return cmp.Or(cmp.Compare(scatter(a, i), scatter(b, i)), cmp.Compare(a, b)) })
		out[i] = set[:min(sampled, len(set))]
	}
	return out
}

func scatter(v string, salt int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte{byte(salt), byte(salt >> 8)})
	_, _ = h.Write([]byte(v))
	return h.Sum64()
}

// mixture is the logarithm of how likely values are together for somebody who is like
// one of the known groups, nobody knows which. The group at index except is left out.
func (m *kindModel) mixture(values []string, kinship float64, except int) float64 {
	base := make([]float64, len(values))
	for i, v := range values {
		base[i] = m.common(v)
		if except >= 0 { // as if the group had never been seen
			base[i] = m.commonWithout(v, len(m.sets[except]))
		}
	}
	rows := m.kinRows(values, base, kinship, except)
	logs := make([]float64, len(rows))
	for g, row := range rows {
		for _, l := range row {
			logs[g] += l
		}
	}
	return logSum(logs) - math.Log(float64(len(logs)))
}

// kinRows are, for each known group, the logarithms of how likely each value is for
// somebody like it; one row without a group if none is known.
func (m *kindModel) kinRows(values []string, base []float64, kinship float64, except int) (rows [][]float64) {
	for g, set := range m.sets {
		if g != except {
			rows = append(rows, kin(values, base, set, kinship))
		}
	}
	if len(rows) == 0 {
		rows = append(rows, kin(values, base, nil, 0))
	}
	return rows
}

func kin(values []string, base []float64, set []string, kinship float64) []float64 {
	row := make([]float64, len(values))
	for i, v := range values {
		p := (1 - kinship) * base[i]
		if _, has := slices.BinarySearch(set, v); has {
			p += kinship / float64(len(set))
		}
		row[i] = math.Log(max(p, 1e-12))
	}
	return row
}

func logSum(logs []float64) float64 {
	top := slices.Max(logs)
	sum := 0.0
	for _, l := range logs {
		sum += math.Exp(l - top)
	}
	return top + math.Log(sum)
}
