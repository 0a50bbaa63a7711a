package lineage

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// change judges INSERT, UPDATE and DELETE. The target may be protected; then nothing else in the statement may be: a
// value written from one voter's row to another's would be read later under the wrong key. Where the target is
// not, nothing protected may stand in the statement at all, as what is changed, and how many, can be seen.
func (j *judge) change(n *pg.Node, e *env, m mode) (*rowset, error) {
	switch s := n.Node.(type) {
	case *pg.Node_InsertStmt:
		return j.insert(s.InsertStmt, e, m)
	case *pg.Node_UpdateStmt:
		u := s.UpdateStmt
		return j.write(&writing{rv: u.Relation, with: u.WithClause, from: u.FromClause, where: u.WhereClause, set: u.TargetList, returning: &u.ReturningList}, e, m)
	case *pg.Node_DeleteStmt:
		d := s.DeleteStmt
		return j.write(&writing{rv: d.Relation, with: d.WithClause, from: d.UsingClause, where: d.WhereClause, returning: &d.ReturningList}, e, m)
	}
	return nil, refuse(codeFeature, "Use INSERT, UPDATE or DELETE.", "the register guard cannot follow %s over protected rows", statementName(n))
}

// writing is what the three statements have in common.
type writing struct {
	rv        *pg.RangeVar
	with      *pg.WithClause
	from      []*pg.Node
	where     *pg.Node
	set       []*pg.Node
	returning *[]*pg.Node
}

func onlyTarget() error {
	return refuse(codePrivilege, "Read the rows first, then write the values.", "protected rows may not be read in a statement that writes")
}

// destination judges the relation written to.
func (j *judge) destination(rv *pg.RangeVar) (*item, *taint, error) {
	rel, temp := j.st.cat.resolve(rv.Schemaname, rv.Relname, j.set)
	if rel != nil {
		if t := j.st.taints[rel.String()]; t != nil && (t.view != nil || rel.kind == 'v') {
			return nil, nil, refuse(codePrivilege, "Write to the table itself.", "writing through the view %s is not allowed", rel.name)
		}
	}
	if rel == nil && !temp {
		return nil, nil, undefined(rv)
	}
	it, err := j.rangeVar(&pg.Node{Node: &pg.Node_RangeVar{RangeVar: rv}}, &scope{}, nil)
	if err != nil || rel == nil {
		return it, nil, err
	}
	return it, j.st.taints[rel.String()], nil
}

func (j *judge) write(w *writing, e *env, m mode) (*rowset, error) {
	e, err := j.with(w.with, nil, e)
	if err != nil {
		return nil, err
	}
	it, t, err := j.destination(w.rv)
	if err != nil {
		return nil, err
	}
	l := &level{sel: &pg.SelectStmt{WhereClause: w.where}, sc: &scope{}, env: e, mode: m}
	if _, err := add(l.sc, it, nil); err != nil {
		return nil, err
	}
	for _, n := range w.from {
		if _, err := j.from(n, l.sc, e); err != nil {
			return nil, err
		}
	}
	if slices.ContainsFunc(l.sc.items[1:], (*item).tainted) {
		return nil, onlyTarget()
	}
	if err := j.assignments(w.set, l, t); err != nil {
		return nil, err
	}
	if _, err := j.expr(w.where, l, inClause); err != nil {
		return nil, err
	}
	return j.returning(w.returning, l)
}

// assignments judges SET. The key itself may not be changed: what was read under the old one would not be known under the new.
func (j *judge) assignments(set []*pg.Node, l *level, t *taint) error {
	for _, n := range set {
		r := n.GetResTarget()
		if t != nil && r != nil && r.Name == t.key {
			return refuse(codePrivilege, "Let an administrator do it on a connection of their own.", "the voter key may not be changed")
		}
		if _, err := j.expr(r.GetVal(), l, inClause); err != nil {
			return err
		}
	}
	return nil
}

// returning judges RETURNING like a select list and adds the key to it.
func (j *judge) returning(list *[]*pg.Node, l *level) (*rowset, error) {
	rows := &rowset{known: true}
	if len(*list) == 0 {
		return rows, nil
	}
	l.sel.TargetList = *list
	l.sc.star = nil
	for _, it := range l.sc.items {
		l.sc.star = append(l.sc.star, it.stars()...)
	}
	if err := j.expand(l); err != nil {
		return nil, err
	}
	for _, n := range l.sel.TargetList {
		out, err := j.output(n.GetResTarget(), l)
		if err != nil {
			return nil, err
		}
		rows.outs = append(rows.outs, out)
	}
	if len(l.probes) > 0 || len(l.siblings) > 0 || l.bit {
		return nil, onlyTarget()
	}
	if slices.ContainsFunc(l.sc.items, (*item).tainted) {
		rows.tainted = true
		if err := j.attach(l, rows, l.sources(), nil); err != nil {
			return nil, err
		}
	}
	*list = l.sel.TargetList
	return rows, nil
}

