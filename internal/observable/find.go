package observable

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Found is a link in a text.
type Found struct {
	Start, End int    // byte offsets of what was written
	URL        string // refanged and with a scheme; an address as it is if Kind is "email"
	Kind       string // "url" (with a scheme), "www", "bare" (a domain or address, alone or before a path), "email"
	Weak       bool   // may be no link at all: a file name, a missing space after a full stop
}

// maxAuthority is the longest authority that is read: userinfo included, none is
// longer but to hide its host.
const maxAuthority = 2048

// FindLinks returns the links of a plain text in order, without overlaps. It takes what a mail
// program would turn into a link, and more: a hunt wants "evil[.]example" too.
//
// The text is searched for dots, colons and at signs only; what stands around one is
// read once. The work is linear in the length of the text.
func FindLinks(text string) []Found {
	var out []Found
	scanLinks(text, func(f Found) { out = append(out, f) })
	return out
}

func scanLinks(text string, yield func(Found)) {
	f := finder{text: text, yield: yield, dot: -1, colon: -1, at: -1}
	for pos := 0; ; {
		f.dot = f.next(f.dot, pos, '.')
		f.colon = f.next(f.colon, pos, ':')
		f.at = f.next(f.at, pos, '@')
		i := min(f.dot, f.colon, f.at)
		switch {
		case i == len(text):
			return
		case i == f.dot:
			pos = f.atDot(i)
		case i == f.colon:
			pos = f.atColon(i)
		default:
			pos = f.email(i)
		}
	}
}

// finder holds the next place of each sign that a link must have, and where the
// last link ended.
type finder struct {
	text           string
	yield          func(Found)
	dot, colon, at int
	floor          int
}

func (f *finder) next(known, pos int, c byte) int {
	if known >= pos {
		return known
	}
	if i := strings.IndexByte(f.text[pos:], c); i >= 0 {
		return pos + i
	}
	return len(f.text)
}

func (f *finder) found(start, end int, url, kind string, weak bool) int {
	f.yield(Found{Start: start, End: end, URL: url, Kind: kind, Weak: weak})
	f.floor = end
	return end
}

// atColon reads a link with a scheme, whose colon is at i. It returns where to go on.
func (f *finder) atColon(i int) int {
	t := f.text
	after, before := i+1, i
	if i > 0 && t[i-1] == '[' { // "[:]//" or "[://]"
		before = i - 1
	}
	for after < len(t) && after < i+6 && (isSlash(t[after]) || t[after] == ']') {
		after++
	}
	if after-i < 3 {
		return i + 1
	}
	start := f.schemeStart(before)
	if start < 0 {
		return i + 1
	}
	hostEnd := f.authority(after)
	end := after + latinHead(t[after:hostEnd])
	switch {
	case end == hostEnd && f.hasPath(hostEnd):
		if !hasHost(t[start:hostEnd]) {
			return hostEnd // before the path is read, or "http://%http://%…" would take for ever
		}
		end = f.urlEnd(start, hostEnd)
	default:
		end = f.closed(start, end)
	}
	link := t[start:end]
	if t[start+1]|0x20 != 't' || strings.ContainsAny(t[start:hostEnd], "[({") {
		link = Refang(link)
	}
	l, err := ParseURL(link)
	if err != nil || l.Host == "" {
		return hostEnd
	}
	return f.found(start, end, link, "url", !l.IP.IsValid() && strings.IndexByte(l.Host, '.') < 0)
}

// hasPath tells whether something of a URL follows an authority.
func (f *finder) hasPath(i int) bool {
	return i < len(f.text) && strings.IndexByte(`/?#\\`, f.text[i]) >= 0
}

// hasHost tells whether a link that ends with its authority has a host that can be.
func hasHost(link string) bool {
	if strings.ContainsAny(link, "[({*xX") {
		link = Refang(link)
	}
	l, err := ParseURL(link)
	return err == nil && l.Host != ""
}

