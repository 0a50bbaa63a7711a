package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadOnce(t *testing.T) {
	root := tree(t, map[string]string{"a/1.eml": eml("1"), "a/2.eml": eml("2"), "b/3.eml": eml("3")})
	must(t, os.Symlink("../b/3.eml", filepath.Join(root, "a/link.eml")))
	must(t, os.Symlink("../..", filepath.Join(root, "a/zloop")))
	must(t, os.Symlink("self", filepath.Join(root, "a/self")))
	must(t, os.Link(filepath.Join(root, "a/1.eml"), filepath.Join(root, "b/hard.eml")))
	g := walk(t, Config{}, filepath.Join(root, "a/2.eml"), filepath.Join(root, "a"), root, filepath.Join(root, "b/3.eml"))
	equal(t, "sources", g.sources(), []string{"2.eml", "1.eml", "link.eml", "b/hard.eml"})
	if len(g.problems) != 1 || g.problems[0].Source != "self" {
		t.Errorf("%v", g.problems)
	}
}

func TestFileArguments(t *testing.T) {
	root := tree(t, map[string]string{"x/a.mbox": numbered(0, 1), "x/b.eml": eml("b"), "x/c.zip": zipped(t, named{"in/d.eml", eml("d")}, named{"e.eml", eml("e")})})
	g := walk(t, Config{}, filepath.Join(root, "x/a.mbox"), filepath.Join(root, "x/b.eml"), filepath.Join(root, "x/c.zip"))
	equal(t, "sources", g.sources(), []string{"a.mbox", "b.eml", "c.zip!in/d.eml", "c.zip!e.eml"})
	var boxes []string
	for _, item := range g.items {
		boxes = append(boxes, item.Mailbox)
	}
	equal(t, "mailboxes", boxes, []string{"a", "", "in", "c"})
	if g.items[0].Arg != filepath.Join(root, "x/a.mbox") {
		t.Error(g.items[0].Arg)
	}
}

func TestProgressEndsAtSize(t *testing.T) {
	root := tree(t, map[string]string{"a.mbox": numbered(0, 1000), "b.gz": gz(t, numbered(0, 1000)), "c.zip": zipped(t, named{"1.eml", eml("1")}),
		".DS_Store": "xxxx", "notes.txt": strings.Repeat("nothing ", 90_000), "m/cur/1700000000.a": eml("m"), "m/new/": "", "f.msg": string(inventUnicode().c.bytes())})
	size, files := Size([]string{root})
	k := keeper{}
	k.run(t, 300, filepath.Join(root, "a.mbox")) // stopped in the middle of a mailbox
	for run := range 2 {
		var last int64
		cfg := Config{Resume: k.resume, Finished: k.put, Progress: func(n int64) {
			if n < last {
				t.Errorf("run %d: %d after %d", run, n, last)
			}
			last = n
		}}
		walk(t, cfg, root)
		if last != size || files != 7 {
			t.Errorf("run %d: %d of %d bytes, %d files", run, last, size, files)
		}
	}
}

