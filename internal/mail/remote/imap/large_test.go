package imap

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// huge has a fake server tell of a mailbox of a given number of messages of a given size, whose bytes are made up as they are asked for.
func huge(n int, size int64) *fakeServer {
	f := newFake(0, 0)
	f.exists, f.next = n, uint32(n+1)
	f.known = func(uid uint32) bool { return uid >= 1 && int(uid) <= n }
	f.size = func(uint32) int64 { return size }
	f.uids = func(from, to uint32) string {
		var b strings.Builder
		for uid := from; uid <= min(to, uint32(n)); uid++ {
			fmt.Fprintf(&b, " %d", uid)
		}
		return b.String()
	}
	page := []byte(strings.Repeat("Nothing else is on it, as far as we know, and nothing will be.\r\n", 1024))
	f.write = func(w io.Writer, uid uint32, from, n int64) error {
		head := fmt.Sprintf("From: office@partner.example\r\nSubject: %d\r\n\r\n", uid)
		if from < int64(len(head)) {
			part := head[from:min(int64(len(head)), from+n)]
			if _, err := io.WriteString(w, part); err != nil {
				return err
			}
			n -= int64(len(part))
		}
		for n > 0 {
			part := page[:min(n, int64(len(page)))]
			if _, err := w.Write(part); err != nil {
				return err
			}
			n -= int64(len(part))
		}
		return nil
	}
	return f
}

// TestLargeMailbox has a mailbox of three million messages, 200 GB in all: no command asks for what is far ahead, and a run that was
// stopped goes on where it was.
func TestLargeMailbox(t *testing.T) {
	const n, size = 3_000_000, 70_000
	f := huge(n, size)
	s := newShelf()
	s.full = 4500
	if err := s.read(t, f.config(t)); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	if first := f.heard(); !holdsCommand(first, "UID SEARCH UID 1:10000") {
		t.Errorf("it asked %q", first[:min(8, len(first))])
	}
	s.full = 6000
	if err := s.read(t, f.config(t)); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	again := f.heard()
	if !holdsCommand(again, "UID SEARCH UID 4501:14500") {
		t.Errorf("it went on with %q", again[:min(8, len(again))])
	}
	for i, item := range s.items {
		if item.Offset != int64(i+1) || len(item.Raw) != size {
			t.Fatalf("message %d is UID %d with %d bytes", i, item.Offset, len(item.Raw))
		}
	}
	if len(s.items) != 6000 {
		t.Errorf("%d messages", len(s.items))
	}
	for _, asked := range again {
		if strings.HasPrefix(asked, "UID SEARCH") && strings.Contains(asked, "*") {
			t.Errorf("it asked %q of three million messages", asked)
		}
	}
}

func holdsCommand(list []string, want string) bool {
	for _, asked := range list {
		if strings.HasPrefix(asked, want) {
			return true
		}
	}
	return false
}

// TestGaps has few messages whose numbers lie far apart, up to the last there can be.
func TestGaps(t *testing.T) {
	numbers := []uint32{3, 9_999, 10_000, 10_001, 500_000, 500_001, 4_000_000_000, 4_294_967_294}
	f := newFake(0, 0)
	f.exists, f.next = len(numbers), 4_294_967_295
	in := func(from, to uint32) (list []uint32) {
		for _, uid := range numbers {
			if uid >= from && uid <= to {
				list = append(list, uid)
			}
		}
		return list
	}
	f.known = func(uid uint32) bool { return len(in(uid, uid)) == 1 }
	f.size = func(uid uint32) int64 { return int64(len(message(int(uid), 0))) }
	f.write = func(w io.Writer, uid uint32, from, n int64) error {
		_, err := io.WriteString(w, message(int(uid), 0)[from:from+n])
		return err
	}
	f.uids = func(from, to uint32) string {
		list := in(from, to)
		if to == 1<<32-1 && len(list) == 0 {
			list = numbers[len(numbers)-1:] // n:* always holds the last
		}
		return strings.TrimRight(" "+strings.Trim(fmt.Sprint(list), "[]"), " ")
	}
	var texts []string
	for _, uid := range numbers {
		texts = append(texts, message(int(uid), 0))
	}
	s := newShelf()
	s.mustRead(t, f.config(t))
	s.once(t, texts)
	searches := 0
	for _, asked := range f.heard() {
		if strings.HasPrefix(asked, "UID SEARCH") {
			searches++
		}
	}
	if searches > 15 {
		t.Errorf("%d searches for %d messages", searches, len(numbers))
	}
	s.mustRead(t, f.config(t))
	s.once(t, texts)
}

// TestHugeMessage has a server that tells of one message of 200 GB among others: its beginning is read, and that is told.
func TestHugeMessage(t *testing.T) {
	f := huge(5, 10_000)
	f.size = func(uid uint32) int64 {
		if uid == 3 {
			return 200 << 30
		}
		return 10_000
	}
	cfg := f.config(t)
	cfg.MaxMessage = 9 << 20
	s := newShelf()
	if err := s.read(t, cfg); err != nil {
		t.Fatal(err)
	}
	if len(s.items) != 5 || len(s.items[2].Raw) != 9<<20 || len(s.problems) != 1 || !strings.Contains(s.problems[0].Error(), "max_message") {
		t.Errorf("%d messages, problems %v", len(s.items), s.problems)
	}
	var read int
	for _, asked := range f.heard() {
		if strings.HasPrefix(asked, "BODIES") && strings.Contains(asked, "FETCH 3 ") {
			read++
		}
	}
	if read > 3 { // of 4 MiB each, the first with the others
		t.Errorf("it asked %d times for parts of it", read)
	}
}

// TestSizesLie has a server that says messages have 200 GB, and 3 bytes, and gives others.
func TestSizesLie(t *testing.T) {
	f := newFake(4, 0)
	f.body = f.size
	told := map[uint32]int64{1: 200 << 30, 2: 3, 3: 0}
	f.size = func(uid uint32) int64 {
		if size, ok := told[uid]; ok {
			return size
		}
		return f.body(uid)
	}
	var texts []string
	for uid := 1; uid <= 4; uid++ {
		texts = append(texts, message(uid, 0))
	}
	s := newShelf()
	if err := s.read(t, f.config(t)); err != nil {
		t.Fatal(err)
	}
	s.once(t, texts)
}
