package source

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/source/pst/psttest"
)

const journalled = "Received: from a.example by b.example; Tue, 4 Mar 2031 05:06:07 +0000\r\nFrom: Ann <ann@example.com>\r\nTo: list@house.example\r\n" +
	"Subject: Budget\r\nMessage-ID: <1@example.com>\r\n\r\nThe text.\r\n"

// report invents a journal report.
func report(text, inner string) string {
	return "From: <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@house.example>\r\nTo: journal@house.example\r\nSubject: Budget\r\nX-MS-Journal-Report:\r\n" +
		"Message-ID: <report@house.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"_j_\"\r\n\r\n" +
		"--_j_\r\nContent-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + text +
		"\r\n--_j_\r\nContent-Type: message/rfc822\r\n\r\n" + inner + "\r\n--_j_--\r\n"
}

const onPremises = "Sender: ann@example.com\r\nSubject: Budget\r\nMessage-Id: <1@example.com>\r\nTo: bob@house.example, Expanded: list@house.example\r\n" +
	"Cc: carl@house.example\r\nBcc: dora@house.example\r\nTo: BOB@house.example\r\n"

const online = "Sender: ann@example.com\r\nSubject: Budget\r\nMessage-Id: <1@example.com>\r\nRecipient: bob@house.example, Forwarded: carl@house.example\r\nBcc: <dora@house.example>\r\n"

func TestOpenJournal(t *testing.T) {
	for name, c := range map[string]struct {
		raw  string
		want []string // nil: not a report
	}{
		"on premises":         {report(onPremises, journalled), []string{"bob@house.example", "carl@house.example", "dora@house.example"}},
		"online":              {report(online, journalled), []string{"bob@house.example", "dora@house.example"}},
		"base64":              {strings.Replace(report("U2VuZGVyOiBhbm5AZXhhbXBsZS5jb20NCk1lc3NhZ2UtSWQ6IDwxQGV4YW1wbGUuY29tPg0KVG86IGJvYkBob3VzZS5leGFtcGxlDQo=", journalled), "Encoding: 7bit", "Encoding: base64", 1), []string{"bob@house.example"}},
		"null sender":         {report("Sender: <>\r\nMessage-Id: <1@example.com>\r\nTo: bob@house.example\r\n", journalled), []string{"bob@house.example"}},
		"prose above":         {report("Hello Bob,\r\nSender: ann@example.com\r\nMessage-Id: <1@example.com>\r\nTo: bob@house.example\r\n", journalled), nil},
		"no recipient":        {report("Sender: ann@example.com\r\nMessage-Id: <1@example.com>\r\n", journalled), nil},
		"no sender":           {report("Message-Id: <1@example.com>\r\nTo: bob@house.example\r\n", journalled), nil},
		"two senders":         {report("Sender: x@example.com\r\n"+onPremises, journalled), nil},
		"another message":     {report(onPremises, strings.Replace(journalled, "<1@", "<2@", 1)), nil},
		"unknown extension":   {report(strings.Replace(online, "Forwarded:", "On behalf of:", 1), journalled), nil},
		"a name, no address":  {report(strings.Replace(online, "bob@house.example", "Bob", 1), journalled), nil},
		"two messages":        {strings.Replace(report(online, journalled), "--_j_--", "--_j_\r\nContent-Type: message/rfc822\r\n\r\n"+journalled+"\r\n--_j_--", 1), nil},
		"another multipart":   {strings.Replace(report(online, journalled), "multipart/mixed", "multipart/report", 1), nil},
		"nothing attached":    {report(online, ""), nil},
		"an ordinary forward": {report("fyi\r\n", journalled), nil},
	} {
		inner, e, ok := openJournal([]byte(c.raw))
		if ok != (c.want != nil) || !slices.Equal(e.Recipients, c.want) {
			t.Errorf("%s: %v, recipients %q, want %q", name, ok, e.Recipients, c.want)
		}
		if ok && string(bytes.TrimSpace(inner)) != strings.TrimSpace(journalled) {
			t.Errorf("%s: message\n%s", name, inner)
		}
	}
}

// TestJournalIsAskedFor holds that a report in ordinary mail moves nothing: who
// sends one cannot say who got what.
func TestJournalIsAskedFor(t *testing.T) {
	dir := t.TempDir()
	inner := strings.ReplaceAll(report("Sender: boss@house.example\r\nMessage-Id: <1@example.com>\r\nTo: victim@house.example\r\n", journalled), "_j_", "_k_")
	for name, raw := range map[string]string{"1.eml": report(onPremises, journalled), "2.eml": report(onPremises, strings.Replace(inner, "<report@house.example>", "<1@example.com>", 1)), "3.eml": journalled} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, asked := range []bool{false, true} {
		var got []string
		err := Walk(context.Background(), []string{dir}, Config{Journal: asked}, func(i Item) error {
			if i.Journal != (len(i.Envelope.Recipients) > 0) {
				t.Errorf("%s: journal %v, recipients %q", i.Source, i.Journal, i.Envelope.Recipients)
			}
			got = append(got, strings.Join(i.Envelope.Recipients, " "))
			if asked && i.Source == "2.eml" && !bytes.Contains(i.Raw, []byte("Sender: boss@house.example")) {
				t.Error("a report in a report was opened")
			}
			return nil
		}, func(p Problem) { t.Error(p) })
		want := []string{"", "", ""}
		if asked {
			want[0], want[1] = "bob@house.example carl@house.example dora@house.example", "bob@house.example carl@house.example dora@house.example"
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("asked %v: %q, want %q (%v)", asked, got, want, err)
		}
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(report(onPremises, journalled)))
	f.Add([]byte(report(online, journalled)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		inner, e, ok := openJournal(raw)
		if ok && (len(inner) > len(raw) || len(e.Recipients) == 0) {
			t.Fatalf("%d bytes of %d, recipients %q", len(inner), len(raw), e.Recipients)
		}
		for _, r := range e.Recipients {
			if strings.Count(r, "@") != 1 || strings.ContainsAny(r, " \r\n") {
				t.Fatalf("recipient %q", r)
			}
		}
	})
}

// TestJournalInDataFile opens reports that were exported from the journal mailbox with Outlook.
func TestJournalInDataFile(t *testing.T) {
	inner := psttest.Message{Subject: "Budget", From: "ann@example.com", MessageID: "<1@example.com>", Plain: "The text."}
	box := psttest.Mailbox{Folders: []psttest.Folder{{Name: "Inbox", Messages: []psttest.Message{{Subject: "Budget", From: "journal@house.example", Plain: onPremises,
		Attachments: []psttest.Attachment{{Name: "Budget", Message: &inner}}}}}}}
	g := walk(t, Config{Journal: true}, tree(t, map[string]string{"journal.pst": string(psttest.Write(box))}))
	if len(g.items) != 1 || !g.items[0].Journal || len(g.items[0].Envelope.Recipients) != 3 || !bytes.Contains(g.items[0].Raw, []byte("The text.")) {
		t.Errorf("%+v, %v", g.items, g.problems)
	}
}
