package mail

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/attach"
	"portcullis.example/portcullis/internal/people"
)

// Dangerous attachments (ATT&CK T1566.001). Package attach says what a file is
// able to do; here is weighed whether that is an attack.
//
// Abilities differ in what they prove. A shortcut that starts a command, a name
// turned around, a page that assembles a program out of its own text: nobody
// sends these to a member of parliament by accident. A macro, a password, an
// invitation with a link: people send them every day, most of all those one
// writes with. So each ability has a weight in tenths of log-odds (see
// rule_attachment_weight.go), and the sender has one: strangers count against
// the file, people the recipient has answered and authenticated mail of the
// house for it. A known sender is never exempt, since accounts are taken over:
// the weight falls and an informational statement stays.
//
// Only mail to protected people is worth a person's eye. For everybody else the
// same abilities carry fixed points of ordinary scoring, none for what good mail
// often has. Attached pages and their forms get no points here: the rules
// about ordinary phishing count them.
//
// Known misses: exploits in files that look as they should; an encrypted
// archive whose password arrives otherwise; a script hidden among hundreds of
// files of a source tree; everything a correspondent's stolen account sends is
// informational only.
var attachmentRule = Rule{
	Name:      "mail/attachment",
	Version:   1,
	Technique: "T1566.001",
	About:     "Attachments that run something, hide what they are, or cannot be looked into.",
	Judge:     judgeAttachment,
}

const (
	maxAttachmentStatements = 8
	maxAttachmentEvidence   = 6
)

// threat is what one attachment is able to do.
type threat struct {
	scale
	file     Attachment
	worst    attach.Trait
	points   int
	evidence []portcullis.Evidence
	trifle   bool // nothing but what good mail has
}

func judgeAttachment(in *Input) []Statement {
	var list []Statement
	for _, a := range in.Attachments {
		t, ok := in.threat(a)
		if !ok {
			continue
		}
		if s := in.threatens(&t); s.Points != 0 || s.Attention == portcullis.Targeted {
			list = append(list, s)
		}
	}
	if s, ok := in.drawnCode(); ok {
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(a, b Statement) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.Points, a.Points))
	})
	if more := len(list) - maxAttachmentStatements; more > 0 {
		in.Unknown(fmt.Sprintf("%d more attachments with dangerous abilities are not listed", more))
		list = list[:maxAttachmentStatements]
	}
	return list
}

// threat weighs the abilities of one attachment. The worst counts in full; the
// others show intent, so half of theirs is added, up to a bound.
func (in *Input) threat(a Attachment) (threat, bool) {
	t := threat{file: a}
	worst, others := ability{}, 0
	for _, trait := range a.Report.Traits {
		w := in.ability(trait, a.Report)
		if len(t.evidence) < maxAttachmentEvidence {
			t.evidence = append(t.evidence, traitEvidence(a, trait))
		}
		if w.tenths > worst.tenths {
			others += worst.tenths / 2
			worst, t.worst = w, trait
		} else {
			others += w.tenths / 2
		}
		t.points = max(t.points, w.points)
	}
	if worst.tenths == 0 {
		return t, false
	}
	if first := traitEvidence(a, t.worst); t.evidence[0] != first {
		t.evidence = append([]portcullis.Evidence{first}, slices.DeleteFunc(t.evidence, func(e portcullis.Evidence) bool { return e == first })...)
	}
	t.trifle = worst.tenths <= everyday.tenths
	t.weigh(worst.tenths, "")
	if others >= slight.tenths/2 {
		t.weigh(min(others, 12), "it has other dangerous abilities as well")
	}
	return t, true
}

// traitEvidence points to the part; within containers the note has the path,
// since offsets are those of the unpacked member.
func traitEvidence(a Attachment, t attach.Trait) portcullis.Evidence {
	e := portcullis.Evidence{Part: a.Part.Path, Note: t.Kind + ": " + t.Detail}
	if t.Path == "" {
		e.Start, e.End = t.Start, t.End
	} else {
		e.Note += " (in " + t.Path + ")"
	}
	return e
}

// threatens makes the statement.
func (in *Input) threatens(t *threat) Statement {
	s := Statement{
		Key: t.file.Part.Path, Technique: attach.Technique(t.worst.Kind), Evidence: t.evidence,
		Observables: in.senderObservables(),
		Flip:        "the attachment without this: " + t.worst.Kind,
	}
	what := fmt.Sprintf("The attachment %s %s", fileLabel(t.file), abilityWords[t.worst.Kind])
	if len(in.Targets) == 0 {
		s.Points, s.Confidence, s.Summary = t.points, 60, what+"."
		return s
	}
	in.weighCarrier(&t.scale)
	if t.trifle && t.tenths <= everyday.tenths {
		return Statement{} // what people exchange every day
	}
	t.grade(&s)
	s.People = slices.Clone(in.Targets)
	s.Unknown = in.historyUnknown()
	s.Summary = what + "."
	if why := t.because(); why != "" {
		s.Summary = what + "; " + why + "."
	}
	if s.Severity <= portcullis.Informational {
		s.Points = min(s.Points, t.points)
		s.Summary += " That proves nothing by itself."
		return s
	}
	s.Flip += "; or a sender these recipients have written to before"
	return s
}

func fileLabel(a Attachment) string {
	if a.Part.FileName == "" {
		return "without a name (" + a.Report.Type + ")"
	}
	return fmt.Sprintf("%.80q", a.Part.FileName)
}

// weighCarrier weighs who sent the file. Answers of the recipients and
// authentication of the house's own domain are what a stranger cannot forge.
func (in *Input) weighCarrier(s *scale) {
	pass, known := in.Authenticated()
	h := in.F.History
	elsewhere := in.Unaligned() && !in.List()
	switch {
	case known && !pass:
		s.weigh(8, "the sender's domain does not stand behind the mail")
	case elsewhere && h.Replied > 0:
		s.weigh(-25, "these recipients have written to the sender before, though this mail was sent from elsewhere")
	case elsewhere:
		s.weigh(8, "it was not sent by the sender's own domain")
	case h.Replied > 0:
		s.weigh(-45, "these recipients have written to the sender before")
	case in.ownSender() && (pass || h.SenderMails > 0):
		s.weigh(-45, "the sender is of the house")
	case in.Stranger():
		s.weigh(8, "nobody of the house had mail from the sender before")
	case h.Known && h.SenderMails == 0:
		s.weigh(6, "it is the first mail from this address")
	}
	if in.List() {
		s.weigh(-6, "it came through a mailing list")
	}
}

// ownSender tells mail that says to come from within, or from an address of a
// protected person.
func (in *Input) ownSender() bool {
	return in.People.OwnDomain(in.SenderDomain) || len(in.People.ByAddress(in.Sender.Addr)) > 0 && !people.Freemail(in.SenderDomain)
}

// drawnCode finds a QR code drawn with characters in a mail that speaks of
// accounts: made for filters that look into pictures only (T1598.003).
func (in *Input) drawnCode() (Statement, bool) {
	target, ok := attach.QRInText(in.Body)
	if !ok || !strings.Contains(target, "://") || in.speech().count[roleAccount] == 0 {
		return Statement{}, false
	}
	return Statement{
		Key: "drawn-code", Points: drawnCodePoints, Confidence: 70, Technique: "T1598.003",
		Summary:  "The mail speaks of an account and holds a QR code drawn with characters, where filters see no picture.",
		Evidence: []portcullis.Evidence{{Part: "text", Note: "the code leads to " + shorten(target)}},
		Flip:     "the address as an ordinary link, or no word of an account",
	}, true
}
