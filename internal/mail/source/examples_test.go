package source

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/source/pst/psttest"
)

var update = flag.Bool("update", false, "write examples/exports anew")

const examples = "../../../examples"

// TestExamples holds that examples/exports is what the mailboxes beside it come to
// when mail programs export them. With -update it writes them:
//
//	go test ./internal/mail/source -run TestExamples -update
func TestExamples(t *testing.T) {
	want := exampleExports(t)
	root := filepath.Join(examples, "exports")
	if *update {
		must(t, os.RemoveAll(root))
		for name, content := range want {
			path := filepath.Join(root, filepath.FromSlash(name))
			must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			must(t, os.WriteFile(path, []byte(content), 0o644))
		}
	}
	for name, content := range want {
		if got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name))); err != nil || string(got) != content {
			t.Errorf("%s is not what the test writes (%v); run it with -update", name, err)
		}
	}
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(root, path); err == nil && !d.IsDir() && want[filepath.ToSlash(rel)] == "" {
			t.Errorf("%s is not written by the test", path)
		}
		return err
	}))
	t.Run("read", func(t *testing.T) { readExamples(t, root) })
}

// readExamples reads the exports and finds in them what was put there.
func readExamples(t *testing.T, root string) {
	g := walk(t, Config{Journal: true, Nested: true}, root)
	for _, p := range g.problems {
		t.Error(p)
	}
	count := map[string]int{}
	for _, i := range g.items {
		first, _, _ := strings.Cut(i.Source, "/")
		first, _, _ = strings.Cut(first, "!")
		count[first]++
		if i.Journal != (first == "journal") || i.Journal && len(i.Envelope.Recipients) != 2 {
			t.Errorf("%s: journal %v, recipients %q", i.Source, i.Journal, i.Envelope.Recipients)
		}
	}
	want := map[string]int{"anna.keller.pst": perExport + 1, "journal": 6, "takeout": perExport, "bjoern.lindqvist": perExport, "thomas.wright": perExport}
	for name, n := range want {
		if count[name] != n {
			t.Errorf("%s: %d messages, want %d", name, count[name], n)
		}
	}
}

const perExport = 24

func exampleExports(t *testing.T) map[string]string {
	files := map[string]string{"anna.keller.pst": string(psttest.Write(examplePST(t))), ".gitattributes": "# Lengths and line ends are part of these formats.\n* -text\n"}
	for i, raw := range exampleMail(t, "claire.dubois", 6) {
		files[fmt.Sprintf("journal/%d.eml", i+1)] = exampleJournal(t, raw)
	}
	files["takeout/olena.kovalchuk/Mail/All mail Including Spam and Trash.mbox"] = exampleTakeout(t)
	exampleApple(t, files)
	exampleThunderbird(t, files)
	return files
}

