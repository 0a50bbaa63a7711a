package meter

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxPolicy is far more than a policy needs.
const maxPolicy = 4 << 20

// Load reads a policy. All problems are told at once, each with file, line and key.
func Load(path string) (*Policy, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("register policy: %w", err)
	}
	if info.Size() > maxPolicy {
		return nil, fmt.Errorf("register policy %s has %d bytes; more than %d is no policy", path, info.Size(), maxPolicy)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("register policy: %w", err)
	}
	return Parse(path, raw)
}

// Parse reads a policy from its bytes; the name is for messages.
func Parse(name string, raw []byte) (*Policy, error) {
	p := &Policy{}
	if err := decode(name, raw, p); err != nil {
		return nil, err
	}
	p.defaults()
	sum := sha256.Sum256(raw)
	p.file, p.hash = name, hex.EncodeToString(sum[:8])
	c := checker{file: name, lines: keyLines(raw)}
	p.check(&c)
	return p, errors.Join(c.errs...)
}

func decode(name string, raw []byte, p *Policy) error {
	err := toml.NewDecoder(bytes.NewReader(raw)).DisallowUnknownFields().Decode(p)
	var strict *toml.StrictMissingError
	var at *toml.DecodeError
	switch {
	case errors.As(err, &strict):
		var all []error
		for _, e := range strict.Errors {
			line, _ := e.Position()
			all = append(all, fmt.Errorf("%s:%d: unknown key %q; docs/REGISTER.md lists the keys", name, line, strings.Join(e.Key(), ".")))
		}
		return errors.Join(all...)
	case errors.As(err, &at):
		line, column := at.Position()
		return fmt.Errorf("%s:%d:%d: %s: %w", name, line, column, strings.Join(at.Key(), "."), err)
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// defaults fills in what the file leaves out.
func (p *Policy) defaults() {
	fill(&p.Mode, "enforce")
	fill(&p.Zone, "UTC")
	fill(&p.GroupSize, 10)
	fill(&p.Brake.People, 3)
	fill(&p.Brake.Minutes, 15)
	fill(&p.Brake.Small, 60)
	fill(&p.Emergency.MaxHours, 12)
	fill(&p.Emergency.Factor, 10)
	fill(&p.Emergency.RehearseEvery, 90)
	fill(&p.Normals.Factor, 2)
	fill(&p.Normals.Floor, 20)
	fill(&p.Normals.Weeks, 4)
	if p.Identity.Person == nil {
		p.Identity.Person = []string{"certificate", "user"}
	}
	if p.Identity.Purpose == nil {
		p.Identity.Purpose = []string{"set", "parameter", "application"}
	}
	for i := range p.Protected {
		fill(&p.Protected[i].AnonymousSeconds, 60)
	}
	for i := range p.People {
		if q := &p.People[i]; q.Users == nil {
			q.Users = []string{q.Name}
		}
	}
	for i := range p.Programs {
		if q := &p.Programs[i]; q.Match == nil {
			q.Match = []string{q.Name}
		}
	}
	for i := range p.Allow {
		fill(&p.Allow[i].ListMax, 1)
		fill(&p.Allow[i].PatternMin, 3)
	}
}

func fill[T comparable](to *T, value T) {
	var zero T
	if *to == zero {
		*to = value
	}
}

// checker gathers what is wrong, with where it stands.
type checker struct {
	file  string
	lines map[string]int
	errs  []error
}

// at states a problem of a key such as "budget[2].per". A key that the file lacks is
// told with the line of what it should stand in.
func (c *checker) at(key, format string, args ...any) {
	line := 0
	for k := key; k != "" && line == 0; {
		line = c.lines[k]
		k = k[:max(strings.LastIndexByte(k, '.'), 0)]
	}
	c.errs = append(c.errs, fmt.Errorf("%s:%d: %s: %s", c.file, max(line, 1), key, fmt.Sprintf(format, args...)))
}

// keyLines tells on which line each key of a TOML file stands. Tables of arrays are
// counted from 0: "role[0].name".
func keyLines(raw []byte) map[string]int {
	lines, seen := map[string]int{}, map[string]int{}
	var parser unstable.Parser
	parser.Reset(raw)
	table := ""
	for parser.NextExpression() {
		node := parser.Expression()
		var name []string
		first := 0
		for it := node.Key(); it.Next(); {
			if first == 0 {
				first = parser.Shape(it.Node().Raw).Start.Line
			}
			name = append(name, string(it.Node().Data))
		}
		key := strings.Join(name, ".")
		switch node.Kind {
		case unstable.Table:
			table = key
		case unstable.ArrayTable:
			table = key + "[" + strconv.Itoa(seen[key]) + "]"
			seen[key]++
		case unstable.KeyValue:
			if table != "" {
				key = table + "." + key
			}
			lines[key] = first
			continue
		default:
			continue
		}
		lines[table] = first
	}
	return lines
}
