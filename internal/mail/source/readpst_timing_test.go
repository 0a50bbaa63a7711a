package source

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/source/pst/psttest"
)

// BenchmarkPST reads ordinary letters out of a data file: 5,000 with HTML, one in
// ten with an attachment of 100 kB. Bytes are those of the file.
func BenchmarkPST(b *testing.B) {
	for form, name := range []string{"unicode", "ansi", "large"} {
		b.Run(name, func(b *testing.B) {
			box := psttest.Mailbox{Form: psttest.Form(form), Crypt: 1, Name: "Invented"}
			folder := psttest.Folder{Name: "Inbox"}
			data := []byte(strings.Repeat("attachment ", 9_000))
			for i := range 5_000 {
				m := psttest.Message{Subject: fmt.Sprint("Letter ", i), From: "ann@example.com", Plain: strings.Repeat("An ordinary line.\r\n", 60), HTML: []byte(strings.Repeat("<p>An ordinary line.</p>\r\n", 200)),
					Headers: "Received: from a.example by b.example; Tue, 4 Mar 2031 05:06:07 +0000\r\nFrom: ann@example.com\r\n", Recipients: []psttest.Recipient{{Address: "bob@example.org"}}}
				if i%10 == 0 {
					m.Attachments = []psttest.Attachment{{Name: "a.bin", Data: data}}
				}
				folder.Messages = append(folder.Messages, m)
			}
			box.Folders = []psttest.Folder{folder}
			path := writePST(b, box)
			size, _ := Size([]string{path})
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				err := Walk(context.Background(), []string{path}, Config{}, func(Item) error { n++; return nil }, func(p Problem) { b.Error(p) })
				if err != nil || n != 5_000 {
					b.Fatal(n, err)
				}
			}
		})
	}
}
