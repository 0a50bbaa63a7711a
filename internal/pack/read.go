package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis"
)

// Pack is a pack as read. It never changes.
type Pack struct {
	Header
	ID       portcullis.ID // from its bytes
	Digest   string        // SHA-256 of the file, to compare by telephone
	Signed   []string      // the keys that signed and are trusted
	raw      []byte
	tags     map[tag]int
	entries  [][entrySize]byte
	texts    [][]byte
	filter   filter // no slots: none
	coverage covered
}

// allowance is how far another's clock may be ahead.
const allowance = time.Hour

// Read reads a pack, or the pack that a STIX bundle carries, and checks everything that can be
// checked without having a value. What stands against using it is one of the errors of
// this package. Of one that has expired, or is not valid yet, the pack is returned with the error.
func Read(r io.Reader, known note.Verifiers, now time.Time) (*Pack, error) {
	raw, err := readAll(r)
	if err != nil {
		return nil, err
	}
	p, err := open(raw, known)
	if err != nil {
		return nil, err
	}
	return p, p.Valid(now)
}

// Describe reads the header without asking who signed and whether it is still valid. All of
// it may be a lie.
func Describe(r io.Reader) (h Header, digest string, err error) {
	raw, err := readAll(r)
	if err != nil {
		return h, "", err
	}
	text, _, err := split(raw)
	if err != nil {
		return h, "", err
	}
	p, err := parse(text)
	if err != nil {
		return h, "", err
	}
	return p.Header, digestOf(raw), nil
}

// Valid tells whether a pack may be used at a time.
func (p *Pack) Valid(now time.Time) error {
	switch {
	case !now.Before(p.Until):
		return &ExpiredError{p.Until}
	case p.Created.After(now.Add(allowance)):
		return &NotYetError{p.Created}
	}
	return nil
}

// Bytes are the pack as it was signed.
func (p *Pack) Bytes() []byte { return p.raw }

func readAll(r io.Reader) ([]byte, error) {
	// A bundle holds the pack in base64, which is a third longer.
	raw, err := io.ReadAll(io.LimitReader(r, MaxSize*3/2+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the pack: %w", err)
	case len(raw) > MaxSize*3/2:
		return nil, ErrTooLarge
	}
	if raw, err = Unwrap(raw); err != nil {
		return nil, err
	}
	if len(raw) > MaxSize {
		return nil, ErrTooLarge
	}
	return raw, nil
}

func digestOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// split finds where the signatures begin, as note.Open does.
func split(raw []byte) (text string, signed bool, err error) {
	first, _, _ := bytes.Cut(raw, []byte("\n"))
	if err := checkVersion(string(first[:min(len(first), maxLine)])); err != nil {
		return "", false, err
	}
	if at := bytes.LastIndex(raw, []byte("\n\n")); at >= 0 {
		return string(raw[:at+1]), bytes.HasPrefix(raw[at+2:], []byte("— ")), nil
	}
	return string(raw), false, nil
}

func open(raw []byte, known note.Verifiers) (*Pack, error) {
	if _, signed, err := split(raw); err != nil {
		return nil, err
	} else if !signed {
		return nil, ErrUnsigned
	}
	n, err := note.Open(raw, known)
	if err != nil {
		return nil, signatureError(err)
	}
	p, err := parse(n.Text)
	if err != nil {
		return nil, err
	}
	for _, s := range n.Sigs {
		p.Signed = append(p.Signed, keyName(s.Name, s.Hash))
	}
	if !slices.Contains(p.Signed, p.Key) {
		return nil, &UnknownKeyError{p.Key} // somebody else who is trusted put a name under it
	}
	p.raw, p.Digest, p.ID = raw, digestOf(raw), portcullis.NewID("pack", string(raw))
	return p, nil
}

func keyName(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }

func signatureError(err error) error {
	var unknown *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unknown):
		if len(unknown.Note.UnverifiedSigs) == 0 {
			return ErrUnsigned
		}
		s := unknown.Note.UnverifiedSigs[0]
		return &UnknownKeyError{keyName(s.Name, s.Hash)}
	case errors.As(err, &invalid):
		return ErrAltered
	}
	return fmt.Errorf("%w (%w)", ErrAltered, err)
}

