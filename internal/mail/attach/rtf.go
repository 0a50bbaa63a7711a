package attach

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// openRTF looks for objects, templates and fields. Writers of hostile RTF cut
// control words and hex apart in ways that Word forgives, so hex is collected
// across blanks, braces and control words.
func (in *inspection) openRTF(c content) {
	in.rtfObjects(c)
	in.rtfFields(c)
	if i := indexFold(c.data, `\*\template`); i >= 0 {
		end := min(i+600, len(c.data))
		target := rtfPlain(c.data[i+len(`\*\template`) : end])
		in.url(c, InRTF, target)
		if isRemote(target) {
			in.trait(c, KindRemoteTemplate, "template from "+target, i, end)
		}
	}
	urlsIn(c.data, func(u string, _, _ int) { in.url(c, InRTF, u) })
	in.addText(c, rtfText(c.data, in.b.Limits.Text))
}

func (in *inspection) rtfObjects(c content) {
	for at, n := 0, 0; n < 50; n++ {
		i := indexFold(c.data[at:], `\objdata`)
		if i < 0 {
			break
		}
		start := at + i
		data, end := rtfHex(c.data, start+len(`\objdata`))
		in.rtfObject(c, data, start, end)
		at = max(end, start+8)
	}
	for _, word := range []string{`\objautlink`, `\objupdate`, `\objlink`} {
		if i := indexFold(c.data, word); i >= 0 {
			in.trait(c, KindOLEObject, "object with "+word+", which loads without a click", i, i+len(word))
		}
	}
}

// rtfHex collects hex digits up to the end of the group.
func rtfHex(data []byte, at int) (out []byte, end int) {
	depth, half, have := 1, byte(0), false
	for ; at < len(data) && depth > 0; at++ {
		b := data[at]
		switch {
		case b == '{':
			depth++
		case b == '}':
			depth--
		case b == '\\':
			at = rtfSkipControl(data, at)
		case isHexDigit(b):
			if have {
				out = append(out, half<<4|hexValue(b))
			} else {
				half = hexValue(b)
			}
			have = !have
		}
	}
	return out, at
}

// rtfSkipControl returns the last index of the control word that begins at at.
func rtfSkipControl(data []byte, at int) int {
	i := at + 1
	if i < len(data) && !isLetter(data[i]) {
		if data[i] == '\'' {
			return min(i+2, len(data)-1)
		}
		return i
	}
	for i < len(data) && isLetter(data[i]) {
		i++
	}
	for i < len(data) && (isDigit(data[i]) || data[i] == '-') {
		i++
	}
	return i - 1
}

func isHexDigit(b byte) bool { return isDigit(b) || 'a' <= b|0x20 && b|0x20 <= 'f' }

func hexValue(b byte) byte {
	if isDigit(b) {
		return b - '0'
	}
	return b | 0x20 - 'a' + 10
}

// rtfObject reads an OLE 1 object (MS-OLEDS §2.2.4): version, format, class
// name, topic, item, data.
func (in *inspection) rtfObject(c content, data []byte, start, end int) {
	class := ""
	if len(data) > 12 {
		if n := int(binary.LittleEndian.Uint32(data[8:])); n > 0 && n < 256 && 12+n <= len(data) {
			class, _ = cString(append(data[12:12+n:12+n], 0))
		}
	}
	switch {
	case hasPrefixFold([]byte(class), "equation") || bytes.Contains(data, []byte(equationCLSID)) || containsFold(data[:min(len(data), 200)], "equation.3"):
		in.trait(c, KindEquationEditor, "object of class "+printable(firstOf(class, "Equation"), 40), start, end)
	case hasPrefixFold([]byte(class), "htmlfile") || hasPrefixFold([]byte(class), "ole2link"):
		in.trait(c, KindRemoteTemplate, "object of class "+printable(class, 40), start, end)
	default:
		in.trait(c, KindOLEObject, "object of class "+printable(firstOf(class, "unknown"), 40), start, end)
	}
	if i := bytes.Index(data, []byte(cfbMagic)); i >= 0 && in.b.takeMember() {
		in.member(c, "object", data[i:])
	} else if strings.EqualFold(class, "Package") {
		in.rtfPackage(c, data)
	}
	wide := utf16Bytes(data, true)
	urlsIn(data, func(u string, _, _ int) { in.url(c, InRTF, u) })
	urlsIn(wide, func(u string, _, _ int) { in.url(c, InRTF, u) })
}

// rtfPackage finds the package stream behind the three strings of an OLE 1 header.
func (in *inspection) rtfPackage(c content, data []byte) {
	rest := data[8:]
	for range 3 {
		if len(rest) < 4 {
			return
		}
		n := int(binary.LittleEndian.Uint32(rest))
		if n < 0 || n > len(rest)-4 {
			return
		}
		rest = rest[4+n:]
	}
	in.ole10Native(c, rest)
}

var rtfField = lazyRegexp(`(?is)\\fldinst\b(.*?)(?:\\fldrslt|$)`)

func (in *inspection) rtfFields(c content) {
	for _, m := range rtfField().FindAllSubmatchIndex(c.data, 500) {
		in.field(c, InRTF, rtfPlain(c.data[m[2]:m[3]]), m[0], m[1])
	}
}

// rtfPlain drops groups and control words, keeping the text.
func rtfPlain(data []byte) string { return strings.TrimSpace(rtfText(data, 4096)) }

// rtfText is the text of an RTF document, as far as it stands plainly.
func rtfText(data []byte, limit int) string {
	var out strings.Builder
	hidden := 0 // depth of a destination that holds no text
	depth := 0
	for i := 0; i < len(data) && out.Len() < limit; i++ {
		switch b := data[i]; {
		case b == '{':
			depth++
			if hidden == 0 && depth > 1 && rtfDestination(data[i+1:]) {
				hidden = depth
			}
		case b == '}':
			if depth == hidden {
				hidden = 0
			}
			depth--
		case b == '\\':
			end := rtfSkipControl(data, i)
			if hidden == 0 {
				rtfWord(&out, data[i:end+1])
			}
			if end+1 < len(data) && data[end+1] == ' ' && isLetter(data[min(i+1, len(data)-1)]) {
				end++
			}
			i = end
		case hidden == 0 && b != '\r' && b != '\n':
			out.WriteByte(b)
		}
	}
	return strings.ToValidUTF8(out.String(), "\ufffd")
}

func rtfDestination(rest []byte) bool {
	for _, d := range []string{`\fonttbl`, `\colortbl`, `\stylesheet`, `\info`, `\pict`, `\*`, `\object`, `\objdata`} {
		if hasPrefixFold(rest, d) {
			return true
		}
	}
	return false
}

func rtfWord(out *strings.Builder, word []byte) {
	switch w := string(word); {
	case w == `\par` || w == `\line` || w == `\row`:
		out.WriteByte('\n')
	case w == `\tab` || w == `\cell`:
		out.WriteByte('\t')
	case len(w) == 4 && w[1] == '\'' && isHexDigit(w[2]) && isHexDigit(w[3]):
		out.WriteRune(rune(hexValue(w[2])<<4 | hexValue(w[3])))
	case w == `\\` || w == `\{` || w == `\}`:
		out.WriteByte(w[1])
	}
}
