package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"
)

// envelope is what the properties know of sender, recipients and time.
func (m *mapiMessage) envelope() Envelope {
	e := Envelope{Sender: m.sender.addr, Time: m.delivered}
	if e.Sender == "" {
		e.Sender = m.from.addr
	}
	if e.Time.IsZero() {
		e.Time = m.submitted
	}
	for _, r := range m.recipients {
		if r.addr != "" {
			e.Recipients = append(e.Recipients, r.addr)
		}
	}
	return e
}

// render writes the message as RFC 5322 and MIME, the same bytes for the same
// properties. The header it came with is kept as it was, but for the fields
// that describe the structure: that is made anew.
func (m *mapiMessage) render() []byte {
	var out bytes.Buffer
	kept := keptHeader(m.headers)
	out.WriteString(kept)
	m.addFields(&out, kept)
	out.WriteString("MIME-Version: 1.0\r\n")
	root := m.root()
	out.Grow(root.size())
	root.write(&out)
	return out.Bytes()
}

// keptHeader takes the fields out of the transport header, with CRLF, and drops
// those of the structure (RFC 2045 §1) and whatever is no field.
func keptHeader(header string) string {
	var out strings.Builder
	keep := false
	for line := range strings.Lines(strings.ReplaceAll(header, "\x00", "")) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			if out.Len() > 0 {
				break
			}
			continue
		}
		if line[0] != ' ' && line[0] != '\t' {
			name := strings.ToLower(fieldName([]byte(line)))
			keep = name != "" && name != "mime-version" && !strings.HasPrefix(name, "content-") &&
				!strings.HasPrefix(line, "Microsoft Mail Internet Headers")
		}
		if keep {
			out.WriteString(strings.ReplaceAll(line, "\r", " "))
			out.WriteString("\r\n")
		}
	}
	return out.String()
}

// addFields writes what the properties say and the transport header does not.
func (m *mapiMessage) addFields(out *bytes.Buffer, kept string) {
	has := func(name string) bool {
		at, _ := findField([]byte(kept), name+":")
		return at >= 0
	}
	add := func(name, value string) {
		if value != "" && !has(strings.ToLower(name)) {
			writeField(out, name, value)
		}
	}
	from, sender := m.from, m.sender
	if from == (mapiPerson{}) {
		from = sender
	}
	add("From", from.field())
	if sender.addr != "" && from.addr != "" && !strings.EqualFold(sender.addr, from.addr) {
		add("Sender", sender.field())
	}
	add("To", m.recipientList(func(kind int) bool { return kind != recipientCc && kind != recipientBcc }))
	add("Cc", m.recipientList(func(kind int) bool { return kind == recipientCc }))
	add("Subject", encodeWords(m.subject))
	if when := m.dated(); !when.IsZero() {
		add("Date", when.Format(time.RFC1123Z))
	}
	add("Message-ID", oneLine(m.messageID))
	add("In-Reply-To", oneLine(m.inReplyTo))
	add("References", strings.Join(strings.Fields(oneLine(m.references)), "\r\n "))
	for _, f := range m.extra {
		if name := strings.ToLower(f[0]); name != "mime-version" && !strings.HasPrefix(name, "content-") {
			add(f[0], oneLine(f[1]))
		}
	}
	if strings.Contains(m.replyTo, "@") {
		add("Reply-To", mapiPerson{addr: oneLine(m.replyTo)}.field())
	}
}

func (m *mapiMessage) dated() time.Time {
	if m.submitted.IsZero() {
		return m.delivered
	}
	return m.submitted
}

func (m *mapiMessage) recipientList(want func(kind int) bool) string {
	var list []string
	for _, r := range m.recipients {
		if f := r.field(); f != "" && want(r.kind&0xf) {
			list = append(list, f)
		}
	}
	return strings.Join(list, ",\r\n ")
}

