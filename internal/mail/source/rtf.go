package source

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
)

// rtfBody is what an RTF body stands for.
type rtfBody struct {
	text string
	html bool // text is the HTML that was wrapped in RTF
}

// readRTF takes the text out of an RTF body: the original HTML or plain text
// where RTF only wraps it (\fromhtml, \fromtext; MS-OXRTFEX §2.1.3), the
// visible text otherwise.
func readRTF(rtf []byte, limit int) rtfBody {
	head := rtf[:min(len(rtf), 1<<10)]
	r := rtfReader{in: rtf, limit: limit, docPage: cpWestern, fonts: map[int]int{}, html: bytes.Contains(head, []byte(`\fromhtml1`))}
	r.state = rtfState{ucSkip: 1}
	r.run()
	return rtfBody{text: r.out.String(), html: r.html}
}

// rtfState is what a group saves and restores.
type rtfState struct {
	skip   bool // a destination that is not text
	tag    bool // inside {\*\htmltag …}: literal HTML
	hidden bool // \htmlrtf: RTF that only repeats what htmltag says
	fonts  bool // inside \fonttbl
	font   int
	ucSkip int // \uc: characters that stand in for one \u
}

type rtfReader struct {
	in       []byte
	at       int
	out      strings.Builder
	limit    int
	html     bool
	docPage  int
	fonts    map[int]int // font number to code page
	state    rtfState
	stack    []rtfState
	star     bool   // \* was just read
	pending  []byte // bytes of a code page, to be decoded together
	wide     []uint16
	standIns int // characters still to be skipped behind \u
}

// maxRTFDepth bounds the stack; deeper groups share their parent's state.
const maxRTFDepth = 10_000

func (r *rtfReader) run() {
	for r.at < len(r.in) && r.out.Len() < r.limit {
		c := r.in[r.at]
		r.at++
		switch c {
		case '{':
			r.flush()
			if len(r.stack) < maxRTFDepth {
				r.stack = append(r.stack, r.state)
			}
			r.star, r.standIns = false, 0
		case '}':
			r.flush()
			if n := len(r.stack); n > 0 {
				r.state, r.stack = r.stack[n-1], r.stack[:n-1]
			}
			r.star, r.standIns = false, 0
		case '\\':
			r.control()
		case '\r', '\n', 0:
		default:
			r.char(c)
		}
	}
	r.flush()
}

// control reads a control word or symbol.
func (r *rtfReader) control() {
	if r.at >= len(r.in) {
		return
	}
	c := r.in[r.at]
	if c|0x20 < 'a' || c|0x20 > 'z' {
		r.at++
		r.symbol(c)
		return
	}
	start := r.at
	for r.at < len(r.in) && r.in[r.at]|0x20 >= 'a' && r.in[r.at]|0x20 <= 'z' {
		r.at++
	}
	word := string(r.in[start:min(r.at, start+32)])
	digits := r.at
	if r.at < len(r.in) && r.in[r.at] == '-' {
		r.at++
	}
	for r.at < len(r.in) && r.in[r.at] >= '0' && r.in[r.at] <= '9' {
		r.at++
	}
	param, err := strconv.Atoi(string(r.in[digits:min(r.at, digits+10)]))
	if r.at < len(r.in) && r.in[r.at] == ' ' {
		r.at++
	}
	r.word(word, param, err == nil)
}

func (r *rtfReader) symbol(c byte) {
	switch c {
	case '\'':
		if r.at+2 <= len(r.in) {
			v, err := strconv.ParseUint(string(r.in[r.at:r.at+2]), 16, 8)
			r.at += 2
			if err == nil {
				r.char(byte(v))
			}
		}
	case '*':
		r.star = true
	case '\\', '{', '}':
		r.char(c)
	case '~':
		r.text("\u00a0")
	case '_':
		r.text("-")
	case '\r', '\n':
		r.text("\r\n")
	}
}

// word acts on a control word. Words that change the look only are passed over.
func (r *rtfReader) word(word string, n int, has bool) {
	star := r.star
	r.star = false
	if word != "u" {
		r.flush()
	}
	switch word {
	case "par", "line", "sect", "page", "row":
		r.text("\r\n")
	case "tab", "cell":
		r.text("\t")
	case "u":
		r.unicode(n)
	case "uc":
		r.state.ucSkip = max(0, min(n, 16))
	case "bin":
		r.at += max(0, min(n, len(r.in)-r.at))
	case "ansicpg":
		r.docPage = n
	case "f", "deff":
		r.state.font = n
	case "fcharset":
		if r.state.fonts && len(r.fonts) < 10_000 {
			r.fonts[r.state.font] = fontCodepage(n)
		}
	case "htmltag":
		r.state.tag, r.state.skip = r.html, !r.html
	case "htmlrtf":
		r.state.hidden = r.html && (!has || n != 0)
	case "fonttbl":
		r.state.fonts, r.state.skip = true, true
	case "colortbl", "stylesheet", "info", "pict", "object", "header", "footer", "headerl", "headerr", "footerl", "footerr", "mhtmltag", "fldinst", "pntext":
		r.state.skip = true
	default:
		if s, ok := rtfSymbols[word]; ok {
			r.text(s)
		} else if star {
			r.state.skip = true // a destination that need not be understood
		}
	}
}

var rtfSymbols = map[string]string{
	"lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•",
	"endash": "–", "emdash": "—", "enspace": "\u2002", "emspace": "\u2003", "zwj": "\u200d", "zwnj": "\u200c",
	"ltrmark": "\u200e", "rtlmark": "\u200f",
}

// visible tells whether text here is part of the body.
func (r *rtfReader) visible() bool {
	return !r.state.skip && (r.state.tag || !r.state.hidden)
}

func (r *rtfReader) text(s string) {
	if r.visible() {
		r.flush()
		r.out.WriteString(s)
	}
}

// char takes one byte of text in the current code page.
func (r *rtfReader) char(c byte) {
	r.star = false
	switch {
	case r.standIns > 0:
		r.standIns--
	case r.visible():
		r.flushWide()
		r.pending = append(r.pending, c)
	}
}

func (r *rtfReader) unicode(n int) {
	r.flushBytes()
	if r.visible() {
		r.wide = append(r.wide, uint16(n))
	}
	r.standIns = r.state.ucSkip
}

func (r *rtfReader) flush() {
	r.flushBytes()
	r.flushWide()
}

func (r *rtfReader) flushBytes() {
	if len(r.pending) == 0 {
		return
	}
	page := r.fonts[r.state.font]
	if page == 0 || r.state.tag {
		page = r.docPage
	}
	r.out.WriteString(codepageOf(page).decode(r.pending))
	r.pending = r.pending[:0]
}

func (r *rtfReader) flushWide() {
	if len(r.wide) > 0 {
		r.out.WriteString(string(utf16.Decode(r.wide)))
		r.wide = r.wide[:0]
	}
}
