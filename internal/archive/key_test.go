package archive_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
)

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func TestLoadKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "archive.key")
	k, created, err := archive.LoadKey(path)
	must(t, err)
	equal(t, "created", created, true)
	if k == (archive.Key{}) {
		t.Error("the key is all zeros")
	}
	again, created, err := archive.LoadKey(path)
	must(t, err)
	equal(t, "created again", created, false)
	equal(t, "key", again, k)
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("folder's mode %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	equal(t, "files", len(left), 1)
}

func TestLoadKeyNotations(t *testing.T) {
	want := archive.Key(bytes.Repeat([]byte{0xfb}, 32))
	for _, text := range []string{strings.Repeat("fb", 32), strings.Repeat("FB", 32) + "\r\n", base64.StdEncoding.EncodeToString(want[:]),
		base64.RawURLEncoding.EncodeToString(want[:]) + "\n"} {
		path := filepath.Join(t.TempDir(), "k")
		must(t, os.WriteFile(path, []byte(text), 0o600))
		k, _, err := archive.LoadKey(path)
		must(t, err)
		equal(t, text, k, want)
	}
}

func TestLoadKeyRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	for _, text := range []string{"", "hello", strings.Repeat("00", 32), strings.Repeat("ab", 31), strings.Repeat("ab", 1000)} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		if _, _, err := archive.LoadKey(path); err == nil || !strings.Contains(err.Error(), "put back the file") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	must(t, os.WriteFile(path, []byte(strings.Repeat("ab", 32)), 0o600))
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		must(t, os.Chmod(path, mode))
		if _, _, err := archive.LoadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

// TestLoadKeyTogether starts many processes at once, as it were: all must have one key.
func TestLoadKeyTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	var wg sync.WaitGroup
	keys := make([]archive.Key, 16)
	for i := range keys {
		wg.Go(func() {
			k, _, err := archive.LoadKey(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	wg.Wait()
	for _, k := range keys {
		equal(t, "key", k, keys[0])
	}
}

func TestSeal(t *testing.T) {
	k, other := archive.Key{1}, archive.Key{2}
	a := k.Address("mona@mail.example")
	if len(a) != len("~")+26+len("@mail.example") || a[0] != '~' || !strings.HasSuffix(a, "@mail.example") || strings.Contains(a, "mona") {
		t.Errorf("address: %s", a)
	}
	for what, b := range map[string]string{
		"another person": k.Address("otto@mail.example"), "another domain": k.Address("mona@post.example"), "another key": other.Address("mona@mail.example"),
	} {
		if local, _, _ := strings.Cut(b, "@"); strings.HasPrefix(a, local) {
			t.Errorf("%s looks the same", what)
		}
	}
	if k.Text("mona@mail.example") == strings.TrimSuffix(a, "@mail.example") {
		t.Error("a text looks like an address")
	}
	for _, o := range []portcullis.Observable{{Type: portcullis.TypeDomain, Value: "mail.example"}, {Type: portcullis.TypeURL, Value: "http://mail.example/"}} {
		equal(t, "not about people", k.Seal(o, nil), o)
	}
}
