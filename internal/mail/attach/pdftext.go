package attach

import (
	"bytes"
	"sort"
	"strings"
)

// Text of a PDF, best effort: enough to see that a document is a list of
// people. Glyphs are put in the order they are drawn; a move to another line
// makes a new line, a wide gap a blank.

// pages extracts the text of every page.
func (p *pdfFile) pages() {
	var out bytes.Buffer
	fonts := map[any]*pdfFont{}
	for _, o := range p.objects {
		d, ok := o.value.(pdfDict)
		if !ok || d["Type"] != pdfName("Page") {
			continue
		}
		if !p.pay(256) {
			break
		}
		t := pdfText{p: p, out: &out, fonts: map[pdfName]*pdfFont{}}
		t.useFonts(p.resources(d), fonts)
		t.useForms(p.resources(d))
		for _, part := range p.contents(d) {
			t.run(p.decode(part), 0)
		}
		out.WriteByte('\n')
		if out.Len() > p.in.b.Limits.Text {
			break
		}
	}
	if text := strings.TrimSpace(out.String()); text != "" {
		p.in.addText(p.c, text)
	}
}

// contents lists the streams of a page.
func (p *pdfFile) contents(page pdfDict) []*pdfObject {
	parts := pdfArray{page["Contents"]}
	if list, ok := p.resolve(page["Contents"]).(pdfArray); ok {
		parts = list
	}
	var out []*pdfObject
	for _, part := range parts[:min(len(parts), 1000)] {
		if ref, ok := part.(pdfRef); ok && p.byNum[int(ref)] != nil && p.byNum[int(ref)].stream != nil {
			out = append(out, p.byNum[int(ref)])
		}
	}
	return out
}

// resources looks up the page tree (§7.7.3.4).
func (p *pdfFile) resources(d pdfDict) pdfDict {
	for range 32 {
		if r := p.dict(d["Resources"]); r != nil {
			return r
		}
		if d = p.dict(d["Parent"]); d == nil {
			return nil
		}
	}
	return nil
}

// pdfFont turns the codes of a font into text.
type pdfFont struct {
	wide    bool // two bytes a code
	unicode map[uint32]string
}

// pdfText runs content streams (§9.4).
type pdfText struct {
	p     *pdfFile
	out   *bytes.Buffer
	fonts map[pdfName]*pdfFont
	forms map[pdfName]*pdfObject
	font  *pdfFont
	y     float64
}

func (t *pdfText) useFonts(res pdfDict, cache map[any]*pdfFont) {
	if !t.p.pay(16 * len(t.p.dict(res["Font"]))) {
		return
	}
	for name, v := range t.p.dict(res["Font"]) {
		if f, ok := cache[key(v)]; ok && key(v) != nil {
			t.fonts[name] = f
			continue
		}
		f := t.p.font(t.p.dict(v))
		t.fonts[name] = f
		if key(v) != nil {
			cache[key(v)] = f
		}
	}
}

// key is a reference as a map key, nil for what is written in place.
func key(v any) any {
	if r, ok := v.(pdfRef); ok {
		return r
	}
	return nil
}

func (t *pdfText) useForms(res pdfDict) {
	t.forms = map[pdfName]*pdfObject{}
	for name, v := range t.p.dict(res["XObject"]) {
		ref, ok := v.(pdfRef)
		if !ok || t.p.byNum[int(ref)] == nil {
			continue
		}
		if d, ok := t.p.byNum[int(ref)].value.(pdfDict); ok && d["Subtype"] == pdfName("Form") {
			t.forms[name] = t.p.byNum[int(ref)]
		}
	}
}

// font reads the ToUnicode map; without one, codes of one byte are taken as
// Latin and wider ones cannot be read.
func (p *pdfFile) font(d pdfDict) *pdfFont {
	f := &pdfFont{wide: d["Subtype"] == pdfName("Type0")}
	if ref, ok := d["ToUnicode"].(pdfRef); ok && p.byNum[int(ref)] != nil {
		f.unicode = parseCMap(p.decode(p.byNum[int(ref)]))
	}
	return f
}

// maxCMap bounds a font's map.
const maxCMap = 70_000

