package attach

import (
	"bytes"
	"errors"

	"github.com/klauspost/compress/zlib"
)

// unfilter undoes one filter (ISO 32000-1 §7.4); ok is false for those of pictures.
func (p *pdfFile) unfilter(filter any, data []byte, parm pdfDict) ([]byte, bool) {
	switch p.resolve(filter) {
	case pdfName("FlateDecode"), pdfName("Fl"):
		return p.predict(p.inflate(data), parm), true
	case pdfName("ASCIIHexDecode"), pdfName("AHx"):
		l := pdfLexer{data: append([]byte{'<'}, data...)}
		return l.hex(), true
	case pdfName("ASCII85Decode"), pdfName("A85"):
		return ascii85(data), true
	case pdfName("RunLengthDecode"), pdfName("RL"):
		return runLength(data, p.in.b.Limits.Bytes), true
	case pdfName("Crypt"):
		return data, true
	}
	return nil, false
}

// inflate is lenient: what comes out before an error counts.
func (p *pdfFile) inflate(data []byte) []byte {
	r, err := zlib.NewReader(bytes.NewReader(bytes.TrimLeft(data, "\r\n")))
	if err != nil {
		return nil
	}
	defer r.Close()
	out, err := p.in.unpack(r, 0) // blank pictures pack a thousandfold: no ratio makes a bomb here
	if errors.Is(err, errBomb) || errors.Is(err, errBudget) {
		p.in.unpackFailed(p.c, "stream", err)
	}
	return out
}

// predict undoes PNG and TIFF predictors (§7.4.4.4).
func (p *pdfFile) predict(data []byte, parm pdfDict) []byte {
	kind := p.int(parm["Predictor"], 1)
	colors, bits, columns := p.int(parm["Colors"], 1), p.int(parm["BitsPerComponent"], 8), p.int(parm["Columns"], 1)
	if kind < 10 || colors < 1 || colors > 8 || bits < 1 || bits > 16 || columns < 1 || columns > 1<<20 {
		return data
	}
	bpp, row := max(colors*bits/8, 1), (colors*bits*columns+7)/8
	out := make([]byte, 0, len(data))
	prev := make([]byte, row)
	for ; len(data) > 1; data = data[min(row+1, len(data)):] {
		line := make([]byte, row)
		copy(line, data[1:min(row+1, len(data))])
		pngUnfilter(data[0], line, prev, bpp)
		out = append(out, line...)
		prev = line
	}
	return out
}

func pngUnfilter(kind byte, line, prev []byte, bpp int) {
	for i := range line {
		var left, upLeft byte
		if i >= bpp {
			left, upLeft = line[i-bpp], prev[i-bpp]
		}
		switch kind {
		case 1:
			line[i] += left
		case 2:
			line[i] += prev[i]
		case 3:
			line[i] += byte((int(left) + int(prev[i])) / 2)
		case 4:
			line[i] += paeth(left, prev[i], upLeft)
		}
	}
}

func paeth(a, b, c byte) byte {
	pa, pb, pc := int(b)-int(c), int(a)-int(c), int(a)+int(b)-2*int(c)
	pa, pb, pc = max(pa, -pa), max(pb, -pb), max(pc, -pc)
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

func ascii85(data []byte) []byte {
	var out []byte
	var group [5]byte
	n := 0
	flush := func() {
		v := uint32(0)
		for i := range 5 {
			d := uint32(84)
			if i < n {
				d = uint32(group[i])
			}
			v = v*85 + d
		}
		b := []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
		out = append(out, b[:max(n-1, 0)]...)
		n = 0
	}
	for _, b := range data {
		switch {
		case b == '~':
			flush()
			return out
		case b == 'z' && n == 0:
			out = append(out, 0, 0, 0, 0)
		case b >= '!' && b <= 'u':
			group[n] = b - '!'
			if n++; n == 5 {
				flush()
			}
		}
	}
	flush()
	return out
}

func runLength(data []byte, limit int) []byte {
	var out []byte
	for i := 0; i < len(data) && len(out) < limit; {
		n := int(data[i])
		i++
		switch {
		case n == 128:
			return out
		case n < 128:
			out = append(out, data[i:min(i+n+1, len(data))]...)
			i += n + 1
		case i < len(data):
			out = append(out, bytes.Repeat(data[i:i+1], 257-n)...)
			i++
		}
	}
	return out
}
