package response

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"
)

// The page: A4 in millimetres, sizes of type in points.
const (
	pageWidth, pageHeight = 210.0, 297.0
	margin                = 17.0
	bodySize              = 10.4
	leading               = 1.42 // of the size of type
	pointToMM             = 25.4 / 72
	smallest              = 0.80 // 8.3 points, still as large as a newspaper's
)

// errTooLong says that a document does not fit on one page.
var errTooLong = errors.New("the document does not fit on one page")

// NoticePDF is a notice on one page. If it does not fit, type gets smaller down to a limit,
// and then fewer events stand on it.
func (o *Office) NoticePDF(n Notice) ([]byte, error) {
	return o.fit(rows, n.Changed, func(rows int) (Document, error) { return o.notice(n, rows) })
}

// BriefingPDF is a briefing on one page, in the same way.
func (o *Office) BriefingPDF(c Campaign, notices []Notice, now time.Time) ([]byte, error) {
	return o.fit(2*rows, now, func(rows int) (Document, error) { return o.briefing(c, notices, now, rows) })
}

func (o *Office) fit(rows int, made time.Time, compose func(rows int) (Document, error)) ([]byte, error) {
	for {
		d, err := compose(rows)
		if err != nil {
			return nil, err
		}
		out, err := o.pdf(d, made)
		if !errors.Is(err, errTooLong) || rows == 1 {
			return out, err
		}
		rows = max(1, rows-2)
	}
}

// pdf draws a document. The library was made for fonts that it trusts; should it fail on
// the operator's, that is an error like any other.
func (o *Office) pdf(d Document, made time.Time) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the PDF could not be written: %v; try without `font` in the section [notices]", r)
		}
	}()
	s, err := newSheet(o.font, d)
	if err != nil {
		return nil, err
	}
	blocks := s.blocks(d)
	if s.missing*5 > s.drawn {
		return nil, errUncovered
	}
	for s.scale = 1; s.scale >= smallest; s.scale -= 0.05 {
		if lines, ok := s.layout(blocks); ok {
			s.draw(lines)
			return s.finish(d, made)
		}
	}
	return nil, errTooLong
}

// sheet is one page being laid out.
type sheet struct {
	pdf            *fpdf.Fpdf
	plain, bold    []*face // in the order in which they are asked for a character
	rtl            bool
	scale          float64
	missing, drawn int // characters
	marks          []tagged
}

func newSheet(own []byte, d Document) (*sheet, error) {
	s := &sheet{pdf: fpdf.New("P", "mm", "A4", ""), rtl: d.Direction == "rtl"}
	s.pdf.SetAutoPageBreak(false, 0)
	s.pdf.SetMargins(margin, margin, margin)
	add := func(list *[]*face, name string, raw []byte) error {
		f, err := newFace(name, raw)
		if err != nil {
			return err
		}
		s.pdf.AddUTF8FontFromBytes(name, "", raw)
		*list = append(*list, f)
		return s.pdf.Error()
	}
	err := errors.Join(add(&s.plain, "sans", dejavusans.TTF), add(&s.bold, "sansbold", dejavusansbold.TTF))
	if own != nil && err == nil {
		err = add(&s.plain, "own", own)
		s.bold = append(s.bold, s.plain[len(s.plain)-1])
	}
	if err != nil {
		return nil, fmt.Errorf("load the fonts of the PDF: %w", err)
	}
	s.pdf.AddPage()
	return s, nil
}

// textBlock is a paragraph with its role and look.
type textBlock struct {
	role   string // of the structure tree: H1, H2, P, LI
	text   string
	size   float64
	bold   bool
	above  float64 // space, in points
	indent float64 // mm
	mark   bool    // framed
	rule   bool    // a line below
	foot   bool
}

