package mail

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
)

// Model is a logistic regression over the words of a mail. It is small enough to
// read: the stored form is JSON, words in clear with their weights, so that
// whoever wonders why a mail was thought bad can look each word up.
//
// Words, pairs of words and words of the subject count once per mail, however
// often they stand there, and a mail's words together have the same length
// however many they are (Wang and Manning, 2012, from whom the scaling by
// log-count ratios is too).
//
// Known misses: a mail of few words, which the model passes over; a language
// nobody showed it, which it takes for average; a forged letter in plain style.
type Model struct {
	Schema  int                `json:"schema"`
	Trained string             `json:"trained"` // what it was trained on, in words
	Bias    float64            `json:"bias"`
	Slope   float64            `json:"slope"`   // makes scores log-odds; from cross-validation
	Ceiling float64            `json:"ceiling"` // log-odds beyond which it is not believed, for too little was seen
	Weights map[string]float64 `json:"weights"`

	encoded []byte
	version string
	index   *weightIndex
}

const (
	modelSchema  = 1
	maxModel     = 64 << 20 // bytes of a stored model
	maxStrongest = 8
)

//go:embed textmodel_shipped.json.gz
var shippedModel []byte

var shipped = sync.OnceValues(func() (TextModel, error) {
	r, err := gzip.NewReader(bytes.NewReader(shippedModel))
	if err != nil {
		return nil, fmt.Errorf("shipped text model: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxModel))
	if err != nil {
		return nil, fmt.Errorf("shipped text model: %w", err)
	}
	return ReadModel(raw)
})

// ShippedModel is the model that comes with the program.
func ShippedModel() (TextModel, error) { return shipped() }

// ReadModel reads what Encode wrote.
func ReadModel(raw []byte) (TextModel, error) {
	if len(raw) > maxModel {
		return nil, fmt.Errorf("text model of %d bytes: no more than %d are read", len(raw), maxModel)
	}
	var m Model
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("text model: %w", err)
	}
	if m.Schema != modelSchema {
		return nil, fmt.Errorf("text model has schema %d, this program reads %d: train it again with `portcullis learn`", m.Schema, modelSchema)
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m.ready()
}

func (m *Model) check() error {
	if math.Abs(m.Bias) > 1e6 || m.Slope <= 0 || m.Slope > 1e6 || m.Ceiling <= 0 {
		return errors.New("text model: bias, slope or ceiling is out of range; train it again with `portcullis learn`")
	}
	for name, w := range m.Weights {
		if math.Abs(w) > 1e6 {
			return fmt.Errorf("text model: weight of %q is out of range; train it again with `portcullis learn`", name)
		}
	}
	return nil
}

// ready fixes the stored form, the version and the index for scoring.
func (m *Model) ready() (*Model, error) {
	encoded, err := json.Marshal(m) // keys of maps are sorted: the same model has the same bytes
	if err != nil {
		return nil, fmt.Errorf("encode text model: %w", err)
	}
	sum := sha256.Sum256(encoded)
	m.encoded, m.version = encoded, hex.EncodeToString(sum[:])
	m.index = newWeightIndex(m.Weights)
	return m, nil
}

// Version is the hash of the stored form.
func (m *Model) Version() string { return m.version }

// Encode is the stored form.
func (m *Model) Encode() []byte { return m.encoded }

// minModelWords is how many words a mail must have for the model to judge it.
const minModelWords = 6

// Score gives the log-odds that the mail is bad, and what moved it most.
func (m *Model) Score(in *Input) (float64, []Feature) {
	said := in.speech()
	if len(said.words) < minModelWords {
		return 0, nil
	}
	var top strongest
	sum, n := 0.0, 0
	said.features(func(f feature) {
		n++
		if w, ok := m.index.get(f.hash); ok {
			sum += w
			top.add(w, f)
		}
	})
	if n == 0 {
		return 0, nil
	}
	scale := m.Slope / math.Sqrt(float64(n))
	var list []Feature
	for _, p := range top.list[:top.n] {
		list = append(list, Feature{Name: in.featureName(p.at), Weight: p.weight * scale})
	}
	return max(-m.Ceiling, min(m.Ceiling, sum*scale+m.Bias*m.Slope)), list
}

// strongest keeps the features of the greatest weight, in order; of equal ones the
// first.
type strongest struct {
	list [maxStrongest]struct {
		weight float64
		at     feature
	}
	n int
}

func (s *strongest) add(weight float64, at feature) {
	i := s.n
	for i > 0 && math.Abs(s.list[i-1].weight) < math.Abs(weight) {
		i--
	}
	if i == maxStrongest {
		return
	}
	s.n = min(s.n+1, maxStrongest)
	copy(s.list[i+1:s.n], s.list[i:])
	s.list[i].weight, s.list[i].at = weight, at
}

// feature is a word, a pair of words, or a word of the subject.
type feature struct {
	hash uint64
	at   span
	mark bool // of the subject as such
}

const subjectMark = 0xA24BAED4963EE407

// features calls fn with each distinct feature.
func (s *spoken) features(fn func(feature)) {
	seen := newHashSet(2*len(s.words) + s.subjectWords)
	for i, w := range s.words {
		at := span{w.start, w.end, w.subject}
		if seen.add(w.hash) {
			fn(feature{w.hash, at, false})
		}
		if w.subject {
			if h := w.hash ^ subjectMark; seen.add(h) {
				fn(feature{h, at, true})
			}
		}
		if i+1 < len(s.words) && s.words[i+1].subject == w.subject {
			if h := joined(w.hash, s.words[i+1].hash); seen.add(h) {
				fn(feature{h, span{w.start, s.words[i+1].end, w.subject}, false})
			}
		}
	}
}

// featureName is how a feature is written in the stored model.
func (in *Input) featureName(f feature) string {
	var scan wordScan
	text := in.spanText(f.at)
	scan.read(text, f.at.subject)
	var words []string
	for _, w := range scan.words {
		words = append(words, strings.ToLower(text[w.start:w.end]))
	}
	name := strings.Join(words, " ")
	if f.mark {
		return "subject: " + name
	}
	return name
}

// featureHash undoes featureName.
func featureHash(name string) uint64 {
	if rest, ok := strings.CutPrefix(name, "subject: "); ok {
		return hashWord(rest) ^ subjectMark
	}
	return hashWord(name)
}

// hashSet is an open-addressed set of hashes, for the one pass over a message.
type hashSet struct {
	slots []uint64
	mask  uint64
}

func newHashSet(n int) *hashSet {
	size := 16
	for size < 2*n {
		size *= 2
	}
	return &hashSet{slots: make([]uint64, size), mask: uint64(size - 1)}
}

// add reports whether the hash is new.
func (s *hashSet) add(h uint64) bool {
	if h == 0 {
		h = 1
	}
	for i := h >> 7 & s.mask; ; i = (i + 1) & s.mask {
		switch s.slots[i] {
		case h:
			return false
		case 0:
			s.slots[i] = h
			return true
		}
	}
}

// weightIndex finds the weight of a feature by its hash. Features are hashes
// already, so an open-addressed table needs no other; a bit set in front keeps the
// many words without a weight from reaching it.
type weightIndex struct {
	seen  [1 << 14]uint64
	slots []weighted
	mask  uint64
}

// weighted is one feature; hash 0 is none.
type weighted struct {
	hash   uint64
	weight float64
}

func newWeightIndex(words map[string]float64) *weightIndex {
	size := 16
	for size < 2*len(words) {
		size *= 2
	}
	x := &weightIndex{slots: make([]weighted, size), mask: uint64(size - 1)}
	for _, name := range slices.Sorted(maps.Keys(words)) { // of two that share a hash always the same counts
		hash := featureHash(name)
		if hash == 0 {
			continue // a name without a word in it
		}
		x.seen[hash>>50] |= 1 << (hash >> 44 & 63)
		i := hash >> 7 & x.mask
		for x.slots[i].hash != 0 && x.slots[i].hash != hash {
			i = (i + 1) & x.mask
		}
		x.slots[i] = weighted{hash, words[name]}
	}
	return x
}

func (x *weightIndex) get(hash uint64) (float64, bool) {
	if x.seen[hash>>50]&(1<<(hash>>44&63)) == 0 {
		return 0, false
	}
	for i := hash >> 7 & x.mask; x.slots[i].hash != 0; i = (i + 1) & x.mask {
		if x.slots[i].hash == hash {
			return x.slots[i].weight, true
		}
	}
	return 0, false
}
