package message

import (
	"strings"

	"golang.org/x/net/html/atom"
)

// maxItems bounds each list of an HTML value: more links than this in one mail
// say nothing more.
const maxItems = 20_000

// ScanHTML is what Part.HTML does, for HTML from elsewhere (files in archives,
// say).
func ScanHTML(text string, lim Limits) *HTML {
	h, _ := scanHTML(text, lim.orDefault())
	return h
}

// scanHTML goes through the tokens, not the tree: tokens keep their offsets,
// and cost a fifth. A small stack of open elements stands for the tree.
func scanHTML(text string, lim Limits) (h *HTML, cut string) {
	s := &htmlScan{
		out:     &HTML{},
		text:    text,
		lim:     lim,
		tokens:  lim.HTMLTokens,
		link:    -1,
		form:    -1,
		visible: writer{max: lim.HTMLTextMax},
		hidden:  writer{max: lim.HTMLTextMax},
	}
	s.stack = append(make([]element, 0, 48), element{style: rootStyle()})
	s.attrs = make([]attr, 0, 12)
	s.visible.Grow(min(len(text)/8, 32<<10))
	s.sheets(text)
	s.run(text, 0)
	s.closeLink()
	if s.cut == "" && (s.visible.full || s.hidden.full) {
		s.cut = "more text than is kept"
	}
	s.out.Text, s.out.Hidden, s.out.Title = s.visible.String(), s.hidden.String(), s.title.String()
	return s.out, s.cut
}

type htmlScan struct {
	out    *HTML
	text   string
	lim    Limits
	tokens int // left
	cut    string

	base        string // of <base href>
	conditional bool   // inside a comment that only Outlook reads
	stack       []element
	open        [256]int // open elements by bucket, so that a stray end tag costs nothing
	rules       map[selector][]declaration
	important   bool // some of the rules are
	attrs       []attr

	visible, hidden, title writer
	link                   int // the open link in out.Links, -1 for none
	linkText, linkHidden   int // where its text begins
	linkImage              bool
	form                   int // the open form in out.Forms, -1 for none
	inTitle                bool
}

// element is one open element.
type element struct {
	tag   atom.Atom
	name  string // where tag is 0
	style style
}

// run tokenizes text, whose first byte stands at offset base of the part's text.
func (s *htmlScan) run(text string, base int) {
	z := tokenizer{text: text, attrs: s.attrs[:0]}
	for {
		kind := z.next()
		if kind == noToken {
			break
		}
		if s.tokens--; s.tokens < 0 {
			s.cut = "more HTML tokens than are read"
			break
		}
		start, end := base+z.start, base+z.end
		switch kind {
		case textToken, rawToken:
			s.textToken(kind, start, end)
		case startToken:
			s.attrs = z.attrs
			s.startTag(element{tag: z.tag, name: z.name}, start, end)
		case endToken:
			s.endTag(z.tag, z.name)
		case commentToken:
			s.comment(start, end)
		}
	}
	s.attrs = z.attrs[:0]
	if z.start < len(text) && s.cut == "" { // a tag that never ends
		s.loose(text[z.start:], base+z.start, base+len(text))
	}
}

func (s *htmlScan) top() *element { return &s.stack[len(s.stack)-1] }

func (s *htmlScan) textToken(kind tokenKind, start, end int) {
	text := s.text[start:end]
	switch s.top().tag {
	case atom.Script:
		s.script("script", text, start, end)
		return
	case atom.Style: // read by sheets
		return
	case atom.Iframe, atom.Noembed, atom.Noframes, atom.Template:
		return
	}
	w := &s.visible
	switch {
	case s.inTitle:
		w = &s.title
		w.max = 4096
	case s.conditional:
		return
	case s.top().style.hidesText():
		w = &s.hidden
	}
	if kind == rawToken {
		w.write(text)
		return
	}
	w.writeDecoded(text)
}

// voids are elements without content.
func isVoid(a atom.Atom) bool {
	switch a {
	case atom.Img, atom.Br, atom.Hr, atom.Input, atom.Meta, atom.Link, atom.Base, atom.Area, atom.Col,
		atom.Embed, atom.Source, atom.Track, atom.Wbr, atom.Param, atom.Image, atom.Basefont, atom.Bgsound:
		return true
	}
	return false
}

// isBlock reports whether an element begins a new line.
func isBlock(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Div, atom.Br, atom.Hr, atom.Table, atom.Tr, atom.Td, atom.Th, atom.Li, atom.Ul, atom.Ol, atom.Dl, atom.Dt,
		atom.Dd, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Pre, atom.Center, atom.Form,
		atom.Section, atom.Article, atom.Header, atom.Footer, atom.Body, atom.Option, atom.Fieldset, atom.Address, atom.Main, atom.Caption:
		return true
	}
	return false
}

