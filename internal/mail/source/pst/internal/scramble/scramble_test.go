package scramble

import (
	"bytes"
	"testing"
)

// TestTables holds what MS-PST §5.1 says of the tables: the outer two undo each
// other, the one in the middle undoes itself.
func TestTables(t *testing.T) {
	for i := range 256 {
		if int(restore[substitute[i]]) != i || int(middle[middle[i]]) != i {
			t.Errorf("%#x does not come back", i)
		}
	}
}

func TestThereAndBack(t *testing.T) {
	text := bytes.Repeat([]byte("what stands in a block \x00\xff"), 400)
	b := bytes.Clone(text)
	Permute(b)
	if bytes.Contains(b, []byte("block")) {
		t.Error("still readable")
	}
	Unpermute(b)
	if !bytes.Equal(b, text) {
		t.Error("permuted text does not come back")
	}
	for _, key := range []uint32{0, 4, 0xFFFFFFFF, 0x12345678} {
		Cycle(b, key)
		if bytes.Equal(b, text) {
			t.Error("nothing was done")
		}
		Cycle(b, key)
		if !bytes.Equal(b, text) {
			t.Errorf("key %#x: text does not come back", key)
		}
	}
}
