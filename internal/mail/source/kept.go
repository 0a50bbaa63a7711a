package source

import (
	"bytes"
	"mime"
	"path"
	"strconv"
	"strings"
)

// keptBy reads what a mailbox wrote above a message. Only fields at the very top
// count, above all that a server or a sender wrote: Takeout begins each message
// with X-GM-THRID and X-Gmail-Labels, Thunderbird with X-Account-Key, X-UIDL and its
// own X-Mozilla fields. A sender who writes such a field has it below.
func keptBy(raw []byte) (k Kept, ok bool) {
	top, ok := topFields(raw)
	if !ok {
		return k, false
	}
	if labels := top["x-gmail-labels"]; labels != "" {
		k.Labels = gmailLabels(labels)
		k.Folder, k.State = labelFolder(k.Labels), stateOf(k.Labels...)
	}
	k.Thread = top["x-gm-thrid"]
	if flags, err := strconv.ParseUint(strings.TrimSpace(top["x-mozilla-status"]), 16, 32); err == nil && flags&mozillaExpunged != 0 {
		k.State |= Deleted // it stands in the file until the folder is compacted
	}
	return k, true
}

// mozillaExpunged is of Thunderbird's nsMsgMessageFlags.
const mozillaExpunged = 0x0008

// topFields are the fields of a mailbox at the top of a message.
func topFields(raw []byte) (map[string]string, bool) {
	var fields map[string]string
	for at := 0; at < len(raw) && len(fields) < 16; {
		line, _, _ := bytes.Cut(raw[at:], []byte("\n"))
		name := strings.ToLower(fieldName(line))
		switch name {
		case "x-gm-thrid", "x-gmail-labels", "x-account-key", "x-uidl", "x-mozilla-status", "x-mozilla-status2", "x-mozilla-keys":
		default:
			return fields, fields != nil
		}
		if fields == nil {
			fields = map[string]string{}
		}
		end := fieldEnd(raw, at)
		fields[name] = fieldValue(raw[at:end], name+":")
		at = end
	}
	return fields, fields != nil
}

// fieldEnd is behind the field that begins at at, with the lines that continue it.
func fieldEnd(raw []byte, at int) int {
	for {
		nl := bytes.IndexByte(raw[at:], '\n')
		if nl < 0 {
			return len(raw)
		}
		if at += nl + 1; at >= len(raw) || raw[at] != ' ' && raw[at] != '\t' {
			return at
		}
	}
}

// gmailLabels reads X-Gmail-Labels: names with commas between them, as encoded words
// where they are not ASCII (RFC 2047), in quotes where a name has a comma.
func gmailLabels(value string) (labels []string) {
	if decoded, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
		value = decoded
	}
	var label strings.Builder
	inQuotes := false
	add := func() {
		if name := strings.TrimSpace(label.String()); name != "" && len(labels) < 1000 {
			labels = append(labels, valid(name))
		}
		label.Reset()
	}
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			inQuotes = !inQuotes
		case c == '\\' && inQuotes && i+1 < len(value):
			i++
			label.WriteByte(value[i])
		case c == ',' && !inQuotes:
			add()
		default:
			label.WriteByte(c)
		}
	}
	add()
	return labels
}

// labelFolder chooses the label that is most like a folder: where Gmail put the
// message, else the first one that the owner made.
func labelFolder(labels []string) string {
	first := ""
	for _, l := range labels {
		switch lower := strings.ToLower(l); {
		case lower == "inbox" || stateOf(l) != 0:
			return l
		case gmailMarks[lower] || strings.HasPrefix(lower, "category "):
		case first == "":
			first = l
		}
	}
	return first
}

// gmailMarks are labels that say how a message is marked, not where it is.
var gmailMarks = map[string]bool{
	"important": true, "starred": true, "unread": true, "opened": true, "archived": true, "chat": true,
}

// pathFolder is the folder within a mailbox that a path stands for, in the
// layouts of Thunderbird ("Inbox.sbd/Work") and Apple Mail ("INBOX.mbox/…/Messages/1.emlx").
func pathFolder(folder, name string) string {
	elements := strings.Split(folder, "/")
	var within []string
	for i := len(elements) - 1; i >= 0; i-- {
		ext := strings.ToLower(path.Ext(elements[i]))
		switch {
		case ext == ".sbd" || ext == ".mbox":
			within = append([]string{strings.TrimSuffix(elements[i], path.Ext(elements[i]))}, within...)
		case len(within) > 0:
			i = 0
		}
	}
	if name != "" {
		within = append(within, name)
	}
	return strings.Join(within, "/")
}

// keep completes what a mailbox says about a message in it. name is that of an
// mbox, "" in other mailboxes.
func (u *unit) keep(s *stream, name string, item *Item) {
	if item.Kept.Folder == "" && len(item.Kept.Labels) == 0 {
		if s.inMaildir && strings.HasPrefix(path.Base(s.folder), ".") {
			name = strings.ReplaceAll(path.Base(s.folder)[1:], ".", "/") // Maildir++: ".Work.Reports"
		}
		item.Kept.Folder = valid(pathFolder(s.folder, name))
		item.Kept.State |= stateOf(strings.Split(item.Kept.Folder, "/")...)
	}
	if k, ok := keptBy(item.Raw); ok {
		item.Kept.State |= k.State
		item.Kept.Thread = k.Thread
		if len(k.Labels) > 0 {
			item.Kept.Labels, item.Kept.Folder = k.Labels, k.Folder
			item.Kept.State = k.State // the name of an export says nothing about what is in it
		}
	}
}
