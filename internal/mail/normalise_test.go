package mail

import (
	"bytes"
	"strings"
	"testing"
)

func TestNormalise(t *testing.T) {
	raw := "From someone Tue Mar  4 10:00:00 2025\r\nReceived: from a by b;\r\n\tTue, 4 Mar 2025 10:00:00 +0000\r\n" +
		"From: Rosa <rosa@garden.example>\r\nTo: Anna <anna@house.example>\r\nSubject: Re: [garden] The hedge\r\n" +
		"Date: Tue, 4 Mar 2025 10:00:00 +0000\r\nList-Id: garden\r\nPrecedence: list\r\nX-Collector: 1\r\nAuthentication-Results: x; spf=pass\r\n" +
		"Message-ID: <1@garden.example>\r\n\r\nDear anna@house.example,\r\nthe hedge.\r\n" +
		"_______________________________________________\r\ngarden mailing list\r\ngarden@lists.example\r\n"
	got := string(Normalise([]byte(raw)))
	want := "From: Rosa <rosa@garden.example>\nSubject: Re: The hedge\nMessage-ID: <1@garden.example>\nTo: reader@example.org\n\nDear reader@example.org,\nthe hedge.\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if again := string(Normalise([]byte(got))); again != got {
		t.Errorf("normalising twice changes it:\n%s", again)
	}
}

// A ruled line without talk of a list is the writer's own, and so is a boundary.
func TestNormaliseKeepsText(t *testing.T) {
	body := "A\n--------------------------\nB\n--b--\n"
	if got := string(Normalise([]byte("From: a@b.example\n\n" + body))); !strings.HasSuffix(got, body) {
		t.Errorf("got %q", got)
	}
}

func FuzzNormalise(f *testing.F) {
	f.Add([]byte("From: a@b.example\nSubject: [x] y\n\nbody\n"))
	f.Add([]byte("\n\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		out := Normalise(raw)
		if bytes.Contains(out, []byte("\r\n")) || len(out) > 40*len(raw)+200 {
			t.Fatalf("%d bytes of %d", len(out), len(raw))
		}
	})
}
