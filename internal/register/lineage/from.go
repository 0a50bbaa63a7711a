package lineage

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// from judges one entry of FROM, adds its relations to sc, and gives the columns that * stands for.
func (j *judge) from(n *pg.Node, sc *scope, e *env) ([]starCol, error) {
	switch f := n.Node.(type) {
	case *pg.Node_RangeVar:
		it, err := j.rangeVar(n, sc, e)
		return add(sc, it, err)
	case *pg.Node_RangeSubselect:
		it, err := j.subselect(f.RangeSubselect, sc, e)
		return add(sc, it, err)
	case *pg.Node_JoinExpr:
		return j.join(f.JoinExpr, sc, e)
	case *pg.Node_RangeFunction:
		it, err := j.rangeFunction(f.RangeFunction, sc, e)
		return add(sc, it, err)
	case *pg.Node_RangeTableSample:
		for _, arg := range append(slices.Clone(f.RangeTableSample.Args), f.RangeTableSample.Repeatable) {
			if _, err := j.expr(arg, &level{sel: &pg.SelectStmt{}, sc: sc, env: e}, inClause); err != nil {
				return nil, err
			}
		}
		return j.from(f.RangeTableSample.Relation, sc, e)
	}
	return nil, refuse(codeFeature, "Use plain tables, subqueries and functions.", "the register guard cannot follow %s in FROM beside protected rows", statementName(n))
}

func add(sc *scope, it *item, err error) ([]starCol, error) {
	if err != nil {
		return nil, err
	}
	sc.items = append(sc.items, it)
	return it.stars(), nil
}

func (e *env) find(name string) *env {
	for ; e != nil; e = e.outer {
		if e.name == name {
			return e
		}
	}
	return nil
}

func rename(cols []colinfo, alias *pg.Alias) []colinfo {
	for i, name := range names(alias.GetColnames()) {
		if i < len(cols) {
			cols[i].name = name
		}
	}
	return cols
}

// rangeVar resolves a name: a WITH query, a temporary table, a relation of the catalogue. It writes the schema to it.
func (j *judge) rangeVar(n *pg.Node, sc *scope, e *env) (*item, error) {
	rv := n.GetRangeVar()
	alias := rv.Alias.GetAliasname()
	if alias == "" {
		alias = rv.Relname
	}
	if with := e.find(rv.Relname); with != nil && rv.Schemaname == "" {
		return with.rows.item(alias, rv.Alias), nil
	}
	rel, temp := j.st.cat.resolve(rv.Schemaname, rv.Relname, j.set)
	switch {
	case temp:
		rv.Schemaname = "pg_temp"
		return &item{alias: alias}, nil
	case rel == nil:
		return nil, undefined(rv)
	}
	rv.Schemaname = rel.schema
	t := j.st.taints[rel.String()]
	if t != nil && t.view != nil {
		return j.inlineView(n, t, alias)
	}
	it := &item{alias: alias, known: true, lasting: true}
	for _, name := range rel.columns {
		it.cols = append(it.cols, colinfo{name: name, alone: rel.unique[name]})
	}
	if t == nil {
		it.cols = rename(it.cols, rv.Alias)
		return it, nil
	}
	if t.why != "" {
		return nil, secret(t)
	}
	return it.protect(j, t, rv.Alias), nil
}

func undefined(rv *pg.RangeVar) error {
	return &Refusal{Code: codeTable, Message: `relation "` + rv.Relname + `" is not known to the register guard`,
		Hint: "Check its name and schema.", Retry: true}
}

func secret(t *taint) error {
	return refuse(codePrivilege, "Ask for it in the policy, or read the protected relation itself.",
		"%s cannot be read through the register guard: %s", t.rel, t.why)
}

// protect describes a protected relation, or a view that shows its key.
func (it *item) protect(j *judge, t *taint, alias *pg.Alias) *item {
	src := &source{protected: t.protected, unique: t.unique}
	it.sources, it.base = []*source{src}, true
	for i := range it.cols {
		c := &it.cols[i]
		if t.outs != nil {
			c.plain, c.from = t.outs[i].plain, t.outs[i].from
		} else {
			col := Column{j.a.protected[t.protected].Relation, c.name}
			c.plain, c.from = &col, []Column{col}
		}
		if c.name == t.key {
			c.key, src.typ = src, t.rel.types[i]
		}
	}
	flag := slices.IndexFunc(it.cols, func(c colinfo) bool { return t.flag != "" && c.name == t.flag })
	it.cols = rename(it.cols, alias)
	for _, c := range it.cols {
		if c.key == src {
			src.key = columnRef(it.alias, c.name)
		}
	}
	if flag >= 0 {
		src.flag, it.cols[flag].flag = columnRef(it.alias, it.cols[flag].name), src
	}
	return it
}

