package mail

import (
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/attach"
	"portcullis.example/portcullis/internal/people"
)

// formTraits look for a page within the mail, and for pages it brings as files:
// those open from the reader's own disk, where no list of bad sites reaches
// (T1027.006).
func (in *Input) formTraits(t *tally) {
	for _, p := range in.M.HTMLParts() {
		if p.IsAttachment() {
			continue
		}
		h := p.HTML()
		for _, f := range h.Forms {
			e := portcullis.Evidence{Part: p.Path, Start: f.Start, End: f.End, Note: shorten(f.Action)}
			if f.Password {
				t.add(formPassword, e)
			} else if len(f.Inputs) > 1 && f.Action != "" && !in.ownURL(f.Action) {
				t.add(formAny, e)
			}
		}
		for _, s := range h.Scripts {
			if len(s.Code) > 20 {
				t.add(formScript, portcullis.Evidence{Part: p.Path, Start: s.Start, End: s.End, Note: s.Kind})
			}
		}
	}
	for _, a := range in.Attachments {
		in.attachedPage(t, a)
		if len(in.speech().words) < 60 {
			for _, u := range a.Report.URLs {
				if u.Where == attach.InPDF || u.Where == attach.InRelationship || u.Where == attach.InField {
					t.add(attachLure, portcullis.Evidence{Part: a.Part.Path, Note: shorten(u.URL)})
				}
			}
		}
	}
}

func (in *Input) ownURL(raw string) bool {
	host := hostOf(raw)
	return host != "" && in.SenderOrg != "" && strings.HasSuffix(host, in.SenderOrg) && !people.Freemail(in.SenderOrg)
}

func (in *Input) attachedPage(t *tally, a Attachment) {
	whole := portcullis.Evidence{Part: a.Part.Path, Note: a.Part.FileName}
	for _, tr := range a.Report.Traits {
		e := portcullis.Evidence{Part: a.Part.Path, Start: tr.Start, End: tr.End, Note: tr.Detail}
		switch tr.Kind {
		case attach.KindHTMLForm:
			t.add(formAttached, e)
		case attach.KindHTMLSmuggling:
			t.add(formSmuggling, e)
		case attach.KindHTMLRedirect:
			t.add(formRedirect, e)
		}
	}
	name := strings.ToLower(a.Part.FileName)
	for _, ext := range []string{".html", ".htm", ".shtml", ".xhtml", ".mht", ".mhtml"} {
		if strings.HasSuffix(name, ext) {
			t.add(formPage, whole)
		}
	}
}