// field writes a mailbox. Somebody whose address is not known (a colleague
// within the same house) becomes an empty group (RFC 6854), not an invented address.
func (who mapiPerson) field() string {
	name := oneLine(who.name)
	addr := strings.Map(func(r rune) rune {
		if r <= ' ' || r == '<' || r == '>' || r == ',' || r == 0x7f {
			return -1
		}
		return r
	}, who.addr)
	switch {
	case addr == "" && name == "":
		return ""
	case addr == "":
		return phrase(name) + ":;"
	case name == "" || name == addr:
		return addr
	}
	return phrase(name) + " <" + addr + ">"
}

// phrase writes a display name as quoted string or encoded words (RFC 2047 §5).
func phrase(name string) string {
	if encoded := encodeWords(name); encoded != name {
		return encoded
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

// encodeWords writes text that is not ASCII as encoded words, one to a line.
func encodeWords(s string) string {
	return strings.ReplaceAll(mime.BEncoding.Encode("utf-8", oneLine(s)), "?= =?", "?=\r\n =?")
}

// oneLine keeps a property from adding fields of its own.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, s))
}

func writeField(out *bytes.Buffer, name, value string) {
	out.WriteString(name + ": " + value + "\r\n")
}

// node is a part of the structure: a header of MIME fields, and a body or children.
type node struct {
	fields   [][2]string
	body     []byte
	children []*node
	raw      []byte // a whole entity, fields included, in place of all the others
}

// size is about how long the part is when it is written.
func (n *node) size() int {
	size := len(n.raw) + len(n.body) + 200
	for _, f := range n.fields {
		size += len(f[0]) + len(f[1]) + 4
	}
	for _, child := range n.children {
		size += child.size()
	}
	return size
}

func (n *node) write(out *bytes.Buffer) {
	if n.raw != nil {
		out.Write(n.raw)
		return
	}
	var parts [][]byte
	for _, child := range n.children {
		var b bytes.Buffer
		b.Grow(child.size())
		child.write(&b)
		parts = append(parts, b.Bytes())
	}
	boundary := boundaryFor(parts)
	for _, f := range n.fields {
		writeField(out, f[0], strings.ReplaceAll(f[1], "{boundary}", boundary))
	}
	out.WriteString("\r\n")
	out.Write(n.body)
	for _, part := range parts {
		out.WriteString("--" + boundary + "\r\n")
		out.Write(part)
		out.WriteString("\r\n")
	}
	if parts != nil {
		out.WriteString("--" + boundary + "--\r\n")
	}
}

// boundaryFor hashes the parts: they cannot contain it, and it is always the same.
func boundaryFor(parts [][]byte) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write(part)
		h.Write([]byte{0})
	}
	return "=_" + hex.EncodeToString(h.Sum(nil)[:16])
}

func group(subtype string, children []*node) *node {
	if len(children) == 1 {
		return children[0]
	}
	return &node{fields: [][2]string{{"Content-Type", "multipart/" + subtype + ";\r\n boundary=\"{boundary}\""}}, children: children}
}

// root puts the parts in the order of RFC 2046 §5.1 and RFC 2387: the forms of
// the text, what the HTML refers to, then the attachments.
func (m *mapiMessage) root() *node {
	if signed := m.signedEntity(); signed != nil {
		return &node{raw: signed}
	}
	if n := m.cipherNode(); n != nil {
		return n
	}
	var text []*node
	if m.hasPlain || !m.hasHTML {
		text = append(text, textNode("plain", m.plainCharset, m.plain))
	}
	related, attached := []*node{}, []*node{}
	for i := range m.attachments {
		a := &m.attachments[i]
		if m.hasHTML && a.contentID != "" && a.embedded == nil && bytes.Contains(m.html, []byte("cid:"+a.contentID)) {
			related = append(related, a.node("inline"))
		} else {
			attached = append(attached, a.node("attachment"))
		}
	}
	if m.hasHTML {
		html := textNode("html", m.htmlCharset, m.html)
		text = append(text, group("related", append([]*node{html}, related...)))
	}
	return group("mixed", append([]*node{group("alternative", text)}, attached...))
}

