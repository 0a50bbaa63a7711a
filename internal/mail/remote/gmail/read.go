package gmail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/hosted"
	"portcullis.example/portcullis/internal/mail/remote/rest"
	"portcullis.example/portcullis/internal/mail/source"
)

// maxPages bounds one turn.
const maxPages = 100_000

// state is what is stored of a mailbox.
type state struct {
	History string `json:"history"`           // what has come since it is news
	Listing bool   `json:"listing,omitempty"` // all messages are being listed; the history comes after that
	Token   string `json:"page,omitempty"`    // of the page that is read; "" is the first
	hosted.Page
	At int64 `json:"at,omitempty"` // when it was stored, in Unix seconds
}

func (s state) encode() json.RawMessage {
	raw, err := json.Marshal(s)
	if err != nil { // strings and numbers only
		return nil
	}
	return raw
}

// reading is one turn of one mailbox.
type reading struct {
	source  *Source
	account *account
	session remote.Session
	state   state
	left    *hosted.Turn
	done    int64
}

func (r *reading) key() string { return r.source.key(r.account) }

func (r *reading) advance() error { return r.session.Advance(r.key(), r.state.encode()) }

// turn reads one turn, and says whether there is more.
func (r *reading) turn(ctx context.Context) (more bool, err error) {
	if raw, ok := r.session.State(r.key()); ok && json.Unmarshal(raw, &r.state) != nil {
		r.state = state{} // listed again; what was handed on is remembered
	}
	begun := r.state.History == ""
	if begun {
		if err := r.begin(ctx); err != nil {
			return false, err
		}
	}
	for range maxPages {
		p, err := r.page(ctx)
		switch {
		case expired(err) && !r.state.Listing && !begun:
			begun = true
			if err := r.begin(ctx); err != nil {
				return false, err
			}
			continue
		case badPage(err) && r.state.Token != "":
			err := r.left.Remember(&r.state.Page)
			r.state.Token, r.state.Page = "", hosted.Page{}
			if err := errors.Join(err, r.advance()); err != nil {
				return false, err
			}
			continue
		case err != nil:
			return false, err
		}
		if cut, err := r.hand(ctx, r.fresh(p)); err != nil || cut {
			return cut, err
		}
		if ended, err := r.turnOver(p); err != nil || ended {
			return false, err
		}
		if r.left.Spent() {
			return true, nil
		}
	}
	return false, remote.Fail(remote.Temporary, "it is asked again from where it was", "the server's list has no end")
}

// profile is what a mailbox says of itself.
type profile struct {
	History string `json:"historyId"`
	Total   int64  `json:"messagesTotal"`
}

func (r *reading) profile(ctx context.Context) (p profile, err error) {
	err = r.source.client.JSON(ctx, r.account.tokens, r.user()+"/profile?fields=historyId,messagesTotal", nil, &p)
	if err == nil && !isHistory(p.History) {
		err = remote.Fail(remote.Temporary, "is it the right server?", "the mailbox has no history")
	}
	return p, err
}

func isHistory(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}

// begin notes where the history is, so that what comes while all is listed is found in it.
func (r *reading) begin(ctx context.Context) error {
	p, err := r.profile(ctx)
	if err != nil {
		return err
	}
	if err := r.left.Remember(&r.state.Page); err != nil {
		return err
	}
	r.account.total = p.Total
	r.state = state{History: p.History, Listing: true, At: time.Now().Unix()}
	return r.advance()
}

// page is one page, of the list of all messages or of the history.
type page struct {
	Messages []entry `json:"messages"`
	Records  []struct {
		Added []struct {
			Message entry `json:"message"`
		} `json:"messagesAdded"`
	} `json:"history"`
	History string `json:"historyId"`
	Next    string `json:"nextPageToken"`
}

type entry struct {
	ID     string   `json:"id"`
	Labels []string `json:"labelIds"`
}

func (r *reading) page(ctx context.Context) (*page, error) {
	query := url.Values{"maxResults": {strconv.Itoa(r.source.settings.page)}}
	if r.state.Token != "" {
		query.Set("pageToken", r.state.Token)
	}
	what := "/messages?"
	if r.state.Listing {
		query.Set("includeSpamTrash", "true")
		query.Set("fields", "messages(id),nextPageToken")
	} else {
		what = "/history?"
		query.Set("startHistoryId", r.state.History)
		query.Set("historyTypes", "messageAdded")
		query.Set("fields", "history(messagesAdded(message(id,labelIds))),historyId,nextPageToken")
	}
	p := &page{}
	if err := r.source.client.JSON(ctx, r.account.tokens, r.user()+what+query.Encode(), nil, p); err != nil {
		return nil, err
	}
	if len(p.Next) > 4096 || !r.state.Listing && p.Next == "" && !isHistory(p.History) {
		return nil, remote.Fail(remote.Temporary, "is it the right server?", "a page does not say what comes after it")
	}
	for _, record := range p.Records {
		for _, added := range record.Added {
			p.Messages = append(p.Messages, added.Message)
		}
	}
	return p, nil
}

