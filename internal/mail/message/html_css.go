package message

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/atom"
)

const (
	maxRules   = 5000 // selectors kept
	maxPerRule = 24   // declarations kept of one selector
)

// sheets reads every <style> before the elements are, because a rule counts for
// what stands above it too. Comments are passed over: what stands in them is
// for Outlook only.
func (s *htmlScan) sheets(text string) {
	for at := 0; ; {
		i := strings.IndexByte(text[at:], '<')
		if i < 0 || at+i+6 >= len(text) {
			return
		}
		at += i
		switch rest := text[at:]; {
		case strings.HasPrefix(rest, "<!--"):
			end := strings.Index(rest[4:], "-->")
			if end < 0 {
				return
			}
			at += end + 7
		case rest[1]|0x20 == 's' && equalFold(rest[1:6], "style"):
			open := strings.IndexByte(rest, '>')
			if open < 0 {
				return
			}
			end := indexFold(rest[open:], "</style")
			if end < 0 {
				end = len(rest) - open
			}
			s.sheet(rest[open+1:open+end], at+open+1)
			at += open + end
		default:
			at++
		}
	}
}

// indexFold finds an ASCII string whatever its case; want is lower case.
func indexFold(s, want string) int {
	for at := 0; ; {
		i := strings.IndexByte(s[at:], want[0])
		if i < 0 || at+i+len(want) > len(s) {
			return -1
		}
		at += i
		if strings.EqualFold(s[at:at+len(want)], want) {
			return at
		}
		at++
	}
}

// sheet reads one style sheet that stands at offset of the text.
func (s *htmlScan) sheet(css string, offset int) {
	size := len(css)
	where := func(start, end int) (int, int) { return offset + start, offset + end }
	if hasEscape(css) { // offsets are lost; point to the whole sheet
		css = cssUnescape(css)
		where = func(int, int) (int, int) { return offset, offset + size }
	}
	css = blankComments(css)
	s.ruleList(css, 0, true, where, 0)
}

type locate func(start, end int) (int, int)

// ruleList reads rules; base is where css begins in its sheet, and applies says
// whether the rules hold on an ordinary screen.
func (s *htmlScan) ruleList(css string, base int, applies bool, where locate, depth int) {
	for at := 0; at < len(css); {
		brace := strings.IndexAny(css[at:], "{;}")
		if brace < 0 {
			s.importRule(css[at:], base+at, where)
			return
		}
		head := css[at : at+brace]
		headAt := at
		at += brace + 1
		if css[at-1] != '{' {
			s.importRule(head, base+headAt, where)
			continue
		}
		prelude := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(head), "<!--"))
		if strings.HasPrefix(prelude, "@") && !strings.HasPrefix(prelude, "@font-face") {
			end := blockEnd(css, at)
			if depth < 4 {
				s.ruleList(css[at:end], base+at, applies && holdsOnScreen(prelude), where, depth+1)
			}
			at = end + 1
			continue
		}
		end := strings.IndexByte(css[at:], '}')
		if end < 0 {
			end = len(css) - at
		}
		s.rule(prelude, css[at:at+end], base+at, applies, where)
		at += end + 1
	}
}

// blockEnd finds the brace that closes the block css[at:] stands in.
func blockEnd(css string, at int) int {
	for depth := 1; ; at++ {
		i := strings.IndexAny(css[at:], "{}")
		if i < 0 {
			return len(css)
		}
		at += i
		if css[at] == '{' {
			depth++
		} else if depth--; depth == 0 {
			return at
		}
	}
}

// holdsOnScreen reports whether an at-rule's content always holds: media
// queries with conditions are for telephones and print.
func holdsOnScreen(prelude string) bool {
	switch strings.ToLower(strings.Join(strings.Fields(prelude), " ")) {
	case "@media all", "@media screen", "@media only screen", "@media":
		return true
	}
	return false
}

// importRule reads @import "url" and @import url(…).
func (s *htmlScan) importRule(rule string, base int, where locate) {
	i := indexFold(rule, "@import")
	if i < 0 {
		return
	}
	arg := strings.TrimSpace(rule[i+len("@import"):])
	if len(arg) > 4 && strings.EqualFold(arg[:4], "url(") {
		s.cssURLs("import", rule, &s.stack[0], func(start, end int) (int, int) { return where(base+start, base+end) })
		return
	}
	if arg == "" || arg[0] != '"' && arg[0] != '\'' {
		return
	}
	if end := strings.IndexByte(arg[1:], arg[0]); end >= 0 {
		start, stop := where(base, base+len(rule))
		s.remote("import", arg[1:1+end], &element{style: rootStyle()}, start, stop)
	}
}

