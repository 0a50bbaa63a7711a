package simulation

import (
	"fmt"
	"slices"
)

// actor is a group as it really is.
type actor struct {
	name   string
	ways   map[string]*pool // what it shows, by kind
	held   []string         // the techniques that a collection of groups has of it
	listed bool
}

// drawActor gives a group its true ways: the techniques held of it less what is wrong
// about them and with what nobody published, used more or less often; and what the
// collection says nothing of.
func (w *World) drawActor(g Group) *actor {
	a := &actor{name: g.Name, held: g.Techniques, ways: map[string]*pool{}}
	set := map[string]bool{}
	for _, t := range g.Techniques {
		if w.rng.Float64() >= w.hidden.misreported {
			set[t] = true
		}
	}
	for range 1 + int(w.hidden.unreported*float64(len(g.Techniques))) {
		set[w.common[Technique].draw(w.rng)] = true
	}
	a.ways[Technique] = w.uneven(sorted(set))
	w.equip(a)
	return a
}

// uneven makes some values common with an actor and some rare.
func (w *World) uneven(values []string) *pool {
	return newPool(values, func(int) float64 { return 0.2 + w.rng.ExpFloat64() })
}

// equip gives an actor servers and habits, tools, victims and a persona.
func (w *World) equip(a *actor) {
	servers := make([]string, 6+w.rng.IntN(20))
	for i := range servers {
		servers[i] = fmt.Sprintf("server %d of %s", i+1, a.name)
	}
	habits := draws(w.rng, w.common[Infrastructure], 3+w.rng.IntN(4))
	a.ways[Infrastructure] = w.uneven(append(servers, habits...))
	tools := draws(w.rng, w.common[Tool], 2+w.rng.IntN(4))
	for i := range w.rng.IntN(4) {
		tools = append(tools, fmt.Sprintf("own tool %d of %s", i+1, a.name))
	}
	if w.rng.Float64() < 0.3 { // tools go round
		tools = append(tools, fmt.Sprintf("shared tool %d", 1+w.rng.IntN(25)))
	}
	a.ways[Tool] = w.uneven(tools)
	a.ways[Victim] = w.uneven(draws(w.rng, w.common[Victim], 1+w.rng.IntN(4)))
	a.ways[Persona] = w.uneven(draws(w.rng, w.common[Persona], 1+w.rng.IntN(2)))
}

// strangers are groups that resemble none of a collection: techniques without regard
// to how common they are, and some that nobody has described.
func (w *World) strangers(n int) (list []*actor) {
	all := w.common[Technique].values
	for i := range n {
		name := fmt.Sprintf("stranger %d", i+1)
		set := map[string]bool{}
		for j := range 5 + w.rng.IntN(40) {
			if w.rng.Float64() < 0.2 {
				set[fmt.Sprintf("new technique %d of %s", j, name)] = true
			} else {
				set[all[w.rng.IntN(len(all))]] = true
			}
		}
		a := &actor{name: name, ways: map[string]*pool{Technique: w.uneven(sorted(set))}}
		w.equip(a)
		list = append(list, a)
	}
	return list
}

// publish writes what analysts can read of the listed: the techniques of the
// collection, and of the rest a part, with servers among it that are another's.
func (w *World) publish() {
	everybody := slices.Concat(w.listed, w.unlisted)
	for _, a := range w.listed {
		a.listed = true
		p := Profile{Name: a.name, Traits: map[string][]string{Technique: slices.Sorted(slices.Values(a.held))}}
		for _, kind := range kinds[1:] {
			set := map[string]bool{}
			for _, v := range a.ways[kind].values {
				if w.rng.Float64() < w.hidden.published {
					set[v] = true
				}
			}
			if kind == Infrastructure {
				for range len(set) {
					if w.rng.Float64() < w.hidden.mistaken {
						set[everybody[w.rng.IntN(len(everybody))].ways[kind].draw(w.rng)] = true
					}
				}
			}
			p.Traits[kind] = sorted(set)
		}
		w.public = append(w.public, p)
	}
	w.ordinary = Profile{Name: "ordinary marketing or research", Traits: map[string][]string{
		Technique:      draws(w.rng, w.common[Technique], 12),
		Infrastructure: draws(w.rng, w.common[Infrastructure], 40),
		Tool:           draws(w.rng, w.common[Tool], 12),
	}}
}

// Public are the profiles of the listed groups, as an analyst has them.
func (w *World) Public() []Profile { return w.public }

// Ordinary is what is known of how ordinary marketing and research look.
func (w *World) Ordinary() Profile { return w.ordinary }
