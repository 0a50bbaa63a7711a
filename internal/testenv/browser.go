package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Browser finds Chromium, Node, and the packages that dir's package-lock.json names, which
// it installs where they are missing.
func Browser(t testing.TB, dir string) (chromium, node string) {
	t.Helper()
	missing := func(what string) {
		t.Helper()
		if CI() {
			t.Fatalf("CI needs %s", what)
		}
		t.Skipf("needs %s", what)
	}
	var err error
	if chromium, err = exec.LookPath("chromium"); err != nil {
		missing("chromium (apt-get install chromium)")
	}
	if node, err = exec.LookPath("node"); err != nil {
		missing("node (apt-get install nodejs npm)")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "playwright-core")); err != nil {
		npm := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund")
		npm.Dir = dir
		if out, err := npm.CombinedOutput(); err != nil {
			t.Log(string(out))
			missing("the packages of " + filepath.Join(dir, "package-lock.json") + " (npm ci there)")
		}
	}
	return chromium, node
}
