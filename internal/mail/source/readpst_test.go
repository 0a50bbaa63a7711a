package source

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/mail/source/pst/psttest"
)

// inventedMailbox has what data files have: several folders, bodies of one block
// and of hundreds, attachments of all kinds, names beyond Latin, messages that are no mail.
func inventedMailbox(form psttest.Form, crypt byte) psttest.Mailbox {
	noise := rand.New(rand.NewChaCha8([32]byte{1}))
	large := make([]byte, 600_000)
	for i := range large {
		large[i] = byte(noise.Uint32())
	}
	when := time.Date(2031, 3, 4, 5, 6, 7, 0, time.UTC)
	header := "Return-Path: <ann@example.com>\r\nReceived: from a.example by b.example; Tue, 4 Mar 2031 05:06:07 +0000\r\n" +
		"Authentication-Results: b.example; dkim=pass header.d=example.com\r\nFrom: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: =?utf-8?q?First?=\r\n" +
		"Message-ID: <first@example.com>\r\nContent-Type: multipart/alternative; boundary=gone\r\n\r\n"
	inner := psttest.Message{Subject: "Inside", From: "carl@example.net", FromName: "Carl", Plain: "what was forwarded", When: when,
		Attachments: []psttest.Attachment{{Name: "deep.bin", Data: []byte("deep down")}}}
	many := psttest.Message{Subject: "Многим", From: "ann@example.com", FromName: "Анна", Plain: "всем " + strings.Repeat("длинный текст ", 3000), When: when}
	for i := range 300 {
		many.Recipients = append(many.Recipients, psttest.Recipient{Name: fmt.Sprint("Член ", i), Address: fmt.Sprintf("m%d@example.org", i), Kind: uint32(1 + i%2)})
	}
	inbox := psttest.Folder{Name: "Inbox", Messages: []psttest.Message{
		{Subject: "First", Headers: header, From: "ann@example.com", FromName: "Ann", Plain: "one\r\ntwo\r\n", HTML: []byte("<p>one<p>two"), When: when, Receiver: "bob@example.org", MessageID: "<first@example.com>"},
		many,
		{Subject: "\x01\x05Re: attached", From: "dora@example.com", FromName: "Dora", Plain: "see attached", When: when, Attachments: []psttest.Attachment{
			{Name: "list.csv", Type: "text/csv", Data: []byte("a,b\r\n")}, {Name: "large.bin", Data: large},
			{Name: "Inside", Message: &inner}, {Name: "logo.png", Type: "image/png", ContentID: "logo@x", Data: []byte("\x89PNG")},
		}},
		{Class: "IPM.Contact", Subject: "no mail"},
	}}
	inbox.Folders = []psttest.Folder{{Name: "Приложения/2031", Messages: []psttest.Message{{Subject: "Deeper", From: "e@example.com", Plain: "text", When: when}}}}
	return psttest.Mailbox{Form: form, Crypt: crypt, Name: "Invented", Folders: []psttest.Folder{inbox,
		{Name: "Gone out", Sent: true, Messages: []psttest.Message{{Subject: "Sent", From: "bob@example.org", Plain: "text", When: when,
			Recipients: []psttest.Recipient{{Address: "a@example.com", Kind: 1}, {Address: "b@example.com", Kind: 3}}}}},
		{Name: "Bin", Deleted: true}}}
}

