package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gomessage "github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	"github.com/emersion/go-message/mail"

	"portcullis.example/portcullis/internal/testenv"
)

// seen is what two programs must agree on about a message.
type seen struct {
	subject, from, plain, html string
	files                      []string // hashes, sorted
	rtf                        bool     // the body was kept as RTF
}

func (s seen) String() string {
	return strings.Join(append([]string{s.subject, s.from, hash(s.plain), hash(s.html)}, s.files...), " | ")
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(s), " ")))
	return hex.EncodeToString(sum[:6])
}

// see reads a message with a MIME library.
func see(t *testing.T, raw []byte) (s seen) {
	t.Helper()
	if bytes.HasPrefix(raw, quotedFromLine) { // as readpst writes before attached messages
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	e, err := gomessage.Read(bytes.NewReader(raw))
	if err != nil && !gomessage.IsUnknownCharset(err) {
		t.Fatalf("%v in\n%.2000s", err, raw)
	}
	h := mail.Header{Header: e.Header}
	s.subject, _ = h.Subject()
	s.subject = strings.Join(strings.Fields(s.subject), " ")
	if list, err := h.AddressList("From"); err == nil && len(list) > 0 {
		s.from = list[0].Address
	}
	s.entity(t, e)
	slices.Sort(s.files)
	return s
}

func (s *seen) entity(t *testing.T, e *gomessage.Entity) {
	t.Helper()
	if parts := e.MultipartReader(); parts != nil {
		for {
			p, err := parts.NextPart()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil && !gomessage.IsUnknownCharset(err) {
				t.Fatal(err)
			}
			s.entity(t, p)
		}
	}
	b, err := io.ReadAll(e.Body)
	if err != nil {
		t.Fatal(err)
	}
	kind, _, _ := e.Header.ContentType()
	disposition := strings.ToLower(e.Header.Get("Content-Disposition"))
	switch {
	case kind == "message/rfc822":
		inner := see(t, b)
		s.files = append(s.files, "message:"+inner.String())
	case kind == "text/calendar": // readpst writes one for invitations
	case strings.Contains(disposition, "rtf-body.rtf"): // and keeps RTF as it is
		s.rtf = true
	case strings.HasPrefix(disposition, "attachment") || strings.HasPrefix(disposition, "inline") && strings.Contains(disposition, "filename"):
		sum := sha256.Sum256(b)
		s.files = append(s.files, hex.EncodeToString(sum[:6]))
	case kind == "text/plain":
		s.plain += string(b)
	case kind == "text/html":
		s.html += string(b)
	}
}

// walked reads a data file as scan does, by folder.
func walked(t *testing.T, path string) map[string][]seen {
	t.Helper()
	got := map[string][]seen{}
	err := Walk(context.Background(), []string{path}, Config{}, func(i Item) error {
		got[i.Kept.Folder] = append(got[i.Kept.Folder], see(t, i.Raw))
		return nil
	}, func(p Problem) { t.Errorf("%v", p) })
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// readpst asks the tool of the same name, which shares no code with ours. It
// writes folders as folders, below one named after the file.
func readpst(t *testing.T, path string) map[string][]seen {
	t.Helper()
	program, err := exec.LookPath("readpst")
	if err != nil {
		if testenv.CI() {
			t.Fatal("readpst is missing: in CI it must be there (Debian: pst-utils)")
		}
		t.Skip("readpst is missing; install pst-utils to compare with it")
	}
	out := t.TempDir()
	if text, err := exec.Command(program, "-j", "0", "-e", "-D", "-8", "-t", "e", "-o", out, path).CombinedOutput(); err != nil {
		t.Fatalf("readpst: %v\n%s", err, text)
	}
	got := map[string][]seen{}
	err = filepath.WalkDir(out, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".eml" {
			return err
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(out, filepath.Dir(name))
		_, folder, _ := strings.Cut(filepath.ToSlash(rel), "/")
		got[folder] = append(got[folder], see(t, raw))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestSampleFiles compares real data files with readpst, if some are named by
// PORTCULLIS_TEST_PST (separated like PATH). None is in the repository: they are other people's mail.
func TestSampleFiles(t *testing.T) {
	list := os.Getenv("PORTCULLIS_TEST_PST")
	if list == "" {
		t.Skip("PORTCULLIS_TEST_PST is unset; set it to .pst and .ost files to compare them with readpst")
	}
	for _, path := range filepath.SplitList(list) {
		t.Run(filepath.Base(path), func(t *testing.T) { compare(t, walked(t, path), readpst(t, path)) })
	}
}

func compare(t *testing.T, got, want map[string][]seen) {
	t.Helper()
	for folder := range want {
		if len(got[folder]) != len(want[folder]) {
			t.Errorf("%q: %d messages, readpst finds %d", folder, len(got[folder]), len(want[folder]))
		}
		sorted(got[folder])
		sorted(want[folder])
		ours, theirs := lines(got[folder]), lines(want[folder])
		for i := range min(len(ours), len(theirs)) {
			if ours[i] != theirs[i] && !want[folder][i].rtf {
				t.Errorf("%q:\n ours    %s\n readpst %s", folder, ours[i], theirs[i])
			}
		}
	}
	for folder := range got {
		if want[folder] == nil {
			t.Errorf("%q: %d messages, readpst has no such folder", folder, len(got[folder]))
		}
	}
}

func lines(list []seen) (out []string) {
	for _, s := range list {
		out = append(out, s.String())
	}
	return out
}

func sorted(list []seen) {
	slices.SortFunc(list, func(a, b seen) int { return strings.Compare(a.String(), b.String()) })
}
