package extract

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzCopyText reads any bytes as COPY text, in one piece and in two: it must come to the same.
func FuzzCopyText(f *testing.F) {
	f.Add([]byte("1\tA\\tB\n\\N\tx\\\\\n"), 5)
	f.Add([]byte("a\tb"), 0)
	f.Fuzz(func(t *testing.T, raw []byte, at int) {
		read := func(parts ...[]byte) (all string, err error) {
			d := &copyText{columns: 2, fn: func(row []string) error { all += strings.Join(row, "\x00") + "\x01"; return nil }}
			for _, p := range parts {
				if _, err = d.Write(bytes.Clone(p)); err != nil {
					return all, err
				}
			}
			return all, nil
		}
		at = min(max(at, 0), len(raw))
		a, errA := read(raw)
		b, errB := read(raw[:at], raw[at:])
		if a != b || (errA == nil) != (errB == nil) {
			t.Errorf("%q, %v; in two pieces %q, %v", a, errA, b, errB)
		}
	})
}
