package lists

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ReadFiles opens and reads the files of one list. A single file of OFAC's CSV list
// brings along those that lie beside it: without alt and add it is half a list.
func ReadFiles(ctx context.Context, paths []string, o Options) (*List, error) {
	if len(paths) == 1 && (o.Format == OFAC || o.Format == Auto || o.Format == "") {
		paths = append(paths, beside(paths[0])...)
	}
	var files []File
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("open the list: %w", err)
		}
		defer func() { _ = f.Close() }()
		files = append(files, File{Name: path, Content: f})
	}
	return Read(ctx, files, o)
}

// beside finds alt.csv and add.csv beside sdn.csv, whatever stands before those names.
func beside(path string) (found []string) {
	dir, base := filepath.Split(path)
	before, after, ok := strings.Cut(strings.ToLower(base), "sdn")
	if !ok || after != ".csv" {
		return nil
	}
	for _, part := range []string{"alt", "add", "ALT", "ADD"} {
		other := filepath.Join(dir, base[:len(before)]+part+base[len(before)+3:])
		if info, err := os.Stat(other); err == nil && info.Mode().IsRegular() && !sameName(found, other) {
			found = append(found, other)
		}
	}
	return found
}

func sameName(list []string, path string) bool {
	for _, l := range list {
		if strings.EqualFold(l, path) {
			return true
		}
	}
	return false
}
