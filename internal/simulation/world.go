// Package simulation makes incidents whose actor is known, to find out whether
// assessments are right as often as they say.
//
// It draws a world: groups with ways of working, servers, tools and victims; what has
// been published of some of them, with omissions and mistakes; and incidents, of which
// sources of differing soundness report parts, wrongly at times, and repeat one another.
// Some actors plant marks of others.
//
// # What keeps it honest
//
// It imports nothing of the program, and package assessment may not import it. The
// parameters of a world are drawn anew from wide ranges for each seed and are not
// exported, so there is nothing to fit a method to but the habit of being careful.
// What leaves is what an analyst would have: Public profiles and an incident's
// Reports. Truth is for whoever keeps the score.
//
// What it cannot show is that the real world is like it. A method calibrated here is
// calibrated on a simulation and nothing more.
//
// # Simpler methods
//
// Methods are what one would try first: counting consistent evidence as in an analysis of
// competing hypotheses, the same without echoes, and naive Bayes. They get the same
// input and set the mark that weighing must beat.
package simulation

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Kinds of values in profiles and reports.
const (
	Technique      = "technique"
	Infrastructure = "infrastructure"
	Tool           = "tool"
	Victim         = "victim"
	Persona        = "persona"
)

var kinds = []string{Technique, Infrastructure, Tool, Victim, Persona}

// Group is a group with the techniques that are held of it.
type Group struct {
	Name       string
	Techniques []string
}

// Scenario is one state of the world.
type Scenario struct {
	Name     string
	Unlisted float64 // share of incidents by actors who are not listed
	DropOut  float64 // factor on the share of what is done that nobody sees
	// NeverSeen lets the unlisted be groups of a kind that no collection of groups
	// resembles; otherwise they are groups of the same collection, left off the list.
	NeverSeen bool
}

// Scenarios are the nominal one and those in which the world has shifted.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "nominal", Unlisted: 0.30, DropOut: 1},
		{Name: "doubled drop-out", Unlisted: 0.30, DropOut: 2},
		{Name: "60 % unlisted", Unlisted: 0.60, DropOut: 1},
		{Name: "groups never seen", Unlisted: 0.30, DropOut: 1, NeverSeen: true},
	}
}

// Profile is what is published of a group.
type Profile struct {
	Name   string
	Traits map[string][]string // by kind, sorted
}

// World is a drawn world. Its parameters are nobody's to read.
type World struct {
	rng      *rand.Rand
	scenario Scenario
	hidden   parameters
	listed   []*actor
	unlisted []*actor
	common   map[string]*pool // what anybody may show, by kind
	public   []Profile
	ordinary Profile
}

// parameters are drawn per world from the ranges that drawParameters names.
type parameters struct {
	dropOut     float64 // of what is done, the share nobody sees
	misreported float64 // of a published set, the share that is wrong
	unreported  float64 // beyond a published set, the share that nobody published
	fidelity    float64 // of what an actor does, the share that is its own way
	busy        float64 // techniques in an incident, on average
	reuse       float64 // of servers in an incident, the share used before
	published   float64 // of an actor's servers and tools, the share published
	mistaken    float64 // of published servers, the share that is another's
	flags       float64 // of incidents, the share with planted marks
	ordinary    float64 // of incidents, the share that is no attack
	garbled     float64 // of reported facts, the share that is wrong
	repeats     float64 // echoes of a report, on average
	laundered   float64 // of echoes, the share that hides where it has it from
	fame        float64 // how unevenly incidents fall on groups
	sources     []source
}

type source struct {
	name  string
	sound float64 // the share of incidents in which it is right at all
	seen  float64 // of the facts, the share it has
}

// New draws a world from groups. The seed gives the world; a scenario shifts it.
func New(groups []Group, s Scenario, seed uint64) *World {
	w := &World{rng: rand.New(rand.NewPCG(seed, 0x5eed)), scenario: s, common: map[string]*pool{}}
	w.drawParameters()
	w.drawCommon(groups)
	order := w.rng.Perm(len(groups))
	cut := len(groups) * 7 / 10
	for i, g := range order {
		a := w.drawActor(groups[g])
		if i < cut {
			w.listed = append(w.listed, a)
		} else {
			w.unlisted = append(w.unlisted, a)
		}
	}
	if s.NeverSeen {
		w.unlisted = w.strangers(len(w.unlisted))
	}
	w.publish()
	return w
}

