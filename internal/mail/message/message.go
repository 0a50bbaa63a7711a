package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
)

// Subject is the decoded subject.
func (m *Message) Subject() string { return m.Header.Decoded("Subject") }

// From is the mailboxes of every From field.
func (m *Message) From() []Address { return m.Header.Addresses("From") }

// MessageID is the identifier without brackets.
func (m *Message) MessageID() string {
	value := m.Header.Get("Message-ID")
	if ids := appendIDs(nil, value); len(ids) > 0 {
		return ids[0]
	}
	return strings.Trim(value, "<> \t")
}

// References are the ids of In-Reply-To and References in order, each once,
// without brackets.
func (m *Message) References() []string {
	var ids []string
	for i := range m.Header {
		if name := m.Header[i].Name; equalFold(name, "References") || equalFold(name, "In-Reply-To") {
			ids = appendIDs(ids, m.Header[i].Value)
		}
	}
	seen := make(map[string]bool, len(ids))
	once := ids[:0]
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			once = append(once, id)
		}
	}
	return once
}

func appendIDs(ids []string, s string) []string {
	for {
		open := strings.IndexByte(s, '<')
		if open < 0 {
			return ids
		}
		s = s[open+1:]
		end := strings.IndexByte(s, '>')
		if end < 0 {
			return ids
		}
		if id := strings.TrimSpace(s[:end]); id != "" {
			ids = append(ids, id)
		}
		s = s[end+1:]
	}
}

// TextParts are the parts of type text/* that are not HTML, attachments and
// parts of attached messages among them.
func (m *Message) TextParts() []*Part {
	return m.pick(func(p *Part) bool { return strings.HasPrefix(p.MediaType, "text/") && !p.IsHTML() })
}

// HTMLParts are the parts that HTML returns something for, attachments and
// parts of attached messages among them.
func (m *Message) HTMLParts() []*Part { return m.pick((*Part).IsHTML) }

// Attachments are the parts for which IsAttachment holds.
func (m *Message) Attachments() []*Part { return m.pick((*Part).IsAttachment) }

func (m *Message) pick(want func(*Part) bool) (parts []*Part) {
	for _, p := range m.Parts {
		if want(p) {
			parts = append(parts, p)
		}
	}
	return parts
}

// PlainText is what a person who opens the message reads: of alternatives the
// HTML if it shows anything, as mail programs choose, else the plain text; no
// attachments. At most Limits.HTMLTextMax bytes.
func (m *Message) PlainText() string {
	if m.plain != nil {
		return *m.plain
	}
	var shown shownText
	if m.Root != nil {
		m.appendText(&shown, m.Root)
	}
	s := strings.Join(shown.texts, "\n")
	m.plain = &s
	return s
}

// shownText gathers the texts of the parts. There is nearly always one, which then
// costs nothing.
type shownText struct {
	texts []string
	size  int // joined
}

func (m *Message) appendText(b *shownText, p *Part) {
	if p.Nested || p.IsAttachment() || b.size >= m.lim.HTMLTextMax {
		return
	}
	if p.MediaType == "multipart/alternative" {
		m.appendShown(b, p.Children)
		return
	}
	for _, c := range p.Children {
		m.appendText(b, c)
	}
	if len(p.Children) > 0 {
		return
	}
	text := p.Text()
	if h := p.HTML(); h != nil {
		text = h.Text
	}
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	if b.size > 0 {
		b.size++
	}
	text = cutText(text, m.lim.HTMLTextMax-b.size)
	b.texts = append(b.texts, text)
	b.size += len(text)
}

// appendShown takes the alternative a mail program shows: the last it can
// (RFC 2046 §5.1.4) in which a person can read anything.
func (m *Message) appendShown(b *shownText, alternatives []*Part) {
	for i := len(alternatives) - 1; i >= 0; i-- {
		if alternatives[i].MediaType == "text/calendar" {
			continue
		}
		before := b.size
		if m.appendText(b, alternatives[i]); b.size > before {
			return
		}
	}
}

// cutText cuts s to at most n bytes, not within a character.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n = max(n, 0)
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// Digest is the SHA-256, in hex, of the message in a form that does not depend
// on where it was kept: every line ends in LF, the fields that mail stores add
// (see isStoreField) and a "From " line before the header are left out, and so
// are empty lines at the end. Everything else counts, byte by byte.
func (m *Message) Digest() string {
	d := digester{hash: sha256.New()}
	at := 0
	if len(m.Header) > 0 {
		at = m.Header[0].Start // past the "From " line
	} else if bytes.HasPrefix(m.Raw, []byte("From ")) {
		at = min(m.bodyStart, len(m.Raw))
	}
	for i := range m.Header {
		if f := &m.Header[i]; isStoreField(f.Name) && f.Start >= at {
			d.write(m.Raw[at:f.Start])
			at = f.End
		}
	}
	d.write(m.Raw[at:])
	return hex.EncodeToString(d.sum())
}

// isStoreField reports whether a field is written by mail stores and programs
// on arrival or later, not by the sender.
func isStoreField(name string) bool {
	if len(name) > 10 && strings.EqualFold(name[:10], "X-Mozilla-") {
		return true
	}
	switch len(name) {
	case 5:
		return equalFold(name, "X-UID") || equalFold(name, "Lines")
	case 6:
		return equalFold(name, "Status") || equalFold(name, "X-UIDL")
	case 8:
		return equalFold(name, "X-Status")
	case 10:
		return equalFold(name, "X-Keywords")
	case 11:
		return equalFold(name, "X-GM-Labels")
	case 14:
		return equalFold(name, "Content-Length") || equalFold(name, "X-Gmail-Labels")
	}
	return false
}

// digester hashes text with normalised line ends. Empty lines wait until
// something follows them, so that those at the end never count.
type digester struct {
	hash  hash.Hash
	buf   [4096]byte
	n     int
	lines int // line ends not yet written
}

// write takes whole lines; only the last one of a message may lack its end.
func (d *digester) write(b []byte) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		line := b
		if end >= 0 {
			line = b[:end]
		}
		for len(line) > 0 && line[len(line)-1] == '\r' {
			line = line[:len(line)-1]
		}
		if len(line) > 0 {
			d.text(line)
		}
		if end < 0 {
			return
		}
		d.lines++
		b = b[end+1:]
	}
}

func (d *digester) text(line []byte) {
	if d.lines == 1 && d.n+1+len(line) <= len(d.buf) { // as nearly always
		d.buf[d.n] = '\n'
		d.n += 1 + copy(d.buf[d.n+1:], line)
		d.lines = 0
		return
	}
	for ; d.lines > 0; d.lines-- {
		if d.n == len(d.buf) {
			d.flush()
		}
		d.buf[d.n] = '\n'
		d.n++
	}
	if d.n+len(line) > len(d.buf) {
		d.flush()
	}
	if len(line) > len(d.buf) {
		d.hash.Write(line)
		return
	}
	d.n += copy(d.buf[d.n:], line)
}

func (d *digester) flush() {
	d.hash.Write(d.buf[:d.n])
	d.n = 0
}

func (d *digester) sum() []byte {
	d.flush()
	return d.hash.Sum(nil)
}