// parseCMap reads bfchar and bfrange of a ToUnicode map (§9.10.3).
func parseCMap(data []byte) map[uint32]string {
	out := map[uint32]string{}
	l := pdfLexer{data: data}
	var stack []any
	for l.at < len(l.data) && len(out) < maxCMap {
		v := l.value(0)
		switch v {
		case pdfWord("beginbfchar"), pdfWord("beginbfrange"):
			stack = stack[:0]
		case pdfWord("endbfchar"):
			for i := 0; i+1 < len(stack); i += 2 {
				out[code(stack[i])] = bigEndianText(stack[i+1])
			}
		case pdfWord("endbfrange"):
			for i := 0; i+2 < len(stack); i += 3 {
				cmapRange(out, code(stack[i]), code(stack[i+1]), stack[i+2])
			}
		default:
			if v != nil && len(stack) < 3*maxCMap {
				stack = append(stack, v)
			}
		}
	}
	return out
}

func code(v any) uint32 {
	s, _ := v.(pdfString)
	n := uint32(0)
	for _, b := range s[:min(len(s), 4)] {
		n = n<<8 | uint32(b)
	}
	return n
}

func bigEndianText(v any) string {
	s, _ := v.(pdfString)
	return string(utf16Bytes(s, false))
}

func cmapRange(out map[uint32]string, lo, hi uint32, to any) {
	if hi < lo || hi-lo > 0xffff {
		return
	}
	list, isList := to.(pdfArray)
	base := []rune(bigEndianText(to))
	for i := uint32(0); i <= hi-lo && len(out) < maxCMap; i++ {
		switch {
		case isList && int(i) < len(list):
			out[lo+i] = bigEndianText(list[i])
		case !isList && len(base) > 0:
			last := len(base) - 1
			out[lo+i] = string(base[:last]) + string(base[last]+rune(i))
		}
	}
}

// run executes the operators that show text or move.
func (t *pdfText) run(data []byte, depth int) {
	if !t.p.pay(len(data)) {
		return
	}
	l := pdfLexer{data: data, content: true}
	args := make([]any, 0, 64)
	for l.at < len(l.data) && t.out.Len() < t.p.in.b.Limits.Text {
		v := l.value(0)
		op, ok := v.(pdfWord)
		if !ok {
			if v != nil && len(args) < 64 {
				args = append(args, v)
			}
			continue
		}
		if op == "ID" { // inline picture: skip its bytes
			i := bytes.Index(l.data[l.at:], []byte("EI"))
			if i < 0 {
				return
			}
			l.at += i + 2
		}
		t.operator(string(op), args, depth)
		args = args[:0]
	}
}

func (t *pdfText) operator(op string, args []any, depth int) {
	number := func(i int) float64 {
		if i < len(args) {
			f, _ := args[i].(float64)
			return f
		}
		return 0
	}
	switch op {
	case "Tf":
		if len(args) > 0 {
			name, _ := args[0].(pdfName)
			t.font = t.fonts[name]
		}
	case "Td", "TD":
		t.move(number(1) != 0)
	case "Tm":
		moved := number(5) != t.y
		t.y = number(5)
		t.move(moved)
	case "T*", "ET":
		t.move(true)
	case "Tj":
		t.show(args)
	case "'", "\"":
		t.move(true)
		t.show(args)
	case "TJ":
		if len(args) > 0 {
			a, _ := args[0].(pdfArray)
			t.show(a)
		}
	case "Do":
		t.form(args, depth)
	}
}

func (t *pdfText) form(args []any, depth int) {
	if len(args) == 0 || depth > 3 {
		return
	}
	name, _ := args[0].(pdfName)
	if o := t.forms[name]; o != nil {
		d, _ := o.value.(pdfDict)
		inner := pdfText{p: t.p, out: t.out, fonts: t.fonts}
		if res := t.p.dict(d["Resources"]); res != nil {
			inner.fonts = map[pdfName]*pdfFont{}
			inner.useFonts(res, map[any]*pdfFont{})
			inner.useForms(res)
		}
		inner.run(t.p.decode(o), depth+1)
	}
}

