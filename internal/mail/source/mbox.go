package source

import (
	"bytes"
	"math"
	"strconv"
)

// mboxReader splits an mbox into messages. There is no one mbox format; what
// follows is as right as the variants allow. Sources: RFC 4155; the mbox(5)
// manual of qmail, which names mboxo, mboxrd, mboxcl and mboxcl2; the Library
// of Congress format descriptions fdd000383 to fdd000387.
//
//   - A message begins at a From_ line at the beginning of the file or behind a
//     blank line (RFC 4155 demands the blank line), as separates judges it. A
//     body line "From " without a blank line before it never separates.
//   - The blank line before a separator, and one at the end of the file, belong
//     to the format and not to the message.
//   - Where the file's first messages (up to 16, in the first 256 KiB, and always
//     the first) all have one Content-Length that ends exactly at a separator
//     or at the end, the file is mboxcl or mboxcl2, and a Content-Length is
//     followed wherever it ends so. Elsewhere it is ignored: a sender could
//     write one to hide the messages behind his own.
//   - Quoting: in mboxcl2 (a body in those first messages has a bare "From "
//     line) nothing is unquoted. Otherwise one ">" is taken from each body line
//     of ">"s and "From " as in mboxrd, which programs write today. In a
//     mboxo file that is wrong only for lines that had a ">" of their own, which
//     mboxo itself cannot tell from its quoting when there is one.
//   - A writer that quotes only behind blank lines betrays itself by a bare
//     "From " within a paragraph of the body; in such a message only lines
//     behind a blank line are unquoted. One that quotes only what has the shape
//     of a From_ line betrays itself by a bare "From " behind a blank line; there only such are unquoted.
//   - Lines in the header are left alone.
type mboxReader struct {
	w        *window
	limit    int  // bytes of a message kept
	counted  bool // mboxcl or mboxcl2
	unquoted bool // mboxcl2
	lies     int  // lengths that ended nowhere

	// Of the message being read, as offsets into the window:
	quotes []int // lines of ">"s and "From "
	within int   // first "From " line within a paragraph, or -1
	behind int   // first "From " line behind a blank line that does not separate, or -1
}

// entry is one message in an mbox. Start and end adjoin: each begins where the
// one before ended, so that nothing between can be lost.
type entry struct {
	start, end int64 // From_ line and the blank line behind included
	from       []byte
	raw        []byte // own copy
	tail       uint32
	truncated  bool
}

const (
	probeBytes    = 256 << 10
	probeMessages = 16
	// maxLies is how many wrong lengths are looked into: each may cost reading far ahead.
	maxLies = 100
	// lookahead is what separates wants to see behind a candidate.
	lookahead = 4 << 10
)

// newMboxReader reads an mbox whose variant shows in head, its first bytes. To
// go on inside a file w stands at the offset, and head is still the beginning.
func newMboxReader(w *window, head []byte, limit int64) *mboxReader {
	m := &mboxReader{w: w, limit: int(min(limit, math.MaxInt32))}
	w.max = m.limit + maxFromLine + lookahead + windowBytes
	m.counted, m.unquoted = probeCounted(head)
	return m
}

// probeHead returns the bytes that tell the variant: the first message whole, as far as limit allows.
func probeHead(w *window, limit int64) []byte {
	head := w.peek(probeBytes)
	_, body, length := messageLength(skipBlank(trimBOM(head)))
	if want := int64(len(head)) + length; length > int64(len(head)-body) && want <= limit {
		head = w.peek(int(want) + maxFromLine)
	}
	return head
}

func probeCounted(head []byte) (counted, unquoted bool) {
	text := skipBlank(trimBOM(head))
	for range probeMessages {
		ok, body, n := messageLength(text)
		if body < 0 && counted {
			break // the header goes beyond what was looked at
		}
		if !ok || n > int64(len(text)-body) {
			return counted && ok, unquoted
		}
		end, exact := countedEnd(text, body, int(n), true)
		if !exact {
			return false, false
		}
		counted = true
		unquoted = unquoted || bytes.Contains(text[body:body+int(n)], []byte("\nFrom ")) ||
			bytes.HasPrefix(text[body:], fromLine)
		if text = text[end:]; len(text) == 0 {
			break
		}
	}
	return counted, unquoted
}

// messageLength returns where the body of the message that text begins with
// begins (-1: not in text) and its Content-Length; false if it has none, or two.
func messageLength(text []byte) (ok bool, body int, n int64) {
	body = bodyStart(text)
	header := text
	if body >= 0 {
		header = text[:body]
	}
	at, again := findField(header, "content-length:")
	if body < 0 || at < 0 || again {
		return false, body, 0
	}
	line, _, _ := bytes.Cut(header[at:], []byte("\n"))
	n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 62)
	return err == nil && n >= 0, body, max(n, 0)
}

// bodyStart is behind the first blank line, or -1.
func bodyStart(text []byte) int {
	for i := 0; ; {
		nl := bytes.IndexByte(text[i:], '\n')
		if nl < 0 {
			return -1
		}
		i += nl + 1
		if n := len(text[i:]) - len(skipLineEnd(text[i:])); n > 0 {
			return i + n
		}
	}
}

// findField returns where the value of a field begins, and whether there is a second one.
func findField(header []byte, name string) (at int, again bool) {
	at = -1
	for i := 0; i < len(header); {
		if len(header)-i > len(name) && bytes.EqualFold(header[i:i+len(name)], []byte(name)) {
			if at >= 0 {
				return at, true
			}
			at = i + len(name)
		}
		nl := bytes.IndexByte(header[i:], '\n')
		if nl < 0 {
			break
		}
		i += nl + 1
	}
	return at, false
}

// countedEnd tells where the next message begins if the body has n bytes, and
// whether a separator or the end of the file really is there.
func countedEnd(text []byte, body, n int, eof bool) (end int, exact bool) {
	if n > len(text)-body {
		return 0, false
	}
	end = body + n
	rest := text[end:]
	for range 2 { // the body's own line end may not be counted, and the separating blank line
		rest = skipLineEnd(rest)
	}
	if len(rest) == 0 {
		return len(text), eof
	}
	end = len(text) - len(rest)
	return end, bytes.HasPrefix(rest, fromLine) && separates(rest) && text[end-1] == '\n'
}

func skipLineEnd(b []byte) []byte {
	switch {
	case len(b) > 0 && b[0] == '\n':
		return b[1:]
	case len(b) > 1 && b[0] == '\r' && b[1] == '\n':
		return b[2:]
	}
	return b
}
