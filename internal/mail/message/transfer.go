package message

import (
	"bytes"
	"encoding/base64"
)

// base64Value maps a byte to its six bits, -1 for what is none.
var base64Value = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(alphabet) {
		t[alphabet[i]] = int8(i)
	}
	return t
}()

// decodeBase64 decodes base64 (RFC 2045 §6.8). Foreign characters are passed
// over; padding ends a group and decoding goes on after it, so that nothing
// hides behind a "=" in the middle. trouble is the offset of the first such
// place, -1 if there is none.
func decodeBase64(src []byte) (out []byte, trouble int) {
	out = make([]byte, base64.StdEncoding.DecodedLen(len(src)))
	if n, err := base64.StdEncoding.Decode(out, src); err == nil {
		return out[:n], -1
	}
	out, trouble = out[:0], -1
	for i := 0; i < len(src); {
		g := nextGroup(src, i)
		out = append(out, g.bytes[:g.n]...)
		if trouble < 0 && g.odd >= 0 {
			trouble = g.odd
		}
		if i = g.next; g.padded && trouble < 0 && len(bytes.TrimSpace(src[i:])) > 0 {
			trouble = i
		}
	}
	return out, trouble
}

// group is up to four characters of base64: the unit that offsets are kept in.
type group struct {
	bytes       [3]byte
	n           int
	start, next int // in the encoded bytes
	odd         int // offset of a foreign character, -1 for none
	padded      bool
}

func nextGroup(src []byte, i int) group {
	g := group{odd: -1, start: -1}
	var bits uint32
	have := 0
	for ; i < len(src) && have < 4; i++ {
		c := src[i]
		if v := base64Value[c]; v >= 0 {
			if g.start < 0 {
				g.start = i
			}
			bits = bits<<6 | uint32(v)
			have++
			continue
		}
		if c == '=' {
			g.padded = true
			for i < len(src) && src[i] == '=' {
				i++
			}
			break
		}
		if !isSpace(c) && g.odd < 0 {
			g.odd = i
		}
	}
	if g.start < 0 {
		g.start = i
	}
	g.next = i
	g.n = max(have*6/8, 0)
	bits <<= 6 * (4 - have)
	g.bytes = [3]byte{byte(bits >> 16), byte(bits >> 8), byte(bits)}
	return g
}

// decodeQP decodes quoted-printable (RFC 2045 §6.7). A "=" that begins nothing
// stays as it is; spaces before a line end go (rule 3).
func decodeQP(src []byte) (out []byte, trouble int) {
	out, trouble = make([]byte, 0, len(src)), -1
	for i := 0; i < len(src); {
		// The stretch up to the next byte that needs care is copied whole.
		j := bytes.IndexByte(src[i:], '=')
		if j < 0 {
			j = len(src) - i
		}
		out = appendTrimmed(out, src[i:i+j])
		if i += j; i >= len(src) {
			break
		}
		u := qpUnit(src, i)
		if u.odd && trouble < 0 {
			trouble = i
		}
		out = append(out, u.bytes[:u.n]...)
		i = u.next
	}
	return out, trouble
}

// appendTrimmed copies text without "=", dropping spaces that end a line.
func appendTrimmed(out, text []byte) []byte {
	for len(text) > 0 {
		nl := bytes.IndexByte(text, '\n')
		if nl < 0 {
			return append(out, text...)
		}
		end := nl
		if end > 0 && text[end-1] == '\r' {
			end--
		}
		kept := end
		for kept > 0 && (text[kept-1] == ' ' || text[kept-1] == '\t') {
			kept--
		}
		out = append(out, text[:kept]...)
		out = append(out, text[end:nl+1]...)
		text = text[nl+1:]
	}
	return out
}

// unit is what one step of a decoder reads and writes.
type unit struct {
	bytes [3]byte
	n     int
	next  int
	odd   bool
}

// qpUnit decodes what stands at i, where src[i] is "=".
func qpUnit(src []byte, i int) unit {
	if i+2 < len(src) && isHex(src[i+1]) && isHex(src[i+2]) {
		return unit{bytes: [3]byte{unhex(src[i+1])<<4 | unhex(src[i+2])}, n: 1, next: i + 3}
	}
	j := i + 1
	for j < len(src) && (src[j] == ' ' || src[j] == '\t') && j-i < 1000 {
		j++
	}
	switch {
	case j >= len(src):
		return unit{next: j}
	case src[j] == '\n':
		return unit{next: j + 1}
	case src[j] == '\r':
		if j+1 < len(src) && src[j+1] == '\n' {
			j++
		}
		return unit{next: j + 1}
	}
	return unit{bytes: [3]byte{'='}, n: 1, next: i + 1, odd: true}
}

// decodeUU decodes the first uuencoded file in src, from its "begin" line on.
func decodeUU(src []byte) []byte {
	var out []byte
	begun := false
	for len(src) > 0 {
		var line []byte
		line, src, _ = bytes.Cut(src, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		switch {
		case !begun:
			_, begun = uuName(line)
		case string(line) == "end":
			return out
		default:
			out = appendUULine(out, line)
		}
	}
	return out
}

func appendUULine(out, line []byte) []byte {
	if len(line) == 0 {
		return out
	}
	want := int(line[0]-' ') & 0x3f
	for line = line[1:]; want > 0 && len(line) > 0; line = line[min(4, len(line)):] {
		var v [4]byte
		for i := range v {
			if i < len(line) {
				v[i] = (line[i] - ' ') & 0x3f
			}
		}
		three := [3]byte{v[0]<<2 | v[1]>>4, v[1]<<4 | v[2]>>2, v[2]<<6 | v[3]}
		n := min(want, 3)
		out = append(out, three[:n]...)
		want -= n
	}
	return out
}

// uuName reads "begin 644 name".
func uuName(line []byte) (string, bool) {
	if !bytes.HasPrefix(line, []byte("begin ")) || len(line) < 11 || len(line) > 300 {
		return "", false
	}
	mode, name, ok := bytes.Cut(line[6:], []byte(" "))
	if !ok || len(mode) < 3 || len(mode) > 4 || len(name) == 0 {
		return "", false
	}
	for _, c := range mode {
		if c < '0' || c > '7' {
			return "", false
		}
	}
	return string(bytes.TrimSpace(name)), true
}
