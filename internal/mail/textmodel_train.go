package mail

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
)

// Sample is one mail to learn from.
type Sample struct {
	Input  *Input
	Bad    bool
	Source string // the folder or file it came from; every source has the same say
}

// Training is what learning came to.
type Training struct {
	Model     TextModel
	Bad, Good int
	Sources   []SourceRate
	Strongest []Feature // for bad, then for good
	Warnings  []string
	model     *Model
}

// Limit lowers the log-odds up to which the model is believed: for one whose
// mail is of another kind or time than what it will meet.
func (o *Training) Limit(ceiling float64) error {
	o.model.Ceiling = min(o.model.Ceiling, ceiling)
	ready, err := o.model.ready()
	if err != nil {
		return err
	}
	o.Model = ready
	return nil
}

// SourceRate is how the mails of one source fared when the model was trained
// without them (five-fold cross-validation).
type SourceRate struct {
	Source  string
	Bad     bool
	Mails   int
	Suspect int // thought bad: log-odds above zero
	Sure    int // log-odds above three
}

const (
	maxSamples    = 200_000
	maxVocabulary = 20_000
	minMails      = 4 // a word in fewer mails is left out: it teaches little and may name somebody
	folds         = 5
)

// ErrOneSided is returned where there is nothing to tell apart.
var ErrOneSided = errors.New("learning needs both bad and good mail, at least 20 of each")

// TrainModel learns from samples. Nothing of a mail is kept but words that occur
// in several. The result depends on the samples and their order alone.
func TrainModel(ctx context.Context, samples iter.Seq2[Sample, error], trained string) (*Training, error) {
	set := newTrainingSet()
	for s, err := range samples {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(set.docs) < maxSamples {
			set.add(s)
		}
	}
	return set.train(trained)
}

type document struct {
	features []int32
	scale    float64
	bad      bool
	source   int
	fold     int
}

type trainingSet struct {
	ids     map[uint64]int32
	names   []string
	mails   []int32
	docs    []document
	sources []SourceRate
}

func newTrainingSet() *trainingSet { return &trainingSet{ids: map[uint64]int32{}} }

func (t *trainingSet) add(s Sample) {
	said := s.Input.speech()
	if len(said.words) < minModelWords {
		return
	}
	d := document{bad: s.Bad, source: t.source(s.Source, s.Bad), fold: len(t.docs) % folds}
	said.features(func(f feature) {
		id, ok := t.ids[f.hash]
		if !ok {
			id = int32(len(t.names))
			t.ids[f.hash] = id
			t.names = append(t.names, s.Input.featureName(f))
			t.mails = append(t.mails, 0)
		}
		t.mails[id]++
		d.features = append(d.features, id)
	})
	d.scale = 1 / math.Sqrt(float64(len(d.features)))
	t.sources[d.source].Mails++
	t.docs = append(t.docs, d)
}

func (t *trainingSet) source(name string, bad bool) int {
	for i, s := range t.sources {
		if s.Source == name && s.Bad == bad {
			return i
		}
	}
	t.sources = append(t.sources, SourceRate{Source: name, Bad: bad})
	return len(t.sources) - 1
}

func (t *trainingSet) train(trained string) (*Training, error) {
	out := &Training{}
	for _, d := range t.docs {
		if d.bad {
			out.Bad++
		} else {
			out.Good++
		}
	}
	if out.Bad < 20 || out.Good < 20 {
		return nil, fmt.Errorf("%w; there are %d bad and %d good ones with enough words", ErrOneSided, out.Bad, out.Good)
	}
	slope := t.validate()
	w, bias := t.fit(-1)
	m := &Model{Schema: modelSchema, Trained: trained, Bias: round(bias), Slope: round(slope), Weights: t.vocabulary(w)}
	// Among n mails of a side none being misjudged supports odds of n to one at
	// the most.
	m.Ceiling = round(min(6, math.Log(float64(min(out.Bad, out.Good)))))
	ready, err := m.ready()
	if err != nil {
		return nil, err
	}
	out.Model, out.model, out.Sources = ready, m, t.sources
	out.Strongest = strongestOf(m.Weights, 20)
	out.warn()
	return out, nil
}

func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }

func (o *Training) warn() {
	if o.Bad < 200 || o.Good < 200 {
		o.Warnings = append(o.Warnings, fmt.Sprintf("%d bad and %d good mails are few: below 200 of each, what is learnt is mostly chance", o.Bad, o.Good))
	}
	if o.Bad > 20*o.Good || o.Good > 20*o.Bad {
		o.Warnings = append(o.Warnings, "one side has more than twenty times as many mails as the other")
	}
	good := 0
	for _, s := range o.Sources {
		if !s.Bad {
			good++
		}
	}
	if good < 2 {
		o.Warnings = append(o.Warnings, "all good mail is from one source: the model may have learnt that source's topic instead of what is good")
	}
}

// weight gives every source of a side the same say, so that a large uniform one
// does not drown the others.
func (t *trainingSet) weight(d *document) float64 {
	sources := 0
	for _, s := range t.sources {
		if s.Bad == d.bad {
			sources++
		}
	}
	share := float64(len(t.docs)) / 2 / float64(sources)
	even := share / float64(t.sources[d.source].Mails)
	return min(math.Pow(even, 0.75), 8)
}