// schemeStart returns where the scheme that ends before end starts, -1 if it is none
// that people click. Letters before it do not matter: "seehttp://" is a link too.
func (f *finder) schemeStart(end int) int {
	start := end
	for start > f.floor && end-start < 6 && (alnum(f.text[start-1]) || f.text[start-1] == '*') {
		start--
	}
	word := strings.ToLower(f.text[start:end])
	for _, scheme := range [...]string{"https", "http", "hxxps", "hxxp", "ftp", "h**ps", "h**p", "fxp", "htxp", "hxtp", "htxps", "hxtps"} {
		if strings.HasSuffix(word, scheme) {
			return end - len(scheme)
		}
	}
	return -1
}

// authority returns the end of the authority that starts at i.
func (f *finder) authority(i int) int {
	dotted := false
	for end := min(len(f.text), i+maxAuthority); i < end; {
		c := f.text[i]
		if c == '/' || c == '?' || c == '#' || c == '\\' || asciiStop[c] || nextLink(f.text[i:]) {
			return i
		}
		if c < utf8.RuneSelf {
			dotted = dotted || c == '.'
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(f.text[i:])
		if wideStop(r) && (dotted || r != '\u3002') {
			return i
		}
		i += size
	}
	return i
}

// urlEnd returns where the link ends whose path begins at i: at a blank, a
// bracket of the text or a quotation mark, less the punctuation at its end.
func (f *finder) urlEnd(start, i int) int {
	t := f.text
	for limit := min(len(t), start+MaxURL); i < limit; {
		c := t[i]
		if asciiStop[c] || c == ']' && nextLink(t[i:]) {
			break
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(t[i:])
			if wideStop(r) {
				break
			}
			i += size
			continue
		}
		i++
	}
	return f.closed(start, i)
}

// closed returns the end of start:end less punctuation at its end.
func (f *finder) closed(start, end int) int {
	t := f.text
	var depth [3]int // open ( [ {
	for j := start; j < end; j++ {
		switch t[j] {
		case '(':
			depth[0]++
		case ')':
			depth[0]--
		case '[':
			depth[1]++
		case ']':
			depth[1]--
		case '{':
			depth[2]++
		case '}':
			depth[2]--
		}
	}
	return trimEnd(t, start, end, &depth)
}

// nextLink tells whether another link begins behind the sign at the beginning of s, as in
// Markdown's "](http://…" and in lists without blanks.
func nextLink(s string) bool {
	switch s[0] {
	case ']':
		return strings.HasPrefix(s, "](")
	case ',', ';':
		return len(s) > 5 && (strings.EqualFold(s[1:5], "http") || strings.EqualFold(s[1:5], "hxxp"))
	}
	return false
}

// trimEnd drops closing punctuation: a bracket only if it was not opened in the link.
func trimEnd(t string, start, end int, depth *[3]int) int {
	for end > start {
		c := t[end-1]
		if k := strings.IndexByte(")]}", c); k >= 0 {
			if depth[k] >= 0 {
				return end
			}
			depth[k]++
		} else if strings.IndexByte(".,;:!?'*_\\([{", c) < 0 {
			return end
		}
		end--
	}
	return end
}

// asciiStop are the bytes that end a link in a text.
var asciiStop = func() (t [256]bool) {
	for c := range 0x21 {
		t[c] = true
	}
	for _, c := range []byte("<>\"`|\x7f") {
		t[c] = true
	}
	return t
}()

// wideStop tells the same of other characters: blanks, quotation marks, and the
// punctuation of scripts that put no blank behind it.
func wideStop(r rune) bool {
	switch {
	case r == utf8.RuneError:
		return true
	case r < 0x2000:
		return r == 0xa0 || r == 0x85 || r == 0xab || r == 0xbb || r == 0x1680
	case r < 0x3100 || r >= 0xff00:
		return unicode.IsSpace(r) || r == 0x2028 || r == 0x2029 ||
			strings.ContainsRune("‘’“”„‹›…、。〈〉《》「」『』【】（），；：！？［］｛｝", r)
	}
	return false
}

// atDot reads a domain without a scheme, or an address, around the dot at i.
func (f *finder) atDot(i int) int {
	t := f.text
	if i == 0 || i+1 >= len(t) || !hostByte[t[i-1]] && t[i-1] != '[' && t[i-1] != '(' || !hostByte[t[i+1]] && t[i+1] != ']' && t[i+1] != ')' {
		return i + 1
	}
	start, end := f.hostStart(i), f.hostEnd(i)
	if start == i || end == i+1 {
		return max(end, i+1)
	}
	if at := f.localEnd(end); at > 0 {
		return f.email(at)
	}
	stop := end
	start += latinTail(t[start:end])
	end = start + latinHead(t[start:end])
	for start < end && strings.IndexByte("-_.", t[start]) >= 0 {
		start++
	}
	for end > start && strings.IndexByte("-_.", t[end-1]) >= 0 {
		end--
	}
	return max(f.bare(start, end), stop, i+1)
}

// hostByte are the bytes of host names; all that is not ASCII is decided later.
var hostByte = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c >= 0x80 || alnum(byte(c)) || c == '-' || c == '_'
	}
	return t
}()

