package mail

import (
	"strings"
	"unicode"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/message"
)

// layoutTraits look at how the mail is made.
func (in *Input) layoutTraits(t *tally) {
	said := in.speech()
	text := portcullis.Evidence{Part: in.textPath()}
	in.subjectTraits(t, said)
	if said.blind >= 2 {
		t.add(layoutBlind, text)
	}
	if said.mixed >= 2 {
		t.add(layoutMixed, text)
	}
	if said.fancy >= 4 {
		t.add(layoutFancyBody, text)
	}
	in.shape(t, said)
	in.hiddenText(t)
	in.encodings(t)
	in.manners(t, said)
	if address := in.recipientAddress(); address != "" {
		if strings.Contains(strings.ToLower(clipText(in.Body, 400)), address) {
			t.add(bodyRecipient, in.textEvidence(address, "the address in the first lines"))
		}
	}
	if i := placeholder(in.Subject + "\n" + clipText(in.Body, 20000)); i >= 0 {
		t.add(layoutPlaceholder, text)
	}
}

func clipText(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return s
}

func (in *Input) subjectTraits(t *tally, said *spoken) {
	e := in.HeaderEvidence("Subject", 0, "")
	var scan wordScan
	scan.read(in.Subject, true)
	if scan.fancy >= 2 || scan.mixed > 0 || scan.blind > 0 {
		t.add(layoutFancySubject, e)
	}
	if pictures(in.Subject) > 0 {
		t.add(layoutEmojiSubject, e)
	}
	if address := in.recipientAddress(); address != "" {
		local, _, _ := strings.Cut(address, "@")
		lower := strings.ToLower(in.Subject)
		if strings.Contains(lower, address) || len(local) >= 5 && strings.Contains(lower, local) {
			t.add(subjectRecipient, e)
		}
	}
	if answers(in.Subject) && len(in.M.References()) == 0 {
		t.add(subjectReply, e)
	}
	if longNumber(in.Subject) {
		t.add(layoutNumbers, e)
	}
}

// answers tells a subject that claims to answer or pass something on.
func answers(subject string) bool {
	head, _, ok := strings.Cut(subject, ":")
	if !ok || len(head) > 4 {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(head)) {
	case "re", "aw", "sv", "antw", "odp", "rv", "res", "ris":
		return true
	}
	return false
}

func longNumber(s string) bool {
	run := 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			if run++; run >= 5 {
				return true
			}
		} else if s[i] != '-' {
			run = 0
		}
	}
	return false
}

// shape tells mail that says its say in pictures.
func (in *Input) shape(t *tally, said *spoken) {
	v := in.linkView()
	words := len(said.words) - said.subjectWords
	images, html := 0, false
	for _, l := range in.judgedLinks() {
		if l.ImageOnly && !l.Hidden {
			images++
		}
		html = html || l.Kind == "html"
	}
	whole := portcullis.Evidence{Part: in.textPath()}
	switch {
	case html && v.web > 0 && words < 40 && images > 0:
		t.add(layoutImage, whole)
	case v.web > 0 && words < 60 && (html || words < 40) && len(in.M.References()) == 0:
		t.add(layoutFew, whole)
	}
	plain := false
	for _, p := range in.M.TextParts() {
		plain = plain || !p.IsAttachment() && len(p.Text()) > 20
	}
	if html && !plain {
		t.add(layoutHTMLOnly, whole)
	}
	if r := in.M.Root; r != nil && (strings.HasPrefix(r.MediaType, "multipart/digest") || strings.HasPrefix(r.MediaType, "multipart/") && len(r.Children) == 0) {
		t.add(layoutDigest, portcullis.Evidence{Part: r.Path, Note: r.MediaType})
	}
}

// hiddenText: a preheader of a line or two is common; pages of prose that nobody
// sees are there for a filter.
func (in *Input) hiddenText(t *tally) {
	for _, p := range in.M.HTMLParts() {
		if p.IsAttachment() {
			continue
		}
		h := p.HTML()
		hidden, shown := len(strings.TrimSpace(h.Hidden)), len(strings.TrimSpace(h.Text))
		e := portcullis.Evidence{Part: p.Path, Note: shorten(strings.TrimSpace(h.Hidden))}
		switch {
		case hidden > 400 && hidden > shown:
			t.add(layoutHiddenMuch, e)
		case hidden > 40:
			t.add(layoutHidden, e)
		}
		if padded(p.Text()) {
			t.add(layoutPadding, portcullis.Evidence{Part: p.Path})
		}
	}
}

// padded finds a long run of line breaks or of empty elements.
func padded(text string) bool {
	return strings.Contains(text, strings.Repeat("<br>", 25)) || strings.Contains(text, strings.Repeat("<br>\n", 25)) ||
		strings.Contains(text, strings.Repeat("<br>\r\n", 25)) || strings.Contains(text, strings.Repeat("\n", 60)) || strings.Contains(text, strings.Repeat("\r\n", 60))
}

// encodings: ASCII in base64 serves nobody but who wants it unread.
func (in *Input) encodings(t *tally) {
	for _, p := range in.M.Parts {
		if p.IsAttachment() || p.Encoding != "base64" || !strings.HasPrefix(p.MediaType, "text/") {
			continue
		}
		text := p.Text()
		if len(text) > 20 && strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
			t.add(layoutEncoded, portcullis.Evidence{Part: p.Path})
		}
	}
	broken := 0
	for _, d := range in.M.Defects {
		switch d.Kind {
		case message.BadContentType, message.BadParameter, message.BadEncoding, message.NoBoundary, message.GuessedBoundary, message.MalformedField, message.DuplicateField, message.UnterminatedPart:
			broken++
		}
	}
	if broken > 0 {
		t.add(layoutBroken, portcullis.Evidence{Part: in.textPath()})
	}
}

// placeholder finds what a template engine should have replaced.
func placeholder(s string) int {
	for _, p := range [][2]string{{"{{", "}}"}, {"[[", "]]"}, {"*|", "|*"}, {"{%", "%}"}, {"<%", "%>"}, {"[%", "%]"}, {"%%", "%%"}, {"##", "##"}} {
		i := strings.Index(s, p[0])
		if i < 0 {
			continue
		}
		j := strings.Index(s[i+2:], p[1])
		if j > 0 && j < 40 && oneToken(s[i+2:i+2+j]) {
			return i
		}
	}
	return -1
}

func oneToken(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.:/ {}", r) {
			return false
		}
	}
	return strings.IndexFunc(s, unicode.IsLetter) >= 0
}

// manners are what correspondence does and fraud rarely bothers to.
func (in *Input) manners(t *tally, said *spoken) {
	quotes := strings.Contains(in.Body, "\n> ") || strings.Contains(in.Body, "\n>>") || strings.Contains(in.Body, "\n| ")
	whole := portcullis.Evidence{Part: in.textPath()}
	if in.F.Thread.Known {
		t.add(mannerKnown, in.HeaderEvidence("References", 0, "answers a mail that is in the archive"))
	}
	if len(in.M.References()) > 0 {
		t.add(mannerThread, in.HeaderEvidence("References", 0, "names what it answers"))
	}
	if quotes {
		t.add(mannerQuote, whole)
	}
	bait := 0
	for _, n := range said.count {
		bait += n
	}
	if words := len(said.words); words > 250 && bait*120 < words {
		t.add(mannerLong, whole)
	}
}
