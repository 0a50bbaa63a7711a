package pack

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/observable"
)

// Options say how a pack is made.
type Options struct {
	Signer  note.Signer
	Issuer  string // default: the key's name
	For     string // what for, in a sentence that the house reads before it uses the pack
	TLP     string // "TLP:AMBER"
	Created time.Time
	Until   time.Time
	Params  Params // default: DefaultParams
	// FilterBits adds a filter that tells so many bits of each indicator, which makes house and guesser
	// faster alike. Default 0: none.
	FilterBits int
	// Pad fills the pack up to so many entries, so that not even their count is told.
	Pad int
	// Lists and Allow say what is refused: what is commonplace, and domains known to be good.
	Lists Warninglist
	Allow []string
	// Fast allows a pack that is guessed faster than MaxRate.
	Fast bool
	// Rand is where salt, keys and decoys come from. Default: the system. Anything else is for tests.
	Rand io.Reader

	rate int // instead of what is measured, for test vectors
}

// Item is an indicator with what its finder is to read; Text may be empty.
type Item struct {
	portcullis.Indicator
	Text string
}

// Made is a pack as made.
type Made struct {
	Header
	Bytes     []byte
	Refused   []Refused
	Guessable []Guessable
	Classes   []Class
	Rate      Rate
}

// MaxRate is how many guesses a second one core may test, unless the issuer wants it faster.
const MaxRate = 2000

// longest is how long a pack may be valid.
const longest = 5 * 366 * 24 * time.Hour

// Make seals indicators. Those that would match everything, or must not leave, are refused with the
// reason; those that are quickly guessed are sealed and flagged.
func Make(opts Options, items []Item) (*Made, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	m := &maker{opts: opts, made: &Made{}}
	if err := m.take(items); err != nil {
		return nil, err
	}
	if err := m.header(); err != nil {
		return nil, err
	}
	if err := m.sealAll(); err != nil {
		return nil, err
	}
	text, err := m.text()
	if err != nil {
		return nil, err
	}
	if m.made.Bytes, err = note.Sign(&note.Note{Text: text}, opts.Signer); err != nil {
		return nil, fmt.Errorf("sign the pack: %w", err)
	}
	if len(m.made.Bytes) > MaxSize {
		return nil, fmt.Errorf("the pack would be of %d MB, and at most %d are read; split it, or shorten the texts", len(m.made.Bytes)>>20, MaxSize>>20)
	}
	return m.made, nil
}

func (o *Options) complete() error {
	if o.Signer == nil {
		return errors.New("a pack needs a key to sign it; `portcullis pack key make NAME` makes one")
	}
	if o.Issuer == "" {
		o.Issuer = o.Signer.Name()
	}
	if o.Params == (Params{}) {
		o.Params = DefaultParams()
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	o.Created, o.Until = o.Created.UTC().Truncate(time.Second), o.Until.UTC().Truncate(time.Second)
	return errors.Join(o.Params.Validate(), o.checkWords(), o.checkTimes(), o.checkSizes(), o.cleanAllowed())
}

func (o *Options) checkWords() (err error) {
	for _, w := range []struct{ name, text string }{{"issuer", o.Issuer}, {"for", o.For}} {
		if bad := printable(w.text); bad != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", w.name, bad))
		}
		if len(w.text) > maxLine/2 {
			err = errors.Join(err, fmt.Errorf("%s: %d bytes; at most %d", w.name, len(w.text), maxLine/2))
		}
	}
	if bad := markingError(o.TLP); bad != nil {
		err = errors.Join(err, fmt.Errorf("tlp: %w", bad))
	}
	return err
}

func (o *Options) checkTimes() error {
	switch {
	case !o.Until.After(o.Created):
		return fmt.Errorf("until: %s is over; name a later day", o.Until.Format("2 Jan 2006 15:04 UTC"))
	case o.Until.Sub(o.Created) > longest:
		return errors.New("until: more than five years ahead; a pack that long is guessed long before")
	}
	return nil
}

func (o *Options) checkSizes() error {
	switch {
	case o.FilterBits < 0 || o.FilterBits > mostFilter:
		return fmt.Errorf("a filter of %d bits: from 1 to %d, or 0 for none", o.FilterBits, mostFilter)
	case o.Pad < 0 || o.Pad > MaxEntries:
		return fmt.Errorf("fill up to %d: at most %d entries", o.Pad, MaxEntries)
	}
	return nil
}

