package lineage

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// fingerprint names what a statement is apart from its constants: two that differ in values, in the length of a list of
// values, or in white space have the same. It is computed here and not in the parser's module, whose own needs more stack than
// it has for deep statements.
func fingerprint(n *pg.Node) string {
	h := fnv.New64a()
	hashMessage(h, n.ProtoReflect())
	return fmt.Sprintf("%016x", h.Sum64())
}

func hashMessage(h hash.Hash64, m protoreflect.Message) {
	if n, ok := m.Interface().(*pg.Node); ok && isValue(n) {
		h.Write([]byte("?"))
		return
	}
	h.Write([]byte(m.Descriptor().Name()))
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if fd := fields.Get(i); m.Has(fd) && !isPlace(fd) {
			writeNumber(h, uint64(fd.Number()))
			hashField(h, fd, m.Get(fd))
		}
	}
	h.Write([]byte(")"))
}

func isPlace(fd protoreflect.FieldDescriptor) bool {
	return fd.Kind() == protoreflect.Int32Kind && (fd.Name() == "location" || fd.Name() == "stmt_location" || fd.Name() == "stmt_len")
}

// isValue tells whether a node is a constant or parameter, cast or not.
func isValue(n *pg.Node) bool {
	for n.GetTypeCast() != nil {
		n = n.GetTypeCast().Arg
	}
	return n.GetAConst() != nil || n.GetParamRef() != nil
}

func hashField(h hash.Hash64, fd protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch {
	case fd.IsList():
		hashList(h, fd, v.List())
	case fd.Message() != nil:
		hashMessage(h, v.Message())
	case fd.Kind() == protoreflect.StringKind:
		h.Write([]byte(v.String()))
		h.Write([]byte{0})
	default:
		fmt.Fprint(h, v.Interface())
	}
}

// hashList counts a row of values once, and so a row of rows of values.
func hashList(h hash.Hash64, fd protoreflect.FieldDescriptor, list protoreflect.List) {
	last := uint64(0)
	for i := range list.Len() {
		if fd.Message() == nil {
			fmt.Fprint(h, list.Get(i).Interface())
			continue
		}
		one := fnv.New64a()
		hashMessage(one, list.Get(i).Message())
		n, _ := list.Get(i).Message().Interface().(*pg.Node)
		repeats := n != nil && (isValue(n) || n.GetList() != nil)
		if sum := one.Sum64(); i == 0 || !repeats || sum != last {
			writeNumber(h, sum)
			last = sum
		}
	}
}

func writeNumber(h hash.Hash64, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	h.Write(b[:])
}
