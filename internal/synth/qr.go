package synth

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
)

// A QR code (ISO/IEC 18004) of versions 1–5 at level L in byte mode, mask 0:
// one block each, no version field, enough for a link of 106 bytes.

// qrCapacity are data and correction codewords by version.
var qrCapacity = [][2]int{{19, 7}, {34, 10}, {55, 15}, {80, 20}, {108, 26}}

// qrFormat is the format information for level L and mask 0.
const qrFormat = "111011111000100"

type qrCode struct {
	size  int
	dark  [][]bool
	fixed [][]bool // finder, timing, alignment, format: not data
}

// qrPNG draws the text; what is too long is cut.
func qrPNG(text string, scale int) []byte {
	data := []byte(text)
	data = data[:min(len(data), 106)]
	version := 0
	for qrCapacity[version][0] < len(data)+2 {
		version++
	}
	q := newQR(version + 1)
	q.place(qrCodewords(data, qrCapacity[version][0], qrCapacity[version][1]))
	return q.png(scale)
}

// qrCodewords packs mode, length, data and padding, and appends the correction.
func qrCodewords(data []byte, capacity, correction int) []byte {
	n := len(data)
	out := []byte{0x40 | byte(n>>4), byte(n << 4)}
	for _, b := range data {
		out[len(out)-1] |= b >> 4
		out = append(out, b<<4)
	}
	for i := 0; len(out) < capacity; i++ {
		out = append(out, []byte{0xec, 0x11}[i%2])
	}
	return append(out, reedSolomon(out[:capacity], correction)...)
}

// gfMultiply is multiplication in GF(256) over x^8+x^4+x^3+x^2+1.
func gfMultiply(a, b byte) byte {
	var out byte
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			out ^= a
		}
		high := a & 0x80
		a <<= 1
		if high != 0 {
			a ^= 0x1d
		}
	}
	return out
}

// reedSolomon is the remainder of the data divided by the generator polynomial.
func reedSolomon(data []byte, n int) []byte {
	generator := make([]byte, n) // without the leading 1
	generator[n-1] = 1
	root := byte(1)
	for range n {
		for j := range n {
			generator[j] = gfMultiply(generator[j], root)
			if j+1 < n {
				generator[j] ^= generator[j+1]
			}
		}
		root = gfMultiply(root, 2)
	}
	out := make([]byte, n)
	for _, b := range data {
		factor := b ^ out[0]
		copy(out, out[1:])
		out[n-1] = 0
		for j := range n {
			out[j] ^= gfMultiply(generator[j], factor)
		}
	}
	return out
}

func newQR(version int) *qrCode {
	q := &qrCode{size: 17 + 4*version}
	for range q.size {
		q.dark = append(q.dark, make([]bool, q.size))
		q.fixed = append(q.fixed, make([]bool, q.size))
	}
	for i := range q.size {
		q.set(6, i, i%2 == 0)
		q.set(i, 6, i%2 == 0)
	}
	q.square(3, 3, 4)
	q.square(3, q.size-4, 4)
	q.square(q.size-4, 3, 4)
	if version > 1 {
		q.square(q.size-7, q.size-7, 2)
	}
	q.format()
	return q
}

func (q *qrCode) set(row, col int, dark bool) {
	if row >= 0 && col >= 0 && row < q.size && col < q.size {
		q.dark[row][col], q.fixed[row][col] = dark, true
	}
}

// square draws concentric rings: finder patterns with their margin (4), alignment patterns (2).
func (q *qrCode) square(row, col, radius int) {
	for r := -radius; r <= radius; r++ {
		for c := -radius; c <= radius; c++ {
			ring := max(max(r, -r), max(c, -c))
			q.set(row+r, col+c, ring != radius-2 && ring != 4 && radius == 4 || radius == 2 && ring != 1)
		}
	}
}

func (q *qrCode) format() {
	for i, bit := range qrFormat {
		dark := bit == '1'
		switch {
		case i < 6:
			q.set(8, i, dark)
		case i < 8:
			q.set(8, i+1, dark)
		case i == 8:
			q.set(7, 8, dark)
		default:
			q.set(14-i, 8, dark)
		}
		if i < 7 {
			q.set(q.size-1-i, 8, dark)
		} else {
			q.set(8, q.size-15+i, dark)
		}
	}
	q.set(q.size-8, 8, true)
}

// place lays the bits in two-column zigzags from the lower right, and masks them.
func (q *qrCode) place(words []byte) {
	bit, up := 0, true
	for right := q.size - 1; right > 0; right -= 2 {
		if right == 6 { // the timing column
			right--
		}
		for i := range q.size {
			row := i
			if up {
				row = q.size - 1 - i
			}
			for col := right; col > right-2; col-- {
				if q.fixed[row][col] {
					continue
				}
				dark := bit < 8*len(words) && words[bit/8]>>(7-bit%8)&1 == 1
				q.dark[row][col] = dark != ((row+col)%2 == 0)
				bit++
			}
		}
		up = !up
	}
}

// png draws with a margin of four modules, uncompressed so that the bytes do
// not depend on a compressor.
func (q *qrCode) png(scale int) []byte {
	side := (q.size + 8) * scale
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			row, col := y/scale-4, x/scale-4
			if row >= 0 && col >= 0 && row < q.size && col < q.size && q.dark[row][col] {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.NoCompression}
	if err := encoder.Encode(&b, img); err != nil {
		return nil
	}
	return b.Bytes()
}
