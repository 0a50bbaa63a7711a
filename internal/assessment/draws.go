package assessment

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
)

const (
	drawCount = 200
	// spread says how far a draw moves a prior or a likelihood: by a factor of up to
	// two either way, which for a likelihood is two rungs.
	spread = 2.0
	// shaken is how many hypotheses the draws move, the likeliest ones. The others keep
	// their share: they are many and small, and what moves them moves them apart.
	shaken = 16
)

// draw is one shaken set of inputs; nil is the inputs as declared.
type draw struct {
	priors   []float64
	ratios   [][]float64 // by fact and hypothesis
	contents []float64
	sources  []float64
}

func (d *draw) prior(s *scale, h int) float64 {
	if d == nil {
		return s.priors[h]
	}
	return d.priors[h]
}

func (d *draw) ratio(s *scale, f, h int) float64 {
	if d == nil {
		return s.facts[f].ratio[h]
	}
	return d.ratios[f][h]
}

func (d *draw) content(s *scale, f int) float64 {
	if d == nil {
		return s.facts[f].content.at
	}
	return d.contents[f]
}

func (d *draw) source(s *scale, n int) float64 {
	if d == nil {
		return s.source[n].at
	}
	return d.sources[n]
}

// chances shakes priors, likelihoods and reliabilities, and returns the chance of what is
// marked in each draw. The generator is seeded from what is weighed, so the same case
// gives the same draws; it is PCG, whose output is fixed.
func (s *scale) chances(posterior []float64, marked []bool, seed [32]byte) []float64 {
	reduced, marks, rest, restMarked := s.reduce(posterior, marked)
	source := rand.NewPCG(binary.LittleEndian.Uint64(seed[:]), binary.LittleEndian.Uint64(seed[8:]))
	d := reduced.emptyDraw()
	out := make([]float64, drawCount)
	for i := range out {
		d.shake(reduced, source)
		p := reduced.posterior(d)
		out[i] = float64(chanceOf(p, marks)*(1-rest)) + restMarked
	}
	return out
}

// reduce leaves only hypotheses that matter on the scale. It returns the share of
// those that were left out, and how much of that is marked.
func (s *scale) reduce(posterior []float64, marked []bool) (small *scale, marks []bool, rest, restMarked float64) {
	least := 0.0
	if len(posterior) > shaken {
		least = slices.Sorted(slices.Values(posterior))[len(posterior)-shaken]
	}
	small = &scale{origin: s.origin, source: s.source, base: s.base}
	var keep []int
	for h, p := range posterior {
		if p >= least && len(keep) < shaken {
			keep = append(keep, h)
			small.priors, marks = append(small.priors, s.priors[h]), append(marks, marked[h])
			continue
		}
		rest += p
		if marked[h] {
			restMarked += p
		}
	}
	for _, f := range s.facts {
		ratio := make([]float64, len(keep))
		for i, h := range keep {
			ratio[i] = f.ratio[h]
		}
		f.ratio = ratio
		small.facts = append(small.facts, f)
	}
	return small, marks, rest, restMarked
}

func (s *scale) emptyDraw() *draw {
	d := &draw{
		priors: make([]float64, len(s.priors)), ratios: make([][]float64, len(s.facts)),
		contents: make([]float64, len(s.facts)), sources: make([]float64, len(s.origin)),
	}
	for i := range d.ratios {
		d.ratios[i] = make([]float64, len(s.priors))
	}
	return d
}

// shake fills the draw anew.
func (d *draw) shake(s *scale, source *rand.PCG) {
	for h, p := range s.priors {
		d.priors[h] = p * factors[source.Uint64()>>56]
	}
	for i := range s.facts {
		f := &s.facts[i]
		for h, r := range f.ratio {
			d.ratios[i][h] = r * factors[source.Uint64()>>56]
		}
		d.contents[i] = f.content.somewhere(unit(source))
	}
	for n, t := range s.source {
		d.sources[n] = t.somewhere(unit(source))
	}
}

// somewhere is a place in the range.
func (t trust) somewhere(u float64) float64 { return t.low + float64(u*(t.high-t.low)) }

// unit is uniform on [0, 1). It is written out because the generators of math/rand
// promise the same numbers from release to release and its distributions do not.
func unit(source *rand.PCG) float64 { return float64(source.Uint64()>>11) / (1 << 53) }

// factors are 256 factors from 1/spread to spread, evenly spaced in their logarithm.
var factors = func() (table [256]float64) {
	for i := range table {
		table[i] = math.Pow(spread, 2*float64(i)/255-1)
	}
	return table
}()

// seedOf is the hash of what is weighed, and of nothing else: neither of the order it
// came in nor of echoes.
func seedOf(q Question, facts []fact) [32]byte {
	h := sha256.New()
	text := func(parts ...string) {
		for _, p := range parts {
			fmt.Fprintf(h, "%d:%s", len(p), p)
		}
	}
	text(Method, string(q.Proposition), strconv.Itoa(len(q.Hypotheses)))
	for _, x := range q.Hypotheses {
		text(x.ID, strconv.FormatBool(x.Holds), strconv.FormatFloat(x.Prior, 'g', -1, 64))
	}
	for _, f := range facts {
		text(f.claim, f.kind, f.group, string(f.vertex), strconv.Itoa(len(f.supports)))
		for _, s := range f.supports {
			text(s.origin, string(s.grade))
		}
		steps := make([]byte, len(f.rungs))
		for i, r := range f.rungs {
			steps[i] = byte(r)
		}
		h.Write(steps)
	}
	return [32]byte(h.Sum(nil))
}