func TestStops(t *testing.T) {
	root := tree(t, map[string]string{"a.mbox": numbered(0, 10), "b.zip": zipped(t, named{"1.eml", eml("1")})})
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	err := Walk(ctx, []string{root}, Config{}, func(Item) error { n++; cancel(); return nil }, func(p Problem) { t.Error(p) })
	if !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
	err = Walk(context.Background(), []string{root}, Config{}, func(Item) error { return errStop }, func(p Problem) { t.Error(p) })
	if !errors.Is(err, errStop) {
		t.Error(err)
	}
}

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		name, head string
		maildir    bool
		want       kind
	}{
		{"", eml("x"), false, kindMessage},
		{"", strings.ReplaceAll(eml("x"), "\n", "\r\n"), false, kindMessage},
		{"", "\xef\xbb\xbf\r\n" + eml("x"), false, kindMessage},
		{"", "Received: by x\n\tfor y", false, kindMessage},
		{"", "Subject: x\nDate: y\n\n", false, kindMessage},
		{"page.md", "Title: x\nDate: y\n\ntext", false, kindUnknown},
		{"a.eml", "Title: x\nother: y\n\ntext", false, kindMessage},
		{"a.eml", "{\"json\": 1}", false, kindUnknown},
		{"", "no header", true, kindMessage},
		{"", fromA + eml("x"), true, kindMessage},
		{"", fromA + eml("x"), false, kindMbox},
		{"", fromA, false, kindMbox},
		{"", "From -\nFrom: x\n", false, kindMbox},
		{"", "From here on, nothing.\n", false, kindUnknown},
		{"a.emlx", emlx(eml("x")), false, kindEmlx},
		{"", "12\nFrom: x\n", false, kindEmlx},
		{"", "", false, kindEmpty},
		{"", "\r\n\n", false, kindEmpty},
		{"", strings.Repeat("\x00", 512), false, kindUnknown},
		{"", zst(t, "x"), false, kindZstd},
		{"", "\x50\x2a\x4d\x18\x00", false, kindZstd},
		{"a.eml", zipped(t), false, kindZip},
		{"", tarred(t, named{"x", "y"}), false, kindTar},
		{"", bz2, false, kindBzip2},
	} {
		if got, _ := detect([]byte(c.head), c.name, c.maildir); got != c.want {
			t.Errorf("%.40q: %d, want %d", c.head, got, c.want)
		}
	}
}

func TestSingleMessages(t *testing.T) {
	root := tree(t, map[string]string{
		"1.emlx": emlx(eml("x")), "2.eml": fromA + eml("x"), "3.eml": "\n\n" + eml("x"), "4.eml": strings.TrimSuffix(eml("x"), "\n"),
		"cur/1700000000.a": fromA + eml("x"), "new/": "", "5.eml": eml("x") + "\nFrom here on, nothing.\n",
	})
	g := walk(t, Config{}, root)
	equal(t, "messages", g.raws(), []string{eml("x"), eml("x"), eml("x"), eml("x"), strings.TrimSuffix(eml("x"), "\n"), eml("x") + "\nFrom here on, nothing.\n"})
	if len(g.problems) > 0 || g.items[3].Offset != 2 || g.items[0].Envelope.Sender != "a@example.org" {
		t.Errorf("%v %d %q", g.problems, g.items[3].Offset, g.items[0].Envelope)
	}
	g = walk(t, Config{}, tree(t, map[string]string{"1.emlx": "900\n" + eml("x")}))
	if len(g.items) != 1 || len(g.problems) != 1 {
		t.Errorf("%d items, %v", len(g.items), g.problems)
	}
}

// FuzzDetect reads anything at all, as a whole file: nothing may break, and
// what was read must not depend on how the bytes arrive.
func FuzzDetect(f *testing.F) {
	for _, c := range mboxCases {
		f.Add([]byte(c.in))
	}
	box := fromA + eml("1") + "\n" + fromA + eml("2")
	for _, s := range []string{eml("x"), gz(f, box), zst(f, box), bz2, zipped(f, named{"a.eml", eml("x")}, named{"b.gz", gz(f, box)}), tarred(f, named{"a", box}), emlx(eml("x"))} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, in []byte) {
		read := func(r interface{ Read([]byte) (int, error) }) (all []string) {
			err := Walk(context.Background(), []string{"-"}, Config{Stdin: r, TempDir: dir, MaxMessage: 1 << 16, MaxExpand: 1 << 22},
				func(item Item) error {
					all = append(all, item.Source+" "+string(item.Raw))
					if len(item.Raw) > 1<<16 {
						t.Fatalf("%d bytes", len(item.Raw))
					}
					return nil
				},
				func(p Problem) { all = append(all, p.Error()) })
			must(t, err)
			return all
		}
		equal(t, "read in halves", read(iotest.HalfReader(strings.NewReader(string(in)))), read(strings.NewReader(string(in))))
	})
}
