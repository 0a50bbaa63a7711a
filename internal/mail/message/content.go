package message

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// decoded is what was made of a body so far.
type decoded struct {
	hasContent, hasText, hasHTML, hasEmbedded bool

	content  []byte
	text     string
	form     charsetForm
	table    *charmap.Charmap // of formSingle
	bom      int              // bytes of a byte order mark that Text leaves out
	html     *HTML
	embedded *Message

	transfer, charset *offsetMap
}

// body is the encoded body.
func (p *Part) body() []byte {
	if p.msg == nil || p.End > len(p.msg.Raw) || p.Start >= p.End {
		return nil
	}
	return p.msg.Raw[p.Start:p.End]
}

// Content returns the body with its transfer encoding removed, at most
// Limits.Decoded bytes of it. It may share memory with Raw.
func (p *Part) Content() []byte {
	if p.cache.hasContent || p.msg == nil {
		return p.cache.content
	}
	p.cache.hasContent = true
	src, limit := p.body(), p.msg.lim.Decoded
	if len(src) > 3*limit {
		src = src[:3*limit]
	}
	out := p.decode(src)
	if len(out) > limit {
		out = out[:limit]
		p.msg.note(DecodedTooLong, p.Path, p.Start, "only the first "+strconv.Itoa(limit)+" bytes are read")
	}
	p.cache.content = out
	return out
}

func (p *Part) decode(src []byte) []byte {
	switch p.codec() {
	case "base64":
		out, trouble := decodeBase64(src)
		if trouble >= 0 {
			p.msg.note(BadBase64, p.Path, p.Start+trouble, "foreign characters, or padding before the end")
			p.msg.note(ParsersDisagree, p.Path, p.Start+trouble, "base64 with foreign characters, or padding before the end")
		}
		return out
	case "quoted-printable":
		out, trouble := decodeQP(src)
		if trouble >= 0 {
			p.msg.note(BadQuotedPrintable, p.Path, p.Start+trouble, "an equals sign that encodes nothing")
		}
		return out
	case "x-uuencode":
		return decodeUU(src)
	}
	return src
}

// codec is the encoding to undo: none for multiparts, whatever they state.
func (p *Part) codec() string {
	if strings.HasPrefix(p.MediaType, "multipart/") && len(p.Children) > 0 {
		return ""
	}
	return p.Encoding
}

// Text returns the text of a text part (text/* or HTML by another name) as
// UTF-8, line ends as they are; "" for other parts.
func (p *Part) Text() string {
	if p.cache.hasText || !p.isText() {
		return p.cache.text
	}
	p.cache.hasText = true
	raw := p.Content()
	if bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) {
		p.cache.bom = 3
		raw = raw[3:]
	}
	charset := p.Charset
	if p.cache.bom > 0 {
		charset = "utf-8"
	} else if charset == "" && p.IsHTML() {
		charset = metaCharset(raw)
	}
	text, form, table, kind := decodeCharset(raw, charset)
	if kind != "" {
		p.msg.note(kind, p.Path, p.Start, "stated: "+clip(charset, 40))
	}
	p.cache.text, p.cache.form, p.cache.table = text, form, table
	return text
}

func (p *Part) isText() bool {
	return strings.HasPrefix(p.MediaType, "text/") || p.IsHTML()
}

// metaCharset finds <meta charset=…> or its http-equiv form in the first
// kilobyte, where HTML requires it to stand.
func metaCharset(raw []byte) string {
	head := bytes.ToLower(raw[:min(len(raw), 1024)])
	meta := bytes.Index(head, []byte("<meta"))
	if meta < 0 {
		return ""
	}
	i := bytes.Index(head[meta:], []byte("charset="))
	if i < 0 {
		return ""
	}
	rest := bytes.TrimLeft(head[meta+i+len("charset="):], "\"' ")
	end := bytes.IndexAny(rest, "\"' ;/>\r\n\t")
	if end < 0 {
		return ""
	}
	return string(rest[:end])
}

