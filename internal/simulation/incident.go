package simulation

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Report is one thing that one source says.
type Report struct {
	ID     string
	Kind   string
	Value  string
	Origin string // who is said to have seen it
	Via    string // who repeats it; "" for the origin's own word
	Hash   string // of the document
	Grade  string // Admiralty, as whoever filed it thought
	Time   time.Time
}

// Truth is who it was.
type Truth struct {
	Actor    string
	Listed   bool
	Ordinary bool // no attack at all
	Flag     bool // marks of another were planted
}

// Incident is what is known of one, and, for the score, who it was.
type Incident struct {
	Reports []Report
	Truth   Truth
}

type doing struct{ kind, value string }

// Incidents draws n incidents.
func (w *World) Incidents(n int) []Incident {
	names := make([]string, len(w.listed))
	by := map[string]*actor{}
	for i, a := range w.listed {
		names[i], by[a.name] = a.name, a
	}
	fame := newPool(names, falling(w.hidden.fame))
	out := make([]Incident, n)
	for i := range out {
		switch u := w.rng.Float64(); {
		case u < w.scenario.Unlisted:
			out[i] = w.incident(w.unlisted[w.rng.IntN(len(w.unlisted))], i)
		case u < w.scenario.Unlisted+w.hidden.ordinary:
			out[i] = w.mailing(i)
		default:
			out[i] = w.incident(by[fame.draw(w.rng)], i)
		}
	}
	return out
}

// incident is one by an actor.
func (w *World) incident(a *actor, n int) Incident {
	t := Truth{Actor: a.name, Listed: a.listed}
	done := w.act(a)
	if w.rng.Float64() < w.hidden.flags {
		t.Flag = true
		done = append(done, w.plant(a)...)
	}
	return Incident{Reports: w.report(w.noticed(done), n), Truth: t}
}

// act is what an actor does: its own ways, and at times what anybody might do.
func (w *World) act(a *actor) (done []doing) {
	add := func(kind string, n int, fidelity float64) {
		for range n {
			from := a.ways[kind]
			if w.rng.Float64() >= fidelity {
				from = w.common[kind]
			}
			done = append(done, doing{kind, from.draw(w.rng)})
		}
	}
	add(Technique, 3+w.poisson(w.hidden.busy-3), w.hidden.fidelity)
	add(Tool, 1+w.poisson(0.8), w.hidden.fidelity)
	add(Victim, 1, w.hidden.fidelity)
	if w.rng.Float64() < 0.4 {
		add(Persona, 1, w.hidden.fidelity)
	}
	for range 1 + w.poisson(1.5) {
		if w.rng.Float64() < w.hidden.reuse {
			add(Infrastructure, 1, 1)
		} else if w.rng.Float64() < 0.5 {
			add(Infrastructure, 1, 0)
		} else { // new for the occasion
			done = append(done, doing{Infrastructure, fmt.Sprintf("server %d", w.rng.Uint64())})
		}
	}
	return done
}

// plant lays marks of a listed group: what is published of it, for that is where
// whoever imitates it has it from.
func (w *World) plant(a *actor) (done []doing) {
	victim := w.public[w.rng.IntN(len(w.public))]
	for victim.Name == a.name {
		victim = w.public[w.rng.IntN(len(w.public))]
	}
	for range 1 + w.rng.IntN(3) {
		kind := []string{Infrastructure, Tool, Persona}[w.rng.IntN(3)]
		if known := victim.Traits[kind]; len(known) > 0 {
			done = append(done, doing{kind, known[w.rng.IntN(len(known))]})
		}
	}
	return done
}

// mailing is ordinary marketing or research.
func (w *World) mailing(n int) Incident {
	var done []doing
	for _, kind := range []string{Technique, Technique, Technique, Infrastructure, Infrastructure, Tool} {
		known := w.ordinary.Traits[kind]
		if w.rng.Float64() < 0.6 {
			done = append(done, doing{kind, known[w.rng.IntN(len(known))]})
		} else {
			done = append(done, doing{kind, w.common[kind].draw(w.rng)})
		}
	}
	done = append(done, doing{Victim, w.common[Victim].draw(w.rng)})
	return Incident{Reports: w.report(w.noticed(done), n), Truth: Truth{Ordinary: true}}
}

