package attach

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
)

// pdfObject is one object of the file, or of an object stream in it.
type pdfObject struct {
	num        int
	value      any
	stream     []byte // as it stands, still filtered
	start, end int    // in the file; 0, 0 in object streams
	plain      []byte // the stream without its filters, once decoded
}

// pdfFile is a file being looked at.
type pdfFile struct {
	in      *inspection
	c       content
	objects []*pdfObject
	byNum   map[int]*pdfObject
	trailer pdfDict
	crypt   *pdfCrypt
	names   map[int]string // object number of an embedded file to its name
	work    int64          // bytes of content streams that may still be run
}

// openPDF reads every object, then the object streams, and looks at each.
func (in *inspection) openPDF(c content) {
	p := &pdfFile{in: in, c: c, byNum: map[int]*pdfObject{}, trailer: pdfDict{}, names: map[int]string{}, work: in.b.Limits.Expand}
	p.scan()
	if !p.encryption() {
		return
	}
	p.objectStreams()
	for _, o := range p.objects {
		p.walk(o, o.value, 0)
	}
	p.embedded()
	p.pages()
	p.images()
}

// scan finds "n g obj" by its last word and reads what follows.
func (p *pdfFile) scan() {
	data := p.c.data
	for at := 0; at < len(data); {
		i := bytes.Index(data[at:], []byte("obj"))
		if i < 0 {
			break
		}
		i += at
		at = i + 3
		num, start, ok := objectHeader(data, i)
		if !ok {
			continue
		}
		if !p.in.b.takeObject() {
			p.in.incomplete("%s: more than %d PDF objects in the message, the rest was not read", p.c.label(), p.in.b.Limits.PDFObjects)
			break
		}
		at = max(p.object(num, start, i+3), at)
	}
	p.trailers()
}

// objectHeader reads "n g " backwards from the word obj.
func objectHeader(data []byte, at int) (num, start int, ok bool) {
	back := func(i int) (int, int) { // skips blanks, then digits; returns begin and end of the digits
		for i > 0 && pdfSpace(data[i-1]) {
			i--
		}
		end := i
		for i > 0 && isDigit(data[i-1]) && end-i < 10 {
			i--
		}
		return i, end
	}
	g0, g1 := back(at)
	if g0 == g1 {
		return 0, 0, false
	}
	n0, n1 := back(g0)
	if n0 == n1 || n1 == g0 {
		return 0, 0, false
	}
	f, _ := pdfNumber(data[n0:n1])
	return int(f), n0, true
}

// object reads one object and its stream, and returns where to go on.
func (p *pdfFile) object(num, start, at int) int {
	l := pdfLexer{data: p.c.data, at: at}
	o := &pdfObject{num: num, start: start}
	o.value = l.value(0)
	if dict, ok := o.value.(pdfDict); ok {
		l.space()
		if bytes.HasPrefix(l.data[l.at:], []byte("stream")) {
			l.at += 6
			o.stream, l.at = streamBody(l.data, l.at, dict)
		}
		if dict["Type"] == pdfName("XRef") {
			p.addTrailer(dict)
		}
	}
	o.end = min(l.at, len(l.data))
	p.objects = append(p.objects, o)
	p.byNum[num] = o // the last definition counts, as with incremental updates
	return o.end
}

// streamBody cuts out a stream: by its length where that is right, else up to "endstream".
func streamBody(data []byte, at int, dict pdfDict) ([]byte, int) {
	if at < len(data) && data[at] == '\r' {
		at++
	}
	if at < len(data) && data[at] == '\n' {
		at++
	}
	if n, ok := dict["Length"].(float64); ok && n >= 0 && at+int(n) <= len(data) {
		end := at + int(n)
		rest := bytes.TrimLeft(data[end:min(end+32, len(data))], "\r\n \t")
		if bytes.HasPrefix(rest, []byte("endstream")) || bytes.HasPrefix(rest, []byte("endobj")) {
			return data[at:end], end
		}
	}
	i := bytes.Index(data[at:], []byte("endstream"))
	if i < 0 {
		return data[at:], len(data)
	}
	return data[at : at+i], at + i
}

// trailers merges all trailer dictionaries; the later ones count.
func (p *pdfFile) trailers() {
	for at := 0; ; {
		i := bytes.Index(p.c.data[at:], []byte("trailer"))
		if i < 0 {
			return
		}
		at += i + 7
		l := pdfLexer{data: p.c.data, at: at}
		if d, ok := l.value(0).(pdfDict); ok {
			p.addTrailer(d)
		}
		at = max(at, min(l.at, len(p.c.data)))
	}
}

