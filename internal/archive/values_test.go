package archive_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
)

// TestValues demands every distinct value once, from any cursor, and what is keyed told from what is not.
func TestValues(t *testing.T) {
	s := open(t, sqliteConfig(t))
	key := archive.Key{1}
	clear := []portcullis.Observable{
		{Type: portcullis.TypeDomain, Value: "tracker.example"}, {Type: portcullis.TypeDomain, Value: "a.tracker.example"},
		{Type: portcullis.TypeURL, Value: "https://tracker.example/a"}, {Type: portcullis.TypeURL, Value: "https://tracker.example/" + strings.Repeat("x", 3000)},
		{Type: portcullis.TypeURL, Value: "https://tracker.example/~anna"}, {Type: portcullis.TypeEmail, Value: "member@parliament.example"},
		{Type: portcullis.TypeIP, Value: "192.0.2.1"}, {Type: portcullis.TypeHash, Value: strings.Repeat("ab", 32)}, {Type: portcullis.TypeFileName, Value: "bill.pdf"},
	}
	keyed := []portcullis.Observable{
		{Type: portcullis.TypeEmail, Value: "somebody@paper.test"}, {Type: portcullis.TypeSubject, Value: "a question"}, {Type: portcullis.TypeMessageID, Value: "1@paper.test"},
		{Type: portcullis.TypeURL, Value: "https://tracker.example/r/somebody@paper.test"}, {Type: portcullis.TypeURL, Value: "mailto:somebody@paper.test"},
	}
	want := map[portcullis.Observable]bool{}
	var entries []archive.Entry
	for _, o := range clear {
		entries = append(entries, archive.Entry{Observable: o})
		want[o] = false
	}
	for _, o := range keyed {
		o = key.Seal(o, nil)
		entries = append(entries, archive.Entry{Observable: o})
		want[o] = true
	}
	write(t, s, func(w *archive.Writer) error {
		for n := range 5000 { // more rows than a page holds, most of them of one value
			list := entries[:1]
			if n%100 == 0 {
				list = entries
			}
			if err := w.Put(t.Context(), portcullis.NewID("event", fmt.Sprint(n)), time.Now(), list); err != nil {
				return err
			}
		}
		return nil
	})
	got := map[portcullis.Observable]bool{}
	var cursor []byte
	for len(got) < len(want) { // three at a time, each time from the cursor
		taken := 0
		for v, err := range archive.NewReader(s.DB()).Values(t.Context(), cursor) {
			must(t, err)
			if _, twice := got[v.Observable]; twice {
				t.Fatalf("%s comes twice", v.Observable)
			}
			got[v.Observable], cursor = v.Sealed, v.Cursor
			if taken++; taken == 3 {
				break
			}
		}
		if taken == 0 {
			break
		}
	}
	equal(t, "values", got, want)
}
