package attach

import (
	"bytes"
	"fmt"

	"portcullis.example/portcullis/internal/mail/tnef"
)

// openTNEF looks into a winmail.dat. Outlook shows what lies in it in place of the letter around it, so a text or
// an attachment that is there only is what the reader sees.
func (in *inspection) openTNEF(c content) {
	m, err := tnef.Read(c.data)
	if err != nil {
		in.incomplete("%s: %s; what stands before that was read", c.label(), err)
	}
	in.bodiesTNEF(c, m)
	for i := range m.Attachments {
		if !in.b.takeMember() {
			in.outOfMembers(c)
			return
		}
		a := &m.Attachments[i]
		name, wide := a.Name()
		if wide {
			name = utf16Bytes(name, true)
		}
		title := string(name)
		if title == "" {
			title = fmt.Sprintf("attachment %d", i+1)
		}
		for _, data := range [][]byte{a.Data, a.Embedded, a.Storage} {
			if len(data) > 0 {
				in.member(c, title, data)
			}
		}
	}
}

// bodiesTNEF looks at the text of the message in all its forms.
func (in *inspection) bodiesTNEF(c content, m *tnef.Message) {
	bodies := [][]byte{utf16Bytes(m.Stream(tnef.TagBodyW), true), m.Stream(tnef.TagBody)}
	for _, body := range bodies {
		urlsIn(body, func(u string, _, _ int) { in.url(c, InEML, u) })
	}
	if html := m.Stream(tnef.TagHTML); len(html) > 0 && in.b.takeMember() {
		in.member(c, "body.html", html)
	}
	packed := m.Stream(tnef.TagRTF)
	if len(packed) == 0 || !in.b.takeMember() {
		return
	}
	limit := min(in.b.expand, int64(in.b.Limits.Bytes), 17*int64(len(packed))) // what the packing can come to at most
	if limit <= 0 {
		in.unpackFailed(c, "body.rtf", errBudget)
		return
	}
	rtf, err := tnef.UnpackRTF(packed, int(limit))
	in.b.expand -= int64(len(rtf))
	if err != nil {
		in.unpackFailed(c, "body.rtf", err)
	}
	if rtf = bytes.TrimRight(rtf, "\x00"); len(rtf) > 0 {
		in.member(c, "body.rtf", rtf)
	}
}
