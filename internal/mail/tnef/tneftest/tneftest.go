// Package tneftest writes winmail.dat streams (MS-OXTNEF) for tests.
package tneftest

import (
	"encoding/binary"
	"slices"
	"unicode/utf16"

	"portcullis.example/portcullis/internal/mail/tnef"
)

// Stream is one that is being written.
type Stream struct{ b []byte }

// New begins a stream.
func New() *Stream {
	s := &Stream{b: append([]byte(tnef.Signature), 1, 0)}
	return s.attribute(1, 0x00089006, le(0x00010000)).attribute(1, 0x00069007, append(le(1252), 0, 0, 0, 0))
}

// Bytes is the stream.
func (s *Stream) Bytes() []byte { return slices.Clone(s.b) }

func (s *Stream) attribute(level byte, id uint32, v []byte) *Stream {
	s.b = append(s.b, level)
	s.b = binary.LittleEndian.AppendUint32(s.b, id)
	s.b = binary.LittleEndian.AppendUint32(s.b, uint32(len(v)))
	s.b = append(s.b, v...)
	var sum uint16
	for _, c := range v {
		sum += uint16(c)
	}
	s.b = binary.LittleEndian.AppendUint16(s.b, sum)
	return s
}

// Subject is the message's, as an attribute of old.
func (s *Stream) Subject(text string) *Stream { return s.attribute(1, 0x00018004, zero(text)) }

// Class is the message's.
func (s *Stream) Class(text string) *Stream { return s.attribute(1, 0x00078008, zero(text)) }

// From is the sender, as an attribute of old.
func (s *Stream) From(name, address string) *Stream {
	n, a := zero(name), zero("SMTP:"+address)
	v := []byte{4, 0, byte(8 + len(n) + len(a)), 0, byte(len(n)), 0, byte(len(a)), 0}
	return s.attribute(1, 0x00008000, append(append(v, n...), a...))
}

// Sent is when: year, month, day, hour, minute, second.
func (s *Stream) Sent(parts ...uint16) *Stream {
	var v []byte
	for _, p := range append(parts, 0) {
		v = binary.LittleEndian.AppendUint16(v, p)
	}
	return s.attribute(1, 0x00038005, v)
}

// Properties are those of the message.
func (s *Stream) Properties(list ...[]byte) *Stream {
	return s.attribute(1, 0x00069003, table(list))
}

// Recipients are rows of properties.
func (s *Stream) Recipients(rows ...[][]byte) *Stream {
	v := le(uint32(len(rows)))
	for _, r := range rows {
		v = append(v, table(r)...)
	}
	return s.attribute(1, 0x00069004, v)
}

// Attach adds an attachment.
func (s *Stream) Attach(title string, data []byte, properties ...[]byte) *Stream {
	s.attribute(2, 0x00069002, make([]byte, 14)).attribute(2, 0x00018010, zero(title))
	if data != nil {
		s.attribute(2, 0x0006800F, data)
	}
	return s.attribute(2, 0x00069005, table(properties))
}

// Integer is a property.
func Integer(id uint16, v uint32) []byte { return append(tag(id, 3), le(v)...) }

// Text is a property in UTF-16.
func Text(id uint16, text string) []byte {
	var v []byte
	for _, c := range append(utf16.Encode([]rune(text)), 0) {
		v = binary.LittleEndian.AppendUint16(v, c)
	}
	return long(id, 0x1F, v)
}

// Text8 is a property in one byte a letter.
func Text8(id uint16, text string) []byte { return long(id, 0x1E, zero(text)) }

// Binary is a property.
func Binary(id uint16, v []byte) []byte { return long(id, 0x102, v) }

// Named is a property with a name in place of a number that is the same everywhere.
func Named(id uint16, name, text string) []byte {
	wide := Text(0, name)[12:] // without tag, count and length
	size := 2 * (len(name) + 1)
	v := append(tag(id|0x8000, 0x1E), make([]byte, 16)...)
	v = append(append(v, le(1)...), le(uint32(size))...)
	v = append(v, wide...)
	return append(v, long(0, 0x1E, zero(text))[4:]...)
}

// Numbers is a property of several values.
func Numbers(id uint16, values ...uint32) []byte {
	v := append(tag(id, 0x1003), le(uint32(len(values)))...)
	for _, n := range values {
		v = append(v, le(n)...)
	}
	return v
}

// Message is the property that an attached message is.
func Message(inner *Stream) []byte {
	const iid = "\x07\x03\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
	return long(0x3701, 0x0D, append([]byte(iid), inner.b...))
}

// Storage is the property that an OLE object is.
func Storage(b []byte) []byte {
	const iid = "\x0b\x00\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
	return long(0x3701, 0x0D, append([]byte(iid), b...))
}

func long(id, typ uint16, v []byte) []byte {
	b := append(append(tag(id, typ), le(1)...), le(uint32(len(v)))...)
	return append(append(b, v...), make([]byte, (4-len(v)%4)%4)...)
}

func tag(id, typ uint16) []byte { return le(uint32(id)<<16 | uint32(typ)) }

func table(list [][]byte) []byte {
	return append(le(uint32(len(list))), slices.Concat(list...)...)
}

func le(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

func zero(text string) []byte { return append([]byte(text), 0) }
