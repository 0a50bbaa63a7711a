//go:build unix

package source

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestSpecialFiles(t *testing.T) {
	root := tree(t, map[string]string{"z.eml": eml("z")})
	must(t, syscall.Mkfifo(filepath.Join(root, "fifo"), 0o600))
	l, err := net.Listen("unix", filepath.Join(root, "s"))
	must(t, err)
	defer l.Close()
	g := walk(t, Config{}, root)
	if len(g.items) != 1 || len(g.problems) != 0 || len(g.ignored) != 2 {
		t.Errorf("%q %v %q", g.sources(), g.problems, g.ignored)
	}
	g = walk(t, Config{}, filepath.Join(root, "fifo"), filepath.Join(root, "missing"), os.DevNull)
	if len(g.problems) != 3 || !strings.Contains(g.problems[0].Error(), "FIFO") || !errors.Is(g.problems[1], os.ErrNotExist) {
		t.Errorf("%v", g.problems)
	}
}
