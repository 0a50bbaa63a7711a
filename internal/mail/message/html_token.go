package message

import (
	"strings"

	"golang.org/x/net/html/atom"
)

// Splitting HTML into tokens is a third of what reading a mail costs, so it is
// done here and not by a library: over the string itself, by offsets, copying
// nothing. It follows the tokenization stage of the WHATWG HTML standard
// (§13.2.5); golang.org/x/net/html is the oracle in the tests. It differs from the
// standard in what mail asks for, and the tests name each difference:
//
//   - <noscript> holds markup (§13.2.6.4.4 with scripting disabled): mail programs
//     run no scripts.
//   - <![CDATA[ is always a bogus comment (§13.2.5.42), as in HTML content; whether
//     an element is foreign (SVG, MathML) only a tree builder knows.
//   - NUL in text stays: the layout takes it for white space, as it takes all control
//     characters, where §13.2.5.1 and .2 would drop it or put U+FFFD.
//   - CR and CRLF are not replaced beforehand (§13.2.3.5), which would cost the
//     offsets: CR counts as white space, and is replaced in values as they are read.
//
// It differs from x/net/html, and follows the standard, within
// <script><!-- … < …: there "<" leaves the escaped state in x/net, and does not by
// §13.2.5.23.

// tokenKind tells what a token is.
type tokenKind uint8

const (
	noToken    tokenKind = iota // the end; a tag that never ends is no token (§13.2.5, eof-in-tag)
	textToken                   // character references count
	rawToken                    // text in which they do not
	startToken                  // self-closing or not, which HTML elements ignore
	endToken
	commentToken // declarations and bogus comments too
)

// tokenizer goes through text. A token is text[start:end]; together tokens are
// all of it, but for a tag that never ends.
type tokenizer struct {
	text       string
	start, end int
	tag        atom.Atom // of a tag
	name       string    // … where no atom stands for it, lower case
	attrs      []attr    // of a start tag, in order
	within     atom.Atom // the element just begun holds text only
}

// attr is one attribute. Of two of one name the first counts (§13.2.5.33): look-ups
// stop there.
type attr struct {
	key, val string // lower case; as it stands where coded is set
	coded    bool   // val holds character references, CR or NUL
}

// value is the attribute's value, decoded when first asked for.
func (a *attr) value() string {
	if a.coded {
		a.val, a.coded = decodeAttr(a.val), false
	}
	return a.val
}

func (z *tokenizer) next() tokenKind {
	z.start = z.end
	if z.within != 0 {
		tag := z.within
		z.within = 0
		if z.end = z.rawEnd(tag); z.end > z.start {
			if tag == atom.Title || tag == atom.Textarea {
				return textToken
			}
			return rawToken
		}
	}
	if z.start >= len(z.text) {
		return noToken
	}
	if at := z.markup(); at > z.start {
		z.end = at
		return textToken
	}
	switch c := z.text[z.start+1]; {
	case c == '!' && strings.HasPrefix(z.text[z.start+2:], "--"):
		z.end = commentEnd(z.text, z.start+4)
		return commentToken
	case c == '!' || c == '?' || c == '/' && !isLetter(z.text[z.start+2]):
		z.end = past(z.text, z.start+2, '>')
		return commentToken
	case c == '/':
		return z.endTag()
	}
	return z.startTag()
}

// markup finds where text ends and a tag or comment begins (§13.2.5.1, .6 and .7).
func (z *tokenizer) markup() int {
	for at := z.start; ; at++ {
		i := strings.IndexByte(z.text[at:], '<')
		if i < 0 {
			return len(z.text)
		}
		at += i
		rest := z.text[at:]
		if len(rest) < 2 || rest == "</" {
			return len(z.text)
		}
		if c := rest[1]; isLetter(c) || c == '/' || c == '!' || c == '?' {
			return at
		}
	}
}

func (z *tokenizer) startTag() tokenKind {
	at := z.tagName(z.start + 1)
	z.attrs = z.attrs[:0]
	if z.end = z.attributes(at, true); z.end < 0 {
		z.end = len(z.text)
		return noToken
	}
	switch z.tag {
	case atom.Iframe, atom.Noembed, atom.Noframes, atom.Plaintext, atom.Script, atom.Style, atom.Textarea, atom.Title, atom.Xmp:
		z.within = z.tag
	}
	return startToken
}

func (z *tokenizer) endTag() tokenKind {
	at := z.tagName(z.start + 2)
	if at < len(z.text) && z.text[at] == '>' {
		z.end = at + 1
		return endToken
	}
	if z.end = z.attributes(at, false); z.end < 0 {
		z.end = len(z.text)
		return noToken
	}
	return endToken
}

// tagName reads the name that begins at at and returns where it ends (§13.2.5.8).
func (z *tokenizer) tagName(at int) int {
	var buf [24]byte
	from := at
	for ; at < len(z.text); at++ {
		c := z.text[at]
		if c <= '>' && (c == '>' || c == '/' || isHTMLSpace(c)) {
			break
		}
		if n := at - from; n < len(buf) {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			buf[n] = c
		}
	}
	z.tag, z.name = 0, ""
	if n := at - from; n > len(buf) {
		z.name = lowerName(z.text[from:at])
	} else if z.tag = atom.Lookup(buf[:n]); z.tag == 0 {
		z.name = lowerName(z.text[from:at])
	}
	return at
}