func (w *World) between(low, high float64) float64 { return low + w.rng.Float64()*(high-low) }

func (w *World) drawParameters() {
	h := &w.hidden
	h.dropOut = min(w.between(0.25, 0.45)*w.scenario.DropOut, 0.92)
	h.misreported = w.between(0.05, 0.20)
	h.unreported = w.between(0.15, 0.45)
	h.fidelity = w.between(0.70, 0.92)
	h.busy = w.between(7, 13)
	h.reuse = w.between(0.10, 0.40)
	h.published = w.between(0.30, 0.70)
	h.mistaken = w.between(0.03, 0.12)
	h.flags = w.between(0.05, 0.15)
	h.ordinary = w.between(0.03, 0.08)
	h.garbled = w.between(0.05, 0.20)
	h.repeats = w.between(0.5, 2)
	h.laundered = w.between(0, 0.05)
	h.fame = w.between(0.3, 0.9)
	h.sources = []source{{"own sensors", w.between(0.94, 0.99), w.between(0.5, 0.75)}}
	for i, r := range [][2]float64{{0.82, 0.96}, {0.82, 0.96}, {0.65, 0.90}, {0.65, 0.90}, {0.60, 0.85}, {0.35, 0.70}, {0.35, 0.70}, {0.1, 0.5}} {
		h.sources = append(h.sources, source{fmt.Sprintf("source %d", i+1), w.between(r[0], r[1]), w.between(0.15, 0.4)})
	}
}

// pool is a set of values of which some are more common than others.
type pool struct {
	values []string
	sums   []float64
}

func newPool(values []string, weight func(i int) float64) *pool {
	p := &pool{values: values}
	sum := 0.0
	for i := range values {
		sum += weight(i)
		p.sums = append(p.sums, sum)
	}
	return p
}

func (p *pool) draw(rng *rand.Rand) string {
	at, _ := slices.BinarySearch(p.sums, rng.Float64()*p.sums[len(p.sums)-1])
	return p.values[min(at, len(p.values)-1)]
}

func (w *World) drawCommon(groups []Group) {
	held := map[string]int{}
	for _, g := range groups {
		for _, t := range g.Techniques {
			held[t]++
		}
	}
	techniques := make([]string, 0, len(held))
	for t := range held {
		techniques = append(techniques, t)
	}
	slices.Sort(techniques)
	w.common[Technique] = newPool(techniques, func(i int) float64 { return float64(held[techniques[i]]) })
	w.common[Tool] = newPool(numbered("public tool", 60), falling(0.9))
	w.common[Infrastructure] = newPool(append(numbered("provider", 50), append(numbered("relay", 80), numbered("registrar", 20)...)...), falling(0.7))
	w.common[Victim] = newPool(numbered("sector", 14), falling(0.5))
	w.common[Persona] = newPool(numbered("working hours", 24), falling(0.3))
}

func falling(by float64) func(int) float64 {
	return func(i int) float64 { return math.Pow(float64(i+1), -by) }
}

func numbered(what string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s %d", what, i+1)
	}
	return out
}

// InventedGroups are groups to run on where no galaxy is at hand: families that share
// techniques, sizes from few to many.
func InventedGroups(seed uint64, n int) []Group {
	rng := rand.New(rand.NewPCG(seed, 0x1ab))
	all := newPool(numbered("technique", 320), falling(0.8))
	var families [][]string
	for range max(n/12, 1) {
		families = append(families, draws(rng, all, 30))
	}
	out := make([]Group, n)
	for i := range out {
		size := 4 + int(rng.ExpFloat64()*18)
		family := families[rng.IntN(len(families))]
		set := map[string]bool{}
		for len(set) < min(size, 90) {
			if rng.Float64() < 0.45 && len(set) < len(family)/2 {
				set[family[rng.IntN(len(family))]] = true
			} else {
				set[all.draw(rng)] = true
			}
		}
		out[i] = Group{Name: fmt.Sprintf("group %d", i+1), Techniques: sorted(set)}
	}
	return out
}

func draws(rng *rand.Rand, p *pool, n int) []string {
	set := map[string]bool{}
	for len(set) < min(n, len(p.values)) {
		set[p.draw(rng)] = true
	}
	return sorted(set)
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for v := range set {
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(a, b) })
	return out
}
