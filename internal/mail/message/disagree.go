package message

import (
	"bytes"
	"strconv"
	"strings"
)

// inspect looks at the header of the message for what programs read differently
// and is not seen while it is taken apart. It costs one pass over the header.
func (w *walker) inspect() {
	m := w.m
	clean := w.cleanBytes(m.Header)
	w.inspectLineEnds()
	for i := range m.Header {
		f := &m.Header[i]
		if !clean {
			w.inspectBytes(f)
		}
		switch words, once := inspected(f.Name); {
		case !once:
		case w.inspectOnce(f, i) && words: // a second one is a defect already
			if len(f.Name) == len("From") {
				w.inspectFrom(f)
			}
			w.inspectWords(f)
		}
	}
}

// inspected tells which fields may stand once (RFC 5322 §3.6), and of which of
// those people read the words.
func inspected(name string) (words, once bool) {
	switch len(name) {
	case 2, 3, 6, 8, 10, 11:
		for _, n := range [...]string{"To", "Cc", "Bcc", "Sender", "Reply-To", "Message-ID", "In-Reply-To", "References"} {
			if equalFold(name, n) {
				return false, true
			}
		}
	case 4:
		return equalFold(name, "From"), equalFold(name, "From") || equalFold(name, "Date")
	case 7:
		return true, equalFold(name, "Subject")
	}
	return false, false
}

// inspectLineEnds notes lines of the header that end in LF alone among others
// that end in CRLF: what joins and splits lines differs there, and SMTP servers
// disagreed about it to the point of being deceived.
func (w *walker) inspectLineEnds() {
	header := w.raw[:min(w.m.bodyStart, len(w.raw))]
	lf, crlf := bytes.Count(header, []byte{'\n'}), countCRLF(header)
	if crlf == 0 || lf == crlf {
		return
	}
	for at := 0; ; at++ {
		i := bytes.IndexByte(header[at:], '\n')
		if i < 0 {
			return
		}
		if at += i; at == 0 || header[at-1] != '\r' {
			w.m.note(BareLF, "", at, "line ends of two kinds in the header")
			return
		}
	}
}

// cleanBytes reports whether the header holds ASCII only, no NUL and no CR but
// before LF, as nearly every header does.
func (w *walker) cleanBytes(h Header) bool {
	if len(h) == 0 {
		return true
	}
	raw := w.raw[h[0].Start:h[len(h)-1].End]
	return isASCII(raw) && bytes.IndexByte(raw, 0) < 0 && bytes.Count(raw, []byte{'\r'}) == countCRLF(raw)
}

// countCRLF goes by the CRs: where there are none it is one look.
func countCRLF(b []byte) (n int) {
	for {
		i := bytes.IndexByte(b, '\r')
		if i < 0 {
			return n
		}
		if b = b[i+1:]; len(b) > 0 && b[0] == '\n' {
			n++
		}
	}
}

// inspectOnce reports whether a field is the first of its name, and notes it
// where RFC 5322 §3.6 allows one. Which From or
// Subject of two is shown depends on the program, and attacks rest on it.
func (w *walker) inspectOnce(f *Field, i int) bool {
	for j := range i {
		first := &w.m.Header[j]
		if !equalFold(first.Name, f.Name) {
			continue
		}
		w.m.note(DuplicateField, "header:"+f.Name, f.Start, "a second field "+f.Name)
		if first.Value != f.Value && (equalFold(f.Name, "From") || equalFold(f.Name, "Subject") || equalFold(f.Name, "Sender")) {
			w.m.note(ParsersDisagree, "header:"+f.Name, f.Start, "two fields "+f.Name+" that differ")
		}
		return false
	}
	return true
}

func (w *walker) inspectBytes(f *Field) {
	raw := w.raw[f.Start:f.End]
	if i := bytes.IndexByte(raw, 0); i >= 0 {
		w.m.note(NULByte, "header:"+f.Name, f.Start+i, "a NUL byte in a header field")
		w.m.note(ParsersDisagree, "header:"+f.Name, f.Start+i, "a NUL byte in a header field")
	}
	for i, c := range raw {
		if c == '\r' && w.nl == '\n' && (i+1 == len(raw) || raw[i+1] != '\n') {
			w.m.note(BareCR, "header:"+f.Name, f.Start+i, "a CR that ends no line")
			w.m.note(ParsersDisagree, "header:"+f.Name, f.Start+i, "a CR that ends no line, the end of the field to some")
			break
		}
	}
	if !isASCII(raw) && validText(f.Value) != f.Value {
		w.m.note(EightBitHeader, "header:"+f.Name, f.Start, "8-bit characters that are not UTF-8; read as windows-1252")
	}
}

// inspectFrom looks for several senders: RFC 5322 §3.6.2 allows them, programs
// show one, and authentication goes by another.
func (w *walker) inspectFrom(f *Field) {
	list := ParseAddresses(f.Value)
	addrs := 0
	for _, a := range list {
		if a.Domain != "" {
			addrs++
		}
	}
	switch {
	case addrs > 1:
		w.m.note(ParsersDisagree, "header:From", f.Start, strconv.Itoa(addrs)+" addresses in From")
	case strings.Contains(f.Value, "(<"):
		w.m.note(MalformedField, "header:From", f.Start, "the address stands in a comment")
		w.m.note(ParsersDisagree, "header:From", f.Start, "the address stands in a comment")
	case addrs == 0:
		w.m.note(MalformedField, "header:From", f.Start, "no address in From")
	case strings.Count(f.Value, "<") > 1 && angleCount(f.Value) > 1:
		w.m.note(ParsersDisagree, "header:From", f.Start, "several addresses in brackets in From")
	}
}

// angleCount counts the brackets outside quotes and comments.
func angleCount(s string) (n int) {
	var skip skipper
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"', '(':
			i = skip.over(s, i)
		case '<':
			n++
		}
	}
	return n
}

// inspectWords looks for encoded words that turn into something else than text:
// control characters end the field for some programs, an address in brackets
// takes the place of the real one, words inside words are decoded by some once
// and by some twice.
func (w *walker) inspectWords(f *Field) {
	if !strings.Contains(f.Value, "=?") {
		return
	}
	decoded := DecodeWords(f.Value)
	switch {
	case strings.ContainsAny(decoded, "\x00\r\n"):
		w.m.note(ParsersDisagree, "header:"+f.Name, f.Start, "an encoded word holds control characters")
	case strings.Contains(decoded, "=?") && strings.Contains(decoded, "?="):
		w.m.note(ParsersDisagree, "header:"+f.Name, f.Start, "an encoded word that is not decoded by all, or holds another")
	case equalFold(f.Name, "From") && angleCount(decoded) > angleCount(f.Value):
		w.m.note(ParsersDisagree, "header:"+f.Name, f.Start, "an encoded word holds an address in brackets")
	case equalFold(f.Name, "From") && encodedAddress(f.Value):
		w.m.note(ParsersDisagree, "header:"+f.Name, f.Start, "an encoded word within the address")
	}
}

func encodedAddress(s string) bool {
	open := angle(s)
	return open >= 0 && strings.Contains(s[open:], "=?") && strings.Contains(s[open:], "?=")
}

// Suspicious reports whether anything in the message is read differently by
// different programs. It decodes the text parts, since what is hidden in their
// encoding shows only then; it runs no other parser.
func (m *Message) Suspicious() bool {
	for _, p := range m.Parts {
		if len(p.Children) == 0 && p.isText() {
			p.Content()
		}
	}
	return m.has(ParsersDisagree)
}
