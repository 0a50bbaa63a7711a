package dkim

import (
	"bytes"
	"crypto"
	_ "crypto/sha1"   // only to say whether a body is the one an old signature meant
	_ "crypto/sha256" // behind crypto.SHA256
	"hash"
	"slices"
	"strings"
)

// canonicalization is c=: how header and body are brought into a form that
// survives transport (RFC 6376 §3.4). The zero value is simple/simple.
type canonicalization struct{ headerRelaxed, bodyRelaxed bool }

// parseCanonicalization reads c=; ok is false for what is not known.
func parseCanonicalization(s string) (c canonicalization, ok bool) {
	header, body, _ := strings.Cut(s, "/")
	hok, bok := true, true
	c.headerRelaxed, hok = relaxed(header)
	if body != "" {
		c.bodyRelaxed, bok = relaxed(body)
	}
	return c, hok && bok
}

func relaxed(s string) (bool, bool) { return s == "relaxed", s == "relaxed" || s == "simple" }

// AppendRelaxed appends a field in relaxed form, without the line end (§3.4.2).
func AppendRelaxed(dst []byte, f *Field) []byte {
	for _, c := range f.Name {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	dst = append(dst, ':')
	return appendWords(dst, f.Value)
}

// appendWords appends a value with every run of white space as one space, and
// none at either end.
func appendWords(dst, value []byte) []byte {
	pending, first := false, true
	for _, c := range value {
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			pending = !first
			continue
		}
		if pending {
			dst = append(dst, ' ')
			pending = false
		}
		first = false
		dst = append(dst, c)
	}
	return dst
}

// appendSimple appends a field as it is, line ends as CRLF, without the last one (§3.4.1).
func appendSimple(dst []byte, f *Field) []byte {
	text := bytes.TrimSuffix(bytes.TrimSuffix(f.Text, []byte("\n")), []byte("\r"))
	for {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, bytes.TrimSuffix(text[:i], []byte("\r"))...)
		dst = append(dst, '\r', '\n')
		text = text[i+1:]
	}
}

func (c canonicalization) appendField(dst []byte, f *Field) []byte {
	if c.headerRelaxed {
		return AppendRelaxed(dst, f)
	}
	return appendSimple(dst, f)
}

// bodyKey names one way to hash a body.
type bodyKey struct {
	relaxed bool
	hash    crypto.Hash
}

// bodySum is a hashed body. The sums of prefixes that l= tags ask for are taken
// on the way, so the body is read once for all signatures of a kind.
type bodySum struct {
	wanted []int64 // prefix lengths, ascending
	prefix map[int64][]byte
	full   []byte
	length int64 // canonical octets
}

// want registers that a sum of the first n octets will be asked for.
func (m *Message) want(key bodyKey, n int64) {
	if m.bodies == nil {
		m.bodies = make(map[bodyKey]*bodySum, 1)
	}
	s := m.bodies[key]
	if s == nil {
		s = new(bodySum)
		m.bodies[key] = s
	}
	if n < 0 {
		return
	}
	if i, found := slices.BinarySearch(s.wanted, n); !found {
		s.wanted = slices.Insert(s.wanted, i, n)
		s.full = nil // hash again, should it have been done
	}
}

// sum hashes the body, the first time it is asked.
func (m *Message) sum(key bodyKey) *bodySum {
	s := m.bodies[key]
	if s.full != nil {
		return s
	}
	w := &bodyWriter{hash: key.hash.New(), sum: s, buf: make([]byte, 0, bodyBuffer+1024)}
	if key.relaxed {
		w.relaxed(m.Body)
	} else {
		w.simple(m.Body)
	}
	w.flush()
	s.full, s.length = w.hash.Sum(nil), w.length
	return s
}

const bodyBuffer = 16 << 10

var twoSpaces, oneTab = []byte("  "), []byte("\t")

// bodyWriter gathers canonical octets and hashes them in large pieces.
type bodyWriter struct {
	hash   hash.Hash
	sum    *bodySum
	buf    []byte
	length int64
	next   int // in sum.wanted
}

func (w *bodyWriter) flush() {
	b := w.buf
	for w.next < len(w.sum.wanted) && w.sum.wanted[w.next] <= w.length+int64(len(b)) {
		n := w.sum.wanted[w.next] - w.length
		w.hash.Write(b[:n])
		w.length += n
		b = b[n:]
		if w.sum.prefix == nil {
			w.sum.prefix = make(map[int64][]byte)
		}
		w.sum.prefix[w.length] = w.hash.Sum(nil)
		w.next++
	}
	w.hash.Write(b)
	w.length += int64(len(b))
	w.buf = w.buf[:0]
}

// write appends a run of octets; a long one goes out in pieces.
func (w *bodyWriter) write(b []byte) {
	for len(b) > 0 {
		n := min(len(b), bodyBuffer)
		w.buf = append(w.buf, b[:n]...)
		b = b[n:]
		if len(w.buf) >= bodyBuffer {
			w.flush()
		}
	}
}

func (w *bodyWriter) newlines(n int) {
	for ; n > 0; n-- {
		w.buf = append(w.buf, '\r', '\n')
		if len(w.buf) >= bodyBuffer {
			w.flush()
		}
	}
}

// simple drops empty lines at the end and ends the body in one CRLF (§3.4.3).
func (w *bodyWriter) simple(body []byte) {
	empty := 0
	for len(body) > 0 {
		line, rest := cutLine(body)
		body = rest
		if len(line) == 0 {
			empty++
			continue
		}
		w.newlines(empty)
		empty = 0
		w.write(line)
		w.newlines(1)
	}
	if w.length == 0 && len(w.buf) == 0 {
		w.newlines(1)
	}
}

// relaxed also drops spaces at line ends and reduces runs of them to one (§3.4.4).
func (w *bodyWriter) relaxed(body []byte) {
	empty := 0
	for len(body) > 0 {
		line, rest := cutLine(body)
		body = rest
		for len(line) > 0 && (line[len(line)-1] == ' ' || line[len(line)-1] == '\t') {
			line = line[:len(line)-1]
		}
		if len(line) == 0 {
			empty++
			continue
		}
		w.newlines(empty)
		empty = 0
		w.squeeze(line)
		w.newlines(1)
	}
}

// squeeze writes a line with every run of spaces and tabs as one space. It
// jumps from one run to the next; a single space is no run. What was found
// ahead is kept, so that a line of any length is searched once.
func (w *bodyWriter) squeeze(line []byte) {
	pos, double, tab := 0, -1, -1
	for {
		if double < pos {
			double = indexFrom(line, pos, twoSpaces)
		}
		if tab < pos {
			tab = indexFrom(line, pos, oneTab)
		}
		i := min(double, tab)
		if i == len(line) {
			w.write(line[pos:])
			return
		}
		end := i
		for end < len(line) && (line[end] == ' ' || line[end] == '\t') {
			end++
		}
		if i > pos && line[i-1] == ' ' {
			i-- // a space before a tab
		}
		w.write(line[pos:i])
		w.buf = append(w.buf, ' ')
		pos = end
	}
}

// indexFrom is where sep next stands in b at or behind pos, len(b) if nowhere.
func indexFrom(b []byte, pos int, sep []byte) int {
	if i := bytes.Index(b[pos:], sep); i >= 0 {
		return pos + i
	}
	return len(b)
}

// cutLine splits off the first line, without its end.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil
	}
	line, rest = b[:i], b[i+1:]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, rest
}
