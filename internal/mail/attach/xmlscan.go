package attach

import (
	"bytes"
	"html"
	"strings"
)

// tag is one tag of XML as it stands; office documents are megabytes of it, so
// nothing is copied and nothing checked for being well formed.
type tag struct {
	name        []byte // without the prefix
	attrs       []byte
	start, end  int
	closing     bool // </x>
	selfClosing bool // <x/>
}

// tags calls each for every tag with the text before it. It stops when each
// returns false.
func tags(data []byte, each func(t tag, text []byte) bool) {
	for at := 0; at < len(data); {
		i := bytes.IndexByte(data[at:], '<')
		if i < 0 {
			return
		}
		start := at + i
		j := bytes.IndexByte(data[start:], '>')
		if j < 0 {
			return
		}
		end := start + j + 1
		t := parseTag(data[start+1:end-1], start, end)
		if !each(t, data[at:start]) {
			return
		}
		at = end
	}
}

func parseTag(body []byte, start, end int) tag {
	t := tag{start: start, end: end}
	if len(body) > 0 && body[0] == '/' {
		t.closing, body = true, body[1:]
	}
	if len(body) > 0 && body[len(body)-1] == '/' {
		t.selfClosing, body = true, body[:len(body)-1]
	}
	name := body
	if i := bytes.IndexAny(body, " \t\r\n"); i >= 0 {
		name, t.attrs = body[:i], body[i:]
	}
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	t.name = name
	return t
}

func (t tag) is(name string) bool { return string(t.name) == name }

// attr returns an attribute by its name without prefix, entities decoded.
func (t tag) attr(name string) string {
	rest := t.attrs
	for {
		eq := bytes.IndexByte(rest, '=')
		if eq < 0 {
			return ""
		}
		key := bytes.TrimSpace(rest[:eq])
		if i := bytes.IndexByte(key, ':'); i >= 0 {
			key = key[i+1:]
		}
		rest = bytes.TrimLeft(rest[eq+1:], " \t\r\n")
		if len(rest) == 0 {
			return ""
		}
		quote := rest[0]
		if quote != '"' && quote != '\'' {
			return ""
		}
		end := bytes.IndexByte(rest[1:], quote)
		if end < 0 {
			return ""
		}
		if strings.EqualFold(string(key), name) {
			return unescape(rest[1 : 1+end])
		}
		rest = rest[end+2:]
	}
}

// unescape decodes character references.
func unescape(text []byte) string {
	if bytes.IndexByte(text, '&') < 0 {
		return string(text)
	}
	return html.UnescapeString(string(text))
}

// addText appends to the report's text within its limit and tells whether there is room.
func (in *inspection) addText(c content, s string) bool {
	room := in.b.Limits.Text - len(in.r.Text)
	if len(s) > room {
		in.incomplete("more than %d bytes of text, the rest is not kept (first in %s)", in.b.Limits.Text, in.firstTooLong(c))
		s = clip(s, max(room, 0))
	}
	if in.r.Text == "" {
		in.r.Text = s
	} else if s != "" {
		in.r.Text += "\n" + s
	}
	return len(in.r.Text) < in.b.Limits.Text
}

// firstTooLong keeps the sentence the same for all that follows, so that it is said once.
func (in *inspection) firstTooLong(c content) string {
	if in.textCut == "" {
		in.textCut = c.label()
	}
	return in.textCut
}
