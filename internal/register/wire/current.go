package wire

import (
	"context"
	"encoding/binary"
	"strconv"
)

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

// current is the statement whose rows come.
type current struct {
	on       bool // it is known which
	pass     bool // its rows pass unread
	rewrites bool // its rows are written anew
	result   *Result
	types    []uint32 // of the output columns, if known
	formats  []int16  // none: all text; one: of all
	keys     []keyColumn
	first    int // the only key column in order, the usual case; -1 otherwise
	copying  copyState
}

// keyColumn is where a key is and how it is written.
type keyColumn struct {
	column int
	form   keyForm
}

type keyForm byte

const (
	formText keyForm = iota // the bytes are the text form
	formInt2
	formInt4
	formInt8
	formOID
	formUUID
)

// Type OIDs (pg_type.dat); they never change.
const (
	oidChar      = 18
	oidName      = 19
	oidInt8      = 20
	oidInt2      = 21
	oidInt4      = 23
	oidText      = 25
	oidOID       = 26
	oidBpchar    = 1042
	oidVarchar   = 1043
	oidDate      = 1082
	oidTimestamp = 1114
	oidTimestamz = 1184
	oidUUID      = 2950
)

// place finds the statement whose rows come.
func (r *rows) place(ctx context.Context) error {
	if r.at.on || r.stop != nil {
		return nil
	}
	refusal, err := r.placed()
	if err == nil && refusal == nil && !r.at.pass {
		refusal = r.at.prepare()
	}
	r.at.on = true
	if err != nil {
		r.at.pass = true
		return r.tolerate(err)
	}
	if refusal != nil {
		return r.halt(ctx, 0, refusal)
	}
	return nil
}

// placed fills in the current statement from the queue.
func (r *rows) placed() (*Refusal, error) {
	r.queue.mu.Lock()
	defer r.queue.mu.Unlock()
	r.at = current{keys: r.at.keys[:0]}
	o, err := r.queue.answered("QE")
	if err != nil {
		return nil, err
	}
	plan := o.plan
	if o.kind == 'E' {
		if p := r.queue.portals[o.name]; p != nil {
			plan, r.at.types, r.at.formats = p.plan, p.types, p.formats
		}
	}
	if plan != nil && plan.Pass {
		r.at.pass = true
		return nil, nil
	}
	r.at.result = r.resultOf(o)
	if r.at.result == nil {
		r.at.pass = r.server.cfg.Observing
		if r.at.pass {
			return nil, nil
		}
		return &Refusal{
			Message: "the register guard does not know which statement these rows are of",
			Hint:    "Prepare statements and open cursors where the guard sees it: in a statement of their own, not within a function.",
		}, nil
	}
	r.at.pass = !r.at.result.Metered && r.at.result.Hidden == 0 && len(r.at.result.Masks) == 0
	return nil, nil
}

// prepare finds out how keys are to be read. It is done again when a
// RowDescription tells more.
func (a *current) prepare() *Refusal {
	a.keys = a.keys[:0]
	if a.result.Metered {
		for i, column := range a.result.KeyColumns {
			form, refusal := a.form(i, column)
			if refusal != nil {
				return refusal
			}
			a.keys = append(a.keys, keyColumn{column, form})
		}
		if len(a.keys) == 0 {
			return &Refusal{Message: "the statement reads protected rows without their key", Hint: "Select the key column too."}
		}
	}
	a.rewrites = a.result.Hidden > 0 || len(a.result.Masks) > 0
	a.first = -1
	if len(a.keys) == 1 {
		a.first = a.keys[0].column
	}
	return nil
}

func (a *current) binary(column int) bool {
	switch {
	case len(a.formats) == 0:
		return false
	case len(a.formats) == 1:
		return a.formats[0] == 1
	}
	return column < len(a.formats) && a.formats[column] == 1
}

func (a *current) typeOf(column int) uint32 {
	if column < len(a.types) {
		return a.types[column]
	}
	return 0
}

func (a *current) form(key, column int) (keyForm, *Refusal) {
	if !a.binary(column) {
		return formText, nil
	}
	oid := a.typeOf(column)
	if key < len(a.result.KeyTypes) {
		oid = a.result.KeyTypes[key]
	}
	form, ok := formOf(oid)
	if ok {
		return form, nil
	}
	return 0, &Refusal{
		Code: codeUnsupported, Message: "the register guard cannot read the key in binary",
		Detail: "Its type has the OID " + strconv.FormatUint(uint64(oid), 10) + ".", Hint: "Ask for the key column as text (format code 0), or cast it to text.",
	}
}

func formOf(oid uint32) (keyForm, bool) {
	switch oid {
	case oidInt2:
		return formInt2, true
	case oidInt4:
		return formInt4, true
	case oidInt8:
		return formInt8, true
	case oidOID:
		return formOID, true
	case oidUUID:
		return formUUID, true
	case oidText, oidVarchar, oidBpchar, oidName, oidChar:
		return formText, true
	}
	return 0, false
}

// read appends the keys of a DataRow's body. False says that they could not
// be read; what was appended then is to be taken off.
func (a *current) read(keys *Keys, body []byte) bool {
	if !a.result.Metered {
		return true
	}
	if len(body) < 2 {
		return false
	}
	n := int(be16(body))
	if a.first >= 0 {
		value, ok := column(body[2:], n, a.first)
		return ok && keys.add(value, a.keys[0].form)
	}
	fields, from := body[2:], 0 // fields begins with column from
	for _, k := range a.keys {
		if k.column < from {
			fields, from = body[2:], 0
		}
		at, ok := skip(fields, n-from, k.column-from)
		if !ok {
			return false
		}
		fields, from = fields[at:], k.column
		value, ok := column(fields, n-from, 0)
		if !ok || !keys.add(value, k.form) {
			return false
		}
	}
	return true
}

// skip is where the i-th of n fields begins.
func skip(fields []byte, n, i int) (at int, ok bool) {
	if i < 0 || i >= n {
		return 0, false
	}
	return width(fields, i)
}

// column is the value of the i-th of n fields, nil for NULL.
func column(fields []byte, n, i int) (value []byte, ok bool) {
	if i < 0 || i >= n {
		return nil, false
	}
	for {
		if len(fields) < 4 {
			return nil, false
		}
		size := int32(be32(fields))
		fields = fields[4:]
		if size < 0 {
			if i == 0 {
				return nil, size == -1
			}
			size = 0
		}
		if int(size) > len(fields) {
			return nil, false
		}
		if i == 0 {
			return fields[:size], true
		}
		fields = fields[size:]
		i--
	}
}

// add appends a key in one of its forms; a nil value is NULL.
func (k *Keys) add(v []byte, form keyForm) bool {
	if v == nil {
		k.AppendNull()
		return true
	}
	switch {
	case form == formText:
		k.AppendText(v)
	case form == formInt4 && len(v) == 4:
		k.AppendInt(int64(int32(be32(v))))
	case form == formInt8 && len(v) == 8:
		k.AppendInt(int64(binary.BigEndian.Uint64(v)))
	case form == formInt2 && len(v) == 2:
		k.AppendInt(int64(int16(be16(v))))
	case form == formOID && len(v) == 4:
		k.AppendInt(int64(be32(v)))
	case form == formUUID && len(v) == 16:
		var text [36]byte
		k.AppendText(uuidText(text[:0], v))
	default:
		return false
	}
	return true
}

// uuidText is PostgreSQL's text form (RFC 9562 §4).
func uuidText(dst, v []byte) []byte {
	const digits = "0123456789abcdef"
	for i, b := range v {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return dst
}