func (p *pdfFile) addTrailer(d pdfDict) {
	for _, k := range []pdfName{"Root", "Encrypt", "ID"} {
		if v, ok := d[k]; ok {
			p.trailer[k] = v
		}
	}
}

// resolve follows references.
func (p *pdfFile) resolve(v any) any {
	for range 8 {
		ref, ok := v.(pdfRef)
		if !ok {
			return v
		}
		o := p.byNum[int(ref)]
		if o == nil {
			return nil
		}
		v = o.value
	}
	return nil
}

func (p *pdfFile) dict(v any) pdfDict {
	d, _ := p.resolve(v).(pdfDict)
	return d
}

func (p *pdfFile) int(v any, fallback int) int {
	if f, ok := p.resolve(v).(float64); ok && f > -1e9 && f < 1e9 {
		return int(f)
	}
	return fallback
}

// objectStreams reads objects kept in streams (§7.5.7).
func (p *pdfFile) objectStreams() {
	for _, o := range p.objects[:len(p.objects):len(p.objects)] {
		dict, ok := o.value.(pdfDict)
		if !ok || dict["Type"] != pdfName("ObjStm") || o.stream == nil {
			continue
		}
		data := p.decode(o)
		first, n := p.int(dict["First"], 0), p.int(dict["N"], 0)
		if first <= 0 || first > len(data) {
			continue
		}
		head := pdfLexer{data: data[:first]}
		for range n {
			num, ok1 := head.value(0).(float64)
			off, ok2 := head.value(0).(float64)
			if !ok1 || !ok2 || off < 0 || first+int(off) >= len(data) {
				break
			}
			if !p.in.b.takeObject() {
				p.in.incomplete("%s: more than %d PDF objects in the message, the rest was not read", p.c.label(), p.in.b.Limits.PDFObjects)
				return
			}
			l := pdfLexer{data: data, at: first + int(off)}
			inner := &pdfObject{num: int(num), value: l.value(0)}
			p.objects = append(p.objects, inner)
			if p.byNum[inner.num] == nil {
				p.byNum[inner.num] = inner
			}
		}
	}
}

// decode undoes the filters of a stream, once, within the budget. Filters of
// pictures are left to the reader of pictures.
func (p *pdfFile) decode(o *pdfObject) []byte {
	if o.plain == nil && o.stream != nil {
		o.plain = p.filtered(o)
		if o.plain == nil {
			o.plain = []byte{}
		}
	}
	return o.plain
}

// pay takes n from the work that content streams may make: they can be shown on
// any number of pages and show each other.
func (p *pdfFile) pay(n int) bool {
	if p.work < 0 {
		return false
	}
	if p.work -= int64(n) + 64; p.work < 0 {
		p.in.incomplete("%s: content streams make more than %d bytes, the rest was not read", p.c.label(), p.in.b.Limits.Expand)
	}
	return p.work >= 0
}

func (p *pdfFile) filtered(o *pdfObject) []byte {
	dict, _ := o.value.(pdfDict)
	data := o.stream
	if p.crypt != nil && o.start != o.end && dict["Type"] != pdfName("XRef") {
		data = p.crypt.decrypt(o.num, data, true)
	}
	filters, params := p.list(dict["Filter"]), p.list(dict["DecodeParms"])
	for i, f := range filters {
		var parm pdfDict
		if i < len(params) {
			parm = p.dict(params[i])
		}
		var ok bool
		if data, ok = p.unfilter(f, data, parm); !ok {
			return nil
		}
	}
	return data
}

// list is an array, or a single value as one.
func (p *pdfFile) list(v any) pdfArray {
	switch v := p.resolve(v).(type) {
	case nil:
		return nil
	case pdfArray:
		return v
	default:
		return pdfArray{v}
	}
}

// text decrypts and decodes a text string (§7.9.2): UTF-16, UTF-8 or bytes.
func (p *pdfFile) text(o *pdfObject, v any) string {
	s, ok := p.resolve(v).(pdfString)
	if !ok {
		return ""
	}
	if ref, isRef := v.(pdfRef); isRef && p.byNum[int(ref)] != nil {
		o = p.byNum[int(ref)]
	}
	if p.crypt != nil && o.start != o.end {
		s = p.crypt.decrypt(o.num, s, false)
	}
	return strings.ToValidUTF8(string(bytes.TrimPrefix(decodeText(s), []byte("\xef\xbb\xbf"))), "\ufffd")
}

