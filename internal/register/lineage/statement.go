package lineage

import (
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// harmless judges a statement that names nothing protected and calls nothing unknown.
func (a *Analyser) harmless(n *pg.Node, p *Plan) error {
	p.Kind = Pass
	if named(n, p) {
		return nil
	}
	switch s := n.Node.(type) {
	case *pg.Node_VariableSetStmt:
		return variable(s.VariableSetStmt, p)
	case *pg.Node_DiscardStmt:
		p.Sets = []Setting{{Name: "all", Reset: true}}
		return nil
	case *pg.Node_CopyStmt:
		return elsewhere(s.CopyStmt)
	case *pg.Node_ExplainStmt:
		return inner(s.ExplainStmt.Query)
	case *pg.Node_CreateTableAsStmt:
		return inner(s.CreateTableAsStmt.Query)
	case *pg.Node_DropStmt:
		return a.drop(s.DropStmt)
	case *pg.Node_DoStmt:
		return refuse(codePrivilege, "Send its statements one by one.", "DO blocks are not allowed through the register guard")
	case *pg.Node_CallStmt:
		return nil // its function was looked up like any other
	case *pg.Node_CreateSchemaStmt:
		if len(s.CreateSchemaStmt.SchemaElts) > 0 {
			return refuse(codePrivilege, "Send them one by one.", "CREATE SCHEMA with other statements inside is not allowed through the register guard")
		}
	case *pg.Node_RenameStmt:
		return renames(s.RenameStmt.RenameType)
	case *pg.Node_AlterObjectSchemaStmt:
		return renames(s.AlterObjectSchemaStmt.ObjectType)
	}
	if !slices.Contains(plainStatements, p.Statement) {
		return refuse(codePrivilege, "Let an administrator do it on a connection of their own.", "%s is not allowed through the register guard",
			strings.ReplaceAll(p.Statement, "_", " "))
	}
	return nil
}

// named notes what is prepared or declared under a name, and what is run under one. What an EXECUTE or FETCH fails with
// can carry values of what it runs.
func named(n *pg.Node, p *Plan) bool {
	switch s := n.Node.(type) {
	case *pg.Node_PrepareStmt:
		p.Kind, p.Name = Prepare, s.PrepareStmt.Name
	case *pg.Node_DeclareCursorStmt:
		p.Kind, p.Name, p.Cursor = Prepare, s.DeclareCursorStmt.Portalname, true
	case *pg.Node_ExecuteStmt:
		p.Kind, p.Name, p.BlankErrors = Execute, s.ExecuteStmt.Name, true
	case *pg.Node_FetchStmt:
		p.Kind, p.Name, p.Cursor, p.BlankErrors = Execute, s.FetchStmt.Portalname, true, true
	default:
		return false
	}
	return true
}

// plainStatements do what they say and nothing later. What is not here makes something that runs later or elsewhere —
// functions, triggers, rules, operators, policies, foreign servers, extensions, subscriptions — or reads files.
var plainStatements = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "TRANSACTION", "VARIABLE_SHOW", "CREATE", "INDEX", "ALTER_TABLE",
	"TRUNCATE", "RENAME", "VIEW", "CREATE_SEQ", "ALTER_SEQ", "CREATE_SCHEMA", "CREATE_ENUM", "ALTER_ENUM", "COMPOSITE_TYPE", "CREATE_DOMAIN",
	"COMMENT", "GRANT", "GRANT_ROLE", "CREATE_ROLE", "ALTER_ROLE", "DROP_ROLE", "LOCK", "VACUUM", "REINDEX", "CLUSTER", "CHECK_POINT",
	"NOTIFY", "LISTEN", "UNLISTEN", "DEALLOCATE", "CLOSE_PORTAL", "REFRESH_MAT_VIEW", "CONSTRAINTS_SET", "ALTER_OBJECT_SCHEMA", "ALTER_OWNER",
	"CREATE_STATS"}

// renames lets relations and their parts have new names. A schema or a function under another's name would be taken for it.
func renames(kind pg.ObjectType) error {
	switch kind {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_COLUMN, pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_VIEW,
		pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_TABCONSTRAINT, pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_ROLE:
		return nil
	}
	return refuse(codePrivilege, "Let an administrator do it on a connection of their own.", "renaming or moving this is not allowed through the register guard")
}

// inner refuses EXECUTE inside another statement: what it runs was judged for rows that leave by themselves.
func inner(n *pg.Node) error {
	found := false
	walk(n.ProtoReflect(), func(m proto.Message) bool {
		if _, ok := m.(*pg.ExecuteStmt); ok {
			found = true
		}
		return !found
	})
	if found {
		return refuse(codePrivilege, "Write the query itself.", "EXECUTE inside another statement is not allowed through the register guard")
	}
	return nil
}

func elsewhere(c *pg.CopyStmt) error {
	if c.IsProgram || c.Filename != "" {
		return refuse(codePrivilege, `Use COPY … TO STDOUT or \copy.`, "COPY with a program or a file on the server is not allowed through the register guard")
	}
	return nil
}

func (a *Analyser) drop(d *pg.DropStmt) error {
	st := a.state.Load()
	for _, object := range d.Objects {
		schema, name := split(object.GetList().GetItems())
		if t, could := st.lookup(schema, name); t != nil || could {
			return refuse(codePrivilege, "Let an administrator do it on a connection of their own.", "%s is protected", name)
		}
	}
	return nil
}