func (j *judge) insert(s *pg.InsertStmt, e *env, m mode) (*rowset, error) {
	e, err := j.with(s.WithClause, nil, e)
	if err != nil {
		return nil, err
	}
	it, t, err := j.destination(s.Relation)
	if err != nil {
		return nil, err
	}
	if s.SelectStmt != nil {
		rows, err := j.selectStmt(s.SelectStmt.GetSelectStmt(), nil, e, mode{})
		if err != nil {
			return nil, err
		}
		if rows.tainted {
			return nil, onlyTarget()
		}
	}
	if s.Relation.Alias != nil {
		it.alias = s.Relation.Alias.Aliasname
	}
	l := &level{sel: &pg.SelectStmt{}, sc: &scope{}, env: e, mode: m}
	if c := s.OnConflictClause; c != nil {
		excluded := &item{alias: "excluded", known: it.known, cols: slices.Clone(it.cols)}
		both := &level{sel: &pg.SelectStmt{}, sc: &scope{items: []*item{it, excluded}}, env: e}
		if err := j.assignments(c.TargetList, both, t); err != nil {
			return nil, err
		}
		if _, err := j.expr(c.WhereClause, both, inClause); err != nil {
			return nil, err
		}
	}
	l.sc.items = []*item{it}
	return j.returning(&s.ReturningList, l)
}

// copy judges COPY. A table is written out as the query it stands for, so that the same rules hold.
func (j *judge) copy(s *pg.CopyStmt, p *Plan) error {
	if err := elsewhere(s); err != nil {
		return err
	}
	if s.IsFrom {
		_, _, err := j.destination(s.Relation)
		p.Kind = Command
		return err
	}
	if s.Relation != nil {
		if err := copyQuery(j, s); err != nil {
			return err
		}
	}
	if s.Query.GetSelectStmt() == nil {
		return refuse(codeFeature, "Use RETURNING without COPY.", "COPY of a statement that writes protected rows is not allowed")
	}
	rows, err := j.selectStmt(s.Query.GetSelectStmt(), nil, nil, mode{top: true, lean: !j.a.opts.CopyKeys})
	if err := j.rows(p, rows, err); err != nil {
		return err
	}
	if p.Result == nil {
		return nil
	}
	p.Result.Copy = copyFormat(s.Options)
	if rows.hidden > 0 && !j.a.opts.CopyKeys {
		return refuse(codePrivilege, "Add the voter key to the columns.", "COPY of protected rows needs the voter key among its columns")
	}
	return nil
}

func copyQuery(j *judge, s *pg.CopyStmt) error {
	it, _, err := j.destination(s.Relation)
	if err != nil {
		return err
	}
	list := names(s.Attlist)
	if len(list) == 0 {
		for _, c := range it.cols {
			list = append(list, c.name)
		}
	}
	sel := &pg.SelectStmt{LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT, Op: pg.SetOperation_SETOP_NONE}
	for _, name := range list {
		sel.TargetList = append(sel.TargetList, target("", columnRef(name)))
	}
	s.Relation.Inh = false // COPY of a table leaves its children out
	sel.FromClause = []*pg.Node{{Node: &pg.Node_RangeVar{RangeVar: s.Relation}}}
	s.Query, s.Relation, s.Attlist = &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: sel}}, nil, nil
	return nil
}

func copyFormat(options []*pg.Node) *Copy {
	c := &Copy{Format: "text"}
	for _, n := range options {
		d := n.GetDefElem()
		text := d.GetArg().GetString_().GetSval()
		switch d.GetDefname() {
		case "format":
			c.Format = strings.ToLower(text)
		case "delimiter":
			c.Delimiter = text
		case "null":
			c.Null = text
		case "quote":
			c.Quote = text
		case "escape":
			c.Escape = text
		case "header":
			c.Header = headerOn(d.Arg)
		}
	}
	return c
}

func headerOn(n *pg.Node) bool {
	switch {
	case n == nil:
		return true
	case n.GetBoolean() != nil:
		return n.GetBoolean().Boolval
	case n.GetInteger() != nil:
		return n.GetInteger().Ival != 0
	}
	switch strings.ToLower(n.GetString_().GetSval()) {
	case "false", "off", "0":
		return false
	}
	return true
}
