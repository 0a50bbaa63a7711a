package attach

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// maxUnwrapped bounds the literals decoded out of one page.
const maxUnwrapped = 16

// page collects what an HTML attachment does.
type page struct {
	in       *inspection
	c        content
	forms    []string // actions
	password bool
	asks     bool // an input for an address or a code
	scripts  bytes.Buffer
	where    int // offset of the first script
	text     bytes.Buffer
	inScript bool
	links    int
	refresh  string
	skip     bool // inside style
}

// openHTML reads a page: forms, redirects, scripts, and what scripts carry.
func (in *inspection) openHTML(c content) {
	c.data = decodeText(c.data)
	p := page{in: in, c: c}
	z := html.NewTokenizer(bytes.NewReader(c.data))
	z.SetMaxBuf(in.b.Limits.Bytes)
	for at := 0; ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		size := len(z.Raw())
		p.token(z, kind, at, at+size)
		at += size
	}
	p.finish()
}

func (p *page) token(z *html.Tokenizer, kind html.TokenType, start, end int) {
	switch kind {
	case html.TextToken:
		p.words(z.Raw(), start)
	case html.StartTagToken, html.SelfClosingTagToken:
		name, more := z.TagName()
		tag := string(name)
		p.inScript = tag == "script" && kind == html.StartTagToken
		p.skip = tag == "style"
		attrs := map[string]string{}
		for more && len(attrs) < 64 {
			var k, v []byte
			k, v, more = z.TagAttr()
			attrs[string(k)] = string(v)
		}
		p.element(tag, attrs, start, end)
	case html.EndTagToken:
		p.inScript, p.skip = false, false
	}
}

func (p *page) words(raw []byte, start int) {
	switch {
	case p.inScript:
		if p.scripts.Len() == 0 {
			p.where = start
		}
		p.scripts.Write(raw)
		p.scripts.WriteByte('\n')
	case !p.skip && p.text.Len() < p.in.b.Limits.Text:
		p.text.WriteString(html.UnescapeString(string(raw)))
	}
}

func (p *page) element(tag string, a map[string]string, start, end int) {
	for k, v := range a {
		if strings.HasPrefix(k, "on") && len(k) > 3 {
			p.scripts.WriteString(v + "\n")
		}
	}
	switch tag {
	case "form":
		p.forms = append(p.forms, a["action"])
		p.in.url(p.c, InHTMLForm, a["action"])
	case "input":
		p.input(a)
	case "meta":
		if strings.EqualFold(a["http-equiv"], "refresh") {
			p.metaRefresh(a["content"], start, end)
		}
	case "br", "p", "div", "tr", "li", "h1", "h2", "h3":
		p.text.WriteByte('\n')
	case "td", "th":
		p.text.WriteByte('\t')
	case "base":
		p.in.url(p.c, InHTMLLink, a["href"])
	case "script":
		p.in.url(p.c, InHTMLScript, a["src"])
		p.dataURL(a["src"], "script")
	}
	p.addresses(tag, a, start, end)
}

// addresses keeps links and what the page loads or carries in data: URLs.
func (p *page) addresses(tag string, a map[string]string, start, end int) {
	for _, k := range []string{"href", "src", "data", "formaction", "background", "srcdoc"} {
		v := strings.TrimSpace(a[k])
		switch {
		case v == "":
		case k == "srcdoc":
			p.carried("srcdoc", []byte(v))
		case strings.HasPrefix(strings.ToLower(v), "javascript:"):
			p.scripts.WriteString(v[11:] + "\n")
		case strings.HasPrefix(strings.ToLower(v), "data:"):
			if _, ok := a["download"]; ok && tag == "a" {
				p.in.trait(p.c, KindHTMLSmuggling, "link that saves data carried in it as "+firstOf(a["download"], "a file"), start, end)
			}
			p.dataURL(v, tag)
		case tag == "a":
			p.links++
			p.in.url(p.c, InHTMLLink, v)
		case tag != "script":
			p.in.url(p.c, InHTMLLink, v)
		}
	}
}

func (p *page) input(a map[string]string) {
	name := strings.ToLower(a["name"] + " " + a["id"] + " " + a["placeholder"] + " " + a["autocomplete"])
	switch strings.ToLower(a["type"]) {
	case "password":
		p.password = true
	case "email", "tel":
		p.asks = true
	case "text", "":
		if strings.Contains(name, "passw") || strings.Contains(name, "passcode") {
			p.password = true
		}
		p.asks = p.asks || strings.Contains(name, "mail") || strings.Contains(name, "user") || strings.Contains(name, "login") || strings.Contains(name, "otp")
	}
}

