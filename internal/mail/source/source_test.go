package source

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/testenv"
)

// gathered is what one Walk gave.
type gathered struct {
	items    []Item
	problems []Problem
	ignored  []string
	finished map[string]Position
}

func walk(t testing.TB, cfg Config, args ...string) gathered {
	t.Helper()
	g := gathered{finished: map[string]Position{}}
	cfg.Ignored = func(source string) { g.ignored = append(g.ignored, source) }
	finished := cfg.Finished
	cfg.Finished = func(p Position) {
		g.finished[p.File] = p
		if finished != nil {
			finished(p)
		}
	}
	err := Walk(context.Background(), args, cfg,
		func(item Item) error { g.items = append(g.items, item); return nil },
		func(p Problem) { g.problems = append(g.problems, p) })
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (g gathered) sources() []string {
	var list []string
	for _, item := range g.items {
		list = append(list, item.Source)
	}
	return list
}

func (g gathered) raws() []string {
	var list []string
	for _, item := range g.items {
		list = append(list, string(item.Raw))
	}
	return list
}

// tree writes files below a new folder; a name that ends in a slash is a folder.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return root
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}

func eml(subject string) string {
	return "From: a@example.org\nTo: b@example.com\nSubject: " + subject + "\n\nText of " + subject + ".\n"
}

const fromA = "From a@example.org Mon Jan  1 10:00:00 2024\n"

func TestDataFolder(t *testing.T) {
	for folder, want := range map[string]int{"ham": 1000, "phishing": 1000, "ham-2007": 600, "newsletter-pairs": 14} {
		g := walk(t, Config{}, testenv.Data(t, "mail", folder))
		if len(g.items) != want || len(g.problems) > 0 {
			t.Errorf("%s: %d messages, want %d; problems %v", folder, len(g.items), want, g.problems)
		}
		for i, item := range g.items {
			if item.Mailbox != folder || item.Offset != 0 || bytes.HasPrefix(item.Raw, fromLine) || i > 0 && g.items[i-1].Source >= item.Source {
				t.Fatalf("%s: %+v", item.Source, item.Mailbox)
			}
		}
		if len(g.finished) != want {
			t.Errorf("%s: %d files finished", folder, len(g.finished))
		}
	}
}

func TestOrderAndNames(t *testing.T) {
	root := tree(t, map[string]string{
		"b/2.eml": eml("two"), "b/1.eml": eml("one"), "a.mbox": fromA + eml("mbox one") + "\n" + fromA + eml("mbox two"),
		"alice/Maildir/cur/1700000002.b.host:2,S": eml("m2"), "alice/Maildir/new/1700000001.a.host": eml("m1"),
		"alice/Maildir/tmp/1700000003.c.host": eml("half"), "alice/Maildir/dovecot.index.log": "\x01\x02",
		"alice/Maildir/.Sent/cur/1700000004.d.host:2,S": eml("sent"), "alice/Maildir/.Sent/new/": "",
		"top.eml": eml("top"), ".DS_Store": "\x00\x00Bud1", "empty": "", "notes.txt": "Dear diary,\nnothing.\n",
	})
	g := walk(t, Config{}, root)
	base := filepath.Base(root)
	equal(t, "sources", g.sources(), []string{
		"a.mbox", "a.mbox", "alice/Maildir/new/1700000001.a.host", "alice/Maildir/cur/1700000002.b.host:2,S",
		"alice/Maildir/.Sent/cur/1700000004.d.host:2,S", "b/1.eml", "b/2.eml", "top.eml",
	})
	var boxes []string
	for _, item := range g.items {
		boxes = append(boxes, item.Mailbox)
	}
	equal(t, "mailboxes", boxes, []string{"a", "a", "alice/Maildir", "alice/Maildir", "alice/Maildir/.Sent", "b", "b", base})
	// A name as an index file has it does not hide mail.
	if g := walk(t, Config{}, tree(t, map[string]string{"dovecot-export": fromA + eml("x"), "dovecot.index": "\x07\x03"})); len(g.items) != 1 || len(g.problems) > 0 {
		t.Errorf("%q %v", g.sources(), g.problems)
	}
	equal(t, "ignored", g.ignored, []string{".DS_Store", "alice/Maildir/dovecot.index.log", "empty"})
	if len(g.problems) != 1 || g.problems[0].Source != "notes.txt" || !strings.Contains(g.problems[0].Error(), "not mail") {
		t.Errorf("problems %v", g.problems)
	}
	if g.items[2].Envelope.Time.IsZero() || g.items[0].Envelope.Sender != "a@example.org" || g.items[0].Envelope.Time.Unix() != 1704103200 {
		t.Errorf("envelopes %+v %+v", g.items[2].Envelope, g.items[0].Envelope)
	}
}
