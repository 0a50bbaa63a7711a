// Package tnef reads winmail.dat: what Outlook and Exchange send where they think that the other side is Outlook too. The formatted
// body, the attachments and the messages that are attached lie in it, and nowhere else in the letter (MS-OXTNEF).
//
// Everything in it was written by somebody who may mean harm. A reader of this package keeps no more than a constant beside the bytes
// it is given: what it returns are parts of them.
package tnef

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Signature begins every stream (MS-OXTNEF §2.1.3.1).
const Signature = "\x78\x9f\x3e\x22"

// Bounds on one stream.
const (
	maxAttributes  = 100_000
	maxProperties  = 10_000 // of one object
	maxRecipients  = 10_000
	maxAttachments = 1000
)

// Message is what a stream holds.
type Message struct {
	Object
	Recipients  []Object
	Attachments []Attachment
}

// Attachment is one of a message. Its content is Data, an attached message in turn a stream that Embedded holds, or
// Storage, a compound file (MS-CFB) that an OLE object is.
type Attachment struct {
	Object
	Data, Embedded, Storage []byte
}

// Object has properties (MS-OXPROPS) by tag: identifier and type.
type Object struct {
	fixed  map[uint32][8]byte
	stream map[uint32][]byte
}

// Fixed returns a property of at most eight bytes.
func (o *Object) Fixed(tag uint32) ([8]byte, bool) {
	v, ok := o.fixed[tag]
	return v, ok
}

// Stream returns a property of any length, nil if it is not there. A string has no 0 at its end.
func (o *Object) Stream(tag uint32) []byte { return o.stream[tag] }

func (o *Object) setFixed(tag uint32, v [8]byte) {
	if o.fixed == nil {
		o.fixed = map[uint32][8]byte{}
	}
	if _, known := o.fixed[tag]; !known {
		o.fixed[tag] = v
	}
}

func (o *Object) setStream(tag uint32, v []byte) {
	if o.stream == nil {
		o.stream = map[uint32][]byte{}
	}
	if _, known := o.stream[tag]; !known {
		o.stream[tag] = v
	}
}

// Attributes (MS-OXTNEF §2.1.3.3), with the part of the identifier that is their type.
const (
	attFrom          = 0x00008000
	attSubject       = 0x00018004
	attDateSent      = 0x00038005
	attDateReceived  = 0x00038006
	attMessageClass  = 0x00078008
	attBody          = 0x0002800C
	attAttachData    = 0x0006800F
	attAttachTitle   = 0x00018010
	attRenderData    = 0x00069002
	attMessageProps  = 0x00069003
	attRecipients    = 0x00069004
	attAttachment    = 0x00069005
	attOEMCodepage   = 0x00069007
	levelMessage     = 1
	levelAttachment  = 2
	attributeHeader  = 9 // level, identifier, length
	checksumBytes    = 2
	headerBytes      = 6 // signature, key
	transportAddress = 8 // of an originator: type, and lengths of what follows
)

// Properties that the attributes of old stand for, as strings of 8 bits, and as times.
const (
	TagSubject      = 0x0037001E
	TagMessageClass = 0x001A001E
	TagBody         = 0x1000001E
	TagSenderName   = 0x0C1A001E
	TagSenderType   = 0x0C1E001E
	TagSenderMail   = 0x0C1F001E
	TagSubmitted    = 0x00390040
	TagDelivered    = 0x0E060040
	TagCodepage     = 0x3FFD0003
	TagAttachName   = 0x3704001E
	TagLongName     = 0x3707001E
	TagLongNameW    = 0x3707001F
	TagHTML         = 0x10130102
	TagRTF          = 0x10090102
	TagBodyW        = 0x1000001F
	tagAttachData   = 0x37010102
	tagAttachObject = 0x3701000D
)

var errCut = errors.New("winmail.dat is cut off or damaged")

// Read reads a stream. With an error comes what could be read before it.
func Read(b []byte) (*Message, error) {
	m := &Message{}
	if len(b) < headerBytes || string(b[:4]) != Signature {
		return m, errors.New("no winmail.dat: it does not begin like one")
	}
	b = b[headerBytes:]
	for n := 0; len(b) > 0; n++ {
		if n >= maxAttributes {
			return m, fmt.Errorf("winmail.dat with more than %d attributes", maxAttributes)
		}
		if len(b) < attributeHeader+checksumBytes {
			return m, errCut
		}
		level, id, size := b[0], binary.LittleEndian.Uint32(b[1:]), uint64(binary.LittleEndian.Uint32(b[5:]))
		if b = b[attributeHeader:]; size+checksumBytes > uint64(len(b)) {
			_ = m.attribute(level, id, b) // what there is of it is worth having
			return m, errCut
		}
		if err := m.attribute(level, id, b[:size]); err != nil {
			return m, err
		}
		b = b[size+checksumBytes:] // the checksum guards against accidents only
	}
	return m, nil
}