func (s *sheet) blocks(d Document) (list []textBlock) {
	for _, m := range d.Marks {
		list = append(list, textBlock{role: "P", text: m, size: bodySize, bold: true, mark: true, above: 6})
	}
	list = append(list, textBlock{role: "H1", text: d.Title, size: 18, bold: true, above: 8})
	if d.Lead != "" {
		list = append(list, textBlock{role: "P", text: d.Lead, size: bodySize, above: 5})
	}
	for _, sec := range d.Sections {
		list = append(list, textBlock{role: "H2", text: sec.Heading, size: 12.5, bold: true, above: 12, rule: true})
		for _, t := range sec.Text {
			list = append(list, textBlock{role: "P", text: t, size: bodySize, above: 3})
		}
		for _, item := range sec.Items {
			list = append(list, textBlock{role: "LI", text: item, size: bodySize, above: 2.5, indent: 5})
		}
	}
	for i := range list {
		list[i].text = s.fit(list[i].text, list[i].bold)
	}
	foot := s.fit(d.Foot, false)
	if s.missing > 0 {
		foot += " " + s.fit(d.unprintable, false)
	}
	return append(list, textBlock{role: "P", text: foot, size: 8.2, foot: true})
}

func (s *sheet) fit(text string, bold bool) string {
	out, missing := drawable(text, s.faces(bold))
	s.missing += missing
	s.drawn += len([]rune(out))
	return out
}

func (s *sheet) faces(bold bool) []*face {
	if bold {
		return s.bold
	}
	return s.plain
}

// textLine is a line with its place.
type textLine struct {
	textBlock
	first     bool // of its block
	last      bool
	x, y      float64 // baseline
	top, tall float64 // of the block so far, for its frame
}

// layout places all blocks from top to bottom and tells whether they fit.
func (s *sheet) layout(blocks []textBlock) (lines []textLine, ok bool) {
	y := margin
	width := pageWidth - 2*margin
	foot := blocks[len(blocks)-1]
	bottom := pageHeight - margin - float64(len(s.wrap(foot, width)))*s.high(foot) - 3
	for _, b := range blocks {
		inner, left := width-b.indent, margin+b.indent
		if b.mark {
			inner, left = width-6, margin+3
		}
		y += b.above * s.scale * pointToMM
		if b.foot {
			y = bottom + 3
		}
		top := y
		if b.mark {
			y += 1.6
		}
		wrapped := s.wrap(b, inner)
		for i, text := range wrapped {
			l := textLine{textBlock: b, first: i == 0, last: i == len(wrapped)-1, x: left, y: y + 0.78*s.high(b), top: top}
			l.text = visual(text, s.rtl)
			if s.rtl {
				l.x = pageWidth - left - s.width(l.text, b)
			}
			y += s.high(b)
			lines = append(lines, l)
		}
		if b.mark {
			y += 1.6
		}
		lines[len(lines)-1].tall = y - top
		if !b.foot && y > bottom {
			return nil, false
		}
	}
	return lines, true
}

// high is the height of a line.
func (s *sheet) high(b textBlock) float64 {
	tight := leading
	if b.role == "H1" {
		tight = 1.2
	}
	return b.size * s.scale * tight * pointToMM
}

// wrap breaks a text into lines that fit.
func (s *sheet) wrap(b textBlock, width float64) (lines []string) {
	line := ""
	for _, word := range words(b.text) {
		if line != "" && s.width(line+strings.TrimRight(word, " "), b) > width {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
		}
		for s.width(strings.TrimRight(word, " "), b) > width { // a word longer than a line is broken anywhere
			n := s.longest(word, b, width)
			lines = append(lines, string([]rune(word)[:n]))
			word = string([]rune(word)[n:])
		}
		line += word
	}
	return append(lines, strings.TrimRight(line, " "))
}

func (s *sheet) longest(word string, b textBlock, width float64) int {
	runes := []rune(word)
	n := 1
	for n < len(runes) && s.width(string(runes[:n+1]), b) <= width {
		n++
	}
	return n
}

// words cuts a text where a line may end, each piece with the space behind it. Han, kana
// and hangul may be cut between any two characters (UAX #14, roughly).
func words(text string) (out []string) {
	start := 0
	var before rune
	for i, r := range text {
		if i > start && (before == ' ' && r != ' ' || ideograph(before) && r != ' ') {
			out = append(out, text[start:i])
			start = i
		}
		before = r
	}
	return append(out, text[start:])
}

func ideograph(r rune) bool {
	return unicode.IsOneOf([]*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul}, r)
}

// run is a piece of a line in one font.
type run struct {
	face *face
	text string
}

