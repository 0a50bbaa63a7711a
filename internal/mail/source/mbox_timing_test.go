package source

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// writeMbox writes an mbox of about size bytes with messages of ordinary sizes.
func writeMbox(t testing.TB, path string, size int) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	w := bufio.NewWriter(f)
	for n, i := 0, 0; n < size; i++ {
		k, _ := fmt.Fprintf(w, "%sReceived: from relay.example.org by mx.example.com; Mon, 1 Jan 2024 10:00:00 +0000\nFrom: Sender %d <s%d@example.org>\nTo: b@example.com\nSubject: Message %d\nMessage-ID: <%d@example.org>\n\n", fromA, i, i%97, i, i)
		n += k
		for j := range 20 + i*7919%300 {
			k, _ = fmt.Fprintf(w, "Line %d of an ordinary text From which nothing follows, as long as lines are.\n", j)
			n += k
		}
		k, _ = w.WriteString("\n")
		n += k
	}
	must(t, w.Flush())
	must(t, f.Close())
}

func BenchmarkMbox(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.mbox")
	writeMbox(b, path, 256<<20)
	info, err := os.Stat(path)
	must(b, err)
	b.SetBytes(info.Size())
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := Walk(context.Background(), []string{path}, Config{}, func(Item) error { n++; return nil }, func(p Problem) { b.Fatal(p) })
		must(b, err)
		if n < 1000 {
			b.Fatal(n)
		}
	}
}
