package source

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestGmailLabels(t *testing.T) {
	for value, want := range map[string][]string{
		"Inbox,Important,Opened":                        {"Inbox", "Important", "Opened"},
		`"Budget, 2031",Sent`:                           {"Budget, 2031", "Sent"},
		`"says ""no""", x`:                              {"says no", "x"},
		"=?UTF-8?Q?Posteingang,Ge=C3=B6ffnet?=":         {"Posteingang", "Geöffnet"},
		"=?UTF-8?B?0KHQv9Cw0Lw=?=,=?UTF-8?Q?=C3=A4?=":   {"Спам", "ä"},
		"=?UTF-8?Q?Sp=C3=A4?=\r\n =?UTF-8?Q?ter,Work?=": {"Später", "Work"},
		"": nil,
	} {
		if got := gmailLabels(fieldValue([]byte("X-Gmail-Labels: "+value+"\r\n"), "x-gmail-labels:")); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

// TestKept reads exports as they lie in a folder.
func TestKept(t *testing.T) {
	from := "From 1234@xxx Tue Mar 04 05:06:07 +0000 2031\r\n"
	mail := func(top, subject string) string { return from + top + plainMail(subject) + "\r\n" }
	apple := "From: x@example.net\r\nSubject: apple\r\n\r\nbody\r\n"
	dir := tree(t, map[string]string{
		"Takeout/Mail/All mail.mbox": mail("X-GM-THRID: 17\r\nX-Gmail-Labels: Opened,\"Budget, 2031\"\r\n", "labelled") +
			mail("X-GM-THRID: 18\r\nX-Gmail-Labels: =?UTF-8?Q?Gesendet?=\r\n", "sent") +
			mail("X-GM-THRID: 19\r\nX-Gmail-Labels: Spam\r\n", "spam") +
			mail("Received: from a.example by b.example\r\nX-Gmail-Labels: Sent\r\n", "forged"),
		"tb/prefs.js":                                  "user_pref(1)",
		"tb/abook.sqlite":                              "SQLite format 3\x00",
		"tb/Mail/Local Folders/Inbox":                  "From - Tue Mar  4 05:06:07 2031\r\nX-Account-Key: account1\r\nX-Mozilla-Status: 0001\r\nX-Mozilla-Status2: 00000000\r\n" + plainMail("read") + "\r\nFrom - Tue Mar  4 05:06:07 2031\r\nX-Mozilla-Status: 0009\r\nX-Mozilla-Status2: 00000000\r\n" + plainMail("expunged"),
		"tb/Mail/Local Folders/Inbox.msf":              "// <!-- <mdb:mork:z v=\"1.4\"/> -->",
		"tb/Mail/Local Folders/Inbox.sbd/Work":         from + plainMail("work"),
		"tb/Mail/Local Folders/Sent":                   from + plainMail("out"),
		"tb/Mail/Local Folders/filterlog.html":         "<html>",
		"Takeout/archive_browser.html":                 "<html>",
		"V2/INBOX.mbox/Q/Data/Messages/1.emlx":         fmt.Sprint(len(apple), "\n", apple, `<?xml version="1.0"?><plist version="1.0"><dict><key>flags</key><integer>8590195715</integer></dict></plist>`),
		"V2/Sent Messages.mbox/Q/Data/Messages/2.emlx": fmt.Sprint(len(apple), "\n", apple, `<plist version="1.0"><dict><key>flags</key> <integer>1</integer></dict></plist>`),
	})
	g := walk(t, Config{}, dir)
	for _, p := range g.problems {
		t.Error(p)
	}
	var got []string
	for _, i := range g.items {
		got = append(got, fmt.Sprintf("%s %q %d", see(t, i.Raw).subject, i.Kept.Folder, i.Kept.State))
	}
	slices.Sort(got)
	want := []string{
		`apple "INBOX" 8`, `apple "Sent Messages" 1`, `expunged "Inbox" 8`, `forged "All mail" 0`, `labelled "Budget, 2031" 0`,
		`out "Sent" 1`, `read "Inbox" 0`, `sent "Gesendet" 1`, `spam "Spam" 4`, `work "Inbox/Work" 0`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestPartialEmlx(t *testing.T) {
	part := func(name, encoding string) string {
		return "Content-Type: application/octet-stream; name=" + name + "\r\nContent-Disposition: attachment; filename=" + name + "\r\nContent-Transfer-Encoding: " + encoding + "\r\nX-Apple-Content-Length: 100\r\n\r\n"
	}
	raw := ofParts("partial", "multipart/mixed", "Content-Type: text/plain\r\n\r\nsee below", part("a.bin", "base64"), part("b.txt", "7bit"), part("gone.bin", "base64"))
	data := strings.Repeat("\x00\xff", 500)
	dir := tree(t, map[string]string{
		"INBOX.mbox/Data/Messages/12.partial.emlx":    fmt.Sprint(len(raw), "\n", raw, "<plist/>"),
		"INBOX.mbox/Data/Attachments/12/2/a.bin":      data,
		"INBOX.mbox/Data/Attachments/12/3/b.txt":      "text",
		"INBOX.mbox/Data/Attachments/13/2/other.html": "<html>",
	})
	g := walk(t, Config{}, dir)
	if len(g.items) != 1 || len(g.problems) != 1 || !strings.Contains(g.problems[0].Error(), "1 attachments are not in the message") {
		t.Fatalf("%d items, problems %v", len(g.items), g.problems)
	}
	want := see(t, []byte(ofParts("partial", "multipart/mixed", "Content-Type: text/plain\r\n\r\nsee below",
		"Content-Disposition: attachment; filename=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"+string(base64Lines([]byte(data))),
		"Content-Disposition: attachment; filename=b.txt\r\n\r\ntext", "Content-Disposition: attachment; filename=c\r\n\r\n")))
	if got := see(t, g.items[0].Raw); got.String() != want.String() || !g.items[0].Rebuilt {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzEmlx(f *testing.F) {
	raw := ofParts("p", "multipart/mixed", "X-Apple-Content-Length: 3\r\n\r\n", "Content-Type: text/plain\r\n\r\nx")
	f.Add([]byte(fmt.Sprint(len(raw), "\n", raw, "<key>flags</key><integer>2</integer>")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, text, ok := emlxLength(b); ok && (n < 0 || len(text) > len(b)) {
			t.Fatalf("%d bytes, %d of text", n, len(text))
		}
		emlxState(b)
		for _, p := range structure(b) {
			if p.start > p.end || p.end > len(b) {
				t.Fatalf("part %s from %d to %d of %d", p.path, p.start, p.end, len(b))
			}
			if p.encoding == "base64" && len(p.content(b, 10)) > 10 {
				t.Fatal("more than asked for")
			}
		}
		keptBy(b)
		for _, i := range walk(t, Config{Nested: true, MaxMessage: 1 << 20, Stdin: bytes.NewReader(b)}, "-").items {
			if len(i.Raw) > 2<<20 {
				t.Fatalf("%d bytes out of %d", len(i.Raw), len(b))
			}
		}
	})
}
