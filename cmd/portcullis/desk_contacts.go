package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/source"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/web"
	"portcullis.example/portcullis/internal/web/access"
)

// Contacts reads the caller's own mail again where it lies and ranks who wrote in confidence.
// The answer goes to the caller's screen and nowhere else.
func (d *deskService) Contacts(ctx context.Context) (out web.Contacts, err error) {
	c := caller(ctx)
	if err := d.decide(ctx, access.SeeContacts, d.about("contacts", c.Person)); err != nil {
		return out, err
	}
	p := d.dir.Person(c.Person)
	if p == nil {
		return out, web.ErrNotFound
	}
	out.Person, out.Until = d.person(p.ID), d.now()
	places, err := d.mailRecords().Places(ctx, p.ID)
	if err != nil {
		return out, d.plain(err)
	}
	places = filesOf(places)
	danger, unread, err := d.contacts.of(ctx, p.ID, places, func() (response.Danger, []string, error) { return d.endangered(ctx, p, places) })
	if err != nil {
		return out, d.plain(err)
	}
	out.Looked, out.Total = danger.Letters, len(danger.Contacts)+danger.More
	for _, one := range danger.Contacts {
		out.Rows = append(out.Rows, web.Contact{Name: one.Name, Address: one.Address, First: one.First, Last: one.Last, Count: one.Letters, Why: strings.Join(one.Reasons, "; ")})
		if out.Since.IsZero() || one.First.Before(out.Since) {
			out.Since = one.First
		}
	}
	out.Unknown = append(out.Unknown, "mail that was deleted, or lies where Portcullis has never read")
	if len(places) == 0 {
		out.Unknown = append(out.Unknown, "everything: none of your mail lies where this machine can read it; `portcullis contacts-in-danger` reads an export")
	}
	out.Unknown = append(out.Unknown, unread...)
	return out, nil
}

// Reading somebody's mail again for a page is bounded: in what is read, in time, and to one run at
// a time for one person, so that no number of reloads keeps the machine busy.
const (
	contactsMost = 200_000 // mails
	contactsTime = 45 * time.Second
	contactsLife = 5 * time.Minute // for which the answer is held in memory, for the member who asked; it is written nowhere
	contactsHeld = 100             // members
)

// contactsAsked holds what came of it for those who asked just now.
type contactsAsked struct {
	mu sync.Mutex
	by map[portcullis.ID]*contactsAnswer // guarded by mu
}

type contactsAnswer struct {
	mu     sync.Mutex // held while it is made
	places []string
	danger response.Danger
	unread []string
	known  bool
}

// of returns what was found a moment ago in the same places, or has it found.
func (c *contactsAsked) of(ctx context.Context, person portcullis.ID, places []string, find func() (response.Danger, []string, error)) (response.Danger, []string, error) {
	a := c.answer(person)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := ctx.Err(); err != nil { // who asked has gone while another run was waited for
		return response.Danger{}, nil, err
	}
	if a.known && slices.Equal(a.places, places) {
		return a.danger, a.unread, nil
	}
	danger, unread, err := find()
	if err == nil {
		a.places, a.danger, a.unread, a.known = places, danger, unread, true
		time.AfterFunc(contactsLife, func() { c.forget(person, a) })
	}
	return danger, unread, err
}

func (c *contactsAsked) answer(person portcullis.ID) *contactsAnswer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[person] == nil {
		if c.by == nil || len(c.by) >= contactsHeld {
			c.by = map[portcullis.ID]*contactsAnswer{}
		}
		c.by[person] = &contactsAnswer{}
	}
	return c.by[person]
}

func (c *contactsAsked) forget(person portcullis.ID, a *contactsAnswer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[person] == a {
		delete(c.by, person)
	}
}

// endangered walks the places where somebody's mail lies.
func (d *deskService) endangered(ctx context.Context, p *people.Person, places []string) (danger response.Danger, unread []string, err error) {
	whose := response.Whose{Own: owns(d.dir, p), Staff: worksFor(d.dir, p), House: inHouse(d.dir), Breach: time.Time{}}
	stop, read, began := errors.New("enough"), 0, time.Now()
	danger = response.ContactsInDanger(whose, func(yield func(response.Letter) bool) {
		err = source.Walk(ctx, places, source.Config{}, func(item source.Item) error {
			if read++; read > contactsMost || time.Since(began) > contactsTime {
				unread = append(unread, fmt.Sprintf("what lies beyond the first %s that were read; `portcullis contacts-in-danger` reads all", count(read-1, "mail")))
				return stop
			}
			l := letterOf(d.dir, item)
			if !whose.Own(l.From) && !slices.ContainsFunc(l.To, whose.Own) {
				return nil // somebody else's, in the same place
			}
			if !yield(l) {
				return stop
			}
			return nil
		}, func(p source.Problem) { unread = append(unread, printable(p.Source)+" could not be read") })
	})
	if errors.Is(err, stop) {
		err = nil
	}
	return danger, unread[:min(len(unread), 20)], err
}

// fewFiles is up to how many files are read one by one; of more, their folders.
const fewFiles = 200

// filesOf are the files that hold messages, or their folders: what is in an archive lies in
// the archive.
func filesOf(sources []string) (files []string) {
	for _, s := range sources {
		s, _, _ = strings.Cut(s, copySeparator)
		s, _, _ = strings.Cut(s, "!")
		files = append(files, s)
	}
	slices.Sort(files)
	if files = slices.Compact(files); len(files) > fewFiles {
		for i := range files {
			files[i] = filepath.Dir(files[i])
		}
		files = slices.Compact(files)
	}
	return slices.DeleteFunc(files, func(f string) bool { return !exists(f) })
}
