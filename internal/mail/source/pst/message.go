package pst

import (
	"errors"
	"fmt"
)

// Entry is a message in the tree of nodes: enough to find it, nothing of it read yet.
type Entry struct {
	Number uint32 // of its node: it stays the same as long as the message is in the file
	Folder uint32
	node   node
}

// Messages calls yield for all messages in order of their numbers, which is the
// order in which they came into the file, until it returns false. Messages that
// the folders' own lists have lost are among them; where the tree is broken, the
// whole file is searched for the others, which come last.
func (f *File) Messages(yield func(Entry) bool) {
	goOn := f.walk(f.nbt, maxLevels+1, 0, 1<<32, func(e []byte) bool {
		n := f.nodeOf(e)
		if n.number&0x1f != kindMessage {
			return true
		}
		return yield(Entry{Number: n.number, Folder: n.parent, node: n})
	})
	if goOn && f.torn {
		f.lost(yield)
	}
}

// Properties of messages and attachments that their structure needs (MS-OXPROPS).
const (
	propAttachData   = 0x3701
	propAttachMethod = 0x3705
	attachEmbedded   = 5
	attachOLE        = 6
)

// Message is a message that was opened. Long properties are not read yet.
type Message struct {
	*Properties
	Recipients []*Properties
	Offset     int64 // where its properties lie in the file
	f          *File
	subs       uint64
}

// Attachment is one attachment of a message.
type Attachment struct {
	*Properties
	message bool
	object  node
	has     bool // object is there
}

const (
	maxRecipients  = 100_000
	maxAttachments = 10_000
)

// Open opens a message. With an error may come what could be read of it.
func (f *File) Open(e Entry) (*Message, error) {
	f.steps = 0
	return f.message(e.node)
}

func (f *File) message(n node) (*Message, error) {
	p, err := f.properties(n)
	if p == nil {
		return nil, fmt.Errorf("message %#x: %w", n.number, err)
	}
	m := &Message{Properties: p, f: f, subs: n.subs}
	if x, missing := f.extent(p.heap.blocks[0]); missing == nil {
		m.Offset = x.offset
	}
	if n.subs != 0 {
		err = errors.Join(err, m.recipients())
	}
	return m, err
}

func (m *Message) recipients() error {
	n, err := m.f.sub(m.subs, nodeRecipients)
	if err != nil {
		return nil // a draft may have none
	}
	err = m.f.table(n, maxRecipients, func(p *Properties) { m.Recipients = append(m.Recipients, p) })
	if err != nil {
		return fmt.Errorf("recipients: %w", err)
	}
	return nil
}

// Attachments calls fn for each attachment, until it returns false.
func (m *Message) Attachments(fn func(*Attachment, error) bool) error {
	if m.subs == 0 {
		return nil
	}
	count := 0
	return m.f.eachSub(m.subs, 0, func(n node) bool {
		if n.number&0x1f != kindAttachment {
			return true
		}
		if count++; count > maxAttachments {
			return fn(nil, fmt.Errorf("more than %d attachments: the rest was not read", maxAttachments)) && false
		}
		a, err := m.f.attachment(n)
		return fn(a, err)
	})
}

func (f *File) attachment(n node) (*Attachment, error) {
	p, err := f.properties(n)
	if p == nil {
		return nil, fmt.Errorf("attachment %#x: %w", n.number, err)
	}
	a := &Attachment{Properties: p}
	method, _ := p.Fixed(propAttachMethod<<16 | typeInteger32)
	if method[0] != attachEmbedded && method[0] != attachOLE {
		return a, err
	}
	object, ok, missing := p.object(propAttachData<<16 | typeObject)
	a.object, a.has, a.message = object, ok, ok && method[0] == attachEmbedded
	return a, errors.Join(err, missing)
}

// Embedded returns the message that is attached, nil if something else is.
func (a *Attachment) Embedded() (*Message, error) {
	if !a.message {
		return nil, nil
	}
	return a.heap.f.message(a.object)
}

// Object returns the bytes of an attached OLE object: a compound file, nil if
// something else is attached.
func (a *Attachment) Object(limit int) ([]byte, error) {
	if !a.has || a.message {
		return nil, nil
	}
	b, whole, err := a.heap.f.content(a.object, limit)
	if err == nil && !whole {
		err = ErrTooLarge
	}
	return b, err
}