func (p *page) metaRefresh(value string, start, end int) {
	i := indexFold([]byte(value), "url=")
	if i < 0 {
		return
	}
	target := strings.Trim(strings.TrimSpace(value[i+4:]), `"' `)
	p.refresh = target
	p.in.url(p.c, InHTMLRedirect, target)
	p.in.trait(p.c, KindHTMLRedirect, "refresh to "+target, start, end)
	p.dataURL(target, "meta")
}

// dataURL opens what a data: URL carries where it is a page, script or archive.
// Pictures are ordinary, and searched as pictures.
func (p *page) dataURL(v, tag string) {
	head, body, ok := strings.Cut(v, ",")
	if !ok || !strings.HasPrefix(strings.ToLower(head), "data:") || len(body) < 16 {
		return
	}
	var data []byte
	if strings.Contains(strings.ToLower(head), "base64") {
		data = decodeBase64([]byte(body))
	} else if s, err := url.PathUnescape(body); err == nil {
		data = []byte(s)
	}
	if len(data) > 0 {
		p.carried("data:"+tag, data)
	}
}

// carried opens content that the page brings along. Pictures cost members too.
func (p *page) carried(name string, data []byte) {
	if !p.in.b.takeMember() {
		p.in.outOfMembers(p.c)
		return
	}
	p.in.member(p.c, name, data)
}

// Signs in scripts. Each alone is ordinary on the web; a page that came as an
// attachment and builds a file out of itself is not.
var (
	builders  = []string{"createobjecturl", "mssaveoropenblob", "mssaveblob", "new blob", "new file(", "uint8array", "showsavefilepicker"}
	decoders  = []string{"atob(", "unescape(", "decodeuricomponent(", "fromcharcode", "charcodeat", "cryptojs", "parseint("}
	writers   = []string{"document.write", ".innerhtml", "eval(", "insertadjacenthtml", "srcdoc", "new function(", "outerhtml", "createcontextualfragment"}
	location  = lazyRegexp(`(?i)(?:window|document|top|self|parent)?\.?\blocation(?:\.href|\.replace|\.assign)?\s*(?:=|\()\s*["'\x60]([^"'\x60]{4,})["'\x60]`)
	literal64 = lazyRegexp(`["'\x60]([A-Za-z0-9+/\r\n\\]{200,}={0,2})["'\x60]`)
	atobArg   = lazyRegexp(`(?i)atob\s*\(\s*["'\x60]([A-Za-z0-9+/=\s]{12,})["'\x60]`)
	percents  = lazyRegexp(`(?i)(?:unescape|decodeURIComponent|decodeURI)\s*\(\s*["'\x60]([^"'\x60]{20,})["'\x60]`)
	charCodes = lazyRegexp(`(?i)fromCharCode\s*\(\s*((?:\s*(?:0x[0-9a-f]{1,4}|\d{1,5})\s*,?){12,})\)`)
)

func (p *page) finish() {
	src := p.scripts.Bytes()
	lower := bytes.ToLower(src)
	p.smuggling(lower)
	p.redirects(src, lower)
	urlsIn(src, func(u string, _, _ int) { p.in.url(p.c, InHTMLScript, u) })
	p.unwrap(src, lower)
	p.loginForm(lower)
	p.in.addText(p.c, strings.TrimSpace(p.text.String()))
	p.qr()
}

// qr looks for codes drawn with characters.
func (p *page) qr() {
	if u, ok := QRInText(p.text.String()); ok {
		p.in.url(p.c, InQR, u)
	}
}

func (p *page) smuggling(lower []byte) {
	build, decode, write := wordsFound(lower, builders), wordsFound(lower, decoders), wordsFound(lower, writers)
	literal := longestLiteral(lower)
	signs := append(append(append([]string{}, build...), decode...), write...)
	if literal >= 2048 {
		signs = append(signs, fmt.Sprintf("a literal of %d characters", literal))
	}
	saves := bytes.Contains(lower, []byte("createobjecturl")) || bytes.Contains(lower, []byte("mssaveoropenblob")) || bytes.Contains(lower, []byte("mssaveblob"))
	downloads := bytes.Contains(lower, []byte(".download")) || bytes.Contains(lower, []byte("'download'")) || bytes.Contains(lower, []byte(`"download"`))
	switch {
	case saves && (len(decode) > 0 || literal >= 2048 || downloads):
	case len(write) > 0 && literal >= 2048 && len(decode) > 0:
	case len(write) > 0 && (bytes.Contains(lower, []byte("unescape(")) || bytes.Contains(lower, []byte("atob("))):
	case literal >= 8192 && len(decode) > 0:
	default:
		return
	}
	p.in.trait(p.c, KindHTMLSmuggling, strings.Join(signs, ", "), p.where, len(p.c.data))
}

