package main

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/register"
)

// TestRegisterFindings: what a guard has found comes to the desk once, however often its folder is read, and
// what comes later is not missed.
func TestRegisterFindings(t *testing.T) {
	data := t.TempDir()
	dir := filepath.Join(data, "guard", "findings")
	spool, err := register.OpenSpool(dir)
	must(t, err)
	raise := func(n int) {
		at := time.Date(2026, 3, 2, 9, n, 0, 0, time.UTC)
		event := portcullis.NewID("event", "register", fmt.Sprint(n))
		must(t, spool.Put(register.Raised{
			Schema: 1, Event: portcullis.Event{ID: event, Sensor: "register", Time: at, Recorded: at},
			Finding: portcullis.Finding{
				ID: portcullis.NewID("finding", "register", fmt.Sprint(n)), Rule: register.RuleBudget, Time: at, Attention: portcullis.Targeted,
				Severity: portcullis.High, Confidence: 90, Technique: "T1213", Summary: "mallory was stopped",
			},
		}))
	}
	s := newDesk(t, filepath.Join(data, "desk"), "../../examples/people.toml", fmt.Sprintf("key_file = %q\nregister_findings = [%q]\n", filepath.Join(data, "archive.key"), dir))
	s.silence = map[string]portcullis.ID{}
	stored := func() (n int) {
		must(t, s.app.store.DB().QueryRow(`SELECT count(*) FROM campaigns_item`).Scan(&n))
		return n
	}
	raise(1)
	for range 2 {
		must(t, s.takeRegister(t.Context(), s.app.cfg.RegisterFindings[0]))
	}
	if n := stored(); n != 1 {
		t.Errorf("%d items after one finding, want 1", n)
	}
	raise(2)
	must(t, s.takeRegister(t.Context(), s.app.cfg.RegisterFindings[0]))
	if n := stored(); n != 2 {
		t.Errorf("%d items after two findings, want 2", n)
	}
}
