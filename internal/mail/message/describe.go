package message

import "strings"

// describe reads the fields that say what p is (RFC 2045, RFC 2183).
func (w *walker) describe(p *Part) {
	p.MediaType = "text/plain"
	if f := w.single(p, "Content-Type"); f != nil {
		w.contentType(p, f)
	} else if w.inDigest(p) {
		p.MediaType = "message/rfc822"
	}
	if f := w.single(p, "Content-Transfer-Encoding"); f != nil {
		w.encoding(p, f)
	}
	if f := w.single(p, "Content-Disposition"); f != nil {
		w.disposition(p, f)
	}
	if p.FileName == "" {
		p.FileName = DecodeWords(p.Params["name"])
	}
	if id := p.Header.Get("Content-ID"); id != "" {
		p.ContentID = strings.Trim(id, "<> \t")
	}
}

// single returns the first field of the name. When there are several that
// differ, which one counts depends on the program that reads them.
func (w *walker) single(p *Part, name string) (first *Field) {
	for i := range p.Header {
		f := &p.Header[i]
		if !equalFold(f.Name, name) {
			continue
		}
		if first == nil {
			first = f
		} else if f.Value != first.Value {
			w.m.note(ParsersDisagree, partOr(p, name), f.Start, "two fields "+name+" that differ")
			return first
		}
	}
	return first
}

// partOr names a field of the message's own header, or the part.
func partOr(p *Part, field string) string {
	if p.Depth == 1 {
		return "header:" + field
	}
	return p.Path
}

func (w *walker) contentType(p *Part, f *Field) {
	ct := parseParameters(f.Value)
	p.Params = ct.params
	major, minor, ok := strings.Cut(ct.value, "/")
	major, minor = strings.TrimSpace(major), strings.TrimSpace(minor)
	if ok && isToken(major) && isToken(minor) {
		p.MediaType = major + "/" + minor
		if len(p.MediaType) == len(ct.value) {
			p.MediaType = ct.value
		}
	} else {
		w.m.note(BadContentType, partOr(p, "Content-Type"), f.Start, "unreadable; read as text/plain")
		w.m.note(ParsersDisagree, partOr(p, "Content-Type"), f.Start, "an unreadable Content-Type")
	}
	p.Charset = strings.ToLower(strings.Trim(ct.params["charset"], `"' `))
	if ct.comment {
		w.m.note(ParsersDisagree, partOr(p, "Content-Type"), f.Start, "a comment in Content-Type")
	}
	if ct.trouble != "" {
		w.m.note(BadParameter, partOr(p, "Content-Type"), f.Start, ct.trouble)
		w.m.note(ParsersDisagree, partOr(p, "Content-Type"), f.Start, ct.trouble)
	}
}

func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

func (w *walker) encoding(p *Part, f *Field) {
	v := strings.ToLower(f.Value)
	if strings.IndexByte(v, '(') >= 0 {
		v, _ = splitCommented(v)
		w.m.note(ParsersDisagree, p.Path, f.Start, "a comment in Content-Transfer-Encoding")
	}
	v, _, _ = strings.Cut(v, ";")
	v = strings.Trim(v, "\"' \t")
	switch v {
	case "uuencode", "x-uue", "uue":
		v = "x-uuencode"
	case "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", "":
	case "7-bit", "8-bit", "7bits", "8bits":
		v = v[:1] + "bit"
	default:
		w.m.note(BadEncoding, p.Path, f.Start, "unknown Content-Transfer-Encoding "+clip(v, 40)+"; read as it is")
		w.m.note(ParsersDisagree, p.Path, f.Start, "an unknown Content-Transfer-Encoding")
	}
	p.Encoding = v
	if strings.HasPrefix(p.MediaType, "multipart/") && !isIdentity(v) {
		// RFC 2045 §6.4 forbids it; some programs ignore it, some decode.
		w.m.note(BadEncoding, p.Path, f.Start, "a multipart that is itself encoded")
		w.m.note(ParsersDisagree, p.Path, f.Start, "a multipart that is itself encoded")
	}
}

func (w *walker) disposition(p *Part, f *Field) {
	d := parseParameters(f.Value)
	switch d.value {
	case "inline", "":
		p.Disposition = d.value
	default: // RFC 2183 §2.8: what is unknown is an attachment
		p.Disposition = "attachment"
	}
	p.FileName = DecodeWords(d.params["filename"])
	if d.trouble != "" {
		w.m.note(BadParameter, partOr(p, "Content-Disposition"), f.Start, d.trouble)
	}
}

// inDigest reports whether p is a part of a multipart/digest, whose parts are
// messages unless they say otherwise (RFC 2046 §5.1.5).
func (w *walker) inDigest(p *Part) bool {
	for _, q := range w.m.Parts {
		if q.MediaType == "multipart/digest" && len(q.Children) > 0 && q.Children[len(q.Children)-1] == p {
			return true
		}
	}
	return false
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

// equalFold compares ASCII field names; the lengths settle most cases.
func equalFold(a, b string) bool {
	return len(a) == len(b) && strings.EqualFold(a, b)
}
