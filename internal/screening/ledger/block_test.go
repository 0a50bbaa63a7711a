package ledger

import (
	"encoding/json"
	"testing"
)

// FuzzBlock reads anything as a block of contacts, and a contact back as it was written.
func FuzzBlock(f *testing.F) {
	block, err := appendContact(nil, Contact{Name: "Radomir Kestrelov", Ref: "row 2"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(block, "Radomir Kestrelov")
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		_ = eachContact(raw, func(_, _ []byte) error { return nil })
		block, err := appendContact(nil, Contact{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(Contact{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		if err := eachContact(append(block, block...), func(keys, raw []byte) error {
			if seen++; string(raw) != string(want) || len(keys)%4 != 0 {
				t.Errorf("%q is read as %s", name, raw)
			}
			return nil
		}); err != nil || seen != 2 {
			t.Errorf("%q: %d contacts, %v", name, seen, err)
		}
	})
}