// longestLiteral is the longest run of what base64, hex or escapes are made of.
func longestLiteral(s []byte) int {
	best, run := 0, 0
	for _, b := range s {
		if isLetter(b) || isDigit(b) || b == '+' || b == '/' || b == '=' || b == '%' || b == '\\' {
			run++
			best = max(best, run)
		} else {
			run = 0
		}
	}
	return best
}

// redirects and unwrap take the source in small letters as well: a word that does
// not stand there saves the expression that begins with it.
func (p *page) redirects(src, lower []byte) {
	for _, m := range matches(location, 20, src, lower, "location") {
		target := string(m[1])
		p.in.url(p.c, InHTMLRedirect, target)
		if cleanURL(target) != "" {
			p.in.trait(p.c, KindHTMLRedirect, "script goes to "+target, p.where, len(p.c.data))
		}
	}
	if p.links == 1 && len(p.forms) == 0 && len(bytes.TrimSpace(p.text.Bytes())) < 200 && len(p.in.r.Traits) == 0 && p.scripts.Len() == 0 && p.refresh == "" {
		p.in.trait(p.c, KindHTMLRedirect, "page that holds one link and little else")
	}
}

// loginForm states a form for a password. Pages without a form element send what
// is typed by script, to an address among their literals.
func (p *page) loginForm(lower []byte) {
	sends := bytes.Contains(lower, []byte("$.ajax")) || bytes.Contains(lower, []byte("fetch(")) || bytes.Contains(lower, []byte("xmlhttprequest")) ||
		bytes.Contains(lower, []byte("axios")) || bytes.Contains(lower, []byte("$.post")) || bytes.Contains(lower, []byte("sendbeacon"))
	switch {
	case p.password && len(p.forms) > 0:
		p.in.trait(p.c, KindHTMLForm, "form with a password, sent to "+firstOf(firstOf(p.forms...), "this page's script"))
	case p.password:
		p.in.trait(p.c, KindHTMLForm, "asks for a password")
	case p.asks && (sends || len(p.forms) > 0 && cleanURL(p.forms[0]) != ""):
		p.in.trait(p.c, KindHTMLForm, "asks for an account and sends it away")
	default:
		return
	}
	if sends {
		urlsIn(p.scripts.Bytes(), func(u string, _, _ int) { p.in.url(p.c, InHTMLForm, u) })
	}
}

// unwrap decodes literals one layer and looks at each as content of its own;
// layers below are met again there, as far as Limits.Depth allows.
func (p *page) unwrap(src, lower []byte) {
	n := 0
	give := func(data []byte) {
		if n++; n <= maxUnwrapped && len(data) >= 8 && (mostlyText(data) || sniff(data, "", "") != "binary") {
			p.carried("script", data)
		}
	}
	for _, m := range matches(atobArg, maxUnwrapped, src, lower, "atob") {
		give(decodeBase64(m[1]))
	}
	for _, m := range matches(percents, maxUnwrapped, src, lower, "escape", "decodeuri") {
		give(percentDecode(m[1]))
	}
	for _, m := range matches(charCodes, maxUnwrapped, src, lower, "fromcharcode") {
		give(charCodeList(m[1]))
	}
	if len(src) < 200 {
		return
	}
	for _, m := range literal64().FindAllSubmatch(src, maxUnwrapped) {
		give(decodeBase64(m[1]))
	}
}

// matches runs an expression where one of the words stands without which it cannot match.
func matches(expr func() *regexp.Regexp, most int, src, lower []byte, words ...string) [][][]byte {
	for _, w := range words {
		if bytes.Contains(lower, []byte(w)) {
			return expr().FindAllSubmatch(src, most)
		}
	}
	return nil
}

