package message

import (
	"strconv"
	"strings"

	"golang.org/x/net/html/atom"
)

// style is what decides whether an element can be seen.
type style struct {
	none          bool   // taken out with all it holds: display:none, opacity 0, no size, off-screen
	invisible     bool   // visibility:hidden, which a child can undo
	tiny          bool   // font of at most one pixel
	fg, bg        colour // in force here
	width, height int    // the element's own, -1 unknown
}

func rootStyle() style {
	return style{fg: 0, bg: 0xffffff, width: -1, height: -1}
}

func (s *style) gone() bool { return s.none || s.invisible }

func (s *style) hidesText() bool {
	return s.gone() || s.tiny || s.fg == transparent || near(s.fg, s.bg)
}

// box is what of an element's style only counts together.
type box struct {
	clipped, absolute bool
	away              bool // left, top: count when positioned
	maxWidth, maxH    int
}

// declaration is one "property: value" of those that matter here.
type declaration struct{ property, value string }

// styleOf works out the style of an element whose attributes are in s.attrs:
// attributes first, then rules, then the style attribute, then rules marked
// important.
func (s *htmlScan) styleOf(tag atom.Atom, name string) style {
	st := s.top().style
	st.width, st.height = -1, -1
	if tag == atom.A {
		st.fg = 0x0000ee
	}
	b := box{maxWidth: -1, maxH: -1}
	class, id, inline := "", "", ""
	for i := len(s.attrs) - 1; i >= 0; i-- { // of two of one name the first counts
		switch a := &s.attrs[i]; a.key {
		case "class":
			class = a.value()
		case "id":
			id = a.value()
		case "style":
			inline = a.value()
		case "hidden":
			st.none = true
		case "bgcolor":
			st.setBackground(colourAttr(a.value()))
		case "background":
			st.bg = unknownColour
		case "color", "text":
			if tag == atom.Font || tag == atom.Body || tag == atom.Basefont {
				st.fg = colourAttr(a.value())
			}
		}
	}
	if len(s.rules) > 0 {
		s.applyRules(tag, class, id, false, &st, &b)
	}
	if inline != "" {
		eachDeclaration(inline, func(property, value string) {
			if matters(property) {
				value, _ = cutImportant(value)
				st.apply(&b, property, value)
			}
		})
	}
	if s.important {
		s.applyRules(tag, class, id, true, &st, &b)
	}
	st.settle(&b)
	return st
}

// selector is a simple selector: a tag, a class or id, or both.
type selector struct {
	tag       atom.Atom
	kind      byte // '.', '#', 0
	important bool
	name      string
}

func (s *htmlScan) applyRules(tag atom.Atom, class, id string, important bool, st *style, b *box) {
	apply := func(sel selector) {
		for _, d := range s.rules[sel] {
			st.apply(b, d.property, d.value)
		}
	}
	apply(selector{tag: tag, important: important})
	for class != "" {
		class = strings.TrimLeft(class, " \t\r\n")
		end := strings.IndexAny(class, " \t\r\n")
		if end < 0 {
			end = len(class)
		}
		if end > 0 {
			apply(selector{kind: '.', name: class[:end], important: important})
			apply(selector{tag: tag, kind: '.', name: class[:end], important: important})
		}
		class = class[end:]
	}
	if id != "" {
		apply(selector{kind: '#', name: id, important: important})
		apply(selector{tag: tag, kind: '#', name: id, important: important})
	}
}

// matters reports whether apply does something with the property.
func matters(property string) bool {
	switch property {
	case "display", "visibility", "opacity", "font-size", "font", "width", "height", "max-height", "max-width", "overflow",
		"position", "left", "top", "right", "bottom", "text-indent", "margin-left", "margin-top", "color", "background", "background-color", "clip", "transform":
		return true
	}
	return false
}

