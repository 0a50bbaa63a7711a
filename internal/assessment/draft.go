package assessment

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"portcullis.example/portcullis"
)

// Observation is something that was seen and may bear on who did it.
type Observation struct {
	ID     string    `json:"id"` // "": derived from the rest
	Kind   string    `json:"kind"`
	Value  string    `json:"value"`
	Vertex Vertex    `json:"vertex"` // "": the kind's usual one
	Origin string    `json:"origin"`
	Via    string    `json:"via,omitempty"`
	Hash   string    `json:"hash,omitempty"`
	Grade  Grade     `json:"grade"`
	Time   time.Time `json:"time,omitzero"`
	Note   string    `json:"note,omitempty"`
}

// kindRules are declared, not learnt: where evidence of a kind stands, and whether it
// is cheap to fake. To fake a technique means to really work that way.
type kindRules struct {
	vertex  Vertex
	planted bool
}

// plantedShare is the share of actors who plant marks of another, as declared.
const plantedShare = 0.1

var rulesOf = map[string]kindRules{
	KindTechnique:      {Capability, false},
	KindInfrastructure: {Infrastructure, true},
	KindTool:           {Capability, true},
	KindVictim:         {Victim, false},
	KindPersona:        {Adversary, true},
}

func rules(kind string) kindRules {
	if r, ok := rulesOf[kind]; ok {
		return r
	}
	return kindRules{Adversary, true}
}

// VertexOf is the Diamond vertex that evidence of a kind usually stands on.
func VertexOf(kind string) Vertex { return rules(kind).vertex }

// Drafter drafts evidence from observations: it puts on the ladder how much each listed
// actor, and each of the standing rivals, would lead one to expect what was seen. A
// person may change what it drafts; both are in the record.
type Drafter struct {
	asks       []Proposition
	actors     []Profile
	ordinary   Profile
	population *Population
}

// NewDrafter drafts for the actors listed, before the background of everybody who is
// loaded. Ordinary is what ordinary marketing and research look like, as far as the
// operator says; without traits of a kind, they are expected to look like anybody. It
// drafts on the propositions named, of Actor and StateAffiliated.
func NewDrafter(actors []Profile, ordinary Profile, population *Population, asks ...Proposition) *Drafter {
	actors = slices.SortedFunc(slices.Values(actors), func(a, b Profile) int { return cmp.Compare(a.ID, b.ID) })
	return &Drafter{asks: asks, actors: actors, ordinary: ordinary, population: population}
}

// Draft turns observations into evidence. Echoes change
// nothing here either: what is weighed together are values, each once.
func (d *Drafter) Draft(observations []Observation) []Evidence {
	byKind := map[string][]string{}
	for _, o := range observations {
		byKind[o.Kind] = append(byKind[o.Kind], traitValue(o.Value))
	}
	var blocks []*block
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		values := byKind[kind]
		slices.Sort(values)
		blocks = append(blocks, d.block(kind, slices.Compact(values)))
	}
	d.flag(blocks)
	table := map[[2]string]map[Proposition]map[string]Rung{}
	for _, b := range blocks {
		columns := d.columns(b)
		for i, v := range b.values {
			table[[2]string{b.kind, v}] = columns.row(i)
		}
	}
	out := make([]Evidence, len(observations))
	for i, o := range observations {
		out[i] = o.evidence(table[[2]string{o.Kind, traitValue(o.Value)}])
	}
	return out
}

func (o Observation) evidence(likelihood map[Proposition]map[string]Rung) Evidence {
	value := traitValue(o.Value)
	id := o.ID
	if id == "" {
		id = string(portcullis.NewID("evidence", o.Kind, value, o.Origin, o.Via, o.Hash, string(o.Grade), o.Time.UTC().Format(time.RFC3339Nano)))
	}
	return Evidence{
		ID: id, Hash: o.Hash, Origin: o.Origin, Via: o.Via, Claim: o.Kind + ":" + value, Kind: o.Kind,
		Vertex: cmp.Or(o.Vertex, VertexOf(o.Kind)), Grade: o.Grade, Time: utc(o.Time), Group: Ungrouped,
		Note: cmp.Or(o.Note, fmt.Sprintf("%s %s was seen", o.Kind, o.Value)), Likelihood: likelihood,
	}
}

// columns are logarithms of likelihoods, by proposition, hypothesis and value.
type columns map[Proposition]map[string][]float64

func (c columns) row(i int) map[Proposition]map[string]Rung {
	out := map[Proposition]map[string]Rung{}
	for p, by := range c {
		ids := slices.Sorted(maps.Keys(by))
		logs := make([]float64, len(ids))
		for n, id := range ids {
			logs[n] = by[id][i]
		}
		out[p] = make(map[string]Rung, len(ids))
		for n, r := range rungs(logs) {
			out[p][ids[n]] = r
		}
	}
	return out
}

// Ids of the hypotheses of StateAffiliated.
const (
	AffiliatedID  = "state"
	IndependentID = "independent"
)

// block is the values of one kind with what each hypothesis leads one to expect of
// them: logarithms of likelihoods.
type block struct {
	kind     string
	values   []string
	base     []float64   // how common each is
	listed   [][]float64 // what each actor shows by its profile
	actor    [][]float64 // the same with planted marks allowed for
	unknown  []float64
	flagged  []float64
	ordinary []float64
}

