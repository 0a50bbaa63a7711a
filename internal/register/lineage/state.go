package lineage

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// state is one catalogue with what follows from it.
type state struct {
	cat    *Catalogue
	taints map[string]*taint // by "schema.name"
	bare   map[string]bool   // names that mean a tainted relation in some schema
	cache  *cache
}

// taint says how a relation is connected with protected rows.
type taint struct {
	rel       *relation
	why       string // refused whenever it is named, for this reason
	protected int    // its rows are this protected relation's
	key       string // and this column of it is the key
	flag      string
	unique    bool      // the key alone identifies a row
	outs      []colinfo // of a view: what its columns are copies of
	view      *pg.Node  // of a view without a key: its definition, put in its place
}

// secretRelations show samples of values, other sessions' statements, or rows by another door.
var secretRelations = map[string]string{
	"pg_statistic": "it holds samples of voters' values", "pg_stats": "it holds samples of voters' values",
	"pg_stats_ext": "it holds samples of voters' values", "pg_stats_ext_exprs": "it holds samples of voters' values",
	"pg_statistic_ext_data": "it holds samples of voters' values", "pg_largeobject": "large objects carry no voter key",
	"pg_stat_activity": "it shows other sessions' statements", "pg_stat_statements": "it shows other sessions' statements",
}

func (a *Analyser) derive(cat *Catalogue) (*state, error) {
	st := &state{cat: cat, taints: map[string]*taint{}, bare: map[string]bool{}, cache: newCache(a.opts.MaxCache)}
	for _, rel := range cat.relations {
		if why, secret := secretRelations[rel.name]; secret && !a.open[rel.String()] {
			st.add(&taint{rel: rel, why: why})
		}
		if rel.kind == 'f' && !a.open[rel.String()] {
			st.add(&taint{rel: rel, why: "a foreign table can lead anywhere"})
		}
	}
	for i, p := range a.protected {
		if err := st.protect(i, p); err != nil {
			return nil, err
		}
	}
	a.family(st)
	return st, a.views(st)
}

func (st *state) add(t *taint) {
	st.taints[t.rel.String()], st.bare[t.rel.name] = t, true
}

func (st *state) protect(i int, p Protected) error {
	rel := st.cat.relations[p.Relation]
	if rel == nil {
		return fmt.Errorf("protected relation %s is not in the database: correct the policy, or create it", p.Relation)
	}
	for _, column := range []string{p.Key, p.Flag} {
		if column != "" && !rel.has(column) {
			return fmt.Errorf("protected relation %s has no column %q: correct the policy", p.Relation, column)
		}
	}
	if !rel.filled[p.Key] {
		return fmt.Errorf("key %q of protected relation %s may be NULL: rows without a key could not be counted; make it NOT NULL", p.Key, p.Relation)
	}
	st.add(&taint{rel: rel, protected: i, key: p.Key, flag: p.Flag, unique: rel.unique[p.Key]})
	return nil
}

// family gives the taint on to partitions and inheritance children, and to parents, which show their children's rows.
func (a *Analyser) family(st *state) {
	for again := true; again; {
		again = false
		for _, rel := range st.cat.relations {
			for _, oid := range rel.parents {
				parent := st.cat.oids[oid]
				if parent == nil {
					continue
				}
				again = st.inherit(parent, rel) || again
				again = st.inherit(rel, parent) || again
			}
		}
	}
}

func (st *state) inherit(from, to *relation) bool {
	t := st.taints[from.String()]
	if t == nil || t.why != "" || st.taints[to.String()] != nil {
		return false
	}
	if !to.filled[t.key] {
		st.add(&taint{rel: to, why: "it shows rows of " + from.String() + " without their key"})
		return true
	}
	flag := t.flag
	if !to.has(flag) {
		flag = ""
	}
	if from.kind == 'r' { // a child may repeat its parent's keys
		t.unique = false
	}
	st.add(&taint{rel: to, protected: t.protected, key: t.key, flag: flag})
	return true
}

// views finds the views that rest on tainted relations or on functions nobody vouches for, until no more are found. A view
// that shows the key is read as it is, under its owner's rights; for one that does not its definition is put in its
// place, under the reader's own, which can only be fewer.
func (a *Analyser) views(st *state) error {
	pending := map[string]*pg.ParseResult{}
	for name, rel := range st.cat.relations {
		if rel.definition == "" || a.open[name] {
			continue
		}
		tree, err := a.parser.parse(rel.definition)
		if err != nil || len(tree.Stmts) != 1 {
			st.add(&taint{rel: rel, why: "its definition cannot be read"})
			continue
		}
		pending[name] = tree
	}
	for again := true; again; {
		again = false
		for _, name := range sortedKeys(pending) {
			if a.taintView(st, st.cat.relations[name], pending[name].Stmts[0].Stmt) {
				delete(pending, name)
				again = true
			}
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (a *Analyser) taintView(st *state, rel *relation, definition *pg.Node) bool {
	seen := a.survey(st, definition, Settings{path: []string{}})
	if seen.refusal != nil {
		st.add(&taint{rel: rel, why: "it " + seen.refusal.Message})
		return true
	}
	if !seen.touches {
		return false
	}
	j := &judge{a: a, st: st, set: Settings{path: []string{}}, uses: map[Column]bool{}}
	work := proto.Clone(definition).(*pg.Node)
	rows, err := j.selectStmt(work.GetSelectStmt(), nil, nil, mode{lean: true})
	if err == nil && rows.hidden == 0 && len(rows.sources) == 1 && len(rows.supports) == 0 {
		src := rows.sources[0]
		t := &taint{rel: rel, protected: src.protected, key: rel.columns[src.col], outs: rows.outs}
		if src.flag >= 0 {
			t.flag = rel.columns[src.flag]
		}
		st.add(t)
		return true
	}
	if rel.kind == 'm' || err != nil {
		why := "it shows rows of a protected relation without their key"
		if err != nil {
			why = "it rests on protected rows in a way that cannot be followed (" + strings.TrimSpace(messageOf(err)) + ")"
		}
		st.add(&taint{rel: rel, why: why})
		return true
	}
	st.add(&taint{rel: rel, view: definition})
	return true
}

func messageOf(err error) string {
	if r, ok := err.(*Refusal); ok {
		return r.Message
	}
	return err.Error()
}

// lookup finds the taint of a name, and whether the name could mean a tainted relation on another path.
func (st *state) lookup(schema, name string) (t *taint, could bool) {
	if schema != "" {
		if schema == "pg_toast" {
			return &taint{rel: &relation{schema: schema, name: name}, why: "it holds pieces of voters' values"}, true
		}
		t = st.taints[schema+"."+name]
		return t, t != nil
	}
	return nil, st.bare[name]
}
