package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/hosted"
	"portcullis.example/portcullis/internal/mail/remote/rest"
	"portcullis.example/portcullis/internal/mail/source"
)

// Limits of what a mailbox may hold; Exchange has fewer.
const (
	maxFolders = 100_000
	maxPages   = 100_000 // of one round
	maxDepth   = 300
)

// folder is one of a mailbox.
type folder struct {
	ID     string `json:"id"`
	Name   string `json:"displayName"`
	Parent string `json:"parentFolderId"`
	Total  int64  `json:"totalItemCount"`
	Search bool   `json:"search,omitempty"` // it is a search that looks like a folder

	path    string
	state   source.State
	rank    int    // what new mail comes to first
	skipped string // why it is not read, "" if it is
}

// tree is what is stored of the folders of a mailbox.
type tree struct {
	Link    string             `json:"link"` // what has changed since
	Folders map[string]*folder `json:"folders"`
	Known   map[string]string  `json:"known"` // which folder a well-known name stands for

	stored string          // Link as it is stored
	ended  map[string]bool // folders that were read to their end in this Read
}

// wellKnown are folders with names of their own that are the same in all languages
// (learn.microsoft.com/graph/api/resources/mailfolder), and what lies in them.
var wellKnown = []struct {
	name    string
	state   source.State
	skipped string
	rank    int
}{
	{"inbox", 0, "", -3},
	{"junkemail", source.Junk, "", -2},
	{"sentitems", source.Sent, "", -1},
	{"deleteditems", source.Deleted, "", 0},
	{"drafts", source.Draft, "drafts", 0},
	{"outbox", source.Sent, "it waits to be sent", 0},
	{"searchfolders", 0, showsAgain, 0},
}

const showsAgain = "it shows again what lies elsewhere"

func (r *reading) user() string { return "/users/" + url.PathEscape(r.account.address) }

func (r *reading) treeKey() string { return r.source.treeKey(r.account) }

func (s *Source) treeKey(a *account) string { return s.Name() + "\n" + a.address + "\n" }

// folders finds out which folders there are.
func (r *reading) folders(ctx context.Context) (*tree, error) {
	t := &tree{}
	if raw, ok := r.session.State(r.treeKey()); ok && json.Unmarshal(raw, t) != nil {
		*t = tree{}
	}
	t.stored = t.Link
	err := r.changes(ctx, t)
	if t.Link != "" && expired(err) {
		*t = tree{}
		err = r.changes(ctx, t)
	}
	if err != nil {
		return nil, fmt.Errorf("list folders: %w", err)
	}
	t.ended = map[string]bool{}
	r.source.locate(t)
	return t, nil
}

// folderPage is one page of the folders' delta query.
type folderPage struct {
	Value []struct {
		folder
		Type    string          `json:"@odata.type"`
		Removed json.RawMessage `json:"@removed"`
	} `json:"value"`
	Next  string `json:"@odata.nextLink"`
	Delta string `json:"@odata.deltaLink"`
}

// changes brings the tree up to date, and stores it if it changed.
func (r *reading) changes(ctx context.Context, t *tree) error {
	changed := t.Link == "" || t.Folders == nil
	if changed {
		*t = tree{Folders: map[string]*folder{}, stored: t.stored}
		known, err := r.wellKnown(ctx)
		if err != nil {
			return err
		}
		t.Known = known
	}
	link := t.Link
	if link == "" {
		link = r.user() + "/mailFolders/delta?" + url.Values{"$select": {"id,displayName,parentFolderId,totalItemCount"}}.Encode()
	}
	for range maxPages {
		var page folderPage
		if err := r.source.client.JSON(ctx, r.account.tokens, link, r.source.header(), &page); err != nil {
			return err
		}
		changed = t.take(&page) || changed
		switch {
		case len(t.Folders) > maxFolders:
			return remote.Fail(remote.Permanent, "it is not read", "the mailbox has more than %d folders", maxFolders)
		case page.Next != "":
			link = page.Next
			continue
		case page.Delta == "":
			return remote.Fail(remote.Temporary, "", "a list of folders ends without a link to what comes after")
		}
		if _, err := r.source.client.Link(page.Delta); err != nil {
			return err
		}
		t.Link = page.Delta
		return r.keep(t, changed)
	}
	return errEndless
}