func (s *htmlScan) rule(selectors, body string, base int, applies bool, where locate) {
	at := func(start, end int) (int, int) { return where(base+start, base+end) }
	root := element{style: rootStyle()}
	s.attrs = s.attrs[:0]
	if strings.HasPrefix(selectors, "@font-face") {
		s.cssURLs("font", body, &root, at)
		return
	}
	s.cssURLs("css-background", body, &root, at)
	if !applies || len(s.rules) >= maxRules {
		return
	}
	var normal, important []declaration
	eachDeclaration(body, func(property, value string) {
		if !matters(property) || len(normal)+len(important) >= maxPerRule {
			return
		}
		if v, ok := cutImportant(value); ok {
			important = append(important, declaration{property, v})
		} else {
			normal = append(normal, declaration{property, value})
		}
	})
	if len(normal)+len(important) == 0 {
		return
	}
	for selectors != "" {
		var one string
		one, selectors, _ = strings.Cut(selectors, ",")
		s.keep(strings.TrimSpace(one), normal, important)
	}
}

// keep stores the declarations of a simple selector. One that says more than
// that is not followed; if it sets a background, the page's is no longer known.
func (s *htmlScan) keep(text string, normal, important []declaration) {
	sel, ok := parseSelector(text)
	if !ok {
		for _, d := range append(normal[:len(normal):len(normal)], important...) {
			if strings.HasPrefix(d.property, "background") {
				s.stack[0].style.bg = unknownColour
			}
		}
		return
	}
	if s.rules == nil {
		s.rules = make(map[selector][]declaration)
	}
	if len(s.rules) >= maxRules {
		return
	}
	s.add(sel, normal)
	if sel.important = true; len(important) > 0 {
		s.important = true
		s.add(sel, important)
	}
}

func (s *htmlScan) add(sel selector, declarations []declaration) {
	have := s.rules[sel]
	switch {
	case len(declarations) == 0:
	case have == nil:
		s.rules[sel] = declarations[:len(declarations):len(declarations)]
	case len(have)+len(declarations) > maxPerRule:
		s.rules[sel] = append(have[min(len(declarations), len(have)):len(have):len(have)], declarations...)
	default:
		s.rules[sel] = append(have, declarations...)
	}
}

func parseSelector(text string) (sel selector, ok bool) {
	i := strings.IndexAny(text, ".#")
	tag := text
	if i >= 0 {
		tag, sel.kind, sel.name = text[:i], text[i], text[i+1:]
		if sel.name == "" || !isName(sel.name) {
			return sel, false
		}
	}
	if tag != "" && tag != "*" {
		if sel.tag = atom.Lookup([]byte(strings.ToLower(tag))); sel.tag == 0 {
			return sel, false
		}
	} else if i < 0 {
		return sel, false
	}
	return sel, true
}

func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c >= 0x80) {
			return false
		}
	}
	return true
}

// eachDeclaration calls f with every property (lower case) and value.
func eachDeclaration(css string, f func(property, value string)) {
	if strings.IndexByte(css, '\\') >= 0 && hasEscape(css) {
		css = cssUnescape(css)
	}
	css = blankComments(css)
	for broken := false; css != ""; {
		var colon, end int
		if colon, end, broken = declarationEnd(css, broken); end < 0 {
			end = len(css)
		}
		if colon >= 0 && colon < end {
			f(lowerName(strings.TrimSpace(css[:colon])), strings.TrimSpace(css[colon+1:end]))
		}
		css = css[min(end+1, len(css)):]
	}
}

// declarationEnd finds the semicolon outside brackets and quotes, -1 for none, and
// the first colon. Once a bracket or quote proved never to close, every semicolon
// counts: looking for the close again each time would take the square of the length.
func declarationEnd(css string, broken bool) (colon, end int, stillBroken bool) {
	if broken {
		if end = strings.IndexByte(css, ';'); end >= 0 {
			css = css[:end]
		}
		return strings.IndexByte(css, ':'), end, true
	}
	depth := 0
	colon = -1
	var quote byte
	for i := 0; i < len(css); i++ {
		c := css[i]
		if !divides[c] {
			continue
		}
		switch {
		case c == ':':
			if colon < 0 {
				colon = i
			}
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == ';' && depth == 0:
			return colon, i, false
		}
	}
	if depth > 0 || quote != 0 {
		return colon, strings.IndexByte(css, ';'), true
	}
	return colon, -1, false
}

