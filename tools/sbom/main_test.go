package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestRun describes the test program itself.
func TestRun(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(program, "2026-11-01T00:00:00Z", &out); err != nil {
		t.Fatal(err)
	}
	var doc document
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Format != "CycloneDX" || doc.SpecVersion != "1.6" || len(doc.Metadata.Component.Hashes) != 1 {
		t.Errorf("the head is wrong: %+v", doc)
	}
	if len(doc.Components) == 0 || !strings.HasPrefix(doc.Components[0].PURL, "pkg:golang/std@go1.") {
		t.Errorf("the standard library is not among the parts: %+v", doc.Components)
	}
	if got := doc.Dependencies[0].DependsOn; len(got) != len(doc.Components) {
		t.Errorf("%d dependencies for %d parts", len(got), len(doc.Components))
	}
	if err := run("main_test.go", "", &out); err == nil {
		t.Error("a text is taken for a program")
	}
}
