package message

import (
	"bytes"
	"strconv"
	"strings"
)

// Parse reads a message. It never fails: what is wrong stands in Defects. Zero
// limits are the defaults.
func Parse(raw []byte, lim Limits) *Message {
	lim = lim.orDefault()
	m := &Message{Raw: raw, lim: lim}
	w := &walker{m: m, raw: raw, lim: lim, nl: '\n', scratch: make([]Field, 0, 64)}
	if len(raw) > lim.Bytes {
		w.raw = raw[:lim.Bytes]
		m.note(TooManyBytes, "", lim.Bytes, "only the first "+strconv.Itoa(lim.Bytes)+" bytes are read")
	}
	if bytes.IndexByte(w.raw, '\n') < 0 && bytes.IndexByte(w.raw, '\r') >= 0 {
		w.nl = '\r' // a message whose lines all end in CR, as old Macs wrote them
	}
	m.Root = w.newPart(false, 1)
	w.entity(m.Root, "", true)
	m.Header = m.Root.Header
	m.bodyStart = m.Root.Start
	w.inspect()
	return m
}

// walker goes through the raw bytes once. It always stands at the start of a line.
type walker struct {
	m       *Message
	raw     []byte
	pos     int
	nl      byte
	lim     Limits
	stack   []string // boundaries of the open multiparts, outermost first
	found   delimiter
	scratch []Field
	stopped bool // the limit of parts was reported
}

// delimiter is the boundary line that ended the last body.
type delimiter struct {
	level int // in walker.stack; -1 for the end of the message
	last  bool
	start int // without the line end before it, which belongs to the boundary (RFC 2046 §5.1.1)
	next  int
}

func (w *walker) newPart(nested bool, depth int) *Part {
	p := &Part{msg: w.m, Nested: nested, Depth: depth}
	w.m.Parts = append(w.m.Parts, p)
	return p
}

// entity reads a header and its body. prefix is the path under which the
// children of a multipart are counted; top says that p is the whole of a message.
func (w *walker) entity(p *Part, prefix string, top bool) {
	w.header(p, top)
	p.Start = w.pos
	w.describe(p)
	multi := strings.HasPrefix(p.MediaType, "multipart/")
	if top {
		p.Path = topPath(prefix, multi)
	}
	switch {
	case (multi || w.encapsulates(p)) && p.Depth >= w.lim.Depth:
		w.m.note(TooDeep, p.Path, p.Start, "nested deeper than "+strconv.Itoa(w.lim.Depth)+"; not opened")
		w.leaf(p)
	case multi:
		if !top {
			prefix = p.Path
		}
		w.multipart(p, prefix)
	case w.encapsulates(p):
		child := w.newPart(true, p.Depth+1)
		p.Children = []*Part{child}
		w.entity(child, p.Path, true)
		p.End = child.End
	default:
		w.leaf(p)
		if p.MediaType == "text/plain" && isIdentity(p.Encoding) {
			w.uuencoded(p)
		}
	}
}

// topPath names the only part of a message, or its multipart, as IMAP does
// (RFC 3501 §6.4.5). The multipart of an attached message has no number there;
// its body is called TEXT.
func topPath(prefix string, multi bool) string {
	switch {
	case prefix == "" && multi:
		return ""
	case prefix == "":
		return "1"
	case multi:
		return prefix + ".TEXT"
	default:
		return prefix + ".1"
	}
}

// encapsulates reports whether p holds a message as it is. One that is encoded
// against RFC 2046 §5.2.1 has no bytes in Raw to point at: see Part.Embedded.
func (w *walker) encapsulates(p *Part) bool {
	return isMessageType(p.MediaType) && isIdentity(p.Encoding)
}

func isMessageType(mediaType string) bool {
	return mediaType == "message/rfc822" || mediaType == "message/global" || mediaType == "message/news"
}

func isIdentity(encoding string) bool {
	return encoding != "base64" && encoding != "quoted-printable" && encoding != "x-uuencode"
}

func (w *walker) leaf(p *Part) {
	w.scan()
	p.End = max(w.found.start, p.Start)
}

func (w *walker) multipart(p *Part, prefix string) {
	boundary := w.boundary(p)
	if boundary == "" {
		w.leaf(p)
		return
	}
	level := len(w.stack)
	w.stack = append(w.stack, boundary)
	w.scan() // the preamble
	for w.found.level == level && !w.found.last {
		if len(w.m.Parts) >= w.lim.Parts {
			w.tooMany(p)
			w.scan()
			continue
		}
		child := w.newPart(p.Nested, p.Depth+1)
		child.Path = strconv.Itoa(len(p.Children) + 1)
		if prefix != "" {
			child.Path = prefix + "." + child.Path
		}
		p.Children = append(p.Children, child)
		w.entity(child, "", false)
	}
	w.stack = w.stack[:level]
	if w.found.level == level {
		w.scan() // the epilogue
	} else {
		w.m.note(UnterminatedPart, p.Path, w.found.start, "no final boundary")
	}
	if len(p.Children) == 0 {
		w.m.note(EmptyMultipart, p.Path, p.Start, "the boundary never occurs")
	}
	p.End = max(w.found.start, p.Start)
}

