package source

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
)

// openJournal takes a message out of a journal report. Exchange, on premises and
// online, sends one for each message to the mailbox that the journal goes to: an
// outer message with a text that states the envelope,
//
//	Sender: anna@house.example
//	Subject: Budget
//	Message-Id: <1@house.example>
//	To: lists@house.example
//	Bcc: bob@house.example, Expanded: lists@house.example
//
// and the message as it was, attached. Behind "Expanded:" stands the list through
// which a recipient got it, behind "Forwarded:" who forwarded it; who got it stands
// first. "Recipient:" is somebody of whom the server does not know more, which
// online is most.
//
// Nothing in a report proves that Exchange made it. Anybody could send one, and
// state in it that a letter was from and to whom he likes: moving mail between
// people, clearing himself, incriminating somebody. So reports are opened only where Config.Journal
// says that the mailbox is a journal's, which must take mail from the house's own
// Exchange only, as its maker advises; they are not recognised by themselves, not even
// in a folder that holds nothing else, since a folder of one forged report is
// such a folder. And only a report of exactly this form is opened, one layer
// deep; whatever else lies in the mailbox is a message like any other.
func openJournal(raw []byte) (inner []byte, e Envelope, ok bool) {
	parts := structure(raw)
	if len(parts) != 3 || parts[0].kind != "multipart/mixed" || parts[1].kind != "text/plain" || parts[2].kind != "message/rfc822" {
		return nil, e, false
	}
	inner = parts[2].content(raw, int64(len(raw)))
	text, err := decodedText(parts[1], raw)
	if err != nil || !looksLikeHeader(inner, 2) {
		return nil, e, false
	}
	r, ok := parseJournal(text)
	if !ok || !r.fits(inner) {
		return nil, e, false
	}
	return bytes.Clone(inner), Envelope{Sender: r.sender, Recipients: r.recipients}, true
}

// maxJournalText bounds the text of a report: 100,000 recipients of ordinary length.
const maxJournalText = 16 << 20

func decodedText(p mimePart, raw []byte) (string, error) {
	b := p.content(raw, maxJournalText)
	if len(b) == maxJournalText {
		return "", errors.New("too long")
	}
	switch strings.ToLower(p.params["charset"]) {
	case "", "utf-8", "us-ascii", "ascii":
		return valid(string(b)), nil
	case "utf-16", "utf-16le", "unicode":
		return utf16LE(b), nil
	}
	var dec mime.WordDecoder
	word := "=?" + p.params["charset"] + "?q?" + quoted(b) + "?="
	if text, err := dec.Decode(word); err == nil {
		return text, nil
	}
	return valid(string(b)), nil // addresses are ASCII in all of them
}

// quoted writes bytes as the Q encoding of RFC 2047 §4.2 has them.
func quoted(b []byte) string {
	var out strings.Builder
	w := quotedprintable.NewWriter(&out)
	w.Binary = true
	_, _ = io.Copy(w, bytes.NewReader(b)) // a strings.Builder takes everything
	_ = w.Close()
	return strings.NewReplacer("=\r\n", "", "_", "=5F", " ", "_", "?", "=3F").Replace(out.String())
}

// journalReport is what the text of a report states.
type journalReport struct {
	sender, messageID string
	recipients        []string
}

// parseJournal reads the text of a report. A line that is no field, a field twice
// that can be there once, or a recipient without an address make it something else.
func parseJournal(text string) (r journalReport, ok bool) {
	seen := map[string]bool{}
	have := map[string]bool{}
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, found := strings.Cut(line, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if !found || name == "" || strings.ContainsAny(name, " \t<@") {
			return r, false
		}
		switch name {
		case "to", "cc", "bcc", "recipient":
			address, ok := journalRecipient(value)
			if !ok || len(r.recipients) >= maxRecipients {
				return r, false
			}
			if key := strings.ToLower(address); !seen[key] {
				seen[key] = true
				r.recipients = append(r.recipients, address)
			}
			continue
		case "sender":
			r.sender = strings.Trim(value, "<> ")
		case "message-id":
			r.messageID = value
		}
		if have[name] && (name == "sender" || name == "message-id" || name == "subject") {
			return r, false
		}
		have[name] = true
	}
	return r, have["sender"] && have["message-id"] && len(r.recipients) > 0 && (r.sender == "" || strings.Contains(r.sender, "@"))
}

// journalRecipient takes the address of who got it, before how he did.
func journalRecipient(value string) (address string, ok bool) {
	address, how, more := strings.Cut(value, ",")
	if more {
		kind, _, found := strings.Cut(how, ":")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "expanded", "forwarded":
		default:
			return "", false
		}
		if !found {
			return "", false
		}
	}
	if at := strings.LastIndexByte(address, '<'); at >= 0 {
		address = address[at:]
	}
	address = strings.Trim(address, "<> \t\"'")
	return address, strings.Count(address, "@") == 1 && !strings.ContainsAny(address, " \t<>;:")
}

// fits tells whether the attached message is the one that is reported on.
func (r journalReport) fits(inner []byte) bool {
	header := inner
	if n := bodyStart(inner); n >= 0 {
		header = inner[:n]
	}
	id := fieldValue(header, "message-id:")
	return id == "" || r.messageID == "" || id == r.messageID
}
