package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/store"
)

// huntFixture scans two mails into a store, one of them with text that would act on a terminal.
func huntFixture(t *testing.T) (dir string, portcullis func(args ...string) (status int, out, err string)) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	for name, text := range map[string]string{
		"people.toml": "[[person]]\nname = \"Anna Keller\"\naddresses = [\"anna@parliament.example\"]\n",
		"mail/a.eml":  "From: a@shop.example\nTo: anna@parliament.example\nSubject: One\nMessage-ID: <1@shop.example>\nDate: Mon, 02 Mar 2026 09:00:00 +0000\n\nhttps://evil.example/x\n",
		"mail/b.eml": "From: b@shop.example\nTo: stranger@mail.example\nSubject: Two\nMessage-ID: <2@shop.example>\nDate: Tue, 03 Mar 2026 09:00:00 +0000\n" +
			"Content-Type: application/pdf; name*=utf-8''bill%1B%5B2J%E2%80%AEfdp.exe\nContent-Disposition: attachment\n\nhttp://sub.evil.example/\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	portcullis = func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		status := run(t.Context(), append([]string{"--data", filepath.Join(dir, "data")}, args...), stdio{strings.NewReader("evil[.]example\n"), &out, &errs})
		return status, out.String(), errs.String()
	}
	if status, out, err := portcullis("scan", "--people", filepath.Join(dir, "people.toml"), filepath.Join(dir, "mail")); status == exitFailed {
		t.Fatalf("scan: %d\n%s\n%s", status, out, err)
	}
	return dir, portcullis
}

func TestHuntAnswers(t *testing.T) {
	_, portcullis := huntFixture(t)
	for _, c := range []struct {
		args     string
		status   int
		out, err []string
	}{
		{"shop.example", exitOK, []string{"2 mails to 2 people, 2 Mar 2026 to 3 Mar 2026", "Anna Keller", "Somebody at mail.example (~", "from shop.example", "a.eml", "1 new indicator kept"}, nil},
		{"shop.example --since 2026-03-03", exitOK, []string{"1 mail to 1 person"}, nil},
		{"shop.example --limit 1", exitOK, []string{"2 mails to 2 people", "… and 1 mail more"}, nil},
		{"nowhere.example --no-keep", exitOK, []string{"Found nothing: domain:nowhere.example is in no stored mail."}, nil},
		{"nowhere.example shop.example -v", exitOK, []string{"1 of 2 indicators found", "In no stored mail:\n  domain:nowhere.example"}, nil},
		{"shop.example nonsense", exitIncomplete, []string{"Anna Keller"}, []string{`"nonsense" is no domain`}},
		{"--indicators -", exitOK, []string{"domain:evil.example"}, nil},
		{"anna@parliament.example", exitIncomplete, nil, []string{"--purpose", "lead to people"}},
		{"subject:one shop.example", exitIncomplete, []string{"shop.example"}, []string{"1 indicator not looked for"}},
		{"--purpose case-1 subject:one stranger@mail.example", exitOK, []string{"1 mail to 1 person", "2 of 2 indicators found"}, nil},
		{"--marking secret x.example", exitIncomplete, nil, []string{"want clear, green, amber"}},
		{"--indicators /nowhere", exitIncomplete, nil, []string{"indicators: open"}},
	} {
		status, out, errs := portcullis(append([]string{"hunt"}, strings.Fields(c.args)...)...)
		if status != c.status {
			t.Errorf("%s: status %d, want %d\n%s%s", c.args, status, c.status, out, errs)
		}
		for _, want := range c.out {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", c.args, want, out)
			}
		}
		for _, want := range c.err {
			if !strings.Contains(errs, want) {
				t.Errorf("%s: no %q in\n%s", c.args, want, errs)
			}
		}
	}
}

// TestHuntEscapes demands that no format lets an attacker's control characters through.
func TestHuntEscapes(t *testing.T) {
	_, portcullis := huntFixture(t)
	for _, format := range []string{"text", "json", "ndjson", "csv"} {
		_, out, _ := portcullis("hunt", "--no-keep", "--format", format, "filename:bill\x1b[2J\u202efdp.exe")
		if !strings.Contains(out, "fdp.exe") || strings.ContainsAny(out, "\x1b\u202e") {
			t.Errorf("%s: %q", format, out)
		}
		if format == "json" || format == "ndjson" {
			var doc struct{ Schema int }
			if err := json.Unmarshal([]byte(out), &doc); err != nil || doc.Schema != 1 {
				t.Errorf("%s: schema %d, %v", format, doc.Schema, err)
			}
		}
	}
}

// TestHuntWhileScanning asks while another process writes.
func TestHuntWhileScanning(t *testing.T) {
	dir, portcullis := huntFixture(t)
	cfg, err := storeConfig(defaultConfig(), filepath.Join(dir, "data"), false)
	if err != nil {
		t.Fatal(err)
	}
	busy, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	status, out, errs := portcullis("hunt", "evil.example")
	if status != exitOK || !strings.Contains(out, "Anna Keller") || !strings.Contains(errs, "not kept") {
		t.Errorf("status %d\n%s\n%s", status, out, errs)
	}
	status, out, errs = portcullis("hunt", "--purpose", "case 1", "anna@parliament.example")
	if status != exitFailed || out != "" || !strings.Contains(errs, "could not be logged") {
		t.Errorf("a question that is not logged is answered: status %d\n%s\n%s", status, out, errs)
	}
	log, err := archive.NewReader(busy.DB()).Purposes(context.Background(), time.Time{})
	if err != nil || len(log) != 0 {
		t.Errorf("log: %v, %v", log, err)
	}
}
