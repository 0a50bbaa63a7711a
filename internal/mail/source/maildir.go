package source

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// isMaildir knows a Maildir by its new and cur. Its tmp may be missing in a copy.
func isMaildir(dir string, names []string) bool {
	for _, name := range []string{"cur", "new"} {
		if _, found := slices.BinarySearch(names, name); !found {
			return false
		}
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

type maildirFile struct{ unique, folder, name string }

// maildir reads new and cur of a Maildir, by file name. What lies in tmp is
// not delivered yet and is not read. Subfolders are read like other folders.
func (w *walker) maildir(p place, dir, real string) error {
	var list []maildirFile
	for _, folder := range []string{"cur", "new"} {
		w.folders[filepath.Join(real, folder)] = true
		names, err := sortedNames(filepath.Join(dir, folder))
		if err != nil {
			w.report(p.at(folder).label(), 0, err, "check the folder's permissions")
		}
		for _, name := range names {
			list = append(list, maildirFile{uniqueName(name), folder, name})
		}
	}
	w.folders[filepath.Join(real, "tmp")] = true
	slices.SortFunc(list, func(a, b maildirFile) int {
		return cmp.Or(strings.Compare(a.unique, b.unique), strings.Compare(a.name, b.name), strings.Compare(a.folder, b.folder))
	})
	for _, f := range list {
		path := filepath.Join(dir, f.folder, f.name)
		info, err := os.Lstat(path)
		sub := p.at(f.folder).at(f.name)
		switch {
		case err != nil || info.IsDir() || w.files[filepath.Join(real, f.folder, f.name)]:
			continue // moved, or no message
		case info.Mode()&fs.ModeSymlink != 0:
			if err := w.link(sub, path); err != nil {
				return err
			}
			continue
		case !info.Mode().IsRegular():
			w.ignore(sub, sizeOf(info))
			continue
		}
		if err := w.file(sub, path, Position{File: filepath.Join(real, f.unique)}, true); err != nil {
			return err
		}
	}
	return nil
}

// uniqueName is a Maildir file name without its flags, which begin at ":2," or,
// where a colon cannot be in a file name, at ";2," or "!2,".
func uniqueName(name string) string {
	for _, sep := range []string{":2,", ";2,", "!2,", ":1,"} {
		if i := strings.LastIndex(name, sep); i > 0 {
			return name[:i]
		}
	}
	return name
}
