package attach

import (
	"math"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

// maxCodes is how many codes of one picture are read, maxTriples how many sets
// of three finder patterns are tried for that.
const (
	maxCodes   = 4
	maxTriples = 8
)

// maxFullSearch is how many pixels a shrunk picture may have had to be searched
// once more at its full size.
const maxFullSearch = 4 << 20

// findQR returns what the QR codes in a picture say. Large pictures are searched
// shrunk; a code seen there but not read is read from the full picture.
func findQR(full *gray) []string {
	small, factor := full.shrink()
	threshold, ok := small.otsu()
	if !ok {
		return nil
	}
	s := search{bitmap: small.fixed(threshold), full: full, factor: factor}
	out, seen := s.codes()
	if len(out) == 0 && seen > 0 { // some of a code shows: light may differ across the picture
		s.bitmap = small.local()
		out, _ = s.codes()
	}
	if len(out) > 0 || factor == 1 || len(full.pix) > maxFullSearch {
		return out
	}
	s = search{bitmap: full.fixed(threshold), full: full, factor: 1} // a small code on a large page
	out, _ = s.codes()
	return out
}

// search is one pass over a picture in two colours.
type search struct {
	*bitmap
	full   *gray
	factor int // how much smaller the bitmap is than the full picture
}

// codes decodes around each plausible set of three finder patterns, and tells
// how many patterns were seen.
func (s *search) codes() (out []string, seen int) {
	tried := 0
	used := map[int]bool{}
	found := s.finders()
	for _, t := range triples(found) {
		if used[t.a] || used[t.b] || used[t.c] {
			continue
		}
		if tried++; tried > maxTriples || len(out) >= maxCodes {
			break
		}
		p, q, r := found[t.a], found[t.b], found[t.c]
		text, ok := s.decode(p, q, r)
		if !ok && s.factor > 1 {
			text, ok = s.closer(p, q, r)
		}
		if ok {
			out = append(out, text)
			used[t.a], used[t.b], used[t.c] = true, true, true
		}
	}
	return out, len(found)
}

// closer searches the place of a code in the full picture.
func (s *search) closer(p, q, r finder) (string, bool) {
	k := s.factor
	x0, y0, x1, y1 := s.around(p, q, r)
	g := s.full.crop(x0*k, y0*k, x1*k, y1*k)
	threshold, ok := g.otsu()
	if !ok || max(g.w, g.h) > 2*maxQRSide {
		return "", false
	}
	near := search{bitmap: g.fixed(threshold), full: g, factor: 1}
	if out, _ := near.codes(); len(out) > 0 {
		return out[0], true
	}
	return "", false
}

// around is the rectangle of a code with its margin.
func (b *bitmap) around(p, q, r finder) (x0, y0, x1, y1 int) {
	fx, fy := q.x+r.x-p.x, q.y+r.y-p.y // the corner without a pattern
	margin := 8*max(p.module, q.module, r.module) + 4
	x0 = max(int(min(p.x, q.x, r.x, fx)-margin), 0)
	y0 = max(int(min(p.y, q.y, r.y, fy)-margin), 0)
	x1 = min(int(max(p.x, q.x, r.x, fx)+margin)+1, b.w)
	y1 = min(int(max(p.y, q.y, r.y, fy)+margin)+1, b.h)
	return x0, y0, x1, y1
}

// decode samples the modules between the three patterns; where that fails, for
// codes seen at an angle or bent, the library's detector looks at the place.
func (b *bitmap) decode(p, q, r finder) (string, bool) {
	if text, ok := b.sample(p, q, r); ok {
		return text, true
	}
	x0, y0, x1, y1 := b.around(p, q, r)
	if x1-x0 < minQRSide || y1-y0 < minQRSide {
		return "", false
	}
	scale := 1
	if min(p.module, q.module, r.module) < 3 {
		scale = 3
	}
	bits, err := b.cut(x0, y0, x1, y1, scale, p.light)
	if err != nil {
		return "", false
	}
	return decodeBits(bits)
}

// sample reads modules on the grid that three patterns span, p at its corner,
// for the likeliest sizes. The middle of a pattern is 3.5 modules from both edges.
func (b *bitmap) sample(p, q, r finder) (string, bool) {
	if (q.x-p.x)*(r.y-p.y)-(q.y-p.y)*(r.x-p.x) < 0 {
		q, r = r, q
	}
	module := (p.module + q.module + r.module) / 3
	leg := (math.Hypot(q.x-p.x, q.y-p.y) + math.Hypot(r.x-p.x, r.y-p.y)) / 2
	guess := int(math.Round((leg/module+7-17)/4))*4 + 17
	for _, n := range []int{guess, guess + 4, guess - 4} {
		if n < 21 || n > 177 {
			continue
		}
		if cells := b.grid(p, q, r, n); cells != nil && timing(cells) {
			if text, ok := decodeCells(cells); ok {
				return text, true
			}
		}
	}
	return "", false
}

func (b *bitmap) grid(p, q, r finder, n int) [][]bool {
	span := float64(n - 7)
	cells := make([][]bool, n)
	for j := range cells {
		cells[j] = make([]bool, n)
		for i := range cells[j] {
			u, v := float64(i-3)/span, float64(j-3)/span
			x := int(math.Floor(p.x + u*(q.x-p.x) + v*(r.x-p.x)))
			y := int(math.Floor(p.y + u*(q.y-p.y) + v*(r.y-p.y)))
			if x < 0 || y < 0 || x >= b.w || y >= b.h {
				return nil
			}
			cells[j][i] = b.bits[y*b.w+x] != p.light
		}
	}
	return cells
}

// timing checks the alternating modules between the patterns (ISO/IEC 18004
// §6.3.5): a wrong size shows there before the dear decoding is tried.
func timing(cells [][]bool) bool {
	n, wrong := len(cells), 0
	for i := 8; i < n-8; i++ {
		if cells[6][i] != (i%2 == 0) {
			wrong++
		}
		if cells[i][6] != (i%2 == 0) {
			wrong++
		}
	}
	return wrong*4 <= 2*(n-16)
}

// triple is three finder patterns, a at the right angle.
type triple struct {
	a, b, c int
	skew    float64 // 0: legs equal and at a right angle
}

// triples lists sets that could be one code: modules of like size, two legs of
// like length at about a right angle, long enough for a code.
func triples(f []finder) []triple {
	var out []triple
	for a := range f {
		for b := range f {
			for c := b + 1; c < len(f); c++ {
				if a == b || a == c || f[a].light != f[b].light || f[a].light != f[c].light {
					continue
				}
				if skew, ok := cornerSkew(f[a], f[b], f[c]); ok {
					out = insertTriple(out, triple{a, b, c, skew})
				}
			}
		}
	}
	return out
}

// insertTriple keeps the best in order.
func insertTriple(list []triple, t triple) []triple {
	i := len(list)
	for i > 0 && list[i-1].skew > t.skew {
		i--
	}
	if i >= 4*maxTriples {
		return list
	}
	list = append(list[:i], append([]triple{t}, list[i:]...)...)
	return list[:min(len(list), 4*maxTriples)]
}

func cornerSkew(a, b, c finder) (float64, bool) {
	lo, hi := min(a.module, b.module, c.module), max(a.module, b.module, c.module)
	if hi > 1.6*lo+0.5 {
		return 0, false
	}
	ux, uy, vx, vy := b.x-a.x, b.y-a.y, c.x-a.x, c.y-a.y
	lu, lv := math.Hypot(ux, uy), math.Hypot(vx, vy)
	if min(lu, lv) < 11*lo || max(lu, lv) > 190*hi {
		return 0, false
	}
	cos := math.Abs(ux*vx+uy*vy) / (lu * lv)
	legs := math.Abs(lu-lv) / max(lu, lv)
	if cos > 0.3 || legs > 0.3 {
		return 0, false
	}
	return cos + legs + (hi-lo)/hi/2, true
}

// cut copies a rectangle, enlarged, dark on light, with a light margin: the
// detector needs one and careless codes have none.
func (b *bitmap) cut(x0, y0, x1, y1, scale int, inverted bool) (*gozxing.BitMatrix, error) {
	const quiet = 8
	m, err := gozxing.NewBitMatrix((x1-x0)*scale+2*quiet, (y1-y0)*scale+2*quiet)
	if err != nil {
		return nil, err
	}
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			if b.bits[y*b.w+x] == inverted {
				continue
			}
			left, top := quiet+(x-x0)*scale, quiet+(y-y0)*scale
			if scale == 1 {
				m.Set(left, top)
			} else if err := m.SetRegion(left, top, scale, scale); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}

// decodeBits finds and decodes one code. The library panics on some hostile
// input; that is no code then.
func decodeBits(bits *gozxing.BitMatrix) (text string, ok bool) {
	defer func() {
		if recover() != nil {
			text, ok = "", false
		}
	}()
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true}
	found, err := detector.NewDetector(bits).Detect(hints)
	if err != nil {
		return "", false
	}
	result, err := decoder.NewDecoder().Decode(found.GetBits(), nil)
	if err != nil {
		return "", false
	}
	return result.GetText(), true
}

// qrURL makes an address of a code's text the way phones do: addresses without
// scheme and the older bookmark forms included.
func qrURL(text string) string {
	text = strings.TrimSpace(text)
	if u := cleanURL(text); u != "" {
		return u
	}
	upper := strings.ToUpper(text)
	if rest, ok := strings.CutPrefix(upper, "URLTO:"); ok {
		return qrURL(text[len(text)-len(rest):])
	}
	if strings.HasPrefix(upper, "MEBKM:") {
		if i := strings.Index(upper, "URL:"); i >= 0 {
			u, _, _ := strings.Cut(text[i+4:], ";")
			return qrURL(u)
		}
	}
	host, _, _ := strings.Cut(text, "/")
	if !strings.ContainsAny(text, " \t\r\n:@") && strings.Contains(host, ".") && len(host) > 3 && !strings.HasPrefix(host, ".") && !strings.HasSuffix(host, ".") {
		return "http://" + text
	}
	return ""
}
