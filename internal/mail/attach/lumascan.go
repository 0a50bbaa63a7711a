package attach

// jpegScan reads the samples of a picture.
type jpegScan struct {
	p    *jpegPicture
	data []byte
	at   int
	acc  uint64 // the last bits that were read, of which the lowest n are still to be used
	n    int
	dc   [3]int32
	out  *gray
}

// unzig is the order of coefficients within a block (§A.3.6).
var unzig = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// read reads all units (§A.2.3); false where anything is amiss.
func (s *jpegScan) read() bool {
	y := &s.p.comps[0]
	across, down := (s.p.w+8*y.across-1)/(8*y.across), (s.p.h+8*y.down-1)/(8*y.down)
	marker := byte(0xd0)
	for unit := range across * down {
		if s.p.restart > 0 && unit > 0 && unit%s.p.restart == 0 {
			if !s.restart(marker) {
				return false
			}
			marker = 0xd0 | (marker+1)&7
		}
		if !s.unit(unit%across, unit/across) {
			return false
		}
	}
	return true
}

// restart expects a marker at once (§E.2.4).
func (s *jpegScan) restart(marker byte) bool {
	if s.fill(); s.n >= 8 || len(s.data)-s.at < 2 || s.data[s.at] != 0xff || s.data[s.at+1] != marker {
		return false
	}
	s.at += 2
	s.acc, s.n, s.dc = 0, 0, [3]int32{}
	return true
}

func (s *jpegScan) unit(ux, uy int) bool {
	for i := range s.p.n {
		c := &s.p.comps[i]
		dc, ac := s.p.codes[0][c.dc], s.p.codes[1][c.ac]
		if i > 0 {
			if !s.skip(dc, ac) {
				return false
			}
			continue
		}
		for j := range c.across * c.down {
			var b block
			rows, ok := s.block(&b, dc, ac, s.p.quant[c.quant])
			if !ok {
				return false
			}
			b.samples(rows)
			s.put(&b, 8*(ux*c.across+j%c.across), 8*(uy*c.down+j/c.across))
		}
	}
	return true
}

// block reads the coefficients of a block (§F.2.2), and tells in which rows there are any.
func (s *jpegScan) block(b *block, dc, ac *jpegCodes, quant *[64]int32) (rows uint8, ok bool) {
	size := s.symbol(dc)
	if size < 0 || size > 16 {
		return 0, false
	}
	delta, ok := s.extended(size)
	if !ok {
		return 0, false
	}
	s.dc[0] += delta
	b[0], rows = s.dc[0]*quant[0], 1
	for k := 1; k < 64; k++ {
		v := s.symbol(ac)
		size := v & 15
		switch {
		case v < 0:
			return 0, false
		case v == 0:
			return rows, true
		case v == 0xf0:
			k += 15
			continue
		case size == 0:
			return 0, false
		}
		if k += v >> 4; k > 63 {
			return 0, false
		}
		value, ok := s.extended(size)
		if !ok {
			return 0, false
		}
		at := unzig[k]
		b[at] = value * quant[k]
		rows |= 1 << (at >> 3)
	}
	return rows, true
}

// skip reads over a block of colour.
func (s *jpegScan) skip(dc, ac *jpegCodes) bool {
	size := s.symbol(dc)
	if size < 0 || size > 16 || !s.drop(size) {
		return false
	}
	for k := 1; k < 64; k++ {
		v := s.symbol(ac)
		size := v & 15
		switch {
		case v < 0:
			return false
		case v == 0:
			return true
		case v == 0xf0:
			k += 15
			continue
		case size == 0:
			return false
		}
		if k += v >> 4; k > 63 || !s.drop(size) {
			return false
		}
	}
	return true
}

// symbol reads one code; -1 where there is none.
func (s *jpegScan) symbol(t *jpegCodes) int {
	if s.n < 16 {
		s.fill()
	}
	var next int32 // the next 16 bits, zeros behind the end
	if s.n >= 16 {
		next = int32(s.acc >> (s.n - 16) & 0xffff)
	} else {
		next = int32(s.acc << (16 - s.n) & 0xffff)
	}
	if e := t.short[next>>7]; e != 0 {
		if s.n -= int(e >> 8); s.n < 0 {
			return -1
		}
		return int(e & 0xff)
	}
	for length := 10; length <= 16; length++ {
		if next < t.past[length] {
			if s.n -= length; s.n < 0 {
				return -1
			}
			return int(t.values[(next>>(16-length)+t.offset[length])&0xff])
		}
	}
	return -1
}

// extended reads a number of so many bits (§F.2.2.1).
func (s *jpegScan) extended(size int) (int32, bool) {
	if s.n < size {
		if s.fill(); s.n < size {
			return 0, false
		}
	}
	s.n -= size
	v := int32(s.acc>>s.n) & (1<<size - 1)
	if size > 0 && v < 1<<(size-1) {
		v += -1<<size + 1
	}
	return v, true
}

func (s *jpegScan) drop(size int) bool {
	if s.n < size {
		s.fill()
	}
	s.n -= size
	return s.n >= 0
}

// fill reads bytes, without the zeros that are stuffed behind 0xff (§B.1.1.5), up to a marker.
func (s *jpegScan) fill() {
	for s.n <= 48 && s.at < len(s.data) {
		c := s.data[s.at]
		if c == 0xff {
			if s.at+1 == len(s.data) || s.data[s.at+1] != 0 {
				return
			}
			s.at++
		}
		s.at++
		s.acc, s.n = s.acc<<8|uint64(c), s.n+8
	}
}

// put writes a block into the picture, as far as it lies in it.
func (s *jpegScan) put(b *block, x, y int) {
	g := s.out
	if x >= g.w {
		return
	}
	for row := range min(8, g.h-y) {
		at := (y+row)*g.w + x
		line := g.pix[at : at+min(8, g.w-x)]
		for i, v := range b[8*row : 8*row+8][:len(line)] {
			line[i] = byte(min(max(v, -128), 127) + 128)
		}
	}
}
