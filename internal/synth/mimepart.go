package synth

import (
	"bytes"
	"encoding/base64"
	"mime"
	"mime/quotedprintable"
	"strings"
)

// part is a node of a MIME tree: either content or kids.
type part struct {
	fields []string // header lines without line end
	body   []byte   // as transferred
	multi  string   // "alternative", "mixed", "related", "report; …"
	kids   []part
}

// charsets that older mailers write; everything else is UTF-8.
var latin2 = "\u00a0Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u00adŽŻ°ą˛ł´ľśˇ¸šşťź˝žżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙"

// encodeCharset writes the text in the charset, or says that it can't.
func encodeCharset(text, charset string) ([]byte, bool) {
	var out []byte
	for _, r := range text {
		b, ok := charsetByte(r, charset)
		if !ok {
			return nil, false
		}
		out = append(out, b)
	}
	return out, true
}

func charsetByte(r rune, charset string) (byte, bool) {
	if r < 0x80 {
		return byte(r), true
	}
	switch charset {
	case "iso-8859-1":
		return byte(r), r >= 0xa0 && r < 0x100
	case "windows-1252":
		if i := strings.IndexRune("€\x00‚ƒ„…†‡ˆ‰Š‹Œ\x00Ž\x00\x00‘’“”•–—", r); i >= 0 {
			return byte(0x80 + len([]rune("€\x00‚ƒ„…†‡ˆ‰Š‹Œ\x00Ž\x00\x00‘’“”•–—"[:i]))), true
		}
		return byte(r), r >= 0xa0 && r < 0x100
	case "iso-8859-2":
		for i, c := range []rune(latin2) {
			if c == r {
				return byte(0xa0 + i), true
			}
		}
	case "windows-1251":
		return cyrillicByte(r)
	}
	return 0, false
}

// cyrillicByte is windows-1251 for the letters of Ukrainian and Bulgarian.
func cyrillicByte(r rune) (byte, bool) {
	if r >= 'А' && r <= 'я' {
		return byte(0xc0 + r - 'А'), true
	}
	extra := map[rune]byte{'І': 0xb2, 'і': 0xb3, 'Ї': 0xaf, 'ї': 0xbf, 'Є': 0xaa, 'є': 0xba, 'Ґ': 0xa5, 'ґ': 0xb4, '’': 0x92, '—': 0x97, '–': 0x96}
	b, ok := extra[r]
	return b, ok
}

// charsetFor is what a mailer of the language may use beside UTF-8.
func (d *draw) charsetFor(lang string) string {
	if d.chance(70) {
		return "utf-8"
	}
	switch lang {
	case "pl":
		return "iso-8859-2"
	case "uk":
		return "windows-1251"
	case "zh":
		return "utf-8"
	default:
		return one(d, []string{"iso-8859-1", "windows-1252", "us-ascii"})
	}
}

// textPart makes a text/… leaf; a charset that can't hold the text becomes UTF-8.
func textPart(text, subtype, charset, encoding string) part {
	text = toCRLF(text)
	body, ok := encodeCharset(text, charset)
	if !ok {
		body, charset = []byte(text), "utf-8"
	}
	if encoding == "8bit" && longestLine(body) > 900 {
		encoding = "quoted-printable" // RFC 5322 §2.1.1 allows 998
	}
	if encoding == "8bit" && isASCII(text) {
		encoding = "7bit"
	}
	return part{
		fields: []string{"Content-Type: text/" + subtype + "; charset=" + charset, "Content-Transfer-Encoding: " + encoding},
		body:   transfer(body, encoding),
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func longestLine(b []byte) int {
	longest := 0
	for line := range bytes.Lines(b) {
		longest = max(longest, len(line))
	}
	return longest
}

func toCRLF(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// transfer applies a Content-Transfer-Encoding (RFC 2045 §6).
func transfer(body []byte, encoding string) []byte {
	switch encoding {
	case "base64":
		return wrapBase64(body)
	case "quoted-printable":
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Write(body) // a bytes.Buffer takes everything
		w.Close()
		return b.Bytes()
	default:
		return body
	}
}

func wrapBase64(body []byte) []byte {
	enc := base64.StdEncoding.EncodeToString(body)
	var b bytes.Buffer
	for len(enc) > 76 {
		b.WriteString(enc[:76] + "\r\n")
		enc = enc[76:]
	}
	b.WriteString(enc)
	return b.Bytes()
}

// attachment makes a file part. Names outside ASCII are written as encoded words,
// which RFC 2047 §5 forbids in parameters and many mailers do.
func attachment(name, mediaType string, content []byte) part {
	shown := name
	if !isASCII(name) {
		shown = mime.BEncoding.Encode("utf-8", name)
	}
	return part{
		fields: []string{
			"Content-Type: " + mediaType + "; name=\"" + shown + "\"",
			"Content-Transfer-Encoding: base64",
			"Content-Disposition: attachment; filename=\"" + shown + "\"",
		},
		body: wrapBase64(content),
	}
}

// inline makes an image that the HTML shows as cid:ID.
func inline(id, name, mediaType string, content []byte) part {
	p := attachment(name, mediaType, content)
	p.fields[2] = "Content-Disposition: inline; filename=\"" + name + "\""
	p.fields = append(p.fields, "Content-ID: <"+id+">")
	return p
}

// group is a multipart; a group of one is that one.
func group(kind string, kids ...part) part {
	if len(kids) == 1 {
		return kids[0]
	}
	return part{multi: kind, kids: kids}
}

// render gives the header lines and the body of a part.
func (p part) render(d *draw) (fields []string, body []byte) {
	if p.multi == "" {
		return p.fields, p.body
	}
	boundary := d.boundary()
	var b bytes.Buffer
	for _, kid := range p.kids {
		kidFields, kidBody := kid.render(d)
		b.WriteString("--" + boundary + "\r\n" + strings.Join(kidFields, "\r\n") + "\r\n\r\n")
		b.Write(kidBody)
		b.WriteString("\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return []string{"Content-Type: multipart/" + p.multi + ";\r\n boundary=\"" + boundary + "\""}, b.Bytes()
}

// boundary has one of the shapes that common mailers give it.
func (d *draw) boundary() string {
	switch d.IntN(5) {
	case 0:
		return "----=_NextPart_" + strings.ToUpper(d.hex(3)+"_"+d.hex(4)+"_"+d.hex(8)+"."+d.hex(8))
	case 1:
		return "Apple-Mail=_" + strings.ToUpper(d.uuid())
	case 2:
		return "------------" + d.letters(idLetters, 24)
	case 3:
		return "000000000000" + d.hex(16)
	default:
		return "b1_" + d.hex(32)
	}
}
