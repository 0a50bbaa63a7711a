package attach

// Before the dear decoder runs, the picture must show what every QR code has:
// three finder patterns, squares that any line through the middle crosses as
// dark, light, dark, light, dark in lengths 1:1:3:1:1 (ISO/IEC 18004 §6.3.3).
// Looking for those runs costs about a nanosecond a pixel. Codes drawn light on
// dark show the same with colours swapped, found in the same pass.

// bitmap is a picture in two colours; true is dark.
type bitmap struct {
	w, h int
	bits []bool
}

// finder is a place where a finder pattern may be.
type finder struct {
	x, y   float64
	module float64 // size of one module in pixels
	light  bool    // drawn light on dark
	hits   int
}

// otsu divides luminances in two so that both parts vary least (Otsu 1979).
// ok is false for pictures of nearly one colour.
func (g *gray) otsu() (threshold byte, ok bool) {
	hist := g.histogram()
	total, sum := len(g.pix), 0
	for v, n := range hist {
		sum += v * n
	}
	var best float64
	below, sumBelow, cut, last := 0, 0, 0, 0
	for v, n := range hist {
		below += n
		sumBelow += v * n
		if below == 0 || below == total {
			continue
		}
		meanLow := float64(sumBelow) / float64(below)
		meanHigh := float64(sum-sumBelow) / float64(total-below)
		between := float64(below) * float64(total-below) * (meanHigh - meanLow) * (meanHigh - meanLow)
		switch {
		case between > best:
			best, cut, last = between, v, v
		case between == best:
			last = v // a gap in the histogram: cut in its middle
		}
	}
	norm := float64(total) * float64(total)
	return byte((cut + last) / 2), norm > 0 && best/norm > 100
}

// histogram counts in four tables by turns: in one alone a count would wait for the
// one before, for neighbours are mostly alike.
func (g *gray) histogram() (hist [256]int) {
	var part [4][256]int32
	pix := g.pix
	for ; len(pix) >= 4; pix = pix[4:] {
		part[0][pix[0]]++
		part[1][pix[1]]++
		part[2][pix[2]]++
		part[3][pix[3]]++
	}
	for _, v := range pix {
		part[0][v]++
	}
	for v := range hist {
		hist[v] = int(part[0][v]) + int(part[1][v]) + int(part[2][v]) + int(part[3][v])
	}
	return hist
}

// fixed cuts at one threshold.
func (g *gray) fixed(threshold byte) *bitmap {
	b := &bitmap{w: g.w, h: g.h, bits: make([]bool, len(g.pix))}
	bits := b.bits[:len(g.pix)]
	for i, v := range g.pix {
		bits[i] = v <= threshold
	}
	return b
}

// local cuts each pixel at the mean around it, less a little (Bradley & Roth
// 2007), for pictures with shadows, gradients and several colours.
func (g *gray) local() *bitmap {
	b := &bitmap{w: g.w, h: g.h, bits: make([]bool, len(g.pix))}
	sums := make([]uint32, (g.w+1)*(g.h+1))
	for y := range g.h {
		var row uint32
		for x := range g.w {
			row += uint32(g.pix[y*g.w+x])
			sums[(y+1)*(g.w+1)+x+1] = sums[y*(g.w+1)+x+1] + row
		}
	}
	r := max(g.w, g.h)/16 + 4
	for y := range g.h {
		y0, y1 := max(y-r, 0), min(y+r+1, g.h)
		for x := range g.w {
			x0, x1 := max(x-r, 0), min(x+r+1, g.w)
			sum := sums[y1*(g.w+1)+x1] - sums[y0*(g.w+1)+x1] - sums[y1*(g.w+1)+x0] + sums[y0*(g.w+1)+x0]
			n := uint32((y1 - y0) * (x1 - x0))
			b.bits[y*g.w+x] = uint32(g.pix[y*g.w+x])*n*100 < sum*90
		}
	}
	return b
}

// maxFinders bounds the candidates of one picture; halftone makes thousands.
const maxFinders = 60

// finders collects candidates from every second row, each confirmed down its column.
func (b *bitmap) finders() []finder {
	var found []finder
	step := 2
	if min(b.w, b.h) < 200 {
		step = 1
	}
	for y := 0; y < b.h; y += step {
		row := b.bits[y*b.w : (y+1)*b.w]
		var runs [5]int
		count, start := 0, 0
		for x := 1; x <= b.w; x++ {
			if x < b.w && row[x] == row[x-1] {
				continue
			}
			copy(runs[:], runs[1:])
			runs[4] = x - start
			start = x
			if count++; count >= 5 && finderRatio(runs) {
				cx := float64(x-runs[4]-runs[3]) - float64(runs[2])/2
				found = b.confirm(found, cx, y, runs, !row[x-1])
			}
		}
		if len(found) >= maxFinders {
			break
		}
	}
	return found
}

// finderRatio allows half a module of error, as the standard's reference decoder.
func finderRatio(r [5]int) bool {
	total := r[0] + r[1] + r[2] + r[3] + r[4]
	if total < 7 || r[2] <= r[0] || r[2] <= r[4] {
		return false
	}
	m := float64(total) / 7
	slack := m * 0.6
	if m < 3 {
		slack = max(m*0.5, 0.9) // shrunk and blurred codes
	}
	near := func(v int, want, tol float64) bool { d := float64(v) - want; return d < tol && -d < tol }
	return near(r[0], m, slack) && near(r[1], m, slack) && near(r[2], 3*m, 2*slack) && near(r[3], m, slack) && near(r[4], m, slack)
}

// confirm follows the column through the middle and merges with candidates near by.
func (b *bitmap) confirm(found []finder, cx float64, y int, runs [5]int, light bool) []finder {
	x := int(cx)
	module := float64(runs[0]+runs[1]+runs[2]+runs[3]+runs[4]) / 7
	cy, vertical, ok := b.column(x, y, module)
	if !ok {
		return found
	}
	f := finder{x: cx, y: cy, module: (module + vertical) / 2, light: light, hits: 1}
	for i := range found {
		o := &found[i]
		dx, dy := o.x-f.x, o.y-f.y
		if o.light == light && dx*dx+dy*dy < 9*module*module {
			n := float64(o.hits)
			o.x, o.y, o.module = (o.x*n+f.x)/(n+1), (o.y*n+f.y)/(n+1), (o.module*n+f.module)/(n+1)
			o.hits++
			return found
		}
	}
	return append(found, f)
}

// column measures the five runs up and down from a pixel.
func (b *bitmap) column(x, y int, module float64) (cy, size float64, ok bool) {
	var runs [5]int
	limit := int(module*5) + 2
	colour := b.bits[y*b.w+x]
	at := func(y int) bool { return b.bits[y*b.w+x] }
	top := y
	want := colour
	for i := 2; i >= 0; i-- {
		for top >= 0 && at(top) == want && runs[i] <= limit {
			runs[i]++
			top--
		}
		want = !want
	}
	bottom := y + 1
	want = colour
	for i := 2; i < 5; i++ {
		for bottom < b.h && at(bottom) == want && runs[i] <= limit {
			runs[i]++
			bottom++
		}
		want = !want
	}
	total := bottom - top - 1
	size = float64(total) / 7
	if !finderRatio(runs) || size > 2*module || module > 2*size {
		return 0, 0, false
	}
	middle := float64(top+1+runs[0]+runs[1]) + float64(runs[2])/2
	return middle, size, true
}