// inlineView puts a view's definition in its place.
func (j *judge) inlineView(n *pg.Node, t *taint, alias string) (*item, error) {
	a := n.GetRangeVar().Alias
	if a == nil {
		a = &pg.Alias{Aliasname: alias}
	}
	if !n.GetRangeVar().Inh {
		return nil, refuse(codeFeature, "Leave ONLY out.", "ONLY means nothing for a view")
	}
	sub := &pg.RangeSubselect{Subquery: clone(t.view), Alias: a}
	n.Node = &pg.Node_RangeSubselect{RangeSubselect: sub}
	inner := *j
	inner.set = Settings{path: []string{}}
	it, err := inner.subselect(sub, &scope{}, nil)
	j.next, j.aggregates, j.predicates = inner.next, inner.aggregates, inner.predicates
	if err == nil {
		for i := range it.cols {
			if i < len(t.rel.columns) && it.cols[i].name == "?column?" {
				it.cols[i].name = t.rel.columns[i]
			}
		}
	}
	return it, err
}

// subselect judges a query in FROM.
func (j *judge) subselect(n *pg.RangeSubselect, sc *scope, e *env) (*item, error) {
	outer := sc.outer
	if n.Lateral {
		outer = sc
	}
	rows, err := j.selectStmt(n.Subquery.GetSelectStmt(), outer, e, mode{})
	if err != nil {
		return nil, err
	}
	if n.Alias == nil {
		n.Alias = &pg.Alias{Aliasname: j.name("sub")}
	}
	return rows.item(n.Alias.Aliasname, n.Alias), nil
}

// item is the result of a query as an entry of FROM.
func (r *rowset) item(alias string, a *pg.Alias) *item {
	it := &item{alias: alias, known: r.known, simple: r.simple, up: r.up}
	outs := rename(slices.Clone(r.outs), a)
	visible := len(outs) - r.hidden
	it.cols = outs[:visible]
	for i := range it.cols {
		it.cols[i].key, it.cols[i].flag = nil, nil
	}
	for _, s := range r.sources {
		src := &source{protected: s.protected, typ: s.typ, key: columnRef(alias, outs[s.col].name), apart: s.apart}
		if s.flag >= 0 {
			src.flag = columnRef(alias, outs[s.flag].name)
			if s.flag < visible {
				it.cols[s.flag].flag = src
			}
		}
		if s.col < visible {
			it.cols[s.col].key = src
		}
		it.sources = append(it.sources, src)
	}
	for _, s := range r.supports {
		it.supports = append(it.supports, support{count: columnRef(alias, outs[s.Column].name), zero: s.Zero})
	}
	return it
}

// oneColumn are functions whose result is one column, named as the alias is.
var oneColumn = []string{"generate_series", "unnest", "regexp_split_to_table", "string_to_table", "generate_subscripts", "jsonb_array_elements",
	"json_array_elements", "jsonb_array_elements_text", "json_array_elements_text", "jsonb_object_keys", "json_object_keys"}

func (j *judge) rangeFunction(n *pg.RangeFunction, sc *scope, e *env) (*item, error) {
	it := &item{alias: n.Alias.GetAliasname()}
	l := &level{sel: &pg.SelectStmt{}, sc: &scope{outer: sc}, env: e}
	for _, f := range n.Functions {
		from, err := j.expr(f, l, inClause)
		if err != nil {
			return nil, err
		}
		it.from = union(it.from, from)
		call := f.GetList().GetItems()[0].GetFuncCall()
		if call == nil || len(n.Functions) > 1 {
			continue
		}
		_, name := split(call.Funcname)
		if it.alias == "" {
			it.alias = name
		}
		if slices.Contains(oneColumn, name) && len(call.Args) > 0 && (name != "unnest" || len(call.Args) == 1) {
			it.cols, it.known = []colinfo{{name: it.alias, from: it.from}}, !n.Ordinality
		}
	}
	if list := names(n.Alias.GetColnames()); len(list) > 0 {
		it.cols = it.cols[:0]
		for _, name := range list {
			it.cols = append(it.cols, colinfo{name: name, from: it.from})
		}
	}
	return it, nil
}

// join judges both sides and the condition.
func (j *judge) join(n *pg.JoinExpr, sc *scope, e *env) ([]starCol, error) {
	start := len(sc.items)
	left, err := j.from(n.Larg, sc, e)
	if err != nil {
		return nil, err
	}
	middle := len(sc.items)
	right, err := j.from(n.Rarg, sc, e)
	if err != nil {
		return nil, err
	}
	tainted := slices.ContainsFunc(sc.items[start:], (*item).tainted)
	if tainted && (n.Alias != nil || n.JoinUsingAlias != nil) {
		return nil, refuse(codeFeature, "Name the tables, not the join.", "a named join over protected rows cannot be followed")
	}
	l := &level{sel: &pg.SelectStmt{}, sc: sc, env: e}
	if _, err := j.expr(n.Quals, l, inClause); err != nil {
		return nil, err
	}
	sc.quals, sc.using = append(sc.quals, conjuncts(n.Quals)...), append(sc.using, names(n.UsingClause)...)
	if err := j.outerJoin(n, sc, sc.items[start:middle], sc.items[middle:]); err != nil {
		return nil, err
	}
	return j.merge(n, left, right, sc.items[start:])
}

