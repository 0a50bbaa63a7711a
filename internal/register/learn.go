package register

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"portcullis.example/portcullis/internal/register/lineage"
	"portcullis.example/portcullis/internal/register/meter"
)

// Learned is one statement that was seen, as an allow-list would have it. What a guard has seen has no text:
// that could hold voters' names.
type Learned struct {
	Fingerprint string   `json:"fingerprint"`
	Outline     string   `json:"outline,omitempty"` // without values, where it is from a log
	Kind        string   `json:"kind"`
	Roles       []string `json:"roles"`
	Times       int      `json:"times"`
	List        int      `json:"list"`
	Arrays      int      `json:"arrays"`
	Prefix      int      `json:"prefix"` // shortest; -1: no pattern
	Limit       int64    `json:"limit"`  // largest; -1: none
}

// maxLearned bounds what is remembered.
const maxLearned = 10_000

// Learner gathers the statements on protected relations.
type Learner struct {
	mu   sync.Mutex // guards seen
	seen map[string]*Learned
}

// NewLearner has seen nothing.
func NewLearner() *Learner { return &Learner{seen: map[string]*Learned{}} }

// again sees what Add has seen before, by the same role; nil was not kept.
func (l *Learner) again(e *Learned) {
	if e == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Times++
}

// Add sees one. What it returns is nil where too many are kept already.
func (l *Learner) Add(role string, p *lineage.Plan) *Learned {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.seen[p.Fingerprint]
	if e == nil {
		if len(l.seen) >= maxLearned {
			return nil
		}
		e = &Learned{Fingerprint: p.Fingerprint, Kind: p.Kind.String(), Prefix: p.Shape.Prefix, Limit: p.Shape.Limit}
		l.seen[p.Fingerprint] = e
	}
	e.Times++
	e.List, e.Arrays = max(e.List, p.Shape.List), max(e.Arrays, p.Shape.Arrays)
	if p.Shape.Prefix >= 0 && (e.Prefix < 0 || p.Shape.Prefix < e.Prefix) {
		e.Prefix = p.Shape.Prefix
	}
	if e.Limit >= 0 && (p.Shape.Limit < 0 || p.Shape.Limit > e.Limit) {
		e.Limit = p.Shape.Limit
	}
	if role != "" && !slices.Contains(e.Roles, role) {
		e.Roles = append(e.Roles, role)
	}
	return e
}

// Outline says what a statement that was added looks like, the first time.
func (l *Learner) Outline(fingerprint string, outline func() string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.seen[fingerprint]; e != nil && e.Outline == "" {
		e.Outline = outline()
	}
}

// All lists them, the most frequent first.
func (l *Learner) All() []Learned {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Learned
	for _, e := range slices.Collect(maps.Values(l.seen)) {
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b Learned) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return all
}

