package response

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"portcullis.example/portcullis"
)

// messageID is the same for every attempt at the same content, so that a receiver who got
// it twice can tell (RFC 5322 §3.6.4), and so that a person can look for it in the
// server's log. It says nothing about whom or what it is for.
func (o *Office) messageID(n Notice) string {
	_, hash, _ := strings.Cut(string(portcullis.NewID("mail", string(n.ID), n.Digest)), ":")
	return "notice." + hash + "@" + domainOf(o.cfg.SMTP.From)
}

// mail is the notice as a message: text, and the same as a page without link, script or
// picture. Its subject says that it is from the office and nothing else, for subjects are
// shown on locked telephones.
func (o *Office) mail(n Notice, now time.Time) ([]byte, error) {
	if strings.ContainsFunc(n.To, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, errors.New("the address holds control characters")
	}
	from, err := mail.ParseAddress(o.cfg.SMTP.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	d, err := o.Notice(n)
	if err != nil {
		return nil, err
	}
	subject, err := o.subject(n)
	if err != nil {
		return nil, err
	}
	page, err := d.HTML()
	if err != nil {
		return nil, err
	}
	var out, body bytes.Buffer
	parts := multipart.NewWriter(&body)
	if err := errors.Join(
		parts.SetBoundary("part."+strings.ReplaceAll(n.MessageID, "@", ".")[:min(60, len(n.MessageID))]),
		writePart(parts, "text/plain", d.Language, []byte(d.Text())),
		writePart(parts, "text/html", d.Language, page),
		parts.Close()); err != nil {
		return nil, fmt.Errorf("write the mail: %w", err)
	}
	for _, h := range [][2]string{
		{"From", from.String()},
		{"To", (&mail.Address{Address: n.To}).String()},
		{"Subject", mime.QEncoding.Encode("utf-8", subject)},
		{"Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700")},
		{"Message-ID", "<" + n.MessageID + ">"},
		{"Content-Language", d.Language},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834 §5: no holiday reply
		{"MIME-Version", "1.0"},
		{"Content-Type", `multipart/alternative; boundary="` + parts.Boundary() + `"`},
	} {
		fmt.Fprintf(&out, "%s: %s\r\n", h[0], h[1])
	}
	out.WriteString("\r\n")
	out.Write(body.Bytes())
	return out.Bytes(), nil
}

func (o *Office) subject(n Notice) (string, error) {
	p := &page{language: o.languages.For(n.Reach.Languages, o.cfg.Language), office: o}
	subject := p.say("notice_subject", p.about(n))
	return subject, p.err
}

func writePart(w *multipart.Writer, mediaType, language string, content []byte) error {
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {mediaType + "; charset=utf-8"},
		"Content-Language":          {language},
		"Content-Transfer-Encoding": {"quoted-printable"},
	})
	if err != nil {
		return err
	}
	q := quotedprintable.NewWriter(part)
	_, err = q.Write(content)
	return errors.Join(err, q.Close())
}
