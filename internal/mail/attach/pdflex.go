package attach

import (
	"bytes"
	"strconv"
)

// The objects of a PDF (ISO 32000-1 §7.3), read without trust: the cross
// reference table is ignored, since hostile and damaged files have none or a
// false one, and every "n g obj" in the file is read instead.

type (
	pdfName   string
	pdfString []byte
	pdfArray  []any
	pdfDict   map[pdfName]any
	pdfRef    int // object number; generations do not matter here
	pdfWord   string
)

const maxPDFNesting = 40

// pdfLexer reads tokens and values.
type pdfLexer struct {
	data    []byte
	at      int
	content bool // content streams hold no references
}

func pdfSpace(b byte) bool {
	return b == ' ' || b == '\n' || b == '\r' || b == '\t' || b == '\f' || b == 0
}

func pdfDelimiter(b byte) bool {
	switch b {
	case '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	}
	return false
}

func (l *pdfLexer) space() {
	for l.at < len(l.data) {
		switch b := l.data[l.at]; {
		case pdfSpace(b):
			l.at++
		case b == '%':
			for l.at < len(l.data) && l.data[l.at] != '\n' && l.data[l.at] != '\r' {
				l.at++
			}
		default:
			return
		}
	}
}

// value reads the next value; nil at the end or on what cannot be read, which
// is then skipped.
func (l *pdfLexer) value(depth int) any {
	l.space()
	if l.at >= len(l.data) || depth > maxPDFNesting {
		l.at = len(l.data)
		return nil
	}
	switch b := l.data[l.at]; {
	case b == '/':
		return l.name()
	case b == '(':
		return l.literal()
	case b == '<' && l.at+1 < len(l.data) && l.data[l.at+1] == '<':
		l.at += 2
		return l.dict(depth)
	case b == '<':
		return l.hex()
	case b == '[':
		l.at++
		return l.array(depth)
	case b == '>' && l.at+1 < len(l.data) && l.data[l.at+1] == '>':
		l.at += 2
		return pdfWord(">>")
	case pdfDelimiter(b):
		l.at++
		return pdfWord(string(b))
	}
	return l.number()
}

// number reads a number, a reference "n g R" or a keyword.
func (l *pdfLexer) number() any {
	word := l.word()
	n, ok := pdfNumber(word)
	if !ok {
		return operator(word)
	}
	if l.content || n < 0 || n != float64(int(n)) {
		return n
	}
	save := l.at
	l.space()
	if gen := l.digits(); gen > 0 {
		l.space()
		if l.at < len(l.data) && l.data[l.at] == 'R' && (l.at+1 == len(l.data) || pdfSpace(l.data[l.at+1]) || pdfDelimiter(l.data[l.at+1])) {
			l.at++
			return pdfRef(int(n))
		}
	}
	l.at = save
	return n
}

// operator turns a word into a value; the commonest without allocating.
func operator(word []byte) any {
	switch string(word) {
	case "Td":
		return pdfWord("Td")
	case "Tj":
		return pdfWord("Tj")
	case "TJ":
		return pdfWord("TJ")
	case "Tf":
		return pdfWord("Tf")
	case "Tm":
		return pdfWord("Tm")
	case "re":
		return pdfWord("re")
	case "m":
		return pdfWord("m")
	case "l":
		return pdfWord("l")
	case "c":
		return pdfWord("c")
	case "f":
		return pdfWord("f")
	case "BT":
		return pdfWord("BT")
	case "ET":
		return pdfWord("ET")
	}
	return pdfWord(word)
}

func (l *pdfLexer) digits() int {
	start := l.at
	for l.at < len(l.data) && isDigit(l.data[l.at]) && l.at-start < 6 {
		l.at++
	}
	return l.at - start
}

func (l *pdfLexer) word() []byte {
	start := l.at
	for l.at < len(l.data) && !pdfSpace(l.data[l.at]) && !pdfDelimiter(l.data[l.at]) {
		l.at++
	}
	return l.data[start:l.at]
}

// pdfNumber parses the plain decimals that PDF knows.
func pdfNumber(word []byte) (float64, bool) {
	if len(word) == 0 || len(word) > 24 || !isDigit(word[0]) && word[0] != '-' && word[0] != '+' && word[0] != '.' {
		return 0, false
	}
	n, small := 0, len(word) < 10
	for _, b := range word {
		if !isDigit(b) {
			small = false
			break
		}
		n = n*10 + int(b-'0')
	}
	if small {
		return float64(n), true
	}
	f, err := strconv.ParseFloat(string(word), 64)
	return f, err == nil
}

// name reads /Name with #xx escapes undone: /JavaScript may stand as /J#61vaScript.
func (l *pdfLexer) name() pdfName {
	l.at++
	raw := l.word()
	if bytes.IndexByte(raw, '#') < 0 {
		return pdfName(raw)
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '#' && i+2 < len(raw) && isHexDigit(raw[i+1]) && isHexDigit(raw[i+2]) {
			out = append(out, hexValue(raw[i+1])<<4|hexValue(raw[i+2]))
			i += 2
			continue
		}
		out = append(out, raw[i])
	}
	return pdfName(out)
}

// literal reads (string) with its escapes (§7.3.4.2).
func (l *pdfLexer) literal() pdfString {
	l.at++
	if i := bytes.IndexAny(l.data[l.at:min(l.at+4096, len(l.data))], `()\`); i >= 0 && l.data[l.at+i] == ')' {
		s := pdfString(l.data[l.at : l.at+i : l.at+i])
		l.at += i + 1
		return s
	}
	out := pdfString{}
	for depth := 1; l.at < len(l.data); l.at++ {
		switch b := l.data[l.at]; b {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				l.at++
				return out
			}
		case '\\':
			out = l.escape(out)
			continue
		}
		out = append(out, l.data[l.at])
	}
	return out
}

// escape reads one escape and leaves the position on its last byte.
func (l *pdfLexer) escape(out pdfString) pdfString {
	l.at++
	if l.at >= len(l.data) {
		return out
	}
	switch b := l.data[l.at]; b {
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case '\r':
		if l.at+1 < len(l.data) && l.data[l.at+1] == '\n' {
			l.at++
		}
		return out
	case '\n':
		return out
	case '0', '1', '2', '3', '4', '5', '6', '7':
		v := 0
		for n := 0; n < 3 && l.at < len(l.data) && l.data[l.at] >= '0' && l.data[l.at] <= '7'; n++ {
			v = v*8 + int(l.data[l.at]-'0')
			l.at++
		}
		l.at--
		return append(out, byte(v))
	default:
		return append(out, b)
	}
}

func (l *pdfLexer) hex() pdfString {
	l.at++
	out := pdfString{}
	half, have := byte(0), false
	for l.at < len(l.data) {
		b := l.data[l.at]
		l.at++
		if b == '>' {
			break
		}
		if !isHexDigit(b) {
			continue
		}
		if have {
			out = append(out, half<<4|hexValue(b))
		} else {
			half = hexValue(b)
		}
		have = !have
	}
	if have {
		out = append(out, half<<4)
	}
	return out
}

func (l *pdfLexer) array(depth int) pdfArray {
	out := pdfArray{}
	for l.at < len(l.data) && len(out) < 100_000 {
		v := l.value(depth + 1)
		if v == pdfWord("]") || v == pdfWord("endobj") || v == pdfWord("stream") {
			break
		}
		if v != nil {
			out = append(out, v)
		}
	}
	return out
}

func (l *pdfLexer) dict(depth int) pdfDict {
	out := pdfDict{}
	for l.at < len(l.data) && len(out) < 50_000 {
		key := l.value(depth + 1)
		if key == pdfWord(">>") || key == pdfWord("endobj") || key == pdfWord("stream") {
			break
		}
		name, ok := key.(pdfName)
		if !ok {
			continue
		}
		v := l.value(depth + 1)
		if v == pdfWord(">>") {
			break
		}
		out[name] = v
	}
	return out
}