// TOML writes them as an allow-list to be read by a person and put into the policy.
func TOML(out io.Writer, all []Learned) error {
	for _, e := range all {
		text := ""
		if e.Outline != "" {
			text = "# " + comment(e.Outline) + "\n"
		}
		text += fmt.Sprintf("[[allow]] # %s, seen %d times\nfingerprint = %q\nlist_max = %d\n", e.Kind, e.Times, e.Fingerprint, max(1, e.List))
		if len(e.Roles) > 0 {
			raw, _ := json.Marshal(e.Roles)
			text += "roles = " + string(raw) + "\n"
		}
		if e.Arrays > 0 {
			text += "arrays = true # a list whose length cannot be seen: prefer a statement without\n"
		}
		if e.Prefix >= 0 {
			text += fmt.Sprintf("pattern_min = %d\n", e.Prefix)
		}
		if e.Limit >= 0 {
			text += fmt.Sprintf("limit_max = %d\n", e.Limit)
		}
		if _, err := io.WriteString(out, text+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// comment is a text on one line: a quoted name may hold a line's end, and would write policy behind it.
func comment(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	const most = 400
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + " …"
	}
	return s
}

func learnedPath(data string) string { return filepath.Join(data, "statements.json") }

// save keeps what was seen; the file is replaced as a whole.
func (l *Learner) save(data string) error {
	raw, err := json.Marshal(l.All())
	if err != nil {
		return err
	}
	if err := os.WriteFile(learnedPath(data)+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(learnedPath(data)+".new", learnedPath(data))
}

// ReadLearned reads what a guard has seen.
func ReadLearned(data string) (all []Learned, err error) {
	raw, err := os.ReadFile(learnedPath(data))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the guard has seen nothing yet: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(raw, &all)
}

// logged finds the statement in a line of PostgreSQL's log (log_statement, or log_min_duration_statement).
var logged = regexp.MustCompile(`(?:LOG|DETAIL): .*?(?:statement|execute [^:]*|parse [^:]*): (.*)$`)

// others are lines of a log that hold no statement to be judged: what the server says of itself, errors, and the statements that had them.
var others = regexp.MustCompile(`(?:^|\s)(?:LOG|DETAIL|ERROR|STATEMENT|HINT|CONTEXT|QUERY|LOCATION|WARNING|NOTICE|INFO|FATAL|PANIC|DEBUG[1-5]?):  `)

// maxStatement is as long as a line of a log is read.
const maxStatement = 1 << 20

// Statements hands on the statements of a log of PostgreSQL's, or of a file with one statement
// a line. Lines that begin with a tab go on with the one before (so PostgreSQL writes them).
func Statements(in io.Reader, fn func(line int, text string) error) error {
	scan := bufio.NewScanner(in)
	scan.Buffer(make([]byte, 64<<10), maxStatement)
	text, at, n := "", 0, 0
	passed := false // the line before held nothing, nor do those that go on with it
	flush := func() error {
		defer func() { text = "" }()
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "--") {
			return nil
		}
		return fn(at, text)
	}
	for scan.Scan() {
		n++
		line := scan.Text()
		if strings.HasPrefix(line, "\t") && (text != "" || passed) {
			if !passed {
				text += "\n" + line[1:]
			}
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		at, passed = n, false
		if m := logged.FindStringSubmatch(line); m != nil {
			text = m[1]
		} else if passed = others.MatchString(line); !passed {
			text = line
		}
	}
	if err := scan.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return flush()
}

// Tester judges statements without a client: what a policy would do with them.
type Tester struct {
	k *known
	g *Guard
}

// OpenTester reads the policy and the catalogue.
func OpenTester(ctx context.Context, cfg Config) (*Tester, error) {
	p, err := meter.Load(cfg.Policy)
	if err != nil {
		return nil, err
	}
	g := &Guard{cfg: cfg, meter: meter.New(p)}
	if g.db, err = cfg.openCatalogue(); err != nil {
		return nil, err
	}
	k := &known{policy: p, paths: map[string]string{}}
	if err := g.judgeBy(ctx, k, true); err != nil {
		return nil, errors.Join(err, g.db.Close())
	}
	return &Tester{k, g}, nil
}

// Close ends it.
func (t *Tester) Close() error { return t.g.db.Close() }

// Verdict is what would become of one statement.
type Verdict struct {
	Plan    lineage.Plan
	Allowed bool   // it may run, as far as budgets have room
	Why     string // it may not
}

// Judge says what would become of a text for somebody.
func (t *Tester) Judge(text string, who meter.Subject) ([]Verdict, error) {
	plans, err := t.k.analyser.Analyse(text, t.k.settings("", "", nil, nil))
	if err != nil {
		return nil, err
	}
	var all []Verdict
	for i := range plans {
		v := Verdict{Plan: plans[i], Allowed: true}
		role, known := t.k.policy.Role(who.Role)
		switch {
		case plans[i].Kind == lineage.Refused:
			v.Allowed, v.Why = false, plans[i].Refusal.Error()
		case plans[i].Kind == lineage.Pass:
		case known && role.AllowedOnly:
			shape := shapeOf(&plans[i])
			v.Allowed, v.Why = t.k.policy.Allowed(who, plans[i].Fingerprint, shape)
		}
		all = append(all, v)
	}
	return all, nil
}

// Outline is what a judged statement looks like, without values.
func (t *Tester) Outline(v *Verdict) string { return t.k.analyser.Outline(v.Plan.Text) }

func shapeOf(p *lineage.Plan) meter.Shape {
	return meter.Shape{List: p.Shape.List, Arrays: p.Shape.Arrays, Prefix: p.Shape.Prefix, Limit: p.Shape.Limit, Statements: p.Shape.Statements}
}
