package register

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"portcullis.example/portcullis/internal/register/lineage"
)

// Many programs write the values into the text: each look-up is another text, and parsing each anew would cost
// more than PostgreSQL does. A template is a text with its compared values taken out: plain
// integers and plain strings right behind = < > <= >= <> !=, with nothing behind them that could give
// them another meaning. What a statement discloses does not depend on such a value, so texts of one
// template share a judgement. Everything else (LIMIT, LIKE, IN, casts, arguments of functions, ORDER BY 1)
// stays in the template as it is.
//
// The judgement is made of the template with marks in place of its values, and of the first real text
// too: unless both agree in all but the marks, and each mark stands exactly once in what is sent on, the template
// is not used.
type template struct {
	plan  *lineage.Plan
	parts []string // of the text to send on, between the values; nil: the text goes on as it came
	order []int    // which value stands behind each part but the last
	grows int      // by how much a text is longer when it is sent on, about
}

// templates are kept for one state of what is known.
type templates struct {
	mu sync.RWMutex
	m  map[string]*template // nil value: this one cannot be shared
}

// maxTemplates and maxTemplateText bound what is kept.
const (
	maxTemplates    = 4096
	maxTemplateText = 4 << 10
	maxValues       = 64
)

func newTemplates() *templates { return &templates{m: map[string]*template{}} }

func (t *templates) get(key []byte) (tpl *template, known bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	tpl, known = t.m[string(key)]
	return tpl, known
}

func (t *templates) put(key []byte, tpl *template) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.m) >= maxTemplates {
		clear(t.m)
	}
	t.m[string(key)] = tpl
}

// cutter takes the values out of a text. Its buffers are used again.
type cutter struct {
	key    []byte // the template: settings, a zero byte, and the text with a zero byte in place of each value
	values [][2]int
}

// cut finds the values of a text. Not ok: it has something that this scan does not read (comments,
// dollar quotes, escapes, several statements), or no value.
func (c *cutter) cut(settings, text string) bool {
	c.key = append(append(c.key[:0], settings...), 0)
	c.values = c.values[:0]
	if len(text) > maxTemplateText {
		return false
	}
	compared, from := false, 0
	for i := 0; i < len(text); {
		end, kind := token(text, i)
		if kind == tokenBad {
			return false
		}
		if compared && (kind == tokenInteger || kind == tokenString) && endsThere(text, end) {
			c.key = append(append(c.key, text[from:i]...), 0)
			c.values = append(c.values, [2]int{i, end})
			from = end
		}
		if kind != tokenSpace {
			compared = kind == tokenComparison
		}
		i = end
	}
	c.key = append(c.key, text[from:]...)
	return len(c.values) > 0 && len(c.values) <= maxValues
}

type tokenKind uint8

const (
	tokenBad tokenKind = iota
	tokenSpace
	tokenWord
	tokenInteger
	tokenString
	tokenComparison
	tokenOther
)

// maxDigits keep an integer an int4, whatever its value.
const maxDigits = 9

