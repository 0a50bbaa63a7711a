package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// keeper stores positions as a caller does, through JSON.
type keeper map[string]string

func (k keeper) put(p Position) {
	b, err := json.Marshal(p)
	if err == nil {
		k[p.File] = string(b)
	}
}

func (k keeper) resume(file string) (p Position, ok bool) {
	s, ok := k[file]
	return p, ok && json.Unmarshal([]byte(s), &p) == nil
}

var errStop = errors.New("stop")

// run reads at most limit items and stores the positions.
func (k keeper) run(t testing.TB, limit int, args ...string) (subjects []string) {
	t.Helper()
	err := Walk(context.Background(), args, Config{Resume: k.resume, Finished: k.put, TempDir: t.TempDir()}, func(item Item) error {
		if len(subjects) == limit {
			return errStop
		}
		subjects = append(subjects, fmt.Sprintf("%s@%d", subjectOf(item.Raw), item.Offset))
		k.put(item.Position)
		return nil
	}, func(p Problem) { t.Errorf("problem: %v", p) })
	if err != nil && !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	return subjects
}

func subjectOf(raw []byte) string {
	at, _ := findField(raw, "subject:")
	if at < 0 {
		return ""
	}
	line, _, _ := strings.Cut(string(raw[at:]), "\n")
	return strings.TrimSpace(line)
}

func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(fromA + eml(fmt.Sprint(i)) + "\n")
	}
	return b.String()
}

// TestResume stops after every possible number of items; what two runs give
// together must be what one gives, and a third gives nothing.
func TestResume(t *testing.T) {
	members := []named{{"1.eml", eml("z1")}, {"b.mbox", numbered(50, 54)}, {"2.eml", eml("z2")}}
	root := tree(t, map[string]string{
		"a.mbox": numbered(0, 5), "b.mbox.gz": gz(t, numbered(10, 15)), "c.zip": zipped(t, members...), "d.tar.gz": gz(t, tarred(t, members...)),
		"e.eml": eml("e"), "Maildir/cur/1700000000.a.host:2,S": eml("m"), "Maildir/new/": "", "f.msg": string(inventUnicode().c.bytes()), "g.emlx": emlx(eml("g")),
	})
	whole := keeper{}.run(t, -1, root)
	if len(whole) != 26 {
		t.Fatalf("%d: %q", len(whole), whole)
	}
	for stop := range len(whole) + 1 {
		k := keeper{}
		got := k.run(t, stop, root)
		got = append(got, k.run(t, -1, root)...)
		equal(t, fmt.Sprint("stopped after ", stop), got, whole)
		equal(t, "third run", k.run(t, -1, root), nil)
	}
}

func emlx(message string) string {
	return fmt.Sprintf("%-10d\n%s<?xml version=\"1.0\"?>\n<plist><dict/></plist>\n", len(message), message)
}

// TestGrown changes a mailbox between two runs.
func TestGrown(t *testing.T) {
	first := numbered(0, 200)
	offset := func(in string, n int) string {
		return fmt.Sprintf("%d@%d", n, strings.Index(in, fromA+eml(fmt.Sprint(n))))
	}
	longer := first + numbered(200, 202)
	half := first + fromA + "Subject: 200\n\nbeginn"
	shorter := numbered(100, 300)
	for name, c := range map[string]struct {
		before, after string
		want          []string
		count         int
	}{
		"unchanged":               {first, first, nil, 0},
		"two more":                {first, longer, []string{offset(longer, 200), offset(longer, 201)}, 2},
		"no blank line before":    {strings.TrimSuffix(first, "\n"), longer, []string{offset(longer, 200), offset(longer, 201)}, 2},
		"was half written":        {half, half + "ing\n\n" + numbered(201, 202), nil, 2},
		"rewritten":               {first, shorter, nil, 200},
		"messages taken out":      {first, numbered(0, 60) + numbered(70, 240), nil, 230},
		"begun small, then large": {numbered(0, 1), numbered(0, 90), nil, 89},
	} {
		root := tree(t, map[string]string{"a.mbox": c.before})
		path := filepath.Join(root, "a.mbox")
		k := keeper{}
		k.run(t, -1, root)
		if c.before != c.after {
			must(t, os.WriteFile(path, []byte(c.after), 0o644))
			must(t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)))
		}
		got := k.run(t, -1, root)
		if len(got) != c.count || c.want != nil && fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %d items, want %d: %.200q", name, len(got), c.count, got)
		}
		equal(t, name+", third run", k.run(t, -1, root), nil)
	}
}

// TestMaildirMoves: reading a message moves it and sets flags; it stays the same message.
func TestMaildirMoves(t *testing.T) {
	root := tree(t, map[string]string{"cur/": "", "new/1700000000.a.host": eml("a")})
	k := keeper{}
	equal(t, "first", k.run(t, -1, root), []string{"a@0"})
	must(t, os.Rename(filepath.Join(root, "new/1700000000.a.host"), filepath.Join(root, "cur/1700000000.a.host:2,S")))
	equal(t, "moved", k.run(t, -1, root), nil)
}

// TestProblemIsRetried: a file that could not be read is tried again, and its items are not repeated.
func TestProblemIsRetried(t *testing.T) {
	packed := gz(t, numbered(0, 5))
	root := tree(t, map[string]string{"a.mbox.gz": packed[:len(packed)-4]})
	k := keeper{}
	for run, want := range []int{5, 0} {
		items, problems := 0, 0
		must(t, Walk(context.Background(), []string{root}, Config{Resume: k.resume, Finished: k.put},
			func(item Item) error { items++; k.put(item.Position); return nil }, func(Problem) { problems++ }))
		if items != want || problems != 1 {
			t.Errorf("run %d: %d items, %d problems", run, items, problems)
		}
	}
}
