package imap

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// folder is one of a mailbox.
type folder struct {
	Name    string
	Skipped string // why it is not read, "" if it is
	Owner   string // of another user's folder, as the server names them
	status  *imap.StatusData
	attrs   []imap.MailboxAttr
}

func (f folder) messages() int64 {
	if f.status == nil || f.status.NumMessages == nil {
		return -1
	}
	return int64(*f.status.NumMessages)
}

// maxFolders bounds the folders of one mailbox.
const maxFolders = 100_000

// folders lists the folders of a mailbox, the one that new mail comes to first.
func (s *Source) folders(ctx context.Context, c *connection, a *account) ([]folder, error) {
	if err := s.limiter.Wait(ctx); err != nil {
		return nil, err
	}
	options := &imap.ListOptions{}
	if c.caps.Has(imap.CapListStatus) || c.caps.Has(imap.CapIMAP4rev2) {
		options.ReturnStatus = statusOptions(c)
	}
	// RETURN needs LIST-EXTENDED; without it servers with SPECIAL-USE give its attributes anyway (RFC 6154 §2).
	options.ReturnSpecialUse = c.caps.Has(imap.CapSpecialUse) && (c.caps.Has(imap.CapListExtended) || c.caps.Has(imap.CapIMAP4rev2))
	c.guard.expect(answerBytes)
	defer c.guard.relax()
	listed, err := c.List("", "*", options).Collect()
	if err != nil {
		return nil, err
	}
	if len(listed) > maxFolders {
		return nil, fmt.Errorf("the server lists %d folders; want at most %d", len(listed), maxFolders)
	}
	others, err := s.namespaces(c)
	if err != nil {
		return nil, err
	}
	list := make([]folder, 0, len(listed))
	for _, l := range listed {
		list = append(list, s.folder(l, others))
	}
	if c.caps.Has("X-GM-EXT-1") {
		s.labels(list)
	}
	list = inOrder(list)
	if i := slices.IndexFunc(list, func(f folder) bool { return f.Skipped == "" }); i >= 0 {
		a.inbox = list[i].Name
	}
	return list, nil
}

func statusOptions(c *connection) *imap.StatusOptions {
	return &imap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, HighestModSeq: c.caps.Has(imap.CapCondStore)}
}

// inOrder puts first what new mail comes to.
func inOrder(list []folder) []folder {
	slices.SortStableFunc(list, func(x, y folder) int { return rank(x) - rank(y) })
	return list
}

// rank puts INBOX first, and what is all of the mail after it.
func rank(f folder) int {
	switch {
	case strings.EqualFold(f.Name, "INBOX"):
		return 0
	case slices.Contains(f.attrs, imap.MailboxAttrAll):
		return 1
	}
	return 2
}

// namespace is a part of the tree that is somebody else's (RFC 2342).
type namespace struct {
	prefix string
	delim  rune
	users  bool // the name of a user follows
}

func (s *Source) namespaces(c *connection) (list []namespace, err error) {
	if !c.caps.Has(imap.CapNamespace) && !c.caps.Has(imap.CapIMAP4rev2) {
		return nil, nil
	}
	data, err := c.Namespace().Wait()
	if err != nil {
		return nil, fmt.Errorf("namespaces: %w", err)
	}
	for _, n := range data.Other {
		list = append(list, namespace{n.Prefix, n.Delim, true})
	}
	for _, n := range data.Shared {
		list = append(list, namespace{n.Prefix, n.Delim, false})
	}
	return list, nil
}

// folder decides whether one is read.
func (s *Source) folder(l *imap.ListData, others []namespace) folder {
	f := folder{Name: l.Mailbox, status: l.Status, attrs: l.Attrs}
	has := func(attr imap.MailboxAttr) bool {
		return slices.ContainsFunc(l.Attrs, func(a imap.MailboxAttr) bool { return strings.EqualFold(string(a), string(attr)) })
	}
	shared := false
	for _, n := range others {
		if rest, ok := strings.CutPrefix(f.Name, n.prefix); ok && n.prefix != "" {
			shared = true
			if n.users {
				f.Owner, _, _ = strings.Cut(rest, string(n.delim))
			}
		}
	}
	name := strings.ReplaceAll(f.Name, string(l.Delim), "/")
	switch {
	case has(imap.MailboxAttrNoSelect), has(imap.MailboxAttrNonExistent):
		f.Skipped = "it holds no mail of its own"
	case matches(s.cfg.Exclude, name):
		f.Skipped = "excluded"
	case matches(s.cfg.Include, name):
	case len(s.cfg.Include) > 0:
		f.Skipped = "not included"
	case shared && !s.cfg.Shared:
		f.Skipped = "it is another's (shared = true reads it)"
	case has(imap.MailboxAttrDrafts):
		f.Skipped = "drafts"
	case has(imap.MailboxAttrAll), has(imap.MailboxAttrFlagged), has(imap.MailboxAttrImportant):
		f.Skipped = "it shows again what lies elsewhere"
	}
	return f
}

// labels sees to Gmail, whose folders are labels: a message has many of them, or
// none. All of the mail but Junk and Trash lies in the folder that is \All, and only there each once.
func (s *Source) labels(list []folder) {
	if len(s.cfg.Include) > 0 || !slices.ContainsFunc(list, func(f folder) bool { return slices.Contains(f.attrs, imap.MailboxAttrAll) }) {
		return
	}
	for i := range list {
		f := &list[i]
		switch {
		case slices.Contains(f.attrs, imap.MailboxAttrAll):
			if f.Skipped != "excluded" {
				f.Skipped = ""
			}
		case f.Skipped == "" && !slices.Contains(f.attrs, imap.MailboxAttrJunk) && !slices.Contains(f.attrs, imap.MailboxAttrTrash):
			f.Skipped = "it shows again what lies in the folder of all mail"
		}
	}
}

// matches tells whether a name matches one of the patterns; ** stands for any part of it.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if prefix, ok := strings.CutSuffix(pattern, "**"); ok {
			return strings.HasPrefix(name, prefix)
		}
		ok, err := path.Match(pattern, name)
		return err == nil && ok || strings.EqualFold(pattern, "INBOX") && strings.EqualFold(name, "INBOX")
	})
}
