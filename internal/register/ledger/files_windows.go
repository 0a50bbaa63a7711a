package ledger

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// syncDir does nothing: Windows has no way to sync a folder, NTFS journals names.
func syncDir(string) error { return nil }

// private trusts the folder's access list, which a mode can't express.
func private(string, fs.FileMode) error { return nil }

func tryLock(f *os.File) error {
	at := windows.Overlapped{Offset: 1 << 20} // behind the process number, which others read
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return errHeld
	}
	return err
}
