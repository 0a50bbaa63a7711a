package archive

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestPacked(t *testing.T) {
	list := []packedEntry{
		{form: 3, partIs: "1.2", start: 10, end: 90},
		{formIs: `param "r"`, part: 1 << 40, start: -1, end: -9},
		{form: 1, part: 1},
	}
	packed := pack(list)
	got, err := unpack(packed)
	if err != nil || !reflect.DeepEqual(got, list) {
		t.Errorf("%v, %v", got, err)
	}
	for n := range len(packed) - 1 {
		if got, err := unpack(packed[:n]); err == nil && len(got) == len(list) {
			t.Errorf("cut to %d bytes it is still whole", n)
		}
	}
}

func TestPlaces(t *testing.T) {
	list := []place{{event: 300, entry: 0}, {event: 300, entry: 200}, {event: 301, entry: 7}, {event: 1 << 40, entry: 1}}
	got, err := unpackPlaces(300, packPlaces(list))
	if err != nil || !reflect.DeepEqual(got, list) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := unpackPlaces(1, []byte{0x80}); err == nil {
		t.Error("a cut number was read")
	}
}

// FuzzUnpack reads anything: no panic, and what is read is written the same way again.
func FuzzUnpack(f *testing.F) {
	f.Add(pack([]packedEntry{{form: 3, partIs: "1.2", start: 10, end: 90}}))
	f.Add([]byte{2, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := unpack(b)
		if err != nil {
			return
		}
		again, err := unpack(pack(list))
		if err != nil || !reflect.DeepEqual(again, list) {
			t.Errorf("%x: %v became %v, %v", b, list, again, err)
		}
	})
}

// FuzzKeys demands that every value of every kind comes back from its key, cut or whole.
func FuzzKeys(f *testing.F) {
	for _, seed := range []string{"", "a.example", "https://a.example/x", "mona@a.example", "192.0.2.1", "2001:db8::1", "ab", "A.PDF", "\x00", "\x01", strings.Repeat("x", 1000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, k := range kinds {
			full := encode(k, value)
			key, tail := cut(full)
			if !bytes.Equal(whole(key, tail), full) || len(key) > keyCut {
				t.Fatalf("kind %d: %q cut to %q and %q", k, value, key, tail)
			}
			want := value
			switch back := decode(k, full); {
			case k == kindIP || k == kindFileName: // come back in their canonical form
				if decode(k, encode(k, back)) != back {
					t.Errorf("kind %d: %q came back as %q", k, value, back)
				}
			case k == kindHash:
				if !strings.EqualFold(back, want) {
					t.Errorf("hash %q came back as %q", value, back)
				}
			case back != want:
				t.Errorf("kind %d: %q came back as %q", k, value, back)
			}
		}
	})
}

func TestAfter(t *testing.T) {
	for prefix, want := range map[string]string{"a.": "a/", "a\xff": "b", "\x01\xff\xff": "\x02"} {
		if got := after([]byte(prefix)); string(got) != want {
			t.Errorf("after %q: %q", prefix, got)
		}
	}
	if after([]byte("\xff")) != nil || after(nil) != nil {
		t.Error("behind the last there is nothing")
	}
}
