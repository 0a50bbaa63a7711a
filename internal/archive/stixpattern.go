package archive

import (
	"errors"
	"fmt"
	"strings"
)

// stixTerm is one comparison of a STIX pattern (STIX 2.1 §9): an object path equals
// a value.
type stixTerm struct{ path, value string }

// maxStixTerms bounds one pattern.
const maxStixTerms = 10_000

// parseStixPattern reads patterns of which each comparison alone is enough: equalities,
// IN and ISSUBSET, joined by OR, within observations or between them. Any other cannot be
// answered by a look into the archive, and is an error.
func parseStixPattern(text string) ([]stixTerm, error) {
	p := stixParser{rest: text}
	if err := p.observations(0); err != nil {
		return nil, fmt.Errorf("pattern %.200q: %w", text, err)
	}
	if tok, _ := p.peek(); tok != "" {
		return nil, fmt.Errorf("pattern %.200q: %w", text, p.unexpected(tok))
	}
	return p.terms, nil
}

type stixParser struct {
	rest  string
	terms []stixTerm
}

const maxStixDepth = 32

// observations reads [..] OR [..], in brackets or not.
func (p *stixParser) observations(depth int) error {
	return p.joined(depth, func() error {
		switch tok, err := p.next(); {
		case err != nil:
			return err
		case tok == "[":
			if err := p.comparisons(depth + 1); err != nil {
				return err
			}
			return p.expect("]")
		case tok == "(":
			if err := p.observations(depth + 1); err != nil {
				return err
			}
			return p.expect(")")
		default:
			return p.unexpected(tok)
		}
	})
}

func (p *stixParser) comparisons(depth int) error {
	return p.joined(depth, func() error {
		tok, err := p.peek()
		if err != nil {
			return err
		}
		if tok != "(" {
			return p.comparison()
		}
		_, _ = p.next()
		if err := p.comparisons(depth + 1); err != nil {
			return err
		}
		return p.expect(")")
	})
}

// joined reads what one reads, and more after each OR.
func (p *stixParser) joined(depth int, one func() error) error {
	if depth > maxStixDepth {
		return errors.New("too many brackets within each other")
	}
	for {
		if err := one(); err != nil {
			return err
		}
		tok, err := p.peek()
		if err != nil || tok != "OR" {
			return err
		}
		_, _ = p.next()
	}
}

// comparison reads path = 'value', path IN ('a', 'b') or path ISSUBSET 'network'.
func (p *stixParser) comparison() error {
	path, err := p.next()
	if err != nil {
		return err
	}
	if !strings.Contains(path, ":") || path[0] == '\'' {
		return p.unexpected(path)
	}
	operator, err := p.next()
	if err != nil {
		return err
	}
	switch operator {
	case "=", "==", "ISSUBSET":
		return p.value(path)
	case "IN":
		return p.set(path)
	}
	return fmt.Errorf("%.40q is not an equality", operator)
}

func (p *stixParser) value(path string) error {
	tok, err := p.next()
	if err != nil {
		return err
	}
	if len(tok) < 2 || tok[0] != '\'' {
		return fmt.Errorf("%.40q where a text in quotes should be", tok)
	}
	if len(p.terms) == maxStixTerms {
		return fmt.Errorf("more than %d comparisons", maxStixTerms)
	}
	value := strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(tok[1 : len(tok)-1])
	p.terms = append(p.terms, stixTerm{path, value})
	return nil
}

func (p *stixParser) set(path string) error {
	if err := p.expect("("); err != nil {
		return err
	}
	for {
		if err := p.value(path); err != nil {
			return err
		}
		switch tok, err := p.next(); {
		case err != nil:
			return err
		case tok == ")":
			return nil
		case tok != ",":
			return p.unexpected(tok)
		}
	}
}

func (p *stixParser) expect(want string) error {
	tok, err := p.next()
	if err != nil {
		return err
	}
	if tok != want {
		return p.unexpected(tok)
	}
	return nil
}

func (p *stixParser) unexpected(tok string) error {
	switch tok {
	case "":
		return errors.New("it ends too early")
	case "AND", "FOLLOWEDBY", "WITHIN", "REPEATS", "START", "NOT":
		return fmt.Errorf("%s makes it more than an equality", tok)
	}
	return fmt.Errorf("%.40q is not expected there", tok)
}

func (p *stixParser) next() (string, error) {
	tok, rest, err := stixToken(p.rest)
	if err == nil {
		p.rest = rest
	}
	return tok, err
}

func (p *stixParser) peek() (string, error) {
	tok, _, err := stixToken(p.rest)
	return tok, err
}

// stixToken cuts off the next token: a bracket, a comma, a text with its quotes, an
// operator, or a word, which is a path as a whole: file:hashes.'SHA-256', to_refs[*].value.
func stixToken(s string) (tok, rest string, err error) {
	s = strings.TrimLeft(s, " \t\r\n")
	if s == "" {
		return "", "", nil
	}
	n := 1
	switch c := s[0]; {
	case strings.IndexByte("[](),", c) >= 0:
	case c == '\'':
		n = quotedEnd(s, 0)
	case strings.IndexByte("=!<>", c) >= 0:
		for n < len(s) && strings.IndexByte("=!<>", s[n]) >= 0 {
			n++
		}
	default:
		n = wordEnd(s)
	}
	if n < 0 {
		return "", "", errors.New("a quote is not closed")
	}
	return s[:n], s[n:], nil
}

// quotedEnd returns the index behind the text in quotes that begins at i, -1 if it has no end.
func quotedEnd(s string, i int) int {
	quote := s[i]
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case quote:
			return j + 1
		}
	}
	return -1
}

func wordEnd(s string) int {
	path := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ':':
			path = true
		case path && (c == '\'' || c == '"'):
			end := quotedEnd(s, i)
			if end < 0 {
				return -1
			}
			i = end - 1
		case path && c == '[':
			end := strings.IndexByte(s[i:], ']')
			if end < 0 {
				return len(s)
			}
			i += end
		case strings.IndexByte(" \t\r\n[](),='\"!<>", c) >= 0:
			return max(i, 1)
		}
	}
	return len(s)
}
