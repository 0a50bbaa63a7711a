package lineage

import (
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// judge judges one statement; it changes the statement's tree where keys are added.
type judge struct {
	a          *Analyser
	st         *state
	set        Settings
	uses       map[Column]bool
	next       int // number of the next hidden column
	aggregates int
	predicates int
}

// colinfo is a column of a relation or of a result.
type colinfo struct {
	name  string
	plain *Column
	from  []Column
	key   *source // it is a plain copy of this source's key
	flag  *source // and of this source's flag
	alone bool    // it identifies a row of its table
}

// source is one reference to a protected relation, seen from one level of a query.
type source struct {
	protected int
	typ       string   // type of the key
	key       *pg.Node // the key, as an expression at this level
	flag      *pg.Node // nil: unknown, or there is none
	apart     bool     // key is not what a column of the relation shows: the row it stands for may be missing
	real      *pg.Node // then, the relation's own, NULL where the row is missing; nil: not at hand
	unique    bool
	empty     bool // a group may rest on none of its rows
}

// support is the number of voters that an aggregated row rests on.
type support struct {
	count *pg.Node
	zero  bool
}

// item is one entry of FROM.
type item struct {
	alias    string
	cols     []colinfo
	known    bool // cols is all there is
	from     []Column
	sources  []*source
	supports []support
	lasting  bool // a table in the catalogue, which no client makes up in passing
	simple   bool // a query over one such table
	base     bool // a protected relation itself
	up       bool // it reads columns from elsewhere: it is another for each row of those
}

func (it *item) tainted() bool { return len(it.sources) > 0 || len(it.supports) > 0 }

// scope is what names mean at one level of a query.
type scope struct {
	items     []*item
	outer     *scope
	star      []starCol
	quals     []*pg.Node // conditions of joins, and the WHERE
	using     []string
	reachedUp bool // a name was found further out
}

type starCol struct {
	it   *item // nil: of a merged column
	name string
}

type env struct {
	name  string
	rows  *rowset
	outer *env
}

// mode says what is wanted of a query.
type mode struct {
	bare bool // add no columns: it stands in an expression
	all  bool // add every key, also those that are shown, so that branches of a UNION agree
	top  bool // its rows leave
	lean bool // add no flags: where none is shown none is known
}

type rowsource struct {
	protected, col, flag int
	typ                  string
	apart                bool
}

// rowset is the result of a query: visible columns, then hidden ones.
type rowset struct {
	outs     []colinfo
	known    bool
	hidden   int
	sources  []rowsource
	supports []Support
	simple   bool
	tainted  bool
	up       bool // it reads columns of queries further out
	// Of a bare query:
	level  *level
	probes []*source
}

// level is one SELECT being judged.
type level struct {
	sel        *pg.SelectStmt
	sc         *scope
	env        *env
	mode       mode
	aggregates []*pg.FuncCall
	windows    int
	stray      bool // a window function that shows other rows' values
	probes     []*source
	siblings   []sibling
	bit        bool // EXISTS over protected rows: no key, one bit
}

// sibling is a subquery without FROM around it, repeated for its key.
type sibling struct {
	node *pg.Node
	src  *source
	sup  *support
}

func (j *judge) name(what string) string {
	j.next++
	return "portcullis_" + what + "_" + strconv.Itoa(j.next)
}

func (j *judge) selectStmt(s *pg.SelectStmt, outer *scope, e *env, m mode) (*rowset, error) {
	if s == nil {
		return nil, refuse(codeFeature, "", "the register guard cannot follow this kind of query over protected relations")
	}
	e, err := j.with(s.WithClause, outer, e)
	if err != nil {
		return nil, err
	}
	if s.Op != pg.SetOperation_SETOP_NONE {
		return j.setOperation(s, outer, e, m)
	}
	l := &level{sel: s, sc: &scope{outer: outer}, env: e, mode: m}
	if len(s.ValuesLists) > 0 {
		return j.values(l)
	}
	for _, n := range s.FromClause {
		star, err := j.from(n, l.sc, e)
		if err != nil {
			return nil, err
		}
		l.sc.star = append(l.sc.star, star...)
	}
	l.sc.quals = append(l.sc.quals, conjuncts(s.WhereClause)...)
	rows, err := j.expressions(l)
	if err != nil {
		return nil, err
	}
	rows.up = l.up()
	if !l.tainted() {
		return rows, nil
	}
	if s.IntoClause != nil {
		return nil, refuse(codePrivilege, "Ask for an extract.", "protected rows may not be copied into another table")
	}
	return j.finish(l, rows)
}

func (l *level) tainted() bool {
	if len(l.probes) > 0 || len(l.siblings) > 0 || l.bit {
		return true
	}
	return slices.ContainsFunc(l.sc.items, (*item).tainted)
}

// up tells whether a level, or what it reads, is another for each row of an outer query.
func (l *level) up() bool {
	return l.sc.reachedUp || slices.ContainsFunc(l.sc.items, func(it *item) bool { return it.up })
}

func (l *level) sources() []*source {
	var out []*source
	for _, it := range l.sc.items {
		out = append(out, it.sources...)
	}
	return append(out, l.probes...)
}

func (l *level) supports() []support {
	var out []support
	for _, it := range l.sc.items {
		out = append(out, it.supports...)
	}
	return out
}

func (j *judge) values(l *level) (*rowset, error) {
	rows := &rowset{known: true}
	for _, list := range l.sel.ValuesLists {
		for i, n := range list.GetList().GetItems() {
			from, err := j.expr(n, l, inClause)
			if err != nil {
				return nil, err
			}
			if i >= len(rows.outs) {
				rows.outs = append(rows.outs, colinfo{name: "column" + strconv.Itoa(i+1)})
			}
			rows.outs[i].from = union(rows.outs[i].from, from)
		}
	}
	return rows, j.clauses(l)
}

// expressions judges all clauses of a SELECT and describes its visible columns.
func (j *judge) expressions(l *level) (*rowset, error) {
	rows := &rowset{known: true}
	if err := j.expand(l); err != nil {
		return nil, err
	}
	for _, n := range l.sel.TargetList {
		t := n.GetResTarget()
		out, err := j.output(t, l)
		if err != nil {
			return nil, err
		}
		rows.outs = append(rows.outs, out)
		rows.known = rows.known && !isStar(t.Val)
	}
	if _, err := j.expr(l.sel.WhereClause, l, inWhere); err != nil {
		return nil, err
	}
	return rows, j.clauses(l)
}

func (j *judge) clauses(l *level) error {
	s := l.sel
	lists := [][]*pg.Node{s.GroupClause, {s.HavingClause}, s.SortClause, {s.LimitCount, s.LimitOffset}, s.WindowClause}
	for _, list := range lists {
		for _, n := range list {
			if _, err := j.clause(n, l); err != nil {
				return err
			}
		}
	}
	for _, n := range s.DistinctClause {
		if n != nil && n.Node != nil {
			if _, err := j.clause(n, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// clause judges an entry of ORDER BY or GROUP BY, which may be the name of an output column.
func (j *judge) clause(n *pg.Node, l *level) ([]Column, error) {
	if n == nil {
		return nil, nil
	}
	inner := n
	if sort := n.GetSortBy(); sort != nil {
		inner = sort.Node
	}
	if name, ok := bareName(inner); ok && outputNamed(l.sel, name) != nil {
		return nil, nil
	}
	return j.expr(inner, l, inClause)
}

func bareName(n *pg.Node) (string, bool) {
	ref := n.GetColumnRef()
	if ref == nil || len(ref.Fields) != 1 || ref.Fields[0].GetString_() == nil {
		return "", false
	}
	return ref.Fields[0].GetString_().Sval, true
}

func outputNamed(s *pg.SelectStmt, name string) *pg.ResTarget {
	for _, n := range s.TargetList {
		if t := n.GetResTarget(); t != nil && t.Name == name {
			return t
		}
	}
	return nil
}

// output describes one entry of the select list.
func (j *judge) output(t *pg.ResTarget, l *level) (colinfo, error) {
	if ref := t.Val.GetColumnRef(); ref != nil && !isStar(t.Val) {
		found, err := j.column(ref, l.sc)
		if err != nil {
			return colinfo{}, err
		}
		if len(found) == 1 {
			out := *found[0]
			if t.Name != "" {
				out.name = t.Name
			}
			return out, nil
		}
	}
	from, err := j.expr(t.Val, l, inTarget)
	return colinfo{name: outputName(t), from: from}, err
}

// outputName is the name PostgreSQL gives a column; where it would make one up, none is known.
func outputName(t *pg.ResTarget) string {
	if t.Name != "" {
		return t.Name
	}
	switch n := t.Val.Node.(type) {
	case *pg.Node_ColumnRef:
		if list := names(n.ColumnRef.Fields); len(list) > 0 {
			return list[len(list)-1]
		}
	case *pg.Node_FuncCall:
		_, name := split(n.FuncCall.Funcname)
		return name
	case *pg.Node_TypeCast:
		if inner := outputName(&pg.ResTarget{Val: n.TypeCast.Arg}); inner != "?column?" {
			return inner
		}
		_, name := split(n.TypeCast.TypeName.Names)
		return name
	case *pg.Node_CoalesceExpr:
		return "coalesce"
	case *pg.Node_CaseExpr:
		return "case"
	case *pg.Node_SubLink:
		return sublinkName(n.SubLink)
	}
	return "?column?"
}

func sublinkName(s *pg.SubLink) string {
	switch s.SubLinkType {
	case pg.SubLinkType_EXISTS_SUBLINK:
		return "exists"
	case pg.SubLinkType_ARRAY_SUBLINK:
		return "array"
	case pg.SubLinkType_EXPR_SUBLINK:
		if sel := s.Subselect.GetSelectStmt(); sel != nil && len(sel.TargetList) == 1 {
			return outputName(sel.TargetList[0].GetResTarget())
		}
	}
	return "?column?"
}

func isStar(n *pg.Node) bool {
	ref := n.GetColumnRef()
	return ref != nil && len(ref.Fields) > 0 && ref.Fields[len(ref.Fields)-1].GetAStar() != nil
}

// expand writes * out wherever protected rows are about, as hidden columns of subqueries must not show, and what
// is where must not depend on a column added since the catalogue was read.
func (j *judge) expand(l *level) error {
	tainted := slices.ContainsFunc(l.sc.items, (*item).tainted)
	var list []*pg.Node
	for _, n := range l.sel.TargetList {
		t := n.GetResTarget()
		if t == nil || !isStar(t.Val) {
			list = append(list, n)
			continue
		}
		cols, ok := l.sc.expandStar(t.Val.GetColumnRef())
		if !ok && tainted {
			return refuse(codeFeature, "Write the columns' names instead of *.", "the columns that * stands for here are not known to the register guard")
		}
		if !ok {
			list = append(list, n)
			continue
		}
		for _, c := range cols {
			if c.it == nil {
				list = append(list, target("", columnRef(c.name)))
				continue
			}
			list = append(list, target("", columnRef(c.it.alias, c.name)))
		}
	}
	l.sel.TargetList = list
	return nil
}

func (sc *scope) expandStar(ref *pg.ColumnRef) ([]starCol, bool) {
	if len(ref.Fields) == 1 {
		for _, it := range sc.items {
			if !it.known {
				return nil, false
			}
		}
		return sc.star, true
	}
	list := names(ref.Fields)
	for s := sc; s != nil; s = s.outer {
		for _, it := range s.items {
			if it.alias == list[len(list)-1] {
				return it.stars(), it.known
			}
		}
	}
	return nil, false
}

func (it *item) stars() []starCol {
	out := make([]starCol, len(it.cols))
	for i, c := range it.cols {
		out[i] = starCol{it, c.name}
	}
	return out
}

// union never writes into the array of a, which others share.
func union(a, b []Column) []Column {
	a = a[:len(a):len(a)]
	for _, c := range b {
		if !slices.Contains(a, c) {
			a = append(a, c)
		}
	}
	return a
}
