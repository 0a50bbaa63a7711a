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
	if unfilled(in.Subject, clipText(in.Body, 20000)) {
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

// paddings are the units that long runs of line breaks or of empty elements are
// made of, and how many are too many.
var paddings = [...]struct {
	unit  string
	times int
}{{"<br>", 25}, {"<br>\n", 25}, {"<br>\r\n", 25}, {"\n", 60}, {"\r\n", 60}}

// padded finds such a run. The shortest has sixty bytes: whoever looks at every
// thirtieth meets each twice, and nearly always sees at once that there is none.
func padded(text string) bool {
	for at := 29; at < len(text); at += 30 {
		switch text[at] {
		case '\n', '\r', '<', 'b', 'r', '>':
		default:
			continue
		}
		for _, p := range paddings {
			from, to := repeated(text, at, len(p.unit), len(p.unit)*p.times)
			if to-from >= len(p.unit)*p.times && strings.Contains(text[from:to], strings.Repeat(p.unit, p.times)) {
				return true
			}
		}
	}
	return false
}

// repeated is the stretch around a byte, at most so far to either side, in which
// each byte is that one period before.
func repeated(text string, at, period, most int) (from, to int) {
	from = at
	for from > 0 && at-from < most && from+period-1 < len(text) && text[from-1] == text[from+period-1] {
		from--
	}
	to = at
	for to-at < most && to+period < len(text) && text[to] == text[to+period] {
		to++
	}
	return from, min(to+period, len(text))
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

// brackets are what template engines set around what they replace.
var brackets = [...][2]string{{"{{", "}}"}, {"[[", "]]"}, {"*|", "|*"}, {"{%", "%}"}, {"<%", "%>"}, {"[%", "%]"}, {"%%", "%%"}, {"##", "##"}}

// unfilled finds what a template engine should have replaced. Of each kind of
// bracket the first counts, in the subject if it has one.
func unfilled(subject, body string) bool {
	for _, b := range brackets {
		text := subject
		i := strings.Index(text, b[0])
		if i < 0 {
			text = body
			if i = strings.Index(text, b[0]); i < 0 {
				continue
			}
		}
		rest := text[i+2:]
		if j := strings.Index(rest[:min(len(rest), 41)], b[1]); j > 0 && j < 40 && oneToken(rest[:j]) {
			return true
		}
	}
	return false
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