func (s *htmlScan) startTag(e element, start, end int) {
	s.impliedEnd(e.tag)
	e.style = s.styleOf(e.tag, e.name)
	if isBlock(e.tag) {
		s.visible.newline()
		s.hidden.newline()
	}
	s.collect(&e, start, end)
	if !isVoid(e.tag) {
		s.push(e)
	}
}

func (s *htmlScan) attr(name string) string {
	for i := range s.attrs {
		if s.attrs[i].key == name {
			return s.attrs[i].value()
		}
	}
	return ""
}

// maxOpen is how many open elements are told apart, as in browsers.
const maxOpen = 512

func bucket(tag atom.Atom, name string) int {
	if tag != 0 {
		return int(tag>>8) & 0x7f
	}
	return 0x80 | len(name)&0x7f
}

func (s *htmlScan) push(e element) {
	if e.tag == atom.Title {
		s.inTitle = len(s.stack) < 8 && s.title.Len() == 0
	}
	if len(s.stack) < maxOpen {
		s.stack = append(s.stack, e)
		s.open[bucket(e.tag, e.name)]++
	}
}

func (s *htmlScan) endTag(tag atom.Atom, name string) {
	switch tag {
	case atom.A:
		s.closeLink()
	case atom.Title:
		s.inTitle = false
	case atom.Form:
		s.form = -1
	}
	if isBlock(tag) {
		s.visible.newline()
		s.hidden.newline()
	}
	if tag != 0 {
		name = ""
	}
	if s.open[bucket(tag, name)] == 0 {
		return
	}
	for i := len(s.stack) - 1; i > 0; i-- {
		if s.stack[i].tag == tag && s.stack[i].name == name {
			s.popTo(i)
			return
		}
		if barrier(s.stack[i].tag) && !barrier(tag) {
			return // </b> does not close the table it stands in
		}
	}
}

// barrier reports whether an end tag of another kind leaves the element open.
func barrier(tag atom.Atom) bool {
	switch tag {
	case atom.Table, atom.Td, atom.Th, atom.Tr, atom.Tbody, atom.Body, atom.Html, atom.Div, atom.Select:
		return true
	}
	return false
}

func (s *htmlScan) popTo(n int) {
	for i := n; i < len(s.stack); i++ {
		s.open[bucket(s.stack[i].tag, s.stack[i].name)]--
	}
	s.stack = s.stack[:n]
}

// impliedEnd closes what HTML closes by itself when the tag begins: a <td> ends
// the one before it. Only a few levels are looked at.
func (s *htmlScan) impliedEnd(tag atom.Atom) {
	switch tag {
	case atom.P, atom.Li, atom.Td, atom.Th, atom.Tr, atom.Option, atom.Dt, atom.Dd:
	default:
		return
	}
	for i := len(s.stack) - 1; i > 0 && i > len(s.stack)-16; i-- {
		t := s.stack[i].tag
		switch {
		case t == tag, tag == atom.Td && t == atom.Th, tag == atom.Th && t == atom.Td, tag == atom.Dt && t == atom.Dd, tag == atom.Dd && t == atom.Dt:
			s.popTo(i)
			return
		case t == atom.Table, t == atom.Ul, t == atom.Ol, t == atom.Div, t == atom.Select,
			(t == atom.Td || t == atom.Th) && tag != atom.Tr:
			return
		}
	}
}

// comment opens conditional comments, which only Outlook reads (it renders with
// Word): what they fetch is fetched there.
func (s *htmlScan) comment(start, end int) {
	raw := s.text[start:end]
	if s.conditional || len(raw) < 12 {
		return
	}
	open := strings.Index(raw, "]>")
	if !strings.HasPrefix(raw, "<!--[if") || open < 0 {
		if strings.HasPrefix(raw, "<!--") { // a document type names the W3C's own
			s.loose(raw, start, end)
		}
		return
	}
	body := strings.TrimSuffix(raw[open+2:], "-->")
	if i := strings.LastIndex(body, "<!["); i >= 0 {
		body = body[:i]
	}
	depth, link, form := len(s.stack), s.link, s.form
	s.conditional, s.link = true, -1
	s.run(body, start+open+2)
	s.closeLink()
	s.conditional, s.link, s.form = false, link, form
	if len(s.stack) > depth {
		s.popTo(depth)
	}
}
