// Command build makes the desk's assets out of assets/src: the style sheet with
// govuk-frontend's components, and the scripts with what they are bundled with.
// It needs Node for the first step and the Go module in tools for esbuild; what
// it makes is committed, so nobody else needs either.
//
//	go generate ./internal/web
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if err := build("assets"); err != nil {
		fmt.Fprintln(os.Stderr, "build the desk's assets:", err)
		os.Exit(1)
	}
}

// build works in the folder that go generate starts it in, internal/web.
func build(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		if err := run(dir, "npm", "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"); err != nil {
			return err
		}
	}
	out, err := os.MkdirTemp("", "desk")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(out) }() // nothing depends on it
	// The intermediate style sheet lies beside the sources, for esbuild to find what it imports.
	govuk := filepath.Join(dir, "src", "govuk.css")
	defer func() { _ = os.Remove(govuk) }()
	steps := [][]string{
		{"npx", "--no-install", "tsc", "--noEmit", "--project", "tsconfig.json"},
		{"npx", "--no-install", "sass", "--no-source-map", "src/govuk.scss", "src/govuk.css"},
		{"go", "tool", "-modfile=../../../tools/go.mod", "esbuild", "--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=eof", "--charset=utf8",
			"--log-level=warning", "--outdir=" + out, "src/desk.ts", "src/chart.ts", "src/graph.ts", "src/desk.css"},
		{"cp", "src/icon.svg", out},
	}
	for _, s := range steps {
		if err := run(dir, s[0], s[1:]...); err != nil {
			return err
		}
	}
	if err := pack(out, filepath.Join(dir, "dist")); err != nil {
		return err
	}
	sum, err := sources(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "dist", "sources.sum"), []byte(sum+"\n"), 0o644)
}

func run(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

// pack compresses each file; without a time in it, the same bytes come out each time.
func pack(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			return err
		}
		var packed bytes.Buffer
		z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := z.Write(content); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()+".gz"), packed.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sources is a hash over everything the assets are built from. A test compares
// it with the one kept beside them, so that nobody forgets to build.
func sources(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "src", "*"))
	if err != nil {
		return "", err
	}
	files = slices.DeleteFunc(append(files, filepath.Join(dir, "package-lock.json")), func(f string) bool { return filepath.Base(f) == "govuk.css" })
	slices.Sort(files)
	h := sha256.New()
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", filepath.Base(f), len(content))
		h.Write(content)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
