package lineage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// Analyser judges statements. It is safe for many goroutines.
type Analyser struct {
	protected []Protected
	opts      Options
	allowed   map[string]bool // functions
	open      map[string]bool // relations
	parser    parser
	state     atomic.Pointer[state]
}

// New makes an Analyser for a catalogue and what the policy protects. The parser is compiled when it is first needed:
// at the first statement, or here if the database has views.
func New(cat *Catalogue, protected []Protected, opts Options) (*Analyser, error) {
	a := &Analyser{protected: protected, opts: opts, allowed: set(opts.Functions), open: set(opts.Open), parser: parser{limit: opts.MaxText}}
	for _, p := range protected {
		if err := p.check(); err != nil {
			return nil, err
		}
	}
	return a, a.Use(cat)
}

func set(list []string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[s] = true
	}
	return m
}

// Use puts a newer catalogue in place and forgets all plans. On an error the old one stays.
func (a *Analyser) Use(cat *Catalogue) error {
	st, err := a.derive(cat)
	if err != nil {
		return err
	}
	a.state.Store(st)
	return nil
}

// Refresh loads the catalogue anew if it has changed.
func (a *Analyser) Refresh(ctx context.Context, q Querier) (changed bool, err error) {
	if changed, err = a.state.Load().cat.Changed(ctx, q); err != nil || !changed {
		return false, err
	}
	cat, err := Load(ctx, q)
	if err != nil {
		return false, err
	}
	return true, a.Use(cat)
}

// Outline is one statement as a person can judge it who is to see no value of it: without comments, and with $1, $2 …
// in the place of constants. It is "" where that cannot be written.
func (a *Analyser) Outline(text string) string {
	plain, err := a.parser.normalize(text)
	if err != nil {
		return ""
	}
	tree, err := a.parser.parse(plain) // comments end here
	if err != nil || len(tree.Stmts) != 1 {
		return ""
	}
	if plain, err = a.parser.deparse(tree.Stmts[0]); err != nil {
		return ""
	}
	return plain
}

// Warm compiles the parser, which takes a second, so that the first statement need not wait for it.
func (a *Analyser) Warm() error {
	_, err := a.parser.parse("SELECT 1")
	return err
}

// Analyse judges every statement of a text. An error is a *Refusal of the text as a whole: it cannot be read.
func (a *Analyser) Analyse(text string, s Settings) ([]Plan, error) {
	st := a.state.Load()
	key := cacheKey{text, s.id}
	if plans, ok := st.cache.get(key); ok {
		return plans, nil
	}
	plans, err := a.analyse(st, text, s)
	if err != nil {
		return nil, err
	}
	for i := range plans {
		if plans[i].Refusal != nil && plans[i].Refusal.Retry {
			return plans, nil
		}
	}
	key.text = strings.Clone(text)
	st.cache.put(key, plans)
	return plans, nil
}

func (a *Analyser) analyse(st *state, text string, s Settings) ([]Plan, error) {
	if s.bad != "" {
		return nil, refuse(codePrivilege, "Set standard_conforming_strings to on and client_encoding to UTF8.",
			"with this %s the register guard cannot read statements safely", s.bad)
	}
	tree, err := a.parser.parse(text)
	if err != nil {
		return nil, err
	}
	plans := make([]Plan, len(tree.Stmts))
	for i, raw := range tree.Stmts {
		plans[i] = a.statement(st, raw, piece(text, raw), len(tree.Stmts), s)
		s = s.after(&plans[i])
	}
	return plans, nil
}

// piece is the text of one of several statements.
func piece(text string, raw *pg.RawStmt) string {
	start, end := int(raw.StmtLocation), len(text)
	if raw.StmtLen > 0 {
		end = min(end, start+int(raw.StmtLen))
	}
	if start < 0 || start > end {
		return text
	}
	return text[start:end]
}

// after is what the settings are for the next statement of the same text. It only decides which relation a name is
// taken to mean; what is sent on says so in full.
func (s Settings) after(p *Plan) Settings {
	path := s.path
	for _, set := range p.Sets {
		if set.Name == "search_path" && !set.Reset {
			path = nil
			for _, part := range strings.Split(set.Value, ",") {
				path = append(path, strings.Trim(strings.TrimSpace(part), `"`))
			}
		}
	}
	if len(p.Temp) == 0 && len(p.Sets) == 0 {
		return s
	}
	return NewSettings(path, "", append(s.temp[:len(s.temp):len(s.temp)], p.Temp...), nil)
}

func (a *Analyser) statement(st *state, raw *pg.RawStmt, text string, statements int, s Settings) Plan {
	p := Plan{Text: text, Statement: statementName(raw.Stmt), Shape: shapeOf(raw.Stmt, statements), Fingerprint: fingerprint(raw.Stmt)}
	if err := a.judge(st, raw, &p, s); err != nil {
		p.Kind, p.Result, p.Text, p.Rewritten = Refused, nil, "", false
		if !errors.As(err, &p.Refusal) {
			p.Refusal = &Refusal{Code: codeFeature, Message: fmt.Sprintf("the register guard cannot follow this statement: %v", err)}
		}
	}
	return p
}

func (a *Analyser) judge(st *state, raw *pg.RawStmt, p *Plan, s Settings) (err error) {
	defer recovered(&err)
	seen := a.survey(st, raw.Stmt, s)
	if seen.refusal != nil {
		return seen.refusal
	}
	p.Sets, p.Temp = seen.sets, seen.temp
	if !seen.touches {
		return a.harmless(raw.Stmt, p)
	}
	if seen.carrier != "" {
		return refuse(codePrivilege, "Use it in a statement of its own.", "%s beside protected rows could carry a value out", seen.carrier)
	}
	j := &judge{a: a, st: st, set: s, uses: map[Column]bool{}}
	if err := j.touching(raw.Stmt, p); err != nil {
		return err
	}
	p.BlankErrors = true
	for c := range j.uses {
		p.Uses = append(p.Uses, c)
	}
	p.Rewritten = true
	p.Text, err = a.write(raw)
	return err
}

// write writes a changed tree out, reads it again, and accepts the text only if it means the same.
func (a *Analyser) write(raw *pg.RawStmt) (string, error) {
	text, err := a.parser.deparse(raw)
	if err != nil {
		return "", err
	}
	again, err := a.parser.parse(text)
	if err != nil {
		return "", err
	}
	if len(again.Stmts) != 1 || !same(again.Stmts[0].Stmt.ProtoReflect(), raw.Stmt.ProtoReflect()) {
		return "", refuse(codeFeature, "Write it in another way.", "the register guard cannot write this statement out faithfully")
	}
	return text, nil
}
