package wire

import "strconv"

// Keys are the voter keys of a batch of rows, packed: nothing is allocated
// per row. Key i is that of row i/Columns() and key column i%Columns(). A key
// is normalised so that a voter has one form whatever the type and format:
// what reads as a canonical decimal number below 2⁶³ is an integer, every
// other value the bytes of PostgreSQL's text form.
type Keys struct {
	columns int
	packed  []uint64
	arena   []byte
	scratch [20]byte
}

// A packed key is an integer below 1<<63, or reference|offset<<31|length into
// the arena, or null.
const (
	reference = 1 << 63
	null      = ^uint64(0)
	lengthBit = 31
	lengthMax = 1<<lengthBit - 1
)

// Len is the number of keys: Rows() × Columns().
func (k *Keys) Len() int { return len(k.packed) }

// Columns is the number of key columns per row.
func (k *Keys) Columns() int { return k.columns }

// Rows is the number of rows.
func (k *Keys) Rows() int {
	if k.columns == 0 {
		return 0
	}
	return len(k.packed) / k.columns
}

// Int is key i if it is an integer.
func (k *Keys) Int(i int) (uint64, bool) { v := k.packed[i]; return v, v < reference }

// Null says that key i is NULL, as after an outer join.
func (k *Keys) Null(i int) bool { return k.packed[i] == null }

// Bytes is the text form of key i, nil for NULL. It is valid until the next
// call.
func (k *Keys) Bytes(i int) []byte {
	v := k.packed[i]
	switch {
	case v < reference:
		return strconv.AppendUint(k.scratch[:0], v, 10)
	case v == null:
		return nil
	}
	off := (v &^ reference) >> lengthBit
	return k.arena[off : off+v&lengthMax]
}

// AppendText adds a key in text form, AppendNull one that is NULL. Tests of
// guards build keys with them.
func (k *Keys) AppendText(b []byte) {
	if v, ok := decimal(b); ok {
		k.packed = append(k.packed, v)
		return
	}
	k.packed = append(k.packed, reference|uint64(len(k.arena))<<lengthBit|uint64(len(b)))
	k.arena = append(k.arena, b...)
}

// AppendNull adds a NULL.
func (k *Keys) AppendNull() { k.packed = append(k.packed, null) }

// AppendInt adds an integer key.
func (k *Keys) AppendInt(v int64) {
	if v >= 0 {
		k.packed = append(k.packed, uint64(v))
		return
	}
	var digits [20]byte
	k.AppendText(strconv.AppendInt(digits[:0], v, 10))
}

// Reset empties the keys for rows with so many key columns.
func (k *Keys) Reset(columns int) {
	k.columns, k.packed, k.arena = columns, k.packed[:0], k.arena[:0]
}

// decimal reads a canonical decimal number below 2⁶³.
func decimal(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 19 || b[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		c -= '0'
		if c > 9 {
			return 0, false
		}
		v = v*10 + uint64(c)
	}
	return v, v < reference
}
