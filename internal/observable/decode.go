package observable

// maxBlob is the most base64 or hexadecimal text that is decoded in one piece.
const maxBlob = 64 << 10

// base64Values maps both alphabets (RFC 4648 §4 and §5); 255 is no digit. A space
// stands for the plus sign that form decoding made of it.
var base64Values = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	const std = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(std) {
		t[std[i]] = byte(i)
	}
	t['-'], t['_'], t[' '] = 62, 63, 62
	return t
}()

// unbase64 decodes base64 of either alphabet, with or without padding. ok is false if a
// character belongs to neither; what precedes it is decoded.
func unbase64(s string) (out []byte, ok bool) {
	return appendBase64(nil, s), allBase64(s)
}

// allBase64 tells whether s consists of base64 digits, padding apart.
func allBase64(s string) bool {
	s = trimPadding(s)
	for i := range len(s) {
		if base64Values[s[i]] == 255 {
			return false
		}
	}
	return s != ""
}

func trimPadding(s string) string {
	for s != "" && (s[len(s)-1] == '=' || s[len(s)-1] == '.') {
		s = s[:len(s)-1]
	}
	return s[:min(len(s), maxBlob)]
}

// appendBase64 appends what s decodes to, up to the first character that is no digit. A
// last digit that carries less than a byte is ignored, as tolerant decoders do.
func appendBase64(out []byte, s string) []byte {
	s = trimPadding(s)
	var acc uint32
	bits := 0
	for i := range len(s) {
		v := base64Values[s[i]]
		if v == 255 {
			break
		}
		acc = acc<<6 | uint32(v)
		if bits += 6; bits >= 8 {
			bits -= 8
			out = append(out, byte(acc>>bits))
		}
	}
	return out
}

// unhexText decodes a string of hexadecimal digits; nil if it is none.
func unhexText(s string) []byte {
	s = s[:min(len(s), maxBlob)]
	if len(s)%2 != 0 {
		return nil
	}
	for i := range len(s) {
		if unhex(s[i]) > 15 {
			return nil
		}
	}
	out := make([]byte, len(s)/2)
	for i := range out {
		out[i] = unhex(s[2*i])<<4 | unhex(s[2*i+1])
	}
	return out
}