func (d *Drafter) block(kind string, values []string) *block {
	m := d.population.kinds[kind]
	if m == nil {
		m = &kindModel{novelty: 1, unseen: float64(len(values) + 1)}
	}
	b := &block{kind: kind, values: values, base: make([]float64, len(values))}
	for i, v := range values {
		b.base[i] = m.common(v)
	}
	for _, a := range d.actors {
		b.listed = append(b.listed, b.known(a.Traits[kind]))
	}
	b.actor = slices.Clone(b.listed)
	b.unknown = together(m.kinRows(values, b.base, m.kinship, -1))
	b.flagged, b.ordinary = b.unknown, b.unknown
	if traits := d.ordinary.Traits[kind]; len(traits) > 0 {
		b.ordinary = b.known(traits)
	}
	return b
}

// completeness is averaged over: of what an actor shows, the share that its profile has.
// Nobody knows it. Profiles are made of what was published of past incidents, and one
// that misses much of what is seen is likelier to be incomplete than to be of another.
var completeness = []float64{0.75, 0.6, 0.45, 0.3, 0.15}

// known is what an actor known for the set leads one to expect of each value. Groups
// known for much are expected to show any one thing less often than groups known for
// little; otherwise the best documented group would fit everything.
func (b *block) known(set []string) []float64 {
	rows := make([][]float64, len(completeness))
	if len(set) == 0 {
		return together([][]float64{kin(b.values, b.base, nil, 0)})
	}
	for i, c := range completeness {
		rows[i] = kin(b.values, b.base, set, c)
	}
	return together(rows)
}

// flag allows for marks that are planted. Somebody who plants marks of a listed actor
// leads one to expect of each mark that can be planted that it is that actor's, or else
// his own; the same actor's for all, nobody knows whose. Every listed actor may be that
// somebody: whoever it was may have worn another's marks.
func (d *Drafter) flag(blocks []*block) {
	var marks []*block
	for _, b := range blocks {
		if rules(b.kind).planted && len(d.actors) > 0 {
			marks = append(marks, b)
		}
	}
	rows, own := make([][]float64, len(d.actors)), make([][]float64, len(d.actors))
	for x := range d.actors {
		for _, b := range marks {
			own[x] = append(own[x], b.listed[x]...)
			for i := range b.values {
				rows[x] = append(rows[x], logSum([]float64{b.unknown[i], b.listed[x][i]})-math.Ln2)
			}
		}
	}
	if len(marks) == 0 {
		return
	}
	flagged := together(rows)
	at := 0
	for _, b := range marks {
		b.flagged = flagged[at : at+len(b.values)]
		at += len(b.values)
	}
	for x := range own {
		worn := either(own[x], flagged, plantedShare)
		for _, b := range marks {
			b.actor[x], worn = worn[:len(b.values)], worn[len(b.values):]
		}
	}
}

// either is what one leads one to expect who shows the first row, or with the given
// share the second instead.
func either(first, second []float64, share float64) []float64 {
	var a, b float64
	for i := range first {
		a, b = a+first[i], b+second[i]
	}
	joint := func(skip int) float64 {
		x, y := a+math.Log(1-share), b+math.Log(share)
		if skip >= 0 {
			x, y = x-first[skip], y-second[skip]
		}
		return logSum([]float64{x, y})
	}
	return apportion(joint, len(first))
}

func (d *Drafter) columns(b *block) columns {
	standing := map[string][]float64{Unknown: b.unknown, FalseFlag: b.flagged, Ordinary: b.ordinary}
	c := columns{}
	if slices.Contains(d.asks, Actor) {
		c[Actor] = maps.Clone(standing)
		for i, a := range d.actors {
			c[Actor][a.ID] = b.actor[i]
		}
	}
	if slices.Contains(d.asks, StateAffiliated) {
		c[StateAffiliated] = d.affiliation(standing, b.actor)
	}
	return c
}

// affiliation weighs the listed actors of states together against the others. Where one
// side is empty nothing is known, and nothing is said.
func (d *Drafter) affiliation(standing map[string][]float64, listed [][]float64) map[string][]float64 {
	var sides [2][][]float64
	for i, a := range d.actors {
		side := 0
		if a.State {
			side = 1
		}
		sides[side] = append(sides[side], listed[i])
	}
	by := maps.Clone(standing)
	by[AffiliatedID], by[IndependentID] = standing[Unknown], standing[Unknown]
	if len(sides[0]) > 0 && len(sides[1]) > 0 {
		by[AffiliatedID], by[IndependentID] = together(sides[1]), together(sides[0])
	}
	return by
}

// together is what one of several leads one to expect, nobody knows which: all the
// values from the same one.
func together(listed [][]float64) []float64 {
	if len(listed) == 0 {
		return nil
	}
	return apportion(func(skip int) float64 {
		sums := make([]float64, len(listed))
		for g, row := range listed {
			for i, l := range row {
				if i != skip {
					sums[g] += l
				}
			}
		}
		return logSum(sums) - math.Log(float64(len(sums)))
	}, len(listed[0]))
}

// apportion shares the logarithm of a joint likelihood out over its values, in
// proportion to how little each is expected once all the others are seen. A matrix has
// a row for each value; where values hang together, as they do for an actor who is
// like some known group, no row alone says it, but the rows together do. What joint
// gives for −1 is for all values, for i without the i-th.
func apportion(joint func(skip int) float64, n int) []float64 {
	all, sum := joint(-1), 0.0
	out := make([]float64, n)
	for i := range out {
		out[i] = min(all-joint(i), -1e-9)
		sum += out[i]
	}
	for i := range out {
		out[i] *= min(all, -1e-9) / sum
	}
	return out
}
