package bench

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

const memoryLimit = 300e6

// memory scans one large mbox in a fresh process and asks the system for the most
// it had resident.
func memory(ctx context.Context, b *bench, s *Section) error {
	dir, err := b.folder("memory")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "large.mbox")
	b.say("  writing an mbox of %.1f GB", float64(b.cfg.Mbox)/1e9)
	mails, err := writeLarge(path, b.cfg.Mbox)
	if err != nil {
		return err
	}
	who, err := b.crowd("")
	if err != nil {
		return err
	}
	b.say("  scanning its %d mails", mails)
	o, err := b.run(ctx, "scan", "--quiet", "--people", who, "--data", filepath.Join(dir, "data"), path)
	if err != nil {
		return err
	}
	if o.code != 0 {
		return fmt.Errorf("scan ended with status %d: %s %s", o.code, tail(o.out), tail(o.err))
	}
	s.condition("One mbox of %.1f GB, %d mails: text with links, two in five with attachments up to some megabytes, 20,000 people loaded, everything stored.", float64(b.cfg.Mbox)/1e9, mails)
	if o.peak == 0 {
		s.detail("This system does not tell how much memory a process had.")
	} else {
		s.claim("Most memory resident", fmt.Sprintf("%.0f MB", float64(o.peak)/1e6), "under 300 MB", o.peak < memoryLimit)
	}
	s.tell("Time", "%s wall, %s CPU, %.0f mails per CPU-second", o.wall.Round(time.Second), o.cpu.Round(time.Second), float64(mails)/o.cpu.Seconds())
	return nil
}

// writeLarge writes mails until the file has its size. All differ, so that none
// is known when it is met.
func writeLarge(path string, size int64) (mails int, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	count := &counting{w: bufio.NewWriterSize(f, 1<<20)}
	rnd := rand.New(rand.NewPCG(7, 7))
	at := time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC)
	for count.n < size {
		at = at.Add(time.Duration(1+rnd.IntN(300)) * time.Second)
		if err := writeLargeMail(count, rnd, at, mails); err != nil {
			return 0, fmt.Errorf("write %s: %w", path, err)
		}
		mails++
	}
	if err := count.w.Flush(); err != nil {
		return 0, fmt.Errorf("write %s: %w", path, err)
	}
	return mails, f.Close()
}

type counting struct {
	w *bufio.Writer
	n int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

var largeWords = []string{"committee", "budget", "hearing", "member", "report", "regional", "energy", "question", "answer", "meeting", "Tuesday", "please", "attached", "draft", "amendment", "thank", "you", "the", "of", "and"}

func writeLargeMail(w io.Writer, rnd *rand.Rand, at time.Time, i int) error {
	sender := rnd.IntN(20000)
	fmt.Fprintf(w, "From s%d@org%d.example %s\nFrom: Sender %d <s%d@org%d.example>\nTo: reader%d@parliament.example\nSubject: %s %s %d\nDate: %s\nMessage-ID: <large-%d@org%d.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b%d\"\n\n--b%d\nContent-Type: text/html; charset=utf-8\n\n<html><body>\n",
		sender, sender%3000, at.Format(time.ANSIC), sender, sender, sender%3000, rnd.IntN(1000),
		largeWords[rnd.IntN(len(largeWords))], largeWords[rnd.IntN(len(largeWords))], i, at.Format(time.RFC1123Z), i, sender%3000, i, i)
	for range 3 + rnd.IntN(12) {
		fmt.Fprint(w, "<p>")
		for range 60 {
			fmt.Fprint(w, largeWords[rnd.IntN(len(largeWords))], " ")
		}
		fmt.Fprintf(w, "<a href=\"https://www.org%d.example/page/%d\">more</a></p>\n", rnd.IntN(3000), rnd.IntN(1000000))
	}
	fmt.Fprint(w, "</body></html>\n")
	if i%5 < 2 {
		size := 20_000 << rnd.IntN(5)
		if i%1000 == 1 {
			size = 8 << 20
		}
		fmt.Fprintf(w, "--b%d\nContent-Type: application/octet-stream; name=\"file%d.bin\"\nContent-Disposition: attachment; filename=\"file%d.bin\"\nContent-Transfer-Encoding: base64\n\n", i, i, i)
		if err := writeRandom(w, rnd, size); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "--b%d--\n\n", i)
	return err
}

func writeRandom(w io.Writer, rnd *rand.Rand, size int) error {
	line := make([]byte, 57)
	out := make([]byte, 77)
	out[76] = '\n'
	for range size / len(line) {
		for j := 0; j < len(line); j += 8 {
			bits := rnd.Uint64()
			for k := j; k < min(j+8, len(line)); k++ {
				line[k] = byte(bits)
				bits >>= 8
			}
		}
		base64.StdEncoding.Encode(out, line)
		if _, err := w.Write(out); err != nil {
			return err
		}
	}
	return nil
}
