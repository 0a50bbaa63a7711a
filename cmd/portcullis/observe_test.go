package main

import (
	"archive/zip"
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
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

// What stands where no mail program shows or follows it is found as well: attributes without a use, comments, tags
// that never end, around the parts, in header fields and attached messages, in archives by hash.
func TestObserveOutOfSight(t *testing.T) {
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	w, err := z.Create("papers/run.exe")
	if err != nil {
		t.Fatal(err)
	}
	inner := []byte("MZ invented")
	w.Write(inner)
	z.Close()
	text := "From: \"security@shown.example\" <a@sender.example>\r\nTo: anna@parliament.example\r\nSubject: [EXTERNAL] Papers\r\nMessage-ID: <x.y@sender.example>\r\n" +
		"Return-Receipt-To: <r@receipt.example>\r\nArchived-At: <https://archived.example/1>\r\nList-Id: News <news.list.example>\r\n" +
		"Date: Mon, 02 Mar 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" +
		"see https://preamble.example/a\r\n--x\r\nContent-Type: text/html\r\n\r\n<p data-url=\"https://attribute.example/\">a</p><!-- https://comment.example/ -->" +
		"<iframe srcdoc=\"&lt;img src=&quot;https://srcdoc.example/&quot;&gt;\"></iframe><amp-img src=\"//unknown.example/\"></amp-img><a href=\"https://broken.example/>\r\n" +
		"--x\r\nContent-Type: text/plain\r\n\r\nDo not visit spelled[dot]example or spaced (dot) example\r\n" +
		"--x\r\nContent-Type: message/rfc822\r\n\r\nFrom: b@enclosed.example\r\nSubject: Inner\r\nMessage-ID: <in.ner@enclosed.example>\r\n\r\nhello\r\n" +
		"--x\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(packed.Bytes()) + "\r\n--x--\r\nor https://epilogue.example/b\r\n"
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	name := filepath.Join(dir, "a.eml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	portcullis := func(args ...string) string {
		var out, errs bytes.Buffer
		run(t.Context(), append([]string{"--data", filepath.Join(dir, "data")}, args...), stdio{strings.NewReader(""), &out, &errs})
		return out.String() + errs.String()
	}
	portcullis("scan", name)
	for _, asked := range []string{
		"shown.example", "receipt.example", "archived.example", "list.example", "preamble.example", "attribute.example", "comment.example",
		"srcdoc.example", "unknown.example", "broken.example", "spelled.example", "spaced.example", "enclosed.example", "epilogue.example", "<x.y@sender.example>", "<in.ner@enclosed.example>",
		fmt.Sprintf("%x", sha256.Sum256(inner)), fmt.Sprintf("%x", md5.Sum(packed.Bytes())), fmt.Sprintf("%x", sha1.Sum(packed.Bytes())), "filename:run.exe",
	} {
		if got := portcullis("hunt", "--no-keep", asked); !strings.Contains(got, "1 mail") {
			t.Errorf("hunting %s:\n%s", asked, got)
		}
	}
	for _, asked := range []string{"subject:Papers", "subject:Inner", "b@enclosed.example", "<r@receipt.example>"} {
		if got := portcullis("hunt", "--no-keep", "--purpose", "test", asked); !strings.Contains(got, "1 mail") {
			t.Errorf("hunting %s:\n%s", asked, got)
		}
	}
}

// TestObserveArchiveOfMany: an archive of thousands of files keeps nothing else out; a file's name in it is found behind a
// folder of either kind.
func TestObserveArchiveOfMany(t *testing.T) {
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	for i := range maxEntries {
		name := fmt.Sprintf("f%d.txt", i)
		if i == 0 {
			name = `papers\run.exe`
		}
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, i)
	}
	z.Close()
	raw := fmt.Sprintf(observeHead, 4, "mixed") + "--x\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString(packed.Bytes()) + "\r\n--x\r\nContent-Type: text/html; name=b.html\r\nContent-Disposition: attachment; filename=b.html\r\n\r\n" +
		"<a href=\"https://behind.example/\">a</a>\r\n--x--\r\n"
	judge, err := newBareJudge(defaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	entries, _ := observe(judge.NewInput(message.Parse([]byte(raw), message.DefaultLimits()), &mail.Facts{Schema: 1}), nil)
	for _, want := range []portcullis.Observable{{Type: portcullis.TypeDomain, Value: "behind.example"}, {Type: portcullis.TypeFileName, Value: "b.html"}, {Type: portcullis.TypeFileName, Value: "run.exe"}} {
		if !slices.ContainsFunc(entries, func(e archive.Entry) bool { return e.Observable == want }) {
			t.Errorf("among %d values there is no %v", len(entries), want)
		}
	}
}
