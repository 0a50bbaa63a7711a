package tnef

import (
	"encoding/binary"
	"fmt"
)

// Types of properties (MS-OXCDATA §2.11.1).
const (
	typeInteger16 = 0x0002
	typeBoolean   = 0x000B
	typeObject    = 0x000D
	typeString8   = 0x001E
	typeString    = 0x001F
	typeGUID      = 0x0048
	typeBinary    = 0x0102
	typeMultiple  = 0x1000
)

// sizes are those of types of one length. What is shorter than four bytes fills them (MS-OXTNEF §2.1.3.4).
var sizes = map[uint16]int{
	0x0001: 0, typeInteger16: 4, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000A: 4, typeBoolean: 4, 0x0014: 8, 0x0040: 8, typeGUID: 16,
}

// input is what is left to read of properties.
type input struct {
	b   []byte
	err error
}

func (in *input) take(n uint64) []byte {
	if in.err != nil || n > uint64(len(in.b)) {
		in.err, in.b = errCut, nil
		return nil
	}
	v := in.b[:n:n]
	in.b = in.b[n:]
	return v
}

func (in *input) number() uint64 {
	if v := in.take(4); v != nil {
		return uint64(binary.LittleEndian.Uint32(v))
	}
	return 0
}

// padded takes n bytes and what fills the last four of them up. At the very end that may be missing.
func (in *input) padded(n uint64) []byte {
	v := in.take(n)
	in.b = in.b[min((4-n%4)%4, uint64(len(in.b))):]
	return v
}

// properties reads a count and as many properties (§2.1.3.4), and returns what stands behind them.
func (o *Object) properties(b []byte) (rest []byte, err error) {
	in := &input{b: b}
	n := in.number()
	if n > maxProperties {
		return nil, fmt.Errorf("winmail.dat with more than %d properties of one object", maxProperties)
	}
	for range n {
		if o.property(in); in.err != nil {
			return nil, in.err
		}
	}
	return in.b, in.err
}

func (o *Object) property(in *input) {
	kind := in.number()
	typ, id := uint16(kind), uint16(kind>>16)
	if id >= 0x8000 {
		in.name()
	}
	values := uint64(1)
	size, ofOneSize := sizes[typ&^typeMultiple]
	if !ofOneSize || typ&typeMultiple != 0 {
		values = in.number()
	}
	if values > uint64(len(in.b)) || ofOneSize && size == 0 && values > 1 { // each takes up some room
		in.err = errCut
		return
	}
	for i := range values {
		var v []byte
		switch {
		case ofOneSize:
			v = in.padded(uint64(size))
		case isLong(typ &^ typeMultiple):
			v = in.padded(in.number())
		default:
			in.err = fmt.Errorf("winmail.dat with a property of unknown type %#04x", typ)
		}
		if in.err != nil {
			return
		}
		if i == 0 && id < 0x8000 { // the numbers of those that have names mean something in this stream only
			o.set(uint32(kind>>16)<<16|uint32(typ), typ, v, ofOneSize)
		}
	}
}

func isLong(typ uint16) bool {
	return typ == typeString8 || typ == typeString || typ == typeBinary || typ == typeObject
}

func (o *Object) set(tag uint32, typ uint16, v []byte, ofOneSize bool) {
	switch {
	case typ&typeMultiple != 0, typ == typeGUID:
	case ofOneSize:
		var fixed [8]byte
		copy(fixed[:], v)
		if typ == typeInteger16 || typ == typeBoolean {
			fixed = [8]byte{fixed[0], fixed[1]}
		}
		o.setFixed(tag, fixed)
	case typ == typeString8:
		o.setStream(tag, text(v))
	case typ == typeString:
		o.setStream(tag, wideText(v))
	default:
		o.setStream(tag, v)
	}
}

// wideText ends at the first 0 of UTF-16.
func wideText(v []byte) []byte {
	for i := 0; i+1 < len(v); i += 2 {
		if v[i]|v[i+1] == 0 {
			return v[:i]
		}
	}
	return v[:len(v)&^1]
}

// name passes over the name of a property: a set, and a number or a text in it.
func (in *input) name() {
	in.take(16)
	if in.number() == 0 {
		in.take(4)
		return
	}
	in.padded(in.number())
}
