package lineage

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// place is where in a query an expression stands; it decides which subqueries may be in it.
type place uint8

const (
	inTarget place = iota
	inWhere
	inClause // anywhere else
)

// expr judges an expression and gives the protected columns it is computed from.
func (j *judge) expr(n *pg.Node, l *level, at place) (from []Column, err error) {
	if n == nil {
		return nil, nil
	}
	walk(n.ProtoReflect(), func(m proto.Message) bool {
		if err != nil {
			return false
		}
		var more []Column
		var descend bool
		more, descend, err = j.node(m, l, at)
		from = union(from, more)
		return descend && err == nil
	})
	for _, c := range from {
		j.uses[c] = true
	}
	return from, err
}

func (j *judge) node(m proto.Message, l *level, at place) (from []Column, descend bool, err error) {
	switch n := m.(type) {
	case *pg.ColumnRef:
		from, err = j.lineage(n, l.sc)
		return from, false, err
	case *pg.FuncCall:
		return nil, true, j.call(n, l)
	case *pg.SubLink:
		from, err = j.subLink(n, l, at)
		return from, false, err
	case *pg.JsonObjectAgg, *pg.JsonArrayAgg, *pg.JsonArrayQueryConstructor:
		return nil, false, refuse(codePrivilege, "Select the rows themselves.", "aggregates of values over protected rows are not allowed")
	case *pg.SelectStmt:
		return nil, false, refuse(codeFeature, "", "a query stands where the register guard does not expect one")
	}
	return nil, true, nil
}

// lineage gives the protected columns that a reference reads: one, or all of a row.
func (j *judge) lineage(ref *pg.ColumnRef, sc *scope) ([]Column, error) {
	found, err := j.column(ref, sc)
	var out []Column
	for _, c := range found {
		out = union(out, c.from)
	}
	return out, err
}

// call notes aggregates and window functions of this level.
func (j *judge) call(f *pg.FuncCall, l *level) error {
	_, name := split(f.Funcname)
	aggregate, window := j.a.aggregate(j.st, name)
	switch {
	case f.Over != nil:
		l.windows++
		if !slices.Contains(numbering, name) || name == "count" && len(f.Args) > 0 || f.AggFilter != nil {
			l.stray = true
		}
	case aggregate:
		l.aggregates = append(l.aggregates, f)
		return j.ownLevel(f, l)
	case window:
		l.stray = true
	}
	return nil
}

// ownLevel refuses an aggregate whose arguments all come from further out: SQL counts it to that outer query, which it turns
// into an aggregate without showing it.
func (j *judge) ownLevel(f *pg.FuncCall, l *level) error {
	if l.sc.outer == nil || len(f.Args) == 0 {
		return nil
	}
	local, outer := false, false
	for _, arg := range f.Args {
		walk(arg.ProtoReflect(), func(m proto.Message) bool {
			if ref, ok := m.(*pg.ColumnRef); ok {
				here := l.sc.here(ref)
				local, outer = local || here, outer || !here
			}
			return true
		})
	}
	if outer && !local {
		return refuse(codePrivilege, "Use a JOIN.", "an aggregate over an outer query's columns is not allowed")
	}
	return nil
}

func (sc *scope) here(ref *pg.ColumnRef) bool {
	found, _ := sc.find(ref)
	return len(found) > 0
}

// column finds what a reference names, in this query or further out.
func (j *judge) column(ref *pg.ColumnRef, sc *scope) ([]*colinfo, error) {
	for s := sc; s != nil; s = s.outer {
		found, unsure := s.find(ref)
		if len(found) == 0 && !unsure {
			continue
		}
		for up := sc; up != s; up = up.outer {
			up.reachedUp = true
		}
		return found, nil
	}
	list := names(ref.Fields)
	return nil, &Refusal{Code: codeColumn, Message: "column " + quoted(list) + " is not known to the register guard",
		Hint: "Check the name; a function is called as f(x), not as x.f.", Retry: true}
}

func quoted(list []string) string {
	if len(list) == 0 {
		return "*"
	}
	return `"` + list[len(list)-1] + `"`
}

var systemColumns = []string{"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}

// find looks a reference up at one level. Unsure: an entry of FROM whose columns are not known may have it.
func (sc *scope) find(ref *pg.ColumnRef) (found []*colinfo, unsure bool) {
	list := names(ref.Fields)
	if len(list) == 0 { // count(*) has no reference; a bare * stands for everything
		return sc.whole(""), true
	}
	if isStar(&pg.Node{Node: &pg.Node_ColumnRef{ColumnRef: ref}}) {
		return sc.whole(list[len(list)-1]), false
	}
	name := list[len(list)-1]
	for _, it := range sc.items {
		if len(list) > 1 && it.alias != list[len(list)-2] {
			continue
		}
		hits := it.find(name)
		found = append(found, hits...)
		unsure = unsure || len(hits) == 0 && !it.known
	}
	if len(found) == 0 && len(list) == 1 {
		found = sc.whole(name)
	}
	return found, unsure && len(found) == 0
}

func (it *item) find(name string) (found []*colinfo) {
	for i := range it.cols {
		if it.cols[i].name == name {
			found = append(found, &it.cols[i])
		}
	}
	if len(found) > 0 {
		return found
	}
	if slices.Contains(systemColumns, name) && it.lasting {
		return []*colinfo{{name: name}}
	}
	if !it.known && len(it.from) > 0 {
		return []*colinfo{{name: name, from: it.from}}
	}
	return nil
}

// whole is a reference to whole rows of the entry called alias, "" for all.
func (sc *scope) whole(alias string) (found []*colinfo) {
	for _, it := range sc.items {
		if alias != "" && it.alias != alias {
			continue
		}
		row := &colinfo{name: it.alias, from: it.from}
		for _, c := range it.cols {
			row.from = union(row.from, c.from)
		}
		found = append(found, row)
	}
	return found
}
