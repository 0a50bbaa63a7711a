package attach

import "encoding/binary"

// Of a JPEG picture only its luminance is needed here. Reading nothing else takes half of the
// time that decoding takes, which is what judging mail with pictures and scanned pages costs
// most. Only the usual form is read, and only where nothing is amiss: baseline (ITU-T T.81
// §F.2), one scan, gray or YCbCr. All else is left to image/jpeg, which decides what is readable.

// jpegLuma reads a picture; ok is false where image/jpeg is to be asked.
func jpegLuma(data []byte) (g *gray, ok bool) {
	var p jpegPicture
	at, ok := p.header(data)
	if !ok || p.rgb() {
		return nil, false
	}
	s := jpegScan{p: &p, data: data[at:], out: &gray{w: p.w, h: p.h, pix: make([]byte, p.w*p.h)}}
	if !s.read() {
		return nil, false
	}
	if s.fill(); len(s.data)-s.at < 2 || s.data[s.at] != 0xff || s.data[s.at+1] != 0xd9 {
		return nil, false
	}
	return s.out, true
}

// jpegPicture is what stands before the samples.
type jpegPicture struct {
	w, h           int
	comps          [3]jpegComponent
	n              int // components
	quant          [4]*[64]int32
	codes          [2][2]*jpegCodes // of DC and AC coefficients
	restart        int              // units between two restarts, 0: none
	jfif, adobe    bool
	adobeTransform byte
}

type jpegComponent struct {
	id, quant, dc, ac byte
	across, down      int // blocks in a unit
}

// rgb is as image/jpeg has it.
func (p *jpegPicture) rgb() bool {
	if p.n == 1 || p.jfif {
		return false
	}
	return p.adobe && p.adobeTransform == 0 || p.comps[0].id == 'R' && p.comps[1].id == 'G' && p.comps[2].id == 'B'
}

// header reads segments (§B.1.1.4) up to the scan, and tells where its samples begin.
func (p *jpegPicture) header(data []byte) (at int, ok bool) {
	if len(data) < 2 || data[0] != 0xff || data[1] != 0xd8 {
		return 0, false
	}
	for at = 2; at+4 <= len(data) && data[at] == 0xff; {
		marker, n := data[at+1], int(binary.BigEndian.Uint16(data[at+2:]))
		if n < 2 || n > len(data)-at-2 {
			return 0, false
		}
		body := data[at+4 : at+2+n]
		at += 2 + n
		if marker == 0xda {
			return at, p.scan(body)
		}
		if !p.segment(marker, body) {
			return 0, false
		}
	}
	return 0, false
}

func (p *jpegPicture) segment(marker byte, body []byte) bool {
	switch {
	case marker == 0xc0:
		return p.frame(body)
	case marker == 0xc4:
		return p.huffman(body)
	case marker == 0xdb:
		return p.quantities(body)
	case marker == 0xdd && len(body) == 2:
		p.restart = int(binary.BigEndian.Uint16(body))
	case marker == 0xe0:
		if len(body) >= 5 {
			p.jfif = string(body[:5]) == "JFIF\x00"
		}
	case marker == 0xee:
		if len(body) >= 12 && string(body[:5]) == "Adobe" {
			p.adobe, p.adobeTransform = true, body[11]
		}
	case marker > 0xe0 && marker <= 0xef, marker == 0xfe:
	default:
		return false
	}
	return true
}

// frame reads size and components (§B.2.2).
func (p *jpegPicture) frame(b []byte) bool {
	if p.n != 0 || len(b) < 6 || b[0] != 8 || len(b) != 6+3*int(b[5]) || b[5] != 1 && b[5] != 3 {
		return false
	}
	p.h, p.w, p.n = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:])), int(b[5])
	for i := range p.n {
		c := b[6+3*i:]
		across, down := int(c[1]>>4), int(c[1]&15)
		if p.n == 1 {
			across, down = 1, 1 // §A.2.2: a unit of one component is one block
		}
		if i == 0 && (across < 1 || across > 2 || down < 1 || down > 2) || i > 0 && (across != 1 || down != 1) || c[2] > 3 {
			return false
		}
		for _, other := range p.comps[:i] {
			if other.id == c[0] {
				return false
			}
		}
		p.comps[i] = jpegComponent{id: c[0], quant: c[2], across: across, down: down}
	}
	return p.w > 0 && p.h > 0 && p.w*p.h <= maxOneImage
}

// quantities reads quantisation tables (§B.2.4.1), in the order of the diagonals.
func (p *jpegPicture) quantities(b []byte) bool {
	for len(b) > 0 {
		id, size := b[0]&15, 1+int(b[0]>>4)
		if id > 3 || size > 2 || len(b) < 1+64*size {
			return false
		}
		table := new([64]int32)
		for i := range table {
			if size == 1 {
				table[i] = int32(b[1+i])
			} else {
				table[i] = int32(binary.BigEndian.Uint16(b[1+2*i:]))
			}
		}
		p.quant[id], b = table, b[1+64*size:]
	}
	return true
}

// scan reads which codes the components use (§B.2.3).
func (p *jpegPicture) scan(b []byte) bool {
	if p.n == 0 || len(b) != 4+2*p.n || int(b[0]) != p.n {
		return false
	}
	for i := range p.n {
		c := &p.comps[i]
		if b[1+2*i] != c.id {
			return false
		}
		c.dc, c.ac = b[2+2*i]>>4, b[2+2*i]&15
		if c.dc > 1 || c.ac > 1 || p.codes[0][c.dc] == nil || p.codes[1][c.ac] == nil || i == 0 && p.quant[c.quant] == nil {
			return false
		}
	}
	return true
}

// jpegCodes is a table of Huffman codes.
type jpegCodes struct {
	short  [512]uint16 // by the next nine bits: length and value of the code, 0 if it is longer
	past   [17]int32   // by length: the code behind the last, moved to 16 bits
	offset [17]int32   // by length: what a code's place among the values differs from it by
	values [256]byte
}

// huffman reads tables of codes (§B.2.4.2, §C).
func (p *jpegPicture) huffman(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 1 {
			return false
		}
		t := new(jpegCodes)
		n := 0
		for code, length := int32(0), 1; length <= 16; length++ {
			count := int(b[length])
			t.offset[length] = int32(n) - code
			for i := range count {
				if n+i < 256 && len(b) > 17+n+i {
					t.shorten(code+int32(i), length, b[17+n+i])
				}
			}
			n, code = n+count, code+int32(count)
			if code > 1<<length {
				return false
			}
			t.past[length] = code << (16 - length)
			code <<= 1
		}
		if n == 0 || n > 256 || len(b) < 17+n {
			return false
		}
		copy(t.values[:], b[17:17+n])
		p.codes[b[0]>>4][b[0]&15], b = t, b[17+n:]
	}
	return true
}

// shorten enters a code of up to nine bits wherever those bits begin with it.
func (t *jpegCodes) shorten(code int32, length int, value byte) {
	if length > 9 || code >= 1<<length {
		return
	}
	first := code << (9 - length)
	for i := range int32(1) << (9 - length) {
		t.short[first+i] = uint16(length)<<8 | uint16(value)
	}
}