func (o *Options) cleanAllowed() error {
	allow := make([]string, len(o.Allow))
	for i, d := range o.Allow {
		var err error
		if allow[i], err = observable.Domain(d); err != nil {
			return fmt.Errorf("allow: %w", err)
		}
	}
	o.Allow = allow
	return nil
}

// maker is one run of Make.
type maker struct {
	opts    Options
	made    *Made
	inputs  []Input
	items   []Item
	texts   []string // distinct ones, not empty
	keys    [][32]byte
	entries [][]byte
	filter  filter
}

// take sorts out what is sealed.
func (m *maker) take(items []Item) error {
	r := &refuser{lists: m.opts.Lists, allow: m.opts.Allow, tlp: m.opts.TLP, now: m.opts.Created, until: m.opts.Until, length: map[string]bool{}}
	seen := map[Input]bool{}
	for _, i := range items {
		in, err := inputOf(i.Pattern)
		why := ""
		if err != nil {
			why = err.Error()
		} else if seen[in] {
			continue
		} else {
			why = r.refuse(i.Indicator, in)
		}
		if why != "" {
			m.made.Refused = append(m.made.Refused, Refused{i.Indicator, why})
			continue
		}
		if !utf8.ValidString(i.Text) || len(i.Text) > maxText {
			return fmt.Errorf("the text for %s is %d bytes long or no UTF-8; at most %d bytes", i.Pattern, len(i.Text), maxText)
		}
		seen[in] = true
		m.inputs, m.items = append(m.inputs, in), append(m.items, i)
	}
	switch n := len(m.inputs); {
	case n == 0:
		return fmt.Errorf("none of the %d indicators can be sealed", len(items))
	case n > MaxEntries:
		return fmt.Errorf("%d indicators; a pack holds at most %d: make two", n, MaxEntries)
	}
	return nil
}

// header fills the header and measures.
func (m *maker) header() error {
	c := coveredBy(m.inputs)
	for _, i := range m.items {
		if i.Text != "" && !slices.Contains(m.texts, i.Text) {
			m.texts = append(m.texts, i.Text)
		}
	}
	if len(m.texts) > maxTexts {
		return fmt.Errorf("%d different texts; a pack holds at most %d", len(m.texts), maxTexts)
	}
	h := &m.made.Header
	*h = Header{
		Issuer: m.opts.Issuer, Key: keyName(m.opts.Signer.Name(), m.opts.Signer.KeyHash()), For: m.opts.For, TLP: m.opts.TLP,
		Created: m.opts.Created, Until: m.opts.Until, Kinds: c.list(), Params: m.opts.Params, Salt: make([]byte, saltSize),
		Count: max(len(m.inputs), m.opts.Pad), Padded: m.opts.Pad > 0, Texts: len(m.texts), TextSize: sizeFor(m.texts),
	}
	for _, length := range c.lengths {
		h.Networks = append(h.Networks, lengthText(length))
	}
	if _, err := io.ReadFull(m.opts.Rand, h.Salt); err != nil {
		return fmt.Errorf("draw a salt: %w", err)
	}
	if err := m.makeFilter(); err != nil {
		return err
	}
	return m.measure()
}

// measure finds the rate, and flags what it makes quick to guess.
func (m *maker) measure() error {
	m.made.Rate = MeasureRate(m.made.Header)
	m.made.Header.Rate = cmp.Or(m.opts.rate, int(m.made.Rate.Guesses))
	if m.made.Rate.Guesses > MaxRate && !m.opts.Fast {
		return fmt.Errorf("one core of this machine would test %.0f guesses a second, and %d is the most unless asked for: give argon2id more memory (--memory %d), leave the filter out, or say --fast",
			m.made.Rate.Guesses, MaxRate, int(float64(m.opts.Params.Memory)*m.made.Rate.Guesses/MaxRate*1.1))
	}
	m.flag()
	return nil
}