// hostStart walks back from the dot at i over a host name, "[.]" and "(.)" included.
func (f *finder) hostStart(i int) int {
	t := f.text
	for limit := max(f.floor, i-maxDomain); i > limit; {
		c := t[i-1]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeLastRuneInString(t[:i])
			if !letter(r) || i-size < limit {
				return i
			}
			i -= size
		case hostByte[c] || c == '.':
			i--
		case (c == '[' || c == '(') && dotBracket(t, i-1):
			i--
		case (c == ']' || c == ')') && i >= 3 && dotBracket(t, i-3) && i-3 >= limit:
			i -= 3
		default:
			return i
		}
	}
	return i
}

func (f *finder) hostEnd(i int) int {
	t := f.text
	if i > 0 && dotBracket(t, i-1) {
		i += 2
	}
	for limit := min(len(t), i+maxDomain); i < limit; {
		c := t[i]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(t[i:])
			if !letter(r) {
				return i
			}
			i += size
		case hostByte[c] || c == '.':
			i++
		case dotBracket(t, i):
			i += 3
		default:
			return i
		}
	}
	return i
}

// dotBracket tells whether "[.]" or "(.)" stands at i.
func dotBracket(t string, i int) bool {
	return i+2 < len(t) && t[i+1] == '.' && (t[i] == '[' && t[i+2] == ']' || t[i] == '(' && t[i+2] == ')')
}

func letter(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '\u200c' || r == '\u200d' || r == 0xb7)
}

// localEnd returns the index of the @ if what stands from i up to the next one belongs
// to a local part, 0 otherwise.
func (f *finder) localEnd(i int) int {
	if f.at < i || f.at-i > 64 || f.at >= len(f.text) {
		return 0
	}
	for ; i < f.at; i++ {
		if !localByte(f.text[i]) {
			return 0
		}
	}
	return f.at
}

// localByte are the bytes of addresses as they occur in text. RFC 5322 allows more
// ("=", "&", "/"), which in text separate.
func localByte(c byte) bool { return hostByte[c] || strings.IndexByte(".+'%~!#$*", c) >= 0 }

// bare yields the domain at start:end, with port and path if there are; it returns where
// it ended, 0 if there is no link.
func (f *finder) bare(start, end int) int {
	t := f.text
	if end-start < 4 || t[end-1] < 'A' && (end == len(t) || t[end] != '/' && t[end] != ':') || t[end-2] == '.' && t[end-1] >= 'A' {
		return 0 // "e.g", "3.14": the most frequent by far
	}
	written := t[start:end]
	if strings.ContainsAny(written, "[(") {
		written = Refang(written)
	}
	tail := f.pathEnd(start, end)
	host, err := domainOrNumber(written)
	if err != nil {
		return 0
	}
	if endsInNumber(host) {
		return f.bareIP(start, end, tail, host)
	}
	www := strings.HasPrefix(host, "www.") && strings.Count(host, ".") > 1
	if !plausible(host) && !www {
		return 0
	}
	kind := "bare"
	if www {
		kind = "www"
	}
	weak := tail == end && !www && doubtful(written, host) || f.besidePath(start, end)
	return f.found(start, tail, "http://"+written+t[end:tail], kind, weak)
}

