package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// LockedError says that another process has the store open for writing.
type LockedError struct {
	Path string // the lock file
	PID  int    // 0 where the other has not written it yet
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("%s is writing this store (lock %s): wait until it ends, or stop it; "+
		"commands that only read work meanwhile. Deleting the lock file does not help and is not safe", who, e.Path)
}

// errHeld is what the platform's tryLock returns when someone else has the lock.
var errHeld = errors.New("lock is held")

// fileLock is a lock that the operating system drops when the process ends, however it
// ends. The file stays: removing it would let two processes lock two files of one name.
type fileLock struct{ f *os.File }

func lockFile(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the store: %w", err)
	}
	switch err := tryLock(f); {
	case errors.Is(err, errHeld):
		pid := readPID(f)
		_ = f.Close()
		return nil, &LockedError{Path: path, PID: pid}
	case err != nil:
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// The number is for people; that it may be missing on a full disk does no harm.
	_, _ = f.WriteAt(fmt.Appendf(nil, "%-20d\n", os.Getpid()), 0)
	return &fileLock{f: f}, nil
}

func readPID(f *os.File) int {
	line, _ := io.ReadAll(io.NewSectionReader(f, 0, 32))
	pid, err := strconv.Atoi(strings.TrimSpace(string(line)))
	if err != nil {
		return 0
	}
	return pid
}

func (l *fileLock) release() error {
	return errors.Join(unlock(l.f), l.f.Close())
}