func (w *walker) tooMany(p *Part) {
	if !w.stopped {
		w.m.note(TooManyParts, p.Path, w.found.next, "more than "+strconv.Itoa(w.lim.Parts)+" parts; the rest is not read")
		w.stopped = true
	}
}

// scan goes on to the next line that is a boundary of an open multipart.
func (w *walker) scan() {
	w.found = delimiter{level: -1, start: len(w.raw), next: len(w.raw)}
	needle := [3]byte{w.nl, '-', '-'}
	for at := w.pos; len(w.stack) > 0; {
		if d, ok := w.match(at); ok {
			w.found = d
			break
		}
		i := bytes.Index(w.raw[at:], needle[:])
		if i < 0 {
			break
		}
		at += i + 1
	}
	w.pos = w.found.next
}

// match reads the line at at as a boundary. A line that only begins like one is
// a boundary to some parsers and text to others.
func (w *walker) match(at int) (delimiter, bool) {
	if !bytes.HasPrefix(w.raw[at:], []byte("--")) {
		return delimiter{}, false
	}
	end, next := w.line(at)
	line := w.raw[at+2 : max(end, at+2)]
	for level := len(w.stack) - 1; level >= 0; level-- {
		b := w.stack[level]
		if len(line) < len(b) || string(line[:len(b)]) != b {
			continue
		}
		rest := bytes.TrimRight(line[len(b):], " \t\r")
		if last := string(rest) == "--"; last || len(rest) == 0 {
			return delimiter{level: level, last: last, start: w.beforeLineEnd(at), next: next}, true
		}
		w.m.note(ParsersDisagree, "", at, "a line begins with a boundary but goes on")
	}
	return delimiter{}, false
}

// line returns where the line at at ends, without and with its line end.
func (w *walker) line(at int) (end, next int) {
	i := bytes.IndexByte(w.raw[at:], w.nl)
	if i < 0 {
		return len(w.raw), len(w.raw)
	}
	end, next = at+i, at+i+1
	if end > at && w.raw[end-1] == '\r' {
		end--
	}
	return end, next
}

func (w *walker) beforeLineEnd(at int) int {
	if at > 0 && w.raw[at-1] == w.nl {
		at--
		if w.nl == '\n' && at > 0 && w.raw[at-1] == '\r' {
			at--
		}
	}
	return at
}

// boundary returns what separates the parts of p. Where none is stated, the
// first line that looks like one and is followed by a header field is taken, as
// mail programs do that want to show something.
func (w *walker) boundary(p *Part) string {
	if b := strings.TrimRight(p.Params["boundary"], " \t"); b != "" {
		w.checkBoundary(p, b)
		return b
	}
	window := w.raw[p.Start:min(len(w.raw), p.Start+16<<10)]
	for at := 0; at < len(window); {
		end := bytes.IndexByte(window[at:], w.nl)
		if end < 0 {
			break
		}
		line := bytes.TrimRight(window[at:at+end], " \t\r")
		at += end + 1
		if len(line) > 2 && len(line) <= 76 && line[0] == '-' && line[1] == '-' &&
			len(window)-at > 8 && strings.EqualFold(string(window[at:at+8]), "content-") {
			w.m.note(GuessedBoundary, p.Path, p.Start, "no boundary is stated")
			w.m.note(ParsersDisagree, p.Path, p.Start, "a multipart states no boundary")
			return string(line[2:])
		}
	}
	w.m.note(NoBoundary, p.Path, p.Start, "a multipart states no boundary; read as text")
	w.m.note(ParsersDisagree, p.Path, p.Start, "a multipart states no boundary")
	return ""
}

// checkBoundary notes what parsers treat differently: RFC 2046 §5.1.1 allows 70
// characters of a small set, and boundaries of nested multiparts must differ.
func (w *walker) checkBoundary(p *Part, b string) {
	switch {
	case len(b) > 70:
		w.m.note(ParsersDisagree, p.Path, p.Start, "the boundary is longer than 70 characters")
	case len(b) != len(p.Params["boundary"]):
		w.m.note(ParsersDisagree, p.Path, p.Start, "the boundary ends in a space")
	case strings.ContainsFunc(b, func(r rune) bool { return r < ' ' || r > '~' }):
		w.m.note(ParsersDisagree, p.Path, p.Start, "the boundary holds characters that are not printable ASCII")
	}
	for _, outer := range w.stack {
		if strings.HasPrefix(b, outer) || strings.HasPrefix(outer, b) {
			w.m.note(ParsersDisagree, p.Path, p.Start, "a boundary begins with that of an outer multipart")
			return
		}
	}
}