// move ends a line, or sets a gap where the line goes on.
func (t *pdfText) move(newLine bool) {
	b := t.out.Bytes()
	if len(b) == 0 || b[len(b)-1] == '\n' {
		return
	}
	if newLine {
		t.out.WriteByte('\n')
	} else if b[len(b)-1] != ' ' {
		t.out.WriteByte(' ')
	}
}

// show writes strings; a number in TJ below -200 thousandths is a gap between words.
func (t *pdfText) show(parts []any) {
	for _, part := range parts {
		switch v := part.(type) {
		case pdfString:
			t.glyphs(v)
		case float64:
			if b := t.out.Bytes(); v < -200 && len(b) > 0 && b[len(b)-1] != ' ' {
				t.out.WriteByte(' ')
			}
		}
	}
}

func (t *pdfText) glyphs(s pdfString) {
	f := t.font
	if f == nil {
		f = &pdfFont{}
	}
	step := 1
	if f.wide {
		step = 2
	}
	for i := 0; i+step <= len(s); i += step {
		c := uint32(s[i])
		if f.wide {
			c = c<<8 | uint32(s[i+1])
		}
		text, ok := "", false
		if f.unicode != nil {
			text, ok = f.unicode[c]
		}
		switch {
		case ok:
			t.out.WriteString(text)
		case f.wide || c < ' ':
		case c < 0x80:
			t.out.WriteByte(byte(c))
		default:
			t.out.WriteRune(winAnsi(byte(c)))
		}
	}
}

// winAnsi decodes WinAnsiEncoding, which is Windows-1252.
func winAnsi(b byte) rune {
	if b < 0x80 || b >= 0xa0 {
		return rune(b)
	}
	return [32]rune{
		'€', '•', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '•', 'Ž', '•',
		'•', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '•', 'ž', 'Ÿ',
	}[b-0x80]
}

// images searches pictures in the document for QR codes, the smaller first: a
// code is rarely the largest picture, and scans would eat the budget.
func (p *pdfFile) images() {
	var list []*pdfObject
	for _, o := range p.objects {
		if d, ok := o.value.(pdfDict); ok && o.stream != nil && d["Subtype"] == pdfName("Image") {
			list = append(list, o)
		}
	}
	area := func(o *pdfObject) int {
		d := o.value.(pdfDict)
		return p.int(d["Width"], 0) * p.int(d["Height"], 0)
	}
	sort.SliceStable(list, func(i, j int) bool { return area(list[i]) < area(list[j]) })
	seen := map[int]bool{}
	for _, o := range list {
		if !seen[o.num] {
			seen[o.num] = true
			p.image(o, o.value.(pdfDict))
		}
	}
	p.drawn()
}

func (p *pdfFile) image(o *pdfObject, d pdfDict) {
	w, h := p.int(d["Width"], 0), p.int(d["Height"], 0)
	if w < minQRSide || h < minQRSide || min(w, h)*12 < max(w, h) || w > maxImageSide || h > maxImageSide {
		return
	}
	filters := p.list(d["Filter"])
	if n := len(filters); n > 0 && filters[n-1] == pdfName("DCTDecode") {
		plain := pdfDict{"Filter": filters[:n-1]}
		data := p.decode(&pdfObject{num: o.num, value: plain, stream: o.stream, start: o.start, end: o.end})
		p.in.openImage(p.c.inside("image", data), "image-jpeg")
		return
	}
	if w*h > maxOneImage || !p.in.b.takeImage(w*h) {
		p.in.incomplete("%s: picture of %d×%d pixels not searched for codes, the budget of %d pictures and %d pixels is reached",
			p.c.label(), w, h, p.in.b.Limits.Images, p.in.b.Limits.ImagePixels)
		return
	}
	if g := p.samples(o, d, w, h); g != nil {
		p.in.codes(p.c, findQR(g))
	}
}

