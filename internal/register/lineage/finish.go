package lineage

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// finish decides how a level that rests on protected rows carries their keys, and adds them.
func (j *judge) finish(l *level, rows *rowset) (*rowset, error) {
	rows.tainted = true
	if l.mode.bare {
		rows.level = l
		if len(l.probes) == 0 && !l.bit {
			rows.probes = l.sc.probeKeys(l.sel)
		}
		if len(rows.probes) > 0 {
			return rows, nil
		}
	}
	if l.grouped() {
		return j.finishGroups(l, rows)
	}
	if err := j.windowed(l); err != nil {
		return nil, err
	}
	if err := chosen(l); err != nil {
		return nil, err
	}
	supports := l.supports()
	if distinct(l.sel) {
		if err := distinctKeys(l, rows, supports); err != nil {
			return nil, err
		}
	}
	rows.simple = len(l.sc.items) == 1 && (l.sc.items[0].lasting || l.sc.items[0].simple) && len(l.probes) == 0 && !j.multiplies(l.sel.TargetList)
	return rows, j.attach(l, rows, l.sources(), supports)
}

// chosen refuses to choose among protected rows once per row of another query: a row of one voter would show, or not, by
// what another's is, and the other's key would not be in it.
func chosen(l *level) error {
	limited := l.sel.LimitCount != nil || l.sel.LimitOffset != nil
	on := len(l.sel.DistinctClause) > 0 && !distinct(l.sel)
	if (limited || on) && l.up() || on && !l.mode.top && len(l.sc.items) > 1 {
		return chosenUp()
	}
	return nil
}

func chosenUp() error {
	return refuse(codePrivilege, "Join all rows and choose among them outside.", "choosing among protected rows once for each row of something else is not allowed")
}

func (l *level) grouped() bool {
	return len(l.aggregates) > 0 || len(l.sel.GroupClause) > 0 || l.sel.HavingClause != nil
}

func distinct(s *pg.SelectStmt) bool {
	return len(s.DistinctClause) == 1 && (s.DistinctClause[0] == nil || s.DistinctClause[0].Node == nil)
}

// distinctKeys lets DISTINCT stand where every key is among the columns: rows of different voters then stay apart. In
// any other case one row would stand for many voters.
func distinctKeys(l *level, rows *rowset, supports []support) error {
	hint := "Add the voter key to the select list, or ask for counts with GROUP BY."
	if len(supports) > 0 || len(l.siblings) > 0 {
		return refuse(codePrivilege, hint, "DISTINCT would hide how many voters a row rests on")
	}
	for _, s := range l.sources() {
		if visible(rows, s) < 0 {
			return refuse(codePrivilege, hint, "DISTINCT would hide which voters a row rests on")
		}
	}
	return nil
}

func visible(rows *rowset, s *source) int {
	if s.apart {
		return -1
	}
	return slices.IndexFunc(rows.outs, func(c colinfo) bool { return c.key == s })
}

// attach adds hidden columns for the keys that are not shown, flags, and supports.
func (j *judge) attach(l *level, rows *rowset, sources []*source, supports []support) error {
	for _, s := range sources {
		if l.mode.all && plainTypes[s.typ] == "" { // NULL in other branches must have a type that can be written
			s.key, s.typ = cast(s.key, "text"), "text"
		}
		col := visible(rows, s)
		if col < 0 || l.mode.all || !l.mode.top && ambiguous(rows, col) {
			col = j.hide(l, rows, "key", s.key)
		}
		flag := -1
		if s.flag != nil {
			flag = j.flag(l, rows, s)
		}
		rows.sources = append(rows.sources, rowsource{protected: s.protected, col: col, flag: flag, typ: s.typ, apart: s.apart})
	}
	for _, s := range supports {
		rows.supports = append(rows.supports, Support{Column: j.hide(l, rows, "voters", s.count), Zero: s.zero})
	}
	for _, s := range l.siblings {
		col := j.hide(l, rows, "sub", s.node)
		if s.sup != nil {
			rows.supports = append(rows.supports, Support{Column: col, Zero: s.sup.zero})
			continue
		}
		rows.sources = append(rows.sources, rowsource{protected: s.src.protected, col: col, flag: -1, typ: s.src.typ, apart: true})
	}
	return nil
}