func (m *Message) attribute(level byte, id uint32, v []byte) error {
	switch level {
	case levelMessage:
		return m.ofMessage(id, v)
	case levelAttachment:
		if id == attRenderData || len(m.Attachments) == 0 { // it begins each attachment (§2.1.3.3.15)
			if len(m.Attachments) >= maxAttachments {
				return fmt.Errorf("winmail.dat with more than %d attachments", maxAttachments)
			}
			m.Attachments = append(m.Attachments, Attachment{})
		}
		return m.Attachments[len(m.Attachments)-1].attribute(id, v)
	}
	return errCut
}

func (m *Message) ofMessage(id uint32, v []byte) error {
	switch id {
	case attSubject:
		m.setStream(TagSubject, text(v))
	case attMessageClass:
		m.setStream(TagMessageClass, text(v))
	case attBody:
		m.setStream(TagBody, text(v))
	case attFrom:
		m.originator(v)
	case attDateSent:
		m.setTime(TagSubmitted, v)
	case attDateReceived:
		m.setTime(TagDelivered, v)
	case attOEMCodepage:
		if len(v) >= 4 {
			m.setFixed(TagCodepage, [8]byte{v[0], v[1], v[2], v[3]})
		}
	case attMessageProps:
		_, err := m.properties(v)
		return err
	case attRecipients:
		return m.recipients(v)
	}
	return nil
}

func (a *Attachment) attribute(id uint32, v []byte) error {
	switch id {
	case attAttachTitle:
		a.setStream(TagAttachName, text(v))
	case attAttachData:
		a.Data = v
	case attAttachment:
		if _, err := a.properties(v); err != nil {
			return err
		}
		if data := a.Stream(tagAttachData); a.Data == nil && data != nil {
			a.Data = data
		}
		a.object(a.Stream(tagAttachObject))
	}
	return nil
}

// Interfaces of what is attached as an object (MS-OXTNEF §2.1.3.4.3, MS-OXCMSG §2.2.2.9).
const (
	interfaceMessage = "\x07\x03\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
	interfaceStorage = "\x0b\x00\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
)

// object sorts what is attached as one: its interface stands before it.
func (a *Attachment) object(v []byte) {
	if len(v) < 16 {
		return
	}
	switch kind, rest := string(v[:16]), v[16:]; {
	case kind == interfaceMessage, len(rest) > 4 && string(rest[:4]) == Signature:
		a.Embedded = rest
	case kind == interfaceStorage:
		a.Storage = rest
	case a.Data == nil:
		a.Data = rest
	}
}

// Name is what the attachment is called, in whatever coding the sender had; wide tells that it is UTF-16.
func (a *Attachment) Name() (name []byte, wide bool) {
	if name := a.Stream(TagLongNameW); len(name) > 0 {
		return name, true
	}
	if name := a.Stream(TagLongName); len(name) > 0 {
		return name, false
	}
	return a.Stream(TagAttachName), false
}

// recipients reads a table: a count, and for each its properties (§2.1.3.5.2).
func (m *Message) recipients(v []byte) error {
	if len(v) < 4 {
		return errCut
	}
	n := binary.LittleEndian.Uint32(v)
	v = v[4:]
	for range min(n, maxRecipients) {
		var r Object
		rest, err := r.properties(v)
		if err != nil {
			return err
		}
		m.Recipients = append(m.Recipients, r)
		v = rest
	}
	return nil
}

// originator reads the sender of old (§2.1.3.3.2): a display name and "SMTP:address".
func (m *Message) originator(v []byte) {
	if len(v) < transportAddress {
		return
	}
	name, mail := int(binary.LittleEndian.Uint16(v[4:])), int(binary.LittleEndian.Uint16(v[6:]))
	v = v[transportAddress:]
	if name+mail > len(v) {
		return
	}
	m.setStream(TagSenderName, text(v[:name]))
	address := text(v[name : name+mail])
	for i, c := range address {
		if c == ':' {
			m.setStream(TagSenderType, address[:i])
			address = address[i+1:]
			break
		}
	}
	m.setStream(TagSenderMail, address)
}

// text ends at the first 0.
func text(v []byte) []byte {
	for i, c := range v {
		if c == 0 {
			return v[:i]
		}
	}
	return v
}

// setTime reads seven numbers: year, month, day, hour, minute, second, day of the week (§2.1.3.3, DTR). What
// clock it is nobody says; Outlook writes UTC.
func (o *Object) setTime(tag uint32, v []byte) {
	if len(v) < 12 {
		return
	}
	part := func(i int) int { return int(binary.LittleEndian.Uint16(v[2*i:])) }
	at := time.Date(part(0), time.Month(part(1)), part(2), part(3), part(4), part(5), 0, time.UTC)
	if part(0) < 1970 || part(0) > 9999 || part(1) > 12 || part(2) > 31 {
		return
	}
	const before1970 = 11_644_473_600 // seconds since 1601 (MS-DTYP §2.3.3)
	var ticks [8]byte
	binary.LittleEndian.PutUint64(ticks[:], uint64(at.Unix()+before1970)*10_000_000)
	o.setFixed(tag, ticks)
}
