package mail

import (
	"bytes"
	"strings"

	"portcullis.example/portcullis/internal/mail/message"
)

// Normalise removes from a mail what tells collections apart rather than good
// from bad: line ends, list fields and footers, subject tags, what collectors and
// relays added, dates, and the address it was delivered to. Measuring without it
// gives good figures that mean nothing. It is for evaluation; scanning never
// uses it.
func Normalise(raw []byte) []byte {
	raw = bytes.ReplaceAll(raw, []byte("\r"), nil)
	raw = bytes.TrimLeft(raw, "\n")
	if bytes.HasPrefix(raw, []byte("From ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	head, body, _ := bytes.Cut(raw, []byte("\n\n"))
	out := make([]byte, 0, len(raw)+64)
	recipients := map[string]bool{}
	for _, address := range rewritten {
		raw := []byte(address)
		head, body = bytes.ReplaceAll(head, raw, []byte(neutralReader)), bytes.ReplaceAll(body, raw, []byte(neutralReader))
	}
	for field := range fields(head) {
		name, value, _ := bytes.Cut(field, []byte(":"))
		lower := strings.ToLower(strings.TrimSpace(string(name)))
		if recipientFields[lower] {
			for _, a := range message.ParseAddresses(string(value)) {
				recipients[a.Addr] = true
			}
			continue
		}
		if dropped(lower) {
			continue
		}
		if lower == "subject" {
			field = append([]byte("Subject:"), untagged(value)...)
		}
		out = append(append(out, field...), '\n')
	}
	out = append(out, "To: "+neutralReader+"\n\n"...)
	out = append(out, withoutFooters(body)...)
	for address := range recipients {
		if len(address) > 5 && strings.Contains(address, "@") {
			out = bytes.ReplaceAll(out, []byte(address), []byte(neutralReader))
		}
	}
	return out
}

const neutralReader = "reader@example.org"

// rewritten are the addresses that public collections put in the place of
// recipients, and of senders where a victim forwarded what he got.
var rewritten = []string{"phishing@pot", "phish@pot"}

var recipientFields = map[string]bool{
	"to": true, "cc": true, "bcc": true, "delivered-to": true, "envelope-to": true, "x-original-to": true, "x-envelope-to": true,
	"apparently-to": true, "resent-to": true, "x-rcpt-to": true,
}

var droppedFields = map[string]bool{
	"received": true, "date": true, "precedence": true, "return-path": true, "authentication-results": true, "received-spf": true,
	"resent-date": true, "delivery-date": true, "errors-to": true, "mailing-list": true, "sender": true, "mail-followup-to": true,
	"status": true, "lines": true, "content-length": true, "old-received": true, "dkim-signature": true, "domainkey-signature": true,
	"thread-index": true, "resent-from": true, "resent-sender": true, "resent-message-id": true,
}

func dropped(name string) bool {
	return droppedFields[name] || strings.HasPrefix(name, "list-") || strings.HasPrefix(name, "x-") || strings.HasPrefix(name, "arc-")
}

// fields yields the header fields with their continuation lines.
func fields(head []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(head) > 0 {
			end := 0
			for {
				i := bytes.IndexByte(head[end:], '\n')
				if i < 0 {
					end = len(head)
					break
				}
				end += i
				if end+1 < len(head) && (head[end+1] == ' ' || head[end+1] == '\t') {
					end++
					continue
				}
				break
			}
			if !yield(head[:end]) {
				return
			}
			head = head[min(end+1, len(head)):]
		}
	}
}

// untagged removes "[list]" from the front of a subject, behind "Re:" too.
func untagged(value []byte) []byte {
	s := string(value)
	for range 3 {
		i := strings.IndexByte(s, '[')
		if i < 0 || len(strings.Trim(s[:i], " \t")) > 4 {
			break
		}
		j := strings.IndexByte(s[i:], ']')
		if j < 0 || j > 40 {
			break
		}
		s = s[:i] + strings.TrimLeft(s[i+j+1:], " ")
	}
	return []byte(s)
}

// withoutFooters removes what mailing-list software puts below a message: a
// ruled line and, within a few lines, talk of the list.
func withoutFooters(body []byte) []byte {
	lines := bytes.SplitAfter(body, []byte("\n"))
	var out []byte
	for i := 0; i < len(lines); i++ {
		if n := footer(lines[i:]); n > 0 {
			i += n - 1
			continue
		}
		out = append(out, lines[i]...)
	}
	return out
}

func footer(lines [][]byte) int {
	if len(lines) == 0 || !ruled(lines[0]) {
		return 0
	}
	talk := false
	n := 1
	for ; n < len(lines) && n < 9; n++ {
		line := bytes.ToLower(bytes.TrimSpace(lines[n]))
		if len(line) == 0 && talk || bytes.HasPrefix(line, []byte("--")) && !ruled(lines[n]) {
			break
		}
		for _, word := range []string{"mailing list", "listinfo", "unsubscribe", "sponsored by", "mailman", "to post:"} {
			talk = talk || bytes.Contains(line, []byte(word))
		}
	}
	if !talk {
		return 0
	}
	return n
}

func ruled(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) >= 20 && (len(bytes.Trim(line, "_")) == 0 || len(bytes.Trim(line, "-")) == 0 || len(bytes.Trim(line, "=")) == 0)
}