// exampleMail takes letters out of a shipped mailbox: those that somebody should
// have been told about, and others around them.
func exampleMail(t *testing.T, who string, n int) (list [][]byte) {
	t.Helper()
	var places []string
	for _, name := range []string{who, who + ".mbox", who + ".mbox.gz"} {
		if path := filepath.Join(examples, "mailboxes", name); exists(path) {
			places = append(places, path)
		}
	}
	var rest [][]byte
	must(t, Walk(context.Background(), places, Config{}, func(i Item) error {
		raw := bytes.ReplaceAll(bytes.ReplaceAll(i.Raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		if len(raw) > 20_000 {
			return nil
		}
		if bytes.Contains(raw, []byte("news-tracker.example")) {
			list = append(list, raw)
		} else {
			rest = append(rest, raw)
		}
		return nil
	}, func(p Problem) { t.Fatal(p) }))
	if len(list)+len(rest) < n {
		t.Fatalf("%s has %d letters, %d wanted", who, len(list)+len(rest), n)
	}
	return append(list, rest...)[:n]
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func headerOf(raw []byte) []byte { return raw[:max(0, bodyStart(raw))] }

func field(raw []byte, name string) string {
	value, err := new(mime.WordDecoder).DecodeHeader(fieldValue(headerOf(raw), name))
	if err != nil {
		return fieldValue(headerOf(raw), name)
	}
	return value
}

// examplePST keeps Anna Keller's letters as Outlook does, one of them forwarded to her as an attachment.
func examplePST(t *testing.T) psttest.Mailbox {
	inbox := psttest.Folder{Name: "Inbox"}
	for _, raw := range exampleMail(t, "anna.keller", perExport) {
		inbox.Messages = append(inbox.Messages, outlookMessage(raw))
	}
	n := len(inbox.Messages)
	forwarded := inbox.Messages[0]
	inbox.Messages[n-1].Attachments = append(inbox.Messages[n-1].Attachments, psttest.Attachment{Name: "Is this real?", Message: &forwarded})
	reports := psttest.Folder{Name: "Ausschuss für Häfen", Messages: inbox.Messages[n/2:]}
	inbox.Messages, inbox.Folders = inbox.Messages[:n/2], []psttest.Folder{reports}
	return psttest.Mailbox{Crypt: 1, Name: "anna.keller@parliament.example", Folders: []psttest.Folder{inbox, {Name: "Gesendete Elemente", Sent: true}}}
}

// outlookMessage takes a letter apart into properties.
func outlookMessage(raw []byte) psttest.Message {
	m := psttest.Message{Subject: field(raw, "subject:"), Headers: string(headerOf(raw)), MessageID: field(raw, "message-id:"), Receiver: "anna.keller@parliament.example"}
	m.FromName, m.From, _ = strings.Cut(strings.TrimRight(field(raw, "from:"), ">"), "<")
	m.FromName = strings.Trim(m.FromName, "\" ")
	m.Recipients = []psttest.Recipient{{Name: field(raw, "to:"), Address: "anna.keller@parliament.example", Kind: 1}}
	for _, p := range structure(raw) {
		switch content := p.content(raw, 1<<20); {
		case p.multipart:
		case p.fileName != "":
			m.Attachments = append(m.Attachments, psttest.Attachment{Name: p.fileName, Type: p.kind, Data: content})
		case p.kind == "text/plain":
			m.Plain += string(content)
		case p.kind == "text/html":
			m.HTML = append(m.HTML, content...)
		}
	}
	return m
}

// exampleJournal reports on a letter that also went to somebody whom it does not name.
func exampleJournal(t *testing.T, raw []byte) string {
	_, sender, found := strings.Cut(strings.TrimRight(field(raw, "from:"), ">"), "<")
	if !found {
		sender = field(raw, "from:")
	}
	text := "Sender: " + sender + "\r\nSubject: " + field(raw, "subject:") + "\r\nMessage-Id: " + field(raw, "message-id:") +
		"\r\nTo: claire.dubois@parliament.example\r\nBcc: daniel.hughes@parliament.example, Expanded: office@parliament.example\r\n"
	return "From: <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@parliament.example>\r\nTo: <journal@archive.parliament.example>\r\nSubject: " +
		encodeWords(field(raw, "subject:")) + "\r\nX-MS-Journal-Report:\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"_journal_report_\"\r\n\r\n" +
		"--_journal_report_\r\nContent-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text +
		"\r\n--_journal_report_\r\nContent-Type: message/rfc822\r\n\r\n" + string(raw) + "\r\n--_journal_report_--\r\n"
}

func exampleTakeout(t *testing.T) string {
	labels := []string{"Inbox,Opened", "Inbox,Important,\"Ports, 2025\"", "=?UTF-8?Q?Inbox,=D0=92=D0=B0=D0=B6=D0=BB=D0=B8=D0=B2=D0=B5?=", "Spam", "Trash,Opened"}
	var out strings.Builder
	for i, raw := range exampleMail(t, "olena.kovalchuk", perExport) {
		fmt.Fprintf(&out, "From %d@xxx Mon Jan 05 09:00:00 +0000 2026\nX-GM-THRID: %d\nX-Gmail-Labels: %s\n", 1800000000000000000+i, 1800000000000000000+i, labels[i%len(labels)])
		out.WriteString(strings.ReplaceAll(mboxQuoted(raw), "\r\n", "\n") + "\n")
	}
	return out.String()
}

func mboxQuoted(raw []byte) string { return strings.ReplaceAll(string(raw), "\nFrom ", "\n>From ") }

// exampleApple writes the mailboxes of Apple Mail, with one attachment beside its message.
func exampleApple(t *testing.T, files map[string]string) {
	const data = "bjoern.lindqvist/V10/INBOX.mbox/00000000-0000-4000-8000-000000000001/Data/"
	for i, raw := range append(exampleMail(t, "bjoern.lindqvist", perExport-1), nil) {
		name := fmt.Sprintf("Messages/%d.emlx", 100+i)
		text := strings.ReplaceAll(string(raw), "\r\n", "\n")
		if i == perExport-1 {
			name = fmt.Sprintf("Messages/%d.partial.emlx", 100+i)
			files[data+fmt.Sprintf("Attachments/%d/2/programme.txt", 100+i)] = "The programme of the visit.\n"
			text = "From: Protocol <protocol@parliament.example>\nTo: bjoern.lindqvist@parliament.example\nSubject: The programme\nDate: Mon, 5 Jan 2026 09:00:00 +0000\nMessage-ID: <programme@parliament.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=parts\n\n" +
				"--parts\nContent-Type: text/plain\n\nAttached.\n--parts\nContent-Type: text/plain; name=programme.txt\nContent-Disposition: attachment; filename=programme.txt\nContent-Transfer-Encoding: base64\nX-Apple-Content-Length: 40\n\n\n--parts--\n"
		}
		files[data+name] = fmt.Sprintf("%-10d\n%s<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n\t<key>flags</key>\n\t<integer>%d</integer>\n</dict>\n</plist>\n", len(text), text, 8590195713+2*int64(min(1, i%7)))
	}
}

func exampleThunderbird(t *testing.T, files map[string]string) {
	const profile = "thomas.wright/a1b2c3d4.default-release/"
	boxes := map[string]*strings.Builder{}
	for i, raw := range exampleMail(t, "thomas.wright", perExport) {
		name := []string{"Inbox", "Inbox", "Inbox.sbd/Ports", "Trash"}[i%4]
		if boxes[name] == nil {
			boxes[name] = new(strings.Builder)
		}
		status := 1
		if i%6 == 5 {
			status = 9 // deleted, and not yet purged
		}
		fmt.Fprintf(boxes[name], "From - Mon Jan  5 09:00:00 2026\r\nX-Account-Key: account1\r\nX-UIDL: %d\r\nX-Mozilla-Status: %04x\r\nX-Mozilla-Status2: 00000000\r\nX-Mozilla-Keys: %s\r\n%s\r\n", i, status, strings.Repeat(" ", 80), mboxQuoted(raw))
	}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for n := range boxes {
			if !yield(n) {
				return
			}
		}
	}) {
		files[profile+"Mail/pop.parliament.example/"+name] = boxes[name].String()
		files[profile+"Mail/pop.parliament.example/"+name+".msf"] = "// <!-- <mdb:mork:z v=\"1.4\"/> -->\n"
	}
	files[profile+"prefs.js"] = "user_pref(\"mail.server.server1.directory-rel\", \"[ProfD]Mail/pop.parliament.example\");\n"
}
