package lineage

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// Unbounded stands in a Shape for "no bound is known": a missing LIMIT, or one that is a parameter.
const Unbounded = int64(-1)

// Shape is what a fingerprint does not say of a statement: it stands for IN (1) and IN (1, …, 1000), LIKE 'Smi%' and
// LIKE '%', LIMIT 10 and LIMIT ALL alike.
type Shape struct {
	List       int   // the longest list: IN (…), ARRAY[…], rows of VALUES
	Arrays     int   // parameters or strings that can hold a list of any length: = ANY($1), = ANY('{…}')
	Prefix     int   // the shortest literal before the first wildcard of a pattern; -1: no pattern
	Limit      int64 // the outermost LIMIT, or Unbounded
	Offset     int64 // the outermost OFFSET, or Unbounded when it is a parameter
	Statements int   // statements in the text
}

// Within tells whether s stays within what limit allows, and if not, why.
func (s Shape) Within(limit Shape) (why string, ok bool) {
	switch {
	case s.List > limit.List:
		return "a list of " + strconv.Itoa(s.List) + " values, allowed are " + strconv.Itoa(limit.List), false
	case s.Arrays > limit.Arrays:
		return "a list whose length cannot be seen", false
	case s.Prefix >= 0 && s.Prefix < limit.Prefix:
		return "a pattern that begins with " + strconv.Itoa(s.Prefix) + " literal characters, needed are " + strconv.Itoa(limit.Prefix), false
	case limit.Limit != Unbounded && (s.Limit == Unbounded || s.Limit > limit.Limit):
		return "more rows than LIMIT " + strconv.FormatInt(limit.Limit, 10), false
	case limit.Offset != Unbounded && (s.Offset == Unbounded || s.Offset > limit.Offset):
		return "an OFFSET over " + strconv.FormatInt(limit.Offset, 10), false
	case s.Statements > limit.Statements:
		return strconv.Itoa(s.Statements) + " statements in one text", false
	}
	return "", true
}

func shapeOf(stmt *pg.Node, statements int) Shape {
	s := Shape{Prefix: -1, Limit: Unbounded, Statements: statements}
	if sel := outermost(stmt); sel != nil {
		s.Limit = constant(sel.LimitCount, Unbounded)
		s.Offset = constant(sel.LimitOffset, 0)
	}
	walk(stmt.ProtoReflect(), func(m proto.Message) bool {
		switch n := m.(type) {
		case *pg.List:
			s.List = max(s.List, len(n.Items))
		case *pg.A_ArrayExpr:
			s.List = max(s.List, len(n.Elements))
		case *pg.SelectStmt:
			s.List = max(s.List, len(n.ValuesLists))
		case *pg.BoolExpr:
			if n.Boolop == pg.BoolExprType_OR_EXPR {
				s.List = max(s.List, len(n.Args))
			}
		case *pg.A_Expr:
			s.expression(n)
		}
		return true
	})
	return s
}

func (s *Shape) expression(n *pg.A_Expr) {
	switch n.Kind {
	case pg.A_Expr_Kind_AEXPR_LIKE, pg.A_Expr_Kind_AEXPR_ILIKE:
		s.pattern(n.Rexpr, "%_")
	case pg.A_Expr_Kind_AEXPR_SIMILAR:
		s.pattern(n.Rexpr, "%_|*+?{}()[]")
	case pg.A_Expr_Kind_AEXPR_OP_ANY, pg.A_Expr_Kind_AEXPR_OP_ALL:
		if n.Rexpr.GetAArrayExpr() == nil {
			s.Arrays++
		}
	case pg.A_Expr_Kind_AEXPR_OP:
		if _, name := split(n.Name); strings.Contains(name, "~") {
			s.regular(n.Rexpr)
		}
	}
}

// pattern notes the literal prefix of a LIKE pattern; one that is a parameter or computed has none that is known.
func (s *Shape) pattern(n *pg.Node, wild string) {
	prefix := 0
	if text, ok := literal(n); ok {
		if prefix = strings.IndexAny(text, wild); prefix < 0 {
			return
		}
	}
	s.prefix(prefix)
}

func (s *Shape) regular(n *pg.Node) {
	text, ok := literal(n)
	anchored, isAnchored := strings.CutPrefix(text, "^")
	if !ok || !isAnchored {
		s.prefix(0)
		return
	}
	prefix := strings.IndexAny(anchored, `.|*+?{}()[]\$`)
	if prefix < 0 {
		prefix = len(anchored)
	}
	if strings.Contains(text, "|") {
		prefix = 0
	}
	s.prefix(prefix)
}

func (s *Shape) prefix(n int) {
	if s.Prefix < 0 || n < s.Prefix {
		s.Prefix = n
	}
}

func literal(n *pg.Node) (string, bool) {
	for n.GetTypeCast() != nil {
		n = n.GetTypeCast().Arg
	}
	c := n.GetAConst()
	if c == nil || c.GetSval() == nil {
		return "", false
	}
	return c.GetSval().Sval, true
}

func constant(n *pg.Node, missing int64) int64 {
	if n == nil {
		return missing
	}
	c := n.GetAConst()
	switch {
	case c == nil || c.Isnull:
		return Unbounded
	case c.GetIval() != nil:
		return int64(c.GetIval().Ival)
	case c.GetFval() != nil:
		if v, err := strconv.ParseInt(c.GetFval().Fval, 10, 64); err == nil {
			return v
		}
	}
	return Unbounded
}

// outermost is the query whose rows a statement gives.
func outermost(n *pg.Node) *pg.SelectStmt {
	switch s := n.Node.(type) {
	case *pg.Node_SelectStmt:
		return s.SelectStmt
	case *pg.Node_DeclareCursorStmt:
		return outermost(s.DeclareCursorStmt.Query)
	case *pg.Node_PrepareStmt:
		return outermost(s.PrepareStmt.Query)
	case *pg.Node_CopyStmt:
		if s.CopyStmt.Query != nil {
			return outermost(s.CopyStmt.Query)
		}
	case *pg.Node_ExplainStmt:
		return outermost(s.ExplainStmt.Query)
	}
	return nil
}