const (
	smoothing = 2.0 // mails of each side in which every word is thought to have stood
	maxRatio  = 2.5 // no single word is worth more, however often it was seen
	epochs    = 12
	ridge     = 1e-3
)

// fit trains on all documents but those of one fold. The features are scaled by
// their log-count ratios, then weighed by logistic regression (stochastic
// gradient with per-weight steps, Duchi, Hazan and Singer, 2011).
func (t *trainingSet) fit(without int) (weights []float64, bias float64) {
	ratio := t.ratios(without)
	n := len(t.names)
	v, g := make([]float64, n), make([]float64, n)
	for i := range v {
		v[i] = 1
	}
	gb := 1e-6
	order := make([]int, 0, len(t.docs))
	for i := range t.docs {
		if t.docs[i].fold != without {
			order = append(order, i)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range epochs {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			d := &t.docs[i]
			z := bias
			for _, f := range d.features {
				z += v[f] * ratio[f] * d.scale
			}
			y := 0.0
			if d.bad {
				y = 1
			}
			e := (1/(1+math.Exp(-z)) - y) * t.weight(d)
			gb += e * e
			bias -= 0.3 * e / math.Sqrt(gb)
			for _, f := range d.features {
				if ratio[f] == 0 {
					continue
				}
				step := e*ratio[f]*d.scale + ridge*(v[f]-0.5)
				g[f] += step * step
				v[f] -= 0.3 * step / math.Sqrt(g[f]+1e-6)
			}
		}
	}
	for i := range v {
		v[i] *= ratio[i]
	}
	return v, bias
}

// ratios are the log-count ratios of naive Bayes, zero for words in too few mails.
func (t *trainingSet) ratios(without int) []float64 {
	bad, good := make([]float64, len(t.names)), make([]float64, len(t.names))
	nb, ng := 0.0, 0.0
	for i := range t.docs {
		d := &t.docs[i]
		if d.fold == without {
			continue
		}
		w := t.weight(d)
		side := good
		if d.bad {
			side = bad
			nb += w
		} else {
			ng += w
		}
		for _, f := range d.features {
			side[f] += w
		}
	}
	out := make([]float64, len(t.names))
	for i := range out {
		if t.mails[i] >= minMails {
			r := math.Log((bad[i]+smoothing)/(nb+2*smoothing)) - math.Log((good[i]+smoothing)/(ng+2*smoothing))
			out[i] = max(-maxRatio, min(maxRatio, r))
		}
	}
	return out
}

// validate scores every fold by a model trained without it, counts how the
// sources fare, and returns the slope that makes the scores log-odds (Platt,
// 1999).
func (t *trainingSet) validate() (slope float64) {
	scores := make([]float64, len(t.docs))
	for k := range folds {
		w, bias := t.fit(k)
		for i := range t.docs {
			d := &t.docs[i]
			if d.fold != k {
				continue
			}
			z := bias
			for _, f := range d.features {
				z += w[f] * d.scale
			}
			scores[i] = z
		}
	}
	slope = t.platt(scores)
	for i := range t.docs {
		s := &t.sources[t.docs[i].source]
		if scores[i]*slope > 0 {
			s.Suspect++
		}
		if scores[i]*slope > 3 {
			s.Sure++
		}
	}
	return slope
}

// platt fits the slope alone: the bias is the model's own.
func (t *trainingSet) platt(scores []float64) float64 {
	slope := 1.0
	for range 200 {
		g, h := 0.0, 1e-6
		for i := range t.docs {
			d := &t.docs[i]
			y := 0.0
			if d.bad {
				y = 1
			}
			p := 1 / (1 + math.Exp(-slope*scores[i]))
			w := t.weight(d)
			g += w * (p - y) * scores[i]
			h += w * p * (1 - p) * scores[i] * scores[i]
		}
		slope -= max(-0.5, min(0.5, g/h))
		slope = max(0.05, min(20, slope))
	}
	return slope
}

// vocabulary keeps the words that matter most.
func (t *trainingSet) vocabulary(w []float64) map[string]float64 {
	var keep []int
	for i := range w {
		if math.Abs(w[i]) >= 0.05 {
			keep = append(keep, i)
		}
	}
	value := func(i int) float64 { return math.Abs(w[i]) * math.Sqrt(float64(t.mails[i])) }
	slices.SortFunc(keep, func(a, b int) int {
		switch x, y := value(a), value(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return strings.Compare(t.names[a], t.names[b])
	})
	out := map[string]float64{}
	for _, i := range keep[:min(len(keep), maxVocabulary)] {
		out[t.names[i]] = math.Round(w[i]*1000) / 1000
	}
	return out
}

// strongestOf are the n weightiest words of each side.
func strongestOf(weights map[string]float64, n int) []Feature {
	all := make([]Feature, 0, len(weights))
	for name, w := range weights {
		all = append(all, Feature{name, w})
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].Weight != all[j].Weight {
			return all[i].Weight > all[j].Weight
		}
		return all[i].Name < all[j].Name
	})
	if len(all) <= 2*n {
		return all
	}
	return append(slices.Clone(all[:n]), all[len(all)-n:]...)
}
