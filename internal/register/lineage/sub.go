package lineage

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// with judges WITH queries in order. One that is recursive may refer to itself, but not rest on protected rows.
func (j *judge) with(w *pg.WithClause, outer *scope, e *env) (*env, error) {
	for _, n := range w.GetCtes() {
		cte := n.GetCommonTableExpr()
		inner := e
		if w.Recursive {
			inner = &env{name: cte.Ctename, rows: &rowset{}, outer: e}
		}
		rows, err := j.cte(cte, outer, inner)
		if err != nil {
			return nil, err
		}
		if rows.tainted && w.Recursive && mentionsRelation(cte.Ctequery, cte.Ctename) {
			return nil, refuse(codeFeature, "Join the protected relation to the recursive query's result.", "a recursive query over protected rows cannot be followed")
		}
		if cte.CycleClause != nil || cte.SearchClause != nil {
			rows.known = false
		}
		named := *rows
		named.outs = rename(slices.Clone(rows.outs), &pg.Alias{Colnames: cte.Aliascolnames})
		e = &env{name: cte.Ctename, rows: &named, outer: e}
	}
	return e, nil
}

func (j *judge) cte(cte *pg.CommonTableExpr, outer *scope, e *env) (*rowset, error) {
	if s := cte.Ctequery.GetSelectStmt(); s != nil {
		return j.selectStmt(s, outer, e, mode{})
	}
	return j.change(cte.Ctequery, e, mode{})
}

func mentionsRelation(n *pg.Node, name string) bool {
	yes := false
	walk(n.ProtoReflect(), func(m proto.Message) bool {
		if rv, ok := m.(*pg.RangeVar); ok && rv.Relname == name && rv.Schemaname == "" {
			yes = true
		}
		return true
	})
	return yes
}

// setOperation allows UNION ALL: each row is one branch's, and carries that branch's keys, with NULL for those of
// the others. The other operations make one row of several, or show rows because others are missing.
func (j *judge) setOperation(s *pg.SelectStmt, outer *scope, e *env, m mode) (*rowset, error) {
	leaves, all := branches(s)
	var parts []*rowset
	for _, leaf := range leaves {
		rows, err := j.branch(leaf, outer, e)
		if err != nil {
			return nil, err
		}
		parts = append(parts, rows)
	}
	out := together(parts)
	l := &level{sel: &pg.SelectStmt{}, sc: &scope{outer: outer}, env: e}
	for _, n := range []*pg.Node{s.LimitCount, s.LimitOffset} {
		if _, err := j.expr(n, l, inClause); err != nil {
			return nil, err
		}
	}
	switch {
	case !out.tainted:
		return out, nil
	case out.up && (s.LimitCount != nil || s.LimitOffset != nil):
		return nil, chosenUp()
	case !all:
		return nil, refuse(codePrivilege, "Use UNION ALL.", "UNION, INTERSECT and EXCEPT over protected rows would hide which voters a row rests on")
	case m.bare:
		out.level = l
		return out, nil
	}
	pad(leaves, parts, out)
	return out, nil
}

// together describes the visible columns of a set operation.
func together(parts []*rowset) *rowset {
	out := &rowset{known: true}
	for i, p := range parts {
		visible := p.outs[:len(p.outs)-p.hidden]
		if i == 0 {
			out.outs = slices.Clone(visible)
		}
		out.known, out.tainted, out.up = out.known && p.known, out.tainted || p.tainted, out.up || p.up
		for k := range visible {
			if k < len(out.outs) && i > 0 {
				out.outs[k].from, out.outs[k].plain = union(slices.Clone(out.outs[k].from), visible[k].from), nil
			}
		}
	}
	for i := range out.outs {
		out.outs[i].key, out.outs[i].flag = nil, nil
	}
	return out
}

// branch judges one side of a set operation. Its ORDER BY stands in the outermost.
func (j *judge) branch(s *pg.SelectStmt, outer *scope, e *env) (*rowset, error) {
	return j.selectStmt(s, outer, e, mode{all: true})
}

