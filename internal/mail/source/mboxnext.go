package source

import "bytes"

// next returns the next message, or false at the end of what can be read; the
// window's failure tells whether that is the end of the file. Without keep the
// message is only measured.
func (m *mboxReader) next(keep bool) (entry, bool) {
	m.skipLeading()
	if len(m.w.ahead()) == 0 {
		return entry{}, false
	}
	m.quotes, m.within, m.behind = m.quotes[:0], -1, -1
	e := entry{start: m.w.off}
	if rawEnd, end, ok := m.countedMessage(); ok {
		if !m.unquoted {
			m.scanRange(len(fromLine), rawEnd, false)
		}
		m.finish(&e, rawEnd, end, keep)
		return e, true
	}
	end, found := m.scan()
	switch {
	case found:
		m.finish(&e, trimSeparator(m.w.ahead()[:end]), end, keep)
	default:
		m.finishLarge(&e, keep)
	}
	return e, true
}

// skipLeading passes a byte order mark and blank lines: at the beginning of a
// file, and where reading goes on in a mailbox that has grown.
func (m *mboxReader) skipLeading() {
	for {
		m.w.need(lookahead)
		b := m.w.ahead()
		if m.w.off == 0 {
			b = trimBOM(b)
		}
		rest := skipBlank(b)
		m.w.skip(len(m.w.ahead()) - len(rest))
		if len(rest) > 1 || m.w.err != nil {
			return
		}
	}
}

// countedMessage follows a Content-Length if it ends where a message can end. It
// returns where the message and where its separator ends.
func (m *mboxReader) countedMessage() (rawEnd, end int, ok bool) {
	if !m.counted || m.lies > maxLies {
		return 0, 0, false
	}
	body, n := -1, int64(0)
	for size := lookahead; body < 0; size *= 2 {
		whole := m.w.need(size)
		ok, body, n = messageLength(m.w.peek(size))
		if !whole || size > 1<<20 {
			break
		}
	}
	if !ok || n > int64(m.limit) {
		return 0, 0, false
	}
	m.w.need(body + int(n) + lookahead)
	text := m.w.ahead()
	if end, ok = countedEnd(text, body, int(n), m.w.err != nil); !ok {
		m.lies++
		return 0, 0, false
	}
	rawEnd = body + int(n)
	if rawEnd < end && text[rawEnd-1] != '\n' { // a writer that does not count the last line's end
		rawEnd = len(text) - len(skipLineEnd(text[rawEnd:]))
	}
	return rawEnd, end, true
}

// scan looks for the end of the message that the window begins with. It returns
// false where the message is larger than the limit and no end is in sight.
// Quoted lines are noted on the way: separators and quotes are both lines of
// "From ", so one pass over the bytes finds them.
func (m *mboxReader) scan() (end int, found bool) {
	from := len(fromLine)
	for {
		safe := m.safe()
		if end, found := m.scanRange(from, safe, true); found {
			return end, true
		}
		if m.w.err != nil {
			return len(m.w.ahead()), true
		}
		if safe > m.limit+maxFromLine {
			return safe, false
		}
		from = max(from, safe)
		m.w.need(len(m.w.ahead()) + 1)
	}
}

// safe is up to where a candidate can be judged with what is in the window.
func (m *mboxReader) safe() int {
	if m.w.err != nil {
		return len(m.w.ahead())
	}
	return len(m.w.ahead()) - lookahead
}

// scanRange looks at each "From " that begins in [from, to) of the window. It
// returns where a separator begins, if separators are wanted.
func (m *mboxReader) scanRange(from, to int, split bool) (int, bool) {
	b := m.w.ahead()
	for from < to {
		i := bytes.Index(b[from:], fromLine)
		if i < 0 || from+i >= to {
			break
		}
		i += from
		from = i + len(fromLine)
		switch {
		case b[i-1] == '\n':
			if split && blankBefore(b, i) && separates(b[i:min(len(b), i+lookahead)]) {
				return i, true
			}
			m.noteBare(b, i)
		case b[i-1] == '>':
			m.noteQuote(b, i-1)
		}
	}
	return 0, false
}