// decodeBase64 is lenient: either alphabet, blanks and line ends ignored, no padding needed.
func decodeBase64(s []byte) []byte {
	clean := make([]byte, 0, len(s))
	for _, b := range s {
		switch {
		case isLetter(b) || isDigit(b) || b == '+' || b == '/':
			clean = append(clean, b)
		case b == '-':
			clean = append(clean, '+')
		case b == '_':
			clean = append(clean, '/')
		}
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, _ := base64.RawStdEncoding.Decode(out, clean)
	return out[:n]
}

// percentDecode undoes %xx, %uxxxx and \xxx as JavaScript does.
func percentDecode(s []byte) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '%' && i+5 < len(s) && s[i+1]|0x20 == 'u':
			if v, err := strconv.ParseUint(string(s[i+2:i+6]), 16, 32); err == nil {
				out = append(out, string(rune(v))...)
				i += 5
				continue
			}
		case (s[i] == '%' && i+2 < len(s)) || (s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x'):
			skip := 1
			if s[i] == '\\' {
				skip = 2
			}
			if v, err := strconv.ParseUint(string(s[i+skip:i+skip+2]), 16, 8); err == nil {
				out = append(out, byte(v))
				i += skip + 1
				continue
			}
		}
		out = append(out, s[i])
	}
	return out
}

func charCodeList(s []byte) []byte {
	var out []byte
	for part := range bytes.SplitSeq(s, []byte(",")) {
		if v, err := strconv.ParseUint(string(bytes.TrimSpace(part)), 0, 16); err == nil {
			out = append(out, string(rune(v))...)
		}
	}
	return out
}

// openSVG looks for what a browser runs in a picture: script, handlers, foreign
// HTML, and links laid over it.
func (in *inspection) openSVG(c content) {
	c.data = decodeText(c.data)
	script := false
	tags(c.data, func(t tag, text []byte) bool {
		name := strings.ToLower(string(t.name))
		switch {
		case script && len(text) > 0:
			in.svgScript(c, text)
		case t.closing:
		case name == "script":
			in.trait(c, KindSVGScript, "script element", t.start, t.end)
		case name == "foreignobject" || name == "iframe" || name == "embed" || name == "object":
			in.trait(c, KindSVGScript, name+" brings a page into the picture", t.start, t.end)
		}
		script = name == "script" && !t.closing && !t.selfClosing
		if !t.closing && len(t.attrs) > 0 {
			in.svgAttributes(c, t, name)
		}
		return true
	})
	if script := svgCDATA(c.data); len(script) > 0 {
		in.svgScript(c, script)
	}
}

var (
	cdata   = lazyRegexp(`(?s)<!\[CDATA\[(.*?)\]\]>`)
	handler = lazyRegexp(`(?i)\son(?:load|click|mouseover|mousemove|focusin|begin|end|error|activate)\s*=\s*["']`)
)

func svgCDATA(data []byte) []byte {
	if i := indexFold(data, "<script"); i >= 0 {
		if m := cdata().FindSubmatch(data[i:]); m != nil {
			return m[1]
		}
	}
	return nil
}

func (in *inspection) svgAttributes(c content, t tag, name string) {
	if handler().Match(t.attrs) {
		in.trait(c, KindSVGScript, "event handler on "+name, t.start, t.end)
		in.svgScript(c, t.attrs)
	}
	href := strings.TrimSpace(t.attr("href"))
	switch lower := strings.ToLower(href); {
	case strings.HasPrefix(lower, "javascript:"):
		in.trait(c, KindSVGScript, "script in a link", t.start, t.end)
	case strings.HasPrefix(lower, "data:text/html") || strings.HasPrefix(lower, "data:image/svg"):
		in.trait(c, KindSVGScript, "page carried in a link", t.start, t.end)
		(&page{in: in, c: c}).dataURL(href, name)
	default:
		in.url(c, InSVG, href)
	}
	if name == "iframe" || name == "form" || name == "img" || name == "image" || name == "script" {
		in.url(c, InSVG, t.attr("src"))
		in.url(c, InSVG, t.attr("action"))
	}
}

// svgScript treats script in a picture as script in a page.
func (in *inspection) svgScript(c content, src []byte) {
	p := page{in: in, c: c}
	urlsIn(src, func(u string, _, _ int) { in.url(c, InSVG, u) })
	p.scripts.WriteString(html.UnescapeString(string(src)))
	lower := bytes.ToLower(p.scripts.Bytes())
	p.redirects(p.scripts.Bytes(), lower)
	p.unwrap(p.scripts.Bytes(), lower)
}