func branches(s *pg.SelectStmt) (leaves []*pg.SelectStmt, all bool) {
	if s.Op == pg.SetOperation_SETOP_NONE {
		return []*pg.SelectStmt{s}, true
	}
	left, l := branches(s.Larg)
	right, r := branches(s.Rarg)
	return append(left, right...), l && r && s.All && s.Op == pg.SetOperation_SETOP_UNION && !nestedClauses(s.Larg) && !nestedClauses(s.Rarg)
}

// nestedClauses tells whether an inner set operation has clauses of its own, which would see the padding.
func nestedClauses(s *pg.SelectStmt) bool {
	return s.Op != pg.SetOperation_SETOP_NONE && (s.WithClause != nil || len(s.SortClause) > 0 || s.LimitCount != nil || s.LimitOffset != nil)
}

// pad gives every branch the hidden columns of all.
func pad(leaves []*pg.SelectStmt, parts []*rowset, out *rowset) {
	visible := len(out.outs)
	offset := 0
	types := make([][]string, len(parts))
	for i, p := range parts {
		types[i] = p.hiddenTypes()
		for _, s := range p.sources {
			s.col += offset
			if s.flag >= 0 {
				s.flag += offset
			}
			out.sources = append(out.sources, s)
		}
		for _, s := range p.supports {
			out.supports = append(out.supports, Support{Column: s.Column + offset, Zero: s.Zero})
		}
		out.outs = append(out.outs, p.outs[len(p.outs)-p.hidden:]...)
		offset += p.hidden
	}
	out.hidden = offset
	for i, leaf := range leaves {
		padLeaf(leaf, visible, parts[i].hidden, i, types, out)
	}
}

func padLeaf(leaf *pg.SelectStmt, visible, hidden, at int, types [][]string, out *rowset) {
	fill := func(list []*pg.Node, own []*pg.Node, wrap func(string, *pg.Node) *pg.Node) []*pg.Node {
		k := visible
		for i, ts := range types {
			for n, t := range ts {
				if i == at {
					list = append(list, own[n])
				} else {
					list = append(list, wrap(out.outs[k].name, null(t)))
				}
				k++
			}
		}
		return list
	}
	if len(leaf.ValuesLists) > 0 {
		for _, row := range leaf.ValuesLists {
			row.GetList().Items = fill(row.GetList().Items, nil, func(_ string, n *pg.Node) *pg.Node { return n })
		}
		return
	}
	own := leaf.TargetList[len(leaf.TargetList)-hidden:]
	leaf.TargetList = fill(slices.Clone(leaf.TargetList[:len(leaf.TargetList)-hidden]), own, target)
}

// hiddenTypes are the types of the hidden columns in their order; a NULL in their place must have them.
func (r *rowset) hiddenTypes() []string {
	types := make([]string, r.hidden)
	at := func(col int, typ string) {
		if i := col - (len(r.outs) - r.hidden); i >= 0 {
			types[i] = typ
		}
	}
	for _, s := range r.sources {
		at(s.col, s.typ)
		if s.flag >= 0 {
			at(s.flag, "boolean")
		}
	}
	for _, s := range r.supports {
		at(s.Column, "bigint")
	}
	return types
}

// probeKeys gives the one voter a subquery can tell of, if its WHERE asks for one by key.
func (sc *scope) probeKeys(s *pg.SelectStmt) []*source {
	if len(sc.items) != 1 || !sc.items[0].base {
		return nil
	}
	for _, c := range conjuncts(s.WhereClause) {
		if probe := keyEquals(c, sc); probe != nil {
			src := sc.items[0].sources[0]
			return []*source{probed(src, probe)}
		}
	}
	return nil
}

func probed(src *source, probe *pg.Node) *source {
	return &source{protected: src.protected, typ: src.typ, key: cast(clone(probe), src.typ), apart: true}
}

// exact are the types of keys for which equal means written alike once cast: a probe of 1.0 or '01' must count as 1.
var exact = map[string]bool{"smallint": true, "integer": true, "bigint": true, "uuid": true, "text": true, "character varying": true}