// HTML returns what the HTML of the part shows and fetches; nil if it holds none.
func (p *Part) HTML() *HTML {
	if p.cache.hasHTML || !p.IsHTML() {
		return p.cache.html
	}
	p.cache.hasHTML = true
	h, cut := scanHTML(p.Text(), p.msg.lim)
	if cut != "" {
		p.msg.note(HTMLTooLong, p.Path, p.Start, cut)
	}
	p.cache.html = h
	return h
}

// IsHTML reports whether a mail program or browser would show the part as
// HTML: by its type, or by its first bytes where the type leaves it open.
func (p *Part) IsHTML() bool {
	switch p.MediaType {
	case "text/html", "application/xhtml+xml", "text/x-html":
		return p.msg != nil
	case "text/plain", "application/octet-stream", "text/xml", "application/xml", "application/x-unknown-content-type":
		return looksLikeHTML(p.prefix())
	}
	return false
}

// prefix is the beginning of the content, without decoding the whole of it.
func (p *Part) prefix() []byte {
	const enough = 1024
	if p.cache.hasContent {
		return p.cache.content[:min(len(p.cache.content), enough)]
	}
	src := p.body()
	src = src[:min(len(src), enough)]
	switch p.codec() {
	case "base64":
		src, _ = decodeBase64(src)
	case "quoted-printable":
		src, _ = decodeQP(src)
	case "x-uuencode":
		src = decodeUU(src)
	}
	return src
}

// Embedded parses an attached message that is itself encoded, which RFC 2046
// §5.2.1 forbids and mail programs open all the same. It has offsets of its own.
// It returns nil for all other parts, and beyond Limits.Depth.
func (p *Part) Embedded() *Message {
	if p.cache.hasEmbedded || !isMessageType(p.MediaType) || isIdentity(p.Encoding) || p.msg == nil {
		return p.cache.embedded
	}
	p.cache.hasEmbedded = true
	lim := p.msg.lim
	if lim.Depth -= p.Depth; lim.Depth > 0 {
		p.cache.embedded = Parse(p.Content(), lim)
	}
	return p.cache.embedded
}

// IsAttachment reports whether a mail program offers the part as a file rather
// than showing it within the text.
func (p *Part) IsAttachment() bool {
	if strings.HasPrefix(p.MediaType, "multipart/") {
		return false
	}
	switch {
	case p.Disposition == "attachment" || isMessageType(p.MediaType):
		return true
	case strings.HasPrefix(p.MediaType, "image/"):
		return p.ContentID == "" && p.Disposition != "inline"
	case p.Depth == 1:
		return !p.isText() // the only body is shown, whatever name it bears
	case p.FileName != "":
		return true
	}
	return !strings.HasPrefix(p.MediaType, "text/") && !p.IsHTML()
}

// uuencoded notes files that stand uuencoded in plain text as parts of their
// own: their path is that of the text with "+uu1" behind.
func (w *walker) uuencoded(p *Part) {
	body := w.raw[p.Start:p.End]
	found := 0
	for at := 0; at < len(body); {
		i := indexLine(body[at:], "begin ")
		if i < 0 {
			return
		}
		at += i
		end, next := lineOf(body, at)
		name, ok := uuName(body[at:end])
		if !ok {
			at = next
			continue
		}
		stop := indexLine(body[next:], "end")
		if stop < 0 {
			return
		}
		if len(w.m.Parts) >= w.lim.Parts {
			w.tooMany(p)
			return
		}
		_, after := lineOf(body, next+stop)
		found++
		child := w.newPart(p.Nested, p.Depth+1)
		child.Path = p.Path + "+uu" + strconv.Itoa(found)
		child.MediaType, child.Disposition, child.Encoding = "application/octet-stream", "attachment", "x-uuencode"
		child.FileName, child.Start, child.End = name, p.Start+at, p.Start+after
		at = after
	}
}

// indexLine finds the first line that begins with prefix.
func indexLine(b []byte, prefix string) int {
	if bytes.HasPrefix(b, []byte(prefix)) {
		return 0
	}
	i := bytes.Index(b, []byte("\n"+prefix))
	if i < 0 {
		return -1
	}
	return i + 1
}

func lineOf(b []byte, at int) (end, next int) {
	i := bytes.IndexByte(b[at:], '\n')
	if i < 0 {
		return len(b), len(b)
	}
	return at + i, at + i + 1
}