// flag finds or adds the column with a source's flag.
func (j *judge) flag(l *level, rows *rowset, s *source) int {
	col := slices.IndexFunc(rows.outs, func(c colinfo) bool { return c.flag == s })
	switch {
	case col >= 0 && !l.mode.all && (l.mode.top || !ambiguous(rows, col)):
		return col
	case l.mode.lean:
		return -1
	}
	return j.hide(l, rows, "flag", s.flag)
}

func ambiguous(rows *rowset, col int) bool {
	n := 0
	for _, c := range rows.outs {
		if c.name == rows.outs[col].name {
			n++
		}
	}
	return n > 1
}

func (j *judge) hide(l *level, rows *rowset, what string, n *pg.Node) int {
	name := j.name(what)
	if l.mode.bare {
		return -1
	}
	l.sel.TargetList = append(l.sel.TargetList, target(name, clone(n)))
	rows.outs = append(rows.outs, colinfo{name: name})
	rows.hidden++
	return len(rows.outs) - 1
}

// windowed allows the window functions that number or count rows, over one table or tables joined by plain
// equality. Others bring values of rows that do not leave; and over a made-up table of probes even a
// row's number tells, probe by probe, of voters whose rows do not leave.
func (j *judge) windowed(l *level) error {
	if l.stray {
		return refuse(codePrivilege, "Numbering functions and count(*) OVER are allowed.", "a window function would show values of rows that do not leave")
	}
	if l.windows == 0 {
		return nil
	}
	single := len(l.sc.items) == 1 && l.sc.items[0].simple
	if l.windows > 4 || !single && !j.sound(l) || len(l.probes) > 0 || l.up() {
		return refuse(codePrivilege, "Use window functions over the table itself, at most four.", "window functions over such a join would tell of rows that do not leave")
	}
	return nil
}

// finishGroups handles GROUP BY and aggregates. Grouped by the keys themselves a row is still one voter's.
func (j *judge) finishGroups(l *level, rows *rowset) (*rowset, error) {
	if len(l.probes) > 0 || len(l.siblings) > 0 {
		return nil, refuse(codePrivilege, "Use a JOIN.", "a subquery over protected rows cannot stand beside aggregates")
	}
	if j.keyed(l) && l.windows == 0 && !l.stray && !distinct(l.sel) && len(l.supports()) == 0 {
		for _, s := range l.sources() {
			if s.flag != nil {
				l.sel.GroupClause = append(l.sel.GroupClause, clone(s.flag))
			}
		}
		return rows, j.attach(l, rows, l.sources(), nil)
	}
	if err := j.groupsAllowed(l); err != nil {
		return nil, err
	}
	supports, err := j.groupSupports(l)
	if err != nil {
		return nil, err
	}
	for i := range rows.outs { // a group's value is no voter's, whatever column it came from
		rows.outs[i].key, rows.outs[i].flag = nil, nil
	}
	return rows, j.attach(l, rows, nil, supports)
}

// keyed tells whether every source's key is among the GROUP BY expressions.
func (j *judge) keyed(l *level) bool {
	grouped := map[*source]bool{}
	for _, n := range l.sel.GroupClause {
		if n.GetGroupingSet() != nil {
			return false
		}
		for _, s := range j.groupKey(n, l) {
			grouped[s] = true
		}
	}
	for _, s := range l.sources() {
		if !grouped[s] || s.apart {
			return false
		}
	}
	return true
}

func (j *judge) groupKey(n *pg.Node, l *level) []*source {
	ref := l.outputOf(n).GetColumnRef()
	if ref == nil {
		return nil
	}
	found, err := j.column(ref, l.sc)
	if err != nil || len(found) != 1 || found[0].key == nil {
		return nil
	}
	return []*source{found[0].key}
}