// subLink judges a subquery in an expression. Over protected rows there are three forms whose rows are known: one that
// asks for a voter by key, so that this key counts, found or not; x IN (SELECT key …), where x counts; and a scalar in a
// SELECT without FROM, which is repeated for its key. EXISTS in such a SELECT tells one bit.
func (j *judge) subLink(n *pg.SubLink, l *level, at place) ([]Column, error) {
	from, err := j.expr(n.Testexpr, l, at)
	if err != nil {
		return nil, err
	}
	sel := n.Subselect.GetSelectStmt()
	rows, err := j.selectStmt(sel, l.sc, l.env, mode{bare: true})
	if err != nil {
		return nil, err
	}
	for _, o := range rows.outs {
		from = union(from, o.from)
	}
	if !rows.tainted {
		return from, nil
	}
	if probes := j.subProbes(n, rows); len(probes) > 0 && at != inClause && l.sel.ValuesLists == nil {
		l.probes = append(l.probes, probes...)
		return from, nil
	}
	if at == inTarget && l.alone() {
		if ok, err := j.lone(n, l, rows); ok || err != nil {
			return from, err
		}
	}
	return nil, refuse(codePrivilege, "Use a JOIN, or compare with the voter key inside the subquery.",
		"a subquery over protected rows cannot stand here: no key would say which voters a row rests on")
}

func (j *judge) subProbes(n *pg.SubLink, rows *rowset) []*source {
	if len(rows.probes) > 0 {
		return rows.probes
	}
	in := n.SubLinkType == pg.SubLinkType_ANY_SUBLINK && (len(n.OperName) == 0 || names(n.OperName)[0] == "=")
	if !in || rows.level == nil || len(rows.outs) != 1 || !inert(n.Testexpr) {
		return nil
	}
	key := rows.outs[0].key
	if key == nil || key.apart || !exact[key.typ] || len(rows.level.sources()) != 1 {
		return nil
	}
	return []*source{probed(key, n.Testexpr)}
}

// alone tells whether a SELECT has no FROM and is all there is: one row, from which nothing is filtered.
func (l *level) alone() bool {
	return l.mode.top && len(l.sel.FromClause) == 0 && l.sel.WhereClause == nil && l.sel.LimitCount == nil && l.sel.LimitOffset == nil
}

func (j *judge) lone(n *pg.SubLink, l *level, rows *rowset) (bool, error) {
	inner := rows.level
	if inner == nil || inner.sel.Op != pg.SetOperation_SETOP_NONE || len(inner.sel.TargetList) == 0 {
		return false, nil
	}
	if n.SubLinkType == pg.SubLinkType_EXISTS_SUBLINK {
		j.predicates++
		l.bit = true
		return true, oneBit(j)
	}
	if n.SubLinkType != pg.SubLinkType_EXPR_SUBLINK || inner.sel.LimitCount != nil || inner.sel.LimitOffset != nil || !j.steady(n.Subselect) {
		return false, nil
	}
	for _, s := range inner.sources() {
		if !inner.grouped() {
			l.siblings = append(l.siblings, sibling{node: j.repeat(n, s.key), src: s})
		}
	}
	supports := inner.supports()
	if inner.grouped() {
		var err error
		if supports, err = j.groupSupports(inner); err != nil {
			return false, err
		}
	}
	for _, s := range supports {
		l.siblings = append(l.siblings, sibling{node: j.repeat(n, s.count), sup: &s})
	}
	return true, nil
}

func oneBit(j *judge) error {
	if j.predicates > 1 {
		return refuse(codePrivilege, "Ask one question at a time.", "more than one question about protected rows in one statement")
	}
	return nil
}

// repeat is the same subquery with another output.
func (j *judge) repeat(n *pg.SubLink, out *pg.Node) *pg.Node {
	again := proto.Clone(n).(*pg.SubLink)
	s := again.Subselect.GetSelectStmt()
	s.TargetList, s.SortClause, s.LockingClause = []*pg.Node{target("", clone(out))}, nil, nil
	return &pg.Node{Node: &pg.Node_SubLink{SubLink: again}}
}

// steady tells whether a query gives the same rows when it stands in a statement twice.
func (j *judge) steady(n *pg.Node) bool {
	steady := true
	walk(n.ProtoReflect(), func(m proto.Message) bool {
		switch f := m.(type) {
		case *pg.FuncCall:
			_, name := split(f.Funcname)
			for _, known := range j.st.cat.functions[name] {
				steady = steady && known.volatility != 'v'
			}
		case *pg.RangeTableSample:
			steady = false
		}
		return true
	})
	return steady
}
