package authn

import (
	"strconv"
	"strings"
)

// NoServID stands among the trusted identifiers for fields that name no
// authserv-id, as some large providers write them. It is for operators whose
// border removes such fields from mail that comes in; else anybody can write one.
const NoServID = "(none)"

// maxFieldResults bounds the results read from one field.
const maxFieldResults = 64

// AuthResult is one method's result out of an Authentication-Results (RFC 8601)
// or ARC-Authentication-Results (RFC 8617 §4.1.1) field.
type AuthResult struct {
	ServID     string     `json:"serv_id"`
	Instance   int        `json:"instance,omitempty"` // i= of ARC; 0 for Authentication-Results
	Field      int        `json:"field"`              // index into the headers given
	Method     string     `json:"method"`             // lower case: "spf", "dkim", "dmarc", "arc", …
	Result     Result     `json:"result"`             // lower case, as written: other words than ours occur
	Reason     string     `json:"reason,omitempty"`
	Comment    string     `json:"comment,omitempty"` // first comment behind the result, such as "2048-bit key"
	Properties []Property `json:"properties,omitempty"`
}

// Property is one ptype.property=value, such as header.d=example.com.
type Property struct {
	Type  string `json:"type"` // "smtp", "header", "body", "policy"
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Property returns the value of ptype.name, "" where it is not there.
func (r *AuthResult) Property(ptype, name string) string {
	for _, p := range r.Properties {
		if p.Type == ptype && p.Name == name {
			return p.Value
		}
	}
	return ""
}

// Domain returns the domain that the result is about, in lower case: the
// signer's for DKIM, the envelope sender's for SPF, the author's for DMARC.
func (r *AuthResult) Domain() string {
	var v string
	switch r.Method {
	case "dkim", "dkim-adsp", "domainkeys":
		if v = r.Property("header", "d"); v == "" {
			v = r.Property("header", "i")
		}
	case "spf":
		if v = r.Property("smtp", "mailfrom"); v == "" {
			v = r.Property("smtp", "mfrom")
		}
		if v == "" {
			v = r.Property("smtp", "helo")
		}
	case "dmarc", "compauth":
		v = r.Property("header", "from")
	}
	return strings.ToLower(strings.Trim(v[strings.LastIndexByte(v, '@')+1:], "<>. "))
}

// ParseAuthResults reads Authentication-Results and ARC-Authentication-Results
// fields, topmost first, each as "Name: value" or, for the former, as the value
// alone. Fields whose authserv-id is not among trusted are ignored (RFC 8601
// §4.1); comparison is without regard to case (§2.3).
//
// Anybody can write the identifier of your own server. That is safe to
// believe only where the server removes such fields from what comes in (§5) or
// where the caller hands over only fields above the Received field of the
// trusted border. Of two fields of one identifier the upper one is the later:
// AuthResult.Field tells which is which.
//
// ARC-Authentication-Results are an earlier hop's words. They count only in a
// chain that passes (Results.ARC), sealed by somebody whom the operator trusts.
//
// A field that breaks the grammar gives the results before the break: it was
// written by a server that is trusted.
func ParseAuthResults(headers []string, trusted []string) []AuthResult {
	if len(trusted) == 0 {
		return nil
	}
	var out []AuthResult
	for i, h := range headers {
		value, arc := cutFieldName(strings.ToValidUTF8(h, "\ufffd"))
		p := resultParser{s: value, field: i}
		if p.start(arc, trusted) {
			out = p.results(out)
		}
	}
	return out
}

// cutFieldName drops the field's name, if it is there.
func cutFieldName(h string) (value string, arc bool) {
	const plain, chained = "Authentication-Results:", "ARC-Authentication-Results:"
	if len(h) >= len(chained) && strings.EqualFold(h[:len(chained)], chained) {
		return h[len(chained):], true
	}
	if len(h) >= len(plain) && strings.EqualFold(h[:len(plain)], plain) {
		return h[len(plain):], false
	}
	return h, false
}

// resultParser reads one field's value (RFC 8601 §2.2).
type resultParser struct {
	s        string
	pos      int
	servID   string
	instance int
	field    int
}

// start reads what stands before the first result: i= of ARC, authserv-id and
// its version. It tells whether the field is to be believed.
func (p *resultParser) start(arc bool, trusted []string) bool {
	if arc {
		p.skip()
		if p.word("=;") != "i" || !p.take('=') {
			return false
		}
		n, err := strconv.ParseUint(p.word(";"), 10, 8)
		if err != nil || n < 1 || n > 50 || !p.take(';') {
			return false
		}
		p.instance = int(n)
	}
	begin := p.pos
	p.servID = strings.ToLower(p.value(";="))
	p.skip()
	if p.peek() == '=' { // "spf=pass …" at once: no authserv-id
		p.pos, p.servID = begin, NoServID
	} else {
		p.until(";") // authres-version
		p.take(';')
	}
	if p.servID == "" {
		return false
	}
	for _, t := range trusted {
		if strings.EqualFold(t, p.servID) {
			return true
		}
	}
	return false
}

// results reads *(";" resinfo).
func (p *resultParser) results(out []AuthResult) []AuthResult {
	for range maxFieldResults {
		p.skip()
		if p.pos >= len(p.s) {
			break
		}
		r := AuthResult{ServID: p.servID, Instance: p.instance, Field: p.field}
		ok := p.method(&r)
		if ok {
			p.properties(&r)
			out = append(out, r)
		}
		p.until(";")
		p.take(';')
	}
	return out
}

// method reads Keyword ["/" version] "=" result. A lone "none" is no result (no-result, §2.2).
func (p *resultParser) method(r *AuthResult) bool {
	r.Method = strings.ToLower(p.word("=/;"))
	p.skip()
	if p.take('/') {
		p.word("=;")
		p.skip()
	}
	if r.Method == "" || !p.take('=') {
		return false
	}
	r.Result = Result(strings.ToLower(p.word(";")))
	return r.Result != ""
}

// properties reads reason and ptype.property=value up to the next semicolon.
// What cannot be read is passed over word by word.
func (p *resultParser) properties(r *AuthResult) {
	for {
		if comment := p.skip(); r.Comment == "" && len(r.Properties) == 0 {
			r.Comment = comment
		}
		if c := p.peek(); c == 0 || c == ';' {
			return
		}
		begin := p.pos
		name := p.word("=;")
		p.skip()
		if !p.take('=') {
			if p.pos == begin {
				p.pos++
			}
			continue
		}
		value := p.value(";")
		ptype, prop, dotted := strings.Cut(name, ".")
		switch {
		case dotted && prop != "":
			if r.Properties == nil {
				r.Properties = make([]Property, 0, 4)
			}
			r.Properties = append(r.Properties, Property{strings.ToLower(ptype), strings.ToLower(prop), value})
		case strings.EqualFold(name, "reason"):
			r.Reason = value
		}
	}
}

func (p *resultParser) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func (p *resultParser) take(c byte) bool {
	if p.pos < len(p.s) && p.s[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// skip passes over white space and comments and returns the first comment's text.
func (p *resultParser) skip() (comment string) {
	for p.pos < len(p.s) {
		switch p.s[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		case '(':
			begin := p.pos + 1
			p.skipComment()
			if comment == "" {
				comment = strings.TrimSuffix(p.s[begin:p.pos], ")")
			}
		default:
			return comment
		}
	}
	return comment
}

// skipComment passes over a comment, which may hold others (RFC 5322 §3.2.2).
func (p *resultParser) skipComment() {
	depth := 0
	for ; p.pos < len(p.s); p.pos++ {
		switch p.s[p.pos] {
		case '\\':
			p.pos++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.pos++
				return
			}
		}
	}
	p.pos = len(p.s)
}

// word reads up to white space, a comment or one of stop.
func (p *resultParser) word(stop string) string {
	p.skip()
	begin := p.pos
	for p.pos < len(p.s) {
		c := p.s[p.pos]
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '(' || strings.IndexByte(stop, c) >= 0 {
			break
		}
		p.pos++
	}
	return p.s[begin:p.pos]
}

// value reads a word or a quoted string (RFC 2045 §5.1).
func (p *resultParser) value(stop string) string {
	p.skip()
	if p.peek() != '"' {
		return p.word(stop)
	}
	p.pos++
	begin, escaped := p.pos, false
	for ; p.pos < len(p.s) && p.s[p.pos] != '"'; p.pos++ {
		if p.s[p.pos] == '\\' {
			escaped = true
			p.pos++
		}
	}
	p.pos = min(p.pos, len(p.s))
	v := p.s[begin:p.pos]
	p.take('"')
	if escaped {
		v = unquote(v)
	}
	// A quoted local part goes on with its domain: smtp.mailfrom="a b"@example.com.
	if p.peek() == '@' {
		v += p.word(stop)
	}
	return v
}

func unquote(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// until passes over everything up to one of stop, quoted strings and comments whole.
func (p *resultParser) until(stop string) {
	for {
		p.skip()
		c := p.peek()
		switch {
		case p.pos >= len(p.s), strings.IndexByte(stop, c) >= 0:
			return
		case c == '"':
			p.value(stop)
		default:
			p.pos++
		}
	}
}
