package pack

import (
	"context"
	"crypto/sha256"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"portcullis.example/portcullis"
)

// Match is a value that a pack holds.
type Match struct {
	Kind    Kind                  `json:"kind"`
	Pattern portcullis.Observable `json:"pattern"` // as an indicator: a domain stands for all below it
	Text    string                `json:"text"`    // what the issuer has to say to whoever has the value; may be empty
	From    time.Time             `json:"from,omitzero"`
	Until   time.Time             `json:"until,omitzero"`
	Mark    Mark                  `json:"-"`
}

// Indicator is a match as a kept indicator, under the pack's marking.
func (m Match) Indicator(p *Pack) portcullis.Indicator {
	source := p.Issuer
	if name, _, _ := strings.Cut(p.Key, "+"); name != p.Issuer {
		source += ", key " + name // an issuer writes any name, and signs with one key
	}
	return portcullis.Indicator{Pattern: m.Pattern, Source: source + " (sealed pack)", Marking: p.TLP, From: m.From, Until: m.Until}
}

// Mark stands for one tested value: a digest with the pack's salt, to remember it by.
type Mark [16]byte

func (p *Pack) mark(in Input) Mark {
	h := sha256.New()
	h.Write(p.Salt)
	h.Write(in.bytes())
	return Mark(h.Sum(nil)[:16])
}

// workMemory bounds what all workers of a tester take together.
const workMemory = 128 << 10 // KiB

// batchSize is how many hashes are done between two commits: a second or less.
const batchSize = 1024

// Tester tests values against a pack, each once. It may be used by many goroutines at once.
type Tester struct {
	pack    *Pack
	workers int
	idle    []byte

	mu      sync.Mutex
	seen    map[Mark]int32 // guarded by mu: which of matches, or none
	matches []Match        // guarded by mu; only grows
}

const none = -1

// idleHeap is set aside and never touched, so it takes no memory: argon2 asks for new memory with each
// hash, and beside a small heap that would start a collection every few hashes, at a third of the time.
const idleHeap = 48 << 20

// NewTester tests with so many workers; 0 is one for each core. Together they take no more than
// 128 MB, whatever the pack asks for.
func NewTester(p *Pack, workers int) *Tester {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = max(1, min(workers, workMemory/int(p.Params.Memory)))
	return &Tester{pack: p, workers: workers, idle: make([]byte, idleHeap), seen: map[Mark]int32{}}
}

// Workers is how many hash at once.
func (t *Tester) Workers() int { return t.workers }

// Remember takes over what an earlier run tested, so that nothing is hashed twice.
func (t *Tester) Remember(marks []Mark, matches []Match) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range marks {
		t.seen[m] = none
	}
	for _, m := range matches {
		t.keep(m)
	}
}

// keep needs the lock.
func (t *Tester) keep(m Match) {
	t.seen[m.Mark] = int32(len(t.matches))
	t.matches = append(t.matches, m)
}

// Tested is how many values were tested so far.
func (t *Tester) Tested() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.seen)
}

// Test tests one value and its parents.
func (t *Tester) Test(ctx context.Context, o portcullis.Observable) ([]Match, error) {
	out, err := t.TestAll(ctx, []portcullis.Observable{o})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// TestAll tests values and their parents and says for each what it matched.
func (t *Tester) TestAll(ctx context.Context, list []portcullis.Observable) ([][]Match, error) {
	values := func(yield func(Value, error) bool) {
		for _, o := range list {
			if !yield(Value{Observable: o}, nil) {
				return
			}
		}
	}
	if err := t.Run(ctx, values, func(Batch) error { return nil }); err != nil {
		return nil, err
	}
	out := make([][]Match, len(list))
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, o := range list {
		t.pack.coverage.inputs(Value{Observable: o}, func(in Input) {
			if at, ok := t.seen[t.pack.mark(in)]; ok && at != none {
				out[n] = append(out[n], t.matches[at])
			}
		})
	}
	return out, nil
}

// Batch is what was tested since the last one.
type Batch struct {
	Marks   []Mark
	Matches []Match
	Hashed  int // of Marks, those no filter dismissed
}

// Run tests all values and their parents that were not tested before. What a batch holds counts as
// tested once commit returns nil; a crash before repeats that batch and loses nothing.
func (t *Tester) Run(ctx context.Context, values iter.Seq2[Value, error], commit func(Batch) error) error {
	defer runtime.KeepAlive(t.idle)
	run := &run{Tester: t, ctx: ctx, commit: commit, waiting: map[Mark]bool{}}
	for v, err := range values {
		if err != nil {
			return err
		}
		t.pack.coverage.inputs(v, run.add)
		if len(run.batch) >= batchSize {
			if err := run.flush(); err != nil {
				return err
			}
		}
	}
	return run.flush()
}

// Todo counts what Run would have to test of these values.
func (t *Tester) Todo(values iter.Seq2[Value, error]) (n int64, err error) {
	counted := map[Mark]bool{}
	for v, err := range values {
		if err != nil {
			return 0, err
		}
		t.pack.coverage.inputs(v, func(in Input) {
			m := t.pack.mark(in)
			if !counted[m] && !t.known(m) {
				counted[m] = true
				n++
			}
		})
	}
	return n, nil
}

func (t *Tester) known(m Mark) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.seen[m]
	return ok
}

// run gathers what is to be hashed.
type run struct {
	*Tester
	ctx     context.Context
	commit  func(Batch) error
	batch   []tested
	waiting map[Mark]bool
}

type tested struct {
	in     Input
	mark   Mark
	hashed bool
	match  *Match
}

func (r *run) add(in Input) {
	m := r.pack.mark(in)
	if r.waiting[m] || r.known(m) {
		return
	}
	r.waiting[m] = true
	r.batch = append(r.batch, tested{in: in, mark: m})
}

func (r *run) flush() error {
	if len(r.batch) == 0 {
		return r.ctx.Err()
	}
	err := eachOf(len(r.batch), r.workers, func(n int) error {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		r.pack.test(&r.batch[n])
		return nil
	})
	if err != nil {
		return err
	}
	var b Batch
	for _, one := range r.batch {
		b.Marks = append(b.Marks, one.mark)
		if one.hashed {
			b.Hashed++
		}
		if one.match != nil {
			b.Matches = append(b.Matches, *one.match)
		}
	}
	if err := r.commit(b); err != nil {
		return err
	}
	r.Remember(b.Marks, b.Matches)
	r.batch = slices.Delete(r.batch, 0, len(r.batch))
	clear(r.waiting)
	return nil
}

// test asks the filter, if there is one, then hashes and looks the tag up.
func (p *Pack) test(one *tested) {
	if p.Slots > 0 && !p.filter.has(p.filter.slot(p.Salt, one.in)) {
		return
	}
	one.hashed = true
	s := p.Params.derive(p.Salt, one.in)
	at, ok := p.tags[s.tag()]
	if !ok {
		return
	}
	// What is behind a tag that fits and does not open is the issuer's mistake; that the value is
	// in the pack is true all the same.
	m := Match{Kind: one.in.Kind, Pattern: one.in.Pattern(), Mark: one.mark}
	if e, err := openEntry(s, p.entries[at]); err == nil {
		m.From, m.Until = e.from, e.until
		if e.text > 0 && e.text <= len(p.texts) {
			if text, err := openText(e.key, p.texts[e.text-1]); err == nil {
				m.Text = cleanText(text)
			}
		}
	}
	one.match = &m
}
