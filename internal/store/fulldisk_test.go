//go:build linux

package store

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"portcullis.example/portcullis/internal/testenv"
)

// insideNamespace is set in the copy of the test that may mount.
const insideNamespace = "PORTCULLIS_STORE_TEST_NAMESPACE"

// TestFullDisk fills a real file system, again and again, while a store on it works.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m,mode=700")
	switch {
	case err == nil:
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
		fillAndFree(t, dir)
	case os.Getenv(insideNamespace) == "":
		repeatInNamespace(t, err)
	default:
		t.Skipf("mount in a namespace of our own: %v", err)
	}
}

// repeatInNamespace runs this test again where an ordinary user may mount.
func repeatInNamespace(t *testing.T, cause error) {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	again := exec.Command(program, "-test.run=^TestFullDisk$", "-test.v")
	again.Env = append(os.Environ(), insideNamespace+"=1")
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := again.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil && !strings.Contains(string(out), "--- SKIP"):
		t.Logf("in a namespace of its own:\n%s", out)
	case errors.As(err, &exit):
		t.Fatalf("in a namespace of its own: %v\n%s", err, out)
	case testenv.CI():
		t.Fatalf("neither mounting (%v) nor mounting in a user namespace (%v) is allowed; CI needs one of them", cause, err)
	default:
		t.Skipf("neither mounting (%v) nor mounting in a user namespace (%v) is allowed here; run as root to have this test", cause, err)
	}
}

func fillAndFree(t *testing.T, dir string) {
	filler := filepath.Join(dir, "filler")
	s := open(t, Config{Dir: filepath.Join(dir, "data"), Migrations: []Migrations{noteMigrations()}})
	told := newProgress()
	wrote := func(n int) { told.steps = n }
	did := func(n int64) { told.done[n] = true }
	next := func() int {
		n, err := lastStep(t.Context(), s)
		must(t, err)
		return n + 1
	}
	for round := range 4 {
		var space syscall.Statfs_t
		must(t, syscall.Statfs(dir, &space))
		must(t, os.WriteFile(filler, make([]byte, int(space.Bavail)*int(space.Bsize)-1<<20), 0o600)) // leaves 1 MiB
		var refused int
		for tries := 0; refused < 10; tries++ {
			if tries > 10_000 {
				t.Fatal("the disk does not fill up")
			}
			if err := step(t.Context(), s, next(), wrote, did); err != nil {
				refused++
				checkFull(t, err)
			}
		}
		must(t, losses(t.Context(), s, told))
		backup := filepath.Join(dir, "backup")
		checkFull(t, s.Backup(t.Context(), backup))
		for _, left := range []string{backup, backup + partialSuffix} {
			if _, err := os.Stat(left); err == nil {
				t.Errorf("%s was left behind", left)
			}
		}
		must(t, os.Remove(filler)) // and it goes on, the store being open all the time
		for range 20 {
			must(t, step(t.Context(), s, next(), wrote, did))
		}
		must(t, losses(t.Context(), s, told))
		t.Logf("round %d: %d steps stored", round, told.steps)
	}
	must(t, s.Close())
	must(t, checkStore(t.Context(), filepath.Join(dir, "data"), told))
}

func checkFull(t *testing.T, err error) {
	t.Helper()
	var disk *DiskError
	if !errors.Is(err, ErrDiskFull) || !errors.As(err, &disk) {
		t.Fatalf("got %v, want the disk to be full", err)
	}
	if !strings.Contains(err.Error(), "free some space") {
		t.Errorf("%q does not say what to do", err)
	}
}