// attributes reads from behind the tag's name to behind its ">" (§13.2.5.32 to
// .40); -1 is that the tag never ends.
func (z *tokenizer) attributes(at int, keep bool) int {
	text := z.text
	for {
		for at < len(text) && (text[at] == '/' || isHTMLSpace(text[at])) {
			at++
		}
		if at >= len(text) {
			return -1
		}
		if text[at] == '>' {
			return at + 1
		}
		key := at
		at = keyEnd(text, at)
		a := attr{key: text[key:at]}
		at = skipSpace(text, at)
		if at < len(text) && text[at] == '=' {
			var from, to int
			if from, to, at = attrValue(text, skipSpace(text, at+1)); at < 0 {
				return -1
			}
			a.val = text[from:to]
		}
		if keep {
			a.key, a.coded = lowerName(a.key), isCoded(a.val)
			z.attrs = append(z.attrs, a)
		}
	}
}

// keyEnd finds where an attribute's name ends. An equals sign in front belongs to
// it (§13.2.5.32).
func keyEnd(text string, at int) int {
	for at++; at < len(text); at++ {
		if c := text[at]; c <= '>' && (c == '=' || c == '>' || c == '/' || isHTMLSpace(c)) {
			break
		}
	}
	return at
}

// attrValue reads the value that begins at at (§13.2.5.35 to .38) and says where to
// go on, -1 for a quote that never closes.
func attrValue(text string, at int) (from, to, next int) {
	if at >= len(text) {
		return 0, 0, -1
	}
	if q := text[at]; q == '"' || q == '\'' {
		i := strings.IndexByte(text[at+1:], q)
		if i < 0 {
			return 0, 0, -1
		}
		return at + 1, at + 1 + i, at + i + 2
	}
	from = at
	for at < len(text) && text[at] != '>' && !isHTMLSpace(text[at]) {
		at++
	}
	return from, at, at
}

// rawEnd finds where the text of an element ends that holds no markup (§13.2.5.9
// to .14): before its end tag.
func (z *tokenizer) rawEnd(tag atom.Atom) int {
	switch tag {
	case atom.Plaintext:
		return len(z.text)
	case atom.Script:
		return scriptEnd(z.text, z.start)
	}
	name := tag.String()
	for at := z.start; ; at++ {
		i := strings.IndexByte(z.text[at:], '<')
		if i < 0 {
			return len(z.text)
		}
		if at += i; closes(z.text[at:], name) {
			return at
		}
	}
}

// closes tells whether s begins with the end tag of that name (§13.2.5.11).
func closes(s, name string) bool {
	n := len("</") + len(name)
	return len(s) > n && s[1] == '/' && equalFold(s[2:n], name) && endsTagName(s[n])
}

func endsTagName(c byte) bool { return c == '>' || c == '/' || isHTMLSpace(c) }

// scriptEnd finds the end tag that ends a script: one within "<!-- <script>" does
// not (§13.2.5.15 to .31).
func scriptEnd(s string, at int) int {
	for ; ; at++ {
		i := strings.IndexByte(s[at:], '<')
		if i < 0 {
			return len(s)
		}
		at += i
		if closes(s[at:], "script") {
			return at
		}
		if strings.HasPrefix(s[at:], "<!--") {
			end, ended := escapedScript(s, at+4)
			if ended {
				return end
			}
			at = end - 1
		}
	}
}

// escapedScript goes through what follows "<!--" in a script, up to the end tag
// (ended) or behind "-->".
func escapedScript(s string, at int) (end int, ended bool) {
	double := false // within an inner <script>
	for dashes := 2; at < len(s); at++ {
		switch c := s[at]; {
		case c == '-':
			dashes++
			continue
		case c == '>' && dashes >= 2:
			return at + 1, false
		case c == '<' && closes(s[at:], "script"):
			if !double {
				return at, true
			}
			double = false
			at += len("</script")
		case c == '<' && !double && opens(s[at:], "script"):
			double = true
			at += len("<script")
		}
		dashes = 0
	}
	return len(s), true
}

func opens(s, name string) bool {
	n := 1 + len(name)
	return len(s) > n && equalFold(s[1:n], name) && endsTagName(s[n])
}

// commentEnd finds the end of a comment whose text begins at from: "-->", "--!>",
// or ">" or "->" right at its beginning (§13.2.5.43 to .52).
func commentEnd(text string, from int) int {
	for at := from; ; at++ {
		i := strings.IndexByte(text[at:], '>')
		if i < 0 {
			return len(text)
		}
		at += i
		body := text[from:at]
		if body == "" || body == "-" || strings.HasSuffix(body, "--") || strings.HasSuffix(body, "--!") {
			return at + 1
		}
	}
}

// past is behind the next c, or the end.
func past(text string, from int, c byte) int {
	i := strings.IndexByte(text[from:], c)
	if i < 0 {
		return len(text)
	}
	return from + i + 1
}

func isLetter(c byte) bool { c |= 0x20; return c >= 'a' && c <= 'z' }

// isHTMLSpace is what HTML counts as white space, and CR.
func isHTMLSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' }

func skipSpace(text string, at int) int {
	for at < len(text) && isHTMLSpace(text[at]) {
		at++
	}
	return at
}

// lowerName lowers ASCII letters only, as HTML does. Few names need it, and of
// those nearly all are known and cost no allocation.
func lowerName(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			return lowered(s)
		}
	}
	return s
}

func lowered(s string) string {
	var buf [32]byte
	b := append(buf[:0], s...)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	if a := atom.Lookup(b); a != 0 {
		return a.String()
	}
	return string(b)
}
