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

// beside finds alt.csv, add.csv and sdn_comments.csv beside sdn.csv, whatever stands before those
// names, and cons_alt.csv and the others beside cons_prim.csv.
func beside(path string) (found []string) {
	dir, base := filepath.Split(path)
	first, comments := "sdn", []string{"sdn_comments", "SDN_COMMENTS"}
	before, after, ok := strings.Cut(strings.ToLower(base), first)
	if !ok {
		first, comments = "prim", []string{"comments", "COMMENTS"}
		before, after, ok = strings.Cut(strings.ToLower(base), first)
	}
	if !ok || after != ".csv" {
		return nil
	}
	for _, part := range append([]string{"alt", "add", "ALT", "ADD"}, comments...) {
		other := filepath.Join(dir, base[:len(before)]+part+base[len(before)+len(first):])
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
