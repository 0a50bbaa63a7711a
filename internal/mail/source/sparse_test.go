package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestBeyondFourGigabytes goes on in an mbox behind offsets of 31, 32 and 40 bits: messages are found where they are, and a run that is
// stopped there goes on there.
func TestBeyondFourGigabytes(t *testing.T) {
	for _, base := range []int64{1<<31 - 60, 1<<32 - 60, 1 << 32, 5 << 30, 1<<40 + 7} {
		t.Run(fmt.Sprint(base), func(t *testing.T) {
			file, starts := sparseMbox(t, base)
			info, err := os.Stat(file)
			must(t, err)
			real, err := filepath.EvalSymlinks(file)
			must(t, err)
			k := keeper{}
			k.put(Position{ // the first message, which fills the hole, has been read
				File: real, Size: base, ModTime: info.ModTime().UTC().Truncate(1000), Head: headOf(t, file), Offset: base, Tail: tailSum(make([]byte, tailBytes)), Items: 1,
			})
			var want []string
			for i, at := range starts {
				want = append(want, fmt.Sprintf("%d@%d", i+1, at))
			}
			var got []string
			for _, limit := range []int{1, 1, -1, -1} {
				got = append(got, k.run(t, limit, file)...)
			}
			if !slices.Equal(got, want) {
				t.Errorf("read %q, want %q", got, want)
			}
		})
	}
}

// sparseMbox writes a file with a message at its beginning, a hole, which takes no room on the disk, and messages from base on.
func sparseMbox(t testing.TB, base int64) (file string, starts []int64) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "a.mbox")
	f, err := os.Create(file)
	must(t, err)
	_, err = f.WriteString(fromA + eml("0"))
	must(t, err)
	if err := f.Truncate(base - 2); err != nil {
		t.Skipf("no files of this size here: %v", err)
	}
	at := base
	for i := range 4 {
		text := fromA + eml(fmt.Sprint(i+1)) + "\n"
		if _, err := f.WriteAt([]byte(text), at); err != nil {
			t.Skipf("no files of this size here: %v", err)
		}
		starts = append(starts, at)
		at += int64(len(text))
	}
	must(t, f.Close())
	return file, starts
}

func headOf(t testing.TB, file string) string {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	head := make([]byte, headBytes)
	_, err = f.ReadAt(head, 0)
	must(t, err)
	return fingerprint(head)
}

// BenchmarkSparse reads through a message of 5 GiB, of which only the first MiB is kept, to those behind it.
func BenchmarkSparse(b *testing.B) {
	const base = 5 << 30
	file, starts := sparseMbox(b, base)
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	must(b, err)
	_, err = f.WriteAt([]byte("\n\n"), base-2)
	must(b, errors.Join(err, f.Close()))
	b.SetBytes(base)
	for b.Loop() {
		var places []int64
		problems := 0
		err := Walk(context.Background(), []string{file}, Config{MaxMessage: 1 << 20}, func(item Item) error {
			places = append(places, item.Offset)
			return nil
		}, func(Problem) { problems++ })
		must(b, err)
		if want := append([]int64{0}, starts...); !slices.Equal(places, want) || problems != 1 {
			b.Fatalf("messages at %v with %d problems, want %v", places, problems, want)
		}
	}
}
