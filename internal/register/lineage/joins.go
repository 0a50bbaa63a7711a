package lineage

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// Where rows of several tables are grouped or numbered, a table of made-up probes must not sort one voter into one
// of many groups by what the voter's values are, with other voters added to make every group large enough: each
// group would tell a bit. So every table is one of the catalogue; each is reached by its own unique column or by the
// voter key, which puts a voter beside at most one of its rows, or beside the same rows whatever the values; and
// no other condition, grouping or filter mixes columns of two.

// sound tells whether the tables of a level are joined so.
func (j *judge) sound(l *level) bool {
	if slices.ContainsFunc(l.sc.items, func(it *item) bool { return !it.lasting }) {
		return false
	}
	for _, q := range l.sc.quals {
		if !plainEquality(q) && l.sc.mixes(q) {
			return false
		}
	}
	unreached := 0
	for _, it := range l.sc.items {
		if !j.reached(it, l) {
			unreached++
		}
	}
	return unreached <= 1 && !slices.ContainsFunc(l.expressionsThatGroup(), l.sc.mixes)
}

// reached tells whether a table is joined by a unique column of its own, or by the voter key of another.
func (j *judge) reached(it *item, l *level) bool {
	for _, name := range l.sc.using {
		for _, c := range it.find(name) {
			if c.alone || c.key != nil || l.keyNamed(name) {
				return true
			}
		}
	}
	for _, q := range l.sc.quals {
		a, b, ok := equality(q)
		if ok && (j.reaches(it, a, b, l) || j.reaches(it, b, a, l)) {
			return true
		}
	}
	return false
}

func (l *level) keyNamed(name string) bool {
	found, _ := l.sc.find(columnRef(name).GetColumnRef())
	return slices.ContainsFunc(found, func(c *colinfo) bool { return c.key != nil })
}

func (j *judge) reaches(it *item, own, other *pg.Node, l *level) bool {
	if own.GetColumnRef() == nil || other.GetColumnRef() == nil {
		return false
	}
	mine, _ := (&scope{items: []*item{it}}).find(own.GetColumnRef())
	theirs, _ := l.sc.find(other.GetColumnRef())
	if len(mine) != 1 || len(theirs) != 1 || l.sc.mixes(own) {
		return false
	}
	return mine[0].alone || mine[0].key != nil || theirs[0].key != nil && it.sources == nil
}

// expressionsThatGroup are what decides into which group, or which count, a row goes.
func (l *level) expressionsThatGroup() []*pg.Node {
	var out []*pg.Node
	for _, n := range l.sel.GroupClause {
		out = append(out, l.outputOf(n))
	}
	for _, f := range l.aggregates {
		if f.AggFilter != nil {
			out = append(out, f.AggFilter)
		}
	}
	if l.windows > 0 {
		out = append(out, l.sel.TargetList...)
	}
	return out
}

// outputOf gives the expression that an entry of GROUP BY stands for: an output column by number or name, or itself.
func (l *level) outputOf(n *pg.Node) *pg.Node {
	if c := n.GetAConst(); c != nil && c.GetIval() != nil {
		if i := int(c.GetIval().Ival); i >= 1 && i <= len(l.sel.TargetList) {
			return l.sel.TargetList[i-1].GetResTarget().Val
		}
	}
	if name, ok := bareName(n); ok {
		if found, _ := l.sc.find(n.GetColumnRef()); len(found) == 0 {
			if t := outputNamed(l.sel, name); t != nil {
				return t.Val
			}
		}
	}
	return n
}

func plainEquality(n *pg.Node) bool {
	a, b, ok := equality(n)
	return ok && a.GetColumnRef() != nil && b.GetColumnRef() != nil
}

// mixes tells whether an expression reads columns of more than one entry of FROM.
func (sc *scope) mixes(n *pg.Node) bool {
	seen := map[*item]bool{}
	walk(n.ProtoReflect(), func(m proto.Message) bool {
		if ref, ok := m.(*pg.ColumnRef); ok {
			for _, it := range sc.items {
				if hits, unsure := (&scope{items: []*item{it}}).find(ref); len(hits) > 0 || unsure {
					seen[it] = true
				}
			}
		}
		return true
	})
	return len(seen) > 1
}

// multiplies tells whether an expression may give several rows for one.
func (j *judge) multiplies(list []*pg.Node) bool {
	yes := false
	for _, n := range list {
		walk(n.ProtoReflect(), func(m proto.Message) bool {
			if f, ok := m.(*pg.FuncCall); ok {
				_, name := split(f.Funcname)
				yes = yes || slices.ContainsFunc(j.st.cat.functions[name], func(f function) bool { return f.set })
			}
			return true
		})
	}
	return yes
}