func (s *style) apply(b *box, property, value string) {
	switch property {
	case "display":
		if strings.EqualFold(value, "none") {
			s.none = true
		}
	case "visibility":
		s.invisible = strings.EqualFold(value, "hidden") || strings.EqualFold(value, "collapse")
	case "opacity":
		if f, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64); err == nil && f < 0.02 {
			s.none = true
		}
	case "font-size":
		s.fontSize(value)
	case "font":
		for _, w := range strings.Fields(value) {
			if w, _, _ = strings.Cut(w, "/"); w != "" && (w[0] >= '0' && w[0] <= '9' || w[0] == '.') && strings.TrimLeft(w, "0123456789.") != "" {
				s.fontSize(w)
			}
		}
	case "color":
		s.fg = parseColour(value)
	case "background", "background-color":
		s.setBackground(backgroundColour(value))
	default:
		s.applyBox(b, property, value)
	}
}

func (s *style) applyBox(b *box, property, value string) {
	switch property {
	case "width":
		s.width = pixels(value)
	case "height":
		s.height = pixels(value)
	case "max-height":
		b.maxH = pixels(value)
	case "max-width":
		b.maxWidth = pixels(value)
	case "overflow":
		b.clipped = strings.EqualFold(value, "hidden") || strings.EqualFold(value, "clip")
	case "position":
		b.absolute = strings.EqualFold(value, "absolute") || strings.EqualFold(value, "fixed")
	case "left", "top", "right", "bottom":
		b.away = b.away || farOff(value)
	case "text-indent", "margin-left", "margin-top":
		if farOff(value) {
			s.none = true
		}
	case "clip":
		b.away = b.away || strings.HasPrefix(strings.ReplaceAll(value, " ", ""), "rect(0") && strings.Count(value, "0")+strings.Count(value, "1") >= 4
	case "transform":
		if strings.HasPrefix(value, "scale(0)") || strings.HasPrefix(value, "scale(0,") {
			s.none = true
		}
	}
}

// farOff reports a shift of five hundred pixels or more to where nobody looks.
func farOff(value string) bool {
	if !strings.HasPrefix(value, "-") {
		return false
	}
	n := pixels(value[1:])
	return n >= 500
}

func (s *style) fontSize(value string) {
	if n := pixels(value); n >= 0 {
		s.tiny = n <= 1
	} else if strings.TrimLeft(value, "0.") == "%" {
		s.tiny = true
	} else if strings.HasSuffix(value, "px") || strings.HasSuffix(value, "pt") {
		s.tiny = false
	}
}

func (s *style) setBackground(c colour) {
	if c != transparent {
		s.bg = c
	}
}

// settle draws the conclusions from the box. A height of zero hides what
// overflows only together with overflow:hidden, max-height:0 in every mail
// program that knows it.
func (s *style) settle(b *box) {
	switch {
	case b.absolute && b.away,
		b.maxH == 0,
		b.clipped && (s.height >= 0 && s.height <= 2 || s.width >= 0 && s.width <= 2),
		b.clipped && (b.maxWidth >= 0 && b.maxWidth <= 2 || b.maxH >= 0 && b.maxH <= 2):
		s.none = true
	}
}

// pixels reads a length; -1 is unknown: percentages, auto, nothing.
func pixels(s string) int {
	s = strings.TrimSpace(s)
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.') {
		end++
	}
	if end == 0 || end > 12 {
		return -1
	}
	if end == len(s) || strings.EqualFold(s[end:], "px") {
		if n, err := strconv.Atoi(s[:end]); err == nil {
			return n
		}
	}
	f, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return -1
	}
	switch unit := strings.ToLower(strings.TrimSpace(s[end:])); unit {
	case "", "px":
	case "pt":
		f = f * 4 / 3
	case "em", "rem":
		f *= 16
	case "ex":
		f *= 8
	case "in":
		f *= 96
	case "cm":
		f *= 38
	case "mm":
		f *= 3.8
	default:
		return -1
	}
	return int(f)
}
