package lineage

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// walk visits m and all messages below it, in order; visit says whether to go deeper.
func walk(m protoreflect.Message, visit func(proto.Message) bool) {
	if !m.IsValid() || !visit(m.Interface()) {
		return
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Message() == nil {
			return true
		}
		if fd.IsList() {
			for i, list := 0, v.List(); i < list.Len(); i++ {
				walk(list.Get(i).Message(), visit)
			}
			return true
		}
		walk(v.Message(), visit)
		return true
	})
}

// height is how many nodes stand inside each other at most.
func height(m protoreflect.Message) int {
	if !m.IsValid() {
		return 0
	}
	deepest := 0
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Message() == nil {
			return true
		}
		if !fd.IsList() {
			deepest = max(deepest, height(v.Message()))
			return true
		}
		for i, list := 0, v.List(); i < list.Len(); i++ {
			deepest = max(deepest, height(list.Get(i).Message()))
		}
		return true
	})
	if _, node := m.Interface().(*pg.Node); node {
		deepest++
	}
	return deepest
}

func clone(n *pg.Node) *pg.Node { return proto.Clone(n).(*pg.Node) }

func strNode(s string) *pg.Node {
	return &pg.Node{Node: &pg.Node_String_{String_: &pg.String{Sval: s}}}
}

func columnRef(names ...string) *pg.Node {
	fields := make([]*pg.Node, len(names))
	for i, n := range names {
		fields[i] = strNode(n)
	}
	return &pg.Node{Node: &pg.Node_ColumnRef{ColumnRef: &pg.ColumnRef{Fields: fields}}}
}

func target(name string, val *pg.Node) *pg.Node {
	return &pg.Node{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Name: name, Val: val}}}
}

func call(name string, distinct bool, args ...*pg.Node) *pg.Node {
	f := &pg.FuncCall{Funcname: []*pg.Node{strNode("pg_catalog"), strNode(name)}, Args: args, AggDistinct: distinct,
		AggStar: len(args) == 0, Funcformat: pg.CoercionForm_COERCE_EXPLICIT_CALL}
	return &pg.Node{Node: &pg.Node_FuncCall{FuncCall: f}}
}

// plainTypes are the types a key, flag or count may have where a parameter or NULL must be told its type.
var plainTypes = map[string]string{"integer": "int4", "bigint": "int8", "smallint": "int2", "text": "text", "uuid": "uuid",
	"character varying": "varchar", "boolean": "bool", "character": "bpchar", "numeric": "numeric"}

func cast(n *pg.Node, typ string) *pg.Node {
	name := &pg.TypeName{Names: []*pg.Node{strNode("pg_catalog"), strNode(plainTypes[typ])}, Typemod: -1}
	return &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{Arg: n, TypeName: name}}}
}

func null(typ string) *pg.Node {
	return cast(&pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Isnull: true}}}, typ)
}

// names reads a list of String nodes.
func names(list []*pg.Node) []string {
	var out []string
	for _, n := range list {
		if s := n.GetString_(); s != nil {
			out = append(out, s.Sval)
		}
	}
	return out
}

// split gives schema and name of a qualified name; a database before them is left out.
func split(list []*pg.Node) (schema, name string) {
	parts := names(list)
	switch len(parts) {
	case 0:
		return "", ""
	case 1:
		return "", parts[0]
	}
	return parts[len(parts)-2], parts[len(parts)-1]
}

// conjuncts lists the operands of a top-level AND.
func conjuncts(n *pg.Node) []*pg.Node {
	if n == nil {
		return nil
	}
	b := n.GetBoolExpr()
	if b == nil || b.Boolop != pg.BoolExprType_AND_EXPR {
		return []*pg.Node{n}
	}
	var out []*pg.Node
	for _, arg := range b.Args {
		out = append(out, conjuncts(arg)...)
	}
	return out
}

// equality gives the sides of a = b.
func equality(n *pg.Node) (left, right *pg.Node, ok bool) {
	e := n.GetAExpr()
	if e == nil || e.Kind != pg.A_Expr_Kind_AEXPR_OP || e.Lexpr == nil || e.Rexpr == nil {
		return nil, nil, false
	}
	schema, name := split(e.Name)
	return e.Lexpr, e.Rexpr, name == "=" && (schema == "" || schema == "pg_catalog")
}

// inert tells whether an expression holds only columns, parameters, constants and casts of them: evaluated twice it is
// the same, and it cannot fail but by its cast.
func inert(n *pg.Node) bool {
	ok := true
	walk(n.ProtoReflect(), func(m proto.Message) bool {
		switch m.(type) {
		case *pg.Node, *pg.ColumnRef, *pg.ParamRef, *pg.A_Const, *pg.TypeCast, *pg.TypeName, *pg.String, *pg.Integer, *pg.Float, *pg.Boolean:
		default:
			ok = false
		}
		return ok
	})
	return ok
}

func statementName(n *pg.Node) string {
	m := n.ProtoReflect()
	fd := m.WhichOneof(m.Descriptor().Oneofs().Get(0))
	if fd == nil {
		return "empty"
	}
	return strings.ToUpper(strings.TrimSuffix(string(fd.Name()), "_stmt"))
}

// same compares two trees by all but the places in the text.
func same(a, b protoreflect.Message) bool {
	return covers(a, b) && covers(b, a)
}

// covers tells whether all that is set in a is the same in b.
func covers(a, b protoreflect.Message) bool {
	ok := true
	a.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case isPlace(fd):
		case fd.IsList():
			ok = sameList(v.List(), b.Get(fd).List(), fd)
		case fd.Message() != nil:
			ok = b.Has(fd) && covers(v.Message(), b.Get(fd).Message())
		default:
			ok = v.Equal(b.Get(fd))
		}
		return ok
	})
	return ok
}

func sameList(a, b protoreflect.List, fd protoreflect.FieldDescriptor) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		if fd.Message() == nil {
			if !a.Get(i).Equal(b.Get(i)) {
				return false
			}
		} else if !covers(a.Get(i).Message(), b.Get(i).Message()) {
			return false
		}
	}
	return true
}