func variable(v *pg.VariableSetStmt, p *Plan) error {
	s := survey{}
	set := Setting{Name: strings.ToLower(v.Name), Local: v.IsLocal}
	switch v.Kind {
	case pg.VariableSetKind_VAR_RESET, pg.VariableSetKind_VAR_SET_DEFAULT:
		set.Reset = true
	case pg.VariableSetKind_VAR_RESET_ALL:
		set.Name, set.Reset = "all", true
	case pg.VariableSetKind_VAR_SET_VALUE:
		set.Value = settingValue(v.Args)
	case pg.VariableSetKind_VAR_SET_CURRENT:
		return refuse(codeFeature, "Write the value.", "SET … FROM CURRENT is not allowed through the register guard")
	default:
		return nil
	}
	if set.Name == "session_authorization" && !set.Reset {
		return refuse(codePrivilege, "Connect as that user.", "SET SESSION AUTHORIZATION is not allowed through the register guard")
	}
	s.change(set)
	if s.refusal != nil {
		return s.refusal
	}
	p.Sets = append(p.Sets, s.sets...)
	return nil
}

func settingValue(args []*pg.Node) string {
	var parts []string
	for _, n := range args {
		if text, ok := literal(n); ok {
			parts = append(parts, text)
			continue
		}
		c := n.GetAConst()
		switch {
		case c.GetBoolval() != nil:
			parts = append(parts, map[bool]string{true: "on", false: "off"}[c.GetBoolval().Boolval])
		case c.GetFval() != nil:
			parts = append(parts, c.GetFval().Fval)
		default:
			parts = append(parts, intText(c))
		}
	}
	return strings.Join(parts, ", ")
}

func intText(c *pg.A_Const) string {
	if v := c.GetIval(); v != nil {
		return strconv.Itoa(int(v.Ival))
	}
	return ""
}

// touching judges a statement that names something protected.
func (j *judge) touching(n *pg.Node, p *Plan) error {
	switch s := n.Node.(type) {
	case *pg.Node_SelectStmt:
		rows, err := j.selectStmt(s.SelectStmt, nil, nil, mode{top: true})
		return j.rows(p, rows, err)
	case *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt:
		rows, err := j.change(n, nil, mode{top: true})
		return j.rows(p, rows, err)
	case *pg.Node_DeclareCursorStmt:
		return j.wrapped(s.DeclareCursorStmt.Query, p, s.DeclareCursorStmt.Portalname, true)
	case *pg.Node_PrepareStmt:
		return j.wrapped(s.PrepareStmt.Query, p, s.PrepareStmt.Name, false)
	case *pg.Node_CopyStmt:
		return j.copy(s.CopyStmt, p)
	case *pg.Node_ExplainStmt:
		return j.explain(s.ExplainStmt, p)
	case *pg.Node_LockStmt, *pg.Node_VacuumStmt, *pg.Node_TruncateStmt, *pg.Node_RefreshMatViewStmt, *pg.Node_ReindexStmt, *pg.Node_GrantStmt:
		p.Kind = Command
		return nil
	case *pg.Node_CreateTableAsStmt, *pg.Node_ViewStmt:
		return refuse(codePrivilege, "Ask for an extract, or for the view from an administrator.", "protected rows may not be copied or shown under another name")
	}
	return refuse(codePrivilege, "Let an administrator do it on a connection of their own.", "%s of a protected relation is not allowed through the register guard",
		strings.ReplaceAll(p.Statement, "_", " "))
}

func (j *judge) wrapped(query *pg.Node, p *Plan, name string, cursor bool) error {
	if err := j.touching(query, p); err != nil {
		return err
	}
	p.Kind, p.Name, p.Cursor = Prepare, name, cursor
	return nil
}

func (j *judge) explain(s *pg.ExplainStmt, p *Plan) error {
	for _, o := range s.Options {
		if d := o.GetDefElem(); d != nil && d.Defname == "analyze" {
			return refuse(codePrivilege, "Use EXPLAIN without ANALYZE.", "EXPLAIN ANALYZE of protected rows would count them without saying whose they are")
		}
	}
	if !j.a.opts.Explain {
		return refuse(codePrivilege, "Ask for EXPLAIN in the policy.", "EXPLAIN of protected rows shows estimates made from samples of them")
	}
	if _, err := j.selectStmt(s.Query.GetSelectStmt(), nil, nil, mode{top: true}); err != nil {
		return err
	}
	p.Kind = Command
	return nil
}

// rows describes a result.
func (j *judge) rows(p *Plan, rows *rowset, err error) error {
	if err != nil {
		return err
	}
	r := &Result{Hidden: rows.hidden, Supports: rows.supports}
	for _, o := range rows.outs {
		r.Outputs = append(r.Outputs, Output{Name: o.name, Plain: o.plain, From: o.from})
	}
	for _, s := range rows.sources {
		r.KeyColumns, r.KeyOf = append(r.KeyColumns, s.col), append(r.KeyOf, s.protected)
		r.HiddenFlags = append(r.HiddenFlags, s.flag)
	}
	p.Result = r
	switch {
	case len(rows.sources) > 0:
		p.Kind = Rows
	case len(rows.supports) > 0:
		p.Kind = Aggregate
	case j.predicates > 0:
		p.Kind, p.Result = Predicate, nil
	case p.Statement == "SELECT" && !rows.tainted:
		p.Kind, p.Result = Pass, nil
	default:
		p.Kind, p.Result = Command, nil
	}
	return nil
}