func (m *maker) flag() {
	rate := m.made.Rate.Fastest
	at := map[string]int{}
	for n, in := range m.inputs {
		e := estimateOf(in)
		if d := days(e.guesses, rate); d < quick {
			m.made.Guessable = append(m.made.Guessable, Guessable{m.items[n].Indicator, e.guesses, d, e.why})
		}
		if e.class == "" {
			continue
		}
		i, ok := at[e.class]
		if !ok {
			i = len(m.made.Classes)
			at[e.class] = i
			m.made.Classes = append(m.made.Classes, Class{What: e.class})
		}
		c := &m.made.Classes[i]
		c.Count++
		c.Guesses = max(c.Guesses, e.listing)
		c.Days = days(c.Guesses, rate)
	}
}

func (m *maker) makeFilter() error {
	if m.opts.FilterBits == 0 {
		return nil
	}
	h := &m.made.Header
	h.Slots = slotsFor(h.Count, m.opts.FilterBits)
	m.filter = newFilter(h.Slots)
	for _, in := range m.inputs {
		m.filter.set(m.filter.slot(h.Salt, in))
	}
	for range h.Count - len(m.inputs) {
		slot, err := m.filter.anySlot(m.opts.Rand)
		if err != nil {
			return fmt.Errorf("draw a decoy: %w", err)
		}
		m.filter.set(slot)
	}
	if err := m.filter.fill(m.opts.Rand, m.opts.FilterBits); err != nil {
		return fmt.Errorf("fill the filter: %w", err)
	}
	h.FilterBits = m.filter.tells()
	return nil
}

// sealAll hashes and seals every indicator on all cores, adds decoys, and puts entries in order.
func (m *maker) sealAll() error {
	h := m.made.Header
	if err := m.drawKeys(); err != nil {
		return err
	}
	m.entries = make([][]byte, len(m.inputs), h.Count)
	err := eachOf(len(m.inputs), runtime.GOMAXPROCS(0), func(n int) (err error) {
		i := m.items[n]
		e := entry{from: i.From, until: i.Until}
		if i.Text != "" {
			at := slices.Index(m.texts, i.Text)
			e.text, e.key = at+1, m.keys[at]
		}
		m.entries[n], err = e.seal(h.Params.derive(h.Salt, m.inputs[n]))
		return err
	})
	if err != nil {
		return err
	}
	for len(m.entries) < h.Count {
		decoy := make([]byte, entrySize)
		if _, err := io.ReadFull(m.opts.Rand, decoy); err != nil {
			return fmt.Errorf("draw a decoy: %w", err)
		}
		m.entries = append(m.entries, decoy)
	}
	slices.SortFunc(m.entries, bytes.Compare)
	return nil
}

// drawKeys draws a key for each text, and puts texts into an order that says nothing of the
// indicators' own.
func (m *maker) drawKeys() error {
	m.keys = make([][32]byte, len(m.texts))
	for n := range m.texts {
		if _, err := io.ReadFull(m.opts.Rand, m.keys[n][:]); err != nil {
			return fmt.Errorf("draw a key: %w", err)
		}
	}
	var b [8]byte
	for n := len(m.texts) - 1; n > 0; n-- {
		if _, err := io.ReadFull(m.opts.Rand, b[:]); err != nil {
			return fmt.Errorf("shuffle texts: %w", err)
		}
		k := int(binary.BigEndian.Uint64(b[:]) % uint64(n+1))
		m.texts[n], m.texts[k] = m.texts[k], m.texts[n]
	}
	return nil
}

// text is what is signed.
func (m *maker) text() (string, error) {
	var b strings.Builder
	line := func(raw []byte) { b.WriteString(base64.StdEncoding.EncodeToString(raw) + "\n") }
	b.WriteString(m.made.Header.text())
	b.WriteString(sectTable + "\n")
	for _, e := range m.entries {
		line(e)
	}
	if len(m.texts) > 0 {
		b.WriteString(sectTexts + "\n")
	}
	for n, t := range m.texts {
		sealed, err := sealText(m.keys[n], t, m.made.TextSize)
		if err != nil {
			return "", err
		}
		line(sealed)
	}
	if m.made.Slots > 0 {
		b.WriteString(sectFilter + "\n")
		for part := range slices.Chunk(m.filter.table, filterWidth) {
			line(part)
		}
	}
	return b.String(), nil
}

// eachOf calls fn for 0 to n-1 on several goroutines and returns the first error.
func eachOf(n, workers int, fn func(int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, max(1, min(workers, n)))
	for w := range errs {
		wg.Go(func() {
			for errs[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[w] = fn(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
