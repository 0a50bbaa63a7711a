package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// fileLayer is what the ledger writes through. Tests put one beneath it that forgets what
// was not synced, fails, or is full. A name is on the disk once its folder was synced,
// content once its file was.
type fileLayer interface {
	Mkdir(dir string) error
	Open(path string, flag int) (file, error) // 0600 where it creates
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

type file interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Truncate(size int64) error
	Close() error
}

// osFiles is the file system as it is.
type osFiles struct{}

func (osFiles) Mkdir(dir string) error       { return os.Mkdir(dir, 0o700) }
func (osFiles) Rename(from, to string) error { return os.Rename(from, to) }
func (osFiles) Remove(path string) error     { return os.Remove(path) }
func (osFiles) SyncDir(dir string) error     { return syncDir(dir) }

func (osFiles) Open(path string, flag int) (file, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// osFile syncs data only, where the platform can: the log's files are allocated before, so their size doesn't change.
type osFile struct{ *os.File }

func (f osFile) Sync() error { return syncData(f.File) }

// makeFolder makes a folder and those above it, private and durable, and refuses one that
// others may read.
func makeFolder(files fileLayer, dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is no folder", dir)
	case err == nil:
		return private(dir, info.Mode())
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	above := filepath.Dir(dir)
	if above == dir {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	if _, err := os.Stat(above); errors.Is(err, fs.ErrNotExist) {
		if err := makeFolder(files, above); err != nil {
			return err
		}
	}
	if err := files.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make folder: %w", err)
	}
	return files.SyncDir(above)
}

// writeWhole replaces a file by another content: after a crash it is the one or the other.
// The name is durable only once the folder was synced.
func writeWhole(files fileLayer, path string, data []byte) error {
	temporary := path + ".new"
	f, err := files.Open(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = files.Rename(temporary, path)
	}
	if err != nil {
		_ = files.Remove(temporary)
		return err
	}
	return nil
}

// replaceFile is writeWhole with the name durable as well.
func replaceFile(files fileLayer, path string, data []byte) error {
	if err := writeWhole(files, path, data); err != nil {
		return err
	}
	return files.SyncDir(filepath.Dir(path))
}

// listFiles gives the names in a folder that end so, in order. No folder: no names.
func listFiles(dir, ending string) ([]string, error) {
	all, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range all {
		if filepath.Ext(e.Name()) == ending && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// readLimited reads a whole file of up to so many bytes.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes: at most %d are read", path, info.Size(), limit)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, nil
}
