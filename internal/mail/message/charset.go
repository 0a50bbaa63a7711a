package message

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// charsetForm is how bytes become text; it decides how text offsets lead back to bytes.
type charsetForm uint8

const (
	formUTF8   charsetForm = iota // as it is
	formMended                    // UTF-8 with stray bytes, each read as windows-1252
	formSingle                    // one byte, one character
	formWide                      // anything else; offsets within it are not kept
)

// decodeCharset turns bytes into UTF-8. The charset is the one stated, lower
// case. What the mail says about its charset is often wrong, so bytes that are
// UTF-8 are read as UTF-8 where a plain 8-bit charset is stated: text in those
// is UTF-8 by chance almost never. An unknown charset is read as windows-1252,
// which loses no byte. kind is the defect, "" for none.
func decodeCharset(raw []byte, charset string) (text string, form charsetForm, table *charmap.Charmap, kind DefectKind) {
	ascii := isASCII(raw)
	switch classOf(charset) {
	case classUTF8:
		if ascii || utf8.Valid(raw) {
			return string(raw), formUTF8, nil, ""
		}
		return mend(raw), formMended, charmap.Windows1252, WrongCharset
	case classUTF16:
		return decodeUTF16(raw, charset), formWide, nil, ""
	case classUTF7:
		return decodeUTF7(raw), formWide, nil, ""
	}
	if ascii && !escapes(charset) {
		return string(raw), formUTF8, nil, ""
	}
	enc, known := lookupCharset(charset)
	single, _ := enc.(*charmap.Charmap)
	if (enc == nil || single != nil) && utf8.Valid(raw) {
		kind := WrongCharset
		if charset == "" {
			kind = ""
		}
		return string(raw), formUTF8, nil, kind
	}
	if enc == nil {
		if !known {
			kind = UnknownCharset
		}
		single = charmap.Windows1252
	}
	if single != nil {
		return decodeSingle(raw, single), formSingle, single, kind
	}
	out, err := enc.NewDecoder().Bytes(raw)
	if err != nil {
		return decodeSingle(raw, charmap.Windows1252), formSingle, charmap.Windows1252, WrongCharset
	}
	return string(out), formWide, nil, ""
}

// decodeLenient is decodeCharset for headers, where nothing points back.
func decodeLenient(raw []byte, charset string) string {
	text, _, _, _ := decodeCharset(raw, strings.ToLower(charset))
	return text
}

type charsetClass uint8

const (
	classOther charsetClass = iota
	classUTF8
	classUTF16
	classUTF7
)

func classOf(charset string) charsetClass {
	switch charset {
	case "utf-8", "utf8", "unicode-1-1-utf-8", "utf-8n", "utf_8":
		return classUTF8
	case "utf-16", "utf-16le", "utf-16be", "utf16", "unicode", "ucs-2", "iso-10646-ucs-2":
		return classUTF16
	case "utf-7", "utf7", "unicode-1-1-utf-7", "x-unicode-1-1-utf-7", "csunicode11utf7":
		return classUTF7
	}
	return classOther
}

// escapes reports whether ASCII bytes mean something else in the charset.
func escapes(charset string) bool {
	return strings.HasPrefix(charset, "iso-2022") || strings.HasPrefix(charset, "csiso2022") ||
		strings.HasPrefix(charset, "hz-") || strings.HasPrefix(charset, "ibm") || strings.HasPrefix(charset, "utf-32")
}

// lookupCharset returns no encoding for the unknown, and for what browsers read
// as windows-1252: Latin-1, ASCII, and nothing stated.
func lookupCharset(name string) (enc encoding.Encoding, known bool) {
	switch name {
	case "", "us-ascii", "ascii", "ansi_x3.4-1968", "iso-8859-1", "iso8859-1", "latin1", "windows-1252", "cp1252":
		return nil, true
	case "cp932", "windows-31j":
		name = "shift_jis"
	case "cp936", "x-gbk", "gb_2312-80":
		name = "gbk"
	case "cp949", "ks_c_5601", "ms949":
		name = "euc-kr"
	case "cp950", "big5-hkscs:2004":
		name = "big5"
	}
	if rest, ok := strings.CutPrefix(name, "cp125"); ok {
		name = "windows-125" + rest
	}
	if enc, err := htmlindex.Get(name); err == nil {
		return enc, true
	}
	enc, err := ianaindex.MIME.Encoding(name)
	if err != nil || enc == nil {
		return nil, false
	}
	return enc, true
}

func isASCII(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
	}
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func decodeSingle(raw []byte, table *charmap.Charmap) string {
	var out strings.Builder
	out.Grow(len(raw) + len(raw)/8)
	for len(raw) > 0 {
		n := 0
		for n < len(raw) && raw[n] < 0x80 {
			n++
		}
		out.Write(raw[:n])
		for ; n < len(raw) && raw[n] >= 0x80; n++ {
			out.WriteRune(table.DecodeByte(raw[n]))
		}
		raw = raw[n:]
	}
	return out.String()
}

// mend reads each byte that is not UTF-8 as windows-1252.
func mend(raw []byte) string {
	var out strings.Builder
	out.Grow(len(raw) + 16)
	for len(raw) > 0 {
		r, n := utf8.DecodeRune(raw)
		if r == utf8.RuneError && n == 1 {
			r = charmap.Windows1252.DecodeByte(raw[0])
		}
		out.WriteRune(r)
		raw = raw[n:]
	}
	return out.String()
}

// decodeUTF16 goes by the byte order mark, then by the name, then by where the
// zero bytes of ASCII characters stand.
func decodeUTF16(raw []byte, charset string) string {
	big := strings.HasSuffix(charset, "be")
	switch {
	case len(raw) >= 2 && raw[0] == 0xfe && raw[1] == 0xff:
		big, raw = true, raw[2:]
	case len(raw) >= 2 && raw[0] == 0xff && raw[1] == 0xfe:
		big, raw = false, raw[2:]
	case charset == "utf-16" || charset == "utf16" || charset == "unicode":
		even, odd := 0, 0
		for i := 0; i+1 < min(len(raw), 512); i += 2 {
			if raw[i] == 0 {
				even++
			}
			if raw[i+1] == 0 {
				odd++
			}
		}
		if even == 0 && odd == 0 && utf8.Valid(raw) {
			return string(raw) // says UTF-16, is not
		}
		big = even > odd
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		a, b := uint16(raw[2*i]), uint16(raw[2*i+1])
		if big {
			a, b = b, a
		}
		units[i] = b<<8 | a
	}
	return string(utf16.Decode(units))
}
