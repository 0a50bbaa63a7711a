package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// LockedError says that another process has the ledger open for writing.
type LockedError struct{ Path, PID string }

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != "" {
		who = "process " + e.PID
	}
	return fmt.Sprintf("%s is writing this ledger (lock %s): wait until it ends, or stop it; "+
		"commands that only read work meanwhile. Deleting the lock file does not help and is not safe", who, e.Path)
}

// errHeld is what tryLock returns when someone else has the lock.
var errHeld = errors.New("lock is held")

// fileLock is dropped by the operating system when the process ends, however it ends. The
// file stays: removing it would let two processes lock two files of one name.
type fileLock struct{ f *os.File }

func lockFile(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	switch err := tryLock(f); {
	case errors.Is(err, errHeld):
		pid, _ := io.ReadAll(io.NewSectionReader(f, 0, 32))
		_ = f.Close()
		return nil, &LockedError{Path: path, PID: strings.TrimSpace(string(pid))}
	case err != nil:
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// The number is for people; that it may be missing on a full disk does no harm.
	_, _ = f.WriteAt(fmt.Appendf(nil, "%-20d\n", os.Getpid()), 0)
	return &fileLock{f: f}, nil
}

func (l *fileLock) release() error { return l.f.Close() }
