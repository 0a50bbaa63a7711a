package lineage

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// survey is a first look over a whole statement: every name in it, wherever it stands.
type survey struct {
	a       *Analyser
	st      *state
	set     Settings
	touches bool
	carrier string // a function that may not stand beside protected rows
	sets    []Setting
	temp    []string
	with    map[string]bool
	strict  bool                  // relations must be known
	made    map[*pg.RangeVar]bool // names of what is being made
	refusal *Refusal
}

func (a *Analyser) survey(st *state, n *pg.Node, set Settings) *survey {
	s := &survey{a: a, st: st, set: set, with: map[string]bool{}, made: map[*pg.RangeVar]bool{}, strict: queries(n)}
	walk(n.ProtoReflect(), func(m proto.Message) bool {
		if cte, ok := m.(*pg.CommonTableExpr); ok {
			s.with[cte.Ctename] = true
		}
		return true
	})
	walk(n.ProtoReflect(), func(m proto.Message) bool {
		s.look(m)
		return s.refusal == nil
	})
	return s
}

// queries tells whether the relations a statement names must exist already.
func queries(n *pg.Node) bool {
	switch n.Node.(type) {
	case *pg.Node_SelectStmt, *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt, *pg.Node_CopyStmt,
		*pg.Node_DeclareCursorStmt, *pg.Node_PrepareStmt, *pg.Node_ExplainStmt:
		return true
	}
	return false
}

func (s *survey) refuse(err error) {
	if s.refusal == nil {
		s.refusal, _ = err.(*Refusal)
	}
}

func (s *survey) look(m proto.Message) {
	switch n := m.(type) {
	case *pg.RangeVar:
		s.relation(n)
	case *pg.FuncCall:
		s.function(n)
	case *pg.A_Expr:
		s.operator(n.Name)
	case *pg.ColumnRef:
		s.attribute(n.Fields)
	case *pg.A_Indirection:
		s.attribute(n.Indirection)
	case *pg.SubLink:
		s.operator(n.OperName)
	case *pg.SortBy:
		s.operator(n.UseOp)
	case *pg.IntoClause:
		s.made[n.Rel] = n.Rel.GetSchemaname() == ""
		if n.Rel.GetRelpersistence() == "t" {
			s.temp = append(s.temp, n.Rel.Relname)
		}
	case *pg.CreateStmt:
		s.made[n.Relation] = n.Relation.GetSchemaname() == ""
		if n.Relation.GetRelpersistence() == "t" {
			s.temp = append(s.temp, n.Relation.Relname)
		}
	case *pg.JsonFuncExpr, *pg.JsonTable, *pg.JsonParseExpr, *pg.JsonScalarExpr, *pg.JsonSerializeExpr, *pg.MergeSupportFunc:
		s.newer(170000)
	case *pg.JsonObjectConstructor, *pg.JsonArrayConstructor, *pg.JsonArrayQueryConstructor, *pg.JsonObjectAgg, *pg.JsonArrayAgg, *pg.JsonIsPredicate:
		s.newer(160000)
	}
}

// newer refuses what an older server would read as the call of a function that anybody may have made.
func (s *survey) newer(version int) {
	if s.st.cat.Server < version {
		s.refuse(refuse(codeSyntax, "Use functions this server has.", "this server has no such JSON expressions"))
	}
}

func (s *survey) relation(rv *pg.RangeVar) {
	if s.made[rv] {
		return
	}
	t, could := s.st.lookup(rv.Schemaname, rv.Relname)
	if t != nil && t.why != "" {
		s.refuse(secret(t))
		return
	}
	if could {
		s.touches = true
		return
	}
	if !s.strict || rv.Schemaname == "" && s.with[rv.Relname] {
		return
	}
	if rel, temp := s.st.cat.resolve(rv.Schemaname, rv.Relname, s.set); rel == nil && !temp && !s.st.somewhere(rv) {
		s.refuse(undefined(rv))
	}
}

// somewhere tells whether any schema has the relation: the search_path may be other than it is thought to be, and
// nothing of that name is protected.
func (st *state) somewhere(rv *pg.RangeVar) bool {
	return rv.Schemaname == "" && len(st.cat.bare[rv.Relname]) > 0
}

func (s *survey) function(f *pg.FuncCall) {
	schema, name := split(f.Funcname)
	switch s.a.classOf(s.st, schema, name) {
	case unknown:
		s.unknown(schema, name)
	case denied:
		s.refuse(refuse(codePrivilege, "Select the rows themselves.", "%s is not allowed through the register guard", name))
	case outside:
		if s.carrier == "" {
			s.carrier = name
		}
		if name == "set_config" {
			s.setConfig(f)
		}
	}
}

// attribute looks at row.name, which calls the function name(row) where the row has no such column.
func (s *survey) attribute(fields []*pg.Node) {
	for _, name := range names(fields) {
		for _, f := range s.st.cat.functions[name] {
			if f.takesRow && f.class() <= denied && !s.a.allowed[f.schema+"."+f.name] {
				s.unknown("", name)
			}
		}
	}
}

func (s *survey) unknown(schema, name string) {
	known := slices.ContainsFunc(s.st.cat.functions[name], func(f function) bool { return schema == "" || f.schema == schema })
	if known {
		s.refuse(refuse(codePrivilege, "Ask for it to be listed in the policy.", "function %s may read protected rows, nobody has vouched for it", name))
		return
	}
	s.refuse(&Refusal{Code: codeFunction, Message: "function " + name + " is not known to the register guard", Hint: "Check its name.", Retry: true})
}

func (s *survey) operator(name []*pg.Node) {
	if _, op := split(name); op != "" && s.st.cat.operators[op] {
		s.refuse(refuse(codePrivilege, "Ask for its function to be listed in the policy.", "operator %s calls a function nobody has vouched for", op))
	}
}

func (s *survey) setConfig(f *pg.FuncCall) {
	if len(f.Args) != 3 {
		return
	}
	name, ok := literal(f.Args[0])
	value, constant := literal(f.Args[1])
	if !ok && strings.Contains(value, ",") { // pg_dump asks pg_settings for the name; no encoding or switch has a comma
		return
	}
	if !ok || !constant {
		s.refuse(refuse(codePrivilege, "Write name and value as constants.", "set_config with computed arguments is not allowed"))
		return
	}
	local := f.Args[2].GetAConst().GetBoolval().GetBoolval()
	s.change(Setting{Name: strings.ToLower(name), Value: value, Local: local})
}

// change notes a setting. Those under which PostgreSQL would read a text otherwise than the parser here are refused.
func (s *survey) change(set Setting) {
	if bad := misread(map[string]string{set.Name: set.Value}); bad != "" && !set.Reset {
		s.refuse(refuse(codePrivilege, "Keep the default.", "%s = %s is not allowed through the register guard", set.Name, set.Value))
		return
	}
	s.sets = append(s.sets, set)
}
