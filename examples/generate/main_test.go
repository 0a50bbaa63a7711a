package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// The committed files are what the generator writes, all of it and nothing else.
func TestCommittedFilesAreGenerated(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for name, content := range want {
		size += len(content)
		got, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
		if err != nil {
			t.Errorf("%v; run: go run ./examples/generate", err)
			continue
		}
		// A checkout may have changed line ends; that is not what is tested here.
		if !bytes.Equal(plain(got), plain(content)) {
			t.Errorf("%s differs from what the generator writes; run: go run ./examples/generate", name)
		}
	}
	if size > 4<<20 {
		t.Errorf("the example has %d bytes, more than 4 MB", size)
	}
	err = filepath.WalkDir("../mailboxes", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel("..", path)
		if err == nil && want[filepath.ToSlash(name)] == nil {
			t.Errorf("%s is not written by the generator", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func plain(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }
