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

// TestSealURL: who got the mail cannot be read from a stored URL, and everything before
// the address still can.
func TestSealURL(t *testing.T) {
	key := archive.Key{7}
	for url, head := range map[string]string{
		"https://t.example/open?mail=mona@mail.example":                                     "https://t.example/open?",
		"https://t.example/open?id=7&mail=mona%40mail.example&x=1":                          "https://t.example/open?id=7&",
		"https://t.example/u/mona%2540mail.example/leave":                                   "https://t.example/u/",
		"https://t.example/c?to=https%3A%2F%2Fx.example%2F%3Fm%3Dmona%2540mail.example":     "https://t.example/c?",
		"https://t.example/r/bW9uYUBtYWlsLmV4YW1wbGU/x":                                     "https://t.example/r/",
		"https://t.example/r?d=eyJtYWlsIjoibW9uYUBtYWlsLmV4YW1wbGUifQ==":                    "https://t.example/r?",
		"https://mona%40mail.example:x@t.example/a":                                         "https://t.example/",
		"https://t.example?mona@mail.example":                                               "https://t.example?",
		"https://t.example/MONA+list@MAIL.example":                                          "https://t.example/",
		"https://t.example/open?id=" + strings.Repeat("A", 600) + "&mail=mona@mail.example": "https://t.example/open?id=" + strings.Repeat("A", 600) + "&",
		"ftp://t.example/pub/mona@mail.example":                                             "ftp://t.example/pub/",
	} {
		o := portcullis.Observable{Type: portcullis.TypeURL, Value: url}
		sealed := key.Seal(o, func(string) bool { return true }).Value
		if rest, ok := strings.CutPrefix(sealed, head+"~"); !ok || len(rest) != 26 {
			t.Errorf("%s is stored as %s, want %s~…", url, sealed, head)
		}
		if other := (archive.Key{8}).Seal(o, nil).Value; other == sealed {
			t.Errorf("%s is stored the same with another key", url)
		}
	}
	for _, url := range []string{
		"https://t.example/open?id=0123456789abcdef0123456789abcdef", "https://user@t.example/", "https://t.example/@name/status/12",
		"https://t.example/a@b", "https://t.example/npm/@scope/pkg@1.2", "https://t.example/?q=" + strings.Repeat("QUJD", 300), "cid:part1@mail.example.example",
	} {
		o := portcullis.Observable{Type: portcullis.TypeURL, Value: url}
		if sealed := key.Seal(o, nil).Value; sealed != url && !strings.HasPrefix(url, "cid:") {
			t.Errorf("%s is stored as %s", url, sealed)
		}
	}
}

// FuzzSealURL: what is sealed holds nothing more to seal.
func FuzzSealURL(f *testing.F) {
	for _, seed := range []string{"https://t.example/open?mail=mona@mail.example", "https://a%40b.example@c.example", "://@", "?a@b.c", "http://", "cid:x@y.example"} {
		f.Add(seed)
	}
	key := archive.Key{7}
	f.Fuzz(func(t *testing.T, url string) {
		sealed := key.URL(url)
		if again := key.URL(sealed); again != sealed {
			t.Errorf("%q is stored as %q, which still carries an address", url, sealed)
		}
	})
}