// bareIP yields an address only where a port or a path follows: versions and section
// numbers look the same.
func (f *finder) bareIP(start, end, tail int, host string) int {
	ip, err := netip.ParseAddr(host)
	if err != nil || tail <= end+1 {
		return 0
	}
	rest := f.text[end+1 : tail]
	weak := f.text[end] == '/' && len(rest) <= 2 && digits(rest) // a range
	return f.found(start, tail, "http://"+ip.String()+f.text[end:tail], "bare", weak)
}

// pathEnd returns the end of port, path and query behind a host that ends at end.
func (f *finder) pathEnd(start, end int) int {
	t, i := f.text, end
	if i < len(t) && t[i] == ':' {
		for i++; i < len(t) && i-end < 7 && '0' <= t[i] && t[i] <= '9'; i++ {
		}
		if i == end+1 || i-end > 6 || i < len(t) && alnum(t[i]) {
			return end
		}
	}
	if i < len(t) && (t[i] == '/' || t[i] == '?' && i+1 < len(t) && alnum(t[i+1]) || t[i] == '#' && i+1 < len(t) && alnum(t[i+1])) {
		return max(end, f.urlEnd(start, i))
	}
	return i
}

// besidePath tells whether a bare domain stands in a file path or a call.
func (f *finder) besidePath(start, end int) bool {
	t := f.text
	return start > 0 && (t[start-1] == '/' || t[start-1] == '\\' || t[start-1] == '$') ||
		end < len(t) && (t[end] == '(' || t[end] == '\\')
}

// doubtful tells whether a bare host is as likely something else.
func doubtful(written, host string) bool {
	dot := strings.LastIndexByte(host, '.')
	tld := host[dot+1:]
	if fileEndings[tld] || sentenceWords[tld] && strings.Count(host, ".") == 1 {
		return true
	}
	last := written[strings.LastIndexByte(written, '.')+1:]
	if len(last) > 1 && 'A' <= last[0] && last[0] <= 'Z' && 'a' <= last[1] && last[1] <= 'z' {
		return true // "end.It"
	}
	return strings.IndexByte(host, '_') >= 0
}

// email yields the address around the @ at i.
func (f *finder) email(i int) int {
	t := f.text
	start := i
	for limit := max(f.floor, i-maxLocal); start > limit && localByte(t[start-1]); {
		if t[start-1] >= utf8.RuneSelf {
			r, size := utf8.DecodeLastRuneInString(t[:start])
			if !letter(r) || start-size < limit {
				break
			}
			start -= size
			continue
		}
		start--
	}
	for start < i && strings.IndexByte(".'!#$*~%-", t[start]) >= 0 {
		start++
	}
	start += latinTail(t[start:i])
	end := f.hostEnd(i + 1)
	end = i + 1 + latinHead(t[i+1:end])
	for end > i+1 && strings.IndexByte("-_.", t[end-1]) >= 0 {
		end--
	}
	if start == i || end == i+1 || strings.IndexByte(t[i+1:end], '.') < 0 {
		return i + 1
	}
	written := t[start:end]
	if strings.ContainsAny(written, "[(") {
		written = Refang(written)
	}
	host, err := Domain(written[strings.IndexByte(written, '@')+1:])
	if err != nil || !ldh(host) {
		return i + 1
	}
	known := plausible(host)
	if !known && imageEndings[host[strings.LastIndexByte(host, '.')+1:]] {
		return i + 1 // "logo@2x.png"
	}
	return f.found(start, end, written, "email", !known)
}