// divides are the bytes that matter to declarationEnd.
var divides = [256]bool{';': true, ':': true, '"': true, '\'': true, '(': true, ')': true}

func cutImportant(value string) (string, bool) {
	i := strings.IndexByte(value, '!')
	if i < 0 || !strings.EqualFold(strings.TrimSpace(value[i+1:]), "important") {
		return value, false
	}
	return strings.TrimSpace(value[:i]), true
}

// cssURLs notes what url(…) and image-set(…) fetch.
func (s *htmlScan) cssURLs(kind, css string, e *element, where locate) {
	for at := 0; ; {
		open := strings.IndexByte(css[at:], '(')
		if open < 0 {
			return
		}
		open += at
		at = open + 1
		switch before := css[:open]; {
		case hasSuffixFold(before, "url"):
			arg, end := urlArgument(css, at)
			start, stop := where(open-3, end)
			s.remote(kind, cssUnescape(arg), e, start, stop)
			at = end
		case hasSuffixFold(before, "image-set"):
			s.imageSet(kind, css, open, e, where)
		}
	}
}

// imageSet reads the strings of image-set("a.png" 1x, …); url() inside is found
// by itself.
func (s *htmlScan) imageSet(kind, css string, open int, e *element, where locate) {
	arg := css[open+1 : min(len(css), open+1+4096)]
	end := strings.IndexByte(arg, ')')
	if end < 0 || strings.Contains(arg[:end], "(") {
		return
	}
	start, stop := where(open-len("image-set"), open+1+end+1)
	for _, text := range strings.FieldsFunc(arg[:end], func(r rune) bool { return r == '"' || r == '\'' }) {
		s.remote(kind, text, e, start, stop) // "1x" between them is no URL
	}
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// urlArgument reads what stands in url(…), quoted or not. One that never closes
// takes the rest, as in browsers.
func urlArgument(css string, at int) (arg string, end int) {
	rest := css[at:]
	trimmed := strings.TrimLeft(rest, " \t\r\n")
	skip := len(rest) - len(trimmed)
	if trimmed != "" && (trimmed[0] == '"' || trimmed[0] == '\'') {
		if i := strings.IndexByte(trimmed[1:], trimmed[0]); i >= 0 {
			return trimmed[1 : 1+i], at + skip + i + 2
		}
	}
	i := strings.IndexByte(trimmed, ')')
	if i < 0 {
		i = len(trimmed) - 1
	}
	return strings.Trim(trimmed[:max(i, 0)], " \t\r\n\"'"), at + skip + i + 1
}

// blankComments puts spaces in place of comments, so that offsets stay.
func blankComments(css string) string {
	i := strings.Index(css, "/*")
	if i < 0 {
		return css
	}
	out := []byte(css)
	for i < len(out) {
		end := strings.Index(css[i+2:], "*/")
		stop := len(css)
		if end >= 0 {
			stop = i + 2 + end + 2
		}
		for j := i; j < stop; j++ {
			out[j] = ' '
		}
		next := strings.Index(css[stop:], "/*")
		if next < 0 {
			break
		}
		i = stop + next
	}
	return string(out)
}

// hasEscape reports a CSS escape of a letter by its number, which only those
// write who do not want to be read.
func hasEscape(css string) bool {
	for i := strings.IndexByte(css, '\\'); i >= 0; {
		if i+1 < len(css) && isHex(css[i+1]) {
			return true
		}
		next := strings.IndexByte(css[i+1:], '\\')
		if next < 0 {
			return false
		}
		i += 1 + next
	}
	return false
}

// cssUnescape undoes backslash escapes (CSS Syntax §4.3.7).
func cssUnescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			out = append(out, s[i])
			continue
		}
		i++
		n := 0
		for n < 6 && i+n < len(s) && isHex(s[i+n]) {
			n++
		}
		if n == 0 {
			if s[i] != '\n' {
				out = append(out, s[i])
			}
			continue
		}
		v, _ := strconv.ParseUint(s[i:i+n], 16, 32)
		out = utf8.AppendRune(out, rune(v))
		if i += n; i >= len(s) || s[i] != ' ' {
			i--
		}
	}
	return string(out)
}
