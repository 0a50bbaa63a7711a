package message

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// DecodeWords decodes the encoded words of a header value (RFC 2047) the way
// mail programs do, not the way the RFC asks for: inside quotes and words, with
// spaces in them, without padding, and with characters split between adjacent
// words, whose bytes are joined before they are decoded. Raw bytes that are not
// UTF-8 are read as windows-1252.
func DecodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return validText(s)
	}
	var d wordDecoder
	d.out.Grow(len(s))
	for s != "" {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		charset, raw, rest, ok := cutWord(s[i:])
		if !ok {
			d.plain(s[:i+2])
			s = s[i+2:]
			continue
		}
		if between := s[:i]; !d.pendingWord || strings.Trim(between, " \t\r\n") != "" {
			d.plain(between)
		}
		d.word(charset, raw)
		s = rest
	}
	d.plain(s)
	d.flush()
	return d.out.String()
}

func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return mend([]byte(s))
}

// wordDecoder gathers the bytes of adjacent words of one charset.
type wordDecoder struct {
	out         strings.Builder
	charset     string
	bytes       []byte
	pendingWord bool // the last thing read was a word: spaces up to the next one go
}

func (d *wordDecoder) flush() {
	if len(d.bytes) > 0 {
		d.out.WriteString(decodeLenient(d.bytes, d.charset))
		d.bytes = d.bytes[:0]
	}
}

func (d *wordDecoder) plain(s string) {
	if s == "" {
		return
	}
	d.flush()
	d.out.WriteString(validText(s))
	d.pendingWord = false
}

func (d *wordDecoder) word(charset string, raw []byte) {
	if charset != d.charset {
		d.flush()
		d.charset = charset
	}
	d.bytes = append(d.bytes, raw...)
	d.pendingWord = true
}

// cutWord reads the encoded word that s begins with: =?charset?encoding?text?=
func cutWord(s string) (charset string, raw []byte, rest string, ok bool) {
	body := s[2:]
	q := strings.IndexByte(body[:min(len(body), 64)], '?')
	if q < 1 || len(body) < q+3 || body[q+2] != '?' || strings.ContainsAny(body[:q], " \t\"<>@") {
		return "", nil, "", false
	}
	charset, _, _ = strings.Cut(strings.ToLower(body[:q]), "*") // RFC 2231 §5: a language
	code, text := body[q+1]|0x20, body[q+3:]
	// Without a bound, many words that never end would be searched to the end each.
	end := strings.Index(text[:min(len(text), 16<<10)], "?=")
	if end < 0 {
		return "", nil, "", false
	}
	switch code {
	case 'q':
		raw = decodeQ(text[:end])
	case 'b':
		raw = decodeB(text[:end])
	default:
		return "", nil, "", false
	}
	return charset, raw, text[end+2:], true
}

func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

func decodeB(s string) []byte {
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(s))+3)
	n, err := base64.RawStdEncoding.Decode(out, []byte(strings.TrimRight(s, "=")))
	if err == nil {
		return out[:n]
	}
	clean, _ := decodeBase64([]byte(s))
	return clean
}
