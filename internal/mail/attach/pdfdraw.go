package attach

import (
	"bytes"
	"math"
)

// Many programs put a QR code into a PDF not as a picture but as hundreds of
// filled squares. drawn paints small filled rectangles of each page on a grid
// and searches that like a picture.

const (
	minSquares = 60      // a code of the smallest version has over a hundred runs
	maxSquares = 200_000 // of one page
)

type square struct{ x0, y0, x1, y1 float64 }

// drawn looks at every page's content, and at forms, for codes made of rectangles.
func (p *pdfFile) drawn() {
	for _, o := range p.objects {
		d, ok := o.value.(pdfDict)
		if !ok {
			continue
		}
		var contents []byte
		switch {
		case d["Type"] == pdfName("Page"):
			for _, part := range p.contents(d) {
				if !p.pay(len(p.decode(part))) {
					return
				}
				contents = append(append(contents, p.decode(part)...), '\n')
			}
		case d["Subtype"] == pdfName("Form") && o.stream != nil:
			contents = p.decode(o)
		}
		if bytes.Count(contents, []byte("re")) < minSquares || !p.pay(len(contents)) {
			continue
		}
		if squares := filledSquares(contents); len(squares) >= minSquares {
			p.paint(squares)
		}
	}
}

// filledSquares runs the operators that place and fill rectangles. Colours are
// followed as far as dark or light.
func filledSquares(data []byte) []square {
	var out, path []square
	matrix := [6]float64{1, 0, 0, 1, 0, 0}
	var saved [][6]float64
	dark := true
	var args []float64
	l := pdfLexer{data: data, content: true}
	for l.at < len(l.data) && len(out) < maxSquares {
		v := l.value(0)
		if f, ok := v.(float64); ok {
			if len(args) < 64 {
				args = append(args, f)
			}
			continue
		}
		op, ok := v.(pdfWord)
		if !ok {
			continue
		}
		n := len(args)
		switch {
		case op == "re" && n >= 4 && len(path) < maxSquares:
			path = append(path, transform(matrix, args[n-4], args[n-3], args[n-2], args[n-1]))
		case op == "cm" && n >= 6:
			matrix = multiply([6]float64(args[n-6:]), matrix)
		case op == "q" && len(saved) < 256:
			saved = append(saved, matrix)
		case op == "Q" && len(saved) > 0:
			matrix, saved = saved[len(saved)-1], saved[:len(saved)-1]
		case (op == "g" || op == "rg" || op == "sc" || op == "scn") && n > 0:
			dark = brightness(args) < 0.5
		case op == "k" && n >= 4:
			dark = args[n-1]+(args[n-2]+args[n-3]+args[n-4])/3 > 0.5
		case op == "f" || op == "F" || op == "f*" || op == "B" || op == "b" || op == "B*" || op == "b*":
			if dark {
				out = append(out, path...)
			}
			path = path[:0]
		case op == "n" || op == "S" || op == "s":
			path = path[:0]
		}
		args = args[:0]
	}
	return out
}

func brightness(args []float64) float64 {
	sum := 0.0
	for _, v := range args {
		sum += v
	}
	return sum / float64(len(args))
}

func transform(m [6]float64, x, y, w, h float64) square {
	ax, ay := m[0]*x+m[2]*y+m[4], m[1]*x+m[3]*y+m[5]
	bx, by := m[0]*(x+w)+m[2]*(y+h)+m[4], m[1]*(x+w)+m[3]*(y+h)+m[5]
	return square{min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)}
}

func multiply(a, b [6]float64) [6]float64 {
	return [6]float64{
		a[0]*b[0] + a[1]*b[2], a[0]*b[1] + a[1]*b[3],
		a[2]*b[0] + a[3]*b[2], a[2]*b[1] + a[3]*b[3],
		a[4]*b[0] + a[5]*b[2] + b[4], a[4]*b[1] + a[5]*b[3] + b[5],
	}
}

// paint draws the squares so that the smallest side is four pixels, and searches.
func (p *pdfFile) paint(squares []square) {
	side := math.Inf(1)
	for _, s := range squares {
		if w := min(s.x1-s.x0, s.y1-s.y0); w > 0.1 {
			side = min(side, w)
		}
	}
	var small []square // lines, frames and backgrounds are no modules
	for _, s := range squares {
		if s.x1-s.x0 <= 180*side && s.y1-s.y0 <= 180*side {
			small = append(small, s)
		}
	}
	if len(small) < minSquares {
		return
	}
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, s := range small {
		x0, y0, x1, y1 = min(x0, s.x0), min(y0, s.y0), max(x1, s.x1), max(y1, s.y1)
	}
	scale := min(4/side, maxQRSide/max(x1-x0, y1-y0, 1))
	w, h := int((x1-x0)*scale)+17, int((y1-y0)*scale)+17
	if !(scale > 0) || w > 2*maxQRSide || h > 2*maxQRSide || w < minQRSide || h < minQRSide || !p.in.b.takeImage(w*h) {
		return
	}
	g := &gray{w: w, h: h, pix: make([]byte, w*h)}
	for i := range g.pix {
		g.pix[i] = 255
	}
	for _, s := range small {
		for y := int(math.Round((y1 - s.y1) * scale)); y < int(math.Round((y1-s.y0)*scale)); y++ {
			for x := int(math.Round((s.x0 - x0) * scale)); x < int(math.Round((s.x1-x0)*scale)); x++ {
				if y+8 < h && x+8 < w {
					g.pix[(y+8)*w+x+8] = 0
				}
			}
		}
	}
	p.in.codes(p.c, findQR(g))
}
