package message

import (
	"unicode/utf16"
	"unicode/utf8"
)

// decodeUTF7 reads UTF-7 (RFC 2152): ASCII, with runs of base64 over UTF-16
// between "+" and the first character that is none of base64's. Old attacks hide
// markup in it, so it is read even though nobody writes it any more.
func decodeUTF7(raw []byte) string {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		if raw[i] != '+' {
			out = append(out, asciiOrReplacement(raw[i])...)
			i++
			continue
		}
		i++
		if i < len(raw) && raw[i] == '-' {
			out = append(out, '+')
			i++
			continue
		}
		var n int
		out, n = appendUTF7Run(out, raw[i:])
		i += n
		if i < len(raw) && raw[i] == '-' {
			i++
		}
	}
	return string(out)
}

func asciiOrReplacement(c byte) string {
	if c < 0x80 {
		return string(rune(c))
	}
	return string(utf8.RuneError)
}

func appendUTF7Run(out, raw []byte) ([]byte, int) {
	var bits uint32
	var have, n int
	var high rune
	for ; n < len(raw); n++ {
		v := base64Value[raw[n]]
		if v < 0 {
			break
		}
		bits = bits<<6 | uint32(v)
		if have += 6; have < 16 {
			continue
		}
		have -= 16
		unit := rune(bits >> have & 0xffff)
		bits &= 1<<have - 1
		switch {
		case utf16.IsSurrogate(unit) && high == 0:
			high = unit
			continue
		case high != 0:
			unit = utf16.DecodeRune(high, unit)
			high = 0
		}
		out = utf8.AppendRune(out, unit)
	}
	return out, n
}