// samples reads uncompressed samples (§8.9.5): gray, RGB, CMYK or an index into
// a palette, of 1, 2, 4 or 8 bits.
func (p *pdfFile) samples(o *pdfObject, d pdfDict, w, h int) *gray {
	data := p.decode(o)
	bits := p.int(d["BitsPerComponent"], 8)
	if d["ImageMask"] == pdfWord("true") {
		bits = 1
	}
	comps, palette := p.colorSpace(d["ColorSpace"])
	if comps == 0 || bits != 1 && bits != 2 && bits != 4 && bits != 8 {
		return nil
	}
	row := (w*comps*bits + 7) / 8
	if row*h > len(data)+row {
		return nil
	}
	invert := false
	if dec := p.list(d["Decode"]); len(dec) >= 2 {
		invert = p.int(dec[0], 0) == 1
	}
	g := &gray{w: w, h: h, pix: make([]byte, w*h)}
	for y := range h {
		line := data[min(y*row, len(data)):min((y+1)*row, len(data))]
		if len(line) < row {
			break
		}
		if bits == 8 && comps == 3 && palette == nil {
			rgbLuminances(g.pix[y*w:(y+1)*w], line, invert)
			continue
		}
		for x := range w {
			g.pix[y*w+x] = sampleLuminance(line, x, comps, bits, palette, invert)
		}
	}
	return g
}

// rgbLuminances is sampleLuminance for the usual picture, a row at once.
func rgbLuminances(out, line []byte, invert bool) {
	flip := byte(0)
	if invert {
		flip = 255
	}
	for x := range out {
		p := line[3*x : 3*x+3 : 3*x+3]
		out[x] = byte((77*int(p[0])+150*int(p[1])+29*int(p[2]))>>8) ^ flip
	}
}

func sampleLuminance(line []byte, x, comps, bits int, palette []byte, invert bool) byte {
	sample := func(i int) int {
		at := i * bits
		return int(line[at/8]>>(8-bits-at%8)) & (1<<bits - 1)
	}
	full := 1<<bits - 1
	var l int
	switch {
	case palette != nil:
		if i := sample(x); i < len(palette) {
			l = int(palette[i])
		}
	case comps == 3:
		l = (77*sample(3*x) + 150*sample(3*x+1) + 29*sample(3*x+2)) * 255 / full >> 8
	case comps == 4:
		k := 255 - sample(4*x+3)*255/full
		l = (77*(full-sample(4*x)) + 150*(full-sample(4*x+1)) + 29*(full-sample(4*x+2))) * 255 / full >> 8 * k / 255
	default:
		l = sample(x) * 255 / full
	}
	if invert {
		l = 255 - l
	}
	return byte(l)
}

// colorSpace tells components, and luminances of a palette.
func (p *pdfFile) colorSpace(v any) (comps int, palette []byte) {
	v = p.resolve(v)
	if a, ok := v.(pdfArray); ok && len(a) > 0 {
		switch p.resolve(a[0]) {
		case pdfName("ICCBased"):
			if len(a) > 1 {
				return p.int(p.dict(a[1])["N"], 3), nil
			}
		case pdfName("Indexed"), pdfName("I"):
			if len(a) > 3 {
				base, _ := p.colorSpace(a[1])
				return 1, p.palette(a[3], base)
			}
		case pdfName("Separation"):
			return 1, nil
		case pdfName("CalRGB"), pdfName("Lab"):
			return 3, nil
		case pdfName("DeviceN"):
			return 0, nil
		default:
			return p.colorSpace(a[0])
		}
	}
	switch v {
	case pdfName("DeviceRGB"), pdfName("RGB"), pdfName("CalRGB"):
		return 3, nil
	case pdfName("DeviceCMYK"), pdfName("CMYK"):
		return 4, nil
	}
	return 1, nil
}

func (p *pdfFile) palette(v any, comps int) []byte {
	var table []byte
	if s, ok := p.resolve(v).(pdfString); ok {
		table = s
	} else if ref, ok := v.(pdfRef); ok && p.byNum[int(ref)] != nil {
		table = p.decode(p.byNum[int(ref)])
	}
	if comps < 1 || comps > 4 {
		return nil
	}
	out := make([]byte, 0, 256)
	for ; len(table) >= comps && len(out) < 256; table = table[comps:] {
		switch comps {
		case 3:
			out = append(out, byte((int(table[0])*77+int(table[1])*150+int(table[2])*29)>>8))
		default:
			out = append(out, table[0])
		}
	}
	return out
}
