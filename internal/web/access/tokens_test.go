package access

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/api"
)

func tokenFile(t testing.TB, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(path, []byte(content), mode))
	must(t, os.Chmod(path, mode))
	return path
}

func TestTokens(t *testing.T) {
	secret := NewToken()
	file := tokenFile(t, secret+"\n", 0o600)
	d, server := serve(t, func(c *Config) {
		c.Tokens = []TokenConfig{{Name: "nightly", File: file, Roles: []api.Role{api.Reader}, Scope: api.Scope{Houses: []string{"A"}},
			Expires: time.Now().AddDate(0, 0, 2).Format(time.DateOnly)}}
	})
	ask := func(method, path, header string) int {
		return send(t, method, server.URL+path, nil, nil, "Authorization", header).StatusCode
	}
	for _, c := range []struct {
		name, method, path, header string
		status                     int
	}{
		{"as it should", "GET", "/api/v1/x", "Bearer " + secret, 200},
		{"any case", "GET", "/api/v1/x", "bearer " + secret, 200},
		{"to change something, without a form", "POST", "/api/v1/x", "Bearer " + secret, 200},
		{"one letter wrong", "GET", "/api/v1/x", "Bearer " + secret[:len(secret)-1] + "!", 401},
		{"basic", "GET", "/api/v1/x", "Basic " + secret, 401},
		{"alone", "GET", "/api/v1/x", secret, 401},
		{"for a page", "GET", "/campaigns", "Bearer " + secret, 303},
		{"for a page beside", "GET", "/api/v1", "Bearer " + secret, 303},
	} {
		if got := ask(c.method, c.path, c.header); got != c.status {
			t.Errorf("%s: got %d, want %d", c.name, got, c.status)
		}
	}
	if who := get(t, server.URL+"/api/v1/x", nil, "Authorization", "Bearer "+secret).Header.Get("X-Caller"); who != "token nightly" {
		t.Errorf("is %q", who)
	}
	d.clock.pass(48 * time.Hour)
	if got := ask("GET", "/api/v1/x", "Bearer "+secret); got != 401 {
		t.Errorf("after its last day: %d", got)
	}
	if strings.Contains(d.log.String(), secret[len(TokenPrefix):]) {
		t.Error("the log holds the token")
	}
}

func TestTokenFiles(t *testing.T) {
	good := NewToken()
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		ok      bool
	}{
		"good":                {good + "\n", 0o600, true},
		"only to be read":     {good, 0o400, true},
		"others can read it":  {good, 0o644, false},
		"a group can read it": {good, 0o640, false},
		"empty":               {"", 0o600, false},
		"short":               {"portcullis_x", 0o600, false},
		"two lines":           {good + "\n" + NewToken(), 0o600, false},
		"a password":          {"hunter2", 0o600, false},
		"large":               {good + strings.Repeat(" ", 5000), 0o600, false},
	} {
		if runtime.GOOS == "windows" && c.mode&0o077 != 0 {
			continue
		}
		_, err := readTokens([]TokenConfig{{Name: "x", File: tokenFile(t, c.content, c.mode), Roles: []api.Role{api.Reader}}})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), good) {
			t.Errorf("%s: the error holds the token", name)
		}
	}
	for name, file := range map[string]string{"missing": "/nowhere/token", "a folder": t.TempDir()} {
		if _, err := readTokens([]TokenConfig{{Name: "x", File: file}}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	same := tokenFile(t, good, 0o600)
	if _, err := readTokens([]TokenConfig{{Name: "x", File: same}, {Name: "y", File: same}}); err == nil {
		t.Error("two bearers with one token")
	}
}