// noticed is what anybody sees of it. Something always is.
func (w *World) noticed(done []doing) (seen []doing) {
	for _, d := range done {
		if w.rng.Float64() >= w.hidden.dropOut && !slices.Contains(seen, d) {
			seen = append(seen, d)
		}
	}
	if len(seen) == 0 {
		seen = done[:1]
	}
	return seen
}

// report lets sources tell of it, some rightly and some not, and others repeat them.
func (w *World) report(seen []doing, n int) (all []Report) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Hour)
	told := make([]bool, len(seen))
	for i, s := range w.hidden.sources {
		if i > 0 && w.rng.Float64() < 0.55 {
			continue
		}
		var has []doing
		for j, d := range seen {
			if w.rng.Float64() < s.seen {
				has, told[j] = append(has, d), true
			}
		}
		all = append(all, w.word(s, has, began, n)...)
	}
	var left []doing // what nobody else has, the house's own sensors have
	for j, d := range seen {
		if !told[j] {
			left = append(left, d)
		}
	}
	own := w.hidden.sources[0]
	own.sound = 1
	all = append(all, w.word(own, left, began, n)...)
	for i := range all {
		all[i].ID = fmt.Sprintf("%d/%d", n, i+1)
	}
	return all
}

// word is what a source says, with its echoes. A source that is unsound this time has
// taken the incident for another group's, or reports what is everywhere.
func (w *World) word(s source, has []doing, began time.Time, n int) (all []Report) {
	if len(has) == 0 {
		return nil
	}
	if w.rng.Float64() >= s.sound {
		has = w.mistaken(has)
	}
	hash := fmt.Sprintf("document %d", w.rng.Uint64())
	letter := w.letter(s.sound)
	for _, d := range has {
		digits := credible
		if w.rng.Float64() < w.hidden.garbled {
			d.value, digits = w.common[d.kind].draw(w.rng), doubtful
		}
		all = append(all, Report{Kind: d.kind, Value: d.value, Origin: s.name, Hash: hash, Grade: letter + w.one(digits), Time: began})
	}
	return append(all, w.echoes(all, began)...)
}

func (w *World) mistaken(has []doing) []doing {
	another := w.listed[w.rng.IntN(len(w.listed))]
	common := w.rng.Float64() < 0.5
	out := make([]doing, len(has))
	for i, d := range has {
		from := another.ways[d.kind]
		if common {
			from = w.common[d.kind]
		}
		out[i] = doing{d.kind, from.draw(w.rng)}
	}
	return out
}

// echoes repeat a report: mostly saying whose it is, at times word for word without
// saying so, and now and then in other words without saying so, which nobody can tell.
func (w *World) echoes(of []Report, began time.Time) (all []Report) {
	for i := range w.poisson(w.hidden.repeats) {
		press := fmt.Sprintf("press %d", 1+w.rng.IntN(30))
		hash, origin, via := fmt.Sprintf("document %d", w.rng.Uint64()), of[0].Origin, press
		switch u := w.rng.Float64(); {
		case u < w.hidden.laundered:
			origin, via = press, ""
		case u < 0.25:
			hash, origin, via = of[0].Hash, press, ""
		}
		letter := w.letter(0.6)
		for _, r := range of {
			if w.rng.Float64() < 0.7 {
				r.Origin, r.Via, r.Hash, r.Grade = origin, via, hash, letter+w.one(credible)
				r.Time = began.Add(time.Duration(i+1) * time.Hour)
				all = append(all, r)
			}
		}
	}
	return all
}

// letter is the grade that somebody gives a source: roughly right, at times a step
// off, at times not known.
func (w *World) letter(sound float64) string {
	if w.rng.Float64() < 0.08 {
		return "F"
	}
	at := 4
	for i, least := range []float64{0.93, 0.80, 0.60, 0.35} {
		if sound >= least {
			at = i
			break
		}
	}
	if w.rng.Float64() < 0.25 {
		at += 1 - 2*w.rng.IntN(2)
	}
	return string("ABCDE"[min(max(at, 0), 4)])
}

// What the content of a report is graded: what is wrong looks doubtful more often than
// what is right, and not always.
const (
	credible = "1112222222233334666"
	doubtful = "2233334444566"
)

func (w *World) one(of string) string { return string(of[w.rng.IntN(len(of))]) }

func (w *World) poisson(mean float64) int {
	n, p, limit := 0, w.rng.Float64(), math.Exp(-max(mean, 0))
	for p > limit {
		n++
		p *= w.rng.Float64()
	}
	return n
}