var errEndless = remote.Fail(remote.Temporary, "it is asked again from where it was", "the server's list has no end")

// take changes the tree as a page says.
func (t *tree) take(page *folderPage) (changed bool) {
	for i := range page.Value {
		v := page.Value[i]
		switch old := t.Folders[v.ID]; {
		case v.ID == "":
		case v.Removed != nil:
			delete(t.Folders, v.ID)
			changed = changed || old != nil
		default:
			f := v.folder
			f.Search = strings.HasSuffix(v.Type, "mailSearchFolder")
			changed = changed || old == nil || old.Name != f.Name || old.Parent != f.Parent
			t.Folders[v.ID] = &f
		}
	}
	return changed
}

// keep stores a tree. A link alone that is new is not worth it: the old one says the same once more.
func (r *reading) keep(t *tree, changed bool) error {
	if !changed {
		t.Link = t.stored
		return nil
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode folders: %w", err)
	}
	t.stored = t.Link
	return r.session.Advance(r.treeKey(), raw)
}

// wellKnown asks which folders the well-known names stand for. Not every mailbox has all.
func (r *reading) wellKnown(ctx context.Context) (map[string]string, error) {
	known := map[string]string{}
	for _, w := range wellKnown {
		var f folder
		err := r.source.client.JSON(ctx, r.account.tokens, r.user()+"/mailFolders/"+w.name+"?$select=id", r.source.header(), &f)
		said := rest.Said(err)
		switch {
		case err == nil:
			known[w.name] = f.ID
		case said != nil && (said.Status == http.StatusNotFound || said.Status == http.StatusBadRequest) && said.Has("ErrorItemNotFound", "ErrorFolderNotFound", "ErrorInvalidIdMalformed", "RequestBroker--ParseUri"):
		default:
			return nil, err
		}
	}
	return known, nil
}

// locate fills in where each folder lies, and whether it is read.
func (s *Source) locate(t *tree) {
	for _, f := range t.Folders {
		f.state, f.skipped, f.rank = 0, "", 0
		if f.Search {
			f.skipped = showsAgain
		}
		names := []string{strings.ReplaceAll(f.Name, "/", "_")}
		for at, depth := f, 0; depth < maxDepth; depth++ {
			for _, w := range wellKnown {
				if t.Known[w.name] == at.ID && at.ID != "" {
					f.state, f.skipped = f.state|w.state, hosted.Or(f.skipped, w.skipped)
					if at == f {
						f.rank = w.rank
					}
				} else if t.Known[w.name] != "" && t.Known[w.name] == at.Parent && t.Folders[at.Parent] == nil {
					f.state, f.skipped = f.state|w.state, hosted.Or(f.skipped, w.skipped) // its parent is not told of
				}
			}
			if at = t.Folders[at.Parent]; at == nil || at == f {
				break
			}
			names = append(names, strings.ReplaceAll(at.Name, "/", "_"))
		}
		slices.Reverse(names)
		f.path = strings.ToValidUTF8(strings.Join(names, "/"), "?")
		s.choose(f)
	}
}

// choose applies the patterns of the configuration.
func (s *Source) choose(f *folder) {
	switch {
	case matches(s.cfg.Exclude, f.path):
		f.skipped = "excluded"
	case matches(s.cfg.Include, f.path):
		f.skipped = ""
	case len(s.cfg.Include) > 0:
		f.skipped = "not included"
	}
}

// matches tells whether a path matches one of the patterns; ** at the end stands for anything below.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if prefix, ok := strings.CutSuffix(pattern, "**"); ok {
			return strings.HasPrefix(name, prefix)
		}
		ok, err := path.Match(pattern, name)
		return err == nil && ok
	})
}

// inOrder are the folders, those first that new mail comes to.
func (s *Source) inOrder(t *tree) []*folder {
	list := make([]*folder, 0, len(t.Folders))
	for _, f := range t.Folders {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b *folder) int {
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		if c := strings.Compare(a.path, b.path); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}
