package imap

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
)

// TestPatience has a server that cannot answer now, in the words of RFC 9051 §7.1, RFC 5530 and of the vendors, at each step of reading a mailbox.
// It is asked again later, the later the more it asks for patience, and goes on where it was: nothing is missed, nothing doubled,
// no message passed over.
func TestPatience(t *testing.T) {
	const messages = 230 // several commands of each kind
	var texts []string
	for i := range messages {
		texts = append(texts, message(i+1, 0))
	}
	throttled, soon := remote.Throttled, remote.Temporary
	for _, c := range []struct {
		say   string
		kind  remote.Kind
		least time.Duration // half of the first step, or what was asked for
	}{
		{"NO [UNAVAILABLE] the mail store is being moved", soon, time.Second / 2},
		{"NO [INUSE] somebody has locked the mailbox", throttled, 15 * time.Second},
		{"NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", throttled, 15 * time.Second},
		{"NO [LIMIT] Rate limit hit", throttled, 15 * time.Second},
		{"NO [THROTTLED] slow down", throttled, 15 * time.Second},
		{"BAD Request is throttled. Suggested Backoff Time: 120000 milliseconds", throttled, 120 * time.Second},
		{"NO [SERVERBUG] out of cheese", soon, time.Second / 2},
		{"* BYE [UNAVAILABLE] shutting down", soon, time.Second / 2},
		{"* BYE Server shutting down for maintenance", soon, time.Second / 2},
		{"* BYE [LIMIT] too many connections", throttled, 15 * time.Second},
		{"* BYE Session was idle for too long, try again later", throttled, 15 * time.Second},
	} {
		for _, step := range []string{"GREETING", "AUTHENTICATE", "LIST", "EXAMINE", "UID SEARCH", "SIZES", "BODIES", "BODIES UID FETCH 101", "BODIES partly"} {
			bye := strings.HasPrefix(c.say, "*")
			if step == "GREETING" && !bye || strings.Contains(c.say, "SERVERBUG") && (strings.HasPrefix(step, "BODIES") || step == "SIZES") {
				continue // of a message that the server breaks down over, TestPoison and TestRefusesOne say more
			}
			t.Run(c.say+" to "+step, func(t *testing.T) {
				f := newFake(messages, 0)
				command, partly := strings.CutSuffix(step, " partly")
				f.stumble(command, trip{partly: partly, say: c.say})
				s := newShelf()
				told, again := s.untilFailed(t, f.config(t))
				if told == nil || told.Kind != c.kind || told.Mailbox != anna || again < c.least {
					t.Fatalf("told of %v, to be tried again in %v", told, again)
				}
				s.mustRead(t, f.config(t))
				s.once(t, texts)
			})
		}
	}
}

// untilFailed watches until a failure is told of, and says after how long it would have been tried again.
func (s *shelf) untilFailed(t *testing.T, cfg Config) (told *remote.Failure, again time.Duration) {
	t.Helper()
	src := open(t, cfg)
	defer src.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := s.watching()
	w.Once, w.Every = false, time.Hour
	w.Failed = func(f *remote.Failure, d time.Duration) {
		told, again = f, d
		cancel()
	}
	if err := remote.Watch(ctx, src, w); !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: %v", err)
	}
	return told, again
}

// TestRefusesOne has a server that refuses one message for good: it is told, and all others are read.
func TestRefusesOne(t *testing.T) {
	f := newFake(30, 0)
	f.trip = func(asked string) trip {
		words := strings.Fields(asked)
		if words[0] == "BODIES" && holds(words[3], 17) {
			return trip{say: "NO [SERVERBUG] this one is broken"}
		}
		return trip{}
	}
	s := newShelf()
	if err := s.read(t, f.config(t)); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for uid := 1; uid <= 30; uid++ {
		if uid != 17 {
			texts = append(texts, message(uid, 0))
		}
	}
	s.once(t, texts)
	if len(s.problems) != 1 || s.problems[0].Offset != 17 {
		t.Errorf("problems: %v", s.problems)
	}
}

// TestNeverPassedOver has a server hang up again and again over the same message because it has no time: the message is not
// left out for that.
func TestNeverPassedOver(t *testing.T) {
	for _, say := range []string{"* BYE [LIMIT] too many of you", "* BYE [UNAVAILABLE] moving", "* BYE try again later", "NO [UNAVAILABLE] moving", "NO [INUSE] locked"} {
		f := newFake(5, 0)
		busy := true
		f.trip = func(asked string) trip {
			words := strings.Fields(asked)
			if busy && words[0] == "BODIES" && holds(words[3], 1) {
				return trip{say: say}
			}
			return trip{}
		}
		s, src := newShelf(), open(t, f.config(t))
		for range 3 * stuckOver {
			if err := remote.Watch(t.Context(), src, s.watching()); err == nil {
				t.Fatalf("%s: it was read", say)
			}
		}
		f.mu.Lock()
		busy = false
		f.mu.Unlock()
		if err := remote.Watch(t.Context(), src, s.watching()); err != nil {
			t.Fatal(err)
		}
		s.once(t, []string{message(1, 0), message(2, 0), message(3, 0), message(4, 0), message(5, 0)})
		if len(s.problems) > 0 {
			t.Errorf("%s: problems %v", say, s.problems)
		}
	}
}

// TestOddAnswers has a server say far too much, and what would move a terminal's cursor: what is told is one line.
func TestOddAnswers(t *testing.T) {
	odd := "\x1b[2J\x07" + strings.Repeat("on and on ", 20_000)
	for _, step := range []string{"AUTHENTICATE", "EXAMINE", "BODIES"} {
		f := newFake(3, 0)
		f.trip = func(asked string) trip {
			if strings.HasPrefix(asked, step) {
				return trip{say: "NO " + odd}
			}
			return trip{}
		}
		s := newShelf()
		err := s.read(t, f.config(t))
		var lines []string
		for _, failure := range remote.Failures(err) {
			lines = append(lines, failure.Error(), failure.Err.Error())
		}
		for _, p := range s.problems {
			lines = append(lines, p.Error())
		}
		if len(lines) == 0 {
			t.Errorf("%s: nothing is told", step)
		}
		for _, line := range lines {
			if len(line) > 1000 || strings.ContainsAny(line, "\x1b\x07\r\n") {
				t.Errorf("%s: told %.200q of %d bytes", step, line, len(line))
			}
		}
	}
}
