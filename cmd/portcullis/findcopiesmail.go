package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"portcullis.example/portcullis/internal/mail/attach"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/source"
)

// mailHead is how a message begins: with a header field that mail has.
var mailHead = regexp.MustCompile(`(?i)^(return-path|received|delivered-to|envelope-to|from|to|subject|date|message-id|mime-version|x-[a-z-]+|dkim-signature|arc-seal|authentication-results|content-type):`)

// mailLike tells mailboxes and messages by how they begin.
func mailLike(name string, head []byte) bool {
	switch {
	case bytes.HasPrefix(head, []byte("From ")), bytes.HasPrefix(head, []byte("!BDN")):
		return true
	case bytes.HasPrefix(head, []byte{0xd0, 0xcf, 0x11, 0xe0}):
		return strings.EqualFold(filepath.Ext(name), ".msg")
	}
	return mailHead.Match(head) && bytes.Count(head, []byte("\n")) >= 2
}

// readOther reads for find-copies what its own readers do not know.
func readOther(ctx context.Context, name string, head []byte, open func() (io.ReaderAt, int64, error), emit func(string, io.Reader) error) (bool, error) {
	switch {
	case mailLike(name, head):
		return true, readMail(ctx, name, open, emit)
	case documentLike(head):
		return true, readDocument(name, open, emit)
	}
	return false, nil
}

// readMail hands on the texts and attachments of each message.
func readMail(ctx context.Context, name string, open func() (io.ReaderAt, int64, error), emit func(string, io.Reader) error) error {
	args, cfg := []string{name}, source.Config{}
	if strings.Contains(name, "!") { // within an archive
		at, size, err := open()
		if err != nil {
			return err
		}
		args, cfg.Stdin = []string{"-"}, io.NewSectionReader(at, 0, size)
	}
	var first error
	err := source.Walk(ctx, args, cfg, func(item source.Item) error {
		label := fmt.Sprintf("byte %d", item.Offset)
		for _, p := range message.Parse(item.Raw, message.DefaultLimits()).Parts {
			if len(p.Children) > 0 {
				continue
			}
			if err := emitPart(label, p, emit); err != nil {
				return err
			}
		}
		return nil
	}, func(p source.Problem) {
		if first == nil {
			first = p
		}
	})
	if err == nil {
		err = first
	}
	return err
}

func emitPart(label string, p *message.Part, emit func(string, io.Reader) error) error {
	label += "/part " + p.Path
	if text := p.Text(); text != "" && !p.IsAttachment() {
		if p.IsHTML() {
			return emit(label+".html", strings.NewReader(text))
		}
		return emit(label, strings.NewReader(text))
	}
	return emit(label, bytes.NewReader(p.Content()))
}

// documentLike tells documents whose text the readers of attachments know.
func documentLike(head []byte) bool {
	for _, magic := range []string{"%PDF-", "\xd0\xcf\x11\xe0", "{\\rtf", "7z\xbc\xaf\x27\x1c", "Rar!"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// documentLimits are wider than those of mail: files lie here that nobody could send.
func documentLimits() attach.Limits {
	l := attach.DefaultLimits()
	l.Bytes, l.Expand, l.Text, l.Images, l.PDFObjects = 256<<20, 1<<30, 64<<20, -1, 500_000
	return l
}

func readDocument(name string, open func() (io.ReaderAt, int64, error), emit func(string, io.Reader) error) error {
	limits := documentLimits()
	at, size, err := open()
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(io.NewSectionReader(at, 0, min(size, int64(limits.Bytes))))
	if err != nil {
		return err
	}
	report := attach.Inspect(filepath.Base(name), "", raw, attach.NewBudget(limits))
	if err := emit("text", strings.NewReader(report.Text)); err != nil {
		return err
	}
	switch {
	case report.Encrypted:
		return fmt.Errorf("encrypted: what is in it cannot be told")
	case size > int64(limits.Bytes):
		return fmt.Errorf("larger than %d MB: only the beginning was read", limits.Bytes>>20)
	case len(report.Incomplete) > 0:
		return fmt.Errorf("not all of it could be read: %s", report.Incomplete[0])
	}
	return nil
}