// parse reads the text that was signed.
func parse(text string) (*Pack, error) {
	h, rest, err := parseHeader(text)
	if err != nil {
		return nil, err
	}
	p := &Pack{Header: h}
	p.coverage = covered{kinds: map[Kind]bool{}}
	for _, k := range h.Kinds {
		p.coverage.kinds[k] = true
	}
	for _, word := range h.Networks {
		length, err := readLength(word)
		if err != nil {
			return nil, formatError("networks: %w", err)
		}
		p.coverage.lengths = append(p.coverage.lengths, length)
	}
	b := body{rest: rest}
	p.readEntries(&b)
	p.readTexts(&b)
	p.readFilterTable(&b)
	if b.err == nil && b.rest != "" {
		b.err = formatError("something stands behind its end: %.40q", b.rest)
	}
	return p, b.err
}

// body reads lines of base64 until something is wrong.
type body struct {
	rest string
	err  error
}

func (b *body) fail(format string, args ...any) {
	if b.err == nil {
		b.err = formatError(format, args...)
	}
}

func (b *body) line() string {
	line, rest, ok := strings.Cut(b.rest, "\n")
	if !ok {
		b.fail("it ends too early")
	}
	b.rest = rest
	return line
}

func (b *body) section(name string) {
	if line := b.line(); line != name {
		b.fail("there is no line %q where it belongs", name)
	}
}

// bytes reads one line of a size that is known.
func (b *body) bytes(size int) []byte {
	line := b.line()
	if b.err != nil {
		return nil
	}
	if len(line) != base64.StdEncoding.EncodedLen(size) {
		b.fail("a line of %d characters stands where %d belong", len(line), base64.StdEncoding.EncodedLen(size))
		return nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil || len(raw) != size {
		b.fail("a line is not base64")
		return nil
	}
	return raw
}

func (p *Pack) readEntries(b *body) {
	b.section(sectTable)
	// The header may claim what it likes: nothing is set aside for more than there is.
	most := min(p.Count, len(b.rest)/base64.StdEncoding.EncodedLen(entrySize))
	p.tags, p.entries = make(map[tag]int, most), make([][entrySize]byte, 0, most)
	for n := 0; n < p.Count && b.err == nil; n++ {
		raw := b.bytes(entrySize)
		if b.err != nil {
			return
		}
		one := [entrySize]byte(raw)
		if n > 0 && bytes.Compare(p.entries[n-1][:tagSize], one[:tagSize]) >= 0 {
			b.fail("two entries have the same tag, or entries are not in the order of their tags")
			return
		}
		p.tags[tag(one[:tagSize])] = n
		p.entries = append(p.entries, one)
	}
}

func (p *Pack) readTexts(b *body) {
	if p.Texts == 0 || b.err != nil {
		return
	}
	b.section(sectTexts)
	for n := 0; n < p.Texts && b.err == nil; n++ {
		p.texts = append(p.texts, b.bytes(p.TextSize+16))
	}
}

func (p *Pack) readFilterTable(b *body) {
	if p.Slots == 0 || b.err != nil {
		return
	}
	b.section(sectFilter)
	f := filter{slots: p.Slots}
	for size := (p.Slots + 7) / 8; len(f.table) < size && b.err == nil; {
		f.table = append(f.table, b.bytes(min(filterWidth, size-len(f.table)))...)
	}
	if b.err != nil {
		return
	}
	for slot := p.Slots; slot < 8*len(f.table); slot++ {
		if f.has(slot) {
			b.fail("the filter has slots behind its end")
			return
		}
	}
	switch full := f.full(); {
	case full == p.Slots:
		b.err = ErrMatchesAll
	case full == 0:
		b.fail("the filter lets nothing through")
	case math.Abs(f.tells()-p.FilterBits) > 0.001:
		b.fail("the filter tells %.3f bits of each indicator and the header says %.3f", f.tells(), p.FilterBits)
	}
	p.filter = f
}
