package wire

import (
	"encoding/binary"
	"strconv"
	"time"
)

// rewrite appends a DataRow without the hidden columns and with the masks.
func (a *current) rewrite(dst, body []byte) ([]byte, bool) {
	if len(body) < 2 {
		return dst, false
	}
	shown := int(be16(body)) - a.result.Hidden
	if shown < 0 {
		return dst, false
	}
	fields, whole := body[2:], true
	begun := len(dst)
	dst = message(dst, 'D', func(b []byte) []byte {
		b = append(b, byte(shown>>8), byte(shown))
		if len(a.result.Masks) == 0 {
			n, ok := width(fields, shown)
			whole = ok
			return append(b, fields[:n]...)
		}
		b, whole = a.masked(b, fields, shown)
		return b
	})
	if !whole {
		return dst[:begun], false
	}
	return dst, true
}

// width is how many bytes n fields take.
func width(fields []byte, n int) (int, bool) {
	at := 0
	for range n {
		if len(fields)-at < 4 {
			return 0, false
		}
		size := int(int32(be32(fields[at:])))
		at += 4 + max(size, 0)
		if size < -1 || at > len(fields) {
			return 0, false
		}
	}
	return at, true
}

func (a *current) masked(dst, fields []byte, shown int) ([]byte, bool) {
	for i := range shown {
		n, ok := width(fields, 1)
		if !ok {
			return dst, false
		}
		field := fields[:n]
		fields = fields[n:]
		mask := a.maskOf(i)
		if mask == nil || int32(be32(field)) == -1 {
			dst = append(dst, field...)
			continue
		}
		value, ok := mask.apply(field[4:], a.typeOf(i), a.binary(i))
		if !ok {
			dst = append(dst, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(value))), value...)
	}
	return dst, true
}

func (a *current) maskOf(column int) *Mask {
	for i := range a.result.Masks {
		if a.result.Masks[i].Column == column {
			return &a.result.Masks[i]
		}
	}
	return nil
}

// apply is what leaves in place of a value; false is NULL, which is also what
// leaves of a value the mask does not understand.
func (m *Mask) apply(value []byte, oid uint32, isBinary bool) ([]byte, bool) {
	switch m.Kind {
	case MaskText:
		switch oid {
		case oidText, oidVarchar, oidBpchar, oidName:
			return []byte(m.Text), true
		}
		return []byte(m.Text), oid == 0 && !isBinary
	case MaskYear:
		if isBinary {
			return yearBinary(value, oid)
		}
		return yearText(value, oid)
	}
	return nil, false
}

// yearText is 1 January of the year of a date as PostgreSQL writes it with
// DateStyle ISO. Other styles leave open which number is the year's day, and
// give NULL.
func yearText(value []byte, oid uint32) ([]byte, bool) {
	n := 0
	for n < len(value) && value[n] >= '0' && value[n] <= '9' {
		n++
	}
	if n < 4 || len(value) < n+6 || value[n] != '-' || value[n+3] != '-' {
		return nil, false
	}
	year := append(append([]byte(nil), value[:n]...), "-01-01"...)
	switch oid {
	case oidTimestamp:
		year = append(year, " 00:00:00"...)
	case oidTimestamz:
		year = append(year, " 00:00:00+00"...)
	}
	if len(value) > 3 && string(value[len(value)-3:]) == " BC" {
		year = append(year, " BC"...)
	}
	return year, true
}

// Binary dates count from 1 January 2000, in days or microseconds
// (PostgreSQL's datatype/timestamp.h); the extremes are ±infinity.
const epochYear = 2000

// Beyond these days Go's time would not be exact.
const maxDays = 3_000_000

func yearBinary(value []byte, oid uint32) ([]byte, bool) {
	switch {
	case oid == oidDate && len(value) == 4:
		first, ok := newYear(int64(int32(be32(value))))
		return binary.BigEndian.AppendUint32(nil, uint32(first)), ok
	case (oid == oidTimestamp || oid == oidTimestamz) && len(value) == 8:
		const day = 24 * 60 * 60 * 1_000_000
		micros := int64(binary.BigEndian.Uint64(value))
		days := micros / day
		if micros%day < 0 {
			days--
		}
		first, ok := newYear(days)
		return binary.BigEndian.AppendUint64(nil, uint64(first*day)), ok
	}
	return nil, false
}

// newYear is the first day of the year of a day.
func newYear(days int64) (int64, bool) {
	if days > maxDays || days < -maxDays {
		return 0, false
	}
	epoch := time.Date(epochYear, 1, 1, 0, 0, 0, 0, time.UTC)
	year := epoch.AddDate(0, 0, int(days)).Year()
	first := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	return (first.Unix() - epoch.Unix()) / (24 * 60 * 60), true
}

// String names the kind in messages.
func (k MaskKind) String() string {
	switch k {
	case MaskNull:
		return "null"
	case MaskText:
		return "text"
	case MaskYear:
		return "year"
	}
	return strconv.Itoa(int(k))
}