// groupsAllowed checks what may be asked of groups: counts, sums and averages of plain columns, over tables joined by plain
// equality. A sum over made-up numbers, or a group for each of a list of probes, would tell many bits about one voter
// in one statement, however large its group is.
func (j *judge) groupsAllowed(l *level) error {
	hint := "Plain count, sum and avg of columns are allowed, or GROUP BY the voter key."
	if l.windows > 0 || l.stray {
		return refuse(codePrivilege, hint, "this mix of aggregates and window functions over protected rows is not allowed")
	}
	if l.up() {
		return refuse(codePrivilege, "Use a JOIN with GROUP BY.", "counting protected rows once per outer row is not allowed")
	}
	for _, n := range l.sel.GroupClause {
		if n.GetGroupingSet() != nil {
			return refuse(codePrivilege, "Ask for one grouping at a time.", "grouping sets over protected rows are not allowed")
		}
	}
	for _, f := range l.aggregates {
		if err := j.aggregateAllowed(f, l); err != nil {
			return err
		}
	}
	if j.aggregates += len(l.aggregates); j.aggregates > 16 {
		return refuse(codePrivilege, "Ask for at most 16.", "too many aggregates over protected rows in one statement")
	}
	if j.multiplies(l.sel.TargetList) || j.multiplies(l.sel.GroupClause) {
		return refuse(codePrivilege, "Use one row per voter.", "a function that makes several rows of one cannot stand beside groups of protected rows")
	}
	single := len(l.sc.items) == 1 && (l.sc.items[0].simple || len(l.supports()) > 0)
	filtered := slices.ContainsFunc(l.aggregates, func(f *pg.FuncCall) bool { return f.AggFilter != nil })
	if (len(l.sel.GroupClause) > 0 || filtered) && !single && !j.sound(l) {
		return refuse(codePrivilege, "Join each table by its own unique column or by the voter key, and group by one table's columns at a time.",
			"groups over such a join would tell of single voters")
	}
	return nil
}

func (j *judge) aggregateAllowed(f *pg.FuncCall, l *level) error {
	hint := "Plain count, sum and avg of columns are allowed, or GROUP BY the voter key."
	_, name := split(f.Funcname)
	if !slices.Contains(groupAggregates, name) || len(f.AggOrder) > 0 || f.AggWithinGroup {
		return refuse(codePrivilege, hint, "%s over protected rows would give away single values", name)
	}
	for _, arg := range f.Args {
		if c := arg.GetAConst(); c != nil && name == "count" {
			continue
		}
		ref := arg.GetColumnRef()
		if ref == nil {
			return refuse(codePrivilege, hint, "%s of an expression over protected rows is not allowed", name)
		}
		found, err := j.column(ref, l.sc)
		if err != nil {
			return err
		}
		if name != "count" && (len(found) != 1 || found[0].plain == nil && len(l.supports()) == 0) {
			return refuse(codePrivilege, hint, "%s over protected rows takes a plain column of a table", name)
		}
	}
	return nil
}

// groupSupports counts the voters of each group: rows where each is a voter of its own, distinct keys otherwise.
func (j *judge) groupSupports(l *level) ([]support, error) {
	var out []support
	sources := l.sources()
	for _, s := range sources {
		key := s.key
		if s.apart {
			key = s.real
		}
		if key == nil {
			return nil, refuse(codePrivilege, "Use an inner JOIN.", "voters that may be missing cannot be counted as a group")
		}
		count := func() *pg.Node {
			if len(l.sc.items) == 1 && len(sources) == 1 && s.unique && !s.apart {
				return call("count", false)
			}
			return call("count", true, clone(key))
		}
		out = append(out, support{count: count(), zero: s.empty})
		for _, f := range l.aggregates {
			if f.AggFilter != nil {
				n := count()
				n.GetFuncCall().AggFilter = clone(f.AggFilter)
				out = append(out, support{count: n, zero: true})
			}
		}
	}
	for _, s := range l.supports() {
		if s.zero {
			return nil, refuse(codePrivilege, "Leave FILTER out.", "a filtered count cannot be aggregated again")
		}
		out = append(out, support{count: call("min", false, clone(s.count))})
	}
	return out, nil
}
