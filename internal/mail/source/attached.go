package source

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"portcullis.example/portcullis/internal/mail/tnef"
)

// Bounds on what is taken out of one message.
const (
	maxNested      = 500 // messages
	maxNestedDepth = 8   // of messages within messages
)

// Attached returns the messages that are attached to one: as message/rfc822, as
// .eml or .msg, plainly, in a zip or in a winmail.dat. They stand in the order of their parts, what
// is attached to one of them directly behind it. Source is that of the outer
// message with the part behind it: "inbox.mbox#2.1", "inbox.mbox#3!mails/a.eml".
//
// People report mail by forwarding it as an attachment, so what is attached is
// worth judging for itself. But whoever sends a letter can write anything into
// what is attached to it: a Received line of one of the house's own servers, a
// Delivered-To, a signature that a server is said to have found good. The items
// have no envelope for that reason, and a caller must not learn from them who
// writes to whom. What a report of delivery returns is left out: it went out from here.
//
// With an error comes what was found before a bound was reached.
func Attached(item Item, maxBytes int64) ([]Item, error) {
	a := &attachedReader{outer: item, left: maxBytes}
	a.read(item.Raw, "", 1)
	return a.list, a.err
}

type attachedReader struct {
	outer Item
	list  []Item
	left  int64 // bytes that may still be taken out
	err   error
}

var errNestedBound = errors.New("more is attached to it than is taken out")

func (a *attachedReader) read(raw []byte, prefix string, depth int) {
	if !mayHold(raw) {
		return
	}
	for _, p := range structure(raw) {
		if a.err != nil {
			return
		}
		if p.multipart || p.inReport {
			continue
		}
		number := p.path
		if prefix != "" {
			number = prefix + "." + p.path
		}
		a.part(raw, p, number, depth)
	}
}

// mayHold is a cheap look: most mail has nothing attached that could be a message.
func mayHold(raw []byte) bool {
	for _, hint := range []string{"message/rfc822", "message/global", "multipart/digest", ".eml", ".msg", ".zip", "ms-outlook", "application/zip", "winmail.dat", "ms-tnef", "filename*", "name=\"=?"} {
		if containsFold(raw, hint) {
			return true
		}
	}
	return false
}

func containsFold(b []byte, s string) bool {
	first := s[:1]
	for at := 0; ; {
		i := bytes.IndexAny(b[at:], first+strings.ToUpper(first))
		if i < 0 || at+i+len(s) > len(b) {
			return false
		}
		at += i
		if bytes.EqualFold(b[at:at+len(s)], []byte(s)) {
			return true
		}
		at++
	}
}

func (a *attachedReader) part(raw []byte, p mimePart, number string, depth int) {
	message := p.kind == "message/rfc822" || p.kind == "message/global"
	ext := p.extension()
	boxed := strings.HasSuffix(p.kind, "/ms-tnef") || strings.HasSuffix(p.kind, "/vnd.ms-tnef") || strings.EqualFold(p.fileName, "winmail.dat")
	if !message && !boxed && ext != ".eml" && ext != ".msg" && ext != ".zip" && p.kind != "application/vnd.ms-outlook" {
		return
	}
	content := p.content(raw, a.left+1)
	switch {
	case ext == ".zip" || bytes.HasPrefix(content, []byte("PK\x03\x04")):
		a.zip(content, number, depth)
	case bytes.HasPrefix(content, []byte(tnef.Signature)):
		a.tnef(content, number, depth)
	default:
		a.content(content, message, number, depth)
	}
}

// content takes bytes that should be a message.
func (a *attachedReader) content(b []byte, certain bool, number string, depth int) {
	switch {
	case bytes.HasPrefix(b, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		m, _ := readCompoundMessage(readerAt(bytes.Clone(b)), 2*int64(len(b))+1<<20)
		if m == nil {
			return
		}
		a.take(m.render(), true, number, depth)
	default:
		text := skipBlank(trimBOM(b))
		if line, rest, _ := bytes.Cut(text, []byte("\n")); bytes.HasPrefix(line, fromLine) || bytes.HasPrefix(line, quotedFromLine) {
			text = rest
		}
		if !looksLikeHeader(text, 2) && !(certain && beginsLikeHeader(text)) {
			return
		}
		a.take(bytes.Clone(text), false, number, depth)
	}
}

// take adds a message, and what is attached to it in turn.
func (a *attachedReader) take(raw []byte, rebuilt bool, number string, depth int) {
	item := Item{
		Source: a.outer.Source + "#" + number, Arg: a.outer.Arg, Offset: a.outer.Offset, Mailbox: a.outer.Mailbox,
		Nested: number, Kept: a.outer.Kept, Raw: raw, Rebuilt: rebuilt,
	}
	if a.left -= int64(len(item.Raw)); a.left < 0 || len(a.list) >= maxNested || depth > maxNestedDepth {
		a.err = errNestedBound
		return
	}
	a.list = append(a.list, item)
	a.read(item.Raw, number, depth+1)
}

// deeper goes into what holds more of its kind, as deep as messages may.
func (a *attachedReader) deeper(read func(), depth int) {
	if depth > maxNestedDepth {
		a.err = errNestedBound
		return
	}
	read()
}

// zip takes messages out of an attached archive, which lies in memory.
func (a *attachedReader) zip(b []byte, number string, depth int) {
	if n, err := countZip(bytes.NewReader(b), int64(len(b)), maxMembersAttached); err != nil || n > maxMembersAttached {
		return
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return // what is wrong with it is said of the attachment itself
	}
	for _, f := range z.File {
		ext := strings.ToLower(path.Ext(f.Name))
		if a.err != nil || ext != ".eml" && ext != ".msg" || f.Flags&zipEncrypted != 0 || !f.Mode().IsRegular() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			continue
		}
		content, _ := io.ReadAll(io.LimitReader(r, a.left+1))
		r.Close()
		if a.left -= int64(len(content)); a.left < 0 { // also what turns out to be no message
			a.err = errNestedBound
			return
		}
		a.content(content, false, valid(number+"!"+memberName(f.Name)), depth)
	}
}

// maxMembersAttached bounds the directory of an attached archive, of which only messages are wanted.
const maxMembersAttached = 10_000

// nested returns what is attached to an item, if it is asked for.
func (u *unit) nested(s *stream, item Item) []Item {
	if !u.cfg.Nested {
		return nil
	}
	list, err := Attached(item, 2*u.cfg.MaxMessage)
	if err != nil {
		u.fail(s, item.Offset, fmt.Errorf("messages attached to a message: %w: only the first %d were", err, len(list)),
			"save what is attached as files and scan them; the message that holds them was read whole")
	}
	return list
}