// cipherNode returns the only part of a message that is encrypted, or signed in a
// form that hides the text (MS-OXOSMIME §2.1.3.2).
func (m *mapiMessage) cipherNode() *node {
	if len(m.attachments) != 1 || !strings.EqualFold(m.class, "IPM.Note.SMIME") || m.attachments[0].embedded != nil {
		return nil
	}
	a := &m.attachments[0]
	if isEntity(a.data) { // whole, fields included, as some programs keep it
		return &node{raw: a.data}
	}
	n := a.node("attachment")
	n.fields[0][1] = withParameter("application/pkcs7-mime", "name", a.name)
	return n
}

// signedEntity returns the original entity of a clear-signed message: Outlook
// keeps it whole, as its only attachment (MS-OXOSMIME §2.1.3.1).
func (m *mapiMessage) signedEntity() []byte {
	if len(m.attachments) != 1 || !hasSuffixFold(m.class, ".SMIME.MultipartSigned") || !isEntity(m.attachments[0].data) {
		return nil
	}
	return m.attachments[0].data
}

// isEntity tells whether data begins with a header that states its type once.
func isEntity(data []byte) bool {
	at, again := findField(data[:max(bodyStart(data), 0)], "content-type:")
	return at >= 0 && !again
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

func textNode(subtype, charset string, text []byte) *node {
	kind := "text/" + subtype
	if charset != "" {
		kind += "; charset=" + charset
	}
	var body bytes.Buffer
	w := quotedprintable.NewWriter(&body)
	_, _ = w.Write(text) // a bytes.Buffer takes everything
	_ = w.Close()
	return &node{fields: [][2]string{{"Content-Type", kind}, {"Content-Transfer-Encoding", "quoted-printable"}}, body: body.Bytes()}
}

func (a *mapiAttachment) node(disposition string) *node {
	n := &node{}
	add := func(name, value string) { n.fields = append(n.fields, [2]string{name, value}) }
	switch {
	case a.embedded != nil: // no other encoding is allowed, RFC 2046 §5.2.1
		add("Content-Type", "message/rfc822")
		add("Content-Transfer-Encoding", "8bit")
		n.body = a.embedded.render()
	default:
		add("Content-Type", a.contentType())
		add("Content-Transfer-Encoding", "base64")
		n.body = base64Lines(a.data)
	}
	add("Content-Disposition", withParameter(disposition, "filename", a.name))
	if a.contentID != "" {
		add("Content-ID", "<"+oneLine(a.contentID)+">")
	}
	if a.reference != "" {
		add("Content-Description", encodeWords("not in the message, but at "+a.reference))
	}
	return n
}

// contentType is what the message states, if it can be stated in MIME.
func (a *mapiAttachment) contentType() string {
	kind, _, err := mime.ParseMediaType(a.mimeType)
	if err != nil || !strings.Contains(kind, "/") || strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") {
		kind = "application/octet-stream"
	}
	return withParameter(kind, "name", a.name)
}

// withParameter adds a file name in the form of RFC 2231.
func withParameter(value, parameter, name string) string {
	name = oneLine(name)
	if name == "" {
		return value
	}
	if s := mime.FormatMediaType(value, map[string]string{parameter: name}); s != "" {
		return strings.Replace(s, "; ", ";\r\n ", 1)
	}
	return value
}

// base64Lines encodes in lines of 76 characters (RFC 2045 §6.8).
func base64Lines(data []byte) []byte {
	const perLine = 57
	out := make([]byte, 0, (len(data)/perLine+1)*78)
	for len(data) > 0 {
		n := min(perLine, len(data))
		out = base64.StdEncoding.AppendEncode(out, data[:n])
		out = append(out, "\r\n"...)
		data = data[n:]
	}
	return out
}
