package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// interval is a 95 % bootstrap interval (Efron 1979), by percentiles.
type interval struct{ low, high float64 }

func (i interval) String() string { return fmt.Sprintf("95 %%: %.3f to %.3f", i.low, i.high) }

const resamples = 2000

// bootstrap draws n cases with replacement, many times, and measures each draw.
func bootstrap(n int, measure func(pick []int) float64) interval {
	draw := rand.New(rand.NewPCG(1, 2))
	pick := make([]int, n)
	values := make([]float64, resamples)
	for i := range values {
		for k := range pick {
			pick[k] = draw.IntN(n)
		}
		values[i] = measure(pick)
	}
	slices.Sort(values)
	return interval{values[resamples*25/1000], values[resamples*975/1000]}
}

func every(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// verdicts: what was so, and what a threshold chosen on other pairs said.
type verdicts struct {
	same, said []bool
	threshold  float64 // the mean of those chosen
}

// f1 is the harmonic mean of precision and recall over the pairs in pick.
func (v *verdicts) f1(pick []int) float64 {
	var hit, falseHit, missed float64
	for _, i := range pick {
		switch {
		case v.said[i] && v.same[i]:
			hit++
		case v.said[i]:
			falseHit++
		case v.same[i]:
			missed++
		}
	}
	return 2 * hit / max(1, 2*hit+falseHit+missed)
}

const folds = 10

// crossValidated says of each pair what the threshold that is best on the other nine
// tenths says.
func crossValidated(pairs []labelled, score func(labelled) float64) *verdicts {
	v := &verdicts{said: make([]bool, len(pairs))}
	for _, p := range pairs {
		v.same = append(v.same, p.same)
	}
	fold := rand.New(rand.NewPCG(3, 4)).Perm(len(pairs))
	for k := range folds {
		t := bestThreshold(pairs, score, func(i int) bool { return fold[i]%folds != k })
		v.threshold += t / folds
		for i, p := range pairs {
			if fold[i]%folds == k {
				v.said[i] = score(p) >= t
			}
		}
	}
	return v
}

// bestThreshold is the middle of the thresholds that give the highest F1.
func bestThreshold(pairs []labelled, score func(labelled) float64, in func(int) bool) float64 {
	best, from, to := -1.0, 0.0, 0.0
	v := verdicts{same: make([]bool, len(pairs)), said: make([]bool, len(pairs))}
	var pick []int
	for i, p := range pairs {
		v.same[i] = p.same
		if in(i) {
			pick = append(pick, i)
		}
	}
	for t := 0.3; t < 1; t += 0.005 {
		for i, p := range pairs {
			v.said[i] = score(p) >= t
		}
		switch f := v.f1(pick); {
		case f > best:
			best, from, to = f, t, t
		case f == best:
			to = t
		}
	}
	return (from + to) / 2
}

func recall(found []queried, threshold float64) float64 {
	n := 0
	for _, q := range found {
		if q.score >= threshold {
			n++
		}
	}
	return float64(n) / float64(max(1, len(found)))
}

func onlyAltered(found []queried) (out []queried) {
	for _, q := range found {
		if q.altered {
			out = append(out, q)
		}
	}
	return out
}

func bootstrapRecall(found []queried, threshold float64) interval {
	return bootstrap(len(found), func(pick []int) float64 {
		n := 0
		for _, i := range pick {
			if found[i].score >= threshold {
				n++
			}
		}
		return float64(n) / float64(len(pick))
	})
}

// reached is the share of the scores that reach the threshold.
func reached(scores []float64, threshold float64) float64 {
	n := 0
	for _, s := range scores {
		if s >= threshold {
			n++
		}
	}
	return float64(n) / float64(max(1, len(scores)))
}

// falseHitsTarget is the share of strangers that may be called a match.
const falseHitsTarget = 0.0005

// halves takes every other case, so that neither half has a source or an alphabet of its own.
func halves[T any](all []T) (first, second []T) {
	for i, v := range all {
		if i%2 == 0 {
			first = append(first, v)
		} else {
			second = append(second, v)
		}
	}
	return first, second
}

// safeThreshold is the lowest at which the share of scores that reach it is at most the
// given one with 95 % confidence: the exact upper bound (Clopper and Pearson 1934), for
// small counts that of a Poisson distribution.
func safeThreshold(scores []float64, most float64) float64 {
	for step := range 80 {
		t := 0.6 + float64(step)*0.005
		if poissonUpper(int(math.Round(reached(scores, t)*float64(len(scores))))) <= most*float64(len(scores)) {
			return t
		}
	}
	return 1
}

// poissonUpper is the mean under which seeing at most k has a probability of 5 %.
func poissonUpper(k int) float64 {
	low, high := float64(k), float64(k)+20+5*math.Sqrt(float64(k))
	for range 60 {
		mean := (low + high) / 2
		term, sum := math.Exp(-mean), 0.0
		for i := 0; i <= k; i++ {
			sum += term
			term *= mean / float64(i+1)
		}
		if sum > 0.05 {
			low = mean
		} else {
			high = mean
		}
	}
	return high
}
