package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// fileLayer is the part of a file system that durability depends on. Tests put one in
// its place that remembers what was synced and what was not.
type fileLayer interface {
	Mkdir(dir string) error // mode 0700
	Create(path string) (file, error)
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

type file interface {
	io.WriteCloser
	Sync() error
}

// partialSuffix marks a file that is not complete. One that a crash left behind is
// overwritten by the next try.
const partialSuffix = ".partial"

// writeDurably makes the file path with what fill writes. When it returns nil, content
// and name are on the disk; at no time does path hold a part. The order is what makes
// it so: content, sync of the file, rename, sync of the folder. Without the first sync
// the name can outlive the content, without the second a file that was reported as
// written can vanish.
func writeDurably(files fileLayer, path string, fill func(io.Writer) error) (err error) {
	partial := path + partialSuffix
	f, err := files.Create(partial)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", path, err), gone(files.Remove(partial)))
		}
	}()
	if err := fill(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return moveDurably(files, partial, path)
}

// moveDurably gives a synced file its final name.
func moveDurably(files fileLayer, from, to string) error {
	if err := files.Rename(from, to); err != nil {
		return err
	}
	return files.SyncDir(filepath.Dir(to))
}

// makeFolder makes a folder and the ones above it, each synced into its parent.
func makeFolder(files fileLayer, dir string) error {
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is a file; name a folder", dir)
		}
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeFolder(files, parent); err != nil {
			return err
		}
	}
	if err := files.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return files.SyncDir(parent)
}

// gone forgives that what should be removed is not there.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// osFiles is the operating system's file system.
type osFiles struct{}

func (osFiles) Mkdir(dir string) error { return os.Mkdir(dir, 0o700) }

func (osFiles) Create(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

func (osFiles) Rename(from, to string) error { return os.Rename(from, to) }

func (osFiles) Remove(path string) error { return os.Remove(path) }

func (osFiles) SyncDir(dir string) error { return syncDir(dir) }