// expired tells whether a history is no longer there.
func expired(err error) bool {
	said := rest.Said(err)
	return said != nil && said.Status == http.StatusNotFound
}

// badPage tells whether the server does not know a page any more, or its history does not.
func badPage(err error) bool {
	said := rest.Said(err)
	return said != nil && (said.Status == http.StatusBadRequest || said.Status == http.StatusNotFound)
}

// fresh are the messages of a page that have not been handed on. Drafts are no mail yet.
func (r *reading) fresh(p *page) []entry {
	list := slices.DeleteFunc(slices.Clone(p.Messages), func(e entry) bool { return slices.Contains(e.Labels, "DRAFT") })
	return hosted.Fresh(r.left, &r.state.Page, list, entry.id)
}

func (e entry) id() string { return e.ID }

// hand fetches messages and hands them on; cut says that the turn is over before the last.
func (r *reading) hand(ctx context.Context, list []entry) (cut bool, err error) {
	return hosted.Hand(ctx, r.left, r.source.cfg.Parallel, list, &r.account.stuck, entry.id, r.fetch,
		func(e entry, m *message) error { return r.emit(ctx, e, m) },
		func(e entry, problem error, remedy string) error {
			return r.emit(ctx, e, &message{problem: problem, remedy: remedy})
		})
}

// storedFor is after how long a historyId that is new is stored although nothing else is. Each is good for a week or so, so that
// an old one must not be kept for long.
const storedFor = time.Hour

// turnOver goes on to the next page, and says whether it was the last.
func (r *reading) turnOver(p *page) (ended bool, err error) {
	if err := r.left.Remember(&r.state.Page); err != nil {
		return false, err
	}
	next, now := r.state, time.Now()
	next.Token, next.Page, next.At = p.Next, hosted.Page{}, now.Unix()
	switch {
	case p.Next != "":
	case r.state.Listing:
		next.Listing = false
	default:
		next.History, ended = p.History, true
		if len(p.Messages) == 0 && r.state.Token == "" && now.Sub(time.Unix(r.state.At, 0)) < storedFor {
			return true, nil
		}
	}
	r.state = next
	return ended, r.advance()
}

// emit hands on one message, and how far the mailbox is read with it.
func (r *reading) emit(ctx context.Context, e entry, m *message) error {
	kept, err := r.kept(ctx, m)
	if err != nil {
		return err
	}
	nothing := len(m.Raw) == 0 || kept.State&source.Draft != 0
	r.state.Mark(e.ID, !nothing)
	r.left.Pay(len(m.Raw))
	place := r.source.Place(r.account.address)
	if m.problem != nil {
		r.session.Problem(source.Problem{Source: place + " (message " + rest.Line(e.ID) + ")", Err: m.problem, Remedy: m.remedy})
	}
	if nothing {
		return r.advance()
	}
	owner := r.account.address
	if kept.State&source.Sent != 0 && !slices.Contains(m.Labels, "INBOX") {
		owner = "" // what was sent went to those it names; unless it was sent to oneself
	}
	err = r.session.Emit(remote.Item{
		Item: source.Item{
			Source: place + "/" + hosted.Or(kept.Folder, allMail), Arg: place, Mailbox: owner, Raw: m.Raw, Kept: kept, Envelope: source.Envelope{Time: m.time()},
		},
		Key: r.key(), State: r.state.encode(),
	})
	if err != nil {
		return err
	}
	r.done++
	of := r.account.total
	if !r.state.Listing || of < r.done {
		of = 0
	}
	r.session.Progress(remote.Progress{Source: r.source.Name(), Mailbox: r.account.address, Done: r.done, Of: of})
	return nil
}

// listLabels asks for the names of labels.
func (r *reading) listLabels(ctx context.Context) error {
	var answer struct {
		Labels []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"labels"`
	}
	if err := r.source.client.JSON(ctx, r.account.tokens, r.user()+"/labels?fields=labels(id,name)", nil, &answer); err != nil {
		return fmt.Errorf("list labels: %w", err)
	}
	r.account.labels = map[string]string{}
	for _, l := range answer.Labels {
		r.account.labels[l.ID] = l.Name
	}
	return nil
}
