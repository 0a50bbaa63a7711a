package imap

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeServer is an IMAP server with one folder whose messages are made up as they are asked for. A test can have it misbehave anywhere.
type fakeServer struct {
	start    sync.Once // with the first configuration: what a test sets, it sets before
	port     int
	caps     string
	validity int
	next     uint32                       // UIDNEXT
	exists   int                          // messages that it says there are
	uids     func(from, to uint32) string // those in a range, as SEARCH lists them
	known    func(uid uint32) bool
	size     func(uid uint32) int64
	body     func(uid uint32) int64                             // its size in truth; nil: size
	write    func(w io.Writer, uid uint32, from, n int64) error // so much of a message

	mu    sync.Mutex
	asked []string                  // guarded by mu: what was asked, the first words of each
	trip  func(command string) trip // guarded by mu: what is said in its place; nil: nothing
}

// trip is where a server stumbles.
type trip struct {
	partly bool   // it answers as it should before, as far as the first message
	say    string // then this; with a "*" first it hangs up
}

// newFake is a server with n messages of message(uid, padding).
func newFake(n, padding int) *fakeServer {
	f := &fakeServer{
		caps: "IMAP4rev1 SASL-IR AUTH=PLAIN", validity: 7, next: uint32(n + 1), exists: n,
		known: func(uid uint32) bool { return uid >= 1 && int(uid) <= n },
		size:  func(uid uint32) int64 { return int64(len(message(int(uid), padding))) },
		write: func(w io.Writer, uid uint32, from, n int64) error {
			text := message(int(uid), padding)
			_, err := io.WriteString(w, text[from:from+n])
			return err
		},
	}
	f.uids = func(from, to uint32) string {
		var b strings.Builder
		for uid := from; uid <= min(to, uint32(n)); uid++ {
			fmt.Fprintf(&b, " %d", uid)
		}
		return b.String()
	}
	return f
}

// stumble has it stumble over the next command that begins so, once.
func (f *fakeServer) stumble(command string, at trip) {
	f.mu.Lock()
	defer f.mu.Unlock()
	done := false
	f.trip = func(asked string) trip {
		if done || !strings.HasPrefix(asked, command) {
			return trip{}
		}
		done = true
		return at
	}
}

// heard are the first words of what was asked, and forgets them.
func (f *fakeServer) heard() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.asked
	f.asked = nil
	return list
}

// note keeps what was asked, and says where it is to stumble.
func (f *fakeServer) note(asked string) trip {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, asked)
	if f.trip == nil {
		return trip{}
	}
	return f.trip(asked)
}

func (f *fakeServer) serve(conn net.Conn) {
	out := bufio.NewWriterSize(conn, 64<<10)
	defer out.Flush()
	if at := f.note("GREETING"); at.say != "" {
		fmt.Fprintf(out, "%s\r\n", at.say)
		return
	}
	fmt.Fprintf(out, "* OK [CAPABILITY %s] hello\r\n", f.caps)
	_ = out.Flush()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		tag, asked, _ := strings.Cut(lines.Text(), " ")
		if strings.HasPrefix(asked, "UID FETCH") {
			if asked = "SIZES " + asked; strings.Contains(asked, "BODY.PEEK") {
				asked = "BODIES" + asked[len("SIZES"):]
			}
		}
		at := f.note(asked)
		if at.say == "" || at.partly {
			if f.answer(out, asked, at.partly) != nil {
				return
			}
		}
		switch {
		case at.say == "":
			fmt.Fprintf(out, "%s OK done\r\n", tag)
		case strings.HasPrefix(at.say, "*"):
			fmt.Fprintf(out, "%s\r\n", at.say)
			return
		default:
			fmt.Fprintf(out, "%s %s\r\n", tag, at.say)
		}
		if out.Flush() != nil {
			return
		}
	}
}

// answer says what belongs before the end of a command; with partly, of the first message only.
func (f *fakeServer) answer(out io.Writer, asked string, partly bool) error {
	words := strings.Fields(asked)
	switch {
	case words[0] == "CAPABILITY":
		fmt.Fprintf(out, "* CAPABILITY %s\r\n", f.caps)
	case words[0] == "LIST":
		fmt.Fprint(out, "* LIST () \"/\" INBOX\r\n")
	case words[0] == "EXAMINE":
		fmt.Fprintf(out, "* %d EXISTS\r\n* OK [UIDVALIDITY %d] x\r\n* OK [UIDNEXT %d] x\r\n", f.exists, f.validity, f.next)
	case words[0] == "UID" && words[1] == "SEARCH":
		from, to := uidRange(words[len(words)-1])
		fmt.Fprintf(out, "* SEARCH%s\r\n", f.uids(from, to))
	case words[0] == "SIZES" || words[0] == "BODIES":
		return f.fetch(out, words, partly)
	}
	return nil
}

func (f *fakeServer) fetch(out io.Writer, words []string, partly bool) error {
	for part := range strings.SplitSeq(words[3], ",") {
		from, to := uidRange(part)
		for uid := from; uid <= to; uid++ {
			if !f.known(uid) {
				continue
			}
			if err := f.one(out, words, uid); err != nil || partly {
				return err
			}
		}
	}
	return nil
}

func (f *fakeServer) one(out io.Writer, words []string, uid uint32) error {
	size := f.size(uid)
	if words[0] == "SIZES" {
		_, err := fmt.Fprintf(out, "* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE \"01-Mar-2026 12:00:00 +0000\")\r\n", uid, uid, size)
		return err
	}
	asked := strings.Join(words, " ")
	var from, n int64
	if _, err := fmt.Sscanf(asked[strings.Index(asked, "[]<"):], "[]<%d.%d>", &from, &n); err != nil {
		return err
	}
	if f.body != nil {
		size = f.body(uid)
	}
	n = max(min(n, size-from), 0)
	if _, err := fmt.Fprintf(out, "* %d FETCH (UID %d BODY[]<%d> {%d}\r\n", uid, uid, from, n); err != nil {
		return err
	}
	if err := f.write(out, uid, from, n); err != nil {
		return err
	}
	_, err := fmt.Fprint(out, ")\r\n")
	return err
}

// uidRange reads "7", "7:9" or "7:*".
func uidRange(set string) (from, to uint32) {
	first, last, several := strings.Cut(set, ":")
	a, _ := strconv.ParseUint(first, 10, 32)
	b, err := strconv.ParseUint(last, 10, 32)
	switch {
	case !several:
		b = a
	case err != nil:
		b = 1<<32 - 1
	}
	return uint32(a), uint32(b)
}

func (f *fakeServer) config(t testing.TB) Config {
	f.start.Do(func() { f.port = scripted(t, f.serve) })
	return Config{Host: "127.0.0.1", Port: f.port, TLS: tlsNone, Mailbox: anna, PasswordFile: secretFile(t, "pw"), TimeoutSeconds: 20}
}
