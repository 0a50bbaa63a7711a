package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const observeHead = "From: events@shop.example\r\nTo: anna@parliament.example\r\nSubject: Mail\r\nMessage-ID: <%d@shop.example>\r\n" +
	"Date: Mon, 02 Mar 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/%s; boundary=x\r\n\r\n"

// What a mail hides in an invitation that is no attachment, or behind limits, is found
// all the same; what is not read is said; and all of it replays to the byte.
func TestObserveHidden(t *testing.T) {
	var many, links strings.Builder
	fmt.Fprintf(&many, observeHead, 1, "mixed")
	for i := range 1100 {
		fmt.Fprintf(&many, "--x\r\n\r\nhttps://part%d.example/\r\n", i)
	}
	fmt.Fprintf(&links, observeHead, 2, "mixed")
	links.WriteString("--x\r\n\r\n")
	for i := range maxEntries {
		fmt.Fprintf(&links, "https://link%d.example/\r\n", i)
	}
	links.WriteString("--x--\r\n")
	invitation := fmt.Sprintf(observeHead, 3, "alternative") + "--x\r\n\r\nPlease come.\r\n" +
		"--x\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n" +
		"ORGANIZER:mailto:host@organiser.example\r\nDESCRIPTION:Join\\nhttps://a-name-that-is-bro\r\n ken.example/room\\, please\r\n" +
		"END:VEVENT\r\nEND:VCALENDAR\r\n--x--\r\n"

	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	for name, text := range map[string]string{"a.eml": many.String(), "b.eml": links.String(), "c.eml": invitation} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	portcullis := func(args ...string) string {
		var out, errs bytes.Buffer
		run(t.Context(), append([]string{"--data", filepath.Join(dir, "data")}, args...), stdio{strings.NewReader(""), &out, &errs})
		return out.String() + errs.String()
	}
	verdicts := filepath.Join(dir, "verdicts")
	portcullis("scan", "--keep", "all", "--verdicts", verdicts, filepath.Join(dir, "a.eml"), filepath.Join(dir, "b.eml"), filepath.Join(dir, "c.eml"))
	for asked, want := range map[string]string{
		"part1099.example":              "in the message as it stands, bytes",
		"a-name-that-is-broken.example": "in part 2, bytes 106 to 151",
		"organiser.example":             "in part 2",
	} {
		if got := portcullis("hunt", "--no-keep", asked); !strings.Contains(got, want) {
			t.Errorf("hunting %s does not say %q:\n%s", asked, want, got)
		}
	}
	written, err := os.ReadFile(verdicts)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"more than 1000 parts; the rest is not read", "beyond its first 4,000 links"} {
		if !bytes.Contains(written, []byte(want)) {
			t.Errorf("no verdict says %q", want)
		}
	}
	if got := portcullis("replay"); !strings.HasPrefix(got, "3 revisions replayed, 0 differ.") {
		t.Error(got)
	}
}