// token finds the end of what begins at i.
func token(s string, i int) (end int, kind tokenKind) {
	switch c := s[i]; {
	case c == ' ' || c == '\n' || c == '\t' || c == '\r':
		return i + 1, tokenSpace
	case isLetter(c):
		return word(s, i)
	case isDigit(c):
		return number(s, i)
	case c == '\'':
		return quote(s, i, '\'', tokenString)
	case c == '"':
		return quote(s, i, '"', tokenWord)
	case strings.IndexByte("=<>!", c) >= 0:
		return comparison(s, i)
	case strings.IndexByte("(),.*+[]:%", c) >= 0:
		return i + 1, tokenOther
	case c == ';' && strings.TrimRight(s[i:], "; \n\t\r") == "":
		return len(s), tokenOther
	}
	return 0, tokenBad // comments begin with - or /, dollar quotes with $, other operators are rare
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func word(s string, i int) (int, tokenKind) {
	end := i
	for end < len(s) && (isLetter(s[end]) || isDigit(s[end])) {
		end++
	}
	if end < len(s) && (s[end] == '\'' || s[end] == '&' || s[end] == '$' || s[end] >= 0x80) {
		return 0, tokenBad // E'…', U&'…', names with $ or beyond ASCII
	}
	return end, tokenWord
}

func number(s string, i int) (int, tokenKind) {
	end := i
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	if end < len(s) && (s[end] == '.' || isLetter(s[end]) || s[end] >= 0x80) || end-i > maxDigits {
		return 0, tokenBad
	}
	return end, tokenInteger
}

// quote is a plain string or name: nothing doubled, no backslash, ASCII.
func quote(s string, i int, q byte, kind tokenKind) (int, tokenKind) {
	for end := i + 1; end < len(s); end++ {
		switch c := s[end]; {
		case c == q:
			if end+1 < len(s) && s[end+1] == q {
				return 0, tokenBad
			}
			return end + 1, kind
		case c == '\\' || c < ' ' || c >= 0x7f:
			return 0, tokenBad
		}
	}
	return 0, tokenBad
}

var comparisons = []string{"=", "<", ">", "<=", ">=", "<>", "!="}

func comparison(s string, i int) (int, tokenKind) {
	end := i
	for end < len(s) && strings.IndexByte("=<>!+-*/%@#&|^~?`", s[end]) >= 0 {
		end++
	}
	if !slices.Contains(comparisons, s[i:end]) {
		return 0, tokenBad
	}
	return end, tokenComparison
}

// endsThere tells that a value ends with itself: behind it comes the end, a bracket, a comma, or a
// word that ends an expression.
func endsThere(s string, end int) bool {
	rest := strings.TrimLeft(s[end:], " \n\t\r")
	if rest == "" || rest[0] == ')' || rest[0] == ',' || rest[0] == ';' {
		return true
	}
	n := 0
	for n < len(rest) && isLetter(rest[n]) {
		n++
	}
	switch strings.ToUpper(rest[:n]) {
	case "AND", "OR", "ORDER", "LIMIT", "GROUP", "HAVING", "FETCH", "OFFSET", "RETURNING", "UNION":
		return end < len(s) && rest != s[end:]
	}
	return false
}

// mark stands for value i: an integer of nine digits, or a string that no policy or text has by accident.
func mark(i int, like byte) string {
	if like == '\'' {
		return fmt.Sprintf("'pq7zk%02dx'", i)
	}
	return fmt.Sprintf("8675309%02d", i)
}

var errShared = errors.New("texts of this template do not share a judgement")

// learn makes a template of a text, given the plan of the text itself.
func (c *cutter) learn(text string, own *lineage.Plan, analyse func(string) ([]lineage.Plan, error)) (*template, error) {
	marked := make([]byte, 0, len(text)+16*len(c.values))
	from := 0
	for i, v := range c.values {
		m := mark(i, text[v[0]])
		if strings.Contains(text, strings.Trim(m, "'")) {
			return nil, errShared
		}
		marked = append(append(marked, text[from:v[0]]...), m...)
		from = v[1]
	}
	plans, err := analyse(string(append(marked, text[from:]...)))
	if err != nil || len(plans) != 1 {
		return nil, errShared
	}
	p := &plans[0]
	if p.Kind != own.Kind || p.Fingerprint != own.Fingerprint || p.Rewritten != own.Rewritten || p.Shape != own.Shape || len(p.Sets) > 0 || len(p.Temp) > 0 || p.Name != "" || p.Refusal != nil {
		return nil, errShared
	}
	t := &template{plan: p}
	if !p.Rewritten {
		return t, nil
	}
	return t, c.split(t, text, own.Text)
}

// split cuts what is sent on at the marks, and checks it against the text that was judged by itself.
func (c *cutter) split(t *template, text, want string) error {
	rest := t.plan.Text
	for rest != "" {
		at, which, length := len(rest), -1, 0
		for i, v := range c.values {
			m := mark(i, text[v[0]])
			if strings.Count(t.plan.Text, m) != 1 {
				return errShared
			}
			if n := strings.Index(rest, m); n >= 0 && n < at {
				at, which, length = n, i, len(m)
			}
		}
		t.parts = append(t.parts, rest[:at])
		if which < 0 {
			break
		}
		t.order = append(t.order, which)
		rest = rest[at+length:]
		if rest == "" {
			t.parts = append(t.parts, "")
		}
	}
	if c.fill(t, text) != want {
		return errShared
	}
	t.grows = max(0, len(want)-len(text))
	return nil
}

// fill writes the text to send on, with the values of a text.
func (c *cutter) fill(t *template, text string) string {
	if t.parts == nil {
		return ""
	}
	var b strings.Builder
	b.Grow(len(text) + t.grows)
	for i, part := range t.parts {
		b.WriteString(part)
		if i < len(t.order) {
			v := c.values[t.order[i]]
			b.WriteString(text[v[0]:v[1]])
		}
	}
	return b.String()
}