// walk looks at every dictionary of an object.
func (p *pdfFile) walk(o *pdfObject, v any, depth int) {
	if depth > maxPDFNesting {
		return
	}
	switch v := v.(type) {
	case pdfArray:
		for _, e := range v {
			p.walk(o, e, depth+1)
		}
	case pdfDict:
		p.inspectDict(o, v)
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, string(k))
		}
		sort.Strings(keys) // the report's order must not hang on the map's
		for _, k := range keys {
			p.walk(o, v[pdfName(k)], depth+1)
		}
	}
}

// inspectDict states actions (§12.6) and where they lead.
func (p *pdfFile) inspectDict(o *pdfObject, d pdfDict) {
	if uri := p.text(o, d["URI"]); uri != "" {
		p.in.url(p.c, InPDF, uri)
	}
	switch p.resolve(d["S"]) {
	case pdfName("JavaScript"):
		p.script(o, d)
	case pdfName("Launch"):
		p.action(o, "Launch of "+firstOf(p.fileName(o, d["F"]), p.fileName(o, p.dict(d["Win"])["F"]), "a program"))
	case pdfName("GoToR"), pdfName("GoToE"), pdfName("ImportData"):
		name := p.fileName(o, d["F"])
		p.in.url(p.c, InPDF, name)
		p.action(o, fmt.Sprintf("%s %s", p.resolve(d["S"]), name))
	case pdfName("SubmitForm"):
		name := p.fileName(o, d["F"])
		p.in.url(p.c, InPDF, name)
		p.action(o, "SubmitForm to "+name)
	}
	if ef := p.dict(d["EF"]); ef != nil {
		name := firstOf(p.text(o, d["UF"]), p.text(o, d["F"]), "embedded")
		for _, k := range []pdfName{"UF", "F"} {
			if ref, ok := ef[k].(pdfRef); ok {
				p.names[int(ref)] = name
			}
		}
	}
	p.inspectForm(o, d)
}

// inspectForm states XFA forms, which can hold script, and media that runs.
func (p *pdfFile) inspectForm(o *pdfObject, d pdfDict) {
	if _, ok := d["XFA"]; ok {
		for _, part := range p.list(d["XFA"]) {
			if ref, ok := part.(pdfRef); ok && p.byNum[int(ref)] != nil {
				if data := p.decode(p.byNum[int(ref)]); containsFold(data, "application/x-javascript") {
					p.action(o, "XFA form with JavaScript")
				}
			}
		}
	}
	if d["Subtype"] == pdfName("RichMedia") {
		p.action(o, "RichMedia")
	}
}

// fileName reads a file specification: a string or a dictionary (§7.11).
func (p *pdfFile) fileName(o *pdfObject, v any) string {
	if d := p.dict(v); d != nil {
		return firstOf(p.text(o, d["UF"]), p.text(o, d["F"]))
	}
	return p.text(o, v)
}

func (p *pdfFile) action(o *pdfObject, what string) {
	if o.start < o.end {
		p.in.trait(p.c, KindPDFAction, what, o.start, o.end)
		return
	}
	p.in.trait(p.c, KindPDFAction, what)
}

// script states JavaScript and keeps the addresses in it.
func (p *pdfFile) script(o *pdfObject, d pdfDict) {
	src := []byte(p.text(o, d["JS"]))
	if ref, ok := d["JS"].(pdfRef); ok && len(src) == 0 && p.byNum[int(ref)] != nil {
		src = p.decode(p.byNum[int(ref)])
	}
	urlsIn(src, func(u string, _, _ int) { p.in.url(p.c, InPDF, u) })
	detail := "JavaScript"
	if words := wordsFound(bytes.ToLower(src), []string{"app.launchurl", "exportdataobject", "submitform", "getannots", "unescape", "eval(", "util.printf", "collab.", "this.geturl"}); len(words) > 0 {
		detail += " with " + strings.Join(words, ", ")
	}
	p.action(o, detail)
}

// embedded opens files carried in the document.
func (p *pdfFile) embedded() {
	for _, o := range p.objects {
		d, _ := o.value.(pdfDict)
		name, named := p.names[o.num]
		if o.stream == nil || !named && d["Type"] != pdfName("EmbeddedFile") {
			continue
		}
		if !p.in.b.takeMember() {
			p.in.outOfMembers(p.c)
			return
		}
		name = firstOf(name, "embedded")
		p.action(o, "embedded file "+name)
		p.in.member(p.c, name, p.decode(o))
	}
}
