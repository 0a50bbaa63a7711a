package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"portcullis.example/portcullis/internal/mail/source"
)

// bulkBytes is how much of one file is looked at. A register copy shows itself
// in its first rows; an archive that is larger cannot be opened in part.
const bulkBytes = 32 << 20

// bulkWalk reads every file below args as a thing that may hold a list of
// people. Each becomes a message without sender whose one attachment it is, so
// that judging, storing and explaining need not know the difference.
func bulkWalk(ctx context.Context, args []string, cfg source.Config, emit func(source.Item) error, problem func(source.Problem)) error {
	var read int64
	for _, arg := range args {
		err := filepath.WalkDir(arg, func(path string, entry fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			name := bulkName(arg, path)
			if err != nil {
				problem(source.Problem{Source: name, Err: err, Remedy: "give the account that scans read access"})
				return nil
			}
			if !entry.Type().IsRegular() || cfg.Skip != nil && cfg.Skip(resolved(path)) {
				return nil
			}
			item, size, err := bulkItem(arg, path, name, cfg)
			read += size
			if cfg.Progress != nil {
				cfg.Progress(read)
			}
			if err != nil {
				problem(source.Problem{Source: name, Err: err, Remedy: "give the account that scans read access, or leave the file out"})
				return nil
			}
			if item == nil {
				return nil
			}
			if size > bulkBytes {
				problem(source.Problem{Source: name, Offset: bulkBytes, Err: fmt.Errorf("only the first %s of %s were looked at", megabytes(bulkBytes), megabytes(size)),
					Remedy: "split the file, or unpack it, to have the rest looked at"})
			}
			return emit(*item)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func bulkName(arg, path string) string {
	rel, err := filepath.Rel(arg, path)
	if err != nil || rel == "." {
		return filepath.Base(path)
	}
	return filepath.ToSlash(rel)
}

// bulkItem is nil where the file is unchanged since an earlier scan, or empty.
func bulkItem(arg, path, name string, cfg source.Config) (*source.Item, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	position := source.Position{File: path, Size: info.Size(), ModTime: info.ModTime().UTC(), Items: 1, Done: true}
	if cfg.Resume != nil {
		if old, ok := cfg.Resume(path); ok && old.Size == position.Size && old.ModTime.Equal(position.ModTime) {
			return nil, info.Size(), nil
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, info.Size(), err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, bulkBytes))
	if err != nil || len(content) == 0 {
		return nil, info.Size(), errors.Join(err)
	}
	item := &source.Item{Source: name, Arg: arg, Raw: bulkMessage(name, content), Position: position}
	item.Envelope.Time = info.ModTime().UTC()
	return item, info.Size(), nil
}

// bulkMessage wraps a file's content unencoded, so that offsets into it hold.
func bulkMessage(name string, content []byte) []byte {
	var b bytes.Buffer
	base := url.PathEscape(filepath.Base(name))
	fmt.Fprintf(&b, "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\nContent-Disposition: attachment; filename*=UTF-8''%s\r\n\r\n", base)
	b.Write(content)
	return b.Bytes()
}