// runs cuts a text where the font changes.
func runs(text string, faces []*face) (out []run) {
	for _, r := range text {
		f := faceFor(faces, r)
		if len(out) == 0 || out[len(out)-1].face != f {
			out = append(out, run{face: f})
		}
		out[len(out)-1].text += string(r)
	}
	return out
}

// width is how wide a text is in millimetres. There is no kerning, so it is the sum of its
// characters, each measured once.
func (s *sheet) width(text string, b textBlock) float64 {
	units := 0.0
	faces := s.faces(b.bold)
	for _, r := range text {
		units += s.advance(faceFor(faces, r), r)
	}
	return units * b.size * s.scale * pointToMM
}

func (s *sheet) advance(f *face, r rune) float64 {
	w, ok := f.advances[r]
	if !ok {
		s.pdf.SetFont(f.name, "", bodySize)
		w = float64(s.pdf.GetStringSymbolWidth(string(r))) / 1000
		f.advances[r] = w
	}
	return w
}

// faceFor is the first face that has the character; the first of all where none has.
func faceFor(faces []*face, r rune) *face {
	for _, f := range faces {
		if f.has(r) {
			return f
		}
	}
	return faces[0]
}

// draw writes the lines, each block marked as one piece of the structure.
func (s *sheet) draw(lines []textLine) {
	for _, l := range lines {
		if l.first {
			s.ornament(l)
			s.begin(l.role)
		}
		s.colour(l)
		x := l.x
		if !l.last {
			l.text += " " // for whoever copies the text or has it read out
		}
		for _, r := range runs(l.text, s.faces(l.bold)) {
			s.pdf.SetFont(r.face.name, "", l.size*s.scale)
			s.pdf.Text(x, l.y, r.text)
			for _, c := range r.text {
				x += s.advance(r.face, c) * l.size * s.scale * pointToMM
			}
		}
		if !l.last {
			continue
		}
		s.end()
		s.artifact(func() { s.frame(l) })
	}
}

func (s *sheet) colour(l textLine) {
	switch {
	case l.mark:
		s.pdf.SetTextColor(138, 28, 28)
	case l.foot:
		s.pdf.SetTextColor(68, 68, 68)
	default:
		s.pdf.SetTextColor(17, 17, 17)
	}
}

// ornament draws what stands before the first line: the bullet of a list, the rule above
// the foot.
func (s *sheet) ornament(l textLine) {
	s.artifact(func() {
		switch {
		case l.role == "LI":
			x := margin + 2.0
			if s.rtl {
				x = pageWidth - margin - 2
			}
			s.pdf.SetFillColor(17, 17, 17)
			s.pdf.Circle(x, l.y-0.34*l.size*s.scale*pointToMM, 0.55, "F")
		case l.foot:
			s.pdf.SetDrawColor(118, 118, 118)
			s.pdf.SetLineWidth(0.2)
			s.pdf.Line(margin, l.top-1.2, pageWidth-margin, l.top-1.2)
		}
	})
}

// frame draws what stands around or below a block once its height is known.
func (s *sheet) frame(l textLine) {
	switch {
	case l.mark:
		s.pdf.SetDrawColor(138, 28, 28)
		s.pdf.SetLineWidth(0.5)
		s.pdf.Rect(margin, l.top, pageWidth-2*margin, l.tall, "D")
	case l.rule:
		s.pdf.SetDrawColor(118, 118, 118)
		s.pdf.SetLineWidth(0.2)
		s.pdf.Line(margin, l.top+l.tall, pageWidth-margin, l.top+l.tall)
	}
}

// finish writes the file. Its dates are those of the document, so that the same document
// is the same bytes.
func (s *sheet) finish(d Document, made time.Time) ([]byte, error) {
	s.pdf.SetTitle(d.Title, true)
	s.pdf.SetLang(d.Language)
	s.pdf.SetProducer("Portcullis", false)
	s.pdf.SetCreationDate(made.UTC())
	s.pdf.SetModificationDate(made.UTC())
	s.pdf.SetCatalogSort(true)
	var out bytes.Buffer
	if err := s.pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("write the PDF: %w", err)
	}
	return addStructure(out.Bytes(), s.marks)
}
