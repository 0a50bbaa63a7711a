package lineage

import "strings"

// The parser runs in WebAssembly, and there an overflowing stack overwrites the parser's own tables: at some two thousand
// nested expressions it does not fail, it begins to misread. So nesting is bounded before it sees a text, by
// what can nest: brackets; set operations, joins and CASE; and a row of words and operators without a comma, AND or OR
// between them, whose sides stand beside each other.
const (
	maxDepth  = 100
	maxChain  = 300
	maxUnions = 100
)

// nesting reads a text as PostgreSQL's scanner does, as far as strings, quoted names and comments go, and counts the rest.
type nesting struct {
	text   string
	chains []int // tokens since the last comma, at each depth of brackets
	sum    int
	unions int // and joins and cases
}

func nests(text string) error {
	n := nesting{text: text, chains: []int{0}}
	for i := 0; i < len(text); {
		i = n.token(i)
		switch {
		case len(n.chains) > maxDepth:
			return refuse(codeLimit, "Make it simpler.", "the statement nests more than %d levels deep", maxDepth)
		case n.sum > maxChain:
			return refuse(codeLimit, "Use a list, or several statements.", "the statement has an expression of more than %d parts", maxChain)
		case n.unions > maxUnions:
			return refuse(codeLimit, "Use VALUES, or several statements.", "the statement has more than %d set operations, joins and cases", maxUnions)
		}
	}
	return nil
}

// token counts what begins at i and gives where it ends.
func (n *nesting) token(i int) int {
	c, rest := n.text[i], n.text[i:]
	switch {
	case c == '\'':
		return n.add(i + quoted1(rest, '\'', i > 0 && (n.text[i-1] == 'e' || n.text[i-1] == 'E') && (i == 1 || !wordByte(n.text[i-2]))))
	case c == '"':
		return n.add(i + quoted1(rest, '"', false))
	case strings.HasPrefix(rest, "--"):
		if end := strings.IndexAny(rest, "\n\r"); end >= 0 {
			return i + end
		}
		return len(n.text)
	case strings.HasPrefix(rest, "/*"):
		return i + comment(rest)
	case c == '$':
		return n.add(i + dollar(rest))
	case wordByte(c):
		return n.word(i)
	case c == '(' || c == '[':
		n.chains = append(n.chains, 0)
	case c == ')' || c == ']':
		n.close()
	case c == ',' || c == ';':
		n.reset(c)
	case strings.IndexByte("+-*/<>=~!@#%^&|`?:.", c) >= 0:
		return n.add(i + operatorEnd(rest))
	}
	return i + 1
}

// operatorEnd takes a comment's beginning for no part of an operator.
func operatorEnd(rest string) int {
	for k := 0; k < len(rest); k++ {
		if strings.IndexByte("+-*/<>=~!@#%^&|`?:.", rest[k]) < 0 || k > 0 && (strings.HasPrefix(rest[k:], "--") || strings.HasPrefix(rest[k:], "/*")) {
			return k
		}
	}
	return len(rest)
}

func (n *nesting) add(end int) int {
	n.chains[len(n.chains)-1]++
	n.sum++
	return end
}

func (n *nesting) word(i int) int {
	end := i
	for end < len(n.text) && (wordByte(n.text[end]) || n.text[end] == '$') {
		end++
	}
	switch strings.ToLower(n.text[i:end]) {
	case "union", "except", "intersect", "join", "case":
		n.unions++
	case "and", "or":
		n.reset(' ')
	}
	return n.add(end)
}

func (n *nesting) close() {
	last := len(n.chains) - 1
	if last == 0 {
		return
	}
	n.sum -= n.chains[last]
	n.chains = n.chains[:last]
	n.add(0)
}

func (n *nesting) reset(c byte) {
	last := len(n.chains) - 1
	n.sum -= n.chains[last]
	n.chains[last] = 0
	if c == ';' && last == 0 {
		n.unions = 0
	}
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}

func quoted1(s string, quote byte, escapes bool) int {
	for k := 1; k < len(s); k++ {
		switch {
		case escapes && s[k] == '\\', s[k] == quote && k+1 < len(s) && s[k+1] == quote:
			k++
		case s[k] == quote:
			return k + 1
		}
	}
	return len(s)
}

func comment(s string) int {
	depth := 0
	for k := 0; k < len(s)-1; k++ {
		switch s[k : k+2] {
		case "/*":
			depth++
			k++
		case "*/":
			depth--
			k++
		}
		if depth == 0 {
			return k + 1
		}
	}
	return len(s)
}

// dollar gives the end of a dollar-quoted string; a parameter, or a dollar alone, is one byte.
func dollar(s string) int {
	end := 1
	for end < len(s) && wordByte(s[end]) {
		end++
	}
	if end >= len(s) || s[end] != '$' || end > 1 && s[1] >= '0' && s[1] <= '9' {
		return 1
	}
	tag := s[:end+1]
	if close := strings.Index(s[end+1:], tag); close >= 0 {
		return end + 1 + close + len(tag)
	}
	return len(s)
}