func (m *mboxReader) noteBare(b []byte, i int) {
	switch {
	case blankBefore(b, i):
		m.behind = max(m.behind, i)
	default:
		m.within = max(m.within, i)
	}
}

func (m *mboxReader) noteQuote(b []byte, i int) {
	for i > 0 && b[i-1] == '>' {
		i--
	}
	if i > 0 && b[i-1] == '\n' {
		m.quotes = append(m.quotes, i)
	}
}

// blankBefore tells whether the line before the one that begins at i is empty.
func blankBefore(b []byte, i int) bool {
	if i >= 2 && b[i-2] == '\r' {
		i--
	}
	return i >= 2 && b[i-2] == '\n'
}

// trimSeparator returns the length of text without one blank line at its end.
func trimSeparator(text []byte) int {
	n := len(text)
	if n == 0 || text[n-1] != '\n' || !blankBefore(text, n) {
		return n
	}
	if n--; n > 0 && text[n-1] == '\r' {
		n--
	}
	return n
}

// finish makes the entry of a message that lies whole in the window.
func (m *mboxReader) finish(e *entry, rawEnd, end int, keep bool) {
	b := m.w.ahead()
	e.end = e.start + int64(end)
	e.tail = tailSum(b[:end])
	m.fill(e, b[:rawEnd], keep)
	m.w.skip(end)
}

// finishLarge keeps the beginning of a message beyond the limit and passes over the rest.
func (m *mboxReader) finishLarge(e *entry, keep bool) {
	m.fill(e, m.w.ahead(), keep)
	e.truncated = true
	for {
		m.w.skip(max(0, m.safe()-tailBytes)) // judged already, but for what tail wants
		from := max(1, m.safe())
		m.w.need(windowBytes / 2)
		end, found := m.scanRange(from, m.safe(), true)
		m.quotes = m.quotes[:0]
		if !found && m.w.err == nil {
			continue
		}
		if !found {
			end = len(m.w.ahead())
		}
		e.tail = tailSum(m.w.ahead()[:end])
		m.w.skip(end)
		e.end = m.w.off
		return
	}
}

// fill takes From_ line and message out of text.
func (m *mboxReader) fill(e *entry, text []byte, keep bool) {
	if !keep {
		return
	}
	base := 0
	if bytes.HasPrefix(text, fromLine) {
		line, _, found := bytes.Cut(text, []byte("\n"))
		base = len(line)
		if found {
			base++
		}
		e.from = bytes.Clone(bytes.TrimSuffix(line, []byte("\r")))
	}
	if base > maxFromLine { // no separator after all
		base, e.from = 0, nil
	}
	if len(text)-base > m.limit {
		text = text[:base+m.limit]
		e.truncated = true
	}
	e.raw = m.unquote(text, base)
}

// unquote copies text[base:] without the ">"s that the mailbox added.
func (m *mboxReader) unquote(text []byte, base int) []byte {
	raw := make([]byte, 0, len(text)-base)
	if len(m.quotes) > 0 {
		body := bodyStart(text)
		for _, q := range m.quotes {
			if body >= 0 && q >= body && q >= base && q < len(text) && m.wasQuoted(text, q, body) {
				raw = append(raw, text[base:q]...)
				base = q + 1
			}
		}
	}
	return append(raw, text[base:]...)
}

// wasQuoted judges a line of ">"s and "From " by how the same message treats
// lines that a thorough writer would have quoted.
func (m *mboxReader) wasQuoted(text []byte, q, body int) bool {
	if m.within >= body && q > body && !blankBefore(text, q) {
		return false
	}
	if m.behind >= body {
		line, _, _ := bytes.Cut(text[q:], []byte("\n"))
		return plausibleFrom(bytes.TrimLeft(line, ">"))
	}
	return true
}
