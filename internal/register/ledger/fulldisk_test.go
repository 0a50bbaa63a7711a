//go:build linux

package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/testenv"
)

// TestFullDisk fills a real file system, again and again, while a ledger on it is written.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m,mode=700"); err != nil {
		if testenv.CI() && os.Getuid() == 0 {
			t.Fatalf("mount: %v", err)
		}
		t.Skipf("mounting is not allowed here (%v): TestFailingWrites has the disk full in the file layer", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	cfg := Config{Keys: filepath.Join(dir, "keys"), Integers: 1 << 20, Others: 100, Heartbeat: time.Hour, segmentSize: 128 << 10, openPairs: 2000}
	l := open(t, filepath.Join(dir, "ledger"), cfg)
	told, n := map[int]bool{}, 0
	for round := range 4 {
		filler := filepath.Join(dir, "filler")
		var space syscall.Statfs_t
		must(t, syscall.Statfs(dir, &space))
		must(t, os.WriteFile(filler, make([]byte, int(space.Bavail)*int(space.Bsize)-300<<10), 0o600)) // leaves 300 KiB
		refused := 0
		for refused < 10 {
			if n++; n > 100_000 {
				t.Fatal("the disk does not fill up")
			}
			switch err := diary(l, n); {
			case err == nil:
				told[n] = true
			case !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "disk under the ledger is full, nothing may be released"):
				t.Fatal(err)
			default:
				refused++
			}
		}
		must(t, os.Remove(filler))
		n++
		must(t, diary(l, n)) // by itself
		told[n] = true
		t.Logf("round %d: %d acknowledged", round, len(told))
	}
	must(t, l.Close())
	seen := map[uint64]bool{}
	must(t, view(t, filepath.Join(dir, "ledger"), cfg).Rebuild(t.Context(), time.Time{}, func(d *Disclosure) error { seen[d.Statement] = true; return nil }))
	for n := range told {
		if !seen[uint64(n)] {
			t.Errorf("disclosure %d was acknowledged and is missing", n)
		}
	}
}
