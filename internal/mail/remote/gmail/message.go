package gmail

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/hosted"
	"portcullis.example/portcullis/internal/mail/remote/rest"
	"portcullis.example/portcullis/internal/mail/source"
)

// allMail is where a message lies that has no label.
const allMail = "All Mail"

// message is what was fetched: nothing of one that is gone.
type message struct {
	Labels []string `json:"labelIds"`
	Thread string   `json:"threadId"`
	Date   string   `json:"internalDate"` // milliseconds since 1970
	Raw    rawMail  `json:"raw"`

	problem error
	remedy  string
}

func (m *message) time() time.Time {
	ms, err := strconv.ParseInt(m.Date, 10, 64)
	if err != nil || ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// rawMail is decoded as it is read, so that a message is in memory no more often than it must.
type rawMail []byte

// UnmarshalJSON reads a message in base64 for URLs (RFC 4648 §5), padded or not.
func (m *rawMail) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' {
		return errors.New("a message is no text")
	}
	b = b[1 : len(b)-1]
	if bytes.IndexByte(b, '\\') >= 0 { // \u003d, say
		var text string
		if err := json.Unmarshal(append(append([]byte{'"'}, b...), '"'), &text); err != nil {
			return err
		}
		b = []byte(text)
	}
	b = bytes.TrimRight(b, "=")
	out := make([]byte, base64.RawURLEncoding.DecodedLen(len(b)))
	n, err := base64.RawURLEncoding.Decode(out, b)
	if err != nil {
		return errors.New("a message is not in base64")
	}
	*m = out[:n]
	return nil
}

// fetch reads one message.
func (r *reading) fetch(ctx context.Context, e entry) (*message, error) {
	link := r.user() + "/messages/" + url.PathEscape(e.ID) + "?format=raw&fields=labelIds,threadId,internalDate,raw"
	limit := r.source.cfg.MaxMessage
	raw, whole, err := r.source.client.Bytes(ctx, r.account.tokens, link, nil, limit/3*4+64<<10)
	said := rest.Said(err)
	switch {
	case said != nil && said.Status == http.StatusNotFound:
		return &message{}, nil // it went since it was listed
	case err != nil:
		return nil, err
	case !whole:
		return &message{problem: fmt.Errorf("the message is larger than %d bytes; nothing of it was read", limit), remedy: "raise max_message to read it"}, nil
	}
	m := &message{}
	if err := json.Unmarshal(raw, m); err != nil {
		return nil, remote.Fail(remote.Temporary, "is it the right server?", "a message is not what was asked for: %w", err)
	}
	return m, nil
}

// kept is what the mailbox says of where it keeps a message.
func (r *reading) kept(ctx context.Context, m *message) (k source.Kept, err error) {
	for _, id := range m.Labels {
		if _, known := r.account.labels[id]; !known {
			if err := r.listLabels(ctx); err != nil {
				return k, err
			}
			break
		}
	}
	first := ""
	for _, id := range m.Labels {
		name := id
		if n := r.account.labels[id]; n != "" {
			name = n
		} else {
			r.account.label(id)
		}
		name = strings.ToValidUTF8(name, "?")
		k.Labels = append(k.Labels, name)
		state, system := systemLabels[id]
		switch {
		case state != 0 || id == "INBOX":
			k.State |= state
			k.Folder = hosted.Or(k.Folder, name)
		case !system && !strings.HasPrefix(id, "CATEGORY_"):
			first = hosted.Or(first, name)
		}
	}
	k.Folder = hosted.Or(k.Folder, first)
	if thread, err := strconv.ParseUint(m.Thread, 16, 64); err == nil { // X-GM-THRID of exports is the same number in decimal
		k.Thread = strconv.FormatUint(thread, 10)
	}
	return k, nil
}

// label notes one that the list does not name, so that it is not asked for again and again.
func (a *account) label(id string) {
	if a.labels == nil {
		a.labels = map[string]string{}
	}
	if len(a.labels) < maxLabels {
		a.labels[id] = id
	}
}

// maxLabels is above what Gmail allows, 10,000.
const maxLabels = 100_000

// systemLabels say how a message is marked or what became of it.
var systemLabels = map[string]source.State{
	"INBOX": 0, "SENT": source.Sent, "DRAFT": source.Draft, "SPAM": source.Junk, "TRASH": source.Deleted,
	"UNREAD": 0, "STARRED": 0, "IMPORTANT": 0, "CHAT": 0,
}
