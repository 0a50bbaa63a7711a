package store

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// Trouble is what is wrong with the disk. Each is an error, for errors.Is.
type Trouble string

func (t Trouble) Error() string { return string(t) }

// The kinds of trouble.
const (
	ErrDiskFull   Trouble = "the disk is full"
	ErrReadOnly   Trouble = "the store can't be written"
	ErrPermission Trouble = "permission denied"
	ErrCorrupt    Trouble = "the store is damaged"
	ErrDiskIO     Trouble = "the disk reports errors"
	ErrBusy       Trouble = "another program locks the store"
)

var remedies = map[Trouble]string{
	ErrDiskFull:   "free some space; nothing that was stored is lost, and the store goes on as soon as there is room",
	ErrReadOnly:   "check that the file system is not mounted read-only and that the data folder belongs to the user Portcullis runs as",
	ErrPermission: "check that the data folder and the files in it belong to the user Portcullis runs as",
	ErrCorrupt:    "stop using this store, keep a copy of the folder, and restore the last backup into an empty one",
	ErrDiskIO:     "check the disk and the system log; what was reported as stored before was synced",
	ErrBusy:       "find the program that has the database open (a database browser, a backup tool) and close it",
}

// DiskError is an error of the database or of the file system that a person must mend.
type DiskError struct {
	Trouble Trouble
	Err     error // as the database or the operating system gave it
}

func (e *DiskError) Error() string {
	return fmt.Sprintf("%s: %v; %s", string(e.Trouble), e.Err, e.Remedy())
}

// Remedy says what to do.
func (e *DiskError) Remedy() string { return remedies[e.Trouble] }

// Unwrap gives both the kind and the cause.
func (e *DiskError) Unwrap() []error { return []error{e.Trouble, e.Err} }

// CheckDisk turns an error for which disk, permissions or damage are the cause into a
// DiskError; any other comes back as it is.
func CheckDisk(err error) error {
	var already *DiskError
	if err == nil || errors.As(err, &already) {
		return err
	}
	if trouble := diagnose(err); trouble != "" {
		return &DiskError{Trouble: trouble, Err: err}
	}
	return err
}

func diagnose(err error) Trouble {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &lite):
		return diagnoseSQLite(lite.Code())
	case errors.As(err, &pg):
		return diagnosePostgres(pg.Code)
	case isDiskFull(err):
		return ErrDiskFull
	case isReadOnlyDisk(err):
		return ErrReadOnly
	case isDiskIO(err):
		return ErrDiskIO
	case errors.Is(err, fs.ErrPermission):
		return ErrPermission
	}
	return ""
}

// diagnoseSQLite reads an extended result code. Growing the -shm file on a full disk
// gives IOERR_SHMSIZE and not FULL.
func diagnoseSQLite(code int) Trouble {
	switch {
	case code == lib.SQLITE_IOERR_SHMSIZE:
		return ErrDiskFull
	case code&0xff == lib.SQLITE_FULL:
		return ErrDiskFull
	case code&0xff == lib.SQLITE_READONLY:
		return ErrReadOnly
	case code&0xff == lib.SQLITE_PERM, code&0xff == lib.SQLITE_CANTOPEN, code&0xff == lib.SQLITE_AUTH:
		return ErrPermission
	case code&0xff == lib.SQLITE_CORRUPT, code&0xff == lib.SQLITE_NOTADB:
		return ErrCorrupt
	case code&0xff == lib.SQLITE_IOERR:
		return ErrDiskIO
	case code&0xff == lib.SQLITE_BUSY:
		return ErrBusy
	}
	return ""
}

func diagnosePostgres(state string) Trouble {
	switch state {
	case stateDiskFull:
		return ErrDiskFull
	case stateReadOnly:
		return ErrReadOnly
	case statePrivilege:
		return ErrPermission
	case stateDataCorrupted, stateIndexCorrupt:
		return ErrCorrupt
	}
	return ""
}