// outerJoin looks at protected rows on the side that may be missing. A row that stands there because nothing
// matched rests on voters too: "no voter 1 whose name begins with S" tells as much as the row itself. So the join must
// ask for a voter by key, and then that key counts whether the row is found or not; or be a single plain equality,
// which tells no more than that nobody has this value.
func (j *judge) outerJoin(n *pg.JoinExpr, sc *scope, left, right []*item) error {
	var sides [][]*item
	switch n.Jointype {
	case pg.JoinType_JOIN_LEFT:
		sides = [][]*item{right}
	case pg.JoinType_JOIN_RIGHT:
		sides = [][]*item{left}
	case pg.JoinType_JOIN_FULL:
		sides = [][]*item{left, right}
	}
	for _, side := range sides {
		if !slices.ContainsFunc(side, (*item).tainted) {
			continue
		}
		if err := j.missing(n, sc, side); err != nil {
			return err
		}
	}
	return nil
}

func (j *judge) missing(n *pg.JoinExpr, sc *scope, side []*item) error {
	hint := "Use an inner JOIN, or join the table itself by the voter key or by one equal column."
	if len(side) != 1 || !side[0].base || n.Jointype == pg.JoinType_JOIN_FULL && len(conjuncts(n.Quals)) > 1 {
		return refuse(codePrivilege, hint, "an outer join whose missing rows rest on protected ones is not allowed")
	}
	src := side[0].sources[0]
	for _, c := range conjuncts(n.Quals) {
		probe := keyEquals(c, &scope{items: side})
		if probe != nil && n.Jointype != pg.JoinType_JOIN_FULL {
			src.real, src.empty = src.key, true
			src.key, src.apart, src.flag = cast(clone(probe), src.typ), true, nil
			return nil
		}
	}
	list := conjuncts(n.Quals)
	if len(n.UsingClause) == 1 || len(list) == 1 && plainEquality(list[0]) {
		j.predicates++
		src.empty = true
		return nil
	}
	return refuse(codePrivilege, hint, "an outer join to protected rows by more than one condition is not allowed")
}

// keyEquals gives what a condition compares a key of sc's with, if that is a plain value from outside sc.
func keyEquals(c *pg.Node, sc *scope) *pg.Node {
	a, b, ok := equality(c)
	if !ok {
		return nil
	}
	for _, pair := range [][2]*pg.Node{{a, b}, {b, a}} {
		ref := pair[0].GetColumnRef()
		if ref == nil || !inert(pair[1]) {
			continue
		}
		found, _ := sc.find(ref)
		if len(found) == 1 && found[0].key != nil && !found[0].key.apart && exact[found[0].key.typ] && !sc.mentions(pair[1]) {
			return pair[1]
		}
	}
	return nil
}

// mentions tells whether an expression may name something of sc.
func (sc *scope) mentions(n *pg.Node) bool {
	yes := false
	walk(n.ProtoReflect(), func(m proto.Message) bool {
		if ref, ok := m.(*pg.ColumnRef); ok {
			found, unsure := sc.find(ref)
			yes = yes || len(found) > 0 || unsure
		}
		return true
	})
	return yes
}

// merge gives the columns of a join in the order of *: those that USING merges come first, once.
func (j *judge) merge(n *pg.JoinExpr, left, right []starCol, items []*item) ([]starCol, error) {
	using := names(n.UsingClause)
	if n.IsNatural {
		for _, it := range items {
			if !it.known {
				return nil, refuse(codeFeature, "Use JOIN … USING.", "a NATURAL JOIN over columns that are not known cannot be followed")
			}
		}
		for _, c := range left {
			if slices.ContainsFunc(right, func(r starCol) bool { return r.name == c.name }) {
				using = append(using, c.name)
			}
		}
	}
	if n.IsNatural && n.Jointype != pg.JoinType_JOIN_INNER && slices.ContainsFunc(items, (*item).tainted) {
		return nil, refuse(codeFeature, "Use JOIN … USING.", "a NATURAL outer join over protected rows cannot be followed")
	}
	if n.IsNatural && slices.ContainsFunc(items, (*item).tainted) { // hidden columns must not take part
		if len(using) == 0 {
			return nil, refuse(codeFeature, "Use CROSS JOIN.", "a NATURAL JOIN without common columns cannot be followed")
		}
		n.IsNatural, n.UsingClause = false, nil
		for _, name := range using {
			n.UsingClause = append(n.UsingClause, strNode(name))
		}
	}
	var out []starCol
	for _, name := range using {
		out = append(out, starCol{nil, name})
	}
	for _, c := range append(slices.Clone(left), right...) {
		if !slices.Contains(using, c.name) {
			out = append(out, c)
		}
	}
	return out, nil
}
