// Command sbom writes what a built Go program is made of as a CycloneDX 1.6
// document. It reads the list that the linker left in the program itself, so it
// tells what was built and not what a go.mod wishes for.
//
//	sbom [-at TIME] PROGRAM > portcullis.cdx.json
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"
)

// The parts of https://cyclonedx.org/docs/1.6/json/ that are used here.
type document struct {
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp,omitempty"`
	Component component `json:"component"`
}

type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl,omitempty"`
	Hashes  []hash `json:"hashes,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

func main() {
	at := flag.String("at", "", "time to state, RFC 3339; none by default, so that the same program gives the same document")
	flag.Parse()
	if err := run(flag.Arg(0), *at, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(path, at string, out io.Writer) error {
	if at != "" {
		if _, err := time.Parse(time.RFC3339, at); err != nil {
			return fmt.Errorf("-at: %w", err)
		}
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read %s: %w; name a program built by Go", path, err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(program)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(describe(info, hex.EncodeToString(sum[:]), at))
}

func describe(info *buildinfo.BuildInfo, digest, at string) document {
	main := component{
		Type: "application", Ref: info.Main.Path, Name: info.Main.Path, Version: info.Main.Version,
		Hashes: []hash{{"SHA-256", digest}},
	}
	doc := document{Format: "CycloneDX", SpecVersion: "1.6", Version: 1, Metadata: metadata{at, main}}
	parts := []component{library(&debug.Module{Path: "std", Version: info.GoVersion})}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		parts = append(parts, library(m))
	}
	doc.Components = parts
	uses := dependency{Ref: main.Ref}
	for _, c := range parts {
		uses.DependsOn = append(uses.DependsOn, c.Ref)
	}
	doc.Dependencies = []dependency{uses}
	return doc
}

// library names a module by its package URL. The go.sum hash of a module is a hash
// over a list of hashes, no digest of a file, so it is left out.
func library(m *debug.Module) component {
	purl := "pkg:golang/" + m.Path + "@" + m.Version
	return component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
}