func writePST(t testing.TB, box psttest.Mailbox) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bob.pst")
	if err := os.WriteFile(path, psttest.Write(box), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// everyForm runs a test with each form and encoding of the file, and with its trees divided finely.
func everyForm(t *testing.T, run func(t *testing.T, box psttest.Mailbox)) {
	t.Helper()
	for form, name := range []string{"unicode", "ansi", "large"} {
		for crypt := range byte(3) {
			t.Run(fmt.Sprint(name, "/", crypt), func(t *testing.T) { run(t, inventedMailbox(psttest.Form(form), crypt)) })
		}
		t.Run(name+"/divided", func(t *testing.T) {
			box := inventedMailbox(psttest.Form(form), 1)
			box.Fanout, box.Deflate = 3, true
			run(t, box)
		})
	}
}

// TestPSTLikeReadpst compares each message with what readpst makes of it.
func TestPSTLikeReadpst(t *testing.T) {
	everyForm(t, func(t *testing.T, box psttest.Mailbox) {
		if box.Fanout > 0 {
			box.Fanout = 30     // it follows no tree that is higher than real ones are
			box.Deflate = false // which it was never tried with where trees are small: it crashes
		}
		box.Folders[0].Folders[0].Name = "Reports" // it writes a slash as another character than we do
		path := writePST(t, box)
		compare(t, walked(t, path), readpst(t, path))
	})
}

func TestPSTItems(t *testing.T) {
	everyForm(t, func(t *testing.T, box psttest.Mailbox) {
		path := writePST(t, box)
		items := map[string]Item{}
		var order []string
		err := Walk(context.Background(), []string{path}, Config{}, func(i Item) error {
			subject := see(t, i.Raw).subject
			items[subject], order = i, append(order, subject)
			return nil
		}, func(p Problem) { t.Error(p) })
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"Deeper", "First", "Многим", "Re: attached", "Sent"}; !slices.Equal(order, want) {
			t.Fatalf("messages %q, want %q", order, want)
		}
		first := items["First"]
		if want := (Kept{Folder: "Inbox"}); first.Kept.Folder != want.Folder || first.Kept.State != 0 {
			t.Errorf("kept %+v", first.Kept)
		}
		if !strings.HasPrefix(first.Source, "bob.pst!Inbox/0x") || first.Mailbox != "bob" || !first.Rebuilt {
			t.Errorf("item %q, mailbox %q", first.Source, first.Mailbox)
		}
		if !slices.Equal(first.Envelope.Recipients, []string{"bob@example.org"}) || first.Envelope.Time.Year() != 2031 {
			t.Errorf("envelope %+v", first.Envelope)
		}
		for _, want := range []string{"Authentication-Results: b.example; dkim=pass", "Return-Path: <ann@example.com>\r\nReceived:"} {
			if !bytes.Contains(first.Raw, []byte(want)) {
				t.Errorf("the header lacks %q", want)
			}
		}
		if got := items["Deeper"].Source; !strings.HasPrefix(got, "bob.pst!Inbox/Приложения_2031/0x") {
			t.Errorf("source %q", got)
		}
		if sent := items["Sent"]; sent.Kept.State != Sent || !slices.Equal(sent.Envelope.Recipients, []string{"a@example.com", "b@example.com"}) {
			t.Errorf("sent: %+v %+v", sent.Kept, sent.Envelope)
		}
		if got := bytes.Count(items["Многим"].Raw, []byte("@example.org>")); got != 300 {
			t.Errorf("%d recipients of 300", got)
		}
	})
}

// TestPSTResumes ends a run behind each message in turn and goes on.
func TestPSTResumes(t *testing.T) {
	path := writePST(t, inventedMailbox(psttest.Unicode, 1))
	var whole []string
	must(t, Walk(context.Background(), []string{path}, Config{}, func(i Item) error { whole = append(whole, i.Source); return nil }, func(p Problem) { t.Error(p) }))
	for stop := range whole {
		var at Position
		var got []string
		for run := range 2 {
			cfg := Config{}
			if run > 0 {
				cfg.Resume = func(string) (Position, bool) { return at, true }
			}
			_ = Walk(context.Background(), []string{path}, cfg, func(i Item) error {
				got, at = append(got, i.Source), i.Position
				if run == 0 && len(got) > stop {
					return os.ErrClosed
				}
				return nil
			}, func(p Problem) { t.Error(p) })
		}
		if !slices.Equal(got, whole) {
			t.Errorf("ended behind message %d: read %q, want %q", stop, got, whole)
		}
	}
}

// TestPSTPacked reads a data file within archives, where it has no random access.
func TestPSTPacked(t *testing.T) {
	box := string(psttest.Write(inventedMailbox(psttest.Unicode, 1)))
	temp := t.TempDir()
	g := walk(t, Config{TempDir: temp}, tree(t, map[string]string{"a.zip": zipped(t, named{"mail/bob.pst", box}), "b.pst.gz": gz(t, box)}))
	if len(g.items) != 10 || len(g.problems) > 0 || !strings.HasPrefix(g.items[0].Source, "a.zip!mail/bob.pst!Inbox/") || g.items[9].Mailbox != "b" {
		t.Errorf("%d items of 10, %v", len(g.items), g.problems)
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("%d temporary files stayed", len(left))
	}
	if len(g.items) > 0 {
		t.Log(g.items[0].Source, g.items[0].Mailbox, g.items[9].Source)
	}
}

func TestPSTTrouble(t *testing.T) {
	whole := psttest.Write(inventedMailbox(psttest.Unicode, 1))
	protected := psttest.Write(inventedMailbox(psttest.Unicode, 0x10))
	cut := whole[:len(whole)*9/10]
	for name, c := range map[string]struct {
		b    []byte
		cfg  Config
		want string
	}{
		"protected": {protected, Config{}, "encrypted with Windows Information Protection: only a computer of the organisation can read it"},
		"cut off":   {cut, Config{}, "the file is cut off: it states"},
		"head":      {whole[:400], Config{}, "open it in Outlook and export the folders"},
		"too large": {whole, Config{MaxMessage: 200_000}, "message is larger than the limit of 200000 bytes: only its beginning was read"},
	} {
		g := walk(t, c.cfg, tree(t, map[string]string{"bob.pst": string(c.b)}))
		var all strings.Builder
		for _, p := range g.problems {
			fmt.Fprintln(&all, p)
		}
		if !strings.Contains(all.String(), c.want) {
			t.Errorf("%s: %q lacks %q", name, all.String(), c.want)
		}
		for _, i := range g.items {
			if c.cfg.MaxMessage > 0 && int64(len(i.Raw)) > c.cfg.MaxMessage*2 {
				t.Errorf("%s: %d bytes", name, len(i.Raw))
			}
		}
	}
}
